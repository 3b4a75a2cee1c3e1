/* Structs to JSON and back by tables: one table of a struct's fields serves both directions, so
 * what is written is what is read. Reading is strict: a member that is missing, of the wrong type,
 * out of range or unknown is an error that names its place
 * ("phases[1].targets[0].operations[3].started"). */
#ifndef CICADA_REPORT_JSON_RECORD_H
#define CICADA_REPORT_JSON_RECORD_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_field_type {
    FIELD_U64,     /* uint64_t, written as an integer; more than 2^63 - 1 cannot be */
    FIELD_U32,     /* uint32_t */
    FIELD_INTEGER, /* int */
    FIELD_BOOL,    /* bool */
    FIELD_NUMBER,  /* double; null when not finite */
    FIELD_TEXT,    /* char *, owned; bytes that are not UTF-8 are written as U+FFFD */
    FIELD_VALUE,   /* json_t *, owned: any JSON */
    FIELD_OBJECT,  /* the same: an object */
    FIELD_ARRAY,   /* an array */
    FIELD_RECORDS, /* an array: pointer at `offset`, size_t count at `count_offset`, of `record` */
    FIELD_CODEC,   /* by `codec` */
    FIELD_DERIVED  /* computed from the rest when written (by others); skipped when read */
};

struct json_reader {
    const char *source; /* file name, for messages */
    struct error *error;
    void *context; /* of the codecs */
    char path[256];
    size_t path_length;
};

struct json_codec {
    /* NULL when it cannot be written; json_null() leaves an optional member out. */
    json_t *(*write)(const void *member);
    int (*read)(struct json_reader *reader, const json_t *value, void *member);
};

struct json_record;

struct json_field {
    const char *name;
    enum json_field_type type;
    bool optional; /* left out when NULL, 0, false or empty; absent means that */
    size_t offset, count_offset;
    const struct json_record *record;
    const struct json_codec *codec;
};

struct json_record {
    size_t size;              /* of the struct */
    void (*init)(void *base); /* before it is read; NULL: zeroed is right */
    const struct json_field *fields;
    size_t field_count;
};

/* A new object; NULL when memory is out or a value cannot be represented, with the place in error.
 */
json_t *json_record_write(const struct json_record *record, const void *base, struct error *error);

/* Fill `base` (of record->size bytes, zeroed). What was read before a failure stays in it, so that
 * the caller frees it as if whole. */
int json_record_read(struct json_reader *reader, const struct json_record *record,
                     const json_t *object, void *base);

/* For codecs. Enter a place of the path (returns what to leave to), leave it, and fail there: fills
 * the error as "source: path: text", returns -1. */
size_t json_reader_enter(struct json_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void json_reader_leave(struct json_reader *reader, size_t length);
int json_reader_fail(struct json_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* An integer in [low, high]. */
int json_reader_integer(struct json_reader *reader, const json_t *value, int64_t low, int64_t high,
                        int64_t *integer);
/* Member `name` of `object`, which must be of `type`; NULL after failing. */
const json_t *json_reader_member(struct json_reader *reader, const json_t *object, const char *name,
                                 json_type type);

/* Fail when `object` has a member that is not one of `known` (NULL-ended). */
int json_reader_only(struct json_reader *reader, const json_t *object, const char *const *known);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL when memory is out. */
json_t *json_text(const char *text);
const char *json_type_name(const json_t *value); /* "an object", "a string", ... for messages */

#endif
