/* A whole result as the engine would leave it: two targets, several phases, seconds that add up,
 * failures of many kinds, examples, and names as a hostile server would choose them. */
#ifndef CICADA_TESTS_FIXTURE_H
#define CICADA_TESTS_FIXTURE_H

#include "metrics/result.h"

struct fixture_options {
    unsigned operations;  /* per target; at least 2 */
    unsigned phases;      /* with load; 2 */
    unsigned seconds;     /* each */
    unsigned per_second;  /* operations per second, all together */
    double error_share;   /* of them */
    double timeout_share; /* of them */
    uint64_t typical_ns;  /* median latency */
    double generator_cpu; /* of the busiest worker */
    bool plain_names;     /* nothing hostile */
};

#define FIXTURE_DEFAULT                                                                            \
    ((struct fixture_options){.operations = 4,                                                     \
                              .phases = 2,                                                         \
                              .seconds = 5,                                                        \
                              .per_second = 800,                                                   \
                              .error_share = 0.01,                                                 \
                              .timeout_share = 0.004,                                              \
                              .typical_ns = 4000000,                                               \
                              .generator_cpu = 0.3})

/* Seeded: the same options make the same result. Not judged. */
void fixture_make(struct result *result, const struct fixture_options *options);

#endif
