/* The client's side of one Bolt conversation, without a socket: bytes go in, bytes come out, events
 * say what they meant. Version handshake, greeting, then one exchange after the other: a few
 * requests sent together, and a summary (SUCCESS, FAILURE, IGNORED) for each, records in between. A
 * FAILURE is answered by RESET at once, so that the next exchange finds the server ready.
 *
 * bolt_connection.h puts it on a stream; tests and fuzzers feed it as they like. */
#ifndef CICADA_NET_BOLT_PROTOCOL_H
#define CICADA_NET_BOLT_PROTOCOL_H

#include "base/outcome.h"
#include "net/bolt_message.h"

struct bolt_protocol;
struct bolt_protocol_events {
    void (*ready)(struct bolt_protocol *protocol); /* greeted: exchanges may begin */
    /* One record of the exchange: its values. */
    void (*record)(struct bolt_protocol *protocol, struct packstream_reader values, size_t count);
    /* Request `request` (from 0) of the exchange succeeded; the pairs of its metadata. More
     * requests may be added to the exchange from inside. */
    void (*success)(struct bolt_protocol *protocol, unsigned request,
                    struct packstream_reader pairs, size_t count);
    /* All requests were answered; failed: one of them with protocol->failure, the rest were
     * ignored. The next exchange may begin from inside. */
    void (*finished)(struct bolt_protocol *protocol, bool failed);
};

/* Which versions are offered; zeros mean 5.8 and 4.4. */
struct bolt_settings {
    struct bolt_identity identity;
    struct bolt_version highest, lowest;
    size_t message_limit; /* bytes of one message from the server; 0: 64 MiB */
};

enum bolt_stage { BOLT_NEGOTIATING, BOLT_GREETING, BOLT_READY, BOLT_BROKEN };

/* Why a conversation cannot go on. */
struct bolt_breach {
    struct outcome outcome;
    char text[768];
};

struct bolt_protocol {
    const struct bolt_settings *settings;
    const struct bolt_protocol_events *events;
    enum bolt_stage stage;
    struct bolt_version version; /* once negotiated */
    struct buffer output;        /* to be sent; the owner consumes it */
    unsigned due;                /* summaries that the exchange waits for, or the greeting */
    unsigned answered;           /* requests of the exchange that succeeded */
    unsigned resets;             /* RESETs not yet answered */
    bool failed;                 /* the exchange has failed; the rest of it is ignored */
    struct bolt_failure failure; /* of the exchange, or of the greeting */
    char server[64];             /* "Neo4j/5.26.0" */
    char connection_id[64];
    uint64_t receive_timeout_s; /* the server's hint: silence that long means it is gone; 0: none */
    struct bolt_framing framing;
    uint8_t handshake[4], handshake_length;
};

/* The handshake is put into `output`. Settings are borrowed. -1 when memory is out. */
int bolt_protocol_init(struct bolt_protocol *protocol, const struct bolt_settings *settings,
                       const struct bolt_protocol_events *events);
void bolt_protocol_free(struct bolt_protocol *protocol);

/* Bytes of the server. Stops when an event made the stage BOLT_BROKEN. -1: the conversation is
 * over: *breach says why (PROTOCOL_VIOLATION, or SOURCE_ERROR when the greeting was refused), and
 * the stage is BOLT_BROKEN. An exchange under way is then the owner's to end. */
int bolt_protocol_feed(struct bolt_protocol *protocol, const void *bytes, size_t length,
                       struct bolt_breach *breach);

/* Count `requests` more in the exchange, which begins if there is none; their bytes, framed, are
 * the owner's to put in `output` (bolt_put_run and the like), or to send behind it. Stage
 * BOLT_READY. */
void bolt_protocol_expect(struct bolt_protocol *protocol, unsigned requests);

static inline bool bolt_protocol_busy(const struct bolt_protocol *protocol)
{
    return protocol->stage == BOLT_READY && protocol->due > 0;
}

#endif
