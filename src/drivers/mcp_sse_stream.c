/* One connection of the HTTP+SSE driver: the GET whose events carry every message of the server,
 * and the endpoint it names first. See mcp_sse_internal.h. */
#include "base/clock.h"
#include "drivers/mcp_sse_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static void lost_task(struct loop_task *task);
static void timed_out(struct loop_timer *timer);

static const struct http_connection_events http_events = {.opened = http_opened,
                                                          .closed = http_closed};
static const struct http_exchange_events stream_events = {.body = stream_body,
                                                          .failed = stream_failed};

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
    mcp_sse_handshake_end(part);
    http_connection_close(&part->http);
    sse_decoder_free(&part->decoder);
    free(part->post_path);
    part->post_path = NULL;
}

static void http_opened(struct http_connection *http)
{
    struct mcp_sse_connection *part = container_of(http, struct mcp_sse_connection, http);
    struct connection *connection = mcp_sse_connection_owner(part);
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
    mcp_sse_lose(container_of(http, struct mcp_sse_connection, http), *why, text);
}

static void timed_out(struct loop_timer *timer)
{
    struct mcp_sse_connection *part = container_of(timer, struct mcp_sse_connection, timer);
    mcp_sse_lose(part, (struct outcome){OUTCOME_CONNECT_TIMEOUT, 0, "handshake"},
                 part->post_path ? "initialize was not answered on the event stream"
                                 : "no \"endpoint\" event came on the event stream");
}

void mcp_sse_ready(struct mcp_sse_connection *part)
{
    struct connection *connection = mcp_sse_connection_owner(part);
    loop_timer_stop(part->http.loop, &part->timer);
    part->ready = true;
    connection->capacity = MCP_SSE_CALLS_PER_STREAM;
    connection->reusable = true;
    connection->opened(connection);
}

/* The stream is gone, and with it the session: everybody who waits is told, and then the engine;
 * all of that later, because it may come from anywhere. */
void mcp_sse_lose(struct mcp_sse_connection *part, struct outcome why, const char *text)
{
    if (part->lost)
        return;
    part->lost = true;
    part->why = why;
    snprintf(part->text, sizeof part->text, "%s", text ? text : "");
    mcp_sse_connection_owner(part)->reusable = false;
    loop_timer_stop(part->http.loop, &part->timer);
    loop_defer(part->http.loop, &part->task);
}

static void lost_task(struct loop_task *task)
{
    struct mcp_sse_connection *part = container_of(task, struct mcp_sse_connection, task);
    struct connection *connection = mcp_sse_connection_owner(part);
    struct outcome why = part->why;
    if (why.kind == OUTCOME_OK && part->pending)
        why = (struct outcome){OUTCOME_CONNECTION_RESET, 0, "stream_ended"};
    mcp_sse_handshake_end(part);
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
        mcp_sse_lose(part, (struct outcome){OUTCOME_HTTP_STATUS, exchange->status, NULL}, text);
        return;
    }
    if (exchange->body_kind != HTTP_BODY_EVENT_STREAM) {
        snprintf(text, sizeof text, "Content-Type \"%s\" in answer to GET, not text/event-stream",
                 exchange->content_type);
        mcp_sse_lose(
            part, (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "unexpected_content_type"}, text);
        return;
    }
    if (length && !part->lost &&
        sse_decoder_feed(&part->decoder, bytes, length, stream_event, part) < 0)
        mcp_sse_lose(part, (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "event_too_large"},
                     "an event exceeds its limit");
    if (last)
        mcp_sse_lose(part, (struct outcome){OUTCOME_CONNECTION_RESET, 0, "stream_ended"},
                     "the server ended the event stream");
}

static void stream_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text)
{
    mcp_sse_lose(container_of(exchange, struct mcp_sse_connection, exchange), *why, text);
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
    struct mcp_sse_worker *worker = mcp_sse_connection_worker(part);
    struct url url = {0};
    struct error error = {0};
    char *reference = strndup(data, length);
    const struct outcome bad = {OUTCOME_PROTOCOL_VIOLATION, 0, "bad_endpoint"};
    if (!reference || url_resolve(&url, &worker->target->endpoint.url, reference, &error) < 0)
        mcp_sse_lose(part, bad, "the \"endpoint\" event names no URL");
    else if (!url_same_origin(&url, &worker->target->endpoint.url))
        mcp_sse_lose(part, bad, "the \"endpoint\" event names another origin");
    else
        part->post_path = strdup(url.path);
    free(reference);
    url_free(&url);
    if (part->lost || !part->post_path)
        return;
    if (worker->target->initialize.prefix)
        mcp_sse_handshake_begin(part);
    else
        mcp_sse_ready(part);
}

static void take_message(struct mcp_sse_connection *part, const char *bytes, size_t length,
                         bool in_batch)
{
    struct mcp_sse_worker *worker = mcp_sse_connection_worker(part);
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
    struct mcp_sse_worker *worker = mcp_sse_connection_worker(part);
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
