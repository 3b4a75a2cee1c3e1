/* The short answer a release asks for, from the verdict, the alerts and the recommendations. */
#ifndef CICADA_ANALYSIS_READINESS_H
#define CICADA_ANALYSIS_READINESS_H

#include "metrics/result.h"

/* not ready when the verdict failed; inconclusive when it could not be told, or when nothing was
 * asked of the run; ready with findings when it passed, but an alert fired or a finding calls for
 * something; else ready. */
enum readiness readiness_of(const struct result *result);

/* "passed, with 1 alert and 2 recommendations": why it is so. Returns `text`. */
const char *readiness_reason(const struct result *result, char *text, size_t size);

#endif
