/* See catalog.h. One malformed tool must not cost the others: it is set aside with its reason. Only
 * a page that is no page at all is an error. */
#include "mcp/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any real server lists; a server that lists without end must not eat the machine. */
enum { MOST_ENTRIES = 20000 };

/* ---- growing -----------------------------------------------------------------------------------
 */

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory while reading the catalog");
}

/* Room for one more in an array of `count`; grows by doubling at powers of two. */
static void *grow(void *array, size_t count, size_t size)
{
    if (count & (count - 1) || (count == 0 && array))
        return array;
    return realloc(array, (count ? count * 2 : 1) * size);
}

static char *copy_text(const json_t *value)
{
    const char *text = json_string_value(value);
    return text ? strdup(text) : NULL;
}

static int exclude(struct mcp_catalog *catalog, const char *name, const char *reason,
                   struct error *error)
{
    struct mcp_catalog_problem *grown =
        grow(catalog->excluded, catalog->excluded_count, sizeof *grown);
    if (!grown)
        return out_of_memory(error);
    catalog->excluded = grown;
    struct mcp_catalog_problem *problem = &grown[catalog->excluded_count++];
    *problem = (struct mcp_catalog_problem){strdup(name), strdup(reason)};
    return problem->name && problem->reason ? 0 : out_of_memory(error);
}

/* ---- tools -------------------------------------------------------------------------------------
 */

static void free_tool(struct mcp_tool *tool)
{
    free(tool->name);
    free(tool->title);
    free(tool->description);
    json_decref(tool->input_schema);
    json_decref(tool->output_schema);
    schema_free(tool->input);
    schema_free(tool->output);
    mcp_param_headers_free(tool->param_headers, tool->param_header_count);
}

static bool has_tool(const struct mcp_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->tool_count; i++)
        if (strcmp(catalog->tools[i].name, name) == 0)
            return true;
    return false;
}

/* Arguments are an object whatever the schema forgets to say. */
static struct schema *compile_input(const json_t *schema, struct error *reason)
{
    const json_t *type = json_object_get(schema, "type");
    if (type) {
        const char *name = json_string_value(type);
        if (!name || strcmp(name, "object") != 0) {
            error_set(reason, ERROR_TARGET, "its type is not \"object\"");
            return NULL;
        }
        return schema_compile(schema, reason);
    }
    json_t *typed = json_copy((json_t *)schema);
    json_object_set_new(typed, "type", json_string("object"));
    struct schema *compiled = schema_compile(typed, reason);
    json_decref(typed);
    return compiled;
}

/* The schemas of a tool; -1 with the reason to exclude it. */
static int read_schemas(struct mcp_tool *tool, const json_t *entry, struct error *reason)
{
    json_t *input = json_object_get(entry, "inputSchema");
    json_t *output = json_object_get(entry, "outputSchema");
    if (!json_is_object(input))
        return error_set(reason, ERROR_TARGET, "inputSchema is missing or no object");
    tool->input_schema = json_incref(input);
    tool->input = compile_input(input, reason);
    if (!tool->input)
        return error_wrap(reason, "inputSchema");
    if (!output)
        return 0;
    tool->output_schema = json_incref(output);
    tool->output = schema_compile(output, reason);
    return tool->output ? 0 : error_wrap(reason, "outputSchema");
}

static void read_annotations(struct mcp_tool *tool, const json_t *annotations)
{
    json_t *destructive = json_object_get(annotations, "destructiveHint");
    tool->annotated = json_is_object(annotations);
    tool->read_only = json_is_true(json_object_get(annotations, "readOnlyHint"));
    tool->idempotent = json_is_true(json_object_get(annotations, "idempotentHint"));
    tool->open_world = json_is_true(json_object_get(annotations, "openWorldHint"));
    tool->destructive_said = json_is_boolean(destructive);
    tool->destructive = json_is_true(destructive);
}

/* 2025-11-25: such a tool answers only as a task, a thing that no capability of ours offers. */
static bool requires_task(const json_t *entry)
{
    const char *support =
        json_string_value(json_object_get(json_object_get(entry, "execution"), "taskSupport"));
    return support && strcmp(support, "required") == 0;
}

static int read_tool(struct mcp_tool *tool, const struct mcp_catalog *catalog, const json_t *entry,
                     bool http_modern, struct error *reason)
{
    const json_t *name = json_object_get(entry, "name");
    if (has_tool(catalog, json_string_value(name)))
        return error_set(reason, ERROR_TARGET, "listed twice; the first one is used");
    if (requires_task(entry))
        return error_set(reason, ERROR_TARGET,
                         "it can only be called as a task (execution.taskSupport is \"required\")");
    if (read_schemas(tool, entry, reason) < 0)
        return -1;
    if (http_modern && mcp_param_headers_collect(tool->input_schema, &tool->param_headers,
                                                 &tool->param_header_count, reason) < 0)
        return -1;
    tool->name = copy_text(name);
    tool->title = copy_text(json_object_get(entry, "title"));
    tool->description = copy_text(json_object_get(entry, "description"));
    read_annotations(tool, json_object_get(entry, "annotations"));
    return tool->name ? 0 : out_of_memory(reason);
}

static int add_tool(struct mcp_catalog *catalog, const json_t *entry, size_t index,
                    bool http_modern, struct error *error)
{
    struct mcp_tool tool = {0};
    struct error reason = {0};
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (!name || !*name) {
        char place[40];
        snprintf(place, sizeof place, "tools[%zu]", index);
        return exclude(catalog, place, "it has no name", error);
    }
    if (read_tool(&tool, catalog, entry, http_modern, &reason) < 0) {
        free_tool(&tool);
        return reason.code == ERROR_INTERNAL ? out_of_memory(error)
                                             : exclude(catalog, name, reason.text, error);
    }
    struct mcp_tool *grown = grow(catalog->tools, catalog->tool_count, sizeof *grown);
    if (!grown) {
        free_tool(&tool);
        return out_of_memory(error);
    }
    catalog->tools = grown;
    grown[catalog->tool_count++] = tool;
    return 0;
}

/* ---- resources and prompts ---------------------------------------------------------------------
 */

static int add_resource(struct mcp_catalog *catalog, const json_t *entry, struct error *error)
{
    const char *uri = json_string_value(json_object_get(entry, "uri"));
    if (!uri || !*uri)
        return exclude(catalog, "resource", "it has no uri", error);
    for (size_t i = 0; i < catalog->resource_count; i++)
        if (strcmp(catalog->resources[i].uri, uri) == 0)
            return 0;
    struct mcp_resource *grown = grow(catalog->resources, catalog->resource_count, sizeof *grown);
    if (!grown)
        return out_of_memory(error);
    catalog->resources = grown;
    struct mcp_resource *resource = &grown[catalog->resource_count++];
    *resource = (struct mcp_resource){strdup(uri), copy_text(json_object_get(entry, "name"))};
    return resource->uri ? 0 : out_of_memory(error);
}

static int add_template(struct mcp_catalog *catalog, json_t *entry, struct error *error)
{
    const char *uri = json_string_value(json_object_get(entry, "uriTemplate"));
    if (!uri || !*uri)
        return exclude(catalog, "resource template", "it has no uriTemplate", error);
    if (!catalog->resource_templates)
        catalog->resource_templates = json_array();
    return json_array_append(catalog->resource_templates, entry) == 0 ? 0 : out_of_memory(error);
}

static int add_prompt(struct mcp_catalog *catalog, const json_t *entry, struct error *error)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    json_t *arguments = json_object_get(entry, "arguments");
    if (!name || !*name)
        return exclude(catalog, "prompt", "it has no name", error);
    for (size_t i = 0; i < catalog->prompt_count; i++)
        if (strcmp(catalog->prompts[i].name, name) == 0)
            return 0;
    struct mcp_prompt *grown = grow(catalog->prompts, catalog->prompt_count, sizeof *grown);
    if (!grown)
        return out_of_memory(error);
    catalog->prompts = grown;
    struct mcp_prompt *prompt = &grown[catalog->prompt_count++];
    *prompt =
        (struct mcp_prompt){.name = strdup(name),
                            .description = copy_text(json_object_get(entry, "description")),
                            .arguments = json_is_array(arguments) ? json_incref(arguments) : NULL};
    return prompt->name ? 0 : out_of_memory(error);
}

/* ---- pages -------------------------------------------------------------------------------------
 */

static const char *const members[] = {
    [MCP_LIST_TOOLS] = "tools",
    [MCP_LIST_RESOURCES] = "resources",
    [MCP_LIST_TEMPLATES] = "resourceTemplates",
    [MCP_LIST_PROMPTS] = "prompts",
};

static size_t count_entries(const struct mcp_catalog *catalog, enum mcp_catalog_list list)
{
    switch (list) {
    case MCP_LIST_TOOLS:
        return catalog->tool_count + catalog->excluded_count;
    case MCP_LIST_RESOURCES:
        return catalog->resource_count;
    case MCP_LIST_TEMPLATES:
        return json_array_size(catalog->resource_templates);
    case MCP_LIST_PROMPTS:
        return catalog->prompt_count;
    }
    return 0;
}

int mcp_catalog_add_page(struct mcp_catalog *catalog, enum mcp_catalog_list list,
                         const json_t *result, bool http_modern, struct error *error)
{
    json_t *page = json_object_get(result, members[list]), *entry;
    size_t index;
    int failed = 0;
    if (!json_is_array(page))
        return error_set(error, ERROR_TARGET, "the result has no array \"%s\"", members[list]);
    if (count_entries(catalog, list) + json_array_size(page) > MOST_ENTRIES)
        return error_set(error, ERROR_TARGET, "more than %d %s are listed", MOST_ENTRIES,
                         members[list]);
    json_array_foreach(page, index, entry)
    {
        if (list == MCP_LIST_TOOLS)
            failed = add_tool(catalog, entry, index, http_modern, error);
        else if (list == MCP_LIST_RESOURCES)
            failed = add_resource(catalog, entry, error);
        else if (list == MCP_LIST_TEMPLATES)
            failed = add_template(catalog, entry, error);
        else
            failed = add_prompt(catalog, entry, error);
        if (failed)
            return -1;
    }
    return 0;
}

void mcp_catalog_free(struct mcp_catalog *catalog)
{
    for (size_t i = 0; i < catalog->tool_count; i++)
        free_tool(&catalog->tools[i]);
    for (size_t i = 0; i < catalog->resource_count; i++) {
        free(catalog->resources[i].uri);
        free(catalog->resources[i].name);
    }
    for (size_t i = 0; i < catalog->prompt_count; i++) {
        free(catalog->prompts[i].name);
        free(catalog->prompts[i].description);
        json_decref(catalog->prompts[i].arguments);
    }
    for (size_t i = 0; i < catalog->excluded_count; i++) {
        free(catalog->excluded[i].name);
        free(catalog->excluded[i].reason);
    }
    free(catalog->tools);
    free(catalog->resources);
    free(catalog->prompts);
    free(catalog->excluded);
    json_decref(catalog->resource_templates);
    *catalog = (struct mcp_catalog){0};
}
