/* Seeded, reproducible randomness: xoshiro256** (Blackman, Vigna 2018) seeded through splitmix64.
 * One generator per thread or per purpose; the same seed and stream give the same sequence. */
#ifndef CICADA_BASE_RANDOM_H
#define CICADA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed, uint64_t stream);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound); /* uniform in [0, bound); bound > 0 */
int64_t random_between(struct random *random, int64_t low, int64_t high); /* inclusive */
double random_unit(struct random *random);                                /* [0, 1) */
double random_exponential(struct random *random, double mean);            /* Poisson gaps */
void random_uuid(struct random *random, char text[37]);                   /* RFC 9562 version 4 */

#endif
