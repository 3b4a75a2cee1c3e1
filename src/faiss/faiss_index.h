/* FAISS for C: as much of the C++ library as the driver needs, with its exceptions turned into
 * errors. Debian 12 has the library without its own C interface.
 *
 * Vectors are rows of `dimension` floats, one behind the other. Distances are squared Euclidean
 * ones, or inner products when the index says so; an id of -1 means that there is no such result.
 * Every call runs on the calling thread alone: the threads of OpenMP and of the BLAS are off.
 *
 * Searching, range and reconstruct may run at the same time as each other, never while add or set
 * run: the caller locks. */
#ifndef CICADA_FAISS_FAISS_INDEX_H
#define CICADA_FAISS_FAISS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct faiss_index;

enum { FAISS_PROBLEM_SIZE = 256 };
struct faiss_problem { /* why a call failed: what the library said */
    char text[FAISS_PROBLEM_SIZE];
};

enum faiss_type {
    FAISS_FLAT,
    FAISS_IVF,
    FAISS_HNSW,
    FAISS_SCAN, /* flat and exact, with a search of our own: see flat_scan.h */
};

struct faiss_shape { /* of an index to be made */
    enum faiss_type type;
    unsigned dimension;
    unsigned lists, probes;                           /* IVF */
    unsigned links, construction_width, search_width; /* HNSW: M, efConstruction, efSearch */
    bool (*give_up)(void); /* asked every now and then; true ends the making. May be NULL */
};

struct faiss_facts {
    char type[64]; /* the class of the library: "IndexIVFFlat" */
    unsigned dimension;
    int64_t count;   /* vectors in it */
    int64_t next_id; /* above every id in it */
    bool trained;
    bool inner_product;   /* larger is nearer; else squared Euclidean distance */
    bool other_metric;    /* neither of the two: recall cannot be measured */
    bool sequential;      /* its ids are 0 to count - 1 */
    bool can_reconstruct; /* by id */
    bool can_range;
};

/* Read an index file. NULL when it is none, is cut short, or holds binary vectors. */
struct faiss_index *faiss_index_read(const char *path, struct faiss_problem *problem);

/* Make an index, train it with `count` vectors where its type needs that, and add them with the ids
 * 0 to count - 1. The same vectors give the same index. */
struct faiss_index *faiss_index_make(const struct faiss_shape *shape, size_t count,
                                     const float *vectors, struct faiss_problem *problem);

/* Harmless on NULL. */
void faiss_index_close(struct faiss_index *index);

void faiss_index_facts(const struct faiss_index *index, struct faiss_facts *facts);

/* Set a search parameter by the library's own name: "nprobe", "efSearch". -1 when this index has
 * none of that name. */
int faiss_index_set(struct faiss_index *index, const char *name, double value,
                    struct faiss_problem *problem);

/* Add one vector; *id is the id it got. */
int faiss_index_add(struct faiss_index *index, const float *vector, int64_t *id,
                    struct faiss_problem *problem);

/* The k nearest of each of `count` queries, nearest first: k ids and k distances per query. */
int faiss_index_search(const struct faiss_index *index, size_t count, const float *queries,
                       unsigned k, float *distances, int64_t *ids, struct faiss_problem *problem);

/* For tests: let the searches of FAISS_SCAN, on all threads, use the code for one of the kinds of
 * processor that this one is of: 0, the most able, if nothing is said; the last one is plain.
 * False: there are not so many. */
bool faiss_scan_choose(unsigned kind);

/* All vectors within `radius` of a query, in no order: *found of them, of which the first `room`
 * are written. */
int faiss_index_range(const struct faiss_index *index, const float *query, float radius,
                      size_t room, float *distances, int64_t *ids, size_t *found,
                      struct faiss_problem *problem);

/* The vector of an id, as the index stores it (compressed ones are decoded). */
int faiss_index_reconstruct(const struct faiss_index *index, int64_t id, float *vector,
                            struct faiss_problem *problem);

/* Where the vector of an id stands, until one is added; NULL: it is not there, or not as it came,
 * so that faiss_index_reconstruct must be asked. */
const float *faiss_index_vector(const struct faiss_index *index, int64_t id);

/* One answer of a search, to be held against an exact one. */
struct faiss_sample {
    const float *query;
    const int64_t *ids; /* the k that were found; -1: none */
    unsigned k;
    int64_t before;   /* only ids below it were in the index when it was searched */
    unsigned wanted;  /* set: results there are, at most k */
    unsigned correct; /* set: of those found, how many are among the nearest `wanted` */
};

/* Compare each sample with a search of every vector. A result as near as the last one wanted is
 * correct, so that equal distances do not count against an index. Costs count x vectors x dimension
 * operations. -1 when the index cannot tell its vectors. */
int faiss_index_check(const struct faiss_index *index, struct faiss_sample *samples, size_t count,
                      struct faiss_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
