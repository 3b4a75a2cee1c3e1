/* Opening the tiers in the order in which they stand on each other, and closing them in reverse. */
#include "burrow/store.h"

#include "base/clock.h"

#include <string.h>

int store_open(struct store *store, const struct store_options *options, struct error *error)
{
    memset(store, 0, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    store->records = records_open(options->folder, error);
    if (store->records)
        store->words = words_open(store->records, error);
    if (store->words)
        store->vectors = vectors_open(store->records, error);
    if (store->vectors)
        store->cache =
            cache_open(store->records, options->redis_url, options->cache_limit_bytes, error);
    if (store->cache)
        store->graph = graph_open(store->records, options->neo4j_url, error);
    if (store->graph)
        store->usage = usage_open(store->records, error);
    store->opened_at = store_now_ms();
    if (store->usage)
        return 0;
    store_close(store);
    return -1;
}

void store_close(struct store *store)
{
    usage_close(store->usage);
    graph_close(store->graph);
    cache_close(store->cache);
    vectors_close(store->vectors);
    words_close(store->words);
    records_close(store->records);
    pthread_mutex_destroy(&store->lock);
}

int64_t store_now_ms(void)
{
    return (int64_t)(clock_wall_ns() / NS_PER_MS);
}
