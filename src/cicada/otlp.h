/* Metrics of a run pushed to an OTLP/HTTP receiver (--otlp URL): every ten seconds while it goes
 * on, by a thread of its own, and all of it at the end. A push that fails is a warning. */
#ifndef CICADA_CICADA_OTLP_H
#define CICADA_CICADA_OTLP_H

#include "base/error.h"
#include "engine/engine.h"

struct otlp;

/* A run begins. Fills `observer`, which hands everything on to `next` first. `url` is of
 * value_otlp and must outlive it. NULL when there is no memory or no thread. */
struct otlp *otlp_begin(const char *url, const struct engine_observer *next,
                        struct engine_observer *observer, struct error *error);
/* It is over and judged: the last push. -1 with what went wrong; frees in any case. */
int otlp_end(struct otlp *otlp, const struct result *result, struct error *error);

/* Push a stored result. */
int otlp_push_result(const char *url, const struct result *result, struct error *error);

#endif
