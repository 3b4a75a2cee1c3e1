/* See era.h. */
#include "mcp/era.h"

enum {
    HEADER_MISMATCH = -32020,
    MISSING_CLIENT_CAPABILITY = -32021,
    UNSUPPORTED_PROTOCOL_VERSION = -32022,
    METHOD_NOT_FOUND = -32601
};

bool era_is_modern_error(int status, int64_t code)
{
    return code == HEADER_MISMATCH || code == MISSING_CLIENT_CAPABILITY ||
           code == UNSUPPORTED_PROTOCOL_VERSION || (status == 404 && code == METHOD_NOT_FOUND);
}

/* A lenient legacy server may answer an unknown method with some result; a DiscoverResult names the
 * versions. */
static bool is_discover_result(const struct jsonrpc_message *message)
{
    struct span versions = span_member(message->result, "supportedVersions");
    return versions.start && *versions.start == '[';
}

static bool says_nothing(int status)
{
    return status == 401 || status == 403 || status == 407 || status == 429 || status >= 500 ||
           (status >= 300 && status < 400);
}

enum era_verdict era_judge_probe(int status, const struct jsonrpc_message *message)
{
    if (message && message->kind == JSONRPC_ERROR &&
        era_is_modern_error(status, message->error_code))
        return message->error_code == UNSUPPORTED_PROTOCOL_VERSION ? ERA_IS_MODERN_OTHER
                                                                   : ERA_IS_MODERN;
    if (says_nothing(status))
        return ERA_SAYS_NOTHING;
    if (message && message->kind == JSONRPC_RESULT && is_discover_result(message))
        return ERA_IS_MODERN;
    return status == 400 || status == 404 || status == 405 ? ERA_MAYBE_SSE : ERA_IS_LEGACY;
}
