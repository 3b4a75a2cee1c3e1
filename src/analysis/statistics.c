/* The statistics that the rules rest on. */
#include "analysis/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double *sorted(const double *values, size_t count)
{
    double *copy = malloc(count * sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy, values, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, compare);
    return copy;
}

static double middle(const double *ascending, size_t count)
{
    return count % 2 ? ascending[count / 2] : (ascending[count / 2 - 1] + ascending[count / 2]) / 2;
}

double statistics_median(const double *values, size_t count)
{
    if (count == 0)
        return 0;
    double *copy = sorted(values, count);
    double median = copy ? middle(copy, count) : NAN;
    free(copy);
    return median;
}

double statistics_deviation_robust(const double *values, size_t count)
{
    double median = statistics_median(values, count);
    double *away = malloc((count ? count : 1) * sizeof *away);
    if (!away)
        return NAN;
    for (size_t i = 0; i < count; i++)
        away[i] = fabs(values[i] - median);
    double deviation = 1.4826 * statistics_median(away, count);
    free(away);
    return deviation;
}

double statistics_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : 0;
}

double statistics_deviation(const double *values, size_t count)
{
    double mean = statistics_mean(values, count), squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
}

double statistics_autocorrelation(const double *values, size_t count)
{
    double mean = statistics_mean(values, count), squares = 0, products = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
        if (i > 0)
            products += (values[i] - mean) * (values[i - 1] - mean);
    }
    return squares > 0 ? products / squares : 0;
}

/* From 31 on by the expansion of Cornish and Fisher, whose error there is below 1e-5. */
double statistics_student_975(size_t degrees_of_freedom)
{
    static const double quantiles[] = {
        0,        12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624,
        2.306004, 2.262157,  2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450,
        2.119905, 2.109816,  2.100922, 2.093024, 2.085963, 2.079614, 2.073873, 2.068658,
        2.063899, 2.059539,  2.055529, 2.051831, 2.048407, 2.045230, 2.042272};
    double n = (double)degrees_of_freedom, z = 1.959963985;
    if (degrees_of_freedom < sizeof quantiles / sizeof *quantiles)
        return degrees_of_freedom ? quantiles[degrees_of_freedom] : INFINITY;
    return z + (pow(z, 3) + z) / (4 * n) + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * n * n) +
           (3 * pow(z, 7) + 19 * pow(z, 5) + 17 * pow(z, 3) - 15 * z) / (384 * n * n * n);
}

/* ---- trends --------------------------------------------------------------------------------- */

/* What equal values take from the variance: the sum of t (t - 1) (2 t + 5) over groups of t. */
static double ties(const double *ascending, size_t count)
{
    double sum = 0;
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && !(ascending[next] > ascending[i]); next++)
            ;
        double t = (double)(next - i);
        sum += t * (t - 1) * (2 * t + 5);
    }
    return sum;
}

struct mann_kendall statistics_mann_kendall(const double *values, size_t count)
{
    struct mann_kendall test = {.p = 1};
    double n = (double)count;
    if (count < 3)
        return test;
    double *copy = sorted(values, count);
    if (!copy)
        return test;
    double variance = (n * (n - 1) * (2 * n + 5) - ties(copy, count)) / 18;
    free(copy);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            test.s += (values[j] > values[i]) - (values[j] < values[i]);
    if (fabs(test.s) > 0 && variance > 0)
        test.z = (test.s - (test.s > 0 ? 1 : -1)) / sqrt(variance);
    test.p = erfc(fabs(test.z) / sqrt(2));
    return test;
}

double statistics_sen_slope(const double *values, size_t count)
{
    size_t pairs = count * (count - 1) / 2, pair = 0;
    if (count < 2)
        return 0;
    double *slopes = malloc(pairs * sizeof *slopes);
    if (!slopes)
        return NAN;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            slopes[pair++] = (values[j] - values[i]) / (double)(j - i);
    qsort(slopes, pairs, sizeof *slopes, compare);
    double median = middle(slopes, pairs);
    free(slopes);
    return median;
}

int statistics_trend(const double *values, size_t count, struct trend *trend)
{
    double rest[STATISTICS_SERIES], white[STATISTICS_SERIES];
    *trend = (struct trend){.test = {.p = 1}};
    if (count > STATISTICS_SERIES)
        return -1;
    if (count < 3)
        return 0;
    trend->slope = statistics_sen_slope(values, count);
    for (size_t i = 0; i < count; i++)
        rest[i] = values[i] - trend->slope * (double)i;
    trend->intercept = statistics_median(rest, count);
    if (isnan(trend->slope) || isnan(trend->intercept))
        return -1;
    double r = trend->autocorrelation = statistics_autocorrelation(rest, count);
    if (r <= 0) {
        trend->test = statistics_mann_kendall(values, count);
        return 0;
    }
    for (size_t i = 1; i < count; i++)
        white[i - 1] = (rest[i] - r * rest[i - 1]) / (1 - r) + trend->slope * (double)i;
    trend->test = statistics_mann_kendall(white, count - 1);
    return 0;
}

/* ---- linear systems ------------------------------------------------------------------------- */

/* Gauss-Jordan in place; a positive definite matrix needs no pivoting. */
bool statistics_invert(double matrix[3][3], size_t count)
{
    for (size_t k = 0; k < count; k++) {
        double pivot = matrix[k][k];
        if (!(pivot > 1e-300))
            return false;
        matrix[k][k] = 1;
        for (size_t j = 0; j < count; j++)
            matrix[k][j] /= pivot;
        for (size_t i = 0; i < count; i++) {
            double factor = matrix[i][k];
            if (i == k)
                continue;
            matrix[i][k] = 0;
            for (size_t j = 0; j < count; j++)
                matrix[i][j] -= factor * matrix[k][j];
        }
    }
    return true;
}
