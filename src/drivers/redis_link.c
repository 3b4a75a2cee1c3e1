/* A socket that speaks RESP to one server: it connects, greets, and from then on tells replies as
 * they come. Who asked for them is its owner's business. */
#include "base/clock.h"
#include "drivers/redis.h"

#include <stdio.h>
#include <string.h>

enum { INPUT_KEPT = 256 * 1024 /* bytes of memory that a link keeps for cut replies */ };

static const struct stream_events stream_events;
static void greeting_reply(struct redis_link *link, const char *reply, size_t length);
static void greeting_timeout(struct loop_timer *timer);
static void fail(struct redis_link *link, const struct outcome *why, const char *text);

static struct redis_link *link_of(struct stream *stream)
{
    return container_of(stream, struct redis_link, stream);
}

void redis_link_open(struct redis_link *link, struct loop *loop, const struct redis_target *target,
                     char *input_space, const struct redis_link_events *events)
{
    *link = (struct redis_link){.loop = loop,
                                .target = target,
                                .events = events,
                                .input_space = input_space,
                                .timer = {.fired = greeting_timeout},
                                .step = REDIS_CONNECTING};
    resp_reader_init(&link->reader, REDIS_REPLY_LIMIT);
    buffer_init(&link->input, REDIS_REPLY_LIMIT + REDIS_INPUT_SIZE);
    buffer_init(&link->output, REDIS_OUTPUT_LIMIT);
    stream_open(&link->stream, loop, &target->address, target->tls, target->connect_timeout_ns,
                &stream_events);
}

void redis_link_close(struct redis_link *link)
{
    if (!link->loop)
        return;
    loop_timer_stop(link->loop, &link->timer);
    stream_close(&link->stream);
    buffer_free(&link->input);
    buffer_free(&link->output);
    link->step = REDIS_CLOSED;
}

void redis_link_flush(struct redis_link *link)
{
    size_t length = buffer_length(&link->output);
    if (length == 0 || link->blocked)
        return;
    struct iovec piece = {buffer_bytes(&link->output), length};
    ssize_t count = stream_write(&link->stream, &piece, 1);
    if (count < 0)
        return; /* lost: `failed` follows */
    link->blocked = (size_t)count < length;
    link->written += (size_t)count;
    buffer_consume(&link->output, (size_t)count);
}

static void fail(struct redis_link *link, const struct outcome *why, const char *text)
{
    redis_link_close(link);
    link->events->failed(link, why, text);
}

/* ---- greeting -----------------------------------------------------------------------------------
 */

static int append_hello(struct redis_link *link)
{
    const struct redis_settings *settings = &link->target->settings;
    struct buffer *output = &link->output;
    int result = resp_append_array(output, settings->password ? 7 : 4);
    result |= resp_append_bulk_text(output, "HELLO") | resp_append_bulk_text(output, "3");
    if (settings->password) {
        const char *user = settings->user ? settings->user : "default";
        result |= resp_append_bulk_text(output, "AUTH") | resp_append_bulk_text(output, user) |
                  resp_append_bulk_text(output, settings->password);
    }
    return result | resp_append_bulk_text(output, "SETNAME") |
           resp_append_bulk_text(output, "cicada");
}

static int append_auth(struct redis_link *link)
{
    const struct redis_settings *settings = &link->target->settings;
    struct buffer *output = &link->output;
    int result = resp_append_array(output, settings->user ? 3 : 2);
    result |= resp_append_bulk_text(output, "AUTH");
    if (settings->user)
        result |= resp_append_bulk_text(output, settings->user);
    return result | resp_append_bulk_text(output, settings->password);
}

static int append_select(struct redis_link *link)
{
    char number[16];
    snprintf(number, sizeof number, "%u", (unsigned)link->target->settings.database);
    return resp_append_array(&link->output, 2) | resp_append_bulk_text(&link->output, "SELECT") |
           resp_append_bulk_text(&link->output, number);
}

/* Go on with `step`, or the first after it that this server needs. */
static void greet_from(struct redis_link *link, enum redis_step step)
{
    const struct redis_settings *settings = &link->target->settings;
    int result = 0;
    if (step == REDIS_AUTH && !settings->password)
        step = REDIS_SELECT;
    if (step == REDIS_SELECT && !settings->database)
        step = REDIS_READY;
    link->step = step;
    if (step == REDIS_HELLO)
        result = append_hello(link);
    else if (step == REDIS_AUTH)
        result = append_auth(link);
    else if (step == REDIS_SELECT)
        result = append_select(link);
    if (result < 0) {
        link->no_memory = true; /* told later: this may be inside one of the owner's calls */
        loop_timer_start(link->loop, &link->timer, 0);
        return;
    }
    redis_link_flush(link);
    if (step == REDIS_READY) {
        loop_timer_stop(link->loop, &link->timer);
        link->events->ready(link);
    }
}

void redis_link_greet(struct redis_link *link)
{
    link->protocol = link->target->settings.protocol == 2 ? 2 : 3;
    greet_from(link, link->protocol == 3 ? REDIS_HELLO : REDIS_AUTH);
}

static void stream_opened(struct stream *stream)
{
    struct redis_link *link = link_of(stream);
    uint64_t timeout = link->target->connect_timeout_ns;
    if (timeout)
        loop_timer_start(link->loop, &link->timer, stream->open_started_ns + timeout);
    redis_link_greet(link);
}

static void greeting_timeout(struct loop_timer *timer)
{
    struct redis_link *link = container_of(timer, struct redis_link, timer);
    struct outcome why = {.kind = OUTCOME_CONNECT_TIMEOUT, .detail = "greeting"};
    struct outcome lost = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
    if (link->no_memory)
        fail(link, &lost, "out of memory");
    else
        fail(link, &why,
             "the server did not answer HELLO, AUTH or SELECT within the connect timeout");
}

/* Servers older than 6 know no HELLO, and some proxies only RESP2. */
static bool is_older_server(const struct redis_link *link, const char *error, size_t length)
{
    return link->step == REDIS_HELLO && link->target->settings.protocol == 0 &&
           (redis_error_is(error, length, "ERR unknown command") ||
            redis_error_is(error, length, "NOPROTO"));
}

static void greeting_refused(struct redis_link *link, const char *error, size_t length)
{
    char text[REDIS_TEXT];
    struct outcome why = redis_error_outcome(error, length, text, sizeof text);
    if (link->step == REDIS_AUTH)
        why.detail = "auth";
    loop_timer_stop(link->loop, &link->timer);
    memcpy(link->text, text, sizeof text);
    if (strcmp(why.detail, "max_clients") == 0 || strcmp(why.detail, "DENIED") == 0) {
        fail(link, &why, link->text); /* it hangs up behind these */
        return;
    }
    link->step = REDIS_REFUSED;
    link->events->refused(link, &why, link->text);
}

static void greeting_reply(struct redis_link *link, const char *reply, size_t length)
{
    if (link->reader.has_error) {
        struct resp_cursor cursor = {reply + link->reader.error_offset, reply + length};
        struct resp_token token;
        if (!resp_next(&cursor, &token))
            return;
        if (is_older_server(link, token.text, token.length)) {
            link->protocol = 2;
            greet_from(link, REDIS_AUTH);
        } else {
            greeting_refused(link, token.text, token.length);
        }
        return;
    }
    if (link->step == REDIS_HELLO && link->events->welcomed)
        link->events->welcomed(link, reply, length);
    greet_from(link, link->step == REDIS_SELECT ? REDIS_READY : REDIS_SELECT);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static void fail_unsolicited(struct redis_link *link)
{
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "unsolicited_answer"};
    fail(link, &why, "the server sent a reply that no command asked for");
}

/* False when the link is closed. */
static bool tell_reply(struct redis_link *link, const char *reply, size_t length)
{
    if (link->reader.type == RESP_PUSH)
        return true; /* client-side caching, maintenance notices: nothing that was asked for */
    switch (link->step) {
    case REDIS_HELLO:
    case REDIS_AUTH:
    case REDIS_SELECT:
        greeting_reply(link, reply, length);
        break;
    case REDIS_READY:
        if (!link->events->reply(link, reply, length))
            fail_unsolicited(link);
        break;
    default:
        fail_unsolicited(link);
        break;
    }
    return link->step != REDIS_CLOSED;
}

static void fail_malformed(struct redis_link *link)
{
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = link->reader.problem};
    char text[REDIS_TEXT];
    snprintf(text, sizeof text, "byte %zu of a reply is no RESP: %s", link->reader.offset,
             link->reader.problem);
    fail(link, &why, text);
}

/* Tell the replies among the bytes; how many of the bytes were used, or SIZE_MAX when the link was
 * closed. */
static size_t take_replies(struct redis_link *link, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length) {
        if (!link->started_ns)
            link->started_ns = link->read_ns;
        switch (resp_read(&link->reader, bytes + used, length - used)) {
        case RESP_MORE:
            return used;
        case RESP_BAD:
            fail_malformed(link);
            return SIZE_MAX;
        case RESP_DONE:
            break;
        }
        size_t reply = link->reader.length;
        if (!tell_reply(link, bytes + used, reply))
            return SIZE_MAX;
        used += reply;
        link->started_ns = 0;
        resp_reader_begin(&link->reader);
    }
    return used;
}

static void end_of_input(struct redis_link *link)
{
    bool half = buffer_length(&link->input) != 0;
    struct outcome why = {.kind = OUTCOME_CONNECTION_RESET,
                          .detail = half ? "half_answer" : "closed_before_answer"};
    if (link->step != REDIS_READY && link->step != REDIS_REFUSED)
        why.detail = "closed_in_greeting";
    fail(link, &why, "the server closed the connection");
}

static void read_failed(struct redis_link *link)
{
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "too_large"};
    fail(link, &why, "a reply is larger than 512 MiB, or than the memory there is");
}

/* The rest of a reply that came in part is read behind that part; everything else into the space
 * that the links of a thread share. */
static void stream_readable(struct stream *stream)
{
    struct redis_link *link = link_of(stream);
    bool held = buffer_length(&link->input) != 0;
    char *place = link->input_space;
    size_t room = REDIS_INPUT_SIZE;
    if (held) {
        room = link->reader.needed > room ? link->reader.needed : room;
        place = buffer_reserve(&link->input, room);
        if (!place) {
            read_failed(link);
            return;
        }
    }
    ssize_t count = stream_read(stream, place, room);
    if (count == 0)
        end_of_input(link);
    if (count <= 0)
        return;
    link->read_ns = clock_now_ns();
    if (held)
        buffer_commit(&link->input, (size_t)count);
    const char *bytes = held ? buffer_bytes(&link->input) : place;
    size_t length = held ? buffer_length(&link->input) : (size_t)count;
    size_t used = take_replies(link, bytes, length);
    if (used == SIZE_MAX)
        return;
    if (held) {
        buffer_consume(&link->input, used);
        if (buffer_length(&link->input) == 0 && link->input.capacity > INPUT_KEPT)
            buffer_shrink(&link->input);
    } else if (used < length && buffer_append(&link->input, bytes + used, length - used) < 0) {
        read_failed(link);
        return;
    }
    if (link->step == REDIS_READY)
        link->events->settled(link);
}

static void stream_writable(struct stream *stream)
{
    struct redis_link *link = link_of(stream);
    link->blocked = false;
    redis_link_flush(link);
    if (link->step == REDIS_READY)
        link->events->settled(link);
}

static void stream_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    fail(link_of(stream), why, text);
}

static const struct stream_events stream_events = {
    .opened = stream_opened,
    .readable = stream_readable,
    .writable = stream_writable,
    .failed = stream_failed,
};
