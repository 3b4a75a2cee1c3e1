/* What to do about what was found. A recommendation is made of a finding that did not pass, and
 * quotes that finding's own figures: where the figures are not there, it is not made. */
#ifndef CICADA_ANALYSIS_RECOMMENDATIONS_H
#define CICADA_ANALYSIS_RECOMMENDATIONS_H

#include "metrics/result.h"

#define RECOMMENDATION_SIZE 900

/* The recommendation for that finding. False when there is none. */
bool recommendation_of(const struct result *result, const struct finding *finding, char *text,
                       size_t size);

/* Replace the result's recommendations by those of its findings. -1 when memory is out. */
int recommendations_make(struct result *result);

#endif
