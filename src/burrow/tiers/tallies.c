/* See tallies.h. Of each kind and width an array in the order of time and name: nearly all that is
 * added belongs to its end. */
#include "burrow/tiers/tallies.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MINUTES_KEPT (25 * 60)

static const char *const kinds[] = {"memory",      "message",  "task",     "finished", "code",
                                    "code result", "code tag", "question", "context"};
static const int64_t widths[] = {TALLY_MINUTE, TALLY_HOUR, TALLY_DAY};
#define KINDS  (sizeof kinds / sizeof *kinds)
#define WIDTHS (sizeof widths / sizeof *widths)

struct rows {
    struct tally *all;
    size_t count, room;
};

struct added {
    size_t kind, first_width;
    struct tally tally;
};

struct tallies {
    struct rows rows[KINDS][WIDTHS];
    struct added *added; /* since the last end of a call */
    size_t added_count, added_room;
    char **names; /* of all rows, in order */
    size_t name_count, name_room;
};

struct tallies *tallies_open(void)
{
    return calloc(1, sizeof(struct tallies));
}

void tallies_close(struct tallies *tallies)
{
    if (!tallies)
        return;
    for (size_t i = 0; i < KINDS * WIDTHS; i++)
        free(tallies->rows[i / WIDTHS][i % WIDTHS].all);
    for (size_t i = 0; i < tallies->name_count; i++)
        free(tallies->names[i]);
    free(tallies->names);
    free(tallies->added);
    free(tallies);
}

/* The array with room for one more of `size` bytes each; NULL: memory is out, and it stays. */
static void *with_room(void *all, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return all;
    size_t more = *room ? *room * 2 : 16;
    void *larger = realloc(all, more * size);
    if (larger)
        *room = more;
    return larger;
}

static size_t kind_of(const char *name)
{
    size_t kind = 0;
    while (kind < KINDS && strcmp(kinds[kind], name) != 0)
        kind++;
    return kind;
}

/* One copy of each name, however many rows have it. NULL: memory is out. */
static const char *name_of(struct tallies *tallies, const char *name)
{
    size_t low = 0, high = tallies->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tallies->names[middle], name);
        if (order == 0)
            return tallies->names[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    char **names =
        with_room(tallies->names, tallies->name_count, &tallies->name_room, sizeof *names);
    char *copy = names ? strdup(name) : NULL;
    tallies->names = names ? names : tallies->names;
    if (!copy)
        return NULL;
    memmove(names + low + 1, names + low, (tallies->name_count++ - low) * sizeof *names);
    return names[low] = copy;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool comes_before(const struct tally *row, int64_t at, const char *name)
{
    return row->at != at ? row->at < at : strcmp(row->name, name) < 0;
}

/* The first that does not come before; a look at the last saves the search of most. */
static size_t place_of(const struct rows *rows, int64_t at, const char *name)
{
    size_t low = 0, high = rows->count;
    if (high && comes_before(&rows->all[high - 1], at, name))
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = comes_before(&rows->all[middle], at, name);
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    return low;
}

/* The name is one of name_of. */
static int add_to(struct rows *rows, const struct tally *tally, int64_t at, int sign)
{
    size_t place = place_of(rows, at, tally->name);
    struct tally *all = with_room(rows->all, rows->count, &rows->room, sizeof *all);
    if (!all)
        return -1;
    rows->all = all;
    struct tally *row = all + place;
    if (place == rows->count || row->at != at || row->name != tally->name) {
        memmove(row + 1, row, (rows->count++ - place) * sizeof *row);
        *row = (struct tally){.name = tally->name, .at = at};
    }
    row->count += sign * tally->count;
    row->first += sign * tally->first;
    row->second += sign * tally->second;
    return 0;
}

static int add_everywhere(struct tallies *tallies, const struct added *added, int sign)
{
    const struct tally *tally = &added->tally;
    for (size_t i = added->first_width; i < WIDTHS; i++)
        if (add_to(&tallies->rows[added->kind][i], tally, tally->at / widths[i] * widths[i], sign) <
            0)
            return -1;
    return 0;
}

static int64_t oldest_minute(int64_t now)
{
    return now - MINUTES_KEPT * TALLY_MINUTE;
}

int tallies_add(struct tallies *tallies, const char *kind, const struct tally *tally, int64_t now)
{
    struct added one = {kind_of(kind), tally->at > oldest_minute(now) ? 0 : 1, *tally};
    if (one.kind == KINDS)
        return 0;
    one.tally.name = name_of(tallies, tally->name);
    struct added *added = one.tally.name ? with_room(tallies->added, tallies->added_count,
                                                     &tallies->added_room, sizeof *added)
                                         : NULL;
    if (!added)
        return -1;
    tallies->added = added;
    added[tallies->added_count++] = one;
    return add_everywhere(tallies, &one, 1);
}

void tallies_committed(struct tallies *tallies)
{
    tallies->added_count = 0;
}

void tallies_rolled_back(struct tallies *tallies)
{
    while (tallies->added_count) /* needs no memory: the rows are there */
        add_everywhere(tallies, &tallies->added[--tallies->added_count], -1);
}

void tallies_forget(struct tallies *tallies, int64_t now)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct rows *rows = &tallies->rows[i][0];
        size_t gone = place_of(rows, oldest_minute(now), "");
        rows->count -= gone;
        if (gone)
            memmove(rows->all, rows->all + gone, rows->count * sizeof *rows->all);
    }
}

const struct tally *tallies_within(const struct tallies *tallies, const char *kind, int64_t width,
                                   int64_t since, int64_t until, size_t *count)
{
    size_t which = kind_of(kind), of = 0;
    while (of + 1 < WIDTHS && widths[of] != width)
        of++;
    *count = 0;
    if (which == KINDS)
        return NULL;
    const struct rows *rows = &tallies->rows[which][of];
    size_t first = place_of(rows, since, ""), end = place_of(rows, until, "");
    *count = end > first ? end - first : 0;
    return *count ? rows->all + first : NULL;
}
