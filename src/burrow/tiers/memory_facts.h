/* What searches ask of every memory that they find, in memory: its passages, its type and its tags,
 * so that no row is read for a passage that is passed over. As with vectors and words, all of it is
 * kept in the records, in the transaction of the call; this follows when it commits, and is read
 * from the indexes of the records when it is needed first. It takes 24 bytes for a memory and 4 for
 * each of its tags, a small part of what its vectors take. */
#ifndef BURROW_TIERS_MEMORY_FACTS_H
#define BURROW_TIERS_MEMORY_FACTS_H

#include "burrow/tiers/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_facts;

struct memory_filter { /* NULL: any */
    const char *type, *tag;
};

/* The ids of its passages follow each other: they are written at once. */
struct memory_passages {
    int64_t memory, first;
    uint32_t count;
    bool gone;
};

/* Over the tables of memories.c; NULL: memory is out. */
struct memory_facts *memory_facts_open(struct records *records);
void memory_facts_close(struct memory_facts *facts); /* harmless on NULL */

/* A memory came, or went. Inside the call's transaction. `tags`: an array of strings or NULL. */
int memory_facts_put(struct memory_facts *facts, const struct memory_passages *passages,
                     const char *type, const json_t *tags, struct error *error);
int memory_facts_remove(struct memory_facts *facts, int64_t memory, struct error *error);
/* The store's: the transaction of the call is over. */
void memory_facts_committed(struct memory_facts *facts);
void memory_facts_rolled_back(struct memory_facts *facts);
/* Nothing is held any more: it is read anew. For what was said to be committed and was not. */
void memory_facts_clear(struct memory_facts *facts);

/* Before the following, which see what is committed: 0 when all is there, -1 with an error. */
int memory_facts_ready(struct memory_facts *facts, struct error *error);
/* How many passages so many memories have on average, rounded up. */
size_t memory_facts_passages(const struct memory_facts *facts, size_t memories);
/* The memory of a passage if the filter lets it through, else 0. */
int64_t memory_facts_of_passage(const struct memory_facts *facts, int64_t passage,
                                const struct memory_filter *filter);
bool memory_facts_pass(const struct memory_facts *facts, int64_t memory,
                       const struct memory_filter *filter);

/* All that a filter lets through, which names a type or a tag or both, in the order of their ids.
 */
struct memory_facts_walk {
    const struct memory_facts *facts;
    const struct memory_label *label,
        *other; /* those with `label`, and `other` if it is not NULL */
    size_t at;
};
struct memory_facts_walk memory_facts_walk(const struct memory_facts *facts,
                                           const struct memory_filter *filter);
/* The next of them; NULL: there is no more. Valid until the call ends. */
const struct memory_passages *memory_facts_next(struct memory_facts_walk *walk);

#endif
