/* One connection to a Redis, for the cache: made when it is needed, made anew after a failure, each
 * answer waited for. RESP2 by the codec of net. */
#ifndef BURROW_TIERS_REDIS_CLIENT_H
#define BURROW_TIERS_REDIS_CLIENT_H

#include "burrow/tiers/link.h"
#include "net/resp.h"
#include "net/url.h"

#define REDIS_CONNECT_MS   500
#define REDIS_ANSWER_MS    500
#define REDIS_REPLY_LIMIT  ((size_t)64 << 20)
#define REDIS_WORDS_LIMIT  2048 /* of a command */
#define REDIS_ADDRESS_SIZE 280

struct redis_word {
    const void *bytes;
    size_t length;
};

struct redis_client { /* embed; `failures`, `last_error` and `address` may be read */
    struct url url;
    char address[REDIS_ADDRESS_SIZE]; /* for people: without user and password */
    unsigned database;
    struct tls_settings *tls; /* NULL: plain */
    struct link link;
    struct link_backoff backoff;
    struct buffer output, input;
    struct resp_reader reader;
    uint64_t failures;
    char last_error[256];
};

/* Connects to nothing yet. -1: the URL is none of Redis. */
int redis_client_open(struct redis_client *client, const char *url, struct error *error);
void redis_client_close(struct redis_client *client); /* harmless on a zeroed one */

/* Run a command. 0: `reply` is its answer, `rest` (may be NULL) what comes after its head; both are
 * valid until the next command. -1 with ERROR_TARGET: it cannot be reached, does not answer, or
 * answers with an error, whose words are in the text; with ERROR_USAGE: the value is none that the
 * command can work on, which is no failure of the server. */
int redis_client_run(struct redis_client *client, const struct redis_word *words, size_t count,
                     struct resp_token *reply, struct resp_cursor *rest, struct error *error);

#endif
