/* The HTTP+SSE driver: its table, opening a target, workers. See mcp_sse.h and mcp_sse_internal.h.
 */
#include "base/log.h"
#include "base/scrub.h"
#include "drivers/mcp_sse_internal.h"

#include <stdlib.h>
#include <string.h>

static bool accepts(const struct target_options *options);
static int open_target(struct target *target, struct error *error);
static int open_stream(struct mcp_sse_target *sse, struct target *target, bool *served,
                       struct error *error);
static int discover(struct mcp_http_control *control, struct error *error);
static int prepare_handshake(struct mcp_sse_target *sse, struct error *error);
static void close_target(struct target *target);
static char *arguments_text(const struct operation *operation, uint32_t variant);
static int worker_open(struct driver_worker *worker, struct error *error);
static void worker_close(struct driver_worker *worker);
static void session_discard(struct session *session);
static const struct http_exchange *exchange_of(const struct call *call);

const struct driver mcp_sse_driver = {
    .name = "mcp_sse",
    .summary = "MCP over HTTP+SSE (2024-11-05): http:// and https:// URLs with transport sse",
    .accepts = accepts,
    .worker_size = sizeof(struct mcp_sse_worker),
    .connection_size = sizeof(struct mcp_sse_connection),
    .session_size = 0,
    .call_size = sizeof(struct mcp_sse_call),
    .open = open_target,
    .close = close_target,
    .prepare = mcp_operation_prepare,
    .release = mcp_operation_release,
    .arguments_text = arguments_text,
    .request_text = mcp_sse_request_text,
    .worker_open = worker_open,
    .worker_close = worker_close,
    .connect = mcp_sse_connect,
    .disconnect = mcp_sse_disconnect,
    .submit = mcp_sse_submit,
    .cancel = mcp_sse_cancel,
    .session_discard = session_discard,
};

const struct http_header mcp_sse_post_headers[1] = {{"Content-Type", "application/json"}};

static const struct mcp_http_transport transport = {.submit_raw = mcp_sse_submit_raw,
                                                    .exchange = exchange_of};

static bool accepts(const struct target_options *options)
{
    return options->url && options->transport && strcmp(options->transport, "sse") == 0 &&
           (strncmp(options->url, "http://", 7) == 0 || strncmp(options->url, "https://", 8) == 0);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_target(struct target *target, struct error *error)
{
    bool served;
    return mcp_sse_open(target, &served, error);
}

int mcp_sse_open(struct target *target, bool *served, struct error *error)
{
    struct mcp_sse_target *sse = calloc(1, sizeof *sse);
    *served = false;
    if (!sse)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    target->driver_data = sse;
    if (mcp_target_init(&sse->mcp, target->options, "HTTP+SSE", true, error) == 0) {
        if (sse->mcp.forced && sse->mcp.forced->era == MCP_ERA_MODERN)
            error_set(error, ERROR_USAGE,
                      "MCP %s has no HTTP+SSE transport; leave out --protocol or --transport",
                      sse->mcp.forced->name);
        else if (mcp_http_endpoint_open(&sse->endpoint, target, target->options->url, error) == 0 &&
                 open_stream(sse, target, served, error) == 0)
            return 0;
    }
    close_target(target);
    return -1;
}

static int open_stream(struct mcp_sse_target *sse, struct target *target, bool *served,
                       struct error *error)
{
    struct mcp_http_control control;
    int result = -1;
    sse->mcp.revision = sse->mcp.forced ? sse->mcp.forced : mcp_revision_find(MCP_LATEST_LEGACY);
    if (mcp_http_control_open(&control, target, &sse->mcp, &transport, error) == 0) {
        *served = mcp_http_control_connect(&control, error) == 0;
        target_trace(target, "connect", *served, "%s",
                     *served ? "the event stream is open and names its endpoint" : error->text);
        if (*served)
            result = discover(&control, error);
    }
    mcp_http_control_close(&control);
    if (result == 0 && prepare_handshake(sse, error) < 0)
        result = -1;
    return result;
}

static int discover(struct mcp_http_control *control, struct error *error)
{
    struct target *target = control->target;
    struct mcp_sse_target *sse = target->driver_data;
    bool shaken = mcp_control_initialize(&sse->mcp, &control->interface, error) == 0;
    target_trace(target, "handshake", shaken, "%s%s", shaken ? "MCP " : "",
                 shaken ? sse->mcp.revision->name : error->text);
    if (!shaken)
        return -1;
    if (mcp_control_discover_offers(target, &sse->mcp, &control->interface, error) < 0)
        return -1;
    target->calls_per_connection = MCP_SSE_CALLS_PER_STREAM;
    target->pid = mcp_http_pid_of(&sse->endpoint.address, sse->endpoint.url.port);
    return 0;
}

/* From here on every connection makes the handshake by itself: its stream is a session. */
static int prepare_handshake(struct mcp_sse_target *sse, struct error *error)
{
    const struct mcp_revision *revision = sse->mcp.revision;
    json_t *params = json_pack("{s:s, s:o, s:o}", "protocolVersion", revision->name, "capabilities",
                               mcp_client_capabilities(revision), "clientInfo", mcp_client_info());
    int built =
        params ? mcp_request_text_build(&sse->initialize, revision, "initialize", params, error)
               : error_set(error, ERROR_INTERNAL, "out of memory");
    json_decref(params);
    if (built < 0)
        return -1;
    sse->initialized = mcp_notification_text(revision, "notifications/initialized", NULL);
    return sse->initialized ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

static void close_target(struct target *target)
{
    struct mcp_sse_target *sse = target->driver_data;
    if (!sse)
        return;
    target->driver_data = NULL;
    target_free_offers(target);
    http_endpoint_close(&sse->endpoint);
    mcp_request_text_free(&sse->initialize);
    free(sse->initialized);
    mcp_target_free(&sse->mcp);
    free(sse);
}

static const struct http_exchange *exchange_of(const struct call *call)
{
    const struct mcp_sse_call *part = driver_part_of_call((struct call *)call);
    return &part->exchange;
}

static char *arguments_text(const struct operation *operation, uint32_t variant)
{
    return operation->driver_data ? mcp_operation_arguments_text(operation, variant) : NULL;
}

/* ---- workers --------------------------------------------------------------------------------- */

static int worker_open(struct driver_worker *worker, struct error *error)
{
    struct mcp_sse_worker *part = driver_part_of_worker(worker);
    (void)error;
    part->owner = worker;
    part->target = worker->target->driver_data;
    part->first_id = part->next_id = (int64_t)worker->index << 40;
    mcp_http_pool_init(&part->posts, worker->loop, &part->target->endpoint,
                       MCP_SSE_POST_CONNECTIONS);
    return 0;
}

static void worker_close(struct driver_worker *worker)
{
    struct mcp_sse_worker *part = driver_part_of_worker(worker);
    mcp_http_pool_close(&part->posts);
    mcp_sse_posts_discard(part);
    log_debug("mcp_sse: worker %u: %llu notifications and %llu requests from the server, %llu "
              "answers to them refused, %llu messages nobody waited for",
              worker->index, (unsigned long long)part->notifications,
              (unsigned long long)part->server_requests, (unsigned long long)part->refused_answers,
              (unsigned long long)part->unexpected);
    while (part->free_bodies) {
        struct mcp_http_body *body = part->free_bodies;
        part->free_bodies = body->next;
        mcp_http_body_free(body);
    }
}

static void session_discard(struct session *session)
{
    session->open = false; /* a session is its connection */
}
