/* Confidence intervals of quantiles: the ranks against an independent computation, and the promise
 * itself, that the true quantile lies between them as often as said. */
#include "base/random.h"
#include "metrics/histogram.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "binomial_ranks.h"

static void ranks_are_those_of_the_exact_binomial(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof binomial_ranks / sizeof *binomial_ranks; i++) {
        uint64_t low, high;
        bool known = quantile_rank_interval(binomial_ranks[i].count, binomial_ranks[i].fraction,
                                            binomial_ranks[i].confidence, &low, &high);
        if (known != binomial_ranks[i].known || low != binomial_ranks[i].low ||
            high != binomial_ranks[i].high)
            fail_msg("n %llu, p %g: %llu to %llu, expected %llu to %llu",
                     (unsigned long long)binomial_ranks[i].count, binomial_ranks[i].fraction,
                     (unsigned long long)low, (unsigned long long)high,
                     (unsigned long long)binomial_ranks[i].low,
                     (unsigned long long)binomial_ranks[i].high);
    }
}

/* Wherever no table reaches, the normal approximation is good: ranks lie about 1.96 deviations off.
 */
static void a_billion_values_take_no_billion_steps(void **state)
{
    (void)state;
    uint64_t low, high;
    /* counts that only a file can claim: no time is lost on them */
    const uint64_t claimed = UINT64_C(4000000000000000000), half = claimed / 2;
    assert_true(quantile_rank_interval(claimed, 0.5, 0.95, &low, &high));
    assert_in_range(low, half - 1959970000, half - 1959960000);
    assert_in_range(high, half + 1959960000, half + 1959970000);
    assert_false(quantile_rank_interval(claimed, 1e-19, 0.95, &low, &high));
    /* the two ways agree where one passes into the other */
    uint64_t exact_low, exact_high;
    assert_true(quantile_rank_interval(1000000000000, 0.99, 0.95, &exact_low, &exact_high));
    assert_true(quantile_rank_interval(1000000000001, 0.99, 0.95, &low, &high));
    assert_in_range(low, exact_low - 2, exact_low + 2);
    assert_in_range(high, exact_high - 2, exact_high + 2);
    assert_true(quantile_rank_interval(1000000000, 0.5, 0.95, &low, &high));
    assert_in_range(low, 500000000 - 30993, 500000000 - 30987);
    assert_in_range(high, 500000000 + 30987, 500000000 + 30993);
}

static void nonsense_has_no_interval(void **state)
{
    (void)state;
    uint64_t low, high;
    assert_false(quantile_rank_interval(0, 0.5, 0.95, &low, &high));
    assert_false(quantile_rank_interval(100, 0, 0.95, &low, &high));
    assert_false(quantile_rank_interval(100, 1, 0.95, &low, &high));
    assert_false(quantile_rank_interval(100, 0.5, 1, &low, &high));
}

static void ranks_are_the_ceiling_despite_rounding(void **state)
{
    (void)state;
    assert_int_equal(quantile_rank(0.95, 20), 19);
    assert_int_equal(quantile_rank(0.9, 10), 9);
    assert_int_equal(quantile_rank(0.99, 100), 99);
    assert_int_equal(quantile_rank(0.999, 1000), 999);
    assert_int_equal(quantile_rank(0.07, 100), 7); /* 0.07 * 100 is 7.000000000000001 */
    assert_int_equal(quantile_rank(0.5, 3), 2);
    assert_int_equal(quantile_rank(0, 5), 1);
    assert_int_equal(quantile_rank(1, 5), 5);
    assert_int_equal(quantile_rank(0.5, 0), 0);
}

/* 2000 samples of 400 uniform values on [1 ms, 2 ms]: the true p90 is 1.9 ms. The interval at 95 %
 * must hold it in at least 95 % of them, less four standard errors (0.5 % each): 93 %; and it may
 * not be so wide that it always does. */
static void intervals_hold_the_true_quantile_as_often_as_said(void **state)
{
    (void)state;
    struct random generator;
    int held = 0;
    random_seed(&generator, 42, 7);
    for (int sample = 0; sample < 2000; sample++) {
        struct histogram histogram;
        histogram_init(&histogram);
        for (int i = 0; i < 400; i++)
            histogram_record(&histogram, (uint64_t)random_between(&generator, 1000000, 2000000));
        struct quantile_interval interval = histogram_quantile_interval(&histogram, 0.9, 0.95);
        assert_true(interval.known);
        assert_true(interval.low_ns <= histogram_quantile(&histogram, 0.9));
        assert_true(interval.high_ns >= histogram_quantile(&histogram, 0.9));
        held += interval.low_ns <= 1900000 && interval.high_ns >= 1900000;
        histogram_free(&histogram);
    }
    assert_in_range(held, 1860, 1995);
}

/* The same values in one histogram or spread over two are the same values. */
static void several_histograms_count_as_one(void **state)
{
    (void)state;
    struct random generator;
    struct histogram parts[2], whole;
    random_seed(&generator, 3, 3);
    histogram_init(&parts[0]);
    histogram_init(&parts[1]);
    histogram_init(&whole);
    for (int i = 0; i < 3000; i++) {
        uint64_t value = (uint64_t)random_between(&generator, 500, 900000000);
        histogram_record(&parts[random_below(&generator, 5) == 0], value);
        histogram_record(&whole, value);
    }
    const struct histogram *both[] = {&parts[0], &parts[1]};
    for (uint64_t rank = 0; rank <= 3001; rank++)
        assert_int_equal(histograms_value_at_rank(both, 2, rank),
                         histogram_value_at_rank(&whole, rank));
    struct quantile_interval a = histograms_quantile_interval(both, 2, 0.95, 0.95);
    struct quantile_interval b = histogram_quantile_interval(&whole, 0.95, 0.95);
    assert_true(a.known && b.known);
    assert_int_equal(a.low_ns, b.low_ns);
    assert_int_equal(a.high_ns, b.high_ns);
    histogram_free(&parts[0]);
    histogram_free(&parts[1]);
    histogram_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_those_of_the_exact_binomial),
        cmocka_unit_test(a_billion_values_take_no_billion_steps),
        cmocka_unit_test(nonsense_has_no_interval),
        cmocka_unit_test(ranks_are_the_ceiling_despite_rounding),
        cmocka_unit_test(intervals_hold_the_true_quantile_as_often_as_said),
        cmocka_unit_test(several_histograms_count_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
