/* The server of the live page: one thread of libmicrohttpd on 127.0.0.1, which hands out the page,
 * a stream of server-sent events, and takes the order to stop. What is published is kept in a ring
 * of bounded length; a reader that is too slow for it gets the whole state anew in place of what
 * it missed. The publisher never waits for a reader. */
#ifndef CICADA_REPORT_WEB_SERVER_H
#define CICADA_REPORT_WEB_SERVER_H

#include "base/error.h"

#include <stdbool.h>

struct web_server;

struct web_server_options {
    const char *page;   /* HTML, whole; must outlive the server */
    const char *policy; /* its Content-Security-Policy */
    /* Asked to stop, on the server's thread. False: there is nothing to stop. */
    bool (*stop)(void *context);
    void *context;
};

/* Listen on a free port of 127.0.0.1. NULL with an error when there is no socket or no memory. */
struct web_server *web_server_start(const struct web_server_options *options, struct error *error);
/* Where the page is, with the token that opens it. */
const char *web_server_url(const struct web_server *server);

/* `news`: what changed, an event for those who know the state so far; NULL: everybody is to be told
 * the whole anew. `whole`: the state for those who come now. Both one line of JSON, NUL-terminated,
 * from malloc; they are the server's from here on. */
void web_server_publish(struct web_server *server, char *news, char *whole);

/* No more is published: readers get what is left, within two seconds. Harmless on NULL. */
void web_server_stop(struct web_server *server);

#endif
