/* Reading parts of a text that jsonrpc_scan has passed: batches, members, strings. See jsonrpc.h.
 * All of it stays inside the span even when the text has not been scanned. */
#include "mcp/json_scan.h"
#include "mcp/jsonrpc.h"

/* ---- containers --------------------------------------------------------------------------------
 */

bool jsonrpc_batch_next(const char *bytes, size_t length, size_t *position, struct span *element)
{
    if (!bytes || *position >= length)
        return false;
    struct json_scanner scanner = {.end = bytes + length};
    const char *at = json_skip_space(bytes + *position, scanner.end);
    if (at == scanner.end || (*at != '[' && *at != ',') || (*at == '[') != (*position == 0))
        return false;
    at = json_skip_space(at + 1, scanner.end);
    if (at == scanner.end || *at == ']')
        return false;
    const char *end = json_scan_value(&scanner, at, JSONRPC_MAX_DEPTH);
    if (!end)
        return false;
    *element = (struct span){at, (size_t)(end - at)};
    *position = (size_t)(end - bytes);
    return true;
}

struct member_search {
    const char *name;
    struct span value;
};

static const char *seek_member(struct json_scanner *scanner, void *context, const char *key,
                               const char *key_end, bool key_escaped, const char *value)
{
    struct member_search *search = context;
    struct span name = {key, (size_t)(key_end - key)};
    const char *end = json_scan_value(scanner, value, JSONRPC_MAX_DEPTH);
    bool found =
        key_escaped ? span_string_equals(name, search->name) : span_equals(name, search->name);
    if (!end || !found)
        return end;
    search->value = (struct span){value, (size_t)(end - value)};
    return NULL; /* no need to read on */
}

struct span span_member(struct span object, const char *name)
{
    struct member_search search = {.name = name};
    if (object.start && object.length && *object.start == '{') {
        struct json_scanner scanner = {.end = object.start + object.length};
        json_scan_members(&scanner, object.start, seek_member, &search);
    }
    return search.value;
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

bool span_integer(struct span span, int64_t *value)
{
    size_t i = 0;
    bool negative = span.start && span.length && span.start[0] == '-';
    uint64_t magnitude = 0, most = (uint64_t)INT64_MAX + negative;
    if (!span.start || span.length == (size_t)negative)
        return false;
    for (i = negative; i < span.length; i++) {
        unsigned digit = (unsigned)(span.start[i] - '0');
        if (digit > 9 || magnitude > (most - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* ---- strings -----------------------------------------------------------------------------------
 */

static unsigned hexadecimal(const char *digits)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        unsigned digit = (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        value = value << 4 | (digit & 15);
    }
    return value;
}

static size_t encode_utf8(unsigned point, char bytes[4])
{
    if (point < 0x80) {
        bytes[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (char)(0xc0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (char)(0xe0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    bytes[0] = (char)(0xf0 | point >> 18);
    bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
    bytes[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* `at` is a "\u"; returns one past what it takes, two escapes for a pair of surrogates. */
static const char *decode_unicode(const char *at, const char *end, unsigned *point)
{
    *point = 0xfffd;
    if (end - at < 6)
        return end;
    unsigned high = hexadecimal(at + 2);
    at += 6;
    if (high >= 0xd800 && high <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        unsigned low = hexadecimal(at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return at + 6;
        }
    }
    if (high != 0 && (high < 0xd800 || high > 0xdfff))
        *point = high;
    return at;
}

/* `at` is a backslash: decode what follows it. */
static const char *decode_escape(const char *at, const char *end, char bytes[4], size_t *count)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    unsigned point;
    *count = 1;
    if (end - at < 2) {
        bytes[0] = '\\';
        return end;
    }
    if (at[1] == 'u') {
        at = decode_unicode(at, end, &point);
        *count = encode_utf8(point, bytes);
        return at;
    }
    const char *letter = at[1] ? strchr(letters, at[1]) : NULL;
    bytes[0] = letter ? controls[letter - letters] : at[1];
    return at + 2;
}

/* Bytes of the character at `at`, which may be cut short by `end`. */
static size_t character_length(const char *at, const char *end)
{
    unsigned char lead = (unsigned char)*at;
    size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length < (size_t)(end - at) ? length : (size_t)(end - at);
}

size_t span_unescape(struct span span, char *text, size_t size)
{
    size_t length = 0;
    const char *at = span.start, *end = span.length ? span.start + span.length : span.start;
    while (at < end) {
        char bytes[4];
        size_t count;
        const char *next;
        if (*at == '\\') {
            next = decode_escape(at, end, bytes, &count);
        } else {
            count = character_length(at, end);
            memcpy(bytes, at, count);
            next = at + count;
        }
        if (length + count >= size)
            break;
        memcpy(text + length, bytes, count);
        length += count;
        at = next;
    }
    if (size)
        text[length] = '\0';
    return length;
}

bool span_string_equals(struct span span, const char *text)
{
    char plain[256];
    if (!span.start || !memchr(span.start, '\\', span.length))
        return span_equals(span, text);
    size_t length = span_unescape(span, plain, sizeof plain);
    return length < sizeof plain - 4 && strcmp(plain, text) == 0;
}
