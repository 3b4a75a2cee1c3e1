/* The state of an HTTP/2 connection, shared by http2.c (requests, bytes, endings) and
 * http2_callbacks.c (what nghttp2 reports). Internal to src/net. */
#ifndef CICADA_NET_HTTP2_INTERNAL_H
#define CICADA_NET_HTTP2_INTERNAL_H

#include "net/http_internal.h"

#include <nghttp2/nghttp2.h>

struct http2_stream {
    struct http2_stream *next, *previous;
    struct http_exchange *exchange; /* NULL once it is over for its owner */
    int32_t id;
    struct buffer body; /* of the response, when it did not come at once */
    const char *piece;  /* of the response, in the input being read */
    size_t piece_length;
    size_t head_bytes;
    bool head_complete, reset_by_peer, request_composed;
    size_t request_length, request_offset;
    char request[]; /* body */
};

struct http2 {
    struct http_connection *connection; /* not to be touched once closed */
    nghttp2_session *session;
    struct http2_stream *streams;
    struct http2_stream *in_place; /* the one stream with a piece, or NULL */
    struct http_exchange *refused; /* to be failed by the task: not sendable */
    struct buffer output;
    struct loop_task task; /* flush, and fail the refused */
    struct loop_timer settings_timer;
    uint64_t read_ns;
    unsigned busy;
    bool opened, closed, reading, goaway;
    bool composed_unsent; /* a request was composed whose last byte the socket did not take yet */
    uint32_t
        own_error_code; /* of the GOAWAY that nghttp2 sent because the peer broke the protocol */
};

/* A client session whose callbacks get `http2`, with our SETTINGS queued. NULL: out of memory. */
nghttp2_session *http2_session_new(struct http2 *http2);

/* The exchange is over: tell its owner, who may close the connection. Harmless when it was already.
 */
void http2_fail_stream(struct http2 *http2, struct http2_stream *stream, const struct outcome *why,
                       const char *text);
void http2_finish_stream(struct http2 *http2, struct http2_stream *stream);
void http2_stream_delete(struct http2 *http2, struct http2_stream *stream);
/* Copy the piece of body that lies in input about to be overwritten. -1: out of memory. */
int http2_keep_piece(struct http2 *http2);

#endif
