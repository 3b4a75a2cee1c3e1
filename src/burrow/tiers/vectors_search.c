/* The vector tier: searching and comparing what is kept, and what a transaction has put. */
#include "burrow/tiers/vectors_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SLACK        8 /* more is asked of an index than wanted, since holes are found too */
#define SEARCH_LIMIT 1024
#define MEASURED_FOR 8 /* a recall holds until one in so many vectors came or went */

static bool is_pending(const struct vectors *vectors, enum vector_space space, int64_t id)
{
    for (size_t i = 0; i < vectors->pending_count; i++)
        if (vectors->pending[i].space == space && vectors->pending[i].id == id)
            return true;
    return false;
}

static int nearer_first(const void *one, const void *other)
{
    const struct vector_hit *a = one, *b = other;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Among the best so far, in their order; the worst goes when there is no room. */
static size_t keep_best(struct vector_hit *hits, size_t count, size_t room, struct vector_hit hit)
{
    if (count == room && (room == 0 || nearer_first(&hit, &hits[count - 1]) >= 0))
        return count;
    size_t at = count < room ? count++ : count - 1;
    for (; at > 0 && nearer_first(&hit, &hits[at - 1]) < 0; at--)
        hits[at] = hits[at - 1];
    hits[at] = hit;
    return count;
}

/* Where the same id was put several times in the transaction, the last one counts. */
static size_t search_pending(const struct vectors *vectors, enum vector_space space,
                             const float *query, struct vector_hit *hits, size_t room)
{
    size_t count = 0;
    for (size_t i = vectors->pending_count; i-- > 0;) {
        const struct vectors_pending *pending = &vectors->pending[i];
        bool later = false;
        if (pending->space != space || pending->removed)
            continue;
        for (size_t k = i + 1; k < vectors->pending_count && !later; k++)
            later = vectors->pending[k].space == space && vectors->pending[k].id == pending->id;
        if (!later)
            count =
                keep_best(hits, count, room,
                          (struct vector_hit){pending->id, embedding_cosine(query, pending->vector,
                                                                            vectors->dimension)});
    }
    return count;
}

/* All that are kept, one by one: for a query whose whole neighbourhood was removed. */
static int search_kept(const struct vectors *vectors, enum vector_space which, const float *query,
                       unsigned wanted, struct vector_hit *hits, struct error *error)
{
    const struct vector_places *space = &vectors->spaces[which];
    float vector[VECTOR_LIMIT];
    struct faiss_problem problem;
    size_t count = 0;
    for (size_t place = 0; place < space->count; place++) {
        int64_t id = space->labels[place];
        if (id < 0 || is_pending(vectors, which, id))
            continue;
        if (faiss_index_reconstruct(space->index, (int64_t)place, vector, &problem) < 0)
            return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
        count =
            keep_best(hits, count, wanted,
                      (struct vector_hit){id, embedding_cosine(query, vector, vectors->dimension)});
    }
    return (int)count;
}

static int search_index(const struct vectors *vectors, enum vector_space which, const float *query,
                        unsigned wanted, struct vector_hit *hits, struct error *error)
{
    const struct vector_places *space = &vectors->spaces[which];
    float distances[SEARCH_LIMIT];
    int64_t places[SEARCH_LIMIT];
    struct faiss_problem problem;
    int found = 0;
    if (!space->index || space->count == space->holes)
        return 0;
    unsigned ask = wanted + SLACK;
    for (;;) {
        ask = ask < SEARCH_LIMIT ? ask : SEARCH_LIMIT;
        if (faiss_index_search(space->index, 1, query, ask, distances, places, &problem) < 0)
            return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
        found = 0;
        for (unsigned i = 0; i < ask && found < (int)wanted; i++) {
            int64_t id = places[i] < 0 ? -1 : space->labels[places[i]];
            if (id >= 0 && !is_pending(vectors, which, id))
                /* of vectors of length 1, the squared distance is 2 - 2 cos */
                hits[found++] = (struct vector_hit){id, 1 - (double)distances[i] / 2};
        }
        if (found == (int)wanted || ask >= space->count)
            return found;
        if (ask == SEARCH_LIMIT)
            return search_kept(vectors, which, query, wanted, hits, error);
        ask *= 4; /* holes took their places */
    }
}

int vectors_search(struct vectors *vectors, enum vector_space space, const char *text,
                   unsigned limit, struct vector_hit *hits, struct error *error)
{
    struct vector_hit all[SEARCH_LIMIT];
    float query[VECTOR_LIMIT];
    unsigned wanted = limit < SEARCH_LIMIT / 2 ? limit : SEARCH_LIMIT / 2;
    if (vectors->spaces[space].behind && vectors_renew(vectors, space, error) < 0)
        return -1;
    vectors_embed(vectors, text, query);
    if (embedding_cosine(query, query, vectors->dimension) == 0)
        return 0; /* no letter in it: it is like nothing */
    vector_places_advance(&vectors->spaces[space], vectors->scan_limit, 1);
    int found = search_index(vectors, space, query, wanted, all, error);
    if (found < 0)
        return -1;
    size_t count = (size_t)found +
                   search_pending(vectors, space, query, all + found, SEARCH_LIMIT - (size_t)found);
    qsort(all, count, sizeof *all, nearer_first);
    if (count > wanted)
        count = wanted;
    memcpy(hits, all, count * sizeof *all);
    return (int)count;
}

double vectors_similarity(const struct vectors *vectors, const char *one, const char *other)
{
    float a[VECTOR_LIMIT], b[VECTOR_LIMIT];
    vectors_embed(vectors, one, a);
    vectors_embed(vectors, other, b);
    return embedding_cosine(a, b, vectors->dimension);
}

/* The vector that a search would compare with: what this transaction put comes first. In `room`
 * where the index does not hold it as it is; NULL: none is kept. */
static const float *vector_of(const struct vectors *vectors, enum vector_space which, int64_t id,
                              float *room)
{
    const struct vector_places *space = &vectors->spaces[which];
    struct faiss_problem problem;
    for (size_t i = vectors->pending_count; i-- > 0;) {
        const struct vectors_pending *pending = &vectors->pending[i];
        if (pending->space == which && pending->id == id)
            return pending->removed ? NULL : pending->vector;
    }
    int64_t place = vector_places_find(space, id);
    const float *vector = place >= 0 ? faiss_index_vector(space->index, place) : NULL;
    if (vector || place < 0)
        return vector;
    return faiss_index_reconstruct(space->index, place, room, &problem) == 0 ? room : NULL;
}

void vectors_score(const struct vectors *vectors, enum vector_space space, const char *text,
                   const int64_t *ids, size_t count, double *scores)
{
    float query[VECTOR_LIMIT], rooms[2][VECTOR_LIMIT];
    const float *next = count ? vector_of(vectors, space, ids[0], rooms[0]) : NULL;
    vectors_embed(vectors, text, query);
    for (size_t i = 0; i < count; i++) {
        const float *vector = next;
        next = i + 1 < count ? vector_of(vectors, space, ids[i + 1], rooms[(i + 1) % 2]) : NULL;
        for (size_t k = 0; next && k < vectors->dimension; k += 16)
            __builtin_prefetch(next + k); /* they are far apart */
        scores[i] = vector ? embedding_cosine(query, vector, vectors->dimension) : 0;
    }
}

double vectors_between(const struct vectors *vectors, enum vector_space space, int64_t one,
                       int64_t other)
{
    float rooms[2][VECTOR_LIMIT];
    const float *a = vector_of(vectors, space, one, rooms[0]);
    const float *b = a ? vector_of(vectors, space, other, rooms[1]) : NULL;
    return b ? embedding_cosine(a, b, vectors->dimension) : 0;
}

/* The similarities of one to all the others are what it has in common with the sum of all, less its
 * own share. */
void vectors_centrality(const struct vectors *vectors, enum vector_space space, const int64_t *ids,
                        size_t count, double *scores)
{
    float sum[VECTOR_LIMIT] = {0}, room[VECTOR_LIMIT];
    for (size_t i = 0; i < count; i++) {
        const float *vector = vector_of(vectors, space, ids[i], room);
        if (vector)
            embedding_add(sum, vector, vectors->dimension);
    }
    for (size_t i = 0; i < count; i++) {
        const float *vector = vector_of(vectors, space, ids[i], room);
        scores[i] = vector ? (embedding_cosine(vector, sum, vectors->dimension) -
                              embedding_cosine(vector, vector, vectors->dimension)) /
                                 (double)count
                           : 0;
    }
}

/* ---- facts ---------------------------------------------------------------------------------- */

void vectors_facts(const struct vectors *vectors, enum vector_space space,
                   struct vector_facts *facts)
{
    const struct vector_places *at = &vectors->spaces[space];
    *facts = (struct vector_facts){.count = (int64_t)(at->count - at->holes),
                                   .kept = vectors->kept[space],
                                   .dimension = vectors->dimension,
                                   .index_type = at->is_graph ? "hnsw" : "flat",
                                   .bytes = at->count * vector_places_bytes_each(at)};
}

int vectors_reachable(const struct vectors *vectors, struct error *error)
{
    struct embedder_facts facts;
    if (!vectors->embedder)
        return 0;
    embedder_facts(vectors->embedder, &facts);
    return facts.reachable
               ? 0
               : error_set(error, ERROR_TARGET, "vectors: no embeddings: %s", facts.last_error);
}

double vectors_recall(struct vectors *vectors, enum vector_space which, unsigned samples,
                      unsigned k)
{
    return vector_places_recall(&vectors->spaces[which], samples, k);
}

/* An index that was made anew has fewer changes than before. */
static bool still_holds(const struct vectors_measured *measured, const struct vector_places *space)
{
    size_t changes = space->count + space->holes;
    return measured->recall.samples && measured->of_graph == space->is_graph &&
           changes >= measured->changes &&
           (int64_t)(changes - measured->changes) * MEASURED_FOR <= measured->recall.vectors;
}

const struct vector_recall *vectors_recall_lately(struct vectors *vectors, enum vector_space which,
                                                  unsigned samples, unsigned k)
{
    const struct vector_places *space = &vectors->spaces[which];
    struct vectors_measured *measured = &vectors->measured[which];
    if (still_holds(measured, space) && measured->recall.samples >= samples &&
        measured->recall.k == k)
        return &measured->recall;
    *measured =
        (struct vectors_measured){.recall = {.recall = vectors_recall(vectors, which, samples, k),
                                             .samples = samples,
                                             .k = k,
                                             .vectors = (int64_t)(space->count - space->holes),
                                             .measured_at = (int64_t)(clock_wall_ns() / NS_PER_MS)},
                                  .changes = space->count + space->holes,
                                  .of_graph = space->is_graph};
    return &measured->recall;
}
