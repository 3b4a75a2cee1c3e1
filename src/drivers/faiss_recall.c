/* How right the answers were. A fast wrong answer is no success, so a fair sample of the searches
 * is kept with what was found, and after the run compared with a search of every vector. */
#include "drivers/faiss_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of_sample(const struct faiss_target *faiss)
{
    size_t floats = (faiss->facts.dimension + 1u) & ~(size_t)1; /* so that the next is aligned */
    return sizeof(struct faiss_sample_kept) + faiss->settings.k * sizeof(int64_t) +
           floats * sizeof(float);
}

static int64_t *ids_of(struct faiss_sample_kept *kept)
{
    return (int64_t *)(void *)(kept + 1);
}

static float *query_of(struct faiss_sample_kept *kept, const struct faiss_target *faiss)
{
    return (float *)(void *)(ids_of(kept) + faiss->settings.k);
}

/* Reservoir sampling: each search has the same chance to be kept, however many come. */
void faiss_sample_offer(struct faiss_worker *worker, const struct faiss_task *task)
{
    const struct faiss_target *faiss = task->target;
    if (task->operation->k != faiss->settings.k)
        return;
    uint64_t place = worker->searches++;
    if (place >= FAISS_SAMPLES)
        place = random_below(&worker->random, worker->searches);
    if (place >= FAISS_SAMPLES)
        return;
    struct faiss_sample_kept **kept = &worker->samples[place];
    if (!*kept)
        *kept = malloc(size_of_sample(faiss));
    if (!*kept)
        return;
    (*kept)->before = task->before;
    memcpy(ids_of(*kept), task->ids, faiss->settings.k * sizeof(int64_t));
    memcpy(query_of(*kept, faiss), task->query, (size_t)faiss->facts.dimension * sizeof(float));
}

void faiss_samples_collect(struct faiss_worker *worker, struct faiss_target *faiss)
{
    pthread_mutex_lock(&faiss->samples_lock);
    for (size_t i = 0; i < FAISS_SAMPLES; i++) {
        if (worker->samples[i] &&
            buffer_append(&faiss->samples, worker->samples[i], size_of_sample(faiss)) == 0)
            faiss->sample_count++;
        free(worker->samples[i]);
        worker->samples[i] = NULL;
    }
    faiss->sampled_from += worker->searches;
    worker->searches = 0;
    pthread_mutex_unlock(&faiss->samples_lock);
}

/* ---- after the run -----------------------------------------------------------------------------
 */

/* So many that measuring stays within its limit. They are in no order that says anything of their
 * answers, but workers come one after the other: take them from all over. */
static size_t affordable(const struct faiss_target *faiss)
{
    double each = (double)faiss->facts.dimension *
                  ((double)faiss->facts.count + (double)atomic_load(&faiss->added));
    double most = FAISS_CHECK_LIMIT / (each > 1 ? each : 1);
    return most < 1 ? 1 : most > (double)faiss->sample_count ? faiss->sample_count : (size_t)most;
}

/* [results that were right, searches of which so many were], from most to least: what everything
 * said of recall follows from. NULL when memory is out. */
static json_t *distribution(const struct faiss_target *faiss, const struct faiss_sample *samples,
                            size_t count)
{
    json_t *rows = json_array();
    uint64_t *searches = calloc(faiss->settings.k + 1, sizeof *searches);
    for (size_t i = 0; searches && i < count; i++)
        searches[samples[i].correct]++;
    for (size_t right = faiss->settings.k + 1; searches && right-- > 0;)
        if (searches[right])
            json_array_append_new(
                rows, json_pack("[I,I]", (json_int_t)right, (json_int_t)searches[right]));
    if (!searches) {
        json_decref(rows);
        rows = NULL;
    }
    free(searches);
    return rows;
}

static json_t *measured(const struct faiss_target *faiss, const struct faiss_sample *samples,
                        size_t count)
{
    uint64_t correct = 0, wanted = 0;
    unsigned worst = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        correct += samples[i].correct;
        wanted += samples[i].wanted;
        worst = samples[i].correct < worst ? samples[i].correct : worst;
    }
    return json_pack("{s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "value",
                     wanted ? (double)correct / (double)wanted : 0.0, "k",
                     (json_int_t)faiss->settings.k, "sample", (json_int_t)count, "searches",
                     (json_int_t)faiss->sampled_from, "correct", (json_int_t)correct, "wanted",
                     (json_int_t)wanted, "fewest_correct", (json_int_t)worst, "distribution",
                     distribution(faiss, samples, count));
}

static json_t *measure(const struct faiss_target *faiss)
{
    struct faiss_problem problem = {"out of memory"};
    size_t size = size_of_sample(faiss), count = affordable(faiss);
    if (faiss->sample_count == 0)
        return json_pack("{s:n,s:s}", "value", "reason", "nothing was searched");
    if (faiss->facts.other_metric)
        return json_pack("{s:n,s:s}", "value", "reason",
                         "the index has a metric other than L2 and the inner product");
    struct faiss_sample *samples = calloc(count, sizeof *samples);
    for (size_t i = 0; samples && i < count; i++) {
        char *at = buffer_bytes((struct buffer *)(uintptr_t)&faiss->samples) +
                   size * (i * faiss->sample_count / count);
        struct faiss_sample_kept *kept = (struct faiss_sample_kept *)(void *)at;
        samples[i] = (struct faiss_sample){.query = query_of(kept, faiss),
                                           .ids = ids_of(kept),
                                           .k = (unsigned)faiss->settings.k,
                                           .before = kept->before};
    }
    json_t *made = samples && faiss_index_check(faiss->index, samples, count, &problem) == 0
                       ? measured(faiss, samples, count)
                       : json_pack("{s:n,s:s}", "value", "reason", problem.text);
    free(samples);
    return made;
}

json_t *faiss_report(struct target *target)
{
    struct faiss_target *faiss = target->driver_data;
    json_t *report = json_pack("{s:o,s:I}", "recall", measure(faiss), "vectors_added",
                               (json_int_t)atomic_load(&faiss->added));
    buffer_clear(&faiss->samples);
    faiss->sample_count = 0;
    faiss->sampled_from = 0;
    return report;
}
