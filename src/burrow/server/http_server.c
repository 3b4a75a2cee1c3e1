/* See http_server.h. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWALLOW_LIMIT                                                                              \
    ((size_t)16 << 20) /* of a body that is refused; beyond it the line is cut                     \
                        */

/* --- answers --- */

static enum MHD_Result queue(struct http_server *server, struct MHD_Connection *connection,
                             unsigned status, const char *type, struct buffer *text,
                             const char *name, const char *value)
{
    size_t length = buffer_length(text);
    char *bytes = buffer_take_string(text);
    struct MHD_Response *response =
        bytes ? MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE)
              : MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    if (!response) {
        free(bytes);
        return MHD_NO;
    }
    if (length > 0)
        MHD_add_response_header(response, "Content-Type", type);
    if (name)
        MHD_add_response_header(response, name, value);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    atomic_fetch_add_explicit(&server->answers[status % STATUS_LIMIT], 1, memory_order_relaxed);
    return result;
}

/* A refusal carries a JSON-RPC error without an id, for those who look into the body. */
enum MHD_Result http_give_refusal(struct http_server *server, struct MHD_Connection *connection,
                                  const struct exchange *exchange)
{
    struct buffer text;
    buffer_init(&text, 4096);
    protocol_error(&text, RPC_INVALID_REQUEST, exchange->refusal);
    return queue(server, connection, exchange->status, "application/json", &text,
                 exchange->extra_name, exchange->extra_value);
}

enum MHD_Result http_give_status(struct http_server *server, struct MHD_Connection *connection,
                                 unsigned status, const char *why)
{
    struct exchange refused = {.status = status, .refusal = why};
    return http_give_refusal(server, connection, &refused);
}

/* --- /mcp --- */

static enum MHD_Result end_session(struct http_server *server, struct MHD_Connection *connection)
{
    const char *id = http_header(connection, "Mcp-Session-Id");
    struct buffer nothing;
    if (!id)
        return http_give_status(server, connection, 400, "DELETE needs Mcp-Session-Id");
    if (!sessions_end(server->sessions, id))
        return http_give_status(server, connection, 404, "there is no such session");
    buffer_init(&nothing, 1);
    return queue(server, connection, 204, NULL, &nothing, NULL, NULL);
}

enum MHD_Result http_give_answer(struct http_server *server, struct MHD_Connection *connection,
                                 struct protocol_answer *answer)
{
    char id[SESSION_ID_LENGTH + 1];
    struct error error;
    if (!answer->initialized)
        return queue(server, connection, (unsigned)answer->status, "application/json",
                     &answer->text, NULL, NULL);
    if (sessions_begin(server->sessions, answer->initialized, clock_now_ns(), id, &error) < 0)
        return http_give_status(server, connection, 500, error.text);
    return queue(server, connection, 200, "application/json", &answer->text, "Mcp-Session-Id", id);
}

/* The modern era has no sessions: an id that comes along means nothing there. */
static bool is_modern_version(const char *version)
{
    const struct mcp_revision *revision = version ? mcp_revision_find(version) : NULL;
    return revision && revision->era == MCP_ERA_MODERN;
}

struct protocol_context http_context(struct http_loop *loop, struct MHD_Connection *connection)
{
    return (struct protocol_context){
        .http = true,
        .version_header = http_header(connection, "MCP-Protocol-Version"),
        .method_header = http_header(connection, "Mcp-Method"),
        .name_header = http_header(connection, "Mcp-Name"),
        .repeated = &loop->repeated,
    };
}

void http_run(struct http_server *server, struct exchange *exchange,
              struct protocol_context *context, const char *session, struct protocol_answer *answer)
{
    struct http_peer peer;
    http_peer_begin(&peer, server, exchange->connection, session);
    context->peer = &peer.peer;
    protocol_answer(server->service, context, buffer_bytes(&exchange->body),
                    buffer_length(&exchange->body), answer);
    http_peer_end(&peer);
}

static enum MHD_Result answer_at_once(struct http_server *server, struct MHD_Connection *connection,
                                      struct exchange *exchange, struct protocol_context *context,
                                      const char *session)
{
    struct protocol_answer answer;
    http_run(server, exchange, context, session, &answer);
    if (session && answer.cancelled_id)
        http_cancel(server, session, answer.cancelled_id);
    enum MHD_Result result = answer.listen_id ? http_listen(server, connection, exchange, &answer)
                                              : http_give_answer(server, connection, &answer);
    protocol_answer_free(&answer);
    return result;
}

static enum MHD_Result answer_post(struct http_loop *loop, struct MHD_Connection *connection,
                                   struct exchange *exchange)
{
    struct http_server *server = loop->server;
    const char *session = http_header(connection, "Mcp-Session-Id");
    struct protocol_context context = http_context(loop, connection);
    bool modern = is_modern_version(context.version_header);
    if (modern)
        session = NULL;
    if (session) {
        context.revision = sessions_use(server->sessions, session, clock_now_ns());
        if (!context.revision)
            return http_give_status(server, connection, 404,
                                    "there is no such session, or it is over; initialize anew");
    }
    if (http_call_start(server, connection, exchange, &context, session) ||
        (modern && http_loop_takes(loop, exchange, &context)))
        return MHD_YES;
    return answer_at_once(server, connection, exchange, &context, session);
}

/* --- the others --- */

static enum MHD_Result give_health(struct http_server *server, struct MHD_Connection *connection)
{
    struct buffer text;
    struct error error;
    int64_t one = 0;
    struct store *store = server->service->store;
    pthread_mutex_lock(&store->lock);
    int result = records_integer(store->records, &error, 0, &one, "SELECT 1", "");
    pthread_mutex_unlock(&store->lock);
    buffer_init(&text, 4096);
    buffer_printf(&text, "{\"status\":\"%s\",\"version\":\"" CICADA_VERSION "\",\"tools\":%zu}\n",
                  result == 0 ? "ok" : "records unavailable", server->service->count);
    return queue(server, connection, result == 0 ? 200 : 503, "application/json", &text, NULL,
                 NULL);
}

static void print_server(struct http_server *server, struct buffer *out)
{
    buffer_printf(out,
                  "# HELP burrow_sessions Sessions of the legacy era that are open.\n"
                  "# TYPE burrow_sessions gauge\nburrow_sessions %zu\n"
                  "# HELP burrow_subscriptions Subscriptions that are open.\n"
                  "# TYPE burrow_subscriptions gauge\nburrow_subscriptions %zu\n"
                  "# HELP burrow_rounds_total Transactions that calls which write have shared.\n"
                  "# TYPE burrow_rounds_total counter\nburrow_rounds_total %llu\n"
                  "# HELP burrow_round_calls_total Calls in them.\n"
                  "# TYPE burrow_round_calls_total counter\nburrow_round_calls_total %llu\n"
                  "# HELP burrow_http_answers_total HTTP answers by status.\n"
                  "# TYPE burrow_http_answers_total counter\n",
                  sessions_count(server->sessions), subscriptions_count(server->subscriptions),
                  atomic_load_explicit(&server->rounds, memory_order_relaxed),
                  atomic_load_explicit(&server->round_calls, memory_order_relaxed));
    for (unsigned status = 0; status < STATUS_LIMIT; status++) {
        unsigned long long count =
            atomic_load_explicit(&server->answers[status], memory_order_relaxed);
        if (count > 0)
            buffer_printf(out, "burrow_http_answers_total{status=\"%u\"} %llu\n", status, count);
    }
}

static enum MHD_Result give_metrics(struct http_server *server, struct MHD_Connection *connection)
{
    struct buffer text;
    buffer_init(&text, (size_t)1 << 20);
    print_server(server, &text);
    service_metrics(server->service, &text);
    return queue(server, connection, 200, "text/plain; version=0.0.4; charset=utf-8", &text, NULL,
                 NULL);
}

static enum MHD_Result route(struct http_loop *loop, struct MHD_Connection *connection,
                             const char *path, const char *method, struct exchange *exchange)
{
    struct http_server *server = loop->server;
    if (exchange->refusal)
        return http_give_refusal(server, connection, exchange);
    if (strcmp(path, "/healthz") == 0)
        return give_health(server, connection);
    if (strcmp(path, "/metrics") == 0)
        return give_metrics(server, connection);
    if (strcmp(method, "DELETE") == 0)
        return end_session(server, connection);
    if (strcmp(method, "GET") == 0)
        return http_get(server, connection, exchange);
    if (exchange->answered)
        return http_give_answer(server, connection, &exchange->answer);
    return exchange->call ? http_call_answer(exchange->call)
                          : answer_post(loop, connection, exchange);
}

/* --- a request as libmicrohttpd brings it --- */

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             const char *path, const char *method, void **context)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return MHD_NO;
    *context = exchange;
    exchange->connection = connection;
    buffer_init(&exchange->body, HTTP_BODY_LIMIT);
    http_check(server, connection, path, method, exchange);
    /* A body that is too large is not waited for; any other is, so that the client has sent it
     * all and reads the answer in place of a reset. */
    if (exchange->status == 413)
        return http_give_refusal(server, connection, exchange);
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes, size_t length)
{
    if (!exchange->refusal && buffer_append(&exchange->body, bytes, length) < 0) {
        exchange->status = 413;
        exchange->refusal = "a message has at most 4 MiB";
        exchange->body.limit = SWALLOW_LIMIT;
    }
    if (!exchange->refusal)
        return MHD_YES;
    buffer_free(&exchange->body);
    if (length > exchange->body.limit)
        return MHD_NO;
    exchange->body.limit -= length; /* counts down what is still swallowed */
    return MHD_YES;
}

static enum MHD_Result handle(void *of_loop, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *bytes,
                              size_t *length, void **context)
{
    struct http_loop *loop = of_loop;
    (void)version;
    if (!*context)
        return begin(loop->server, connection, path, method, context);
    if (*length == 0)
        return route(loop, connection, path, method, *context);
    enum MHD_Result result = take_body(*context, bytes, *length);
    *length = 0;
    return result;
}

static void completed(void *of_loop, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    struct http_loop *loop = of_loop;
    struct exchange *exchange = *context;
    (void)connection;
    (void)code;
    if (!exchange)
        return;
    http_stream_free(loop->server, exchange->stream);
    http_call_free(exchange->call);
    if (exchange->answered)
        protocol_answer_free(&exchange->answer);
    buffer_free(&exchange->body);
    free(exchange);
    *context = NULL;
}

/* --- listening --- */

/* "host:port" with a numeric host or localhost, an IPv6 one in brackets. */
static struct addrinfo *resolve(struct http_server *server, const char *listen_at,
                                struct error *error)
{
    char host[64];
    const char *colon = strrchr(listen_at, ':');
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE},
                    *found = NULL;
    if (colon && colon > listen_at && (size_t)(colon - listen_at) < sizeof host && colon[1]) {
        snprintf(server->host, sizeof server->host, "%.*s", (int)(colon - listen_at), listen_at);
        if (server->host[0] == '[')
            snprintf(host, sizeof host, "%.*s", (int)strcspn(server->host + 1, "]"),
                     server->host + 1);
        else
            snprintf(host, sizeof host, "%s",
                     strcmp(server->host, "localhost") == 0 ? "127.0.0.1" : server->host);
        wanted.ai_flags |= AI_NUMERICHOST;
        if (getaddrinfo(host, colon + 1, &wanted, &found) == 0)
            return found;
    }
    error_set(error, ERROR_USAGE,
              "%s: write an address to listen at as 127.0.0.1:8765 or [::1]:8765", listen_at);
    return NULL;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static unsigned bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &length);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static int open_socket(struct http_server *server, struct error *error)
{
    const char *at = server->options.listen;
    const int on = 1;
    struct addrinfo *address = resolve(server, at, error);
    if (!address)
        return -1;
    server->loopback = is_loopback(address->ai_addr);
    if (!server->loopback && !server->options.token) {
        freeaddrinfo(address);
        return error_set(error, ERROR_USAGE,
                         "%s can be reached by others: give a --token, or listen at 127.0.0.1", at);
    }
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 1024) < 0) {
        error_set(error, ERROR_USAGE, "cannot listen at %s: %s", at, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    } else
        server->port = bound_port(fd);
    freeaddrinfo(address);
    return fd;
}

static void set_defaults(struct http_server_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!options->threads)
        options->threads = cores > 0 ? (unsigned)cores : 1;
    if (!options->connection_limit)
        options->connection_limit = 4000;
    if (!options->idle_s)
        options->idle_s = 120;
    if (!options->session_limit)
        options->session_limit = 10000;
    if (!options->session_idle_s)
        options->session_idle_s = 1800;
    if (!options->stream_comment_ms)
        options->stream_comment_ms = 15000;
    if (options->connection_limit < options->threads)
        options->connection_limit = options->threads;
}

struct http_server *http_server_start(struct service *service, struct subscriptions *subscriptions,
                                      const struct http_server_options *options,
                                      struct error *error)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    server->service = service;
    server->subscriptions = subscriptions;
    server->options = *options;
    set_defaults(&server->options);
    server->rate.limit = options->rate_limit;
    server->rate.tokens = options->rate_limit > 1 ? options->rate_limit : 1;
    server->rate.filled_ns = clock_now_ns();
    pthread_mutex_init(&server->rate.lock, NULL);
    pthread_mutex_init(&server->streams.lock, NULL);
    pthread_cond_init(&server->streams.gone, NULL);
    pthread_mutex_init(&server->calls.lock, NULL);
    pthread_cond_init(&server->calls.gone, NULL);
    server->sessions =
        sessions_open(server->options.session_limit, server->options.session_idle_s * NS_PER_S);
    int fd = -1;
    if (!server->sessions)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else
        fd = open_socket(server, error);
    if (fd >= 0 && http_loops_start(server, fd, handle, completed, error) == 0)
        return server;
    http_server_stop(server);
    return NULL;
}

unsigned http_server_port(const struct http_server *server)
{
    return server->port;
}

const char *http_server_host(const struct http_server *server)
{
    return server->host;
}

void http_server_tick(struct http_server *server)
{
    http_streams_tick(server);
}

void http_server_stop(struct http_server *server)
{
    if (!server)
        return;
    if (server->loops) {
        http_loops_quiet(server);
        http_calls_end(server);
        http_streams_end(server);
        http_loops_end(server);
    }
    sessions_close(server->sessions);
    pthread_cond_destroy(&server->calls.gone);
    pthread_mutex_destroy(&server->calls.lock);
    pthread_cond_destroy(&server->streams.gone);
    pthread_mutex_destroy(&server->streams.lock);
    pthread_mutex_destroy(&server->rate.lock);
    free(server);
}
