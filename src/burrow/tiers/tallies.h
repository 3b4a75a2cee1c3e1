/* What happened when, for statistics: counts, and two sums with each, by a kind, a name and the
 * minute, hour and day; so that any window is a few rows of each. In memory: made of the records by
 * who asks (tools/analytics_kept.h). Of minutes only the last 25 hours are kept. Under the store's
 * lock. */
#ifndef BURROW_TIERS_TALLIES_H
#define BURROW_TIERS_TALLIES_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_MINUTE INT64_C(60000) /* ms */
#define TALLY_HOUR   (60 * TALLY_MINUTE)
#define TALLY_DAY    (24 * TALLY_HOUR)

struct tallies;

struct tally {
    const char *name; /* lives as long as the tallies */
    int64_t at;       /* begin of the minute, hour or day; Unix ms */
    int64_t count, first, second;
};

struct tallies *tallies_open(void);          /* NULL: memory is out */
void tallies_close(struct tallies *tallies); /* harmless on NULL */

/* Count tally->at in its minute (unless that is long ago at `now`), hour and day. An unknown kind
 * is counted nowhere. -1: memory is out; some of it may be counted, so close them. */
int tallies_add(struct tallies *tallies, const char *kind, const struct tally *tally, int64_t now);
/* What was added since the last of these stands, or never was. */
void tallies_committed(struct tallies *tallies);
void tallies_rolled_back(struct tallies *tallies);
/* Minutes that are long ago at `now`. */
void tallies_forget(struct tallies *tallies, int64_t now);

/* The rows of a kind and a width (TALLY_MINUTE, ...) from `since` on and before `until`, by their
 * time and name; valid until something is added. NULL when there is none. */
const struct tally *tallies_within(const struct tallies *tallies, const char *kind, int64_t width,
                                   int64_t since, int64_t until, size_t *count);

#endif
