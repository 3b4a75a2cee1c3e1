/* See child.h. The process is watched through a pidfd, so that its end is an event like any other
 * and its pid cannot be taken by a stranger before we have signalled its group. */
#include "net/child.h"

#include "base/clock.h"
#include "net/child_spawn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t stop_grace_ns = 2 * NS_PER_S;   /* between the steps of child_stop */
static const uint64_t output_grace_ns = NS_PER_S / 2; /* for stdout to end after the process did */

enum stop_step { STOP_NOT_ASKED, STOP_INPUT_CLOSED, STOP_TERMINATED, STOP_KILLED };

static int watch_process(struct child *child, const int pipes[3], struct error *error);
static void on_input_writable(struct loop_io *io, unsigned events);
static void on_output_readable(struct loop_io *io, unsigned events);
static void on_errors_readable(struct loop_io *io, unsigned events);
static void on_process_ended(struct loop_io *io, unsigned events);
static void on_timer(struct loop_timer *timer);
static void release(struct child *child);
static void read_errors(struct child *child);

static void ignore_broken_pipes(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

int child_start(struct child *child, struct loop *loop, char *const argv[],
                char *const environment[], size_t line_limit, size_t input_limit,
                const struct child_events *events, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ignore_broken_pipes);
    *child = (struct child){.loop = loop,
                            .events = events,
                            .input = {.fd = -1, .ready = on_input_writable},
                            .output = {.fd = -1, .ready = on_output_readable},
                            .errors = {.fd = -1, .ready = on_errors_readable},
                            .process = {.fd = -1, .ready = on_process_ended},
                            .timer = {.fired = on_timer},
                            .line_limit = line_limit};
    buffer_init(&child->input_queue, input_limit);
    buffer_init(&child->output_line, line_limit);
    int pipes[3];
    if (!argv[0])
        return error_set(error, ERROR_USAGE, "no command was given to start");
    if (spawn_with_pipes(&child->pid, argv, environment, pipes, error) < 0)
        return -1;
    if (watch_process(child, pipes, error) == 0)
        return 0;
    child_kill(child);
    return -1;
}

/* From here on child_kill cleans up, whatever fails. */
static int watch_process(struct child *child, const int pipes[3], struct error *error)
{
    child->input.fd =
        pipes[STDIN_FILENO]; /* added to the loop only while something waits to be written */
    child->output.fd = pipes[STDOUT_FILENO];
    child->errors.fd = pipes[STDERR_FILENO];
    child->process.fd = pidfd_open(child->pid, 0);
    if (child->process.fd < 0 ||
        loop_io_add(child->loop, &child->process, child->process.fd, LOOP_READ) < 0 ||
        loop_io_add(child->loop, &child->output, child->output.fd, LOOP_READ) < 0 ||
        loop_io_add(child->loop, &child->errors, child->errors.fd, LOOP_READ) < 0)
        return error_set(error, ERROR_INTERNAL, "a child process cannot be watched: %s",
                         strerror(errno));
    return 0;
}

/* ---- stdin -------------------------------------------------------------------------------------
 */

static void close_io(struct child *child, struct loop_io *io)
{
    loop_io_remove(child->loop, io);
    if (io->fd >= 0)
        close(io->fd);
    io->fd = -1;
}

static void close_input(struct child *child)
{
    close_io(child, &child->input);
    buffer_free(&child->input_queue);
}

/* Bytes taken, 0 when the pipe is full, -1 when nobody reads it any more: it is closed then. */
static ssize_t write_input(struct child *child, const struct iovec *pieces, int count)
{
    ssize_t written = writev(child->input.fd, pieces, count);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (written < 0)
        close_input(child);
    else
        child->bytes_written += (uint64_t)written;
    return written;
}

static int queue_input(struct child *child, const struct iovec *pieces, int count, size_t skip)
{
    for (int i = 0; i < count; i++) {
        size_t gone = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
        const char *rest = (const char *)pieces[i].iov_base + gone;
        if (buffer_append(&child->input_queue, rest, pieces[i].iov_len - gone) < 0)
            return -1;
        skip -= gone;
    }
    if (buffer_length(&child->input_queue) && !child->input.registered)
        return loop_io_add(child->loop, &child->input, child->input.fd, LOOP_WRITE);
    return 0;
}

int child_write_line(struct child *child, const struct iovec *pieces, int count)
{
    enum { MOST_PIECES = 15 };
    struct iovec line[MOST_PIECES + 1];
    size_t total = 1, queued = buffer_length(&child->input_queue);
    if (child->input.fd < 0 || child->stop_step != STOP_NOT_ASKED || count > MOST_PIECES)
        return -1;
    for (int i = 0; i < count; i++) {
        line[i] = pieces[i];
        total += pieces[i].iov_len;
    }
    line[count] = (struct iovec){.iov_base = "\n", .iov_len = 1};
    if (total > child->input_queue.limit - queued)
        return -1;
    ssize_t written = queued ? 0 : write_input(child, line, count + 1);
    if (written < 0)
        return -1;
    if ((size_t)written == total || queue_input(child, line, count + 1, (size_t)written) == 0)
        return 0;
    close_input(child); /* half a line is out and the rest is lost: nothing more can be said */
    return -1;
}

size_t child_input_queued(const struct child *child)
{
    return buffer_length(&child->input_queue);
}

static void on_input_writable(struct loop_io *io, unsigned events)
{
    struct child *child = container_of(io, struct child, input);
    struct iovec rest = {.iov_base = buffer_bytes(&child->input_queue),
                         .iov_len = buffer_length(&child->input_queue)};
    (void)events;
    ssize_t written = write_input(child, &rest, 1);
    if (written < 0)
        return;
    buffer_consume(&child->input_queue, (size_t)written);
    if (buffer_length(&child->input_queue))
        return;
    loop_io_remove(child->loop, io);
    buffer_free(&child->input_queue);
    if (child->stop_step != STOP_NOT_ASKED)
        close_input(child);
}

/* ---- stdout ------------------------------------------------------------------------------------
 */

/* Each call of the owner may kill the child and free it: false then. */
static bool report_line(struct child *child, const char *bytes, size_t length)
{
    bool gone = false;
    child->gone = &gone;
    child->events->line(child, bytes, length);
    if (!gone)
        child->gone = NULL;
    return !gone;
}

static bool report_too_long(struct child *child)
{
    bool gone = false;
    child->discarding = true;
    buffer_free(&child->output_line);
    if (!child->events->line_too_long)
        return true;
    child->gone = &gone;
    child->events->line_too_long(child);
    if (!gone)
        child->gone = NULL;
    return !gone;
}

/* A line that ended, of which `length` bytes lie in this read and the rest is held. */
static bool finish_line(struct child *child, const char *bytes, size_t length)
{
    size_t held = buffer_length(&child->output_line);
    if (child->discarding) {
        child->discarding = false;
        return true;
    }
    if (held + length > child->line_limit) {
        bool there = report_too_long(child);
        if (there)
            child->discarding = false; /* it ended already */
        return there;
    }
    if (held == 0)
        return report_line(child, bytes, length);
    if (buffer_append(&child->output_line, bytes, length) < 0)
        return report_too_long(child);
    struct buffer line = child->output_line; /* ours now: the callback may free the child */
    buffer_init(&child->output_line, child->line_limit);
    bool there = report_line(child, buffer_bytes(&line), buffer_length(&line));
    buffer_free(&line);
    return there;
}

static bool take_output(struct child *child, const char *bytes, size_t length)
{
    child->bytes_read += length;
    const char *cursor = bytes, *end = bytes + length;
    for (const char *feed; cursor < end && (feed = memchr(cursor, '\n', (size_t)(end - cursor)));
         cursor = feed + 1)
        if (!finish_line(child, cursor, (size_t)(feed - cursor)))
            return false;
    if (cursor == end || child->discarding)
        return true;
    return buffer_append(&child->output_line, cursor, (size_t)(end - cursor)) == 0 ||
           report_too_long(child);
}

static void deliver_exit(struct child *child)
{
    const struct child_events *events = child->events;
    read_errors(child);         /* the last words */
    kill(-child->pid, SIGKILL); /* what it left behind in its group */
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    release(child);
    child->status = status;
    if (events->exited)
        events->exited(child, status);
}

static void on_output_end(struct child *child)
{
    close_io(child, &child->output);
    child->output_ended = true;
    if (buffer_length(&child->output_line) && !finish_line(child, "", 0))
        return;
    if (child->ended)
        deliver_exit(child);
    else
        child_stop(child); /* no answer can come any more */
}

static void on_output_readable(struct loop_io *io, unsigned events)
{
    struct child *child = container_of(io, struct child, output);
    char *scratch = child->loop->scratch;
    (void)events;
    ssize_t count = read(io->fd, scratch, LOOP_SCRATCH_SIZE);
    if (count > 0)
        take_output(child, scratch, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        on_output_end(child);
}

/* ---- stderr ------------------------------------------------------------------------------------
 */

/* Length of the UTF-8 sequence at `bytes`, 0 when it is invalid, -1 when it may go on behind the
 * end. */
static int sequence_length(const unsigned char *bytes, size_t left)
{
    unsigned char first = bytes[0];
    int length = first < 0x80   ? 1
                 : first < 0xc2 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
    for (int i = 1; i < length; i++) {
        if ((size_t)i == left)
            return -1;
        unsigned char low = 0x80, high = 0xbf;
        if (i == 1) { /* overlong forms, surrogates, beyond U+10FFFF */
            low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
            high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        }
        if (bytes[i] < low || bytes[i] > high)
            return 0;
    }
    return length;
}

/* Replace in place what is no UTF-8, and control characters, by '?'. Returns how many bytes at the
 * end are the beginning of a character still to come. */
static size_t clean(char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        int count = sequence_length((unsigned char *)text + i, length - i);
        if (count < 0)
            return length - i;
        bool shown =
            count > 1 ||
            (count == 1 && ((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t'));
        if (!shown || text[i] == 0x7f)
            text[i] = '?';
        i += count > 1 ? (size_t)count : 1;
    }
    return 0;
}

/* Append to the tail, dropping whole characters from its front. */
static void keep_tail(struct child *child, const char *bytes, size_t length)
{
    enum { ROOM = sizeof child->error_tail - 1 };
    size_t used = child->error_length;
    if (length > ROOM) {
        bytes += length - ROOM;
        length = ROOM;
    }
    if (used + length > ROOM) {
        size_t drop = used + length - ROOM;
        while (drop < used && ((unsigned char)child->error_tail[drop] & 0xc0) == 0x80)
            drop++;
        used -= drop;
        memmove(child->error_tail, child->error_tail + drop, used);
    }
    memcpy(child->error_tail + used, bytes, length);
    size_t start = used - child->error_unfinished; /* a character cut by the last read */
    if (child->error_unfinished > used)
        start = 0;
    child->error_length = used + length;
    child->error_tail[child->error_length] = '\0';
    child->error_unfinished = clean(child->error_tail + start, child->error_length - start);
}

static void read_errors(struct child *child)
{
    enum { ONE_READ = 64 * 1024, MOST_READS = 16 };
    for (int i = 0; i < MOST_READS && child->errors.fd >= 0; i++) {
        ssize_t count = read(child->errors.fd, child->loop->scratch, ONE_READ);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0) {
            close_io(child, &child->errors);
            return;
        }
        child->error_bytes += (uint64_t)count;
        keep_tail(child, child->loop->scratch, (size_t)count);
    }
}

static void on_errors_readable(struct loop_io *io, unsigned events)
{
    (void)events;
    read_errors(container_of(io, struct child, errors));
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* The process ended; its output may still be on the way, or held open by a process it left behind.
 * It is reaped when that is settled, so that its group's number stays taken. */
static void on_process_ended(struct loop_io *io, unsigned events)
{
    struct child *child = container_of(io, struct child, process);
    (void)events;
    close_io(child, io);
    close_input(child);
    child->ended = true;
    if (child->output_ended ||
        loop_timer_start(child->loop, &child->timer, clock_now_ns() + output_grace_ns) < 0)
        deliver_exit(child);
}

static void on_timer(struct loop_timer *timer)
{
    struct child *child = container_of(timer, struct child, timer);
    if (child->ended) {
        deliver_exit(child);
        return;
    }
    bool first = child->stop_step == STOP_INPUT_CLOSED;
    child->stop_step = first ? STOP_TERMINATED : STOP_KILLED;
    kill(-child->pid, first ? SIGTERM : SIGKILL);
    if (first)
        loop_timer_start(child->loop, timer, clock_now_ns() + stop_grace_ns);
}

void child_stop(struct child *child)
{
    if (child->pid == 0 || child->stop_step != STOP_NOT_ASKED || child->ended)
        return;
    child->stop_step = STOP_INPUT_CLOSED;
    if (buffer_length(&child->input_queue) == 0)
        close_input(child); /* else when the queue is written */
    if (loop_timer_start(child->loop, &child->timer, clock_now_ns() + stop_grace_ns) < 0)
        kill(-child->pid, SIGKILL);
}

/* Everything but the process; pid 0 says that there is nothing left to clean up. */
static void release(struct child *child)
{
    if (child->gone)
        *child->gone = true;
    child->gone = NULL;
    loop_timer_stop(child->loop, &child->timer);
    close_input(child);
    close_io(child, &child->output);
    close_io(child, &child->errors);
    close_io(child, &child->process);
    buffer_free(&child->output_line);
    child->pid = 0;
}

void child_kill(struct child *child)
{
    if (child->pid == 0)
        return;
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
        ;
    release(child);
}
