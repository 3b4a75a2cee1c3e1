/* Shares by the largest remainder, order by stride: occurrence k of an item that comes c times
 * stands at k/c of the round. */
#include "engine/sequence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LENGTH_LIMIT = 2048 };

struct placed {
    double key;
    uint32_t tie;
    struct sequence_entry entry;
};
struct remainder {
    double part;
    uint32_t item;
};

static uint32_t choose_length(const double *weights, size_t items, double sum, uint32_t positive);
static int share_out(struct sequence *sequence, const double *weights, double sum, uint32_t length);
static void arrange(const struct sequence *sequence, struct placed *scratch,
                    struct sequence_entry *order, double offset, uint32_t rotation);

int sequence_make(struct sequence *sequence, const double *weights, size_t items, uint64_t seed)
{
    double sum = 0;
    uint32_t positive = 0;
    for (size_t i = 0; i < items; i++) {
        sum += weights[i];
        positive += weights[i] > 0;
    }
    *sequence = (struct sequence){.items = (uint32_t)items};
    sequence->counts = calloc(items ? items : 1, sizeof *sequence->counts);
    if (!sequence->counts || positive == 0 ||
        share_out(sequence, weights, sum, choose_length(weights, items, sum, positive)) < 0) {
        sequence_free(sequence);
        return -1;
    }
    struct placed *scratch = calloc(sequence->length, sizeof *scratch);
    sequence->first = calloc(sequence->length, sizeof *sequence->first);
    sequence->steady = calloc(sequence->length, sizeof *sequence->steady);
    if (!scratch || !sequence->first || !sequence->steady) {
        free(scratch);
        sequence_free(sequence);
        return -1;
    }
    uint32_t rotation = (uint32_t)(seed % items);
    arrange(sequence, scratch, sequence->first, 0, rotation);
    arrange(sequence, scratch, sequence->steady, 0.5, rotation);
    free(scratch);
    return 0;
}

void sequence_free(struct sequence *sequence)
{
    free(sequence->first);
    free(sequence->steady);
    free(sequence->counts);
    *sequence = (struct sequence){0};
}

struct sequence_pick sequence_at(const struct sequence *sequence, uint64_t position)
{
    uint64_t round = position / sequence->length;
    const struct sequence_entry *entry =
        (round ? sequence->steady : sequence->first) + position % sequence->length;
    return (struct sequence_pick){.item = entry->item,
                                  .occurrence =
                                      round * sequence->counts[entry->item] + entry->occurrence};
}

uint64_t sequence_count(const struct sequence *sequence, uint32_t item, uint64_t position)
{
    uint64_t round = position / sequence->length;
    const struct sequence_entry *order = round ? sequence->steady : sequence->first;
    uint64_t count = round * sequence->counts[item];
    for (uint64_t i = 0; i < position % sequence->length; i++)
        count += order[i].item == item;
    return count;
}

/* The shortest round in which every share is a whole number; without one that is short enough, a
 * long round that comes close. */
static uint32_t choose_length(const double *weights, size_t items, double sum, uint32_t positive)
{
    for (uint32_t length = positive; length <= LENGTH_LIMIT; length++) {
        bool whole = true;
        for (size_t i = 0; whole && i < items; i++) {
            double share = weights[i] * length / sum;
            whole = fabs(share - round(share)) < 1e-9 * length;
        }
        if (whole)
            return length;
    }
    return positive > LENGTH_LIMIT / 4 ? positive * 4 : LENGTH_LIMIT;
}

static int by_remainder(const void *left, const void *right)
{
    const struct remainder *a = left, *b = right;
    if (a->part != b->part)
        return a->part < b->part ? 1 : -1;
    return a->item < b->item ? -1 : 1;
}

/* An item of positive weight comes at least once, even if the round grows by it. */
static int share_out(struct sequence *sequence, const double *weights, double sum, uint32_t length)
{
    struct remainder *remainders = calloc(sequence->items, sizeof *remainders);
    if (!remainders)
        return -1;
    uint32_t given = 0;
    for (uint32_t i = 0; i < sequence->items; i++) {
        double share = weights[i] * length / sum;
        uint32_t count = (uint32_t)floor(share + 1e-6);
        remainders[i] = (struct remainder){.part = share - count, .item = i};
        sequence->counts[i] = count == 0 && weights[i] > 0 ? 1 : count;
        given += sequence->counts[i];
    }
    qsort(remainders, sequence->items, sizeof *remainders, by_remainder);
    for (uint32_t i = 0; i < sequence->items && given < length; i++) {
        uint32_t item = remainders[i].item;
        if (weights[item] * length / sum < 1)
            continue; /* has its one already */
        sequence->counts[item]++;
        given++;
    }
    sequence->length = given;
    free(remainders);
    return 0;
}

static int by_key(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->tie < b->tie ? -1 : 1;
}

static void arrange(const struct sequence *sequence, struct placed *scratch,
                    struct sequence_entry *order, double offset, uint32_t rotation)
{
    uint32_t length = 0;
    for (uint32_t item = 0; item < sequence->items; item++)
        for (uint32_t k = 0; k < sequence->counts[item]; k++)
            scratch[length++] = (struct placed){
                .key = (k + offset) / sequence->counts[item],
                .tie = (item + rotation) % sequence->items,
                .entry = {.item = item, .occurrence = k},
            };
    qsort(scratch, length, sizeof *scratch, by_key);
    for (uint32_t i = 0; i < length; i++)
        order[i] = scratch[i].entry;
}
