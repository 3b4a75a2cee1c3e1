/* HTTP/1.1 over a real socket, the test being the server. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define JSON_HEAD(length)                                                                          \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n"

static struct client client;
static struct seen seen;
static char request[1 << 20];

static int open_client(void **state)
{
    (void)state;
    client_open(&client, NULL, 0);
    seen_init(&seen, "POST", "{}");
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    client_close(&client);
    seen_free(&seen);
    return 0;
}

static void submit(struct seen *which)
{
    http_connection_submit(&client.connection, &which->exchange);
    assert_int_equal(client.connection.in_flight, 1);
    assert_false(seen_over(which)); /* never from inside */
}

/* Submit, see the request arrive, answer, and run until it is over. */
static void exchange(struct seen *which, const char *answer)
{
    submit(which);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, answer);
    RUN_UNTIL(&client.loop, seen_over(which));
    assert_int_equal(client.connection.in_flight, 0);
}

static void sends_what_it_should(void **state)
{
    const struct http_header headers[] = {{"Mcp-Session-Id", "s1"}, {"Accept", "*/*"}};
    char expected[400];
    (void)state;
    seen.exchange.headers = headers;
    seen.exchange.header_count = 2;
    seen.exchange.body_pieces[1] = (struct iovec){(void *)"[1]", 3};
    seen.exchange.body_pieces[2] = (struct iovec){(void *)"", 0};
    seen.exchange.body_pieces[3] = (struct iovec){(void *)"x", 1};
    seen.exchange.body_piece_count = 4;
    exchange(&seen, JSON_HEAD("2") "{}");
    snprintf(expected, sizeof expected,
             "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nMcp-Session-Id: s1\r\nAccept: */*\r\n"
             "Content-Length: 6\r\n\r\n{}[1]x",
             client.endpoint.url.port);
    assert_string_equal(request, expected);
    seen_is(&seen, 200, "{}");
    assert_int_equal(seen.exchange.body_kind, HTTP_BODY_JSON);
    assert_string_equal(seen.exchange.content_type, "application/json");
    assert_int_equal(seen.exchange.bytes_sent, strlen(expected));
    assert_int_equal(seen.exchange.bytes_received, strlen(JSON_HEAD("2") "{}"));
    assert_true(seen.exchange.sent_ns >= seen.exchange.send_ns);
    assert_true(seen.exchange.sent_ns <= seen.exchange.first_byte_ns);

    struct seen get;
    seen_init(&get, "GET", NULL);
    get.exchange.path = "/other?q=1";
    exchange(&get, "HTTP/1.1 204 No\r\n\r\n");
    snprintf(expected, sizeof expected, "GET /other?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
             client.endpoint.url.port);
    assert_string_equal(request, expected);
    seen_is(&get, 204, "");
    struct seen post;
    seen_init(&post, "POST", NULL);
    exchange(&post, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(request, "Content-Length: 0\r\n"));
    seen_is(&post, 202, "");
    assert_int_equal(client.closed, 0);
    seen_free(&get);
    seen_free(&post);
}

static void keeps_the_connection_for_many(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct seen one;
        seen_init(&one, "POST", "{\"jsonrpc\":\"2.0\"}");
        exchange(&one,
                 i % 2 ? JSON_HEAD("7") "{\"a\":1}"
                       : "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
        seen_is(&one, 200, "{\"a\":1}");
        assert_int_equal(one.bodies, 1); /* whole, at once */
        seen_free(&one);
    }
    assert_true(client.connection.reusable);
}

static void any_cut(void **state)
{
    static const char answer[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Mcp-Session-Id: s-1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    (void)state;
    for (size_t cut = 1; cut < sizeof answer - 1; cut++) {
        struct seen one;
        seen_init(&one, "POST", "{}");
        submit(&one);
        peer_read_request(client.fd, request, sizeof request);
        peer_send(client.fd, answer, cut);
        RUN_UNTIL(&client.loop, one.exchange.bytes_received == cut);
        assert_false(seen_over(&one));
        peer_send(client.fd, answer + cut, sizeof answer - 1 - cut);
        RUN_UNTIL(&client.loop, seen_over(&one));
        seen_is(&one, 200, "{\"a\":1}");
        assert_int_equal(one.bodies, 1);
        assert_string_equal(one.exchange.session_id, "s-1");
        seen_free(&one);
    }
}

static void event_stream_comes_as_it_arrives(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n");
    RUN_UNTIL(&client.loop, seen.heads == 1);
    assert_int_equal(seen.exchange.body_kind, HTTP_BODY_EVENT_STREAM);
    peer_send_text(client.fd, "9\r\ndata: a\n\n\r\n");
    RUN_UNTIL(&client.loop, buffer_length(&seen.body) == 9);
    peer_send_text(client.fd, "9\r\nda");
    RUN_UNTIL(&client.loop, buffer_length(&seen.body) == 11);
    peer_send_text(client.fd, "ta: b\n\n\r\n0\r\n\r\n");
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, "data: a\n\ndata: b\n\n");
    assert_true(client.connection.reusable);
}

static void large_bodies_both_ways(void **state)
{
    enum { LENGTH = 5 * 1000 * 1000 };
    char *big = malloc(LENGTH + 1);
    (void)state;
    memset(big, 'x', LENGTH);
    big[LENGTH] = '\0';
    seen.exchange.body_pieces[0] = (struct iovec){big, LENGTH};
    submit(&seen);
    assert_int_equal(seen.exchange.sent_ns, 0); /* more than a socket takes */
    size_t got = 0;
    int fd = client.fd;
    while (got < LENGTH) {
        ssize_t count;
        while ((count = recv(fd, request, sizeof request, MSG_DONTWAIT)) > 0)
            got += (size_t)count;
        loop_run_once(&client.loop, clock_now_ns() + NS_PER_MS);
    }
    RUN_UNTIL(&client.loop, seen.exchange.sent_ns != 0);
    peer_send_text(fd, JSON_HEAD("5000000"));
    size_t sent = 0;
    while (sent < LENGTH) {
        ssize_t count = send(fd, big + sent, LENGTH - sent, MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
        loop_run_once(&client.loop, clock_now_ns() + NS_PER_MS);
    }
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, big);
    assert_int_equal(seen.bodies, 1);
    assert_true(client.connection.reusable);
    free(big);
}

static void failed_with(enum outcome_kind kind, const char *detail)
{
    RUN_UNTIL(&client.loop, client.closed);
    seen_failed(&seen, kind, detail);
    assert_int_equal(client.closed, 1);
    assert_int_equal(client.why.kind, kind);
    assert_true(peer_sees_end(client.fd));
}

static void half_a_body(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, JSON_HEAD("10") "{");
    shutdown(client.fd, SHUT_WR);
    failed_with(OUTCOME_CONNECTION_RESET, "half_body");
}

static void half_a_head(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "HTTP/1.1 200 OK\r\nContent-");
    shutdown(client.fd, SHUT_WR);
    failed_with(OUTCOME_CONNECTION_RESET, "half_head");
}

static void no_answer(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    shutdown(client.fd, SHUT_WR);
    failed_with(OUTCOME_CONNECTION_RESET, "closed_before_answer");
}

static void reset_in_the_body(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, JSON_HEAD("10") "{");
    RUN_UNTIL(&client.loop, seen.heads == 1);
    peer_reset(client.fd);
    client.fd = -1;
    RUN_UNTIL(&client.loop, client.closed);
    seen_failed(&seen, OUTCOME_CONNECTION_RESET, "half_body");
}

static void reset_while_the_request_is_written(void **state)
{
    (void)state;
    seen.exchange.body_pieces[0] = (struct iovec){calloc(1, 20000000), 20000000};
    submit(&seen);
    free(seen.exchange.body_pieces[0].iov_base); /* copied or written inside the call */
    peer_reset(client.fd);
    client.fd = -1;
    RUN_UNTIL(&client.loop, client.closed);
    seen_failed(&seen, OUTCOME_CONNECTION_RESET, "closed_before_answer");
}

/* A server may refuse a request it has not read to its end; what it said must not be lost. */
static void answer_before_the_whole_request(void **state)
{
    (void)state;
    seen.exchange.body_pieces[0] = (struct iovec){calloc(1, 20000000), 20000000};
    submit(&seen);
    free(seen.exchange.body_pieces[0].iov_base);
    peer_send_text(client.fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}");
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 413, "{}");
    assert_false(client.connection.reusable); /* the rest of the request would follow */
}

static void garbage(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "SSH-2.0-OpenSSH_9.2p1\r\n");
    failed_with(OUTCOME_PROTOCOL_VIOLATION, "bad_http");
    assert_non_null(strstr(seen.text, "SSH-2.0-OpenSSH_9.2p1"));
}

static void endless_body(void **state)
{
    (void)state;
    client.endpoint.body_limit = 100000;
    http_connection_close(&client.connection);
    close(client.fd);
    client_connect(&client);
    client.fd = peer_accept(client.listener);
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "HTTP/1.1 200 OK\r\n\r\n");
    memset(request, 'x', 1000);
    for (int i = 0; i < 101; i++) {
        peer_send(client.fd, request, 1000);
        peer_settle(&client.loop);
    }
    failed_with(OUTCOME_PROTOCOL_VIOLATION, "body_too_large");
}

static void endless_head(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 7000 && !client.closed; i++) {
        if (send(client.fd, "X: xxxxx\r\n", 10, MSG_NOSIGNAL) != 10)
            break;
        loop_run_once(&client.loop, 0);
    }
    failed_with(OUTCOME_PROTOCOL_VIOLATION, "head_too_large");
}

static void unsolicited_while_idle(void **state)
{
    (void)state;
    exchange(&seen, JSON_HEAD("2") "{}");
    peer_send_text(client.fd, JSON_HEAD("2") "{}");
    RUN_UNTIL(&client.loop, client.closed);
    assert_int_equal(client.why.kind, OUTCOME_PROTOCOL_VIOLATION);
    assert_string_equal(client.why.detail, "unsolicited_response");
    assert_true(peer_sees_end(client.fd));
}

static bool was_reusable;
static void note_reusable(struct seen *which)
{
    (void)which;
    was_reusable = client.connection.reusable;
}

static void answered_twice_at_once(void **state)
{
    (void)state;
    was_reusable = true;
    seen.then = note_reusable;
    exchange(&seen, JSON_HEAD("2") "{}" JSON_HEAD("3") "{ }");
    seen_is(&seen, 200, "{}");  /* the first answer counts */
    assert_false(was_reusable); /* nobody submits into the second */
    RUN_UNTIL(&client.loop, client.closed);
    assert_string_equal(client.why.detail, "unsolicited_response");
}

static void orderly_close_while_idle(void **state)
{
    (void)state;
    exchange(&seen, JSON_HEAD("2") "{}");
    shutdown(client.fd, SHUT_WR);
    RUN_UNTIL(&client.loop, client.closed);
    assert_int_equal(client.why.kind, OUTCOME_OK);
}

static void connection_close_is_respected(void **state)
{
    (void)state;
    exchange(&seen, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    seen_is(&seen, 200, "{}");
    assert_false(client.connection.reusable);
    assert_int_equal(client.closed, 0);
}

static void body_until_close(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\"");
    peer_settle(&client.loop);
    peer_send_text(client.fd, ":1}");
    shutdown(client.fd, SHUT_WR);
    RUN_UNTIL(&client.loop, client.closed);
    seen_is(&seen, 200, "{\"a\":1}");
    assert_int_equal(client.why.kind, OUTCOME_OK);
}

static void aborting_closes(void **state)
{
    (void)state;
    submit(&seen);
    http_connection_abort(&client.connection, &seen.exchange);
    assert_null(seen.exchange.connection);
    assert_false(client.connection.reusable);
    assert_int_equal(client.connection.in_flight, 0);
    assert_int_equal(client.closed, 0);
    http_connection_abort(&client.connection, &seen.exchange); /* nothing under way any more */
    RUN_UNTIL(&client.loop, client.closed);
    assert_int_equal(client.why.kind, OUTCOME_CANCELLED);
    assert_int_equal(seen.lasts + seen.failures, 0);
    peer_read_request(client.fd, request, sizeof request);
    assert_true(peer_sees_end(client.fd));
}

static void closing_is_silent(void **state)
{
    (void)state;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, JSON_HEAD("2") "{}");
    http_connection_close(&client.connection);
    peer_settle(&client.loop);
    assert_int_equal(client.closed, 0);
    assert_int_equal(seen.lasts + seen.failures, 0);
    assert_null(seen.exchange.connection);
}

static void headers_that_would_split_a_request(void **state)
{
    static const struct http_header bad[] = {{"X", "a\r\nInjected: 1"},
                                             {"X", "a\nb"},
                                             {"X\r\nY", "a"},
                                             {"", "a"},
                                             {"X Y", "a"},
                                             {"X:", "a"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen one;
        seen_init(&one, "POST", "{}");
        one.exchange.headers = &bad[i];
        one.exchange.header_count = 1;
        submit(&one);
        RUN_UNTIL(&client.loop, seen_over(&one));
        seen_failed(&one, OUTCOME_NOT_RUN, "bad_request_header");
        struct error error;
        struct http_endpoint endpoint;
        assert_int_equal(
            http_endpoint_open(&endpoint, "http://127.0.0.1/", NULL, &bad[i], 1, NULL, &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
    }
    struct seen spaced;
    seen_init(&spaced, "POST", "{}");
    spaced.exchange.path = "/a HTTP/1.1\r\nX: y";
    submit(&spaced);
    RUN_UNTIL(&client.loop, seen_over(&spaced));
    seen_failed(&spaced, OUTCOME_NOT_RUN, "bad_request_header");
    exchange(&seen, JSON_HEAD("2") "{}"); /* nothing of them was sent */
    assert_int_equal(strncmp(request, "POST /mcp HTTP/1.1\r\nHost: ", 26), 0);
    assert_int_equal(strlen(request) - (size_t)(strstr(request, "\r\n\r\n") - request), 6);
}

/* ---- from inside the callbacks
 * ------------------------------------------------------------------- */

static void submit_next(struct seen *which)
{
    struct seen *next = which->data;
    which->data = NULL;
    http_connection_submit(&client.connection, &next->exchange);
}

static void submitting_from_inside(void **state)
{
    struct seen next;
    (void)state;
    seen_init(&next, "POST", "{\"n\":2}");
    seen.then = submit_next;
    seen.data = &next;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, JSON_HEAD("2") "{}");
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, "{}");
    peer_read_request(client.fd, request, sizeof request);
    assert_non_null(strstr(request, "{\"n\":2}"));
    peer_send_text(client.fd, JSON_HEAD("4") "{  }");
    RUN_UNTIL(&client.loop, seen_over(&next));
    seen_is(&next, 200, "{  }");
    seen_free(&next);
}

static void close_connection(struct seen *which)
{
    (void)which;
    http_connection_close(&client.connection);
    memset(&client.connection, 0xa5, sizeof client.connection); /* as if it were freed */
}

static void closing_from_inside(void **state)
{
    static const char *const answers[] = {
        JSON_HEAD("2") "{}",
        JSON_HEAD("2") "{}surplus",
        JSON_HEAD("2") "{",
        "nonsense\r\n",
        "HTTP/1.1 200 OK\r\n\r\nuntil close",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: "
        "a\n\n",
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        struct seen one;
        seen_init(&one, "POST", "{}");
        bool at_head = i % 2;
        if (i / 2 == 3 && at_head)
            continue; /* has no head */
        *(at_head ? &one.on_head : &one.then) = close_connection;
        submit(&one);
        peer_read_request(client.fd, request, sizeof request);
        peer_send_text(client.fd, answers[i / 2]);
        shutdown(client.fd, SHUT_WR);
        RUN_UNTIL(&client.loop, at_head ? one.heads : one.lasts + one.failures);
        peer_settle(&client.loop);
        assert_int_equal(client.closed, 0);
        assert_int_equal(one.lasts + one.failures, at_head ? 0 : 1);
        seen_free(&one);
        close(client.fd);
        memset(&client.connection, 0, sizeof client.connection);
        client_connect(&client);
        client.fd = peer_accept(client.listener);
    }
}

static void abort_it(struct seen *which)
{
    http_connection_abort(&client.connection, &which->exchange);
}

static void aborting_from_the_head(void **state)
{
    (void)state;
    seen.on_head = abort_it;
    submit(&seen);
    peer_read_request(client.fd, request, sizeof request);
    peer_send_text(client.fd, JSON_HEAD("2") "{}");
    RUN_UNTIL(&client.loop, client.closed);
    assert_int_equal(client.why.kind, OUTCOME_CANCELLED);
    assert_int_equal(seen.heads, 1);
    assert_int_equal(seen.lasts + seen.failures, 0);
}

/* ---- endpoints ---------------------------------------------------------------------------------
 */

static void endpoint_headers(void **state)
{
    static const struct http_header headers[] = {{"Authorization", "Bearer t0ken-t0ken"},
                                                 {"X", "y"}};
    struct http_endpoint endpoint;
    struct error error;
    (void)state;
    assert_int_equal(
        http_endpoint_open(&endpoint, "http://[::1]:3000/x", NULL, headers, 2, NULL, &error), 0);
    assert_string_equal(endpoint.request_head,
                        " HTTP/1.1\r\nHost: [::1]:3000\r\nAuthorization: Bearer "
                        "t0ken-t0ken\r\nX: y\r\n");
    http_endpoint_close(&endpoint);
    assert_int_equal(http_endpoint_open(&endpoint, "http://Aladdin:open%20sesame@127.0.0.1/", NULL,
                                        NULL, 0, NULL, &error),
                     0);
    assert_string_equal(
        endpoint.request_head, /* the example of RFC 7617, 2 */
        " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
    http_endpoint_close(&endpoint);
    const struct http_header host = {"host", "virtual"};
    assert_int_equal(
        http_endpoint_open(&endpoint, "http://127.0.0.1/", NULL, &host, 1, NULL, &error), 0);
    assert_string_equal(endpoint.request_head, " HTTP/1.1\r\nHost: virtual\r\n");
    http_endpoint_close(&endpoint);

    struct outcome outcome = {.kind = OUTCOME_OK};
    assert_int_equal(
        http_endpoint_open(&endpoint, "ftp://127.0.0.1/", NULL, NULL, 0, &outcome, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_int_equal(http_endpoint_open(&endpoint, "http://no-such-host.invalid/", NULL, NULL, 0,
                                        &outcome, &error),
                     -1);
    assert_int_equal(error.code, ERROR_TARGET);
    assert_int_equal(outcome.kind, OUTCOME_DNS);
    assert_non_null(strstr(error.text, "no-such-host.invalid"));
    http_endpoint_close(&endpoint); /* harmless */
}

#define WITH_CLIENT(function) cmocka_unit_test_setup_teardown(function, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLIENT(sends_what_it_should),
        WITH_CLIENT(keeps_the_connection_for_many),
        WITH_CLIENT(any_cut),
        WITH_CLIENT(event_stream_comes_as_it_arrives),
        WITH_CLIENT(large_bodies_both_ways),
        WITH_CLIENT(half_a_body),
        WITH_CLIENT(half_a_head),
        WITH_CLIENT(no_answer),
        WITH_CLIENT(reset_in_the_body),
        WITH_CLIENT(reset_while_the_request_is_written),
        WITH_CLIENT(answer_before_the_whole_request),
        WITH_CLIENT(garbage),
        WITH_CLIENT(endless_body),
        WITH_CLIENT(endless_head),
        WITH_CLIENT(unsolicited_while_idle),
        WITH_CLIENT(answered_twice_at_once),
        WITH_CLIENT(orderly_close_while_idle),
        WITH_CLIENT(connection_close_is_respected),
        WITH_CLIENT(body_until_close),
        WITH_CLIENT(aborting_closes),
        WITH_CLIENT(closing_is_silent),
        WITH_CLIENT(headers_that_would_split_a_request),
        WITH_CLIENT(submitting_from_inside),
        WITH_CLIENT(closing_from_inside),
        WITH_CLIENT(aborting_from_the_head),
        cmocka_unit_test(endpoint_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
