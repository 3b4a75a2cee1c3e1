/* Connections and calls of the Redis driver against a server played by the test: both ends live in
 * one thread, so that the test decides which byte comes when. */
#include "../net/peer.h"
#include "drivers/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct driver redis_driver;

enum { MOST_CALLS = 8 };
#define HELLO_REPLY "%1\r\n+proto\r\n:3\r\n"
#define HELLO       "*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$7\r\nSETNAME\r\n$6\r\ncicada\r\n"

struct world {
    struct loop loop;
    struct target_options options;
    struct target target;
    struct redis_target redis;
    struct driver_worker *worker;
    struct connection *connection;
    struct operation operation;
    struct call *calls[MOST_CALLS];
    int completed[MOST_CALLS];
    struct outcome outcomes[MOST_CALLS];
    char texts[MOST_CALLS][REDIS_TEXT], responses[MOST_CALLS][256], requests[MOST_CALLS][256];
    int listener, fd, opened, closed;
    struct outcome closed_why;
    char closed_text[REDIS_TEXT];
    int resubmit; /* index + 1 of a call that is submitted when another one completes */
};
static struct world world;

static void opened(struct connection *connection)
{
    (void)connection;
    world.opened++;
}

static void closed(struct connection *connection, const struct outcome *why, const char *text)
{
    (void)connection;
    world.closed++;
    world.closed_why = *why;
    snprintf(world.closed_text, sizeof world.closed_text, "%s", text ? text : "");
}

static void submit(int index)
{
    world.completed[index] = 0;
    redis_driver.submit(world.calls[index]);
    assert_int_equal(world.completed[index], 0); /* never from inside */
}

static void complete(struct call *call)
{
    int index = (int)(intptr_t)call->engine_data;
    world.completed[index]++;
    world.outcomes[index] = call->outcome;
    snprintf(world.texts[index], sizeof world.texts[index], "%s", call->text ? call->text : "");
    snprintf(world.responses[index], sizeof world.responses[index], "%.*s",
             (int)call->response_length, call->response ? call->response : "");
    char *request = redis_driver.request_text(call);
    snprintf(world.requests[index], sizeof world.requests[index], "%s", request ? request : "");
    free(request);
    if (world.resubmit) {
        int next = world.resubmit - 1;
        world.resubmit = 0;
        submit(next);
    }
}

static void connect_again(void)
{
    world.opened = world.closed = 0;
    memset(world.connection, 0, sizeof *world.connection + redis_driver.connection_size);
    world.connection->worker = world.worker;
    world.connection->opened = opened;
    world.connection->closed = closed;
    redis_driver.connect(world.connection);
    assert_int_equal(world.opened + world.closed, 0);
    world.fd = peer_accept(world.listener);
}

/* Read what is expected, byte for byte. */
static void expect_sent(const char *expected)
{
    char text[4096];
    size_t length = strlen(expected), have = 0;
    peer_settle(&world.loop);
    while (have < length) {
        ssize_t count = recv(world.fd, text + have, length - have, 0);
        assert_true(count > 0);
        have += (size_t)count;
    }
    assert_memory_equal(text, expected, length);
    assert_int_equal(recv(world.fd, text, 1, MSG_DONTWAIT), -1); /* and nothing else */
}

/* A world with a connection that has said HELLO, and calls that ECHO their number. */
static void make_world(unsigned pipeline, const char *password)
{
    struct error error = {0};
    unsigned short port;
    world = (struct world){0};
    assert_int_equal(loop_open(&world.loop, &error), 0);
    world.listener = peer_listen(&port);
    world.redis.settings = (struct redis_settings){.host = strdup("127.0.0.1"),
                                                   .port = port,
                                                   .pipeline = pipeline,
                                                   .keys = 1,
                                                   .value_size = 1,
                                                   .ttl_ns = NS_PER_S,
                                                   .password = password ? strdup(password) : NULL,
                                                   .prefix = strdup("p:")};
    world.redis.connect_timeout_ns = 5 * NS_PER_S;
    assert_int_equal(stream_address_resolve(&world.redis.address, "127.0.0.1", port, NULL, &error),
                     0);
    world.target = (struct target){
        .driver = &redis_driver, .options = &world.options, .driver_data = &world.redis};
    world.worker = calloc(1, sizeof *world.worker + redis_driver.worker_size);
    *world.worker = (struct driver_worker){.target = &world.target, .loop = &world.loop};
    assert_int_equal(redis_driver.worker_open(world.worker, &error), 0);
    assert_int_equal(redis_defaults_offer(&world.target), 0);
    const struct offer *custom = NULL;
    for (size_t i = 0; i < world.target.offer_count; i++)
        if (strcmp(world.target.offers[i].name, "custom") == 0)
            custom = &world.target.offers[i];
    json_t *arguments = json_loads("{\"command\":[\"ECHO\",\"${iteration}\"]}", 0, NULL);
    struct operation_spec spec = {.offer = custom, .arguments = arguments, .where = "here"};
    assert_int_equal(redis_driver.prepare(&world.target, &spec, &world.operation, &error), 0);
    json_decref(arguments);
    static struct template_context contexts[MOST_CALLS];
    static struct random random;
    random_seed(&random, 1, 1);
    for (int i = 0; i < MOST_CALLS; i++) {
        contexts[i] = (struct template_context){.iteration = (uint64_t)i, .random = &random};
        world.calls[i] = calloc(1, sizeof *world.calls[i] + redis_driver.call_size);
        *world.calls[i] = (struct call){.operation = &world.operation,
                                        .context = &contexts[i],
                                        .want_response = true,
                                        .keep_request = true,
                                        .complete = complete,
                                        .engine_data = (void *)(intptr_t)i};
    }
    world.connection = calloc(1, sizeof *world.connection + redis_driver.connection_size);
    for (int i = 0; i < MOST_CALLS; i++)
        world.calls[i]->connection = world.connection;
    connect_again();
}

static void open_world(unsigned pipeline)
{
    make_world(pipeline, NULL);
    expect_sent(HELLO);
    peer_send_text(world.fd, HELLO_REPLY);
    RUN_UNTIL(&world.loop, world.opened);
    assert_int_equal(world.connection->capacity, pipeline);
    assert_true(world.connection->reusable);
    assert_true(world.connection->connect_ns > 0);
}

static void close_world(void)
{
    redis_driver.disconnect(world.connection);
    redis_driver.disconnect(world.connection); /* harmless twice, after closed too */
    redis_driver.release(&world.target, &world.operation);
    redis_driver.worker_close(world.worker);
    for (int i = 0; i < MOST_CALLS; i++)
        free(world.calls[i]);
    free(world.connection);
    free(world.worker);
    target_free_offers(&world.target);
    stream_address_free(&world.redis.address);
    redis_settings_free(&world.redis.settings);
    close(world.fd);
    close(world.listener);
    loop_close(&world.loop);
}

static void is_ok(int index, const char *response)
{
    assert_int_equal(world.completed[index], 1);
    assert_int_equal(world.outcomes[index].kind, OUTCOME_OK);
    assert_string_equal(world.responses[index], response);
    const struct call *call = world.calls[index];
    assert_true(call->send_ns > 0 && call->sent_ns >= call->send_ns &&
                call->first_byte_ns >= call->sent_ns && call->end_ns >= call->first_byte_ns);
}

static void is_failed(int index, enum outcome_kind kind, const char *detail)
{
    assert_int_equal(world.completed[index], 1);
    assert_int_equal(world.outcomes[index].kind, kind);
    assert_string_equal(world.outcomes[index].detail ? world.outcomes[index].detail : "", detail);
    assert_true(world.texts[index][0]);
}

static void is_closed(enum outcome_kind kind, const char *detail)
{
    assert_int_equal(world.closed, 1);
    assert_int_equal(world.closed_why.kind, kind);
    assert_string_equal(world.closed_why.detail ? world.closed_why.detail : "", detail);
    assert_false(world.connection->reusable);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void answers_one_call(void **state)
{
    (void)state;
    open_world(1);
    submit(3);
    expect_sent("*2\r\n$4\r\nECHO\r\n$1\r\n3\r\n");
    const char *reply = "$1\r\n3\r\n";
    for (const char *byte = reply; *byte; byte++) { /* however it is cut */
        assert_int_equal(world.completed[3], 0);
        peer_send(world.fd, byte, 1);
        peer_settle(&world.loop);
    }
    RUN_UNTIL(&world.loop, world.completed[3]);
    is_ok(3, "\"3\"");
    assert_int_equal(world.calls[3]->bytes_sent, 21);
    assert_int_equal(world.calls[3]->bytes_received, strlen(reply));
    assert_string_equal(world.requests[3], "{\"command\":[\"ECHO\",\"3\"]}");
    assert_true(world.calls[3]->first_byte_ns < world.calls[3]->end_ns);
    close_world();
}

/* What one turn submits leaves in one write; answers find their calls in order. */
static void pipelines(void **state)
{
    (void)state;
    open_world(4);
    for (int i = 0; i < 4; i++)
        submit(i);
    expect_sent("*2\r\n$4\r\nECHO\r\n$1\r\n0\r\n*2\r\n$4\r\nECHO\r\n$1\r\n1\r\n"
                "*2\r\n$4\r\nECHO\r\n$1\r\n2\r\n*2\r\n$4\r\nECHO\r\n$1\r\n3\r\n");
    assert_int_equal(world.calls[0]->send_ns, world.calls[3]->send_ns);
    peer_send_text(world.fd, "$1\r\n0\r\n$1\r\n1\r\n$1");
    RUN_UNTIL(&world.loop, world.completed[1]);
    assert_int_equal(world.completed[2], 0);
    world.resubmit = 4 + 1; /* from inside a completion, on the same connection */
    peer_send_text(world.fd, "\r\n2\r\n");
    RUN_UNTIL(&world.loop, world.completed[2]);
    expect_sent("*2\r\n$4\r\nECHO\r\n$1\r\n4\r\n");
    peer_send_text(world.fd, "$1\r\n3\r\n$1\r\n4\r\n");
    RUN_UNTIL(&world.loop, world.completed[4]);
    is_ok(0, "\"0\"");
    is_ok(1, "\"1\"");
    is_ok(2, "\"2\"");
    is_ok(3, "\"3\"");
    is_ok(4, "\"4\"");
    close_world();
}

static void pushes_answer_nobody(void **state)
{
    (void)state;
    open_world(1);
    peer_send_text(world.fd, ">2\r\n+invalidate\r\n*0\r\n");
    peer_settle(&world.loop);
    submit(0);
    peer_send_text(world.fd, ">2\r\n+invalidate\r\n*0\r\n|1\r\n+ttl\r\n:5\r\n$1\r\n0\r\n");
    RUN_UNTIL(&world.loop, world.completed[0]);
    is_ok(0, "\"0\"");
    assert_int_equal(world.closed, 0);
    close_world();
}

static void errors_are_source_errors(void **state)
{
    (void)state;
    open_world(2);
    submit(0);
    submit(1);
    peer_settle(&world.loop);
    peer_send_text(world.fd, "-WRONGTYPE Operation against\r\n*2\r\n+OK\r\n-MYERR x\r\n");
    RUN_UNTIL(&world.loop, world.completed[1]);
    is_failed(0, OUTCOME_SOURCE_ERROR, "WRONGTYPE");
    is_failed(1, OUTCOME_SOURCE_ERROR, "other");
    assert_string_equal(world.responses[1], "[\"OK\",{\"error\":\"MYERR x\"}]");
    assert_int_equal(world.closed, 0);
    submit(2);
    peer_settle(&world.loop);
    peer_send_text(world.fd, "$1\r\n2\r\n");
    RUN_UNTIL(&world.loop, world.completed[2]);
    is_ok(2, "\"2\"");
    close_world();
}

/* ---- endings ------------------------------------------------------------------------------------
 */

static void all_calls_end_with_the_connection(void **state)
{
    static const struct {
        const char *last_words;
        bool reset;
        enum outcome_kind kind;
        const char *detail;
    } table[] = {
        {"", false, OUTCOME_CONNECTION_RESET, "closed_before_answer"},
        {"$5\r\nab", false, OUTCOME_CONNECTION_RESET, "half_answer"},
        {"", true, OUTCOME_CONNECTION_RESET, "reset"},
        {"HTTP/1.1 400 Bad Request\r\n", false, OUTCOME_PROTOCOL_VIOLATION, "unknown_type"},
        {"$x\r\n", false, OUTCOME_PROTOCOL_VIOLATION, "bad_length"},
        {"*1\r\n>1\r\n+a\r\n", false, OUTCOME_PROTOCOL_VIOLATION, "bad_nesting"},
        {"$9999999999\r\n", false, OUTCOME_PROTOCOL_VIOLATION, "too_large"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        open_world(3);
        for (int call = 0; call < 3; call++)
            submit(call);
        peer_settle(&world.loop);
        peer_send_text(world.fd, "$1\r\n0\r\n");
        RUN_UNTIL(&world.loop, world.completed[0]);
        peer_send_text(world.fd, table[i].last_words);
        if (table[i].reset) {
            peer_reset(world.fd);
            world.fd = dup(world.listener);
        } else {
            shutdown(world.fd, SHUT_WR);
        }
        RUN_UNTIL(&world.loop, world.closed);
        is_ok(0, "\"0\"");
        is_failed(1, table[i].kind, table[i].detail);
        is_failed(2, table[i].kind, table[i].detail);
        is_closed(table[i].kind, table[i].detail);
        close_world();
    }
}

static void idle_connections_close_in_order(void **state)
{
    (void)state;
    open_world(1);
    shutdown(world.fd, SHUT_WR);
    RUN_UNTIL(&world.loop, world.closed);
    is_closed(OUTCOME_OK, "");
    close_world();
}

static void nobody_asked(void **state)
{
    (void)state;
    open_world(1);
    peer_send_text(world.fd, "+OK\r\n");
    RUN_UNTIL(&world.loop, world.closed);
    is_closed(OUTCOME_PROTOCOL_VIOLATION, "unsolicited_answer");
    close_world();

    open_world(2); /* an answer to what was not sent yet is none */
    submit(0);
    peer_send_text(world.fd, "$1\r\n0\r\n");
    RUN_UNTIL(&world.loop, world.closed);
    is_failed(0, OUTCOME_PROTOCOL_VIOLATION, "unsolicited_answer");
    close_world();
}

/* The late answer is dropped, the others find their calls, and nothing new goes on the connection.
 */
static void cancelled_calls_leave_the_others_alone(void **state)
{
    struct outcome timeout = {.kind = OUTCOME_TIMEOUT};
    (void)state;
    open_world(3);
    for (int i = 0; i < 3; i++)
        submit(i);
    peer_settle(&world.loop);
    redis_driver.cancel(world.calls[1], &timeout);
    assert_int_equal(world.completed[1], 0); /* never from inside */
    assert_false(world.connection->reusable);
    RUN_UNTIL(&world.loop, world.completed[1]);
    is_failed(1, OUTCOME_TIMEOUT, "");
    peer_send_text(world.fd, "$1\r\n0\r\n$4\r\nlate\r\n$1\r\n2\r\n");
    RUN_UNTIL(&world.loop, world.completed[2]);
    is_ok(0, "\"0\"");
    is_ok(2, "\"2\"");
    assert_int_equal(world.completed[1], 1);
    close_world();

    /* cancelled and lost in one turn */
    open_world(2);
    submit(0);
    submit(1);
    peer_settle(&world.loop);
    redis_driver.cancel(world.calls[0], &timeout);
    peer_reset(world.fd);
    world.fd = dup(world.listener);
    RUN_UNTIL(&world.loop, world.closed);
    is_failed(0, OUTCOME_TIMEOUT, "");
    is_failed(1, OUTCOME_CONNECTION_RESET, "reset");
    close_world();
}

static void disconnects_before_and_within_the_greeting(void **state)
{
    (void)state;
    make_world(1, NULL);
    close_world();
    make_world(1, NULL);
    expect_sent(HELLO);
    close_world();
}

/* ---- greeting -----------------------------------------------------------------------------------
 */

#define AUTHENTICATE                                                                               \
    "*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\nsecret\r\n$7\r\nSETNAME" \
    "\r\n$6\r\ncicada\r\n"

static void falls_back_to_resp2(void **state)
{
    (void)state;
    make_world(1, "secret");
    world.redis.settings.database = 2;
    expect_sent(AUTHENTICATE);
    peer_send_text(world.fd, "-ERR unknown command `HELLO`, with args\r\n");
    expect_sent("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
    peer_send_text(world.fd, "+OK\r\n");
    expect_sent("*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n");
    assert_int_equal(world.opened, 0);
    peer_send_text(world.fd, "+OK\r\n");
    RUN_UNTIL(&world.loop, world.opened);
    close_world();

    make_world(1, NULL); /* RESP2 by choice, and nothing to say */
    redis_driver.disconnect(world.connection);
    close(world.fd);
    world.redis.settings.protocol = 2;
    connect_again();
    RUN_UNTIL(&world.loop, world.opened);
    submit(0);
    expect_sent("*2\r\n$4\r\nECHO\r\n$1\r\n0\r\n");
    close_world();
}

static void refused_credentials_fail_every_call(void **state)
{
    (void)state;
    make_world(4, "secret");
    expect_sent(AUTHENTICATE);
    peer_send_text(world.fd, "-WRONGPASS invalid username-password pair\r\n");
    RUN_UNTIL(&world.loop, world.opened);
    assert_int_equal(world.connection->capacity, 1);
    for (int i = 0; i < 2; i++) {
        submit(i);
        expect_sent(AUTHENTICATE);
        peer_send_text(world.fd, "-WRONGPASS invalid username-password pair\r\n");
        RUN_UNTIL(&world.loop, world.completed[i]);
        is_failed(i, OUTCOME_SOURCE_ERROR, "auth");
        assert_string_equal(world.requests[i], "");
    }
    assert_int_equal(world.closed, 0);
    submit(2); /* they are put right in between */
    expect_sent(AUTHENTICATE);
    peer_send_text(world.fd, HELLO_REPLY);
    expect_sent("*2\r\n$4\r\nECHO\r\n$1\r\n2\r\n");
    peer_send_text(world.fd, "$1\r\n2\r\n");
    RUN_UNTIL(&world.loop, world.completed[2]);
    is_ok(2, "\"2\"");
    assert_int_equal(world.calls[2]->round_trips, 2);
    assert_int_equal(world.connection->capacity, 4);
    close_world();
}

static void a_call_that_greets_may_be_cancelled_or_lost(void **state)
{
    struct outcome timeout = {.kind = OUTCOME_TIMEOUT};
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        make_world(1, "secret");
        expect_sent(AUTHENTICATE);
        peer_send_text(world.fd, "-WRONGPASS no\r\n");
        RUN_UNTIL(&world.loop, world.opened);
        submit(0);
        expect_sent(AUTHENTICATE);
        if (lost) {
            shutdown(world.fd, SHUT_WR);
            RUN_UNTIL(&world.loop, world.closed);
            is_failed(0, OUTCOME_CONNECTION_RESET, "closed_in_greeting");
        } else {
            redis_driver.cancel(world.calls[0], &timeout);
            RUN_UNTIL(&world.loop, world.completed[0]);
            is_failed(0, OUTCOME_TIMEOUT, "");
            peer_send_text(world.fd, HELLO_REPLY); /* late, and of no use */
            peer_settle(&world.loop);
            assert_int_equal(world.completed[0], 1);
        }
        close_world();
    }
}

static void greetings_that_fail(void **state)
{
    static const struct {
        const char *reply;
        enum outcome_kind kind;
        const char *detail;
    } table[] = {
        {"-ERR max number of clients reached\r\n", OUTCOME_SOURCE_ERROR, "max_clients"},
        {"-DENIED Redis is running in protected mode\r\n", OUTCOME_SOURCE_ERROR, "DENIED"},
        {"SSH-2.0-OpenSSH\r\n", OUTCOME_PROTOCOL_VIOLATION, "unknown_type"},
        {"", OUTCOME_CONNECTION_RESET, "closed_in_greeting"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        make_world(1, NULL);
        expect_sent(HELLO);
        peer_send_text(world.fd, table[i].reply);
        shutdown(world.fd, SHUT_WR);
        RUN_UNTIL(&world.loop, world.closed);
        is_closed(table[i].kind, table[i].detail);
        assert_int_equal(world.opened, 0);
        close_world();
    }
    make_world(1, NULL);
    redis_driver.disconnect(world.connection);
    close(world.fd);
    world.redis.connect_timeout_ns = 50 * NS_PER_MS;
    connect_again(); /* accepted, and then silence */
    RUN_UNTIL(&world.loop, world.closed);
    is_closed(OUTCOME_CONNECT_TIMEOUT, "greeting");
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_one_call),
        cmocka_unit_test(pipelines),
        cmocka_unit_test(pushes_answer_nobody),
        cmocka_unit_test(errors_are_source_errors),
        cmocka_unit_test(all_calls_end_with_the_connection),
        cmocka_unit_test(idle_connections_close_in_order),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(cancelled_calls_leave_the_others_alone),
        cmocka_unit_test(disconnects_before_and_within_the_greeting),
        cmocka_unit_test(falls_back_to_resp2),
        cmocka_unit_test(refused_credentials_fail_every_call),
        cmocka_unit_test(a_call_that_greets_may_be_cancelled_or_lost),
        cmocka_unit_test(greetings_that_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
