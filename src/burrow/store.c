/* Opening the tiers in the order in which they stand on each other, and closing them in reverse. */
#include "burrow/store.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_later {
    char key[48];
    int64_t amount;
};

static int open_embedder(struct store *store, const struct store_options *options,
                         struct error *error)
{
    if (!options->embeddings_url)
        return 0;
    store->embedder = embedder_open(options->embeddings_url, options->embeddings_model,
                                    options->embeddings_key, error);
    return store->embedder ? 0 : -1;
}

static void make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

int store_open(struct store *store, const struct store_options *options, struct error *error)
{
    memset(store, 0, sizeof *store);
    make_lock(&store->lock);
    store->has_rounds = !options->neo4j_url && !options->embeddings_url;
    store->records = records_open(options->folder, error);
    if (store->records)
        store->words = words_open(store->records, error);
    if (store->words && open_embedder(store, options, error) == 0)
        store->vectors = vectors_open_over(store->records, store->embedder, error);
    if (store->vectors)
        store->cache =
            cache_open(store->records, options->redis_url, options->cache_limit_bytes, error);
    if (store->cache)
        store->graph = graph_open(store->records, options->neo4j_url, error);
    if (store->graph)
        store->usage = usage_open(store->records, error);
    if (!options->redis_url)
        store->uses = uses_open(); /* without it they are counted in the cache */
    store->opened_at = store_now_ms();
    bool in_file = strcmp(options->folder, ":memory:") != 0;
    if (store->usage && in_file)
        store->checkpoint = checkpoint_start(store->records, error);
    if (store->usage && (store->checkpoint || !in_file))
        return 0;
    store_close(store);
    return -1;
}

void store_close(struct store *store)
{
    checkpoint_stop(store->checkpoint);
    tallies_close(store->tallies);
    memory_facts_close(store->memory_facts);
    word_index_close(store->memory_words);
    word_index_close(store->chat_words);
    word_index_close(store->todo_words);
    uses_close(store->uses);
    usage_close(store->usage);
    graph_close(store->graph);
    cache_close(store->cache);
    vectors_close(store->vectors);
    embedder_close(store->embedder);
    words_close(store->words);
    records_close(store->records);
    free(store->later);
    pthread_mutex_destroy(&store->lock);
}

void store_step_begin(struct store *store)
{
    records_step_begin(store->records);
}

/* A long call of another thread may have the lock: what is left then is for whoever comes next. */
void store_step_end(struct store *store)
{
    records_step_end(store->records);
    if (pthread_mutex_trylock(&store->lock) != 0)
        return;
    records_let_go(store->records);
    pthread_mutex_unlock(&store->lock);
}

void store_round_begin(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    records_share(store->records);
}

/* Each tier followed the calls of a round as if they were committed. */
static void follow_records(struct store *store)
{
    struct word_index *const whole[] = {store->chat_words, store->todo_words};
    graph_rollback(store->graph);
    tallies_close(store->tallies);
    store->tallies = NULL;
    vectors_reload(store->vectors, NULL);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (whole[i])
            word_index_load(whole[i], NULL);
    if (store->memory_words)
        word_index_clear(store->memory_words);
    if (store->memory_facts)
        memory_facts_clear(store->memory_facts);
}

int store_round_end(struct store *store, struct error *error)
{
    int result = records_share_end(store->records, error);
    if (result < 0)
        follow_records(store);
    pthread_mutex_unlock(&store->lock);
    return result;
}

int store_later(struct store *store, const char *key, int64_t amount, struct error *error)
{
    if (store->later_count == STORE_LATER_LIMIT)
        return 0; /* a count that is a little too low */
    if (store->later_count == store->later_room) {
        size_t room = store->later_room ? store->later_room * 2 : 64;
        struct store_later *later = realloc(store->later, room * sizeof *later);
        if (!later)
            return error_set(error, ERROR_INTERNAL, "out of memory");
        store->later = later;
        store->later_room = room;
    }
    struct store_later *one = &store->later[store->later_count++];
    snprintf(one->key, sizeof one->key, "%s", key);
    one->amount = amount;
    return 0;
}

static void count_use(struct store *store, const struct store_later *one)
{
    int64_t memory = strtoll(one->key + strlen(STORE_USE_PREFIX), NULL, 10);
    if (one->amount)
        uses_add(store->uses, memory, one->amount);
    else
        uses_forget(store->uses, memory);
}

/* A cache that cannot be reached counts nothing: no call fails for that. */
void store_do_later(struct store *store, bool succeeded)
{
    for (size_t i = 0; succeeded && i < store->later_count; i++) {
        const struct store_later *one = &store->later[i];
        struct error error = {0};
        int64_t count;
        if (store->uses && strncmp(one->key, STORE_USE_PREFIX, strlen(STORE_USE_PREFIX)) == 0)
            count_use(store, one);
        else if (one->amount)
            cache_add(store->cache, one->key, one->amount, &count, &error);
        else
            cache_delete(store->cache, one->key, &error);
    }
    store->later_count = 0;
    struct word_index *const indexes[] = {store->memory_words, store->chat_words,
                                          store->todo_words};
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
        if (indexes[i])
            (succeeded ? word_index_committed : word_index_rolled_back)(indexes[i]);
    if (store->tallies)
        (succeeded ? tallies_committed : tallies_rolled_back)(store->tallies);
    if (store->memory_facts)
        (succeeded ? memory_facts_committed : memory_facts_rolled_back)(store->memory_facts);
}

int64_t store_now_ms(void)
{
    return (int64_t)(clock_wall_ns() / NS_PER_MS);
}
