/* Does the target give back what it took? From what was seen of it in /proc each second. */
#ifndef CICADA_ANALYSIS_RELEASE_H
#define CICADA_ANALYSIS_RELEASE_H

#include "metrics/result.h"

/* Before is the first sample, after the last one within the phase of kind idle. Descriptors are
 * less the connections cicada had open then. */
struct release {
    bool sampled; /* a sample before the idle phase, and one in it */
    uint64_t memory_before, memory_after;
    double descriptors_before, descriptors_after;
    uint32_t threads_before, threads_after;
    uint32_t samples, idle_s;
    bool memory_kept, descriptors_kept, threads_kept; /* above the tolerance */
    bool growing; /* memory: RELEASE_SAMPLES or more with load, and rising to the end of them */
    double growth_per_operation; /* bytes, when memory is kept */
};
struct release release_of(const struct result *result, uint32_t target);

/* Above the tolerance: by a share of what it was and so much. Programs with a heap of their own
 * keep memory that they will use again; so memory fails only when it was also still growing: a
 * trend (p < 0.01) over the second half of the seconds with load, of the tolerance's size again. */
#define RELEASE_SHARE       0.2
#define RELEASE_MEMORY      UINT64_C(10000000)
#define RELEASE_DESCRIPTORS 10
#define RELEASE_THREADS     10
#define RELEASE_SAMPLES     60
#define RELEASE_IDLE_S      3

/* Rule "release", one finding per target with samples: pass; fail when descriptors, or memory as
 * above, are not released; information when threads or memory alone are kept, or the idle time is
 * below RELEASE_IDLE_S. */
int release_judge(struct result *result);

#endif
