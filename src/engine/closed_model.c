/* The closed model: users come and go with the level of the phase, and each starts its next
 * operation when the last one has ended, or at its pace. */
#include "base/clock.h"
#include "engine/slot.h"
#include "engine/worker.h"

#include <math.h>

#define LEVEL_TICK_NS (10 * NS_PER_MS) /* while the level moves linearly */

static uint64_t level_users(const struct worker_target *target, uint64_t since_start_ns);
static uint64_t next_change(const struct engine_phase *phase, uint64_t since_start_ns);
static void activate(struct worker_target *target, size_t index, uint64_t now_ns);
static void deactivate(struct virtual_user *user, uint64_t now_ns);
static void level_timer_fired(struct loop_timer *timer);

void closed_model_begin(struct worker_target *target)
{
    const struct worker *worker = target->worker;
    target->level_timer.fired = level_timer_fired;
    uint64_t wanted = level_users(target, 0);
    /* Users kept from the phase before, but not needed now, leave; the others start afresh. */
    for (size_t i = 0; i < target->user_count; i++)
        if (target->users[i] && i >= wanted)
            virtual_user_leave(target->users[i]);
    target->active = 0;
    closed_model_update(target, worker->phase->start_ns);
}

void closed_model_update(struct worker_target *target, uint64_t now_ns)
{
    struct worker *worker = target->worker;
    const struct engine_phase *phase = worker->phase;
    uint64_t since = now_ns > phase->start_ns ? now_ns - phase->start_ns : 0;
    uint64_t wanted = level_users(target, since);
    while (target->active > wanted) {
        target->active--;
        if (target->active < target->user_count && target->users[target->active])
            deactivate(target->users[target->active], now_ns);
    }
    while (target->active < wanted)
        activate(target, target->active++, now_ns);
    uint64_t change = next_change(phase, since);
    if (change != UINT64_MAX && worker_runs(worker))
        loop_timer_start(&worker->loop, &target->level_timer, phase->start_ns + change);
}

void closed_model_next(struct slot *slot, uint64_t now_ns)
{
    struct virtual_user *user = slot->user;
    struct worker *worker = user->target->worker;
    uint64_t pace = worker->phase->phase->pace_ns;
    if (!worker_runs(worker) || !user->wanted) {
        slot_rest(slot);
        return;
    }
    uint64_t due = now_ns;
    if (pace) {
        due = user->next_pace_ns;
        if (due >= worker->phase->end_ns) {
            slot_rest(slot);
            return;
        }
        user->next_pace_ns += pace;
        if (now_ns > due) {
            slot_run(slot, due); /* late: its clock has been running */
            return;
        }
    }
    if (due > clock_now_ns())
        slot_run_at(slot, due);
    else
        slot_run(slot, due);
}

void closed_model_end(struct worker_target *target, uint64_t end_ns)
{
    const struct worker *worker = target->worker;
    uint64_t pace = worker->phase->phase->pace_ns;
    loop_timer_stop(&target->worker->loop, &target->level_timer);
    for (size_t i = 0; i < target->user_count; i++) {
        struct virtual_user *user = target->users[i];
        if (!user)
            continue;
        for (unsigned k = 0; k < target->slots_per_user; k++)
            slot_phase_over(&user->slots[k], end_ns);
        for (; pace && user->wanted && user->next_pace_ns < end_ns; user->next_pace_ns += pace)
            if (!slot_count_not_run(target, user->mix, user->category, user->next_pace_ns, end_ns))
                break;
    }
}

/* This worker's users of the target at that time, in this segment. */
static uint64_t level_users(const struct worker_target *target, uint64_t since_start_ns)
{
    const struct engine_phase *phase = target->worker->phase;
    const struct plan *plan = phase->plan;
    if (!phase->deal)
        return 0;
    double level = load_level_at(phase->phase, since_start_ns);
    uint64_t all = level > 0 ? (uint64_t)floor(level + 0.5) : 0;
    uint64_t segment = plan->segments > 1 ? plan->segment - 1 : 0;
    all = plan->segments > 1 ? share_of(all, segment, plan->segments) : all;
    all = lanes_deal(phase->deal, target->lane->index, all, segment);
    return share_of(all, target->worker->index, target->sharers);
}

/* When the level changes next, or may have. */
static uint64_t next_change(const struct engine_phase *phase, uint64_t since_start_ns)
{
    const struct phase *plan = phase->phase;
    for (size_t i = 0; i < plan->point_count; i++) {
        const struct load_point *point = &plan->points[i];
        if (point->at_ns <= since_start_ns)
            continue;
        bool moves = !plan->stepped && i > 0 && plan->points[i - 1].level != point->level;
        uint64_t tick = since_start_ns + LEVEL_TICK_NS;
        return moves && tick < point->at_ns ? tick : point->at_ns;
    }
    return UINT64_MAX;
}

static void activate(struct worker_target *target, size_t index, uint64_t now_ns)
{
    const struct engine_phase *phase = target->worker->phase;
    struct virtual_user *user = worker_user(target, index);
    uint64_t among; /* those of the same mix */
    if (!user)
        return; /* out of memory: fewer users than asked for, which the series shows */
    virtual_user_join(user);
    user->mix = lane_mix(target->lane->lane, user->id - 1, &among);
    user->category = target->lane->rotates ? -1 : (int)sequence_at(&user->mix->users, among).item;
    /* Paced users start spread over one pace, so that they do not march in step. */
    if (phase->phase->pace_ns)
        user->next_pace_ns = now_ns + random_below(&user->random, phase->phase->pace_ns);
    unsigned slots = phase->phase->in_flight_per_user;
    if (slots == 0)
        slots = 1;
    for (unsigned i = 0; i < slots && i < target->slots_per_user; i++)
        if (user->slots[i].state == SLOT_IDLE)
            closed_model_next(&user->slots[i], now_ns);
}

static void deactivate(struct virtual_user *user, uint64_t now_ns)
{
    struct worker_target *target = user->target;
    uint64_t pace = target->worker->phase->phase->pace_ns;
    if (user->wanted)
        for (; pace && user->next_pace_ns < now_ns; user->next_pace_ns += pace)
            if (!slot_count_not_run(target, user->mix, user->category, user->next_pace_ns, now_ns))
                break;
    virtual_user_leave(user);
}

static void level_timer_fired(struct loop_timer *timer)
{
    struct worker_target *target = container_of(timer, struct worker_target, level_timer);
    closed_model_update(target, clock_now_ns());
}
