/* See call_watch.h, and the methods by which a session of the legacy era asks for what it hears. */
#include "burrow/server/call_watch.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_NS      (50 * NS_PER_MS) /* between two notifications of progress */
#define MESSAGE_LIMIT 16384

static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                     "error", "critical", "alert",  "emergency"};
enum { DEBUG, INFO, NOTICE, WARNING, ERROR };

/* -1: it is none. */
static int level_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(name, levels[i]) == 0)
            return (int)i;
    return -1;
}

/* ---- progress ------------------------------------------------------------------------------- */

static void progress(void *context, size_t done, size_t total)
{
    struct call_watch *watch = context;
    struct buffer text;
    uint64_t now = clock_now_ns();
    if (!watch->token || (watch->any && done <= watch->said))
        return;
    if (watch->any && done < total && now - watch->said_ns < PAUSE_NS)
        return;
    watch->any = true;
    watch->said = done;
    watch->said_ns = now;
    buffer_init(&text, MESSAGE_LIMIT);
    if (buffer_printf(&text,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                      "{\"progressToken\":%s,\"progress\":%zu,\"total\":%zu}}",
                      watch->token, done, total) == 0)
        watch->call->peer->notify(watch->call->peer->context, buffer_bytes(&text),
                                  buffer_length(&text));
    buffer_free(&text);
}

static bool cancelled(void *context)
{
    const struct protocol_peer *peer = ((struct call_watch *)context)->call->peer;
    return peer->cancelled && peer->cancelled(peer->context);
}

static char *token_of(const struct method_call *call)
{
    const json_t *token = json_object_get(json_object_get(call->params, "_meta"), "progressToken");
    return json_is_string(token) || json_is_integer(token) ? json_dumps(token, JSON_ENCODE_ANY)
                                                           : NULL;
}

static int level_wanted(const struct method_call *call)
{
    const struct protocol_peer *peer = call->peer;
    const json_t *meta = json_object_get(call->params, "_meta");
    if (method_is_modern(call))
        return level_of(
            json_string_value(json_object_get(meta, "io.modelcontextprotocol/logLevel")));
    struct channel *channel = peer->channel ? peer->channel(peer->context, false) : NULL;
    return channel ? channel_level(channel) : -1;
}

const struct tool_watch *call_watch_begin(struct call_watch *watch, const struct method_call *call)
{
    const struct protocol_peer *peer = call->peer;
    *watch = (struct call_watch){.call = call, .level = -1};
    if (!peer)
        return NULL;
    watch->watch = (struct tool_watch){progress, cancelled, watch};
    watch->token = peer->notify ? token_of(call) : NULL;
    watch->level = level_wanted(call);
    char *id = peer->running ? json_dumps(call->id, JSON_ENCODE_ANY) : NULL;
    if (id)
        peer->running(peer->context, id);
    free(id);
    return &watch->watch;
}

/* ---- the log -------------------------------------------------------------------------------- */

static int level_of_outcome(const struct tool_call *done, bool failed)
{
    if (!failed)
        return done->tool->flags & TOOL_DESTRUCTIVE ? NOTICE : DEBUG;
    if (strcmp(done->reason, "internal") == 0)
        return ERROR;
    return strcmp(done->reason, "tier_unavailable") == 0 ? WARNING : INFO;
}

/* With the request where that can be, else through the session. */
static void send(const struct method_call *call, const char *message, size_t length)
{
    const struct protocol_peer *peer = call->peer;
    if (peer->notify) {
        peer->notify(peer->context, message, length);
        return;
    }
    struct channel *channel = peer->channel ? peer->channel(peer->context, false) : NULL;
    if (channel)
        channel_tell(channel, message, length);
}

static void write_log(const struct call_watch *watch, const struct tool_call *done, bool failed,
                      uint64_t took_ns)
{
    int level = level_of_outcome(done, failed);
    if (watch->level < 0 || level < watch->level)
        return;
    json_t *message = json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s, s:f}}}", "jsonrpc", "2.0",
                                "method", "notifications/message", "params", "level", levels[level],
                                "logger", "burrow.tools", "data", "tool", done->tool->name,
                                "outcome", failed ? done->reason : "success", "milliseconds",
                                (double)took_ns / (double)NS_PER_MS);
    if (message && failed)
        json_object_set_new(json_object_get(json_object_get(message, "params"), "data"), "message",
                            json_string(done->error.text));
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    if (text)
        send(watch->call, text, strlen(text));
    free(text);
    json_decref(message);
}

void call_watch_end(struct call_watch *watch, const struct tool_call *done, bool failed,
                    uint64_t took_ns)
{
    const struct protocol_peer *peer = watch->call->peer;
    if (!peer)
        return;
    if (peer->running)
        peer->running(peer->context, NULL);
    write_log(watch, done, failed, took_ns);
    free(watch->token);
}

/* ---- what a session asks for ---------------------------------------------------------------- */

static struct channel *channel_of(struct method_call *call)
{
    const struct protocol_peer *peer = call->peer;
    struct channel *channel = peer && peer->channel ? peer->channel(peer->context, true) : NULL;
    if (!channel)
        method_fail(call, RPC_INTERNAL_ERROR,
                    "too many sessions are told of changes already; try again later");
    return channel;
}

int method_set_level(struct method_call *call)
{
    int level = level_of(method_text(call, "level"));
    if (level < 0)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "level must be one of debug, info, notice, warning, error, critical, "
                           "alert, emergency");
    struct channel *channel = channel_of(call);
    if (!channel)
        return -1;
    channel_set_level(channel, level);
    return 0;
}

int method_subscribe(struct method_call *call)
{
    const char *uri = method_text(call, "uri");
    if (!uri)
        return method_fail(call, RPC_INVALID_PARAMS, "resources/subscribe needs params.uri");
    struct channel *channel = channel_of(call);
    if (!channel)
        return -1;
    if (channel_subscribe(channel, uri) == 0)
        return 0;
    return method_fail(call, RPC_INVALID_PARAMS, "a session subscribes to at most %d resources",
                       CHANNEL_URIS);
}

int method_unsubscribe(struct method_call *call)
{
    const char *uri = method_text(call, "uri");
    if (!uri)
        return method_fail(call, RPC_INVALID_PARAMS, "resources/unsubscribe needs params.uri");
    struct channel *channel = channel_of(call);
    if (!channel)
        return -1;
    channel_unsubscribe(channel, uri);
    return 0;
}
