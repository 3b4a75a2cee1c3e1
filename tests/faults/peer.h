/* One accepted connection of the fault server: reads HTTP/1.1 requests, writes whatever a fault
 * wants, well-formed or not. Blocking; each connection has a thread of its own, so that a fault is
 * written down as a straight sequence of steps. */
#ifndef CICADA_TESTS_FAULTS_PEER_H
#define CICADA_TESTS_FAULTS_PEER_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum { PEER_HEADERS = 64 };

struct peer_header {
    const char *name, *value;
};

struct peer {
    int fd;
    struct buffer input; /* bytes read, not yet consumed */
    bool close_after;    /* no further request is read */
    struct peer *next;   /* list of the open ones, kept by the server */
};

/* Valid until the next peer_read_request. */
struct peer_request {
    char *method, *path; /* path without its query */
    char *query;         /* "" if none */
    struct peer_header headers[PEER_HEADERS];
    size_t header_count;
    char *body; /* NUL-terminated */
    size_t body_length;
    char *text; /* owns method, path, query and headers */
};

/* 1: a request was read; 0: the client closed, or sent no HTTP. Free with peer_request_free. */
int peer_read_request(struct peer *peer, struct peer_request *request);
void peer_request_free(struct peer_request *request);
/* Value of a header (name without case), NULL if absent. */
const char *peer_request_header(const struct peer_request *request, const char *name);

/* Write bytes as they are. -1 when the client is gone; close_after is set then. */
int peer_write(struct peer *peer, const char *bytes, size_t length);
int peer_write_text(struct peer *peer, const char *text);
int peer_printf(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole response. type NULL: no Content-Type. extra: header lines, each ended by CRLF, or "". */
int peer_respond(struct peer *peer, int status, const char *type, const char *extra,
                 const char *body);
int peer_respond_bytes(struct peer *peer, int status, const char *type, const char *extra,
                       const char *body, size_t length);
const char *peer_reason_phrase(int status);

/* A server-sent event stream, chunked: head, events, end. id NULL: no id line. */
int peer_stream_begin(struct peer *peer, const char *extra);
int peer_stream_event(struct peer *peer, const char *id, const char *data);
int peer_stream_raw(struct peer *peer, const char *bytes, size_t length); /* as one chunk */
int peer_stream_end(struct peer *peer);

/* Sleep, watching the client: true when it went away meanwhile. ms < 0: until it does. */
bool peer_wait(struct peer *peer, long ms);
/* End the connection with a TCP reset in place of an orderly close. */
void peer_reset(struct peer *peer);

#endif
