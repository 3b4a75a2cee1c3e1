/* The per-second hand-over. A worker counts into one record at a time; at the end of a slice (a
 * second, or less in a short run) it passes the record to the coordinator through a lock-free ring
 * with one writer and one reader, and takes an emptied one from a second ring that runs back. */
#ifndef CICADA_ENGINE_RECORD_H
#define CICADA_ENGINE_RECORD_H

#include "base/outcome.h"
#include "metrics/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_bucket { /* open addressing; key 0 is empty */
    uint32_t key;      /* (operation << 12 | coarse index) + 1 */
    uint32_t count;
};
struct record_operation {
    uint32_t ok, failed;
};

struct record {
    uint32_t slice; /* counted from the start of the phase */
    uint32_t lane;  /* which target of the phase it is about */
    uint64_t started, ok, failed, censored;
    uint64_t outcomes[OUTCOME_KINDS];
    uint64_t bytes_sent, bytes_received;
    struct histogram latency;    /* of the ok ones */
    struct histogram send_delay; /* start against intended start, where the worker was free */
    struct record_operation *operations;
    size_t operation_count;
    struct record_bucket *buckets;
    uint32_t bucket_capacity, bucket_used; /* capacity is a power of two */
    uint64_t setup_ok, setup_failed;
    uint64_t unreachable; /* operations and setup that found no connection or lost it */
    char trouble[160];    /* the text of one of those */
    /* Gauges at the end of the slice. */
    uint32_t users, in_flight, queued, connections;
    uint64_t elapsed_ns, cpu_ns, busy_ns, lag_ns;
};

struct record *record_make(void); /* NULL when memory is out */
void record_free(struct record *record);
/* Empty it, for a target with so many operations. -1 when memory is out. */
int record_reset(struct record *record, size_t operations);
/* Count one finished operation. */
void record_count(struct record *record, uint32_t operation, enum outcome_kind outcome,
                  uint64_t latency_ns);
void record_merge(struct record *into, const struct record *from); /* the counts; not the gauges */

static inline uint32_t record_bucket_operation(uint32_t key)
{
    return (key - 1) >> 12;
}
static inline uint16_t record_bucket_index(uint32_t key)
{
    return (uint16_t)((key - 1) & 0xfff);
}

#define RECORD_RING 32

struct record_ring { /* one writer, one reader */
    atomic_size_t written;
    char apart[64]; /* the two ends on cache lines of their own */
    atomic_size_t read;
    struct record *records[RECORD_RING];
};
bool record_ring_push(struct record_ring *ring, struct record *record); /* false: full */
struct record *record_ring_pop(struct record_ring *ring);               /* NULL: empty */

#endif
