/* See vector_places.h. */
#include "burrow/tiers/vector_places.h"

#include "burrow/tiers/embedder.h"

#include <math.h>
#include <stdlib.h>

#define HNSW_LINKS        32
#define HNSW_CONSTRUCTION 100
#define HNSW_SEARCH       192
#define VECTOR_LIMIT      EMBEDDER_DIMENSION_LIMIT
#define MOST_SAMPLES      64
#define MOST_K            64

static const struct faiss_shape scan_shape = {.type = FAISS_SCAN};
static const struct faiss_shape graph_shape = {.type = FAISS_HNSW,
                                               .links = HNSW_LINKS,
                                               .construction_width = HNSW_CONSTRUCTION,
                                               .search_width = HNSW_SEARCH};

static struct faiss_index *make_index(struct faiss_shape shape, unsigned dimension,
                                      struct faiss_problem *problem)
{
    shape.dimension = dimension;
    return faiss_index_make(&shape, 0, NULL, problem);
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- places by id --------------------------------------------------------------------------- */

static size_t slot_of(const struct vector_places *places, int64_t id)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (places->slot_count - 1);
}

static int64_t *find_slot(const struct vector_places *places, int64_t id)
{
    if (places->slot_count == 0)
        return NULL;
    for (size_t at = slot_of(places, id);; at = (at + 1) & (places->slot_count - 1)) {
        int64_t *slot = &places->slots[at];
        if (*slot == 0)
            return NULL;
        if (*slot > 0 && places->labels[*slot - 1] == id)
            return slot;
    }
}

static void insert_slot(struct vector_places *places, int64_t id, int64_t place)
{
    size_t at = slot_of(places, id);
    while (places->slots[at] > 0)
        at = (at + 1) & (places->slot_count - 1);
    places->slots_used += places->slots[at] == 0;
    places->slots[at] = place;
}

static int grow_slots(struct vector_places *places)
{
    if (places->slot_count && places->slots_used * 2 < places->slot_count)
        return 0;
    size_t count = 64;
    while (count < (places->count + 1) * 4)
        count *= 2;
    int64_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return -1;
    free(places->slots);
    places->slots = slots;
    places->slot_count = count;
    places->slots_used = 0;
    for (size_t i = 0; i < places->count; i++)
        if (places->labels[i] >= 0)
            insert_slot(places, places->labels[i], (int64_t)i + 1);
    return 0;
}

/* ---- one index ------------------------------------------------------------------------------ */

void vector_places_clear(struct vector_places *places)
{
    faiss_index_close(places->index);
    faiss_index_close(places->graph);
    free(places->labels);
    free(places->slots);
    *places = (struct vector_places){.dimension = places->dimension};
}

bool vector_places_remove(struct vector_places *places, int64_t id)
{
    int64_t *slot = find_slot(places, id);
    if (!slot)
        return false;
    places->labels[*slot - 1] = -1;
    *slot = -1;
    places->holes++;
    return true;
}

void vector_places_advance(struct vector_places *places, size_t limit, size_t steps)
{
    float vector[VECTOR_LIMIT];
    struct faiss_problem problem;
    int64_t place;
    if (places->is_graph || places->count <= limit)
        return;
    if (!places->graph && !(places->graph = make_index(graph_shape, places->dimension, &problem)))
        return;
    for (; steps > 0 && places->graph_count < places->count; steps--, places->graph_count++)
        if (faiss_index_reconstruct(places->index, (int64_t)places->graph_count, vector, &problem) <
                0 ||
            faiss_index_add(places->graph, vector, &place, &problem) < 0)
            return;
    if (places->graph_count < places->count)
        return;
    faiss_index_close(places->index);
    places->index = places->graph;
    places->graph = NULL;
    places->is_graph = true;
}

int vector_places_add(struct vector_places *places, int64_t id, const float *vector,
                      struct error *error)
{
    struct faiss_problem problem;
    int64_t place;
    if (!places->index && !(places->index = make_index(scan_shape, places->dimension, &problem)))
        return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
    if (places->count == places->room) {
        size_t room = places->room ? places->room * 2 : 64;
        int64_t *labels = realloc(places->labels, room * sizeof *labels);
        if (!labels)
            return out_of_memory(error);
        places->labels = labels;
        places->room = room;
    }
    vector_places_remove(places, id);
    if (grow_slots(places) < 0)
        return out_of_memory(error);
    if (faiss_index_add(places->index, vector, &place, &problem) < 0)
        return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
    places->labels[places->count++] = id;
    insert_slot(places, id, (int64_t)places->count);
    return 0;
}

int64_t vector_places_find(const struct vector_places *places, int64_t id)
{
    const int64_t *slot = find_slot(places, id);
    return slot ? *slot - 1 : -1;
}

size_t vector_places_bytes_each(const struct vector_places *places)
{
    const size_t links = HNSW_LINKS * 2 * sizeof(int32_t),
                 codes = places->dimension + 3 * sizeof(float);
    return places->dimension * sizeof(float) + (places->is_graph ? links : codes);
}

/* ---- recall --------------------------------------------------------------------------------- */

/* Halfway between the vector at `place` and one that is far from it in the order of keeping. */
static int query_between(const struct vector_places *places, size_t place, float *query)
{
    float other[VECTOR_LIMIT], length = 0;
    struct faiss_problem problem;
    size_t far = (place + places->count / 2 + 1) % places->count;
    if (faiss_index_reconstruct(places->index, (int64_t)place, query, &problem) < 0 ||
        faiss_index_reconstruct(places->index, (int64_t)far, other, &problem) < 0)
        return -1;
    for (size_t i = 0; i < places->dimension; i++) {
        query[i] += other[i];
        length += query[i] * query[i];
    }
    for (size_t i = 0; i < places->dimension && length > 0; i++)
        query[i] /= sqrtf(length);
    return 0;
}

/* Search for each of the queries, and hold what is found against exact search. */
static double compare(const struct vector_places *places, const float *queries, int64_t *ids,
                      struct faiss_sample *samples, size_t count, unsigned k)
{
    float distances[MOST_K];
    struct faiss_problem problem;
    size_t wanted = 0, correct = 0;
    for (size_t i = 0; i < count; i++) {
        samples[i] = (struct faiss_sample){.query = queries + i * places->dimension,
                                           .ids = ids + i * k,
                                           .k = k,
                                           .before = (int64_t)places->count};
        if (faiss_index_search(places->index, 1, samples[i].query, k, distances, ids + i * k,
                               &problem) < 0)
            return -1;
    }
    if (faiss_index_check(places->index, samples, count, &problem) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        wanted += samples[i].wanted;
        correct += samples[i].correct;
    }
    return wanted ? (double)correct / (double)wanted : -1;
}

double vector_places_recall(const struct vector_places *places, unsigned samples, unsigned k)
{
    struct faiss_sample all[MOST_SAMPLES];
    int64_t ids[MOST_SAMPLES * MOST_K];
    double recall = 0;
    if (!places->index || places->count < 2)
        return -1;
    k = k < MOST_K ? k : MOST_K;
    samples = samples < MOST_SAMPLES ? samples : MOST_SAMPLES;
    size_t count = samples < places->count ? samples : places->count;
    float *queries = malloc((count * places->dimension + 1) * sizeof *queries);
    if (!queries)
        return -1;
    for (size_t i = 0; i < count && recall == 0; i++)
        recall = query_between(places, i * places->count / count, queries + i * places->dimension);
    if (recall == 0)
        recall = compare(places, queries, ids, all, count, k);
    free(queries);
    return recall;
}
