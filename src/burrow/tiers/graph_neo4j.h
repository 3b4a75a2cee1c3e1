/* What the two halves of the graph in Neo4j share: queries (graph_neo4j.c), and the agreement with
 * the records (graph_neo4j_journal.c). */
#ifndef BURROW_TIERS_GRAPH_NEO4J_H
#define BURROW_TIERS_GRAPH_NEO4J_H

#include "burrow/tiers/graph_internal.h"
#include "burrow/tiers/neo4j_client.h"

struct neo4j_graph {
    struct graph graph;
    struct records *records;
    struct neo4j_client client;
    bool in_call, kept; /* kept: the records are in a file */
    json_t *undo;       /* how to take back what this transaction wrote, the last first */
    bool unrecorded;    /* Neo4j has committed what the records may have rolled back */
};

/* A query on a connection that agrees with the records; takes `parameters` over. An array of rows,
 * NULL with an error. */
json_t *neo4j_graph_run(struct neo4j_graph *graph, const char *cypher, json_t *parameters,
                        struct error *error);

/* Of a new connection: constraints, whose graph it is, and what the records know nothing of is
 * taken back. -1: the graph cannot be used. */
int neo4j_journal_agree(struct neo4j_graph *graph, struct error *error);
/* The tables. */
int neo4j_journal_open(struct neo4j_graph *graph, struct error *error);

/* Note how to take back a write: these are run in reverse. Facts as text. `entry` is taken over. */
int neo4j_journal_add(struct neo4j_graph *graph, json_t *entry, struct error *error);
/* The last query of a transaction that wrote, and the row in the records. */
int neo4j_journal_seal(struct neo4j_graph *graph, struct error *error);

/* Queries that the journal needs as well: make a node or relation exactly so. */
json_t *neo4j_graph_set_node(struct neo4j_graph *graph, const char *key, const char *type,
                             const char *facts, struct error *error);
json_t *neo4j_graph_set_relation(struct neo4j_graph *graph, const char *from, const char *type,
                                 const char *to, const char *facts, struct error *error);
json_t *neo4j_graph_rename(struct neo4j_graph *graph, const char *key, const char *to,
                           struct error *error);

#endif
