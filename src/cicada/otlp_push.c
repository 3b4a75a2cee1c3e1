/* See otlp_push.h: our own HTTP client on a loop that lives as long as the request. */
#include "cicada/otlp_push.h"

#include "base/clock.h"
#include "base/scrub.h"
#include "net/http.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_LIMIT ((size_t)64 << 10)

struct push {
    struct loop loop;
    struct http_endpoint endpoint;
    struct http_connection connection;
    struct http_exchange exchange;
    const char *body;
    bool open, over;
    char trouble[200]; /* "": it was answered */
    char answer[200];  /* what the receiver says of it */
};

/* ---- the exchange --------------------------------------------------------------------------- */

static void note(struct push *push, const char *what, const char *text)
{
    if (!push->trouble[0])
        snprintf(push->trouble, sizeof push->trouble, "%.80s%s%.100s", what, text ? ": " : "",
                 text ? text : "");
}

/* {"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "..."}}, or a Status with a
 * "message". */
static void read_answer(struct push *push, const char *bytes, size_t length)
{
    json_t *answer = json_loadb(bytes, length, 0, NULL);
    json_t *partial = json_object_get(answer, "partialSuccess");
    json_t *rejected = json_object_get(partial, "rejectedDataPoints");
    const char *message = json_string_value(json_object_get(partial, "errorMessage"));
    char count[24] = "";
    if (json_is_integer(rejected))
        snprintf(count, sizeof count, "%lld", (long long)json_integer_value(rejected));
    else if (json_is_string(rejected))
        snprintf(count, sizeof count, "%.20s", json_string_value(rejected));
    if (count[0] && strcmp(count, "0") != 0)
        snprintf(push->answer, sizeof push->answer, "%s data points were rejected%s%.120s", count,
                 message ? ": " : "", message ? message : "");
    else if ((message = json_string_value(json_object_get(answer, "message"))))
        snprintf(push->answer, sizeof push->answer, "%.120s", message);
    json_decref(answer);
}

static void take_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct push *push = container_of(exchange, struct push, exchange);
    if (length > 0)
        read_answer(push, bytes, length);
    push->over = last;
}

static void take_failure(struct http_exchange *exchange, const struct outcome *why,
                         const char *text)
{
    struct push *push = container_of(exchange, struct push, exchange);
    note(push, outcome_kind_name(why->kind), text);
    push->over = true;
}

static void take_opened(struct http_connection *connection)
{
    static const struct http_exchange_events events = {.body = take_body, .failed = take_failure};
    static const struct http_header headers[] = {{"Content-Type", "application/json"},
                                                 {"Accept", "application/json"},
                                                 {"User-Agent", "cicada/" CICADA_VERSION}};
    struct push *push = container_of(connection, struct push, connection);
    push->open = true;
    push->exchange = (struct http_exchange){
        .events = &events,
        .method = "POST",
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .body_pieces = {{(void *)(uintptr_t)push->body, strlen(push->body)}},
        .body_piece_count = 1,
    };
    http_connection_submit(connection, &push->exchange);
}

static void take_closed(struct http_connection *connection, const struct outcome *why,
                        const char *text)
{
    struct push *push = container_of(connection, struct push, connection);
    if (!push->over)
        note(push, outcome_kind_name(why->kind), text);
    push->over = true;
}

static void exchange(struct push *push, uint64_t deadline_ns)
{
    static const struct http_connection_events events = {.opened = take_opened,
                                                         .closed = take_closed};
    http_connection_open(&push->connection, &push->loop, &push->endpoint, &events);
    while (!push->over && clock_now_ns() < deadline_ns)
        loop_run_once(&push->loop, deadline_ns);
    if (!push->over)
        note(push, push->open ? "no answer in time" : "no connection in time", NULL);
    http_connection_close(&push->connection);
}

/* ---- the outcome ---------------------------------------------------------------------------- */

static int tell(const struct push *push, const char *url, struct error *error)
{
    char *shown = scrub_url(url);
    const char *where = shown ? shown : "the receiver";
    int result = 0;
    if (push->trouble[0])
        result = error_set(error, ERROR_TARGET, "%.200s: %s", where, push->trouble);
    else if (push->exchange.status < 200 || push->exchange.status > 299)
        result = error_set(error, ERROR_TARGET, "%.200s: answered with status %d%s%s", where,
                           push->exchange.status, push->answer[0] ? ": " : "", push->answer);
    else if (push->answer[0])
        result = error_set(error, ERROR_TARGET, "%.200s: %s", where, push->answer);
    free(shown);
    return result;
}

int otlp_push(const char *url, const char *body, uint64_t timeout_ns, struct error *error)
{
    struct push *push = calloc(1, sizeof *push);
    struct outcome outcome;
    int result = -1;
    if (!push)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    push->body = body;
    if (http_endpoint_open(&push->endpoint, url, NULL, NULL, 0, &outcome, error) == 0) {
        push->endpoint.connect_timeout_ns = timeout_ns;
        push->endpoint.body_limit = ANSWER_LIMIT;
        if (loop_open(&push->loop, error) == 0) {
            exchange(push, clock_now_ns() + timeout_ns);
            result = tell(push, url, error);
            loop_close(&push->loop);
        }
        http_endpoint_close(&push->endpoint);
    }
    free(push);
    return result;
}
