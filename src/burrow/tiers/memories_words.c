/* Memories by their words: in memory, where all that match are ranked, or in the records (FTS5),
 * while the index in memory is not complete, and where it would be too large. */
#include "burrow/tiers/memories_internal.h"

#define RANKED_LIMIT  300 /* memories that hold the words and are ranked in the records */
#define INDEXED_LATER 64  /* memories whose words go into the records together */
#define INDEXED_BYTES ((size_t)16 << 10) /* one so long is not waited with */
#define HELD_AT_ONCE  256                /* memories whose words one search takes into memory */
#define HELD_POSTINGS 8000000 /* of words in memory; beyond, they are looked for in the records */

int memories_open(struct store *store, struct error *error)
{
    if (!store->memory_facts && !(store->memory_facts = memory_facts_open(store->records)))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (store->memory_words)
        return 0;
    store->memory_postings_limit = HELD_POSTINGS;
    store->memory_words = word_index_open(
        store->records,
        "SELECT id, name || char(10) || content FROM memories WHERE id > ?1 ORDER BY id LIMIT ?2",
        error);
    return store->memory_words ? 0 : -1;
}

/* ---- into the records ----------------------------------------------------------------------- */

/* Those that are not yet in the index, whose number is small: each time costs FTS5 a new segment,
 * as much as the words of dozens of memories. */
static int index_words(struct store *store, struct error *error)
{
    return records_run(store->records, error,
                       "INSERT INTO memory_words(rowid, name, content) SELECT id, name, content"
                       " FROM memories WHERE id > (SELECT id FROM memory_words_end)",
                       "") < 0 ||
                   records_run(store->records, error,
                               "UPDATE memory_words_end SET id = (SELECT max(id) FROM memories)"
                               " WHERE id < (SELECT max(id) FROM memories)",
                               "") < 0
               ? -1
               : 0;
}

int memory_words_written(struct store *store, int64_t id, size_t bytes, struct error *error)
{
    int64_t end = 0;
    if (records_integer(store->records, error, 0, &end, "SELECT id FROM memory_words_end", "") < 0)
        return -1;
    return bytes < INDEXED_BYTES && id < end + INDEXED_LATER ? 0 : index_words(store, error);
}

/* Before the index is asked. */
static int index_rest(struct store *store, struct error *error)
{
    int64_t rest = 0;
    if (records_integer(store->records, error, 0, &rest,
                        "SELECT EXISTS(SELECT 1 FROM memories"
                        " WHERE id > (SELECT id FROM memory_words_end))",
                        "") < 0)
        return -1;
    return rest ? index_words(store, error) : 0;
}

/* ---- in the records ------------------------------------------------------------------------- */

/* The newest that match, with their scores: to rank all that hold a common word costs as much as
 * there are. */
static sqlite3_stmt *find_words(struct store *store, const struct words_query *query,
                                const struct memory_filter *filter, struct error *error)
{
    size_t size = query->count * sizeof *query->weights;
    if (filter->type || filter->tag)
        return records_query(
            store->records, error,
            "SELECT m.id, relevance(memory_words, ?2)"
            " FROM memory_words w JOIN memories m ON m.id = w.rowid"
            " WHERE memory_words MATCH ?1 AND (?4 IS NULL OR m.type = ?4) AND (?5 IS NULL OR"
            " EXISTS(SELECT 1 FROM memory_tags t WHERE t.tag = ?5 AND t.memory = m.id))"
            " ORDER BY w.rowid DESC LIMIT ?3",
            "sbiss", query->match, (const void *)query->weights, size, (int64_t)RANKED_LIMIT,
            filter->type, filter->tag);
    return records_query(store->records, error,
                         "SELECT rowid, relevance(memory_words, ?2) FROM memory_words"
                         " WHERE memory_words MATCH ?1 ORDER BY rowid DESC LIMIT ?3",
                         "sbi", query->match, (const void *)query->weights, size,
                         (int64_t)RANKED_LIMIT);
}

/* SQLite would put all that are ranked into a table and sort it for the few best. */
static int match_words(struct store *store, const struct words_reading *reading,
                       enum words_wanted wanted, const struct memory_filter *filter,
                       struct memory_hit *hits, size_t limit, struct error *error)
{
    struct error problem = {0};
    struct words_query query;
    size_t count = 0;
    if (words_query(reading, wanted, &query, error) < 0)
        return -1;
    if (!query.match)
        return 0;
    sqlite3_stmt *row = find_words(store, &query, filter, &problem);
    while (row && records_next(row, &problem)) {
        struct memory_hit hit = {sqlite3_column_int64(row, 0), 0, sqlite3_column_double(row, 1)};
        count = memory_hits_keep(hits, count, limit, false, &hit);
    }
    words_query_free(&query);
    if (problem.code == ERROR_NONE)
        return (int)count;
    if (error)
        *error = problem;
    return -1;
}

/* Those that hold every word (words.h); only where there is none, those that hold any: ranking all
 * that share a common word costs as much as there are. */
static int matching_in_records(struct store *store, const char *words,
                               const struct memory_filter *filter, struct memory_hit *hits,
                               size_t limit, struct error *error)
{
    struct words_reading reading;
    if (index_rest(store, error) < 0 || words_read(store->words, words, &reading, error) < 0)
        return -1;
    int count = match_words(store, &reading, WORDS_ALL, filter, hits, limit, error);
    return count ? count : match_words(store, &reading, WORDS_ANY, filter, hits, limit, error);
}

/* ---- in memory ------------------------------------------------------------------------------ */

struct filtering {
    struct store *store;
    const struct memory_filter *filter;
};

static int passes(void *context, int64_t id, struct error *error)
{
    const struct filtering *filtering = context;
    (void)error;
    return memory_facts_pass(filtering->store->memory_facts, id, filtering->filter);
}

static int matching_in_memory(struct store *store, const char *words,
                              const struct memory_filter *filter, struct memory_hit *hits,
                              size_t limit, struct error *error)
{
    struct word_hit found[MEMORIES_FOUND_LIMIT];
    struct filtering filtering = {store, filter};
    struct word_index_query query = {.text = words,
                                     .wanted = WORD_INDEX_ALL,
                                     .counts = filter->type || filter->tag ? passes : NULL,
                                     .context = &filtering};
    size_t most = limit < MEMORIES_FOUND_LIMIT ? limit : MEMORIES_FOUND_LIMIT;
    if (query.counts && memory_facts_ready(store->memory_facts, error) < 0)
        return -1;
    int count = word_index_search(store->memory_words, &query, most, found, error);
    query.wanted = WORD_INDEX_ANY;
    if (count == 0)
        count = word_index_search(store->memory_words, &query, most, found, error);
    for (int i = 0; i < count; i++)
        hits[i] = (struct memory_hit){found[i].id, 0, found[i].score};
    return count;
}

/* Each search takes some more into memory until all are there, so that no start waits for it. What
 * a transaction has written and may yet undo is not taken. */
static bool words_are_in_memory(struct store *store)
{
    if (store->memory_words &&
        word_index_postings(store->memory_words) > store->memory_postings_limit) {
        word_index_close(store->memory_words);
        store->memory_words = NULL;
    }
    if (!store->memory_words)
        return false;
    if (word_index_is_complete(store->memory_words))
        return true;
    return !records_is_writing(store->records) &&
           word_index_advance(store->memory_words, HELD_AT_ONCE, NULL) > 0;
}

int memories_matching(struct store *store, const char *words, const struct memory_filter *filter,
                      struct memory_hit *hits, size_t limit, struct error *error)
{
    return (words_are_in_memory(store) ? matching_in_memory : matching_in_records)(
        store, words, filter, hits, limit, error);
}

int memories_holding(struct store *store, const char *word, int64_t *count, struct error *error)
{
    if (store->memory_words && word_index_is_complete(store->memory_words)) {
        *count = word_index_count(store->memory_words, word);
        return 0;
    }
    return index_rest(store, error) < 0
               ? -1
               : records_integer(store->records, error, 0, count,
                                 "SELECT doc FROM memory_vocabulary WHERE term = ?1", "s", word);
}
