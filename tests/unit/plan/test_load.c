/* Shapes, the built-in plan, and the level at a moment. */
#include "plan/load.h"
#include "testing.h"

#define S UINT64_C(1000000000)

static void build(struct phase *phase, const char *words)
{
    struct plan plan;
    char text[512];
    snprintf(text, sizeof text, "phases: [{%s}]", words);
    parse_plan(&plan, text);
    *phase = plan.phases[0];
    plan.phase_count = 0; /* the phase is ours now, but for its texts */
    free(plan.phases);
    plan.phases = NULL;
    free(phase->name);
    phase->name = NULL;
    plan_free(&plan);
    phase->where = NULL;
}

static void assert_level(const struct phase *phase, uint64_t at, double level)
{
    double actual = load_level_at(phase, at);
    if (actual != level)
        fail_msg("level at %.3f s is %g, not %g", (double)at / 1e9, actual, level);
}

static void constant_holds(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "users: 7, duration: 10s");
    assert_int_equal(phase.model, LOAD_CLOSED);
    assert_int_equal(phase.duration_ns, 10 * S);
    assert_level(&phase, 0, 7);
    assert_level(&phase, 10 * S, 7);
    assert_level(&phase, 100 * S, 7);
    free(phase.points);
    build(&phase, "users: 3, operations: 1000");
    assert_int_equal(phase.duration_ns, 0);
    assert_int_equal(phase.operations, 1000);
    assert_level(&phase, 0, 3);
    assert_level(&phase, 50 * S, 3);
    free(phase.points);
}

static void linear_moves(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "rate: 0..100, duration: 10s");
    assert_int_equal(phase.model, LOAD_OPEN);
    assert_level(&phase, 0, 0);
    assert_level(&phase, 25 * S / 10, 25);
    assert_level(&phase, 10 * S, 100);
    free(phase.points);
}

static void steps_hold_each(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "shape: steps, users: 5..50, duration: 60s");
    assert_int_equal(phase.point_count, 11);
    assert_int_equal(phase.duration_ns, 60 * S);
    for (unsigned i = 0; i < 10; i++) {
        assert_level(&phase, i * 6 * S, 5.0 * (i + 1));
        assert_level(&phase, i * 6 * S + 6 * S - 1, 5.0 * (i + 1));
    }
    assert_level(&phase, 60 * S, 50);
    free(phase.points);
    build(&phase,
          "shape: steps, users: 50, steps: 1, duration: 7s"); /* one number: a tenth to it */
    assert_level(&phase, 0, 50);
    free(phase.points);
    build(&phase, "shape: steps, users: 1..4, steps: 3, duration: 3s"); /* users are whole */
    assert_level(&phase, S, 3);
    free(phase.points);
}

static void spike_rises_and_falls_at_once(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "shape: spike, users: 5..50, spike_at: 4s, spike_for: 2s, duration: 10s");
    assert_level(&phase, 4 * S - 1, 5);
    assert_level(&phase, 4 * S, 50);
    assert_level(&phase, 6 * S - 1, 50);
    assert_level(&phase, 6 * S, 5);
    assert_level(&phase, 10 * S, 5);
    free(phase.points);
}

static void sawtooth_drops_at_each_tooth(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "shape: sawtooth, users: 10..30, teeth: 2, duration: 10s");
    assert_level(&phase, 0, 10);
    assert_level(&phase, 25 * S / 10, 20);
    assert_level(&phase, 5 * S, 10);
    assert_level(&phase, 75 * S / 10, 20);
    assert_level(&phase, 10 * S, 30);
    free(phase.points);
}

static void soak_rises_then_holds(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "shape: soak, rate: 100, ramp: 10s, duration: 1h");
    assert_level(&phase, 5 * S, 50);
    assert_level(&phase, 10 * S, 100);
    assert_level(&phase, 3600 * S, 100);
    free(phase.points);
}

static void custom_follows_its_points(void **state)
{
    struct phase phase;
    (void)state;
    build(&phase, "points: [{at: 0, users: 2}, {at: 2s, users: 10}, {at: 4s, users: 0}]");
    assert_int_equal(phase.duration_ns, 4 * S);
    assert_level(&phase, S, 6);
    assert_level(&phase, 3 * S, 5);
    free(phase.points);
    build(&phase,
          "stepped: true, points: [{at: 0, rate: 2.5}, {at: 2s, rate: 10}, {at: 4s, rate: 0}]");
    assert_level(&phase, S, 2.5);
    assert_level(&phase, 2 * S, 10);
    assert_level(&phase, 4 * S, 0);
    free(phase.points);
}

static void no_points_are_no_load(void **state)
{
    struct phase phase = {0};
    (void)state;
    assert_level(&phase, 0, 0);
}

struct validate_row {
    const char *name;
    enum phase_kind kind;
    double first, last;
    uint64_t duration_ns;
    bool thinks;
};

static const struct validate_row validate_rows[] = {
    {"ramp-up", PHASE_RAMP_UP, 5, 50, 60 * S, true},
    {"peak", PHASE_PEAK, 50, 50, 60 * S, true},
    {"stress", PHASE_STRESS, 75, 75, 30 * S, false},
    {"recovery", PHASE_RECOVERY, 5, 5, 30 * S, true},
    {"memory-redis", PHASE_MEMORY, 10, 10, 0, false},
    {"memory-neo4j", PHASE_MEMORY, 0, 0, 0, false},
    {"memory-faiss", PHASE_MEMORY, 10, 10, 0, false},
    {"memory-sqlite", PHASE_MEMORY, 10, 10, 0, false},
    {"memory-cross", PHASE_MEMORY, 10, 10, 0, false},
    {"ramp-down", PHASE_RAMP_DOWN, 50, 5, 30 * S, true},
    {"idle", PHASE_IDLE, 0, 0, 5 * S, false}};

static void check_validate(bool quick)
{
    struct plan plan;
    struct target_options target;
    struct error error = {0};
    assert_int_equal(target_options_init(&target, "target"), 0);
    target.url = strdup("http://127.0.0.1:1/mcp");
    assert_int_equal(plan_validate_default(&plan, &target, quick, &error), 0);
    assert_null(target.url); /* moved into the plan */
    assert_string_equal(plan.name, "validate");
    assert_string_equal(plan.source, "built-in");
    assert_int_equal(plan.quick, quick);
    assert_int_equal(plan.target_count, 5); /* the tiers but Neo4j, and all together */
    assert_int_equal(plan.targets[0].timeout_ns, plan.timeout_ns);
    assert_int_equal(plan.mix_count, 5);
    assert_int_equal(plan.mixes[0].entry_count, 0);
    assert_int_equal(plan.phase_count, 11);
    for (size_t i = 0; i < 11; i++) {
        const struct validate_row *row = &validate_rows[i];
        const struct phase *phase = &plan.phases[i];
        assert_string_equal(phase->name, row->name);
        assert_int_equal(phase->kind, row->kind);
        assert_int_equal(phase->duration_ns, row->duration_ns / (quick ? 10 : 1));
        assert_level(phase, 0, row->first);
        assert_level(phase, phase->duration_ns, row->last);
        assert_int_equal(phase->think_min_ns, row->thinks ? 10000000 : 0);
        assert_int_equal(phase->think_max_ns, row->thinks ? 20000000 : 0);
        assert_int_equal(phase->in_flight_per_user, phase->not_run                ? 0
                                                    : phase->kind == PHASE_MEMORY ? 1
                                                                                  : 3);
    }
    assert_int_equal(plan.phases[0].point_count, 11);
    assert_int_equal(plan.phases[9].point_count, 11);
    assert_true(plan.phases[5].not_run);
    assert_int_equal(plan.threshold_count, 7);
    assert_string_equal(plan.thresholds[0].text, "p95<500ms");
    assert_string_equal(plan.thresholds[1].text, "p99<1000ms");
    assert_string_equal(plan.thresholds[2].text, "errors<2%");
    plan_free(&plan);
    plan_free(&plan); /* harmless again */
}

static void validate_is_five_phases(void **state)
{
    (void)state;
    check_validate(false);
}

static void quick_takes_a_tenth_of_the_time(void **state)
{
    (void)state;
    check_validate(true);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (int kind = PHASE_CUSTOM; kind <= PHASE_WARMUP; kind++) {
        assert_true(*phase_kind_name((enum phase_kind)kind));
        assert_int_equal(phase_kind_from_name(phase_kind_name((enum phase_kind)kind)), kind);
    }
    assert_int_equal(phase_kind_from_name("nothing"), PHASE_CUSTOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(constant_holds),
                                       cmocka_unit_test(linear_moves),
                                       cmocka_unit_test(steps_hold_each),
                                       cmocka_unit_test(spike_rises_and_falls_at_once),
                                       cmocka_unit_test(sawtooth_drops_at_each_tooth),
                                       cmocka_unit_test(soak_rises_then_holds),
                                       cmocka_unit_test(custom_follows_its_points),
                                       cmocka_unit_test(no_points_are_no_load),
                                       cmocka_unit_test(validate_is_five_phases),
                                       cmocka_unit_test(quick_takes_a_tenth_of_the_time),
                                       cmocka_unit_test(kinds_have_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
