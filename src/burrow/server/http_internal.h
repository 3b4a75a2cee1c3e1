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

struct http_streams {
    pthread_mutex_t lock;
    pthread_cond_t gone; /* one less */
    struct http_stream *first;
    bool ending;
};

struct http_rate {
    pthread_mutex_t lock;
    double limit, tokens; /* a second; left */
    uint64_t filled_ns;
};

struct http_server {
    struct service *service;
    struct subscriptions *subscriptions;
    struct http_server_options options;
    struct sessions *sessions;
    struct MHD_Daemon *daemon;
    struct http_streams streams;
    struct http_rate rate;
    char host[64];
    unsigned port;
    bool loopback;
    atomic_ullong answers[STATUS_LIMIT]; /* by status */
};

/* One request as it comes in. */
struct exchange {
    struct buffer body;
    const char *refusal; /* why it is not served; `status` with it */
    unsigned status;
    const char *extra_name; /* a header of the refusal */
    char extra_value[64];
    struct http_stream *stream; /* it became a subscription */
};

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

/* The server-sent events of a subscription. */
enum MHD_Result http_stream_start(struct http_server *server, struct MHD_Connection *connection,
                                  struct exchange *exchange, struct protocol_answer *answer);
void http_stream_free(struct http_server *server, struct http_stream *stream);
void http_streams_tick(struct http_server *server);
void http_streams_end(struct http_server *server); /* waits for them, but not for long */

#endif
