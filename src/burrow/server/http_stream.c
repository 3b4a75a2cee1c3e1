/* Server-sent events. While there is nothing to say the connection is suspended and costs no time;
 * whoever has something to say appends it and resumes it. */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PENDING_LIMIT ((size_t)256 << 10) /* a client that reads so slowly is let go */
#define ANSWER_LIMIT  (PROTOCOL_ANSWER_LIMIT + 1024)
#define END_WAIT_S    2

struct http_stream {
    struct http_stream *next;
    struct http_server *server;
    struct MHD_Connection *connection;
    const struct http_stream_owner *owner;
    void *context;
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
    http_resume(stream->server, stream->connection);
}

static int append_event(struct http_stream *stream, uint64_t event, const char *message,
                        size_t length)
{
    struct buffer *pending = &stream->pending;
    int result = 0;
    /* an answer may be larger than what a client may leave unread of notifications */
    pending->limit = length > PENDING_LIMIT ? ANSWER_LIMIT : PENDING_LIMIT + length;
    result |= buffer_append_text(pending, "event: message\n");
    if (event)
        result |= buffer_printf(pending, "id: %llu\n", (unsigned long long)event);
    result |= buffer_append_text(pending, "data: ");
    result |= buffer_append(pending, message, length);
    result |= buffer_append_text(pending, "\n\n");
    stream->said_ns = clock_now_ns();
    return result;
}

void http_stream_begin(struct http_stream *stream, bool primed, uint64_t event)
{
    pthread_mutex_lock(&stream->lock);
    if (primed)
        buffer_printf(&stream->pending, "id: %llu\nretry: 1000\ndata:\n\n",
                      (unsigned long long)event);
    else
        buffer_append_text(&stream->pending, ":\n\n");
    pthread_mutex_unlock(&stream->lock);
}

void http_stream_say(struct http_stream *stream, uint64_t event, const char *message, size_t length)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->ending && append_event(stream, event, message, length) < 0) {
        buffer_clear(&stream->pending); /* half an event would be a lie */
        stream->ending = true;
    }
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

void http_stream_end(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->ending = true;
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

struct http_stream *http_stream_open(struct http_server *server, struct MHD_Connection *connection,
                                     const struct http_stream_owner *owner, void *context)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    pthread_mutex_init(&stream->lock, NULL);
    buffer_init(&stream->pending, PENDING_LIMIT);
    stream->server = server;
    stream->connection = connection;
    stream->owner = owner;
    stream->context = context;
    stream->said_ns = clock_now_ns();
    pthread_mutex_lock(&server->streams.lock);
    stream->next = server->streams.first;
    server->streams.first = stream;
    stream->ending = server->streams.ending;
    pthread_mutex_unlock(&server->streams.lock);
    return stream;
}

enum MHD_Result http_stream_answer(struct http_stream *stream, struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, give, stream, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    atomic_fetch_add_explicit(&stream->server->answers[200], 1, memory_order_relaxed);
    return result;
}

void http_stream_free(struct http_server *server, struct http_stream *stream)
{
    if (!stream)
        return;
    /* out of the list first: who goes through it may call the owner, which ends with `closed` */
    pthread_mutex_lock(&server->streams.lock);
    struct http_stream **link = &server->streams.first;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    pthread_cond_signal(&server->streams.gone);
    pthread_mutex_unlock(&server->streams.lock);
    stream->owner->closed(stream->context);
    buffer_free(&stream->pending);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

void http_streams_tick(struct http_server *server)
{
    uint64_t now = clock_now_ns();
    unsigned pause_ms = server->options.stream_comment_ms;
    pthread_mutex_lock(&server->streams.lock);
    for (struct http_stream *one = server->streams.first; one; one = one->next) {
        pthread_mutex_lock(&one->lock);
        bool silent = now - one->said_ns >= pause_ms * NS_PER_MS;
        if (silent) {
            buffer_append_text(&one->pending, ":\n\n");
            one->said_ns = now;
            wake(one);
        }
        pthread_mutex_unlock(&one->lock);
        if (silent && one->owner->alive)
            one->owner->alive(one->context);
    }
    pthread_mutex_unlock(&server->streams.lock);
}

void http_streams_end(struct http_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_WAIT_S;
    pthread_mutex_lock(&server->streams.lock);
    server->streams.ending = true;
    for (struct http_stream *one = server->streams.first; one; one = one->next) {
        if (one->owner->last)
            one->owner->last(one->context, one);
        http_stream_end(one);
    }
    while (server->streams.first &&
           pthread_cond_timedwait(&server->streams.gone, &server->streams.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&server->streams.lock);
}
