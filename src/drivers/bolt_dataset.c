/* What the default mix of the neo4j driver asks, and the graph it asks it of: a ring of nodes with
 * a long link from each, so that any two are a few steps apart. Every node has the label and the
 * mark of the run; nothing else in the database is touched. */
#include "drivers/bolt.h"

#include "base/clock.h"
#include "base/interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2000, REMOVE_BATCH = 5000 };

/* Placeholders in capitals are the dataset's (see neo4j_dataset_text), those with ${} a call's. */
static const struct neo4j_default defaults[] = {
    {.name = "read_node",
     .description = "a node by its key",
     .weight = 4,
     .hints = OFFER_READ_ONLY,
     .least_records = 1,
     .cypher = {"MATCH (n:LABEL {key: $key}) RETURN n"},
     .parameters = "{\"key\":\"RUN-${random(0,LAST)}\"}"},
    {.name = "one_hop",
     .description = "the neighbours of a node",
     .weight = 3,
     .hints = OFFER_READ_ONLY,
     .least_records = 1,
     .cypher = {"MATCH (n:LABEL {key: $key})-[r:CICADA_LINK]->(m:LABEL) "
                "RETURN m.key AS key, m.name AS name, r.weight AS weight LIMIT 100"},
     .parameters = "{\"key\":\"RUN-${random(0,LAST)}\"}"},
    {.name = "two_hops",
     .description = "the neighbours of a node's neighbours",
     .weight = 2,
     .hints = OFFER_READ_ONLY,
     .least_records = 1,
     .cypher = {"MATCH (n:LABEL {key: $key})-[:CICADA_LINK]->(:LABEL)-[:CICADA_LINK]->(m:LABEL) "
                "RETURN DISTINCT m.key AS key LIMIT 100"},
     .parameters = "{\"key\":\"RUN-${random(0,LAST)}\"}"},
    {.name = "shortest_path",
     .description = "the shortest path between two nodes",
     .weight = 1,
     .hints = OFFER_READ_ONLY,
     .least_records = 1,
     .cypher = {"MATCH (a:LABEL {key: $from}), (b:LABEL {key: $to}) "
                "MATCH p = shortestPath((a)-[:CICADA_LINK*]-(b)) RETURN p, length(p) AS length"},
     .parameters = "{\"from\":\"RUN-${random(0,BELOW)}\",\"to\":\"RUN-${random(MIDDLE,LAST)}\"}"},
    {.name = "merge_node",
     .description = "a node, made when it is not there",
     .weight = 2,
     .hints = OFFER_IDEMPOTENT,
     .least_records = 1,
     .cypher = {"MERGE (n:LABEL {key: $key}) "
                "ON CREATE SET n.run = $run, n.name = $name, n.value = $value "
                "ON MATCH SET n.value = $value RETURN n.key AS key, n.value AS value"},
     .parameters = "{\"key\":\"RUN-m${random(0,LAST)}\",\"run\":\"RUN\",\"name\":\"merged\","
                   "\"value\":\"${random(0,999999):json}\"}"},
    {.name = "merge_relation",
     .description = "a relation between two nodes, made when it is not there",
     .weight = 2,
     .hints = OFFER_IDEMPOTENT,
     .least_records = 1,
     .cypher = {"MATCH (a:LABEL {key: $from}), (b:LABEL {key: $to}) "
                "MERGE (a)-[r:CICADA_LINK]->(b) ON CREATE SET r.weight = 1 "
                "ON MATCH SET r.weight = r.weight + 1 RETURN r.weight AS weight"},
     .parameters = "{\"from\":\"RUN-${random(0,BELOW)}\",\"to\":\"RUN-${random(MIDDLE,LAST)}\"}"},
    {.name = "write_transaction",
     .description = "a write and a read of what was written in one explicit transaction",
     .weight = 1,
     .transaction = true,
     .least_records = 1,
     .cypher = {"MATCH (n:LABEL {key: $key}) SET n.value = n.value + 1",
                "MATCH (n:LABEL {key: $key}) RETURN n.value AS value"},
     .parameters = "{\"key\":\"RUN-${random(0,LAST)}\"}"},
};

int neo4j_dataset_offer(struct target *target, struct error *error)
{
    const struct neo4j_target *neo4j = target->driver_data;
    size_t count = neo4j->settings.nodes ? sizeof defaults / sizeof defaults[0] : 0;
    struct offer *custom = target_add_offer(
        target, "command", "custom", "Cypher of a plan's own: arguments {cypher, parameters}",
        OFFER_DESTRUCTIVE_UNSAID, NULL);
    if (!custom)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct offer *offer =
            target_add_offer(target, "command", defaults[i].name, defaults[i].description,
                             defaults[i].hints, (void *)&defaults[i]);
        if (!offer)
            return error_set(error, ERROR_INTERNAL, "out of memory");
        offer->weight = defaults[i].weight;
    }
    return 0;
}

char *neo4j_dataset_text(const struct neo4j_target *neo4j, const char *text)
{
    uint64_t nodes = neo4j->settings.nodes, middle = nodes / 2;
    char last[24], half[24], below[24];
    snprintf(last, sizeof last, "%llu", (unsigned long long)(nodes ? nodes - 1 : 0));
    snprintf(half, sizeof half, "%llu", (unsigned long long)middle);
    snprintf(below, sizeof below, "%llu", (unsigned long long)(middle ? middle - 1 : 0));
    const char *const words[][2] = {{"LABEL", neo4j->settings.label},
                                    {"RUN", neo4j->run},
                                    {"LAST", last},
                                    {"MIDDLE", half},
                                    {"BELOW", below}};
    struct buffer output;
    buffer_init(&output, 64 * 1024);
    while (*text) {
        size_t word = 0, length = 1;
        while (word < sizeof words / sizeof words[0] &&
               strncmp(text, words[word][0], strlen(words[word][0])) != 0)
            word++;
        bool known = word < sizeof words / sizeof words[0];
        if (known)
            length = strlen(words[word][0]);
        if ((known ? buffer_append_text(&output, words[word][1])
                   : buffer_append_char(&output, *text)) < 0) {
            buffer_free(&output);
            return NULL;
        }
        text += length;
    }
    return buffer_take_string(&output);
}

/* ---- filling and emptying ----------------------------------------------------------------------
 */

static int run(struct neo4j_control *control, const char *cypher, const char *parameters,
               struct error *error)
{
    char *text = neo4j_dataset_text(control->neo4j, cypher);
    int result = text ? neo4j_control_run(control, text, parameters, error)
                      : error_set(error, ERROR_INTERNAL, "out of memory");
    free(text);
    return result;
}

/* A query over [from, to) of the nodes, in batches: one huge transaction would need the memory. */
static int run_batches(struct neo4j_control *control, const char *cypher, struct error *error)
{
    uint64_t nodes = control->neo4j->settings.nodes;
    for (uint64_t from = 0; from < nodes; from += BATCH) {
        uint64_t to = nodes - from < BATCH ? nodes : from + BATCH;
        char parameters[256];
        if (interrupt_requested())
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
        snprintf(parameters, sizeof parameters,
                 "{\"run\":\"%s\",\"from\":%llu,\"to\":%llu,\"nodes\":%llu}", control->neo4j->run,
                 (unsigned long long)from, (unsigned long long)to - 1, (unsigned long long)nodes);
        if (run(control, cypher, parameters, error) < 0)
            return -1;
    }
    return 0;
}

int neo4j_dataset_make(struct neo4j_control *control, struct error *error)
{
    control->neo4j->prepared = true; /* whatever comes of it: something may be there */
    if (run(control,
            "CREATE CONSTRAINT cicada_LABEL_key IF NOT EXISTS FOR (n:LABEL) "
            "REQUIRE n.key IS UNIQUE",
            NULL, error) < 0 ||
        run(control, "CALL db.awaitIndexes(300)", NULL, error) < 0 ||
        run_batches(control,
                    "UNWIND range($from, $to) AS i CREATE (:LABEL {key: $run + '-' + toString(i), "
                    "run: $run, id: i, name: 'node ' + toString(i), value: 0})",
                    error) < 0 ||
        run_batches(control,
                    "UNWIND range($from, $to) AS i UNWIND [i + 1, i * 7 + 3] AS j "
                    "MATCH (a:LABEL {key: $run + '-' + toString(i)}), "
                    "(b:LABEL {key: $run + '-' + toString(j % $nodes)}) "
                    "CREATE (a)-[:CICADA_LINK {weight: 1}]->(b)",
                    error) < 0)
        return error_wrap(error, "preparing the dataset");
    return 0;
}

int neo4j_dataset_remove(struct neo4j_control *control, struct error *error)
{
    char parameters[128];
    snprintf(parameters, sizeof parameters, "{\"run\":\"%s\",\"most\":%d}", control->neo4j->run,
             REMOVE_BATCH);
    do {
        if (run(control,
                "MATCH (n:LABEL {run: $run}) WITH n LIMIT $most DETACH DELETE n RETURN count(*)",
                parameters, error) < 0)
            return -1;
    } while (control->number > 0);
    if (run(control, "MATCH (n:LABEL) WITH n LIMIT 1 RETURN count(n)", NULL, error) < 0)
        return -1;
    if (control->number > 0) /* another run's: it needs the constraint, and will remove it */
        return 0;
    return run(control, "DROP CONSTRAINT cicada_LABEL_key IF EXISTS", NULL, error);
}
