/* The intervals against what SciPy makes of the same series, and how often they hold the truth. */
#include "analysis/intervals.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "reference.h"

#define MOST 60

static void near_to(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void make_series(uint64_t seed, double correlation, size_t count, double *values)
{
    double before = 0;
    for (size_t i = 0; i < count; i++)
        values[i] = before = noise(&seed) + correlation * before;
}

static void slopes_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof slope_rows / sizeof *slope_rows; i++) {
        const double *row = slope_rows[i];
        double x[MOST], y[MOST];
        size_t count = (size_t)row[2];
        struct estimate slope;
        make_series((uint64_t)row[0], row[1], count, y);
        for (size_t k = 0; k < count; k++) {
            x[k] = pow((double)k, 1.2);
            y[k] += 100 + row[3] * x[k];
        }
        assert_int_equal(interval_slope(x, y, count, &slope), 0);
        near_to(slope.value, row[5], 1e-9);
        near_to(slope.low, row[6], 1e-9);
        near_to(slope.high, row[7], 1e-9);
    }
}

static void means_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mean_rows / sizeof *mean_rows; i++) {
        const double *row = mean_rows[i];
        double values[MOST];
        size_t count = (size_t)row[2];
        make_series((uint64_t)row[0], row[1], count, values);
        for (size_t k = 0; k < count; k++)
            values[k] += 100;
        struct estimate mean = interval_mean(values, count);
        near_to(mean.value, row[3], 1e-9);
        near_to(mean.low, row[4], 1e-5);
        near_to(mean.high, row[5], 1e-5);
    }
}

static void ratios_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ratio_rows / sizeof *ratio_rows; i++) {
        const double *row = ratio_rows[i];
        double parts[MOST], wholes[MOST];
        size_t count = (size_t)row[1];
        uint64_t seed = (uint64_t)row[0], other = seed + 100;
        for (size_t k = 0; k < count; k++) {
            wholes[k] = floor(50 + 5 * noise(&seed) + 0.5);
            parts[k] = floor(wholes[k] * (0.3 + 0.02 * noise(&other)) + 0.5);
        }
        struct estimate ratio = interval_ratio(parts, wholes, count);
        near_to(ratio.value, row[2], 1e-12);
        near_to(ratio.low, row[3], 1e-6);
        near_to(ratio.high, row[4], 1e-6);
    }
}

static void shares_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof share_rows / sizeof *share_rows; i++) {
        const double *row = share_rows[i];
        struct estimate share = interval_share(row[0], row[1]);
        near_to(share.value, row[0] / row[1], 1e-15);
        near_to(share.low, row[2], 1e-9);
        near_to(share.high, row[3], 1e-9);
    }
}

/* Batches that agree by chance do not make a share surer than its operations; those that do not
 * agree make it less sure. */
static void a_share_of_batches_has_the_wider_interval(void **state)
{
    (void)state;
    const double wholes[] = {20, 20, 20, 20, 20}, alike[] = {2, 2, 2, 2, 2};
    const double apart[] = {0, 10, 0, 0, 0}, none[5] = {0};
    struct estimate of_operations = interval_share(10, 100);
    struct estimate calm = interval_share_of_batches(alike, wholes, 5);
    struct estimate bursts = interval_share_of_batches(apart, wholes, 5);
    near_to(calm.low, of_operations.low, 0);
    near_to(calm.high, of_operations.high, 0);
    assert_true(bursts.high > 1.5 * of_operations.high);
    near_to(bursts.low, 0, 0);
    assert_true(isnan(interval_share_of_batches(none, none, 5).value));
    assert_true(isnan(interval_share_of_batches(none, none, 0).value));
}

static void too_little_tells_nothing(void **state)
{
    (void)state;
    const double x[] = {1, 1, 2, 3}, y[] = {1, 2, 3, 4};
    struct estimate slope;
    assert_int_equal(interval_slope(x, y, 2, &slope), 0);
    assert_true(isnan(slope.value));
    assert_int_equal(interval_slope(x, x, INTERVAL_POINTS + 1, &slope), 0);
    assert_true(isnan(slope.value));
    assert_int_equal(interval_slope((double[]){2, 2, 2, 2}, y, 4, &slope), 0);
    assert_true(isnan(slope.value));
    assert_true(isnan(interval_mean(y, 0).value));
    assert_true(isnan(interval_mean(y, 1).low));
    json_t *figures = json_object();
    estimate_set(figures, "slope", &slope);
    assert_true(json_is_null(json_object_get(json_object_get(figures, "slope"), "value")));
    json_decref(figures);
}

/* 400 series of each kind: intervals that say 95 % hold the truth about as often. Those of series
 * with memory rest on an autocorrelation estimated too low, and hold it a little less often. */
static void intervals_hold_the_truth_as_often_as_they_say(void **state)
{
    (void)state;
    static const double correlations[] = {0, 0.5};
    for (size_t c = 0; c < 2; c++) {
        int slopes = 0, means = 0;
        for (uint64_t seed = 1; seed <= 400; seed++) {
            double x[MOST], y[MOST];
            struct estimate slope;
            make_series(seed * 7919, correlations[c], MOST, y);
            struct estimate mean = interval_mean(y, MOST);
            means += mean.low <= 0 && 0 <= mean.high;
            for (size_t k = 0; k < MOST; k++) {
                x[k] = (double)k;
                y[k] += 0.2 * x[k];
            }
            assert_int_equal(interval_slope(x, y, MOST, &slope), 0);
            slopes += slope.low <= 0.2 && 0.2 <= slope.high;
        }
        int least = c ? 350 : 370;
        if (slopes < least || means < least || (!c && (slopes == 400 || means == 400)))
            fail_msg("correlation %g: %d slopes, %d means", correlations[c], slopes, means);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_are_those_of_the_reference),
        cmocka_unit_test(means_are_those_of_the_reference),
        cmocka_unit_test(ratios_are_those_of_the_reference),
        cmocka_unit_test(shares_are_those_of_the_reference),
        cmocka_unit_test(a_share_of_batches_has_the_wider_interval),
        cmocka_unit_test(too_little_tells_nothing),
        cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
