/* The HTTP/1.1 response parser: every case gives the same for every place at which it may be cut.
 */
#include "net/http1_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEAD_LIMIT = 400, BODY_LIMIT = 64 };

/* One line of what the parser said: "200 json s=ID body=... keep rest=N", or "failed DETAIL". */
struct told {
    char text[1024];
    size_t length;
    char body[512];
    size_t body_length;
    bool over;
};

static void tell(struct told *told, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    told->length += (size_t)vsnprintf(told->text + told->length, sizeof told->text - told->length,
                                      format, arguments);
    va_end(arguments);
    assert_true(told->length < sizeof told->text);
}

static void tell_head(struct told *told, const struct http_exchange *exchange)
{
    static const char *const kinds[] = {"other", "json", "sse"};
    tell(told, "%d %s", exchange->status, kinds[exchange->body_kind]);
    if (exchange->session_id[0])
        tell(told, " session=%s%s", exchange->session_id,
             exchange->session_id_truncated ? "..." : "");
    if (exchange->location[0])
        tell(told, " location=%s", exchange->location);
    if (exchange->retry_after_s >= 0)
        tell(told, " retry=%d", exchange->retry_after_s);
}

static void add_body(struct told *told, const char *bytes, size_t length)
{
    assert_true(told->body_length + length <= sizeof told->body);
    memcpy(told->body + told->body_length, bytes, length);
    told->body_length += length;
}

/* Feed one cut from memory of exactly its size, as the parser may rearrange it. */
static void feed(struct http1_parser *parser, struct http_exchange *exchange, const char *bytes,
                 size_t length, struct told *told)
{
    char *copy = malloc(length ? length : 1), *cursor = copy;
    size_t count;
    struct http_failure failure;
    memcpy(copy, bytes, length);
    if (told->over)
        tell(told, " rest=%zu", length);
    while (!told->over) {
        enum http1_result result = http1_feed(parser, exchange, &cursor, copy + length, &failure);
        if (result == HTTP1_HEAD) {
            tell_head(told, exchange);
        } else if (result == HTTP1_MORE) {
            assert_ptr_equal(cursor, copy + length);
            const char *piece = http1_take_piece(parser, &count);
            assert_true(count == 0 || exchange->body_kind == HTTP_BODY_EVENT_STREAM);
            add_body(told, piece, count);
            break;
        } else if (result == HTTP1_DONE) {
            const char *body = http1_take_body(parser, &count);
            add_body(told, body, count);
            tell(told, " body=%.*s%s", (int)told->body_length, told->body,
                 http1_keeps_alive(parser) ? " keep" : "");
            told->over = true;
            if (cursor < copy + length)
                tell(told, " rest=%zu", (size_t)(copy + length - cursor));
        } else {
            assert_int_equal(failure.outcome.kind, OUTCOME_PROTOCOL_VIOLATION);
            assert_true(failure.text[0] != '\0');
            tell(told, "%sfailed %s", told->length ? " " : "", failure.outcome.detail);
            told->over = true;
        }
    }
    free(copy);
}

static void feed_end(struct http1_parser *parser, struct told *told)
{
    struct http_failure failure;
    size_t count;
    if (told->over)
        return;
    if (http1_feed_end(parser, &failure) == HTTP1_DONE) {
        const char *body = http1_take_body(parser, &count);
        add_body(told, body, count);
        tell(told, " body=%.*s", (int)told->body_length, told->body);
        return;
    }
    assert_int_equal(failure.outcome.kind, OUTCOME_CONNECTION_RESET);
    tell(told, "%sended %s", told->length ? " " : "", failure.outcome.detail);
}

#define OK      "HTTP/1.1 200 OK\r\n"
#define JSON    "Content-Type: application/json\r\n"
#define SSE     "Content-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define L300                                                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"    \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "1234567890123456789012345678"
#define L65 "01234567890123456789012345678901234567890123456789012345678901234"

static const struct {
    const char *response, *told;
    bool head_request;
} cases[] = {
    {OK JSON "Content-Length: 2\r\n\r\n{}", "200 json body={} keep", false},
    {OK "content-type:application/JSON ; charset=utf-8\r\nCONTENT-LENGTH:  2 \t\r\n\r\n{}",
     "200 json body={} keep", false},
    {OK "Content-Length: 0\r\n\r\n", "200 other body= keep", false},
    {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "202 other body= keep", false},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204 other body= keep", false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "304 other body= keep", false},
    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "200 other body=x keep", false},
    {"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", "200 other body=x keep", false},
    {"HTTP/1.1 404 Not Found\nContent-Length: 1\n\nx", "404 other body=x keep", false},
    {OK "Content-Length: 10\r\n\r\n", "200 other body= keep", true},
    {OK CHUNKED "\r\n", "200 other body= keep", true},
    {OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "200 other body=abc keep", false},
    {OK "Content-Length: 3\r\n\r\nabcHTTP", "200 other body=abc keep rest=4", false},

    /* what an exchange remembers */
    {OK "Mcp-Session-Id: abc-1\r\nContent-Length: 0\r\n\r\n", "200 other session=abc-1 body= keep",
     false},
    {OK "mcp-session-id: " L300 "\r\nContent-Length: 0\r\n\r\n", NULL, false},
    {"HTTP/1.1 307 T\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
     "307 other location=/x body= keep", false},
    {"HTTP/1.1 429 T\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
     "429 other retry=120 body= keep", false},
    {"HTTP/1.1 503 T\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
     "503 other body= keep", false},

    /* connection */
    {OK "Connection: close\r\nContent-Length: 1\r\n\r\nx", "200 other body=x", false},
    {OK "Connection: foo ,\tCLOSE\r\nContent-Length: 1\r\n\r\nx", "200 other body=x", false},
    {OK "Connection: closed\r\nContent-Length: 1\r\n\r\nx", "200 other body=x keep", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 other body=x", false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
     "200 other body=x keep", false},
    {OK "\r\nuntil close", "200 other body=until close", false},
    {"HTTP/1.0 200 OK\r\n\r\n", "200 other body=", false},

    /* interim responses */
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", "200 other body=x keep",
     false},
    {"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nMcp-Session-Id: no\r\nConnection: "
     "close\r\n\r\n" OK "Content-Length: 1\r\n\r\nx",
     "200 other body=x keep", false},
    {"HTTP/1.1 101 Switching\r\n\r\n", "failed bad_http", false},

    /* chunks */
    {OK JSON CHUNKED "\r\n2\r\n{}\r\n0\r\n\r\n", "200 json body={} keep", false},
    {OK CHUNKED "\r\n1\r\na\r\n2;ext=\"1\"\r\nbc\r\n00A \r\n0123456789\r\n000\r\nTrailer: "
                "x\r\nMore: y\r\n\r\n",
     "200 other body=abc0123456789 keep", false},
    {OK "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", "200 other body= keep", false},
    {OK CHUNKED "\r\n1\r\na\r\n0\r\n\r\nrest", "200 other body=a keep rest=4", false},
    {OK CHUNKED "\r\ng\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n-1\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n 1\r\na\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n1\na\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n1\rXa\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n1;x\na\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n1\r\nab\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n1\r\na\rb", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n0\r\nT: x\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n0\r\n\rx", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n0\r\nT: x\rx", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n10000000000000000\r\n", "200 other failed bad_chunk", false},
    {OK CHUNKED "\r\n0\r\nT: " L300 L65 L65 "\r\n\r\n", "200 other failed head_too_large", false},
    {OK CHUNKED "\r\n1;" L300 L65 L65 "\r\n", "200 other failed head_too_large", false},

    /* lengths and codings */
    {OK "Content-Length: x\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length:\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length: -1\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length: +1\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length: 1, 1\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length: 99999999999999999999\r\n\r\n", "failed bad_content_length", false},
    {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "failed bad_content_length", false},
    {OK CHUNKED "Content-Length: 1\r\n\r\n", "failed conflicting_length", false},
    {OK "Content-Length: 1\r\n" CHUNKED "\r\n", "failed conflicting_length", false},
    {"HTTP/1.0 200 OK\r\n" CHUNKED "\r\n", "failed conflicting_length", false},
    {OK CHUNKED CHUNKED "\r\n", "failed bad_transfer_encoding", false},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "failed bad_transfer_encoding", false},
    {OK "Transfer-Encoding: identity\r\n\r\n", "failed bad_transfer_encoding", false},

    /* heads that are none */
    {"HTTP/2 200\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.2 200 OK\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.1 20 OK\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.1 2000 OK\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.1 099 OK\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.1 600 OK\r\n\r\n", "failed bad_http", false},
    {"HTTP/1.1  200 OK\r\n\r\n", "failed bad_http", false},
    {"http/1.1 200 OK\r\n\r\n", "failed bad_http", false},
    {"\r\n" OK "\r\n", "failed bad_http", false},
    {"<html>\n", "failed bad_http", false},
    {"{\"jsonrpc\":\"2.0\"}\n", "failed bad_http", false},
    {OK "No colon\r\n\r\n", "failed bad_http", false},
    {OK ": no name\r\n\r\n", "failed bad_http", false},
    {OK "Space : x\r\n\r\n", "failed bad_http", false},
    {OK "X: a\rb\r\n\r\n", "failed bad_http", false},
    {OK "X: a\r\r\n\r\n", "failed bad_http", false},
    {OK "X: \x01\r\n\r\n", "failed bad_http", false},
    {OK "X: a\tb\xe9\r\nContent-Length: 0\r\n\r\n", "200 other body= keep", false},
    {OK "X: folded\r\n  here\r\nContent-Length: 0\r\n\r\n", "200 other body= keep", false},
    {OK "Content-Length: 1\r\n 0\r\n\r\n", "failed bad_http", false},
    {OK "Content-Type: application/json\r\n\tx\r\n\r\n", "failed bad_http", false},

    /* limits */
    {OK "X: " L300 L300 "\r\n\r\n", "failed head_too_large", false},
    {"HTTP/1.1 100 C\r\nX: " L300 "\r\n\r\n" OK "X: " L65 L65 "\r\n\r\n", "failed head_too_large",
     false},
    {OK "Content-Length: 65\r\n\r\n" L65, "failed body_too_large", false},
    {OK CHUNKED "\r\n41\r\n" L65 "\r\n", "200 other failed body_too_large", false},
    {OK CHUNKED "\r\n41\r\n" L65 "\r\n0\r\n\r\n", "200 other failed body_too_large", false},
    {OK "\r\n" L65, "200 other failed body_too_large", false},

    /* event streams have no limit: they are delivered as they come */
    {OK SSE "\r\ndata: " L65 L65 "\n\n", "200 sse body=data: " L65 L65 "\n\n", false},
    {OK SSE CHUNKED "\r\n3\r\ndat\r\n5\r\na: x\n\r\n1\r\n\n\r\n0\r\n\r\n",
     "200 sse body=data: x\n\n keep", false},
    {OK SSE "Content-Length: 70\r\n\r\n" L65 "01234", "200 sse body=" L65 "01234 keep", false},

    /* input that ends too early */
    {"", "ended closed_before_answer", false},
    {"H", "ended half_head", false},
    {OK "Content-Length: 5\r\n", "ended half_head", false},
    {"HTTP/1.1 100 Continue\r\n\r\n", "ended half_head", false},
    {OK "Content-Length: 5\r\n\r\nabcd", "200 other ended half_body", false},
    {OK CHUNKED "\r\n5\r\nabc", "200 other ended half_body", false},
    {OK CHUNKED "\r\n1\r\na\r\n0\r\n", "200 other ended half_body", false},
    {OK SSE CHUNKED "\r\n5\r\ndata", "200 sse ended half_body", false},
};

static void run_case(size_t i, const size_t *cuts, size_t cut_count)
{
    struct http1_parser parser;
    static struct http_exchange exchange;
    struct told told = {.length = 0};
    size_t length = strlen(cases[i].response), at = 0;
    memset(&exchange, 0, sizeof exchange);
    exchange.retry_after_s = -1;
    http1_parser_init(&parser, HEAD_LIMIT, BODY_LIMIT);
    http1_parser_begin(&parser, cases[i].head_request);
    for (size_t cut = 0; cut <= cut_count && !told.over; cut++) {
        size_t until = cut < cut_count ? cuts[cut] : length;
        if (until > at || length == 0)
            feed(&parser, &exchange, cases[i].response + at, until - at, &told);
        at = until;
    }
    feed_end(&parser, &told);
    char *rest = strstr(told.text, " rest=");
    if (rest && cut_count) /* what the parser was not given any more is no rest */
        *rest = '\0';
    char expected[1024];
    if (cases[i].told) {
        snprintf(expected, sizeof expected, "%s", cases[i].told);
    } else { /* the truncated session id */
        snprintf(expected, sizeof expected, "200 other session=%.255s... body= keep", L300);
    }
    rest = strstr(expected, " rest=");
    if (rest && cut_count)
        *rest = '\0';
    if (strcmp(told.text, expected) != 0)
        fail_msg("case %zu '%s': got '%s', expected '%s'", i, cases[i].response, told.text,
                 expected);
    http1_parser_free(&parser);
}

static void whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(i, NULL, 0);
}

static void cut_at_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t cut = 0; cut <= strlen(cases[i].response); cut++)
            run_case(i, &cut, 1);
}

static void cut_at_every_two_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].response);
        for (size_t a = 0; a <= length && length < 200; a++)
            for (size_t b = a; b <= length; b++)
                run_case(i, (size_t[]){a, b}, 2);
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t cuts[1024], length = strlen(cases[i].response);
        assert_true(length < 1024);
        for (size_t at = 0; at < length; at++)
            cuts[at] = at;
        run_case(i, cuts, length);
    }
}

static void delivers_in_place(void **state)
{
    static char one[] = OK JSON "Content-Length: 2\r\n\r\n{}";
    static char chunks[] = OK JSON CHUNKED "\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    struct http1_parser parser;
    static struct http_exchange exchange;
    struct http_failure failure;
    size_t length;
    (void)state;
    http1_parser_init(&parser, HEAD_LIMIT, BODY_LIMIT);
    for (int i = 0; i < 2; i++) {
        char *start = i ? chunks : one, *cursor = start, *end = start + strlen(start);
        http1_parser_begin(&parser, false);
        assert_int_equal(http1_feed(&parser, &exchange, &cursor, end, &failure), HTTP1_HEAD);
        assert_int_equal(http1_feed(&parser, &exchange, &cursor, end, &failure), HTTP1_DONE);
        const char *body = http1_take_body(&parser, &length);
        assert_int_equal(length, 2);
        assert_memory_equal(body, "{}", 2);
        assert_true(body > start && body < end); /* neither copied ... */
        assert_null(parser.held.data);           /* ... nor anything allocated */
    }
    http1_parser_free(&parser);
}

static void an_endless_stream_is_followed(void **state)
{
    struct http1_parser parser;
    static struct http_exchange exchange;
    struct http_failure failure;
    size_t length, total = 0;
    (void)state;
    http1_parser_init(&parser, HEAD_LIMIT, BODY_LIMIT);
    http1_parser_begin(&parser, false);
    char head[] = OK SSE CHUNKED "\r\n", *cursor = head;
    assert_int_equal(http1_feed(&parser, &exchange, &cursor, head + strlen(head), &failure),
                     HTTP1_HEAD);
    for (int i = 0; i < 10000; i++) { /* far more chunk lines than the head may have bytes */
        char chunk[] = "7\r\ndata:x\n\r\n";
        cursor = chunk;
        assert_int_equal(http1_feed(&parser, &exchange, &cursor, chunk + strlen(chunk), &failure),
                         HTTP1_MORE);
        http1_take_piece(&parser, &length);
        total += length;
    }
    assert_int_equal(total, 70000);
    assert_null(parser.held.data);
    http1_parser_free(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(cut_at_every_place),
        cmocka_unit_test(cut_at_every_two_places),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(delivers_in_place),
        cmocka_unit_test(an_endless_stream_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
