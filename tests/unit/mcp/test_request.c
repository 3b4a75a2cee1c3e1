/* What a client sends: bodies with the metadata of their era, header values, x-mcp-header. */
#include "mcp/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the three above */
#include <cmocka.h>

/* ---- bodies ------------------------------------------------------------------------------------
 */

static json_t *body_of(const char *revision, const char *method, json_t *params)
{
    struct mcp_request_text text;
    struct error error;
    assert_int_equal(
        mcp_request_text_build(&text, mcp_revision_find(revision), method, params, &error), 0);
    json_decref(params);
    struct buffer whole;
    buffer_init(&whole, 1 << 20);
    assert_int_equal(buffer_append(&whole, text.prefix, text.prefix_length), 0);
    assert_int_equal(buffer_append_text(&whole, "17"), 0);
    assert_int_equal(buffer_append(&whole, text.suffix, text.suffix_length), 0);
    assert_null(memchr(buffer_bytes(&whole), '\n', buffer_length(&whole)));
    json_t *body = json_loadb(buffer_bytes(&whole), buffer_length(&whole), 0, NULL);
    assert_non_null(body);
    buffer_free(&whole);
    mcp_request_text_free(&text);
    return body;
}

static void assert_json(json_t *value, const char *expected)
{
    json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    if (!json_equal(value, wanted)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("%s, not %s", text ? text : "nothing", expected);
    }
    json_decref(wanted);
}

static void modern_requests_carry_metadata(void **state)
{
    (void)state;
    json_t *body = body_of("2026-07-28", "tools/call",
                           json_pack("{s:s, s:{s:i}}", "name", "a\n\"b", "arguments", "x", 1));
    assert_json(json_object_get(body, "id"), "17");
    assert_json(json_object_get(body, "method"), "\"tools/call\"");
    json_t *params = json_object_get(body, "params"), *meta = json_object_get(params, "_meta");
    assert_json(json_object_get(params, "name"), "\"a\\n\\\"b\"");
    assert_json(json_object_get(meta, "io.modelcontextprotocol/protocolVersion"), "\"2026-07-28\"");
    assert_json(json_object_get(meta, "io.modelcontextprotocol/clientCapabilities"),
                "{\"elicitation\":{\"form\":{}},\"sampling\":{},\"roots\":{}}");
    assert_json(
        json_object_get(json_object_get(meta, "io.modelcontextprotocol/clientInfo"), "name"),
        "\"cicada\"");
    json_decref(body);
    body = body_of("2026-07-28", "server/discover", NULL);
    assert_true(json_is_object(json_object_get(json_object_get(body, "params"), "_meta")));
    json_decref(body);
}

static void metadata_given_stays(void **state)
{
    (void)state;
    json_t *given = json_pack("{s:{s:s, s:s}}", "_meta", "progressToken", "p",
                              "io.modelcontextprotocol/protocolVersion", "1900-01-01");
    json_t *body = body_of("2026-07-28", "tools/list", json_incref(given));
    json_t *meta = json_object_get(json_object_get(body, "params"), "_meta");
    assert_json(json_object_get(meta, "progressToken"), "\"p\"");
    assert_json(json_object_get(meta, "io.modelcontextprotocol/protocolVersion"), "\"2026-07-28\"");
    assert_int_equal(json_object_size(json_object_get(given, "_meta")), 2); /* ours was a copy */
    json_decref(given);
    json_decref(body);
}

static void legacy_requests_carry_none(void **state)
{
    (void)state;
    for (const struct mcp_revision *revision = mcp_revisions(); revision->name; revision++) {
        if (revision->era != MCP_ERA_LEGACY)
            continue;
        json_t *body = body_of(revision->name, "ping", NULL);
        assert_json(body, "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"ping\"}");
        json_decref(body);
        assert_null(mcp_request_meta(revision));
    }
    json_t *body = body_of("2025-11-25", "tools/list", json_pack("{s:s}", "cursor", ""));
    assert_json(json_object_get(body, "params"), "{\"cursor\":\"\"}");
    json_decref(body);
}

static void capabilities_follow_the_revision(void **state)
{
    static const struct {
        const char *revision, *capabilities;
    } cases[] = {
        {"2024-11-05", "{\"sampling\":{},\"roots\":{}}"},
        {"2025-03-26", "{\"sampling\":{},\"roots\":{}}"},
        {"2025-06-18", "{\"elicitation\":{},\"sampling\":{},\"roots\":{}}"},
        {"2025-11-25", "{\"elicitation\":{\"form\":{}},\"sampling\":{},\"roots\":{}}"},
        {"2026-07-28", "{\"elicitation\":{\"form\":{}},\"sampling\":{},\"roots\":{}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = mcp_client_capabilities(mcp_revision_find(cases[i].revision));
        assert_json(value, cases[i].capabilities);
        json_decref(value);
    }
}

static void params_must_be_an_object(void **state)
{
    struct mcp_request_text text;
    struct error error;
    json_t *array = json_array();
    (void)state;
    assert_int_equal(
        mcp_request_text_build(&text, mcp_revision_find("2025-11-25"), "ping", array, &error), -1);
    assert_non_null(strstr(error.text, "object"));
    json_decref(array);
}

static void notifications_have_no_id(void **state)
{
    (void)state;
    char *text =
        mcp_notification_text(mcp_revision_find("2025-11-25"), "notifications/initialized", NULL);
    assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    free(text);
}

/* ---- header values -----------------------------------------------------------------------------
 */

/* The first rows are the specification's own examples. */
static const struct {
    const char *value, *header;
} header_cases[] = {
    {"us-west1", "us-west1"},
    {"Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?="},
    {" padded ", "=?base64?IHBhZGRlZCA=?="},
    {"line1\nline2", "=?base64?bGluZTEKbGluZTI=?="},
    {"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="},
    {"=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="},
    {"=?base64?open", "=?base64?open"},
    {"=?BASE64?x?=", "=?BASE64?x?="},
    {"a?=", "a?="},
    {"a b\tc", "a b\tc"},
    {"\ttab", "=?base64?CXRhYg==?="},
    {"tab\t", "=?base64?dGFiCQ==?="},
    {"", "=?base64?\?="},
    {"\x7f", "=?base64?fw==?="},
    {"a\rb", "=?base64?YQ1i?="},
    {"~!@#$%^&*()", "~!@#$%^&*()"},
    {"file:///a b", "file:///a b"},
};

static void encodes_header_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof *header_cases; i++) {
        struct buffer output;
        buffer_init(&output, 4096);
        const char *value = header_cases[i].value;
        assert_int_equal(mcp_header_value_append(&output, value, strlen(value)), 0);
        char *text = buffer_take_string(&output);
        assert_string_equal(text, header_cases[i].header);
        free(text);
    }
}

static void header_value_is_whole_or_not_there(void **state)
{
    struct buffer output;
    (void)state;
    buffer_init(&output, 12);
    assert_int_equal(buffer_append_text(&output, "ab"), 0);
    assert_int_equal(mcp_header_value_append(&output, " x ", 3), -1);
    assert_int_equal(buffer_length(&output), 2);
    buffer_free(&output);
}

/* ---- x-mcp-header ------------------------------------------------------------------------------
 */

static const struct {
    const char *schema;
    int count; /* -1: invalid */
} annotation_cases[] = {
    {"{\"type\":\"object\"}", 0},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}}", 1},
    {"{\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"},"
     "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"}}}",
     2},
    {"{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"p\":{\"properties\":"
     "{\"q\":{\"type\":\"string\",\"x-mcp-header\":\"Deep\"}}}}}}}",
     1},
    {"{\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"array\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"null\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a b\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a:b\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a\\r\\nb\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\xc3\xa9gion\"}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":7}}}", -1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"!#$%&'*+-.^_`|~09aZ\"}}}", 1},
    {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Same\"},"
     "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"sAME\"}}}",
     -1},
    {"{\"type\":\"string\",\"x-mcp-header\":\"Root\"}", -1},
    {"{\"items\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", -1},
    {"{\"properties\":{\"l\":{\"items\":{\"properties\":{\"a\":{\"type\":\"string\","
     "\"x-mcp-header\":\"A\"}}}}}}",
     -1},
    {"{\"properties\":{\"l\":{\"prefixItems\":[{\"type\":\"string\",\"x-mcp-header\":\"A\"}]}}}",
     -1},
    {"{\"oneOf\":[{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}]}", -1},
    {"{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}]}", -1},
    {"{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}]}", -1},
    {"{\"not\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}", -1},
    {"{\"if\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}", -1},
    {"{\"then\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}", -1},
    {"{\"else\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}", -1},
    {"{\"$defs\":{\"d\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}},"
     "\"properties\":{\"a\":{\"$ref\":\"#/$defs/d\"}}}",
     -1},
    {"{\"definitions\":{\"d\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"additionalProperties\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", -1},
    {"{\"patternProperties\":{\"^a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}", -1},
    {"{\"dependentSchemas\":{\"a\":{\"properties\":{\"b\":{\"type\":\"string\","
     "\"x-mcp-header\":\"A\"}}}}}",
     -1},
    {"{\"propertyNames\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", -1},
    {"{\"contains\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", -1},
    {"{\"someFutureKeyword\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", -1},
    /* a property of that name, and mere data, are no annotations */
    {"{\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}}}", 0},
    {"{\"properties\":{\"a\":{\"default\":{\"x-mcp-header\":\"A\"}}}}", 0},
    {"{\"properties\":{\"a\":{\"const\":{\"x-mcp-header\":\"A\"}}}}", 0},
    {"{\"properties\":{\"a\":{\"enum\":[{\"x-mcp-header\":\"A\"}]}}}", 0},
    {"{\"properties\":{\"a\":{\"examples\":[{\"x-mcp-header\":\"A\"}]}}}", 0},
    {"{\"properties\":{\"a\":true,\"properties\":{\"type\":\"string\",\"x-mcp-header\":\"P\"}}}",
     1},
};

static void validates_annotations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof annotation_cases / sizeof *annotation_cases; i++) {
        struct mcp_param_header *headers;
        size_t count;
        struct error error = {0};
        json_t *schema = json_loads(annotation_cases[i].schema, 0, NULL);
        assert_non_null(schema);
        int failed = mcp_param_headers_collect(schema, &headers, &count, &error);
        if (failed != (annotation_cases[i].count < 0 ? -1 : 0) ||
            (!failed && (int)count != annotation_cases[i].count))
            fail_msg("%d, %zu headers (%s): %s", failed, count, error.text,
                     annotation_cases[i].schema);
        if (failed)
            assert_true(strlen(error.text) > 10 && !headers && !count);
        mcp_param_headers_free(headers, count);
        json_decref(schema);
    }
}

static void bounds_the_depth_of_a_schema(void **state)
{
    struct mcp_param_header *headers;
    size_t count;
    struct error error;
    json_t *schema = json_object();
    (void)state;
    for (int i = 0; i < 300; i++)
        schema = json_pack("{s:o}", "items", schema);
    assert_int_equal(mcp_param_headers_collect(schema, &headers, &count, &error), -1);
    json_decref(schema);
}

static const struct {
    const char *arguments, *value;
} value_cases[] = {
    {"{\"o\":{\"p\":\"us-west1\"}}", "us-west1"},
    {"{\"o\":{\"p\":\" x\"}}", "=?base64?IHg=?="},
    {"{\"o\":{\"p\":\"\"}}", "=?base64?\?="},
    {"{\"o\":{\"p\":42}}", "42"},
    {"{\"o\":{\"p\":-7}}", "-7"},
    {"{\"o\":{\"p\":42.0}}", "42"},
    {"{\"o\":{\"p\":-0.0}}", "0"},
    {"{\"o\":{\"p\":1e3}}", "1000"},
    {"{\"o\":{\"p\":9007199254740991}}", "9007199254740991"},
    {"{\"o\":{\"p\":-9007199254740991}}", "-9007199254740991"},
    {"{\"o\":{\"p\":9007199254740992}}", NULL},
    {"{\"o\":{\"p\":-9007199254740992}}", NULL},
    {"{\"o\":{\"p\":1e30}}", NULL},
    {"{\"o\":{\"p\":0.5}}", NULL},
    {"{\"o\":{\"p\":true}}", "true"},
    {"{\"o\":{\"p\":false}}", "false"},
    {"{\"o\":{\"p\":null}}", NULL},
    {"{\"o\":{\"p\":[]}}", NULL},
    {"{\"o\":{\"p\":{}}}", NULL},
    {"{\"o\":{}}", NULL},
    {"{\"o\":1}", NULL},
    {"{\"p\":\"x\"}", NULL},
    {"{}", NULL},
};

static void reads_values_at_their_path(void **state)
{
    struct mcp_param_header *headers;
    size_t count;
    struct error error;
    json_t *schema = json_loads("{\"properties\":{\"o\":{\"properties\":{\"p\":{\"type\":"
                                "\"string\",\"x-mcp-header\":\"P\"}}}}}",
                                0, NULL);
    (void)state;
    assert_int_equal(mcp_param_headers_collect(schema, &headers, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_string_equal(headers[0].name, "Mcp-Param-P");
    for (size_t i = 0; i < sizeof value_cases / sizeof *value_cases; i++) {
        json_t *arguments = json_loads(value_cases[i].arguments, 0, NULL);
        char *value = mcp_param_header_value(&headers[0], arguments);
        if ((value == NULL) != (value_cases[i].value == NULL) ||
            (value && strcmp(value, value_cases[i].value) != 0))
            fail_msg("%s gives %s", value_cases[i].arguments, value ? value : "nothing");
        free(value);
        json_decref(arguments);
    }
    mcp_param_headers_free(headers, count);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modern_requests_carry_metadata),
        cmocka_unit_test(metadata_given_stays),
        cmocka_unit_test(legacy_requests_carry_none),
        cmocka_unit_test(capabilities_follow_the_revision),
        cmocka_unit_test(params_must_be_an_object),
        cmocka_unit_test(notifications_have_no_id),
        cmocka_unit_test(encodes_header_values),
        cmocka_unit_test(header_value_is_whole_or_not_there),
        cmocka_unit_test(validates_annotations),
        cmocka_unit_test(bounds_the_depth_of_a_schema),
        cmocka_unit_test(reads_values_at_their_path),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
