/* What follows the graph in the records, from the first time that it is asked for: how many
 * relations nodes have, and whether those within a kind of nodes have changed. Of another graph
 * degrees are counted over the ends of its relations. */
#include "base/json_count.h"
#include "burrow/tiers/degree_table.h"
#include "burrow/tiers/graph_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- kept ----------------------------------------------------------------------------------- */

/* Triggers tell of relations that come, go and move, also of those that do so with a node. */
static const char followers[] =
    "CREATE TEMP TRIGGER IF NOT EXISTS graph_relations_added AFTER INSERT ON graph_relations BEGIN"
    " SELECT follow_relation(1, new.origin, new.target); END;"
    "CREATE TEMP TRIGGER IF NOT EXISTS graph_relations_gone AFTER DELETE ON graph_relations BEGIN"
    " SELECT follow_relation(-1, old.origin, old.target); END;"
    "CREATE TEMP TRIGGER IF NOT EXISTS graph_relations_moved AFTER UPDATE OF origin, target"
    " ON graph_relations BEGIN SELECT follow_relation(-1, old.origin, old.target),"
    " follow_relation(1, new.origin, new.target); END";

static int move_ends(struct degree_table *table, const char *from, const char *to, int by)
{
    return degree_table_move(table, from, by) | degree_table_move(table, to, by);
}

static bool is_of(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

static void forget_degrees(struct graph_following *following)
{
    degree_table_close(following->degrees);
    following->degrees = NULL;
}

void graph_following_undone(struct graph_following *following)
{
    forget_degrees(following);
    following->changes++;
}

/* follow_relation(BY, ORIGIN, TARGET). What cannot be followed is given up, and counted anew. */
static void follow_relation(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct graph_following *following = sqlite3_user_data(context);
    const char *from = (const char *)sqlite3_value_text(values[1]);
    const char *to = (const char *)sqlite3_value_text(values[2]);
    (void)count;
    if (!from || !to) {
        graph_following_undone(following);
        return;
    }
    if (is_of(from, following->prefix) && is_of(to, following->prefix))
        following->changes++;
    if (following->degrees &&
        move_ends(following->degrees, from, to, sqlite3_value_int(values[0])) < 0)
        forget_degrees(following);
}

int graph_following_open(struct records *records, struct graph_following *following,
                         struct error *error)
{
    *following = (struct graph_following){0};
    if (sqlite3_create_function(records_handle(records), "follow_relation", 3, SQLITE_UTF8,
                                following, follow_relation, NULL, NULL) == SQLITE_OK)
        return 0;
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int follow(struct records *records, struct graph_following *following, struct error *error)
{
    sqlite3 *database = records_handle(records);
    if (!following->begun && sqlite3_exec(database, followers, NULL, NULL, NULL) != SQLITE_OK)
        return error_set(error, ERROR_TARGET, "records: graph: %s", sqlite3_errmsg(database));
    following->begun = true;
    return 0;
}

int graph_follow_pairs(struct records *records, struct graph_following *following,
                       const char *prefix, struct error *error)
{
    if (strlen(prefix) >= sizeof following->prefix)
        return error_set(error, ERROR_USAGE, "graph: a prefix of %zu bytes at most is followed",
                         sizeof following->prefix - 1);
    if (follow(records, following, error) < 0)
        return -1;
    if (strcmp(prefix, following->prefix) != 0) {
        following->changes++;
        strcpy(following->prefix, prefix);
    }
    return 0;
}

static int count_all(struct records *records, struct degree_table *table, struct error *error)
{
    struct error problem = {0};
    int failed = 0;
    sqlite3_stmt *row =
        records_query(records, &problem, "SELECT origin, target FROM graph_relations", "");
    while (row && records_next(row, &problem))
        failed |= move_ends(table, records_text(row, 0), records_text(row, 1), 1);
    if (problem.code == ERROR_NONE)
        return failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
    if (error)
        *error = problem;
    return -1;
}

int graph_keep_degrees(struct records *records, struct graph_following *following,
                       struct error *error)
{
    struct degree_table *table;
    if (follow(records, following, error) < 0)
        return -1;
    if (!(table = degree_table_open()))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (count_all(records, table, error) < 0) {
        degree_table_close(table);
        return -1;
    }
    following->degrees = table;
    return 0;
}

void graph_kept_degrees(const struct degree_table *table, struct graph_degrees *degrees)
{
    size_t most = degree_table_most(table);
    const char *busiest = degree_table_busiest(table);
    char text[24];
    for (size_t degree = 1; degree <= most; degree++) {
        size_t nodes = degree_table_nodes(table, degree);
        if (!nodes)
            continue;
        snprintf(text, sizeof text, "%zu", degree);
        json_object_set_new(degrees->distribution, text, json_integer((json_int_t)nodes));
        degrees->relations += (int64_t)(degree * nodes);
    }
    degrees->relations /= 2; /* each has two ends */
    degrees->most = (int64_t)most;
    if (busiest) {
        json_decref(degrees->busiest);
        degrees->busiest = json_string(busiest);
    }
}

/* ---- of any graph --------------------------------------------------------------------------- */

static void count_ends(void *context, const char *from, const char *to)
{
    json_count(context, from, strlen(from));
    json_count(context, to, strlen(to));
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
        json_count(degrees->distribution, text, strlen(text));
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
