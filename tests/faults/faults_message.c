/* Faults of JSON-RPC and MCP inside well-formed HTTP: ids, errors, event streams, sessions, server
 * requests, multi round-trip requests, schemas. */
#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *usual_answer(const struct call *call)
{
    return message_result(call->id, call_result(call, "ok"));
}

/* ---- plain answers -----------------------------------------------------------------------------
 */

static void answer_ok(struct call *call)
{
    call_reply_ok(call);
}

static void answer_destructive(struct call *call)
{
    call_reply_error(call, 200, -32050, "a destructive tool was called unasked");
}

static void answer_excluded(struct call *call)
{
    call_reply_error(call, 200, -32051, "a tool with an invalid definition was called");
}

static void answer_tool_error(struct call *call)
{
    json_t *result = call_result(call, "no such city");
    json_object_set_new(result, "isError", json_true());
    call_reply_result(call, result);
}

static void answer_error(struct call *call)
{
    call_reply_error(call, 200, call->tool->number, "refused");
}

static void answer_error_without_id(struct call *call)
{
    call_reply_text(call, 400, message_error(NULL, call->tool->number, "cannot tell whose", NULL));
}

static void answer_error_with_null_id(struct call *call)
{
    json_t *null = json_null();
    call_reply_text(call, 400, message_error(null, call->tool->number, "cannot tell whose", NULL));
}

static void answer_verbatim(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void answer_verbatim(struct call *call, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0)
        call_reply_text(call, 200, text);
}

#define RESULT "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}"

static void answer_wrong_id(struct call *call)
{
    json_t *other = json_integer(json_integer_value(call->id) + 1000000);
    call_reply_text(call, 200, message_result(other, call_result(call, "ok")));
    json_decref(other);
}

static void answer_string_id(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"2.0\",\"id\":\"%lld\",\"result\":" RESULT "}",
                    (long long)json_integer_value(call->id));
}

static void answer_huge_id(struct call *call)
{
    answer_verbatim(
        call, "{\"jsonrpc\":\"2.0\",\"id\":123456789012345678901234567890,\"result\":" RESULT "}");
}

static void answer_null_id(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":" RESULT "}");
}

static void answer_missing_id(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"2.0\",\"result\":" RESULT "}");
}

static void answer_wrong_version(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"1.0\",\"id\":%lld,\"result\":" RESULT "}",
                    (long long)json_integer_value(call->id));
}

static void answer_result_and_error(struct call *call)
{
    answer_verbatim(call,
                    "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":" RESULT
                    ",\"error\":{\"code\":-1,\"message\":\"both\"}}",
                    (long long)json_integer_value(call->id));
}

static void answer_neither(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"2.0\",\"id\":%lld}",
                    (long long)json_integer_value(call->id));
}

static void answer_content_no_array(struct call *call)
{
    answer_verbatim(call,
                    "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"resultType\":\"complete\","
                    "\"content\":\"ok\"}}",
                    (long long)json_integer_value(call->id));
}

static void answer_scalar_result(struct call *call)
{
    answer_verbatim(call, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":42}",
                    (long long)json_integer_value(call->id));
}

static void answer_garbage(struct call *call)
{
    peer_respond(call->peer, 200, "application/json", "", "}{ this is not JSON ][");
}

static void answer_truncated(struct call *call)
{
    char *text = usual_answer(call);
    peer_respond_bytes(call->peer, 200, "application/json", "", text, strlen(text) - 3);
    free(text);
}

static void answer_twice_in_body(struct call *call)
{
    char *text = usual_answer(call), *twice = NULL;
    if (asprintf(&twice, "%s\n%s", text, text) >= 0)
        call_reply_text(call, 200, twice);
    free(text);
}

static void answer_invalid_utf8(struct call *call)
{
    char body[256];
    int length =
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"resultType\":\"complete\","
                 "\"content\":[{\"type\":\"text\",\"text\":\"\xc3\x28 \xff\"}]}}",
                 (long long)json_integer_value(call->id));
    peer_respond_bytes(call->peer, 200, "application/json", "", body, (size_t)length);
}

static void answer_deep(struct call *call)
{
    enum { DEPTH = 100000 };
    struct buffer body;
    buffer_init(&body, 1 << 20);
    buffer_printf(&body, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":",
                  (long long)json_integer_value(call->id));
    for (int i = 0; i < DEPTH; i++)
        buffer_append_char(&body, '[');
    for (int i = 0; i < DEPTH; i++)
        buffer_append_char(&body, ']');
    buffer_append_char(&body, '}');
    call_reply_text(call, 200, buffer_take_string(&body));
}

static void answer_huge_number(struct call *call)
{
    answer_verbatim(call,
                    "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"resultType\":\"complete\","
                    "\"content\":[],\"_meta\":{\"example.org/n\":1e400}}}",
                    (long long)json_integer_value(call->id));
}

static void answer_large(struct call *call)
{
    size_t size = (size_t)call->tool->number;
    char *text = malloc(size + 1);
    if (!text)
        return;
    memset(text, 'x', size);
    text[size] = '\0';
    call_reply_result(call, call_result(call, text));
    free(text);
}

static void answer_batch(struct call *call)
{
    char *text = usual_answer(call), *batch = NULL;
    if (asprintf(&batch, "[%s]", text) >= 0)
        call_reply_text(call, 200, batch);
    free(text);
}

static void answer_unknown_result_type(struct call *call)
{
    json_t *result = call_result(call, "ok");
    json_object_set_new(result, "resultType", json_string("deferred"));
    call_reply_result(call, result);
}

static void answer_no_result_type(struct call *call)
{
    json_t *result = call_result(call, "ok");
    json_object_del(result, "resultType");
    call_reply_result(call, result);
}

/* ---- outputSchema ------------------------------------------------------------------------------
 */

static void answer_structured(struct call *call, json_t *content)
{
    json_t *result = call_result(call, "structured");
    if (content)
        json_object_set_new(result, "structuredContent", content);
    call_reply_result(call, result);
}

static void answer_structured_good(struct call *call)
{
    answer_structured(call, json_pack("{s:i, s:s}", "degrees", 21, "unit", "C"));
}

static void answer_structured_wrong_type(struct call *call)
{
    answer_structured(call, json_pack("{s:s, s:s}", "degrees", "warm", "unit", "C"));
}

static void answer_structured_lacks(struct call *call)
{
    answer_structured(call, json_pack("{s:i}", "degrees", 21));
}

static void answer_structured_missing(struct call *call)
{
    answer_structured(call, NULL);
}

static void answer_structured_array(struct call *call)
{
    answer_structured(call, json_pack("[i, i, i]", 1, 2, call->tool->number));
}

/* ---- event streams -----------------------------------------------------------------------------
 */

static const char progress[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
                               "\"params\":{\"level\":\"info\",\"data\":\"working\"}}";

static void stream_answer(struct call *call)
{
    char *text = usual_answer(call);
    peer_stream_event(call->peer, NULL, text);
    free(text);
}

static void answer_sse(struct call *call)
{
    peer_stream_begin(call->peer, "");
    peer_stream_raw(call->peer, ": hello\n\n", 9);
    peer_stream_event(call->peer, NULL, progress);
    stream_answer(call);
    peer_stream_end(call->peer);
}

/* The answer in many data lines, CR line ends, cut at every byte. */
static void answer_sse_odd(struct call *call)
{
    char event[512];
    int length = snprintf(event, sizeof event,
                          ":\r\revent: message\rdata: {\"jsonrpc\":\"2.0\",\rdata: \"id\":%lld,\r"
                          "data:\"result\":\rdata\rdata: " RESULT "}\r\r",
                          (long long)json_integer_value(call->id));
    peer_stream_begin(call->peer, "");
    for (int i = 0; i < length; i++)
        peer_stream_raw(call->peer, event + i, 1);
    peer_stream_end(call->peer);
}

static void answer_sse_no_answer(struct call *call)
{
    peer_stream_begin(call->peer, "");
    peer_stream_event(call->peer, NULL, progress);
    peer_stream_end(call->peer);
}

static void answer_sse_cut(struct call *call)
{
    peer_stream_begin(call->peer, "");
    peer_stream_event(call->peer, NULL, progress);
    peer_write_text(call->peer, "40\r\ndata: {\"jsonrpc\"");
    call->peer->close_after = true;
}

static void answer_endless_sse(struct call *call)
{
    peer_stream_begin(call->peer, "");
    do
        if (peer_stream_event(call->peer, NULL, progress) < 0)
            return;
    while (!server.stopping && !peer_wait(call->peer, 5));
}

static void answer_sse_comments(struct call *call)
{
    peer_stream_begin(call->peer, "");
    do
        if (peer_stream_raw(call->peer, ": still here\n\n", 14) < 0)
            return;
    while (!server.stopping && !peer_wait(call->peer, 5));
}

static void answer_endless_event(struct call *call)
{
    static char letters[64 * 1024];
    memset(letters, 'a', sizeof letters);
    peer_stream_begin(call->peer, "");
    peer_stream_raw(call->peer, "data: ", 6);
    while (!server.stopping && peer_stream_raw(call->peer, letters, sizeof letters) == 0)
        ;
}

/* The stream stays open after the answer: the operation is over all the same. */
static void answer_sse_stays_open(struct call *call)
{
    peer_stream_begin(call->peer, "");
    stream_answer(call);
    peer_wait(call->peer, -1);
}

/* Both answers in one chunk, so that no client can have left between them. */
static void answer_duplicate(struct call *call)
{
    char *text = usual_answer(call), *events = NULL;
    int length = asprintf(&events, "data: %s\n\ndata: %s\n\n", text, text);
    if (length >= 0) {
        peer_stream_begin(call->peer, "");
        peer_stream_raw(call->peer, events, (size_t)length);
        peer_stream_end(call->peer);
        free(events);
    }
    free(text);
}

static void answer_sse_wrong_id(struct call *call)
{
    json_t *other = json_integer(json_integer_value(call->id) + 1000000);
    char *text = message_result(other, call_result(call, "ok"));
    peer_stream_begin(call->peer, "");
    peer_stream_event(call->peer, NULL, text);
    peer_stream_end(call->peer);
    json_decref(other);
    free(text);
}

static void answer_sse_garbage(struct call *call)
{
    peer_stream_begin(call->peer, "");
    peer_stream_event(call->peer, NULL, "{\"jsonrpc\":");
    peer_stream_end(call->peer);
}

static void answer_flood(struct call *call)
{
    struct buffer events;
    buffer_init(&events, 1 << 20);
    for (int i = 0; i < 100; i++)
        buffer_printf(&events, "data: %s\n\n", progress);
    peer_stream_begin(call->peer, "");
    for (int i = 0; i < call->tool->number / 100; i++)
        if (peer_stream_raw(call->peer, buffer_bytes(&events), buffer_length(&events)) < 0)
            break;
    buffer_free(&events);
    stream_answer(call);
    peer_stream_end(call->peer);
}

/* A priming event, then the stream is cut: the answer waits for a GET with that Last-Event-ID. */
static void answer_resume(struct call *call)
{
    char id[64], event[128];
    snprintf(id, sizeof id, "cut-%llu", (unsigned long long)++server.sequence);
    if (call->tool->number >= 0)
        server_keep_resumable(id, usual_answer(call), call->tool->number);
    peer_stream_begin(call->peer, "");
    int length = snprintf(event, sizeof event, "id: %s\nretry: 10\ndata:\n\n", id);
    peer_stream_raw(call->peer, event, (size_t)length);
    peer_stream_end(call->peer);
    call->peer->close_after = true;
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

/* A session that made calls before is lost; the one that replaces it is fresh, and answers. */
static void answer_session_lost(struct call *call)
{
    if (call->session_calls == 1) {
        call_reply_ok(call);
        return;
    }
    server_drop_session(call->session_id);
    call_reply_error(call, 404, -32001, "Session not found");
}

static void answer_session_always_lost(struct call *call)
{
    server_drop_session(call->session_id);
    peer_respond(call->peer, 404, "text/plain", "", "no such session");
}

/* ---- the server asks (legacy) ------------------------------------------------------------------
 */

/* Ask on the call's stream; the call is ok when the client's answer has the expected form. */
static void answer_asking(struct call *call, const char *method, json_t *params,
                          bool (*accepted)(const json_t *answer))
{
    peer_stream_begin(call->peer, "");
    json_t *answer = call_ask(call, method, params);
    char *text = answer && accepted(answer)
                     ? usual_answer(call)
                     : message_error(call->id, -32060,
                                     answer ? "the client answered something else"
                                            : "the client did not answer",
                                     NULL);
    peer_stream_event(call->peer, NULL, text);
    peer_stream_end(call->peer);
    json_decref(answer);
    free(text);
}

static bool has_result(const json_t *answer)
{
    return json_is_object(json_object_get(answer, "result"));
}

static bool has_accepted_content(const json_t *answer)
{
    const json_t *result = json_object_get(answer, "result");
    const json_t *name = json_object_get(json_object_get(result, "content"), "name");
    const char *action = json_string_value(json_object_get(result, "action"));
    return action && strcmp(action, "accept") == 0 && json_is_string(name);
}

static bool has_message(const json_t *answer)
{
    const json_t *result = json_object_get(answer, "result");
    return json_is_string(json_object_get(result, "role")) && json_object_get(result, "content");
}

static bool has_roots(const json_t *answer)
{
    return json_is_array(json_object_get(json_object_get(answer, "result"), "roots"));
}

static bool says_unknown(const json_t *answer)
{
    const json_t *code = json_object_get(json_object_get(answer, "error"), "code");
    return json_integer_value(code) == -32601;
}

static json_t *elicitation_params(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:{s:{s:s}, s:{s:s, s:b}}, s:[s]}}", "mode", "form",
                     "message", "Who are you?", "requestedSchema", "type", "object", "properties",
                     "name", "type", "string", "vegetarian", "type", "boolean", "default", 1,
                     "required", "name");
}

static json_t *sampling_params(void)
{
    return json_pack("{s:[{s:s, s:{s:s, s:s}}], s:i}", "messages", "role", "user", "content",
                     "type", "text", "text", "Say yes.", "maxTokens", 10);
}

static void answer_asks_ping(struct call *call)
{
    answer_asking(call, "ping", NULL, has_result);
}

static void answer_asks_elicitation(struct call *call)
{
    answer_asking(call, "elicitation/create", elicitation_params(), has_accepted_content);
}

static void answer_asks_sampling(struct call *call)
{
    answer_asking(call, "sampling/createMessage", sampling_params(), has_message);
}

static void answer_asks_roots(struct call *call)
{
    answer_asking(call, "roots/list", NULL, has_roots);
}

static void answer_asks_unknown(struct call *call)
{
    answer_asking(call, "example/unknown", NULL, says_unknown);
}

/* ---- multi round-trip requests (modern) --------------------------------------------------------
 */

/* requests is stolen, may be NULL; state may be NULL. */
static void reply_input_required(struct call *call, json_t *requests, const char *state)
{
    json_t *result = json_pack("{s:s}", "resultType", "input_required");
    if (requests)
        json_object_set_new(result, "inputRequests", requests);
    if (state)
        json_object_set_new(result, "requestState", json_string(state));
    call_reply_result(call, result);
}

static json_t *elicitation_request(void)
{
    return json_pack("{s:s, s:o}", "method", "elicitation/create", "params", elicitation_params());
}

static const json_t *input_response(const struct call *call, const char *key)
{
    return json_object_get(json_object_get(call->params, "inputResponses"), key);
}

/* The retry must carry a new id: the state holds the first one. */
static bool state_is_good(const struct call *call)
{
    const char *state = json_string_value(json_object_get(call->params, "requestState"));
    long long first;
    return state && sscanf(state, "state \"of\" %lld", &first) == 1 &&
           first != json_integer_value(call->id);
}

static void reply_with_state(struct call *call, json_t *requests)
{
    char state[64];
    snprintf(state, sizeof state, "state \"of\" %lld", (long long)json_integer_value(call->id));
    reply_input_required(call, requests, state);
}

static void answer_input_required(struct call *call)
{
    const json_t *given = input_response(call, "who");
    if (!json_object_get(call->params, "inputResponses")) {
        reply_with_state(call, json_pack("{s:o}", "who", elicitation_request()));
        return;
    }
    const char *action = json_string_value(json_object_get(given, "action"));
    if (state_is_good(call) && action && strcmp(action, "accept") == 0 &&
        json_is_string(json_object_get(json_object_get(given, "content"), "name")))
        call_reply_ok(call);
    else
        call_reply_error(call, 200, -32061, "wrong inputResponses, requestState or id");
}

static void answer_input_all(struct call *call)
{
    if (!json_object_get(call->params, "inputResponses")) {
        reply_with_state(call, json_pack("{s:o, s:{s:s, s:o}, s:{s:s, s:{}}}", "who",
                                         elicitation_request(), "say", "method",
                                         "sampling/createMessage", "params", sampling_params(),
                                         "roots", "method", "roots/list", "params"));
        return;
    }
    if (state_is_good(call) && input_response(call, "who") &&
        json_object_get(input_response(call, "say"), "role") &&
        json_is_array(json_object_get(input_response(call, "roots"), "roots")))
        call_reply_ok(call);
    else
        call_reply_error(call, 200, -32061, "wrong inputResponses, requestState or id");
}

static void answer_input_stateless(struct call *call)
{
    if (!json_object_get(call->params, "inputResponses"))
        reply_input_required(call, json_pack("{s:o}", "who", elicitation_request()), NULL);
    else if (json_object_get(call->params, "requestState"))
        call_reply_error(call, 200, -32061, "a requestState that was never given");
    else
        call_reply_ok(call);
}

static void answer_input_state_only(struct call *call)
{
    if (!json_object_get(call->params, "requestState"))
        reply_with_state(call, NULL);
    else if (state_is_good(call))
        call_reply_ok(call);
    else
        call_reply_error(call, 200, -32061, "wrong requestState or id");
}

static void answer_input_endless(struct call *call)
{
    reply_with_state(call, json_pack("{s:o}", "who", elicitation_request()));
}

static void answer_input_unknown(struct call *call)
{
    reply_input_required(
        call, json_pack("{s:{s:s, s:{}}}", "x", "method", "example/unknown", "params"), NULL);
}

static void answer_input_empty(struct call *call)
{
    reply_input_required(call, NULL, NULL);
}

static void answer_input_malformed(struct call *call)
{
    reply_input_required(call, json_string("please"), NULL);
}

static const char output_schema[] =
    "{\"type\":\"object\",\"properties\":{\"degrees\":{\"type\":\"number\"},\"unit\":{\"type\":"
    "\"string\",\"enum\":[\"C\",\"F\"]}},\"required\":[\"degrees\",\"unit\"]}";
static const char array_schema[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"maximum\":9}}";
#define HEADER_SCHEMA(type, more, header)                                                          \
    "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"" type "\"" more                  \
    ",\"x-mcp-header\":\"" header "\"}},\"required\":[\"region\"]}"
#define SAYS_NOTHING "{}"

const struct fault_tool fault_tools_message[] = {
    {"ok_fast", BOTH, "answers", "ok", 0, NULL, answer_ok, 0, NULL, NULL, NULL},
    {"undeclared", BOTH, "says nothing about being destructive", "ok", 0, NULL, answer_ok, 0, NULL,
     NULL, SAYS_NOTHING},
    {"destructive", BOTH, "says that it is destructive", "withheld", 0, NULL, answer_destructive, 0,
     NULL, NULL, "{\"destructiveHint\":true,\"readOnlyHint\":false}"},
    {"large_1mib", BOTH, "answers with 1 MiB of text", "ok", 0, NULL, answer_large, 1 << 20, NULL,
     NULL, NULL},
    {"tool_error", BOTH, "a result with isError", "tool_error", 0, NULL, answer_tool_error, 0, NULL,
     NULL, NULL},
    {"error_invalid_params", BOTH, "JSON-RPC error", "jsonrpc_error", -32602, NULL, answer_error,
     -32602, NULL, NULL, NULL},
    {"error_internal", BOTH, "JSON-RPC error", "jsonrpc_error", -32603, NULL, answer_error, -32603,
     NULL, NULL, NULL},
    {"error_custom", BOTH, "JSON-RPC error of the server's own", "jsonrpc_error", 17, NULL,
     answer_error, 17, NULL, NULL, NULL},
    {"error_without_id", BOTH, "status 400, a JSON-RPC error that lacks an id", "jsonrpc_error",
     -32700, NULL, answer_error_without_id, -32700, NULL, NULL, NULL},
    {"error_null_id", BOTH, "status 400, a JSON-RPC error with id null", "jsonrpc_error", -32600,
     NULL, answer_error_with_null_id, -32600, NULL, NULL, NULL},
    {"wrong_id", BOTH, "the answer to a request never made", "protocol_violation", 0, "wrong_id",
     answer_wrong_id, 0, NULL, NULL, NULL},
    {"string_id", BOTH, "the id as a string", "protocol_violation", 0, "wrong_id", answer_string_id,
     0, NULL, NULL, NULL},
    {"huge_id", BOTH, "an id of 30 digits", "protocol_violation", 0, "wrong_id", answer_huge_id, 0,
     NULL, NULL, NULL},
    {"null_id", BOTH, "a result with id null", "protocol_violation", 0, NULL, answer_null_id, 0,
     NULL, NULL, NULL},
    {"missing_id", BOTH, "a result without id", "protocol_violation", 0, NULL, answer_missing_id, 0,
     NULL, NULL, NULL},
    {"wrong_version", BOTH, "jsonrpc: 1.0", "protocol_violation", 0, NULL, answer_wrong_version, 0,
     NULL, NULL, NULL},
    {"result_and_error", BOTH, "both result and error", "protocol_violation", 0, NULL,
     answer_result_and_error, 0, NULL, NULL, NULL},
    {"neither", BOTH, "neither result nor error", "protocol_violation", 0, NULL, answer_neither, 0,
     NULL, NULL, NULL},
    {"content_no_array", BOTH, "content that is no array", "protocol_violation", 0, NULL,
     answer_content_no_array, 0, NULL, NULL, NULL},
    {"scalar_result", BOTH, "a result that is no object", "protocol_violation", 0, NULL,
     answer_scalar_result, 0, NULL, NULL, NULL},
    {"garbage", BOTH, "no JSON", "protocol_violation", 0, "malformed_json", answer_garbage, 0, NULL,
     NULL, NULL},
    {"truncated", BOTH, "JSON that ends early", "protocol_violation", 0, "malformed_json",
     answer_truncated, 0, NULL, NULL, NULL},
    {"twice_in_body", BOTH, "the answer twice in one body", "protocol_violation", 0,
     "malformed_json", answer_twice_in_body, 0, NULL, NULL, NULL},
    {"invalid_utf8", BOTH, "bytes that are no UTF-8", "protocol_violation", 0, "malformed_json",
     answer_invalid_utf8, 0, NULL, NULL, NULL},
    {"deep_json", BOTH, "arrays nested 100,000 deep", "protocol_violation", 0, "malformed_json",
     answer_deep, 0, NULL, NULL, NULL},
    {"huge_number", BOTH, "a number beyond a double", "ok", 0, NULL, answer_huge_number, 0, NULL,
     NULL, NULL},
    {"batch_answer", LEGACY, "the answer in a batch, which 2025-11-25 does not know",
     "protocol_violation", 0, NULL, answer_batch, 0, NULL, NULL, NULL},
    {"batch_answer", MODERN, "the answer in a batch, which 2026-07-28 does not know",
     "protocol_violation", 0, NULL, answer_batch, 0, NULL, NULL, NULL},
    {"unknown_result_type", MODERN, "resultType: deferred", "protocol_violation", 0, NULL,
     answer_unknown_result_type, 0, NULL, NULL, NULL},
    {"no_result_type", MODERN, "no resultType, which means complete", "ok", 0, NULL,
     answer_no_result_type, 0, NULL, NULL, NULL},

    {"structured", BOTH, "structuredContent that fits its schema", "ok", 0, NULL,
     answer_structured_good, 0, NULL, output_schema, NULL},
    {"structured_wrong_type", BOTH, "a property of the wrong type", "schema_violation", 0, NULL,
     answer_structured_wrong_type, 0, NULL, output_schema, NULL},
    {"structured_lacks", BOTH, "a required property is missing", "schema_violation", 0, NULL,
     answer_structured_lacks, 0, NULL, output_schema, NULL},
    {"structured_missing", BOTH, "no structuredContent at all", "schema_violation", 0, NULL,
     answer_structured_missing, 0, NULL, output_schema, NULL},
    {"structured_tool_error", BOTH, "isError: the schema does not count", "tool_error", 0, NULL,
     answer_tool_error, 0, NULL, output_schema, NULL},
    {"structured_array", MODERN, "structuredContent that is an array", "ok", 0, NULL,
     answer_structured_array, 3, NULL, array_schema, NULL},
    {"structured_array_wrong", MODERN, "an element beyond its maximum", "schema_violation", 0, NULL,
     answer_structured_array, 30, NULL, array_schema, NULL},

    {"sse", BOTH, "comment, notification and answer on an event stream", "ok", 0, NULL, answer_sse,
     0, NULL, NULL, NULL},
    {"sse_odd", BOTH, "the answer in many data lines, CR line ends, one byte a chunk", "ok", 0,
     NULL, answer_sse_odd, 0, NULL, NULL, NULL},
    {"sse_no_answer", BOTH, "a stream that ends without the answer", "protocol_violation", 0,
     "no_answer", answer_sse_no_answer, 0, NULL, NULL, NULL},
    {"sse_cut", BOTH, "a stream cut within an event", "connection_reset", 0, NULL, answer_sse_cut,
     0, NULL, NULL, NULL},
    {"endless_sse", BOTH, "notifications for ever", "timeout", 0, NULL, answer_endless_sse, 0, NULL,
     NULL, NULL},
    {"sse_comments", BOTH, "comments for ever", "timeout", 0, NULL, answer_sse_comments, 0, NULL,
     NULL, NULL},
    {"endless_event", BOTH, "one event without end", "protocol_violation", 0, NULL,
     answer_endless_event, 0, NULL, NULL, NULL},
    {"sse_stays_open", BOTH, "a stream left open after the answer", "ok", 0, NULL,
     answer_sse_stays_open, 0, NULL, NULL, NULL},
    {"duplicate_answer", BOTH, "the answer twice on a stream", "protocol_violation", 0,
     "duplicate_answer", answer_duplicate, 0, NULL, NULL, NULL},
    {"sse_wrong_id", BOTH, "the answer to a request never made, on a stream", "protocol_violation",
     0, "wrong_id", answer_sse_wrong_id, 0, NULL, NULL, NULL},
    {"sse_garbage", BOTH, "an event that is no JSON", "protocol_violation", 0, "malformed_json",
     answer_sse_garbage, 0, NULL, NULL, NULL},
    {"notification_flood", BOTH, "10,000 notifications before the answer", "ok", 0, NULL,
     answer_flood, 10000, NULL, NULL, NULL},
    {"resume", LEGACY, "a primed stream is cut; GET with Last-Event-ID has the answer", "ok", 0,
     NULL, answer_resume, 0, NULL, NULL, NULL},
    {"resume_twice", LEGACY, "the resumed stream is cut once more", "ok", 0, NULL, answer_resume, 1,
     NULL, NULL, NULL},
    {"resume_never", LEGACY, "a primed stream is cut; the GET is refused", "protocol_violation", 0,
     "stream_not_resumed", answer_resume, -1, NULL, NULL, NULL},

    {"session_lost", LEGACY,
     "404 to every call but a session's first: the client initializes anew and repeats it", "ok", 0,
     NULL, answer_session_lost, 0, NULL, NULL, NULL},
    {"session_always_lost", LEGACY, "404 to every call: repeating has a bound", "http_status", 404,
     NULL, answer_session_always_lost, 0, NULL, NULL, NULL},
    {"asks_ping", LEGACY, "pings the client before it answers", "ok", 0, NULL, answer_asks_ping, 0,
     NULL, NULL, NULL},
    {"asks_elicitation", LEGACY, "elicits before it answers", "ok", 0, NULL,
     answer_asks_elicitation, 0, NULL, NULL, NULL},
    {"asks_sampling", LEGACY, "samples before it answers", "ok", 0, NULL, answer_asks_sampling, 0,
     NULL, NULL, NULL},
    {"asks_roots", LEGACY, "lists the roots before it answers", "ok", 0, NULL, answer_asks_roots, 0,
     NULL, NULL, NULL},
    {"asks_unknown", LEGACY, "asks what no client knows: -32601", "ok", 0, NULL,
     answer_asks_unknown, 0, NULL, NULL, NULL},

    {"input_required", MODERN, "elicitation by a second round trip", "ok", 0, NULL,
     answer_input_required, 0, NULL, NULL, NULL},
    {"input_all", MODERN, "elicitation, sampling and roots in one round", "ok", 0, NULL,
     answer_input_all, 0, NULL, NULL, NULL},
    {"input_stateless", MODERN, "no requestState: none may come back", "ok", 0, NULL,
     answer_input_stateless, 0, NULL, NULL, NULL},
    {"input_state_only", MODERN, "only a requestState", "ok", 0, NULL, answer_input_state_only, 0,
     NULL, NULL, NULL},
    {"input_endless", MODERN, "asks again in every round", "input_required", 0, NULL,
     answer_input_endless, 0, NULL, NULL, NULL},
    {"input_unknown", MODERN, "an input request of an unknown method", "input_required", 0, NULL,
     answer_input_unknown, 0, NULL, NULL, NULL},
    {"input_empty", MODERN, "neither inputRequests nor requestState", "protocol_violation", 0, NULL,
     answer_input_empty, 0, NULL, NULL, NULL},
    {"input_malformed", MODERN, "inputRequests that are no object", "protocol_violation", 0, NULL,
     answer_input_malformed, 0, NULL, NULL, NULL},

    {"header_string", MODERN, "an argument mirrored to a header, checked", "ok", 0, NULL, answer_ok,
     0, HEADER_SCHEMA("string", ",\"minLength\":1", "Region"), NULL, NULL},
    {"header_integer", MODERN, "an integer mirrored to a header, checked", "ok", 0, NULL, answer_ok,
     0, HEADER_SCHEMA("integer", "", "Region"), NULL, NULL},
    {"header_boolean", MODERN, "a boolean mirrored to a header, checked", "ok", 0, NULL, answer_ok,
     0, HEADER_SCHEMA("boolean", "", "Region"), NULL, NULL},
    {"header_base64", MODERN, "a value that needs the Base64 sentinel, checked", "ok", 0, NULL,
     answer_ok, 0, HEADER_SCHEMA("string", ",\"const\":\" S\\u00e3o Paulo \"", "Region"), NULL,
     NULL},
    {"header_empty_name", MODERN, "x-mcp-header: \"\"", "excluded", 0, NULL, answer_excluded, 0,
     HEADER_SCHEMA("string", "", ""), NULL, NULL},
    {"header_bad_name", MODERN, "x-mcp-header with a space", "excluded", 0, NULL, answer_excluded,
     0, HEADER_SCHEMA("string", "", "The Region"), NULL, NULL},
    {"header_number", MODERN, "x-mcp-header on a number", "excluded", 0, NULL, answer_excluded, 0,
     HEADER_SCHEMA("number", "", "Region"), NULL, NULL},
    {"header_twice", MODERN, "two headers equal but for case", "excluded", 0, NULL, answer_excluded,
     0,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Same\"},"
     "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"same\"}}}",
     NULL, NULL},
    {"header_in_items", MODERN, "x-mcp-header inside items", "excluded", 0, NULL, answer_excluded,
     0,
     "{\"type\":\"object\",\"properties\":{\"list\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\",\"x-mcp-header\":\"Item\"}}}}",
     NULL, NULL},
    {"schema_outer_reference", BOTH, "a $ref that leads to a network", "excluded", 0, NULL,
     answer_excluded, 0,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"https://example.org/a.json\"}},"
     "\"required\":[\"a\"]}",
     NULL, NULL},
    {"schema_bad_pattern", BOTH, "a pattern that does not compile", "excluded", 0, NULL,
     answer_excluded, 0,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"(\"}},"
     "\"required\":[\"a\"]}",
     NULL, NULL},
    {"schema_impossible", BOTH, "a schema that no value fits", "uncallable", 0, NULL,
     answer_excluded, 0,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":"
     "1}},\"required\":[\"a\"]}",
     NULL, NULL},
    {0},
};
