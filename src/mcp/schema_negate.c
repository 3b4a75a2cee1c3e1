/* How a subschema can fail to hold: each of its keywords is one way. A keyword binds only values of
 * its own type, so that refuting it fixes the type too. What has no direct opposite
 * (propertyNames, unevaluatedItems, ...) is no way: such a literal is left to luck and to the final
 * check. */
#include "mcp/schema_generate.h"

#include <string.h>

struct negation {
    struct demand *d; /* NULL while counting */
    const struct schema_node *node;
    size_t wanted, seen;
    bool applied;
};

static void negate_value(struct negation *n);
static void negate_number(struct negation *n);
static void negate_string(struct negation *n);
static void negate_array(struct negation *n);
static void negate_object(struct negation *n);
static void negate_in_place(struct negation *n);

static void walk(struct negation *n)
{
    negate_value(n);
    negate_number(n);
    negate_string(n);
    negate_array(n);
    negate_object(n);
    negate_in_place(n);
}

size_t negation_options(const struct schema_node *node)
{
    struct negation n = {.node = node, .wanted = SIZE_MAX};
    walk(&n);
    return n.seen;
}

bool negation_apply(struct demand *d, const struct schema_node *node, size_t option)
{
    struct negation n = {.d = d, .node = node, .wanted = option};
    walk(&n);
    return n.applied;
}

static bool wanted(struct negation *n)
{
    return n->seen++ == n->wanted;
}

static bool only(struct negation *n, unsigned types)
{
    return demand_types(n->d, types, n->node->pointer);
}

static void negate_value(struct negation *n)
{
    const struct schema_node *node = n->node;
    if (node->has_type && wanted(n))
        n->applied = only(n, ~node->types);
    if (node->constant && wanted(n))
        n->applied = list_add(&n->d->arena, &n->d->forbidden, node->constant);
    if (node->enumeration && wanted(n)) {
        size_t index;
        json_t *value;
        n->applied = true;
        json_array_foreach((json_t *)node->enumeration, index, value) n->applied &=
            list_add(&n->d->arena, &n->d->forbidden, value);
    }
}

static void negate_number(struct negation *n)
{
    const struct schema_node *node = n->node;
    if (node->minimum && wanted(n)) {
        demand_high(n->d, node->minimum, true);
        n->applied = only(n, SCHEMA_NUMBER);
    }
    if (node->exclusive_minimum && wanted(n)) {
        demand_high(n->d, node->exclusive_minimum, false);
        n->applied = only(n, SCHEMA_NUMBER);
    }
    if (node->maximum && wanted(n)) {
        demand_low(n->d, node->maximum, true);
        n->applied = only(n, SCHEMA_NUMBER);
    }
    if (node->exclusive_maximum && wanted(n)) {
        demand_low(n->d, node->exclusive_maximum, false);
        n->applied = only(n, SCHEMA_NUMBER);
    }
    if (node->multiple_of && wanted(n))
        n->applied = list_add(&n->d->arena, &n->d->not_multiples, node->multiple_of) &&
                     only(n, SCHEMA_NUMBER);
}

/* Narrow a pair of limits to at most `high` or at least `low`. */
static void at_most(size_t *limit, size_t high)
{
    if (high < *limit)
        *limit = high;
}

static void at_least(size_t *limit, size_t low)
{
    if (low > *limit)
        *limit = low;
}

static void negate_string(struct negation *n)
{
    const struct schema_node *node = n->node;
    if (node->min_length && wanted(n)) {
        at_most(&n->d->max_length, node->min_length - 1);
        n->applied = only(n, SCHEMA_STRING);
    }
    if (node->max_length != SCHEMA_NO_LIMIT && wanted(n)) {
        at_least(&n->d->min_length, node->max_length + 1);
        n->applied = only(n, SCHEMA_STRING);
    }
    if (node->pattern && wanted(n))
        n->applied =
            list_add(&n->d->arena, &n->d->not_patterns, node->pattern) && only(n, SCHEMA_STRING);
    if (node->format && node->format->check && wanted(n))
        n->applied =
            list_add(&n->d->arena, &n->d->not_formats, node->format) && only(n, SCHEMA_STRING);
}

static bool refute_item(struct negation *n, size_t index, const struct schema_node *item)
{
    struct placed_literal *placed = schema_arena_take(&n->d->arena, sizeof *placed);
    if (!placed)
        return false;
    *placed = (struct placed_literal){index, {item, true}};
    at_least(&n->d->min_items, index + 1);
    return list_add(&n->d->arena, &n->d->placed, placed) && only(n, SCHEMA_ARRAY);
}

static void negate_array(struct negation *n)
{
    const struct schema_node *node = n->node;
    if (node->min_items && wanted(n)) {
        at_most(&n->d->max_items, node->min_items - 1);
        n->applied = only(n, SCHEMA_ARRAY);
    }
    if (node->max_items != SCHEMA_NO_LIMIT && wanted(n)) {
        at_least(&n->d->min_items, node->max_items + 1);
        n->applied = only(n, SCHEMA_ARRAY);
    }
    if (node->unique_items && wanted(n)) {
        n->d->duplicate = true;
        at_least(&n->d->min_items, 2);
        n->applied = only(n, SCHEMA_ARRAY);
    }
    for (size_t i = 0; i < node->prefix_items.count; i++)
        if (wanted(n))
            n->applied = refute_item(n, i, node->prefix_items.items[i]);
    if (node->items && wanted(n))
        n->applied = refute_item(n, node->prefix_items.count, node->items);
    if (node->contains && node->min_contains && wanted(n)) {
        struct literal *literal = schema_arena_take(&n->d->arena, sizeof *literal);
        if (literal) {
            *literal = (struct literal){node->contains, true};
            n->applied = list_add(&n->d->arena, &n->d->each, literal) && only(n, SCHEMA_ARRAY);
        }
    }
}

static bool refute_member(struct negation *n, const char *name, const struct schema_node *member)
{
    struct named_literal *named = schema_arena_take(&n->d->arena, sizeof *named);
    if (!named)
        return false;
    *named = (struct named_literal){name, {member, true}};
    return list_add(&n->d->arena, &n->d->named, named) &&
           demand_require(n->d, name, n->node->pointer) && only(n, SCHEMA_OBJECT);
}

static void negate_dependents(struct negation *n, const json_t *dependents)
{
    const char *name;
    json_t *names, *other;
    size_t index;
    json_object_foreach((json_t *)dependents, name, names)
        json_array_foreach(names, index, other) if (wanted(n)) n->applied =
        demand_require(n->d, name, n->node->pointer) &&
        demand_forbid(n->d, json_string_value(other), n->node->pointer) && only(n, SCHEMA_OBJECT);
}

/* A name that a pattern of patternProperties matches. */
static const char *name_for(struct negation *n, const struct schema_pattern *pattern)
{
    struct buffer output;
    const char *name = NULL;
    buffer_init(&output, 4096);
    if (schema_pattern_generate(pattern, n->d->generator->random, 1, 32, &output) == 0 &&
        buffer_length(&output) > 0)
        name = schema_arena_copy(&n->d->arena, buffer_bytes(&output), buffer_length(&output));
    buffer_free(&output);
    n->d->chance = true; /* the name is a guess */
    return name;
}

static bool names_other(struct negation *n, const char *name)
{
    if (schema_property(n->node, name))
        return false;
    for (size_t i = 0; i < n->node->pattern_properties.count; i++)
        if (schema_pattern_match(n->node->pattern_properties.items[i].pattern, name, strlen(name),
                                 &n->d->generator->steps) != SCHEMA_MATCH_NO)
            return false;
    return true;
}

/* A member under patternProperties or additionalProperties that does not hold. */
static void negate_other_members(struct negation *n)
{
    const struct schema_node *node = n->node;
    for (size_t i = 0; i < node->pattern_properties.count; i++)
        if (node->pattern_properties.items[i].node->kind != SCHEMA_NODE_TRUE && wanted(n)) {
            const char *name = name_for(n, node->pattern_properties.items[i].pattern);
            n->applied = name && refute_member(n, name, node->pattern_properties.items[i].node);
        }
    if (!node->additional_properties || node->additional_properties->kind == SCHEMA_NODE_TRUE ||
        !wanted(n))
        return;
    for (size_t i = 0; i < 8 && !n->applied; i++)
        if (names_other(n, words_property_name(i)))
            n->applied = refute_member(n, words_property_name(i), node->additional_properties);
}

static void negate_object(struct negation *n)
{
    const struct schema_node *node = n->node;
    size_t index;
    json_t *name;
    json_array_foreach((json_t *)node->required, index, name) if (wanted(n)) n->applied =
        demand_forbid(n->d, json_string_value(name), node->pointer) && only(n, SCHEMA_OBJECT);
    for (size_t i = 0; i < node->properties.count; i++)
        if (node->properties.items[i].node->kind != SCHEMA_NODE_TRUE && wanted(n))
            n->applied =
                refute_member(n, node->properties.items[i].name, node->properties.items[i].node);
    negate_other_members(n);
    if (node->min_properties && wanted(n)) {
        at_most(&n->d->max_properties, node->min_properties - 1);
        n->applied = only(n, SCHEMA_OBJECT);
    }
    if (node->max_properties != SCHEMA_NO_LIMIT && wanted(n)) {
        at_least(&n->d->min_properties, node->max_properties + 1);
        n->applied = only(n, SCHEMA_OBJECT);
    }
    negate_dependents(n, node->dependent_required);
    negate_dependents(n, node->dependencies);
    for (size_t i = 0; i < node->dependent_schemas.count; i++)
        if (wanted(n))
            n->applied =
                demand_require(n->d, node->dependent_schemas.items[i].name, node->pointer) &&
                only(n, SCHEMA_OBJECT) &&
                demand_add(n->d, node->dependent_schemas.items[i].node, true);
}

static bool refute_all(struct negation *n, const struct schema_node_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!demand_add(n->d, list->items[i], true))
            return false;
    return true;
}

static void negate_in_place(struct negation *n)
{
    const struct schema_node *node = n->node;
    if (node->reference && wanted(n))
        n->applied = demand_add(n->d, node->reference, true);
    if (node->dynamic_reference && wanted(n))
        n->applied = demand_add(n->d, node->dynamic_reference, true);
    for (size_t i = 0; i < node->all_of.count; i++)
        if (wanted(n))
            n->applied = demand_add(n->d, node->all_of.items[i], true);
    if (node->any_of.count && wanted(n))
        n->applied = refute_all(n, &node->any_of);
    if (node->one_of.count && wanted(n))
        n->applied = refute_all(n, &node->one_of);
    for (size_t i = 1; i < node->one_of.count; i++) /* or more than one of them */
        if (wanted(n))
            n->applied = demand_add(n->d, node->one_of.items[0], false) &&
                         demand_add(n->d, node->one_of.items[i], false);
    if (node->negation && wanted(n))
        n->applied = demand_add(n->d, node->negation, false);
    if (node->condition && node->consequence && wanted(n))
        n->applied =
            demand_add(n->d, node->condition, false) && demand_add(n->d, node->consequence, true);
    if (node->condition && node->alternative && wanted(n))
        n->applied =
            demand_add(n->d, node->condition, true) && demand_add(n->d, node->alternative, true);
}
