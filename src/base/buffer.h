/* A growable byte queue with a hard limit. Bytes are appended at the end and consumed from the
 * front; the readable part is always contiguous. Growth doubles up to `limit`, beyond which
 * appending fails: no input, however long, makes a process eat the machine. */
#ifndef CICADA_BASE_BUFFER_H
#define CICADA_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *data;      /* NULL until first used */
    size_t start;    /* first readable byte */
    size_t end;      /* one past the last readable byte */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* readable bytes never exceed this */
};

void buffer_init(struct buffer *buffer, size_t limit); /* allocates nothing */
void buffer_free(struct buffer *buffer);               /* leaves it as after buffer_init */

static inline size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}
static inline char *buffer_bytes(const struct buffer *buffer)
{
    return buffer->data ? buffer->data + buffer->start : NULL;
}

/* Room for `count` more bytes: returns where to write them, NULL when the limit or memory is
 * reached. Call buffer_commit with what was really written. */
char *buffer_reserve(struct buffer *buffer, size_t count);
void buffer_commit(struct buffer *buffer, size_t count);

/* There is room for `count` more bytes without growing or moving anything. The limit may have been
 * lowered below what is there. */
static inline bool buffer_has_room(const struct buffer *buffer, size_t count)
{
    size_t length = buffer_length(buffer);
    return buffer->data && count <= buffer->capacity - buffer->end && length <= buffer->limit &&
           count <= buffer->limit - length;
}

/* Append; 0, or -1 when the limit or memory is reached (the buffer is then unchanged). Messages are
 * put together of many small pieces, most of which fit: that takes no call. */
int buffer_append_growing(struct buffer *buffer, const void *bytes, size_t count);
static inline int buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
    if (!count || !buffer_has_room(buffer, count))
        return buffer_append_growing(buffer, bytes, count);
    memcpy(buffer->data + buffer->end, bytes, count);
    buffer->end += count;
    return 0;
}
int buffer_append_text(struct buffer *buffer, const char *text);
static inline int buffer_append_char(struct buffer *buffer, char byte)
{
    if (!buffer_has_room(buffer, 1))
        return buffer_append_growing(buffer, &byte, 1);
    buffer->data[buffer->end++] = byte;
    return 0;
}
int buffer_append_uint(struct buffer *buffer, unsigned long long value);
int buffer_append_int(struct buffer *buffer, long long value);
int buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* RFC 4648, with padding; all of it or nothing. */
int buffer_append_base64(struct buffer *buffer, const void *bytes, size_t count);
/* Append `count` bytes of UTF-8 as the inside of a JSON string (escaped, without the quotes). */
int buffer_append_json_escaped(struct buffer *buffer, const char *bytes, size_t count);

void buffer_consume(struct buffer *buffer, size_t count); /* drop from the front */
void buffer_clear(struct buffer *buffer);                 /* drop all, keep the memory */
void buffer_shrink(
    struct buffer *buffer); /* give memory back when empty: idle connections hold none */

/* The readable bytes as a NUL-terminated string the caller frees; the buffer is freed. NULL on
 * memory exhaustion. */
char *buffer_take_string(struct buffer *buffer);

#endif
