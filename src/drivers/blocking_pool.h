/* A capped pool of threads for what blocks, one pool per target. A job is handed over through one
 * queue to whichever thread is free, and comes back through the port of the loop that sent it: an
 * eventfd wakes that loop once for all the jobs that finished meanwhile. Jobs are the caller's and
 * are linked through their own fields, so that nothing is allocated per job.
 *
 * The queue is guarded by a mutex, which is held for a few instructions; the way back takes no
 * lock. A port belongs to one loop's thread, and its functions are called there. */
#ifndef CICADA_DRIVERS_BLOCKING_POOL_H
#define CICADA_DRIVERS_BLOCKING_POOL_H

#include "base/error.h"
#include "base/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BLOCKING_QUEUE_LIMIT 65536u /* jobs waiting for a thread, per pool */

struct blocking_pool;
struct blocking_port;

struct blocking_job {
    void (*run)(struct blocking_job *job);  /* on a thread of the pool; may block */
    void (*done)(struct blocking_job *job); /* on the port's loop, after run; the job is free */
    /* Set by the pool: when it was submitted, when a thread took it up, when run returned. */
    uint64_t submitted_ns, started_ns, finished_ns;
    struct blocking_port *port;
    struct blocking_job *next, *previous; /* in the queue, or on the way back */
    bool queued;                          /* guarded by the pool's mutex */
};

struct blocking_port {
    struct blocking_pool *pool; /* NULL: not open */
    struct loop *loop;
    struct loop_io io;
    int event_fd;
    unsigned outstanding; /* submitted, and done not called yet */
    _Atomic(struct blocking_job *) finished;
};

/* How many threads a target gets: as many as there are cores, fewer if so asked (0: not asked). */
unsigned blocking_pool_size(uint64_t asked);

/* Start `threads` threads (1 or more). NULL with ERROR_INTERNAL when the system refuses. */
struct blocking_pool *blocking_pool_open(unsigned threads, struct error *error);
/* End the threads; every port must be closed. Harmless on NULL. */
void blocking_pool_close(struct blocking_pool *pool);

/* Watch for finished jobs on `loop`. -1 when there is no eventfd to be had. */
int blocking_port_open(struct blocking_port *port, struct blocking_pool *pool, struct loop *loop,
                       struct error *error);
/* Wait until every job submitted here is done, `done` called and all; these may submit others,
 * which are waited for too. Harmless on a port that is not open. */
void blocking_port_close(struct blocking_port *port);

/* Queue a job. -1 when BLOCKING_QUEUE_LIMIT jobs wait already; the job is then the caller's still.
 */
int blocking_submit(struct blocking_port *port, struct blocking_job *job);
/* Take back a job that no thread has taken up: true; it will not run, nor `done` be called. False:
 * it runs or has run, and `done` follows. */
bool blocking_withdraw(struct blocking_job *job);

#endif
