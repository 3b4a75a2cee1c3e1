/* One server process while the run is on, see mcp_stdio.h: its life, its slots, sending requests
 * and completing calls. Answered calls are completed at the end of the loop's turn: so no
 * completion runs inside a submit, and a second answer that follows on the heels of the first is
 * still seen. */
#include "base/clock.h"
#include "drivers/mcp_stdio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_SLOT = UINT16_MAX };

static struct stdio_call *part_of(struct call *call)
{
    return driver_part_of_call(call);
}

static uint16_t index_of(const struct stdio_process *process, const struct stdio_slot *slot)
{
    return (uint16_t)(slot - process->slots);
}

char *stdio_slot_text(struct stdio_process *process, const struct stdio_slot *slot)
{
    return process->texts[index_of(process, slot)];
}

/* ---- life --------------------------------------------------------------------------------------
 */

struct stdio_process *stdio_process_new(struct connection *connection)
{
    struct driver_worker *worker = connection->worker;
    struct stdio_worker *list = driver_part_of_worker(worker);
    struct stdio_process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->connection = connection;
    process->target = worker->target->driver_data;
    process->loop = worker->loop;
    process->timer.fired = stdio_process_greeting_timeout;
    process->deliver.run = stdio_process_deliver;
    process->finished_tail = &process->finished;
    for (uint16_t i = 0; i < STDIO_SLOTS; i++) {
        process->slots[i].next_free = (uint16_t)(i + 1);
        buffer_init(&process->slots[i].body, STDIO_BODY_LIMIT);
        buffer_init(&process->slots[i].response, STDIO_LINE_LIMIT);
    }
    process->slots[STDIO_SLOTS - 1].next_free = NO_SLOT;
    process->last_free = STDIO_SLOTS - 1;
    process->next = list->processes;
    process->link = &list->processes;
    if (process->next)
        process->next->link = &process->next;
    list->processes = process;
    return process;
}

void stdio_process_free(struct stdio_process *process)
{
    loop_timer_stop(process->loop, &process->timer);
    loop_undefer(process->loop, &process->deliver);
    *process->link = process->next;
    if (process->next)
        process->next->link = process->link;
    for (int i = 0; i < STDIO_SLOTS; i++) {
        buffer_free(&process->slots[i].body);
        buffer_free(&process->slots[i].response);
    }
    free(process);
}

void stdio_process_fail(struct stdio_process *process, const struct outcome *why, const char *text)
{
    struct connection *connection = process->connection;
    struct stdio_connection *part = driver_part_of_connection(connection);
    child_kill(&process->child);
    process->connection = NULL;
    process->state = STDIO_GONE;
    part->process = NULL;
    connection->reusable = false;
    connection->closed(connection, why, text);
    stdio_process_free(process);
}

/* ---- slots -------------------------------------------------------------------------------------
 */

/* The slot freed longest ago comes first: so what was asked last is remembered longest. */
struct stdio_slot *stdio_slot_take(struct stdio_process *process)
{
    if (process->first_free == NO_SLOT)
        return NULL;
    struct stdio_slot *slot = &process->slots[process->first_free];
    process->first_free = slot->next_free;
    if (process->first_free == NO_SLOT)
        process->last_free = NO_SLOT;
    slot->id = ++process->sequence * STDIO_SLOTS + index_of(process, slot);
    slot->finished = slot->silenced = false;
    buffer_clear(&slot->body);
    buffer_clear(&slot->response);
    return slot;
}

void stdio_slot_release(struct stdio_process *process, struct stdio_slot *slot)
{
    uint16_t index = index_of(process, slot);
    slot->previous_id = slot->id;
    slot->previous_silenced = slot->silenced;
    slot->id = 0;
    slot->call = NULL;
    slot->next_free = NO_SLOT;
    if (slot->body.capacity > STDIO_KEPT_MEMORY)
        buffer_free(&slot->body);
    if (slot->response.capacity > STDIO_KEPT_MEMORY)
        buffer_free(&slot->response);
    if (process->last_free == NO_SLOT)
        process->first_free = index;
    else
        process->slots[process->last_free].next_free = index;
    process->last_free = index;
}

/* The one call that waits for an answer; NULL when there are none or several. */
struct stdio_slot *stdio_slot_only_pending(struct stdio_process *process)
{
    if (process->pending != 1)
        return NULL;
    for (int i = 0; i < STDIO_SLOTS; i++)
        if (process->slots[i].call && !process->slots[i].finished)
            return &process->slots[i];
    return NULL;
}

/* ---- completing --------------------------------------------------------------------------------
 */

void stdio_process_deliver(struct loop_task *task)
{
    struct stdio_process *process = container_of(task, struct stdio_process, deliver);
    struct call *call = process->finished; /* what finishes from here on waits for the next turn */
    process->finished = NULL;
    process->finished_tail = &process->finished;
    while (call) {
        struct stdio_call *part = part_of(call);
        struct call *next = part->next;
        uint16_t index = part->slot;
        call->complete(call); /* may submit anew; its texts lie in the slot until it returns */
        if (index != NO_SLOT)
            stdio_slot_release(process, &process->slots[index]);
        call = next;
    }
}

static void enqueue(struct stdio_process *process, struct call *call)
{
    part_of(call)->next = NULL;
    *process->finished_tail = call;
    process->finished_tail = &part_of(call)->next;
    loop_defer(process->loop, &process->deliver);
}

void stdio_process_finish(struct stdio_process *process, struct stdio_slot *slot,
                          struct outcome outcome, const char *text)
{
    struct call *call = slot->call;
    slot->finished = true;
    process->pending--;
    call->outcome = outcome;
    call->text = text && *text ? text : NULL;
    if (!call->end_ns)
        call->end_ns = clock_now_ns();
    enqueue(process, call);
}

/* It never got as far as the wire. */
static void refuse(struct stdio_process *process, struct stdio_slot *slot, struct call *call,
                   struct outcome outcome, const char *text)
{
    call->outcome = outcome;
    call->text = text;
    call->end_ns = clock_now_ns();
    if (!slot) {
        part_of(call)->slot = NO_SLOT;
        enqueue(process, call);
        return;
    }
    snprintf(stdio_slot_text(process, slot), STDIO_TEXT, "%s", text);
    call->text = stdio_slot_text(process, slot);
    slot->finished = true;
    enqueue(process, call);
}

/* ---- sending -----------------------------------------------------------------------------------
 */

/* When did the last byte of a queued request leave? Found out as the queue moves on. */
void stdio_process_note_sent(struct stdio_process *process)
{
    uint64_t now = 0;
    while (process->unsent_count) {
        const struct stdio_unsent *oldest = &process->unsent[process->unsent_start];
        if (oldest->end > process->child.bytes_written)
            return;
        if (!now)
            now = clock_now_ns();
        struct stdio_slot *slot = &process->slots[oldest->id % STDIO_SLOTS];
        if (slot->id == oldest->id && slot->call && !slot->call->sent_ns)
            slot->call->sent_ns = now;
        process->unsent_start = (process->unsent_start + 1) % STDIO_SLOTS;
        process->unsent_count--;
    }
}

/* With more queued than can be remembered, the answer tells that the request was sent. */
static void await_sent(struct stdio_process *process, struct stdio_slot *slot)
{
    size_t queued = child_input_queued(&process->child);
    if (!queued) {
        if (!slot->call->sent_ns)
            slot->call->sent_ns = clock_now_ns();
        return;
    }
    if (process->unsent_count == STDIO_SLOTS)
        return;
    unsigned last = (process->unsent_start + process->unsent_count++) % STDIO_SLOTS;
    process->unsent[last] = (struct stdio_unsent){slot->id, process->child.bytes_written + queued};
}

int stdio_process_send(struct stdio_process *process, struct stdio_slot *slot,
                       const struct iovec *pieces, int count)
{
    struct call *call = slot->call;
    if (child_write_line(&process->child, pieces, count) < 0)
        return -1;
    call->bytes_sent++;
    for (int i = 0; i < count; i++)
        call->bytes_sent += pieces[i].iov_len;
    call->round_trips++;
    await_sent(process, slot);
    return 0;
}

static void refuse_write(struct stdio_process *process, struct stdio_slot *slot, struct call *call)
{
    size_t queued = child_input_queued(&process->child);
    struct outcome outcome = {.kind = OUTCOME_CONNECTION_RESET,
                              .detail = queued ? "stdin_full" : "stdin_closed"};
    char text[160];
    if (queued)
        snprintf(text, sizeof text,
                 "the server does not read its stdin: %zu bytes wait there, the limit is %d",
                 queued, STDIO_INPUT_LIMIT);
    else
        snprintf(text, sizeof text, "the server has closed its stdin");
    refuse(process, slot, call, outcome, text);
}

void stdio_process_submit(struct stdio_process *process, struct call *call)
{
    const struct mcp_operation *operation = call->operation->driver_data;
    struct stdio_call *part = part_of(call);
    struct stdio_slot *slot = stdio_slot_take(process);
    struct iovec pieces[3];
    char digits[24];
    const char *missing = NULL;
    int count = 0;
    *part = (struct stdio_call){.slot = slot ? index_of(process, slot) : (uint16_t)NO_SLOT};
    call->send_ns = clock_now_ns();
    if (!slot || process->state != STDIO_READY) {
        refuse(process, slot, call,
               (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "not_connected"},
               "the server process is gone, or has too many calls under way");
        return;
    }
    slot->call = call;
    if (mcp_operation_body(operation, call->variant, slot->id, call->context, digits, &slot->body,
                           pieces, &count, &missing) < 0) {
        char text[200];
        snprintf(text, sizeof text, "%s%.150s",
                 missing ? "no value yet for " : "the request is too long", missing ? missing : "");
        refuse(process, slot, call,
               (struct outcome){.kind = OUTCOME_NOT_RUN,
                                .detail = missing ? "missing_value" : "request_too_long"},
               text);
        return;
    }
    if (stdio_process_send(process, slot, pieces, count) < 0) {
        refuse_write(process, slot, call);
        return;
    }
    part->under_way = true;
    process->pending++;
}

void stdio_process_write(struct stdio_process *process, const char *text)
{
    struct iovec piece = {.iov_base = (char *)text, .iov_len = text ? strlen(text) : 0};
    if (text)
        child_write_line(&process->child, &piece, 1);
}

void stdio_process_cancel(struct stdio_process *process, struct call *call,
                          const struct outcome *why)
{
    struct stdio_call *part = part_of(call);
    char text[160];
    if (part->slot == NO_SLOT || process->slots[part->slot].finished)
        return; /* it has ended already, and is about to be completed */
    struct stdio_slot *slot = &process->slots[part->slot];
    snprintf(text, sizeof text,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
             "{\"requestId\":%lld,\"reason\":\"%s\"}}",
             (long long)slot->id, why->kind == OUTCOME_TIMEOUT ? "timeout" : "no longer needed");
    stdio_process_write(process, text);
    slot->silenced = true;
    stdio_process_finish(process, slot, *why, NULL);
}
