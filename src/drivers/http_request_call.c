/* Connections and calls of the plain HTTP driver. */
#include "base/clock.h"
#include "drivers/http_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct http_connection_events connection_events;
static const struct http_exchange_events exchange_events;
static void finish_task(struct loop_task *task);

static struct http_request_worker *worker_of(const struct http_request_connection *part)
{
    return driver_part_of_worker(part->connection->worker);
}

/* ---- connections -------------------------------------------------------------------------------
 */

void http_request_connect(struct connection *connection)
{
    struct http_request_connection *part = driver_part_of_connection(connection);
    const struct http_request_target *target = connection->worker->target->driver_data;
    *part =
        (struct http_request_connection){.connection = connection, .finish = {.run = finish_task}};
    part->finished_tail = &part->finished;
    http_connection_open(&part->http, connection->worker->loop, &target->endpoint,
                         &connection_events);
}

void http_request_disconnect(struct connection *connection)
{
    struct http_request_connection *part = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &part->finish);
    http_connection_close(&part->http);
    while (part->all) {
        struct http_request_slot *slot = part->all;
        part->all = slot->all_next;
        buffer_free(&slot->rendered);
        buffer_free(&slot->response);
        free(slot);
    }
    part->free = NULL;
}

static void connection_opened(struct http_connection *http)
{
    struct http_request_connection *part = container_of(http, struct http_request_connection, http);
    struct connection *connection = part->connection;
    const struct stream *stream = &http->stream;
    connection->capacity = http->capacity;
    connection->reusable = http->reusable;
    connection->connect_ns = stream->connected_ns - stream->open_started_ns;
    connection->tls_ns = http->endpoint->tls ? stream->opened_ns - stream->connected_ns : 0;
    connection->opened(connection);
}

static void connection_closed(struct http_connection *http, const struct outcome *why,
                              const char *text)
{
    struct http_request_connection *part = container_of(http, struct http_request_connection, http);
    part->connection->reusable = false;
    loop_undefer(part->connection->worker->loop, &part->finish);
    finish_task(&part->finish); /* calls end before their connection */
    part->connection->closed(part->connection, why, text);
}

static const struct http_connection_events connection_events = {
    .opened = connection_opened,
    .closed = connection_closed,
};

/* ---- slots -------------------------------------------------------------------------------------
 */

static struct http_request_slot *take_slot(struct http_request_connection *part)
{
    struct http_request_slot *slot = part->free;
    if (slot) {
        part->free = slot->next;
        return slot;
    }
    slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    slot->part = part;
    buffer_init(&slot->rendered, HTTP_REQUEST_LIMIT);
    buffer_init(&slot->response, HTTP_REQUEST_LIMIT);
    slot->all_next = part->all;
    part->all = slot;
    return slot;
}

/* The slot is free only once `complete` returned: what the engine looks at in it lies there. */
static void complete(struct http_request_connection *part, struct call *call)
{
    struct http_request_call *own = driver_part_of_call(call);
    struct http_request_slot *slot = own->slot;
    call->complete(call);
    if (!slot)
        return;
    slot->call = NULL;
    slot->next = part->free;
    part->free = slot;
}

static void finish_later(struct http_request_connection *part, struct call *call)
{
    struct http_request_call *own = driver_part_of_call(call);
    own->next = NULL;
    *part->finished_tail = call;
    part->finished_tail = &own->next;
    loop_defer(part->connection->worker->loop, &part->finish);
}

static void finish_task(struct loop_task *task)
{
    struct http_request_connection *part =
        container_of(task, struct http_request_connection, finish);
    while (part->finished) {
        struct call *call = part->finished;
        struct http_request_call *own = driver_part_of_call(call);
        part->finished = own->next;
        if (!part->finished)
            part->finished_tail = &part->finished;
        complete(part, call);
    }
}

/* ---- sending ------------------------------------------------------------------------------------
 */

/* A text of the request: constant, or `length` bytes at `offset` of slot->rendered, with a NUL
 * behind them. */
struct piece {
    const char *constant;
    size_t offset, length;
};

static int render(struct http_request_slot *slot, const struct http_request_text *text,
                  const struct template_context *context, struct piece *piece, const char **missing)
{
    if (!text->text_template) {
        *piece =
            (struct piece){.constant = text->text, .length = text->text ? strlen(text->text) : 0};
        return 0;
    }
    *piece = (struct piece){.offset = buffer_length(&slot->rendered)};
    if (template_render(text->text_template, context, &slot->rendered, missing) < 0)
        return -1;
    piece->length = buffer_length(&slot->rendered) - piece->offset;
    return buffer_append_char(&slot->rendered, 0);
}

/* Bytes that no path may hold are percent-encoded. */
static int append_path(struct buffer *output, const char *path, size_t length)
{
    static const char hexadecimal[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)path[i];
        bool plain = byte > ' ' && byte < 0x7F && !strchr("\"#<>\\^`{|}", byte);
        int result = buffer_append_char(output, plain ? (char)byte : '%');
        if (!plain)
            result |= buffer_append_char(output, hexadecimal[byte >> 4]) |
                      buffer_append_char(output, hexadecimal[byte & 15]);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int render_path(struct http_request_slot *slot, const struct http_request_text *path,
                       const struct template_context *context, struct piece *piece,
                       const char **missing)
{
    struct buffer *scratch = &worker_of(slot->part)->scratch;
    const char *bytes = path->text;
    size_t length = bytes ? strlen(bytes) : 0;
    *piece = (struct piece){.offset = buffer_length(&slot->rendered)};
    if (path->text_template) {
        buffer_clear(scratch);
        if (template_render(path->text_template, context, scratch, missing) < 0)
            return -1;
        bytes = buffer_bytes(scratch);
        length = buffer_length(scratch);
    }
    if (append_path(&slot->rendered, bytes, length) < 0)
        return -1;
    piece->length = buffer_length(&slot->rendered) - piece->offset;
    return buffer_append_char(&slot->rendered, 0);
}

static const char *piece_text(const struct http_request_slot *slot, const struct piece *piece)
{
    return piece->constant ? piece->constant : buffer_bytes(&slot->rendered) + piece->offset;
}

static int render_request(struct http_request_slot *slot,
                          const struct http_request_operation *request,
                          const struct template_context *context, const char **missing)
{
    struct piece path = {0}, body = {0}, values[HTTP_REQUEST_HEADERS];
    buffer_clear(&slot->rendered);
    if (request->path.text && render_path(slot, &request->path, context, &path, missing) < 0)
        return -1;
    for (size_t i = 0; i < request->header_count; i++)
        if (render(slot, &request->headers[i].value, context, &values[i], missing) < 0)
            return -1;
    if (request->body.text && render(slot, &request->body, context, &body, missing) < 0)
        return -1;
    /* the buffer moves no more */
    slot->path = request->path.text ? piece_text(slot, &path) : NULL;
    for (size_t i = 0; i < request->header_count; i++)
        slot->headers[i] =
            (struct http_header){request->headers[i].name, piece_text(slot, &values[i])};
    slot->body = request->body.text ? piece_text(slot, &body) : NULL;
    slot->body_length = body.length;
    return 0;
}

static const struct template_context *context_of(const struct http_request_slot *slot,
                                                 struct template_context *fallback)
{
    const struct call *call = slot->call;
    fallback->random = &worker_of(slot->part)->random;
    return call->context && call->context->random ? call->context : fallback;
}

void http_request_submit(struct call *call)
{
    struct http_request_connection *part = driver_part_of_connection(call->connection);
    struct http_request_call *own = driver_part_of_call(call);
    const struct http_request_operation *request = call->operation->driver_data;
    struct http_request_slot *slot = take_slot(part);
    struct template_context fallback = {0};
    const char *missing = NULL;
    call->round_trips = 1;
    own->slot = slot;
    if (!slot) {
        call->outcome = (struct outcome){.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
        call->text = "out of memory";
        finish_later(part, call);
        return;
    }
    slot->call = call;
    slot->path = slot->body = NULL;
    slot->exchange.connection = NULL;
    buffer_clear(&slot->response);
    if (render_request(slot, request, context_of(slot, &fallback), &missing) < 0) {
        call->outcome = (struct outcome){.kind = OUTCOME_NOT_RUN,
                                         .detail = missing ? "capture_missing" : "no_memory"};
        snprintf(slot->text, sizeof slot->text, "%s%s",
                 missing ? "there is no value for " : "the request does not fit in memory",
                 missing ? missing : "");
        call->text = slot->text;
        finish_later(part, call);
        return;
    }
    struct http_exchange *exchange = &slot->exchange;
    exchange->events = &exchange_events;
    exchange->method = request->method;
    exchange->path = slot->path;
    exchange->headers = slot->headers;
    exchange->header_count = request->header_count;
    exchange->body_piece_count = slot->body ? 1 : 0;
    exchange->body_pieces[0] = (struct iovec){(void *)slot->body, slot->body_length};
    http_connection_submit(&part->http, exchange);
}

/* ---- answers ------------------------------------------------------------------------------------
 */

static void take_times(struct call *call, const struct http_exchange *exchange)
{
    call->send_ns = exchange->send_ns;
    call->sent_ns = exchange->sent_ns;
    call->first_byte_ns = exchange->first_byte_ns;
    call->end_ns = exchange->end_ns;
    call->bytes_sent = exchange->bytes_sent;
    call->bytes_received = exchange->bytes_received;
}

static void take_connection(struct http_request_connection *part)
{
    part->connection->capacity = part->http.capacity; /* HTTP/2: the peer may change it */
    part->connection->reusable = part->http.reusable;
}

static void exchange_body(struct http_exchange *exchange, const char *bytes, size_t length,
                          bool last)
{
    struct http_request_slot *slot = container_of(exchange, struct http_request_slot, exchange);
    struct call *call = slot->call;
    const struct http_request_operation *request = call->operation->driver_data;
    struct http_request_worker *worker = worker_of(slot->part);
    struct template_context fallback = {0};
    if (!last || buffer_length(&slot->response)) { /* an event stream comes as it arrives */
        if (buffer_append(&slot->response, bytes, length) < 0 && call->outcome.kind == OUTCOME_OK) {
            call->outcome =
                (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "body_too_large"};
            call->text = "the event stream is larger than 64 MiB";
        }
        if (!last)
            return;
        bytes = buffer_bytes(&slot->response);
        length = buffer_length(&slot->response);
    }
    take_times(call, exchange);
    take_connection(slot->part);
    if (call->want_response) {
        call->response = bytes ? bytes : "";
        call->response_length = length;
    }
    if (call->outcome.kind == OUTCOME_OK &&
        !http_request_check(request, exchange->status, bytes, length, context_of(slot, &fallback),
                            &worker->scratch, &call->outcome, slot->text, sizeof slot->text))
        call->text = slot->text;
    complete(slot->part, call);
}

static void exchange_failed(struct http_exchange *exchange, const struct outcome *why,
                            const char *text)
{
    struct http_request_slot *slot = container_of(exchange, struct http_request_slot, exchange);
    struct call *call = slot->call;
    take_times(call, exchange);
    take_connection(slot->part);
    if (!call->end_ns)
        call->end_ns = clock_now_ns();
    call->outcome = *why;
    snprintf(slot->text, sizeof slot->text, "%s", text ? text : "");
    call->text = slot->text;
    complete(slot->part, call);
}

static const struct http_exchange_events exchange_events = {
    .body = exchange_body,
    .failed = exchange_failed,
};

/* ---- giving up ----------------------------------------------------------------------------------
 */

void http_request_cancel(struct call *call, const struct outcome *why)
{
    struct http_request_connection *part = driver_part_of_connection(call->connection);
    struct http_request_call *own = driver_part_of_call(call);
    struct http_request_slot *slot = own->slot;
    if (!slot || !slot->exchange.connection)
        return; /* it is about to complete already */
    take_times(call, &slot->exchange);
    http_connection_abort(&part->http, &slot->exchange);
    slot->exchange.connection = NULL;
    take_connection(part);
    call->outcome = *why;
    call->text = "the server did not answer";
    call->end_ns = clock_now_ns();
    finish_later(part, call);
}

/* ---- examples -----------------------------------------------------------------------------------
 */

/* {"method", "path", "body"}: no headers, which may hold secrets. */
char *http_request_request_text(const struct call *call)
{
    const struct http_request_call *own = driver_part_of_call((struct call *)call);
    const struct http_request_operation *request = call->operation->driver_data;
    const struct http_request_slot *slot = own->slot;
    if (!slot)
        return NULL;
    const char *path = slot->path ? slot->path : slot->part->http.endpoint->url.path;
    json_t *text = json_pack("{s:s, s:s}", "method", request->method, "path", path);
    if (text && slot->body) {
        json_t *body = json_loadb(slot->body, slot->body_length, 0, NULL);
        json_object_set_new(text, "body",
                            body ? body : json_stringn(slot->body, slot->body_length));
    }
    char *shown = text ? json_dumps(text, JSON_COMPACT) : NULL;
    json_decref(text);
    return shown;
}
