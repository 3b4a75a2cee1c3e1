/* See graph.h. Which of the two it is. */
#include "burrow/tiers/graph_internal.h"
#include "burrow/tiers/graph_shape.h"

#include <string.h>

struct graph *graph_open(struct records *records, const char *url, struct error *error)
{
    return url ? graph_neo4j_open(records, url, error) : graph_embedded_open(records, error);
}

void graph_close(struct graph *graph)
{
    if (!graph)
        return;
    graph_shape_free(graph->shape);
    graph->operations->close(graph);
}

int graph_missing_node(const char *key, struct error *error)
{
    const char *name = strncmp(key, "entity:", 7) == 0 ? key + 7 : key;
    return error_set(error, ERROR_USAGE, "there is no node \"%.200s\"; create it first", name);
}

json_t *graph_finished(json_t *result, const struct error *problem, struct error *error)
{
    if (problem->code == ERROR_NONE && result)
        return result;
    json_decref(result);
    if (problem->code == ERROR_NONE)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else if (error)
        *error = *problem;
    return NULL;
}

void graph_begin(struct graph *graph)
{
    graph->operations->begin(graph);
}

int graph_commit(struct graph *graph, struct error *error)
{
    return graph->operations->commit(graph, error);
}

void graph_rollback(struct graph *graph)
{
    graph->operations->rollback(graph);
}

int graph_node_put(struct graph *graph, const char *key, const char *type, const json_t *facts,
                   bool *created, struct error *error)
{
    return graph->operations->node_put(graph, key, type, facts, created, error);
}

int graph_node_add(struct graph *graph, const char *key, const char *type, const json_t *facts,
                   bool *created, struct error *error)
{
    return graph->operations->node_add(graph, key, type, facts, created, error);
}

json_t *graph_node(struct graph *graph, const char *key, struct error *error)
{
    return graph->operations->node(graph, key, error);
}

int graph_node_remove(struct graph *graph, const char *key, struct error *error)
{
    return graph->operations->node_remove(graph, key, error);
}

int graph_node_rename(struct graph *graph, const char *key, const char *to, struct error *error)
{
    return graph->operations->node_rename(graph, key, to, error);
}

json_t *graph_nodes(struct graph *graph, const char *prefix, const char *type, const char *text,
                    size_t offset, size_t limit, struct error *error)
{
    return graph->operations->nodes(graph, prefix, type, text, offset, limit, error);
}

int graph_relation_put(struct graph *graph, const char *from, const char *type, const char *to,
                       const json_t *facts, bool *created, struct error *error)
{
    return graph->operations->relation_put(graph, from, type, to, facts, created, error);
}

int64_t graph_relation_remove(struct graph *graph, const char *from, const char *type,
                              const char *to, struct error *error)
{
    return graph->operations->relation_remove(graph, from, type, to, error);
}

json_t *graph_relations(struct graph *graph, const char *key, enum graph_direction direction,
                        const char *type, size_t offset, size_t limit, struct error *error)
{
    return graph->operations->relations(graph, key, direction, type, offset, limit, error);
}

int graph_pairs(struct graph *graph, const char *prefix, size_t limit,
                void (*seen)(void *context, const char *from, const char *to), void *context,
                struct error *error)
{
    return graph->operations->pairs(graph, prefix, limit, seen, context, error);
}

uint64_t graph_pairs_version(struct graph *graph, const char *prefix)
{
    return graph->operations->pairs_version ? graph->operations->pairs_version(graph, prefix) : 0;
}

int graph_facts(struct graph *graph, struct graph_facts *facts, struct error *error)
{
    return graph->operations->facts(graph, facts, error);
}
