/* The HTTP client: one `struct http_connection` is one TCP connection that speaks HTTP/1.1 or, when
 * ALPN chose it, HTTP/2; one `struct http_exchange` is one request and its response on it. Both are
 * embedded in their owner's objects; nothing is allocated per exchange on HTTP/1.1.
 *
 * HTTP/1.1: RFC 9110 and 9112: keep-alive, chunked bodies and trailers, 1xx skipped, HEAD and 204
 * without body, body until close. HTTP/2: RFC 9113 through nghttp2. */
#ifndef CICADA_NET_HTTP_H
#define CICADA_NET_HTTP_H

#include "base/buffer.h"
#include "base/error.h"
#include "net/stream.h"
#include "net/url.h"

struct http_header {
    const char *name; /* written as given; lower-cased for HTTP/2 */
    const char *value;
};

/* What all requests to one endpoint share; read-only once made, so that threads can share it. */
struct http_endpoint {
    struct url url;
    struct stream_address address;
    struct tls_settings *tls;    /* NULL for http */
    struct http_header *headers; /* sent with every request: Host is added by itself */
    size_t header_count;
    uint64_t connect_timeout_ns;
    size_t head_limit;  /* response head bytes; 64 KiB by default */
    size_t body_limit;  /* response body bytes that are not streamed; 64 MiB by default */
    char *authority;    /* "host:port" as in Host and :authority */
    char *request_head; /* private: what follows the path in every HTTP/1.1 request */
    size_t request_head_length;
};
/* Blocking (it resolves the name). Strings are copied. A user and password in the URL become a
 * Basic Authorization header unless `headers` has one. The limits and the connect timeout (10 s)
 * may be changed afterwards, before the first connection. `tls` may be NULL for the defaults. -1
 * with ERROR_USAGE (URL, header, certificate files) or ERROR_TARGET (name resolution: `outcome`).
 */
int http_endpoint_open(struct http_endpoint *endpoint, const char *url,
                       const struct tls_options *tls, const struct http_header *headers,
                       size_t header_count, struct outcome *outcome, struct error *error);
void http_endpoint_close(struct http_endpoint *endpoint);

enum http_body_kind { HTTP_BODY_OTHER, HTTP_BODY_JSON, HTTP_BODY_EVENT_STREAM };

struct http_exchange;
struct http_exchange_events {
    /* The head is complete: status, body_kind and the remembered headers are set. May be NULL. */
    void (*head)(struct http_exchange *exchange);
    /* Body bytes, valid until it returns. An event stream comes as it arrives. Any other body comes
     * once, whole, with last = true (a body that is empty comes as length 0). For an event stream
     * last = true marks its orderly end (possibly with length 0). After last, the exchange is over
     * and may be reused or freed in the callback. */
    void (*body)(struct http_exchange *exchange, const char *bytes, size_t length, bool last);
    /* Over without a whole response. CONNECTION_RESET (detail closed_before_answer, half_head,
     * half_body; HTTP/2: stream_reset, refused_stream), TLS, PROTOCOL_VIOLATION (bad_http,
     * bad_chunk, bad_content_length, bad_transfer_encoding, conflicting_length, head_too_large,
     * body_too_large, bad_http2), or NOT_RUN when this side could not send it (bad_request_header,
     * no_memory, connection_not_usable). */
    void (*failed)(struct http_exchange *exchange, const struct outcome *why, const char *text);
};

struct http_exchange {
    /* Set by the owner before http_connection_submit; must stay valid until the request is written
     * (sent_ns != 0) except `body_pieces`, which are copied or written inside the call. */
    const struct http_exchange_events *events;
    const char *method;                /* "POST" */
    const char *path;                  /* NULL: the endpoint's */
    const struct http_header *headers; /* beside the endpoint's */
    size_t header_count;
    struct iovec body_pieces[4];
    int body_piece_count;

    /* Set by the connection. */
    struct http_connection *connection; /* NULL when not under way */
    int status;
    enum http_body_kind body_kind;
    char session_id[256]; /* Mcp-Session-Id, "" if none; longer ones are truncated and flagged */
    bool session_id_truncated;
    char content_type[96];  /* as sent, truncated */
    char location[512];     /* "" if none */
    int retry_after_s;      /* Retry-After in seconds, -1 if none */
    uint64_t send_ns;       /* first byte offered to the socket */
    uint64_t sent_ns;       /* last byte taken by it */
    uint64_t first_byte_ns; /* first byte of the response */
    uint64_t end_ns;        /* last byte of it */
    uint64_t bytes_sent, bytes_received;
    int32_t stream_id;                  /* HTTP/2 */
    struct http_exchange *next_refused; /* private */
};

struct http_connection_events {
    void (*opened)(struct http_connection *connection);
    /* Failed to open, or closed by the peer or an error while open. Exchanges under way have been
     * failed before. `why` is OUTCOME_OK for an orderly close of an idle connection, and
     * PROTOCOL_VIOLATION with detail unsolicited_response when bytes came that no request asked
     * for. All is released: the connection may be freed or opened again from inside. */
    void (*closed)(struct http_connection *connection, const struct outcome *why, const char *text);
};

struct http_connection { /* embed; private but for the fields noted */
    const struct http_connection_events *events;
    const struct http_endpoint *endpoint;
    struct loop *loop;
    struct stream stream; /* its timings may be read */
    bool http2;           /* may be read once opened */
    unsigned capacity; /* exchanges that may be under way at once: 1, or the peer's HTTP/2 limit */
    unsigned in_flight;
    bool reusable; /* true once opened; false: takes no further exchange (Connection: close,
                    * GOAWAY); close when idle
                    */
    struct http1 *http1;
    struct http2 *http2_session;
};

void http_connection_open(struct http_connection *connection, struct loop *loop,
                          const struct http_endpoint *endpoint,
                          const struct http_connection_events *events);
/* Needs opened, reusable and in_flight < capacity. Completion is never from inside the call. */
void http_connection_submit(struct http_connection *connection, struct http_exchange *exchange);
/* Give up: no callback follows for this exchange. HTTP/1.1 closes the connection (then `closed` is
 * deferred with OUTCOME_CANCELLED and reusable is false at once); HTTP/2 resets the stream. */
void http_connection_abort(struct http_connection *connection, struct http_exchange *exchange);
/* Close at once; no callback follows for anything. Exchanges under way must still be there: their
 * `connection` becomes NULL. Harmless on a zeroed connection and twice. */
void http_connection_close(struct http_connection *connection);

#endif
