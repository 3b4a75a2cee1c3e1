/* Where a limit is broken for good, and by what; and what stress leaves of the goodput. */
#include "analysis/degradation.h"
#include "analysis/knee.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LEVELS 10

static const struct saturation at_ease, at_its_limit = {.saturated = true};

static const struct judge_threshold limits[] = {
    {.text = "p95<100ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 1e8},
    {.text = "errors<2%", .figure = JUDGE_ERRORS, .value = 0.02},
};

/* 10 levels of 4 s, 5 to 50 users; the loads from `bad` on. */
static void make_ramp(struct result *result, int bad, const struct synthetic_load *then)
{
    uint64_t state = 77;
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "ramp-up", 4 * LEVELS);
    for (int i = 0; i < 4 * LEVELS; i++) {
        struct synthetic_load load = {.ok = 200, .latency_ms = 20, .spread = 0.1};
        if (i / 4 >= bad)
            load = *then;
        load.users = 5 * (i / 4 + 1);
        synthetic_second(phase, &state, &load);
    }
}

static const struct finding *judge(struct result *result, const struct saturation *saturation)
{
    result_clear_findings(result);
    assert_int_equal(knee_judge(result, limits, 2, saturation), 0);
    const struct finding *finding = finding_of(result, "breaking_point");
    assert_non_null(finding);
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    return finding;
}

static void assert_breaks(struct result *result, double at, const char *by)
{
    const struct finding *finding = judge(result, &at_ease);
    assert_true(fabs(figure_of(finding, "breaks_at") - at) < 0.1);
    assert_true(fabs(figure_of(finding, "keeps_at") - (at - 5)) < 0.1);
    assert_string_equal(json_string_value(json_object_get(finding->figures, "by")), by);
    assert_non_null(strstr(judge(result, &at_its_limit)->text, "not known"));
    result_free(result);
}

static void it_is_found_by_each_cause(void **state)
{
    (void)state;
    struct result result;
    make_ramp(&result, 6, &(struct synthetic_load){.ok = 200, .latency_ms = 300});
    assert_breaks(&result, 35, "latency");
    make_ramp(&result, 4, &(struct synthetic_load){.ok = 190, .tool_errors = 10, .latency_ms = 20});
    assert_breaks(&result, 25, "errors");
    make_ramp(&result, 8, &(struct synthetic_load){.ok = 150, .timeouts = 50, .latency_ms = 20});
    assert_breaks(&result, 45, "timeouts");
}

static void timeouts_are_quoted_at_what_they_were_given(void **state)
{
    (void)state;
    struct result result;
    make_ramp(&result, 8, &(struct synthetic_load){.timeouts = 200, .latency_ms = 1000});
    const char *text = judge(&result, &at_ease)->text;
    if (!strstr(text, "by timeouts (p95<100ms is broken at 1.00s; kept up to 40)"))
        fail_msg("%s", text);
    result_free(&result);
}

static void none_is_found_on_a_flat_target(void **state)
{
    (void)state;
    struct result result;
    make_ramp(&result, LEVELS, &(struct synthetic_load){.ok = 1});
    const struct finding *finding = judge(&result, &at_ease);
    assert_null(json_object_get(finding->figures, "breaks_at"));
    assert_non_null(strstr(finding->text, "none up to 50 users"));
    result_free(&result);
}

/* Broken once, kept again at more users: not for good. */
static void a_passing_trouble_is_no_breaking_point(void **state)
{
    (void)state;
    struct result result;
    uint64_t seed = 3;
    synthetic_init(&result, 1);
    struct result_phase *phase = synthetic_phase(&result, "ramp-up", 20);
    for (int i = 0; i < 20; i++)
        synthetic_second(phase, &seed,
                         &(struct synthetic_load){.users = 5 * (i / 4 + 1),
                                                  .ok = 200,
                                                  .latency_ms = i / 4 == 2 ? 500 : 20});
    assert_null(json_object_get(judge(&result, &at_ease)->figures, "breaks_at"));
    result_free(&result);
}

static void too_small_a_sample_says_nothing(void **state)
{
    (void)state;
    struct result result;
    make_ramp(&result, 0, &(struct synthetic_load){.ok = 10, .latency_ms = 500});
    assert_non_null(strstr(judge(&result, &at_ease)->text, "no level of load has the sample"));
    result_free(&result);
}

/* ---- degradation ---------------------------------------------------------------------------- */

static const struct finding *stress(struct result *result, const struct synthetic_load *load)
{
    uint64_t state = 5;
    struct synthetic_load usual = {.users = 50, .ok = 200, .latency_ms = 10};
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "peak", 5);
    for (int i = 0; i < 5; i++)
        synthetic_second(phase, &state, &usual);
    phase = synthetic_phase(result, "stress", 5);
    for (int i = 0; i < 5; i++)
        synthetic_second(phase, &state, load);
    assert_int_equal(degradation_judge(result), 0);
    const struct finding *finding = finding_of(result, "degradation");
    assert_non_null(finding);
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    return finding;
}

static void assert_graceful(bool graceful, double kept, const struct synthetic_load *load)
{
    struct result result;
    const struct finding *finding = stress(&result, load);
    assert_int_equal(json_is_true(json_object_get(finding->figures, "graceful")), graceful);
    assert_true(fabs(figure_of(finding, "kept") - kept) < 1e-9);
    result_free(&result);
}

static void goodput_and_silence_decide(void **state)
{
    (void)state;
    assert_graceful(true, 0.9,
                    &(struct synthetic_load){.ok = 180, .tool_errors = 120, .latency_ms = 10});
    assert_graceful(false, 0.7,
                    &(struct synthetic_load){.ok = 140, .tool_errors = 120, .latency_ms = 10});
    assert_graceful(false, 0.9,
                    &(struct synthetic_load){.ok = 180, .timeouts = 20, .latency_ms = 10});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_found_by_each_cause),
        cmocka_unit_test(timeouts_are_quoted_at_what_they_were_given),
        cmocka_unit_test(none_is_found_on_a_flat_target),
        cmocka_unit_test(a_passing_trouble_is_no_breaking_point),
        cmocka_unit_test(too_small_a_sample_says_nothing),
        cmocka_unit_test(goodput_and_silence_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
