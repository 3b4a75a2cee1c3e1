/* The connections of one worker to one target. A slot asks; it gets the connection that was used
 * last and has room, or waits in line while connections are made on demand up to the limit. A
 * connect that fails is the outcome of the calls it was made for, and the next attempt waits a
 * little longer each time, so that a dead target costs little. */
#ifndef CICADA_ENGINE_POOL_H
#define CICADA_ENGINE_POOL_H

#include "drivers/driver.h"

struct slot;
struct pool;

enum pool_connection_state { POOL_CONNECTING, POOL_OPEN, POOL_GONE };

struct pool_connection {
    struct pool *pool;
    enum pool_connection_state state;
    bool available;         /* in the list below */
    bool fresh;             /* carried no call yet: the first one paid for the connect */
    bool shared;            /* false: made for one call of one slot */
    struct slot *dedicated; /* that slot, while it waits for it */
    struct pool_connection *previous, *next; /* with room, last used first */
    struct pool_connection **all_link, *all_next;
    struct loop_task reap; /* disconnect and free, outside any driver's callback */
    struct connection connection;
    /* driver's part follows */
};

struct slot_queue { /* first come, first served */
    struct slot *first, *last;
    unsigned count;
};

struct pool {
    struct driver_worker *worker;
    const struct driver *driver;
    unsigned limit;          /* connections; 0: none */
    unsigned count;          /* shared connections, connecting or open */
    unsigned connecting;     /* of those */
    unsigned total;          /* all connections that hold a descriptor */
    unsigned expected_calls; /* on one connection */
    bool spread; /* several multiplexed connections: take them in turn, not the last used */
    struct pool_connection *available, *available_last;
    struct pool_connection *all;
    struct slot_queue waiters;
    struct slot_queue new_waiters; /* for a connection of their own, until the backoff is over */
    struct loop_timer backoff_timer;
    uint64_t backoff_ns; /* of the last failure; 0: none since the last success */
    void (*granted)(struct slot *slot, struct connection *connection);
    void (*refused)(struct slot *slot, const struct outcome *why, const char *text);
};

void pool_init(struct pool *pool, struct driver_worker *worker, unsigned limit);
/* Disconnect everything at once; nobody waits or is under way any more. */
void pool_close(struct pool *pool);

/* A connection with room (in_flight is counted up), or NULL: then `granted` or `refused` follows.
 */
struct connection *pool_acquire(struct pool *pool, struct slot *slot);
/* A connection of its own, closed when released: `granted` or `refused` follows. */
void pool_acquire_new(struct pool *pool, struct slot *slot);
void pool_release(struct pool *pool, struct connection *connection);
/* The slot waits no longer: neither callback follows. */
void pool_abandon(struct pool *pool, struct slot *slot);
/* Close idle connections, the least recently used first, until `keep` are left. */
void pool_trim(struct pool *pool, unsigned keep);

static inline struct pool_connection *pool_connection_of(struct connection *connection)
{
    return container_of(connection, struct pool_connection, connection);
}

#endif
