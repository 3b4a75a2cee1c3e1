/* A call whose client wants to hear of its progress: it runs in a thread of its own, so that the
 * thread of the connection can send what is said meanwhile. Until something is, the connection is
 * suspended, and the answer can still be a plain one with a status of its own. */
#include "burrow/server/http_internal.h"

#include <stdlib.h>
#include <string.h>

#define THREADS_LIMIT 64

struct http_call {
    struct http_peer peer; /* first: what is called back with it is called with the call */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct protocol_context context;
    char *texts[4]; /* copies of headers, which go with the connection */
    struct buffer body;
    struct protocol_answer answer;
    pthread_mutex_t lock; /* of what follows */
    struct http_stream *stream;
    bool suspended, streaming, done, closed;
    unsigned owners; /* the exchange and the thread */
};

static void release(struct http_call *call)
{
    pthread_mutex_lock(&call->lock);
    bool last = --call->owners == 0;
    pthread_mutex_unlock(&call->lock);
    if (!last)
        return;
    http_peer_end(&call->peer);
    protocol_answer_free(&call->answer);
    buffer_free(&call->body);
    for (size_t i = 0; i < sizeof call->texts / sizeof *call->texts; i++)
        free(call->texts[i]);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

/* With the call's lock. */
static void wake(struct http_call *call)
{
    if (call->suspended && !call->closed) {
        call->suspended = false;
        http_resume(call->server, call->connection);
    }
}

/* ---- in its thread -------------------------------------------------------------------------- */

static void stream_closed(void *context)
{
    (void)context; /* http_call_free tells */
}

static const struct http_stream_owner owner = {.closed = stream_closed};

/* With the call's lock. */
static void say(struct http_call *call, const char *message, size_t length)
{
    if (call->closed)
        return;
    if (!call->stream) {
        call->stream = http_stream_open(call->server, call->connection, &owner, call);
        if (!call->stream)
            return;
        call->streaming = true;
    }
    http_stream_say(call->stream, 0, message, length);
    wake(call);
}

static void notify(void *context, const char *message, size_t length)
{
    struct http_call *call = context;
    pthread_mutex_lock(&call->lock);
    say(call, message, length);
    pthread_mutex_unlock(&call->lock);
}

/* The descriptor is the connection's own until the call is told that it is closed. */
static bool cancelled(void *context)
{
    struct http_call *call = context;
    if (call->peer.session)
        return atomic_load(&call->peer.running.cancelled);
    pthread_mutex_lock(&call->lock);
    bool gone = call->closed || http_peer_is_gone(&call->peer);
    pthread_mutex_unlock(&call->lock);
    return gone;
}

static void finish(struct http_call *call)
{
    struct buffer *text = &call->answer.text;
    pthread_mutex_lock(&call->lock);
    call->done = true;
    if (call->streaming && buffer_length(text) > 0)
        say(call, buffer_bytes(text), buffer_length(text));
    if (call->stream)
        http_stream_end(call->stream);
    wake(call);
    pthread_mutex_unlock(&call->lock);
}

static void *run(void *context)
{
    struct http_call *call = context;
    struct http_server *server = call->server;
    protocol_answer(server->service, &call->context, buffer_bytes(&call->body),
                    buffer_length(&call->body), &call->answer);
    finish(call);
    release(call);
    pthread_mutex_lock(&server->calls.lock);
    server->calls.threads--;
    pthread_cond_signal(&server->calls.gone);
    pthread_mutex_unlock(&server->calls.lock);
    return NULL;
}

/* ---- starting ------------------------------------------------------------------------------- */

static bool holds(const struct buffer *body, const char *text)
{
    return memmem(buffer_bytes(body), buffer_length(body), text, strlen(text)) != NULL;
}

/* A guess from the bytes, which costs little: when it is wrong the answer is the same. */
static bool wants_to_hear(struct MHD_Connection *connection, const struct buffer *body)
{
    const char *accept = http_header(connection, "Accept");
    return accept && strstr(accept, "text/event-stream") && buffer_length(body) > 0 &&
           buffer_bytes(body)[0] == '{' && holds(body, "\"tools/call\"") &&
           (holds(body, "progressToken") || holds(body, "io.modelcontextprotocol/logLevel"));
}

static bool take_thread(struct http_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    bool room = calls->threads < THREADS_LIMIT && !calls->ending;
    calls->threads += room;
    pthread_mutex_unlock(&calls->lock);
    return room;
}

static void give_thread_back(struct http_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->threads--;
    pthread_mutex_unlock(&calls->lock);
}

static struct http_call *make(struct http_server *server, struct MHD_Connection *connection,
                              const struct protocol_context *context, const char *session)
{
    const char *texts[] = {context->version_header, context->method_header, context->name_header,
                           session};
    struct http_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        call->texts[i] = texts[i] ? strdup(texts[i]) : NULL;
    pthread_mutex_init(&call->lock, NULL);
    call->server = server;
    call->connection = connection;
    call->owners = 2;
    http_peer_begin(&call->peer, server, connection, call->texts[3]);
    call->peer.peer.notify = notify;
    call->peer.peer.cancelled = cancelled;
    call->context = (struct protocol_context){.http = true,
                                              .version_header = call->texts[0],
                                              .method_header = call->texts[1],
                                              .name_header = call->texts[2],
                                              .revision = context->revision,
                                              .peer = &call->peer.peer};
    return call;
}

bool http_call_start(struct http_server *server, struct MHD_Connection *connection,
                     struct exchange *exchange, const struct protocol_context *context,
                     const char *session)
{
    pthread_t thread;
    if (!wants_to_hear(connection, &exchange->body) || !take_thread(&server->calls))
        return false;
    struct http_call *call = make(server, connection, context, session);
    if (!call) {
        give_thread_back(&server->calls);
        return false;
    }
    call->body = exchange->body;
    buffer_init(&exchange->body, HTTP_BODY_LIMIT);
    exchange->call = call;
    call->suspended = true;
    MHD_suspend_connection(connection);
    if (pthread_create(&thread, NULL, run, call) == 0)
        pthread_detach(thread);
    else
        run(call); /* here, then; the connection goes on when it is done */
    return true;
}

enum MHD_Result http_call_answer(struct http_call *call)
{
    pthread_mutex_lock(&call->lock);
    struct http_stream *stream = call->stream;
    bool done = call->done;
    pthread_mutex_unlock(&call->lock);
    if (stream)
        return http_stream_answer(stream, call->connection);
    return done ? http_give_answer(call->server, call->connection, &call->answer) : MHD_YES;
}

void http_call_free(struct http_call *call)
{
    if (!call)
        return;
    pthread_mutex_lock(&call->lock);
    struct http_stream *stream = call->stream;
    call->closed = true;
    call->stream = NULL;
    pthread_mutex_unlock(&call->lock);
    http_stream_free(call->server, stream);
    release(call);
}

void http_calls_end(struct http_server *server)
{
    pthread_mutex_lock(&server->calls.lock);
    server->calls.ending = true;
    while (server->calls.threads > 0)
        pthread_cond_wait(&server->calls.gone, &server->calls.lock);
    pthread_mutex_unlock(&server->calls.lock);
}
