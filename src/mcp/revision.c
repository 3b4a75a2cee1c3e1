/* See revision.h. */
#include "mcp/revision.h"

#include <string.h>

static const struct mcp_revision revisions[] = {
    {.name = MCP_LATEST_MODERN,
     .era = MCP_ERA_MODERN,
     .version_header = true,
     .streamable_http = true,
     .structured_content = true},
    {.name = MCP_LATEST_LEGACY,
     .era = MCP_ERA_LEGACY,
     .version_header = true,
     .streamable_http = true,
     .priming_events = true,
     .structured_content = true},
    {.name = "2025-06-18",
     .era = MCP_ERA_LEGACY,
     .version_header = true,
     .streamable_http = true,
     .structured_content = true},
    {.name = "2025-03-26", .era = MCP_ERA_LEGACY, .batches = true, .streamable_http = true},
    {.name = "2024-11-05", .era = MCP_ERA_LEGACY},
    {.name = NULL},
};

const struct mcp_revision *mcp_revisions(void)
{
    return revisions;
}

const struct mcp_revision *mcp_revision_find(const char *name)
{
    for (const struct mcp_revision *revision = revisions; revision->name; revision++)
        if (strcmp(revision->name, name) == 0)
            return revision;
    return NULL;
}
