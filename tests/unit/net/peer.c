/* See peer.h. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int peer_listen(unsigned short *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    *port = ntohs(name.sin_port);
    return fd;
}

int peer_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    struct timeval limit = {.tv_sec = 10};
    assert_true(fd >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
               sizeof limit); /* a test fails, it never hangs */
    return fd;
}

void peer_send(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

void peer_send_text(int fd, const char *text)
{
    peer_send(fd, text, strlen(text));
}

size_t peer_read_request(int fd, char *text, size_t size)
{
    size_t length = 0, expected = SIZE_MAX;
    while (length < expected) {
        ssize_t count = recv(fd, text + length, size - 1 - length, 0);
        assert_true(count > 0);
        length += (size_t)count;
        text[length] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *header = strstr(text, "Content-Length: ");
        if (end)
            expected = (size_t)(end + 4 - text) + (header ? strtoul(header + 16, NULL, 10) : 0);
    }
    assert_int_equal(length, expected);
    return length;
}

bool peer_sees_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}

void peer_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

void peer_settle(struct loop *loop)
{
    for (int i = 0; i < 5; i++)
        loop_run_once(loop, 0);
}

/* ---- exchanges ---------------------------------------------------------------------------------
 */

static struct seen *seen_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct seen, exchange);
}

static void on_head(struct http_exchange *exchange)
{
    struct seen *seen = seen_of(exchange);
    seen->heads++;
    if (seen->on_head)
        seen->on_head(seen);
}

static void on_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct seen *seen = seen_of(exchange);
    assert_int_equal(seen->lasts + seen->failures, 0);
    assert_int_equal(seen->heads, 1);
    assert_int_equal(buffer_append(&seen->body, bytes, length), 0);
    seen->bodies++;
    seen->lasts += last;
    if (last && seen->then)
        seen->then(seen);
}

static void on_failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    struct seen *seen = seen_of(exchange);
    assert_int_equal(seen->lasts + seen->failures, 0);
    seen->failures++;
    seen->why = *why;
    snprintf(seen->text, sizeof seen->text, "%s", text);
    if (seen->then)
        seen->then(seen);
}

void seen_init(struct seen *seen, const char *method, const char *body)
{
    static const struct http_exchange_events events = {on_head, on_body, on_failed};
    memset(seen, 0, sizeof *seen);
    seen->exchange.events = &events;
    seen->exchange.method = method;
    if (body) {
        seen->exchange.body_pieces[0] = (struct iovec){(void *)body, strlen(body)};
        seen->exchange.body_piece_count = 1;
    }
    buffer_init(&seen->body, SIZE_MAX / 2);
}

void seen_free(struct seen *seen)
{
    buffer_free(&seen->body);
}

bool seen_over(const struct seen *seen)
{
    return seen->lasts || seen->failures;
}

void seen_is(const struct seen *seen, int status, const char *body)
{
    if (seen->failures)
        fail_msg("failed: %s, %s: %s", outcome_kind_name(seen->why.kind), seen->why.detail,
                 seen->text);
    assert_int_equal(seen->lasts, 1);
    assert_int_equal(seen->exchange.status, status);
    assert_int_equal(buffer_length(&seen->body), strlen(body));
    if (*body)
        assert_memory_equal(buffer_bytes(&seen->body), body, strlen(body));
    assert_null(seen->exchange.connection);
    assert_true(seen->exchange.send_ns > 0 &&
                seen->exchange.send_ns <= seen->exchange.first_byte_ns);
    assert_true(seen->exchange.first_byte_ns <= seen->exchange.end_ns);
}

void seen_failed(const struct seen *seen, enum outcome_kind kind, const char *detail)
{
    assert_int_equal(seen->failures, 1);
    assert_int_equal(seen->lasts, 0);
    assert_string_equal(outcome_kind_name(seen->why.kind), outcome_kind_name(kind));
    assert_string_equal(seen->why.detail ? seen->why.detail : "(none)", detail);
    assert_true(seen->text[0] != '\0');
    assert_null(seen->exchange.connection);
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void on_opened(struct http_connection *connection)
{
    struct client *client = container_of(connection, struct client, connection);
    client->opened++;
}

static void on_closed(struct http_connection *connection, const struct outcome *why,
                      const char *text)
{
    struct client *client = container_of(connection, struct client, connection);
    client->closed++;
    client->why = *why;
    snprintf(client->text, sizeof client->text, "%s", text);
    assert_int_equal(connection->in_flight, 0);
    assert_false(connection->reusable);
}

static const struct http_connection_events connection_events = {on_opened, on_closed};

void client_connect(struct client *client)
{
    client->opened = client->closed = 0;
    http_connection_open(&client->connection, &client->loop, &client->endpoint, &connection_events);
    assert_int_equal(client->opened, 0); /* never from inside */
    RUN_UNTIL(&client->loop, client->opened || client->closed);
}

void client_open(struct client *client, const struct http_header *headers, size_t header_count)
{
    struct error error = {0};
    unsigned short port;
    char url[64];
    memset(client, 0, sizeof *client);
    client->listener = peer_listen(&port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", port);
    assert_int_equal(loop_open(&client->loop, &error), 0);
    if (http_endpoint_open(&client->endpoint, url, NULL, headers, header_count, NULL, &error) < 0)
        fail_msg("%s", error.text);
    client_connect(client);
    assert_int_equal(client->opened, 1);
    assert_int_equal(client->connection.capacity, 1);
    assert_true(client->connection.reusable);
    client->fd = peer_accept(client->listener);
}

void client_open_url(struct client *client, const char *url, const struct tls_options *tls)
{
    struct error error = {0};
    memset(client, 0, sizeof *client);
    client->listener = client->fd = -1;
    assert_int_equal(loop_open(&client->loop, &error), 0);
    if (http_endpoint_open(&client->endpoint, url, tls, NULL, 0, NULL, &error) < 0)
        fail_msg("%s", error.text);
    client_connect(client);
}

void client_close(struct client *client)
{
    http_connection_close(&client->connection);
    http_connection_close(&client->connection);
    http_endpoint_close(&client->endpoint);
    loop_close(&client->loop);
    if (client->fd >= 0)
        close(client->fd);
    if (client->listener >= 0)
        close(client->listener);
}
