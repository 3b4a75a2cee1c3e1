/* The server of the live page against readers that do not read, and more of them than it takes. */
#include "report/web_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG      ((size_t)1 << 20)
#define MESSAGES 100
#define READERS  8 /* as many as are taken */

static atomic_int stops;

static bool stop(void *context)
{
    (void)context;
    return atomic_fetch_add(&stops, 1) == 0;
}

static struct web_server *start(void)
{
    struct error error;
    const struct web_server_options options = {
        .page = "<!doctype html>", .policy = "default-src 'none'", .stop = stop};
    struct web_server *server = web_server_start(&options, &error);
    assert_non_null(server);
    return server;
}

static int connect_to(const struct web_server *server)
{
    unsigned port;
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    assert_int_equal(sscanf(web_server_url(server), "http://127.0.0.1:%u/", &port), 1);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ask_for_events(const struct web_server *server, int fd)
{
    const char *token = strstr(web_server_url(server), "token=");
    unsigned port;
    char request[256];
    sscanf(web_server_url(server), "http://127.0.0.1:%u/", &port);
    int length = snprintf(request, sizeof request,
                          "GET /events?%s HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", token, port);
    assert_int_equal(send(fd, request, (size_t)length, 0), length);
}

/* The status line's number; what came with it is dropped. */
static int status_of(int fd)
{
    char text[4096] = "";
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    return got > 12 ? atoi(text + 9) : -1;
}

/* Read until that was said. */
static void read_to(int fd, const char *words)
{
    char text[4096] = "";
    size_t length = 0;
    while (!strstr(text, words)) {
        ssize_t got = recv(fd, text + length, sizeof text - 1 - length, 0);
        assert_true(got > 0);
        length += (size_t)got;
        text[length] = '\0';
    }
}

static char *message(unsigned number, size_t size)
{
    char *text = malloc(size + 32);
    assert_non_null(text);
    memset(text, ' ', size);
    snprintf(text + size, 32, "{\"n\":%u}", number);
    return text;
}

static void one_that_does_not_read_holds_nobody_up(void **state)
{
    (void)state;
    struct web_server *server = start();
    web_server_publish(server, NULL, message(0, 0));
    int fd = connect_to(server);
    ask_for_events(server, fd);
    read_to(fd, "{\"n\":0}");
    /* A hundred times what the sockets between could hold; it returns all the same. */
    for (unsigned i = 1; i <= MESSAGES; i++)
        web_server_publish(server, message(i, BIG), message(i, 0));

    char *text = malloc(BIG * 64);
    size_t length = 0, events = 0, wholes = 0;
    unsigned number;
    assert_non_null(text);
    char last[32];
    snprintf(last, sizeof last, "{\"n\":%d}", MESSAGES);
    for (;;) {
        ssize_t got = recv(fd, text + length, BIG * 64 - 1 - length, 0);
        assert_true(got > 0);
        size_t before = length > 64 ? length - 64 : 0;
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text + before, last))
            break; /* it is told the newest, whatever it missed */
    }
    for (const char *at = text; (at = strstr(at, "event: ")); at++) {
        events++;
        wholes += sscanf(at, "event: whole data: {\"n\":%u}", &number) == 1;
    }
    assert_true(events < MESSAGES);
    assert_true(wholes > 0); /* the whole, in place of what it missed */
    free(text);
    close(fd);
    web_server_stop(server);
}

static void so_many_are_read_to_and_no_more(void **state)
{
    (void)state;
    struct web_server *server = start();
    int fds[READERS];
    web_server_publish(server, NULL, message(0, 0));
    for (int i = 0; i < READERS; i++) {
        fds[i] = connect_to(server);
        ask_for_events(server, fds[i]);
        assert_int_equal(status_of(fds[i]), 200);
    }
    int fd = connect_to(server);
    ask_for_events(server, fd);
    assert_int_equal(status_of(fd), 503);
    close(fd);
    /* One that leaves is noticed when there is something to tell it. */
    close(fds[0]);
    int status = 503;
    for (int tries = 0; status != 200 && tries < 5000; tries++) {
        web_server_publish(server, message(1, 0), message(1, 0));
        fds[0] = connect_to(server);
        ask_for_events(server, fds[0]);
        status = status_of(fds[0]);
        if (status != 200)
            close(fds[0]);
    }
    assert_int_equal(status, 200);
    for (int i = 0; i < READERS; i++)
        close(fds[i]);
    web_server_stop(server);
}

static void the_last_words_are_said_before_the_end(void **state)
{
    (void)state;
    struct web_server *server = start();
    web_server_publish(server, NULL, message(0, 0));
    int fd = connect_to(server);
    ask_for_events(server, fd);
    assert_int_equal(status_of(fd), 200);
    web_server_publish(server, message(1, 0), message(1, 0));
    web_server_publish(server, message(2, 0), message(2, 0));
    web_server_stop(server);
    char text[8192];
    size_t length = 0;
    for (ssize_t got; (got = recv(fd, text + length, sizeof text - 1 - length, 0)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    assert_non_null(strstr(text, "{\"n\":2}"));
    assert_non_null(strstr(text, "\r\n0\r\n")); /* the stream ends, it does not break off */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_does_not_read_holds_nobody_up),
        cmocka_unit_test(so_many_are_read_to_and_no_more),
        cmocka_unit_test(the_last_words_are_said_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
