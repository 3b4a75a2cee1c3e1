/* The cache in process: a hash table whose entries stand in a list by their last use. An entry
 * whose time is over goes when it is met, or when room is needed. Under the store's lock. */
#include "base/clock.h"
#include "burrow/tiers/cache_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BUCKETS 1024
#define ENTRY_COST    96 /* bytes of bookkeeping that count against the limit */
#define NUMBER_SIZE   24

struct entry {
    struct entry *chain;         /* in its bucket */
    struct entry *newer, *older; /* by last use */
    uint64_t hash, expires_ms;   /* expires_ms 0: never */
    size_t key_length, length;
    char *value; /* NUL-terminated beyond its length */
    char key[];
};

struct process_cache {
    struct cache cache;
    struct entry **buckets;
    size_t bucket_count, keys, bytes, limit;
    struct entry *newest, *oldest;
    uint64_t hits, misses, evictions, expirations;
};

static uint64_t now_ms(void)
{
    return clock_now_ns() / NS_PER_MS;
}

static uint64_t hash_key(const char *key)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001B3);
    return hash ^ (hash >> 29);
}

/* ---- entries -------------------------------------------------------------------------------- */

static size_t entry_size(const struct entry *entry)
{
    return ENTRY_COST + entry->key_length + entry->length;
}

static void unlink_use(struct process_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct process_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static struct entry **bucket_of(struct process_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static void remove_entry(struct process_cache *cache, struct entry *entry)
{
    struct entry **place = bucket_of(cache, entry->hash);
    while (*place != entry)
        place = &(*place)->chain;
    *place = entry->chain;
    unlink_use(cache, entry);
    cache->keys--;
    cache->bytes -= entry_size(entry);
    free(entry->value);
    free(entry);
}

/* A live entry; one whose time is over is removed. */
static struct entry *find(struct process_cache *cache, const char *key)
{
    uint64_t hash = hash_key(key);
    for (struct entry *entry = *bucket_of(cache, hash); entry; entry = entry->chain) {
        if (entry->hash != hash || strcmp(entry->key, key) != 0)
            continue;
        if (entry->expires_ms == 0 || entry->expires_ms > now_ms())
            return entry;
        cache->expirations++;
        remove_entry(cache, entry);
        return NULL;
    }
    return NULL;
}

/* Chains stay short: twice the buckets when there are as many keys. Without the memory for it they
 * only grow longer. */
static void grow(struct process_cache *cache)
{
    size_t count = cache->bucket_count * 2;
    struct entry **buckets =
        cache->keys < cache->bucket_count ? NULL : calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    free(cache->buckets);
    cache->buckets = buckets;
    cache->bucket_count = count;
    for (struct entry *entry = cache->newest; entry; entry = entry->older) {
        struct entry **bucket = bucket_of(cache, entry->hash);
        entry->chain = *bucket;
        *bucket = entry;
    }
}

static void make_room(struct process_cache *cache, const struct entry *keep)
{
    while (cache->bytes > cache->limit && cache->oldest && cache->oldest != keep) {
        cache->evictions++;
        remove_entry(cache, cache->oldest);
    }
}

static int store(struct process_cache *cache, const char *key, const void *value, size_t length,
                 uint64_t ttl_ms, struct error *error)
{
    size_t key_length = strlen(key);
    if (ENTRY_COST + key_length + length > cache->limit)
        return error_set(error, ERROR_USAGE, "cache: a value of %zu bytes is larger than the cache",
                         length);
    char *copy = malloc(length + 1);
    struct entry *entry = find(cache, key);
    bool is_new = !entry;
    if (copy && is_new)
        entry = calloc(1, sizeof *entry + key_length + 1);
    if (!copy || !entry) {
        free(copy);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    if (length)
        memcpy(copy, value, length);
    copy[length] = 0;
    if (is_new) {
        memcpy(entry->key, key, key_length + 1);
        entry->key_length = key_length;
        entry->hash = hash_key(key);
        struct entry **bucket = bucket_of(cache, entry->hash);
        entry->chain = *bucket;
        *bucket = entry;
        cache->keys++;
    } else {
        cache->bytes -= entry_size(entry);
        unlink_use(cache, entry);
        free(entry->value);
    }
    entry->value = copy;
    entry->length = length;
    entry->expires_ms = ttl_ms ? now_ms() + ttl_ms : 0;
    cache->bytes += entry_size(entry);
    link_newest(cache, entry);
    grow(cache);
    make_room(cache, entry);
    return 0;
}

/* ---- operations ----------------------------------------------------------------------------- */

static struct process_cache *process_of(struct cache *cache)
{
    return (struct process_cache *)cache;
}

static enum cache_found process_get(struct cache *any, const char *key, char **value,
                                    size_t *length, struct error *error)
{
    struct process_cache *cache = process_of(any);
    struct entry *entry = find(cache, key);
    *value = NULL;
    if (!entry) {
        cache->misses++;
        return CACHE_MISSING;
    }
    cache->hits++;
    unlink_use(cache, entry);
    link_newest(cache, entry);
    *value = malloc(entry->length + 1);
    if (!*value) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return CACHE_FAILED;
    }
    memcpy(*value, entry->value, entry->length + 1);
    if (length)
        *length = entry->length;
    return CACHE_FOUND;
}

static int process_set(struct cache *any, const char *key, const void *value, size_t length,
                       uint64_t ttl_ms, struct error *error)
{
    struct process_cache *cache = process_of(any);
    return store(cache, key, value, length, ttl_ms, error);
}

static enum cache_found process_set_absent(struct cache *any, const char *key, const void *value,
                                           size_t length, uint64_t ttl_ms, struct error *error)
{
    struct process_cache *cache = process_of(any);
    if (find(cache, key))
        return CACHE_MISSING;
    return store(cache, key, value, length, ttl_ms, error) < 0 ? CACHE_FAILED : CACHE_FOUND;
}

static enum cache_found process_replace(struct cache *any, const char *key, const void *expected,
                                        size_t expected_length, const void *value, size_t length,
                                        uint64_t ttl_ms, struct error *error)
{
    struct process_cache *cache = process_of(any);
    const struct entry *entry = find(cache, key);
    if (!entry || entry->length != expected_length ||
        memcmp(entry->value, expected, expected_length) != 0)
        return CACHE_MISSING;
    return store(cache, key, value, length, ttl_ms, error) < 0 ? CACHE_FAILED : CACHE_FOUND;
}

static enum cache_found process_remove(struct cache *any, const char *key, struct error *error)
{
    struct process_cache *cache = process_of(any);
    struct entry *entry = find(cache, key);
    (void)error;
    if (!entry)
        return CACHE_MISSING;
    remove_entry(cache, entry);
    return CACHE_FOUND;
}

/* The time to live stays what it was, as Redis has it. */
static int process_add(struct cache *any, const char *key, int64_t amount, int64_t *value,
                       struct error *error)
{
    struct process_cache *cache = process_of(any);
    const struct entry *entry = find(cache, key);
    char digits[NUMBER_SIZE], *end = NULL;
    uint64_t now = now_ms(), left = entry && entry->expires_ms > now ? entry->expires_ms - now : 0;
    *value = entry ? strtoll(entry->value, &end, 10) : 0;
    if (entry && (end == entry->value || *end))
        return error_set(error, ERROR_USAGE, "cache: %s holds no number", key);
    if (__builtin_add_overflow(*value, amount, value))
        return error_set(error, ERROR_USAGE, "cache: %s would overflow", key);
    int length = snprintf(digits, sizeof digits, "%lld", (long long)*value);
    return store(cache, key, digits, (size_t)length, left, error);
}

static int by_key(const void *one, const void *other)
{
    const struct entry *const *a = one, *const *b = other;
    return strcmp((*a)->key, (*b)->key);
}

static int process_each(struct cache *any, const char *prefix, cache_seen *seen, void *context,
                        struct error *error)
{
    struct process_cache *cache = process_of(any);
    size_t length = strlen(prefix), count = 0;
    uint64_t now = now_ms();
    struct entry **found = malloc((cache->keys + 1) * sizeof *found);
    if (!found)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (struct entry *entry = cache->newest; entry; entry = entry->older)
        if (strncmp(entry->key, prefix, length) == 0 &&
            (entry->expires_ms == 0 || entry->expires_ms > now))
            found[count++] = entry;
    qsort(found, count, sizeof *found, by_key);
    for (size_t i = 0; i < count; i++)
        seen(context, found[i]->key, found[i]->value, found[i]->length);
    free(found);
    return 0;
}

static int process_facts(struct cache *any, struct cache_facts *facts, struct error *error)
{
    struct process_cache *cache = process_of(any);
    (void)error;
    *facts = (struct cache_facts){.kind = "in_process",
                                  .reachable = true,
                                  .hits = cache->hits,
                                  .misses = cache->misses,
                                  .evictions = cache->evictions,
                                  .expirations = cache->expirations,
                                  .keys = cache->keys,
                                  .bytes = cache->bytes,
                                  .limit_bytes = cache->limit};
    return 0;
}

static void process_close(struct cache *any)
{
    struct process_cache *cache = process_of(any);
    for (struct entry *entry = cache->newest, *older; entry; entry = older) {
        older = entry->older;
        free(entry->value);
        free(entry);
    }
    free(cache->buckets);
    free(cache);
}

static const struct cache_operations operations = {.get = process_get,
                                                   .set = process_set,
                                                   .set_absent = process_set_absent,
                                                   .replace = process_replace,
                                                   .remove = process_remove,
                                                   .add = process_add,
                                                   .each = process_each,
                                                   .facts = process_facts,
                                                   .close = process_close};

struct cache *cache_process_open(size_t limit_bytes, struct error *error)
{
    struct process_cache *cache = calloc(1, sizeof *cache);
    if (cache)
        cache->buckets = calloc(LEAST_BUCKETS, sizeof(struct entry *));
    if (!cache || !cache->buckets) {
        free(cache);
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    cache->cache.operations = &operations;
    cache->bucket_count = LEAST_BUCKETS;
    cache->limit = limit_bytes;
    return &cache->cache;
}
