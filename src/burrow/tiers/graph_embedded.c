/* The graph in the records: two tables, so that a node and the document it stands for are written
 * in one transaction. */
#include "burrow/tiers/graph_internal.h"

#include <stdlib.h>
#include <string.h>

struct embedded_graph {
    struct graph graph;
    struct records *records;
    bool keeps_degrees;
};

static const char *const migrations[] = {
    "CREATE TABLE graph_nodes(key TEXT PRIMARY KEY, type TEXT NOT NULL, facts TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX graph_nodes_type ON graph_nodes(type, key);"
    "CREATE TABLE graph_relations("
    " origin TEXT NOT NULL REFERENCES graph_nodes(key) ON DELETE CASCADE ON UPDATE CASCADE,"
    " type TEXT NOT NULL,"
    " target TEXT NOT NULL REFERENCES graph_nodes(key) ON DELETE CASCADE ON UPDATE CASCADE,"
    " facts TEXT NOT NULL, PRIMARY KEY(origin, type, target)) WITHOUT ROWID;"
    "CREATE INDEX graph_relations_target ON graph_relations(target, type, origin)",
    "DROP INDEX graph_nodes_type", /* nothing but counting used it */
    NULL};

static struct embedded_graph *embedded_of(struct graph *graph)
{
    return (struct embedded_graph *)graph;
}

static struct records *records_of(struct graph *graph)
{
    return embedded_of(graph)->records;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

/* 1 it was made, 0 there is one, -1 an error. `facts` is JSON. */
static int insert_node(struct graph *graph, const char *key, const char *type, const char *facts,
                       struct error *error)
{
    return (int)records_run(records_of(graph), error,
                            "INSERT INTO graph_nodes(key, type, facts) VALUES(?1,"
                            " coalesce(?2, 'node'), coalesce(?3, '{}')) ON CONFLICT DO NOTHING",
                            "sss", key, type, facts);
}

/* Writes nothing where it changes nothing. json_patch is RFC 7396: members are added or replaced,
 * null removes. */
static int change_node(struct graph *graph, const char *key, const char *type, const char *facts,
                       struct error *error)
{
    return records_run(records_of(graph), error,
                       "UPDATE graph_nodes SET type = coalesce(?2, type), facts = CASE WHEN ?3 IS"
                       " NULL THEN facts ELSE json_patch(facts, ?3) END"
                       " WHERE key = ?1 AND (?3 IS NOT NULL OR type <> ?2)",
                       "sss", key, type, facts) < 0
               ? -1
               : 0;
}

static int embedded_node_put(struct graph *graph, const char *key, const char *type,
                             const json_t *facts, bool *created, struct error *error)
{
    char *text = json_dumps(facts, JSON_COMPACT);
    int done = insert_node(graph, key, type, text, error);
    if (created)
        *created = done > 0;
    if (done == 0 && (type || text))
        done = change_node(graph, key, type, text, error);
    free(text);
    return done < 0 ? -1 : 0;
}

static int embedded_node_add(struct graph *graph, const char *key, const char *type,
                             const json_t *facts, bool *created, struct error *error)
{
    char *text = json_dumps(facts, JSON_COMPACT);
    int done = insert_node(graph, key, type, text, error);
    *created = done > 0;
    free(text);
    return done < 0 ? -1 : 0;
}

static json_t *node_of(sqlite3_stmt *row)
{
    return json_pack("{s:s, s:s, s:o}", "key", records_text(row, 0), "type", records_text(row, 1),
                     "facts", records_json(row, 2));
}

static json_t *embedded_node(struct graph *graph, const char *key, struct error *error)
{
    struct error problem = {0};
    json_t *node = NULL;
    sqlite3_stmt *row =
        records_query(records_of(graph), &problem,
                      "SELECT key, type, facts FROM graph_nodes WHERE key = ?1", "s", key);
    if (row && records_next(row, &problem)) {
        node = node_of(row);
        records_done(row);
    } else if (problem.code == ERROR_NONE) {
        node = json_null();
    }
    return graph_finished(node, &problem, error);
}

/* Its relations go with it, by their foreign keys. */
static int embedded_node_remove(struct graph *graph, const char *key, struct error *error)
{
    return (int)records_run(records_of(graph), error, "DELETE FROM graph_nodes WHERE key = ?1", "s",
                            key);
}

static int embedded_node_rename(struct graph *graph, const char *key, const char *to,
                                struct error *error)
{
    int64_t changed = records_run(records_of(graph), error,
                                  "UPDATE graph_nodes SET key = ?2 WHERE key = ?1", "ss", key, to);
    return changed < 0 ? -1 : (int)changed;
}

static json_t *embedded_nodes(struct graph *graph, const char *prefix, const char *type,
                              const char *text, size_t offset, size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *nodes = json_array();
    /* a range over the primary key finds the prefix: U+10FFFF is above every other character */
    sqlite3_stmt *row = records_query(
        records_of(graph), &problem,
        "SELECT key, type, facts FROM graph_nodes"
        " WHERE key >= ?1 AND key < ?1 || char(1114111) AND (?2 IS NULL OR type = ?2)"
        " AND (?3 IS NULL OR instr(lower(key), lower(?3)) OR instr(lower(type), lower(?3))"
        "  OR instr(lower(facts), lower(?3)))"
        " ORDER BY key LIMIT ?5 OFFSET ?4",
        "sssii", prefix ? prefix : "", type, text, (int64_t)offset, (int64_t)limit);
    while (row && records_next(row, &problem))
        json_array_append_new(nodes, node_of(row));
    return graph_finished(nodes, &problem, error);
}

/* ---- relations ------------------------------------------------------------------------------ */

static int require_node(struct graph *graph, const char *key, struct error *error)
{
    int64_t there = 0;
    if (records_integer(records_of(graph), error, 0, &there,
                        "SELECT 1 FROM graph_nodes WHERE key = ?1", "s", key) < 0)
        return -1;
    if (there)
        return 0;
    return graph_missing_node(key, error);
}

/* A foreign key has refused it: which end is it? Keeps the error when it is neither. */
static int refused(struct graph *graph, const char *from, const char *to, struct error *error)
{
    struct error missing = {0};
    if ((require_node(graph, from, &missing) < 0 || require_node(graph, to, &missing) < 0) && error)
        *error = missing;
    return -1;
}

static int embedded_relation_put(struct graph *graph, const char *from, const char *type,
                                 const char *to, const json_t *facts, bool *created,
                                 struct error *error)
{
    char *text = json_dumps(facts, JSON_COMPACT);
    int64_t done = records_run(records_of(graph), error,
                               "INSERT INTO graph_relations(origin, type, target, facts)"
                               " VALUES(?1, ?2, ?3, coalesce(?4, '{}')) ON CONFLICT DO NOTHING",
                               "ssss", from, type, to, text);
    if (created)
        *created = done > 0;
    if (done < 0)
        done = refused(graph, from, to, error);
    else if (done == 0 && text)
        done = records_run(records_of(graph), error,
                           "UPDATE graph_relations SET facts = json_patch(facts, ?4)"
                           " WHERE origin = ?1 AND type = ?2 AND target = ?3",
                           "ssss", from, type, to, text);
    free(text);
    return done < 0 ? -1 : 0;
}

static int64_t embedded_relation_remove(struct graph *graph, const char *from, const char *type,
                                        const char *to, struct error *error)
{
    if (from)
        return records_run(records_of(graph), error,
                           "DELETE FROM graph_relations WHERE origin = ?1"
                           " AND (?2 IS NULL OR type = ?2) AND (?3 IS NULL OR target = ?3)",
                           "sss", from, type, to);
    if (to)
        return records_run(records_of(graph), error,
                           "DELETE FROM graph_relations WHERE target = ?2"
                           " AND (?1 IS NULL OR type = ?1)",
                           "ss", type, to);
    return records_run(records_of(graph), error,
                       "DELETE FROM graph_relations WHERE ?1 IS NULL OR type = ?1", "s", type);
}

static void add_relations(sqlite3_stmt *row, json_t *relations, struct error *problem)
{
    while (row && records_next(row, problem))
        json_array_append_new(relations,
                              json_pack("{s:s, s:s, s:s, s:o}", "from", records_text(row, 0),
                                        "type", records_text(row, 1), "to", records_text(row, 2),
                                        "facts", records_json(row, 3)));
}

static json_t *embedded_relations(struct graph *graph, const char *key,
                                  enum graph_direction direction, const char *type, size_t offset,
                                  size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *relations = json_array();
    sqlite3_stmt *row;
    if (!key)
        row = records_query(records_of(graph), &problem,
                            "SELECT origin, type, target, facts FROM graph_relations"
                            " WHERE ?1 IS NULL OR type = ?1"
                            " ORDER BY origin, type, target LIMIT ?3 OFFSET ?2",
                            "sii", type, (int64_t)offset, (int64_t)limit);
    else
        row =
            records_query(records_of(graph), &problem,
                          "SELECT origin, type, target, facts FROM graph_relations"
                          " WHERE origin = ?1 AND ?2 & 1 AND (?3 IS NULL OR type = ?3)"
                          " UNION SELECT origin, type, target, facts FROM graph_relations"
                          " WHERE target = ?1 AND ?2 & 2 AND (?3 IS NULL OR type = ?3)"
                          " ORDER BY 1, 2, 3 LIMIT ?5 OFFSET ?4",
                          "sisii", key, (int64_t)direction, type, (int64_t)offset, (int64_t)limit);
    add_relations(row, relations, &problem);
    return graph_finished(relations, &problem, error);
}

static int embedded_pairs(struct graph *graph, const char *prefix, size_t limit,
                          void (*seen)(void *context, const char *from, const char *to),
                          void *context, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row = records_query(
        records_of(graph), &problem,
        "SELECT origin, target FROM graph_relations WHERE origin >= ?1 AND"
        " origin < ?1 || char(1114111) AND target >= ?1 AND target < ?1 || char(1114111)"
        " ORDER BY origin, type, target LIMIT ?2",
        "si", prefix, (int64_t)limit);
    while (row && records_next(row, &problem))
        seen(context, records_text(row, 0), records_text(row, 1));
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

static int neighbours_of(struct graph *graph, const char *key, size_t place,
                         enum graph_direction direction, const char *type, graph_neighbour *seen,
                         void *context, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row =
        records_query(records_of(graph), &problem,
                      "SELECT target FROM graph_relations WHERE origin = ?1 AND ?2 & 1"
                      " AND (?3 IS NULL OR type = ?3)"
                      " UNION SELECT origin FROM graph_relations WHERE target = ?1 AND ?2 & 2"
                      " AND (?3 IS NULL OR type = ?3) ORDER BY 1",
                      "sis", key, (int64_t)direction, type);
    while (row && records_next(row, &problem))
        seen(context, place, records_text(row, 0), NULL);
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

static int embedded_neighbours(struct graph *graph, const char *const *keys, size_t count,
                               enum graph_direction direction, const char *type,
                               graph_neighbour *seen, void *context, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (neighbours_of(graph, keys[i], i, direction, type, seen, context, error) < 0)
            return -1;
    return 0;
}

/* ---- facts ---------------------------------------------------------------------------------- */

/* Counted from now on, but not from within a transaction, which may be undone. 1 when it is. */
static int keeps_degrees(struct graph *graph, struct error *error)
{
    struct embedded_graph *embedded = embedded_of(graph);
    if (embedded->keeps_degrees)
        return 1;
    if (records_is_writing(embedded->records))
        return 0;
    if (graph_keep_degrees(embedded->records, error) < 0)
        return -1;
    embedded->keeps_degrees = true;
    return 1;
}

static int embedded_facts(struct graph *graph, struct graph_facts *facts, struct error *error)
{
    *facts = (struct graph_facts){.kind = "embedded", .reachable = true};
    int kept = keeps_degrees(graph, error);
    if (kept)
        return kept < 0 ? -1 : graph_kept_facts(records_of(graph), facts, error);
    return records_integer(records_of(graph), error, 0, &facts->nodes,
                           "SELECT count(*) FROM graph_nodes", "") < 0 ||
                   records_integer(records_of(graph), error, 0, &facts->relations,
                                   "SELECT count(*) FROM graph_relations", "") < 0
               ? -1
               : 0;
}

static int embedded_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error)
{
    int kept = keeps_degrees(graph, error);
    if (kept)
        return kept < 0 ? -1 : graph_kept_degrees(records_of(graph), degrees, error);
    return graph_count_degrees(graph, degrees, error);
}

/* ---- the call's transaction is that of the records ------------------------------------------ */

static void embedded_begin(struct graph *graph)
{
    (void)graph;
}

static int embedded_commit(struct graph *graph, struct error *error)
{
    (void)graph;
    (void)error;
    return 0;
}

static void embedded_rollback(struct graph *graph)
{
    (void)graph;
}

static void embedded_close(struct graph *graph)
{
    free(graph);
}

static const struct graph_operations operations = {.node_put = embedded_node_put,
                                                   .node_add = embedded_node_add,
                                                   .node = embedded_node,
                                                   .node_remove = embedded_node_remove,
                                                   .node_rename = embedded_node_rename,
                                                   .nodes = embedded_nodes,
                                                   .relation_put = embedded_relation_put,
                                                   .relation_remove = embedded_relation_remove,
                                                   .relations = embedded_relations,
                                                   .pairs = embedded_pairs,
                                                   .neighbours = embedded_neighbours,
                                                   .facts = embedded_facts,
                                                   .degrees = embedded_degrees,
                                                   .begin = embedded_begin,
                                                   .commit = embedded_commit,
                                                   .rollback = embedded_rollback,
                                                   .close = embedded_close,
                                                   .batch = 1};

struct graph *graph_embedded_open(struct records *records, struct error *error)
{
    struct embedded_graph *graph = calloc(1, sizeof *graph);
    if (!graph) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    graph->graph.operations = &operations;
    graph->records = records;
    if (records_migrate(records, "graph", migrations, error) == 0)
        return &graph->graph;
    free(graph);
    return NULL;
}
