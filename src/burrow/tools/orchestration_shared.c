/* What agents share: locks with fencing tokens, events by topic and position, state with versions.
 */
#include "burrow/tools/orchestration.h"

#include <stdlib.h>
#include <string.h>

/* The token grows with every acquisition, so that whoever holds an older one can be told apart by
 * what the lock protects. */
int tool_acquire_lock(struct tool_call *call)
{
    int64_t now = store_now_ms(), expires = now + tool_integer(call, "lease_ms", 30000), token = 0;
    struct records *records = call->store->records;
    const char *name = tool_text(call, "name", ""), *holder = tool_text(call, "holder", "");
    sqlite3_stmt *row = records_query(
        records, &call->error,
        "INSERT INTO locks(name, holder, token, expires_at) VALUES(?1, ?2, 1, ?3)"
        " ON CONFLICT(name) DO UPDATE SET holder = ?2, token = token + 1, expires_at = ?3"
        " WHERE expires_at <= ?4 RETURNING token",
        "ssii", name, holder, expires, now);
    while (row && records_next(row, &call->error))
        token = sqlite3_column_int64(row, 0);
    if (token) {
        call->structured = json_pack("{s:b, s:s, s:I, s:I}", "acquired", 1, "holder", holder,
                                     "token", (json_int_t)token, "expires_at", (json_int_t)expires);
        return 0;
    }
    row = call->error.code == ERROR_NONE
              ? records_query(records, &call->error,
                              "SELECT holder, expires_at FROM locks WHERE name = ?1", "s", name)
              : NULL;
    while (row && records_next(row, &call->error)) {
        json_decref(call->structured);
        call->structured =
            json_pack("{s:b, s:o, s:I}", "acquired", 0, "holder", records_json_text(row, 0),
                      "expires_at", (json_int_t)sqlite3_column_int64(row, 1));
    }
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

int tool_release_lock(struct tool_call *call)
{
    int64_t released = records_run(
        call->store->records, &call->error,
        "UPDATE locks SET expires_at = 0 WHERE name = ?1 AND token = ?2 AND expires_at > ?3", "sii",
        tool_text(call, "name", ""), tool_integer(call, "token", 0), store_now_ms());
    if (released < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:b}", "released", released > 0);
    return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

int tool_publish_event(struct tool_call *call)
{
    struct records *records = call->store->records;
    const char *topic = tool_text(call, "topic", "");
    char *data = json_dumps(tool_value(call, "data"), JSON_COMPACT | JSON_ENCODE_ANY);
    int64_t written =
        records_run(records, &call->error,
                    "INSERT INTO events(topic, position, data, published_at) VALUES(?1,"
                    " coalesce((SELECT max(position) FROM events WHERE topic = ?1), 0) + 1, "
                    "coalesce(?2, 'null'), ?3)",
                    "ssi", topic, data, store_now_ms());
    free(data);
    int64_t position = 0;
    if (written < 0 ||
        records_integer(records, &call->error, 0, &position,
                        "SELECT max(position) FROM events WHERE topic = ?1", "s", topic) < 0 ||
        records_run(records, &call->error, "DELETE FROM events WHERE topic = ?1 AND position <= ?2",
                    "si", topic, position - TOPIC_LIMIT) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I}", "position", (json_int_t)position);
    return 0;
}

int tool_poll_events(struct tool_call *call)
{
    int64_t after = tool_integer(call, "after", 0), next = after;
    json_t *events = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT position, data, published_at FROM events"
                      " WHERE topic = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
                      "sii", tool_text(call, "topic", ""), after, tool_integer(call, "limit", 100));
    while (row && records_next(row, &call->error)) {
        next = sqlite3_column_int64(row, 0);
        json_array_append_new(events, json_pack("{s:I, s:o, s:I}", "position", (json_int_t)next,
                                                "data", records_json(row, 1), "published_at",
                                                (json_int_t)sqlite3_column_int64(row, 2)));
    }
    call->structured = json_pack("{s:o, s:I}", "events", events, "next", (json_int_t)next);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- state ---------------------------------------------------------------------------------- */

static int current_version(struct tool_call *call, const char *key, int64_t *version)
{
    return records_integer(call->store->records, &call->error, 0, version,
                           "SELECT version FROM shared_state WHERE key = ?1", "s", key);
}

int tool_set_shared_state(struct tool_call *call)
{
    const char *key = tool_text(call, "key", "");
    int64_t expected = tool_integer(call, "version", -1), version = 0;
    if (current_version(call, key, &version) < 0)
        return tool_fail_tier(call);
    bool set = expected < 0 || expected == version;
    if (set) {
        char *value = json_dumps(tool_value(call, "value"), JSON_COMPACT | JSON_ENCODE_ANY);
        int64_t written =
            records_run(call->store->records, &call->error,
                        "INSERT INTO shared_state(key, value, version, changed_at)"
                        " VALUES(?1, coalesce(?2, 'null'), 1, ?3) ON CONFLICT(key) DO UPDATE"
                        " SET value = coalesce(?2, 'null'), version = version + 1, changed_at = ?3",
                        "ssi", key, value, store_now_ms());
        free(value);
        if (written < 0)
            return tool_fail_tier(call);
    }
    call->structured = json_pack("{s:b, s:I}", "set", set, "version", (json_int_t)(version + set));
    return 0;
}

int tool_get_shared_state(struct tool_call *call)
{
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT value, version, changed_at FROM shared_state WHERE key = ?1", "s",
                      tool_text(call, "key", ""));
    if (row && records_next(row, &call->error)) {
        call->structured =
            json_pack("{s:b, s:o, s:I, s:I}", "found", 1, "value", records_json(row, 0), "version",
                      (json_int_t)sqlite3_column_int64(row, 1), "changed_at",
                      (json_int_t)sqlite3_column_int64(row, 2));
        records_done(row);
    } else if (call->error.code == ERROR_NONE) {
        call->structured = json_pack("{s:b, s:n, s:i}", "found", 0, "value", "version", 0);
    }
    return call->structured ? 0 : tool_fail_tier(call);
}
