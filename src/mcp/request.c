/* See request.h: bodies, metadata and header values. */
#include "mcp/request.h"

#include <stdlib.h>
#include <string.h>

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_INFO         "io.modelcontextprotocol/clientInfo"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define SENTINEL_START    "=?base64?"
#define SENTINEL_END      "?="

/* ---- metadata ----------------------------------------------------------------------------------
 */

json_t *mcp_client_info(void)
{
    return json_pack("{s:s, s:s}", "name", "cicada", "version", CICADA_VERSION);
}

json_t *mcp_client_capabilities(const struct mcp_revision *revision)
{
    /* Dates compare as text. Elicitation came with 2025-06-18, its modes with 2025-11-25. */
    if (strcmp(revision->name, "2025-06-18") < 0)
        return json_pack("{s:{}, s:{}}", "sampling", "roots");
    if (strcmp(revision->name, "2025-11-25") < 0)
        return json_pack("{s:{}, s:{}, s:{}}", "elicitation", "sampling", "roots");
    return json_pack("{s:{s:{}}, s:{}, s:{}}", "elicitation", "form", "sampling", "roots");
}

json_t *mcp_request_meta(const struct mcp_revision *revision)
{
    if (revision->era != MCP_ERA_MODERN)
        return NULL;
    return json_pack("{s:s, s:o, s:o}", META_VERSION, revision->name, META_INFO, mcp_client_info(),
                     META_CAPABILITIES, mcp_client_capabilities(revision));
}

json_t *mcp_request_params(const struct mcp_revision *revision, const json_t *params)
{
    if (revision->era != MCP_ERA_MODERN)
        return json_copy((json_t *)params);
    json_t *copy = params ? json_copy((json_t *)params) : json_object();
    json_t *given = json_object_get(copy, "_meta");
    json_t *meta = json_is_object(given) ? json_copy(given) : json_object();
    json_t *required = mcp_request_meta(revision);
    /* A progress token or a trace context the plan gave stays; ours win where keys meet. */
    if (!copy || !required || json_object_update(meta, required) < 0 ||
        json_object_set(copy, "_meta", meta) < 0) {
        json_decref(copy);
        copy = NULL;
    }
    json_decref(meta);
    json_decref(required);
    return copy;
}

/* ---- bodies ------------------------------------------------------------------------------------
 */

static const char PREFIX[] = "{\"jsonrpc\":\"2.0\",\"id\":";

/* ,"method":"...","params":{...}} ; the caller frees. */
static char *suffix_text(const char *method, const json_t *params)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 2);
    char *dump = params ? json_dumps(params, JSON_COMPACT) : NULL;
    bool failed = (params && !dump) || buffer_append_text(&buffer, ",\"method\":\"") < 0 ||
                  buffer_append_json_escaped(&buffer, method, strlen(method)) < 0 ||
                  buffer_append_char(&buffer, '"') < 0;
    if (!failed && dump)
        failed = buffer_append_text(&buffer, ",\"params\":") < 0 ||
                 buffer_append_text(&buffer, dump) < 0;
    failed = failed || buffer_append_char(&buffer, '}') < 0;
    free(dump);
    char *text = failed ? NULL : buffer_take_string(&buffer);
    buffer_free(&buffer);
    return text;
}

int mcp_request_text_build(struct mcp_request_text *text, const struct mcp_revision *revision,
                           const char *method, const json_t *params, struct error *error)
{
    *text = (struct mcp_request_text){0};
    if (params && !json_is_object(params))
        return error_set(error, ERROR_USAGE, "%s: params must be an object", method);
    json_t *complete = mcp_request_params(revision, params);
    bool needs_params = params || revision->era == MCP_ERA_MODERN;
    if (!needs_params || complete) {
        text->prefix = strdup(PREFIX);
        text->suffix = suffix_text(method, complete);
    }
    json_decref(complete);
    if (!text->prefix || !text->suffix) {
        mcp_request_text_free(text);
        return error_set(error, ERROR_INTERNAL, "%s: out of memory while building the request",
                         method);
    }
    text->prefix_length = strlen(text->prefix);
    text->suffix_length = strlen(text->suffix);
    return 0;
}

void mcp_request_text_free(struct mcp_request_text *text)
{
    free(text->prefix);
    free(text->suffix);
    *text = (struct mcp_request_text){0};
}

char *mcp_notification_text(const struct mcp_revision *revision, const char *method,
                            const json_t *params)
{
    (void)revision; /* no revision puts metadata into what a client notifies */
    json_t *message = json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", method);
    if (params)
        json_object_set(message, "params", (json_t *)params);
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return text;
}

/* ---- header values -----------------------------------------------------------------------------
 */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The rules of 2026-07-28, Streamable HTTP, "Value Encoding". An empty value is encoded as well:
 * on the way an empty header is easily lost, and would then read as an omitted parameter. */
static bool is_safe_header_value(const char *value, size_t length)
{
    size_t start = strlen(SENTINEL_START), end = strlen(SENTINEL_END);
    if (length == 0 || is_blank(value[0]) || is_blank(value[length - 1]))
        return false;
    if (length >= start && memcmp(value, SENTINEL_START, start) == 0 &&
        memcmp(value + length - end, SENTINEL_END, end) == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if (value[i] != '\t' && (value[i] < 0x20 || value[i] > 0x7e))
            return false;
    return true;
}

int mcp_header_value_append(struct buffer *output, const char *value, size_t length)
{
    size_t before = buffer_length(output);
    if (is_safe_header_value(value, length))
        return buffer_append(output, value, length);
    if (buffer_append_text(output, SENTINEL_START) == 0 &&
        buffer_append_base64(output, value, length) == 0 &&
        buffer_append_text(output, SENTINEL_END) == 0)
        return 0;
    if (output->data)
        output->end = output->start + before; /* half a value must never be sent */
    return -1;
}
