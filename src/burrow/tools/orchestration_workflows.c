/* Workflows: steps that need others done first, reported one by one. In the graph a step is the
 * node "workflow:ID/STEP". */
#include "burrow/tools/orchestration.h"

#include <stdio.h>
#include <string.h>

#define STEP_KEY_SIZE 384

static void step_key(char key[STEP_KEY_SIZE], int64_t workflow, const char *step)
{
    snprintf(key, STEP_KEY_SIZE, "workflow:%lld/%s", (long long)workflow, step);
}

static bool has_step(const json_t *steps, const char *name, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(steps, i), "name")), name) == 0)
            return true;
    return false;
}

/* Names are given once, and a step needs only earlier ones: so there can be no cycle. */
static int check_steps(struct tool_call *call, const json_t *steps)
{
    size_t index, place;
    json_t *step, *need;
    json_array_foreach(steps, index, step)
    {
        const char *name = json_string_value(json_object_get(step, "name"));
        if (has_step(steps, name, index))
            return tool_fail(call, "invalid_argument", "steps[%zu].name: \"%.64s\" stands twice",
                             index, name);
        json_array_foreach(
            json_object_get(step, "needs"), place,
            need) if (!has_step(steps, json_string_value(need),
                                index)) return tool_fail(call, "invalid_argument",
                                                         "steps[%zu].needs: \"%.64s\" is no "
                                                         "earlier step; list the steps so that "
                                                         "each comes after what it needs",
                                                         index, json_string_value(need));
    }
    return 0;
}

static int store_step(struct tool_call *call, int64_t workflow, size_t number, const json_t *step)
{
    struct store *store = call->store;
    const char *name = json_string_value(json_object_get(step, "name"));
    char key[STEP_KEY_SIZE], other[STEP_KEY_SIZE];
    size_t place;
    json_t *need;
    step_key(key, workflow, name);
    if (records_run(store->records, &call->error,
                    "INSERT INTO workflow_steps(workflow, number, name, status) VALUES(?1, ?2, ?3, "
                    "'waiting')",
                    "iis", workflow, (int64_t)number, name) < 0 ||
        graph_node_put(store->graph, key, "workflow_step", NULL, NULL, &call->error) < 0)
        return tool_fail_tier(call);
    json_array_foreach(json_object_get(step, "needs"), place, need)
    {
        step_key(other, workflow, json_string_value(need));
        if (records_run(
                store->records, &call->error,
                "INSERT OR IGNORE INTO workflow_needs(workflow, step, needed) VALUES(?1, ?2, ?3)",
                "iss", workflow, name, json_string_value(need)) < 0 ||
            graph_relation_put(store->graph, key, "needs", other, NULL, NULL, &call->error) < 0)
            return tool_fail_tier(call);
    }
    return 0;
}

/* Steps that wait for nothing any more, in their order. */
static json_t *startable(struct tool_call *call, int64_t workflow)
{
    json_t *names = json_array();
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "SELECT name FROM workflow_steps s WHERE workflow = ?1 AND status = 'waiting' AND NOT "
        "EXISTS("
        " SELECT 1 FROM workflow_needs n JOIN workflow_steps d ON d.workflow = n.workflow AND "
        "d.name = n.needed"
        " WHERE n.workflow = ?1 AND n.step = s.name AND d.status <> 'done') ORDER BY number",
        "i", workflow);
    while (row && records_next(row, &call->error))
        json_array_append_new(names, records_json_text(row, 0));
    return names;
}

int tool_create_workflow(struct tool_call *call)
{
    json_t *steps = json_object_get(call->arguments, "steps"), *step;
    size_t index;
    if (check_steps(call, steps) < 0)
        return -1;
    if (records_run(call->store->records, &call->error,
                    "INSERT INTO workflows(name, created_at) VALUES(?1, ?2)", "si",
                    tool_text(call, "name", ""), store_now_ms()) < 0)
        return tool_fail_tier(call);
    int64_t id = records_last_id(call->store->records);
    json_array_foreach(steps, index, step) if (store_step(call, id, index, step) < 0) return -1;
    call->structured =
        json_pack("{s:I, s:o}", "id", (json_int_t)id, "startable", startable(call, id));
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static int require_workflow(struct tool_call *call, int64_t id)
{
    int64_t there = 0;
    if (records_integer(call->store->records, &call->error, 0, &there,
                        "SELECT 1 FROM workflows WHERE id = ?1", "i", id) < 0)
        return tool_fail_tier(call);
    return there ? 0 : tool_fail(call, "not_found", "id: there is no workflow %lld", (long long)id);
}

int tool_advance_workflow(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0), open = 0;
    const char *step = tool_text(call, "step", ""), *status = tool_text(call, "status", "");
    if (require_workflow(call, id) < 0)
        return -1;
    if (records_integer(
            call->store->records, &call->error, 0, &open,
            "SELECT count(*) FROM workflow_needs n JOIN workflow_steps d ON d.workflow = n.workflow"
            " AND d.name = n.needed WHERE n.workflow = ?1 AND n.step = ?2 AND d.status <> 'done'",
            "is", id, step) < 0)
        return tool_fail_tier(call);
    if (open)
        return tool_fail(
            call, "conflict",
            "step: \"%.64s\" needs %lld steps that are not done; get_workflow_status shows them",
            step, (long long)open);
    int64_t changed =
        records_run(call->store->records, &call->error,
                    "UPDATE workflow_steps SET status = ?3, note = coalesce(?4, note),"
                    " changed_at = ?5 WHERE workflow = ?1 AND name = ?2",
                    "isssi", id, step, status, tool_text(call, "note", NULL), store_now_ms());
    if (changed < 0)
        return tool_fail_tier(call);
    if (changed == 0)
        return tool_fail(call, "not_found", "step: workflow %lld has no step \"%.64s\"",
                         (long long)id, step);
    call->structured = json_pack("{s:s, s:s, s:o}", "step", step, "status", status, "startable",
                                 startable(call, id));
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

int tool_get_workflow_status(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    json_int_t done = 0, failed = 0;
    if (require_workflow(call, id) < 0)
        return -1;
    json_t *steps = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT name, status, note FROM workflow_steps WHERE workflow = ?1"
                      " ORDER BY number",
                      "i", id);
    while (row && records_next(row, &call->error)) {
        done += strcmp(records_text(row, 1), "done") == 0;
        failed += strcmp(records_text(row, 1), "failed") == 0;
        json_array_append_new(steps, json_pack("{s:o, s:o, s:o}", "name", records_json_text(row, 0),
                                               "status", records_json_text(row, 1), "note",
                                               records_json_text(row, 2)));
    }
    json_int_t count = (json_int_t)json_array_size(steps);
    call->structured = json_pack(
        "{s:o, s:I, s:I, s:f, s:o}", "steps", steps, "done", done, "failed", failed, "progress",
        count ? (double)done / (double)count : 0.0, "startable", startable(call, id));
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}
