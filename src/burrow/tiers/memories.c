/* See memories.h. */
#include "burrow/tiers/memories_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANK_CONSTANT 60
#define EXACT_LIMIT   500 /* passages that are compared one by one */
#define NEAREST_LIMIT 512 /* passages that are asked for at most */
#define WIDER         4   /* times as many are asked for when some do not count */
#define CANDIDATES    64  /* of each kind of search at most, before they are fused */
#define CANDIDATES_OF 4   /* for each result that is wanted */

const char *const memories_migrations[] = {
    "CREATE TABLE memories(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " type TEXT NOT NULL, content TEXT NOT NULL, tags TEXT NOT NULL, created_at INTEGER NOT NULL);"
    "CREATE INDEX memories_type ON memories(type, id);"
    "CREATE TABLE memory_tags(tag TEXT NOT NULL, memory INTEGER NOT NULL REFERENCES memories(id)"
    " ON DELETE CASCADE, PRIMARY KEY(tag, memory)) WITHOUT ROWID;"
    "CREATE INDEX memory_tags_memory ON memory_tags(memory);"
    "CREATE TABLE passages(id INTEGER PRIMARY KEY AUTOINCREMENT, memory INTEGER NOT NULL"
    " REFERENCES memories(id) ON DELETE CASCADE, number INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX passages_memory ON passages(memory, number);"
    "CREATE VIRTUAL TABLE memory_words USING fts5(name, content, content='memories',"
    " content_rowid='id');"
    "CREATE TRIGGER memories_inserted AFTER INSERT ON memories BEGIN"
    " INSERT INTO memory_words(rowid, name, content) VALUES(new.id, new.name, new.content); END;"
    "CREATE TRIGGER memories_deleted AFTER DELETE ON memories BEGIN"
    " INSERT INTO memory_words(memory_words, rowid, name, content)"
    " VALUES('delete', old.id, old.name, old.content); END;"
    "CREATE TABLE questions(id INTEGER PRIMARY KEY, question TEXT NOT NULL,"
    " passages INTEGER NOT NULL, asked_at INTEGER NOT NULL);"
    "CREATE TABLE context_uses(id INTEGER PRIMARY KEY, asked_tokens INTEGER NOT NULL,"
    " filled_tokens INTEGER NOT NULL, built_at INTEGER NOT NULL)",
    /* what statistics ask for is kept, since counting it reads every memory */
    "CREATE INDEX memories_created ON memories(created_at);"
    "CREATE TABLE memory_totals(type TEXT PRIMARY KEY, documents INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, passages INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO memory_totals SELECT type, count(*), sum(length(CAST(content AS BLOB))), 0"
    " FROM memories GROUP BY type;"
    "UPDATE memory_totals SET passages = (SELECT count(*) FROM passages p JOIN memories m"
    " ON m.id = p.memory WHERE m.type = memory_totals.type);"
    "CREATE TRIGGER memories_totalled AFTER INSERT ON memories BEGIN"
    " INSERT INTO memory_totals VALUES(new.type, 1, length(CAST(new.content AS BLOB)), 0)"
    " ON CONFLICT DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes; END;"
    "CREATE TRIGGER passages_totalled AFTER INSERT ON passages BEGIN"
    " UPDATE memory_totals SET passages = passages + 1"
    " WHERE type = (SELECT type FROM memories WHERE id = new.memory); END;"
    "CREATE TRIGGER memories_untotalled BEFORE DELETE ON memories BEGIN"
    " UPDATE memory_totals SET documents = documents - 1,"
    " bytes = bytes - length(CAST(old.content AS BLOB)),"
    " passages = passages - (SELECT count(*) FROM passages WHERE memory = old.id)"
    " WHERE type = old.type; DELETE FROM memory_totals WHERE type = old.type AND documents = 0; "
    "END",
    /* memories up to this id are in the index of words (memories_words.c) */
    "CREATE TABLE memory_words_end(id INTEGER NOT NULL);"
    "INSERT INTO memory_words_end SELECT coalesce(max(id), 0) FROM memories;"
    "DROP TRIGGER memories_inserted; DROP TRIGGER memories_deleted;"
    "CREATE TRIGGER memories_unindexed AFTER DELETE ON memories"
    " WHEN old.id <= (SELECT id FROM memory_words_end) BEGIN"
    " INSERT INTO memory_words(memory_words, rowid, name, content)"
    " VALUES('delete', old.id, old.name, old.content); END",
    NULL};

/* ---- keeping -------------------------------------------------------------------------------- */

/* Where a passage that begins at `text` ends: at the last end of a paragraph or sentence before the
 * limit, else at a space, else between two characters. */
static size_t passage_length(const char *text)
{
    size_t left = strnlen(text, PASSAGE_BYTES + 1), best = 0, space = 0;
    if (left <= PASSAGE_BYTES)
        return left;
    for (size_t i = PASSAGE_BYTES / 3; i < PASSAGE_BYTES; i++) {
        bool blank = text[i + 1] == ' ' || text[i + 1] == '\n';
        if (text[i] == '\n' || ((text[i] == '.' || text[i] == '!' || text[i] == '?') && blank))
            best = i + 1;
        if (text[i] == ' ')
            space = i + 1;
    }
    if (best || space)
        return best ? best : space;
    size_t end = PASSAGE_BYTES;
    while (end > 1 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;
    return end;
}

/* The next passage begins a little before the end of this one, at a word. */
static size_t passage_step(const char *text, size_t length)
{
    size_t back = length > 3 * PASSAGE_OVERLAP ? length - PASSAGE_OVERLAP : length;
    for (size_t i = back; i < length; i++)
        if (text[i] == ' ' || text[i] == '\n')
            return i + 1;
    return length;
}

static int store_passage(struct store *store, struct memory_passages *passages, const char *text,
                         size_t length, struct error *error)
{
    char *copy = strndup(text, length);
    if (!copy)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    bool kept = records_run(store->records, error,
                            "INSERT INTO passages(memory, number, text) VALUES(?1, ?2, ?3)", "iis",
                            passages->memory, (int64_t)passages->count, copy) > 0;
    int64_t id = records_last_id(store->records);
    int failed = kept ? vectors_put(store->vectors, VECTORS_MEMORIES, id, copy, error) : -1;
    if (passages->count++ == 0)
        passages->first = id;
    free(copy);
    return failed;
}

static int store_passages(struct store *store, struct memory_passages *passages,
                          const char *content, struct error *error)
{
    for (const char *at = content; *at;) {
        size_t length = passage_length(at);
        if (store_passage(store, passages, at, length, error) < 0)
            return -1;
        at += at[length] ? passage_step(at, length) : length;
    }
    return 0;
}

static int store_tags(struct store *store, int64_t memory, const json_t *tags, struct error *error)
{
    size_t index;
    json_t *tag;
    json_array_foreach(
        tags, index,
        tag) if (records_run(store->records, error,
                             "INSERT OR IGNORE INTO memory_tags(tag, memory) VALUES(?1, ?2)", "si",
                             json_string_value(tag), memory) < 0) return -1;
    return 0;
}

int64_t memories_store(struct store *store, const char *name, const char *type, const char *content,
                       const json_t *tags, int64_t *passages, struct error *error)
{
    char key[32];
    char *text = tags ? json_dumps(tags, JSON_COMPACT) : strdup("[]");
    int64_t changed = records_run(store->records, error,
                                  "INSERT INTO memories(name, type, content, tags, created_at)"
                                  " VALUES(?1, ?2, ?3, ?4, ?5)",
                                  "ssssi", name, type, content, text, store_now_ms());
    free(text);
    if (changed < 0)
        return -1;
    int64_t id = records_last_id(store->records);
    struct memory_passages cut = {.memory = id};
    snprintf(key, sizeof key, "memory:%lld", (long long)id);
    json_t *facts = json_pack("{s:s}", "name", name);
    int failed = (store->memory_words && word_index_put_kept(store->memory_words, id, error) < 0) ||
                 memory_words_written(store, id, strlen(content), error) < 0 ||
                 store_passages(store, &cut, content, error) < 0 ||
                 store_tags(store, id, tags, error) < 0 ||
                 memory_facts_put(store->memory_facts, &cut, type, tags, error) < 0 ||
                 graph_node_put(store->graph, key, "memory", facts, NULL, error) < 0;
    json_decref(facts);
    if (passages)
        *passages = cut.count;
    return failed ? -1 : id;
}

int memories_delete(struct store *store, int64_t id, struct error *error)
{
    char key[48];
    struct error problem = {0};
    if (store->memory_words && word_index_remove_kept(store->memory_words, id, error) < 0)
        return -1;
    sqlite3_stmt *row = records_query(store->records, &problem,
                                      "SELECT id FROM passages WHERE memory = ?1", "i", id);
    while (row && records_next(row, &problem))
        if (vectors_remove(store->vectors, VECTORS_MEMORIES, sqlite3_column_int64(row, 0),
                           &problem) < 0) {
            records_done(row);
            break;
        }
    if (problem.code != ERROR_NONE) {
        if (error)
            *error = problem;
        return -1;
    }
    snprintf(key, sizeof key, "memory:%lld", (long long)id);
    int64_t gone =
        records_run(store->records, error, "DELETE FROM memories WHERE id = ?1", "i", id);
    if (gone < 0 || graph_node_remove(store->graph, key, error) < 0 ||
        memory_facts_remove(store->memory_facts, id, error) < 0)
        return -1;
    snprintf(key, sizeof key, "access:%lld", (long long)id);
    return store_later(store, key, 0, error) < 0 ? -1 : gone > 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Of id, name, type, tags, time, content. */
static json_t *memory_of(sqlite3_stmt *row, bool with_content)
{
    json_t *memory = json_object();
    json_object_set_new_nocheck(memory, "id", json_integer(sqlite3_column_int64(row, 0)));
    json_object_set_new_nocheck(memory, "name", records_json_text(row, 1));
    json_object_set_new_nocheck(memory, "type", records_json_text(row, 2));
    json_object_set_new_nocheck(memory, "tags", records_json(row, 3));
    json_object_set_new_nocheck(memory, "created_at", json_integer(sqlite3_column_int64(row, 4)));
    json_object_set_new_nocheck(memory, "bytes", json_integer(sqlite3_column_bytes(row, 5)));
    if (with_content)
        json_object_set_new_nocheck(memory, "content", records_json_text(row, 5));
    return memory;
}

json_t *memories_get(struct store *store, int64_t id, bool with_content, struct error *error)
{
    struct error problem = {0};
    json_t *memory = NULL;
    sqlite3_stmt *row = records_query(store->records, &problem,
                                      "SELECT id, name, type, tags, created_at, content"
                                      " FROM memories WHERE id = ?1",
                                      "i", id);
    if (row && records_next(row, &problem)) {
        memory = memory_of(row, with_content);
        records_done(row);
    } else if (problem.code == ERROR_NONE) {
        memory = json_null();
    }
    if (problem.code != ERROR_NONE && error)
        *error = problem;
    return memory;
}

json_t *memories_found(struct store *store, const struct memory_hit *hit, struct error *error)
{
    json_t *memory = NULL;
    sqlite3_stmt *row =
        records_query(store->records, error,
                      "SELECT m.id, m.name, m.type, m.tags, m.created_at, m.content, p.text"
                      " FROM memories m LEFT JOIN passages p ON p.id = ?2 WHERE m.id = ?1",
                      "ii", hit->memory, hit->passage);
    if (row && records_next(row, error)) {
        memory = memory_of(row, false);
        json_object_set_new_nocheck(memory, "score", json_real(hit->score));
        if (hit->passage)
            json_object_set_new_nocheck(memory, "passage", records_json_text(row, 6));
        records_done(row);
    }
    return memory;
}

json_t *memories_passage(struct store *store, int64_t passage, struct error *error)
{
    json_t *text = NULL;
    sqlite3_stmt *row = records_query(store->records, error,
                                      "SELECT text FROM passages WHERE id = ?1", "i", passage);
    if (row && records_next(row, error)) {
        text = records_json_text(row, 0);
        records_done(row);
    }
    return text;
}

int memories_used(struct store *store, int64_t id, struct error *error)
{
    char key[48];
    snprintf(key, sizeof key, "access:%lld", (long long)id);
    return store_later(store, key, 1, error);
}

/* ---- searching ------------------------------------------------------------------------------ */

static bool is_among(const struct memory_hit *hits, size_t count, int64_t memory)
{
    for (size_t i = 0; i < count; i++)
        if (hits[i].memory == memory)
            return true;
    return false;
}

static int better_first(const void *one, const void *other)
{
    const struct memory_hit *a = one, *b = other;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->memory < b->memory ? -1 : a->memory > b->memory;
}

size_t memory_hits_keep(struct memory_hit *hits, size_t count, size_t limit, bool distinct,
                        const struct memory_hit *hit)
{
    if (count == limit && (limit == 0 || better_first(&hits[count - 1], hit) <= 0))
        return count; /* most are */
    for (size_t i = 0; distinct && i < count; i++) {
        if (hits[i].memory != hit->memory)
            continue;
        if (better_first(&hits[i], hit) <= 0)
            return count;
        memmove(&hits[i], &hits[i + 1], (--count - i) * sizeof *hits);
        break;
    }
    size_t at = count < limit ? count++ : count - 1;
    for (; at > 0 && better_first(hit, &hits[at - 1]) < 0; at--)
        hits[at] = hits[at - 1];
    hits[at] = *hit;
    return count;
}

static size_t keep_scored(struct store *store, const char *query, struct memory_hit *some,
                          size_t some_count, bool distinct, struct memory_hit *hits, size_t count,
                          size_t limit)
{
    int64_t passages[EXACT_LIMIT] = {0};
    double scores[EXACT_LIMIT];
    for (size_t i = 0; i < some_count; i++)
        passages[i] = some[i].passage;
    vectors_score(store->vectors, VECTORS_MEMORIES, query, passages, some_count, scores);
    for (size_t i = 0; i < some_count; i++) {
        some[i].score = scores[i];
        count = memory_hits_keep(hits, count, limit, distinct, &some[i]);
    }
    return count;
}

/* How many passages the filter lets through, as far as they are compared one by one; one more: too
 * many for that. */
static size_t count_filtered(struct store *store, const struct memory_filter *filter)
{
    struct memory_facts_walk walk = memory_facts_walk(store->memory_facts, filter);
    const struct memory_passages *next;
    size_t count = 0;
    while (count <= EXACT_LIMIT && (next = memory_facts_next(&walk)))
        count += next->count;
    return count;
}

/* As memories_nearest, by comparing what the filter lets through one by one, since the nearest of
 * all passages may hold none of it. */
static size_t nearest_of_filtered(struct store *store, const char *query,
                                  const struct memory_filter *filter, bool distinct,
                                  struct memory_hit *hits, size_t limit)
{
    struct memory_hit some[EXACT_LIMIT];
    struct memory_facts_walk walk = memory_facts_walk(store->memory_facts, filter);
    const struct memory_passages *next;
    size_t count = 0, some_count = 0;
    while ((next = memory_facts_next(&walk))) {
        for (uint32_t i = 0; i < next->count; i++) {
            some[some_count++] = (struct memory_hit){next->memory, next->first + i, 0};
            if (some_count < EXACT_LIMIT)
                continue;
            count = keep_scored(store, query, some, some_count, distinct, hits, count, limit);
            some_count = 0;
        }
    }
    return keep_scored(store, query, some, some_count, distinct, hits, count, limit);
}

static size_t at_most(size_t number, size_t most)
{
    return number < most ? number : most;
}

/* Among the nearest passages, so many. *all: there are no others. Returns how many are hits. */
static int nearest_among(struct store *store, const char *query, const struct memory_filter *filter,
                         bool distinct, size_t passages, bool *all, struct memory_hit *hits,
                         size_t limit, struct error *error)
{
    struct vector_hit found[NEAREST_LIMIT];
    size_t count = 0;
    int near =
        vectors_search(store->vectors, VECTORS_MEMORIES, query, (unsigned)passages, found, error);
    for (int i = 0; i < near && count < limit; i++) {
        int64_t memory = memory_facts_of_passage(store->memory_facts, found[i].id, filter);
        if (memory && !(distinct && is_among(hits, count, memory)))
            hits[count++] = (struct memory_hit){memory, found[i].id, found[i].score};
    }
    *all = near < (int)passages;
    return near < 0 ? -1 : (int)count;
}

/* Each passage more that is asked for costs: first no more than are likely enough. */
int memories_nearest(struct store *store, const char *query, const struct memory_filter *filter,
                     bool distinct, struct memory_hit *hits, size_t limit, struct error *error)
{
    const bool narrow = filter->type || filter->tag;
    bool all = false;
    int count = 0;
    if (memory_facts_ready(store->memory_facts, error) < 0)
        return -1;
    if (narrow && count_filtered(store, filter) <= EXACT_LIMIT)
        return (int)nearest_of_filtered(store, query, filter, distinct, hits, limit);
    size_t likely = distinct ? memory_facts_passages(store->memory_facts, limit) : limit;
    likely = at_most(likely > limit ? likely : limit, 2 * limit);
    size_t wanted = at_most(likely * (narrow ? WIDER : 1), NEAREST_LIMIT);
    for (;;) {
        count = nearest_among(store, query, filter, distinct, wanted, &all, hits, limit, error);
        if (count < 0 || (size_t)count == limit)
            return count;
        if (narrow)
            return (int)nearest_of_filtered(store, query, filter, distinct, hits, limit);
        if (all || wanted == NEAREST_LIMIT)
            return count;
        wanted = at_most(wanted * WIDER, NEAREST_LIMIT);
    }
}

static size_t fuse(struct memory_hit *all, size_t count, const struct memory_hit *ranked,
                   size_t ranked_count)
{
    for (size_t rank = 0; rank < ranked_count; rank++) {
        double share = 1.0 / (double)(RANK_CONSTANT + rank + 1);
        size_t at = 0;
        while (at < count && all[at].memory != ranked[rank].memory)
            at++;
        if (at == count)
            all[count++] = (struct memory_hit){ranked[rank].memory, ranked[rank].passage, 0};
        all[at].score += share;
        if (!all[at].passage)
            all[at].passage = ranked[rank].passage;
    }
    return count;
}

int memories_search(struct store *store, const char *query, const struct memory_filter *filter,
                    struct memory_hit *hits, size_t limit, struct error *error)
{
    struct memory_hit near[CANDIDATES], matching[CANDIDATES], all[2 * CANDIDATES];
    size_t some = limit * CANDIDATES_OF < CANDIDATES ? limit * CANDIDATES_OF : CANDIDATES;
    int nearest = memories_nearest(store, query, filter, true, near, some, error);
    int matched = nearest < 0 ? -1 : memories_matching(store, query, filter, matching, some, error);
    if (matched < 0)
        return -1;
    size_t count = fuse(all, 0, near, (size_t)nearest);
    count = fuse(all, count, matching, (size_t)matched);
    qsort(all, count, sizeof *all, better_first);
    count = count < limit ? count : limit;
    memcpy(hits, all, count * sizeof *all);
    return (int)count;
}
