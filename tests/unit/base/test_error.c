/* src/base/error, clock, outcome: errors carry context, clocks do not go back, names are unique. */
#include "base/clock.h"
#include "base/error.h"
#include "base/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void sets_code_and_text(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(error_set(&error, ERROR_USAGE, "line %d: %s", 3, "what"), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_string_equal(error.text, "line 3: what");
    assert_int_equal(error_set(NULL, ERROR_USAGE, "nobody listens"), -1);
    assert_int_equal(error_wrap(NULL, "nobody listens"), -1);
}

static void wraps_with_context(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, ERROR_TARGET, "refused");
    assert_int_equal(error_wrap(&error, "target %s", "a"), -1);
    assert_int_equal(error.code, ERROR_TARGET);
    assert_string_equal(error.text, "target a: refused");
    error_wrap(&error, "plan.yaml:1");
    assert_string_equal(error.text, "plan.yaml:1: target a: refused");
}

static void truncates_what_is_too_long(void **state)
{
    (void)state;
    struct error error = {0};
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERROR_INTERNAL, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    error_wrap(&error, "context");
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_memory_equal(error.text, "context: xxx", 12);
    error_wrap(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

/* A text that holds a conversion is data by the time it is wrapped. */
static void wrapping_does_not_format_twice(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, ERROR_TARGET, "%s", "100%s full %n");
    error_wrap(&error, "disk");
    assert_string_equal(error.text, "disk: 100%s full %n");
}

static void clocks_go_forward(void **state)
{
    (void)state;
    uint64_t before = clock_now_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_ns();
        assert_true(now >= before);
        before = now;
    }
    /* time() is of the last tick, and may still be in the second before */
    uint64_t earlier = (uint64_t)time(NULL), wall = clock_wall_ns() / NS_PER_S;
    struct timespec later;
    clock_gettime(CLOCK_REALTIME, &later);
    assert_in_range(wall, earlier, later.tv_sec);
}

static void cpu_clocks_count_work(void **state)
{
    (void)state;
    uint64_t process = clock_process_cpu_ns(), thread = clock_thread_cpu_ns();
    while (clock_thread_cpu_ns() < thread + NS_PER_MS)
        ;
    assert_true(clock_process_cpu_ns() >= process + NS_PER_MS);
}

static void outcome_names_go_both_ways(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++) {
        const char *name = outcome_kind_name((enum outcome_kind)kind);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_int_equal(outcome_kind_from_name(name), kind);
    }
    assert_string_equal(outcome_kind_name(OUTCOME_KINDS), "unknown");
    assert_int_equal(outcome_kind_from_name("unknown"), OUTCOME_KINDS);
    assert_int_equal(outcome_kind_from_name(""), OUTCOME_KINDS);
}

static void only_open_ends_are_censored(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        assert_int_equal(outcome_is_censored((enum outcome_kind)kind),
                         kind == OUTCOME_TIMEOUT || kind == OUTCOME_CANCELLED ||
                             kind == OUTCOME_NOT_RUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_and_text),
        cmocka_unit_test(wraps_with_context),
        cmocka_unit_test(truncates_what_is_too_long),
        cmocka_unit_test(wrapping_does_not_format_twice),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(cpu_clocks_count_work),
        cmocka_unit_test(outcome_names_go_both_ways),
        cmocka_unit_test(only_open_ends_are_censored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
