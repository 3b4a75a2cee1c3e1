/* See json_scan.h. Strings dominate what servers answer, so that is where the speed is: 16 bytes at
 * a time (SSE2, or 8 in a machine word elsewhere) as long as nothing in them needs a look. */
#include "mcp/json_scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char *const ENDS_EARLY = "the text ends inside a value";

const char *json_scan_fail(struct json_scanner *scanner, const char *at, const char *problem)
{
    scanner->problem = problem;
    scanner->problem_at = at;
    return NULL;
}

/* ---- strings ---------------------------------------------------------------------------------
 */

#ifndef __SSE2__
/* Non-zero when one of the eight bytes is a quote, a backslash, a control or not ASCII. */
static uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    return ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops;
}
#endif

static bool is_plain(char byte)
{
    return (signed char)byte >= 0x20 && byte != '"' && byte != '\\';
}

/* The first byte from `at` on that is a quote, a backslash, a control or not ASCII; or the end. */
static inline const char *skip_plain(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* Compared as signed: controls and bytes from 0x80 on are both below a space. */
        __m128i special = _mm_or_si128(
            _mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#else
    for (uint64_t word; end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word);
        if (special_bytes(word))
            break;
    }
#endif
    while (at < end && is_plain(*at))
        at++;
    return at;
}

static bool is_continuation(char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* One sequence of two to four bytes (RFC 3629 section 4: no overlong form, no surrogate, nothing
 * above U+10FFFF). Returns one past it, NULL when there is none. */
static const char *skip_sequence(const char *at, const char *end)
{
    unsigned char lead = (unsigned char)at[0];
    ptrdiff_t left = end - at;
    unsigned char second = left > 1 ? (unsigned char)at[1] : 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        return is_continuation((char)second) ? at + 2 : NULL;
    if (lead >= 0xe0 && lead <= 0xef) {
        unsigned char low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
        return left > 2 && second >= low && second <= high && is_continuation(at[2]) ? at + 3
                                                                                     : NULL;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        unsigned char low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
        return left > 3 && second >= low && second <= high && is_continuation(at[2]) &&
                       is_continuation(at[3])
                   ? at + 4
                   : NULL;
    }
    return NULL;
}

static bool is_hexadecimal(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

/* `at` is a backslash. A lone surrogate such as \ud800 is grammatical (RFC 8259 section 8.2). */
static const char *skip_escape(struct json_scanner *scanner, const char *at)
{
    if (scanner->end - at < 2)
        return json_scan_fail(scanner, at, ENDS_EARLY);
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        if (scanner->end - at >= 6 && is_hexadecimal(at[2]) && is_hexadecimal(at[3]) &&
            is_hexadecimal(at[4]) && is_hexadecimal(at[5]))
            return at + 6;
        return json_scan_fail(scanner, at, "a \\u escape without four hexadecimal digits");
    default:
        return json_scan_fail(scanner, at, "an unknown escape in a string");
    }
}

const char *json_scan_string(struct json_scanner *scanner, const char *at, bool *escaped)
{
    *escaped = false;
    for (;;) {
        at = skip_plain(at, scanner->end);
        if (at == scanner->end)
            return json_scan_fail(scanner, at, "the text ends inside a string");
        if (*at == '"')
            return at;
        if (*at == '\\') {
            *escaped = true;
            at = skip_escape(scanner, at);
            if (!at)
                return NULL;
            continue;
        }
        if ((unsigned char)*at < 0x20)
            return json_scan_fail(scanner, at, "an unescaped control character in a string");
        do { /* text that is not ASCII rarely comes alone: stay here as long as it lasts */
            const char *next = skip_sequence(at, scanner->end);
            if (!next)
                return json_scan_fail(scanner, at, "invalid UTF-8");
            at = next;
        } while (at < scanner->end && (signed char)*at < 0);
    }
}

/* ---- numbers and literals ----------------------------------------------------------------------
 */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static const char *scan_number(struct json_scanner *scanner, const char *at)
{
    const char *end = scanner->end, *start = at, *digits;
    if (*at == '-')
        at++;
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (at > digits + 1 && *digits == '0'))
        return json_scan_fail(scanner, start, "a malformed number");
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return json_scan_fail(scanner, start, "a malformed number");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return json_scan_fail(scanner, start, "a malformed number");
    }
    return at;
}

static const char *scan_literal(struct json_scanner *scanner, const char *at, const char *literal,
                                size_t length)
{
    if ((size_t)(scanner->end - at) < length || memcmp(at, literal, length) != 0)
        return json_scan_fail(scanner, at, "an unknown word where a value should be");
    return at + length;
}

static const char *scan_scalar(struct json_scanner *scanner, const char *at)
{
    switch (*at) {
    case 't':
        return scan_literal(scanner, at, "true", 4);
    case 'f':
        return scan_literal(scanner, at, "false", 5);
    case 'n':
        return scan_literal(scanner, at, "null", 4);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(scanner, at);
    default:
        return json_scan_fail(scanner, at, "something that is no JSON value");
    }
}

/* ---- containers --------------------------------------------------------------------------------
 */

/* `at` is just past a comma or the opening brace, space skipped: `"key" :`, and the space after it.
 * Returns the first byte of the value. */
static inline const char *scan_key(struct json_scanner *scanner, const char *at,
                                   const char **key_end, bool *escaped)
{
    if (at == scanner->end || *at != '"')
        return json_scan_fail(scanner, at, "a member without a key in quotes");
    at = json_scan_string(scanner, at + 1, escaped);
    if (!at)
        return NULL;
    *key_end = at;
    at = json_skip_space(at + 1, scanner->end);
    if (at == scanner->end || *at != ':')
        return json_scan_fail(scanner, at, "a key without a colon after it");
    at = json_skip_space(at + 1, scanner->end);
    return at == scanner->end ? json_scan_fail(scanner, at, ENDS_EARLY) : at;
}

static const char *scan_array(struct json_scanner *scanner, const char *at, unsigned depth)
{
    const char *end = scanner->end;
    at = json_skip_space(at + 1, end);
    if (at < end && *at == ']')
        return at + 1;
    for (;;) {
        if (at == end)
            return json_scan_fail(scanner, at, ENDS_EARLY);
        at = json_scan_value(scanner, at, depth);
        if (!at)
            return NULL;
        at = json_skip_space(at, end);
        if (at < end && *at == ']')
            return at + 1;
        if (at == end || *at != ',')
            return json_scan_fail(scanner, at, "neither a comma nor ] after an array element");
        at = json_skip_space(at + 1, end);
    }
}

static const char *scan_object(struct json_scanner *scanner, const char *at, unsigned depth)
{
    const char *end = scanner->end, *key_end = at;
    bool escaped;
    at = json_skip_space(at + 1, end);
    if (at < end && *at == '}')
        return at + 1;
    for (;;) {
        at = scan_key(scanner, at, &key_end, &escaped);
        if (!at)
            return NULL;
        at = json_scan_value(scanner, at, depth);
        if (!at)
            return NULL;
        at = json_skip_space(at, end);
        if (at < end && *at == '}')
            return at + 1;
        if (at == end || *at != ',')
            return json_scan_fail(scanner, at, "neither a comma nor } after a member");
        at = json_skip_space(at + 1, end);
    }
}

const char *json_scan_value(struct json_scanner *scanner, const char *at, unsigned depth)
{
    bool escaped;
    switch (*at) {
    case '"':
        at = json_scan_string(scanner, at + 1, &escaped);
        return at ? at + 1 : NULL;
    case '{':
    case '[':
        if (depth == 0)
            return json_scan_fail(scanner, at, "nested too deep");
        return *at == '{' ? scan_object(scanner, at, depth - 1)
                          : scan_array(scanner, at, depth - 1);
    default:
        return scan_scalar(scanner, at);
    }
}

const char *json_scan_members(struct json_scanner *scanner, const char *at,
                              json_member_function *member, void *context)
{
    const char *end = scanner->end, *key_end = at;
    bool escaped;
    at = json_skip_space(at + 1, end);
    if (at < end && *at == '}')
        return at + 1;
    for (;;) {
        const char *key = at + 1;
        at = scan_key(scanner, at, &key_end, &escaped);
        if (!at)
            return NULL;
        at = member(scanner, context, key, key_end, escaped, at);
        if (!at)
            return NULL;
        at = json_skip_space(at, end);
        if (at < end && *at == '}')
            return at + 1;
        if (at == end || *at != ',')
            return json_scan_fail(scanner, at, "neither a comma nor } after a member");
        at = json_skip_space(at + 1, end);
    }
}
