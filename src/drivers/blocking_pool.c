/* See blocking_pool.h. */
#include "drivers/blocking_pool.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct blocking_pool {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* a job was queued, or the pool ends */
    struct blocking_job *first, *last;
    unsigned waiting; /* jobs in the queue */
    unsigned idle;    /* threads that wait for `work` */
    bool ends;
    unsigned thread_count;
    pthread_t threads[];
};

static void *thread_main(void *context);
static int start_threads(struct blocking_pool *pool, unsigned threads, struct error *error);
static void give_back(struct blocking_job *job);
static void port_ready(struct loop_io *io, unsigned events);
static void take_finished(struct blocking_port *port);

unsigned blocking_pool_size(uint64_t asked)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned cores = online > 0 ? (unsigned)online : 1;
    return asked && asked < cores ? (unsigned)asked : cores;
}

struct blocking_pool *blocking_pool_open(unsigned threads, struct error *error)
{
    struct blocking_pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->threads);
    if (!pool) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    if (start_threads(pool, threads, error) == 0)
        return pool;
    blocking_pool_close(pool);
    return NULL;
}

void blocking_pool_close(struct blocking_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->ends = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int blocking_port_open(struct blocking_port *port, struct blocking_pool *pool, struct loop *loop,
                       struct error *error)
{
    *port = (struct blocking_port){.loop = loop};
    port->io.ready = port_ready;
    atomic_init(&port->finished, NULL);
    port->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (port->event_fd < 0)
        return error_set(error, ERROR_INTERNAL, "cannot open an eventfd: %s", strerror(errno));
    if (loop_io_add(loop, &port->io, port->event_fd, LOOP_READ) < 0) {
        close(port->event_fd);
        return error_set(error, ERROR_INTERNAL, "cannot watch an eventfd: %s", strerror(errno));
    }
    port->pool = pool;
    return 0;
}

void blocking_port_close(struct blocking_port *port)
{
    if (!port->pool)
        return;
    while (port->outstanding) {
        struct pollfd wait = {.fd = port->event_fd, .events = POLLIN};
        poll(&wait, 1, -1);
        take_finished(port);
    }
    loop_io_remove(port->loop, &port->io);
    close(port->event_fd);
    port->pool = NULL;
}

int blocking_submit(struct blocking_port *port, struct blocking_job *job)
{
    struct blocking_pool *pool = port->pool;
    job->port = port;
    job->next = NULL;
    job->submitted_ns = clock_now_ns();
    pthread_mutex_lock(&pool->mutex);
    if (pool->waiting >= BLOCKING_QUEUE_LIMIT) {
        pthread_mutex_unlock(&pool->mutex);
        return -1;
    }
    job->queued = true;
    job->previous = pool->last;
    if (pool->last)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    pool->waiting++;
    bool wake = pool->idle > 0;
    pthread_mutex_unlock(&pool->mutex);
    if (wake)
        pthread_cond_signal(&pool->work);
    port->outstanding++;
    return 0;
}

/* With the mutex held. */
static void unlink_job(struct blocking_pool *pool, struct blocking_job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        pool->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        pool->last = job->previous;
    job->queued = false;
    pool->waiting--;
}

bool blocking_withdraw(struct blocking_job *job)
{
    struct blocking_pool *pool = job->port->pool;
    pthread_mutex_lock(&pool->mutex);
    bool waited = job->queued;
    if (waited)
        unlink_job(pool, job);
    pthread_mutex_unlock(&pool->mutex);
    if (waited)
        job->port->outstanding--;
    return waited;
}

/* ---- the threads -------------------------------------------------------------------------------
 */

static int start_threads(struct blocking_pool *pool, unsigned threads, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the coordinator */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (!failed && pool->thread_count < threads) {
        failed = pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool);
        pool->thread_count += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return 0;
    return error_set(error, ERROR_INTERNAL, "cannot start a thread: %s", strerror(failed));
}

/* The next job, waiting for one. NULL when the pool ends. */
static struct blocking_job *take_job(struct blocking_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->idle++;
    while (!pool->first && !pool->ends)
        pthread_cond_wait(&pool->work, &pool->mutex);
    pool->idle--;
    struct blocking_job *job = pool->first;
    if (job)
        unlink_job(pool, job);
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *thread_main(void *context)
{
    struct blocking_pool *pool = context;
    struct blocking_job *job;
    while ((job = take_job(pool))) {
        job->started_ns = clock_now_ns();
        job->run(job);
        job->finished_ns = clock_now_ns();
        give_back(job);
    }
    return NULL;
}

/* A stack that the loop takes whole; only the job that finds it empty wakes the loop. The port's
 * descriptor is copied first: once the job is on the stack, the port may be closed. */
static void give_back(struct blocking_job *job)
{
    struct blocking_port *port = job->port;
    int event_fd = port->event_fd;
    struct blocking_job *top = atomic_load_explicit(&port->finished, memory_order_relaxed);
    do
        job->next = top;
    while (!atomic_compare_exchange_weak_explicit(&port->finished, &top, job, memory_order_release,
                                                  memory_order_relaxed));
    if (!top)
        eventfd_write(event_fd, 1);
}

/* ---- the way back ------------------------------------------------------------------------------
 */

static void port_ready(struct loop_io *io, unsigned events)
{
    (void)events;
    take_finished(container_of(io, struct blocking_port, io));
}

static void take_finished(struct blocking_port *port)
{
    eventfd_t count;
    if (eventfd_read(port->event_fd, &count) < 0)
        return; /* woken for nothing */
    struct blocking_job *job =
        atomic_exchange_explicit(&port->finished, NULL, memory_order_acquire);
    struct blocking_job *in_order = NULL;
    while (job) {
        struct blocking_job *next = job->next;
        job->next = in_order;
        in_order = job;
        job = next;
    }
    while (in_order) {
        job = in_order;
        in_order = job->next;
        port->outstanding--;
        job->done(job);
    }
}
