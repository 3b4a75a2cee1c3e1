/* Lists of thresholds: how they are read and how a given one replaces a default. */
#ifndef CICADA_PLAN_THRESHOLD_H
#define CICADA_PLAN_THRESHOLD_H

#include "plan/plan.h"

/* Add one expression or several with commas between ("p99<200ms,errors<1%") to a list. -1 with what
 * is wrong with which; those before it are kept. `where` is kept by reference. */
int threshold_list_add(struct threshold **list, size_t *count, const char *text, const char *where,
                       struct error *error);
/* The same for abort_on, which looks at the last seconds of a run: figures that are known only
 * after it (recall) are refused. */
int threshold_list_add_abort(struct threshold **list, size_t *count, const char *text,
                             const char *where, struct error *error);
void threshold_list_free(struct threshold *list, size_t count);

/* The same figure (and percentile) of the same selection? The bound may differ. */
bool threshold_same_figure(const struct threshold *a, const struct threshold *b);

/* Drop from `list` (in place) whatever one of `given` stands for. */
void threshold_list_override(struct threshold **list, size_t *count, struct threshold *given,
                             size_t given_count);

#endif
