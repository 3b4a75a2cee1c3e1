/* How often each memory was given as an answer: a hash table of counts, and beside it the most used
 * in order, so that counting one more and telling which are most used both cost nothing that grows.
 * Counts are of this process; with Redis they are there instead (store.h). Under the store's lock.
 */
#ifndef BURROW_TIERS_USES_H
#define BURROW_TIERS_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USES_MOST 100 /* kept in order */

struct use {
    int64_t id, count; /* ids are above 0 */
};

struct uses;

struct uses *uses_open(void); /* NULL: out of memory */
void uses_close(struct uses *uses);

/* Without the memory for it nothing is counted. */
void uses_add(struct uses *uses, int64_t id, int64_t amount);
void uses_forget(struct uses *uses, int64_t id);
int64_t uses_count(const struct uses *uses, int64_t id); /* 0: never */
size_t uses_known(const struct uses *uses);              /* how many have a count */

/* The most used, and of equal ones the older first: how many were written, USES_MOST at most. */
size_t uses_most(struct uses *uses, struct use *most, size_t limit);
/* The least used of those that were used, and of equal ones the newer first. Looks at all of them.
 */
size_t uses_least(const struct uses *uses, struct use *least, size_t limit);

#endif
