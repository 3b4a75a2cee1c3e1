/* orchestration: agents, mailboxes, locks, events, state, workflows. */
#include "burrow/tools/groups.h"
#include "tool_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct harness harness;

static int open_harness(void **state)
{
    (void)state;
    harness_open(&harness);
    return 0;
}

static int close_harness(void **state)
{
    (void)state;
    harness_close(&harness);
    return 0;
}

static void check(const char *tool, const char *arguments, const char *expected)
{
    json_t *result = harness_call(&harness, tool, arguments);
    char *text = json_dumps(result, JSON_COMPACT);
    if (!strstr(text, expected))
        fail_msg("%s %s: %s is not in %s", tool, arguments, expected, text);
    free(text);
    json_decref(result);
}

static void an_agent_lives_as_long_as_its_lease(void **state)
{
    (void)state;
    check("register_agent", "{\"name\":\"a\",\"group\":\"g\",\"capabilities\":[\"plan\"]}",
          "\"name\":\"a\"");
    check("register_agent", "{\"name\":\"b\",\"lease_ms\":1}", "\"name\":\"b\"");
    usleep(3000); /* longer than b's lease, whatever else the machine does */
    check("list_agents", "{}", "{\"agents\":[{\"name\":\"a\"");
    check("list_agents", "{\"capability\":\"fly\"}", "\"agents\":[]");
    check("list_agents", "{\"group\":\"g\",\"capability\":\"plan\"}",
          "\"capabilities\":[\"plan\"]");
    check("heartbeat_agent", "{\"name\":\"a\"}", "expires_at");
    harness_refused(&harness, "heartbeat_agent", "{\"name\":\"b\"}", "not_found", "\"b\"");
    harness_refused(&harness, "unregister_agent", "{\"name\":\"c\"}", "not_found", "\"c\"");
}

static void a_message_stays_until_it_is_acknowledged(void **state)
{
    (void)state;
    check("register_agent", "{\"name\":\"a\",\"group\":\"g\"}", "a");
    check("register_agent", "{\"name\":\"b\",\"group\":\"g\"}", "b");
    check("send_agent_message", "{\"from\":\"x\",\"to\":\"a\",\"body\":{\"n\":1}}",
          "\"delivered\":1");
    check("send_agent_message", "{\"from\":\"x\",\"group\":\"g\",\"body\":\"two\"}",
          "\"delivered\":2");
    check("send_agent_message", "{\"from\":\"x\",\"group\":\"none\",\"body\":\"two\"}",
          "\"delivered\":0");
    check("receive_agent_messages", "{\"name\":\"a\",\"limit\":1}", "\"body\":{\"n\":1}");
    check("receive_agent_messages", "{\"name\":\"a\"}",
          "[{\"id\":2,\"from\":\"x\",\"body\":\"two\"");
    check("receive_agent_messages", "{\"name\":\"a\"}", "\"messages\":[]");
    /* the time of the receipt is over: what was not acknowledged comes again */
    records_run(harness.store.records, NULL, "UPDATE messages SET taken_until = 1", "");
    check("receive_agent_messages", "{\"name\":\"a\",\"acknowledge\":[1,3]}", "\"acknowledged\":1");
    records_run(harness.store.records, NULL, "UPDATE messages SET taken_until = 1", "");
    check("receive_agent_messages", "{\"name\":\"a\"}", "{\"messages\":[{\"id\":2,");
    check("receive_agent_messages", "{\"name\":\"b\"}", "{\"messages\":[{\"id\":3,");
    harness_refused(&harness, "send_agent_message",
                    "{\"from\":\"x\",\"to\":\"nobody\",\"body\":\"\"}", "not_found", NULL);
    harness_refused(&harness, "send_agent_message", "{\"from\":\"x\",\"body\":\"\"}",
                    "invalid_argument", "to, group");
}

static void a_lock_has_one_holder_and_growing_tokens(void **state)
{
    (void)state;
    check("acquire_lock", "{\"name\":\"l\",\"holder\":\"a\"}",
          "\"acquired\":true,\"holder\":\"a\",\"token\":1");
    check("acquire_lock", "{\"name\":\"l\",\"holder\":\"b\"}",
          "\"acquired\":false,\"holder\":\"a\"");
    check("release_lock", "{\"name\":\"l\",\"token\":9}", "\"released\":false");
    check("release_lock", "{\"name\":\"l\",\"token\":1}", "\"released\":true");
    check("release_lock", "{\"name\":\"l\",\"token\":1}", "\"released\":false");
    check("acquire_lock", "{\"name\":\"l\",\"holder\":\"b\",\"lease_ms\":1}", "\"token\":2");
    usleep(3000);
    check("acquire_lock", "{\"name\":\"l\",\"holder\":\"c\"}",
          "\"acquired\":true,\"holder\":\"c\",\"token\":3");
    check("release_lock", "{\"name\":\"l\",\"token\":2}", "\"released\":false");
    check("register_agent", "{\"name\":\"c\"}", "c");
    check("unregister_agent", "{\"name\":\"c\"}", "\"locks_released\":1");
    check("acquire_lock", "{\"name\":\"l\",\"holder\":\"d\"}", "\"token\":4");
}

static void events_are_read_from_a_position(void **state)
{
    (void)state;
    check("publish_event", "{\"topic\":\"t\",\"data\":\"one\"}", "\"position\":1");
    check("publish_event", "{\"topic\":\"t\",\"data\":{\"k\":2}}", "\"position\":2");
    check("publish_event", "{\"topic\":\"other\",\"data\":\"x\"}", "\"position\":1");
    check("poll_events", "{\"topic\":\"t\",\"limit\":1}", "\"next\":1");
    check("poll_events", "{\"topic\":\"t\",\"after\":1}",
          "{\"events\":[{\"position\":2,\"data\":{\"k\":2}");
    check("poll_events", "{\"topic\":\"t\",\"after\":2}", "{\"events\":[],\"next\":2}");
}

static void state_is_set_only_at_the_version_expected(void **state)
{
    (void)state;
    check("get_shared_state", "{\"key\":\"k\"}", "{\"found\":false,\"value\":null,\"version\":0}");
    check("set_shared_state", "{\"key\":\"k\",\"value\":[1],\"version\":0}",
          "{\"set\":true,\"version\":1}");
    check("set_shared_state", "{\"key\":\"k\",\"value\":2,\"version\":0}",
          "{\"set\":false,\"version\":1}");
    check("get_shared_state", "{\"key\":\"k\"}", "\"value\":[1],\"version\":1");
    check("set_shared_state", "{\"key\":\"k\",\"value\":2,\"version\":1}",
          "{\"set\":true,\"version\":2}");
    check("set_shared_state", "{\"key\":\"k\",\"value\":3}", "{\"set\":true,\"version\":3}");
}

static void a_workflow_goes_from_step_to_step(void **state)
{
    static const char steps[] =
        "{\"name\":\"w\",\"steps\":[{\"name\":\"a\"},{\"name\":\"b\",\"needs\":[\"a\"]},"
        "{\"name\":\"c\",\"needs\":[\"a\"]},{\"name\":\"d\",\"needs\":[\"b\",\"c\"]}]}";
    (void)state;
    check("create_workflow", steps, "{\"id\":1,\"startable\":[\"a\"]}");
    harness_refused(&harness, "advance_workflow", "{\"id\":1,\"step\":\"d\",\"status\":\"done\"}",
                    "conflict", "2 steps");
    check("advance_workflow", "{\"id\":1,\"step\":\"a\",\"status\":\"done\"}",
          "\"startable\":[\"b\",\"c\"]");
    check("advance_workflow", "{\"id\":1,\"step\":\"b\",\"status\":\"done\"}",
          "\"startable\":[\"c\"]");
    check("advance_workflow", "{\"id\":1,\"step\":\"c\",\"status\":\"failed\",\"note\":\"broke\"}",
          "\"startable\":[]");
    check("get_workflow_status", "{\"id\":1}", "\"done\":2,\"failed\":1,\"progress\":0.5");
    harness_refused(&harness, "advance_workflow", "{\"id\":1,\"step\":\"z\",\"status\":\"done\"}",
                    "not_found", "\"z\"");
    harness_refused(&harness, "get_workflow_status", "{\"id\":7}", "not_found", NULL);
    harness_refused(
        &harness, "create_workflow",
        "{\"name\":\"w\",\"steps\":[{\"name\":\"a\",\"needs\":[\"b\"]},{\"name\":\"b\"}]}",
        "invalid_argument", "no earlier step");
    harness_refused(&harness, "create_workflow",
                    "{\"name\":\"w\",\"steps\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
                    "invalid_argument", "stands twice");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_orchestration);
}

#define WITH_HARNESS(test) cmocka_unit_test_setup_teardown(test, open_harness, close_harness)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(an_agent_lives_as_long_as_its_lease),
        WITH_HARNESS(a_message_stays_until_it_is_acknowledged),
        WITH_HARNESS(a_lock_has_one_holder_and_growing_tokens),
        WITH_HARNESS(events_are_read_from_a_position),
        WITH_HARNESS(state_is_set_only_at_the_version_expected),
        WITH_HARNESS(a_workflow_goes_from_step_to_step),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
