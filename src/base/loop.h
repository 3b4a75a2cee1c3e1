/* One event loop per thread: epoll for descriptors, a heap for nanosecond timers, an eventfd so
 * that other threads can wake it. Nothing here is shared between threads except loop_wake.
 *
 * Callbacks may start, stop and remove anything, themselves included. A callback never runs inside
 * the call that caused it (loop_defer exists for that), so no recursion builds up. */
#ifndef CICADA_BASE_LOOP_H
#define CICADA_BASE_LOOP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop_io;
struct loop_timer;
struct loop_task;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_CLOSED = 4 /* reported, never asked for */ };

/* Intrusive: embed one in the object it serves and recover that with `container_of`. */
struct loop_io {
    int fd;
    unsigned events; /* what is asked for: LOOP_READ | LOOP_WRITE */
    void (*ready)(struct loop_io *io, unsigned events);
    bool registered;
};

struct loop_timer {
    uint64_t deadline_ns;
    void (*fired)(struct loop_timer *timer);
    size_t heap_index; /* 1-based; 0 when not started; with LOOP_TIMER_DUE: 1-based in loop->due */
};

struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next;
    bool queued;
};

struct loop {
    int epoll_fd;
    int wake_fd;
    uint64_t now_ns; /* when the current batch of events was read; see loop_now */
    bool stopping;
    struct loop_timer **heap;
    size_t heap_length, heap_capacity;
    struct loop_timer **due; /* those about to fire in this iteration; NULL: stopped meanwhile */
    size_t due_length;       /* heap_capacity of them have room */
    struct loop_task *tasks_head, **tasks_tail;
    struct loop_io wake_io;
    void (*woken)(struct loop *loop, void *context); /* called on this loop after loop_wake */
    void *woken_context;
    uint64_t
        lag_ns; /* largest delay of a timer behind its deadline since last reset by the owner */
    uint64_t busy_ns; /* time spent outside epoll since open: the loop's own utilisation */
    uint64_t iterations;
    char *scratch; /* LOOP_SCRATCH_SIZE bytes any callback may use until it returns */
};

#define LOOP_TIMER_DUE (SIZE_MAX / 2 + 1)

#define LOOP_SCRATCH_SIZE ((size_t)256 * 1024)

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

int loop_open(struct loop *loop, struct error *error);
void loop_close(struct loop *loop); /* everything registered must have been removed */

int loop_io_add(struct loop *loop, struct loop_io *io, int fd, unsigned events);
int loop_io_modify(struct loop *loop, struct loop_io *io, unsigned events);
void loop_io_remove(struct loop *loop,
                    struct loop_io *io); /* before close(fd); harmless when not added */

/* Start or restart. A deadline in the past fires in the next iteration. -1 only when memory is out.
 */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer); /* harmless when not started */
static inline bool loop_timer_active(const struct loop_timer *timer)
{
    return timer->heap_index != 0;
}

/* Run `task` later in this iteration, before the loop waits again. Queuing twice is once. */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_undefer(struct loop *loop, struct loop_task *task);

/* The time the loop last woke; costs nothing. For a measured instant use clock_now_ns. */
static inline uint64_t loop_now(const struct loop *loop)
{
    return loop->now_ns;
}

/* Wait for events at most until `deadline_ns` (0: do not wait, UINT64_MAX: no bound), then
 * dispatch. */
void loop_run_once(struct loop *loop, uint64_t deadline_ns);
void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);
void loop_wake(struct loop *loop); /* from any thread or a signal handler */

#endif
