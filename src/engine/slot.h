/* A slot's operations, for those who schedule them; see virtual_user.h for the types. */
#ifndef CICADA_ENGINE_SLOT_H
#define CICADA_ENGINE_SLOT_H

#include "engine/virtual_user.h"

void slot_init(struct slot *slot, struct virtual_user *user);
void slot_free(struct slot *slot); /* what it holds */

/* Run the current step, or what is claimed next, with due_ns as its intended start. */
void slot_run(struct slot *slot, uint64_t due_ns);
/* The same at a time to come. */
void slot_run_at(struct slot *slot, uint64_t due_ns);
/* Idle, until its model gives it something else. */
void slot_rest(struct slot *slot);
/* Ask its model for what comes next. */
void slot_free_again(struct slot *slot, uint64_t now_ns);
/* In `state` until the timer fires. */
void slot_wait(struct slot *slot, enum slot_state state, uint64_t until_ns);
/* Run session_open or session_close for its user. */
void slot_start_setup(struct slot *slot, enum slot_setup setup, const struct operation *operation);

/* True when operations have a time of their own: arrivals, and users at a pace. Others begin when
 * they can, so that a session that is slow to open delays nothing that was due: it shows in the
 * setup. */
bool slot_has_schedule(const struct slot *slot);

/* The user or the phase ends here: let go of what has not started. What was due by then, or had no
 * session because none could be opened, counts as not run; what is in flight goes on. */
void slot_phase_over(struct slot *slot, uint64_t end_ns);
/* Give up what waits for a connection or is in flight; its outcome is `why`. */
void slot_cancel(struct slot *slot, enum outcome_kind why);
/* One operation that was due and never started. False when the budget is used up. */
bool slot_count_not_run(struct worker_target *target, struct bound_mix *mix, int category,
                        uint64_t due_ns, uint64_t end_ns);

/* Time out what has been under way for too long; the timer's callback. */
void slots_time_out(struct loop_timer *timer);

/* The pool's answers. */
void slot_granted(struct slot *slot, struct connection *connection);
void slot_refused(struct slot *slot, const struct outcome *why, const char *text);

#endif
