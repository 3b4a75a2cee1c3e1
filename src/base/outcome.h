/* The one vocabulary of how an operation ends. Drivers decide it, the engine counts it, reports and
 * audits sum it: the outcomes of a phase add up to the operations it started. */
#ifndef CICADA_BASE_OUTCOME_H
#define CICADA_BASE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum outcome_kind {
    OUTCOME_OK,
    OUTCOME_TOOL_ERROR,         /* a result with isError: true */
    OUTCOME_JSONRPC_ERROR,      /* code: the JSON-RPC error code; wins over the HTTP status */
    OUTCOME_HTTP_STATUS,        /* code: the status, when the body is no JSON-RPC message */
    OUTCOME_PROTOCOL_VIOLATION, /* detail names it: wrong_id, duplicate_answer, malformed_json, ...
                                 */
    OUTCOME_SCHEMA_VIOLATION,   /* structuredContent against outputSchema */
    OUTCOME_INPUT_REQUIRED,     /* a multi round-trip request not resolved in the rounds allowed */
    OUTCOME_TIMEOUT,
    OUTCOME_DNS,
    OUTCOME_CONNECT_REFUSED,
    OUTCOME_CONNECT_TIMEOUT,
    OUTCOME_CONNECTION_RESET, /* closed or reset before the answer was whole; the child exited */
    OUTCOME_TLS,
    OUTCOME_SOURCE_ERROR, /* a tier answered with its own error; detail names it: auth, BUSY, ... */
    OUTCOME_CHECK_FAILED, /* the answer came, but a check of the plan did not hold */
    OUTCOME_CANCELLED, /* still open when the phase ended and its drain time was over: censored */
    OUTCOME_NOT_RUN,   /* due, but never started: queued to the end, or its user had no session */
    OUTCOME_KINDS
};

struct outcome {
    enum outcome_kind kind;
    int32_t code;       /* JSON-RPC code or HTTP status, else 0 */
    const char *detail; /* short snake_case reason, static or interned for the run; NULL if none */
};

const char *outcome_kind_name(
    enum outcome_kind kind); /* "ok", "tool_error", ... as in result.json */
enum outcome_kind outcome_kind_from_name(const char *name); /* OUTCOME_KINDS when unknown */

/* A timeout or a cancellation bounds the latency from below only; the rest measure it. */
static inline bool outcome_is_censored(enum outcome_kind kind)
{
    return kind == OUTCOME_TIMEOUT || kind == OUTCOME_CANCELLED || kind == OUTCOME_NOT_RUN;
}

#endif
