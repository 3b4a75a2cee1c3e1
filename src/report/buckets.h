/* The compact text of filled buckets in result.json. Buckets in ascending order, one token each,
 * separated by a space: the distance from the bucket before (the first: from 0), then "xCOUNT"
 * unless the count is 1. "17408x3 1 2x5" is bucket 17408 three times, 17409 once, 17411 five times.
 */
#ifndef CICADA_REPORT_BUCKETS_H
#define CICADA_REPORT_BUCKETS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct buckets_writer {
    struct buffer *output;
    uint32_t last;
    bool any;
};
/* Append one; ascending. -1 when memory is out. */
int buckets_write(struct buckets_writer *writer, uint32_t bucket, uint64_t count);

struct buckets_reader {
    const char *text, *at;
    uint32_t limit; /* buckets are below it */
    uint32_t last;
    bool any;
    const char *problem; /* set at a failure: what is wrong at text[at - text] */
};
/* 1 and the next bucket, 0 at the end, -1 on a malformed text. */
int buckets_read(struct buckets_reader *reader, uint32_t *bucket, uint64_t *count);

#endif
