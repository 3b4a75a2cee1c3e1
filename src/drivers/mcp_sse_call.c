/* A call of the HTTP+SSE driver: a POST, which is only acknowledged, and the answer on the
 * connection's event stream, in either order. It is complete when both are there. See
 * mcp_sse_internal.h. */
#include "base/clock.h"
#include "base/template.h"
#include "drivers/mcp_sse_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reset(struct mcp_sse_call *part);
static void send_request(struct mcp_sse_call *part);
static void send_exchange(struct mcp_sse_call *part);
static void posted(struct http_exchange *exchange, const char *bytes, size_t length, bool last);
static void post_failed(struct http_exchange *exchange, const struct outcome *why,
                        const char *text);
static void post_is_over(struct mcp_sse_call *part);
static void answered(struct mcp_sse_pending *pending, const struct jsonrpc_message *message,
                     const char *bytes, size_t length);
static void lost(struct mcp_sse_pending *pending, const struct outcome *why, const char *text);
static void fail(struct mcp_sse_call *part, struct outcome outcome, const char *text);
static void finish(struct mcp_sse_call *part);
static void finish_task(struct loop_task *task);
static struct mcp_sse_connection *connection_of(struct mcp_sse_call *part);

static const struct http_exchange_events post_events = {.body = posted, .failed = post_failed};

/* ---- submit and cancel ----------------------------------------------------------------------- */

void mcp_sse_submit(struct call *call)
{
    mcp_sse_submit_raw(call, call->operation->driver_data, NULL);
}

void mcp_sse_submit_raw(struct call *call, const struct mcp_operation *operation,
                        const char *notification)
{
    struct mcp_sse_call *part = driver_part_of_call(call);
    reset(part);
    part->operation = operation;
    part->notification = notification;
    if (!notification) {
        send_request(part);
        return;
    }
    part->answered = true; /* none is due */
    part->exchange.body_pieces[0] = (struct iovec){(char *)notification, strlen(notification)};
    part->exchange.body_piece_count = 1;
    send_exchange(part);
}

static void reset(struct mcp_sse_call *part)
{
    size_t kept = offsetof(struct mcp_sse_call, ticket);
    memset((char *)part + kept, 0, sizeof *part - kept);
    part->task.run = finish_task;
    part->exchange.send_ns = part->exchange.sent_ns = 0;
    part->exchange.first_byte_ns = part->exchange.end_ns = 0;
    part->exchange.bytes_sent = part->exchange.bytes_received = 0;
    part->exchange.status = 0;
}

static void send_request(struct mcp_sse_call *part)
{
    struct call *call = mcp_sse_owner(part);
    struct mcp_sse_worker *worker = mcp_sse_worker_of(part);
    const struct mcp_operation *operation = part->operation;
    const char *missing = NULL;
    if (!operation || !operation->method) {
        fail(part, (struct outcome){OUTCOME_NOT_RUN, 0, "not_supported"},
             "HTTP+SSE has no such operation");
        return;
    }
    part->pending =
        (struct mcp_sse_pending){.id = ++worker->next_id, .answered = answered, .lost = lost};
    bool templated = operation->variants[call->variant % operation->variant_count].body;
    if (templated && !(part->body = mcp_http_body_take(&worker->free_bodies))) {
        fail(part, (struct outcome){OUTCOME_NOT_RUN, 0, "out_of_memory"}, "out of memory");
        return;
    }
    if (mcp_operation_body(operation, call->variant, part->pending.id, call->context,
                           part->id_digits, part->body ? &part->body->buffer : NULL,
                           part->exchange.body_pieces, &part->exchange.body_piece_count,
                           &missing) < 0) {
        fail(part, (struct outcome){OUTCOME_NOT_RUN, 0, "capture_missing"},
             missing ? missing : "the request could not be made");
        return;
    }
    mcp_sse_await(connection_of(part), &part->pending);
    send_exchange(part);
}

static void send_exchange(struct mcp_sse_call *part)
{
    struct http_exchange *exchange = &part->exchange;
    exchange->events = &post_events;
    exchange->method = "POST";
    exchange->path = connection_of(part)->post_path;
    exchange->headers = mcp_sse_post_headers;
    exchange->header_count = 1;
    connection_of(part)->posting++;
    mcp_http_pool_submit(&mcp_sse_worker_of(part)->posts, &part->ticket, exchange);
}

void mcp_sse_cancel(struct call *call, const struct outcome *why)
{
    struct mcp_sse_call *part = driver_part_of_call(call);
    struct mcp_sse_worker *worker = mcp_sse_worker_of(part);
    if (part->over)
        return;
    bool tell = !part->answered && part->exchange.send_ns && part->operation &&
                strcmp(part->operation->method, "initialize") != 0;
    if (tell) {
        json_t *params = json_pack("{s:I, s:s}", "requestId", (json_int_t)part->pending.id,
                                   "reason", outcome_kind_name(why->kind));
        if (params)
            mcp_sse_post(worker, connection_of(part)->post_path,
                         mcp_notification_text(worker->target->mcp.revision,
                                               "notifications/cancelled", params));
        json_decref(params);
    }
    if (!part->posted) {
        post_is_over(part);
        mcp_http_pool_cancel(&worker->posts, &part->ticket);
    }
    if (part->answered && part->operation) { /* only the acknowledgement was awaited */
        part->over = true;
        loop_defer(worker->owner->loop, &part->task);
        return;
    }
    fail(part, *why,
         why->kind == OUTCOME_TIMEOUT ? "no answer within the time limit"
                                      : "given up before the answer came");
}

/* ---- the POST ---------------------------------------------------------------------------------
 */

static void posted(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_sse_call *part = container_of(exchange, struct mcp_sse_call, exchange);
    struct mcp_http_pool *posts = &mcp_sse_worker_of(part)->posts;
    char text[160];
    post_is_over(part);
    if (last)
        mcp_http_pool_release(posts, &part->ticket);
    else
        mcp_http_pool_cancel(posts, &part->ticket);
    if (exchange->status / 100 == 2) {
        if (part->answered)
            finish(part);
        return;
    }
    struct jsonrpc_message message;
    struct outcome outcome = {OUTCOME_HTTP_STATUS, exchange->status, NULL};
    snprintf(text, sizeof text, "HTTP %d in answer to the POST", exchange->status);
    if (last && length && jsonrpc_scan(&message, bytes, length) == JSONRPC_ERROR)
        outcome = mcp_answer_judge(&message, mcp_sse_worker_of(part)->target->mcp.revision, "ping",
                                   NULL, text, sizeof text);
    fail(part, outcome, text);
}

static void post_failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    struct mcp_sse_call *part = container_of(exchange, struct mcp_sse_call, exchange);
    post_is_over(part);
    mcp_http_pool_release(&mcp_sse_worker_of(part)->posts, &part->ticket);
    if (part->answered && part->operation)
        finish(part); /* the server heard it, for it answered */
    else
        fail(part, *why, text);
}

static void post_is_over(struct mcp_sse_call *part)
{
    struct call *call = mcp_sse_owner(part);
    const struct http_exchange *exchange = &part->exchange;
    part->posted = true;
    connection_of(part)->posting--;
    if (!exchange->send_ns)
        return;
    call->send_ns = exchange->send_ns;
    call->sent_ns = exchange->sent_ns;
    if (!call->first_byte_ns && !part->operation) {
        call->first_byte_ns = exchange->first_byte_ns;
        call->end_ns = exchange->end_ns;
    }
    call->bytes_sent += exchange->bytes_sent;
    call->bytes_received += exchange->bytes_received;
    call->round_trips = 1;
}

/* ---- the answer -------------------------------------------------------------------------------
 */

static void answered(struct mcp_sse_pending *pending, const struct jsonrpc_message *message,
                     const char *bytes, size_t length)
{
    struct mcp_sse_call *part = container_of(pending, struct mcp_sse_call, pending);
    struct call *call = mcp_sse_owner(part);
    char text[256];
    part->answered = true;
    call->first_byte_ns = call->end_ns = clock_now_ns();
    call->bytes_received += length;
    part->outcome =
        mcp_answer_judge(message, mcp_sse_worker_of(part)->target->mcp.revision,
                         part->operation->method, part->operation->tool, text, sizeof text);
    if (part->outcome.kind != OUTCOME_OK)
        part->text = strdup(text);
    call->response = bytes;
    call->response_length = length;
    if (part->posted) {
        finish(part);
        return;
    }
    call->response = part->response = call->want_response ? strndup(bytes, length) : NULL;
}

/* The stream is gone, or the answer is unreadable. The POST may still be under way. */
static void lost(struct mcp_sse_pending *pending, const struct outcome *why, const char *text)
{
    struct mcp_sse_call *part = container_of(pending, struct mcp_sse_call, pending);
    if (!part->posted) {
        post_is_over(part);
        mcp_http_pool_cancel(&mcp_sse_worker_of(part)->posts, &part->ticket);
    }
    mcp_sse_forget(pending);
    part->outcome = *why;
    free(part->text);
    part->text = strdup(text ? text : "");
    finish(part);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void fail(struct mcp_sse_call *part, struct outcome outcome, const char *text)
{
    mcp_sse_forget(&part->pending);
    part->outcome = outcome;
    free(part->text);
    part->text = strdup(text ? text : "");
    part->over = true;
    loop_defer(mcp_sse_worker_of(part)->owner->loop, &part->task);
}

static void finish_task(struct loop_task *task)
{
    finish(container_of(task, struct mcp_sse_call, task));
}

static void finish(struct mcp_sse_call *part)
{
    struct call *call = mcp_sse_owner(part);
    struct mcp_sse_worker *worker = mcp_sse_worker_of(part);
    struct mcp_http_body *body = part->body;
    char *text = part->text, *response = part->response;
    loop_undefer(worker->owner->loop, &part->task);
    mcp_sse_forget(&part->pending);
    part->over = true;
    call->outcome = part->outcome;
    call->text = text;
    call->complete(call);

    free(text);
    free(response);
    mcp_http_body_give(&worker->free_bodies, body);
}

static struct mcp_sse_connection *connection_of(struct mcp_sse_call *part)
{
    return driver_part_of_connection(mcp_sse_owner(part)->connection);
}

char *mcp_sse_request_text(const struct call *call)
{
    struct mcp_sse_call *part = driver_part_of_call((struct call *)call);
    if (part->body && buffer_length(&part->body->buffer))
        return strndup(buffer_bytes(&part->body->buffer), buffer_length(&part->body->buffer));
    if (!part->operation || !part->operation->method)
        return NULL;
    return mcp_http_compose(
        &part->operation->variants[call->variant % part->operation->variant_count].text,
        part->pending.id);
}
