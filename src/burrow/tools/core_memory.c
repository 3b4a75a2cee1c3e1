/* core_memory, the documents: keep, find, read for an answer, forget. */
#include "burrow/tiers/memories.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_PER_TOKEN   4    /* of English text, about; a budget is an estimate */
#define REPEAT_SIMILARITY 0.92 /* passages nearer than this say the same */

static struct memory_filter filter_of(const struct tool_call *call)
{
    return (struct memory_filter){tool_text(call, "type", NULL), tool_text(call, "tag", NULL)};
}

static size_t limit_of(const struct tool_call *call)
{
    return (size_t)tool_integer(call, "limit", 10);
}

static int store_memory(struct tool_call *call)
{
    int64_t passages = 0;
    int64_t id = memories_store(call->store, tool_text(call, "name", ""),
                                tool_text(call, "type", "note"), tool_text(call, "content", ""),
                                tool_value(call, "tags"), &passages, &call->error);
    if (id < 0)
        return tool_fail_tier(call);
    call->structured =
        json_pack("{s:I, s:I}", "id", (json_int_t)id, "passages", (json_int_t)passages);
    return 0;
}

static int delete_memory(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    int gone = memories_delete(call->store, id, &call->error);
    if (gone < 0)
        return tool_fail_tier(call);
    if (gone == 0)
        return tool_fail(call, "not_found", "id: there is no memory %lld; search_memory finds ids",
                         (long long)id);
    call->structured = json_pack("{s:I, s:b}", "id", (json_int_t)id, "deleted", 1);
    return 0;
}

/* ---- found memories ------------------------------------------------------------------------- */

static int describe_all(struct tool_call *call, const struct memory_hit *hits, int count)
{
    json_t *memories = json_array();
    for (int i = 0; i < count; i++) {
        json_t *memory = memories_found(call->store, &hits[i], &call->error);
        if (!memory || memories_used(call->store, hits[i].memory, &call->error) < 0) {
            json_decref(memory);
            json_decref(memories);
            return tool_fail_tier(call);
        }
        json_array_append_new(memories, memory);
    }
    call->structured = json_pack("{s:o}", "memories", memories);
    return 0;
}

static int retrieve_memory(struct tool_call *call)
{
    struct memory_hit hits[MEMORIES_FOUND_LIMIT];
    struct memory_filter filter = filter_of(call);
    int count = memories_nearest(call->store, tool_text(call, "query", ""), &filter, true, hits,
                                 limit_of(call), &call->error);
    return count < 0 ? tool_fail_tier(call) : describe_all(call, hits, count);
}

static int search_memory(struct tool_call *call)
{
    struct memory_hit hits[MEMORIES_FOUND_LIMIT];
    struct memory_filter filter = filter_of(call);
    int count = memories_search(call->store, tool_text(call, "query", ""), &filter, hits,
                                limit_of(call), &call->error);
    return count < 0 ? tool_fail_tier(call) : describe_all(call, hits, count);
}

/* ---- routing -------------------------------------------------------------------------------- */

/* An entity whose name the query holds, as a word of its own: its node. NULL: none. */
static json_t *named_entity(struct tool_call *call, const char *query)
{
    json_t *found = NULL;
    char *words = strdup(query), *rest = NULL;
    char key[300];
    for (char *word = words ? strtok_r(words, " ,.;:!?\"()\n\t", &rest) : NULL; word && !found;
         word = strtok_r(NULL, " ,.;:!?\"()\n\t", &rest)) {
        if (strlen(word) > 200)
            continue;
        snprintf(key, sizeof key, "entity:%s", word);
        json_t *node = graph_node(call->store->graph, key, &call->error);
        if (json_is_object(node))
            found = node;
        else
            json_decref(node);
    }
    free(words);
    return found;
}

static int route_to_graph(struct tool_call *call, json_t *entity)
{
    const char *key = json_string_value(json_object_get(entity, "key"));
    json_t *relations =
        graph_relations(call->store->graph, key, GRAPH_BOTH, NULL, 0, limit_of(call), &call->error);
    if (relations)
        call->structured =
            json_pack("{s:s, s:o, s:o, s:[]}", "route", "graph", "reason",
                      json_sprintf("the query names the entity \"%s\"", key + strlen("entity:")),
                      "relations", relations, "memories");
    json_decref(entity);
    return relations ? 0 : tool_fail_tier(call);
}

static int route_query(struct tool_call *call)
{
    const char *query = tool_text(call, "query", ""), *route, *reason;
    struct memory_hit hits[MEMORIES_FOUND_LIMIT];
    struct memory_filter any = {0};
    int count;
    json_t *entity = named_entity(call, query);
    if (entity)
        return route_to_graph(call, entity);
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    size_t words = 1;
    for (const char *at = query; *at; at++)
        words += *at == ' ';
    if (strchr(query, '"') || words <= 2) {
        route = "text";
        reason = words <= 2 ? "few words: those that stand there count" : "a quoted phrase";
        count = memories_matching(call->store, query, &any, hits, limit_of(call), &call->error);
    } else {
        route = "vector";
        reason = "a sentence that names no entity: what is like it counts";
        count =
            memories_nearest(call->store, query, &any, true, hits, limit_of(call), &call->error);
    }
    if (count < 0)
        return tool_fail_tier(call);
    if (describe_all(call, hits, count) < 0)
        return -1;
    json_object_set_new(call->structured, "route", json_string(route));
    json_object_set_new(call->structured, "reason", json_string(reason));
    json_object_set_new(call->structured, "relations", json_array());
    return 0;
}

/* ---- context -------------------------------------------------------------------------------- */

static bool repeats(struct tool_call *call, const struct memory_hit *chosen, size_t count,
                    int64_t passage)
{
    for (size_t i = 0; i < count; i++)
        if (vectors_between(call->store->vectors, VECTORS_MEMORIES, chosen[i].passage, passage) >
            REPEAT_SIMILARITY)
            return true;
    return false;
}

/* The best passages that fit, without repeats: an array; NULL on an error. */
static json_t *choose_passages(struct tool_call *call, const char *query, int64_t budget,
                               size_t limit, int64_t *filled)
{
    struct memory_hit hits[MEMORIES_FOUND_LIMIT], chosen[MEMORIES_FOUND_LIMIT];
    struct memory_filter filter = filter_of(call);
    /* a passage has a few hundred tokens, and some repeat what others say */
    size_t wanted = 8 + (size_t)budget / 64, count = 0;
    wanted = wanted < 4 * limit ? wanted : 4 * limit;
    wanted = wanted < MEMORIES_FOUND_LIMIT ? wanted : MEMORIES_FOUND_LIMIT;
    int found = memories_nearest(call->store, query, &filter, false, hits, wanted, &call->error);
    json_t *passages = found < 0 ? NULL : json_array();
    *filled = 0;
    for (int i = 0; i < found && count < limit; i++) {
        json_t *text = memories_passage(call->store, hits[i].passage, &call->error);
        int64_t tokens =
            (int64_t)(json_string_length(text) + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
        if (text && *filled + tokens <= budget && !repeats(call, chosen, count, hits[i].passage)) {
            json_array_append_new(passages,
                                  json_pack("{s:I, s:O, s:f, s:I}", "memory",
                                            (json_int_t)hits[i].memory, "text", text, "score",
                                            hits[i].score, "tokens", (json_int_t)tokens));
            *filled += tokens;
            chosen[count++] = hits[i];
        }
        json_decref(text);
    }
    return passages;
}

static int build_context(struct tool_call *call)
{
    int64_t budget = tool_integer(call, "budget_tokens", 1000), filled;
    json_t *passages =
        choose_passages(call, tool_text(call, "query", ""), budget, MEMORIES_FOUND_LIMIT, &filled);
    if (!passages)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:o, s:I, s:I}", "passages", passages, "budget_tokens",
                                 (json_int_t)budget, "filled_tokens", (json_int_t)filled);
    return records_run(call->store->records, &call->error,
                       "INSERT INTO context_uses(asked_tokens, filled_tokens, built_at)"
                       " VALUES(?1, ?2, ?3)",
                       "iii", budget, filled, store_now_ms()) < 0
               ? tool_fail_tier(call)
               : 0;
}

static json_t *sources_of(struct tool_call *call, const json_t *passages)
{
    json_t *sources = json_array(), *passage, *seen = json_object();
    size_t index;
    json_array_foreach(passages, index, passage)
    {
        char id[32];
        json_int_t memory = json_integer_value(json_object_get(passage, "memory"));
        snprintf(id, sizeof id, "%lld", (long long)memory);
        if (json_object_get(seen, id))
            continue;
        json_object_set_new(seen, id, json_true());
        json_array_append_new(sources, memories_get(call->store, memory, false, &call->error));
        memories_used(call->store, memory, &call->error);
    }
    json_decref(seen);
    return sources;
}

static int ask_with_context(struct tool_call *call)
{
    const char *question = tool_text(call, "question", "");
    int64_t filled;
    json_t *passages = choose_passages(call, question, INT64_MAX / 2, limit_of(call), &filled);
    if (!passages)
        return tool_fail_tier(call);
    int64_t logged =
        records_run(call->store->records, &call->error,
                    "INSERT INTO questions(question, passages, asked_at)"
                    " VALUES(?1, ?2, ?3)",
                    "sii", question, (int64_t)json_array_size(passages), store_now_ms());
    json_int_t id = (json_int_t)records_last_id(call->store->records);
    call->structured = json_pack("{s:I, s:o, s:o}", "question_id", id, "passages", passages,
                                 "sources", sources_of(call, passages));
    return logged < 0 || call->error.code != ERROR_NONE ? tool_fail_tier(call) : 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define QUERY   "\"query\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096, \"description\": \"what to look for, in plain words\"}"
#define FILTERS \
    "\"type\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64, \"description\": \"only memories of this type\"}," \
    "\"tag\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64, \"description\": \"only memories with this tag\"}"
#define LIMIT   "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 10, \"description\": \"results at most\"}"
#define MEMORY_FIELDS \
    "\"id\": {\"type\": \"integer\"}, \"name\": {\"type\": \"string\"}, \"type\": {\"type\": \"string\"}," \
    "\"tags\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}, \"created_at\": {\"type\": \"integer\"}," \
    "\"bytes\": {\"type\": \"integer\"}"
#define MEMORIES \
    "\"memories\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" MEMORY_FIELDS \
    ", \"score\": {\"type\": \"number\"}, \"passage\": {\"type\": [\"string\", \"null\"]}}," \
    "\"required\": [\"id\", \"name\", \"type\", \"score\"]}}"
#define PASSAGES \
    "\"passages\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"memory\": {\"type\": \"integer\"}," \
    "\"text\": {\"type\": \"string\"}, \"score\": {\"type\": \"number\"}, \"tokens\": {\"type\": \"integer\"}}," \
    "\"required\": [\"memory\", \"text\", \"score\", \"tokens\"]}}"
#define OBJECT(properties, required) \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}"
#define INPUT(properties, required, examples) \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" properties \
    "}, \"required\": [" required "], \"examples\": [" examples "]}"

static const struct tool tools[] = {
    {"store_memory", "Store a memory",
     "Keep a document for later: its content, a name, a type and tags. Use it when something should be "
     "remembered beyond this conversation. It can be found at once, by its words and by likeness.",
     "mem", 0,
     INPUT("\"content\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 1048576, \"description\": \"the text to keep\"},"
           "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200, \"description\": \"a short name for people\"},"
           "\"type\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64, \"default\": \"note\", \"description\": \"note, document, fact, ...\"},"
           "\"tags\": {\"type\": \"array\", \"maxItems\": 32, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64}, \"description\": \"words to filter by\"}",
           "\"content\", \"name\"",
           JSON({"content": "The deployment runs on Tuesdays at ten. Roll back with the last green tag.", "name": "Deployment rules", "type": "note", "tags": ["operations"]})),
     OBJECT("\"id\": {\"type\": \"integer\"}, \"passages\": {\"type\": \"integer\", \"minimum\": 0}", "\"id\", \"passages\""),
     store_memory},
    {"retrieve_memory", "Retrieve like memories",
     "The memories nearest to a query by likeness of their words and parts of words, with scores from 0 to 1. Use it "
     "for a description of what is wanted; search_memory also counts exact words.",
     "mem", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT(QUERY "," FILTERS "," LIMIT, "\"query\"", JSON({"query": "when do we deploy", "limit": 5})),
     OBJECT(MEMORIES, "\"memories\""), retrieve_memory},
    {"search_memory", "Search memories",
     "Full text and likeness fused by reciprocal rank: the best general search. Use it first when it is not known how "
     "the memory was worded.",
     "mem", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT(QUERY "," FILTERS "," LIMIT, "\"query\"", JSON({"query": "deployment roll back"})),
     OBJECT(MEMORIES, "\"memories\""), search_memory},
    {"delete_memory", "Delete a memory",
     "Remove a memory for good: record, vectors, links and cached data. Use it when something must be forgotten.",
     "mem", TOOL_DESTRUCTIVE | TOOL_IDEMPOTENT,
     INPUT("\"id\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"as store_memory or a search gave it\"}", "\"id\"", JSON({"id": 1})),
     OBJECT("\"id\": {\"type\": \"integer\"}, \"deleted\": {\"type\": \"boolean\"}", "\"id\", \"deleted\""), delete_memory},
    {"route_query", "Route a query",
     "Choose between full text, likeness and the knowledge graph for a query, say why, and run it. Use it when it is "
     "not clear which search fits.",
     "mem", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT(QUERY "," LIMIT, "\"query\"", JSON({"query": "what do we know about how deployments are rolled back"})),
     OBJECT("\"route\": {\"enum\": [\"text\", \"vector\", \"graph\"]}, \"reason\": {\"type\": \"string\"},"
            "\"relations\": {\"type\": \"array\"}," MEMORIES, "\"route\", \"reason\", \"relations\", \"memories\""),
     route_query},
    {"build_context", "Build a context",
     "The best passages for a query that fit into a token budget, without repeats. Use it to fill a prompt. A token is "
     "taken as four bytes.",
     "mem", 0,
     INPUT(QUERY "," FILTERS ",\"budget_tokens\": {\"type\": \"integer\", \"minimum\": 16, \"maximum\": 100000, \"default\": 1000, \"description\": \"tokens to fill at most\"}",
           "\"query\"", JSON({"query": "how are releases made", "budget_tokens": 400})),
     OBJECT(PASSAGES ", \"budget_tokens\": {\"type\": \"integer\"}, \"filled_tokens\": {\"type\": \"integer\"}",
            "\"passages\", \"budget_tokens\", \"filled_tokens\""),
     build_context},
    {"ask_with_context", "Find passages that answer",
     "Passages that may answer a question, with the memories they come from. The question is logged, so that it can "
     "be seen later what was asked. Use it before answering from memory.",
     "mem", 0,
     INPUT("\"question\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096, \"description\": \"the question, as asked\"}," FILTERS "," LIMIT,
           "\"question\"", JSON({"question": "On which day do we deploy?", "limit": 3})),
     OBJECT("\"question_id\": {\"type\": \"integer\"}," PASSAGES
            ", \"sources\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" MEMORY_FIELDS "}, \"required\": [\"id\", \"name\"]}}",
            "\"question_id\", \"passages\", \"sources\""),
     ask_with_context},
};
/* clang-format on */

const struct tool_group tools_core_memory = {
    .name = "core_memory",
    .migrations = memories_migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
    .open = memories_open,
};
