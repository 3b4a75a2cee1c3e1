/* See peer.h. */
#include "peer.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { HEAD_LIMIT = 256 * 1024, BODY_LIMIT = 16 * 1024 * 1024, READ_SIZE = 16 * 1024 };

/* ---- reading ----------------------------------------------------------------------------------
 */

static int read_more(struct peer *peer)
{
    char *room = buffer_reserve(&peer->input, READ_SIZE);
    if (!room)
        return -1;
    ssize_t got;
    do
        got = recv(peer->fd, room, READ_SIZE, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return -1;
    buffer_commit(&peer->input, (size_t)got);
    return 0;
}

/* Length of the head with its empty line, reading as much as that takes; 0 when none comes. */
static size_t await_head(struct peer *peer)
{
    for (size_t searched = 0;;) {
        size_t length = buffer_length(&peer->input);
        const char *bytes = buffer_bytes(&peer->input);
        size_t from = searched > 3 ? searched - 3 : 0;
        const char *end = length > from ? memmem(bytes + from, length - from, "\r\n\r\n", 4) : NULL;
        if (end)
            return (size_t)(end - bytes) + 4;
        searched = length;
        if (length > HEAD_LIMIT || read_more(peer) < 0)
            return 0;
    }
}

static int parse_head(struct peer_request *request)
{
    char *rest = request->text;
    char *line = strsep(&rest, "\n");
    request->method = strsep(&line, " ");
    request->path = strsep(&line, " ");
    if (!request->path || !line || strncmp(line, "HTTP/1.", 7) != 0)
        return -1;
    char *query = strchr(request->path, '?');
    request->query = query ? query + 1 : request->path + strlen(request->path);
    if (query)
        *query = '\0';
    while ((line = strsep(&rest, "\n")) && *line != '\r' && *line) {
        char *colon = strchr(line, ':');
        if (!colon || request->header_count == PEER_HEADERS)
            return -1;
        *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " \t");
        value[strcspn(value, "\r")] = '\0';
        request->headers[request->header_count++] = (struct peer_header){line, value};
    }
    return 0;
}

static int take(struct peer *peer, size_t count, struct buffer *into)
{
    while (buffer_length(&peer->input) < count)
        if (read_more(peer) < 0)
            return -1;
    if (into && buffer_append(into, buffer_bytes(&peer->input), count) < 0)
        return -1;
    buffer_consume(&peer->input, count);
    return 0;
}

static int take_line(struct peer *peer, char *line, size_t size)
{
    for (;;) {
        const char *bytes = buffer_bytes(&peer->input);
        size_t length = buffer_length(&peer->input);
        const char *end = length ? memchr(bytes, '\n', length) : NULL;
        if (end) {
            size_t count = (size_t)(end - bytes);
            snprintf(line, size, "%.*s", (int)count, bytes);
            buffer_consume(&peer->input, count + 1);
            return 0;
        }
        if (length > HEAD_LIMIT || read_more(peer) < 0)
            return -1;
    }
}

static int read_chunked(struct peer *peer, struct buffer *body)
{
    char line[256];
    for (;;) {
        if (take_line(peer, line, sizeof line) < 0)
            return -1;
        unsigned long size = strtoul(line, NULL, 16);
        if (size == 0)
            break;
        if (size > BODY_LIMIT || take(peer, size, body) < 0 || take(peer, 2, NULL) < 0)
            return -1;
    }
    do
        if (take_line(peer, line, sizeof line) < 0)
            return -1;
    while (line[0] != '\r' && line[0]);
    return 0;
}

static int read_body(struct peer *peer, struct peer_request *request)
{
    const char *coding = peer_request_header(request, "Transfer-Encoding");
    const char *length = peer_request_header(request, "Content-Length");
    struct buffer body;
    buffer_init(&body, BODY_LIMIT);
    int status = 0;
    if (coding && strcasecmp(coding, "chunked") == 0)
        status = read_chunked(peer, &body);
    else if (length)
        status = take(peer, strtoul(length, NULL, 10), &body);
    request->body_length = buffer_length(&body);
    if (status == 0)
        request->body = buffer_take_string(&body);
    buffer_free(&body);
    return request->body ? 0 : -1;
}

int peer_read_request(struct peer *peer, struct peer_request *request)
{
    *request = (struct peer_request){0};
    size_t head = await_head(peer);
    if (!head)
        return 0;
    request->text = strndup(buffer_bytes(&peer->input), head);
    buffer_consume(&peer->input, head);
    if (!request->text || parse_head(request) < 0)
        goto failed;
    const char *expect = peer_request_header(request, "Expect");
    if (expect && strcasecmp(expect, "100-continue") == 0)
        peer_write_text(peer, "HTTP/1.1 100 Continue\r\n\r\n");
    if (read_body(peer, request) < 0)
        goto failed;
    const char *connection = peer_request_header(request, "Connection");
    if (connection && strcasecmp(connection, "close") == 0)
        peer->close_after = true;
    return 1;
failed:
    peer_request_free(request);
    return 0;
}

void peer_request_free(struct peer_request *request)
{
    free(request->text);
    free(request->body);
    *request = (struct peer_request){0};
}

const char *peer_request_header(const struct peer_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

int peer_write(struct peer *peer, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(peer->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            peer->close_after = true;
            return -1;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

int peer_write_text(struct peer *peer, const char *text)
{
    return peer_write(peer, text, strlen(text));
}

int peer_printf(struct peer *peer, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return -1;
    int status = peer_write(peer, text, (size_t)length);
    free(text);
    return status;
}

const char *peer_reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } table[] = {{200, "OK"},
                 {202, "Accepted"},
                 {307, "Temporary Redirect"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {429, "Too Many Requests"},
                 {500, "Internal Server Error"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].phrase;
    return "Unnamed";
}

int peer_respond_bytes(struct peer *peer, int status, const char *type, const char *extra,
                       const char *body, size_t length)
{
    struct buffer output;
    buffer_init(&output, BODY_LIMIT * 2);
    int made = buffer_printf(&output, "HTTP/1.1 %d %s\r\n%s%s%s%sContent-Length: %zu\r\n\r\n",
                             status, peer_reason_phrase(status), type ? "Content-Type: " : "",
                             type ? type : "", type ? "\r\n" : "", extra, length);
    if (made == 0)
        made = buffer_append(&output, body, length);
    int written = made < 0 ? -1 : peer_write(peer, buffer_bytes(&output), buffer_length(&output));
    buffer_free(&output);
    return written;
}

int peer_respond(struct peer *peer, int status, const char *type, const char *extra,
                 const char *body)
{
    return peer_respond_bytes(peer, status, type, extra, body, strlen(body));
}

int peer_stream_begin(struct peer *peer, const char *extra)
{
    return peer_printf(peer,
                       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Cache-Control: no-cache\r\n%sTransfer-Encoding: chunked\r\n\r\n",
                       extra);
}

int peer_stream_raw(struct peer *peer, const char *bytes, size_t length)
{
    struct buffer chunk;
    buffer_init(&chunk, BODY_LIMIT);
    int made = buffer_printf(&chunk, "%zx\r\n", length);
    if (made == 0)
        made = buffer_append(&chunk, bytes, length);
    if (made == 0)
        made = buffer_append_text(&chunk, "\r\n");
    int written = made < 0 ? -1 : peer_write(peer, buffer_bytes(&chunk), buffer_length(&chunk));
    buffer_free(&chunk);
    return written;
}

int peer_stream_event(struct peer *peer, const char *id, const char *data)
{
    char *text = NULL;
    int length = asprintf(&text, "%s%s%sevent: message\ndata: %s\n\n", id ? "id: " : "",
                          id ? id : "", id ? "\n" : "", data);
    if (length < 0)
        return -1;
    int written = peer_stream_raw(peer, text, (size_t)length);
    free(text);
    return written;
}

int peer_stream_end(struct peer *peer)
{
    return peer_write_text(peer, "0\r\n\r\n");
}

/* ---- time and endings -------------------------------------------------------------------------
 */

bool peer_wait(struct peer *peer, long ms)
{
    uint64_t until = ms < 0 ? UINT64_MAX : clock_now_ns() + (uint64_t)ms * NS_PER_MS;
    for (;;) {
        uint64_t now = clock_now_ns();
        if (now >= until)
            return false;
        struct pollfd watch = {.fd = peer->fd, .events = POLLRDHUP};
        uint64_t left = until == UINT64_MAX ? NS_PER_S : until - now;
        struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
                                   .tv_nsec = (long)(left % NS_PER_S)};
        if (ppoll(&watch, 1, &timeout, NULL) > 0) {
            peer->close_after = true;
            return true;
        }
    }
}

void peer_reset(struct peer *peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peer->close_after = true;
}
