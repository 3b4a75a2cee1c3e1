/* A non-blocking byte stream on a loop: TCP or Unix socket, with TLS (OpenSSL) on top when asked.
 * It carries bytes and says when; it owns no buffer. */
#ifndef CICADA_NET_STREAM_H
#define CICADA_NET_STREAM_H

#include "base/error.h"
#include "base/loop.h"
#include "base/outcome.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* TLS settings, made once per target and shared read-only between threads. */
struct tls_settings;
struct tls_options {
    const char *ca_file;          /* NULL: the system's */
    const char *certificate_file; /* client certificate, NULL: none */
    const char *key_file;
    bool insecure;    /* do not verify: only on the user's explicit word */
    bool offer_http2; /* ALPN h2 beside http/1.1 */
};
struct tls_settings *tls_settings_open(const struct tls_options *options, struct error *error);
void tls_settings_close(struct tls_settings *settings);

/* There is no session resumption: each connection shows what a new client's full handshake costs.
 */

/* Where to connect; made once per target. Addresses are resolved once, in stream_address_resolve.
 */
struct stream_address {
    char *host; /* for TLS verification and SNI; NULL for a Unix socket */
    struct sockaddr_storage candidates[8];
    socklen_t candidate_lengths[8];
    int candidate_count;
    uint64_t resolve_ns; /* what the name resolution took */
    int *preferred; /* index of the candidate that answered last; shared between threads, accessed
                       atomically, so that a dead first candidate costs one attempt and not one each
                     */
};
/* Blocking; called while a target is opened, never on the hot path. outcome (may be NULL) gets
 * OUTCOME_DNS on a name failure. A host beginning with "/" is the path of a Unix socket. */
int stream_address_resolve(struct stream_address *address, const char *host, uint16_t port,
                           struct outcome *outcome, struct error *error);
void stream_address_free(struct stream_address *address);

struct stream;
struct stream_events {
    void (*opened)(struct stream *stream); /* connected, TLS done and verified */
    void (*readable)(struct stream *stream);
    void (*writable)(struct stream *stream); /* after a stream_write that took less than asked */
    /* Failed to open, reset, or broken TLS; the stream is closed. An orderly end of input is not a
     * failure: stream_read returns 0 for it. `text` is the reason for a person. */
    void (*failed)(struct stream *stream, const struct outcome *why, const char *text);
};

struct stream { /* embed; treat fields other than the timings as private */
    struct loop *loop;
    struct loop_io io;
    struct loop_timer timer;
    const struct stream_events *events;
    const struct stream_address *address;
    const struct tls_settings *tls;
    void *ssl;
    struct loop_task task;          /* what must not be called from inside the owner's own call */
    struct stream_failure *failure; /* why, until `failed` could be called */
    uint64_t deadline_ns;           /* of opening */
    int state;
    int candidate, attempts; /* which address is tried, and how many were */
    int write_errno;         /* the peer takes no more; what it sent before is still read */
    bool want_write;
    bool read_pending; /* TLS holds bytes, or their end, that no event will announce */
    uint64_t open_started_ns, connected_ns,
        opened_ns; /* TCP connect and TLS handshake times follow */
};

/* Begin to connect, trying the candidates in turn; `opened` or `failed` follows, never from inside.
 */
void stream_open(struct stream *stream, struct loop *loop, const struct stream_address *address,
                 const struct tls_settings *tls, uint64_t timeout_ns,
                 const struct stream_events *events);
/* > 0 bytes; 0 end of input; -1 nothing now (EAGAIN) or failed (then `failed` follows, deferred).
 */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);
/* Bytes taken, possibly 0 or fewer than asked; `writable` follows then. -1: failed, as above. When
 * the peer has closed or reset, bytes are taken and dropped: what it said before is read first, and
 * then the read fails. Never raises SIGPIPE. */
ssize_t stream_write(struct stream *stream, const struct iovec *pieces, int count);
void stream_close(struct stream *stream); /* at once, no callback after it; harmless twice */
bool stream_is_http2(const struct stream *stream); /* ALPN chose h2 */
const char *stream_tls_description(
    const struct stream *stream); /* "TLSv1.3 AES..., CN=..." or NULL */

#endif
