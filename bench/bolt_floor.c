/* What reading single records over Bolt costs anyone: the bytes that cicada sends are made
 * beforehand, and of an answer only the ends of its messages are looked for. A wait, a write, and
 * as many reads as the server's answers come in are all that is left; nothing is checked, timed or
 * counted but answers.
 *
 *   bolt_floor bolt://[USER:PASSWORD@]127.0.0.1:PORT CONNECTIONS READS      prints: reads answered,
 * reads that failed */
#include "net/bolt_message.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEYS = 1000, LIMIT = 1 << 16, EVENTS = 64, INPUT = 1 << 16 };

struct client {
    int fd;
    unsigned header, header_bytes; /* of a chunk, as far as it came */
    unsigned left;                 /* of the chunk */
    unsigned offset;               /* in the message: its second byte says what it is */
    unsigned due;                  /* answers that are still to come */
};

static struct buffer requests[KEYS];
static unsigned long left_to_send, answered, failed;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static void make_requests(void)
{
    static const char cypher[] = "MATCH (n:CicadaBench {key: $key}) RETURN n";
    struct buffer parameters, scope;
    struct bolt_scope reads = {.read = true};
    buffer_init(&parameters, LIMIT);
    buffer_init(&scope, LIMIT);
    int made = bolt_put_scope(&scope, &reads);
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16];
        int length = snprintf(key, sizeof key, "key %u", i);
        buffer_clear(&parameters);
        buffer_init(&requests[i], LIMIT);
        made |=
            packstream_put_map(&parameters, 1) | packstream_put_text(&parameters, "key") |
            packstream_put_string(&parameters, key, (size_t)length) |
            bolt_put_run(&requests[i], cypher, sizeof cypher - 1, buffer_bytes(&parameters),
                         buffer_length(&parameters), buffer_bytes(&scope), buffer_length(&scope)) |
            bolt_put_pull(&requests[i], BOLT_PULL, 1000, -1);
    }
    buffer_free(&parameters);
    buffer_free(&scope);
    if (made < 0)
        die("making the requests");
}

static void send_all(struct client *client, const struct buffer *bytes)
{
    if (send(client->fd, buffer_bytes(bytes), buffer_length(bytes), MSG_NOSIGNAL) !=
        (ssize_t)buffer_length(bytes))
        die("send");
}

static void ask(struct client *client)
{
    if (left_to_send == 0)
        return;
    send_all(client, &requests[(unsigned)rand() % KEYS]);
    client->due = 2;
    left_to_send--;
}

/* A RUN answered by a failure has its PULL ignored: one read that failed. */
static void end_of_message(struct client *client, unsigned tag)
{
    if (tag == BOLT_RECORD)
        return;
    failed += tag != BOLT_SUCCESS && client->due == 1;
    if (client->due && --client->due == 0)
        answered += tag == BOLT_SUCCESS;
}

static void take(struct client *client, const unsigned char *bytes, size_t length)
{
    static unsigned tags[4096]; /* by descriptor: of the message being read */
    for (size_t i = 0; i < length;) {
        if (client->left) {
            size_t more = length - i < client->left ? length - i : client->left;
            if (client->offset <= 1 && client->offset + more > 1)
                tags[client->fd] = bytes[i + 1 - client->offset];
            client->offset += (unsigned)more;
            client->left -= (unsigned)more;
            i += more;
            continue;
        }
        client->header = client->header << 8 | bytes[i++];
        if (++client->header_bytes < 2)
            continue;
        client->left = client->header & 0xFFFF;
        client->header_bytes = client->header = 0;
        if (client->left == 0) { /* the chunk without bytes that ends a message */
            end_of_message(client, tags[client->fd]);
            client->offset = 0;
        }
    }
}

static void receive(struct client *client)
{
    static unsigned char input[INPUT];
    ssize_t count = recv(client->fd, input, sizeof input, 0);
    if (count <= 0)
        die("the server closed");
    take(client, input, (size_t)count);
}

static void greet(struct client *client, const char *user, const char *password)
{
    static const unsigned char handshake[20] = {0x60, 0x60, 0xB0, 0x17, 0, 8, 8, 5};
    struct bolt_identity identity = {.user_agent = "bolt_floor/1.0",
                                     .authentication = *user ? BOLT_AUTH_BASIC : BOLT_AUTH_NONE,
                                     .principal = user,
                                     .credentials = password};
    struct buffer greeting;
    unsigned char version[4];
    buffer_init(&greeting, LIMIT);
    if (send(client->fd, handshake, sizeof handshake, MSG_NOSIGNAL) != sizeof handshake ||
        recv(client->fd, version, sizeof version, MSG_WAITALL) != sizeof version)
        die("handshake");
    if (bolt_put_hello(&greeting, (struct bolt_version){version[3], version[2]}, &identity) < 0 ||
        bolt_put_logon(&greeting, &identity) < 0)
        die("greeting");
    client->due = 2;
    send_all(client, &greeting);
    while (client->due)
        receive(client);
    if (failed || answered == 0)
        die("the server refuses the greeting");
    answered = 0;
    buffer_free(&greeting);
}

static void open_client(struct client *client, const char *url)
{
    char user[64] = "", password[64] = "";
    int port = 0, one = 1;
    if (sscanf(url, "bolt://%63[^:]:%63[^@]@127.0.0.1:%d", user, password, &port) != 3) {
        *user = 0;
        if (sscanf(url, "bolt://127.0.0.1:%d", &port) != 1)
            die("the URL");
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || client->fd >= 4096 ||
        connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
        die("connect");
    greet(client, user, password);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    size_t count = strtoul(argv[2], NULL, 10);
    struct client *clients = calloc(count, sizeof *clients);
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned long reads = strtoul(argv[3], NULL, 10);
    if (!clients || epoll < 0)
        die("start");
    make_requests();
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        open_client(&clients[i], argv[1]);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) < 0)
            die("epoll_ctl");
    }
    left_to_send = reads;
    for (size_t i = 0; i < count; i++)
        ask(&clients[i]);
    while (answered + failed < reads) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            receive(client);
            if (client->due == 0)
                ask(client);
        }
    }
    printf("%lu %lu\n", answered + failed, failed);
    free(clients);
    return 0;
}
