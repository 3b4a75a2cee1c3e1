/* Every tool of the table against arguments that are wrong in each way a schema can say, and
 * against texts that mean something elsewhere. What is refused is refused by the name of the
 * argument, and nothing of it is kept. */
#include "burrow/server/protocol.h"
#include "tool_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct trial {
    struct harness *harness;
    const struct tool *tool;
    json_t *arguments; /* an example, of which one place is changed at a time */
    unsigned commits, refused;
};

static int count_commit(void *commits)
{
    ++*(unsigned *)commits;
    return 0;
}

static void for_each_tool(struct trial *trial, void (*try)(struct trial *trial, json_t *schema))
{
    for (size_t g = 0; tool_groups[g]; g++)
        for (size_t i = 0; i < tool_groups[g]->count; i++) {
            trial->tool = &tool_groups[g]->tools[i];
            json_t *schema = json_loads(trial->tool->input_schema, 0, NULL);
            trial->arguments =
                json_deep_copy(json_array_get(json_object_get(schema, "examples"), 0));
            assert_non_null(trial->arguments);
            try(trial, schema);
            json_decref(trial->arguments);
            json_decref(schema);
        }
}

/* ---- what the schema forbids ---------------------------------------------------------------- */

static void expect_refusal(struct trial *trial, const char *named, const char *why)
{
    struct tool_call call;
    sqlite3 *handle = records_handle(trial->harness->store.records);
    unsigned commits = trial->commits;
    int64_t rows = sqlite3_total_changes64(handle);
    const char *name = trial->tool->name;
    if (dispatch_call(trial->harness->dispatch, trial->tool, trial->arguments, "test", &call) == 0)
        fail_msg("%s: %s with %s was accepted", name, named, why);
    if (strcmp(call.reason, "invalid_argument") != 0)
        fail_msg("%s: %s with %s: %s: %s", name, named, why, call.reason, call.error.text);
    if (!strstr(call.error.text, name) || !strstr(call.error.text, named))
        fail_msg("%s: %s with %s: the message does not name it: %s", name, named, why,
                 call.error.text);
    if (trial->commits != commits || sqlite3_total_changes64(handle) != rows)
        fail_msg("%s: %s with %s: refused, and something was written", name, named, why);
    trial->refused++;
}

/* `value` in the place of a member, and then what was there before. */
static void try_value(struct trial *trial, json_t *object, const char *name, json_t *value,
                      const char *why)
{
    json_t *before = json_incref(json_object_get(object, name));
    json_object_set_new(object, name, value);
    expect_refusal(trial, name, why);
    if (before)
        json_object_set_new(object, name, before);
    else
        json_object_del(object, name);
}

static bool has_type(const json_t *schema, const char *type)
{
    const json_t *types = json_object_get(schema, "type"), *one;
    size_t index;
    if (json_is_string(types))
        return strcmp(json_string_value(types), type) == 0;
    json_array_foreach(types, index,
                       one) if (strcmp(json_string_value(one), type) == 0) return true;
    return false;
}

static json_t *long_text(json_int_t length)
{
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    memset(text, 'a', (size_t)length);
    json_t *value = json_stringn(text, (size_t)length);
    free(text);
    return value;
}

static void try_types(struct trial *trial, json_t *object, const char *name, const json_t *schema)
{
    if (json_object_get(schema, "enum"))
        try_value(trial, object, name, json_string("no such value"),
                  "a value that is none of the enum");
    if (!json_object_get(schema, "type"))
        return;
    if (!has_type(schema, "string"))
        try_value(trial, object, name, json_string("1"), "a text");
    if (!has_type(schema, "integer") && !has_type(schema, "number"))
        try_value(trial, object, name, json_integer(7), "a number");
    if (!has_type(schema, "boolean"))
        try_value(trial, object, name, json_true(), "true");
    if (!has_type(schema, "array"))
        try_value(trial, object, name, json_pack("[s]", "x"), "an array");
    if (!has_type(schema, "object"))
        try_value(trial, object, name, json_pack("{s:i}", "x", 1), "an object");
    if (!has_type(schema, "null"))
        try_value(trial, object, name, json_null(), "null");
    if (has_type(schema, "integer") && !has_type(schema, "number"))
        try_value(trial, object, name, json_real(1.5), "half a number");
}

static void try_bounds(struct trial *trial, json_t *object, const char *name, const json_t *schema)
{
    const json_t *bound;
    if ((bound = json_object_get(schema, "maxLength")))
        try_value(trial, object, name, long_text(json_integer_value(bound) + 1), "a text too long");
    if (json_integer_value(json_object_get(schema, "minLength")) > 0)
        try_value(trial, object, name, json_string(""), "an empty text");
    if ((bound = json_object_get(schema, "minimum")))
        try_value(trial, object, name, json_integer((json_int_t)json_number_value(bound) - 1),
                  "a number too small");
    if ((bound = json_object_get(schema, "maximum")))
        try_value(trial, object, name, json_integer((json_int_t)json_number_value(bound) + 1),
                  "a number too large");
    if ((bound = json_object_get(schema, "maximum")))
        try_value(trial, object, name, json_real(1e308), "a number beyond all integers");
    if ((bound = json_object_get(schema, "maxItems"))) {
        json_t *item = json_deep_copy(json_array_get(json_object_get(object, name), 0));
        json_t *many = json_array();
        for (json_int_t i = 0; i <= json_integer_value(bound); i++)
            json_array_append(many, item ? item : json_null());
        json_decref(item);
        try_value(trial, object, name, many, "an array too long");
    }
    if (json_integer_value(json_object_get(schema, "minItems")) > 0)
        try_value(trial, object, name, json_array(), "an empty array");
}

/* Every member that the schema of an object knows, in the object and in what it holds. */
static void try_object(struct trial *trial, json_t *object, json_t *schema)
{
    json_t *property, *required = json_object_get(schema, "required"), *one;
    const char *name;
    size_t index;
    if (json_is_false(json_object_get(schema, "additionalProperties")))
        try_value(trial, object, "surplus", json_integer(1), "a member that is unknown");
    json_array_foreach(required, index, one)
    {
        json_t *before = json_incref(json_object_get(object, json_string_value(one)));
        assert_non_null(before);
        json_object_del(object, json_string_value(one));
        expect_refusal(trial, json_string_value(one), "nothing, and it is required");
        json_object_set_new(object, json_string_value(one), before);
    }
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        try_types(trial, object, name, property);
        try_bounds(trial, object, name, property);
        json_t *held = json_object_get(object, name), *items = json_object_get(property, "items");
        if (json_is_object(held) && json_object_get(property, "properties"))
            try_object(trial, held, property);
        if (json_is_object(json_array_get(held, 0)) && json_object_get(items, "properties"))
            try_object(trial, json_array_get(held, 0), items);
    }
}

static void try_tool(struct trial *trial, json_t *schema)
{
    try_object(trial, trial->arguments, schema);
}

static void names_the_argument(void **state)
{
    (void)state;
    struct harness harness;
    struct trial trial = {.harness = &harness};
    harness_open(&harness);
    sqlite3_commit_hook(records_handle(harness.store.records), count_commit, &trial.commits);
    for_each_tool(&trial, try_tool);
    assert_true(trial.refused > 1500); /* the table was walked */
    sqlite3_commit_hook(records_handle(harness.store.records), NULL, NULL);
    harness_close(&harness);
}

/* ---- texts that mean something elsewhere ---------------------------------------------------- */

static const char *const hostile[] = {
    "'; DROP TABLE memories; --",
    "\" OR 1=1 --",
    "%' UNION SELECT sql FROM sqlite_master --",
    "a NEAR/2 b AND ( NOT \"",
    "name:* OR ^x {a b}: c +",
    "'}) DETACH DELETE n //",
    "`]->() MATCH (m) SET m.x = 1 //",
    "../../../../etc/passwd",
    "C:\\..\\..\\x",
    "<script>alert(1)</script>",
    "\x1B[2J\x07\r\n\t",
    "%n%s%.9999f",
    "\xF0\x9F\x92\xA9\xE2\x80\xAE\xCC\x81",
    "A[\"x\"] --> B{y}\nend\nend\nsubgraph",
    "def f(:\n\treturn {{{ /* ' \"",
};

static void call_hostile(struct trial *trial, const char *path)
{
    struct tool_call call;
    unsigned commits = trial->commits;
    if (dispatch_call(trial->harness->dispatch, trial->tool, trial->arguments, "test", &call) ==
        0) {
        dispatch_release(&call);
        return;
    }
    if (strcmp(call.reason, "internal") == 0 || strcmp(call.reason, "tier_unavailable") == 0)
        fail_msg("%s: %s: %s: %s", trial->tool->name, path, call.reason, call.error.text);
    assert_true(strlen(call.error.text) > 5);
    if (trial->commits != commits)
        fail_msg("%s: %s: failed (%s), and something was written", trial->tool->name, path,
                 call.error.text);
    assert_true(sqlite3_get_autocommit(records_handle(trial->harness->store.records)));
}

/* Each text in each place that takes one, and once under each name of a member. */
static void try_hostile(struct trial *trial, json_t *at, const char *path)
{
    json_t *value;
    const char *name;
    void *next;
    size_t index;
    json_object_foreach_safe(at, next, name, value)
    {
        if (json_is_string(value))
            for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
                json_t *before = json_incref(value);
                json_object_set_new(at, name, json_string(hostile[i]));
                call_hostile(trial, name);
                json_object_set_new(at, name, before);
            }
        else
            try_hostile(trial, value, name);
    }
    json_array_foreach(at, index, value)
    {
        if (json_is_string(value))
            for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
                json_t *before = json_incref(value);
                json_array_set_new(at, index, json_string(hostile[i]));
                call_hostile(trial, path);
                json_array_set_new(at, index, before);
            }
        else
            try_hostile(trial, value, path);
    }
}

static void try_hostile_tool(struct trial *trial, json_t *schema)
{
    json_t *property;
    const char *name;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        if (has_type(property, "string") && !json_object_get(trial->arguments, name))
            json_object_set_new(trial->arguments, name, json_string("x"));
    }
    try_hostile(trial, trial->arguments, trial->tool->name);
}

static void takes_hostile_texts_for_texts(void **state)
{
    (void)state;
    struct harness harness;
    struct trial trial = {.harness = &harness};
    harness_open(&harness);
    sqlite3_commit_hook(records_handle(harness.store.records), count_commit, &trial.commits);
    for_each_tool(&trial, try_hostile_tool);
    int64_t tables = 0;
    struct error error;
    assert_int_equal(records_integer(harness.store.records, &error, 0, &tables,
                                     "SELECT count(*) FROM sqlite_master WHERE name = 'memories'",
                                     ""),
                     0);
    assert_int_equal(tables, 1);
    sqlite3_commit_hook(records_handle(harness.store.records), NULL, NULL);
    harness_close(&harness);
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* An integer may be written as 3.0, and lie beyond what 64 bits hold. */
static void reads_integers_however_written(void **state)
{
    (void)state;
    struct harness harness;
    harness_open(&harness);
    json_decref(harness_call(&harness, "add_todo", "{\"title\": \"One\"}"));
    json_decref(harness_call(&harness, "get_todo", "{\"id\": 1.0}"));
    harness_refused(&harness, "get_todo", "{\"id\": 1e300}", "not_found", "9223372036854775807");
    harness_refused(&harness, "get_todo", "{\"id\": -1e300}", "invalid_argument", "id");
    json_decref(harness_call(&harness, "create_task_blueprint",
                             "{\"name\": \"a\", \"steps\": [{\"name\": \"c\"}],"
                             " \"depends_on\": [77.0]}"));
    json_t *faults = harness_call(&harness, "validate_blueprint_consistency", "{\"id\": 1}");
    char *text = json_dumps(faults, JSON_COMPACT);
    assert_non_null(strstr(text, "77"));
    free(text);
    json_decref(faults);
    harness_close(&harness);
}

/* ---- messages ------------------------------------------------------------------------------- */

static void expect_error(struct service *service, const char *message, const char *words)
{
    struct protocol_answer answer;
    struct protocol_context context = {.revision = mcp_revision_find(MCP_LATEST_LEGACY)};
    protocol_answer(service, &context, message, strlen(message), &answer);
    json_t *document = json_loadb(buffer_bytes(&answer.text), buffer_length(&answer.text), 0, NULL);
    if (!document)
        fail_msg("%.200s: the answer is no JSON: %.*s", message, (int)buffer_length(&answer.text),
                 buffer_bytes(&answer.text));
    const char *said =
        json_string_value(json_object_get(json_object_get(document, "error"), "message"));
    const json_t *result = json_object_get(document, "result");
    if (json_is_true(json_object_get(result, "isError")))
        said = json_string_value(
            json_object_get(json_array_get(json_object_get(result, "content"), 0), "text"));
    if (!said || !strstr(said, words))
        fail_msg("%.200s: \"%s\" does not say %s", message, said ? said : "(a result)", words);
    json_decref(document);
    protocol_answer_free(&answer);
}

static void expect_call_error(struct service *service, const char *tool, const char *arguments,
                              const char *words)
{
    struct buffer message;
    buffer_init(&message, (size_t)1 << 20);
    buffer_printf(&message,
                  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                  "\"%s\",\"arguments\":%s}}",
                  tool, arguments);
    buffer_append_char(&message, '\0');
    expect_error(service, buffer_bytes(&message), words);
    buffer_free(&message);
}

/* A member whose value lies so many arrays deep. */
static char *nested(unsigned depth)
{
    char *text = malloc(2 * (size_t)depth + 32), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"surplus\": ");
    memset(at, '[', depth);
    memset(at + depth, ']', depth);
    strcpy(at + 2 * (size_t)depth, "}");
    return text;
}

/* A member with a name of 300 characters of two bytes. */
static char *accented(const char *begin)
{
    char *text = calloc(1, 700);
    assert_non_null(text);
    strcpy(text, begin);
    for (size_t i = 0; i < 300; i++)
        strcat(text, "\xC3\xA9");
    return strcat(text, "\": 1}");
}

static void refuses_messages_that_are_none(void **state)
{
    (void)state;
    struct harness harness;
    struct error error;
    harness_open(&harness);
    struct service *service = service_open(&harness.store, &error);
    assert_non_null(service);
    char *deep = nested(1000), *deeper = nested(3000);
    char *even = accented("{\""), *odd = accented("{\"a");
    for (size_t i = 0; i < service->count; i++) {
        const char *name = service->tools[i].tool->name;
        expect_call_error(service, name, "{\"a\": \"\xFF\xFE\"}", "at byte ");
        expect_call_error(service, name, "{\"\xC3\": 1}", "at byte ");
        expect_call_error(service, name, "{\"a\": \"\\u0000\"}", "at byte ");
        expect_call_error(service, name, "{\"a\": \"\\ud800\"}", "at byte ");
        expect_call_error(service, name, "{\"a\": 1, \"a\": 2}", "duplicate");
        expect_call_error(service, name, "[]", "params.arguments must be an object");
        expect_call_error(service, name, "null", "params.arguments must be an object");
        expect_call_error(service, name, deep, name);
        expect_call_error(service, name, deeper, "too deep");
        /* quoted in the message, and cut there: at a character or not */
        expect_call_error(service, name, even, name);
        expect_call_error(service, name, odd, name);
    }
    free(deep);
    free(deeper);
    free(even);
    free(odd);
    service_close(service);
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_argument),
        cmocka_unit_test(takes_hostile_texts_for_texts),
        cmocka_unit_test(reads_integers_however_written),
        cmocka_unit_test(refuses_messages_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
