/* What is counted of each operation: its outcome, its latency and where that went, bytes, examples.
 * Every operation that was started passes here exactly once when it has ended. */
#ifndef CICADA_ENGINE_ACCOUNT_H
#define CICADA_ENGINE_ACCOUNT_H

#include "engine/virtual_user.h"

/* A connection is in hand: how long that took. */
void account_waiting(struct slot *slot, struct pool_connection *connection, uint64_t now_ns);
/* The slot's operation has ended. Applies the captures and checks of its step first, which may make
 * a failure of an ok; returns whether it failed. `call` is NULL when it got no connection. */
bool account_operation(struct slot *slot, const struct outcome *given, const char *text,
                       const struct call *call, uint64_t end_ns);
/* The same for session_open and session_close, which are kept apart from the figures. */
void account_setup(struct slot *slot, const struct outcome *outcome, const char *text,
                   const struct call *call, uint64_t end_ns);
/* Due for so long, and never started. */
void account_not_run(struct worker_target *target, uint32_t operation, uint64_t latency_ns);

#endif
