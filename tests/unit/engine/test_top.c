/* The slowest operations of the last seconds, on seconds made by hand. */
#include "engine/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OPERATIONS 30
#define SECONDS    15

struct made {
    struct result result;
    struct result_target target;
    struct result_operation operations[OPERATIONS];
    char names[OPERATIONS][8];
    struct result_phase phase;
    struct phase_target of;
    struct second seconds[SECONDS];
    struct second_operation told[SECONDS][OPERATIONS];
    uint16_t buckets[SECONDS][OPERATIONS];
    uint32_t counts[SECONDS][OPERATIONS];
};

static struct made *make(void)
{
    struct made *made = calloc(1, sizeof *made);
    assert_non_null(made);
    for (int i = 0; i < OPERATIONS; i++) {
        snprintf(made->names[i], sizeof made->names[i], "op%d", i);
        made->operations[i].name = made->names[i];
    }
    made->target = (struct result_target){
        .name = "here", .operations = made->operations, .operation_count = OPERATIONS};
    made->result.targets = &made->target;
    made->result.target_count = 1;
    made->of.seconds = made->seconds;
    made->phase.targets = &made->of;
    made->phase.target_count = 1;
    return made;
}

/* In order of the operation's index within a second, as the engine does. */
static void add(struct made *made, size_t second, uint32_t operation, uint32_t ok, uint32_t failed,
                uint64_t latency_ns)
{
    struct second *of = &made->seconds[second];
    size_t at = of->operation_count++;
    made->buckets[second][at] = histogram_coarse_index(latency_ns);
    made->counts[second][at] = ok;
    made->told[second][at] = (struct second_operation){.operation = operation,
                                                       .ok = ok,
                                                       .failed = failed,
                                                       .buckets = &made->buckets[second][at],
                                                       .counts = &made->counts[second][at],
                                                       .bucket_count = ok ? 1 : 0};
    of->operations = made->told[second];
    if (made->of.second_count <= second)
        made->of.second_count = second + 1;
}

static void assert_about(uint64_t value, uint64_t wanted)
{
    assert_true(value * 100 > wanted * 96 && value * 100 < wanted * 104);
}

static void slowest_stand_first(void **state)
{
    (void)state;
    struct made *made = make();
    struct top_operation top[TOP_OPERATIONS];
    add(made, 0, 0, 10, 0, 1000000);
    add(made, 0, 2, 10, 0, 9000000);
    add(made, 1, 0, 10, 1, 2000000);
    add(made, 1, 1, 5, 0, 5000000);
    assert_int_equal(top_operations(&made->result, &made->phase, top), 3);
    assert_string_equal(top[0].name, "op2");
    assert_string_equal(top[1].name, "op1");
    assert_string_equal(top[2].name, "op0");
    assert_string_equal(top[2].target, "here");
    assert_int_equal(top[2].ok, 20);
    assert_int_equal(top[2].failed, 1);
    assert_about(top[2].p50_ns, 1000000);
    assert_about(top[2].p95_ns, 2000000);
    assert_about(top[2].max_ns, 2000000);
    free(made);
}

static void none_that_succeeds_is_worse_than_any(void **state)
{
    (void)state;
    struct made *made = make();
    struct top_operation top[TOP_OPERATIONS];
    add(made, 0, 0, 10, 0, 900000000);
    add(made, 0, 3, 0, 2, 0);
    add(made, 0, 4, 0, 7, 0);
    assert_int_equal(top_operations(&made->result, &made->phase, top), 3);
    assert_string_equal(top[0].name, "op4");
    assert_string_equal(top[1].name, "op3");
    assert_int_equal(top[1].p95_ns, 0);
    assert_string_equal(top[2].name, "op0");
    free(made);
}

static void only_the_last_seconds_count(void **state)
{
    (void)state;
    struct made *made = make();
    struct top_operation top[TOP_OPERATIONS];
    for (size_t s = 0; s < SECONDS; s++)
        add(made, s, 1, 1, 0, s < SECONDS - TOP_WINDOW_S ? 800000000 : 1000000);
    add(made, 0, 5, 3, 3, 1000000);
    assert_int_equal(top_operations(&made->result, &made->phase, top), 1);
    assert_int_equal(top[0].ok, TOP_WINDOW_S);
    assert_about(top[0].max_ns, 1000000);
    free(made);
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    struct made *made = make();
    struct top_operation top[TOP_OPERATIONS + 1] = {0};
    top[TOP_OPERATIONS].name = "untouched";
    for (uint32_t i = 0; i < OPERATIONS; i++)
        add(made, 0, i, 1, 0, 1000000 * (1 + (i * 7) % OPERATIONS));
    assert_int_equal(top_operations(&made->result, &made->phase, top), TOP_OPERATIONS);
    assert_string_equal(top[TOP_OPERATIONS].name, "untouched");
    for (size_t i = 1; i < TOP_OPERATIONS; i++)
        assert_true(top[i - 1].p95_ns >= top[i].p95_ns);
    assert_about(top[0].p95_ns, 1000000 * OPERATIONS);
    assert_about(top[TOP_OPERATIONS - 1].p95_ns, 1000000 * (OPERATIONS - TOP_OPERATIONS + 1));
    free(made);
}

static void nothing_ran(void **state)
{
    (void)state;
    struct made *made = make();
    struct top_operation top[TOP_OPERATIONS];
    assert_int_equal(top_operations(&made->result, &made->phase, top), 0);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slowest_stand_first),
        cmocka_unit_test(none_that_succeeds_is_worse_than_any),
        cmocka_unit_test(only_the_last_seconds_count),
        cmocka_unit_test(no_more_than_there_is_room_for),
        cmocka_unit_test(nothing_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
