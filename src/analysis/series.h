/* The seconds of a phase as the rules read them: whole ones only, and load levels over them. */
#ifndef CICADA_ANALYSIS_SERIES_H
#define CICADA_ANALYSIS_SERIES_H

#include "metrics/result.h"

/* Seconds from the start of the phase that lie wholly within the time load was offered. */
size_t series_whole_seconds(const struct result_phase *phase);
/* The one of that number, of one target. NULL when there is none. */
const struct second *series_second(const struct phase_target *target, size_t number);

/* What the longest of the target's operations that never ended had been given, ns; 0: none. */
uint64_t series_censored_ns(const struct phase_target *target);

bool series_is(const struct result_phase *phase, const char *kind); /* and it was run */

/* The percentile of ok and censored operations together, the latter above all others. Known as for
 * measurement_percentile: 10 values beyond. */
struct series_percentile {
    bool known, censored; /* censored: it falls on an operation that never ended, value_ns is the
                             longest that did */
    double value_ns;
};
struct series_percentile series_percentile(const struct histogram *ok, uint64_t censored,
                                           double fraction);

/* What was measured at one level of load, all targets and phases together. */
struct level_second {
    const struct result_phase *phase;
    size_t number;
};
struct level {
    double load; /* users, or arrivals per second */
    uint32_t seconds;
    struct level_second *places; /* those seconds */
    uint64_t finished, ok, censored;
    uint64_t censored_ns; /* what those that never ended had been given, at most */
    uint64_t outcomes[OUTCOME_KINDS];
    struct histogram latency;
};
struct levels {
    bool open; /* the load is arrivals */
    struct level *levels;
    size_t count;
};

/* The levels of all phases whose kind is one of `kinds` (NULL-ended), ascending. A second in which
 * the users changed belongs to no level, unless they move all the time: in a phase where most
 * seconds are such, each takes the mean of its start and its end. -1 when memory is out. */
#define LEVELS_MOST 512
int levels_of(const struct result *result, const char *const *kinds, struct levels *levels);
void levels_free(struct levels *levels);

#endif
