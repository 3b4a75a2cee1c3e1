/* Where the plan's limits are first broken for good as the load rises, and by what. */
#ifndef CICADA_ANALYSIS_KNEE_H
#define CICADA_ANALYSIS_KNEE_H

#include "analysis/thresholds.h"

/* Rule "breaking_point", information, over the levels of load of ramp-up, peak and stress: the
 * lowest level from which on every level breaks a limit, and the highest below it that keeps all.
 * The limits are the thresholds "less than" of percentile, mean and errors that select nothing. A
 * level with too small a sample for a percentile neither keeps nor breaks it. Broken by "errors",
 * by "latency", or by "timeouts" when the percentile falls on an operation that never ended, or
 * when most of the failed ones did not end. The load has an interval at 95 % (knee_interval). No
 * finding without such a limit or such a phase. */
int knee_judge(struct result *result, const struct judge_threshold *thresholds, size_t count,
               const struct saturation *saturation);

#endif
