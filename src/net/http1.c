/* HTTP/1.1 on a connection: one exchange at a time, one write and one read for a short one.
 *
 * Requests are composed on the stack and written inside submit; responses are read into the loop's
 * scratch memory and parsed there. A connection keeps memory only for what a full socket did not
 * take and what a read did not complete. Every callback may close and free the connection: after
 * one, only the `gone` flag on our own stack says whether there is anything left to touch. */
#include "base/clock.h"
#include "net/http1_parser.h"
#include "net/http_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    STACK_REQUEST_SIZE =
        16 * 1024, /* larger requests are composed on the heap or written in pieces */
    OUTPUT_LIMIT = 1024 * 1024 * 1024,
};

enum pending { PENDING_NOTHING, PENDING_REFUSAL, PENDING_ABORTED };

struct http1 {
    struct http_connection *connection;
    struct http_exchange *exchange; /* under way, or NULL */
    bool *gone;                     /* set when closed inside a callback; NULL outside of one */
    struct buffer output;           /* what the socket did not take yet */
    struct http1_parser parser;
    struct loop_task task; /* what submit and abort may not call themselves */
    const char *refusal;   /* detail of PENDING_REFUSAL */
    enum pending pending;
};

static void on_readable(struct stream *stream);
static void on_writable(struct stream *stream);
static void on_failed(struct stream *stream, const struct outcome *why, const char *text);
static void on_deferred(struct loop_task *task);
static const struct stream_events stream_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

int http1_open(struct http_connection *connection)
{
    struct http1 *http1 = calloc(1, sizeof *http1);
    if (!http1)
        return -1;
    http1->connection = connection;
    http1->task.run = on_deferred;
    buffer_init(&http1->output, OUTPUT_LIMIT);
    http1_parser_init(&http1->parser, connection->endpoint->head_limit,
                      connection->endpoint->body_limit);
    connection->http1 = http1;
    connection->stream.events = &stream_events;
    connection->capacity = 1;
    connection->reusable = true;
    return 0;
}

void http1_close(struct http_connection *connection)
{
    struct http1 *http1 = connection->http1;
    if (!http1)
        return;
    if (http1->gone)
        *http1->gone = true;
    if (http1->exchange)
        http1->exchange->connection = NULL;
    loop_undefer(connection->loop, &http1->task);
    buffer_free(&http1->output);
    http1_parser_free(&http1->parser);
    free(http1);
    connection->http1 = NULL;
}

static struct http1 *http1_of(struct stream *stream)
{
    return container_of(stream, struct http_connection, stream)->http1;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static char *put(char *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

static char *put_number(char *to, size_t number)
{
    char digits[24];
    size_t length = 0;
    do
        digits[length++] = (char)('0' + number % 10);
    while (number /= 10);
    while (length)
        *to++ = digits[--length];
    return to;
}

static size_t body_length(const struct http_exchange *exchange)
{
    size_t length = 0;
    for (int i = 0; i < exchange->body_piece_count; i++)
        length += exchange->body_pieces[i].iov_len;
    return length;
}

/* Room that suffices for the head; 0 when a header cannot be sent. */
static size_t head_room(const struct http_connection *connection,
                        const struct http_exchange *exchange, const char *path)
{
    size_t room = strlen(exchange->method) + 1 + strlen(path) +
                  connection->endpoint->request_head_length + 64;
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (!http_header_is_valid(&exchange->headers[i]))
            return 0;
        room += strlen(exchange->headers[i].name) + strlen(exchange->headers[i].value) + 4;
    }
    return room;
}

/* Request line and headers at `to`; returns where the body goes. A body is announced whenever there
 * is one, and for methods that are expected to have one (RFC 9110, 8.6). */
static char *compose_head(const struct http_connection *connection,
                          const struct http_exchange *exchange, const char *path, size_t length,
                          char *to)
{
    to = put(to, exchange->method, strlen(exchange->method));
    *to++ = ' ';
    to = put(to, path, strlen(path));
    to = put(to, connection->endpoint->request_head, connection->endpoint->request_head_length);
    for (size_t i = 0; i < exchange->header_count; i++) {
        to = put(to, exchange->headers[i].name, strlen(exchange->headers[i].name));
        to = put(to, ": ", 2);
        to = put(to, exchange->headers[i].value, strlen(exchange->headers[i].value));
        to = put(to, "\r\n", 2);
    }
    if (length || exchange->method[0] == 'P') { /* POST, PUT, PATCH */
        to = put(to, "Content-Length: ", 16);
        to = put_number(to, length);
        to = put(to, "\r\n", 2);
    }
    return put(to, "\r\n", 2);
}

/* Keep what the socket did not take: `skip` bytes of the pieces are gone already. */
static int keep_rest(struct http1 *http1, const struct iovec *pieces, int count, size_t skip)
{
    for (int i = 0; i < count; i++) {
        size_t gone = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
        if (buffer_append(&http1->output, (char *)pieces[i].iov_base + gone,
                          pieces[i].iov_len - gone) < 0)
            return -1;
        skip -= gone;
    }
    return 0;
}

/* Report that the exchange was not sent, as soon as the caller has returned. */
static void refuse(struct http1 *http1, const char *detail)
{
    http1->refusal = detail;
    http1->pending = PENDING_REFUSAL;
    loop_defer(http1->connection->loop, &http1->task);
}

static void write_pieces(struct http1 *http1, const struct iovec *pieces, int count, size_t total)
{
    struct http_connection *connection = http1->connection;
    struct http_exchange *exchange = http1->exchange;
    exchange->send_ns = clock_now_ns();
    ssize_t written = stream_write(&connection->stream, pieces, count);
    if (written < 0) /* on_failed follows */
        return;
    exchange->bytes_sent = total;
    if ((size_t)written == total) {
        exchange->sent_ns = clock_now_ns();
    } else if (keep_rest(http1, pieces, count, (size_t)written) < 0) {
        connection->reusable = false;
        refuse(http1, "no_memory");
    }
}

void http1_submit(struct http_connection *connection, struct http_exchange *exchange)
{
    struct http1 *http1 = connection->http1;
    const char *path = exchange->path ? exchange->path : connection->endpoint->url.path;
    size_t room = head_room(connection, exchange, path), body = body_length(exchange);
    assert(!http1->exchange);
    http1->exchange = exchange;
    http1_parser_begin(&http1->parser, strcmp(exchange->method, "HEAD") == 0);
    if (room == 0 || http_has_control(path, strlen(path)) || strchr(path, ' ')) {
        refuse(http1, "bad_request_header");
        return;
    }
    char stack[STACK_REQUEST_SIZE];
    char *head = room <= sizeof stack ? stack : malloc(room);
    if (!head) {
        refuse(http1, "no_memory");
        return;
    }
    char *end = compose_head(connection, exchange, path, body, head);
    struct iovec pieces[5] = {{.iov_base = head}};
    int count = 1;
    if (room + body <= sizeof stack) {
        for (int i = 0; i < exchange->body_piece_count; i++)
            end = put(end, exchange->body_pieces[i].iov_base, exchange->body_pieces[i].iov_len);
    } else {
        for (int i = 0; i < exchange->body_piece_count; i++)
            pieces[count++] = exchange->body_pieces[i];
    }
    pieces[0].iov_len = (size_t)(end - head);
    write_pieces(http1, pieces, count, count == 1 ? pieces[0].iov_len : pieces[0].iov_len + body);
    if (head != stack)
        free(head);
}

static void on_writable(struct stream *stream)
{
    struct http1 *http1 = http1_of(stream);
    size_t length = buffer_length(&http1->output);
    if (length == 0)
        return;
    struct iovec piece = {.iov_base = buffer_bytes(&http1->output), .iov_len = length};
    ssize_t written = stream_write(stream, &piece, 1);
    if (written < 0)
        return;
    buffer_consume(&http1->output, (size_t)written);
    if ((size_t)written < length)
        return;
    buffer_free(&http1->output);
    if (http1->exchange)
        http1->exchange->sent_ns = clock_now_ns();
}

/* ---- endings -----------------------------------------------------------------------------------
 */

/* Fail the exchange under way, if any. False when the connection is gone after it. */
static bool fail_exchange(struct http1 *http1, const struct outcome *why, const char *text)
{
    struct http_exchange *exchange = http1->exchange;
    if (!exchange)
        return true;
    bool gone = false;
    http1->gone = &gone;
    http1->exchange = NULL;
    http1->connection->in_flight--;
    exchange->connection = NULL;
    exchange->end_ns = clock_now_ns();
    exchange->events->failed(exchange, why, text);
    if (!gone)
        http1->gone = NULL;
    return !gone;
}

/* The connection is over: fail what is under way, release all, tell the owner. `exchange_why` is
 * the outcome of the exchange where it differs. */
static void end_connection(struct http1 *http1, const struct outcome *why, const char *text)
{
    struct http_connection *connection = http1->connection;
    connection->reusable = false;
    stream_close(&connection->stream);
    if (!fail_exchange(http1, why, text))
        return;
    http_connection_close(connection);
    connection->events->closed(connection, why, text);
}

static void on_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    struct http1 *http1 = http1_of(stream);
    struct outcome outcome = *why;
    if (http1->exchange && outcome.kind == OUTCOME_CONNECTION_RESET)
        outcome.detail = http1_progress(&http1->parser);
    end_connection(http1, &outcome, text);
}

static void on_deferred(struct loop_task *task)
{
    struct http1 *http1 = container_of(task, struct http1, task);
    enum pending pending = http1->pending;
    http1->pending = PENDING_NOTHING;
    if (pending == PENDING_ABORTED) {
        struct outcome why = {.kind = OUTCOME_CANCELLED, .detail = "aborted"};
        end_connection(http1, &why, "the exchange under way was given up");
    } else if (pending == PENDING_REFUSAL) {
        struct outcome why = {.kind = OUTCOME_NOT_RUN, .detail = http1->refusal};
        bool half_sent = buffer_length(&http1->output) > 0 || !http1->connection->reusable;
        const char *text =
            "the request cannot be sent: a header or the path has a character that is "
            "not allowed, or memory is short";
        if (half_sent)
            end_connection(http1, &why, text);
        else
            fail_exchange(http1, &why, text);
    }
}

void http1_abort(struct http_connection *connection, struct http_exchange *exchange)
{
    struct http1 *http1 = connection->http1;
    (void)exchange; /* there is but one */
    http1->exchange = NULL;
    connection->reusable = false;
    stream_close(&connection->stream);
    http1->pending = PENDING_ABORTED;
    loop_defer(connection->loop, &http1->task);
}

/* ---- responses ---------------------------------------------------------------------------------
 */

/* Give the exchange its body's last bytes and let go of it. False when the connection is gone. */
static bool finish_exchange(struct http1 *http1)
{
    struct http_exchange *exchange = http1->exchange;
    size_t length;
    const char *bytes = http1_take_body(&http1->parser, &length);
    bool gone = false;
    struct buffer body = http1->parser.held; /* the callback may submit, and so reset the parser */
    buffer_init(&http1->parser.held, 0);
    http1->gone = &gone;
    http1->exchange = NULL;
    http1->connection->in_flight--;
    exchange->connection = NULL;
    exchange->events->body(exchange, bytes, length, true);
    if (body.data)
        buffer_free(&body);
    if (!gone)
        http1->gone = NULL;
    return !gone;
}

static bool report_head(struct http1 *http1)
{
    struct http_exchange *exchange = http1->exchange;
    if (!exchange->events->head)
        return true;
    bool gone = false;
    http1->gone = &gone;
    exchange->events->head(exchange);
    if (!gone)
        http1->gone = NULL;
    return !gone && http1->exchange == exchange;
}

static void report_stream_bytes(struct http1 *http1)
{
    size_t length;
    const char *bytes = http1_take_piece(&http1->parser, &length);
    if (length == 0)
        return;
    bool gone = false;
    http1->gone = &gone;
    http1->exchange->events->body(http1->exchange, bytes, length, false);
    if (!gone)
        http1->gone = NULL;
}

static void unsolicited(struct http1 *http1)
{
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "unsolicited_response"};
    end_connection(http1, &why, "the server sent bytes that no request asked for");
}

static void on_done(struct http1 *http1, bool more_bytes)
{
    struct http_connection *connection = http1->connection;
    /* An answer before the whole request was taken leaves the two ends out of step. */
    if (more_bytes || !http1_keeps_alive(&http1->parser) || buffer_length(&http1->output))
        connection->reusable = false; /* before the callback, which would submit the next */
    if (finish_exchange(http1) && more_bytes)
        unsolicited(http1);
}

static void feed(struct http1 *http1, char *bytes, size_t length)
{
    struct http_exchange *exchange = http1->exchange;
    uint64_t now = clock_now_ns();
    if (!exchange->first_byte_ns)
        exchange->first_byte_ns = now;
    exchange->end_ns = now;
    exchange->bytes_received += length;
    char *cursor = bytes, *end = bytes + length;
    for (;;) {
        struct http_failure failure;
        switch (http1_feed(&http1->parser, exchange, &cursor, end, &failure)) {
        case HTTP1_HEAD:
            if (!report_head(http1))
                return;
            break;
        case HTTP1_MORE:
            report_stream_bytes(http1);
            return;
        case HTTP1_DONE:
            exchange->bytes_received -= (size_t)(end - cursor);
            on_done(http1, cursor < end);
            return;
        default:
            end_connection(http1, &failure.outcome, failure.text);
            return;
        }
    }
}

/* End of input: the end of a body without a length, of half a response, or of an idle connection.
 */
static void on_end(struct http1 *http1)
{
    struct http_connection *connection = http1->connection;
    struct http_failure failure;
    struct outcome fine = {.kind = OUTCOME_OK};
    connection->reusable = false;
    if (http1->exchange && http1_feed_end(&http1->parser, &failure) == HTTP1_FAILED) {
        end_connection(http1, &failure.outcome, failure.text);
        return;
    }
    if (http1->exchange) {
        http1->exchange->end_ns = clock_now_ns();
        if (!finish_exchange(http1))
            return;
    }
    end_connection(http1, &fine, "the server closed the connection");
}

static void on_readable(struct stream *stream)
{
    struct http1 *http1 = http1_of(stream);
    char *scratch = stream->loop->scratch;
    if (http1->pending != PENDING_NOTHING) /* first things first: a later wait reports it again */
        return;
    ssize_t count = stream_read(stream, scratch, LOOP_SCRATCH_SIZE);
    if (count > 0 && http1->exchange)
        feed(http1, scratch, (size_t)count);
    else if (count > 0)
        unsolicited(http1);
    else if (count == 0)
        on_end(http1);
}
