/* See series.h. */
#include "engine/series.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SLIVER_NS (100 * NS_PER_MS)

static struct series_sum *sum_take(struct series *series);
static void sum_free(struct series_sum *sum);
static void sum_give(struct series *series, struct series_sum *sum);
static struct series_sum *sum_of_slice(struct series *series, uint32_t slice);
static int slices_complete(struct series *series, uint32_t until);
static int second_complete(struct series *series);

int series_begin(struct series *series, struct phase_target *target, uint32_t workers,
                 size_t operations, uint32_t slices_per_second, uint32_t first_second)
{
    uint32_t *delivered = realloc(series->delivered, workers * sizeof *delivered);
    if (!delivered)
        return -1;
    memset(delivered, 0, workers * sizeof *delivered);
    series->delivered = delivered;
    series->workers = workers;
    series->operations = operations;
    series->slices_per_second = slices_per_second;
    series->first_second = first_second;
    series->slices_done = 0;
    series->target = target;
    return 0;
}

int series_add(struct series *series, uint32_t worker, const struct record *record, bool last)
{
    struct series_sum *sum = sum_of_slice(series, record->slice);
    if (!sum)
        return -1;
    record_merge(sum->record, record);
    sum->users += record->users;
    sum->in_flight += record->in_flight;
    sum->queued += record->queued;
    sum->connections += record->connections;
    if (record->lag_ns > sum->lag_ns)
        sum->lag_ns = record->lag_ns;
    if (record->elapsed_ns > sum->elapsed_ns)
        sum->elapsed_ns = record->elapsed_ns;
    uint64_t busy_ns = record->busy_ns > record->cpu_ns ? record->busy_ns : record->cpu_ns;
    double busy = record->elapsed_ns ? (double)busy_ns / (double)record->elapsed_ns : 0;
    busy = busy > 1 ? 1 : busy;
    if (busy > sum->busiest)
        sum->busiest = busy;
    series->delivered[worker] = last ? UINT32_MAX : record->slice + 1;
    uint32_t complete = UINT32_MAX;
    for (uint32_t i = 0; i < series->workers; i++)
        complete = series->delivered[i] < complete ? series->delivered[i] : complete;
    return slices_complete(series, complete);
}

int series_end(struct series *series)
{
    if (slices_complete(series, UINT32_MAX) < 0)
        return -1;
    struct series_sum *rest = series->second;
    if (!rest)
        return 0;
    const struct record *record = rest->record;
    bool empty = !record->started && !record->ok && !record->failed && !record->censored;
    if (empty && rest->elapsed_ns < SLIVER_NS && series->target->second_count) {
        series->second = NULL; /* the moment between the end of the load and that of the phase */
        sum_give(series, rest);
        return 0;
    }
    return second_complete(series);
}

void series_free(struct series *series)
{
    struct series_sum *lists[] = {series->pending, series->free, series->second};
    for (size_t i = 0; i < 3; i++)
        while (lists[i]) {
            struct series_sum *sum = lists[i];
            lists[i] = sum->next;
            sum_free(sum);
        }
    free(series->delivered);
    *series = (struct series){0};
}

/* ---- sums
 * ---------------------------------------------------------------------------------------- */

static struct series_sum *sum_take(struct series *series)
{
    struct series_sum *sum = series->free;
    struct record *record;
    if (sum) {
        series->free = sum->next;
        record = sum->record;
    } else {
        sum = calloc(1, sizeof *sum);
        record = sum ? record_make() : NULL;
    }
    if (!record || record_reset(record, series->operations) < 0) {
        record_free(record);
        free(sum);
        return NULL;
    }
    *sum = (struct series_sum){.record = record};
    return sum;
}

static void sum_free(struct series_sum *sum)
{
    record_free(sum->record);
    free(sum);
}

static void sum_give(struct series *series, struct series_sum *sum)
{
    sum->next = series->free;
    series->free = sum;
}

static struct series_sum *sum_of_slice(struct series *series, uint32_t slice)
{
    if (slice < series->slices_done)
        slice = series->slices_done; /* came after its slice was closed: kept in the next */
    struct series_sum **link = &series->pending;
    while (*link && (*link)->record->slice < slice)
        link = &(*link)->next;
    if (*link && (*link)->record->slice == slice)
        return *link;
    struct series_sum *sum = sum_take(series);
    if (!sum)
        return NULL;
    sum->record->slice = slice;
    sum->next = *link;
    *link = sum;
    return sum;
}

/* ---- slices into seconds
 * --------------------------------------------------------------------------- */

static int add_to_second(struct series *series, const struct series_sum *sum)
{
    if (!series->second)
        series->second = sum_take(series);
    struct series_sum *second = series->second;
    if (!second)
        return -1;
    record_merge(second->record, sum->record);
    second->users = sum->users;
    second->in_flight = sum->in_flight;
    second->queued = sum->queued;
    second->connections = sum->connections;
    if (sum->lag_ns > second->lag_ns)
        second->lag_ns = sum->lag_ns;
    uint64_t elapsed = second->elapsed_ns + sum->elapsed_ns;
    if (elapsed)
        second->busiest = (second->busiest * (double)second->elapsed_ns +
                           sum->busiest * (double)sum->elapsed_ns) /
                          (double)elapsed;
    second->elapsed_ns = elapsed;
    return 0;
}

/* Close the slices before `until`. Without records left, the last worker's last one was the end. */
static int slices_complete(struct series *series, uint32_t until)
{
    while (series->slices_done < until) {
        struct series_sum *sum = series->pending;
        if (!sum && until == UINT32_MAX)
            return 0;
        if (sum && sum->record->slice == series->slices_done) {
            series->pending = sum->next;
            if (series->slice)
                series->slice(series->context, series->slices_done, sum);
            int added = add_to_second(series, sum);
            sum_give(series, sum);
            if (added < 0)
                return -1;
        }
        series->slices_done++;
        if (series->slices_done % series->slices_per_second == 0 && series->second &&
            second_complete(series) < 0)
            return -1;
    }
    return 0;
}

static int by_key(const void *left, const void *right)
{
    const struct record_bucket *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

/* The sparse histograms: the filled buckets in order, cut up by operation. */
static int second_operations(struct second *second, const struct record *record)
{
    struct record_bucket *filled = calloc(record->bucket_used + 1u, sizeof *filled);
    second->operations = calloc(record->operation_count + 1, sizeof *second->operations);
    if (!filled || !second->operations) {
        free(filled);
        return -1;
    }
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < record->bucket_capacity; i++)
        if (record->buckets[i].key)
            filled[count++] = record->buckets[i];
    qsort(filled, count, sizeof *filled, by_key);
    int made = 0;
    for (uint32_t i = 0; i < record->operation_count && made == 0; i++) {
        if (!record->operations[i].ok && !record->operations[i].failed)
            continue;
        uint32_t first = at;
        while (at < count && record_bucket_operation(filled[at].key) == i)
            at++;
        struct second_operation *operation = &second->operations[second->operation_count++];
        *operation = (struct second_operation){.operation = i,
                                               .ok = record->operations[i].ok,
                                               .failed = record->operations[i].failed,
                                               .bucket_count = at - first};
        operation->buckets = calloc(at - first + 1u, sizeof *operation->buckets);
        operation->counts = calloc(at - first + 1u, sizeof *operation->counts);
        if (!operation->buckets || !operation->counts) {
            operation->bucket_count = 0;
            made = -1;
            break;
        }
        for (uint32_t k = first; k < at; k++) {
            operation->buckets[k - first] = record_bucket_index(filled[k].key);
            operation->counts[k - first] = filled[k].count;
        }
    }
    free(filled);
    return made;
}

static int second_complete(struct series *series)
{
    struct phase_target *target = series->target;
    struct series_sum *sum = series->second;
    const struct record *record = sum->record;
    size_t count = target->second_count;
    if (count == 0 || (count >= 16 && (count & (count - 1)) == 0)) {
        struct second *grown = realloc(target->seconds, (count ? count * 2 : 16) * sizeof *grown);
        if (!grown)
            return -1;
        target->seconds = grown;
    }
    struct second *second = &target->seconds[target->second_count++];
    uint32_t index = (series->slices_done - 1) / series->slices_per_second;
    *second = (struct second){
        .at_s = series->first_second + index,
        .users = sum->users,
        .in_flight = sum->in_flight,
        .queued = sum->queued,
        .connections = sum->connections,
        .started = record->started,
        .ok = record->ok,
        .failed = record->failed,
        .censored = record->censored,
        .bytes_sent = record->bytes_sent,
        .bytes_received = record->bytes_received,
    };
    memcpy(second->outcomes, record->outcomes, sizeof second->outcomes);
    histogram_init(&second->latency);
    int kept = histogram_merge(&second->latency, &record->latency);
    if (second_operations(second, record) < 0)
        kept = -1;
    series->second = NULL;
    if (series->whole_second)
        series->whole_second(series->context, second, sum);
    sum_give(series, sum);
    return kept;
}
