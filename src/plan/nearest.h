/* Which known name a mistyped one was meant to be. */
#ifndef CICADA_PLAN_NEAREST_H
#define CICADA_PLAN_NEAREST_H

#include <stddef.h>

/* The nearest of several names to a mistyped one: consider each, then ask for the best. NULL when
 * none is near enough to be what was meant. */
struct nearest {
    const char *text;
    const char *best;
    size_t distance;
};
void nearest_begin(struct nearest *nearest, const char *text);
void nearest_consider(struct nearest *nearest, const char *candidate);

#endif
