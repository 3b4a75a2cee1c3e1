/* The JSON-RPC envelope scan of the hot path: one pass over the bytes that proves them to be one
 * valid JSON value in valid UTF-8 (RFC 8259, RFC 3629) and notes where the parts that matter stand.
 * It allocates nothing and builds no tree; whoever needs a tree gives a span to jansson. */
#ifndef CICADA_MCP_JSONRPC_H
#define CICADA_MCP_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
    bool is_error_malformed; /* result.isError is there, but neither true nor false */
    struct span result_type; /* result.resultType without its quotes (as it is when no string) */
    struct span structured;  /* result.structuredContent */
    struct span content;     /* result.content */
    struct span next_cursor; /* result.nextCursor without its quotes; absent when no string */
    bool content_is_array;
};

#define JSONRPC_MAX_DEPTH 128

/* Scan one message. Returns message->kind. A member that matters here and comes twice makes the
 * message INVALID: two readers would take different ones. */
enum jsonrpc_kind jsonrpc_scan(struct jsonrpc_message *message, const char *bytes, size_t length);

/* For a JSONRPC_BATCH, and for any other array that a scan has passed: *position starts at 0; gives
 * one element a call; false when there is none. */
bool jsonrpc_batch_next(const char *bytes, size_t length, size_t *position, struct span *element);

/* The value of a member of an object that a scan has passed (the first one, should it come twice);
 * start is NULL when `object` is no object or has none. */
struct span span_member(struct span object, const char *name);

/* Decode the inside of a JSON string into `text` (size bytes, NUL-terminated, cut at a character
 * when it does not fit). What C strings or UTF-8 cannot hold (\u0000, lone surrogates) becomes
 * U+FFFD. Returns the length. With size > span.length nothing is ever cut. */
size_t span_unescape(struct span span, char *text, size_t size);

/* Like span_equals for the inside of a JSON string: escapes count as what they stand for. */
bool span_string_equals(struct span span, const char *text);

/* A number without fraction or exponent that fits. */
bool span_integer(struct span span, int64_t *value);

static inline bool span_is_string(struct span span)
{
    return span.start && span.length >= 2 && span.start[0] == '"';
}
/* The inside of a string, without its quotes. */
static inline struct span span_unquote(struct span span)
{
    return (struct span){span.start + 1, span.length - 2};
}
static inline bool span_equals(struct span span, const char *text)
{
    return span.start && strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

#endif
