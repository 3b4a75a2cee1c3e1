/* The operations worth a look while a run goes on: those that were slowest in the last seconds. It
 * is computed on the coordinator's thread from the seconds it has merged anyway. */
#ifndef CICADA_ENGINE_TOP_H
#define CICADA_ENGINE_TOP_H

#include "metrics/result.h"

#define TOP_OPERATIONS 20 /* at most so many are told */
#define TOP_WINDOW_S   10 /* seconds of the phase under way that are looked at */

/* One operation over the window. Latencies are of the ok ones, to 3 %. */
struct top_operation {
    const char *target, *name; /* owned by the result */
    uint64_t ok, failed;
    uint64_t p50_ns, p95_ns, max_ns; /* 0 without an ok one */
};

/* Fill `top` with the slowest by p95, the slowest first; before them those of which none succeeded,
 * the one that failed most often first. Returns how many. Allocates nothing. */
size_t top_operations(const struct result *result, const struct result_phase *phase,
                      struct top_operation top[TOP_OPERATIONS]);

#endif
