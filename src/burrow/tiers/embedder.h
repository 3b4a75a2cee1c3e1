/* Embeddings from a server: any endpoint that speaks as OpenAI's POST /v1/embeddings does.
 * Blocking, by the HTTP client of net on a loop of its own; never called under the store's lock. */
#ifndef BURROW_TIERS_EMBEDDER_H
#define BURROW_TIERS_EMBEDDER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMBEDDER_DIMENSION_LIMIT 4096
#define EMBEDDER_BATCH           64 /* texts of one request at most */
#define EMBEDDER_BATCH_BYTES     ((size_t)256 << 10)
#define EMBEDDER_TEXT_BYTES      ((size_t)8 << 10) /* of one text; the rest is left out */
#define EMBEDDER_CONNECT_MS      2000
#define EMBEDDER_ANSWER_MS       30000 /* to one request */
#define EMBEDDER_ANSWER_LIMIT    ((size_t)16 << 20)

struct embedder;

/* `url` is that of the endpoint; without a path /v1/embeddings is meant, and "/v1" is completed.
 * `key` (may be NULL) goes into Authorization: Bearer. Asks nothing yet. -1/NULL with ERROR_USAGE.
 */
struct embedder *embedder_open(const char *url, const char *model, const char *key,
                               struct error *error);
void embedder_close(struct embedder *embedder); /* harmless on NULL */
const char *embedder_model(const struct embedder *embedder);

/* Ask for one embedding: how many numbers it has. -1 with ERROR_TARGET. */
int embedder_probe(struct embedder *embedder, struct error *error);
/* The vectors of `count` texts, each of length 1, into count * dimension floats. Any thread. -1
 * with ERROR_TARGET: the server cannot be reached, refuses, or answers with something else. After a
 * failure it is left alone for a while. */
int embedder_fetch(struct embedder *embedder, const char *const *texts, size_t count,
                   unsigned dimension, float *vectors, struct error *error);

struct embedder_facts {
    bool reachable; /* it answered when it was asked last */
    uint64_t requests, failures;
    char last_error[256];
};
void embedder_facts(struct embedder *embedder, struct embedder_facts *facts);

#endif
