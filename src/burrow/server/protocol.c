/* See protocol.h. From bytes to a method of the right era, and its result or error back to bytes.
 */
#include "burrow/server/protocol.h"

#include "base/json_write.h"
#include "base/utf8.h"
#include "burrow/server/methods.h"
#include "mcp/json_read.h"
#include "mcp/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define META_SERVER       "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" SERVER_INFO "}"

#define MAX_BATCH 100

/* --- answers --- */

/* The text may quote what came and was cut anywhere. */
static int write_error(struct buffer *out, const json_t *id, int code, const char *text,
                       const json_t *data)
{
    char said[1024];
    snprintf(said, sizeof said, "%s", text);
    utf8_repair(said);
    int result = buffer_append_text(out, "{\"jsonrpc\":\"2.0\",");
    if (id) {
        result |= buffer_append_text(out, "\"id\":");
        result |= json_write(out, id);
        result |= buffer_append_char(out, ',');
    }
    result |= buffer_printf(out, "\"error\":{\"code\":%d,\"message\":\"", code);
    result |= buffer_append_json_escaped(out, said, strlen(said));
    result |= buffer_append_char(out, '"');
    if (data) {
        result |= buffer_append_text(out, ",\"data\":");
        result |= json_write(out, data);
    }
    return result | buffer_append_text(out, "}}");
}

int protocol_error(struct buffer *out, int code, const char *text)
{
    return write_error(out, NULL, code, text, NULL);
}

/* An error of the message itself: 400 on HTTP in both eras. */
static void refuse(struct protocol_answer *answer, const json_t *id, int code, const char *text,
                   json_t *data)
{
    buffer_clear(&answer->text);
    answer->status = 400;
    write_error(&answer->text, id, code, text, data);
    json_decref(data);
}

/* --- the eras --- */

static const json_t *meta_member(const json_t *params, const char *name)
{
    return json_object_get(json_object_get(params, "_meta"), name);
}

static bool is_legacy_name(const char *version)
{
    const struct mcp_revision *revision = mcp_revision_find(version);
    return revision && revision->era == MCP_ERA_LEGACY;
}

/* A request is modern when its _meta says a version, when its header says one that no legacy
 * revision has, or when its method is the modern era's own way to begin. `initialize` never is: it
 * is how a client of any age, or of two, asks for the legacy era. */
static bool is_modern(const struct protocol_context *context, const char *method,
                      const json_t *params)
{
    if (strcmp(method, "initialize") == 0)
        return false;
    return meta_member(params, META_VERSION) ||
           (context->version_header && !is_legacy_name(context->version_header)) ||
           (!context->revision && (strcmp(method, "server/discover") == 0 ||
                                   strcmp(method, "subscriptions/listen") == 0));
}

static void refuse_version(struct protocol_answer *answer, const json_t *id, const char *requested)
{
    refuse(answer, id, RPC_UNSUPPORTED_VERSION, "Unsupported protocol version",
           json_pack("{s:[s], s:s}", "supported", MCP_LATEST_MODERN, "requested", requested));
}

static bool header_repeats(const char *header, const char *value)
{
    struct buffer encoded;
    if (!header)
        return false;
    if (strcmp(header, value) == 0)
        return true;
    buffer_init(&encoded, 4 * strlen(value) + 64);
    bool same = mcp_header_value_append(&encoded, value, strlen(value)) == 0 &&
                buffer_length(&encoded) == strlen(header) &&
                memcmp(buffer_bytes(&encoded), header, strlen(header)) == 0;
    buffer_free(&encoded);
    return same;
}

/* Mcp-Method and Mcp-Name; false when refused. A missing name is the method's to tell. */
static bool check_headers(const struct protocol_context *context, const json_t *id,
                          const char *name, const struct method *method, const json_t *params,
                          struct protocol_answer *answer)
{
    char text[256];
    if (!header_repeats(context->method_header, name)) {
        snprintf(text, sizeof text, "the header Mcp-Method must be %.100s, the method of the body",
                 name);
        refuse(answer, id, RPC_HEADER_MISMATCH, text, NULL);
        return false;
    }
    const char *member = method ? method->name_header : NULL;
    const char *value = member ? json_string_value(json_object_get(params, member)) : NULL;
    if (value && !header_repeats(context->name_header, value)) {
        snprintf(text, sizeof text, "the header Mcp-Name must repeat params.%s of %.100s", member,
                 name);
        refuse(answer, id, RPC_HEADER_MISMATCH, text, NULL);
        return false;
    }
    return true;
}

/* The order is the specification's: what cannot be understood first, then what contradicts itself,
 * then what is not supported. */
static bool check_modern(const struct protocol_context *context, const json_t *id, const char *name,
                         const struct method *method, const json_t *params,
                         struct protocol_answer *answer)
{
    const json_t *version = meta_member(params, META_VERSION);
    const char *header = context->version_header;
    if (!json_is_string(version)) {
        if (header && !mcp_revision_find(header))
            refuse_version(answer, id, header);
        else
            refuse(answer, id, RPC_INVALID_PARAMS,
                   "params._meta needs " META_VERSION " and " META_CAPABILITIES, NULL);
        return false;
    }
    const char *wanted = json_string_value(version);
    if (context->http && (!header || strcmp(header, wanted) != 0)) {
        refuse(answer, id, RPC_HEADER_MISMATCH,
               "the header MCP-Protocol-Version must be there and equal " META_VERSION
               " of params._meta",
               NULL);
        return false;
    }
    if (strcmp(wanted, MCP_LATEST_MODERN) != 0) {
        refuse_version(answer, id, wanted);
        return false;
    }
    if (!json_is_object(meta_member(params, META_CAPABILITIES))) {
        refuse(answer, id, RPC_INVALID_PARAMS,
               "params._meta needs " META_CAPABILITIES ", an object; {} declares none", NULL);
        return false;
    }
    return !context->http || check_headers(context, id, name, method, params, answer);
}

/* What initialize agrees on: the revision asked for when it is one of the legacy era that this
 * transport carries, else the latest. */
static const struct mcp_revision *agree(const struct protocol_context *context,
                                        const json_t *params)
{
    const char *wanted = json_string_value(json_object_get(params, "protocolVersion"));
    const struct mcp_revision *revision = wanted ? mcp_revision_find(wanted) : NULL;
    if (!revision || revision->era != MCP_ERA_LEGACY ||
        (context->http && !revision->streamable_http))
        revision = mcp_revision_find(MCP_LATEST_LEGACY);
    return revision;
}

static const struct mcp_revision *legacy_revision(const struct protocol_context *context,
                                                  const char *name, const json_t *params)
{
    if (strcmp(name, "initialize") == 0)
        return agree(context, params);
    return context->revision ? context->revision : mcp_revision_find(MCP_LATEST_LEGACY);
}

/* --- a request --- */

static int begin_result(struct method_call *call, const struct method *method)
{
    struct buffer *out = call->out;
    int result = buffer_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    result |= json_write(out, call->id);
    result |= buffer_append_text(out, ",\"result\":{");
    if (!method_is_modern(call))
        return result;
    result |= buffer_append_text(out, META_SERVER ",");
    if (method->cacheable)
        result |= buffer_printf(out, "\"ttlMs\":%u,\"cacheScope\":\"%s\",", method->ttl_ms,
                                method->cacheable);
    return result;
}

/* The subscription's first message in place of a result, which comes when it ends. */
static void acknowledge(struct protocol_answer *answer)
{
    char *filter = json_dumps(answer->listen_filter, JSON_COMPACT);
    buffer_clear(&answer->text);
    if (filter)
        buffer_printf(
            &answer->text,
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
            "\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s},"
            "\"notifications\":%s}}",
            answer->listen_id, filter);
    free(filter);
}

static void run_method(struct method_call *call, const struct method *method)
{
    struct protocol_answer *answer = call->answer;
    int result = begin_result(call, method);
    if (result == 0)
        result = method->run(call);
    if (result == 0 && answer->listen_id) {
        acknowledge(answer);
        return;
    }
    if (call->cancelled) { /* the specification: no response is sent */
        buffer_clear(call->out);
        answer->status = 202;
        return;
    }
    if (result == 0 && method_is_modern(call))
        result = buffer_append_text(call->out, call->input_required
                                                   ? ",\"resultType\":\"input_required\""
                                                   : ",\"resultType\":\"complete\"");
    if (result == 0)
        result = buffer_append_text(call->out, "}}");
    if (result == 0)
        return;
    if (call->code == RPC_MISSING_CAPABILITY)
        answer->status = 400;
    buffer_clear(call->out);
    if (!call->code)
        method_fail(call, RPC_INTERNAL_ERROR, "the answer is too large");
    write_error(call->out, call->id, call->code, call->problem, call->data);
    json_decref(call->data);
}

static void answer_request(struct service *service, const struct protocol_context *context,
                           const json_t *id, const char *name, const json_t *params,
                           struct protocol_answer *answer)
{
    bool modern = is_modern(context, name, params);
    const struct method *method = method_find(name);
    if (method && !(method->eras & (modern ? METHOD_MODERN : METHOD_LEGACY)))
        method = NULL;
    if (modern && !check_modern(context, id, name, method, params, answer))
        return;
    if (!modern && context->http && !context->revision && strcmp(name, "initialize") != 0) {
        refuse(answer, id, RPC_INVALID_REQUEST,
               "Mcp-Session-Id is missing: initialize gives it; or send a request "
               "of " MCP_LATEST_MODERN " with its _meta",
               NULL);
        return;
    }
    if (!method) {
        char text[256];
        snprintf(text, sizeof text, "Method not found: %.200s", name);
        write_error(&answer->text, id, RPC_METHOD_NOT_FOUND, text, NULL);
        answer->status = modern ? 404 : 200;
        return;
    }
    struct method_call call = {
        .service = service,
        .revision =
            modern ? mcp_revision_find(MCP_LATEST_MODERN) : legacy_revision(context, name, params),
        .params = params,
        .id = id,
        .answer = answer,
        .out = &answer->text,
        .peer = context->peer,
    };
    run_method(&call, method);
}

static void take_notification(const char *name, const json_t *params,
                              struct protocol_answer *answer)
{
    const json_t *id = json_object_get(params, "requestId");
    answer->status = 202;
    if (strcmp(name, "notifications/cancelled") == 0 && (json_is_string(id) || json_is_integer(id)))
        answer->cancelled_id = json_dumps(id, JSON_ENCODE_ANY);
}

static void answer_message(struct service *service, const struct protocol_context *context,
                           const json_t *message, struct protocol_answer *answer)
{
    const json_t *id = json_object_get(message, "id"), *params = json_object_get(message, "params");
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    const char *method = json_string_value(json_object_get(message, "method"));
    bool id_fits = json_is_string(id) || json_is_number(id);
    if (!json_is_object(message) || !version || strcmp(version, "2.0") != 0)
        refuse(answer, id_fits ? id : NULL, RPC_INVALID_REQUEST,
               "not a JSON-RPC 2.0 message: an object with \"jsonrpc\": \"2.0\"", NULL);
    else if (!method && id &&
             (json_object_get(message, "result") || json_object_get(message, "error")))
        answer->status = 202; /* a response; nothing was asked */
    else if (!method)
        refuse(answer, id_fits ? id : NULL, RPC_INVALID_REQUEST, "the message has no method", NULL);
    else if (id && !id_fits)
        refuse(answer, NULL, RPC_INVALID_REQUEST, "the id must be a string or a number", NULL);
    else if (params && !json_is_object(params))
        refuse(answer, id, RPC_INVALID_PARAMS, "params must be an object", NULL);
    else if (!id)
        take_notification(method, params, answer);
    else
        answer_request(service, context, id, method, params, answer);
}

/* --- batches: 2025-03-26 only --- */

static void answer_batch(struct service *service, const struct protocol_context *context,
                         const json_t *batch, struct protocol_answer *answer)
{
    const json_t *message;
    size_t index, count = 0;
    if (!context->revision || !context->revision->batches) {
        refuse(answer, NULL, RPC_INVALID_REQUEST, "only revision 2025-03-26 has batches", NULL);
        return;
    }
    if (json_array_size(batch) == 0 || json_array_size(batch) > MAX_BATCH) {
        refuse(answer, NULL, RPC_INVALID_REQUEST, "a batch has 1 to 100 messages", NULL);
        return;
    }
    json_array_foreach(batch, index, message)
    {
        struct protocol_answer one = {.status = 200};
        const char *method = json_string_value(json_object_get(message, "method"));
        buffer_init(&one.text, PROTOCOL_ANSWER_LIMIT);
        if (method && strcmp(method, "initialize") == 0)
            refuse(&one, json_object_get(message, "id"), RPC_INVALID_REQUEST,
                   "initialize must not be part of a batch", NULL);
        else
            answer_message(service, context, message, &one);
        if (buffer_length(&one.text) > 0) {
            buffer_append_char(&answer->text, count++ ? ',' : '[');
            buffer_append(&answer->text, buffer_bytes(&one.text), buffer_length(&one.text));
        }
        protocol_answer_free(&one);
    }
    answer->status = count ? 200 : 202;
    if (count && buffer_append_char(&answer->text, ']') < 0)
        refuse(answer, NULL, RPC_INTERNAL_ERROR, "the answers are too large", NULL);
}

void protocol_answer(struct service *service, const struct protocol_context *context,
                     const char *bytes, size_t length, struct protocol_answer *answer)
{
    json_error_t problem;
    memset(answer, 0, sizeof *answer);
    buffer_init(&answer->text, PROTOCOL_ANSWER_LIMIT);
    answer->status = 200;
    json_t *message = json_read_request(bytes, length, context->repeated, &problem);
    if (!message) {
        char text[300];
        snprintf(text, sizeof text, "Parse error: %s, at byte %d", problem.text, problem.position);
        refuse(answer, NULL, RPC_PARSE_ERROR, text, NULL);
        return;
    }
    if (json_is_array(message))
        answer_batch(service, context, message, answer);
    else
        answer_message(service, context, message, answer);
    json_decref(message);
}

void protocol_answer_free(struct protocol_answer *answer)
{
    buffer_free(&answer->text);
    json_decref(answer->listen_filter);
    free(answer->listen_id);
    free(answer->cancelled_id);
    answer->listen_filter = NULL;
    answer->listen_id = answer->cancelled_id = NULL;
}
