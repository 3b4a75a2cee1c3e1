/* See cache.h. Which of the two it is, and what a Redis that cannot be reached means. */
#include "burrow/tiers/cache.h"

#include "burrow/tiers/cache_internal.h"

#include <string.h>

struct cache *cache_open(struct records *records, const char *url, size_t limit_bytes,
                         struct error *error)
{
    return url ? cache_redis_open(records, url, error) : cache_process_open(limit_bytes, error);
}

void cache_close(struct cache *cache)
{
    if (cache)
        cache->operations->close(cache);
}

/* ---- copies: without their place there are none --------------------------------------------- */

enum cache_found cache_get(struct cache *cache, const char *key, char **value, size_t *length,
                           struct error *error)
{
    struct error problem = {0};
    *value = NULL;
    enum cache_found found = cache->operations->get(cache, key, value, length, &problem);
    if (found == CACHE_FAILED && problem.code == ERROR_TARGET)
        return CACHE_MISSING;
    if (found == CACHE_FAILED && error)
        *error = problem;
    return found;
}

int cache_set(struct cache *cache, const char *key, const void *value, size_t length,
              uint64_t ttl_ms, struct error *error)
{
    struct error problem = {0};
    if (cache->operations->set(cache, key, value, length, ttl_ms, &problem) == 0 ||
        problem.code == ERROR_TARGET)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

enum cache_found cache_delete(struct cache *cache, const char *key, struct error *error)
{
    struct error problem = {0};
    enum cache_found found = cache->operations->remove(cache, key, &problem);
    if (found == CACHE_FAILED && problem.code == ERROR_TARGET)
        return CACHE_MISSING;
    if (found == CACHE_FAILED && error)
        *error = problem;
    return found;
}

/* ---- what means nothing without its place --------------------------------------------------- */

enum cache_found cache_set_absent(struct cache *cache, const char *key, const void *value,
                                  size_t length, uint64_t ttl_ms, struct error *error)
{
    return cache->operations->set_absent(cache, key, value, length, ttl_ms, error);
}

enum cache_found cache_replace(struct cache *cache, const char *key, const void *expected,
                               size_t expected_length, const void *value, size_t length,
                               uint64_t ttl_ms, struct error *error)
{
    return cache->operations->replace(cache, key, expected, expected_length, value, length, ttl_ms,
                                      error);
}

int cache_add(struct cache *cache, const char *key, int64_t amount, int64_t *value,
              struct error *error)
{
    return cache->operations->add(cache, key, amount, value, error);
}

int cache_each(struct cache *cache, const char *prefix, cache_seen *seen, void *context,
               struct error *error)
{
    return cache->operations->each(cache, prefix, seen, context, error);
}

int cache_facts(struct cache *cache, struct cache_facts *facts, struct error *error)
{
    memset(facts, 0, sizeof *facts);
    return cache->operations->facts(cache, facts, error);
}
