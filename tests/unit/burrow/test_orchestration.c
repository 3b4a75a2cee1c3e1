/* orchestration: agents, mailboxes, locks, events, state, workflows. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void an_agent_lives_as_long_as_its_lease(void **state)
{
    (void)state;
    harness_check("register_agent", "{\"name\":\"a\",\"group\":\"g\",\"capabilities\":[\"plan\"]}",
                  "\"name\":\"a\"");
    harness_check("register_agent", "{\"name\":\"b\",\"lease_ms\":1}", "\"name\":\"b\"");
    usleep(3000); /* longer than b's lease, whatever else the machine does */
    harness_check("list_agents", "{}", "{\"agents\":[{\"name\":\"a\"");
    harness_check("list_agents", "{\"capability\":\"fly\"}", "\"agents\":[]");
    harness_check("list_agents", "{\"group\":\"g\",\"capability\":\"plan\"}",
                  "\"capabilities\":[\"plan\"]");
    harness_check("heartbeat_agent", "{\"name\":\"a\"}", "expires_at");
    harness_refused(&harness, "heartbeat_agent", "{\"name\":\"b\"}", "not_found", "\"b\"");
    harness_refused(&harness, "unregister_agent", "{\"name\":\"c\"}", "not_found", "\"c\"");
}

static void a_message_stays_until_it_is_acknowledged(void **state)
{
    (void)state;
    harness_check("register_agent", "{\"name\":\"a\",\"group\":\"g\"}", "a");
    harness_check("register_agent", "{\"name\":\"b\",\"group\":\"g\"}", "b");
    harness_check("send_agent_message", "{\"from\":\"x\",\"to\":\"a\",\"body\":{\"n\":1}}",
                  "\"delivered\":1");
    harness_check("send_agent_message", "{\"from\":\"x\",\"group\":\"g\",\"body\":\"two\"}",
                  "\"delivered\":2");
    harness_check("send_agent_message", "{\"from\":\"x\",\"group\":\"none\",\"body\":\"two\"}",
                  "\"delivered\":0");
    harness_check("receive_agent_messages", "{\"name\":\"a\",\"limit\":1}", "\"body\":{\"n\":1}");
    harness_check("receive_agent_messages", "{\"name\":\"a\"}",
                  "[{\"id\":2,\"from\":\"x\",\"body\":\"two\"");
    harness_check("receive_agent_messages", "{\"name\":\"a\"}", "\"messages\":[]");
    /* the time of the receipt is over: what was not acknowledged comes again */
    records_run(harness.store.records, NULL, "UPDATE messages SET taken_until = 1", "");
    harness_check("receive_agent_messages", "{\"name\":\"a\",\"acknowledge\":[1,3]}",
                  "\"acknowledged\":1");
    records_run(harness.store.records, NULL, "UPDATE messages SET taken_until = 1", "");
    harness_check("receive_agent_messages", "{\"name\":\"a\"}", "{\"messages\":[{\"id\":2,");
    harness_check("receive_agent_messages", "{\"name\":\"b\"}", "{\"messages\":[{\"id\":3,");
    harness_refused(&harness, "send_agent_message",
                    "{\"from\":\"x\",\"to\":\"nobody\",\"body\":\"\"}", "not_found", NULL);
    harness_refused(&harness, "send_agent_message", "{\"from\":\"x\",\"body\":\"\"}",
                    "invalid_argument", "to, group");
}

static void a_lock_has_one_holder_and_growing_tokens(void **state)
{
    (void)state;
    harness_check("acquire_lock", "{\"name\":\"l\",\"holder\":\"a\"}",
                  "\"acquired\":true,\"holder\":\"a\",\"token\":1");
    harness_check("acquire_lock", "{\"name\":\"l\",\"holder\":\"b\"}",
                  "\"acquired\":false,\"holder\":\"a\"");
    harness_check("release_lock", "{\"name\":\"l\",\"token\":9}", "\"released\":false");
    harness_check("release_lock", "{\"name\":\"l\",\"token\":1}", "\"released\":true");
    harness_check("release_lock", "{\"name\":\"l\",\"token\":1}", "\"released\":false");
    harness_check("acquire_lock", "{\"name\":\"l\",\"holder\":\"b\",\"lease_ms\":1}",
                  "\"token\":2");
    usleep(3000);
    harness_check("acquire_lock", "{\"name\":\"l\",\"holder\":\"c\"}",
                  "\"acquired\":true,\"holder\":\"c\",\"token\":3");
    harness_check("release_lock", "{\"name\":\"l\",\"token\":2}", "\"released\":false");
    harness_check("register_agent", "{\"name\":\"c\"}", "c");
    harness_check("unregister_agent", "{\"name\":\"c\"}", "\"locks_released\":1");
    harness_check("acquire_lock", "{\"name\":\"l\",\"holder\":\"d\"}", "\"token\":4");
}

static void events_are_read_from_a_position(void **state)
{
    (void)state;
    harness_check("publish_event", "{\"topic\":\"t\",\"data\":\"one\"}", "\"position\":1");
    harness_check("publish_event", "{\"topic\":\"t\",\"data\":{\"k\":2}}", "\"position\":2");
    harness_check("publish_event", "{\"topic\":\"other\",\"data\":\"x\"}", "\"position\":1");
    harness_check("poll_events", "{\"topic\":\"t\",\"limit\":1}", "\"next\":1");
    harness_check("poll_events", "{\"topic\":\"t\",\"after\":1}",
                  "{\"events\":[{\"position\":2,\"data\":{\"k\":2}");
    harness_check("poll_events", "{\"topic\":\"t\",\"after\":2}", "{\"events\":[],\"next\":2}");
}

static void state_is_set_only_at_the_version_expected(void **state)
{
    (void)state;
    harness_check("get_shared_state", "{\"key\":\"k\"}",
                  "{\"found\":false,\"value\":null,\"version\":0}");
    harness_check("set_shared_state", "{\"key\":\"k\",\"value\":[1],\"version\":0}",
                  "{\"set\":true,\"version\":1}");
    harness_check("set_shared_state", "{\"key\":\"k\",\"value\":2,\"version\":0}",
                  "{\"set\":false,\"version\":1}");
    harness_check("get_shared_state", "{\"key\":\"k\"}", "\"value\":[1],\"version\":1");
    harness_check("set_shared_state", "{\"key\":\"k\",\"value\":2,\"version\":1}",
                  "{\"set\":true,\"version\":2}");
    harness_check("set_shared_state", "{\"key\":\"k\",\"value\":3}",
                  "{\"set\":true,\"version\":3}");
}

static void a_workflow_goes_from_step_to_step(void **state)
{
    static const char steps[] =
        "{\"name\":\"w\",\"steps\":[{\"name\":\"a\"},{\"name\":\"b\",\"needs\":[\"a\"]},"
        "{\"name\":\"c\",\"needs\":[\"a\"]},{\"name\":\"d\",\"needs\":[\"b\",\"c\"]}]}";
    (void)state;
    harness_check("create_workflow", steps, "{\"id\":1,\"startable\":[\"a\"]}");
    harness_refused(&harness, "advance_workflow", "{\"id\":1,\"step\":\"d\",\"status\":\"done\"}",
                    "conflict", "2 steps");
    harness_check("advance_workflow", "{\"id\":1,\"step\":\"a\",\"status\":\"done\"}",
                  "\"startable\":[\"b\",\"c\"]");
    harness_check("advance_workflow", "{\"id\":1,\"step\":\"b\",\"status\":\"done\"}",
                  "\"startable\":[\"c\"]");
    harness_check("advance_workflow",
                  "{\"id\":1,\"step\":\"c\",\"status\":\"failed\",\"note\":\"broke\"}",
                  "\"startable\":[]");
    harness_check("get_workflow_status", "{\"id\":1}", "\"done\":2,\"failed\":1,\"progress\":0.5");
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
