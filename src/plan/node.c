#include "plan/node.h"

#include "plan/values.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHOR_LIMIT ((size_t)1000)

struct anchor {
    char *name;
    struct node *node;
};

struct builder {
    struct document *document;
    const char *file;
    const char *text;
    size_t length;
    yaml_parser_t parser;
    yaml_event_t event;
    struct anchor *anchors;
    size_t anchor_count;
    struct error *error;
};

static int next_event(struct builder *builder);
static struct node *build_node(struct builder *builder, unsigned depth);
static int parse_stream(struct builder *builder);

int document_parse(struct document *document, const char *file, const char *text, size_t length,
                   struct error *error)
{
    struct builder builder = {
        .document = document, .file = file, .text = text, .length = length, .error = error};
    *document = (struct document){0};
    if (length > DOCUMENT_SIZE_LIMIT)
        return error_set(error, ERROR_USAGE,
                         "%s:1: the plan is longer than %zu bytes; keep bulk data in a data: file",
                         file, DOCUMENT_SIZE_LIMIT);
    if (!yaml_parser_initialize(&builder.parser))
        return error_out_of_memory(error);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
    int failed = parse_stream(&builder);
    yaml_event_delete(&builder.event);
    yaml_parser_delete(&builder.parser);
    for (size_t i = 0; i < builder.anchor_count; i++)
        free(builder.anchors[i].name);
    free(builder.anchors);
    if (failed < 0)
        document_free(document);
    return failed;
}

void document_free(struct document *document)
{
    for (size_t i = 0; i < document->node_count; i++) {
        struct node *node = document->nodes[i];
        free(node->text);
        free(node->keys);
        free(node->items);
        free(node);
    }
    free(document->nodes);
    *document = (struct document){0};
}

const struct node *node_get(const struct node *map, const char *key)
{
    for (size_t i = 0; map->kind == NODE_MAP && i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

bool node_is_null(const struct node *node)
{
    return node->kind == NODE_SCALAR && node->plain &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}

/* ---- building ----------------------------------------------------------------------------------
 */

static int build_error(struct builder *builder, const char *what)
{
    return error_set(builder->error, ERROR_USAGE, "%s:%zu: %s", builder->file,
                     builder->event.start_mark.line + 1, what);
}

/* The reader of libyaml gives an offset where the scanner gives a line. */
static size_t problem_line(const struct builder *builder)
{
    size_t line = builder->parser.problem_mark.line + 1;
    if (builder->parser.error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < builder->parser.problem_offset && i < builder->length; i++)
            line += builder->text[i] == '\n';
    }
    return line;
}

static int next_event(struct builder *builder)
{
    yaml_event_delete(&builder->event);
    if (yaml_parser_parse(&builder->parser, &builder->event))
        return 0;
    memset(&builder->event, 0, sizeof builder->event);
    if (builder->parser.error == YAML_MEMORY_ERROR)
        return error_out_of_memory(builder->error);
    const char *problem = builder->parser.problem;
    return error_set(builder->error, ERROR_USAGE,
                     "%s:%zu: not YAML: %s; check indentation, quotes and brackets there",
                     builder->file, problem_line(builder), problem ? problem : "unknown problem");
}

static struct node *new_node(struct builder *builder, enum node_kind kind)
{
    struct document *document = builder->document;
    if (document->node_count >= DOCUMENT_NODE_LIMIT) {
        build_error(builder, "the plan holds too many values; keep bulk data in a data: file");
        return NULL;
    }
    struct node *node = calloc(1, sizeof *node);
    struct node **slot =
        node ? array_add(&document->nodes, &document->node_count, sizeof *slot) : NULL;
    if (!slot) {
        free(node);
        error_out_of_memory(builder->error);
        return NULL;
    }
    *slot = node;
    node->kind = kind;
    node->line = (unsigned)builder->event.start_mark.line + 1;
    node->weight = node->height = 1;
    return node;
}

static int add_anchor(struct builder *builder, const char *name, struct node *node)
{
    if (!name)
        return 0;
    if (builder->anchor_count >= ANCHOR_LIMIT)
        return build_error(builder, "too many anchors; write the values out");
    struct anchor *anchor = array_add(&builder->anchors, &builder->anchor_count, sizeof *anchor);
    if (!anchor)
        return error_out_of_memory(builder->error);
    anchor->node = node;
    anchor->name = strdup(name);
    return anchor->name ? 0 : error_out_of_memory(builder->error);
}

static struct node *build_alias(struct builder *builder, unsigned depth)
{
    const char *name = (const char *)builder->event.data.alias.anchor;
    for (size_t i = builder->anchor_count; i-- > 0;) { /* the latest of that name counts */
        struct node *node = builder->anchors[i].node;
        if (strcmp(builder->anchors[i].name, name) != 0)
            continue;
        if (depth + node->height > DOCUMENT_DEPTH_LIMIT) {
            build_error(builder, "nested too deeply; a plan needs few levels");
            return NULL;
        }
        return node;
    }
    build_error(builder, "an alias (*) of an anchor (&) that is not complete before it; define the "
                         "anchor first");
    return NULL;
}

static struct node *build_scalar(struct builder *builder)
{
    const char *text = (const char *)builder->event.data.scalar.value;
    size_t length = builder->event.data.scalar.length;
    const char *tag = (const char *)builder->event.data.scalar.tag;
    bool is_string = tag && (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0);
    if (tag && !is_string) {
        build_error(builder, "a tag (!) other than !!str; write the value without it");
        return NULL;
    }
    if (strlen(text) != length) {
        build_error(builder, "a NUL byte in a text; leave it out");
        return NULL;
    }
    struct node *node = new_node(builder, NODE_SCALAR);
    if (!node)
        return NULL;
    node->plain = !is_string && builder->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = strdup(text);
    if (!node->text || add_anchor(builder, (char *)builder->event.data.scalar.anchor, node) < 0)
        return NULL;
    return node;
}

static int add_child(struct builder *builder, struct node *parent, struct node *child)
{
    struct node **slot = array_add(&parent->items, &parent->count, sizeof *slot);
    if (!slot)
        return error_out_of_memory(builder->error);
    *slot = child;
    parent->weight += child->weight;
    if (child->height >= parent->height)
        parent->height = child->height + 1;
    if (parent->weight > DOCUMENT_NODE_LIMIT)
        return build_error(builder, "aliases make the plan too large; write out what is needed");
    return 0;
}

static int add_key(struct builder *builder, struct node *map)
{
    if (builder->event.type != YAML_SCALAR_EVENT)
        return build_error(builder, "a key that is no plain text; write name: value");
    struct node *key = build_scalar(builder);
    if (!key)
        return -1;
    if (strcmp(key->text, "<<") == 0 && key->plain)
        return build_error(builder, "<<: merge keys are not supported; write the keys out");
    for (size_t i = 0; i < map->key_count; i++)
        if (strcmp(map->keys[i]->text, key->text) == 0)
            return error_set(builder->error, ERROR_USAGE,
                             "%s:%u: %s: stands here twice, first on line %u; leave one out",
                             builder->file, key->line, key->text, map->keys[i]->line);
    struct node **slot = array_add(&map->keys, &map->key_count, sizeof *slot);
    if (!slot)
        return error_out_of_memory(builder->error);
    *slot = key;
    return next_event(builder);
}

/* The current event begins a list or map; ends with the event that ends it. */
static struct node *build_collection(struct builder *builder, unsigned depth)
{
    bool is_map = builder->event.type == YAML_MAPPING_START_EVENT;
    yaml_char_t *anchor = is_map ? builder->event.data.mapping_start.anchor
                                 : builder->event.data.sequence_start.anchor;
    yaml_char_t *tag =
        is_map ? builder->event.data.mapping_start.tag : builder->event.data.sequence_start.tag;
    if (tag) {
        build_error(builder, "a tag (!) before a list or mapping; write it without");
        return NULL;
    }
    char *name = anchor ? strdup((char *)anchor) : NULL; /* the event is gone at the end */
    struct node *node = anchor && !name ? NULL : new_node(builder, is_map ? NODE_MAP : NODE_LIST);
    int failed = node ? next_event(builder) : -1;
    yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    while (failed == 0 && builder->event.type != end) {
        struct node *child = NULL;
        if (!is_map || add_key(builder, node) == 0)
            child = build_node(builder, depth + 1);
        failed = child && add_child(builder, node, child) == 0 ? next_event(builder) : -1;
    }
    if (failed == 0)
        failed = add_anchor(builder, name, node);
    free(name);
    return failed < 0 ? NULL : node;
}

static struct node *build_node(struct builder *builder, unsigned depth)
{
    if (depth > DOCUMENT_DEPTH_LIMIT) {
        build_error(builder, "nested too deeply; a plan needs few levels");
        return NULL;
    }
    switch (builder->event.type) {
    case YAML_ALIAS_EVENT:
        return build_alias(builder, depth);
    case YAML_SCALAR_EVENT:
        return build_scalar(builder);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return build_collection(builder, depth);
    default:
        build_error(builder, "not YAML: a value is missing; check indentation and brackets there");
        return NULL;
    }
}

static int parse_stream(struct builder *builder)
{
    if (next_event(builder) < 0 || next_event(builder) < 0) /* stream start, document start */
        return -1;
    if (builder->event.type == YAML_STREAM_END_EVENT)
        return 0;
    if (next_event(builder) < 0)
        return -1;
    builder->document->root = build_node(builder, 1);
    if (!builder->document->root)
        return -1;
    if (next_event(builder) < 0 || next_event(builder) < 0) /* document end, stream end */
        return -1;
    if (builder->event.type != YAML_STREAM_END_EVENT)
        return build_error(builder, "a second document (---); a plan is one");
    return 0;
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

/* The core schema's int and float without its octal, hexadecimal, .inf and .nan forms, which JSON
 * has not. */
static json_t *number_to_json(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    size_t whole = strspn(p, "0123456789"), fraction = 0;
    const char *rest = p + whole;
    if (*rest == '.') {
        fraction = strspn(rest + 1, "0123456789");
        rest += 1 + fraction;
    }
    if (whole + fraction == 0)
        return NULL;
    if (*rest == 'e' || *rest == 'E') {
        rest++;
        rest += *rest == '-' || *rest == '+';
        size_t digits = strspn(rest, "0123456789");
        if (digits == 0)
            return NULL;
        rest += digits;
    }
    if (*rest)
        return NULL;
    errno = 0;
    if (whole == strlen(p)) {
        long long integer = strtoll(text, NULL, 10);
        if (errno == 0)
            return json_integer(integer);
    }
    double real = strtod(text, NULL);
    return isfinite(real) ? json_real(real) : NULL;
}

static json_t *scalar_to_json(const struct node *node)
{
    const char *text = node->text;
    if (!node->plain)
        return json_string(text);
    if (node_is_null(node))
        return json_null();
    if (strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "TRUE") == 0)
        return json_true();
    if (strcmp(text, "false") == 0 || strcmp(text, "False") == 0 || strcmp(text, "FALSE") == 0)
        return json_false();
    json_t *number = number_to_json(text);
    return number ? number : json_string(text);
}

json_t *node_to_json(const struct node *node)
{
    if (node->kind == NODE_SCALAR)
        return scalar_to_json(node);
    json_t *json = node->kind == NODE_MAP ? json_object() : json_array();
    for (size_t i = 0; json && i < node->count; i++) {
        json_t *item = node_to_json(node->items[i]);
        int failed = node->kind == NODE_MAP ? json_object_set_new(json, node->keys[i]->text, item)
                                            : json_array_append_new(json, item);
        if (failed < 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}
