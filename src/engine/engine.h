/* The engine: runs a plan against opened targets and fills a result. One thread per core, each with
 * its own loop, users, connections and histograms; nothing shared on the hot path. The calling
 * thread coordinates: it moves the phases on, merges what the workers hand over each second,
 * watches the generator itself, and tells an observer. */
#ifndef CICADA_ENGINE_ENGINE_H
#define CICADA_ENGINE_ENGINE_H

#include "base/error.h"
#include "drivers/driver.h"
#include "engine/top.h"
#include "metrics/result.h"
#include "plan/plan.h"

#include <stdatomic.h>

/* What a live view is told, once a second and at the turns of a phase, on the coordinator's thread.
 */
struct engine_progress {
    const struct phase *phase;
    size_t phase_index, phase_count;
    uint64_t phase_elapsed_ns; /* since it began; may pass the duration while draining */
    uint64_t run_elapsed_ns;
    bool draining;
    double users, arrival_rate;
    uint32_t in_flight, queued, connections;
    uint64_t started, ok, failed;                   /* in the last second, all targets */
    uint64_t total_started, total_ok, total_failed; /* in the phase so far */
    const struct histogram *latency;                /* of the last second, ok */
    const uint64_t *outcomes;                       /* OUTCOME_KINDS counts of the last second */
    const struct self_second *self;
    const struct second *last;       /* the last second as a whole, all targets */
    const struct top_operation *top; /* the slowest operations of the last TOP_WINDOW_S seconds */
    size_t top_count;
    const struct result *result; /* as far as it is filled; its phases are being written */
};
struct engine_observer {
    void *context;
    void (*phase_began)(void *context, const struct engine_progress *progress);
    void (*second)(void *context, const struct engine_progress *progress);
    void (*phase_ended)(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase);
    /* An alert began, or is over: `alert` as it stands. */
    void (*alert)(void *context, const struct result *result, const struct alert *alert,
                  bool began);
    void (*notice)(void *context, const char *text); /* "target everything excluded tool x: ..." */
};

struct engine {
    const struct plan *plan;
    struct target **targets; /* opened, in the order of the plan */
    size_t target_count;
    const struct engine_observer *observer; /* may be NULL */
    atomic_bool
        interrupted; /* set by a signal handler: end the phase, drain briefly, mark partial */
};

/* Bind the mixes to what the targets offer, then run every phase (once: repetitions are the
 * caller's). The result is filled as far as it got, also when -1 is returned; the code says why:
 * ERROR_USAGE when a mix has nothing to run, ERROR_TARGET when a target stopped answering for good,
 * ERROR_VERDICT when abort_on ended the run, ERROR_INTERRUPTED, ERROR_INTERNAL. */
int engine_run(struct engine *engine, struct result *result, struct error *error);

#endif
