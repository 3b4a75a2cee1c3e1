/* What the coordinator makes of each slice and second: baseline and recovery, the watches, the
 * guards, and the observer. */
#include "base/clock.h"
#include "engine/coordinator.h"

#include <stdio.h>
#include <string.h>

static bool is_last(const struct coordinator_lane *lane);
static void add_to_sum(struct second *into, const struct second *second, bool first);
static void watch_second(struct coordinator *coordinator, const struct second *second,
                         const struct series_sum *sum);
static void guard_second(struct coordinator_lane *lane, const struct series_sum *sum);
static void tell_second(struct coordinator *coordinator, const struct second *second);

/* The slices of the lanes come in the order of the lanes. */
void coordinator_slice(void *context, uint32_t slice, const struct series_sum *sum)
{
    const struct coordinator_lane *lane = context;
    struct coordinator *coordinator = lane->coordinator;
    uint64_t end_ns = (slice + 1) * coordinator->phase.slice_ns;
    const struct record *record = sum->record;
    bool wanted = coordinator->is_baseline || coordinator->phase.phase->kind == PHASE_RECOVERY;
    if (!wanted)
        return;
    if (coordinator->phase.lane_count > 1) {
        if (lane->index == 0)
            record_reset(coordinator->slice_sum, 0);
        record_merge(coordinator->slice_sum, record);
        record = coordinator->slice_sum;
        if (!is_last(lane))
            return;
    }
    if (coordinator->is_baseline)
        recovery_baseline_slice(&coordinator->baseline, end_ns, record);
    if (coordinator->phase.phase->kind == PHASE_RECOVERY && coordinator->stop == STOP_NONE &&
        recovery_window(&coordinator->recovery, end_ns, record))
        coordinator_stop(coordinator, STOP_RECOVERED);
}

void coordinator_second(void *context, struct second *second, const struct series_sum *sum)
{
    struct coordinator_lane *lane = context;
    struct coordinator *coordinator = lane->coordinator;
    const struct engine_phase *engine_phase = &coordinator->phase;
    const struct phase *phase = engine_phase->phase;
    uint64_t middle_ns =
        (uint64_t)(second->at_s - lane->series.first_second) * NS_PER_S + NS_PER_S / 2;
    if (phase->model == LOAD_OPEN && engine_phase->deal &&
        engine_phase->start_ns + middle_ns < engine_phase->end_ns && coordinator->stop == STOP_NONE)
        second->arrival_rate =
            load_level_at(phase, middle_ns) * engine_phase->lanes[lane->index].lane->share /
            (engine_phase->plan->segments > 1 ? engine_phase->plan->segments : 1);
    coordinator->total_started += second->started;
    coordinator->total_ok += second->ok;
    coordinator->total_failed += second->failed + second->censored;
    if (lane->index == 0)
        watch_second(coordinator, second, sum);
    guard_second(lane, sum);
    coordinator_alert_second(lane, second);
    if (engine_phase->lane_count == 1) {
        tell_second(coordinator, second);
        return;
    }
    add_to_sum(&coordinator->second_sum, second, lane->index == 0);
    if (is_last(lane))
        tell_second(coordinator, &coordinator->second_sum);
}

static bool is_last(const struct coordinator_lane *lane)
{
    return lane->index + 1u == lane->coordinator->phase.lane_count;
}

static void add_to_sum(struct second *into, const struct second *second, bool first)
{
    if (first) {
        struct histogram latency = into->latency;
        histogram_reset(&latency);
        *into = (struct second){.at_s = second->at_s, .latency = latency};
    }
    into->users += second->users;
    into->arrival_rate += second->arrival_rate;
    into->in_flight += second->in_flight;
    into->queued += second->queued;
    into->connections += second->connections;
    into->started += second->started;
    into->ok += second->ok;
    into->failed += second->failed;
    into->censored += second->censored;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        into->outcomes[kind] += second->outcomes[kind];
    histogram_merge(&into->latency, &second->latency);
}

/* A target that is gone ends the run, but in a memory phase only the phase: a tier degrades by
 * itself, and what was not begun of its operations counts as not run. */
static uint64_t stop_order(const struct coordinator *coordinator, enum phase_stop why,
                           struct worker_order *order)
{
    bool tier_lost = why == STOP_LOST && coordinator->phase.phase->kind == PHASE_MEMORY;
    uint64_t now = clock_now_ns();
    *order = (struct worker_order){
        .end_ns = now,
        .leave = why == STOP_INTERRUPTED || why == STOP_LOST || why == STOP_ABORTED,
        .forfeit = tier_lost,
    };
    return now;
}

void coordinator_stop(struct coordinator *coordinator, enum phase_stop why)
{
    if (coordinator->stop != STOP_NONE && why != STOP_INTERRUPTED)
        return;
    const struct engine_phase *phase = &coordinator->phase;
    struct worker_order order;
    uint64_t now = stop_order(coordinator, why, &order);
    for (uint32_t i = 0; i < phase->workers; i++) {
        order.drain_ns = 0;
        for (size_t k = 0; k < phase->lane_count; k++) {
            const struct worker *worker = &coordinator->workers[i];
            uint64_t timeout = worker->targets[phase->lanes[k].target_index].timeout_ns;
            if (timeout > order.drain_ns)
                order.drain_ns = timeout;
        }
        if (order.leave && order.drain_ns > 2 * NS_PER_S)
            order.drain_ns = 2 * NS_PER_S;
        worker_end(&coordinator->workers[i], &order);
    }
    coordinator->stop = why;
    if (!coordinator->stop_ns)
        coordinator->stop_ns = now;
}

static void watch_second(struct coordinator *coordinator, const struct second *second,
                         const struct series_sum *sum)
{
    uint64_t now = clock_now_ns();
    struct self_figures figures = {
        .busiest_worker = sum->busiest,
        .scheduling_lag_ns = sum->lag_ns,
        .send_delay_p99_ns = histogram_quantile(&sum->record->send_delay, 0.99),
    };
    if (self_watch_second(&coordinator->self_watch, coordinator->result, second->at_s, now,
                          &figures) < 0)
        coordinator->failed = true;
    for (uint32_t i = 0; i < coordinator->engine->target_count; i++)
        if (target_watch_second(&coordinator->target_watches[i], coordinator->result, i,
                                second->at_s, now) < 0)
            coordinator->failed = true;
}

static void guard_second(struct coordinator_lane *lane, const struct series_sum *sum)
{
    struct coordinator *coordinator = lane->coordinator;
    uint32_t index = coordinator->phase.lanes[lane->index].target_index;
    const struct result_target *target = &coordinator->result->targets[index];
    struct guard *guard = &coordinator->guards[index];
    char figure[64];
    if (!coordinator->phase.deal || coordinator->stop != STOP_NONE)
        return;
    if (guard_lost(guard, sum)) {
        snprintf(coordinator->stop_text, sizeof coordinator->stop_text,
                 "target %s stopped answering: for %llu s every attempt failed (%s); see `cicada "
                 "diagnose`",
                 target->name, (unsigned long long)guard->gone_s, guard->trouble);
        coordinator_stop(coordinator, STOP_LOST);
        return;
    }
    if (!is_last(lane))
        return; /* the plan's own limits look at all lanes */
    const struct threshold *held = guard_abort(coordinator->plan, coordinator->result,
                                               coordinator->result_phase, figure, sizeof figure);
    if (!held)
        return;
    snprintf(coordinator->stop_text, sizeof coordinator->stop_text,
             "aborted in phase %s: %s held over the last 10 s (it was %s)",
             coordinator->result_phase->name, held->text, figure);
    coordinator_stop(coordinator, STOP_ABORTED);
}

static void tell_second(struct coordinator *coordinator, const struct second *second)
{
    const struct engine_observer *observer = coordinator->engine->observer;
    const struct result *result = coordinator->result;
    uint64_t now = clock_now_ns();
    struct engine_progress *progress = &coordinator->progress;
    *progress = (struct engine_progress){
        .phase = coordinator->phase.phase,
        .phase_index = coordinator->phase_index,
        .phase_count = coordinator->plan->phase_count,
        .phase_elapsed_ns = now - coordinator->phase.start_ns,
        .run_elapsed_ns = now - coordinator->run_start_ns,
        .draining = coordinator->stop != STOP_NONE || now > coordinator->phase.end_ns,
        .users = second->users,
        .arrival_rate = second->arrival_rate,
        .in_flight = second->in_flight,
        .queued = second->queued,
        .connections = second->connections,
        .started = second->started,
        .ok = second->ok,
        .failed = second->failed + second->censored,
        .total_started = coordinator->total_started,
        .total_ok = coordinator->total_ok,
        .total_failed = coordinator->total_failed,
        .latency = &second->latency,
        .outcomes = second->outcomes,
        .self = result->self_count ? &result->self[result->self_count - 1] : NULL,
        .last = second,
        .result = result,
    };
    if (!observer || !observer->second)
        return;
    progress->top = coordinator->top;
    progress->top_count = top_operations(result, coordinator->result_phase, coordinator->top);
    observer->second(observer->context, progress);
}
