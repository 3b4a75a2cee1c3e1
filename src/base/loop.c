/* See loop.h. Timers are an intrusive 4-ary heap; epoll_pwait2 gives nanosecond waits. */
#include "base/loop.h"
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 256, HEAP_ARITY = 4 };

/* ---- timers ---------------------------------------------------------------------------------- */

static void heap_place(struct loop *loop, size_t position, struct loop_timer *timer)
{
    loop->heap[position] = timer;
    timer->heap_index = position + 1;
}

static void heap_sift_up(struct loop *loop, size_t position, struct loop_timer *timer)
{
    while (position > 0) {
        size_t parent = (position - 1) / HEAP_ARITY;
        if (loop->heap[parent]->deadline_ns <= timer->deadline_ns)
            break;
        heap_place(loop, position, loop->heap[parent]);
        position = parent;
    }
    heap_place(loop, position, timer);
}

static void heap_sift_down(struct loop *loop, size_t position, struct loop_timer *timer)
{
    for (;;) {
        size_t first = position * HEAP_ARITY + 1, earliest = first;
        if (first >= loop->heap_length)
            break;
        size_t end =
            first + HEAP_ARITY < loop->heap_length ? first + HEAP_ARITY : loop->heap_length;
        for (size_t child = first + 1; child < end; child++)
            if (loop->heap[child]->deadline_ns < loop->heap[earliest]->deadline_ns)
                earliest = child;
        if (timer->deadline_ns <= loop->heap[earliest]->deadline_ns)
            break;
        heap_place(loop, position, loop->heap[earliest]);
        position = earliest;
    }
    heap_place(loop, position, timer);
}

static void heap_settle(struct loop *loop, size_t position, struct loop_timer *timer)
{
    size_t parent = position ? (position - 1) / HEAP_ARITY : 0;
    if (position && timer->deadline_ns < loop->heap[parent]->deadline_ns)
        heap_sift_up(loop, position, timer);
    else
        heap_sift_down(loop, position, timer);
}

/* Room for one more timer, in the heap and among the due ones. */
static int heap_grow(struct loop *loop)
{
    if (loop->heap_length + loop->due_length < loop->heap_capacity)
        return 0;
    size_t capacity = loop->heap_capacity ? loop->heap_capacity * 2 : 64;
    struct loop_timer **heap = realloc(loop->heap, capacity * sizeof *heap);
    if (heap)
        loop->heap = heap;
    struct loop_timer **due = realloc(loop->due, capacity * sizeof *due);
    if (due)
        loop->due = due;
    if (!heap || !due)
        return -1;
    loop->heap_capacity = capacity;
    return 0;
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns)
{
    if (timer->heap_index & LOOP_TIMER_DUE)
        loop_timer_stop(loop, timer);
    timer->deadline_ns = deadline_ns;
    if (timer->heap_index) {
        heap_settle(loop, timer->heap_index - 1, timer);
        return 0;
    }
    if (heap_grow(loop) < 0)
        return -1;
    heap_sift_up(loop, loop->heap_length++, timer);
    return 0;
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    size_t position = timer->heap_index - 1;
    struct loop_timer *last = loop->heap[--loop->heap_length];
    timer->heap_index = 0;
    if (last != timer)
        heap_settle(loop, position, last);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->heap_index & LOOP_TIMER_DUE) {
        loop->due[(timer->heap_index & ~LOOP_TIMER_DUE) - 1] = NULL;
        timer->heap_index = 0;
    } else if (timer->heap_index) {
        heap_remove(loop, timer);
    }
}

/* Fire what is due, each timer once at most: all of them are taken out of the heap before the first
 * fires, so that one that restarts itself in the past waits for the next iteration and starves
 * neither the other timers nor the descriptors. */
static void fire_timers(struct loop *loop)
{
    if (!loop->heap_length)
        return;
    uint64_t now = clock_now_ns();
    loop->now_ns = now;
    while (loop->heap_length && loop->heap[0]->deadline_ns <= now) {
        struct loop_timer *timer = loop->heap[0];
        heap_remove(loop, timer);
        loop->due[loop->due_length++] = timer;
        timer->heap_index = LOOP_TIMER_DUE | loop->due_length;
    }
    for (size_t i = 0; i < loop->due_length; i++) {
        struct loop_timer *timer = loop->due[i];
        if (!timer)
            continue;
        uint64_t lag = now - timer->deadline_ns;
        if (lag > loop->lag_ns && timer->deadline_ns)
            loop->lag_ns = lag;
        timer->heap_index = 0;
        timer->fired(timer);
    }
    loop->due_length = 0;
}

/* ---- deferred tasks ----------------------------------------------------------------------------
 */

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    task->next = NULL;
    *loop->tasks_tail = task;
    loop->tasks_tail = &task->next;
}

void loop_undefer(struct loop *loop, struct loop_task *task)
{
    if (!task->queued)
        return;
    for (struct loop_task **link = &loop->tasks_head; *link; link = &(*link)->next) {
        if (*link != task)
            continue;
        *link = task->next;
        if (!*link)
            loop->tasks_tail = link;
        break;
    }
    task->queued = false;
}

/* Run the tasks queued so far; those they queue wait for the next round, so that descriptors and
 * timers get their turn. */
static void run_tasks(struct loop *loop)
{
    if (!loop->tasks_head)
        return;
    struct loop_task barrier = {.queued = true}; /* the end of this round */
    *loop->tasks_tail = &barrier;
    loop->tasks_tail = &barrier.next;
    for (;;) {
        struct loop_task *task = loop->tasks_head;
        loop->tasks_head = task->next;
        if (!loop->tasks_head)
            loop->tasks_tail = &loop->tasks_head;
        if (task == &barrier)
            return;
        task->queued = false;
        task->run(task);
    }
}

/* ---- descriptors -------------------------------------------------------------------------------
 */

static uint32_t to_epoll(unsigned events)
{
    return ((events & LOOP_READ) ? EPOLLIN | EPOLLRDHUP : 0u) |
           ((events & LOOP_WRITE) ? EPOLLOUT : 0u);
}

static unsigned from_epoll(uint32_t events)
{
    return ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ? LOOP_READ : 0u) |
           ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) ? LOOP_WRITE : 0u) |
           ((events & (EPOLLHUP | EPOLLERR)) ? LOOP_CLOSED : 0u);
}

int loop_io_add(struct loop *loop, struct loop_io *io, int fd, unsigned events)
{
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = io};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -1;
    io->fd = fd;
    io->events = events;
    io->registered = true;
    return 0;
}

int loop_io_modify(struct loop *loop, struct loop_io *io, unsigned events)
{
    if (io->events == events)
        return 0;
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = io};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event) < 0)
        return -1;
    io->events = events;
    return 0;
}

/* The batch being dispatched may still name an io that a callback removed; forget it there. */
static _Thread_local struct epoll_event *batch;
static _Thread_local int batch_length;

void loop_io_remove(struct loop *loop, struct loop_io *io)
{
    if (!io->registered)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    io->registered = false;
    for (int i = 0; i < batch_length; i++)
        if (batch[i].data.ptr == io)
            batch[i].data.ptr = NULL;
}

static void dispatch(struct loop *loop, struct epoll_event *events, int count)
{
    (void)loop;
    batch = events;
    batch_length = count;
    for (int i = 0; i < count; i++) {
        struct loop_io *io = events[i].data.ptr;
        if (io)
            io->ready(io, from_epoll(events[i].events));
    }
    batch_length = 0;
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static void wake_ready(struct loop_io *io, unsigned events)
{
    struct loop *loop = container_of(io, struct loop, wake_io);
    uint64_t count;
    (void)events;
    while (read(loop->wake_fd, &count, sizeof count) > 0)
        ;
    if (loop->woken)
        loop->woken(loop, loop->woken_context);
}

int loop_open(struct loop *loop, struct error *error)
{
    *loop = (struct loop){.epoll_fd = -1, .wake_fd = -1};
    loop->tasks_tail = &loop->tasks_head;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->scratch = malloc(LOOP_SCRATCH_SIZE);
    loop->wake_io.ready = wake_ready;
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 || !loop->scratch ||
        loop_io_add(loop, &loop->wake_io, loop->wake_fd, LOOP_READ) < 0) {
        error_set(error, ERROR_INTERNAL, "cannot make an event loop: %s", strerror(errno));
        loop_close(loop);
        return -1;
    }
    prctl(PR_SET_TIMERSLACK, 1UL); /* the default of 50 us would show in every start delay */
    loop->now_ns = clock_now_ns();
    return 0;
}

void loop_close(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop->scratch);
    free(loop->heap);
    free(loop->due);
    *loop = (struct loop){.epoll_fd = -1, .wake_fd = -1};
}

/* epoll_pwait2 came with Linux 5.11; older kernels, and valgrind, wait whole milliseconds. A wait
 * is rounded down there, and the rest of it spun away: being late is worse than being busy. */
static int wait_milliseconds(struct loop *loop, struct epoll_event *events, uint64_t wait_ns)
{
    uint64_t milliseconds = wait_ns / NS_PER_MS;
    int timeout = wait_ns == UINT64_MAX || milliseconds > INT32_MAX ? -1 : (int)milliseconds;
    return epoll_wait(loop->epoll_fd, events, EVENTS_PER_WAIT, timeout);
}

static int wait_nanoseconds(struct loop *loop, struct epoll_event *events, uint64_t wait_ns)
{
    static atomic_bool unsupported;
    if (atomic_load_explicit(&unsupported, memory_order_relaxed))
        return wait_milliseconds(loop, events, wait_ns);
    struct timespec timeout = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                               .tv_nsec = (long)(wait_ns % NS_PER_S)};
    int count = epoll_pwait2(loop->epoll_fd, events, EVENTS_PER_WAIT,
                             wait_ns == UINT64_MAX ? NULL : &timeout, NULL);
    if (count >= 0 || errno != ENOSYS)
        return count;
    atomic_store_explicit(&unsupported, true, memory_order_relaxed);
    return wait_milliseconds(loop, events, wait_ns);
}

static int wait_for_events(struct loop *loop, struct epoll_event *events, uint64_t deadline_ns)
{
    if (loop->heap_length && loop->heap[0]->deadline_ns < deadline_ns)
        deadline_ns = loop->heap[0]->deadline_ns;
    if (loop->tasks_head)
        deadline_ns = 0;
    if (deadline_ns == UINT64_MAX)
        return wait_nanoseconds(loop, events, UINT64_MAX);
    uint64_t now = deadline_ns ? clock_now_ns() : 0;
    return wait_nanoseconds(loop, events, deadline_ns > now ? deadline_ns - now : 0);
}

void loop_run_once(struct loop *loop, uint64_t deadline_ns)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    int count = wait_for_events(loop, events, deadline_ns);
    uint64_t woke = clock_now_ns();
    loop->now_ns = woke;
    loop->iterations++;
    if (count > 0)
        dispatch(loop, events, count);
    fire_timers(loop);
    run_tasks(loop);
    loop->busy_ns += clock_now_ns() - woke;
}

void loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping)
        loop_run_once(loop, UINT64_MAX);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    int saved = errno; /* may run in a signal handler */
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
    errno = saved;
}
