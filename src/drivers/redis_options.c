/* The settings of a Redis target: from its URL, the query of that, and driver_options, in this
 * order; the later stands over the earlier. */
#include "base/clock.h"
#include "base/random.h"
#include "base/scrub.h"
#include "drivers/redis.h"
#include "drivers/setting.h"
#include "net/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#define FIELD(member) offsetof(struct redis_settings, member)
static const struct setting settings_table[] = {
    {"user", SETTING_TEXT, FIELD(user), 0, 0, NULL},
    {"password", SETTING_TEXT, FIELD(password), 0, 0, NULL},
    {"database", SETTING_COUNT, FIELD(database), 0, INT32_MAX, NULL},
    {"protocol", SETTING_CHOICE, FIELD(protocol_text), 0, 0, "auto 2 3"},
    {"pipeline", SETTING_COUNT, FIELD(pipeline), 1, REDIS_MOST_PIPELINE, NULL},
    {"keys", SETTING_COUNT, FIELD(keys), 1, 100000000, NULL},
    {"value_size", SETTING_SIZE, FIELD(value_size), 1, 16 * 1024 * 1024, NULL},
    {"ttl", SETTING_DURATION, FIELD(ttl_ns), NS_PER_S, 1000 * 86400 * NS_PER_S, NULL},
    {"prefix", SETTING_TEXT, FIELD(prefix), 0, 0, NULL},
    {"prepare", SETTING_COUNT, FIELD(prepare), 0, 1, NULL},
    {NULL, SETTING_TEXT, 0, 0, 0, NULL}};

static const char *const schemes[] = {"redis://", "rediss://", "unix://", "redis+unix://",
                                      "unix+redis://"};

static int read_url(struct redis_settings *settings, const char *text, const char *where,
                    struct error *error);
static int take_secret(struct redis_settings *settings, const char *where, struct error *error);
static int finish_prefix(struct redis_settings *settings, struct error *error);

bool redis_settings_accept(const char *url)
{
    for (size_t i = 0; url && i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

int redis_settings_read(struct redis_settings *settings, const struct target_options *options,
                        struct error *error)
{
    const char *where = options->where ? options->where : "target";
    *settings = (struct redis_settings){
        .pipeline = 1, .keys = 1000, .value_size = 64, .ttl_ns = 86400 * NS_PER_S, .prepare = 1};
    if (!redis_settings_accept(options->url)) {
        error_set(error, ERROR_USAGE,
                  "%s: the redis driver needs a URL such as redis://127.0.0.1:6379/0, "
                  "rediss://HOST or unix:///run/redis.sock",
                  where);
    } else if (read_url(settings, options->url, where, error) == 0 &&
               settings_read(settings, settings_table, "redis", options, error) == 0 &&
               take_secret(settings, where, error) == 0) {
        settings->protocol =
            settings->protocol_text ? (unsigned)strtoul(settings->protocol_text, NULL, 10) : 0;
        settings->ttl_ns -= settings->ttl_ns % NS_PER_S;
        if (!settings->user || settings->password)
            return finish_prefix(settings, error);
        error_set(error, ERROR_USAGE,
                  "%s: a user needs a password; write redis://USER:PASSWORD@HOST, or give the "
                  "option password",
                  where);
    }
    redis_settings_free(settings);
    return -1;
}

void redis_settings_free(struct redis_settings *settings)
{
    if (settings->password)
        explicit_bzero(settings->password, strlen(settings->password));
    settings_free(settings, settings_table);
    free(settings->host);
    *settings = (struct redis_settings){0};
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- the URL -----------------------------------------------------------------------------------
 */

static int take_url(struct redis_settings *settings, struct url *url, struct error *error)
{
    bool has_user = url->user && *url->user;
    settings->host = strdup(url->host);
    settings->port = url->port;
    settings->tls = strcmp(url->scheme, "rediss") == 0;
    if (has_user)
        settings->user = strdup(url->user);
    bool marked = url->password && url->password[0] == '$'; /* not a name: see take_secret */
    if (url->password &&
        asprintf(&settings->password, "%s%s", marked ? "$" : "", url->password) < 0)
        settings->password = NULL;
    return !settings->host || (has_user && !settings->user) ||
                   (url->password && !settings->password)
               ? out_of_memory(error)
               : 0;
}

/* /3 is database 3. The path of a Unix socket is the host by then. */
static int read_path(struct redis_settings *settings, const char *path, const char *where,
                     struct error *error)
{
    size_t length = strcspn(path, "?"), digits = strspn(path + 1, "0123456789");
    if (length <= 1)
        return 0;
    settings->database = strtoull(path + 1, NULL, 10);
    if (digits == length - 1 && digits <= 10 && settings->database <= INT32_MAX)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "%s: the path of a Redis URL is the number of a database, as in "
                     "redis://HOST/0, not \"%.*s\"",
                     where, (int)(length > 64 ? 64 : length), path);
}

/* redis+unix://user:password@/run/redis.sock: url_parse knows unix:///PATH, without user. */
static int parse_unix(struct url *url, const char *rest, struct error *error)
{
    char *text = NULL;
    size_t user = strcspn(rest, "/");
    if (asprintf(&text, "unix://%s", rest + user) < 0)
        return out_of_memory(error);
    int result = url_parse(url, text, error);
    free(text);
    if (result < 0 || user == 0)
        return result;
    struct url with_user;
    if (rest[user - 1] != '@' || asprintf(&text, "redis://%.*slocalhost", (int)user, rest) < 0) {
        url_free(url);
        return error_set(error, ERROR_USAGE,
                         "a Unix socket has no host; write unix:///run/redis.sock, or "
                         "redis+unix://USER:PASSWORD@/run/redis.sock");
    }
    result = url_parse(&with_user, text, error);
    explicit_bzero(text, strlen(text));
    free(text);
    if (result < 0) {
        url_free(url);
        return -1;
    }
    url->user = with_user.user;
    url->password = with_user.password;
    with_user.user = with_user.password = NULL;
    url_free(&with_user);
    return 0;
}

static int read_url(struct redis_settings *settings, const char *text, const char *where,
                    struct error *error)
{
    struct url url;
    const char *rest = strstr(text, "://") + 3;
    bool is_unix = strncasecmp(text, "redis", 5) != 0 || text[5] == '+';
    if ((is_unix ? parse_unix(&url, rest, error) : url_parse(&url, text, error)) < 0)
        return error_wrap(error, "%s", where);
    int result = take_url(settings, &url, error);
    if (result == 0)
        result = read_path(settings, url.path, where, error);
    url_free(&url);
    return result;
}

/* As an option, $NAME is the environment's, so that a plan need not hold the password. One of the
 * URL is taken as it is written. */
static int take_secret(struct redis_settings *settings, const char *where, struct error *error)
{
    const char *text = settings->password;
    if (!text)
        return 0;
    if (text[0] == '$') {
        const char *value = text[1] == '$' ? text + 1 : getenv(text + 1);
        if (!value)
            return error_set(error, ERROR_USAGE,
                             "%s: options.password: the environment variable %s is not set; "
                             "export it, or write $$ for a dollar sign",
                             where, text + 1);
        char *copy = strdup(value);
        if (!copy)
            return out_of_memory(error);
        free(settings->password);
        settings->password = copy;
    }
    scrub_remember(settings->password);
    return 0;
}

/* What a plan calls its prefix may be in use by others: what is removed at the end is only what is
 * below a part that no one else has. */
static int finish_prefix(struct redis_settings *settings, struct error *error)
{
    uint64_t unique;
    char *prefix = NULL;
    if (getrandom(&unique, sizeof unique, GRND_NONBLOCK) != sizeof unique)
        unique = clock_wall_ns() ^ (uint64_t)getpid() << 40;
    const char *given = settings->prefix ? settings->prefix : "cicada:";
    if (asprintf(&prefix, "%s%012llx:", given, (unsigned long long)(unique & 0xffffffffffff)) < 0) {
        redis_settings_free(settings);
        return out_of_memory(error);
    }
    free(settings->prefix);
    settings->prefix = prefix;
    return 0;
}
