/* Runs against the null target: sums, budgets, weights, models, sessions. */
#include "fixture.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_ran(const struct fixture *fixture)
{
    if (fixture->ran < 0)
        fail_msg("%s", fixture->error.text);
}

static void closed_budget_is_exact(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct fixture fixture;
        struct measurement total;
        fixture_init(&fixture);
        fixture.plan.workers = workers;
        fixture_target(&fixture, "t", "null://?operations=7");
        struct phase *phase = fixture_phase(&fixture, "all", LOAD_CLOSED, 10, 0, 7 * 143);
        phase->in_flight_per_user = 3;
        fixture_run(&fixture);
        assert_ran(&fixture);
        fixture_total(&fixture, 0, &total);
        assert_int_equal(total.started, 7 * 143);
        assert_int_equal(total.outcomes[OUTCOME_OK], 7 * 143);
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(fixture_phase_target(&fixture, 0)->operations[i].started, 143);
        assert_true(fixture.result.phases[0].duration_ns > 0);
        measurement_free(&total);
        fixture_free(&fixture);
    }
}

static void latency_and_parts_are_those_of_the_target(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=3ms&connect_latency=20ms");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 2, 0, 40);
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.outcomes[OUTCOME_OK], 40);
    assert_true(total.latency_ok.min_ns >= 3 * NS_PER_MS);
    assert_true(total.service_ok.min_ns >= 3 * NS_PER_MS);
    /* Two connections were made, and the calls that needed them waited for that. */
    const struct phase_target *target = fixture_phase_target(&fixture, 0);
    assert_int_equal(target->parts[PART_CONNECT].count, 2);
    assert_int_equal(target->parts[PART_POOL].count, 40);
    assert_int_equal(target->parts[PART_FIRST_BYTE].count, 40);
    assert_true(total.latency_ok.max_ns >= 23 * NS_PER_MS);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_small_pool_is_waited_for(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=5ms");
    fixture.options[0].pool_size = 2;
    fixture_phase(&fixture, "all", LOAD_CLOSED, 8, 0, 80);
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    /* Eight users on two connections: most of an operation's latency is the wait for one. */
    assert_true(histogram_quantile(&total.latency_ok, 0.5) >= 15 * NS_PER_MS);
    assert_true(histogram_quantile(&fixture_phase_target(&fixture, 0)->parts[PART_POOL], 0.5) >=
                10 * NS_PER_MS);
    assert_true(total.service_ok.min_ns >= 5 * NS_PER_MS);
    for (size_t i = 0; i < fixture_phase_target(&fixture, 0)->second_count; i++)
        assert_true(fixture_phase_target(&fixture, 0)->seconds[i].connections <= 2);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void open_model_starts_exactly_what_is_due(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct fixture fixture;
        struct measurement total;
        fixture_init(&fixture);
        fixture.plan.workers = workers;
        fixture_target(&fixture, "t", "null://?operations=4");
        struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 2000, 500 * NS_PER_MS, 0);
        phase->arrivals = ARRIVALS_CONSTANT;
        fixture_run(&fixture);
        assert_ran(&fixture);
        fixture_total(&fixture, 0, &total);
        assert_int_equal(total.started, 1000);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(fixture_phase_target(&fixture, 0)->operations[i].started, 250);
        assert_int_equal(fixture.result.phases[0].duration_ns, 500 * NS_PER_MS);
        measurement_free(&total);
        fixture_free(&fixture);
    }
}

/* Arrivals at 500/s; the target answers nothing in the last 200 ms of each half second. Measured
 * from the intended start the stall shows, from the actual start with few in flight it would not.
 */
static void a_stall_cannot_hide(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=1ms&stall_every=500ms&stall_for=200ms");
    struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 500, NS_PER_S, 0);
    phase->max_in_flight = 2;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 500);
    /* Two of five operations met the stall; a tenth of all waited for 150 ms or more. */
    assert_true(histogram_quantile(&total.latency_ok, 0.95) > 100 * NS_PER_MS);
    assert_true(histogram_quantile(&total.service_ok, 0.95) < 100 * NS_PER_MS);
    assert_true(fixture_phase_target(&fixture, 0)->parts[PART_QUEUE].max_ns > 100 * NS_PER_MS);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void what_is_queued_to_the_end_is_not_run(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.timeout_ns = 200 * NS_PER_MS;
    fixture_target(&fixture, "t", "null://?hang_rate=1");
    struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 100, 150 * NS_PER_MS, 0);
    phase->max_in_flight = 3;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 15);
    assert_int_equal(total.outcomes[OUTCOME_TIMEOUT], 3);
    assert_int_equal(total.outcomes[OUTCOME_NOT_RUN], 12);
    assert_int_equal(total.latency_censored.count, 15);
    assert_true(fixture.result.phases[0].drain_ns > 0);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void poisson_arrivals_come_at_the_rate(void **state)
{
    (void)state;
    uint64_t counts[2];
    for (unsigned run = 0; run < 2; run++) {
        struct fixture fixture;
        struct measurement total;
        fixture_init(&fixture);
        fixture.plan.workers = 2;
        fixture_target(&fixture, "t", "null://");
        struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 4000, 500 * NS_PER_MS, 0);
        phase->arrivals = ARRIVALS_POISSON;
        fixture_run(&fixture);
        assert_ran(&fixture);
        fixture_total(&fixture, 0, &total);
        counts[run] = total.started;
        /* 2000 expected, deviation 45: six of those. */
        assert_in_range(total.started, 1730, 2270);
        measurement_free(&total);
        fixture_free(&fixture);
    }
    assert_int_equal(counts[0], counts[1]); /* the same seed, the same arrivals */
}

static void paced_users_keep_their_pace(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=1ms");
    struct phase *phase = fixture_phase(&fixture, "paced", LOAD_CLOSED, 5, 500 * NS_PER_MS, 0);
    phase->pace_ns = 50 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    /* Ten intervals each; where within the first one a user begins is drawn. */
    assert_in_range(total.started, 5 * 9, 5 * 10);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void late_paced_work_counts(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=100ms");
    struct phase *phase = fixture_phase(&fixture, "paced", LOAD_CLOSED, 4, 500 * NS_PER_MS, 0);
    phase->pace_ns = 20 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    /* 25 are due of each user (24 with a late beginning); five at most can be run. */
    assert_in_range(total.started, 4 * 24, 4 * 25);
    assert_true(total.outcomes[OUTCOME_OK] <= 4 * 6);
    assert_int_equal(total.outcomes[OUTCOME_OK] + total.outcomes[OUTCOME_NOT_RUN], total.started);
    assert_true(total.latency_ok.max_ns > 300 * NS_PER_MS);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void users_come_and_go_with_their_sessions(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.workers = 2;
    fixture_target(&fixture, "t", "null://?latency=1ms&sessions=1");
    struct phase *up = fixture_phase(&fixture, "up", LOAD_CLOSED, 2, 100 * NS_PER_MS, 0);
    up->points[1] = (struct load_point){50 * NS_PER_MS, 6};
    fixture_point(&fixture, up, 100 * NS_PER_MS, 6);
    fixture_phase(&fixture, "peak", LOAD_CLOSED, 6, 50 * NS_PER_MS, 0);
    struct phase *down = fixture_phase(&fixture, "down", LOAD_CLOSED, 6, 100 * NS_PER_MS, 0);
    down->points[1] = (struct load_point){50 * NS_PER_MS, 1};
    fixture_point(&fixture, down, 100 * NS_PER_MS, 1);
    fixture_phase(&fixture, "idle", LOAD_CLOSED, 0, 60 * NS_PER_MS, 0)->kind = PHASE_IDLE;
    fixture_run(&fixture);
    assert_ran(&fixture);
    /* Six sessions are opened going up, kept at the peak, five closed going down, one when idle. */
    const uint64_t setups[] = {6, 0, 5, 1};
    for (size_t i = 0; i < 4; i++) {
        const struct phase_target *target = fixture_phase_target(&fixture, i);
        assert_int_equal(target->setup.started, setups[i]);
        assert_int_equal(target->setup.outcomes[OUTCOME_OK], setups[i]);
    }
    const struct phase_target *idle = fixture_phase_target(&fixture, 3);
    assert_int_equal(idle->seconds[idle->second_count - 1].connections, 0);
    assert_true(fixture_phase_target(&fixture, 0)->users_peak == 6);
    struct measurement total;
    fixture_total(&fixture, 3, &total);
    assert_int_equal(total.started, 0);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void sessions_that_fail_are_tried_again(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?sessions=1&session_error_rate=0.7");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 4, 0, 4000);
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    const struct measurement *setup = &fixture_phase_target(&fixture, 0)->setup;
    assert_int_equal(total.outcomes[OUTCOME_OK], 4000);
    assert_true(setup->outcomes[OUTCOME_SOURCE_ERROR] > 0);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_user_without_a_session_owes_its_work(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?sessions=1&session_error_rate=1");
    struct phase *phase = fixture_phase(&fixture, "all", LOAD_CLOSED, 4, 200 * NS_PER_MS, 0);
    phase->in_flight_per_user = 2;
    fixture_run(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 8); /* one of each slot */
    assert_int_equal(total.outcomes[OUTCOME_NOT_RUN], 8);
    assert_true(fixture_phase_target(&fixture, 0)->setup.started >= 4);
    assert_int_equal(fixture_phase_target(&fixture, 0)->setup.outcomes[OUTCOME_OK], 0);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void carriers_share_as_few_sessions_as_they_need(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?sessions=1");
    struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 1000, 200 * NS_PER_MS, 0);
    phase->max_in_flight = 100;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.outcomes[OUTCOME_OK], 200);
    /* One session would do for a target that answers at once; some more when the test is late. */
    assert_true(fixture_phase_target(&fixture, 0)->setup.outcomes[OUTCOME_OK] < 2 * 100);
    assert_true(fixture_phase_target(&fixture, 0)->setup.outcomes[OUTCOME_OK] >= 2);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void segments_share_the_load(void **state)
{
    (void)state;
    uint64_t arrivals = 0, operations = 0;
    for (unsigned segment = 1; segment <= 3; segment++) {
        struct fixture fixture;
        struct measurement total;
        fixture_init(&fixture);
        fixture.plan.segment = segment;
        fixture.plan.segments = 3;
        fixture.plan.workers = 2;
        fixture_target(&fixture, "t", "null://");
        fixture_phase(&fixture, "open", LOAD_OPEN, 1000, 200 * NS_PER_MS, 0);
        fixture_phase(&fixture, "closed", LOAD_CLOSED, 10, 0, 100);
        fixture_run(&fixture);
        assert_ran(&fixture);
        fixture_total(&fixture, 0, &total);
        arrivals += total.started;
        measurement_free(&total);
        fixture_total(&fixture, 1, &total);
        operations += total.started;
        measurement_free(&total);
        fixture_free(&fixture);
    }
    assert_int_equal(arrivals, 200);
    assert_int_equal(operations, 100);
}

static void think_time_slows_a_user_down(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://");
    struct phase *phase = fixture_phase(&fixture, "think", LOAD_CLOSED, 3, 200 * NS_PER_MS, 0);
    phase->think_min_ns = 20 * NS_PER_MS;
    phase->think_max_ns = 40 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_in_range(total.started, 3, 3 * 10);
    assert_true(total.latency_ok.max_ns < 20 * NS_PER_MS); /* thinking is no latency */
    measurement_free(&total);
    fixture_free(&fixture);
}

static void a_single_connection_carries_many_calls(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.workers = 4; /* but one connection means one worker */
    fixture_target(&fixture, "t",
                   "null://?latency=2ms&max_connections=1&calls_per_connection=100&sessions=1");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 20, 0, 400);
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.outcomes[OUTCOME_OK], 400);
    assert_int_equal(fixture_phase_target(&fixture, 0)->setup.outcomes[OUTCOME_OK], 40);
    for (size_t i = 0; i < fixture_phase_target(&fixture, 0)->second_count; i++)
        assert_true(fixture_phase_target(&fixture, 0)->seconds[i].connections <= 1);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void the_series_shows_users_to_the_end(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.quick = true; /* slices of 100 ms, seconds all the same */
    fixture.plan.workers = 2;
    fixture_target(&fixture, "t", "null://?latency=100us");
    fixture_phase(&fixture, "two seconds", LOAD_CLOSED, 3, 2 * NS_PER_S, 0)->think_max_ns =
        5 * NS_PER_MS;
    fixture_phase(&fixture, "a part", LOAD_CLOSED, 4, 300 * NS_PER_MS, 0)->think_max_ns =
        5 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    const struct phase_target *whole = fixture_phase_target(&fixture, 0);
    const struct phase_target *part = fixture_phase_target(&fixture, 1);
    assert_true(whole->second_count >= 2);
    assert_true(whole->seconds[0].users == 3 && whole->seconds[1].users == 3);
    assert_int_equal(whole->seconds[1].at_s, whole->seconds[0].at_s + 1);
    assert_true(whole->seconds[1].started > 0);
    assert_true(part->second_count >= 1);
    assert_true(part->seconds[0].started > 0);
    assert_true(fixture.result.self_count >= 3);
    assert_true(fixture.result.self[0].resident_bytes > 0);
    fixture_free(&fixture);
}

static void a_segment_without_users_is_done_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.segment = 3;
    fixture.plan.segments = 3;
    fixture_target(&fixture, "t", "null://");
    fixture_phase(&fixture, "closed", LOAD_CLOSED, 2, 0, 100);
    fixture_run(&fixture);
    assert_ran(&fixture);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 0);
    measurement_free(&total);
    fixture_free(&fixture);
}

static void not_run_phases_are_copied(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://");
    struct phase *phase = fixture_phase(&fixture, "memory", LOAD_CLOSED, 1, NS_PER_S, 0);
    phase->kind = PHASE_MEMORY;
    phase->not_run = true;
    phase->not_run_reason = (char *)"no tier was given";
    fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 10);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(fixture.result.phase_count, 2);
    assert_true(fixture.result.phases[0].not_run);
    assert_string_equal(fixture.result.phases[0].not_run_reason, "no tier was given");
    assert_int_equal(fixture.result.phases[0].target_count, 0);
    assert_false(fixture.result.partial);
    fixture_free(&fixture);
}

/* While the run goes on: the threads of this process that are not of the given policy. */
static void count_other_policies(void *context, const struct engine_progress *progress)
{
    int *others = context;
    DIR *tasks = opendir("/proc/self/task");
    (void)progress;
    assert_non_null(tasks);
    *others = 0;
    for (struct dirent *task; (task = readdir(tasks));)
        if (atoi(task->d_name) > 0)
            *others += sched_getscheduler(atoi(task->d_name)) != SCHED_BATCH;
    closedir(tasks);
}

static void a_policy_that_was_chosen_stays(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct sched_param parameters = {0};
    int others = -1, before = -1;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=1ms");
    fixture_phase(&fixture, "all", LOAD_CLOSED, 2, NS_PER_S, 0);
    fixture.observer = (struct engine_observer){.context = &others, .second = count_other_policies};
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &parameters), 0);
    count_other_policies(&before, NULL); /* a sanitizer has a thread of its own */
    fixture_run(&fixture);
    sched_setscheduler(0, SCHED_OTHER, &parameters);
    assert_ran(&fixture);
    assert_int_equal(others, before);
    fixture_free(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_budget_is_exact),
        cmocka_unit_test(latency_and_parts_are_those_of_the_target),
        cmocka_unit_test(a_small_pool_is_waited_for),
        cmocka_unit_test(open_model_starts_exactly_what_is_due),
        cmocka_unit_test(a_stall_cannot_hide),
        cmocka_unit_test(what_is_queued_to_the_end_is_not_run),
        cmocka_unit_test(poisson_arrivals_come_at_the_rate),
        cmocka_unit_test(paced_users_keep_their_pace),
        cmocka_unit_test(late_paced_work_counts),
        cmocka_unit_test(users_come_and_go_with_their_sessions),
        cmocka_unit_test(sessions_that_fail_are_tried_again),
        cmocka_unit_test(a_user_without_a_session_owes_its_work),
        cmocka_unit_test(carriers_share_as_few_sessions_as_they_need),
        cmocka_unit_test(segments_share_the_load),
        cmocka_unit_test(think_time_slows_a_user_down),
        cmocka_unit_test(a_single_connection_carries_many_calls),
        cmocka_unit_test(the_series_shows_users_to_the_end),
        cmocka_unit_test(a_segment_without_users_is_done_at_once),
        cmocka_unit_test(not_run_phases_are_copied),
        cmocka_unit_test(a_policy_that_was_chosen_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
