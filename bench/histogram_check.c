/* The histogram against the values themselves: records a million latencies of several shapes, sorts
 * them too, and prints both percentiles side by side with the difference, what the histogram
 * weighs, and what recording one costs. Exit code 1 when a difference exceeds 0.1 %. */
#include "base/clock.h"
#include "base/random.h"
#include "metrics/histogram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES 1000000

static struct random generator;

static uint64_t uniform(void)
{
    return (uint64_t)random_between(&generator, 1000000, 50000000);
}

static uint64_t lognormal(void)
{
    double u = 1 - random_unit(&generator), v = random_unit(&generator);
    return (uint64_t)(5e6 * exp(0.9 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

/* 500 arrivals a second at a server that stalls for 1 s in every 5: each waits for the stall's end.
 */
static uint64_t stalling(void)
{
    double at = 5 * random_unit(&generator);
    return 1000000 + (at < 1 ? (uint64_t)((1 - at) * 1e9) : 0);
}

static uint64_t fast(void)
{
    return (uint64_t)(300 + random_exponential(&generator, 400));
}

static uint64_t constant(void)
{
    return 123456789;
}

static const struct {
    const char *name;
    uint64_t (*draw)(void);
} shapes[] = {{"uniform", uniform},
              {"lognormal", lognormal},
              {"stalling", stalling},
              {"sub-microsecond", fast},
              {"constant", constant}};

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static size_t weight(const struct histogram *histogram)
{
    size_t bytes = HISTOGRAM_PAGES * sizeof(uint64_t *);
    for (size_t page = 0; page < HISTOGRAM_PAGES; page++)
        if (histogram->pages[page])
            bytes += HISTOGRAM_PAGE_COUNTERS * sizeof(uint64_t);
    return bytes;
}

/* The largest difference, as a share of the exact value. */
static double compare(const struct histogram *histogram, const uint64_t *sorted)
{
    static const double fractions[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
    double largest = 0;
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        uint64_t exact = sorted[quantile_rank(fractions[i], VALUES) - 1];
        uint64_t found = histogram_quantile(histogram, fractions[i]);
        double off = fabs((double)found - (double)exact) / (double)exact;
        printf("  p%-6g %15llu ns exact %15llu ns recorded  %+.4f %%\n", fractions[i] * 100,
               (unsigned long long)exact, (unsigned long long)found, 100 * off);
        largest = off > largest ? off : largest;
    }
    return largest;
}

int main(void)
{
    uint64_t *values = malloc(VALUES * sizeof *values);
    double largest = 0;
    if (!values)
        return 1;
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        struct histogram histogram;
        random_seed(&generator, 1, shape);
        histogram_init(&histogram);
        for (size_t i = 0; i < VALUES; i++)
            values[i] = shapes[shape].draw();
        uint64_t began = clock_thread_cpu_ns();
        for (size_t i = 0; i < VALUES; i++)
            if (histogram_record(&histogram, values[i]) < 0)
                return 1;
        double cost = (double)(clock_thread_cpu_ns() - began) / VALUES;
        qsort(values, VALUES, sizeof *values, ascending);
        printf("%s: %d values, %zu KB, %.1f ns to record one\n", shapes[shape].name, VALUES,
               weight(&histogram) / 1024, cost);
        double off = compare(&histogram, values);
        largest = off > largest ? off : largest;
        histogram_free(&histogram);
    }
    free(values);
    printf("largest difference %.4f %%, allowed 0.1 %%\n", 100 * largest);
    return largest <= 0.001 ? 0 : 1;
}
