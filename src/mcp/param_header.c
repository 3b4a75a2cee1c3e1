/* x-mcp-header annotations (2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters"):
 * collected and checked once per tool, read per argument set. See request.h. */
#include "mcp/request.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANNOTATION    "x-mcp-header"
#define HEADER_PREFIX "Mcp-Param-"
#define SAFE_INTEGER  9007199254740991 /* 2^53 - 1 */

enum { DEEPEST = 64 };

struct collector {
    struct mcp_param_header *headers;
    size_t count;
    const char *path[DEEPEST + 1]; /* property names down to where the walk is */
    struct error *error;
};

static int walk_schema(struct collector *collector, const json_t *schema, unsigned depth,
                       unsigned properties, bool reachable);

int mcp_param_headers_collect(const json_t *input_schema, struct mcp_param_header **headers,
                              size_t *count, struct error *error)
{
    struct collector collector = {.error = error};
    *headers = NULL;
    *count = 0;
    if (walk_schema(&collector, input_schema, 0, 0, true) < 0) {
        mcp_param_headers_free(collector.headers, collector.count);
        return -1;
    }
    *headers = collector.headers;
    *count = collector.count;
    return 0;
}

void mcp_param_headers_free(struct mcp_param_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(headers[i].name);
        for (char **name = headers[i].path; name && *name; name++)
            free(*name);
        free(headers[i].path);
    }
    free(headers);
}

/* ---- one annotation ----------------------------------------------------------------------------
 */

static bool is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
            return false;
    return true;
}

static bool is_allowed_type(const char *type)
{
    return strcmp(type, "string") == 0 || strcmp(type, "integer") == 0 ||
           strcmp(type, "boolean") == 0;
}

static int add_header(struct collector *collector, const char *name, unsigned properties)
{
    struct mcp_param_header *grown =
        realloc(collector->headers, (collector->count + 1) * sizeof *grown);
    if (!grown)
        return error_set(collector->error, ERROR_INTERNAL, "out of memory");
    collector->headers = grown;
    struct mcp_param_header *header = &grown[collector->count++];
    size_t size = strlen(HEADER_PREFIX) + strlen(name) + 1;
    header->name = malloc(size);
    header->path = calloc(properties + 1, sizeof *header->path);
    bool failed = !header->name || !header->path;
    for (unsigned i = 0; !failed && i < properties; i++) {
        header->path[i] = strdup(collector->path[i]);
        failed = !header->path[i];
    }
    if (failed)
        return error_set(collector->error, ERROR_INTERNAL, "out of memory");
    snprintf(header->name, size, HEADER_PREFIX "%s", name);
    return 0;
}

static int check_annotation(struct collector *collector, const json_t *annotation,
                            const json_t *schema, unsigned properties, bool reachable)
{
    const char *where = properties ? collector->path[properties - 1] : "the root";
    const char *name = json_string_value(annotation);
    const char *type = json_string_value(json_object_get(schema, "type"));
    if (!reachable || properties == 0)
        return error_set(
            collector->error, ERROR_TARGET,
            ANNOTATION " under %s: not reachable from the root through properties only", where);
    if (!name || strlen(name) != json_string_length(annotation) || !is_token(name))
        return error_set(collector->error, ERROR_TARGET,
                         ANNOTATION " of %s: not a header name (RFC 9110 token)", where);
    if (!type || !is_allowed_type(type))
        return error_set(collector->error, ERROR_TARGET,
                         ANNOTATION " of %s: type %s; only string, integer and boolean may be "
                                    "mirrored into a header",
                         where, type ? type : "is not named");
    for (size_t i = 0; i < collector->count; i++)
        if (strcasecmp(collector->headers[i].name + strlen(HEADER_PREFIX), name) == 0)
            return error_set(collector->error, ERROR_TARGET,
                             ANNOTATION " \"%s\" is given twice (case does not count)", name);
    return add_header(collector, name, properties);
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

enum keyword_shape { HOLDS_DATA, HOLDS_SCHEMAS_BY_NAME, HOLDS_SCHEMA };

/* What stands under a keyword. Whatever is not known to be data is looked through as a schema, so
 * that an annotation cannot hide in a keyword of a newer draft. */
static enum keyword_shape shape_of(const char *keyword)
{
    static const char *const data[] = {"const",   "enum",        "default", "examples",
                                       "example", "description", "title",   "$comment"};
    static const char *const named[] = {"patternProperties", "$defs", "definitions",
                                        "dependentSchemas", "dependencies"};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        if (strcmp(keyword, data[i]) == 0)
            return HOLDS_DATA;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strcmp(keyword, named[i]) == 0)
            return HOLDS_SCHEMAS_BY_NAME;
    return HOLDS_SCHEMA;
}

static int walk_properties(struct collector *collector, const json_t *map, unsigned depth,
                           unsigned properties, bool reachable)
{
    const char *name;
    json_t *schema;
    json_object_foreach((json_t *)map, name, schema)
    {
        if (properties < DEEPEST)
            collector->path[properties] = name;
        if (walk_schema(collector, schema, depth + 1, properties + 1, reachable) < 0)
            return -1;
    }
    return 0;
}

/* A schema, an array of schemas, or neither: then there is nothing in it. */
static int walk_any(struct collector *collector, const json_t *value, unsigned depth,
                    unsigned properties)
{
    size_t index;
    json_t *element;
    if (json_is_object(value))
        return walk_schema(collector, value, depth + 1, properties, false);
    json_array_foreach((json_t *)value, index, element)
    {
        if (walk_any(collector, element, depth + 1, properties) < 0)
            return -1;
    }
    return 0;
}

static int walk_keyword(struct collector *collector, const char *keyword, const json_t *value,
                        unsigned depth, unsigned properties, bool reachable)
{
    const char *name;
    json_t *schema;
    if (strcmp(keyword, "properties") == 0)
        return walk_properties(collector, value, depth, properties, reachable);
    switch (shape_of(keyword)) {
    case HOLDS_DATA:
        return 0;
    case HOLDS_SCHEMA:
        return walk_any(collector, value, depth, properties);
    case HOLDS_SCHEMAS_BY_NAME:
        json_object_foreach((json_t *)value, name, schema)
        {
            if (walk_any(collector, schema, depth, properties) < 0)
                return -1;
        }
        return 0;
    }
    return 0;
}

static int walk_schema(struct collector *collector, const json_t *schema, unsigned depth,
                       unsigned properties, bool reachable)
{
    const char *keyword;
    json_t *value;
    if (!json_is_object(schema))
        return 0; /* true and false are schemas too */
    if (depth > DEEPEST)
        return error_set(collector->error, ERROR_TARGET, "the schema is nested deeper than %d",
                         DEEPEST);
    const json_t *annotation = json_object_get(schema, ANNOTATION);
    if (annotation && check_annotation(collector, annotation, schema, properties, reachable) < 0)
        return -1;
    json_object_foreach((json_t *)schema, keyword, value)
    {
        if (walk_keyword(collector, keyword, value, depth, properties, reachable) < 0)
            return -1;
    }
    return 0;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static bool is_safe_integer(double value)
{
    return value == trunc(value) && fabs(value) <= (double)SAFE_INTEGER;
}

/* The text of a primitive; false when there is none to be sent. */
static bool value_text(const json_t *value, char number[32], const char **text, size_t *length)
{
    *text = number;
    if (json_is_string(value)) {
        *text = json_string_value(value);
        *length = json_string_length(value);
        return true;
    }
    if (json_is_boolean(value))
        *text = json_is_true(value) ? "true" : "false";
    else if (json_is_integer(value) && json_integer_value(value) >= -SAFE_INTEGER &&
             json_integer_value(value) <= SAFE_INTEGER)
        snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && is_safe_integer(json_real_value(value)))
        snprintf(number, 32, "%.0f", json_real_value(value) + 0.0); /* 42.0 is an integer; no -0 */
    else
        return false;
    *length = strlen(*text);
    return true;
}

char *mcp_param_header_value(const struct mcp_param_header *header, const json_t *arguments)
{
    const json_t *value = arguments;
    for (char **name = header->path; *name; name++)
        value = json_object_get(value, *name);
    char number[32];
    const char *text;
    size_t length;
    if (!value || !value_text(value, number, &text, &length))
        return NULL;
    struct buffer output;
    buffer_init(&output, SIZE_MAX / 2);
    char *encoded =
        mcp_header_value_append(&output, text, length) == 0 ? buffer_take_string(&output) : NULL;
    buffer_free(&output);
    return encoded;
}
