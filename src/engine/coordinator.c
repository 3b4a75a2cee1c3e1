/* See coordinator.h: one phase, from the order to begin to the merged figures. */
#include "engine/coordinator.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAD_NS        (2 * NS_PER_MS)  /* from the order to the start, for all workers alike */
#define WATCH_NS       (50 * NS_PER_MS) /* how soon an interruption is seen */
#define SLICE_NS       NS_PER_S
#define SLICE_QUICK_NS (100 * NS_PER_MS)

static int phase_prepare(struct coordinator *coordinator, size_t index, struct error *error);
static bool next_phase_keeps(const struct coordinator *coordinator, size_t index);
static void take_records(struct coordinator *coordinator);
static void watch(struct coordinator *coordinator);
static bool all_done(const struct coordinator *coordinator);
static int phase_finish(struct coordinator *coordinator, struct error *error);

int coordinator_run_phase(struct coordinator *coordinator, size_t index, struct error *error)
{
    const struct engine_observer *observer = coordinator->engine->observer;
    if (phase_prepare(coordinator, index, error) < 0)
        return -1;
    coordinator->progress = (struct engine_progress){
        .phase = coordinator->phase.phase,
        .phase_index = index,
        .phase_count = coordinator->plan->phase_count,
        .run_elapsed_ns = coordinator->phase.start_ns - coordinator->run_start_ns,
    };
    if (observer && observer->phase_began)
        observer->phase_began(observer->context, &coordinator->progress);
    coordinator->phase.start_ns = clock_now_ns() + LEAD_NS;
    if (coordinator->phase.phase->duration_ns)
        coordinator->phase.end_ns =
            coordinator->phase.start_ns + coordinator->phase.phase->duration_ns;
    for (uint32_t i = 0; i < coordinator->phase.workers; i++)
        worker_begin(&coordinator->workers[i], &coordinator->phase);
    while (!all_done(coordinator)) {
        loop_run_once(&coordinator->loop, clock_now_ns() + WATCH_NS);
        take_records(coordinator);
        watch(coordinator);
    }
    int finished = phase_finish(coordinator, error);
    if (observer && observer->phase_ended)
        observer->phase_ended(observer->context, &coordinator->progress, coordinator->result_phase);
    return finished;
}

/* ---- before
 * ---------------------------------------------------------------------------------------- */

static uint32_t target_of(const struct coordinator *coordinator, const struct bound_mix *mix,
                          const struct phase *phase)
{
    if (mix)
        return mix->target;
    /* Idle: what the phase before ran on is what is watched. */
    if (!phase->mix && coordinator->phase.target)
        return coordinator->phase.target_index;
    return 0;
}

static bool rotates(const struct phase *phase, const struct bound_mix *mix)
{
    double most = 0;
    for (size_t i = 0; i < phase->point_count; i++)
        most = fmax(most, phase->points[i].level);
    return phase->model == LOAD_CLOSED && mix && most < (double)mix->category_count;
}

static int phase_prepare(struct coordinator *coordinator, size_t index, struct error *error)
{
    const struct plan *plan = coordinator->plan;
    const struct phase *phase = &plan->phases[index];
    struct bound_mix *mix =
        phase->kind == PHASE_IDLE ? NULL : binding_mix_of(&coordinator->binding, phase);
    uint32_t target = target_of(coordinator, mix, phase);
    if (coordinator->phase.target && coordinator->phase.target_index != target)
        guard_begin(&coordinator->guard, plan);
    schedule_free(&coordinator->phase.schedule);
    coordinator->phase = (struct engine_phase){
        .plan = plan,
        .phase = phase,
        .mix = mix,
        .target = &coordinator->binding.targets[target],
        .phase_index = (uint32_t)index,
        .target_index = target,
        .start_ns = clock_now_ns(),
        .end_ns = UINT64_MAX,
        .slice_ns = plan->quick ? SLICE_QUICK_NS : SLICE_NS,
        .ticket_limit = UINT64_MAX,
        .workers = coordinator->sharers[target],
        .rotates = rotates(phase, mix),
        .keep_users = next_phase_keeps(coordinator, index),
    };
    if (phase->operations)
        coordinator->phase.ticket_limit =
            plan->segments > 1 ? share_of(phase->operations, plan->segment - 1, plan->segments)
                               : phase->operations;
    /* A segment without users, or without operations to run, is done before it begins. */
    if (phase->operations && (coordinator->phase.ticket_limit == 0 || most_users(plan, phase) == 0))
        atomic_store(&coordinator->phase.exhausted, true);
    coordinator->phase_index = index;
    coordinator->stop = STOP_NONE;
    coordinator->stop_ns = 0;
    coordinator->total_started = coordinator->total_ok = coordinator->total_failed = 0;
    coordinator->is_baseline = recovery_baseline_begin(&coordinator->baseline, phase);
    uint64_t since_start = clock_now_ns() - coordinator->run_start_ns;
    coordinator->series.slice = coordinator_slice;
    coordinator->series.whole_second = coordinator_second;
    coordinator->series.context = coordinator;
    if ((phase->model == LOAD_OPEN && schedule_make(&coordinator->phase.schedule, phase) < 0) ||
        result_phase_begin(coordinator, index, NULL) < 0 ||
        series_begin(&coordinator->series, coordinator->phase_target, coordinator->phase.workers,
                     coordinator->phase.target->operation_count,
                     (uint32_t)(NS_PER_S / coordinator->phase.slice_ns),
                     (uint32_t)((since_start + NS_PER_S / 2) / NS_PER_S)) < 0 ||
        (phase->kind == PHASE_RECOVERY &&
         recovery_begin(&coordinator->recovery, &coordinator->baseline,
                        coordinator->phase.slice_ns) < 0))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

/* Users stay, with their sessions, when the next phase to be run has the same target. */
static bool next_phase_keeps(const struct coordinator *coordinator, size_t index)
{
    const struct plan *plan = coordinator->plan;
    const struct bound_mix *mix =
        binding_mix_of((struct binding *)&coordinator->binding, &plan->phases[index]);
    for (size_t i = index + 1; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        if (phase->not_run)
            continue;
        if (phase->kind == PHASE_IDLE)
            return true;
        const struct bound_mix *next =
            binding_mix_of((struct binding *)&coordinator->binding, phase);
        return mix && next && mix->target == next->target;
    }
    return false;
}

/* ---- while it runs
 * --------------------------------------------------------------------------------- */

static void take_records(struct coordinator *coordinator)
{
    for (uint32_t i = 0; i < coordinator->phase.workers; i++) {
        struct worker *worker = &coordinator->workers[i];
        struct record *record;
        while ((record = record_ring_pop(&worker->filled))) {
            if (series_add(&coordinator->series, i, record, false) < 0)
                coordinator->failed = true;
            if (!record_ring_push(&worker->emptied, record))
                record_free(record);
        }
    }
}

static void watch(struct coordinator *coordinator)
{
    if (coordinator->stop != STOP_INTERRUPTED && atomic_load(&coordinator->engine->interrupted)) {
        snprintf(coordinator->stop_text, sizeof coordinator->stop_text, "interrupted in phase %s",
                 coordinator->result_phase->name);
        coordinator_stop(coordinator, STOP_INTERRUPTED);
    }
    if (coordinator->stop == STOP_NONE && atomic_load(&coordinator->phase.exhausted))
        coordinator_stop(coordinator, STOP_EXHAUSTED);
}

static bool all_done(const struct coordinator *coordinator)
{
    for (uint32_t i = 0; i < coordinator->phase.workers; i++)
        if (atomic_load(&coordinator->workers[i].report) != WORKER_DONE)
            return false;
    return true;
}

/* ---- after
 * ------------------------------------------------------------------------------------------ */

/* Load was offered from the start to the planned or early end; with a budget of operations, until
 * the last of them had ended. */
static void set_times(struct coordinator *coordinator, uint64_t last_end_ns)
{
    const struct engine_phase *phase = &coordinator->phase;
    struct result_phase *result = coordinator->result_phase;
    uint64_t now = clock_now_ns();
    uint64_t end_ns = phase->end_ns;
    if (coordinator->stop == STOP_EXHAUSTED)
        end_ns = last_end_ns > phase->start_ns ? last_end_ns : phase->start_ns;
    else if (coordinator->stop != STOP_NONE && coordinator->stop_ns < end_ns)
        end_ns = coordinator->stop_ns;
    if (end_ns > now)
        end_ns = now;
    result->start_ns = phase->start_ns - coordinator->run_start_ns;
    result->duration_ns = end_ns > phase->start_ns ? end_ns - phase->start_ns : 0;
    result->drain_ns = now - end_ns;
}

static double users_peak(const struct phase *phase, uint64_t duration_ns)
{
    double most = 0;
    if (phase->model == LOAD_OPEN || phase->kind == PHASE_IDLE)
        return 0;
    for (size_t i = 0; i < phase->point_count; i++)
        if (phase->points[i].at_ns < duration_ns || i == 0)
            most = fmax(most, phase->points[i].level);
    return fmax(most, phase->stepped || !duration_ns ? 0 : load_level_at(phase, duration_ns - 1));
}

static int phase_finish(struct coordinator *coordinator, struct error *error)
{
    struct result_phase *phase = coordinator->result_phase;
    uint64_t last_end_ns = 0;
    take_records(coordinator);
    for (uint32_t i = 0; i < coordinator->phase.workers; i++) {
        struct worker *worker = &coordinator->workers[i];
        if (series_add(&coordinator->series, i, worker->record, true) < 0 ||
            result_add_tally(coordinator, &worker->tally) < 0)
            coordinator->failed = true;
        if (worker->tally.last_end_ns > last_end_ns)
            last_end_ns = worker->tally.last_end_ns;
    }
    if (series_end(&coordinator->series) < 0)
        coordinator->failed = true;
    if (coordinator->stop == STOP_NONE && atomic_load(&coordinator->phase.exhausted))
        coordinator->stop = STOP_EXHAUSTED;
    set_times(coordinator, last_end_ns);
    coordinator->phase_target->users_peak =
        users_peak(coordinator->phase.phase, phase->duration_ns);
    if (coordinator->phase.phase->kind == PHASE_RECOVERY)
        recovery_end(&coordinator->recovery, phase);
    coordinator->progress.phase_elapsed_ns = phase->duration_ns + phase->drain_ns;
    coordinator->progress.total_started = coordinator->total_started;
    coordinator->progress.total_ok = coordinator->total_ok;
    coordinator->progress.total_failed = coordinator->total_failed;
    if (coordinator->failed)
        return error_set(error, ERROR_INTERNAL,
                         "out of memory: the figures of phase %s are not whole", phase->name);
    phase->partial = coordinator->stop == STOP_INTERRUPTED || coordinator->stop == STOP_LOST ||
                     coordinator->stop == STOP_ABORTED;
    return 0;
}
