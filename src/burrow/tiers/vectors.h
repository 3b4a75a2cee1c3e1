/* The vector tier: embeddings of texts in FAISS, one index for each space. The vectors are kept in
 * the records, in the transaction of the call; the indexes in memory follow when it commits and are
 * made from the records at start, so that both always agree. */
#ifndef BURROW_TIERS_VECTORS_H
#define BURROW_TIERS_VECTORS_H

#include "base/error.h"
#include "burrow/tiers/embedder.h"
#include "burrow/tiers/records.h"

#include <stddef.h>
#include <stdint.h>

enum vector_space {
    VECTORS_MEMORIES, /* ids are chunk ids */
    VECTORS_CODE,     /* ids are code attempts */
    VECTORS_CHATS,    /* ids are messages */
    VECTORS_DIAGRAMS, /* ids are diagrams */
    VECTORS_TASKS,    /* ids are blueprints */
    VECTORS_SPACES
};

struct vectors;
struct vector_hit {
    int64_t id;
    double score; /* cosine similarity: 1 the same, 0 nothing in common */
};

struct vectors *vectors_open(struct records *records, struct error *error);
/* Embeddings by a server, which must outlive it; NULL: lexical ones. It is asked once for their
 * length. Fails when the vectors that are kept are of another model or length. */
struct vectors *vectors_open_over(struct records *records, struct embedder *embedder,
                                  struct error *error);
void vectors_close(struct vectors *vectors); /* harmless on NULL */

/* Embed `text` and keep it under `id`, replacing what was there. Inside the call's transaction. */
int vectors_put(struct vectors *vectors, enum vector_space space, int64_t id, const char *text,
                struct error *error);
int vectors_remove(struct vectors *vectors, enum vector_space space, int64_t id,
                   struct error *error);
/* The nearest of a text, best first: how many were written to `hits`, at most `limit`; -1 with an
 * error. Sees what is committed, and what this transaction put. */
int vectors_search(struct vectors *vectors, enum vector_space space, const char *text,
                   unsigned limit, struct vector_hit *hits, struct error *error);
/* How like a text each of `count` kept vectors is, in their order; 0 for one that is not kept. */
void vectors_score(const struct vectors *vectors, enum vector_space space, const char *text,
                   const int64_t *ids, size_t count, double *scores);
/* Cosine similarity of two texts; no index is asked. */
double vectors_similarity(const struct vectors *vectors, const char *one, const char *other);

/* The same of two that are kept; 0 when one of them is not. */
double vectors_between(const struct vectors *vectors, enum vector_space space, int64_t one,
                       int64_t other);

/* How like the others each of `count` kept vectors is, on the average: the sum of its similarities
 * to them over `count`; 0 for one that is not kept. */
void vectors_centrality(const struct vectors *vectors, enum vector_space space, const int64_t *ids,
                        size_t count, double *scores);

/* The dispatcher's, with an embedder: what a call did is void, since it lacked vectors of some
 * texts. It is undone; without the store's lock they are fetched, and with it kept; then it runs
 * again. */
bool vectors_want(const struct vectors *vectors);
struct vectors_wanted;
struct vectors_wanted *vectors_wanted_take(struct vectors *vectors); /* NULL: memory is out */
int vectors_wanted_fetch(struct vectors_wanted *wanted, struct error *error);
void vectors_wanted_keep(struct vectors *vectors, const struct vectors_wanted *wanted);
void vectors_wanted_free(struct vectors_wanted *wanted); /* harmless on NULL */

/* Above how many vectors a space is searched by a graph, which is approximate, in place of a scan
 * of all, which is exact. 32,768 if nothing is said. */
void vectors_scan_at_most(struct vectors *vectors, size_t count);

/* The dispatcher's: the transaction of the call is over. */
void vectors_committed(struct vectors *vectors);
void vectors_rolled_back(struct vectors *vectors);
/* As after opening: made from the records, when what was said to be committed turned out not to be.
 * What cannot be made is tried again when it is used; -1 with the error then. */
int vectors_reload(struct vectors *vectors, struct error *error);

/* As if an index could not follow a commit: for tests. */
void vectors_fall_behind(struct vectors *vectors, enum vector_space space);

/* 0; -1 with why: embeddings could not be had when they were needed last. */
int vectors_reachable(const struct vectors *vectors, struct error *error);

struct vector_facts {
    int64_t count; /* vectors that can be found */
    int64_t kept;  /* vectors in the records: more, or fewer, while the index is behind */
    unsigned dimension;
    const char *index_type; /* "flat", "hnsw" */
    size_t bytes;
};
void vectors_facts(const struct vectors *vectors, enum vector_space space,
                   struct vector_facts *facts);
/* Recall@k against exact search of up to `samples` queries, each halfway between two vectors that
 * are kept, so that it is none of them; -1 when there are fewer than two. */
double vectors_recall(struct vectors *vectors, enum vector_space space, unsigned samples,
                      unsigned k);

struct vector_recall {
    double recall; /* -1: fewer than two vectors */
    unsigned samples, k;
    int64_t vectors, measured_at; /* how many there were, and when (Unix ms) */
};
/* The same as it was measured last, since it reads every vector: measured anew when more than an
 * eighth of them came or went since, when the kind of the index is another, or when it was over
 * fewer samples. */
const struct vector_recall *vectors_recall_lately(struct vectors *vectors, enum vector_space space,
                                                  unsigned samples, unsigned k);

#endif
