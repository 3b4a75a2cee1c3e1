/* A schema document becomes a graph of nodes. Only what the root reaches is compiled; each place is
 * compiled once, so that recursive schemas are loops in the graph. A work list stands in for
 * recursion: the depth of a document never becomes depth of the stack. */
#include "mcp/schema_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int compile_all(struct schema_compiler *compiler);
static int remember_node(struct schema_compiler *compiler, struct schema_node *node,
                         const struct schema_resource *resource);
static int measure_in_place(struct schema_compiler *compiler, struct schema_node *node,
                            unsigned depth);
static bool relax_height(struct schema_node *node);
static uint32_t own_height(const struct schema_node *node);

struct schema *schema_compile(const json_t *document, struct error *error)
{
    struct error local = {0};
    struct schema *schema = calloc(1, sizeof *schema);
    struct schema_compiler *compiler = calloc(1, sizeof *compiler);
    int result = -1;
    if (schema && compiler) {
        compiler->schema = schema;
        compiler->error = &local;
        schema->document = json_deep_copy(document);
        if (schema->document)
            result = compile_all(compiler);
        else
            error_set(&local, ERROR_INTERNAL, "out of memory while reading a schema");
    } else {
        error_set(&local, ERROR_INTERNAL, "out of memory while reading a schema");
    }
    if (compiler)
        free(compiler->node_resources);
    free(compiler);
    if (result == 0)
        return schema;
    schema_free(schema);
    if (error)
        *error = local;
    return NULL;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    for (size_t i = 0; i < schema->pattern_count; i++)
        schema_pattern_free(schema->patterns[i]);
    free(schema->patterns);
    free(schema->nodes);
    schema_arena_free(&schema->arena);
    json_decref(schema->document);
    free(schema);
}

struct schema_node *schema_node_for(struct schema_compiler *compiler, const json_t *source,
                                    const struct schema_resource *resource, const char *pointer)
{
    if (!json_is_object(source) && !json_is_boolean(source)) {
        schema_compile_error(compiler, pointer, "must be a schema: an object, true or false");
        return NULL;
    }
    /* true and false are one value each in jansson, whatever their place: they are not looked up.
     */
    size_t bucket = ((uintptr_t)source >> 4) % SCHEMA_BUCKETS;
    struct schema_node *node = json_is_object(source) ? compiler->buckets[bucket] : NULL;
    while (node && node->source != source)
        node = node->next_in_bucket;
    if (node)
        return node;
    node = schema_arena_take(&compiler->schema->arena, sizeof *node);
    if (!node || compiler->schema->node_count >= SCHEMA_MAX_NODES) {
        schema_compile_error(compiler, pointer, "the schema is too large (more than %d subschemas)",
                             SCHEMA_MAX_NODES);
        return NULL;
    }
    node->source = source;
    node->pointer = pointer;
    node->types = SCHEMA_ANY;
    node->kind = json_is_object(source) ? SCHEMA_NODE_KEYWORDS
                 : json_is_true(source) ? SCHEMA_NODE_TRUE
                                        : SCHEMA_NODE_FALSE;
    if (json_is_object(source)) {
        node->next_in_bucket = compiler->buckets[bucket];
        compiler->buckets[bucket] = node;
        const struct schema_resource *own =
            json_object_get(source, "$id") ? schema_resource_of(compiler, source) : NULL;
        if (own)
            resource = own;
    }
    return remember_node(compiler, node, resource) == 0 ? node : NULL;
}

int schema_compile_error(struct schema_compiler *compiler, const char *pointer, const char *format,
                         ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(compiler->error, ERROR_USAGE, "at %.300s: %s", *pointer ? pointer : "/", text);
}

const char *schema_pointer_join(struct schema_arena *arena, const char *pointer, const char *token)
{
    size_t length = strlen(pointer);
    char *joined = schema_arena_take(arena, length + 2 * strlen(token) + 2);
    if (!joined)
        return NULL;
    memcpy(joined, pointer, length);
    joined[length++] = '/';
    for (; *token; token++) {
        if (*token == '~' || *token == '/') {
            joined[length++] = '~';
            joined[length++] = *token == '~' ? '0' : '1';
        } else {
            joined[length++] = *token;
        }
    }
    return joined;
}

static bool is_plain(const struct schema_node *node)
{
    return !node->reference && !node->dynamic_reference && !node->all_of.count &&
           !node->any_of.count && !node->one_of.count && !node->negation && !node->condition &&
           !node->dependent_schemas.count && !node->dependent_required && !node->dependencies &&
           !node->unevaluated_properties && !node->unevaluated_items;
}

int schema_measure(struct schema_compiler *compiler)
{
    struct schema *schema = compiler->schema;
    for (size_t i = 0; i < schema->node_count; i++) {
        if (measure_in_place(compiler, schema->nodes[i], 0) < 0)
            return -1;
        schema->nodes[i]->is_plain = is_plain(schema->nodes[i]);
    }
    /* Heights go down to a fixed point; what is still infinite after as many rounds as the
     * generator goes deep, it cannot make anyway. */
    for (size_t i = 0; i < schema->node_count; i++)
        schema->nodes[i]->height = SCHEMA_INFINITE;
    bool changed = true;
    for (unsigned round = 0; changed && round < SCHEMA_MAX_IN_PLACE; round++) {
        changed = false;
        for (size_t i = schema->node_count; i-- > 0;)
            changed |= relax_height(schema->nodes[i]);
    }
    return 0;
}

static int compile_all(struct schema_compiler *compiler)
{
    struct schema *schema = compiler->schema;
    if (schema_index_document(compiler) < 0)
        return -1;
    schema->root = schema_node_for(compiler, schema->document, compiler->root_resource, "");
    if (!schema->root)
        return -1;
    for (size_t done = 0; done < schema->node_count; done++) { /* grows while it runs */
        struct schema_node *node = schema->nodes[done];
        if (node->kind == SCHEMA_NODE_KEYWORDS &&
            schema_read_keywords(compiler, node, compiler->node_resources[done]) < 0)
            return -1;
    }
    return schema_measure(compiler);
}

static int remember_node(struct schema_compiler *compiler, struct schema_node *node,
                         const struct schema_resource *resource)
{
    struct schema *schema = compiler->schema;
    if (schema->node_count == compiler->node_capacity) {
        size_t capacity = compiler->node_capacity ? 2 * compiler->node_capacity : 64;
        struct schema_node **nodes = realloc(schema->nodes, capacity * sizeof *nodes);
        if (nodes)
            schema->nodes = nodes;
        const struct schema_resource **resources =
            realloc(compiler->node_resources, capacity * sizeof *resources);
        if (resources)
            compiler->node_resources = resources;
        if (!nodes || !resources)
            return schema_compile_error(compiler, node->pointer, "out of memory");
        compiler->node_capacity = capacity;
    }
    compiler->node_resources[schema->node_count] = resource;
    schema->nodes[schema->node_count++] = node;
    return 0;
}

static int measure_child(struct schema_compiler *compiler, struct schema_node *node,
                         struct schema_node *child, unsigned depth)
{
    if (!child)
        return 0;
    if (measure_in_place(compiler, child, depth + 1) < 0)
        return -1;
    if (node->in_place <= child->in_place)
        node->in_place = child->in_place + 1;
    return 0;
}

static int measure_list(struct schema_compiler *compiler, struct schema_node *node,
                        const struct schema_node_list *list, unsigned depth)
{
    for (size_t i = 0; i < list->count; i++)
        if (measure_child(compiler, node, list->items[i], depth) < 0)
            return -1;
    return 0;
}

/* The longest chain of subschemas that apply to one value. A loop would never end. */
static int measure_in_place(struct schema_compiler *compiler, struct schema_node *node,
                            unsigned depth)
{
    if (node->visiting)
        return schema_compile_error(compiler, node->pointer,
                                    "refers back to itself on the same value, which never ends");
    if (node->in_place && node->in_place + depth <= SCHEMA_MAX_IN_PLACE)
        return 0;
    if (depth > SCHEMA_MAX_IN_PLACE)
        return schema_compile_error(compiler, node->pointer,
                                    "more than %d subschemas nested over one value",
                                    SCHEMA_MAX_IN_PLACE);
    node->visiting = true;
    struct schema_node *const children[] = {node->reference,   node->dynamic_reference,
                                            node->negation,    node->condition,
                                            node->consequence, node->alternative};
    node->in_place = 0;
    for (size_t i = 0; i < sizeof children / sizeof *children; i++)
        if (measure_child(compiler, node, children[i], depth) < 0)
            return -1;
    for (size_t i = 0; i < node->dependent_schemas.count; i++)
        if (measure_child(compiler, node, node->dependent_schemas.items[i].node, depth) < 0)
            return -1;
    if (measure_list(compiler, node, &node->all_of, depth) < 0 ||
        measure_list(compiler, node, &node->any_of, depth) < 0 ||
        measure_list(compiler, node, &node->one_of, depth) < 0)
        return -1;
    if (node->in_place == 0)
        node->in_place = 1;
    node->visiting = false;
    return 0;
}

static uint32_t higher(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static uint32_t lowest_of(const struct schema_node_list *list)
{
    uint32_t lowest = SCHEMA_INFINITE;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->height < lowest)
            lowest = list->items[i]->height;
    return lowest;
}

static bool relax_height(struct schema_node *node)
{
    uint32_t height = own_height(node);
    if (node->reference)
        height = higher(height, node->reference->height);
    if (node->dynamic_reference)
        height = higher(height, node->dynamic_reference->height);
    for (size_t i = 0; i < node->all_of.count; i++)
        height = higher(height, node->all_of.items[i]->height);
    if (node->any_of.count)
        height = higher(height, lowest_of(&node->any_of));
    if (node->one_of.count)
        height = higher(height, lowest_of(&node->one_of));
    if (height >= node->height)
        return false;
    node->height = height;
    return true;
}

static uint32_t object_height(const struct schema_node *node)
{
    uint32_t height = 0;
    size_t index;
    json_t *name;
    json_array_foreach((json_t *)node->required, index, name)
    {
        const struct schema_node *property = schema_property(node, json_string_value(name));
        if (property)
            height = higher(height, property->height);
    }
    return height == SCHEMA_INFINITE ? height : height + 1;
}

static uint32_t array_height(const struct schema_node *node)
{
    uint32_t height = 0;
    if (node->contains && node->min_contains > 0)
        height = node->contains->height;
    for (size_t i = 0; i < node->prefix_items.count && i < node->min_items; i++)
        height = higher(height, node->prefix_items.items[i]->height);
    if (node->items && node->min_items > node->prefix_items.count)
        height = higher(height, node->items->height);
    return height == SCHEMA_INFINITE ? height : height + 1;
}

/* Without regard to the subschemas that apply to the same value. */
static uint32_t own_height(const struct schema_node *node)
{
    if (node->kind == SCHEMA_NODE_FALSE)
        return SCHEMA_INFINITE;
    if (node->kind == SCHEMA_NODE_TRUE || node->enumeration || node->constant ||
        (node->types & (unsigned)~(SCHEMA_ARRAY | SCHEMA_OBJECT)))
        return 0;
    uint32_t height = SCHEMA_INFINITE;
    if (node->types & SCHEMA_OBJECT)
        height = object_height(node);
    if (node->types & SCHEMA_ARRAY) {
        uint32_t other = array_height(node);
        height = other < height ? other : height;
    }
    return height;
}
