/* See text_vectors.h. */
#include "burrow/tiers/text_vectors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* a power of two */

struct entry {
    struct entry *chain, *newer;
    uint64_t hash;
    size_t size; /* of the whole entry */
    char *text;  /* behind the vector */
    float vector[];
};

struct text_vectors {
    unsigned dimension;
    struct entry *buckets[BUCKETS];
    struct entry *oldest, *newest;
    size_t bytes;
    char *wanted[TEXT_VECTORS_WANTED];
    size_t wanted_count;
    bool too_many;
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    return hash ^ (hash >> 29);
}

struct text_vectors *text_vectors_open(unsigned dimension)
{
    struct text_vectors *all = calloc(1, sizeof *all);
    if (all)
        all->dimension = dimension;
    return all;
}

static void drop_wanted(struct text_vectors *all)
{
    for (size_t i = 0; i < all->wanted_count; i++)
        free(all->wanted[i]);
    all->wanted_count = 0;
    all->too_many = false;
}

static void drop_oldest(struct text_vectors *all)
{
    struct entry *entry = all->oldest;
    struct entry **link = &all->buckets[entry->hash & (BUCKETS - 1)];
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    all->oldest = entry->newer;
    if (!all->oldest)
        all->newest = NULL;
    all->bytes -= entry->size;
    free(entry);
}

void text_vectors_close(struct text_vectors *all)
{
    if (!all)
        return;
    while (all->oldest)
        drop_oldest(all);
    drop_wanted(all);
    free(all);
}

static struct entry *find(const struct text_vectors *all, const char *text, uint64_t hash)
{
    struct entry *entry = all->buckets[hash & (BUCKETS - 1)];
    while (entry && (entry->hash != hash || strcmp(entry->text, text) != 0))
        entry = entry->chain;
    return entry;
}

static void want(struct text_vectors *all, const char *text)
{
    for (size_t i = 0; i < all->wanted_count; i++)
        if (strcmp(all->wanted[i], text) == 0)
            return;
    if (all->wanted_count == TEXT_VECTORS_WANTED)
        all->too_many = true;
    else if ((all->wanted[all->wanted_count] = strdup(text)))
        all->wanted_count++;
}

const float *text_vectors_find(struct text_vectors *all, const char *text)
{
    const struct entry *entry = find(all, text, hash_of(text));
    if (entry)
        return entry->vector;
    want(all, text);
    return NULL;
}

size_t text_vectors_wanted(const struct text_vectors *all)
{
    return all->wanted_count;
}

bool text_vectors_too_many(const struct text_vectors *all)
{
    return all->too_many;
}

char **text_vectors_take(struct text_vectors *all, size_t *count)
{
    char **texts = malloc((all->wanted_count + 1) * sizeof *texts);
    *count = texts ? all->wanted_count : 0;
    if (texts)
        memcpy(texts, all->wanted, all->wanted_count * sizeof *texts);
    else
        drop_wanted(all);
    all->wanted_count = 0;
    all->too_many = false;
    return texts;
}

void text_vectors_keep(struct text_vectors *all, const char *text, const float *vector)
{
    uint64_t hash = hash_of(text);
    size_t vector_size = all->dimension * sizeof *vector, text_size = strlen(text) + 1;
    size_t size = sizeof(struct entry) + vector_size + text_size;
    struct entry *entry = find(all, text, hash) ? NULL : malloc(size);
    if (!entry)
        return; /* it is there, or will be wanted again */
    *entry = (struct entry){.hash = hash, .size = size};
    memcpy(entry->vector, vector, vector_size);
    entry->text = (char *)entry->vector + vector_size;
    memcpy(entry->text, text, text_size);
    struct entry **bucket = &all->buckets[hash & (BUCKETS - 1)];
    entry->chain = *bucket;
    *bucket = entry;
    *(all->newest ? &all->newest->newer : &all->oldest) = entry;
    all->newest = entry;
    all->bytes += size;
    while (all->bytes > TEXT_VECTORS_BYTES && all->oldest != entry)
        drop_oldest(all);
}
