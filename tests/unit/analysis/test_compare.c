/* The comparison: the statistics against known values, and whole comparisons of seeded synthetic
 * runs whose seconds are autocorrelated, as those of a real server are. */
#include "analysis/compare.h"
#include "analysis/compare_statistics.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRIALS     40
#define OPERATIONS 3

struct synthetic {
    uint64_t seed;
    unsigned seconds, per_second;
    double factor;     /* of every latency */
    double slow_first; /* of the first operation's */
    double error_share;
    const char *last_name;
};

static double normal(struct random *random)
{
    double u = 1 - random_unit(random), v = random_unit(random);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
}

static void add_coarse(struct second_operation *operation, uint16_t index)
{
    uint32_t at = 0;
    while (at < operation->bucket_count && operation->buckets[at] < index)
        at++;
    if (at == operation->bucket_count || operation->buckets[at] != index) {
        size_t count = operation->bucket_count + 1;
        operation->buckets = reallocarray(operation->buckets, count, sizeof(uint16_t));
        operation->counts = reallocarray(operation->counts, count, sizeof(uint32_t));
        memmove(operation->buckets + at + 1, operation->buckets + at,
                (operation->bucket_count - at) * sizeof(uint16_t));
        memmove(operation->counts + at + 1, operation->counts + at,
                (operation->bucket_count - at) * sizeof(uint32_t));
        operation->buckets[at] = index;
        operation->counts[at] = 0;
        operation->bucket_count++;
    }
    operation->counts[at]++;
}

static void run_one(struct phase_target *target, struct second *second, struct random *random,
                    const struct synthetic *synthetic, double level)
{
    uint32_t o = (uint32_t)random_below(random, OPERATIONS);
    bool ok = random_unit(random) >= synthetic->error_share;
    double ns = 4e6 * synthetic->factor * exp(level + 0.5 * normal(random));
    uint64_t latency = (uint64_t)(o == 0 ? ns * synthetic->slow_first : ns);
    struct outcome outcome = {.kind = ok ? OUTCOME_OK : OUTCOME_TOOL_ERROR};
    target->operations[o].started++;
    measurement_record(&target->operations[o], &outcome, latency, latency);
    second->started++;
    second->outcomes[outcome.kind]++;
    *(ok ? &second->ok : &second->failed) += 1;
    *(ok ? &second->operations[o].ok : &second->operations[o].failed) += 1;
    if (ok) {
        histogram_record(&second->latency, latency);
        add_coarse(&second->operations[o], histogram_coarse_index(latency));
    }
}

static void make_target(struct result *result, const char *last_name)
{
    result->target_count = 1;
    result->targets = calloc(1, sizeof *result->targets);
    result->targets[0].name = strdup("target");
    result->targets[0].operation_count = OPERATIONS;
    result->targets[0].operations = calloc(OPERATIONS, sizeof(struct result_operation));
    for (unsigned o = 0; o < OPERATIONS; o++) {
        char name[32];
        snprintf(name, sizeof name, "tool_%u", o);
        result->targets[0].operations[o].name =
            strdup(o + 1 == OPERATIONS && last_name ? last_name : name);
        result->targets[0].operations[o].kind = strdup("tool");
    }
}

/* One phase; the level of the latencies wanders as AR(1) with a correlation of 0.6. */
static void make_run(struct result *result, const struct synthetic *synthetic)
{
    struct random random;
    random_seed(&random, synthetic->seed, 7);
    result_init(result);
    make_target(result, synthetic->last_name);
    result->phase_count = 1;
    result->phases = calloc(1, sizeof *result->phases);
    struct result_phase *phase = &result->phases[0];
    phase->name = strdup("load");
    phase->kind = strdup("peak");
    phase->duration_ns = synthetic->seconds * UINT64_C(1000000000);
    phase->target_count = 1;
    phase->targets = calloc(1, sizeof *phase->targets);
    struct phase_target *target = &phase->targets[0];
    measurement_init(&target->setup);
    target->operation_count = OPERATIONS;
    target->operations = calloc(OPERATIONS, sizeof *target->operations);
    for (unsigned o = 0; o < OPERATIONS; o++)
        measurement_init(&target->operations[o]);
    target->second_count = synthetic->seconds;
    target->seconds = calloc(synthetic->seconds, sizeof *target->seconds);
    double level = 0.06 * normal(&random);
    for (unsigned s = 0; s < synthetic->seconds; s++) {
        struct second *second = &target->seconds[s];
        second->at_s = s;
        histogram_init(&second->latency);
        second->operation_count = OPERATIONS;
        second->operations = calloc(OPERATIONS, sizeof *second->operations);
        for (uint32_t o = 0; o < OPERATIONS; o++)
            second->operations[o].operation = o;
        level = 0.6 * level + 0.8 * 0.06 * normal(&random);
        for (unsigned i = 0; i < synthetic->per_second; i++)
            run_one(target, second, &random, synthetic, level);
    }
}

static struct comparison_gate gates[2];

static struct comparison compare(const struct synthetic *a, const struct synthetic *b)
{
    struct result baseline, current;
    struct comparison comparison;
    struct error error = {0};
    make_run(&baseline, a);
    make_run(&current, b);
    const struct comparison_options options = {gates, 2, 1};
    assert_int_equal(comparison_make(&comparison, &baseline, 1, &current, 1, &options, &error), 0);
    result_free(&baseline);
    result_free(&current);
    return comparison;
}

static unsigned count_status(struct synthetic a, struct synthetic b, enum comparison_status status)
{
    unsigned count = 0;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        a.seed = 1000 + trial;
        b.seed = 5000 + trial;
        struct comparison comparison = compare(&a, &b);
        count += comparison.status == status;
        comparison_free(&comparison);
    }
    return count;
}

static const struct synthetic steady = {
    .seconds = 60, .per_second = 100, .factor = 1, .slow_first = 1, .error_share = 0.005};

static void noise_passes(void **state)
{
    (void)state;
    assert_in_range(count_status(steady, steady, COMPARISON_KEPT), 38, TRIALS);
}

static void a_true_shift_is_caught(void **state)
{
    (void)state;
    struct synthetic slower = steady, before = steady;
    slower.seconds = before.seconds = 120;
    slower.factor = 1.2;
    assert_in_range(count_status(before, slower, COMPARISON_BROKEN), 38, TRIALS);
}

static void one_slow_operation_is_caught_and_named(void **state)
{
    (void)state;
    struct synthetic slower = steady;
    slower.slow_first = 1.5;
    slower.seed = 9;
    struct comparison comparison = compare(&steady, &slower);
    assert_int_equal(comparison.status, COMPARISON_BROKEN);
    assert_int_equal(comparison.row_count, 4);
    assert_string_equal(comparison.rows[1].name, "tool_0");
    assert_int_equal(comparison.rows[1].checks[0].status, COMPARISON_BROKEN);
    assert_int_not_equal(comparison.rows[2].checks[0].status, COMPARISON_BROKEN);
    assert_true(comparison.rows[1].effect > 0.3);
    assert_true(fabs(comparison.rows[2].effect) < 0.2);
    comparison_free(&comparison);
}

static void errors_are_compared_in_points(void **state)
{
    (void)state;
    struct synthetic failing = steady;
    failing.error_share = 0.04;
    failing.seed = 3;
    struct comparison comparison = compare(&steady, &failing);
    const struct comparison_difference *errors = &comparison.rows[0].figures[COMPARISON_ERRORS];
    assert_int_equal(comparison.rows[0].checks[1].status, COMPARISON_BROKEN);
    assert_true(errors->low < 0.035 && errors->high > 0.035);
    comparison_free(&comparison);
}

static void a_small_sample_is_inconclusive(void **state)
{
    (void)state;
    struct synthetic small = steady;
    small.seconds = 6;
    struct comparison comparison = compare(&small, &small);
    assert_int_equal(comparison.status, COMPARISON_TOO_SMALL);
    comparison_free(&comparison);
    small.seconds = 30;
    small.per_second = 1;
    comparison = compare(&small, &small);
    assert_int_equal(comparison.status, COMPARISON_TOO_SMALL);
    comparison_free(&comparison);
}

static void operations_that_come_and_go_are_named(void **state)
{
    (void)state;
    struct synthetic renamed = steady;
    renamed.last_name = "new";
    struct comparison comparison = compare(&steady, &renamed);
    assert_int_equal(comparison.row_count, 3);
    assert_int_equal(json_array_size(comparison.added), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(comparison.added, 0), "name")), "new");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(comparison.removed, 0), "name")),
        "tool_2");
    comparison_free(&comparison);
}

/* The spread between runs that differ by more than their seconds tell. */
static void repeated_runs_widen_the_interval(void **state)
{
    (void)state;
    struct result baseline[3], current[3];
    struct comparison single, repeated;
    for (unsigned i = 0; i < 3; i++) {
        struct synthetic run = steady;
        run.factor = 0.8 + 0.2 * i;
        run.seed = 20 + i;
        make_run(&baseline[i], &run);
        run.seed = 30 + i;
        make_run(&current[i], &run);
    }
    const struct comparison_options options = {gates, 2, 1};
    assert_int_equal(comparison_make(&single, baseline + 1, 1, current + 1, 1, &options, NULL), 0);
    assert_int_equal(comparison_make(&repeated, baseline, 3, current, 3, &options, NULL), 0);
    const struct comparison_difference *few = &single.rows[0].figures[COMPARISON_P95];
    const struct comparison_difference *many = &repeated.rows[0].figures[COMPARISON_P95];
    assert_true(many->relative_high - many->relative_low >
                2 * (few->relative_high - few->relative_low));
    assert_int_equal(repeated.rows[0].current_count, 3 * 60 * 100);
    comparison_free(&single);
    comparison_free(&repeated);
    for (unsigned i = 0; i < 3; i++) {
        result_free(&baseline[i]);
        result_free(&current[i]);
    }
}

/* Values of R 4.2: pt(2, 5, lower.tail=FALSE), qt(0.975, 3), p.adjust(c(...), "holm"). */
static void statistics_match_known_values(void **state)
{
    (void)state;
    assert_true(fabs(student_tail(2, 5) - 0.05096974) < 1e-7);
    assert_true(fabs(student_tail(-2, 5) - 0.94903026) < 1e-7);
    assert_true(fabs(student_tail(0, 1) - 0.5) < 1e-12);
    assert_true(fabs(student_quantile(0.025, 3) - 3.182446) < 1e-5);
    assert_true(fabs(student_quantile(0.025, 1e6) - 1.959966) < 1e-5);
    double p[] = {0.01, 0.04, 0.03, 0.005};
    assert_int_equal(holm_adjust(p, 4), 0);
    const double adjusted[] = {0.03, 0.06, 0.06, 0.02};
    for (int i = 0; i < 4; i++)
        assert_true(fabs(p[i] - adjusted[i]) < 1e-12);
    assert_int_equal(block_length(60, 0), 4);
    assert_int_equal(block_length(60, 0.6), 7);
    assert_int_equal(block_length(6, 0.9), 2);
    assert_int_equal(block_length(1, 0.9), 1);
}

static void gates_are_read(void **state)
{
    (void)state;
    static const char *const wrong[] = {"p95",         "p95:10%",    "p95:+10",     "p95:-10%",
                                        "p95:+1pp",    "errors:+1%", "rate:+5%",    "p42:+1%",
                                        "errors:+0pp", "p95:+nan%",  "p95:+1e999%", ""};
    struct comparison_gate gate;
    struct error error;
    assert_int_equal(comparison_gate_parse(&gate, "p99:+5ms", &error), 0);
    assert_true(gate.figure == COMPARISON_P99 && gate.unit == COMPARISON_TIME);
    assert_true(fabs(gate.limit - 5e6) < 1e-6);
    assert_int_equal(comparison_gate_parse(&gate, "rate:-10%", &error), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(comparison_gate_parse(&gate, wrong[i], &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

int main(void)
{
    comparison_gate_parse(&gates[0], "p95:+10%", NULL);
    comparison_gate_parse(&gates[1], "errors:+1pp", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_match_known_values),
        cmocka_unit_test(gates_are_read),
        cmocka_unit_test(noise_passes),
        cmocka_unit_test(a_true_shift_is_caught),
        cmocka_unit_test(one_slow_operation_is_caught_and_named),
        cmocka_unit_test(errors_are_compared_in_points),
        cmocka_unit_test(a_small_sample_is_inconclusive),
        cmocka_unit_test(operations_that_come_and_go_are_named),
        cmocka_unit_test(repeated_runs_widen_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
