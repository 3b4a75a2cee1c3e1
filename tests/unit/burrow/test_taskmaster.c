/* taskmaster: tasks, what they need, and their order. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void do_call(const char *tool, const char *arguments)
{
    json_decref(harness_call(&harness, tool, arguments));
}

static void a_task_lives_and_is_done(void **state)
{
    (void)state;
    harness_check("add_todo", "{\"title\":\"write\",\"priority\":\"high\",\"due_at\":5000}",
                  "\"due_at\":5000");
    harness_check("get_todo", "{\"id\":1}", "\"status\":\"open\"");
    harness_check("get_todo", "{\"id\":1}", "\"due_at\":5000"); /* from the cache */
    harness_check("update_todo", "{\"id\":1,\"title\":\"write more\"}", "\"priority\":\"high\"");
    harness_check("get_todo", "{\"id\":1}", "write more");
    harness_check("search_todos", "{\"query\":\"more\"}", "write more");
    harness_check("search_todos", "{\"query\":\"gone\"}", "\"todos\":[]");
    harness_check("complete_todo", "{\"id\":1,\"note\":\"well\"}", "\"note\":\"well\"");
    harness_check("get_todo", "{\"id\":1}", "\"status\":\"done\"");
    harness_check("update_todo", "{\"id\":1,\"status\":\"open\"}", "\"completed_at\":null");
    harness_check("list_todos", "{\"status\":\"open\",\"priority\":\"high\"}", "write more");
    harness_check("list_todos", "{\"status\":\"done\"}", "\"todos\":[]");
    harness_refused(&harness, "get_todo", "{\"id\":9}", "not_found", "no task 9");
    harness_refused(&harness, "complete_todo", "{\"id\":9}", "not_found", NULL);
    harness_refused(&harness, "update_todo", "{\"id\":1,\"status\":\"lost\"}", "invalid_argument",
                    "status");
}

static void an_order_follows_the_needs_and_names_the_critical_path(void **state)
{
    (void)state;
    do_call("add_todo", "{\"title\":\"roof\",\"minutes\":10}");
    do_call("add_todo", "{\"title\":\"walls\",\"minutes\":20}");
    do_call("add_todo", "{\"title\":\"ground\",\"minutes\":5}");
    do_call("add_todo", "{\"title\":\"garden\",\"minutes\":1}");
    do_call("add_task_dependency", "{\"task\":1,\"needs\":2}");
    do_call("add_task_dependency", "{\"task\":2,\"needs\":3}");
    do_call("add_task_dependency", "{\"task\":1,\"needs\":4}");
    harness_check("add_task_dependency", "{\"task\":1,\"needs\":4}", "\"added\":false");
    harness_check("get_task_order", "{}", "\"critical_path\":[3,2,1],\"minutes\":35");
    harness_check("get_task_order", "{\"task\":2}",
                  "{\"order\":[{\"id\":3,\"title\":\"ground\",\"earliest_start\":0},"
                  "{\"id\":2,\"title\":\"walls\",\"earliest_start\":5}]");
    do_call("update_todo", "{\"id\":4,\"title\":\"jardin à côté\"}");
    harness_check("get_task_order", "{\"task\":4}", "jardin à côté");
    do_call("complete_todo", "{\"id\":3}");
    harness_check("get_task_order", "{}", "\"critical_path\":[2,1],\"minutes\":30");
}

static void a_cycle_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        do_call("add_todo", "{\"title\":\"x\"}");
    do_call("add_task_dependency", "{\"task\":1,\"needs\":2}");
    do_call("add_task_dependency", "{\"task\":2,\"needs\":3}");
    harness_refused(&harness, "add_task_dependency", "{\"task\":3,\"needs\":1}", "conflict",
                    "cycle");
    harness_refused(&harness, "add_task_dependency", "{\"task\":3,\"needs\":3}", "conflict",
                    "cycle");
    harness_refused(&harness, "add_task_dependency", "{\"task\":1,\"needs\":77}", "not_found",
                    "needs");
}

static void hostile_words_are_only_words(void **state)
{
    (void)state;
    do_call("add_todo", "{\"title\":\"x'); DROP TABLE todos; --\"}");
    harness_check("search_todos", "{\"query\":\"DROP \\\" OR * ^\"}", "\"todos\":[]");
    harness_check("search_todos", "{\"query\":\"drop table\"}", "DROP TABLE");
    harness_check("search_todos", "{\"query\":\"***\"}", "\"todos\":[]");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_taskmaster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(a_task_lives_and_is_done),
        WITH_HARNESS(an_order_follows_the_needs_and_names_the_critical_path),
        WITH_HARNESS(a_cycle_is_refused),
        WITH_HARNESS(hostile_words_are_only_words),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
