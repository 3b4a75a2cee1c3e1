/* What a client hears of a tool call while it runs and when it is over: progress
 * (notifications/progress), where the request has a token for it, and the log
 * (notifications/message), where it or its session asked for one. */
#ifndef BURROW_SERVER_CALL_WATCH_H
#define BURROW_SERVER_CALL_WATCH_H

#include "burrow/server/methods.h"

struct call_watch {
    const struct method_call *call;
    struct tool_watch watch;
    char *token; /* of progress, as JSON text; NULL: none is wanted */
    int level;   /* of the log; -1: nothing is wanted */
    uint64_t said_ns;
    size_t said; /* progress told; it only grows */
    bool any;
};

/* NULL: nobody can hear or cancel. Valid until call_watch_end. */
const struct tool_watch *call_watch_begin(struct call_watch *watch, const struct method_call *call);
void call_watch_end(struct call_watch *watch, const struct tool_call *done, bool failed,
                    uint64_t took_ns);

#endif
