/* Between the files of the vector tier. */
#ifndef BURROW_TIERS_VECTORS_INTERNAL_H
#define BURROW_TIERS_VECTORS_INTERNAL_H

#include "burrow/tiers/embedding.h"
#include "burrow/tiers/text_vectors.h"
#include "burrow/tiers/vector_places.h"
#include "burrow/tiers/vectors.h"

#define VECTOR_LIMIT EMBEDDER_DIMENSION_LIMIT

/* What a transaction put or removed, until it commits. */
struct vectors_pending {
    enum vector_space space;
    bool removed;
    int64_t id;
    uint32_t feature_count; /* of what is put, for the counts */
    uint16_t *keys;
    float *vector; /* of what is put */
};

/* A recall, and what the index was like when it was measured. */
struct vectors_measured {
    struct vector_recall recall;
    size_t changes; /* vectors added and removed since the index was made */
    bool of_graph;
};

struct vectors {
    struct records *records;
    unsigned dimension;
    struct embedder *embedder;  /* NULL: embeddings are lexical */
    struct text_vectors *texts; /* with an embedder */
    struct vector_places spaces[VECTORS_SPACES];
    int64_t kept[VECTORS_SPACES]; /* rows of the records, as of the last commit */
    struct vectors_measured measured[VECTORS_SPACES];
    struct embedding_counts counts;
    struct vectors_pending *pending;
    size_t pending_count, pending_room;
    size_t scan_limit;
};

/* The vector of a text. False: it is not here yet; it is wanted, and all zero until then. */
bool vectors_embed(const struct vectors *vectors, const char *text, float *vector);
/* Make a space anew from the records. One that cannot be made is tried again when it is used. */
int vectors_renew(struct vectors *vectors, enum vector_space which, struct error *error);

#endif
