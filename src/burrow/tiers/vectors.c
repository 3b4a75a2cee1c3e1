/* See vectors.h. Vectors and features of each text are rows of the records; an index in memory is
 * made of them at start. It is exact as long as a scan of all is quick; beyond that a graph (HNSW)
 * is made beside it, a few vectors with each call, and takes its place when it has them all, so
 * that nothing ever waits for it. What a transaction puts or removes waits in `pending` until it
 * commits. A vector that goes leaves a hole in its index, which is made anew when half of it is
 * holes. */
#include "burrow/tiers/vectors.h"

#include "base/log.h"
#include "burrow/tiers/embedding.h"
#include "burrow/tiers/text_vectors.h"
#include "faiss/faiss_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HNSW_LINKS        32
#define HNSW_CONSTRUCTION 100
#define HNSW_SEARCH       192
#define PENDING_LIMIT     65536 /* changes of one transaction */
#define SLACK             8 /* more is asked of an index than wanted, since holes are found too */
#define SEARCH_LIMIT      1024
#define LEAST_REBUILD     256
#define VECTOR_LIMIT      EMBEDDER_DIMENSION_LIMIT
#define SCAN_LIMIT        32768 /* vectors that are searched one by one, if nothing else is said */

struct space {
    unsigned dimension;
    struct faiss_index *index; /* what is searched */
    struct faiss_index *graph; /* being made, to replace it; NULL: none */
    size_t graph_count;        /* vectors in it */
    bool is_graph;             /* index was made so */
    int64_t *labels;           /* by place in the index; -1: a hole */
    size_t count, room, holes;
    int64_t *slots; /* places by id: a hash table of 1-based places, 0: free, -1: was removed */
    size_t slot_count, slots_used;
    bool behind; /* it could not follow a commit: made anew before it is used */
};

struct pending {
    enum vector_space space;
    bool removed;
    int64_t id;
    uint32_t feature_count; /* of what is put, for the counts */
    uint16_t *keys;
    float *vector; /* of what is put */
};

struct vectors {
    struct records *records;
    unsigned dimension;
    struct embedder *embedder;  /* NULL: embeddings are lexical */
    struct text_vectors *texts; /* with an embedder */
    struct space spaces[VECTORS_SPACES];
    struct embedding_counts counts;
    struct pending *pending;
    size_t pending_count, pending_room;
    size_t scan_limit;
};

static const char *const migrations[] = {
    "CREATE TABLE vectors(space INTEGER NOT NULL, id INTEGER NOT NULL, vector BLOB NOT NULL,"
    " features BLOB NOT NULL, PRIMARY KEY(space, id)) WITHOUT ROWID",
    "CREATE INDEX vectors_ids ON vectors(space, id)", /* to count them without reading them */
    "CREATE TABLE vector_source(model TEXT NOT NULL, dimension INTEGER NOT NULL)", /* one row */
    NULL};

static const struct faiss_shape scan_shape = {.type = FAISS_SCAN};
static const struct faiss_shape graph_shape = {.type = FAISS_HNSW,
                                               .links = HNSW_LINKS,
                                               .construction_width = HNSW_CONSTRUCTION,
                                               .search_width = HNSW_SEARCH};

static struct faiss_index *make_index(struct faiss_shape shape, unsigned dimension,
                                      struct faiss_problem *problem)
{
    shape.dimension = dimension;
    return faiss_index_make(&shape, 0, NULL, problem);
}

static double cosine(const float *one, const float *other, unsigned dimension)
{
    double sum = 0;
    for (unsigned i = 0; i < dimension; i++)
        sum += (double)one[i] * (double)other[i];
    return sum;
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- places by id --------------------------------------------------------------------------- */

static size_t slot_of(const struct space *space, int64_t id)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (space->slot_count - 1);
}

static int64_t *find_slot(const struct space *space, int64_t id)
{
    if (space->slot_count == 0)
        return NULL;
    for (size_t at = slot_of(space, id);; at = (at + 1) & (space->slot_count - 1)) {
        int64_t *slot = &space->slots[at];
        if (*slot == 0)
            return NULL;
        if (*slot > 0 && space->labels[*slot - 1] == id)
            return slot;
    }
}

static void insert_slot(struct space *space, int64_t id, int64_t place)
{
    size_t at = slot_of(space, id);
    while (space->slots[at] > 0)
        at = (at + 1) & (space->slot_count - 1);
    space->slots_used += space->slots[at] == 0;
    space->slots[at] = place;
}

static int grow_slots(struct space *space)
{
    if (space->slot_count && space->slots_used * 2 < space->slot_count)
        return 0;
    size_t count = 64;
    while (count < (space->count + 1) * 4)
        count *= 2;
    int64_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return -1;
    free(space->slots);
    space->slots = slots;
    space->slot_count = count;
    space->slots_used = 0;
    for (size_t i = 0; i < space->count; i++)
        if (space->labels[i] >= 0)
            insert_slot(space, space->labels[i], (int64_t)i + 1);
    return 0;
}

/* ---- one index ------------------------------------------------------------------------------ */

static void space_clear(struct space *space)
{
    faiss_index_close(space->index);
    faiss_index_close(space->graph);
    free(space->labels);
    free(space->slots);
    *space = (struct space){.dimension = space->dimension};
}

static bool space_remove(struct space *space, int64_t id)
{
    int64_t *slot = find_slot(space, id);
    if (!slot)
        return false;
    space->labels[*slot - 1] = -1;
    *slot = -1;
    space->holes++;
    return true;
}

/* Some steps of the graph's making. Where a step fails the scan goes on being searched. */
static void space_advance(struct space *space, size_t limit, size_t steps)
{
    float vector[VECTOR_LIMIT];
    struct faiss_problem problem;
    int64_t place;
    if (space->is_graph || space->count <= limit)
        return;
    if (!space->graph && !(space->graph = make_index(graph_shape, space->dimension, &problem)))
        return;
    for (; steps > 0 && space->graph_count < space->count; steps--, space->graph_count++)
        if (faiss_index_reconstruct(space->index, (int64_t)space->graph_count, vector, &problem) <
                0 ||
            faiss_index_add(space->graph, vector, &place, &problem) < 0)
            return;
    if (space->graph_count < space->count)
        return;
    faiss_index_close(space->index);
    space->index = space->graph;
    space->graph = NULL;
    space->is_graph = true;
}

static int space_add(struct space *space, int64_t id, const float *vector, struct error *error)
{
    struct faiss_problem problem;
    int64_t place;
    if (!space->index && !(space->index = make_index(scan_shape, space->dimension, &problem)))
        return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
    if (space->count == space->room) {
        size_t room = space->room ? space->room * 2 : 64;
        int64_t *labels = realloc(space->labels, room * sizeof *labels);
        if (!labels)
            return out_of_memory(error);
        space->labels = labels;
        space->room = room;
    }
    space_remove(space, id);
    if (grow_slots(space) < 0)
        return out_of_memory(error);
    if (faiss_index_add(space->index, vector, &place, &problem) < 0)
        return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
    space->labels[space->count++] = id;
    insert_slot(space, id, (int64_t)space->count);
    return 0;
}

/* From the records: at start, and when holes have taken over. */
static int space_load(struct vectors *vectors, enum vector_space which, bool count,
                      struct error *error)
{
    struct space *space = &vectors->spaces[which];
    struct error problem = {0};
    int failed = 0;
    space_clear(space);
    sqlite3_stmt *row = records_query(vectors->records, &problem,
                                      "SELECT id, vector, features FROM vectors WHERE space = ?1",
                                      "i", (int64_t)which);
    while (failed == 0 && row && records_next(row, &problem)) {
        if ((size_t)sqlite3_column_bytes(row, 1) != vectors->dimension * sizeof(float))
            continue; /* of another dimension: what it is of is found by its words only */
        float vector[VECTOR_LIMIT];
        memcpy(vector, sqlite3_column_blob(row, 1), vectors->dimension * sizeof(float));
        failed = space_add(space, sqlite3_column_int64(row, 0), vector, &problem);
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

/* Made anew from the records, where it fell behind or holes have taken over. One that cannot be
 * made is tried again when it is used. */
static int space_renew(struct vectors *vectors, enum vector_space which, struct error *error)
{
    int failed = space_load(vectors, which, false, error);
    vectors->spaces[which].behind = failed < 0;
    return failed;
}

/* Vectors of different models, or lengths, cannot be compared: what made those that are kept must
 * make the new ones. Writes down what does, while none is kept. */
static int check_source(struct vectors *vectors, const char *model, struct error *error)
{
    int64_t kept = 0, dimension = EMBEDDING_DIMENSION;
    char before[256] = "";
    sqlite3_stmt *row =
        records_query(vectors->records, error, "SELECT model, dimension FROM vector_source", "");
    if (row && records_next(row, error)) {
        snprintf(before, sizeof before, "%s", records_text(row, 0));
        dimension = sqlite3_column_int64(row, 1);
        records_done(row);
    }
    if (!row || records_integer(vectors->records, error, 0, &kept,
                                "SELECT EXISTS(SELECT 1 FROM vectors)", "") < 0)
        return -1;
    if (vectors->dimension == 0 && strcmp(before, model) == 0)
        vectors->dimension = (unsigned)dimension; /* the server is away, and was here before */
    if (vectors->dimension == 0)
        return -1; /* why is in the error */
    if (kept && (strcmp(before, model) != 0 || dimension != vectors->dimension))
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
    for (unsigned i = 0; failed == 0 && i < VECTORS_SPACES; i++) {
        vectors->spaces[i].dimension = vectors->dimension;
        failed = space_load(vectors, i, true, error);
    }
    if (failed == 0)
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
        space_clear(&vectors->spaces[i]);
    free(vectors);
}

/* ---- changes -------------------------------------------------------------------------------- */

static struct pending *add_pending(struct vectors *vectors, struct error *error)
{
    if (vectors->pending_count == PENDING_LIMIT) {
        error_set(error, ERROR_USAGE, "more than %d vectors in one call; split it", PENDING_LIMIT);
        return NULL;
    }
    if (vectors->pending_count == vectors->pending_room) {
        size_t room = vectors->pending_room ? vectors->pending_room * 2 : 8;
        struct pending *pending = realloc(vectors->pending, room * sizeof *pending);
        if (!pending) {
            out_of_memory(error);
            return NULL;
        }
        vectors->pending = pending;
        vectors->pending_room = room;
    }
    struct pending *added = &vectors->pending[vectors->pending_count++];
    added->keys = NULL;
    added->vector = NULL;
    added->feature_count = 0;
    return added;
}

/* ---- texts to vectors ----------------------------------------------------------------------- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* False: the vector is not here yet; it is wanted, and all zero until then. */
static bool embed(const struct vectors *vectors, const char *text, float *vector)
{
    memset(vector, 0, vectors->dimension * sizeof *vector);
    if (vectors->embedder) {
        const float *found = is_blank(text) ? NULL : text_vectors_find(vectors->texts, text);
        if (found)
            memcpy(vector, found, vectors->dimension * sizeof *vector);
        return found || is_blank(text);
    }
    struct embedding_features features;
    embedding_scan(text, &features);
    embedding_make(&features, &vectors->counts, vector);
    return true;
}

bool vectors_want(const struct vectors *vectors)
{
    return vectors->texts && text_vectors_wanted(vectors->texts) > 0;
}

struct vectors_wanted {
    struct embedder *embedder;
    unsigned dimension;
    char **texts;
    size_t count;
    bool too_many;
    float *found;
};

struct vectors_wanted *vectors_wanted_take(struct vectors *vectors)
{
    struct vectors_wanted *wanted = calloc(1, sizeof *wanted);
    if (!wanted)
        return NULL;
    wanted->embedder = vectors->embedder;
    wanted->dimension = vectors->dimension;
    wanted->too_many = text_vectors_too_many(vectors->texts);
    wanted->texts = text_vectors_take(vectors->texts, &wanted->count);
    return wanted;
}

int vectors_wanted_fetch(struct vectors_wanted *wanted, struct error *error)
{
    if (wanted->too_many)
        return error_set(error, ERROR_USAGE, "more than %d texts to embed in one call; split it",
                         TEXT_VECTORS_WANTED);
    wanted->found = malloc((wanted->count * wanted->dimension + 1) * sizeof *wanted->found);
    if (!wanted->found || !wanted->texts)
        return out_of_memory(error);
    return embedder_fetch(wanted->embedder, (const char *const *)wanted->texts, wanted->count,
                          wanted->dimension, wanted->found, error);
}

void vectors_wanted_keep(struct vectors *vectors, const struct vectors_wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        text_vectors_keep(vectors->texts, wanted->texts[i], wanted->found + i * wanted->dimension);
}

void vectors_wanted_free(struct vectors_wanted *wanted)
{
    if (!wanted)
        return;
    for (size_t i = 0; i < wanted->count; i++)
        free(wanted->texts[i]);
    free(wanted->texts);
    free(wanted->found);
    free(wanted);
}

/* ---- putting and removing ------------------------------------------------------------------- */

/* The features of a text, for the counts; none with an embedder. */
static int take_features(const struct vectors *vectors, struct pending *pending, const char *text)
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
        embed(vectors, text, pending->vector);
    return 0;
}

int vectors_put(struct vectors *vectors, enum vector_space space, int64_t id, const char *text,
                struct error *error)
{
    if (vectors_remove(vectors, space, id, error) < 0)
        return -1;
    struct pending *pending = add_pending(vectors, error);
    if (!pending)
        return -1;
    pending->space = space;
    pending->id = id;
    pending->removed = false;
    if (take_features(vectors, pending, text) < 0)
        return out_of_memory(error);
    return records_run(vectors->records, error,
                       "INSERT INTO vectors(space, id, vector, features) VALUES(?1, ?2, ?3, ?4)",
                       "iibb", (int64_t)space, id, (const void *)pending->vector,
                       vectors->dimension * sizeof *pending->vector, (const void *)pending->keys,
                       pending->feature_count * sizeof *pending->keys) < 0
               ? -1
               : 0;
}

int vectors_remove(struct vectors *vectors, enum vector_space space, int64_t id,
                   struct error *error)
{
    sqlite3_stmt *row =
        records_query(vectors->records, error,
                      "DELETE FROM vectors WHERE space = ?1 AND id = ?2 RETURNING features", "ii",
                      (int64_t)space, id);
    if (!row)
        return -1;
    struct error problem = {0};
    int failed = 0;
    while (failed == 0 && records_next(row, &problem)) {
        struct pending *pending = add_pending(vectors, &problem);
        size_t size = (size_t)sqlite3_column_bytes(row, 0);
        if (!pending || !(pending->keys = malloc(size + 1))) {
            records_done(row);
            failed = out_of_memory(&problem);
            break;
        }
        memcpy(pending->keys, sqlite3_column_blob(row, 0), size);
        pending->feature_count = (uint32_t)(size / sizeof(uint16_t));
        pending->space = space;
        pending->id = id;
        pending->removed = true;
    }
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

static void apply(struct vectors *vectors, const struct pending *pending)
{
    struct space *space = &vectors->spaces[pending->space];
    embedding_count(&vectors->counts, pending->keys, pending->feature_count,
                    pending->removed ? -1 : 1);
    if (pending->removed)
        space_remove(space, pending->id);
    else {
        space->behind |= space_add(space, pending->id, pending->vector, NULL) < 0;
        space_advance(space, vectors->scan_limit,
                      2); /* it has to become complete while more is added */
    }
}

void vectors_committed(struct vectors *vectors)
{
    for (size_t i = 0; i < vectors->pending_count; i++)
        apply(vectors, &vectors->pending[i]);
    vectors_rolled_back(vectors);
    for (unsigned i = 0; i < VECTORS_SPACES; i++) {
        const struct space *space = &vectors->spaces[i];
        if (space->behind || (space->holes > LEAST_REBUILD && space->holes * 2 > space->count))
            space_renew(vectors, i, NULL);
    }
}

void vectors_fall_behind(struct vectors *vectors, enum vector_space space)
{
    space_clear(&vectors->spaces[space]);
    vectors->spaces[space].behind = true;
}

void vectors_rolled_back(struct vectors *vectors)
{
    for (size_t i = 0; i < vectors->pending_count; i++) {
        free(vectors->pending[i].keys);
        free(vectors->pending[i].vector);
    }
    vectors->pending_count = 0;
}

void vectors_scan_at_most(struct vectors *vectors, size_t count)
{
    vectors->scan_limit = count;
}

/* ---- searching ------------------------------------------------------------------------------ */

static bool is_pending(const struct vectors *vectors, enum vector_space space, int64_t id)
{
    for (size_t i = 0; i < vectors->pending_count; i++)
        if (vectors->pending[i].space == space && vectors->pending[i].id == id)
            return true;
    return false;
}

static int nearer_first(const void *one, const void *other)
{
    const struct vector_hit *a = one, *b = other;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Among the best so far, in their order; the worst goes when there is no room. */
static size_t keep_best(struct vector_hit *hits, size_t count, size_t room, struct vector_hit hit)
{
    if (count == room && (room == 0 || nearer_first(&hit, &hits[count - 1]) >= 0))
        return count;
    size_t at = count < room ? count++ : count - 1;
    for (; at > 0 && nearer_first(&hit, &hits[at - 1]) < 0; at--)
        hits[at] = hits[at - 1];
    hits[at] = hit;
    return count;
}

/* Where the same id was put several times in the transaction, the last one counts. */
static size_t search_pending(const struct vectors *vectors, enum vector_space space,
                             const float *query, struct vector_hit *hits, size_t room)
{
    size_t count = 0;
    for (size_t i = vectors->pending_count; i-- > 0;) {
        const struct pending *pending = &vectors->pending[i];
        bool later = false;
        if (pending->space != space || pending->removed)
            continue;
        for (size_t k = i + 1; k < vectors->pending_count && !later; k++)
            later = vectors->pending[k].space == space && vectors->pending[k].id == pending->id;
        if (!later)
            count = keep_best(hits, count, room,
                              (struct vector_hit){
                                  pending->id, cosine(query, pending->vector, vectors->dimension)});
    }
    return count;
}

/* All that are kept, one by one: for a query whose whole neighbourhood was removed. */
static int search_kept(const struct vectors *vectors, enum vector_space which, const float *query,
                       unsigned wanted, struct vector_hit *hits, struct error *error)
{
    const struct space *space = &vectors->spaces[which];
    float vector[VECTOR_LIMIT];
    struct faiss_problem problem;
    size_t count = 0;
    for (size_t place = 0; place < space->count; place++) {
        int64_t id = space->labels[place];
        if (id < 0 || is_pending(vectors, which, id))
            continue;
        if (faiss_index_reconstruct(space->index, (int64_t)place, vector, &problem) < 0)
            return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
        count = keep_best(hits, count, wanted,
                          (struct vector_hit){id, cosine(query, vector, vectors->dimension)});
    }
    return (int)count;
}

static int search_index(const struct vectors *vectors, enum vector_space which, const float *query,
                        unsigned wanted, struct vector_hit *hits, struct error *error)
{
    const struct space *space = &vectors->spaces[which];
    float distances[SEARCH_LIMIT];
    int64_t places[SEARCH_LIMIT];
    struct faiss_problem problem;
    int found = 0;
    if (!space->index || space->count == space->holes)
        return 0;
    unsigned ask = wanted + SLACK;
    for (;;) {
        ask = ask < SEARCH_LIMIT ? ask : SEARCH_LIMIT;
        if (faiss_index_search(space->index, 1, query, ask, distances, places, &problem) < 0)
            return error_set(error, ERROR_TARGET, "vectors: %s", problem.text);
        found = 0;
        for (unsigned i = 0; i < ask && found < (int)wanted; i++) {
            int64_t id = places[i] < 0 ? -1 : space->labels[places[i]];
            if (id >= 0 && !is_pending(vectors, which, id))
                /* of vectors of length 1, the squared distance is 2 - 2 cos */
                hits[found++] = (struct vector_hit){id, 1 - (double)distances[i] / 2};
        }
        if (found == (int)wanted || ask >= space->count)
            return found;
        if (ask == SEARCH_LIMIT)
            return search_kept(vectors, which, query, wanted, hits, error);
        ask *= 4; /* holes took their places */
    }
}

int vectors_search(struct vectors *vectors, enum vector_space space, const char *text,
                   unsigned limit, struct vector_hit *hits, struct error *error)
{
    struct vector_hit all[SEARCH_LIMIT];
    float query[VECTOR_LIMIT];
    unsigned wanted = limit < SEARCH_LIMIT / 2 ? limit : SEARCH_LIMIT / 2;
    if (vectors->spaces[space].behind && space_renew(vectors, space, error) < 0)
        return -1;
    embed(vectors, text, query);
    if (cosine(query, query, vectors->dimension) == 0)
        return 0; /* no letter in it: it is like nothing */
    space_advance(&vectors->spaces[space], vectors->scan_limit, 1);
    int found = search_index(vectors, space, query, wanted, all, error);
    if (found < 0)
        return -1;
    size_t count = (size_t)found +
                   search_pending(vectors, space, query, all + found, SEARCH_LIMIT - (size_t)found);
    qsort(all, count, sizeof *all, nearer_first);
    if (count > wanted)
        count = wanted;
    memcpy(hits, all, count * sizeof *all);
    return (int)count;
}

double vectors_similarity(const struct vectors *vectors, const char *one, const char *other)
{
    float a[VECTOR_LIMIT], b[VECTOR_LIMIT];
    embed(vectors, one, a);
    embed(vectors, other, b);
    return cosine(a, b, vectors->dimension);
}

/* The vector that a search would compare with: what this transaction put comes first. */
static bool vector_of(const struct vectors *vectors, enum vector_space which, int64_t id,
                      float *vector)
{
    const struct space *space = &vectors->spaces[which];
    struct faiss_problem problem;
    for (size_t i = vectors->pending_count; i-- > 0;) {
        const struct pending *pending = &vectors->pending[i];
        if (pending->space != which || pending->id != id)
            continue;
        if (!pending->removed)
            memcpy(vector, pending->vector, vectors->dimension * sizeof *vector);
        return !pending->removed;
    }
    const int64_t *slot = find_slot(space, id);
    return slot && faiss_index_reconstruct(space->index, *slot - 1, vector, &problem) == 0;
}

void vectors_score(const struct vectors *vectors, enum vector_space space, const char *text,
                   const int64_t *ids, size_t count, double *scores)
{
    float query[VECTOR_LIMIT], vector[VECTOR_LIMIT];
    embed(vectors, text, query);
    for (size_t i = 0; i < count; i++)
        scores[i] = vector_of(vectors, space, ids[i], vector)
                        ? cosine(query, vector, vectors->dimension)
                        : 0;
}

double vectors_between(const struct vectors *vectors, enum vector_space space, int64_t one,
                       int64_t other)
{
    float a[VECTOR_LIMIT], b[VECTOR_LIMIT];
    if (!vector_of(vectors, space, one, a) || !vector_of(vectors, space, other, b))
        return 0;
    return cosine(a, b, vectors->dimension);
}

/* ---- facts ---------------------------------------------------------------------------------- */

void vectors_facts(const struct vectors *vectors, enum vector_space space,
                   struct vector_facts *facts)
{
    const size_t graph_bytes = HNSW_LINKS * 2 * sizeof(int32_t),
                 scan_bytes = vectors->dimension + 3 * sizeof(float);
    const struct space *at = &vectors->spaces[space];
    *facts =
        (struct vector_facts){.count = (int64_t)(at->count - at->holes),
                              .dimension = vectors->dimension,
                              .index_type = at->is_graph ? "hnsw" : "flat",
                              .bytes = at->count * (vectors->dimension * sizeof(float) +
                                                    (at->is_graph ? graph_bytes : scan_bytes))};
}

int vectors_reachable(const struct vectors *vectors, struct error *error)
{
    struct embedder_facts facts;
    if (!vectors->embedder)
        return 0;
    embedder_facts(vectors->embedder, &facts);
    return facts.reachable
               ? 0
               : error_set(error, ERROR_TARGET, "vectors: no embeddings: %s", facts.last_error);
}

/* Halfway between the vector at `place` and one that is far from it in the order of keeping. */
static int query_between(const struct space *space, size_t place, float *query)
{
    float other[VECTOR_LIMIT], length = 0;
    struct faiss_problem problem;
    size_t far = (place + space->count / 2 + 1) % space->count;
    if (faiss_index_reconstruct(space->index, (int64_t)place, query, &problem) < 0 ||
        faiss_index_reconstruct(space->index, (int64_t)far, other, &problem) < 0)
        return -1;
    for (size_t i = 0; i < space->dimension; i++) {
        query[i] += other[i];
        length += query[i] * query[i];
    }
    for (size_t i = 0; i < space->dimension && length > 0; i++)
        query[i] /= sqrtf(length);
    return 0;
}

double vectors_recall(struct vectors *vectors, enum vector_space which, unsigned samples,
                      unsigned k)
{
    const struct space *space = &vectors->spaces[which];
    enum { MOST_SAMPLES = 64, MOST_K = 64 };
    float queries[MOST_SAMPLES][EMBEDDING_DIMENSION], distances[MOST_K];
    int64_t ids[MOST_SAMPLES][MOST_K];
    struct faiss_sample all[MOST_SAMPLES];
    struct faiss_problem problem;
    size_t wanted = 0, correct = 0, count = 0;
    if (!space->index || space->count < 2)
        return -1;
    k = k < MOST_K ? k : MOST_K;
    samples = samples < MOST_SAMPLES ? samples : MOST_SAMPLES;
    for (; count < samples && count < space->count; count++) {
        if (query_between(space, count * space->count / samples, queries[count]) < 0 ||
            faiss_index_search(space->index, 1, queries[count], k, distances, ids[count],
                               &problem) < 0)
            return -1;
        all[count] = (struct faiss_sample){
            .query = queries[count], .ids = ids[count], .k = k, .before = (int64_t)space->count};
    }
    if (faiss_index_check(space->index, all, count, &problem) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        wanted += all[i].wanted;
        correct += all[i].correct;
    }
    return wanted ? (double)correct / (double)wanted : -1;
}
