/* The server-sent events of a subscription. While there is nothing to say the connection is
 * suspended and costs no time; whoever has something to say appends it and resumes it. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PENDING_LIMIT ((size_t)256 << 10) /* a client that reads so slowly is let go */
#define END_WAIT_S    2

struct http_stream {
    struct http_stream *next;
    struct http_streams *streams;
    struct MHD_Connection *connection;
    struct subscription *subscription;
    char *id;
    pthread_mutex_t lock; /* of what follows */
    struct buffer pending;
    uint64_t said_ns;
    bool suspended, ending;
};

/* With the stream's lock. */
static void wake(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->connection);
}

static int append_event(struct http_stream *stream, const char *message, size_t length)
{
    int result = buffer_append_text(&stream->pending, "event: message\ndata: ");
    result |= buffer_append(&stream->pending, message, length);
    result |= buffer_append_text(&stream->pending, "\n\n");
    stream->said_ns = clock_now_ns();
    return result;
}

static void heard(void *context, const char *message, size_t length)
{
    struct http_stream *stream = context;
    pthread_mutex_lock(&stream->lock);
    if (!stream->ending && append_event(stream, message, length) < 0) {
        buffer_clear(&stream->pending); /* half an event would be a lie */
        stream->ending = true;
    }
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

static ssize_t give(void *context, uint64_t position, char *to, size_t room)
{
    struct http_stream *stream = context;
    (void)position;
    pthread_mutex_lock(&stream->lock);
    size_t length = buffer_length(&stream->pending);
    ssize_t given = 0;
    if (length > 0) {
        given = (ssize_t)(length < room ? length : room);
        memcpy(to, buffer_bytes(&stream->pending), (size_t)given);
        buffer_consume(&stream->pending, (size_t)given);
    } else if (stream->ending)
        given = MHD_CONTENT_READER_END_OF_STREAM;
    else {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->lock);
    return given;
}

static struct http_stream *make(struct http_server *server, struct MHD_Connection *connection,
                                struct protocol_answer *answer)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    pthread_mutex_init(&stream->lock, NULL);
    buffer_init(&stream->pending, PENDING_LIMIT);
    stream->streams = &server->streams;
    stream->connection = connection;
    stream->id = answer->listen_id;
    answer->listen_id = NULL;
    append_event(stream, buffer_bytes(&answer->text), buffer_length(&answer->text));
    stream->subscription =
        subscriptions_add(server->subscriptions, stream->id, answer->listen_filter, heard, stream);
    pthread_mutex_lock(&server->streams.lock);
    stream->next = server->streams.first;
    server->streams.first = stream;
    stream->ending = server->streams.ending;
    pthread_mutex_unlock(&server->streams.lock);
    if (stream->subscription)
        return stream;
    http_stream_free(server, stream);
    return NULL;
}

enum MHD_Result http_stream_start(struct http_server *server, struct MHD_Connection *connection,
                                  struct exchange *exchange, struct protocol_answer *answer)
{
    struct http_stream *stream = make(server, connection, answer);
    if (!stream)
        return MHD_NO;
    exchange->stream = stream; /* freed when the exchange is over */
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, give, stream, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

void http_stream_free(struct http_server *server, struct http_stream *stream)
{
    if (!stream)
        return;
    subscriptions_remove(server->subscriptions, stream->subscription);
    pthread_mutex_lock(&server->streams.lock);
    struct http_stream **link = &server->streams.first;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    pthread_cond_signal(&server->streams.gone);
    pthread_mutex_unlock(&server->streams.lock);
    buffer_free(&stream->pending);
    pthread_mutex_destroy(&stream->lock);
    free(stream->id);
    free(stream);
}

void http_streams_tick(struct http_server *server)
{
    uint64_t now = clock_now_ns();
    unsigned pause_ms = server->options.stream_comment_ms;
    pthread_mutex_lock(&server->streams.lock);
    for (struct http_stream *one = server->streams.first; one; one = one->next) {
        pthread_mutex_lock(&one->lock);
        if (now - one->said_ns >= pause_ms * NS_PER_MS) {
            buffer_append_text(&one->pending, ":\n\n");
            one->said_ns = now;
            wake(one);
        }
        pthread_mutex_unlock(&one->lock);
    }
    pthread_mutex_unlock(&server->streams.lock);
}

static void end_one(struct http_stream *stream)
{
    char *text = subscription_end_text(stream->id);
    pthread_mutex_lock(&stream->lock);
    if (text && !stream->ending)
        append_event(stream, text, strlen(text));
    stream->ending = true;
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
    free(text);
}

void http_streams_end(struct http_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_WAIT_S;
    pthread_mutex_lock(&server->streams.lock);
    server->streams.ending = true;
    for (struct http_stream *one = server->streams.first; one; one = one->next)
        end_one(one);
    while (server->streams.first &&
           pthread_cond_timedwait(&server->streams.gone, &server->streams.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&server->streams.lock);
}
