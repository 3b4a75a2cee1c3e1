/* The Universal Scalability Law: against SciPy's fit, against known parameters, and its refusals.
 */
#include "analysis/scalability.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "reference.h"

#define LEVELS 10

static const struct saturation at_ease, at_its_limit = {.saturated = true};

static double law(double n, double lambda, double sigma, double kappa)
{
    return lambda * n / (1 + sigma * (n - 1) + kappa * n * (n - 1));
}

static void make_points(const double *row, double users[LEVELS], double throughput[LEVELS])
{
    uint64_t state = (uint64_t)row[0];
    for (int i = 0; i < LEVELS; i++) {
        users[i] = 5 * (i + 1);
        throughput[i] = law(users[i], row[1], row[2], row[3]) * (1 + row[4] * noise(&state));
    }
}

static void near_to(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void fits_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fit_rows / sizeof *fit_rows; i++) {
        const double *row = fit_rows[i];
        double users[LEVELS], throughput[LEVELS], t = student_975[2];
        struct scalability fit;
        make_points(row, users, throughput);
        assert_true(scalability_fit(users, throughput, LEVELS, &fit));
        near_to(fit.lambda.value, row[5], 1e-5 * row[5]);
        near_to(fit.sigma.value, row[6], 1e-5 * row[6]);
        near_to(fit.kappa.value, row[7], 1e-5 * row[7]);
        near_to(fit.lambda.high - fit.lambda.value, t * row[8], 1e-4 * t * row[8]);
        near_to(fit.sigma.high - fit.sigma.value, t * row[9], 1e-4 * t * row[9]);
        near_to(fit.kappa.high - fit.kappa.value, t * row[10], 1e-4 * t * row[10]);
        assert_true(fit.r_squared > 0.9 && fit.r_squared <= 1);
    }
}

static void bound_fits_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bound_rows / sizeof *bound_rows; i++) {
        const double *row = bound_rows[i];
        double users[LEVELS], throughput[LEVELS];
        struct scalability fit;
        make_points(row, users, throughput);
        assert_true(scalability_fit(users, throughput, LEVELS, &fit));
        near_to(fit.lambda.value, row[5], 1e-4 * row[5]);
        near_to(fit.sigma.value, row[6], 1e-6);
        near_to(fit.kappa.value, row[7], 1e-8);
    }
}

static void intervals_cover_what_is_true(void **state)
{
    (void)state;
    int lambda = 0, sigma = 0, kappa = 0, peak = 0;
    for (int seed = 1; seed <= 40; seed++) {
        double row[5] = {seed * 104729, 100, 0.03, 0.0008, 0.01};
        double users[LEVELS], throughput[LEVELS], best = sqrt((1 - row[2]) / row[3]);
        struct scalability fit;
        make_points(row, users, throughput);
        assert_true(scalability_fit(users, throughput, LEVELS, &fit));
        lambda += fit.lambda.low <= row[1] && row[1] <= fit.lambda.high;
        sigma += fit.sigma.low <= row[2] && row[2] <= fit.sigma.high;
        kappa += fit.kappa.low <= row[3] && row[3] <= fit.kappa.high;
        peak += fit.peak.low <= best && best <= fit.peak.high;
    }
    assert_true(lambda >= 34 && sigma >= 34 && kappa >= 34 && peak >= 34);
}

static void too_few_points_are_not_fitted(void **state)
{
    (void)state;
    const double users[] = {1, 2, 3}, throughput[] = {10, 20, 30}, none[] = {0, 0, 0, 0, 0};
    struct scalability fit;
    assert_false(scalability_fit(users, throughput, 3, &fit));
    assert_false(scalability_fit((double[]){1, 2, 3, 4, 5}, none, 5, &fit));
}

static void ramp(struct result *result, int levels, int seconds, double sigma, double kappa)
{
    uint64_t state = 5;
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "ramp-up", (uint64_t)(levels * seconds));
    for (int i = 0; i < levels * seconds; i++) {
        struct synthetic_load load = {.users = 5 * (i / seconds + 1), .latency_ms = 2};
        load.ok = (unsigned)lround(law(load.users, 20, sigma, kappa));
        synthetic_second(phase, &state, &load);
    }
}

static void assert_judged(struct result *result, const struct saturation *saturation,
                          const char *text)
{
    assert_int_equal(scalability_judge(result, saturation), 0);
    const struct finding *finding = finding_of(result, "scalability");
    assert_non_null(finding);
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    if (!strstr(finding->text, text))
        fail_msg("\"%s\" lacks \"%s\"", finding->text, text);
    result_free(result);
}

static void the_finding_tells_the_peak_or_why_not(void **state)
{
    (void)state;
    struct result result;
    ramp(&result, 10, 6, 0.02, 0.001);
    assert_judged(&result, &at_ease, "its peak is at 31 users");
    ramp(&result, 10, 6, 0, 0);
    assert_judged(&result, &at_ease, "throughput is 100% of lambda times users; no peak");
    ramp(&result, 10, 6, 0, 0);
    assert_judged(&result, &at_its_limit, "not enough range: the generator was a bottleneck");
    ramp(&result, 4, 10, 0, 0);
    assert_judged(&result, &at_ease, "not enough range: fewer than 5 levels");
    ramp(&result, 6, 3, 0, 0);
    assert_judged(&result, &at_ease, "not enough range: fewer than 20 s");
    ramp(&result, 6, 10, 0, 0);
    for (size_t k = 0; k < 60; k++)
        result.phases[0].targets[0].seconds[k].users += 20;
    assert_judged(&result, &at_ease, "less than 3 times the lowest");
    ramp(&result, 10, 6, 0, 0);
    for (size_t k = 0; k < 60; k++)
        result.phases[0].targets[0].seconds[k].ok = (uint64_t)(k / 6 + 2) * (k / 6 % 2 ? 90 : 180);
    assert_judged(&result, &at_ease, "the law does not fit");
}

/* A ramp that moves all the time: each second counts with the mean of its users. */
static void a_moving_ramp_is_read_too(void **state)
{
    (void)state;
    struct result result;
    uint64_t seed = 3;
    synthetic_init(&result, 1);
    struct result_phase *phase = synthetic_phase(&result, "ramp-up", 40);
    for (int i = 0; i < 40; i++) {
        struct synthetic_load load = {.users = i + 1,
                                      .ok = (unsigned)lround(200 * law(i + 0.5, 1, 0, 0.002)),
                                      .latency_ms = 2};
        synthetic_second(phase, &seed, &load);
    }
    assert_judged(&result, &at_ease, "its peak is at 22 users");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_are_those_of_the_reference),
        cmocka_unit_test(bound_fits_are_those_of_the_reference),
        cmocka_unit_test(intervals_cover_what_is_true),
        cmocka_unit_test(too_few_points_are_not_fitted),
        cmocka_unit_test(the_finding_tells_the_peak_or_why_not),
        cmocka_unit_test(a_moving_ramp_is_read_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
