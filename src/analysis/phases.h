/* What the phases themselves have to say: recovery after stress, and phases that were not run. */
#ifndef CICADA_ANALYSIS_PHASES_H
#define CICADA_ANALYSIS_PHASES_H

#include "metrics/result.h"

/* Rule "recovery", one finding per phase that looked for it: pass with the time to return to the
 * baseline; fail when the phase ended without; inconclusive when it was cut short. */
int recovery_judge(struct result *result);

/* Rule "phase_not_run", information, one per phase: what was not run has not passed. */
int phases_not_run_judge(struct result *result);

#endif
