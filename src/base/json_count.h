/* Counts by name, as an object of jansson: how often each name was seen. */
#ifndef CICADA_BASE_JSON_COUNT_H
#define CICADA_BASE_JSON_COUNT_H

#include <jansson.h>
#include <stddef.h>

/* The name, of so many bytes, was seen once more. When memory is out, it is not counted. */
static inline void json_count(json_t *counts, const char *name, size_t length)
{
    json_t *there = json_object_getn(counts, name, length);
    if (there)
        json_integer_set(there, json_integer_value(there) + 1);
    else
        json_object_setn_new(counts, name, length, json_integer(1));
}

#endif
