/* Who calls which tool, how often, how long it takes and how it ends. Counted in memory without the
 * store's lock; sums by minute go to the records now and then, so that they outlive the program.
 * Latency is kept in histograms since the start of a window that a user can begin anew. */
#ifndef BURROW_TIERS_USAGE_H
#define BURROW_TIERS_USAGE_H

#include "burrow/tiers/records.h"
#include "burrow/tiers/usage_groups.h"

#include <jansson.h>
#include <stdint.h>

struct usage;

struct usage *usage_open(struct records *records, struct error *error);
void usage_close(struct usage *usage); /* writes what is left; harmless on NULL */

/* One call is over. `tool` must be a literal; `reason` too, NULL when it succeeded; `client` may be
 * NULL. Any thread. */
void usage_count(struct usage *usage, const char *tool, const char *client, const char *reason,
                 uint64_t latency_ns);
/* Write the sums to the table usage_minutes; under the store's lock, in no transaction. */
int usage_flush(struct usage *usage, struct error *error);
/* It is some seconds since that was done, and there is something to write. */
bool usage_is_due(struct usage *usage);

/* All calls since a minute (of Unix time; 0: ever), written or not, summed by what `keys` names
 * (usage_key; none: one sum), most calls first; the caller frees the groups. Under the store's
 * lock, in no transaction. What is in the records is read once for each window that is asked for,
 * and followed from then on. -1 with an error. */
int usage_sums(struct usage *usage, int64_t since_minute, unsigned keys,
               struct usage_groups *groups, struct error *error);
/* Calls of the minutes from `first` up to but without `end` that are not in the records yet. */
int64_t usage_unwritten(struct usage *usage, int64_t first, int64_t end);

/* Of the window: [{"tool", "calls", "failures", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"}]
 * by name; `tool` NULL: every tool that was called. */
json_t *usage_latency(struct usage *usage, const char *tool);
/* The slowest of the last 1,024 calls, slowest first: [{"tool", "at", "milliseconds", "outcome",
 * "client"}]; `tool` NULL: any; `limit` at most USAGE_SLOWEST. */
#define USAGE_SLOWEST 100
json_t *usage_slowest(struct usage *usage, const char *tool, double least_ms, size_t limit);
int64_t usage_window_start(struct usage *usage); /* Unix ms */
/* Begin a window: how many calls the one before had. */
uint64_t usage_reset(struct usage *usage);

#endif
