/* See bolt.h: queries one after the other, each waited for, on a loop of their own. */
#include "drivers/bolt.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "net/bolt_json.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPTS = 8 };
#define RETRY_FIRST_NS        (50 * NS_PER_MS)
#define INTERRUPT_PATIENCE_NS (5 * NS_PER_S)

static const struct bolt_connection_events control_callbacks;

static struct neo4j_control *control_of(struct bolt_connection *bolt)
{
    return container_of(bolt, struct neo4j_control, bolt);
}

/* Until something has ended; false when that takes too long. When the end is asked for while a
 * target is opened, a query under way is waited for a while: what it makes must not come after the
 * removal. */
static bool wait_for_end(struct neo4j_control *control, uint64_t timeout_ns)
{
    uint64_t give_up = clock_now_ns() + timeout_ns;
    while (!control->over && clock_now_ns() < give_up) {
        loop_run_once(&control->loop, interrupt_look_ns(give_up));
        if (control->neo4j->opening)
            give_up = interrupt_hurry_ns(give_up, control->opened ? INTERRUPT_PATIENCE_NS : 0);
    }
    return control->over;
}

int neo4j_control_open(struct neo4j_control *control, struct neo4j_target *neo4j,
                       uint64_t timeout_ns, struct error *error)
{
    *control = (struct neo4j_control){.neo4j = neo4j, .timeout_ns = timeout_ns};
    if (loop_open(&control->loop, error) < 0)
        return -1;
    bolt_connection_open(&control->bolt, &control->loop, &neo4j->endpoint, &control_callbacks);
    wait_for_end(control, UINT64_MAX / 4); /* the connection has a timeout of its own */
    if (control->opened)
        return 0;
    return error_set(error, ERROR_TARGET, "%s:%u: %s", neo4j->endpoint.url.host,
                     neo4j->endpoint.url.port, control->text);
}

void neo4j_control_close(struct neo4j_control *control)
{
    bolt_connection_close(&control->bolt);
    if (control->loop.scratch)
        loop_close(&control->loop);
    *control = (struct neo4j_control){0};
}

static int put_query(struct neo4j_control *control, const char *cypher, const char *parameters,
                     struct buffer *request)
{
    struct buffer packed, scope;
    struct bolt_scope where = {.database = control->neo4j->settings.database};
    buffer_init(&packed, NEO4J_REQUEST_LIMIT);
    buffer_init(&scope, 4096);
    int put = bolt_put_scope(&scope, &where);
    if (put == 0 && parameters &&
        bolt_value_from_json(parameters, strlen(parameters), &packed, NULL) != BOLT_JSON_OK)
        put = -1;
    if (put == 0)
        put = bolt_put_run(request, cypher, strlen(cypher), buffer_bytes(&packed),
                           buffer_length(&packed), buffer_bytes(&scope), buffer_length(&scope));
    if (put == 0)
        put = bolt_put_pull(request, BOLT_PULL, -1, -1);
    buffer_free(&packed);
    buffer_free(&scope);
    return put;
}

void neo4j_control_wait(struct neo4j_control *control, uint64_t ns)
{
    uint64_t until = clock_now_ns() + ns;
    while (clock_now_ns() < until && !(control->neo4j->opening && interrupt_requested()))
        loop_run_once(&control->loop, interrupt_look_ns(until));
}

static int run_once(struct neo4j_control *control, const char *cypher, const char *parameters,
                    struct error *error)
{
    struct buffer request;
    buffer_init(&request, NEO4J_REQUEST_LIMIT);
    control->over = false;
    control->number = 0;
    int sent = put_query(control, cypher, parameters, &request);
    if (sent == 0)
        sent = bolt_connection_submit(&control->bolt, buffer_bytes(&request),
                                      buffer_length(&request), 2);
    buffer_free(&request);
    if (sent < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (!wait_for_end(control, control->timeout_ns))
        return error_set(error, ERROR_TARGET, "no answer within %llu s to: %s",
                         (unsigned long long)(control->timeout_ns / NS_PER_S), cypher);
    if (control->why.kind == OUTCOME_OK)
        return 0;
    return error_set(error, ERROR_TARGET, "%s (in answer to: %s)", control->text, cypher);
}

int neo4j_control_run(struct neo4j_control *control, const char *cypher, const char *parameters,
                      struct error *error)
{
    uint64_t pause = RETRY_FIRST_NS;
    for (int attempt = 1;; attempt++, pause *= 2) {
        if (run_once(control, cypher, parameters, error) == 0)
            return 0;
        bool passes = control->over && control->why.kind == OUTCOME_SOURCE_ERROR &&
                      strncmp(control->text, "Neo.TransientError.", 19) == 0;
        if (!passes || attempt == ATTEMPTS)
            return -1;
        neo4j_control_wait(control, pause); /* a deadlock with another run, say */
    }
}

/* ---- callbacks ---------------------------------------------------------------------------------
 */

static void end(struct neo4j_control *control, const struct outcome *why, const char *text)
{
    control->over = true;
    control->why = *why;
    snprintf(control->text, sizeof control->text, "%s", text ? text : "");
}

static void on_opened(struct bolt_connection *bolt)
{
    control_of(bolt)->opened = control_of(bolt)->over = true;
}

static void on_record(struct bolt_connection *bolt, struct packstream_reader values, size_t count)
{
    struct packstream_value value;
    struct neo4j_control *control = control_of(bolt);
    if (count && packstream_read(&values, &value) == 0)
        control->number = value.type == PACKSTREAM_INTEGER ? value.integer : 0;
}

static void on_finished(struct bolt_connection *bolt, const struct outcome *why, const char *text)
{
    end(control_of(bolt), why, text);
}

static void on_closed(struct bolt_connection *bolt, const struct outcome *why, const char *text)
{
    struct outcome lost = *why;
    if (lost.kind == OUTCOME_OK) /* between two queries: the next one has nobody to answer it */
        lost = (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "closed"};
    end(control_of(bolt), &lost, text);
}

static const struct bolt_connection_events control_callbacks = {
    .opened = on_opened, .record = on_record, .finished = on_finished, .closed = on_closed};
