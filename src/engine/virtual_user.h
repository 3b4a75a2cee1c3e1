/* Virtual users and their slots. A user has one session and as many slots as it may have operations
 * in flight; a slot runs one thing at a time: an operation or a behaviour, step by step, with think
 * time between. In the open model a user is a carrier: it runs what arrived, one at a time.
 *
 * A slot's way:  idle -> (think, or until it is due) -> (session) -> pool -> flight -> ... */
#ifndef CICADA_ENGINE_VIRTUAL_USER_H
#define CICADA_ENGINE_VIRTUAL_USER_H

#include "base/template.h"
#include "engine/mix.h"
#include "engine/pool.h"

struct worker;
struct worker_target;
struct virtual_user;

enum slot_state {
    SLOT_IDLE,
    SLOT_THINK,   /* the timer starts it */
    SLOT_SESSION, /* due, but its user has no session yet */
    SLOT_POOL,    /* waits for a connection */
    SLOT_FLIGHT   /* submitted */
};
enum slot_setup { SETUP_NONE, SETUP_OPEN, SETUP_CLOSE };

/* A call as the engine keeps it: they are few, and wander from slot to slot. */
struct pooled_call {
    struct pooled_call *next; /* in the free list */
    struct call call;
    /* driver's part follows */
};

struct slot {
    struct virtual_user *user;
    struct loop_timer timer;
    struct slot *flight_previous, *flight_next; /* by start time: the oldest times out first */
    struct slot *queue_previous, *queue_next;
    struct slot_queue *queue; /* of the pool; NULL: in none */
    struct pooled_call *call;
    const struct unit *unit; /* what it runs; NULL: to be claimed */
    const struct operation *operation;
    uint64_t occurrence; /* of the unit: picks the argument set */
    uint64_t due_ns;     /* intended start */
    uint64_t started_ns; /* the pool was asked */
    struct template_context context;
    struct template_value *captures; /* mix->capture_count of them, allocated when first used */
    uint16_t step;
    uint8_t state; /* enum slot_state */
    uint8_t setup; /* enum slot_setup: a session operation runs in this slot */
    bool owed;     /* due but not started: its operation counts as not run if the phase ends */
    bool cancelled;
};

struct virtual_user {
    struct worker_target *target;
    struct session *session;        /* NULL when the target needs none */
    struct slot *setup_slot;        /* runs session_open or waits to try again; NULL: nobody does */
    struct virtual_user *free_next; /* open model: among the free carriers */
    struct random random;
    uint64_t id; /* ${user}: over all workers and segments, from 1 */
    uint64_t iterations;
    uint64_t next_pace_ns; /* the next intended start, absolute */
    struct bound_mix *mix; /* what it runs in this phase */
    int category;          /* -1: any, in turn */
    uint16_t busy;         /* slots not idle */
    uint16_t setup_failures;
    bool wanted; /* false: it leaves as soon as it is idle */
    bool gone;   /* it has left */
    struct slot slots[];
};

/* NULL when memory is out. `id` counts from 1 over all workers and segments. */
struct virtual_user *virtual_user_make(struct worker_target *target, uint64_t id);
void virtual_user_free(struct virtual_user *user);
void virtual_user_join(struct virtual_user *user); /* wanted, again perhaps */
/* Stop; what is in flight ends in its own time, then the session is closed. */
void virtual_user_leave(struct virtual_user *user);
void virtual_user_rested(struct virtual_user *user); /* a slot came to rest: is it time to go? */

bool virtual_user_has_session(const struct virtual_user *user); /* or needs none */
/* The slot is due and waits for the session: open it unless that is under way. */
void virtual_user_want_session(struct virtual_user *user, struct slot *slot);
void virtual_user_retry_session(struct slot *slot);
/* The session operation that ran in the slot has ended. */
void virtual_user_setup_done(struct slot *slot, bool ok, uint64_t now_ns);

#endif
