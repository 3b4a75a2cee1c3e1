/* What http.c, http1.c and http2.c share. Internal to src/net. */
#ifndef CICADA_NET_HTTP_INTERNAL_H
#define CICADA_NET_HTTP_INTERNAL_H

#include "net/http.h"

/* Forget what the exchange remembers of an earlier response. */
void http_exchange_reset(struct http_exchange *exchange);
/* Remember a response header if it is one of those that an exchange keeps; true then. */
bool http_exchange_remember(struct http_exchange *exchange, const char *name, size_t name_length,
                            const char *value, size_t value_length);

/* Case-insensitive comparison with a lower-case name of the same length. */
static inline bool http_name_is(const char *name, size_t length, const char *lower)
{
    for (size_t i = 0; i < length; i++)
        if ((name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]) != lower[i])
            return false;
    return lower[length] == '\0';
}

/* True if a byte below 0x20 other than a tab is among them. */
bool http_has_control(const char *bytes, size_t length);
bool http_is_token(const char *bytes, size_t length);
/* Name and value can be sent as they are (RFC 9110, 5.5 and 5.6.2). */
bool http_header_is_valid(const struct http_header *header);

int http1_open(struct http_connection *connection); /* -1: out of memory */
void http1_submit(struct http_connection *connection, struct http_exchange *exchange);
void http1_abort(struct http_connection *connection, struct http_exchange *exchange);
void http1_close(struct http_connection *connection);

/* `opened` follows when the peer's SETTINGS came. */
int http2_open(struct http_connection *connection);
void http2_submit(struct http_connection *connection, struct http_exchange *exchange);
void http2_abort(struct http_connection *connection, struct http_exchange *exchange);
void http2_close(struct http_connection *connection);

#endif
