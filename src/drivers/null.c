/* The null driver: operations that cost nothing, or as much latency and trouble as asked for. It
 * measures what cicada itself costs, and gives the engine's tests a target whose every fault is
 * known. With no latency a call completes in the same turn of the loop; else a timer completes it.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/template.h"
#include "drivers/null_options.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NULL_RESPONSE_LIMIT = 64 * 1024 };

struct null_target {
    struct null_options options;
    uint64_t opened_ns;
    bool has_model;
    pthread_mutex_t mutex; /* of the model: one queue for all workers */
    struct null_model model;
};

struct null_operation {
    struct text_template *arguments; /* NULL: none */
    char *arguments_text;
    bool new_session; /* session_open */
    bool end_session; /* session_close */
};

struct null_worker {
    struct random random;
    struct buffer response;
};

struct null_call {
    struct loop_task task;
    struct loop_timer timer;
    struct null_call *next, **link; /* among the calls under way on the connection */
    struct call *call;
    bool resets, modelled;
};

struct null_connection {
    struct loop_task task;
    struct loop_timer timer;
    struct null_call *calls;
    bool refused;
};

extern const struct driver null_driver;

static struct null_target *null_target_of(const struct driver_worker *worker)
{
    return worker->target->driver_data;
}

static struct loop *loop_of(const struct call *call)
{
    return call->connection->worker->loop;
}

/* ---- target and operations --------------------------------------------------------------------
 */

static bool null_accepts(const struct target_options *options)
{
    return options->url && strncmp(options->url, "null://", 7) == 0;
}

static int add_tools(struct target *target, const char *prefix, uint64_t count, unsigned hints)
{
    for (uint64_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%llu", prefix, (unsigned long long)i);
        if (!target_add_offer(target, "tool", name, NULL, hints, NULL))
            return -1;
    }
    return 0;
}

static int add_offers(struct target *target, const struct null_options *options)
{
    if (add_tools(target, "op", options->operations, OFFER_READ_ONLY) < 0 ||
        add_tools(target, "destructive", options->destructive, OFFER_DESTRUCTIVE) < 0 ||
        add_tools(target, "undeclared", options->undeclared, OFFER_DESTRUCTIVE_UNSAID) < 0)
        return -1;
    if (!target_add_offer(target, "ping", "ping", NULL, OFFER_READ_ONLY, NULL) ||
        !target_add_offer(target, "connection_churn", "connection_churn", NULL, OFFER_READ_ONLY,
                          NULL))
        return -1;
    return 0;
}

static int null_setup_operation(struct operation *operation, const char *name, bool opens)
{
    struct null_operation *null = calloc(1, sizeof *null);
    operation->name = strdup(name);
    operation->flags = OPERATION_SETUP;
    operation->driver_data = null;
    if (!null || !operation->name)
        return -1;
    null->new_session = opens;
    null->end_session = !opens;
    return 0;
}

static void null_release(struct target *target, struct operation *operation)
{
    (void)target;
    struct null_operation *null = operation->driver_data;
    if (null) {
        template_free(null->arguments);
        free(null->arguments_text);
    }
    free(null);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

static void null_close(struct target *target)
{
    struct null_target *null = target->driver_data;
    if (null) {
        null_release(target, &target->session_open);
        null_release(target, &target->session_close);
        null_options_free(&null->options);
        null_model_free(&null->model);
        pthread_mutex_destroy(&null->mutex);
    }
    free(null);
    target->driver_data = NULL;
    target_free_offers(target);
}

static int null_open(struct target *target, struct error *error)
{
    struct null_target *null = calloc(1, sizeof *null);
    if (!null)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    target->driver_data = null;
    pthread_mutex_init(&null->mutex, NULL);
    if (null_options_read(&null->options, target->options, error) < 0) {
        null_close(target);
        return -1;
    }
    null->opened_ns = clock_now_ns();
    null->has_model = null_options_model(&null->options);
    if (null_model_init(&null->model, &null->options.behaviour, target->options->seed,
                        null->opened_ns) < 0) {
        null_close(target);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    target->needs_session = null->options.sessions != 0;
    target->max_connections = (unsigned)null->options.max_connections;
    target->calls_per_connection = (unsigned)null->options.calls_per_connection;
    target->pid = (pid_t)null->options.pid;
    target->description = strdup("null target: nothing but cicada itself");
    target->facts = json_pack("{s:s}", "transport", "none");
    if (!target->description || !target->facts || add_offers(target, &null->options) < 0 ||
        null_setup_operation(&target->session_open, "initialize", true) < 0 ||
        null_setup_operation(&target->session_close, "session/close", false) < 0) {
        null_close(target);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    return 0;
}

static int null_prepare(struct target *target, const struct operation_spec *spec,
                        struct operation *operation, struct error *error)
{
    struct null_operation *null = calloc(1, sizeof *null);
    operation->offer = spec->offer;
    operation->name = strdup(spec->offer->name);
    operation->driver_data = null;
    if (strcmp(spec->offer->kind, "connection_churn") == 0)
        operation->flags |= OPERATION_NEW_CONNECTION;
    if (null && spec->arguments)
        null->arguments_text = json_dumps(spec->arguments, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!operation->name || !null || (spec->arguments && !null->arguments_text)) {
        null_release(target, operation);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    if (!spec->arguments)
        return 0;
    null->arguments = template_compile(null->arguments_text, true, NULL, NULL, error);
    if (null->arguments)
        return 0;
    null_release(target, operation);
    return error_wrap(error, "%s: arguments of %s", spec->where ? spec->where : "plan",
                      spec->offer->name);
}

static char *null_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct null_operation *null = operation->driver_data;
    (void)variant;
    return null->arguments_text ? strdup(null->arguments_text) : NULL;
}

static char *null_request_text(const struct call *call)
{
    const struct null_operation *null = call->operation->driver_data;
    json_t *arguments = null->arguments_text ? json_loads(null->arguments_text, 0, NULL) : NULL;
    json_t *request = json_pack("{s:s,s:I,s:o*}", "operation", call->operation->name, "variant",
                                (json_int_t)call->variant, "arguments", arguments);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return text;
}

/* ---- workers and connections ------------------------------------------------------------------
 */

static int null_worker_open(struct driver_worker *worker, struct error *error)
{
    (void)error;
    struct null_worker *null = driver_part_of_worker(worker);
    random_seed(&null->random, worker->target->options->seed, worker->index);
    buffer_init(&null->response, NULL_RESPONSE_LIMIT);
    return 0;
}

static void null_worker_close(struct driver_worker *worker)
{
    struct null_worker *null = driver_part_of_worker(worker);
    buffer_free(&null->response);
}

static bool happens(struct driver_worker *worker, double rate)
{
    struct null_worker *null = driver_part_of_worker(worker);
    return rate > 0 && random_unit(&null->random) < rate;
}

static bool is_dead(const struct null_target *null, uint64_t now)
{
    uint64_t age = now - null->opened_ns;
    return null->options.refuse_after_ns && age >= null->options.refuse_after_ns &&
           (!null->options.revive_after_ns || age < null->options.revive_after_ns);
}

static void connection_ready(struct connection *connection)
{
    struct null_connection *null = driver_part_of_connection(connection);
    if (null->refused) {
        struct outcome why = {.kind = OUTCOME_CONNECT_REFUSED, .detail = "injected"};
        connection->closed(connection, &why, "the null target refused the connection");
        return;
    }
    struct null_target *target = null_target_of(connection->worker);
    connection->capacity = (unsigned)target->options.calls_per_connection;
    connection->reusable = true;
    connection->connect_ns = target->options.connect_latency_ns;
    connection->opened(connection);
}

static struct connection *connection_of(struct null_connection *null)
{
    return (struct connection *)(void *)null - 1;
}

static void connection_task(struct loop_task *task)
{
    connection_ready(connection_of(container_of(task, struct null_connection, task)));
}

static void connection_timer(struct loop_timer *timer)
{
    connection_ready(connection_of(container_of(timer, struct null_connection, timer)));
}

static void null_connect(struct connection *connection)
{
    struct null_connection *null = driver_part_of_connection(connection);
    struct null_target *target = null_target_of(connection->worker);
    uint64_t now = clock_now_ns();
    null->task.run = connection_task;
    null->timer.fired = connection_timer;
    null->refused =
        is_dead(target, now) || happens(connection->worker, target->options.refuse_rate);
    if (target->options.connect_latency_ns)
        loop_timer_start(connection->worker->loop, &null->timer,
                         now + target->options.connect_latency_ns);
    else
        loop_defer(connection->worker->loop, &null->task);
}

static void null_disconnect(struct connection *connection)
{
    struct null_connection *null = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &null->task);
    loop_timer_stop(connection->worker->loop, &null->timer);
}

/* ---- calls ------------------------------------------------------------------------------------
 */

static const struct outcome reset_outcome = {.kind = OUTCOME_CONNECTION_RESET,
                                             .detail = "injected"};

static void render_response(struct call *call)
{
    const struct null_target *target = null_target_of(call->connection->worker);
    const struct null_operation *operation = call->operation->driver_data;
    struct null_worker *worker = driver_part_of_worker(call->connection->worker);
    const char *missing = NULL;
    buffer_clear(&worker->response);
    if (target->options.response)
        buffer_append_text(&worker->response, target->options.response);
    else if (!operation->arguments)
        buffer_printf(&worker->response, "{\"variant\":%u}", call->variant);
    else if (template_render(operation->arguments, call->context, &worker->response, &missing) < 0)
        call->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = "template"};
    call->response = buffer_bytes(&worker->response);
    call->response_length = buffer_length(&worker->response);
}

static void unlink_call(struct null_call *null)
{
    *null->link = null->next;
    if (null->next)
        null->next->link = null->link;
}

static void model_finish(struct null_target *target)
{
    pthread_mutex_lock(&target->mutex);
    null_model_finish(&target->model);
    pthread_mutex_unlock(&target->mutex);
}

static void finish(struct null_call *null)
{
    struct call *call = null->call;
    const struct null_operation *operation = call->operation->driver_data;
    unlink_call(null);
    if (null->modelled)
        model_finish(null_target_of(call->connection->worker));
    call->end_ns = clock_now_ns();
    if (call->outcome.kind == OUTCOME_OK) {
        call->first_byte_ns = call->end_ns;
        if (operation->new_session)
            call->session->open = true;
        if (operation->end_session)
            call->session->open = false;
        if (call->want_response)
            render_response(call);
    } else if (!call->text) {
        call->text = "the null target was told to fail";
    }
    call->complete(call);
}

/* The connection goes, and every call on it with it. */
static void reset_connection(struct connection *connection)
{
    struct null_connection *null = driver_part_of_connection(connection);
    connection->reusable = false; /* before the calls complete: none shall follow on it */
    while (null->calls) {
        struct null_call *call = null->calls;
        loop_undefer(connection->worker->loop, &call->task);
        loop_timer_stop(connection->worker->loop, &call->timer);
        call->call->outcome = reset_outcome;
        finish(call);
    }
    connection->closed(connection, &reset_outcome, "the null target reset the connection");
}

static void call_ready(struct null_call *null)
{
    if (null->resets)
        reset_connection(null->call->connection);
    else
        finish(null);
}

static void call_task(struct loop_task *task)
{
    call_ready(container_of(task, struct null_call, task));
}

static void call_timer(struct loop_timer *timer)
{
    call_ready(container_of(timer, struct null_call, timer));
}

/* When the answer comes: after the latency, and not within a stall. */
static uint64_t answer_time(struct call *call, const struct null_target *target, uint64_t now)
{
    const struct null_options *options = &target->options;
    uint64_t at = now + options->latency_ns;
    if (options->jitter_ns) {
        struct null_worker *worker = driver_part_of_worker(call->connection->worker);
        at += random_below(&worker->random, options->jitter_ns + 1);
    }
    if (options->stall_every_ns) {
        uint64_t into = (at - target->opened_ns) % options->stall_every_ns;
        if (into >= options->stall_every_ns - options->stall_for_ns)
            at += options->stall_every_ns - into;
    }
    return at;
}

static uint64_t model_answer(struct call *call, struct null_target *target)
{
    pthread_mutex_lock(&target->mutex);
    struct null_answer answer = null_model_submit(&target->model, clock_now_ns());
    pthread_mutex_unlock(&target->mutex);
    if (answer.refused)
        call->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = "refused"};
    return answer.at_ns;
}

/* The burst of errors, where one is asked for, is over the target's age. */
static double error_rate_now(const struct null_target *target, uint64_t now)
{
    const struct null_options *options = &target->options;
    uint64_t age = now - target->opened_ns;
    bool on = age >= options->error_after_ns &&
              (!options->error_until_ns || age < options->error_until_ns);
    return on ? options->error_rate : 0;
}

static void null_submit(struct call *call)
{
    struct null_call *null = driver_part_of_call(call);
    struct null_connection *connection = driver_part_of_connection(call->connection);
    struct null_target *target = null_target_of(call->connection->worker);
    const struct null_operation *operation = call->operation->driver_data;
    struct driver_worker *worker = call->connection->worker;
    uint64_t now = clock_now_ns();
    null->call = call;
    null->task.run = call_task;
    null->timer.fired = call_timer;
    null->next = connection->calls;
    null->link = &connection->calls;
    if (null->next)
        null->next->link = &null->next;
    connection->calls = null;
    call->send_ns = call->sent_ns = now;
    call->round_trips = 1;
    null->resets = is_dead(target, now) || happens(worker, target->options.reset_rate);
    double error_rate =
        operation->new_session ? target->options.session_error_rate : error_rate_now(target, now);
    if (!null->resets && happens(worker, operation->end_session ? 0 : error_rate))
        call->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = "injected"};
    null->modelled = target->has_model && !operation->new_session && !operation->end_session;
    uint64_t served = null->modelled ? model_answer(call, target) : now;
    if (happens(worker, target->options.hang_rate))
        return; /* until it is cancelled */
    uint64_t at = answer_time(call, target, served);
    if (at > now)
        loop_timer_start(worker->loop, &null->timer, at);
    else
        loop_defer(worker->loop, &null->task);
}

static void null_cancel(struct call *call, const struct outcome *why)
{
    struct null_call *null = driver_part_of_call(call);
    loop_timer_stop(loop_of(call), &null->timer);
    call->outcome = *why;
    call->text = "the null target did not answer";
    null->resets = false;
    loop_defer(loop_of(call), &null->task);
}

static void null_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver null_driver = {
    .name = "null",
    .summary = "no target at all: measures what cicada itself costs, and injects faults",
    .accepts = null_accepts,
    .worker_size = sizeof(struct null_worker),
    .connection_size = sizeof(struct null_connection),
    .call_size = sizeof(struct null_call),
    .open = null_open,
    .close = null_close,
    .prepare = null_prepare,
    .release = null_release,
    .arguments_text = null_arguments_text,
    .request_text = null_request_text,
    .worker_open = null_worker_open,
    .worker_close = null_worker_close,
    .connect = null_connect,
    .disconnect = null_disconnect,
    .submit = null_submit,
    .cancel = null_cancel,
    .session_discard = null_session_discard,
};
