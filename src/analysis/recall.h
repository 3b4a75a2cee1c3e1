/* The recall of an index held against a threshold. A driver reports the answers that it compared
 * with exact search as counts, under the target's facts; everything else follows from these. */
#ifndef CICADA_ANALYSIS_RECALL_H
#define CICADA_ANALYSIS_RECALL_H

#include "analysis/thresholds.h"

/* Of a sample of searches, each of which wanted the k nearest. The interval is Wilson's at 95 %.
 * Results of one search are right or wrong together, so it is not as narrow as if each were drawn
 * by itself: its sample is the number of independent results whose share would vary as much as the
 * searches do (all alike: the number of searches). */
struct recall {
    bool known; /* false: nothing was measured, or the counts contradict each other */
    double value, low, high;
    uint64_t k, sample, searches, correct, wanted, fewest_correct;
};

/* From a target's facts; NULL or facts without recall: not known. */
struct recall recall_of(const json_t *facts);

/* One finding, rule "threshold", for each target whose facts have a recall and that the threshold
 * selects; one that is inconclusive when there is none. It passes or fails when the whole interval
 * lies on that side of the limit, and is inconclusive where the sample cannot tell; against 0 or 1
 * the value alone decides. -1 when memory is out. */
int recall_judge(struct result *result, const struct judge_threshold *threshold);

#endif
