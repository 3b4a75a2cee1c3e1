/* The throughput that a target levels off at, on courses of known shape. */
#include "analysis/capacity.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LEVELS 10

static const struct saturation at_ease, at_its_limit = {.saturated = true};

/* 10 levels of 6 s, 5 to 50 users, with so many operations a second each. */
static const struct finding *judge(struct result *result, double (*course)(double users),
                                   const struct saturation *saturation)
{
    uint64_t state = 11;
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "ramp-up", 6 * LEVELS);
    for (int i = 0; i < 6 * LEVELS; i++) {
        double users = 5 * (i / 6 + 1);
        struct synthetic_load load = {.users = users,
                                      .ok = (unsigned)(course(users) + 4 * noise(&state) + 0.5),
                                      .latency_ms = 5};
        synthetic_second(phase, &state, &load);
    }
    assert_int_equal(capacity_judge(result, saturation), 0);
    const struct finding *finding = finding_of(result, "capacity");
    assert_non_null(finding);
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    return finding;
}

static bool reached(const struct finding *finding)
{
    return json_is_true(json_object_get(finding->figures, "reached"));
}

static double bound(const struct finding *finding, const char *name)
{
    return json_number_value(json_object_get(json_object_get(finding->figures, "per_s"), name));
}

static double linear(double users)
{
    return 10 * users;
}

static double level(double users)
{
    return fmin(10 * users, 200);
}

static double falling(double users)
{
    return users <= 20 ? 10 * users : 200 - 3 * (users - 20);
}

static void a_target_that_still_rises_has_none(void **state)
{
    (void)state;
    struct result result;
    const struct finding *finding = judge(&result, linear, &at_ease);
    assert_false(reached(finding));
    assert_non_null(strstr(finding->text, "still rises at 50 users"));
    result_free(&result);
}

static void a_plateau_is_taken_whole(void **state)
{
    (void)state;
    struct result result;
    const struct finding *finding = judge(&result, level, &at_ease);
    assert_true(reached(finding));
    assert_true(fabs(figure_of(finding, "from") - 20) < 0.1);
    assert_true(fabs(figure_of(finding, "to") - 50) < 0.1);
    assert_true(bound(finding, "low") < 200 && 200 < bound(finding, "high"));
    assert_true(bound(finding, "high") - bound(finding, "low") < 6);
    assert_non_null(strstr(finding->text, "levels off at"));
    result_free(&result);
}

static void a_peak_is_no_plateau(void **state)
{
    (void)state;
    struct result result;
    const struct finding *finding = judge(&result, falling, &at_ease);
    assert_true(reached(finding));
    assert_true(fabs(figure_of(finding, "to") - 20) < 0.1);
    assert_true(bound(finding, "low") < 200 && 200 < bound(finding, "high"));
    assert_non_null(strstr(finding->text, "highest at 20 users"));
    result_free(&result);
}

static void a_generator_at_its_limit_tells_nothing(void **state)
{
    (void)state;
    struct result result;
    assert_non_null(strstr(judge(&result, level, &at_its_limit)->text, "not known"));
    result_free(&result);
    synthetic_init(&result, 1);
    synthetic_phase(&result, "ramp-up", 3);
    assert_int_equal(capacity_judge(&result, &at_ease), 0);
    assert_non_null(strstr(finding_of(&result, "capacity")->text, "fewer than 2 levels"));
    result_free(&result);
    synthetic_init(&result, 1);
    synthetic_phase(&result, "peak", 3);
    assert_int_equal(capacity_judge(&result, &at_ease), 0);
    assert_null(finding_of(&result, "capacity"));
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_still_rises_has_none),
        cmocka_unit_test(a_plateau_is_taken_whole),
        cmocka_unit_test(a_peak_is_no_plateau),
        cmocka_unit_test(a_generator_at_its_limit_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
