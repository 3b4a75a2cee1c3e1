/* From the workers' records to the seconds of a phase. The records of one slice from all workers
 * are added up once the last of them came; the slices of a second become one `struct second`. */
#ifndef CICADA_ENGINE_SERIES_H
#define CICADA_ENGINE_SERIES_H

#include "engine/record.h"
#include "metrics/result.h"

struct series_sum { /* of all workers */
    struct record *record;
    uint32_t users, in_flight, queued, connections; /* at the end */
    uint64_t lag_ns;                                /* the largest */
    double busiest;                                 /* of the time, the busiest worker */
    uint64_t elapsed_ns;
    struct series_sum *next; /* by slice, among the unfinished; or in the free list */
};

struct series {
    uint32_t workers, slices_per_second, first_second; /* at_s of the first */
    size_t operations;
    uint32_t *delivered; /* per worker: slices handed over; UINT32_MAX: all */
    uint32_t slices_done;
    struct series_sum *pending, *free;
    struct series_sum *second; /* the second being put together */
    /* Called for each complete slice, and with each complete second appended to the target. */
    void (*slice)(void *context, uint32_t slice, const struct series_sum *sum);
    void (*whole_second)(void *context, struct second *second, const struct series_sum *sum);
    void *context;
    struct phase_target *target;
};

/* Begin a phase. -1 when memory is out. */
int series_begin(struct series *series, struct phase_target *target, uint32_t workers,
                 size_t operations, uint32_t slices_per_second, uint32_t first_second);
/* A record a worker handed over; it stays the caller's. */
int series_add(struct series *series, uint32_t worker, const struct record *record, bool last);
/* All workers are done: what is left becomes the last second. */
int series_end(struct series *series);
void series_free(struct series *series);

#endif
