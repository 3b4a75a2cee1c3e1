/* One call of the Streamable HTTP driver from submit to complete. See mcp_http.h. */
#include "base/clock.h"
#include "base/template.h"
#include "drivers/mcp_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reset(struct mcp_http_call *part, struct call *call);
static void call_task(struct loop_task *task);
static void begin_churn(struct mcp_http_call *part);
static void send_notification(struct mcp_http_call *part);
static bool render(struct mcp_http_call *part, const char **missing);
static bool render_template(struct mcp_http_call *part, const char **missing);
static void set_text_pieces(struct mcp_http_call *part, const struct mcp_request_text *text);
static void set_headers(struct mcp_http_call *part);

static const struct outcome no_memory = {OUTCOME_NOT_RUN, 0, "out_of_memory"};

/* ---- submit and cancel ----------------------------------------------------------------------- */

void mcp_http_submit(struct call *call)
{
    struct mcp_http_call *part = mcp_http_part(call);
    const struct target *target = call->connection->worker->target;
    reset(part, call);
    if (call->operation == &target->session_open)
        mcp_http_session_begin(part);
    else if (call->operation == &target->session_close)
        mcp_http_session_end(part);
    else if (!part->operation || !part->operation->method)
        begin_churn(part);
    else
        mcp_http_send_request(part);
}

void mcp_http_submit_raw(struct call *call, const struct mcp_operation *operation,
                         const char *notification)
{
    struct mcp_http_call *part = mcp_http_part(call);
    reset(part, call);
    part->operation = operation;
    part->notification = notification;
    if (notification)
        send_notification(part);
    else
        mcp_http_send_request(part);
}

static void reset(struct mcp_http_call *part, struct call *call)
{
    size_t kept =
        offsetof(struct mcp_http_call, ticket); /* the exchange is filled when it is sent */
    memset((char *)part + kept, 0, sizeof *part - kept);
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    part->timer.fired = mcp_http_call_timer_fired;
    part->task.run = call_task;
    part->operation = call->operation->driver_data;
    if (worker->target->mcp.revision->era == MCP_ERA_LEGACY && call->session) {
        part->session = driver_part_of_session(call->session);
        if (!part->session->header_count)
            mcp_http_session_headers(part->session);
    }
    mcp_http_connection_of(part)->calls++;
}

static void begin_churn(struct mcp_http_call *part)
{
    part->own_session = calloc(1, sizeof *part->own_session);
    if (!part->own_session) {
        mcp_http_finish_later(part, no_memory, "out of memory");
        return;
    }
    part->session = part->own_session;
    mcp_http_session_headers(part->session);
    mcp_http_session_begin(part);
}

/* In the legacy era a lost connection does not cancel, so the server is told; never of initialize.
 * In the modern era closing the stream is the message. */
void mcp_http_cancel(struct call *call, const struct outcome *why)
{
    struct mcp_http_call *part = mcp_http_part(call);
    if (part->task.queued)
        return; /* it is over already */
    bool answered = part->answered_ns && !part->has_retry && part->stage == STAGE_REQUEST;
    bool tell = part->stage == STAGE_REQUEST && part->session && !part->answered_ns &&
                (part->exchange.send_ns || part->resuming || part->from_resumption);
    if (tell && !(part->operation && strcmp(part->operation->method, "initialize") == 0))
        mcp_http_post_cancelled(mcp_http_worker_of(part), part->session, part->id,
                                outcome_kind_name(why->kind));
    bool listening = part->stage == STAGE_LISTEN; /* the session stands */
    mcp_http_account(part);
    mcp_http_abort(part);
    mcp_http_session_leave(part);
    if (listening)
        mcp_http_finish_later(part, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
    else if (answered) /* only the end of its stream was awaited */
        mcp_http_finish_later(part, part->outcome, part->text);
    else
        mcp_http_finish_later(part, *why,
                              why->kind == OUTCOME_TIMEOUT ? "no answer within the time limit"
                                                           : "given up before the answer came");
}

void mcp_http_abort(struct mcp_http_call *part)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    loop_timer_stop(worker->owner->loop, &part->timer);
    part->resuming = false;
    if (part->ticket.exchange)
        mcp_http_pool_cancel(part->pool, &part->ticket);
    else if (part->exchange.connection)
        http_connection_abort(part->exchange.connection, &part->exchange);
    part->exchange.connection = NULL;
}

/* ---- sending --------------------------------------------------------------------------------- */

void mcp_http_send_request(struct mcp_http_call *part)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    const char *missing = NULL;
    mcp_http_owner(part)->response = NULL;
    part->stage = STAGE_REQUEST;
    part->id = ++worker->next_id;
    part->has_retry = false;
    if (part->session)
        part->generation = part->session->generation;
    if (!render(part, &missing)) {
        struct outcome outcome = {OUTCOME_NOT_RUN, 0,
                                  missing ? "capture_missing" : no_memory.detail};
        snprintf(worker->text, sizeof worker->text, "%s%s",
                 missing ? "nothing was captured for " : "the request could not be made",
                 missing ? missing : "");
        mcp_http_finish_later(part, outcome, worker->text);
        return;
    }
    part->exchange.events = &mcp_http_answer_events;
    part->exchange.method = "POST";
    set_headers(part);
    mcp_http_send(part);
}

static void send_notification(struct mcp_http_call *part)
{
    part->stage = STAGE_NOTIFY;
    part->exchange.events = &mcp_http_acknowledge_events;
    part->exchange.method = "POST";
    part->exchange.body_pieces[0] = (struct iovec){.iov_base = (char *)part->notification,
                                                   .iov_len = strlen(part->notification)};
    part->exchange.body_piece_count = 1;
    set_headers(part);
    mcp_http_send(part);
}

void mcp_http_send(struct mcp_http_call *part)
{
    mcp_http_stream_give(mcp_http_worker_of(part), part->stream);
    part->stream = NULL;
    part->from_resumption = false;
    mcp_http_dispatch(part);
}

void mcp_http_dispatch(struct mcp_http_call *part)
{
    struct mcp_http_connection *connection = mcp_http_connection_of(part);
    struct http_connection *http = &connection->http;
    part->answered_ns = 0;
    part->broken = false;
    part->outcome = (struct outcome){0};
    part->text = NULL;
    mcp_http_owner(part)->response = NULL;
    part->exchange.path = NULL;
    part->exchange.connection = NULL;
    part->exchange.status = 0;
    part->exchange.send_ns = part->exchange.sent_ns = 0;
    part->exchange.first_byte_ns = part->exchange.end_ns = 0;
    part->exchange.bytes_sent = part->exchange.bytes_received = 0;
    if (!connection->closed_pending && http->reusable && http->in_flight < http->capacity) {
        http_connection_submit(http, &part->exchange);
        return;
    }
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    part->pool = part->from_resumption ? &worker->gets : &worker->posts;
    mcp_http_pool_submit(part->pool, &part->ticket, &part->exchange);
}

static bool render(struct mcp_http_call *part, const char **missing)
{
    const struct call *call = mcp_http_owner(part);
    const struct mcp_variant *variant =
        &part->operation->variants[call->variant % part->operation->variant_count];
    if (part->request.prefix) { /* a retry with input responses */
        set_text_pieces(part, &part->request);
        return true;
    }
    if (variant->body)
        return render_template(part, missing);
    return mcp_operation_body(part->operation, call->variant, part->id, call->context,
                              part->id_digits, NULL, part->exchange.body_pieces,
                              &part->exchange.body_piece_count, missing) == 0;
}

static bool render_template(struct mcp_http_call *part, const char **missing)
{
    const struct call *call = mcp_http_owner(part);
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    const struct mcp_revision *revision = worker->target->mcp.revision;
    if (!part->body && !(part->body = mcp_http_body_take(&worker->free_bodies)))
        return false;
    if (mcp_operation_body(part->operation, call->variant, part->id, call->context, part->id_digits,
                           &part->body->buffer, part->exchange.body_pieces,
                           &part->exchange.body_piece_count, missing) < 0)
        return false;
    return revision->era == MCP_ERA_LEGACY ||
           mcp_http_headers_render(part->body, revision, part->operation) == 0;
}

static void set_text_pieces(struct mcp_http_call *part, const struct mcp_request_text *text)
{
    int digits = snprintf(part->id_digits, sizeof part->id_digits, "%" PRId64, part->id);
    struct iovec *pieces = part->exchange.body_pieces;
    pieces[0] = (struct iovec){.iov_base = text->prefix, .iov_len = text->prefix_length};
    pieces[1] = (struct iovec){.iov_base = part->id_digits, .iov_len = (size_t)digits};
    pieces[2] = (struct iovec){.iov_base = text->suffix, .iov_len = text->suffix_length};
    part->exchange.body_piece_count = 3;
}

static void set_headers(struct mcp_http_call *part)
{
    struct http_exchange *exchange = &part->exchange;
    if (part->session) {
        exchange->headers = part->session->headers;
        exchange->header_count = part->session->header_count;
        return;
    }
    const struct mcp_http_headers *prepared =
        part->operation ? part->operation->transport_data : NULL;
    if (prepared)
        prepared += mcp_http_owner(part)->variant % part->operation->variant_count;
    if (part->body && part->body->header_count) {
        exchange->headers = part->body->headers;
        exchange->header_count = part->body->header_count;
    } else if (prepared && prepared->headers) {
        exchange->headers = prepared->headers;
        exchange->header_count = prepared->count;
    } else {
        exchange->headers = mcp_http_post_headers;
        exchange->header_count = 2;
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void mcp_http_account(struct mcp_http_call *part)
{
    struct call *call = mcp_http_owner(part);
    struct http_exchange *exchange = &part->exchange;
    if (!exchange->send_ns)
        return;
    if (!call->send_ns) {
        call->send_ns = exchange->send_ns;
        call->sent_ns = exchange->sent_ns;
    }
    call->first_byte_ns = exchange->first_byte_ns;
    call->end_ns = part->answered_ns ? part->answered_ns : exchange->end_ns;
    call->bytes_sent += exchange->bytes_sent;
    call->bytes_received += exchange->bytes_received;
    call->round_trips++;
    exchange->send_ns = 0;
}

void mcp_http_over(struct mcp_http_call *part)
{
    mcp_http_account(part);
    part->exchange.connection = NULL;
    if (part->ticket.exchange)
        mcp_http_pool_release(part->pool, &part->ticket);
}

void mcp_http_concluded(struct mcp_http_call *part)
{
    if (part->stage != STAGE_REQUEST) {
        mcp_http_session_advance(part);
    } else if (part->has_retry) {
        part->rounds++;
        mcp_http_send_request(part);
    } else {
        mcp_http_finish(part, part->outcome, part->text);
    }
}

void mcp_http_finish_later(struct mcp_http_call *part, struct outcome outcome, const char *text)
{
    part->outcome = outcome;
    part->text = text;
    loop_defer(mcp_http_worker_of(part)->owner->loop, &part->task);
}

static void call_task(struct loop_task *task)
{
    struct mcp_http_call *part = container_of(task, struct mcp_http_call, task);
    mcp_http_finish(part, part->outcome, part->text);
}

/* What the call borrowed is given back after `complete`, which may look at it, and may submit the
 * same call again or close the connection. */
void mcp_http_finish(struct mcp_http_call *part, struct outcome outcome, const char *text)
{
    struct call *call = mcp_http_owner(part);
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    struct mcp_http_connection *connection = mcp_http_connection_of(part);
    struct mcp_http_stream *stream = part->stream;
    struct mcp_http_body *body = part->body;
    struct mcp_http_session *own_session = part->own_session;
    struct mcp_request_text request_text = part->request;
    struct http_header *headers = part->headers.headers;

    mcp_http_session_leave(part);
    loop_timer_stop(worker->owner->loop, &part->timer);
    loop_undefer(worker->owner->loop, &part->task);
    part->stage = STAGE_IDLE;
    connection->calls--;
    call->connection->reusable = connection->http.reusable && !connection->closed_pending;
    call->connection->capacity = connection->http.capacity; /* HTTP/2: the peer may change it */
    if (connection->closed_pending && !connection->calls)
        loop_defer(worker->owner->loop, &connection->task);
    call->outcome = outcome;
    call->text = text;
    call->complete(call);

    mcp_http_stream_give(worker, stream);
    mcp_http_body_give(&worker->free_bodies, body);
    mcp_request_text_free(&request_text);
    free(headers);
    if (own_session) {
        mcp_http_session_reset(own_session, worker);
        free(own_session);
    }
}

struct mcp_http_body *mcp_http_body_take(struct mcp_http_body **pool)
{
    struct mcp_http_body *body = *pool;
    if (body) {
        *pool = body->next;
    } else if ((body = calloc(1, sizeof *body))) {
        buffer_init(&body->buffer, MCP_HTTP_EVENT_LIMIT);
        buffer_init(&body->values, MCP_HTTP_EVENT_LIMIT);
    }
    if (body)
        body->header_count = 0;
    return body;
}

void mcp_http_body_give(struct mcp_http_body **pool, struct mcp_http_body *body)
{
    if (!body)
        return;
    body->next = *pool;
    *pool = body;
}

void mcp_http_body_free(struct mcp_http_body *body)
{
    buffer_free(&body->buffer);
    buffer_free(&body->values);
    free(body->headers);
    free(body);
}

/* ---- examples -------------------------------------------------------------------------------- */

char *mcp_http_request_text(const struct call *call)
{
    struct mcp_http_call *part = mcp_http_part(call);
    const struct target *target = call->connection->worker->target;
    const struct mcp_http_target *http = target->driver_data;
    const struct mcp_request_text *text = &part->request;
    if (part->body && buffer_length(&part->body->buffer))
        return strndup(buffer_bytes(&part->body->buffer), buffer_length(&part->body->buffer));
    if (call->operation == &target->session_open)
        text = &http->initialize;
    else if (!text->prefix && part->operation && part->operation->method)
        text = &part->operation->variants[call->variant % part->operation->variant_count].text;
    return mcp_http_compose(text, part->id);
}

char *mcp_http_compose(const struct mcp_request_text *text, int64_t id)
{
    struct buffer output;
    if (!text->prefix)
        return NULL;
    buffer_init(&output, MCP_HTTP_EVENT_LIMIT);
    if (buffer_append(&output, text->prefix, text->prefix_length) < 0 ||
        buffer_printf(&output, "%" PRId64, id) < 0 ||
        buffer_append(&output, text->suffix, text->suffix_length) < 0) {
        buffer_free(&output);
        return NULL;
    }
    return buffer_take_string(&output);
}
