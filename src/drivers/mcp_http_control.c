/* See mcp_http_control.h. */
#include "drivers/mcp_http_control.h"
#include "base/clock.h"
#include "base/interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_TIMEOUT_NS (30 * NS_PER_S) /* unless the target's options set one */

static void control_opened(struct connection *connection);
static void control_closed(struct connection *connection, const struct outcome *why,
                           const char *text);
static void control_complete(struct call *call);
static void prepare_call(struct mcp_http_control *control, const struct operation *operation);
static void wait_for_call(struct mcp_http_control *control);
static int control_request(void *context, const char *method, const json_t *params, json_t **result,
                           int64_t *code, struct error *error);
static int control_notify(void *context, const char *method, const json_t *params,
                          struct error *error);
static void *allocate(size_t own, size_t part);

/* ---- life ------------------------------------------------------------------------------------ */

int mcp_http_control_open(struct mcp_http_control *control, struct target *target,
                          struct mcp_target *mcp, const struct mcp_http_transport *transport,
                          struct error *error)
{
    const struct driver *driver = target->driver;
    *control = (struct mcp_http_control){
        .target = target,
        .mcp = mcp,
        .transport = transport,
        .interface = {.context = control, .request = control_request, .notify = control_notify}};
    buffer_init(&control->response, MCP_HTTP_EVENT_LIMIT * 4);
    if (loop_open(&control->loop, error) < 0)
        return -1;
    control->loop_opened = true;
    control->worker = allocate(sizeof *control->worker, driver->worker_size);
    control->connection = allocate(sizeof *control->connection, driver->connection_size);
    control->session = allocate(sizeof *control->session, driver->session_size);
    control->call = allocate(sizeof *control->call, driver->call_size);
    if (!control->worker || !control->connection || !control->session || !control->call) {
        free(control->worker); /* not opened: nothing in it to close */
        control->worker = NULL;
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    control->worker->target = target;
    control->worker->loop = &control->loop;
    control->session->worker = control->worker;
    return driver->worker_open(control->worker, error);
}

void mcp_http_control_close(struct mcp_http_control *control)
{
    const struct driver *driver = control->target->driver;
    if (control->connecting || control->connected)
        driver->disconnect(control->connection);
    if (control->worker) {
        driver->session_discard(control->session);
        driver->worker_close(control->worker);
    }
    if (control->loop_opened)
        loop_close(&control->loop);
    buffer_free(&control->response);
    free(control->call);
    free(control->session);
    free(control->connection);
    free(control->worker);
}

static void *allocate(size_t own, size_t part)
{
    return calloc(1, own + part);
}

/* ---- connecting ------------------------------------------------------------------------------ */

int mcp_http_control_connect(struct mcp_http_control *control, struct error *error)
{
    const struct driver *driver = control->target->driver;
    struct connection *connection = control->connection;
    if (control->connected && connection->reusable)
        return 0;
    if (control->connected || control->connecting)
        driver->disconnect(connection);
    memset(connection, 0, sizeof *connection + driver->connection_size);
    *connection = (struct connection){.worker = control->worker,
                                      .opened = control_opened,
                                      .closed = control_closed,
                                      .engine_data = control};
    control->connected = false;
    control->connecting = control->waiting = true;
    control->exchange = NULL;
    driver->connect(connection);
    while (control->waiting && !interrupt_requested())
        loop_run_once(&control->loop, interrupt_look_ns(UINT64_MAX));
    if (control->connected)
        return 0;
    return mcp_http_control_explain(control, NULL, error);
}

static void control_opened(struct connection *connection)
{
    struct mcp_http_control *control = connection->engine_data;
    control->connected = true;
    control->waiting = false;
}

static void control_closed(struct connection *connection, const struct outcome *why,
                           const char *text)
{
    struct mcp_http_control *control = connection->engine_data;
    connection->reusable = false;
    if (control->connected)
        return; /* the next exchange opens another */
    control->outcome = *why;
    snprintf(control->text, sizeof control->text, "%s", text ? text : "");
    control->waiting = false;
}

/* ---- exchanges ------------------------------------------------------------------------------- */

int mcp_http_control_ask(struct mcp_http_control *control, const char *method, const json_t *params,
                         struct error *error)
{
    struct mcp_variant variant = {0};
    struct mcp_http_headers headers = {0};
    struct mcp_operation operation = {
        .method = (char *)method, .variants = &variant, .variant_count = 1};
    const struct mcp_revision *revision = control->mcp->revision;
    if (mcp_http_control_connect(control, error) < 0 ||
        mcp_request_text_build(&variant.text, revision, method, params, error) < 0)
        return -1;
    variant.params = params ? json_incref((json_t *)params) : json_object();
    int failed = 0;
    if (control->mcp->http && revision->era == MCP_ERA_MODERN) {
        failed = mcp_http_headers_build(&headers, revision, &operation, NULL, NULL, error);
        operation.transport_data = &headers;
    }
    if (!failed) {
        struct operation raw = {.name = (char *)method, .driver_data = &operation};
        prepare_call(control, &raw);
        control->transport->submit_raw(control->call, &operation, NULL);
        wait_for_call(control);
    }
    free(headers.headers);
    json_decref(variant.params);
    mcp_request_text_free(&variant.text);
    return failed;
}

void mcp_http_control_run(struct mcp_http_control *control, const struct operation *operation)
{
    struct error ignored;
    if (mcp_http_control_connect(control, &ignored) < 0)
        return;
    prepare_call(control, operation);
    control->target->driver->submit(control->call);
    wait_for_call(control);
}

static void prepare_call(struct mcp_http_control *control, const struct operation *operation)
{
    *control->call = (struct call){.operation = operation,
                                   .connection = control->connection,
                                   .session = control->session,
                                   .want_response = true,
                                   .complete = control_complete,
                                   .engine_data = control};
}

static void wait_for_call(struct mcp_http_control *control)
{
    uint64_t limit = control->target->options->timeout_ns;
    uint64_t deadline = clock_now_ns() + (limit ? limit : CONTROL_TIMEOUT_NS);
    const struct outcome timeout = {OUTCOME_TIMEOUT, 0, NULL};
    bool cancelled = false;
    control->waiting = true;
    while (control->waiting) {
        deadline = interrupt_hurry_ns(deadline, 0);
        loop_run_once(&control->loop, cancelled ? UINT64_MAX : interrupt_look_ns(deadline));
        if (control->waiting && !cancelled && clock_now_ns() >= deadline) {
            control->target->driver->cancel(control->call, &timeout);
            cancelled = true;
        }
    }
}

static void control_complete(struct call *call)
{
    struct mcp_http_control *control = call->engine_data;
    control->outcome = call->outcome;
    control->exchange = control->transport->exchange(call);
    snprintf(control->text, sizeof control->text, "%s", call->text ? call->text : "");
    buffer_clear(&control->response);
    if (call->response &&
        buffer_append(&control->response, call->response, call->response_length)) {
        control->outcome = (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "body_too_large"};
        snprintf(control->text, sizeof control->text, "an answer of %zu bytes is too large",
                 call->response_length);
    }
    control->waiting = false;
}

int mcp_http_control_explain(const struct mcp_http_control *control, const char *what,
                             struct error *error)
{
    struct mcp_http_failure failure = {.what = what,
                                       .outcome = control->outcome,
                                       .text = control->text,
                                       .exchange = control->exchange};
    return mcp_http_explain(control->target, &failure, error);
}

/* ---- the interface of mcp_control --------------------------------------------------------------
 */

static int control_request(void *context, const char *method, const json_t *params, json_t **result,
                           int64_t *code, struct error *error)
{
    struct mcp_http_control *control = context;
    *result = NULL;
    *code = 0;
    if (mcp_http_control_ask(control, method, params, error) < 0)
        return -1;
    if (control->outcome.kind != OUTCOME_OK) {
        if (control->outcome.kind == OUTCOME_JSONRPC_ERROR)
            *code = control->outcome.code;
        return mcp_http_control_explain(control, NULL, error);
    }
    if (strcmp(method, "initialize") == 0 && control->exchange)
        snprintf(control->session_id, sizeof control->session_id, "%s",
                 control->exchange->session_id);
    struct jsonrpc_message message;
    jsonrpc_scan(&message, buffer_bytes(&control->response), buffer_length(&control->response));
    json_error_t problem;
    *result = json_loadb(message.result.start, message.result.length, JSON_ALLOW_NUL, &problem);
    if (!*result)
        return error_set(error, ERROR_TARGET, "the result of %s cannot be read: %s", method,
                         problem.text);
    return 0;
}

static int control_notify(void *context, const char *method, const json_t *params,
                          struct error *error)
{
    struct mcp_http_control *control = context;
    if (strcmp(method, "notifications/initialized") == 0 && control->transport->handshaken)
        control->transport->handshaken(control->session, control->mcp, control->session_id);
    if (mcp_http_control_connect(control, error) < 0)
        return -1;
    char *text = mcp_notification_text(control->mcp->revision, method, params);
    if (!text)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    struct operation raw = {.name = (char *)method};
    prepare_call(control, &raw);
    control->transport->submit_raw(control->call, NULL, text);
    wait_for_call(control);
    free(text);
    return control->outcome.kind == OUTCOME_OK ? 0 : mcp_http_control_explain(control, NULL, error);
}
