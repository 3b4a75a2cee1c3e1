/* What nghttp2 reports of an HTTP/2 connection. Each callback may end in one of the owner's, who
 * may close the connection there: `go_on` is the last thing each asks. */
#include "base/clock.h"
#include "net/http2_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_STREAMS = 1024,     /* at once, where the peer sets no lower limit */
    STREAM_WINDOW = 4 << 20, /* bytes a response may send ahead of WINDOW_UPDATE */
    CONNECTION_WINDOW = 64 << 20,
};

/* nghttp2 stops at once on this; it is only returned when the connection is closed already. */
static int go_on(const struct http2 *http2)
{
    return http2->closed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static struct http2_stream *find_stream(nghttp2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static int fail_too_large(struct http2 *http2, struct http2_stream *stream, const char *detail,
                          const char *text)
{
    struct outcome why = {.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = detail};
    nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
    http2_fail_stream(http2, stream, &why, text);
    return go_on(http2);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, frame->hd.stream_id);
    if (stream && stream->exchange && !stream->exchange->first_byte_ns)
        stream->exchange->first_byte_ns = http2->read_ns;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, frame->hd.stream_id);
    (void)flags;
    if (!stream || !stream->exchange)
        return 0;
    stream->head_bytes += name_length + value_length + 4;
    if (stream->head_bytes > http2->connection->endpoint->head_limit)
        return fail_too_large(http2, stream, "head_too_large",
                              "the response head is larger than the limit");
    if (stream->head_complete) /* trailers */
        return 0;
    if (name_length == 7 && memcmp(name, ":status", 7) == 0)
        stream->exchange->status = atoi((const char *)value); /* nghttp2 checked it: three digits */
    else
        http_exchange_remember(stream->exchange, (const char *)name, name_length,
                               (const char *)value, value_length);
    return 0;
}

static void on_response_head(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    if (stream->head_complete)
        return;
    if (exchange->status < 200) { /* interim: the real head follows */
        http_exchange_reset(exchange);
        return;
    }
    stream->head_complete = true;
    if (exchange->events->head)
        exchange->events->head(exchange);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t length, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, id);
    (void)flags;
    if (!stream || !stream->exchange)
        return 0;
    struct http_exchange *exchange = stream->exchange;
    if (exchange->body_kind == HTTP_BODY_EVENT_STREAM) {
        exchange->end_ns = http2->read_ns;
        exchange->events->body(exchange, (const char *)bytes, length, false);
        return go_on(http2);
    }
    if (buffer_length(&stream->body) + stream->piece_length + length >
        http2->connection->endpoint->body_limit)
        return fail_too_large(http2, stream, "body_too_large",
                              "the response body is larger than the limit");
    if (http2_keep_piece(http2) < 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (buffer_length(&stream->body))
        return buffer_append(&stream->body, bytes, length) < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    stream->piece = (const char *)bytes;
    stream->piece_length = length;
    http2->in_place = stream;
    return 0;
}

static void on_settings(struct http2 *http2)
{
    struct http_connection *connection = http2->connection;
    uint32_t limit = nghttp2_session_get_remote_settings(http2->session,
                                                         NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    connection->capacity = limit < MOST_STREAMS ? limit : MOST_STREAMS;
    if (http2->opened || connection->capacity == 0)
        return;
    http2->opened = true;
    connection->reusable = true;
    loop_timer_stop(connection->loop, &http2->settings_timer);
    connection->events->opened(connection);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
            on_settings(http2);
        return go_on(http2);
    case NGHTTP2_GOAWAY:
        http2->goaway = true;
        http2->connection->reusable = false;
        return 0;
    case NGHTTP2_RST_STREAM:
        if (stream)
            stream->reset_by_peer = true;
        return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        break;
    default:
        return 0;
    }
    if (!stream || !stream->exchange)
        return 0;
    stream->exchange->bytes_received += frame->hd.length + 9;
    if (frame->hd.type == NGHTTP2_HEADERS)
        on_response_head(stream);
    if (!http2->closed && stream->exchange && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        http2_finish_stream(http2, stream);
    return go_on(http2);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        http2->own_error_code = frame->goaway.error_code;
    if (!stream || !stream->exchange)
        return 0;
    if (!stream->exchange->send_ns)
        stream->exchange->send_ns = clock_now_ns();
    stream->exchange->bytes_sent += frame->hd.length + 9;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        stream->request_composed = http2->composed_unsent = true;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = find_stream(session, id);
    struct outcome why = {.kind = OUTCOME_CONNECTION_RESET, .detail = "stream_reset"};
    char text[160];
    if (!stream)
        return 0;
    snprintf(text, sizeof text, "the server reset the HTTP/2 stream: %s",
             nghttp2_http2_strerror(code));
    if (code == NGHTTP2_REFUSED_STREAM || (http2->goaway && !stream->reset_by_peer)) {
        why.detail = "refused_stream";
        snprintf(text, sizeof text,
                 "the server refused the HTTP/2 stream (it takes no more requests)");
    } else if (!stream->reset_by_peer) {
        why = (struct outcome){.kind = OUTCOME_PROTOCOL_VIOLATION, .detail = "bad_http2"};
        snprintf(text, sizeof text, "the server's answer breaks HTTP/2's rules: %s",
                 nghttp2_http2_strerror(code));
    }
    http2_fail_stream(http2, stream, &why, text);
    http2_stream_delete(http2, stream);
    return go_on(http2);
}

nghttp2_session *http2_session_new(struct http2 *http2)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    int result = nghttp2_session_client_new(&session, callbacks, http2);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)http2->connection->endpoint->head_limit},
    };
    if (result == 0 &&
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof settings[0]) == 0 &&
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) ==
            0)
        return session;
    if (result == 0)
        nghttp2_session_del(session);
    return NULL;
}
