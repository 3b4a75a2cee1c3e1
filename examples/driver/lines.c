/* A driver of one's own, complete: a service that answers each line with a line, lines://HOST:PORT.
 * It offers the command "line" with the argument "line"; an answer that begins with "ERR" is an
 * error. This file, and a line in src/drivers/drivers.c, are all that cicada takes to load such a
 * service. */
#include "base/clock.h"
#include "base/template.h"
#include "drivers/driver.h"
#include "net/stream.h"
#include "net/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LIMIT ((size_t)64 << 10)

extern const struct driver lines_driver;

struct lines_target {
    struct stream_address address;
    uint64_t connect_timeout_ns;
};

struct lines_operation {
    char *text; /* of the line, with its placeholders */
    struct text_template *line;
};

struct lines_connection {
    struct stream stream;
    struct buffer input, output;
    struct call *call;     /* under way; NULL: none */
    struct loop_task task; /* completes it where the engine must not be called */
};

static struct connection *connection_of(struct lines_connection *lines)
{
    return (struct connection *)(void *)lines - 1;
}

/* ---- the target and its operations ---------------------------------------------------------- */

static bool lines_accepts(const struct target_options *options)
{
    return options->url && strncmp(options->url, "lines://", 8) == 0;
}

static void lines_close(struct target *target)
{
    struct lines_target *lines = target->driver_data;
    if (lines)
        stream_address_free(&lines->address);
    free(lines);
    target->driver_data = NULL;
    target_free_offers(target);
}

static int lines_open(struct target *target, struct error *error)
{
    struct lines_target *lines = calloc(1, sizeof *lines);
    struct url url = {0};
    target->driver_data = lines;
    int failed = !lines ? error_set(error, ERROR_INTERNAL, "out of memory")
                        : url_parse(&url, target->options->url, error);
    if (failed == 0)
        failed = stream_address_resolve(&lines->address, url.host, url.port, NULL, error);
    if (failed == 0) {
        lines->connect_timeout_ns = target->options->connect_timeout_ns
                                        ? target->options->connect_timeout_ns
                                        : 10 * NS_PER_S;
        target->calls_per_connection = 1;
        target->description = strdup("a line for a line");
        target->facts = json_pack("{s:s}", "transport", "tcp");
        if (!target->description || !target->facts ||
            !target_add_offer(target, "command", "line", "a line, answered by a line",
                              OFFER_READ_ONLY, NULL))
            failed = error_set(error, ERROR_INTERNAL, "out of memory");
    }
    url_free(&url);
    if (failed < 0)
        lines_close(target);
    return failed;
}

static void lines_release(struct target *target, struct operation *operation)
{
    struct lines_operation *lines = operation->driver_data;
    (void)target;
    if (lines) {
        template_free(lines->line);
        free(lines->text);
    }
    free(lines);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

static int lines_prepare(struct target *target, const struct operation_spec *spec,
                         struct operation *operation, struct error *error)
{
    struct lines_operation *lines = calloc(1, sizeof *lines);
    const char *line = json_string_value(json_object_get(spec->arguments, "line"));
    operation->offer = spec->offer;
    operation->name = strdup(spec->offer->name);
    operation->driver_data = lines;
    if (lines)
        lines->text = strdup(line ? line : "hello ${iteration}");
    int failed = !lines || !lines->text || !operation->name
                     ? error_set(error, ERROR_INTERNAL, "out of memory")
                     : 0;
    if (failed == 0 && !(lines->line = template_compile(lines->text, false, NULL, NULL, error)))
        failed = -1;
    if (failed < 0)
        lines_release(target, operation);
    return failed;
}

static char *lines_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct lines_operation *lines = operation->driver_data;
    (void)variant;
    json_t *arguments = json_pack("{s:s}", "line", lines->text);
    char *text = json_dumps(arguments, JSON_COMPACT);
    json_decref(arguments);
    return text;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void complete(struct lines_connection *lines)
{
    struct call *call = lines->call;
    lines->call = NULL;
    call->end_ns = clock_now_ns();
    call->complete(call); /* which may submit the next one */
}

static void complete_later(struct loop_task *task)
{
    complete(container_of(task, struct lines_connection, task));
}

static void flush(struct lines_connection *lines)
{
    struct iovec piece = {buffer_bytes(&lines->output), buffer_length(&lines->output)};
    ssize_t taken = piece.iov_len ? stream_write(&lines->stream, &piece, 1) : 0;
    if (taken > 0)
        buffer_consume(&lines->output, (size_t)taken);
    if (lines->call && buffer_length(&lines->output) == 0 && !lines->call->sent_ns)
        lines->call->sent_ns = clock_now_ns();
}

static void lines_submit(struct call *call)
{
    struct lines_connection *lines = driver_part_of_connection(call->connection);
    const struct lines_operation *operation = call->operation->driver_data;
    const char *missing = NULL;
    lines->call = call;
    call->send_ns = clock_now_ns();
    call->round_trips = 1;
    buffer_clear(&lines->output);
    if (template_render(operation->line, call->context, &lines->output, &missing) < 0 ||
        buffer_append_char(&lines->output, '\n') < 0) {
        call->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = "template"};
        call->text = "the line cannot be made: a capture has no value, or it is too long";
        loop_defer(call->connection->worker->loop, &lines->task);
        return;
    }
    call->bytes_sent = buffer_length(&lines->output);
    flush(lines);
}

static void lines_cancel(struct call *call, const struct outcome *why)
{
    struct lines_connection *lines = driver_part_of_connection(call->connection);
    call->outcome = *why;
    call->connection->reusable = false; /* a late answer would be taken for that of the next line */
    loop_defer(call->connection->worker->loop, &lines->task);
}

static void answer(struct lines_connection *lines, const char *line, size_t length)
{
    struct call *call = lines->call;
    call->bytes_received = length + 1;
    call->response = line;
    call->response_length = length;
    if (length >= 3 && memcmp(line, "ERR", 3) == 0) {
        call->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = "error_line"};
        call->text = "the service answered with ERR";
    }
    complete(lines);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void lose(struct lines_connection *lines, const struct outcome *why, const char *text)
{
    struct connection *connection = connection_of(lines);
    stream_close(&lines->stream);
    connection->reusable = false;
    if (lines->call) {
        loop_undefer(connection->worker->loop, &lines->task);
        lines->call->outcome = *why;
        lines->call->text = text;
        complete(lines);
    }
    connection->closed(connection, why, text);
}

static void stream_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    lose(container_of(stream, struct lines_connection, stream), why, text);
}

static void stream_opened(struct stream *stream)
{
    struct connection *connection =
        connection_of(container_of(stream, struct lines_connection, stream));
    connection->capacity = 1;
    connection->reusable = true;
    connection->connect_ns = stream->connected_ns - stream->open_started_ns;
    connection->opened(connection);
}

static void stream_readable(struct stream *stream)
{
    static const struct outcome ended = {.kind = OUTCOME_CONNECTION_RESET, .detail = "closed"},
                                unasked = {.kind = OUTCOME_PROTOCOL_VIOLATION,
                                           .detail = "unexpected_line"};
    struct lines_connection *lines = container_of(stream, struct lines_connection, stream);
    char bytes[4096];
    ssize_t count = stream_read(stream, bytes, sizeof bytes);
    if (count < 0)
        return;
    if (count == 0 || buffer_append(&lines->input, bytes, (size_t)count) < 0) {
        lose(lines, &ended, count ? "a line is too long" : "the service closed the connection");
        return;
    }
    const char *line = buffer_bytes(&lines->input);
    const char *end = memchr(line, '\n', buffer_length(&lines->input));
    if (lines->call && !lines->call->first_byte_ns)
        lines->call->first_byte_ns = clock_now_ns();
    if (!lines->call || (end && (size_t)(end + 1 - line) != buffer_length(&lines->input))) {
        lose(lines, &unasked, "the service sent a line that was not asked for");
        return;
    }
    if (!end)
        return;
    answer(lines, line, (size_t)(end - line));
    buffer_clear(&lines->input);
}

static void stream_writable(struct stream *stream)
{
    flush(container_of(stream, struct lines_connection, stream));
}

static void lines_connect(struct connection *connection)
{
    static const struct stream_events events = {stream_opened, stream_readable, stream_writable,
                                                stream_failed};
    struct lines_connection *lines = driver_part_of_connection(connection);
    struct lines_target *target = connection->worker->target->driver_data;
    lines->task.run = complete_later;
    buffer_init(&lines->input, LINE_LIMIT);
    buffer_init(&lines->output, LINE_LIMIT);
    stream_open(&lines->stream, connection->worker->loop, &target->address, NULL,
                target->connect_timeout_ns, &events);
}

static void lines_disconnect(struct connection *connection)
{
    struct lines_connection *lines = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &lines->task);
    stream_close(&lines->stream);
    buffer_free(&lines->input);
    buffer_free(&lines->output);
}

static int lines_worker_open(struct driver_worker *worker, struct error *error)
{
    (void)worker;
    (void)error;
    return 0;
}

static void lines_worker_close(struct driver_worker *worker)
{
    (void)worker;
}

const struct driver lines_driver = {
    .name = "lines",
    .summary = "a service that answers a line with a line: lines://HOST:PORT",
    .accepts = lines_accepts,
    .connection_size = sizeof(struct lines_connection),
    .open = lines_open,
    .close = lines_close,
    .prepare = lines_prepare,
    .release = lines_release,
    .arguments_text = lines_arguments_text,
    .worker_open = lines_worker_open,
    .worker_close = lines_worker_close,
    .connect = lines_connect,
    .disconnect = lines_disconnect,
    .submit = lines_submit,
    .cancel = lines_cancel,
};
