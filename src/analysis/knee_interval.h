/* Between which loads the plan's limits begin to be broken, at 95 %. */
#ifndef CICADA_ANALYSIS_KNEE_INTERVAL_H
#define CICADA_ANALYSIS_KNEE_INTERVAL_H

#include "analysis/series.h"
#include "analysis/thresholds.h"

/* Is it a limit that load can break: "less than", of a percentile, the mean or the errors, and of
 * all operations? */
bool knee_is_limit(const struct judge_threshold *threshold);

/* A limit on a percentile is one on a share: of the operations, 5 % may lie above that of p95. That
 * share, the share of errors, or the mean has an interval over the seconds of a level
 * (interval_share_of_batches, interval_ratio), so that no density has to be guessed. A level surely
 * breaks the limits when one such interval lies wholly beyond its limit, surely keeps them when all
 * lie within. `low` is the highest load that surely keeps them, `high` the lowest above it that
 * surely breaks them: the truth lies in (low, high].
 *
 * Levels of fewer than KNEE_SECONDS seconds are taken together with the next ones until there are
 * so many; what they surely keep holds for their lowest load, what they surely break for their
 * highest, since more load does not make a target better. */
struct knee_interval {
    bool has_low, has_high; /* false: no level surely keeps them, or breaks them */
    double low, high;
};
#define KNEE_SECONDS 3
/* -1 when memory is out. */
int knee_interval(const struct levels *levels, const struct judge_threshold *thresholds,
                  size_t count, struct knee_interval *interval);

#endif
