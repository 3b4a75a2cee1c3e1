/* From a tool's name and arguments to its result: checks, lock, transaction. */
#ifndef BURROW_TOOLS_DISPATCH_H
#define BURROW_TOOLS_DISPATCH_H

#include "burrow/tools/tool.h"

struct dispatch; /* the compiled schemas; immutable once open: threads may share it */

/* Bring every group's tables up to date and compile every schema. NULL with an error that names the
 * tool. `store` must outlive it. */
struct dispatch *dispatch_open(struct store *store, struct error *error);
void dispatch_close(struct dispatch *dispatch); /* harmless on NULL */

/* Call a tool. 0: call->structured is set (and perhaps call->content), which the caller releases
 * with dispatch_release. -1: call->reason and call->error say why, and nothing was written.
 * `arguments` NULL stands for {}; `client` names who calls, for the statistics, and may be NULL.
 * Any thread. */
int dispatch_call(struct dispatch *dispatch, const struct tool *tool, const json_t *arguments,
                  const char *client, struct tool_call *call);
/* The same, with somebody who hears how far it is and may cancel it. */
int dispatch_call_watched(struct dispatch *dispatch, const struct tool *tool,
                          const json_t *arguments, const char *client,
                          const struct tool_watch *watch, struct tool_call *call);
void dispatch_release(struct tool_call *call);

/* Check results against the outputSchema too, and fail what does not fit: for tests. */
void dispatch_check_results(struct dispatch *dispatch, bool check);

#endif
