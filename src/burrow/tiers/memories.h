/* Memories: documents with a name, a type and tags, cut into passages that are embedded, and
 * indexed for full text. What several groups of tools know about them stands here. */
#ifndef BURROW_TIERS_MEMORIES_H
#define BURROW_TIERS_MEMORIES_H

#include "burrow/store.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_CONTENT_LIMIT ((size_t)1 << 20) /* bytes */
#define PASSAGE_BYTES        800 /* about; a passage ends at a sentence where it can */
#define PASSAGE_OVERLAP      120
#define MEMORIES_FOUND_LIMIT 100

extern const char *const memories_migrations[];
/* With its tables: begins what is kept of them in memory, words and facts. */
int memories_open(struct store *store, struct error *error);

/* A passage that was found. */
struct memory_hit {
    int64_t memory, passage;
    double score;
};

/* Keep one; *passages (may be NULL) is how many it was cut into. Its id, or -1. `tags`: an array of
 * strings or NULL. */
int64_t memories_store(struct store *store, const char *name, const char *type, const char *content,
                       const json_t *tags, int64_t *passages, struct error *error);
/* With its passages, vectors, links and cache entries: 1 it was there, 0 not, -1 an error. */
int memories_delete(struct store *store, int64_t id, struct error *error);
/* {"id", "name", "type", "tags", "created_at", "bytes"} and, if asked, "content"; a new reference,
 * json_null() when missing, NULL on an error. */
json_t *memories_get(struct store *store, int64_t id, bool with_content, struct error *error);
/* The same of one that was found, with its "score" and, unless it was found by its words only, the
 * "passage"; NULL when it is gone or on an error. */
json_t *memories_found(struct store *store, const struct memory_hit *hit, struct error *error);
/* The text of a passage, a new reference; NULL when it is gone or on an error. */
json_t *memories_passage(struct store *store, int64_t passage, struct error *error);

/* Nearest passages, best first; one for each memory when `distinct`. How many, -1 an error. */
int memories_nearest(struct store *store, const char *query, const struct memory_filter *filter,
                     bool distinct, struct memory_hit *hits, size_t limit, struct error *error);
/* Full text (BM25), best first: passage is 0, the score is higher for better. */
int memories_matching(struct store *store, const char *words, const struct memory_filter *filter,
                      struct memory_hit *hits, size_t limit, struct error *error);
/* Both, fused by reciprocal rank (Cormack, Clarke, Buettcher 2009, k = 60). */
int memories_search(struct store *store, const char *query, const struct memory_filter *filter,
                    struct memory_hit *hits, size_t limit, struct error *error);

/* In how many memories a word is, as full text has it: in lower case, without accents. */
int memories_holding(struct store *store, const char *word, int64_t *count, struct error *error);

/* Count a use of it, in the cache; not counted while that cannot be reached. */
int memories_used(struct store *store, int64_t id, struct error *error);

#endif
