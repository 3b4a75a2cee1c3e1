/* Who is let in, and with what: before a byte of the body is looked at. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void refuse(struct exchange *exchange, unsigned status, const char *why)
{
    exchange->status = status;
    exchange->refusal = why;
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    exchange->extra_name = name;
    snprintf(exchange->extra_value, sizeof exchange->extra_value, "%s", value);
}

/* "localhost:80" -> its length without the port; 0 when it is no authority. */
static size_t host_length(const char *authority)
{
    size_t length = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
    if (length > strlen(authority))
        return 0;
    const char *rest = authority + length;
    if (*rest == '\0')
        return length;
    if (*rest != ':' || strlen(rest) > 6 || rest[1 + strspn(rest + 1, "0123456789")] != '\0')
        return 0;
    return length;
}

static bool is_local(const char *authority)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    size_t length = host_length(authority);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (length == strlen(names[i]) && strncasecmp(authority, names[i], length) == 0)
            return true;
    return false;
}

static bool origin_allowed(const struct http_server *server, const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    if (!authority ||
        (strncasecmp(origin, "http://", 7) != 0 && strncasecmp(origin, "https://", 8) != 0))
        return false;
    authority += 3;
    return is_local(authority) || (!server->loopback && host && strcasecmp(authority, host) == 0);
}

/* In a time that does not depend on where they differ. */
static bool same_secret(const char *given, const char *secret)
{
    size_t length = strlen(secret), given_length = strlen(given);
    unsigned difference = given_length != length;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned)(secret[i] ^ given[given_length ? i % given_length : 0]);
    return difference == 0;
}

static bool token_fits(const char *authorization, const char *token)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    authorization += 7;
    return same_secret(authorization + strspn(authorization, " "), token);
}

/* Some media type of the list is one that we send. No quality is weighed: we have one form. */
static bool accepts_json(const char *accept)
{
    return !accept || strstr(accept, "application/json") || strstr(accept, "*/*") ||
           strstr(accept, "application/*");
}

double http_rate_take(struct http_rate *rate, uint64_t now_ns)
{
    double wait = 0, most = rate->limit > 1 ? rate->limit : 1;
    if (rate->limit <= 0)
        return 0;
    pthread_mutex_lock(&rate->lock);
    if (now_ns > rate->filled_ns) {
        rate->tokens += (double)(now_ns - rate->filled_ns) / (double)NS_PER_S * rate->limit;
        rate->filled_ns = now_ns;
    }
    if (rate->tokens > most)
        rate->tokens = most;
    if (rate->tokens >= 1)
        rate->tokens -= 1;
    else
        wait = (1 - rate->tokens) / rate->limit;
    pthread_mutex_unlock(&rate->lock);
    return wait;
}

static void check_post(struct http_server *server, struct MHD_Connection *connection,
                       struct exchange *exchange)
{
    const char *length = http_header(connection, "Content-Length");
    const char *type = http_header(connection, "Content-Type");
    double wait = http_rate_take(&server->rate, clock_now_ns());
    if (wait > 0) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.0f", ceil(wait));
        refuse(exchange, 429, "too many requests; Retry-After says when");
        add_header(exchange, "Retry-After", seconds);
    } else if (length && strtoull(length, NULL, 10) > HTTP_BODY_LIMIT)
        refuse(exchange, 413, "a message has at most 4 MiB");
    else if (!type || strncasecmp(type, "application/json", 16) != 0)
        refuse(exchange, 415, "Content-Type must be application/json");
    else if (!accepts_json(http_header(connection, "Accept")))
        refuse(exchange, 406, "Accept must list application/json and text/event-stream");
}

static bool is_one_of(const char *method, const char *one, const char *other)
{
    return strcmp(method, one) == 0 || strcmp(method, other) == 0;
}

static void check_route(const char *path, const char *method, struct exchange *exchange)
{
    bool mcp = strcmp(path, "/mcp") == 0;
    if (!mcp && !is_one_of(path, "/healthz", "/metrics"))
        refuse(exchange, 404, "there is nothing here; the endpoint is /mcp");
    else if (mcp && !is_one_of(method, "POST", "DELETE") && strcmp(method, "GET") != 0) {
        refuse(exchange, 405, "POST a message; GET and DELETE are of a session");
        add_header(exchange, "Allow", "POST, GET, DELETE");
    } else if (!mcp && !is_one_of(method, "GET", "HEAD")) {
        refuse(exchange, 405, "only GET");
        add_header(exchange, "Allow", "GET, HEAD");
    }
}

void http_check(struct http_server *server, struct MHD_Connection *connection, const char *path,
                const char *method, struct exchange *exchange)
{
    const char *host = http_header(connection, "Host"), *origin = http_header(connection, "Origin");
    if (server->loopback && (!host || !is_local(host)))
        refuse(exchange, 403, "Host must be localhost, 127.0.0.1 or [::1]");
    else if (origin && !origin_allowed(server, origin, host))
        refuse(exchange, 403, "requests of this Origin are not let in");
    else if (server->options.token && strcmp(path, "/healthz") != 0 &&
             !token_fits(http_header(connection, "Authorization"), server->options.token)) {
        refuse(exchange, 401, "a bearer token is needed");
        add_header(exchange, "WWW-Authenticate", "Bearer realm=\"burrow\"");
    } else
        check_route(path, method, exchange);
    if (!exchange->refusal && strcmp(method, "POST") == 0)
        check_post(server, connection, exchange);
}
