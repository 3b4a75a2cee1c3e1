/* A worker: one thread with its own loop, users, connections and measurements. It takes orders from
 * the coordinator (begin a phase, end it, quit) and shares nothing else but the mix's counters and
 * the ring over which it hands its records. */
#ifndef CICADA_ENGINE_WORKER_H
#define CICADA_ENGINE_WORKER_H

#include "engine/engine.h"
#include "engine/examples.h"
#include "engine/lane.h"
#include "engine/record.h"
#include "engine/schedule.h"
#include "engine/virtual_user.h"

#include <pthread.h>

/* One target of a phase. */
struct phase_lane {
    uint32_t index;          /* in the phase */
    const struct lane *lane; /* NULL: no load */
    struct bound_target *target;
    uint32_t target_index;
    bool rotates;    /* fewer users than categories: each takes them in turn */
    bool keep_users; /* the next phase runs on the same target */
};

/* One phase as the workers see it: read-only once begun, but for the tickets. */
struct engine_phase {
    const struct plan *plan;
    const struct phase *phase;
    struct phase_lane *lanes; /* one for each target */
    size_t lane_count;
    const struct lanes *deal; /* how the load is dealt to them; NULL: idle, there is none */
    uint32_t phase_index;
    struct schedule schedule;  /* open model */
    uint64_t start_ns, end_ns; /* UINT64_MAX: until the tickets are used up */
    uint64_t slice_ns;
    uint64_t ticket_limit; /* operations; UINT64_MAX: no limit */
    uint32_t workers;      /* the first so many take part */
    char apart[64];
    atomic_uint_fast64_t tickets;
    atomic_bool exhausted; /* set by the first worker that finds no ticket */
};

/* In the open model and for paced users the clock runs from the intended start. */
static inline bool phase_is_intended(const struct engine_phase *phase)
{
    return phase->phase->model == LOAD_OPEN || phase->phase->pace_ns;
}

/* What one worker measured of one phase. */
struct tally {
    struct measurement *operations;
    size_t operation_count;
    struct measurement setup;
    struct histogram parts[PARTS];
    uint64_t last_end_ns; /* of its last operation */
};

/* A worker's side of one target. */
struct worker_target {
    struct worker *worker;
    struct bound_target *bound;
    const struct driver *driver;
    struct driver_worker *driver_worker; /* NULL: this worker does not serve the target */
    struct pool pool;
    struct pooled_call *free_calls;
    struct virtual_user **users; /* this worker's, by local index; made when first needed */
    size_t user_count;
    struct virtual_user *free_carriers; /* open model, last used first */
    unsigned active;                    /* users wanted (closed), or carriers made (open) */
    unsigned present;                   /* users not gone */
    uint32_t sharers;                   /* workers that serve the target */
    unsigned slots_per_user;
    struct slot *oldest, *newest; /* started and not finished */
    struct loop_timer timeout_timer;
    uint64_t timeout_ns;
    struct example_quota *quotas; /* per operation */

    /* The phase under way. */
    const struct phase_lane *lane; /* NULL: it has no part in it */
    bool keep_users;
    unsigned in_flight; /* operations */
    struct tally tally;
    struct record
        *record; /* of the slice under way; the coordinator's once WORKER_DONE is reported */
    struct loop_timer level_timer, arrival_timer;
    struct arrival_stream arrivals, backlog; /* the second counts those that are due */
    unsigned carriers_limit;
    bool saturated;         /* open model: every carrier is busy */
    uint64_t free_since_ns; /* ... or since when one is not */
};

enum worker_stage { STAGE_IDLE, STAGE_RUNNING, STAGE_DRAINING, STAGE_LEAVING };
enum worker_report { WORKER_STARTING, WORKER_READY, WORKER_BUSY, WORKER_DONE, WORKER_FAILED };

struct worker_order { /* guarded by the mutex */
    struct engine_phase *begin;
    bool end;
    uint64_t end_ns, drain_ns; /* end the phase: now, and drain at most so long */
    bool leave;                /* no user is kept for the next phase */
    bool forfeit;              /* what is left of the operations counts as not run */
    bool quit;
};

struct worker {
    struct loop loop;
    pthread_t thread;
    uint32_t index;
    const struct plan *plan;
    struct loop *coordinator;
    struct worker_target *targets;
    size_t target_count;
    atomic_int report; /* enum worker_report */
    pthread_mutex_t mutex;
    struct worker_order order;
    struct error error; /* of WORKER_FAILED */
    bool joinable, quit;

    /* The phase under way. */
    enum worker_stage stage;
    struct engine_phase *phase;
    struct worker_target **lanes; /* the targets of the phase, as in it; room for all */
    size_t lane_count;
    bool out_of_tickets, begun;
    uint64_t ended_ns; /* load ended */
    struct loop_timer begin_timer, end_timer, drain_timer, slice_timer;
    struct loop_task end_task;
    unsigned in_flight, setups; /* operations, session operations; of all targets */
    struct examples examples;
    struct record_ring filled, emptied; /* the records of the targets, one after the other */
    uint32_t slice;
    uint64_t slice_start_ns, slice_cpu_ns, slice_busy_ns;
};

/* Make worker `index`, for so many targets (zeroed before; its targets' `bound` and `sharers` are
 * the caller's to set). Then start its thread; it reports READY or FAILED. */
int worker_init(struct worker *worker, uint32_t index, const struct plan *plan,
                struct loop *coordinator, size_t targets, struct error *error);
int worker_start(struct worker *worker, struct error *error);
void worker_stop(struct worker *worker); /* order it to quit, and join */
void worker_free(struct worker *worker);

/* Orders, from the coordinator's thread. */
void worker_begin(struct worker *worker, struct engine_phase *phase);
void worker_end(struct worker *worker,
                const struct worker_order *order); /* order->end is implied */

/* For the models and users, on the worker's thread. */
/* Where a worker counts what is its own, not that of a target: its first lane. */
static inline struct record *worker_own_record(struct worker *worker)
{
    return worker->lanes[0]->record;
}
bool worker_take_ticket(struct worker *worker); /* leave to start one more operation */
bool worker_has_tickets(const struct worker *worker);
void worker_settle(struct worker *worker); /* something ended: is the stage over? */
static inline bool worker_runs(const struct worker *worker)
{
    return worker->stage == STAGE_RUNNING;
}
void tally_reset(struct tally *tally, size_t operations); /* frees what it held */

/* The user with a local index, made when it is needed first. NULL when memory is out. */
struct virtual_user *worker_user(struct worker_target *target, size_t index);

/* closed_model.c, open_model.c: the load of one target of the phase */
void closed_model_begin(struct worker_target *target);
void closed_model_update(struct worker_target *target, uint64_t now_ns); /* to the level of now */
void closed_model_next(struct slot *slot, uint64_t now_ns);              /* the slot is free */
void closed_model_end(struct worker_target *target, uint64_t end_ns);
void open_model_begin(struct worker_target *target);
void open_model_next(struct slot *slot, uint64_t now_ns);
void open_model_end(struct worker_target *target, uint64_t end_ns);
unsigned open_model_queued(struct worker_target *target, uint64_t now_ns);

#endif
