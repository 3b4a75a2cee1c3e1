/* chat_continuity: messages of conversations, by whom and from which tool; found by words and by
 * likeness; summed up by their central messages; conversations joined in the graph. */
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_MESSAGES 64 /* the newest of a conversation that a summary is made from */
#define FOUND_LIMIT      100
#define RANK_CONSTANT    60

static const char *const migrations[] = {
    "CREATE TABLE chats(id INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL,"
    " role TEXT NOT NULL, agent TEXT, tool TEXT, content TEXT NOT NULL, sent_at INTEGER NOT NULL);"
    "CREATE INDEX chats_conversation ON chats(conversation, id);"
    "CREATE INDEX chats_tool ON chats(tool, conversation, id) WHERE tool IS NOT NULL;"
    "CREATE VIRTUAL TABLE chat_words USING fts5(content, content='chats', content_rowid='id');"
    "CREATE TRIGGER chats_inserted AFTER INSERT ON chats BEGIN"
    " INSERT INTO chat_words(rowid, content) VALUES(new.id, new.content); END",
    "CREATE INDEX chats_time ON chats(sent_at)",
    "DROP TRIGGER chats_inserted; DROP TABLE chat_words", /* store->chat_words took their place */
    NULL};

static int open_words(struct store *store, struct error *error)
{
    if (store->chat_words)
        return 0;
    store->chat_words = word_index_open(
        store->records, "SELECT id, content FROM chats WHERE id > ?1 ORDER BY id LIMIT ?2", error);
    return store->chat_words ? word_index_load(store->chat_words, error) : -1;
}

#define CHAT_COLUMNS "id, conversation, role, agent, tool, content, sent_at"

/* Many are read at a time, so without json_pack, which reads its format each time. */
static json_t *chat_of(sqlite3_stmt *row)
{
    static const char *const texts[] = {"conversation", "role", "agent", "tool", "content"};
    json_t *chat = json_object();
    json_object_set_new_nocheck(chat, "id", json_integer(sqlite3_column_int64(row, 0)));
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        json_object_set_new_nocheck(chat, texts[i], records_json_text(row, i + 1));
    json_object_set_new_nocheck(chat, "sent_at", json_integer(sqlite3_column_int64(row, 6)));
    return chat;
}

static int answer_with_chats(struct tool_call *call, sqlite3_stmt *row)
{
    json_t *messages = json_array();
    while (row && records_next(row, &call->error))
        json_array_append_new(messages, chat_of(row));
    call->structured = json_pack("{s:o}", "messages", messages);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static void conversation_key(char key[512], const char *name)
{
    snprintf(key, 512, "conversation:%s", name);
}

static int log_chat(struct tool_call *call)
{
    const char *conversation = tool_text(call, "conversation", "");
    const char *content = tool_text(call, "content", "");
    char key[512];
    conversation_key(key, conversation);
    if (records_run(call->store->records, &call->error,
                    "INSERT INTO chats(conversation, role, agent, tool, content, sent_at)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    "sssssi", conversation, tool_text(call, "role", "user"),
                    tool_text(call, "agent", NULL), tool_text(call, "tool", NULL), content,
                    store_now_ms()) < 0)
        return tool_fail_tier(call);
    int64_t id = records_last_id(call->store->records);
    if (vectors_put(call->store->vectors, VECTORS_CHATS, id, content, &call->error) < 0 ||
        word_index_put(call->store->chat_words, id, content, &call->error) < 0 ||
        graph_node_put(call->store->graph, key, "conversation", NULL, NULL, &call->error) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I}", "id", (json_int_t)id);
    return 0;
}

static int get_chat_history(struct tool_call *call)
{
    int64_t limit = tool_integer(call, "limit", 50);
    int failed = answer_with_chats(
        call, records_query(call->store->records, &call->error,
                            "SELECT " CHAT_COLUMNS " FROM chats WHERE conversation = ?1 AND id > ?2"
                            " ORDER BY id LIMIT ?3",
                            "sii", tool_text(call, "conversation", ""),
                            tool_integer(call, "after", 0), limit));
    const json_t *messages = failed ? NULL : json_object_get(call->structured, "messages");
    size_t count = json_array_size(messages);
    json_t *last = json_object_get(json_array_get(messages, count ? count - 1 : 0), "id");
    if (failed == 0)
        json_object_set_new(call->structured, "next_after",
                            (int64_t)count == limit ? json_incref(last) : json_null());
    return failed;
}

static int get_chats_by_tool(struct tool_call *call)
{
    return answer_with_chats(
        call, records_query(call->store->records, &call->error,
                            "SELECT " CHAT_COLUMNS " FROM chats WHERE id IN (SELECT id FROM chats"
                            " WHERE tool = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id DESC",
                            "si", tool_text(call, "tool", ""), tool_integer(call, "limit", 50)));
}

static int get_tool_conversations(struct tool_call *call)
{
    json_t *conversations = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT c.conversation, c.messages, last.sent_at FROM (SELECT conversation,"
                      " count(*) AS messages, max(id) AS last FROM chats WHERE tool = ?1"
                      " GROUP BY conversation ORDER BY last DESC LIMIT ?2) AS c"
                      " JOIN chats AS last ON last.id = c.last ORDER BY c.last DESC",
                      "si", tool_text(call, "tool", ""), tool_integer(call, "limit", 50));
    while (row && records_next(row, &call->error))
        json_array_append_new(
            conversations, json_pack("{s:o, s:I, s:I}", "conversation", records_json_text(row, 0),
                                     "messages", (json_int_t)sqlite3_column_int64(row, 1),
                                     "last_at", (json_int_t)sqlite3_column_int64(row, 2)));
    call->structured = json_pack("{s:o}", "conversations", conversations);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- searching ------------------------------------------------------------------------------ */

struct ranked {
    int64_t id;
    double score;
};

static size_t add_rank(struct ranked *all, size_t count, int64_t id, size_t rank)
{
    size_t at = 0;
    while (at < count && all[at].id != id)
        at++;
    if (at == count)
        all[count++] = (struct ranked){id, 0};
    all[at].score += 1.0 / (double)(RANK_CONSTANT + rank + 1);
    return count;
}

static int best_first(const void *one, const void *other)
{
    const struct ranked *a = one, *b = other;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* A message with its score, if it is of the conversation (NULL: any). */
static void add_scored(struct tool_call *call, json_t *messages, const struct ranked *ranked,
                       const char *conversation)
{
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT " CHAT_COLUMNS " FROM chats WHERE id = ?1"
                                      " AND (?2 IS NULL OR conversation = ?2)",
                                      "is", ranked->id, conversation);
    if (!row || !records_next(row, &call->error))
        return;
    json_t *message = chat_of(row);
    json_object_set_new(message, "score", json_real(ranked->score));
    json_array_append_new(messages, message);
    records_done(row);
}

static int search_chats(struct tool_call *call)
{
    struct ranked all[2 * FOUND_LIMIT];
    struct vector_hit near[FOUND_LIMIT];
    struct word_hit matching[FOUND_LIMIT];
    const struct word_index_query words = {.text = tool_text(call, "query", ""),
                                           .wanted = WORD_INDEX_ALL};
    size_t limit = (size_t)tool_integer(call, "limit", 10), count = 0;
    const char *conversation = tool_text(call, "conversation", NULL);
    int found = vectors_search(call->store->vectors, VECTORS_CHATS, tool_text(call, "query", ""),
                               (unsigned)(conversation ? FOUND_LIMIT : limit), near, &call->error);
    int matched = found < 0 ? -1
                            : word_index_search(call->store->chat_words, &words, FOUND_LIMIT,
                                                matching, &call->error);
    if (matched < 0)
        return tool_fail_tier(call);
    for (int i = 0; i < found; i++)
        count = add_rank(all, count, near[i].id, (size_t)i);
    for (int i = 0; i < matched; i++)
        count = add_rank(all, count, matching[i].id, (size_t)i);
    qsort(all, count, sizeof *all, best_first);
    json_t *messages = json_array();
    for (size_t i = 0; i < count && json_array_size(messages) < limit; i++)
        add_scored(call, messages, &all[i], conversation);
    call->structured = json_pack("{s:o}", "messages", messages);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- summing up ----------------------------------------------------------------------------- */

static int by_id(const void *one, const void *other)
{
    const struct ranked *a = one, *b = other;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* The newest messages of a conversation, the oldest of them first: how many, or -1. */
static int newest_messages(struct tool_call *call, const char *conversation,
                           int64_t ids[SUMMARY_MESSAGES])
{
    size_t count = 0;
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT id FROM (SELECT id FROM chats WHERE conversation = ?1"
                                      " ORDER BY id DESC LIMIT ?2) ORDER BY id",
                                      "si", conversation, (int64_t)SUMMARY_MESSAGES);
    while (row && records_next(row, &call->error))
        ids[count++] = sqlite3_column_int64(row, 0);
    return call->error.code == ERROR_NONE ? (int)count : tool_fail_tier(call);
}

/* What a conversation is about is said by those messages that are likest the others. */
static int summarize_conversation(struct tool_call *call)
{
    int64_t ids[SUMMARY_MESSAGES];
    double likeness[SUMMARY_MESSAGES];
    struct ranked scores[SUMMARY_MESSAGES];
    const char *conversation = tool_text(call, "conversation", "");
    int count = newest_messages(call, conversation, ids),
        chosen = (int)tool_integer(call, "messages", 5);
    if (count < 0)
        return -1;
    if (count == 0)
        return tool_fail(call, "not_found", "conversation: nothing was logged of \"%.200s\"",
                         conversation);
    vectors_centrality(call->store->vectors, VECTORS_CHATS, ids, (size_t)count, likeness);
    for (int i = 0; i < count; i++)
        scores[i] = (struct ranked){ids[i], likeness[i]};
    chosen = chosen < count ? chosen : count;
    qsort(scores, (size_t)count, sizeof *scores, best_first);
    qsort(scores, (size_t)chosen, sizeof *scores, by_id); /* in the order they were said */
    json_t *central = json_array();
    for (int i = 0; i < chosen; i++)
        add_scored(call, central, &scores[i], NULL);
    call->structured = json_pack("{s:o, s:i}", "messages", central, "read", count);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static int link_conversations(struct tool_call *call)
{
    static const char *const ends[] = {"from", "to"};
    char keys[2][512];
    bool created;
    for (size_t i = 0; i < 2; i++) {
        conversation_key(keys[i], tool_text(call, ends[i], ""));
        json_t *node = graph_node(call->store->graph, keys[i], &call->error);
        bool there = json_is_object(node);
        if (!node)
            return tool_fail_tier(call);
        json_decref(node);
        if (!there)
            return tool_fail(call, "not_found",
                             "%s: nothing was logged of \"%.200s\"; log_chat does", ends[i],
                             tool_text(call, ends[i], ""));
    }
    if (graph_relation_put(call->store->graph, keys[0], tool_text(call, "type", ""), keys[1], NULL,
                           &created, &call->error) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:b}", "created", created);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define READS (TOOL_READ_ONLY | TOOL_IDEMPOTENT)
#define NAME(field, what) "\"" field "\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"description\": \"" what "\"}"
#define LIMIT "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"description\": \"results at most\"}"
#define MESSAGES \
    "\"messages\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"id\": {\"type\": \"integer\"}," \
    "\"conversation\": {\"type\": \"string\"}, \"role\": {\"type\": \"string\"}, \"agent\": {\"type\": [\"string\", \"null\"]}," \
    "\"tool\": {\"type\": [\"string\", \"null\"]}, \"content\": {\"type\": \"string\"}, \"sent_at\": {\"type\": \"integer\"}," \
    "\"score\": {\"type\": \"number\"}}, \"required\": [\"id\", \"conversation\", \"role\", \"content\", \"sent_at\"]}}"

static const struct tool tools[] = {
    {"log_chat", "Log a message", "Keep a message of a conversation: who said it, in which role, and the tool it came from. Use it to be able to go on later.", "mem", 0,
     INPUT_SCHEMA(NAME("conversation", "its name") ", \"role\": {\"enum\": [\"user\", \"assistant\", \"system\", \"tool\"], \"default\": \"user\"},"
           NAME("agent", "who said it") "," NAME("tool", "that it came from")
           ", \"content\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 262144, \"description\": \"what was said\"}", "\"conversation\", \"content\"",
           JSON({"conversation": "release 1.2", "role": "user", "agent": "planner", "tool": "editor", "content": "Can we ship on Tuesday?"})),
     OUTPUT_SCHEMA("\"id\": {\"type\": \"integer\"}", "\"id\""), log_chat},
    {"get_chat_history", "History of a conversation", "The messages of a conversation in order, in pages. Use it to take a conversation up again.", "mem", READS,
     INPUT_SCHEMA(NAME("conversation", "its name") ", \"after\": {\"type\": \"integer\", \"minimum\": 0, \"default\": 0, \"description\": \"next_after of the page before\"}," LIMIT,
           "\"conversation\"", JSON({"conversation": "release 1.2", "limit": 20})),
     OUTPUT_SCHEMA(MESSAGES ", \"next_after\": {\"type\": [\"integer\", \"null\"]}", "\"messages\", \"next_after\""), get_chat_history},
    {"get_chats_by_tool", "Messages from a tool", "The newest messages that came from a tool.", "mem", READS,
     INPUT_SCHEMA(NAME("tool", "its name") "," LIMIT, "\"tool\"", JSON({"tool": "editor"})),
     OUTPUT_SCHEMA(MESSAGES, "\"messages\""), get_chats_by_tool},
    {"get_tool_conversations", "Conversations with a tool", "Conversations in which a tool took part, latest first.", "mem", READS,
     INPUT_SCHEMA(NAME("tool", "its name") "," LIMIT, "\"tool\"", JSON({"tool": "editor"})),
     OUTPUT_SCHEMA("\"conversations\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"conversation\": {\"type\": \"string\"},"
            "\"messages\": {\"type\": \"integer\"}, \"last_at\": {\"type\": \"integer\"}}, \"required\": [\"conversation\", \"messages\", \"last_at\"]}}", "\"conversations\""),
     get_tool_conversations},
    {"search_chats", "Search messages", "Messages by their words and by likeness, over all conversations or in one.", "mem", READS,
     INPUT_SCHEMA("\"query\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096, \"description\": \"what to look for\"},"
           NAME("conversation", "only in this one") "," LIMIT, "\"query\"", JSON({"query": "when do we ship", "limit": 5})),
     OUTPUT_SCHEMA(MESSAGES, "\"messages\""), search_chats},
    {"summarize_conversation", "Sum up a conversation",
     "The central messages of a conversation, in the order they were said: those most like the others, of the newest 64. Use it to recall what it was about.", "ml", READS,
     INPUT_SCHEMA(NAME("conversation", "its name") ", \"messages\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 50, \"default\": 5, \"description\": \"how many\"}",
           "\"conversation\"", JSON({"conversation": "release 1.2", "messages": 3})),
     OUTPUT_SCHEMA(MESSAGES ", \"read\": {\"type\": \"integer\"}", "\"messages\", \"read\""), summarize_conversation},
    {"link_conversations", "Link conversations", "Join two conversations by a relation in the graph, e.g. continues.", "kg", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(NAME("from", "a conversation") "," NAME("to", "another") "," NAME("type", "of the relation"), "\"from\", \"to\", \"type\"",
           JSON({"from": "release 1.2", "to": "release 1.2", "type": "continues"})),
     OUTPUT_SCHEMA("\"created\": {\"type\": \"boolean\"}", "\"created\""), link_conversations},
};
/* clang-format on */

const struct tool_group tools_chat_continuity = {
    .name = "chat_continuity",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
    .open = open_words,
};
