/* The other end of a connection, played by the test itself: both ends live in one thread, so that a
 * test decides which byte comes when. */
#ifndef CICADA_TESTS_NET_PEER_H
#define CICADA_TESTS_NET_PEER_H

#include "base/clock.h"
#include "base/loop.h"
#include "net/http.h"

#include <stdbool.h>
#include <stddef.h>

int peer_listen(unsigned short *port); /* on 127.0.0.1 */
int peer_accept(int listener);
void peer_send(int fd, const char *bytes, size_t length);
void peer_send_text(int fd, const char *text);
/* Read a whole request: head and Content-Length bytes. NUL-terminated; its length. */
size_t peer_read_request(int fd, char *text, size_t size);
bool peer_sees_end(int fd); /* waits: true when the other side closed or reset */
void peer_reset(int fd);    /* close with RST */

/* Run the loop until `condition` holds; the test fails when it does not within ten seconds. */
#define RUN_UNTIL(loop, condition)                                                                 \
    do {                                                                                           \
        uint64_t give_up_ = clock_now_ns() + 10 * NS_PER_S;                                        \
        while (!(condition)) {                                                                     \
            if (clock_now_ns() > give_up_)                                                         \
                fail_msg("never came true: %s", #condition);                                       \
            loop_run_once(loop, give_up_);                                                         \
        }                                                                                          \
    } while (0)
/* Let everything happen that is due now. */
void peer_settle(struct loop *loop);

/* What an exchange's owner saw. */
struct seen {
    struct http_exchange exchange;
    int heads, bodies, lasts, failures;
    struct buffer body;
    struct outcome why;
    char text[256];
    void (*then)(struct seen *seen); /* called in the last or failing callback */
    void (*on_head)(struct seen *seen);
    void *data;
};
void seen_init(struct seen *seen, const char *method, const char *body);
void seen_free(struct seen *seen);
bool seen_over(const struct seen *seen);
/* Exactly one end, and it was a response with this status and body. */
void seen_is(const struct seen *seen, int status, const char *body);
void seen_failed(const struct seen *seen, enum outcome_kind kind, const char *detail);

/* What a connection's owner saw. */
struct client {
    struct http_connection connection;
    struct http_endpoint endpoint;
    struct loop loop;
    int opened, closed;
    struct outcome why;
    char text[256];
    int listener, fd;
};
/* A loop, and a connection to a listener of ours that was accepted (fd). */
void client_open(struct client *client, const struct http_header *headers, size_t header_count);
void client_connect(struct client *client); /* another connection to it */
/* A loop, and a connection to `url`, opened or closed when this returns. */
void client_open_url(struct client *client, const char *url, const struct tls_options *tls);
void client_close(struct client *client);

#endif
