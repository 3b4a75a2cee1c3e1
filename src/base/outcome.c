/* See outcome.h. */
#include "base/outcome.h"

#include <string.h>

static const char *const names[OUTCOME_KINDS] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_TOOL_ERROR] = "tool_error",
    [OUTCOME_JSONRPC_ERROR] = "jsonrpc_error",
    [OUTCOME_HTTP_STATUS] = "http_status",
    [OUTCOME_PROTOCOL_VIOLATION] = "protocol_violation",
    [OUTCOME_SCHEMA_VIOLATION] = "schema_violation",
    [OUTCOME_INPUT_REQUIRED] = "input_required",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_DNS] = "dns",
    [OUTCOME_CONNECT_REFUSED] = "connect_refused",
    [OUTCOME_CONNECT_TIMEOUT] = "connect_timeout",
    [OUTCOME_CONNECTION_RESET] = "connection_reset",
    [OUTCOME_TLS] = "tls",
    [OUTCOME_SOURCE_ERROR] = "source_error",
    [OUTCOME_CHECK_FAILED] = "check_failed",
    [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_NOT_RUN] = "not_run",
};

const char *outcome_kind_name(enum outcome_kind kind)
{
    return kind < OUTCOME_KINDS ? names[kind] : "unknown";
}

enum outcome_kind outcome_kind_from_name(const char *name)
{
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        if (strcmp(names[kind], name) == 0)
            return (enum outcome_kind)kind;
    return OUTCOME_KINDS;
}
