/* fast_server: the fastest MCP server we could write in a page, so that a benchmark measures the
 * client. HTTP/1.1 keep-alive and pipelining on epoll, one thread unless told; every request gets a
 * small fixed result with its own id. It checks nothing: it is a yardstick, no server. */
#include "base/buffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, READ_SIZE = 64 * 1024, REQUEST_LIMIT = 1024 * 1024, MOST_THREADS = 64 };

struct client {
    int fd;
    struct buffer input;  /* the start of a request that is not whole yet; empty otherwise */
    struct buffer output; /* what the socket did not take; empty otherwise */
};

struct thread {
    pthread_t id;
    int epoll_fd, listener;
    struct buffer output; /* the answers to one read */
    char *scratch;
};

struct piece {
    const char *start;
    size_t length;
};

static bool legacy_only;
static atomic_ullong sessions;

/* ---- answers -----------------------------------------------------------------------------------
 */

#define TOOL_SCHEMA                                                                                \
    "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}},\"required\":["       \
    "\"message\"]}"

static const struct {
    const char *method, *result;
} answers[] = {
    {"tools/call",
     "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"Echo: hello\"}]}"},
    {"tools/list",
     "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"tools\":[{\"name\":"
     "\"echo\",\"description\":\"Echoes.\",\"inputSchema\":" TOOL_SCHEMA
     ",\"annotations\":{\"readOnlyHint\":true}}]}"},
    {"initialize", "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                   "\"serverInfo\":{\"name\":\"fast_server\",\"version\":\"1\"}}"},
    {"ping", "{\"resultType\":\"complete\"}"},
    {"server/discover",
     "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"supportedVersions\":["
     "\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"_meta\":{\"io.modelcontextprotocol/"
     "serverInfo\":{\"name\":\"fast_server\",\"version\":\"1\"}}}"},
};

static bool piece_equals(struct piece piece, const char *text)
{
    return piece.length == strlen(text) && memcmp(piece.start, text, piece.length) == 0;
}

static const char *result_of(struct piece method)
{
    if (legacy_only && piece_equals(method, "server/discover"))
        return NULL;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (piece_equals(method, answers[i].method))
            return answers[i].result;
    return NULL;
}

static void answer(struct buffer *output, struct piece method, struct piece id)
{
    const char *result = result_of(method);
    const char *status = result ? "200 OK" : "404 Not Found";
    const char *member = result ? "result" : "error";
    if (!result)
        result = "{\"code\":-32601,\"message\":\"method not found\"}";
    size_t length =
        strlen("{\"jsonrpc\":\"2.0\",\"id\":,\"\":}") + id.length + strlen(member) + strlen(result);
    buffer_append_text(output, "HTTP/1.1 ");
    buffer_append_text(output, status);
    buffer_append_text(output, "\r\nContent-Type: application/json\r\nContent-Length: ");
    buffer_append_uint(output, length);
    if (piece_equals(method, "initialize")) {
        buffer_append_text(output, "\r\nMcp-Session-Id: fast-");
        buffer_append_uint(output, ++sessions);
    }
    buffer_append_text(output, "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":");
    buffer_append(output, id.start, id.length);
    buffer_append_text(output, ",\"");
    buffer_append_text(output, member);
    buffer_append_text(output, "\":");
    buffer_append_text(output, result);
    buffer_append_char(output, '}');
}

/* ---- requests ----------------------------------------------------------------------------------
 */

/* The end of the string whose opening quote is at `at`: one past its closing quote. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* One pass over the object: the values of its own members "id" and "method", whatever the order. */
static void find_members(const char *at, const char *end, struct piece *id, struct piece *method)
{
    int depth = 0;
    struct piece *wanted = NULL;
    for (; at < end; at++) {
        switch (*at) {
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            /* fall through */
        case ',':
            if (wanted && depth <= 1) {
                wanted->length = (size_t)(at - wanted->start);
                wanted = NULL;
            }
            break;
        case '"': {
            const char *closed = skip_string(at, end);
            if (depth == 1 && closed < end && *closed == ':') {
                struct piece key = {at + 1, (size_t)(closed - at) - 2};
                wanted = piece_equals(key, "id") ? id : piece_equals(key, "method") ? method : NULL;
                if (wanted)
                    wanted->start = closed + 1;
                closed++;
            }
            at = closed - 1;
            break;
        }
        default:
            break;
        }
    }
    if (method->length >= 2) { /* without its quotes */
        method->start++;
        method->length -= 2;
    }
}

static size_t content_length(const char *head, size_t length)
{
    for (const char *line = head; line;) {
        const char *end = memchr(line, '\n', length - (size_t)(line - head));
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
        line = end && (size_t)(end + 1 - head) < length ? end + 1 : NULL;
    }
    return 0;
}

/* Answer the request at the front of the bytes. Its length; 0 when it is not whole yet. */
static size_t serve_one(struct buffer *output, const char *bytes, size_t length)
{
    const char *head_end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!head_end)
        return 0;
    size_t head = (size_t)(head_end - bytes) + 4, body = content_length(bytes, head);
    if (body > REQUEST_LIMIT || length - head < body)
        return 0;
    struct piece id = {0}, method = {0};
    if (strncmp(bytes, "POST ", 5) == 0)
        find_members(bytes + head, bytes + head + body, &id, &method);
    if (id.length)
        answer(output, method, id);
    else if (method.length)
        buffer_append_text(output, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    else if (strncmp(bytes, "DELETE ", 7) == 0)
        buffer_append_text(output, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    else
        buffer_append_text(output, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    return head + body;
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void client_close(struct client *client)
{
    close(client->fd);
    buffer_free(&client->input);
    buffer_free(&client->output);
    free(client);
}

static void client_watch(struct thread *thread, struct client *client, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (buffer_length(&client->output))
        event.events |= EPOLLOUT;
    epoll_ctl(thread->epoll_fd, operation, client->fd, &event);
}

/* Send what there is; keep the rest. -1 when the client is gone. */
static int client_send(struct thread *thread, struct client *client, struct buffer *from)
{
    while (buffer_length(from)) {
        ssize_t sent =
            send(client->fd, buffer_bytes(from), buffer_length(from), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return -1;
        if (sent < 0) {
            if (from != &client->output) {
                buffer_append(&client->output, buffer_bytes(from), buffer_length(from));
                buffer_clear(from);
                client_watch(thread, client, EPOLL_CTL_MOD);
            }
            return 0;
        }
        buffer_consume(from, (size_t)sent);
    }
    if (from == &client->output) {
        buffer_shrink(from);
        client_watch(thread, client, EPOLL_CTL_MOD);
    }
    return 0;
}

static int client_serve(struct thread *thread, struct client *client, const char *bytes,
                        size_t length)
{
    size_t done = 0;
    for (size_t used; (used = serve_one(&thread->output, bytes + done, length - done));)
        done += used;
    if (bytes != buffer_bytes(&client->input)) {
        if (length > done && buffer_append(&client->input, bytes + done, length - done) < 0)
            return -1;
    } else {
        buffer_consume(&client->input, done);
        buffer_shrink(&client->input);
    }
    struct buffer *output = &thread->output;
    if (buffer_length(&client->output)) { /* keep the order behind what waits already */
        buffer_append(&client->output, buffer_bytes(output), buffer_length(output));
        buffer_clear(output);
        return 0;
    }
    return client_send(thread, client, output);
}

static int client_read(struct thread *thread, struct client *client)
{
    ssize_t got = recv(client->fd, thread->scratch, READ_SIZE, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN ? 0 : -1;
    if (got == 0)
        return -1;
    if (!buffer_length(&client->input))
        return client_serve(thread, client, thread->scratch, (size_t)got);
    if (buffer_append(&client->input, thread->scratch, (size_t)got) < 0)
        return -1;
    return client_serve(thread, client, buffer_bytes(&client->input),
                        buffer_length(&client->input));
}

static void accept_clients(struct thread *thread)
{
    int on = 1;
    for (int fd; (fd = accept4(thread->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct client *client = calloc(1, sizeof *client);
        if (!client) {
            close(fd);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        client->fd = fd;
        buffer_init(&client->input, 2 * REQUEST_LIMIT);
        buffer_init(&client->output, 64 * REQUEST_LIMIT);
        client_watch(thread, client, EPOLL_CTL_ADD);
    }
}

static void *thread_run(void *argument)
{
    struct thread *thread = argument;
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(thread->epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) {
                accept_clients(thread);
                continue;
            }
            int status = 0;
            if (events[i].events & EPOLLOUT)
                status = client_send(thread, client, &client->output);
            if (status == 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                status = client_read(thread, client);
            if (status < 0)
                client_close(client);
        }
    }
    return NULL;
}

/* Every thread has a listener of its own on the same port: the kernel spreads the clients. */
static int thread_open(struct thread *thread, unsigned *port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t length = sizeof address;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    buffer_init(&thread->output, 64 * REQUEST_LIMIT);
    thread->scratch = malloc(READ_SIZE);
    thread->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    thread->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    setsockopt(thread->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(thread->listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (!thread->scratch || thread->listener < 0 || thread->epoll_fd < 0 ||
        bind(thread->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(thread->listener, 4096) < 0 ||
        getsockname(thread->listener, (struct sockaddr *)&address, &length) < 0 ||
        epoll_ctl(thread->epoll_fd, EPOLL_CTL_ADD, thread->listener, &event) < 0) {
        fprintf(stderr, "fast_server: 127.0.0.1:%u: %s\n", *port, strerror(errno));
        return -1;
    }
    *port = ntohs(address.sin_port);
    return 0;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static const char help[] =
    "usage: fast_server [--port N] [--threads N] [--legacy] [--print-port]\n"
    "Answers MCP over HTTP on 127.0.0.1 as fast as it can, at any path. --port 0, the default,\n"
    "takes a free one; --legacy knows no server/discover.\n";

struct arguments {
    unsigned port, threads;
    bool print_port;
};

/* 0 to go on, else the exit code plus one. */
static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'}, {"threads", required_argument, NULL, 't'},
        {"legacy", no_argument, NULL, 'l'},     {"print-port", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},       {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            arguments->port = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            arguments->threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            legacy_only = true;
            break;
        case 'P':
            arguments->print_port = true;
            break;
        default:
            fputs(help, option == 'h' ? stdout : stderr);
            return option == 'h' ? 1 : 3;
        }
    }
    if (arguments->threads >= 1 && arguments->threads <= MOST_THREADS)
        return 0;
    fprintf(stderr, "fast_server: --threads %u: give 1 to %d\n", arguments->threads, MOST_THREADS);
    return 3;
}

int main(int argc, char **argv)
{
    static struct thread threads[MOST_THREADS];
    struct arguments arguments = {.threads = 1};
    int parsed = parse_arguments(argc, argv, &arguments);
    if (parsed)
        return parsed - 1;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    for (unsigned i = 0; i < arguments.threads; i++)
        if (thread_open(&threads[i], &arguments.port) < 0)
            return 1;
    if (arguments.print_port) {
        printf("%u\n", arguments.port);
        fflush(stdout);
    }
    for (unsigned i = 1; i < arguments.threads; i++)
        if (pthread_create(&threads[i].id, NULL, thread_run, &threads[i]) != 0)
            return 1;
    thread_run(&threads[0]);
    return 0;
}
