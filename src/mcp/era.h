/* Telling a modern server from a legacy one by how it answers a modern probe (server/discover), as
 * the 2026-07-28 pages on versioning, Streamable HTTP and stdio say. Pure decisions, no
 * input/output. */
#ifndef CICADA_MCP_ERA_H
#define CICADA_MCP_ERA_H

#include "mcp/jsonrpc.h"
#include "mcp/revision.h"

enum era_verdict {
    ERA_IS_MODERN, /* a DiscoverResult: go on with a version both know. Or a modern error other
                      than the next (message->kind tells): correct the request, no fallback */
    ERA_IS_MODERN_OTHER, /* -32022: modern, other versions: see supported */
    ERA_IS_LEGACY,       /* fall back to initialize */
    ERA_MAYBE_SSE, /* 400, 404 or 405 without a modern error: initialize, and if that fails the same
                      way, GET for HTTP+SSE */
    ERA_SAYS_NOTHING /* 401, 403, 429, 5xx: an error to report, not a sign of an era */
};

/* status: HTTP status, or 0 on stdio. message: the scanned body, or NULL when there was none or it
 * was no JSON-RPC. */
enum era_verdict era_judge_probe(int status, const struct jsonrpc_message *message);
/* -32020, -32021, -32022; with status 404 also -32601 */
bool era_is_modern_error(int status, int64_t code);

#endif
