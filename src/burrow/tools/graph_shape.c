/* See graph_shape.h. */
#include "burrow/tools/graph_shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMPING       0.85
#define LEAST_MOVE    1e-6
#define ROUNDS        100
#define ENTITY_PREFIX "entity:"

struct graph_shape {
    char **ends; /* from and to of each relation in turn; keeps the keys */
    size_t end_count;
    const char **keys; /* in order */
    size_t count;
    struct edge {
        size_t from, to;
    } * edges;
    size_t edge_count;
    size_t *starts; /* undirected neighbours of node i: neighbours[starts[i]] up to starts[i + 1] */
    size_t *neighbours;
    size_t *links; /* the edge that each of the neighbours is tied by */
    bool whole;
};

struct scored {
    const char *key;
    double score;
};

static int by_text(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static size_t place_of(const struct graph_shape *shape, const char *key)
{
    const char **found = bsearch(&key, shape->keys, shape->count, sizeof *shape->keys, by_text);
    return found ? (size_t)(found - shape->keys) : SIZE_MAX;
}

/* One more relation than is used is asked for: it tells whether the shape is whole. */
static void add_relation(void *context, const char *from, const char *to)
{
    struct graph_shape *shape = context;
    if (shape->end_count == 2 * SHAPE_RELATIONS) {
        shape->whole = false;
        return;
    }
    char *copies[] = {strdup(from), strdup(to)};
    if (!copies[0] || !copies[1]) {
        free(copies[0]);
        free(copies[1]);
        shape->whole = false;
        return;
    }
    shape->ends[shape->end_count++] = copies[0];
    shape->ends[shape->end_count++] = copies[1];
}

static void collect_keys(struct graph_shape *shape)
{
    size_t kept = 0;
    for (size_t i = 0; i < shape->end_count; i++)
        shape->keys[i] = shape->ends[i];
    qsort(shape->keys, shape->end_count, sizeof *shape->keys, by_text);
    for (size_t i = 0; i < shape->end_count; i++)
        if (kept == 0 || strcmp(shape->keys[kept - 1], shape->keys[i]) != 0)
            shape->keys[kept++] = shape->keys[i];
    shape->count = kept;
}

static void collect_edges(struct graph_shape *shape)
{
    for (size_t i = 0; i < shape->end_count; i += 2) {
        size_t from = place_of(shape, shape->ends[i]), to = place_of(shape, shape->ends[i + 1]);
        if (from != to)
            shape->edges[shape->edge_count++] = (struct edge){from, to};
    }
}

static void collect_neighbours(struct graph_shape *shape)
{
    for (size_t i = 0; i < shape->edge_count; i++) {
        shape->starts[shape->edges[i].from + 1]++;
        shape->starts[shape->edges[i].to + 1]++;
    }
    for (size_t i = 0; i < shape->count; i++)
        shape->starts[i + 1] += shape->starts[i];
    size_t *next = malloc((shape->count + 1) * sizeof *next);
    if (!next)
        return;
    memcpy(next, shape->starts, shape->count * sizeof *next);
    for (size_t i = 0; i < shape->edge_count; i++) {
        shape->links[next[shape->edges[i].from]] = shape->links[next[shape->edges[i].to]] = i;
        shape->neighbours[next[shape->edges[i].from]++] = shape->edges[i].to;
        shape->neighbours[next[shape->edges[i].to]++] = shape->edges[i].from;
    }
    free(next);
}

struct graph_shape *graph_shape_load(struct store *store, struct error *error)
{
    struct graph_shape *shape = calloc(1, sizeof *shape);
    if (shape)
        shape->ends = malloc(2 * SHAPE_RELATIONS * sizeof *shape->ends);
    if (!shape || !shape->ends) {
        free(shape);
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    shape->whole = true;
    if (graph_pairs(store->graph, ENTITY_PREFIX, SHAPE_RELATIONS + 1, add_relation, shape, error) <
        0) {
        graph_shape_free(shape);
        return NULL;
    }
    size_t ends = shape->end_count;
    shape->keys = calloc(ends + 1, sizeof *shape->keys);
    shape->edges = calloc(ends / 2 + 1, sizeof *shape->edges);
    shape->starts = calloc(ends + 2, sizeof *shape->starts);
    shape->neighbours = calloc(ends + 1, sizeof *shape->neighbours);
    shape->links = calloc(ends + 1, sizeof *shape->links);
    if (!shape->keys || !shape->edges || !shape->starts || !shape->neighbours || !shape->links) {
        graph_shape_free(shape);
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    collect_keys(shape);
    collect_edges(shape);
    collect_neighbours(shape);
    return shape;
}

void graph_shape_free(struct graph_shape *shape)
{
    for (size_t i = 0; i < shape->end_count; i++)
        free(shape->ends[i]);
    free(shape->ends);
    free(shape->keys);
    free(shape->edges);
    free(shape->starts);
    free(shape->neighbours);
    free(shape->links);
    free(shape);
}

bool graph_shape_is_whole(const struct graph_shape *shape)
{
    return shape->whole;
}

static int best_first(const void *one, const void *other)
{
    const struct scored *a = one, *b = other;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return strcmp(a->key, b->key);
}

/* The best of `scores` (one for each node, freed) that are above zero. */
static json_t *best_of(const struct graph_shape *shape, double *scores, size_t limit)
{
    struct scored *all = malloc((shape->count + 1) * sizeof *all);
    json_t *list = json_array();
    size_t count = 0;
    for (size_t i = 0; all && scores && i < shape->count; i++)
        if (scores[i] > 0)
            all[count++] = (struct scored){shape->keys[i], scores[i]};
    if (all)
        qsort(all, count, sizeof *all, best_first);
    for (size_t i = 0; i < count && i < limit; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:f}", "name", all[i].key + strlen(ENTITY_PREFIX),
                                        "score", all[i].score));
    free(all);
    free(scores);
    return list;
}

json_t *graph_shape_related(const struct graph_shape *shape, const char *key, size_t limit)
{
    double *scores = calloc(shape->count + 1, sizeof *scores);
    size_t self = place_of(shape, key);
    const size_t *starts = shape->starts, *neighbours = shape->neighbours;
    for (size_t i = self == SIZE_MAX ? SIZE_MAX : starts[self];
         scores && self != SIZE_MAX && i < starts[self + 1]; i++) {
        size_t shared = neighbours[i], degree = starts[shared + 1] - starts[shared];
        if (degree < 2)
            continue; /* it is the neighbour of nothing else, and its logarithm is zero */
        for (size_t k = starts[shared]; k < starts[shared + 1]; k++)
            if (neighbours[k] != self)
                scores[neighbours[k]] += 1 / log((double)degree);
    }
    return best_of(shape, scores, limit);
}

json_t *graph_shape_central(const struct graph_shape *shape, size_t limit, unsigned *rounds)
{
    size_t n = shape->count;
    double *ranks = malloc((n + 1) * sizeof *ranks), *next = malloc((n + 1) * sizeof *next);
    size_t *leaving = calloc(n + 1, sizeof *leaving);
    double moved = 1;
    *rounds = 0;
    for (size_t i = 0; ranks && i < n; i++)
        ranks[i] = 1 / (double)n;
    for (size_t i = 0; leaving && i < shape->edge_count; i++)
        leaving[shape->edges[i].from]++;
    while (ranks && next && leaving && n && moved > LEAST_MOVE && *rounds < ROUNDS) {
        double lost = 0; /* what nodes without a way out give is everybody's */
        for (size_t i = 0; i < n; i++)
            lost += leaving[i] ? 0 : ranks[i];
        for (size_t i = 0; i < n; i++)
            next[i] = (1 - DAMPING + DAMPING * lost) / (double)n;
        for (size_t i = 0; i < shape->edge_count; i++) {
            const struct edge *edge = &shape->edges[i];
            next[edge->to] += DAMPING * ranks[edge->from] / (double)leaving[edge->from];
        }
        moved = 0;
        for (size_t i = 0; i < n; i++)
            moved = fmax(moved, fabs(next[i] - ranks[i]));
        double *other = ranks;
        ranks = next;
        next = other;
        ++*rounds;
    }
    free(next);
    free(leaving);
    return best_of(shape, ranks, limit);
}

static size_t degree_of(const struct graph_shape *shape, size_t node)
{
    return shape->starts[node + 1] - shape->starts[node];
}

/* What each edge counts: one, and one more for every neighbour that its ends share, so that a
 * thread between two groups carries less than what ties a group together. Each edge is looked at
 * from its end with fewer neighbours, or a hub would be walked once for every node around it. */
static size_t *weigh_edges(const struct graph_shape *shape)
{
    size_t *weights = malloc((shape->edge_count + 1) * sizeof *weights);
    bool *marked = calloc(shape->count + 1, sizeof *marked);
    const size_t *starts = shape->starts, *neighbours = shape->neighbours;
    for (size_t node = 0; weights && marked && node < shape->count; node++) {
        for (size_t i = starts[node]; i < starts[node + 1]; i++)
            marked[neighbours[i]] = true;
        for (size_t i = starts[node]; i < starts[node + 1]; i++) {
            size_t other = neighbours[i], degree = degree_of(shape, other);
            if (degree > degree_of(shape, node) ||
                (degree == degree_of(shape, node) && other > node))
                continue;
            size_t *weight = &weights[shape->links[i]];
            *weight = 1;
            for (size_t k = starts[other]; k < starts[other + 1]; k++)
                *weight += marked[neighbours[k]];
        }
        for (size_t i = starts[node]; i < starts[node + 1]; i++)
            marked[neighbours[i]] = false;
    }
    free(marked);
    return weights;
}

/* The label that the neighbours have with the most weight; its own when it is alone. */
static size_t most_common(const struct graph_shape *shape, size_t node, const size_t *labels,
                          const size_t *weights, size_t *votes)
{
    const size_t *starts = shape->starts, *neighbours = shape->neighbours;
    size_t best = labels[node], most = 0;
    for (size_t i = starts[node]; i < starts[node + 1]; i++)
        votes[labels[neighbours[i]]] += weights[shape->links[i]];
    for (size_t i = starts[node]; i < starts[node + 1]; i++) {
        size_t label = labels[neighbours[i]];
        if (votes[label] > most || (votes[label] == most && label < best)) {
            most = votes[label];
            best = label;
        }
    }
    for (size_t i = starts[node]; i < starts[node + 1]; i++)
        votes[labels[neighbours[i]]] = 0;
    return best;
}

static int larger_first(const void *one, const void *other)
{
    const json_t *const *a = one, *const *b = other;
    size_t m = json_array_size(*a), n = json_array_size(*b);
    if (m != n)
        return m > n ? -1 : 1;
    return strcmp(json_string_value(json_array_get(*a, 0)),
                  json_string_value(json_array_get(*b, 0)));
}

/* `labels` as groups of names; a label is the place of a node. */
static json_t *group(const struct graph_shape *shape, const size_t *labels, size_t minimum,
                     size_t limit)
{
    json_t **groups = calloc(shape->count + 1, sizeof *groups), *list = json_array();
    size_t count = 0;
    for (size_t i = 0; groups && i < shape->count; i++) {
        json_t **mine = &groups[labels[i]];
        if (!*mine)
            *mine = json_array();
        json_array_append_new(*mine, json_string(shape->keys[i] + strlen(ENTITY_PREFIX)));
    }
    for (size_t i = 0; groups && i < shape->count; i++)
        if (groups[i] && json_array_size(groups[i]) >= minimum)
            groups[count++] = groups[i];
        else
            json_decref(groups[i]);
    if (groups)
        qsort(groups, count, sizeof(json_t *), larger_first);
    for (size_t i = 0; i < count; i++)
        if (i < limit)
            json_array_append_new(list, groups[i]);
        else
            json_decref(groups[i]);
    free(groups);
    return list;
}

json_t *graph_shape_communities(const struct graph_shape *shape, size_t minimum, size_t limit)
{
    size_t *labels = malloc((shape->count + 1) * sizeof *labels);
    size_t *votes = calloc(shape->count + 1, sizeof *votes);
    size_t *weights = weigh_edges(shape);
    bool changed = labels && votes && weights;
    for (size_t i = 0; labels && i < shape->count; i++)
        labels[i] = i;
    for (unsigned round = 0; changed && round < ROUNDS; round++) {
        changed = false;
        for (size_t i = 0; i < shape->count; i++) {
            size_t label = most_common(shape, i, labels, weights, votes);
            changed = changed || label != labels[i];
            labels[i] = label;
        }
    }
    json_t *list = labels && votes && weights ? group(shape, labels, minimum, limit) : json_array();
    free(labels);
    free(votes);
    free(weights);
    return list;
}
