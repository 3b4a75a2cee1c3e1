/* The judgement of answers: exactly one outcome each; and our answers to a server's questions. */
#include "mcp/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

static struct mcp_tool tool_with_output(const char *schema)
{
    struct error error;
    json_t *document = json_loads(schema, 0, NULL);
    struct mcp_tool tool = {.name = "t", .output = schema_compile(document, &error)};
    assert_non_null(tool.output);
    json_decref(document);
    return tool;
}

static char text[512];

static struct outcome judge(const char *answer, const char *revision, const char *method,
                            const struct mcp_tool *tool)
{
    struct jsonrpc_message message;
    jsonrpc_scan(&message, answer, strlen(answer));
    memset(text, 'x', sizeof text);
    struct outcome outcome =
        mcp_answer_judge(&message, mcp_revision_find(revision), method, tool, text, sizeof text);
    assert_true(memchr(text, '\0', sizeof text) != NULL);
    assert_true((outcome.kind == OUTCOME_OK) == (text[0] == '\0'));
    return outcome;
}

static const struct {
    const char *revision, *method, *result;
    enum outcome_kind kind;
    const char *detail;
} results[] = {
    {"2026-07-28", "tools/call", "{\"resultType\":\"complete\",\"content\":[]}", OUTCOME_OK, NULL},
    {"2026-07-28", "tools/call", "{\"content\":[]}", OUTCOME_OK, NULL},
    {"2026-07-28", "tools/call", "{\"resultType\":\"comple\\u0074e\",\"content\":[]}", OUTCOME_OK,
     NULL},
    {"2026-07-28", "tools/call", "{\"resultType\":\"task\",\"content\":[]}",
     OUTCOME_PROTOCOL_VIOLATION, "unknown_result_type"},
    {"2026-07-28", "tools/call", "{\"resultType\":null,\"content\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "unknown_result_type"},
    {"2026-07-28", "tools/call", "{\"resultType\":\"\",\"content\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "unknown_result_type"},
    {"2025-11-25", "tools/call", "{\"resultType\":\"task\",\"content\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "tools/call", "{\"resultType\":\"input_required\",\"content\":[]}", OUTCOME_OK,
     NULL},
    {"2026-07-28", "tools/call", "{\"resultType\":\"input_required\",\"requestState\":\"\"}",
     OUTCOME_INPUT_REQUIRED, NULL},
    {"2026-07-28", "prompts/get", "{\"resultType\":\"input_required\",\"inputRequests\":{}}",
     OUTCOME_INPUT_REQUIRED, NULL},
    {"2026-07-28", "resources/read", "{\"resultType\":\"input_required\",\"inputRequests\":{}}",
     OUTCOME_INPUT_REQUIRED, NULL},
    {"2026-07-28", "tools/list", "{\"resultType\":\"input_required\",\"requestState\":\"x\"}",
     OUTCOME_PROTOCOL_VIOLATION, "unexpected_input_required"},
    {"2026-07-28", "tools/call", "{\"resultType\":\"input_required\"}", OUTCOME_PROTOCOL_VIOLATION,
     "empty_input_required"},
    {"2026-07-28", "tools/call", "{\"resultType\":\"input_required\",\"inputRequests\":[]}",
     OUTCOME_PROTOCOL_VIOLATION, "malformed_input_required"},
    {"2026-07-28", "tools/call", "{\"resultType\":\"input_required\",\"requestState\":7}",
     OUTCOME_PROTOCOL_VIOLATION, "malformed_input_required"},
    {"2025-11-25", "tools/call", "{}", OUTCOME_PROTOCOL_VIOLATION, "missing_content"},
    {"2025-11-25", "tools/call", "{\"content\":{}}", OUTCOME_PROTOCOL_VIOLATION, "missing_content"},
    {"2025-11-25", "tools/call", "{\"content\":[],\"isError\":1}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_is_error"},
    {"2025-11-25", "tools/call", "{\"content\":[],\"isError\":true}", OUTCOME_TOOL_ERROR, NULL},
    {"2025-11-25", "tools/call", "{\"isError\":true}", OUTCOME_TOOL_ERROR, NULL},
    {"2025-11-25", "tools/call", "{\"content\":[],\"isError\":false}", OUTCOME_OK, NULL},
    {"2025-11-25", "tools/call", "null", OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
    {"2025-11-25", "tools/call", "\"done\"", OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
    {"2025-11-25", "tools/call", "[]", OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
    {"2025-11-25", "ping", "{}", OUTCOME_OK, NULL},
    {"2025-11-25", "ping", "{\"isError\":true}", OUTCOME_OK, NULL},
    {"2025-11-25", "tools/list", "{\"tools\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "tools/list", "{}", OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
    {"2025-11-25", "tools/list", "{\"tools\":{}}", OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
    {"2025-11-25", "resources/list", "{\"resources\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "resources/list", "{\"tools\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_result"},
    {"2025-11-25", "resources/templates/list", "{\"resourceTemplates\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "resources/read", "{\"contents\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "resources/read", "{\"content\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_result"},
    {"2025-11-25", "prompts/list", "{\"prompts\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "prompts/get", "{\"messages\":[]}", OUTCOME_OK, NULL},
    {"2025-11-25", "prompts/get", "{\"messages\":null}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_result"},
    {"2025-11-25", "completion/complete", "{\"completion\":{\"values\":[]}}", OUTCOME_OK, NULL},
    {"2025-11-25", "completion/complete", "{\"completion\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_result"},
    {"2026-07-28", "server/discover", "{\"supportedVersions\":[],\"capabilities\":{}}", OUTCOME_OK,
     NULL},
    {"2026-07-28", "server/discover", "{\"supportedVersions\":[]}", OUTCOME_PROTOCOL_VIOLATION,
     "malformed_result"},
    {"2025-11-25", "initialize",
     "{\"protocolVersion\":\"x\",\"capabilities\":{},\"serverInfo\":{}}", OUTCOME_OK, NULL},
    {"2025-11-25", "initialize", "{\"protocolVersion\":\"x\",\"capabilities\":{}}",
     OUTCOME_PROTOCOL_VIOLATION, "malformed_result"},
};

static void judges_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        char answer[400];
        snprintf(answer, sizeof answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
                 results[i].result);
        struct outcome outcome = judge(answer, results[i].revision, results[i].method, NULL);
        const char *detail = outcome.detail ? outcome.detail : "";
        if (outcome.kind != results[i].kind ||
            strcmp(detail, results[i].detail ? results[i].detail : "") != 0)
            fail_msg("%s %s %s: %s %s (%s)", results[i].revision, results[i].method,
                     results[i].result, outcome_kind_name(outcome.kind), detail, text);
    }
}

static void judges_what_is_no_result(void **state)
{
    struct outcome outcome;
    (void)state;
    outcome = judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":"
                    "\"bad \\\"x\\\"\"}}",
                    "2025-11-25", "tools/call", NULL);
    assert_int_equal(outcome.kind, OUTCOME_JSONRPC_ERROR);
    assert_int_equal(outcome.code, -32602);
    assert_string_equal(text, "error -32602: bad \"x\"");
    outcome = judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":99999999999,\"message\":"
                    "\"m\"}}",
                    "2025-11-25", "tools/call", NULL);
    assert_int_equal(outcome.kind, OUTCOME_JSONRPC_ERROR);
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(text, "99999999999"));
    outcome = judge("{\"jsonrpc\":", "2025-11-25", "ping", NULL);
    assert_string_equal(outcome.detail, "malformed_json");
    outcome = judge("{}", "2025-11-25", "ping", NULL);
    assert_string_equal(outcome.detail, "invalid_jsonrpc");
    outcome = judge("[{}]", "2025-11-25", "ping", NULL);
    assert_string_equal(outcome.detail, "unexpected_batch");
    outcome = judge("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "2025-11-25", "ping", NULL);
    assert_string_equal(outcome.detail, "unexpected_message");
    assert_int_equal(outcome.kind, OUTCOME_PROTOCOL_VIOLATION);
}

static void quotes_the_tool_s_own_words(void **state)
{
    (void)state;
    judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"content\":[{\"type\":"
          "\"image\",\"text\":\"no\"},{\"type\":\"text\",\"text\":\"it \\u0062roke\\n\"},"
          "{\"type\":\"text\",\"text\":\"twice\"}]}}",
          "2025-11-25", "tools/call", NULL);
    assert_string_equal(text, "it broke\n");
    judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"content\":[{}]}}",
          "2025-11-25", "tools/call", NULL);
    assert_non_null(strstr(text, "without a text"));
    judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"content\":[{\"type\":"
          "\"text\",\"text\":\"\"}]}}",
          "2025-11-25", "tools/call", NULL);
    assert_non_null(strstr(text, "without a text"));
    char answer[2000], words[1500];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    snprintf(answer, sizeof answer,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"content\":[{\"type\":"
             "\"text\",\"text\":\"%s\"}]}}",
             words);
    judge(answer, "2025-11-25", "tools/call", NULL);
    assert_int_equal(strlen(text), sizeof text - 1);
}

/* ---- outputSchema ------------------------------------------------------------------------------
 */

static void checks_structured_content_of_any_type(void **state)
{
    static const struct {
        const char *schema, *content;
        enum outcome_kind kind;
    } cases[] = {
        {"{\"type\":\"object\",\"required\":[\"a\"]}", "{\"a\":1}", OUTCOME_OK},
        {"{\"type\":\"object\",\"required\":[\"a\"]}", "{}", OUTCOME_SCHEMA_VIOLATION},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[1,2]", OUTCOME_OK},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]",
         OUTCOME_SCHEMA_VIOLATION},
        {"{\"type\":\"string\"}", "\"x\"", OUTCOME_OK},
        {"{\"type\":\"string\"}", "1", OUTCOME_SCHEMA_VIOLATION},
        {"{\"type\":\"number\"}", "1.5", OUTCOME_OK},
        {"{\"type\":\"boolean\"}", "false", OUTCOME_OK},
        {"{\"type\":\"null\"}", "null", OUTCOME_OK},
        {"{\"type\":\"null\"}", "0", OUTCOME_SCHEMA_VIOLATION},
        {"{}", "\"\\ud800\"", OUTCOME_SCHEMA_VIOLATION}, /* no program can hold it */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mcp_tool tool = tool_with_output(cases[i].schema);
        char answer[300];
        snprintf(answer, sizeof answer,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],"
                 "\"structuredContent\":%s}}",
                 cases[i].content);
        struct outcome outcome = judge(answer, "2026-07-28", "tools/call", &tool);
        if (outcome.kind != cases[i].kind)
            fail_msg("%s against %s: %s", cases[i].content, cases[i].schema,
                     outcome_kind_name(outcome.kind));
        schema_free(tool.output);
    }
}

static void wants_structured_content_where_promised(void **state)
{
    static const char bare[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}";
    static const char failed[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],\"isError\":true}}";
    struct mcp_tool tool = tool_with_output("{\"type\":\"object\"}");
    struct mcp_tool plain = {.name = "p"};
    (void)state;
    struct outcome outcome = judge(bare, "2025-11-25", "tools/call", &tool);
    assert_int_equal(outcome.kind, OUTCOME_SCHEMA_VIOLATION);
    assert_string_equal(outcome.detail, "missing_structured_content");
    assert_int_equal(judge(failed, "2025-11-25", "tools/call", &tool).kind, OUTCOME_TOOL_ERROR);
    assert_int_equal(judge(bare, "2025-11-25", "tools/call", &plain).kind, OUTCOME_OK);
    /* before 2025-06-18 there is no such thing */
    assert_int_equal(judge(bare, "2025-03-26", "tools/call", &tool).kind, OUTCOME_OK);
    schema_free(tool.output);
}

/* ---- questions ---------------------------------------------------------------------------------
 */

static json_t *load(const char *json)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static json_t *elicit(const char *requested_schema)
{
    json_t *params =
        json_pack("{s:s, s:o}", "message", "m", "requestedSchema", load(requested_schema));
    json_t *answer = mcp_answer_server_request("elicitation/create", params);
    json_decref(params);
    assert_non_null(answer);
    return answer;
}

/* What the conformance scenario elicitation-sep1034-client-defaults asks for. */
static void elicitation_sends_the_defaults(void **state)
{
    (void)state;
    json_t *answer =
        elicit("{\"type\":\"object\",\"properties\":{"
               "\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},"
               "\"age\":{\"type\":\"integer\",\"default\":30},"
               "\"score\":{\"type\":\"number\",\"default\":95.5},"
               "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\"],\"default\":"
               "\"active\"},"
               "\"verified\":{\"type\":\"boolean\",\"default\":true}},\"required\":[]}");
    json_t *expected = load("{\"action\":\"accept\",\"content\":{\"name\":\"John Doe\",\"age\":30,"
                            "\"score\":95.5,\"status\":\"active\",\"verified\":true}}");
    assert_true(json_equal(answer, expected));
    json_decref(expected);
    json_decref(answer);
}

/* Every form that any revision allows; the content has to be valid against it. */
static void elicitation_fills_every_form(void **state)
{
    static const char *const properties[] = {
        "{\"type\":\"string\"}",
        "{\"type\":\"string\",\"title\":\"T\",\"minLength\":3,\"maxLength\":5}",
        "{\"type\":\"string\",\"format\":\"email\"}",
        "{\"type\":\"string\",\"format\":\"uri\"}",
        "{\"type\":\"string\",\"format\":\"date\"}",
        "{\"type\":\"string\",\"format\":\"date-time\"}",
        "{\"type\":\"number\",\"minimum\":0,\"maximum\":100}",
        "{\"type\":\"integer\",\"minimum\":18}",
        "{\"type\":\"boolean\"}",
        "{\"type\":\"string\",\"enum\":[\"Red\",\"Green\"]}",
        "{\"type\":\"string\",\"enum\":[\"r\",\"g\"],\"enumNames\":[\"Red\",\"Green\"]}",
        "{\"type\":\"string\",\"oneOf\":[{\"const\":\"#F00\",\"title\":\"Red\"},{\"const\":"
        "\"#0F0\",\"title\":\"Green\"}]}",
        "{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"string\","
        "\"enum\":[\"Red\",\"Green\",\"Blue\"]}}",
        "{\"type\":\"array\",\"minItems\":1,\"items\":{\"anyOf\":[{\"const\":\"#F00\"},"
        "{\"const\":\"#0F0\"}]},\"default\":[\"#0F0\"]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        char form[500], problem[200];
        struct error error;
        snprintf(form, sizeof form,
                 "{\"type\":\"object\",\"properties\":{\"p\":%s},\"required\":[\"p\"]}",
                 properties[i]);
        json_t *answer = elicit(form), *document = load(form);
        struct schema *schema = schema_compile(document, &error);
        assert_string_equal(json_string_value(json_object_get(answer, "action")), "accept");
        if (!schema_validate(schema, json_object_get(answer, "content"), problem, sizeof problem))
            fail_msg("%s: %s", form, problem);
        schema_free(schema);
        json_decref(document);
        json_decref(answer);
    }
}

static void declines_what_it_cannot_fill(void **state)
{
    static const char *const params[] = {
        "{\"mode\":\"url\",\"url\":\"https://example.org\",\"message\":\"m\"}",
        "{\"message\":\"m\"}",
        "{\"message\":\"m\",\"requestedSchema\":7}",
        "{\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"a\":"
        "{\"type\":\"nothing\"}}}}",
        "{\"message\":\"m\",\"requestedSchema\":{\"type\":\"string\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        json_t *value = load(params[i]);
        json_t *answer = mcp_answer_server_request("elicitation/create", value);
        assert_string_equal(json_string_value(json_object_get(answer, "action")), "decline");
        assert_null(json_object_get(answer, "content"));
        json_decref(answer);
        json_decref(value);
    }
}

/* A default that breaks its own schema must not be sent. */
static void a_bad_default_gives_way(void **state)
{
    (void)state;
    json_t *answer = elicit("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
                            "\"default\":\"seven\"}},\"required\":[\"n\"]}");
    assert_true(json_is_integer(json_object_get(json_object_get(answer, "content"), "n")));
    json_decref(answer);
}

static void answers_the_other_questions(void **state)
{
    (void)state;
    json_t *answer = mcp_answer_server_request("sampling/createMessage", NULL);
    assert_string_equal(json_string_value(json_object_get(answer, "role")), "assistant");
    assert_non_null(json_object_get(answer, "model"));
    assert_non_null(json_object_get(answer, "stopReason"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(answer, "content"), "type")), "text");
    json_decref(answer);
    answer = mcp_answer_server_request("roots/list", NULL);
    assert_true(json_is_array(json_object_get(answer, "roots")));
    json_decref(answer);
    answer = mcp_answer_server_request("ping", NULL);
    assert_int_equal(json_object_size(answer), 0);
    json_decref(answer);
    assert_null(mcp_answer_server_request("tasks/list", NULL));
}

static char *answer_text(const char *request)
{
    struct jsonrpc_message message;
    assert_int_equal(jsonrpc_scan(&message, request, strlen(request)), JSONRPC_REQUEST);
    return mcp_answer_server_request_text(&message);
}

static void answers_requests_under_their_own_id(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0062\",\"method\":\"ping\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0062\",\"result\":{}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.50,\"method\":\"pi\\u006eg\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":1.50,\"result\":{}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"none/such\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32601,\"message\":\"method not "
         "found\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"elicitation/create\",\"params\":{\"mode\":"
         "\"url\"}}",
         "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32602,\"message\":\"only elicitation "
         "in form mode is declared\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer = answer_text(cases[i].request);
        assert_string_equal(answer, cases[i].answer);
        free(answer);
    }
}

/* ---- multi round-trip requests -----------------------------------------------------------------
 */

static void retries_with_the_same_params_and_answers(void **state)
{
    struct error error;
    (void)state;
    json_t *params = load("{\"name\":\"t\",\"arguments\":{\"a\":1},\"_meta\":{\"m\":2},"
                          "\"inputResponses\":{\"old\":{}},\"requestState\":\"old\"}");
    json_t *before = json_deep_copy(params);
    json_t *asked =
        load("{\"inputRequests\":{\"r\":{\"method\":\"roots/list\"},\"s\":{\"method\":"
             "\"sampling/createMessage\",\"params\":{}}},\"requestState\":\"\\u00e9 x\"}");
    json_t *retry = mcp_answer_inputs(params, asked, &error);
    assert_non_null(retry);
    assert_true(
        json_equal(json_object_get(retry, "arguments"), json_object_get(params, "arguments")));
    assert_true(json_equal(json_object_get(retry, "_meta"), json_object_get(params, "_meta")));
    assert_string_equal(json_string_value(json_object_get(retry, "requestState")), "\xc3\xa9 x");
    json_t *responses = json_object_get(retry, "inputResponses");
    assert_int_equal(json_object_size(responses), 2);
    assert_non_null(json_object_get(json_object_get(responses, "r"), "roots"));
    assert_non_null(json_object_get(json_object_get(responses, "s"), "model"));
    assert_true(json_equal(params, before)); /* borrowed, not changed */
    json_decref(retry);
    json_decref(asked);

    asked = load("{\"requestState\":\"only\"}");
    retry = mcp_answer_inputs(params, asked, &error);
    assert_null(json_object_get(retry, "inputResponses"));
    assert_string_equal(json_string_value(json_object_get(retry, "requestState")), "only");
    json_decref(retry);
    json_decref(asked);

    asked = load("{\"inputRequests\":{}}");
    retry = mcp_answer_inputs(params, asked, &error);
    assert_null(json_object_get(retry, "requestState")); /* never one that was not given */
    assert_int_equal(json_object_size(json_object_get(retry, "inputResponses")), 0);
    json_decref(retry);
    json_decref(asked);
    json_decref(before);
    json_decref(params);
}

static void refuses_unknown_questions(void **state)
{
    static const char *const asked[] = {
        "{\"inputRequests\":{\"a\":{\"method\":\"tools/call\"}}}",
        "{\"inputRequests\":{\"a\":{\"method\":\"ping\"}}}",
        "{\"inputRequests\":{\"a\":{}}}",
        "{\"inputRequests\":{\"a\":7}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct error error = {0};
        json_t *result = load(asked[i]);
        assert_null(mcp_answer_inputs(NULL, result, &error));
        assert_non_null(strstr(error.text, "inputRequests/a"));
        json_decref(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_results),
        cmocka_unit_test(judges_what_is_no_result),
        cmocka_unit_test(quotes_the_tool_s_own_words),
        cmocka_unit_test(checks_structured_content_of_any_type),
        cmocka_unit_test(wants_structured_content_where_promised),
        cmocka_unit_test(elicitation_sends_the_defaults),
        cmocka_unit_test(elicitation_fills_every_form),
        cmocka_unit_test(declines_what_it_cannot_fill),
        cmocka_unit_test(a_bad_default_gives_way),
        cmocka_unit_test(answers_the_other_questions),
        cmocka_unit_test(answers_requests_under_their_own_id),
        cmocka_unit_test(retries_with_the_same_params_and_answers),
        cmocka_unit_test(refuses_unknown_questions),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
