/* Student's t through the incomplete beta function, Holm's step-down, block lengths. */
#include "analysis/compare_statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 20000; m++) {
        double factors[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                             -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double step = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + factors[i] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + factors[i] / c;
            c = fabs(c) < tiny ? tiny : c;
            step = d * c;
            h *= step;
        }
        if (fabs(step - 1) < 1e-14)
            break;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_tail(double t, double freedom)
{
    if (isinf(t))
        return t > 0 ? 0 : 1;
    double both = incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
    return t >= 0 ? both / 2 : 1 - both / 2;
}

double beta_quantile(double below, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100 && high - low > 1e-15; i++) {
        double middle = (low + high) / 2;
        *(incomplete_beta(a, b, middle) < below ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

double student_quantile(double tail, double freedom)
{
    double low = 0, high = 1;
    while (student_tail(high, freedom) > tail && high < 1e12)
        high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-12 * high; i++) {
        double middle = (low + high) / 2;
        *(student_tail(middle, freedom) > tail ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

struct ranked {
    double p;
    size_t at;
};

static int by_p(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    return (a->p > b->p) - (a->p < b->p);
}

int holm_adjust(double *p, size_t count)
{
    struct ranked *order = calloc(count ? count : 1, sizeof *order);
    if (!order)
        return -1;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ranked){p[i], i};
    qsort(order, count, sizeof *order, by_p);
    double highest = 0;
    for (size_t i = 0; i < count; i++) {
        double adjusted = fmin(1, order[i].p * (double)(count - i));
        highest = fmax(highest, adjusted);
        p[order[i].at] = highest;
    }
    free(order);
    return 0;
}

double autocorrelation(const double *values, size_t count)
{
    double mean = 0, square = 0, product = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        square += (values[i] - mean) * (values[i] - mean);
        if (i)
            product += (values[i] - mean) * (values[i - 1] - mean);
    }
    return square > 0 ? product / square : 0;
}

size_t block_length(size_t count, double correlation)
{
    double n = (double)count, r = fmin(fmax(correlation, 0), 0.95);
    double best = cbrt(6 * n) * pow(r / (1 - r * r), 2.0 / 3);
    double length = fmin(fmax(best, cbrt(n)), fmax(n / 3, 1));
    return (size_t)fmax(1, ceil(length - 1e-9));
}
