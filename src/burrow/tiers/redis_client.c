/* See redis_client.h. */
#include "burrow/tiers/redis_client.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE 16384

/* ---- opening -------------------------------------------------------------------------------- */

static int read_database(struct redis_client *client, struct error *error)
{
    const char *path = client->url.path ? client->url.path : "";
    char *end;
    if (path[0] == '/')
        path++;
    if (strncmp(path, "?db=", 4) == 0) /* of a Unix socket */
        path += 4;
    if (!*path)
        return 0;
    unsigned long database = strtoul(path, &end, 10);
    if (*path < '0' || *path > '9' || *end || database > 65535)
        return error_set(error, ERROR_USAGE,
                         "--redis: \"%.80s\" is no number of a database; write redis://HOST:PORT/0",
                         path);
    client->database = (unsigned)database;
    return 0;
}

int redis_client_open(struct redis_client *client, const char *url, struct error *error)
{
    static const struct tls_options verified = {0};
    *client = (struct redis_client){.link.fd = -1};
    buffer_init(&client->output, REDIS_REPLY_LIMIT);
    buffer_init(&client->input, REDIS_REPLY_LIMIT);
    resp_reader_init(&client->reader, REDIS_REPLY_LIMIT);
    if (url_parse(&client->url, url, error) < 0)
        return error_wrap(error, "--redis");
    const struct url *parsed = &client->url;
    bool is_unix = strcmp(parsed->scheme, "unix") == 0,
         is_tls = strcmp(parsed->scheme, "rediss") == 0;
    if (!is_unix && !is_tls && strcmp(parsed->scheme, "redis") != 0)
        error_set(error, ERROR_USAGE,
                  "--redis: \"%.40s\" is no scheme of Redis; write redis://HOST:PORT, "
                  "rediss://HOST:PORT or unix:///PATH",
                  parsed->scheme);
    else if (read_database(client, error) == 0 &&
             (!is_tls || (client->tls = tls_settings_open(&verified, error)))) {
        if (is_unix)
            snprintf(client->address, sizeof client->address, "%s", parsed->host);
        else
            snprintf(client->address, sizeof client->address, "%s:%u", parsed->host, parsed->port);
        return 0;
    }
    redis_client_close(client);
    return -1;
}

void redis_client_close(struct redis_client *client)
{
    link_close(&client->link);
    url_free(&client->url);
    tls_settings_close(client->tls);
    buffer_free(&client->output);
    buffer_free(&client->input);
    *client = (struct redis_client){.link.fd = -1};
}

/* ---- failures ------------------------------------------------------------------------------- */

static int remember(struct redis_client *client, struct error *error)
{
    client->failures++;
    snprintf(client->last_error, sizeof client->last_error, "%.255s", error->text);
    return -1;
}

static int fail_unreachable(struct redis_client *client, const char *reason, struct error *error)
{
    link_close(&client->link);
    link_backoff_failed(&client->backoff, 0);
    error_set(error, ERROR_TARGET,
              "cache: Redis at %s cannot be reached: %s; start it, or restart burrow without "
              "--redis",
              client->address, reason);
    return remember(client, error);
}

static bool begins(const struct resp_token *reply, const char *word)
{
    return reply->length >= strlen(word) && memcmp(reply->text, word, strlen(word)) == 0;
}

static int fail_refused(struct redis_client *client, const struct resp_token *reply,
                        struct error *error)
{
    bool auth = begins(reply, "NOAUTH") || begins(reply, "WRONGPASS") || begins(reply, "NOPERM") ||
                begins(reply, "ERR AUTH") || begins(reply, "ERR invalid password");
    if (begins(reply, "ERR value is not an integer") || begins(reply, "ERR increment"))
        return error_set(error, ERROR_USAGE, "cache: %.*s", (int)reply->length, reply->text);
    error_set(error, ERROR_TARGET, "cache: Redis at %s refuses%s: %.*s; %s", client->address,
              auth ? " the user or the password" : "",
              (int)(reply->length < 300 ? reply->length : 300), reply->text,
              auth ? "correct them in --redis" : "see what its log says");
    return remember(client, error);
}

/* ---- commands ------------------------------------------------------------------------------- */

static int send_command(struct redis_client *client, const struct redis_word *words, size_t count,
                        struct error *error)
{
    uint64_t deadline = clock_now_ns() + REDIS_ANSWER_MS * NS_PER_MS;
    struct buffer *output = &client->output;
    buffer_clear(output);
    int full = resp_append_array(output, count);
    for (size_t i = 0; i < count && full == 0; i++)
        full = resp_append_bulk(output, words[i].bytes, words[i].length);
    if (full < 0)
        return error_set(error, ERROR_USAGE, "cache: a value of more than %zu bytes",
                         REDIS_REPLY_LIMIT);
    if (link_write(&client->link, buffer_bytes(output), buffer_length(output), deadline) < 0)
        return fail_unreachable(client, client->link.reason, error);
    return 0;
}

static int receive_reply(struct redis_client *client, struct error *error)
{
    uint64_t deadline = clock_now_ns() + REDIS_ANSWER_MS * NS_PER_MS;
    struct buffer *input = &client->input;
    enum resp_status status;
    buffer_clear(input);
    resp_reader_begin(&client->reader);
    do {
        char *room = buffer_reserve(input, READ_SIZE);
        if (!room)
            return fail_unreachable(client, "its answer is larger than 64 MiB", error);
        int64_t got = link_read(&client->link, room, READ_SIZE, deadline);
        if (got < 0)
            return fail_unreachable(client, client->link.reason, error);
        buffer_commit(input, (size_t)got);
        status = resp_read(&client->reader, buffer_bytes(input), buffer_length(input));
    } while (status == RESP_MORE);
    if (status == RESP_DONE && client->reader.length == buffer_length(input))
        return 0;
    return fail_unreachable(client, "what it says is no answer of Redis", error);
}

static int exchange(struct redis_client *client, const struct redis_word *words, size_t count,
                    struct resp_token *reply, struct resp_cursor *rest, struct error *error)
{
    if (send_command(client, words, count, error) < 0 || receive_reply(client, error) < 0)
        return -1;
    const char *bytes = buffer_bytes(&client->input);
    struct resp_cursor cursor = {bytes + client->reader.value_offset,
                                 bytes + client->reader.length};
    if (!resp_next(&cursor, reply))
        return fail_unreachable(client, "what it says is no answer of Redis", error);
    if (rest)
        *rest = cursor;
    return reply->type == RESP_ERROR ? fail_refused(client, reply, error) : 0;
}

static int greet(struct redis_client *client, struct error *error)
{
    const struct url *url = &client->url;
    struct redis_word auth[3] = {{"AUTH", 4}}, choose[2] = {{"SELECT", 6}};
    struct resp_token reply;
    char digits[16];
    size_t count = 1;
    if (url->user && *url->user)
        auth[count++] = (struct redis_word){url->user, strlen(url->user)};
    if (url->password)
        auth[count++] = (struct redis_word){url->password, strlen(url->password)};
    if (url->password && exchange(client, auth, count, &reply, NULL, error) < 0)
        return -1;
    int length = snprintf(digits, sizeof digits, "%u", client->database);
    choose[1] = (struct redis_word){digits, (size_t)length};
    return exchange(client, choose, 2, &reply, NULL, error);
}

static int connect_client(struct redis_client *client, struct error *error)
{
    struct stream_address address;
    struct error problem = {0};
    if (link_backoff_waits(&client->backoff))
        return error_set(error, ERROR_TARGET, "%s", client->last_error);
    if (stream_address_resolve(&address, client->url.host, client->url.port, NULL, &problem) < 0)
        return fail_unreachable(client, problem.text, error);
    int failed = link_open(&client->link, &address, client->tls,
                           clock_now_ns() + REDIS_CONNECT_MS * NS_PER_MS);
    stream_address_free(&address);
    if (failed < 0)
        return fail_unreachable(client, client->link.reason, error);
    if (greet(client, error) < 0) { /* refused: ask again, but not at once */
        if (client->link.open)
            link_backoff_failed(&client->backoff, 0);
        link_close(&client->link);
        return -1;
    }
    link_backoff_succeeded(&client->backoff);
    return 0;
}

int redis_client_run(struct redis_client *client, const struct redis_word *words, size_t count,
                     struct resp_token *reply, struct resp_cursor *rest, struct error *error)
{
    struct error own = {0};
    struct error *problem = error ? error : &own;
    /* closed while nothing was asked, by a restart or for its idleness: no failure yet */
    if (!link_is_quiet(&client->link))
        link_close(&client->link);
    if (!client->link.open && connect_client(client, problem) < 0)
        return -1;
    return exchange(client, words, count, reply, rest, problem);
}
