/* How much of what a target offers was called. */
#ifndef CICADA_ANALYSIS_COVERAGE_H
#define CICADA_ANALYSIS_COVERAGE_H

#include "metrics/result.h"

/* Over the phases that count. An operation is below the minimum with fewer finished ones than that.
 */
struct coverage coverage_of(const struct result *result, uint32_t target, uint32_t minimum_sample);

/* One finding per target, rule "coverage": pass when every operation got its minimum sample, else
 * information that names the first few which did not. */
int coverage_judge(struct result *result, uint32_t minimum_sample);

#endif
