/* See bolt_protocol.h. The order of what the server still owes is the whole state: the rest of a
 * failed exchange, then the answer to its RESET, then the next exchange. */
#include "net/bolt_protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_LIMIT = 64 * 1024 * 1024, OUTPUT_LIMIT = 64 * 1024 * 1024 };

static const struct bolt_version newest = {5, 8}, oldest = {4, 4};

static int breach_set(struct bolt_protocol *protocol, struct bolt_breach *breach,
                      enum outcome_kind kind, const char *detail, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ---- handshake ---------------------------------------------------------------------------------
 */

/* Four offers of a version and how many minor ones below it are as welcome. Ranges cannot span
 * major versions. */
static void put_offers(uint8_t offers[16], struct bolt_version highest, struct bolt_version lowest)
{
    unsigned count = 0;
    for (uint8_t major = highest.major; major >= lowest.major && count < 4; major--) {
        uint8_t top = major == highest.major ? highest.minor : newest.minor;
        uint8_t bottom = major == lowest.major ? lowest.minor : 0;
        if (major == oldest.major)
            top = oldest.minor;
        uint8_t offer[4] = {0, (uint8_t)(top - bottom), top, major};
        memcpy(offers + 4 * count++, offer, sizeof offer);
    }
}

int bolt_protocol_init(struct bolt_protocol *protocol, const struct bolt_settings *settings,
                       const struct bolt_protocol_events *events)
{
    uint8_t hello[20] = {0x60, 0x60, 0xB0, 0x17};
    *protocol = (struct bolt_protocol){.settings = settings, .events = events};
    bolt_framing_init(&protocol->framing,
                      settings->message_limit ? settings->message_limit : MESSAGE_LIMIT);
    buffer_init(&protocol->output, OUTPUT_LIMIT);
    put_offers(hello + 4, settings->highest.major ? settings->highest : newest,
               settings->lowest.major ? settings->lowest : oldest);
    return buffer_append(&protocol->output, hello, sizeof hello);
}

void bolt_protocol_free(struct bolt_protocol *protocol)
{
    bolt_framing_free(&protocol->framing);
    buffer_free(&protocol->output);
    protocol->stage = BOLT_BROKEN;
}

static bool is_offered(const struct bolt_settings *settings, struct bolt_version version)
{
    struct bolt_version low = settings->lowest.major ? settings->lowest : oldest;
    struct bolt_version high = settings->highest.major ? settings->highest : newest;
    return bolt_version_at_least(version, low.major, low.minor) &&
           bolt_version_at_least(high, version.major, version.minor) &&
           (version.major != oldest.major || version.minor <= oldest.minor);
}

static int negotiated(struct bolt_protocol *protocol, struct bolt_breach *breach)
{
    const uint8_t *answer = protocol->handshake;
    struct bolt_version version = {answer[3], answer[2]};
    if (memcmp(answer, "HTTP", 4) == 0)
        return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "not_bolt",
                          "an HTTP server answered; Bolt has a port of its own, 7687 by default");
    if (version.major == 0 && version.minor == 0)
        return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "no_common_version",
                          "the server speaks none of the Bolt versions offered (4.4, 5.0 to 5.8, "
                          "or what the options leave of them)");
    if (answer[0] || answer[1] || !is_offered(protocol->settings, version))
        return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "not_bolt",
                          "the server chose a Bolt version that was not offered "
                          "(%02x%02x%02x%02x); is it a Bolt server?",
                          answer[0], answer[1], answer[2], answer[3]);
    const struct bolt_identity *identity = &protocol->settings->identity;
    bool logon = bolt_version_at_least(version, 5, 1);
    protocol->version = version;
    protocol->stage = BOLT_GREETING;
    protocol->due = logon ? 2 : 1;
    if (bolt_put_hello(&protocol->output, version, identity) < 0 ||
        (logon && bolt_put_logon(&protocol->output, identity) < 0))
        return breach_set(protocol, breach, OUTCOME_NOT_RUN, "no_memory", "out of memory");
    return 0;
}

/* ---- messages ----------------------------------------------------------------------------------
 */

static int violation(struct bolt_protocol *protocol, struct bolt_breach *breach,
                     const struct bolt_response *response, const char *when)
{
    const char *name = response->tag == BOLT_SUCCESS   ? "SUCCESS"
                       : response->tag == BOLT_RECORD  ? "RECORD"
                       : response->tag == BOLT_FAILURE ? "FAILURE"
                                                       : "IGNORED";
    return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "unexpected_message",
                      "the server sent %s %s", name, when);
}

static void take_hints(struct bolt_protocol *protocol, const struct bolt_response *response)
{
    struct packstream_value hints;
    struct packstream_reader pairs;
    bolt_map_text(response->parts, response->count, "server", protocol->server,
                  sizeof protocol->server);
    bolt_map_text(response->parts, response->count, "connection_id", protocol->connection_id,
                  sizeof protocol->connection_id);
    if (packstream_find(response->parts, response->count, "hints", &hints, &pairs) != 1 ||
        hints.type != PACKSTREAM_MAP)
        return;
    int64_t seconds = bolt_map_integer(pairs, hints.count, "connection.recv_timeout_seconds", 0);
    if (seconds > 0 && seconds < INT32_MAX)
        protocol->receive_timeout_s = (uint64_t)seconds;
}

static int greeting_message(struct bolt_protocol *protocol, const struct bolt_response *response,
                            struct bolt_breach *breach)
{
    if (response->tag == BOLT_FAILURE) {
        bolt_failure_read(response, &protocol->failure);
        return breach_set(protocol, breach, OUTCOME_SOURCE_ERROR,
                          bolt_failure_reason(protocol->failure.code), "%s: %s",
                          protocol->failure.code, protocol->failure.message);
    }
    if (response->tag != BOLT_SUCCESS)
        return violation(protocol, breach, response, "in answer to HELLO");
    if (!protocol->server[0]) /* HELLO is answered first, LOGON says nothing of itself */
        take_hints(protocol, response);
    if (--protocol->due == 0) {
        protocol->stage = BOLT_READY;
        protocol->events->ready(protocol);
    }
    return 0;
}

static void finish_if_answered(struct bolt_protocol *protocol)
{
    if (protocol->due)
        return;
    bool failed = protocol->failed;
    protocol->failed = false;
    protocol->answered = 0;
    protocol->events->finished(protocol, failed);
}

static int exchange_failed(struct bolt_protocol *protocol, const struct bolt_response *response,
                           struct bolt_breach *breach)
{
    bolt_failure_read(response, &protocol->failure);
    protocol->failed = true;
    protocol->due--;
    protocol->resets++;
    if (bolt_put_bare(&protocol->output, BOLT_RESET) < 0)
        return breach_set(protocol, breach, OUTCOME_NOT_RUN, "no_memory", "out of memory");
    finish_if_answered(protocol);
    return 0;
}

static int exchange_message(struct bolt_protocol *protocol, const struct bolt_response *response,
                            struct bolt_breach *breach)
{
    if (protocol->failed) {
        if (response->tag != BOLT_IGNORED)
            return violation(protocol, breach, response, "after a FAILURE that nobody had reset");
        protocol->due--;
        finish_if_answered(protocol);
        return 0;
    }
    switch (response->tag) {
    case BOLT_RECORD:
        protocol->events->record(protocol, response->parts, response->count);
        return 0;
    case BOLT_SUCCESS:
        protocol->due--;
        protocol->events->success(protocol, protocol->answered++, response->parts, response->count);
        if (protocol->stage == BOLT_READY)
            finish_if_answered(protocol);
        return 0;
    case BOLT_FAILURE:
        return exchange_failed(protocol, response, breach);
    default:
        return violation(protocol, breach, response, "without a FAILURE before it");
    }
}

static int ready_message(struct bolt_protocol *protocol, const struct bolt_response *response,
                         struct bolt_breach *breach)
{
    if (protocol->failed || (protocol->due && !protocol->resets))
        return exchange_message(protocol, response, breach);
    if (!protocol->resets)
        return violation(protocol, breach, response, "that no request asked for");
    if (response->tag != BOLT_SUCCESS)
        return violation(protocol, breach, response, "in answer to RESET");
    protocol->resets--;
    return 0;
}

static int take_message(struct bolt_protocol *protocol, const uint8_t *bytes, size_t length,
                        struct bolt_breach *breach)
{
    struct bolt_response response;
    if (bolt_response_read(bytes, length, &response) < 0)
        return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "malformed_message",
                          "a message of %zu bytes is no Bolt response", length);
    return protocol->stage == BOLT_GREETING ? greeting_message(protocol, &response, breach)
                                            : ready_message(protocol, &response, breach);
}

int bolt_protocol_feed(struct bolt_protocol *protocol, const void *bytes, size_t length,
                       struct bolt_breach *breach)
{
    const uint8_t *cursor = bytes, *end = cursor + length;
    while (protocol->stage == BOLT_NEGOTIATING && cursor < end) {
        protocol->handshake[protocol->handshake_length++] = *cursor++;
        if (protocol->handshake_length == sizeof protocol->handshake &&
            negotiated(protocol, breach) < 0)
            return -1;
    }
    while (protocol->stage != BOLT_BROKEN) {
        const uint8_t *message;
        size_t message_length;
        enum bolt_framing_result result =
            bolt_framing_feed(&protocol->framing, &cursor, end, &message, &message_length);
        if (result == BOLT_MORE)
            return 0;
        if (result == BOLT_TOO_LARGE)
            return breach_set(protocol, breach, OUTCOME_PROTOCOL_VIOLATION, "message_too_large",
                              "a message of the server is longer than the %zu bytes allowed",
                              protocol->framing.held.limit);
        if (take_message(protocol, message, message_length, breach) < 0)
            return -1;
    }
    return 0;
}

void bolt_protocol_expect(struct bolt_protocol *protocol, unsigned requests)
{
    protocol->due += requests;
}

static int breach_set(struct bolt_protocol *protocol, struct bolt_breach *breach,
                      enum outcome_kind kind, const char *detail, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    breach->outcome = (struct outcome){.kind = kind, .detail = detail};
    vsnprintf(breach->text, sizeof breach->text, format, arguments);
    va_end(arguments);
    protocol->stage = BOLT_BROKEN;
    return -1;
}
