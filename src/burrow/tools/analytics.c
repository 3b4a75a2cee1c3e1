/* analytics: who uses what and how it goes, what the tiers hold, and any of it as a table. */
#include "burrow/tools/analytics.h"
#include "burrow/tools/csv.h"

#include "base/buffer.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV_LIMIT     ((size_t)4 << 20)
#define CLIENTS_SHOWN 100
#define ERRORS_SHOWN  200

static const char *const migrations[] = {
    "CREATE VIRTUAL TABLE memory_vocabulary USING fts5vocab('memory_words', 'row')",
    "DROP TABLE memory_vocabulary", /* store->memory_words knows it */
    NULL};

/* ---- use ------------------------------------------------------------------------------------ */

int analytics_usage(struct tool_call *call, unsigned keys, struct usage_groups *groups)
{
    int64_t hours = tool_integer(call, "hours", 0);
    int64_t since = hours ? store_now_ms() / 60000 - hours * 60 : 0;
    return usage_sums(call->store->usage, since, keys, groups, &call->error) < 0
               ? tool_fail_tier(call)
               : 0;
}

static json_t *count_of(uint64_t count)
{
    return json_integer((json_int_t)count);
}

json_t *analytics_mean_ms(const struct usage_group *group)
{
    return group->calls ? json_real((double)group->total_us / 1e3 / (double)group->calls)
                        : json_null();
}

static json_t *max_ms(const struct usage_group *group)
{
    return group->calls ? json_real((double)group->max_us / 1e3) : json_null();
}

static struct usage_group whole_of(const struct usage_groups *groups)
{
    struct usage_group whole = {.calls = 0};
    for (size_t i = 0; i < groups->count; i++) {
        const struct usage_group *group = &groups->all[i];
        whole.calls += group->calls;
        whole.failures += group->failures;
        whole.total_us += group->total_us;
        whole.max_us = group->max_us > whole.max_us ? group->max_us : whole.max_us;
    }
    return whole;
}

/* How many groups a key makes. */
static int count_groups(struct tool_call *call, unsigned keys, json_t *into, const char *name)
{
    struct usage_groups groups;
    if (analytics_usage(call, keys, &groups) < 0)
        return -1;
    json_object_set_new(into, name, count_of(groups.count));
    usage_groups_free(&groups);
    return 0;
}

static json_t *by_client(const struct usage_groups *clients)
{
    json_t *list = json_array();
    for (size_t i = 0; i < clients->count && i < CLIENTS_SHOWN; i++) {
        const struct usage_group *client = &clients->all[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "client", client->client, "calls",
                                              (json_int_t)client->calls, "failures",
                                              (json_int_t)client->failures));
    }
    return list;
}

static int get_usage_statistics(struct tool_call *call)
{
    struct usage_groups clients;
    json_t *result = json_object();
    call->structured = result;
    if (analytics_usage(call, USAGE_CLIENT, &clients) < 0)
        return -1;
    struct usage_group whole = whole_of(&clients);
    json_object_set_new(result, "calls", count_of(whole.calls));
    json_object_set_new(result, "failures", count_of(whole.failures));
    json_object_set_new(result, "clients", count_of(clients.count));
    int failed = count_groups(call, USAGE_TOOL, result, "tools");
    json_object_set_new(result, "mean_ms", analytics_mean_ms(&whole));
    json_object_set_new(result, "max_ms", max_ms(&whole));
    json_object_set_new(result, "by_client", by_client(&clients));
    usage_groups_free(&clients);
    return failed;
}

static int get_tool_usage(struct tool_call *call)
{
    struct usage_groups tools;
    json_t *list = json_array();
    call->structured = json_pack("{s:o}", "tools", list);
    if (analytics_usage(call, USAGE_TOOL, &tools) < 0)
        return -1;
    for (size_t i = 0; i < tools.count; i++) {
        const struct usage_group *tool = &tools.all[i];
        json_t *one = json_object();
        json_object_set_new(one, "tool", json_string(tool->tool));
        json_object_set_new(one, "calls", count_of(tool->calls));
        json_object_set_new(one, "failures", count_of(tool->failures));
        json_object_set_new(one, "mean_ms", analytics_mean_ms(tool));
        json_object_set_new(one, "max_ms", max_ms(tool));
        json_array_append_new(list, one);
    }
    usage_groups_free(&tools);
    return 0;
}

static int get_error_statistics(struct tool_call *call)
{
    struct usage_groups errors, reasons;
    json_t *by_tool = json_array(), *by_reason = json_array();
    call->structured = json_pack("{s:i, s:i, s:o, s:o}", "calls", 0, "failures", 0, "by_tool",
                                 by_tool, "by_reason", by_reason);
    if (analytics_usage(call, USAGE_TOOL | USAGE_REASON, &errors) < 0)
        return -1;
    struct usage_group whole = whole_of(&errors);
    json_object_set_new(call->structured, "calls", count_of(whole.calls));
    json_object_set_new(call->structured, "failures", count_of(whole.failures));
    for (size_t i = 0; i < errors.count; i++) {
        const struct usage_group *error = &errors.all[i];
        if (*error->reason && json_array_size(by_tool) < ERRORS_SHOWN)
            json_array_append_new(by_tool,
                                  json_pack("{s:s, s:s, s:I}", "tool", error->tool, "reason",
                                            error->reason, "calls", (json_int_t)error->calls));
    }
    usage_groups_free(&errors);
    if (analytics_usage(call, USAGE_REASON, &reasons) < 0)
        return -1;
    for (size_t i = 0; i < reasons.count; i++)
        if (*reasons.all[i].reason)
            json_array_append_new(by_reason,
                                  json_pack("{s:s, s:I}", "reason", reasons.all[i].reason, "calls",
                                            (json_int_t)reasons.all[i].calls));
    usage_groups_free(&reasons);
    return 0;
}

static int get_context_usage_statistics(struct tool_call *call)
{
    static const char *const all[] = {"contexts",  "asked_tokens", "filled_tokens",
                                      "fill_rate", "questions",    "unanswered_questions",
                                      NULL};
    int64_t hours = tool_integer(call, "hours", 0);
    return analytics_done(call,
                          analytics_row(call,
                                        "SELECT count(*), coalesce(sum(asked_tokens), 0),"
                                        " coalesce(sum(filled_tokens), 0),"
                                        " sum(filled_tokens) * 1.0 / sum(asked_tokens),"
                                        " (SELECT count(*) FROM questions WHERE asked_at >= ?1),"
                                        " (SELECT count(*) FROM questions WHERE asked_at >= ?1 AND"
                                        " passages = 0) FROM context_uses WHERE built_at >= ?1",
                                        hours ? store_now_ms() - hours * 3600000 : 0, all));
}

static int get_activity_timeline(struct tool_call *call)
{
    static const char *const bucket[] = {"at",    "calls",         "memories", "messages",
                                         "tasks", "code_attempts", NULL};
    const char *size = tool_text(call, "bucket", "hour");
    int64_t width = strcmp(size, "minute") == 0 ? 60000
                    : strcmp(size, "hour") == 0 ? 3600000
                                                : 86400000;
    int64_t limit = tool_integer(call, "limit", 48);
    json_t *buckets = json_array();
    usage_flush(call->store->usage, &call->error);
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "WITH RECURSIVE buckets(at) AS (SELECT ?1 / ?3 * ?3 UNION ALL SELECT at - ?3 FROM buckets"
        " LIMIT ?2) SELECT * FROM (SELECT at,"
        " (SELECT coalesce(sum(calls), 0) FROM usage_minutes WHERE minute >= at / 60000"
        " AND minute < (at + ?3) / 60000) AS calls,"
        " (SELECT count(*) FROM memories WHERE created_at >= at AND created_at < at + ?3)"
        " AS memories,"
        " (SELECT count(*) FROM chats WHERE sent_at >= at AND sent_at < at + ?3) AS messages,"
        " (SELECT count(*) FROM todos WHERE created_at >= at AND created_at < at + ?3) AS tasks,"
        " (SELECT count(*) FROM code_attempts WHERE created_at >= at AND created_at < at + ?3)"
        " AS attempts FROM buckets)"
        " WHERE calls + memories + messages + tasks + attempts > 0 ORDER BY at DESC",
        "iii", store_now_ms(), limit, width);
    while (row && records_next(row, &call->error)) {
        json_t *one = json_object();
        for (int i = 0; bucket[i]; i++)
            json_object_set_new(one, bucket[i],
                                json_integer((json_int_t)sqlite3_column_int64(row, i)));
        json_array_append_new(buckets, one);
    }
    return analytics_done(call, json_pack("{s:s, s:o}", "bucket", size, "buckets", buckets));
}

/* ---- as a table ----------------------------------------------------------------------------- */

static const struct statistic {
    const char *name;
    int (*run)(struct tool_call *call);
} statistics[] = {
    {"usage", get_usage_statistics},
    {"tool_usage", get_tool_usage},
    {"memory", analytics_memory_statistics},
    {"cache", analytics_cache_statistics},
    {"graph", analytics_graph_statistics},
    {"vector", analytics_vector_statistics},
    {"storage", analytics_storage_statistics},
    {"conversation", analytics_conversation_statistics},
    {"task", analytics_task_statistics},
    {"activity", get_activity_timeline},
    {"terms", analytics_top_terms},
    {"access", analytics_access_counts},
    {"errors", get_error_statistics},
    {"context", get_context_usage_statistics},
};

/* A line for each value: the path to it and the value. */
static int flatten(struct buffer *out, const char *path, const json_t *value)
{
    char below[512];
    const char *key;
    json_t *member;
    size_t index;
    int failed = 0;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, member)
        {
            snprintf(below, sizeof below, "%.300s%s%.200s", path, *path ? "." : "", key);
            failed |= flatten(out, below, member);
        }
        return failed;
    }
    if (json_is_array(value)) {
        json_array_foreach(value, index, member)
        {
            snprintf(below, sizeof below, "%.480s[%zu]", path, index);
            failed |= flatten(out, below, member);
        }
        return failed;
    }
    failed |= csv_append_field(out, path) | buffer_append_char(out, ',');
    if (json_is_string(value))
        failed |= csv_append_field(out, json_string_value(value));
    else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        failed |= text ? buffer_append_text(out, text) : -1;
        free(text);
    }
    return failed | buffer_append_text(out, "\r\n");
}

static char *as_csv(const json_t *value)
{
    struct buffer out;
    buffer_init(&out, CSV_LIMIT);
    int failed = buffer_append_text(&out, "figure,value\r\n") | flatten(&out, "", value);
    char *text = buffer_take_string(&out);
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}

static int export_statistics(struct tool_call *call)
{
    const char *name = tool_text(call, "statistics", ""), *format = tool_text(call, "format", "");
    json_t *arguments = json_object();
    const json_t *hours = tool_value(call, "hours");
    if (hours)
        json_object_set(arguments, "hours", (json_t *)hours);
    struct tool_call inner = {.store = call->store, .tool = call->tool, .arguments = arguments};
    size_t i = 0;
    while (strcmp(statistics[i].name, name) != 0)
        i++; /* the schema lets no other name through */
    int result = statistics[i].run(&inner);
    json_decref(arguments);
    if (result < 0) {
        call->error = inner.error;
        call->reason = inner.reason;
        json_decref(inner.structured);
        return -1;
    }
    char *text = strcmp(format, "csv") == 0 ? as_csv(inner.structured)
                                            : json_dumps(inner.structured, JSON_INDENT(2));
    json_decref(inner.structured);
    if (!text)
        return tool_fail(call, "too_large", "%s does not fit into %zu bytes", name, CSV_LIMIT);
    call->structured =
        json_pack("{s:s, s:s, s:s}", "statistics", name, "format", format, "text", text);
    free(text);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define HOURS "\"hours\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 87600, \"description\": \"only the last so many; all when absent\"}"
#define LIMIT(most, usual) "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": " most ", \"default\": " usual ", \"description\": \"results at most\"}"
#define INTEGER(name) "\"" name "\": {\"type\": \"integer\"}"
#define STRING(name) "\"" name "\": {\"type\": \"string\"}"
#define NUMBER(name) "\"" name "\": {\"type\": [\"number\", \"null\"]}"
#define OBJECTS(name, properties, required) \
    "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}}"
#define READS TOOL_READ_ONLY | TOOL_IDEMPOTENT
#define WINDOWED INPUT_SCHEMA(HOURS, "", JSON({}) "," JSON({"hours": 24}))
#define PLAIN INPUT_SCHEMA("", "", JSON({}))

static const struct tool tools[] = {
    {"get_usage_statistics", "Use of the tools", "Calls, failures and clients over a window. Use it to see how much the memory is used, and by whom.", "ana",
     READS, WINDOWED,
     OUTPUT_SCHEMA(INTEGER("calls") "," INTEGER("failures") "," INTEGER("clients") "," INTEGER("tools") "," NUMBER("mean_ms") "," NUMBER("max_ms") ","
           OBJECTS("by_client", STRING("client") "," INTEGER("calls") "," INTEGER("failures"), "\"client\", \"calls\", \"failures\""),
           "\"calls\", \"failures\", \"clients\", \"tools\", \"by_client\""), get_usage_statistics},
    {"get_tool_usage", "Calls per tool", "Calls, failures and time per tool over a window, most called first.", "ana", READS, WINDOWED,
     OUTPUT_SCHEMA(OBJECTS("tools", STRING("tool") "," INTEGER("calls") "," INTEGER("failures") "," NUMBER("mean_ms") "," NUMBER("max_ms"),
           "\"tool\", \"calls\", \"failures\", \"mean_ms\""), "\"tools\""), get_tool_usage},
    {"get_memory_statistics", "Count memories", "Documents, passages and bytes, in all and by type.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(INTEGER("documents") "," INTEGER("bytes") "," INTEGER("passages") "," NUMBER("oldest_at") "," NUMBER("newest_at") ","
           OBJECTS("by_type", STRING("type") "," INTEGER("documents") "," INTEGER("bytes") "," INTEGER("passages"), "\"type\", \"documents\", \"bytes\", \"passages\""),
           "\"documents\", \"bytes\", \"passages\", \"by_type\""), analytics_memory_statistics},
    {"get_cache_statistics", "State of the cache", "Hits, misses, evictions and size of the cache tier.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(STRING("kind") "," INTEGER("hits") "," INTEGER("misses") "," NUMBER("hit_rate") "," INTEGER("evictions") "," INTEGER("expirations") ","
           INTEGER("keys") "," INTEGER("bytes") "," INTEGER("limit_bytes"), "\"kind\", \"hits\", \"misses\", \"hit_rate\", \"evictions\", \"keys\", \"bytes\""),
     analytics_cache_statistics},
    {"get_graph_statistics", "Shape of the graph", "Nodes, relations and how many relations nodes have (of the first 20,000 relations).", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(STRING("kind") "," INTEGER("nodes") "," INTEGER("relations") "," INTEGER("relations_seen") "," NUMBER("mean_degree") "," INTEGER("max_degree")
           ", \"busiest_node\": {\"type\": [\"string\", \"null\"]}, \"degree_distribution\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}}",
           "\"kind\", \"nodes\", \"relations\", \"mean_degree\", \"max_degree\", \"degree_distribution\""), analytics_graph_statistics},
    {"get_vector_statistics", "State of the vector indexes",
     "Vectors, dimension, index type and a sample of recall@10 against exact search, for each space. It is measured again once an eighth of the vectors has changed. "
     "Use it to see whether the search can be trusted.", "ana",
     READS, INPUT_SCHEMA("\"samples\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 64, \"default\": 10, \"description\": \"searches that recall is measured by, at least\"}", "",
           JSON({}) "," JSON({"samples": 5})),
     OUTPUT_SCHEMA(INTEGER("samples") "," OBJECTS("spaces", STRING("space") "," INTEGER("vectors") "," INTEGER("dimension") "," STRING("index") "," INTEGER("bytes") ","
           NUMBER("recall_at_10") "," INTEGER("samples") "," INTEGER("measured_vectors") "," INTEGER("measured_at"),
           "\"space\", \"vectors\", \"dimension\", \"index\", \"recall_at_10\", \"samples\", \"measured_vectors\", \"measured_at\""), "\"spaces\", \"samples\""), analytics_vector_statistics},
    {"get_storage_statistics", "Size of the database", "Pages, free list and write-ahead log of the records, and the sizes of the tables when asked for (which reads the whole file).",
     "ana", READS, INPUT_SCHEMA("\"table_sizes\": {\"type\": \"boolean\", \"default\": false, \"description\": \"also the bytes of each table and index\"}", "",
           JSON({}) "," JSON({"table_sizes": true})),
     OUTPUT_SCHEMA(INTEGER("pages") "," INTEGER("page_bytes") "," INTEGER("free_pages") "," INTEGER("wal_bytes") "," OBJECTS("tables", STRING("table") "," INTEGER("bytes"), "\"table\", \"bytes\""),
           "\"pages\", \"page_bytes\", \"free_pages\", \"wal_bytes\", \"tables\""), analytics_storage_statistics},
    {"get_conversation_statistics", "Count messages", "Messages, conversations, lengths and roles.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(INTEGER("messages") "," INTEGER("conversations") "," NUMBER("mean_characters") "," INTEGER("max_characters") "," NUMBER("first_at") "," NUMBER("last_at") ","
           OBJECTS("by_role", STRING("role") "," INTEGER("messages") "," NUMBER("mean_characters"), "\"role\", \"messages\"") ","
           OBJECTS("longest", STRING("conversation") "," INTEGER("messages"), "\"conversation\", \"messages\""),
           "\"messages\", \"conversations\", \"by_role\", \"longest\""), analytics_conversation_statistics},
    {"get_task_statistics", "Count tasks", "Tasks by status and priority, how old the open ones are, and how many are overdue.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(INTEGER("tasks") "," INTEGER("overdue") "," NUMBER("oldest_open_ms") "," NUMBER("mean_open_ms") ","
           OBJECTS("by_status", STRING("status") "," INTEGER("tasks"), "\"status\", \"tasks\"") ","
           OBJECTS("by_priority", STRING("priority") "," INTEGER("tasks") "," INTEGER("open"), "\"priority\", \"tasks\", \"open\""),
           "\"tasks\", \"overdue\", \"by_status\", \"by_priority\""), analytics_task_statistics},
    {"get_activity_timeline", "What happened when", "Calls and what was kept, per minute, hour or day, newest first.", "ana", READS,
     INPUT_SCHEMA("\"bucket\": {\"enum\": [\"minute\", \"hour\", \"day\"], \"default\": \"hour\", \"description\": \"width of a bucket\"}," LIMIT("1000", "48"), "",
           JSON({"bucket": "minute", "limit": 10}) "," JSON({})),
     OUTPUT_SCHEMA(STRING("bucket") "," OBJECTS("buckets", INTEGER("at") "," INTEGER("calls") "," INTEGER("memories") "," INTEGER("messages") "," INTEGER("tasks") "," INTEGER("code_attempts"),
           "\"at\", \"calls\", \"memories\", \"messages\", \"tasks\", \"code_attempts\""), "\"bucket\", \"buckets\""), get_activity_timeline},
    {"get_top_terms", "Terms that stand out", "Terms of the newest 500 memories, by type or tag, that are frequent there and rare in all (TF-IDF). Use it to see what they are about.", "ana", READS,
     INPUT_SCHEMA("\"type\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"description\": \"only memories of this type\"},"
           "\"tag\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"description\": \"only memories with this tag\"}," LIMIT("100", "20"), "",
           JSON({"limit": 10}) "," JSON({"tag": "release"})),
     OUTPUT_SCHEMA(OBJECTS("terms", STRING("term") "," INTEGER("count") "," INTEGER("memories") "," NUMBER("weight"), "\"term\", \"count\", \"memories\", \"weight\"") ","
           INTEGER("memories") "," INTEGER("of"), "\"terms\", \"memories\", \"of\""), analytics_top_terms},
    {"get_resource_access_counts", "Most and least used memories", "Memories by how often they were given as an answer, since the cache began. Use it to find what nobody needs.", "ana", READS,
     INPUT_SCHEMA(LIMIT("100", "10"), "", JSON({"limit": 5})),
     OUTPUT_SCHEMA(OBJECTS("most", INTEGER("id") ", \"name\": {\"type\": [\"string\", \"null\"]}," INTEGER("accesses"), "\"id\", \"accesses\"") ","
           OBJECTS("least", INTEGER("id") ", \"name\": {\"type\": [\"string\", \"null\"]}," INTEGER("accesses"), "\"id\", \"accesses\""), "\"most\", \"least\""),
     analytics_access_counts},
    {"get_error_statistics", "What fails", "Failed calls by tool and reason over a window.", "ana", READS, WINDOWED,
     OUTPUT_SCHEMA(INTEGER("calls") "," INTEGER("failures") "," OBJECTS("by_tool", STRING("tool") "," STRING("reason") "," INTEGER("calls"), "\"tool\", \"reason\", \"calls\"") ","
           OBJECTS("by_reason", STRING("reason") "," INTEGER("calls"), "\"reason\", \"calls\""), "\"calls\", \"failures\", \"by_tool\", \"by_reason\""), get_error_statistics},
    {"get_context_usage_statistics", "Use of contexts", "Token budgets that build_context was asked for and filled, and questions that were asked, over a window.", "ana", READS, WINDOWED,
     OUTPUT_SCHEMA(INTEGER("contexts") "," INTEGER("asked_tokens") "," INTEGER("filled_tokens") "," NUMBER("fill_rate") "," INTEGER("questions") "," INTEGER("unanswered_questions"),
           "\"contexts\", \"asked_tokens\", \"filled_tokens\", \"fill_rate\", \"questions\""), get_context_usage_statistics},
    {"export_statistics", "Export statistics", "Any of these statistics as JSON or CSV text. Use it to take figures elsewhere.", "ana", READS,
     INPUT_SCHEMA("\"statistics\": {\"enum\": [\"usage\", \"tool_usage\", \"memory\", \"cache\", \"graph\", \"vector\", \"storage\", \"conversation\", \"task\", \"activity\", \"terms\", \"access\", \"errors\", \"context\"], \"description\": \"which\"},"
           "\"format\": {\"enum\": [\"json\", \"csv\"], \"description\": \"of the text\"}," HOURS, "\"statistics\", \"format\"",
           JSON({"statistics": "memory", "format": "csv"}) "," JSON({"statistics": "tool_usage", "format": "json", "hours": 1})),
     OUTPUT_SCHEMA(STRING("statistics") "," STRING("format") "," STRING("text"), "\"statistics\", \"format\", \"text\""), export_statistics},
};
/* clang-format on */

const struct tool_group tools_analytics = {
    .name = "analytics",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
