/* A reply as JSON, for checks, captures and examples: see resp_append_json in resp.h. */
#include "net/resp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int append_value(struct buffer *output, struct resp_cursor *cursor, unsigned depth);

/* Length of the UTF-8 sequence at `text` (RFC 3629: shortest form, no surrogates); 0: it is none.
 */
static size_t utf8_length(const unsigned char *text, size_t length)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].first_low || text[0] > forms[i].first_high)
            continue;
        size_t count = forms[i].length;
        if (count > length)
            return 0;
        if (count > 1 && (text[1] < forms[i].second_low || text[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < count; k++)
            if ((text[k] & 0xC0) != 0x80)
                return 0;
        return count;
    }
    return 0;
}

static int append_text(struct buffer *output, const char *text, size_t length)
{
    size_t good = 0; /* bytes since `text` that are UTF-8 */
    while (good < length) {
        size_t count = utf8_length((const unsigned char *)text + good, length - good);
        if (count) {
            good += count;
            continue;
        }
        if (buffer_append_json_escaped(output, text, good) < 0 ||
            buffer_append_text(output, "\\ufffd") < 0)
            return -1;
        text += good + 1;
        length -= good + 1;
        good = 0;
    }
    return buffer_append_json_escaped(output, text, length);
}

static int append_string(struct buffer *output, const char *text, size_t length)
{
    if (buffer_append_char(output, '"') < 0 || append_text(output, text, length) < 0)
        return -1;
    return buffer_append_char(output, '"');
}

/* A character may be cut by the chunks, so they are put together first. */
static int append_chunks(struct buffer *output, struct resp_cursor *cursor)
{
    struct resp_token token;
    struct buffer whole;
    int result = -1;
    buffer_init(&whole, (size_t)(cursor->end - cursor->at));
    while (resp_next(cursor, &token) && token.type == RESP_CHUNK) {
        if (token.length == 0) {
            result = append_string(output, buffer_bytes(&whole), buffer_length(&whole));
            break;
        }
        if (buffer_append(&whole, token.text, token.length) < 0)
            break;
    }
    buffer_free(&whole);
    return result;
}

/* JSON takes neither a plus, nor leading zeros, nor what is no finite number. */
static int append_double(struct buffer *output, const char *text, size_t length)
{
    char copy[64];
    const char *digits = text + (*text == '-' || *text == '+');
    const char *end = text + length;
    while (end - digits > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
        digits++;
    size_t rest = (size_t)(end - digits);
    if (rest < sizeof copy) {
        memcpy(copy, digits, rest);
        copy[rest] = 0;
    }
    if (rest >= sizeof copy || !isfinite(strtod(copy, NULL)))
        return append_string(output, text, length);
    if (*text == '-' && buffer_append_char(output, '-') < 0)
        return -1;
    if (buffer_append(output, digits, rest) < 0)
        return -1;
    /* many digits would be read as an integer that does not fit */
    return rest > 15 && !strpbrk(copy, ".eE") ? buffer_append_text(output, ".0") : 0;
}

/* True when each key of the map at the cursor is a scalar; `count` as in its token. */
static bool keys_are_scalars(struct resp_cursor cursor, const struct resp_token *map)
{
    struct resp_token key;
    for (uint64_t i = 0; map->streamed || i < map->count; i += 2) {
        if (!resp_next(&cursor, &key))
            return false;
        if (key.type == RESP_END)
            return true;
        if (key.streamed || key.type == RESP_ARRAY || key.type == RESP_MAP ||
            key.type == RESP_SET || key.type == RESP_ATTRIBUTE || !resp_skip(&cursor))
            return false;
    }
    return true;
}

static int append_key(struct buffer *output, struct resp_cursor *cursor)
{
    struct resp_token key;
    if (!resp_next(cursor, &key))
        return -1;
    if (key.type == RESP_NULL)
        return append_string(output, "null", 4);
    size_t skip = key.type == RESP_VERBATIM ? 4 : 0;
    return append_string(output, key.text + skip, key.length - skip);
}

/* True when the aggregate ends here; of a streamed one this takes its end. */
static bool at_end(struct resp_cursor *cursor, const struct resp_token *head, uint64_t index)
{
    struct resp_cursor ahead = *cursor;
    struct resp_token token;
    if (!head->streamed)
        return index >= head->count;
    if (!resp_next(&ahead, &token) || token.type != RESP_END)
        return false;
    *cursor = ahead;
    return true;
}

static int append_map(struct buffer *output, struct resp_cursor *cursor,
                      const struct resp_token *head, unsigned depth)
{
    bool object = keys_are_scalars(*cursor, head);
    if (buffer_append_char(output, object ? '{' : '[') < 0)
        return -1;
    for (uint64_t i = 0; !at_end(cursor, head, i); i += 2) {
        if (i && buffer_append_char(output, ',') < 0)
            return -1;
        if (object) {
            if (append_key(output, cursor) < 0 || buffer_append_char(output, ':') < 0 ||
                append_value(output, cursor, depth) < 0)
                return -1;
        } else if (buffer_append_char(output, '[') < 0 || append_value(output, cursor, depth) < 0 ||
                   buffer_append_char(output, ',') < 0 || append_value(output, cursor, depth) < 0 ||
                   buffer_append_char(output, ']') < 0) {
            return -1;
        }
    }
    return buffer_append_char(output, object ? '}' : ']');
}

static int append_list(struct buffer *output, struct resp_cursor *cursor,
                       const struct resp_token *head, unsigned depth)
{
    if (buffer_append_char(output, '[') < 0)
        return -1;
    for (uint64_t i = 0; !at_end(cursor, head, i); i++)
        if ((i && buffer_append_char(output, ',') < 0) || append_value(output, cursor, depth) < 0)
            return -1;
    return buffer_append_char(output, ']');
}

static int append_scalar(struct buffer *output, const struct resp_token *token)
{
    switch (token->type) {
    case RESP_NULL:
        return buffer_append_text(output, "null");
    case RESP_BOOLEAN:
        return buffer_append_text(output, token->integer ? "true" : "false");
    case RESP_INTEGER:
        return buffer_printf(output, "%lld", (long long)token->integer);
    case RESP_DOUBLE:
        return append_double(output, token->text, token->length);
    case RESP_VERBATIM:
        return append_string(output, token->text + 4, token->length - 4);
    case RESP_ERROR:
    case RESP_BULK_ERROR:
        if (buffer_append_text(output, "{\"error\":") < 0 ||
            append_string(output, token->text, token->length) < 0)
            return -1;
        return buffer_append_char(output, '}');
    default:
        return append_string(output, token->text, token->length);
    }
}

int resp_append_json(struct buffer *output, struct resp_cursor *cursor)
{
    return append_value(output, cursor, 0);
}

static int append_value(struct buffer *output, struct resp_cursor *cursor, unsigned depth)
{
    struct resp_token token;
    if (depth > RESP_DEPTH_LIMIT)
        return -1;
    for (;;) {
        if (!resp_next(cursor, &token))
            return -1;
        if (token.type != RESP_ATTRIBUTE)
            break;
        for (uint64_t i = 0; i < token.count; i++)
            if (!resp_skip(cursor))
                return -1;
    }
    switch (token.type) {
    case RESP_CHUNK:
    case RESP_END:
        return -1;
    case RESP_MAP:
        return append_map(output, cursor, &token, depth + 1);
    case RESP_ARRAY:
    case RESP_SET:
    case RESP_PUSH:
        return append_list(output, cursor, &token, depth + 1);
    default:
        return token.type == RESP_BULK && token.streamed ? append_chunks(output, cursor)
                                                         : append_scalar(output, &token);
    }
}
