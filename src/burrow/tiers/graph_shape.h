/* The entities' graph as arrays, for what needs all of it at once: rank, communities, shared
 * neighbours. Bounded: beyond SHAPE_RELATIONS relations, the first of them in order are taken.
 *
 * The graph keeps its last shape, and the shape what was computed of it, until a relation between
 * entities changes. Where the graph cannot know (Neo4j), each shape is loaded anew. */
#ifndef BURROW_TIERS_GRAPH_SHAPE_H
#define BURROW_TIERS_GRAPH_SHAPE_H

#include "burrow/tiers/graph.h"

#include <stdbool.h>
#include <stddef.h>

#define SHAPE_RELATIONS 20000

struct graph_shape;

/* Of what the graph is now; it is the graph's, until the next of these. NULL with an error. */
struct graph_shape *graph_shape_of(struct graph *graph, struct error *error);
void graph_shape_free(struct graph_shape *shape); /* the graph's; harmless on NULL */
bool graph_shape_is_whole(const struct graph_shape *shape);

/* Each is a new array, or NULL: memory is out. */
/* Of {"name", "score"}, best first. */
/* Adamic-Adar over undirected neighbours (Adamic, Adar 2003). */
json_t *graph_shape_related(const struct graph_shape *shape, const char *key, size_t limit);
/* PageRank with damping 0.85 until no rank moves by more than a millionth (Page, Brin 1998). */
json_t *graph_shape_central(struct graph_shape *shape, size_t limit, unsigned *rounds);
/* Label propagation (Raghavan et al. 2007) with edges weighted by the neighbours that their ends
 * share, in the order of the names and with ties to the smaller label, so that it is the same each
 * time: arrays of names, largest first. */
json_t *graph_shape_communities(struct graph_shape *shape, size_t minimum, size_t limit);

#endif
