/* Parsing and resolving target URLs (RFC 3986). Strict where a slip would send the load elsewhere:
 * spaces, control characters and wrong ports are errors, never guessed away. */
#include "net/url.h"

#include "base/buffer.h"
#include "base/scrub.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_LIMIT = 8192 };

static const struct scheme {
    const char *name;
    uint16_t port;
} known_schemes[] = {
    {"http", 80},     {"https", 443},     {"redis", 6379}, {"rediss", 6379},  {"bolt", 7687},
    {"bolt+s", 7687}, {"bolt+ssc", 7687}, {"neo4j", 7687}, {"neo4j+s", 7687}, {"neo4j+ssc", 7687},
};

/* A piece of the text being parsed. */
struct slice {
    const char *bytes;
    size_t length;
};

/* The five parts of RFC 3986, appendix B; a part that is absent has bytes == NULL. */
struct parts {
    struct slice scheme, authority, path, query;
};

static int parse_parts(struct url *url, const struct parts *parts, struct error *error);
static int refuse_relative(const char *text, struct error *error);
static int split(struct parts *parts, const char *text, struct error *error);
static int merge_paths(struct buffer *path, const struct url *base, const struct parts *reference);

int url_parse(struct url *url, const char *text, struct error *error)
{
    struct parts parts;
    *url = (struct url){0};
    if (split(&parts, text, error) < 0)
        return -1;
    bool is_unix = parts.scheme.length == 4 && strncasecmp(parts.scheme.bytes, "unix", 4) == 0;
    if (!parts.scheme.bytes || (!parts.authority.bytes && !is_unix))
        return refuse_relative(text, error);
    if (parse_parts(url, &parts, error) == 0)
        return 0;
    url_free(url);
    return -1;
}

int url_resolve(struct url *url, const struct url *base, const char *reference, struct error *error)
{
    struct parts parts;
    *url = (struct url){0};
    if (split(&parts, reference, error) < 0)
        return -1;
    struct buffer path;
    buffer_init(&path, URL_LIMIT * 4);
    const struct slice scheme = {base->scheme, strlen(base->scheme)};
    int result = -1;
    if (parts.scheme.bytes && parts.authority.bytes) {
        result = parse_parts(url, &parts, error);
    } else if (parts.scheme.bytes) {
        error_set(error, ERROR_USAGE, "a reference with scheme '%.*s' has no host",
                  (int)parts.scheme.length, parts.scheme.bytes);
    } else if (parts.authority.bytes) {
        parts.scheme = scheme;
        result = parse_parts(url, &parts, error);
    } else if (merge_paths(&path, base, &parts) < 0) {
        error_set(error, ERROR_INTERNAL, "out of memory while resolving a URL");
    } else {
        *url = (struct url){.scheme = strdup(base->scheme),
                            .user = base->user ? strdup(base->user) : NULL,
                            .password = base->password ? strdup(base->password) : NULL,
                            .host = strdup(base->host),
                            .port = base->port,
                            .path = buffer_take_string(&path)};
        if (url->scheme && url->host && url->path && !url->user == !base->user &&
            !url->password == !base->password)
            result = 0;
        else
            error_set(error, ERROR_INTERNAL, "out of memory while resolving a URL");
    }
    buffer_free(&path);
    if (result < 0)
        url_free(url);
    return result;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 &&
           a->port == b->port;
}

void url_free(struct url *url)
{
    free(url->scheme);
    free(url->user);
    if (url->password)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    free(url->host);
    free(url->path);
    *url = (struct url){0};
}

/* "localhost:3000/mcp" is what people write; say how it should have been. */
static int refuse_relative(const char *text, struct error *error)
{
    bool may_be_host = isalnum((unsigned char)*text) || *text == '[';
    char *shown = scrub_url(text);
    error_set(error, ERROR_USAGE,
              "'%s' is no absolute URL; write scheme://host:port/path, such as http://%s",
              shown ? shown : "", shown && may_be_host ? shown : "127.0.0.1:3000/mcp");
    free(shown);
    return -1;
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* Length of the scheme in front of a colon, 0 when the text begins with none. */
static size_t scheme_length(const char *text)
{
    if (!isalpha((unsigned char)text[0]))
        return 0;
    size_t length = 1;
    while (isalnum((unsigned char)text[length]) || (text[length] && strchr("+-.", text[length])))
        length++;
    return text[length] == ':' ? length : 0;
}

static int split(struct parts *parts, const char *text, struct error *error)
{
    *parts = (struct parts){0};
    size_t length = strlen(text);
    if (length > URL_LIMIT)
        return error_set(error, ERROR_USAGE, "a URL of %zu bytes is longer than the %d allowed",
                         length, URL_LIMIT);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return error_set(error, ERROR_USAGE,
                             "URL: a space or control character at byte %zu; write it as %%%02X",
                             i + 1, (unsigned char)text[i]);
    size_t scheme = scheme_length(text);
    if (scheme) {
        parts->scheme = (struct slice){text, scheme};
        text += scheme + 1;
    }
    if (strncmp(text, "//", 2) == 0) {
        text += 2;
        parts->authority = (struct slice){text, strcspn(text, "/?#")};
        text += parts->authority.length;
    }
    parts->path = (struct slice){text, strcspn(text, "?#")};
    text += parts->path.length;
    if (*text == '?')
        parts->query = (struct slice){text + 1, strcspn(text + 1, "#")};
    return 0;
}

/* ---- the parts of one URL ----------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy with %XX decoded, NULL with `error` set on a bad escape or an encoded NUL. */
static char *percent_decode(struct slice text, const char *what, struct error *error)
{
    char *decoded = malloc(text.length + 1);
    if (!decoded) {
        error_set(error, ERROR_INTERNAL, "out of memory while reading a URL");
        return NULL;
    }
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.bytes[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.bytes[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                free(decoded);
                error_set(error, ERROR_USAGE,
                          "URL: a %% in the %s is not followed by two hexadecimal digits of a byte "
                          "other than 0; write a literal %% as %%25",
                          what);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[length++] = c;
    }
    decoded[length] = '\0';
    return decoded;
}

static int parse_user_information(struct url *url, struct slice text, struct error *error)
{
    const char *colon = memchr(text.bytes, ':', text.length);
    struct slice user = {text.bytes, colon ? (size_t)(colon - text.bytes) : text.length};
    url->user = percent_decode(user, "user name", error);
    if (!url->user)
        return -1;
    if (!colon)
        return 0;
    struct slice password = {colon + 1, text.length - user.length - 1};
    url->password = percent_decode(password, "password", error);
    if (!url->password)
        return -1;
    scrub_remember(url->password);
    return 0;
}

static int parse_port(struct url *url, struct slice text, struct error *error)
{
    unsigned port = 0;
    if (text.length == 0) { /* "host:" is "host" (RFC 3986, 3.2.3) */
        for (size_t i = 0; i < sizeof known_schemes / sizeof known_schemes[0]; i++)
            if (strcmp(known_schemes[i].name, url->scheme) == 0)
                url->port = known_schemes[i].port;
        return 0;
    }
    for (size_t i = 0; i < text.length && port <= UINT16_MAX; i++) {
        if (!isdigit((unsigned char)text.bytes[i]))
            port = UINT16_MAX;
        port = port * 10 + (unsigned)(text.bytes[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return error_set(error, ERROR_USAGE,
                         "URL: '%.*s' is no port; write a number from 1 to 65535",
                         (int)(text.length < 32 ? text.length : 32), text.bytes);
    url->port = (uint16_t)port;
    return 0;
}

static int parse_bracketed_host(struct url *url, struct slice text, struct error *error)
{
    unsigned char address[16];
    url->host = percent_decode(text, "host", error);
    if (!url->host)
        return -1;
    char *zone = strchr(url->host, '%'); /* fe80::1%eth0, written %25eth0 (RFC 6874) */
    if (zone)
        *zone = '\0';
    bool valid = inet_pton(AF_INET6, url->host, address) == 1;
    if (zone)
        *zone = '%';
    return valid ? 0 : error_set(error, ERROR_USAGE, "URL: [%s] is no IPv6 address", url->host);
}

static int parse_host(struct url *url, struct slice text, struct error *error)
{
    static const char forbidden[] = "[]<>\"\\^`{|}@:";
    url->host = percent_decode(text, "host", error);
    if (!url->host)
        return -1;
    if (url->host[0] == '/') /* a Unix socket, written http://%2Frun%2Fserver.sock/path */
        return 0;
    size_t valid = strcspn(url->host, forbidden);
    for (size_t i = 0; i < valid; i++)
        if ((unsigned char)url->host[i] <= ' ' || url->host[i] == 0x7f || url->host[i] == '/')
            valid = i;
    if (url->host[valid])
        return error_set(error, ERROR_USAGE, "URL: '%c' is not allowed in a host name%s",
                         isprint((unsigned char)url->host[valid]) ? url->host[valid] : '?',
                         url->host[valid] == ':' ? "; write an IPv6 address in brackets: [::1]"
                                                 : "");
    return 0;
}

static int parse_authority(struct url *url, struct slice text, struct error *error)
{
    const char *at = memrchr(text.bytes, '@', text.length);
    if (at) {
        struct slice user = {text.bytes, (size_t)(at - text.bytes)};
        if (parse_user_information(url, user, error) < 0)
            return -1;
        text = (struct slice){at + 1, text.length - user.length - 1};
    }
    struct slice host = text, port = {NULL, 0};
    bool bracketed = text.length && text.bytes[0] == '[';
    const char *host_end = bracketed ? memchr(text.bytes, ']', text.length) : NULL;
    if (bracketed && !host_end)
        return error_set(error, ERROR_USAGE, "URL: '[' without ']' in the host");
    const char *colon = bracketed ? host_end + 1 : memrchr(text.bytes, ':', text.length);
    if (colon && colon < text.bytes + text.length) {
        if (*colon != ':')
            return error_set(error, ERROR_USAGE, "URL: ':port' or '/' must follow ']' in the host");
        host.length = (size_t)(colon - text.bytes);
        port = (struct slice){colon + 1, text.length - host.length - 1};
    }
    if (parse_port(url, port, error) < 0)
        return -1;
    if (bracketed)
        return parse_bracketed_host(
            url, (struct slice){host.bytes + 1, (size_t)(host_end - host.bytes) - 1}, error);
    return parse_host(url, host, error);
}

/* Bytes beyond ASCII are sent percent-encoded. */
static int append_encoded(struct buffer *output, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        if ((c >= 0x80 ? buffer_printf(output, "%%%02X", c) : buffer_append_char(output, (char)c)) <
            0)
            return -1;
    }
    return 0;
}

static int append_query(struct buffer *output, struct slice query)
{
    if (!query.bytes)
        return 0;
    return buffer_append_char(output, '?') < 0 ? -1 : append_encoded(output, query);
}

/* unix:///run/redis.sock?db=1: the socket's path is the host, as stream_address_resolve takes it.
 */
static int parse_unix(struct url *url, const struct parts *parts, struct error *error)
{
    if ((parts->authority.bytes && parts->authority.length) || parts->path.length < 2 ||
        parts->path.bytes[0] != '/')
        return error_set(
            error, ERROR_USAGE,
            "a unix URL names a socket by its absolute path; write unix:///run/x.sock");
    url->host = percent_decode(parts->path, "path", error);
    return url->host ? 0 : -1;
}

static int parse_parts(struct url *url, const struct parts *parts, struct error *error)
{
    url->scheme = strndup(parts->scheme.bytes, parts->scheme.length);
    if (!url->scheme)
        return error_set(error, ERROR_INTERNAL, "out of memory while reading a URL");
    for (char *c = url->scheme; *c; c++)
        *c = (char)tolower((unsigned char)*c);

    bool is_unix = strcmp(url->scheme, "unix") == 0;
    if ((is_unix ? parse_unix(url, parts, error) : parse_authority(url, parts->authority, error)) <
        0)
        return -1;
    struct slice none = {NULL, 0};
    struct slice path_part = is_unix ? none : parts->path;
    if (!url->host[0])
        for (size_t i = 0; i < sizeof known_schemes / sizeof known_schemes[0]; i++)
            if (strcmp(known_schemes[i].name, url->scheme) == 0)
                return error_set(error, ERROR_USAGE, "URL: no host; write %s://HOST:%u/...",
                                 url->scheme, url->port);

    struct buffer path;
    buffer_init(&path, URL_LIMIT * 4);
    int result = path_part.length ? 0 : buffer_append_char(&path, '/');
    if (result == 0 &&
        (append_encoded(&path, path_part) < 0 || append_query(&path, parts->query) < 0))
        result = -1;
    url->path = result == 0 ? buffer_take_string(&path) : NULL;
    buffer_free(&path);
    return url->path ? 0 : error_set(error, ERROR_INTERNAL, "out of memory while reading a URL");
}

/* ---- relative references (RFC 3986, 5.2) ----------------------------------------------------- */

/* Append `path` without its "." and ".." segments; `output` is empty and `path` begins with "/". */
static int append_without_dots(struct buffer *output, struct slice path)
{
    const char *cursor = path.bytes, *end = path.bytes + path.length;
    while (cursor < end) {
        const char *next = memchr(cursor + 1, '/', (size_t)(end - cursor) - 1);
        if (!next)
            next = end;
        struct slice segment = {cursor, (size_t)(next - cursor)}; /* with its leading slash */
        bool dot = segment.length == 2 && segment.bytes[1] == '.';
        bool dots = segment.length == 3 && segment.bytes[1] == '.' && segment.bytes[2] == '.';
        if (dots)
            while (buffer_length(output) && output->data[--output->end] != '/')
                ;
        if ((dot || dots) && next == end && buffer_append_char(output, '/') < 0)
            return -1;
        if (!dot && !dots && append_encoded(output, segment) < 0)
            return -1;
        cursor = next;
    }
    return 0;
}

static int merge_paths(struct buffer *path, const struct url *base, const struct parts *reference)
{
    size_t base_length = strcspn(base->path, "?");
    struct slice query = reference->query;
    struct slice merged = reference->path;
    struct buffer joined;
    buffer_init(&joined, URL_LIMIT * 8);
    int result = 0;
    if (reference->path.length == 0) {
        merged = (struct slice){base->path, base_length};
        if (!query.bytes && base->path[base_length] == '?')
            query =
                (struct slice){base->path + base_length + 1, strlen(base->path) - base_length - 1};
    } else if (reference->path.bytes[0] != '/') {
        const char *slash = memrchr(base->path, '/', base_length);
        size_t folder = slash ? (size_t)(slash - base->path) + 1 : 0;
        if (buffer_append(&joined, base->path, folder) < 0 ||
            buffer_append(&joined, reference->path.bytes, reference->path.length) < 0)
            result = -1;
        merged = (struct slice){buffer_bytes(&joined), buffer_length(&joined)};
    }
    if (result == 0 && (append_without_dots(path, merged) < 0 || append_query(path, query) < 0))
        result = -1;
    buffer_free(&joined);
    return result;
}
