/* An instance against a compiled schema. One recursive walk over both; a path of stack frames
 * remembers where in the instance it stands, and text is made only for the failure that is
 * reported. What a subschema has evaluated (for unevaluatedProperties and unevaluatedItems) is
 * collected only below a subschema that asks. Depth and work are bounded: an instance that needs
 * more is invalid and told so. */
#include "mcp/schema_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct path { /* from the root of the instance down; a name, or an index when that is NULL */
    const struct path *parent;
    const char *name;
    size_t index;
    unsigned depth;
};

/* What of one object or array has been evaluated. */
struct evaluated {
    bool all;
    size_t count;         /* members or items of the instance */
    unsigned char *marks; /* one per member, in the object's order, or per item; made when needed */
};

struct validation {
    char *problem; /* NULL: the verdict is enough */
    size_t size;
    unsigned quiet;   /* above 0: inside something that may fail; no text is made */
    unsigned frames;  /* of evaluate() on the stack */
    unsigned deepest; /* depth in the instance of the last failure */
    size_t *steps;
    bool exhausted; /* a limit was reached: everything fails from here on */
};

static bool evaluate(struct validation *v, const struct schema_node *node, const json_t *instance,
                     const struct path *path, struct evaluated *outer);
static bool check_in_place(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path, struct evaluated *mine);
static bool check_any(struct validation *v, const struct schema_node *node, const json_t *instance,
                      const struct path *path, struct evaluated *mine);
static bool check_one(struct validation *v, const struct schema_node *node, const json_t *instance,
                      const struct path *path, struct evaluated *mine);
static bool check_value(struct validation *v, const struct schema_node *node,
                        const json_t *instance, const struct path *path);
static bool check_number(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path);
static bool check_string(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path);
static bool check_array(struct validation *v, const struct schema_node *node,
                        const json_t *instance, const struct path *path, struct evaluated *mine);
static bool check_contains(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path, struct evaluated *mine);
static bool check_object(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path, struct evaluated *mine);
static bool check_members(struct validation *v, const struct schema_node *node,
                          const json_t *instance, const struct path *path, struct evaluated *mine);
static bool check_required(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path);
static bool check_unevaluated(struct validation *v, const struct schema_node *node,
                              const json_t *instance, const struct path *path,
                              struct evaluated *mine);
static bool quietly(struct validation *v, const struct schema_node *node, const json_t *instance,
                    const struct path *path, struct evaluated *mine);
static bool spend(struct validation *v, size_t steps, const struct path *path);
static bool fail(struct validation *v, const struct path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void mark(struct evaluated *evaluated, size_t index);
static void mark_all(struct evaluated *evaluated);
static void merge(struct evaluated *into, const struct evaluated *from);

bool schema_validate(const struct schema *schema, const json_t *instance, char *problem,
                     size_t size)
{
    size_t steps = SCHEMA_VALIDATION_STEPS;
    return schema_node_validate(schema->root, instance, &steps, problem, size);
}

bool schema_node_validate(const struct schema_node *node, const json_t *instance, size_t *steps,
                          char *problem, size_t size)
{
    struct validation v = {.problem = size ? problem : NULL, .size = size, .steps = steps};
    if (v.problem)
        problem[0] = '\0';
    if (evaluate(&v, node, instance, NULL, NULL))
        return true;
    return false;
}

/* The steps of one subschema. What it evaluated is handed to `outer` only when it holds. */
static bool evaluate(struct validation *v, const struct schema_node *node, const json_t *instance,
                     const struct path *path, struct evaluated *outer)
{
    if (!spend(v, 1, path))
        return false;
    if (node->kind == SCHEMA_NODE_TRUE)
        return true;
    if (node->kind == SCHEMA_NODE_FALSE)
        return fail(v, path, "nothing is allowed here");
    if (v->frames >= SCHEMA_MAX_FRAMES) {
        v->exhausted = true;
        return fail(v, path, "nested too deeply to be checked");
    }
    v->frames++;
    bool wanted =
        outer || (!node->is_plain && (node->unevaluated_properties || node->unevaluated_items));
    struct evaluated collected = {.count = 0};
    if (wanted)
        collected.count =
            json_is_object(instance) ? json_object_size(instance) : json_array_size(instance);
    struct evaluated *mine = wanted && collected.count ? &collected : NULL;
    bool valid = check_value(v, node, instance, path);
    if (valid && json_is_object(instance))
        valid = check_object(v, node, instance, path, mine);
    else if (valid && json_is_array(instance))
        valid = check_array(v, node, instance, path, mine);
    valid = valid && !v->exhausted &&
            (node->is_plain || (check_in_place(v, node, instance, path, mine) &&
                                check_unevaluated(v, node, instance, path, mine)));
    if (valid && outer)
        merge(outer, &collected);
    free(collected.marks);
    v->frames--;
    return valid;
}

/* Subschemas over the same value. */
static bool check_in_place(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path, struct evaluated *mine)
{
    if (node->reference && !evaluate(v, node->reference, instance, path, mine))
        return false;
    if (node->dynamic_reference && !evaluate(v, node->dynamic_reference, instance, path, mine))
        return false;
    for (size_t i = 0; i < node->all_of.count; i++)
        if (!evaluate(v, node->all_of.items[i], instance, path, mine))
            return false;
    if (node->any_of.count && !check_any(v, node, instance, path, mine))
        return false;
    if (node->one_of.count && !check_one(v, node, instance, path, mine))
        return false;
    if (node->negation && quietly(v, node->negation, instance, path, NULL))
        return fail(v, path, "matches what `not` forbids");
    if (v->exhausted)
        return false;
    if (node->condition) {
        const struct schema_node *branch = quietly(v, node->condition, instance, path, mine)
                                               ? node->consequence
                                               : node->alternative;
        if (branch && !evaluate(v, branch, instance, path, mine))
            return false;
    }
    for (size_t i = 0; json_is_object(instance) && i < node->dependent_schemas.count; i++) {
        const struct schema_member *member = &node->dependent_schemas.items[i];
        if (json_object_get(instance, member->name) &&
            !evaluate(v, member->node, instance, path, mine))
            return false;
    }
    return !v->exhausted;
}

/* When no alternative holds, the message is that of the one which got deepest into the instance. */
static bool check_any(struct validation *v, const struct schema_node *node, const json_t *instance,
                      const struct path *path, struct evaluated *mine)
{
    size_t nearest = 0;
    unsigned depth = 0;
    bool valid = false;
    for (size_t i = 0; i < node->any_of.count && !v->exhausted; i++) {
        if (quietly(v, node->any_of.items[i], instance, path, mine)) {
            valid = true;
            if (!mine)
                return true;
        } else if (v->deepest > depth) {
            depth = v->deepest;
            nearest = i;
        }
    }
    if (valid && !v->exhausted)
        return true;
    if (v->quiet || !v->problem || v->exhausted || depth <= (path ? path->depth : 0))
        return fail(v, path, "matches none of the %zu alternatives of anyOf", node->any_of.count);
    return evaluate(v, node->any_of.items[nearest], instance, path, NULL);
}

static bool check_one(struct validation *v, const struct schema_node *node, const json_t *instance,
                      const struct path *path, struct evaluated *mine)
{
    size_t nearest = 0, first = 0, matched = 0;
    unsigned depth = 0;
    for (size_t i = 0; i < node->one_of.count && !v->exhausted; i++) {
        if (quietly(v, node->one_of.items[i], instance, path, mine)) {
            if (matched++)
                return fail(v, path, "matches both alternative %zu and alternative %zu of oneOf",
                            first, i);
            first = i;
        } else if (v->deepest > depth) {
            depth = v->deepest;
            nearest = i;
        }
    }
    if (matched && !v->exhausted)
        return true;
    if (v->quiet || !v->problem || v->exhausted || depth <= (path ? path->depth : 0))
        return fail(v, path, "matches none of the %zu alternatives of oneOf", node->one_of.count);
    return evaluate(v, node->one_of.items[nearest], instance, path, NULL);
}

static const char *name_types(unsigned types, char *text, size_t size)
{
    static const unsigned order[] = {SCHEMA_OBJECT,  SCHEMA_ARRAY,   SCHEMA_STRING, SCHEMA_NUMBER,
                                     SCHEMA_INTEGER, SCHEMA_BOOLEAN, SCHEMA_NULL};
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof order / sizeof *order && length < size; i++) {
        if ((types & order[i]) != order[i])
            continue;
        types &= ~order[i];
        length += (size_t)snprintf(text + length, size - length, "%s%s", length ? " or " : "",
                                   schema_type_name(order[i]));
    }
    return text;
}

/* type, enum, const, and the keywords of scalars. */
static bool check_value(struct validation *v, const struct schema_node *node,
                        const json_t *instance, const struct path *path)
{
    unsigned type = schema_type_of(instance);
    if (!(node->types & type)) {
        char expected[96];
        return fail(v, path, "must be %s (is %s)",
                    v->quiet ? "" : name_types(node->types, expected, sizeof expected),
                    schema_type_name(type));
    }
    if (node->enumeration) {
        if (!spend(v, json_array_size(node->enumeration), path))
            return false;
        if (!schema_array_contains(node->enumeration, instance))
            return fail(v, path, "must be one of the %zu values of enum",
                        json_array_size(node->enumeration));
    }
    if (node->constant && !schema_equal(node->constant, instance)) {
        char *text = v->quiet || !v->problem ? NULL : json_dumps(node->constant, JSON_ENCODE_ANY);
        fail(v, path, "must be %.80s", text ? text : "the value of const");
        free(text);
        return false;
    }
    if (type & SCHEMA_NUMBER)
        return check_number(v, node, instance, path);
    if (type == SCHEMA_STRING)
        return check_string(v, node, instance, path);
    return true;
}

static bool check_number(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path)
{
    const char *what = NULL;
    const json_t *bound = NULL;
    if (node->minimum && schema_number_compare(instance, node->minimum) < 0)
        what = "at least", bound = node->minimum;
    else if (node->exclusive_minimum &&
             schema_number_compare(instance, node->exclusive_minimum) <= 0)
        what = "above", bound = node->exclusive_minimum;
    else if (node->maximum && schema_number_compare(instance, node->maximum) > 0)
        what = "at most", bound = node->maximum;
    else if (node->exclusive_maximum &&
             schema_number_compare(instance, node->exclusive_maximum) >= 0)
        what = "below", bound = node->exclusive_maximum;
    else if (node->multiple_of && !schema_number_is_multiple(instance, node->multiple_of))
        what = "a multiple of", bound = node->multiple_of;
    if (what)
        return fail(v, path, "must be %s %.15g (is %.15g)", what, json_number_value(bound),
                    json_number_value(instance));
    if (node->format && node->format->is_numeric) {
        double value = json_number_value(instance);
        if (value < node->format->low || value > node->format->high ||
            (node->format->is_integral && !schema_number_is_integral(instance)))
            return fail(v, path, "must be of format %s (is %.15g)", node->format->name, value);
    }
    return true;
}

static bool check_string(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path)
{
    const char *bytes = json_string_value(instance);
    size_t length = json_string_length(instance);
    if (node->min_length > 0 || node->max_length != SCHEMA_NO_LIMIT) {
        size_t points = schema_utf8_length(bytes, length);
        if (points < node->min_length)
            return fail(v, path, "must have at least %zu characters (has %zu)", node->min_length,
                        points);
        if (points > node->max_length)
            return fail(v, path, "must have at most %zu characters (has %zu)", node->max_length,
                        points);
    }
    if (node->pattern) {
        enum schema_match match = schema_pattern_match(node->pattern, bytes, length, v->steps);
        v->exhausted |= match == SCHEMA_MATCH_TOO_HARD; /* neither yes nor no, also under `not` */
        if (match == SCHEMA_MATCH_TOO_HARD)
            return fail(v, path, "matching pattern \"%.100s\" took too much work",
                        schema_pattern_text(node->pattern));
        if (match == SCHEMA_MATCH_NO)
            return fail(v, path, "must match pattern \"%.200s\" (is \"%.60s\")",
                        schema_pattern_text(node->pattern), bytes);
    }
    if (node->format && node->format->check) {
        if (!spend(v, length / 16, path))
            return false;
        if (!node->format->check(bytes, length))
            return fail(v, path, "must be of format %s (is \"%.60s\")", node->format->name, bytes);
    }
    return true;
}

static bool check_array(struct validation *v, const struct schema_node *node,
                        const json_t *instance, const struct path *path, struct evaluated *mine)
{
    size_t count = json_array_size(instance);
    if (count < node->min_items)
        return fail(v, path, "must have at least %zu items (has %zu)", node->min_items, count);
    if (count > node->max_items)
        return fail(v, path, "must have at most %zu items (has %zu)", node->max_items, count);
    for (size_t i = 0; i < count; i++) {
        const struct schema_node *item =
            i < node->prefix_items.count ? node->prefix_items.items[i] : node->items;
        if (!item)
            break;
        struct path here = {path, NULL, i, path ? path->depth + 1 : 1};
        if (!evaluate(v, item, json_array_get(instance, i), &here, NULL))
            return false;
        mark(mine, i);
    }
    if (node->unique_items) {
        size_t first = 0, second = 0;
        if (!spend(v, count, path))
            return false;
        if (!schema_items_unique(instance, &first, &second))
            return fail(v, path, "items %zu and %zu are equal, and must all differ", first, second);
    }
    return !node->contains || check_contains(v, node, instance, path, mine);
}

static bool check_contains(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path, struct evaluated *mine)
{
    size_t matched = 0;
    for (size_t i = 0; i < json_array_size(instance) && !v->exhausted; i++) {
        struct path here = {path, NULL, i, path ? path->depth + 1 : 1};
        if (!quietly(v, node->contains, json_array_get(instance, i), &here, NULL))
            continue;
        matched++;
        if (node->contains_evaluates)
            mark(mine, i);
    }
    if (v->exhausted)
        return false;
    if (matched < node->min_contains)
        return fail(v, path, "must contain at least %zu items that match `contains` (has %zu)",
                    node->min_contains, matched);
    if (matched > node->max_contains)
        return fail(v, path, "must contain at most %zu items that match `contains` (has %zu)",
                    node->max_contains, matched);
    return true;
}

static bool check_object(struct validation *v, const struct schema_node *node,
                         const json_t *instance, const struct path *path, struct evaluated *mine)
{
    size_t count = json_object_size(instance);
    if (count < node->min_properties)
        return fail(v, path, "must have at least %zu properties (has %zu)", node->min_properties,
                    count);
    if (count > node->max_properties)
        return fail(v, path, "must have at most %zu properties (has %zu)", node->max_properties,
                    count);
    return check_required(v, node, instance, path) && check_members(v, node, instance, path, mine);
}

static bool check_name(struct validation *v, const struct schema_node *node, const char *name,
                       const struct path *path)
{
    json_t *text = json_string(name);
    bool valid = text && evaluate(v, node, text, path, NULL);
    json_decref(text);
    return valid;
}

/* One member against properties, patternProperties and additionalProperties. */
static bool check_member(struct validation *v, const struct schema_node *node, const char *name,
                         const json_t *value, const struct path *path, bool *evaluated)
{
    const struct schema_node *known = schema_property(node, name);
    bool found = known;
    if (known && !evaluate(v, known, value, path, NULL))
        return false;
    for (size_t i = 0; i < node->pattern_properties.count; i++) {
        const struct schema_member *member = &node->pattern_properties.items[i];
        enum schema_match match =
            schema_pattern_match(member->pattern, name, strlen(name), v->steps);
        v->exhausted |= match == SCHEMA_MATCH_TOO_HARD; /* neither yes nor no, also under `not` */
        if (match == SCHEMA_MATCH_TOO_HARD)
            return fail(v, path, "matching pattern \"%.100s\" took too much work", member->name);
        if (match == SCHEMA_MATCH_NO)
            continue;
        found = true;
        if (!evaluate(v, member->node, value, path, NULL))
            return false;
    }
    *evaluated = found || node->additional_properties;
    if (found || !node->additional_properties)
        return true;
    if (node->additional_properties->kind == SCHEMA_NODE_FALSE)
        return fail(v, path, "no property of this name is allowed");
    return evaluate(v, node->additional_properties, value, path, NULL);
}

static bool check_members(struct validation *v, const struct schema_node *node,
                          const json_t *instance, const struct path *path, struct evaluated *mine)
{
    if (!node->properties.count && !node->pattern_properties.count &&
        !node->additional_properties && !node->property_names)
        return true;
    const char *name;
    json_t *value;
    size_t index = 0;
    json_object_foreach((json_t *)instance, name, value)
    {
        struct path here = {path, name, 0, path ? path->depth + 1 : 1};
        bool evaluated = false;
        if (node->property_names && !check_name(v, node->property_names, name, &here))
            return false;
        if (!check_member(v, node, name, value, &here, &evaluated))
            return false;
        if (evaluated)
            mark(mine, index);
        index++;
    }
    return true;
}

static bool has_names(struct validation *v, const json_t *names, const json_t *instance,
                      const struct path *path, const char *because)
{
    size_t index;
    json_t *name;
    if (!spend(v, json_array_size(names), path))
        return false;
    json_array_foreach((json_t *)names, index, name)
    {
        const char *text = json_string_value(name);
        if (json_object_get(instance, text))
            continue;
        if (because)
            return fail(v, path, "must have property \"%.100s\", since it has \"%.100s\"", text,
                        because);
        return fail(v, path, "must have property \"%.100s\"", text);
    }
    return true;
}

static bool check_required(struct validation *v, const struct schema_node *node,
                           const json_t *instance, const struct path *path)
{
    const json_t *const lists[] = {node->dependent_required, node->dependencies};
    if (node->required && !has_names(v, node->required, instance, path, NULL))
        return false;
    for (size_t i = 0; !node->is_plain && i < 2; i++) {
        const char *name;
        json_t *names;
        json_object_foreach((json_t *)lists[i], name,
                            names) if (json_is_array(names) && json_object_get(instance, name) &&
                                       !has_names(v, names, instance, path, name)) return false;
    }
    return true;
}

static bool check_unevaluated(struct validation *v, const struct schema_node *node,
                              const json_t *instance, const struct path *path,
                              struct evaluated *mine)
{
    if (!mine || mine->all)
        return true;
    if (json_is_object(instance) && node->unevaluated_properties) {
        const char *name;
        json_t *value;
        size_t index = 0;
        json_object_foreach((json_t *)instance, name, value)
        {
            struct path here = {path, name, 0, path ? path->depth + 1 : 1};
            if (!(mine->marks && mine->marks[index]) &&
                !evaluate(v, node->unevaluated_properties, value, &here, NULL))
                return false;
            index++;
        }
        mark_all(mine);
    }
    if (json_is_array(instance) && node->unevaluated_items) {
        for (size_t i = 0; i < json_array_size(instance); i++) {
            struct path here = {path, NULL, i, path ? path->depth + 1 : 1};
            if (!(mine->marks && mine->marks[i]) &&
                !evaluate(v, node->unevaluated_items, json_array_get(instance, i), &here, NULL))
                return false;
        }
        mark_all(mine);
    }
    return true;
}

static bool quietly(struct validation *v, const struct schema_node *node, const json_t *instance,
                    const struct path *path, struct evaluated *mine)
{
    v->quiet++;
    v->deepest = 0;
    bool valid = evaluate(v, node, instance, path, mine);
    v->quiet--;
    return valid;
}

static bool spend(struct validation *v, size_t steps, const struct path *path)
{
    if (v->exhausted)
        return false;
    if (*v->steps > steps) {
        *v->steps -= steps;
        return true;
    }
    *v->steps = 0;
    v->exhausted = true;
    return fail(v, path, "checking it takes too much work");
}

static size_t write_path(const struct path *path, char *text, size_t size)
{
    if (!path)
        return 0;
    size_t length = write_path(path->parent, text, size);
    if (length >= size)
        return length;
    if (!path->name)
        return length + (size_t)snprintf(text + length, size - length, "/%zu", path->index);
    text[length++] = '/';
    for (const char *c = path->name; *c && length + 2 < size; c++) {
        if (*c == '~' || *c == '/')
            text[length++] = '~';
        text[length++] = *c == '~' ? '0' : *c == '/' ? '1' : *c;
    }
    text[length < size ? length : size - 1] = '\0';
    return length;
}

/* A limit is told even from inside an anyOf: there, it is the reason. */
static bool fail(struct validation *v, const struct path *path, const char *format, ...)
{
    unsigned depth = path ? path->depth : 0;
    if (depth > v->deepest)
        v->deepest = depth;
    if (!v->problem || v->problem[0] || (v->quiet && !v->exhausted))
        return false;
    char where[300] = "/", what[400];
    write_path(path, where, sizeof where);
    where[sizeof where - 1] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(v->problem, v->size, "at %s: %s", where, what);
    return false;
}

static void mark(struct evaluated *evaluated, size_t index)
{
    if (!evaluated || evaluated->all)
        return;
    if (!evaluated->marks)
        evaluated->marks = calloc(1, evaluated->count);
    if (evaluated->marks)
        evaluated->marks[index] = 1;
}

static void mark_all(struct evaluated *evaluated)
{
    evaluated->all = true;
}

static void merge(struct evaluated *into, const struct evaluated *from)
{
    into->all |= from->all;
    for (size_t i = 0; !into->all && from->marks && i < from->count; i++)
        if (from->marks[i])
            mark(into, i);
}
