/* See cross_tier.h: the driver's table, and workers and connections that are those of its parts. */
#include "drivers/cross_tier.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct driver cross_tier_driver;

static void part_opened(struct connection *part);
static void part_closed(struct connection *part, const struct outcome *why, const char *text);

/* It is named in the plan: no URL means it. */
static bool cross_accepts(const struct target_options *options)
{
    (void)options;
    return false;
}

/* ---- workers ------------------------------------------------------------------------------- */

static int open_part(struct driver_worker *worker, size_t index, struct error *error)
{
    struct cross_worker *cross = driver_part_of_worker(worker);
    struct target *target = &cross_target_of(worker)->parts[index].target;
    struct driver_worker *part = calloc(1, sizeof *part + target->driver->worker_size);
    if (!part)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    *part = (struct driver_worker){.target = target, .loop = worker->loop, .index = worker->index};
    if (target->driver->worker_open(part, error) < 0) {
        free(part);
        return -1;
    }
    cross->parts[index] = part;
    return 0;
}

static void collect_figures(struct cross_target *target, struct cross_worker *cross)
{
    pthread_mutex_lock(&target->lock);
    for (unsigned verb = 0; verb < CROSS_VERBS; verb++)
        for (size_t i = 0; i < target->count; i++) {
            struct cross_figures *from = &cross->figures[verb][i];
            histogram_merge(&target->figures[verb][i].latency, &from->latency);
            target->figures[verb][i].failed += from->failed;
            histogram_free(&from->latency);
        }
    target->mismatched += cross->mismatched;
    pthread_mutex_unlock(&target->lock);
}

static void cross_worker_close(struct driver_worker *worker)
{
    struct cross_worker *cross = driver_part_of_worker(worker);
    struct cross_target *target = cross_target_of(worker);
    for (size_t i = target->count; i-- > 0;) {
        if (!cross->parts[i])
            continue;
        target->parts[i].target.driver->worker_close(cross->parts[i]);
        free(cross->parts[i]);
        cross->parts[i] = NULL;
    }
    collect_figures(target, cross);
    free(cross->records);
    cross->records = NULL;
}

static int cross_worker_open(struct driver_worker *worker, struct error *error)
{
    struct cross_worker *cross = driver_part_of_worker(worker);
    struct cross_target *target = cross_target_of(worker);
    for (unsigned verb = 0; verb < CROSS_VERBS; verb++)
        for (size_t i = 0; i < target->count; i++)
            histogram_init(&cross->figures[verb][i].latency);
    cross->records = calloc(CROSS_RECORDS, sizeof *cross->records);
    int opened = cross->records ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; opened == 0 && i < target->count; i++)
        opened = open_part(worker, i, error);
    if (opened < 0)
        cross_worker_close(worker);
    return opened;
}

/* ---- connections --------------------------------------------------------------------------- */

static void cross_connect(struct connection *connection)
{
    struct cross_connection *cross = driver_part_of_connection(connection);
    struct cross_worker *worker = driver_part_of_worker(connection->worker);
    struct cross_target *target = cross_target_of(connection->worker);
    cross->connection = connection;
    cross->ended.run = cross_ended;
    cross->began_ns = clock_now_ns();
    buffer_init(&cross->response, CROSS_TEXT * CROSS_PARTS);
    bool whole = true;
    for (size_t i = 0; i < target->count; i++) {
        const struct driver *driver = target->parts[i].target.driver;
        cross->parts[i] = calloc(1, sizeof *cross->parts[i] + driver->connection_size);
        cross->calls[i] = calloc(1, sizeof *cross->calls[i] + driver->call_size);
        whole = whole && cross->parts[i] && cross->calls[i];
    }
    if (!whole) { /* told by `ended`: nothing may be from inside here */
        cross->why[0] = (struct outcome){.kind = OUTCOME_NOT_RUN, .detail = "out_of_memory"};
        snprintf(cross->text, sizeof cross->text, "no memory for a connection of each tier");
        loop_defer(connection->worker->loop, &cross->ended);
        return;
    }
    for (size_t i = 0; i < target->count; i++) {
        struct connection *part = cross->parts[i];
        *part = (struct connection){.worker = worker->parts[i],
                                    .opened = part_opened,
                                    .closed = part_closed,
                                    .engine_data = cross};
        target->parts[i].target.driver->connect(part);
    }
}

static void cross_disconnect(struct connection *connection)
{
    struct cross_connection *cross = driver_part_of_connection(connection);
    struct cross_target *target = cross_target_of(connection->worker);
    bool whole = true;
    loop_undefer(connection->worker->loop, &cross->ended);
    for (size_t i = 0; i < target->count; i++)
        whole = whole && cross->parts[i] && cross->calls[i];
    for (size_t i = 0; i < target->count; i++) {
        if (whole)
            target->parts[i].target.driver->disconnect(cross->parts[i]);
        free(cross->parts[i]);
        free(cross->calls[i]);
    }
    buffer_free(&cross->response);
}

static size_t index_of(const struct cross_connection *cross, const struct connection *part)
{
    size_t index = 0;
    while (cross->parts[index] != part)
        index++;
    return index;
}

/* All of them, or none: a record is in every tier. */
static void part_opened(struct connection *part)
{
    struct cross_connection *cross = part->engine_data;
    struct connection *connection = cross->connection;
    const struct cross_target *target = cross_target_of(connection->worker);
    cross->opened++;
    if (cross->told || cross->opened < target->count)
        return;
    connection->capacity = 1;
    connection->reusable = true;
    connection->connect_ns = clock_now_ns() - cross->began_ns;
    connection->opened(connection);
}

static void part_closed(struct connection *part, const struct outcome *why, const char *text)
{
    struct cross_connection *cross = part->engine_data;
    struct connection *connection = cross->connection;
    const struct cross_target *target = cross_target_of(connection->worker);
    size_t index = index_of(cross, part);
    char told[CROSS_TEXT];
    cross->lost[index] = true;
    cross->why[index] = *why;
    connection->reusable = false;
    if (cross->told || cross->call)
        return; /* the call under way ends when it comes to that part, and so does this */
    cross->told = true;
    snprintf(told, sizeof told, "%s: %s", target->parts[index].options.name,
             text ? text : outcome_kind_name(why->kind));
    connection->closed(connection, why, told);
}

static void cross_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver cross_tier_driver = {
    .name = "cross_tier",
    .summary = "one record in several memory tiers at once (in a plan: tiers: [redis, sqlite])",
    .accepts = cross_accepts,
    .worker_size = sizeof(struct cross_worker),
    .connection_size = sizeof(struct cross_connection),
    .open = cross_open,
    .close = cross_close,
    .prepare = cross_prepare,
    .release = cross_release,
    .arguments_text = cross_arguments_text,
    .request_text = cross_request_text,
    .worker_open = cross_worker_open,
    .worker_close = cross_worker_close,
    .connect = cross_connect,
    .disconnect = cross_disconnect,
    .submit = cross_submit,
    .cancel = cross_cancel,
    .session_discard = cross_session_discard,
    .report = cross_report,
};
