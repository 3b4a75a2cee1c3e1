/* See answer.h: the judgement. It runs once per operation, so it reads spans and builds nothing,
 * but where an outputSchema has to be checked. */
#include "mcp/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The least a result must have to be of use, by method. */
struct shape {
    const char *method, *member;
    char first; /* of the member's JSON text: '[', '{' or '"' */
};
static const struct shape shapes[] = {
    {"tools/list", "tools", '['},
    {"prompts/get", "messages", '['},
    {"resources/read", "contents", '['},
    {"completion/complete", "completion", '{'},
    {"resources/list", "resources", '['},
    {"resources/templates/list", "resourceTemplates", '['},
    {"prompts/list", "prompts", '['},
    {"server/discover", "supportedVersions", '['},
    {"server/discover", "capabilities", '{'},
    {"initialize", "protocolVersion", '"'},
    {"initialize", "capabilities", '{'},
    {"initialize", "serverInfo", '{'},
};

/* ---- small answers -----------------------------------------------------------------------------
 */

static struct outcome violation(const char *detail, char *text, size_t size, const char *sentence)
{
    snprintf(text, size, "%s", sentence);
    return (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = detail};
}

static struct outcome judge_error(const struct jsonrpc_message *message, char *text, size_t size)
{
    char sentence[400];
    span_unescape(message->error_message, sentence, sizeof sentence);
    snprintf(text, size, "error %" PRId64 ": %s", message->error_code, sentence);
    int64_t code = message->error_code;
    if (code < INT32_MIN || code > INT32_MAX)
        code = 0; /* no code anybody defines; the text still has it */
    return (struct outcome){.kind = OUTCOME_JSONRPC_ERROR, .code = (int32_t)code};
}

/* The first text block of a content array, for a person. */
static void first_text(struct span content, char *text, size_t size)
{
    size_t position = 0;
    struct span element;
    snprintf(text, size, "the tool reported an error without a text");
    while (jsonrpc_batch_next(content.start, content.length, &position, &element)) {
        struct span type = span_member(element, "type"), value = span_member(element, "text");
        if (span_is_string(type) && span_string_equals(span_unquote(type), "text") &&
            span_is_string(value) && span_unquote(value).length) {
            span_unescape(span_unquote(value), text, size);
            return;
        }
    }
}

/* ---- resultType --------------------------------------------------------------------------------
 */

static bool may_require_input(const char *method)
{
    return strcmp(method, "tools/call") == 0 || strcmp(method, "prompts/get") == 0 ||
           strcmp(method, "resources/read") == 0;
}

static struct outcome judge_input_required(const struct jsonrpc_message *message,
                                           const char *method, char *text, size_t size)
{
    struct span requests = span_member(message->result, "inputRequests");
    struct span state = span_member(message->result, "requestState");
    if (!may_require_input(method))
        return violation("unexpected_input_required", text, size,
                         "input_required is not allowed for this method");
    if (!requests.start && !state.start)
        return violation("empty_input_required", text, size,
                         "input_required has neither inputRequests nor requestState");
    if ((requests.start && *requests.start != '{') || (state.start && !span_is_string(state)))
        return violation("malformed_input_required", text, size,
                         "inputRequests is no object, or requestState no string");
    snprintf(text, size, "the server asks for input");
    return (struct outcome){.kind = OUTCOME_INPUT_REQUIRED};
}

static struct outcome unknown_type(struct span type, char *text, size_t size)
{
    char name[80];
    span_unescape(type, name, sizeof name);
    snprintf(text, size, "resultType \"%s\" is unknown", name);
    return (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "unknown_result_type"};
}

/* ---- tools/call --------------------------------------------------------------------------------
 */

static struct outcome judge_structured(const struct jsonrpc_message *message,
                                       const struct mcp_tool *tool, char *text, size_t size)
{
    struct outcome failed = {.kind = OUTCOME_SCHEMA_VIOLATION, .detail = "structured_content"};
    char problem[300];
    json_error_t unreadable;
    if (!message->structured.start) {
        snprintf(text, size, "structuredContent is missing, though the tool has an outputSchema");
        failed.detail = "missing_structured_content";
        return failed;
    }
    json_t *value = json_loadb(message->structured.start, message->structured.length,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL, &unreadable);
    if (!value) { /* valid JSON that no program can hold: a lone surrogate, a number too large */
        snprintf(text, size, "structuredContent cannot be read: %s", unreadable.text);
        return failed;
    }
    bool valid = schema_validate(tool->output, value, problem, sizeof problem);
    json_decref(value);
    if (valid)
        return (struct outcome){.kind = OUTCOME_OK};
    snprintf(text, size, "structuredContent does not match outputSchema: %s", problem);
    return failed;
}

static struct outcome judge_call(const struct jsonrpc_message *message,
                                 const struct mcp_revision *revision, const struct mcp_tool *tool,
                                 char *text, size_t size)
{
    if (message->is_error_malformed)
        return violation("malformed_is_error", text, size, "isError is neither true nor false");
    if (message->is_error) {
        first_text(message->content, text, size);
        return (struct outcome){.kind = OUTCOME_TOOL_ERROR};
    }
    if (!message->content_is_array)
        return violation("missing_content", text, size,
                         "the result of tools/call has no array \"content\"");
    if (tool && tool->output && revision->structured_content)
        return judge_structured(message, tool, text, size);
    return (struct outcome){.kind = OUTCOME_OK};
}

/* ---- the judgement -----------------------------------------------------------------------------
 */

static struct outcome judge_shape(const struct jsonrpc_message *message, const char *method,
                                  char *text, size_t size)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].method, method) != 0)
            continue;
        struct span member = span_member(message->result, shapes[i].member);
        if (member.start && *member.start == shapes[i].first)
            continue;
        const char *type = shapes[i].first == '['   ? "array"
                           : shapes[i].first == '{' ? "object"
                                                    : "string";
        snprintf(text, size, "the result of %s has no %s \"%s\"", method, type, shapes[i].member);
        return (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "malformed_result"};
    }
    return (struct outcome){.kind = OUTCOME_OK};
}

static struct outcome judge_result(const struct jsonrpc_message *message,
                                   const struct mcp_revision *revision, const char *method,
                                   const struct mcp_tool *tool, char *text, size_t size)
{
    if (*message->result.start != '{')
        return violation("malformed_result", text, size, "the result is no object");
    if (revision->era == MCP_ERA_MODERN && message->result_type.start) {
        if (span_string_equals(message->result_type, "input_required"))
            return judge_input_required(message, method, text, size);
        if (!span_string_equals(message->result_type, "complete"))
            return unknown_type(message->result_type, text, size);
    }
    return strcmp(method, "tools/call") == 0 ? judge_call(message, revision, tool, text, size)
                                             : judge_shape(message, method, text, size);
}

struct outcome mcp_answer_judge(const struct jsonrpc_message *message,
                                const struct mcp_revision *revision, const char *method,
                                const struct mcp_tool *tool, char *text, size_t text_size)
{
    char sentence[160];
    if (text_size)
        text[0] = '\0';
    switch (message->kind) {
    case JSONRPC_RESULT:
        return judge_result(message, revision, method, tool, text, text_size);
    case JSONRPC_ERROR:
        return judge_error(message, text, text_size);
    case JSONRPC_MALFORMED:
        snprintf(sentence, sizeof sentence, "the answer is no JSON: %s at byte %zu",
                 message->problem, message->error_offset);
        return violation("malformed_json", text, text_size, sentence);
    case JSONRPC_INVALID:
        snprintf(sentence, sizeof sentence, "the answer is no JSON-RPC message: %s",
                 message->problem);
        return violation("invalid_jsonrpc", text, text_size, sentence);
    case JSONRPC_BATCH:
        return violation("unexpected_batch", text, text_size, "a batch where an answer is due");
    case JSONRPC_REQUEST:
    case JSONRPC_NOTIFICATION:
        break;
    }
    return violation("unexpected_message", text, text_size,
                     "a request or notification where an answer is due");
}
