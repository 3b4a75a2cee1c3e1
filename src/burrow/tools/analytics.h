/* analytics: figures of use (analytics.c) and of what the tiers hold (analytics_store.c). */
#ifndef BURROW_TOOLS_ANALYTICS_H
#define BURROW_TOOLS_ANALYTICS_H

#include "burrow/tools/tool.h"

int analytics_memory_statistics(struct tool_call *call);
int analytics_cache_statistics(struct tool_call *call);
int analytics_graph_statistics(struct tool_call *call);
int analytics_vector_statistics(struct tool_call *call);
int analytics_storage_statistics(struct tool_call *call);
int analytics_conversation_statistics(struct tool_call *call);
int analytics_task_statistics(struct tool_call *call);
int analytics_top_terms(struct tool_call *call);
int analytics_access_counts(struct tool_call *call);

/* Rows of a query with one integer parameter as an array of objects: `names` names the columns, in
 * order, ended by NULL. Integers, reals, texts and nulls become themselves. */
json_t *analytics_rows(struct tool_call *call, const char *sql, int64_t parameter,
                       const char *const *names);
/* The first of them; an object of nulls when there is none. */
json_t *analytics_row(struct tool_call *call, const char *sql, int64_t parameter,
                      const char *const *names);
/* Calls over the last `hours` of the call (all when absent), summed by `keys` (usage_key): the
 * caller frees the groups. */
int analytics_usage(struct tool_call *call, unsigned keys, struct usage_groups *groups);
/* {"tool", "calls", "failures", "mean_ms"} of one of these by tool. */
json_t *analytics_volume(const struct usage_group *tool);
/* 0 when the tiers gave what was asked; else the failure. */
int analytics_done(struct tool_call *call, json_t *structured);

#endif
