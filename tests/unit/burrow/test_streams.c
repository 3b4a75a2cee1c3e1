/* The streams of sessions while their clients come and go, comments are due all the time, and the
 * server ends: what belongs to a stream must outlive everybody who may still ask for it. */
#include "burrow/server/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
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

#define CLIENTS 4
#define ROUNDS  150

static struct http_server *server;
static atomic_bool over;

static int request(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, text, strlen(text)) < 0)
        abort();
    return fd;
}

/* What has come when `words` are in it. */
static void read_until(int fd, const char *words, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    while (!strstr(text, words)) {
        ssize_t count = read(fd, text + length, size - length - 1);
        if (count <= 0)
            abort();
        length += (size_t)count;
        text[length] = '\0';
    }
}

static void begin_session(char id[33])
{
    static const char body[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";
    char text[8192];
    snprintf(text, sizeof text,
             "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    int fd = request(text);
    read_until(fd, "instructions", text, sizeof text);
    memcpy(id, strcasestr(text, "Mcp-Session-Id: ") + strlen("Mcp-Session-Id: "), 32);
    id[32] = '\0';
    close(fd);
}

static void *come_and_go(void *unused)
{
    char id[33], text[8192];
    begin_session(id);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text,
                 "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                 "Mcp-Session-Id: %s\r\n\r\n",
                 id);
        int fd = request(text);
        read_until(fd, "retry:", text, sizeof text);
        close(fd);
    }
    return unused;
}

static void *tick(void *unused)
{
    while (!atomic_load(&over))
        http_server_tick(server);
    return unused;
}

static void streams_come_and_go(void **state)
{
    struct store store;
    struct error error = {0};
    struct store_options options = {.folder = ":memory:", .cache_limit_bytes = 1 << 20};
    struct http_server_options http = {
        .listen = "127.0.0.1:0", .threads = 2, .stream_comment_ms = 1};
    pthread_t clients[CLIENTS], ticking;
    (void)state;
    if (store_open(&store, &options, &error) < 0)
        fail_msg("%s", error.text);
    struct service *service = service_open(&store, &error);
    struct subscriptions *subscriptions = subscriptions_open(&store);
    server = http_server_start(service, subscriptions, &http, &error);
    if (!server)
        fail_msg("%s", error.text);
    pthread_create(&ticking, NULL, tick, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, come_and_go, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    atomic_store(&over, true);
    pthread_join(ticking, NULL);
    http_server_stop(server);
    assert_true(subscriptions_count(subscriptions) == 0); /* the channels went with the sessions */
    subscriptions_close(subscriptions);
    service_close(service);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(streams_come_and_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
