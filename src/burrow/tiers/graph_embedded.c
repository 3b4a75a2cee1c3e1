/* The graph in the records: two tables, so that a node and the document it stands for are written
 * in one transaction. */
#include "burrow/tiers/graph_internal.h"

#include <stdlib.h>
#include <string.h>

struct embedded_graph {
    struct graph graph;
    struct records *records;
    bool counted; /* what follows is what there is; else it is counted when it is asked for */
    int64_t nodes, relations;
    struct graph_following following;
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
    int64_t inserted = records_run(records_of(graph), error,
                                   "INSERT INTO graph_nodes(key, type, facts) VALUES(?1,"
                                   " coalesce(?2, 'node'), coalesce(?3, '{}')) ON CONFLICT DO"
                                   " NOTHING",
                                   "sss", key, type, facts);
    if (inserted > 0)
        embedded_of(graph)->nodes++;
    return (int)inserted;
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

/* Most have none. */
static json_t *facts_of(sqlite3_stmt *row, int column)
{
    return strcmp(records_text(row, column), "{}") == 0 ? json_object() : records_json(row, column);
}

static json_t *node_of(sqlite3_stmt *row)
{
    json_t *node = json_object();
    json_object_set_new_nocheck(node, "key", records_json_text(row, 0));
    json_object_set_new_nocheck(node, "type", records_json_text(row, 1));
    json_object_set_new_nocheck(node, "facts", facts_of(row, 2));
    return node;
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

/* Its relations go with it, by their foreign keys: SQLite counts those in all changes only. */
static int embedded_node_remove(struct graph *graph, const char *key, struct error *error)
{
    sqlite3 *database = records_handle(records_of(graph));
    int64_t before = sqlite3_total_changes64(database);
    int64_t gone =
        records_run(records_of(graph), error, "DELETE FROM graph_nodes WHERE key = ?1", "s", key);
    if (gone > 0) {
        embedded_of(graph)->nodes -= gone;
        embedded_of(graph)->relations -= sqlite3_total_changes64(database) - before - gone;
    }
    return (int)gone;
}

static int embedded_node_rename(struct graph *graph, const char *key, const char *to,
                                struct error *error)
{
    int64_t changed = records_run(records_of(graph), error,
                                  "UPDATE graph_nodes SET key = ?2 WHERE key = ?1", "ss", key, to);
    return changed < 0 ? -1 : (int)changed;
}

static unsigned char folded(char byte)
{
    return (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

static bool is_in(const char *text, size_t length, const char *wanted, size_t wanted_length)
{
    unsigned char first = folded(*wanted);
    for (size_t i = 0; i + wanted_length <= length; i++) {
        size_t same = 0;
        if (folded(text[i]) != first)
            continue;
        while (same < wanted_length && folded(text[i + same]) == folded(wanted[same]))
            same++;
        if (same == wanted_length)
            return true;
    }
    return wanted_length == 0;
}

/* holds(TEXT, OTHER...): whether TEXT is in one of the others, whatever the case of ASCII letters.
 * Every node is asked, so nothing is copied, as instr(lower(...)) would. */
static void holds(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *wanted = (const char *)sqlite3_value_text(values[0]);
    size_t length = (size_t)sqlite3_value_bytes(values[0]);
    bool found = false;
    for (int i = 1; wanted && i < count && !found; i++) {
        const char *text = (const char *)sqlite3_value_text(values[i]);
        found = text && is_in(text, (size_t)sqlite3_value_bytes(values[i]), wanted, length);
    }
    sqlite3_result_int(context, found);
}

static json_t *embedded_nodes(struct graph *graph, const char *prefix, const char *type,
                              const char *text, size_t offset, size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *nodes = json_array();
    /* a range over the primary key finds the prefix: U+10FFFF is above every other character */
    sqlite3_stmt *row =
        records_query(records_of(graph), &problem,
                      "SELECT key, type, facts FROM graph_nodes"
                      " WHERE key >= ?1 AND key < ?1 || char(1114111) AND (?2 IS NULL OR type = ?2)"
                      " AND (?3 IS NULL OR holds(?3, key, type, facts))"
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

/* A foreign key has refused it: which end is it? Keeps the error when it is neither. What follows
 * the relations has followed what SQLite then undid. */
static int refused(struct graph *graph, const char *from, const char *to, struct error *error)
{
    struct error missing = {0};
    graph_following_undone(&embedded_of(graph)->following);
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
    else if (done > 0)
        embedded_of(graph)->relations++;
    else if (text)
        done = records_run(records_of(graph), error,
                           "UPDATE graph_relations SET facts = json_patch(facts, ?4)"
                           " WHERE origin = ?1 AND type = ?2 AND target = ?3",
                           "ssss", from, type, to, text);
    free(text);
    return done < 0 ? -1 : 0;
}

static int64_t remove_relations(struct graph *graph, const char *from, const char *type,
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

static int64_t embedded_relation_remove(struct graph *graph, const char *from, const char *type,
                                        const char *to, struct error *error)
{
    int64_t gone = remove_relations(graph, from, type, to, error);
    if (gone > 0)
        embedded_of(graph)->relations -= gone;
    return gone;
}

static json_t *relation_of(sqlite3_stmt *row)
{
    json_t *relation = json_object();
    json_object_set_new_nocheck(relation, "from", records_json_text(row, 0));
    json_object_set_new_nocheck(relation, "type", records_json_text(row, 1));
    json_object_set_new_nocheck(relation, "to", records_json_text(row, 2));
    json_object_set_new_nocheck(relation, "facts", facts_of(row, 3));
    return relation;
}

#define RELATION_COLUMNS "SELECT origin, type, target, facts FROM graph_relations"

/* Of all, from a node, to a node, and of a node either way, each with the index that fits. */
static sqlite3_stmt *query_relations(struct records *records, const char *key,
                                     enum graph_direction direction, const char *type,
                                     int64_t offset, int64_t limit, struct error *problem)
{
    if (!key)
        return records_query(records, problem,
                             RELATION_COLUMNS " WHERE ?1 IS NULL OR type = ?1"
                                              " ORDER BY origin, type, target LIMIT ?3 OFFSET ?2",
                             "sii", type, offset, limit);
    if (direction == GRAPH_OUT)
        return records_query(records, problem,
                             RELATION_COLUMNS " WHERE origin = ?1 AND (?2 IS NULL OR type = ?2)"
                                              " ORDER BY origin, type, target LIMIT ?4 OFFSET ?3",
                             "ssii", key, type, offset, limit);
    if (direction == GRAPH_IN)
        return records_query(records, problem,
                             RELATION_COLUMNS " WHERE target = ?1 AND (?2 IS NULL OR type = ?2)"
                                              " ORDER BY origin, type, target LIMIT ?4 OFFSET ?3",
                             "ssii", key, type, offset, limit);
    return records_query(records, problem,
                         RELATION_COLUMNS " WHERE origin = ?1 AND (?2 IS NULL OR type = ?2)"
                                          " UNION " RELATION_COLUMNS
                                          " WHERE target = ?1 AND (?2 IS NULL OR type = ?2)"
                                          " ORDER BY 1, 2, 3 LIMIT ?4 OFFSET ?3",
                         "ssii", key, type, offset, limit);
}

static json_t *embedded_relations(struct graph *graph, const char *key,
                                  enum graph_direction direction, const char *type, size_t offset,
                                  size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *relations = json_array();
    sqlite3_stmt *row = query_relations(records_of(graph), key, direction, type, (int64_t)offset,
                                        (int64_t)limit, &problem);
    while (row && records_next(row, &problem))
        json_array_append_new(relations, relation_of(row));
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

/* 0 before a shape can be kept: what begins to follow could be undone with what is written. */
static uint64_t embedded_pairs_version(struct graph *graph, const char *prefix)
{
    struct embedded_graph *embedded = embedded_of(graph);
    if (!embedded->following.begun && records_is_writing(embedded->records))
        return 0;
    if (graph_follow_pairs(embedded->records, &embedded->following, prefix, NULL) < 0)
        return 0;
    return 1 + embedded->following.changes;
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

static int count_all(struct embedded_graph *graph, struct error *error)
{
    if (records_integer(graph->records, error, 0, &graph->nodes, "SELECT count(*) FROM graph_nodes",
                        "") < 0 ||
        records_integer(graph->records, error, 0, &graph->relations,
                        "SELECT count(*) FROM graph_relations", "") < 0)
        return -1;
    graph->counted = true;
    return 0;
}

static int embedded_facts(struct graph *graph, struct graph_facts *facts, struct error *error)
{
    struct embedded_graph *embedded = embedded_of(graph);
    *facts = (struct graph_facts){.kind = "embedded", .reachable = true};
    if (!embedded->counted && count_all(embedded, error) < 0)
        return -1;
    facts->nodes = embedded->nodes;
    facts->relations = embedded->relations;
    return 0;
}

/* They are counted to be kept, but not within a transaction that writes, which may be undone. */
static int embedded_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error)
{
    struct embedded_graph *embedded = embedded_of(graph);
    bool kept = embedded->following.degrees;
    if (!kept && records_is_writing(embedded->records))
        return graph_count_degrees(graph, degrees, error);
    if (!kept && graph_keep_degrees(embedded->records, &embedded->following, error) < 0)
        return -1;
    graph_kept_degrees(embedded->following.degrees, degrees);
    return 0;
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
    embedded_of(graph)->counted = false; /* some of what was counted is not there */
    graph_following_undone(&embedded_of(graph)->following);
}

static void embedded_close(struct graph *graph)
{
    graph_following_undone(&embedded_of(graph)->following);
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
                                                   .pairs_version = embedded_pairs_version,
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
    if (sqlite3_create_function(records_handle(records), "holds", -1,
                                SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, holds, NULL,
                                NULL) != SQLITE_OK)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else if (graph_following_open(records, &graph->following, error) == 0 &&
             records_migrate(records, "graph", migrations, error) == 0)
        return &graph->graph;
    free(graph);
    return NULL;
}
