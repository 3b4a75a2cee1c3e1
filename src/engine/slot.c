/* What a slot runs: it claims a unit and starts its steps one after the other. This is the hot
 * path: no allocation, no lock, no system call of its own. */
#include "engine/slot.h"

#include "base/clock.h"
#include "engine/account.h"
#include "engine/answer.h"
#include "engine/worker.h"

#include <stdlib.h>

static void slot_timer(struct loop_timer *timer);
static void claim(struct slot *slot);
static void start_operation(struct slot *slot);
static void begin(struct slot *slot, const struct operation *operation);
static void submit(struct slot *slot, struct connection *connection, uint64_t now_ns);
static void call_complete(struct call *call);
static void finished(struct slot *slot, const struct outcome *outcome, const char *text,
                     struct pooled_call *call);
static void next_step(struct slot *slot, bool failed, uint64_t end_ns);
static void in_flight_add(struct slot *slot);
static void in_flight_remove(struct slot *slot);

void slot_init(struct slot *slot, struct virtual_user *user)
{
    slot->user = user;
    slot->timer.fired = slot_timer;
}

void slot_free(struct slot *slot)
{
    struct worker_target *target = slot->user->target;
    loop_timer_stop(&target->worker->loop, &slot->timer);
    for (size_t i = 0; slot->captures && i < slot->context.capture_count; i++)
        free(slot->captures[i].json);
    free(slot->captures);
}

static inline struct worker *worker_of(const struct slot *slot)
{
    return slot->user->target->worker;
}

void slot_run(struct slot *slot, uint64_t due_ns)
{
    struct virtual_user *user = slot->user;
    slot->due_ns = due_ns;
    if (slot->state == SLOT_IDLE)
        user->busy++;
    if (!virtual_user_has_session(user)) {
        slot->state = SLOT_SESSION;
        slot->owed = true;
        virtual_user_want_session(user, slot);
        return;
    }
    slot->owed = false;
    slot->state = SLOT_THINK; /* busy, whatever comes of it */
    if (!worker_take_ticket(user->target->worker)) {
        slot_rest(slot);
        return;
    }
    if (!slot->unit)
        claim(slot);
    start_operation(slot);
}

void slot_run_at(struct slot *slot, uint64_t due_ns)
{
    if (slot->state == SLOT_IDLE)
        slot->user->busy++;
    slot->due_ns = due_ns;
    slot_wait(slot, SLOT_THINK, due_ns);
}

void slot_wait(struct slot *slot, enum slot_state state, uint64_t until_ns)
{
    slot->state = (uint8_t)state;
    loop_timer_start(&worker_of(slot)->loop, &slot->timer, until_ns);
}

void slot_rest(struct slot *slot)
{
    if (slot->state == SLOT_IDLE)
        return;
    slot->state = SLOT_IDLE;
    slot->unit = NULL;
    slot->owed = false;
    slot->user->busy--;
    virtual_user_rested(slot->user);
}

void slot_free_again(struct slot *slot, uint64_t now_ns)
{
    slot->unit = NULL;
    if (worker_of(slot)->phase->phase->model == LOAD_OPEN)
        open_model_next(slot, now_ns);
    else
        closed_model_next(slot, now_ns);
}

void slot_start_setup(struct slot *slot, enum slot_setup setup, const struct operation *operation)
{
    slot->setup = (uint8_t)setup;
    slot->user->target->tally.setup.started++;
    begin(slot, operation);
}

bool slot_has_schedule(const struct slot *slot)
{
    const struct phase *phase = worker_of(slot)->phase->phase;
    return phase->model == LOAD_OPEN || phase->pace_ns;
}

void slot_phase_over(struct slot *slot, uint64_t end_ns)
{
    struct worker_target *target = slot->user->target;
    if (slot->owed && (slot_has_schedule(slot) || slot->user->setup_failures))
        slot_count_not_run(target, slot->user->mix, slot->user->category, slot->due_ns, end_ns);
    slot->owed = false;
    if (slot->state != SLOT_THINK && slot->state != SLOT_SESSION)
        return;
    loop_timer_stop(&target->worker->loop, &slot->timer);
    if (slot->user->setup_slot == slot)
        slot->user->setup_slot = NULL;
    slot_rest(slot);
}

void slot_cancel(struct slot *slot, enum outcome_kind why)
{
    struct worker_target *target = slot->user->target;
    const char *detail = slot->state == SLOT_POOL ? "no_connection" : NULL;
    struct outcome outcome = {.kind = why, .detail = detail};
    in_flight_remove(slot);
    slot->cancelled = true;
    if (slot->state == SLOT_FLIGHT) {
        target->driver->cancel(&slot->call->call, &outcome);
        return;
    }
    pool_abandon(&target->pool, slot);
    finished(slot, &outcome, "no connection became free", NULL);
}

bool slot_count_not_run(struct worker_target *target, struct bound_mix *mix, int category,
                        uint64_t due_ns, uint64_t end_ns)
{
    if (!worker_take_ticket(target->worker))
        return false;
    uint64_t occurrence;
    const struct unit *unit = mix_claim(mix, category, &occurrence);
    const struct bound_step *step = &unit->steps[0];
    uint32_t index = step->operations[occurrence % step->operation_count]->index;
    account_not_run(target, index, end_ns > due_ns ? end_ns - due_ns : 0);
    return true;
}

void slots_time_out(struct loop_timer *timer)
{
    struct worker_target *target = container_of(timer, struct worker_target, timeout_timer);
    uint64_t now = clock_now_ns();
    while (target->oldest && target->oldest->started_ns + target->timeout_ns <= now)
        slot_cancel(target->oldest, OUTCOME_TIMEOUT);
    if (target->oldest)
        loop_timer_start(&target->worker->loop, timer,
                         target->oldest->started_ns + target->timeout_ns);
}

void slot_granted(struct slot *slot, struct connection *connection)
{
    submit(slot, connection, clock_now_ns());
}

void slot_refused(struct slot *slot, const struct outcome *why, const char *text)
{
    finished(slot, why, text, NULL);
}

static void slot_timer(struct loop_timer *timer)
{
    struct slot *slot = container_of(timer, struct slot, timer);
    struct worker *worker = worker_of(slot);
    if (slot->state == SLOT_SESSION) {
        virtual_user_retry_session(slot);
        return;
    }
    if (!worker_runs(worker)) {
        slot_rest(slot);
        return;
    }
    if (phase_is_intended(worker->phase)) {
        uint64_t now = clock_now_ns();
        histogram_record(&worker_own_record(worker)->send_delay,
                         now > slot->due_ns ? now - slot->due_ns : 0);
    }
    slot_run(slot, slot->due_ns);
}

/* ---- starting ----------------------------------------------------------------------------------
 */

static void prepare_captures(struct slot *slot, const struct bound_mix *mix)
{
    if (slot->context.capture_count != mix->capture_count) {
        for (size_t i = 0; slot->captures && i < slot->context.capture_count; i++)
            free(slot->captures[i].json);
        free(slot->captures);
        slot->captures =
            mix->capture_count ? calloc(mix->capture_count, sizeof *slot->captures) : NULL;
        slot->context.capture_count = slot->captures ? mix->capture_count : 0;
    }
    for (size_t i = 0; i < slot->context.capture_count; i++) {
        free(slot->captures[i].json);
        slot->captures[i] = (struct template_value){.name = mix->captures[i]};
    }
    slot->context.captures = slot->captures;
}

static void claim(struct slot *slot)
{
    struct virtual_user *user = slot->user;
    const struct template_data *data = &worker_of(slot)->phase->plan->data;
    slot->unit = mix_claim(user->mix, user->category, &slot->occurrence);
    slot->step = 0;
    slot->context.user = user->id;
    slot->context.iteration = user->iterations++;
    slot->context.random = &user->random;
    slot->context.data = data->row_count ? data : NULL;
    if (data->row_count)
        slot->context.data_row = (user->id - 1 + slot->context.iteration) % data->row_count;
    if (user->mix->capture_count || slot->context.capture_count)
        prepare_captures(slot, user->mix);
}

static void start_operation(struct slot *slot)
{
    struct worker_target *target = slot->user->target;
    const struct bound_step *step = &slot->unit->steps[slot->step];
    const struct operation *operation =
        step->operation_count == 1 ? step->operations[0]
                                   : step->operations[slot->occurrence % step->operation_count];
    target->tally.operations[operation->index].started++;
    target->record->started++;
    begin(slot, operation);
}

/* Ask the pool for a connection; the operation's clock and its timeout run from here. */
static void begin(struct slot *slot, const struct operation *operation)
{
    struct worker_target *target = slot->user->target;
    struct worker *worker = target->worker;
    slot->operation = operation;
    slot->started_ns = clock_now_ns();
    slot->cancelled = false;
    slot->state = SLOT_POOL;
    if (slot->setup) {
        worker->setups++;
    } else {
        worker->in_flight++;
        target->in_flight++;
    }
    in_flight_add(slot);
    if (operation->flags & OPERATION_NEW_CONNECTION) {
        pool_acquire_new(&target->pool, slot);
        return;
    }
    struct connection *connection = pool_acquire(&target->pool, slot);
    if (connection)
        submit(slot, connection, slot->started_ns);
}

static struct pooled_call *take_call(struct worker_target *target)
{
    struct pooled_call *call = target->free_calls;
    if (call) {
        target->free_calls = call->next;
        return call;
    }
    call = calloc(1, sizeof *call + target->driver->call_size);
    if (call)
        call->call.complete = call_complete;
    return call;
}

static void submit(struct slot *slot, struct connection *connection, uint64_t now_ns)
{
    struct worker_target *target = slot->user->target;
    struct pooled_call *pooled = take_call(target);
    if (!pooled) {
        static const struct outcome lost = {.kind = OUTCOME_NOT_RUN, .detail = "out_of_memory"};
        pool_release(&target->pool, connection);
        finished(slot, &lost, "no memory for the call", NULL);
        return;
    }
    if (!slot->setup)
        account_waiting(slot, pool_connection_of(connection), now_ns);
    struct call *call = &pooled->call;
    bool wanted = !slot->setup && example_wanted(&target->quotas[slot->operation->index]);
    *call = (struct call){
        .operation = slot->operation,
        .connection = connection,
        .session = slot->user->session,
        .context = &slot->context,
        .variant = (uint32_t)slot->occurrence,
        .deadline_ns = slot->started_ns + target->timeout_ns,
        .keep_request = wanted,
        .want_response =
            wanted || (!slot->setup && answer_is_wanted(slot->unit->steps[slot->step].plan)),
        .complete = call_complete,
        .engine_data = slot,
    };
    slot->call = pooled;
    slot->state = SLOT_FLIGHT;
    target->driver->submit(call);
}

/* ---- ending -------------------------------------------------------------------------------------
 */

static void call_complete(struct call *call)
{
    struct slot *slot = call->engine_data;
    struct outcome outcome = call->outcome;
    finished(slot, &outcome, call->text, container_of(call, struct pooled_call, call));
}

static void finished(struct slot *slot, const struct outcome *outcome, const char *text,
                     struct pooled_call *pooled)
{
    struct worker_target *target = slot->user->target;
    struct worker *worker = target->worker;
    const struct call *call = pooled ? &pooled->call : NULL;
    /* What was given up lasted until now, whatever part of an answer came before. */
    bool ended = call && call->end_ns && !outcome_is_censored(outcome->kind);
    uint64_t end_ns = ended ? call->end_ns : clock_now_ns();
    bool failed = outcome->kind != OUTCOME_OK;
    if (!slot->cancelled)
        in_flight_remove(slot);
    if (slot->setup) {
        worker->setups--;
        account_setup(slot, outcome, text, call, end_ns);
    } else {
        worker->in_flight--;
        target->in_flight--;
        failed = account_operation(slot, outcome, text, call, end_ns);
    }
    slot->state = SLOT_THINK;
    slot->call = NULL;
    if (pooled) {
        struct connection *connection = call->connection;
        if (outcome->kind == OUTCOME_CONNECTION_RESET && connection->capacity == 1)
            connection->reusable = false; /* the driver will say so; do not use it until then */
        pooled->next = target->free_calls;
        target->free_calls = pooled;
        pool_release(&target->pool, connection);
    }
    if (slot->setup)
        virtual_user_setup_done(slot, !failed, end_ns);
    else
        next_step(slot, failed, end_ns);
    worker_settle(worker);
}

static uint64_t think_time(struct slot *slot, uint64_t least, uint64_t most)
{
    if (most <= least)
        return least;
    return least + random_below(&slot->user->random, most - least + 1);
}

/* After a step: think, then the next one, or the end of the iteration. */
static void next_step(struct slot *slot, bool failed, uint64_t end_ns)
{
    struct worker *worker = worker_of(slot);
    if (!worker_runs(worker) || !slot->user->wanted) {
        slot_rest(slot);
        return;
    }
    const struct unit *unit = slot->unit;
    const struct step *step = unit->steps[slot->step].plan;
    const struct phase *phase = worker->phase->phase;
    bool own = step && step->think_max_ns;
    uint64_t least = own ? step->think_min_ns : phase->think_min_ns;
    uint64_t most = own ? step->think_max_ns : phase->think_max_ns;
    uint64_t due = end_ns + (most ? think_time(slot, least, most) : 0);
    bool over =
        slot->step + 1u >= unit->step_count || (failed && step && step->on_error == STEP_ABORT);
    if (over) {
        slot_free_again(slot, phase->model == LOAD_OPEN ? end_ns : due);
        return;
    }
    slot->step++;
    if (due > end_ns)
        slot_run_at(slot, due);
    else
        slot_run(slot, due);
}

static void in_flight_add(struct slot *slot)
{
    struct worker_target *target = slot->user->target;
    slot->flight_next = NULL;
    slot->flight_previous = target->newest;
    if (target->newest)
        target->newest->flight_next = slot;
    else
        target->oldest = slot;
    target->newest = slot;
    if (!loop_timer_active(&target->timeout_timer))
        loop_timer_start(&target->worker->loop, &target->timeout_timer,
                         slot->started_ns + target->timeout_ns);
}

static void in_flight_remove(struct slot *slot)
{
    struct worker_target *target = slot->user->target;
    if (slot->flight_previous)
        slot->flight_previous->flight_next = slot->flight_next;
    else
        target->oldest = slot->flight_next;
    if (slot->flight_next)
        slot->flight_next->flight_previous = slot->flight_previous;
    else
        target->newest = slot->flight_previous;
}
