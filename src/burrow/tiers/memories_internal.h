/* Between the files of the memories. */
#ifndef BURROW_TIERS_MEMORIES_INTERNAL_H
#define BURROW_TIERS_MEMORIES_INTERNAL_H

#include "burrow/tiers/memories.h"

/* Among the best so far, in their order; of a memory only its best passage when `distinct`. Returns
 * how many there are. */
size_t memory_hits_keep(struct memory_hit *hits, size_t count, size_t limit, bool distinct,
                        const struct memory_hit *hit);

/* A memory was written, and its words may have to go into the records. */
int memory_words_written(struct store *store, int64_t id, size_t bytes, struct error *error);

#endif
