/* See web_server.h. Every request is checked before anything is done for it: Host and Origin
 * against DNS rebinding and foreign pages, then the token. */
#include "report/web_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READERS      8  /* streams at a time */
#define CONNECTIONS  32 /* of any kind */
#define RING         32 /* events kept: half a minute */
#define IDLE_S       30
#define MEMORY_LIMIT ((size_t)16384) /* of a request's head */
#define BLOCK        ((size_t)16384)
#define TOKEN_BYTES  16
#define END_WAIT_S   2

struct text { /* an event as it is sent, shared by nobody */
    char *bytes;
    size_t length;
};

struct reader {
    struct reader *next;
    struct web_server *server;
    struct MHD_Connection *connection;
    struct text pending; /* being sent */
    size_t sent;
    bool knows_whole, suspended;
    uint64_t at; /* the next event to be sent */
};

struct web_server {
    struct web_server_options options;
    struct MHD_Daemon *daemon;
    char token[2 * TOKEN_BYTES + 1];
    char hosts[2][32]; /* "127.0.0.1:41234", "localhost:41234" */
    char url[128];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t gone;  /* one reader less */
    struct reader *readers;
    unsigned reader_count;
    struct text whole, ring[RING]; /* event i is at i % RING */
    uint64_t first, next;
    bool ending;
};

static int open_socket(struct web_server *server, struct error *error);
static int start_daemon(struct web_server *server, int fd, struct error *error);

/* ---- from birth to end ---------------------------------------------------------------------- */

static int make_token(char *token)
{
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

struct web_server *web_server_start(const struct web_server_options *options, struct error *error)
{
    struct web_server *server = calloc(1, sizeof *server);
    if (!server) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->gone, NULL);
    int fd = -1;
    if (make_token(server->token) < 0)
        error_set(error, ERROR_INTERNAL, "--ui web: no random numbers: %s", strerror(errno));
    else
        fd = open_socket(server, error);
    if (fd >= 0 && start_daemon(server, fd, error) == 0)
        return server;
    web_server_stop(server);
    return NULL;
}

const char *web_server_url(const struct web_server *server)
{
    return server->url;
}

static void wake_all(struct web_server *server)
{
    for (struct reader *reader = server->readers; reader; reader = reader->next)
        if (reader->suspended) {
            reader->suspended = false;
            MHD_resume_connection(reader->connection);
        }
}

static void wait_for_readers(struct web_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_WAIT_S;
    pthread_mutex_lock(&server->lock);
    server->ending = true;
    wake_all(server);
    while (server->readers && pthread_cond_timedwait(&server->gone, &server->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&server->lock);
}

void web_server_stop(struct web_server *server)
{
    if (!server)
        return;
    if (server->daemon) {
        MHD_socket fd = MHD_quiesce_daemon(server->daemon);
        wait_for_readers(server);
        MHD_stop_daemon(server->daemon);
        if (fd != MHD_INVALID_SOCKET)
            close(fd);
    }
    for (size_t i = 0; i < RING; i++)
        free(server->ring[i].bytes);
    free(server->whole.bytes);
    pthread_cond_destroy(&server->gone);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* ---- publishing ----------------------------------------------------------------------------- */

/* As an event of the stream; `json` is freed. Empty when memory is out. */
static struct text event_of(const char *name, char *json)
{
    struct text text = {0};
    int length = json ? asprintf(&text.bytes, "event: %s\ndata: %s\n\n", name, json) : -1;
    text.length = length > 0 ? (size_t)length : 0;
    if (length < 0)
        text.bytes = NULL;
    free(json);
    return text;
}

void web_server_publish(struct web_server *server, char *news, char *whole)
{
    struct text told = event_of("news", news), all = event_of("whole", whole);
    pthread_mutex_lock(&server->lock);
    if (all.bytes) {
        free(server->whole.bytes);
        server->whole = all;
    }
    if (told.bytes) {
        struct text *slot = &server->ring[server->next % RING];
        free(slot->bytes);
        *slot = told;
        server->next++;
        if (server->next - server->first > RING)
            server->first = server->next - RING;
    } else {
        server->first = ++server->next; /* what everybody knows is out of date */
    }
    wake_all(server);
    pthread_mutex_unlock(&server->lock);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* With the lock. False: there is nothing to say now. */
static bool take_next(struct reader *reader)
{
    struct web_server *server = reader->server;
    const struct text *from;
    if (!reader->knows_whole || reader->at < server->first) {
        if (!server->whole.bytes)
            return false;
        from = &server->whole;
        reader->at = server->next;
    } else if (reader->at < server->next) {
        from = &server->ring[reader->at++ % RING];
    } else {
        return false;
    }
    free(reader->pending.bytes);
    reader->pending.bytes = malloc(from->length);
    reader->pending.length = reader->pending.bytes ? from->length : 0;
    reader->sent = 0;
    if (!reader->pending.bytes)
        return false;
    memcpy(reader->pending.bytes, from->bytes, from->length);
    reader->knows_whole = true;
    return true;
}

/* Called when the socket takes more; while there is nothing to say the connection is suspended. */
static ssize_t give(void *context, uint64_t position, char *to, size_t room)
{
    struct reader *reader = context;
    ssize_t given = 0;
    (void)position;
    pthread_mutex_lock(&reader->server->lock);
    if (reader->sent < reader->pending.length || take_next(reader)) {
        size_t left = reader->pending.length - reader->sent;
        given = (ssize_t)(left < room ? left : room);
        memcpy(to, reader->pending.bytes + reader->sent, (size_t)given);
        reader->sent += (size_t)given;
    } else if (reader->server->ending) {
        given = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        reader->suspended = true;
        MHD_suspend_connection(reader->connection);
    }
    pthread_mutex_unlock(&reader->server->lock);
    return given;
}

static void reader_free(struct reader *reader)
{
    struct web_server *server = reader->server;
    pthread_mutex_lock(&server->lock);
    struct reader **link = &server->readers;
    while (*link && *link != reader)
        link = &(*link)->next;
    if (*link) {
        *link = reader->next;
        server->reader_count--;
    }
    pthread_cond_signal(&server->gone);
    pthread_mutex_unlock(&server->lock);
    free(reader->pending.bytes);
    free(reader);
}

/* NULL when there are too many, or memory is out. */
static struct reader *reader_make(struct web_server *server, struct MHD_Connection *connection)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->server = server;
    reader->connection = connection;
    pthread_mutex_lock(&server->lock);
    bool room = server->reader_count < READERS && !server->ending;
    if (room) {
        reader->next = server->readers;
        server->readers = reader;
        server->reader_count++;
    }
    pthread_mutex_unlock(&server->lock);
    if (!room) {
        free(reader);
        return NULL;
    }
    return reader;
}

/* ---- answers -------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *policy, const char *type, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Content-Security-Policy", policy);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    return answer(connection, status, "default-src 'none'", "text/plain; charset=utf-8", why);
}

/* *context: the reader, freed when the request is over. */
static enum MHD_Result give_events(struct web_server *server, struct MHD_Connection *connection,
                                   void **context)
{
    struct reader *reader = reader_make(server, connection);
    if (!reader)
        return refuse(connection, 503, "too many pages are open on this run; close one\n");
    *context = reader;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, give, reader, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    enum MHD_Result queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result take_stop(struct web_server *server, struct MHD_Connection *connection)
{
    if (!server->options.stop(server->options.context))
        return refuse(connection, 409, "there is no run to stop\n");
    return refuse(connection, 202, "the run ends; what is in flight is waited for\n");
}

/* ---- requests ------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_our_host(const struct web_server *server, const char *host)
{
    return host &&
           (strcasecmp(host, server->hosts[0]) == 0 || strcasecmp(host, server->hosts[1]) == 0);
}

/* A page elsewhere, or one that a name was bound anew for, is not let in. A client that is no
 * browser sends no Origin. */
static bool is_our_origin(const struct web_server *server, const char *origin)
{
    return !origin || (strncasecmp(origin, "http://", 7) == 0 && is_our_host(server, origin + 7));
}

/* In a time that does not depend on where they differ. */
static bool is_token(const struct web_server *server, const char *given)
{
    unsigned difference = 0;
    if (!given || strlen(given) != sizeof server->token - 1)
        return false;
    for (size_t i = 0; i < sizeof server->token - 1; i++)
        difference |= (unsigned)(unsigned char)(given[i] ^ server->token[i]);
    return difference == 0;
}

static bool has_token(const struct web_server *server, struct MHD_Connection *connection,
                      bool posted)
{
    const char *given = header(connection, "Authorization");
    if (!posted)
        return is_token(server,
                        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token"));
    return given && strncasecmp(given, "Bearer ", 7) == 0 && is_token(server, given + 7);
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = header(connection, "Content-Length");
    return header(connection, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static enum MHD_Result serve(struct web_server *server, struct MHD_Connection *connection,
                             const char *path, const char *method, void **context)
{
    bool posts = strcmp(path, "/stop") == 0;
    if (!is_our_host(server, header(connection, "Host")))
        return refuse(connection, 403,
                      "Host is not where cicada listens; open the URL it printed\n");
    if (!is_our_origin(server, header(connection, "Origin")))
        return refuse(connection, 403, "requests of this Origin are not let in\n");
    if (!posts && strcmp(path, "/") != 0 && strcmp(path, "/events") != 0)
        return refuse(connection, 404, "there is nothing here; open the URL that cicada printed\n");
    if (strcmp(method, posts ? "POST" : "GET") != 0)
        return refuse(connection, 405, posts ? "only POST\n" : "only GET\n");
    if (!has_token(server, connection, posts))
        return refuse(connection, 401,
                      "the token is missing or wrong; open the URL that cicada printed\n");
    if (has_body(connection))
        return refuse(connection, 413, "a request has no body\n");
    if (posts)
        return take_stop(server, connection);
    if (strcmp(path, "/events") == 0)
        return give_events(server, connection, context);
    return answer(connection, 200, server->options.policy, "text/html; charset=utf-8",
                  server->options.page);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    (void)version;
    (void)upload;
    *upload_size = 0;
    return serve(context, connection, path, method, request);
}

static void completed(void *context, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    if (*request)
        reader_free(*request);
    *request = NULL;
}

/* ---- listening ------------------------------------------------------------------------------ */

static int open_socket(struct web_server *server, struct error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, CONNECTIONS) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        error_set(error, ERROR_INTERNAL, "--ui web: cannot listen on 127.0.0.1: %s",
                  strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    unsigned port = ntohs(address.sin_port);
    snprintf(server->hosts[0], sizeof server->hosts[0], "127.0.0.1:%u", port);
    snprintf(server->hosts[1], sizeof server->hosts[1], "localhost:%u", port);
    snprintf(server->url, sizeof server->url, "http://%s/?token=%s", server->hosts[0],
             server->token);
    return fd;
}

static int start_daemon(struct web_server *server, int fd, struct error *error)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
        handle, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, completed,
        server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_LIMIT, MHD_OPTION_END);
    if (server->daemon)
        return 0;
    close(fd);
    return error_set(error, ERROR_INTERNAL, "--ui web: the server does not start: %s",
                     strerror(errno));
}
