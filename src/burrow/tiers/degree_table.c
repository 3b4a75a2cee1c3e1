/* See degree_table.h. A hash table whose nodes stand in a list with those of the same degree. */
#include "burrow/tiers/degree_table.h"

#include "base/hash.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BUCKETS 256 /* a power of two */
#define LEAST_DEGREES 16

struct node {
    struct node *chain;           /* in its bucket */
    struct node *next, *previous; /* of the same degree */
    uint64_t hash;
    size_t degree;
    char key[];
};

struct same_degree {
    struct node *first;
    size_t count;
};

struct degree_table {
    struct node **buckets;
    size_t bucket_count, node_count;
    struct same_degree *degrees; /* by degree */
    size_t degree_room, most;
};

struct degree_table *degree_table_open(void)
{
    struct degree_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->buckets = calloc(LEAST_BUCKETS, sizeof(struct node *));
    table->degrees = calloc(LEAST_DEGREES, sizeof *table->degrees);
    table->bucket_count = LEAST_BUCKETS;
    table->degree_room = LEAST_DEGREES;
    if (table->buckets && table->degrees)
        return table;
    degree_table_close(table);
    return NULL;
}

void degree_table_close(struct degree_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; table->degrees && i < table->degree_room; i++)
        for (struct node *node = table->degrees[i].first, *next; node; node = next) {
            next = node->next;
            free(node);
        }
    free(table->buckets);
    free(table->degrees);
    free(table);
}

/* ---- by key --------------------------------------------------------------------------------- */

/* The link to the node, or the one at the end of where it would be. */
static struct node **link_of(const struct degree_table *table, uint64_t hash, const char *key)
{
    struct node **link = &table->buckets[hash & (table->bucket_count - 1)];
    while (*link && ((*link)->hash != hash || strcmp((*link)->key, key) != 0))
        link = &(*link)->chain;
    return link;
}

/* Longer chains, when there is no memory for more buckets. */
static void grow_buckets(struct degree_table *table)
{
    size_t count = table->bucket_count * 2;
    struct node **buckets = calloc(count, sizeof(struct node *));
    if (!buckets)
        return;
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct node *node = table->buckets[i], *next; node; node = next) {
            struct node **bucket = &buckets[node->hash & (count - 1)];
            next = node->chain;
            node->chain = *bucket;
            *bucket = node;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
}

/* ---- by degree ------------------------------------------------------------------------------ */

static int grow_degrees(struct degree_table *table)
{
    size_t room = table->degree_room * 2;
    struct same_degree *degrees = realloc(table->degrees, room * sizeof *degrees);
    if (!degrees)
        return -1;
    memset(degrees + table->degree_room, 0, table->degree_room * sizeof *degrees);
    table->degrees = degrees;
    table->degree_room = room;
    return 0;
}

static void leave(struct degree_table *table, struct node *node)
{
    struct same_degree *same = &table->degrees[node->degree];
    *(node->previous ? &node->previous->next : &same->first) = node->next;
    if (node->next)
        node->next->previous = node->previous;
    same->count--;
}

static void join(struct degree_table *table, struct node *node)
{
    struct same_degree *same = &table->degrees[node->degree];
    node->previous = NULL;
    node->next = same->first;
    if (same->first)
        same->first->previous = node;
    same->first = node;
    same->count++;
}

/* ---- moving --------------------------------------------------------------------------------- */

static struct node *add(struct degree_table *table, struct node **link, uint64_t hash,
                        const char *key)
{
    size_t size = strlen(key) + 1;
    struct node *node = malloc(sizeof *node + size);
    if (!node)
        return NULL;
    *node = (struct node){.hash = hash};
    memcpy(node->key, key, size);
    *link = node;
    if (++table->node_count > table->bucket_count)
        grow_buckets(table);
    return node;
}

static int move_up(struct degree_table *table, uint64_t hash, const char *key)
{
    struct node **link = link_of(table, hash, key), *node = *link;
    if (node ? node->degree + 1 == table->degree_room && grow_degrees(table) < 0
             : !(node = add(table, link, hash, key)))
        return -1;
    if (node->degree)
        leave(table, node);
    if (++node->degree > table->most)
        table->most = node->degree;
    join(table, node);
    return 0;
}

static void move_down(struct degree_table *table, uint64_t hash, const char *key)
{
    struct node **link = link_of(table, hash, key), *node = *link;
    if (!node)
        return;
    leave(table, node);
    if (--node->degree) {
        join(table, node);
    } else {
        *link = node->chain;
        table->node_count--;
        free(node);
    }
    while (table->most && !table->degrees[table->most].count)
        table->most--;
}

int degree_table_move(struct degree_table *table, const char *key, int by)
{
    uint64_t hash = hash_bytes(key, strlen(key));
    if (by > 0)
        return move_up(table, hash, key);
    move_down(table, hash, key);
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

size_t degree_table_most(const struct degree_table *table)
{
    return table->most;
}

size_t degree_table_nodes(const struct degree_table *table, size_t degree)
{
    return degree < table->degree_room ? table->degrees[degree].count : 0;
}

const char *degree_table_busiest(const struct degree_table *table)
{
    const char *first = NULL;
    for (const struct node *node = table->most ? table->degrees[table->most].first : NULL; node;
         node = node->next)
        if (!first || strcmp(node->key, first) < 0)
            first = node->key;
    return first;
}
