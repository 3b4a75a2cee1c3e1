/* The Streamable HTTP driver: its table, what is made ahead of a run, workers and connections. See
 * mcp_http.h for the other rooms. */
#include "drivers/mcp_http.h"
#include "base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool accepts(const struct target_options *options);
static int prepare(struct target *target, const struct operation_spec *spec,
                   struct operation *operation, struct error *error);
static int prepare_headers(struct mcp_http_target *http, struct mcp_operation *mcp,
                           struct error *error);
static void release(struct target *target, struct operation *operation);
static char *arguments_text(const struct operation *operation, uint32_t variant);
static void connection_opened(struct http_connection *http);
static void connection_closed(struct http_connection *http, const struct outcome *why,
                              const char *text);
static void connection_task(struct loop_task *task);

const struct driver mcp_http_driver = {
    .name = "mcp_http",
    .summary = "MCP over Streamable HTTP: http:// and https:// URLs, every revision",
    .accepts = accepts,
    .worker_size = sizeof(struct mcp_http_worker),
    .connection_size = sizeof(struct mcp_http_connection),
    .session_size = sizeof(struct mcp_http_session),
    .call_size = sizeof(struct mcp_http_call),
    .open = mcp_http_open,
    .close = mcp_http_close,
    .prepare = prepare,
    .release = release,
    .arguments_text = arguments_text,
    .request_text = mcp_http_request_text,
    .worker_open = mcp_http_worker_open,
    .worker_close = mcp_http_worker_close,
    .connect = mcp_http_connect,
    .disconnect = mcp_http_disconnect,
    .submit = mcp_http_submit,
    .cancel = mcp_http_cancel,
    .session_discard = mcp_http_session_discard,
};

const struct http_header mcp_http_post_headers[2] = {
    {"Content-Type", "application/json"},
    {"Accept", "application/json, text/event-stream"},
};
const struct http_header mcp_http_accept_stream = {"Accept", "text/event-stream"};

static bool accepts(const struct target_options *options)
{
    const char *transport = options->transport ? options->transport : "auto";
    return options->url &&
           (strncmp(options->url, "http://", 7) == 0 ||
            strncmp(options->url, "https://", 8) == 0) &&
           (strcmp(transport, "auto") == 0 || strcmp(transport, "http") == 0);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* In the legacy era the headers belong to the session; in the modern era to the operation. */
static int prepare(struct target *target, const struct operation_spec *spec,
                   struct operation *operation, struct error *error)
{
    struct mcp_http_target *http = target->driver_data;
    if (mcp_operation_prepare(target, spec, operation, error) < 0)
        return -1;
    struct mcp_operation *mcp = operation->driver_data;
    if (http->mcp.revision->era != MCP_ERA_MODERN || !mcp->method)
        return 0;
    if (prepare_headers(http, mcp, error) < 0) {
        release(target, operation);
        return -1;
    }
    return 0;
}

static int prepare_headers(struct mcp_http_target *http, struct mcp_operation *mcp,
                           struct error *error)
{
    struct mcp_http_headers *headers = calloc(mcp->variant_count, sizeof *headers);
    if (!headers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    mcp->transport_data = headers;
    for (unsigned i = 0; i < mcp->variant_count; i++)
        if (!mcp->variants[i].body &&
            mcp_http_headers_build(&headers[i], http->mcp.revision, mcp,
                                   mcp_operation_name_value(mcp, i),
                                   mcp->variants[i].param_header_values, error) < 0)
            return -1;
    return 0;
}

int mcp_http_headers_build(struct mcp_http_headers *out, const struct mcp_revision *revision,
                           const struct mcp_operation *operation, const char *name,
                           char *const *values, struct error *error)
{
    const struct mcp_tool *tool = operation->tool;
    size_t params = tool && values ? tool->param_header_count : 0, count = 0;
    size_t text_size = name ? strlen(name) + 1 : 0;
    for (size_t i = 0; i < params; i++)
        text_size += values[i] ? strlen(values[i]) + 1 : 0;
    struct http_header *headers = malloc((5 + params) * sizeof *headers + text_size);
    if (!headers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    char *text = (char *)(headers + 5 + params);
    headers[count++] = mcp_http_post_headers[0];
    headers[count++] = mcp_http_post_headers[1];
    headers[count++] = (struct http_header){"MCP-Protocol-Version", revision->name};
    headers[count++] = (struct http_header){"Mcp-Method", operation->method};
    if (name) {
        headers[count++] = (struct http_header){"Mcp-Name", text};
        text = stpcpy(text, name) + 1;
    }
    for (size_t i = 0; i < params; i++) {
        if (!values[i])
            continue;
        headers[count++] = (struct http_header){tool->param_headers[i].name, text};
        text = stpcpy(text, values[i]) + 1;
    }
    *out = (struct mcp_http_headers){headers, count};
    return 0;
}

/* Values are appended one after the other first, for appending may move those before; a header
 * holds its value's offset until all are there. */
static int render_value(struct mcp_http_body *body, const char *name, int appended, size_t offset)
{
    if (appended > 0)
        return 0; /* omitted */
    if (appended < 0 || buffer_append_char(&body->values, '\0') < 0)
        return -1;
    body->headers[body->header_count++] = (struct http_header){name, (const char *)offset};
    return 0;
}

int mcp_http_headers_render(struct mcp_http_body *body, const struct mcp_revision *revision,
                            const struct mcp_operation *operation)
{
    enum { FIXED = 4 };
    const struct mcp_tool *tool = operation->tool;
    size_t params = tool ? tool->param_header_count : 0, needed = FIXED + 1 + params;
    const struct span text = {buffer_bytes(&body->buffer), buffer_length(&body->buffer)};
    if (needed > body->header_capacity) {
        struct http_header *headers = realloc(body->headers, needed * sizeof *headers);
        if (!headers)
            return -1;
        body->headers = headers;
        body->header_capacity = needed;
    }
    body->headers[0] = mcp_http_post_headers[0];
    body->headers[1] = mcp_http_post_headers[1];
    body->headers[2] = (struct http_header){"MCP-Protocol-Version", revision->name};
    body->headers[3] = (struct http_header){"Mcp-Method", operation->method};
    body->header_count = FIXED;
    buffer_clear(&body->values);
    if (render_value(body, "Mcp-Name", mcp_operation_rendered_name(operation, text, &body->values),
                     0) < 0)
        return -1;
    for (size_t i = 0; i < params; i++) {
        size_t offset = buffer_length(&body->values);
        int appended = mcp_operation_rendered_param(&tool->param_headers[i], text, &body->values);
        if (render_value(body, tool->param_headers[i].name, appended, offset) < 0)
            return -1;
    }
    for (size_t i = FIXED; i < body->header_count; i++)
        body->headers[i].value = buffer_bytes(&body->values) + (size_t)body->headers[i].value;
    return 0;
}

static void release(struct target *target, struct operation *operation)
{
    struct mcp_operation *mcp = operation->driver_data;
    struct mcp_http_headers *headers = mcp ? mcp->transport_data : NULL;
    for (unsigned i = 0; headers && i < mcp->variant_count; i++)
        free(headers[i].headers);
    free(headers);
    if (mcp)
        mcp->transport_data = NULL;
    mcp_operation_release(target, operation);
}

static char *arguments_text(const struct operation *operation, uint32_t variant)
{
    return operation->driver_data ? mcp_operation_arguments_text(operation, variant) : NULL;
}

/* ---- workers --------------------------------------------------------------------------------- */

int mcp_http_worker_open(struct driver_worker *worker, struct error *error)
{
    struct mcp_http_worker *part = driver_part_of_worker(worker);
    (void)error;
    part->owner = worker;
    part->target = worker->target->driver_data;
    part->next_id = (int64_t)worker->index << 40; /* apart from other workers', exact in a double */
    mcp_http_pool_init(&part->posts, worker->loop, &part->target->endpoint,
                       MCP_HTTP_POST_CONNECTIONS);
    mcp_http_pool_init(&part->gets, worker->loop, &part->target->endpoint, UINT_MAX);
    return 0;
}

void mcp_http_worker_close(struct driver_worker *worker)
{
    struct mcp_http_worker *part = driver_part_of_worker(worker);
    mcp_http_pool_close(&part->posts);
    mcp_http_pool_close(&part->gets);
    mcp_http_posts_discard(part);
    log_debug("mcp_http: worker %u: %llu notifications and %llu requests from the server, %llu "
              "answers to them refused, %llu events of other types",
              worker->index, (unsigned long long)part->notifications,
              (unsigned long long)part->server_requests, (unsigned long long)part->refused_answers,
              (unsigned long long)part->unexpected);
    while (part->free_streams) {
        struct mcp_http_stream *stream = part->free_streams;
        part->free_streams = stream->next;
        sse_decoder_free(&stream->decoder);
        buffer_free(&stream->answer);
        free(stream);
    }
    while (part->free_bodies) {
        struct mcp_http_body *body = part->free_bodies;
        part->free_bodies = body->next;
        mcp_http_body_free(body);
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

static const struct http_connection_events connection_events = {.opened = connection_opened,
                                                                .closed = connection_closed};

static struct connection *owner_of(struct mcp_http_connection *part)
{
    return (struct connection *)((char *)part - sizeof(struct connection));
}

void mcp_http_connect(struct connection *connection)
{
    struct mcp_http_connection *part = driver_part_of_connection(connection);
    struct mcp_http_target *http = connection->worker->target->driver_data;
    memset(part, 0, sizeof *part);
    part->task.run = connection_task;
    http_connection_open(&part->http, connection->worker->loop, &http->endpoint,
                         &connection_events);
}

void mcp_http_disconnect(struct connection *connection)
{
    struct mcp_http_connection *part = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &part->task);
    http_connection_close(&part->http);
}

static void connection_opened(struct http_connection *http)
{
    struct mcp_http_connection *part = container_of(http, struct mcp_http_connection, http);
    struct connection *connection = owner_of(part);
    const struct stream *stream = &http->stream;
    connection->capacity = http->capacity;
    connection->reusable = http->reusable;
    connection->connect_ns = stream->connected_ns - stream->open_started_ns;
    connection->tls_ns = http->endpoint->tls ? stream->opened_ns - stream->connected_ns : 0;
    connection->opened(connection);
}

/* Calls that resume their stream or repeat their request elsewhere outlive the connection, but the
 * engine is told of the end of a connection only after that of its calls. */
static void connection_closed(struct http_connection *http, const struct outcome *why,
                              const char *text)
{
    struct mcp_http_connection *part = container_of(http, struct mcp_http_connection, http);
    struct connection *connection = owner_of(part);
    connection->reusable = false;
    if (part->calls) {
        part->closed_pending = true;
        part->closed_why = *why;
        return;
    }
    connection->closed(connection, why, text);
}

static void connection_task(struct loop_task *task)
{
    struct mcp_http_connection *part = container_of(task, struct mcp_http_connection, task);
    struct connection *connection = owner_of(part);
    connection->closed(connection, &part->closed_why, "the connection was closed");
}
