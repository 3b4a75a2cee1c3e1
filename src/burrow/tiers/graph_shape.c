/* See graph_shape.h. */
#include "burrow/tiers/graph_shape.h"

#include "base/hash.h"
#include "burrow/tiers/graph_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMPING       0.85
#define LEAST_MOVE    1e-6
#define ROUNDS        100
#define ENTITY_PREFIX "entity:"

struct edge {
    size_t from, to;
};

struct graph_shape {
    char **keys; /* each once; in order when it is loaded */
    size_t count, room;
    size_t *slots; /* while it is loaded: 1-based places of keys by their hash; 0: free */
    size_t slot_count;
    struct edge *edges;
    size_t edge_count, edge_room, relation_count;
    size_t *starts; /* undirected neighbours of node i: neighbours[starts[i]] up to starts[i + 1] */
    size_t *neighbours;
    size_t *links; /* the edge that each of the neighbours is tied by */
    bool whole, failed;
    struct ranking *ranking; /* when it was asked for, else NULL */
    size_t *labels;          /* of communities: the place of a node; so too */
};

struct scored {
    const char *key;
    double score;
};

struct ranking { /* best first */
    unsigned rounds;
    size_t count;
    struct scored all[];
};

static int by_text(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static size_t place_of(const struct graph_shape *shape, const char *key)
{
    char **found = shape->count
                       ? bsearch(&key, shape->keys, shape->count, sizeof *shape->keys, by_text)
                       : NULL;
    return found ? (size_t)(found - shape->keys) : SIZE_MAX;
}

/* ---- loading -------------------------------------------------------------------------------- */

static size_t *slot_of(const struct graph_shape *shape, const char *key)
{
    for (size_t at = hash_bytes(key, strlen(key));; at++) {
        size_t *slot = &shape->slots[at & (shape->slot_count - 1)];
        if (!*slot || strcmp(shape->keys[*slot - 1], key) == 0)
            return slot;
    }
}

static int grow(struct graph_shape *shape)
{
    if (shape->count < shape->room)
        return 0;
    size_t room = shape->room ? shape->room * 2 : 256;
    char **keys = realloc(shape->keys, room * sizeof *keys);
    if (keys)
        shape->keys = keys;
    size_t *slots = keys ? calloc(room * 2, sizeof *slots) : NULL;
    if (!slots)
        return -1;
    free(shape->slots);
    shape->room = room;
    shape->slots = slots;
    shape->slot_count = room * 2;
    for (size_t i = 0; i < shape->count; i++)
        *slot_of(shape, shape->keys[i]) = i + 1;
    return 0;
}

/* SIZE_MAX: out of memory. */
static size_t node_of(struct graph_shape *shape, const char *key)
{
    if (grow(shape) < 0)
        return SIZE_MAX;
    size_t *slot = slot_of(shape, key);
    if (*slot)
        return *slot - 1;
    char *copy = strdup(key);
    if (!copy)
        return SIZE_MAX;
    shape->keys[shape->count++] = copy;
    *slot = shape->count;
    return shape->count - 1;
}

static int add_edge(struct graph_shape *shape, struct edge edge)
{
    if (shape->edge_count == shape->edge_room) {
        size_t room = shape->edge_room ? shape->edge_room * 2 : 256;
        struct edge *edges = realloc(shape->edges, room * sizeof *edges);
        if (!edges)
            return -1;
        shape->edges = edges;
        shape->edge_room = room;
    }
    shape->edges[shape->edge_count++] = edge;
    return 0;
}

/* One more relation than is used is asked for: it tells whether the shape is whole. */
static void add_relation(void *context, const char *from, const char *to)
{
    struct graph_shape *shape = context;
    if (shape->relation_count == SHAPE_RELATIONS) {
        shape->whole = false;
        return;
    }
    struct edge edge = {node_of(shape, from), node_of(shape, to)};
    shape->relation_count++;
    if (edge.from == SIZE_MAX || edge.to == SIZE_MAX ||
        (edge.from != edge.to && add_edge(shape, edge) < 0))
        shape->failed = true;
}

/* Nodes were numbered as they came; from here on their order is that of their keys. */
static int put_in_order(struct graph_shape *shape)
{
    char **sorted = malloc((shape->count + 1) * sizeof *sorted);
    size_t *places = malloc((shape->count + 1) * sizeof *places);
    if (sorted && places) {
        memcpy(sorted, shape->keys, shape->count * sizeof *sorted);
        qsort(sorted, shape->count, sizeof *sorted, by_text);
        for (size_t i = 0; i < shape->count; i++)
            places[*slot_of(shape, sorted[i]) - 1] = i;
        for (size_t i = 0; i < shape->edge_count; i++)
            shape->edges[i] =
                (struct edge){places[shape->edges[i].from], places[shape->edges[i].to]};
        memcpy(shape->keys, sorted, shape->count * sizeof *sorted);
    }
    int result = sorted && places ? 0 : -1;
    free(sorted);
    free(places);
    return result;
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

static int arrange(struct graph_shape *shape)
{
    if (shape->count && put_in_order(shape) < 0)
        return -1;
    shape->starts = calloc(shape->count + 2, sizeof *shape->starts);
    shape->neighbours = calloc(2 * shape->edge_count + 1, sizeof *shape->neighbours);
    shape->links = calloc(2 * shape->edge_count + 1, sizeof *shape->links);
    if (!shape->starts || !shape->neighbours || !shape->links)
        return -1;
    collect_neighbours(shape);
    return 0;
}

static struct graph_shape *load(struct graph *graph, struct error *error)
{
    struct graph_shape *shape = calloc(1, sizeof *shape);
    if (!shape) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    shape->whole = true;
    int failed = graph_pairs(graph, ENTITY_PREFIX, SHAPE_RELATIONS + 1, add_relation, shape, error);
    if (failed == 0 && (shape->failed || arrange(shape) < 0))
        failed = error_set(error, ERROR_INTERNAL, "out of memory");
    if (failed == 0)
        return shape;
    graph_shape_free(shape);
    return NULL;
}

struct graph_shape *graph_shape_of(struct graph *graph, struct error *error)
{
    uint64_t version = graph_pairs_version(graph, ENTITY_PREFIX);
    if (graph->shape && version && version == graph->shape_version)
        return graph->shape;
    graph_shape_free(graph->shape);
    graph->shape = load(graph, error);
    graph->shape_version = version;
    return graph->shape;
}

void graph_shape_free(struct graph_shape *shape)
{
    if (!shape)
        return;
    for (size_t i = 0; i < shape->count; i++)
        free(shape->keys[i]);
    free(shape->keys);
    free(shape->slots);
    free(shape->edges);
    free(shape->starts);
    free(shape->neighbours);
    free(shape->links);
    free(shape->ranking);
    free(shape->labels);
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

/* Of `scores`, one for each node and freed, those above zero. NULL: memory is out. */
static struct ranking *rank(const struct graph_shape *shape, double *scores)
{
    struct ranking *ranking = malloc(sizeof *ranking + shape->count * sizeof *ranking->all);
    if (ranking && scores) {
        *ranking = (struct ranking){0};
        for (size_t i = 0; i < shape->count; i++)
            if (scores[i] > 0)
                ranking->all[ranking->count++] = (struct scored){shape->keys[i], scores[i]};
        qsort(ranking->all, ranking->count, sizeof *ranking->all, best_first);
    } else {
        free(ranking);
        ranking = NULL;
    }
    free(scores);
    return ranking;
}

static json_t *best_of(const struct ranking *ranking, size_t limit)
{
    json_t *list = ranking ? json_array() : NULL;
    for (size_t i = 0; list && i < ranking->count && i < limit; i++)
        json_array_append_new(list, json_pack("{s:s, s:f}", "name",
                                              ranking->all[i].key + strlen(ENTITY_PREFIX), "score",
                                              ranking->all[i].score));
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
    struct ranking *ranking = rank(shape, scores);
    json_t *list = best_of(ranking, limit);
    free(ranking);
    return list;
}

/* NULL: memory is out. */
static struct ranking *rank_by_links(const struct graph_shape *shape)
{
    size_t n = shape->count;
    double *ranks = malloc((n + 1) * sizeof *ranks), *next = malloc((n + 1) * sizeof *next);
    size_t *leaving = calloc(n + 1, sizeof *leaving);
    double moved = 1;
    unsigned rounds = 0;
    for (size_t i = 0; ranks && i < n; i++)
        ranks[i] = 1 / (double)n;
    for (size_t i = 0; leaving && i < shape->edge_count; i++)
        leaving[shape->edges[i].from]++;
    while (ranks && next && leaving && n && moved > LEAST_MOVE && rounds < ROUNDS) {
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
        rounds++;
    }
    bool able = next && leaving;
    free(next);
    free(leaving);
    if (!able) {
        free(ranks);
        return NULL;
    }
    struct ranking *ranking = rank(shape, ranks);
    if (ranking)
        ranking->rounds = rounds;
    return ranking;
}

json_t *graph_shape_central(struct graph_shape *shape, size_t limit, unsigned *rounds)
{
    if (!shape->ranking)
        shape->ranking = rank_by_links(shape);
    *rounds = shape->ranking ? shape->ranking->rounds : 0;
    return best_of(shape->ranking, limit);
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

struct group {
    size_t label, first, count; /* first: of its nodes, which are in the order of their names */
};

static int larger_first(const void *one, const void *other)
{
    const struct group *a = one, *b = other;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* The groups that are as large as that, larger ones first. */
static size_t collect_groups(const struct graph_shape *shape, const size_t *labels, size_t minimum,
                             struct group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < shape->count; i++) {
        struct group *mine = &groups[labels[i]];
        if (mine->count++ == 0)
            mine->first = i;
        mine->label = labels[i];
    }
    for (size_t i = 0; i < shape->count; i++)
        if (groups[i].count && groups[i].count >= minimum)
            groups[count++] = groups[i];
    qsort(groups, count, sizeof *groups, larger_first);
    return count;
}

/* As groups of names. */
static json_t *group(const struct graph_shape *shape, size_t minimum, size_t limit)
{
    const size_t *labels = shape->labels;
    struct group *groups = calloc(shape->count + 1, sizeof *groups);
    json_t **lists = calloc(shape->count + 1, sizeof(json_t *));
    json_t *all = groups && lists ? json_array() : NULL;
    size_t count = all ? collect_groups(shape, labels, minimum, groups) : 0;
    for (size_t i = 0; i < count && i < limit; i++) {
        lists[groups[i].label] = json_array();
        json_array_append_new(all, lists[groups[i].label]);
    }
    for (size_t i = 0; all && i < shape->count; i++)
        if (lists[labels[i]])
            json_array_append_new(lists[labels[i]],
                                  json_string(shape->keys[i] + strlen(ENTITY_PREFIX)));
    free(groups);
    free(lists);
    return all;
}

/* NULL: memory is out. */
static size_t *label(const struct graph_shape *shape)
{
    size_t *labels = malloc((shape->count + 1) * sizeof *labels);
    size_t *votes = calloc(shape->count + 1, sizeof *votes);
    size_t *weights = weigh_edges(shape);
    bool able = labels && votes && weights, changed = able;
    for (size_t i = 0; labels && i < shape->count; i++)
        labels[i] = i;
    for (unsigned round = 0; changed && round < ROUNDS; round++) {
        changed = false;
        for (size_t i = 0; i < shape->count; i++) {
            size_t common = most_common(shape, i, labels, weights, votes);
            changed = changed || common != labels[i];
            labels[i] = common;
        }
    }
    free(votes);
    free(weights);
    if (able)
        return labels;
    free(labels);
    return NULL;
}

json_t *graph_shape_communities(struct graph_shape *shape, size_t minimum, size_t limit)
{
    if (!shape->labels)
        shape->labels = label(shape);
    return shape->labels ? group(shape, minimum, limit) : NULL;
}
