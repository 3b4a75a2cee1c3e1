/* What the comparison of two samples needs of statistics: Student's t and Holm's step-down. */
#ifndef CICADA_ANALYSIS_COMPARE_STATISTICS_H
#define CICADA_ANALYSIS_COMPARE_STATISTICS_H

#include <stddef.h>

/* P(T > t) for Student's t with `freedom` > 0 degrees of freedom. */
double student_tail(double t, double freedom);
/* The t that `tail` (0 < tail < 0.5) of the distribution lies above. */
double student_quantile(double tail, double freedom);
/* The value that `below` (0..1) of the beta distribution with a, b > 0 lies below. */
double beta_quantile(double below, double a, double b);
/* Adjust p-values in place so that the chance of any false rejection among them stays below the
 * level they are held against (Holm 1979). -1 when memory is out. */
int holm_adjust(double *p, size_t count);
/* The autocorrelation of a series at lag 1; 0 when it does not vary. */
double autocorrelation(const double *values, size_t count);
/* The block length that estimates a variance best for a series that behaves like AR(1) with that
 * autocorrelation (Politis and White 2004): (6 n)^(1/3) (r / (1 - r^2))^(2/3), at least n^(1/3), at
 * most a third of the series. */
size_t block_length(size_t count, double correlation);

#endif
