/* See vectors.h. Vectors and features of each text are rows of the records; an index in memory is
 * made of them at start. What a transaction puts or removes waits in `pending` until it commits. An
 * index is made anew when half of it is holes. */
#include "burrow/tiers/vectors_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_LIMIT 65536 /* changes of one transaction */
#define LEAST_REBUILD 256
#define SCAN_LIMIT    32768 /* vectors that are searched one by one, if nothing else is said */

#define MAKE_KEPT(table, space)                                                                    \
    "CREATE TABLE " table                                                                          \
    "(id INTEGER PRIMARY KEY, vector BLOB NOT NULL, features BLOB NOT NULL);"                      \
    "INSERT INTO " table " SELECT id, vector, features FROM vectors WHERE space = " space          \
    " ORDER BY id;"

#define STATEMENTS(table)                                                                          \
    {                                                                                              \
        "SELECT id, vector, features FROM " table,                                                 \
            "INSERT INTO " table                                                                   \
            "(id, vector, features) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",                    \
            "SELECT features FROM " table " WHERE id = ?1", "DELETE FROM " table " WHERE id = ?1", \
            "SELECT EXISTS(SELECT 1 FROM " table ")"                                               \
    }

static const char *const migrations[] = {
    "CREATE TABLE vectors(space INTEGER NOT NULL, id INTEGER NOT NULL, vector BLOB NOT NULL,"
    " features BLOB NOT NULL, PRIMARY KEY(space, id)) WITHOUT ROWID",
    "CREATE INDEX vectors_ids ON vectors(space, id)", /* to count them without reading them */
    "CREATE TABLE vector_source(model TEXT NOT NULL, dimension INTEGER NOT NULL)", /* one row */
    /* A row of one of these fits into a page, and a new one goes behind the last: a vector dirties
     * one page, where it was four. */
    MAKE_KEPT("memory_vectors", "0") MAKE_KEPT("code_vectors", "1") MAKE_KEPT("chat_vectors", "2")
        MAKE_KEPT("diagram_vectors", "3") MAKE_KEPT("task_vectors", "4") "DROP TABLE vectors",
    NULL};

/* What is asked of the table of a space. */
static const struct {
    const char *load, *insert, *features, *remove, *any;
} kept[VECTORS_SPACES] = {[VECTORS_MEMORIES] = STATEMENTS("memory_vectors"),
                          [VECTORS_CODE] = STATEMENTS("code_vectors"),
                          [VECTORS_CHATS] = STATEMENTS("chat_vectors"),
                          [VECTORS_DIAGRAMS] = STATEMENTS("diagram_vectors"),
                          [VECTORS_TASKS] = STATEMENTS("task_vectors")};

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- opening -------------------------------------------------------------------------------- */

/* From the records: at start, and when holes have taken over. */
static int space_load(struct vectors *vectors, enum vector_space which, bool count,
                      struct error *error)
{
    struct vector_places *space = &vectors->spaces[which];
    struct error problem = {0};
    int failed = 0;
    vector_places_clear(space);
    sqlite3_stmt *row = records_query(vectors->records, &problem, kept[which].load, "");
    while (failed == 0 && row && records_next(row, &problem)) {
        vectors->kept[which] += count;
        if ((size_t)sqlite3_column_bytes(row, 1) != vectors->dimension * sizeof(float))
            continue; /* of another dimension: what it is of is found by its words only */
        float vector[VECTOR_LIMIT];
        memcpy(vector, sqlite3_column_blob(row, 1), vectors->dimension * sizeof(float));
        failed = vector_places_add(space, sqlite3_column_int64(row, 0), vector, &problem);
        if (count)
            embedding_count(&vectors->counts, sqlite3_column_blob(row, 2),
                            (size_t)sqlite3_column_bytes(row, 2) / sizeof(uint16_t), 1);
        if (failed < 0)
            records_done(row);
    }
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

int vectors_renew(struct vectors *vectors, enum vector_space which, struct error *error)
{
    int failed = space_load(vectors, which, false, error);
    vectors->spaces[which].behind = failed < 0;
    return failed;
}

int vectors_reload(struct vectors *vectors, struct error *error)
{
    int failed = 0;
    vectors->counts = (struct embedding_counts){0};
    for (unsigned i = 0; i < VECTORS_SPACES; i++) {
        vectors->kept[i] = 0;
        bool behind = space_load(vectors, i, true, error) < 0;
        vectors->spaces[i].behind = behind;
        failed |= behind;
    }
    return failed ? -1 : 0;
}

static int any_is_kept(struct vectors *vectors, int64_t *any, struct error *error)
{
    *any = 0;
    for (unsigned i = 0; *any == 0 && i < VECTORS_SPACES; i++)
        if (records_integer(vectors->records, error, 0, any, kept[i].any, "") < 0)
            return -1;
    return 0;
}

/* Vectors of different models, or lengths, cannot be compared: what made those that are kept must
 * make the new ones. Writes down what does, while none is kept. */
static int check_source(struct vectors *vectors, const char *model, struct error *error)
{
    int64_t any = 0, dimension = EMBEDDING_DIMENSION;
    char before[256] = "";
    sqlite3_stmt *row =
        records_query(vectors->records, error, "SELECT model, dimension FROM vector_source", "");
    if (row && records_next(row, error)) {
        snprintf(before, sizeof before, "%s", records_text(row, 0));
        dimension = sqlite3_column_int64(row, 1);
        records_done(row);
    }
    if (!row || any_is_kept(vectors, &any, error) < 0)
        return -1;
    if (vectors->dimension == 0 && strcmp(before, model) == 0)
        vectors->dimension = (unsigned)dimension; /* the server is away, and was here before */
    if (vectors->dimension == 0)
        return -1; /* why is in the error */
    if (any && (strcmp(before, model) != 0 || dimension != vectors->dimension))
        return error_set(
            error, ERROR_USAGE,
            "the vectors in this data folder are of %s%.100s (%lld numbers), not of %s%.100s (%u): "
            "go on with that one, or take another --data folder",
            *before ? "--model " : "burrow's own lexical embeddings", before, (long long)dimension,
            *model ? "--model " : "burrow's own lexical embeddings", model, vectors->dimension);
    return records_run(vectors->records, error, "DELETE FROM vector_source", "") < 0 ||
                   records_run(vectors->records, error, "INSERT INTO vector_source VALUES(?1, ?2)",
                               "si", model, (int64_t)vectors->dimension) < 0
               ? -1
               : 0;
}

static int open_source(struct vectors *vectors, struct embedder *embedder, struct error *error)
{
    if (!embedder) {
        vectors->dimension = EMBEDDING_DIMENSION;
        return check_source(vectors, "", error);
    }
    int dimension = embedder_probe(embedder, error);
    vectors->dimension = dimension > 0 ? (unsigned)dimension : 0;
    if (dimension <= 0 && error)
        log_warn("%s", error->text);
    if (check_source(vectors, embedder_model(embedder), error) < 0)
        return -1;
    vectors->texts = text_vectors_open(vectors->dimension);
    return vectors->texts ? 0 : out_of_memory(error);
}

struct vectors *vectors_open_over(struct records *records, struct embedder *embedder,
                                  struct error *error)
{
    struct vectors *vectors = calloc(1, sizeof *vectors);
    if (!vectors) {
        out_of_memory(error);
        return NULL;
    }
    vectors->scan_limit = SCAN_LIMIT;
    vectors->records = records;
    vectors->embedder = embedder;
    int failed = records_migrate(records, "vectors", migrations, error) < 0 ||
                         open_source(vectors, embedder, error) < 0
                     ? -1
                     : 0;
    for (unsigned i = 0; i < VECTORS_SPACES; i++)
        vectors->spaces[i].dimension = vectors->dimension;
    if (failed == 0 && vectors_reload(vectors, error) == 0)
        return vectors;
    vectors_close(vectors);
    return NULL;
}

struct vectors *vectors_open(struct records *records, struct error *error)
{
    return vectors_open_over(records, NULL, error);
}

void vectors_close(struct vectors *vectors)
{
    if (!vectors)
        return;
    vectors_rolled_back(vectors);
    text_vectors_close(vectors->texts);
    free(vectors->pending);
    for (unsigned i = 0; i < VECTORS_SPACES; i++)
        vector_places_clear(&vectors->spaces[i]);
    free(vectors);
}

/* ---- changes -------------------------------------------------------------------------------- */

/* What is added is the list's to free. */
static int add_pending(struct vectors *vectors, struct vectors_pending added, struct error *error)
{
    if (vectors->pending_count == PENDING_LIMIT)
        return error_set(error, ERROR_USAGE, "more than %d vectors in one call; split it",
                         PENDING_LIMIT);
    if (vectors->pending_count == vectors->pending_room) {
        size_t room = vectors->pending_room ? vectors->pending_room * 2 : 8;
        struct vectors_pending *pending = realloc(vectors->pending, room * sizeof *pending);
        if (!pending)
            return out_of_memory(error);
        vectors->pending = pending;
        vectors->pending_room = room;
    }
    vectors->pending[vectors->pending_count++] = added;
    return 0;
}

static void free_pending(struct vectors_pending *pending)
{
    free(pending->keys);
    free(pending->vector);
}

/* ---- putting and removing ------------------------------------------------------------------- */

/* The features of a text, for the counts; none with an embedder. */
static int take_features(const struct vectors *vectors, struct vectors_pending *pending,
                         const char *text)
{
    struct embedding_features features = {.count = 0};
    if (!vectors->embedder)
        embedding_scan(text, &features);
    size_t size = features.count * sizeof *features.keys;
    pending->keys = malloc(size + 1);
    pending->vector = malloc(vectors->dimension * sizeof *pending->vector);
    if (!pending->keys || !pending->vector)
        return -1;
    memcpy(pending->keys, features.keys, size);
    pending->feature_count = features.count;
    if (!vectors->embedder)
        embedding_make(&features, &vectors->counts, pending->vector);
    else
        vectors_embed(vectors, text, pending->vector);
    return 0;
}

/* 1; 0: something is kept under this id already; -1 with an error. */
static int insert(struct vectors *vectors, const struct vectors_pending *put, struct error *error)
{
    return (int)records_run(vectors->records, error, kept[put->space].insert, "ibb", put->id,
                            (const void *)put->vector, vectors->dimension * sizeof *put->vector,
                            (const void *)put->keys, put->feature_count * sizeof *put->keys);
}

int vectors_put(struct vectors *vectors, enum vector_space space, int64_t id, const char *text,
                struct error *error)
{
    struct vectors_pending put = {.space = space, .id = id};
    int done = take_features(vectors, &put, text) < 0 ? out_of_memory(error)
                                                      : insert(vectors, &put, error);
    if (done == 0) /* rarely: most are new */
        done = vectors_remove(vectors, space, id, error) < 0 ? -1 : insert(vectors, &put, error);
    if (done == 1 && add_pending(vectors, put, error) == 0)
        return 0;
    free_pending(&put);
    return -1;
}

/* 1; 0: nothing is kept under this id; -1 with an error. */
static int kept_features(struct vectors *vectors, struct vectors_pending *of, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row =
        records_query(vectors->records, &problem, kept[of->space].features, "i", of->id);
    int found = 0;
    if (row && records_next(row, &problem)) {
        size_t size = (size_t)sqlite3_column_bytes(row, 0);
        of->keys = malloc(size + 1);
        of->feature_count = (uint32_t)(size / sizeof *of->keys);
        if (of->keys && size)
            memcpy(of->keys, sqlite3_column_blob(row, 0), size);
        found = of->keys ? 1 : out_of_memory(&problem);
        records_done(row);
    }
    if (problem.code != ERROR_NONE && error)
        *error = problem;
    return problem.code == ERROR_NONE ? found : -1;
}

int vectors_remove(struct vectors *vectors, enum vector_space space, int64_t id,
                   struct error *error)
{
    struct vectors_pending removed = {.space = space, .id = id, .removed = true};
    int found = kept_features(vectors, &removed, error);
    if (found <= 0)
        return found;
    if (records_run(vectors->records, error, kept[space].remove, "i", id) >= 0 &&
        add_pending(vectors, removed, error) == 0)
        return 0;
    free_pending(&removed);
    return -1;
}

static void apply(struct vectors *vectors, const struct vectors_pending *pending)
{
    struct vector_places *space = &vectors->spaces[pending->space];
    embedding_count(&vectors->counts, pending->keys, pending->feature_count,
                    pending->removed ? -1 : 1);
    vectors->kept[pending->space] += pending->removed ? -1 : 1;
    if (pending->removed)
        vector_places_remove(space, pending->id);
    else {
        space->behind |= vector_places_add(space, pending->id, pending->vector, NULL) < 0;
        vector_places_advance(space, vectors->scan_limit,
                              2); /* it has to become complete while more is added */
    }
}

void vectors_committed(struct vectors *vectors)
{
    for (size_t i = 0; i < vectors->pending_count; i++)
        apply(vectors, &vectors->pending[i]);
    vectors_rolled_back(vectors);
    for (unsigned i = 0; i < VECTORS_SPACES; i++) {
        const struct vector_places *space = &vectors->spaces[i];
        if (space->behind || (space->holes > LEAST_REBUILD && space->holes * 2 > space->count))
            vectors_renew(vectors, i, NULL);
    }
}

void vectors_fall_behind(struct vectors *vectors, enum vector_space space)
{
    vector_places_clear(&vectors->spaces[space]);
    vectors->spaces[space].behind = true;
}

void vectors_rolled_back(struct vectors *vectors)
{
    for (size_t i = 0; i < vectors->pending_count; i++)
        free_pending(&vectors->pending[i]);
    vectors->pending_count = 0;
}

void vectors_scan_at_most(struct vectors *vectors, size_t count)
{
    vectors->scan_limit = count;
}
