/* The built-in plan: five phases that answer five questions. */
#include "plan/build.h"

#include "base/clock.h"
#include "plan/threshold.h"
#include "plan/tiers.h"

#include <stdlib.h>
#include <string.h>

static const char built_in[] = "built-in";

struct validate_phase {
    const char *name;
    enum phase_kind kind;
    enum shape shape;
    unsigned from, to; /* users */
    unsigned steps;
    unsigned duration_s;
    bool thinks;
};

static const struct validate_phase before_memory[] = {
    {"ramp-up", PHASE_RAMP_UP, SHAPE_STEPS, 5, VALIDATE_PEAK_USERS, 10, 60, true},
    {"peak", PHASE_PEAK, SHAPE_CONSTANT, VALIDATE_PEAK_USERS, VALIDATE_PEAK_USERS, 0, 60, true},
    {"stress", PHASE_STRESS, SHAPE_CONSTANT, 75, 75, 0, 30, false},
    {"recovery", PHASE_RECOVERY, SHAPE_CONSTANT, 5, 5, 0, 30, true}};
static const struct validate_phase after_memory[] = {
    {"ramp-down", PHASE_RAMP_DOWN, SHAPE_STEPS, VALIDATE_PEAK_USERS, 5, 10, 30, true},
    {"idle", PHASE_IDLE, SHAPE_CONSTANT, 0, 0, 0, 5, false}};

static int add_validate_phase(struct plan *plan, const struct validate_phase *phase,
                              struct error *error)
{
    struct load_settings settings = {
        .shape = phase->shape,
        .users = {.set = true,
                  .is_range = phase->from != phase->to,
                  .from = phase->from,
                  .to = phase->to},
        .steps = phase->steps,
        .duration_ns = phase->duration_s * NS_PER_S,
        .in_flight = 3,
        .think = {phase->thinks, 10 * NS_PER_MS, 20 * NS_PER_MS},
    };
    return plan_add_phase(plan, phase->name, phase->kind, &settings, built_in, error);
}

/* Holds the place until the tiers are known. */
static int add_memory_phase(struct plan *plan, struct error *error)
{
    plan->tiers.wanted = true;
    return plan_add_memory_not_run(plan, "memory", "no memory tier was given", built_in, error);
}

int plan_add_validate_phases(struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < sizeof before_memory / sizeof *before_memory; i++)
        if (add_validate_phase(plan, &before_memory[i], error) < 0)
            return -1;
    if (add_memory_phase(plan, error) < 0)
        return -1;
    for (size_t i = 0; i < sizeof after_memory / sizeof *after_memory; i++)
        if (add_validate_phase(plan, &after_memory[i], error) < 0)
            return -1;
    return 0;
}

int plan_add_default_thresholds(struct plan *plan, struct error *error)
{
    return threshold_list_add(&plan->thresholds, &plan->threshold_count,
                              "p95<500ms, p99<1000ms, errors<2%", built_in, error);
}

int plan_validate_default(struct plan *plan, struct target_options *target, bool quick,
                          struct error *error)
{
    plan_init(plan);
    plan->name = strdup("validate");
    plan->source = strdup(built_in);
    struct target_options *slot = array_add(&plan->targets, &plan->target_count, sizeof *slot);
    int failed = plan->name && plan->source && slot ? 0 : error_out_of_memory(error);
    if (slot)
        *slot = *target;
    else
        target_options_free(target);
    *target = (struct target_options){0};
    if (failed == 0)
        failed = plan_add_validate_phases(plan, error);
    if (failed == 0)
        failed = plan_add_default_thresholds(plan, error);
    if (failed == 0 && quick)
        plan_shorten(plan, 10);
    if (failed == 0 && (plan_finish(plan, error) < 0 || plan_add_tiers(plan, error) < 0 ||
                        plan_finish(plan, error) < 0))
        failed = -1;
    if (failed < 0)
        plan_free(plan);
    return failed;
}
