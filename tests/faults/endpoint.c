/* The MCP endpoints of the fault server: /mcp (legacy, with sessions), /modern (2026-07-28) and
 * /both. Apart from the tools' faults it is a strict server: it refuses what a client must not
 * send, so that a client's mistakes show as failed operations. */
#include "fault.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MODERN_REVISION "2026-07-28"
#define META_VERSION    "io.modelcontextprotocol/protocolVersion"
enum { PAGE_SIZE = 20, ASK_TIMEOUT_S = 5 };

static const char *const legacy_revisions[] = {"2025-11-25", "2025-06-18", "2025-03-26", NULL};

/* ---- message texts ------------------------------------------------------------------------------
 */

char *message_result(const json_t *id, json_t *result)
{
    json_t *message =
        json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", (json_t *)id, "result", result);
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return text;
}

char *message_error(const json_t *id, int code, const char *text, json_t *data)
{
    json_t *error = json_pack("{s:i, s:s}", "code", code, "message", text);
    if (data)
        json_object_set_new(error, "data", data);
    json_t *message = json_pack("{s:s}", "jsonrpc", "2.0");
    if (id)
        json_object_set(message, "id", (json_t *)id);
    json_object_set_new(message, "error", error);
    char *dumped = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return dumped;
}

json_t *call_result(const struct call *call, const char *text)
{
    json_t *result = json_pack("{s:[{s:s, s:s}]}", "content", "type", "text", "text", text);
    if (call->era == MODERN)
        json_object_set_new(result, "resultType", json_string("complete"));
    return result;
}

void call_reply_text(struct call *call, int status, char *message)
{
    if (message)
        peer_respond(call->peer, status, "application/json", "", message);
    free(message);
}

void call_reply_result(struct call *call, json_t *result)
{
    call_reply_text(call, 200, message_result(call->id, result));
}

void call_reply_ok(struct call *call)
{
    call_reply_result(call, call_result(call, "ok"));
}

void call_reply_error(struct call *call, int status, int code, const char *text)
{
    call_reply_text(call, status, message_error(call->id, code, text, NULL));
}

/* ---- sessions
 * ------------------------------------------------------------------------------------ */

static void session_open(char id[48])
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        abort();
    pthread_mutex_lock(&server.mutex);
    snprintf(session->id, sizeof session->id, "session-%llu-%08llx",
             (unsigned long long)++server.sequence,
             (unsigned long long)(clock_now_ns() & 0xffffffff));
    session->next = server.sessions;
    server.sessions = session;
    memcpy(id, session->id, sizeof session->id);
    pthread_mutex_unlock(&server.mutex);
}

static bool session_known(const char *id)
{
    bool known = false;
    pthread_mutex_lock(&server.mutex);
    for (struct session *session = server.sessions; session && !known; session = session->next)
        known = strcmp(session->id, id) == 0;
    pthread_mutex_unlock(&server.mutex);
    return known;
}

/* Count a call of this session: how many it has made, 0 when the session is gone. */
static unsigned session_count_call(const char *id)
{
    unsigned calls = 0;
    pthread_mutex_lock(&server.mutex);
    for (struct session *session = server.sessions; session && !calls; session = session->next)
        if (strcmp(session->id, id) == 0)
            calls = ++session->calls;
    pthread_mutex_unlock(&server.mutex);
    return calls;
}

void server_drop_session(const char *id)
{
    pthread_mutex_lock(&server.mutex);
    for (struct session **link = &server.sessions; *link; link = &(*link)->next) {
        struct session *session = *link;
        if (strcmp(session->id, id) != 0)
            continue;
        *link = session->next;
        free(session);
        break;
    }
    pthread_mutex_unlock(&server.mutex);
}

/* ---- the server's own requests (legacy) ---------------------------------------------------------
 */

json_t *call_ask(struct call *call, const char *method, json_t *params)
{
    struct question question = {0};
    struct timespec until;
    snprintf(question.id, sizeof question.id, "q%llu", (unsigned long long)++server.sequence);
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "jsonrpc", "2.0", "id", question.id, "method", method);
    if (params)
        json_object_set_new(request, "params", params);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);

    pthread_mutex_lock(&server.mutex);
    question.next = server.questions;
    server.questions = &question;
    pthread_mutex_unlock(&server.mutex);
    peer_stream_event(call->peer, NULL, text);
    free(text);

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ASK_TIMEOUT_S;
    pthread_mutex_lock(&server.mutex);
    while (!question.answer && !server.stopping)
        if (pthread_cond_timedwait(&server.changed, &server.mutex, &until) != 0)
            break;
    for (struct question **link = &server.questions; *link; link = &(*link)->next)
        if (*link == &question) {
            *link = question.next;
            break;
        }
    pthread_mutex_unlock(&server.mutex);
    return question.answer;
}

static bool accept_client_answer(json_t *message)
{
    const char *id = json_string_value(json_object_get(message, "id"));
    bool asked = false;
    pthread_mutex_lock(&server.mutex);
    for (struct question *question = server.questions; question && id; question = question->next)
        if (strcmp(question->id, id) == 0 && !question->answer) {
            question->answer = json_incref(message);
            asked = true;
        }
    pthread_cond_broadcast(&server.changed);
    pthread_mutex_unlock(&server.mutex);
    return asked;
}

/* ---- resumable answers (legacy 2025-11-25) ------------------------------------------------------
 */

void server_keep_resumable(const char *event_id, char *message, int cuts)
{
    struct resumable *resumable = calloc(1, sizeof *resumable);
    if (!resumable)
        abort();
    snprintf(resumable->event_id, sizeof resumable->event_id, "%s", event_id);
    resumable->message = message;
    resumable->cuts_left = cuts;
    pthread_mutex_lock(&server.mutex);
    resumable->next = server.resumables;
    server.resumables = resumable;
    pthread_mutex_unlock(&server.mutex);
}

/* 1: *message (owned by the caller) is the answer; 0: to be cut again; -1: nothing kept. */
static int take_resumable(const char *event_id, char **message)
{
    int found = -1;
    pthread_mutex_lock(&server.mutex);
    for (struct resumable **link = &server.resumables; *link; link = &(*link)->next) {
        struct resumable *resumable = *link;
        if (strcmp(resumable->event_id, event_id) != 0)
            continue;
        if (resumable->cuts_left > 0) {
            resumable->cuts_left--;
            found = 0;
        } else {
            found = 1;
            *message = resumable->message;
            *link = resumable->next;
            free(resumable);
        }
        break;
    }
    pthread_mutex_unlock(&server.mutex);
    return found;
}

static void serve_resumption(struct peer *peer, const char *event_id)
{
    char *message = NULL, again[128];
    int found = take_resumable(event_id, &message);
    if (found < 0) {
        peer_respond(peer, 405, "text/plain", "Allow: POST\r\n", "nothing to resume");
        return;
    }
    peer_stream_begin(peer, "");
    if (found == 0) {
        int length = snprintf(again, sizeof again, "id: %s\nretry: 10\ndata:\n\n", event_id);
        peer_stream_raw(peer, again, (size_t)length);
    } else {
        peer_stream_event(peer, "done", message);
    }
    peer_stream_end(peer);
    free(message);
}

/* ---- tools --------------------------------------------------------------------------------------
 */

static json_t *parse_or(const char *text, const char *otherwise)
{
    json_t *value = json_loads(text ? text : otherwise, JSON_DECODE_ANY, NULL);
    if (!value)
        abort(); /* a mistake in the table */
    return value;
}

static json_t *tool_definition(const struct fault_tool *tool)
{
    json_t *definition = json_pack("{s:s, s:s}", "name", tool->name, "description", tool->doing);
    json_object_set_new(definition, "inputSchema",
                        parse_or(tool->input_schema, "{\"type\":\"object\"}"));
    if (tool->output_schema)
        json_object_set_new(definition, "outputSchema", parse_or(tool->output_schema, NULL));
    json_object_set_new(definition, "annotations",
                        parse_or(tool->annotations, "{\"readOnlyHint\":true}"));
    return definition;
}

/* The cursor is the index of the next tool. -1 for a cursor that was never given. */
static json_t *tools_page(enum era era, const char *cursor)
{
    size_t index = cursor ? strtoul(cursor, NULL, 10) : 0;
    json_t *page = json_array();
    json_t *result = json_pack("{s:o}", "tools", page);
    const struct fault_tool *tool;
    for (; (tool = fault_tool_at(index)); index++) {
        if (!(tool->eras & era) ||
            (server.options.quiet_tools && strcmp(tool->name, "ok_fast") != 0))
            continue;
        if (json_array_size(page) == PAGE_SIZE) {
            char next[24];
            snprintf(next, sizeof next, "%zu", index);
            json_object_set_new(result, "nextCursor", json_string(next));
            break;
        }
        json_array_append_new(page, tool_definition(tool));
    }
    return result;
}

/* Wait out the stall that this moment falls into, if any. */
static void wait_out_stall(struct peer *peer)
{
    const struct fault_options *options = &server.options;
    if (!options->stall_period_ns)
        return;
    uint64_t now = clock_now_ns(), none = 0;
    atomic_compare_exchange_strong(&server.stall_origin_ns, &none, now);
    uint64_t into = (now - server.stall_origin_ns) % options->stall_period_ns;
    uint64_t stalls_at = options->stall_period_ns - options->stall_ns;
    if (into >= stalls_at)
        peer_wait(peer, (long)((options->stall_period_ns - into) / NS_PER_MS) + 1);
}

static bool fails_by_chance(void)
{
    if (server.options.error_rate <= 0)
        return false;
    pthread_mutex_lock(&server.mutex);
    server.random_state = server.random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    double unit = (double)(server.random_state >> 11) * 0x1.0p-53;
    pthread_mutex_unlock(&server.mutex);
    return unit < server.options.error_rate;
}

static void serve_tool(struct call *call)
{
    const char *name = json_string_value(json_object_get(call->params, "name"));
    call->tool = name ? fault_tool_find(name, call->era) : NULL;
    if (!call->tool) {
        call_reply_error(call, 200, -32602, "unknown tool");
        return;
    }
    server.calls++;
    kept_take();
    wait_out_stall(call->peer);
    if (server.options.service_ms > 0)
        peer_wait(call->peer, lround(server.options.service_ms));
    if (fails_by_chance()) {
        json_t *result = call_result(call, "bad luck");
        json_object_set_new(result, "isError", json_true());
        call_reply_result(call, result);
        return;
    }
    call->tool->answer(call);
}

/* ---- the legacy endpoint ------------------------------------------------------------------------
 */

static void serve_initialize(struct call *call)
{
    const char *asked = json_string_value(json_object_get(call->params, "protocolVersion"));
    const char *chosen = legacy_revisions[0];
    for (int i = 0; legacy_revisions[i]; i++)
        if (asked && strcmp(asked, legacy_revisions[i]) == 0)
            chosen = legacy_revisions[i];
    json_t *result =
        json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion", chosen, "capabilities",
                  "tools", "serverInfo", "name", "fault-server", "version", "1");
    char id[48], header[80];
    session_open(id);
    snprintf(header, sizeof header, "Mcp-Session-Id: %s\r\n", id);
    char *text = message_result(call->id, result);
    peer_respond(call->peer, 200, "application/json", header, text);
    free(text);
}

/* False when the request was refused for its session. */
static bool check_session(struct call *call)
{
    const char *id = peer_request_header(call->request, "Mcp-Session-Id");
    if (!id) {
        char *text = message_error(json_null(), -32000, "Bad Request: initialize first", NULL);
        call_reply_text(call, 400, text);
        return false;
    }
    snprintf(call->session_id, sizeof call->session_id, "%s", id);
    if (session_known(id))
        return true;
    call_reply_text(call, 404, message_error(json_null(), -32001, "Session not found", NULL));
    return false;
}

static void serve_legacy_request(struct call *call, const char *method)
{
    if (strcmp(method, "initialize") == 0) {
        serve_initialize(call);
        return;
    }
    if (!check_session(call))
        return;
    if (strcmp(method, "ping") == 0) {
        call_reply_result(call, json_object());
    } else if (strcmp(method, "tools/list") == 0) {
        const char *cursor = json_string_value(json_object_get(call->params, "cursor"));
        call_reply_result(call, tools_page(LEGACY, cursor));
    } else if (strcmp(method, "tools/call") == 0) {
        call->session_calls = session_count_call(call->session_id);
        if (server.options.session_calls && call->session_calls > server.options.session_calls) {
            server_drop_session(call->session_id);
            peer_respond(call->peer, 404, "text/plain", "", "session expired");
            return;
        }
        serve_tool(call);
    } else {
        call_reply_error(call, 200, -32601, "method not found");
    }
}

static void serve_listening(struct call *call)
{
    const char *last = peer_request_header(call->request, "Last-Event-ID");
    if (!check_session(call))
        return;
    if (last) {
        serve_resumption(call->peer, last);
        return;
    }
    peer_stream_begin(call->peer, "");
    while (!server.stopping && !peer_wait(call->peer, 1000))
        peer_stream_raw(call->peer, ": idle\n\n", 8);
}

/* ---- the modern endpoint ------------------------------------------------------------------------
 */

static int base64_digit(char character)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = character ? strchr(digits, character) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* A header value as the client meant it: the Base64 sentinel is decoded. The caller frees. */
static char *header_decoded(const char *value)
{
    static const char prefix[] = "=?base64?";
    size_t length = strlen(value), start = sizeof prefix - 1;
    if (strncmp(value, prefix, start) != 0 || length < start + 2 ||
        strcmp(value + length - 2, "?=") != 0)
        return strdup(value);
    char *decoded = calloc(1, length);
    unsigned bits = 0, count = 0;
    size_t written = 0;
    for (size_t i = start; decoded && i < length - 2; i++) {
        int digit = base64_digit(value[i]);
        if (digit < 0)
            break; /* padding */
        bits = bits << 6 | (unsigned)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            decoded[written++] = (char)(bits >> count & 0xff);
        }
    }
    return decoded;
}

static bool header_equals(const struct call *call, const char *name, const char *expected)
{
    const char *value = peer_request_header(call->request, name);
    if (!value)
        return false;
    char *decoded = header_decoded(value);
    bool equal = decoded && strcmp(decoded, expected) == 0;
    free(decoded);
    return equal;
}

/* Mcp-Param-Region of the header_* tools against the argument `region`. */
static bool param_header_good(const struct call *call)
{
    const json_t *region = json_object_get(call->arguments, "region");
    char number[32];
    if (json_is_string(region))
        return header_equals(call, "Mcp-Param-Region", json_string_value(region));
    if (json_is_boolean(region))
        return header_equals(call, "Mcp-Param-Region", json_is_true(region) ? "true" : "false");
    if (json_is_integer(region)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(region));
        return header_equals(call, "Mcp-Param-Region", number);
    }
    return !peer_request_header(call->request, "Mcp-Param-Region");
}

/* NULL when headers and _meta agree with the body, else what is wrong; *code and *data are set. */
static const char *check_metadata(struct call *call, const char *method, int *code, json_t **data)
{
    const json_t *meta = json_object_get(call->params, "_meta");
    const char *version = json_string_value(json_object_get(meta, META_VERSION));
    const char *name = json_string_value(json_object_get(call->params, "name"));
    *code = -32602;
    if (!version)
        return "_meta lacks the protocol version";
    if (!json_is_object(json_object_get(meta, "io.modelcontextprotocol/clientCapabilities")))
        return "_meta lacks the client's capabilities";
    *code = -32020;
    if (!header_equals(call, "MCP-Protocol-Version", version))
        return "MCP-Protocol-Version differs from _meta, or is missing";
    if (!header_equals(call, "Mcp-Method", method))
        return "Mcp-Method differs from the method, or is missing";
    if (strcmp(method, "tools/call") == 0 && (!name || !header_equals(call, "Mcp-Name", name)))
        return "Mcp-Name differs from the tool's name, or is missing";
    if (strcmp(method, "tools/call") == 0 && strncmp(name, "header_", 7) == 0 &&
        !param_header_good(call))
        return "Mcp-Param-Region differs from the argument, or is missing";
    if (strcmp(version, MODERN_REVISION) != 0) {
        *code = -32022;
        *data = json_pack("{s:[s], s:s}", "supported", MODERN_REVISION, "requested", version);
        return "unsupported protocol version";
    }
    return NULL;
}

static json_t *cacheable(json_t *result)
{
    json_object_set_new(result, "resultType", json_string("complete"));
    json_object_set_new(result, "ttlMs", json_integer(0));
    json_object_set_new(result, "cacheScope", json_string("private"));
    return result;
}

static void serve_modern_request(struct call *call, const char *method)
{
    int code;
    json_t *data = NULL;
    const char *wrong = check_metadata(call, method, &code, &data);
    if (wrong) {
        call_reply_text(call, 400, message_error(call->id, code, wrong, data));
        return;
    }
    if (strcmp(method, "server/discover") == 0) {
        call_reply_result(
            call, cacheable(json_pack("{s:[s], s:{s:{}}, s:{s:{s:s, s:s}}}", "supportedVersions",
                                      MODERN_REVISION, "capabilities", "tools", "_meta",
                                      "io.modelcontextprotocol/serverInfo", "name", "fault-server",
                                      "version", "1")));
    } else if (strcmp(method, "tools/list") == 0) {
        const char *cursor = json_string_value(json_object_get(call->params, "cursor"));
        call_reply_result(call, cacheable(tools_page(MODERN, cursor)));
    } else if (strcmp(method, "tools/call") == 0) {
        serve_tool(call);
    } else {
        call_reply_error(call, 404, -32601, "method not found");
    }
}

/* ---- dispatch -----------------------------------------------------------------------------------
 */

static bool has_modern_meta(const json_t *message)
{
    return json_object_get(json_object_get(json_object_get(message, "params"), "_meta"),
                           META_VERSION) != NULL;
}

static void serve_message(struct call *call, json_t *message, unsigned eras)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    call->id = json_object_get(message, "id");
    call->params = json_object_get(message, "params");
    call->arguments = json_object_get(call->params, "arguments");
    call->era = eras == BOTH ? (has_modern_meta(message) ? MODERN : LEGACY) : (enum era)eras;
    if (!method && call->era == LEGACY && accept_client_answer(message)) {
        peer_respond(call->peer, 202, NULL, "", "");
    } else if (!method) {
        call_reply_text(call, 400, message_error(NULL, -32600, "no answer was asked for", NULL));
    } else if (!call->id) {
        if (call->era == MODERN || check_session(call))
            peer_respond(call->peer, 202, NULL, "", "");
    } else if (call->era == MODERN) {
        serve_modern_request(call, method);
    } else {
        serve_legacy_request(call, method);
    }
}

static bool accepts_both_types(const struct peer_request *request)
{
    const char *accept = peer_request_header(request, "Accept");
    return accept && strcasestr(accept, "application/json") &&
           strcasestr(accept, "text/event-stream");
}

void mcp_serve(struct peer *peer, const struct peer_request *request, unsigned eras)
{
    struct call call = {.peer = peer, .request = request};
    if (strcmp(request->method, "POST") != 0) {
        if (eras == MODERN)
            peer_respond(peer, 405, "text/plain", "Allow: POST\r\n", "only POST");
        else if (strcmp(request->method, "GET") == 0)
            serve_listening(&call);
        else if (check_session(&call)) {
            server_drop_session(call.session_id);
            peer_respond(peer, 200, NULL, "", "");
        }
        return;
    }
    if (!accepts_both_types(request)) {
        peer_respond(peer, 406, "text/plain", "", "Accept must list both media types");
        return;
    }
    json_t *message = json_loadb(request->body, request->body_length, 0, NULL);
    if (json_is_object(message))
        serve_message(&call, message, eras);
    else
        call_reply_text(&call, 400, message_error(json_null(), -32700, "parse error", NULL));
    json_decref(message);
}
