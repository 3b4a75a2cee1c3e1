/* Connections of a worker that the engine does not count: they carry the answers to a server's own
 * requests, cancellations, GET streams, and what a call still has to send after its own connection
 * was closed under it. They are opened when needed and kept while they are of use. */
#ifndef CICADA_DRIVERS_MCP_HTTP_POOL_H
#define CICADA_DRIVERS_MCP_HTTP_POOL_H

#include "net/http.h"

struct mcp_http_pool_connection;

/* One exchange that wants a connection of the pool; embedded beside the exchange by its owner. */
struct mcp_http_ticket {
    struct http_exchange *exchange;              /* NULL: not in use */
    struct mcp_http_pool_connection *connection; /* NULL while it waits for one */
    struct mcp_http_ticket *next;                /* in the queue */
};

struct mcp_http_pool {
    struct loop *loop;
    const struct http_endpoint *endpoint;
    unsigned limit; /* connections at most */
    unsigned count;
    struct mcp_http_pool_connection *connections;
    struct mcp_http_ticket *queue_head, **queue_tail;
    struct loop_task task;
};

void mcp_http_pool_init(struct mcp_http_pool *pool, struct loop *loop,
                        const struct http_endpoint *endpoint, unsigned limit);
/* At once: no callback follows for any exchange still in it. Its owners forget their tickets. */
void mcp_http_pool_close(struct mcp_http_pool *pool);

/* Send `exchange` as soon as a connection has room. The exchange's own callbacks tell how it went;
 * `failed` also when no connection could be opened. Never from inside the call. */
void mcp_http_pool_submit(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket,
                          struct http_exchange *exchange);
/* The exchange is over (call it in the callback that said so): its place goes to the next. */
void mcp_http_pool_release(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket);
/* Give up: no callback follows for the exchange. Harmless when the ticket is not in use. */
void mcp_http_pool_cancel(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket);

#endif
