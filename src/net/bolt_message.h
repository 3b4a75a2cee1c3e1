/* Bolt messages: how they are cut into chunks, the requests a client sends, the responses it gets.
 * Protocol versions 4.4 to 5.8 (neo4j.com/docs/bolt). */
#ifndef CICADA_NET_BOLT_MESSAGE_H
#define CICADA_NET_BOLT_MESSAGE_H

#include "net/packstream.h"

struct bolt_version {
    uint8_t major, minor;
};
static inline bool bolt_version_at_least(struct bolt_version version, uint8_t major, uint8_t minor)
{
    return version.major != major ? version.major > major : version.minor >= minor;
}

enum bolt_tag {
    BOLT_HELLO = 0x01,
    BOLT_GOODBYE = 0x02,
    BOLT_RESET = 0x0F,
    BOLT_RUN = 0x10,
    BOLT_BEGIN = 0x11,
    BOLT_COMMIT = 0x12,
    BOLT_ROLLBACK = 0x13,
    BOLT_DISCARD = 0x2F,
    BOLT_PULL = 0x3F,
    BOLT_LOGON = 0x6A,
    BOLT_SUCCESS = 0x70,
    BOLT_RECORD = 0x71,
    BOLT_IGNORED = 0x7E,
    BOLT_FAILURE = 0x7F
};

/* ---- requests, framed and ready to send: 0, or -1 when the buffer is full; it is then as before
 * --
 */

enum bolt_authentication { BOLT_AUTH_NONE, BOLT_AUTH_BASIC, BOLT_AUTH_BEARER };

/* Who connects and as whom; plain data, borrowed. */
struct bolt_identity {
    const char *user_agent; /* "cicada/1.0" */
    enum bolt_authentication authentication;
    const char *principal;   /* the user, of BASIC */
    const char *credentials; /* the password, or the token of BEARER */
};
/* HELLO; for versions below 5.1 with the credentials, which later ones send by LOGON. There is no
 * routing: queries go to the server that was connected to. */
int bolt_put_hello(struct buffer *output, struct bolt_version version,
                   const struct bolt_identity *identity);
int bolt_put_logon(struct buffer *output, const struct bolt_identity *identity);
/* GOODBYE, RESET, COMMIT, ROLLBACK */
int bolt_put_bare(struct buffer *output, enum bolt_tag tag);
/* PULL or DISCARD: at most `count` records (-1: all) of the query `query` (-1: the last one;
 * another one only inside a transaction). */
int bolt_put_pull(struct buffer *output, enum bolt_tag tag, int64_t count, int64_t query);

/* The `extra` of RUN outside a transaction, and of BEGIN. */
struct bolt_scope {
    const char *database; /* NULL: the user's home database */
    bool read;            /* promise to write nothing */
    uint64_t timeout_ms;  /* of the transaction; 0: the server's */
};
/* The PackStream map of it, unframed. */
int bolt_put_scope(struct buffer *output, const struct bolt_scope *scope);
int bolt_put_begin(struct buffer *output, const struct bolt_scope *scope);
/* `parameters` and `scope`: PackStream maps; NULL with length 0: an empty one. */
int bolt_put_run(struct buffer *output, const char *cypher, size_t cypher_length,
                 const void *parameters, size_t parameters_length, const void *scope,
                 size_t scope_length);

/* The same by hand: begin, one PackStream structure, end. Nothing of the buffer may be consumed in
 * between. */
int bolt_message_begin(struct buffer *output, size_t *position);
int bolt_message_end(struct buffer *output, size_t position);

/* ---- responses --------------------------------------------------------------------------------
 */

/* Puts messages together from bytes that arrive in any cut. A message that lies whole in one chunk
 * and one read costs no copy. */
struct bolt_framing {
    struct buffer held; /* chunks of a message so far */
    size_t left;        /* bytes of the chunk still to come */
    uint8_t header[2], header_length;
    bool started, delivered;
    uint64_t noops; /* empty messages, by which a server shows that it lives */
};
enum bolt_framing_result { BOLT_MORE, BOLT_MESSAGE, BOLT_TOO_LARGE };

void bolt_framing_init(struct bolt_framing *framing, size_t message_limit);
void bolt_framing_free(struct bolt_framing *framing);
/* Use bytes from *cursor on and move it. With BOLT_MESSAGE one message is at *message, valid as
 * long as the input and until the next call; call again for the rest. BOLT_MORE: all bytes were
 * used. */
enum bolt_framing_result bolt_framing_feed(struct bolt_framing *framing, const uint8_t **cursor,
                                           const uint8_t *end, const uint8_t **message,
                                           size_t *length);

struct bolt_response {
    uint8_t tag;                    /* BOLT_SUCCESS, _RECORD, _IGNORED or _FAILURE */
    struct packstream_reader parts; /* of the list of a record, or of the map of the others */
    size_t count;                   /* values, or pairs */
};
/* -1 when the bytes are not exactly one response whose every part is well formed. */
int bolt_response_read(const uint8_t *bytes, size_t length, struct bolt_response *response);

/* What a FAILURE said. */
struct bolt_failure {
    char code[128]; /* "Neo.ClientError.Statement.SyntaxError" */
    char message[512];
};
void bolt_failure_read(const struct bolt_response *response, struct bolt_failure *failure);
/* A short reason, static: "auth", "syntax", "constraint", "deadlock", ... or, for codes not told
 * apart, the class: "client_error", "transient", "database_error". */
const char *bolt_failure_reason(const char *code);

/* An integer of a map, by key; `otherwise` when it is not there or is none. */
int64_t bolt_map_integer(struct packstream_reader pairs, size_t count, const char *key,
                         int64_t otherwise);
bool bolt_map_true(struct packstream_reader pairs, size_t count, const char *key);
/* A text of a map, bounded and NUL-terminated; "" when it is not there or is none. */
void bolt_map_text(struct packstream_reader pairs, size_t count, const char *key, char *text,
                   size_t size);

#endif
