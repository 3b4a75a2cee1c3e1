/* See packstream.h. A marker byte says the type and, in its low half, a small size; larger sizes
 * follow in 1, 2 or 4 bytes, big-endian like all numbers here. */
#include "net/packstream.h"

#include <string.h>

enum marker {
    MARKER_TINY_STRING = 0x80,
    MARKER_TINY_LIST = 0x90,
    MARKER_TINY_MAP = 0xA0,
    MARKER_TINY_STRUCTURE = 0xB0,
    MARKER_NULL = 0xC0,
    MARKER_FLOAT = 0xC1,
    MARKER_FALSE = 0xC2,
    MARKER_TRUE = 0xC3,
    MARKER_INTEGER_8 = 0xC8, /* then 16, 32, 64 */
    MARKER_BYTES_8 = 0xCC,   /* then 16, 32 */
    MARKER_STRING_8 = 0xD0,
    MARKER_LIST_8 = 0xD4,
    MARKER_MAP_8 = 0xD8,
    MARKER_TINY_NEGATIVE = 0xF0
};

enum { TINY_SIZE = 15, HEADER_MOST = 5 };

static size_t make_header(uint8_t header[HEADER_MOST], uint8_t tiny, uint8_t sized, size_t size);
static int put_header(struct buffer *output, uint8_t tiny, uint8_t sized, size_t size);
static void store(uint8_t *to, uint64_t value, unsigned bytes);

/* ---- writing -----------------------------------------------------------------------------------
 */

int packstream_put_null(struct buffer *output)
{
    return buffer_append_char(output, (char)MARKER_NULL);
}

int packstream_put_boolean(struct buffer *output, bool value)
{
    return buffer_append_char(output, (char)(value ? MARKER_TRUE : MARKER_FALSE));
}

int packstream_put_integer(struct buffer *output, int64_t value)
{
    uint8_t text[9];
    unsigned bytes = value >= INT8_MIN && value <= INT8_MAX     ? 1
                     : value >= INT16_MIN && value <= INT16_MAX ? 2
                     : value >= INT32_MIN && value <= INT32_MAX ? 4
                                                                : 8;
    if (value >= -16 && value <= INT8_MAX)
        return buffer_append_char(output, (char)value);
    text[0] = (uint8_t)(MARKER_INTEGER_8 + (bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3));
    store(text + 1, (uint64_t)value, bytes);
    return buffer_append(output, text, bytes + 1);
}

int packstream_put_float(struct buffer *output, double value)
{
    uint8_t text[9] = {MARKER_FLOAT};
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    store(text + 1, bits, 8);
    return buffer_append(output, text, sizeof text);
}

int packstream_put_bytes(struct buffer *output, const void *bytes, size_t length)
{
    if (put_header(output, 0, MARKER_BYTES_8, length) < 0)
        return -1;
    return length ? buffer_append(output, bytes, length) : 0;
}

int packstream_put_string(struct buffer *output, const char *text, size_t length)
{
    if (put_header(output, MARKER_TINY_STRING, MARKER_STRING_8, length) < 0)
        return -1;
    return length ? buffer_append(output, text, length) : 0;
}

int packstream_put_text(struct buffer *output, const char *text)
{
    return packstream_put_string(output, text, strlen(text));
}

int packstream_put_list(struct buffer *output, size_t count)
{
    return put_header(output, MARKER_TINY_LIST, MARKER_LIST_8, count);
}

int packstream_put_map(struct buffer *output, size_t count)
{
    return put_header(output, MARKER_TINY_MAP, MARKER_MAP_8, count);
}

int packstream_put_structure(struct buffer *output, uint8_t tag, unsigned count)
{
    char header[2] = {(char)(MARKER_TINY_STRUCTURE | (count & TINY_SIZE)), (char)tag};
    return count > TINY_SIZE ? -1 : buffer_append(output, header, sizeof header);
}

int packstream_open(struct buffer *output, size_t *position)
{
    *position = buffer_length(output);
    return buffer_append_char(output, 0);
}

int packstream_close(struct buffer *output, size_t position, enum packstream_type type,
                     size_t count)
{
    static const uint8_t markers[][2] = {
        [PACKSTREAM_STRING] = {MARKER_TINY_STRING, MARKER_STRING_8},
        [PACKSTREAM_LIST] = {MARKER_TINY_LIST, MARKER_LIST_8},
        [PACKSTREAM_MAP] = {MARKER_TINY_MAP, MARKER_MAP_8},
    };
    uint8_t header[HEADER_MOST];
    size_t length = make_header(header, markers[type][0], markers[type][1], count);
    if (length == 0)
        return -1;
    if (length > 1) { /* one byte was left for it; most values need no more */
        size_t parts = buffer_length(output) - position - 1;
        if (!buffer_reserve(output, length - 1))
            return -1;
        buffer_commit(output, length - 1);
        char *start = buffer_bytes(output) + position;
        memmove(start + length, start + 1, parts);
    }
    memcpy(buffer_bytes(output) + position, header, length);
    return 0;
}

static void store(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* Its length; 0 when the size is beyond what 4 bytes say. tiny == 0: there is no tiny form. */
static size_t make_header(uint8_t header[HEADER_MOST], uint8_t tiny, uint8_t sized, size_t size)
{
    if (size > UINT32_MAX)
        return 0;
    if (tiny && size <= TINY_SIZE) {
        header[0] = (uint8_t)(tiny | size);
        return 1;
    }
    unsigned step = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : 2;
    header[0] = (uint8_t)(sized + step);
    store(header + 1, size, 1u << step);
    return 1 + (1u << step);
}

static int put_header(struct buffer *output, uint8_t tiny, uint8_t sized, size_t size)
{
    uint8_t header[HEADER_MOST];
    size_t length = make_header(header, tiny, sized, size);
    return length ? buffer_append(output, header, length) : -1;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static uint64_t load(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

static int64_t load_signed(const uint8_t *from, unsigned bytes)
{
    uint64_t value = load(from, bytes);
    uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    return (int64_t)((value ^ sign) - sign);
}

/* The markers from C0 on: what they begin, and how many bytes of size or number follow. */
struct meaning {
    uint8_t type, bytes;
    bool known;
};
static const struct meaning meanings[64] = {
    [MARKER_NULL - 0xC0] = {PACKSTREAM_NULL, 0, true},
    [MARKER_FLOAT - 0xC0] = {PACKSTREAM_FLOAT, 8, true},
    [MARKER_FALSE - 0xC0] = {PACKSTREAM_BOOLEAN, 0, true},
    [MARKER_TRUE - 0xC0] = {PACKSTREAM_BOOLEAN, 0, true},
    [MARKER_INTEGER_8 - 0xC0] = {PACKSTREAM_INTEGER, 1, true},
    [MARKER_INTEGER_8 + 1 - 0xC0] = {PACKSTREAM_INTEGER, 2, true},
    [MARKER_INTEGER_8 + 2 - 0xC0] = {PACKSTREAM_INTEGER, 4, true},
    [MARKER_INTEGER_8 + 3 - 0xC0] = {PACKSTREAM_INTEGER, 8, true},
    [MARKER_BYTES_8 - 0xC0] = {PACKSTREAM_BYTES, 1, true},
    [MARKER_BYTES_8 + 1 - 0xC0] = {PACKSTREAM_BYTES, 2, true},
    [MARKER_BYTES_8 + 2 - 0xC0] = {PACKSTREAM_BYTES, 4, true},
    [MARKER_STRING_8 - 0xC0] = {PACKSTREAM_STRING, 1, true},
    [MARKER_STRING_8 + 1 - 0xC0] = {PACKSTREAM_STRING, 2, true},
    [MARKER_STRING_8 + 2 - 0xC0] = {PACKSTREAM_STRING, 4, true},
    [MARKER_LIST_8 - 0xC0] = {PACKSTREAM_LIST, 1, true},
    [MARKER_LIST_8 + 1 - 0xC0] = {PACKSTREAM_LIST, 2, true},
    [MARKER_LIST_8 + 2 - 0xC0] = {PACKSTREAM_LIST, 4, true},
    [MARKER_MAP_8 - 0xC0] = {PACKSTREAM_MAP, 1, true},
    [MARKER_MAP_8 + 1 - 0xC0] = {PACKSTREAM_MAP, 2, true},
    [MARKER_MAP_8 + 2 - 0xC0] = {PACKSTREAM_MAP, 4, true},
};

/* A value with `size` bytes or parts, whose header ends at `at`. */
static int read_sized(struct packstream_reader *reader, const uint8_t *at, uint64_t size,
                      struct packstream_value *value)
{
    size_t left = (size_t)(reader->end - at);
    uint64_t least = value->type == PACKSTREAM_MAP ? 2 * size : size; /* each part has a byte */
    if (least > left)
        return -1;
    if (value->type == PACKSTREAM_STRING || value->type == PACKSTREAM_BYTES) {
        value->bytes = (const char *)at;
        value->length = (size_t)size;
        at += size;
    } else {
        value->count = (size_t)size;
    }
    reader->at = at;
    return 0;
}

static int read_tiny(struct packstream_reader *reader, uint8_t marker,
                     struct packstream_value *value)
{
    const uint8_t *at = reader->at + 1;
    switch (marker & 0xF0) {
    case MARKER_TINY_STRING:
        value->type = PACKSTREAM_STRING;
        break;
    case MARKER_TINY_LIST:
        value->type = PACKSTREAM_LIST;
        break;
    case MARKER_TINY_MAP:
        value->type = PACKSTREAM_MAP;
        break;
    default:
        value->type = PACKSTREAM_STRUCTURE;
        if (at == reader->end)
            return -1;
        value->tag = *at++;
    }
    return read_sized(reader, at, marker & TINY_SIZE, value);
}

int packstream_read(struct packstream_reader *reader, struct packstream_value *value)
{
    if (reader->at == reader->end)
        return -1;
    uint8_t marker = *reader->at;
    value->length = value->count = 0;
    if (marker < 0x80 || marker >= MARKER_TINY_NEGATIVE) {
        value->type = PACKSTREAM_INTEGER;
        value->integer = (int8_t)marker;
        reader->at++;
        return 0;
    }
    if (marker < 0xC0)
        return read_tiny(reader, marker, value);
    struct meaning meaning = meanings[marker - 0xC0];
    const uint8_t *at = reader->at + 1;
    if (!meaning.known || (size_t)(reader->end - at) < meaning.bytes)
        return -1;
    value->type = (enum packstream_type)meaning.type;
    uint64_t bits;
    switch (value->type) {
    case PACKSTREAM_NULL:
        break;
    case PACKSTREAM_BOOLEAN:
        value->boolean = marker == MARKER_TRUE;
        break;
    case PACKSTREAM_INTEGER:
        value->integer = load_signed(at, meaning.bytes);
        break;
    case PACKSTREAM_FLOAT:
        bits = load(at, 8);
        memcpy(&value->number, &bits, sizeof bits);
        break;
    default:
        return read_sized(reader, at + meaning.bytes, load(at, meaning.bytes), value);
    }
    reader->at = at + meaning.bytes;
    return 0;
}

/* Short texts and small numbers, which most values and all names of fields are. */
static inline bool skip_short(struct packstream_reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left == 0)
        return false;
    uint8_t marker = *reader->at;
    bool text = (marker & 0xF0) == MARKER_TINY_STRING;
    size_t size = text ? (size_t)(marker & TINY_SIZE) + 1 : 1;
    if (size > left || !(text || marker < 0x80 || marker >= MARKER_TINY_NEGATIVE))
        return false;
    reader->at += size;
    return true;
}

int packstream_skip(struct packstream_reader *reader)
{
    struct packstream_reader start = *reader;
    struct packstream_value value;
    for (uint64_t due = 1; due; due--) {
        if (skip_short(reader))
            continue;
        if (packstream_read(reader, &value) < 0) {
            *reader = start;
            return -1;
        }
        due += value.type == PACKSTREAM_MAP ? 2 * (uint64_t)value.count : value.count;
    }
    return 0;
}

int packstream_find(struct packstream_reader reader, size_t count, const char *key,
                    struct packstream_value *value, struct packstream_reader *after)
{
    for (; count; count--) {
        struct packstream_value name;
        if (packstream_read(&reader, &name) < 0 || name.type != PACKSTREAM_STRING)
            return -1;
        if (!packstream_is_text(&name, key)) {
            if (packstream_skip(&reader) < 0)
                return -1;
            continue;
        }
        if (packstream_read(&reader, value) < 0)
            return -1;
        if (after)
            *after = reader;
        return 1;
    }
    return 0;
}

bool packstream_is_text(const struct packstream_value *value, const char *text)
{
    size_t length = strlen(text);
    return value->type == PACKSTREAM_STRING && value->length == length &&
           memcmp(value->bytes, text, length) == 0;
}
