/* The graph in Neo4j: every text is a parameter, facts are merged here, and pages come in the order
 * of the embedded one. */
#include "burrow/tiers/graph_neo4j.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEIGHBOURS_BATCH 256

static struct neo4j_graph *neo4j_of(struct graph *graph)
{
    return (struct neo4j_graph *)graph;
}

/* ---- queries -------------------------------------------------------------------------------- */

/* What a new connection is asked first is in no transaction of a call. */
static int connect_graph(struct neo4j_graph *graph, struct error *error)
{
    struct neo4j_client *client = &graph->client;
    enum neo4j_transaction transaction = client->transaction;
    int made = neo4j_client_connect(client, error);
    if (made != 1)
        return made;
    client->transaction = NEO4J_AUTOCOMMIT;
    struct error problem = {0};
    int failed = neo4j_journal_agree(graph, &problem);
    client->transaction = transaction;
    if (failed == 0)
        return 0;
    if (client->link.open)
        neo4j_client_refuse(client, &problem);
    if (error)
        *error = problem;
    return -1;
}

json_t *neo4j_graph_run(struct neo4j_graph *graph, const char *cypher, json_t *parameters,
                        struct error *error)
{
    if (connect_graph(graph, error) < 0) {
        json_decref(parameters);
        return NULL;
    }
    return neo4j_client_run(&graph->client, cypher, parameters, error);
}

static json_int_t bounded(size_t number)
{
    return number > INT64_MAX ? INT64_MAX : (json_int_t)number;
}

static const char *text_at(const json_t *row, size_t place)
{
    const char *text = json_string_value(json_array_get(row, place));
    return text ? text : "";
}

static bool is_null_at(const json_t *row, size_t place)
{
    return !json_is_string(json_array_get(row, place));
}

static json_t *facts_at(const json_t *row, size_t place)
{
    json_t *facts = json_loads(text_at(row, place), JSON_DECODE_ANY, NULL);
    return facts ? facts : json_null();
}

/* ASCII only, as the records have it. */
static json_t *folded(const char *text)
{
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    json_t *value = copy ? json_string(copy) : NULL;
    free(copy);
    return value;
}

/* ---- merging, RFC 7396 ---------------------------------------------------------------------- */

static void merge_patch(json_t *target, const json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)patch, name, value)
    {
        if (json_is_null(value)) {
            json_object_del(target, name);
        } else if (json_is_object(value)) {
            json_t *inner = json_object_get(target, name);
            if (!json_is_object(inner)) {
                inner = json_object();
                json_object_set_new(target, name, inner);
            }
            merge_patch(inner, value);
        } else {
            json_object_set(target, name, value);
        }
    }
}

/* The text of `facts` (may be NULL) merged into `before` (NULL: there was nothing); the caller
 * frees. */
static char *merged(const char *before, const json_t *facts)
{
    if (!before)
        return facts ? json_dumps(facts, JSON_COMPACT) : strdup("{}");
    if (!facts)
        return strdup(before);
    json_t *target = json_loads(before, JSON_DECODE_ANY, NULL);
    if (!json_is_object(target)) {
        json_decref(target);
        target = json_object();
    }
    merge_patch(target, facts);
    char *text = json_dumps(target, JSON_COMPACT);
    json_decref(target);
    return text;
}

/* ---- transactions --------------------------------------------------------------------------- */

static void neo4j_begin(struct graph *any)
{
    struct neo4j_graph *graph = neo4j_of(any);
    graph->in_call = true;
    graph->unrecorded = false;
    neo4j_client_begin(&graph->client);
}

static int neo4j_commit(struct graph *any, struct error *error)
{
    struct neo4j_graph *graph = neo4j_of(any);
    bool wrote = json_array_size(graph->undo) > 0;
    if (graph->client.transaction != NEO4J_LOST && wrote && neo4j_journal_seal(graph, error) < 0)
        return -1;
    graph->unrecorded = wrote;
    if (neo4j_client_commit(&graph->client, error) < 0)
        return -1;
    json_decref(graph->undo);
    graph->undo = NULL;
    graph->in_call = false;
    return 0;
}

static void neo4j_rollback(struct graph *any)
{
    struct neo4j_graph *graph = neo4j_of(any);
    neo4j_client_rollback(&graph->client);
    /* what was committed without the records is taken back when the next connection is made */
    if (graph->unrecorded)
        neo4j_client_drop(&graph->client);
    json_decref(graph->undo);
    graph->undo = NULL;
    graph->in_call = graph->unrecorded = false;
}

/* A write outside of a call's transaction is one by itself, of the records too. */
struct write {
    struct neo4j_graph *graph;
    bool own, own_records;
};

static struct write write_begin(struct graph *any)
{
    struct neo4j_graph *graph = neo4j_of(any);
    struct write write = {.graph = graph, .own = !graph->in_call};
    if (!write.own)
        return write;
    write.own_records =
        !records_is_writing(graph->records) && records_begin(graph->records, NULL) == 0;
    neo4j_begin(any);
    return write;
}

static int write_end(const struct write *write, int failed, struct error *error)
{
    struct graph *graph = &write->graph->graph;
    if (!write->own)
        return failed;
    if (failed == 0)
        failed = neo4j_commit(graph, error);
    if (failed == 0 && write->own_records)
        failed = records_commit(write->graph->records, error);
    if (failed == 0)
        return 0;
    if (write->own_records)
        records_rollback(write->graph->records);
    neo4j_rollback(graph);
    return -1;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static json_t *node_rows(struct neo4j_graph *graph, const char *key, struct error *error)
{
    return neo4j_graph_run(graph, "MATCH (n:BurrowNode {key: $key}) RETURN n.key, n.type, n.facts",
                           json_pack("{s:s}", "key", key), error);
}

json_t *neo4j_graph_set_node(struct neo4j_graph *graph, const char *key, const char *type,
                             const char *facts, struct error *error)
{
    return neo4j_graph_run(graph,
                           "MERGE (n:BurrowNode {key: $key})"
                           " SET n.type = $type, n.facts = $facts, n.folded = $folded",
                           json_pack("{s:s, s:s, s:s, s:[o, o, o]}", "key", key, "type", type,
                                     "facts", facts, "folded", folded(key), folded(type),
                                     folded(facts)),
                           error);
}

static int put_node(struct neo4j_graph *graph, const char *key, const char *type,
                    const json_t *facts, bool *created, struct error *error)
{
    json_t *rows = node_rows(graph, key, error);
    if (!rows)
        return -1;
    const json_t *row = json_array_get(rows, 0);
    const char *old_type = row ? text_at(row, 1) : NULL, *old_facts = row ? text_at(row, 2) : NULL;
    if (!type)
        type = row ? old_type : "node";
    if (created)
        *created = !row;
    char *text = merged(old_facts, facts);
    int failed = text ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    if (failed == 0)
        failed =
            neo4j_journal_add(graph,
                              row ? json_pack("[s, s, s, s]", "set_node", key, old_type, old_facts)
                                  : json_pack("[s, s]", "remove_node", key),
                              error);
    json_t *set = failed == 0 ? neo4j_graph_set_node(graph, key, type, text, error) : NULL;
    json_decref(set);
    json_decref(rows);
    free(text);
    return set ? 0 : -1;
}

static int neo4j_node_put(struct graph *any, const char *key, const char *type, const json_t *facts,
                          bool *created, struct error *error)
{
    struct write write = write_begin(any);
    return write_end(&write, put_node(write.graph, key, type, facts, created, error), error);
}

static json_t *node_of(const json_t *row)
{
    return json_pack("{s:s, s:s, s:o}", "key", text_at(row, 0), "type", text_at(row, 1), "facts",
                     facts_at(row, 2));
}

static json_t *neo4j_node(struct graph *any, const char *key, struct error *error)
{
    json_t *rows = node_rows(neo4j_of(any), key, error);
    if (!rows)
        return NULL;
    json_t *node = json_array_size(rows) ? node_of(json_array_get(rows, 0)) : json_null();
    json_decref(rows);
    return node;
}

static int neo4j_node_add(struct graph *any, const char *key, const char *type, const json_t *facts,
                          bool *created, struct error *error)
{
    json_t *node = neo4j_node(any, key, error);
    *created = json_is_null(node);
    json_decref(node);
    if (!node)
        return -1;
    return *created ? neo4j_node_put(any, key, type, facts, NULL, error) : 0;
}

/* Its relations too. */
static int remove_node(struct neo4j_graph *graph, const char *key, bool *was_there,
                       struct error *error)
{
    json_t *rows = neo4j_graph_run(
        graph,
        "MATCH (n:BurrowNode {key: $key}) OPTIONAL MATCH (n)-[r:BURROW]-()"
        " WITH DISTINCT n, r RETURN startNode(r).key, r.type, endNode(r).key, r.facts, n.type,"
        " n.facts",
        json_pack("{s:s}", "key", key), error);
    int failed = rows ? 0 : -1;
    *was_there = json_array_size(rows) > 0;
    for (size_t i = 0; failed == 0 && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!is_null_at(row, 0))
            failed = neo4j_journal_add(graph,
                                       json_pack("[s, s, s, s, s]", "set_relation", text_at(row, 0),
                                                 text_at(row, 1), text_at(row, 2), text_at(row, 3)),
                                       error);
    }
    if (failed == 0 && *was_there) {
        const json_t *row = json_array_get(rows, 0);
        failed = neo4j_journal_add(
            graph, json_pack("[s, s, s, s]", "set_node", key, text_at(row, 4), text_at(row, 5)),
            error);
        json_t *gone =
            failed == 0 ? neo4j_graph_run(graph, "MATCH (n:BurrowNode {key: $key}) DETACH DELETE n",
                                          json_pack("{s:s}", "key", key), error)
                        : NULL;
        failed = gone ? 0 : -1;
        json_decref(gone);
    }
    json_decref(rows);
    return failed;
}

static int neo4j_node_remove(struct graph *any, const char *key, struct error *error)
{
    struct write write = write_begin(any);
    bool was_there = false;
    int failed = write_end(&write, remove_node(write.graph, key, &was_there, error), error);
    return failed < 0 ? -1 : was_there;
}

json_t *neo4j_graph_rename(struct neo4j_graph *graph, const char *key, const char *to,
                           struct error *error)
{
    return neo4j_graph_run(graph,
                           "MATCH (n:BurrowNode {key: $key})"
                           " SET n.key = $to, n.folded = [$folded, n.folded[1], n.folded[2]]"
                           " RETURN n.key",
                           json_pack("{s:s, s:s, s:o}", "key", key, "to", to, "folded", folded(to)),
                           error);
}

static int rename_node(struct neo4j_graph *graph, const char *key, const char *to, bool *was_there,
                       struct error *error)
{
    json_t *rows = neo4j_graph_rename(graph, key, to, error);
    if (!rows)
        return -1;
    *was_there = json_array_size(rows) > 0;
    json_decref(rows);
    return *was_there ? neo4j_journal_add(graph, json_pack("[s, s, s]", "rename", to, key), error)
                      : 0;
}

static int neo4j_node_rename(struct graph *any, const char *key, const char *to,
                             struct error *error)
{
    struct write write = write_begin(any);
    bool was_there = false;
    int failed = write_end(&write, rename_node(write.graph, key, to, &was_there, error), error);
    return failed < 0 ? -1 : was_there;
}

static json_t *neo4j_nodes(struct graph *any, const char *prefix, const char *type,
                           const char *text, size_t offset, size_t limit, struct error *error)
{
    struct error problem = {0};
    json_t *nodes = json_array(), *row;
    size_t index;
    json_t *rows = neo4j_graph_run(
        neo4j_of(any),
        "MATCH (n:BurrowNode) WHERE n.key STARTS WITH $prefix AND ($type IS NULL OR n.type = $type)"
        " AND ($text IS NULL OR any(part IN n.folded WHERE part CONTAINS $text))"
        " RETURN n.key, n.type, n.facts ORDER BY n.key SKIP $offset LIMIT $limit",
        json_pack("{s:s, s:s?, s:o, s:I, s:I}", "prefix", prefix ? prefix : "", "type", type,
                  "text", text ? folded(text) : json_null(), "offset", bounded(offset), "limit",
                  bounded(limit)),
        &problem);
    json_array_foreach(rows, index, row) json_array_append_new(nodes, node_of(row));
    json_decref(rows);
    return graph_finished(nodes, &problem, error);
}

/* ---- relations ------------------------------------------------------------------------------ */

json_t *neo4j_graph_set_relation(struct neo4j_graph *graph, const char *from, const char *type,
                                 const char *to, const char *facts, struct error *error)
{
    return neo4j_graph_run(
        graph,
        "MATCH (a:BurrowNode {key: $from}) MATCH (b:BurrowNode {key: $to})"
        " MERGE (a)-[r:BURROW {type: $type}]->(b) SET r.facts = $facts",
        json_pack("{s:s, s:s, s:s, s:s}", "from", from, "type", type, "to", to, "facts", facts),
        error);
}

static int set_relation(struct neo4j_graph *graph, const char *from, const char *type,
                        const char *to, const char *before, const json_t *facts,
                        struct error *error)
{
    char *text = merged(before, facts);
    int failed = text ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    if (failed == 0)
        failed = neo4j_journal_add(
            graph,
            before ? json_pack("[s, s, s, s, s]", "set_relation", from, type, to, before)
                   : json_pack("[s, s, s, s]", "remove_relation", from, type, to),
            error);
    json_t *set = failed == 0 ? neo4j_graph_set_relation(graph, from, type, to, text, error) : NULL;
    json_decref(set);
    free(text);
    return set ? 0 : -1;
}

static int put_relation(struct neo4j_graph *graph, const char *from, const char *type,
                        const char *to, const json_t *facts, bool *created, struct error *error)
{
    json_t *rows = neo4j_graph_run(
        graph,
        "OPTIONAL MATCH (a:BurrowNode {key: $from}) OPTIONAL MATCH (b:BurrowNode {key: $to})"
        " OPTIONAL MATCH (a)-[r:BURROW {type: $type}]->(b) RETURN a.key, b.key, r.facts",
        json_pack("{s:s, s:s, s:s}", "from", from, "to", to, "type", type), error);
    if (!rows)
        return -1;
    const json_t *row = json_array_get(rows, 0);
    bool is_new = is_null_at(row, 2);
    int failed;
    if (is_null_at(row, 0) || is_null_at(row, 1))
        failed = graph_missing_node(is_null_at(row, 0) ? from : to, error);
    else
        failed = set_relation(graph, from, type, to, is_new ? NULL : text_at(row, 2), facts, error);
    if (created)
        *created = is_new;
    json_decref(rows);
    return failed;
}

static int neo4j_relation_put(struct graph *any, const char *from, const char *type, const char *to,
                              const json_t *facts, bool *created, struct error *error)
{
    struct write write = write_begin(any);
    return write_end(&write, put_relation(write.graph, from, type, to, facts, created, error),
                     error);
}

#define REMOVED                                                                                    \
    " WITH a.key AS origin, r.type AS type, b.key AS target, r.facts AS facts, r"                  \
    " DELETE r RETURN origin, type, target, facts"

static int remove_relations(struct neo4j_graph *graph, const char *from, const char *type,
                            const char *to, size_t *count, struct error *error)
{
    const char *cypher = "MATCH (a:BurrowNode)-[r:BURROW]->(b:BurrowNode)"
                         " WHERE $type IS NULL OR r.type = $type" REMOVED;
    if (from)
        cypher =
            "MATCH (a:BurrowNode {key: $from})-[r:BURROW]->(b:BurrowNode)"
            " WHERE ($type IS NULL OR r.type = $type) AND ($to IS NULL OR b.key = $to)" REMOVED;
    else if (to)
        cypher = "MATCH (a:BurrowNode)-[r:BURROW]->(b:BurrowNode {key: $to})"
                 " WHERE $type IS NULL OR r.type = $type" REMOVED;
    json_t *row, *rows = neo4j_graph_run(
                     graph, cypher,
                     json_pack("{s:s?, s:s?, s:s?}", "from", from, "type", type, "to", to), error);
    int failed = rows ? 0 : -1;
    size_t index;
    *count = json_array_size(rows);
    json_array_foreach(rows, index, row)
    {
        if (failed == 0)
            failed = neo4j_journal_add(graph,
                                       json_pack("[s, s, s, s, s]", "set_relation", text_at(row, 0),
                                                 text_at(row, 1), text_at(row, 2), text_at(row, 3)),
                                       error);
    }
    json_decref(rows);
    return failed;
}

static int64_t neo4j_relation_remove(struct graph *any, const char *from, const char *type,
                                     const char *to, struct error *error)
{
    struct write write = write_begin(any);
    size_t count = 0;
    int failed =
        write_end(&write, remove_relations(write.graph, from, type, to, &count, error), error);
    return failed < 0 ? -1 : (int64_t)count;
}

#define RELATIONS_PAGE                                                                             \
    " RETURN a.key AS origin, r.type AS type, b.key AS target, r.facts"                            \
    " ORDER BY origin, type, target SKIP $offset LIMIT $limit"
#define OF_TYPE " WHERE $type IS NULL OR r.type = $type"

static json_t *neo4j_relations(struct graph *any, const char *key, enum graph_direction direction,
                               const char *type, size_t offset, size_t limit, struct error *error)
{
    static const char *const of_node[] = {
        [GRAPH_OUT] =
            "MATCH (a:BurrowNode {key: $key})-[r:BURROW]->(b:BurrowNode)" OF_TYPE RELATIONS_PAGE,
        [GRAPH_IN] =
            "MATCH (a:BurrowNode)-[r:BURROW]->(b:BurrowNode {key: $key})" OF_TYPE RELATIONS_PAGE,
        [GRAPH_BOTH] = "MATCH (:BurrowNode {key: $key})-[r:BURROW]-(:BurrowNode)" OF_TYPE
                       " WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b" RELATIONS_PAGE};
    const char *cypher = "MATCH (a:BurrowNode)-[r:BURROW]->(b:BurrowNode)" OF_TYPE RELATIONS_PAGE;
    struct error problem = {0};
    json_t *relations = json_array(), *row;
    size_t index;
    json_t *rows = neo4j_graph_run(neo4j_of(any), key ? of_node[direction] : cypher,
                                   json_pack("{s:s?, s:s?, s:I, s:I}", "key", key, "type", type,
                                             "offset", bounded(offset), "limit", bounded(limit)),
                                   &problem);
    json_array_foreach(rows, index, row) json_array_append_new(
        relations, json_pack("{s:s, s:s, s:s, s:o}", "from", text_at(row, 0), "type",
                             text_at(row, 1), "to", text_at(row, 2), "facts", facts_at(row, 3)));
    json_decref(rows);
    return graph_finished(relations, &problem, error);
}

static int neo4j_pairs(struct graph *any, const char *prefix, size_t limit,
                       void (*seen)(void *context, const char *from, const char *to), void *context,
                       struct error *error)
{
    json_t *row, *rows = neo4j_graph_run(
                     neo4j_of(any),
                     "MATCH (a:BurrowNode)-[r:BURROW]->(b:BurrowNode)"
                     " WHERE a.key STARTS WITH $prefix AND b.key STARTS WITH $prefix"
                     " WITH a.key AS origin, r.type AS type, b.key AS target"
                     " ORDER BY origin, type, target LIMIT $limit RETURN origin, target",
                     json_pack("{s:s, s:I}", "prefix", prefix, "limit", bounded(limit)), error);
    size_t index;
    if (!rows)
        return -1;
    json_array_foreach(rows, index, row) seen(context, text_at(row, 0), text_at(row, 1));
    json_decref(rows);
    return 0;
}

#define NEIGHBOURS(pattern)                                                                        \
    "UNWIND range(0, size($keys) - 1) AS place WITH place, $keys[place] AS key"                    \
    " MATCH (n:BurrowNode {key: key})" pattern "(m:BurrowNode)" OF_TYPE                            \
    " RETURN DISTINCT place, m.key AS next, m.type ORDER BY place, next"

static int neo4j_neighbours(struct graph *any, const char *const *keys, size_t count,
                            enum graph_direction direction, const char *type, graph_neighbour *seen,
                            void *context, struct error *error)
{
    static const char *const cyphers[] = {[GRAPH_OUT] = NEIGHBOURS("-[r:BURROW]->"),
                                          [GRAPH_IN] = NEIGHBOURS("<-[r:BURROW]-"),
                                          [GRAPH_BOTH] = NEIGHBOURS("-[r:BURROW]-")};
    json_t *asked = json_array(), *row;
    size_t index;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(asked, json_string(keys[i]));
    json_t *rows = neo4j_graph_run(neo4j_of(any), cyphers[direction],
                                   json_pack("{s:o, s:s?}", "keys", asked, "type", type), error);
    if (!rows)
        return -1;
    json_array_foreach(rows, index, row)
    {
        size_t place = (size_t)json_integer_value(json_array_get(row, 0));
        if (place < count)
            seen(context, place, text_at(row, 1), text_at(row, 2));
    }
    json_decref(rows);
    return 0;
}

/* ---- facts, opening ------------------------------------------------------------------------- */

static int64_t number_of(struct neo4j_graph *graph, const char *cypher, bool *failed)
{
    json_t *rows = neo4j_graph_run(graph, cypher, json_object(), NULL);
    int64_t number = json_integer_value(json_array_get(json_array_get(rows, 0), 0));
    *failed |= !rows;
    json_decref(rows);
    return number;
}

static int neo4j_facts(struct graph *any, struct graph_facts *facts, struct error *error)
{
    struct neo4j_graph *graph = neo4j_of(any);
    bool failed = false;
    (void)error;
    *facts = (struct graph_facts){.kind = "neo4j"};
    facts->nodes = number_of(graph, "MATCH (n:BurrowNode) RETURN count(n)", &failed);
    if (!failed)
        facts->relations = number_of(graph, "MATCH ()-[r:BURROW]->() RETURN count(r)", &failed);
    facts->reachable = !failed;
    facts->connections = graph->client.link.open;
    facts->failures = graph->client.failures;
    snprintf(facts->last_error, sizeof facts->last_error, "%s", graph->client.last_error);
    return 0;
}

static void neo4j_close(struct graph *any)
{
    struct neo4j_graph *graph = neo4j_of(any);
    neo4j_client_close(&graph->client);
    json_decref(graph->undo);
    free(graph);
}

static const struct graph_operations operations = {.node_put = neo4j_node_put,
                                                   .node_add = neo4j_node_add,
                                                   .node = neo4j_node,
                                                   .node_remove = neo4j_node_remove,
                                                   .node_rename = neo4j_node_rename,
                                                   .nodes = neo4j_nodes,
                                                   .relation_put = neo4j_relation_put,
                                                   .relation_remove = neo4j_relation_remove,
                                                   .relations = neo4j_relations,
                                                   .pairs = neo4j_pairs,
                                                   .neighbours = neo4j_neighbours,
                                                   .facts = neo4j_facts,
                                                   .degrees = graph_count_degrees,
                                                   .begin = neo4j_begin,
                                                   .commit = neo4j_commit,
                                                   .rollback = neo4j_rollback,
                                                   .close = neo4j_close,
                                                   .batch = NEIGHBOURS_BATCH};

struct graph *graph_neo4j_open(struct records *records, const char *url, struct error *error)
{
    struct neo4j_graph *graph = calloc(1, sizeof *graph);
    if (!graph) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    graph->graph.operations = &operations;
    graph->records = records;
    if (neo4j_client_open(&graph->client, url, error) == 0 && neo4j_journal_open(graph, error) == 0)
        return &graph->graph;
    neo4j_close(&graph->graph);
    return NULL;
}
