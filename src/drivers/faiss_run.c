/* Running an operation on a thread of the pool, and its answer as JSON: {"ids":[...],
 * "distances":[...]} of a search (a list of such lists of a batch) or range, {"id":N} of an add,
 * {"vector":[...]} of reconstruct. */
#include "drivers/faiss_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int search(struct faiss_task *task, struct faiss_problem *problem);
static int add(struct faiss_task *task, struct faiss_problem *problem);
static int range(struct faiss_task *task, struct faiss_problem *problem);
static int reconstruct(struct faiss_task *task, struct faiss_problem *problem);
static void append_response(struct faiss_task *task);

void faiss_run(struct blocking_task *blocking)
{
    static int (*const verbs[])(struct faiss_task *, struct faiss_problem *) = {
        [FAISS_SEARCH] = search, [FAISS_SEARCH_BATCH] = search,     [FAISS_ADD] = add,
        [FAISS_RANGE] = range,   [FAISS_RECONSTRUCT] = reconstruct,
    };
    struct faiss_task *task = container_of(blocking, struct faiss_task, task);
    struct faiss_problem problem = {""};
    blocking->outcome.detail = "faiss";
    if (verbs[task->operation->verb](task, &problem) < 0) {
        blocking->outcome.kind = OUTCOME_SOURCE_ERROR;
        snprintf(blocking->text, sizeof blocking->text, "%.*s", (int)sizeof blocking->text - 1,
                 problem.text);
        return;
    }
    blocking->outcome.detail = NULL;
    if (!task->wants_response)
        return;
    buffer_clear(&task->response);
    append_response(task);
    blocking->response = buffer_bytes(&task->response);
    blocking->response_length = buffer_length(&task->response);
}

static int search(struct faiss_task *task, struct faiss_problem *problem)
{
    struct faiss_target *target = task->target;
    pthread_rwlock_rdlock(&target->lock);
    task->before = (int64_t)atomic_load_explicit(&target->next_id, memory_order_relaxed);
    int failed = faiss_index_search(target->index, task->operation->batch, task->query,
                                    task->operation->k, task->distances, task->ids, problem);
    pthread_rwlock_unlock(&target->lock);
    return failed;
}

static int add(struct faiss_task *task, struct faiss_problem *problem)
{
    struct faiss_target *target = task->target;
    if (atomic_fetch_add(&target->added, 1) >= target->settings.max_added) {
        atomic_fetch_sub(&target->added, 1);
        task->task.outcome.detail = "index_full";
        snprintf(problem->text, sizeof problem->text,
                 "%llu vectors were added, and max_added allows no more",
                 (unsigned long long)target->settings.max_added);
        return -1;
    }
    pthread_rwlock_wrlock(&target->lock);
    int failed = faiss_index_add(target->index, task->query, &task->id, problem);
    if (failed == 0)
        atomic_store_explicit(&target->next_id, task->id + 1, memory_order_relaxed);
    pthread_rwlock_unlock(&target->lock);
    if (failed < 0)
        atomic_fetch_sub(&target->added, 1);
    return failed;
}

static int range(struct faiss_task *task, struct faiss_problem *problem)
{
    struct faiss_target *target = task->target;
    pthread_rwlock_rdlock(&target->lock);
    int failed = faiss_index_range(target->index, task->query, target->radius, FAISS_RANGE_ROOM,
                                   task->distances, task->ids, &task->found, problem);
    pthread_rwlock_unlock(&target->lock);
    return failed;
}

static int reconstruct(struct faiss_task *task, struct faiss_problem *problem)
{
    struct faiss_target *target = task->target;
    pthread_rwlock_rdlock(&target->lock);
    int64_t count = atomic_load_explicit(&target->next_id, memory_order_relaxed);
    int failed = -1;
    if (task->id >= 0 && task->id < count) {
        failed = faiss_index_reconstruct(target->index, task->id, task->vector, problem);
    } else {
        task->task.outcome.detail = "no_vector";
        snprintf(problem->text, sizeof problem->text, "no vector has the id %lld",
                 (long long)task->id);
    }
    pthread_rwlock_unlock(&target->lock);
    return failed;
}

/* ---- the answer --------------------------------------------------------------------------------
 */

static void append_floats(struct buffer *response, const float *values, size_t count)
{
    buffer_append_char(response, '[');
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            buffer_printf(response, "%s%.9g", i ? "," : "", (double)values[i]);
        else
            buffer_printf(response, "%snull", i ? "," : "");
    buffer_append_char(response, ']');
}

static void append_ids(struct buffer *response, const int64_t *ids, size_t count)
{
    buffer_append_char(response, '[');
    for (size_t i = 0; i < count; i++)
        buffer_printf(response, "%s%lld", i ? "," : "", (long long)ids[i]);
    buffer_append_char(response, ']');
}

static void append_results(struct faiss_task *task, size_t count, size_t batch)
{
    struct buffer *response = &task->response;
    buffer_append_text(response, batch > 1 ? "{\"ids\":[" : "{\"ids\":");
    for (size_t i = 0; i < batch; i++) {
        if (i)
            buffer_append_char(response, ',');
        append_ids(response, task->ids + i * count, count);
    }
    buffer_append_text(response, batch > 1 ? "],\"distances\":[" : ",\"distances\":");
    for (size_t i = 0; i < batch; i++) {
        if (i)
            buffer_append_char(response, ',');
        append_floats(response, task->distances + i * count, count);
    }
    buffer_append_text(response, batch > 1 ? "]}" : "}");
}

static void append_response(struct faiss_task *task)
{
    const struct faiss_operation *operation = task->operation;
    size_t found = task->found < FAISS_RANGE_ROOM ? task->found : FAISS_RANGE_ROOM;
    switch (operation->verb) {
    case FAISS_SEARCH:
    case FAISS_SEARCH_BATCH:
        append_results(task, operation->k, operation->batch);
        break;
    case FAISS_ADD:
        buffer_printf(&task->response, "{\"id\":%lld}", (long long)task->id);
        break;
    case FAISS_RANGE:
        append_results(task, found, 1);
        break;
    case FAISS_RECONSTRUCT:
        buffer_append_text(&task->response, "{\"vector\":");
        append_floats(&task->response, task->vector, task->target->facts.dimension);
        buffer_append_char(&task->response, '}');
        break;
    }
}

/* What was asked, as it was sent. A batch is too long to be shown: its first query is. */
char *faiss_request_text(const struct call *call)
{
    const struct faiss_operation *operation = call->operation->driver_data;
    const struct blocking_call *part = driver_part_of_call((struct call *)(uintptr_t)call);
    const struct faiss_task *task = (const struct faiss_task *)(const void *)part->task;
    struct buffer text;
    if (!task)
        return NULL;
    buffer_init(&text, (size_t)4 << 20);
    buffer_printf(&text, "{\"operation\":\"%s\"", call->operation->offer->name);
    if (operation->verb == FAISS_RECONSTRUCT) {
        buffer_printf(&text, ",\"id\":%lld}", (long long)task->id);
        return buffer_take_string(&text);
    }
    if (operation->verb == FAISS_SEARCH || operation->verb == FAISS_SEARCH_BATCH)
        buffer_printf(&text, ",\"k\":%u,\"batch\":%u", operation->k, operation->batch);
    buffer_append_text(&text, ",\"vector\":");
    append_floats(&text, task->query, task->target->facts.dimension);
    buffer_append_char(&text, '}');
    return buffer_take_string(&text);
}
