/* The histogram's layout, recording and merging, against sets of values kept exactly. */
#include "base/random.h"
#include "metrics/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct random generator;

static uint64_t uniform(void)
{
    return (uint64_t)random_between(&generator, 1000000, 50000000);
}

static uint64_t lognormal(void)
{
    double u = 1 - random_unit(&generator), v = random_unit(&generator);
    double normal = sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
    return (uint64_t)(5e6 * exp(0.9 * normal));
}

static uint64_t bimodal(void)
{
    return random_below(&generator, 10)
               ? (uint64_t)random_between(&generator, 200, 900)
               : (uint64_t)random_between(&generator, 2000000000, 2100000000);
}

static uint64_t constant(void)
{
    return 123456789;
}

static uint64_t any_magnitude(void)
{
    return random_next(&generator) >> random_below(&generator, 64);
}

static uint64_t clamped(uint64_t value)
{
    value = value < HISTOGRAM_LOWEST_NS ? HISTOGRAM_LOWEST_NS : value;
    return value > HISTOGRAM_HIGHEST_NS ? HISTOGRAM_HIGHEST_NS : value;
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Every bucket begins where the one before ends, up to the hour, and is no wider than 0.1 % of it.
 */
static void buckets_tile_the_range(void **state)
{
    (void)state;
    uint32_t last = histogram_index(HISTOGRAM_HIGHEST_NS);
    assert_true(last < HISTOGRAM_BUCKETS);
    assert_int_equal(histogram_bucket_low(0), 0);
    for (uint32_t bucket = 0; bucket <= last; bucket++) {
        uint64_t low = histogram_bucket_low(bucket), high = histogram_bucket_high(bucket);
        assert_true(low <= high);
        assert_int_equal(histogram_bucket_low(bucket + 1), high + 1);
        assert_true((double)(high - low) <= 0.001 * (double)low);
        if (low >= HISTOGRAM_LOWEST_NS && high <= HISTOGRAM_HIGHEST_NS) {
            assert_int_equal(histogram_index(low), bucket);
            assert_int_equal(histogram_index(high), bucket);
        }
    }
}

static void every_value_is_kept_within_a_thousandth(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t value = clamped(any_magnitude());
        uint32_t bucket = histogram_index(value);
        assert_true(histogram_bucket_low(bucket) <= value);
        assert_true(histogram_bucket_high(bucket) >= value);
        assert_true((double)(histogram_bucket_high(bucket) - value) <= 0.001 * (double)value);
    }
}

static void coarse_buckets_are_within_two_percent(void **state)
{
    (void)state;
    uint16_t before = 0;
    for (double at = HISTOGRAM_LOWEST_NS; at <= HISTOGRAM_HIGHEST_NS; at *= 1.0007) {
        uint64_t value = (uint64_t)at;
        uint16_t index = histogram_coarse_index(value);
        assert_true(index >= before);
        assert_true(index < HISTOGRAM_COARSE_BUCKETS);
        assert_true(fabs((double)histogram_coarse_value(index) - at) <= 0.02 * at + 1);
        before = index;
    }
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    uint64_t (*const distributions[])(void) = {uniform, lognormal, bimodal, constant,
                                               any_magnitude};
    static const double fractions[] = {0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
    static const size_t sizes[] = {1, 2, 9, 1000, 54321};
    for (size_t d = 0; d < 5; d++)
        for (size_t s = 0; s < 5; s++) {
            size_t size = sizes[s];
            uint64_t *values = calloc(size, sizeof *values);
            struct histogram histogram;
            uint64_t sum = 0;
            histogram_init(&histogram);
            for (size_t i = 0; i < size; i++) {
                uint64_t value = distributions[d]();
                values[i] = clamped(value);
                sum += values[i];
                assert_int_equal(histogram_record(&histogram, value), 0);
            }
            qsort(values, size, sizeof *values, ascending);
            assert_int_equal(histogram.count, size);
            assert_int_equal(histogram.sum_ns, sum);
            assert_int_equal(histogram.min_ns, values[0]);
            assert_int_equal(histogram.max_ns, values[size - 1]);
            for (size_t f = 0; f < sizeof fractions / sizeof *fractions; f++) {
                size_t rank = (size_t)ceil(fractions[f] * (double)size - 1e-9);
                uint64_t exact = values[rank ? rank - 1 : 0];
                uint64_t found = histogram_quantile(&histogram, fractions[f]);
                assert_true(found >= exact);
                assert_true((double)(found - exact) <= 0.001 * (double)exact);
                assert_int_equal(histogram_index(found), histogram_index(exact));
            }
            uint64_t together[sizeof fractions / sizeof *fractions];
            histogram_quantiles(&histogram, fractions, sizeof fractions / sizeof *fractions,
                                together);
            for (size_t f = 0; f < sizeof fractions / sizeof *fractions; f++)
                assert_int_equal(together[f], histogram_quantile(&histogram, fractions[f]));
            histogram_free(&histogram);
            free(values);
        }
}

static void a_constant_is_reported_exactly(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_record_many(&histogram, 123456789, 1000);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 123456789);
    assert_int_equal(histogram_quantile(&histogram, 0.999), 123456789);
    assert_true(histogram_mean(&histogram) == 123456789);
    assert_true(histogram_deviation(&histogram) < 0.001 * 123456789);
    histogram_free(&histogram);
}

static void mean_and_deviation_are_those_of_the_values(void **state)
{
    (void)state;
    struct histogram histogram;
    double sum = 0, squares = 0;
    histogram_init(&histogram);
    for (int i = 0; i < 10000; i++) {
        double value = (double)lognormal();
        histogram_record(&histogram, (uint64_t)value);
        sum += value;
        squares += value * value;
    }
    double mean = sum / 10000, deviation = sqrt(squares / 10000 - mean * mean);
    assert_true(fabs(histogram_mean(&histogram) - mean) < 1e-6 * mean);
    assert_true(fabs(histogram_deviation(&histogram) - deviation) < 0.001 * deviation);
    histogram_free(&histogram);
}

static void what_is_out_of_range_is_clamped_and_counted(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_record(&histogram, 0);
    histogram_record(&histogram, HISTOGRAM_LOWEST_NS - 1);
    histogram_record(&histogram, HISTOGRAM_LOWEST_NS);
    histogram_record(&histogram, HISTOGRAM_HIGHEST_NS);
    histogram_record_many(&histogram, UINT64_MAX, 3);
    assert_int_equal(histogram.count, 7);
    assert_int_equal(histogram.clamped_low, 2);
    assert_int_equal(histogram.clamped_high, 3);
    assert_int_equal(histogram.min_ns, HISTOGRAM_LOWEST_NS);
    assert_int_equal(histogram.max_ns, HISTOGRAM_HIGHEST_NS);
    assert_int_equal(histogram_quantile(&histogram, 1), HISTOGRAM_HIGHEST_NS);
    histogram_free(&histogram);
}

static void fill(struct histogram *histogram, struct histogram *too, size_t size, int distribution)
{
    uint64_t (*const distributions[])(void) = {uniform, lognormal, bimodal, any_magnitude};
    for (size_t i = 0; i < size; i++) {
        uint64_t value = distributions[distribution]();
        assert_int_equal(histogram_record(histogram, value), 0);
        assert_int_equal(histogram_record(too, value), 0);
    }
}

/* merge(A, B) == histogram(A union B), in any order, and merging nothing changes nothing. */
static void merging_is_the_union(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct histogram a, b, both, ab, ba;
        struct histogram *all[] = {&a, &b, &both, &ab, &ba};
        for (size_t i = 0; i < 5; i++)
            histogram_init(all[i]);
        fill(&a, &both, random_below(&generator, 3000), round % 4);
        fill(&b, &both, random_below(&generator, 3000), (round / 4) % 4);
        assert_int_equal(histogram_merge(&ab, &a), 0);
        assert_int_equal(histogram_merge(&ab, &b), 0);
        assert_int_equal(histogram_merge(&ba, &b), 0);
        assert_int_equal(histogram_merge(&ba, &a), 0);
        assert_true(histogram_equal(&ab, &both));
        assert_true(histogram_equal(&ba, &both));
        if (b.count) {
            assert_false(histogram_equal(&a, &both));
            struct histogram before = ab;
            histogram_record(&ab, 777777);
            assert_false(histogram_equal(&ab, &both));
            assert_int_equal(ab.count, before.count + 1);
        }
        for (size_t i = 0; i < 5; i++)
            histogram_free(all[i]);
    }
}

/* Differences in one bucket, in the sum alone, in the clamped counts alone are all differences. */
static void equality_misses_nothing(void **state)
{
    (void)state;
    struct histogram a, b;
    histogram_init(&a);
    histogram_init(&b);
    assert_true(histogram_equal(&a, &b));
    histogram_record(&a, 5000000);
    histogram_record(&b, 5000001);
    assert_int_equal(histogram_index(5000000), histogram_index(5000001));
    assert_false(histogram_equal(&a, &b));
    histogram_reset(&b);
    histogram_record(&b, 5000000);
    assert_true(histogram_equal(&a, &b));
    histogram_record(&a, 100);
    histogram_record(&b, 50);
    assert_false(histogram_equal(&a, &b));
    histogram_free(&a);
    histogram_free(&b);
}

static void walking_gives_every_bucket_once(void **state)
{
    (void)state;
    struct histogram histogram, rebuilt;
    uint32_t index = 0, bucket, last = 0;
    uint64_t count, total = 0;
    histogram_init(&histogram);
    histogram_init(&rebuilt);
    for (int i = 0; i < 5000; i++)
        histogram_record(&histogram, any_magnitude());
    while (histogram_next(&histogram, &index, &bucket, &count)) {
        assert_true(total == 0 || bucket > last);
        assert_true(count > 0);
        last = bucket;
        total += count;
        assert_int_equal(histogram_add_bucket(&rebuilt, bucket, count), 0);
    }
    assert_int_equal(total, 5000);
    rebuilt.sum_ns = histogram.sum_ns;
    rebuilt.min_ns = histogram.min_ns;
    rebuilt.max_ns = histogram.max_ns;
    rebuilt.clamped_low = histogram.clamped_low;
    rebuilt.clamped_high = histogram.clamped_high;
    assert_true(histogram_equal(&histogram, &rebuilt));
    assert_int_equal(histogram_add_bucket(&rebuilt, HISTOGRAM_BUCKETS, 1), -1);
    histogram_free(&histogram);
    histogram_free(&rebuilt);
}

/* The pages are the allocations: once they are there, recording the same range touches none. */
static void recording_allocates_only_for_a_new_page(void **state)
{
    (void)state;
    struct histogram histogram;
    uint64_t *pages[HISTOGRAM_PAGES];
    histogram_init(&histogram);
    for (int i = 0; i < 20000; i++)
        histogram_record(&histogram, uniform());
    uint64_t **table = histogram.pages;
    memcpy(pages, histogram.pages, sizeof pages);
    histogram_reset(&histogram);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    for (uint64_t value = 1000000; value <= 50000000; value += 997)
        if (pages[histogram_index(value) / HISTOGRAM_PAGE_COUNTERS])
            histogram_record(&histogram, value);
    assert_ptr_equal(histogram.pages, table);
    assert_memory_equal(pages, histogram.pages, sizeof pages);
    histogram_free(&histogram);
}

/* What was there before a reset is in no answer, whether its page is used again or not. */
static void a_reset_forgets_every_value(void **state)
{
    (void)state;
    struct histogram histogram, fresh;
    const double middle = 0.5;
    uint64_t value = 1;
    histogram_init(&histogram);
    histogram_init(&fresh);
    histogram_quantiles(&histogram, &middle, 1, &value);
    assert_int_equal(value, 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 300; i++)
            histogram_record(&histogram, any_magnitude());
        histogram_reset(&histogram);
        assert_int_equal(histogram_next_page(&histogram, 0), HISTOGRAM_PAGES);
        assert_true(histogram_equal(&histogram, &fresh));
    }
    histogram_record_many(&histogram, HISTOGRAM_HIGHEST_NS, 3);
    histogram_record_many(&fresh, HISTOGRAM_HIGHEST_NS, 3);
    assert_true(histogram_equal(&histogram, &fresh));
    assert_int_equal(histogram_quantile(&histogram, 0), HISTOGRAM_HIGHEST_NS);
    histogram_free(&histogram);
    histogram_free(&fresh);
}

static void counting_up_to_a_value(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    for (uint64_t value = 1000; value < 2000; value++) /* one bucket each */
        histogram_record(&histogram, value);
    assert_int_equal(histogram_count_up_to(&histogram, 999), 0);
    assert_int_equal(histogram_count_up_to(&histogram, 1499), 500);
    assert_int_equal(histogram_count_up_to(&histogram, UINT64_MAX), 1000);
    histogram_free(&histogram);
}

static int seed(void **state)
{
    (void)state;
    random_seed(&generator, 20260728, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_tile_the_range),
        cmocka_unit_test(every_value_is_kept_within_a_thousandth),
        cmocka_unit_test(coarse_buckets_are_within_two_percent),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(a_constant_is_reported_exactly),
        cmocka_unit_test(mean_and_deviation_are_those_of_the_values),
        cmocka_unit_test(what_is_out_of_range_is_clamped_and_counted),
        cmocka_unit_test(merging_is_the_union),
        cmocka_unit_test(equality_misses_nothing),
        cmocka_unit_test(walking_gives_every_bucket_once),
        cmocka_unit_test(recording_allocates_only_for_a_new_page),
        cmocka_unit_test(a_reset_forgets_every_value),
        cmocka_unit_test(counting_up_to_a_value),
    };
    return cmocka_run_group_tests(tests, seed, NULL);
}
