/* See analytics_kept.h. */
#include "burrow/tools/analytics_kept.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define KEPT_MINUTES    (25 * 60)
#define KEPT_MINUTES_MS "90000000"
#define KEPT_LEADS      "500"

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

/* The rest is in the connection's own tables, in memory: in the records each would be a page more
 * that a write has to log. They follow in the same transaction, by triggers. A row put into the
 * view `tally` is counted in its minute, hour and day; of minutes only the last 25 hours are kept.
 * Messages and attempts are never deleted or changed. */
static const char kept_tables[] =
    "CREATE TEMP TABLE tally_widths(width INTEGER PRIMARY KEY);"
    "INSERT INTO tally_widths VALUES(60000), (3600000), (86400000);"
    "CREATE TEMP TABLE tallies(kind TEXT NOT NULL, width INTEGER NOT NULL, at INTEGER NOT NULL,"
    " name TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL,"
    " PRIMARY KEY(kind, width, at, name)) WITHOUT ROWID;"
    "CREATE TEMP VIEW tally AS SELECT kind, at, name, count, first, second FROM tallies;"
    "CREATE TEMP TRIGGER tally_added INSTEAD OF INSERT ON tally BEGIN"
    " INSERT INTO tallies SELECT new.kind, width, new.at / width * width, new.name, new.count,"
    " new.first, new.second FROM tally_widths WHERE width > 60000"
    " OR new.at > unixepoch() * 1000 - " KEPT_MINUTES_MS " ON CONFLICT DO UPDATE SET"
    " count = count + excluded.count, first = first + excluded.first,"
    " second = second + excluded.second; END;"

    "INSERT INTO tally SELECT 'memory', created_at / 60000 * 60000, '', count(*), 0, 0"
    " FROM memories GROUP BY 2;"
    "CREATE TEMP TRIGGER memories_tallied AFTER INSERT ON memories BEGIN"
    " INSERT INTO tally VALUES('memory', new.created_at, '', 1, 0, 0); END;"
    "CREATE TEMP TRIGGER memories_untallied AFTER DELETE ON memories BEGIN"
    " INSERT INTO tally VALUES('memory', old.created_at, '', -1, 0, 0); END;"

    "INSERT INTO tally SELECT 'message', sent_at / 60000 * 60000, role, count(*),"
    " sum(length(content)), 0 FROM chats GROUP BY 2, 3;"
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
    " INSERT INTO tally VALUES('message', new.sent_at, new.role, 1, length(new.content), 0);"
    " INSERT INTO conversations VALUES(new.conversation, 1)"
    " ON CONFLICT DO UPDATE SET messages = messages + 1;"
    " UPDATE conversation_totals SET longest_message = length(new.content)"
    " WHERE longest_message < length(new.content); END;"

    "INSERT INTO tally SELECT 'task', created_at / 60000 * 60000, '', count(*), 0, 0"
    " FROM todos GROUP BY 2;"
    "INSERT INTO tally SELECT 'finished', completed_at / 60000 * 60000, '', count(*),"
    " sum(completed_at - created_at), 0 FROM todos WHERE completed_at IS NOT NULL GROUP BY 2;"
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
    " INSERT INTO tally VALUES('task', new.created_at, '', 1, 0, 0);"
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
    " INSERT INTO tally VALUES('finished', old.completed_at, '', -1,"
    " old.created_at - old.completed_at, 0); END;"
    "CREATE TEMP TRIGGER todos_done AFTER UPDATE OF completed_at ON todos"
    " WHEN new.completed_at IS NOT NULL AND old.completed_at IS NOT new.completed_at BEGIN"
    " INSERT INTO todos_finished VALUES(new.completed_at, new.id,"
    " new.completed_at - new.created_at);"
    " INSERT INTO tally VALUES('finished', new.completed_at, '', 1,"
    " new.completed_at - new.created_at, 0); END;"

    "INSERT INTO tally SELECT 'code', created_at / 60000 * 60000, language, count(*),"
    " sum(result = 'success'), sum(result = 'failure') FROM code_attempts GROUP BY 2, 3;"
    "INSERT INTO tally SELECT 'code tag', created_at / 60000 * 60000, tag, count(*),"
    " sum(result = 'success'), sum(result = 'failure') FROM code_attempts JOIN code_attempt_tags"
    " ON attempt = id GROUP BY 2, 3;"
    "CREATE TEMP TABLE code_totals(result TEXT PRIMARY KEY, attempts INTEGER NOT NULL,"
    " characters INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO code_totals SELECT result, count(*), sum(length(code)) FROM code_attempts"
    " GROUP BY 1;"
    "CREATE TEMP TRIGGER code_attempts_tallied AFTER INSERT ON code_attempts BEGIN"
    " INSERT INTO tally VALUES('code', new.created_at, new.language, 1, new.result = 'success',"
    " new.result = 'failure');"
    " INSERT INTO code_totals VALUES(new.result, 1, length(new.code)) ON CONFLICT DO UPDATE SET"
    " attempts = attempts + 1, characters = characters + excluded.characters; END;"
    "CREATE TEMP TRIGGER code_attempt_tags_tallied AFTER INSERT ON code_attempt_tags BEGIN"
    " INSERT INTO tally SELECT 'code tag', created_at, new.tag, 1, result = 'success',"
    " result = 'failure' FROM code_attempts WHERE id = new.attempt; END;"

    "INSERT INTO tally SELECT 'question', asked_at / 60000 * 60000, '', count(*),"
    " sum(passages = 0), 0 FROM questions GROUP BY 2;"
    "INSERT INTO tally SELECT 'context', built_at / 60000 * 60000, '', count(*),"
    " sum(asked_tokens), sum(filled_tokens) FROM context_uses GROUP BY 2;"
    "CREATE TEMP TRIGGER questions_tallied AFTER INSERT ON questions BEGIN"
    " INSERT INTO tally VALUES('question', new.asked_at, '', 1, new.passages = 0, 0); END;"
    "CREATE TEMP TRIGGER context_uses_tallied AFTER INSERT ON context_uses BEGIN"
    " INSERT INTO tally VALUES('context', new.built_at, '', 1, new.asked_tokens,"
    " new.filled_tokens); END";

/* ---- keeping -------------------------------------------------------------------------------- */

static int make_tables(struct records *records, struct error *error)
{
    sqlite3 *database = records_handle(records);
    if (records_begin(records, error) < 0)
        return -1;
    if (sqlite3_exec(database, kept_tables, NULL, NULL, NULL) == SQLITE_OK)
        return records_commit(records, error);
    error_set(error, ERROR_TARGET, "records: statistics: %s", sqlite3_errmsg(database));
    records_rollback(records);
    return -1;
}

static int forget_old(struct records *records, int64_t now, struct error *error)
{
    return records_run(records, error, "DELETE FROM tallies WHERE width = 60000 AND at < ?1", "i",
                       now - KEPT_MINUTES * MINUTE) < 0 ||
                   records_run(records, error,
                               "DELETE FROM todos_finished WHERE completed_at < (SELECT"
                               " completed_at FROM todos_finished ORDER BY completed_at DESC"
                               " LIMIT 1 OFFSET " KEPT_LEADS ")",
                               "") < 0
               ? -1
               : 0;
}

int analytics_keep(struct tool_call *call)
{
    struct store *store = call->store;
    int64_t now = store_now_ms();
    int failed = 0;
    if (!store->statistics_kept_at)
        failed = make_tables(store->records, &call->error);
    else if (now - store->statistics_kept_at > HOUR)
        failed = forget_old(store->records, now, &call->error);
    else
        return 0;
    if (failed < 0)
        return tool_fail_tier(call);
    store->statistics_kept_at = now;
    return 0;
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

/* Minutes up to the first whole hour, hours up to the first whole day, and days. */
sqlite3_stmt *tally_names(struct tool_call *call, const char *kind, int64_t since, bool most_first)
{
    int64_t hour = round_up(since, HOUR), day = round_up(hour, DAY);
    return records_query(
        call->store->records, &call->error,
        "SELECT name, sum(count), sum(first), sum(second) FROM ("
        "SELECT * FROM tallies WHERE kind = ?1 AND width = 60000 AND at >= ?2 AND at < ?3"
        " UNION ALL"
        " SELECT * FROM tallies WHERE kind = ?1 AND width = 3600000 AND at >= ?3 AND at < ?4"
        " UNION ALL"
        " SELECT * FROM tallies WHERE kind = ?1 AND width = 86400000 AND at >= ?4)"
        " GROUP BY name HAVING sum(count) > 0 ORDER BY iif(?5, -sum(count), 0), name",
        "siiii", kind, since, hour, day, (int64_t)most_first);
}

bool tally_next(struct tool_call *call, sqlite3_stmt *row, struct tally *tally)
{
    if (!row || !records_next(row, &call->error))
        return false;
    *tally = (struct tally){records_text(row, 0), sqlite3_column_int64(row, 1),
                            sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3)};
    return true;
}

struct tally tally_sum(struct tool_call *call, const char *kind, int64_t since)
{
    struct tally sum = {.name = ""}, one;
    sqlite3_stmt *row = tally_names(call, kind, since, false);
    while (tally_next(call, row, &one)) {
        sum.count += one.count;
        sum.first += one.first;
        sum.second += one.second;
    }
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

static void count_shown(struct tool_call *call, size_t which, int64_t width, int64_t newest,
                        size_t limit, int64_t (*counts)[SHOWN])
{
    struct records *records = call->store->records;
    int64_t before = newest - (int64_t)limit * width;
    sqlite3_stmt *row =
        shown[which].kind
            ? records_query(records, &call->error,
                            "SELECT at, count FROM tallies WHERE kind = ?1 AND width = ?2"
                            " AND at > ?3 AND at <= ?4",
                            "siii", shown[which].kind, width, before, newest)
            : records_query(records, &call->error,
                            "SELECT at, calls FROM call_totals WHERE width = ?1 AND at > ?2"
                            " AND at <= ?3",
                            "iii", width, before, newest);
    while (row && records_next(row, &call->error))
        counts[(newest - sqlite3_column_int64(row, 0)) / width][which] +=
            sqlite3_column_int64(row, 1);
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
    int64_t newest = store_now_ms() / width * width;
    int64_t(*counts)[SHOWN] = calloc(limit + 1, sizeof *counts);
    json_t *buckets = counts ? json_array() : NULL;
    for (size_t i = 0; counts && i < SHOWN; i++)
        count_shown(call, i, width, newest, limit, counts);
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
