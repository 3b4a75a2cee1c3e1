/* Calls of a driver that blocks. A call lends its place to a task, which runs on a thread of the
 * target's pool; when it comes back, the call is completed on its loop. A call that is given up is
 * completed at once: its task, if a thread has taken it up, goes on alone and its result is
 * ignored.
 *
 *   the driver's part of a worker begins with a struct blocking_worker,
 *   its part of a call is or begins with a struct blocking_call,
 *   its task begins with a struct blocking_task.
 *
 * Tasks are made when first needed and used again: none is allocated in steady state. */
#ifndef CICADA_DRIVERS_BLOCKING_CALL_H
#define CICADA_DRIVERS_BLOCKING_CALL_H

#include "drivers/blocking_pool.h"
#include "drivers/driver.h"

#define BLOCKING_TEXT_SIZE 256

struct blocking_task {
    struct blocking_job job;
    struct call *call; /* NULL: given up */
    struct blocking_task *next_free;
    bool running_alone; /* given up while a thread had it */
    bool kept;          /* the call that gave it up has not been completed yet */
    bool returned;      /* came back meanwhile */

    /* What `run` fills in; zeroed before. */
    struct outcome outcome;
    char text[BLOCKING_TEXT_SIZE]; /* why it failed; "" : nothing to say */
    uint64_t first_ns;             /* the first row or byte of the answer; 0: its end */
    const char *response;          /* lives in the task; NULL: none */
    size_t response_length;
    /* the driver's own follows */
};

/* What the driver's tasks are. */
struct blocking_kind {
    size_t task_size;
    void (*make)(struct blocking_task *task);   /* zeroed before; NULL: nothing to do */
    void (*unmake)(struct blocking_task *task); /* free what it holds, not itself; may be NULL */
    void (*run)(struct blocking_task *task);    /* on a thread: do it, fill in the above */
    /* On the loop, after run, whether or not the call was given up; may be NULL. */
    void (*came_back)(struct blocking_task *task, bool given_up);
    /* The last of every task begun, run or not: let go of the operation. May be NULL. */
    void (*ended)(struct blocking_task *task);
};

struct blocking_worker {
    struct driver_worker *worker;
    const struct blocking_kind *kind;
    struct blocking_port port;
    struct blocking_task *free;
};

struct blocking_call {
    struct call *call;
    struct blocking_task *task; /* NULL: none, it failed before it had one */
    struct loop_task finish;    /* for ends that no thread brings */
    struct outcome outcome;     /* ... and what they are */
    const char *text;
};

int blocking_worker_open(struct blocking_worker *blocking, struct driver_worker *worker,
                         const struct blocking_kind *kind, struct blocking_pool *pool,
                         struct error *error);
/* Waits for the tasks that run alone. Harmless when it was not opened (zeroed). */
void blocking_worker_close(struct blocking_worker *blocking);

/* A task for this call, to be filled in and submitted. NULL when memory is out: the call then fails
 * by itself, and the driver's submit just returns. */
struct blocking_task *blocking_call_begin(struct call *call);
/* Hand it over; completes the call. */
void blocking_call_submit(struct blocking_task *task);
/* Or complete the call from the loop: the task could not even be filled in. `text` is kept in the
 * task. */
void blocking_call_fail(struct blocking_task *task, const char *detail, const char *text);
/* For the driver's cancel. True: a thread has the task, which now runs alone. */
bool blocking_call_cancel(struct call *call, const struct outcome *why, const char *text);

#endif
