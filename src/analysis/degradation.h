/* What is left of the service under stress, and does the target say so when it cannot serve? */
#ifndef CICADA_ANALYSIS_DEGRADATION_H
#define CICADA_ANALYSIS_DEGRADATION_H

#include "metrics/result.h"

/* Goodput is ok operations per second. A failure is explicit when the target answered that it
 * failed or refused (tool error, JSON-RPC error, HTTP status, a tier's own error, connection
 * refused), silent when no answer came (timeout, reset, cancelled, not run), else wrong. */
struct degradation {
    double goodput_before, goodput_after; /* per second: peak (else ramp-up), stress */
    uint64_t finished, explicit_failures, silent_failures, wrong_answers; /* of the stress */
};
struct degradation degradation_of(const struct result_phase *before,
                                  const struct result_phase *stress);

/* It degrades gracefully when 80 % of the goodput is kept and at most 1 % of the operations fail
 * silently. */
#define DEGRADATION_KEPT   0.8
#define DEGRADATION_SILENT 0.01

/* Rule "degradation", information, for each phase of kind stress that a peak or a ramp-up came
 * before. */
int degradation_judge(struct result *result);

#endif
