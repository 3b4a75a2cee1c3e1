/* See embedder.h. */
#include "burrow/tiers/embedder.h"

#include "base/clock.h"
#include "base/scrub.h"
#include "burrow/tiers/link.h"
#include "net/http.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct embedder {
    struct http_endpoint endpoint;
    char *model;
    pthread_mutex_t lock; /* of what follows */
    struct link_backoff backoff;
    struct embedder_facts facts;
};

/* ---- opening -------------------------------------------------------------------------------- */

/* "http://host:1" and "http://host:1/v1" are completed. NULL when memory is out. */
static char *complete_url(const char *url)
{
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    const char *more = "";
    if (!path || path >= url + length)
        more = "/v1/embeddings";
    else if (length >= 3 && strncmp(url + length - 3, "/v1", 3) == 0)
        more = "/embeddings";
    char *whole = malloc(length + strlen(more) + 1);
    if (whole)
        sprintf(whole, "%.*s%s", (int)length, url, more);
    return whole;
}

static int open_endpoint(struct embedder *embedder, const char *url, const char *key,
                         struct error *error)
{
    char bearer[4200];
    struct http_header headers[] = {{"Content-Type", "application/json"},
                                    {"Accept", "application/json"},
                                    {"Authorization", bearer}};
    if (key && snprintf(bearer, sizeof bearer, "Bearer %s", key) >= (int)sizeof bearer)
        return error_set(error, ERROR_USAGE, "--embeddings-key: a key has at most 4 KiB");
    char *whole = complete_url(url);
    int result = whole ? http_endpoint_open(&embedder->endpoint, whole, NULL, headers, key ? 3 : 2,
                                            NULL, error)
                       : error_set(error, ERROR_INTERNAL, "out of memory");
    free(whole);
    if (result < 0)
        return error_wrap(error, "--embeddings");
    embedder->endpoint.connect_timeout_ns = EMBEDDER_CONNECT_MS * NS_PER_MS;
    embedder->endpoint.body_limit = EMBEDDER_ANSWER_LIMIT;
    return 0;
}

struct embedder *embedder_open(const char *url, const char *model, const char *key,
                               struct error *error)
{
    struct embedder *embedder = calloc(1, sizeof *embedder);
    if (!embedder || !(embedder->model = strdup(model))) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        free(embedder);
        return NULL;
    }
    pthread_mutex_init(&embedder->lock, NULL);
    embedder->facts.reachable = true;
    if (open_endpoint(embedder, url, key, error) == 0)
        return embedder;
    free(embedder->model);
    free(embedder);
    return NULL;
}

void embedder_close(struct embedder *embedder)
{
    if (!embedder)
        return;
    http_endpoint_close(&embedder->endpoint);
    pthread_mutex_destroy(&embedder->lock);
    free(embedder->model);
    free(embedder);
}

const char *embedder_model(const struct embedder *embedder)
{
    return embedder->model;
}

void embedder_facts(struct embedder *embedder, struct embedder_facts *facts)
{
    pthread_mutex_lock(&embedder->lock);
    *facts = embedder->facts;
    pthread_mutex_unlock(&embedder->lock);
}

/* ---- one request ---------------------------------------------------------------------------- */

struct asking { /* one connection on a loop of its own, for the requests of one fetch */
    struct loop loop;
    struct http_connection connection;
    struct http_exchange exchange;
    struct loop_timer timer;
    bool opened, over, failed;
    struct buffer body;
    char reason[256];
};

static void stop(struct asking *asking, bool failed, const char *reason)
{
    asking->over = true;
    asking->failed |= failed;
    if (failed && !asking->reason[0])
        snprintf(asking->reason, sizeof asking->reason, "%s", reason);
}

static void opened(struct http_connection *connection)
{
    struct asking *asking = container_of(connection, struct asking, connection);
    asking->opened = true;
    stop(asking, false, NULL);
}

static void closed(struct http_connection *connection, const struct outcome *why, const char *text)
{
    struct asking *asking = container_of(connection, struct asking, connection);
    (void)why;
    asking->opened = false;
    stop(asking, true, text ? text : "the server closed the connection");
}

static void take_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct asking *asking = container_of(exchange, struct asking, exchange);
    if (buffer_append(&asking->body, bytes, length) < 0)
        stop(asking, true, "the answer is larger than 16 MiB");
    else if (last)
        stop(asking, false, NULL);
}

static void failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    (void)why;
    stop(container_of(exchange, struct asking, exchange), true, text);
}

static void too_late(struct loop_timer *timer)
{
    stop(container_of(timer, struct asking, timer), true, "no answer within the time allowed");
}

static const struct http_connection_events connection_events = {.opened = opened, .closed = closed};
static const struct http_exchange_events exchange_events = {.body = take_body, .failed = failed};

static int wait_for(struct asking *asking, uint64_t limit_ms)
{
    asking->over = false;
    asking->timer.fired = too_late;
    if (loop_timer_start(&asking->loop, &asking->timer, clock_now_ns() + limit_ms * NS_PER_MS) < 0)
        return -1;
    while (!asking->over)
        loop_run_once(&asking->loop, UINT64_MAX);
    loop_timer_stop(&asking->loop, &asking->timer);
    return asking->failed ? -1 : 0;
}

/* The body of a good answer is in asking->body; else -1 with the reason. */
static int post(struct embedder *embedder, struct asking *asking, char *body)
{
    buffer_clear(&asking->body);
    if (!asking->opened || !asking->connection.reusable) {
        http_connection_close(&asking->connection);
        http_connection_open(&asking->connection, &asking->loop, &embedder->endpoint,
                             &connection_events);
        if (wait_for(asking, EMBEDDER_CONNECT_MS * 2) < 0)
            return -1;
    }
    asking->exchange = (struct http_exchange){.events = &exchange_events, .method = "POST"};
    asking->exchange.body_pieces[0] = (struct iovec){body, strlen(body)};
    asking->exchange.body_piece_count = 1;
    http_connection_submit(&asking->connection, &asking->exchange);
    if (wait_for(asking, EMBEDDER_ANSWER_MS) < 0)
        return -1;
    int status = asking->exchange.status;
    if (status == 200)
        return 0;
    size_t length = buffer_length(&asking->body) < 120 ? buffer_length(&asking->body) : 120;
    snprintf(asking->reason, sizeof asking->reason, "it answers HTTP %d%s%s%.*s", status,
             status == 401 || status == 403 ? ", see --embeddings-key" : "", length ? ": " : "",
             (int)length, length ? buffer_bytes(&asking->body) : "");
    return -1;
}

/* ---- answers -------------------------------------------------------------------------------- */

static int refuse(struct asking *asking, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(struct asking *asking, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(asking->reason, sizeof asking->reason, format, arguments);
    va_end(arguments);
    return -1;
}

/* One embedding, made of length 1. `dimension` 0: any. */
static int take_vector(struct asking *asking, const json_t *numbers, unsigned dimension,
                       float *vector)
{
    size_t count = json_array_size(numbers);
    double square = 0;
    if (count == 0 || count > EMBEDDER_DIMENSION_LIMIT)
        return refuse(asking, "its embedding is no array of 1 to %d numbers",
                      EMBEDDER_DIMENSION_LIMIT);
    if (dimension && count != dimension)
        return refuse(asking, "its embedding has %zu numbers, and those that are kept have %u",
                      count, dimension);
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(numbers, i);
        if (!json_is_number(number))
            return refuse(asking, "its embedding holds something that is no number");
        vector[i] = (float)json_number_value(number);
        square += (double)vector[i] * (double)vector[i];
    }
    if (!(square > 0) || !isfinite(square))
        return refuse(asking, "its embedding has no direction");
    for (size_t i = 0; i < count; i++)
        vector[i] = (float)((double)vector[i] / sqrt(square));
    return (int)count;
}

static int take_answer(struct asking *asking, size_t count, unsigned dimension, float *vectors)
{
    json_t *document =
        json_loadb(buffer_bytes(&asking->body), buffer_length(&asking->body), 0, NULL);
    const json_t *data = json_object_get(document, "data"), *one;
    bool seen[EMBEDDER_BATCH] = {false};
    size_t position;
    int result = 0;
    if (!json_is_array(data))
        result = refuse(asking, "its answer is not that of /v1/embeddings");
    else if (json_array_size(data) != count)
        result =
            refuse(asking, "it gave %zu embeddings for %zu texts", json_array_size(data), count);
    json_array_foreach(data, position, one)
    {
        const json_t *index = json_object_get(one, "index");
        size_t at = json_is_integer(index) ? (size_t)json_integer_value(index) : position;
        if (result < 0)
            break;
        if (at >= count || seen[at])
            result = refuse(asking, "the indexes of its embeddings do not fit the texts");
        else
            result = take_vector(asking, json_object_get(one, "embedding"), dimension,
                                 vectors + at * (dimension ? dimension : 0));
        if (at < count)
            seen[at] = true;
    }
    json_decref(document);
    return result;
}

/* ---- batches -------------------------------------------------------------------------------- */

/* At most so many bytes, never half a character. */
static json_t *text_of(const char *text)
{
    size_t length = strnlen(text, EMBEDDER_TEXT_BYTES);
    while (length > 0 && text[length] && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return json_stringn(text, length);
}

/* How many of the texts go into the next request. */
static size_t batch_of(const char *const *texts, size_t count)
{
    size_t batch = 0;
    for (size_t bytes = 0; batch < count && batch < EMBEDDER_BATCH; batch++) {
        bytes += strnlen(texts[batch], EMBEDDER_TEXT_BYTES);
        if (batch > 0 && bytes > EMBEDDER_BATCH_BYTES)
            break;
    }
    return batch;
}

static int ask_batch(struct embedder *embedder, struct asking *asking, const char *const *texts,
                     size_t count, unsigned dimension, float *vectors)
{
    json_t *input = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(input, text_of(texts[i]));
    json_t *request = json_pack("{s:s, s:o, s:s}", "model", embedder->model, "input", input,
                                "encoding_format", "float");
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        return refuse(asking, "out of memory");
    int result = post(embedder, asking, body);
    free(body);
    return result < 0 ? -1 : take_answer(asking, count, dimension, vectors);
}

static int finish(struct embedder *embedder, const char *reason, struct error *error)
{
    pthread_mutex_lock(&embedder->lock);
    embedder->facts.reachable = !reason;
    if (reason) {
        link_backoff_failed(&embedder->backoff, 0);
        error_set(error, ERROR_TARGET,
                  "vectors: the embeddings at %s cannot be had: %s; see that it runs and serves %s",
                  embedder->endpoint.authority, reason, embedder->model);
        embedder->facts.failures++;
        snprintf(embedder->facts.last_error, sizeof embedder->facts.last_error, "%.255s", reason);
    } else
        link_backoff_succeeded(&embedder->backoff);
    pthread_mutex_unlock(&embedder->lock);
    return reason ? -1 : 0;
}

/* Not asked again at once after a failure. */
static int may_ask(struct embedder *embedder, struct error *error)
{
    pthread_mutex_lock(&embedder->lock);
    bool waits = link_backoff_waits(&embedder->backoff);
    if (waits)
        error_set(error, ERROR_TARGET,
                  "vectors: the embeddings at %s could not be had a moment ago: %s",
                  embedder->endpoint.authority, embedder->facts.last_error);
    else
        embedder->facts.requests++;
    pthread_mutex_unlock(&embedder->lock);
    return waits ? -1 : 0;
}

/* The count of numbers of the last vector; -1. `dimension` 0: one text, any dimension. */
static int fetch(struct embedder *embedder, const char *const *texts, size_t count,
                 unsigned dimension, float *vectors, struct error *error)
{
    struct asking *asking = calloc(1, sizeof *asking);
    int result = -1;
    if (!asking || loop_open(&asking->loop, error) < 0) {
        free(asking);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    buffer_init(&asking->body, EMBEDDER_ANSWER_LIMIT);
    for (size_t done = 0, batch; done < count; done += batch) {
        batch = batch_of(texts + done, count - done);
        result =
            ask_batch(embedder, asking, texts + done, batch, dimension, vectors + done * dimension);
        if (result < 0)
            break;
    }
    http_connection_close(&asking->connection);
    int finished = finish(embedder, result < 0 ? asking->reason : NULL, error);
    buffer_free(&asking->body);
    loop_close(&asking->loop);
    free(asking);
    return finished < 0 ? -1 : result;
}

int embedder_probe(struct embedder *embedder, struct error *error)
{
    static const char *const text[] = {"burrow"};
    float *vector = calloc(EMBEDDER_DIMENSION_LIMIT, sizeof *vector);
    if (!vector)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    int result = may_ask(embedder, error) < 0 ? -1 : fetch(embedder, text, 1, 0, vector, error);
    free(vector);
    return result;
}

int embedder_fetch(struct embedder *embedder, const char *const *texts, size_t count,
                   unsigned dimension, float *vectors, struct error *error)
{
    if (count == 0)
        return 0;
    if (may_ask(embedder, error) < 0)
        return -1;
    return fetch(embedder, texts, count, dimension, vectors, error) < 0 ? -1 : 0;
}
