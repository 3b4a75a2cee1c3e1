/* Blocking requests for open(): one connection, one session and one call of the driver itself on a
 * private loop, so that what a target is asked before a run goes over the wire as it will under
 * load. Shared by the Streamable HTTP and the HTTP+SSE driver. */
#ifndef CICADA_DRIVERS_MCP_HTTP_CONTROL_H
#define CICADA_DRIVERS_MCP_HTTP_CONTROL_H

#include "drivers/mcp_http.h"

struct mcp_http_transport { /* what the two drivers do differently */
    void (*submit_raw)(struct call *call, const struct mcp_operation *operation,
                       const char *notification);
    /* The exchange behind a completed call: its status and headers. */
    const struct http_exchange *(*exchange)(const struct call *call);
    /* May be NULL: `initialize` was answered; here are the revision and the session's id. */
    void (*handshaken)(struct session *session, const struct mcp_target *mcp,
                       const char *session_id);
};

struct mcp_http_control {
    struct target *target;
    struct mcp_target *mcp;
    const struct mcp_http_transport *transport;
    struct mcp_control interface; /* for mcp_control_initialize and its like */
    struct loop loop;
    bool loop_opened;
    struct driver_worker *worker;
    struct connection *connection;
    struct session *session;
    struct call *call;
    bool connecting, connected, waiting;
    char session_id[sizeof((struct http_exchange *)0)->session_id];
    /* How the last exchange, or the last attempt to connect, ended. */
    struct outcome outcome;
    char text[512];
    const struct http_exchange *exchange; /* NULL when it came to none */
    struct buffer response;
};

int mcp_http_control_open(struct mcp_http_control *control, struct target *target,
                          struct mcp_target *mcp, const struct mcp_http_transport *transport,
                          struct error *error);
void mcp_http_control_close(struct mcp_http_control *control);

/* Connect unless connected. -1 with the error explained. */
int mcp_http_control_connect(struct mcp_http_control *control, struct error *error);
/* Send a request and wait; the outcome is left in `control`. -1 only when there was no connection.
 */
int mcp_http_control_ask(struct mcp_http_control *control, const char *method, const json_t *params,
                         struct error *error);
/* Why the last exchange failed. Returns -1. */
int mcp_http_control_explain(const struct mcp_http_control *control, const char *what,
                             struct error *error);
/* Run one of the target's own operations (session_close). The outcome is left in `control`. */
void mcp_http_control_run(struct mcp_http_control *control, const struct operation *operation);

#endif
