/* The table of methods, and those about the server itself and its tools. */
#include "burrow/server/methods.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "burrow/server/call_watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int method_fail(struct method_call *call, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call->problem, sizeof call->problem, format, arguments);
    va_end(arguments);
    call->code = code;
    return -1;
}

int method_give(struct method_call *call, json_t *members)
{
    int result = members ? json_write_inside(call->out, members) : -1;
    json_decref(members);
    return result < 0 ? method_fail(call, RPC_INTERNAL_ERROR, "the answer is too large") : 0;
}

const char *method_text(const struct method_call *call, const char *name)
{
    return json_string_value(json_object_get(call->params, name));
}

/* --- the server --- */

#define INSTRUCTIONS                                                                               \
    "A memory that lasts. Store what is worth keeping (store_memory), find it again by meaning "   \
    "(retrieve_memory) or by words (search_memory), and keep facts about named things in the "     \
    "graph. Every tool says when to use it; a failed call says what to change."

#define CAPABILITIES                                                                               \
    "\"tools\":{\"listChanged\":false},\"prompts\":{\"listChanged\":false},\"completions\":{},"    \
    "\"resources\":{\"listChanged\":true,\"subscribe\":true},\"logging\":{}"

int method_initialize(struct method_call *call)
{
    const char *wanted = method_text(call, "protocolVersion");
    if (!wanted)
        return method_fail(call, RPC_INVALID_PARAMS, "initialize needs params.protocolVersion");
    call->answer->initialized = call->revision; /* chosen by the protocol */
    return buffer_printf(call->out,
                         "\"protocolVersion\":\"%s\",\"capabilities\":{" CAPABILITIES
                         "},\"serverInfo\":" SERVER_INFO ",\"instructions\":\"" INSTRUCTIONS "\"",
                         call->revision->name);
}

int method_discover(struct method_call *call)
{
    return buffer_append_text(call->out, "\"supportedVersions\":[\"" MCP_LATEST_MODERN
                                         "\"],\"capabilities\":{" CAPABILITIES "},"
                                         "\"instructions\":\"" INSTRUCTIONS "\"");
}

static int method_nothing(struct method_call *call)
{
    (void)call;
    return 0;
}

/* What is asked for, without what this server does not announce. */
int method_listen(struct method_call *call)
{
    const json_t *asked = json_object_get(call->params, "notifications"), *uri;
    size_t index;
    if (!json_is_object(asked))
        return method_fail(call, RPC_INVALID_PARAMS,
                           "subscriptions/listen needs params.notifications, an object");
    json_t *filter = json_object();
    if (json_is_true(json_object_get(asked, "resourcesListChanged")))
        json_object_set_new(filter, "resourcesListChanged", json_true());
    json_t *uris = json_object_get(asked, "resourceSubscriptions");
    if (json_array_size(uris) > 100) {
        json_decref(filter);
        return method_fail(call, RPC_INVALID_PARAMS, "at most 100 resourceSubscriptions");
    }
    json_array_foreach(uris, index, uri)
    {
        if (json_is_string(uri))
            continue;
        json_decref(filter);
        return method_fail(call, RPC_INVALID_PARAMS, "resourceSubscriptions must be texts");
    }
    if (json_array_size(uris) > 0)
        json_object_set(filter, "resourceSubscriptions", uris);
    call->answer->listen_filter = filter;
    call->answer->listen_id = json_dumps(call->id, JSON_ENCODE_ANY);
    return call->answer->listen_id ? 0 : method_fail(call, RPC_INTERNAL_ERROR, "out of memory");
}

/* --- tools --- */

static int method_tools_list(struct method_call *call)
{
    const json_t *cursor = json_object_get(call->params, "cursor");
    int page = cursor && !json_is_string(cursor)
                   ? -1
                   : service_page_index(call->service, json_string_value(cursor));
    if (page < 0)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "the cursor is none that tools/list gave; begin without one");
    const struct service_page *texts = &call->service->pages[page];
    return buffer_append_text(call->out,
                              call->revision->structured_content ? texts->full : texts->plain);
}

static int give_failure(struct method_call *call, const struct tool_call *done)
{
    struct buffer *out = call->out;
    int result =
        buffer_printf(out, "\"content\":[{\"type\":\"text\",\"text\":\"%s: ", done->reason);
    result |= buffer_append_json_escaped(out, done->error.text, strlen(done->error.text));
    result |= buffer_append_text(out, "\"}],\"isError\":true");
    return result;
}

#define USUAL_BYTES 4096 /* of a result */

/* Serialised once; the text block is the same bytes, escaped. */
static int give_success(struct method_call *call, const struct tool_call *done)
{
    struct buffer *out = call->out, text;
    buffer_init(&text, PROTOCOL_ANSWER_LIMIT);
    buffer_reserve(&text, USUAL_BYTES); /* without growing step by step */
    int result = json_write(&text, done->structured);
    buffer_reserve(out, 3 * buffer_length(&text)); /* twice, of which one is escaped */
    result |= buffer_append_text(out, "\"content\":[{\"type\":\"text\",\"text\":\"");
    result |= buffer_append_json_escaped(out, buffer_bytes(&text), buffer_length(&text));
    result |= buffer_append_text(out, "\"}");
    if (json_array_size(done->content) > 0) {
        result |= buffer_append_char(out, ',');
        result |= json_write_inside(out, done->content);
    }
    result |= buffer_append_text(out, "]");
    if (call->revision->structured_content) {
        result |= buffer_append_text(out, ",\"structuredContent\":");
        result |= buffer_append(out, buffer_bytes(&text), buffer_length(&text));
    }
    buffer_free(&text);
    return result;
}

/* What the user says to a destructive tool, which runs when it is yes. The answer comes with the
 * same call sent again (multi round-trip requests); nothing is kept in between. */
enum confirmation { CONFIRMED, DECLINED, ASKED, CANNOT_ASK };

static enum confirmation ask_user(struct method_call *call, const struct tool *tool)
{
    const json_t *meta = json_object_get(call->params, "_meta");
    const json_t *able = json_object_get(
        json_object_get(meta, "io.modelcontextprotocol/clientCapabilities"), "elicitation");
    const json_t *said =
        json_object_get(json_object_get(call->params, "inputResponses"), "confirm");
    const char *action = json_string_value(json_object_get(said, "action"));
    if (!json_is_object(able)) {
        call->data = json_pack("{s:{s:{}}}", "requiredCapabilities", "elicitation");
        method_fail(call, RPC_MISSING_CAPABILITY,
                    "%s is destructive: the user must be asked, which needs the client capability "
                    "elicitation",
                    tool->name);
        return CANNOT_ASK;
    }
    if (action) {
        const json_t *content = json_object_get(said, "content");
        bool agreed =
            strcmp(action, "accept") == 0 && json_is_true(json_object_get(content, "confirm"));
        return agreed ? CONFIRMED : DECLINED;
    }
    call->input_required = true;
    buffer_printf(call->out,
                  "\"inputRequests\":{\"confirm\":{\"method\":\"elicitation/create\",\"params\":"
                  "{\"mode\":\"form\",\"message\":\"%s cannot be undone. Run it?\","
                  "\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"confirm\":"
                  "{\"type\":\"boolean\",\"title\":\"Run %s\"}},\"required\":[\"confirm\"]}}}}",
                  tool->name, tool->name);
    return ASKED;
}

/* 1: the tool may run; else what the method returns. */
static int may_run(struct method_call *call, const struct tool *tool)
{
    struct tool_call refused = {.reason = "declined"};
    if (!call->service->confirm_destructive || !(tool->flags & TOOL_DESTRUCTIVE))
        return 1;
    if (method_is_modern(call)) {
        enum confirmation said = ask_user(call, tool);
        if (said != DECLINED)
            return said == CONFIRMED ? 1 : said == ASKED ? 0 : -1;
    }
    error_set(&refused.error, ERROR_USAGE, "%s is destructive and the user did not confirm it%s",
              tool->name,
              method_is_modern(call) ? "" : "; only a client of 2026-07-28 can be asked");
    return give_failure(call, &refused);
}

/* Its name, where the request says it: clients of the stateless era do. */
static const char *client_of(const struct method_call *call)
{
    const json_t *meta = json_object_get(call->params, "_meta");
    const json_t *info = json_object_get(meta, "io.modelcontextprotocol/clientInfo");
    return json_string_value(json_object_get(info, "name"));
}

static int method_tools_call(struct method_call *call)
{
    const char *name = method_text(call, "name");
    const json_t *arguments = json_object_get(call->params, "arguments");
    if (!name)
        return method_fail(call, RPC_INVALID_PARAMS, "tools/call needs params.name");
    struct service_tool *tool = service_find(call->service, name);
    if (!tool)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "there is no tool \"%.100s\"; tools/list names them", name);
    if (arguments && !json_is_object(arguments))
        return method_fail(call, RPC_INVALID_PARAMS, "params.arguments must be an object");
    int go_on = may_run(call, tool->tool);
    if (go_on != 1)
        return go_on;
    struct tool_call done;
    struct call_watch watch;
    const struct tool_watch *watched = call_watch_begin(&watch, call);
    uint64_t begin = clock_now_ns();
    int outcome = dispatch_call_watched(call->service->dispatch, tool->tool, arguments,
                                        client_of(call), watched, &done);
    uint64_t took = clock_now_ns() - begin;
    service_count_call(tool, took, outcome < 0);
    call_watch_end(&watch, &done, outcome < 0, took);
    if (outcome < 0) {
        call->cancelled = strcmp(done.reason, "cancelled") == 0;
        return give_failure(call, &done);
    }
    int result = give_success(call, &done);
    dispatch_release(&done);
    return result < 0 ? method_fail(call, RPC_INTERNAL_ERROR, "the result of %s is too large", name)
                      : 0;
}

/* --- the table --- */

#define HOUR_MS 3600000u

static const struct method methods[] = {
    {"tools/call", METHOD_BOTH, NULL, 0, "name", method_tools_call},
    {"tools/list", METHOD_BOTH, "public", HOUR_MS, NULL, method_tools_list},
    {"resources/read", METHOD_BOTH, "private", 0, "uri", method_resources_read},
    {"resources/list", METHOD_BOTH, "private", 0, NULL, method_resources_list},
    {"resources/templates/list", METHOD_BOTH, "public", HOUR_MS, NULL, method_resource_templates},
    {"prompts/get", METHOD_BOTH, NULL, 0, "name", method_prompts_get},
    {"prompts/list", METHOD_BOTH, "public", HOUR_MS, NULL, method_prompts_list},
    {"completion/complete", METHOD_BOTH, NULL, 0, NULL, method_complete},
    {"server/discover", METHOD_MODERN, "public", HOUR_MS, NULL, method_discover},
    {"subscriptions/listen", METHOD_MODERN, NULL, 0, NULL, method_listen},
    {"initialize", METHOD_LEGACY, NULL, 0, NULL, method_initialize},
    {"ping", METHOD_LEGACY, NULL, 0, NULL, method_nothing},
    {"logging/setLevel", METHOD_LEGACY, NULL, 0, NULL, method_set_level},
    {"resources/subscribe", METHOD_LEGACY, NULL, 0, NULL, method_subscribe},
    {"resources/unsubscribe", METHOD_LEGACY, NULL, 0, NULL, method_unsubscribe},
};

const struct method *method_find(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}
