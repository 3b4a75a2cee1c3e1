/* How many relations nodes have. Of a graph in the records it is kept from the first time that it
 * is asked for, in tables of the connection that follow by triggers, in the same transaction; of
 * another it is counted over the ends of its relations. */
#include "burrow/tiers/graph_internal.h"

#include <stdio.h>
#include <string.h>

/* A node that is renamed has its relations changed one by one, which moves its degree along. */
static const char kept_tables[] =
    "CREATE TEMP TABLE degree_counts(degree INTEGER PRIMARY KEY, nodes INTEGER NOT NULL);"
    "CREATE TEMP TABLE node_degrees(key TEXT PRIMARY KEY, degree INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX temp.node_degrees_busiest ON node_degrees(degree DESC, key);"
    "CREATE TEMP TRIGGER node_degrees_first AFTER INSERT ON node_degrees BEGIN"
    " INSERT INTO degree_counts VALUES(new.degree, 1)"
    " ON CONFLICT DO UPDATE SET nodes = nodes + 1; END;"
    "CREATE TEMP TRIGGER node_degrees_changed AFTER UPDATE ON node_degrees WHEN new.degree > 0"
    " BEGIN UPDATE degree_counts SET nodes = nodes - 1 WHERE degree = old.degree;"
    " INSERT INTO degree_counts VALUES(new.degree, 1)"
    " ON CONFLICT DO UPDATE SET nodes = nodes + 1; END;"
    "CREATE TEMP TRIGGER node_degrees_last AFTER UPDATE ON node_degrees WHEN new.degree = 0 BEGIN"
    " UPDATE degree_counts SET nodes = nodes - 1 WHERE degree = old.degree;"
    " DELETE FROM node_degrees WHERE key = new.key; END;"
    "INSERT INTO node_degrees SELECT key, count(*) FROM (SELECT origin AS key FROM graph_relations"
    " UNION ALL SELECT target FROM graph_relations) GROUP BY 1;"
    "CREATE TEMP TRIGGER graph_relations_added AFTER INSERT ON graph_relations BEGIN"
    " INSERT INTO node_degrees VALUES(new.origin, 1), (new.target, 1)"
    " ON CONFLICT DO UPDATE SET degree = degree + 1; END;"
    "CREATE TEMP TRIGGER graph_relations_gone AFTER DELETE ON graph_relations BEGIN"
    " UPDATE node_degrees SET degree = degree - 1 WHERE key = old.origin;"
    " UPDATE node_degrees SET degree = degree - 1 WHERE key = old.target; END;"
    "CREATE TEMP TRIGGER graph_relations_moved AFTER UPDATE OF origin, target ON graph_relations"
    " BEGIN UPDATE node_degrees SET degree = degree - 1 WHERE key = old.origin;"
    " UPDATE node_degrees SET degree = degree - 1 WHERE key = old.target;"
    " INSERT INTO node_degrees VALUES(new.origin, 1), (new.target, 1)"
    " ON CONFLICT DO UPDATE SET degree = degree + 1; END";

int graph_keep_degrees(struct records *records, struct error *error)
{
    sqlite3 *database = records_handle(records);
    if (records_begin(records, error) < 0)
        return -1;
    if (sqlite3_exec(database, kept_tables, NULL, NULL, NULL) == SQLITE_OK)
        return records_commit(records, error);
    error_set(error, ERROR_TARGET, "records: degrees: %s", sqlite3_errmsg(database));
    records_rollback(records);
    return -1;
}

int graph_kept_relations(struct records *records, struct graph_facts *facts, struct error *error)
{
    return records_integer(records, error, 0, &facts->relations,
                           "SELECT coalesce(sum(degree * nodes), 0) / 2 FROM degree_counts", "");
}

int graph_kept_degrees(struct records *records, struct graph_degrees *degrees, struct error *error)
{
    struct error problem = {0};
    char text[24];
    sqlite3_stmt *row = records_query(records, &problem,
                                      "SELECT degree, nodes FROM degree_counts WHERE nodes > 0"
                                      " ORDER BY degree",
                                      "");
    while (row && records_next(row, &problem)) {
        snprintf(text, sizeof text, "%lld", (long long)sqlite3_column_int64(row, 0));
        json_object_set_new(degrees->distribution, text,
                            json_integer((json_int_t)sqlite3_column_int64(row, 1)));
        degrees->relations += sqlite3_column_int64(row, 0) * sqlite3_column_int64(row, 1);
    }
    degrees->relations /= 2; /* each has two ends */
    row =
        records_query(records, &problem,
                      "SELECT key, degree FROM node_degrees ORDER BY degree DESC, key LIMIT 1", "");
    if (row && records_next(row, &problem)) {
        json_decref(degrees->busiest);
        degrees->busiest = records_json_text(row, 0);
        degrees->most = sqlite3_column_int64(row, 1);
        records_done(row);
    }
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

/* ---- of any graph --------------------------------------------------------------------------- */

static void count_end(json_t *degrees, const char *key)
{
    json_t *there = json_object_get(degrees, key);
    if (there)
        json_integer_set(there, json_integer_value(there) + 1);
    else
        json_object_set_new(degrees, key, json_integer(1));
}

static void count_ends(void *context, const char *from, const char *to)
{
    count_end(context, from);
    count_end(context, to);
}

int graph_count_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error)
{
    json_t *of_nodes = json_object(), *degree;
    const char *key, *busiest = NULL;
    char text[24];
    int failed = graph_pairs(graph, "", GRAPH_DEGREES_SEEN, count_ends, of_nodes, error);
    json_object_foreach(of_nodes, key, degree)
    {
        json_int_t relations = json_integer_value(degree);
        snprintf(text, sizeof text, "%lld", (long long)relations);
        count_end(degrees->distribution, text);
        degrees->relations += relations;
        if (relations > degrees->most || (relations == degrees->most && strcmp(key, busiest) < 0)) {
            degrees->most = relations;
            busiest = key;
        }
    }
    degrees->relations /= 2; /* each has two ends */
    if (busiest) {
        json_decref(degrees->busiest);
        degrees->busiest = json_string(busiest);
    }
    json_decref(of_nodes);
    return failed;
}

int graph_degrees(struct graph *graph, struct graph_degrees *degrees, struct error *error)
{
    *degrees = (struct graph_degrees){.distribution = json_object(), .busiest = json_null()};
    if (graph->operations->degrees(graph, degrees, error) == 0)
        return 0;
    json_decref(degrees->distribution);
    json_decref(degrees->busiest);
    return -1;
}
