/* Lanes: the targets that one phase loads, and how its load is dealt to them. A phase of one mix
 * has one lane. Several mixes share the users, or the arrivals, by weight: first the lanes (one for
 * each target) among themselves, then the mixes within a lane. Made once before the run; read-only.
 */
#ifndef CICADA_ENGINE_LANE_H
#define CICADA_ENGINE_LANE_H

#include "engine/mix.h"

struct lane {
    uint32_t target;
    struct bound_mix **mixes; /* none: no load, the target is only watched */
    size_t mix_count;
    struct sequence order; /* whose turn: over the mixes */
    double share;          /* of the phase's load: above 0, all lanes together 1 */
};

struct lanes {
    struct lane *lanes;
    size_t count;
    struct sequence order; /* over the lanes */
};

/* The lanes of a phase that has a load; its mixes need not be bound yet, but for their targets.
 * ERROR_USAGE when it names a mix that there is not, or gives none a positive weight. */
int lanes_make(struct lanes *lanes, struct binding *binding, const struct phase *phase,
               struct error *error);
void lanes_free(struct lanes *lanes); /* also harmless on zeroed ones */

/* Of `count` users (or carriers), how many are the lane's: dealt in turn, from turn `first` on, so
 * that generators that share a load do not all begin with the same lane. */
uint64_t lanes_deal(const struct lanes *lanes, size_t lane, uint64_t count, uint64_t first);

/* The lane of a target; NULL: the phase does not load it. */
const struct lane *lanes_find(const struct lanes *lanes, uint32_t target);

/* Of a lane's users or arrivals, which mix the one at `position` (from 0) runs. `occurrence`, if
 * not NULL, tells how many of the same mix came before. */
struct bound_mix *lane_mix(const struct lane *lane, uint64_t position, uint64_t *occurrence);

#endif
