/* The plain HTTP driver's table, and opening its targets. Nothing is asked of the server before the
 * run but a connection: any request might mean something. */
#include "drivers/http_request.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "drivers/mcp_http.h"
#include "drivers/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct driver http_driver;

/* ---- opening -----------------------------------------------------------------------------------
 */

struct probe {
    struct http_connection http;
    enum { PROBE_WAITS, PROBE_OPEN, PROBE_CLOSED } state;
    struct outcome why;
    char text[HTTP_REQUEST_TEXT];
};

static void probe_opened(struct http_connection *http)
{
    container_of(http, struct probe, http)->state = PROBE_OPEN;
}

static void probe_closed(struct http_connection *http, const struct outcome *why, const char *text)
{
    struct probe *probe = container_of(http, struct probe, http);
    probe->state = PROBE_CLOSED;
    probe->why = *why;
    snprintf(probe->text, sizeof probe->text, "%s", text);
}

static const struct http_connection_events probe_events = {.opened = probe_opened,
                                                           .closed = probe_closed};

/* A URL with http:// or https:// is an MCP server's unless the plan says `driver: http`. */
static bool http_accepts(const struct target_options *options)
{
    (void)options;
    return false;
}

static int describe(struct target *target, const struct http_connection *http)
{
    const struct http_endpoint *endpoint = http->endpoint;
    const char *tls = stream_tls_description(&http->stream);
    const char *version = http->http2 ? "HTTP/2" : "HTTP/1.1";
    const char *transport = endpoint->tls ? "TLS" : "TCP";
    if (endpoint->url.host[0] == '/')
        transport = "Unix socket";
    if (asprintf(&target->description, "%s, %s", version, transport) < 0)
        target->description = NULL;
    target->facts = json_pack("{s:s, s:s}", "protocol", version, "transport", transport);
    if (!target->description || !target->facts)
        return -1;
    if (tls)
        json_object_set_new(target->facts, "tls", json_string(tls));
    target->calls_per_connection = http->capacity ? http->capacity : 1;
    if (endpoint->url.host[0] != '/')
        target->pid = mcp_http_pid_of(&endpoint->address, endpoint->url.port);
    return 0;
}

static int reach(struct target *target, const struct http_endpoint *endpoint, struct error *error)
{
    struct probe probe = {0};
    struct loop loop;
    if (loop_open(&loop, error) < 0)
        return -1;
    http_connection_open(&probe.http, &loop, endpoint, &probe_events);
    while (probe.state == PROBE_WAITS && !interrupt_requested())
        loop_run_once(&loop, interrupt_look_ns(UINT64_MAX)); /* the connect timeout bounds it */
    int result;
    if (probe.state == PROBE_OPEN) {
        result = describe(target, &probe.http);
        if (result < 0)
            error_set(error, ERROR_INTERNAL, "out of memory");
        target_trace(target, "connect", true, "%s", target->description ? target->description : "");
    } else {
        result = error_set(error, ERROR_TARGET, "cannot reach http%s://%s: %s",
                           endpoint->tls ? "s" : "", endpoint->authority, probe.text);
        target_trace(target, probe.why.kind == OUTCOME_TLS ? "tls" : "connect", false, "%s",
                     probe.text);
    }
    http_connection_close(&probe.http);
    loop_close(&loop);
    return result;
}

static int open_endpoint(struct http_endpoint *endpoint, const struct target_options *options,
                         struct error *error)
{
    struct tls_options tls = {.ca_file = options->ca_file,
                              .certificate_file = options->certificate_file,
                              .key_file = options->key_file,
                              .insecure = options->insecure,
                              .offer_http2 = options->http2};
    struct http_header *headers = calloc(options->header_count + 1, sizeof *headers);
    struct outcome outcome;
    if (!headers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < options->header_count; i++)
        headers[i] = (struct http_header){options->header_names[i], options->header_values[i]};
    int result = http_endpoint_open(endpoint, options->url, &tls, headers, options->header_count,
                                    &outcome, error);
    free(headers);
    if (result == 0 && options->connect_timeout_ns)
        endpoint->connect_timeout_ns = options->connect_timeout_ns;
    return result;
}

static int add_offers(struct target *target)
{
    return target_add_offer(target, "command", "GET", "GET of the target's URL",
                            OFFER_READ_ONLY | OFFER_IDEMPOTENT, NULL) &&
                   target_add_offer(target, "command", "custom",
                                    "a request of a plan's own: {\"method\", \"path\", "
                                    "\"headers\", \"body\", \"expect\"}",
                                    0, NULL) &&
                   target_add_offer(target, "connection_churn", "connection_churn", NULL,
                                    OFFER_READ_ONLY, NULL)
               ? 0
               : -1;
}

static void http_close(struct target *target)
{
    struct http_request_target *http = target->driver_data;
    if (http)
        http_endpoint_close(&http->endpoint);
    free(http);
    target->driver_data = NULL;
    target_free_offers(target);
}

static int http_open(struct target *target, struct error *error)
{
    static const struct setting none[] = {{NULL, SETTING_TEXT, 0, 0, 0, NULL}};
    const struct target_options *options = target->options;
    struct target_options settings = {.driver_options = options->driver_options,
                                      .where = options->where}; /* the query is the server's */
    struct http_request_target *http = calloc(1, sizeof *http);
    target->driver_data = http;
    int result = http ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    if (result == 0 && !options->url)
        result = error_set(error, ERROR_USAGE,
                           "%s: the http driver needs a URL, as in url: http://127.0.0.1:8080/",
                           options->where ? options->where : "target");
    if (result == 0)
        result = settings_read(NULL, none, "the http driver", &settings, error);
    if (result == 0)
        result = open_endpoint(&http->endpoint, options, error);
    if (result == 0)
        result = reach(target, &http->endpoint, error);
    if (result == 0 && add_offers(target) < 0)
        result = error_set(error, ERROR_INTERNAL, "out of memory");
    if (result < 0)
        http_close(target);
    return result;
}

/* ---- operations --------------------------------------------------------------------------------
 */

static void http_release(struct target *target, struct operation *operation)
{
    (void)target;
    if (operation->driver_data)
        http_request_free(operation->driver_data);
    free(operation->driver_data);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

static int http_prepare(struct target *target, const struct operation_spec *spec,
                        struct operation *operation, struct error *error)
{
    struct http_request_operation *request = calloc(1, sizeof *request);
    const char *where = spec->where ? spec->where : "plan";
    bool custom = strcmp(spec->offer->name, "custom") == 0;
    *operation = (struct operation){.offer = spec->offer, .driver_data = request};
    if (strcmp(spec->offer->kind, "connection_churn") == 0)
        operation->flags |= OPERATION_NEW_CONNECTION;
    int result = request ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    if (result == 0 && custom && !spec->arguments)
        result = error_set(error, ERROR_USAGE,
                           "%s: a request of a plan's own needs arguments, as in {method: GET, "
                           "path: /health, expect: {status: 200}}",
                           where);
    if (result == 0)
        result = http_request_compile(request, spec->arguments, where, error);
    if (result == 0) {
        operation->name = custom ? http_request_name(spec->arguments) : strdup(spec->offer->name);
        if (!operation->name)
            result = error_set(error, ERROR_INTERNAL, "out of memory");
    }
    if (result < 0)
        http_release(target, operation);
    return result;
}

static char *http_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct http_request_operation *request = operation->driver_data;
    (void)variant;
    return json_dumps(request->arguments, JSON_COMPACT);
}

/* ---- workers ------------------------------------------------------------------------------------
 */

static int http_worker_open(struct driver_worker *worker, struct error *error)
{
    struct http_request_worker *http = driver_part_of_worker(worker);
    (void)error;
    buffer_init(&http->scratch, HTTP_REQUEST_LIMIT);
    random_seed(&http->random, worker->target->options->seed, worker->index);
    return 0;
}

static void http_worker_close(struct driver_worker *worker)
{
    struct http_request_worker *http = driver_part_of_worker(worker);
    buffer_free(&http->scratch);
}

static void http_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver http_driver = {
    .name = "http",
    .summary = "any HTTP request, with checks; for a target with driver: http",
    .accepts = http_accepts,
    .worker_size = sizeof(struct http_request_worker),
    .connection_size = sizeof(struct http_request_connection),
    .call_size = sizeof(struct http_request_call),
    .open = http_open,
    .close = http_close,
    .prepare = http_prepare,
    .release = http_release,
    .arguments_text = http_arguments_text,
    .request_text = http_request_request_text,
    .worker_open = http_worker_open,
    .worker_close = http_worker_close,
    .connect = http_request_connect,
    .disconnect = http_request_disconnect,
    .submit = http_request_submit,
    .cancel = http_request_cancel,
    .session_discard = http_session_discard,
};
