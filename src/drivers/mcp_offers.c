/* See mcp_offers.h. */
#include "drivers/mcp_offers.h"
#include "mcp/uri_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned hints_of(const struct mcp_tool *tool)
{
    unsigned hints = 0;
    if (tool->read_only)
        hints |= OFFER_READ_ONLY;
    else if (!tool->destructive_said)
        hints |= OFFER_DESTRUCTIVE_UNSAID;
    else if (tool->destructive)
        hints |= OFFER_DESTRUCTIVE;
    if (tool->idempotent)
        hints |= OFFER_IDEMPOTENT;
    if (tool->open_world)
        hints |= OFFER_OPEN_WORLD;
    return hints;
}

static int offer(struct target *target, const char *kind, const char *name, const char *description,
                 unsigned hints, void *driver_data)
{
    return target_add_offer(target, kind, name, description, hints, driver_data) ? 0 : -1;
}

static int offer_catalog(struct target *target, struct mcp_target *mcp)
{
    struct mcp_catalog *catalog = &mcp->catalog;
    int failed = 0;
    size_t index;
    json_t *entry;
    for (size_t i = 0; i < catalog->tool_count && !failed; i++) {
        struct mcp_tool *tool = &catalog->tools[i];
        failed = offer(target, OFFER_TOOL, tool->name, tool->description, hints_of(tool), tool);
    }
    for (size_t i = 0; i < catalog->resource_count && !failed; i++)
        failed = offer(target, OFFER_RESOURCE, catalog->resources[i].uri,
                       catalog->resources[i].name, OFFER_READ_ONLY, NULL);
    json_array_foreach(catalog->resource_templates, index, entry)
    {
        if (!failed)
            failed = offer(target, OFFER_RESOURCE_TEMPLATE,
                           json_string_value(json_object_get(entry, "uriTemplate")),
                           json_string_value(json_object_get(entry, "description")),
                           OFFER_READ_ONLY, entry);
    }
    for (size_t i = 0; i < catalog->prompt_count && !failed; i++)
        failed = offer(target, OFFER_PROMPT, catalog->prompts[i].name,
                       catalog->prompts[i].description, OFFER_READ_ONLY, &catalog->prompts[i]);
    for (size_t i = 0; i < catalog->excluded_count && !failed; i++)
        failed =
            target_add_excluded(target, catalog->excluded[i].name, catalog->excluded[i].reason);
    return failed;
}

/* ---- completion --------------------------------------------------------------------------------
 */

/* "code_review.language": what is completed, and which argument of it. */
static int offer_completion(struct target *target, struct mcp_target *mcp, const char *owner,
                            json_t *reference, const char *argument)
{
    char name[512];
    json_t *entry = json_pack("{s:O, s:s}", "ref", reference, "argument", argument);
    snprintf(name, sizeof name, "%s.%s", owner, argument);
    if (!entry || json_array_append_new(mcp->completions, entry) < 0)
        return -1;
    return offer(target, OFFER_COMPLETE, name, NULL, OFFER_READ_ONLY, entry);
}

static int offer_prompt_completions(struct target *target, struct mcp_target *mcp,
                                    const struct mcp_prompt *prompt)
{
    json_t *reference = json_pack("{s:s, s:s}", "type", "ref/prompt", "name", prompt->name);
    size_t index;
    json_t *argument;
    int failed = !reference;
    json_array_foreach(prompt->arguments, index, argument)
    {
        const char *name = json_string_value(json_object_get(argument, "name"));
        if (!failed && name)
            failed = offer_completion(target, mcp, prompt->name, reference, name);
    }
    json_decref(reference);
    return failed;
}

static int offer_template_completions(struct target *target, struct mcp_target *mcp,
                                      const json_t *entry)
{
    const char *uri = json_string_value(json_object_get(entry, "uriTemplate"));
    json_t *reference = json_pack("{s:s, s:s}", "type", "ref/resource", "uri", uri);
    json_t *names = uri_template_variables(uri), *name;
    size_t index;
    int failed = !reference || !names;
    json_array_foreach(names, index, name)
    {
        if (!failed)
            failed = offer_completion(target, mcp, uri, reference, json_string_value(name));
    }
    json_decref(names);
    json_decref(reference);
    return failed;
}

static int offer_completions(struct target *target, struct mcp_target *mcp)
{
    size_t index;
    json_t *entry;
    int failed = 0;
    if (!json_object_get(mcp->capabilities, "completions"))
        return 0;
    mcp->completions = json_array();
    for (size_t i = 0; i < mcp->catalog.prompt_count && !failed; i++)
        failed = offer_prompt_completions(target, mcp, &mcp->catalog.prompts[i]);
    json_array_foreach(mcp->catalog.resource_templates, index, entry)
    {
        if (!failed)
            failed = offer_template_completions(target, mcp, entry);
    }
    return failed;
}

/* ---- what belongs to no entry ------------------------------------------------------------------
 */

static int offer_plain(struct target *target, const struct mcp_target *mcp)
{
    static const struct {
        const char *kind, *capability;
    } lists[] = {{"tools/list", "tools"},
                 {"resources/list", "resources"},
                 {"resources/templates/list", "resources"},
                 {"prompts/list", "prompts"}};
    bool modern = mcp->revision->era == MCP_ERA_MODERN;
    const char *alive = modern ? OFFER_DISCOVER : OFFER_PING;
    int failed = offer(target, alive, alive, NULL, OFFER_READ_ONLY, NULL);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && !failed; i++)
        if (json_object_get(mcp->capabilities, lists[i].capability))
            failed = offer(target, lists[i].kind, lists[i].kind, NULL, OFFER_READ_ONLY, NULL);
    if (!failed && !modern && mcp->http && strcmp(mcp->transport, "HTTP+SSE") != 0)
        failed = offer(target, OFFER_SESSION_CHURN, OFFER_SESSION_CHURN,
                       "opens a session and closes it", 0, NULL);
    if (!failed && mcp->http)
        failed = offer(target, OFFER_CONNECTION_CHURN, OFFER_CONNECTION_CHURN,
                       "one request on a connection of its own", 0, NULL);
    return failed;
}

/* ---- description and facts ---------------------------------------------------------------------
 */

static json_t *counts_of(const struct mcp_catalog *catalog)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "tools", (json_int_t)catalog->tool_count, "resources",
                     (json_int_t)catalog->resource_count, "resource_templates",
                     (json_int_t)json_array_size(catalog->resource_templates), "prompts",
                     (json_int_t)catalog->prompt_count);
}

static int describe(struct target *target, const struct mcp_target *mcp)
{
    const char *name = json_string_value(json_object_get(mcp->server_info, "name"));
    const char *version = json_string_value(json_object_get(mcp->server_info, "version"));
    if (asprintf(&target->description, "%s%s%s, MCP %s, %s", name ? name : "unnamed server",
                 version ? " " : "", version ? version : "", mcp->revision->name,
                 mcp->transport) < 0)
        target->description = NULL;
    target->facts = json_pack("{s:s, s:s, s:s, s:o}", "protocol", mcp->revision->name, "era",
                              mcp->revision->era == MCP_ERA_MODERN ? "modern" : "legacy",
                              "transport", mcp->transport, "counts", counts_of(&mcp->catalog));
    if (!target->description || !target->facts)
        return -1;
    if (mcp->server_info)
        json_object_set(target->facts, "server", mcp->server_info);
    if (mcp->capabilities)
        json_object_set(target->facts, "capabilities", mcp->capabilities);
    if (mcp->notes)
        json_object_set(target->facts, "notes", mcp->notes);
    return 0;
}

int mcp_offers_make(struct target *target, struct mcp_target *mcp, struct error *error)
{
    const struct mcp_catalog *catalog = &mcp->catalog;
    if (offer_catalog(target, mcp) || offer_completions(target, mcp) || offer_plain(target, mcp) ||
        describe(target, mcp))
        return error_set(error, ERROR_INTERNAL, "out of memory while reading the catalog");
    target_trace(target, "tools", true, "%zu tools, %zu excluded, %zu resources, %zu prompts",
                 catalog->tool_count, catalog->excluded_count, catalog->resource_count,
                 catalog->prompt_count);
    return 0;
}
