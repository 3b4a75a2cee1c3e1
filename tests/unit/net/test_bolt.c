/* Bolt: chunks, the conversation in every cut, what a server may do wrong, and the connection that
 * carries it. */
#include "net/bolt_connection.h"
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the conversation without a socket ---------------------------------------------------------
 */

struct talk {
    struct bolt_protocol protocol;
    struct bolt_settings settings;
    struct bolt_breach breach;
    char events[1024]; /* what happened, a letter each: see below */
    unsigned again;    /* exchanges to begin from inside `finished` */
};

static struct talk *talk_of(struct bolt_protocol *protocol)
{
    return container_of(protocol, struct talk, protocol);
}

static void note(struct talk *talk, const char *event)
{
    assert_true(strlen(talk->events) + strlen(event) < sizeof talk->events);
    strcat(talk->events, event);
}

static void on_ready(struct bolt_protocol *protocol)
{
    note(talk_of(protocol), "ready ");
}

static void on_record(struct bolt_protocol *protocol, struct packstream_reader values, size_t count)
{
    char text[64];
    struct packstream_value value = {.type = PACKSTREAM_NULL};
    assert_int_equal(packstream_read(&values, &value), 0);
    snprintf(text, sizeof text, "record%zu:%lld ", count, (long long)value.integer);
    note(talk_of(protocol), text);
}

static void on_success(struct bolt_protocol *protocol, unsigned request,
                       struct packstream_reader pairs, size_t count)
{
    char text[64];
    struct talk *talk = talk_of(protocol);
    snprintf(text, sizeof text, "success%u ", request);
    note(talk, text);
    if (bolt_map_true(pairs, count, "has_more")) {
        bolt_put_pull(&protocol->output, BOLT_PULL, 10, -1);
        bolt_protocol_expect(protocol, 1);
    }
}

static void ask(struct talk *talk)
{
    bolt_put_run(&talk->protocol.output, "RETURN 1", 8, NULL, 0, NULL, 0);
    bolt_put_pull(&talk->protocol.output, BOLT_PULL, -1, -1);
    bolt_protocol_expect(&talk->protocol, 2);
}

static void on_finished(struct bolt_protocol *protocol, bool failed)
{
    struct talk *talk = talk_of(protocol);
    note(talk, failed ? "failed " : "finished ");
    if (talk->again) {
        talk->again--;
        ask(talk);
    }
}

static const struct bolt_protocol_events talk_events = {
    .ready = on_ready, .record = on_record, .success = on_success, .finished = on_finished};

static void talk_begin(struct talk *talk)
{
    struct bolt_settings settings = talk->settings;
    memset(talk, 0, sizeof *talk);
    talk->settings = settings;
    if (!talk->settings.identity.user_agent)
        talk->settings.identity = (struct bolt_identity){.user_agent = "test/1",
                                                         .authentication = BOLT_AUTH_BASIC,
                                                         .principal = "neo4j",
                                                         .credentials = "secret"};
    assert_int_equal(bolt_protocol_init(&talk->protocol, &talk->settings, &talk_events), 0);
}

static void expect_output(struct talk *talk, const void *bytes, size_t length)
{
    struct buffer *output = &talk->protocol.output;
    assert_int_equal(buffer_length(output), length);
    assert_memory_equal(buffer_bytes(output), bytes, length);
    buffer_clear(output);
}
#define EXPECT_OUTPUT(talk, text) expect_output(talk, text, sizeof(text) - 1)

static int feed(struct talk *talk, const void *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1); /* so that a read beyond is seen */
    memcpy(copy, bytes, length);
    int result = bolt_protocol_feed(&talk->protocol, copy, length, &talk->breach);
    free(copy);
    return result;
}
#define FEED(talk, text) feed(talk, text, sizeof(text) - 1)

#define VERSION_58 "\x00\x00\x08\x05"
#define SUCCESS    "\x00\x03\xB1\x70\xA0\x00\x00"
#define IGNORED    "\x00\x02\xB0\x7E\x00\x00"
#define FAILURE                                                                                    \
    "\x00\x1F\xB1\x7F\xA2\x84"                                                                     \
    "code\x8CNeo.X.Y.Zzzz\x87message\x81m\x00\x00"
#define RECORD(n) "\x00\x04\xB1\x71\x91" n "\x00\x00"
#define HAS_MORE  "\x00\x0D\xB1\x70\xA1\x88has_more\xC3\x00\x00"
#define NOOP      "\x00\x00"
#define RESET     "\x00\x02\xB0\x0F\x00\x00"
#define GOODBYE   "\x00\x02\xB0\x02\x00\x00"

static void talk_ready(struct talk *talk)
{
    talk_begin(talk);
    assert_int_equal(FEED(talk, VERSION_58 SUCCESS SUCCESS), 0);
    assert_string_equal(talk->events, "ready ");
    talk->events[0] = 0;
    buffer_clear(&talk->protocol.output);
}

static void expect_breach(struct talk *talk, enum outcome_kind kind, const char *detail)
{
    assert_int_equal(talk->breach.outcome.kind, kind);
    assert_string_equal(talk->breach.outcome.detail, detail);
    assert_int_equal(talk->protocol.stage, BOLT_BROKEN);
    assert_true(strlen(talk->breach.text) > 10);
    bolt_protocol_free(&talk->protocol);
}

static void versions_are_offered_in_ranges(void **state)
{
    (void)state;
    static const struct {
        struct bolt_version highest, lowest;
        uint8_t offers[16];
    } cases[] = {
        {{0, 0}, {0, 0}, {0, 8, 8, 5, 0, 0, 4, 4}},
        {{5, 4}, {0, 0}, {0, 4, 4, 5, 0, 0, 4, 4}},
        {{5, 4}, {5, 1}, {0, 3, 4, 5}},
        {{4, 4}, {0, 0}, {0, 0, 4, 4}},
        {{5, 0}, {5, 0}, {0, 0, 0, 5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk talk = {.settings = {.highest = cases[i].highest, .lowest = cases[i].lowest}};
        talk_begin(&talk);
        assert_int_equal(buffer_length(&talk.protocol.output), 20);
        assert_memory_equal(buffer_bytes(&talk.protocol.output), "\x60\x60\xB0\x17", 4);
        assert_memory_equal(buffer_bytes(&talk.protocol.output) + 4, cases[i].offers, 16);
        bolt_protocol_free(&talk.protocol);
    }
}

static void greeting_by_version(void **state)
{
    (void)state;
    struct talk talk = {0};
    talk_begin(&talk);
    buffer_clear(&talk.protocol.output);
    assert_int_equal(FEED(&talk, "\x00\x00\x04\x04"), 0);
    EXPECT_OUTPUT(&talk, "\x00\x45\xB1\x01\xA4\x8Auser_agent\x86test/1\x86scheme\x85"
                         "basic\x89principal\x85"
                         "neo4j\x8B"
                         "credentials\x86secret\x00\x00");
    assert_int_equal(FEED(&talk, SUCCESS), 0);
    assert_string_equal(talk.events, "ready ");
    bolt_protocol_free(&talk.protocol);

    talk_begin(&talk);
    buffer_clear(&talk.protocol.output);
    assert_int_equal(FEED(&talk, "\x00\x00\x01\x05"), 0);
    EXPECT_OUTPUT(&talk, "\x00\x15\xB1\x01\xA1\x8Auser_agent\x86test/1\x00\x00"
                         "\x00\x33\xB1\x6A\xA3\x86scheme\x85"
                         "basic\x89principal\x85neo4j\x8B"
                         "credentials\x86secret\x00\x00");
    assert_int_equal(FEED(&talk, SUCCESS), 0);
    assert_string_equal(talk.events, ""); /* LOGON is not answered yet */
    assert_int_equal(FEED(&talk, SUCCESS), 0);
    assert_string_equal(talk.events, "ready ");
    bolt_protocol_free(&talk.protocol);

    talk.settings.identity = (struct bolt_identity){
        .user_agent = "test/1", .authentication = BOLT_AUTH_BEARER, .credentials = "T"};
    talk_begin(&talk);
    buffer_clear(&talk.protocol.output);
    assert_int_equal(FEED(&talk, VERSION_58), 0);
    EXPECT_OUTPUT(&talk, "\x00\x30\xB1\x01\xA2\x8Auser_agent\x86test/1\x8A"
                         "bolt_agent\xA1\x87product\x86test/1"
                         "\x00\x00\x00\x1F\xB1\x6A\xA2\x86scheme\x86"
                         "bearer\x8B"
                         "credentials\x81T\x00\x00");
    bolt_protocol_free(&talk.protocol);
}

static void what_the_server_says_of_itself(void **state)
{
    (void)state;
    struct talk talk = {0};
    struct buffer hello;
    size_t position;
    buffer_init(&hello, 1024);
    buffer_append(&hello, VERSION_58, 4);
    bolt_message_begin(&hello, &position);
    packstream_put_structure(&hello, BOLT_SUCCESS, 1);
    packstream_put_map(&hello, 3);
    packstream_put_text(&hello, "server");
    packstream_put_text(&hello, "Neo4j/5.26.0");
    packstream_put_text(&hello, "hints");
    packstream_put_map(&hello, 2);
    packstream_put_text(&hello, "telemetry.enabled");
    packstream_put_boolean(&hello, true);
    packstream_put_text(&hello, "connection.recv_timeout_seconds");
    packstream_put_integer(&hello, 120);
    packstream_put_text(&hello, "connection_id");
    packstream_put_text(&hello, "bolt-7");
    bolt_message_end(&hello, position);
    talk_begin(&talk);
    assert_int_equal(feed(&talk, buffer_bytes(&hello), buffer_length(&hello)), 0);
    assert_int_equal(FEED(&talk, SUCCESS), 0);
    assert_string_equal(talk.protocol.server, "Neo4j/5.26.0");
    assert_string_equal(talk.protocol.connection_id, "bolt-7");
    assert_int_equal(talk.protocol.receive_timeout_s, 120);
    buffer_free(&hello);
    bolt_protocol_free(&talk.protocol);
}

static void handshakes_that_fail(void **state)
{
    (void)state;
    struct talk talk = {0};
    talk_begin(&talk);
    assert_int_equal(FEED(&talk, "HTTP/1.1 400 Bad Request\r\n"), -1);
    expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, "not_bolt");
    talk_begin(&talk);
    assert_int_equal(FEED(&talk, "\x00\x00\x00\x00"), -1);
    expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, "no_common_version");
    static const char *const wrong[] = {"\x00\x00\x00\x03", "\x00\x00\x09\x05", "\x00\x00\x03\x04",
                                        "\x01\x00\x08\x05", "\x00\x00\x00\x06", "\x15\x03\x03\x00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        talk_begin(&talk);
        assert_int_equal(feed(&talk, wrong[i], 4), -1);
        expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, "not_bolt");
    }
    talk_begin(&talk);
    assert_int_equal(FEED(&talk, VERSION_58 SUCCESS "\x00\x2F\xB1\x7F\xA2\x84"
                                                    "code\xD0\x25"
                                                    "Neo.ClientError.Security.Unauthorized"
                                                    "\x00\x00"),
                     -1); /* two pairs promised, one there */
    expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, "malformed_message");
    talk_begin(&talk);
    assert_int_equal(FEED(&talk, VERSION_58 SUCCESS "\x00\x2F\xB1\x7F\xA1\x84"
                                                    "code\xD0\x25"
                                                    "Neo.ClientError.Security.Unauthorized"
                                                    "\x00\x00"),
                     -1);
    assert_string_equal(talk.protocol.failure.code, "Neo.ClientError.Security.Unauthorized");
    expect_breach(&talk, OUTCOME_SOURCE_ERROR, "auth");
}

static void an_exchange_in_every_cut(void **state)
{
    (void)state;
    static const char answer[] = NOOP SUCCESS NOOP RECORD("\x01") RECORD("\x02") HAS_MORE NOOP
        "\x00\x01\xB1\x00\x03\x71\x91\x03\x00\x00" /* a record in two chunks */
        SUCCESS;
    for (size_t cut = 0; cut <= sizeof answer - 1; cut++) {
        struct talk talk = {0};
        talk_ready(&talk);
        ask(&talk);
        assert_int_equal(feed(&talk, answer, cut), 0);
        assert_int_equal(feed(&talk, answer + cut, sizeof answer - 1 - cut), 0);
        assert_string_equal(talk.events,
                            "success0 record1:1 record1:2 success1 record1:3 success2 finished ");
        assert_false(bolt_protocol_busy(&talk.protocol));
        bolt_protocol_free(&talk.protocol);
    }
    struct talk talk = {0};
    talk_ready(&talk);
    ask(&talk);
    for (size_t i = 0; i < sizeof answer - 1; i++)
        assert_int_equal(feed(&talk, answer + i, 1), 0);
    assert_string_equal(talk.events,
                        "success0 record1:1 record1:2 success1 record1:3 success2 finished ");
    bolt_protocol_free(&talk.protocol);
}

static void a_failure_is_reset(void **state)
{
    (void)state;
    struct talk talk = {0};
    talk_ready(&talk);
    ask(&talk);
    buffer_clear(&talk.protocol.output);
    assert_int_equal(FEED(&talk, FAILURE), 0);
    assert_string_equal(talk.events, "");
    EXPECT_OUTPUT(&talk, RESET);
    assert_int_equal(FEED(&talk, IGNORED), 0);
    assert_string_equal(talk.events, "failed ");
    assert_string_equal(talk.protocol.failure.code, "Neo.X.Y.Zzzz");
    assert_string_equal(talk.protocol.failure.message, "m");
    ask(&talk); /* before the RESET is answered */
    assert_int_equal(FEED(&talk, SUCCESS SUCCESS RECORD("\x05") SUCCESS), 0);
    assert_string_equal(talk.events, "failed success0 record1:5 success1 finished ");
    bolt_protocol_free(&talk.protocol);

    talk_ready(&talk); /* the last request fails; the next exchange begins from inside */
    talk.again = 1;
    ask(&talk);
    buffer_clear(&talk.protocol.output);
    assert_int_equal(FEED(&talk, SUCCESS RECORD("\x01") FAILURE), 0);
    assert_memory_equal(buffer_bytes(&talk.protocol.output), RESET, sizeof RESET - 1);
    assert_int_equal(FEED(&talk, SUCCESS SUCCESS SUCCESS), 0);
    assert_string_equal(talk.events, "success0 record1:1 failed success0 success1 finished ");
    bolt_protocol_free(&talk.protocol);
}

static void answers_out_of_place(void **state)
{
    (void)state;
    static const struct {
        bool asked;
        const char *bytes;
        size_t length;
        const char *detail;
    } cases[] = {
#define CASE(asked, text, detail) {asked, text, sizeof(text) - 1, detail}
        CASE(false, SUCCESS, "unexpected_message"),
        CASE(false, RECORD("\x01"), "unexpected_message"),
        CASE(true, IGNORED, "unexpected_message"),
        CASE(true, FAILURE SUCCESS, "unexpected_message"),
        CASE(true, FAILURE RECORD("\x01"), "unexpected_message"),
        CASE(true, FAILURE FAILURE, "unexpected_message"),
        CASE(true, FAILURE IGNORED IGNORED, "unexpected_message"),
        CASE(true, SUCCESS SUCCESS SUCCESS, "unexpected_message"),
        CASE(true, "\x00\x01\xC0\x00\x00", "malformed_message"),
        CASE(true, "\x00\x03\xB1\x70\xC0\x00\x00", "malformed_message"),
        CASE(true, "\x00\x03\xB1\x71\xA0\x00\x00", "malformed_message"),
        CASE(true, "\x00\x03\xB1\x72\xA0\x00\x00", "malformed_message"),
        CASE(true, "\x00\x04\xB1\x70\xA0\x00\x00\x00", "malformed_message"),
        CASE(true, "\x00\x02\xB0\x70\x00\x00", "malformed_message"),
        CASE(true, "\x00\x02\xB1\x70\x00\x00", "malformed_message"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk talk = {0};
        talk_ready(&talk);
        if (cases[i].asked)
            ask(&talk);
        assert_int_equal(feed(&talk, cases[i].bytes, cases[i].length), -1);
        expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, cases[i].detail);
    }
    struct talk talk = {.settings = {.message_limit = 16}};
    talk_ready(&talk);
    ask(&talk);
    assert_int_equal(FEED(&talk, "\x00\x11\xB1\x70\xA1\x81"
                                 "a\x8C"
                                 "0123456789ab\x00"),
                     -1);
    expect_breach(&talk, OUTCOME_PROTOCOL_VIOLATION, "message_too_large");
}

/* Messages of any size come out of the framing as they went in. */
static void long_messages_are_cut_into_chunks(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65534, 65535, 65536, 131070, 131071, 200000};
    static char bytes[200000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer framed;
        size_t position, length = 0;
        buffer_init(&framed, 1 << 20);
        buffer_append_text(&framed, "x");
        assert_int_equal(bolt_message_begin(&framed, &position), 0);
        if (sizes[i])
            assert_int_equal(buffer_append(&framed, bytes, sizes[i]), 0);
        assert_int_equal(bolt_message_end(&framed, position), 0);
        struct bolt_framing framing;
        bolt_framing_init(&framing, 1 << 20);
        const uint8_t *cursor = (const uint8_t *)buffer_bytes(&framed) + 1, *message;
        const uint8_t *end = (const uint8_t *)buffer_bytes(&framed) + buffer_length(&framed);
        enum bolt_framing_result result =
            bolt_framing_feed(&framing, &cursor, end, &message, &length);
        assert_ptr_equal(cursor, end);
        if (sizes[i] == 0) { /* which is a noop */
            assert_int_equal(result, BOLT_MORE);
        } else {
            assert_int_equal(result, BOLT_MESSAGE);
            assert_int_equal(length, sizes[i]);
            assert_memory_equal(message, bytes, length);
        }
        bolt_framing_free(&framing);
        buffer_free(&framed);
    }
}

static void requests_as_bytes(void **state)
{
    (void)state;
    struct buffer output, parameters, scope;
    buffer_init(&output, 1024);
    buffer_init(&parameters, 1024);
    buffer_init(&scope, 1024);
    struct bolt_scope where = {.database = "d", .read = true, .timeout_ms = 5};
    packstream_put_map(&parameters, 1);
    packstream_put_text(&parameters, "x");
    packstream_put_integer(&parameters, 1);
    assert_int_equal(bolt_put_scope(&scope, &where), 0);
    bolt_put_run(&output, "RETURN $x", 9, buffer_bytes(&parameters), buffer_length(&parameters),
                 buffer_bytes(&scope), buffer_length(&scope));
#define SCOPE                                                                                      \
    "\xA3\x82"                                                                                     \
    "db\x81"                                                                                       \
    "d\x84"                                                                                        \
    "mode\x81r\x8Atx_timeout\x05"
    static const char run[] = "\x00\x29\xB3\x10\x89RETURN $x\xA1\x81x\x01" SCOPE "\x00\x00";
    assert_int_equal(buffer_length(&output), sizeof run - 1);
    assert_memory_equal(buffer_bytes(&output), run, sizeof run - 1);
    buffer_clear(&output);
    bolt_put_begin(&output, &where);
    static const char begin[] = "\x00\x1B\xB1\x11" SCOPE "\x00\x00";
    assert_int_equal(buffer_length(&output), sizeof begin - 1);
    assert_memory_equal(buffer_bytes(&output), begin, sizeof begin - 1);
    buffer_clear(&output);
    bolt_put_pull(&output, BOLT_PULL, 1000, 3);
    bolt_put_pull(&output, BOLT_DISCARD, -1, -1);
    bolt_put_bare(&output, BOLT_COMMIT);
    static const char rest[] = "\x00\x0D\xB1\x3F\xA2\x81n\xC9\x03\xE8\x83qid\x03\x00\x00"
                               "\x00\x06\xB1\x2F\xA1\x81n\xFF\x00\x00"
                               "\x00\x02\xB0\x12\x00\x00";
    assert_int_equal(buffer_length(&output), sizeof rest - 1);
    assert_memory_equal(buffer_bytes(&output), rest, sizeof rest - 1);
    struct buffer small;
    buffer_init(&small, 10);
    buffer_append_text(&small, "ab");
    assert_int_equal(bolt_put_begin(&small, &where), -1);
    assert_int_equal(buffer_length(&small), 2);
    buffer_free(&small);
    buffer_free(&output);
    buffer_free(&parameters);
    buffer_free(&scope);
}

static void reasons_of_failures(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Neo.ClientError.Security.Unauthorized", "auth"},
        {"Neo.ClientError.Security.AuthenticationRateLimit", "auth"},
        {"Neo.ClientError.Security.Forbidden", "forbidden"},
        {"Neo.ClientError.Statement.SyntaxError", "syntax"},
        {"Neo.ClientError.Schema.ConstraintValidationFailed", "constraint"},
        {"Neo.TransientError.Transaction.DeadlockDetected", "deadlock"},
        {"Neo.TransientError.Whatever.Else", "transient"},
        {"Neo.ClientError.Whatever.Else", "client_error"},
        {"Neo.DatabaseError.General.UnknownError", "database_error"},
        {"", "server_error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(bolt_failure_reason(cases[i][0]), cases[i][1]);
}

/* ---- on a socket -------------------------------------------------------------------------------
 */

struct wire {
    struct bolt_connection connection;
    struct bolt_endpoint endpoint;
    struct loop loop;
    int listener, fd;
    int opened, closed, finished, records;
    struct outcome finished_why, closed_why;
    char order[64], text[800];
    bool close_when_finished;
};

static struct wire *wire_of(struct bolt_connection *connection)
{
    return container_of(connection, struct wire, connection);
}

static void wire_opened(struct bolt_connection *connection)
{
    wire_of(connection)->opened++;
}

static void wire_record(struct bolt_connection *connection, struct packstream_reader values,
                        size_t count)
{
    (void)values;
    (void)count;
    wire_of(connection)->records++;
}

static void wire_finished(struct bolt_connection *connection, const struct outcome *why,
                          const char *text)
{
    struct wire *wire = wire_of(connection);
    wire->finished++;
    wire->finished_why = *why;
    strcat(wire->order, "finished ");
    snprintf(wire->text, sizeof wire->text, "%s", text ? text : "");
    if (wire->close_when_finished)
        bolt_connection_close(connection);
}

static void wire_closed(struct bolt_connection *connection, const struct outcome *why,
                        const char *text)
{
    struct wire *wire = wire_of(connection);
    wire->closed++;
    wire->closed_why = *why;
    strcat(wire->order, "closed ");
    snprintf(wire->text, sizeof wire->text, "%s", text);
}

static const struct bolt_connection_events wire_events = {
    .opened = wire_opened, .record = wire_record, .finished = wire_finished, .closed = wire_closed};

static void wire_connect(struct wire *wire, uint64_t timeout_ns)
{
    char url[64], handshake[20];
    unsigned short port;
    struct error error;
    *wire = (struct wire){.listener = peer_listen(&port)};
    snprintf(url, sizeof url, "bolt://neo4j:secret@127.0.0.1:%u", port);
    assert_int_equal(bolt_endpoint_open(&wire->endpoint, url, NULL, NULL, NULL, &error), 0);
    if (timeout_ns)
        wire->endpoint.connect_timeout_ns = timeout_ns;
    assert_int_equal(loop_open(&wire->loop, &error), 0);
    bolt_connection_open(&wire->connection, &wire->loop, &wire->endpoint, &wire_events);
    wire->fd = peer_accept(wire->listener);
    peer_settle(&wire->loop);
    assert_int_equal(recv(wire->fd, handshake, sizeof handshake, MSG_WAITALL), 20);
}

static void wire_close(struct wire *wire)
{
    bolt_connection_close(&wire->connection);
    loop_close(&wire->loop);
    bolt_endpoint_close(&wire->endpoint);
    close(wire->fd);
    close(wire->listener);
}

static void drain(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void wire_open_with(struct wire *wire, const char *hello, size_t length)
{
    wire_connect(wire, 0);
    peer_send(wire->fd, VERSION_58, 4);
    peer_send(wire->fd, hello, length);
    peer_send(wire->fd, SUCCESS, sizeof SUCCESS - 1);
    RUN_UNTIL(&wire->loop, wire->opened);
    drain(wire->fd);
}

static void wire_open(struct wire *wire)
{
    wire_open_with(wire, SUCCESS, sizeof SUCCESS - 1);
}

static void wire_ask(struct wire *wire, size_t padding)
{
    struct buffer request;
    char *cypher = malloc(padding + 9);
    memset(cypher, ' ', padding + 8);
    memcpy(cypher, "RETURN 1", 8);
    buffer_init(&request, 64 << 20);
    bolt_put_run(&request, cypher, padding + 8, NULL, 0, NULL, 0);
    bolt_put_pull(&request, BOLT_PULL, -1, -1);
    assert_int_equal(bolt_connection_submit(&wire->connection, buffer_bytes(&request),
                                            buffer_length(&request), 2),
                     0);
    buffer_free(&request);
    free(cypher);
}

static void an_exchange_and_its_times(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire);
    uint64_t before = clock_now_ns();
    wire_ask(&wire, 0);
    peer_send(wire.fd, SUCCESS RECORD("\x01") SUCCESS, sizeof(SUCCESS RECORD("\x01") SUCCESS) - 1);
    RUN_UNTIL(&wire.loop, wire.finished);
    const struct bolt_connection *connection = &wire.connection;
    assert_int_equal(wire.finished_why.kind, OUTCOME_OK);
    assert_int_equal(wire.records, 1);
    assert_true(before <= connection->send_ns && connection->send_ns <= connection->sent_ns &&
                connection->sent_ns <= connection->first_byte_ns &&
                connection->first_byte_ns <= connection->end_ns);
    assert_int_equal(connection->bytes_received, 2 * (sizeof SUCCESS - 1) + 8);
    assert_int_equal(connection->bytes_sent, 10 + 17);
    assert_int_equal(connection->round_trips, 1);
    wire_close(&wire);
}

static void a_request_larger_than_the_socket_takes(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    struct wire wire;
    char bytes[65536];
    size_t total = 0;
    wire_open(&wire);
    wire_ask(&wire, SIZE);
    assert_int_equal(wire.connection.sent_ns, 0);
    uint64_t give_up = clock_now_ns() + 10 * NS_PER_S;
    while (total < wire.connection.bytes_sent) {
        ssize_t count = recv(wire.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        total += count > 0 ? (size_t)count : 0;
        peer_settle(&wire.loop);
        assert_true(clock_now_ns() < give_up);
    }
    assert_true(total > SIZE);
    assert_true(wire.connection.sent_ns >= wire.connection.send_ns);
    peer_send(wire.fd, SUCCESS SUCCESS, 2 * (sizeof SUCCESS - 1));
    RUN_UNTIL(&wire.loop, wire.finished);
    assert_int_equal(wire.finished_why.kind, OUTCOME_OK);
    wire_close(&wire);
}

static void servers_that_go_away(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire); /* idle */
    close(wire.fd);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.closed_why.kind, OUTCOME_OK);
    assert_string_equal(wire.order, "closed ");
    wire_close(&wire);

    wire_open(&wire); /* half an answer */
    wire_ask(&wire, 0);
    peer_settle(&wire.loop);
    drain(wire.fd); /* an end, not a reset */
    peer_send(wire.fd, SUCCESS "\x00\x04", sizeof(SUCCESS) + 1);
    shutdown(wire.fd, SHUT_WR);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.finished_why.kind, OUTCOME_CONNECTION_RESET);
    assert_string_equal(wire.finished_why.detail, "closed_before_answer");
    assert_string_equal(wire.order, "finished closed ");
    wire_close(&wire);

    wire_open(&wire); /* reset */
    wire_ask(&wire, 0);
    peer_reset(wire.fd);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.finished_why.kind, OUTCOME_CONNECTION_RESET);
    assert_string_equal(wire.order, "finished closed ");
    wire.fd = -1;
    wire_close(&wire);

    wire_connect(&wire, 0); /* in the handshake */
    shutdown(wire.fd, SHUT_WR);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.closed_why.kind, OUTCOME_CONNECTION_RESET);
    assert_string_equal(wire.closed_why.detail, "closed_in_handshake");
    assert_non_null(strstr(wire.text, "bolt+s"));
    wire_close(&wire);
}

static void a_handshake_that_stalls(void **state)
{
    (void)state;
    struct wire wire;
    wire_connect(&wire, 50 * NS_PER_MS);
    peer_send(wire.fd, VERSION_58, 4);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.closed_why.kind, OUTCOME_CONNECT_TIMEOUT);
    assert_string_equal(wire.closed_why.detail, "bolt_handshake");
    assert_int_equal(wire.opened, 0);
    wire_close(&wire);
}

#define HINT_1S                                                                                    \
    "\x00\x2C\xB1\x70\xA1\x85hints\xA1\xD0\x1F"                                                    \
    "connection.recv_timeout_seconds\x01\x00\x00"

static void a_silent_server_is_gone(void **state)
{
    (void)state;
    struct wire wire;
    wire_open_with(&wire, HINT_1S, sizeof HINT_1S - 1);
    assert_int_equal(wire.connection.protocol.receive_timeout_s, 1);
    wire_ask(&wire, 0);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.finished_why.kind, OUTCOME_CONNECTION_RESET);
    assert_string_equal(wire.finished_why.detail, "receive_timeout");
    wire_close(&wire);
}

/* Noops are a sign of life, and an idle connection needs none. */
static void a_slow_server_that_shows_life(void **state)
{
    (void)state;
    struct wire wire;
    wire_open_with(&wire, HINT_1S, sizeof HINT_1S - 1);
    uint64_t idle_until = clock_now_ns() + 1200 * NS_PER_MS;
    while (clock_now_ns() < idle_until)
        loop_run_once(&wire.loop, idle_until);
    assert_int_equal(wire.closed, 0);
    wire_ask(&wire, 0);
    for (int i = 0; i < 5; i++) {
        uint64_t until = clock_now_ns() + 300 * NS_PER_MS;
        while (clock_now_ns() < until)
            loop_run_once(&wire.loop, until);
        peer_send(wire.fd, NOOP, 2);
    }
    peer_send(wire.fd, SUCCESS SUCCESS, 2 * (sizeof SUCCESS - 1));
    RUN_UNTIL(&wire.loop, wire.finished);
    assert_int_equal(wire.finished_why.kind, OUTCOME_OK);
    assert_int_equal(wire.connection.protocol.framing.noops, 5);
    wire_close(&wire);
}

static void expect_received(int fd, const char *bytes, size_t length)
{
    char received[64];
    ssize_t count = recv(fd, received, sizeof received, MSG_DONTWAIT);
    assert_int_equal(count, length);
    assert_memory_equal(received, bytes, length);
}

static void closing_says_goodbye(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire);
    bolt_connection_close(&wire.connection);
    expect_received(wire.fd, GOODBYE, sizeof GOODBYE - 1);
    assert_true(peer_sees_end(wire.fd));
    wire_close(&wire);

    wire_open(&wire); /* and stops what is under way */
    wire_ask(&wire, 0);
    peer_settle(&wire.loop);
    drain(wire.fd);
    bolt_connection_close(&wire.connection);
    expect_received(wire.fd, RESET GOODBYE, sizeof(RESET GOODBYE) - 1);
    assert_int_equal(wire.finished + wire.closed, 0);
    wire_close(&wire);

    wire_open(&wire); /* from inside a callback */
    wire.close_when_finished = true;
    wire_ask(&wire, 0);
    peer_send(wire.fd, SUCCESS SUCCESS SUCCESS, 3 * (sizeof SUCCESS - 1));
    RUN_UNTIL(&wire.loop, wire.finished);
    assert_string_equal(wire.order, "finished ");
    wire_close(&wire);
}

static void a_violation_ends_exchange_and_connection(void **state)
{
    (void)state;
    struct wire wire;
    wire_open(&wire);
    wire_ask(&wire, 0);
    peer_send(wire.fd, SUCCESS IGNORED, sizeof(SUCCESS IGNORED) - 1);
    RUN_UNTIL(&wire.loop, wire.closed);
    assert_int_equal(wire.finished_why.kind, OUTCOME_PROTOCOL_VIOLATION);
    assert_int_equal(wire.closed_why.kind, OUTCOME_PROTOCOL_VIOLATION);
    assert_string_equal(wire.order, "finished closed ");
    wire_close(&wire);

    wire_open(&wire); /* a failure is no violation: the next exchange works */
    wire_ask(&wire, 0);
    peer_send(wire.fd, FAILURE IGNORED, sizeof(FAILURE IGNORED) - 1);
    RUN_UNTIL(&wire.loop, wire.finished);
    assert_int_equal(wire.finished_why.kind, OUTCOME_SOURCE_ERROR);
    assert_string_equal(wire.text, "Neo.X.Y.Zzzz: m");
    wire_ask(&wire, 0);
    peer_send(wire.fd, SUCCESS SUCCESS SUCCESS, 3 * (sizeof SUCCESS - 1));
    RUN_UNTIL(&wire.loop, wire.finished == 2);
    assert_int_equal(wire.finished_why.kind, OUTCOME_OK);
    assert_true(wire.connection.first_byte_ns >= wire.connection.sent_ns);
    wire_close(&wire);
}

static void urls_and_credentials(void **state)
{
    (void)state;
    struct bolt_endpoint endpoint;
    struct error error;
    assert_true(bolt_url_is_one("bolt://h") && bolt_url_is_one("neo4j+ssc://h") &&
                bolt_url_is_one("BOLT+S://h"));
    assert_false(bolt_url_is_one("http://h") || bolt_url_is_one("bolt+x://h") ||
                 bolt_url_is_one("bolt:h"));
    assert_int_equal(bolt_endpoint_open(&endpoint, "bolt://127.0.0.1", NULL, NULL, NULL, &error),
                     0);
    assert_int_equal(endpoint.url.port, 7687);
    assert_int_equal(endpoint.settings.identity.authentication, BOLT_AUTH_NONE);
    assert_null(endpoint.tls);
    bolt_endpoint_close(&endpoint);
    assert_int_equal(
        bolt_endpoint_open(&endpoint, "neo4j+ssc://u:p%40@127.0.0.1:1", NULL, NULL, NULL, &error),
        0);
    assert_int_equal(endpoint.settings.identity.authentication, BOLT_AUTH_BASIC);
    assert_string_equal(endpoint.settings.identity.credentials, "p@");
    assert_non_null(endpoint.tls);
    bolt_endpoint_close(&endpoint);
    assert_int_equal(bolt_endpoint_open(&endpoint, "bolt://127.0.0.1", "token", NULL, NULL, &error),
                     0);
    assert_int_equal(endpoint.settings.identity.authentication, BOLT_AUTH_BEARER);
    assert_string_equal(endpoint.settings.identity.credentials, "token");
    bolt_endpoint_close(&endpoint);
    assert_int_equal(bolt_endpoint_open(&endpoint, "http://127.0.0.1", NULL, NULL, NULL, &error),
                     -1);
    assert_int_equal(error.code, ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_offered_in_ranges),
        cmocka_unit_test(greeting_by_version),
        cmocka_unit_test(what_the_server_says_of_itself),
        cmocka_unit_test(handshakes_that_fail),
        cmocka_unit_test(an_exchange_in_every_cut),
        cmocka_unit_test(a_failure_is_reset),
        cmocka_unit_test(answers_out_of_place),
        cmocka_unit_test(long_messages_are_cut_into_chunks),
        cmocka_unit_test(requests_as_bytes),
        cmocka_unit_test(reasons_of_failures),
        cmocka_unit_test(an_exchange_and_its_times),
        cmocka_unit_test(a_request_larger_than_the_socket_takes),
        cmocka_unit_test(servers_that_go_away),
        cmocka_unit_test(a_handshake_that_stalls),
        cmocka_unit_test(a_silent_server_is_gone),
        cmocka_unit_test(a_slow_server_that_shows_life),
        cmocka_unit_test(closing_says_goodbye),
        cmocka_unit_test(a_violation_ends_exchange_and_connection),
        cmocka_unit_test(urls_and_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
