/* HTTP/2 on a connection (RFC 9113): many exchanges at once through an nghttp2 client session.
 *
 * Requests submitted in one iteration of the loop leave in one write. A response body that arrives
 * in one DATA frame is delivered where it lies in the read. Callbacks of an owner run inside
 * nghttp2's, where the session must not be deleted: `busy` counts us in, and the last one out frees
 * it. */
#include "base/clock.h"
#include "net/http2_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    MOST_HEADERS = 128,            /* of a request */
    OUTPUT_HIGH_WATER = 256 << 10, /* stop composing frames while the socket lags this far behind */
    LAST_STREAM_ID = INT32_MAX - 4096, /* near the end of the numbers a connection may use */
};

static void on_readable(struct stream *stream);
static void on_writable(struct stream *stream);
static void on_failed(struct stream *stream, const struct outcome *why, const char *text);
static void on_deferred(struct loop_task *task);
static void on_settings_timeout(struct loop_timer *timer);
static bool flush(struct http2 *http2);
static const struct stream_events stream_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- lifetime ----------------------------------------------------------------------------------
 */

static void destroy(struct http2 *http2)
{
    for (struct http2_stream *stream = http2->streams, *next; stream; stream = next) {
        next = stream->next;
        buffer_free(&stream->body);
        free(stream);
    }
    nghttp2_session_del(http2->session);
    buffer_free(&http2->output);
    free(http2);
}

static void enter(struct http2 *http2)
{
    http2->busy++;
}

/* False when the connection was closed meanwhile: then nothing of it may be touched. */
static bool leave(struct http2 *http2)
{
    bool closed = http2->closed;
    if (--http2->busy == 0 && closed)
        destroy(http2);
    return !closed;
}

int http2_open(struct http_connection *connection)
{
    struct http2 *http2 = calloc(1, sizeof *http2);
    if (!http2)
        return -1;
    *http2 = (struct http2){.connection = connection,
                            .task = {.run = on_deferred},
                            .settings_timer = {.fired = on_settings_timeout}};
    buffer_init(&http2->output, SIZE_MAX / 2);
    http2->session = http2_session_new(http2);
    uint64_t deadline = connection->stream.deadline_ns;
    if (!http2->session ||
        (deadline != UINT64_MAX &&
         loop_timer_start(connection->loop, &http2->settings_timer, deadline) < 0)) {
        destroy(http2);
        return -1;
    }
    connection->http2_session = http2;
    connection->stream.events = &stream_events;
    loop_defer(connection->loop, &http2->task); /* preface and SETTINGS */
    return 0;
}

void http2_close(struct http_connection *connection)
{
    struct http2 *http2 = connection->http2_session;
    if (!http2)
        return;
    for (struct http2_stream *stream = http2->streams; stream; stream = stream->next)
        if (stream->exchange)
            stream->exchange->connection = NULL;
    for (struct http_exchange *exchange = http2->refused; exchange;
         exchange = exchange->next_refused)
        exchange->connection = NULL;
    loop_undefer(connection->loop, &http2->task);
    loop_timer_stop(connection->loop, &http2->settings_timer);
    connection->http2_session = NULL;
    http2->closed = true;
    if (http2->busy == 0)
        destroy(http2);
}

static struct http2 *http2_of(struct stream *stream)
{
    return container_of(stream, struct http_connection, stream)->http2_session;
}

void http2_stream_delete(struct http2 *http2, struct http2_stream *stream)
{
    if (http2->in_place == stream)
        http2->in_place = NULL;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        http2->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    buffer_free(&stream->body);
    free(stream);
}

/* ---- how an exchange ends
 * ------------------------------------------------------------------------ */

/* Take the exchange away from its stream; it is the owner's again. */
static struct http_exchange *detach(struct http2 *http2, struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    stream->exchange = NULL;
    exchange->connection = NULL;
    http2->connection->in_flight--;
    return exchange;
}

void http2_fail_stream(struct http2 *http2, struct http2_stream *stream, const struct outcome *why,
                       const char *text)
{
    if (!stream->exchange)
        return;
    struct http_exchange *exchange = detach(http2, stream);
    exchange->end_ns = clock_now_ns();
    exchange->events->failed(exchange, why, text);
}

/* Close with everything under way failed, and tell the owner. Not to be called from nghttp2's
 * callbacks. */
static void end_connection(struct http2 *http2, const struct outcome *why, const char *text)
{
    struct http_connection *connection = http2->connection;
    struct outcome connection_why = *why;
    if (why->kind == OUTCOME_OK && connection->in_flight)
        connection_why = (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "reset"};
    struct outcome exchange_why = connection_why;
    connection->reusable = false;
    stream_close(&connection->stream);
    enter(http2);
    for (struct http2_stream *stream = http2->streams; stream && !http2->closed;
         stream = stream->next) {
        if (!stream->exchange)
            continue;
        if (exchange_why.kind == OUTCOME_CONNECTION_RESET)
            exchange_why.detail = stream->head_complete ? "half_body" : "closed_before_answer";
        http2_fail_stream(http2, stream, &exchange_why, text);
    }
    while (!http2->closed && http2->refused) {
        struct http_exchange *exchange = http2->refused;
        http2->refused = exchange->next_refused;
        exchange->connection = NULL;
        connection->in_flight--;
        exchange->events->failed(exchange, &exchange_why, text);
    }
    if (!leave(http2))
        return;
    http_connection_close(connection);
    connection->events->closed(connection, &connection_why, text);
}

void http2_finish_stream(struct http2 *http2, struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    if (!exchange)
        return;
    const char *bytes = stream->piece_length ? stream->piece : "";
    size_t length = stream->piece_length;
    if (buffer_length(&stream->body)) {
        bytes = buffer_bytes(&stream->body);
        length = buffer_length(&stream->body);
    }
    if (!stream->request_composed) /* answered early: do not send the rest */
        nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    exchange->end_ns = http2->read_ns;
    detach(http2, stream);
    exchange->events->body(exchange, bytes, length, true);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

struct header_list {
    nghttp2_nv items[MOST_HEADERS];
    size_t count;
    bool overflow;
};

static void add_header(struct header_list *list, const char *name, const char *value)
{
    if (list->count == MOST_HEADERS) {
        list->overflow = true;
        return;
    }
    list->items[list->count++] = (nghttp2_nv){.name = (uint8_t *)name,
                                              .value = (uint8_t *)value,
                                              .namelen = strlen(name),
                                              .valuelen = strlen(value)};
}

/* Headers that belong to an HTTP/1.1 connection (RFC 9113, 8.2.2), and Host, which is :authority.
 */
static bool belongs_to_http1(const char *name)
{
    static const char *const names[] = {
        "host",    "connection",    "keep-alive", "proxy-connection", "transfer-encoding",
        "upgrade", "content-length"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static void add_headers(struct header_list *list, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (belongs_to_http1(headers[i].name))
            continue;
        if (!http_header_is_valid(&headers[i]))
            list->overflow = true;
        add_header(list, headers[i].name, headers[i].value);
    }
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct http2_stream *stream = source->ptr;
    size_t left = stream->request_length - stream->request_offset;
    size_t count = left < size ? left : size;
    (void)session;
    (void)id;
    (void)context;
    memcpy(to, stream->request + stream->request_offset, count);
    stream->request_offset += count;
    if (count == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

/* Have the task report that this exchange was not sent. */
static void refuse(struct http2 *http2, struct http_exchange *exchange)
{
    exchange->next_refused = http2->refused;
    http2->refused = exchange;
    loop_defer(http2->connection->loop, &http2->task);
}

static struct http2_stream *stream_new(struct http2 *http2, struct http_exchange *exchange)
{
    size_t length = 0;
    for (int i = 0; i < exchange->body_piece_count; i++)
        length += exchange->body_pieces[i].iov_len;
    struct http2_stream *stream = malloc(sizeof *stream + length);
    if (!stream)
        return NULL;
    *stream = (struct http2_stream){
        .exchange = exchange, .next = http2->streams, .request_length = length};
    char *to = stream->request;
    for (int i = 0; i < exchange->body_piece_count; i++) {
        memcpy(to, exchange->body_pieces[i].iov_base, exchange->body_pieces[i].iov_len);
        to += exchange->body_pieces[i].iov_len;
    }
    buffer_init(&stream->body, http2->connection->endpoint->body_limit);
    if (http2->streams)
        http2->streams->previous = stream;
    http2->streams = stream;
    return stream;
}

void http2_submit(struct http_connection *connection, struct http_exchange *exchange)
{
    struct http2 *http2 = connection->http2_session;
    const struct http_endpoint *endpoint = connection->endpoint;
    struct header_list list = {.count = 0};
    struct http2_stream *stream = stream_new(http2, exchange);
    char length_text[24];
    if (!stream) {
        refuse(http2, exchange);
        return;
    }
    add_header(&list, ":method", exchange->method);
    add_header(&list, ":scheme", endpoint->url.scheme);
    add_header(&list, ":authority", endpoint->authority);
    add_header(&list, ":path", exchange->path ? exchange->path : endpoint->url.path);
    add_headers(&list, endpoint->headers, endpoint->header_count);
    add_headers(&list, exchange->headers, exchange->header_count);
    if (stream->request_length || exchange->method[0] == 'P') {
        snprintf(length_text, sizeof length_text, "%zu", stream->request_length);
        add_header(&list, "content-length", length_text);
    }
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = read_request};
    int32_t id = list.overflow
                     ? NGHTTP2_ERR_INVALID_ARGUMENT
                     : nghttp2_submit_request(http2->session, NULL, list.items, list.count,
                                              stream->request_length ? &body : NULL, stream);
    if (id < 0) {
        http2_stream_delete(http2, stream);
        refuse(http2, exchange);
        return;
    }
    stream->id = exchange->stream_id = id;
    if (id >= LAST_STREAM_ID)
        connection->reusable = false;
    if (!http2->reading) /* else it is flushed when the read has been dealt with */
        loop_defer(connection->loop, &http2->task);
}

void http2_abort(struct http_connection *connection, struct http_exchange *exchange)
{
    struct http2 *http2 = connection->http2_session;
    for (struct http_exchange **link = &http2->refused; *link; link = &(*link)->next_refused)
        if (*link == exchange) {
            *link = exchange->next_refused;
            return;
        }
    for (struct http2_stream *stream = http2->streams; stream; stream = stream->next) {
        if (stream->exchange != exchange)
            continue;
        stream->exchange = NULL;
        nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
        loop_defer(connection->loop, &http2->task);
        return;
    }
}

/* ---- output ------------------------------------------------------------------------------------
 */

/* Every request composed so far has left. */
static void mark_sent(struct http2 *http2)
{
    uint64_t now = clock_now_ns();
    http2->composed_unsent = false;
    for (struct http2_stream *stream = http2->streams; stream; stream = stream->next)
        if (stream->exchange && stream->request_composed && !stream->exchange->sent_ns)
            stream->exchange->sent_ns = now;
}

/* Compose the frames that nghttp2 has ready and write them. False when the connection is gone. */
static bool flush(struct http2 *http2)
{
    struct http_connection *connection = http2->connection;
    struct outcome why = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
    enter(http2);
    while (!http2->closed && buffer_length(&http2->output) < OUTPUT_HIGH_WATER) {
        const uint8_t *bytes;
        ssize_t count = nghttp2_session_mem_send(http2->session, &bytes);
        if (count == 0)
            break;
        if (count < 0 || buffer_append(&http2->output, bytes, (size_t)count) < 0) {
            if (leave(http2))
                end_connection(http2, &why, "the HTTP/2 session ran out of memory");
            return false;
        }
    }
    if (!leave(http2))
        return false;
    size_t length = buffer_length(&http2->output);
    struct iovec piece = {.iov_base = buffer_bytes(&http2->output), .iov_len = length};
    ssize_t written = length ? stream_write(&connection->stream, &piece, 1) : 0;
    if (written < 0)
        return true; /* on_failed follows */
    buffer_consume(&http2->output, (size_t)written);
    if ((size_t)written == length && http2->composed_unsent)
        mark_sent(http2);
    if (buffer_length(&http2->output) == 0 && connection->in_flight == 0)
        buffer_free(&http2->output);
    return true;
}

/* After input or output: the session may have come to its end. */
static void check_end(struct http2 *http2)
{
    if (nghttp2_session_want_read(http2->session) || nghttp2_session_want_write(http2->session) ||
        buffer_length(&http2->output))
        return;
    struct outcome why = {.kind = OUTCOME_OK};
    char text[160] = "the server ended the HTTP/2 session";
    if (http2->own_error_code) {
        why = (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "bad_http2"};
        snprintf(text, sizeof text, "the server broke the HTTP/2 protocol: %s",
                 nghttp2_http2_strerror(http2->own_error_code));
    }
    end_connection(http2, &why, text);
}

static void on_writable(struct stream *stream)
{
    struct http2 *http2 = http2_of(stream);
    if (flush(http2))
        check_end(http2);
}

static void on_deferred(struct loop_task *task)
{
    struct http2 *http2 = container_of(task, struct http2, task);
    struct outcome why = {.kind = OUTCOME_NOT_RUN, .detail = "bad_request_header"};
    enter(http2);
    while (!http2->closed && http2->refused) {
        struct http_exchange *exchange = http2->refused;
        http2->refused = exchange->next_refused;
        exchange->connection = NULL;
        http2->connection->in_flight--;
        exchange->events->failed(exchange, &why,
                                 "the request cannot be sent: a header has a character that is not "
                                 "allowed, there are too many, or memory is short");
    }
    if (leave(http2) && flush(http2))
        check_end(http2);
}

/* ---- input -------------------------------------------------------------------------------------
 */

/* Keep the piece of body that lies in input about to be overwritten. */
int http2_keep_piece(struct http2 *http2)
{
    struct http2_stream *stream = http2->in_place;
    if (!stream)
        return 0;
    http2->in_place = NULL;
    int result = buffer_append(&stream->body, stream->piece, stream->piece_length);
    stream->piece_length = 0;
    return result;
}

static void on_readable(struct stream *stream)
{
    struct http2 *http2 = http2_of(stream);
    char *scratch = stream->loop->scratch;
    ssize_t count = stream_read(stream, scratch, LOOP_SCRATCH_SIZE);
    struct outcome why = {.kind = OUTCOME_OK};
    if (count < 0)
        return;
    if (count == 0) {
        end_connection(http2, &why, "the server closed the connection");
        return;
    }
    http2->read_ns = clock_now_ns();
    http2->reading = true;
    enter(http2);
    ssize_t used = nghttp2_session_mem_recv(http2->session, (uint8_t *)scratch, (size_t)count);
    http2->reading = false;
    if (!leave(http2))
        return;
    if (used < 0 || http2_keep_piece(http2) < 0) {
        why = used < 0 ? (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "bad_http2"}
                       : (struct outcome){.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
        end_connection(http2, &why, used < 0 ? nghttp2_strerror((int)used) : "out of memory");
        return;
    }
    if (flush(http2))
        check_end(http2);
}

static void on_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    end_connection(http2_of(stream), why, text);
}

static void on_settings_timeout(struct loop_timer *timer)
{
    struct http2 *http2 = container_of(timer, struct http2, settings_timer);
    struct outcome why = {.kind = OUTCOME_CONNECT_TIMEOUT, .detail = "http2_settings"};
    end_connection(http2, &why, "the server sent no HTTP/2 SETTINGS within the connect timeout");
}
