/* The agreement of the graph in Neo4j with the records: graph.h tells how it works. */
#include "burrow/tiers/graph_neo4j.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONSTRAINT_TRIES 20 /* a tenth of a second apart */

static const char *const migrations[] = {"CREATE TABLE graph_neo4j(sequence INTEGER NOT NULL);"
                                         "INSERT INTO graph_neo4j VALUES(0)",
                                         NULL};

int neo4j_journal_open(struct neo4j_graph *graph, struct error *error)
{
    const char *file = sqlite3_db_filename(records_handle(graph->records), "main");
    graph->kept = file && *file;
    return records_migrate(graph->records, "graph_neo4j", migrations, error);
}

static int recorded_sequence(struct neo4j_graph *graph, int64_t *sequence, struct error *error)
{
    return records_integer(graph->records, error, 0, sequence, "SELECT sequence FROM graph_neo4j",
                           "");
}

/* A query whose answer does not matter. */
static int run(struct neo4j_graph *graph, const char *cypher, json_t *parameters,
               struct error *error)
{
    json_t *rows = neo4j_client_run(&graph->client, cypher, parameters, error);
    json_decref(rows);
    return rows ? 0 : -1;
}

static int done(json_t *rows)
{
    json_decref(rows);
    return rows ? 0 : -1;
}

/* ---- writing -------------------------------------------------------------------------------- */

int neo4j_journal_add(struct neo4j_graph *graph, json_t *entry, struct error *error)
{
    if (!graph->undo)
        graph->undo = json_array();
    if (!entry || json_array_append_new(graph->undo, entry) < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

int neo4j_journal_seal(struct neo4j_graph *graph, struct error *error)
{
    int64_t sequence;
    if (recorded_sequence(graph, &sequence, error) < 0)
        return -1;
    char *undo = json_dumps(graph->undo, JSON_COMPACT);
    json_t *rows = neo4j_client_run(
        &graph->client,
        "MATCH (m:BurrowMemory {one: 1}) WHERE m.identity = $identity AND m.sequence = $sequence"
        " SET m.sequence = $sequence + 1, m.undo = $undo RETURN m.one",
        json_pack("{s:s, s:I, s:s}", "identity", records_identity(graph->records), "sequence",
                  (json_int_t)sequence, "undo", undo ? undo : "[]"),
        error);
    free(undo);
    size_t count = json_array_size(rows);
    if (done(rows) < 0)
        return -1;
    if (count != 1)
        return error_set(error, ERROR_TARGET,
                         "graph: Neo4j at %s is written by another burrow meanwhile; give each "
                         "one a Neo4j of its own",
                         graph->client.address);
    return records_run(graph->records, error, "UPDATE graph_neo4j SET sequence = ?1", "i",
                       sequence + 1) < 0
               ? -1
               : 0;
}

/* ---- taking back ---------------------------------------------------------------------------- */

static const char *text_at(const json_t *entry, size_t place)
{
    const char *text = json_string_value(json_array_get(entry, place));
    return text ? text : "";
}

static int take_back(struct neo4j_graph *graph, const json_t *entry, struct error *error)
{
    const char *what = text_at(entry, 0), *one = text_at(entry, 1), *two = text_at(entry, 2),
               *three = text_at(entry, 3), *four = text_at(entry, 4);
    if (strcmp(what, "remove_node") == 0)
        return run(graph, "MATCH (n:BurrowNode {key: $key}) DETACH DELETE n",
                   json_pack("{s:s}", "key", one), error);
    if (strcmp(what, "set_node") == 0)
        return done(neo4j_graph_set_node(graph, one, two, three, error));
    if (strcmp(what, "rename") == 0)
        return done(neo4j_graph_rename(graph, one, two, error));
    if (strcmp(what, "set_relation") == 0)
        return done(neo4j_graph_set_relation(graph, one, two, three, four, error));
    return run(graph,
               "MATCH (:BurrowNode {key: $from})-[r:BURROW {type: $type}]->"
               "(:BurrowNode {key: $to}) DELETE r",
               json_pack("{s:s, s:s, s:s}", "from", one, "type", two, "to", three), error);
}

static int take_all_back(struct neo4j_graph *graph, const char *undo, int64_t sequence,
                         struct error *error)
{
    json_t *entries = json_loads(undo, 0, NULL);
    int failed = 0;
    log_warn("graph: taking back a transaction that Neo4j committed and the records did not");
    neo4j_client_begin(&graph->client);
    for (size_t i = json_array_size(entries); failed == 0 && i-- > 0;)
        failed = take_back(graph, json_array_get(entries, i), error);
    json_decref(entries);
    if (failed == 0)
        failed =
            run(graph, "MATCH (m:BurrowMemory {one: 1}) SET m.sequence = $sequence, m.undo = '[]'",
                json_pack("{s:I}", "sequence", (json_int_t)sequence), error);
    if (failed == 0)
        failed = neo4j_client_commit(&graph->client, error);
    if (failed < 0)
        neo4j_client_rollback(&graph->client);
    return failed;
}

/* ---- whose graph it is ---------------------------------------------------------------------- */

static int take_over(struct neo4j_graph *graph, int64_t sequence, struct error *error)
{
    int64_t embedded = 0;
    records_integer(graph->records, NULL, 0, &embedded, "SELECT count(*) FROM graph_nodes", "");
    if (embedded > 0)
        log_warn("graph: %lld nodes were kept without --neo4j, and are not in Neo4j",
                 (long long)embedded);
    return run(graph,
               "MERGE (m:BurrowMemory {one: 1}) SET m.identity = $identity, m.kept = $kept,"
               " m.sequence = $sequence, m.undo = '[]'",
               json_pack("{s:s, s:b, s:I}", "identity", records_identity(graph->records), "kept",
                         (int)graph->kept, "sequence", (json_int_t)sequence),
               error);
}

/* What was there is of a memory that was kept nowhere. A page at a time: one transaction must fit
 * into Neo4j's memory. */
static int empty(struct neo4j_graph *graph, struct error *error)
{
    int64_t gone;
    do {
        json_t *rows = neo4j_client_run(
            &graph->client,
            "MATCH (n:BurrowNode) WITH n LIMIT 5000 DETACH DELETE n RETURN count(*)", json_object(),
            error);
        gone = json_integer_value(json_array_get(json_array_get(rows, 0), 0));
        if (done(rows) < 0)
            return -1;
    } while (gone > 0);
    return 0;
}

static int disagree(struct neo4j_graph *graph, const char *how, struct error *error)
{
    return error_set(error, ERROR_TARGET,
                     "graph: Neo4j at %s holds %s; give this memory a Neo4j of its own, or delete "
                     "the node with the label BurrowMemory there to use the graph as it is",
                     graph->client.address, how);
}

static int check_owner(struct neo4j_graph *graph, const json_t *row, struct error *error)
{
    const char *identity = text_at(row, 0), *undo = text_at(row, 3);
    bool kept = json_is_true(json_array_get(row, 1));
    int64_t theirs = json_integer_value(json_array_get(row, 2)), ours;
    if (recorded_sequence(graph, &ours, error) < 0)
        return -1;
    if (!row)
        return take_over(graph, ours, error);
    if (strcmp(identity, records_identity(graph->records)) != 0) {
        if (kept)
            return disagree(graph, "the graph of another memory", error);
        return empty(graph, error) < 0 ? -1 : take_over(graph, ours, error);
    }
    if (theirs == ours)
        return 0;
    if (theirs == ours + 1)
        return take_all_back(graph, undo, ours, error);
    return disagree(graph,
                    theirs > ours ? "a newer graph than this copy of the records"
                                  : "an older copy of the graph than the records know",
                    error);
}

/* What a burrow that was killed had begun to make, Neo4j is still making: IF NOT EXISTS does not
 * see it, and its name is taken. It is there in a moment. */
static int make_constraint(struct neo4j_graph *graph, const char *cypher, struct error *error)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000000L};
    struct error problem = {0};
    for (unsigned left = CONSTRAINT_TRIES; run(graph, cypher, json_object(), &problem) < 0;
         left--) {
        if (left == 1 || !strstr(problem.text, "AlreadyExists")) {
            if (error)
                *error = problem;
            return -1;
        }
        problem = (struct error){0};
        nanosleep(&moment, NULL);
    }
    return 0;
}

int neo4j_journal_agree(struct neo4j_graph *graph, struct error *error)
{
    static const char *const constraints[] = {"CREATE CONSTRAINT burrow_node_key IF NOT EXISTS"
                                              " FOR (n:BurrowNode) REQUIRE n.key IS UNIQUE",
                                              "CREATE CONSTRAINT burrow_memory_one IF NOT EXISTS"
                                              " FOR (m:BurrowMemory) REQUIRE m.one IS UNIQUE"};
    for (size_t i = 0; i < sizeof constraints / sizeof *constraints; i++)
        if (make_constraint(graph, constraints[i], error) < 0)
            return -1;
    json_t *rows = neo4j_client_run(
        &graph->client,
        "MATCH (m:BurrowMemory {one: 1}) RETURN m.identity, m.kept, m.sequence, m.undo",
        json_object(), error);
    if (!rows)
        return -1;
    int failed = check_owner(graph, json_array_get(rows, 0), error);
    json_decref(rows);
    return failed;
}
