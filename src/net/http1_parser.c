/* See http1_parser.h. Strict where leniency lets two readers see different messages (RFC
 * 9112, 11.2): lengths, codings, chunk lines, bare CR. Lenient in one thing: LF alone may end a
 * line of the head. */
#include "net/http1_parser.h"

#include "net/http_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum state {
    STATE_STATUS_LINE,
    STATE_HEADERS,
    STATE_BODY_LENGTH,
    STATE_BODY_UNTIL_CLOSE,
    STATE_CHUNK_FIRST_DIGIT,
    STATE_CHUNK_DIGITS,
    STATE_CHUNK_EXTENSION,
    STATE_CHUNK_LINE_FEED,
    STATE_CHUNK_DATA,
    STATE_CHUNK_DATA_CR,
    STATE_CHUNK_DATA_LF,
    STATE_TRAILER_START,
    STATE_TRAILER,
    STATE_TRAILER_LF,
    STATE_TRAILER_END_LF,
    STATE_DONE,
};

struct line {
    const char *bytes;
    size_t length;
};

enum line_result { LINE_MORE, LINE_READY, LINE_FAILED };

static enum line_result take_line(struct http1_parser *parser, char **cursor, char *end,
                                  struct line *line, struct http_failure *failure);
static int parse_status_line(struct http1_parser *parser, struct http_exchange *exchange,
                             struct line line, struct http_failure *failure);
static int parse_header(struct http1_parser *parser, struct http_exchange *exchange,
                        struct line line, struct http_failure *failure);
static int finish_head(struct http1_parser *parser, struct http_exchange *exchange,
                       struct http_failure *failure);
static int feed_body(struct http1_parser *parser, struct http_exchange *exchange, char **cursor,
                     char *end, struct http_failure *failure);

static int fail(struct http_failure *failure, const char *detail, const char *text)
{
    failure->outcome = (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = detail};
    snprintf(failure->text, sizeof failure->text, "%s", text);
    return -1;
}

/* ---- the public face ------------------------------------------------------------------------- */

void http1_parser_init(struct http1_parser *parser, size_t head_limit, size_t body_limit)
{
    *parser = (struct http1_parser){.head_limit = head_limit, .body_limit = body_limit};
    buffer_init(&parser->held, head_limit);
}

void http1_parser_free(struct http1_parser *parser)
{
    buffer_free(&parser->held);
}

void http1_parser_begin(struct http1_parser *parser, bool is_head_request)
{
    if (parser->held.data)
        buffer_free(&parser->held);
    parser->held.limit = parser->head_limit;
    parser->piece = NULL;
    parser->piece_length = 0;
    parser->head_bytes = 0;
    parser->remaining = 0;
    parser->state = STATE_STATUS_LINE;
    parser->no_body = is_head_request;
    parser->has_length = parser->chunked = parser->version_1_0 = false;
    parser->close = parser->keep_alive = parser->line_counts = false;
}

static enum http1_result feed_head(struct http1_parser *parser, struct http_exchange *exchange,
                                   char **cursor, char *end, struct http_failure *failure)
{
    for (;;) {
        struct line line;
        enum line_result taken = take_line(parser, cursor, end, &line, failure);
        if (taken != LINE_READY)
            return taken == LINE_MORE ? HTTP1_MORE : HTTP1_FAILED;
        bool head_ends = parser->state == STATE_HEADERS && line.length == 0;
        int result;
        if (parser->state == STATE_STATUS_LINE)
            result = parse_status_line(parser, exchange, line, failure);
        else if (!head_ends)
            result = parse_header(parser, exchange, line, failure);
        else
            result = finish_head(parser, exchange, failure);
        if (result < 0)
            return HTTP1_FAILED;
        if (parser->held.data)
            buffer_clear(&parser->held);
        if (head_ends && parser->state != STATE_STATUS_LINE)
            return HTTP1_HEAD;
    }
}

enum http1_result http1_feed(struct http1_parser *parser, struct http_exchange *exchange,
                             char **cursor, char *end, struct http_failure *failure)
{
    if (parser->state <= STATE_HEADERS)
        return feed_head(parser, exchange, cursor, end, failure);
    if (parser->state != STATE_DONE && feed_body(parser, exchange, cursor, end, failure) < 0)
        return HTTP1_FAILED;
    if (parser->state == STATE_DONE)
        return HTTP1_DONE;
    if (exchange->body_kind != HTTP_BODY_EVENT_STREAM && parser->piece_length) {
        if (buffer_append(&parser->held, parser->piece, parser->piece_length) < 0) {
            fail(failure, "body_too_large", "the response body is larger than the limit");
            return HTTP1_FAILED;
        }
        parser->piece_length = 0;
    }
    return HTTP1_MORE;
}

const char *http1_progress(const struct http1_parser *parser)
{
    if (parser->state == STATE_STATUS_LINE && parser->head_bytes == 0)
        return "closed_before_answer";
    return parser->state <= STATE_HEADERS ? "half_head" : "half_body";
}

enum http1_result http1_feed_end(struct http1_parser *parser, struct http_failure *failure)
{
    if (parser->state == STATE_BODY_UNTIL_CLOSE) {
        parser->state = STATE_DONE;
        return HTTP1_DONE;
    }
    const char *text = "the server closed the connection in the middle of the response body";
    if (parser->state == STATE_STATUS_LINE && parser->head_bytes == 0)
        text = "the server closed the connection without answering";
    else if (parser->state <= STATE_HEADERS)
        text = "the server closed the connection in the middle of the response head";
    fail(failure, http1_progress(parser), text);
    failure->outcome.kind = OUTCOME_CONNECTION_RESET;
    return HTTP1_FAILED;
}

const char *http1_take_piece(struct http1_parser *parser, size_t *length)
{
    const char *bytes = parser->piece;
    *length = parser->piece_length;
    parser->piece = NULL;
    parser->piece_length = 0;
    return *length ? bytes : "";
}

const char *http1_take_body(struct http1_parser *parser, size_t *length)
{
    const char *bytes = http1_take_piece(parser, length);
    if (buffer_length(&parser->held) == 0)
        return bytes;
    *length = buffer_length(&parser->held);
    return buffer_bytes(&parser->held);
}

bool http1_keeps_alive(const struct http1_parser *parser)
{
    return !parser->close && (!parser->version_1_0 || parser->keep_alive) &&
           (parser->no_body || parser->has_length || parser->chunked);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static enum line_result take_line(struct http1_parser *parser, char **cursor, char *end,
                                  struct line *line, struct http_failure *failure)
{
    size_t available = (size_t)(end - *cursor);
    char *feed = available ? memchr(*cursor, '\n', available) : NULL;
    size_t taken = feed ? (size_t)(feed - *cursor) + 1 : available;
    char *start = *cursor;
    if (taken > parser->head_limit - parser->head_bytes) {
        fail(failure, "head_too_large", "the response head is larger than the limit");
        return LINE_FAILED;
    }
    parser->head_bytes += taken;
    *cursor += taken;
    if (!feed || buffer_length(&parser->held)) {
        if (buffer_append(&parser->held, start, taken) < 0) {
            fail(failure, "head_too_large", "the response head is larger than the limit");
            return LINE_FAILED;
        }
        if (!feed)
            return LINE_MORE;
        start = buffer_bytes(&parser->held);
        taken = buffer_length(&parser->held);
    }
    taken--;
    if (taken && start[taken - 1] == '\r')
        taken--;
    *line = (struct line){start, taken};
    if (!http_has_control(start, taken))
        return LINE_READY;
    fail(failure, "bad_http", "a control character in the response head");
    return LINE_FAILED;
}

/* ---- the head ---------------------------------------------------------------------------------
 */

static int not_http(struct line line, struct http_failure *failure)
{
    char excerpt[48];
    size_t length = line.length < sizeof excerpt - 1 ? line.length : sizeof excerpt - 1;
    for (size_t i = 0; i < length; i++)
        excerpt[i] = (char)(line.bytes[i] >= ' ' && line.bytes[i] < 0x7f ? line.bytes[i] : '?');
    excerpt[length] = '\0';
    fail(failure, "bad_http", "");
    snprintf(failure->text, sizeof failure->text,
             "the answer does not begin with an HTTP/1.1 status line but with '%s'", excerpt);
    return -1;
}

/* "HTTP/1.1 200 OK"; the reason, and the space in front of it, may be missing. */
static int parse_status_line(struct http1_parser *parser, struct http_exchange *exchange,
                             struct line line, struct http_failure *failure)
{
    const char *bytes = line.bytes;
    if (line.length < 12 || memcmp(bytes, "HTTP/1.", 7) != 0 ||
        (bytes[7] != '0' && bytes[7] != '1') || bytes[8] != ' ' ||
        (line.length > 12 && bytes[12] != ' '))
        return not_http(line, failure);
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (!isdigit((unsigned char)bytes[i]))
            return not_http(line, failure);
        status = status * 10 + (bytes[i] - '0');
    }
    if (status < 100 || status > 599)
        return not_http(line, failure);
    exchange->status = status;
    parser->version_1_0 = bytes[7] == '0';
    parser->state = STATE_HEADERS;
    return 0;
}

static int parse_content_length(struct http1_parser *parser, struct line value,
                                struct http_failure *failure)
{
    uint64_t length = 0;
    if (value.length == 0 || value.length > 18)
        return fail(failure, "bad_content_length", "Content-Length is no number of bytes");
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.bytes[i]))
            return fail(failure, "bad_content_length", "Content-Length is no number of bytes");
        length = length * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    if (parser->has_length && parser->remaining != length)
        return fail(failure, "bad_content_length", "two Content-Length headers disagree");
    parser->has_length = true;
    parser->remaining = length;
    return 0;
}

static int parse_transfer_encoding(struct http1_parser *parser, struct line value,
                                   struct http_failure *failure)
{
    if (parser->chunked || value.length != 7 || !http_name_is(value.bytes, 7, "chunked"))
        return fail(failure, "bad_transfer_encoding",
                    "Transfer-Encoding is something other than 'chunked', once");
    parser->chunked = true;
    return 0;
}

static void parse_connection(struct http1_parser *parser, struct line value)
{
    const char *cursor = value.bytes, *end = value.bytes + value.length;
    while (cursor < end) {
        const char *comma = memchr(cursor, ',', (size_t)(end - cursor));
        const char *next = comma ? comma : end, *last = next;
        while (cursor < last && (*cursor == ' ' || *cursor == '\t'))
            cursor++;
        while (last > cursor && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        size_t length = (size_t)(last - cursor);
        if (length == 5 && http_name_is(cursor, length, "close"))
            parser->close = true;
        else if (length == 10 && http_name_is(cursor, length, "keep-alive"))
            parser->keep_alive = true;
        cursor = comma ? comma + 1 : end;
    }
}

/* A folded line (RFC 9112, 5.2) continues a value: of no matter for headers nobody reads, but a
 * header that counts must be whole on its line. */
static int parse_folded_line(const struct http1_parser *parser, struct http_failure *failure)
{
    return parser->line_counts
               ? fail(failure, "bad_http", "a response header is folded over several lines")
               : 0;
}

static int parse_header(struct http1_parser *parser, struct http_exchange *exchange,
                        struct line line, struct http_failure *failure)
{
    if (line.bytes[0] == ' ' || line.bytes[0] == '\t')
        return parse_folded_line(parser, failure);
    const char *colon = memchr(line.bytes, ':', line.length);
    size_t name_length = colon ? (size_t)(colon - line.bytes) : 0;
    if (!http_is_token(line.bytes, name_length))
        return fail(failure, "bad_http", "a response header is not 'Name: value'");
    const char *start = colon + 1, *last = line.bytes + line.length;
    while (start < last && (*start == ' ' || *start == '\t'))
        start++;
    while (last > start && (last[-1] == ' ' || last[-1] == '\t'))
        last--;
    struct line value = {start, (size_t)(last - start)};

    parser->line_counts = true;
    switch (name_length) {
    case 10:
        if (http_name_is(line.bytes, 10, "connection")) {
            parse_connection(parser, value);
            return 0;
        }
        break;
    case 14:
        if (http_name_is(line.bytes, 14, "content-length"))
            return parse_content_length(parser, value, failure);
        break;
    case 17:
        if (http_name_is(line.bytes, 17, "transfer-encoding"))
            return parse_transfer_encoding(parser, value, failure);
        break;
    default:
        break;
    }
    parser->line_counts =
        http_exchange_remember(exchange, line.bytes, name_length, value.bytes, value.length);
    return 0;
}

static int finish_head(struct http1_parser *parser, struct http_exchange *exchange,
                       struct http_failure *failure)
{
    if (parser->chunked && (parser->has_length || parser->version_1_0))
        return fail(failure, "conflicting_length",
                    "Transfer-Encoding together with Content-Length or in an HTTP/1.0 response");
    if (exchange->status == 101)
        return fail(failure, "bad_http", "the server switched protocols without being asked");
    if (exchange->status < 200) { /* interim: the real head follows; head_limit spans them all */
        parser->state = STATE_STATUS_LINE;
        parser->has_length = parser->chunked = parser->close = parser->keep_alive = false;
        parser->remaining = 0;
        http_exchange_reset(exchange);
        return 0;
    }
    if (exchange->status == 204 || exchange->status == 304)
        parser->no_body = true;
    bool is_stream = exchange->body_kind == HTTP_BODY_EVENT_STREAM;
    if (!parser->no_body && !is_stream && parser->remaining > parser->body_limit)
        return fail(failure, "body_too_large", "the response body is larger than the limit");
    if (parser->no_body || (parser->has_length && parser->remaining == 0))
        parser->state = STATE_DONE;
    else if (parser->chunked)
        parser->state = STATE_CHUNK_FIRST_DIGIT;
    else
        parser->state = parser->has_length ? STATE_BODY_LENGTH : STATE_BODY_UNTIL_CLOSE;
    buffer_free(&parser->held);
    parser->held.limit = parser->body_limit;
    return 0;
}

/* ---- the body ---------------------------------------------------------------------------------
 */

/* Take up to `limit` bytes of body. What a read brings is kept together in place; only behind bytes
 * already held over from an earlier read it is copied. */
static int take_body(struct http1_parser *parser, struct http_exchange *exchange, char **cursor,
                     char *end, uint64_t limit, struct http_failure *failure)
{
    size_t count = (size_t)(end - *cursor);
    if (count > limit)
        count = (size_t)limit;
    char *bytes = *cursor;
    *cursor += count;
    if (exchange->body_kind != HTTP_BODY_EVENT_STREAM &&
        buffer_length(&parser->held) + parser->piece_length + count > parser->body_limit)
        return fail(failure, "body_too_large", "the response body is larger than the limit");
    if (buffer_length(&parser->held)) {
        if (buffer_append(&parser->held, bytes, count) < 0)
            return fail(failure, "body_too_large", "no memory for the response body");
    } else if (parser->piece_length == 0) {
        parser->piece = bytes;
        parser->piece_length = count;
    } else {
        memmove(parser->piece + parser->piece_length, bytes, count);
        parser->piece_length += count;
    }
    if (parser->state != STATE_BODY_UNTIL_CLOSE)
        parser->remaining -= count;
    return 0;
}

static int bad_chunk(struct http_failure *failure)
{
    return fail(failure, "bad_chunk", "a chunk of the response body is malformed");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The chunk line is complete up to its CR. */
static void start_chunk(struct http1_parser *parser)
{
    parser->state = parser->remaining ? STATE_CHUNK_DATA : STATE_TRAILER_START;
    parser->head_bytes = 0;
}

/* One byte of chunk line or trailers: framing only, so that byte by byte costs little. */
static int feed_framing(struct http1_parser *parser, char c, struct http_failure *failure)
{
    if (++parser->head_bytes > parser->head_limit)
        return fail(failure, "head_too_large", "a chunk's line, or the trailers, exceed the limit");
    switch (parser->state) {
    case STATE_CHUNK_FIRST_DIGIT:
    case STATE_CHUNK_DIGITS: {
        int digit = hex_value(c);
        if (digit >= 0 && parser->remaining >> 56 == 0) {
            parser->remaining = parser->remaining * 16 + (uint64_t)digit;
            parser->state = STATE_CHUNK_DIGITS;
            return 0;
        }
        if (digit >= 0 || parser->state == STATE_CHUNK_FIRST_DIGIT)
            return bad_chunk(failure);
        if (c == '\r')
            parser->state = STATE_CHUNK_LINE_FEED;
        else if (c == ';' || c == ' ' || c == '\t')
            parser->state = STATE_CHUNK_EXTENSION;
        else
            return bad_chunk(failure);
        return 0;
    }
    case STATE_CHUNK_EXTENSION:
        if (c == '\r')
            parser->state = STATE_CHUNK_LINE_FEED;
        else if (c == '\n')
            return bad_chunk(failure);
        return 0;
    case STATE_CHUNK_LINE_FEED:
        start_chunk(parser);
        return c == '\n' ? 0 : bad_chunk(failure);
    case STATE_CHUNK_DATA_CR:
        parser->state = STATE_CHUNK_DATA_LF;
        return c == '\r' ? 0 : bad_chunk(failure);
    case STATE_CHUNK_DATA_LF:
        parser->state = STATE_CHUNK_FIRST_DIGIT;
        parser->head_bytes = 0;
        return c == '\n' ? 0 : bad_chunk(failure);
    case STATE_TRAILER_START:
        parser->state = c == '\r' ? STATE_TRAILER_END_LF : STATE_TRAILER;
        return c == '\n' ? bad_chunk(failure) : 0;
    case STATE_TRAILER:
        if (c == '\r')
            parser->state = STATE_TRAILER_LF;
        return c == '\n' ? bad_chunk(failure) : 0;
    case STATE_TRAILER_LF:
        parser->state = STATE_TRAILER_START;
        return c == '\n' ? 0 : bad_chunk(failure);
    default: /* STATE_TRAILER_END_LF */
        parser->state = STATE_DONE;
        return c == '\n' ? 0 : bad_chunk(failure);
    }
}

static int feed_body(struct http1_parser *parser, struct http_exchange *exchange, char **cursor,
                     char *end, struct http_failure *failure)
{
    while (*cursor < end && parser->state != STATE_DONE) {
        int result;
        if (parser->state == STATE_BODY_UNTIL_CLOSE) {
            result = take_body(parser, exchange, cursor, end, UINT64_MAX, failure);
        } else if (parser->state == STATE_BODY_LENGTH || parser->state == STATE_CHUNK_DATA) {
            result = take_body(parser, exchange, cursor, end, parser->remaining, failure);
            if (parser->remaining == 0)
                parser->state =
                    parser->state == STATE_BODY_LENGTH ? STATE_DONE : STATE_CHUNK_DATA_CR;
        } else {
            result = feed_framing(parser, *(*cursor)++, failure);
        }
        if (result < 0)
            return -1;
    }
    return 0;
}
