/* RESP2 and RESP3, the protocol of Redis
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/): a reader that finds where a
 * reply ends, a cursor that walks over a reply's values, and the few functions that write a
 * command. Bytes are read where they lie; nothing is allocated but by resp_append_json.
 *
 * Every type is known: simple and bulk strings and errors, integers, nulls of both versions,
 * booleans, doubles, big numbers, verbatim strings, arrays, maps, sets, attributes, pushes, and the
 * streamed strings and aggregates. A reader does not ask which version was agreed on. */
#ifndef CICADA_NET_RESP_H
#define CICADA_NET_RESP_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RESP_DEPTH_LIMIT = 32,      /* aggregates within aggregates */
    RESP_LINE_LIMIT = 64 * 1024 /* bytes of a simple string or error, a number, a length */
};

enum resp_type {
    RESP_SIMPLE = '+',
    RESP_ERROR = '-',
    RESP_INTEGER = ':',
    RESP_BULK = '$',
    RESP_ARRAY = '*',
    RESP_NULL = '_', /* also $-1 and *-1 of RESP2 */
    RESP_BOOLEAN = '#',
    RESP_DOUBLE = ',',
    RESP_BIG_NUMBER = '(',
    RESP_BULK_ERROR = '!',
    RESP_VERBATIM = '=',
    RESP_MAP = '%',
    RESP_SET = '~',
    RESP_ATTRIBUTE = '|', /* about the value that follows; no value itself */
    RESP_PUSH = '>',      /* out of band: answers no command */
    RESP_CHUNK = ';',     /* of a streamed string; the empty one ends it */
    RESP_END = '.'        /* of a streamed aggregate */
};

/* One value, or the head of an aggregate whose elements follow as tokens of their own. */
struct resp_token {
    enum resp_type type;
    bool streamed;    /* a string whose chunks follow, an aggregate without a count */
    const char *text; /* of anything but an aggregate or null; into the bytes read */
    size_t length;
    int64_t integer; /* of an integer; 1 or 0 of a boolean */
    uint64_t count;  /* elements of an aggregate: keys and values each count as one */
};

enum resp_status { RESP_MORE, RESP_DONE, RESP_BAD };

/* Finds the end of one reply, attributes before it included, in bytes that come in any cut. */
struct resp_reader {
    size_t size_limit; /* bytes of one reply; set by resp_reader_init */

    /* Valid once RESP_DONE was returned. */
    enum resp_type type; /* of the reply; RESP_PUSH: it answers nothing */
    size_t length;       /* of the whole reply */
    size_t value_offset; /* of its value, past any attributes */
    bool has_error;      /* an error is in it, at the top or in an aggregate */
    size_t error_offset; /* of the first of them */

    size_t needed; /* with RESP_MORE: bytes that are missing at least */
    /* With RESP_BAD: what is wrong, in static snake_case: unknown_type, bad_length, bad_line,
     * bad_number, bad_nesting, too_deep, too_large. Its place is `offset`. */
    const char *problem;

    /* Private. */
    size_t offset, scanned;
    unsigned depth, attributes;
    bool attribute_pending;
    struct resp_level {
        uint64_t remaining; /* of a streamed one: elements so far */
        enum resp_type type;
        bool streamed;
    } levels[RESP_DEPTH_LIMIT];
};

void resp_reader_init(struct resp_reader *reader, size_t size_limit);
/* Forget the last reply; needed before the first byte of each other. */
void resp_reader_begin(struct resp_reader *reader);
/* `bytes` is where the reply begins and `length` how many bytes are there by now, which may be more
 * than one reply. After RESP_MORE call again with the same bytes and more; none is looked at twice
 * but those of the last token. */
enum resp_status resp_read(struct resp_reader *reader, const char *bytes, size_t length);

/* Walks over complete replies: the value tokens in order of their bytes. */
struct resp_cursor {
    const char *at, *end;
};
/* False at the end, and on anything that is not RESP. */
bool resp_next(struct resp_cursor *cursor, struct resp_token *token);
/* Skip one whole value with its attributes. False as above. */
bool resp_skip(struct resp_cursor *cursor);

/* Append the value at the cursor as JSON, and move past it. Strings are text: NUL and bytes that
 * are no UTF-8 become U+FFFD, a verbatim string loses its format. Integers and finite doubles are
 * numbers; big numbers, infinities and NaN strings. A map is an object when all its keys are
 * scalars, else an array of pairs. An error is {"error": "WRONGTYPE ..."}. Attributes are left out.
 * -1 when the buffer is full (it then holds a part), or when there is no whole value. */
int resp_append_json(struct buffer *output, struct resp_cursor *cursor);

/* A command is an array of bulk strings: resp_append_array(output, 2), then two times
 * resp_append_bulk. -1 when the buffer is full. */
int resp_append_array(struct buffer *output, size_t count);
int resp_append_bulk(struct buffer *output, const void *bytes, size_t length);
int resp_append_bulk_text(struct buffer *output, const char *text);

#endif
