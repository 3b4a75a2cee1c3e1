/* What the files of the HTTP+SSE driver share: mcp_sse.c (table, open, workers), mcp_sse_stream.c
 * (one connection: its event stream and handshake), mcp_sse_call.c (calls). The stream of a
 * connection is one MCP session, shared by all calls on it: ids tell them apart. */
#ifndef CICADA_DRIVERS_MCP_SSE_INTERNAL_H
#define CICADA_DRIVERS_MCP_SSE_INTERNAL_H

#include "drivers/mcp_http_control.h"
#include "drivers/mcp_sse.h"

enum { MCP_SSE_POST_CONNECTIONS = 64, MCP_SSE_CALLS_PER_STREAM = 64 };

/* target->driver_data */
struct mcp_sse_target {
    struct mcp_target mcp; /* first */
    struct http_endpoint endpoint;
    struct mcp_request_text initialize; /* prefix NULL while the target is opened: the handshake is
                                           then made by open() itself */
    char *initialized;
};

struct mcp_sse_worker {
    struct driver_worker *owner;
    struct mcp_sse_target *target;
    int64_t first_id, next_id;
    struct mcp_http_pool posts;
    struct mcp_sse_post *sending;
    struct mcp_http_body *free_bodies;
    uint64_t notifications, server_requests, refused_answers, unexpected;
};

/* Something that waits for a response on the stream. */
struct mcp_sse_pending {
    struct mcp_sse_pending *next, **link; /* oldest last; link NULL: not waiting */
    int64_t id;
    void (*answered)(struct mcp_sse_pending *pending, const struct jsonrpc_message *message,
                     const char *bytes, size_t length);
    void (*lost)(struct mcp_sse_pending *pending, const struct outcome *why, const char *text);
};

struct mcp_sse_connection {
    struct http_connection http;
    struct http_exchange exchange; /* the GET */
    struct http_header headers[1];
    struct sse_decoder decoder;
    struct mcp_sse_pending *pending;
    struct mcp_sse_handshake *handshake; /* while there is one */
    struct loop_timer timer;             /* until the connection is ready */
    struct loop_task task;
    char *post_path; /* NULL until the server named it */
    char text[256];
    struct outcome why;
    unsigned posting; /* calls whose POST is under way */
    bool ready, lost;
};

struct mcp_sse_call {
    struct http_exchange exchange; /* the POST */
    struct mcp_http_ticket ticket;
    struct mcp_sse_pending pending;
    struct loop_task task;
    char id_digits[24];
    const struct mcp_operation *operation; /* NULL: a notification */
    const char *notification;
    struct mcp_http_body *body;
    struct outcome outcome;
    char *text;     /* owned */
    char *response; /* owned: an answer that came before its POST was over */
    size_t response_length;
    bool posted, answered, over;
};

static inline struct call *mcp_sse_owner(struct mcp_sse_call *part)
{
    return (struct call *)((char *)part - sizeof(struct call));
}
static inline struct mcp_sse_worker *mcp_sse_worker_of(struct mcp_sse_call *part)
{
    return driver_part_of_worker(mcp_sse_owner(part)->connection->worker);
}

static inline struct connection *mcp_sse_connection_owner(struct mcp_sse_connection *part)
{
    return (struct connection *)((char *)part - sizeof(struct connection));
}
static inline struct mcp_sse_worker *mcp_sse_connection_worker(struct mcp_sse_connection *part)
{
    return driver_part_of_worker(mcp_sse_connection_owner(part)->worker);
}

extern const struct http_header mcp_sse_post_headers[1];

/* ---- mcp_sse_stream.c ------------------------------------------------------------------------ */

void mcp_sse_connect(struct connection *connection);
void mcp_sse_disconnect(struct connection *connection);
void mcp_sse_await(struct mcp_sse_connection *part, struct mcp_sse_pending *pending);
void mcp_sse_forget(struct mcp_sse_pending *pending); /* harmless when not waiting */
/* The handshake is made: the connection takes calls. */
void mcp_sse_ready(struct mcp_sse_connection *part);
/* The stream is gone, and with it the session: everybody who waits is told, and then the engine;
 * all of that later, because it may come from anywhere. */
void mcp_sse_lose(struct mcp_sse_connection *part, struct outcome why, const char *text);

/* ---- mcp_sse_handshake.c --------------------------------------------------------------------- */

void mcp_sse_handshake_begin(struct mcp_sse_connection *part);
void mcp_sse_handshake_end(struct mcp_sse_connection *part); /* also given up; harmless if none */
/* POST a text beside the calls; `body` is taken over, NULL does nothing. */
void mcp_sse_post(struct mcp_sse_worker *worker, const char *path, char *body);
void mcp_sse_posts_discard(struct mcp_sse_worker *worker);

/* ---- mcp_sse_call.c -------------------------------------------------------------------------- */

void mcp_sse_submit(struct call *call);
void mcp_sse_submit_raw(struct call *call, const struct mcp_operation *operation,
                        const char *notification);
void mcp_sse_cancel(struct call *call, const struct outcome *why);
char *mcp_sse_request_text(const struct call *call);

#endif
