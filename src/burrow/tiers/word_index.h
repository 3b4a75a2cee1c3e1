/* Which documents hold which words, in memory: an index for memories, one for messages and one for
 * tasks. As with vectors, the documents are kept in the records, in the transaction of the call;
 * the index follows when it commits, and is made from the records at start. Memories, whose texts
 * may be long, are indexed in the records too (words.h), which answers while the index in memory is
 * not yet complete, and where it would be too large.
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

/* `load` is SQL for the next documents: id and text of those with an id above ?1, in the order of
 * their ids, at most ?2 (-1: all). NULL with an error. */
struct word_index *word_index_open(struct records *records, const char *load, struct error *error);
void word_index_close(struct word_index *index); /* harmless on NULL */
/* Anew and as a whole, from the records, once their tables are there. Until then nothing is found.
 */
int word_index_load(struct word_index *index, struct error *error);
/* The next `count` documents, for an index that is made step by step. Documents that come meanwhile
 * must have ids above all that were there. Not in a transaction that writes. 1 when it is complete,
 * 0 when not yet, -1 with an error. */
int word_index_advance(struct word_index *index, int64_t count, struct error *error);
/* Nothing is held any more: to be loaded anew, as a whole or step by step. */
void word_index_clear(struct word_index *index);
bool word_index_is_complete(const struct word_index *index);
/* Pairs of a word and a document that holds it: at most 16 bytes each. */
uint64_t word_index_postings(const struct word_index *index);

/* A document came; or went, with the text that it came with. One that changes does both. Inside the
 * call's transaction. */
int word_index_put(struct word_index *index, int64_t id, const char *text, struct error *error);
int word_index_remove(struct word_index *index, int64_t id, const char *text, struct error *error);
/* The same with the text that the records hold of it now: after it was written, and before it is
 * changed or deleted. Of one that is not there nothing is done. */
int word_index_put_kept(struct word_index *index, int64_t id, struct error *error);
int word_index_remove_kept(struct word_index *index, int64_t id, struct error *error);
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
