/* See mix.h. A mix is bound in three steps: every entry finds its offers, every unit its category,
 * every category its order. */
#include "engine/mix.h"

#include "engine/select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_target(const struct binding *binding, struct bound_mix *mix, struct error *error);
static int bind_phase(struct binding *binding, const struct phase *phase, const struct plan *plan,
                      struct error *error);
static int bind_mix(struct binding *binding, struct bound_mix *mix, const struct plan *plan,
                    struct error *error);
static int bind_entry(struct binding *binding, struct bound_mix *mix, const struct mix_entry *entry,
                      struct error *error);
static int arrange(struct bound_mix *mix, const struct bound_target *target, uint64_t seed,
                   struct error *error);
static void free_mix(struct bound_mix *mix);
static void *aligned_zeroed(size_t count, size_t size);
static int out_of_memory(struct error *error);

/* What stands in for a mix without entries: every tool once, or, of a target that has commands
 * instead, each of these as often as its driver hints. */
static struct step every_tool_step = {.kind = (char *)"tool", .name = (char *)"*"};
static const struct mix_entry every_tool = {
    .weight = 1, .steps = &every_tool_step, .step_count = 1};
static struct step every_command_step = {.kind = (char *)"command", .name = (char *)"*"};
static const struct mix_entry every_command = {
    .weight = 1, .steps = &every_command_step, .step_count = 1};

int binding_make(struct binding *binding, const struct plan *plan, struct target **targets,
                 size_t target_count, struct error *error)
{
    binding->targets = calloc(target_count ? target_count : 1, sizeof *binding->targets);
    binding->mix_count = plan->mix_count ? plan->mix_count : 1;
    binding->mixes = aligned_zeroed(binding->mix_count, sizeof *binding->mixes);
    if (!binding->targets || !binding->mixes)
        return out_of_memory(error);
    binding->target_count = target_count;
    binding->default_mix = (struct mix){.name = (char *)"default"};
    for (size_t i = 0; i < target_count; i++) {
        struct bound_target *bound = &binding->targets[i];
        bound->target = targets[i];
        bound->excluded = json_array();
        bound->undeclared = json_array();
        for (size_t k = 0; k < targets[i]->excluded_count; k++)
            json_array_append_new(bound->excluded,
                                  json_pack("{s:s,s:s}", "name", targets[i]->excluded[k].name,
                                            "reason", targets[i]->excluded[k].reason));
    }
    for (size_t i = 0; i < binding->mix_count; i++)
        binding->mixes[i].plan = plan->mix_count ? &plan->mixes[i] : &binding->default_mix;
    for (size_t i = 0; i < binding->mix_count; i++)
        if (find_target(binding, &binding->mixes[i], error) < 0)
            return -1;
    for (size_t i = 0; i < plan->phase_count; i++)
        if (bind_phase(binding, &plan->phases[i], plan, error) < 0)
            return -1;
    select_tell(binding);
    return 0;
}

void binding_free(struct binding *binding)
{
    for (size_t i = 0; binding->mixes && i < binding->mix_count; i++)
        free_mix(&binding->mixes[i]);
    free(binding->mixes);
    for (size_t i = 0; binding->targets && i < binding->target_count; i++) {
        struct bound_target *bound = &binding->targets[i];
        for (size_t k = 0; k < bound->operation_count; k++) {
            bound->target->driver->release(bound->target, &bound->operations[k]->operation);
            free(bound->operations[k]);
        }
        free(bound->operations);
        json_decref(bound->excluded);
        json_decref(bound->undeclared);
    }
    free(binding->targets);
    *binding = (struct binding){0};
}

struct bound_mix *binding_find_mix(struct binding *binding, const char *name)
{
    if (!name)
        return &binding->mixes[0];
    for (size_t i = 0; i < binding->mix_count; i++)
        if (strcmp(binding->mixes[i].plan->name, name) == 0)
            return &binding->mixes[i];
    return NULL;
}

const struct unit *mix_claim(struct bound_mix *mix, int category, uint64_t *occurrence)
{
    if (category < 0) {
        category = 0;
        if (mix->category_count > 1) {
            uint64_t turn = atomic_fetch_add_explicit(&mix->next_category, 1, memory_order_relaxed);
            category = (int)sequence_at(&mix->users, turn).item;
        }
    }
    struct bound_category *from = &mix->categories[category];
    uint64_t position = atomic_fetch_add_explicit(&from->next, 1, memory_order_relaxed);
    struct sequence_pick pick = sequence_at(&from->sequence, position);
    *occurrence = pick.occurrence;
    return &from->units[pick.item];
}

/* ---- binding one mix --------------------------------------------------------------------------
 */

static int find_target(const struct binding *binding, struct bound_mix *mix, struct error *error)
{
    for (uint32_t i = 0; i < binding->target_count; i++) {
        mix->target = i;
        const char *name = binding->targets[i].target->options->name;
        if (!mix->plan->target || (name && strcmp(name, mix->plan->target) == 0))
            return 0;
    }
    return error_set(error, ERROR_USAGE, "%s: mix %s: there is no target \"%s\"",
                     mix->plan->where ? mix->plan->where : "plan", mix->plan->name,
                     mix->plan->target ? mix->plan->target : "");
}

/* The phase's mixes, but for those that an earlier phase bound already. */
static int bind_phase(struct binding *binding, const struct phase *phase, const struct plan *plan,
                      struct error *error)
{
    size_t count = phase->mix_count ? phase->mix_count : 1;
    if (phase->not_run || phase->kind == PHASE_IDLE)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = phase->mix_count ? phase->mixes[i].name : phase->mix;
        struct bound_mix *mix = binding_find_mix(binding, name);
        if (!mix)
            return error_set(error, ERROR_USAGE, "%s: phase %s: there is no mix \"%s\"",
                             phase->where ? phase->where : "plan", phase->name, name);
        if (!mix->categories && bind_mix(binding, mix, plan, error) < 0)
            return -1;
    }
    return 0;
}

static const struct mix_entry *everything(const struct binding *binding,
                                          const struct bound_mix *mix)
{
    const struct target *target = binding->targets[mix->target].target;
    for (size_t i = 0; i < target->offer_count; i++)
        if (strcmp(target->offers[i].kind, "tool") == 0)
            return &every_tool;
    for (size_t i = 0; i < target->offer_count; i++)
        if (strcmp(target->offers[i].kind, "command") == 0)
            return &every_command;
    return &every_tool; /* whose absence is then told */
}

static int bind_mix(struct binding *binding, struct bound_mix *mix, const struct plan *plan,
                    struct error *error)
{
    const struct mix *from = mix->plan;
    const struct target *target = binding->targets[mix->target].target;
    if (target->unavailable)
        return error_set(error, ERROR_USAGE, "mix %s: target %s cannot be used: %s", from->name,
                         target->options->name, target->unavailable);
    mix->category_count = from->category_count + 1; /* the last: what no category claims */
    mix->categories = aligned_zeroed(mix->category_count, sizeof *mix->categories);
    if (!mix->categories)
        return out_of_memory(error);
    double weights = 0;
    for (size_t i = 0; i < from->category_count; i++) {
        mix->categories[i].name = from->categories[i].name;
        mix->categories[i].weight = from->categories[i].weight;
        weights += from->categories[i].weight;
    }
    struct bound_category *rest = &mix->categories[from->category_count];
    rest->name = "tools";
    rest->weight = from->category_count && weights > 0 ? weights / (double)from->category_count : 1;
    if (from->entry_count == 0 && bind_entry(binding, mix, everything(binding, mix), error) < 0)
        return -1;
    for (size_t i = 0; i < from->entry_count; i++)
        if (bind_entry(binding, mix, &from->entries[i], error) < 0)
            return -1;
    return arrange(mix, &binding->targets[mix->target], plan->seed, error);
}

static int category_of(const struct bound_mix *mix, const char *label)
{
    for (size_t i = 0; i < mix->plan->category_count; i++)
        for (char **glob = mix->plan->categories[i].globs; glob && *glob; glob++)
            if (fnmatch(*glob, label, 0) == 0)
                return (int)i;
    return (int)mix->plan->category_count;
}

/* A behaviour belongs where its name does, else where its first operation does. */
static struct bound_category *category_for(struct bound_mix *mix, const struct mix_entry *entry,
                                           const char *offer_name)
{
    int category = (int)mix->plan->category_count;
    if (entry->name)
        category = category_of(mix, entry->name);
    if (category == (int)mix->plan->category_count && offer_name)
        category = category_of(mix, offer_name);
    return &mix->categories[category];
}

static int note_captures(struct bound_mix *mix, const struct step *step)
{
    for (size_t i = 0; i < step->capture_count; i++) {
        size_t known = 0;
        while (known < mix->capture_count &&
               strcmp(mix->captures[known], step->captures[i].name) != 0)
            known++;
        if (known < mix->capture_count)
            continue;
        const char **captures =
            realloc(mix->captures, (mix->capture_count + 1) * sizeof *mix->captures);
        if (!captures)
            return -1;
        mix->captures = captures;
        captures[mix->capture_count++] = step->captures[i].name;
    }
    return 0;
}

static struct unit *add_unit(struct bound_category *category, const struct mix_entry *entry)
{
    struct unit *units =
        realloc(category->units, (category->unit_count + 1) * sizeof *category->units);
    if (!units)
        return NULL;
    category->units = units;
    struct unit *unit = &units[category->unit_count++];
    *unit = (struct unit){.weight = entry->weight};
    unit->steps = calloc(entry->step_count, sizeof *unit->steps);
    return unit->steps ? unit : NULL;
}

static int add_operation(struct bound_step *step, struct operation *operation)
{
    struct operation **operations =
        realloc(step->operations, (step->operation_count + 1) * sizeof *step->operations);
    if (!operations)
        return -1;
    step->operations = operations;
    operations[step->operation_count++] = operation;
    return 0;
}

/* An entry that names a tool says all there is to say of it: a glob beside it leaves it alone, so
 * that "every tool, but this one with these arguments" takes two entries. */
static bool named_by_another(const struct mix *mix, const struct mix_entry *entry,
                             const struct offer *offer)
{
    const struct step *own = entry->steps;
    if (own->name && strcmp(own->name, offer->name) == 0)
        return false;
    for (size_t i = 0; i < mix->entry_count; i++) {
        const struct step *step = mix->entries[i].steps;
        if (mix->entries[i].step_count == 1 && step->name && strcmp(step->kind, own->kind) == 0 &&
            strcmp(step->name, offer->name) == 0)
            return true;
    }
    return false;
}

/* A single step stands for every offer that matches: a unit each. */
static int bind_single(struct binding *binding, struct bound_mix *mix,
                       const struct mix_entry *entry, const struct selection *selection,
                       struct error *error)
{
    const struct step *step = entry->steps;
    for (size_t i = 0; i < selection->count; i++) {
        const struct offer *offer = selection->offers[i];
        if (named_by_another(mix->plan, entry, offer) ||
            (entry == &every_command && strcmp(offer->name, "custom") == 0))
            continue; /* "custom" runs what a plan writes, and here no plan wrote anything */
        struct bound_category *category = category_for(mix, entry, offer->name);
        struct operation *operation = NULL;
        int prepared = select_prepare(binding, mix, step, offer, category->name, &operation, error);
        if (prepared < 0)
            return -1;
        if (!operation)
            continue; /* no arguments could be made: told, and left out */
        struct unit *unit = add_unit(category, entry);
        if (!unit)
            return out_of_memory(error);
        if (entry == &every_command && offer->weight > 0)
            unit->weight = offer->weight;
        unit->step_count = 1;
        bool implied = step == &every_tool_step || step == &every_command_step;
        unit->steps[0].plan = implied ? NULL : step;
        if (add_operation(&unit->steps[0], operation) < 0)
            return out_of_memory(error);
    }
    return note_captures(mix, step) < 0 ? out_of_memory(error) : 0;
}

static int bind_entry(struct binding *binding, struct bound_mix *mix, const struct mix_entry *entry,
                      struct error *error)
{
    struct selection selection = {0};
    struct unit *unit = NULL;
    struct bound_category *category = NULL;
    for (size_t i = 0; i < entry->step_count; i++) {
        const struct step *step = &entry->steps[i];
        selection_free(&selection);
        if (select_offers(binding, mix, step, &selection, error) < 0)
            goto failed;
        if (entry->step_count == 1) {
            if (bind_single(binding, mix, entry, &selection, error) < 0)
                goto failed;
            break;
        }
        if (i == 0) {
            category = category_for(mix, entry, selection.offers[0]->name);
            unit = add_unit(category, entry);
        }
        if (!unit || note_captures(mix, step) < 0) {
            out_of_memory(error);
            goto failed;
        }
        struct bound_step *bound = &unit->steps[unit->step_count++];
        bound->plan = step;
        for (size_t k = 0; k < selection.count; k++) {
            struct operation *operation = NULL;
            if (select_prepare(binding, mix, step, selection.offers[k], category->name, &operation,
                               error) < 0)
                goto failed;
            if (operation && add_operation(bound, operation) < 0) {
                out_of_memory(error);
                goto failed;
            }
        }
        if (bound->operation_count == 0) {
            error_set(error, ERROR_USAGE,
                      "%s: no arguments could be generated for this step; write them in the plan",
                      step->where ? step->where : "plan");
            goto failed;
        }
    }
    selection_free(&selection);
    return 0;
failed:
    selection_free(&selection);
    return -1;
}

/* ---- the order ----------------------------------------------------------------------------------
 */

/* Every tool that the mix names was left out; the last one tells why. */
static int nothing_left(const struct bound_mix *mix, const struct bound_target *target,
                        struct error *error)
{
    const char *where = mix->plan->where ? mix->plan->where : "plan";
    size_t count = json_array_size(target->excluded);
    const json_t *last = count ? json_array_get(target->excluded, count - 1) : NULL;
    if (!last)
        return error_set(error, ERROR_USAGE,
                         "%s: mix %s: nothing is left to run; see what `cicada tools` lists", where,
                         mix->plan->name);
    return error_set(error, ERROR_USAGE,
                     "%s: mix %s: nothing is left to run: tool %s is left out: %s", where,
                     mix->plan->name, json_string_value(json_object_get(last, "name")),
                     json_string_value(json_object_get(last, "reason")));
}

/* Empty categories fall away; the others get their order. */
static int arrange(struct bound_mix *mix, const struct bound_target *target, uint64_t seed,
                   struct error *error)
{
    size_t kept = 0, most = 0;
    for (size_t i = 0; i < mix->category_count; i++) {
        if (mix->categories[i].unit_count == 0)
            continue;
        if (kept != i) {
            memcpy(&mix->categories[kept], &mix->categories[i], sizeof *mix->categories);
            memset(&mix->categories[i], 0, sizeof *mix->categories);
        }
        most = mix->categories[kept].unit_count > most ? mix->categories[kept].unit_count : most;
        kept++;
    }
    mix->category_count = kept;
    if (kept == 0)
        return nothing_left(mix, target, error);
    most = kept > most ? kept : most;
    double *weights = calloc(most, sizeof *weights);
    int made = weights ? 0 : -1;
    for (size_t i = 0; made == 0 && i < kept; i++) {
        struct bound_category *category = &mix->categories[i];
        for (size_t k = 0; k < category->unit_count; k++)
            weights[k] = category->units[k].weight;
        made = sequence_make(&category->sequence, weights, category->unit_count, seed + i);
    }
    for (size_t i = 0; made == 0 && i < kept; i++)
        weights[i] = mix->categories[i].weight;
    if (made == 0)
        made = sequence_make(&mix->users, weights, kept, 0);
    free(weights);
    if (made < 0)
        return error_set(error, ERROR_USAGE,
                         "%s: mix %s: every weight is 0; give one entry and one category a "
                         "positive weight",
                         mix->plan->where ? mix->plan->where : "plan", mix->plan->name);
    return 0;
}

static void free_mix(struct bound_mix *mix)
{
    for (size_t i = 0; mix->categories && i < mix->category_count; i++) {
        struct bound_category *category = &mix->categories[i];
        for (size_t k = 0; k < category->unit_count; k++) {
            struct unit *unit = &category->units[k];
            for (size_t s = 0; unit->steps && s < unit->step_count; s++)
                free(unit->steps[s].operations);
            free(unit->steps);
        }
        free(category->units);
        sequence_free(&category->sequence);
    }
    free(mix->categories);
    free(mix->captures);
    sequence_free(&mix->users);
}

/* The counters stand on cache lines of their own, which calloc does not promise. */
static void *aligned_zeroed(size_t count, size_t size)
{
    void *memory = aligned_alloc(64, count * size);
    return memory ? memset(memory, 0, count * size) : NULL;
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}
