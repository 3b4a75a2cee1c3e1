/* See cross_tier.h: a call, step by step through its parts. A write goes record, vector, relation,
 * cache, as a memory server would; a read the other way, cache first. */
#include "drivers/cross_tier.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin_step(struct cross_connection *cross);
static void step_complete(struct call *part);
static void finish(struct cross_connection *cross);
static void fail(struct cross_connection *cross, size_t index, const struct outcome *why,
                 const char *text);

static struct cross_worker *worker_of(const struct cross_connection *cross)
{
    return driver_part_of_worker(cross->connection->worker);
}

static struct cross_target *target_of(const struct cross_connection *cross)
{
    return cross_target_of(cross->connection->worker);
}

/* ---- what is written ----------------------------------------------------------------------- */

/* The value follows from the key: whoever reads it knows what was written. */
static void name_record(struct cross_connection *cross)
{
    const struct cross_target *target = target_of(cross);
    uint64_t number = cross->record.number, hash = number + 1;
    for (const char *c = target->tag; *c; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    snprintf(cross->key, sizeof cross->key, "\"%s-%" PRIu64 "\"", target->tag, number);
    snprintf(cross->value, sizeof cross->value, "\"memory %" PRIu64 " %016" PRIx64 "\"", number,
             hash * UINT64_C(0x9e3779b97f4a7c15));
}

static void begin_write(struct cross_connection *cross)
{
    cross->verb = CROSS_WRITE;
    cross->record = (struct cross_record){
        .number = atomic_fetch_add_explicit(&target_of(cross)->next, 1, memory_order_relaxed)};
}

/* Something that this worker wrote, the oldest it still knows first, then the next. */
static bool begin_read(struct cross_connection *cross)
{
    struct cross_worker *worker = worker_of(cross);
    uint64_t known = worker->written < CROSS_RECORDS ? worker->written : CROSS_RECORDS;
    if (known == 0)
        return false;
    cross->verb = CROSS_READ;
    cross->record = worker->records[worker->read++ % known];
    return true;
}

static void remember(struct cross_connection *cross)
{
    struct cross_worker *worker = worker_of(cross);
    worker->records[worker->written++ % CROSS_RECORDS] = cross->record;
}

/* ---- the call ------------------------------------------------------------------------------ */

void cross_submit(struct call *call)
{
    struct cross_connection *cross = driver_part_of_connection(call->connection);
    cross->call = call;
    cross->operation = call->operation->driver_data;
    cross->step = 0;
    cross->submitting = true;
    cross->text[0] = 0;
    buffer_clear(&cross->response);
    call->outcome = (struct outcome){.kind = OUTCOME_OK};
    if (cross->operation->verb == CROSS_WRITE || !begin_read(cross))
        begin_write(cross);
    name_record(cross);
    cross->captures[0] = (struct template_value){.name = "key", .json = cross->key};
    cross->captures[1] = (struct template_value){.name = "value", .json = cross->value};
    cross->context = *call->context;
    cross->context.captures = cross->captures;
    cross->context.capture_count = 2;
    begin_step(cross);
    cross->submitting = false;
}

void cross_cancel(struct call *call, const struct outcome *why)
{
    struct cross_connection *cross = driver_part_of_connection(call->connection);
    if (cross->ended.queued) { /* over already, and about to be told */
        call->outcome = *why;
        return;
    }
    size_t index = target_of(cross)->order[cross->verb][cross->step];
    const struct driver *driver = target_of(cross)->parts[index].target.driver;
    driver->cancel(cross->calls[index], why);
}

char *cross_request_text(const struct call *call)
{
    struct cross_connection *cross = driver_part_of_connection(call->connection);
    const struct cross_target *target = target_of(cross);
    json_t *request = json_pack("{s:o,s:o}", "key", json_loads(cross->key, JSON_DECODE_ANY, NULL),
                                "value", json_loads(cross->value, JSON_DECODE_ANY, NULL));
    /* What each tier was sent is gone by now: a driver keeps it until its own call is completed. */
    json_t *steps = json_array();
    for (unsigned step = 0; step <= cross->step && step < target->count; step++) {
        size_t index = target->order[cross->verb][step];
        json_array_append_new(steps, json_string(target->parts[index].options.name));
    }
    json_object_set_new(request, cross->verb == CROSS_WRITE ? "write" : "read", steps);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

static void begin_step(struct cross_connection *cross)
{
    const struct call *call = cross->call;
    size_t index = target_of(cross)->order[cross->verb][cross->step];
    struct call *part = cross->calls[index];
    cross->step_ns = clock_now_ns();
    if (cross->lost[index]) {
        fail(cross, index, &cross->why[index], "its connection was closed");
        finish(cross);
        return;
    }
    *part = (struct call){
        .operation = &cross->operation->steps[cross->verb][index],
        .connection = cross->parts[index],
        .context = &cross->context,
        .variant = call->variant,
        .deadline_ns = call->deadline_ns,
        .keep_request = call->keep_request,
        .want_response = true,
        .complete = step_complete,
        .engine_data = cross,
    };
    cross->parts[index]->in_flight = 1;
    target_of(cross)->parts[index].target.driver->submit(part);
}

/* "ids": [7, ...] or "id": 7; -1 when there is none. */
static int64_t first_id(const struct call *part)
{
    const char *end = part->response ? part->response + part->response_length : NULL;
    const char *at = end ? memmem(part->response, part->response_length, "\"id", 3) : NULL;
    if (!at)
        return -1;
    for (at += 3; at < end && !(*at >= '0' && *at <= '9') && *at != '-' && *at != '}'; at++)
        ;
    char digits[24] = "";
    for (size_t i = 0;
         at < end && i + 1 < sizeof digits && (*at == '-' || (*at >= '0' && *at <= '9')); i++)
        digits[i] = *at++;
    return *digits ? strtoll(digits, NULL, 10) : -1;
}

/* Is it what was written? */
static bool matches(const struct cross_connection *cross, size_t index, const struct call *part)
{
    if (target_of(cross)->parts[index].tier->answers_id)
        return first_id(part) == cross->record.ids[index];
    size_t length = strlen(cross->value) - 2; /* without its quotes */
    return part->response &&
           memmem(part->response, part->response_length, cross->value + 1, length) != NULL;
}

static bool step_ended_well(struct cross_connection *cross, size_t index, const struct call *part)
{
    static const struct outcome mismatch = {.kind = OUTCOME_CHECK_FAILED, .detail = "mismatch"};
    const struct cross_tier *tier = target_of(cross)->parts[index].tier;
    char text[160];
    if (part->outcome.kind != OUTCOME_OK) {
        fail(cross, index, &part->outcome, part->text);
        return false;
    }
    if (cross->verb == CROSS_WRITE) {
        cross->record.ids[index] = tier->answers_id ? first_id(part) : 0;
        return true;
    }
    if (matches(cross, index, part))
        return true;
    worker_of(cross)->mismatched++;
    snprintf(text, sizeof text, "%s is not what was written for %s", tier->role, cross->key);
    fail(cross, index, &mismatch, text);
    return false;
}

static void count_step(struct cross_connection *cross, size_t index, const struct call *part,
                       bool well)
{
    struct cross_figures *figures = &worker_of(cross)->figures[cross->verb][index];
    uint64_t end_ns = part->end_ns ? part->end_ns : clock_now_ns();
    uint64_t took = end_ns > cross->step_ns ? end_ns - cross->step_ns : 0;
    struct call *call = cross->call;
    if (well)
        histogram_record(&figures->latency, took);
    else
        figures->failed++;
    if (call->want_response)
        buffer_printf(&cross->response, "%s\"%s %s_us\":%.1f",
                      buffer_length(&cross->response) ? "," : "{",
                      cross->verb == CROSS_WRITE ? "write" : "read",
                      target_of(cross)->parts[index].options.name, (double)took / 1e3);
    if (!call->send_ns) {
        call->send_ns = part->send_ns;
        call->sent_ns = part->sent_ns;
    }
    call->first_byte_ns = part->first_byte_ns;
    call->end_ns = end_ns;
    call->bytes_sent += part->bytes_sent;
    call->bytes_received += part->bytes_received;
    call->round_trips += part->round_trips;
}

static void step_complete(struct call *part)
{
    struct cross_connection *cross = part->engine_data;
    const struct cross_target *target = target_of(cross);
    size_t index = target->order[cross->verb][cross->step];
    cross->parts[index]->in_flight = 0;
    if (!cross->parts[index]->reusable)
        cross->connection->reusable = false;
    bool well = step_ended_well(cross, index, part);
    count_step(cross, index, part, well);
    if (!well) {
        finish(cross);
        return;
    }
    cross->step++;
    if (cross->step == target->count && cross->verb == CROSS_WRITE) {
        remember(cross);
        if (cross->operation->verb == CROSS_READ) { /* it had nothing to read before */
            cross->verb = CROSS_READ;
            cross->step = 0;
        }
    }
    if (cross->step < target->count)
        begin_step(cross);
    else
        finish(cross);
}

static void fail(struct cross_connection *cross, size_t index, const struct outcome *why,
                 const char *text)
{
    cross->call->outcome = *why;
    snprintf(cross->text, sizeof cross->text, "%s, step %u (%s %s): %s",
             target_of(cross)->parts[index].options.name, cross->step + 1,
             cross->verb == CROSS_WRITE ? "write the" : "read the",
             target_of(cross)->parts[index].tier->role, text ? text : outcome_kind_name(why->kind));
}

/* Tell the engine, now or, from inside its own call, as soon as it is back. */
static void finish(struct cross_connection *cross)
{
    if (cross->submitting)
        loop_defer(cross->connection->worker->loop, &cross->ended);
    else
        cross_ended(&cross->ended);
}

void cross_ended(struct loop_task *task)
{
    struct cross_connection *cross = container_of(task, struct cross_connection, ended);
    struct call *call = cross->call;
    if (!call) { /* a connect that could not even begin */
        cross->told = true;
        cross->connection->closed(cross->connection, &cross->why[0], cross->text);
        return;
    }
    cross->call = NULL;
    call->text = cross->text[0] ? cross->text : NULL;
    if (!call->end_ns)
        call->end_ns = clock_now_ns();
    if (call->want_response && buffer_length(&cross->response) &&
        buffer_append_char(&cross->response, '}') == 0) {
        call->response = buffer_bytes(&cross->response);
        call->response_length = buffer_length(&cross->response);
    }
    call->complete(call);
}
