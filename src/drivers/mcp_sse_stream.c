/* One connection of the HTTP+SSE driver: the GET whose events carry every message of the server,
 * the endpoint it names first, and the handshake that makes it a session. See mcp_sse_internal.h.
 */
#include "base/clock.h"
#include "base/log.h"
#include "drivers/mcp_sse_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mcp_sse_handshake {
    struct mcp_sse_connection *connection;
    struct mcp_sse_pending pending;
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    char id_digits[24];
    bool initialized; /* the notification is under way, or was */
    bool posted, answered;
};

struct mcp_sse_post {
    struct mcp_sse_post *next, **link; /* in worker->sending */
    struct mcp_sse_worker *worker;
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    char *path, *body;
};

static struct connection *owner_of(struct mcp_sse_connection *part);
static struct mcp_sse_worker *worker_of(struct mcp_sse_connection *part);
static void http_opened(struct http_connection *http);
static void http_closed(struct http_connection *http, const struct outcome *why, const char *text);
static void stream_body(struct http_exchange *exchange, const char *bytes, size_t length,
                        bool last);
static void stream_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text);
static bool stream_event(void *context, const struct sse_event *event);
static void take_endpoint(struct mcp_sse_connection *part, const char *data, size_t length);
static void take_message(struct mcp_sse_connection *part, const char *bytes, size_t length,
                         bool in_batch);
static void take_response(struct mcp_sse_connection *part, const struct jsonrpc_message *message,
                          const char *bytes, size_t length);
static void blame(struct mcp_sse_connection *part, const char *detail, const char *text);
static void lose(struct mcp_sse_connection *part, struct outcome why, const char *text);
static void lost_task(struct loop_task *task);
static void timed_out(struct loop_timer *timer);
static void ready(struct mcp_sse_connection *part);
static void begin_handshake(struct mcp_sse_connection *part);
static void end_handshake(struct mcp_sse_connection *part);
static void handshake_posted(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last);
static void handshake_failed(struct http_exchange *exchange, const struct outcome *why,
                             const char *text);
static void handshake_answered(struct mcp_sse_pending *pending,
                               const struct jsonrpc_message *message, const char *bytes,
                               size_t length);
static void handshake_lost(struct mcp_sse_pending *pending, const struct outcome *why,
                           const char *text);
static void handshake_send(struct mcp_sse_handshake *handshake);
static void handshake_advance(struct mcp_sse_handshake *handshake);
static void post_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last);
static void post_failed(struct http_exchange *exchange, const struct outcome *why,
                        const char *text);
static void post_over(struct mcp_sse_post *post);

static const struct http_connection_events http_events = {.opened = http_opened,
                                                          .closed = http_closed};
static const struct http_exchange_events stream_events = {.body = stream_body,
                                                          .failed = stream_failed};
static const struct http_exchange_events handshake_events = {.body = handshake_posted,
                                                             .failed = handshake_failed};
static const struct http_exchange_events post_events = {.body = post_body, .failed = post_failed};

/* ---- connecting ------------------------------------------------------------------------------ */

void mcp_sse_connect(struct connection *connection)
{
    struct mcp_sse_connection *part = driver_part_of_connection(connection);
    struct mcp_sse_worker *worker = driver_part_of_worker(connection->worker);
    memset(part, 0, sizeof *part);
    part->timer.fired = timed_out;
    part->task.run = lost_task;
    part->headers[0] = mcp_http_accept_stream;
    sse_decoder_init(&part->decoder, MCP_HTTP_EVENT_LIMIT);
    http_connection_open(&part->http, connection->worker->loop, &worker->target->endpoint,
                         &http_events);
}

void mcp_sse_disconnect(struct connection *connection)
{
    struct mcp_sse_connection *part = driver_part_of_connection(connection);
    struct loop *loop = connection->worker->loop;
    loop_timer_stop(loop, &part->timer);
    loop_undefer(loop, &part->task);
    end_handshake(part);
    http_connection_close(&part->http);
    sse_decoder_free(&part->decoder);
    free(part->post_path);
    part->post_path = NULL;
}

static void http_opened(struct http_connection *http)
{
    struct mcp_sse_connection *part = container_of(http, struct mcp_sse_connection, http);
    struct connection *connection = owner_of(part);
    const struct stream *stream = &http->stream;
    connection->connect_ns = stream->connected_ns - stream->open_started_ns;
    connection->tls_ns = http->endpoint->tls ? stream->opened_ns - stream->connected_ns : 0;
    part->exchange = (struct http_exchange){
        .events = &stream_events, .method = "GET", .headers = part->headers, .header_count = 1};
    loop_timer_start(http->loop, &part->timer, clock_now_ns() + http->endpoint->connect_timeout_ns);
    http_connection_submit(http, &part->exchange);
}

static void http_closed(struct http_connection *http, const struct outcome *why, const char *text)
{
    lose(container_of(http, struct mcp_sse_connection, http), *why, text);
}

static void timed_out(struct loop_timer *timer)
{
    struct mcp_sse_connection *part = container_of(timer, struct mcp_sse_connection, timer);
    lose(part, (struct outcome){OUTCOME_CONNECT_TIMEOUT, 0, "handshake"},
         part->post_path ? "initialize was not answered on the event stream"
                         : "no \"endpoint\" event came on the event stream");
}

static void ready(struct mcp_sse_connection *part)
{
    struct connection *connection = owner_of(part);
    loop_timer_stop(part->http.loop, &part->timer);
    part->ready = true;
    connection->capacity = MCP_SSE_CALLS_PER_STREAM;
    connection->reusable = true;
    connection->opened(connection);
}

/* The stream is gone, and with it the session: everybody who waits is told, and then the engine;
 * all of that later, because it may come from anywhere. */
static void lose(struct mcp_sse_connection *part, struct outcome why, const char *text)
{
    if (part->lost)
        return;
    part->lost = true;
    part->why = why;
    snprintf(part->text, sizeof part->text, "%s", text ? text : "");
    owner_of(part)->reusable = false;
    loop_timer_stop(part->http.loop, &part->timer);
    loop_defer(part->http.loop, &part->task);
}

static void lost_task(struct loop_task *task)
{
    struct mcp_sse_connection *part = container_of(task, struct mcp_sse_connection, task);
    struct connection *connection = owner_of(part);
    struct outcome why = part->why;
    if (why.kind == OUTCOME_OK && part->pending)
        why = (struct outcome){OUTCOME_CONNECTION_RESET, 0, "stream_ended"};
    end_handshake(part);
    while (part->pending)
        part->pending->lost(part->pending, &why, part->text);
    if (part->posting) { /* answered, but their POSTs are not over: they come first */
        loop_defer(part->http.loop, &part->task);
        return;
    }
    http_connection_close(&part->http);
    connection->closed(connection, &part->why, part->text);
}

/* ---- the event stream -------------------------------------------------------------------------
 */

static void stream_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_sse_connection *part = container_of(exchange, struct mcp_sse_connection, exchange);
    char text[160];
    if (exchange->status != 200) {
        snprintf(text, sizeof text, "HTTP %d in answer to GET", exchange->status);
        lose(part, (struct outcome){OUTCOME_HTTP_STATUS, exchange->status, NULL}, text);
        return;
    }
    if (exchange->body_kind != HTTP_BODY_EVENT_STREAM) {
        snprintf(text, sizeof text, "Content-Type \"%s\" in answer to GET, not text/event-stream",
                 exchange->content_type);
        lose(part, (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "unexpected_content_type"},
             text);
        return;
    }
    if (length && !part->lost &&
        sse_decoder_feed(&part->decoder, bytes, length, stream_event, part) < 0)
        lose(part, (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "event_too_large"},
             "an event exceeds its limit");
    if (last)
        lose(part, (struct outcome){OUTCOME_CONNECTION_RESET, 0, "stream_ended"},
             "the server ended the event stream");
}

static void stream_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text)
{
    lose(container_of(exchange, struct mcp_sse_connection, exchange), *why, text);
}

static bool stream_event(void *context, const struct sse_event *event)
{
    struct mcp_sse_connection *part = context;
    if (!event->has_data || event->length == 0)
        return true;
    if (strcmp(event->type, "endpoint") == 0) {
        if (!part->post_path)
            take_endpoint(part, event->data, event->length);
    } else if (strcmp(event->type, "message") == 0) {
        take_message(part, event->data, event->length, false);
    }
    return !part->lost;
}

/* The endpoint must be of the same origin: messages, and with them our headers, go nowhere else. */
static void take_endpoint(struct mcp_sse_connection *part, const char *data, size_t length)
{
    struct mcp_sse_worker *worker = worker_of(part);
    struct url url = {0};
    struct error error = {0};
    char *reference = strndup(data, length);
    const struct outcome bad = {OUTCOME_PROTOCOL_VIOLATION, 0, "bad_endpoint"};
    if (!reference || url_resolve(&url, &worker->target->endpoint.url, reference, &error) < 0)
        lose(part, bad, "the \"endpoint\" event names no URL");
    else if (!url_same_origin(&url, &worker->target->endpoint.url))
        lose(part, bad, "the \"endpoint\" event names another origin");
    else
        part->post_path = strdup(url.path);
    free(reference);
    url_free(&url);
    if (part->lost || !part->post_path)
        return;
    if (worker->target->initialize.prefix)
        begin_handshake(part);
    else
        ready(part);
}

static void take_message(struct mcp_sse_connection *part, const char *bytes, size_t length,
                         bool in_batch)
{
    struct mcp_sse_worker *worker = worker_of(part);
    struct jsonrpc_message message;
    size_t position = 0;
    struct span element;
    switch (jsonrpc_scan(&message, bytes, length)) {
    case JSONRPC_RESULT:
    case JSONRPC_ERROR:
        take_response(part, &message, bytes, length);
        break;
    case JSONRPC_NOTIFICATION:
        worker->notifications++;
        break;
    case JSONRPC_REQUEST:
        worker->server_requests++;
        mcp_sse_post(worker, part->post_path, mcp_answer_server_request_text(&message));
        break;
    case JSONRPC_BATCH:
        while (!in_batch && jsonrpc_batch_next(bytes, length, &position, &element))
            take_message(part, element.start, element.length, true);
        break;
    case JSONRPC_INVALID:
        blame(part, "invalid_jsonrpc", "an event holds no JSON-RPC message");
        break;
    case JSONRPC_MALFORMED:
        blame(part, "malformed_json", "an event holds no JSON");
        break;
    }
}

/* An id that was given out before, and that nobody waits for, is of a call cancelled meanwhile, or
 * an answer given twice: the call it was for is over, so it is only counted. One that never was
 * given out stands for an answer that somebody is going to miss. */
static void take_response(struct mcp_sse_connection *part, const struct jsonrpc_message *message,
                          const char *bytes, size_t length)
{
    struct mcp_sse_worker *worker = worker_of(part);
    for (struct mcp_sse_pending *each = part->pending; each && message->id_is_integer;
         each = each->next) {
        if (each->id == message->id_integer) {
            mcp_sse_forget(each);
            each->answered(each, message, bytes, length);
            return;
        }
    }
    worker->unexpected++;
    if (!message->id_is_integer || message->id_integer <= worker->first_id ||
        message->id_integer > worker->next_id)
        blame(part, "wrong_id", "a response with an id that was never given out");
}

/* What cannot be attributed is put down to the call that has waited longest. */
static void blame(struct mcp_sse_connection *part, const char *detail, const char *text)
{
    struct mcp_sse_pending *oldest = part->pending;
    const struct outcome why = {OUTCOME_PROTOCOL_VIOLATION, 0, detail};
    while (oldest && oldest->next)
        oldest = oldest->next;
    if (oldest)
        oldest->lost(oldest, &why, text);
}

/* ---- who waits for what ------------------------------------------------------------------------
 */

void mcp_sse_await(struct mcp_sse_connection *part, struct mcp_sse_pending *pending)
{
    pending->next = part->pending;
    pending->link = &part->pending;
    if (pending->next)
        pending->next->link = &pending->next;
    part->pending = pending;
}

void mcp_sse_forget(struct mcp_sse_pending *pending)
{
    if (!pending->link)
        return;
    *pending->link = pending->next;
    if (pending->next)
        pending->next->link = pending->link;
    pending->link = NULL;
    pending->next = NULL;
}

/* ---- the handshake of a connection --------------------------------------------------------------
 */

static void begin_handshake(struct mcp_sse_connection *part)
{
    struct mcp_sse_worker *worker = worker_of(part);
    const struct mcp_request_text *text = &worker->target->initialize;
    struct mcp_sse_handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake) {
        lose(part, (struct outcome){OUTCOME_CONNECTION_RESET, 0, "out_of_memory"}, "out of memory");
        return;
    }
    part->handshake = handshake;
    handshake->connection = part;
    handshake->pending = (struct mcp_sse_pending){
        .id = ++worker->next_id, .answered = handshake_answered, .lost = handshake_lost};
    int digits = snprintf(handshake->id_digits, sizeof handshake->id_digits, "%" PRId64,
                          handshake->pending.id);
    handshake->exchange.body_pieces[0] = (struct iovec){text->prefix, text->prefix_length};
    handshake->exchange.body_pieces[1] = (struct iovec){handshake->id_digits, (size_t)digits};
    handshake->exchange.body_pieces[2] = (struct iovec){text->suffix, text->suffix_length};
    handshake->exchange.body_piece_count = 3;
    mcp_sse_await(part, &handshake->pending);
    handshake_send(handshake);
}

static void handshake_send(struct mcp_sse_handshake *handshake)
{
    handshake->exchange.events = &handshake_events;
    handshake->exchange.method = "POST";
    handshake->exchange.path = handshake->connection->post_path;
    handshake->exchange.headers = mcp_sse_post_headers;
    handshake->exchange.header_count = 1;
    handshake->posted = false;
    mcp_http_pool_submit(&worker_of(handshake->connection)->posts, &handshake->ticket,
                         &handshake->exchange);
}

static void handshake_posted(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last)
{
    struct mcp_sse_handshake *handshake =
        container_of(exchange, struct mcp_sse_handshake, exchange);
    struct mcp_http_pool *posts = &worker_of(handshake->connection)->posts;
    (void)bytes;
    (void)length;
    if (last)
        mcp_http_pool_release(posts, &handshake->ticket);
    else
        mcp_http_pool_cancel(posts, &handshake->ticket);
    handshake->posted = true;
    if (exchange->status / 100 != 2)
        lose(handshake->connection, (struct outcome){OUTCOME_HTTP_STATUS, exchange->status, NULL},
             "the handshake was refused");
    else
        handshake_advance(handshake);
}

static void handshake_failed(struct http_exchange *exchange, const struct outcome *why,
                             const char *text)
{
    struct mcp_sse_handshake *handshake =
        container_of(exchange, struct mcp_sse_handshake, exchange);
    mcp_http_pool_release(&worker_of(handshake->connection)->posts, &handshake->ticket);
    lose(handshake->connection, *why, text);
}

static void handshake_answered(struct mcp_sse_pending *pending,
                               const struct jsonrpc_message *message, const char *bytes,
                               size_t length)
{
    struct mcp_sse_handshake *handshake = container_of(pending, struct mcp_sse_handshake, pending);
    const struct mcp_revision *revision = worker_of(handshake->connection)->target->mcp.revision;
    char text[256];
    (void)bytes;
    (void)length;
    struct outcome outcome =
        mcp_answer_judge(message, revision, "initialize", NULL, text, sizeof text);
    if (outcome.kind != OUTCOME_OK) {
        lose(handshake->connection, outcome, text);
        return;
    }
    handshake->answered = true;
    handshake_advance(handshake);
}

static void handshake_lost(struct mcp_sse_pending *pending, const struct outcome *why,
                           const char *text)
{
    struct mcp_sse_handshake *handshake = container_of(pending, struct mcp_sse_handshake, pending);
    mcp_sse_forget(pending);
    lose(handshake->connection, *why, text);
}

static void handshake_advance(struct mcp_sse_handshake *handshake)
{
    struct mcp_sse_connection *part = handshake->connection;
    if (!handshake->posted || !handshake->answered)
        return;
    if (handshake->initialized) {
        end_handshake(part);
        ready(part);
        return;
    }
    char *text = worker_of(part)->target->initialized;
    handshake->initialized = true;
    handshake->exchange.body_pieces[0] = (struct iovec){text, strlen(text)};
    handshake->exchange.body_piece_count = 1;
    handshake_send(handshake);
}

static void end_handshake(struct mcp_sse_connection *part)
{
    struct mcp_sse_handshake *handshake = part->handshake;
    if (!handshake)
        return;
    part->handshake = NULL;
    mcp_sse_forget(&handshake->pending);
    mcp_http_pool_cancel(&worker_of(part)->posts, &handshake->ticket);
    free(handshake);
}

/* ---- POSTs beside the calls --------------------------------------------------------------------
 */

void mcp_sse_post(struct mcp_sse_worker *worker, const char *path, char *body)
{
    struct mcp_sse_post *post = body && path ? calloc(1, sizeof *post) : NULL;
    if (!post) {
        free(body);
        return;
    }
    post->worker = worker;
    post->body = body;
    post->path = strdup(path); /* the connection may be gone before this is sent */
    post->exchange = (struct http_exchange){.events = &post_events,
                                            .method = "POST",
                                            .path = post->path,
                                            .headers = mcp_sse_post_headers,
                                            .header_count = 1,
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
    struct mcp_sse_post *post = container_of(exchange, struct mcp_sse_post, exchange);
    (void)bytes;
    (void)length;
    post->worker->refused_answers += exchange->status / 100 != 2;
    if (last)
        mcp_http_pool_release(&post->worker->posts, &post->ticket);
    else
        mcp_http_pool_cancel(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    struct mcp_sse_post *post = container_of(exchange, struct mcp_sse_post, exchange);
    post->worker->refused_answers++;
    log_debug("mcp_sse: %s: %s", outcome_kind_name(why->kind), text ? text : "");
    mcp_http_pool_release(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_over(struct mcp_sse_post *post)
{
    *post->link = post->next;
    if (post->next)
        post->next->link = post->link;
    free(post->path);
    free(post->body);
    free(post);
}

void mcp_sse_posts_discard(struct mcp_sse_worker *worker)
{
    while (worker->sending)
        post_over(worker->sending);
}

/* ---- getting around ----------------------------------------------------------------------------
 */

static struct connection *owner_of(struct mcp_sse_connection *part)
{
    return (struct connection *)((char *)part - sizeof(struct connection));
}

static struct mcp_sse_worker *worker_of(struct mcp_sse_connection *part)
{
    return driver_part_of_worker(owner_of(part)->worker);
}
