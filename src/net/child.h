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
    /* stdout ended and the process was reaped: wait status as of waitpid(2). Last callback. */
    void (*exited)(struct child *child, int status);
};
struct child { /* embed; private but for the fields noted */
    struct loop *loop;
    const struct child_events *events;
    pid_t pid; /* may be read; 0 when not running. It leads its own process group. */
    struct loop_io input, output, errors;
    struct loop_timer reap_timer;
    struct loop_task task;
    struct buffer input_queue;
    struct buffer output_line;
    char error_tail[4096]; /* may be read: the last of stderr, NUL-terminated, invalid UTF-8
                              replaced */
    uint64_t error_bytes;  /* may be read: all that came on stderr */
    uint64_t bytes_written, bytes_read;
    size_t line_limit;
    bool discarding, output_ended, reaped;
    int status;
};

/* Start argv (argv[0] is looked up in PATH). `environment`: "K=V" strings added to ours,
 * NULL-ended, or NULL. -1 with ERROR_TARGET when it cannot be started ("npx: not found in PATH;
 * ..."). */
int child_start(struct child *child, struct loop *loop, char *const argv[],
                char *const environment[], size_t line_limit, size_t input_limit,
                const struct child_events *events, struct error *error);
/* Queue one message and a newline (pieces are copied). -1 when the queue would pass its limit. */
int child_write_line(struct child *child, const struct iovec *pieces, int count);
size_t child_input_queued(const struct child *child);
/* Orderly end: close stdin; after 2 s SIGTERM to its group, after 2 s more SIGKILL; `exited`
 * follows. */
void child_stop(struct child *child);
/* At once: SIGKILL to the group, reap, close; no callback follows. Harmless when not running. */
void child_kill(struct child *child);

#endif
