/* What the tiers hold: counts, sizes, distributions. */
#include "burrow/tools/analytics.h"
#include "burrow/tools/analytics_kept.h"

#include "base/json_count.h"
#include "burrow/tiers/memories.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TERM_MEMORIES 500 /* whose words are counted */
#define TERMS_LIMIT   20000
#define RECALL_OF     10

static json_t *value_of(sqlite3_stmt *row, int column)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        return json_integer((json_int_t)sqlite3_column_int64(row, column));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(row, column));
    default:
        return records_json_text(row, column);
    }
}

json_t *analytics_rows(struct tool_call *call, const char *sql, int64_t parameter,
                       const char *const *names)
{
    json_t *rows = json_array();
    sqlite3_stmt *row = records_query(call->store->records, &call->error, sql,
                                      strstr(sql, "?1") ? "i" : "", parameter);
    while (row && records_next(row, &call->error)) {
        json_t *object = json_object();
        for (int i = 0; names[i]; i++)
            json_object_set_new(object, names[i], value_of(row, i));
        json_array_append_new(rows, object);
    }
    return rows;
}

json_t *analytics_row(struct tool_call *call, const char *sql, int64_t parameter,
                      const char *const *names)
{
    json_t *rows = analytics_rows(call, sql, parameter, names);
    json_t *first = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    if (!first) {
        first = json_object();
        for (size_t i = 0; names[i]; i++)
            json_object_set_new(first, names[i], json_null());
    }
    return first;
}

int analytics_done(struct tool_call *call, json_t *structured)
{
    call->structured = structured;
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return structured ? 0 : tool_fail(call, "internal", "out of memory");
}

int analytics_memory_statistics(struct tool_call *call)
{
    static const char *const all[] = {"documents", "bytes",     "passages",
                                      "oldest_at", "newest_at", NULL};
    static const char *const type[] = {"type", "documents", "bytes", "passages", NULL};
    json_t *result = analytics_row(
        call,
        "SELECT coalesce(sum(documents), 0), coalesce(sum(bytes), 0), coalesce(sum(passages), 0),"
        " (SELECT min(created_at) FROM memories), (SELECT max(created_at) FROM memories)"
        " FROM memory_totals",
        0, all);
    json_object_set_new(result, "by_type",
                        analytics_rows(call,
                                       "SELECT type, documents, bytes, passages FROM memory_totals"
                                       " ORDER BY 2 DESC, 1 LIMIT 100",
                                       0, type));
    return analytics_done(call, result);
}

int analytics_cache_statistics(struct tool_call *call)
{
    struct cache_facts facts = {0};
    if (cache_facts(call->store->cache, &facts, &call->error) < 0)
        return tool_fail_tier(call);
    uint64_t asked = facts.hits + facts.misses;
    return analytics_done(
        call, json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}", "kind", facts.kind, "hits",
                        (json_int_t)facts.hits, "misses", (json_int_t)facts.misses, "hit_rate",
                        asked ? json_real((double)facts.hits / (double)asked) : json_null(),
                        "evictions", (json_int_t)facts.evictions, "expirations",
                        (json_int_t)facts.expirations, "keys", (json_int_t)facts.keys, "bytes",
                        (json_int_t)facts.bytes, "limit_bytes", (json_int_t)facts.limit_bytes));
}

/* ---- graph ---------------------------------------------------------------------------------- */

int analytics_graph_statistics(struct tool_call *call)
{
    struct graph_facts facts = {0};
    struct graph_degrees degrees;
    if (graph_facts(call->store->graph, &facts, &call->error) < 0 ||
        graph_degrees(call->store->graph, &degrees, &call->error) < 0)
        return tool_fail_tier(call);
    return analytics_done(
        call, json_pack("{s:s, s:I, s:I, s:I, s:f, s:I, s:o, s:o}", "kind", facts.kind, "nodes",
                        (json_int_t)facts.nodes, "relations", (json_int_t)facts.relations,
                        "relations_seen", (json_int_t)degrees.relations, "mean_degree",
                        facts.nodes ? 2.0 * (double)facts.relations / (double)facts.nodes : 0.0,
                        "max_degree", (json_int_t)degrees.most, "busiest_node", degrees.busiest,
                        "degree_distribution", degrees.distribution));
}

int analytics_vector_statistics(struct tool_call *call)
{
    static const char *const names[VECTORS_SPACES] = {"memories", "code", "chats", "diagrams",
                                                      "tasks"};
    unsigned samples = (unsigned)tool_integer(call, "samples", 10);
    json_t *spaces = json_array();
    for (int space = 0; space < VECTORS_SPACES; space++) {
        struct vector_facts facts;
        vectors_facts(call->store->vectors, (enum vector_space)space, &facts);
        const struct vector_recall *recall = vectors_recall_lately(
            call->store->vectors, (enum vector_space)space, samples, RECALL_OF);
        json_array_append_new(
            spaces,
            json_pack("{s:s, s:I, s:I, s:s, s:I, s:o, s:I, s:I, s:I}", "space", names[space],
                      "vectors", (json_int_t)facts.count, "dimension", (json_int_t)facts.dimension,
                      "index", facts.index_type, "bytes", (json_int_t)facts.bytes, "recall_at_10",
                      recall->recall < 0 ? json_null() : json_real(recall->recall), "samples",
                      (json_int_t)recall->samples, "measured_vectors", (json_int_t)recall->vectors,
                      "measured_at", (json_int_t)recall->measured_at));
    }
    return analytics_done(
        call, json_pack("{s:o, s:I}", "spaces", spaces, "samples", (json_int_t)samples));
}

/* ---- records -------------------------------------------------------------------------------- */

static json_int_t file_bytes(const char *path, const char *suffix)
{
    struct stat facts;
    char name[4096];
    if (!path || !*path)
        return 0;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &facts) == 0 ? (json_int_t)facts.st_size : 0;
}

int analytics_storage_statistics(struct tool_call *call)
{
    static const char *const pages[] = {"pages", "page_bytes", "free_pages", NULL};
    static const char *const table[] = {"table", "bytes", NULL};
    json_t *result = analytics_row(call,
                                   "SELECT * FROM pragma_page_count, pragma_page_size,"
                                   " pragma_freelist_count",
                                   0, pages);
    const char *path = sqlite3_db_filename(records_handle(call->store->records), "main");
    json_object_set_new(result, "wal_bytes", json_integer(file_bytes(path, "-wal")));
    json_object_set_new(result, "tables",
                        tool_boolean(call, "table_sizes", false)
                            ? analytics_rows(call,
                                             "SELECT name, pgsize FROM dbstat WHERE aggregate = 1"
                                             " ORDER BY 2 DESC, 1 LIMIT 100",
                                             0, table)
                            : json_array());
    return analytics_done(call, result);
}

static json_t *mean_characters(const struct tally *tally)
{
    return json_real(tally->count ? (double)tally->first / (double)tally->count : 0);
}

static json_t *messages_by_role(struct tool_call *call)
{
    size_t count;
    struct tally *roles = tally_names(call, "message", 0, true, &count);
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_pack("{s:s, s:I, s:o}", "role", roles[i].name, "messages",
                                             (json_int_t)roles[i].count, "mean_characters",
                                             mean_characters(&roles[i])));
    free(roles);
    return all;
}

int analytics_conversation_statistics(struct tool_call *call)
{
    static const char *const all[] = {"conversations", "max_characters", "first_at", "last_at",
                                      NULL};
    static const char *const longest[] = {"conversation", "messages", NULL};
    if (analytics_keep(call) < 0)
        return -1;
    struct tally messages = tally_sum(call, "message", 0);
    json_t *result = json_pack("{s:I, s:n, s:o}", "messages", (json_int_t)messages.count,
                               "conversations", "mean_characters", mean_characters(&messages));
    json_t *rest = analytics_row(call,
                                 "SELECT conversations, longest_message,"
                                 " (SELECT min(sent_at) FROM chats),"
                                 " (SELECT max(sent_at) FROM chats) FROM conversation_totals",
                                 0, all);
    json_object_update(result, rest);
    json_decref(rest);
    json_object_set_new(result, "by_role", messages_by_role(call));
    json_object_set_new(result, "longest",
                        analytics_rows(call,
                                       "SELECT name, messages FROM conversations"
                                       " ORDER BY messages DESC, name LIMIT 10",
                                       0, longest));
    return analytics_done(call, result);
}

int analytics_task_statistics(struct tool_call *call)
{
    static const char *const all[] = {"tasks", "overdue", "oldest_open_ms", "mean_open_ms", NULL};
    static const char *const status[] = {"status", "tasks", NULL};
    static const char *const priority[] = {"priority", "tasks", "open", NULL};
    if (analytics_keep(call) < 0)
        return -1;
    json_t *result = analytics_row(
        call,
        "SELECT coalesce(sum(tasks), 0), (SELECT count(*) FROM todos_open"
        " WHERE due_at IS NOT NULL AND due_at < ?1), ?1 - (SELECT min(created_at) FROM todos_open),"
        " ?1 - sum(created_at_sum) FILTER (WHERE status <> 'done') * 1.0"
        " / sum(tasks) FILTER (WHERE status <> 'done') FROM todo_totals",
        store_now_ms(), all);
    json_object_set_new(result, "by_status",
                        analytics_rows(call,
                                       "SELECT status, sum(tasks) FROM todo_totals GROUP BY 1"
                                       " HAVING sum(tasks) > 0 ORDER BY 1",
                                       0, status));
    json_object_set_new(result, "by_priority",
                        analytics_rows(call,
                                       "SELECT priority, sum(tasks),"
                                       " sum(iif(status = 'done', 0, tasks)) FROM todo_totals"
                                       " GROUP BY 1 HAVING sum(tasks) > 0 ORDER BY 1",
                                       0, priority));
    return analytics_done(call, result);
}

/* ---- terms ---------------------------------------------------------------------------------- */

static void count_words(json_t *terms, const char *text)
{
    char word[64];
    while (*text) {
        size_t length = 0, taken = 0;
        while (isalnum((unsigned char)text[length]) || (unsigned char)text[length] >= 0x80) {
            if (taken < sizeof word - 1)
                word[taken++] = (char)tolower((unsigned char)text[length]);
            length++;
        }
        word[taken] = '\0';
        if (length > 2 && length == taken && json_object_size(terms) < TERMS_LIMIT)
            json_count(terms, word, taken);
        text += length ? length : 1;
    }
}

struct term {
    const char *text;
    int64_t count, documents;
    double weight;
};

static int by_weight(const void *one, const void *other)
{
    const struct term *a = one, *b = other;
    if (a->weight != b->weight)
        return a->weight < b->weight ? 1 : -1;
    return strcmp(a->text, b->text);
}

/* In how many of all memories a term is; the vocabulary is that of the full-text index. */
static int weigh(struct tool_call *call, struct term *terms, size_t count, int64_t total)
{
    for (size_t i = 0; i < count; i++) {
        if (memories_holding(call->store, terms[i].text, &terms[i].documents, &call->error) < 0)
            return -1;
        if (terms[i].documents == 0) /* it is spelled otherwise there */
            terms[i].documents = 1;
        terms[i].weight = (double)terms[i].count *
                          log((1.0 + (double)total) / (1.0 + (double)terms[i].documents));
    }
    return 0;
}

static json_t *best_terms(struct tool_call *call, const json_t *counts, int64_t total)
{
    struct term *terms = calloc(json_object_size(counts) + 1, sizeof *terms);
    json_t *best = json_array(), *value;
    size_t at = 0, limit = (size_t)tool_integer(call, "limit", 20);
    const char *word;
    if (!terms)
        return best;
    json_object_foreach((json_t *)counts, word, value)
    {
        terms[at++] =
            (struct term){word, json_integer_value(value), 0, (double)json_integer_value(value)};
    }
    /* rarity is looked up for those that occur most: the weight grows with both */
    qsort(terms, at, sizeof *terms, by_weight);
    size_t looked_up = at < 500 ? at : 500;
    if (weigh(call, terms, looked_up, total) == 0)
        qsort(terms, looked_up, sizeof *terms, by_weight);
    for (size_t i = 0; i < looked_up && i < limit; i++)
        json_array_append_new(best,
                              json_pack("{s:s, s:I, s:I, s:f}", "term", terms[i].text, "count",
                                        (json_int_t)terms[i].count, "memories",
                                        (json_int_t)terms[i].documents, "weight", terms[i].weight));
    free(terms);
    return best;
}

/* What has a tag is found by it: among all memories it may be one of thousands. */
static sqlite3_stmt *newest_contents(struct tool_call *call, const char *type, const char *tag)
{
    if (tag)
        return records_query(call->store->records, &call->error,
                             "SELECT content FROM memory_tags t JOIN memories m ON m.id = t.memory"
                             " WHERE t.tag = ?1 AND (?2 IS NULL OR type = ?2)"
                             " ORDER BY t.memory DESC LIMIT ?3",
                             "ssi", tag, type, (int64_t)TERM_MEMORIES);
    if (type)
        return records_query(call->store->records, &call->error,
                             "SELECT content FROM memories WHERE type = ?1 ORDER BY id DESC"
                             " LIMIT ?2",
                             "si", type, (int64_t)TERM_MEMORIES);
    return records_query(call->store->records, &call->error,
                         "SELECT content FROM memories ORDER BY id DESC LIMIT ?1", "i",
                         (int64_t)TERM_MEMORIES);
}

int analytics_top_terms(struct tool_call *call)
{
    json_t *terms = json_object();
    int64_t total = 0, memories = 0;
    sqlite3_stmt *row =
        newest_contents(call, tool_text(call, "type", NULL), tool_text(call, "tag", NULL));
    while (row && records_next(row, &call->error)) {
        count_words(terms, records_text(row, 0));
        memories++;
    }
    records_integer(call->store->records, &call->error, 0, &total, "SELECT count(*) FROM memories",
                    "");
    json_t *best = best_terms(call, terms, total);
    json_decref(terms);
    return analytics_done(call, json_pack("{s:o, s:I, s:I}", "terms", best, "memories",
                                          (json_int_t)memories, "of", (json_int_t)total));
}

/* ---- accesses ------------------------------------------------------------------------------- */

static void note_access(void *context, const char *key, const char *value, size_t length)
{
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int)length, value);
    uses_add(context, strtoll(key + strlen(STORE_USE_PREFIX), NULL, 10), strtoll(text, NULL, 10));
}

/* Those of Redis are read each time. NULL with the failure. */
static struct uses *uses_of_redis(struct tool_call *call)
{
    struct uses *uses = uses_open();
    if (!uses) {
        tool_fail(call, "internal", "out of memory");
        return NULL;
    }
    if (cache_each(call->store->cache, STORE_USE_PREFIX, note_access, uses, &call->error) == 0)
        return uses;
    uses_close(uses);
    tool_fail_tier(call);
    return NULL;
}

/* Counts of what was removed may be there a while. */
static void name_uses(struct tool_call *call, json_t *into, const struct use *uses, size_t count,
                      size_t limit)
{
    for (size_t i = 0; i < count && json_array_size(into) < limit; i++) {
        json_t *memory = memories_get(call->store, uses[i].id, false, &call->error);
        if (json_is_object(memory))
            json_array_append_new(into, json_pack("{s:I, s:O, s:I}", "id", (json_int_t)uses[i].id,
                                                  "name", json_object_get(memory, "name"),
                                                  "accesses", (json_int_t)uses[i].count));
        json_decref(memory);
    }
}

/* The newest of those that were never given. */
static size_t find_unused(struct tool_call *call, const struct uses *uses, struct use *unused,
                          size_t limit)
{
    size_t count = 0;
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT id FROM memories ORDER BY id DESC LIMIT ?1", "i",
                                      (int64_t)(uses_known(uses) + limit));
    while (row && records_next(row, &call->error)) {
        int64_t id = sqlite3_column_int64(row, 0);
        if (uses_count(uses, id) == 0)
            unused[count++] = (struct use){id, 0};
        if (count == limit) {
            records_done(row);
            break;
        }
    }
    return count;
}

int analytics_access_counts(struct tool_call *call)
{
    struct uses *uses = call->store->uses ? call->store->uses : uses_of_redis(call);
    struct use found[USES_MOST];
    size_t limit = (size_t)tool_integer(call, "limit", 10);
    if (!uses)
        return -1;
    json_t *most = json_array(), *least = json_array();
    name_uses(call, most, found, uses_most(uses, found, USES_MOST), limit);
    name_uses(call, least, found, find_unused(call, uses, found, limit), limit);
    if (json_array_size(least) < limit)
        name_uses(call, least, found, uses_least(uses, found, USES_MOST), limit);
    if (uses != call->store->uses)
        uses_close(uses);
    return analytics_done(call, json_pack("{s:o, s:o}", "most", most, "least", least));
}
