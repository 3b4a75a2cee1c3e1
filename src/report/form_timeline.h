/* The seconds of a run in order of time, phases and targets taken together: what is drawn, and what
 * an interval log holds. */
#ifndef CICADA_REPORT_FORM_TIMELINE_H
#define CICADA_REPORT_FORM_TIMELINE_H

#include "metrics/result.h"

enum timeline_phases { TIMELINE_ALL, TIMELINE_COUNTED, TIMELINE_WARMUP };

struct timeline_entry {
    uint32_t at_s, target;
    uint32_t phase;
    const struct second *second;
};

struct timeline {
    const struct result *result;
    struct timeline_entry *entries; /* by second, then target, then phase */
    size_t count, at;
};

/* The seconds from at_s on, `step_s` of them. Gauges (users to connections) are the highest of a
 * second's ends; the rest are sums. */
struct timeline_point {
    uint32_t at_s;
    double covered_s; /* of step_s, in which a phase ran: what a rate is to be divided by */
    double users, arrival_rate;
    uint64_t in_flight, queued, connections;
    uint64_t started, ok, failed, censored;
    uint64_t outcomes[OUTCOME_KINDS];
    struct histogram latency; /* of the ok ones; merged exactly */
};

/* `target` -1: all. -1 when memory is out; free in any case. */
int timeline_init(struct timeline *timeline, const struct result *result, int target,
                  enum timeline_phases phases);
void timeline_free(struct timeline *timeline);
/* 1 and the next point that has any second, 0 at the end, -1 when memory is out. The point is the
 * caller's to free, after 1. Points begin at whole multiples of step_s. */
int timeline_next(struct timeline *timeline, uint32_t step_s, struct timeline_point *point);
void timeline_point_free(struct timeline_point *point);
/* A point that borrows the histogram of a second, for timeline_point_merge; not to be freed. */
void timeline_point_of_second(struct timeline_point *point, const struct second *second,
                              double covered_s);
/* Add one that comes after, or shares the time: gauges are the highest, the rest are sums. -1 when
 * memory is out. */
int timeline_point_merge(struct timeline_point *into, const struct timeline_point *from);
/* The step at which no more than `points` remain: 1, 2, 5, 10, 15, 30, 60 or a multiple of 60 s. */
uint32_t timeline_step(const struct timeline *timeline, uint32_t points);

#endif
