/* How the null target behaves beyond a fixed latency: service times, a queue with servers,
 * contention, drift, a limit on its rate, collapse and recovery. Each has a truth that can be
 * computed, which is what the analysis is held against: by the driver in real time, by the tests in
 * virtual time. Times are of one clock, any clock. Not thread-safe. */
#ifndef CICADA_DRIVERS_NULL_MODEL_H
#define CICADA_DRIVERS_NULL_MODEL_H

#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define NULL_SERVERS 4096 /* at most */

struct null_behaviour {
    uint64_t service_ns;  /* what one operation takes, or takes in the mean: */
    uint64_t exponential; /* 1: service times are drawn from an exponential distribution */
    uint64_t servers; /* so many operations are served at a time, the rest wait in order; 0: all */
    double sigma, kappa; /* service times grow by 1 + sigma (n - 1) + kappa n (n - 1) with n
                            operations in flight: Gunther's law, exactly */
    double drift_per_s;  /* ... and by this share of their start each second */
    uint64_t
        errors_above;     /* per second: operations beyond that rate are refused at once; 0: none */
    uint64_t collapse_at; /* operations in flight from which on it collapses; 0: never */
    uint64_t collapsed_ns; /* service time while collapsed, */
    uint64_t recover_ns;   /* until so long after the last time so many were in flight */
};

struct null_model {
    struct null_behaviour behaviour;
    struct random random;
    uint64_t start_ns;
    uint64_t in_flight;
    uint64_t *free_ns;   /* of each server: when it has served what it was given */
    uint64_t allowed_ns; /* the next operation is due then at the rate of errors_above */
    uint64_t collapsed_until_ns;
};

/* -1 when memory is out. */
int null_model_init(struct null_model *model, const struct null_behaviour *behaviour, uint64_t seed,
                    uint64_t start_ns);
void null_model_free(struct null_model *model);

/* One operation arrives; each ends by null_model_finish. Arrivals come in the order of time. */
struct null_answer {
    uint64_t at_ns;
    bool refused;
};
struct null_answer null_model_submit(struct null_model *model, uint64_t now_ns);
void null_model_finish(struct null_model *model);

#endif
