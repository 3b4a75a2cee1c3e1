/* Objects: which properties there are (required ones and what they bring along; optional ones as
 * the style says; more where minProperties wants them), and each under all that applies to its
 * name. */
#include "mcp/schema_generate.h"

#include <string.h>

static bool has_required(struct demand *d, json_t *object);
static void add_optional(struct demand *d, json_t *object);
static bool fill_up(struct demand *d, json_t *object);
static bool add_member(struct demand *d, json_t *object, const char *name);
static bool add_dependents(struct demand *d, json_t *object);
static json_t *make_member(struct demand *d, const char *name);
static bool member_literals(struct demand *d, const char *name, struct list *literals);
static bool name_allowed(struct demand *d, const char *name);
static bool has_hint(const struct schema_node *node, unsigned depth);
static char *invent_name(struct demand *d, size_t attempt);

json_t *generate_object(struct demand *d)
{
    struct generator *g = d->generator;
    if (d->min_properties > d->max_properties || d->required.count > d->max_properties) {
        generate_fail(g, d->pointer, "%zu properties are needed, and maxProperties is %zu",
                      d->min_properties > d->required.count ? d->min_properties : d->required.count,
                      d->max_properties);
        return NULL;
    }
    if (d->min_properties > SCHEMA_MAX_ITEMS) {
        generate_fail(g, d->pointer, "minProperties %zu is more than the %d made here",
                      d->min_properties, SCHEMA_MAX_ITEMS);
        return NULL;
    }
    json_t *object = json_object();
    if (!object)
        return NULL;
    if (has_required(d, object)) {
        if (!generate_minimal(g, d->wish))
            add_optional(d, object);
        if (fill_up(d, object))
            return object;
    }
    json_decref(object);
    return NULL;
}

/* In the order the schema lists them, where it does. */
static bool has_required(struct demand *d, json_t *object)
{
    for (size_t i = 0; i < d->objects.count; i++) {
        const struct schema_node *node = d->objects.items[i];
        for (size_t k = 0; k < node->properties.count; k++)
            if (list_has_name(&d->required, node->properties.items[k].name) &&
                !add_member(d, object, node->properties.items[k].name))
                return false;
    }
    for (size_t i = 0; i < d->required.count; i++)
        if (!add_member(d, object, d->required.items[i]))
            return false;
    return add_dependents(d, object);
}

static bool wants_optional(const struct demand *d, const struct schema_node *property)
{
    struct random *random = d->generator->random;
    if (d->generator->varied)
        return random_below(random, 2 + d->wish->depth) == 0;
    return has_hint(property, 0);
}

/* An optional property that cannot be made, or brings along what cannot, is left out. */
static void add_optional(struct demand *d, json_t *object)
{
    for (size_t i = 0; i < d->objects.count; i++) {
        const struct schema_node *node = d->objects.items[i];
        for (size_t k = 0; k < node->properties.count; k++) {
            const struct schema_member *member = &node->properties.items[k];
            if (json_object_get(object, member->name) ||
                json_object_size(object) >= d->max_properties ||
                list_has_name(&d->absent, member->name) || !wants_optional(d, member->node))
                continue;
            json_t *before = json_copy(object);
            if (!before)
                return;
            if (!add_member(d, object, member->name) || !add_dependents(d, object) ||
                json_object_size(object) > d->max_properties) {
                json_object_clear(object);
                json_object_update(object, before);
            }
            json_decref(before);
        }
    }
}

/* Up to minProperties: known properties first, then invented names; in the varied style a few
 * entries of a map (additionalProperties with a schema) too. */
static bool fill_up(struct demand *d, json_t *object)
{
    struct generator *g = d->generator;
    size_t wanted = d->min_properties;
    g->problem[0] = '\0';
    for (size_t i = 0; i < d->objects.count && g->varied && !generate_minimal(g, d->wish); i++) {
        const struct schema_node *node = d->objects.items[i];
        const struct schema_node *more = node->additional_properties;
        if (json_object_size(object) == 0 && !node->properties.count &&
            ((more && more->kind != SCHEMA_NODE_FALSE) || node->pattern_properties.count))
            wanted += random_below(g->random, 3);
    }
    if (wanted > d->max_properties)
        wanted = d->max_properties;
    for (size_t i = 0; i < d->objects.count; i++) {
        const struct schema_node *node = d->objects.items[i];
        for (size_t k = 0; k < node->properties.count; k++) {
            const char *name = node->properties.items[k].name;
            if (json_object_size(object) < d->min_properties && !json_object_get(object, name) &&
                !list_has_name(&d->absent, name))
                add_member(d, object, name);
        }
    }
    for (size_t attempt = 0; json_object_size(object) < wanted && attempt < 3 * wanted + 16;
         attempt++) {
        char *name = invent_name(d, attempt);
        if (name && !json_object_get(object, name) && !list_has_name(&d->absent, name))
            add_member(d, object, name);
    }
    if (!add_dependents(d, object))
        return false;
    if (json_object_size(object) >= d->min_properties)
        return true;
    d->chance = true;
    if (g->problem[0] == '\0')
        generate_fail(g, d->pointer, "%zu properties are needed, and only %zu could be made",
                      d->min_properties, json_object_size(object));
    return false;
}

static bool add_member(struct demand *d, json_t *object, const char *name)
{
    if (json_object_get(object, name))
        return true;
    json_t *value = make_member(d, name);
    return value && json_object_set_new(object, name, value) == 0;
}

static bool add_names(struct demand *d, json_t *object, const json_t *names)
{
    size_t index;
    json_t *name;
    json_array_foreach((json_t *)names, index, name)
    {
        const char *text = json_string_value(name);
        if (list_has_name(&d->absent, text) || !add_member(d, object, text))
            return false;
    }
    return true;
}

/* dependentRequired, until nothing is added. */
static bool add_dependents(struct demand *d, json_t *object)
{
    size_t before;
    do {
        before = json_object_size(object);
        for (size_t i = 0; i < d->objects.count; i++) {
            const struct schema_node *node = d->objects.items[i];
            const json_t *const lists[] = {node->dependent_required, node->dependencies};
            for (size_t k = 0; k < 2; k++) {
                const char *name;
                json_t *names;
                json_object_foreach((json_t *)lists[k], name,
                                    names) if (json_object_get(object, name) &&
                                               json_is_array(names) &&
                                               !add_names(d, object, names)) return false;
            }
        }
    } while (json_object_size(object) > before);
    return true;
}

static json_t *make_member(struct demand *d, const char *name)
{
    struct wish wish = {name, d->wish->depth + 1, NULL};
    struct list literals = {0};
    if (!name_allowed(d, name) || !member_literals(d, name, &literals))
        return NULL;
    return generate_listed(d, &literals, &wish);
}

/* What one subschema says of the property; *evaluated when it says anything. */
static bool literals_of(struct demand *d, const struct schema_node *node, const char *name,
                        struct list *literals, bool *evaluated)
{
    const struct schema_node *known = schema_property(node, name);
    bool found = known != NULL, added = true;
    if (known)
        added &= generate_add_literal(d, literals, known, false);
    for (size_t i = 0; i < node->pattern_properties.count; i++) {
        const struct schema_member *member = &node->pattern_properties.items[i];
        if (schema_pattern_match(member->pattern, name, strlen(name), &d->generator->steps) !=
            SCHEMA_MATCH_YES)
            continue;
        found = true;
        added &= generate_add_literal(d, literals, member->node, false);
    }
    if (!found && node->additional_properties)
        added &= generate_add_literal(d, literals, node->additional_properties, false);
    *evaluated |= found || node->additional_properties;
    return added;
}

static bool member_literals(struct demand *d, const char *name, struct list *literals)
{
    bool evaluated = false, added = true;
    for (size_t i = 0; i < d->objects.count; i++)
        added &= literals_of(d, d->objects.items[i], name, literals, &evaluated);
    for (size_t i = 0; !evaluated && i < d->objects.count; i++) {
        const struct schema_node *node = d->objects.items[i];
        if (node->unevaluated_properties)
            added &= generate_add_literal(d, literals, node->unevaluated_properties, false);
    }
    for (size_t i = 0; i < d->named.count; i++) {
        const struct named_literal *named = d->named.items[i];
        if (strcmp(named->name, name) == 0)
            added &= generate_add_literal(d, literals, named->literal.node, named->literal.negated);
    }
    return added;
}

static bool name_allowed(struct demand *d, const char *name)
{
    json_t *text = json_string(name);
    bool allowed = text != NULL;
    for (size_t i = 0; allowed && i < d->objects.count; i++) {
        const struct schema_node *names =
            ((const struct schema_node *)d->objects.items[i])->property_names;
        char problem[200];
        allowed = !names ||
                  schema_node_validate(names, text, &d->generator->steps, problem, sizeof problem);
        if (!allowed)
            generate_fail(d->generator, names->pointer, "the property name \"%.100s\" is not valid",
                          name);
    }
    json_decref(text);
    return allowed;
}

/* An example or a default, of its own or where a $ref or allOf leads. */
static bool has_hint(const struct schema_node *node, unsigned depth)
{
    if (depth > 8)
        return false;
    if (json_array_size(node->examples) || node->example ||
        (node->fallback && !json_is_null(node->fallback)))
        return true;
    if (node->reference && has_hint(node->reference, depth + 1))
        return true;
    for (size_t i = 0; i < node->all_of.count; i++)
        if (has_hint(node->all_of.items[i], depth + 1))
            return true;
    return false;
}

/* A new name: as patternProperties or propertyNames want it, else a word. In the arena. */
static char *invent_name(struct demand *d, size_t attempt)
{
    struct generator *g = d->generator;
    const struct schema_pattern *pattern = NULL;
    struct list names = {0};
    size_t patterns = 0;
    for (size_t i = 0; i < d->objects.count; i++) {
        const struct schema_node *node = d->objects.items[i];
        if (node->property_names)
            generate_add_literal(d, &names, node->property_names, false);
        for (size_t k = 0; k < node->pattern_properties.count; k++)
            if (node->pattern_properties.items[k].node->kind != SCHEMA_NODE_FALSE &&
                random_below(g->random, ++patterns) == 0)
                pattern = node->pattern_properties.items[k].pattern;
    }
    char *name = NULL;
    if (names.count) {
        struct wish wish = {"key", d->wish->depth + 1, NULL};
        struct literal *flat = schema_arena_take(&d->arena, names.count * sizeof(struct literal));
        for (size_t i = 0; flat && i < names.count; i++)
            flat[i] = *(const struct literal *)names.items[i];
        bool varied = g->varied;
        g->varied = true; /* for names that differ */
        json_t *text = flat ? generate_value(g, flat, names.count, &wish) : NULL;
        g->varied = varied;
        if (json_is_string(text))
            name = schema_arena_copy(&d->arena, json_string_value(text), json_string_length(text));
        json_decref(text);
    } else if (pattern && (attempt % 2 == 0 || patterns)) {
        struct buffer output;
        buffer_init(&output, 4096);
        size_t least = random_below(g->random, 10); /* so that an open pattern gives many names */
        if (schema_pattern_generate(pattern, g->random, least, 64, &output) == 0 ||
            schema_pattern_generate(pattern, g->random, 0, 64, &output) == 0)
            name = schema_arena_copy(&d->arena, buffer_length(&output) ? buffer_bytes(&output) : "",
                                     buffer_length(&output));
        buffer_free(&output);
    } else {
        char text[64];
        int length = attempt < 8 ? snprintf(text, sizeof text, "%s", words_property_name(attempt))
                                 : snprintf(text, sizeof text, "key%zu", attempt);
        name = schema_arena_copy(&d->arena, text, (size_t)length);
    }
    return name;
}
