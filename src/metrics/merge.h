/* Results of several generators that ran the same plan at the same time (--segment), as one. */
#ifndef CICADA_METRICS_MERGE_H
#define CICADA_METRICS_MERGE_H

#include "base/error.h"
#include "metrics/result.h"

#define MERGE_EXAMPLES      200
#define MERGE_EXAMPLES_EACH 3 /* per operation and kind of outcome */

/* Merge `from` into `into`; `from` is emptied, and both are only good to be freed after an error.
 *
 * Counters and histograms add up exactly, seconds by the wall clock of the two hosts (to the next
 * whole second), a phase's by its name. Its time is from the first start to the last end. Of the
 * generators' watch on themselves each second keeps the worst figure; of a target's, the highest; a
 * recovery is the longest there was. Findings and alerts are dropped: the merge is to be judged
 * again.
 *
 * Of segments of one load (--segment), what is merged says which it has; all of them are the whole.
 *
 * ERROR_USAGE when they are not of one plan against the same operations, one is the other, both are
 * the same segment, or of another division. */
int result_merge(struct result *into, struct result *from, struct error *error);

#endif
