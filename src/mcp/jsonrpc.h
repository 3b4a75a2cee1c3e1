/* The JSON-RPC envelope scan of the hot path: one pass over the bytes that proves them to be one
 * valid JSON value in valid UTF-8 (RFC 8259, RFC 3629) and notes where the parts that matter stand.
 * It allocates nothing and builds no tree; whoever needs a tree gives a span to jansson. */
#ifndef CICADA_MCP_JSONRPC_H
#define CICADA_MCP_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span { /* part of the scanned text; start NULL when absent */
    const char *start;
    size_t length;
};

enum jsonrpc_kind {
    JSONRPC_MALFORMED,    /* not JSON, not UTF-8, too deep, or trailing bytes: see error_offset */
    JSONRPC_INVALID,      /* JSON, but no JSON-RPC 2.0 message: `problem` says why */
    JSONRPC_BATCH,        /* an array; iterate with jsonrpc_batch_next */
    JSONRPC_REQUEST,      /* from the peer: method and id */
    JSONRPC_NOTIFICATION, /* method, no id */
    JSONRPC_RESULT,
    JSONRPC_ERROR /* error object; the id may be null or missing */
};

struct jsonrpc_message {
    enum jsonrpc_kind kind;
    const char *problem; /* static text for MALFORMED and INVALID */
    size_t error_offset;
    bool has_id, id_is_null,
        id_is_integer; /* id_is_integer: a number without fraction or exponent */
    int64_t id_integer;
    struct span id, method, params, result; /* method without its quotes, still escaped */
    struct span error;                      /* the error object */
    int64_t error_code;
    struct span error_message; /* without its quotes, still escaped */
    struct span error_data;
    /* Members of result, noted in the same pass. */
    bool is_error;           /* result.isError === true */
    struct span result_type; /* result.resultType without its quotes */
    struct span structured;  /* result.structuredContent */
    struct span content;     /* result.content */
    struct span next_cursor; /* result.nextCursor without its quotes */
    bool content_is_array;
};

#define JSONRPC_MAX_DEPTH 128

/* Scan one message. Returns message->kind. */
enum jsonrpc_kind jsonrpc_scan(struct jsonrpc_message *message, const char *bytes, size_t length);

/* For a JSONRPC_BATCH: *position starts at 0; gives one element a call; false when there is none.
 */
bool jsonrpc_batch_next(const char *bytes, size_t length, size_t *position, struct span *element);

static inline bool span_equals(struct span span, const char *text);

#include <string.h>
static inline bool span_equals(struct span span, const char *text)
{
    return span.start && strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

#endif
