/* The memory: four tiers under one lock. A tool call holds the lock while it works on them, so that
 * it sees no other call's half-done work; tools that use no tier run without it. */
#ifndef BURROW_STORE_H
#define BURROW_STORE_H

#include "burrow/tiers/cache.h"
#include "burrow/tiers/checkpoint.h"
#include "burrow/tiers/embedder.h"
#include "burrow/tiers/graph.h"
#include "burrow/tiers/memory_facts.h"
#include "burrow/tiers/records.h"
#include "burrow/tiers/tallies.h"
#include "burrow/tiers/usage.h"
#include "burrow/tiers/uses.h"
#include "burrow/tiers/vectors.h"
#include "burrow/tiers/word_index.h"
#include "burrow/tiers/words.h"

#include <pthread.h>
#include <stdint.h>

struct store_options {
    const char *folder;    /* of the data; ":memory:" keeps nothing */
    const char *redis_url; /* NULL: the cache is in process */
    const char *neo4j_url; /* NULL: the graph is embedded */
    const char *embeddings_url, *embeddings_model, *embeddings_key; /* NULL: lexical ones */
    size_t cache_limit_bytes;
};

struct store {
    pthread_mutex_t lock; /* recursive: who holds it for a round takes it for each call of it too */
    bool has_rounds;      /* all that is written is in the records */
    struct records *records;
    struct checkpoint *checkpoint; /* of the records; NULL when they are in memory only */
    struct words *words;
    struct vectors *vectors;
    struct cache *cache;
    struct graph *graph;
    struct usage *usage;
    struct uses *uses; /* of memories; NULL: they are counted in Redis, which outlives this */
    struct embedder *embedder; /* NULL: embeddings are lexical */
    /* opened by the tools that own their tables */
    struct word_index *chat_words, *todo_words;
    struct word_index *memory_words; /* NULL: it would be too large, `words` answers alone */
    uint64_t memory_postings_limit;
    struct memory_facts *memory_facts;
    struct store_later *later;
    size_t later_count, later_room;
    int64_t opened_at;          /* Unix ms */
    int64_t statistics_kept_at; /* Unix ms; 0: not yet (tools/analytics_kept.h) */
    struct tallies *tallies;    /* NULL: to be counted when they are asked for */
};

int store_open(struct store *store, const struct store_options *options, struct error *error);
void store_close(struct store *store);

/* Around what a thread answers before it waits again: calls in it that read, one after the other,
 * see one state of the records. Neither waits for the lock. */
void store_step_begin(struct store *store);
void store_step_end(struct store *store);

/* Calls that write, one after the other, in one transaction: its end is most of what a small write
 * costs. Between these the calling thread runs the calls, as always; none of them may be answered
 * before the end. A call that fails undoes its own writes only. The end: -1 with an error when
 * nothing of any of them stands; they can be run again. Only when the store has rounds: another
 * process commits by itself. */
void store_round_begin(struct store *store);
int store_round_end(struct store *store, struct error *error);

/* Change a count of the cache when the call has succeeded, so that one that fails, or is run again,
 * changes nothing of it: add `amount`, or delete it when that is 0. */
#define STORE_LATER_LIMIT 4096
#define STORE_USE_PREFIX  "access:" /* of the keys that count uses of a memory, before its id */
int store_later(struct store *store, const char *key, int64_t amount, struct error *error);
/* The dispatcher's: the call succeeded, and what it wrote is committed, or it did not. The counts
 * change, and the indexes and tallies follow. */
void store_do_later(struct store *store, bool succeeded);

/* Unix time in milliseconds: what every *_at column and field holds. */
int64_t store_now_ms(void);

#endif
