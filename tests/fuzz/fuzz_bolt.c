/* The Bolt conversation: whatever a server says, and however it is cut, the same events come of it,
 * and each exchange ends once at most. Input: one byte that places the cuts, one for the exchanges,
 * the server's bytes. */
#include "base/loop.h"
#include "net/bolt_protocol.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_LIMIT = 4096, EVENTS = 4096 };

struct talk {
    struct bolt_protocol protocol;
    struct bolt_breach breach;
    unsigned exchanges; /* still to be begun */
    unsigned begun, ended;
    unsigned char events[EVENTS];
    size_t event_count;
    int result;
};

static struct talk *talk_of(struct bolt_protocol *protocol)
{
    return container_of(protocol, struct talk, protocol);
}

static void note(struct talk *talk, unsigned char event)
{
    if (talk->event_count < EVENTS)
        talk->events[talk->event_count++] = event;
}

static void ask(struct talk *talk)
{
    if (talk->exchanges == 0)
        return;
    talk->exchanges--;
    talk->begun++;
    if (bolt_put_run(&talk->protocol.output, "RETURN 1", 8, NULL, 0, NULL, 0) < 0 ||
        bolt_put_pull(&talk->protocol.output, BOLT_PULL, -1, -1) < 0)
        abort();
    bolt_protocol_expect(&talk->protocol, 2);
}

static void on_ready(struct bolt_protocol *protocol)
{
    note(talk_of(protocol), 'r');
    ask(talk_of(protocol));
}

static void on_record(struct bolt_protocol *protocol, struct packstream_reader values, size_t count)
{
    note(talk_of(protocol), 'v');
    for (; count; count--) /* what is handed out is well formed */
        if (packstream_skip(&values) < 0)
            abort();
    if (values.at != values.end)
        abort();
}

static void on_success(struct bolt_protocol *protocol, unsigned request,
                       struct packstream_reader pairs, size_t count)
{
    note(talk_of(protocol), (unsigned char)('0' + request % 10));
    if (bolt_map_true(pairs, count, "has_more")) {
        if (bolt_put_pull(&protocol->output, BOLT_PULL, 1, -1) < 0)
            abort();
        bolt_protocol_expect(protocol, 1);
    }
}

static void on_finished(struct bolt_protocol *protocol, bool failed)
{
    struct talk *talk = talk_of(protocol);
    note(talk, failed ? 'x' : 'f');
    if (++talk->ended > talk->begun || protocol->due)
        abort();
    if (failed && (strlen(protocol->failure.code) >= sizeof protocol->failure.code ||
                   !bolt_failure_reason(protocol->failure.code)))
        abort();
    ask(talk);
}

static const struct bolt_protocol_events events = {
    .ready = on_ready, .record = on_record, .success = on_success, .finished = on_finished};

static const struct bolt_settings settings = {.identity = {.user_agent = "fuzz/1",
                                                           .authentication = BOLT_AUTH_BASIC,
                                                           .principal = "a",
                                                           .credentials = "b"},
                                              .message_limit = MESSAGE_LIMIT};

static void converse(struct talk *talk, const uint8_t *bytes, size_t size, size_t step,
                     unsigned exchanges)
{
    memset(talk, 0, sizeof *talk);
    talk->exchanges = exchanges;
    if (bolt_protocol_init(&talk->protocol, &settings, &events) < 0)
        abort();
    for (size_t at = 0; at < size && talk->result == 0; at += step) {
        size_t length = size - at < step ? size - at : step;
        uint8_t *copy = malloc(length);
        if (!copy)
            abort();
        memcpy(copy, bytes + at, length);
        talk->result = bolt_protocol_feed(&talk->protocol, copy, length, &talk->breach);
        free(copy);
    }
    if (talk->result < 0 && (talk->protocol.stage != BOLT_BROKEN || !talk->breach.outcome.detail))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk whole, cut;
    if (size < 2)
        return 0;
    size_t step = (size_t)data[0] + 1;
    unsigned exchanges = data[1] % 8;
    converse(&whole, data + 2, size - 2, size, exchanges);
    converse(&cut, data + 2, size - 2, step, exchanges);
    if (whole.result != cut.result || whole.event_count != cut.event_count ||
        memcmp(whole.events, cut.events, whole.event_count) != 0 ||
        whole.protocol.due != cut.protocol.due || whole.protocol.resets != cut.protocol.resets ||
        buffer_length(&whole.protocol.output) != buffer_length(&cut.protocol.output))
        abort();
    if (whole.result < 0 && strcmp(whole.breach.outcome.detail, cut.breach.outcome.detail) != 0)
        abort();
    bolt_protocol_free(&whole.protocol);
    bolt_protocol_free(&cut.protocol);
    return 0;
}
