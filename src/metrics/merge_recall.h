/* The recall that two generators measured, as one. */
#ifndef CICADA_METRICS_MERGE_RECALL_H
#define CICADA_METRICS_MERGE_RECALL_H

#include <jansson.h>

/* Add the recall of `from`'s facts to that of `into`'s: counts add up, and what follows from them
 * is derived anew. One that measured none takes the other's. With another k they are not the same
 * figure: then it is null and says why. -1 when memory is out. */
int merge_recall(json_t *into, const json_t *from);

#endif
