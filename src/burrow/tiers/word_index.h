/* Which documents hold which words, in memory: an index for messages and one for tasks, which are
 * short and come often. As with vectors, the documents are kept in the records, in the transaction
 * of the call; the index follows when it commits, and is made from the records at start. Memories,
 * whose texts may be long, are indexed in the records (words.h).
 *
 * Words are those of FTS5's tokenizer unicode61: case and accents do not count. */
#ifndef BURROW_TIERS_WORD_INDEX_H
#define BURROW_TIERS_WORD_INDEX_H

#include "burrow/tiers/records.h"

#include <stddef.h>
#include <stdint.h>

struct word_index;
struct word_hit {
    int64_t id;
    double score; /* Okapi BM25 (k1 1.2, b 0.75), larger is better */
};

/* `load` is SQL for all the documents: id and text, in the order of their ids. NULL with an error.
 */
struct word_index *word_index_open(struct records *records, const char *load, struct error *error);
void word_index_close(struct word_index *index); /* harmless on NULL */
/* From the records, once their tables are there. Until then nothing is found. */
int word_index_load(struct word_index *index, struct error *error);

/* A document came; or went, with the text that it came with. One that changes does both. Inside the
 * call's transaction. */
int word_index_put(struct word_index *index, int64_t id, const char *text, struct error *error);
int word_index_remove(struct word_index *index, int64_t id, const char *text, struct error *error);
/* The store's: the transaction of the call is over. */
void word_index_committed(struct word_index *index);
void word_index_rolled_back(struct word_index *index);

/* How many documents hold a word, and how many there are. */
int64_t word_index_count(const struct word_index *index, const char *word);
int64_t word_index_documents(const struct word_index *index);

enum word_index_wanted { WORD_INDEX_ALL, WORD_INDEX_ANY };
struct word_index_query {
    const char *text;
    enum word_index_wanted wanted; /* documents that hold all its words, or any of them */
    /* NULL: all documents count; else those that it says so of. 1 it does, 0 not, -1 an error. */
    int (*counts)(void *context, int64_t id, struct error *error);
    void *context;
};
/* The best of the documents that are wanted, in their order: how many were written to `hits`, at
 * most `limit`; -1 with an error. Sees what is committed. Of a word that very many hold the newest
 * of these are ranked. */
int word_index_search(struct word_index *index, const struct word_index_query *query, size_t limit,
                      struct word_hit *hits, struct error *error);

#endif
