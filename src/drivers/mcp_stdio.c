/* MCP over stdio: the server is a child process per connection, one JSON-RPC message per line (the
 * transport pages of all revisions). This file is the driver's table; mcp_stdio_open.c opens the
 * target, mcp_stdio_process.c and mcp_stdio_lines.c talk to a process while the run is on. */
#include "drivers/mcp_stdio.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a process may take to end after its stdin was closed, when the worker ends. */
#define FAREWELL_NS (5 * NS_PER_S / 2)

static struct stdio_process *process_of(struct connection *connection)
{
    return ((struct stdio_connection *)driver_part_of_connection(connection))->process;
}

static bool accepts(const struct target_options *options)
{
    bool transport = !options->transport || strcmp(options->transport, "auto") == 0 ||
                     strcmp(options->transport, "stdio") == 0;
    return options->command && options->command[0] && transport;
}

static int worker_open(struct driver_worker *worker, struct error *error)
{
    (void)error;
    *(struct stdio_worker *)driver_part_of_worker(worker) = (struct stdio_worker){0};
    return 0;
}

/* The processes were asked to end when their connections were let go; give them the time to. */
static void worker_close(struct driver_worker *worker)
{
    struct stdio_worker *part = driver_part_of_worker(worker);
    uint64_t deadline = clock_now_ns() + FAREWELL_NS;
    while (part->processes && clock_now_ns() < deadline)
        loop_run_once(worker->loop, deadline);
    while (part->processes) {
        struct stdio_process *process = part->processes;
        child_kill(&process->child);
        stdio_process_free(process);
    }
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void report_failed_start(struct loop_task *task)
{
    struct stdio_connection *part = container_of(task, struct stdio_connection, failed);
    struct outcome why = {.kind = OUTCOME_CONNECT_REFUSED, .detail = "cannot_start"};
    part->connection->reusable = false;
    part->connection->closed(part->connection, &why, part->text);
}

static void connect_process(struct connection *connection)
{
    const struct target_options *options = connection->worker->target->options;
    struct stdio_connection *part = driver_part_of_connection(connection);
    struct error error = {.text = "out of memory"};
    *part =
        (struct stdio_connection){.connection = connection, .failed = {.run = report_failed_start}};
    struct stdio_process *process = stdio_process_new(connection);
    if (process &&
        child_start(&process->child, process->loop, options->command, options->environment,
                    STDIO_LINE_LIMIT, STDIO_INPUT_LIMIT, &stdio_process_events, &error) == 0) {
        part->process = process;
        stdio_process_greet(process);
        return;
    }
    if (process)
        stdio_process_free(process);
    snprintf(part->text, sizeof part->text, "%.*s", STDIO_TEXT - 1, error.text);
    loop_defer(connection->worker->loop, &part->failed);
}

static void disconnect(struct connection *connection)
{
    struct stdio_connection *part = driver_part_of_connection(connection);
    struct stdio_process *process = part->process;
    loop_undefer(connection->worker->loop, &part->failed);
    if (!process)
        return;
    part->process = NULL;
    process->connection = NULL;
    process->state = STDIO_GONE;
    loop_timer_stop(process->loop, &process->timer);
    loop_undefer(process->loop, &process->deliver);
    if (process->child.pid)
        child_stop(&process->child); /* freed when it has exited, or by worker_close */
    else
        stdio_process_free(process);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void submit(struct call *call)
{
    stdio_process_submit(process_of(call->connection), call);
}

static void cancel(struct call *call, const struct outcome *why)
{
    stdio_process_cancel(process_of(call->connection), call, why);
}

static char *request_text(const struct call *call)
{
    const struct stdio_call *part = (const struct stdio_call *)(call + 1);
    const struct stdio_process *process = process_of(call->connection);
    if (!process || !part->under_way)
        return NULL;
    const struct stdio_slot *slot = &process->slots[part->slot];
    struct buffer text, none;
    struct iovec pieces[3];
    char digits[24];
    const char *missing;
    int count = 1, failed = 0;
    buffer_init(&text, SIZE_MAX / 2);
    buffer_init(&none, 0);
    if (buffer_length(&slot->body))
        pieces[0] = (struct iovec){buffer_bytes(&slot->body), buffer_length(&slot->body)};
    else
        failed = mcp_operation_body(call->operation->driver_data, call->variant, slot->id, NULL,
                                    digits, &none, pieces, &count, &missing);
    for (int i = 0; i < count && !failed; i++)
        failed = buffer_append(&text, pieces[i].iov_base, pieces[i].iov_len);
    char *result = failed ? NULL : buffer_take_string(&text);
    buffer_free(&text);
    return result;
}

static void session_discard(struct session *session)
{
    (void)session; /* a session is the process: see needs_session */
}

const struct driver mcp_stdio_driver = {
    .name = "mcp_stdio",
    .summary = "an MCP server started as a child process, over its stdin and stdout",
    .accepts = accepts,
    .worker_size = sizeof(struct stdio_worker),
    .connection_size = sizeof(struct stdio_connection),
    .call_size = sizeof(struct stdio_call),
    .open = stdio_open,
    .close = stdio_close,
    .prepare = mcp_operation_prepare,
    .release = mcp_operation_release,
    .arguments_text = mcp_operation_arguments_text,
    .request_text = request_text,
    .worker_open = worker_open,
    .worker_close = worker_close,
    .connect = connect_process,
    .disconnect = disconnect,
    .submit = submit,
    .cancel = cancel,
    .session_discard = session_discard,
};
