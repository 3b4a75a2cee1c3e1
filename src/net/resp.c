/* See resp.h. One function reads a token, for the reader and the cursor alike; the reader adds the
 * nesting. */
#include "net/resp.h"

#include <string.h>

enum { SMALLEST_VALUE = 3 /* bytes: "_\r\n" */ };

/* What reading one token takes and gives. */
struct scan {
    const char *bytes, *end;
    const char *hint;  /* no line break before it */
    size_t size_limit; /* of a string; of an aggregate: its smallest elements */
    size_t used;       /* RESP_DONE: bytes of the token */
    size_t needed;     /* RESP_MORE */
    const char *problem;
};

static enum resp_status scan_token(struct scan *scan, struct resp_token *token);
static enum resp_status enter(struct resp_reader *reader, const struct resp_token *token);
static bool leave(struct resp_reader *reader);
static bool is_aggregate(enum resp_type type);

/* ---- reader ------------------------------------------------------------------------------------
 */

void resp_reader_init(struct resp_reader *reader, size_t size_limit)
{
    reader->size_limit = size_limit;
    resp_reader_begin(reader);
}

void resp_reader_begin(struct resp_reader *reader)
{
    reader->length = reader->value_offset = reader->error_offset = reader->needed = 0;
    reader->offset = reader->scanned = 0;
    reader->depth = reader->attributes = 0;
    reader->has_error = reader->attribute_pending = false;
    reader->problem = NULL;
}

static enum resp_status bad(struct resp_reader *reader, const char *problem)
{
    reader->problem = problem;
    return RESP_BAD;
}

enum resp_status resp_read(struct resp_reader *reader, const char *bytes, size_t length)
{
    struct resp_token token;
    for (;;) {
        struct scan scan = {.bytes = bytes + reader->offset,
                            .end = bytes + length,
                            .hint = bytes + reader->scanned,
                            .size_limit = reader->size_limit - reader->offset};
        if (scan.hint < scan.bytes)
            scan.hint = scan.bytes;
        switch (scan_token(&scan, &token)) {
        case RESP_MORE:
            if (length > reader->size_limit)
                return bad(reader, "too_large");
            reader->scanned = (size_t)(scan.hint - bytes);
            reader->needed = scan.needed;
            return RESP_MORE;
        case RESP_BAD:
            return bad(reader, scan.problem);
        case RESP_DONE:
            break;
        }
        if (scan.used > scan.size_limit)
            return bad(reader, "too_large");
        enum resp_status status = enter(reader, &token);
        if (status == RESP_BAD)
            return status;
        reader->offset += scan.used;
        if (status == RESP_DONE) {
            reader->length = reader->offset;
            return RESP_DONE;
        }
    }
}

/* Fit the token at `offset` into the nesting; RESP_DONE when it ends the reply. */
static enum resp_status enter(struct resp_reader *reader, const struct resp_token *token)
{
    struct resp_level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;
    bool in_string = level && level->type == RESP_BULK;
    if ((token->type == RESP_CHUNK) != in_string)
        return bad(reader, "bad_nesting");
    if (in_string) {
        if (token->length)
            return RESP_MORE;
        reader->depth--;
        return leave(reader) ? RESP_DONE : RESP_MORE;
    }
    if (token->type == RESP_END) {
        if (!level || !level->streamed || reader->attribute_pending ||
            (level->type == RESP_MAP && level->remaining % 2))
            return bad(reader, "bad_nesting");
        reader->depth--;
        return leave(reader) ? RESP_DONE : RESP_MORE;
    }
    if (token->type == RESP_PUSH && level)
        return bad(reader, "bad_nesting");
    if (!level && token->type != RESP_ATTRIBUTE) {
        reader->type = token->type;
        reader->value_offset = reader->offset;
    }
    if ((token->type == RESP_ERROR || token->type == RESP_BULK_ERROR) && !reader->has_error &&
        !reader->attributes) {
        reader->has_error = true;
        reader->error_offset = reader->offset;
    }
    reader->attribute_pending = false;
    if (token->streamed || (is_aggregate(token->type) && token->count)) {
        if (reader->depth == RESP_DEPTH_LIMIT)
            return bad(reader, "too_deep");
        reader->levels[reader->depth++] = (struct resp_level){
            .remaining = token->count, .type = token->type, .streamed = token->streamed};
        reader->attributes += token->type == RESP_ATTRIBUTE;
        return RESP_MORE;
    }
    if (token->type == RESP_ATTRIBUTE) {
        reader->attribute_pending = true;
        return RESP_MORE;
    }
    return leave(reader) ? RESP_DONE : RESP_MORE;
}

/* A value is complete, and with it perhaps the aggregates it is the last of. True when that was the
 * reply. */
static bool leave(struct resp_reader *reader)
{
    while (reader->depth) {
        struct resp_level *level = &reader->levels[reader->depth - 1];
        if (level->streamed) {
            level->remaining++;
            return false;
        }
        if (--level->remaining)
            return false;
        reader->depth--;
        if (level->type == RESP_ATTRIBUTE) { /* the value it is about comes next */
            reader->attributes--;
            reader->attribute_pending = true;
            return false;
        }
    }
    return true;
}

static bool is_aggregate(enum resp_type type)
{
    return type == RESP_ARRAY || type == RESP_MAP || type == RESP_SET || type == RESP_ATTRIBUTE ||
           type == RESP_PUSH;
}

/* ---- tokens ------------------------------------------------------------------------------------
 */

static enum resp_status scan_bad(struct scan *scan, const char *problem)
{
    scan->problem = problem;
    return RESP_BAD;
}

/* Digits only; false when there is none, or more than fit. */
static bool parse_digits(const char *text, size_t length, uint64_t limit, uint64_t *value)
{
    uint64_t sum = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || sum > (limit - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

static bool parse_integer(const char *text, size_t length, int64_t *value)
{
    bool negative = length && text[0] == '-';
    size_t sign = length && (negative || text[0] == '+');
    uint64_t magnitude;
    if (!parse_digits(text + sign, length - sign, (uint64_t)INT64_MAX + negative, &magnitude))
        return false;
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static size_t skip_digits(const char *text, size_t at, size_t length)
{
    while (at < length && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

static bool text_is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* [sign] digits [. digits] [e [sign] digits], inf, nan */
static bool is_double(const char *text, size_t length)
{
    size_t sign = length && (text[0] == '-' || text[0] == '+');
    if (text_is(text + sign, length - sign, "inf") || text_is(text + sign, length - sign, "nan"))
        return true;
    size_t at = skip_digits(text, sign, length);
    if (at == sign)
        return false;
    if (at < length && text[at] == '.') {
        size_t from = ++at;
        at = skip_digits(text, at, length);
        if (at == from)
            return false;
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < length && (text[at] == '-' || text[at] == '+');
        size_t from = at;
        at = skip_digits(text, at, length);
        if (at == from)
            return false;
    }
    return at == length;
}

static bool is_big_number(const char *text, size_t length)
{
    size_t sign = length && (text[0] == '-' || text[0] == '+');
    return length > sign && skip_digits(text, sign, length) == length;
}

/* The token's first line without type and line break. */
static enum resp_status scan_line(struct scan *scan, struct resp_token *token)
{
    const char *hint = scan->hint > scan->bytes ? scan->hint : scan->bytes + 1;
    const char *newline = hint < scan->end ? memchr(hint, '\n', (size_t)(scan->end - hint)) : NULL;
    size_t seen = (size_t)((newline ? newline : scan->end) - scan->bytes);
    if (seen > RESP_LINE_LIMIT)
        return scan_bad(scan, "too_large");
    if (!newline) {
        scan->needed = 1;
        scan->hint = scan->end;
        return RESP_MORE;
    }
    token->text = scan->bytes + 1;
    if (newline == token->text || newline[-1] != '\r')
        return scan_bad(scan, "bad_line");
    token->length = (size_t)(newline - token->text) - 1;
    scan->used = seen + 1;
    return RESP_DONE;
}

/* A length has been read: the string of a bulk, or nothing, or as much as comes. */
static enum resp_status scan_string(struct scan *scan, struct resp_token *token)
{
    uint64_t length;
    bool nullable = token->type == RESP_BULK;
    if (nullable && text_is(token->text, token->length, "-1")) {
        token->type = RESP_NULL;
        return RESP_DONE;
    }
    if (nullable && text_is(token->text, token->length, "?")) {
        token->streamed = true;
        token->length = 0;
        return RESP_DONE;
    }
    if (!parse_digits(token->text, token->length, INT64_MAX, &length))
        return scan_bad(scan, "bad_length");
    if (length > scan->size_limit)
        return scan_bad(scan, "too_large");
    token->text = scan->bytes + scan->used;
    token->length = (size_t)length;
    if (token->type == RESP_CHUNK && length == 0)
        return RESP_DONE;
    size_t there = (size_t)(scan->end - token->text);
    if (there < length + 2) {
        scan->needed = (size_t)length + 2 - there;
        return RESP_MORE;
    }
    if (token->text[length] != '\r' || token->text[length + 1] != '\n')
        return scan_bad(scan, "bad_length");
    if (token->type == RESP_VERBATIM && (length < 4 || token->text[3] != ':'))
        return scan_bad(scan, "bad_line"); /* three characters name the format */
    scan->used += (size_t)length + 2;
    return RESP_DONE;
}

static enum resp_status scan_aggregate(struct scan *scan, struct resp_token *token)
{
    bool twice = token->type == RESP_MAP || token->type == RESP_ATTRIBUTE;
    if (token->type == RESP_ARRAY && text_is(token->text, token->length, "-1")) {
        token->type = RESP_NULL;
        return RESP_DONE;
    }
    if (text_is(token->text, token->length, "?") && token->type != RESP_ATTRIBUTE &&
        token->type != RESP_PUSH) {
        token->streamed = true;
        return RESP_DONE;
    }
    if (!parse_digits(token->text, token->length, INT64_MAX / 2, &token->count))
        return scan_bad(scan, "bad_length");
    token->count *= twice ? 2 : 1;
    if (token->count > scan->size_limit / SMALLEST_VALUE)
        return scan_bad(scan, "too_large");
    if (token->type == RESP_PUSH && token->count == 0)
        return scan_bad(scan, "bad_length"); /* its first element says what it is */
    return RESP_DONE;
}

static enum resp_status scan_scalar(struct scan *scan, struct resp_token *token)
{
    const char *text = token->text;
    size_t length = token->length;
    switch (token->type) {
    case RESP_SIMPLE:
    case RESP_ERROR:
        return memchr(text, '\r', length) ? scan_bad(scan, "bad_line") : RESP_DONE;
    case RESP_INTEGER:
        return parse_integer(text, length, &token->integer) ? RESP_DONE
                                                            : scan_bad(scan, "bad_number");
    case RESP_BOOLEAN:
        token->integer = length == 1 && text[0] == 't';
        return length == 1 && (text[0] == 't' || text[0] == 'f') ? RESP_DONE
                                                                 : scan_bad(scan, "bad_number");
    case RESP_DOUBLE:
        return is_double(text, length) ? RESP_DONE : scan_bad(scan, "bad_number");
    case RESP_BIG_NUMBER:
        return is_big_number(text, length) ? RESP_DONE : scan_bad(scan, "bad_number");
    default: /* null and end: nothing else on the line */
        return length == 0 ? RESP_DONE : scan_bad(scan, "bad_line");
    }
}

static enum resp_status scan_token(struct scan *scan, struct resp_token *token)
{
    *token = (struct resp_token){0};
    scan->needed = 1;
    if (scan->bytes >= scan->end)
        return RESP_MORE;
    token->type = (enum resp_type)(unsigned char)*scan->bytes;
    /* An unknown byte is told at once: it may never be followed by a line's end. */
    if (!*scan->bytes || !strchr("+-:$*_#,(!=%~|>;.", *scan->bytes))
        return scan_bad(scan, "unknown_type");
    enum resp_status status = scan_line(scan, token);
    if (status != RESP_DONE)
        return status;
    switch (token->type) {
    case RESP_BULK:
    case RESP_BULK_ERROR:
    case RESP_VERBATIM:
    case RESP_CHUNK:
        return scan_string(scan, token);
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_ATTRIBUTE:
    case RESP_PUSH:
        return scan_aggregate(scan, token);
    default:
        return scan_scalar(scan, token);
    }
}

/* ---- cursor ------------------------------------------------------------------------------------
 */

bool resp_next(struct resp_cursor *cursor, struct resp_token *token)
{
    struct scan scan = {.bytes = cursor->at,
                        .end = cursor->end,
                        .hint = cursor->at,
                        .size_limit = (size_t)(cursor->end - cursor->at)};
    if (scan_token(&scan, token) != RESP_DONE)
        return false;
    cursor->at += scan.used;
    return true;
}

bool resp_skip(struct resp_cursor *cursor)
{
    struct resp_reader reader;
    size_t there = (size_t)(cursor->end - cursor->at);
    resp_reader_init(&reader, there);
    if (there == 0 || resp_read(&reader, cursor->at, there) != RESP_DONE)
        return false;
    cursor->at += reader.length;
    return true;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static int append_head(struct buffer *output, char type, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = '\n';
    digits[--at] = '\r';
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    digits[--at] = type;
    return buffer_append(output, digits + at, sizeof digits - at);
}

int resp_append_array(struct buffer *output, size_t count)
{
    return append_head(output, '*', count);
}

int resp_append_bulk(struct buffer *output, const void *bytes, size_t length)
{
    size_t before = buffer_length(output);
    if (append_head(output, '$', length) < 0)
        return -1;
    char *place = buffer_reserve(output, length + 2);
    if (!place) {
        output->end = output->start + before;
        return -1;
    }
    if (length)
        memcpy(place, bytes, length);
    memcpy(place + length, "\r\n", 2);
    buffer_commit(output, length + 2);
    return 0;
}

int resp_append_bulk_text(struct buffer *output, const char *text)
{
    return resp_append_bulk(output, text, strlen(text));
}
