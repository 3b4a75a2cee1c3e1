/* knowledge_graph: links between memories, and what the shape of the entities' graph says: paths,
 * neighbourhoods, likeness by shared neighbours, rank, communities. */
#include "burrow/tiers/graph_shape.h"
#include "burrow/tools/core_graph.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int require_node(struct tool_call *call, const char *argument, const char *key)
{
    json_t *node = graph_node(call->store->graph, key, &call->error);
    bool there = json_is_object(node);
    if (!node)
        return tool_fail_tier(call);
    json_decref(node);
    return there ? 0
                 : tool_fail(call, "not_found", "%s: there is no \"%.200s\"", argument,
                             entity_name(key));
}

/* ---- links between memories ----------------------------------------------------------------- */

static int memory_key(struct tool_call *call, const char *argument, char key[32])
{
    snprintf(key, 32, "memory:%lld", (long long)tool_integer(call, argument, 0));
    return require_node(call, argument, key);
}

static json_int_t memory_id(const json_t *key)
{
    const char *text = json_string_value(key);
    return strncmp(text, "memory:", 7) == 0 ? strtoll(text + 7, NULL, 10) : 0;
}

static int link_resources(struct tool_call *call)
{
    char from[32], to[32];
    bool created;
    if (memory_key(call, "from", from) < 0 || memory_key(call, "to", to) < 0)
        return -1;
    if (graph_relation_put(call->store->graph, from, tool_text(call, "type", ""), to, NULL,
                           &created, &call->error) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:b}", "created", created);
    return 0;
}

static int unlink_resources(struct tool_call *call)
{
    char from[32], to[32];
    if (memory_key(call, "from", from) < 0 || memory_key(call, "to", to) < 0)
        return -1;
    int64_t removed = graph_relation_remove(call->store->graph, from, tool_text(call, "type", NULL),
                                            to, &call->error);
    if (removed < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I}", "removed", (json_int_t)removed);
    return 0;
}

static int get_resource_links(struct tool_call *call)
{
    char key[32];
    size_t index;
    json_t *relation, *links = json_array();
    if (memory_key(call, "id", key) < 0) {
        json_decref(links);
        return -1;
    }
    json_t *relations = graph_relations(call->store->graph, key, entity_direction(call),
                                        tool_text(call, "type", NULL), 0,
                                        (size_t)tool_integer(call, "limit", 100), &call->error);
    json_array_foreach(relations, index, relation)
    {
        json_int_t from = memory_id(json_object_get(relation, "from"));
        json_int_t to = memory_id(json_object_get(relation, "to"));
        if (from && to)
            json_array_append_new(links, json_pack("{s:I, s:O, s:I}", "from", from, "type",
                                                   json_object_get(relation, "type"), "to", to));
    }
    call->structured = json_pack("{s:o}", "links", links);
    bool failed = !relations;
    json_decref(relations);
    return failed ? tool_fail_tier(call) : 0;
}

static int get_document_relationships(struct tool_call *call)
{
    char key[32];
    size_t index;
    json_t *node;
    if (memory_key(call, "id", key) < 0)
        return -1;
    json_t *around =
        graph_within(call->store->graph, key, GRAPH_BOTH, tool_text(call, "type", NULL),
                     "memory:", (unsigned)tool_integer(call, "hops", 2),
                     (size_t)tool_integer(call, "limit", 100), &call->error);
    json_t *documents = json_array();
    json_array_foreach(around, index, node) json_array_append_new(
        documents, json_pack("{s:I, s:O}", "id", memory_id(json_object_get(node, "key")),
                             "distance", json_object_get(node, "distance")));
    call->structured = json_pack("{s:o}", "documents", documents);
    bool failed = !around;
    json_decref(around);
    return failed ? tool_fail_tier(call) : 0;
}

/* ---- entities ------------------------------------------------------------------------------- */

static json_t *near_entity(const json_t *node)
{
    return json_pack("{s:s, s:O, s:O}", "name",
                     entity_name(json_string_value(json_object_get(node, "key"))), "type",
                     json_object_get(node, "type"), "distance", json_object_get(node, "distance"));
}

static int entity_argument(struct tool_call *call, const char *argument, char key[ENTITY_KEY_SIZE])
{
    entity_key(key, tool_text(call, argument, ""));
    return require_node(call, argument, key);
}

static int find_shortest_path(struct tool_call *call)
{
    char from[ENTITY_KEY_SIZE], to[ENTITY_KEY_SIZE];
    size_t index;
    json_t *key;
    if (entity_argument(call, "from", from) < 0 || entity_argument(call, "to", to) < 0)
        return -1;
    json_t *keys = graph_path(call->store->graph, from, to, entity_direction(call),
                              (unsigned)tool_integer(call, "max_length", 10), &call->error);
    if (!keys)
        return tool_fail_tier(call);
    json_t *path = json_array();
    json_array_foreach(keys, index, key)
        json_array_append_new(path, json_string(entity_name(json_string_value(key))));
    json_int_t steps = (json_int_t)json_array_size(path) - 1;
    call->structured = json_pack("{s:b, s:o, s:I}", "found", steps >= 0, "path", path, "length",
                                 steps < 0 ? 0 : steps);
    json_decref(keys);
    return 0;
}

static int get_neighbors(struct tool_call *call)
{
    char key[ENTITY_KEY_SIZE];
    if (entity_argument(call, "entity", key) < 0)
        return -1;
    json_t *around =
        graph_within(call->store->graph, key, entity_direction(call), tool_text(call, "type", NULL),
                     "entity:", (unsigned)tool_integer(call, "depth", 1),
                     (size_t)tool_integer(call, "limit", 100), &call->error);
    if (!around)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:o}", "neighbors", entity_list(around, near_entity));
    return 0;
}

static int get_subgraph(struct tool_call *call)
{
    json_t *names = json_object_get(call->arguments, "names"), *name, *relation;
    json_t *chosen = json_object(), *entities = json_array(), *relations = json_array();
    size_t index, place;
    int failed = 0;
    json_array_foreach(names, index, name)
        json_object_set_new(chosen, json_string_value(name), json_true());
    json_array_foreach(names, index, name)
    {
        char key[ENTITY_KEY_SIZE];
        entity_key(key, json_string_value(name));
        json_t *node = failed ? NULL : graph_node(call->store->graph, key, &call->error);
        json_t *leaving = json_is_object(node) ? graph_relations(call->store->graph, key, GRAPH_OUT,
                                                                 NULL, 0, 10000, &call->error)
                                               : NULL;
        if (json_is_object(node))
            json_array_append_new(entities, entity_of(node));
        if (!node || (json_is_object(node) && !leaving))
            failed = failed ? failed : tool_fail_tier(call);
        json_array_foreach(leaving, place, relation)
        {
            json_t *converted = entity_relation_of(relation);
            if (json_object_get(chosen, json_string_value(json_object_get(converted, "to"))))
                json_array_append(relations, converted);
            json_decref(converted);
        }
        json_decref(leaving);
        json_decref(node);
    }
    json_decref(chosen);
    call->structured = json_pack("{s:o, s:o}", "entities", entities, "relations", relations);
    return failed;
}

static int delete_entities(struct tool_call *call)
{
    json_t *names = json_object_get(call->arguments, "names"), *name;
    json_t *missing = json_array();
    json_int_t deleted = 0;
    size_t index;
    int failed = 0;
    json_array_foreach(names, index, name)
    {
        char key[ENTITY_KEY_SIZE];
        entity_key(key, json_string_value(name));
        int gone = graph_node_remove(call->store->graph, key, &call->error);
        if (gone < 0)
            failed = tool_fail_tier(call);
        else if (gone == 0)
            json_array_append(missing, name);
        deleted += gone > 0;
    }
    call->structured = json_pack("{s:I, s:o}", "deleted", deleted, "missing", missing);
    return failed;
}

static int delete_relations(struct tool_call *call)
{
    const char *from = tool_text(call, "from", NULL), *to = tool_text(call, "to", NULL);
    const char *type = tool_text(call, "type", NULL);
    char from_key[ENTITY_KEY_SIZE], to_key[ENTITY_KEY_SIZE];
    if (!from && !to)
        return tool_fail(call, "invalid_argument",
                         "from, to: one of them is needed, so that not every relation goes");
    entity_key(from_key, from ? from : "");
    entity_key(to_key, to ? to : "");
    int64_t deleted = graph_relation_remove(call->store->graph, from ? from_key : NULL, type,
                                            to ? to_key : NULL, &call->error);
    if (deleted < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I}", "deleted", (json_int_t)deleted);
    return 0;
}

/* ---- the shape of the graph ----------------------------------------------------------------- */

static int find_related_entities(struct tool_call *call)
{
    char key[ENTITY_KEY_SIZE];
    if (entity_argument(call, "entity", key) < 0)
        return -1;
    struct graph_shape *shape = graph_shape_of(call->store->graph, &call->error);
    if (!shape)
        return tool_fail_tier(call);
    call->structured =
        json_pack("{s:o}", "related",
                  graph_shape_related(shape, key, (size_t)tool_integer(call, "limit", 10)));
    return 0;
}

static int get_central_nodes(struct tool_call *call)
{
    struct graph_shape *shape = graph_shape_of(call->store->graph, &call->error);
    if (!shape)
        return tool_fail_tier(call);
    unsigned rounds;
    json_t *nodes = graph_shape_central(shape, (size_t)tool_integer(call, "limit", 10), &rounds);
    call->structured = json_pack("{s:o, s:i, s:b}", "entities", nodes, "iterations", (int)rounds,
                                 "complete", graph_shape_is_whole(shape));
    return 0;
}

static int find_communities(struct tool_call *call)
{
    struct graph_shape *shape = graph_shape_of(call->store->graph, &call->error);
    if (!shape)
        return tool_fail_tier(call);
    call->structured =
        json_pack("{s:o, s:b}", "communities",
                  graph_shape_communities(shape, (size_t)tool_integer(call, "minimum_size", 2),
                                          (size_t)tool_integer(call, "limit", 20)),
                  "complete", graph_shape_is_whole(shape));
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define MEMORY(name, what) "\"" name "\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"" what "\"}"
#define LINK_TYPE "\"type\": " ENTITY_WORD
#define READS (TOOL_READ_ONLY | TOOL_IDEMPOTENT)
#define NAMES "\"names\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": " ENTITY_NAME "}"
#define SCORED(list) \
    "\"" list "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"}," \
    "\"score\": {\"type\": \"number\"}}, \"required\": [\"name\", \"score\"]}}"

static const struct tool tools[] = {
    {"link_resources", "Link memories", "Add a typed, directed link between two memories. Use it when one explains, replaces or belongs to the other.",
     "kg", TOOL_IDEMPOTENT,
     ENTITY_INPUT(MEMORY("from", "a memory's id") "," MEMORY("to", "another's") "," LINK_TYPE, "\"from\", \"to\", \"type\"",
           JSON({"from": 1, "to": 2, "type": "explains"})),
     ENTITY_OUTPUT("\"created\": {\"type\": \"boolean\"}", "\"created\""), link_resources},
    {"unlink_resources", "Unlink memories", "Remove the link of a type, or all of them, from one memory to another.", "kg",
     TOOL_DESTRUCTIVE | TOOL_IDEMPOTENT,
     ENTITY_INPUT(MEMORY("from", "a memory's id") "," MEMORY("to", "another's") "," LINK_TYPE, "\"from\", \"to\"",
           JSON({"from": 1, "to": 2, "type": "explains"})),
     ENTITY_OUTPUT("\"removed\": {\"type\": \"integer\"}", "\"removed\""), unlink_resources},
    {"get_resource_links", "Links of a memory", "The links of a memory to others, by type and direction.", "kg", READS,
     ENTITY_INPUT(MEMORY("id", "of the memory") "," LINK_TYPE "," ENTITY_DIRECTION "," ENTITY_LIMIT, "\"id\"", JSON({"id": 1})),
     ENTITY_OUTPUT("\"links\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"from\": {\"type\": \"integer\"},"
           "\"type\": {\"type\": \"string\"}, \"to\": {\"type\": \"integer\"}}, \"required\": [\"from\", \"type\", \"to\"]}}", "\"links\""),
     get_resource_links},
    {"get_document_relationships", "Memories around a memory", "Memories within so many links of one, nearest first. Use it to gather what belongs together.",
     "kg", READS,
     ENTITY_INPUT(MEMORY("id", "of the memory") "," LINK_TYPE ", \"hops\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 6, \"default\": 2}," ENTITY_LIMIT,
           "\"id\"", JSON({"id": 1, "hops": 2})),
     ENTITY_OUTPUT("\"documents\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"id\": {\"type\": \"integer\"},"
           "\"distance\": {\"type\": \"integer\"}}, \"required\": [\"id\", \"distance\"]}}", "\"documents\""),
     get_document_relationships},
    {"find_shortest_path", "Shortest path", "How two entities hang together: a shortest path of relations between them.", "kg", READS,
     ENTITY_INPUT("\"from\": " ENTITY_NAME ", \"to\": " ENTITY_NAME "," ENTITY_DIRECTION
           ", \"max_length\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 20, \"default\": 10}", "\"from\", \"to\"",
           JSON({"from": "Ada Lovelace", "to": "Analytical Engine"})),
     ENTITY_OUTPUT("\"found\": {\"type\": \"boolean\"}, \"path\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}, \"length\": {\"type\": \"integer\"}",
           "\"found\", \"path\", \"length\""),
     find_shortest_path},
    {"get_neighbors", "Neighbours", "Entities within so many relations of one, by type and direction, nearest first.", "kg", READS,
     ENTITY_INPUT("\"entity\": " ENTITY_NAME "," LINK_TYPE "," ENTITY_DIRECTION ", \"depth\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 6, \"default\": 1},"
           ENTITY_LIMIT, "\"entity\"", JSON({"entity": "Ada Lovelace", "depth": 2})),
     ENTITY_OUTPUT("\"neighbors\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"},"
           "\"type\": {\"type\": \"string\"}, \"distance\": {\"type\": \"integer\"}}, \"required\": [\"name\", \"type\", \"distance\"]}}", "\"neighbors\""),
     get_neighbors},
    {"get_subgraph", "Subgraph", "A set of entities with the relations among them, and none that leave the set.", "kg", READS,
     ENTITY_INPUT(NAMES, "\"names\"", JSON({"names": ["Ada Lovelace", "Analytical Engine"]})),
     ENTITY_OUTPUT(ENTITY_ENTITIES "," ENTITY_RELATIONS, "\"entities\", \"relations\""), get_subgraph},
    {"find_related_entities", "Related entities",
     "Entities that share neighbours with one, by the Adamic-Adar measure: rare shared neighbours count more. Use it to suggest relations.", "kg", READS,
     ENTITY_INPUT("\"entity\": " ENTITY_NAME "," ENTITY_LIMIT, "\"entity\"", JSON({"entity": "Ada Lovelace", "limit": 5})),
     ENTITY_OUTPUT(SCORED("related"), "\"related\""), find_related_entities},
    {"get_central_nodes", "Central entities", "Entities by PageRank: those that much leads to. Use it to see what the graph is about.", "kg", READS,
     ENTITY_INPUT(ENTITY_LIMIT, "", JSON({"limit": 5})),
     ENTITY_OUTPUT(SCORED("entities") ", \"iterations\": {\"type\": \"integer\"}, \"complete\": {\"type\": \"boolean\", \"description\": \"false: the graph is larger than what was ranked\"}",
           "\"entities\", \"iterations\", \"complete\""),
     get_central_nodes},
    {"find_communities", "Communities", "Groups of entities that are tied more to each other than to the rest, by label propagation.", "kg", READS,
     ENTITY_INPUT("\"minimum_size\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 2}," ENTITY_LIMIT, "", JSON({"minimum_size": 2})),
     ENTITY_OUTPUT("\"communities\": {\"type\": \"array\", \"items\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}, \"complete\": {\"type\": \"boolean\"}",
           "\"communities\", \"complete\""),
     find_communities},
    {"delete_entities", "Delete entities", "Remove entities and their relations for good; names that do not exist are listed.", "kg",
     TOOL_DESTRUCTIVE | TOOL_IDEMPOTENT,
     ENTITY_INPUT(NAMES, "\"names\"", JSON({"names": ["Analytical Engine"]})),
     ENTITY_OUTPUT("\"deleted\": {\"type\": \"integer\"}, \"missing\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}", "\"deleted\", \"missing\""),
     delete_entities},
    {"delete_relations", "Delete relations", "Remove the relations that match: from, to, type; from or to is needed.", "kg",
     TOOL_DESTRUCTIVE | TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"from\": " ENTITY_NAME ", \"to\": " ENTITY_NAME "," LINK_TYPE, "", JSON({"from": "Ada Lovelace", "type": "wrote_for"})),
     ENTITY_OUTPUT("\"deleted\": {\"type\": \"integer\"}", "\"deleted\""), delete_relations},
};
/* clang-format on */

const struct tool_group tools_knowledge_graph = {
    .name = "knowledge_graph", .tools = tools, .count = sizeof tools / sizeof *tools};
