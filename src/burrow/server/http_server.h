/* Streamable HTTP on libmicrohttpd: POST and DELETE /mcp, GET /healthz and /metrics. On loopback
 * only Host and Origin of this machine are let in, so that no web page reaches the memory by DNS
 * rebinding; anywhere else a token is demanded. */
#ifndef BURROW_SERVER_HTTP_SERVER_H
#define BURROW_SERVER_HTTP_SERVER_H

#include "burrow/server/service.h"
#include "burrow/server/subscriptions.h"

#define HTTP_BODY_LIMIT ((size_t)4 << 20)

struct http_server_options {
    const char *listen;         /* "127.0.0.1:8765", "[::1]:0"; port 0: any free one */
    const char *token;          /* of "Authorization: Bearer"; NULL: none is asked for */
    double rate_limit;          /* POSTs a second over all clients; 0: no limit */
    unsigned threads;           /* 0: one for each core */
    unsigned connection_limit;  /* 0: 4000 */
    unsigned idle_s;            /* a silent connection is closed; 0: 120 */
    unsigned session_limit;     /* 0: 40000 */
    unsigned session_idle_s;    /* 0: 1800 */
    unsigned stream_comment_ms; /* between comments on a silent stream; 0: 15000 */
};

struct http_server;

/* NULL with an error: the address is wrong, in use, or open to others without a token. What is
 * passed must outlive the server; the options' texts too. */
struct http_server *http_server_start(struct service *service, struct subscriptions *subscriptions,
                                      const struct http_server_options *options,
                                      struct error *error);
unsigned http_server_port(const struct http_server *server);
const char *http_server_host(const struct http_server *server); /* as in a URL */
/* Comments on silent streams, by which a client that went away is noticed. Call about once a
 * second. */
void http_server_tick(struct http_server *server);
/* Takes no more connections, ends subscriptions with their result, finishes what runs. */
void http_server_stop(struct http_server *server); /* harmless on NULL */

#endif
