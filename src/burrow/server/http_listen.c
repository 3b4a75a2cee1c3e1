/* The streams on which a client only listens: subscriptions/listen of the modern era, and GET of a
 * legacy session, which takes up after Last-Event-ID. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- subscriptions/listen ------------------------------------------------------------------- */

struct listening {
    struct http_server *server;
    struct http_stream *stream;
    struct subscription *subscription;
    char *id;
};

static void told(void *context, const char *message, size_t length)
{
    struct listening *listening = context;
    http_stream_say(listening->stream, 0, message, length);
}

static void listening_closed(void *context)
{
    struct listening *listening = context;
    subscriptions_remove(listening->server->subscriptions, listening->subscription);
    free(listening->id);
    free(listening);
}

static void listening_last(void *context, struct http_stream *stream)
{
    struct listening *listening = context;
    char *text = subscription_end_text(listening->id);
    if (text)
        http_stream_say(stream, 0, text, strlen(text));
    free(text);
}

static const struct http_stream_owner listening_owner = {.closed = listening_closed,
                                                         .last = listening_last};

enum MHD_Result http_listen(struct http_server *server, struct MHD_Connection *connection,
                            struct exchange *exchange, struct protocol_answer *answer)
{
    struct listening *listening = calloc(1, sizeof *listening);
    if (!listening)
        return MHD_NO;
    listening->server = server;
    listening->id = answer->listen_id;
    answer->listen_id = NULL;
    listening->stream = http_stream_open(server, connection, &listening_owner, listening);
    if (!listening->stream) {
        listening_closed(listening);
        return MHD_NO;
    }
    exchange->stream = listening->stream; /* freed when the exchange is over */
    http_stream_say(listening->stream, 0, buffer_bytes(&answer->text),
                    buffer_length(&answer->text));
    listening->subscription = subscriptions_add(server->subscriptions, listening->id,
                                                answer->listen_filter, told, listening);
    if (!listening->subscription)
        return MHD_NO;
    return http_stream_answer(listening->stream, connection);
}

/* ---- GET ------------------------------------------------------------------------------------ */

struct hearing {
    struct http_server *server;
    struct http_stream *stream;
    struct channel *channel;
    char session[SESSION_ID_LENGTH + 1];
};

static void heard(void *context, uint64_t event, const char *message, size_t length)
{
    struct hearing *hearing = context;
    http_stream_say(hearing->stream, event, message, length);
}

static void hearing_ended(void *context)
{
    http_stream_end(((struct hearing *)context)->stream);
}

static void hearing_closed(void *context)
{
    struct hearing *hearing = context;
    channel_detach(hearing->channel, hearing);
    channel_release(hearing->channel);
    free(hearing);
}

/* A session that is listened to is in use. */
static void hearing_alive(void *context)
{
    const struct hearing *hearing = context;
    sessions_use(hearing->server->sessions, hearing->session, clock_now_ns());
}

static const struct http_stream_owner hearing_owner = {.closed = hearing_closed,
                                                       .alive = hearing_alive};

/* Where to take up: after what the client has, or after what was said until now. */
static uint64_t last_event(struct MHD_Connection *connection, struct channel *channel)
{
    const char *text = http_header(connection, "Last-Event-ID");
    uint64_t last = channel_last_event(channel);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return last;
    uint64_t event = strtoull(text, &end, 10);
    return *end || event > last ? last : event;
}

static enum MHD_Result begin_hearing(struct http_server *server, struct MHD_Connection *connection,
                                     struct exchange *exchange, struct channel *channel,
                                     const char *session, bool primed)
{
    struct hearing *hearing = calloc(1, sizeof *hearing);
    if (hearing) { /* complete before it is opened: from then on it may be asked */
        hearing->server = server;
        hearing->channel = channel;
        snprintf(hearing->session, sizeof hearing->session, "%s", session);
        hearing->stream = http_stream_open(server, connection, &hearing_owner, hearing);
    }
    if (!hearing || !hearing->stream) {
        channel_release(channel);
        free(hearing);
        return MHD_NO;
    }
    exchange->stream = hearing->stream;
    struct channel_listener listener = {heard, hearing_ended, hearing};
    uint64_t last = last_event(connection, channel);
    http_stream_begin(hearing->stream, primed, last);
    channel_attach(channel, &listener, last);
    return http_stream_answer(hearing->stream, connection);
}

enum MHD_Result http_get(struct http_server *server, struct MHD_Connection *connection,
                         struct exchange *exchange)
{
    const char *session = http_header(connection, "Mcp-Session-Id");
    const char *accept = http_header(connection, "Accept");
    const struct exchange without_session = {
        .status = 405,
        .refusal = "GET needs the Mcp-Session-Id that initialize gave; 2026-07-28 has "
                   "subscriptions/listen",
        .extra_name = "Allow",
        .extra_value = "POST"};
    if (!session)
        return http_give_refusal(server, connection, &without_session);
    if (!accept || !strstr(accept, "text/event-stream"))
        return http_give_status(server, connection, 406, "Accept must list text/event-stream");
    const struct mcp_revision *revision = sessions_use(server->sessions, session, clock_now_ns());
    if (!revision)
        return http_give_status(server, connection, 404,
                                "there is no such session, or it is over; initialize anew");
    struct channel *channel =
        sessions_channel(server->sessions, session, server->subscriptions, true);
    if (!channel)
        return http_give_status(server, connection, 503,
                                "too many clients listen already; try again later");
    return begin_hearing(server, connection, exchange, channel, session,
                         strcmp(revision->name, "2025-11-25") >= 0);
}
