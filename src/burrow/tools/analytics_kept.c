/* See analytics_kept.h. */
#include "burrow/tools/analytics_kept.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE TALLY_MINUTE
#define HOUR   TALLY_HOUR
#define DAY    TALLY_DAY

#define KEPT_LEADS "500"

/* Calls by time, followed from usage_minutes: written when those are, every few seconds. */
const char analytics_kept_calls[] =
    "CREATE TABLE call_totals(width INTEGER NOT NULL, at INTEGER NOT NULL, calls INTEGER NOT NULL,"
    " PRIMARY KEY(width, at)) WITHOUT ROWID;"
    "INSERT INTO call_totals SELECT 60000, minute * 60000, sum(calls) FROM usage_minutes"
    " GROUP BY 2;"
    "INSERT INTO call_totals SELECT 3600000, at / 3600000 * 3600000, sum(calls) FROM call_totals"
    " WHERE width = 60000 GROUP BY 2;"
    "INSERT INTO call_totals SELECT 86400000, at / 86400000 * 86400000, sum(calls)"
    " FROM call_totals WHERE width = 3600000 GROUP BY 2;"
    "CREATE TRIGGER usage_totalled AFTER INSERT ON usage_minutes BEGIN"
    " INSERT INTO call_totals VALUES(60000, new.minute * 60000, new.calls),"
    " (3600000, new.minute / 60 * 3600000, new.calls),"
    " (86400000, new.minute / 1440 * 86400000, new.calls)"
    " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls; END;"
    "CREATE TRIGGER usage_totalled_again AFTER UPDATE OF calls ON usage_minutes BEGIN"
    " UPDATE call_totals SET calls = calls + new.calls - old.calls"
    " WHERE (width = 60000 AND at = new.minute * 60000)"
    " OR (width = 3600000 AND at = new.minute / 60 * 3600000)"
    " OR (width = 86400000 AND at = new.minute / 1440 * 86400000); END;"
    "CREATE INDEX code_attempts_failed ON code_attempts(created_at)"
    " WHERE result = 'failure' AND error <> ''";

/* The rest is in memory: in the records each would be a page more that a write has to log. Triggers
 * tell of each write in its transaction. What counts by time is in the store's tallies, which
 * tally(KIND, AT, NAME, COUNT, FIRST, SECOND) adds to; what has to be found otherwise is in tables
 * of the connection. Messages and attempts are never deleted or changed. */
static const char tallied[] =
    "SELECT tally('memory', created_at / 60000 * 60000, '', count(*), 0, 0) FROM memories"
    " GROUP BY created_at / 60000;"
    "SELECT tally('message', sent_at / 60000 * 60000, role, count(*), sum(length(content)), 0)"
    " FROM chats GROUP BY sent_at / 60000, role;"
    "SELECT tally('task', created_at / 60000 * 60000, '', count(*), 0, 0) FROM todos"
    " GROUP BY created_at / 60000;"
    "SELECT tally('finished', completed_at / 60000 * 60000, '', count(*),"
    " sum(completed_at - created_at), 0) FROM todos WHERE completed_at IS NOT NULL"
    " GROUP BY completed_at / 60000;"
    "SELECT tally('code', created_at / 60000 * 60000, language, count(*),"
    " sum(result = 'success'), sum(result = 'failure')) FROM code_attempts"
    " GROUP BY created_at / 60000, language;"
    "SELECT tally('code result', created_at / 60000 * 60000, result, count(*), sum(length(code)), "
    "0)"
    " FROM code_attempts GROUP BY created_at / 60000, result;"
    "SELECT tally('code tag', created_at / 60000 * 60000, tag, count(*),"
    " sum(result = 'success'), sum(result = 'failure')) FROM code_attempts JOIN code_attempt_tags"
    " ON attempt = id GROUP BY created_at / 60000, tag;"
    "SELECT tally('question', asked_at / 60000 * 60000, '', count(*), sum(passages = 0), 0)"
    " FROM questions GROUP BY asked_at / 60000;"
    "SELECT tally('context', built_at / 60000 * 60000, '', count(*), sum(asked_tokens),"
    " sum(filled_tokens)) FROM context_uses GROUP BY built_at / 60000";

static const char kept_tables[] =
    "CREATE TEMP TRIGGER memories_tallied AFTER INSERT ON memories BEGIN"
    " SELECT tally('memory', new.created_at, '', 1, 0, 0); END;"
    "CREATE TEMP TRIGGER memories_untallied AFTER DELETE ON memories BEGIN"
    " SELECT tally('memory', old.created_at, '', -1, 0, 0); END;"

    "CREATE TEMP TABLE conversations(name TEXT PRIMARY KEY, messages INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "INSERT INTO conversations SELECT conversation, count(*) FROM chats GROUP BY 1;"
    "CREATE INDEX temp.conversations_longest ON conversations(messages DESC, name);"
    "CREATE TEMP TABLE conversation_totals(conversations INTEGER NOT NULL,"
    " longest_message INTEGER NOT NULL);"
    "INSERT INTO conversation_totals SELECT count(DISTINCT conversation),"
    " coalesce(max(length(content)), 0) FROM chats;"
    "CREATE TEMP TRIGGER conversations_counted AFTER INSERT ON conversations BEGIN"
    " UPDATE conversation_totals SET conversations = conversations + 1; END;"
    "CREATE TEMP TRIGGER chats_tallied AFTER INSERT ON chats BEGIN"
    " SELECT tally('message', new.sent_at, new.role, 1, length(new.content), 0);"
    " INSERT INTO conversations VALUES(new.conversation, 1)"
    " ON CONFLICT DO UPDATE SET messages = messages + 1;"
    " UPDATE conversation_totals SET longest_message = length(new.content)"
    " WHERE longest_message < length(new.content); END;"

    "CREATE TEMP TABLE todo_totals(status TEXT NOT NULL, priority TEXT NOT NULL,"
    " tasks INTEGER NOT NULL, created_at_sum INTEGER NOT NULL,"
    " PRIMARY KEY(status, priority)) WITHOUT ROWID;"
    "INSERT INTO todo_totals SELECT status, priority, count(*), sum(created_at) FROM todos"
    " GROUP BY 1, 2;"
    "CREATE TEMP TABLE todos_open(created_at INTEGER NOT NULL, id INTEGER NOT NULL,"
    " due_at INTEGER, PRIMARY KEY(created_at, id)) WITHOUT ROWID;"
    "INSERT INTO todos_open SELECT created_at, id, due_at FROM todos WHERE status <> 'done';"
    "CREATE INDEX temp.todos_due ON todos_open(due_at) WHERE due_at IS NOT NULL;"
    "CREATE TEMP TABLE todos_finished(completed_at INTEGER NOT NULL, id INTEGER NOT NULL,"
    " lead INTEGER NOT NULL, PRIMARY KEY(completed_at, id)) WITHOUT ROWID;"
    "INSERT INTO todos_finished SELECT completed_at, id, completed_at - created_at FROM todos"
    " WHERE completed_at IS NOT NULL ORDER BY completed_at DESC LIMIT " KEPT_LEADS ";"
    "CREATE TEMP TRIGGER todos_tallied AFTER INSERT ON todos BEGIN"
    " SELECT tally('task', new.created_at, '', 1, 0, 0);"
    " INSERT INTO todos_open VALUES(new.created_at, new.id, new.due_at);"
    " INSERT INTO todo_totals VALUES(new.status, new.priority, 1, new.created_at)"
    " ON CONFLICT DO UPDATE SET tasks = tasks + 1,"
    " created_at_sum = created_at_sum + excluded.created_at_sum; END;"
    "CREATE TEMP TRIGGER todos_moved AFTER UPDATE OF status, priority, due_at ON todos"
    " WHEN old.status <> new.status OR old.priority <> new.priority"
    " OR old.due_at IS NOT new.due_at BEGIN"
    " DELETE FROM todos_open WHERE created_at = old.created_at AND id = old.id;"
    " INSERT INTO todos_open SELECT new.created_at, new.id, new.due_at"
    " WHERE new.status <> 'done';"
    " UPDATE todo_totals SET tasks = tasks - 1, created_at_sum = created_at_sum - old.created_at"
    " WHERE status = old.status AND priority = old.priority;"
    " INSERT INTO todo_totals VALUES(new.status, new.priority, 1, new.created_at)"
    " ON CONFLICT DO UPDATE SET tasks = tasks + 1,"
    " created_at_sum = created_at_sum + excluded.created_at_sum; END;"
    "CREATE TEMP TRIGGER todos_reopened AFTER UPDATE OF completed_at ON todos"
    " WHEN old.completed_at IS NOT NULL AND old.completed_at IS NOT new.completed_at BEGIN"
    " DELETE FROM todos_finished WHERE completed_at = old.completed_at AND id = old.id;"
    " SELECT tally('finished', old.completed_at, '', -1,"
    " old.created_at - old.completed_at, 0); END;"
    "CREATE TEMP TRIGGER todos_done AFTER UPDATE OF completed_at ON todos"
    " WHEN new.completed_at IS NOT NULL AND old.completed_at IS NOT new.completed_at BEGIN"
    " INSERT INTO todos_finished VALUES(new.completed_at, new.id,"
    " new.completed_at - new.created_at);"
    " SELECT tally('finished', new.completed_at, '', 1,"
    " new.completed_at - new.created_at, 0); END;"

    "CREATE TEMP TRIGGER code_attempts_tallied AFTER INSERT ON code_attempts BEGIN"
    " SELECT tally('code', new.created_at, new.language, 1, new.result = 'success',"
    " new.result = 'failure'), tally('code result', new.created_at, new.result, 1,"
    " length(new.code), 0); END;"
    "CREATE TEMP TRIGGER code_attempt_tags_tallied AFTER INSERT ON code_attempt_tags BEGIN"
    " SELECT tally('code tag', created_at, new.tag, 1, result = 'success',"
    " result = 'failure') FROM code_attempts WHERE id = new.attempt; END;"

    "CREATE TEMP TRIGGER questions_tallied AFTER INSERT ON questions BEGIN"
    " SELECT tally('question', new.asked_at, '', 1, new.passages = 0, 0); END;"
    "CREATE TEMP TRIGGER context_uses_tallied AFTER INSERT ON context_uses BEGIN"
    " SELECT tally('context', new.built_at, '', 1, new.asked_tokens,"
    " new.filled_tokens); END";

/* ---- keeping -------------------------------------------------------------------------------- */

/* What cannot be counted is forgotten, and all counted anew when it is asked for. */
static void add_tally(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct store *store = sqlite3_user_data(context);
    const char *kind = (const char *)sqlite3_value_text(values[0]);
    struct tally tally = {.name = (const char *)sqlite3_value_text(values[2]),
                          .at = sqlite3_value_int64(values[1]),
                          .count = sqlite3_value_int64(values[3]),
                          .first = sqlite3_value_int64(values[4]),
                          .second = sqlite3_value_int64(values[5])};
    (void)count;
    if (!store->tallies ||
        (kind && tally.name && tallies_add(store->tallies, kind, &tally, store_now_ms()) == 0))
        return;
    tallies_close(store->tallies);
    store->tallies = NULL;
}

static int fail(struct records *records, struct error *error)
{
    return error_set(error, ERROR_TARGET, "records: statistics: %s",
                     sqlite3_errmsg(records_handle(records)));
}

static int make_tables(struct store *store, struct error *error)
{
    struct records *records = store->records;
    sqlite3 *database = records_handle(records);
    if (records_begin(records, error) < 0)
        return -1;
    if (sqlite3_create_function(database, "tally", 6, SQLITE_UTF8, store, add_tally, NULL, NULL) ==
            SQLITE_OK &&
        sqlite3_exec(database, kept_tables, NULL, NULL, NULL) == SQLITE_OK)
        return records_commit(records, error);
    fail(records, error);
    records_rollback(records);
    return -1;
}

static int count_tallies(struct store *store, struct error *error)
{
    store->tallies = tallies_open();
    int failed =
        sqlite3_exec(records_handle(store->records), tallied, NULL, NULL, NULL) != SQLITE_OK;
    if (failed)
        fail(store->records, error);
    else if (!store->tallies)
        failed = error_set(error, ERROR_INTERNAL, "out of memory");
    if (!failed) {
        tallies_committed(store->tallies);
        return 0;
    }
    tallies_close(store->tallies);
    store->tallies = NULL;
    return -1;
}

static int forget_old(struct store *store, int64_t now, struct error *error)
{
    if (store->tallies)
        tallies_forget(store->tallies, now);
    return records_run(store->records, error,
                       "DELETE FROM todos_finished WHERE completed_at < (SELECT completed_at FROM"
                       " todos_finished ORDER BY completed_at DESC LIMIT 1 OFFSET " KEPT_LEADS ")",
                       "") < 0
               ? -1
               : 0;
}

int analytics_keep(struct tool_call *call)
{
    struct store *store = call->store;
    int64_t now = store_now_ms(), before = store->statistics_kept_at;
    int failed = 0;
    if (!before)
        failed = make_tables(store, &call->error);
    else if (now - before > HOUR)
        failed = forget_old(store, now, &call->error);
    if (failed == 0 && (!before || now - before > HOUR))
        store->statistics_kept_at = now;
    if (failed == 0 && !store->tallies)
        failed = count_tallies(store, &call->error);
    return failed < 0 ? tool_fail_tier(call) : 0;
}

/* ---- windows -------------------------------------------------------------------------------- */

int64_t tally_since(const struct tool_call *call)
{
    int64_t hours = tool_integer(call, "hours", 0), now = store_now_ms();
    if (hours == 0)
        return 0;
    return (hours <= 24 ? now / MINUTE * MINUTE : now / HOUR * HOUR) - hours * HOUR;
}

/* The first bucket that lies wholly behind it. */
static int64_t round_up(int64_t at, int64_t width)
{
    return (at + width - 1) / width * width;
}

static void add_to(struct tally *sum, const struct tally *more)
{
    sum->count += more->count;
    sum->first += more->first;
    sum->second += more->second;
}

static int by_name(const void *one, const void *other)
{
    const struct tally *a = one, *b = other;
    return strcmp(a->name, b->name);
}

static int by_count(const void *one, const void *other)
{
    const struct tally *a = one, *b = other;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->name, b->name);
}

struct window { /* minutes up to the first whole hour, hours up to the first whole day, and days */
    const struct tally *rows;
    size_t count;
};

static void look_into(const struct tallies *tallies, const char *kind, int64_t since,
                      struct window parts[3])
{
    int64_t hour = round_up(since, HOUR), day = round_up(hour, DAY);
    parts[0].rows = tallies_within(tallies, kind, MINUTE, since, hour, &parts[0].count);
    parts[1].rows = tallies_within(tallies, kind, HOUR, hour, day, &parts[1].count);
    parts[2].rows = tallies_within(tallies, kind, DAY, day, INT64_MAX, &parts[2].count);
}

/* One row for each name that is left. */
static size_t merge_names(struct tally *rows, size_t count)
{
    size_t kept = 0;
    qsort(rows, count, sizeof *rows, by_name);
    for (size_t i = 0; i < count;) {
        struct tally sum = rows[i++];
        for (; i < count && strcmp(rows[i].name, sum.name) == 0; i++)
            add_to(&sum, &rows[i]);
        if (sum.count > 0)
            rows[kept++] = sum;
    }
    return kept;
}

struct tally *tally_names(struct tool_call *call, const char *kind, int64_t since, bool most_first,
                          size_t *count)
{
    struct window parts[3];
    look_into(call->store->tallies, kind, since, parts);
    size_t all = 0;
    struct tally *rows =
        malloc((parts[0].count + parts[1].count + parts[2].count + 1) * sizeof *rows);
    for (size_t i = 0; rows && i < 3; i++)
        for (size_t k = 0; k < parts[i].count; k++)
            rows[all++] = parts[i].rows[k];
    *count = rows ? merge_names(rows, all) : 0;
    if (most_first && *count)
        qsort(rows, *count, sizeof *rows, by_count);
    return rows;
}

struct tally tally_sum(struct tool_call *call, const char *kind, int64_t since)
{
    struct tally sum = {.name = ""};
    struct window parts[3];
    look_into(call->store->tallies, kind, since, parts);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < parts[i].count; k++)
            add_to(&sum, &parts[i].rows[k]);
    return sum;
}

/* ---- buckets -------------------------------------------------------------------------------- */

static const struct {
    const char *kind, *name;
} shown[] = {
    {NULL, "calls"}, /* in call_totals */
    {"memory", "memories"}, {"message", "messages"}, {"task", "tasks"}, {"code", "code_attempts"},
};
#define SHOWN (sizeof shown / sizeof *shown)

/* The buckets of `width` after `before`, up to `newest`, which is the first of `counts`. */
static void count_shown(const struct tallies *tallies, size_t which, int64_t width, int64_t before,
                        int64_t newest, int64_t (*counts)[SHOWN])
{
    size_t count;
    const struct tally *rows =
        tallies_within(tallies, shown[which].kind, width, before + 1, newest + 1, &count);
    for (size_t i = 0; i < count; i++)
        counts[(newest - rows[i].at) / width][which] += rows[i].count;
}

static void count_calls(struct tool_call *call, int64_t width, int64_t before, int64_t newest,
                        int64_t (*counts)[SHOWN])
{
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT at, calls FROM call_totals WHERE width = ?1"
                                      " AND at > ?2 AND at <= ?3",
                                      "iii", width, before, newest);
    while (row && records_next(row, &call->error))
        counts[(newest - sqlite3_column_int64(row, 0)) / width][0] += sqlite3_column_int64(row, 1);
}

static json_t *bucket_of(int64_t at, const int64_t *counts)
{
    json_t *bucket = json_pack("{s:I}", "at", (json_int_t)at);
    int64_t any = 0;
    for (size_t i = 0; i < SHOWN; i++) {
        json_object_set_new(bucket, shown[i].name, json_integer((json_int_t)counts[i]));
        any += counts[i];
    }
    if (any)
        return bucket;
    json_decref(bucket);
    return NULL;
}

json_t *tally_timeline(struct tool_call *call, int64_t width, size_t limit)
{
    int64_t newest = store_now_ms() / width * width, before = newest - (int64_t)limit * width;
    int64_t(*counts)[SHOWN] = calloc(limit + 1, sizeof *counts);
    json_t *buckets = counts ? json_array() : NULL;
    if (counts)
        count_calls(call, width, before, newest, counts);
    for (size_t i = 1; counts && i < SHOWN; i++)
        count_shown(call->store->tallies, i, width, before, newest, counts);
    for (size_t i = 0; counts && i < limit; i++) {
        int64_t at = newest - (int64_t)i * width;
        counts[i][0] +=
            usage_unwritten(call->store->usage, at / MINUTE, (at + width) / MINUTE); /* calls */
        json_t *bucket = bucket_of(at, counts[i]);
        if (bucket)
            json_array_append_new(buckets, bucket);
    }
    free(counts);
    return buckets;
}
