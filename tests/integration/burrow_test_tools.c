/* A table of tools in place of the program's, so that the server is tested whatever tools there
 * are. */
#include "burrow/tools/tool.h"

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

#define TEXT_INPUT                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":100000}},"   \
    "\"required\":[\"text\"],\"additionalProperties\":false,\"examples\":[{\"text\":\"hello\"}]}"

static const struct tool tools[] = {
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
static const struct tool_group group = {"test", migrations, tools, sizeof tools / sizeof *tools};

const struct tool_group *const tool_groups[] = {&group, NULL};
