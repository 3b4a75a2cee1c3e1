/* One side of a comparison for one operation (or all): its figures and how far chance moves them.
 */
#ifndef CICADA_ANALYSIS_COMPARE_SAMPLE_H
#define CICADA_ANALYSIS_COMPARE_SAMPLE_H

#include "analysis/compare.h"

/* The operation in one run: indexes of the target and the operation; both -1: everything. */
struct sample_selection {
    int target, operation;
};

struct sample {
    uint64_t count, seconds;
    bool known[COMPARISON_FIGURES];
    double value[COMPARISON_FIGURES];
    double variance[COMPARISON_FIGURES], freedom[COMPARISON_FIGURES];         /* of the value */
    double log_variance[COMPARISON_FIGURES], log_freedom[COMPARISON_FIGURES]; /* of its log */
    double weights[HISTOGRAM_COARSE_BUCKETS];                                 /* latencies */
};

/* `phases` are the names of the phases that are compared, a JSON array. -1 when memory is out. */
int sample_take(struct sample *sample, const struct result *runs, size_t run_count,
                const struct sample_selection *selections, const json_t *phases, uint64_t seed);
/* Cliff's delta of the latencies. */
double sample_effect(const struct sample *baseline, const struct sample *current);

#endif
