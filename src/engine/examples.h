/* Examples: the first few request and answer pairs of each operation and outcome, redacted and
 * bounded. A worker gathers its own; the coordinator puts them together and keeps the best 200. */
#ifndef CICADA_ENGINE_EXAMPLES_H
#define CICADA_ENGINE_EXAMPLES_H

#include "drivers/driver.h"
#include "metrics/result.h"

enum {
    EXAMPLES_EACH = 3,   /* per operation and kind of outcome */
    EXAMPLES_MOST = 200, /* in a result */
    EXAMPLE_TEXT = 2048  /* bytes of a request or an answer */
};

struct example_quota { /* what one worker gathered of one operation */
    uint8_t gathered[OUTCOME_KINDS];
    bool keep; /* a failure came without its request: keep those of the next calls */
};

struct gathered_example {
    struct example example; /* phase is not set, but by phase_index */
    uint32_t phase_index;
    uint8_t rank; /* which of its kind */
};
struct examples {
    struct gathered_example *list;
    size_t count, ok_count;
};

/* Shall the next call of this operation keep its request? */
static inline bool example_wanted(const struct example_quota *quota)
{
    return quota->gathered[OUTCOME_OK] < EXAMPLES_EACH || quota->keep;
}

/* Take the finished call as an example if its kind is still wanted. `call` is NULL for an operation
 * that got no connection. Costs a comparison when it is not wanted. */
void examples_offer(struct examples *examples, struct example_quota *quota,
                    const struct target *target, uint32_t target_index, uint32_t phase_index,
                    const struct operation *operation, uint32_t variant, const struct call *call,
                    const struct outcome *outcome, const char *text, uint64_t latency_ns);
void examples_free(struct examples *examples);

/* Move what the workers gathered into the result: failures first, then one of each operation. */
int examples_collect(struct examples *const *gathered, size_t count, struct result *result);

#endif
