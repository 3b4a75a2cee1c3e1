/* What the files of the Streamable HTTP driver share. The driver's parts of a worker, a connection,
 * a session and a call are here; who does what:
 *
 *   mcp_http.c          the table, prepared headers, workers, connections
 *   mcp_http_open.c     open(): era, handshake, discovery, and why it failed
 *   mcp_http_call.c     one call from submit to complete: sending, rounds, cancelling
 *   mcp_http_answer.c   from the bytes of a response to an outcome: JSON, event streams, resumption
 *   mcp_http_session.c  legacy sessions: initialize, close, churn, renewal after a 404
 *   mcp_http_listen.c   the GET stream of a legacy session, and answering a server's requests
 *   mcp_http_pool.c     connections for what does not belong to a call's own connection
 *   mcp_http_pid.c      the process behind a loopback port
 *
 * A call part is a small state machine: `stage` says what the exchange under way is for. */
#ifndef CICADA_DRIVERS_MCP_HTTP_H
#define CICADA_DRIVERS_MCP_HTTP_H

#include "base/clock.h"
#include "drivers/mcp_http_pool.h"
#include "drivers/mcp_target.h"
#include "net/http.h"
#include "net/sse.h"

extern const struct driver mcp_http_driver;

enum {
    MCP_HTTP_ROUNDS = 8,       /* of multi round-trip requests within one call */
    MCP_HTTP_REFUSALS = 8,     /* of an HTTP/2 stream, after which it is the server's failure */
    MCP_HTTP_RESUMPTIONS = 16, /* of a cut event stream without anything new on it */
    MCP_HTTP_POST_CONNECTIONS = 16
};
#define MCP_HTTP_EVENT_LIMIT     ((size_t)16 * 1024 * 1024) /* bytes of one event */
#define MCP_HTTP_RETRY_MS        1000                       /* before reconnecting, unless told */
#define MCP_HTTP_LISTEN_NS       NS_PER_S        /* for the head of a GET stream, the first time */
#define MCP_HTTP_LISTEN_BUSY_NS  (30 * NS_PER_S) /* from a server that is known to send heads */
#define MCP_HTTP_LINGER_NS       (250 * NS_PER_MS) /* for an answered event stream to end */
#define MCP_HTTP_SHORT_LINGER_NS NS_PER_MS         /* when this server is known not to end them */

/* target->driver_data */
struct mcp_http_target {
    struct mcp_target mcp; /* first */
    struct http_endpoint endpoint;
    struct mcp_request_text initialize; /* legacy: as each session sends it */
    char *initialized;                  /* legacy: notifications/initialized */
};

/* Headers of one request in the modern era, in one allocation with the values that are theirs
 * alone. As an array, one per variant, mcp_operation->transport_data. */
struct mcp_http_headers {
    struct http_header *headers;
    size_t count;
};

/* What an event stream needs while it is read; pooled per worker. */
struct mcp_http_stream {
    struct mcp_http_stream *next;
    struct sse_decoder decoder;
    struct buffer answer; /* the answer, kept while the stream is awaited to end */
    char text[256];       /* why it failed, for a person */
    char last_id[512];
    long retry_ms;        /* -1: the server said none */
    unsigned resumptions; /* since the last event */
    struct http_header headers[4];
};

/* A body rendered for one call, and the headers that mirror it in the modern era; pooled per
 * worker. */
struct mcp_http_body {
    struct mcp_http_body *next;
    struct buffer buffer;
    struct buffer values; /* of the headers that mirror the body, each with its NUL */
    struct http_header *headers;
    size_t header_count, header_capacity;
};

struct mcp_http_worker {
    struct driver_worker *owner;
    struct mcp_http_target *target;
    int64_t next_id;               /* JSON-RPC ids, unique over all workers */
    struct mcp_http_pool posts;    /* answers, cancellations, second attempts */
    struct mcp_http_pool gets;     /* GET streams and resumptions */
    struct mcp_http_post *sending; /* see mcp_http_listen.c */
    struct mcp_http_stream *free_streams;
    struct mcp_http_body *free_bodies;
    bool listen_refused; /* the server answered GET with 405: it is not asked again */
    bool listen_answers; /* it has sent the head of a GET stream: a late one means it is busy */
    bool listen_silent;  /* it sends no head before it has something to say: it is not awaited */
    unsigned unended;    /* answered streams in a row that the server did not end */
    uint64_t notifications, server_requests, refused_answers, unexpected;
    char text[512]; /* why the call being completed failed */
};

struct mcp_http_connection {
    struct http_connection http;
    unsigned calls;      /* submitted and not completed */
    bool closed_pending; /* closed while calls go on elsewhere: told when they are done */
    struct outcome closed_why;
    struct loop_task task;
};

struct mcp_http_call;
struct mcp_http_listener;

/* A session's id, and behind it those it had before it was renewed: an exchange that still has to
 * be written may name one, so all live as long as the session. */
struct mcp_http_session_id {
    struct mcp_http_session_id *previous;
    char text[];
};

/* One legacy session. */
struct mcp_http_session {
    struct mcp_http_session_id *id; /* NULL or empty: the server gave none */
    const struct mcp_revision *revision;
    struct mcp_http_listener *listener; /* its GET stream; NULL if none */
    struct mcp_http_call *renewing;     /* the call that initializes anew after a 404 */
    struct mcp_http_call *waiting;      /* calls that go on after that */
    uint32_t generation;                /* counts initializations */
    uint32_t header_count;
    struct http_header headers[4]; /* Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id */
};

static inline bool mcp_http_session_has_id(const struct mcp_http_session *session)
{
    return session->id && session->id->text[0];
}

enum mcp_http_stage {
    STAGE_IDLE,
    STAGE_REQUEST,     /* the request itself, also a retry with input responses */
    STAGE_INITIALIZE,  /* session_open, session_churn, renewal */
    STAGE_INITIALIZED, /* the notification after it */
    STAGE_LISTEN,      /* session_open, until the server took or refused the GET stream */
    STAGE_DISCOVER,    /* session_open, after initialize was refused in a modern way */
    STAGE_DELETE,      /* session_close, session_churn */
    STAGE_NOTIFY,      /* open(): a notification of its own */
    STAGE_WAIT         /* for another call to renew the session */
};

struct mcp_http_call {
    struct http_exchange exchange;
    struct mcp_http_ticket ticket; /* in use when the exchange is not on the call's connection */
    struct mcp_http_pool *pool;    /* the ticket's */
    enum mcp_http_stage stage;
    int64_t id; /* of the request under way */
    char id_digits[24];
    const struct mcp_operation *operation; /* NULL for a driver-made sequence */
    struct mcp_http_session *session;      /* the engine's, churn's own, or NULL (modern) */
    struct mcp_http_session *own_session;  /* churn */
    uint32_t generation;                   /* of the session when the request was sent */
    struct mcp_http_stream *stream;        /* while an event stream is read */
    struct mcp_http_body *body;            /* rendered */
    struct mcp_request_text request;       /* owned: of a retry with input responses */
    struct mcp_http_headers headers;       /* owned: of server/discover within session_open */
    const char *notification;              /* STAGE_NOTIFY, borrowed */
    struct mcp_http_call *next_waiting;
    struct loop_timer timer; /* linger, or the wait before a resumption */
    struct loop_task task;   /* completion that may not happen inside submit or cancel */
    struct outcome outcome;
    const char *text;
    struct outcome setup_outcome; /* with failed_setup */
    uint64_t answered_ns;         /* when the answer's last byte was read; 0: no answer yet */
    uint8_t rounds;
    bool renewed;         /* this call has been repeated after a 404 already */
    bool has_retry;       /* `request` is to be sent when the exchange is over */
    bool broken;          /* a violation: nothing more is read of this response */
    uint8_t refusals;     /* of its HTTP/2 stream */
    bool resuming;        /* waits for the timer, then GETs the rest of its stream */
    bool from_resumption; /* the exchange under way is that GET */
    bool failed_setup;    /* finish with setup_outcome, after one exchange more */
};

/* ---- getting around -------------------------------------------------------------------------- */

static inline struct call *mcp_http_owner(struct mcp_http_call *part)
{
    return (struct call *)((char *)part - sizeof(struct call));
}
static inline struct mcp_http_call *mcp_http_part(const struct call *call)
{
    return (struct mcp_http_call *)driver_part_of_call((struct call *)call);
}
static inline struct mcp_http_connection *mcp_http_connection_of(struct mcp_http_call *part)
{
    return driver_part_of_connection(mcp_http_owner(part)->connection);
}
static inline struct mcp_http_worker *mcp_http_worker_of(struct mcp_http_call *part)
{
    return driver_part_of_worker(mcp_http_owner(part)->connection->worker);
}

/* ---- mcp_http.c ------------------------------------------------------------------------------ */

/* Make the headers of a request in the modern era. `name` is that of Mcp-Name, NULL if none;
 * `values` are those of the tool's Mcp-Param-* headers, NULL where one is omitted; `values` itself
 * may be NULL. Values are copied. free() the result's `headers`. */
int mcp_http_headers_build(struct mcp_http_headers *out, const struct mcp_revision *revision,
                           const struct mcp_operation *operation, const char *name,
                           char *const *values, struct error *error);
/* The same from a rendered body: fills body->headers. -1 when memory is out. */
int mcp_http_headers_render(struct mcp_http_body *body, const struct mcp_revision *revision,
                            const struct mcp_operation *operation);
extern const struct http_header mcp_http_post_headers[2]; /* Content-Type, Accept */
extern const struct http_header mcp_http_accept_stream;   /* Accept, of a GET */
int mcp_http_worker_open(struct driver_worker *worker, struct error *error);
void mcp_http_worker_close(struct driver_worker *worker);
void mcp_http_connect(struct connection *connection);
void mcp_http_disconnect(struct connection *connection);

/* ---- mcp_http_open.c ------------------------------------------------------------------------- */

int mcp_http_open(struct target *target, struct error *error);
void mcp_http_close(struct target *target);
/* Make an endpoint with the target's TLS settings and headers; shared with the HTTP+SSE driver. */
int mcp_http_endpoint_open(struct http_endpoint *endpoint, struct target *target, const char *url,
                           struct error *error);

/* What kept a target from being opened, as a sentence with a remedy. `what` is the step,
 * "server/discover", or NULL when the caller names it; status and content_type as far as there was
 * a response. Returns -1 with ERROR_TARGET. */
struct mcp_http_failure {
    const char *what;
    struct outcome outcome;
    const char *text;                     /* of the outcome; may be NULL */
    const struct http_exchange *exchange; /* NULL if none */
};
int mcp_http_explain(const struct target *target, const struct mcp_http_failure *failure,
                     struct error *error);

/* ---- mcp_http_call.c ------------------------------------------------------------------------- */

void mcp_http_submit(struct call *call);
void mcp_http_cancel(struct call *call, const struct outcome *why);
char *mcp_http_request_text(const struct call *call);
/* A request as one text, new string; NULL when `text` is empty. */
char *mcp_http_compose(const struct mcp_request_text *text, int64_t id);

/* For open(): send one given text; `operation` (NULL: a notification) tells how to judge it. */
void mcp_http_submit_raw(struct call *call, const struct mcp_operation *operation,
                         const char *notification);

/* Send the exchange, which is filled in but for its callbacks, on the call's connection, or on one
 * of the pool when that is closed. */
void mcp_http_send(struct mcp_http_call *part);
void mcp_http_dispatch(struct mcp_http_call *part); /* the same, in the middle of an event stream */
void mcp_http_send_request(struct mcp_http_call *part); /* STAGE_REQUEST, also again */
/* The answer to the exchange of this stage is judged and the exchange is over: go on. */
void mcp_http_concluded(struct mcp_http_call *part);
/* The call is over: complete it. Not from inside submit or cancel: mcp_http_finish_later. */
void mcp_http_finish(struct mcp_http_call *part, struct outcome outcome, const char *text);
void mcp_http_finish_later(struct mcp_http_call *part, struct outcome outcome, const char *text);
/* Stop what is under way for the call; no callback follows. */
void mcp_http_abort(struct mcp_http_call *part);
/* Add the times and sizes of the exchange to the call's, once per exchange. */
void mcp_http_account(struct mcp_http_call *part);
/* The exchange is over: account for it and give back its place in a pool. */
void mcp_http_over(struct mcp_http_call *part);

/* Pools of rendered bodies, one per worker. */
struct mcp_http_body *mcp_http_body_take(struct mcp_http_body **pool); /* NULL: memory is out */
void mcp_http_body_give(struct mcp_http_body **pool, struct mcp_http_body *body); /* NULL is fine */
void mcp_http_body_free(struct mcp_http_body *body);

/* ---- mcp_http_answer.c ----------------------------------------------------------------------- */

extern const struct http_exchange_events mcp_http_answer_events;
extern const struct http_exchange_events mcp_http_acknowledge_events;
struct mcp_http_stream *mcp_http_stream_take(struct mcp_http_worker *worker);
void mcp_http_stream_give(struct mcp_http_worker *worker, struct mcp_http_stream *stream);
void mcp_http_call_timer_fired(struct loop_timer *timer);

/* ---- mcp_http_session.c ---------------------------------------------------------------------- */

void mcp_http_session_begin(struct mcp_http_call *part); /* initialize */
void mcp_http_session_end(struct mcp_http_call *part);   /* DELETE; completes later if none */
/* A result of initialize: take session id and revision. The outcome says why it cannot be used. */
struct outcome mcp_http_session_accept(struct mcp_http_call *part,
                                       const struct jsonrpc_message *message, char *text,
                                       size_t text_size);
/* A stage of a session's life is over. */
void mcp_http_session_advance(struct mcp_http_call *part);
/* A request was answered 404 on a session. True: it will be repeated. */
bool mcp_http_session_renew(struct mcp_http_call *part);
/* The call leaves: it no longer waits for, or does, a renewal. */
void mcp_http_session_leave(struct mcp_http_call *part);
/* (Re)make the headers from id and revision. */
void mcp_http_session_headers(struct mcp_http_session *session);
int mcp_http_session_name(struct mcp_http_session *session, const char *id);
void mcp_http_session_reset(struct mcp_http_session *session, struct mcp_http_worker *worker);
void mcp_http_session_discard(struct session *session);

/* ---- mcp_http_listen.c ----------------------------------------------------------------------- */

/* `opener` (may be NULL) is completed when the server has taken or refused the stream: what it asks
 * before that might be lost, and a call wait for it in vain. False: there will be no stream. */
bool mcp_http_listen(struct mcp_http_session *session, struct mcp_http_worker *worker,
                     struct mcp_http_call *opener);
void mcp_http_listen_forget(struct mcp_http_session *session, const struct mcp_http_call *opener);
void mcp_http_unlisten(struct mcp_http_session *session, struct mcp_http_worker *worker);
/* Answer a server's request by a POST of its own. */
void mcp_http_answer_request(struct mcp_http_worker *worker, const struct mcp_http_session *session,
                             const struct jsonrpc_message *request);
/* POST notifications/cancelled for request `id`. */
void mcp_http_post_cancelled(struct mcp_http_worker *worker, const struct mcp_http_session *session,
                             int64_t id, const char *reason);
void mcp_http_posts_discard(struct mcp_http_worker *worker);

/* ---- mcp_http_pid.c -------------------------------------------------------------------------- */

/* The process that listens on the loopback or wildcard address of `address`; 0 when unknown. */
pid_t mcp_http_pid_of(const struct stream_address *address, uint16_t port);

#endif
