/* One POST of metrics to an OTLP/HTTP receiver, blocking and bounded. */
#ifndef CICADA_CICADA_OTLP_PUSH_H
#define CICADA_CICADA_OTLP_PUSH_H

#include "base/error.h"

#include <stdint.h>

/* Send `body`, JSON. -1 when it did not arrive whole: the error says where and what (no connection,
 * the status, what was rejected), without a password. */
int otlp_push(const char *url, const char *body, uint64_t timeout_ns, struct error *error);

#endif
