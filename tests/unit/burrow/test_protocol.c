/* The protocol of both eras, over a table of tools of its own: it takes the place of the program's.
 * Every answer is held against the schema of its revision. */
#include "burrow/server/protocol.h"
#include "burrow/server/sessions.h"
#include "burrow/server/subscriptions.h"
#include "mcp/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- tools --- */

/* As a tool does that has no memory left for it. */
static bool is_without_result(const struct tool_call *call)
{
    return strcmp(tool_text(call, "text", ""), "no result") == 0;
}

static int run_echo(struct tool_call *call)
{
    if (is_without_result(call))
        return 0;
    call->structured = json_pack("{s:s}", "text", tool_text(call, "text", ""));
    return 0;
}

static int run_fail(struct tool_call *call)
{
    return tool_fail(call, "not_found", "there is no \"thing\"");
}

static int run_picture(struct tool_call *call)
{
    call->structured = json_pack("{s:i}", "width", 1);
    call->content =
        json_pack("[{s:s, s:s, s:s}]", "type", "image", "data", "AAAA", "mimeType", "image/png");
    return 0;
}

static int run_keep(struct tool_call *call)
{
    int64_t changed =
        records_run(call->store->records, &call->error, "INSERT INTO memories(content) VALUES (?)",
                    "s", tool_text(call, "text", ""));
    if (changed < 0)
        return tool_fail_tier(call);
    if (strcmp(tool_text(call, "text", ""), "undo") == 0)
        return tool_fail(call, "conflict", "undone");
    if (is_without_result(call))
        return 0;
    call->structured = json_pack("{s:I}", "id", (json_int_t)records_last_id(call->store->records));
    return 0;
}

#define TEXT_INPUT                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"A "      \
    "text.\"}},"                                                                                   \
    "\"required\":[\"text\"],\"additionalProperties\":false,\"examples\":[{\"text\":\"hello\"}]}"
#define NO_INPUT   "{\"type\":\"object\",\"additionalProperties\":false}"
#define ANY_OUTPUT "{\"type\":\"object\"}"

static const struct tool some_tools[] = {
    {"echo", "Echo", "Give back.", "mem", TOOL_PURE | TOOL_READ_ONLY, TEXT_INPUT, ANY_OUTPUT,
     run_echo},
    {"fail", "Fail", "Fail.", "mem", TOOL_PURE | TOOL_READ_ONLY, NO_INPUT, ANY_OUTPUT, run_fail},
    {"picture", "Picture", "An image.", "dia", TOOL_PURE, NO_INPUT, ANY_OUTPUT, run_picture},
    {"wipe", "Wipe", "Wipe.", "mem", TOOL_DESTRUCTIVE, NO_INPUT, ANY_OUTPUT, run_picture},
    {"keep", "Keep", "Keep a text.", "mem", 0, TEXT_INPUT, ANY_OUTPUT, run_keep},
};

#define MANY 60 /* more than a page of tools/list */
static char names[MANY][16];
static struct tool many_tools[MANY];
static const char *const tables[] = {
    "CREATE TABLE memories(id INTEGER PRIMARY KEY, content TEXT)",
    "CREATE TABLE diagrams(id INTEGER PRIMARY KEY, title TEXT, text TEXT)", NULL};
static const struct tool_group some = {
    .name = "some", .migrations = tables, .tools = some_tools, .count = 5};
static const struct tool_group many = {
    .name = "many", .migrations = NULL, .tools = many_tools, .count = MANY};
const struct tool_group *const tool_groups[] = {&some, &many, NULL};

static void name_many(void)
{
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "many_%02zu", i);
        many_tools[i] = some_tools[1];
        many_tools[i].name = names[i];
    }
}

/* --- the fixture --- */

struct fixture {
    struct store store;
    struct service *service;
    json_t *schemas[2]; /* legacy, modern: whole documents */
    const struct mcp_revision *revision;
    bool http;
    const char *version, *method, *name; /* headers */
    int status;
    struct protocol_answer last;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct error error = {0};
    struct store_options options = {.folder = ":memory:", .cache_limit_bytes = 1 << 20};
    name_many();
    memset(&fixture, 0, sizeof fixture);
    if (store_open(&fixture.store, &options, &error) < 0)
        fail_msg("%s", error.text);
    fixture.service = service_open(&fixture.store, &error);
    if (!fixture.service)
        fail_msg("%s", error.text);
    fixture.schemas[0] = json_load_file(MCP_SCHEMA_DIR "/2025-11-25.json", 0, NULL);
    fixture.schemas[1] = json_load_file(MCP_SCHEMA_DIR "/2026-07-28.json", 0, NULL);
    assert_non_null(fixture.schemas[0]);
    assert_non_null(fixture.schemas[1]);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    protocol_answer_free(&fixture->last);
    json_decref(fixture->schemas[0]);
    json_decref(fixture->schemas[1]);
    service_close(fixture->service);
    store_close(&fixture->store);
    return 0;
}

static json_t *ask(struct fixture *fixture, const char *message)
{
    struct protocol_context context = {.http = fixture->http,
                                       .version_header = fixture->version,
                                       .method_header = fixture->method,
                                       .name_header = fixture->name,
                                       .revision = fixture->revision};
    protocol_answer_free(&fixture->last);
    protocol_answer(fixture->service, &context, message, strlen(message), &fixture->last);
    fixture->status = fixture->last.status;
    if (buffer_length(&fixture->last.text) == 0)
        return NULL;
    json_t *answer = json_loadb(buffer_bytes(&fixture->last.text),
                                buffer_length(&fixture->last.text), JSON_REJECT_DUPLICATES, NULL);
    if (!answer)
        fail_msg("no JSON: %.*s", (int)buffer_length(&fixture->last.text),
                 buffer_bytes(&fixture->last.text));
    return answer;
}

#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

static json_t *ask_modern(struct fixture *fixture, const char *method, const char *more)
{
    char message[4096];
    snprintf(message, sizeof message,
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{" META "%s%s}}", method,
             *more ? "," : "", more);
    return ask(fixture, message);
}

static json_t *ask_legacy(struct fixture *fixture, const char *method, const char *params)
{
    char message[4096];
    snprintf(message, sizeof message, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"%s\"%s%s}",
             method, *params ? ",\"params\":" : "", params);
    return ask(fixture, message);
}

/* The result of an answer must fit `type` of the revision's schema. */
static void fits(struct fixture *fixture, int modern, json_t *value, const char *type)
{
    char problem[512], reference[64];
    struct error error = {0};
    json_t *document = json_copy(fixture->schemas[modern]);
    snprintf(reference, sizeof reference, "#/$defs/%s", type);
    json_object_set_new(document, "$ref", json_string(reference));
    struct schema *schema = schema_compile(document, &error);
    if (!schema)
        fail_msg("%s: %s", type, error.text);
    if (!schema_validate(schema, value, problem, sizeof problem)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("no %s: %s\n%s", type, problem, text);
    }
    schema_free(schema);
    json_decref(document);
}

static void fails_with(struct fixture *fixture, json_t *answer, int code, int status)
{
    json_t *error = json_object_get(answer, "error");
    if (!error)
        fail_msg("no error %d", code);
    assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
    assert_int_equal(fixture->status, status);
    fits(fixture, 1, answer, "JSONRPCErrorResponse");
    if (code == RPC_UNSUPPORTED_VERSION)
        fits(fixture, 1, answer, "UnsupportedProtocolVersionError");
    if (code == RPC_HEADER_MISMATCH)
        fits(fixture, 1, answer, "HeaderMismatchError");
    json_decref(answer);
}

static json_t *result_of(json_t *answer)
{
    json_t *result = json_object_get(answer, "result");
    if (!result)
        fail_msg("no result: %s", json_dumps(answer, 0));
    return result;
}

/* --- messages that are none --- */

static void malformed(void **state)
{
    struct fixture *fixture = *state;
    fails_with(fixture, ask(fixture, "{"), RPC_PARSE_ERROR, 400);
    fails_with(fixture, ask(fixture, "\xff"), RPC_PARSE_ERROR, 400);
    fails_with(fixture, ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}"),
               RPC_PARSE_ERROR, 400);
    fails_with(fixture, ask(fixture, "{}"), RPC_INVALID_REQUEST, 400);
    fails_with(fixture, ask(fixture, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}"),
               RPC_INVALID_REQUEST, 400);
    fails_with(fixture, ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":1}"), RPC_INVALID_REQUEST, 400);
    fails_with(fixture, ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"),
               RPC_INVALID_REQUEST, 400);
    fails_with(fixture,
               ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}"),
               RPC_INVALID_PARAMS, 400);
    fails_with(fixture, ask(fixture, "[]"), RPC_INVALID_REQUEST, 400);
    assert_null(ask(fixture, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
    assert_int_equal(fixture->status, 202);
    assert_null(ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
    assert_int_equal(fixture->status, 202);
}

/* --- modern --- */

static void modern_results(void **state)
{
    static const struct {
        const char *method, *params, *type;
    } cases[] = {
        {"server/discover", "", "DiscoverResult"},
        {"tools/list", "", "ListToolsResult"},
        {"tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"a\\\"b\\n\"}",
         "CallToolResult"},
        {"tools/call", "\"name\":\"picture\"", "CallToolResult"},
        {"tools/call", "\"name\":\"fail\"", "CallToolResult"},
        {"tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"first\"}", "CallToolResult"},
        {"resources/list", "", "ListResourcesResult"},
        {"resources/read", "\"uri\":\"memory://1\"", "ReadResourceResult"},
        {"resources/templates/list", "", "ListResourceTemplatesResult"},
        {"prompts/list", "", "ListPromptsResult"},
        {"prompts/get", "\"name\":\"recall\",\"arguments\":{\"topic\":\"bees\"}",
         "GetPromptResult"},
        {"prompts/get", "\"name\":\"explain_tool\",\"arguments\":{\"tool\":\"echo\"}",
         "GetPromptResult"},
        {"completion/complete",
         "\"ref\":{\"type\":\"ref/"
         "prompt\",\"name\":\"explain_tool\"},\"argument\":{\"name\":\"tool\",\"value\":\"ec\"}",
         "CompleteResult"},
        {"completion/complete",
         "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"memory://"
         "{id}\"},\"argument\":{\"name\":\"id\",\"value\":\"1\"}",
         "CompleteResult"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = ask_modern(fixture, cases[i].method, cases[i].params);
        fits(fixture, 1, result_of(answer), cases[i].type);
        assert_string_equal(json_string_value(json_object_get(result_of(answer), "resultType")),
                            "complete");
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), 7);
        assert_int_equal(fixture->status, 200);
        json_decref(answer);
    }
}

static void modern_refusals(void **state)
{
    struct fixture *fixture = *state;
    fails_with(fixture,
               ask(fixture, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}"),
               RPC_INVALID_PARAMS, 400);
    fails_with(fixture,
               ask(fixture,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":"
                   "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}"),
               RPC_INVALID_PARAMS, 400);
    json_t *answer = ask(
        fixture, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":"
                 "{\"io.modelcontextprotocol/protocolVersion\":\"2031-01-01\","
                 "\"io.modelcontextprotocol/clientCapabilities\":{}}}}");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json_object_get(answer, "error"), "data"),
                                          "requested")),
        "2031-01-01");
    fails_with(fixture, answer, RPC_UNSUPPORTED_VERSION, 400);
    fails_with(fixture, ask_modern(fixture, "no/such", ""), RPC_METHOD_NOT_FOUND, 404);
    fails_with(fixture, ask_modern(fixture, "ping", ""), RPC_METHOD_NOT_FOUND, 404);
    fails_with(fixture, ask_modern(fixture, "logging/setLevel", "\"level\":\"info\""),
               RPC_METHOD_NOT_FOUND, 404);
    fails_with(fixture, ask_modern(fixture, "tools/call", "\"name\":\"none\""), RPC_INVALID_PARAMS,
               200);
    fails_with(fixture, ask_modern(fixture, "tools/call", ""), RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "tools/call", "\"name\":\"echo\",\"arguments\":[]"),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "tools/list", "\"cursor\":\"page-9\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "tools/list", "\"cursor\":3"), RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "resources/list", "\"cursor\":\"x\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"memory://99\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"memory://1 OR 1=1\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "prompts/get", "\"name\":\"recall\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "prompts/get", "\"name\":\"none\""), RPC_INVALID_PARAMS,
               200);
    fails_with(fixture, ask_modern(fixture, "completion/complete", ""), RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "subscriptions/listen", ""), RPC_INVALID_PARAMS, 200);
}

static void modern_headers(void **state)
{
    struct fixture *fixture = *state;
    const char *call = "\"name\":\"echo\",\"arguments\":{\"text\":\"a\"}";
    fixture->http = true;
    fails_with(fixture, ask_modern(fixture, "tools/list", ""), RPC_HEADER_MISMATCH, 400);
    fixture->version = "2025-11-25";
    fails_with(fixture, ask_modern(fixture, "tools/list", ""), RPC_HEADER_MISMATCH, 400);
    fixture->version = "2026-07-28";
    fails_with(fixture, ask_modern(fixture, "tools/list", ""), RPC_HEADER_MISMATCH, 400);
    fixture->method = "tools/call";
    fails_with(fixture, ask_modern(fixture, "tools/list", ""), RPC_HEADER_MISMATCH, 400);
    fails_with(fixture, ask_modern(fixture, "tools/call", call), RPC_HEADER_MISMATCH, 400);
    fixture->name = "fail";
    fails_with(fixture, ask_modern(fixture, "tools/call", call), RPC_HEADER_MISMATCH, 400);
    static const char *const good[] = {"echo", NULL};
    for (size_t i = 0; good[i]; i++) {
        fixture->name = good[i];
        json_t *answer = ask_modern(fixture, "tools/call", call);
        assert_non_null(result_of(answer));
        json_decref(answer);
    }
    fails_with(fixture, ask_legacy(fixture, "tools/list", "{}"), RPC_INVALID_PARAMS, 400);
    fixture->version = "2031-01-01";
    fails_with(fixture, ask_legacy(fixture, "tools/list", "{}"), RPC_UNSUPPORTED_VERSION, 400);
    fixture->version = NULL;
    fails_with(fixture, ask_legacy(fixture, "tools/list", "{}"), RPC_INVALID_REQUEST, 400);
}

/* A name that a header cannot hold as it is comes in the Base64 sentinel. */
static void modern_encoded_name(void **state)
{
    struct fixture *fixture = *state;
    fixture->http = true;
    fixture->version = "2026-07-28";
    fixture->method = "resources/read";
    fixture->name = "=?base64?bWVtb3J5Oi8vw6k=?=";
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"memory://\xc3\xa9\""),
               RPC_INVALID_PARAMS, 200);
    fixture->name = "=?base64?bWVtb3J5Oi8v?=";
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"memory://\xc3\xa9\""),
               RPC_HEADER_MISMATCH, 400);
}

/* --- tools --- */

static void tool_results(void **state)
{
    struct fixture *fixture = *state;
    json_t *answer = ask_modern(fixture, "tools/call",
                                "\"name\":\"echo\",\"arguments\":{\"text\":\"a\\\"\\u00e9\"}");
    json_t *result = result_of(answer),
           *block = json_array_get(json_object_get(result, "content"), 0);
    json_t *text = json_loads(json_string_value(json_object_get(block, "text")), 0, NULL);
    assert_true(json_equal(text, json_object_get(result, "structuredContent")));
    assert_string_equal(json_string_value(json_object_get(text, "text")), "a\"\xc3\xa9");
    assert_false(json_is_true(json_object_get(result, "isError")));
    json_decref(text);
    json_decref(answer);
    answer = ask_modern(fixture, "tools/call", "\"name\":\"picture\"");
    assert_int_equal(json_array_size(json_object_get(result_of(answer), "content")), 2);
    json_decref(answer);
    static const char *const failing[][2] = {
        {"\"name\":\"fail\"", "not_found: there is no \"thing\""},
        {"\"name\":\"echo\",\"arguments\":{}", "invalid_argument: echo"},
        {"\"name\":\"echo\",\"arguments\":{\"text\":\"no result\"}",
         "internal: out of memory for the result of echo"},
        {"\"name\":\"keep\",\"arguments\":{\"text\":\"no result\"}",
         "internal: out of memory for the result of keep"}};
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        answer = ask_modern(fixture, "tools/call", failing[i][0]);
        result = result_of(answer);
        block = json_array_get(json_object_get(result, "content"), 0);
        assert_true(json_is_true(json_object_get(result, "isError")));
        assert_null(json_object_get(result, "structuredContent"));
        assert_ptr_equal(strstr(json_string_value(json_object_get(block, "text")), failing[i][1]),
                         json_string_value(json_object_get(block, "text")));
        json_decref(answer);
    }
    struct service_tool *tool = service_find(fixture->service, "echo");
    assert_int_equal(tool->latency.count, 3);
    assert_int_equal(tool->failures, 2);
    answer = ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"a\"}");
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(result_of(answer), "structuredContent"), "id")),
                     1); /* what came to no result was undone */
    json_decref(answer);
}

static void tool_pages(void **state)
{
    struct fixture *fixture = *state;
    char more[64] = "";
    size_t tools = 0, pages = 0;
    do {
        json_t *answer = ask_modern(fixture, "tools/list", more);
        json_t *result = result_of(answer);
        const char *cursor = json_string_value(json_object_get(result, "nextCursor"));
        tools += json_array_size(json_object_get(result, "tools"));
        pages++;
        more[0] = 0;
        if (cursor)
            snprintf(more, sizeof more, "\"cursor\":\"%s\"", cursor);
        json_decref(answer);
    } while (*more && pages < 9);
    assert_int_equal(tools, MANY + 5);
    assert_int_equal(pages, 2);
}

/* The newest first, and no more than a client can take in. */
static void resource_pages(void **state)
{
    struct fixture *fixture = *state;
    char more[64] = "", first[64] = "";
    size_t resources = 0, pages = 0;
    for (int i = 0; i < 1050; i++)
        json_decref(
            ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"x\"}"));
    do {
        json_t *answer = ask_modern(fixture, "resources/list", more);
        json_t *list = json_object_get(result_of(answer), "resources");
        const char *cursor = json_string_value(json_object_get(result_of(answer), "nextCursor"));
        if (pages++ == 0)
            snprintf(first, sizeof first, "%s",
                     json_string_value(json_object_get(json_array_get(list, 0), "uri")));
        resources += json_array_size(list);
        more[0] = 0;
        if (cursor)
            snprintf(more, sizeof more, "\"cursor\":\"%s\"", cursor);
        json_decref(answer);
    } while (*more && pages < 20);
    assert_string_equal(first, "memory://1050");
    assert_int_equal(resources, 1000);
    assert_int_equal(pages, 10);
    json_t *answer = ask_modern(fixture, "resources/read", "\"uri\":\"memory://1\"");
    assert_non_null(result_of(answer));
    json_decref(answer);
}

static void read_as(struct fixture *fixture, const char *uri, const char *type, const char *within)
{
    char params[64];
    snprintf(params, sizeof params, "\"uri\":\"%s\"", uri);
    json_t *answer = ask_modern(fixture, "resources/read", params);
    fits(fixture, 1, result_of(answer), "ReadResourceResult");
    json_t *content = json_array_get(json_object_get(result_of(answer), "contents"), 0);
    assert_string_equal(json_string_value(json_object_get(content, "mimeType")), type);
    assert_non_null(strstr(json_string_value(json_object_get(content, "text")), within));
    json_decref(answer);
}

/* Diagrams come after the memories, from page to page, and are read as text and drawn. */
static void diagrams_are_resources(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    char more[80] = "", last[64] = "";
    size_t resources = 0, pages = 0;
    for (int i = 0; i < 100; i++)
        json_decref(
            ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"x\"}"));
    for (int i = 0; i < 130; i++)
        assert_true(records_run(fixture->store.records, &error,
                                "INSERT INTO diagrams(title, text) VALUES('Port', ?1)", "s",
                                i == 5 ? "no diagram" : "flowchart LR\n    A --> B\n") >= 0);
    do {
        json_t *answer = ask_modern(fixture, "resources/list", more);
        json_t *list = json_object_get(result_of(answer), "resources");
        const char *cursor = json_string_value(json_object_get(result_of(answer), "nextCursor"));
        size_t count = json_array_size(list);
        resources += count;
        snprintf(last, sizeof last, "%s",
                 json_string_value(json_object_get(json_array_get(list, count - 1), "uri")));
        more[0] = 0;
        if (cursor)
            snprintf(more, sizeof more, "\"cursor\":\"%s\"", cursor);
        json_decref(answer);
        pages++;
    } while (*more && pages < 20);
    assert_string_equal(last, "diagram://1");
    assert_int_equal(resources, 230);
    assert_int_equal(pages, 3);
    read_as(fixture, "diagram://1", "text/vnd.mermaid", "A --> B");
    read_as(fixture, "diagram://1/svg", "image/svg+xml", "</svg>");
    read_as(fixture, "diagram://6", "text/vnd.mermaid", "no diagram");
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"diagram://6/svg\""),
               RPC_INTERNAL_ERROR, 200);
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"diagram://1/png\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"diagram://131\""),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_modern(fixture, "resources/read", "\"uri\":\"memory://1/svg\""),
               RPC_INVALID_PARAMS, 200);
}

/* A destructive tool runs when the user agrees, if the server is told to ask. */
static void confirmation(void **state)
{
#define ASKABLE                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"                                            \
    "call\",\"params\":{\"name\":\"wipe\",\"_meta\":"                                              \
    "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                 \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{}}}"
    static const struct {
        const char *response;
        bool runs;
    } cases[] = {{"{\"action\":\"accept\",\"content\":{\"confirm\":true}}", true},
                 {"{\"action\":\"accept\",\"content\":{\"confirm\":false}}", false},
                 {"{\"action\":\"accept\"}", false},
                 {"{\"action\":\"decline\"}", false}};
    struct fixture *fixture = *state;
    struct service_tool *wipe = service_find(fixture->service, "wipe");
    fixture->service->confirm_destructive = true;
    json_t *answer = ask_modern(fixture, "tools/call", "\"name\":\"wipe\"");
    fits(fixture, 1, answer, "MissingRequiredClientCapabilityError");
    fails_with(fixture, answer, RPC_MISSING_CAPABILITY, 400);
    answer = ask(fixture, ASKABLE "}}");
    fits(fixture, 1, result_of(answer), "InputRequiredResult");
    assert_string_equal(json_string_value(json_object_get(result_of(answer), "resultType")),
                        "input_required");
    assert_int_equal(wipe->latency.count, 0);
    json_decref(answer);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[1024];
        uint64_t before = wipe->latency.count;
        snprintf(message, sizeof message, ASKABLE ",\"inputResponses\":{\"confirm\":%s}}}",
                 cases[i].response);
        answer = ask(fixture, message);
        fits(fixture, 1, result_of(answer), "CallToolResult");
        assert_int_equal(wipe->latency.count - before, cases[i].runs);
        assert_int_equal(json_is_true(json_object_get(result_of(answer), "isError")),
                         !cases[i].runs);
        json_decref(answer);
    }
    fixture->revision = mcp_revision_find("2025-11-25");
    answer = ask_legacy(fixture, "tools/call", "{\"name\":\"wipe\"}");
    assert_true(json_is_true(json_object_get(result_of(answer), "isError")));
    json_decref(answer);
    fixture->revision = NULL;
    answer = ask_modern(fixture, "tools/call", "\"name\":\"picture\"");
    assert_false(json_is_true(json_object_get(result_of(answer), "isError")));
    json_decref(answer);
}

/* --- legacy --- */

static void legacy_initialize(void **state)
{
    static const char *const agreed[][3] = {
        /* asked for, agreed on over HTTP, over stdio */
        {"2025-11-25", "2025-11-25", "2025-11-25"}, {"2025-06-18", "2025-06-18", "2025-06-18"},
        {"2025-03-26", "2025-03-26", "2025-03-26"}, {"2024-11-05", "2025-11-25", "2024-11-05"},
        {"2026-07-28", "2025-11-25", "2025-11-25"}, {"1999-01-01", "2025-11-25", "2025-11-25"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2 * sizeof agreed / sizeof *agreed; i++) {
        char params[256];
        fixture->http = i % 2 == 0;
        snprintf(params, sizeof params,
                 "{\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\","
                 "\"version\":\"1\"}}",
                 agreed[i / 2][0]);
        json_t *answer = ask_legacy(fixture, "initialize", params);
        fits(fixture, 0, result_of(answer), "InitializeResult");
        const char *version =
            json_string_value(json_object_get(result_of(answer), "protocolVersion"));
        assert_string_equal(version, agreed[i / 2][1 + i % 2]);
        assert_string_equal(fixture->last.initialized->name, version);
        json_decref(answer);
    }
    fixture->http = false;
    fails_with(fixture, ask_legacy(fixture, "initialize", "{}"), RPC_INVALID_PARAMS, 200);
}

static void legacy_results(void **state)
{
    static const char *const cases[][3] = {
        {"ping", "", "EmptyResult"},
        {"tools/list", "", "ListToolsResult"},
        {"tools/call", "{\"name\":\"echo\",\"arguments\":{\"text\":\"a\"}}", "CallToolResult"},
        {"tools/call", "{\"name\":\"keep\",\"arguments\":{\"text\":\"a\"}}", "CallToolResult"},
        {"resources/list", "", "ListResourcesResult"},
        {"resources/read", "{\"uri\":\"memory://1\"}", "ReadResourceResult"},
        {"resources/templates/list", "{}", "ListResourceTemplatesResult"},
        {"prompts/list", "", "ListPromptsResult"},
    };
    struct fixture *fixture = *state;
    fixture->revision = mcp_revision_find("2025-11-25");
    fixture->http = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = ask_legacy(fixture, cases[i][0], cases[i][1]);
        fits(fixture, 0, result_of(answer), cases[i][2]);
        assert_null(json_object_get(result_of(answer), "resultType"));
        assert_null(json_object_get(result_of(answer), "ttlMs"));
        json_decref(answer);
    }
    fails_with(fixture, ask_legacy(fixture, "no/such", ""), RPC_METHOD_NOT_FOUND, 200);
    fails_with(fixture, ask_legacy(fixture, "server/discover", ""), RPC_METHOD_NOT_FOUND, 200);
    fails_with(fixture, ask_legacy(fixture, "tools/call", "{\"name\":\"none\"}"),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_legacy(fixture, "logging/setLevel", "{\"level\":\"loud\"}"),
               RPC_INVALID_PARAMS, 200);
    fails_with(fixture, ask_legacy(fixture, "resources/read", "{\"uri\":\"memory://99\"}"),
               RPC_RESOURCE_NOT_FOUND, 200);
    fails_with(fixture, ask(fixture, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]"),
               RPC_INVALID_REQUEST, 400);
}

static void legacy_batches(void **state)
{
    struct fixture *fixture = *state;
    fixture->revision = mcp_revision_find("2025-03-26");
    json_t *answers =
        ask(fixture,
            "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"initialize\",\"params\":{}},"
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
            "\"arguments\":{\"text\":\"a\"}}}, 5]");
    assert_int_equal(json_array_size(answers), 4);
    assert_non_null(json_object_get(json_array_get(answers, 0), "result"));
    assert_non_null(json_object_get(json_array_get(answers, 1), "error"));
    json_t *call = json_object_get(json_array_get(answers, 2), "result");
    assert_non_null(call);
    assert_null(json_object_get(call, "structuredContent")); /* came with 2025-06-18 */
    json_decref(answers);
    assert_null(ask(fixture, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}]"));
    assert_int_equal(fixture->status, 202);
    fails_with(fixture, ask(fixture, "[]"), RPC_INVALID_REQUEST, 400);
}

/* --- subscriptions --- */

static void collect(void *context, const char *message, size_t length)
{
    json_array_append_new(context, json_loadb(message, length, 0, NULL));
}

static void subscription(void **state)
{
    struct fixture *fixture = *state;
    struct subscriptions *all = subscriptions_open(&fixture->store);
    json_t *heard = json_array();
    json_t *answer =
        ask_modern(fixture, "subscriptions/listen",
                   "\"notifications\":{\"toolsListChanged\":true,\"resourcesListChanged\":true,"
                   "\"resourceSubscriptions\":[\"memory://2\"]}");
    fits(fixture, 1, answer, "SubscriptionsAcknowledgedNotification");
    json_t *agreed = json_object_get(json_object_get(answer, "params"), "notifications");
    assert_null(json_object_get(agreed, "toolsListChanged")); /* is never told: is not agreed to */
    assert_int_equal(json_object_size(agreed), 2);
    assert_string_equal(fixture->last.listen_id, "7");
    struct subscription *one = subscriptions_add(all, fixture->last.listen_id,
                                                 fixture->last.listen_filter, collect, heard);
    json_decref(answer);
    json_decref(
        ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"a\"}"));
    assert_int_equal(json_array_size(heard), 1);
    json_decref(
        ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"undo\"}"));
    struct error error = {0};
    assert_int_equal(records_begin(fixture->store.records, &error), 0);
    assert_true(records_run(fixture->store.records, &error, "CREATE TABLE other(x)", "") >= 0);
    assert_int_equal(records_commit(fixture->store.records, &error), 0);
    assert_int_equal(json_array_size(heard), 1); /* what is rolled back is not told, nor later */
    json_decref(
        ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"b\"}"));
    assert_int_equal(json_array_size(heard), 3); /* the list changed, and memory://2 */
    fits(fixture, 1, json_array_get(heard, 0), "ResourceListChangedNotification");
    fits(fixture, 1, json_array_get(heard, 2), "ResourceUpdatedNotification");
    subscriptions_remove(all, one);
    json_decref(
        ask_modern(fixture, "tools/call", "\"name\":\"keep\",\"arguments\":{\"text\":\"c\"}"));
    assert_int_equal(json_array_size(heard), 3);
    char *end = subscription_end_text("7");
    json_t *last = json_loads(end, 0, NULL);
    fits(fixture, 1, json_object_get(last, "result"), "SubscriptionsListenResult");
    json_decref(last);
    free(end);
    json_decref(heard);
    subscriptions_close(all);
    json_decref(ask(fixture, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                             "cancelled\",\"params\":{\"requestId\":7}}"));
    assert_string_equal(fixture->last.cancelled_id, "7");
}

/* --- sessions --- */

static void session_table(void **state)
{
    struct error error;
    char ids[4][SESSION_ID_LENGTH + 1];
    const struct mcp_revision *revision = mcp_revision_find("2025-06-18");
    struct sessions *sessions = sessions_open(3, 1000);
    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(sessions_begin(sessions, revision, i, ids[i], &error), 0);
    assert_string_not_equal(ids[0], ids[1]);
    assert_ptr_equal(sessions_use(sessions, ids[0], 10), revision);
    assert_int_equal(sessions_begin(sessions, revision, 11, ids[3], &error), 0);
    assert_int_equal(sessions_count(sessions), 3);
    assert_null(sessions_use(sessions, ids[1], 12)); /* unused for longest: gave its place */
    assert_non_null(sessions_use(sessions, ids[0], 12));
    assert_true(sessions_end(sessions, ids[0]));
    assert_false(sessions_end(sessions, ids[0]));
    assert_null(sessions_use(sessions, ids[0], 13));
    assert_null(sessions_use(sessions, "", 13));
    assert_null(sessions_use(sessions, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 13));
    assert_non_null(sessions_use(sessions, ids[3], 14));
    assert_null(sessions_use(sessions, ids[3], 2000)); /* idle for too long */
    assert_int_equal(sessions_count(sessions), 0);
    sessions_close(sessions);
}

static void documents(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, 1 << 20);
    assert_int_equal(service_document(&out), 0);
    char *text = buffer_take_string(&out);
    assert_non_null(strstr(text, "## some (5)"));
    assert_non_null(strstr(
        text,
        "### echo\n\nEcho (mem; reads only).\nGive back.\n\n- `text` string, required: A text.\n"));
    free(text);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(malformed),         CASE(modern_results),      CASE(modern_refusals),
        CASE(modern_headers),    CASE(modern_encoded_name), CASE(tool_results),
        CASE(tool_pages),        CASE(resource_pages),      CASE(diagrams_are_resources),
        CASE(legacy_initialize), CASE(legacy_results),      CASE(legacy_batches),
        CASE(subscription),      CASE(confirmation),        CASE(session_table),
        CASE(documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
