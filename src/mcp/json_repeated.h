/* Objects that messages repeat to the byte. Since 2026-07-28 a request says in its _meta who asks
 * and what that client can do, and most clients say the same in all their requests: more values
 * than the rest of a request has. The last few such texts are kept with what was read from them.
 *
 * A text that is an object ends where the object does, so what begins with a kept text begins with
 * the same object: one comparison of bytes finds it. */
#ifndef CICADA_MCP_JSON_REPEATED_H
#define CICADA_MCP_JSON_REPEATED_H

#include <jansson.h>
#include <stddef.h>

#define JSON_REPEATED_COUNT  4    /* texts that are kept */
#define JSON_REPEATED_LENGTH 2048 /* bytes of the longest that is */

/* All 0 is an empty one. One thread's at a time. */
struct json_repeated {
    struct {
        char *text;
        size_t length;
        json_t *value;
    } kept[JSON_REPEATED_COUNT];
    size_t next; /* to be replaced */
};

/* The object that the text from `at` to `end` begins with, and in *length that of its text; NULL:
 * it is not kept. A new reference to a value that others have as well: it must not be changed. */
json_t *json_repeated_find(const struct json_repeated *repeated, const char *at, const char *end,
                           size_t *length);
/* Keeps an object that was read from `length` bytes of text, in place of the oldest one. Too long
 * ones are not kept, nor any when memory is out. */
void json_repeated_keep(struct json_repeated *repeated, const char *text, size_t length,
                        json_t *value);
void json_repeated_free(struct json_repeated *repeated);

#endif
