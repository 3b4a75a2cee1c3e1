/* What goes wrong: refusals, resets, hanging calls, a dead target, an interruption, abort_on. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void failures_are_told_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.workers = 2;
    fixture.plan.timeout_ns = 50 * NS_PER_MS;
    fixture_target(&fixture, "t",
                   "null://?error_rate=0.2&reset_rate=0.1&hang_rate=0.02&refuse_rate=0.2");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 10, 0, 2000);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 2000);
    assert_in_range(total.outcomes[OUTCOME_SOURCE_ERROR], 200, 500);
    assert_in_range(total.outcomes[OUTCOME_CONNECTION_RESET], 80, 400);
    assert_in_range(total.outcomes[OUTCOME_TIMEOUT], 5, 100);
    assert_true(total.outcomes[OUTCOME_CONNECT_REFUSED] > 0);
    assert_int_equal(total.outcomes[OUTCOME_OK] + measurement_failed(&total), 2000);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_call_that_never_ends_times_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.options[0].timeout_ns = 30 * NS_PER_MS; /* the target's own comes first */
    fixture_target(&fixture, "t", "null://?hang_rate=1");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 4, 0, 12);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.outcomes[OUTCOME_TIMEOUT], 12);
    assert_true(total.latency_censored.min_ns >= 30 * NS_PER_MS);
    measurement_free(&total);
    fixture_free(&fixture);
}

/* Connections never open: the calls wait for one, and time out there. */
static void waiting_for_a_connection_times_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.timeout_ns = 30 * NS_PER_MS;
    fixture_target(&fixture, "t", "null://?connect_latency=1h");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 3, 0, 6);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.outcomes[OUTCOME_TIMEOUT], 6);
    assert_string_equal(total.reasons[0].outcome.detail, "no_connection");
    measurement_free(&total);
    fixture_free(&fixture);
}

static void connections_of_their_own_are_closed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    struct step step = {.kind = (char *)"connection_churn"};
    struct mix_entry entry = {.weight = 1, .steps = &step, .step_count = 1};
    fixture_init(&fixture);
    fixture.plan.mix_count = 1;
    fixture.mixes[0] = (struct mix){.name = (char *)"churn", .entries = &entry, .entry_count = 1};
    fixture_target(&fixture, "t", "null://?refuse_rate=0.3&latency=100us");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 3, 0, 200);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    fixture_total(&fixture, 0, &total);
    const struct phase_target *target = fixture_phase_target(&fixture, 0);
    assert_int_equal(total.started, 200);
    assert_true(total.outcomes[OUTCOME_CONNECT_REFUSED] > 20);
    /* Each call that got one paid for a connect, and at most one a user is open at a time. */
    assert_int_equal(target->parts[PART_CONNECT].count, total.outcomes[OUTCOME_OK]);
    for (size_t i = 0; i < target->second_count; i++)
        assert_true(target->seconds[i].connections <= 3);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_dead_target_ends_the_run(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture_target(&fixture, "gone", "null://?refuse_after=200ms");
    fixture_phase(&fixture, "first", LOAD_CLOSED, 5, 30 * NS_PER_S, 0)->think_max_ns = NS_PER_MS;
    fixture_phase(&fixture, "second", LOAD_CLOSED, 5, 30 * NS_PER_S, 0);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, -1);
    assert_int_equal(fixture.error.code, ERROR_TARGET);
    assert_non_null(strstr(fixture.error.text, "target gone stopped answering"));
    assert_non_null(strstr(fixture.error.text, "connect_refused"));
    assert_true(fixture.result.partial);
    assert_string_equal(fixture.result.partial_reason, fixture.error.text);
    assert_true(fixture.result.phases[0].partial);
    assert_int_equal(fixture.result.phase_count, 2);
    assert_true(fixture.result.phases[1].not_run);
    fixture_total(&fixture, 0, &total);
    assert_true(total.outcomes[OUTCOME_OK] > 0);
    assert_true(total.outcomes[OUTCOME_CONNECT_REFUSED] > 0);
    /* Refused connects are spaced out: five users at 250 ms each for a few seconds. */
    assert_true(total.outcomes[OUTCOME_CONNECT_REFUSED] < 1000);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_target_that_admits_nobody_ends_the_run(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture_target(&fixture, "closed", "null://?sessions=1&session_error_rate=1");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 5, 0, 100); /* no time limit of its own */
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, -1);
    assert_int_equal(fixture.error.code, ERROR_TARGET);
    assert_non_null(strstr(fixture.error.text, "source_error"));
    fixture_free(&fixture);
}

/* Once something succeeded, and something is still waited for. */
static void interrupt_when_under_way(void *context, const struct engine_progress *progress)
{
    struct engine *engine = context;
    if (progress->total_ok > 0 && progress->in_flight > 0)
        atomic_store(&engine->interrupted, true);
}

static void an_interruption_leaves_a_partial_result(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        struct fixture fixture;
        struct measurement total;
        struct engine_observer observer = {.context = &fixture.engine,
                                           .second = interrupt_when_under_way};
        fixture_init(&fixture);
        fixture.engine.observer = &observer;
        fixture.plan.workers = 2;
        fixture.plan.timeout_ns = 60 * NS_PER_S;
        fixture_target(&fixture, "t", "null://?latency=1ms&hang_rate=0.05&sessions=1");
        fixture_phase(&fixture, "long", open ? LOAD_OPEN : LOAD_CLOSED, open ? 1000 : 20,
                      3600 * NS_PER_S, 0);
        fixture_phase(&fixture, "never", LOAD_CLOSED, 5, NS_PER_S, 0);
        uint64_t before = clock_now_ns();
        fixture_run(&fixture);
        assert_true(clock_now_ns() - before < 60 * NS_PER_S); /* not the timeout of the calls */
        assert_int_equal(fixture.ran, -1);
        assert_int_equal(fixture.error.code, ERROR_INTERRUPTED);
        assert_true(fixture.result.partial);
        assert_true(fixture.result.phases[0].partial);
        assert_true(fixture.result.phases[1].not_run);
        fixture_total(&fixture, 0, &total);
        assert_true(total.outcomes[OUTCOME_OK] > 0);
        assert_true(total.outcomes[OUTCOME_CANCELLED] > 0);
        assert_int_equal(total.outcomes[OUTCOME_TIMEOUT], 0);
        measurement_free(&total);
        fixture_free(&fixture);
    }
}

static void abort_on_ends_the_run(void **state)
{
    (void)state;
    struct fixture fixture;
    struct threshold conditions[] = {
        {.text = (char *)"p95{tool=none}>1s",
         .figure = FIGURE_PERCENTILE,
         .fraction = 0.95,
         .compare = COMPARE_GREATER,
         .value = 1e9,
         .tool = (char *)"none"},
        {.text = (char *)"errors>50%",
         .figure = FIGURE_ERRORS,
         .compare = COMPARE_GREATER,
         .value = 0.5},
    };
    fixture_init(&fixture);
    fixture.plan.abort_on = conditions;
    fixture.plan.abort_on_count = 2;
    fixture_target(&fixture, "t", "null://?latency=5ms&error_rate=0.9");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 5, 60 * NS_PER_S, 0);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, -1);
    assert_int_equal(fixture.error.code, ERROR_VERDICT);
    assert_non_null(strstr(fixture.error.text, "errors>50%"));
    assert_true(fixture.result.partial);
    assert_true(fixture.result.phases[0].duration_ns < 30 * NS_PER_S);
    fixture_free(&fixture);
}

static void an_alert_that_aborts_ends_the_run(void **state)
{
    (void)state;
    struct fixture fixture;
    struct alert_rule rules[] = {*alert_rule_find("high_error_rate"),
                                 *alert_rule_find("connection_errors")};
    rules[0].abort = true;
    fixture_init(&fixture);
    fixture.plan.alerts = rules;
    fixture.plan.alert_count = 2;
    fixture_target(&fixture, "t", "null://?latency=5ms&error_rate=0.9&error_after=2s");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 5, 60 * NS_PER_S, 0);
    fixture_phase(&fixture, "after", LOAD_CLOSED, 5, 60 * NS_PER_S, 0);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, -1);
    assert_int_equal(fixture.error.code, ERROR_VERDICT);
    assert_non_null(strstr(fixture.error.text, "alert high_error_rate on t has abort: true"));
    assert_true(fixture.result.partial);
    assert_true(fixture.result.phases[0].duration_ns < 30 * NS_PER_S);
    assert_true(fixture.result.phases[1].not_run);
    /* The stored seconds give that very event. */
    assert_int_equal(alerts_of_result(&fixture.result, rules, 2), 0);
    assert_int_equal(fixture.result.alert_count, 1);
    assert_string_equal(fixture.result.alerts[0].rule, "high_error_rate");
    assert_false(fixture.result.alerts[0].end.known);
    fixture_free(&fixture);
}

/* Baseline, then a stress during which the target is dead; it comes back, and is seen to. */
static void recovery_is_seen_and_timed(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture_target(&fixture, "t", "null://?latency=2ms&refuse_after=600ms&revive_after=1500ms");
    fixture_phase(&fixture, "ramp-up", LOAD_CLOSED, 4, 400 * NS_PER_MS, 0)->kind = PHASE_RAMP_UP;
    fixture_phase(&fixture, "stress", LOAD_CLOSED, 8, 400 * NS_PER_MS, 0)->kind = PHASE_STRESS;
    fixture_phase(&fixture, "recovery", LOAD_CLOSED, 4, 20 * NS_PER_S, 0)->kind = PHASE_RECOVERY;
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    const struct result_phase *recovery = &fixture.result.phases[2];
    assert_true(recovery->has_recovery);
    assert_true(recovery->recovered);
    /* Dead for most of a second of the phase. */
    assert_true(recovery->recovery_ns >= 500 * NS_PER_MS);
    assert_true(recovery->duration_ns < 19 * NS_PER_S);
    assert_false(recovery->partial);
    const json_t *baseline = json_object_get(recovery->recovery, "baseline");
    assert_string_equal(json_string_value(json_object_get(baseline, "phase")), "ramp-up");
    assert_true(json_integer_value(json_object_get(baseline, "p95_ns")) >= 2000000);
    const json_t *windows = json_object_get(recovery->recovery, "windows");
    size_t count = json_array_size(windows);
    assert_true(count >= 4);
    assert_false(json_is_true(json_object_get(json_array_get(windows, 0), "within")));
    for (size_t i = count - 3; i < count; i++)
        assert_true(json_is_true(json_object_get(json_array_get(windows, i), "within")));
    fixture_free(&fixture);
}

static void what_does_not_recover_is_said_not_to(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture_target(&fixture, "t", "null://?latency=2ms&refuse_after=500ms");
    fixture_phase(&fixture, "ramp-up", LOAD_CLOSED, 4, 400 * NS_PER_MS, 0)->kind = PHASE_RAMP_UP;
    fixture_phase(&fixture, "recovery", LOAD_CLOSED, 4, NS_PER_S, 0)->kind = PHASE_RECOVERY;
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    const struct result_phase *recovery = &fixture.result.phases[1];
    assert_true(recovery->has_recovery);
    assert_false(recovery->recovered);
    assert_true(json_array_size(json_object_get(recovery->recovery, "windows")) >= 9);
    fixture_free(&fixture);
}

static void examples_are_few_and_of_every_kind(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.workers = 2;
    fixture_target(&fixture, "t",
                   "null://?operations=3&error_rate=0.3&response={\"long\":\"answer\"}");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 6, 0, 3000);
    fixture_run(&fixture);
    assert_int_equal(fixture.ran, 0);
    unsigned ok[3] = {0}, failed[3] = {0};
    for (size_t i = 0; i < fixture.result.example_count; i++) {
        const struct example *example = &fixture.result.examples[i];
        (example->outcome.kind == OUTCOME_OK ? ok : failed)[example->operation]++;
        assert_string_equal(example->phase, "all");
        assert_non_null(example->repeat);
        assert_non_null(strstr(example->repeat, "cicada tools 'null://"));
        assert_non_null(strstr(example->repeat, "--call 'op"));
        if (example->outcome.kind == OUTCOME_OK) {
            assert_string_equal(example->response, "{\"long\":\"answer\"}");
            assert_non_null(example->request);
        } else {
            assert_non_null(example->text);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ok[i], 3);
        assert_int_equal(failed[i], 3);
    }
    fixture_free(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(a_call_that_never_ends_times_out),
        cmocka_unit_test(waiting_for_a_connection_times_out),
        cmocka_unit_test(connections_of_their_own_are_closed),
        cmocka_unit_test(a_dead_target_ends_the_run),
        cmocka_unit_test(a_target_that_admits_nobody_ends_the_run),
        cmocka_unit_test(an_interruption_leaves_a_partial_result),
        cmocka_unit_test(abort_on_ends_the_run),
        cmocka_unit_test(an_alert_that_aborts_ends_the_run),
        cmocka_unit_test(recovery_is_seen_and_timed),
        cmocka_unit_test(what_does_not_recover_is_said_not_to),
        cmocka_unit_test(examples_are_few_and_of_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
