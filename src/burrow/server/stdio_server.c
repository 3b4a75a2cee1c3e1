/* See stdio_server.h. Messages are answered in the order in which they come; notifications of
 * subscriptions come between, from the same thread, for only its calls change anything. While a
 * tool runs, the lines that come are looked through for its cancellation, and answered later. */
#include "burrow/server/stdio_server.h"

#include "base/clock.h"
#include "burrow/server/protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LISTENING 32
#define LOOK_NS       (5 * NS_PER_MS) /* between two looks for a cancellation */

struct listening {
    char *id; /* as JSON text; NULL: the place is free */
    struct subscription *subscription;
};

struct stdio {
    struct service *service;
    struct subscriptions *subscriptions;
    int input, output;
    const struct mcp_revision *revision; /* what initialize agreed on */
    struct buffer lines;
    struct buffer
        notes; /* of subscriptions, written after the answer of the call that caused them */
    struct listening listening[MAX_LISTENING];
    struct channel *channel; /* of the legacy era, since initialize */
    struct protocol_peer peer;
    struct json_repeated repeated;
    /* of the tool that runs */
    char *running; /* its id as JSON text */
    uint64_t looked_ns;
    size_t looked; /* bytes of `lines` that hold no cancellation of it */
    bool cancelled;
    bool skipping; /* a line that was too long, up to its end */
    bool gone;     /* nobody reads the output */
};

static void write_all(struct stdio *stdio, const char *bytes, size_t length)
{
    while (length > 0 && !stdio->gone) {
        ssize_t written = write(stdio->output, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = stdio->output, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR)
            stdio->gone = true;
    }
}

static void write_line(struct stdio *stdio, struct buffer *text)
{
    if (buffer_length(text) > 0 && buffer_append_char(text, '\n') == 0)
        write_all(stdio, buffer_bytes(text), buffer_length(text));
}

static void heard(void *context, const char *message, size_t length)
{
    struct stdio *stdio = context;
    if (buffer_reserve(&stdio->notes, length + 1)) {
        buffer_append(&stdio->notes, message, length);
        buffer_append_char(&stdio->notes, '\n');
    }
}

static void write_notes(struct stdio *stdio)
{
    if (buffer_length(&stdio->notes) > 0)
        write_all(stdio, buffer_bytes(&stdio->notes), buffer_length(&stdio->notes));
    buffer_clear(&stdio->notes);
}

static void end_listening(struct stdio *stdio, struct listening *one)
{
    subscriptions_remove(stdio->subscriptions, one->subscription);
    free(one->id);
    *one = (struct listening){0};
}

/* The acknowledgement is written before anything can be heard. */
static void begin_listening(struct stdio *stdio, struct protocol_answer *answer)
{
    for (size_t i = 0; i < MAX_LISTENING; i++) {
        struct listening *one = &stdio->listening[i];
        if (one->id)
            continue;
        one->subscription = subscriptions_add(stdio->subscriptions, answer->listen_id,
                                              answer->listen_filter, heard, stdio);
        if (!one->subscription)
            break;
        one->id = answer->listen_id;
        answer->listen_id = NULL;
        return;
    }
    buffer_clear(&answer->text);
    buffer_printf(&answer->text,
                  "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":"
                  "\"too many subscriptions; cancel one first\"}}",
                  answer->listen_id, RPC_INTERNAL_ERROR);
}

static void cancel(struct stdio *stdio, const char *id)
{
    for (size_t i = 0; i < MAX_LISTENING; i++)
        if (stdio->listening[i].id && strcmp(stdio->listening[i].id, id) == 0)
            end_listening(stdio, &stdio->listening[i]);
}

/* 1: go on; 0: the input is at its end; -1: it failed. */
static int read_more(struct stdio *stdio)
{
    const size_t room = 65536;
    char *to = buffer_reserve(&stdio->lines, room);
    if (!to)
        return -1;
    ssize_t length = read(stdio->input, to, room);
    if (length < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : -1;
    buffer_commit(&stdio->lines, (size_t)length);
    return length > 0;
}

/* ---- while a tool runs ---------------------------------------------------------------------- */

static void notify(void *context, const char *message, size_t length)
{
    struct stdio *stdio = context;
    write_all(stdio, message, length);
    write_all(stdio, "\n", 1);
}

static void running(void *context, const char *id)
{
    struct stdio *stdio = context;
    free(stdio->running);
    stdio->running = id ? strdup(id) : NULL;
    stdio->cancelled = false;
    stdio->looked_ns = 0;
}

static bool cancels(const struct stdio *stdio, const char *line, size_t length)
{
    if (!memmem(line, length, "notifications/cancelled", strlen("notifications/cancelled")))
        return false;
    json_t *message = json_loadb(line, length, 0, NULL);
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *wanted = json_object_get(json_object_get(message, "params"), "requestId");
    char *id = json_dumps(wanted, JSON_ENCODE_ANY);
    bool same = method && strcmp(method, "notifications/cancelled") == 0 && id &&
                strcmp(id, stdio->running) == 0;
    free(id);
    json_decref(message);
    return same;
}

static bool cancelled(void *context)
{
    struct stdio *stdio = context;
    struct pollfd ready = {.fd = stdio->input, .events = POLLIN};
    uint64_t now = clock_now_ns();
    char *end;
    if (stdio->cancelled || !stdio->running || now - stdio->looked_ns < LOOK_NS)
        return stdio->cancelled;
    stdio->looked_ns = now;
    if (buffer_length(&stdio->lines) < STDIO_LINE_LIMIT && poll(&ready, 1, 0) > 0)
        read_more(stdio); /* its end, or a failure, is seen again when the tool is done */
    while (stdio->looked < buffer_length(&stdio->lines)) { /* the last line may lack its end */
        const char *from = buffer_bytes(&stdio->lines) + stdio->looked;
        if (!(end = memchr(from, '\n', buffer_length(&stdio->lines) - stdio->looked)))
            break;
        stdio->cancelled |= cancels(stdio, from, (size_t)(end - from));
        stdio->looked += (size_t)(end - from) + 1;
    }
    return stdio->cancelled;
}

static struct channel *channel(void *context, bool make)
{
    (void)make; /* it is there since initialize */
    return ((struct stdio *)context)->channel;
}

static void told(void *context, uint64_t event, const char *message, size_t length)
{
    (void)event;
    heard(context, message, length);
}

static void told_the_end(void *context)
{
    (void)context;
}

/* From initialize on a client of the legacy era is told what changes. */
static void begin_channel(struct stdio *stdio)
{
    struct channel_listener listener = {told, told_the_end, stdio};
    if (stdio->channel || !(stdio->channel = channel_open(stdio->subscriptions)))
        return;
    channel_attach(stdio->channel, &listener, 0);
}

static void take_line(struct stdio *stdio, const char *line, size_t length)
{
    struct protocol_answer answer;
    struct protocol_context context = {
        .revision = stdio->revision,
        .peer = &stdio->peer,
        .repeated = &stdio->repeated,
    };
    stdio->looked = length + 1;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length == 0)
        return;
    protocol_answer(stdio->service, &context, line, length, &answer);
    if (answer.initialized) {
        stdio->revision = answer.initialized;
        begin_channel(stdio);
    }
    if (answer.cancelled_id)
        cancel(stdio, answer.cancelled_id);
    if (answer.listen_id)
        begin_listening(stdio, &answer);
    write_line(stdio, &answer.text);
    protocol_answer_free(&answer);
    write_notes(stdio);
}

static void refuse_long(struct stdio *stdio)
{
    struct buffer text;
    buffer_init(&text, 1024);
    protocol_error(&text, RPC_INVALID_REQUEST, "a message has at most 4 MiB");
    write_line(stdio, &text);
    buffer_free(&text);
}

static void take_lines(struct stdio *stdio)
{
    struct buffer *lines = &stdio->lines;
    char *end;
    while (!stdio->gone && buffer_length(lines) > 0 &&
           (end = memchr(buffer_bytes(lines), '\n', buffer_length(lines)))) {
        size_t length = (size_t)(end - buffer_bytes(lines));
        if (!stdio->skipping)
            take_line(stdio, buffer_bytes(lines), length);
        stdio->skipping = false;
        buffer_consume(lines, length + 1);
    }
    if (buffer_length(lines) >= STDIO_LINE_LIMIT || stdio->skipping) {
        if (!stdio->skipping)
            refuse_long(stdio);
        stdio->skipping = true;
        buffer_clear(lines);
    }
}

static int serve(struct stdio *stdio, int stop, struct error *error)
{
    struct pollfd ready[2] = {{.fd = stdio->input, .events = POLLIN},
                              {.fd = stop, .events = POLLIN}};
    while (!stdio->gone) {
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return error_set(error, ERROR_INTERNAL, "poll: %s", strerror(errno));
        if (ready[1].revents)
            return 0;
        if (!ready[0].revents)
            continue;
        int more = read_more(stdio);
        if (more < 0)
            return error_set(error, ERROR_INTERNAL, "standard input: %s", strerror(errno));
        take_lines(stdio);
        if (more == 0) {
            /* the last line may lack its end */
            if (buffer_length(&stdio->lines) > 0)
                take_line(stdio, buffer_bytes(&stdio->lines), buffer_length(&stdio->lines));
            return 0;
        }
    }
    return 0;
}

static void end_all(struct stdio *stdio)
{
    for (size_t i = 0; i < MAX_LISTENING; i++) {
        struct listening *one = &stdio->listening[i];
        char *text = one->id ? subscription_end_text(one->id) : NULL;
        if (text) {
            write_all(stdio, text, strlen(text));
            write_all(stdio, "\n", 1);
        }
        free(text);
        if (one->id)
            end_listening(stdio, one);
    }
}

int stdio_serve(struct service *service, struct subscriptions *subscriptions, int input, int output,
                int stop, struct error *error)
{
    struct stdio *stdio = calloc(1, sizeof *stdio);
    if (!stdio)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    stdio->service = service;
    stdio->subscriptions = subscriptions;
    stdio->input = input;
    stdio->output = output;
    buffer_init(&stdio->lines, STDIO_LINE_LIMIT + 65536);
    buffer_init(&stdio->notes, (size_t)1 << 20);
    stdio->peer = (struct protocol_peer){.notify = notify,
                                         .running = running,
                                         .cancelled = cancelled,
                                         .channel = channel,
                                         .context = stdio};
    int result = serve(stdio, stop, error);
    end_all(stdio);
    channel_release(stdio->channel);
    buffer_free(&stdio->lines);
    buffer_free(&stdio->notes);
    json_repeated_free(&stdio->repeated);
    free(stdio);
    return result;
}
