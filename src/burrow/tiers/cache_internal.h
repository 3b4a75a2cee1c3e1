/* What cache.c asks of where the keys are: in process, or in Redis. */
#ifndef BURROW_TIERS_CACHE_INTERNAL_H
#define BURROW_TIERS_CACHE_INTERNAL_H

#include "burrow/tiers/cache.h"

/* The functions of cache.h. A place that cannot be reached fails with ERROR_TARGET: cache.c decides
 * what that means. */
struct cache_operations {
    enum cache_found (*get)(struct cache *cache, const char *key, char **value, size_t *length,
                            struct error *error);
    int (*set)(struct cache *cache, const char *key, const void *value, size_t length,
               uint64_t ttl_ms, struct error *error);
    enum cache_found (*set_absent)(struct cache *cache, const char *key, const void *value,
                                   size_t length, uint64_t ttl_ms, struct error *error);
    enum cache_found (*replace)(struct cache *cache, const char *key, const void *expected,
                                size_t expected_length, const void *value, size_t length,
                                uint64_t ttl_ms, struct error *error);
    enum cache_found (*remove)(struct cache *cache, const char *key, struct error *error);
    int (*add)(struct cache *cache, const char *key, int64_t amount, int64_t *value,
               struct error *error);
    int (*each)(struct cache *cache, const char *prefix, cache_seen *seen, void *context,
                struct error *error);
    int (*facts)(struct cache *cache, struct cache_facts *facts, struct error *error);
    void (*close)(struct cache *cache);
};

/* The first member of either. */
struct cache {
    const struct cache_operations *operations;
};

struct cache *cache_process_open(size_t limit_bytes, struct error *error);
struct cache *cache_redis_open(struct records *records, const char *url, struct error *error);

#endif
