/* See buffer.h. */
#include "base/buffer.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { SMALLEST_CAPACITY = 256, LONGEST_ESCAPE = 6, PIECE_BYTES = 512 };

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.limit = buffer->limit};
}

/* Slide the readable bytes to the front: cheaper than growing when half the room is already spent.
 */
static void slide_to_front(struct buffer *buffer)
{
    size_t length = buffer_length(buffer);
    if (length)
        memmove(buffer->data, buffer->data + buffer->start, length);
    buffer->start = 0;
    buffer->end = length;
}

static int grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return -1;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

char *buffer_reserve(struct buffer *buffer, size_t count)
{
    size_t length = buffer_length(buffer);
    if (count > buffer->limit || length > buffer->limit - count)
        return NULL;
    if (buffer->data && buffer->capacity - buffer->end >= count)
        return buffer->data + buffer->end;
    if (buffer->start)
        slide_to_front(buffer);
    if (!buffer->data || buffer->capacity - buffer->end < count)
        if (grow(buffer, length + count) < 0)
            return NULL;
    return buffer->data + buffer->end;
}

void buffer_commit(struct buffer *buffer, size_t count)
{
    buffer->end += count;
}

int buffer_append_growing(struct buffer *buffer, const void *bytes, size_t count)
{
    char *room = buffer_reserve(buffer, count);
    if (!room)
        return -1;
    if (count)
        memcpy(room, bytes, count);
    buffer->end += count;
    return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

int buffer_append_uint(struct buffer *buffer, unsigned long long value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return buffer_append(buffer, digits + at, sizeof digits - at);
}

int buffer_append_int(struct buffer *buffer, long long value)
{
    size_t before = buffer_length(buffer);
    unsigned long long size = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    if ((value >= 0 || buffer_append_char(buffer, '-') == 0) &&
        buffer_append_uint(buffer, size) == 0)
        return 0;
    buffer->end = buffer->start + before;
    return -1;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t limit = buffer->limit;
    if (limit < SIZE_MAX)
        buffer->limit++; /* for the terminator, which is not content */
    char *room = length < 0 ? NULL : buffer_reserve(buffer, (size_t)length + 1);
    buffer->limit = limit;
    if (room) {
        vsnprintf(room, (size_t)length + 1, format, again);
        buffer->end += (size_t)length;
    }
    va_end(again);
    return room ? 0 : -1;
}

/* What stands behind the backslash; 'u': the code, 0: the byte stands as it is (RFC 8259, 7). */
static char escape_of(unsigned char byte)
{
    static const char below_space[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte < 0x20)
        return below_space[byte] ? below_space[byte] : 'u';
    return byte == '"' || byte == '\\' ? (char)byte : '\0';
}

/* How many of eight bytes stand before the first that needs an escape, by arithmetic on all of them
 * at once: the lowest bit that is left over belongs to the first such byte. */
static size_t plain_of_eight(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    word = le64toh(word);
    uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';
    uint64_t escaped = (((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) |
                        ((backslashes - ones) & ~backslashes)) &
                       tops;
    return escaped ? (size_t)__builtin_ctzll(escaped) / 8 : 8;
}

static char *write_escape(char *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = byte == '"' ? '"' : escape_of(byte); /* as most are */
    if (out[-1] != 'u')
        return out;
    const char code[4] = {'0', '0', digits[byte >> 4], digits[byte & 15]};
    memcpy(out, code, sizeof code);
    return out + sizeof code;
}

#ifdef __SSE2__

/* Of sixteen bytes, a bit for each that needs an escape. */
static unsigned escapes_of_sixteen(const char *bytes)
{
    const __m128i word = _mm_loadu_si128((const __m128i *)bytes),
                  quotes = _mm_cmpeq_epi8(word, _mm_set1_epi8('"')),
                  backslashes = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\')),
                  controls = _mm_cmpeq_epi8(_mm_min_epu8(word, _mm_set1_epi8(0x1F)), word);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls));
}

/* As far as sixteen bytes can be read from each: how many were escaped. */
static size_t escape_most(char **out, const char *bytes, size_t count)
{
    char *to = *out;
    size_t at = 0;
    for (; count - at >= 32; at += 16) {
        const char *from = bytes + at, *end = from + 16;
        for (unsigned escapes = escapes_of_sixteen(from); escapes; escapes &= escapes - 1) {
            const char *next = end - 16 + __builtin_ctz(escapes);
            memcpy(to, from, 16); /* what is too much is written over */
            to = write_escape(to + (next - from), (unsigned char)*next);
            from = next + 1;
        }
        memcpy(to, from, 16);
        to += end - from;
    }
    *out = to;
    return at;
}

#else

static size_t escape_most(char **out, const char *bytes, size_t count)
{
    (void)out;
    (void)bytes;
    (void)count;
    return 0;
}

#endif

/* `out` has room for LONGEST_ESCAPE times as much, and 16 bytes more. */
static char *escape_piece(char *out, const char *bytes, size_t count)
{
    size_t at = escape_most(&out, bytes, count);
    while (count - at >= 8) {
        size_t plain = plain_of_eight(bytes + at);
        memcpy(out, bytes + at, 8); /* what is too much is written over */
        out += plain;
        at += plain;
        if (plain < 8)
            out = write_escape(out, (unsigned char)bytes[at++]);
    }
    for (; at < count; at++) {
        if (escape_of((unsigned char)bytes[at]))
            out = write_escape(out, (unsigned char)bytes[at]);
        else
            *out++ = bytes[at];
    }
    return out;
}

int buffer_append_json_escaped(struct buffer *buffer, const char *bytes, size_t count)
{
    char piece[LONGEST_ESCAPE * PIECE_BYTES + 16];
    size_t before = buffer_length(buffer);
    for (size_t at = 0; at < count; at += PIECE_BYTES) {
        size_t length = count - at < PIECE_BYTES ? count - at : PIECE_BYTES;
        bool roomy = buffer_has_room(buffer, LONGEST_ESCAPE * length + 16);
        char *out = roomy ? buffer->data + buffer->end : piece;
        size_t written = (size_t)(escape_piece(out, bytes + at, length) - out);
        if (roomy)
            buffer->end += written;
        else if (buffer_append(buffer, piece, written) < 0) {
            buffer->end = buffer->start + before;
            return -1;
        }
    }
    return 0;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->start += count;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

void buffer_shrink(struct buffer *buffer)
{
    if (buffer_length(buffer) == 0)
        buffer_free(buffer);
}

char *buffer_take_string(struct buffer *buffer)
{
    size_t limit = buffer->limit;
    buffer->limit = SIZE_MAX; /* the terminator is not content */
    int terminated = buffer_append_char(buffer, '\0');
    buffer->limit = limit;
    if (terminated < 0)
        return NULL;
    slide_to_front(buffer);
    char *text = buffer->data;
    *buffer = (struct buffer){.limit = limit};
    return text;
}

int buffer_append_base64(struct buffer *buffer, const void *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = bytes;
    char *to = count ? buffer_reserve(buffer, (count + 2) / 3 * 4) : NULL;
    if (!to)
        return count ? -1 : 0;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        unsigned group = (unsigned)from[i] << 16 | (left > 1 ? (unsigned)from[i + 1] << 8 : 0) |
                         (left > 2 ? (unsigned)from[i + 2] : 0);
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[group & 63] : '=';
    }
    buffer_commit(buffer, (count + 2) / 3 * 4);
    return 0;
}
