/* Opening a Redis target: reach it, see what it is, write the data set. Closing it: remove every
 * key under the run's own prefix, and no other. A server that refuses the credentials, or the
 * writes, is a target all the same: its operations fail and say why. */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "drivers/mcp_http.h"
#include "drivers/redis.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH_BYTES = 64 * 1024, SCAN_COUNT = 1000 };
#define ANSWER_TIMEOUT_NS  (30 * NS_PER_S) /* of one batch */
#define CLEANUP_TIMEOUT_NS (60 * NS_PER_S) /* of all; what is left then expires */

static int open_tls(struct redis_target *redis, const struct target_options *options,
                    struct error *error);
static int prepare_data(struct redis_target *redis, struct redis_control *control, char *problem,
                        size_t size, struct error *error);
static void ask_info(struct redis_control *control);
static int describe(struct target *target, struct redis_control *control, const char *problem);
static pid_t find_pid(const struct redis_target *redis, const struct redis_control *control);
static void remove_keys(struct target *target, struct redis_target *redis);

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- open --------------------------------------------------------------------------------------
 */

static int reach(struct target *target, struct redis_target *redis, struct redis_control *control,
                 struct error *error)
{
    const struct redis_settings *settings = &redis->settings;
    if (stream_address_resolve(&redis->address, settings->host, settings->port, NULL, error) < 0) {
        target_trace(target, "resolve", false, "%s", error->text);
        return -1;
    }
    target_trace(target, "resolve", true, "%d address%s", redis->address.candidate_count,
                 redis->address.candidate_count == 1 ? "" : "es");
    if (open_tls(redis, target->options, error) < 0)
        return -1;
    int result = redis_control_open(control, redis, 2 * redis->connect_timeout_ns, error);
    if (result < 0) {
        target_trace(target, control->outcome.kind == OUTCOME_TLS ? "tls" : "connect", false, "%s",
                     error->text);
        return -1;
    }
    target_trace(target, "connect", true, "connected");
    if (redis->tls)
        target_trace(target, "tls", true, "%s", control->tls);
    if (result == 0)
        target_trace(target, "handshake", true, "RESP%u", control->link.protocol);
    else
        target_trace(target, "handshake", false, "%s", control->text);
    return result;
}

static int open_target(struct target *target, struct redis_target *redis,
                       struct redis_control *control, struct error *error)
{
    char problem[REDIS_TEXT] = "";
    int refused = reach(target, redis, control, error);
    if (refused < 0)
        return -1;
    if (refused && strcmp(control->outcome.detail, "auth") != 0 &&
        strcmp(control->outcome.detail, "LOADING") != 0)
        return error_set(error, ERROR_USAGE, "%s: Redis refuses: %s",
                         target->options->where ? target->options->where : "target", control->text);
    redis->refused = refused != 0;
    if (refused) {
        snprintf(problem, sizeof problem, "%s", control->text);
    } else {
        ask_info(control);
        if (redis->settings.prepare &&
            prepare_data(redis, control, problem, sizeof problem, error) < 0)
            return -1;
        if (!problem[0])
            target_trace(target, "prepare", true, "keys under %s", redis->settings.prefix);
        else
            target_trace(target, "prepare", false, "%s", problem);
    }
    if (problem[0])
        log_warn("target %s: no data set was written: %s",
                 target->options->name ? target->options->name : "redis", problem);
    target->calls_per_connection = (unsigned)redis->settings.pipeline;
    target->pid = find_pid(redis, control);
    if (describe(target, control, problem) < 0 || redis_defaults_offer(target) < 0)
        return out_of_memory(error);
    return 0;
}

int redis_open(struct target *target, struct error *error)
{
    struct redis_target *redis = calloc(1, sizeof *redis);
    struct redis_control control = {0};
    if (!redis)
        return out_of_memory(error);
    target->driver_data = redis;
    redis->connect_timeout_ns =
        target->options->connect_timeout_ns ? target->options->connect_timeout_ns : 10 * NS_PER_S;
    redis->opening = true;
    int result = redis_settings_read(&redis->settings, target->options, error);
    if (result == 0)
        result = open_target(target, redis, &control, error);
    redis_control_close(&control);
    redis->opening = false;
    if (result < 0)
        redis_close(target);
    return result;
}

void redis_close(struct target *target)
{
    struct redis_target *redis = target->driver_data;
    if (redis) {
        if (redis->may_own_keys)
            remove_keys(target, redis);
        tls_settings_close(redis->tls);
        stream_address_free(&redis->address);
        redis_settings_free(&redis->settings);
    }
    free(redis);
    target->driver_data = NULL;
    target_free_offers(target);
}

static int open_tls(struct redis_target *redis, const struct target_options *options,
                    struct error *error)
{
    struct tls_options tls = {.ca_file = options->ca_file,
                              .certificate_file = options->certificate_file,
                              .key_file = options->key_file,
                              .insecure = options->insecure};
    if (!redis->settings.tls)
        return 0;
    redis->tls = tls_settings_open(&tls, error);
    return redis->tls ? 0 : -1;
}

/* ---- what the server is -------------------------------------------------------------------------
 */

/* "redis_version:7.0.15\r\n" */
static void info_field(const char *text, size_t length, const char *name, char *field, size_t size)
{
    const char *found = memmem(text, length, name, strlen(name));
    if (!found)
        return;
    found += strlen(name);
    size_t rest = (size_t)(text + length - found), count = 0;
    while (count < rest && found[count] != '\r' && found[count] != '\n')
        count++;
    snprintf(field, size, "%.*s", count < size ? (int)count : (int)size - 1, found);
}

static void info_reply(struct redis_control *control, const char *reply, size_t length)
{
    if (control->link.reader.has_error)
        return; /* an ACL without INFO: it stays unknown */
    if (!control->version[0])
        info_field(reply, length, "redis_version:", control->version, sizeof control->version);
    if (!control->mode[0])
        info_field(reply, length, "redis_mode:", control->mode, sizeof control->mode);
    if (!control->role[0])
        info_field(reply, length, "\nrole:", control->role, sizeof control->role);
}

/* RESP2 has no HELLO to tell. Nothing depends on the answer. */
static void ask_info(struct redis_control *control)
{
    struct buffer *output = &control->link.output;
    if (control->version[0])
        return;
    if (resp_append_array(output, 1) < 0 || resp_append_bulk_text(output, "INFO") < 0)
        return;
    control->reply = info_reply;
    redis_control_run(control, 1, ANSWER_TIMEOUT_NS, NULL);
    control->reply = NULL;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (*text)
        json_object_set_new(object, name, json_string(text));
}

static int describe(struct target *target, struct redis_control *control, const char *problem)
{
    const struct redis_target *redis = target->driver_data;
    const struct redis_settings *settings = &redis->settings;
    const char *transport = settings->tls              ? "TLS"
                            : settings->host[0] == '/' ? "Unix socket"
                                                       : "TCP";
    const char *server =
        control->server[0] && strcmp(control->server, "redis") != 0 ? control->server : "Redis";
    char protocol[8];
    snprintf(protocol, sizeof protocol, "RESP%u", control->link.protocol);
    if (asprintf(&target->description, "%s%s%s, %s, %s%s", server, control->version[0] ? " " : "",
                 control->version, protocol, transport,
                 redis->refused ? ", which refuses the credentials" : "") < 0)
        target->description = NULL;
    target->facts = json_pack("{s:s, s:s, s:i, s:i, s:b}", "protocol", protocol, "transport",
                              transport, "database", (int)settings->database, "pipeline",
                              (int)settings->pipeline, "credentials_refused", (int)redis->refused);
    if (!target->description || !target->facts)
        return -1;
    set_text(target->facts, "version", control->version);
    set_text(target->facts, "mode", control->mode);
    set_text(target->facts, "role", control->role);
    set_text(target->facts, "tls", control->tls);
    set_text(target->facts, "prefix", settings->prefix);
    if (redis->may_own_keys)
        json_object_set_new(target->facts, "keys",
                            json_integer((json_int_t)redis_defaults_items(settings)));
    if (*problem)
        json_object_set_new(target->facts, "notes", json_pack("[s]", problem));
    return 0;
}

/* Of a Unix socket the kernel knows who listens on it. */
static pid_t find_pid(const struct redis_target *redis, const struct redis_control *control)
{
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    if (redis->settings.host[0] != '/')
        return mcp_http_pid_of(&redis->address, redis->settings.port);
    return getsockopt(control->link.stream.io.fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0
               ? peer.pid
               : 0;
}

/* ---- the data set -------------------------------------------------------------------------------
 */

struct preparation {
    char *problem; /* the first error; those of a cluster's other slots are no reason to stop */
    size_t size;
    bool stop;
};

static void prepare_reply(struct redis_control *control, const char *reply, size_t length)
{
    struct preparation *preparation = control->context;
    struct resp_cursor cursor = {reply + control->link.reader.error_offset, reply + length};
    struct resp_token token;
    char text[REDIS_TEXT];
    if (!control->link.reader.has_error || !resp_next(&cursor, &token))
        return;
    struct outcome outcome = redis_error_outcome(token.text, token.length, text, sizeof text);
    if (strcmp(outcome.detail, "MOVED") != 0 && strcmp(outcome.detail, "ASK") != 0)
        preparation->stop = true;
    if (!preparation->problem[0])
        snprintf(preparation->problem, preparation->size, "%s", text);
}

static int prepare_data(struct redis_target *redis, struct redis_control *control, char *problem,
                        size_t size, struct error *error)
{
    struct preparation preparation = {.problem = problem, .size = size};
    uint64_t items = redis_defaults_items(&redis->settings);
    struct buffer *output = &control->link.output;
    redis->may_own_keys = true;
    control->reply = prepare_reply;
    control->context = &preparation;
    for (uint64_t i = 0; i < items && !preparation.stop;) {
        unsigned replies = 0;
        if (interrupt_requested())
            return error_set(error, ERROR_INTERRUPTED,
                             "interrupted while the data set was written");
        while (i < items && buffer_length(output) < BATCH_BYTES) {
            unsigned more;
            if (redis_defaults_item(&redis->settings, i++, output, &more) < 0)
                return out_of_memory(error);
            replies += more;
        }
        if (redis_control_run(control, replies, ANSWER_TIMEOUT_NS, error) < 0)
            return error_wrap(error, "while the data set was written");
    }
    control->reply = NULL;
    return 0;
}

/* ---- cleaning up --------------------------------------------------------------------------------
 */

struct cleanup {
    char cursor[24];
    struct buffer unlink; /* an UNLINK of each key that the scan found: a cluster takes no more */
    unsigned count;       /* of them */
    const char *command;
    uint64_t removed;
    char problem[REDIS_TEXT];
};

/* A bulk string of the prefix, as a pattern that matches it and nothing else. */
static int append_pattern(struct buffer *output, const char *prefix)
{
    struct buffer pattern;
    buffer_init(&pattern, 64 * 1024);
    int result = 0;
    for (; *prefix; prefix++) {
        if (strchr("*?[]\\^", *prefix))
            result |= buffer_append_char(&pattern, '\\');
        result |= buffer_append_char(&pattern, *prefix);
    }
    result |= buffer_append_char(&pattern, '*');
    if (result == 0)
        result = resp_append_bulk(output, buffer_bytes(&pattern), buffer_length(&pattern));
    buffer_free(&pattern);
    return result;
}

static void note_problem(struct redis_control *control, struct cleanup *cleanup, const char *reply,
                         size_t length)
{
    struct resp_cursor cursor = {reply + control->link.reader.error_offset, reply + length};
    struct resp_token token;
    if (resp_next(&cursor, &token))
        redis_error_outcome(token.text, token.length, cleanup->problem, sizeof cleanup->problem);
}

/* [cursor, [key, ...]] */
static void scan_reply(struct redis_control *control, const char *reply, size_t length)
{
    struct cleanup *cleanup = control->context;
    struct resp_cursor cursor = {reply + control->link.reader.value_offset, reply + length};
    struct resp_token token, keys;
    if (control->link.reader.has_error) {
        note_problem(control, cleanup, reply, length);
        return;
    }
    if (!resp_next(&cursor, &token) || !resp_next(&cursor, &token) || !resp_next(&cursor, &keys) ||
        token.length >= sizeof cleanup->cursor) {
        snprintf(cleanup->problem, sizeof cleanup->problem, "SCAN answered something else");
        return;
    }
    memcpy(cleanup->cursor, token.text, token.length);
    cleanup->cursor[token.length] = 0;
    int result = 0;
    for (uint64_t i = 0; i < keys.count && resp_next(&cursor, &token); i++, cleanup->count++)
        result |= resp_append_array(&cleanup->unlink, 2) |
                  resp_append_bulk_text(&cleanup->unlink, cleanup->command) |
                  resp_append_bulk(&cleanup->unlink, token.text, token.length);
    if (result < 0)
        snprintf(cleanup->problem, sizeof cleanup->problem, "out of memory");
}

static void unlink_reply(struct redis_control *control, const char *reply, size_t length)
{
    struct cleanup *cleanup = control->context;
    struct resp_cursor cursor = {reply + control->link.reader.value_offset, reply + length};
    struct resp_token token;
    if (control->link.reader.has_error)
        note_problem(control, cleanup, reply, length);
    else if (resp_next(&cursor, &token) && token.type == RESP_INTEGER)
        cleanup->removed += (uint64_t)token.integer;
}

static int scan_once(struct redis_control *control, struct cleanup *cleanup, const char *prefix,
                     struct error *error)
{
    struct buffer *output = &control->link.output;
    char count[16];
    snprintf(count, sizeof count, "%d", SCAN_COUNT);
    int result = resp_append_array(output, 6) | resp_append_bulk_text(output, "SCAN") |
                 resp_append_bulk_text(output, cleanup->cursor) |
                 resp_append_bulk_text(output, "MATCH") | append_pattern(output, prefix) |
                 resp_append_bulk_text(output, "COUNT") | resp_append_bulk_text(output, count);
    if (result < 0)
        return out_of_memory(error);
    control->reply = scan_reply;
    if (redis_control_run(control, 1, ANSWER_TIMEOUT_NS, error) < 0)
        return -1;
    if (cleanup->problem[0])
        return error_set(error, ERROR_TARGET, "%s", cleanup->problem);
    if (cleanup->count == 0)
        return 0;
    if (buffer_append(output, buffer_bytes(&cleanup->unlink), buffer_length(&cleanup->unlink)) < 0)
        return out_of_memory(error);
    control->reply = unlink_reply;
    if (redis_control_run(control, cleanup->count, ANSWER_TIMEOUT_NS, error) < 0)
        return -1;
    buffer_clear(&cleanup->unlink);
    cleanup->count = 0;
    if (!cleanup->problem[0])
        return 0;
    /* Redis before 4 has no UNLINK: scan on with DEL, and once more for these. */
    if (strcmp(cleanup->command, "DEL") == 0)
        return error_set(error, ERROR_TARGET, "%s", cleanup->problem);
    cleanup->command = "DEL";
    cleanup->problem[0] = 0;
    strcpy(cleanup->cursor, "0");
    return 1;
}

static int scan_all(struct redis_control *control, struct cleanup *cleanup, const char *prefix,
                    struct error *error)
{
    uint64_t deadline = clock_now_ns() + CLEANUP_TIMEOUT_NS;
    int again;
    do {
        again = scan_once(control, cleanup, prefix, error);
        if (again < 0)
            return -1;
        if (clock_now_ns() > deadline)
            return error_set(error, ERROR_TARGET, "the scan of the database took too long");
    } while (again || strcmp(cleanup->cursor, "0") != 0);
    return 0;
}

static void remove_keys(struct target *target, struct redis_target *redis)
{
    struct redis_control control;
    struct cleanup cleanup = {.cursor = "0", .command = "UNLINK"};
    struct error error = {0};
    buffer_init(&cleanup.unlink, REDIS_OUTPUT_LIMIT);
    int result = redis_control_open(&control, redis, 2 * redis->connect_timeout_ns, &error);
    if (result > 0)
        error_set(&error, ERROR_TARGET, "%s", control.text);
    bool never_let_in = result > 0 && redis->refused; /* then nothing was written */
    if (result == 0) {
        control.context = &cleanup;
        result = scan_all(&control, &cleanup, redis->settings.prefix, &error);
    }
    if (result == 0)
        log_debug("removed %llu keys under %s", (unsigned long long)cleanup.removed,
                  redis->settings.prefix);
    else if (!never_let_in)
        log_warn("target %s: the keys under %s could not be removed: %s; they expire within %llu s",
                 target->options->name ? target->options->name : "redis", redis->settings.prefix,
                 error.text, (unsigned long long)(redis->settings.ttl_ns / NS_PER_S));
    redis_control_close(&control);
    buffer_free(&cleanup.unlink);
}
