/* From a server's lists to requests: the control conversation against a scripted server, the offers
 * that come of it, and every request they are prepared into, held against the published schema of
 * every revision. */
#include "base/random.h"
#include "base/template.h"
#include "drivers/mcp_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

static const char *source_root = ".";

/* ---- a scripted server -------------------------------------------------------------------------
 */

struct script_line {
    const char *method, *cursor; /* NULL: the first page */
    const char *result;          /* NULL: the error */
    int code;
};
struct script {
    const struct script_line *lines;
    size_t count;
    unsigned requests, notifications;
};

static int script_request(void *context, const char *method, const json_t *params, json_t **result,
                          int64_t *code, struct error *error)
{
    struct script *script = context;
    const char *cursor = json_string_value(json_object_get(params, "cursor"));
    script->requests++;
    *result = NULL;
    *code = 0;
    for (size_t i = 0; i < script->count; i++) {
        const struct script_line *line = &script->lines[i];
        if (strcmp(line->method, method) != 0 ||
            strcmp(line->cursor ? line->cursor : "", cursor ? cursor : "") != 0)
            continue;
        *code = line->code;
        *result = line->result ? json_loads(line->result, 0, NULL) : NULL;
        return *result ? 0 : error_set(error, ERROR_TARGET, "error %d", line->code);
    }
    *code = -32601;
    return error_set(error, ERROR_TARGET, "error -32601: %s", method);
}

static int script_notify(void *context, const char *method, const json_t *params,
                         struct error *error)
{
    (void)params;
    (void)error;
    assert_string_equal(method, "notifications/initialized");
    ((struct script *)context)->notifications++;
    return 0;
}

static const struct script_line catalog_lines[] = {
    {"tools/list", NULL,
     "{\"tools\":[{\"name\":\"echo\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\","
     "\"properties\":{\"message\":{\"type\":\"string\",\"minLength\":1},\"n\":{\"type\":"
     "\"integer\"}"
     "},\"required\":[\"message\"]},\"annotations\":{\"readOnlyHint\":true}}],"
     "\"nextCursor\":\"p2\"}",
     0},
    {"tools/list", "p2",
     "{\"tools\":[{\"name\":\"we${ird\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
     "{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},\"deep\":{\"type\":\"object\","
     "\"properties\":{\"count\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"}}}}},"
     "\"annotations\":{\"destructiveHint\":true}},{\"name\":\"broken\"}]}",
     0},
    {"resources/list", NULL, "{\"resources\":[{\"uri\":\"memo://a%20b\",\"name\":\"a\"}]}", 0},
    {"resources/templates/list", NULL,
     "{\"resourceTemplates\":[{\"uriTemplate\":\"memo://{id}/{?q}\",\"name\":\"t\"}]}", 0},
    {"prompts/list", NULL,
     "{\"prompts\":[{\"name\":\"review\",\"arguments\":[{\"name\":\"language\",\"required\":true},"
     "{\"name\":\"style\"}]},{\"name\":\"plain\"}]}",
     0},
};
static const char capabilities[] =
    "{\"tools\":{},\"resources\":{},\"prompts\":{},\"completions\":{}}";

struct fixture {
    struct target target;
    struct target_options options;
    struct mcp_target mcp;
    struct script script;
};

static void open_target(struct fixture *fixture, const char *revision, bool http)
{
    struct error error = {0};
    *fixture = (struct fixture){
        .options = {.seed = 7, .where = "test"},
        .script = {catalog_lines, sizeof catalog_lines / sizeof *catalog_lines, 0, 0}};
    fixture->target.options = &fixture->options;
    fixture->target.driver_data = &fixture->mcp;
    assert_int_equal(mcp_target_init(&fixture->mcp, &fixture->options,
                                     http ? "Streamable HTTP" : "stdio", http, &error),
                     0);
    fixture->mcp.revision = mcp_revision_find(revision);
    fixture->mcp.capabilities = json_loads(capabilities, 0, NULL);
    fixture->mcp.server_info = json_pack("{s:s, s:s}", "name", "scripted", "version", "1");
    struct mcp_control control = {&fixture->script, script_request, script_notify};
    if (mcp_control_discover_offers(&fixture->target, &fixture->mcp, &control, &error) < 0)
        fail_msg("%s", error.text);
}

static void close_target(struct fixture *fixture)
{
    target_free_offers(&fixture->target);
    mcp_target_free(&fixture->mcp);
}

static const struct offer *offer_of(const struct fixture *fixture, const char *kind,
                                    const char *name)
{
    for (size_t i = 0; i < fixture->target.offer_count; i++) {
        const struct offer *offer = &fixture->target.offers[i];
        if (strcmp(offer->kind, kind) == 0 && (!name || strcmp(offer->name, name) == 0))
            return offer;
    }
    return NULL;
}

/* Prepare or fail the test. `arguments` may be NULL. */
static struct operation prepare(struct fixture *fixture, const char *kind, const char *name,
                                const char *arguments, unsigned variants)
{
    struct error error = {0};
    struct operation operation;
    json_t *given = arguments ? json_loads(arguments, 0, NULL) : NULL;
    struct operation_spec spec = {offer_of(fixture, kind, name), given, variants, "plan.yaml:3"};
    assert_non_null(spec.offer);
    if (mcp_operation_prepare(&fixture->target, &spec, &operation, &error) < 0)
        fail_msg("%s %s: %s", kind, name ? name : "", error.text);
    json_decref(given);
    return operation;
}

static json_t *body_of(const struct operation *operation, uint32_t variant,
                       const struct template_context *context, char **text)
{
    struct buffer rendered, whole;
    struct iovec pieces[3];
    char digits[24];
    const char *missing = NULL;
    int count;
    buffer_init(&rendered, 1 << 20);
    buffer_init(&whole, 1 << 20);
    assert_int_equal(mcp_operation_body(operation->driver_data, variant, 4711, context, digits,
                                        &rendered, pieces, &count, &missing),
                     0);
    for (int i = 0; i < count; i++)
        assert_int_equal(buffer_append(&whole, pieces[i].iov_base, pieces[i].iov_len), 0);
    char *body = buffer_take_string(&whole);
    buffer_free(&rendered);
    json_t *value = json_loads(body, 0, NULL);
    if (!value)
        fail_msg("no JSON: %s", body);
    if (text)
        *text = body;
    else
        free(body);
    return value;
}

/* ---- offers ------------------------------------------------------------------------------------
 */

static void offers_what_the_server_lists(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", true);
    assert_int_equal(fixture.script.requests, 6); /* five pages, and one refused completion */
    const struct offer *echo = offer_of(&fixture, "tool", "echo");
    const struct offer *weird = offer_of(&fixture, "tool", "we${ird");
    assert_int_equal(echo->hints, OFFER_READ_ONLY);
    assert_int_equal(weird->hints, OFFER_DESTRUCTIVE);
    assert_string_equal(echo->description, "d");
    assert_non_null(offer_of(&fixture, "resource", "memo://a%20b"));
    assert_non_null(offer_of(&fixture, "resource_template", "memo://{id}/{?q}"));
    assert_non_null(offer_of(&fixture, "prompt", "review"));
    assert_non_null(offer_of(&fixture, "complete", "review.language"));
    assert_non_null(offer_of(&fixture, "complete", "memo://{id}/{?q}.q"));
    assert_non_null(offer_of(&fixture, "ping", "ping"));
    assert_non_null(offer_of(&fixture, "session_churn", NULL));
    assert_non_null(offer_of(&fixture, "connection_churn", NULL));
    assert_null(offer_of(&fixture, "discover", NULL));
    assert_int_equal(fixture.target.excluded_count, 1);
    assert_string_equal(fixture.target.excluded[0].name, "broken");
    assert_string_equal(fixture.target.description, "scripted 1, MCP 2025-11-25, Streamable HTTP");
    assert_string_equal(json_string_value(json_object_get(fixture.target.facts, "era")), "legacy");
    close_target(&fixture);
    open_target(&fixture, "2026-07-28", false);
    assert_non_null(offer_of(&fixture, "discover", NULL));
    assert_null(offer_of(&fixture, "ping", NULL));
    assert_null(offer_of(&fixture, "session_churn", NULL));
    assert_null(offer_of(&fixture, "connection_churn", NULL));
    close_target(&fixture);
}

static void asks_only_for_lists_that_are_offered(void **state)
{
    struct fixture fixture = {.options = {.where = "test"}};
    struct error error = {0};
    (void)state;
    struct mcp_control control = {&fixture.script, script_request, script_notify};
    fixture.target.options = &fixture.options;
    mcp_target_init(&fixture.mcp, &fixture.options, "stdio", false, &error);
    fixture.mcp.revision = mcp_revision_find("2025-11-25");
    fixture.mcp.capabilities = json_object();
    assert_int_equal(mcp_control_discover_offers(&fixture.target, &fixture.mcp, &control, &error),
                     0);
    assert_int_equal(fixture.script.requests, 0);
    assert_non_null(offer_of(&fixture, "ping", NULL));
    assert_int_equal(fixture.target.offer_count, 1);
    close_target(&fixture);
}

static void stops_where_a_cursor_comes_again(void **state)
{
    static const struct script_line lines[] = {
        {"tools/list", NULL, "{\"tools\":[],\"nextCursor\":\"a\"}", 0},
        {"tools/list", "a",
         "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\"}}],"
         "\"nextCursor\":\"b\"}",
         0},
        {"tools/list", "b", "{\"tools\":[],\"nextCursor\":\"a\"}", 0},
    };
    struct fixture fixture = {.options = {.where = "test"}, .script = {lines, 3, 0, 0}};
    struct error error = {0};
    (void)state;
    struct mcp_control control = {&fixture.script, script_request, script_notify};
    fixture.target.options = &fixture.options;
    mcp_target_init(&fixture.mcp, &fixture.options, "stdio", false, &error);
    fixture.mcp.revision = mcp_revision_find("2025-11-25");
    fixture.mcp.capabilities = json_loads("{\"tools\":{}}", 0, NULL);
    assert_int_equal(mcp_control_discover_offers(&fixture.target, &fixture.mcp, &control, &error),
                     0);
    assert_int_equal(fixture.script.requests, 3);
    assert_non_null(offer_of(&fixture, "tool", "t"));
    assert_int_equal(json_array_size(json_object_get(fixture.target.facts, "notes")), 1);
    close_target(&fixture);
}

/* ---- the handshake -----------------------------------------------------------------------------
 */

static int initialize(const char *protocol, const char *answer, struct mcp_target *mcp,
                      struct error *error)
{
    struct script_line line = {"initialize", NULL, answer, answer ? 0 : -32602};
    struct script script = {&line, 1, 0, 0};
    struct target_options options = {.protocol = (char *)protocol, .where = "plan.yaml:1"};
    struct mcp_control control = {&script, script_request, script_notify};
    assert_int_equal(mcp_target_init(mcp, &options, "stdio", false, error), 0);
    int failed = mcp_control_initialize(mcp, &control, error);
    assert_int_equal(script.notifications, failed ? 0 : 1);
    return failed;
}

#define INITIALIZED(version)                                                                       \
    "{\"protocolVersion\":\"" version "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":"         \
    "{\"name\":\"s\"},\"instructions\":\"i\"}"

static void agrees_on_a_revision(void **state)
{
    static const struct {
        const char *protocol, *answer, *revision; /* NULL: no agreement */
    } cases[] = {
        {NULL, INITIALIZED("2025-11-25"), "2025-11-25"},
        {"auto", INITIALIZED("2024-11-05"), "2024-11-05"},
        {"2025-03-26", INITIALIZED("2025-03-26"), "2025-03-26"},
        {"2025-03-26", INITIALIZED("2025-06-18"), NULL},
        {"auto", INITIALIZED("1999-01-01"), NULL},
        {"auto", INITIALIZED("2026-07-28"), NULL}, /* no handshake there */
        {"2026-07-28", INITIALIZED("2025-11-25"), NULL},
        {"auto", "{}", NULL},
        {"auto", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mcp_target mcp;
        struct error error = {0};
        int failed = initialize(cases[i].protocol, cases[i].answer, &mcp, &error);
        assert_int_equal(failed, cases[i].revision ? 0 : -1);
        if (failed) {
            assert_true(strlen(error.text) > 10);
        } else {
            assert_string_equal(mcp.revision->name, cases[i].revision);
            assert_string_equal(mcp.instructions, "i");
            assert_non_null(json_object_get(mcp.capabilities, "tools"));
        }
        mcp_target_free(&mcp);
    }
}

static void knows_the_revisions_one_can_force(void **state)
{
    struct mcp_target mcp;
    struct error error = {0};
    struct target_options options = {.protocol = (char *)"2025-01-01", .where = "plan.yaml:9"};
    (void)state;
    assert_int_equal(mcp_target_init(&mcp, &options, "stdio", false, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_non_null(strstr(error.text, "plan.yaml:9: protocol: unknown revision \"2025-01-01\""));
    assert_non_null(strstr(error.text, "2024-11-05"));
}

static void accepts_a_discovery(void **state)
{
    static const struct {
        const char *protocol, *versions, *revision;
    } cases[] = {
        {NULL, "[\"2026-07-28\"]", "2026-07-28"},
        {NULL, "[\"2025-11-25\",\"2026-07-28\",\"2031-01-01\"]", "2026-07-28"},
        {NULL, "[\"2025-11-25\",\"2025-06-18\"]", "2025-11-25"},
        {"2025-06-18", "[\"2025-11-25\",\"2025-06-18\"]", "2025-06-18"},
        {NULL, "[\"2031-01-01\"]", NULL},
        {NULL, "[]", NULL},
        {NULL, "[7]", NULL},
        {NULL, "\"2026-07-28\"", NULL},
        {"2025-06-18", "[\"2026-07-28\"]", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mcp_target mcp;
        struct error error = {0};
        struct target_options options = {.protocol = (char *)cases[i].protocol};
        assert_int_equal(mcp_target_init(&mcp, &options, "stdio", false, &error), 0);
        json_t *result =
            json_pack("{s:o, s:{}, s:{s:{s:s}}}", "supportedVersions",
                      json_loads(cases[i].versions, JSON_DECODE_ANY, NULL), "capabilities", "_meta",
                      "io.modelcontextprotocol/serverInfo", "name", "n");
        int failed = mcp_control_accept_discover(&mcp, result, &error);
        assert_int_equal(failed, cases[i].revision ? 0 : -1);
        if (!failed) {
            assert_string_equal(mcp.revision->name, cases[i].revision);
            assert_string_equal(json_string_value(json_object_get(mcp.server_info, "name")), "n");
        }
        json_decref(result);
        mcp_target_free(&mcp);
    }
}

/* ---- requests against the published schemas ----------------------------------------------------
 */

static struct schema *published_schema(const char *revision)
{
    char path[500];
    struct error error = {0};
    snprintf(path, sizeof path, "%s/tests/mcp-schema/%s.json", source_root, revision);
    json_t *document = json_load_file(path, 0, NULL);
    if (!document)
        fail_msg("%s cannot be read", path);
    bool named_defs = json_object_get(document, "$defs");
    json_object_set_new(
        document, "$ref",
        json_string(named_defs ? "#/$defs/ClientRequest" : "#/definitions/ClientRequest"));
    struct schema *schema = schema_compile(document, &error);
    if (!schema)
        fail_msg("%s: %s", path, error.text);
    json_decref(document);
    return schema;
}

static void check_operation(struct fixture *fixture, const struct schema *schema,
                            const struct offer *offer)
{
    char problem[300];
    struct operation operation = prepare(fixture, offer->kind, offer->name, NULL, 5);
    const struct mcp_operation *part = operation.driver_data;
    for (uint32_t variant = 0; part->method && variant < part->variant_count; variant++) {
        char *text;
        json_t *body = body_of(&operation, variant, NULL, &text);
        if (!schema_validate(schema, body, problem, sizeof problem))
            fail_msg("%s is no valid request of %s: %s", text, fixture->mcp.revision->name,
                     problem);
        assert_int_equal(json_integer_value(json_object_get(body, "id")), 4711);
        free(text);
        json_decref(body);
    }
    mcp_operation_release(&fixture->target, &operation);
}

static void every_request_is_valid_in_its_revision(void **state)
{
    (void)state;
    for (const struct mcp_revision *revision = mcp_revisions(); revision->name; revision++) {
        struct fixture fixture;
        struct schema *schema = published_schema(revision->name);
        open_target(&fixture, revision->name, true);
        for (size_t i = 0; i < fixture.target.offer_count; i++)
            check_operation(&fixture, schema, &fixture.target.offers[i]);
        close_target(&fixture);
        schema_free(schema);
    }
}

/* The check above must be able to fail. */
static void the_published_schema_refuses(void **state)
{
    char problem[300];
    (void)state;
    struct schema *schema = published_schema("2026-07-28");
    json_t *bare = json_loads("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
                              "{\"name\":\"echo\"}}",
                              0, NULL);
    assert_false(schema_validate(schema, bare, problem, sizeof problem)); /* no _meta */
    json_decref(bare);
    schema_free(schema);
}

static void initialize_is_valid_in_its_revision(void **state)
{
    (void)state;
    for (const struct mcp_revision *revision = mcp_revisions(); revision->name; revision++) {
        if (revision->era != MCP_ERA_LEGACY)
            continue;
        char problem[300];
        struct mcp_target mcp = {.revision = revision};
        struct schema *schema = published_schema(revision->name);
        json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
                                    "initialize", "params", mcp_control_initialize_params(&mcp));
        if (!schema_validate(schema, request, problem, sizeof problem))
            fail_msg("%s: %s", revision->name, problem);
        json_decref(request);
        schema_free(schema);
    }
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

static void the_same_seed_gives_the_same_arguments(void **state)
{
    struct fixture one, two;
    (void)state;
    open_target(&one, "2025-11-25", false);
    open_target(&two, "2025-11-25", false);
    struct operation a = prepare(&one, "tool", "echo", NULL, 8);
    struct operation b = prepare(&two, "tool", "echo", NULL, 8);
    two.options.seed = 8;
    struct operation c = prepare(&two, "tool", "echo", NULL, 8);
    bool differs = false;
    for (uint32_t variant = 0; variant < 8; variant++) {
        char *first = mcp_operation_arguments_text(&a, variant);
        char *second = mcp_operation_arguments_text(&b, variant);
        char *third = mcp_operation_arguments_text(&c, variant);
        assert_string_equal(first, second);
        differs |= strcmp(first, third) != 0;
        free(first);
        free(second);
        free(third);
    }
    assert_true(differs);
    mcp_operation_release(&one.target, &a);
    mcp_operation_release(&two.target, &b);
    mcp_operation_release(&two.target, &c);
    close_target(&one);
    close_target(&two);
}

static void takes_the_variant_modulo_their_count(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    struct operation operation = prepare(&fixture, "tool", "echo", NULL, 3);
    char *first = mcp_operation_arguments_text(&operation, 1);
    char *again = mcp_operation_arguments_text(&operation, 4000000000u / 3 * 3 + 1);
    assert_string_equal(first, again);
    free(first);
    free(again);
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void headers_mirror_constant_arguments(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2026-07-28", true);
    struct operation operation =
        prepare(&fixture, "tool", "we${ird", "{\"region\":\" x\",\"deep\":{\"count\":-3}}", 1);
    const struct mcp_operation *part = operation.driver_data;
    assert_string_equal(mcp_operation_name_value(part, 0), "we${ird");
    assert_int_equal(part->tool->param_header_count, 2);
    assert_string_equal(part->variants[0].param_header_values[0], "=?base64?IHg=?=");
    assert_string_equal(part->variants[0].param_header_values[1], "-3");
    mcp_operation_release(&fixture.target, &operation);
    operation = prepare(&fixture, "resource", "memo://a%20b", NULL, 1);
    assert_string_equal(mcp_operation_name_value(operation.driver_data, 0), "memo://a%20b");
    assert_string_equal(operation.name, "resources/read memo://a%20b");
    mcp_operation_release(&fixture.target, &operation);
    operation = prepare(&fixture, "tools/list", NULL, NULL, 1);
    assert_null(mcp_operation_name_value(operation.driver_data, 0));
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void templates_are_rendered_per_call(void **state)
{
    struct fixture fixture;
    struct random random;
    (void)state;
    open_target(&fixture, "2026-07-28", true);
    struct operation operation = prepare(
        &fixture, "tool", "we${ird",
        "{\"region\":\"r-${user} \\u00e9\",\"deep\":{\"count\":\"${iteration:json}\"},\"id\":"
        "\"${uuid}\",\"plain\":\"$${user}\"}",
        4);
    const struct mcp_operation *part = operation.driver_data;
    assert_int_equal(part->variant_count, 1);
    random_seed(&random, 1, 1);
    struct template_context context = {.user = 3, .iteration = 12, .random = &random};
    char *text;
    json_t *body = body_of(&operation, 0, &context, &text);
    json_t *params = json_object_get(body, "params"),
           *arguments = json_object_get(params, "arguments");
    assert_string_equal(json_string_value(json_object_get(params, "name")), "we${ird");
    assert_string_equal(json_string_value(json_object_get(arguments, "region")), "r-3 \xc3\xa9");
    assert_string_equal(json_string_value(json_object_get(arguments, "plain")), "${user}");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(arguments, "deep"), "count")), 12);
    assert_non_null(json_object_get(params, "_meta"));

    struct span sent = {text, strlen(text)};
    struct buffer header;
    buffer_init(&header, 1000);
    assert_int_equal(mcp_operation_rendered_name(part, sent, &header), 0);
    assert_int_equal(buffer_length(&header), strlen("we${ird"));
    buffer_clear(&header);
    assert_int_equal(mcp_operation_rendered_param(&part->tool->param_headers[0], sent, &header), 0);
    assert_memory_equal(buffer_bytes(&header), "=?base64?ci0zIMOp?=", 19);
    buffer_clear(&header);
    assert_int_equal(mcp_operation_rendered_param(&part->tool->param_headers[1], sent, &header), 0);
    assert_memory_equal(buffer_bytes(&header), "12", 2);
    buffer_free(&header);

    json_t *retried = mcp_operation_sent_params(sent); /* the uuid must be the one sent */
    assert_true(json_equal(retried, params));
    json_decref(retried);
    json_decref(body);
    free(text);
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void a_capture_without_a_value_is_named(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    struct operation operation =
        prepare(&fixture, "tool", "echo", "{\"message\":\"${capture.token}\"}", 1);
    struct template_value captures[] = {{"token", NULL}};
    struct template_context context = {.captures = captures, .capture_count = 1};
    struct buffer rendered;
    struct iovec pieces[3];
    char digits[24];
    const char *missing = NULL;
    int count;
    buffer_init(&rendered, 4096);
    assert_int_equal(mcp_operation_body(operation.driver_data, 0, 1, &context, digits, &rendered,
                                        pieces, &count, &missing),
                     -1);
    assert_non_null(strstr(missing, "token"));
    buffer_free(&rendered);
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void resource_templates_are_expanded(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    struct operation operation =
        prepare(&fixture, "resource_template", NULL, "{\"id\":\"a/b\",\"q\":7}", 1);
    json_t *body = body_of(&operation, 0, NULL, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(body, "params"), "uri")),
                        "memo://a%2Fb/?q=7");
    json_decref(body);
    mcp_operation_release(&fixture.target, &operation);
    struct template_context context = {.user = 9};
    operation = prepare(&fixture, "resource_template", NULL, "{\"id\":\"n${user}\"}", 1);
    body = body_of(&operation, 0, &context, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(body, "params"), "uri")),
                        "memo://n9/");
    json_decref(body);
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void completion_takes_value_and_context(void **state)
{
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    struct operation operation =
        prepare(&fixture, "complete", "review.style",
                "{\"value\":\"py\",\"context\":{\"arguments\":{\"language\":\"c\"}}}", 1);
    json_t *body = body_of(&operation, 0, NULL, NULL), *params = json_object_get(body, "params");
    json_t *expected = json_loads("{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"review\"},"
                                  "\"argument\":{\"name\":\"style\",\"value\":\"py\"},\"context\":"
                                  "{\"arguments\":{\"language\":\"c\"}}}",
                                  0, NULL);
    assert_true(json_equal(params, expected));
    json_decref(expected);
    json_decref(body);
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void uses_what_the_server_suggests(void **state)
{
    static const struct script_line lines[] = {
        {"prompts/list", NULL,
         "{\"prompts\":[{\"name\":\"p\",\"arguments\":[{\"name\":\"a\",\"required\":true},"
         "{\"name\":\"b\",\"required\":true}]}]}",
         0},
        {"completion/complete", NULL,
         "{\"completion\":{\"values\":[\"one\",7,\"\",\"two\",\"three\"]}}", 0},
    };
    struct fixture fixture = {.options = {.where = "test"}, .script = {lines, 2, 0, 0}};
    struct error error = {0};
    (void)state;
    struct mcp_control control = {&fixture.script, script_request, script_notify};
    fixture.target.options = &fixture.options;
    fixture.target.driver_data = &fixture.mcp;
    mcp_target_init(&fixture.mcp, &fixture.options, "stdio", false, &error);
    fixture.mcp.revision = mcp_revision_find("2025-11-25");
    fixture.mcp.capabilities = json_loads("{\"prompts\":{},\"completions\":{}}", 0, NULL);
    assert_int_equal(mcp_control_discover_offers(&fixture.target, &fixture.mcp, &control, &error),
                     0);
    static const char *const second[] = {"one", "two", "three", "one"};
    struct operation operation = prepare(&fixture, "prompt", "p", NULL, 4);
    for (uint32_t variant = 0; variant < 4; variant++) {
        char *text = mcp_operation_arguments_text(&operation, variant), expected[40];
        snprintf(expected, sizeof expected, "{\"a\":\"one\",\"b\":\"%s\"}", second[variant]);
        assert_string_equal(text, expected);
        free(text);
    }
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

static void refuses_arguments_that_make_no_sense(void **state)
{
    static const struct {
        const char *kind, *name, *arguments, *says;
    } cases[] = {
        {"tool", "echo", "[1]", "must be an object"},
        {"ping", "ping", "{\"a\":1}", "takes no arguments"},
        {"resource", "memo://a%20b", "{\"a\":1}", "takes no arguments"},
        {"tool", "echo", "{\"a\":\"${nonsense}\"}", "nonsense"},
        {"tool", "echo", "{\"a\":\"${user\"}", "brace"},
    };
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        struct operation operation;
        json_t *given = json_loads(cases[i].arguments, JSON_DECODE_ANY, NULL);
        struct operation_spec spec = {offer_of(&fixture, cases[i].kind, cases[i].name), given, 1,
                                      "plan.yaml:3"};
        assert_int_equal(mcp_operation_prepare(&fixture.target, &spec, &operation, &error), -1);
        if (error.code != ERROR_USAGE || !strstr(error.text, cases[i].says))
            fail_msg("%s: %s", cases[i].arguments, error.text);
        json_decref(given);
    }
    close_target(&fixture);
}

static void ids_are_written_whole(void **state)
{
    static const int64_t ids[] = {0, 1, 9, 10, 1234567890, INT64_MAX, -1, INT64_MIN};
    struct fixture fixture;
    (void)state;
    open_target(&fixture, "2025-11-25", false);
    struct operation operation = prepare(&fixture, "ping", NULL, NULL, 1);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct iovec pieces[3];
        char digits[24], expected[30];
        const char *missing;
        int count;
        struct buffer none;
        buffer_init(&none, 0);
        assert_int_equal(mcp_operation_body(operation.driver_data, 0, ids[i], NULL, digits, &none,
                                            pieces, &count, &missing),
                         0);
        snprintf(expected, sizeof expected, "%lld", (long long)ids[i]);
        assert_int_equal(pieces[1].iov_len, strlen(expected));
        assert_memory_equal(pieces[1].iov_base, expected, strlen(expected));
    }
    mcp_operation_release(&fixture.target, &operation);
    close_target(&fixture);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        source_root = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_what_the_server_lists),
        cmocka_unit_test(asks_only_for_lists_that_are_offered),
        cmocka_unit_test(stops_where_a_cursor_comes_again),
        cmocka_unit_test(agrees_on_a_revision),
        cmocka_unit_test(knows_the_revisions_one_can_force),
        cmocka_unit_test(accepts_a_discovery),
        cmocka_unit_test(every_request_is_valid_in_its_revision),
        cmocka_unit_test(the_published_schema_refuses),
        cmocka_unit_test(initialize_is_valid_in_its_revision),
        cmocka_unit_test(the_same_seed_gives_the_same_arguments),
        cmocka_unit_test(takes_the_variant_modulo_their_count),
        cmocka_unit_test(headers_mirror_constant_arguments),
        cmocka_unit_test(templates_are_rendered_per_call),
        cmocka_unit_test(a_capture_without_a_value_is_named),
        cmocka_unit_test(resource_templates_are_expanded),
        cmocka_unit_test(completion_takes_value_and_context),
        cmocka_unit_test(uses_what_the_server_suggests),
        cmocka_unit_test(refuses_arguments_that_make_no_sense),
        cmocka_unit_test(ids_are_written_whole),
    };
    return cmocka_run_group_tests_name("mcp_operation", tests, NULL, NULL);
}
