/* The open model: arrivals come by the clock, whatever the target does. Each is run by a free
 * carrier; with none free it waits, its clock running. Nothing is stored for those that wait:
 * arrivals are due at computable times, so the stream itself stands still at the first that could
 * not start. */
#include "base/clock.h"
#include "engine/slot.h"
#include "engine/worker.h"

static struct virtual_user *take_carrier(struct worker *worker);
static void give_carrier(struct worker_target *target, struct virtual_user *user);
static void pump(struct worker *worker, uint64_t now_ns);
static void arrival_timer_fired(struct loop_timer *timer);

void open_model_begin(struct worker *worker)
{
    struct worker_target *target = worker->target;
    const struct engine_phase *phase = worker->phase;
    const struct plan *plan = phase->plan;
    uint64_t segments = plan->segments > 1 ? plan->segments : 1;
    uint64_t segment = plan->segments > 1 ? plan->segment - 1 : 0;
    uint64_t limit = phase->phase->max_in_flight;
    limit = segments > 1 ? share_of(limit, segment, segments) : limit;
    worker->carriers_limit = (unsigned)share_of(limit, worker->index, target->sharers);
    worker->arrival_timer.fired = arrival_timer_fired;
    worker->saturated = false;
    worker->free_since_ns = 0;
    arrival_stream_begin(&worker->arrivals, &phase->schedule, phase->phase->arrivals,
                         segment + segments * worker->index, segments * target->sharers,
                         plan->seed + phase->phase_index);
    worker->backlog = worker->arrivals;
    target->free_carriers = NULL;
    target->active = 0;
    for (size_t i = 0; i < target->user_count; i++) {
        struct virtual_user *user = target->users[i];
        if (!user)
            continue;
        if (i < worker->carriers_limit && !user->gone) {
            user->wanted = true;
            user->category = -1;
            if (user->busy == 0)
                give_carrier(target, user);
        } else {
            virtual_user_leave(user);
        }
        target->active = i < worker->carriers_limit ? (unsigned)i + 1 : target->active;
    }
    pump(worker, clock_now_ns());
}

void open_model_next(struct slot *slot, uint64_t now_ns)
{
    struct virtual_user *user = slot->user;
    struct worker *worker = user->target->worker;
    slot_rest(slot);
    if (!worker_runs(worker) || !user->wanted)
        return;
    give_carrier(user->target, user);
    if (!worker->saturated)
        return; /* the timer starts the next one */
    worker->saturated = false;
    worker->free_since_ns = now_ns;
    pump(worker, clock_now_ns());
}

void open_model_end(struct worker *worker, uint64_t end_ns)
{
    struct worker_target *target = worker->target;
    const struct engine_phase *phase = worker->phase;
    loop_timer_stop(&worker->loop, &worker->arrival_timer);
    for (size_t i = 0; i < target->user_count; i++)
        for (unsigned k = 0; target->users[i] && k < target->slots_per_user; k++)
            slot_phase_over(&target->users[i]->slots[k], end_ns);
    struct arrival_stream *stream = &worker->arrivals;
    while (stream->next_ns != UINT64_MAX && phase->start_ns + stream->next_ns < end_ns) {
        if (!slot_count_not_run(target, -1, phase->start_ns + stream->next_ns, end_ns))
            break;
        arrival_stream_advance(stream);
    }
}

unsigned open_model_queued(struct worker *worker, uint64_t now_ns)
{
    if (!worker_runs(worker))
        return 0;
    if (!worker->saturated) {
        worker->backlog = worker->arrivals;
        return 0;
    }
    uint64_t since = now_ns > worker->phase->start_ns ? now_ns - worker->phase->start_ns : 0;
    while (worker->backlog.next_ns <= since)
        arrival_stream_advance(&worker->backlog);
    return (unsigned)(worker->backlog.index - worker->arrivals.index);
}

/* The carrier used last: as few sessions are opened as the load needs. */
static struct virtual_user *take_carrier(struct worker *worker)
{
    struct worker_target *target = worker->target;
    struct virtual_user *user = target->free_carriers;
    if (user) {
        target->free_carriers = user->free_next;
        return user;
    }
    while (target->active < worker->carriers_limit) {
        user = worker_user(target, target->active++);
        if (!user)
            return NULL;
        virtual_user_join(user);
        user->category = -1;
        if (user->busy == 0)
            return user;
    }
    return NULL;
}

static void give_carrier(struct worker_target *target, struct virtual_user *user)
{
    user->free_next = target->free_carriers;
    target->free_carriers = user;
}

/* Start what is due, as long as carriers are free; then wait for the next arrival, or for a
 * carrier. */
static void pump(struct worker *worker, uint64_t now_ns)
{
    const struct engine_phase *phase = worker->phase;
    struct arrival_stream *stream = &worker->arrivals;
    while (stream->next_ns != UINT64_MAX && worker_runs(worker)) {
        uint64_t due = phase->start_ns + stream->next_ns;
        if (due >= phase->end_ns)
            return;
        if (due > now_ns) {
            loop_timer_start(&worker->loop, &worker->arrival_timer, due);
            return;
        }
        struct virtual_user *carrier = take_carrier(worker);
        if (!carrier) {
            worker->saturated = true;
            return;
        }
        arrival_stream_advance(stream);
        struct slot *slot = &carrier->slots[0];
        slot_run(slot, due);
        if (slot->state != SLOT_POOL && slot->state != SLOT_FLIGHT)
            continue;
        /* How late we ourselves were: not counted is the time when every carrier was busy. */
        uint64_t possible = due > worker->free_since_ns ? due : worker->free_since_ns;
        histogram_record(&worker->record->send_delay,
                         slot->started_ns > possible ? slot->started_ns - possible : 0);
    }
}

static void arrival_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, arrival_timer);
    pump(worker, clock_now_ns());
}
