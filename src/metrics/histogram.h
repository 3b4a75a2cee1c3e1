/* HDR histogram over nanoseconds (after Gil Tene's HdrHistogram): 100 ns to 1 h, 3 significant
 * digits, so any value is kept within 0.1 %. Counters live in pages allocated when first touched: a
 * histogram of similar latencies takes a few KB. Merging is exact: the merge of two equals the
 * histogram of the union. Values outside the range are clamped and counted (see clamped_low,
 * clamped_high). */
#ifndef CICADA_METRICS_HISTOGRAM_H
#define CICADA_METRICS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_LOWEST_NS  UINT64_C(100)
#define HISTOGRAM_HIGHEST_NS UINT64_C(3600000000000)

/* The layout is public because result.json stores bucket indexes. Unit 64 ns; 2048 sub-buckets. */
#define HISTOGRAM_UNIT_SHIFT       6
#define HISTOGRAM_SUB_BUCKET_SHIFT 11
#define HISTOGRAM_PAGE_COUNTERS    64
#define HISTOGRAM_BUCKETS          28672 /* indexes are below this */
#define HISTOGRAM_PAGES            (HISTOGRAM_BUCKETS / HISTOGRAM_PAGE_COUNTERS)

struct histogram {
    uint64_t *
        *pages; /* HISTOGRAM_PAGES pointers, allocated with the first value; NULL: empty page */
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
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

/* A confidence interval of a quantile from order statistics (binomial; no assumption about the
 * distribution). known is false when the sample is too small for either end at that confidence. */
struct quantile_interval {
    bool known;
    uint64_t low_ns, high_ns;
};
struct quantile_interval histogram_quantile_interval(const struct histogram *histogram,
                                                     double fraction, double confidence);

/* Walk the filled buckets in ascending order: start with *index = 0; false at the end. */
bool histogram_next(const struct histogram *histogram, uint32_t *index, uint32_t *bucket,
                    uint64_t *count);
/* Rebuild from stored buckets (result.json); exact sum, min and max are set by the caller after. */
int histogram_add_bucket(struct histogram *histogram, uint32_t bucket, uint64_t count);

/* A coarser index for per-second, per-operation figures: 32 sub-buckets an octave (3 %). */
uint16_t histogram_coarse_index(uint64_t value_ns);
uint64_t histogram_coarse_value(uint16_t index); /* middle of the coarse bucket */

#endif
