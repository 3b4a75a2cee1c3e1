/* What a server offers, gathered page by page from tools/list, resources/list,
 * resources/templates/list and prompts/list. */
#ifndef CICADA_MCP_CATALOG_H
#define CICADA_MCP_CATALOG_H

#include "base/error.h"
#include "mcp/request.h"
#include "mcp/schema.h"

#include <jansson.h>
#include <stdbool.h>

struct mcp_tool {
    char *name, *title, *description;
    json_t *input_schema;  /* owned; never NULL */
    struct schema *input;  /* compiled */
    struct schema *output; /* of outputSchema; NULL if none */
    json_t *output_schema;
    bool read_only, destructive_said, destructive, idempotent, open_world, annotated;
    struct mcp_param_header *param_headers;
    size_t param_header_count;
};
struct mcp_resource {
    char *uri, *name;
};
struct mcp_prompt {
    char *name, *description;
    json_t *arguments; /* array as listed, owned; NULL if none */
};
struct mcp_catalog_problem {
    char *name, *reason;
};
struct mcp_catalog {
    struct mcp_tool *tools;
    size_t tool_count;
    struct mcp_resource *resources;
    size_t resource_count;
    json_t *resource_templates; /* array, owned */
    struct mcp_prompt *prompts;
    size_t prompt_count;
    struct mcp_catalog_problem *excluded; /* tools that cannot be used, with the reason */
    size_t excluded_count;
};

enum mcp_catalog_list { MCP_LIST_TOOLS, MCP_LIST_RESOURCES, MCP_LIST_TEMPLATES, MCP_LIST_PROMPTS };

/* Add one page: `result` is the result object of that list's answer. http: x-mcp-header annotations
 * count (they may be ignored on stdio). A malformed page is an error; a malformed tool is excluded.
 */
int mcp_catalog_add_page(struct mcp_catalog *catalog, enum mcp_catalog_list list,
                         const json_t *result, bool http_modern, struct error *error);
void mcp_catalog_free(struct mcp_catalog *catalog);

#endif
