/* A Bolt client connection on a loop: a stream, and the conversation on it (bolt_protocol.h). One
 * exchange at a time: a few requests sent together and all their answers.
 *
 * Schemes: bolt and neo4j are plain, with +s TLS that is verified, with +ssc TLS that is not. The
 * neo4j schemes do no routing here: the server named is the server used. */
#ifndef CICADA_NET_BOLT_CONNECTION_H
#define CICADA_NET_BOLT_CONNECTION_H

#include "net/bolt_protocol.h"
#include "net/stream.h"
#include "net/url.h"

/* What all connections to one server share; read-only once made, so that threads can share it. */
struct bolt_endpoint {
    struct url url;
    struct stream_address address;
    struct tls_settings *tls; /* NULL for plain */
    struct bolt_settings settings;
    uint64_t connect_timeout_ns; /* until greeted; 10 s by default */
    char *user_agent;
    char *token; /* of bearer authentication, NULL otherwise */
};
/* Blocking (it resolves the name). `tls` may be NULL for the defaults; what the scheme says of TLS
 * stands over it. User and password of the URL are used for basic authentication, a `token`
 * (copied; NULL: none) for bearer; without either there is none. Settings may be changed
 * afterwards, before the first connection. -1 with ERROR_USAGE (URL, certificate files) or
 * ERROR_TARGET (name resolution: `outcome`, which may be NULL). */
int bolt_endpoint_open(struct bolt_endpoint *endpoint, const char *url, const char *token,
                       const struct tls_options *tls, struct outcome *outcome, struct error *error);
void bolt_endpoint_close(struct bolt_endpoint *endpoint);
/* "bolt", "neo4j", with or without "+s" or "+ssc", before "://". */
bool bolt_url_is_one(const char *url);

struct bolt_connection;
struct bolt_connection_events {
    void (*opened)(struct bolt_connection *connection); /* connected and greeted */
    /* Of the exchange, as in bolt_protocol_events; NULL when nobody asks. */
    void (*record)(struct bolt_connection *connection, struct packstream_reader values,
                   size_t count);
    void (*success)(struct bolt_connection *connection, unsigned request,
                    struct packstream_reader pairs, size_t count);
    /* The exchange is over. OUTCOME_OK; SOURCE_ERROR when a request failed: text has the server's
     * code and words; else the connection broke, and `closed` follows. The next exchange may be
     * submitted from inside unless it broke. */
    void (*finished)(struct bolt_connection *connection, const struct outcome *why,
                     const char *text);
    /* Failed to open, or closed by the server or an error. OUTCOME_OK: closed while idle. All is
     * released: the connection may be opened again from inside. */
    void (*closed)(struct bolt_connection *connection, const struct outcome *why, const char *text);
};

struct bolt_connection { /* embed; private but for the fields noted */
    const struct bolt_connection_events *events;
    const struct bolt_endpoint *endpoint;
    struct loop *loop;
    struct stream stream;          /* its timings may be read */
    struct bolt_protocol protocol; /* version, server, failure may be read */
    struct loop_timer timer;
    bool open, exchanging;
    uint64_t heard_ns; /* when the server last said something */
    /* Of the exchange, valid in `finished`: may be read. Times are clock_now_ns, 0 when it did not
     * come to that. */
    uint64_t send_ns, sent_ns, first_byte_ns, end_ns;
    uint64_t bytes_sent, bytes_received;
    uint32_t round_trips;
};

/* `opened` or `closed` follows, never from inside. */
void bolt_connection_open(struct bolt_connection *connection, struct loop *loop,
                          const struct bolt_endpoint *endpoint,
                          const struct bolt_connection_events *events);
/* Begin an exchange with `requests` framed requests; the bytes are written or copied. Needs an open
 * connection and no exchange under way. -1 when memory is out: then nothing was sent. */
int bolt_connection_submit(struct bolt_connection *connection, const void *bytes, size_t length,
                           unsigned requests);
/* Add requests to the exchange under way, from inside `record` or `success`; sent when that
 * returns.
 */
int bolt_connection_continue(struct bolt_connection *connection, const void *bytes, size_t length,
                             unsigned requests);
/* Close at once, interrupting what is under way (RESET) and saying goodbye as far as the socket
 * takes it; no callback follows. Harmless on a zeroed connection, twice, and inside a callback of
 * ours. */
void bolt_connection_close(struct bolt_connection *connection);

#endif
