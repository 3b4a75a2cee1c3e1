/* One space of vectors: an index over places, and which place each id has. A vector that goes
 * leaves a hole. The index is exact as long as a scan of all is quick; beyond that a graph (HNSW)
 * is made beside it, a few vectors with each call, and takes its place when it has them all, so
 * that nothing ever waits for it. Between the files of the vector tier. */
#ifndef BURROW_TIERS_VECTOR_PLACES_H
#define BURROW_TIERS_VECTOR_PLACES_H

#include "base/error.h"
#include "faiss/faiss_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vector_places {
    unsigned dimension;
    struct faiss_index *index; /* what is searched; NULL while there is nothing */
    struct faiss_index *graph; /* being made, to replace it; NULL: none */
    size_t graph_count;        /* vectors in it */
    bool is_graph;             /* index was made so */
    int64_t *labels;           /* ids by place in the index; -1: a hole */
    size_t count, room, holes;
    int64_t *slots; /* places by id: a hash table of 1-based places, 0: free, -1: was removed */
    size_t slot_count, slots_used;
    bool behind; /* it could not follow a commit: made anew before it is used */
};

/* Empty it, and free what it has. */
void vector_places_clear(struct vector_places *places);
/* Add a vector of the dimension, in place of the one that has the id. */
int vector_places_add(struct vector_places *places, int64_t id, const float *vector,
                      struct error *error);
bool vector_places_remove(struct vector_places *places, int64_t id); /* false: it is not there */
int64_t vector_places_find(const struct vector_places *places, int64_t id); /* -1: nowhere */
/* Some steps of the graph's making, with more than `limit` vectors. Where a step fails the scan
 * goes on being searched. */
void vector_places_advance(struct vector_places *places, size_t limit, size_t steps);
/* Bytes for each vector, about. */
size_t vector_places_bytes_each(const struct vector_places *places);
/* Recall@k of up to `samples` queries, each halfway between two vectors that are kept, against
 * exact search; -1 when there are fewer than two, or no memory. */
double vector_places_recall(const struct vector_places *places, unsigned samples, unsigned k);

#endif
