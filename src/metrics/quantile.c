/* What is read off histograms: ranks, quantiles, their confidence intervals, mean and deviation.
 *
 * The interval of a quantile p of n values needs no distribution: the number of values below the
 * true quantile is binomial(n, p), so ranks can be chosen between which it lies with a given
 * probability (David, Nagaraja: Order Statistics, 7.1). The tails are summed exactly: terms of the
 * binomial relative to its mode, outward by the recurrence of neighbours until they no longer
 * matter, then normalised. No factorial is computed, so nothing overflows; the cost is O(sqrt(n)).
 * Beyond any count that a run reaches, but a file may claim, the normal distribution stands in. */
#include "metrics/histogram.h"

#include <math.h>

#define NEGLIGIBLE                                                                                 \
    1e-20 /* of the term at the mode; what lies beyond adds up to less than 1e-15                  \
           */

#define EXACT_MOST                                                                                 \
    UINT64_C(1000000000000) /* above, the normal's error is far below one rank in a million */

struct binomial {
    double n, odds;               /* odds = p / (1 - p) */
    double total;                 /* of all terms, that of the mode being 1 */
    double lowest, lowest_term;   /* the first number of successes that matters, and its term */
    double highest, highest_term; /* the last */
};

static void binomial_sum(struct binomial *binomial, uint64_t count, double fraction);
static double term_above(const struct binomial *binomial, double k, double term);
static double term_below(const struct binomial *binomial, double k, double term);

uint64_t quantile_rank(double fraction, uint64_t count)
{
    if (count == 0)
        return 0;
    /* 0.95 * 20 is rank 19, although the product in doubles is a little off 19. */
    double exact = fraction * (double)count;
    double rank = ceil(exact - exact * 1e-12);
    if (!(rank >= 1))
        return 1;
    return rank >= (double)count ? count : (uint64_t)rank;
}

/* How many deviations around the mean hold that share of a normal distribution. */
static double normal_deviations(double share)
{
    double low = 0, high = 40;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (erf(middle / M_SQRT2) < share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool normal_rank_interval(uint64_t count, double fraction, double confidence, uint64_t *low,
                                 uint64_t *high)
{
    double n = (double)count, middle = n * fraction;
    double reach = normal_deviations(confidence) * sqrt(n * fraction * (1 - fraction));
    if (middle - reach < 1 || middle + reach >= n)
        return false;
    *low = (uint64_t)(middle - reach);
    *high = (uint64_t)ceil(middle + reach);
    return true;
}

bool quantile_rank_interval(uint64_t count, double fraction, double confidence, uint64_t *low,
                            uint64_t *high)
{
    if (count == 0 || !(fraction > 0 && fraction < 1) || !(confidence > 0 && confidence < 1))
        return false;
    if (count > EXACT_MOST)
        return normal_rank_interval(count, fraction, confidence, low, high);
    struct binomial binomial;
    binomial_sum(&binomial, count, fraction);
    double tail = (1 - confidence) / 2 * binomial.total;

    /* Low: the first k with P(B <= k) above the tail, so that P(B <= low - 1) is within it. */
    double k = binomial.lowest, term = binomial.lowest_term, sum = term;
    while (sum <= tail && k < binomial.highest) {
        term = term_above(&binomial, k, term);
        k++;
        sum += term;
    }
    *low = (uint64_t)k;

    /* High: the first u with P(B >= u) within the tail. */
    k = binomial.highest, term = binomial.highest_term, sum = term;
    while (sum <= tail && k > binomial.lowest) {
        term = term_below(&binomial, k, term);
        k--;
        sum += term;
    }
    *high = (uint64_t)k + 1;
    return *low >= 1 && *high <= count;
}

static uint64_t count_in_page(const struct histogram *const *histograms, size_t count,
                              uint32_t page)
{
    uint64_t sum = 0;
    for (size_t h = 0; h < count; h++) {
        if (histogram_next_page(histograms[h], page) != page)
            continue;
        const uint64_t *counters = histograms[h]->pages[page];
        for (uint32_t i = 0; i < HISTOGRAM_PAGE_COUNTERS; i++)
            sum += counters[i];
    }
    return sum;
}

static uint64_t count_in_bucket(const struct histogram *const *histograms, size_t count,
                                uint32_t page, uint32_t i)
{
    uint64_t sum = 0;
    for (size_t h = 0; h < count; h++)
        if (histograms[h]->pages && histograms[h]->pages[page])
            sum += histograms[h]->pages[page][i];
    return sum;
}

/* The first page at or after `page` that values of any of them fell in. */
static uint32_t next_page(const struct histogram *const *histograms, size_t count, uint32_t page)
{
    uint32_t first = HISTOGRAM_PAGES;
    for (size_t h = 0; h < count; h++) {
        uint32_t next = histogram_next_page(histograms[h], page);
        first = next < first ? next : first;
    }
    return first;
}

/* The bucket a rank falls in, over several histograms as one; false when there is none. First the
 * page, by whole sums, then the bucket in it: this is asked for many times a second. */
static bool bucket_at_rank(const struct histogram *const *histograms, size_t count, uint64_t rank,
                           uint32_t *bucket)
{
    uint64_t seen = 0;
    for (uint32_t page = next_page(histograms, count, 0); rank && page < HISTOGRAM_PAGES;
         page = next_page(histograms, count, page + 1)) {
        uint64_t whole = count_in_page(histograms, count, page);
        if (seen + whole < rank) {
            seen += whole;
            continue;
        }
        for (uint32_t i = 0; i < HISTOGRAM_PAGE_COUNTERS; i++) {
            seen += count_in_bucket(histograms, count, page, i);
            if (seen >= rank) {
                *bucket = page * HISTOGRAM_PAGE_COUNTERS + i;
                return true;
            }
        }
    }
    return false;
}

uint64_t histograms_value_at_rank(const struct histogram *const *histograms, size_t count,
                                  uint64_t rank)
{
    uint32_t bucket;
    if (!bucket_at_rank(histograms, count, rank, &bucket))
        return 0;
    uint64_t value = histogram_bucket_high(bucket), max = 0;
    for (size_t h = 0; h < count; h++)
        if (histograms[h]->max_ns > max)
            max = histograms[h]->max_ns;
    return value < max ? value : max;
}

uint64_t histogram_value_at_rank(const struct histogram *histogram, uint64_t rank)
{
    return histograms_value_at_rank(&histogram, 1, rank);
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_ns)
{
    uint64_t sum = 0, count;
    uint32_t index = 0, bucket;
    while (histogram_next(histogram, &index, &bucket, &count) &&
           histogram_bucket_high(bucket) <= value_ns)
        sum += count;
    return sum;
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    return histogram_value_at_rank(histogram, quantile_rank(fraction, histogram->count));
}

void histogram_quantiles(const struct histogram *histogram, const double *fractions, size_t count,
                         uint64_t *values)
{
    uint64_t seen = 0, in_bucket;
    uint32_t index = 0, bucket;
    size_t at = 0;
    while (at < count && histogram_next(histogram, &index, &bucket, &in_bucket)) {
        uint64_t high = histogram_bucket_high(bucket);
        seen += in_bucket;
        for (; at < count && quantile_rank(fractions[at], histogram->count) <= seen; at++)
            values[at] = high < histogram->max_ns ? high : histogram->max_ns;
    }
    for (; at < count; at++)
        values[at] = 0;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? (double)histogram->sum_ns / (double)histogram->count : 0;
}

double histogram_deviation(const struct histogram *histogram)
{
    if (histogram->count == 0)
        return 0;
    double mean = histogram_mean(histogram), squares = 0;
    uint32_t index = 0, bucket;
    uint64_t count;
    while (histogram_next(histogram, &index, &bucket, &count)) {
        double low = (double)histogram_bucket_low(bucket),
               high = (double)histogram_bucket_high(bucket);
        double distance = low + (high - low) / 2 - mean;
        squares += distance * distance * (double)count;
    }
    return sqrt(squares / (double)histogram->count);
}

struct quantile_interval histogram_quantile_interval(const struct histogram *histogram,
                                                     double fraction, double confidence)
{
    return histograms_quantile_interval(&histogram, 1, fraction, confidence);
}

struct quantile_interval histograms_quantile_interval(const struct histogram *const *histograms,
                                                      size_t count, double fraction,
                                                      double confidence)
{
    struct quantile_interval interval = {.known = false};
    uint64_t values = 0, min = UINT64_MAX, low, high;
    uint32_t bucket;
    for (size_t h = 0; h < count; h++) {
        values += histograms[h]->count;
        if (histograms[h]->count && histograms[h]->min_ns < min)
            min = histograms[h]->min_ns;
    }
    if (!quantile_rank_interval(values, fraction, confidence, &low, &high) ||
        !bucket_at_rank(histograms, count, low, &bucket))
        return interval;
    interval.known = true;
    interval.low_ns = histogram_bucket_low(bucket) > min ? histogram_bucket_low(bucket) : min;
    interval.high_ns = histograms_value_at_rank(histograms, count, high);
    return interval;
}

/* P(B = k + 1) and P(B = k - 1) from P(B = k), all relative to the mode's. */
static double term_above(const struct binomial *binomial, double k, double term)
{
    return term * (binomial->n - k) / (k + 1) * binomial->odds;
}

static double term_below(const struct binomial *binomial, double k, double term)
{
    return term * k / (binomial->n - k + 1) / binomial->odds;
}

static void binomial_sum(struct binomial *binomial, uint64_t count, double fraction)
{
    *binomial =
        (struct binomial){.n = (double)count, .odds = fraction / (1 - fraction), .total = 1};
    double mode = floor((binomial->n + 1) * fraction);
    if (mode > binomial->n)
        mode = binomial->n;
    double k = mode, term = 1;
    while (k > 0 && term > NEGLIGIBLE) {
        term = term_below(binomial, k, term);
        k--;
        binomial->total += term;
    }
    binomial->lowest = k;
    binomial->lowest_term = term;
    k = mode, term = 1;
    while (k < binomial->n && term > NEGLIGIBLE) {
        term = term_above(binomial, k, term);
        k++;
        binomial->total += term;
    }
    binomial->highest = k;
    binomial->highest_term = term;
}
