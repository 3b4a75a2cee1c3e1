/* How much memory a local target keeps for each operation, and gives back while it is idle. */
#ifndef CICADA_ANALYSIS_LEAK_H
#define CICADA_ANALYSIS_LEAK_H

#include "analysis/intervals.h"
#include "metrics/result.h"

/* The slope of memory on the operations finished by then (interval_slope), over the second half of
 * the samples before second `until_s`: a heap fills in the first. All NaN for fewer than
 * LEAK_SAMPLES in that half, or when the operations do not rise. Several samples to a point where
 * there are more than INTERVAL_POINTS. -1 when memory is out. */
#define LEAK_SAMPLES 10
int leak_per_operation(const struct result *result, uint32_t target, uint32_t until_s,
                       struct estimate *bytes);

/* The slope of memory on time, bytes per second, over the samples from second `from_s` on: below 0
 * for one that gives back slowly. All NaN for fewer than 3. */
int leak_idle_per_s(const struct result *result, uint32_t target, uint32_t from_s,
                    struct estimate *bytes);

#endif
