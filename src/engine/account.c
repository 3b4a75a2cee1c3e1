/* See account.h. */
#include "engine/account.h"

#include "engine/answer.h"
#include "engine/worker.h"

#include <stdio.h>

static void count_trouble(struct record *record, const struct outcome *outcome, const char *text);
static void count_parts(struct tally *tally, const struct call *call);

void account_waiting(struct slot *slot, struct pool_connection *connection, uint64_t now_ns)
{
    struct tally *tally = &slot->user->target->tally;
    uint64_t waited = now_ns - slot->started_ns;
    if (connection->fresh) {
        const struct connection *made = &connection->connection;
        uint64_t connecting = made->connect_ns + made->tls_ns;
        histogram_record(&tally->parts[PART_CONNECT], made->connect_ns);
        if (made->tls_ns)
            histogram_record(&tally->parts[PART_TLS], made->tls_ns);
        waited = waited > connecting ? waited - connecting : 0;
    }
    connection->fresh = false;
    histogram_record(&tally->parts[PART_POOL], waited);
    if (phase_is_intended(slot->user->target->worker->phase))
        histogram_record(&tally->parts[PART_QUEUE],
                         slot->started_ns > slot->due_ns ? slot->started_ns - slot->due_ns : 0);
}

bool account_operation(struct slot *slot, const struct outcome *given, const char *text,
                       const struct call *call, uint64_t end_ns)
{
    struct worker_target *target = slot->user->target;
    struct worker *worker = target->worker;
    const struct step *step = slot->unit->steps[slot->step].plan;
    const struct operation *operation = slot->operation;
    struct outcome outcome = *given;
    char problem[256];
    if (outcome.kind == OUTCOME_OK && call && answer_is_wanted(step) &&
        !answer_apply(step, call->response, call->response_length, slot->captures,
                      slot->context.capture_count, &outcome, problem, sizeof problem)) {
        text = problem;
    }
    uint64_t base = phase_is_intended(worker->phase) ? slot->due_ns : slot->started_ns;
    uint64_t latency = end_ns > base ? end_ns - base : 0;
    struct measurement *measurement = &target->tally.operations[operation->index];
    uint64_t service = 0;
    if (call) {
        service = call->send_ns && end_ns > call->send_ns ? end_ns - call->send_ns : 0;
        measurement->bytes_sent += call->bytes_sent;
        measurement->bytes_received += call->bytes_received;
        measurement->round_trips += call->round_trips;
        target->record->bytes_sent += call->bytes_sent;
        target->record->bytes_received += call->bytes_received;
        count_parts(&target->tally, call);
    }
    measurement_record(measurement, &outcome, latency, service);
    record_count(target->record, operation->index, outcome.kind, latency);
    if (outcome.kind != OUTCOME_OK)
        count_trouble(target->record, &outcome, text);
    examples_offer(&worker->examples, &target->quotas[operation->index], target->bound->target,
                   target->lane->target_index, worker->phase->phase_index, operation,
                   (uint32_t)slot->occurrence, call, &outcome, text, latency);
    if (end_ns > target->tally.last_end_ns)
        target->tally.last_end_ns = end_ns;
    return outcome.kind != OUTCOME_OK;
}

void account_setup(struct slot *slot, const struct outcome *outcome, const char *text,
                   const struct call *call, uint64_t end_ns)
{
    struct worker_target *target = slot->user->target;
    struct measurement *setup = &target->tally.setup;
    uint64_t latency = end_ns > slot->started_ns ? end_ns - slot->started_ns : 0;
    uint64_t service =
        call && call->send_ns && end_ns > call->send_ns ? end_ns - call->send_ns : latency;
    measurement_record(setup, outcome, latency, service);
    if (call) {
        setup->bytes_sent += call->bytes_sent;
        setup->bytes_received += call->bytes_received;
        setup->round_trips += call->round_trips;
    }
    if (outcome->kind == OUTCOME_OK) {
        target->record->setup_ok++;
        return;
    }
    target->record->setup_failed++;
    count_trouble(target->record, outcome, text);
}

void account_not_run(struct worker_target *target, uint32_t operation, uint64_t latency_ns)
{
    static const struct outcome not_run = {.kind = OUTCOME_NOT_RUN};
    struct measurement *measurement = &target->tally.operations[operation];
    measurement->started++;
    measurement_record(measurement, &not_run, latency_ns, 0);
    target->record->started++;
    record_count(target->record, operation, OUTCOME_NOT_RUN, latency_ns);
}

static void count_trouble(struct record *record, const struct outcome *outcome, const char *text)
{
    switch (outcome->kind) {
    case OUTCOME_DNS:
    case OUTCOME_CONNECT_REFUSED:
    case OUTCOME_CONNECT_TIMEOUT:
    case OUTCOME_CONNECTION_RESET:
    case OUTCOME_TLS:
        record->unreachable++;
        break;
    default:
        break;
    }
    if (!record->trouble[0])
        snprintf(record->trouble, sizeof record->trouble, "%s%s%s",
                 outcome_kind_name(outcome->kind), text ? ": " : "", text ? text : "");
}

static void count_parts(struct tally *tally, const struct call *call)
{
    if (call->thread_wait_ns)
        histogram_record(&tally->parts[PART_THREAD], call->thread_wait_ns);
    if (call->sent_ns && call->sent_ns >= call->send_ns)
        histogram_record(&tally->parts[PART_SEND], call->sent_ns - call->send_ns);
    if (!call->first_byte_ns)
        return;
    if (call->sent_ns)
        histogram_record(&tally->parts[PART_FIRST_BYTE], call->first_byte_ns > call->sent_ns
                                                             ? call->first_byte_ns - call->sent_ns
                                                             : 0);
    if (call->end_ns >= call->first_byte_ns)
        histogram_record(&tally->parts[PART_RECEIVE], call->end_ns - call->first_byte_ns);
}
