/* What the files of the HTTP server share. */
#ifndef BURROW_SERVER_HTTP_INTERNAL_H
#define BURROW_SERVER_HTTP_INTERNAL_H

#include "burrow/server/http_server.h"
#include "burrow/server/protocol.h"
#include "burrow/server/sessions.h"

#include <microhttpd.h>
#include <stdatomic.h>

#define STATUS_LIMIT 600

struct http_stream;
struct http_call;

struct http_streams {
    pthread_mutex_t lock;
    pthread_cond_t gone; /* one less */
    struct http_stream *first;
    bool ending;
};

/* A tool call of a legacy session that runs, so that the session can cancel it. */
struct http_running {
    struct http_running *next;
    const char *session;
    char *id; /* as JSON text; NULL: it is not in the list */
    atomic_bool cancelled;
};

struct http_calls {
    pthread_mutex_t lock;
    pthread_cond_t gone; /* one thread less */
    struct http_running *first;
    unsigned threads; /* that run a call whose client hears of its progress */
    bool ending;
};

struct http_rate {
    pthread_mutex_t lock;
    double limit, tokens; /* a second; left */
    uint64_t filled_ns;
};

/* A thread that serves connections, and the calls that wait for it to run them together. */
struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool runs, takes_no_more;
    bool resumed;             /* a connection, by the loop itself */
    int wake_fd;              /* -1: none */
    atomic_bool quiet, ended; /* told: no new connections; no step any more */
    struct exchange *first, **last;
    unsigned waiting, waiting_before; /* of them; at the end of the step before */
    uint64_t waiting_since_ns;        /* the first */
    struct json_repeated repeated;
};

struct http_server {
    struct service *service;
    struct subscriptions *subscriptions;
    struct http_server_options options;
    struct sessions *sessions;
    struct http_loop *loops; /* options.threads of them */
    int listen_fd;
    atomic_ullong rounds, round_calls;
    struct http_streams streams;
    struct http_calls calls;
    struct http_rate rate;
    char host[64];
    unsigned port;
    bool loopback;
    atomic_ullong answers[STATUS_LIMIT]; /* by status */
};

/* One request as it comes in. */
struct exchange {
    struct MHD_Connection *connection;
    struct buffer body;
    const char *refusal; /* why it is not served; `status` with it */
    unsigned status;
    const char *extra_name; /* a header of the refusal */
    char extra_value[64];
    struct http_stream *stream; /* it became a stream */
    struct http_call *call;     /* it runs in a thread of its own */
    struct exchange *next;      /* that waits for the same loop */
    struct protocol_answer answer;
    bool answered; /* `answer` is there */
};

/* What a request can do beside being answered; the context of its protocol_peer. */
struct http_peer {
    struct http_server *server;
    const char *session; /* NULL: none */
    struct channel *channel;
    int fd;             /* of the connection; -1: it is gone */
    uint64_t looked_ns; /* when it was seen to be there */
    struct http_running running;
    struct protocol_peer peer;
};
void http_peer_begin(struct http_peer *peer, struct http_server *server,
                     struct MHD_Connection *connection, const char *session);
void http_peer_end(struct http_peer *peer);
/* The client has closed the connection: in the modern era it cancels by that. Looks at most once a
 * millisecond. */
bool http_peer_is_gone(struct http_peer *peer);
/* notifications/cancelled of a session; `id` as JSON text. */
void http_cancel(struct http_server *server, const char *session, const char *id);

/* Fills exchange->refusal when the request is not to be served: 401, 403, 404, 405, 406, 413, 415,
 * 429. */
void http_check(struct http_server *server, struct MHD_Connection *connection, const char *path,
                const char *method, struct exchange *exchange);
/* Seconds until the next request may come; 0: now, and it is counted. */
double http_rate_take(struct http_rate *rate, uint64_t now_ns);

static inline const char *http_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Server-sent events on one connection. Whose they are: */
struct http_stream_owner {
    void (*closed)(void *context); /* the connection is over: say nothing any more */
    void (*last)(void *context, struct http_stream *stream); /* the server ends; may be NULL */
    void (*alive)(void *context); /* now and then, while it is silent; may be NULL */
};
/* NULL: memory is out. */
struct http_stream *http_stream_open(struct http_server *server, struct MHD_Connection *connection,
                                     const struct http_stream_owner *owner, void *context);
/* Begin with something, so that the client has the headers: from 2025-11-25 on (`primed`) an empty
 * event, with an id to take up after; else a comment. */
void http_stream_begin(struct http_stream *stream, bool primed, uint64_t event);
/* One event; `event` 0: without an id. A client that does not read is let go. Any thread; does not
 * block. */
void http_stream_say(struct http_stream *stream, uint64_t event, const char *message,
                     size_t length);
void http_stream_end(struct http_stream *stream); /* after what was said */
/* Answer the request with it, in the thread of the connection. */
enum MHD_Result http_stream_answer(struct http_stream *stream, struct MHD_Connection *connection);
void http_stream_free(struct http_server *server, struct http_stream *stream);

/* subscriptions/listen, and GET of a session. */
enum MHD_Result http_listen(struct http_server *server, struct MHD_Connection *connection,
                            struct exchange *exchange, struct protocol_answer *answer);
enum MHD_Result http_get(struct http_server *server, struct MHD_Connection *connection,
                         struct exchange *exchange);

/* A call whose client wants to hear of it runs in a thread of its own: its answer is a stream as
 * soon as there is something to hear, else what it would be anyway. False: it is none, or there are
 * too many. */
bool http_call_start(struct http_server *server, struct MHD_Connection *connection,
                     struct exchange *exchange, const struct protocol_context *context,
                     const char *session);
enum MHD_Result http_call_answer(struct http_call *call); /* when it was woken */
void http_call_free(struct http_call *call);     /* the exchange is over; harmless on NULL */
void http_calls_end(struct http_server *server); /* waits for the threads */

/* Serves from the socket with threads of its own; `handle` and `completed` are called with the
 * loop. */
int http_loops_start(struct http_server *server, int fd, MHD_AccessHandlerCallback handle,
                     MHD_RequestCompletedCallback completed, struct error *error);
void http_loops_quiet(struct http_server *server); /* no more connections */
void http_loops_end(struct http_server *server);   /* harmless when they did not start */
/* A call that writes waits until the loop has read what else has come, and is run in one
 * transaction with such others: see store_round_begin. False: this is none. */
bool http_loop_takes(struct http_loop *loop, struct exchange *exchange,
                     const struct protocol_context *context);

/* The connection goes on, and its loop hears of it. Any thread. */
void http_resume(struct http_server *server, struct MHD_Connection *connection);

/* Of http_server.c. */
/* What the headers of a request say to the protocol. */
struct protocol_context http_context(struct http_loop *loop, struct MHD_Connection *connection);
/* Run it, here and now. */
void http_run(struct http_server *server, struct exchange *exchange,
              struct protocol_context *context, const char *session,
              struct protocol_answer *answer);
enum MHD_Result http_give_answer(struct http_server *server, struct MHD_Connection *connection,
                                 struct protocol_answer *answer);
enum MHD_Result http_give_status(struct http_server *server, struct MHD_Connection *connection,
                                 unsigned status, const char *why);

/* The refusal that the exchange holds. */
enum MHD_Result http_give_refusal(struct http_server *server, struct MHD_Connection *connection,
                                  const struct exchange *exchange);

void http_streams_tick(struct http_server *server);
void http_streams_end(struct http_server *server); /* waits for them, but not for long */

#endif
