/* A Bolt server that answers every query at once with one record, a node with the key that was
 * asked for: so fast that a client's own cost is what limits it. One thread, 127.0.0.1.
 *
 *   fast_bolt PORT */
#include "base/loop.h"
#include "net/bolt_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANDSHAKE = 20, LIMIT = 1 << 20 };

struct client {
    struct loop_io io;
    struct loop *loop;
    struct bolt_framing framing;
    struct buffer output;
    size_t handshake; /* bytes of it that came */
    char key[64];     /* of the last query */
};

static void drop(struct client *client)
{
    loop_io_remove(client->loop, &client->io);
    close(client->io.fd);
    bolt_framing_free(&client->framing);
    buffer_free(&client->output);
    free(client);
}

static int put_text_pair(struct buffer *output, const char *key, const char *text)
{
    return packstream_put_text(output, key) | packstream_put_text(output, text);
}

static int put_success(struct buffer *output, uint8_t request)
{
    size_t position;
    int put =
        bolt_message_begin(output, &position) | packstream_put_structure(output, BOLT_SUCCESS, 1);
    if (request == BOLT_HELLO)
        put |= packstream_put_map(output, 2) | put_text_pair(output, "server", "Neo4j/5.26.0") |
               put_text_pair(output, "connection_id", "bolt-1");
    else if (request == BOLT_RUN)
        put |= packstream_put_map(output, 2) | packstream_put_text(output, "t_first") |
               packstream_put_integer(output, 1) | packstream_put_text(output, "fields") |
               packstream_put_list(output, 1) | packstream_put_text(output, "n");
    else if (request == BOLT_PULL)
        put |= packstream_put_map(output, 2) | put_text_pair(output, "type", "r") |
               put_text_pair(output, "db", "neo4j");
    else
        put |= packstream_put_map(output, 0);
    return put | bolt_message_end(output, position);
}

static int put_record(struct buffer *output, const char *key)
{
    size_t position;
    return bolt_message_begin(output, &position) |
           packstream_put_structure(output, BOLT_RECORD, 1) | packstream_put_list(output, 1) |
           packstream_put_structure(output, 'N', 4) | packstream_put_integer(output, 17) |
           packstream_put_list(output, 1) | packstream_put_text(output, "CicadaBench") |
           packstream_put_map(output, 4) | put_text_pair(output, "key", key) |
           put_text_pair(output, "name", "node 17") | packstream_put_text(output, "id") |
           packstream_put_integer(output, 17) | packstream_put_text(output, "value") |
           packstream_put_integer(output, 0) |
           packstream_put_text(output, "4:5f9e1b6a-0f0b-4d6b-9c5d-0c8f4b7e2a11:17") |
           bolt_message_end(output, position);
}

static int answer(struct client *client, const uint8_t *message, size_t length)
{
    struct packstream_reader reader = packstream_reader_of(message, length);
    struct packstream_value request, parameters;
    if (packstream_read(&reader, &request) < 0 || request.type != PACKSTREAM_STRUCTURE ||
        request.tag == BOLT_GOODBYE)
        return -1;
    if (request.tag == BOLT_RUN) {
        if (packstream_skip(&reader) < 0 || packstream_read(&reader, &parameters) < 0)
            return -1;
        bolt_map_text(reader, parameters.count, "key", client->key, sizeof client->key);
    }
    if (request.tag == BOLT_PULL && put_record(&client->output, client->key) < 0)
        return -1;
    return put_success(&client->output, request.tag);
}

static int take(struct client *client, const uint8_t *bytes, size_t count)
{
    static const char version[4] = {0, 0, 4, 5};
    const uint8_t *end = bytes + count, *message;
    size_t length;
    for (; client->handshake < HANDSHAKE && bytes < end; bytes++)
        if (++client->handshake == HANDSHAKE &&
            buffer_append(&client->output, version, sizeof version) < 0)
            return -1;
    while (bolt_framing_feed(&client->framing, &bytes, end, &message, &length) == BOLT_MESSAGE)
        if (answer(client, message, length) < 0)
            return -1;
    return 0;
}

static void on_ready(struct loop_io *io, unsigned events)
{
    struct client *client = container_of(io, struct client, io);
    ssize_t count = recv(io->fd, client->loop->scratch, LOOP_SCRATCH_SIZE, 0);
    (void)events;
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0 || take(client, (const uint8_t *)client->loop->scratch, (size_t)count) < 0) {
        drop(client);
        return;
    }
    /* A client has one query under way: its answer fits the socket. */
    size_t length = buffer_length(&client->output);
    if (send(io->fd, buffer_bytes(&client->output), length, MSG_NOSIGNAL) != (ssize_t)length) {
        drop(client);
        return;
    }
    buffer_clear(&client->output);
}

static struct loop loop;

static void on_connection(struct loop_io *listener, unsigned events)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    struct client *client = fd < 0 ? NULL : calloc(1, sizeof *client);
    (void)events;
    if (!client)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->loop = &loop;
    client->io.ready = on_ready;
    bolt_framing_init(&client->framing, LIMIT);
    buffer_init(&client->output, LIMIT);
    if (loop_io_add(&loop, &client->io, fd, LOOP_READ) < 0) {
        close(fd);
        free(client);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct loop_io listener = {.ready = on_connection};
    struct error error;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (argc != 2 || fd < 0) {
        fprintf(stderr, "usage: fast_bolt PORT\n");
        return 2;
    }
    name.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 128) < 0 ||
        loop_open(&loop, &error) < 0 || loop_io_add(&loop, &listener, fd, LOOP_READ) < 0) {
        perror("fast_bolt");
        return 1;
    }
    loop_run(&loop);
    return 0;
}
