/* The seconds merged over phases, targets and steps: nothing is lost and nothing is counted twice.
 */
#include "fixture.h"

#include "base/clock.h"
#include "report/form_timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sums {
    uint64_t points, started, ok, failed, censored;
    struct histogram latency;
};

static struct sums add_up(const struct result *result, int target, enum timeline_phases phases,
                          uint32_t step_s)
{
    struct timeline timeline;
    struct timeline_point point;
    struct sums sums = {0};
    histogram_init(&sums.latency);
    assert_int_equal(timeline_init(&timeline, result, target, phases), 0);
    int64_t last = -1;
    int more;
    while ((more = timeline_next(&timeline, step_s, &point)) > 0) {
        assert_true((int64_t)point.at_s > last);
        assert_int_equal(point.at_s % step_s, 0);
        last = point.at_s;
        sums.points++;
        sums.started += point.started;
        sums.ok += point.ok;
        sums.failed += point.failed;
        sums.censored += point.censored;
        uint64_t outcomes = 0;
        for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
            outcomes += point.outcomes[kind];
        assert_int_equal(outcomes, point.ok + point.failed + point.censored);
        assert_int_equal(point.latency.count, point.ok);
        assert_int_equal(histogram_merge(&sums.latency, &point.latency), 0);
        timeline_point_free(&point);
    }
    assert_int_equal(more, 0);
    timeline_free(&timeline);
    return sums;
}

static void every_step_has_the_same_sum(void **state)
{
    static const uint32_t steps[] = {1, 2, 5, 7, 60};
    (void)state;
    struct result result;
    struct measurement total;
    fixture_make(&result, &FIXTURE_DEFAULT);
    measurement_init(&total);
    assert_int_equal(result_total(&result, &total), 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct sums sums = add_up(&result, -1, TIMELINE_ALL, steps[i]);
        assert_int_equal(sums.started, total.started);
        assert_int_equal(sums.ok, total.outcomes[OUTCOME_OK]);
        assert_int_equal(sums.points, (15 + steps[i] - 1) / steps[i]);
        assert_true(histogram_equal(&sums.latency, &total.latency_ok));
        histogram_free(&sums.latency);
    }
    measurement_free(&total);
    result_free(&result);
}

static void targets_add_up_and_warmup_stands_apart(void **state)
{
    (void)state;
    struct result result;
    fixture_make(&result, &FIXTURE_DEFAULT);
    free(result.phases[0].kind);
    result.phases[0].kind = strdup("warmup");
    struct sums all = add_up(&result, -1, TIMELINE_ALL, 1);
    struct sums first = add_up(&result, 0, TIMELINE_ALL, 1);
    struct sums second = add_up(&result, 1, TIMELINE_ALL, 1);
    struct sums counted = add_up(&result, -1, TIMELINE_COUNTED, 1);
    struct sums warmup = add_up(&result, -1, TIMELINE_WARMUP, 1);
    assert_int_equal(all.started, first.started + second.started);
    assert_int_equal(all.started, counted.started + warmup.started);
    assert_true(first.started > 0 && second.started > 0 && warmup.started > 0);
    assert_int_equal(warmup.points, 5);
    histogram_free(&all.latency);
    histogram_free(&first.latency);
    histogram_free(&second.latency);
    histogram_free(&counted.latency);
    histogram_free(&warmup.latency);
    result_free(&result);
}

/* Two phases in one second: users are those of the larger, of two targets the sum. */
static void phases_that_share_a_second(void **state)
{
    (void)state;
    struct result result;
    struct timeline timeline;
    struct timeline_point point;
    fixture_make(&result, &FIXTURE_DEFAULT);
    for (size_t t = 0; t < 2; t++) {
        result.phases[0].targets[t].seconds[4].users = 30;
        result.phases[1].targets[t].seconds[0].at_s = 4;
        result.phases[1].targets[t].seconds[0].users = 7;
    }
    assert_int_equal(timeline_init(&timeline, &result, -1, TIMELINE_ALL), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(timeline_next(&timeline, 1, &point), 1);
        assert_int_equal(point.at_s, i);
        assert_true(point.users == (i == 4 ? 60 : 50));
        assert_true(point.covered_s > 0.999 && point.covered_s < 1.001);
        timeline_point_free(&point);
    }
    timeline_free(&timeline);
    result_free(&result);
}

static void a_long_run_is_drawn_in_larger_steps(void **state)
{
    (void)state;
    struct second second;
    struct timeline_entry entries[2] = {{.at_s = 0, .second = &second}, {.second = &second}};
    struct timeline timeline = {.entries = entries, .count = 2};
    static const uint32_t cases[][2] = {{0, 1},    {598, 1},    {599, 2},
                                        {2000, 5}, {30000, 60}, {100000, 180}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        entries[1].at_s = cases[i][0];
        assert_int_equal(timeline_step(&timeline, 600), cases[i][1]);
    }
    timeline.count = 0;
    assert_int_equal(timeline_step(&timeline, 600), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_the_same_sum),
        cmocka_unit_test(targets_add_up_and_warmup_stands_apart),
        cmocka_unit_test(phases_that_share_a_second),
        cmocka_unit_test(a_long_run_is_drawn_in_larger_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
