/* See graph.h. Embedded: two tables of the records, so that a node and the document it stands for
 * are written in one transaction. Walks go a step of breadth at a time, with a set of what was
 * seen. */
#include "burrow/tiers/graph.h"

#include <stdlib.h>
#include <string.h>

#define WALK_LIMIT 20000 /* nodes that one walk may see */

struct graph {
    struct records *records;
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
    NULL};

struct graph *graph_open(struct records *records, const char *url, struct error *error)
{
    if (url) {
        error_set(error, ERROR_USAGE,
                  "--neo4j: this burrow keeps its graph in its own records; leave --neo4j out");
        return NULL;
    }
    struct graph *graph = calloc(1, sizeof *graph);
    if (!graph) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    graph->records = records;
    if (records_migrate(records, "graph", migrations, error) == 0)
        return graph;
    graph_close(graph);
    return NULL;
}

void graph_close(struct graph *graph)
{
    free(graph);
}

/* What went wrong on the way, if anything did; `result` is given up then. */
static json_t *finished(json_t *result, const struct error *problem, struct error *error)
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

/* ---- nodes ---------------------------------------------------------------------------------- */

int graph_node_put(struct graph *graph, const char *key, const char *type, const json_t *facts,
                   bool *created, struct error *error)
{
    int64_t there = 0;
    if (records_integer(graph->records, error, 0, &there,
                        "SELECT 1 FROM graph_nodes WHERE key = ?1", "s", key) < 0)
        return -1;
    if (created)
        *created = !there;
    char *text = json_dumps(facts, JSON_COMPACT);
    /* json_patch is RFC 7396: members are added or replaced, null removes */
    int64_t changed =
        records_run(graph->records, error,
                    "INSERT INTO graph_nodes(key, type, facts) VALUES(?1, coalesce(?2, 'node'),"
                    " coalesce(?3, '{}')) ON CONFLICT(key) DO UPDATE SET type = coalesce(?2, type),"
                    " facts = CASE WHEN ?3 IS NULL THEN facts ELSE json_patch(facts, ?3) END",
                    "sss", key, type, text);
    free(text);
    return changed < 0 ? -1 : 0;
}

static json_t *node_of(sqlite3_stmt *row)
{
    return json_pack("{s:s, s:s, s:o}", "key", records_text(row, 0), "type", records_text(row, 1),
                     "facts", records_json(row, 2));
}

json_t *graph_node(struct graph *graph, const char *key, struct error *error)
{
    struct error problem = {0};
    json_t *node = NULL;
    sqlite3_stmt *row =
        records_query(graph->records, &problem,
                      "SELECT key, type, facts FROM graph_nodes WHERE key = ?1", "s", key);
    if (row && records_next(row, &problem)) {
        node = node_of(row);
        records_done(row);
    } else if (problem.code == ERROR_NONE) {
        node = json_null();
    }
    return finished(node, &problem, error);
}

int graph_node_remove(struct graph *graph, const char *key, struct error *error)
{
    return (int)records_run(graph->records, error, "DELETE FROM graph_nodes WHERE key = ?1", "s",
                            key);
}

int graph_node_rename(struct graph *graph, const char *key, const char *to, struct error *error)
{
    int64_t changed = records_run(graph->records, error,
                                  "UPDATE graph_nodes SET key = ?2 WHERE key = ?1", "ss", key, to);
    return changed < 0 ? -1 : (int)changed;
}

json_t *graph_nodes(struct graph *graph, const char *prefix, const char *type, const char *text,
                    size_t offset, size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *nodes = json_array();
    /* a range over the primary key finds the prefix: U+10FFFF is above every other character */
    sqlite3_stmt *row = records_query(
        graph->records, &problem,
        "SELECT key, type, facts FROM graph_nodes"
        " WHERE key >= ?1 AND key < ?1 || char(1114111) AND (?2 IS NULL OR type = ?2)"
        " AND (?3 IS NULL OR instr(lower(key), lower(?3)) OR instr(lower(type), lower(?3))"
        "  OR instr(lower(facts), lower(?3)))"
        " ORDER BY key LIMIT ?5 OFFSET ?4",
        "sssii", prefix ? prefix : "", type, text, (int64_t)offset, (int64_t)limit);
    while (row && records_next(row, &problem))
        json_array_append_new(nodes, node_of(row));
    return finished(nodes, &problem, error);
}

/* ---- relations ------------------------------------------------------------------------------ */

static int require_node(struct graph *graph, const char *key, struct error *error)
{
    int64_t there = 0;
    if (records_integer(graph->records, error, 0, &there,
                        "SELECT 1 FROM graph_nodes WHERE key = ?1", "s", key) < 0)
        return -1;
    if (there)
        return 0;
    const char *name = strncmp(key, "entity:", 7) == 0 ? key + 7 : key;
    return error_set(error, ERROR_USAGE, "there is no node \"%.200s\"; create it first", name);
}

int graph_relation_put(struct graph *graph, const char *from, const char *type, const char *to,
                       const json_t *facts, bool *created, struct error *error)
{
    int64_t there = 0;
    if (require_node(graph, from, error) < 0 || require_node(graph, to, error) < 0 ||
        records_integer(
            graph->records, error, 0, &there,
            "SELECT 1 FROM graph_relations WHERE origin = ?1 AND type = ?2 AND target = ?3", "sss",
            from, type, to) < 0)
        return -1;
    if (created)
        *created = !there;
    char *text = json_dumps(facts, JSON_COMPACT);
    int64_t changed =
        records_run(graph->records, error,
                    "INSERT INTO graph_relations(origin, type, target, facts)"
                    " VALUES(?1, ?2, ?3, coalesce(?4, '{}')) ON CONFLICT DO UPDATE SET"
                    " facts = CASE WHEN ?4 IS NULL THEN facts ELSE json_patch(facts, ?4) END",
                    "ssss", from, type, to, text);
    free(text);
    return changed < 0 ? -1 : 0;
}

int64_t graph_relation_remove(struct graph *graph, const char *from, const char *type,
                              const char *to, struct error *error)
{
    if (from)
        return records_run(graph->records, error,
                           "DELETE FROM graph_relations WHERE origin = ?1"
                           " AND (?2 IS NULL OR type = ?2) AND (?3 IS NULL OR target = ?3)",
                           "sss", from, type, to);
    if (to)
        return records_run(graph->records, error,
                           "DELETE FROM graph_relations WHERE target = ?2"
                           " AND (?1 IS NULL OR type = ?1)",
                           "ss", type, to);
    return records_run(graph->records, error,
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

json_t *graph_relations(struct graph *graph, const char *key, enum graph_direction direction,
                        const char *type, size_t offset, size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *relations = json_array();
    sqlite3_stmt *row;
    if (!key)
        row = records_query(graph->records, &problem,
                            "SELECT origin, type, target, facts FROM graph_relations"
                            " WHERE ?1 IS NULL OR type = ?1"
                            " ORDER BY origin, type, target LIMIT ?3 OFFSET ?2",
                            "sii", type, (int64_t)offset, (int64_t)limit);
    else
        row =
            records_query(graph->records, &problem,
                          "SELECT origin, type, target, facts FROM graph_relations"
                          " WHERE origin = ?1 AND ?2 & 1 AND (?3 IS NULL OR type = ?3)"
                          " UNION SELECT origin, type, target, facts FROM graph_relations"
                          " WHERE target = ?1 AND ?2 & 2 AND (?3 IS NULL OR type = ?3)"
                          " ORDER BY 1, 2, 3 LIMIT ?5 OFFSET ?4",
                          "sisii", key, (int64_t)direction, type, (int64_t)offset, (int64_t)limit);
    add_relations(row, relations, &problem);
    return finished(relations, &problem, error);
}

int graph_pairs(struct graph *graph, const char *prefix, size_t limit,
                void (*seen)(void *context, const char *from, const char *to), void *context,
                struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row = records_query(
        graph->records, &problem,
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

/* ---- walks ---------------------------------------------------------------------------------- */

/* Nodes in the order in which they were reached; `parents` has their keys by theirs. */
struct walk {
    struct graph *graph;
    enum graph_direction direction;
    const char *type;
    json_t *parents;    /* key -> key it was reached from */
    const char **queue; /* keys, owned by `parents` */
    unsigned *depths;
    size_t count;
};

static int walk_begin(struct walk *walk, const char *key)
{
    walk->parents = json_object();
    walk->queue = malloc(WALK_LIMIT * sizeof *walk->queue);
    walk->depths = malloc(WALK_LIMIT * sizeof *walk->depths);
    if (!walk->parents || !walk->queue || !walk->depths ||
        json_object_set_new(walk->parents, key, json_null()) < 0)
        return -1;
    walk->queue[0] = json_object_iter_key(json_object_iter(walk->parents));
    walk->depths[0] = 0;
    walk->count = 1;
    return 0;
}

static void walk_end(struct walk *walk)
{
    json_decref(walk->parents);
    free(walk->queue);
    free(walk->depths);
}

/* Take up the neighbours of the node at `place` that were not seen yet. */
static void walk_step(struct walk *walk, size_t place, struct error *problem)
{
    const char *key = walk->queue[place];
    sqlite3_stmt *row =
        records_query(walk->graph->records, problem,
                      "SELECT target FROM graph_relations WHERE origin = ?1 AND ?2 & 1"
                      " AND (?3 IS NULL OR type = ?3)"
                      " UNION SELECT origin FROM graph_relations WHERE target = ?1 AND ?2 & 2"
                      " AND (?3 IS NULL OR type = ?3) ORDER BY 1",
                      "sis", key, (int64_t)walk->direction, walk->type);
    while (row && records_next(row, problem)) {
        const char *next = records_text(row, 0);
        if (walk->count == WALK_LIMIT || json_object_get(walk->parents, next))
            continue;
        json_object_set_new(walk->parents, next, json_string(key));
        walk->queue[walk->count] = json_object_iter_key(json_object_iter_at(walk->parents, next));
        walk->depths[walk->count++] = walk->depths[place] + 1;
    }
}

static json_t *reached(struct walk *walk, size_t place, struct error *problem)
{
    json_t *node = graph_node(walk->graph, walk->queue[place], problem);
    json_t *entry = NULL;
    if (json_is_object(node))
        entry = json_pack("{s:s, s:O, s:i}", "key", walk->queue[place], "type",
                          json_object_get(node, "type"), "distance", (int)walk->depths[place]);
    json_decref(node);
    return entry;
}

json_t *graph_within(struct graph *graph, const char *key, enum graph_direction direction,
                     const char *type, const char *prefix, unsigned depth, size_t limit,
                     struct error *error)
{
    struct walk walk = {.graph = graph, .direction = direction, .type = type};
    struct error problem = {0};
    json_t *found = json_array();
    if (walk_begin(&walk, key) < 0)
        error_set(&problem, ERROR_INTERNAL, "out of memory");
    for (size_t place = 0;
         problem.code == ERROR_NONE && place < walk.count && json_array_size(found) < limit;
         place++) {
        bool wanted =
            place > 0 && (!prefix || strncmp(walk.queue[place], prefix, strlen(prefix)) == 0);
        if (wanted)
            json_array_append_new(found, reached(&walk, place, &problem));
        if (walk.depths[place] < depth)
            walk_step(&walk, place, &problem);
    }
    walk_end(&walk);
    return finished(found, &problem, error);
}

static json_t *path_to(const struct walk *walk, const char *key)
{
    json_t *path = json_array();
    for (const char *at = key; at; at = json_string_value(json_object_get(walk->parents, at)))
        json_array_insert_new(path, 0, json_string(at));
    return path;
}

json_t *graph_path(struct graph *graph, const char *from, const char *to,
                   enum graph_direction direction, unsigned depth, struct error *error)
{
    struct walk walk = {.graph = graph, .direction = direction};
    struct error problem = {0};
    json_t *path = NULL;
    if (walk_begin(&walk, from) < 0)
        error_set(&problem, ERROR_INTERNAL, "out of memory");
    for (size_t place = 0; problem.code == ERROR_NONE && place < walk.count && !path; place++) {
        if (strcmp(walk.queue[place], to) == 0)
            path = path_to(&walk, to);
        else if (walk.depths[place] < depth)
            walk_step(&walk, place, &problem);
    }
    walk_end(&walk);
    return finished(path ? path : json_array(), &problem, error);
}

/* ---- facts ---------------------------------------------------------------------------------- */

int graph_facts(struct graph *graph, struct graph_facts *facts, struct error *error)
{
    *facts = (struct graph_facts){.kind = "embedded"};
    if (records_integer(graph->records, error, 0, &facts->nodes, "SELECT count(*) FROM graph_nodes",
                        "") < 0 ||
        records_integer(graph->records, error, 0, &facts->relations,
                        "SELECT count(*) FROM graph_relations", "") < 0)
        return -1;
    return 0;
}
