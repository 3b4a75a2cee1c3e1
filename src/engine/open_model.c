/* The open model: arrivals come by the clock, whatever the target does. Each is run by a free
 * carrier; with none free it waits, its clock running. Nothing is stored for those that wait:
 * arrivals are due at computable times, so the stream itself stands still at the first that could
 * not start. */
#include "base/clock.h"
#include "engine/slot.h"
#include "engine/worker.h"

static struct virtual_user *take_carrier(struct worker_target *target);
static void give_carrier(struct worker_target *target, struct virtual_user *user);
static void pump(struct worker_target *target, uint64_t now_ns);
static void arrival_timer_fired(struct loop_timer *timer);

void open_model_begin(struct worker_target *target)
{
    const struct worker *worker = target->worker;
    const struct engine_phase *phase = worker->phase;
    const struct phase_lane *lane = target->lane;
    const struct plan *plan = phase->plan;
    uint64_t segments = plan->segments > 1 ? plan->segments : 1;
    uint64_t segment = plan->segments > 1 ? plan->segment - 1 : 0;
    uint64_t limit = lanes_deal(phase->deal, lane->index, most_users(plan, phase->phase), segment);
    limit = limit ? limit : 1; /* fewer may be in flight than there are lanes */
    target->carriers_limit = (unsigned)share_of(limit, worker->index, target->sharers);
    target->arrival_timer.fired = arrival_timer_fired;
    target->saturated = false;
    target->free_since_ns = 0;
    const struct arrival_share share = {
        .first = segment + segments * worker->index,
        .step = segments * target->sharers,
        .part = lane->lane->share,
        .offset = (double)lane->index / (double)phase->lane_count,
    };
    arrival_stream_begin(&target->arrivals, &phase->schedule, phase->phase->arrivals, &share,
                         plan->seed + phase->phase_index + lane->index);
    target->backlog = target->arrivals;
    target->free_carriers = NULL;
    target->active = 0;
    for (size_t i = 0; i < target->user_count; i++) {
        struct virtual_user *user = target->users[i];
        if (!user)
            continue;
        if (i < target->carriers_limit && !user->gone) {
            user->wanted = true;
            user->category = -1;
            if (user->busy == 0)
                give_carrier(target, user);
        } else {
            virtual_user_leave(user);
        }
        target->active = i < target->carriers_limit ? (unsigned)i + 1 : target->active;
    }
    pump(target, clock_now_ns());
}

void open_model_next(struct slot *slot, uint64_t now_ns)
{
    struct virtual_user *user = slot->user;
    struct worker_target *target = user->target;
    slot_rest(slot);
    if (!worker_runs(target->worker) || !user->wanted)
        return;
    give_carrier(target, user);
    if (!target->saturated)
        return; /* the timer starts the next one */
    target->saturated = false;
    target->free_since_ns = now_ns;
    pump(target, clock_now_ns());
}

/* The mix of the arrival that the stream stands at. */
static struct bound_mix *mix_of_arrival(const struct worker_target *target)
{
    const struct arrival_stream *stream = &target->arrivals;
    return lane_mix(target->lane->lane, stream->share.first + stream->index * stream->share.step,
                    NULL);
}

void open_model_end(struct worker_target *target, uint64_t end_ns)
{
    const struct engine_phase *phase = target->worker->phase;
    loop_timer_stop(&target->worker->loop, &target->arrival_timer);
    for (size_t i = 0; i < target->user_count; i++)
        for (unsigned k = 0; target->users[i] && k < target->slots_per_user; k++)
            slot_phase_over(&target->users[i]->slots[k], end_ns);
    struct arrival_stream *stream = &target->arrivals;
    while (stream->next_ns != UINT64_MAX && phase->start_ns + stream->next_ns < end_ns) {
        if (!slot_count_not_run(target, mix_of_arrival(target), -1,
                                phase->start_ns + stream->next_ns, end_ns))
            break;
        arrival_stream_advance(stream);
    }
}

unsigned open_model_queued(struct worker_target *target, uint64_t now_ns)
{
    const struct worker *worker = target->worker;
    if (!worker_runs(worker) || !target->driver_worker)
        return 0;
    if (!target->saturated) {
        target->backlog = target->arrivals;
        return 0;
    }
    uint64_t since = now_ns > worker->phase->start_ns ? now_ns - worker->phase->start_ns : 0;
    while (target->backlog.next_ns <= since)
        arrival_stream_advance(&target->backlog);
    return (unsigned)(target->backlog.index - target->arrivals.index);
}

/* The carrier used last: as few sessions are opened as the load needs. */
static struct virtual_user *take_carrier(struct worker_target *target)
{
    struct virtual_user *user = target->free_carriers;
    if (user) {
        target->free_carriers = user->free_next;
        return user;
    }
    while (target->active < target->carriers_limit) {
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
static void pump(struct worker_target *target, uint64_t now_ns)
{
    struct worker *worker = target->worker;
    const struct engine_phase *phase = worker->phase;
    struct arrival_stream *stream = &target->arrivals;
    while (stream->next_ns != UINT64_MAX && worker_runs(worker)) {
        uint64_t due = phase->start_ns + stream->next_ns;
        if (due >= phase->end_ns)
            return;
        if (due > now_ns) {
            loop_timer_start(&worker->loop, &target->arrival_timer, due);
            return;
        }
        struct virtual_user *carrier = take_carrier(target);
        if (!carrier) {
            target->saturated = true;
            return;
        }
        carrier->mix = mix_of_arrival(target);
        arrival_stream_advance(stream);
        struct slot *slot = &carrier->slots[0];
        slot_run(slot, due);
        if (slot->state != SLOT_POOL && slot->state != SLOT_FLIGHT)
            continue;
        /* How late we ourselves were: not counted is the time when every carrier was busy. */
        uint64_t possible = due > target->free_since_ns ? due : target->free_since_ns;
        histogram_record(&worker_own_record(worker)->send_delay,
                         slot->started_ns > possible ? slot->started_ns - possible : 0);
    }
}

static void arrival_timer_fired(struct loop_timer *timer)
{
    struct worker_target *target = container_of(timer, struct worker_target, arrival_timer);
    pump(target, clock_now_ns());
}
