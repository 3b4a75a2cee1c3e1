/* One operation at a time, outside the engine: what `cicada tools` and `cicada diagnose` need. It
 * holds one connection and one session of an opened target and gives blocking calls. */
#ifndef CICADA_CICADA_PROBE_H
#define CICADA_CICADA_PROBE_H

#include "base/error.h"
#include "drivers/driver.h"

struct probe {
    struct target *target;
    struct loop loop;
    struct driver_worker *worker;
    struct connection *connection;
    struct session *session;
    struct call *call;
    struct random random;
    bool connected, waiting;
    struct outcome closed_why;
    char closed_text[512];
};

struct probe_result {
    struct outcome outcome;
    uint64_t latency_ns;
    char *text;     /* a sentence for a person on a failure; owned, may be NULL */
    char *response; /* the answer's text, scrubbed; owned, may be NULL */
    char *request;  /* the request's text, scrubbed; owned, may be NULL */
};

int probe_open(struct probe *probe, struct target *target, struct error *error);
/* Connects first, and opens a session, where that is needed. Never fails: what goes wrong is the
 * outcome. */
void probe_call(struct probe *probe, const struct operation *operation, uint32_t variant,
                uint64_t timeout_ns, struct probe_result *result);
void probe_result_free(struct probe_result *result);
void probe_close(struct probe *probe); /* closes the session in an orderly way */

#endif
