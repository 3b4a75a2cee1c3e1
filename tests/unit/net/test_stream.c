/* Opening streams: addresses, refusals, timeouts, Unix sockets, TLS and every way it can fail. */
#include "peer.h"
#include "tls_peer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cicada-stream-XXXXXX";
static char trusted[64], good_key[64];
static struct client client;

static const char *file(const char *name)
{
    static char paths[4][80];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    certificate_make(folder, "good", "DNS:localhost,IP:127.0.0.1", 30);
    certificate_make(folder, "other", "DNS:other.example", 30);
    certificate_make(folder, "expired", "DNS:localhost,IP:127.0.0.1", -1);
    snprintf(trusted, sizeof trusted, "%s", file("good.crt"));
    snprintf(good_key, sizeof good_key, "%s", file("good.key"));
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = {"good.crt",    "good.key",    "other.crt", "other.key",
                                        "expired.crt", "expired.key", "socket"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(file(names[i]));
    return rmdir(folder);
}

static void failed_to_open(enum outcome_kind kind, const char *detail, const char *text)
{
    assert_int_equal(client.opened, 0);
    assert_int_equal(client.closed, 1);
    assert_string_equal(outcome_kind_name(client.why.kind), outcome_kind_name(kind));
    assert_string_equal(client.why.detail, detail);
    if (!strstr(client.text, text))
        fail_msg("'%s' does not say '%s'", client.text, text);
    client_close(&client);
}

/* ---- without TLS -------------------------------------------------------------------------------
 */

static void refused(void **state)
{
    unsigned short port;
    char url[64];
    (void)state;
    close(peer_listen(&port));
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    client_open_url(&client, url, NULL);
    failed_to_open(OUTCOME_CONNECT_REFUSED, "refused", "refused");
}

/* A listener whose queue is full leaves connections unanswered, as a dead host does. */
static void not_accepted_in_time(void **state)
{
    unsigned short port;
    char url[64];
    int listener = peer_listen(&port), waiting[8];
    struct error error;
    (void)state;
    listen(listener, 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    memset(&client, 0, sizeof client);
    client.fd = client.listener = -1;
    assert_int_equal(loop_open(&client.loop, &error), 0);
    assert_int_equal(http_endpoint_open(&client.endpoint, url, NULL, NULL, 0, NULL, &error), 0);
    for (int i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&client.endpoint.address.candidates[0],
                client.endpoint.address.candidate_lengths[0]);
    }
    client.endpoint.connect_timeout_ns = 50 * NS_PER_MS;
    client_connect(&client);
    for (int i = 0; i < 8; i++)
        close(waiting[i]);
    close(listener);
    failed_to_open(OUTCOME_CONNECT_TIMEOUT, "connect", "connect timeout");
}

static void tries_every_address(void **state)
{
    unsigned short dead;
    (void)state;
    close(peer_listen(&dead));
    client_open(&client, NULL, 0);
    struct stream_address *address = &client.endpoint.address;
    address->candidates[2] = address->candidates[0];
    ((struct sockaddr_in *)&address->candidates[0])->sin_port = htons(dead);
    address->candidates[1] = address->candidates[0];
    address->candidate_lengths[1] = address->candidate_lengths[2] = address->candidate_lengths[0];
    address->candidate_count = 3;
    http_connection_close(&client.connection);
    client_connect(&client);
    assert_int_equal(client.opened, 1);
    assert_int_equal(client.connection.stream.attempts, 3);
    http_connection_close(&client.connection);
    client_connect(&client); /* remembers which one answered */
    assert_int_equal(client.opened, 1);
    assert_int_equal(client.connection.stream.attempts, 1);
    address->candidate_count = 2;
    *address->preferred = 1;
    http_connection_close(&client.connection);
    client_connect(&client);
    failed_to_open(OUTCOME_CONNECT_REFUSED, "refused", "refused");
}

static void closing_while_opening(void **state)
{
    static const struct http_connection_events none = {NULL, NULL};
    (void)state;
    client_open(&client, NULL, 0);
    struct http_connection connection;
    http_connection_open(&connection, &client.loop, &client.endpoint, &none);
    http_connection_close(&connection);
    http_connection_close(&connection);
    peer_settle(&client.loop); /* a callback would crash */
    client_close(&client);
}

static void unix_socket(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char url[200], request[2000];
    struct seen seen;
    (void)state;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", file("socket"));
    snprintf(url, sizeof url, "http://%%2Ftmp%%2F%s%%2Fsocket/mcp", folder + 5);
    client_open_url(&client, url, NULL);
    assert_int_equal(client.closed, 1);
    failed_to_open(OUTCOME_CONNECT_REFUSED, "no_socket", "No such file");

    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 5), 0);
    client_open_url(&client, url, NULL);
    assert_int_equal(client.opened, 1);
    client.listener = listener;
    client.fd = peer_accept(listener);
    seen_init(&seen, "POST", "{}");
    http_connection_submit(&client.connection, &seen.exchange);
    peer_read_request(client.fd, request, sizeof request);
    assert_non_null(strstr(request, "Host: localhost\r\n"));
    peer_send_text(client.fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, "ok");
    seen_free(&seen);
    client_close(&client);
}

static void out_of_descriptors(void **state)
{
    struct rlimit before, none;
    (void)state;
    client_open(&client, NULL, 0);
    http_connection_close(&client.connection);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    client_connect(&client);
    setrlimit(RLIMIT_NOFILE, &before);
    failed_to_open(OUTCOME_NOT_RUN, "no_descriptor", "ulimit -n");
}

static void resolving(void **state)
{
    struct stream_address address;
    struct outcome outcome = {.kind = OUTCOME_OK};
    struct error error;
    (void)state;
    assert_int_equal(stream_address_resolve(&address, "localhost", 80, &outcome, &error), 0);
    assert_true(address.candidate_count > 0);
    assert_string_equal(address.host, "localhost");
    stream_address_free(&address);
    assert_int_equal(stream_address_resolve(&address, "::1", 80, &outcome, &error), 0);
    assert_int_equal(address.candidates[0].ss_family, AF_INET6);
    stream_address_free(&address);
    assert_int_equal(outcome.kind, OUTCOME_OK);
    assert_int_equal(stream_address_resolve(&address, "nowhere.invalid", 80, &outcome, &error), -1);
    assert_int_equal(outcome.kind, OUTCOME_DNS);
    assert_int_equal(error.code, ERROR_TARGET);
    char path[300] = "/";
    memset(path + 1, 'x', 200);
    assert_int_equal(stream_address_resolve(&address, path, 0, &outcome, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
}

/* ---- TLS ---------------------------------------------------------------------------------------
 */

static char *long_body;

static void tls_connect(const struct tls_peer *peer, const char *host,
                        const struct tls_options *options)
{
    char url[100];
    snprintf(url, sizeof url, "https://%s:%u/mcp", host, peer->port);
    client_open_url(&client, url, options);
}

static void tls_verified(void **state)
{
    struct tls_peer peer = {.serve = tls_serve_json, .data = "{\"a\":1}"};
    const struct tls_options options = {.ca_file = trusted};
    (void)state;
    tls_peer_start(&peer, folder, "good", NULL);
    for (int by_address = 0; by_address < 2; by_address++) {
        tls_connect(&peer, by_address ? "127.0.0.1" : "localhost", &options);
        assert_int_equal(client.opened, 1);
        const struct stream *stream = &client.connection.stream;
        assert_non_null(strstr(stream_tls_description(stream), "TLSv1.3 TLS_"));
        assert_non_null(strstr(stream_tls_description(stream), "CN=good"));
        assert_false(client.connection.http2);
        assert_true(stream->open_started_ns < stream->connected_ns);
        assert_true(stream->connected_ns < stream->opened_ns);
        for (int i = 0; i < 50; i++) {
            struct seen seen;
            seen_init(&seen, "POST", "{}");
            http_connection_submit(&client.connection, &seen.exchange);
            RUN_UNTIL(&client.loop, seen_over(&seen));
            seen_is(&seen, 200, "{\"a\":1}");
            seen_free(&seen);
        }
        client_close(&client);
    }
    tls_peer_stop(&peer);
}

static void tls_large_bodies(void **state)
{
    enum { LENGTH = 3000000 };
    struct tls_peer peer = {.serve = tls_serve_json};
    const struct tls_options options = {.ca_file = trusted};
    struct seen seen;
    (void)state;
    long_body = malloc(LENGTH + 1);
    memset(long_body, 'y', LENGTH);
    long_body[LENGTH] = '\0';
    peer.data = long_body;
    tls_peer_start(&peer, folder, "good", NULL);
    tls_connect(&peer, "localhost", &options);
    seen_init(&seen, "POST", NULL);
    seen.exchange.body_pieces[0] = (struct iovec){long_body, 1000000};
    seen.exchange.body_pieces[1] = (struct iovec){long_body, 10};
    seen.exchange.body_piece_count = 2;
    http_connection_submit(&client.connection, &seen.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, long_body);
    assert_true(seen.exchange.sent_ns > 0);
    seen_free(&seen);
    client_close(&client);
    tls_peer_stop(&peer);
    free(long_body);
}

static void tls_untrusted(void **state)
{
    static const struct {
        const char *certificate, *ca, *text;
    } cases[] = {
        {"good", NULL, "--cacert"},
        {"good", "other.crt", "self-signed"},
        {"other", "other.crt", "use the name the certificate was made for"},
        {"expired", "expired.crt", "expired"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_peer peer = {.serve = tls_serve_json, .data = "{}"};
        struct tls_options options = {.ca_file = cases[i].ca ? file(cases[i].ca) : NULL};
        tls_peer_start(&peer, folder, cases[i].certificate, NULL);
        for (int by_address = 0; by_address < 2; by_address++) {
            tls_connect(&peer, by_address ? "127.0.0.1" : "localhost", &options);
            failed_to_open(OUTCOME_TLS, "certificate", cases[i].text);
        }
        options.insecure = true; /* the user's explicit word */
        tls_connect(&peer, "localhost", &options);
        assert_int_equal(client.opened, 1);
        client_close(&client);
        tls_peer_stop(&peer);
    }
}

static void tls_client_certificate(void **state)
{
    struct tls_peer peer = {.serve = tls_serve_json, .data = "{}"};
    struct tls_options options = {.ca_file = trusted};
    struct seen seen;
    (void)state;
    tls_peer_start(&peer, folder, "good", file("other.crt"));
    tls_connect(&peer, "localhost",
                &options); /* in TLS 1.3 the refusal comes after our handshake */
    if (!client.closed) {
        seen_init(&seen, "POST", "{}");
        http_connection_submit(&client.connection, &seen.exchange);
        RUN_UNTIL(&client.loop, client.closed);
        seen_failed(&seen, OUTCOME_TLS, "record");
        seen_free(&seen);
    }
    assert_int_equal(client.why.kind, OUTCOME_TLS);
    assert_non_null(strstr(client.text, "certificate required"));
    client_close(&client);

    options.certificate_file = file("other.crt");
    options.key_file = file("other.key");
    tls_connect(&peer, "localhost", &options);
    assert_int_equal(client.opened, 1);
    seen_init(&seen, "POST", "{}");
    http_connection_submit(&client.connection, &seen.exchange);
    RUN_UNTIL(&client.loop, seen_over(&seen));
    seen_is(&seen, 200, "{}");
    seen_free(&seen);
    client_close(&client);
    tls_peer_stop(&peer);
}

static void speak_http(int fd, void *data)
{
    char text[2000];
    (void)data;
    if (recv(fd, text, sizeof text, 0) > 0)
        send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
}

static void hang_up(int fd, void *data)
{
    char text[2000];
    (void)data;
    if (recv(fd, text, sizeof text, 0) > 0)
        shutdown(fd, SHUT_RDWR);
}

static void say_nothing(int fd, void *data)
{
    char text[2000];
    (void)data;
    while (recv(fd, text, sizeof text, 0) > 0)
        ;
}

static void tls_with_no_tls_server(void **state)
{
    static const struct {
        void (*serve)(int fd, void *data);
        enum outcome_kind kind;
        const char *detail, *text;
    } cases[] = {
        {speak_http, OUTCOME_TLS, "handshake", "try http://"},
        {hang_up, OUTCOME_TLS, "handshake_closed", "during the TLS handshake"},
        {say_nothing, OUTCOME_CONNECT_TIMEOUT, "tls_handshake", "TLS handshake was not finished"},
    };
    struct error error;
    char url[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_peer peer = {.serve_plain = cases[i].serve};
        tls_peer_start(&peer, folder, "good", NULL);
        memset(&client, 0, sizeof client);
        client.fd = client.listener = -1;
        snprintf(url, sizeof url, "https://localhost:%u/", peer.port);
        assert_int_equal(loop_open(&client.loop, &error), 0);
        assert_int_equal(http_endpoint_open(&client.endpoint, url, NULL, NULL, 0, NULL, &error), 0);
        if (cases[i].serve == say_nothing)
            client.endpoint.connect_timeout_ns = 100 * NS_PER_MS;
        client_connect(&client);
        failed_to_open(cases[i].kind, cases[i].detail, cases[i].text);
        tls_peer_stop(&peer);
    }
}

/* ---- bytes that lie in OpenSSL, where no event announces them
 * ------------------------------------- */

struct reader {
    struct stream stream;
    size_t bite, got;
    bool opened, ended;
};

static void reader_opened(struct stream *stream)
{
    container_of(stream, struct reader, stream)->opened = true;
}

static void reader_readable(struct stream *stream)
{
    struct reader *reader = container_of(stream, struct reader, stream);
    static char bytes[65536];
    ssize_t count = stream_read(stream, bytes, reader->bite);
    if (count > 0)
        reader->got += (size_t)count;
    reader->ended = count == 0;
}

static void reader_failed(struct stream *stream, const struct outcome *why, const char *text)
{
    (void)stream;
    fail_msg("%s: %s", outcome_kind_name(why->kind), text);
}

/* One record, and the word that no more comes; then the socket stays open and silent. */
static void send_and_linger(SSL *ssl, void *data)
{
    char text[1000] = "", byte;
    (void)data;
    SSL_write(ssl, text, sizeof text);
    SSL_shutdown(ssl);
    while (recv(SSL_get_fd(ssl), &byte, 1, 0) > 0)
        ;
}

static void tls_read_in_bites(void **state)
{
    static const struct stream_events events = {
        .opened = reader_opened, .readable = reader_readable, .failed = reader_failed};
    static const size_t bites[] = {1, 10, 999, 1000, 1001, 65536};
    const struct tls_options options = {.ca_file = trusted};
    struct tls_peer peer = {.serve = send_and_linger};
    struct stream_address address;
    struct loop loop;
    struct error error;
    (void)state;
    tls_peer_start(&peer, folder, "good", NULL);
    struct tls_settings *settings = tls_settings_open(&options, &error);
    assert_int_equal(loop_open(&loop, &error), 0);
    assert_int_equal(stream_address_resolve(&address, "127.0.0.1", peer.port, NULL, &error), 0);
    for (size_t i = 0; i < sizeof bites / sizeof bites[0]; i++) {
        struct reader reader = {.bite = bites[i]};
        stream_open(&reader.stream, &loop, &address, settings, 0, &events);
        RUN_UNTIL(&loop, reader.ended);
        assert_true(reader.opened);
        assert_int_equal(reader.got, 1000);
        stream_close(&reader.stream);
        stream_close(&reader.stream);
    }
    stream_address_free(&address);
    loop_close(&loop);
    tls_settings_close(settings);
    tls_peer_stop(&peer);
}

/* TLS 1.3 lets a server speak before the client has finished its handshake: HTTP/2 SETTINGS may
 * come that early. */
static void tls_bytes_along_with_the_handshake(void **state)
{
    static const struct stream_events events = {
        .opened = reader_opened, .readable = reader_readable, .failed = reader_failed};
    const struct tls_options options = {.ca_file = trusted};
    struct tls_peer peer = {.speak_first = "hello", .serve = tls_serve_json, .data = "{}"};
    struct reader reader = {.bite = 100};
    struct stream_address address;
    struct loop loop;
    struct error error;
    (void)state;
    tls_peer_start(&peer, folder, "good", NULL);
    struct tls_settings *settings = tls_settings_open(&options, &error);
    assert_int_equal(loop_open(&loop, &error), 0);
    assert_int_equal(stream_address_resolve(&address, "127.0.0.1", peer.port, NULL, &error), 0);
    stream_open(&reader.stream, &loop, &address, settings, 0, &events);
    RUN_UNTIL(&loop, reader.stream.connected_ns);
    for (uint64_t give_up = clock_now_ns() + 10 * NS_PER_S; !atomic_load(&peer.spoke);)
        assert_true(clock_now_ns() < give_up);
    RUN_UNTIL(&loop,
              reader.got == 5); /* all was there to be read with the handshake's last flight */
    assert_true(reader.opened);
    stream_close(&reader.stream);
    stream_address_free(&address);
    loop_close(&loop);
    tls_settings_close(settings);
    tls_peer_stop(&peer);
}

static void tls_files_that_are_wrong(void **state)
{
    const struct tls_options cases[] = {
        {.ca_file = "/nonexistent/ca.pem"},
        {.ca_file = good_key},
        {.certificate_file = "/nonexistent/cert.pem"},
        {.certificate_file = trusted, .key_file = "/nonexistent/key.pem"},
        {.certificate_file = trusted, .key_file = file("other.key")},
        {.key_file = good_key},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        assert_null(tls_settings_open(&cases[i], &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_true(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(not_accepted_in_time),
        cmocka_unit_test(tries_every_address),
        cmocka_unit_test(closing_while_opening),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(resolving),
        cmocka_unit_test(tls_verified),
        cmocka_unit_test(tls_large_bodies),
        cmocka_unit_test(tls_untrusted),
        cmocka_unit_test(tls_client_certificate),
        cmocka_unit_test(tls_with_no_tls_server),
        cmocka_unit_test(tls_read_in_bites),
        cmocka_unit_test(tls_bytes_along_with_the_handshake),
        cmocka_unit_test(tls_files_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
