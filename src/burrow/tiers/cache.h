/* The cache tier: keys with values and a time to live, in process or in Redis, with the same
 * meaning. Keys are texts, values are bytes. Nothing here is the truth: what must outlive it is in
 * the records too. The in-process one is bounded and gives up what was used longest ago.
 *
 * A Redis that cannot be reached stops nothing that can do without it. Functions that only keep
 * copies (get, set, delete) go on: nothing is found, nothing is kept. What could then be out of
 * date is removed before Redis is used again, after a restart too: that is noted in the records, in
 * the transaction of the call. The others (set_absent, replace, add, each) have no meaning without
 * it and fail with ERROR_TARGET, which tools report as tier_unavailable.
 *
 * In Redis every key begins with "burrow:" and the identity of the records, so that nothing else is
 * touched, nor what another memory keeps there. */
#ifndef BURROW_TIERS_CACHE_H
#define BURROW_TIERS_CACHE_H

#include "base/error.h"
#include "burrow/tiers/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

/* `url` NULL: in process, of at most `limit_bytes`. Else redis://[user:password@]host[:port][/db],
 * rediss:// for TLS, or unix:///path. Fails on a URL that is none; a server that cannot be reached
 * is asked again when the cache is used. */
struct cache *cache_open(struct records *records, const char *url, size_t limit_bytes,
                         struct error *error);
void cache_close(struct cache *cache); /* harmless on NULL */

enum cache_found { CACHE_FAILED = -1, CACHE_MISSING = 0, CACHE_FOUND = 1 };

/* A copy that the caller frees, NUL-terminated beyond its length. `length` may be NULL. */
enum cache_found cache_get(struct cache *cache, const char *key, char **value, size_t *length,
                           struct error *error);
/* ttl_ms 0: it stays. */
int cache_set(struct cache *cache, const char *key, const void *value, size_t length,
              uint64_t ttl_ms, struct error *error);
/* CACHE_FOUND: it was set; CACHE_MISSING: a value was there, which stays. */
enum cache_found cache_set_absent(struct cache *cache, const char *key, const void *value,
                                  size_t length, uint64_t ttl_ms, struct error *error);
/* CACHE_FOUND: it was `expected` and is `value` now; CACHE_MISSING: it was not. */
enum cache_found cache_replace(struct cache *cache, const char *key, const void *expected,
                               size_t expected_length, const void *value, size_t length,
                               uint64_t ttl_ms, struct error *error);
enum cache_found cache_delete(struct cache *cache, const char *key, struct error *error);
/* Add to a number (0 when missing) and give what it is now. */
int cache_add(struct cache *cache, const char *key, int64_t amount, int64_t *value,
              struct error *error);
typedef void cache_seen(void *context, const char *key, const char *value, size_t length);
/* Every live key that begins with `prefix`, in order of their bytes; `seen` is called for each. */
int cache_each(struct cache *cache, const char *prefix, cache_seen *seen, void *context,
               struct error *error);

struct cache_facts {
    const char *kind; /* "in_process", "redis" */
    uint64_t hits, misses, evictions, expirations;
    uint64_t keys, bytes, limit_bytes; /* of Redis: bytes of the whole server; limit 0: none */
    unsigned connections, in_use;      /* of Redis; 0 in process */
    bool reachable;                    /* in process: always */
    uint64_t failures;                 /* of Redis, since the start */
    char last_error[256];              /* of Redis; "" when there was none */
};
/* Does not fail for a Redis that cannot be reached: `reachable` says it. */
int cache_facts(struct cache *cache, struct cache_facts *facts, struct error *error);

#endif
