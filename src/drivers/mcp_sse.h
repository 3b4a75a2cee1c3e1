/* MCP over HTTP+SSE, the transport of 2024-11-05: the client GETs an event stream, whose first
 * event names the endpoint to POST messages to; every answer comes on the stream. */
#ifndef CICADA_DRIVERS_MCP_SSE_H
#define CICADA_DRIVERS_MCP_SSE_H

#include "drivers/driver.h"

extern const struct driver mcp_sse_driver;

/* driver->open, which also tells in *served whether the server named an endpoint, that is whether
 * it speaks HTTP+SSE at all. For the Streamable HTTP driver, which falls back to it. */
int mcp_sse_open(struct target *target, bool *served, struct error *error);

#endif
