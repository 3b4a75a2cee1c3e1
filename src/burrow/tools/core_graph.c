/* core_memory, the entities: named things with facts, and typed relations between them. In the
 * graph an entity is the node "entity:NAME" whose facts hold its observations. */
#include "burrow/tools/core_graph.h"

#include "burrow/tools/groups.h"
#include "burrow/tools/json_text.h"

#include <stdio.h>
#include <string.h>

#define PREFIX       "entity:"
#define OBSERVATIONS 1000 /* of one entity */

/* ---- names and keys ------------------------------------------------------------------------- */

void entity_key(char key[ENTITY_KEY_SIZE], const char *name)
{
    snprintf(key, ENTITY_KEY_SIZE, PREFIX "%s", name);
}

const char *entity_name(const char *key)
{
    return strncmp(key, PREFIX, strlen(PREFIX)) == 0 ? key + strlen(PREFIX) : key;
}

json_t *entity_of(const json_t *node)
{
    json_t *observations = json_object_get(json_object_get(node, "facts"), "observations");
    return json_pack("{s:s, s:O, s:O?}", "name",
                     entity_name(json_string_value(json_object_get(node, "key"))), "type",
                     json_object_get(node, "type"), "observations", observations);
}

json_t *entity_relation_of(const json_t *relation)
{
    return json_pack("{s:s, s:O, s:s}", "from",
                     entity_name(json_string_value(json_object_get(relation, "from"))), "type",
                     json_object_get(relation, "type"), "to",
                     entity_name(json_string_value(json_object_get(relation, "to"))));
}

/* Every element of `nodes` (released) as `convert` has it; NULL stays NULL. */
json_t *entity_list(json_t *nodes, json_t *(*convert)(const json_t *))
{
    json_t *list = nodes ? json_array() : NULL, *node;
    size_t index;
    json_array_foreach(nodes, index, node) json_array_append_new(list, convert(node));
    json_decref(nodes);
    return list;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* NULL leaves its type, or its observations, as they are. */
static int change_entity(struct tool_call *call, const char *name, const char *type,
                         json_t *observations)
{
    char key[ENTITY_KEY_SIZE];
    json_t *facts = observations ? json_pack("{s:O}", "observations", observations) : NULL;
    entity_key(key, name);
    int failed = graph_node_put(call->store->graph, key, type, facts, NULL, &call->error);
    json_decref(facts);
    return failed;
}

static int make_entity(struct tool_call *call, const json_t *entity, bool *created)
{
    char key[ENTITY_KEY_SIZE];
    json_t *observations = json_object_get(entity, "observations"),
           *facts = observations ? json_pack("{s:O}", "observations", observations)
                                 : json_pack("{s:[]}", "observations");
    entity_key(key, json_string_value(json_object_get(entity, "name")));
    int failed =
        graph_node_add(call->store->graph, key, json_string_value(json_object_get(entity, "type")),
                       facts, created, &call->error);
    json_decref(facts);
    return failed;
}

/* New facts of `list` behind those that are there; how many were new. */
static size_t append_new(json_t *observations, const json_t *list)
{
    size_t added = 0, index, place;
    json_t *fact, *known;
    json_array_foreach(list, index, fact)
    {
        bool there = false;
        json_array_foreach(observations, place, known) there = there || json_equal(known, fact);
        if (!there && json_array_append(observations, fact) == 0)
            added++;
    }
    return added;
}

/* The node of an entity; NULL after tool_fail. */
static json_t *require_entity(struct tool_call *call, const char *name)
{
    char key[ENTITY_KEY_SIZE];
    entity_key(key, name);
    json_t *node = graph_node(call->store->graph, key, &call->error);
    if (json_is_object(node))
        return node;
    if (node)
        tool_fail(call, "not_found", "there is no entity \"%.200s\"; create_entities makes it",
                  name);
    else
        tool_fail_tier(call);
    json_decref(node);
    return NULL;
}

static json_t *observations_of(const json_t *node)
{
    json_t *there = json_object_get(json_object_get(node, "facts"), "observations");
    return json_is_array(there) ? json_copy(there) : json_array();
}

static int add_to_entity(struct tool_call *call, const char *name, const json_t *facts,
                         size_t *added, size_t *total)
{
    json_t *node = require_entity(call, name);
    if (!node)
        return -1;
    json_t *observations = observations_of(node);
    int failed = 0;
    *added = append_new(observations, facts);
    *total = json_array_size(observations);
    if (*total > OBSERVATIONS)
        failed = tool_fail(call, "too_large",
                           "\"%.200s\" would have more than %d observations; split the entity",
                           name, OBSERVATIONS);
    else if (*added && change_entity(call, name, NULL, observations) < 0)
        failed = tool_fail_tier(call);
    json_decref(observations);
    json_decref(node);
    return failed;
}

static int create_entities(struct tool_call *call)
{
    json_t *entities = json_object_get(call->arguments, "entities"), *entity;
    json_int_t created_count = 0, merged = 0;
    size_t index, added, total;
    json_array_foreach(entities, index, entity)
    {
        const char *name = json_string_value(json_object_get(entity, "name"));
        const json_t *observations = json_object_get(entity, "observations");
        bool created;
        if (make_entity(call, entity, &created) < 0)
            return tool_fail_tier(call);
        if (!created && json_array_size(observations) &&
            add_to_entity(call, name, observations, &added, &total) < 0)
            return -1;
        created_count += created;
        merged += !created;
        if (tool_progress(call, index + 1, json_array_size(entities)) < 0)
            return -1;
    }
    call->structured = json_pack("{s:I, s:I}", "created", created_count, "merged", merged);
    return 0;
}

static int create_relations(struct tool_call *call)
{
    json_t *relations = json_object_get(call->arguments, "relations"), *relation;
    json_int_t created_count = 0, there = 0;
    size_t index;
    json_array_foreach(relations, index, relation)
    {
        char from[ENTITY_KEY_SIZE], to[ENTITY_KEY_SIZE];
        bool created;
        entity_key(from, json_string_value(json_object_get(relation, "from")));
        entity_key(to, json_string_value(json_object_get(relation, "to")));
        if (graph_relation_put(call->store->graph, from,
                               json_string_value(json_object_get(relation, "type")), to, NULL,
                               &created, &call->error) < 0) {
            if (call->error.code != ERROR_USAGE)
                return tool_fail_tier(call);
            call->reason = "not_found";
            return error_wrap(&call->error, "relations[%zu]", index);
        }
        created_count += created;
        there += !created;
        if (tool_progress(call, index + 1, json_array_size(relations)) < 0)
            return -1;
    }
    call->structured = json_pack("{s:I, s:I}", "created", created_count, "existing", there);
    return 0;
}

static int add_observations(struct tool_call *call)
{
    size_t added, total;
    if (add_to_entity(call, tool_text(call, "name", ""), tool_value(call, "observations"), &added,
                      &total) < 0)
        return -1;
    call->structured =
        json_pack("{s:I, s:I}", "added", (json_int_t)added, "total", (json_int_t)total);
    return 0;
}

static int rename_entity(struct tool_call *call, const char *name, const char *to)
{
    char key[ENTITY_KEY_SIZE], new_key[ENTITY_KEY_SIZE];
    entity_key(key, name);
    entity_key(new_key, to);
    json_t *there = graph_node(call->store->graph, new_key, &call->error);
    if (!there)
        return tool_fail_tier(call);
    bool taken = json_is_object(there);
    json_decref(there);
    if (taken)
        return tool_fail(call, "conflict",
                         "new_name: there is an entity \"%.200s\" already; choose another", to);
    return graph_node_rename(call->store->graph, key, new_key, &call->error) < 0
               ? tool_fail_tier(call)
               : 0;
}

static int update_one(struct tool_call *call, const json_t *update)
{
    const char *name = json_string_value(json_object_get(update, "name"));
    const char *new_name = json_string_value(json_object_get(update, "new_name"));
    json_t *node = require_entity(call, name);
    if (!node)
        return -1;
    json_decref(node);
    int failed = change_entity(call, name, json_string_value(json_object_get(update, "type")),
                               json_object_get(update, "observations"));
    if (failed < 0)
        return tool_fail_tier(call);
    return new_name && strcmp(new_name, name) != 0 ? rename_entity(call, name, new_name) : 0;
}

static int update_entities(struct tool_call *call)
{
    json_t *updates = json_object_get(call->arguments, "updates"), *update;
    size_t index;
    json_array_foreach(updates, index, update) if (update_one(call, update) < 0) return error_wrap(
        &call->error, "updates[%zu]", index);
    call->structured = json_pack("{s:I}", "updated", (json_int_t)json_array_size(updates));
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

enum graph_direction entity_direction(const struct tool_call *call)
{
    const char *direction = tool_text(call, "direction", "both");
    if (strcmp(direction, "out") == 0)
        return GRAPH_OUT;
    return strcmp(direction, "in") == 0 ? GRAPH_IN : GRAPH_BOTH;
}

static int add_relations_of(struct tool_call *call, const char *key, json_t *relations)
{
    size_t index, limit = (size_t)tool_integer(call, "limit", 100);
    json_t *relation,
        *more = graph_relations(call->store->graph, key, entity_direction(call),
                                tool_text(call, "type", NULL), 0, limit, &call->error);
    if (!more)
        return tool_fail_tier(call);
    json_array_foreach(more, index, relation)
    {
        json_t *converted = entity_relation_of(relation);
        bool known = false;
        size_t place;
        json_t *other;
        json_array_foreach(relations, place, other) known = known || json_equal(other, converted);
        if (known || json_array_size(relations) >= limit)
            json_decref(converted);
        else
            json_array_append_new(relations, converted);
    }
    json_decref(more);
    return 0;
}

/* Relations of an entity and, with a depth, of those around it. */
static int query_graph(struct tool_call *call)
{
    const char *name = tool_text(call, "entity", NULL);
    unsigned depth = (unsigned)tool_integer(call, "depth", 1);
    json_t *relations = json_array(), *around = NULL, *node;
    char key[ENTITY_KEY_SIZE];
    size_t index;
    int failed = 0;
    if (!name)
        failed = add_relations_of(call, NULL, relations);
    else if (!(node = require_entity(call, name)))
        failed = -1;
    else {
        json_decref(node);
        entity_key(key, name);
        failed = add_relations_of(call, key, relations);
        if (failed == 0 && depth > 1 &&
            !(around = graph_within(call->store->graph, key, entity_direction(call),
                                    tool_text(call, "type", NULL), PREFIX, depth - 1, 100,
                                    &call->error)))
            failed = tool_fail_tier(call);
        json_array_foreach(around, index, node) if (failed == 0) failed =
            add_relations_of(call, json_string_value(json_object_get(node, "key")), relations);
        json_decref(around);
    }
    if (failed < 0)
        json_decref(relations);
    else
        call->structured = json_pack("{s:o}", "relations", relations);
    return failed;
}

static int open_nodes(struct tool_call *call)
{
    json_t *names = json_object_get(call->arguments, "names"), *name;
    json_t *entities = json_array(), *missing = json_array(), *relations = json_array();
    size_t index;
    int failed = 0;
    json_array_foreach(names, index, name)
    {
        char key[ENTITY_KEY_SIZE];
        entity_key(key, json_string_value(name));
        json_t *node = failed ? NULL : graph_node(call->store->graph, key, &call->error);
        if (!node)
            failed = tool_fail_tier(call);
        else if (json_is_object(node)) {
            json_array_append_new(entities, entity_of(node));
            failed = add_relations_of(call, key, relations);
        } else {
            json_array_append(missing, name);
        }
        json_decref(node);
    }
    call->structured = json_pack("{s:o, s:o, s:o}", "entities", entities, "relations", relations,
                                 "missing", missing);
    return failed;
}

static int search_nodes(struct tool_call *call)
{
    json_t *nodes = graph_nodes(call->store->graph, PREFIX, tool_text(call, "type", NULL),
                                tool_text(call, "query", NULL), 0,
                                (size_t)tool_integer(call, "limit", 100), &call->error);
    if (!nodes)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:o}", "entities", entity_list(nodes, entity_of));
    return 0;
}

/* A page of entities and the relations that leave them. */
static int read_graph(struct tool_call *call)
{
    size_t offset = (size_t)tool_integer(call, "offset", 0);
    size_t limit = (size_t)tool_integer(call, "limit", 100), index;
    json_t *nodes =
        graph_nodes(call->store->graph, PREFIX, NULL, NULL, offset, limit + 1, &call->error);
    json_t *relations = json_array(), *node, *more;
    int failed = nodes ? 0 : tool_fail_tier(call);
    bool last = json_array_size(nodes) <= limit;
    if (!last)
        json_array_remove(nodes, limit);
    json_array_foreach(nodes, index, node)
    {
        const char *key = json_string_value(json_object_get(node, "key"));
        more = entity_list(
            graph_relations(call->store->graph, key, GRAPH_OUT, NULL, 0, limit, &call->error),
            entity_relation_of);
        if (!more)
            failed = tool_fail_tier(call);
        json_array_extend(relations, more);
        json_decref(more);
    }
    json_t *next = last ? json_null() : json_integer((json_int_t)(offset + limit));
    call->structured = json_pack("{s:o, s:o, s:o}", "entities",
                                 nodes ? entity_list(nodes, entity_of) : json_array(), "relations",
                                 relations, "next_offset", next);
    return failed;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct tool tools[] = {
    {"create_entities", "Create entities",
     "Add named, typed entities with facts about them to the knowledge graph. One that is there already keeps its type "
     "and gains the facts that are new. Use it for people, projects, places, anything that will be mentioned again.",
     "kg", TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"entities\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": {\"type\": \"object\", \"additionalProperties\": false,"
           "\"properties\": {\"name\": " ENTITY_NAME ", \"type\": " ENTITY_WORD ", \"observations\": " ENTITY_FACTS "},"
           "\"required\": [\"name\", \"type\"]}}", "\"entities\"",
           JSON({"entities": [{"name": "Ada Lovelace", "type": "person", "observations": ["wrote the first program"]}, {"name": "Analytical Engine", "type": "machine"}]})),
     ENTITY_OUTPUT("\"created\": {\"type\": \"integer\"}, \"merged\": {\"type\": \"integer\"}", "\"created\", \"merged\""),
     create_entities},
    {"create_relations", "Create relations",
     "Add typed, directed relations between entities that exist. One that is there already is left as it is. Use it after "
     "create_entities.",
     "kg", TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"relations\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": {\"type\": \"object\", \"additionalProperties\": false,"
           "\"properties\": {\"from\": " ENTITY_NAME ", \"type\": " ENTITY_WORD ", \"to\": " ENTITY_NAME "},"
           "\"required\": [\"from\", \"type\", \"to\"]}}", "\"relations\"",
           JSON({"relations": [{"from": "Ada Lovelace", "type": "wrote_for", "to": "Analytical Engine"}]})),
     ENTITY_OUTPUT("\"created\": {\"type\": \"integer\"}, \"existing\": {\"type\": \"integer\"}", "\"created\", \"existing\""),
     create_relations},
    {"add_observations", "Add observations",
     "Append facts to an entity; those it has already are not repeated. Use it when something new was learned.",
     "kg", TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"name\": " ENTITY_NAME ", \"observations\": " ENTITY_FACTS, "\"name\", \"observations\"",
           JSON({"name": "Ada Lovelace", "observations": ["lived in London"]})),
     ENTITY_OUTPUT("\"added\": {\"type\": \"integer\"}, \"total\": {\"type\": \"integer\"}", "\"added\", \"total\""),
     add_observations},
    {"query_graph", "Query relations",
     "Relations that match: of an entity, of a type, in a direction, up to a depth. Use it to see how things hang together.",
     "kg", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"entity\": " ENTITY_NAME ", \"type\": " ENTITY_WORD "," ENTITY_DIRECTION ", \"depth\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 5, \"default\": 1},"
           ENTITY_LIMIT, "", JSON({"entity": "Ada Lovelace", "direction": "out"}) "," JSON({"type": "wrote_for"})),
     ENTITY_OUTPUT(ENTITY_RELATIONS, "\"relations\""), query_graph},
    {"open_nodes", "Open entities",
     "Entities by name, with their facts and relations; names that do not exist are listed. Use it when the names are known.",
     "kg", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"names\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": " ENTITY_NAME "}," ENTITY_LIMIT, "\"names\"",
           JSON({"names": ["Ada Lovelace", "Analytical Engine"]})),
     ENTITY_OUTPUT(ENTITY_ENTITIES "," ENTITY_RELATIONS ", \"missing\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}",
            "\"entities\", \"relations\", \"missing\""),
     open_nodes},
    {"search_nodes", "Search entities",
     "Entities whose name, type or facts hold a text, whatever its case. Use it when the exact name is not known.",
     "kg", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"query\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"type\": " ENTITY_WORD "," ENTITY_LIMIT, "\"query\"",
           JSON({"query": "lovelace"})),
     ENTITY_OUTPUT(ENTITY_ENTITIES, "\"entities\""), search_nodes},
    {"read_graph", "Read the graph",
     "The knowledge graph in pages: entities by name, with the relations that leave them. Use it for an overview or an export.",
     "kg", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"offset\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 10000000, \"default\": 0, \"description\": \"next_offset of the page before\"}," ENTITY_LIMIT,
           "", JSON({"limit": 20})),
     ENTITY_OUTPUT(ENTITY_ENTITIES "," ENTITY_RELATIONS ", \"next_offset\": {\"type\": [\"integer\", \"null\"]}",
            "\"entities\", \"relations\", \"next_offset\""),
     read_graph},
    {"update_entities", "Update entities",
     "Rename entities, change their type, or replace their facts; what is not given stays. Relations stay with a renamed "
     "entity.",
     "kg", TOOL_IDEMPOTENT,
     ENTITY_INPUT("\"updates\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": {\"type\": \"object\", \"additionalProperties\": false,"
           "\"properties\": {\"name\": " ENTITY_NAME ", \"new_name\": " ENTITY_NAME ", \"type\": " ENTITY_WORD ", \"observations\": " ENTITY_FACTS "},"
           "\"required\": [\"name\"]}}", "\"updates\"",
           JSON({"updates": [{"name": "Analytical Engine", "type": "computer"}]})),
     ENTITY_OUTPUT("\"updated\": {\"type\": \"integer\"}", "\"updated\""), update_entities},
};
/* clang-format on */

const struct tool_group tools_core_graph = {
    .name = "core_memory", .tools = tools, .count = sizeof tools / sizeof *tools};
