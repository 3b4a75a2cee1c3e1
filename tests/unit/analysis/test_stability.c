/* Drift at a constant load: found where it is, and not where it is not. */
#include "analysis/stability.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct saturation at_ease, at_its_limit = {.saturated = true};

struct course { /* of a peak */
    uint64_t seed;
    int seconds;
    double latency_drift, rate_drift; /* per second, of the start */
    double correlated;                /* of the log latency from second to second */
    int stall_at, rise_at; /* seconds; from rise_at on, each adds as much as the latency was */
};

static enum verdict judge_course(const struct course *course, const struct saturation *saturation,
                                 struct result *result)
{
    uint64_t state = course->seed;
    double wave = 0;
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "peak", (uint64_t)course->seconds);
    for (int i = 0; i < course->seconds; i++) {
        wave = 0.5 * wave + course->correlated * noise(&state);
        struct synthetic_load load = {
            .users = 50,
            .ok = (unsigned)(300 * (1 + course->rate_drift * i) + 10 * noise(&state)),
            .latency_ms = 10 * (1 + course->latency_drift * i) * exp(wave),
            .spread = 0.3};
        if (course->stall_at && i == course->stall_at)
            load.latency_ms *= 20;
        if (course->rise_at && i > course->rise_at)
            load.latency_ms *= 1 + i - course->rise_at;
        synthetic_second(phase, &state, &load);
    }
    assert_int_equal(stability_judge(result, saturation), 0);
    assert_non_null(finding_of(result, "stability"));
    return finding_of(result, "stability")->verdict;
}

static enum verdict verdict_of(const struct course *course, const struct saturation *saturation)
{
    struct result result;
    enum verdict verdict = judge_course(course, saturation, &result);
    result_free(&result);
    return verdict;
}

static void a_flat_target_is_stable(void **state)
{
    (void)state;
    int passed = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        passed +=
            verdict_of(&(struct course){.seed = seed * 7919, .seconds = 60, .correlated = 0.05},
                       &at_ease) == VERDICT_PASS;
    assert_true(passed >= 38);
}

static void a_short_run_is_not_judged(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        assert_int_equal(
            verdict_of(&(struct course){.seed = seed, .seconds = 6, .correlated = 0.1}, &at_ease),
            VERDICT_INFORMATION);
        assert_int_equal(verdict_of(&(struct course){.seed = seed,
                                                     .seconds = 20,
                                                     .latency_drift = 0.05,
                                                     .correlated = 0.1},
                                    &at_ease),
                         VERDICT_INFORMATION);
    }
}

/* 1 % a second over 60 s: 59 % in all, found with about its size. */
static void drift_is_found_with_its_size(void **state)
{
    (void)state;
    int found = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct result result;
        struct course course = {
            .seed = seed * 104729, .seconds = 60, .latency_drift = 0.01, .correlated = 0.03};
        if (judge_course(&course, &at_ease, &result) == VERDICT_FAIL) {
            double change = figure_of(finding_of(&result, "stability"), "p95_change");
            found += change > 0.4 && change < 0.8;
        }
        result_free(&result);
    }
    assert_true(found >= 38);
}

static void falling_throughput_is_drift(void **state)
{
    (void)state;
    struct result result;
    struct course course = {.seed = 9, .seconds = 60, .rate_drift = -0.008};
    assert_int_equal(judge_course(&course, &at_ease, &result), VERDICT_FAIL);
    assert_non_null(strstr(finding_of(&result, "stability")->text, "throughput falls"));
    result_free(&result);
    assert_int_equal(verdict_of(&course, &at_its_limit), VERDICT_INFORMATION);
    course.rate_drift = -0.001; /* significant, but 6 % */
    assert_int_equal(verdict_of(&course, &at_ease), VERDICT_PASS);
}

static void the_worst_window_is_named(void **state)
{
    (void)state;
    struct result result;
    struct course course = {.seed = 9, .seconds = 60, .stall_at = 41};
    assert_int_equal(judge_course(&course, &at_ease, &result), VERDICT_PASS);
    const struct finding *finding = finding_of(&result, "stability");
    assert_true(figure_of(finding, "p95_worst_at_s") > 40.5);
    assert_true(figure_of(finding, "p95_worst_at_s") < 41.5);
    assert_true(figure_of(finding, "p95_worst_ns") > 10 * figure_of(finding, "p95_median_ns"));
    result_free(&result);
}

/* Where nothing but timeouts ended, p95 is what they had been given, not nothing. */
static void a_second_of_timeouts_is_the_worst(void **state)
{
    (void)state;
    struct result result;
    uint64_t seed = 4;
    synthetic_init(&result, 1);
    struct result_phase *phase = synthetic_phase(&result, "peak", 40);
    for (int i = 0; i < 40; i++)
        synthetic_second(phase, &seed,
                         i == 22
                             ? &(struct synthetic_load){.timeouts = 80, .latency_ms = 1000}
                             : &(struct synthetic_load){.ok = i == 23 ? 0 : 80, .latency_ms = 5});
    assert_int_equal(stability_judge(&result, &at_ease), 0);
    const struct finding *finding = finding_of(&result, "stability");
    assert_true(fabs(figure_of(finding, "p95_worst_ns") - 1e9) < 1e7);
    assert_true(fabs(figure_of(finding, "p95_worst_at_s") - 22) < 0.5);
    result_free(&result);
}

/* The line through all of it begins below nothing, and may be no line at all. */
static void a_rise_that_begins_late_is_drift(void **state)
{
    (void)state;
    for (int rise_at = 24; rise_at <= 36; rise_at += 6) {
        struct result result;
        struct course course = {.seed = 5, .seconds = 60, .correlated = 0.05, .rise_at = rise_at};
        assert_int_equal(judge_course(&course, &at_ease, &result), VERDICT_FAIL);
        const struct finding *finding = finding_of(&result, "stability");
        assert_null(strstr(finding->text, "nan"));
        assert_null(strstr(finding->text, "inf"));
        result_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rise_that_begins_late_is_drift),
        cmocka_unit_test(a_flat_target_is_stable),
        cmocka_unit_test(a_short_run_is_not_judged),
        cmocka_unit_test(drift_is_found_with_its_size),
        cmocka_unit_test(falling_throughput_is_drift),
        cmocka_unit_test(the_worst_window_is_named),
        cmocka_unit_test(a_second_of_timeouts_is_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
