/* See blocking_call.h. */
#include "drivers/blocking_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void task_run(struct blocking_job *job);
static void task_done(struct blocking_job *job);
static void finish_run(struct loop_task *finish);
static void give_back(struct blocking_worker *blocking, struct blocking_task *task);

static struct blocking_worker *blocking_of(const struct call *call)
{
    return driver_part_of_worker(call->connection->worker);
}

int blocking_worker_open(struct blocking_worker *blocking, struct driver_worker *worker,
                         const struct blocking_kind *kind, struct blocking_pool *pool,
                         struct error *error)
{
    *blocking = (struct blocking_worker){.worker = worker, .kind = kind};
    return blocking_port_open(&blocking->port, pool, worker->loop, error);
}

void blocking_worker_close(struct blocking_worker *blocking)
{
    blocking_port_close(&blocking->port);
    while (blocking->free) {
        struct blocking_task *task = blocking->free;
        blocking->free = task->next_free;
        if (blocking->kind->unmake)
            blocking->kind->unmake(task);
        free(task);
    }
}

static struct blocking_task *take_task(struct blocking_worker *blocking)
{
    struct blocking_task *task = blocking->free;
    if (task) {
        blocking->free = task->next_free;
        return task;
    }
    task = calloc(1, blocking->kind->task_size);
    if (!task)
        return NULL;
    task->job.run = task_run;
    task->job.done = task_done;
    if (blocking->kind->make)
        blocking->kind->make(task);
    return task;
}

/* Complete the call from the loop, with what stands in its part. */
static void finish_soon(struct blocking_call *blocking)
{
    blocking->finish.run = finish_run;
    loop_defer(blocking->call->connection->worker->loop, &blocking->finish);
}

struct blocking_task *blocking_call_begin(struct call *call)
{
    struct blocking_call *blocking = driver_part_of_call(call);
    struct blocking_task *task = take_task(blocking_of(call));
    *blocking = (struct blocking_call){.call = call, .task = task};
    if (!task) {
        blocking->outcome = (struct outcome){.kind = OUTCOME_NOT_RUN, .detail = "out_of_memory"};
        blocking->text = "no memory for the operation";
        finish_soon(blocking);
        return NULL;
    }
    task->call = call;
    task->running_alone = task->kept = task->returned = false;
    task->outcome = (struct outcome){.kind = OUTCOME_OK};
    task->text[0] = 0;
    task->first_ns = 0;
    task->response = NULL;
    task->response_length = 0;
    return task;
}

void blocking_call_submit(struct blocking_task *task)
{
    if (blocking_submit(&blocking_of(task->call)->port, &task->job) < 0)
        blocking_call_fail(task, "queue_full", "too many operations wait for a thread");
}

void blocking_call_fail(struct blocking_task *task, const char *detail, const char *text)
{
    struct blocking_call *blocking = driver_part_of_call(task->call);
    blocking->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = detail};
    if (text != task->text)
        snprintf(task->text, sizeof task->text, "%s", text);
    blocking->text = task->text;
    finish_soon(blocking);
}

bool blocking_call_cancel(struct call *call, const struct outcome *why, const char *text)
{
    struct blocking_call *blocking = driver_part_of_call(call);
    struct blocking_task *task = blocking->task;
    blocking->outcome = *why;
    blocking->text = text;
    bool waits = blocking->finish.queued; /* it failed in this very turn */
    finish_soon(blocking);
    if (waits || !task || blocking_withdraw(&task->job))
        return false;
    task->running_alone = true;
    task->kept = true; /* request_text may look at it while the call is completed */
    return true;
}

static void task_run(struct blocking_job *job)
{
    struct blocking_task *task = container_of(job, struct blocking_task, job);
    struct blocking_worker *blocking = container_of(job->port, struct blocking_worker, port);
    blocking->kind->run(task);
}

/* On the loop: the task is back. */
static void task_done(struct blocking_job *job)
{
    struct blocking_task *task = container_of(job, struct blocking_task, job);
    struct blocking_worker *blocking = container_of(job->port, struct blocking_worker, port);
    if (blocking->kind->came_back)
        blocking->kind->came_back(task, task->running_alone);
    if (task->running_alone) {
        task->returned = true;
        if (!task->kept)
            give_back(blocking, task);
        return;
    }
    struct call *call = task->call;
    call->outcome = task->outcome;
    call->text = task->text[0] ? task->text : NULL;
    call->send_ns = call->sent_ns = job->started_ns;
    call->end_ns = job->finished_ns;
    call->first_byte_ns = task->outcome.kind != OUTCOME_OK ? 0
                          : task->first_ns                 ? task->first_ns
                                                           : job->finished_ns;
    call->thread_wait_ns = job->started_ns - job->submitted_ns;
    call->round_trips = 1;
    call->response = task->response;
    call->response_length = task->response_length;
    call->complete(call);
    give_back(blocking, task);
}

/* On the loop: the call ends without its task. */
static void finish_run(struct loop_task *finish)
{
    struct blocking_call *part = container_of(finish, struct blocking_call, finish);
    struct call *call = part->call;
    struct blocking_worker *blocking = blocking_of(call);
    struct blocking_task *task = part->task;
    call->outcome = part->outcome;
    call->text = part->text;
    call->complete(call); /* `part` may serve the next call now */
    if (!task)
        return;
    task->kept = false;
    if (!task->running_alone || task->returned)
        give_back(blocking, task);
}

static void give_back(struct blocking_worker *blocking, struct blocking_task *task)
{
    if (blocking->kind->ended)
        blocking->kind->ended(task);
    task->call = NULL;
    task->next_free = blocking->free;
    blocking->free = task;
}
