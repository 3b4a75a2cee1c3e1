/* The SQLite driver: a database file under load, from threads of a pool of the target's own. See
 * sqlite_internal.h for the files it is made of. */
#include "base/clock.h"
#include "drivers/sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_LIMIT = 4 << 20, RESPONSE_LIMIT = 1 << 20 };

extern const struct driver sqlite_driver;

struct sqlite_worker {
    struct blocking_worker blocking;
    struct random random;
};

struct sqlite_connection {
    struct connection *connection;
    struct sqlite_handle *handle; /* NULL: none any more */
    struct loop_task refuse;      /* for a connect that cannot even begin */
};

static const struct blocking_kind task_kind;

static bool sqlite_accepts(const struct target_options *options)
{
    return setting_url_has_scheme(options, "sqlite");
}

/* ---- workers -----------------------------------------------------------------------------------
 */

static int sqlite_worker_open(struct driver_worker *worker, struct error *error)
{
    struct sqlite_worker *sqlite = driver_part_of_worker(worker);
    struct sqlite_target *target = worker->target->driver_data;
    random_seed(&sqlite->random, worker->target->options->seed, worker->index + 1);
    return blocking_worker_open(&sqlite->blocking, worker, &task_kind, target->pool, error);
}

static void sqlite_worker_close(struct driver_worker *worker)
{
    struct sqlite_worker *sqlite = driver_part_of_worker(worker);
    blocking_worker_close(&sqlite->blocking);
}

/* ---- connections: opening and closing a handle blocks, too -------------------------------------
 */

static void open_run(struct blocking_job *job)
{
    struct sqlite_handle *handle = container_of(job, struct sqlite_handle, job);
    int code = sqlite_handle_open(handle);
    if (code == SQLITE_OK)
        return;
    handle->outcome =
        (struct outcome){.kind = OUTCOME_CONNECT_REFUSED, .detail = sqlite_code_name(code)};
}

static void close_run(struct blocking_job *job)
{
    sqlite_handle_close(container_of(job, struct sqlite_handle, job));
}

static void close_done(struct blocking_job *job)
{
    free(container_of(job, struct sqlite_handle, job));
}

static void handle_discard(struct sqlite_handle *handle, struct blocking_port *port)
{
    handle->job.run = close_run;
    handle->job.done = close_done;
    if (blocking_submit(port, &handle->job) == 0)
        return;
    close_run(&handle->job);
    close_done(&handle->job);
}

static void open_done(struct blocking_job *job)
{
    struct sqlite_handle *handle = container_of(job, struct sqlite_handle, job);
    struct connection *connection = handle->connection;
    handle->opening = false;
    if (!connection) { /* given up meanwhile */
        handle_discard(handle, job->port);
        return;
    }
    if (handle->outcome.kind != OUTCOME_OK) {
        connection->closed(connection, &handle->outcome, handle->text);
        return;
    }
    connection->capacity = 1;
    connection->reusable = true;
    connection->connect_ns = job->finished_ns - job->submitted_ns;
    connection->opened(connection);
}

static void refuse_run(struct loop_task *refuse)
{
    static const struct outcome why = {.kind = OUTCOME_CONNECT_REFUSED, .detail = "out_of_memory"};
    struct sqlite_connection *sqlite = container_of(refuse, struct sqlite_connection, refuse);
    sqlite->connection->closed(sqlite->connection, &why, "no room for one more connection");
}

static void sqlite_connect(struct connection *connection)
{
    struct sqlite_connection *sqlite = driver_part_of_connection(connection);
    struct sqlite_worker *worker = driver_part_of_worker(connection->worker);
    struct sqlite_handle *handle = calloc(1, sizeof *handle);
    sqlite->connection = connection;
    sqlite->refuse.run = refuse_run;
    if (handle) {
        handle->target = connection->worker->target->driver_data;
        handle->connection = connection;
        handle->opening = true;
        handle->job.run = open_run;
        handle->job.done = open_done;
        if (blocking_submit(&worker->blocking.port, &handle->job) == 0) {
            sqlite->handle = handle;
            return;
        }
        free(handle);
    }
    loop_defer(connection->worker->loop, &sqlite->refuse);
}

static void sqlite_disconnect(struct connection *connection)
{
    struct sqlite_connection *sqlite = driver_part_of_connection(connection);
    struct sqlite_worker *worker = driver_part_of_worker(connection->worker);
    struct sqlite_handle *handle = sqlite->handle;
    loop_undefer(connection->worker->loop, &sqlite->refuse);
    sqlite->handle = NULL;
    if (!handle)
        return;
    handle->connection = NULL;
    if (handle->opening && blocking_withdraw(&handle->job))
        free(handle);
    else if (!handle->opening && !handle->busy)
        handle_discard(handle, &worker->blocking.port);
    /* else whoever has it discards it: open_done, or the call that was given up */
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void task_make(struct blocking_task *blocking)
{
    struct sqlite_task *task = container_of(blocking, struct sqlite_task, task);
    buffer_init(&task->text, TEXT_LIMIT);
    buffer_init(&task->response, RESPONSE_LIMIT);
}

static void task_unmake(struct blocking_task *blocking)
{
    struct sqlite_task *task = container_of(blocking, struct sqlite_task, task);
    buffer_free(&task->text);
    buffer_free(&task->response);
}

static void task_came_back(struct blocking_task *blocking, bool given_up)
{
    struct sqlite_task *task = container_of(blocking, struct sqlite_task, task);
    struct sqlite_handle *handle = task->handle;
    if (!given_up)
        return;
    handle->busy = false;
    if (!handle->connection)
        handle_discard(handle, blocking->job.port);
}

static void task_ended(struct blocking_task *blocking)
{
    sqlite_operation_drop(container_of(blocking, struct sqlite_task, task)->operation);
}

static const struct blocking_kind task_kind = {
    .task_size = sizeof(struct sqlite_task),
    .make = task_make,
    .unmake = task_unmake,
    .run = sqlite_run,
    .came_back = task_came_back,
    .ended = task_ended,
};

static void sqlite_submit(struct call *call)
{
    struct sqlite_connection *connection = driver_part_of_connection(call->connection);
    struct sqlite_worker *worker = driver_part_of_worker(call->connection->worker);
    const struct sqlite_target *target = call->connection->worker->target->driver_data;
    struct blocking_task *blocking = blocking_call_begin(call);
    if (!blocking)
        return;
    struct sqlite_task *task = container_of(blocking, struct sqlite_task, task);
    const char *missing = NULL;
    task->handle = connection->handle;
    task->operation = call->operation->driver_data;
    atomic_fetch_add(&task->operation->holders, 1);
    task->wants_response = call->want_response;
    if (sqlite_fill_values(task, call->context, &worker->random, target->settings.rows, &missing) ==
        0) {
        blocking_call_submit(blocking);
        return;
    }
    char text[BLOCKING_TEXT_SIZE];
    if (missing)
        snprintf(text, sizeof text, "a parameter has no value: %s", missing);
    else
        snprintf(text, sizeof text, "the parameters are too long, or no JSON");
    blocking_call_fail(blocking, "template", text);
}

/* SQLite can be told to stop; until it has, its handle is not to be used. */
static void sqlite_cancel(struct call *call, const struct outcome *why)
{
    struct sqlite_connection *connection = driver_part_of_connection(call->connection);
    if (!blocking_call_cancel(call, why, "the database did not answer in time"))
        return;
    call->connection->reusable = false;
    connection->handle->busy = true;
    sqlite_handle_stop(connection->handle);
}

static void sqlite_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver sqlite_driver = {
    .name = "sqlite",
    .summary = "a SQLite database file: sqlite:PATH",
    .accepts = sqlite_accepts,
    .worker_size = sizeof(struct sqlite_worker),
    .connection_size = sizeof(struct sqlite_connection),
    .call_size = sizeof(struct blocking_call),
    .open = sqlite_target_open,
    .close = sqlite_target_close,
    .prepare = sqlite_prepare,
    .release = sqlite_release,
    .arguments_text = sqlite_arguments_text,
    .request_text = sqlite_request_text,
    .worker_open = sqlite_worker_open,
    .worker_close = sqlite_worker_close,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .submit = sqlite_submit,
    .cancel = sqlite_cancel,
    .session_discard = sqlite_session_discard,
    .report = sqlite_target_report,
};
