/* HTTP/1.1 responses (RFC 9112), parsed where they lie. The parser is fed bytes in any cut and
 * never touches a socket, so that tests and fuzzers drive it as the connection does. Internal to
 * src/net.
 *
 * A response that arrives in one read costs no copy: its head is read line by line in place, the
 * pieces of a chunked body are moved together in place. Only what a cut leaves over is kept. */
#ifndef CICADA_NET_HTTP1_PARSER_H
#define CICADA_NET_HTTP1_PARSER_H

#include "base/buffer.h"
#include "net/http.h"

enum http1_result {
    HTTP1_MORE,   /* all bytes used; for an event stream, http1_take_piece has what came */
    HTTP1_HEAD,   /* the head is complete; feed again with the rest, even if that is empty */
    HTTP1_DONE,   /* the response is complete; http1_take_body has the body */
    HTTP1_FAILED, /* `failure` is set; the parser must be reset before it is used again */
};

struct http_failure {
    struct outcome outcome;
    char text[256];
};

struct http1_parser {
    struct buffer held; /* a line of the head, then a body, that a read did not complete */
    char *piece;        /* body bytes in the input of this feed */
    size_t piece_length;
    size_t head_limit, body_limit;
    size_t head_bytes;  /* of the head, a chunk's line, or the trailers so far */
    uint64_t remaining; /* body or chunk bytes to come */
    uint8_t state;
    bool no_body; /* the request was HEAD */
    bool has_length, chunked, version_1_0, close, keep_alive;
    bool line_counts; /* the last header line was one that is interpreted */
};

void http1_parser_init(struct http1_parser *parser, size_t head_limit, size_t body_limit);
void http1_parser_free(struct http1_parser *parser);
/* Before each response. `is_head_request`: the response has no body whatever its head says. */
void http1_parser_begin(struct http1_parser *parser, bool is_head_request);

/* Use bytes from *cursor up to `end` and move *cursor. The bytes may be rearranged, and must stay
 * until http1_take_body's were used. Sets status, body_kind and the remembered headers. */
enum http1_result http1_feed(struct http1_parser *parser, struct http_exchange *exchange,
                             char **cursor, char *end, struct http_failure *failure);
/* The input ended: HTTP1_DONE if that ends the body, else HTTP1_FAILED (CONNECTION_RESET with
 * detail closed_before_answer, half_head or half_body). */
enum http1_result http1_feed_end(struct http1_parser *parser, struct http_failure *failure);
/* How far the response had come, as a detail for a connection that breaks now. */
const char *http1_progress(const struct http1_parser *parser);
/* After HTTP1_DONE: the body, or the rest of an event stream. Valid as long as the input and until
 * the next call on the parser. */
const char *http1_take_body(struct http1_parser *parser, size_t *length);
/* After HTTP1_MORE: what came of an event stream; 0 bytes for everything else. Valid as above. */
const char *http1_take_piece(struct http1_parser *parser, size_t *length);
/* After HTTP1_DONE: another request may follow on this connection. */
bool http1_keeps_alive(const struct http1_parser *parser);

#endif
