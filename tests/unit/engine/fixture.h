/* Plans made by hand and run against null targets. */
#ifndef CICADA_TESTS_ENGINE_FIXTURE_H
#define CICADA_TESTS_ENGINE_FIXTURE_H

#include "base/clock.h"
#include "engine/engine.h"

enum { FIXTURE_TARGETS = 3, FIXTURE_PHASES = 8, FIXTURE_MIXES = 3 };

struct fixture {
    struct plan plan;
    struct target_options options[FIXTURE_TARGETS];
    struct target targets[FIXTURE_TARGETS];
    struct target *target_list[FIXTURE_TARGETS];
    struct phase phases[FIXTURE_PHASES];
    struct load_point points[FIXTURE_PHASES][16];
    struct mix mixes[FIXTURE_MIXES];
    struct engine engine;
    struct engine_observer observer;
    struct result result;
    struct error error;
    int ran;
};

/* An empty plan of one worker, with a seed and a timeout of 5 s. */
void fixture_init(struct fixture *fixture);
/* A target by a null URL, "null://?latency=1ms". */
void fixture_target(struct fixture *fixture, const char *name, const char *url);
/* A phase of so many users or arrivals per second; of a duration or a number of operations. */
struct phase *fixture_phase(struct fixture *fixture, const char *name, enum load_model model,
                            double level, uint64_t duration_ns, uint64_t operations);
/* Add a point to the load of a phase. */
void fixture_point(struct fixture *fixture, struct phase *phase, uint64_t at_ns, double level);
/* Run; checks at the end what must hold of every result: sums, seconds, histograms. */
void fixture_run(struct fixture *fixture);
void fixture_free(struct fixture *fixture);

const struct phase_target *fixture_phase_target(const struct fixture *fixture, size_t phase);
/* The sum over the operations of a phase; freed by the caller. */
void fixture_total(const struct fixture *fixture, size_t phase, struct measurement *total);
/* The measurement of the operation with that name. */
const struct measurement *fixture_operation(const struct fixture *fixture, size_t phase,
                                            const char *name);

#endif
