/* A run in virtual time: users or arrivals against the null target's model (drivers/null_model.h),
 * put into a result as the engine does it: seconds, histograms, outcomes, what is drained after the
 * load beyond it. A minute of load takes milliseconds, and the same seed gives the same run. */
#ifndef CICADA_TESTS_ANALYSIS_SIMULATE_H
#define CICADA_TESTS_ANALYSIS_SIMULATE_H

#include "drivers/null_model.h"
#include "engine/recovery.h"
#include "metrics/result.h"

struct simulation {
    struct result result; /* one target, one operation */
    struct null_model model;
    struct random random; /* of think times and arrivals */
    uint64_t now_ns;      /* of the model: goes on through drains */
    struct recovery_baseline baseline;
    uint64_t slow_until_ns; /* of a recovery: the last operation beyond its limits ended, since the
                               start of the phase */
};

struct simulated_phase {
    const char *kind;
    unsigned seconds, steps; /* equal steps, 0: one */
    double from, to;         /* users, or arrivals per second */
    bool open, poisson;      /* arrivals */
    double think_low_ms, think_high_ms;
};

void simulation_init(struct simulation *simulation, const struct null_behaviour *behaviour,
                     uint64_t seed);
void simulation_free(struct simulation *simulation);
/* The first phase of kind ramp-up gives the baseline with its first step; one of kind recovery ends
 * once recovered, by the engine's own judgement (engine/recovery.h). */
void simulate(struct simulation *simulation, const struct simulated_phase *phase);

#endif
