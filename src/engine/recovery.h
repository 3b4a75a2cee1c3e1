/* Has the target recovered? The first step of the ramp-up is the baseline; after the stress,
 * windows of the same load are held against it with a tolerance. Recovered is when several in a row
 * lie within. */
#ifndef CICADA_ENGINE_RECOVERY_H
#define CICADA_ENGINE_RECOVERY_H

#include "engine/series.h"
#include "plan/plan.h"

struct recovery_baseline { /* kept over the phases of a run */
    bool has_baseline;
    char phase[64];
    double users;
    uint64_t until_ns;         /* of the phase: the first step ends here */
    struct histogram latency;  /* of the ok ones */
    uint64_t finished, failed; /* failed: all that were not ok */
};

struct recovery {
    const struct recovery_baseline *baseline;
    uint64_t window_ns;
    unsigned within; /* windows in a row */
    uint64_t first_within_ns;
    bool recovered;
    json_t *windows;
};

/* A phase that may serve as baseline begins: a ramp-up, or the first other phase with load. False:
 * it does not. Then every slice of it is offered. */
bool recovery_baseline_begin(struct recovery_baseline *baseline, const struct phase *phase);
void recovery_baseline_slice(struct recovery_baseline *baseline, uint64_t slice_end_ns,
                             const struct record *record);
void recovery_baseline_free(struct recovery_baseline *baseline);

int recovery_begin(struct recovery *recovery, const struct recovery_baseline *baseline,
                   uint64_t window_ns);
/* One window more; true once recovered. */
bool recovery_window(struct recovery *recovery, uint64_t window_end_ns,
                     const struct record *record);
/* Put the verdict and its evidence into the result; frees what it holds. */
void recovery_end(struct recovery *recovery, struct result_phase *phase);

#endif
