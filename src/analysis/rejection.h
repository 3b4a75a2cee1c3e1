/* Did the server refuse the arguments it was given? Then the figures of that tool say little of the
 * tool, and a plan should give arguments that mean something to the server. */
#ifndef CICADA_ANALYSIS_REJECTION_H
#define CICADA_ANALYSIS_REJECTION_H

#include "metrics/result.h"

/* True for what servers say of arguments they do not take: JSON-RPC's -32602, or, as most SDKs do
 * it, a tool error whose text (may be NULL) speaks of validation. */
bool rejection_suspected(const struct outcome *outcome, const char *text);

/* One information finding per operation of which it holds, rule "arguments_rejected". */
int rejection_judge(struct result *result);

#endif
