/* PackStream, the value encoding of the Bolt protocol (neo4j.com/docs/bolt, "PackStream" version
 * 1): null, boolean, 64-bit integer, float, bytes, UTF-8 text, list, dictionary and tagged
 * structure.
 *
 * Writing appends to a buffer, always in the shortest form. Reading walks bytes in place and copies
 * nothing: a value that has parts (list, map, structure) is its header, and its parts follow. */
#ifndef CICADA_NET_PACKSTREAM_H
#define CICADA_NET_PACKSTREAM_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- writing: 0, or -1 when the buffer's limit or memory is reached -------------------------- */

int packstream_put_null(struct buffer *output);
int packstream_put_boolean(struct buffer *output, bool value);
int packstream_put_integer(struct buffer *output, int64_t value);
int packstream_put_float(struct buffer *output, double value);
int packstream_put_bytes(struct buffer *output, const void *bytes, size_t length);
int packstream_put_string(struct buffer *output, const char *text, size_t length);
int packstream_put_text(struct buffer *output, const char *text); /* NUL-terminated */
/* Headers: `count` values follow, for a map as many pairs of a string and a value. */
int packstream_put_list(struct buffer *output, size_t count);
int packstream_put_map(struct buffer *output, size_t count);
int packstream_put_structure(struct buffer *output, uint8_t tag, unsigned count); /* at most 15 */

/* What has parts whose number is known only once they are written: open, write the parts, close
 * with their number (for a string: its bytes). Positions count from the front of the buffer's
 * readable bytes, so that nothing may be consumed in between. */
enum packstream_type {
    PACKSTREAM_NULL,
    PACKSTREAM_BOOLEAN,
    PACKSTREAM_INTEGER,
    PACKSTREAM_FLOAT,
    PACKSTREAM_BYTES,
    PACKSTREAM_STRING,
    PACKSTREAM_LIST,
    PACKSTREAM_MAP,
    PACKSTREAM_STRUCTURE
};
int packstream_open(struct buffer *output, size_t *position);
/* `type` is PACKSTREAM_STRING, _LIST or _MAP. */
int packstream_close(struct buffer *output, size_t position, enum packstream_type type,
                     size_t count);

/* ---- reading ----------------------------------------------------------------------------------
 */

struct packstream_reader {
    const uint8_t *at, *end;
};

struct packstream_value {
    enum packstream_type type;
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *bytes; /* of a string or bytes: in the input, not terminated */
    };
    size_t length; /* of a string or bytes */
    size_t count;  /* parts that follow: values of a list or structure, pairs of a map */
    uint8_t tag;   /* of a structure */
};

static inline struct packstream_reader packstream_reader_of(const void *bytes, size_t length)
{
    const uint8_t *start = bytes;
    return (struct packstream_reader){start, start + length};
}

/* The next value, or header. -1 when the input ends within it, when it begins with a byte that
 * means nothing, or when it promises more parts than bytes are left; the reader then stays where it
 * was. A string is not checked to be UTF-8. */
int packstream_read(struct packstream_reader *reader, struct packstream_value *value);
/* Step over one whole value with all its parts, however deep. -1 as above. */
int packstream_skip(struct packstream_reader *reader);
/* Find a key among the `count` pairs at `reader` (by value: it is not moved). 1 and the value's
 * header in *value with *after behind that header (may be NULL); 0 when there is no such key; -1
 * when the pairs are malformed. */
int packstream_find(struct packstream_reader reader, size_t count, const char *key,
                    struct packstream_value *value, struct packstream_reader *after);
bool packstream_is_text(const struct packstream_value *value, const char *text);

#endif
