/* The targets of a run: opened one after the other, the memory tiers among them each by itself. A
 * target that only memory phases use may be missing: its phases are then not run, with the reason,
 * and the others go on. */
#ifndef CICADA_CICADA_RUN_TARGETS_H
#define CICADA_CICADA_RUN_TARGETS_H

#include "drivers/driver.h"
#include "plan/plan.h"

/* Open every target of the plan, starting the embedded ones. What cannot be opened is marked in the
 * plan (phases not run, their thresholds dropped) and in the target (unavailable). The array is
 * parallel to the plan's targets; NULL with an error when one fails that the run cannot do
 * without. */
struct target **run_targets_open(struct plan *plan, struct error *error);
/* Close what is open, and end what was started. */
void run_targets_close(struct target **targets, size_t count);

#endif
