/* The coordinator: moves the phases on, takes what the workers hand over, and decides when a phase
 * or the run ends before its time. It runs on the caller's thread with a loop of its own. */
#ifndef CICADA_ENGINE_COORDINATOR_H
#define CICADA_ENGINE_COORDINATOR_H

#include "engine/guard.h"
#include "engine/recovery.h"
#include "engine/worker.h"
#include "monitor/alert.h"
#include "monitor/watch.h"

enum phase_stop {
    STOP_NONE,
    STOP_EXHAUSTED,
    STOP_RECOVERED,
    STOP_INTERRUPTED,
    STOP_LOST,
    STOP_ABORTED
};

/* One target of the phase under way. */
struct coordinator_lane {
    struct coordinator *coordinator;
    uint32_t index;
    struct phase_target *result;
    struct series series;
};

struct coordinator {
    struct engine *engine;
    const struct plan *plan;
    struct result *result;
    struct binding binding;
    struct lanes *deals; /* per phase of the plan; none where nothing is loaded */
    struct loop loop;
    struct worker *workers;
    uint32_t worker_count;
    uint32_t *sharers; /* per target: workers that serve it */
    unsigned *slots;   /* per target: slots of a user */
    uint64_t run_start_ns;
    struct process_watch self_watch;
    struct process_watch *target_watches;
    struct guard *guards; /* per target */
    struct alerts alerts;
    struct recovery_baseline baseline;
    bool failed; /* out of memory somewhere: the result is not whole */

    /* The phase under way. */
    struct engine_phase phase;
    size_t phase_index;
    struct result_phase *result_phase;
    struct coordinator_lane *lanes; /* of this phase, as engine_phase.lanes; room for all targets */
    struct recovery recovery;
    bool is_baseline;
    enum phase_stop stop;
    uint64_t stop_ns; /* when it was ended early */
    char stop_text[512];
    uint64_t total_started, total_ok, total_failed;
    struct record *slice_sum;        /* of all lanes: what recovery looks at */
    struct second second_sum;        /* of all lanes: what the observer is told */
    struct engine_progress progress; /* as told last */
    struct top_operation top[TOP_OPERATIONS];
};

/* Run one phase to its end. -1 with an error only for what stops the run: memory. */
int coordinator_run_phase(struct coordinator *coordinator, size_t index, struct error *error);

/* coordinator_series.c: what happens each slice and each second of a phase. */
void coordinator_slice(void *context, uint32_t slice, const struct series_sum *sum);
void coordinator_second(void *context, struct second *second, const struct series_sum *sum);
void coordinator_alert_second(struct coordinator_lane *lane, const struct second *second);
void coordinator_stop(struct coordinator *coordinator, enum phase_stop why);

/* result_build.c: what the result says beside the figures. */
int result_begin(struct coordinator *coordinator, struct error *error);
/* not_run: why the phase is not run; NULL: it is, and its lanes get their figures' places. */
int result_phase_begin(struct coordinator *coordinator, size_t index, const char *not_run);
int result_add_tally(struct phase_target *target, const struct tally *tally);
void result_add_reports(struct coordinator *coordinator); /* what drivers know after the run */
json_t *result_phase_plan(const struct phase *phase);

#endif
