/* What theory says of a queue with several servers. */
#ifndef CICADA_TESTS_ANALYSIS_QUEUE_H
#define CICADA_TESTS_ANALYSIS_QUEUE_H

#include <math.h>

/* P(waiting and service take longer than t) in M/M/c, by Erlang's formula (Gross and Harris). */
static inline double queue_beyond(double arrivals, double service_s, unsigned servers, double t)
{
    double a = arrivals * service_s, term = 1, sum = 1;
    for (unsigned k = 1; k < servers; k++)
        sum += term *= a / k;
    double last = term * a / servers * servers / (servers - a);
    double waits = last / (sum + last), spare = servers - 1 - a, x = t / service_s;
    double part = fabs(spare) < 1e-9 ? x : -expm1(-x * spare) / spare;
    return exp(-x) * (1 + waits * part);
}

/* The arrivals per second at which that share takes longer than t. */
static inline double queue_knee(double service_s, unsigned servers, double t, double share)
{
    double low = 0, high = servers / service_s;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        *(queue_beyond(middle, service_s, servers, t) < share ? &low : &high) = middle;
    }
    return low;
}

#endif
