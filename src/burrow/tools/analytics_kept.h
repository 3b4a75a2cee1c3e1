/* What statistics ask for, kept from the first time that it is asked for, in place of reading
 * everything that was ever written each time. Tallies count what happened by its kind and a name,
 * in minutes, hours and days, so that any window is a few rows of each. */
#ifndef BURROW_TOOLS_ANALYTICS_KEPT_H
#define BURROW_TOOLS_ANALYTICS_KEPT_H

#include "burrow/tools/tool.h"

/* A migration: what is kept in the records of calls over time, and an index of failures. */
extern const char analytics_kept_calls[];

/* Before anything that is kept is read; in no transaction that writes. Makes, of all that there is,
 * when it is called first, what the functions below read, and these tables:
 *
 *   conversations        name, messages
 *   conversation_totals  conversations, longest_message
 *   todo_totals          status, priority, tasks, created_at_sum
 *   todos_open           created_at, id, due_at
 *   todos_finished       completed_at, id, lead: the last 500 at least */
int analytics_keep(struct tool_call *call);

/* The kinds of tallies, by which names they are told apart, and what the two sums are of:
 *   memory                    (no name)
 *   message      by role      characters
 *   task                      (no name)
 *   finished                  (no name) ms from adding to finishing them
 *   code         by language  successes, failures
 *   code result  by result    characters
 *   code tag     by tag       successes, failures
 *   question                  (no name) unanswered
 *   context                   (no name) tokens asked for, tokens filled */

/* Where the window of a call begins: Unix ms, a whole minute; beyond 24 hours a whole hour; 0
 * without `hours`. */
int64_t tally_since(const struct tool_call *call);
/* Names of a kind since then, those that count most first or by name: an array to be freed, *count
 * 0 when memory is out. */
struct tally *tally_names(struct tool_call *call, const char *kind, int64_t since, bool most_first,
                          size_t *count);
/* All names of a kind as one. */
struct tally tally_sum(struct tool_call *call, const char *kind, int64_t since);

/* What happened in the last `limit` buckets of `width` ms (a minute, an hour or a day), newest
 * first: [{"at", "calls", "memories", "messages", "tasks", "code_attempts"}]; without those in
 * which nothing did. */
json_t *tally_timeline(struct tool_call *call, int64_t width, size_t limit);

#endif
