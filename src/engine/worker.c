/* See worker.h: the thread, its orders, and the stages of a phase: running, draining, leaving. */
#include "engine/worker.h"

#include "base/clock.h"
#include "engine/slot.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_NS (30 * NS_PER_S)
#define SHORT_TURN_NS      (100 * NS_PER_US)
#define LEAVE_LIMIT_NS     (2 * NS_PER_S) /* to close the sessions */

static void *worker_main(void *context);
static void worker_woken(struct loop *loop, void *context);
static int open_targets(struct worker *worker);
static void close_targets(struct worker *worker);
static void phase_begin(struct worker *worker, struct engine_phase *phase);
static void phase_end(struct worker *worker, const struct worker_order *order);
static void phase_done(struct worker *worker);
static void report(struct worker *worker, enum worker_report report);
static void begin_timer_fired(struct loop_timer *timer);
static void end_timer_fired(struct loop_timer *timer);
static void drain_timer_fired(struct loop_timer *timer);
static void slice_timer_fired(struct loop_timer *timer);
static void end_task_run(struct loop_task *task);
static void slice_begin(struct worker *worker, uint64_t now_ns);
static void slice_hand_over(struct worker *worker, uint64_t now_ns, bool last);

int worker_init(struct worker *worker, uint32_t index, const struct plan *plan,
                struct loop *coordinator, size_t targets, struct error *error)
{
    worker->index = index;
    worker->plan = plan;
    worker->coordinator = coordinator;
    pthread_mutex_init(&worker->mutex, NULL);
    atomic_init(&worker->report, WORKER_STARTING);
    worker->begin_timer.fired = begin_timer_fired;
    worker->end_timer.fired = end_timer_fired;
    worker->drain_timer.fired = drain_timer_fired;
    worker->slice_timer.fired = slice_timer_fired;
    worker->end_task.run = end_task_run;
    worker->targets = calloc(targets ? targets : 1, sizeof *worker->targets);
    worker->lanes = calloc(targets ? targets : 1, sizeof(struct worker_target *));
    worker->target_count = worker->targets ? targets : 0;
    bool whole = worker->targets && worker->lanes;
    for (size_t i = 0; i < worker->target_count; i++) {
        worker->targets[i].record = record_make();
        measurement_init(&worker->targets[i].tally.setup);
        whole = whole && worker->targets[i].record;
    }
    if (loop_open(&worker->loop, error) < 0)
        return -1;
    worker->loop.woken = worker_woken;
    worker->loop.woken_context = worker;
    if (!whole)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

int worker_start(struct worker *worker, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the coordinator */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(error, ERROR_INTERNAL, "cannot start a worker thread: %s",
                         strerror(failed));
    worker->joinable = true;
    return 0;
}

void worker_stop(struct worker *worker)
{
    if (!worker->joinable)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->order.quit = true;
    pthread_mutex_unlock(&worker->mutex);
    loop_wake(&worker->loop);
    pthread_join(worker->thread, NULL);
    worker->joinable = false;
}

void worker_free(struct worker *worker)
{
    struct record *record;
    while ((record = record_ring_pop(&worker->filled)))
        record_free(record);
    while ((record = record_ring_pop(&worker->emptied)))
        record_free(record);
    for (size_t i = 0; i < worker->target_count; i++) {
        record_free(worker->targets[i].record);
        tally_reset(&worker->targets[i].tally, 0);
    }
    examples_free(&worker->examples);
    if (worker->loop.scratch)
        loop_close(&worker->loop);
    free(worker->lanes);
    free(worker->targets);
    pthread_mutex_destroy(&worker->mutex);
}

void worker_begin(struct worker *worker, struct engine_phase *phase)
{
    atomic_store(&worker->report, WORKER_BUSY);
    pthread_mutex_lock(&worker->mutex);
    worker->order.begin = phase;
    worker->order.end = false;
    pthread_mutex_unlock(&worker->mutex);
    loop_wake(&worker->loop);
}

void worker_end(struct worker *worker, const struct worker_order *order)
{
    pthread_mutex_lock(&worker->mutex);
    worker->order.end = true;
    worker->order.end_ns = order->end_ns;
    worker->order.drain_ns = order->drain_ns;
    worker->order.leave = order->leave;
    worker->order.forfeit = order->forfeit;
    pthread_mutex_unlock(&worker->mutex);
    loop_wake(&worker->loop);
}

bool worker_has_tickets(const struct worker *worker)
{
    const struct engine_phase *phase = worker->phase;
    return atomic_load_explicit(&phase->tickets, memory_order_relaxed) < phase->ticket_limit;
}

bool worker_take_ticket(struct worker *worker)
{
    struct engine_phase *phase = worker->phase;
    if (phase->ticket_limit == UINT64_MAX)
        return true;
    if (atomic_fetch_add_explicit(&phase->tickets, 1, memory_order_relaxed) < phase->ticket_limit)
        return true;
    if (!worker->out_of_tickets) {
        worker->out_of_tickets = true;
        atomic_store(&phase->exhausted, true);
        loop_defer(&worker->loop, &worker->end_task);
        loop_wake(worker->coordinator);
    }
    return false;
}

void worker_settle(struct worker *worker)
{
    if (worker->stage == STAGE_RUNNING || worker->stage == STAGE_IDLE)
        return;
    if (worker->in_flight || worker->setups)
        return;
    loop_defer(&worker->loop, &worker->end_task); /* not while a slot is on the stack */
}

struct virtual_user *worker_user(struct worker_target *target, size_t index)
{
    if (index >= target->user_count) {
        size_t count = index + 1 > target->user_count * 2 ? index + 1 : target->user_count * 2;
        struct virtual_user **users = realloc(target->users, count * sizeof *users);
        if (!users)
            return NULL;
        memset(users + target->user_count, 0, (count - target->user_count) * sizeof *users);
        target->users = users;
        target->user_count = count;
    }
    if (!target->users[index]) {
        const struct plan *plan = target->worker->plan;
        uint64_t local = target->worker->index + (uint64_t)target->sharers * index;
        uint64_t id = plan->segments > 1 ? plan->segment - 1 + plan->segments * local : local;
        target->users[index] = virtual_user_make(target, id + 1);
    }
    return target->users[index];
}

/* ---- the thread
 * ---------------------------------------------------------------------------------- */

/* Ask the scheduler for short turns (Linux 6.12 and later; no privilege needed, no larger share of
 * the processor): a thread that wakes to start an operation then runs before one that computes.
 * Elsewhere nothing changes, nor where a policy was chosen (chrt, a service's unit). The structure
 * is that of sched_setattr(2), which glibc 2.36 does not declare. */
static void ask_for_short_turns(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attributes = {.size = sizeof attributes, .policy = SCHED_OTHER, .runtime_ns = SHORT_TURN_NS};
    if (sched_getscheduler(0) != SCHED_OTHER)
        return;
    errno = 0;
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0)
        syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    ask_for_short_turns();
    if (open_targets(worker) < 0) {
        report(worker, WORKER_FAILED);
    } else {
        report(worker, WORKER_READY);
        while (!worker->quit)
            loop_run_once(&worker->loop, UINT64_MAX);
    }
    close_targets(worker);
    return NULL;
}

static void report(struct worker *worker, enum worker_report what)
{
    atomic_store(&worker->report, (int)what);
    loop_wake(worker->coordinator);
}

static void worker_woken(struct loop *loop, void *context)
{
    struct worker *worker = context;
    (void)loop;
    pthread_mutex_lock(&worker->mutex);
    struct worker_order order = worker->order;
    worker->order.begin = NULL;
    worker->order.end = false;
    pthread_mutex_unlock(&worker->mutex);
    if (order.begin)
        phase_begin(worker, order.begin);
    if (order.end && (worker->stage == STAGE_RUNNING || worker->stage == STAGE_DRAINING)) {
        for (size_t i = 0; order.leave && i < worker->lane_count; i++)
            worker->lanes[i]->keep_users = false;
        phase_end(worker, &order);
    }
    if (order.quit)
        worker->quit = true;
}

static int open_target(struct worker *worker, struct worker_target *target)
{
    struct target *opened = target->bound->target;
    target->worker = worker;
    target->driver = opened->driver; /* NULL for one that is unavailable, perhaps */
    target->timeout_timer.fired = slots_time_out;
    if (worker->index >= target->sharers)
        return 0;
    target->quotas = calloc(target->bound->operation_count + 1, sizeof *target->quotas);
    target->driver_worker = calloc(1, sizeof *target->driver_worker + target->driver->worker_size);
    if (!target->driver_worker || !target->quotas)
        return error_set(&worker->error, ERROR_INTERNAL, "out of memory");
    *target->driver_worker =
        (struct driver_worker){.target = opened, .loop = &worker->loop, .index = worker->index};
    if (target->driver->worker_open(target->driver_worker, &worker->error) < 0) {
        free(target->driver_worker);
        target->driver_worker = NULL;
        return -1;
    }
    uint64_t timeout = opened->options->timeout_ns;
    timeout = timeout ? timeout : worker->plan->timeout_ns;
    target->timeout_ns = timeout ? timeout : DEFAULT_TIMEOUT_NS;
    unsigned limit = opened->options->pool_size;
    if (opened->max_connections && (!limit || opened->max_connections < limit))
        limit = opened->max_connections;
    pool_init(&target->pool, target->driver_worker,
              limit ? (unsigned)share_of(limit, worker->index, target->sharers) : 0);
    target->pool.granted = slot_granted;
    target->pool.refused = slot_refused;
    return 0;
}

static int open_targets(struct worker *worker)
{
    for (size_t i = 0; i < worker->target_count; i++)
        if (open_target(worker, &worker->targets[i]) < 0)
            return -1;
    return 0;
}

static void close_targets(struct worker *worker)
{
    for (size_t i = 0; i < worker->target_count; i++) {
        struct worker_target *target = &worker->targets[i];
        for (size_t k = 0; k < target->user_count; k++)
            virtual_user_free(target->users[k]);
        free(target->users);
        free(target->quotas);
        if (!target->driver_worker)
            continue;
        loop_timer_stop(&worker->loop, &target->timeout_timer);
        pool_close(&target->pool);
        target->driver->worker_close(target->driver_worker);
        while (target->free_calls) {
            struct pooled_call *call = target->free_calls;
            target->free_calls = call->next;
            free(call);
        }
        free(target->driver_worker);
    }
}

/* ---- the stages of a phase
 * ----------------------------------------------------------------------- */

static void phase_begin(struct worker *worker, struct engine_phase *phase)
{
    worker->phase = phase;
    worker->out_of_tickets = worker->begun = false;
    worker->stage = STAGE_RUNNING;
    worker->slice = 0;
    worker->lane_count = phase->lane_count;
    for (size_t i = 0; i < worker->target_count; i++)
        worker->targets[i].lane = NULL;
    for (size_t i = 0; i < phase->lane_count; i++) {
        struct worker_target *target = &worker->targets[phase->lanes[i].target_index];
        worker->lanes[i] = target;
        target->lane = &phase->lanes[i];
        target->keep_users = target->lane->keep_users;
        tally_reset(&target->tally, target->bound->operation_count);
        record_reset(target->record, target->bound->operation_count);
    }
    slice_begin(worker, phase->start_ns);
    if (phase->end_ns != UINT64_MAX)
        loop_timer_start(&worker->loop, &worker->end_timer, phase->end_ns);
    loop_timer_start(&worker->loop, &worker->begin_timer, phase->start_ns);
}

static bool is_open(const struct worker *worker)
{
    return worker->phase->phase->model == LOAD_OPEN && worker->phase->deal;
}

/* The start lies a little ahead of the order, so that all workers begin together. */
static void begin_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, begin_timer);
    worker->begun = true;
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct worker_target *target = worker->lanes[i];
        if (!target->driver_worker)
            continue; /* others serve it */
        if (is_open(worker))
            open_model_begin(target);
        else
            closed_model_begin(target);
    }
}

/* What was not begun of the budget is not run. */
static void forfeit(struct worker_target *target, uint64_t end_ns)
{
    const struct lane *lane = target->lane->lane;
    if (!lane || target->worker->phase->ticket_limit == UINT64_MAX)
        return;
    for (uint64_t i = 0; slot_count_not_run(target, lane_mix(lane, i, NULL), -1, end_ns, end_ns);
         i++)
        ;
}

/* Load ends: nothing new starts. Again with an earlier limit when the run is interrupted. */
static void phase_end(struct worker *worker, const struct worker_order *order)
{
    uint64_t end_ns = order->end_ns;
    if (worker->stage == STAGE_RUNNING) {
        worker->stage = STAGE_DRAINING;
        worker->ended_ns = end_ns;
        loop_timer_stop(&worker->loop, &worker->end_timer);
        loop_timer_stop(&worker->loop, &worker->begin_timer);
        for (size_t i = 0; worker->begun && i < worker->lane_count; i++) {
            struct worker_target *target = worker->lanes[i];
            if (!target->driver_worker)
                continue;
            if (is_open(worker))
                open_model_end(target, end_ns);
            else
                closed_model_end(target, end_ns);
        }
        if (order->forfeit)
            forfeit(worker->lanes[0], end_ns);
    }
    loop_timer_start(&worker->loop, &worker->drain_timer, end_ns + order->drain_ns);
    worker_settle(worker);
}

/* Nothing is waited for longer than its target's timeout. */
static uint64_t longest_timeout(const struct worker *worker)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < worker->lane_count; i++)
        if (worker->lanes[i]->timeout_ns > longest)
            longest = worker->lanes[i]->timeout_ns;
    return longest;
}

static bool keeps_all_users(const struct worker *worker)
{
    for (size_t i = 0; i < worker->lane_count; i++)
        if (!worker->lanes[i]->keep_users)
            return false;
    return true;
}

/* Drained: users that the next phase does not need close their sessions, within bounds. */
static void phase_leave(struct worker *worker)
{
    worker->stage = STAGE_LEAVING;
    loop_timer_start(&worker->loop, &worker->drain_timer, clock_now_ns() + LEAVE_LIMIT_NS);
    for (size_t k = 0; k < worker->lane_count; k++) {
        struct worker_target *target = worker->lanes[k];
        for (size_t i = 0; !target->keep_users && i < target->user_count; i++)
            if (target->users[i])
                virtual_user_leave(target->users[i]);
    }
    worker_settle(worker);
}

static void phase_done(struct worker *worker)
{
    worker->stage = STAGE_IDLE;
    loop_timer_stop(&worker->loop, &worker->drain_timer);
    loop_timer_stop(&worker->loop, &worker->slice_timer);
    slice_hand_over(worker, clock_now_ns(), true);
    report(worker, WORKER_DONE);
}

/* Runs outside any slot: the budget is used up, or a stage has nothing under way any more. */
static void end_task_run(struct loop_task *task)
{
    struct worker *worker = container_of(task, struct worker, end_task);
    if (worker->stage == STAGE_RUNNING) {
        const struct worker_order order = {.end_ns = clock_now_ns(),
                                           .drain_ns = longest_timeout(worker)};
        if (worker->out_of_tickets)
            phase_end(worker, &order);
        return;
    }
    if (worker->stage == STAGE_IDLE || worker->in_flight || worker->setups)
        return;
    if (worker->stage == STAGE_DRAINING && !keeps_all_users(worker))
        phase_leave(worker);
    else
        phase_done(worker);
}

static void end_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, end_timer);
    const struct worker_order order = {.end_ns = worker->phase->end_ns,
                                       .drain_ns = longest_timeout(worker)};
    if (worker->stage == STAGE_RUNNING)
        phase_end(worker, &order);
}

/* Out of patience: what is still open is given up. */
static void drain_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, drain_timer);
    for (size_t i = 0; i < worker->target_count; i++)
        while (worker->targets[i].oldest)
            slot_cancel(worker->targets[i].oldest, OUTCOME_CANCELLED);
    worker_settle(worker);
}

/* ---- the record of a slice
 * ------------------------------------------------------------------------ */

void tally_reset(struct tally *tally, size_t operations)
{
    for (size_t i = 0; i < tally->operation_count; i++)
        measurement_free(&tally->operations[i]);
    free(tally->operations);
    measurement_free(&tally->setup);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_free(&tally->parts[part]);
    *tally = (struct tally){.operations =
                                operations ? calloc(operations, sizeof(struct measurement)) : NULL};
    tally->operation_count = tally->operations ? operations : 0;
    for (size_t i = 0; i < tally->operation_count; i++)
        measurement_init(&tally->operations[i]);
    measurement_init(&tally->setup);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_init(&tally->parts[part]);
}

static void slice_begin(struct worker *worker, uint64_t now_ns)
{
    worker->slice_start_ns = now_ns;
    worker->slice_cpu_ns = clock_thread_cpu_ns();
    worker->slice_busy_ns = worker->loop.busy_ns;
    worker->loop.lag_ns = 0;
    loop_timer_start(&worker->loop, &worker->slice_timer,
                     worker->phase->start_ns + (worker->slice + 1) * worker->phase->slice_ns);
}

/* The gauges of one target, and of the worker in its first lane. */
static void fill_gauges(struct worker_target *target, uint64_t now_ns)
{
    struct worker *worker = target->worker;
    struct record *record = target->record;
    bool loaded = worker_runs(worker) || worker->slice_start_ns < worker->ended_ns;
    record->slice = worker->slice;
    record->lane = target->lane->index;
    record->users = loaded && worker->phase->phase->model == LOAD_CLOSED ? target->active : 0;
    record->in_flight = target->in_flight;
    record->queued = is_open(worker) ? open_model_queued(target, now_ns) : 0;
    record->connections = target->driver_worker ? target->pool.total : 0;
    record->elapsed_ns = now_ns > worker->slice_start_ns ? now_ns - worker->slice_start_ns : 0;
    if (record->lane > 0)
        return;
    record->cpu_ns = clock_thread_cpu_ns() - worker->slice_cpu_ns;
    record->busy_ns = worker->loop.busy_ns - worker->slice_busy_ns;
    record->lag_ns = worker->loop.lag_ns;
}

/* Pass the record on, and take an empty one; or go on with the one at hand. */
static void record_hand_over(struct worker_target *target)
{
    struct worker *worker = target->worker;
    struct record *record = target->record;
    struct record *empty = record_ring_pop(&worker->emptied);
    if (!empty)
        empty = record_make();
    if (empty && record_reset(empty, record->operation_count) == 0 &&
        record_ring_push(&worker->filled, record))
        target->record = empty;
    else
        record_free(empty);
}

/* The last records stay: the coordinator takes them once we have reported. */
static void slice_hand_over(struct worker *worker, uint64_t now_ns, bool last)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        fill_gauges(worker->lanes[i], now_ns);
        if (!last)
            record_hand_over(worker->lanes[i]);
    }
    if (last)
        return;
    loop_wake(worker->coordinator);
    worker->slice++;
    slice_begin(worker, now_ns);
}

static void slice_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, slice_timer);
    slice_hand_over(worker, clock_now_ns(), false);
}
