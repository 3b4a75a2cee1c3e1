/* One subschema's keywords, read by a table into its node. A keyword of the wrong type is an error
 * with its place; a keyword this dialect does not know is ignored, as the specification says. */
#include "mcp/schema_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The keyword being read. */
struct reading {
    struct schema_compiler *compiler;
    struct schema_node *node;
    const struct schema_resource *resource;
    const char *keyword;
    const json_t *value;
    const char *pointer; /* of the keyword */
};

struct keyword {
    const char *name;
    int (*read)(struct reading *reading, void *field);
    size_t field; /* offset in struct schema_node */
    enum schema_dialect since, until;
};

static int read_type(struct reading *reading, void *field);
static int read_any(struct reading *reading, void *field);
static int read_enum(struct reading *reading, void *field);
static int read_examples(struct reading *reading, void *field);
static int read_number(struct reading *reading, void *field);
static int read_exclusive(struct reading *reading, void *field);
static int read_multiple(struct reading *reading, void *field);
static int read_count(struct reading *reading, void *field);
static int read_boolean(struct reading *reading, void *field);
static int read_pattern(struct reading *reading, void *field);
static int read_format(struct reading *reading, void *field);
static int read_schema(struct reading *reading, void *field);
static int read_schemas(struct reading *reading, void *field);
static int read_items(struct reading *reading, void *field);
static int read_additional_items(struct reading *reading, void *field);
static int read_members(struct reading *reading, void *field);
static int read_names(struct reading *reading, void *field);
static int read_dependent_names(struct reading *reading, void *field);
static int read_dependencies(struct reading *reading, void *field);
static int read_reference(struct reading *reading, void *field);
static int read_nullable(struct reading *reading, void *field);

#define FIELD(name) offsetof(struct schema_node, name)
#define ALWAYS      SCHEMA_DRAFT_07, SCHEMA_DRAFT_2020_12
#define SINCE_2019  SCHEMA_DRAFT_2019_09, SCHEMA_DRAFT_2020_12
#define SINCE_2020  SCHEMA_DRAFT_2020_12, SCHEMA_DRAFT_2020_12

/* Keywords that newer drafts dropped stay understood where they contradict nothing: many servers
 * write draft-07 without saying so. */
static const struct keyword keywords[] = {
    {"type", read_type, FIELD(types), ALWAYS},
    {"nullable", read_nullable, FIELD(types), ALWAYS}, /* OpenAPI 3.0; after type */
    {"enum", read_enum, FIELD(enumeration), ALWAYS},
    {"const", read_any, FIELD(constant), ALWAYS},
    {"default", read_any, FIELD(fallback), ALWAYS},
    {"examples", read_examples, FIELD(examples), ALWAYS},
    {"example", read_any, FIELD(example), ALWAYS}, /* OpenAPI */
    {"minimum", read_number, FIELD(minimum), ALWAYS},
    {"maximum", read_number, FIELD(maximum), ALWAYS},
    {"exclusiveMinimum", read_exclusive, FIELD(exclusive_minimum), ALWAYS}, /* after minimum */
    {"exclusiveMaximum", read_exclusive, FIELD(exclusive_maximum), ALWAYS},
    {"multipleOf", read_multiple, FIELD(multiple_of), ALWAYS},
    {"minLength", read_count, FIELD(min_length), ALWAYS},
    {"maxLength", read_count, FIELD(max_length), ALWAYS},
    {"pattern", read_pattern, FIELD(pattern), ALWAYS},
    {"format", read_format, FIELD(format), ALWAYS},
    {"prefixItems", read_schemas, FIELD(prefix_items), SINCE_2020},
    {"items", read_items, FIELD(items), ALWAYS},
    {"additionalItems", read_additional_items, FIELD(items), ALWAYS}, /* after items */
    {"contains", read_schema, FIELD(contains), ALWAYS},
    {"minContains", read_count, FIELD(min_contains), SINCE_2019},
    {"maxContains", read_count, FIELD(max_contains), SINCE_2019},
    {"minItems", read_count, FIELD(min_items), ALWAYS},
    {"maxItems", read_count, FIELD(max_items), ALWAYS},
    {"uniqueItems", read_boolean, FIELD(unique_items), ALWAYS},
    {"unevaluatedItems", read_schema, FIELD(unevaluated_items), SINCE_2019},
    {"properties", read_members, FIELD(properties), ALWAYS},
    {"patternProperties", read_members, FIELD(pattern_properties), ALWAYS},
    {"additionalProperties", read_schema, FIELD(additional_properties), ALWAYS},
    {"unevaluatedProperties", read_schema, FIELD(unevaluated_properties), SINCE_2019},
    {"propertyNames", read_schema, FIELD(property_names), ALWAYS},
    {"required", read_names, FIELD(required), ALWAYS},
    {"dependentRequired", read_dependent_names, FIELD(dependent_required), SINCE_2019},
    {"dependentSchemas", read_members, FIELD(dependent_schemas), SINCE_2019},
    {"dependencies", read_dependencies, FIELD(dependencies), ALWAYS},
    {"minProperties", read_count, FIELD(min_properties), ALWAYS},
    {"maxProperties", read_count, FIELD(max_properties), ALWAYS},
    {"$ref", read_reference, FIELD(reference), ALWAYS},
    {"$dynamicRef", read_reference, FIELD(dynamic_reference), SINCE_2020},
    {"$recursiveRef", read_reference, FIELD(dynamic_reference), SCHEMA_DRAFT_2019_09,
     SCHEMA_DRAFT_2019_09},
    {"allOf", read_schemas, FIELD(all_of), ALWAYS},
    {"anyOf", read_schemas, FIELD(any_of), ALWAYS},
    {"oneOf", read_schemas, FIELD(one_of), ALWAYS},
    {"not", read_schema, FIELD(negation), ALWAYS},
    {"if", read_schema, FIELD(condition), ALWAYS},
    {"then", read_schema, FIELD(consequence), ALWAYS},
    {"else", read_schema, FIELD(alternative), ALWAYS},
};

static int fail(const struct reading *reading, const char *expected);
static int sort_properties(struct reading *reading);
static int add_member(struct reading *reading, struct schema_member_list *list, const char *name,
                      const json_t *value);
static struct schema_pattern *compile_pattern(struct reading *reading, const char *text,
                                              const char *pointer);
static bool names_are_strings(const json_t *names);

int schema_read_keywords(struct schema_compiler *compiler, struct schema_node *node,
                         const struct schema_resource *resource)
{
    node->max_length = node->max_items = node->max_properties = SCHEMA_NO_LIMIT;
    node->min_contains = 1;
    node->max_contains = SCHEMA_NO_LIMIT;
    node->contains_evaluates = resource->dialect == SCHEMA_DRAFT_2020_12;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        const struct keyword *keyword = &keywords[i];
        const json_t *value = json_object_get(node->source, keyword->name);
        if (!value || resource->dialect < keyword->since || resource->dialect > keyword->until)
            continue;
        const char *pointer =
            schema_pointer_join(&compiler->schema->arena, node->pointer, keyword->name);
        if (!pointer)
            return schema_compile_error(compiler, node->pointer, "the schema is too large");
        struct reading reading = {compiler, node, resource, keyword->name, value, pointer};
        if (keyword->read(&reading, (char *)node + keyword->field) < 0)
            return -1;
    }
    if (!node->condition) /* then and else without if say nothing */
        node->consequence = node->alternative = NULL;
    return 0;
}

const struct schema_node *schema_property(const struct schema_node *node, const char *name)
{
    size_t low = 0, high = node->properties.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, node->properties_by_name[middle].name);
        if (order == 0)
            return node->properties_by_name[middle].node;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static unsigned type_from_name(const char *name)
{
    static const struct {
        const char *name;
        unsigned types;
    } types[] = {{"null", SCHEMA_NULL},       {"boolean", SCHEMA_BOOLEAN},
                 {"integer", SCHEMA_INTEGER}, {"number", SCHEMA_NUMBER},
                 {"string", SCHEMA_STRING},   {"array", SCHEMA_ARRAY},
                 {"object", SCHEMA_OBJECT}};
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].types;
    return 0;
}

static int read_type(struct reading *reading, void *field)
{
    unsigned types = 0;
    if (json_is_array(reading->value)) {
        size_t index;
        json_t *item;
        json_array_foreach((json_t *)reading->value, index, item)
        {
            unsigned type = type_from_name(json_string_value(item));
            if (!type)
                return fail(reading, "must hold names of types");
            types |= type;
        }
    } else {
        types = type_from_name(json_string_value(reading->value));
    }
    if (!types)
        return fail(reading, "must be null, boolean, integer, number, string, array or object, or "
                             "an array of these");
    *(unsigned *)field = types;
    reading->node->has_type = true;
    return 0;
}

static int read_nullable(struct reading *reading, void *field)
{
    if (json_is_true(reading->value) && reading->node->has_type)
        *(unsigned *)field |= SCHEMA_NULL;
    return 0;
}

static int read_any(struct reading *reading, void *field)
{
    *(const json_t **)field = reading->value;
    return 0;
}

static int read_enum(struct reading *reading, void *field)
{
    if (!json_is_array(reading->value) || json_array_size(reading->value) == 0)
        return fail(reading, "must be an array with at least one value");
    return read_any(reading, field);
}

static int read_examples(struct reading *reading, void *field)
{
    if (json_is_array(reading->value)) /* an annotation: anything else is only useless */
        *(const json_t **)field = reading->value;
    return 0;
}

static int read_number(struct reading *reading, void *field)
{
    if (!json_is_number(reading->value))
        return fail(reading, "must be a number");
    return read_any(reading, field);
}

/* A boolean is how draft-04 wrote it: it makes the bound beside it exclusive. */
static int read_exclusive(struct reading *reading, void *field)
{
    if (!json_is_boolean(reading->value))
        return read_number(reading, field);
    const json_t **beside = (const json_t **)field == &reading->node->exclusive_minimum
                                ? &reading->node->minimum
                                : &reading->node->maximum;
    if (json_is_true(reading->value)) {
        *(const json_t **)field = *beside;
        *beside = NULL;
    }
    return 0;
}

static int read_multiple(struct reading *reading, void *field)
{
    if (!json_is_number(reading->value) || !(json_number_value(reading->value) > 0))
        return fail(reading, "must be a number above 0");
    return read_any(reading, field);
}

static int read_count(struct reading *reading, void *field)
{
    if (!json_is_number(reading->value) || json_number_value(reading->value) < 0 ||
        !schema_number_is_integral(reading->value))
        return fail(reading, "must be an integer of at least 0");
    *(size_t *)field = (size_t)schema_number_floor(reading->value);
    return 0;
}

static int read_boolean(struct reading *reading, void *field)
{
    if (!json_is_boolean(reading->value))
        return fail(reading, "must be true or false");
    *(bool *)field = json_is_true(reading->value);
    return 0;
}

static int read_pattern(struct reading *reading, void *field)
{
    if (!json_is_string(reading->value))
        return fail(reading, "must be a string");
    struct schema_pattern *pattern =
        compile_pattern(reading, json_string_value(reading->value), reading->pointer);
    *(struct schema_pattern **)field = pattern;
    return pattern ? 0 : -1;
}

static int read_format(struct reading *reading, void *field)
{
    if (!json_is_string(reading->value))
        return fail(reading, "must be a string");
    *(const struct schema_format **)field = schema_format_find(json_string_value(reading->value));
    return 0;
}

static int read_schema(struct reading *reading, void *field)
{
    struct schema_node *node =
        schema_node_for(reading->compiler, reading->value, reading->resource, reading->pointer);
    *(struct schema_node **)field = node;
    return node ? 0 : -1;
}

static int read_schemas(struct reading *reading, void *field)
{
    struct schema_node_list *list = field;
    struct schema_arena *arena = &reading->compiler->schema->arena;
    size_t count = json_array_size(reading->value);
    if (json_is_array(reading->value) && count == 0 && list == &reading->node->prefix_items)
        return 0; /* against the letter, but zod writes the empty tuple so */
    if (!json_is_array(reading->value) || count == 0)
        return fail(reading, "must be an array with at least one schema");
    list->items = schema_arena_take(arena, count * sizeof(struct schema_node *));
    for (size_t i = 0; list->items && i < count; i++) {
        char token[24];
        snprintf(token, sizeof token, "%zu", i);
        const char *pointer = schema_pointer_join(arena, reading->pointer, token);
        if (!pointer)
            return fail(reading, "is too large");
        list->items[i] = schema_node_for(reading->compiler, json_array_get(reading->value, i),
                                         reading->resource, pointer);
        if (!list->items[i])
            return -1;
        list->count++;
    }
    return list->items ? 0 : fail(reading, "is too large");
}

static int read_items(struct reading *reading, void *field)
{
    if (!json_is_array(reading->value))
        return read_schema(reading, field);
    if (json_array_size(reading->value) == 0 || reading->node->prefix_items.count)
        return 0;
    return read_schemas(reading, &reading->node->prefix_items);
}

static int read_additional_items(struct reading *reading, void *field)
{
    if (!json_is_array(json_object_get(reading->node->source, "items")))
        return 0; /* counts only after a list of items */
    return read_schema(reading, field);
}

static int read_members(struct reading *reading, void *field)
{
    struct schema_member_list *list = field;
    size_t count = json_object_size(reading->value);
    if (!json_is_object(reading->value))
        return fail(reading, "must be an object of schemas");
    if (count == 0)
        return 0;
    list->items = schema_arena_take(&reading->compiler->schema->arena, count * sizeof *list->items);
    if (!list->items)
        return fail(reading, "is too large");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)reading->value, name,
                        value) if (add_member(reading, list, name, value) < 0) return -1;
    return list == &reading->node->properties ? sort_properties(reading) : 0;
}

static int compare_names(const void *left, const void *right)
{
    const struct schema_member *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int sort_properties(struct reading *reading)
{
    struct schema_node *node = reading->node;
    size_t count = node->properties.count;
    struct schema_member *sorted =
        schema_arena_take(&reading->compiler->schema->arena, count * sizeof *sorted);
    if (!sorted)
        return fail(reading, "is too large");
    memcpy(sorted, node->properties.items, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_names);
    node->properties_by_name = sorted;
    return 0;
}

static int read_names(struct reading *reading, void *field)
{
    if (!names_are_strings(reading->value))
        return fail(reading, "must be an array of property names");
    return read_any(reading, field);
}

static int read_dependent_names(struct reading *reading, void *field)
{
    const char *name;
    json_t *value;
    if (!json_is_object(reading->value))
        return fail(reading, "must be an object of arrays of property names");
    json_object_foreach((json_t *)reading->value, name, value) if (
        !names_are_strings(value)) return fail(reading,
                                               "must be an object of arrays of property names");
    return read_any(reading, field);
}

/* Draft-07 has one keyword for what became dependentRequired and dependentSchemas. */
static int read_dependencies(struct reading *reading, void *field)
{
    struct schema_member_list *list = &reading->node->dependent_schemas;
    size_t count = json_object_size(reading->value);
    if (!json_is_object(reading->value))
        return fail(reading, "must be an object");
    struct schema_member *items =
        schema_arena_take(&reading->compiler->schema->arena, (list->count + count) * sizeof *items);
    if (!items)
        return fail(reading, "is too large");
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)reading->value, name, value)
    {
        if (json_is_array(value)) {
            if (!names_are_strings(value))
                return fail(reading, "must hold arrays of property names, or schemas");
        } else if (add_member(reading, list, name, value) < 0) {
            return -1;
        }
    }
    return read_any(reading, field);
}

static int read_reference(struct reading *reading, void *field)
{
    if (!json_is_string(reading->value))
        return fail(reading, "must be a string");
    struct schema_node *node = schema_resolve(reading->compiler, reading->resource,
                                              json_string_value(reading->value), reading->pointer);
    *(struct schema_node **)field = node;
    return node ? 0 : -1;
}

static int fail(const struct reading *reading, const char *expected)
{
    return schema_compile_error(reading->compiler, reading->pointer, "%s %s", reading->keyword,
                                expected);
}

static int add_member(struct reading *reading, struct schema_member_list *list, const char *name,
                      const json_t *value)
{
    const char *pointer =
        schema_pointer_join(&reading->compiler->schema->arena, reading->pointer, name);
    if (!pointer)
        return fail(reading, "is too large");
    struct schema_member *member = &list->items[list->count];
    member->name = name;
    if (list == &reading->node->pattern_properties) {
        member->pattern = compile_pattern(reading, name, pointer);
        if (!member->pattern)
            return -1;
    }
    member->node = schema_node_for(reading->compiler, value, reading->resource, pointer);
    if (!member->node)
        return -1;
    list->count++;
    return 0;
}

static struct schema_pattern *compile_pattern(struct reading *reading, const char *text,
                                              const char *pointer)
{
    struct schema *schema = reading->compiler->schema;
    char problem[200];
    if (schema->pattern_count == schema->pattern_capacity) {
        size_t capacity = schema->pattern_capacity ? 2 * schema->pattern_capacity : 8;
        struct schema_pattern **patterns = realloc(schema->patterns, capacity * sizeof *patterns);
        if (!patterns) {
            fail(reading, "is too large");
            return NULL;
        }
        schema->patterns = patterns;
        schema->pattern_capacity = capacity;
    }
    struct schema_pattern *pattern = schema_pattern_compile(text, problem, sizeof problem);
    if (!pattern) {
        schema_compile_error(reading->compiler, pointer, "regular expression \"%.200s\": %s", text,
                             problem);
        return NULL;
    }
    schema->patterns[schema->pattern_count++] = pattern;
    return pattern;
}

static bool names_are_strings(const json_t *names)
{
    size_t index;
    json_t *name;
    if (!json_is_array(names))
        return false;
    json_array_foreach((json_t *)names, index, name) if (!json_is_string(name)) return false;
    return true;
}
