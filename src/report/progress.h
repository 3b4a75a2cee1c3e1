/* How far a run is, as every live view shows it. */
#ifndef CICADA_REPORT_PROGRESS_H
#define CICADA_REPORT_PROGRESS_H

#include "engine/engine.h"

/* Of the phase under way, 0 to 1: by time, else by operations; 0 when it has neither limit. */
double progress_share(const struct engine_progress *progress);
/* What is left of the phases with a length, the one under way first; those of so many operations
 * have none that could be known. */
uint64_t progress_time_left_ns(const struct plan *plan, const struct engine_progress *progress);
/* Whether a percentile of so many values has enough of them beyond it to be relied on. */
bool progress_percentile_is_sure(uint64_t count, double fraction);

#endif
