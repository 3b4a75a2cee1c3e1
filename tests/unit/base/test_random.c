/* src/base/random: reproducible, uniform, and UUIDs of the right form. The seeds are fixed, so the
 * statistical bounds either hold for ever or never did. */
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void same_seed_same_sequence(void **state)
{
    (void)state;
    struct random a, b, other_stream, other_seed;
    random_seed(&a, 42, 3);
    random_seed(&b, 42, 3);
    random_seed(&other_stream, 42, 4);
    random_seed(&other_seed, 43, 3);
    int same_stream = 0, same_seed = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_next(&a);
        assert_int_equal(value, random_next(&b));
        same_stream += value == random_next(&other_stream);
        same_seed += value == random_next(&other_seed);
    }
    assert_int_equal(same_stream, 0);
    assert_int_equal(same_seed, 0);
}

static void seed_zero_is_a_seed(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 0, 0);
    uint64_t any = 0;
    for (int i = 0; i < 4; i++)
        any |= random.state[i];
    assert_true(any != 0); /* the one state xoshiro must never be in */
}

/* Known answers: what the published xoshiro256** gives from the state {1, 2, 3, 4}. */
static void is_xoshiro256_starstar(void **state)
{
    (void)state;
    static const uint64_t expected[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    struct random random = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(random_next(&random), expected[i]);
}

/* Chi-squared over `cells` cells of `draws` draws; compared with mean + 4 deviations. */
static void assert_uniform(const unsigned *counts, unsigned cells, unsigned draws)
{
    double expected = (double)draws / cells, sum = 0;
    for (unsigned i = 0; i < cells; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    double freedom = cells - 1;
    assert_true(sum < freedom + 4 * sqrt(2 * freedom));
    assert_true(sum > freedom - 4 * sqrt(2 * freedom)); /* too even is no chance either */
}

static void below_is_uniform(void **state)
{
    (void)state;
    static const unsigned bounds[] = {2, 3, 7, 10, 100, 126};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        unsigned counts[126] = {0}, draws = bounds[b] * 2000;
        struct random random;
        random_seed(&random, 11, b);
        for (unsigned i = 0; i < draws; i++) {
            uint64_t value = random_below(&random, bounds[b]);
            assert_in_range(value, 0, bounds[b] - 1);
            counts[value]++;
        }
        if (bounds[b] > 3)
            assert_uniform(counts, bounds[b], draws);
        else
            for (unsigned i = 0; i < bounds[b]; i++)
                assert_in_range(counts[i], 1800, 2200);
    }
}

static void below_reaches_both_ends_of_any_bound(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&random, 1), 0);
    uint64_t above_half = 0, bound = UINT64_C(3) << 62; /* where a modulo would be badly biased */
    for (int i = 0; i < 9000; i++) {
        uint64_t value = random_below(&random, bound);
        assert_true(value < bound);
        above_half += value >= bound / 3 * 2;
    }
    assert_in_range(above_half, 2800, 3200);
}

static void between_includes_its_ends(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 6, 0);
    int low = 0, high = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t value = random_between(&random, -2, 2);
        assert_true(value >= -2 && value <= 2);
        low += value == -2;
        high += value == 2;
    }
    assert_true(low > 100 && high > 100);
    assert_int_equal(random_between(&random, INT64_MIN, INT64_MIN), INT64_MIN);
    int negative = 0;
    for (int i = 0; i < 1000; i++)
        negative += random_between(&random, INT64_MIN, INT64_MAX) < 0;
    assert_in_range(negative, 400, 600);
}

static void unit_is_below_one(void **state)
{
    (void)state;
    enum { CELLS = 100, DRAWS = 200000 };
    unsigned counts[CELLS] = {0};
    struct random random;
    random_seed(&random, 8, 0);
    for (int i = 0; i < DRAWS; i++) {
        double value = random_unit(&random);
        assert_true(value >= 0 && value < 1);
        counts[(int)(value * CELLS)]++;
    }
    assert_uniform(counts, CELLS, DRAWS);
}

/* Kolmogorov-Smirnov by cells: the share below each decile of the exponential is what it must be.
 */
static void exponential_has_its_distribution(void **state)
{
    (void)state;
    enum { DRAWS = 200000, CELLS = 20 };
    const double mean = 2.5;
    unsigned counts[CELLS] = {0};
    double sum = 0;
    struct random random;
    random_seed(&random, 9, 0);
    for (int i = 0; i < DRAWS; i++) {
        double value = random_exponential(&random, mean);
        assert_true(value >= 0 && isfinite(value));
        sum += value;
        counts[(int)(CELLS * -expm1(-value / mean))]++;
    }
    assert_true(fabs(sum / DRAWS - mean) < 4 * mean / sqrt(DRAWS));
    assert_uniform(counts, CELLS, DRAWS);
}

static void uuids_are_version_4(void **state)
{
    (void)state;
    char text[37], before[37] = "";
    unsigned variants = 0;
    struct random random;
    random_seed(&random, 10, 0);
    for (int i = 0; i < 1000; i++) {
        random_uuid(&random, text);
        assert_int_equal(strlen(text), 36);
        for (int at = 0; at < 36; at++) {
            if (at == 8 || at == 13 || at == 18 || at == 23)
                assert_int_equal(text[at], '-');
            else
                assert_non_null(strchr("0123456789abcdef", text[at]));
        }
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
        variants |= 1u << (text[19] <= '9' ? text[19] - '8' : text[19] - 'a' + 2);
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof before);
    }
    assert_int_equal(variants, 15); /* the two free bits of that digit are free */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_sequence),
        cmocka_unit_test(seed_zero_is_a_seed),
        cmocka_unit_test(is_xoshiro256_starstar),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(below_reaches_both_ends_of_any_bound),
        cmocka_unit_test(between_includes_its_ends),
        cmocka_unit_test(unit_is_below_one),
        cmocka_unit_test(exponential_has_its_distribution),
        cmocka_unit_test(uuids_are_version_4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
