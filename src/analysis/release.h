/* Does the target give back what it took? From what was seen of it in /proc each second. */
#ifndef CICADA_ANALYSIS_RELEASE_H
#define CICADA_ANALYSIS_RELEASE_H

#include "analysis/leak.h"
#include "metrics/result.h"

/* Before is what was sampled before any load (of an older result: the first sample), after the last
 * sample within the phase of kind idle. Descriptors are less the connections cicada had open then.
 */
struct release {
    bool sampled; /* a sample before the idle phase, and one in it */
    uint64_t memory_before, memory_after;
    double descriptors_before, descriptors_after;
    uint32_t threads_before, threads_after;
    uint32_t samples, idle_s;
    bool memory_kept, descriptors_kept, threads_kept; /* above the tolerance */
    bool growing; /* memory: RELEASE_SAMPLES or more with load, and rising to the end of them */
    bool descriptors_grew; /* kept, and of it more than the tolerance came after the first second:
                              what a pool opens with the first calls is no leak */
    double growth_per_operation; /* bytes, when memory is kept */
    struct estimate leak;        /* bytes per operation (leak_per_operation) */
    struct estimate idle_per_s;  /* bytes per second while idle (leak_idle_per_s) */
    bool gives_back; /* memory: kept, but surely falling while idle, by RELEASE_SHARE of what was
                        kept at the start of it or more: slow, but no leak */
};
/* -1 when memory is out. */
int release_of(const struct result *result, uint32_t target, struct release *found);

/* Above the tolerance: by a share of what it was and so much. Programs with a heap of their own
 * keep memory that they will use again; so memory fails only when it was also still growing: a
 * trend (p < 0.01) over the second half of the seconds with load, of the tolerance's size again. */
#define RELEASE_SHARE       0.2
#define RELEASE_MEMORY      UINT64_C(10000000)
#define RELEASE_DESCRIPTORS 10
#define RELEASE_THREADS     10
#define RELEASE_SAMPLES     60
#define RELEASE_IDLE_S      3

/* Rule "release", one finding per target with samples: pass; fail when descriptors that grew, or
 * memory as above that is not given back slowly, are not released; information when anything else
 * is kept, or the idle time is below RELEASE_IDLE_S. */
int release_judge(struct result *result);

#endif
