/* See record.h. */
#include "engine/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 256 };

static void bucket_add(struct record *record, uint32_t key, uint32_t count);
static int buckets_grow(struct record *record);

struct record *record_make(void)
{
    struct record *record = calloc(1, sizeof *record);
    if (!record)
        return NULL;
    histogram_init(&record->latency);
    histogram_init(&record->send_delay);
    record->buckets = calloc(FIRST_BUCKETS, sizeof *record->buckets);
    record->bucket_capacity = FIRST_BUCKETS;
    if (!record->buckets) {
        free(record);
        return NULL;
    }
    return record;
}

void record_free(struct record *record)
{
    if (!record)
        return;
    histogram_free(&record->latency);
    histogram_free(&record->send_delay);
    free(record->operations);
    free(record->buckets);
    free(record);
}

int record_reset(struct record *record, size_t operations)
{
    struct record kept = *record;
    histogram_reset(&kept.latency);
    histogram_reset(&kept.send_delay);
    if (kept.operation_count != operations) {
        free(kept.operations);
        kept.operations = calloc(operations ? operations : 1, sizeof *kept.operations);
        kept.operation_count = kept.operations ? operations : 0;
    } else if (operations) {
        memset(kept.operations, 0, operations * sizeof *kept.operations);
    }
    if (kept.bucket_used)
        memset(kept.buckets, 0, kept.bucket_capacity * sizeof *kept.buckets);
    *record = (struct record){
        .latency = kept.latency,
        .send_delay = kept.send_delay,
        .operations = kept.operations,
        .operation_count = kept.operation_count,
        .buckets = kept.buckets,
        .bucket_capacity = kept.bucket_capacity,
    };
    return kept.operations ? 0 : -1;
}

void record_count(struct record *record, uint32_t operation, enum outcome_kind outcome,
                  uint64_t latency_ns)
{
    record->outcomes[outcome]++;
    struct record_operation *counts = &record->operations[operation];
    if (outcome == OUTCOME_OK) {
        record->ok++;
        counts->ok++;
        histogram_record(&record->latency, latency_ns);
        bucket_add(record, (operation << 12 | histogram_coarse_index(latency_ns)) + 1, 1);
        return;
    }
    counts->failed++;
    if (outcome_is_censored(outcome))
        record->censored++;
    else
        record->failed++;
}

void record_merge(struct record *into, const struct record *from)
{
    into->started += from->started;
    into->ok += from->ok;
    into->failed += from->failed;
    into->censored += from->censored;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        into->outcomes[kind] += from->outcomes[kind];
    into->bytes_sent += from->bytes_sent;
    into->bytes_received += from->bytes_received;
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->send_delay, &from->send_delay);
    for (size_t i = 0; i < from->operation_count && i < into->operation_count; i++) {
        into->operations[i].ok += from->operations[i].ok;
        into->operations[i].failed += from->operations[i].failed;
    }
    for (uint32_t i = 0; i < from->bucket_capacity; i++)
        if (from->buckets[i].key)
            bucket_add(into, from->buckets[i].key, from->buckets[i].count);
    into->setup_ok += from->setup_ok;
    into->setup_failed += from->setup_failed;
    into->unreachable += from->unreachable;
    if (from->trouble[0])
        snprintf(into->trouble, sizeof into->trouble, "%s", from->trouble);
}

bool record_ring_push(struct record_ring *ring, struct record *record)
{
    size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&ring->read, memory_order_acquire) == RECORD_RING)
        return false;
    ring->records[written % RECORD_RING] = record;
    atomic_store_explicit(&ring->written, written + 1, memory_order_release);
    return true;
}

struct record *record_ring_pop(struct record_ring *ring)
{
    size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (read == atomic_load_explicit(&ring->written, memory_order_acquire))
        return NULL;
    struct record *record = ring->records[read % RECORD_RING];
    atomic_store_explicit(&ring->read, read + 1, memory_order_release);
    return record;
}

static struct record_bucket *bucket_of(const struct record *record, uint32_t key)
{
    uint32_t place = key * UINT32_C(2654435769);
    for (;; place++) {
        struct record_bucket *bucket = &record->buckets[place & (record->bucket_capacity - 1)];
        if (bucket->key == key || bucket->key == 0)
            return bucket;
    }
}

/* Out of memory loses detail of one operation's second, never a count of the phase. */
static void bucket_add(struct record *record, uint32_t key, uint32_t count)
{
    struct record_bucket *bucket = bucket_of(record, key);
    if (bucket->key == 0) {
        if ((record->bucket_used + 1) * 2 > record->bucket_capacity) {
            if (buckets_grow(record) < 0)
                return;
            bucket = bucket_of(record, key);
        }
        bucket->key = key;
        record->bucket_used++;
    }
    bucket->count += count;
}

static int buckets_grow(struct record *record)
{
    struct record grown = {.bucket_capacity = record->bucket_capacity * 2};
    grown.buckets = calloc(grown.bucket_capacity, sizeof *grown.buckets);
    if (!grown.buckets)
        return -1;
    for (uint32_t i = 0; i < record->bucket_capacity; i++)
        if (record->buckets[i].key)
            *bucket_of(&grown, record->buckets[i].key) = record->buckets[i];
    free(record->buckets);
    record->buckets = grown.buckets;
    record->bucket_capacity = grown.bucket_capacity;
    return 0;
}
