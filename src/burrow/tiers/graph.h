/* The graph tier: nodes with a type and facts, typed directed relations between them; in tables of
 * the records with recursive queries, or in Neo4j. A node's key is unique over the whole graph and
 * says what it is of: an entity's is its name as the user gave it with "entity:" in front;
 * "memory:ID", "blueprint:ID", "task:ID", "workflow:ID/STEP", "conversation:NAME", "diagram:NODE".
 *
 * In Neo4j a node is a (:BurrowNode {key, type, facts, folded}) and a relation a -[:BURROW {type,
 * facts}]->; facts are JSON text, `folded` has key, type and facts in lower case to search in. What
 * users wrote is only ever a parameter of a query. One server holds the graph of one memory, whose
 * identity is in its one (:BurrowMemory).
 *
 * There a call's writes are a transaction of their own, which is committed right before that of the
 * records. A crash in between is found out: the last thing that each transaction does is to count
 * one more in (:BurrowMemory).sequence and in the row of graph_neo4j in the records, and to leave
 * in
 * (:BurrowMemory).undo how to take its writes back. When a connection is made and Neo4j has counted
 * one more than the records, the records know nothing of that transaction: it is taken back. When
 * the counts differ by anything else, one of the two is an old copy, and the graph is not used.
 *
 * A Neo4j that cannot be reached, or refuses the password, makes the functions fail with
 * ERROR_TARGET (tools: tier_unavailable) and nothing else; it is asked again when the graph is
 * used.
 */
#ifndef BURROW_TIERS_GRAPH_H
#define BURROW_TIERS_GRAPH_H

#include "base/error.h"
#include "burrow/tiers/records.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graph;

/* `url` NULL: embedded, in the records. Else bolt://user:password@host:port, or another scheme of
 * net/bolt_connection.h. Fails on a URL that is none, not for a server that is away. */
struct graph *graph_open(struct records *records, const char *url, struct error *error);
void graph_close(struct graph *graph); /* harmless on NULL */

/* The dispatcher's: around what a call that writes does, inside its transaction of the records.
 * Commit before the records do; when that fails, or the records then fail to, roll both back. */
void graph_begin(struct graph *graph);
int graph_commit(struct graph *graph, struct error *error);
void graph_rollback(struct graph *graph);

enum graph_direction { GRAPH_OUT = 1, GRAPH_IN = 2, GRAPH_BOTH = 3 };

/* Make a node, or change it: `type` NULL keeps the type ("node" when new), `facts` (an object, may
 * be NULL) is merged into what is there. *created (may be NULL): it was not there. */
int graph_node_put(struct graph *graph, const char *key, const char *type, const json_t *facts,
                   bool *created, struct error *error);
/* Make a node, unless there is one, which stays as it is. */
int graph_node_add(struct graph *graph, const char *key, const char *type, const json_t *facts,
                   bool *created, struct error *error);
/* {"key", "type", "facts"} as a new reference; json_null() when missing; NULL on an error. */
json_t *graph_node(struct graph *graph, const char *key, struct error *error);
/* With its relations. 1 it was there, 0 not, -1 an error. */
int graph_node_remove(struct graph *graph, const char *key, struct error *error);
int graph_node_rename(struct graph *graph, const char *key, const char *to, struct error *error);
/* Nodes whose key begins with `prefix` and, if given, of `type`, and with `text` somewhere in key,
 * type or facts (case is ignored); by key, a page of them: an array of nodes. */
json_t *graph_nodes(struct graph *graph, const char *prefix, const char *type, const char *text,
                    size_t offset, size_t limit, struct error *error);

/* Both ends must be there: -1 with an error that names the missing one. */
int graph_relation_put(struct graph *graph, const char *from, const char *type, const char *to,
                       const json_t *facts, bool *created, struct error *error);
/* Relations that match; NULL matches any. How many went, -1 with an error. */
int64_t graph_relation_remove(struct graph *graph, const char *from, const char *type,
                              const char *to, struct error *error);
/* Relations of a node (NULL: of all) by type (NULL: any): an array of {"from", "type", "to",
 * "facts"}, ordered, a page of them. */
json_t *graph_relations(struct graph *graph, const char *key, enum graph_direction direction,
                        const char *type, size_t offset, size_t limit, struct error *error);
/* The ends of every relation between two nodes whose keys begin with `prefix`, at most `limit` of
 * them, in order; the texts are valid until `seen` returns. */
int graph_pairs(struct graph *graph, const char *prefix, size_t limit,
                void (*seen)(void *context, const char *from, const char *to), void *context,
                struct error *error);
/* Is another once any of those may be others: 0 where that is not known. */
uint64_t graph_pairs_version(struct graph *graph, const char *prefix);
/* Nodes within `depth` steps of one, itself left out: an array of {"key", "type", "distance"},
 * nearest first, at most `limit`. `prefix` NULL or "": any node. */
json_t *graph_within(struct graph *graph, const char *key, enum graph_direction direction,
                     const char *type, const char *prefix, unsigned depth, size_t limit,
                     struct error *error);
/* A shortest path as an array of keys, both ends included; empty when there is none within
 * `depth`. */
json_t *graph_path(struct graph *graph, const char *from, const char *to,
                   enum graph_direction direction, unsigned depth, struct error *error);

struct graph_facts {
    const char *kind; /* "embedded", "neo4j" */
    int64_t nodes, relations;
    unsigned connections, in_use, waiting; /* of Neo4j; 0 embedded */
    bool reachable;                        /* embedded: always */
    uint64_t failures;                     /* of Neo4j, since the start */
    char last_error[256];                  /* of Neo4j; "" when there was none */
};
/* Does not fail for a Neo4j that cannot be reached: `reachable` says it. */
int graph_facts(struct graph *graph, struct graph_facts *facts, struct error *error);

struct graph_degrees {
    json_t *distribution; /* {"DEGREE": how many nodes have so many relations}, but for 0 */
    json_t *busiest;      /* key of a node that has the most; null when there is no relation */
    int64_t most;
    int64_t relations; /* that were looked at */
};
/* Embedded: of all relations; in Neo4j: of the first GRAPH_DEGREES_SEEN. The caller releases both
 * values. -1 with an error, and without them. */
#define GRAPH_DEGREES_SEEN 20000
int graph_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error);

#endif
