/* What a client hears beside its answers: progress and the log of a call, changed resources; and
 * what is left of a call that was cancelled. Each notification is held against the published
 * schema. */
#include "burrow/server/protocol.h"
#include "burrow/server/subscriptions.h"
#include "mcp/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a table of tools ----------------------------------------------------------------------- */

#define STEPS 5

/* Keeps one memory after another, and says so. */
static int run_count(struct tool_call *call)
{
    for (size_t done = 0; done < STEPS; done++) {
        if (records_run(call->store->records, &call->error,
                        "INSERT INTO memories(content) VALUES ('counted')", "") < 0)
            return tool_fail_tier(call);
        if (tool_progress(call, done + 1, STEPS) < 0)
            return -1;
    }
    call->structured = json_pack("{s:i}", "counted", STEPS);
    return 0;
}

static int run_change(struct tool_call *call)
{
    if (records_run(call->store->records, &call->error,
                    "UPDATE memories SET content = 'changed' WHERE id = 1", "") < 0)
        return tool_fail_tier(call);
    call->structured = json_object();
    return 0;
}

static int run_fail(struct tool_call *call)
{
    return tool_fail(call, "not_found", "there is no \"thing\"");
}

#define NO_INPUT   "{\"type\":\"object\",\"additionalProperties\":false}"
#define ANY_OUTPUT "{\"type\":\"object\"}"
static const struct tool tools[] = {
    {"count", "Count", "Count.", "mem", 0, NO_INPUT, ANY_OUTPUT, run_count},
    {"change", "Change", "Change.", "mem", TOOL_DESTRUCTIVE, NO_INPUT, ANY_OUTPUT, run_change},
    {"fail", "Fail", "Fail.", "mem", TOOL_PURE | TOOL_READ_ONLY, NO_INPUT, ANY_OUTPUT, run_fail},
};
static const char *const tables[] = {"CREATE TABLE memories(id INTEGER PRIMARY KEY, content TEXT)",
                                     NULL};
static const struct tool_group group = {
    .name = "some", .migrations = tables, .tools = tools, .count = sizeof tools / sizeof *tools};
const struct tool_group *const tool_groups[] = {&group, NULL};

/* ---- the fixture ---------------------------------------------------------------------------- */

struct fixture {
    struct store store;
    struct service *service;
    struct subscriptions *subscriptions;
    struct channel *channel;
    struct protocol_peer peer;
    json_t *schemas[2]; /* legacy, modern */
    json_t *heard;      /* with the request */
    json_t *told;       /* through the channel */
    uint64_t last_event;
    unsigned ended, asked;
    unsigned cancel_at; /* the call is cancelled when that is asked for the nth time; 0: never */
    char running[32];
};

static void heard(void *context, const char *message, size_t length)
{
    struct fixture *fixture = context;
    json_t *notification = json_loadb(message, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(notification);
    json_array_append_new(fixture->heard, notification);
}

static void told(void *context, uint64_t event, const char *message, size_t length)
{
    struct fixture *fixture = context;
    json_t *notification = json_loadb(message, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(notification);
    json_array_append_new(fixture->told, notification);
    assert_true(event > fixture->last_event);
    fixture->last_event = event;
}

static void ended(void *context)
{
    ((struct fixture *)context)->ended++;
}

static void running(void *context, const char *id)
{
    struct fixture *fixture = context;
    if (id)
        snprintf(fixture->running, sizeof fixture->running, "%s", id);
}

static bool cancelled(void *context)
{
    struct fixture *fixture = context;
    return ++fixture->asked == fixture->cancel_at;
}

static struct channel *channel_of(void *context, bool make)
{
    (void)make;
    return ((struct fixture *)context)->channel;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct error error = {0};
    struct store_options options = {.folder = ":memory:", .cache_limit_bytes = 1 << 20};
    memset(&fixture, 0, sizeof fixture);
    if (store_open(&fixture.store, &options, &error) < 0 ||
        !(fixture.service = service_open(&fixture.store, &error)))
        fail_msg("%s", error.text);
    fixture.subscriptions = subscriptions_open(&fixture.store);
    fixture.channel = channel_open(fixture.subscriptions);
    assert_non_null(fixture.channel);
    fixture.schemas[0] = json_load_file(MCP_SCHEMA_DIR "/2025-11-25.json", 0, NULL);
    fixture.schemas[1] = json_load_file(MCP_SCHEMA_DIR "/2026-07-28.json", 0, NULL);
    fixture.heard = json_array();
    fixture.told = json_array();
    fixture.peer = (struct protocol_peer){heard, running, cancelled, channel_of, &fixture};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    json_decref(fixture->heard);
    json_decref(fixture->told);
    json_decref(fixture->schemas[0]);
    json_decref(fixture->schemas[1]);
    channel_release(fixture->channel);
    subscriptions_close(fixture->subscriptions);
    service_close(fixture->service);
    store_close(&fixture->store);
    return 0;
}

static void listen(struct fixture *fixture, uint64_t after)
{
    struct channel_listener listener = {told, ended, fixture};
    fixture->last_event = after;
    channel_attach(fixture->channel, &listener, after);
}

/* The answer, parsed; NULL when there is none. `meta`: members of _meta. */
static json_t *ask(struct fixture *fixture, bool modern, const char *method, const char *params,
                   const char *meta)
{
    char message[1024];
    struct protocol_answer answer;
    struct protocol_context context = {
        .revision = modern ? NULL : mcp_revision_find(MCP_LATEST_LEGACY), .peer = &fixture->peer};
    snprintf(message, sizeof message,
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{\"_meta\":{%s%s%s}%s%s}}",
             method,
             modern ? "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                      "\"io.modelcontextprotocol/clientCapabilities\":{}"
                    : "",
             modern && *meta ? "," : "", meta, *params ? "," : "", params);
    protocol_answer(fixture->service, &context, message, strlen(message), &answer);
    size_t length = buffer_length(&answer.text);
    json_t *parsed = length ? json_loadb(buffer_bytes(&answer.text), length, 0, NULL) : NULL;
    assert_int_equal(answer.status, length ? 200 : 202);
    protocol_answer_free(&answer);
    return parsed;
}

static void call(struct fixture *fixture, bool modern, const char *tool, const char *meta)
{
    char params[64];
    snprintf(params, sizeof params, "\"name\":\"%s\"", tool);
    json_t *answer = ask(fixture, modern, "tools/call", params, meta);
    assert_non_null(json_object_get(answer, "result"));
    json_decref(answer);
}

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
    if (!schema_validate(schema, value, problem, sizeof problem))
        fail_msg("no %s: %s", type, problem);
    schema_free(schema);
    json_decref(document);
}

static const json_t *param(const json_t *notification, const char *name)
{
    return json_object_get(json_object_get(notification, "params"), name);
}

static json_int_t memories(struct fixture *fixture)
{
    int64_t count = -1;
    struct error error;
    records_integer(fixture->store.records, &error, 0, &count, "SELECT count(*) FROM memories", "");
    return count;
}

/* ---- progress ------------------------------------------------------------------------------- */

static void tells_progress(void **state)
{
    struct fixture *fixture = *state;
    for (int modern = 0; modern < 2; modern++) {
        json_array_clear(fixture->heard);
        call(fixture, modern, "count", "\"progressToken\":\"t \\\"1\\\"\"");
        size_t count = json_array_size(fixture->heard), index;
        json_t *one;
        json_int_t before = 0;
        assert_true(count >= 2 && count <= STEPS); /* the first and the last at least */
        json_array_foreach(fixture->heard, index, one)
        {
            fits(fixture, modern, one, "ProgressNotification");
            assert_string_equal(json_string_value(param(one, "progressToken")), "t \"1\"");
            assert_true(json_integer_value(param(one, "progress")) > before);
            before = json_integer_value(param(one, "progress"));
            assert_int_equal(json_integer_value(param(one, "total")), STEPS);
        }
        assert_int_equal(before, STEPS);
    }
    json_array_clear(fixture->heard);
    call(fixture, true, "count", "\"progressToken\":42");
    assert_int_equal(json_integer_value(param(json_array_get(fixture->heard, 0), "progressToken")),
                     42);
    json_array_clear(fixture->heard);
    call(fixture, true, "count", ""); /* nobody asked */
    call(fixture, false, "count", "\"progressToken\":{}");
    assert_int_equal(json_array_size(fixture->heard), 0);
    fixture->peer.notify = NULL; /* there is no way to tell it */
    call(fixture, true, "count", "\"progressToken\":42");
}

/* ---- the log -------------------------------------------------------------------------------- */

static void logs_to_who_asked(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, true, "count", "\"io.modelcontextprotocol/logLevel\":\"debug\"");
    call(fixture, true, "change", "\"io.modelcontextprotocol/logLevel\":\"notice\"");
    call(fixture, true, "fail", "\"io.modelcontextprotocol/logLevel\":\"info\"");
    assert_int_equal(json_array_size(fixture->heard), 3);
    static const char *const expected[][3] = {{"debug", "count", "success"},
                                              {"notice", "change", "success"},
                                              {"info", "fail", "not_found"}};
    for (size_t i = 0; i < 3; i++) {
        json_t *one = json_array_get(fixture->heard, i);
        const json_t *data = param(one, "data");
        fits(fixture, 1, one, "LoggingMessageNotification");
        assert_string_equal(json_string_value(param(one, "level")), expected[i][0]);
        assert_string_equal(json_string_value(json_object_get(data, "tool")), expected[i][1]);
        assert_string_equal(json_string_value(json_object_get(data, "outcome")), expected[i][2]);
    }
    json_array_clear(fixture->heard);
    call(fixture, true, "count", "\"io.modelcontextprotocol/logLevel\":\"info\"");
    call(fixture, true, "count", "\"io.modelcontextprotocol/logLevel\":\"loud\"");
    call(fixture, true, "fail", "");
    assert_int_equal(json_array_size(fixture->heard), 0);
}

static void logs_by_the_level_of_the_session(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, false, "fail", "");
    assert_int_equal(json_array_size(fixture->heard), 0); /* nothing was asked for */
    json_decref(ask(fixture, false, "logging/setLevel", "\"level\":\"info\"", ""));
    call(fixture, false, "fail", "");
    call(fixture, false, "count", ""); /* debug: below it */
    assert_int_equal(json_array_size(fixture->heard), 1);
    fits(fixture, 0, json_array_get(fixture->heard, 0), "LoggingMessageNotification");
    fixture->peer.notify = NULL; /* then through the stream of the session */
    listen(fixture, 0);
    call(fixture, false, "fail", "");
    assert_int_equal(json_array_size(fixture->told), 1);
    fits(fixture, 0, json_array_get(fixture->told, 0), "LoggingMessageNotification");
}

/* ---- cancelled ------------------------------------------------------------------------------ */

static void keeps_nothing_of_a_cancelled_call(void **state)
{
    struct fixture *fixture = *state;
    for (int modern = 0; modern < 2; modern++) {
        fixture->asked = 0;
        fixture->cancel_at = 3;
        assert_null(ask(fixture, modern, "tools/call", "\"name\":\"count\"", ""));
        assert_int_equal(fixture->asked, 3); /* it did not go on */
        assert_int_equal(memories(fixture), 0);
        assert_string_equal(fixture->running, "7");
    }
    fixture->cancel_at = 0;
    call(fixture, true, "count", "");
    assert_int_equal(memories(fixture), STEPS);
}

/* ---- changed resources, legacy -------------------------------------------------------------- */

static void expect_told(struct fixture *fixture, const char *const *methods)
{
    size_t index;
    for (index = 0; methods[index]; index++) {
        json_t *one = json_array_get(fixture->told, index);
        const char *method = json_string_value(json_object_get(one, "method"));
        if (!method)
            fail_msg("%zu notifications, no %s", index, methods[index]);
        assert_string_equal(method, methods[index]);
        fits(fixture, 0, one,
             strstr(method, "updated") ? "ResourceUpdatedNotification"
                                       : "ResourceListChangedNotification");
        assert_null(param(one, "_meta"));
    }
    assert_int_equal(json_array_size(fixture->told), index);
    json_array_clear(fixture->told);
}

static void tells_of_changed_resources(void **state)
{
    static const char *const list[] = {"notifications/resources/list_changed", NULL};
    static const char *const updated[] = {"notifications/resources/updated", NULL};
    struct fixture *fixture = *state;
    listen(fixture, 0);
    call(fixture, false, "count", "");
    expect_told(fixture, list);
    call(fixture, false, "change", ""); /* of memory 1, which nobody asked for */
    expect_told(fixture, list + 1);
    json_t *answer = ask(fixture, false, "resources/subscribe", "\"uri\":\"memory://1\"", "");
    fits(fixture, 0, json_object_get(answer, "result"), "EmptyResult");
    json_decref(answer);
    call(fixture, false, "change", "");
    expect_told(fixture, updated);
    json_decref(ask(fixture, false, "resources/unsubscribe", "\"uri\":\"memory://1\"", ""));
    call(fixture, false, "change", "");
    expect_told(fixture, list + 1);
}

static void bounds_subscriptions(void **state)
{
    struct fixture *fixture = *state;
    char params[64];
    for (int i = 0; i <= CHANNEL_URIS; i++) {
        snprintf(params, sizeof params, "\"uri\":\"memory://%d\"", i);
        json_t *answer = ask(fixture, false, "resources/subscribe", params, "");
        json_decref(
            ask(fixture, false, "resources/subscribe", "\"uri\":\"memory://0\"", "")); /* is */
        assert_int_equal(json_object_get(answer, "result") != NULL, i < CHANNEL_URIS);
        json_decref(answer);
    }
    json_t *answer = ask(fixture, false, "resources/subscribe", "", "");
    assert_non_null(json_object_get(answer, "error"));
    json_decref(answer);
}

/* ---- taking up a stream that broke ---------------------------------------------------------- */

static void tell_many(struct fixture *fixture, unsigned count, size_t size)
{
    char *message = malloc(size + 1);
    assert_non_null(message);
    memset(message, ' ', size);
    message[0] = '{';
    message[size - 1] = '}';
    for (unsigned i = 0; i < count; i++)
        channel_tell(fixture->channel, message, size);
    free(message);
}

static void takes_up_where_the_client_was(void **state)
{
    struct fixture *fixture = *state;
    tell_many(fixture, 3, 10); /* nobody has listened yet */
    listen(fixture, 0);
    assert_int_equal(json_array_size(fixture->told), 0);
    tell_many(fixture, 2, 10);
    uint64_t has = fixture->last_event;
    channel_detach(fixture->channel, fixture);
    tell_many(fixture, 3, 10);
    assert_int_equal(json_array_size(fixture->told), 2);
    listen(fixture, has);
    assert_int_equal(json_array_size(fixture->told), 5);
    assert_int_equal(fixture->last_event, channel_last_event(fixture->channel));
    listen(fixture, has + 2); /* another takes its place, which has all but one */
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(json_array_size(fixture->told), 6);
    channel_end(fixture->channel);
    assert_int_equal(fixture->ended, 2);
    tell_many(fixture, 1, 10);
    assert_int_equal(json_array_size(fixture->told), 6);
}

static void keeps_a_bounded_past(void **state)
{
    struct fixture *fixture = *state;
    listen(fixture, 0);
    channel_detach(fixture->channel, fixture);
    tell_many(fixture, 3 * CHANNEL_EVENTS, 10);
    listen(fixture, 0);
    assert_int_equal(json_array_size(fixture->told), CHANNEL_EVENTS);
    channel_detach(fixture->channel, fixture);
    json_array_clear(fixture->told);
    tell_many(fixture, 20, CHANNEL_BYTES / 4);
    listen(fixture, 0);
    assert_int_equal(json_array_size(fixture->told), 4);
    tell_many(fixture, 1, CHANNEL_BYTES + 1); /* heard, and not kept */
    assert_int_equal(json_array_size(fixture->told), 5);
    channel_detach(fixture->channel, fixture);
    json_array_clear(fixture->told);
    listen(fixture, 0);
    assert_int_equal(json_array_size(fixture->told), 0);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests_all[] = {
        CASE(tells_progress),
        CASE(logs_to_who_asked),
        CASE(logs_by_the_level_of_the_session),
        CASE(keeps_nothing_of_a_cancelled_call),
        CASE(tells_of_changed_resources),
        CASE(bounds_subscriptions),
        CASE(takes_up_where_the_client_was),
        CASE(keeps_a_bounded_past),
    };
    return cmocka_run_group_tests(tests_all, NULL, NULL);
}
