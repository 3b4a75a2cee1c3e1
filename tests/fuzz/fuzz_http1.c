/* HTTP/1.1 responses: any bytes, and the same bytes cut in pieces, must mean the same.
 * Input: one byte of flags (bit 0: answer to HEAD), one byte that places the cuts, the response. */
#include "net/http1_parser.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_LIMIT = 512, BODY_LIMIT = 1024 };

struct meaning {
    enum http1_result result;
    const char *detail;
    struct http_exchange exchange;
    char *body;
    size_t body_length;
    size_t used;
    bool keeps_alive;
};

static void add_body(struct meaning *meaning, const char *bytes, size_t length)
{
    meaning->body = realloc(meaning->body, meaning->body_length + length + 1);
    if (!meaning->body)
        abort();
    memcpy(meaning->body + meaning->body_length, bytes, length);
    meaning->body_length += length;
}

/* One piece of input; false when the response is over. */
static bool feed(struct http1_parser *parser, struct meaning *meaning, const uint8_t *bytes,
                 size_t size)
{
    struct http_failure failure;
    size_t length;
    char *copy = malloc(size ? size : 1),
         *cursor = copy; /* exactly sized, and the parser's to change */
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    do
        meaning->result = http1_feed(parser, &meaning->exchange, &cursor, copy + size, &failure);
    while (meaning->result == HTTP1_HEAD);
    meaning->used += (size_t)(cursor - copy);
    if (meaning->result == HTTP1_MORE) {
        const char *piece = http1_take_piece(parser, &length);
        add_body(meaning, piece, length);
    } else if (meaning->result == HTTP1_DONE) {
        const char *body = http1_take_body(parser, &length);
        add_body(meaning, body, length);
    } else {
        meaning->detail = failure.outcome.detail;
    }
    free(copy);
    return meaning->result == HTTP1_MORE;
}

static void interpret(struct meaning *meaning, bool is_head, const uint8_t *bytes, size_t size,
                      size_t step)
{
    struct http1_parser parser;
    struct http_failure failure;
    memset(meaning, 0, sizeof *meaning);
    http1_parser_init(&parser, HEAD_LIMIT, BODY_LIMIT);
    http1_parser_begin(&parser, is_head);
    bool more = true;
    for (size_t at = 0; more && at < size; at += step)
        more = feed(&parser, meaning, bytes + at, size - at < step ? size - at : step);
    if (more) {
        meaning->result = http1_feed_end(&parser, &failure);
        size_t length = 0;
        if (meaning->result == HTTP1_DONE) {
            const char *body = http1_take_body(&parser, &length);
            add_body(meaning, body, length);
        } else {
            meaning->detail = failure.outcome.detail;
        }
    }
    meaning->keeps_alive = meaning->result == HTTP1_DONE && http1_keeps_alive(&parser);
    http1_parser_free(&parser);
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void compare(const struct meaning *a, const struct meaning *b)
{
    require(a->result == b->result);
    require(a->detail == b->detail ||
            (a->detail && b->detail && strcmp(a->detail, b->detail) == 0));
    if (a->result != HTTP1_DONE)
        return;
    require(a->used == b->used && a->keeps_alive == b->keeps_alive);
    require(a->body_length == b->body_length);
    require(a->body_length == 0 || memcmp(a->body, b->body, a->body_length) == 0);
    require(a->exchange.status == b->exchange.status);
    require(a->exchange.body_kind == b->exchange.body_kind);
    require(strcmp(a->exchange.session_id, b->exchange.session_id) == 0);
    require(a->exchange.status >= 200 && a->exchange.status <= 599);
    require(a->exchange.body_kind == HTTP_BODY_EVENT_STREAM || a->body_length <= BODY_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meaning whole, cut, bytes;
    if (size < 2)
        return 0;
    bool is_head = data[0] & 1;
    interpret(&whole, is_head, data + 2, size - 2, SIZE_MAX / 2);
    interpret(&cut, is_head, data + 2, size - 2, (size_t)data[1] % 61 + 2);
    interpret(&bytes, is_head, data + 2, size - 2, 1);
    compare(&whole, &cut);
    compare(&whole, &bytes);
    free(whole.body);
    free(cut.body);
    free(bytes.body);
    return 0;
}
