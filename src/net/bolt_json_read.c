/* JSON text to Bolt values; see bolt_json.h. One pass; sizes are filled in behind. */
#include "net/bolt_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT = 64 };

struct json_text {
    const char *at, *end;
    struct buffer *output;
};

static enum bolt_json_result take_value(struct json_text *text, unsigned depth);

enum bolt_json_result bolt_value_from_json(const char *bytes, size_t length, struct buffer *output,
                                           size_t *position)
{
    struct json_text text = {bytes, bytes + length, output};
    size_t before = buffer_length(output);
    enum bolt_json_result result = take_value(&text, BOLT_JSON_DEPTH);
    while (text.at < text.end && strchr(" \t\r\n", *text.at) && *text.at)
        text.at++;
    if (result == BOLT_JSON_OK && text.at < text.end)
        result = BOLT_JSON_MALFORMED;
    if (result != BOLT_JSON_OK)
        output->end = output->start + before;
    if (position)
        *position = (size_t)(text.at - bytes);
    return result;
}

static inline enum bolt_json_result wrote(int appended)
{
    return appended < 0 ? BOLT_JSON_FULL : BOLT_JSON_OK;
}

/* The next byte that is no white space, NUL at the end. */
static char next_byte(struct json_text *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\t' || *text->at == '\r' || *text->at == '\n'))
        text->at++;
    return text->at < text->end ? *text->at : 0;
}

static bool take_byte(struct json_text *text, char byte)
{
    if (next_byte(text) != byte)
        return false;
    text->at++;
    return true;
}

static bool take_word(struct json_text *text, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

/* ---- strings -----------------------------------------------------------------------------------
 */

static bool take_hex4(struct json_text *text, uint32_t *code)
{
    *code = 0;
    if (text->end - text->at < 4)
        return false;
    for (int i = 0; i < 4; i++, text->at++) {
        char byte = *text->at;
        if (!isxdigit((unsigned char)byte))
            return false;
        *code = *code << 4 | (uint32_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
    }
    return true;
}

static int append_utf8(struct buffer *output, uint32_t code)
{
    if (code < 0x80)
        return buffer_append_char(output, (char)code);
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    char bytes[4] = {(char)(first[more] | code >> 6 * more)};
    for (int i = 1; i <= more; i++)
        bytes[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3F));
    return buffer_append(output, bytes, (size_t)more + 1);
}

/* After the backslash. Half a surrogate pair is no character: U+FFFD. */
static enum bolt_json_result take_escape(struct json_text *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (text->at == text->end)
        return BOLT_JSON_MALFORMED;
    const char *simple = *text->at ? strchr(from, *text->at) : NULL;
    uint32_t code, low;
    text->at++;
    if (simple)
        return wrote(buffer_append_char(text->output, to[simple - from]));
    if (text->at[-1] != 'u' || !take_hex4(text, &code))
        return BOLT_JSON_MALFORMED;
    struct json_text second = *text;
    if (code >= 0xD800 && code < 0xDC00 && take_word(&second, "\\u") && take_hex4(&second, &low) &&
        low >= 0xDC00 && low < 0xE000) {
        text->at = second.at;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000)
        code = 0xFFFD;
    return wrote(append_utf8(text->output, code));
}

/* After the opening quote. Bytes beyond ASCII are copied as they are. */
static enum bolt_json_result take_string(struct json_text *text)
{
    size_t position;
    if (packstream_open(text->output, &position) < 0)
        return BOLT_JSON_FULL;
    size_t start = buffer_length(text->output);
    for (;;) {
        const char *plain = text->at;
        while (text->at < text->end && (unsigned char)*text->at >= 0x20 && *text->at != '"' &&
               *text->at != '\\')
            text->at++;
        if (text->at > plain && buffer_append(text->output, plain, (size_t)(text->at - plain)) < 0)
            return BOLT_JSON_FULL;
        if (text->at == text->end || (unsigned char)*text->at < 0x20)
            return BOLT_JSON_MALFORMED;
        if (*text->at++ == '"')
            break;
        enum bolt_json_result result = take_escape(text);
        if (result != BOLT_JSON_OK)
            return result;
    }
    return wrote(packstream_close(text->output, position, PACKSTREAM_STRING,
                                  buffer_length(text->output) - start));
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static size_t take_digits(struct json_text *text)
{
    const char *start = text->at;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9')
        text->at++;
    return (size_t)(text->at - start);
}

static enum bolt_json_result take_number(struct json_text *text)
{
    const char *start = text->at;
    bool integer = true;
    if (*text->at == '-')
        text->at++;
    bool zero = text->at < text->end && *text->at == '0';
    size_t digits = take_digits(text);
    if (digits == 0 || (zero && digits > 1))
        return BOLT_JSON_MALFORMED;
    if (text->at < text->end && *text->at == '.') {
        integer = false;
        text->at++;
        if (take_digits(text) == 0)
            return BOLT_JSON_MALFORMED;
    }
    if (text->at < text->end && (*text->at | 0x20) == 'e') {
        integer = false;
        text->at++;
        if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
            text->at++;
        if (take_digits(text) == 0)
            return BOLT_JSON_MALFORMED;
    }
    char number[NUMBER_TEXT];
    size_t length = (size_t)(text->at - start);
    if (length >= sizeof number)
        return BOLT_JSON_MALFORMED;
    memcpy(number, start, length);
    number[length] = 0;
    errno = 0;
    long long value = integer ? strtoll(number, NULL, 10) : 0;
    if (integer && errno == 0)
        return wrote(packstream_put_integer(text->output, value));
    return wrote(packstream_put_float(text->output, strtod(number, NULL)));
}

/* ---- lists and maps ----------------------------------------------------------------------------
 */

static enum bolt_json_result take_member(struct json_text *text, bool keyed, unsigned depth)
{
    if (keyed) {
        if (!take_byte(text, '"'))
            return BOLT_JSON_MALFORMED;
        enum bolt_json_result key = take_string(text);
        if (key != BOLT_JSON_OK)
            return key;
        if (!take_byte(text, ':'))
            return BOLT_JSON_MALFORMED;
    }
    return take_value(text, depth);
}

/* After the opening bracket. */
static enum bolt_json_result take_members(struct json_text *text, bool keyed, unsigned depth)
{
    size_t position, count = 0;
    char last = keyed ? '}' : ']';
    if (packstream_open(text->output, &position) < 0)
        return BOLT_JSON_FULL;
    while (!take_byte(text, last)) {
        if (count && !take_byte(text, ','))
            return BOLT_JSON_MALFORMED;
        enum bolt_json_result member = take_member(text, keyed, depth);
        if (member != BOLT_JSON_OK)
            return member;
        count++;
    }
    return wrote(
        packstream_close(text->output, position, keyed ? PACKSTREAM_MAP : PACKSTREAM_LIST, count));
}

static enum bolt_json_result take_value(struct json_text *text, unsigned depth)
{
    char byte = next_byte(text);
    if (depth == 0 || !byte)
        return BOLT_JSON_MALFORMED;
    if (byte == '"' || byte == '{' || byte == '[')
        text->at++;
    switch (byte) {
    case '"':
        return take_string(text);
    case '{':
        return take_members(text, true, depth - 1);
    case '[':
        return take_members(text, false, depth - 1);
    case 't':
        return take_word(text, "true") ? wrote(packstream_put_boolean(text->output, true))
                                       : BOLT_JSON_MALFORMED;
    case 'f':
        return take_word(text, "false") ? wrote(packstream_put_boolean(text->output, false))
                                        : BOLT_JSON_MALFORMED;
    case 'n':
        return take_word(text, "null") ? wrote(packstream_put_null(text->output))
                                       : BOLT_JSON_MALFORMED;
    default:
        return byte == '-' || (byte >= '0' && byte <= '9') ? take_number(text)
                                                           : BOLT_JSON_MALFORMED;
    }
}
