/* Users: their sessions, how they come and go. What their slots run is in slot.c. */
#include "engine/virtual_user.h"

#include "base/clock.h"
#include "engine/slot.h"
#include "engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define SESSION_BACKOFF_FIRST_NS (20 * NS_PER_MS)
#define SESSION_BACKOFF_MOST_NS  (2 * NS_PER_S)

static void session_open(struct slot *slot);
static void session_opened(struct slot *slot, bool ok, uint64_t now_ns);
static void session_closed(struct slot *slot, uint64_t now_ns);
static void discard_session(struct virtual_user *user);
static void leave_now(struct virtual_user *user);
static void give_up_session(struct virtual_user *user);

struct virtual_user *virtual_user_make(struct worker_target *target, uint64_t id)
{
    struct virtual_user *user =
        calloc(1, sizeof *user + target->slots_per_user * sizeof *user->slots);
    if (!user)
        return NULL;
    user->target = target;
    user->id = id;
    user->gone = true;
    random_seed(&user->random, target->worker->plan->seed, id);
    for (unsigned i = 0; i < target->slots_per_user; i++)
        slot_init(&user->slots[i], user);
    return user;
}

void virtual_user_free(struct virtual_user *user)
{
    if (!user)
        return;
    for (unsigned i = 0; i < user->target->slots_per_user; i++)
        slot_free(&user->slots[i]);
    discard_session(user);
    free(user);
}

void virtual_user_join(struct virtual_user *user)
{
    user->wanted = true;
    if (!user->gone)
        return;
    user->gone = false;
    user->setup_failures = 0;
    user->target->present++;
}

void virtual_user_leave(struct virtual_user *user)
{
    if (!user->wanted)
        return;
    user->wanted = false;
    uint64_t now = clock_now_ns();
    for (unsigned i = 0; i < user->target->slots_per_user; i++)
        slot_phase_over(&user->slots[i], now);
    virtual_user_rested(user);
}

void virtual_user_rested(struct virtual_user *user)
{
    if (!user->wanted && user->busy == 0 && !user->gone)
        leave_now(user);
}

bool virtual_user_has_session(const struct virtual_user *user)
{
    return !user->target->bound->target->needs_session || (user->session && user->session->open);
}

void virtual_user_want_session(struct virtual_user *user, struct slot *slot)
{
    if (user->setup_slot)
        return; /* another slot is at it */
    user->setup_slot = slot;
    session_open(slot);
}

void virtual_user_setup_done(struct slot *slot, bool ok, uint64_t now_ns)
{
    enum slot_setup setup = slot->setup;
    slot->setup = SETUP_NONE;
    if (setup == SETUP_OPEN)
        session_opened(slot, ok && slot->user->session->open, now_ns);
    else
        session_closed(slot, now_ns);
}

void virtual_user_retry_session(struct slot *slot)
{
    if (worker_runs(slot->user->target->worker) && slot->user->wanted)
        session_open(slot);
    else
        give_up_session(slot->user);
}

static uint64_t session_backoff(struct virtual_user *user)
{
    unsigned doublings = user->setup_failures < 8 ? user->setup_failures : 8;
    uint64_t most = SESSION_BACKOFF_FIRST_NS << doublings;
    if (most > SESSION_BACKOFF_MOST_NS)
        most = SESSION_BACKOFF_MOST_NS;
    user->setup_failures++;
    return most / 2 + random_below(&user->random, most / 2); /* not all users at once */
}

static void session_open(struct slot *slot)
{
    struct virtual_user *user = slot->user;
    struct worker_target *target = user->target;
    if (!user->session) {
        user->session = calloc(1, sizeof *user->session + target->driver->session_size);
        if (!user->session) {
            slot_wait(slot, SLOT_SESSION, clock_now_ns() + session_backoff(user));
            return;
        }
        user->session->worker = target->driver_worker;
    }
    if (target->worker->phase->ticket_limit != UINT64_MAX &&
        !worker_has_tickets(target->worker)) { /* what it is wanted for will not be run */
        give_up_session(user);
        return;
    }
    slot_start_setup(slot, SETUP_OPEN, &target->bound->target->session_open);
}

static void session_opened(struct slot *slot, bool ok, uint64_t now_ns)
{
    struct virtual_user *user = slot->user;
    struct worker *worker = user->target->worker;
    if (!ok && worker_runs(worker) && user->wanted) {
        slot_wait(slot, SLOT_SESSION, now_ns + session_backoff(user));
        return;
    }
    slot->state = SLOT_SESSION;
    if (!ok) {
        give_up_session(user);
        return;
    }
    user->setup_failures = 0;
    user->setup_slot = NULL;
    for (unsigned i = 0; i < user->target->slots_per_user; i++) {
        struct slot *waiting = &user->slots[i];
        if (waiting->state != SLOT_SESSION)
            continue;
        if (waiting->owed && worker_runs(worker) && user->wanted)
            slot_run(waiting, slot_has_schedule(waiting) ? waiting->due_ns : now_ns);
        else
            slot_rest(waiting);
    }
}

/* No session will come any more: whoever waits for it goes to rest. */
static void give_up_session(struct virtual_user *user)
{
    uint64_t now = clock_now_ns();
    user->setup_slot = NULL;
    for (unsigned i = 0; i < user->target->slots_per_user; i++)
        if (user->slots[i].state == SLOT_SESSION)
            slot_phase_over(&user->slots[i], now);
}

static void session_closed(struct slot *slot, uint64_t now_ns)
{
    struct virtual_user *user = slot->user;
    discard_session(user);
    slot->state = SLOT_IDLE;
    user->busy--;
    if (!user->wanted) {
        leave_now(user);
        return;
    }
    /* It was wanted again while it was leaving. */
    for (unsigned i = 0; i < user->target->slots_per_user; i++)
        if (user->slots[i].state == SLOT_IDLE)
            slot_free_again(&user->slots[i], now_ns);
}

static void discard_session(struct virtual_user *user)
{
    if (!user->session)
        return;
    user->target->driver->session_discard(user->session);
    free(user->session);
    user->session = NULL;
}

static void leave_now(struct virtual_user *user)
{
    struct worker_target *target = user->target;
    if (user->session && user->session->open) {
        user->busy++;
        slot_start_setup(&user->slots[0], SETUP_CLOSE, &target->bound->target->session_close);
        return;
    }
    discard_session(user);
    user->gone = true;
    target->present--;
    /* The users that are left need no more connections than they have slots. Where connections are
     * counted they are processes, and those belong to the run. */
    if (!target->bound->target->max_connections)
        pool_trim(&target->pool, target->present * target->slots_per_user);
}
