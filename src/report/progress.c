/* See progress.h. */
#include "report/progress.h"

#define VALUES_BEYOND 10

double progress_share(const struct engine_progress *progress)
{
    const struct phase *phase = progress->phase;
    double share = 0;
    if (phase->duration_ns)
        share = (double)progress->phase_elapsed_ns / (double)phase->duration_ns;
    else if (phase->operations)
        share = (double)(progress->total_ok + progress->total_failed) / (double)phase->operations;
    return share > 1 ? 1 : share;
}

uint64_t progress_time_left_ns(const struct plan *plan, const struct engine_progress *progress)
{
    uint64_t left = 0;
    for (size_t i = progress->phase_index; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        uint64_t passed = i == progress->phase_index ? progress->phase_elapsed_ns : 0;
        if (!phase->not_run && phase->duration_ns > passed)
            left += phase->duration_ns - passed;
    }
    return left;
}

bool progress_percentile_is_sure(uint64_t count, double fraction)
{
    return count - quantile_rank(fraction, count) >= VALUES_BEYOND;
}
