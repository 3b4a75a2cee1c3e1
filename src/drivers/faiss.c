/* The FAISS driver: an index of vectors under load, on threads of a pool of the target's own. See
 * faiss_internal.h for the files it is made of. A connection is nothing here, as there is nobody to
 * connect to; it exists because calls are made on one. */
#include "drivers/faiss_internal.h"

#include <stdlib.h>

enum { TEXT_LIMIT = 4 << 20, RESPONSE_LIMIT = 16 << 20 };

extern const struct driver faiss_driver;

struct faiss_connection {
    struct connection *connection;
    struct loop_task opened;
};

static const struct blocking_kind task_kind;

static bool faiss_accepts(const struct target_options *options)
{
    return setting_url_has_scheme(options, "faiss");
}

static int faiss_worker_open(struct driver_worker *worker, struct error *error)
{
    struct faiss_worker *faiss = driver_part_of_worker(worker);
    struct faiss_target *target = worker->target->driver_data;
    random_seed(&faiss->random, worker->target->options->seed, worker->index + 1);
    return blocking_worker_open(&faiss->blocking, worker, &task_kind, target->pool, error);
}

static void faiss_worker_close(struct driver_worker *worker)
{
    struct faiss_worker *faiss = driver_part_of_worker(worker);
    blocking_worker_close(&faiss->blocking);
    faiss_samples_collect(faiss, worker->target->driver_data);
}

static void opened_run(struct loop_task *opened)
{
    struct faiss_connection *faiss = container_of(opened, struct faiss_connection, opened);
    struct connection *connection = faiss->connection;
    connection->capacity = 1;
    connection->reusable = true;
    connection->opened(connection);
}

static void faiss_connect(struct connection *connection)
{
    struct faiss_connection *faiss = driver_part_of_connection(connection);
    faiss->connection = connection;
    faiss->opened.run = opened_run;
    loop_defer(connection->worker->loop, &faiss->opened);
}

static void faiss_disconnect(struct connection *connection)
{
    struct faiss_connection *faiss = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &faiss->opened);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void task_make(struct blocking_task *blocking)
{
    struct faiss_task *task = container_of(blocking, struct faiss_task, task);
    buffer_init(&task->text, TEXT_LIMIT);
    buffer_init(&task->response, RESPONSE_LIMIT);
}

static void task_unmake(struct blocking_task *blocking)
{
    struct faiss_task *task = container_of(blocking, struct faiss_task, task);
    buffer_free(&task->text);
    buffer_free(&task->response);
    free(task->vector);
    free(task->distances);
    free(task->ids);
}

static void task_came_back(struct blocking_task *blocking, bool given_up)
{
    struct faiss_task *task = container_of(blocking, struct faiss_task, task);
    struct faiss_worker *worker =
        container_of(container_of(blocking->job.port, struct blocking_worker, port),
                     struct faiss_worker, blocking);
    enum faiss_verb verb = task->operation->verb;
    if (!given_up && blocking->outcome.kind == OUTCOME_OK &&
        (verb == FAISS_SEARCH || verb == FAISS_SEARCH_BATCH))
        faiss_sample_offer(worker, task);
}

static void task_ended(struct blocking_task *blocking)
{
    faiss_operation_drop(container_of(blocking, struct faiss_task, task)->operation);
}

static const struct blocking_kind task_kind = {
    .task_size = sizeof(struct faiss_task),
    .make = task_make,
    .unmake = task_unmake,
    .run = faiss_run,
    .came_back = task_came_back,
    .ended = task_ended,
};

/* Room for the operation's vector and results; grows to what the largest needs, then stays. */
static int make_room(struct faiss_task *task)
{
    const struct faiss_operation *operation = task->operation;
    size_t results =
        operation->verb == FAISS_RANGE ? FAISS_RANGE_ROOM : (size_t)operation->k * operation->batch;
    if (!task->vector)
        task->vector = malloc(task->target->facts.dimension * sizeof *task->vector);
    if (results > task->room) {
        free(task->distances);
        free(task->ids);
        task->distances = malloc(results * sizeof *task->distances);
        task->ids = malloc(results * sizeof *task->ids);
        task->room = task->distances && task->ids ? results : 0;
    }
    return task->vector && results <= task->room ? 0 : -1;
}

static void faiss_submit(struct call *call)
{
    struct faiss_worker *worker = driver_part_of_worker(call->connection->worker);
    struct blocking_task *blocking = blocking_call_begin(call);
    if (!blocking)
        return;
    struct faiss_task *task = container_of(blocking, struct faiss_task, task);
    const char *detail = "out_of_memory";
    char text[BLOCKING_TEXT_SIZE] = "no memory for the results";
    task->target = call->connection->worker->target->driver_data;
    task->operation = call->operation->driver_data;
    atomic_fetch_add(&task->operation->holders, 1);
    task->wants_response = call->want_response;
    if (make_room(task) == 0 &&
        faiss_fill(task, call->context, &worker->random, &detail, text) == 0)
        blocking_call_submit(blocking);
    else
        blocking_call_fail(blocking, detail, text);
}

/* A search cannot be stopped: it goes on alone, and its result is ignored. */
static void faiss_cancel(struct call *call, const struct outcome *why)
{
    blocking_call_cancel(call, why, "the index did not answer in time");
}

static void faiss_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver faiss_driver = {
    .name = "faiss",
    .summary = "a FAISS index: faiss:PATH, or faiss:generated?type=flat|ivf|hnsw",
    .accepts = faiss_accepts,
    .worker_size = sizeof(struct faiss_worker),
    .connection_size = sizeof(struct faiss_connection),
    .call_size = sizeof(struct blocking_call),
    .open = faiss_target_open,
    .close = faiss_target_close,
    .prepare = faiss_prepare,
    .release = faiss_release,
    .arguments_text = faiss_arguments_text,
    .request_text = faiss_request_text,
    .worker_open = faiss_worker_open,
    .worker_close = faiss_worker_close,
    .connect = faiss_connect,
    .disconnect = faiss_disconnect,
    .submit = faiss_submit,
    .cancel = faiss_cancel,
    .session_discard = faiss_session_discard,
    .report = faiss_report,
};
