/* Telling the eras apart, by status and answer. */
#include "mcp/era.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the three above */
#include <cmocka.h>

static const char discovered[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}";
static const char other_result[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}";

static enum era_verdict judge(int status, const char *text)
{
    struct jsonrpc_message message;
    if (!text)
        return era_judge_probe(status, NULL);
    jsonrpc_scan(&message, text, strlen(text));
    return era_judge_probe(status, &message);
}

static enum era_verdict judge_code(int status, int code)
{
    char text[120];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"no\"}}",
             code);
    return judge(status, text);
}

static void over_stdio(void **state)
{
    static const int others[] = {-32601, -32602, -32600, -32700, -32603, -32000,
                                 -32002, -32001, 0,      1,      -32019, -32023};
    (void)state;
    assert_int_equal(judge(0, discovered), ERA_IS_MODERN);
    assert_int_equal(judge_code(0, -32022), ERA_IS_MODERN_OTHER);
    assert_int_equal(judge_code(0, -32020), ERA_IS_MODERN);
    assert_int_equal(judge_code(0, -32021), ERA_IS_MODERN);
    assert_int_equal(judge(0, NULL), ERA_IS_LEGACY); /* no answer in time */
    assert_int_equal(judge(0, other_result), ERA_IS_LEGACY);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(judge_code(0, others[i]), ERA_IS_LEGACY);
}

static void over_http(void **state)
{
    (void)state;
    assert_int_equal(judge(200, discovered), ERA_IS_MODERN);
    assert_int_equal(judge_code(400, -32022), ERA_IS_MODERN_OTHER);
    assert_int_equal(judge_code(400, -32020), ERA_IS_MODERN);
    assert_int_equal(judge_code(400, -32021), ERA_IS_MODERN);
    assert_int_equal(judge_code(404, -32601), ERA_IS_MODERN);
    assert_int_equal(judge_code(400, -32000), ERA_MAYBE_SSE);
    assert_int_equal(judge_code(400, -32601), ERA_MAYBE_SSE);
    assert_int_equal(judge_code(404, -32001), ERA_MAYBE_SSE);
    assert_int_equal(judge_code(200, -32601), ERA_IS_LEGACY);
    assert_int_equal(judge(400, NULL), ERA_MAYBE_SSE);
    assert_int_equal(judge(404, NULL), ERA_MAYBE_SSE);
    assert_int_equal(judge(405, NULL), ERA_MAYBE_SSE);
    assert_int_equal(judge(406, NULL), ERA_IS_LEGACY);
    assert_int_equal(judge(200, NULL), ERA_IS_LEGACY);
}

static void says_nothing(void **state)
{
    static const int statuses[] = {301, 302, 307, 401, 403, 407, 429, 500, 502, 503, 504};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        assert_int_equal(judge(statuses[i], NULL), ERA_SAYS_NOTHING);
        assert_int_equal(judge_code(statuses[i], -32001), ERA_SAYS_NOTHING);
    }
}

static void knows_the_revisions(void **state)
{
    (void)state;
    const struct mcp_revision *revision = mcp_revisions();
    assert_string_equal(revision->name, MCP_LATEST_MODERN);
    for (; revision[1].name; revision++)
        assert_true(strcmp(revision->name, revision[1].name) > 0); /* newest first */
    assert_null(mcp_revision_find("2025-01-01"));
    assert_true(mcp_revision_find("2025-03-26")->batches);
    assert_false(mcp_revision_find("2025-06-18")->batches);
    assert_false(mcp_revision_find("2025-03-26")->version_header);
    assert_true(mcp_revision_find("2025-06-18")->version_header);
    assert_true(mcp_revision_find("2025-11-25")->priming_events);
    assert_false(mcp_revision_find("2026-07-28")->priming_events);
    assert_false(mcp_revision_find("2024-11-05")->streamable_http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_stdio),
        cmocka_unit_test(over_http),
        cmocka_unit_test(says_nothing),
        cmocka_unit_test(knows_the_revisions),
    };
    return cmocka_run_group_tests_name("era", tests, NULL, NULL);
}
