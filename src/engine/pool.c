/* See pool.h. */
#include "engine/pool.h"

#include "base/clock.h"
#include "engine/virtual_user.h"

#include <stdlib.h>

#define BACKOFF_FIRST_NS (10 * NS_PER_MS)
#define BACKOFF_MOST_NS  (250 * NS_PER_MS)

static struct pool_connection *connection_make(struct pool *pool, struct slot *dedicated);
static void connection_retire(struct pool_connection *connection);
static void connection_free(struct pool_connection *connection);
static void available_add(struct pool_connection *connection);
static void available_remove(struct pool_connection *connection);
static struct connection *take(struct pool *pool);
static void serve(struct pool *pool);
static void fill(struct pool *pool);
static void back_off(struct pool *pool);
static void backoff_over(struct loop_timer *timer);
static void queue_push(struct slot_queue *queue, struct slot *slot);
static void queue_remove(struct slot_queue *queue, struct slot *slot);
static struct slot *queue_pop(struct slot_queue *queue);

void pool_init(struct pool *pool, struct driver_worker *worker, unsigned limit)
{
    unsigned calls = worker->target->calls_per_connection;
    *pool = (struct pool){
        .worker = worker,
        .driver = worker->target->driver,
        .limit = limit,
        .expected_calls = calls ? calls : 1,
        .spread = limit > 1 && calls > 1,
    };
    pool->backoff_timer.fired = backoff_over;
}

void pool_close(struct pool *pool)
{
    loop_timer_stop(pool->worker->loop, &pool->backoff_timer);
    while (pool->all) {
        loop_undefer(pool->worker->loop, &pool->all->reap);
        connection_free(pool->all);
    }
}

struct connection *pool_acquire(struct pool *pool, struct slot *slot)
{
    struct connection *connection = pool->waiters.count ? NULL : take(pool);
    if (connection) {
        if (pool->spread && pool->count < pool->limit && !loop_timer_active(&pool->backoff_timer))
            connection_make(pool, NULL); /* one that was lost */
        return connection;
    }
    queue_push(&pool->waiters, slot);
    fill(pool);
    return NULL;
}

void pool_acquire_new(struct pool *pool, struct slot *slot)
{
    if (!loop_timer_active(&pool->backoff_timer) && connection_make(pool, slot))
        return;
    queue_push(&pool->new_waiters, slot);
    back_off(pool);
}

void pool_release(struct pool *pool, struct connection *released)
{
    struct pool_connection *connection = pool_connection_of(released);
    released->in_flight--;
    if (connection->state != POOL_OPEN)
        return; /* it was closed under the call */
    if (!connection->shared || (!released->reusable && released->in_flight == 0)) {
        connection_retire(connection);
        fill(pool);
    } else if (!released->reusable) {
        available_remove(connection);
    } else {
        available_add(connection);
        serve(pool);
    }
}

void pool_abandon(struct pool *pool, struct slot *slot)
{
    if (slot->queue) {
        queue_remove(slot->queue, slot);
        return;
    }
    for (struct pool_connection *own = pool->all; own; own = own->all_next) {
        if (own->dedicated != slot)
            continue;
        own->dedicated = NULL;
        connection_retire(own);
        return;
    }
}

void pool_trim(struct pool *pool, unsigned keep)
{
    struct pool_connection *connection = pool->available_last;
    while (connection && pool->count > keep) {
        struct pool_connection *previous = connection->previous;
        if (connection->connection.in_flight == 0)
            connection_retire(connection);
        connection = previous;
    }
}

/* ---- one connection ----------------------------------------------------------------------------
 */

static void connection_opened(struct connection *opened)
{
    struct pool_connection *connection = pool_connection_of(opened);
    struct pool *pool = connection->pool;
    if (connection->state != POOL_CONNECTING)
        return; /* given up meanwhile */
    connection->state = POOL_OPEN;
    pool->backoff_ns = 0;
    if (!connection->shared) {
        struct slot *slot = connection->dedicated;
        connection->dedicated = NULL;
        opened->in_flight = 1;
        pool->granted(slot, opened);
        return;
    }
    pool->connecting--;
    pool->expected_calls = opened->capacity ? opened->capacity : 1;
    available_add(connection);
    serve(pool);
}

static void back_off(struct pool *pool)
{
    if (loop_timer_active(&pool->backoff_timer))
        return; /* several connects failed at once */
    uint64_t longer = pool->backoff_ns ? pool->backoff_ns * 2 : BACKOFF_FIRST_NS;
    pool->backoff_ns = longer < BACKOFF_MOST_NS ? longer : BACKOFF_MOST_NS;
    loop_timer_start(pool->worker->loop, &pool->backoff_timer, clock_now_ns() + pool->backoff_ns);
}

static void connection_closed(struct connection *closed, const struct outcome *why,
                              const char *text)
{
    struct pool_connection *connection = pool_connection_of(closed);
    struct pool *pool = connection->pool;
    struct slot *slot = connection->dedicated;
    enum pool_connection_state before = connection->state;
    if (before == POOL_GONE)
        return; /* retired already */
    connection->dedicated = NULL;
    connection_retire(connection);
    if (before == POOL_OPEN) {
        fill(pool);
        return;
    }
    back_off(pool);
    if (slot)
        pool->refused(slot, why, text);
    if (!connection->shared)
        return;
    /* As many calls fail as this connection would have carried. */
    unsigned waiting = pool->waiters.count;
    for (unsigned due = pool->expected_calls; due && waiting; due--, waiting--)
        pool->refused(queue_pop(&pool->waiters), why, text);
}

static void connection_reap(struct loop_task *task)
{
    connection_free(container_of(task, struct pool_connection, reap));
}

static struct pool_connection *connection_make(struct pool *pool, struct slot *dedicated)
{
    struct pool_connection *connection =
        calloc(1, sizeof *connection + pool->driver->connection_size);
    if (!connection)
        return NULL;
    connection->pool = pool;
    connection->fresh = true;
    connection->shared = !dedicated;
    connection->dedicated = dedicated;
    connection->reap.run = connection_reap;
    connection->connection.worker = pool->worker;
    connection->connection.opened = connection_opened;
    connection->connection.closed = connection_closed;
    connection->all_next = pool->all;
    connection->all_link = &pool->all;
    if (pool->all)
        pool->all->all_link = &connection->all_next;
    pool->all = connection;
    pool->total++;
    if (!dedicated) {
        pool->count++;
        pool->connecting++;
    }
    pool->driver->connect(&connection->connection);
    return connection;
}

/* Take it out of use; it is disconnected and freed once the driver's callback has returned. */
static void connection_retire(struct pool_connection *connection)
{
    struct pool *pool = connection->pool;
    if (connection->state == POOL_GONE)
        return;
    available_remove(connection);
    if (connection->shared) {
        pool->count--;
        pool->connecting -= connection->state == POOL_CONNECTING;
    }
    connection->state = POOL_GONE;
    loop_defer(pool->worker->loop, &connection->reap);
}

static void connection_free(struct pool_connection *connection)
{
    struct pool *pool = connection->pool;
    pool->driver->disconnect(&connection->connection);
    *connection->all_link = connection->all_next;
    if (connection->all_next)
        connection->all_next->all_link = connection->all_link;
    pool->total--;
    free(connection);
}

/* ---- handing them out --------------------------------------------------------------------------
 */

static void available_add(struct pool_connection *connection)
{
    struct pool *pool = connection->pool;
    if (connection->available)
        return;
    connection->available = true;
    connection->previous = NULL;
    connection->next = pool->available;
    if (pool->available)
        pool->available->previous = connection;
    else
        pool->available_last = connection;
    pool->available = connection;
}

static void available_append(struct pool_connection *connection)
{
    struct pool *pool = connection->pool;
    connection->available = true;
    connection->next = NULL;
    connection->previous = pool->available_last;
    if (pool->available_last)
        pool->available_last->next = connection;
    else
        pool->available = connection;
    pool->available_last = connection;
}

static void available_remove(struct pool_connection *connection)
{
    struct pool *pool = connection->pool;
    if (!connection->available)
        return;
    connection->available = false;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        pool->available = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        pool->available_last = connection->previous;
}

static struct connection *take(struct pool *pool)
{
    while (pool->available) {
        struct pool_connection *first = pool->available;
        struct connection *connection = &first->connection;
        if (!connection->reusable) {
            available_remove(first);
            if (connection->in_flight == 0)
                connection_retire(first);
            continue;
        }
        bool full = ++connection->in_flight >= connection->capacity;
        if (full || pool->spread)
            available_remove(first);
        if (!full && pool->spread)
            available_append(first);
        return connection;
    }
    return NULL;
}

static void serve(struct pool *pool)
{
    while (pool->waiters.count) {
        struct connection *connection = take(pool);
        if (!connection)
            break;
        pool->granted(queue_pop(&pool->waiters), connection);
    }
    fill(pool);
}

/* Connect for those who wait and whom no connect under way will serve. */
static void fill(struct pool *pool)
{
    while (pool->waiters.count && !loop_timer_active(&pool->backoff_timer) &&
           (!pool->limit || pool->count < pool->limit) &&
           (pool->spread || pool->waiters.count > pool->connecting * pool->expected_calls))
        if (!connection_make(pool, NULL))
            back_off(pool);
}

static void backoff_over(struct loop_timer *timer)
{
    struct pool *pool = container_of(timer, struct pool, backoff_timer);
    for (unsigned count = pool->new_waiters.count; count; count--)
        pool_acquire_new(pool, queue_pop(&pool->new_waiters));
    fill(pool);
}

static void queue_push(struct slot_queue *queue, struct slot *slot)
{
    slot->queue = queue;
    slot->queue_next = NULL;
    slot->queue_previous = queue->last;
    if (queue->last)
        queue->last->queue_next = slot;
    else
        queue->first = slot;
    queue->last = slot;
    queue->count++;
}

static void queue_remove(struct slot_queue *queue, struct slot *slot)
{
    if (slot->queue_previous)
        slot->queue_previous->queue_next = slot->queue_next;
    else
        queue->first = slot->queue_next;
    if (slot->queue_next)
        slot->queue_next->queue_previous = slot->queue_previous;
    else
        queue->last = slot->queue_previous;
    slot->queue = NULL;
    queue->count--;
}

static struct slot *queue_pop(struct slot_queue *queue)
{
    struct slot *slot = queue->first;
    queue_remove(queue, slot);
    return slot;
}
