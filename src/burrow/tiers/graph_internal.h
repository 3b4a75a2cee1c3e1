/* What graph.c and graph_walk.c ask of where the graph is: in the records, or in Neo4j. */
#ifndef BURROW_TIERS_GRAPH_INTERNAL_H
#define BURROW_TIERS_GRAPH_INTERNAL_H

#include "burrow/tiers/graph.h"

/* One neighbour of the key at `place` of those asked for; `type` NULL: it was not looked up. */
typedef void graph_neighbour(void *context, size_t place, const char *key, const char *type);

/* The functions of graph.h, but for walks, which are made of `neighbours`: each neighbour of each
 * key once, in order of the keys asked for and then of the neighbours'. */
struct graph_operations {
    int (*node_put)(struct graph *graph, const char *key, const char *type, const json_t *facts,
                    bool *created, struct error *error);
    int (*node_add)(struct graph *graph, const char *key, const char *type, const json_t *facts,
                    bool *created, struct error *error);
    json_t *(*node)(struct graph *graph, const char *key, struct error *error);
    int (*node_remove)(struct graph *graph, const char *key, struct error *error);
    int (*node_rename)(struct graph *graph, const char *key, const char *to, struct error *error);
    json_t *(*nodes)(struct graph *graph, const char *prefix, const char *type, const char *text,
                     size_t offset, size_t limit, struct error *error);
    int (*relation_put)(struct graph *graph, const char *from, const char *type, const char *to,
                        const json_t *facts, bool *created, struct error *error);
    int64_t (*relation_remove)(struct graph *graph, const char *from, const char *type,
                               const char *to, struct error *error);
    json_t *(*relations)(struct graph *graph, const char *key, enum graph_direction direction,
                         const char *type, size_t offset, size_t limit, struct error *error);
    int (*pairs)(struct graph *graph, const char *prefix, size_t limit,
                 void (*seen)(void *context, const char *from, const char *to), void *context,
                 struct error *error);
    uint64_t (*pairs_version)(struct graph *graph, const char *prefix); /* NULL: is never known */
    int (*neighbours)(struct graph *graph, const char *const *keys, size_t count,
                      enum graph_direction direction, const char *type, graph_neighbour *seen,
                      void *context, struct error *error);
    int (*facts)(struct graph *graph, struct graph_facts *facts, struct error *error);
    int (*degrees)(struct graph *graph, struct graph_degrees *degrees, struct error *error);
    void (*begin)(struct graph *graph);
    int (*commit)(struct graph *graph, struct error *error);
    void (*rollback)(struct graph *graph);
    void (*close)(struct graph *graph);
    size_t batch; /* keys of one call of `neighbours` */
};

/* The first member of either. */
struct graph {
    const struct graph_operations *operations;
    struct graph_shape *shape; /* the last; see graph_shape.h */
    uint64_t shape_version;    /* of the pairs that it was made of */
};

struct graph *graph_embedded_open(struct records *records, struct error *error);
struct graph *graph_neo4j_open(struct records *records, const char *url, struct error *error);

/* -1: an end of a relation is missing; `key` is its. */
int graph_missing_node(const char *key, struct error *error);
/* `result`, unless something went wrong on the way: then it is given up, and NULL. */
json_t *graph_finished(json_t *result, const struct error *problem, struct error *error);

/* Of the graph in the records, what follows what is written to it: from the first time that it is
 * asked for. */
struct graph_following {
    bool begun;
    struct degree_table *degrees; /* kept; NULL: not asked for yet, or they could not follow */
    char prefix[16];              /* of the keys of a kind of nodes: that was last asked for */
    uint64_t changes;             /* of relations between two of them */
};
/* Once, before any of the others: `following` may not move. */
int graph_following_open(struct records *records, struct graph_following *following,
                         struct error *error);
/* Degrees are as if they were never asked for, and relations may be others than they were. */
void graph_following_undone(struct graph_following *following);
/* These two in no transaction that writes, which may be undone. The first has following->changes
 * of a prefix be another whenever its relations may be others. */
int graph_follow_pairs(struct records *records, struct graph_following *following,
                       const char *prefix, struct error *error);
int graph_keep_degrees(struct records *records, struct graph_following *following,
                       struct error *error);
struct degree_table;
void graph_kept_degrees(const struct degree_table *table, struct graph_degrees *degrees);
/* Of any graph, from its relations. */
int graph_count_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error);

#endif
