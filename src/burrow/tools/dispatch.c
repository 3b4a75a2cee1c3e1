/* See dispatch.h. */
#include "burrow/tools/dispatch.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "burrow/tiers/text_vectors.h"
#include "mcp/schema.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_LIMIT 4 /* a call is run again when it lacked vectors of texts */

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
    if (group->open && group->open(dispatch->store, error) < 0)
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

/* A result that could not be made, for want of memory, is none. */
static int run_tool(struct tool_call *call)
{
    int result = call->tool->run(call);
    if (result < 0 || call->structured)
        return result;
    error_set(&call->error, ERROR_INTERNAL, "out of memory for the result of %s", call->tool->name);
    return tool_fail_tier(call);
}

/* Under the store's lock. */
static int run_once(struct store *store, struct tool_call *call)
{
    bool writes = !(call->tool->flags & TOOL_READ_ONLY);
    int result;
    if (call->watch && call->watch->cancelled(call->watch->context))
        return tool_fail(call, "cancelled", "%s was cancelled before it began", call->tool->name);
    if ((writes ? records_begin(store->records, &call->error)
                : records_begin_reading(store->records, &call->error)) < 0)
        return tool_fail_tier(call);
    if (writes)
        graph_begin(store->graph);
    result = run_tool(call);
    bool again = vectors_want(store->vectors);
    if (writes)
        result = end_transaction(store, call, again ? -1 : result);
    else
        records_end_reading(store->records);
    store_do_later(store, result == 0 && !again);
    struct error unwritten = {0}; /* counts: no call fails for want of them */
    if (writes && result == 0 && usage_is_due(store->usage))
        usage_flush(store->usage, &unwritten);
    return result;
}

/* As if the call had not been run: what it found without some vectors means nothing. */
static void begin_anew(struct tool_call *call)
{
    dispatch_release(call);
    call->reason = NULL;
    call->error = (struct error){0};
}

/* The vectors that the call lacked, fetched while others use the store. */
static int fetch_wanted(struct store *store, struct vectors_wanted *wanted, struct tool_call *call)
{
    int result = wanted ? vectors_wanted_fetch(wanted, &call->error)
                        : error_set(&call->error, ERROR_INTERNAL, "out of memory");
    if (result < 0 && call->error.code == ERROR_USAGE)
        return tool_fail(call, "too_large", "more than %d texts to embed in one call; split it",
                         TEXT_VECTORS_WANTED);
    if (result < 0)
        return tool_fail_tier(call);
    pthread_mutex_lock(&store->lock);
    vectors_wanted_keep(store->vectors, wanted);
    return 0;
}

static int run_locked(struct store *store, struct tool_call *call)
{
    pthread_mutex_lock(&store->lock);
    for (unsigned round = 0;; round++) {
        int result = run_once(store, call);
        if (!vectors_want(store->vectors)) {
            pthread_mutex_unlock(&store->lock);
            return result;
        }
        struct vectors_wanted *wanted = vectors_wanted_take(store->vectors);
        pthread_mutex_unlock(&store->lock);
        begin_anew(call);
        result = round < ROUNDS_LIMIT
                     ? fetch_wanted(store, wanted, call)
                     : tool_fail(call, "tier_unavailable",
                                 "the texts that %s needs embedded change faster than they can be; "
                                 "try again",
                                 call->tool->name);
        vectors_wanted_free(wanted);
        if (result < 0)
            return -1;
    }
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
    return dispatch_call_watched(dispatch, tool, arguments, client, NULL, call);
}

int dispatch_call_watched(struct dispatch *dispatch, const struct tool *tool,
                          const json_t *arguments, const char *client,
                          const struct tool_watch *watch, struct tool_call *call)
{
    uint64_t began = clock_now_ns();
    char problem[512];
    struct compiled wanted = {.tool = tool};
    json_t *empty = arguments ? NULL : json_object();
    *call = (struct tool_call){.store = dispatch->store,
                               .tool = tool,
                               .arguments = arguments ? arguments : empty,
                               .watch = watch};
    const struct compiled *compiled =
        bsearch(&wanted, dispatch->tools, dispatch->count, sizeof *dispatch->tools, by_name);
    int result;
    if (!schema_validate(compiled->input, call->arguments, problem, sizeof problem))
        result = tool_fail(call, "invalid_argument", "%s: %s", tool->name, problem);
    else
        result = tool->flags & TOOL_PURE ? run_tool(call) : run_locked(dispatch->store, call);
    if (result == 0 && dispatch->check_results)
        result = check_result(compiled, call);
    if (result < 0) {
        dispatch_release(call);
        utf8_repair(call->error.text); /* it may quote an argument, cut anywhere */
    }
    usage_count(dispatch->store->usage, tool->name, client, result < 0 ? call->reason : NULL,
                clock_now_ns() - began);
    call->arguments = NULL;
    call->watch = NULL;
    json_decref(empty);
    return result;
}

void dispatch_release(struct tool_call *call)
{
    json_decref(call->structured);
    json_decref(call->content);
    call->structured = call->content = NULL;
}
