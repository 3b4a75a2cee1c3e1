/* What the coordinator makes of each slice and second: baseline and recovery, the watches, the
 * guards, and the observer. */
#include "base/clock.h"
#include "engine/coordinator.h"

#include <stdio.h>
#include <string.h>

static void watch_second(struct coordinator *coordinator, const struct second *second,
                         const struct series_sum *sum);
static void guard_second(struct coordinator *coordinator, const struct series_sum *sum);
static void tell_second(struct coordinator *coordinator, const struct second *second);

void coordinator_slice(void *context, uint32_t slice, const struct series_sum *sum)
{
    struct coordinator *coordinator = context;
    uint64_t end_ns = (slice + 1) * coordinator->phase.slice_ns;
    if (coordinator->is_baseline)
        recovery_baseline_slice(&coordinator->baseline, end_ns, sum->record);
    if (coordinator->phase.phase->kind == PHASE_RECOVERY && coordinator->stop == STOP_NONE &&
        recovery_window(&coordinator->recovery, end_ns, sum->record))
        coordinator_stop(coordinator, STOP_RECOVERED);
}

void coordinator_second(void *context, struct second *second, const struct series_sum *sum)
{
    struct coordinator *coordinator = context;
    uint64_t middle_ns =
        (uint64_t)(second->at_s - coordinator->series.first_second) * NS_PER_S + NS_PER_S / 2;
    const struct phase *phase = coordinator->phase.phase;
    if (phase->model == LOAD_OPEN && coordinator->phase.mix &&
        coordinator->phase.start_ns + middle_ns < coordinator->phase.end_ns &&
        coordinator->stop == STOP_NONE)
        second->arrival_rate = load_level_at(phase, middle_ns);
    coordinator->total_started += second->started;
    coordinator->total_ok += second->ok;
    coordinator->total_failed += second->failed + second->censored;
    watch_second(coordinator, second, sum);
    guard_second(coordinator, sum);
    tell_second(coordinator, second);
}

void coordinator_stop(struct coordinator *coordinator, enum phase_stop why)
{
    if (coordinator->stop != STOP_NONE && why != STOP_INTERRUPTED)
        return;
    struct engine_phase *phase = &coordinator->phase;
    uint64_t now = clock_now_ns(), drain = UINT64_MAX;
    bool leave = why == STOP_INTERRUPTED || why == STOP_LOST || why == STOP_ABORTED;
    for (uint32_t i = 0; i < phase->workers; i++) {
        uint64_t timeout = coordinator->workers[i].targets[phase->target_index].timeout_ns;
        drain = leave && timeout > 2 * NS_PER_S ? 2 * NS_PER_S : timeout;
        worker_end(&coordinator->workers[i], now, drain, leave);
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

static void guard_second(struct coordinator *coordinator, const struct series_sum *sum)
{
    const struct result_target *target =
        &coordinator->result->targets[coordinator->phase.target_index];
    char figure[64];
    if (!coordinator->phase.mix || coordinator->stop != STOP_NONE)
        return;
    if (guard_lost(&coordinator->guard, sum)) {
        snprintf(coordinator->stop_text, sizeof coordinator->stop_text,
                 "target %s stopped answering: for %llu s every attempt failed (%s); see `cicada "
                 "diagnose`",
                 target->name, (unsigned long long)coordinator->guard.gone_s,
                 coordinator->guard.trouble);
        coordinator_stop(coordinator, STOP_LOST);
        return;
    }
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
    };
    if (observer && observer->second)
        observer->second(observer->context, progress);
}
