/* HTTP/2: against nghttpd, and against a peer whose frames are written by hand for what no good
 * server does. */
#include "peer.h"
#include "tls_peer.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

static char folder[] = "/tmp/cicada-http2-XXXXXX";
static char certificate[64], key[64];
static struct client client;

static int make_files(void **state)
{
    char path[100];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    certificate_make(folder, "good", "DNS:localhost,IP:127.0.0.1", 30);
    snprintf(certificate, sizeof certificate, "%s/good.crt", folder);
    snprintf(key, sizeof key, "%s/good.key", folder);
    snprintf(path, sizeof path, "%s/a.json", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"a\":1}", file);
    return fclose(file);
}

static int remove_files(void **state)
{
    char path[100];
    (void)state;
    snprintf(path, sizeof path, "%s/a.json", folder);
    unlink(path);
    unlink(certificate);
    unlink(key);
    return rmdir(folder);
}

static void connect_to(unsigned short port)
{
    const struct tls_options options = {.ca_file = certificate, .offer_http2 = true};
    char url[100];
    snprintf(url, sizeof url, "https://localhost:%u/a.json", port);
    client_open_url(&client, url, &options);
}

/* ---- nghttpd -----------------------------------------------------------------------------------
 */

struct server {
    pid_t pid;
    unsigned short port;
};

/* Start nghttpd on a free port and connect to it. Another process may take the port in between:
 * then it ends at once, and the next port is tried. */
static void server_start(struct server *server)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        char port[8];
        close(peer_listen(&server->port));
        snprintf(port, sizeof port, "%u", server->port);
        char *const argv[] = {"nghttpd", "-a", "127.0.0.1", "-d",        folder,          "-m",
                              "7",       port, key,         certificate, "--echo-upload", NULL};
        assert_int_equal(posix_spawnp(&server->pid, "nghttpd", NULL, NULL, argv, environ), 0);
        uint64_t give_up = clock_now_ns() + 10 * NS_PER_S;
        while (waitpid(server->pid, NULL, WNOHANG) == 0 && clock_now_ns() < give_up) {
            connect_to(server->port);
            if (client.opened)
                return;
            client_close(&client); /* not listening yet */
            usleep(10000);
        }
    }
    fail_msg("nghttpd does not start");
}

static void server_stop(struct server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

static struct server nghttpd;

static int open_server(void **state)
{
    (void)state;
    server_start(&nghttpd);
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    client_close(&client);
    server_stop(&nghttpd);
    return 0;
}

static void one_after_the_other(void **state)
{
    (void)state;
    assert_true(client.connection.http2);
    assert_true(client.connection.reusable);
    assert_int_equal(client.connection.capacity, 7); /* as the server's SETTINGS say */
    for (int i = 0; i < 100; i++) {
        struct seen seen;
        seen_init(&seen, "GET", NULL);
        http_connection_submit(&client.connection, &seen.exchange);
        assert_false(seen_over(&seen));
        RUN_UNTIL(&client.loop, seen_over(&seen));
        seen_is(&seen, 200, "{\"a\":1}");
        assert_int_equal(seen.bodies, 1);
        assert_int_equal(seen.exchange.stream_id, 2 * i + 1);
        assert_true(seen.exchange.send_ns <= seen.exchange.sent_ns && seen.exchange.sent_ns > 0);
        assert_true(seen.exchange.bytes_sent > 9 && seen.exchange.bytes_received > 18 + 7);
        seen_free(&seen);
    }
    assert_int_equal(client.connection.in_flight, 0);
}

static int over;
static void count_and_resubmit(struct seen *seen)
{
    if (seen->failures)
        fail_msg("%s", seen->text);
    assert_int_equal(seen->exchange.status, 200);
    assert_int_equal(buffer_length(&seen->body), 7);
    if (++over > 600)
        return;
    buffer_clear(&seen->body);
    seen->heads = seen->bodies = seen->lasts = 0;
    http_connection_submit(&client.connection, &seen->exchange);
}

static void many_at_once(void **state)
{
    struct seen seen[7];
    (void)state;
    over = 0;
    for (int i = 0; i < 7; i++) {
        seen_init(&seen[i], "GET", NULL);
        seen[i].then = count_and_resubmit;
        http_connection_submit(&client.connection, &seen[i].exchange);
    }
    assert_int_equal(client.connection.in_flight, 7);
    RUN_UNTIL(&client.loop, over == 607);
    assert_int_equal(client.connection.in_flight, 0);
    for (int i = 0; i < 7; i++)
        seen_free(&seen[i]);
}

static void large_bodies_both_ways(void **state)
{
    enum { LENGTH = 3000000 };
    char *big = malloc(LENGTH + 1);
    const struct http_header headers[] = {{"X-Case", "Kept"}, {"Connection", "close"}};
    struct seen seen[2];
    (void)state;
    memset(big, 'z', LENGTH);
    big[LENGTH] = '\0';
    for (int i = 0; i < 2; i++) {
        seen_init(&seen[i], "POST", NULL);
        seen[i].exchange.path = "/echo";
        seen[i].exchange.headers = headers;
        seen[i].exchange.header_count = 2;
        seen[i].exchange.body_pieces[0] = (struct iovec){big, LENGTH - 5};
        seen[i].exchange.body_pieces[1] = (struct iovec){(void *)"zzzzz", 5};
        seen[i].exchange.body_piece_count = 2;
        http_connection_submit(&client.connection, &seen[i].exchange);
    }
    for (int i = 0; i < 2; i++) {
        RUN_UNTIL(&client.loop, seen_over(&seen[i]));
        seen_is(&seen[i], 200, big);
        assert_int_equal(seen[i].bodies, 1);
        assert_true(seen[i].exchange.sent_ns > 0);
        seen_free(&seen[i]);
    }
    free(big);
}

static void not_found(void **state)
{
    struct seen seen;
    (void)state;
    seen_init(&seen, "GET", NULL);
    seen.exchange.path = "/nothing";
    http_connection_submit(&client.connection, &seen.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen));
    assert_int_equal(seen.exchange.status, 404);
    seen_free(&seen);
}

static void aborting_one_leaves_the_others(void **state)
{
    struct seen seen[5];
    (void)state;
    for (int i = 0; i < 5; i++) {
        seen_init(&seen[i], "GET", NULL);
        http_connection_submit(&client.connection, &seen[i].exchange);
    }
    http_connection_abort(&client.connection, &seen[1].exchange); /* not sent yet */
    loop_run_once(&client.loop, 0);
    http_connection_abort(&client.connection, &seen[3].exchange); /* sent */
    assert_int_equal(client.connection.in_flight, 3);
    RUN_UNTIL(&client.loop, seen_over(&seen[0]) && seen_over(&seen[2]) && seen_over(&seen[4]));
    peer_settle(&client.loop);
    for (int i = 0; i < 5; i++) {
        if (i % 2 == 0)
            seen_is(&seen[i], 200, "{\"a\":1}");
        else
            assert_int_equal(seen[i].lasts + seen[i].failures, 0);
        seen_free(&seen[i]);
    }
    assert_int_equal(client.closed, 0);
    assert_true(client.connection.reusable);
}

static void unsendable_headers(void **state)
{
    const struct http_header bad = {"X", "a\r\nb"};
    struct seen seen, good;
    (void)state;
    seen_init(&seen, "GET", NULL);
    seen_init(&good, "GET", NULL);
    seen.exchange.headers = &bad;
    seen.exchange.header_count = 1;
    http_connection_submit(&client.connection, &seen.exchange);
    http_connection_submit(&client.connection, &good.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen) && seen_over(&good));
    seen_failed(&seen, OUTCOME_NOT_RUN, "bad_request_header");
    seen_is(&good, 200, "{\"a\":1}");
    seen_free(&good);
}

static void server_dies(void **state)
{
    struct seen seen[2];
    (void)state;
    kill(nghttpd.pid, SIGSTOP);
    for (int i = 0; i < 2; i++) {
        seen_init(&seen[i], "GET", NULL);
        http_connection_submit(&client.connection, &seen[i].exchange);
    }
    peer_settle(&client.loop);
    kill(nghttpd.pid, SIGKILL);
    RUN_UNTIL(&client.loop, client.closed);
    for (int i = 0; i < 2; i++)
        seen_failed(&seen[i], OUTCOME_CONNECTION_RESET, "closed_before_answer");
    assert_int_equal(client.why.kind, OUTCOME_CONNECTION_RESET);
}

static void closing_while_under_way(void **state)
{
    struct seen seen[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        seen_init(&seen[i], "GET", NULL);
        http_connection_submit(&client.connection, &seen[i].exchange);
    }
    peer_settle(&client.loop);
    http_connection_close(&client.connection);
    peer_settle(&client.loop);
    assert_int_equal(client.closed, 0);
    for (int i = 0; i < 3; i++) {
        assert_null(seen[i].exchange.connection);
        seen_free(&seen[i]);
    }
}

static void close_connection(struct seen *seen)
{
    (void)seen;
    http_connection_close(&client.connection);
    memset(&client.connection, 0, sizeof client.connection);
}

static void closing_from_inside(void **state)
{
    (void)state;
    for (int at_head = 0; at_head < 2; at_head++) {
        struct seen seen[3];
        for (int i = 0; i < 3; i++) {
            seen_init(&seen[i], "GET", NULL);
            *(at_head ? &seen[i].on_head : &seen[i].then) = close_connection;
            http_connection_submit(&client.connection, &seen[i].exchange);
        }
        RUN_UNTIL(&client.loop, seen[0].heads + seen[1].heads + seen[2].heads);
        peer_settle(&client.loop);
        assert_int_equal(seen[0].lasts + seen[1].lasts + seen[2].lasts, at_head ? 0 : 1);
        for (int i = 0; i < 3; i++)
            seen_free(&seen[i]);
        client_connect(&client);
    }
}

/* ---- frames by hand ----------------------------------------------------------------------------
 */

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY };
enum { END_STREAM = 1, END_HEADERS = 4 };

/* What the peer sends once it has read the request's HEADERS. */
struct script {
    char bytes[1 << 18];
    size_t length;
    bool close_after, no_settings;
};

static void add_frame(struct script *script, int type, int flags, unsigned stream,
                      const void *payload, size_t length)
{
    const unsigned char head[9] = {(unsigned char)(length >> 16),
                                   (unsigned char)(length >> 8),
                                   (unsigned char)length,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   0,
                                   0,
                                   0,
                                   (unsigned char)stream};
    assert_true(script->length + 9 + length <= sizeof script->bytes);
    memcpy(script->bytes + script->length, head, 9);
    if (length)
        memcpy(script->bytes + script->length + 9, payload, length);
    script->length += 9 + length;
}

/* HPACK: ":status: 200" is entry 8 of the static table; content-type is name 31. */
static void add_response_head(struct script *script, const char *type, int flags)
{
    char block[200] = "\x88\x0f\x10";
    size_t length = strlen(type);
    block[3] = (char)length;
    memcpy(block + 4, type, length);
    add_frame(script, HEADERS, END_HEADERS | flags, 1, block, 4 + length);
}

/* Read frames until the request's HEADERS have come, play the script, read on until the client
 * ends. */
static void play(SSL *ssl, void *data)
{
    const struct script *script = data;
    unsigned char bytes[65536];
    size_t length = 0, at = 24; /* behind the preface */
    static const char settings[9] = {0, 0, 0, SETTINGS};
    bool started = false;
    if (script->no_settings)
        while (SSL_read(ssl, bytes, sizeof bytes) > 0)
            ;
    else
        SSL_write(ssl, settings, sizeof settings);
    for (int count; (count = SSL_read(ssl, bytes + length, (int)(sizeof bytes - length))) > 0;) {
        length += (size_t)count;
        while (!started && at + 9 <= length) {
            started = bytes[at + 3] == HEADERS;
            at += 9 + ((size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2]);
        }
        if (started && length < sizeof bytes / 2) {
            length = sizeof bytes / 2; /* whatever else comes is only drained */
            SSL_write(ssl, script->bytes, (int)script->length);
            if (script->close_after)
                return;
        }
        if (started)
            length = sizeof bytes / 2;
    }
}

static struct script script;
static struct tls_peer peer;

static int begin_script(void **state)
{
    (void)state;
    script.length = 0;
    script.close_after = script.no_settings = false;
    peer = (struct tls_peer){.alpn = "h2", .serve = play, .data = &script};
    return 0;
}

/* Connect, send one request, run until it is over. */
static void run_script(struct seen *seen)
{
    tls_peer_start(&peer, folder, "good", NULL);
    connect_to(peer.port);
    assert_int_equal(client.opened, 1);
    assert_true(client.connection.capacity >= 100); /* no limit was set */
    seen_init(seen, "POST", "{}");
    http_connection_submit(&client.connection, &seen->exchange);
    RUN_UNTIL(&client.loop, seen_over(seen));
}

static int end_script(void **state)
{
    (void)state;
    client_close(&client);
    tls_peer_stop(&peer);
    return 0;
}

static void event_stream(void **state)
{
    struct seen seen;
    (void)state;
    add_response_head(&script, "text/event-stream; charset=utf-8", 0);
    add_frame(&script, DATA, 0, 1, "data: a\n\n", 9);
    add_frame(&script, DATA, 0, 1, "data: b\n\n", 9);
    add_frame(&script, DATA, END_STREAM, 1, "", 0);
    run_script(&seen);
    seen_is(&seen, 200, "data: a\n\ndata: b\n\n");
    assert_int_equal(seen.exchange.body_kind, HTTP_BODY_EVENT_STREAM);
    assert_true(seen.bodies >= 3); /* as it came, and the end */
    seen_free(&seen);
}

static void body_in_many_frames_and_trailers(void **state)
{
    struct seen seen;
    (void)state;
    add_frame(&script, HEADERS, END_HEADERS, 1,
              "\x08\x03"
              "103",
              5); /* an interim response */
    add_response_head(&script, "application/json", 0);
    for (int i = 0; i < 7; i++) {
        add_frame(&script, DATA, 0, 1, &"{\"a\":1}"[i], 1);
        add_frame(&script, PING, 0, 0, "12345678", 8);
    }
    add_frame(&script, HEADERS, END_HEADERS | END_STREAM, 1, "\x10\x01x\x01y", 5);
    run_script(&seen);
    seen_is(&seen, 200, "{\"a\":1}");
    assert_int_equal(seen.bodies, 1);
    assert_int_equal(seen.exchange.body_kind, HTTP_BODY_JSON);
    seen_free(&seen);
}

static void failed_stream(enum outcome_kind kind, const char *detail, bool connection_lives)
{
    struct seen seen;
    run_script(&seen);
    seen_failed(&seen, kind, detail);
    if (!connection_lives)
        RUN_UNTIL(&client.loop, client.closed);
    else
        peer_settle(&client.loop);
    assert_int_equal(client.closed, connection_lives ? 0 : 1);
    seen_free(&seen);
}

static void stream_reset(void **state)
{
    (void)state;
    add_response_head(&script, "application/json", 0);
    add_frame(&script, DATA, 0, 1, "{", 1);
    add_frame(&script, RST_STREAM, 0, 1, "\0\0\0\x02", 4);
    failed_stream(OUTCOME_CONNECTION_RESET, "stream_reset", true);
    assert_true(client.connection.reusable);
}

static void stream_refused(void **state)
{
    (void)state;
    add_frame(&script, RST_STREAM, 0, 1, "\0\0\0\x07", 4);
    failed_stream(OUTCOME_CONNECTION_RESET, "refused_stream", true);
}

static void goaway_refuses(void **state)
{
    (void)state;
    add_frame(&script, GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    failed_stream(OUTCOME_CONNECTION_RESET, "refused_stream", false);
    assert_int_equal(client.why.kind, OUTCOME_OK); /* orderly, with nothing left under way */
}

static void goaway_lets_finish(void **state)
{
    struct seen seen;
    (void)state;
    add_frame(&script, GOAWAY, 0, 0, "\0\0\0\x01\0\0\0\0", 8);
    add_response_head(&script, "application/json", 0);
    add_frame(&script, DATA, END_STREAM, 1, "{}", 2);
    run_script(&seen);
    seen_is(&seen, 200, "{}");
    assert_false(client.connection.reusable);
    seen_free(&seen);
}

static void half_a_body(void **state)
{
    (void)state;
    add_response_head(&script, "application/json", 0);
    add_frame(&script, DATA, 0, 1, "{", 1);
    script.close_after = true;
    failed_stream(OUTCOME_CONNECTION_RESET, "half_body", false);
}

static void length_that_lies(void **state)
{
    (void)state;
    add_frame(&script, HEADERS, END_HEADERS, 1,
              "\x88\x0f\x0d\x01"
              "5",
              5); /* content-length: 5 */
    add_frame(&script, DATA, END_STREAM, 1, "{}", 2);
    failed_stream(OUTCOME_PROTOCOL_VIOLATION, "bad_http2", true);
}

static void head_without_status(void **state)
{
    (void)state;
    add_frame(&script, HEADERS, END_HEADERS | END_STREAM, 1, "\x10\x01x\x01y", 5);
    failed_stream(OUTCOME_PROTOCOL_VIOLATION, "bad_http2", true);
}

static void frame_that_is_none(void **state)
{
    (void)state;
    add_frame(&script, SETTINGS, 0, 0, "12345", 5);
    failed_stream(OUTCOME_PROTOCOL_VIOLATION, "bad_http2", false);
    assert_int_equal(client.why.kind, OUTCOME_PROTOCOL_VIOLATION);
}

static void endless_body(void **state)
{
    static char piece[16000];
    (void)state;
    add_response_head(&script, "application/json", 0);
    for (int i = 0; i < 10; i++)
        add_frame(&script, DATA, 0, 1, piece, sizeof piece);
    tls_peer_start(&peer, folder, "good", NULL);
    connect_to(peer.port);
    client.endpoint.body_limit = 100000;
    struct seen seen;
    seen_init(&seen, "POST", "{}");
    http_connection_submit(&client.connection, &seen.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_failed(&seen, OUTCOME_PROTOCOL_VIOLATION, "body_too_large");
    assert_int_equal(client.closed, 0);
}

static void large_head(void **state)
{
    char block[1000] = "\x88\x10\x01x\x7f\x80\x06"; /* a value of 127 + 768 bytes */
    (void)state;
    memset(block + 7, 'y', 895);
    add_frame(&script, HEADERS, END_HEADERS | END_STREAM, 1, block, 7 + 895);
    tls_peer_start(&peer, folder, "good", NULL);
    connect_to(peer.port);
    client.endpoint.head_limit = 500;
    struct seen seen;
    seen_init(&seen, "POST", "{}");
    http_connection_submit(&client.connection, &seen.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_failed(&seen, OUTCOME_PROTOCOL_VIOLATION, "head_too_large");
}

static void no_settings(void **state)
{
    struct error error;
    const struct tls_options options = {.ca_file = certificate, .offer_http2 = true};
    char url[64];
    (void)state;
    script.no_settings = true;
    tls_peer_start(&peer, folder, "good", NULL);
    memset(&client, 0, sizeof client);
    client.fd = client.listener = -1;
    snprintf(url, sizeof url, "https://localhost:%u/", peer.port);
    assert_int_equal(loop_open(&client.loop, &error), 0);
    assert_int_equal(http_endpoint_open(&client.endpoint, url, &options, NULL, 0, NULL, &error), 0);
    client.endpoint.connect_timeout_ns = 500 * NS_PER_MS;
    client_connect(&client);
    assert_int_equal(client.opened, 0);
    assert_int_equal(client.why.kind, OUTCOME_CONNECT_TIMEOUT);
    assert_string_equal(client.why.detail, "http2_settings");
}

static void not_offered_unless_wanted(void **state)
{
    const struct tls_options options = {.ca_file = certificate};
    char url[64];
    (void)state;
    peer.serve = tls_serve_json;
    peer.data = "{}";
    tls_peer_start(&peer, folder, "good", NULL);
    snprintf(url, sizeof url, "https://localhost:%u/", peer.port);
    client_open_url(&client, url, &options);
    assert_int_equal(client.opened, 1);
    assert_false(client.connection.http2);
}

#define WITH_SERVER(function) cmocka_unit_test_setup_teardown(function, open_server, close_server)
#define WITH_SCRIPT(function) cmocka_unit_test_setup_teardown(function, begin_script, end_script)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(one_after_the_other),
        WITH_SERVER(many_at_once),
        WITH_SERVER(large_bodies_both_ways),
        WITH_SERVER(not_found),
        WITH_SERVER(aborting_one_leaves_the_others),
        WITH_SERVER(unsendable_headers),
        WITH_SERVER(server_dies),
        WITH_SERVER(closing_while_under_way),
        WITH_SERVER(closing_from_inside),
        WITH_SCRIPT(event_stream),
        WITH_SCRIPT(body_in_many_frames_and_trailers),
        WITH_SCRIPT(stream_reset),
        WITH_SCRIPT(stream_refused),
        WITH_SCRIPT(goaway_refuses),
        WITH_SCRIPT(goaway_lets_finish),
        WITH_SCRIPT(half_a_body),
        WITH_SCRIPT(length_that_lies),
        WITH_SCRIPT(head_without_status),
        WITH_SCRIPT(frame_that_is_none),
        WITH_SCRIPT(endless_body),
        WITH_SCRIPT(large_head),
        WITH_SCRIPT(no_settings),
        WITH_SCRIPT(not_offered_unless_wanted),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
