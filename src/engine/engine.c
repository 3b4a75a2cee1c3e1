/* engine_run: bind, start the workers, run the phases one after the other, and tidy up. */
#include "engine/engine.h"

#include "base/clock.h"
#include "engine/coordinator.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int start(struct coordinator *coordinator, struct error *error);
static int deal_phases(struct coordinator *coordinator, struct error *error);
static int start_workers(struct coordinator *coordinator, struct error *error);
static bool wait_for_start(struct coordinator *coordinator);
static int run_phases(struct coordinator *coordinator, struct error *error);
static void finish(struct coordinator *coordinator);
static void tell(void *context, const char *text);

int engine_run(struct engine *engine, struct result *result, struct error *error)
{
    struct coordinator *coordinator = calloc(1, sizeof *coordinator);
    if (!coordinator)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    coordinator->engine = engine;
    coordinator->plan = engine->plan;
    coordinator->result = result;
    histogram_init(&coordinator->baseline.latency);
    histogram_init(&coordinator->second_sum.latency);
    int ran = start(coordinator, error);
    if (ran == 0)
        ran = run_phases(coordinator, error);
    finish(coordinator);
    free(coordinator);
    return ran;
}

static int start(struct coordinator *coordinator, struct error *error)
{
    struct engine *engine = coordinator->engine;
    coordinator->loop.epoll_fd = coordinator->loop.wake_fd = -1;
    if (loop_open(&coordinator->loop, error) < 0)
        return -1;
    coordinator->binding.notice = tell;
    coordinator->binding.notice_context = coordinator;
    if (binding_make(&coordinator->binding, engine->plan, engine->targets, engine->target_count,
                     error) < 0 ||
        deal_phases(coordinator, error) < 0 || start_workers(coordinator, error) < 0 ||
        result_begin(coordinator, error) < 0)
        return -1;
    size_t targets = engine->target_count + 1;
    coordinator->target_watches = calloc(targets, sizeof *coordinator->target_watches);
    coordinator->guards = calloc(targets, sizeof *coordinator->guards);
    coordinator->lanes = calloc(targets, sizeof *coordinator->lanes);
    coordinator->phase.lanes = calloc(targets, sizeof *coordinator->phase.lanes);
    coordinator->slice_sum = record_make();
    if (!coordinator->target_watches || !coordinator->guards || !coordinator->lanes ||
        !coordinator->phase.lanes || !coordinator->slice_sum)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    struct alert_rule rules[ALERT_RULES_LIMIT];
    size_t rule_count = alert_rules_combine(engine->plan->alerts, engine->plan->alert_count, rules);
    if (alerts_init(&coordinator->alerts, rules, rule_count, engine->target_count) < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < engine->target_count; i++)
        guard_begin(&coordinator->guards[i], engine->plan);
    return 0;
}

/* Which targets each phase loads, and with how much of it. */
static int deal_phases(struct coordinator *coordinator, struct error *error)
{
    const struct plan *plan = coordinator->plan;
    coordinator->deals = calloc(plan->phase_count + 1, sizeof *coordinator->deals);
    if (!coordinator->deals)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < plan->phase_count; i++)
        if (!plan->phases[i].not_run && plan->phases[i].kind != PHASE_IDLE &&
            lanes_make(&coordinator->deals[i], &coordinator->binding, &plan->phases[i], error) < 0)
            return -1;
    return 0;
}

/* ---- how many of what
 * ------------------------------------------------------------------------------ */

/* A target is served by as many workers as it has users and connections for, so that users live
 * only where connections do. */
static void size_target(struct coordinator *coordinator, uint32_t index, uint32_t cores)
{
    const struct plan *plan = coordinator->plan;
    const struct target *target = coordinator->engine->targets[index];
    uint64_t most = 1;
    coordinator->slots[index] = 1;
    for (size_t i = 0; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        const struct lanes *deal = &coordinator->deals[i];
        const struct lane *lane = lanes_find(deal, index);
        if (!lane)
            continue;
        uint64_t users = lanes_deal(deal, (size_t)(lane - deal->lanes), most_users(plan, phase),
                                    plan->segments > 1 ? plan->segment - 1 : 0);
        most = users > most ? users : most;
        if (phase->model == LOAD_CLOSED && phase->in_flight_per_user > coordinator->slots[index])
            coordinator->slots[index] = phase->in_flight_per_user;
    }
    if (target->unavailable) {
        coordinator->sharers[index] = 0;
        return;
    }
    uint64_t sharers = cores < most ? cores : most;
    if (target->max_connections && target->max_connections < sharers)
        sharers = target->max_connections;
    if (target->options->pool_size && target->options->pool_size < sharers)
        sharers = target->options->pool_size;
    coordinator->sharers[index] = (uint32_t)sharers;
}

static int start_workers(struct coordinator *coordinator, struct error *error)
{
    const struct plan *plan = coordinator->plan;
    size_t targets = coordinator->engine->target_count;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t cores = plan->workers ? plan->workers : online > 0 ? (uint32_t)online : 1;
    coordinator->sharers = calloc(targets + 1, sizeof *coordinator->sharers);
    coordinator->slots = calloc(targets + 1, sizeof *coordinator->slots);
    if (!coordinator->sharers || !coordinator->slots)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    uint32_t count = 1;
    for (uint32_t i = 0; i < targets; i++) {
        size_target(coordinator, i, cores);
        count = coordinator->sharers[i] > count ? coordinator->sharers[i] : count;
    }
    coordinator->workers = calloc(count, sizeof *coordinator->workers);
    if (!coordinator->workers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        struct worker *worker = &coordinator->workers[i];
        coordinator->worker_count = i + 1;
        if (worker_init(worker, i, plan, &coordinator->loop, targets, error) < 0)
            return -1;
        for (uint32_t k = 0; k < targets; k++) {
            worker->targets[k].bound = &coordinator->binding.targets[k];
            worker->targets[k].sharers = coordinator->sharers[k];
            worker->targets[k].slots_per_user = coordinator->slots[k];
        }
        if (worker_start(worker, error) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        while (atomic_load(&coordinator->workers[i].report) == WORKER_STARTING)
            loop_run_once(&coordinator->loop, UINT64_MAX);
        if (atomic_load(&coordinator->workers[i].report) == WORKER_FAILED)
            return error_set(error, coordinator->workers[i].error.code, "%s",
                             coordinator->workers[i].error.text);
    }
    return 0;
}

/* ---- the run
 * ------------------------------------------------------------------------------------------ */

/* Wait for the time that several generators agreed on. False when interrupted meanwhile. */
static bool wait_for_start(struct coordinator *coordinator)
{
    uint64_t at = coordinator->plan->start_at_wall_ns;
    for (;;) {
        if (atomic_load(&coordinator->engine->interrupted))
            return false;
        uint64_t now = clock_wall_ns();
        if (now >= at)
            return true;
        uint64_t wait = at - now < 50 * NS_PER_MS ? at - now : 50 * NS_PER_MS;
        loop_run_once(&coordinator->loop, clock_now_ns() + wait);
    }
}

/* How an early end reads as an exit code. */
static enum error_code stop_code(enum phase_stop stop)
{
    if (stop == STOP_LOST)
        return ERROR_TARGET;
    return stop == STOP_ABORTED ? ERROR_VERDICT : ERROR_INTERRUPTED;
}

/* In a memory phase a target that is gone ends no more than the phase. */
static bool tier_lost(const struct coordinator *coordinator)
{
    return coordinator->stop == STOP_LOST && coordinator->phase.phase->kind == PHASE_MEMORY;
}

static int run_phases(struct coordinator *coordinator, struct error *error)
{
    const struct plan *plan = coordinator->plan;
    struct result *result = coordinator->result;
    int ran = 0;
    bool go_on = wait_for_start(coordinator);
    uint64_t now = clock_now_ns();
    result->started_wall_ns = clock_wall_ns();
    coordinator->run_start_ns = now;
    process_watch_begin(&coordinator->self_watch, getpid(), now);
    for (size_t i = 0; i < coordinator->engine->target_count; i++) {
        process_watch_begin(&coordinator->target_watches[i], coordinator->engine->targets[i]->pid,
                            now);
        target_watch_before(&coordinator->target_watches[i], &result->targets[i]);
    }
    if (!go_on) {
        result->partial = true;
        result->partial_reason = strdup("interrupted before the run began");
        ran = error_set(error, ERROR_INTERRUPTED, "interrupted before the run began");
    }
    for (size_t i = 0; i < plan->phase_count; i++) {
        if (plan->phases[i].not_run || !go_on) {
            const char *reason = plan->phases[i].not_run_reason;
            if (!plan->phases[i].not_run || !reason)
                reason = "the run ended before it";
            if (result_phase_begin(coordinator, i, reason) < 0)
                return error_set(error, ERROR_INTERNAL, "out of memory");
            continue;
        }
        if (coordinator_run_phase(coordinator, i, error) < 0) {
            ran = -1;
            go_on = false;
            result->partial = true;
            result->partial_reason = strdup("the figures are not whole: memory ran out");
        } else if (coordinator->result_phase->partial && !tier_lost(coordinator)) {
            ran = error_set(error, stop_code(coordinator->stop), "%s", coordinator->stop_text);
            go_on = false;
            result->partial = true;
            result->partial_reason = strdup(coordinator->stop_text);
        }
        result->duration_ns = clock_now_ns() - coordinator->run_start_ns;
    }
    return ran;
}

static void finish(struct coordinator *coordinator)
{
    struct examples **gathered = calloc(coordinator->worker_count + 1, sizeof *gathered);
    for (uint32_t i = 0; i < coordinator->worker_count; i++) {
        worker_stop(&coordinator->workers[i]);
        if (gathered)
            gathered[i] = &coordinator->workers[i].examples;
    }
    if (gathered)
        examples_collect(gathered, coordinator->worker_count, coordinator->result);
    free(gathered);
    result_add_reports(coordinator);
    for (uint32_t i = 0; i < coordinator->worker_count; i++)
        worker_free(&coordinator->workers[i]);
    free(coordinator->workers);
    for (size_t i = 0; coordinator->lanes && i < coordinator->engine->target_count; i++)
        series_free(&coordinator->lanes[i].series);
    free(coordinator->lanes);
    for (size_t i = 0; coordinator->deals && i < coordinator->plan->phase_count; i++)
        lanes_free(&coordinator->deals[i]);
    free(coordinator->deals);
    free(coordinator->phase.lanes);
    free(coordinator->guards);
    alerts_free(&coordinator->alerts);
    record_free(coordinator->slice_sum);
    histogram_free(&coordinator->second_sum.latency);
    schedule_free(&coordinator->phase.schedule);
    recovery_baseline_free(&coordinator->baseline);
    binding_free(&coordinator->binding);
    free(coordinator->sharers);
    free(coordinator->slots);
    free(coordinator->target_watches);
    if (coordinator->loop.scratch)
        loop_close(&coordinator->loop);
}

static void tell(void *context, const char *text)
{
    struct coordinator *coordinator = context;
    const struct engine_observer *observer = coordinator->engine->observer;
    if (observer && observer->notice)
        observer->notice(observer->context, text);
}
