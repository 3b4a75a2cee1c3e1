/* See mcp_http_pool.h. Whatever a pool connection does to itself is done in a deferred task, never
 * inside one of its own callbacks. */
#include "drivers/mcp_http_pool.h"

#include <stdlib.h>

struct mcp_http_pool_connection {
    struct http_connection http; /* first: callbacks give it back */
    struct mcp_http_pool *pool;
    struct mcp_http_pool_connection *next;
    bool opened, dead;
};

static void pool_opened(struct http_connection *http);
static void pool_closed(struct http_connection *http, const struct outcome *why, const char *text);
static void pool_serve(struct loop_task *task);
static struct mcp_http_pool_connection *find_room(struct mcp_http_pool *pool);
static bool open_another(struct mcp_http_pool *pool);
static void sweep(struct mcp_http_pool *pool);
static struct mcp_http_ticket *queue_take(struct mcp_http_pool *pool);

static const struct http_connection_events pool_events = {.opened = pool_opened,
                                                          .closed = pool_closed};

void mcp_http_pool_init(struct mcp_http_pool *pool, struct loop *loop,
                        const struct http_endpoint *endpoint, unsigned limit)
{
    *pool = (struct mcp_http_pool){
        .loop = loop, .endpoint = endpoint, .limit = limit, .task = {.run = pool_serve}};
    pool->queue_tail = &pool->queue_head;
}

void mcp_http_pool_close(struct mcp_http_pool *pool)
{
    if (!pool->loop)
        return;
    loop_undefer(pool->loop, &pool->task);
    while (pool->connections) {
        struct mcp_http_pool_connection *connection = pool->connections;
        pool->connections = connection->next;
        http_connection_close(&connection->http);
        free(connection);
    }
    for (struct mcp_http_ticket *ticket; (ticket = queue_take(pool));)
        ticket->exchange = NULL;
    pool->count = 0;
}

void mcp_http_pool_submit(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket,
                          struct http_exchange *exchange)
{
    *ticket = (struct mcp_http_ticket){.exchange = exchange};
    *pool->queue_tail = ticket;
    pool->queue_tail = &ticket->next;
    loop_defer(pool->loop, &pool->task);
}

void mcp_http_pool_release(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket)
{
    *ticket = (struct mcp_http_ticket){0};
    loop_defer(pool->loop, &pool->task);
}

void mcp_http_pool_cancel(struct mcp_http_pool *pool, struct mcp_http_ticket *ticket)
{
    if (!ticket->exchange)
        return;
    if (ticket->connection) {
        http_connection_abort(&ticket->connection->http, ticket->exchange);
    } else {
        struct mcp_http_ticket **link = &pool->queue_head;
        while (*link && *link != ticket)
            link = &(*link)->next;
        if (*link)
            *link = ticket->next;
        if (!*link)
            pool->queue_tail = link;
    }
    mcp_http_pool_release(pool, ticket);
}

/* ---- serving the queue ----------------------------------------------------------------------- */

static void pool_serve(struct loop_task *task)
{
    struct mcp_http_pool *pool = container_of(task, struct mcp_http_pool, task);
    sweep(pool);
    while (pool->queue_head) {
        struct mcp_http_pool_connection *connection = find_room(pool);
        if (!connection)
            break;
        struct mcp_http_ticket *ticket = queue_take(pool);
        ticket->connection = connection;
        http_connection_submit(&connection->http, ticket->exchange);
    }
    /* One connection for each exchange that waits: with HTTP/2 the first to open takes them all,
     * and the rest are closed again as idle. */
    unsigned waiting = 0, opening = 0;
    for (struct mcp_http_ticket *ticket = pool->queue_head; ticket; ticket = ticket->next)
        waiting++;
    for (struct mcp_http_pool_connection *each = pool->connections; each; each = each->next)
        opening += !each->opened && !each->dead;
    while (opening < waiting && pool->count < pool->limit && open_another(pool))
        opening++;
}

static struct mcp_http_ticket *queue_take(struct mcp_http_pool *pool)
{
    struct mcp_http_ticket *ticket = pool->queue_head;
    if (!ticket)
        return NULL;
    pool->queue_head = ticket->next;
    if (!pool->queue_head)
        pool->queue_tail = &pool->queue_head;
    ticket->next = NULL;
    return ticket;
}

static struct mcp_http_pool_connection *find_room(struct mcp_http_pool *pool)
{
    for (struct mcp_http_pool_connection *each = pool->connections; each; each = each->next)
        if (each->opened && !each->dead && each->http.reusable &&
            each->http.in_flight < each->http.capacity)
            return each;
    return NULL;
}

static bool open_another(struct mcp_http_pool *pool)
{
    struct mcp_http_pool_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return false;
    connection->pool = pool;
    connection->next = pool->connections;
    pool->connections = connection;
    pool->count++;
    http_connection_open(&connection->http, pool->loop, pool->endpoint, &pool_events);
    return true;
}

/* Free what is dead, and all idle connections but one, which the next exchange will want. */
static void sweep(struct mcp_http_pool *pool)
{
    bool spare = false;
    struct mcp_http_pool_connection **link = &pool->connections;
    while (*link) {
        struct mcp_http_pool_connection *each = *link;
        bool idle = each->opened && each->http.in_flight == 0;
        bool keep = !each->dead && (!idle || (each->http.reusable && (pool->queue_head || !spare)));
        spare |= keep && idle;
        if (keep) {
            link = &each->next;
            continue;
        }
        *link = each->next;
        pool->count--;
        http_connection_close(&each->http);
        free(each);
    }
}

static void pool_opened(struct http_connection *http)
{
    struct mcp_http_pool_connection *connection = (struct mcp_http_pool_connection *)http;
    connection->opened = true;
    loop_defer(connection->pool->loop, &connection->pool->task);
}

/* A connection that never opened takes the longest waiting exchange down with it; the others get
 * their own attempt. */
static void pool_closed(struct http_connection *http, const struct outcome *why, const char *text)
{
    struct mcp_http_pool_connection *connection = (struct mcp_http_pool_connection *)http;
    struct mcp_http_pool *pool = connection->pool;
    bool never_opened = !connection->opened;
    connection->dead = true;
    loop_defer(pool->loop, &pool->task);
    struct mcp_http_ticket *ticket = never_opened ? queue_take(pool) : NULL;
    if (ticket)
        ticket->exchange->events->failed(ticket->exchange, why, text);
}
