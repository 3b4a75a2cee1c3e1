/* What the phases themselves have to say: recovery after stress, and phases that were not run. */
#ifndef CICADA_ANALYSIS_PHASES_H
#define CICADA_ANALYSIS_PHASES_H

#include "analysis/intervals.h"
#include "metrics/result.h"

/* The recovery of a phase derived again from its evidence (result_phase.recovery): the baseline,
 * the tolerance, and the p95 and error rate of each window. A window is within when its p95 is at
 * most max(baseline * p95_factor, baseline + p95_extra_ns) and its error rate at most that of the
 * baseline + error_rate_extra; recovered is when `windows` in a row are, at the end of the first of
 * them.
 *
 * The time has an interval at 95 %, since a window tells no more than that it happened in it, and
 * may lie within or beyond by chance. Of a window's ok operations a share was slower than the limit
 * (5 % may be), and of all a share failed; both have intervals (interval_share). A window is
 * surely beyond when one of them lies wholly beyond, surely within when both lie within. `low` is
 * the start of the last window that is surely beyond, `high` the end of the first of the row that
 * is surely within, else of the last of the row; without recovery there is no high. Evidence
 * without the counts, of an older cicada, has no interval. */
struct recovery_evidence {
    bool readable;     /* the evidence has all of that */
    bool has_baseline; /* something was measured before the stress to come back to */
    bool recovered;
    uint64_t recovery_ns; /* 0 unless recovered */
    struct estimate time; /* of it, ns; see recovery_from_evidence */
    uint64_t baseline_p95_ns, limit_p95_ns, last_p95_ns;
    double baseline_errors, limit_errors, last_errors;
    uint64_t windows;
    size_t misjudged; /* windows whose "within" does not follow from their figures */
};
struct recovery_evidence recovery_from_evidence(const json_t *evidence);

/* Rule "recovery", one finding per phase that looked for it: pass with the time to return to the
 * baseline; fail when the phase ended without; inconclusive when it was cut short, or when there is
 * no baseline. */
int recovery_judge(struct result *result);

/* Rule "phase_not_run", information, one per phase: what was not run has not passed. */
int phases_not_run_judge(struct result *result);

#endif
