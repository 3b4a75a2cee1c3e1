/* See stream.h. */
#include "net/stream.h"

#include "base/clock.h"
#include "net/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum stream_state {
    STREAM_CLOSED,
    STREAM_CONNECTING,
    STREAM_HANDSHAKE,
    STREAM_OPEN,
    STREAM_FAILED
};

struct stream_failure {
    struct outcome outcome;
    char text[256];
};

static void connect_next(struct stream *stream);
static void give_up(struct stream *stream, const struct outcome *outcome, const char *text);
static void on_ready(struct loop_io *io, unsigned events);
static void on_timeout(struct loop_timer *timer);
static void on_deferred(struct loop_task *task);
static ssize_t read_tls(struct stream *stream, void *bytes, size_t size);
static ssize_t write_tls(struct stream *stream, const struct iovec *pieces, int count);
static ssize_t write_plain(struct stream *stream, const struct iovec *pieces, int count);

/* ---- opening -----------------------------------------------------------------------------------
 */

void stream_open(struct stream *stream, struct loop *loop, const struct stream_address *address,
                 const struct tls_settings *tls, uint64_t timeout_ns,
                 const struct stream_events *events)
{
    *stream = (struct stream){.loop = loop,
                              .io = {.fd = -1, .ready = on_ready},
                              .timer = {.fired = on_timeout},
                              .task = {.run = on_deferred},
                              .events = events,
                              .address = address,
                              .tls = tls,
                              .state = STREAM_CONNECTING};
    stream->open_started_ns = clock_now_ns();
    stream->deadline_ns = timeout_ns ? stream->open_started_ns + timeout_ns : UINT64_MAX;
    if (stream->deadline_ns < stream->open_started_ns)
        stream->deadline_ns = UINT64_MAX;
    stream->candidate = __atomic_load_n(address->preferred, __ATOMIC_RELAXED);
    connect_next(stream);
}

static void drop_socket(struct stream *stream, bool orderly)
{
    tls_session_close(stream->ssl, orderly);
    stream->ssl = NULL;
    if (stream->io.fd >= 0) {
        loop_io_remove(stream->loop, &stream->io);
        close(stream->io.fd);
    }
    stream->io.fd = -1;
}

static struct outcome connect_outcome(int code)
{
    static const struct {
        int code;
        struct outcome outcome;
    } table[] = {
        {ECONNREFUSED, {.kind = OUTCOME_CONNECT_REFUSED, .detail = "refused"}},
        {ECONNRESET, {.kind = OUTCOME_CONNECTION_RESET, .detail = "reset"}},
        {ETIMEDOUT, {.kind = OUTCOME_CONNECT_TIMEOUT, .detail = "connect"}},
        {ENOENT, {.kind = OUTCOME_CONNECT_REFUSED, .detail = "no_socket"}},
        {EAGAIN, {.kind = OUTCOME_CONNECT_REFUSED, .detail = "backlog_full"}}, /* Unix sockets */
        {EADDRNOTAVAIL, {.kind = OUTCOME_NOT_RUN, .detail = "no_local_port"}},
        {EMFILE, {.kind = OUTCOME_NOT_RUN, .detail = "no_descriptor"}},
        {ENFILE, {.kind = OUTCOME_NOT_RUN, .detail = "no_descriptor"}},
        {ENOMEM, {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"}},
        {ENOBUFS, {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return table[i].outcome;
    return (struct outcome){.kind = OUTCOME_CONNECT_REFUSED, .detail = "unreachable"};
}

static void connect_failed(struct stream *stream, int code)
{
    struct outcome outcome = connect_outcome(code);
    const char *remedy = "";
    if (code == EADDRNOTAVAIL)
        remedy = " (all local ports are in use or in TIME_WAIT; open fewer connections)";
    else if (code == EMFILE || code == ENFILE)
        remedy = " (raise the limit of open files: ulimit -n)";
    char text[256];
    snprintf(text, sizeof text, "cannot connect: %s%s", strerror(code), remedy);
    give_up(stream, &outcome, text);
}

/* One address: 0 when under way, else errno. */
static int connect_candidate(struct stream *stream)
{
    const struct stream_address *address = stream->address;
    const struct sockaddr *name = (const struct sockaddr *)&address->candidates[stream->candidate];
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    stream->io.fd = fd;
    int one = 1;
    if (name->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if ((connect(fd, name, address->candidate_lengths[stream->candidate]) < 0 &&
         errno != EINPROGRESS) ||
        loop_io_add(stream->loop, &stream->io, fd, LOOP_WRITE) < 0)
        return errno ? errno : ENOMEM;
    return 0;
}

/* Start the timer of this attempt: an equal share of the time left for each address not yet tried.
 */
static int start_attempt_timer(struct stream *stream)
{
    if (stream->deadline_ns == UINT64_MAX)
        return 0;
    uint64_t now = clock_now_ns();
    uint64_t left = stream->deadline_ns > now ? stream->deadline_ns - now : 0;
    int untried = stream->address->candidate_count - stream->attempts + 1;
    return loop_timer_start(stream->loop, &stream->timer, now + left / (uint64_t)untried);
}

static void connect_next(struct stream *stream)
{
    int code = ECONNREFUSED, count = stream->address->candidate_count;
    while (stream->attempts < count) {
        if (stream->attempts++ > 0)
            stream->candidate = (stream->candidate + 1) % count;
        code = connect_candidate(stream);
        if (code == 0 && start_attempt_timer(stream) < 0)
            code = ENOMEM;
        if (code == 0)
            return;
        drop_socket(stream, false);
    }
    connect_failed(stream, code);
}

static void become_open(struct stream *stream)
{
    loop_timer_stop(stream->loop, &stream->timer);
    stream->state = STREAM_OPEN;
    stream->opened_ns = clock_now_ns();
    if (loop_io_modify(stream->loop, &stream->io, LOOP_READ) < 0) {
        connect_failed(stream, errno);
        return;
    }
    if (stream->ssl &&
        SSL_has_pending(stream->ssl)) { /* the answer came along with the handshake */
        stream->read_pending = true;
        loop_defer(stream->loop, &stream->task);
    }
    stream->events->opened(stream);
}

static void continue_handshake(struct stream *stream)
{
    struct tls_failure failure;
    unsigned wanted = LOOP_READ;
    switch (tls_handshake(stream->ssl, &failure)) {
    case TLS_DONE:
        become_open(stream);
        return;
    case TLS_WANT_WRITE:
        wanted = LOOP_WRITE;
        break;
    case TLS_WANT_READ:
        break;
    default:
        give_up(stream, &failure.outcome, failure.text);
        return;
    }
    if (loop_io_modify(stream->loop, &stream->io, wanted) < 0)
        connect_failed(stream, errno);
}

static void finish_connect(struct stream *stream)
{
    int code = 0;
    socklen_t length = sizeof code;
    if (getsockopt(stream->io.fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
        code = errno;
    if (code != 0) {
        drop_socket(stream, false);
        if (stream->attempts < stream->address->candidate_count)
            connect_next(stream);
        else
            connect_failed(stream, code);
        return;
    }
    stream->connected_ns = clock_now_ns();
    if (__atomic_load_n(stream->address->preferred, __ATOMIC_RELAXED) != stream->candidate)
        __atomic_store_n(stream->address->preferred, stream->candidate, __ATOMIC_RELAXED);
    if (!stream->tls) {
        become_open(stream);
        return;
    }
    if (stream->deadline_ns != UINT64_MAX &&
        loop_timer_start(stream->loop, &stream->timer, stream->deadline_ns) < 0) {
        connect_failed(stream, ENOMEM);
        return;
    }
    stream->ssl = tls_session_open(stream->tls, stream->address->host, stream->io.fd);
    stream->state = STREAM_HANDSHAKE;
    if (stream->ssl)
        continue_handshake(stream);
    else
        connect_failed(stream, ENOMEM);
}

static void on_timeout(struct loop_timer *timer)
{
    struct stream *stream = container_of(timer, struct stream, timer);
    bool connecting = stream->state == STREAM_CONNECTING;
    drop_socket(stream, false);
    if (connecting && stream->attempts < stream->address->candidate_count) {
        connect_next(stream);
        return;
    }
    struct outcome outcome = {.kind = OUTCOME_CONNECT_TIMEOUT,
                              .detail = connecting ? "connect" : "tls_handshake"};
    give_up(stream, &outcome,
            connecting ? "the connection was not accepted within the connect timeout"
                       : "the TLS handshake was not finished within the connect timeout");
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* Close and report why, deferred: this may be inside one of the owner's calls. */
static void give_up(struct stream *stream, const struct outcome *outcome, const char *text)
{
    drop_socket(stream, false);
    loop_timer_stop(stream->loop, &stream->timer);
    stream->state = STREAM_FAILED;
    stream->failure = malloc(sizeof *stream->failure);
    if (stream->failure) {
        stream->failure->outcome = *outcome;
        snprintf(stream->failure->text, sizeof stream->failure->text, "%s", text);
    }
    loop_defer(stream->loop, &stream->task);
}

static void on_deferred(struct loop_task *task)
{
    struct stream *stream = container_of(task, struct stream, task);
    if (stream->state == STREAM_OPEN && stream->read_pending) {
        stream->read_pending = false;
        stream->events->readable(stream);
        return;
    }
    if (stream->state != STREAM_FAILED)
        return;
    struct stream_failure failure = {.outcome = {.kind = OUTCOME_NOT_RUN, .detail = "no_memory"},
                                     .text = "out of memory"};
    if (stream->failure)
        failure = *stream->failure;
    free(stream->failure);
    stream->failure = NULL;
    stream->state = STREAM_CLOSED;
    stream->events->failed(stream, &failure.outcome, failure.text);
}

static void stop_asking_for_write(struct stream *stream)
{
    if (stream->io.events & LOOP_WRITE)
        loop_io_modify(stream->loop, &stream->io, LOOP_READ);
}

static void on_ready(struct loop_io *io, unsigned events)
{
    struct stream *stream = container_of(io, struct stream, io);
    if (stream->state == STREAM_CONNECTING) {
        finish_connect(stream);
    } else if (stream->state == STREAM_HANDSHAKE) {
        continue_handshake(stream);
    } else if (stream->want_write && (events & LOOP_WRITE)) {
        stream->want_write = false; /* input, if any, is reported again by the next wait */
        stream->events->writable(stream);
    } else if (events & LOOP_READ) {
        stream->events->readable(stream);
    } else {
        stop_asking_for_write(stream); /* nobody has anything to write */
    }
}

static void ask_for_write(struct stream *stream)
{
    stream->want_write = true;
    loop_io_modify(stream->loop, &stream->io, LOOP_READ | LOOP_WRITE);
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

static void reset(struct stream *stream, int code)
{
    struct outcome outcome = {.kind = OUTCOME_CONNECTION_RESET, .detail = "reset"};
    give_up(stream, &outcome, strerror(code));
}

ssize_t stream_read(struct stream *stream, void *bytes, size_t size)
{
    if (stream->state != STREAM_OPEN)
        return -1;
    if (stream->ssl)
        return read_tls(stream, bytes, size);
    ssize_t count = recv(stream->io.fd, bytes, size, 0);
    if (count > 0)
        return count;
    if (count == 0 && !stream->write_errno)
        return 0;
    if (count == 0)
        reset(stream, stream->write_errno);
    else if (errno != EAGAIN && errno != EINTR)
        reset(stream, errno);
    return -1;
}

static ssize_t read_tls(struct stream *stream, void *bytes, size_t size)
{
    struct tls_failure failure;
    size_t count;
    enum tls_result result = tls_read(stream->ssl, bytes, size, &count, &failure);
    if (result == TLS_FAILED)
        give_up(stream, &failure.outcome, failure.text);
    else if (count && (result == TLS_END || SSL_has_pending(stream->ssl))) {
        stream->read_pending = true;
        loop_defer(stream->loop, &stream->task);
    }
    if (count)
        return (ssize_t)count;
    if (result == TLS_END && stream->write_errno)
        reset(stream, stream->write_errno);
    else if (result == TLS_END)
        return 0;
    return -1;
}

ssize_t stream_write(struct stream *stream, const struct iovec *pieces, int count)
{
    if (stream->state != STREAM_OPEN)
        return -1;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    if (stream->write_errno)
        return (ssize_t)total;
    ssize_t written =
        stream->ssl ? write_tls(stream, pieces, count) : write_plain(stream, pieces, count);
    if (written < 0)
        return stream->write_errno ? (ssize_t)total : -1;
    if ((size_t)written < total)
        ask_for_write(stream);
    else
        stop_asking_for_write(stream);
    return written;
}

/* Bytes taken, 0 when the socket is full, -1 with write_errno set. */
static ssize_t write_plain(struct stream *stream, const struct iovec *pieces, int count)
{
    ssize_t written;
    if (count == 1) {
        written = send(stream->io.fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    } else {
        struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
        written = sendmsg(stream->io.fd, &message, MSG_NOSIGNAL);
    }
    if (written >= 0)
        return written;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    stream->write_errno = errno;
    return -1;
}

static ssize_t write_tls(struct stream *stream, const struct iovec *pieces, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        struct tls_failure failure;
        size_t written;
        enum tls_result result =
            tls_write(stream->ssl, pieces[i].iov_base, pieces[i].iov_len, &written, &failure);
        total += written;
        if (result == TLS_END ||
            (result == TLS_FAILED && failure.outcome.kind == OUTCOME_CONNECTION_RESET)) {
            stream->write_errno = EPIPE;
            return -1;
        }
        if (result == TLS_FAILED) {
            give_up(stream, &failure.outcome, failure.text);
            return -1;
        }
        if (result != TLS_DONE)
            break;
    }
    return (ssize_t)total;
}

void stream_close(struct stream *stream)
{
    if (stream->state == STREAM_CLOSED)
        return;
    drop_socket(stream, stream->state == STREAM_OPEN && !stream->write_errno);
    loop_timer_stop(stream->loop, &stream->timer);
    loop_undefer(stream->loop, &stream->task);
    free(stream->failure);
    stream->failure = NULL;
    stream->state = STREAM_CLOSED;
}

/* ---- what TLS agreed on -------------------------------------------------------------------------
 */

bool stream_is_http2(const struct stream *stream)
{
    const unsigned char *protocol = NULL;
    unsigned length = 0;
    if (stream->ssl)
        SSL_get0_alpn_selected(stream->ssl, &protocol, &length);
    return length == 2 && memcmp(protocol, "h2", 2) == 0;
}

const char *stream_tls_description(const struct stream *stream)
{
    static _Thread_local char text[320];
    if (!stream->ssl)
        return NULL;
    char subject[200] = "no certificate";
    X509 *certificate = SSL_get1_peer_certificate(stream->ssl);
    if (certificate)
        X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
    X509_free(certificate);
    snprintf(text, sizeof text, "%s %s, %s", SSL_get_version(stream->ssl),
             SSL_get_cipher_name(stream->ssl), subject);
    return text;
}
