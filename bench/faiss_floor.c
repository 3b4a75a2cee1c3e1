/* What FAISS itself does: single searches in a loop, on one thread, of an index and with queries
 * made as the driver makes them. Prints how many searches were done.
 *
 * usage: faiss_floor flat|ivf|hnsw VECTORS DIMENSION SECONDS */
#include "base/clock.h"
#include "base/random.h"
#include "drivers/faiss_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K = 10 };

int main(int argc, char **argv)
{
    struct faiss_problem problem;
    struct random random;
    if (argc != 5)
        return 2;
    size_t count = strtoul(argv[2], NULL, 10), dimension = strtoul(argv[3], NULL, 10);
    struct faiss_shape shape = {
        .type = strcmp(argv[1], "flat") == 0   ? FAISS_FLAT
                : strcmp(argv[1], "hnsw") == 0 ? FAISS_HNSW
                                               : FAISS_IVF,
        .dimension = (unsigned)dimension,
        .lists = 100,
        .probes = 8,
        .links = 32,
        .construction_width = 64,
        .search_width = 64,
    };
    float *vectors = malloc(count * dimension * sizeof *vectors);
    if (!vectors || !count || !dimension)
        return 2;
    struct faiss_vectors set;
    if (faiss_vectors_make(&set, 0, shape.dimension, count, NULL) < 0)
        return 1;
    for (size_t i = 0; i < count; i++)
        faiss_vector(&set, i, vectors + i * dimension);
    struct faiss_index *index = faiss_index_make(&shape, count, vectors, &problem);
    if (!index) {
        fprintf(stderr, "%s\n", problem.text);
        return 1;
    }
    for (size_t i = 0; i < FAISS_QUERIES && i < count; i++) /* the index has its own copy */
        faiss_vector(&set, (UINT64_C(1) << 62) + i, vectors + i * dimension);
    size_t queries = count < FAISS_QUERIES ? count : FAISS_QUERIES;
    random_seed(&random, 1, 0);
    uint64_t started = clock_process_cpu_ns(); /* making it does not count */
    uint64_t end = clock_now_ns() + (uint64_t)(atof(argv[4]) * 1e9), calls = 0, errors = 0;
    while (clock_now_ns() < end) {
        float distances[K];
        int64_t ids[K];
        const float *query = vectors + random_below(&random, queries) * dimension;
        errors += faiss_index_search(index, 1, query, K, distances, ids, &problem) < 0;
        calls++;
    }
    printf("%llu %llu %llu\n", (unsigned long long)calls, (unsigned long long)errors,
           (unsigned long long)(clock_process_cpu_ns() - started) / 1000);
    faiss_index_close(index);
    faiss_vectors_free(&set);
    free(vectors);
    return 0;
}
