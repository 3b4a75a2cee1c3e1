/* Which offers of a target a step of the plan means, and which of those may run. */
#ifndef CICADA_ENGINE_SELECT_H
#define CICADA_ENGINE_SELECT_H

#include "engine/mix.h"

struct selection {
    const struct offer **offers;
    size_t count;
};

/* Every offer of the step's kind whose name its glob matches, less the tools that the mix leaves
 * out: not included, excluded, or destructive without leave. Never empty on success; ERROR_USAGE
 * says why nothing is left. */
int select_offers(struct binding *binding, const struct bound_mix *mix, const struct step *step,
                  struct selection *selection, struct error *error);
void selection_free(struct selection *selection);

/* The operation for an offer as the step asks for it; the same one when it was prepared before. On
 * success *operation is NULL when arguments could not be generated: the tool is then excluded. */
int select_prepare(struct binding *binding, const struct bound_mix *mix, const struct step *step,
                   const struct offer *offer, const char *category, struct operation **operation,
                   struct error *error);

/* Tell of tools that run without having said whether they destroy. */
void select_tell(struct binding *binding);

#endif
