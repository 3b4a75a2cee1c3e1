/* Endpoints, and what HTTP/1.1 and HTTP/2 have in common; see http.h. */
#include "net/http.h"

#include "base/clock.h"
#include "base/scrub.h"
#include "net/http_internal.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_CONNECT_TIMEOUT_S = 10,
    DEFAULT_HEAD_LIMIT = 64 * 1024,
    DEFAULT_BODY_LIMIT = 64 * 1024 * 1024,
    REQUEST_HEAD_LIMIT = 256 * 1024,
};

static int copy_headers(struct http_endpoint *endpoint, const struct http_header *headers,
                        size_t count, struct error *error);
static int add_basic_authorization(struct http_endpoint *endpoint, struct error *error);
static int make_request_head(struct http_endpoint *endpoint, struct error *error);

/* ---- endpoints ---------------------------------------------------------------------------------
 */

static int open_endpoint(struct http_endpoint *endpoint, const char *url,
                         const struct tls_options *tls, const struct http_header *headers,
                         size_t header_count, struct outcome *outcome, struct error *error)
{
    static const struct tls_options tls_defaults = {.offer_http2 = true};
    if (url_parse(&endpoint->url, url, error) < 0)
        return -1;
    bool secure = strcmp(endpoint->url.scheme, "https") == 0;
    if (!secure && strcmp(endpoint->url.scheme, "http") != 0)
        return error_set(error, ERROR_USAGE, "the URL's scheme is '%s'; it must be http or https",
                         endpoint->url.scheme);
    if (copy_headers(endpoint, headers, header_count, error) < 0 ||
        add_basic_authorization(endpoint, error) < 0 || make_request_head(endpoint, error) < 0)
        return -1;
    if (secure && !(endpoint->tls = tls_settings_open(tls ? tls : &tls_defaults, error)))
        return -1;
    return stream_address_resolve(&endpoint->address, endpoint->url.host, endpoint->url.port,
                                  outcome, error);
}

int http_endpoint_open(struct http_endpoint *endpoint, const char *url,
                       const struct tls_options *tls, const struct http_header *headers,
                       size_t header_count, struct outcome *outcome, struct error *error)
{
    *endpoint = (struct http_endpoint){.connect_timeout_ns = DEFAULT_CONNECT_TIMEOUT_S * NS_PER_S,
                                       .head_limit = DEFAULT_HEAD_LIMIT,
                                       .body_limit = DEFAULT_BODY_LIMIT};
    if (open_endpoint(endpoint, url, tls, headers, header_count, outcome, error) == 0)
        return 0;
    http_endpoint_close(endpoint);
    return -1;
}

static void free_secret(const char *text)
{
    if (text)
        explicit_bzero((char *)text, strlen(text));
    free((char *)text);
}

void http_endpoint_close(struct http_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->header_count; i++) {
        free((char *)endpoint->headers[i].name);
        free_secret(endpoint->headers[i].value);
    }
    free(endpoint->headers);
    free_secret(endpoint->request_head);
    free(endpoint->authority);
    tls_settings_close(endpoint->tls);
    stream_address_free(&endpoint->address);
    url_free(&endpoint->url);
    *endpoint = (struct http_endpoint){0};
}

static int add_header(struct http_endpoint *endpoint, const char *name, const char *value,
                      struct error *error)
{
    struct http_header *header = &endpoint->headers[endpoint->header_count++];
    *header = (struct http_header){.name = strdup(name), .value = strdup(value)};
    if (!header->name || !header->value)
        return error_set(error, ERROR_INTERNAL, "out of memory while preparing request headers");
    return 0;
}

static int copy_headers(struct http_endpoint *endpoint, const struct http_header *headers,
                        size_t count, struct error *error)
{
    endpoint->headers = calloc(count + 1, sizeof *endpoint->headers); /* one for Authorization */
    if (!endpoint->headers)
        return error_set(error, ERROR_INTERNAL, "out of memory while preparing request headers");
    for (size_t i = 0; i < count; i++) {
        if (!http_header_is_valid(&headers[i]))
            return error_set(
                error, ERROR_USAGE,
                "header %zu ('%.40s'): a name is letters, digits and dashes, a value has "
                "no line break or other control character",
                i + 1, headers[i].name);
        if (add_header(endpoint, headers[i].name, headers[i].value, error) < 0)
            return -1;
    }
    return 0;
}

static const char *find_header(const struct http_endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->header_count; i++)
        if (strcasecmp(endpoint->headers[i].name, name) == 0)
            return endpoint->headers[i].value;
    return NULL;
}

/* RFC 7617: the credentials of http://user:password@host/ are sent at once, not after a 401. */
static int add_basic_authorization(struct http_endpoint *endpoint, struct error *error)
{
    if (!endpoint->url.user || find_header(endpoint, "authorization"))
        return 0;
    char plain[1024], value[1024 * 4 / 3 + 16] = "Basic ";
    int length = snprintf(plain, sizeof plain, "%s:%s", endpoint->url.user,
                          endpoint->url.password ? endpoint->url.password : "");
    if (length < 0 || (size_t)length >= sizeof plain)
        return error_set(error, ERROR_USAGE, "the user and password in the URL are too long");
    EVP_EncodeBlock((unsigned char *)value + 6, (unsigned char *)plain, length);
    scrub_remember(value + 6);
    int result = add_header(endpoint, "Authorization", value, error);
    explicit_bzero(plain, sizeof plain);
    explicit_bzero(value, sizeof value);
    return result;
}

/* "host:port", the port only where it is not the scheme's own (RFC 9110, 4.2.3). */
static char *make_authority(const struct url *url)
{
    bool secure = strcmp(url->scheme, "https") == 0;
    bool is_socket = url->host[0] == '/', is_ipv6 = strchr(url->host, ':') != NULL;
    const char *host = is_socket ? "localhost" : url->host;
    int host_length = (int)strcspn(host, "%"); /* no zone of a scoped address */
    char *authority = NULL;
    int length =
        is_socket || url->port == (secure ? 443 : 80)
            ? asprintf(&authority, is_ipv6 && !is_socket ? "[%.*s]" : "%.*s", host_length, host)
            : asprintf(&authority, is_ipv6 ? "[%.*s]:%u" : "%.*s:%u", host_length, host, url->port);
    return length < 0 ? NULL : authority;
}

static int make_request_head(struct http_endpoint *endpoint, struct error *error)
{
    const char *host = find_header(endpoint, "host");
    endpoint->authority = host ? strdup(host) : make_authority(&endpoint->url);
    struct buffer head;
    buffer_init(&head, REQUEST_HEAD_LIMIT);
    int result = endpoint->authority
                     ? buffer_printf(&head, " HTTP/1.1\r\nHost: %s\r\n", endpoint->authority)
                     : -1;
    for (size_t i = 0; i < endpoint->header_count && result == 0; i++)
        if (strcasecmp(endpoint->headers[i].name, "host") != 0)
            result = buffer_printf(&head, "%s: %s\r\n", endpoint->headers[i].name,
                                   endpoint->headers[i].value);
    endpoint->request_head_length = buffer_length(&head);
    endpoint->request_head = result == 0 ? buffer_take_string(&head) : NULL;
    buffer_free(&head);
    return endpoint->request_head
               ? 0
               : error_set(error, ERROR_USAGE, "the request headers are larger than %d bytes",
                           REQUEST_HEAD_LIMIT);
}

/* ---- header names and values -------------------------------------------------------------------
 */

bool http_has_control(const char *bytes, size_t length)
{
    const uint64_t ones = UINT64_MAX / 255, high = ones * 128;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        if (((word - ones * 0x20) & ~word & high) == 0) /* eight bytes, none below 0x20 */
            continue;
        for (size_t j = i; j < i + 8; j++)
            if ((unsigned char)bytes[j] < 0x20 && bytes[j] != '\t')
                return true;
    }
    for (; i < length; i++)
        if ((unsigned char)bytes[i] < 0x20 && bytes[i] != '\t')
            return true;
    return false;
}

bool http_is_token(const char *bytes, size_t length)
{
    static const bool is_token[256] = {
        ['!'] = true, ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
        ['-'] = true, ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
        ['^'] = true, ['_'] = true,          ['`' ... 'z'] = true, ['|'] = true,
        ['~'] = true,
    };
    for (size_t i = 0; i < length; i++)
        if (!is_token[(unsigned char)bytes[i]])
            return false;
    return length > 0;
}

bool http_header_is_valid(const struct http_header *header)
{
    size_t length = strlen(header->value);
    return http_is_token(header->name, strlen(header->name)) &&
           !http_has_control(header->value, length);
}

/* ---- exchanges ---------------------------------------------------------------------------------
 */

void http_exchange_reset(struct http_exchange *exchange)
{
    exchange->status = 0;
    exchange->body_kind = HTTP_BODY_OTHER;
    exchange->session_id[0] = '\0';
    exchange->session_id_truncated = false;
    exchange->content_type[0] = '\0';
    exchange->location[0] = '\0';
    exchange->retry_after_s = -1;
}

/* True when it was too long and was cut. */
static bool copy_value(char *target, size_t size, const char *value, size_t length)
{
    bool cut = length >= size;
    if (cut)
        length = size - 1;
    memcpy(target, value, length);
    target[length] = '\0';
    return cut;
}

static enum http_body_kind body_kind(const char *type, size_t length)
{
    const char *parameters = memchr(type, ';', length);
    if (parameters)
        length = (size_t)(parameters - type);
    while (length && (type[length - 1] == ' ' || type[length - 1] == '\t'))
        length--;
    if (length == 16 && http_name_is(type, length, "application/json"))
        return HTTP_BODY_JSON;
    if (length == 17 && http_name_is(type, length, "text/event-stream"))
        return HTTP_BODY_EVENT_STREAM;
    return HTTP_BODY_OTHER;
}

static int parse_seconds(const char *value, size_t length)
{
    int seconds = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9' || seconds > 100000000)
            return -1; /* a date, or nonsense */
        seconds = seconds * 10 + (value[i] - '0');
    }
    return length ? seconds : -1;
}

bool http_exchange_remember(struct http_exchange *exchange, const char *name, size_t name_length,
                            const char *value, size_t value_length)
{
    switch (name_length) {
    case 8:
        if (!http_name_is(name, 8, "location"))
            return false;
        copy_value(exchange->location, sizeof exchange->location, value, value_length);
        return true;
    case 11:
        if (!http_name_is(name, 11, "retry-after"))
            return false;
        exchange->retry_after_s = parse_seconds(value, value_length);
        return true;
    case 12:
        if (!http_name_is(name, 12, "content-type"))
            return false;
        copy_value(exchange->content_type, sizeof exchange->content_type, value, value_length);
        exchange->body_kind = body_kind(value, value_length);
        return true;
    case 14:
        if (!http_name_is(name, 14, "mcp-session-id"))
            return false;
        exchange->session_id_truncated =
            copy_value(exchange->session_id, sizeof exchange->session_id, value, value_length);
        return true;
    default:
        return false;
    }
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void on_opened(struct stream *stream)
{
    struct http_connection *connection = container_of(stream, struct http_connection, stream);
    connection->http2 = stream_is_http2(stream);
    int result = connection->http2 ? http2_open(connection) : http1_open(connection);
    if (result == 0) {
        if (!connection->http2)
            connection->events->opened(connection);
        return;
    }
    http_connection_close(connection);
    struct outcome why = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"};
    connection->events->closed(connection, &why, "out of memory");
}

static void on_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    struct http_connection *connection = container_of(stream, struct http_connection, stream);
    connection->events->closed(connection, why, text);
}

void http_connection_open(struct http_connection *connection, struct loop *loop,
                          const struct http_endpoint *endpoint,
                          const struct http_connection_events *events)
{
    static const struct stream_events opening = {.opened = on_opened, .failed = on_failed};
    *connection = (struct http_connection){.events = events, .endpoint = endpoint, .loop = loop};
    stream_open(&connection->stream, loop, &endpoint->address, endpoint->tls,
                endpoint->connect_timeout_ns, &opening);
}

void http_connection_submit(struct http_connection *connection, struct http_exchange *exchange)
{
    http_exchange_reset(exchange);
    exchange->connection = connection;
    exchange->send_ns = exchange->sent_ns = exchange->first_byte_ns = exchange->end_ns = 0;
    exchange->bytes_sent = exchange->bytes_received = 0;
    exchange->stream_id = 0;
    connection->in_flight++;
    if (connection->http2)
        http2_submit(connection, exchange);
    else
        http1_submit(connection, exchange);
}

void http_connection_abort(struct http_connection *connection, struct http_exchange *exchange)
{
    if (exchange->connection != connection)
        return;
    exchange->connection = NULL;
    connection->in_flight--;
    if (connection->http2)
        http2_abort(connection, exchange);
    else
        http1_abort(connection, exchange);
}

void http_connection_close(struct http_connection *connection)
{
    http1_close(connection);
    http2_close(connection);
    stream_close(&connection->stream);
    connection->reusable = false;
    connection->in_flight = 0;
}
