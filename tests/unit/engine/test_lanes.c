/* Phases of several mixes: on several targets, on one, closed and open, and what becomes of a tier
 * that is gone. */
#include "fixture.h"

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

static void add_mix(struct fixture *fixture, const char *name, const char *target)
{
    fixture->mixes[fixture->plan.mix_count++] =
        (struct mix){.name = (char *)name, .target = (char *)target};
}

static uint64_t started(const struct fixture *fixture, size_t phase, size_t lane)
{
    struct measurement total;
    measurement_init(&total);
    assert_true(lane < fixture->result.phases[phase].target_count);
    assert_int_equal(result_target_total(&fixture->result.phases[phase].targets[lane], &total), 0);
    uint64_t count = total.started;
    measurement_free(&total);
    return count;
}

/* Two targets of the same latency, users 3 to 1: so are the operations. */
static void users_are_dealt_by_weight(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct fixture fixture;
        struct phase_mix mixes[] = {{(char *)"a", 3}, {(char *)"b", 1}};
        fixture_init(&fixture);
        fixture.plan.workers = workers;
        fixture_target(&fixture, "left", "null://?latency=2ms");
        fixture_target(&fixture, "right", "null://?latency=2ms&operations=4");
        add_mix(&fixture, "a", "left");
        add_mix(&fixture, "b", "right");
        struct phase *phase = fixture_phase(&fixture, "both", LOAD_CLOSED, 8, 400 * NS_PER_MS, 0);
        phase->mixes = mixes;
        phase->mix_count = 2;
        phase->pace_ns = 20 * NS_PER_MS; /* so that the count follows from the users */
        fixture_run(&fixture);
        assert_ran(&fixture);
        const struct result_phase *result = &fixture.result.phases[0];
        assert_int_equal(result->target_count, 2);
        assert_int_equal(result->targets[0].target, 0);
        assert_int_equal(result->targets[1].target, 1);
        assert_int_equal(result->targets[0].users_peak, 6);
        assert_int_equal(result->targets[1].users_peak, 2);
        assert_int_equal(result->targets[0].seconds[0].users + result->targets[1].seconds[0].users,
                         0 + 8 * (result->targets[0].seconds[0].users > 0));
        assert_int_equal(started(&fixture, 0, 0), 6 * 20);
        assert_int_equal(started(&fixture, 0, 1), 2 * 20);
        assert_int_equal(result->targets[1].operation_count, 4);
        for (size_t i = 0; i < 4; i++)
            assert_true(result->targets[1].operations[i].started >= 9);
        fixture_free(&fixture);
    }
}

/* A budget is the phase's, whoever uses it. */
static void a_budget_is_shared(void **state)
{
    (void)state;
    struct fixture fixture;
    struct phase_mix mixes[] = {{(char *)"a", 1}, {(char *)"b", 1}};
    fixture_init(&fixture);
    fixture.plan.workers = 2;
    fixture_target(&fixture, "left", "null://");
    fixture_target(&fixture, "right", "null://?latency=1ms");
    add_mix(&fixture, "a", "left");
    add_mix(&fixture, "b", "right");
    struct phase *phase = fixture_phase(&fixture, "both", LOAD_CLOSED, 4, 0, 501);
    phase->mixes = mixes;
    phase->mix_count = 2;
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, 0, 0) + started(&fixture, 0, 1), 501);
    assert_true(started(&fixture, 0, 0) > started(&fixture, 0, 1));
    fixture_free(&fixture);
}

/* Two mixes on one target: one lane, whose users run the one or the other. */
static void mixes_may_share_a_target(void **state)
{
    (void)state;
    struct fixture fixture;
    struct phase_mix mixes[] = {{(char *)"a", 1}, {(char *)"b", 3}};
    struct step steps[] = {{.kind = (char *)"tool", .name = (char *)"operation-0"},
                           {.kind = (char *)"tool", .name = (char *)"operation-1"}};
    struct mix_entry entries[] = {{.weight = 1, .steps = &steps[0], .step_count = 1},
                                  {.weight = 1, .steps = &steps[1], .step_count = 1}};
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://?latency=1ms&operations=3");
    for (size_t i = 0; i < 2; i++) {
        steps[i].name = fixture.targets[0].offers[i].name;
        steps[i].kind = fixture.targets[0].offers[i].kind;
    }
    add_mix(&fixture, "a", NULL);
    add_mix(&fixture, "b", "t");
    for (size_t i = 0; i < 2; i++) {
        fixture.mixes[i].entries = &entries[i];
        fixture.mixes[i].entry_count = 1;
    }
    struct phase *phase = fixture_phase(&fixture, "both", LOAD_CLOSED, 8, 200 * NS_PER_MS, 0);
    phase->mixes = mixes;
    phase->mix_count = 2;
    phase->pace_ns = 20 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    const struct phase_target *target = fixture_phase_target(&fixture, 0);
    assert_int_equal(target->operation_count, 2);
    assert_int_equal(target->operations[0].started, 2 * 10);
    assert_int_equal(target->operations[1].started, 6 * 10);
    fixture_free(&fixture);
}

/* 1,000 arrivals a second over three mixes on two targets. */
static void arrivals_are_dealt_by_weight(void **state)
{
    (void)state;
    struct fixture fixture;
    struct phase_mix mixes[] = {{(char *)"a", 1}, {(char *)"b", 2}, {(char *)"c", 1}};
    fixture_init(&fixture);
    fixture.plan.workers = 2;
    fixture_target(&fixture, "left", "null://");
    fixture_target(&fixture, "right", "null://?latency=1ms");
    add_mix(&fixture, "a", "left");
    add_mix(&fixture, "b", "right");
    add_mix(&fixture, "c", "left");
    struct phase *phase = fixture_phase(&fixture, "open", LOAD_OPEN, 1000, NS_PER_S, 0);
    phase->mixes = mixes;
    phase->mix_count = 3;
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, 0, 0), 500);
    assert_int_equal(started(&fixture, 0, 1), 500);
    assert_int_equal(fixture.result.phases[0].targets[0].seconds[0].arrival_rate, 500);
    fixture_free(&fixture);
}

/* Merged, the arrivals of all segments add up to those of the plan. */
static void a_segment_offers_its_part(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.plan.segment = 2;
    fixture.plan.segments = 4;
    fixture_target(&fixture, "t", "null://");
    fixture_phase(&fixture, "open", LOAD_OPEN, 1000, NS_PER_S, 0);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, 0, 0), 250);
    assert_int_equal(fixture.result.phases[0].targets[0].seconds[0].arrival_rate, 250);
    json_t *segment = json_pack("{s:i, s:[i]}", "of", 4, "parts", 2);
    assert_true(json_equal(fixture.result.segment, segment));
    json_decref(segment);
    fixture_free(&fixture);
}

/* The users of a lane whose target comes again stay; the next phases' figures are their own. */
static void targets_come_and_go(void **state)
{
    (void)state;
    struct fixture fixture;
    struct phase_mix mixes[] = {{(char *)"a", 1}, {(char *)"b", 1}};
    fixture_init(&fixture);
    fixture_target(&fixture, "left", "null://?sessions=1&operations=2");
    fixture_target(&fixture, "right", "null://?sessions=1&operations=5");
    add_mix(&fixture, "a", "left");
    add_mix(&fixture, "b", "right");
    fixture_phase(&fixture, "first", LOAD_CLOSED, 2, 0, 50)->mix = (char *)"a";
    struct phase *both = fixture_phase(&fixture, "both", LOAD_CLOSED, 4, 0, 100);
    both->mixes = mixes;
    both->mix_count = 2;
    fixture_phase(&fixture, "last", LOAD_CLOSED, 2, 0, 50)->mix = (char *)"b";
    fixture_phase(&fixture, "idle", LOAD_CLOSED, 0, 50 * NS_PER_MS, 0)->kind = PHASE_IDLE;
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, 0, 0), 50);
    assert_int_equal(started(&fixture, 1, 0) + started(&fixture, 1, 1), 100);
    assert_int_equal(started(&fixture, 2, 0), 50);
    assert_int_equal(fixture.result.phases[2].targets[0].target, 1);
    assert_int_equal(fixture.result.phases[3].targets[0].target, 1);
    fixture_free(&fixture);
}

struct sum {
    uint64_t started, latencies;
    unsigned seconds;
};

static void add_second(void *context, const struct engine_progress *progress)
{
    struct sum *sum = context;
    sum->started += progress->started;
    sum->latencies += progress->latency->count;
    sum->seconds++;
}

/* A live view is told of all lanes together. */
static void progress_is_of_all_lanes(void **state)
{
    (void)state;
    struct fixture fixture;
    struct sum sum = {0};
    struct phase_mix mixes[] = {{(char *)"a", 1}, {(char *)"b", 1}};
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture_target(&fixture, "left", "null://?latency=1ms");
    fixture_target(&fixture, "right", "null://?latency=1ms");
    add_mix(&fixture, "a", "left");
    add_mix(&fixture, "b", "right");
    struct phase *phase = fixture_phase(&fixture, "both", LOAD_CLOSED, 2, 2 * NS_PER_S, 0);
    phase->mixes = mixes;
    phase->mix_count = 2;
    phase->pace_ns = 10 * NS_PER_MS;
    fixture.observer = (struct engine_observer){.context = &sum, .second = add_second};
    fixture_run(&fixture);
    assert_ran(&fixture);
    uint64_t all = started(&fixture, 0, 0) + started(&fixture, 0, 1);
    assert_int_equal(all, 2 * 200);
    assert_true(sum.seconds >= 2 && sum.seconds <= 3);
    assert_true(sum.started > all / 2 && sum.started <= all);
    assert_true(sum.latencies > all / 2);
    fixture_free(&fixture);
}

/* In a memory phase a target that is gone ends the phase, and the budget that is left is counted;
 * the phases behind it are run. */
static void a_lost_tier_ends_its_phase_only(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    fixture_init(&fixture);
    fixture.plan.quick = true;
    fixture.plan.workers = 2;
    fixture_target(&fixture, "tier", "null://?refuse_rate=1");
    fixture_target(&fixture, "other", "null://");
    add_mix(&fixture, "tier", "tier");
    add_mix(&fixture, "other", "other");
    struct phase *phase = fixture_phase(&fixture, "memory", LOAD_CLOSED, 2, 0, 100000);
    phase->kind = PHASE_MEMORY;
    phase->think_min_ns = phase->think_max_ns = 50 * NS_PER_MS;
    phase->mix = (char *)"tier";
    fixture_phase(&fixture, "after", LOAD_CLOSED, 1, 0, 10)->mix = (char *)"other";
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_false(fixture.result.partial);
    assert_true(fixture.result.phases[0].partial);
    fixture_total(&fixture, 0, &total);
    assert_int_equal(total.started, 100000);
    assert_int_equal(total.outcomes[OUTCOME_OK], 0);
    assert_true(total.outcomes[OUTCOME_CONNECT_REFUSED] > 2);
    assert_int_equal(total.outcomes[OUTCOME_NOT_RUN],
                     100000 - total.outcomes[OUTCOME_CONNECT_REFUSED]);
    measurement_free(&total);
    assert_false(fixture.result.phases[1].not_run);
    assert_int_equal(started(&fixture, 1, 0), 10);
    fixture_free(&fixture);
}

/* A target that could not be opened is listed with the reason; its phases are not run. */
static void an_unavailable_target_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    struct target closed;
    fixture_init(&fixture);
    fixture_target(&fixture, "t", "null://");
    fixture_target(&fixture, "gone", "null://");
    closed = (struct target){.driver = fixture.targets[1].driver,
                             .options = fixture.targets[1].options,
                             .unavailable = (char *)"connection refused"};
    fixture.target_list[1] = &closed;
    add_mix(&fixture, "t", "t");
    add_mix(&fixture, "gone", "gone");
    fixture_phase(&fixture, "load", LOAD_CLOSED, 4, 0, 100);
    struct phase *phase = fixture_phase(&fixture, "memory", LOAD_CLOSED, 4, 0, 100);
    phase->mix = (char *)"gone";
    phase->not_run = true;
    phase->not_run_reason = (char *)"connection refused";
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, 0, 0), 100);
    assert_true(fixture.result.phases[1].not_run);
    assert_string_equal(
        json_string_value(json_object_get(fixture.result.targets[1].facts, "unavailable")),
        "connection refused");
    fixture_free(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_dealt_by_weight),
        cmocka_unit_test(a_budget_is_shared),
        cmocka_unit_test(mixes_may_share_a_target),
        cmocka_unit_test(arrivals_are_dealt_by_weight),
        cmocka_unit_test(a_segment_offers_its_part),
        cmocka_unit_test(targets_come_and_go),
        cmocka_unit_test(progress_is_of_all_lanes),
        cmocka_unit_test(a_lost_tier_ends_its_phase_only),
        cmocka_unit_test(an_unavailable_target_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
