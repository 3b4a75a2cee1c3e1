/* Where $ref leads: resources ($id), anchors and JSON Pointers, all inside one document. A
 * reference that leaves the document is an error; nothing is ever fetched. URI resolution is RFC
 * 3986 section 5.2 as far as schema identifiers need it. */
#include "mcp/schema_internal.h"

#include <stdlib.h>
#include <string.h>

struct place { /* while walking the document */
    const json_t *value;
    const struct schema_resource *resource;
    const char *pointer;
    unsigned depth;
};

static const struct {
    const char *keyword;
    enum schema_keyword_shape shape;
} shapes[] = {
    {"additionalItems", SCHEMA_SHAPE_ONE},
    {"additionalProperties", SCHEMA_SHAPE_ONE},
    {"allOf", SCHEMA_SHAPE_LIST},
    {"anyOf", SCHEMA_SHAPE_LIST},
    {"contains", SCHEMA_SHAPE_ONE},
    {"definitions", SCHEMA_SHAPE_MAP},
    {"$defs", SCHEMA_SHAPE_MAP},
    {"dependencies", SCHEMA_SHAPE_MAP},
    {"dependentSchemas", SCHEMA_SHAPE_MAP},
    {"else", SCHEMA_SHAPE_ONE},
    {"if", SCHEMA_SHAPE_ONE},
    {"items", SCHEMA_SHAPE_EITHER},
    {"not", SCHEMA_SHAPE_ONE},
    {"oneOf", SCHEMA_SHAPE_LIST},
    {"patternProperties", SCHEMA_SHAPE_MAP},
    {"prefixItems", SCHEMA_SHAPE_LIST},
    {"properties", SCHEMA_SHAPE_MAP},
    {"propertyNames", SCHEMA_SHAPE_ONE},
    {"then", SCHEMA_SHAPE_ONE},
    {"unevaluatedItems", SCHEMA_SHAPE_ONE},
    {"unevaluatedProperties", SCHEMA_SHAPE_ONE},
};

static int index_place(struct schema_compiler *compiler, struct place place);
static int index_children(struct schema_compiler *compiler, const struct place *place);
static int index_child(struct schema_compiler *compiler, const struct place *parent,
                       const char *first, const char *second, const json_t *value);
static struct schema_resource *add_resource(struct schema_compiler *compiler, const char *uri,
                                            const struct place *place, enum schema_dialect dialect);
static int add_anchor(struct schema_compiler *compiler, const struct place *place,
                      const char *name);
static enum schema_dialect dialect_of(const json_t *schema, enum schema_dialect inherited);
static char *resolve_uri(struct schema_arena *arena, const char *base, const char *reference,
                         size_t length);
static const struct schema_resource *find_resource(const struct schema_compiler *compiler,
                                                   const char *uri);
static struct schema_node *resolve_fragment(struct schema_compiler *compiler,
                                            const struct schema_resource *resource,
                                            const char *fragment, const char *reference,
                                            const char *pointer);

enum schema_keyword_shape schema_keyword_shape(const char *keyword)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].keyword, keyword) == 0)
            return shapes[i].shape;
    return 0;
}

const struct schema_resource *schema_resource_of(const struct schema_compiler *compiler,
                                                 const json_t *root)
{
    for (const struct schema_resource *r = compiler->resources; r; r = r->next)
        if (r->root == root)
            return r;
    return NULL;
}

int schema_index_document(struct schema_compiler *compiler)
{
    struct place root = {compiler->schema->document, NULL, "", 0};
    root.resource = add_resource(compiler, "", &root, SCHEMA_DRAFT_2020_12);
    if (!root.resource)
        return schema_compile_error(compiler, "", "out of memory");
    compiler->root_resource = root.resource;
    return index_place(compiler, root);
}

struct schema_node *schema_resolve(struct schema_compiler *compiler,
                                   const struct schema_resource *resource, const char *reference,
                                   const char *pointer)
{
    const char *hash = strchr(reference, '#');
    size_t length = hash ? (size_t)(hash - reference) : strlen(reference);
    if (length > 0) {
        const char *uri = resolve_uri(&compiler->schema->arena, resource->uri, reference, length);
        resource = uri ? find_resource(compiler, uri) : NULL;
        if (!resource) {
            schema_compile_error(compiler, pointer,
                                 "$ref \"%.200s\" leaves the document, and no schema is fetched "
                                 "from a network; put the schema into $defs",
                                 reference);
            return NULL;
        }
    }
    return resolve_fragment(compiler, resource, hash ? hash + 1 : "", reference, pointer);
}

static int index_place(struct schema_compiler *compiler, struct place place)
{
    if (!json_is_object(place.value))
        return 0;
    if (place.depth > SCHEMA_MAX_DEPTH)
        return schema_compile_error(compiler, place.pointer, "nested more than %d deep",
                                    SCHEMA_MAX_DEPTH);
    const char *id = json_string_value(json_object_get(place.value, "$id"));
    if (id && id[0] == '#') { /* draft-07 writes an anchor so */
        if (add_anchor(compiler, &place, id + 1) < 0)
            return -1;
    } else if (id) {
        size_t length = strcspn(id, "#");
        const char *uri = resolve_uri(&compiler->schema->arena, place.resource->uri, id, length);
        enum schema_dialect dialect = dialect_of(place.value, place.resource->dialect);
        place.resource = uri ? add_resource(compiler, uri, &place, dialect) : NULL;
        if (!place.resource)
            return schema_compile_error(compiler, place.pointer, "out of memory");
        if (place.depth == 0)
            compiler->root_resource = place.resource;
    }
    static const char *const anchors[] = {"$anchor", "$dynamicAnchor"};
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_object_get(place.value, anchors[i]));
        if (name && add_anchor(compiler, &place, name) < 0)
            return -1;
    }
    return index_children(compiler, &place);
}

static int index_children(struct schema_compiler *compiler, const struct place *place)
{
    const char *keyword, *name;
    json_t *value, *child;
    size_t index;
    json_object_foreach((json_t *)place->value, keyword, value)
    {
        enum schema_keyword_shape shape = schema_keyword_shape(keyword);
        if (shape == 0)
            continue;
        if (json_is_object(value) && shape == SCHEMA_SHAPE_MAP) {
            json_object_foreach(value, name, child) if (index_child(compiler, place, keyword, name,
                                                                    child) < 0) return -1;
        } else if (json_is_object(value)) {
            if (index_child(compiler, place, keyword, NULL, value) < 0)
                return -1;
        } else if (json_is_array(value)) {
            json_array_foreach(value, index, child)
            {
                char token[24];
                snprintf(token, sizeof token, "%zu", index);
                if (index_child(compiler, place, keyword, token, child) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

static int index_child(struct schema_compiler *compiler, const struct place *parent,
                       const char *first, const char *second, const json_t *value)
{
    if (!json_is_object(value))
        return 0;
    struct schema_arena *arena = &compiler->schema->arena;
    const char *pointer = schema_pointer_join(arena, parent->pointer, first);
    if (pointer && second)
        pointer = schema_pointer_join(arena, pointer, second);
    if (!pointer)
        return schema_compile_error(compiler, parent->pointer, "the schema is too large");
    struct place child = {value, parent->resource, pointer, parent->depth + 1};
    return index_place(compiler, child);
}

static struct schema_resource *add_resource(struct schema_compiler *compiler, const char *uri,
                                            const struct place *place, enum schema_dialect dialect)
{
    struct schema_resource *resource =
        schema_arena_take(&compiler->schema->arena, sizeof *resource);
    if (!resource)
        return NULL;
    *resource = (struct schema_resource){.uri = uri,
                                         .root = place->value,
                                         .pointer = place->pointer,
                                         .dialect = dialect_of(place->value, dialect),
                                         .next = compiler->resources};
    compiler->resources = resource;
    return resource;
}

static int add_anchor(struct schema_compiler *compiler, const struct place *place, const char *name)
{
    struct schema_anchor *anchor = schema_arena_take(&compiler->schema->arena, sizeof *anchor);
    if (!anchor)
        return schema_compile_error(compiler, place->pointer, "the schema is too large");
    *anchor = (struct schema_anchor){.resource = place->resource,
                                     .name = name,
                                     .target = place->value,
                                     .pointer = place->pointer,
                                     .next = compiler->anchors};
    compiler->anchors = anchor;
    return 0;
}

/* MCP: a schema that does not say is 2020-12. Older drafts than 07 are read as 07. */
static enum schema_dialect dialect_of(const json_t *schema, enum schema_dialect inherited)
{
    const char *uri = json_string_value(json_object_get(schema, "$schema"));
    if (!uri)
        return inherited;
    if (strstr(uri, "2020-12"))
        return SCHEMA_DRAFT_2020_12;
    if (strstr(uri, "2019-09"))
        return SCHEMA_DRAFT_2019_09;
    if (strstr(uri, "draft-0"))
        return SCHEMA_DRAFT_07;
    return inherited;
}

static size_t scheme_length(const char *uri)
{
    size_t length =
        strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return length > 0 && uri[length] == ':' ? length + 1 : 0;
}

/* Remove "." and ".." segments of the path that starts at `path`, in place. */
static void remove_dot_segments(char *path)
{
    char *output = path, *input = path;
    while (*input) {
        size_t segment = strcspn(input + (*input == '/'), "/") + (*input == '/');
        const char *name = input + (*input == '/');
        size_t name_length = segment - (size_t)(*input == '/');
        bool last = input[segment] == '\0';
        if (name_length == 1 && name[0] == '.') {
            if (last)
                *output++ = '/';
        } else if (name_length == 2 && name[0] == '.' && name[1] == '.') {
            while (output > path && *--output != '/')
                ;
            if (last)
                *output++ = '/';
        } else {
            memmove(output, input, segment);
            output += segment;
        }
        input += segment;
    }
    *output = '\0';
}

static char *resolve_uri(struct schema_arena *arena, const char *base, const char *reference,
                         size_t length)
{
    char *target = schema_arena_take(arena, strlen(base) + length + 3);
    if (!target)
        return NULL;
    memcpy(target, reference, length);
    size_t scheme = scheme_length(base);
    size_t authority = scheme;
    if (strncmp(base + scheme, "//", 2) == 0)
        authority += 2 + strcspn(base + scheme + 2, "/?#");
    if (scheme_length(target) > 0 || base[0] == '\0')
        return target;
    size_t kept; /* of the base */
    if (strncmp(target, "//", 2) == 0)
        kept = scheme;
    else if (target[0] == '/')
        kept = authority;
    else {
        const char *slash = strrchr(base + authority, '/');
        kept = slash ? (size_t)(slash - base) + 1 : authority;
    }
    memmove(target + kept, target, length + 1);
    memcpy(target, base, kept);
    if (strncmp(base, "urn:", 4) != 0)
        remove_dot_segments(target + (kept < authority ? kept : authority));
    return target;
}

static const struct schema_resource *find_resource(const struct schema_compiler *compiler,
                                                   const char *uri)
{
    for (const struct schema_resource *r = compiler->resources; r; r = r->next)
        if (strcmp(r->uri, uri) == 0)
            return r;
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(char *text)
{
    char *output = text;
    for (const char *input = text; *input; output++) {
        int high = input[0] == '%' ? hex_digit(input[1]) : -1;
        int low = high >= 0 ? hex_digit(input[2]) : -1;
        if (low >= 0 && (high != 0 || low != 0)) {
            *output = (char)(high * 16 + low);
            input += 3;
        } else {
            *output = *input++;
        }
    }
    *output = '\0';
}

static void pointer_unescape(char *token)
{
    char *output = token;
    for (const char *input = token; *input; output++) {
        if (input[0] == '~' && (input[1] == '0' || input[1] == '1')) {
            *output = input[1] == '0' ? '~' : '/';
            input += 2;
        } else {
            *output = *input++;
        }
    }
    *output = '\0';
}

static const json_t *array_item(const json_t *array, const char *token)
{
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    if (*token < '0' || *token > '9' || *end || (token[0] == '0' && token[1]))
        return NULL;
    return json_array_get(array, index);
}

/* Follow a decoded JSON Pointer (RFC 6901) from the resource's root. Passing a subschema with $id
 * enters that resource. */
static struct schema_node *resolve_pointer(struct schema_compiler *compiler,
                                           const struct schema_resource *resource, char *tokens)
{
    struct schema_arena *arena = &compiler->schema->arena;
    const json_t *value = resource->root;
    const char *pointer = resource->pointer;
    for (char *token = tokens + 1, *next; token && value; token = next) {
        next = strchr(token, '/');
        if (next)
            *next++ = '\0';
        pointer_unescape(token);
        value = json_is_array(value) ? array_item(value, token) : json_object_get(value, token);
        pointer = schema_pointer_join(arena, pointer, token);
        const struct schema_resource *entered = value ? schema_resource_of(compiler, value) : NULL;
        if (entered)
            resource = entered;
        if (!pointer)
            return NULL;
    }
    return value ? schema_node_for(compiler, value, resource, pointer) : NULL;
}

static struct schema_node *resolve_fragment(struct schema_compiler *compiler,
                                            const struct schema_resource *resource,
                                            const char *fragment, const char *reference,
                                            const char *pointer)
{
    if (*fragment == '\0')
        return schema_node_for(compiler, resource->root, resource, resource->pointer);
    char *decoded = schema_arena_copy(&compiler->schema->arena, fragment, strlen(fragment));
    if (!decoded) {
        schema_compile_error(compiler, pointer, "the schema is too large");
        return NULL;
    }
    percent_decode(decoded);
    struct schema_node *node = NULL;
    if (*decoded == '/') {
        node = resolve_pointer(compiler, resource, decoded);
    } else {
        for (const struct schema_anchor *a = compiler->anchors; a && !node; a = a->next)
            if (a->resource == resource && strcmp(a->name, decoded) == 0)
                node = schema_node_for(compiler, a->target, resource, a->pointer);
    }
    if (!node && compiler->error->code == ERROR_NONE)
        schema_compile_error(compiler, pointer, "$ref \"%.200s\" names nothing in this document",
                             reference);
    return node;
}
