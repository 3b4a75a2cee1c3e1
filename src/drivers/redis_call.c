/* Connections and calls of a run. Answers come in the order of the requests, so a call waits in its
 * connection's ring; what one turn of the loop submits leaves in one write. */
#include "base/clock.h"
#include "drivers/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct redis_link_events link_events;
static void flush_now(struct redis_connection *part);
static void flush_task(struct loop_task *task);
static void finish_task(struct loop_task *task);
static void send_call(struct redis_connection *part, struct call *call);
static void finish_later(struct redis_connection *part, struct call *call);

static struct redis_connection *part_of(struct redis_link *link)
{
    return container_of(link, struct redis_connection, link);
}

static struct redis_worker *worker_of(const struct redis_connection *part)
{
    return driver_part_of_worker(part->connection->worker);
}

static struct redis_pending *pending_at(struct redis_connection *part, unsigned index)
{
    unsigned slot = part->head + index;
    return &part->ring[slot < part->capacity ? slot : slot - part->capacity];
}

/* ---- connections -------------------------------------------------------------------------------
 */

void redis_connect(struct connection *connection)
{
    struct redis_connection *part = driver_part_of_connection(connection);
    struct redis_worker *worker = driver_part_of_worker(connection->worker);
    const struct redis_target *target = connection->worker->target->driver_data;
    *part = (struct redis_connection){.connection = connection,
                                      .capacity = (unsigned)target->settings.pipeline,
                                      .flush = {.run = flush_task},
                                      .finish = {.run = finish_task}};
    part->finished_tail = &part->finished;
    redis_link_open(&part->link, connection->worker->loop, target, worker->input_space,
                    &link_events);
}

void redis_disconnect(struct connection *connection)
{
    struct redis_connection *part = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &part->flush);
    loop_undefer(connection->worker->loop, &part->finish);
    redis_link_close(&part->link);
    for (unsigned i = 0; part->ring && i < part->capacity; i++) {
        buffer_free(&part->ring[i].request);
        buffer_free(&part->ring[i].response);
    }
    free(part->ring);
    part->ring = NULL;
}

static void open_connection(struct redis_connection *part)
{
    struct connection *connection = part->connection;
    const struct stream *stream = &part->link.stream;
    part->ring = calloc(part->capacity, sizeof *part->ring);
    if (!part->ring) {
        static const struct outcome lost = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
        redis_link_close(&part->link);
        connection->closed(connection, &lost, "out of memory");
        return;
    }
    for (unsigned i = 0; i < part->capacity; i++) {
        buffer_init(&part->ring[i].request, REDIS_OUTPUT_LIMIT);
        buffer_init(&part->ring[i].response, REDIS_REPLY_LIMIT);
    }
    uint64_t now = clock_now_ns();
    bool tls = part->link.target->tls != NULL;
    connection->tls_ns = tls ? stream->opened_ns - stream->connected_ns : 0;
    connection->connect_ns = now - stream->open_started_ns - connection->tls_ns;
    connection->capacity = part->refused ? 1 : part->capacity;
    connection->reusable = true;
    connection->opened(connection);
}

/* Greeted: at first, or because a call did it again after a refusal. */
static void link_ready(struct redis_link *link)
{
    struct redis_connection *part = part_of(link);
    struct call *call = part->greeting;
    part->refused = false;
    if (!part->ring) {
        open_connection(part);
        return;
    }
    part->greeting = NULL;
    part->connection->capacity = part->capacity;
    if (call) {
        call->round_trips++;
        send_call(part, call);
        flush_now(part);
    }
}

/* The connection is of no use until the server takes the greeting: every call tries again, and
 * fails by the reason of the refusal, at the pace of the server. */
static void link_refused(struct redis_link *link, const struct outcome *why, const char *text)
{
    struct redis_connection *part = part_of(link);
    struct call *call = part->greeting;
    part->refused = true;
    if (!part->ring) {
        open_connection(part);
        return;
    }
    part->greeting = NULL;
    if (!call)
        return;
    call->outcome = *why;
    call->text = text;
    call->first_byte_ns = link->started_ns;
    call->end_ns = link->read_ns;
    call->complete(call);
}

static void fail_calls(struct redis_connection *part, const struct outcome *why, const char *text)
{
    uint64_t now = clock_now_ns();
    struct call *call = part->greeting;
    part->greeting = NULL;
    for (unsigned count = part->count;; count--) {
        if (call) {
            call->outcome = *why;
            call->text = text;
            call->end_ns = now;
            call->complete(call);
        }
        if (count == 0)
            return;
        call = pending_at(part, 0)->call;
        part->head = part->head + 1 == part->capacity ? 0 : part->head + 1;
        part->count--;
    }
}

static void link_failed(struct redis_link *link, const struct outcome *why, const char *text)
{
    struct redis_connection *part = part_of(link);
    struct connection *connection = part->connection;
    static const struct outcome orderly = {.kind = OUTCOME_OK};
    struct outcome reason = *why;
    bool idle = part->ring && part->count == 0 && !part->greeting;
    snprintf(part->text, sizeof part->text, "%s", text);
    connection->reusable = false; /* before the calls complete: none shall follow on it */
    loop_undefer(link->loop, &part->flush);
    loop_undefer(link->loop, &part->finish);
    finish_task(&part->finish);
    fail_calls(part, &reason, part->text);
    connection->closed(connection,
                       idle && reason.kind == OUTCOME_CONNECTION_RESET ? &orderly : &reason,
                       part->text);
}

/* ---- sending ------------------------------------------------------------------------------------
 */

/* Stamp what is offered to the socket now, and what it took. */
static void flush_now(struct redis_connection *part)
{
    struct redis_link *link = &part->link;
    if (part->offered < part->count) {
        uint64_t now = clock_now_ns();
        for (; part->offered < part->count; part->offered++) {
            struct call *call = pending_at(part, part->offered)->call;
            if (call && !call->send_ns)
                call->send_ns = now;
        }
    }
    redis_link_flush(link);
    if (part->sent == part->count || link->written < pending_at(part, part->sent)->end)
        return;
    uint64_t now = clock_now_ns();
    for (; part->sent < part->count; part->sent++) {
        struct redis_pending *pending = pending_at(part, part->sent);
        if (link->written < pending->end)
            break;
        if (pending->call)
            pending->call->sent_ns = now;
    }
}

static void flush_task(struct loop_task *task)
{
    flush_now(container_of(task, struct redis_connection, flush));
}

static void link_settled(struct redis_link *link)
{
    struct redis_connection *part = part_of(link);
    part->reading = false;
    flush_now(part);
}

/* The call cannot be sent at all. */
static void refuse(struct redis_connection *part, struct call *call, const char *missing)
{
    call->outcome = (struct outcome){.kind = OUTCOME_NOT_RUN,
                                     .detail = missing ? "capture_missing" : "no_memory"};
    if (missing)
        snprintf(part->text, sizeof part->text, "there is no value for ${%s}", missing);
    call->text = missing ? part->text : "the commands do not fit in memory";
    finish_later(part, call);
}

static void send_call(struct redis_connection *part, struct call *call)
{
    struct redis_worker *worker = worker_of(part);
    const struct redis_operation *operation = call->operation->driver_data;
    struct redis_call *own = driver_part_of_call(call);
    struct redis_link *link = &part->link;
    struct template_context fallback = {.random = &worker->random};
    const struct template_context *context =
        call->context && call->context->random ? call->context : &fallback;
    const char *missing;
    size_t before = buffer_length(&link->output);
    if (redis_program_append(&operation->program, context, &worker->scratch, &link->output,
                             &missing) < 0) {
        refuse(part, call, missing);
        return;
    }
    size_t length = buffer_length(&link->output) - before;
    struct redis_pending *pending = pending_at(part, part->count++);
    own->slot = (unsigned)(pending - part->ring);
    own->pending = own->sent = true;
    pending->call = call;
    pending->replies = operation->program.command_count;
    pending->end = link->written + buffer_length(&link->output);
    pending->keep = call->want_response;
    buffer_clear(&pending->request);
    buffer_clear(&pending->response);
    if (call->keep_request)
        buffer_append(&pending->request, buffer_bytes(&link->output) + before, length);
    call->bytes_sent += length;
}

void redis_submit(struct call *call)
{
    struct redis_connection *part = driver_part_of_connection(call->connection);
    struct redis_call *own = driver_part_of_call(call);
    *own = (struct redis_call){0};
    call->outcome = (struct outcome){.kind = OUTCOME_OK};
    call->text = call->response = NULL;
    call->response_length = 0;
    call->send_ns = call->sent_ns = call->first_byte_ns = call->end_ns = 0;
    call->bytes_sent = call->bytes_received = 0;
    call->round_trips = 1;
    if (part->refused) {
        call->send_ns = call->sent_ns = clock_now_ns();
        part->greeting = call;
        redis_link_greet(&part->link);
        return;
    }
    send_call(part, call);
    if (part->reading)
        return; /* more may follow: link_settled flushes */
    if (part->capacity == 1)
        flush_now(part);
    else
        loop_defer(part->link.loop, &part->flush);
}

/* ---- answers ------------------------------------------------------------------------------------
 */

static void keep_reply(struct redis_pending *pending, unsigned commands, const char *reply,
                       size_t length)
{
    struct resp_cursor cursor = {reply, reply + length};
    struct buffer *response = &pending->response;
    bool several = commands > 1;
    if (several)
        buffer_append_char(response, pending->replies == commands ? '[' : ',');
    if (resp_append_json(response, &cursor) < 0)
        pending->keep = false; /* too much to show, and to check */
    if (several && pending->replies == 1)
        buffer_append_char(response, ']');
}

static void note_error(struct redis_connection *part, struct call *call, const char *reply,
                       size_t length)
{
    struct resp_cursor cursor = {reply + part->link.reader.error_offset, reply + length};
    struct resp_token token;
    if (call->outcome.kind != OUTCOME_OK || !resp_next(&cursor, &token))
        return; /* the first of several errors tells the cause */
    call->outcome = redis_error_outcome(token.text, token.length, part->text, sizeof part->text);
    call->text = part->text;
}

static bool link_reply(struct redis_link *link, const char *reply, size_t length)
{
    struct redis_connection *part = part_of(link);
    if (part->offered == 0)
        return false;
    struct redis_pending *pending = pending_at(part, 0);
    struct call *call = pending->call;
    part->reading = true;
    if (call) {
        const struct redis_operation *operation = call->operation->driver_data;
        if (!call->first_byte_ns)
            call->first_byte_ns = link->started_ns;
        call->bytes_received += length;
        if (link->reader.has_error)
            note_error(part, call, reply, length);
        if (pending->keep)
            keep_reply(pending, operation->program.command_count, reply, length);
    }
    if (--pending->replies)
        return true;
    part->head = part->head + 1 == part->capacity ? 0 : part->head + 1;
    part->count--;
    part->offered--;
    part->sent -= part->sent > 0;
    if (!call)
        return true;
    call->end_ns = link->read_ns;
    if (pending->keep && buffer_length(&pending->response)) {
        call->response = buffer_bytes(&pending->response);
        call->response_length = buffer_length(&pending->response);
    }
    ((struct redis_call *)driver_part_of_call(call))->pending = false;
    call->complete(call);
    return true;
}

static const struct redis_link_events link_events = {
    .ready = link_ready,
    .refused = link_refused,
    .reply = link_reply,
    .settled = link_settled,
    .failed = link_failed,
};

/* ---- giving up ----------------------------------------------------------------------------------
 */

static void finish_later(struct redis_connection *part, struct call *call)
{
    struct redis_call *own = driver_part_of_call(call);
    own->next = NULL;
    *part->finished_tail = call;
    part->finished_tail = &own->next;
    loop_defer(part->connection->worker->loop, &part->finish);
}

static void finish_task(struct loop_task *task)
{
    struct redis_connection *part = container_of(task, struct redis_connection, finish);
    while (part->finished) {
        struct call *call = part->finished;
        struct redis_call *own = driver_part_of_call(call);
        part->finished = own->next;
        if (!part->finished)
            part->finished_tail = &part->finished;
        call->complete(call);
    }
}

/* Redis knows no cancelling. The answer is dropped when it comes, and as what comes next would wait
 * behind it, the connection takes no further call; those under way on it go on. */
void redis_cancel(struct call *call, const struct outcome *why)
{
    struct redis_connection *part = driver_part_of_connection(call->connection);
    struct redis_call *own = driver_part_of_call(call);
    if (own->pending)
        part->ring[own->slot].call = NULL;
    else if (part->greeting == call)
        part->greeting = NULL;
    else
        return; /* it is about to complete already */
    call->connection->reusable = false;
    call->outcome = *why;
    call->text = "the server did not answer";
    call->end_ns = clock_now_ns();
    finish_later(part, call);
}

/* ---- examples -----------------------------------------------------------------------------------
 */

/* {"command": [...]}, or {"commands": [...]} when there are several. */
char *redis_request_text(const struct call *call)
{
    const struct redis_connection *part = driver_part_of_connection(call->connection);
    const struct redis_call *own = driver_part_of_call((struct call *)call);
    const struct redis_operation *operation = call->operation->driver_data;
    const struct buffer *request = part->ring && own->sent ? &part->ring[own->slot].request : NULL;
    bool several = operation->program.command_count > 1;
    struct buffer text;
    if (!call->keep_request || !request || buffer_length(request) == 0)
        return NULL;
    struct resp_cursor cursor = {buffer_bytes(request),
                                 buffer_bytes(request) + buffer_length(request)};
    buffer_init(&text, REDIS_REPLY_LIMIT);
    int result = buffer_append_text(&text, several ? "{\"commands\":[" : "{\"command\":");
    for (unsigned i = 0; result == 0 && i < operation->program.command_count; i++) {
        if (i)
            result |= buffer_append_char(&text, ',');
        result |= resp_append_json(&text, &cursor);
    }
    result |= buffer_append_text(&text, several ? "]}" : "}");
    char *taken = result == 0 ? buffer_take_string(&text) : NULL;
    buffer_free(&text);
    return taken;
}
