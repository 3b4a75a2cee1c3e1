/* See uses.h. */
#include "burrow/tiers/uses.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_SLOTS 256 /* a power of two */

struct uses {
    struct use *slots; /* by id, in open addressing; id 0: free */
    size_t slot_count, count;
    struct use most[USES_MOST];
    size_t most_count;
    bool most_known; /* else one of them was forgotten, and another may have to take its place */
};

struct uses *uses_open(void)
{
    struct uses *uses = calloc(1, sizeof *uses);
    if (uses)
        uses->slots = calloc(LEAST_SLOTS, sizeof *uses->slots);
    if (!uses || !uses->slots) {
        free(uses);
        return NULL;
    }
    uses->slot_count = LEAST_SLOTS;
    uses->most_known = true;
    return uses;
}

void uses_close(struct uses *uses)
{
    if (uses)
        free(uses->slots);
    free(uses);
}

/* ---- by id ---------------------------------------------------------------------------------- */

static size_t home_of(const struct uses *uses, int64_t id)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (uses->slot_count - 1);
}

/* The slot that has the id, or the free one where it would be. */
static struct use *slot_of(const struct uses *uses, int64_t id)
{
    size_t at = home_of(uses, id);
    while (uses->slots[at].id && uses->slots[at].id != id)
        at = (at + 1) & (uses->slot_count - 1);
    return &uses->slots[at];
}

static bool grow(struct uses *uses)
{
    if ((uses->count + 1) * 2 <= uses->slot_count)
        return true;
    struct use *before = uses->slots;
    size_t count = uses->slot_count;
    struct use *slots = calloc(count * 2, sizeof *slots);
    if (!slots)
        return false;
    uses->slots = slots;
    uses->slot_count = count * 2;
    for (size_t i = 0; i < count; i++)
        if (before[i].id)
            *slot_of(uses, before[i].id) = before[i];
    free(before);
    return true;
}

/* Those behind a slot that becomes free move up, unless that is before their home. */
static void free_slot(struct uses *uses, size_t at)
{
    size_t mask = uses->slot_count - 1;
    for (size_t next = (at + 1) & mask; uses->slots[next].id; next = (next + 1) & mask) {
        size_t home = home_of(uses, uses->slots[next].id);
        if (((next - home) & mask) >= ((next - at) & mask)) {
            uses->slots[at] = uses->slots[next];
            at = next;
        }
    }
    uses->slots[at].id = 0;
}

int64_t uses_count(const struct uses *uses, int64_t id)
{
    const struct use *slot = slot_of(uses, id);
    return slot->id ? slot->count : 0;
}

size_t uses_known(const struct uses *uses)
{
    return uses->count;
}

/* ---- in order ------------------------------------------------------------------------------- */

typedef bool comes_before(const struct use *one, const struct use *other);

static bool is_more(const struct use *one, const struct use *other)
{
    return one->count != other->count ? one->count > other->count : one->id < other->id;
}

static bool is_less(const struct use *one, const struct use *other)
{
    return one->count != other->count ? one->count < other->count : one->id > other->id;
}

/* Into the first `limit` of an order, in which `count` are already. */
static size_t keep_first(struct use *first, size_t count, size_t limit, comes_before *before,
                         const struct use *one)
{
    if (count == limit && (limit == 0 || !before(one, &first[count - 1])))
        return count;
    size_t at = count < limit ? count++ : count - 1;
    for (; at > 0 && before(one, &first[at - 1]); at--)
        first[at] = first[at - 1];
    first[at] = *one;
    return count;
}

static size_t place_among_most(const struct uses *uses, int64_t id)
{
    size_t at = 0;
    while (at < uses->most_count && uses->most[at].id != id)
        at++;
    return at;
}

static void leave_most(struct uses *uses, size_t at)
{
    uses->most_count--;
    memmove(&uses->most[at], &uses->most[at + 1], (uses->most_count - at) * sizeof *uses->most);
}

void uses_add(struct uses *uses, int64_t id, int64_t amount)
{
    if (!grow(uses))
        return;
    struct use *slot = slot_of(uses, id);
    if (!slot->id) {
        *slot = (struct use){id, 0};
        uses->count++;
    }
    slot->count += amount;
    /* counts only grow: one that does not come before the last was not among them */
    if (uses->most_count == USES_MOST && !is_more(slot, &uses->most[USES_MOST - 1]))
        return;
    size_t at = place_among_most(uses, id);
    if (at < uses->most_count)
        leave_most(uses, at);
    uses->most_count = keep_first(uses->most, uses->most_count, USES_MOST, is_more, slot);
}

void uses_forget(struct uses *uses, int64_t id)
{
    struct use *slot = slot_of(uses, id);
    if (!slot->id)
        return;
    size_t at = place_among_most(uses, id);
    if (at < uses->most_count) {
        leave_most(uses, at);
        uses->most_known = uses->most_known && uses->count <= USES_MOST;
    }
    free_slot(uses, (size_t)(slot - uses->slots));
    uses->count--;
}

static size_t first_of_all(const struct uses *uses, struct use *first, size_t limit,
                           comes_before *before)
{
    size_t count = 0;
    for (size_t i = 0; i < uses->slot_count; i++)
        if (uses->slots[i].id)
            count = keep_first(first, count, limit, before, &uses->slots[i]);
    return count;
}

size_t uses_most(struct uses *uses, struct use *most, size_t limit)
{
    if (!uses->most_known)
        uses->most_count = first_of_all(uses, uses->most, USES_MOST, is_more);
    uses->most_known = true;
    size_t count = limit < uses->most_count ? limit : uses->most_count;
    memcpy(most, uses->most, count * sizeof *most);
    return count;
}

size_t uses_least(const struct uses *uses, struct use *least, size_t limit)
{
    return first_of_all(uses, least, limit, is_less);
}
