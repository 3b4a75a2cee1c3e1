/* The threads that serve connections. Each has a daemon of the library, run step by step: a step
 * reads what has come on all its connections and answers what only reads. Calls that write wait
 * while steps bring more of them, and are run then, many in one transaction. The more clients there
 * are, the more of a write's cost they share; a single one waits for nobody. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* For the headers of a request, and its body piece by piece. The library clears all of it after
 * each request, which reaches through the processor's cache: no more than other servers take. */
#define CONNECTION_MEMORY ((size_t)16 << 10)

#define ROUND_CALLS 64
#define ROUND_NS    (4 * NS_PER_MS) /* after which no call begins in it: others wait for its end */
#define GATHER_NS   (4 * NS_PER_MS) /* that a call waits for others at most */

/* ---- rounds --------------------------------------------------------------------------------- */

bool http_loop_takes(struct http_loop *loop, struct exchange *exchange,
                     const struct protocol_context *context)
{
    struct service *service = loop->server->service;
    if (!service->store->has_rounds || !context->method_header || !context->name_header ||
        strcmp(context->method_header, "tools/call") != 0)
        return false;
    /* The protocol refuses a body that is another call than the headers say. */
    const struct service_tool *named = service_find(service, context->name_header);
    if (!named || (named->tool->flags & (TOOL_READ_ONLY | TOOL_PURE)) || atomic_load(&loop->ended))
        return false;
    if (!loop->first)
        loop->waiting_since_ns = clock_now_ns();
    *loop->last = exchange;
    loop->last = &exchange->next;
    loop->waiting++;
    MHD_suspend_connection(exchange->connection);
    return true;
}

static void run(struct http_loop *loop, struct exchange *exchange)
{
    struct protocol_context context = http_context(loop, exchange->connection);
    http_run(loop->server, exchange, &context, NULL, &exchange->answer);
    exchange->answered = true;
}

/* A round that came to nothing: each by itself learns why, or succeeds. */
static void run_again(struct http_loop *loop, struct exchange *first, const struct exchange *end)
{
    for (struct exchange *one = first; one != end; one = one->next) {
        protocol_answer_free(&one->answer);
        run(loop, one);
    }
}

/* Returns the first for which there was no time any more. */
static struct exchange *run_round(struct http_loop *loop, struct exchange *first)
{
    struct store *store = loop->server->service->store;
    struct error error;
    const uint64_t until = clock_now_ns() + ROUND_NS;
    struct exchange *one = first;
    unsigned calls = 0;
    store_round_begin(store);
    while (one && calls < ROUND_CALLS && clock_now_ns() < until) {
        run(loop, one);
        one = one->next;
        calls++;
    }
    atomic_fetch_add_explicit(&loop->server->rounds, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&loop->server->round_calls, calls, memory_order_relaxed);
    if (store_round_end(store, &error) < 0)
        run_again(loop, first, one);
    return one;
}

/* A step that brought more such calls, with something come since: the next may bring more still. */
static bool is_round_due(struct http_loop *loop, struct pollfd *connections)
{
    const unsigned before = loop->waiting_before;
    loop->waiting_before = loop->waiting;
    return loop->waiting > 0 &&
           (loop->waiting == before || loop->waiting >= ROUND_CALLS ||
            clock_now_ns() - loop->waiting_since_ns >= GATHER_NS || poll(connections, 1, 0) == 0);
}

static void run_waiting(struct http_loop *loop)
{
    struct exchange *first = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->waiting = loop->waiting_before = 0;
    while (first) {
        const struct exchange *end = run_round(loop, first);
        while (first != end) {
            struct exchange *done = first;
            first = done->next;
            MHD_resume_connection(done->connection);
            loop->resumed = true;
        }
    }
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void wait_for_something(struct http_loop *loop, struct pollfd ready[2])
{
    MHD_UNSIGNED_LONG_LONG most_ms = 0;
    int wait_ms = -1;
    uint64_t count;
    if (loop->resumed || (MHD_get_timeout(loop->daemon, &most_ms) == MHD_YES && most_ms == 0)) {
        loop->resumed = false;
        return;
    }
    if (most_ms > 0)
        wait_ms = most_ms < 1000 ? (int)most_ms : 1000;
    poll(ready, 2, wait_ms);
    while (ready[1].revents && read(loop->wake_fd, &count, sizeof count) > 0)
        ;
}

/* The socket is one for all, and not the library's to close. */
static void take_no_more(struct http_loop *loop)
{
    if (!loop->takes_no_more)
        MHD_quiesce_daemon(loop->daemon);
    loop->takes_no_more = true;
}

static void *serve(void *context)
{
    struct http_loop *loop = context;
    struct pollfd ready[2] = {
        {.fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
         .events = POLLIN},
        {.fd = loop->wake_fd, .events = POLLIN},
    };
    while (!atomic_load(&loop->ended)) {
        if (atomic_load(&loop->quiet))
            take_no_more(loop);
        wait_for_something(loop, ready);
        store_step_begin(loop->server->service->store);
        MHD_run(loop->daemon);
        if (is_round_due(loop, &ready[0]))
            run_waiting(loop);
        store_step_end(loop->server->service->store);
    }
    run_waiting(loop);
    MHD_run(loop->daemon); /* the answers go out */
    return NULL;
}

static void wake(struct http_loop *loop)
{
    const uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
}

void http_resume(struct http_server *server, struct MHD_Connection *connection)
{
    const struct MHD_Daemon *daemon =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON)->daemon;
    struct http_loop *loop = server->loops;
    while (loop->daemon != daemon)
        loop++;
    MHD_resume_connection(connection);
    wake(loop);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static bool start(struct http_loop *loop, int fd, MHD_AccessHandlerCallback handle,
                  MHD_RequestCompletedCallback completed)
{
    const struct http_server_options *options = &loop->server->options;
    loop->last = &loop->first;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return false;
    loop->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, loop,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, completed, loop,
                         MHD_OPTION_CONNECTION_LIMIT, options->connection_limit / options->threads,
                         MHD_OPTION_CONNECTION_TIMEOUT, options->idle_s,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
    loop->runs = loop->daemon && pthread_create(&loop->thread, NULL, serve, loop) == 0;
    return loop->runs;
}

int http_loops_start(struct http_server *server, int fd, MHD_AccessHandlerCallback handle,
                     MHD_RequestCompletedCallback completed, struct error *error)
{
    unsigned count = server->options.threads;
    server->listen_fd = fd;
    server->loops = calloc(count, sizeof *server->loops);
    if (!server->loops) {
        close(fd);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    for (unsigned i = 0; i < count; i++)
        server->loops[i] = (struct http_loop){.server = server, .wake_fd = -1};
    for (unsigned i = 0; i < count; i++)
        if (!start(&server->loops[i], fd, handle, completed))
            return error_set(error, ERROR_INTERNAL, "the HTTP server does not start: %s",
                             strerror(errno));
    return 0;
}

void http_loops_quiet(struct http_server *server)
{
    for (unsigned i = 0; i < server->options.threads; i++) {
        atomic_store(&server->loops[i].quiet, true);
        wake(&server->loops[i]);
    }
}

void http_loops_end(struct http_server *server)
{
    for (unsigned i = 0; i < server->options.threads; i++) {
        struct http_loop *loop = &server->loops[i];
        atomic_store(&loop->ended, true);
        wake(loop);
        if (loop->runs)
            pthread_join(loop->thread, NULL);
        if (loop->daemon) {
            take_no_more(loop);
            MHD_stop_daemon(loop->daemon);
        }
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        json_repeated_free(&loop->repeated);
    }
    close(server->listen_fd);
    free(server->loops);
}
