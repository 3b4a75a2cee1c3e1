/* The cache in Redis. Every key has the memory's own prefix. A copy that could not be replaced or
 * removed might be found again later, out of date: then all of them go before Redis is used again.
 * That this is due is a row of the records, so that no restart forgets it. */
#include "burrow/tiers/cache_internal.h"
#include "burrow/tiers/redis_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE 64
#define VALUE_LIMIT ((size_t)16 << 20)
#define KEYS_LIMIT  ((size_t)1 << 20) /* that one cache_each tells of */
#define PAGE        "512"             /* keys that Redis looks at in one SCAN */
#define BATCH       256               /* keys of one MGET */

struct redis_cache {
    struct cache cache;
    struct records *records;
    struct redis_client client;
    char prefix[PREFIX_SIZE];
    bool stale; /* all keys must go before any is read */
    uint64_t hits, misses;
};

static const char *const migrations[] = {"CREATE TABLE cache_stale(one INTEGER PRIMARY KEY)", NULL};

static struct redis_cache *redis_of(struct cache *cache)
{
    return (struct redis_cache *)cache;
}

static struct redis_word word_of(const char *text)
{
    return (struct redis_word){text, strlen(text)};
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* Names of keys, NUL-terminated one behind the other. */
struct names {
    struct buffer bytes;
    size_t count;
};

static int pattern_of(const struct redis_cache *cache, const char *prefix, struct buffer *pattern)
{
    buffer_append_text(pattern, cache->prefix);
    for (; *prefix; prefix++) {
        if (strchr("*?[]\\", *prefix))
            buffer_append_char(pattern, '\\');
        buffer_append_char(pattern, *prefix);
    }
    return buffer_append_char(pattern, '*');
}

static int add_page(struct names *names, struct resp_cursor *rest, char cursor[32],
                    struct error *error)
{
    struct resp_token next, list, key;
    bool good = resp_next(rest, &next) && next.length < 32 && resp_next(rest, &list) &&
                list.type == RESP_ARRAY;
    if (good)
        snprintf(cursor, 32, "%.*s", (int)next.length, next.text);
    for (uint64_t i = 0; good && i < list.count; i++) {
        good = resp_next(rest, &key) && key.type == RESP_BULK;
        if (good && (++names->count > KEYS_LIMIT ||
                     buffer_append(&names->bytes, key.text, key.length) < 0 ||
                     buffer_append_char(&names->bytes, 0) < 0))
            return error_set(error, ERROR_USAGE, "cache: too many keys to list");
    }
    return good ? 0 : error_set(error, ERROR_TARGET, "cache: Redis answers SCAN with nonsense");
}

/* Every key whose name begins so, in no order, some perhaps twice. */
static int scan(struct redis_cache *cache, const char *prefix, struct names *names,
                struct error *error)
{
    struct buffer pattern;
    char cursor[32] = "0";
    int failed = 0;
    buffer_init(&pattern, 65536);
    if (pattern_of(cache, prefix, &pattern) < 0)
        failed = error_set(error, ERROR_USAGE, "cache: a key of more than 64 KiB");
    do {
        struct resp_token reply;
        struct resp_cursor rest;
        if (failed < 0)
            break;
        const struct redis_word words[] = {
            {"SCAN", 4},  word_of(cursor),
            {"MATCH", 5}, {buffer_bytes(&pattern), buffer_length(&pattern)},
            {"COUNT", 5}, word_of(PAGE)};
        failed = redis_client_run(&cache->client, words, 6, &reply, &rest, error);
        if (failed == 0)
            failed = add_page(names, &rest, cursor, error);
    } while (strcmp(cursor, "0") != 0);
    buffer_free(&pattern);
    return failed;
}

/* ---- what may be out of date ---------------------------------------------------------------- */

static void become_stale(struct redis_cache *cache)
{
    /* every time: the transaction of the last note may have been undone */
    records_run(cache->records, NULL, "INSERT OR IGNORE INTO cache_stale VALUES(1)", "");
    cache->stale = true;
}

static int remove_all(struct redis_cache *cache, struct error *error)
{
    struct names names = {0};
    buffer_init(&names.bytes, REDIS_REPLY_LIMIT);
    int failed = scan(cache, "", &names, error);
    const char *key = buffer_bytes(&names.bytes);
    for (size_t i = 0; failed == 0 && i < names.count; i++, key += strlen(key) + 1) {
        const struct redis_word words[] = {{"DEL", 3}, word_of(key)};
        struct resp_token reply;
        failed = redis_client_run(&cache->client, words, 2, &reply, NULL, error);
    }
    buffer_free(&names.bytes);
    if (failed == 0 && records_run(cache->records, error, "DELETE FROM cache_stale", "") < 0)
        return -1;
    cache->stale = failed < 0;
    return failed;
}

/* A command on one key: the word at `place`, which comes without the prefix. */
static int run(struct redis_cache *cache, struct redis_word *words, size_t count, size_t place,
               bool changes, struct resp_token *reply, struct error *error)
{
    struct buffer key;
    buffer_init(&key, 65536);
    int failed = 0;
    if (buffer_append_text(&key, cache->prefix) < 0 ||
        buffer_append(&key, words[place].bytes, words[place].length) < 0)
        failed = error_set(error, ERROR_USAGE, "cache: a key of more than 64 KiB");
    words[place] = (struct redis_word){buffer_bytes(&key), buffer_length(&key)};
    if (failed == 0 && cache->stale)
        failed = remove_all(cache, error);
    if (failed == 0)
        failed = redis_client_run(&cache->client, words, count, reply, NULL, error);
    if (failed < 0 && changes)
        become_stale(cache);
    buffer_free(&key);
    return failed;
}

/* ---- operations ----------------------------------------------------------------------------- */

static enum cache_found redis_get(struct cache *any, const char *key, char **value, size_t *length,
                                  struct error *error)
{
    struct redis_cache *cache = redis_of(any);
    struct redis_word words[] = {{"GET", 3}, word_of(key)};
    struct resp_token reply;
    int failed = run(cache, words, 2, 1, false, &reply, error);
    if (failed < 0 || reply.type != RESP_BULK) {
        cache->misses++;
        return failed < 0 ? CACHE_FAILED : CACHE_MISSING;
    }
    cache->hits++;
    *value = malloc(reply.length + 1);
    if (!*value) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return CACHE_FAILED;
    }
    memcpy(*value, reply.text, reply.length);
    (*value)[reply.length] = 0;
    if (length)
        *length = reply.length;
    return CACHE_FOUND;
}

static int check_size(size_t length, struct error *error)
{
    if (length <= VALUE_LIMIT)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "cache: a value of %zu bytes is larger than the %zu that "
                     "are kept",
                     length, VALUE_LIMIT);
}

/* SET, with NX if so. */
static enum cache_found set(struct redis_cache *cache, const char *key, const void *value,
                            size_t length, uint64_t ttl_ms, bool absent, struct error *error)
{
    struct redis_word words[6] = {{"SET", 3}, word_of(key), {value, length}};
    char digits[24];
    size_t count = 3;
    struct resp_token reply;
    if (check_size(length, error) < 0)
        return CACHE_FAILED;
    snprintf(digits, sizeof digits, "%" PRIu64, ttl_ms);
    if (absent)
        words[count++] = word_of("NX");
    if (ttl_ms) {
        words[count++] = word_of("PX");
        words[count++] = word_of(digits);
    }
    if (run(cache, words, count, 1, true, &reply, error) < 0)
        return CACHE_FAILED;
    return reply.type == RESP_NULL ? CACHE_MISSING : CACHE_FOUND;
}

static int redis_set(struct cache *any, const char *key, const void *value, size_t length,
                     uint64_t ttl_ms, struct error *error)
{
    return set(redis_of(any), key, value, length, ttl_ms, false, error) == CACHE_FAILED ? -1 : 0;
}

static enum cache_found redis_set_absent(struct cache *any, const char *key, const void *value,
                                         size_t length, uint64_t ttl_ms, struct error *error)
{
    return set(redis_of(any), key, value, length, ttl_ms, true, error);
}

static enum cache_found redis_replace(struct cache *any, const char *key, const void *expected,
                                      size_t expected_length, const void *value, size_t length,
                                      uint64_t ttl_ms, struct error *error)
{
    static const char script[] =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
        "if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) "
        "else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end return 1";
    char digits[24];
    struct resp_token reply;
    snprintf(digits, sizeof digits, "%" PRIu64, ttl_ms);
    struct redis_word words[] = {
        {"EVAL", 4},     word_of(script), {"1", 1}, word_of(key), {expected, expected_length},
        {value, length}, word_of(digits)};
    if (check_size(length, error) < 0 || run(redis_of(any), words, 7, 3, true, &reply, error) < 0)
        return CACHE_FAILED;
    return reply.integer == 1 ? CACHE_FOUND : CACHE_MISSING;
}

static enum cache_found redis_remove(struct cache *any, const char *key, struct error *error)
{
    struct redis_word words[] = {{"DEL", 3}, word_of(key)};
    struct resp_token reply;
    if (run(redis_of(any), words, 2, 1, true, &reply, error) < 0)
        return CACHE_FAILED;
    return reply.integer == 1 ? CACHE_FOUND : CACHE_MISSING;
}

static int redis_add(struct cache *any, const char *key, int64_t amount, int64_t *value,
                     struct error *error)
{
    char digits[24];
    struct resp_token reply;
    struct error problem = {0};
    snprintf(digits, sizeof digits, "%" PRId64, amount);
    struct redis_word words[] = {{"INCRBY", 6}, word_of(key), word_of(digits)};
    if (run(redis_of(any), words, 3, 1, false, &reply, &problem) == 0) {
        *value = reply.integer;
        return 0;
    }
    if (problem.code == ERROR_USAGE)
        return error_set(error, ERROR_USAGE, "cache: %s %s", key,
                         strstr(problem.text, "overflow") ? "would overflow" : "holds no number");
    if (error)
        *error = problem;
    return -1;
}

/* ---- every key ------------------------------------------------------------------------------ */

static int by_bytes(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* One batch of keys with their values; one that has gone meanwhile is left out. */
static int tell(struct redis_cache *cache, char **keys, size_t count, cache_seen *seen,
                void *context, struct error *error)
{
    struct redis_word words[BATCH + 1] = {{"MGET", 4}};
    struct resp_token reply, value;
    struct resp_cursor rest;
    for (size_t i = 0; i < count; i++)
        words[i + 1] = word_of(keys[i]);
    if (redis_client_run(&cache->client, words, count + 1, &reply, &rest, error) < 0)
        return -1;
    for (size_t i = 0; i < count && resp_next(&rest, &value); i++) {
        if (value.type != RESP_BULK)
            continue;
        char *copy = malloc(value.length + 1); /* NUL-terminated, as in process */
        if (!copy)
            return error_set(error, ERROR_INTERNAL, "out of memory");
        memcpy(copy, value.text, value.length);
        copy[value.length] = 0;
        seen(context, keys[i] + strlen(cache->prefix), copy, value.length);
        free(copy);
    }
    return 0;
}

static int redis_each(struct cache *any, const char *prefix, cache_seen *seen, void *context,
                      struct error *error)
{
    struct redis_cache *cache = redis_of(any);
    struct names names = {0};
    size_t count = 0;
    buffer_init(&names.bytes, REDIS_REPLY_LIMIT);
    int failed = cache->stale ? remove_all(cache, error) : 0;
    if (failed == 0)
        failed = scan(cache, prefix, &names, error);
    char **keys = failed == 0 ? malloc((names.count + 1) * sizeof *keys) : NULL;
    if (failed == 0 && !keys)
        failed = error_set(error, ERROR_INTERNAL, "out of memory");
    char *key = buffer_bytes(&names.bytes);
    for (size_t i = 0; failed == 0 && i < names.count; i++, key += strlen(key) + 1)
        keys[i] = key;
    if (failed == 0)
        qsort(keys, names.count, sizeof *keys, by_bytes);
    for (size_t i = 0; failed == 0 && i < names.count; i++)
        if (count == 0 || strcmp(keys[count - 1], keys[i]) != 0)
            keys[count++] = keys[i];
    for (size_t i = 0; failed == 0 && i < count; i += BATCH)
        failed = tell(cache, keys + i, count - i < BATCH ? count - i : BATCH, seen, context, error);
    free(keys);
    buffer_free(&names.bytes);
    return failed;
}

/* ---- facts ---------------------------------------------------------------------------------- */

static uint64_t info_number(const struct resp_token *reply, const char *name)
{
    const char *end = reply->text + reply->length;
    const char *at = memmem(reply->text, reply->length, name, strlen(name));
    uint64_t number = 0;
    for (at = at ? at + strlen(name) : end; at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

static int redis_facts(struct cache *any, struct cache_facts *facts, struct error *error)
{
    struct redis_cache *cache = redis_of(any);
    struct redis_client *client = &cache->client;
    static const struct redis_word size[] = {{"DBSIZE", 6}}, info[] = {{"INFO", 4}};
    struct resp_token reply;
    (void)error;
    *facts = (struct cache_facts){.kind = "redis", .hits = cache->hits, .misses = cache->misses};
    if (redis_client_run(client, size, 1, &reply, NULL, NULL) == 0) {
        facts->keys = (uint64_t)reply.integer;
        if (redis_client_run(client, info, 1, &reply, NULL, NULL) == 0) {
            facts->reachable = true;
            facts->bytes = info_number(&reply, "\nused_memory:");
            facts->limit_bytes = info_number(&reply, "\nmaxmemory:");
            facts->evictions = info_number(&reply, "\nevicted_keys:");
            facts->expirations = info_number(&reply, "\nexpired_keys:");
        }
    }
    facts->connections = client->link.open;
    facts->failures = client->failures;
    snprintf(facts->last_error, sizeof facts->last_error, "%s", client->last_error);
    return 0;
}

static void redis_close(struct cache *any)
{
    struct redis_cache *cache = redis_of(any);
    redis_client_close(&cache->client);
    free(cache);
}

static const struct cache_operations operations = {.get = redis_get,
                                                   .set = redis_set,
                                                   .set_absent = redis_set_absent,
                                                   .replace = redis_replace,
                                                   .remove = redis_remove,
                                                   .add = redis_add,
                                                   .each = redis_each,
                                                   .facts = redis_facts,
                                                   .close = redis_close};

static int open_records(struct redis_cache *cache, struct error *error)
{
    int64_t stale = 0;
    if (records_migrate(cache->records, "cache", migrations, error) < 0 ||
        records_integer(cache->records, error, 0, &stale, "SELECT count(*) FROM cache_stale", "") <
            0)
        return -1;
    cache->stale = stale > 0;
    snprintf(cache->prefix, sizeof cache->prefix, "burrow:%s:", records_identity(cache->records));
    return 0;
}

struct cache *cache_redis_open(struct records *records, const char *url, struct error *error)
{
    struct redis_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    cache->cache.operations = &operations;
    cache->records = records;
    if (redis_client_open(&cache->client, url, error) == 0) {
        if (open_records(cache, error) == 0)
            return &cache->cache;
        redis_client_close(&cache->client);
    }
    free(cache);
    return NULL;
}
