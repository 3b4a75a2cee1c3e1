/* Arrays: each item under all that applies to its place (prefixItems, items, unevaluatedItems of
 * every subschema merged), slots for what `contains` asks, all different where uniqueItems says so.
 */
#include "mcp/schema_generate.h"

struct plan {          /* of one array */
    size_t count;      /* items to make */
    size_t needed;     /* fewer are not valid */
    size_t slot_start; /* where the items for `contains` begin */
};

static bool make_plan(struct demand *d, struct plan *plan);
static bool item_literals(struct demand *d, size_t index, struct list *literals);
static bool contains_literals(struct demand *d, const struct plan *plan, size_t index,
                              struct list *literals);
static json_t *make_item(struct demand *d, const struct list *literals, const json_t *array);

json_t *generate_array(struct demand *d)
{
    struct plan plan;
    if (!make_plan(d, &plan))
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; array && i < plan.count; i++) {
        struct list literals = {0};
        if (i + 1 == plan.count && i > 0 && d->duplicate) {
            json_array_append_new(array, json_deep_copy(json_array_get(array, 0)));
            continue;
        }
        json_t *item = NULL;
        if (item_literals(d, i, &literals) && contains_literals(d, &plan, i, &literals))
            item = make_item(d, &literals, array);
        if (item) {
            json_array_append_new(array, item);
        } else if (i >= plan.needed) {
            break;
        } else {
            json_decref(array);
            array = NULL;
        }
    }
    d->chance |= d->contains.count > 0; /* another place for the slots may do */
    return array;
}

static size_t slots_needed(const struct demand *d)
{
    size_t slots = 0;
    for (size_t i = 0; i < d->contains.count; i++) {
        const struct schema_node *node = d->contains.items[i];
        slots += node->min_contains < SCHEMA_MAX_ITEMS ? node->min_contains : SCHEMA_MAX_ITEMS;
    }
    return slots;
}

static bool make_plan(struct demand *d, struct plan *plan)
{
    struct generator *g = d->generator;
    size_t least = d->min_items, slots = slots_needed(d), prefix = 0;
    if (least > d->max_items) {
        generate_fail(g, d->pointer, "minItems %zu is above maxItems %zu", least, d->max_items);
        return false;
    }
    if (least > SCHEMA_MAX_ITEMS || slots > SCHEMA_MAX_ITEMS) {
        generate_fail(g, d->pointer, "minItems %zu is more than the %d items made here",
                      least > slots ? least : slots, SCHEMA_MAX_ITEMS);
        return false;
    }
    for (size_t i = 0; i < d->arrays.count; i++) {
        const struct schema_node *node = d->arrays.items[i];
        if (node->prefix_items.count > prefix)
            prefix = node->prefix_items.count;
    }
    bool minimal = generate_minimal(g, d->wish);
    size_t wanted = least;
    if (!minimal && wanted < prefix)
        wanted = prefix; /* a tuple is whole */
    if (!minimal && wanted == 0)
        wanted = 1;
    if (!minimal && g->varied) {
        size_t most = d->wish->depth < 2 ? 3 : 1;
        wanted = (d->wish->depth % 2 ? least : wanted) + random_below(g->random, most + 1);
    }
    /* Slots begin where nothing else binds, if there is room; elsewhere by luck. */
    plan->slot_start = prefix;
    if (slots && random_below(g->random, 2))
        plan->slot_start = random_below(g->random, wanted + 1);
    if (slots && plan->slot_start + slots > d->max_items)
        plan->slot_start = slots <= d->max_items ? d->max_items - slots : 0;
    if (slots && wanted < plan->slot_start + slots)
        wanted = plan->slot_start + slots;
    if (wanted > d->max_items)
        wanted = d->max_items;
    plan->count = wanted;
    plan->needed = least;
    if (slots && plan->needed < plan->slot_start + slots)
        plan->needed = plan->slot_start + slots;
    if (plan->needed > plan->count)
        plan->needed = plan->count;
    return true;
}

static const struct schema_node *item_node(const struct schema_node *node, size_t index)
{
    return index < node->prefix_items.count ? node->prefix_items.items[index] : node->items;
}

static bool item_literals(struct demand *d, size_t index, struct list *literals)
{
    bool evaluated = false, added = true;
    for (size_t i = 0; i < d->arrays.count; i++) {
        const struct schema_node *item = item_node(d->arrays.items[i], index);
        if (!item)
            continue;
        evaluated = true;
        added &= generate_add_literal(d, literals, item, false);
    }
    for (size_t i = 0; !evaluated && i < d->arrays.count; i++) {
        const struct schema_node *node = d->arrays.items[i];
        if (node->unevaluated_items)
            added &= generate_add_literal(d, literals, node->unevaluated_items, false);
    }
    for (size_t i = 0; i < d->placed.count; i++) {
        const struct placed_literal *placed = d->placed.items[i];
        if (placed->index == index)
            added &=
                generate_add_literal(d, literals, placed->literal.node, placed->literal.negated);
    }
    for (size_t i = 0; i < d->each.count; i++) {
        const struct literal *literal = d->each.items[i];
        added &= generate_add_literal(d, literals, literal->node, literal->negated);
    }
    return added;
}

/* Every `contains` has its slots, one behind another; where there are more than places, they share.
 */
static bool contains_literals(struct demand *d, const struct plan *plan, size_t index,
                              struct list *literals)
{
    size_t slot = plan->slot_start;
    for (size_t i = 0; i < d->contains.count; i++) {
        const struct schema_node *node = d->contains.items[i];
        bool mine = false;
        for (size_t k = 0; k < node->min_contains && k < SCHEMA_MAX_ITEMS; k++, slot++)
            mine |= plan->count && slot % plan->count == index;
        if (mine && !generate_add_literal(d, literals, node->contains, false))
            return false;
        if (!mine && node->max_contains < plan->count &&
            !generate_add_literal(d, literals, node->contains, true))
            return false;
    }
    return true;
}

static json_t *make_item(struct demand *d, const struct list *literals, const json_t *array)
{
    struct wish wish = {d->wish->name, d->wish->depth + 1, d->unique ? array : NULL};
    return generate_listed(d, literals, &wish);
}
