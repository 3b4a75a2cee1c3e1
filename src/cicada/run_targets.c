/* See run_targets.h. */
#include "cicada/run_targets.h"

#include "base/interrupt.h"
#include "cicada/command.h"
#include "cicada/embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct target *open_one(struct plan *plan, size_t index, struct error *error);
static bool is_optional(const struct plan *plan, const struct target_options *target);
static struct target *do_without(struct plan *plan, size_t index, const struct error *why,
                                 struct error *error);

struct target **run_targets_open(struct plan *plan, struct error *error)
{
    struct target **targets = calloc(plan->target_count + 1, sizeof(struct target *));
    int failed = targets ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    /* What is made of other targets comes last. */
    for (int made = 0; made < 2 && failed == 0; made++)
        for (size_t i = 0; i < plan->target_count && failed == 0; i++) {
            if ((plan->targets[i].tiers != NULL) != made)
                continue;
            targets[i] = open_one(plan, i, error);
            failed = targets[i] ? 0 : -1;
        }
    if (failed == 0)
        return targets;
    run_targets_close(targets, plan->target_count);
    return NULL;
}

void run_targets_close(struct target **targets, size_t count)
{
    for (size_t i = count; targets && i-- > 0;) { /* the made ones before their parts */
        if (!targets[i])
            continue;
        if (targets[i]->unavailable) {
            free(targets[i]->unavailable);
            free(targets[i]);
        } else {
            command_close_target(targets[i]);
        }
    }
    free(targets);
    embedded_stop();
}

static struct target *open_one(struct plan *plan, size_t index, struct error *error)
{
    struct target_options *options = &plan->targets[index];
    struct error why = {0};
    struct target *target = NULL;
    if (!options->embedded || options->url || embedded_start(options, &why) == 0)
        target = command_open_target(options, NULL, NULL, &why);
    if (target) { /* with credentials that it refuses, it fails by itself */
        options->left_out = json_is_true(json_object_get(target->facts, "credentials_refused"));
        return target;
    }
    if (interrupt_requested())
        error_set(&why, ERROR_INTERRUPTED, "interrupted while target \"%s\" was opened",
                  options->name);
    else if (why.code != ERROR_INTERNAL && is_optional(plan, options))
        return do_without(plan, index, &why, error);
    *error = why;
    return NULL;
}

/* ---- doing without ------------------------------------------------------------------------- */

static const char *target_of_mix(const struct plan *plan, const char *name)
{
    const struct mix *mix = plan->mix_count ? &plan->mixes[0] : NULL;
    for (size_t i = 0; name && i < plan->mix_count; i++)
        if (strcmp(plan->mixes[i].name, name) == 0)
            mix = &plan->mixes[i];
    return mix && mix->target ? mix->target : plan->targets[0].name;
}

static bool phase_uses(const struct plan *plan, const struct phase *phase, const char *target)
{
    if (phase->not_run || phase->kind == PHASE_IDLE)
        return false;
    for (size_t i = 0; i < phase->mix_count; i++)
        if (strcmp(target_of_mix(plan, phase->mixes[i].name), target) == 0)
            return true;
    return phase->mix_count == 0 && strcmp(target_of_mix(plan, phase->mix), target) == 0;
}

static bool is_optional(const struct plan *plan, const struct target_options *target)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        if (plan->phases[i].kind != PHASE_MEMORY &&
            phase_uses(plan, &plan->phases[i], target->name))
            return false;
    return true;
}

/* Nothing is left for them to hold. */
static void drop_thresholds(struct threshold *list, size_t *count, const char *target)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (list[i].target && strcmp(list[i].target, target) == 0)
            threshold_free(&list[i]);
        else
            list[kept++] = list[i];
    }
    *count = kept;
}

/* The reason as a line of its own, without the place that an error of the plan begins with. */
static const char *reason_of(const struct target_options *options, const struct error *why)
{
    size_t place = options->where ? strlen(options->where) : 0;
    if (place && strncmp(why->text, options->where, place) == 0 &&
        strncmp(why->text + place, ": ", 2) == 0)
        return why->text + place + 2;
    return why->text;
}

/* Of what a target is made of. */
static size_t usable_tiers(const struct target_options *options)
{
    size_t usable = 0;
    for (char **name = options->tiers; name && *name; name++)
        for (size_t i = 0; i < options->sibling_count; i++)
            usable +=
                strcmp(options->siblings[i].name, *name) == 0 && !options->siblings[i].left_out;
    return usable;
}

static struct target *do_without(struct plan *plan, size_t index, const struct error *why,
                                 struct error *error)
{
    struct target_options *options = &plan->targets[index];
    const char *reason = reason_of(options, why);
    struct target *target = calloc(1, sizeof *target);
    if (target)
        target->unavailable = strdup(reason);
    if (!target || !target->unavailable) {
        free(target);
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    struct error unused = {0};
    target->driver = driver_for(options, &unused);
    target->options = options;
    target->asked_for = !options->embedded && (!options->tiers || usable_tiers(options) > 1);
    options->left_out = true;
    for (size_t i = 0; i < plan->phase_count; i++) {
        struct phase *phase = &plan->phases[i];
        if (!phase_uses(plan, phase, options->name))
            continue;
        phase->not_run = true;
        free(phase->not_run_reason);
        phase->not_run_reason = strdup(reason);
    }
    drop_thresholds(plan->thresholds, &plan->threshold_count, options->name);
    drop_thresholds(plan->abort_on, &plan->abort_on_count, options->name);
    return target;
}
