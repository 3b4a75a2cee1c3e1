/* What comes back from a Bolt server while it carries a call, and what it amounts to. See bolt.h.
 */
#include "drivers/bolt.h"

#include "net/bolt_json.h"

#include <stdio.h>
#include <string.h>

static struct neo4j_link *link_of(struct bolt_connection *bolt)
{
    return container_of(bolt, struct neo4j_link, bolt);
}

static const struct neo4j_operation *operation_of(const struct neo4j_link *link)
{
    return link->call->operation->driver_data;
}

static bool is_last(const struct neo4j_link *link)
{
    return link->statement + 1 == operation_of(link)->statement_count;
}

static void drop(struct buffer *buffer)
{
    buffer_clear(buffer);
    if (buffer->capacity > NEO4J_KEPT_MEMORY)
        buffer_shrink(buffer);
}

void neo4j_answer_begin(struct neo4j_link *link)
{
    const struct neo4j_operation *operation = operation_of(link);
    link->step = operation->transaction ? STEP_BEGIN : STEP_RUN;
    link->statement = 0;
    link->records = 0;
    link->response_lost = false;
    link->trouble = (struct outcome){.kind = OUTCOME_OK};
    drop(&link->fields);
    drop(&link->response);
}

static void trouble(struct neo4j_link *link, enum outcome_kind kind, const char *detail,
                    const char *text)
{
    if (link->trouble.kind != OUTCOME_OK)
        return;
    link->trouble = (struct outcome){.kind = kind, .detail = detail};
    snprintf(link->text, sizeof link->text, "%s", text);
}

/* ---- the response, as JSON ---------------------------------------------------------------------
 */

static void lose_response(struct neo4j_link *link, bool kept)
{
    if (!kept)
        link->response_lost = true;
}

static bool append_value(struct neo4j_link *link, struct packstream_reader *reader)
{
    return bolt_value_to_json(reader, &link->response) == BOLT_JSON_OK;
}

/* Names from one reader, values from another, as an object. */
static bool append_object(struct neo4j_link *link, struct packstream_reader *names,
                          struct packstream_reader *values, size_t count)
{
    bool ok = buffer_append_char(&link->response, '{') == 0;
    for (size_t i = 0; ok && i < count; i++)
        ok = (i == 0 || buffer_append_char(&link->response, ',') == 0) &&
             append_value(link, names) && buffer_append_char(&link->response, ':') == 0 &&
             append_value(link, values);
    return ok && buffer_append_char(&link->response, '}') == 0;
}

static void begin_response(struct neo4j_link *link, struct packstream_reader names)
{
    size_t length = (size_t)(names.end - names.at);
    buffer_clear(&link->response);
    buffer_clear(&link->fields);
    lose_response(link, buffer_append(&link->fields, names.at, length) == 0 &&
                            buffer_append_text(&link->response, "{\"records\":[") == 0);
}

static void end_response(struct neo4j_link *link, struct packstream_reader pairs, size_t count)
{
    if (link->response_lost)
        return;
    /* A map's names and values alternate: one reader serves as both. */
    lose_response(link, buffer_append_text(&link->response, "],\"summary\":") == 0 &&
                            append_object(link, &pairs, &pairs, count) &&
                            buffer_append_char(&link->response, '}') == 0);
}

/* ---- callbacks ---------------------------------------------------------------------------------
 */

void neo4j_answer_record(struct bolt_connection *bolt, struct packstream_reader values,
                         size_t count)
{
    struct neo4j_link *link = link_of(bolt);
    if (link->step != STEP_PULL || count != link->field_count) {
        trouble(link, OUTCOME_PROTOCOL_VIOLATION, "record_fields",
                "a record has not as many values as the query has fields");
        return;
    }
    if (!is_last(link))
        return;
    link->records++;
    if (!link->call->want_response || link->response_lost)
        return;
    struct packstream_reader names =
        packstream_reader_of(buffer_bytes(&link->fields), buffer_length(&link->fields));
    lose_response(link, (link->records == 1 || buffer_append_char(&link->response, ',') == 0) &&
                            append_object(link, &names, &values, count));
}

static void run_succeeded(struct neo4j_link *link, struct packstream_reader pairs, size_t count)
{
    struct packstream_value fields;
    struct packstream_reader names = pairs;
    link->field_count = 0;
    link->step = STEP_PULL;
    bool found = packstream_find(pairs, count, "fields", &fields, &names) == 1 &&
                 fields.type == PACKSTREAM_LIST;
    if (!found)
        trouble(link, OUTCOME_PROTOCOL_VIOLATION, "no_fields",
                "the server accepted a query without naming the fields of its answer");
    else
        link->field_count = fields.count;
    if (link->call->want_response && is_last(link) && found)
        begin_response(link, names);
}

/* Send what comes next in the exchange. */
static void continue_with(struct neo4j_link *link, struct buffer *request, unsigned requests,
                          int put)
{
    if (put == 0 && bolt_connection_continue(&link->bolt, buffer_bytes(request),
                                             buffer_length(request), requests) == 0)
        return;
    /* The server waits for what cannot be sent; nothing else can be asked on this connection. */
    link->call->connection->reusable = false;
    trouble(link, OUTCOME_NOT_RUN, "no_memory", "the request could not be made");
}

static void next_statement(struct neo4j_link *link, struct neo4j_worker *worker)
{
    const struct neo4j_operation *operation = operation_of(link);
    const struct neo4j_target *neo4j = neo4j_target_of(link->call->connection->worker);
    int64_t fetch = neo4j->settings.fetch_size ? (int64_t)neo4j->settings.fetch_size : -1;
    const char *missing = NULL;
    link->step = STEP_RUN;
    link->statement++;
    int put = neo4j_statement_put(&operation->statements[link->statement], NULL, 0, fetch,
                                  link->call->context, &worker->text, &worker->request, &missing);
    if (put < 0 && missing) {
        char text[160];
        snprintf(text, sizeof text, "nothing was captured for %s", missing);
        trouble(link, OUTCOME_NOT_RUN, "capture_missing", text);
    }
    continue_with(link, &worker->request, 2, put);
}

static void pull_succeeded(struct neo4j_link *link, struct packstream_reader pairs, size_t count)
{
    const struct neo4j_operation *operation = operation_of(link);
    struct driver_worker *driver_worker = link->call->connection->worker;
    struct neo4j_worker *worker = driver_part_of_worker(driver_worker);
    uint64_t fetch = neo4j_target_of(driver_worker)->settings.fetch_size;
    buffer_clear(&worker->request);
    if (bolt_map_true(pairs, count, "has_more")) {
        continue_with(link, &worker->request, 1,
                      bolt_put_pull(&worker->request, BOLT_PULL, (int64_t)fetch, -1));
        return;
    }
    if (is_last(link) && link->call->want_response)
        end_response(link, pairs, count);
    if (!operation->transaction)
        return;
    bool goes_on = !is_last(link) && link->trouble.kind == OUTCOME_OK;
    if (goes_on)
        next_statement(link, worker);
    if (goes_on && link->trouble.kind == OUTCOME_OK)
        return;
    /* All said; or something is wrong, and the transaction must not stay open. */
    bool rollback = operation->rollback || link->trouble.kind != OUTCOME_OK;
    link->step = STEP_END;
    buffer_clear(&worker->request);
    continue_with(link, &worker->request, 1,
                  bolt_put_bare(&worker->request, rollback ? BOLT_ROLLBACK : BOLT_COMMIT));
}

void neo4j_answer_success(struct bolt_connection *bolt, unsigned request,
                          struct packstream_reader pairs, size_t count)
{
    struct neo4j_link *link = link_of(bolt);
    (void)request;
    switch (link->step) {
    case STEP_BEGIN:
        link->step = STEP_RUN;
        break;
    case STEP_RUN:
        run_succeeded(link, pairs, count);
        break;
    case STEP_PULL:
        pull_succeeded(link, pairs, count);
        break;
    case STEP_END:
        break;
    }
}

void neo4j_answer_end(struct neo4j_link *link, const struct outcome *why, const char *text)
{
    struct call *call = link->call;
    const struct neo4j_operation *operation = operation_of(link);
    call->outcome = *why;
    call->text = text;
    if (why->kind != OUTCOME_OK)
        return;
    if (link->trouble.kind == OUTCOME_OK && link->records < operation->least_records)
        trouble(link, OUTCOME_CHECK_FAILED, "no_record",
                "the query found nothing, although the dataset holds what it asks for");
    call->outcome = link->trouble;
    call->text = link->trouble.kind == OUTCOME_OK ? NULL : link->text;
    if (call->want_response && !link->response_lost && buffer_length(&link->response)) {
        call->response = buffer_bytes(&link->response);
        call->response_length = buffer_length(&link->response);
    }
}
