/* A child process with its three pipes on a loop. Its stdout comes line by line, its stderr is
 * drained into a bounded tail, writes to its stdin are queued up to a limit and never block. */
#ifndef CICADA_NET_CHILD_H
#define CICADA_NET_CHILD_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/loop.h"

#include <sys/types.h>
#include <sys/uio.h>

struct child;
struct child_events {
    /* One line of stdout without its newline; valid until it returns. */
    void (*line)(struct child *child, const char *bytes, size_t length);
    /* A line passed its limit: the rest of that line is discarded. */
    void (*line_too_long)(struct child *child);
    /* stdout ended and the process was reaped: wait status as of waitpid(2). Last callback; all is
     * released. A process that closes its stdout is stopped as by child_stop; what the process left
     * behind in its group is killed. stdout that stays open without the process is given 0.5 s. */
    void (*exited)(struct child *child, int status);
};
struct child { /* embed; private but for the fields noted */
    struct loop *loop;
    const struct child_events *events;
    pid_t pid; /* may be read; 0 when not running. It leads its own process group. */
    struct loop_io input, output, errors;
    struct loop_io process; /* a pidfd: readable when the process has ended */
    struct loop_timer timer;
    bool *gone; /* set when released inside a callback of ours */
    struct buffer input_queue;
    struct buffer output_line;
    char error_tail[4096]; /* may be read: the last of stderr, NUL-terminated, invalid UTF-8
                              replaced */
    uint64_t error_bytes;  /* may be read: all that came on stderr */
    uint64_t bytes_written, bytes_read;
    size_t error_length, error_unfinished;
    size_t line_limit;
    int stop_step;
    bool discarding, output_ended, ended;
    int status;
};

/* Start argv (argv[0] is looked up in PATH). `environment`: "K=V" strings added to ours,
 * NULL-ended, or NULL. -1 with ERROR_TARGET when it cannot be started ("npx: not found in PATH;
 * ..."). */
int child_start(struct child *child, struct loop *loop, char *const argv[],
                char *const environment[], size_t line_limit, size_t input_limit,
                const struct child_events *events, struct error *error);
/* Write or queue one message and a newline (pieces, at most 15, are copied). -1 when the queue
 * would pass its limit, or when stdin was closed by either side; nothing is written then. */
int child_write_line(struct child *child, const struct iovec *pieces, int count);
size_t child_input_queued(const struct child *child);
/* Orderly end: close stdin once what is queued was written; after 2 s SIGTERM to its group, after 2
 * s more SIGKILL; `exited` follows. */
void child_stop(struct child *child);
/* At once: SIGKILL to the group, reap, close; no callback follows. Harmless when not running. */
void child_kill(struct child *child);

#endif
