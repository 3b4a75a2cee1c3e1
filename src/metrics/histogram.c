/* The HDR histogram: indexing, recording, merging. What is read off it is in quantile.c. */
#include "metrics/histogram.h"

#include <stdlib.h>
#include <string.h>

#define SUB_BUCKETS      (UINT64_C(1) << HISTOGRAM_SUB_BUCKET_SHIFT)
#define HALF_SHIFT       (HISTOGRAM_SUB_BUCKET_SHIFT - 1)
#define PAGE_SHIFT       6
#define COARSE_SHIFT     6
#define HIGHEST_EXPONENT 41 /* floor(log2(HISTOGRAM_HIGHEST_NS)) */

_Static_assert(1 << PAGE_SHIFT == HISTOGRAM_PAGE_COUNTERS, "the page shift matches the page size");
_Static_assert(HISTOGRAM_BUCKETS % HISTOGRAM_PAGE_COUNTERS == 0, "pages divide the buckets");
_Static_assert(HISTOGRAM_HIGHEST_NS >> HIGHEST_EXPONENT == 1,
               "the exponent is that of the highest");
_Static_assert(((HIGHEST_EXPONENT - HALF_SHIFT) << HALF_SHIFT) +
                       (HISTOGRAM_HIGHEST_NS >> (HIGHEST_EXPONENT - HALF_SHIFT)) <
                   HISTOGRAM_BUCKETS,
               "the highest value has a bucket");
_Static_assert(((HIGHEST_EXPONENT - COARSE_SHIFT + 1) << (COARSE_SHIFT - 1)) +
                       (HISTOGRAM_HIGHEST_NS >> (HIGHEST_EXPONENT - COARSE_SHIFT + 1)) <
                   HISTOGRAM_COARSE_BUCKETS,
               "the highest value has a coarse bucket");

static uint64_t *page_make(struct histogram *histogram, uint32_t page);

void histogram_init(struct histogram *histogram)
{
    *histogram = (struct histogram){.min_ns = UINT64_MAX};
}

void histogram_free(struct histogram *histogram)
{
    for (uint32_t page = 0; histogram->pages && page < HISTOGRAM_PAGES; page++)
        free(histogram->pages[page]);
    free(histogram->pages);
    histogram_init(histogram);
}

void histogram_reset(struct histogram *histogram)
{
    uint64_t **pages = histogram->pages;
    for (uint32_t page = histogram_next_page(histogram, 0); page < HISTOGRAM_PAGES;
         page = histogram_next_page(histogram, page + 1))
        memset(pages[page], 0, HISTOGRAM_PAGE_COUNTERS * sizeof *pages[page]);
    histogram_init(histogram);
    histogram->pages = pages;
}

static inline uint64_t clamp(uint64_t value_ns)
{
    if (value_ns < HISTOGRAM_LOWEST_NS)
        return HISTOGRAM_LOWEST_NS;
    return value_ns > HISTOGRAM_HIGHEST_NS ? HISTOGRAM_HIGHEST_NS : value_ns;
}

static inline unsigned log2_floor(uint64_t value)
{
    return 63U - (unsigned)__builtin_clzll(value);
}

/* Setting the lowest sub-bucket's top bit makes every value below SUB_BUCKETS fall in octave 0. */
static inline uint32_t index_of(uint64_t value_ns)
{
    unsigned exponent = log2_floor(value_ns | (SUB_BUCKETS - 1)) - HALF_SHIFT;
    return (uint32_t)((exponent << HALF_SHIFT) + (value_ns >> exponent));
}

static inline uint64_t *counter_of(struct histogram *histogram, uint32_t index)
{
    uint32_t at = index >> PAGE_SHIFT;
    uint64_t *page = histogram->pages ? histogram->pages[at] : NULL;
    if (__builtin_expect(!page, 0) && !(page = page_make(histogram, at)))
        return NULL;
    histogram->used[at / 64] |= UINT64_C(1) << at % 64;
    return &page[index & (HISTOGRAM_PAGE_COUNTERS - 1)];
}

int histogram_record(struct histogram *histogram, uint64_t value_ns)
{
    return histogram_record_many(histogram, value_ns, 1);
}

int histogram_record_many(struct histogram *histogram, uint64_t value_ns, uint64_t count)
{
    if (count == 0)
        return 0;
    uint64_t value = clamp(value_ns);
    uint64_t *counter = counter_of(histogram, index_of(value));
    if (__builtin_expect(!counter, 0))
        return -1;
    *counter += count;
    histogram->count += count;
    histogram->sum_ns += value * count;
    if (value < histogram->min_ns)
        histogram->min_ns = value;
    if (value > histogram->max_ns)
        histogram->max_ns = value;
    if (__builtin_expect(value != value_ns, 0)) {
        if (value_ns < value)
            histogram->clamped_low += count;
        else
            histogram->clamped_high += count;
    }
    return 0;
}

static int merge_page(struct histogram *into, uint32_t page, const uint64_t *from)
{
    uint64_t *counters = counter_of(into, page << PAGE_SHIFT);
    if (!counters)
        return -1;
    for (uint32_t i = 0; i < HISTOGRAM_PAGE_COUNTERS; i++)
        counters[i] += from[i];
    return 0;
}

/* All pages are made before any counter moves, so that running out of memory changes nothing. */
int histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return 0;
    for (uint32_t page = histogram_next_page(from, 0); page < HISTOGRAM_PAGES;
         page = histogram_next_page(from, page + 1))
        if (!counter_of(into, page << PAGE_SHIFT))
            return -1;
    for (uint32_t page = histogram_next_page(from, 0); page < HISTOGRAM_PAGES;
         page = histogram_next_page(from, page + 1))
        if (merge_page(into, page, from->pages[page]) < 0)
            return -1;
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    into->clamped_low += from->clamped_low;
    into->clamped_high += from->clamped_high;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    return 0;
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
    if (a->count != b->count || a->sum_ns != b->sum_ns || a->clamped_low != b->clamped_low ||
        a->clamped_high != b->clamped_high)
        return false;
    if (a->count && (a->min_ns != b->min_ns || a->max_ns != b->max_ns))
        return false;
    uint32_t index_a = 0, index_b = 0, bucket_a = 0, bucket_b = 0;
    uint64_t count_a = 0, count_b = 0;
    for (;;) {
        bool more_a = histogram_next(a, &index_a, &bucket_a, &count_a);
        bool more_b = histogram_next(b, &index_b, &bucket_b, &count_b);
        if (more_a != more_b)
            return false;
        if (!more_a)
            return true;
        if (bucket_a != bucket_b || count_a != count_b)
            return false;
    }
}

uint32_t histogram_index(uint64_t value_ns)
{
    return index_of(clamp(value_ns));
}

static unsigned exponent_of_bucket(uint32_t index)
{
    return index < SUB_BUCKETS ? 0 : (index >> HALF_SHIFT) - 1;
}

uint64_t histogram_bucket_low(uint32_t index)
{
    unsigned exponent = exponent_of_bucket(index);
    return (index - ((uint64_t)exponent << HALF_SHIFT)) << exponent;
}

uint64_t histogram_bucket_high(uint32_t index)
{
    return histogram_bucket_low(index) + (UINT64_C(1) << exponent_of_bucket(index)) - 1;
}

uint32_t histogram_next_page(const struct histogram *histogram, uint32_t page)
{
    uint64_t bits = page < HISTOGRAM_PAGES ? histogram->used[page / 64] >> page % 64 : 0;
    if (bits)
        return page + (uint32_t)__builtin_ctzll(bits);
    for (uint32_t word = page / 64 + 1; word < HISTOGRAM_PAGE_WORDS; word++)
        if (histogram->used[word])
            return word * 64 + (uint32_t)__builtin_ctzll(histogram->used[word]);
    return HISTOGRAM_PAGES;
}

bool histogram_next(const struct histogram *histogram, uint32_t *index, uint32_t *bucket,
                    uint64_t *count)
{
    while (*index < HISTOGRAM_BUCKETS) {
        uint32_t page = histogram_next_page(histogram, *index >> PAGE_SHIFT);
        if (page != *index >> PAGE_SHIFT)
            *index = page << PAGE_SHIFT;
        for (; *index >> PAGE_SHIFT == page && page < HISTOGRAM_PAGES; ++*index) {
            uint64_t counter = histogram->pages[page][*index & (HISTOGRAM_PAGE_COUNTERS - 1)];
            if (counter == 0)
                continue;
            *bucket = (*index)++;
            *count = counter;
            return true;
        }
    }
    return false;
}

int histogram_add_bucket(struct histogram *histogram, uint32_t bucket, uint64_t count)
{
    uint64_t *counter = bucket < HISTOGRAM_BUCKETS ? counter_of(histogram, bucket) : NULL;
    if (!counter)
        return -1;
    *counter += count;
    histogram->count += count;
    return 0;
}

uint16_t histogram_coarse_index(uint64_t value_ns)
{
    uint64_t value = clamp(value_ns);
    unsigned exponent = log2_floor(value) - (COARSE_SHIFT - 1);
    return (uint16_t)((exponent << (COARSE_SHIFT - 1)) + (value >> exponent));
}

uint64_t histogram_coarse_value(uint16_t index)
{
    if (index < 1U << COARSE_SHIFT)
        return index;
    unsigned exponent = ((unsigned)index >> (COARSE_SHIFT - 1)) - 1;
    uint64_t low = (uint64_t)(index - (exponent << (COARSE_SHIFT - 1))) << exponent;
    return low + (UINT64_C(1) << exponent) / 2;
}

static uint64_t *page_make(struct histogram *histogram, uint32_t page)
{
    if (!histogram->pages && !(histogram->pages = calloc(HISTOGRAM_PAGES, sizeof(uint64_t *))))
        return NULL;
    if (!histogram->pages[page])
        histogram->pages[page] = calloc(HISTOGRAM_PAGE_COUNTERS, sizeof(uint64_t));
    return histogram->pages[page];
}
