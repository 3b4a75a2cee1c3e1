/* A FAISS target: an index file, or a generated index. */
#include "drivers/faiss_internal.h"

#include "base/interrupt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    DEFAULT_DIMENSION = 128,
    DEFAULT_VECTORS = 10000,
    DEFAULT_K = 10,
    DEFAULT_BATCH = 32,
    DEFAULT_PROBES = 8,
    DEFAULT_LINKS = 32,
    DEFAULT_WIDTH = 64,
    MOST_DIMENSION = 65536,
};
#define ADDED_BYTES  (UINT64_C(1) << 30) /* of vectors, unless max_added says otherwise */
#define VECTOR_BYTES (UINT64_C(16) << 30)
#define FILE_NOISE   0.1F /* of a query against the stored vector it is made from */

#define SETTING(member) offsetof(struct faiss_settings, member)
static const struct setting settings_table[] = {
    {"k", SETTING_COUNT, SETTING(k), 1, FAISS_MOST_K, NULL},
    {"batch", SETTING_COUNT, SETTING(batch), 1, FAISS_MOST_BATCH, NULL},
    {"threads", SETTING_COUNT, SETTING(threads), 1, 1024, NULL},
    {"max_added", SETTING_COUNT, SETTING(max_added), 0, UINT32_MAX, NULL},
    {"dimension", SETTING_COUNT, SETTING(dimension), 1, MOST_DIMENSION, NULL},
    {"vectors", SETTING_COUNT, SETTING(vectors), 1, 100 * 1000 * 1000, NULL},
    {"type", SETTING_CHOICE, SETTING(type), 0, 0, "flat ivf hnsw"},
    {"nlist", SETTING_COUNT, SETTING(lists), 1, 1 << 20, NULL},
    {"nprobe", SETTING_COUNT, SETTING(probes), 1, 1 << 20, NULL},
    {"M", SETTING_COUNT, SETTING(links), 2, 512, NULL},
    {"ef_construction", SETTING_COUNT, SETTING(construction_width), 1, 65536, NULL},
    {"ef", SETTING_COUNT, SETTING(search_width), 1, 65536, NULL},
    {"seed", SETTING_COUNT, SETTING(seed), 0, 0, NULL},
    {NULL, SETTING_COUNT, 0, 0, 0, NULL},
};

static int read_settings(struct target *target, struct error *error);
static int open_file(struct target *target, struct error *error);
static int generate(struct target *target, struct error *error);
static int make_queries(struct target *target, struct error *error);
static int describe(struct target *target, struct error *error);
static int add_offers(struct target *target, struct error *error);

int faiss_target_open(struct target *target, struct error *error)
{
    struct faiss_target *faiss = calloc(1, sizeof *faiss);
    target->driver_data = faiss;
    if (!faiss)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    pthread_rwlockattr_t kind;
    pthread_rwlockattr_init(&kind); /* adding must get its turn among many who search */
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&faiss->lock, &kind);
    pthread_rwlockattr_destroy(&kind);
    pthread_mutex_init(&faiss->samples_lock, NULL);
    buffer_init(&faiss->samples, SIZE_MAX / 2);
    target->calls_per_connection = 1;
    if (read_settings(target, error) < 0 ||
        (faiss->path ? open_file(target, error) : generate(target, error)) < 0 ||
        make_queries(target, error) < 0 || describe(target, error) < 0 ||
        add_offers(target, error) < 0) {
        faiss_target_close(target);
        return -1;
    }
    faiss->threads = blocking_pool_size(faiss->settings.threads);
    faiss->pool = blocking_pool_open(faiss->threads, error);
    if (faiss->pool)
        return 0;
    faiss_target_close(target);
    return -1;
}

void faiss_target_close(struct target *target)
{
    struct faiss_target *faiss = target->driver_data;
    if (faiss) {
        blocking_pool_close(faiss->pool);
        faiss_index_close(faiss->index);
        faiss_vectors_free(&faiss->vectors);
        settings_free(&faiss->settings, settings_table);
        buffer_free(&faiss->samples);
        pthread_rwlock_destroy(&faiss->lock);
        pthread_mutex_destroy(&faiss->samples_lock);
        free(faiss->queries);
        free(faiss->path);
        free(faiss);
    }
    target->driver_data = NULL;
    target_free_offers(target);
}

/* ---- opening, step by step ---------------------------------------------------------------------
 */

static const char *where_of(const struct target *target)
{
    return target->options->where ? target->options->where : "target";
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int read_settings(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    struct faiss_settings *settings = &faiss->settings;
    *settings = (struct faiss_settings){.k = DEFAULT_K,
                                        .batch = DEFAULT_BATCH,
                                        .max_added = UINT64_MAX,
                                        .seed = target->options->seed};
    if (settings_read(settings, settings_table, "faiss", target->options, error) < 0)
        return -1;
    faiss->path = setting_url_path(target->options, "faiss", error);
    if (!faiss->path)
        return -1;
    if (strcmp(faiss->path, "generated") == 0) {
        free(faiss->path);
        faiss->path = NULL;
        return 0;
    }
    if (settings->vectors || settings->type || settings->lists || settings->links ||
        settings->construction_width)
        return error_set(error, ERROR_USAGE,
                         "%s: vectors, type, nlist, M and ef_construction are of a generated "
                         "index; %s is what its file says",
                         where_of(target), faiss->path);
    return 0;
}

/* Search parameters that were asked for, set by the library's names. */
static int set_parameters(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    const struct faiss_settings *settings = &faiss->settings;
    const struct {
        const char *name, *library_name;
        uint64_t value;
    } parameters[] = {{"nprobe", "nprobe", settings->probes},
                      {"ef", "efSearch", settings->search_width}};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        struct faiss_problem problem;
        if (!parameters[i].value || faiss_index_set(faiss->index, parameters[i].library_name,
                                                    (double)parameters[i].value, &problem) == 0)
            continue;
        return error_set(error, ERROR_USAGE, "%s: %s: this index (%s) does not take it: %s",
                         where_of(target), parameters[i].name, faiss->facts.type, problem.text);
    }
    return 0;
}

static int open_file(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    struct faiss_facts *facts = &faiss->facts;
    struct faiss_problem problem;
    struct stat status;
    if (stat(faiss->path, &status) < 0)
        return error_set(error, ERROR_TARGET,
                         "%s: %s: %s; name an index file, or have one made: faiss:generated",
                         where_of(target), faiss->path, strerror(errno));
    faiss->index = faiss_index_read(faiss->path, &problem);
    if (!faiss->index)
        return error_set(error, ERROR_TARGET,
                         "%s: %s: is no index that FAISS can read, or not all of one: %s",
                         where_of(target), faiss->path, problem.text);
    faiss_index_facts(faiss->index, facts);
    if (!facts->trained || facts->count == 0)
        return error_set(error, ERROR_TARGET, "%s: %s: %s; fill it first", where_of(target),
                         faiss->path,
                         facts->trained ? "has no vectors in it" : "was never trained");
    if (faiss->settings.dimension && faiss->settings.dimension != facts->dimension)
        return error_set(error, ERROR_USAGE,
                         "%s: dimension: %s has vectors of %u, not %llu; name another index or "
                         "leave dimension out",
                         where_of(target), faiss->path, facts->dimension,
                         (unsigned long long)faiss->settings.dimension);
    if (set_parameters(target, error) < 0)
        return -1;
    return faiss_vectors_make(&faiss->vectors, faiss->settings.seed, facts->dimension,
                              (uint64_t)facts->count, error);
}

static void default_to(uint64_t *setting, uint64_t value)
{
    if (!*setting)
        *setting = value;
}

static void shape_of(struct faiss_settings *settings, struct faiss_shape *shape)
{
    uint64_t root = (uint64_t)sqrt((double)settings->vectors);
    default_to(&settings->lists, root ? root : 1);
    if (settings->lists > settings->vectors)
        settings->lists = settings->vectors;
    default_to(&settings->probes, DEFAULT_PROBES);
    default_to(&settings->links, DEFAULT_LINKS);
    default_to(&settings->construction_width, DEFAULT_WIDTH);
    default_to(&settings->search_width, DEFAULT_WIDTH);
    *shape = (struct faiss_shape){
        .type = settings->type && strcmp(settings->type, "flat") == 0   ? FAISS_FLAT
                : settings->type && strcmp(settings->type, "hnsw") == 0 ? FAISS_HNSW
                                                                        : FAISS_IVF,
        .dimension = (unsigned)settings->dimension,
        .lists = (unsigned)settings->lists,
        .probes = (unsigned)settings->probes,
        .links = (unsigned)settings->links,
        .construction_width = (unsigned)settings->construction_width,
        .search_width = (unsigned)settings->search_width,
        .give_up = interrupt_requested,
    };
}

static int generate(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    struct faiss_settings *settings = &faiss->settings;
    struct faiss_problem problem;
    struct faiss_shape shape;
    default_to(&settings->dimension, DEFAULT_DIMENSION);
    default_to(&settings->vectors, DEFAULT_VECTORS);
    if (settings->vectors * settings->dimension * sizeof(float) > VECTOR_BYTES)
        return error_set(error, ERROR_USAGE,
                         "%s: vectors: so many of dimension %llu take more "
                         "than 16 GiB",
                         where_of(target), (unsigned long long)settings->dimension);
    shape_of(settings, &shape);
    if (faiss_vectors_make(&faiss->vectors, settings->seed, shape.dimension, settings->vectors,
                           error) < 0)
        return -1;
    float *vectors = malloc(settings->vectors * settings->dimension * sizeof *vectors);
    if (!vectors)
        return out_of_memory(error);
    for (uint64_t i = 0; i < settings->vectors && !interrupt_requested(); i++)
        faiss_vector(&faiss->vectors, i, vectors + i * settings->dimension);
    faiss->index = faiss_index_make(&shape, settings->vectors, vectors, &problem);
    free(vectors);
    if (!faiss->index)
        return error_set(error, ERROR_TARGET, "%s: no index can be made: %s", where_of(target),
                         problem.text);
    faiss_index_facts(faiss->index, &faiss->facts);
    return 0;
}

/* A query is a vector of the index, moved a little. */
static bool query_from_index(struct faiss_target *faiss, struct random *random, float *query)
{
    const struct faiss_facts *facts = &faiss->facts;
    int64_t id = (int64_t)random_below(random, (uint64_t)facts->count);
    double squares = 0;
    if (faiss_index_reconstruct(faiss->index, id, query, NULL) < 0)
        return false;
    for (unsigned i = 0; i < facts->dimension; i++)
        squares += (double)query[i] * query[i];
    float spread = FILE_NOISE * (float)sqrt(squares / facts->dimension);
    for (unsigned i = 0; i < facts->dimension; i++)
        query[i] += spread * (float)(2 * random_unit(random) - 1);
    return true;
}

/* So wide that a range search finds about as much as a search does: the distance of the k-th
 * result, in the middle of a few. */
static int find_radius(struct faiss_target *faiss, struct error *error)
{
    enum { TRIES = 9 };
    float distances[FAISS_MOST_K], last[TRIES];
    int64_t ids[FAISS_MOST_K];
    struct faiss_problem problem;
    unsigned k = (unsigned)faiss->settings.k;
    for (unsigned i = 0; i < TRIES; i++) {
        const float *query = faiss->queries + (size_t)i * faiss->facts.dimension;
        if (faiss_index_search(faiss->index, 1, query, k, distances, ids, &problem) < 0)
            return error_set(error, ERROR_TARGET, "the index cannot be searched: %s", problem.text);
        unsigned found = 0;
        while (found < k && ids[found] >= 0)
            found++;
        float radius = found ? distances[found - 1] : 0;
        unsigned at = i;
        for (; at && last[at - 1] > radius; at--) /* sorted as they come */
            last[at] = last[at - 1];
        last[at] = radius;
    }
    faiss->radius = last[TRIES / 2];
    return 0;
}

static int make_queries(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    unsigned dimension = faiss->facts.dimension;
    struct random random;
    random_seed(&random, faiss->settings.seed, UINT32_MAX);
    faiss->queries = malloc((size_t)FAISS_QUERIES * dimension * sizeof *faiss->queries);
    if (!faiss->queries)
        return out_of_memory(error);
    faiss->queries_alike = !faiss->path || faiss->facts.can_reconstruct;
    for (uint64_t i = 0; i < FAISS_QUERIES; i++) {
        float *query = faiss->queries + i * dimension;
        if (!faiss->path || !faiss->facts.can_reconstruct ||
            !query_from_index(faiss, &random, query))
            faiss_vector(&faiss->vectors, (UINT64_C(1) << 62) + i, query);
    }
    atomic_init(&faiss->next_id, faiss->facts.next_id);
    if (faiss->settings.max_added == UINT64_MAX)
        faiss->settings.max_added = ADDED_BYTES / (dimension * sizeof(float));
    if (find_radius(faiss, error) < 0)
        return error_wrap(error, "%s: %s", where_of(target),
                          faiss->path ? faiss->path : "generated");
    return 0;
}

static int describe(struct target *target, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    const struct faiss_facts *facts = &faiss->facts;
    if (asprintf(&target->description, "FAISS %s, %lld vectors of dimension %u, %s", facts->type,
                 (long long)facts->count, facts->dimension,
                 faiss->path ? faiss->path : "generated") < 0) {
        target->description = NULL;
        return out_of_memory(error);
    }
    target->facts =
        json_pack("{s:s,s:I,s:I,s:s,s:I,s:I,s:s,s:I}", "index", facts->type, "vectors",
                  (json_int_t)facts->count, "dimension", (json_int_t)facts->dimension, "metric",
                  facts->inner_product  ? "inner product"
                  : facts->other_metric ? "other"
                                        : "L2",
                  "k", (json_int_t)faiss->settings.k, "batch", (json_int_t)faiss->settings.batch,
                  "queries", faiss->queries_alike ? "near stored vectors" : "anywhere", "threads",
                  (json_int_t)blocking_pool_size(faiss->settings.threads));
    if (!target->facts)
        return out_of_memory(error);
    if (strcmp(facts->type, "IndexIVFFlat") == 0 && !faiss->path) {
        json_object_set_new(target->facts, "nlist",
                            json_integer((json_int_t)faiss->settings.lists));
        json_object_set_new(target->facts, "nprobe",
                            json_integer((json_int_t)faiss->settings.probes));
    } else if (strcmp(facts->type, "IndexHNSWFlat") == 0 && !faiss->path) {
        json_object_set_new(target->facts, "M", json_integer((json_int_t)faiss->settings.links));
        json_object_set_new(target->facts, "ef",
                            json_integer((json_int_t)faiss->settings.search_width));
    }
    target_trace(target, "open", true, "%s", target->description);
    return 0;
}

static int add_offers(struct target *target, struct error *error)
{
    static const struct {
        const char *name, *description;
        double weight;
        enum faiss_verb verb;
    } offers[] = {
        {"search", "the k vectors nearest to one", 60, FAISS_SEARCH},
        {"search_batch", "the same of several at once", 10, FAISS_SEARCH_BATCH},
        {"add", "one more vector, in memory", 20, FAISS_ADD},
        {"range", "all vectors within a radius", 5, FAISS_RANGE},
        {"reconstruct", "the vector of an id", 5, FAISS_RECONSTRUCT},
    };
    static const enum faiss_verb verbs[] = {FAISS_SEARCH, FAISS_SEARCH_BATCH, FAISS_ADD,
                                            FAISS_RANGE, FAISS_RECONSTRUCT};
    const struct faiss_target *faiss = target->driver_data;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        bool can = offers[i].verb == FAISS_RANGE         ? faiss->facts.can_range
                   : offers[i].verb == FAISS_RECONSTRUCT ? faiss->facts.can_reconstruct
                                                         : true;
        if (!can) {
            char reason[96];
            snprintf(reason, sizeof reason, "%s does not offer it", faiss->facts.type);
            if (target_add_excluded(target, offers[i].name, reason) < 0)
                return out_of_memory(error);
            continue;
        }
        struct offer *offer = target_add_offer(
            target, "command", offers[i].name, offers[i].description,
            offers[i].verb == FAISS_ADD ? 0 : OFFER_READ_ONLY, (void *)(uintptr_t)&verbs[i]);
        if (!offer)
            return out_of_memory(error);
        offer->weight = offers[i].weight;
    }
    return 0;
}
