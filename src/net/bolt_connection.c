/* See bolt_connection.h. */
#include "net/bolt_connection.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_NS (10 * NS_PER_S)

static const struct stream_events stream_callbacks;
static const struct bolt_protocol_events protocol_callbacks;
static void end_connection(struct bolt_connection *connection, const struct outcome *why,
                           const char *text);
static void on_timer(struct loop_timer *timer);

/* ---- endpoint ----------------------------------------------------------------------------------
 */

/* What a scheme says of TLS. */
struct scheme {
    const char *name;
    bool tls, insecure;
};
static const struct scheme schemes[] = {
    {"bolt", false, false},  {"bolt+s", true, false},  {"bolt+ssc", true, true},
    {"neo4j", false, false}, {"neo4j+s", true, false}, {"neo4j+ssc", true, true},
};

static const struct scheme *scheme_of(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strlen(schemes[i].name) == length && strncasecmp(schemes[i].name, name, length) == 0)
            return &schemes[i];
    return NULL;
}

bool bolt_url_is_one(const char *url)
{
    const char *end = strstr(url, "://");
    return end && scheme_of(url, (size_t)(end - url));
}

static int open_tls(struct bolt_endpoint *endpoint, const struct tls_options *given,
                    struct error *error)
{
    const struct scheme *scheme = scheme_of(endpoint->url.scheme, strlen(endpoint->url.scheme));
    struct tls_options options = given ? *given : (struct tls_options){0};
    if (!scheme)
        return error_set(error, ERROR_USAGE,
                         "URL: \"%s\" is no scheme of Bolt; write bolt://HOST:PORT, or bolt+s:// "
                         "for TLS",
                         endpoint->url.scheme);
    if (!scheme->tls)
        return 0;
    options.insecure |= scheme->insecure;
    options.offer_http2 = false;
    endpoint->tls = tls_settings_open(&options, error);
    return endpoint->tls ? 0 : -1;
}

static int fill_endpoint(struct bolt_endpoint *endpoint, const char *token, struct error *error)
{
    struct bolt_identity *identity = &endpoint->settings.identity;
    endpoint->connect_timeout_ns = CONNECT_TIMEOUT_NS;
    endpoint->user_agent = strdup("cicada/" CICADA_VERSION);
    endpoint->token = token ? strdup(token) : NULL;
    if (!endpoint->user_agent || (token && !endpoint->token))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    identity->user_agent = endpoint->user_agent;
    if (token) {
        identity->authentication = BOLT_AUTH_BEARER;
        identity->credentials = endpoint->token;
    } else if (endpoint->url.user || endpoint->url.password) {
        identity->authentication = BOLT_AUTH_BASIC;
        identity->principal = endpoint->url.user;
        identity->credentials = endpoint->url.password;
    }
    return 0;
}

int bolt_endpoint_open(struct bolt_endpoint *endpoint, const char *url, const char *token,
                       const struct tls_options *tls, struct outcome *outcome, struct error *error)
{
    *endpoint = (struct bolt_endpoint){0};
    if (url_parse(&endpoint->url, url, error) == 0 && open_tls(endpoint, tls, error) == 0 &&
        fill_endpoint(endpoint, token, error) == 0 &&
        stream_address_resolve(&endpoint->address, endpoint->url.host, endpoint->url.port, outcome,
                               error) == 0)
        return 0;
    bolt_endpoint_close(endpoint);
    return -1;
}

void bolt_endpoint_close(struct bolt_endpoint *endpoint)
{
    url_free(&endpoint->url);
    stream_address_free(&endpoint->address);
    tls_settings_close(endpoint->tls);
    free(endpoint->user_agent);
    free(endpoint->token);
    *endpoint = (struct bolt_endpoint){0};
}

/* ---- opening and closing -----------------------------------------------------------------------
 */

void bolt_connection_open(struct bolt_connection *connection, struct loop *loop,
                          const struct bolt_endpoint *endpoint,
                          const struct bolt_connection_events *events)
{
    *connection = (struct bolt_connection){
        .events = events, .endpoint = endpoint, .loop = loop, .timer = {.fired = on_timer}};
    /* A handshake that could not be stored is never sent; the timer then ends the attempt. */
    bolt_protocol_init(&connection->protocol, &endpoint->settings, &protocol_callbacks);
    connection->heard_ns = clock_now_ns();
    loop_timer_start(loop, &connection->timer, connection->heard_ns + endpoint->connect_timeout_ns);
    stream_open(&connection->stream, loop, &endpoint->address, endpoint->tls,
                endpoint->connect_timeout_ns, &stream_callbacks);
}

static void release(struct bolt_connection *connection)
{
    connection->open = connection->exchanging = false;
    loop_timer_stop(connection->loop, &connection->timer);
    stream_close(&connection->stream);
    bolt_protocol_free(&connection->protocol);
}

void bolt_connection_close(struct bolt_connection *connection)
{
    struct bolt_protocol *protocol = &connection->protocol;
    if (!connection->loop)
        return;
    if (connection->open && protocol->stage == BOLT_READY) {
        if (connection->exchanging)
            bolt_put_bare(&protocol->output, BOLT_RESET);
        bolt_put_bare(&protocol->output, BOLT_GOODBYE);
        struct iovec piece = {buffer_bytes(&protocol->output), buffer_length(&protocol->output)};
        stream_write(&connection->stream, &piece, 1);
    }
    release(connection);
    connection->loop = NULL;
}

/* Tell the owner that all is over, the exchange under way first. */
static void end_connection(struct bolt_connection *connection, const struct outcome *why,
                           const char *text)
{
    char copy[768]; /* the text may live in what is released */
    struct outcome outcome = *why;
    bool exchanging = connection->exchanging;
    snprintf(copy, sizeof copy, "%s", text);
    release(connection);
    connection->protocol.stage = BOLT_BROKEN;
    if (exchanging) {
        connection->end_ns = clock_now_ns();
        connection->events->finished(connection, &outcome, copy);
    }
    if (connection->loop)
        connection->events->closed(connection, &outcome, copy);
}

static void on_timer(struct loop_timer *timer)
{
    struct bolt_connection *connection = container_of(timer, struct bolt_connection, timer);
    uint64_t now = clock_now_ns();
    if (!connection->open) {
        static const struct outcome slow = {.kind = OUTCOME_CONNECT_TIMEOUT,
                                            .detail = "bolt_handshake"};
        end_connection(connection, &slow,
                       "the Bolt handshake was not finished within the connect timeout");
        return;
    }
    uint64_t patience = connection->protocol.receive_timeout_s * NS_PER_S;
    uint64_t since = connection->heard_ns;
    if (!connection->exchanging)
        since = now;
    else if (connection->send_ns > since)
        since = connection->send_ns;
    if (now - since < patience) {
        loop_timer_start(connection->loop, timer, since + patience);
        return;
    }
    static const struct outcome silent = {.kind = OUTCOME_CONNECTION_RESET,
                                          .detail = "receive_timeout"};
    char text[160];
    snprintf(text, sizeof text,
             "the server was silent for the %llu s after which, by its own word, it is gone",
             (unsigned long long)connection->protocol.receive_timeout_s);
    end_connection(connection, &silent, text);
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

static void flush_output(struct bolt_connection *connection)
{
    struct buffer *output = &connection->protocol.output;
    struct iovec piece = {buffer_bytes(output), buffer_length(output)};
    if (piece.iov_len == 0)
        return;
    ssize_t written = stream_write(&connection->stream, &piece, 1);
    if (written > 0)
        buffer_consume(output, (size_t)written);
    if (buffer_length(output) == 0) {
        if (connection->exchanging && connection->sent_ns == 0)
            connection->sent_ns = clock_now_ns();
        if (output->capacity > 64 * 1024)
            buffer_shrink(output);
    }
}

static int add_requests(struct bolt_connection *connection, const void *bytes, size_t length,
                        unsigned requests)
{
    if (buffer_append(&connection->protocol.output, bytes, length) < 0)
        return -1;
    bolt_protocol_expect(&connection->protocol, requests);
    connection->bytes_sent += length;
    connection->round_trips++;
    return 0;
}

int bolt_connection_submit(struct bolt_connection *connection, const void *bytes, size_t length,
                           unsigned requests)
{
    connection->bytes_sent = connection->bytes_received = 0;
    connection->round_trips = 0;
    if (add_requests(connection, bytes, length, requests) < 0)
        return -1;
    connection->exchanging = true;
    connection->first_byte_ns = connection->sent_ns = connection->end_ns = 0;
    connection->send_ns = clock_now_ns();
    flush_output(connection);
    return 0;
}

int bolt_connection_continue(struct bolt_connection *connection, const void *bytes, size_t length,
                             unsigned requests)
{
    return add_requests(connection, bytes, length, requests);
}

static struct bolt_connection *owner_of(struct stream *stream)
{
    return container_of(stream, struct bolt_connection, stream);
}

static void on_opened(struct stream *stream)
{
    flush_output(owner_of(stream));
}

static void input_ended(struct bolt_connection *connection)
{
    struct outcome why = {.kind = OUTCOME_OK};
    const char *text = "the server closed the idle connection";
    if (connection->exchanging) {
        why = (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "closed_before_answer"};
        text = "the server closed the connection before its answer was whole";
    } else if (!connection->open) {
        why = (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "closed_in_handshake"};
        text = connection->endpoint->tls
                   ? "the server closed the connection during the Bolt handshake"
                   : "the server closed the connection during the Bolt handshake; does it want "
                     "TLS (bolt+s://)?";
    }
    end_connection(connection, &why, text);
}

static void on_readable(struct stream *stream)
{
    struct bolt_connection *connection = owner_of(stream);
    struct bolt_breach breach;
    char *scratch = connection->loop->scratch;
    ssize_t count = stream_read(stream, scratch, LOOP_SCRATCH_SIZE);
    if (count < 0)
        return;
    if (count == 0) {
        input_ended(connection);
        return;
    }
    connection->heard_ns = clock_now_ns();
    connection->bytes_received += (uint64_t)count;
    if (connection->exchanging && connection->first_byte_ns == 0 && !connection->protocol.resets)
        connection->first_byte_ns = connection->heard_ns; /* not what answers an older RESET */
    if (bolt_protocol_feed(&connection->protocol, scratch, (size_t)count, &breach) < 0)
        end_connection(connection, &breach.outcome, breach.text);
    else if (connection->loop)
        flush_output(connection);
}

static void on_writable(struct stream *stream)
{
    flush_output(owner_of(stream));
}

static void on_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    end_connection(owner_of(stream), why, text);
}

static const struct stream_events stream_callbacks = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- the conversation --------------------------------------------------------------------------
 */

static struct bolt_connection *connection_of(struct bolt_protocol *protocol)
{
    return container_of(protocol, struct bolt_connection, protocol);
}

static void on_ready(struct bolt_protocol *protocol)
{
    struct bolt_connection *connection = connection_of(protocol);
    connection->open = true;
    loop_timer_stop(connection->loop, &connection->timer);
    if (protocol->receive_timeout_s)
        loop_timer_start(connection->loop, &connection->timer,
                         connection->heard_ns + protocol->receive_timeout_s * NS_PER_S);
    connection->events->opened(connection);
}

static void on_record(struct bolt_protocol *protocol, struct packstream_reader values, size_t count)
{
    struct bolt_connection *connection = connection_of(protocol);
    if (connection->events->record)
        connection->events->record(connection, values, count);
}

static void on_success(struct bolt_protocol *protocol, unsigned request,
                       struct packstream_reader pairs, size_t count)
{
    struct bolt_connection *connection = connection_of(protocol);
    if (connection->events->success)
        connection->events->success(connection, request, pairs, count);
}

static void on_finished(struct bolt_protocol *protocol, bool failed)
{
    struct bolt_connection *connection = connection_of(protocol);
    struct outcome why = {.kind = OUTCOME_OK};
    char text[sizeof protocol->failure + 4];
    connection->exchanging = false;
    connection->end_ns = clock_now_ns();
    if (connection->first_byte_ns == 0)
        connection->first_byte_ns = connection->heard_ns;
    if (!failed) {
        connection->events->finished(connection, &why, NULL);
        return;
    }
    why = (struct outcome){.kind = OUTCOME_SOURCE_ERROR,
                           .detail = bolt_failure_reason(protocol->failure.code)};
    snprintf(text, sizeof text, "%s: %s", protocol->failure.code, protocol->failure.message);
    connection->events->finished(connection, &why, text);
}

static const struct bolt_protocol_events protocol_callbacks = {
    .ready = on_ready, .record = on_record, .success = on_success, .finished = on_finished};
