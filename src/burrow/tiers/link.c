/* See link.h. Sockets do not block; poll waits for them. */
#include "burrow/tiers/link.h"

#include "base/clock.h"
#include "net/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(struct link *link, const char *reason)
{
    link_close(link);
    snprintf(link->reason, sizeof link->reason, "%s", reason);
    return -1;
}

static int fail_system(struct link *link, int code)
{
    char text[128];
    snprintf(text, sizeof text, "%s", strerror(code));
    return fail(link, text);
}

/* 0 when the socket is ready, -1 when the deadline came first. */
static int wait_for(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd ready = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now = clock_now_ns();
        int left_ms = now < deadline_ns ? (int)((deadline_ns - now) / NS_PER_MS) + 1 : 0;
        int count = poll(&ready, 1, left_ms);
        if (count > 0)
            return 0;
        if (count == 0 || errno != EINTR)
            return -1;
    }
}

/* ---- opening -------------------------------------------------------------------------------- */

static int connect_one(struct link *link, const struct sockaddr *address, socklen_t length,
                       uint64_t deadline_ns)
{
    int one = 1, code = 0;
    socklen_t size = sizeof code;
    link->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return fail_system(link, errno);
    link->open = true;
    if (address->sa_family != AF_UNIX)
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(link->fd, address, length) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return fail_system(link, errno);
    if (wait_for(link->fd, POLLOUT, deadline_ns) < 0)
        return fail(link, "no connection within the time allowed");
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &code, &size);
    return code ? fail_system(link, code) : 0;
}

/* What TLS waits for is waited for here: 0 to try again. */
static int wait_for_tls(struct link *link, enum tls_result result,
                        const struct tls_failure *failure, uint64_t deadline_ns)
{
    if (result == TLS_FAILED)
        return fail(link, failure->text);
    if (result == TLS_END)
        return fail(link, "the server closed the connection");
    if (wait_for(link->fd, result == TLS_WANT_READ ? POLLIN : POLLOUT, deadline_ns) == 0)
        return 0;
    return fail(link, "no answer within the time allowed");
}

static int start_tls(struct link *link, const struct tls_settings *tls, const char *host,
                     uint64_t deadline_ns)
{
    struct tls_failure failure;
    enum tls_result result;
    link->ssl = tls_session_open(tls, host, link->fd);
    if (!link->ssl)
        return fail(link, "out of memory");
    while ((result = tls_handshake(link->ssl, &failure)) != TLS_DONE)
        if (wait_for_tls(link, result, &failure, deadline_ns) < 0)
            return -1;
    return 0;
}

int link_open(struct link *link, const struct stream_address *address,
              const struct tls_settings *tls, uint64_t deadline_ns)
{
    int failed = -1;
    link_close(link);
    for (int i = 0; failed < 0 && i < address->candidate_count; i++)
        failed = connect_one(link, (const struct sockaddr *)&address->candidates[i],
                             address->candidate_lengths[i], deadline_ns);
    if (failed == 0 && tls)
        failed = start_tls(link, tls, address->host, deadline_ns);
    return failed;
}

void link_close(struct link *link)
{
    if (!link->open)
        return;
    if (link->ssl)
        tls_session_close(link->ssl, true);
    close(link->fd);
    *link = (struct link){.fd = -1};
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static int write_tls(struct link *link, const char *bytes, size_t length, uint64_t deadline_ns)
{
    struct tls_failure failure;
    for (size_t done = 0, count = 0; done < length;) {
        enum tls_result result =
            tls_write(link->ssl, bytes + done, length - done, &count, &failure);
        if (result == TLS_DONE)
            done += count;
        else if (wait_for_tls(link, result, &failure, deadline_ns) < 0)
            return -1;
    }
    return 0;
}

int link_write(struct link *link, const void *bytes, size_t length, uint64_t deadline_ns)
{
    if (link->ssl)
        return write_tls(link, bytes, length, deadline_ns);
    for (size_t done = 0; done < length;) {
        ssize_t count = send(link->fd, (const char *)bytes + done, length - done, MSG_NOSIGNAL);
        if (count > 0)
            done += (size_t)count;
        else if (errno != EAGAIN && errno != EINTR)
            return fail_system(link, errno);
        else if (wait_for(link->fd, POLLOUT, deadline_ns) < 0)
            return fail(link, "it takes no more within the time allowed");
    }
    return 0;
}

static int64_t read_tls(struct link *link, void *bytes, size_t size, uint64_t deadline_ns)
{
    struct tls_failure failure;
    for (;;) {
        size_t count = 0;
        enum tls_result result = tls_read(link->ssl, bytes, size, &count, &failure);
        if (count > 0)
            return (int64_t)count;
        if (wait_for_tls(link, result, &failure, deadline_ns) < 0)
            return -1;
    }
}

int64_t link_read(struct link *link, void *bytes, size_t size, uint64_t deadline_ns)
{
    if (link->ssl)
        return read_tls(link, bytes, size, deadline_ns);
    for (;;) {
        ssize_t count = recv(link->fd, bytes, size, 0);
        if (count > 0)
            return count;
        if (count == 0)
            return fail(link, "the server closed the connection");
        if (errno != EAGAIN && errno != EINTR)
            return fail_system(link, errno);
        if (wait_for(link->fd, POLLIN, deadline_ns) < 0)
            return fail(link, "no answer within the time allowed");
    }
}

bool link_is_quiet(const struct link *link)
{
    struct pollfd ready = {.fd = link->fd, .events = POLLIN};
    if (!link->open || poll(&ready, 1, 0) != 0) {
        /* a TLS server may renew its tickets whenever it likes */
        return link->open && link->ssl && !(ready.revents & (POLLHUP | POLLERR));
    }
    return true;
}

/* ---- backoff -------------------------------------------------------------------------------- */

bool link_backoff_waits(const struct link_backoff *backoff)
{
    return backoff->until_ns != 0 && clock_now_ns() < backoff->until_ns;
}

void link_backoff_failed(struct link_backoff *backoff, uint64_t least_ms)
{
    uint64_t wait = backoff->wait_ms ? backoff->wait_ms * 2 : LINK_FIRST_WAIT_MS;
    if (wait < least_ms)
        wait = least_ms;
    backoff->wait_ms = wait < LINK_LONGEST_WAIT_MS ? wait : LINK_LONGEST_WAIT_MS;
    backoff->until_ns = clock_now_ns() + backoff->wait_ms * NS_PER_MS;
}

void link_backoff_succeeded(struct link_backoff *backoff)
{
    *backoff = (struct link_backoff){0};
}
