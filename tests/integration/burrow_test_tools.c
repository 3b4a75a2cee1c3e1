/* A table of tools in place of the program's, so that the server is tested whatever tools there
 * are. */
#include "burrow/tools/tool.h"

#include <time.h>

static int run_echo(struct tool_call *call)
{
    call->structured = json_pack("{s:s}", "text", tool_text(call, "text", ""));
    return 0;
}

static int run_fail(struct tool_call *call)
{
    return tool_fail(call, "not_found", "there is nothing called that");
}

static int run_keep(struct tool_call *call)
{
    if (records_run(call->store->records, &call->error, "INSERT INTO memories(content) VALUES (?)",
                    "s", tool_text(call, "text", "")) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I}", "id", (json_int_t)records_last_id(call->store->records));
    return 0;
}

/* Keeps `steps` texts, a millisecond each: long enough to be heard of, and to be cancelled. */
static int run_count(struct tool_call *call)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    size_t steps = (size_t)tool_integer(call, "steps", 1);
    for (size_t done = 0; done < steps; done++) {
        if (records_run(call->store->records, &call->error,
                        "INSERT INTO memories(content) VALUES ('counted')", "") < 0)
            return tool_fail_tier(call);
        nanosleep(&millisecond, NULL);
        if (tool_progress(call, done + 1, steps) < 0)
            return -1;
    }
    call->structured = json_pack("{s:I}", "counted", (json_int_t)steps);
    return 0;
}

#define TEXT_INPUT                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":100000}},"   \
    "\"required\":[\"text\"],\"additionalProperties\":false,\"examples\":[{\"text\":\"hello\"}]}"

static const struct tool tools[] = {
    {.name = "count",
     .title = "Count",
     .description = "Keep many texts, and tell how far it is.",
     .category = "mem",
     .input_schema = "{\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"integer\","
                     "\"minimum\":1,\"maximum\":100000}},\"required\":[\"steps\"],"
                     "\"additionalProperties\":false,\"examples\":[{\"steps\":3}]}",
     .output_schema = "{\"type\":\"object\",\"properties\":{\"counted\":{\"type\":\"integer\"}},"
                      "\"required\":[\"counted\"]}",
     .run = run_count},
    {.name = "echo",
     .title = "Echo",
     .description = "Give a text back.",
     .category = "mem",
     .flags = TOOL_READ_ONLY | TOOL_PURE,
     .input_schema = TEXT_INPUT,
     .output_schema = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},"
                      "\"required\":[\"text\"]}",
     .run = run_echo},
    {.name = "fail",
     .title = "Fail",
     .description = "Fail, whatever is asked.",
     .category = "mem",
     .flags = TOOL_READ_ONLY | TOOL_PURE,
     .input_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"examples\":[{}]}",
     .output_schema = "{\"type\":\"object\"}",
     .run = run_fail},
    {.name = "keep",
     .title = "Keep",
     .description = "Keep a text among the memories.",
     .category = "mem",
     .input_schema = TEXT_INPUT,
     .output_schema = "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},"
                      "\"required\":[\"id\"]}",
     .run = run_keep},
};

static const char *const migrations[] = {
    "CREATE TABLE memories(id INTEGER PRIMARY KEY, content TEXT NOT NULL)", NULL};
static const struct tool_group group = {.name = "test",
                                        .migrations = migrations,
                                        .tools = tools,
                                        .count = sizeof tools / sizeof *tools};

const struct tool_group *const tool_groups[] = {&group, NULL};
