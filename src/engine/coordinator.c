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
static bool next_phase_keeps(const struct coordinator *coordinator, size_t index, uint32_t target);
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
        .result = coordinator->result,
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

/* Fewer users of a mix than it has categories. */
static bool rotates(const struct phase *phase, const struct lane *lane)
{
    double most = 0;
    size_t categories = 0;
    for (size_t i = 0; i < phase->point_count; i++)
        most = fmax(most, phase->points[i].level);
    for (size_t i = 0; lane && i < lane->mix_count; i++)
        if (lane->mixes[i]->category_count > categories)
            categories = lane->mixes[i]->category_count;
    return phase->model == LOAD_CLOSED && lane &&
           most * lane->share / (double)lane->mix_count < (double)categories;
}

static void set_lane(struct coordinator *coordinator, size_t index, uint32_t target,
                     const struct lane *lane)
{
    struct engine_phase *phase = &coordinator->phase;
    phase->lanes[phase->lane_count] = (struct phase_lane){
        .index = (uint32_t)phase->lane_count,
        .lane = lane,
        .target = &coordinator->binding.targets[target],
        .target_index = target,
        .rotates = rotates(phase->phase, lane),
        .keep_users = next_phase_keeps(coordinator, index, target),
    };
    phase->lane_count++;
    if (coordinator->sharers[target] > phase->workers)
        phase->workers = coordinator->sharers[target];
}

/* The lanes of the phase. Idle: what the phase before ran on is what is watched. */
static void set_lanes(struct coordinator *coordinator, size_t index, size_t before)
{
    struct engine_phase *phase = &coordinator->phase;
    const struct lanes *deal = &coordinator->deals[index];
    phase->deal = deal->count ? deal : NULL;
    phase->lane_count = 0;
    for (size_t i = 0; i < deal->count; i++)
        set_lane(coordinator, index, deal->lanes[i].target, &deal->lanes[i]);
    for (size_t i = 0; !phase->deal && i < before; i++)
        set_lane(coordinator, index, phase->lanes[i].target_index, NULL);
    for (uint32_t i = 0; !phase->lane_count && i < coordinator->engine->target_count; i++)
        if (coordinator->sharers[i])
            set_lane(coordinator, index, i, NULL);
}

static int series_begin_all(struct coordinator *coordinator)
{
    const struct engine_phase *phase = &coordinator->phase;
    uint64_t since_start = clock_now_ns() - coordinator->run_start_ns;
    for (size_t i = 0; i < phase->lane_count; i++) {
        struct coordinator_lane *lane = &coordinator->lanes[i];
        lane->coordinator = coordinator;
        lane->index = (uint32_t)i;
        lane->series.slice = coordinator_slice;
        lane->series.whole_second = coordinator_second;
        lane->series.context = lane;
        if (series_begin(&lane->series, lane->result, phase->workers,
                         phase->lanes[i].target->operation_count,
                         (uint32_t)(NS_PER_S / phase->slice_ns),
                         (uint32_t)((since_start + NS_PER_S / 2) / NS_PER_S)) < 0)
            return -1;
    }
    return 0;
}

static int phase_prepare(struct coordinator *coordinator, size_t index, struct error *error)
{
    const struct plan *plan = coordinator->plan;
    const struct phase *phase = &plan->phases[index];
    struct phase_lane *lanes = coordinator->phase.lanes;
    size_t before = coordinator->phase.lane_count;
    schedule_free(&coordinator->phase.schedule);
    coordinator->phase = (struct engine_phase){
        .plan = plan,
        .phase = phase,
        .lanes = lanes,
        .phase_index = (uint32_t)index,
        .start_ns = clock_now_ns(),
        .end_ns = UINT64_MAX,
        .slice_ns = plan->quick ? SLICE_QUICK_NS : SLICE_NS,
        .ticket_limit = UINT64_MAX,
    };
    set_lanes(coordinator, index, before);
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
    if ((phase->model == LOAD_OPEN && schedule_make(&coordinator->phase.schedule, phase) < 0) ||
        result_phase_begin(coordinator, index, NULL) < 0 || series_begin_all(coordinator) < 0 ||
        (phase->kind == PHASE_RECOVERY &&
         recovery_begin(&coordinator->recovery, &coordinator->baseline,
                        coordinator->phase.slice_ns) < 0))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

/* Users stay, with their sessions, when the next phase to be run has the same target. */
static bool next_phase_keeps(const struct coordinator *coordinator, size_t index, uint32_t target)
{
    const struct plan *plan = coordinator->plan;
    for (size_t i = index + 1; i < plan->phase_count; i++) {
        if (plan->phases[i].not_run)
            continue;
        return plan->phases[i].kind == PHASE_IDLE ||
               lanes_find(&coordinator->deals[i], target) != NULL;
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
            if (series_add(&coordinator->lanes[record->lane].series, i, record, false) < 0)
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

/* Of all segments, as the phase's. */
static double lane_users_peak(const struct coordinator *coordinator, size_t lane,
                              uint64_t duration_ns)
{
    double all = users_peak(coordinator->phase.phase, duration_ns);
    if (coordinator->phase.lane_count == 1)
        return all;
    return (double)lanes_deal(coordinator->phase.deal, lane, (uint64_t)floor(all + 0.5), 0);
}

/* What a worker still has of the phase. */
static void take_last(struct coordinator *coordinator, uint32_t index, uint64_t *last_end_ns)
{
    for (size_t i = 0; i < coordinator->phase.lane_count; i++) {
        struct coordinator_lane *lane = &coordinator->lanes[i];
        struct worker_target *target = coordinator->workers[index].lanes[i];
        if (series_add(&lane->series, index, target->record, true) < 0 ||
            result_add_tally(lane->result, &target->tally) < 0)
            coordinator->failed = true;
        if (target->tally.last_end_ns > *last_end_ns)
            *last_end_ns = target->tally.last_end_ns;
    }
}

static int phase_finish(struct coordinator *coordinator, struct error *error)
{
    struct result_phase *phase = coordinator->result_phase;
    uint64_t last_end_ns = 0;
    take_records(coordinator);
    for (uint32_t i = 0; i < coordinator->phase.workers; i++)
        take_last(coordinator, i, &last_end_ns);
    for (size_t i = 0; i < coordinator->phase.lane_count; i++)
        if (series_end(&coordinator->lanes[i].series) < 0)
            coordinator->failed = true;
    if (coordinator->stop == STOP_NONE && atomic_load(&coordinator->phase.exhausted))
        coordinator->stop = STOP_EXHAUSTED;
    set_times(coordinator, last_end_ns);
    for (size_t i = 0; coordinator->phase.deal && i < coordinator->phase.lane_count; i++)
        coordinator->lanes[i].result->users_peak =
            lane_users_peak(coordinator, i, phase->duration_ns);
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
