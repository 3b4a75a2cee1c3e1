/* The default mix and the data set it works on. Every write renews the life time of its key, in the
 * same write to the socket: what a killed run leaves behind goes by itself. */
#include "base/clock.h"
#include "drivers/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 10 /* of each hash, list and sorted set, to begin with */ };

struct redis_default {
    const char *name;
    double weight;
    unsigned hints;
    const char *description;
    /* The words of the commands, each ended by NULL, all by another: a text, a template, or one of
     * @string @hash @list @zset @counter (a key), @value, @ttl. */
    const char *const *words;
};

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL, NULL                                                                    \
    }
#define NEXT NULL

static const struct redis_default defaults[] = {
    {"GET", 30, OFFER_READ_ONLY | OFFER_IDEMPOTENT, "read a string", WORDS("GET", "@string")},
    {"SET", 15, OFFER_IDEMPOTENT, "write a string with a time to live",
     WORDS("SET", "@string", "@value", "EX", "@ttl")},
    {"HSET", 8, OFFER_IDEMPOTENT, "write one field of a hash",
     WORDS("HSET", "@hash", "field:${random(0,9)}", "@value", NEXT, "EXPIRE", "@hash", "@ttl")},
    {"HGETALL", 8, OFFER_READ_ONLY | OFFER_IDEMPOTENT, "read a hash", WORDS("HGETALL", "@hash")},
    {"LPUSH", 6, 0, "push to a list, and keep its newest hundred",
     WORDS("LPUSH", "@list", "@value", NEXT, "LTRIM", "@list", "0", "99", NEXT, "EXPIRE", "@list",
           "@ttl")},
    {"LRANGE", 8, OFFER_READ_ONLY | OFFER_IDEMPOTENT, "read the newest ten of a list",
     WORDS("LRANGE", "@list", "0", "9")},
    {"ZADD", 6, OFFER_IDEMPOTENT, "score a member of a sorted set",
     WORDS("ZADD", "@zset", "${random(0,999)}", "member:${random(0,99)}", NEXT, "EXPIRE", "@zset",
           "@ttl")},
    {"ZRANGE", 8, OFFER_READ_ONLY | OFFER_IDEMPOTENT, "read the lowest ten of a sorted set",
     WORDS("ZRANGE", "@zset", "0", "9", "WITHSCORES")},
    {"INCR", 5, 0, "count up", WORDS("INCR", "@counter", NEXT, "EXPIRE", "@counter", "@ttl")},
    {"MULTI/EXEC", 3, 0, "a transaction: count up and write a string",
     WORDS("MULTI", NEXT, "INCR", "@counter", NEXT, "EXPIRE", "@counter", "@ttl", NEXT, "SET",
           "@string", "@value", "EX", "@ttl", NEXT, "EXEC")},
    {"EVAL", 3, OFFER_READ_ONLY | OFFER_IDEMPOTENT, "a script that reads a string",
     WORDS("EVAL", "return redis.call('GET', KEYS[1])", "1", "@string")},
};

static const struct redis_default ping = {"ping", 0, OFFER_READ_ONLY | OFFER_IDEMPOTENT, NULL,
                                          WORDS("PING")};

int redis_defaults_offer(struct target *target)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        struct offer *offer =
            target_add_offer(target, "command", defaults[i].name, defaults[i].description,
                             defaults[i].hints, (void *)&defaults[i]);
        if (!offer)
            return -1;
        offer->weight = defaults[i].weight;
    }
    return target_add_offer(target, "command", "custom",
                            "commands of a plan's own: {\"command\": [\"GET\", \"key\"]}", 0,
                            NULL) &&
                   target_add_offer(target, "ping", "ping", NULL, ping.hints, (void *)&ping) &&
                   target_add_offer(target, "connection_churn", "connection_churn", NULL,
                                    ping.hints, (void *)&ping)
               ? 0
               : -1;
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

enum { KINDS = 5 };
static const struct {
    const char *word, *name;
} kinds[KINDS] = {{"@string", "string"},
                  {"@hash", "hash"},
                  {"@list", "list"},
                  {"@zset", "zset"},
                  {"@counter", "counter"}};

static uint64_t kind_count(const struct redis_settings *settings, unsigned kind)
{
    return kind == 0 ? settings->keys : settings->keys < 10 ? 1 : settings->keys / 10;
}

/* A value of the size wanted: letters that are the same in each run, and compress badly. */
static char *make_value(uint64_t size)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    char *value = malloc(size + 1);
    struct random random;
    random_seed(&random, size, 0);
    for (uint64_t i = 0; value && i < size; i++)
        value[i] = letters[random_next(&random) % 64];
    if (value)
        value[size] = 0;
    return value;
}

/* ---- the mix ------------------------------------------------------------------------------------
 */

static json_t *shown_word(const struct redis_settings *settings, const char *word)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (strcmp(kinds[kind].word, word) == 0)
            return json_sprintf("%s%s:${random(0,%llu)}", settings->prefix, kinds[kind].name,
                                (unsigned long long)kind_count(settings, kind) - 1);
    if (strcmp(word, "@ttl") == 0)
        return json_sprintf("%llu", (unsigned long long)(settings->ttl_ns / NS_PER_S));
    if (strcmp(word, "@value") != 0)
        return json_string(word);
    char *value = make_value(settings->value_size);
    json_t *shown = value ? json_string(value) : NULL;
    free(value);
    return shown;
}

static json_t *shown_commands(const struct redis_default *operation,
                              const struct redis_settings *settings)
{
    json_t *commands = json_array();
    for (const char *const *word = operation->words; *word; word++) {
        json_t *command = json_array();
        for (; *word; word++)
            json_array_append_new(command, shown_word(settings, *word));
        json_array_append_new(commands, command);
    }
    json_t *shown = json_array_size(commands) == 1
                        ? json_pack("{s:O}", "command", json_array_get(commands, 0))
                        : json_pack("{s:O}", "commands", commands);
    json_decref(commands);
    return shown;
}

static int compile_word(struct redis_program *program, const struct redis_settings *settings,
                        const char *word, struct error *error)
{
    char key[512];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (strcmp(kinds[kind].word, word) != 0)
            continue;
        int length = snprintf(key, sizeof key, "%s%s:", settings->prefix, kinds[kind].name);
        if (length < 0 || (size_t)length >= sizeof key)
            return error_set(error, ERROR_USAGE, "the prefix of the keys is too long");
        return redis_program_key(program, key, kind_count(settings, kind));
    }
    if (strcmp(word, "@ttl") == 0) {
        snprintf(key, sizeof key, "%llu", (unsigned long long)(settings->ttl_ns / NS_PER_S));
        return redis_program_text(program, key);
    }
    if (strcmp(word, "@value") != 0)
        return strstr(word, "${") ? redis_program_template(program, word, error)
                                  : redis_program_text(program, word);
    char *value = make_value(settings->value_size);
    int result = value ? redis_program_text(program, value) : -1;
    free(value);
    return result;
}

int redis_defaults_compile(const struct redis_default *operation,
                           const struct redis_settings *settings, struct redis_program *program,
                           struct error *error)
{
    struct error why = {0};
    *program = (struct redis_program){0};
    for (const char *const *word = operation->words; *word; word++) {
        size_t count = 0;
        while (word[count])
            count++;
        int result = redis_program_command(program, count);
        for (; result == 0 && *word; word++)
            result = compile_word(program, settings, *word, &why);
        if (result < 0)
            goto failed;
    }
    program->arguments = shown_commands(operation, settings);
    if (program->arguments && redis_program_finish(program) == 0)
        return 0;
failed:
    redis_program_free(program);
    return error_set(error, why.code ? why.code : ERROR_INTERNAL, "%s",
                     why.code ? why.text : "out of memory");
}

/* ---- the data set -------------------------------------------------------------------------------
 */

uint64_t redis_defaults_items(const struct redis_settings *settings)
{
    uint64_t count = 0;
    for (unsigned kind = 0; kind < KINDS; kind++)
        count += kind_count(settings, kind);
    return count;
}

static int append_words(struct buffer *output, size_t count, const char *const *words)
{
    int result = resp_append_array(output, count);
    for (size_t i = 0; i < count; i++)
        result |= resp_append_bulk_text(output, words[i]);
    return result;
}

/* HSET, RPUSH or ZADD of all members at once; a list is rather pushed at its end, so that its first
 * is number 0. */
static int append_members(struct buffer *output, unsigned kind, const char *key, const char *value)
{
    static const char *const commands[KINDS] = {NULL, "HSET", "RPUSH", "ZADD", NULL};
    bool pairs = strcmp(commands[kind], "RPUSH") != 0;
    int result = resp_append_array(output, 2 + (pairs ? 2 * MEMBERS : MEMBERS));
    result |= resp_append_bulk_text(output, commands[kind]);
    result |= resp_append_bulk_text(output, key);
    for (int i = 0; i < MEMBERS; i++) {
        char number[16], name[32];
        snprintf(number, sizeof number, "%d", i);
        snprintf(name, sizeof name, "%s:%d", kind == 1 ? "field" : "member", i);
        if (kind == 1)
            result |= resp_append_bulk_text(output, name) | resp_append_bulk_text(output, value);
        else if (kind == 2)
            result |= resp_append_bulk_text(output, value);
        else
            result |= resp_append_bulk_text(output, number) | resp_append_bulk_text(output, name);
    }
    return result;
}

int redis_defaults_item(const struct redis_settings *settings, uint64_t index,
                        struct buffer *output, unsigned *replies)
{
    unsigned kind = 0;
    while (kind + 1 < KINDS && index >= kind_count(settings, kind))
        index -= kind_count(settings, kind++);
    char *key = NULL, ttl[24];
    char *value = make_value(settings->value_size);
    int result = -1;
    snprintf(ttl, sizeof ttl, "%llu", (unsigned long long)(settings->ttl_ns / NS_PER_S));
    if (asprintf(&key, "%s%s:%llu", settings->prefix, kinds[kind].name, (unsigned long long)index) <
        0)
        key = NULL;
    if (key && value && (kind == 0 || kind == 4)) {
        const char *words[] = {"SET", key, kind == 0 ? value : "0", "EX", ttl};
        result = append_words(output, 5, words);
        *replies = 1;
    } else if (key && value) {
        const char *words[] = {"EXPIRE", key, ttl};
        result = append_members(output, kind, key, value) | append_words(output, 3, words);
        *replies = 2;
    }
    free(key);
    free(value);
    return result < 0 ? -1 : 0;
}
