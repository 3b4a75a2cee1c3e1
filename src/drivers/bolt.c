/* The neo4j driver: Cypher over Bolt 4.4 to 5.8. A call is one exchange on a connection of its own
 * for that long: a query sent with the order to send its records, or a transaction around several.
 * Refused credentials are no lost target: every call then ends with reason auth, and the server is
 * asked again only now and then, since each wrong password counts towards its lock. */
#include "drivers/bolt.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_FIRST_NS (1 * NS_PER_S)
#define REFUSED_MOST_NS  (30 * NS_PER_S)

static const struct bolt_connection_events link_callbacks;

static struct neo4j_link *link_of(struct bolt_connection *bolt)
{
    return container_of(bolt, struct neo4j_link, bolt);
}

static bool neo4j_accepts(const struct target_options *options)
{
    return options->url && bolt_url_is_one(options->url);
}

/* ---- workers -----------------------------------------------------------------------------------
 */

static void note_refusal(struct neo4j_worker *worker, const char *text)
{
    uint64_t longer = worker->backoff_ns ? worker->backoff_ns * 2 : REFUSED_FIRST_NS;
    worker->backoff_ns = longer < REFUSED_MOST_NS ? longer : REFUSED_MOST_NS;
    worker->retry_ns = clock_now_ns() + worker->backoff_ns;
    worker->refused = true;
    if (text != worker->refusal)
        snprintf(worker->refusal, sizeof worker->refusal, "%s", text);
}

static int neo4j_worker_open(struct driver_worker *driver_worker, struct error *error)
{
    struct neo4j_worker *worker = driver_part_of_worker(driver_worker);
    const struct neo4j_target *neo4j = neo4j_target_of(driver_worker);
    (void)error;
    buffer_init(&worker->request, NEO4J_REQUEST_LIMIT);
    buffer_init(&worker->text, NEO4J_REQUEST_LIMIT);
    if (neo4j->refused)
        note_refusal(worker, neo4j->refusal);
    return 0;
}

static void neo4j_worker_close(struct driver_worker *driver_worker)
{
    struct neo4j_worker *worker = driver_part_of_worker(driver_worker);
    buffer_free(&worker->request);
    buffer_free(&worker->text);
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void connection_refused(struct loop_task *task)
{
    static const struct outcome auth = {.kind = OUTCOME_SOURCE_ERROR, .detail = "auth"};
    struct neo4j_link *link = container_of(task, struct neo4j_link, refused);
    struct connection *connection = neo4j_connection_of(link);
    struct neo4j_worker *worker = driver_part_of_worker(connection->worker);
    connection->closed(connection, &auth, worker->refusal);
}

static void neo4j_connect(struct connection *connection)
{
    struct neo4j_link *link = driver_part_of_connection(connection);
    struct neo4j_worker *worker = driver_part_of_worker(connection->worker);
    link->refused.run = connection_refused;
    buffer_init(&link->fields, NEO4J_RESPONSE_LIMIT);
    buffer_init(&link->response, NEO4J_RESPONSE_LIMIT);
    if (worker->refused && clock_now_ns() < worker->retry_ns) {
        loop_defer(connection->worker->loop, &link->refused);
        return;
    }
    if (worker->refused) /* this one tries; until it knows, nobody else does */
        note_refusal(worker, worker->refusal);
    bolt_connection_open(&link->bolt, connection->worker->loop,
                         &neo4j_target_of(connection->worker)->endpoint, &link_callbacks);
}

static void neo4j_disconnect(struct connection *connection)
{
    struct neo4j_link *link = driver_part_of_connection(connection);
    loop_undefer(connection->worker->loop, &link->refused);
    bolt_connection_close(&link->bolt);
    buffer_free(&link->fields);
    buffer_free(&link->response);
}

static void link_opened(struct bolt_connection *bolt)
{
    struct connection *connection = neo4j_connection_of(link_of(bolt));
    struct neo4j_worker *worker = driver_part_of_worker(connection->worker);
    const struct stream *stream = &bolt->stream;
    worker->refused = false;
    worker->backoff_ns = 0;
    connection->capacity = 1;
    connection->reusable = true;
    connection->connect_ns = stream->connected_ns - stream->open_started_ns;
    connection->tls_ns = bolt->endpoint->tls ? stream->opened_ns - stream->connected_ns : 0;
    connection->opened(connection);
}

static void link_closed(struct bolt_connection *bolt, const struct outcome *why, const char *text)
{
    struct neo4j_link *link = link_of(bolt);
    struct connection *connection = neo4j_connection_of(link);
    struct neo4j_worker *worker = driver_part_of_worker(connection->worker);
    connection->reusable = false;
    if (neo4j_explain_refusal(why, text, link->text, sizeof link->text)) {
        if (!worker->refused)
            note_refusal(worker, link->text);
        text = link->text;
    }
    connection->closed(connection, why, text);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

/* The text of the request may be asked for in `complete`, and the call be another one's after. */
static void complete(struct call *call)
{
    struct neo4j_call *part = driver_part_of_call(call);
    struct buffer sent = part->sent;
    call->complete(call);
    buffer_free(&sent);
}

static void call_ended(struct loop_task *task)
{
    struct neo4j_call *part = container_of(task, struct neo4j_call, ended);
    complete(part->call);
}

/* End a call without an answer, outside of the engine's own call. */
static void end_later(struct call *call, const struct outcome *why, const char *text)
{
    struct neo4j_call *part = driver_part_of_call(call);
    struct neo4j_link *link = driver_part_of_connection(call->connection);
    link->call = NULL;
    call->outcome = *why;
    call->text = text;
    call->end_ns = clock_now_ns();
    loop_defer(call->connection->worker->loop, &part->ended);
}

static void link_finished(struct bolt_connection *bolt, const struct outcome *why, const char *text)
{
    struct neo4j_link *link = link_of(bolt);
    struct call *call = link->call;
    bool refused = neo4j_explain_refusal(why, text, link->text, sizeof link->text);
    neo4j_answer_end(link, why, refused ? link->text : text);
    /* A broken connection is closed next; one whose credentials ran out must greet anew. */
    if (refused || (why->kind != OUTCOME_OK && why->kind != OUTCOME_SOURCE_ERROR))
        call->connection->reusable = false;
    call->send_ns = bolt->send_ns;
    call->sent_ns = bolt->sent_ns;
    call->first_byte_ns = bolt->first_byte_ns;
    call->end_ns = bolt->end_ns;
    call->bytes_sent = bolt->bytes_sent;
    call->bytes_received = bolt->bytes_received;
    call->round_trips = bolt->round_trips;
    link->call = NULL;
    complete(call);
}

static const struct bolt_connection_events link_callbacks = {.opened = link_opened,
                                                             .record = neo4j_answer_record,
                                                             .success = neo4j_answer_success,
                                                             .finished = link_finished,
                                                             .closed = link_closed};

static int put_first(struct neo4j_worker *worker, const struct neo4j_target *neo4j,
                     const struct call *call, const char **missing)
{
    const struct neo4j_operation *operation = call->operation->driver_data;
    int64_t fetch = neo4j->settings.fetch_size ? (int64_t)neo4j->settings.fetch_size : -1;
    const char *scope = operation->transaction ? NULL : operation->scope;
    size_t scope_length = operation->transaction ? 0 : operation->scope_length;
    size_t position;
    buffer_clear(&worker->request);
    if (operation->transaction &&
        (bolt_message_begin(&worker->request, &position) < 0 ||
         packstream_put_structure(&worker->request, BOLT_BEGIN, 1) < 0 ||
         buffer_append(&worker->request, operation->scope, operation->scope_length) < 0 ||
         bolt_message_end(&worker->request, position) < 0))
        return -1;
    return neo4j_statement_put(&operation->statements[0], scope, scope_length, fetch, call->context,
                               &worker->text, &worker->request, missing);
}

/* The first query as it was sent; later ones of a transaction are in its arguments. */
static void keep_request(struct neo4j_call *part, const struct neo4j_worker *worker)
{
    const struct neo4j_operation *operation = part->call->operation->driver_data;
    const struct neo4j_statement *statement = &operation->statements[0];
    const char *cypher = statement->cypher;
    const char *parameters = statement->parameters ? statement->parameters : "{}";
    size_t length = strlen(parameters);
    if (statement->parameters_template) { /* rendered last, so that it is still there */
        parameters = buffer_bytes(&worker->text);
        length = buffer_length(&worker->text);
    }
    if (buffer_append_text(&part->sent, "{\"cypher\":\"") < 0 ||
        buffer_append_json_escaped(&part->sent, cypher, strlen(cypher)) < 0 ||
        buffer_append_text(&part->sent, "\",\"parameters\":") < 0 ||
        buffer_append(&part->sent, parameters, length) < 0 ||
        buffer_append_char(&part->sent, '}') < 0)
        buffer_clear(&part->sent);
}

static void neo4j_submit(struct call *call)
{
    struct neo4j_call *part = driver_part_of_call(call);
    struct neo4j_link *link = driver_part_of_connection(call->connection);
    struct driver_worker *driver_worker = call->connection->worker;
    struct neo4j_worker *worker = driver_part_of_worker(driver_worker);
    const struct neo4j_operation *operation = call->operation->driver_data;
    static const struct outcome no_capture = {.kind = OUTCOME_NOT_RUN, .detail = "capture_missing"};
    static const struct outcome no_memory = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
    static const struct outcome no_dataset = {.kind = OUTCOME_SOURCE_ERROR, .detail = "no_dataset"};
    const struct neo4j_target *neo4j = neo4j_target_of(driver_worker);
    const char *missing = NULL;
    part->call = call;
    part->ended.run = call_ended;
    buffer_init(&part->sent, NEO4J_REQUEST_LIMIT * 2);
    link->call = call;
    neo4j_answer_begin(link);
    if (operation->on_dataset && neo4j->refused) {
        end_later(call, &no_dataset,
                  "the server refused the credentials when the run began and accepts them now: "
                  "there is no dataset; run again");
        return;
    }
    if (put_first(worker, neo4j, call, &missing) < 0) {
        if (missing)
            snprintf(link->text, sizeof link->text, "nothing was captured for %s", missing);
        end_later(call, missing ? &no_capture : &no_memory,
                  missing ? link->text : "the request is larger than 16 MiB, or memory is out");
        return;
    }
    if (call->keep_request)
        keep_request(part, worker);
    if (bolt_connection_submit(&link->bolt, buffer_bytes(&worker->request),
                               buffer_length(&worker->request), operation->transaction ? 3 : 2) < 0)
        end_later(call, &no_memory, "out of memory");
}

static void neo4j_cancel(struct call *call, const struct outcome *why)
{
    struct neo4j_link *link = driver_part_of_connection(call->connection);
    if (!link->call) /* it has ended already and is about to be reported */
        return;
    call->send_ns = link->bolt.send_ns;
    call->sent_ns = link->bolt.sent_ns;
    call->bytes_sent = link->bolt.bytes_sent;
    call->round_trips = link->bolt.round_trips;
    call->connection->reusable = false;
    bolt_connection_close(&link->bolt); /* RESET makes the server stop the query */
    end_later(call, why, "the server did not answer in time");
}

static char *neo4j_request_text(const struct call *call)
{
    struct neo4j_call *part = driver_part_of_call((struct call *)call);
    size_t length = buffer_length(&part->sent);
    return length ? strndup(buffer_bytes(&part->sent), length) : NULL;
}

static void neo4j_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver neo4j_driver = {
    .name = "neo4j",
    .summary = "Cypher on a Neo4j server over Bolt (bolt://, bolt+s://, bolt+ssc://, neo4j://)",
    .accepts = neo4j_accepts,
    .worker_size = sizeof(struct neo4j_worker),
    .connection_size = sizeof(struct neo4j_link),
    .call_size = sizeof(struct neo4j_call),
    .open = neo4j_open,
    .close = neo4j_close,
    .prepare = neo4j_prepare,
    .release = neo4j_release,
    .arguments_text = neo4j_arguments_text,
    .request_text = neo4j_request_text,
    .worker_open = neo4j_worker_open,
    .worker_close = neo4j_worker_close,
    .connect = neo4j_connect,
    .disconnect = neo4j_disconnect,
    .submit = neo4j_submit,
    .cancel = neo4j_cancel,
    .session_discard = neo4j_session_discard,
};
