/* Estimates and their intervals at 95 %, from series whose neighbours resemble each other. No
 * randomness: the same series gives the same figures, which an audit relies on. */
#ifndef CICADA_ANALYSIS_INTERVALS_H
#define CICADA_ANALYSIS_INTERVALS_H

#include <jansson.h>
#include <stddef.h>

struct estimate {
    double value, low, high; /* not finite: cannot be told */
};
/* figures.NAME = {"value", "low", "high"}; null for what is not finite. */
void estimate_set(json_t *figures, const char *name, const struct estimate *estimate);

/* How much wider the variance of a mean or slope is than if neighbours were independent, for a
 * series that behaves like AR(1) with that autocorrelation r: (1 + r) / (1 - r); 1 when r < 0. */
double interval_inflation(double autocorrelation);

/* The slope of y on x: the median over all pairs (Theil 1950, Sen 1968), with the pairwise slopes
 * of ranks (N -+ 1.96 sqrt(V)) / 2 as its interval, where V is the variance of Kendall's S under
 * ties, times the inflation of what the slope leaves over. x ascends; pairs of equal x have no
 * slope. All three are NaN with fewer than 3 different x or more than INTERVAL_POINTS points.
 * -1 when memory is out. */
#define INTERVAL_POINTS 600 /* pairs are squared */
int interval_slope(const double *x, const double *y, size_t count, struct estimate *slope);

/* The mean of batches of equal length, such as seconds (the method of batch means, Law and Kelton):
 * Student's t over the batches. From INTERVAL_CORRELATED on, where their autocorrelation r is
 * positive, corrected for its bias, they count for as many independent ones as their inflation
 * leaves (Bayley and Hammersley 1946), in variance and degrees of freedom. Low and high are not
 * finite for fewer than 2. */
#define INTERVAL_CORRELATED 10 /* fewer tell nothing of their autocorrelation */
struct estimate interval_mean(const double *values, size_t count);

/* The ratio of two sums over batches, each batch a part of a whole (Cochran's ratio estimator), as
 * interval_mean. All NaN when the wholes sum up to nothing. */
struct estimate interval_ratio(const double *parts, const double *wholes, size_t count);

/* A share of independent operations (Clopper and Pearson 1934). All NaN when count is 0. */
struct estimate interval_share(double part, double count);

/* A share of operations that come in batches: the wider of both, since batches that agree by
 * chance know no more than their operations, and operations that fail together less. */
struct estimate interval_share_of_batches(const double *parts, const double *wholes, size_t count);

#endif
