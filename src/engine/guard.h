/* What ends a run before its time: a target that is gone for good, and the plan's abort_on. */
#ifndef CICADA_ENGINE_GUARD_H
#define CICADA_ENGINE_GUARD_H

#include "engine/series.h"
#include "plan/plan.h"

struct guard {
    const struct plan *plan;
    uint64_t lost_after_ns;
    uint64_t gone_s, gone_failures; /* seconds in a row without any answer; 0: it answers */
    char trouble[160];              /* how it failed last */
};

void guard_begin(struct guard *guard, const struct plan *plan); /* of a run, or with a new target */

/* True when no operation and no session succeeded or was answered for so long, but every attempt
 * failed to connect or lost its connection, or no session could be opened. */
bool guard_lost(struct guard *guard, const struct series_sum *sum);

/* The first of the plan's abort_on that holds over the last 10 seconds of the phase; NULL: none.
 * `figure` gets its value as text. */
const struct threshold *guard_abort(const struct plan *plan, const struct result *result,
                                    const struct result_phase *phase, char *figure, size_t size);

#endif
