/* How throughput moves as users are added: Gunther's Universal Scalability Law,
 *
 *   X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)),
 *
 * fitted to the levels of the ramp-up. lambda is the throughput of one user, sigma what waiting
 * for something shared takes, kappa what keeping each other consistent takes. */
#ifndef CICADA_ANALYSIS_SCALABILITY_H
#define CICADA_ANALYSIS_SCALABILITY_H

#include "analysis/intervals.h"
#include "analysis/saturation.h"
#include "metrics/result.h"

#define SCALABILITY_LEVELS  5   /* fewer than that leave no freedom for an interval */
#define SCALABILITY_SECONDS 20  /* of steady load, in all levels together */
#define SCALABILITY_RANGE   3.0 /* highest level over lowest */
#define SCALABILITY_R2      0.9

/* Least squares on X, with sigma and kappa not below 0; the intervals by the delta method at the
 * unconstrained minimum with Student's t, cut at 0. The peak, sqrt((1 - sigma) / kappa), is where X
 * is largest; `high` is infinite when the interval of kappa holds 0, all are when kappa is 0. False
 * when there are fewer than 4 points or the fit does not converge. */
struct scalability {
    struct estimate lambda, sigma, kappa, peak;
    double r_squared;
};
bool scalability_fit(const double *users, const double *throughput, size_t count,
                     struct scalability *fit);

/* Rule "scalability", information, for a result with a phase of kind ramp-up; "not enough range"
 * with the reason when nothing can be said. */
int scalability_judge(struct result *result, const struct saturation *saturation);

#endif
