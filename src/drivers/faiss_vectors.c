/* Vectors out of numbers: clusters with noise around them, as embeddings have, so that an index
 * that looks in the likely places only is neither lost nor always right. */
#include "drivers/faiss_internal.h"

#include <stdlib.h>

#define CENTER_SEED UINT64_C(0x9e3779b97f4a7c15)
#define KEY_NUMBER  (UINT64_C(1) << 63) /* numbers of keys lie above all others */
#define NOISE       1.5

enum { MOST_CLUSTERS = 1024 };

static float symmetric(struct random *random)
{
    return (float)(2 * random_unit(random) - 1);
}

int faiss_vectors_make(struct faiss_vectors *vectors, uint64_t seed, unsigned dimension,
                       uint64_t expected, struct error *error)
{
    unsigned clusters = 1;
    while (clusters < MOST_CLUSTERS && (uint64_t)clusters * clusters < expected)
        clusters++;
    *vectors = (struct faiss_vectors){.seed = seed, .dimension = dimension, .clusters = clusters};
    size_t count = (size_t)clusters * dimension;
    vectors->centers = malloc(count * sizeof *vectors->centers);
    if (!vectors->centers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    struct random random;
    random_seed(&random, seed ^ CENTER_SEED, 0);
    for (size_t i = 0; i < count; i++)
        vectors->centers[i] = symmetric(&random);
    return 0;
}

void faiss_vectors_free(struct faiss_vectors *vectors)
{
    free(vectors->centers);
    vectors->centers = NULL;
}

void faiss_vector(const struct faiss_vectors *vectors, uint64_t number, float *vector)
{
    struct random random;
    random_seed(&random, vectors->seed, number + 1);
    const float *center =
        vectors->centers + random_below(&random, vectors->clusters) * vectors->dimension;
    for (unsigned i = 0; i < vectors->dimension; i++)
        vector[i] = center[i] + (float)NOISE * symmetric(&random);
}

void faiss_vector_of_key(const struct faiss_vectors *vectors, const char *key, size_t length,
                         float *vector)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bits */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001b3);
    faiss_vector(vectors, hash | KEY_NUMBER, vector);
}
