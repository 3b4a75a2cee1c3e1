#include "plan/plan.h"

#include "base/clock.h"
#include "plan/build.h"
#include "plan/csv.h"
#include "plan/mix.h"
#include "plan/node.h"
#include "plan/secret.h"
#include "plan/threshold.h"
#include "plan/tiers.h"
#include "plan/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_init(struct plan *plan)
{
    *plan = (struct plan){.seed = 1,
                          .timeout_ns = 30 * NS_PER_S,
                          .connect_timeout_ns = 10 * NS_PER_S,
                          .repeat = 1,
                          .segment = 1,
                          .segments = 1};
}

void phase_free(struct phase *phase)
{
    for (size_t i = 0; i < phase->mix_count; i++)
        free(phase->mixes[i].name);
    free(phase->mixes);
    free(phase->name);
    free(phase->points);
    free(phase->mix);
    free(phase->not_run_reason);
}

void plan_remove_phases(struct plan *plan)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        phase_free(&plan->phases[i]);
    free(plan->phases);
    plan->phases = NULL;
    plan->phase_count = 0;
    plan->tiers.wanted = false;
}

void plan_free(struct plan *plan)
{
    free(plan->name);
    free(plan->source);
    for (size_t i = 0; i < plan->target_count; i++)
        target_options_free(&plan->targets[i]);
    free(plan->targets);
    for (size_t i = 0; i < plan->mix_count; i++)
        mix_free(&plan->mixes[i]);
    free(plan->mixes);
    plan_remove_phases(plan);
    threshold_list_free(plan->thresholds, plan->threshold_count);
    threshold_list_free(plan->abort_on, plan->abort_on_count);
    free(plan->alerts);
    tier_settings_free(&plan->tiers);
    csv_free(&plan->data);
    free(plan->data_file);
    string_list_free(plan->tags);
    for (size_t i = 0; i < plan->place_count; i++)
        free(plan->places[i]);
    free(plan->places);
    *plan = (struct plan){0};
}

int plan_load_part(struct plan *plan, const char *file, struct error *error)
{
    size_t length;
    *plan = (struct plan){0};
    char *text = file_read(file, DOCUMENT_SIZE_LIMIT, &length, error);
    if (!text)
        return -1;
    int failed = plan_parse_part(plan, file, text, length, error);
    free(text);
    return failed;
}

/* A plan that is all there is: with its targets, and its memory phases made. */
static int complete(struct plan *plan, struct error *error)
{
    int failed = 0;
    if (plan->target_count == 0)
        failed = error_set(error, ERROR_USAGE,
                           "%s:1: targets: are missing; write e.g. target: "
                           "http://127.0.0.1:3000/mcp",
                           plan->source);
    else if (plan_add_tiers(plan, error) < 0 || plan_finish(plan, error) < 0)
        failed = -1;
    if (failed < 0)
        plan_free(plan);
    return failed;
}

int plan_load(struct plan *plan, const char *file, struct error *error)
{
    return plan_load_part(plan, file, error) < 0 ? -1 : complete(plan, error);
}

int plan_parse(struct plan *plan, const char *file_name, const char *text, size_t length,
               struct error *error)
{
    if (plan_parse_part(plan, file_name, text, length, error) < 0)
        return -1;
    return complete(plan, error);
}

/* ---- phases ------------------------------------------------------------------------------------
 */

int plan_add_phase(struct plan *plan, const char *name, enum phase_kind kind,
                   const struct load_settings *settings, const char *where, struct error *error)
{
    struct phase *phase = array_add(&plan->phases, &plan->phase_count, sizeof *phase);
    if (!phase)
        return error_out_of_memory(error);
    phase->kind = kind;
    phase->where = where;
    phase->name = strdup(name);
    if (!phase->name)
        return error_out_of_memory(error);
    return load_build(phase, settings, error);
}

int plan_add_memory_not_run(struct plan *plan, const char *name, const char *reason,
                            const char *where, struct error *error)
{
    struct phase *phase = array_add(&plan->phases, &plan->phase_count, sizeof *phase);
    if (!phase)
        return error_out_of_memory(error);
    phase->kind = PHASE_MEMORY;
    phase->where = where;
    phase->not_run = true;
    phase->name = strdup(name);
    phase->not_run_reason = strdup(reason);
    return phase->name && phase->not_run_reason ? 0 : error_out_of_memory(error);
}

int plan_offer(struct plan *plan, const struct load_settings *settings, struct error *error)
{
    for (size_t i = 0; i < plan->phase_count; i++) {
        struct phase *phase = &plan->phases[i];
        struct load_settings fitting = *settings;
        if (phase->not_run)
            continue;
        if (phase->kind == PHASE_STRESS)
            fitting.think.set = false;
        if (phase->model == LOAD_OPEN) {
            fitting.pace_ns = 0;
        } else {
            fitting.arrivals_set = false;
            fitting.max_in_flight = 0;
        }
        if (load_settings_offer(phase, &fitting) < 0)
            return error_out_of_memory(error);
    }
    return 0;
}

/* The level that stands for the plan's load. */
static double reference_level(const struct plan *plan, enum load_model model)
{
    double highest = 0;
    for (size_t i = 0; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        if (phase->model != model || phase->not_run)
            continue;
        if (phase->kind == PHASE_PEAK)
            return load_highest(phase);
        highest = fmax(highest, load_highest(phase));
    }
    return highest;
}

int plan_scale(struct plan *plan, enum load_model model, double level, struct error *error)
{
    double reference = reference_level(plan, model);
    if (reference <= 0)
        return error_set(error, ERROR_USAGE, "no phase of the plan has %s; give %s",
                         model == LOAD_OPEN ? "a rate" : "users",
                         model == LOAD_OPEN ? "users" : "a rate");
    for (size_t i = 0; i < plan->phase_count; i++) {
        struct phase *phase = &plan->phases[i];
        for (size_t j = 0; phase->model == model && j < phase->point_count; j++) {
            struct load_point *point = &phase->points[j];
            bool some = point->level > 0;
            point->level *= level / reference;
            if (model == LOAD_CLOSED) {
                point->level = round(point->level);
                if (some && point->level < 1)
                    point->level = 1;
            }
        }
    }
    return 0;
}

void plan_shorten(struct plan *plan, unsigned divisor)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        load_shorten(&plan->phases[i], divisor);
    plan->quick = true;
}

static struct phase *first_loaded(struct plan *plan)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        if (!plan->phases[i].not_run && plan->phases[i].kind != PHASE_IDLE)
            return &plan->phases[i];
    return NULL;
}

static int copy_mixes(struct phase *to, const struct phase *from)
{
    to->mixes = NULL;
    to->mix_count = 0;
    for (size_t i = 0; i < from->mix_count; i++) {
        struct phase_mix *mix = array_add(&to->mixes, &to->mix_count, sizeof *mix);
        if (!mix)
            return -1;
        mix->weight = from->mixes[i].weight;
        mix->name = strdup(from->mixes[i].name);
        if (!mix->name)
            return -1;
    }
    return 0;
}

int plan_set_warmup(struct plan *plan, uint64_t duration_ns, struct error *error)
{
    struct phase *first = first_loaded(plan);
    if (!first)
        return error_set(error, ERROR_USAGE,
                         "warmup: no phase of the plan has a load; leave it out");
    double level = load_lowest(first);
    size_t count;
    struct phase warmup = *first;
    warmup.kind = PHASE_WARMUP;
    warmup.points = load_line(level, level, duration_ns, &count);
    if (!warmup.points)
        return error_out_of_memory(error);
    warmup.point_count = count;
    warmup.stepped = false;
    warmup.duration_ns = duration_ns;
    warmup.operations = 0;
    if (first->kind == PHASE_WARMUP) { /* its name and mix stay */
        free(first->points);
        *first = warmup;
        return 0;
    }
    warmup.name = strdup("warmup");
    warmup.mix = first->mix ? strdup(first->mix) : NULL;
    bool copied = copy_mixes(&warmup, first) == 0;
    if (!copied || !warmup.name || (first->mix && !warmup.mix) ||
        !array_add(&plan->phases, &plan->phase_count, sizeof *plan->phases)) {
        phase_free(&warmup);
        return error_out_of_memory(error);
    }
    memmove(plan->phases + 1, plan->phases, (plan->phase_count - 1) * sizeof *plan->phases);
    plan->phases[0] = warmup;
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static const char *place_or_source(const struct plan *plan, const char *where)
{
    return where ? where : plan->source ? plan->source : "plan";
}

static const struct mix *find_mix(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->mix_count; i++)
        if (strcmp(plan->mixes[i].name, name) == 0)
            return &plan->mixes[i];
    return NULL;
}

static bool has_target(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->target_count; i++)
        if (strcmp(plan->targets[i].name, name) == 0)
            return true;
    return false;
}

/* Users are dealt to the mixes whole: with fewer users than mixes some would never run. */
static int check_phase_mixes(const struct plan *plan, const struct phase *phase, const char *where,
                             size_t index, struct error *error)
{
    for (size_t i = 0; i < phase->mix_count; i++) {
        const char *name = phase->mixes[i].name;
        if (!find_mix(plan, name))
            return error_set(error, ERROR_USAGE,
                             "%s: phases[%zu].mixes[%zu]: there is no mix \"%.60s\"; define it in "
                             "mixes, or name one of them",
                             where, index, i, name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(phase->mixes[j].name, name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: phases[%zu].mixes[%zu]: \"%.60s\" stands there twice; give "
                                 "it one weight",
                                 where, index, i, name);
    }
    if (phase->model == LOAD_CLOSED && (double)phase->mix_count > load_highest(phase))
        return error_set(error, ERROR_USAGE,
                         "%s: phases[%zu].mixes: each of the %zu takes a user of its own; give at "
                         "least so many users",
                         where, index, phase->mix_count);
    return 0;
}

static int check_phases(const struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        const char *where = place_or_source(plan, phase->where);
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->phases[j].name, phase->name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: phases[%zu].name: \"%.60s\" is the name of an earlier phase; "
                                 "give each its own",
                                 where, i, phase->name);
        if (check_phase_mixes(plan, phase, where, i, error) < 0)
            return -1;
        if (phase->mix && !find_mix(plan, phase->mix))
            return error_set(error, ERROR_USAGE,
                             "%s: phases[%zu].mix: there is no mix \"%.60s\"; define it in mixes, "
                             "or name one of them",
                             where, i, phase->mix);
    }
    return 0;
}

static int check_mixes(const struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->mix_count; i++) {
        const struct mix *mix = &plan->mixes[i];
        const char *where = place_or_source(plan, mix->where);
        char path[32] = "";
        if (plan->mix_count > 1)
            snprintf(path, sizeof path, "mixes[%zu].", i);
        if (find_mix(plan, mix->name) != mix)
            return error_set(error, ERROR_USAGE,
                             "%s: %sname: \"%.60s\" is the name of an earlier mix; give each its "
                             "own",
                             where, path, mix->name);
        if (mix->target && plan->target_count && !has_target(plan, mix->target))
            return error_set(error, ERROR_USAGE,
                             "%s: %starget: there is no target \"%.60s\"; define it in targets, or "
                             "name one of them",
                             where, path, mix->target);
        if (mix_check(mix, path, &plan->data, error) < 0)
            return -1;
    }
    return 0;
}

static int check_targets(struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->target_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->targets[i].name, plan->targets[j].name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: targets[%zu].name: \"%.60s\" is the name of an earlier "
                                 "target; give each its own",
                                 place_or_source(plan, plan->targets[i].where), i,
                                 plan->targets[i].name);
    for (size_t i = 0; i < plan->target_count; i++) {
        struct target_options *target = &plan->targets[i];
        target->siblings = plan->targets;
        target->sibling_count = plan->target_count;
        for (char **name = target->tiers; name && *name; name++)
            if (!has_target(plan, *name) || strcmp(*name, target->name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: targets[%zu].tiers: there is no other target \"%.60s\"; "
                                 "define it in targets, or name one of them",
                                 place_or_source(plan, target->where), i, *name);
    }
    return 0;
}

static int settle_defaults(struct plan *plan)
{
    if (plan->mix_count == 0) {
        struct mix *mix = array_add(&plan->mixes, &plan->mix_count, sizeof *mix);
        if (!mix)
            return -1;
        mix_init(mix);
        mix->name = strdup("default");
        if (!mix->name)
            return -1;
    }
    for (size_t i = 0; i < plan->target_count; i++) {
        struct target_options *target = &plan->targets[i];
        if (!target->timeout_ns)
            target->timeout_ns = plan->timeout_ns;
        if (!target->connect_timeout_ns)
            target->connect_timeout_ns = plan->connect_timeout_ns;
        if (!target->seed)
            target->seed = plan->seed;
    }
    return 0;
}

int plan_finish(struct plan *plan, struct error *error)
{
    if (settle_defaults(plan) < 0)
        return error_out_of_memory(error);
    if (check_targets(plan, error) < 0 || check_mixes(plan, error) < 0 ||
        check_phases(plan, error) < 0)
        return -1;
    return 0;
}
