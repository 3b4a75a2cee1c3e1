/* Estimates and their intervals at 95 %. */
#include "analysis/intervals.h"

#include "analysis/compare_statistics.h"
#include "analysis/statistics.h"

#include <math.h>
#include <stdlib.h>

#define TAIL        0.025
#define NORMAL_975  1.959963985
#define CORRELATION 0.95 /* no more is believed */

static const struct estimate unknown = {NAN, NAN, NAN};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void estimate_set(json_t *figures, const char *name, const struct estimate *estimate)
{
    json_object_set_new(figures, name,
                        json_pack("{s:o, s:o, s:o}", "value", number(estimate->value), "low",
                                  number(estimate->low), "high", number(estimate->high)));
}

double interval_inflation(double autocorrelation)
{
    double r = fmin(fmax(autocorrelation, 0), CORRELATION);
    return (1 + r) / (1 - r);
}

/* ---- slopes --------------------------------------------------------------------------------- */

/* What equal values take from the variance: the sum of t (t - 1) (2 t + 5) over groups of t. */
static double ties(const double *values, size_t count, double *room)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        room[i] = values[i];
    qsort(room, count, sizeof *room, compare);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && !(room[next] > room[i]); next++)
            ;
        double t = (double)(next - i);
        sum += t * (t - 1) * (2 * t + 5);
    }
    return sum;
}

static size_t pairwise(const double *x, const double *y, size_t count, double *slopes)
{
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (x[j] > x[i])
                slopes[pairs++] = (y[j] - y[i]) / (x[j] - x[i]);
    qsort(slopes, pairs, sizeof *slopes, compare);
    return pairs;
}

static double middle(const double *ascending, size_t count)
{
    return count % 2 ? ascending[count / 2] : (ascending[count / 2 - 1] + ascending[count / 2]) / 2;
}

static double left_over(const double *x, const double *y, size_t count, double slope, double *room)
{
    for (size_t i = 0; i < count; i++)
        room[i] = y[i] - slope * x[i];
    return interval_inflation(statistics_autocorrelation(room, count));
}

int interval_slope(const double *x, const double *y, size_t count, struct estimate *slope)
{
    *slope = unknown;
    if (count < 3 || count > INTERVAL_POINTS)
        return 0;
    double *slopes = malloc((count * (count - 1) / 2 + count) * sizeof *slopes);
    if (!slopes)
        return -1;
    double *room = slopes + count * (count - 1) / 2, n = (double)count;
    size_t pairs = pairwise(x, y, count, slopes);
    if (pairs < 3) {
        free(slopes);
        return 0;
    }
    slope->value = middle(slopes, pairs);
    double variance =
        (n * (n - 1) * (2 * n + 5) - ties(x, count, room) - ties(y, count, room)) / 18;
    variance *= left_over(x, y, count, slope->value, room);
    double reach = NORMAL_975 * sqrt(fmax(variance, 0));
    double low = nearbyint(((double)pairs - reach) / 2) - 1;
    double high = nearbyint(((double)pairs + reach) / 2);
    slope->low = slopes[low > 0 ? (size_t)low : 0];
    slope->high = slopes[high < (double)pairs - 1 ? (size_t)high : pairs - 1];
    free(slopes);
    return 0;
}

/* ---- batches -------------------------------------------------------------------------------- */

/* The autocorrelation of a sample is too small by about (1 + 3 r) / n (Marriott and Pope 1954). */
static double inflation_of(const double *values, size_t count)
{
    double n = (double)count, r;
    if (count < INTERVAL_CORRELATED || (r = statistics_autocorrelation(values, count)) <= 0)
        return 1;
    return interval_inflation((n * r + 1) / (n - 3));
}

struct estimate interval_mean(const double *values, size_t count)
{
    struct estimate mean = {statistics_mean(values, count), NAN, NAN};
    if (count == 0)
        return unknown;
    if (count < 2)
        return mean;
    double inflation = inflation_of(values, count), worth = (double)count / inflation;
    size_t freedom = worth >= 2 ? (size_t)(worth - 1) : 1;
    double half = statistics_student_975(freedom) * statistics_deviation(values, count) *
                  sqrt(inflation / (double)count);
    mean.low = mean.value - half;
    mean.high = mean.value + half;
    return mean;
}

struct estimate interval_ratio(const double *parts, const double *wholes, size_t count)
{
    double part = 0, whole = 0, *away = malloc((count ? count : 1) * sizeof *away);
    for (size_t i = 0; i < count; i++) {
        part += parts[i];
        whole += wholes[i];
    }
    if (!away || !(whole > 0)) {
        free(away);
        return unknown;
    }
    struct estimate ratio = {part / whole, NAN, NAN};
    for (size_t i = 0; i < count; i++)
        away[i] = (parts[i] - ratio.value * wholes[i]) * (double)count / whole;
    struct estimate mean = interval_mean(away, count); /* about 0 */
    ratio.low = ratio.value + (mean.low - mean.value);
    ratio.high = ratio.value + (mean.high - mean.value);
    free(away);
    return ratio;
}

struct estimate interval_share(double part, double count)
{
    struct estimate share = {part / count, 0, 1};
    if (!(count > 0))
        return unknown;
    if (part > 0)
        share.low = beta_quantile(TAIL, part, count - part + 1);
    if (part < count)
        share.high = beta_quantile(1 - TAIL, part + 1, count - part);
    return share;
}

struct estimate interval_share_of_batches(const double *parts, const double *wholes, size_t count)
{
    double part = 0, whole = 0;
    for (size_t i = 0; i < count; i++) {
        part += parts[i];
        whole += wholes[i];
    }
    struct estimate share = interval_share(part, whole);
    struct estimate ratio = interval_ratio(parts, wholes, count);
    share.low = fmax(0, fmin(share.low, ratio.low)); /* fmin, fmax: NaN has no word */
    share.high = fmin(1, fmax(share.high, ratio.high));
    return share;
}
