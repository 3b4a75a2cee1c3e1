/* Entities as the tools over the graph name and show them, and the pieces of their schemas. */
#ifndef BURROW_TOOLS_CORE_GRAPH_H
#define BURROW_TOOLS_CORE_GRAPH_H

#include "burrow/tools/tool.h"

#define ENTITY_KEY_SIZE 1024 /* a name has at most 200 characters */

void entity_key(char key[ENTITY_KEY_SIZE], const char *name);
const char *entity_name(const char *key); /* a key of another kind is its own name */

/* New references: a node as {"name", "type", "observations"}, a relation as {"from", "type", "to"}.
 */
json_t *entity_of(const json_t *node);
json_t *entity_relation_of(const json_t *relation);
/* Every element of `nodes` (released) as `convert` has it; NULL stays NULL. */
json_t *entity_list(json_t *nodes, json_t *(*convert)(const json_t *));

/* Of the argument "direction"; both when absent. */
enum graph_direction entity_direction(const struct tool_call *call);

#define ENTITY_NAME                                                                                \
    "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200, \"description\": \"of an "       \
    "entity\"}"
#define ENTITY_WORD                                                                                \
    "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64, \"description\": \"a type, e.g. " \
    "person or works_at\"}"
#define ENTITY_FACTS                                                                               \
    "{\"type\": \"array\", \"maxItems\": 100, \"items\": {\"type\": \"string\", \"minLength\": "   \
    "1, \"maxLength\": 4096},"                                                                     \
    "\"description\": \"facts, a sentence each\"}"
#define ENTITY_DIRECTION                                                                           \
    "\"direction\": {\"enum\": [\"out\", \"in\", \"both\"], \"default\": \"both\"}"
#define ENTITY_LIMIT                                                                               \
    "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100, "     \
    "\"description\": \"results at most\"}"
#define ENTITY_INPUT(properties, required, examples)                                               \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" properties         \
    "}, \"required\": [" required "], \"examples\": [" examples "]}"
#define ENTITY_OUTPUT(properties, required)                                                        \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}"
#define ENTITY_ENTITIES                                                                            \
    "\"entities\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": "       \
    "{\"name\": {\"type\": \"string\"},"                                                           \
    "\"type\": {\"type\": \"string\"}, \"observations\": {\"type\": [\"array\", \"null\"], "       \
    "\"items\": {\"type\": \"string\"}}},"                                                         \
    "\"required\": [\"name\", \"type\"]}}"
#define ENTITY_RELATIONS                                                                           \
    "\"relations\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": "      \
    "{\"from\": {\"type\": \"string\"},"                                                           \
    "\"type\": {\"type\": \"string\"}, \"to\": {\"type\": \"string\"}}, \"required\": [\"from\", " \
    "\"type\", \"to\"]}}"

#endif
