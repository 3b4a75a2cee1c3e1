/* See tool_harness.h. */
#include "tool_harness.h"

#include "burrow/tiers/neo4j_client.h"
#include "burrow/tiers/redis_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void empty_redis(const char *url)
{
    static const struct redis_word flush = {"FLUSHDB", 7};
    struct redis_client client;
    struct resp_token reply;
    struct error error = {0};
    if (redis_client_open(&client, url, &error) < 0 ||
        redis_client_run(&client, &flush, 1, &reply, NULL, &error) < 0)
        fail_msg("%s", error.text);
    redis_client_close(&client);
}

static void empty_neo4j(const char *url)
{
    static const char *const cyphers[] = {"MATCH (n:BurrowNode) DETACH DELETE n",
                                          "MATCH (n:BurrowMemory) DELETE n"};
    struct neo4j_client client;
    struct error error = {0};
    if (neo4j_client_open(&client, url, &error) < 0 || neo4j_client_connect(&client, &error) < 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < 2; i++) {
        json_t *rows = neo4j_client_run(&client, cyphers[i], json_object(), &error);
        if (!rows)
            fail_msg("%s", error.text);
        json_decref(rows);
    }
    neo4j_client_close(&client);
}

struct store_options harness_options(size_t cache_limit_bytes)
{
    struct store_options options = {.folder = ":memory:",
                                    .redis_url = getenv("BURROW_TEST_REDIS"),
                                    .neo4j_url = getenv("BURROW_TEST_NEO4J"),
                                    .cache_limit_bytes = cache_limit_bytes};
    if (options.redis_url)
        empty_redis(options.redis_url);
    if (options.neo4j_url)
        empty_neo4j(options.neo4j_url);
    return options;
}

void harness_open(struct harness *harness)
{
    struct error error = {0};
    struct store_options options = harness_options(16 << 20);
    if (store_open(&harness->store, &options, &error) < 0)
        fail_msg("store: %s", error.text);
    harness->dispatch = dispatch_open(&harness->store, &error);
    if (!harness->dispatch)
        fail_msg("dispatch: %s", error.text);
    dispatch_check_results(harness->dispatch, true);
}

void harness_close(struct harness *harness)
{
    dispatch_close(harness->dispatch);
    store_close(&harness->store);
}

static int call_tool(struct harness *harness, const char *name, const char *arguments,
                     struct tool_call *call)
{
    const struct tool *tool = tool_find(name);
    json_error_t problem;
    json_t *parsed = json_loads(arguments, 0, &problem);
    if (!tool)
        fail_msg("there is no tool %s", name);
    if (!parsed)
        fail_msg("%s: arguments of the test: %s", name, problem.text);
    int result = dispatch_call(harness->dispatch, tool, parsed, "test", call);
    json_decref(parsed);
    return result;
}

json_t *harness_call(struct harness *harness, const char *tool, const char *arguments)
{
    struct tool_call call;
    if (call_tool(harness, tool, arguments, &call) < 0)
        fail_msg("%s %s: %s: %s", tool, arguments, call.reason, call.error.text);
    json_t *structured = json_incref(call.structured);
    dispatch_release(&call);
    return structured;
}

void harness_refused(struct harness *harness, const char *tool, const char *arguments,
                     const char *reason, const char *words)
{
    struct tool_call call;
    if (call_tool(harness, tool, arguments, &call) == 0)
        fail_msg("%s %s was accepted", tool, arguments);
    assert_string_equal(call.reason, reason);
    if (words && !strstr(call.error.text, words))
        fail_msg("%s: \"%s\" does not say %s", tool, call.error.text, words);
}

void harness_examples(struct harness *harness, const struct tool_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct tool *tool = &group->tools[i];
        json_t *schema = json_loads(tool->input_schema, 0, NULL);
        json_t *examples = json_object_get(schema, "examples"), *example;
        size_t index;
        if (json_array_size(examples) == 0)
            fail_msg("%s has no examples", tool->name);
        json_array_foreach(examples, index, example)
        {
            struct tool_call call;
            if (dispatch_call(harness->dispatch, tool, example, "test", &call) == 0)
                dispatch_release(&call);
            else if (strcmp(call.reason, "invalid_argument") == 0 ||
                     strcmp(call.reason, "internal") == 0)
                fail_msg("%s, example %zu: %s", tool->name, index, call.error.text);
        }
        json_decref(schema);
    }
}
