/* Weighted interleaving: a fixed cyclic order of items in which each comes as often as its weight
 * says and its occurrences lie far apart. Whoever walks it, alone or together, gets exact shares:
 * any run of `length` positions holds each item exactly `counts[item]` times. In the first round
 * every item comes once before any comes twice, so that a short run covers all of them. */
#ifndef CICADA_ENGINE_SEQUENCE_H
#define CICADA_ENGINE_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

struct sequence_entry {
    uint32_t item;
    uint32_t occurrence; /* how many of the same item came before it in the round */
};
struct sequence {
    struct sequence_entry *first;  /* the first round */
    struct sequence_entry *steady; /* every later one */
    uint32_t *counts;              /* per item, in a round */
    uint32_t length, items;
};

/* Build from `items` weights (>= 0, one of them positive); one of weight 0 never comes. The seed
 * decides where the order begins. -1 when memory is out. */
int sequence_make(struct sequence *sequence, const double *weights, size_t items, uint64_t seed);
void sequence_free(struct sequence *sequence); /* also harmless on a zeroed one */

/* The item at a position counted from 0, and how often it came before that. */
struct sequence_pick {
    uint32_t item;
    uint64_t occurrence;
};
struct sequence_pick sequence_at(const struct sequence *sequence, uint64_t position);
/* How often the item comes before a position: the inverse view. Linear in the length. */
uint64_t sequence_count(const struct sequence *sequence, uint32_t item, uint64_t position);

#endif
