/* The statistics against what SciPy and pymannkendall make of the same series (reference.h). */
#include "analysis/statistics.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "reference.h"

#define COUNT 60

static void near_to(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void make_series(const double row[11], double values[COUNT])
{
    uint64_t state = (uint64_t)row[0];
    double before = 0, digits = pow(10, row[3]);
    for (int i = 0; i < COUNT; i++) {
        before = noise(&state) + row[2] * before;
        values[i] = floor((before + 100 + row[1] * i) * digits + 0.5) / digits;
    }
}

static void trends_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trend_rows / sizeof *trend_rows; i++) {
        const double *row = trend_rows[i];
        double values[COUNT];
        struct trend trend;
        make_series(row, values);
        struct mann_kendall plain = statistics_mann_kendall(values, COUNT);
        near_to(plain.s, row[4], 0);
        near_to(plain.z, row[5], 1e-9);
        near_to(plain.p, row[6], 1e-9);
        assert_int_equal(statistics_trend(values, COUNT, &trend), 0);
        near_to(trend.slope, row[7], 1e-9);
        near_to(trend.autocorrelation, row[8], 1e-9);
        near_to(trend.test.z, row[9], 1e-9);
        near_to(trend.test.p, row[10], 1e-9);
    }
}

/* Neighbours that resemble each other look like a trend to the plain test. 400 series without one:
 * at the level 0.05 the whitened test may be wrong in a few of a hundred. */
static void whitening_takes_resemblance_for_no_trend(void **state)
{
    (void)state;
    int plain = 0, whitened = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        double row[11] = {(double)seed * 7919, 0, 0.6, 9}, values[COUNT];
        struct trend trend;
        make_series(row, values);
        statistics_trend(values, COUNT, &trend);
        plain += statistics_mann_kendall(values, COUNT).p < 0.05;
        whitened += trend.test.p < 0.05;
    }
    assert_true(plain > 80);
    assert_true(whitened < plain / 2);
}

static void small_and_flat_series_have_no_trend(void **state)
{
    (void)state;
    double flat[20] = {0};
    struct trend trend;
    assert_int_equal(statistics_trend(flat, 20, &trend), 0);
    near_to(trend.test.p, 1, 0);
    near_to(trend.slope, 0, 0);
    assert_int_equal(statistics_trend(flat, 2, &trend), 0);
    near_to(trend.test.p, 1, 0);
    assert_int_equal(statistics_trend(flat, STATISTICS_SERIES + 1, &trend), -1);
    near_to(statistics_median(flat, 0), 0, 0);
    near_to(statistics_deviation(flat, 1), 0, 0);
}

static void quantiles_and_deviations(void **state)
{
    (void)state;
    static const size_t degrees[] = {1, 2, 7, 30, 31, 60, 500};
    double values[15];
    uint64_t seed = 31;
    for (size_t i = 0; i < 7; i++)
        near_to(statistics_student_975(degrees[i]), student_975[i], 1e-5);
    for (size_t i = 0; i < 15; i++)
        values[i] = noise(&seed);
    near_to(statistics_median(values, 15), robust[0], 1e-12);
    near_to(statistics_deviation_robust(values, 15), robust[1], 1e-12);
}

static void an_inverse_undoes_its_matrix(void **state)
{
    (void)state;
    const double of[3][3] = {{4, 1, 0.5}, {1, 3, -0.2}, {0.5, -0.2, 2}};
    double inverse[3][3], singular[3][3] = {{0}};
    memcpy(inverse, of, sizeof of);
    assert_true(statistics_invert(inverse, 3));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double sum = 0;
            for (int k = 0; k < 3; k++)
                sum += of[i][k] * inverse[k][j];
            near_to(sum, i == j, 1e-12);
        }
    assert_false(statistics_invert(singular, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trends_are_those_of_the_reference),
        cmocka_unit_test(whitening_takes_resemblance_for_no_trend),
        cmocka_unit_test(small_and_flat_series_have_no_trend),
        cmocka_unit_test(quantiles_and_deviations),
        cmocka_unit_test(an_inverse_undoes_its_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
