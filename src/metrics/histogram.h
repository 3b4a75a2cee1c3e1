/* HDR histogram over nanoseconds (after Gil Tene's HdrHistogram): 100 ns to 1 h, 3 significant
 * digits, so any value is kept within 0.1 %. Counters live in pages allocated when first touched: a
 * histogram of similar latencies takes a few KB. Merging is exact: the merge of two equals the
 * histogram of the union. Values outside the range are clamped to its nearest end, and counted as
 * such; sum, minimum and maximum are of the values so recorded. */
#ifndef CICADA_METRICS_HISTOGRAM_H
#define CICADA_METRICS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_LOWEST_NS  UINT64_C(100)
#define HISTOGRAM_HIGHEST_NS UINT64_C(3600000000000)

/* The layout is public because result.json stores bucket indexes. The unit is 1 ns and there are
 * 2048 sub-buckets: a value v below 2048 ns has bucket v; else, with e = floor(log2 v) - 10, bucket
 * 1024 * e + (v >> e), which holds 2^e values of at least 1024 * 2^e each: 1/1024 of the value at
 * most. */
#define HISTOGRAM_UNIT_SHIFT       0
#define HISTOGRAM_SUB_BUCKET_SHIFT 11
#define HISTOGRAM_PAGE_COUNTERS    64
#define HISTOGRAM_BUCKETS          33792 /* indexes are below this: one hour has 33420 */
#define HISTOGRAM_PAGES            (HISTOGRAM_BUCKETS / HISTOGRAM_PAGE_COUNTERS)
#define HISTOGRAM_PAGE_WORDS       ((HISTOGRAM_PAGES + 63) / 64)

struct histogram {
    uint64_t *
        *pages; /* HISTOGRAM_PAGES pointers, allocated with the first value; NULL: empty page */
    /* A bit for each page that a value fell in since the last reset: the others are neither read
     * nor cleared, so that what is asked costs as much as there are values. */
    uint64_t used[HISTOGRAM_PAGE_WORDS];
    uint64_t count;
    uint64_t sum_ns;         /* exact, of recorded values */
    uint64_t min_ns, max_ns; /* exact; min is UINT64_MAX while empty */
    uint64_t clamped_low, clamped_high;
};

void histogram_init(struct histogram *histogram);  /* allocates nothing */
void histogram_free(struct histogram *histogram);  /* leaves it as after init */
void histogram_reset(struct histogram *histogram); /* zero, keeping the pages */

/* Record; allocates only when a page is touched first. -1 when memory is out (the value is lost).
 */
int histogram_record(struct histogram *histogram, uint64_t value_ns);
int histogram_record_many(struct histogram *histogram, uint64_t value_ns, uint64_t count);
int histogram_merge(struct histogram *into, const struct histogram *from);
bool histogram_equal(const struct histogram *a, const struct histogram *b);

uint32_t histogram_index(uint64_t value_ns);    /* bucket of a value, after clamping */
uint64_t histogram_bucket_low(uint32_t index);  /* lowest value the bucket stands for */
uint64_t histogram_bucket_high(uint32_t index); /* highest: what a percentile reports */

/* The value below or at which `fraction` (0..1) of the values lie: smallest bucket whose cumulative
 * count reaches ceil(fraction * count), its highest value, but never above max_ns. 0 while empty.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);
/* Several of them in one walk; `fractions` ascend. */
void histogram_quantiles(const struct histogram *histogram, const double *fractions, size_t count,
                         uint64_t *values);
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

/* The value a rank falls on, counted from 1 in ascending order: bucket_high, but never above
 * max_ns. 0 when the rank is 0 or above count. */
uint64_t histogram_value_at_rank(const struct histogram *histogram, uint64_t rank);
/* The same over several histograms taken as one, without merging them. */
uint64_t histograms_value_at_rank(const struct histogram *const *histograms, size_t count,
                                  uint64_t rank);
/* Values in buckets that lie wholly at or below value_ns. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_ns);
/* ceil(fraction * count), at least 1: the rank a quantile is read at. 0 when count is 0. */
uint64_t quantile_rank(double fraction, uint64_t count);

/* Ranks (from 1) between which the true quantile lies with at least `confidence`: the number of
 * values below the quantile is binomial(count, fraction) whatever the distribution; each tail has
 * at most (1 - confidence) / 2. Summed exactly, in O(sqrt(count)). False when either end lies
 * outside the sample. */
bool quantile_rank_interval(uint64_t count, double fraction, double confidence, uint64_t *low,
                            uint64_t *high);

/* A confidence interval of a quantile from order statistics (see quantile_rank_interval). low_ns is
 * the lowest value of its bucket, high_ns the highest, so that bucketing only widens the interval.
 * known is false when the sample is too small for either end at that confidence. */
struct quantile_interval {
    bool known;
    uint64_t low_ns, high_ns;
};
struct quantile_interval histogram_quantile_interval(const struct histogram *histogram,
                                                     double fraction, double confidence);
struct quantile_interval histograms_quantile_interval(const struct histogram *const *histograms,
                                                      size_t count, double fraction,
                                                      double confidence);

/* The first page at or after `page` that values fell in; HISTOGRAM_PAGES when there is none. */
uint32_t histogram_next_page(const struct histogram *histogram, uint32_t page);
/* Walk the filled buckets in ascending order: start with *index = 0; false at the end. */
bool histogram_next(const struct histogram *histogram, uint32_t *index, uint32_t *bucket,
                    uint64_t *count);
/* Rebuild from stored buckets (result.json); exact sum, min and max are set by the caller after. */
int histogram_add_bucket(struct histogram *histogram, uint32_t bucket, uint64_t count);

/* A coarser index for per-second, per-operation figures: 32 sub-buckets an octave (3 %). Clamped as
 * above; v below 64 ns would have index v, else, with e = floor(log2 v) - 5, 32 * e + (v >> e). */
#define HISTOGRAM_COARSE_BUCKETS 1216 /* indexes are below this */
uint16_t histogram_coarse_index(uint64_t value_ns);
uint64_t histogram_coarse_value(uint16_t index); /* middle of the coarse bucket */

#endif
