/* See probe.h. */
#include "cicada/probe.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/scrub.h"
#include "base/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *allocate_with_part(size_t own, size_t part)
{
    return calloc(1, own + part);
}

static void free_parts(struct probe *probe)
{
    free(probe->call);
    free(probe->session);
    free(probe->connection);
    free(probe->worker);
}

int probe_open(struct probe *probe, struct target *target, struct error *error)
{
    const struct driver *driver = target->driver;
    *probe = (struct probe){.target = target};
    random_seed(&probe->random, target->options->seed, 0);
    if (loop_open(&probe->loop, error) < 0)
        return -1;
    probe->worker = allocate_with_part(sizeof *probe->worker, driver->worker_size);
    probe->connection = allocate_with_part(sizeof *probe->connection, driver->connection_size);
    probe->session = allocate_with_part(sizeof *probe->session, driver->session_size);
    probe->call = allocate_with_part(sizeof *probe->call, driver->call_size);
    if (!probe->worker || !probe->connection || !probe->session || !probe->call) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        goto failed;
    }
    probe->worker->target = target;
    probe->worker->loop = &probe->loop;
    probe->session->worker = probe->worker;
    if (driver->worker_open && driver->worker_open(probe->worker, error) < 0)
        goto failed;
    return 0;
failed:
    free_parts(probe);
    loop_close(&probe->loop);
    return -1;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void connection_opened(struct connection *connection)
{
    struct probe *probe = connection->engine_data;
    probe->connected = true;
    probe->waiting = false;
}

static void connection_closed(struct connection *connection, const struct outcome *why,
                              const char *text)
{
    struct probe *probe = connection->engine_data;
    probe->connected = false;
    probe->waiting = false;
    probe->closed_why = *why;
    snprintf(probe->closed_text, sizeof probe->closed_text, "%s", text ? text : "");
}

static void drop_connection(struct probe *probe)
{
    const struct driver *driver = probe->target->driver;
    if (probe->connection->worker)
        driver->disconnect(probe->connection);
    memset(probe->connection, 0, sizeof *probe->connection + driver->connection_size);
    probe->connected = false;
}

static bool connect_and_wait(struct probe *probe, uint64_t deadline_ns)
{
    if (probe->connected && probe->connection->reusable)
        return true;
    drop_connection(probe);
    probe->connection->worker = probe->worker;
    probe->connection->opened = connection_opened;
    probe->connection->closed = connection_closed;
    probe->connection->engine_data = probe;
    probe->waiting = true;
    probe->closed_why = (struct outcome){OUTCOME_CONNECT_TIMEOUT, 0, NULL};
    snprintf(probe->closed_text, sizeof probe->closed_text, "no connection in time");
    probe->target->driver->connect(probe->connection);
    while (probe->waiting && clock_now_ns() < deadline_ns && !interrupt_requested())
        loop_run_once(&probe->loop, interrupt_look_ns(deadline_ns));
    return probe->connected;
}

/* ---- calling -----------------------------------------------------------------------------------
 */

struct waiting_call {
    struct probe *probe;
    struct probe_result *result;
    bool done;
};

static char *scrubbed_copy(const char *text, size_t length)
{
    return text ? scrub_text(text, length) : NULL;
}

static void call_complete(struct call *call)
{
    struct waiting_call *waiting = call->engine_data;
    struct probe_result *result = waiting->result;
    const struct driver *driver = waiting->probe->target->driver;
    waiting->done = true;
    result->outcome = call->outcome;
    result->text = call->text && *call->text ? scrubbed_copy(call->text, strlen(call->text)) : NULL;
    result->response = scrubbed_copy(call->response, call->response_length);
    if (driver->request_text) {
        char *request = driver->request_text(call);
        result->request = request ? scrubbed_copy(request, strlen(request)) : NULL;
        free(request);
    }
}

static void run_call(struct probe *probe, const struct operation *operation, uint32_t variant,
                     uint64_t deadline_ns, struct probe_result *result)
{
    const struct driver *driver = probe->target->driver;
    struct template_context context = {.random = &probe->random};
    struct waiting_call waiting = {.probe = probe, .result = result};
    memset(probe->call, 0, sizeof *probe->call + driver->call_size);
    *probe->call = (struct call){
        .operation = operation,
        .connection = probe->connection,
        .session = probe->session,
        .context = &context,
        .variant = variant,
        .deadline_ns = deadline_ns,
        .keep_request = true,
        .want_response = true,
        .complete = call_complete,
        .engine_data = &waiting,
    };
    uint64_t started = clock_now_ns();
    probe->connection->in_flight = 1;
    driver->submit(probe->call);
    bool cancelled = false;
    while (!waiting.done) {
        deadline_ns = interrupt_hurry_ns(deadline_ns, 0);
        loop_run_once(&probe->loop, cancelled ? UINT64_MAX : interrupt_look_ns(deadline_ns));
        if (!waiting.done && !cancelled && clock_now_ns() >= deadline_ns) {
            cancelled = true;
            driver->cancel(probe->call, &(struct outcome){OUTCOME_TIMEOUT, 0, NULL});
        }
    }
    probe->connection->in_flight = 0;
    result->latency_ns = clock_now_ns() - started;
}

void probe_call(struct probe *probe, const struct operation *operation, uint32_t variant,
                uint64_t timeout_ns, struct probe_result *result)
{
    *result = (struct probe_result){0};
    uint64_t deadline_ns = clock_now_ns() + timeout_ns;
    if (!connect_and_wait(probe, deadline_ns)) {
        result->outcome = probe->closed_why;
        result->text = scrubbed_copy(probe->closed_text, strlen(probe->closed_text));
        return;
    }
    if (probe->target->needs_session && !probe->session->open &&
        !(operation->flags & OPERATION_SETUP)) {
        run_call(probe, &probe->target->session_open, 0, deadline_ns, result);
        if (result->outcome.kind != OUTCOME_OK)
            return;
        probe_result_free(result);
        deadline_ns = clock_now_ns() + timeout_ns;
        if (!connect_and_wait(probe, deadline_ns)) {
            result->outcome = probe->closed_why;
            return;
        }
    }
    run_call(probe, operation, variant, deadline_ns, result);
}

void probe_result_free(struct probe_result *result)
{
    free(result->text);
    free(result->response);
    free(result->request);
    *result = (struct probe_result){0};
}

void probe_close(struct probe *probe)
{
    const struct driver *driver = probe->target->driver;
    if (probe->session->open && probe->target->needs_session) {
        struct probe_result result;
        probe_call(probe, &probe->target->session_close, 0, 2 * NS_PER_S, &result);
        probe_result_free(&result);
    }
    drop_connection(probe);
    if (driver->session_discard)
        driver->session_discard(probe->session);
    if (driver->worker_close)
        driver->worker_close(probe->worker);
    free_parts(probe);
    loop_close(&probe->loop);
}
