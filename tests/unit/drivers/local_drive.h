/* One worker with one connection and one call at a time (or a few), for tests of the drivers that
 * run in the process. */
#ifndef CICADA_TESTS_LOCAL_DRIVE_H
#define CICADA_TESTS_LOCAL_DRIVE_H

#include "base/clock.h"
#include "base/template.h"
#include "drivers/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct drive {
    struct target_options options;
    struct target target;
    struct error error;
    struct loop loop;
    struct driver_worker *worker;
    struct connection *connection;
    bool opened, closed;
    struct outcome closed_why;
    struct random random;
    struct template_context context;
};

struct driven { /* how a call ended */
    bool done;
    struct outcome outcome;
    char text[300];
    char *response; /* the caller frees with driven_free */
    uint64_t thread_wait_ns, send_ns, first_byte_ns, end_ns;
    struct call *call;
};

static inline void drive_opened(struct connection *connection)
{
    struct drive *drive = connection->engine_data;
    drive->opened = true;
}

static inline void drive_closed(struct connection *connection, const struct outcome *why,
                                const char *text)
{
    struct drive *drive = connection->engine_data;
    (void)text;
    drive->closed = true;
    drive->closed_why = *why;
}

/* 0, or -1 with drive->error. `options` is a JSON object's text or NULL. */
static inline int drive_open(struct drive *drive, const char *url, const char *options)
{
    *drive = (struct drive){0};
    drive->options =
        (struct target_options){.name = (char *)(uintptr_t) "target",
                                .url = strdup(url),
                                .seed = 7,
                                .where = "test",
                                .driver_options = options ? json_loads(options, 0, NULL) : NULL};
    const struct driver *driver = driver_for(&drive->options, &drive->error);
    assert_non_null(driver);
    drive->target.driver = driver;
    drive->target.options = &drive->options;
    if (driver->open(&drive->target, &drive->error) == 0)
        return 0;
    free(drive->options.url);
    json_decref(drive->options.driver_options);
    return -1;
}

static inline void drive_connect(struct drive *drive)
{
    const struct driver *driver = drive->target.driver;
    drive->connection = calloc(1, sizeof *drive->connection + driver->connection_size);
    drive->connection->worker = drive->worker;
    drive->connection->opened = drive_opened;
    drive->connection->closed = drive_closed;
    drive->connection->engine_data = drive;
    drive->opened = drive->closed = false;
    driver->connect(drive->connection);
}

static inline void drive_disconnect(struct drive *drive)
{
    drive->target.driver->disconnect(drive->connection);
    free(drive->connection);
    drive->connection = NULL;
}

static inline void drive_start(struct drive *drive)
{
    const struct driver *driver = drive->target.driver;
    assert_int_equal(loop_open(&drive->loop, NULL), 0);
    drive->worker = calloc(1, sizeof *drive->worker + driver->worker_size);
    drive->worker->target = &drive->target;
    drive->worker->loop = &drive->loop;
    random_seed(&drive->random, 1, 1);
    drive->context = (struct template_context){.user = 3, .iteration = 4, .random = &drive->random};
    assert_int_equal(driver->worker_open(drive->worker, &drive->error), 0);
    drive_connect(drive);
    while (!drive->opened && !drive->closed)
        loop_run_once(&drive->loop, UINT64_MAX);
    assert_true(drive->opened);
    assert_true(drive->connection->reusable);
}

static inline void drive_stop(struct drive *drive)
{
    if (drive->connection)
        drive_disconnect(drive);
    drive->target.driver->worker_close(drive->worker);
    free(drive->worker);
    loop_close(&drive->loop);
}

static inline void drive_close(struct drive *drive)
{
    drive->target.driver->close(&drive->target);
    free(drive->options.url);
    json_decref(drive->options.driver_options);
}

static inline const struct offer *drive_offer(struct drive *drive, const char *name)
{
    for (size_t i = 0; i < drive->target.offer_count; i++)
        if (strcmp(drive->target.offers[i].name, name) == 0)
            return &drive->target.offers[i];
    return NULL;
}

/* 0, or -1 with drive->error. */
static inline int drive_prepare(struct drive *drive, const char *offer, const char *arguments,
                                struct operation *operation)
{
    json_t *parsed = arguments ? json_loads(arguments, 0, NULL) : NULL;
    struct operation_spec spec = {.offer = drive_offer(drive, offer),
                                  .arguments = parsed,
                                  .variants = 1,
                                  .where = "plan.yaml:5"};
    assert_non_null(spec.offer);
    assert_true(!arguments || parsed);
    drive->error = (struct error){0};
    int prepared = drive->target.driver->prepare(&drive->target, &spec, operation, &drive->error);
    json_decref(parsed);
    return prepared;
}

static inline void drive_complete(struct call *call)
{
    struct driven *driven = call->engine_data;
    assert_false(driven->done);
    driven->done = true;
    driven->outcome = call->outcome;
    snprintf(driven->text, sizeof driven->text, "%s", call->text ? call->text : "");
    driven->response = call->response ? strndup(call->response, call->response_length) : NULL;
    driven->thread_wait_ns = call->thread_wait_ns;
    driven->send_ns = call->send_ns;
    driven->first_byte_ns = call->first_byte_ns;
    driven->end_ns = call->end_ns;
}

static inline void drive_submit(struct drive *drive, const struct operation *operation,
                                struct driven *driven)
{
    const struct driver *driver = drive->target.driver;
    *driven = (struct driven){0};
    driven->call = calloc(1, sizeof *driven->call + driver->call_size);
    *driven->call = (struct call){.operation = operation,
                                  .connection = drive->connection,
                                  .context = &drive->context,
                                  .want_response = true,
                                  .complete = drive_complete,
                                  .engine_data = driven};
    driver->submit(driven->call);
    assert_false(driven->done);
}

static inline void drive_await(struct drive *drive, struct driven *driven)
{
    while (!driven->done)
        loop_run_once(&drive->loop, UINT64_MAX);
    free(driven->call);
    driven->call = NULL;
}

static inline void driven_free(struct driven *driven)
{
    free(driven->response);
    driven->response = NULL;
}

/* Prepare, run once, release. */
static inline void drive_run(struct drive *drive, const char *offer, const char *arguments,
                             struct driven *driven)
{
    struct operation operation = {0};
    if (drive_prepare(drive, offer, arguments, &operation) < 0)
        fail_msg("%s", drive->error.text);
    drive_submit(drive, &operation, driven);
    drive_await(drive, driven);
    drive->target.driver->release(&drive->target, &operation);
}

/* ... and it went well; the response as JSON, which the caller frees. */
static inline json_t *drive_answer(struct drive *drive, const char *offer, const char *arguments)
{
    struct driven driven;
    drive_run(drive, offer, arguments, &driven);
    if (driven.outcome.kind != OUTCOME_OK)
        fail_msg("%s: %s", driven.outcome.detail ? driven.outcome.detail : "", driven.text);
    assert_non_null(driven.response);
    json_t *answer = json_loads(driven.response, 0, NULL);
    if (!answer)
        fail_msg("no JSON: %s", driven.response);
    driven_free(&driven);
    return answer;
}

/* ... or it failed as the source's own error, by this name. */
static inline void drive_expect_error(struct drive *drive, const char *offer, const char *arguments,
                                      const char *detail)
{
    struct driven driven;
    drive_run(drive, offer, arguments, &driven);
    assert_int_equal(driven.outcome.kind, OUTCOME_SOURCE_ERROR);
    assert_string_equal(driven.outcome.detail, detail);
    assert_true(driven.text[0]);
    driven_free(&driven);
}

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("\"%s\" does not say \"%s\"", text, part);                                    \
    } while (0)

#endif
