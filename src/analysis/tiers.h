/* Targets that could not be used, and how to mend that. */
#ifndef CICADA_ANALYSIS_TIERS_H
#define CICADA_ANALYSIS_TIERS_H

#include "metrics/result.h"

/* One finding for each target that was asked for and could not be opened (rule
 * "target_unavailable"), for each that refused the credentials ("credentials"), and for each memory
 * phase whose target stopped answering ("tier_lost"): all fail the run, for what was to be measured
 * was not. A tier that nobody asked for and that is not there
 * is none: its phase is told as not run. -1 when memory is out. */
int tiers_judge(struct result *result);

#endif
