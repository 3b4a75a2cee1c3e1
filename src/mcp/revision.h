/* The revisions of MCP and what differs between them, as a table. */
#ifndef CICADA_MCP_REVISION_H
#define CICADA_MCP_REVISION_H

#include <stdbool.h>
#include <stddef.h>

enum mcp_era { MCP_ERA_UNKNOWN, MCP_ERA_LEGACY, MCP_ERA_MODERN };

struct mcp_revision {
    const char *name; /* "2025-11-25" */
    enum mcp_era era;
    bool version_header; /* MCP-Protocol-Version on every request after initialize: 2025-06-18 on */
    bool batches;        /* 2025-03-26 only */
    bool streamable_http; /* 2025-03-26 on; before that HTTP+SSE */
    bool priming_events;  /* 2025-11-25: empty first event with an id, `retry`, resumption by GET */
    bool structured_content; /* 2025-06-18 on */
};

#define MCP_LATEST_MODERN "2026-07-28"
#define MCP_LATEST_LEGACY "2025-11-25"

const struct mcp_revision *mcp_revision_find(const char *name); /* NULL when unknown */
/* The table, newest first, ended by an entry whose name is NULL. */
const struct mcp_revision *mcp_revisions(void);

#endif
