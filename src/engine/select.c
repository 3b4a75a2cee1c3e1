/* See select.h. What is left out is told and listed, never dropped in silence. */
#include "engine/select.h"

#include "base/buffer.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_VARIANTS = 16, NAMES_SHOWN = 8 };

static bool matches_any(char **globs, const char *name);
static void exclude(struct binding *binding, struct bound_target *bound, const char *name,
                    const char *reason);
static int nothing_selected(const struct bound_target *bound, const struct step *step,
                            const struct mix *mix, size_t destructive, struct error *error);
static void notice(const struct binding *binding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int select_offers(struct binding *binding, const struct bound_mix *mix, const struct step *step,
                  struct selection *selection, struct error *error)
{
    struct bound_target *bound = &binding->targets[mix->target];
    const struct target *target = bound->target;
    const struct mix *plan = mix->plan;
    size_t destructive = 0;
    *selection = (struct selection){0};
    selection->offers = calloc(target->offer_count + 1, sizeof *selection->offers);
    if (!selection->offers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < target->offer_count; i++) {
        const struct offer *offer = &target->offers[i];
        if (strcmp(offer->kind, step->kind) != 0 ||
            (step->name && strcmp(step->name, offer->name) != 0 &&
             fnmatch(step->name, offer->name, 0) != 0))
            continue;
        if (strcmp(offer->kind, "tool") == 0) {
            if ((plan->include && *plan->include && !matches_any(plan->include, offer->name)) ||
                matches_any(plan->exclude, offer->name)) {
                continue;
            }
            if ((offer->hints & OFFER_DESTRUCTIVE) && !plan->allow_destructive) {
                exclude(binding, bound, offer->name,
                        "it says that it destroys; --allow-destructive lets it run");
                destructive++;
                continue;
            }
        }
        selection->offers[selection->count++] = offer;
    }
    return selection->count ? 0 : nothing_selected(bound, step, plan, destructive, error);
}

void selection_free(struct selection *selection)
{
    free(selection->offers);
    *selection = (struct selection){0};
}

static struct operation *prepared_before(const struct bound_target *bound,
                                         const struct operation_spec *spec, const char *category)
{
    for (size_t i = 0; i < bound->operation_count; i++) {
        struct bound_operation *known = bound->operations[i];
        bool same_arguments =
            known->arguments == spec->arguments ||
            (known->arguments && spec->arguments && json_equal(known->arguments, spec->arguments));
        if (known->operation.offer == spec->offer && same_arguments &&
            known->variants == spec->variants && strcmp(known->operation.category, category) == 0)
            return &known->operation;
    }
    return NULL;
}

/* Two operations of one name (other arguments, say) are told apart by a number. */
static int make_name_unique(const struct bound_target *bound, struct operation *operation)
{
    for (unsigned number = 2;; number++) {
        bool taken = false;
        for (size_t i = 0; !taken && i < bound->operation_count; i++)
            taken = strcmp(bound->operations[i]->operation.name, operation->name) == 0;
        if (!taken)
            return 0;
        size_t length = strlen(operation->offer->name) + 16;
        char *name = malloc(length);
        if (!name)
            return -1;
        snprintf(name, length, "%s #%u", operation->offer->name, number);
        free(operation->name);
        operation->name = name;
    }
}

static int keep(struct bound_target *bound, struct bound_operation *made, const char *category)
{
    struct bound_operation **operations =
        realloc(bound->operations, (bound->operation_count + 1) * sizeof(struct bound_operation *));
    if (operations)
        bound->operations = operations;
    if (!operations || make_name_unique(bound, &made->operation) < 0)
        return -1;
    made->operation.category = (char *)category; /* the plan's, or a constant */
    made->operation.index = (uint32_t)bound->operation_count;
    operations[bound->operation_count++] = made;
    const struct offer *offer = made->operation.offer;
    if ((offer->hints & OFFER_DESTRUCTIVE_UNSAID) && strcmp(offer->kind, "tool") == 0) {
        size_t i;
        json_t *name;
        json_array_foreach(bound->undeclared, i, name)
        {
            if (strcmp(json_string_value(name), offer->name) == 0)
                return 0;
        }
        json_array_append_new(bound->undeclared, json_string(offer->name));
    }
    return 0;
}

int select_prepare(struct binding *binding, const struct bound_mix *mix, const struct step *step,
                   const struct offer *offer, const char *category, struct operation **operation,
                   struct error *error)
{
    struct bound_target *bound = &binding->targets[mix->target];
    struct operation_spec spec = {
        .offer = offer,
        .arguments = step->arguments,
        .variants = mix->plan->variants ? mix->plan->variants : DEFAULT_VARIANTS,
        .where = step->where ? step->where : mix->plan->where,
    };
    *operation = prepared_before(bound, &spec, category);
    if (*operation)
        return 0;
    struct bound_operation *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    made->arguments = spec.arguments;
    made->variants = spec.variants;
    struct error why = {0};
    if (bound->target->driver->prepare(bound->target, &spec, &made->operation, &why) < 0) {
        free(made);
        if (spec.arguments || why.code == ERROR_INTERNAL)
            return error_set(error, why.code, "%s", why.text);
        exclude(binding, bound, offer->name, why.text);
        return 0;
    }
    made->operation.offer = offer;
    if (keep(bound, made, category) < 0) {
        bound->target->driver->release(bound->target, &made->operation);
        free(made);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    *operation = &made->operation;
    return 0;
}

void select_tell(struct binding *binding)
{
    for (size_t i = 0; i < binding->target_count; i++) {
        const struct bound_target *bound = &binding->targets[i];
        size_t count = json_array_size(bound->undeclared);
        if (count == 0)
            continue;
        struct buffer names;
        buffer_init(&names, 4096);
        for (size_t k = 0; k < count && k < NAMES_SHOWN; k++)
            buffer_printf(&names, "%s%s", k ? ", " : "",
                          json_string_value(json_array_get(bound->undeclared, k)));
        if (count > NAMES_SHOWN)
            buffer_append_text(&names, ", ...");
        notice(binding, "target %s: %zu tool%s run without saying whether they destroy: %.*s",
               bound->target->options->name ? bound->target->options->name : "target", count,
               count == 1 ? "" : "s", (int)buffer_length(&names), buffer_bytes(&names));
        buffer_free(&names);
    }
}

static bool matches_any(char **globs, const char *name)
{
    for (; globs && *globs; globs++)
        if (strcmp(*globs, name) == 0 || fnmatch(*globs, name, 0) == 0)
            return true;
    return false;
}

static void exclude(struct binding *binding, struct bound_target *bound, const char *name,
                    const char *reason)
{
    size_t i;
    json_t *known;
    json_array_foreach(bound->excluded, i, known)
    {
        const char *known_name = json_string_value(json_object_get(known, "name"));
        if (known_name && strcmp(known_name, name) == 0)
            return; /* told already, by another entry or mix */
    }
    json_array_append_new(bound->excluded, json_pack("{s:s,s:s}", "name", name, "reason", reason));
    notice(binding, "target %s: tool %s is left out: %s",
           bound->target->options->name ? bound->target->options->name : "target", name, reason);
}

/* What was asked for, in quotes: the step's name, or the globs of the mix. */
static void append_wanted(struct buffer *output, const struct step *step, const struct mix *mix)
{
    const char *separator = "";
    if (strcmp(step->kind, "tool") == 0 && (!step->name || strcmp(step->name, "*") == 0))
        for (char **glob = mix->include; glob && *glob; glob++, separator = ", ")
            buffer_printf(output, "%s\"%s\"", separator, *glob);
    if (!*separator)
        buffer_printf(output, "\"%s\"", step->name ? step->name : "*");
}

/* A tool that was asked for and cannot be used: [{"name","reason"}]'s element, NULL if none. */
static const json_t *excluded_match(const struct bound_target *bound, const struct step *step,
                                    const struct mix *mix)
{
    size_t i;
    json_t *excluded;
    json_array_foreach(bound->excluded, i, excluded)
    {
        const char *name = json_string_value(json_object_get(excluded, "name"));
        if (name && strcmp(step->kind, "tool") == 0 &&
            (!step->name || fnmatch(step->name, name, 0) == 0) &&
            (!mix->include || !*mix->include || matches_any(mix->include, name)))
            return excluded;
    }
    return NULL;
}

static void append_offered(struct buffer *output, const struct bound_target *bound,
                           const char *kind)
{
    size_t shown = 0;
    for (size_t i = 0; i < bound->target->offer_count && shown < NAMES_SHOWN; i++)
        if (strcmp(bound->target->offers[i].kind, kind) == 0)
            buffer_printf(output, "%s%s", shown++ ? ", " : "", bound->target->offers[i].name);
    if (shown == NAMES_SHOWN)
        buffer_append_text(output, ", ...");
}

static int nothing_selected(const struct bound_target *bound, const struct step *step,
                            const struct mix *mix, size_t destructive, struct error *error)
{
    const char *where = step->where ? step->where : mix->where ? mix->where : "plan";
    const char *name = bound->target->options->name ? bound->target->options->name : "target";
    const json_t *excluded = excluded_match(bound, step, mix);
    struct buffer wanted, offered;
    buffer_init(&wanted, 1024);
    buffer_init(&offered, 4096);
    append_wanted(&wanted, step, mix);
    append_offered(&offered, bound, step->kind);
    int wanted_length = (int)buffer_length(&wanted);
    if (destructive)
        error_set(error, ERROR_USAGE,
                  "%s: mix %s: all that matches %s %.*s says that it destroys; allow it with "
                  "allow_destructive (--allow-destructive)",
                  where, mix->name, step->kind, wanted_length, buffer_bytes(&wanted));
    else if (excluded)
        error_set(error, ERROR_USAGE, "%s: mix %s: tool %s of target %s cannot be used: %s", where,
                  mix->name, json_string_value(json_object_get(excluded, "name")), name,
                  json_string_value(json_object_get(excluded, "reason")));
    else if (buffer_length(&offered))
        error_set(error, ERROR_USAGE,
                  "%s: mix %s: no %s of target %s matches %.*s and may run; it offers %.*s", where,
                  mix->name, step->kind, name, wanted_length, buffer_bytes(&wanted),
                  (int)buffer_length(&offered), buffer_bytes(&offered));
    else
        error_set(error, ERROR_USAGE, "%s: mix %s: target %s offers nothing of the kind \"%s\"",
                  where, mix->name, name, step->kind);
    buffer_free(&wanted);
    buffer_free(&offered);
    return -1;
}

static void notice(const struct binding *binding, const char *format, ...)
{
    char text[1024];
    if (!binding->notice)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    binding->notice(binding->notice_context, text);
}
