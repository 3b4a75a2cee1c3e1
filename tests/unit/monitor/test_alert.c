/* The alert rules on windows whose answer is known: when a rule fires, when it is over, and what it
 * has to say. */
#include "monitor/alert.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a row of windows ----------------------------------------------------------------------- */

struct bench {
    struct alerts alerts;
    struct alert_window window; /* the next one */
    struct histogram latency;
    uint32_t began, ended; /* how many windows so far said so */
};

static void bench_begin(struct bench *bench, const struct alert_rule *rules, size_t count)
{
    *bench = (struct bench){.window = {.whole = true, .load = 10}};
    histogram_init(&bench->latency);
    bench->window.latency = &bench->latency;
    assert_int_equal(alerts_init(&bench->alerts, rules, count, 2), 0);
}

static void bench_end(struct bench *bench)
{
    alerts_free(&bench->alerts);
    histogram_free(&bench->latency);
}

static void step(struct bench *bench)
{
    struct alert_changes changes;
    assert_int_equal(alerts_step(&bench->alerts, &bench->window, &changes), 0);
    bench->began += changes.began != 0;
    bench->ended += changes.ended != 0;
    bench->window.at_s++;
}

/* `failed` of 100 operations; -1: none finished. */
static void errors(struct bench *bench, const int *failed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bench->window.failed = failed[i] < 0 ? 0 : (uint64_t)failed[i];
        bench->window.ok = failed[i] < 0 ? 0 : 100 - bench->window.failed;
        step(bench);
    }
}
#define ERRORS(bench, ...)                                                                         \
    errors(bench, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

/* `ok` operations of so many ms each. */
static void calls(struct bench *bench, unsigned seconds, unsigned ok, double ms)
{
    for (unsigned i = 0; i < seconds; i++) {
        histogram_reset(&bench->latency);
        histogram_record_many(&bench->latency, (uint64_t)(ms * 1e6), ok);
        bench->window.ok = ok;
        bench->window.failed = 0;
        step(bench);
    }
}

/* Fires above 10 %, three windows in a row; over at 5 % or less, two in a row. */
static const struct alert_rule error_rule = {
    "high_error_rate", ALERT_ERRORS, false, 0.10, 0.05, 3, 2, false};

/* ---- for ------------------------------------------------------------------------------------ */

static void fires_after_as_many_windows_as_asked(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 0, 20, 30);
    assert_int_equal(bench.alerts.event_count, 0); /* two are not three */
    ERRORS(&bench, 25);
    assert_int_equal(bench.alerts.event_count, 1);
    const struct alert *event = &bench.alerts.events[0];
    assert_string_equal(event->rule, "high_error_rate");
    assert_string_equal(event->metric, "errors");
    assert_int_equal(event->target, 0);
    assert_int_equal(event->start_s, 1);
    assert_int_equal(event->raised_s, 3);
    assert_false(event->end.known);
    assert_true(event->peak == 0.30);
    assert_int_equal(event->at_peak.at_s, 2);
    assert_int_equal(event->at_start.at_s, 1);
    assert_true(event->at_start.value == 0.20);
    assert_int_equal(event->at_start.count, 100);
    assert_true(event->at_start.load == 10);
    assert_int_equal(event->windows, 3);
    assert_int_equal(event->operations, 300);
    assert_int_equal(bench.began, 1);
    bench_end(&bench);
}

static void a_row_that_breaks_begins_anew(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20, 10, 20, 20, 10, 20, 20); /* 10 % is the threshold: not beyond it */
    assert_int_equal(bench.alerts.event_count, 0);
    ERRORS(&bench, 11);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.alerts.events[0].start_s, 6);
    bench_end(&bench);
}

static void a_window_without_operations_says_nothing(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, -1, 20, -1, 20); /* neither counts nor breaks the row */
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.alerts.events[0].start_s, 0);
    assert_int_equal(bench.alerts.events[0].windows, 3);
    ERRORS(&bench, 0, -1, -1);
    assert_false(bench.alerts.events[0].end.known);
    ERRORS(&bench, 0);
    assert_true(bench.alerts.events[0].end.known);
    assert_int_equal(bench.alerts.events[0].end.at_s, 5);
    bench_end(&bench);
}

/* The last operation of a phase is not an error rate of 100 %. */
static void the_end_of_a_phase_takes_more_than_one_operation(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20, 20);
    bench.window.whole = false;
    bench.window.ok = 0;
    bench.window.failed = 9;
    step(&bench);
    assert_true(bench.alerts.events[0].peak == 0.20);
    assert_int_equal(bench.alerts.events[0].windows, 3);
    bench.window.failed = 10;
    step(&bench);
    assert_true(bench.alerts.events[0].peak == 1);
    bench_end(&bench);
}

static void windows_far_apart_are_not_in_a_row(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20);
    bench.window.at_s += 10; /* another target's phase in between */
    ERRORS(&bench, 20, 20);
    assert_int_equal(bench.alerts.event_count, 0);
    ERRORS(&bench, 20);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.alerts.events[0].start_s, 12);
    bench_end(&bench);
}

static void one_window_is_enough_for_one_second(void **state)
{
    struct alert_rule rule = error_rule;
    struct bench bench;
    (void)state;
    rule.for_s = rule.clear_for_s = 1;
    bench_begin(&bench, &rule, 1);
    ERRORS(&bench, 11, 5, 11, 5);
    assert_int_equal(bench.alerts.event_count, 2);
    assert_int_equal(bench.alerts.events[0].end.at_s, 1);
    assert_int_equal(bench.alerts.events[1].start_s, 2);
    bench_end(&bench);
}

/* ---- hysteresis ----------------------------------------------------------------------------- */

static void flapping_about_the_threshold_is_one_event(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20, 20);
    for (int i = 0; i < 20; i++)
        ERRORS(&bench, 9, 11, 6, 30, 5, 12); /* one calm window, but never two in a row */
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.began, 1);
    assert_int_equal(bench.ended, 0);
    ERRORS(&bench, 5, 6, 5, 4);
    assert_int_equal(bench.ended, 1);
    assert_true(bench.alerts.events[0].end.known);
    assert_int_equal(bench.alerts.events[0].end.at_s, 3 + 120 + 2); /* the first of the two */
    assert_true(bench.alerts.events[0].peak == 0.30);
    assert_int_equal(bench.alerts.events[0].windows, 3 + 20 * 3);
    bench_end(&bench);
}

static void between_clear_and_threshold_it_goes_on(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20, 20);
    ERRORS(&bench, 6, 7, 8, 9, 10, 6, 7);
    assert_false(bench.alerts.events[0].end.known);
    assert_int_equal(bench.alerts.events[0].windows, 3); /* beyond the threshold */
    bench_end(&bench);
}

static void after_its_end_it_can_fire_again(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    ERRORS(&bench, 20, 20, 20, 0, 0, 50, 50);
    assert_int_equal(bench.alerts.event_count, 1);
    ERRORS(&bench, 50);
    assert_int_equal(bench.alerts.event_count, 2);
    assert_int_equal(bench.alerts.events[1].start_s, 5);
    assert_true(bench.alerts.events[1].peak == 0.50);
    bench_end(&bench);
}

static void targets_are_apart(void **state)
{
    struct bench bench;
    (void)state;
    bench_begin(&bench, &error_rule, 1);
    for (uint32_t i = 0; i < 6; i++) {
        bench.window.at_s = i;
        bench.window.target = (int)(i % 2);
        ERRORS(&bench, 20);
    }
    assert_int_equal(bench.alerts.event_count, 2);
    assert_int_equal(bench.alerts.events[0].target, 0);
    assert_int_equal(bench.alerts.events[0].start_s, 0);
    assert_int_equal(bench.alerts.events[1].target, 1);
    assert_int_equal(bench.alerts.events[1].start_s, 1);
    bench_end(&bench);
}

/* ---- the default rules ---------------------------------------------------------------------- */

static void bench_default(struct bench *bench, const char *name)
{
    const struct alert_rule *rule = alert_rule_find(name);
    assert_non_null(rule);
    bench_begin(bench, rule, 1);
}

static void response_time(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "high_response_time");
    calls(&bench, 5, 100, 499);
    calls(&bench, 5, 19, 900); /* no value beyond the 95th percentile of 19 */
    assert_int_equal(bench.alerts.event_count, 0);
    calls(&bench, 3, 100, 900);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.alerts.events[0].start_s, 10);
    assert_true(fabs(bench.alerts.events[0].peak - 900e6) < 1e6);
    calls(&bench, 9, 100, 450);
    assert_false(bench.alerts.events[0].end.known);
    calls(&bench, 3, 100, 390);
    assert_int_equal(bench.alerts.events[0].end.at_s, 22);
    bench_end(&bench);
}

static void throughput_drop(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    calls(&bench, 1, 1000, 5); /* the load has just begun: of no level */
    calls(&bench, 5, 200, 5);
    calls(&bench, 2, 99, 5);
    calls(&bench, 1, 100, 5); /* half is not below half */
    calls(&bench, 2, 90, 5);
    assert_int_equal(bench.alerts.event_count, 0);
    calls(&bench, 1, 80, 5);
    assert_int_equal(bench.alerts.event_count, 1);
    const struct alert *event = &bench.alerts.events[0];
    assert_int_equal(event->start_s, 9);
    assert_true(event->below);
    assert_true(event->baseline == 200); /* windows that are suspected are not in it */
    calls(&bench, 5, 200, 5);
    assert_int_equal(bench.alerts.events[0].end.at_s, 12);
    bench_end(&bench);
}

static void a_drop_is_against_the_median_of_the_level(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    calls(&bench, 1, 10, 5);
    calls(&bench, 3, 200, 5);
    calls(&bench, 1, 1000, 5); /* one that sticks out does not make the baseline */
    calls(&bench, 6, 200, 5);
    calls(&bench, 3, 60, 5);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_true(bench.alerts.events[0].baseline == 200);
    assert_true(fabs(bench.alerts.events[0].peak - 0.3) < 1e-9);
    bench_end(&bench);
}

static void a_ramp_of_users_is_no_drop(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    for (int users = 50; users > 0; users--) { /* down, a user a second */
        bench.window.load = users;
        calls(&bench, 1, (unsigned)users * 20, 5);
    }
    for (int level = 10; level > 0; level--) { /* down, in steps of 8 s */
        bench.window.load = level * 5;
        calls(&bench, 8, (unsigned)level * 500, 5);
    }
    assert_int_equal(bench.alerts.event_count, 0);
    bench.window.load = 50; /* up again: the next phase begins low, and is measured anew */
    bench.window.phase = 1;
    calls(&bench, 10, 100, 5);
    assert_int_equal(bench.alerts.event_count, 0);
    bench_end(&bench);
}

static void each_phase_has_its_own_baseline(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    calls(&bench, 12, 200, 5);
    bench.window.phase = 1; /* as many users, but other work */
    calls(&bench, 12, 50, 5);
    assert_int_equal(bench.alerts.event_count, 0);
    bench_end(&bench);
}

static void a_change_of_load_ends_a_drop(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    calls(&bench, 7, 200, 5);
    calls(&bench, 4, 20, 5);
    assert_int_equal(bench.alerts.event_count, 1);
    bench.window.load = 20;
    calls(&bench, 1, 20, 5);
    assert_true(bench.alerts.events[0].end.known);
    assert_int_equal(bench.alerts.events[0].end.at_s, 11);
    assert_int_equal(bench.ended, 1);
    bench_end(&bench);
}

static void drift(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "latency_drift");
    calls(&bench, 11, 100, 10);
    calls(&bench, 9, 100, 21);
    calls(&bench, 1, 100, 19);
    assert_int_equal(bench.alerts.event_count, 0);
    calls(&bench, 10, 100, 21);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_string_equal(bench.alerts.events[0].metric, "p95_ratio");
    assert_true(fabs(bench.alerts.events[0].baseline - 10e6) < 2e4);
    assert_int_equal(bench.alerts.events[0].start_s, 21);
    bench_end(&bench);
    bench_default(&bench, "latency_drift");
    calls(&bench, 11, 100, 0.1);
    calls(&bench, 20, 100, 1.0); /* ten times, but less than a millisecond more */
    assert_int_equal(bench.alerts.event_count, 0);
    bench_end(&bench);
}

static void seconds_that_are_not_whole_tell_no_rate(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "throughput_drop");
    calls(&bench, 8, 200, 5);
    bench.window.whole = false;
    bench.window.load = 0;
    calls(&bench, 5, 3, 5);
    assert_int_equal(bench.alerts.event_count, 0);
    bench_end(&bench);
}

static void connections_and_tiers(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "connection_errors");
    bench.window.connection_errors = 1;
    ERRORS(&bench, 1, 1);
    bench.window.connection_errors = 0;
    ERRORS(&bench, 1, 1);
    assert_int_equal(bench.alerts.event_count, 0);
    bench.window.connection_errors = 7;
    ERRORS(&bench, 7, 7, 7);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_true(bench.alerts.events[0].peak == 7);
    bench_end(&bench);

    bench_default(&bench, "tier_degraded");
    ERRORS(&bench, 100); /* of no tier */
    bench.window.tier = true;
    bench.window.ok = 1; /* too few to tell */
    bench.window.failed = 8;
    step(&bench);
    assert_int_equal(bench.alerts.event_count, 0);
    ERRORS(&bench, 11);
    assert_int_equal(bench.alerts.event_count, 1);
    bench_end(&bench);
}

static void the_generator(void **state)
{
    struct bench bench;
    (void)state;
    bench_default(&bench, "generator_saturated");
    bench.window.generator_cpu = 1; /* of a target: not looked at */
    ERRORS(&bench, 0, 0, 0, 0);
    assert_int_equal(bench.alerts.event_count, 0);
    bench.window.target = ALERT_GENERATOR;
    ERRORS(&bench, 0, 0, 0);
    assert_int_equal(bench.alerts.event_count, 1);
    assert_int_equal(bench.alerts.events[0].target, ALERT_GENERATOR);
    bench_end(&bench);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void a_given_rule_replaces_the_default_of_its_name(void **state)
{
    struct alert_rule rules[ALERT_RULES_LIMIT];
    struct alert_rule given[2] = {*alert_rule_find("high_response_time"),
                                  *alert_rule_find("high_response_time")};
    size_t count;
    (void)state;
    alert_rules_default(&count);
    assert_int_equal(count, 7);
    assert_int_equal(alert_rules_combine(NULL, 0, rules), 7);
    given[0].metric = ALERT_P99;
    given[1].threshold = 1e6;
    assert_int_equal(alert_rules_combine(given, 2, rules), 8);
    assert_int_equal(rules[0].metric, ALERT_P99);
    assert_true(rules[1].threshold == 1e6);
    assert_string_equal(rules[2].name, "high_error_rate");
    assert_true(alert_rule_takes(&given[0], ALERT_P50));
    assert_false(alert_rule_takes(&given[0], ALERT_P50_RATIO));
    assert_false(alert_rule_takes(alert_rule_find("high_error_rate"), ALERT_TIER_ERRORS));
    assert_null(alert_rule_find("high_tea"));
    for (unsigned metric = 0; metric < ALERT_METRICS; metric++)
        assert_int_equal(alert_metric_from_name(alert_metric_name((enum alert_metric)metric)),
                         metric);
    assert_int_equal(alert_metric_from_name("p42"), ALERT_METRICS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_after_as_many_windows_as_asked),
        cmocka_unit_test(a_row_that_breaks_begins_anew),
        cmocka_unit_test(a_window_without_operations_says_nothing),
        cmocka_unit_test(the_end_of_a_phase_takes_more_than_one_operation),
        cmocka_unit_test(windows_far_apart_are_not_in_a_row),
        cmocka_unit_test(one_window_is_enough_for_one_second),
        cmocka_unit_test(flapping_about_the_threshold_is_one_event),
        cmocka_unit_test(between_clear_and_threshold_it_goes_on),
        cmocka_unit_test(after_its_end_it_can_fire_again),
        cmocka_unit_test(targets_are_apart),
        cmocka_unit_test(response_time),
        cmocka_unit_test(throughput_drop),
        cmocka_unit_test(a_drop_is_against_the_median_of_the_level),
        cmocka_unit_test(a_ramp_of_users_is_no_drop),
        cmocka_unit_test(each_phase_has_its_own_baseline),
        cmocka_unit_test(a_change_of_load_ends_a_drop),
        cmocka_unit_test(drift),
        cmocka_unit_test(seconds_that_are_not_whole_tell_no_rate),
        cmocka_unit_test(connections_and_tiers),
        cmocka_unit_test(the_generator),
        cmocka_unit_test(a_given_rule_replaces_the_default_of_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
