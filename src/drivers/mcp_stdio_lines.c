/* What a server process says, see mcp_stdio.h: the greeting, and finding for each line the call it
 * belongs to. */
#include "base/clock.h"
#include "base/log.h"
#include "drivers/mcp_stdio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_QUOTE = 120 };

static void on_line(struct child *child, const char *bytes, size_t length);
static void on_line_too_long(struct child *child);
static void on_exited(struct child *child, int status);

const struct child_events stdio_process_events = {
    .line = on_line, .line_too_long = on_line_too_long, .exited = on_exited};

/* ---- answers -----------------------------------------------------------------------------------
 */

/* What a person is shown of a line: its beginning, in quotes, without what is no plain ASCII. */
static const char *quote(const char *bytes, size_t length, char text[LONGEST_QUOTE + 5])
{
    size_t used = 0;
    if (!length)
        return "";
    text[used++] = ':';
    text[used++] = ' ';
    text[used++] = '"';
    for (size_t i = 0; i < length && i < LONGEST_QUOTE; i++)
        text[used++] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '?';
    text[used++] = '"';
    text[used] = '\0';
    return text;
}

/* Count what belongs to no call. The first of a kind is worth a word. */
static void stray(struct stdio_process *process, enum stdio_stray kind, const char *text,
                  const char *bytes, size_t length)
{
    char quoted[LONGEST_QUOTE + 5];
    if (atomic_fetch_add_explicit(&process->target->strays[kind], 1, memory_order_relaxed) == 0)
        log_warn("stdio server %d: %s, and several calls or none wait for an answer%s",
                 (int)process->child.pid, text, quote(bytes, length, quoted));
}

/* A line that violates the protocol fails the one call that waits, as it must be meant for it; with
 * several waiting, or none, it is counted and fails nobody. */
static void violation(struct stdio_process *process, enum stdio_stray kind, const char *detail,
                      const char *text, const char *bytes, size_t length)
{
    struct stdio_slot *slot = stdio_slot_only_pending(process);
    char quoted[LONGEST_QUOTE + 5];
    if (!slot) {
        stray(process, kind, text, bytes, length);
        return;
    }
    slot->silenced = true; /* its true answer may still come */
    slot->call->bytes_received += length + 1;
    snprintf(stdio_slot_text(process, slot), STDIO_TEXT, "%s%s", text,
             quote(bytes, length, quoted));
    stdio_process_finish(process, slot,
                         (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = detail},
                         stdio_slot_text(process, slot));
}

/* The retry goes out under an id of its own, with the same slot's texts given up. */
static int send_retry(struct stdio_process *process, struct stdio_slot *slot, const json_t *params,
                      struct error *error)
{
    struct call *call = slot->call;
    const struct mcp_operation *operation = call->operation->driver_data;
    const struct mcp_revision *revision = process->target->mcp.revision;
    struct stdio_call *part = driver_part_of_call(call);
    struct stdio_slot *fresh = stdio_slot_take(process);
    struct mcp_request_text text;
    if (!fresh)
        return error_set(error, ERROR_INTERNAL, "no slot is left for the retry");
    fresh->call = call;
    if (mcp_request_text_build(&text, revision, operation->method, params, error) < 0) {
        stdio_slot_release(process, fresh);
        return -1;
    }
    int failed = buffer_append(&fresh->body, text.prefix, text.prefix_length) < 0 ||
                 buffer_append_uint(&fresh->body, (unsigned long long)fresh->id) < 0 ||
                 buffer_append(&fresh->body, text.suffix, text.suffix_length) < 0;
    mcp_request_text_free(&text);
    struct iovec piece = {buffer_bytes(&fresh->body), buffer_length(&fresh->body)};
    if (failed || stdio_process_send(process, fresh, &piece, 1) < 0) {
        stdio_slot_release(process, fresh);
        return error_set(error, ERROR_TARGET, "the retry could not be sent");
    }
    part->slot = (uint16_t)(fresh - process->slots);
    stdio_slot_release(process, slot);
    return 0;
}

/* Answer the server's questions and ask again. -1 with a text when that is not possible. */
static int resolve_input(struct stdio_process *process, struct stdio_slot *slot,
                         const struct jsonrpc_message *message, struct error *error)
{
    struct call *call = slot->call;
    if (++((struct stdio_call *)driver_part_of_call(call))->rounds >= STDIO_ROUNDS)
        return error_set(error, ERROR_TARGET, "the server still asks for input after %d rounds",
                         STDIO_ROUNDS);
    json_t *result =
        json_loadb(message->result.start, message->result.length, JSON_ALLOW_NUL, NULL);
    json_t *params =
        buffer_length(&slot->body)
            ? mcp_operation_sent_params(
                  (struct span){buffer_bytes(&slot->body), buffer_length(&slot->body)})
            : mcp_operation_params(call->operation->driver_data, call->variant, call->context);
    json_t *retry = result && params ? mcp_answer_inputs(params, result, error) : NULL;
    int failed = retry ? send_retry(process, slot, retry, error) : -1;
    if (!result || !params)
        error_set(error, ERROR_TARGET, "the question cannot be read");
    json_decref(retry);
    json_decref(params);
    json_decref(result);
    return failed;
}

static void keep_response(struct stdio_slot *slot, const char *bytes, size_t length)
{
    struct call *call = slot->call;
    if (!call->want_response || buffer_append(&slot->response, bytes, length) < 0)
        return;
    call->response = buffer_bytes(&slot->response);
    call->response_length = length;
}

static void take_answer(struct stdio_process *process, struct stdio_slot *slot,
                        const struct jsonrpc_message *message, const char *bytes, size_t length)
{
    struct call *call = slot->call;
    const struct mcp_operation *operation = call->operation->driver_data;
    char *text = stdio_slot_text(process, slot);
    uint64_t now = clock_now_ns();
    call->bytes_received += length + 1;
    if (!call->first_byte_ns)
        call->first_byte_ns = now;
    if (!call->sent_ns)
        call->sent_ns = now; /* answered before the queue was seen to be empty */
    struct outcome outcome = mcp_answer_judge(message, process->target->mcp.revision,
                                              operation->method, operation->tool, text, STDIO_TEXT);
    if (outcome.kind == OUTCOME_INPUT_REQUIRED) {
        struct error error = {0};
        if (resolve_input(process, slot, message, &error) == 0)
            return;
        snprintf(text, STDIO_TEXT, "%.*s", STDIO_TEXT - 1, error.text);
    }
    call->end_ns = now;
    keep_response(slot, bytes, length);
    stdio_process_finish(process, slot, outcome, text);
}

static void take_duplicate(struct stdio_process *process, struct stdio_slot *slot)
{
    static const char text[] = "the server answered the same request twice";
    struct call *call = slot->call;
    if (slot->silenced)
        return;
    snprintf(stdio_slot_text(process, slot), STDIO_TEXT, "%s", text);
    call->outcome =
        (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "duplicate_answer"};
    call->text = stdio_slot_text(process, slot);
}

static void on_answer(struct stdio_process *process, const struct jsonrpc_message *message,
                      const char *bytes, size_t length)
{
    int64_t id = message->id_is_integer ? message->id_integer : 0;
    struct stdio_slot *slot = id > 0 ? &process->slots[id % STDIO_SLOTS] : NULL;
    bool without_id = !message->has_id || message->id_is_null;
    if (slot && slot->id == id && slot->call) {
        if (slot->finished)
            take_duplicate(process, slot);
        else
            take_answer(process, slot, message, bytes, length);
    } else if (slot && slot->previous_id == id) {
        if (!slot->previous_silenced)
            stray(process, STRAY_DUPLICATE, "a request that was completed is answered again", bytes,
                  length);
    } else if (message->kind == JSONRPC_ERROR && without_id && stdio_slot_only_pending(process)) {
        /* The id could not be read from the request, says the server: there is but one it can be.
         */
        take_answer(process, stdio_slot_only_pending(process), message, bytes, length);
    } else {
        violation(process, STRAY_ID, "wrong_id", "an answer whose id is none of ours", bytes,
                  length);
    }
}

/* ---- the greeting ------------------------------------------------------------------------------
 */

void stdio_process_greet(struct stdio_process *process)
{
    const struct stdio_target *target = process->target;
    char digits[24];
    int64_t id = ++process->sequence * STDIO_SLOTS;
    process->started_ns = clock_now_ns();
    process->slots[0].previous_id = id; /* so that a late answer is known for what it is */
    struct iovec pieces[3] = {
        {target->hello.prefix, target->hello.prefix_length},
        {digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)id)},
        {target->hello.suffix, target->hello.suffix_length}};
    child_write_line(&process->child, pieces, 3); /* if it is gone already, `exited` follows */
    loop_timer_start(process->loop, &process->timer,
                     process->started_ns + target->start_timeout_ns);
}

void stdio_process_greeting_timeout(struct loop_timer *timer)
{
    struct stdio_process *process = container_of(timer, struct stdio_process, timer);
    struct outcome why = {.kind = OUTCOME_CONNECT_TIMEOUT, .detail = "no_answer"};
    snprintf(process->text, sizeof process->text,
             "a new server process did not answer within %.1f s; its stderr ends with: %.300s",
             (double)process->target->start_timeout_ns / (double)NS_PER_S,
             process->child.error_tail);
    stdio_process_fail(process, &why, process->text);
}

/* Does the new process speak what the target spoke when it was opened? */
static bool is_same_revision(const struct stdio_process *process,
                             const struct jsonrpc_message *message)
{
    const struct mcp_revision *revision = process->target->mcp.revision;
    size_t position = 0;
    struct span version = span_member(message->result, "protocolVersion"), element;
    if (revision->era == MCP_ERA_LEGACY)
        return span_is_string(version) && span_string_equals(span_unquote(version), revision->name);
    struct span versions = span_member(message->result, "supportedVersions");
    while (versions.start &&
           jsonrpc_batch_next(versions.start, versions.length, &position, &element))
        if (span_is_string(element) && span_string_equals(span_unquote(element), revision->name))
            return true;
    return false;
}

static void on_greeted(struct stdio_process *process, const struct jsonrpc_message *message)
{
    struct connection *connection = process->connection;
    struct target *target = connection->worker->target;
    const char *revision = process->target->mcp.revision->name;
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "revision_changed"};
    if (message->kind == JSONRPC_RESULT && is_same_revision(process, message)) {
        stdio_process_write(process, process->target->initialized);
        loop_timer_stop(process->loop, &process->timer);
        process->state = STDIO_READY;
        connection->capacity = STDIO_CAPACITY;
        connection->reusable = true;
        connection->connect_ns = clock_now_ns() - process->started_ns;
        pid_t none = 0; /* who watches the target watches the first of its processes */
        __atomic_compare_exchange_n(&target->pid, &none, process->child.pid, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        connection->opened(connection);
        return;
    }
    if (message->kind == JSONRPC_ERROR) {
        char sentence[300];
        span_unescape(message->error_message, sentence, sizeof sentence);
        why = (struct outcome){.kind = OUTCOME_JSONRPC_ERROR, .code = (int32_t)message->error_code};
        snprintf(process->text, sizeof process->text,
                 "a new server process refused MCP %s, which it spoke when the target was opened: "
                 "error %lld: %s",
                 revision, (long long)message->error_code, sentence);
    } else {
        snprintf(process->text, sizeof process->text,
                 "a new server process does not speak MCP %s, which it spoke when the target was "
                 "opened",
                 revision);
    }
    stdio_process_fail(process, &why, process->text);
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static void on_server_request(struct stdio_process *process, const struct jsonrpc_message *message,
                              const char *bytes, size_t length)
{
    if (process->target->mcp.revision->era == MCP_ERA_MODERN) {
        violation(process, STRAY_REQUEST, "server_request",
                  "a request from the server, which this revision does not allow", bytes, length);
        return;
    }
    char *answer = mcp_answer_server_request_text(message);
    stdio_process_write(process, answer);
    free(answer);
}

/* One message. Afterwards the process may be gone: true while it is still of interest. */
static bool on_message(struct stdio_process *process, const struct jsonrpc_message *message,
                       const char *bytes, size_t length)
{
    switch (message->kind) {
    case JSONRPC_RESULT:
    case JSONRPC_ERROR:
        if (process->state == STDIO_GREETING && message->id_is_integer &&
            message->id_integer == process->slots[0].previous_id) {
            on_greeted(process, message);
            return false;
        }
        on_answer(process, message, bytes, length);
        break;
    case JSONRPC_REQUEST:
        on_server_request(process, message, bytes, length);
        break;
    case JSONRPC_NOTIFICATION:
        break;
    case JSONRPC_BATCH:
        violation(process, STRAY_NOISE, "unexpected_batch", "a batch, which this revision has not",
                  bytes, length);
        break;
    case JSONRPC_INVALID:
        violation(process, STRAY_NOISE, "invalid_jsonrpc", message->problem, bytes, length);
        break;
    case JSONRPC_MALFORMED:
        violation(process, STRAY_NOISE, "malformed_json", message->problem, bytes, length);
        break;
    }
    return true;
}

static void on_line(struct child *child, const char *bytes, size_t length)
{
    struct stdio_process *process = container_of(child, struct stdio_process, child);
    struct jsonrpc_message message;
    size_t position = 0;
    struct span element;
    if (process->state == STDIO_GONE || stdio_is_blank(bytes, length))
        return;
    stdio_process_note_sent(process);
    if (jsonrpc_scan(&message, bytes, length) != JSONRPC_BATCH ||
        !process->target->mcp.revision->batches) {
        on_message(process, &message, bytes, length);
        return;
    }
    while (jsonrpc_batch_next(bytes, length, &position, &element)) {
        jsonrpc_scan(&message, element.start, element.length);
        if (!on_message(process, &message, element.start, element.length))
            return;
    }
}

static void on_line_too_long(struct child *child)
{
    struct stdio_process *process = container_of(child, struct stdio_process, child);
    if (process->state != STDIO_GONE)
        violation(process, STRAY_TOO_LONG, "answer_too_long", "a line longer than 64 MiB", "", 0);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void fail_pending(struct stdio_process *process, struct outcome why)
{
    for (int i = 0; i < STDIO_SLOTS; i++) {
        struct stdio_slot *slot = &process->slots[i];
        if (slot->call && slot->id && !slot->finished)
            stdio_process_finish(process, slot, why, process->text);
    }
}

static void on_exited(struct child *child, int status)
{
    struct stdio_process *process = container_of(child, struct stdio_process, child);
    struct outcome why = {.kind = OUTCOME_CONNECTION_RESET, .detail = "child_exited"};
    if (!process->connection) {
        stdio_process_free(process);
        return;
    }
    struct target *target = process->connection->worker->target;
    stdio_describe_exit(child, status, process->text, sizeof process->text);
    process->state = STDIO_GONE;
    process->connection->reusable = false;
    __atomic_store_n(&target->pid, 0, __ATOMIC_RELAXED);
    fail_pending(process, why);
    while (process->finished)
        stdio_process_deliver(&process->deliver);
    stdio_process_fail(process, &why, process->text);
}
