/* See dispatch.h. */
#include "burrow/tools/dispatch.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "mcp/schema.h"

#include <stdlib.h>
#include <string.h>

struct compiled {
    const struct tool *tool;
    struct schema *input, *output;
};

struct dispatch {
    struct store *store;
    struct compiled *tools; /* in the order of their names */
    size_t count;
    bool check_results;
};

static int by_name(const void *one, const void *other)
{
    const struct compiled *a = one, *b = other;
    return strcmp(a->tool->name, b->tool->name);
}

static struct schema *compile(const struct tool *tool, const char *which, const char *text,
                              struct error *error)
{
    json_error_t problem;
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!document) {
        error_set(error, ERROR_INTERNAL, "%s: %s: %s at %d", tool->name, which, problem.text,
                  problem.position);
        return NULL;
    }
    struct schema *schema = schema_compile(document, error);
    json_decref(document);
    if (!schema)
        error_wrap(error, "%s: %s", tool->name, which);
    return schema;
}

static size_t count_tools(void)
{
    size_t count = 0;
    for (size_t g = 0; tool_groups[g]; g++)
        count += tool_groups[g]->count;
    return count;
}

static int add_group(struct dispatch *dispatch, const struct tool_group *group, struct error *error)
{
    if (group->migrations &&
        records_migrate(dispatch->store->records, group->name, group->migrations, error) < 0)
        return -1;
    for (size_t i = 0; i < group->count; i++) {
        const struct tool *tool = &group->tools[i];
        struct compiled *compiled = &dispatch->tools[dispatch->count++];
        compiled->tool = tool;
        compiled->input = compile(tool, "inputSchema", tool->input_schema, error);
        compiled->output =
            compiled->input ? compile(tool, "outputSchema", tool->output_schema, error) : NULL;
        if (!compiled->output)
            return -1;
    }
    return 0;
}

struct dispatch *dispatch_open(struct store *store, struct error *error)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (dispatch)
        dispatch->tools = calloc(count_tools() + 1, sizeof *dispatch->tools);
    if (!dispatch || !dispatch->tools) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        dispatch_close(dispatch);
        return NULL;
    }
    dispatch->store = store;
    for (size_t g = 0; tool_groups[g]; g++) {
        if (add_group(dispatch, tool_groups[g], error) < 0) {
            dispatch_close(dispatch);
            return NULL;
        }
    }
    qsort(dispatch->tools, dispatch->count, sizeof *dispatch->tools, by_name);
    return dispatch;
}

void dispatch_close(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    for (size_t i = 0; i < dispatch->count; i++) {
        schema_free(dispatch->tools[i].input);
        schema_free(dispatch->tools[i].output);
    }
    free(dispatch->tools);
    free(dispatch);
}

void dispatch_check_results(struct dispatch *dispatch, bool check)
{
    dispatch->check_results = check;
}

/* A failed commit undoes the write: whoever waits for an answer must not be told that it stands.
 * The graph, which may be elsewhere, commits first: graph.h. */
static int end_transaction(struct store *store, struct tool_call *call, int result)
{
    if (result == 0 && graph_commit(store->graph, &call->error) == 0 &&
        records_commit(store->records, &call->error) == 0) {
        vectors_committed(store->vectors);
        return 0;
    }
    if (result == 0)
        tool_fail_tier(call);
    records_rollback(store->records);
    graph_rollback(store->graph);
    vectors_rolled_back(store->vectors);
    return -1;
}

static int run_locked(struct store *store, struct tool_call *call)
{
    bool writes = !(call->tool->flags & TOOL_READ_ONLY);
    pthread_mutex_lock(&store->lock);
    int result = 0;
    if (writes && records_begin(store->records, &call->error) < 0)
        result = tool_fail_tier(call);
    else {
        if (writes)
            graph_begin(store->graph);
        result = call->tool->run(call);
        if (writes)
            result = end_transaction(store, call, result);
    }
    struct error unwritten = {0}; /* counts: no call fails for want of them */
    if (writes && result == 0 && usage_is_due(store->usage))
        usage_flush(store->usage, &unwritten);
    pthread_mutex_unlock(&store->lock);
    return result;
}

static int check_result(const struct compiled *compiled, struct tool_call *call)
{
    char problem[512];
    if (schema_validate(compiled->output, call->structured, problem, sizeof problem))
        return 0;
    return tool_fail(call, "internal", "%s made a result that its outputSchema refuses: %s",
                     call->tool->name, problem);
}

int dispatch_call(struct dispatch *dispatch, const struct tool *tool, const json_t *arguments,
                  const char *client, struct tool_call *call)
{
    uint64_t began = clock_now_ns();
    char problem[512];
    struct compiled wanted = {.tool = tool};
    json_t *empty = arguments ? NULL : json_object();
    *call = (struct tool_call){
        .store = dispatch->store, .tool = tool, .arguments = arguments ? arguments : empty};
    const struct compiled *compiled =
        bsearch(&wanted, dispatch->tools, dispatch->count, sizeof *dispatch->tools, by_name);
    int result;
    if (!schema_validate(compiled->input, call->arguments, problem, sizeof problem))
        result = tool_fail(call, "invalid_argument", "%s: %s", tool->name, problem);
    else
        result = tool->flags & TOOL_PURE ? tool->run(call) : run_locked(dispatch->store, call);
    if (result == 0 && dispatch->check_results)
        result = check_result(compiled, call);
    if (result < 0) {
        dispatch_release(call);
        utf8_repair(call->error.text); /* it may quote an argument, cut anywhere */
    }
    usage_count(dispatch->store->usage, tool->name, client, result < 0 ? call->reason : NULL,
                clock_now_ns() - began);
    call->arguments = NULL;
    json_decref(empty);
    return result;
}

void dispatch_release(struct tool_call *call)
{
    json_decref(call->structured);
    json_decref(call->content);
    call->structured = call->content = NULL;
}
