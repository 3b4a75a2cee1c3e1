/* Thresholds against figures. A neutral form of what a plan writes: the analysis knows no plan. */
#ifndef CICADA_ANALYSIS_THRESHOLDS_H
#define CICADA_ANALYSIS_THRESHOLDS_H

#include "analysis/saturation.h"
#include "metrics/result.h"

enum judge_figure {
    JUDGE_PERCENTILE,
    JUDGE_MEAN,
    JUDGE_MAX,
    JUDGE_ERRORS,
    JUDGE_RATE,
    JUDGE_RECALL
};
enum judge_compare { JUDGE_LESS, JUDGE_LESS_EQUAL, JUDGE_GREATER, JUDGE_GREATER_EQUAL };

struct judge_threshold {
    const char *text; /* as written: "p95{tool=echo}<50ms" */
    enum judge_figure figure;
    double fraction; /* of a percentile */
    enum judge_compare compare;
    double value;                      /* ns, share, or per second */
    const char *tool, *phase, *target; /* selectors, globs; NULL: all. What matches is merged */
};

const char *judge_figure_name(enum judge_figure figure);    /* "percentile", "mean", ... */
const char *judge_compare_sign(enum judge_compare compare); /* "<", "<=", ... */

/* One finding, rule "threshold" (of a recall: one for each target, see recall.h). Its verdict is
 *
 *   inconclusive   when nothing matched; for a percentile with fewer than 10 values beyond it; for
 * a lower bound that does not yet break the threshold; for an error rate the sample cannot resolve
 * (fewer than 1 / threshold operations, none failed); for a time or rate that fails while the
 * generator was saturated, and for a percentile or mean that would not without the generator's own
 * send delay (its highest p99); fail           when the figure, or its lower bound, breaks the
 * threshold, or a percentile is unknown, but a lower one is known and breaks it already; pass when
 * the figure keeps the threshold. */
int threshold_judge(struct result *result, const struct judge_threshold *threshold,
                    const struct saturation *saturation);

#endif
