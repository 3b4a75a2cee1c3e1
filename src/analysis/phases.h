/* What the phases themselves have to say: recovery after stress, and phases that were not run. */
#ifndef CICADA_ANALYSIS_PHASES_H
#define CICADA_ANALYSIS_PHASES_H

#include "metrics/result.h"

/* The recovery of a phase derived again from its evidence (result_phase.recovery): the baseline,
 * the tolerance, and the p95 and error rate of each window. A window is within when its p95 is at
 * most max(baseline * p95_factor, baseline + p95_extra_ns) and its error rate at most that of the
 * baseline + error_rate_extra; recovered is when `windows` in a row are, at the end of the first of
 * them. */
struct recovery_evidence {
    bool readable;     /* the evidence has all of that */
    bool has_baseline; /* something was measured before the stress to come back to */
    bool recovered;
    uint64_t recovery_ns; /* 0 unless recovered */
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
