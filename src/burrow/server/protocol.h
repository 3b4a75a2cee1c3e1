/* MCP as a server speaks it, without a transport: one message in, none or one answer out. Both
 * eras: 2026-07-28, where every request says its version and the client's capabilities in _meta,
 * and 2025-11-25 back to 2024-11-05, where `initialize` says them once. */
#ifndef BURROW_SERVER_PROTOCOL_H
#define BURROW_SERVER_PROTOCOL_H

#include "burrow/server/channel.h"
#include "burrow/server/service.h"
#include "mcp/json_repeated.h"
#include "mcp/revision.h"

#define PROTOCOL_ANSWER_LIMIT ((size_t)64 << 20)

enum {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_RESOURCE_NOT_FOUND = -32002, /* legacy; -32602 in the modern era */
    RPC_HEADER_MISMATCH = -32020,
    RPC_MISSING_CAPABILITY = -32021,
    RPC_UNSUPPORTED_VERSION = -32022
};

/* What the transport can do for a request beside answering it. Any function may be NULL. */
struct protocol_peer {
    /* Send a notification that belongs to the request, before its answer. */
    void (*notify)(void *context, const char *message, size_t length);
    /* A tool is called under this id (JSON text); NULL: it is over. */
    void (*running)(void *context, const char *id);
    /* The client wants no answer any more. */
    bool (*cancelled)(void *context);
    /* Of the legacy session; made when it is not there yet and `make` is true. NULL: none. Borrowed
     * until the answer is given. */
    struct channel *(*channel)(void *context, bool make);
    void *context;
};

/* What the transport knows of a message. */
struct protocol_context {
    bool http;
    /* Headers, NULL when absent; HTTP only. */
    const char *version_header, *method_header, *name_header;
    /* What initialize agreed on; NULL before it, and in the modern era. */
    const struct mcp_revision *revision;
    const struct protocol_peer *peer; /* NULL: it can do nothing else */
    struct json_repeated *repeated; /* what requests repeat, of this thread; NULL: not looked for */
};

struct protocol_answer {
    struct buffer text; /* one line of JSON; empty: there is nothing to answer, or nobody waits */
    int status;         /* for HTTP: 200, 202 (nothing), 400, 404 */
    const struct mcp_revision *initialized; /* what an initialize agreed on: open a session */
    /* subscriptions/listen: `text` is the acknowledgement, notifications follow it. The id as JSON
     * text and what was asked for; the transport's to free through protocol_answer_free. */
    char *listen_id;
    json_t *listen_filter;
    char *cancelled_id; /* notifications/cancelled: the id of the request as JSON text */
};

/* Answer one message of `length` bytes. Any thread, but for what context->repeated is of. */
void protocol_answer(struct service *service, const struct protocol_context *context,
                     const char *bytes, size_t length, struct protocol_answer *answer);
void protocol_answer_free(struct protocol_answer *answer);

/* A request was it, of which the transport says this; the id is unknown there. */
int protocol_error(struct buffer *out, int code, const char *text);

#endif
