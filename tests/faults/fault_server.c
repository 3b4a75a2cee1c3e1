/* fault_server: an MCP server on loopback whose tools, paths and process go wrong on purpose.
 * See fault.h; --help and --list say what it can do. */
#include "fault.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fault_server server = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .random_state = 1};

static int stop_pipe[2];

enum { STACK_SIZE = 256 * 1024, BACKLOG = 1024 };

/* ---- connections -------------------------------------------------------------------------------
 */

static void serve_request(struct peer *peer, const struct peer_request *request)
{
    for (const struct fault_path *path = fault_paths; path->path; path++)
        if (strcmp(request->path, path->path) == 0) {
            path->answer(peer, request, path->number);
            return;
        }
    if (strcmp(request->path, "/mcp") == 0)
        mcp_serve(peer, request, LEGACY);
    else if (strcmp(request->path, "/modern") == 0)
        mcp_serve(peer, request, MODERN);
    else if (strcmp(request->path, "/both") == 0)
        mcp_serve(peer, request, BOTH);
    else
        peer_respond(peer, 404, "text/plain", "", "nothing here: /mcp, /modern, /both\n");
}

static void *serve_peer(void *argument)
{
    struct peer *peer = argument;
    struct peer_request request;
    while (!peer->close_after && !server.stopping && peer_read_request(peer, &request)) {
        serve_request(peer, &request);
        peer_request_free(&request);
    }
    pthread_mutex_lock(&server.mutex);
    for (struct peer **link = &server.peers; *link; link = &(*link)->next)
        if (*link == peer) {
            *link = peer->next;
            break;
        }
    close(peer->fd); /* under the mutex: stop_peers must not shut a reused number down */
    server.threads--;
    pthread_cond_broadcast(&server.changed);
    pthread_mutex_unlock(&server.mutex);
    buffer_free(&peer->input);
    free(peer);
    return NULL;
}

static void begin_peer(int fd, const pthread_attr_t *attributes)
{
    int on = 1;
    struct peer *peer = calloc(1, sizeof *peer);
    pthread_t thread;
    if (!peer) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer->fd = fd;
    buffer_init(&peer->input, 32 * 1024 * 1024);
    pthread_mutex_lock(&server.mutex);
    peer->next = server.peers;
    server.peers = peer;
    server.threads++;
    if (pthread_create(&thread, attributes, serve_peer, peer) != 0) {
        server.peers = peer->next;
        server.threads--;
        close(fd);
        free(peer);
    }
    pthread_mutex_unlock(&server.mutex);
}

static void stop_peers(void)
{
    pthread_mutex_lock(&server.mutex);
    server.stopping = true;
    for (struct peer *peer = server.peers; peer; peer = peer->next)
        shutdown(peer->fd, SHUT_RDWR);
    pthread_cond_broadcast(&server.changed);
    while (server.threads)
        pthread_cond_wait(&server.changed, &server.mutex);
    pthread_mutex_unlock(&server.mutex);
}

static void free_state(void)
{
    while (server.sessions) {
        struct session *next = server.sessions->next;
        free(server.sessions);
        server.sessions = next;
    }
    while (server.resumables) {
        struct resumable *next = server.resumables->next;
        free(server.resumables->message);
        free(server.resumables);
        server.resumables = next;
    }
}

/* ---- listening ---------------------------------------------------------------------------------
 */

static int listen_on(unsigned port, unsigned *bound)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        fprintf(stderr, "fault_server: cannot listen on 127.0.0.1:%u: %s\n", port, strerror(errno));
        return -1;
    }
    *bound = ntohs(address.sin_port);
    return fd;
}

static void request_stop(int signal_number)
{
    (void)signal_number;
    ssize_t written = write(stop_pipe[1], "", 1);
    (void)written;
}

/* Accept until a signal; close the listener when --refuse-after says so. */
static void accept_loop(int listener)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    double refuse_after = server.options.refuse_after_s;
    uint64_t closes_at = refuse_after > 0
                             ? clock_now_ns() + (uint64_t)(refuse_after * (double)NS_PER_S)
                             : UINT64_MAX;
    for (;;) {
        struct pollfd watch[] = {{.fd = stop_pipe[0], .events = POLLIN},
                                 {.fd = listener, .events = POLLIN}};
        uint64_t now = clock_now_ns();
        int timeout = closes_at == UINT64_MAX || listener < 0 ? -1
                      : now >= closes_at                      ? 0
                                         : (int)((closes_at - now) / NS_PER_MS) + 1;
        if (poll(watch, 2, timeout) < 0 && errno != EINTR)
            break;
        if (watch[0].revents)
            break;
        if (listener >= 0 && clock_now_ns() >= closes_at) {
            close(listener);
            listener = -1;
        } else if (listener >= 0 && watch[1].revents) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0 && server.options.accept_close)
                close(fd);
            else if (fd >= 0)
                begin_peer(fd, &attributes);
        }
    }
    if (listener >= 0)
        close(listener);
    pthread_attr_destroy(&attributes);
}

/* ---- command line ------------------------------------------------------------------------------
 */

static const char help[] =
    "usage: fault_server [--port N] [--print-port] [options]\n"
    "       fault_server --stdio [--fault NAME]\n"
    "       fault_server --list\n"
    "\n"
    "Serves MCP on 127.0.0.1: /mcp (legacy), /modern (2026-07-28), /both. Tools and paths that go\n"
    "wrong on purpose are listed by --list, with the outcome a correct client counts.\n"
    "\n"
    "  --port N            0 (the default) takes a free one\n"
    "  --print-port        print the port, alone on a line\n"
    "  --service-time MS   each call takes so long\n"
    "  --stall A/B         answers wait during the last A seconds of every B seconds: 1s/5s\n"
    "  --error-rate P      share of the calls that end in a tool error, 0 to 1\n"
    "  --leak BYTES        kept for ever per call, in whole pages\n"
    "  --give-back BYTES   what is kept is given back at that rate per second while nobody calls\n"
    "  --session-calls N   a session expires after N calls\n"
    "  --refuse-after S    stop listening after S seconds\n"
    "  --accept-close      close every connection right after accepting it\n"
    "  --only-ok           offer the tool ok_fast alone\n";

static int parse_stall(const char *text)
{
    double stall, period;
    if (sscanf(text, "%lfs/%lfs", &stall, &period) != 2 || stall <= 0 || period <= stall)
        return -1;
    server.options.stall_ns = (uint64_t)(stall * (double)NS_PER_S);
    server.options.stall_period_ns = (uint64_t)(period * (double)NS_PER_S);
    return 0;
}

struct arguments {
    unsigned port;
    bool print_port, stdio, list, help;
    const char *fault;
};

static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"print-port", no_argument, NULL, 'P'},
                                            {"service-time", required_argument, NULL, 's'},
                                            {"stall", required_argument, NULL, 'S'},
                                            {"error-rate", required_argument, NULL, 'e'},
                                            {"leak", required_argument, NULL, 'l'},
                                            {"give-back", required_argument, NULL, 'g'},
                                            {"session-calls", required_argument, NULL, 'n'},
                                            {"refuse-after", required_argument, NULL, 'r'},
                                            {"accept-close", no_argument, NULL, 'c'},
                                            {"only-ok", no_argument, NULL, 'o'},
                                            {"stdio", no_argument, NULL, 'i'},
                                            {"fault", required_argument, NULL, 'f'},
                                            {"list", no_argument, NULL, 'L'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct fault_options *chosen = &server.options;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            arguments->port = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'P':
            arguments->print_port = true;
            break;
        case 's':
            chosen->service_ms = strtod(optarg, NULL);
            break;
        case 'e':
            chosen->error_rate = strtod(optarg, NULL);
            break;
        case 'l':
            chosen->leak_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'g':
            chosen->give_back_per_s = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            chosen->session_calls = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            chosen->refuse_after_s = strtod(optarg, NULL);
            break;
        case 'c':
            chosen->accept_close = true;
            break;
        case 'o':
            chosen->quiet_tools = true;
            break;
        case 'i':
            arguments->stdio = true;
            break;
        case 'f':
            arguments->fault = optarg;
            break;
        case 'L':
            arguments->list = true;
            break;
        case 'h':
            arguments->help = true;
            break;
        case 'S':
            if (parse_stall(optarg) == 0)
                break;
            fprintf(stderr, "fault_server: --stall %s: two times in seconds, as in 1s/5s\n",
                    optarg);
            return -1;
        default:
            return -1;
        }
    }
    return optind == argc ? 0 : -1;
}

static int serve(const struct arguments *arguments)
{
    unsigned port;
    int listener = listen_on(arguments->port, &port);
    if (listener < 0 || pipe(stop_pipe) < 0)
        return 1;
    struct sigaction action = {.sa_handler = request_stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (arguments->print_port) {
        printf("%u\n", port);
        fflush(stdout);
    }
    kept_begin();
    accept_loop(listener);
    stop_peers();
    kept_end();
    free_state();
    close(stop_pipe[0]);
    close(stop_pipe[1]);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.fault = "none"};
    signal(SIGPIPE, SIG_IGN);
    if (parse_arguments(argc, argv, &arguments) < 0) {
        fputs(help, stderr);
        return 2;
    }
    if (arguments.help)
        fputs(help, stdout);
    else if (arguments.list)
        fault_list_print();
    else if (arguments.stdio)
        return stdio_serve(arguments.fault);
    else
        return serve(&arguments);
    return 0;
}
