/* Agents: who is alive, for how long, and their mailboxes. A message is taken under a receipt and
 * stays until that is acknowledged: an agent that dies on the way gets it again. */
#include "burrow/tools/orchestration.h"

#include <stdlib.h>
#include <string.h>

#define REDELIVERY_MS 30000 /* a message that was taken and not acknowledged comes again */

static int not_alive(struct tool_call *call, const char *argument, const char *name)
{
    return tool_fail(
        call, "not_found",
        "%s: no agent \"%.64s\" is alive; register_agent makes one, list_agents shows them",
        argument, name);
}

/* 1 alive, 0 not, -1 after tool_fail_tier. */
static int is_alive(struct tool_call *call, const char *name)
{
    int64_t alive = 0;
    if (records_integer(call->store->records, &call->error, 0, &alive,
                        "SELECT 1 FROM agents WHERE name = ?1 AND expires_at > ?2", "si", name,
                        store_now_ms()) < 0)
        return tool_fail_tier(call);
    return (int)alive;
}

int tool_register_agent(struct tool_call *call)
{
    const char *name = tool_text(call, "name", "");
    int64_t now = store_now_ms(), expires = now + tool_integer(call, "lease_ms", 60000);
    char *capabilities = json_dumps(tool_value(call, "capabilities"), JSON_COMPACT);
    int64_t changed =
        records_run(call->store->records, &call->error,
                    "INSERT INTO agents(name, capabilities, team, registered_at, expires_at)"
                    " VALUES(?1, coalesce(?2, '[]'), ?3, ?4, ?5) ON CONFLICT(name) DO UPDATE SET"
                    " capabilities = coalesce(?2, capabilities), team = ?3, expires_at = ?5",
                    "sssii", name, capabilities, tool_text(call, "group", ""), now, expires);
    free(capabilities);
    if (changed < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:s, s:I}", "name", name, "expires_at", (json_int_t)expires);
    return 0;
}

int tool_unregister_agent(struct tool_call *call)
{
    const char *name = tool_text(call, "name", "");
    struct records *records = call->store->records;
    int64_t gone =
        records_run(records, &call->error, "DELETE FROM agents WHERE name = ?1", "s", name);
    if (gone == 0)
        return not_alive(call, "name", name);
    int64_t locks =
        records_run(records, &call->error,
                    "UPDATE locks SET expires_at = 0 WHERE holder = ?1 AND expires_at > ?2", "si",
                    name, store_now_ms());
    if (gone < 0 || locks < 0 ||
        records_run(records, &call->error, "DELETE FROM messages WHERE receiver = ?1", "s", name) <
            0)
        return tool_fail_tier(call);
    call->structured =
        json_pack("{s:b, s:I}", "unregistered", 1, "locks_released", (json_int_t)locks);
    return 0;
}

int tool_list_agents(struct tool_call *call)
{
    json_t *agents = json_array();
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "SELECT name, capabilities, team, expires_at FROM agents WHERE expires_at > ?1"
        " AND (?2 IS NULL OR team = ?2) AND (?3 IS NULL OR EXISTS(SELECT 1 FROM"
        " json_each(capabilities) WHERE value = ?3)) ORDER BY name LIMIT ?4",
        "issi", store_now_ms(), tool_text(call, "group", NULL), tool_text(call, "capability", NULL),
        tool_integer(call, "limit", 100));
    while (row && records_next(row, &call->error))
        json_array_append_new(agents,
                              json_pack("{s:o, s:o, s:o, s:I}", "name", records_json_text(row, 0),
                                        "capabilities", records_json(row, 1), "group",
                                        records_json_text(row, 2), "expires_at",
                                        (json_int_t)sqlite3_column_int64(row, 3)));
    call->structured = json_pack("{s:o}", "agents", agents);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

int tool_heartbeat_agent(struct tool_call *call)
{
    const char *name = tool_text(call, "name", "");
    int64_t now = store_now_ms(), expires = now + tool_integer(call, "lease_ms", 60000);
    int64_t changed =
        records_run(call->store->records, &call->error,
                    "UPDATE agents SET expires_at = ?2 WHERE name = ?1 AND expires_at > ?3", "sii",
                    name, expires, now);
    if (changed < 0)
        return tool_fail_tier(call);
    if (changed == 0)
        return not_alive(call, "name", name);
    call->structured = json_pack("{s:s, s:I}", "name", name, "expires_at", (json_int_t)expires);
    return 0;
}

/* ---- mailboxes ------------------------------------------------------------------------------ */

static int64_t deliver(struct tool_call *call, const char *to, const char *group)
{
    char *body = json_dumps(tool_value(call, "body"), JSON_COMPACT | JSON_ENCODE_ANY);
    int64_t count =
        records_run(call->store->records, &call->error,
                    "INSERT INTO messages(receiver, sender, body, sent_at)"
                    " SELECT name, ?1, ?2, ?3 FROM agents a WHERE expires_at > ?3"
                    " AND (?4 IS NULL OR name = ?4) AND (?5 IS NULL OR team = ?5)"
                    " AND (SELECT count(*) FROM messages m WHERE m.receiver = a.name) < ?6",
                    "ssissi", tool_text(call, "from", ""), body, store_now_ms(), to, group,
                    (int64_t)MAILBOX_LIMIT);
    free(body);
    return count;
}

int tool_send_agent_message(struct tool_call *call)
{
    const char *to = tool_text(call, "to", NULL), *group = tool_text(call, "group", NULL);
    if (!to == !group)
        return tool_fail(call, "invalid_argument", "to, group: give one of them");
    int alive = to ? is_alive(call, to) : 1;
    if (alive < 0)
        return -1;
    if (alive == 0)
        return not_alive(call, "to", to);
    int64_t count = deliver(call, to, group);
    if (count < 0)
        return tool_fail_tier(call);
    if (to && count == 0)
        return tool_fail(call, "too_large", "to: the mailbox of \"%.64s\" is full (%d messages)",
                         to, MAILBOX_LIMIT);
    call->structured = json_pack("{s:I}", "delivered", (json_int_t)count);
    return 0;
}

static int64_t acknowledge(struct tool_call *call, const char *name)
{
    json_t *ids = json_object_get(call->arguments, "acknowledge"), *id;
    int64_t count = 0;
    size_t index;
    json_array_foreach(ids, index, id)
    {
        int64_t gone = records_run(call->store->records, &call->error,
                                   "DELETE FROM messages WHERE id = ?1 AND receiver = ?2", "is",
                                   tool_integer_of(id, 0), name);
        if (gone < 0)
            return -1;
        count += gone;
    }
    return count;
}

int tool_receive_agent_messages(struct tool_call *call)
{
    const char *name = tool_text(call, "name", "");
    int64_t now = store_now_ms();
    int alive = is_alive(call, name);
    if (alive <= 0)
        return alive < 0 ? -1 : not_alive(call, "name", name);
    int64_t acknowledged = acknowledge(call, name);
    if (acknowledged < 0)
        return tool_fail_tier(call);
    json_t *messages = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "UPDATE messages SET taken_until = ?2 WHERE id IN (SELECT id FROM messages"
                      " WHERE receiver = ?1 AND taken_until <= ?3 ORDER BY id LIMIT ?4)"
                      " RETURNING id, sender, body, sent_at",
                      "siii", name, now + REDELIVERY_MS, now, tool_integer(call, "limit", 10));
    while (row && records_next(row, &call->error))
        json_array_append_new(messages,
                              json_pack("{s:I, s:o, s:o, s:I}", "id",
                                        (json_int_t)sqlite3_column_int64(row, 0), "from",
                                        records_json_text(row, 1), "body", records_json(row, 2),
                                        "sent_at", (json_int_t)sqlite3_column_int64(row, 3)));
    call->structured =
        json_pack("{s:o, s:I}", "messages", messages, "acknowledged", (json_int_t)acknowledged);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}
