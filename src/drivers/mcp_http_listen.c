/* The GET stream of a legacy session, on which a server may ask and tell what belongs to no call,
 * and the small POSTs beside the calls: answers to a server's requests, and cancellations. All of
 * it costs memory only where a server makes use of it. See mcp_http.h. */
#include "base/clock.h"
#include "base/log.h"
#include "drivers/mcp_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTEN_ATTEMPTS = 5 }; /* to reconnect, in a row, before a session does without */

struct mcp_http_listener {
    struct mcp_http_session *session;
    struct mcp_http_worker *worker;
    struct mcp_http_call *opener; /* NULL once it was told */
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    struct loop_timer timer;
    struct sse_decoder decoder;
    struct http_header headers[4];
    char *last_id; /* NULL: no event had one */
    long retry_ms; /* -1: the server said none */
    unsigned attempts;
    bool accepted; /* the server has once answered GET with an event stream */
};

struct mcp_http_post {
    struct mcp_http_post *next, **link; /* in worker->sending */
    struct mcp_http_worker *worker;
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    struct http_header headers[4];
    char *body, *session_id;
};

static void listen_send(struct mcp_http_listener *listener);
static void listen_head(struct http_exchange *exchange);
static void listen_body(struct http_exchange *exchange, const char *bytes, size_t length,
                        bool last);
static void listen_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text);
static bool listen_event(void *context, const struct sse_event *event);
static void listen_message(struct mcp_http_listener *listener, const char *bytes, size_t length);
static void listen_again(struct mcp_http_listener *listener);
static void listen_timer(struct loop_timer *timer);
static void post(struct mcp_http_worker *worker, const struct mcp_http_session *session,
                 char *body);
static void post_over(struct mcp_http_post *post);
static void post_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last);
static void post_failed(struct http_exchange *exchange, const struct outcome *why,
                        const char *text);

static const struct http_exchange_events listen_events = {
    .head = listen_head, .body = listen_body, .failed = listen_failed};
static const struct http_exchange_events post_events = {.body = post_body, .failed = post_failed};

/* ---- the GET stream ---------------------------------------------------------------------------
 */

bool mcp_http_listen(struct mcp_http_session *session, struct mcp_http_worker *worker,
                     struct mcp_http_call *opener)
{
    const struct target_options *options = worker->owner->target->options;
    if (!options->listen || worker->listen_refused || session->listener)
        return false;
    struct mcp_http_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return false; /* a session works without it */
    listener->opener = opener;
    listener->session = session;
    listener->worker = worker;
    listener->timer.fired = listen_timer;
    listener->retry_ms = -1;
    session->listener = listener;
    sse_decoder_init(&listener->decoder, MCP_HTTP_EVENT_LIMIT);
    listen_send(listener);
    return true;
}

void mcp_http_listen_forget(struct mcp_http_session *session, const struct mcp_http_call *opener)
{
    if (session->listener && session->listener->opener == opener)
        session->listener->opener = NULL;
}

static void tell_opener(struct mcp_http_listener *listener)
{
    struct mcp_http_call *opener = listener->opener;
    listener->opener = NULL;
    if (opener)
        mcp_http_finish_later(opener, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
}

void mcp_http_unlisten(struct mcp_http_session *session, struct mcp_http_worker *worker)
{
    struct mcp_http_listener *listener = session->listener;
    if (!listener)
        return;
    tell_opener(listener);
    session->listener = NULL;
    loop_timer_stop(worker->owner->loop, &listener->timer);
    mcp_http_pool_cancel(&worker->gets, &listener->ticket);
    sse_decoder_free(&listener->decoder);
    free(listener->last_id);
    free(listener);
}

static void listen_send(struct mcp_http_listener *listener)
{
    const struct mcp_http_session *session = listener->session;
    struct http_exchange *exchange = &listener->exchange;
    size_t count = 0;
    listener->headers[count++] = mcp_http_accept_stream;
    for (uint32_t i = 2; i < session->header_count; i++)
        listener->headers[count++] = session->headers[i];
    if (listener->last_id)
        listener->headers[count++] = (struct http_header){"Last-Event-ID", listener->last_id};
    *exchange = (struct http_exchange){.events = &listen_events,
                                       .method = "GET",
                                       .headers = listener->headers,
                                       .header_count = count};
    mcp_http_pool_submit(&listener->worker->gets, &listener->ticket, exchange);
}

static void listen_head(struct http_exchange *exchange)
{
    struct mcp_http_listener *listener = container_of(exchange, struct mcp_http_listener, exchange);
    if (exchange->status == 200 && exchange->body_kind == HTTP_BODY_EVENT_STREAM) {
        listener->accepted = true;
        listener->attempts = 0;
        listener->worker->listen_answers = true;
        listener->worker->listen_silent = false;
        tell_opener(listener);
    }
}

static void listen_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_http_listener *listener = container_of(exchange, struct mcp_http_listener, exchange);
    struct mcp_http_worker *worker = listener->worker;
    bool stream = exchange->status == 200 && exchange->body_kind == HTTP_BODY_EVENT_STREAM;
    if (stream && length &&
        sse_decoder_feed(&listener->decoder, bytes, length, listen_event, listener) < 0)
        stream = false;
    if (stream && !last)
        return;
    if (last)
        mcp_http_pool_release(&worker->gets, &listener->ticket);
    if (stream) {
        listen_again(listener);
        return;
    }
    worker->listen_refused |= exchange->status == 405;
    mcp_http_unlisten(listener->session, worker); /* refused: do without */
}

static void listen_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text)
{
    struct mcp_http_listener *listener = container_of(exchange, struct mcp_http_listener, exchange);
    (void)why;
    (void)text;
    mcp_http_pool_release(&listener->worker->gets, &listener->ticket);
    listen_again(listener);
}

/* A stream that was there before is taken up again after the time the server asked for, longer
 * after each attempt that fails. */
static void listen_again(struct mcp_http_listener *listener)
{
    struct mcp_http_worker *worker = listener->worker;
    if (!listener->accepted || ++listener->attempts > LISTEN_ATTEMPTS) {
        mcp_http_unlisten(listener->session, worker);
        return;
    }
    uint64_t wait_ms =
        listener->retry_ms >= 0 ? (uint64_t)listener->retry_ms : (uint64_t)MCP_HTTP_RETRY_MS;
    sse_decoder_free(&listener->decoder);
    sse_decoder_init(&listener->decoder, MCP_HTTP_EVENT_LIMIT);
    loop_timer_start(worker->owner->loop, &listener->timer,
                     clock_now_ns() + (wait_ms << (listener->attempts - 1)) * NS_PER_MS);
}

static void listen_timer(struct loop_timer *timer)
{
    listen_send(container_of(timer, struct mcp_http_listener, timer));
}

static bool listen_event(void *context, const struct sse_event *event)
{
    struct mcp_http_listener *listener = context;
    if (event->retry_ms >= 0)
        listener->retry_ms = event->retry_ms;
    if (event->id[0] && (!listener->last_id || strcmp(listener->last_id, event->id) != 0)) {
        free(listener->last_id);
        listener->last_id = strdup(event->id);
    }
    if (event->has_data && event->length && strcmp(event->type, "message") == 0)
        listen_message(listener, event->data, event->length);
    return true;
}

static void listen_message(struct mcp_http_listener *listener, const char *bytes, size_t length)
{
    struct mcp_http_worker *worker = listener->worker;
    struct jsonrpc_message message;
    enum jsonrpc_kind kind = jsonrpc_scan(&message, bytes, length);
    size_t position = 0;
    struct span element;
    if (kind == JSONRPC_NOTIFICATION)
        worker->notifications++;
    else if (kind == JSONRPC_REQUEST)
        mcp_http_answer_request(worker, listener->session, &message);
    else if (kind == JSONRPC_BATCH && listener->session->revision->batches)
        while (jsonrpc_batch_next(bytes, length, &position, &element) && element.length &&
               element.start[0] != '[')
            listen_message(listener, element.start, element.length);
    else
        worker->unexpected++;
}

/* ---- POSTs beside the calls --------------------------------------------------------------------
 */

void mcp_http_answer_request(struct mcp_http_worker *worker, const struct mcp_http_session *session,
                             const struct jsonrpc_message *request)
{
    worker->server_requests++;
    post(worker, session, mcp_answer_server_request_text(request));
}

void mcp_http_post_cancelled(struct mcp_http_worker *worker, const struct mcp_http_session *session,
                             int64_t id, const char *reason)
{
    json_t *params = json_pack("{s:I, s:s}", "requestId", (json_int_t)id, "reason", reason);
    const struct mcp_revision *revision =
        session->revision ? session->revision : worker->target->mcp.revision;
    if (params)
        post(worker, session, mcp_notification_text(revision, "notifications/cancelled", params));
    json_decref(params);
}

/* `body` is taken over; NULL: memory is out, and the server will not hear from us. */
static void post(struct mcp_http_worker *worker, const struct mcp_http_session *session, char *body)
{
    struct mcp_http_post *post = body ? calloc(1, sizeof *post) : NULL;
    if (!post) {
        free(body);
        return;
    }
    post->worker = worker;
    post->body = body;
    memcpy(post->headers, session->headers, sizeof post->headers);
    if (mcp_http_session_has_id(session)) { /* the session may be gone before this is sent */
        post->session_id = strdup(session->id->text);
        post->headers[session->header_count - 1].value = post->session_id ? post->session_id : "";
    }
    post->exchange = (struct http_exchange){.events = &post_events,
                                            .method = "POST",
                                            .headers = post->headers,
                                            .header_count = session->header_count,
                                            .body_pieces = {{body, strlen(body)}},
                                            .body_piece_count = 1};
    post->next = worker->sending;
    post->link = &worker->sending;
    if (post->next)
        post->next->link = &post->next;
    worker->sending = post;
    mcp_http_pool_submit(&worker->posts, &post->ticket, &post->exchange);
}

static void post_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_http_post *post = container_of(exchange, struct mcp_http_post, exchange);
    (void)bytes;
    (void)length;
    if (exchange->status / 100 != 2) {
        post->worker->refused_answers++;
        log_debug("mcp_http: HTTP %d in answer to %s", exchange->status, post->body);
    }
    if (last)
        mcp_http_pool_release(&post->worker->posts, &post->ticket);
    else
        mcp_http_pool_cancel(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    struct mcp_http_post *post = container_of(exchange, struct mcp_http_post, exchange);
    post->worker->refused_answers++;
    log_debug("mcp_http: %s: %s: %s", outcome_kind_name(why->kind), text ? text : "", post->body);
    mcp_http_pool_release(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_over(struct mcp_http_post *post)
{
    *post->link = post->next;
    if (post->next)
        post->next->link = post->link;
    free(post->session_id);
    free(post->body);
    free(post);
}

void mcp_http_posts_discard(struct mcp_http_worker *worker)
{
    while (worker->sending)
        post_over(worker->sending);
}
