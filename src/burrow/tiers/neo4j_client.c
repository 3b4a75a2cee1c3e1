/* See neo4j_client.h. */
#include "burrow/tiers/neo4j_client.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE     16384
#define REQUEST_LIMIT ((size_t)64 << 20)
#define REFUSED_MS    2000 /* a server that refuses is asked no more often: it counts the attempts */

static const struct bolt_protocol_events protocol_events;

/* ---- opening -------------------------------------------------------------------------------- */

int neo4j_client_open(struct neo4j_client *client, const char *url, struct error *error)
{
    struct url parsed;
    *client = (struct neo4j_client){.link.fd = -1};
    buffer_init(&client->requests, REQUEST_LIMIT);
    if (url_parse(&parsed, url, error) < 0)
        return error_wrap(error, "--neo4j");
    bool good = bolt_url_is_one(url);
    snprintf(client->address, sizeof client->address, "%.255s:%u", parsed.host, parsed.port);
    url_free(&parsed);
    if (!good)
        return error_set(error, ERROR_USAGE,
                         "--neo4j: write bolt://USER:PASSWORD@HOST:PORT, or bolt+s:// for TLS");
    client->url = strdup(url);
    return client->url ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

void neo4j_client_drop(struct neo4j_client *client)
{
    if (client->link.open)
        bolt_protocol_free(&client->protocol);
    link_close(&client->link);
    bolt_endpoint_close(&client->endpoint);
    if (client->transaction == NEO4J_BEGUN)
        client->transaction = NEO4J_LOST;
}

void neo4j_client_close(struct neo4j_client *client)
{
    neo4j_client_drop(client);
    buffer_free(&client->requests);
    json_decref(client->rows);
    free(client->url);
    *client = (struct neo4j_client){.link.fd = -1};
}

/* ---- failures ------------------------------------------------------------------------------- */

static int remember(struct neo4j_client *client, const struct error *error)
{
    client->failures++;
    snprintf(client->last_error, sizeof client->last_error, "%.255s", error->text);
    return -1;
}

/* `reason` may be in what is closed here. */
static int fail_unreachable(struct neo4j_client *client, const char *reason, struct error *error)
{
    error_set(error, ERROR_TARGET,
              "graph: Neo4j at %s cannot be reached: %s; start it, or restart burrow without "
              "--neo4j",
              client->address, reason);
    neo4j_client_drop(client);
    link_backoff_failed(&client->backoff, 0);
    return remember(client, error);
}

static int fail_refused(struct neo4j_client *client, const char *words, struct error *error)
{
    error_set(error, ERROR_TARGET,
              "graph: Neo4j at %s refuses the user or the password: %s; correct them in --neo4j",
              client->address, words);
    neo4j_client_drop(client);
    link_backoff_failed(&client->backoff, REFUSED_MS);
    return remember(client, error);
}

int neo4j_client_refuse(struct neo4j_client *client, struct error *error)
{
    neo4j_client_drop(client);
    link_backoff_failed(&client->backoff, REFUSED_MS);
    return remember(client, error);
}

static int fail_broken(struct neo4j_client *client, const struct bolt_breach *breach,
                       struct error *error)
{
    const char *detail = breach->outcome.detail ? breach->outcome.detail : "";
    if (breach->outcome.kind == OUTCOME_SOURCE_ERROR && strcmp(detail, "auth") == 0)
        return fail_refused(client, breach->text, error);
    return fail_unreachable(client, breach->text, error);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static int flush(struct neo4j_client *client, uint64_t deadline_ns, struct error *error)
{
    struct buffer *output = &client->protocol.output;
    if (link_write(&client->link, buffer_bytes(output), buffer_length(output), deadline_ns) < 0)
        return fail_unreachable(client, client->link.reason, error);
    buffer_clear(output);
    return 0;
}

/* Until `finished`, which the greeting sets too. */
static int converse(struct neo4j_client *client, uint64_t deadline_ns, struct error *error)
{
    char bytes[READ_SIZE];
    struct bolt_breach breach;
    client->finished = client->failed = client->malformed = false;
    for (;;) {
        if (buffer_length(&client->protocol.output) && flush(client, deadline_ns, error) < 0)
            return -1;
        if (client->finished)
            return 0;
        int64_t count = link_read(&client->link, bytes, sizeof bytes, deadline_ns);
        if (count < 0)
            return fail_unreachable(client, client->link.reason, error);
        if (bolt_protocol_feed(&client->protocol, bytes, (size_t)count, &breach) < 0)
            return fail_broken(client, &breach, error);
        if (client->malformed)
            return fail_unreachable(client, "its answer is malformed, or larger than 64 MiB",
                                    error);
    }
}

static struct neo4j_client *client_of(struct bolt_protocol *protocol)
{
    return container_of(protocol, struct neo4j_client, protocol);
}

static void on_ready(struct bolt_protocol *protocol)
{
    client_of(protocol)->finished = true;
}

static json_t *value_of(const struct packstream_value *value)
{
    switch (value->type) {
    case PACKSTREAM_NULL:
        return json_null();
    case PACKSTREAM_BOOLEAN:
        return json_boolean(value->boolean);
    case PACKSTREAM_INTEGER:
        return json_integer(value->integer);
    case PACKSTREAM_FLOAT:
        return json_real(value->number);
    case PACKSTREAM_STRING:
        return json_stringn(value->bytes, value->length);
    default: /* no query asks for anything else */
        return NULL;
    }
}

static void on_record(struct bolt_protocol *protocol, struct packstream_reader values, size_t count)
{
    struct neo4j_client *client = client_of(protocol);
    json_t *row = json_array();
    client->rows_bytes += (size_t)(values.end - values.at);
    for (size_t i = 0; i < count && !client->malformed; i++) {
        struct packstream_value value;
        json_t *item = packstream_read(&values, &value) == 0 ? value_of(&value) : NULL;
        client->malformed = !item || json_array_append_new(row, item) < 0;
    }
    if (client->rows_bytes > NEO4J_ANSWER_LIMIT || json_array_append_new(client->rows, row) < 0)
        client->malformed = true;
}

static void on_success(struct bolt_protocol *protocol, unsigned request,
                       struct packstream_reader pairs, size_t count)
{
    (void)protocol;
    (void)request;
    (void)pairs;
    (void)count;
}

static void on_finished(struct bolt_protocol *protocol, bool failed)
{
    client_of(protocol)->finished = true;
    client_of(protocol)->failed = failed;
}

static const struct bolt_protocol_events protocol_events = {
    .ready = on_ready, .record = on_record, .success = on_success, .finished = on_finished};

/* ---- connecting ----------------------------------------------------------------------------- */

static int make_connection(struct neo4j_client *client, struct error *error)
{
    uint64_t deadline = clock_now_ns() + NEO4J_CONNECT_MS * NS_PER_MS;
    struct error problem = {0};
    if (bolt_endpoint_open(&client->endpoint, client->url, NULL, NULL, NULL, &problem) < 0)
        return fail_unreachable(client, problem.text, error);
    client->endpoint.settings.message_limit = NEO4J_ANSWER_LIMIT;
    if (link_open(&client->link, &client->endpoint.address, client->endpoint.tls, deadline) < 0)
        return fail_unreachable(client, client->link.reason, error);
    if (bolt_protocol_init(&client->protocol, &client->endpoint.settings, &protocol_events) < 0)
        return fail_unreachable(client, "out of memory", error);
    return converse(client, deadline, error);
}

int neo4j_client_connect(struct neo4j_client *client, struct error *error)
{
    struct error own = {0};
    struct error *problem = error ? error : &own;
    if (client->transaction == NEO4J_LOST)
        return error_set(error, ERROR_TARGET, "%s", client->last_error);
    /* closed while nothing was asked, by a restart or for its idleness: no failure yet. The answer
     * to a RESET may still be due. */
    if (client->link.open && client->transaction != NEO4J_BEGUN && client->protocol.resets == 0 &&
        !link_is_quiet(&client->link))
        neo4j_client_drop(client);
    if (client->link.open)
        return 0;
    if (link_backoff_waits(&client->backoff))
        return error_set(error, ERROR_TARGET, "%s", client->last_error);
    return make_connection(client, problem) < 0 ? -1 : 1;
}

/* ---- queries -------------------------------------------------------------------------------- */

static int put_value(struct buffer *output, const json_t *value)
{
    const json_t *item;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return packstream_put_string(output, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return packstream_put_integer(output, json_integer_value(value));
    case JSON_REAL:
        return packstream_put_float(output, json_real_value(value));
    case JSON_ARRAY:
        if (packstream_put_list(output, json_array_size(value)) < 0)
            return -1;
        json_array_foreach(value, index, item) if (put_value(output, item) < 0) return -1;
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return packstream_put_boolean(output, json_is_true(value));
    default:
        return packstream_put_null(output);
    }
}

static int put_parameters(struct buffer *output, json_t *parameters)
{
    const char *name;
    json_t *value;
    if (packstream_put_map(output, json_object_size(parameters)) < 0)
        return -1;
    json_object_foreach(parameters, name, value)
    {
        if (packstream_put_text(output, name) < 0 || put_value(output, value) < 0)
            return -1;
    }
    return 0;
}

static int put_run(struct buffer *output, const char *cypher, json_t *parameters)
{
    struct buffer map;
    buffer_init(&map, REQUEST_LIMIT);
    int failed = put_parameters(&map, parameters);
    if (failed == 0)
        failed = bolt_put_run(output, cypher, strlen(cypher), buffer_bytes(&map),
                              buffer_length(&map), NULL, 0);
    buffer_free(&map);
    return failed == 0 ? bolt_put_pull(output, BOLT_PULL, -1, -1) : -1;
}

static bool is_known(const struct neo4j_client *client, const char *cypher)
{
    for (size_t i = 0; i < client->kind_count; i++)
        if (client->kinds[i] == cypher)
            return true;
    return false;
}

/* What is in `requests`. A failure loses the transaction. */
static int exchange(struct neo4j_client *client, unsigned count, uint64_t limit_ms,
                    struct error *error)
{
    const struct bolt_failure *failure = &client->protocol.failure;
    json_decref(client->rows);
    client->rows = json_array();
    client->rows_bytes = 0;
    if (!client->rows || buffer_append(&client->protocol.output, buffer_bytes(&client->requests),
                                       buffer_length(&client->requests)) < 0)
        return error_set(error, ERROR_USAGE, "graph: more than Neo4j takes in one query");
    bolt_protocol_expect(&client->protocol, count);
    if (converse(client, clock_now_ns() + limit_ms * NS_PER_MS, error) < 0)
        return -1;
    if (!client->failed)
        return 0;
    if (client->transaction == NEO4J_BEGUN)
        client->transaction = NEO4J_LOST;
    if (strcmp(bolt_failure_reason(failure->code), "auth") == 0)
        return fail_refused(client, failure->message, error);
    error_set(error, ERROR_TARGET, "graph: Neo4j at %s: %s: %s", client->address, failure->code,
              failure->message);
    return remember(client, error);
}

json_t *neo4j_client_run(struct neo4j_client *client, const char *cypher, json_t *parameters,
                         struct error *error)
{
    static const struct bolt_scope scope = {.timeout_ms = NEO4J_TRANSACTION_MS};
    struct error own = {0};
    struct error *problem = error ? error : &own;
    unsigned count = 2;
    int full = 0;
    buffer_clear(&client->requests);
    if (client->transaction == NEO4J_DUE) {
        full = bolt_put_begin(&client->requests, &scope);
        count++;
    }
    if (full == 0)
        full = put_run(&client->requests, cypher, parameters);
    json_decref(parameters);
    if (full < 0) {
        error_set(problem, ERROR_USAGE, "graph: more than Neo4j takes in one query");
        return NULL;
    }
    if (client->transaction == NEO4J_DUE)
        client->transaction = NEO4J_BEGUN;
    bool known = is_known(client, cypher);
    if (exchange(client, count, known ? NEO4J_ANSWER_MS : NEO4J_COMPILE_MS, problem) < 0)
        return NULL;
    if (!known && client->kind_count < NEO4J_KINDS)
        client->kinds[client->kind_count++] = cypher;
    link_backoff_succeeded(&client->backoff);
    json_t *rows = client->rows;
    client->rows = NULL;
    return rows;
}

/* ---- transactions --------------------------------------------------------------------------- */

void neo4j_client_begin(struct neo4j_client *client)
{
    client->transaction = NEO4J_DUE;
}

int neo4j_client_commit(struct neo4j_client *client, struct error *error)
{
    struct error own = {0};
    struct error *problem = error ? error : &own;
    enum neo4j_transaction was = client->transaction;
    if (was == NEO4J_LOST)
        return error_set(error, ERROR_TARGET, "%s", client->last_error);
    buffer_clear(&client->requests);
    if (was == NEO4J_BEGUN && (bolt_put_bare(&client->requests, BOLT_COMMIT) < 0 ||
                               exchange(client, 1, NEO4J_ANSWER_MS, problem) < 0))
        return -1;
    client->transaction = NEO4J_AUTOCOMMIT;
    return 0;
}

void neo4j_client_rollback(struct neo4j_client *client)
{
    struct error problem = {0};
    bool begun = client->transaction == NEO4J_BEGUN;
    buffer_clear(&client->requests);
    if (begun && bolt_put_bare(&client->requests, BOLT_ROLLBACK) == 0)
        exchange(client, 1, NEO4J_ANSWER_MS,
                 &problem); /* without a connection the server does it by itself */
    client->transaction = NEO4J_AUTOCOMMIT;
}
