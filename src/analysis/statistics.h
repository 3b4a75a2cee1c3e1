/* The statistics that the rules rest on: order statistics, a trend test, small linear systems. No
 * randomness: the same series gives the same figures, which an audit relies on. */
#ifndef CICADA_ANALYSIS_STATISTICS_H
#define CICADA_ANALYSIS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

#define STATISTICS_SERIES                                                                          \
    600 /* values that a trend is looked for in, at most: pairs are squared                        \
         */

/* All reorder nothing: they work on a copy. 0 when count is 0; NaN when memory is out. */
double statistics_median(const double *values, size_t count);
/* Median absolute deviation from the median, times 1.4826: a normal distribution's deviation. */
double statistics_deviation_robust(const double *values, size_t count);
double statistics_mean(const double *values, size_t count);
double statistics_deviation(const double *values, size_t count);       /* of a sample: n - 1 */
double statistics_autocorrelation(const double *values, size_t count); /* at lag 1 */

/* Two-sided quantile 0.975 of Student's t: what a 95 % interval is wide by. */
double statistics_student_975(size_t degrees_of_freedom);

/* Mann-Kendall: z is the statistic corrected for continuity, its variance corrected for ties; p is
 * two-sided. z 0, p 1 for fewer than 3 values. */
struct mann_kendall {
    double s, z, p;
};
struct mann_kendall statistics_mann_kendall(const double *values, size_t count);
double statistics_sen_slope(const double *values, size_t count); /* median slope of all pairs */

/* The trend of a series whose neighbours resemble each other: after taking Sen's slope away, the
 * rest is whitened by its autocorrelation r at lag 1 if that is positive, x[t] - r x[t-1], and
 * divided by 1 - r, so that the trend keeps its size and the noise the size that it has over many
 * values (Wang and Swail 2001); the slope is put back, and Mann-Kendall sees the sum. -1 when
 * memory is out or the count is above STATISTICS_SERIES. */
struct trend {
    double slope;     /* Sen's, per value, of the series as it is */
    double intercept; /* at the first value: the median of what the slope leaves */
    double autocorrelation;
    struct mann_kendall test;
};
int statistics_trend(const double *values, size_t count, struct trend *trend);

/* The inverse of a symmetric positive definite 3 x 3 matrix, of which the first `count` rows and
 * columns are used. False when it is singular. */
bool statistics_invert(double matrix[3][3], size_t count);

#endif
