/* Binding: the mixes of a plan meet what the targets offer, and become prepared operations in a
 * fixed order. Made once before the workers start; read-only while they run, but for the counters
 * from which they claim their positions. */
#ifndef CICADA_ENGINE_MIX_H
#define CICADA_ENGINE_MIX_H

#include "drivers/driver.h"
#include "engine/sequence.h"
#include "plan/plan.h"

#include <stdatomic.h>

struct bound_step {
    struct operation **operations; /* those that match; taken in turn when there are several */
    size_t operation_count;
    const struct step *plan; /* captures, checks, think time; NULL: none of them */
};

/* What is picked: one operation, or a behaviour of several steps. */
struct unit {
    struct bound_step *steps;
    size_t step_count;
    double weight;
};

struct bound_category {
    const char *name;
    double weight;
    struct unit *units;
    size_t unit_count;
    struct sequence sequence;
    _Alignas(64) atomic_uint_fast64_t next; /* the position to be claimed next, by any worker */
};

struct bound_mix {
    const struct mix *plan;
    uint32_t target;
    struct bound_category *categories;
    size_t category_count;
    struct sequence users; /* over the categories */
    const char **captures; /* distinct names */
    size_t capture_count;
    _Alignas(64) atomic_uint_fast64_t next_category;
};

struct bound_operation {
    struct operation operation;
    const json_t *arguments; /* of the plan, NULL: generated */
    unsigned variants;
};
struct bound_target {
    struct target *target;
    struct bound_operation **operations; /* index as in operation.index */
    size_t operation_count;
    json_t *excluded;   /* [{"name","reason"}] */
    json_t *undeclared; /* names */
};

struct binding {
    struct bound_target *targets;
    size_t target_count;
    struct bound_mix *mixes; /* parallel to the plan's mixes; one default mix if it has none */
    size_t mix_count;
    struct mix default_mix;
    void (*notice)(void *context, const char *text); /* may be NULL */
    void *notice_context;
};

/* Bind every mix that a phase to be run uses. ERROR_USAGE when one has nothing to run, or when its
 * target is unavailable. */
int binding_make(struct binding *binding, const struct plan *plan, struct target **targets,
                 size_t target_count, struct error *error);
void binding_free(struct binding *binding); /* releases the operations; harmless when zeroed */

/* The mix of a name, NULL: the first one; NULL when there is none. */
struct bound_mix *binding_find_mix(struct binding *binding, const char *name);

/* Claim the next unit of a category, or of the whole mix when category is negative. `occurrence`
 * tells the argument sets apart: how often this unit was claimed before. */
const struct unit *mix_claim(struct bound_mix *mix, int category, uint64_t *occurrence);

#endif
