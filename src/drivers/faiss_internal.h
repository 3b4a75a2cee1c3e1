/* The FAISS driver's own types, shared by its files:
 *   faiss.c            the driver's table: workers, connections, calls
 *   faiss_open.c       the target: settings, the index from a file or generated, its offers
 *   faiss_vectors.c    where vectors and queries come from
 *   faiss_operation.c  what the operations are, and their arguments
 *   faiss_run.c        running one on a thread; the answer as JSON
 *   faiss_recall.c     answers kept aside, and how right they were
 *
 * The index lives in this process. What is added to it is gone with the target: a file is only
 * read. */
#ifndef CICADA_DRIVERS_FAISS_INTERNAL_H
#define CICADA_DRIVERS_FAISS_INTERNAL_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/blocking_call.h"
#include "drivers/setting.h"
#include "faiss/faiss_index.h"

#include <pthread.h>

#define FAISS_QUERIES     1024u /* made by open(), and asked again and again */
#define FAISS_MOST_K      1000u
#define FAISS_MOST_BATCH  512u
#define FAISS_RANGE_ROOM  1000u /* results of a range search that are kept */
#define FAISS_SAMPLES     256u  /* answers kept aside, per worker */
#define FAISS_CHECK_LIMIT 4e9   /* multiplications that measuring the recall may take */

/* ---- vectors -----------------------------------------------------------------------------------
 */

/* A set of clusters; vector i of it is the same whenever it is asked for. */
struct faiss_vectors {
    uint64_t seed;
    unsigned dimension, clusters;
    float *centers; /* clusters x dimension */
};

int faiss_vectors_make(struct faiss_vectors *vectors, uint64_t seed, unsigned dimension,
                       uint64_t expected, struct error *error);
void faiss_vectors_free(struct faiss_vectors *vectors);
/* One vector of the set, into `vector`. */
void faiss_vector(const struct faiss_vectors *vectors, uint64_t number, float *vector);
/* The one that belongs to a text: equal texts give equal vectors, others do not. */
void faiss_vector_of_key(const struct faiss_vectors *vectors, const char *key, size_t length,
                         float *vector);

/* ---- the target --------------------------------------------------------------------------------
 */

struct faiss_settings {
    uint64_t threads, k, batch, max_added;
    uint64_t dimension, vectors, lists, probes, links, construction_width, search_width;
    uint64_t seed;
    char *type; /* NULL: not given */
};

struct faiss_sample_kept { /* one answer, on its own */
    int64_t before;
    /* then k ids, then the query */
};

struct faiss_target {
    struct faiss_settings settings;
    char *path; /* NULL: generated */
    struct faiss_index *index;
    struct faiss_facts facts; /* when it was opened */
    pthread_rwlock_t lock;    /* of the index: adding excludes everything else */
    struct faiss_vectors vectors;
    float *queries;     /* FAISS_QUERIES x dimension */
    bool queries_alike; /* they lie among the vectors; else they are anywhere */
    float radius;       /* about as many results as a search */
    struct blocking_pool *pool;
    unsigned threads;
    atomic_uint_fast64_t added;  /* vectors */
    atomic_int_fast64_t next_id; /* above every id in the index */

    pthread_mutex_t samples_lock;
    struct buffer samples; /* of workers that closed: struct faiss_sample_kept each */
    size_t sample_count;
    uint64_t sampled_from; /* searches they were drawn from */
};

int faiss_target_open(struct target *target, struct error *error);
void faiss_target_close(struct target *target);

/* ---- operations --------------------------------------------------------------------------------
 */

enum faiss_verb { FAISS_SEARCH, FAISS_SEARCH_BATCH, FAISS_ADD, FAISS_RANGE, FAISS_RECONSTRUCT };

struct faiss_operation {
    atomic_uint holders; /* its operation, and tasks: one given up may run on after the release */
    enum faiss_verb verb;
    unsigned k, batch;
    float *vector;                 /* of the plan, constant; NULL: not */
    struct text_template *written; /* a vector with placeholders; NULL: not */
    struct text_template *key;     /* of the vector; NULL: none */
    struct text_template *id;      /* to reconstruct; NULL: any */
    char *arguments_text;          /* NULL: none */
};

struct faiss_task {
    struct blocking_task task;
    struct faiss_target *target;
    struct faiss_operation *operation;
    const float *query; /* batch x dimension */
    float *vector;      /* one of the task's own */
    float *distances;   /* k x batch, or FAISS_RANGE_ROOM */
    int64_t *ids;
    size_t room;        /* of those two */
    int64_t id;         /* to reconstruct, or the one an added vector got */
    int64_t before;     /* ids below it were in the index when it was searched */
    size_t found;       /* by a range search */
    struct buffer text; /* rendered arguments */
    struct buffer response;
    bool wants_response;
};

struct faiss_worker {
    struct blocking_worker blocking;
    struct random random;
    /* A fair sample of its searches (reservoir): FAISS_SAMPLES of them at most. */
    struct faiss_sample_kept *samples[FAISS_SAMPLES];
    uint64_t searches;
};

int faiss_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error);
void faiss_release(struct target *target, struct operation *operation);
void faiss_operation_drop(struct faiss_operation *operation); /* one holder less */
char *faiss_arguments_text(const struct operation *operation, uint32_t variant);
char *faiss_request_text(const struct call *call);

/* Give the task its vectors, on the loop. -1: *detail and `text` say why it cannot be. */
int faiss_fill(struct faiss_task *task, const struct template_context *context,
               struct random *random, const char **detail, char text[BLOCKING_TEXT_SIZE]);
/* "[1, 2.5, -3e-2]", also within quotes, as `count` floats. -1 when it is no such list, *found when
 * it is one of another length. */
int faiss_parse_vector(const char *text, size_t length, float *vector, size_t count, size_t *found);

/* Run the task, on a thread. */
void faiss_run(struct blocking_task *task);

/* ---- recall ------------------------------------------------------------------------------------
 */

/* A search came back, on the loop: it is among those kept, or not. */
void faiss_sample_offer(struct faiss_worker *worker, const struct faiss_task *task);
/* The worker closes: its samples become the target's. */
void faiss_samples_collect(struct faiss_worker *worker, struct faiss_target *target);
/* How right they were; the samples are gone then. */
json_t *faiss_report(struct target *target);

#endif
