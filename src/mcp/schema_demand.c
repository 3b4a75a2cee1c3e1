/* Literals merged into one demand. First all that is certain (allOf, $ref, the keywords
 * themselves), then the choices, in the order they came up, each followed by what it makes certain:
 * so that a choice that cannot be is noticed at once. */
#include "mcp/schema_generate.h"

#include <math.h>
#include <string.h>

enum pending_kind { PENDING_ANY, PENDING_ONE, PENDING_IF, PENDING_DEPENDENT, PENDING_NEGATION };

struct pending {
    enum pending_kind kind;
    const struct schema_node *node;
    const struct schema_member *member; /* of dependentSchemas */
};

static bool add_positive(struct demand *d, const struct schema_node *node);
static bool add_negative(struct demand *d, const struct schema_node *node);
static bool add_scalars(struct demand *d, const struct schema_node *node);
static bool add_structure(struct demand *d, const struct schema_node *node);
static bool add_later(struct demand *d, const struct schema_node *node);
static bool defer(struct demand *d, enum pending_kind kind, const struct schema_node *node,
                  const struct schema_member *member);
static bool decide(struct demand *d, const struct pending *pending);
static size_t preferred_branch(const struct demand *d, const struct schema_node_list *list);

void demand_open(struct demand *d, struct generator *g, struct choices *choices,
                 const struct wish *wish)
{
    *d = (struct demand){.generator = g,
                         .choices = choices,
                         .wish = wish,
                         .pointer = "",
                         .types = SCHEMA_ANY,
                         .max_length = SCHEMA_NO_LIMIT,
                         .max_items = SCHEMA_NO_LIMIT,
                         .max_properties = SCHEMA_NO_LIMIT,
                         .format_low = -INFINITY,
                         .format_high = INFINITY};
    choices->used = 0;
}

void demand_close(struct demand *d)
{
    schema_arena_free(&d->arena);
}

bool demand_collect(struct demand *d, const struct literal *literals, size_t count)
{
    if (count)
        d->pointer = literals[0].node->pointer;
    for (size_t i = 0; i < count; i++)
        if (!demand_add(d, literals[i].node, literals[i].negated))
            return false;
    for (size_t i = 0; i < d->pending.count; i++) /* grows while it runs */
        if (!decide(d, d->pending.items[i]))
            return false;
    return true;
}

bool demand_add(struct demand *d, const struct schema_node *node, bool negated)
{
    if ((node->kind == SCHEMA_NODE_TRUE && !negated) ||
        (node->kind == SCHEMA_NODE_FALSE && negated))
        return true;
    if (node->kind != SCHEMA_NODE_KEYWORDS) {
        generate_fail(d->generator, node->pointer, "nothing is allowed here");
        return false;
    }
    for (size_t i = 0; i < d->literals.count; i++) {
        const struct literal *known = d->literals.items[i];
        if (known->node != node)
            continue;
        if (known->negated == negated)
            return true;
        generate_fail(d->generator, node->pointer, "is both demanded and forbidden");
        return false;
    }
    struct literal *literal = schema_arena_take(&d->arena, sizeof *literal);
    if (!literal || d->literals.count >= GENERATE_MAX_DEMAND)
        return false;
    *literal = (struct literal){node, negated};
    if (!list_add(&d->arena, &d->literals, literal))
        return false;
    return negated ? add_negative(d, node) : add_positive(d, node);
}

size_t demand_choose(struct demand *d, size_t count, size_t preferred)
{
    struct choices *choices = d->choices;
    if (count <= 1)
        return 0;
    if (choices->used < choices->count) { /* replay */
        struct choice *made = &choices->items[choices->used++];
        return (made->start + made->step) % count;
    }
    if (choices->count == GENERATE_MAX_CHOICES)
        return preferred;
    choices->items[choices->count++] = (struct choice){.count = count, .start = preferred};
    choices->used++;
    return preferred;
}

bool demand_require(struct demand *d, const char *name, const char *pointer)
{
    if (list_has_name(&d->absent, name)) {
        generate_fail(d->generator, pointer, "property \"%.100s\" is both required and forbidden",
                      name);
        return false;
    }
    return list_has_name(&d->required, name) || list_add(&d->arena, &d->required, name);
}

bool demand_forbid(struct demand *d, const char *name, const char *pointer)
{
    if (list_has_name(&d->required, name)) {
        generate_fail(d->generator, pointer, "property \"%.100s\" is both required and forbidden",
                      name);
        return false;
    }
    return list_has_name(&d->absent, name) || list_add(&d->arena, &d->absent, name);
}

bool demand_types(struct demand *d, unsigned types, const char *pointer)
{
    d->types &= types;
    if (d->types)
        return true;
    generate_fail(d->generator, pointer, "no type meets all that is asked of this value");
    return false;
}

void demand_low(struct demand *d, const json_t *bound, bool exclusive)
{
    int order = d->low ? schema_number_compare(bound, d->low) : 1;
    if (order > 0) {
        d->low = bound;
        d->low_exclusive = exclusive;
    } else if (order == 0) {
        d->low_exclusive |= exclusive;
    }
}

void demand_high(struct demand *d, const json_t *bound, bool exclusive)
{
    int order = d->high ? schema_number_compare(bound, d->high) : -1;
    if (order < 0) {
        d->high = bound;
        d->high_exclusive = exclusive;
    } else if (order == 0) {
        d->high_exclusive |= exclusive;
    }
}

bool list_add(struct schema_arena *arena, struct list *list, const void *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        const void **items = schema_arena_take(arena, capacity * sizeof *items);
        if (!items)
            return false;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

bool list_has_name(const struct list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

static bool add_positive(struct demand *d, const struct schema_node *node)
{
    if (node->height == SCHEMA_INFINITE) {
        generate_fail(
            d->generator, node->pointer,
            "no finite value is valid: what it requires leads back to itself, or to false");
        return false;
    }
    if (!demand_types(d, node->types, node->pointer) || !add_scalars(d, node) ||
        !add_structure(d, node))
        return false;
    if (node->reference && !demand_add(d, node->reference, false))
        return false;
    if (node->dynamic_reference && !demand_add(d, node->dynamic_reference, false))
        return false;
    for (size_t i = 0; i < node->all_of.count; i++)
        if (!demand_add(d, node->all_of.items[i], false))
            return false;
    if (node->negation && !demand_add(d, node->negation, true))
        return false;
    return add_later(d, node);
}

/* One that can be refuted in one way only is refuted at once; else it is a choice. */
static bool add_negative(struct demand *d, const struct schema_node *node)
{
    size_t options = negation_options(node);
    if (options == 1)
        return negation_apply(d, node, 0);
    return defer(d, PENDING_NEGATION, node, NULL);
}

static bool add_hints(struct demand *d, const struct schema_node *node)
{
    bool added = true;
    size_t index;
    json_t *example;
    json_array_foreach((json_t *)node->examples, index, example) added &=
        list_add(&d->arena, &d->hints, example);
    if (node->example)
        added &= list_add(&d->arena, &d->hints, node->example);
    if (node->fallback && !json_is_null(node->fallback)) /* a default of null means: leave it out */
        added &= list_add(&d->arena, &d->hints, node->fallback);
    return added;
}

static bool add_scalars(struct demand *d, const struct schema_node *node)
{
    bool added = add_hints(d, node);
    if (node->enumeration)
        added &= list_add(&d->arena, &d->enumerations, node->enumeration);
    if (node->constant)
        added &= list_add(&d->arena, &d->constants, node->constant);
    if (node->minimum)
        demand_low(d, node->minimum, false);
    if (node->exclusive_minimum)
        demand_low(d, node->exclusive_minimum, true);
    if (node->maximum)
        demand_high(d, node->maximum, false);
    if (node->exclusive_maximum)
        demand_high(d, node->exclusive_maximum, true);
    if (node->multiple_of)
        added &= list_add(&d->arena, &d->multiples, node->multiple_of);
    if (node->minimum || node->maximum || node->exclusive_minimum || node->exclusive_maximum ||
        node->multiple_of)
        d->implied |= SCHEMA_NUMBER;
    if (node->min_length > d->min_length)
        d->min_length = node->min_length;
    if (node->max_length < d->max_length)
        d->max_length = node->max_length;
    if (node->pattern)
        added &= list_add(&d->arena, &d->patterns, node->pattern);
    if (node->format && !node->format->is_numeric)
        added &= list_add(&d->arena, &d->formats, node->format);
    if (node->format && node->format->is_numeric) {
        d->implied |= node->format->is_integral ? SCHEMA_INTEGER : SCHEMA_NUMBER;
        if (node->format->low > d->format_low)
            d->format_low = node->format->low;
        if (node->format->high < d->format_high)
            d->format_high = node->format->high;
        if (node->format->is_integral &&
            !demand_types(d, ~(unsigned)SCHEMA_FRACTION, node->pointer))
            return false;
    }
    if (node->pattern || node->min_length || node->max_length != SCHEMA_NO_LIMIT ||
        (node->format && !node->format->is_numeric))
        d->implied |= SCHEMA_STRING;
    return added;
}

static bool add_array(struct demand *d, const struct schema_node *node)
{
    if (node->min_items > d->min_items)
        d->min_items = node->min_items;
    if (node->max_items < d->max_items)
        d->max_items = node->max_items;
    d->unique |= node->unique_items;
    if (node->contains && (node->min_contains || node->max_contains != SCHEMA_NO_LIMIT) &&
        !list_add(&d->arena, &d->contains, node))
        return false;
    if (!node->prefix_items.count && !node->items && !node->unevaluated_items && !node->contains &&
        !node->min_items && node->max_items == SCHEMA_NO_LIMIT)
        return true;
    d->implied |= SCHEMA_ARRAY;
    return list_add(&d->arena, &d->arrays, node);
}

static bool add_structure(struct demand *d, const struct schema_node *node)
{
    size_t index;
    json_t *name;
    if (!add_array(d, node))
        return false;
    if (node->min_properties > d->min_properties)
        d->min_properties = node->min_properties;
    if (node->max_properties < d->max_properties)
        d->max_properties = node->max_properties;
    json_array_foreach(
        (json_t *)node->required, index,
        name) if (!demand_require(d, json_string_value(name), node->pointer)) return false;
    if (!node->properties.count && !node->pattern_properties.count && !node->required &&
        !node->additional_properties && !node->property_names && !node->dependent_required &&
        !node->dependencies && !node->unevaluated_properties && !node->min_properties &&
        node->max_properties == SCHEMA_NO_LIMIT)
        return true;
    d->implied |= SCHEMA_OBJECT;
    return list_add(&d->arena, &d->objects, node);
}

static bool add_later(struct demand *d, const struct schema_node *node)
{
    if (node->any_of.count && !defer(d, PENDING_ANY, node, NULL))
        return false;
    if (node->one_of.count && !defer(d, PENDING_ONE, node, NULL))
        return false;
    if (node->condition && !defer(d, PENDING_IF, node, NULL))
        return false;
    for (size_t i = 0; i < node->dependent_schemas.count; i++)
        if (!defer(d, PENDING_DEPENDENT, node, &node->dependent_schemas.items[i]))
            return false;
    return true;
}

static bool defer(struct demand *d, enum pending_kind kind, const struct schema_node *node,
                  const struct schema_member *member)
{
    struct pending *pending = schema_arena_take(&d->arena, sizeof *pending);
    if (!pending)
        return false;
    *pending = (struct pending){kind, node, member};
    return list_add(&d->arena, &d->pending, pending);
}

static size_t start_of(const struct demand *d, size_t count)
{
    return d->generator->varied ? random_below(d->generator->random, count) : 0;
}

static bool decide_negation(struct demand *d, const struct schema_node *node)
{
    size_t options = negation_options(node);
    struct negative *negative = schema_arena_take(&d->arena, sizeof *negative);
    if (!negative)
        return false;
    *negative = (struct negative){node, d->choices->used};
    if (!list_add(&d->arena, &d->negatives, negative))
        return false;
    size_t option = demand_choose(d, options + 1, 0);
    return option == 0 || negation_apply(d, node, option - 1);
}

/* Exactly one: all others are refuted. */
static bool decide_one(struct demand *d, const struct schema_node *node)
{
    const struct schema_node_list *list = &node->one_of;
    size_t chosen = demand_choose(d, list->count, preferred_branch(d, list));
    if (!demand_add(d, list->items[chosen], false))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (i != chosen && !demand_add(d, list->items[i], true))
            return false;
    return true;
}

static bool decide_if(struct demand *d, const struct schema_node *node)
{
    bool holds = demand_choose(d, 2, start_of(d, 2)) == 0;
    const struct schema_node *branch = holds ? node->consequence : node->alternative;
    return demand_add(d, node->condition, !holds) && (!branch || demand_add(d, branch, false));
}

static bool decide(struct demand *d, const struct pending *pending)
{
    const struct schema_node *node = pending->node;
    const struct schema_member *member = pending->member;
    switch (pending->kind) {
    case PENDING_ANY: {
        size_t preferred = preferred_branch(d, &node->any_of);
        return demand_add(d, node->any_of.items[demand_choose(d, node->any_of.count, preferred)],
                          false);
    }
    case PENDING_ONE:
        return decide_one(d, node);
    case PENDING_IF:
        return decide_if(d, node);
    case PENDING_DEPENDENT: {
        bool present = list_has_name(&d->required, member->name);
        if (demand_choose(d, 2, present ? 1 : start_of(d, 2)) == 0)
            return demand_forbid(d, member->name, node->pointer);
        return demand_require(d, member->name, node->pointer) && demand_add(d, member->node, false);
    }
    case PENDING_NEGATION:
        break;
    }
    return decide_negation(d, node);
}

/* Deep down, the branch that ends soonest. In the simple style the first that is more than null. */
static size_t preferred_branch(const struct demand *d, const struct schema_node_list *list)
{
    size_t preferred = start_of(d, list->count);
    bool minimal = generate_minimal(d->generator, d->wish);
    for (size_t i = 0; !minimal && !d->generator->varied && i < list->count; i++)
        if (list->items[i]->types != SCHEMA_NULL && list->items[i]->height != SCHEMA_INFINITE)
            return i;
    for (size_t i = 0; minimal && i < list->count; i++)
        if (list->items[i]->height < list->items[preferred]->height)
            preferred = i;
    return preferred;
}
