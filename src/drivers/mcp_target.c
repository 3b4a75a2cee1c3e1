/* See mcp_target.h: the state the MCP drivers share. */
#include "drivers/mcp_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mcp_target_init(struct mcp_target *mcp, const struct target_options *options,
                    const char *transport, bool http, struct error *error)
{
    *mcp = (struct mcp_target){.transport = transport, .http = http};
    if (!options->protocol || strcmp(options->protocol, "auto") == 0)
        return 0;
    mcp->forced = mcp_revision_find(options->protocol);
    if (mcp->forced)
        return 0;
    char known[200] = "auto";
    size_t used = strlen(known);
    for (const struct mcp_revision *revision = mcp_revisions(); revision->name; revision++)
        used += (size_t)snprintf(known + used, sizeof known - used, ", %s", revision->name);
    return error_set(error, ERROR_USAGE, "%s: protocol: unknown revision \"%s\"; known are %s",
                     options->where ? options->where : "target", options->protocol, known);
}

void mcp_target_free(struct mcp_target *mcp)
{
    json_decref(mcp->server_info);
    json_decref(mcp->capabilities);
    json_decref(mcp->notes);
    json_decref(mcp->completions);
    json_decref(mcp->suggestions);
    free(mcp->instructions);
    mcp_catalog_free(&mcp->catalog);
    *mcp = (struct mcp_target){0};
}
