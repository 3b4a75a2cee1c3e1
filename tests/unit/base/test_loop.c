/* src/base/loop: timers in order, deferred tasks in rounds, descriptors that come and go while
 * they are dispatched, and a wake from another thread. */
#include "base/clock.h"
#include "base/loop.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_loop(void **state)
{
    static struct loop loop;
    struct error error = {0};
    assert_int_equal(loop_open(&loop, &error), 0);
    *state = &loop;
    return 0;
}

static int close_loop(void **state)
{
    loop_close(*state);
    return 0;
}

/* ---- timers ------------------------------------------------------------------------------------
 */

enum { MANY = 500 };

struct item {
    struct loop_timer timer;
    struct loop_task task;
    struct loop *loop;
    int number;
    int times; /* fired */
    void (*then)(struct item *item);
};

static int order[MANY * 4], order_length;

static void note(struct item *item)
{
    assert_true(order_length < MANY * 4);
    order[order_length++] = item->number;
    item->times++;
    if (item->then)
        item->then(item);
}

static void timer_fired(struct loop_timer *timer)
{
    struct item *item = container_of(timer, struct item, timer);
    assert_false(loop_timer_active(timer));
    assert_true(loop_now(item->loop) >= timer->deadline_ns);
    note(item);
}

static void task_run(struct loop_task *task)
{
    note(container_of(task, struct item, task));
}

static struct item item_make(struct loop *loop, int number)
{
    return (struct item){
        .timer.fired = timer_fired, .task.run = task_run, .loop = loop, .number = number};
}

static void run_until_idle(struct loop *loop)
{
    while (loop->heap_length || loop->tasks_head)
        loop_run_once(loop, UINT64_MAX);
}

/* Random deadlines, some restarted, some stopped: the rest fire once each, in order of deadline. */
static void fires_timers_in_order(void **state)
{
    struct loop *loop = *state;
    static struct item items[MANY];
    struct random random;
    order_length = 0;
    random_seed(&random, 7, 0);
    uint64_t base = clock_now_ns() - 10 * NS_PER_MS; /* half of them are due at once */
    for (int i = 0; i < MANY; i++) {
        items[i] = item_make(loop, i);
        assert_int_equal(
            loop_timer_start(loop, &items[i].timer, base + random_below(&random, 20 * NS_PER_MS)),
            0);
    }
    for (int i = 0; i < MANY; i += 3)
        loop_timer_start(loop, &items[i].timer, base + random_below(&random, 20 * NS_PER_MS));
    int stopped = 0;
    for (int i = 0; i < MANY; i += 7, stopped++) {
        loop_timer_stop(loop, &items[i].timer);
        loop_timer_stop(loop, &items[i].timer); /* harmless */
        assert_false(loop_timer_active(&items[i].timer));
    }
    assert_int_equal(loop->heap_length, MANY - stopped);
    run_until_idle(loop);
    assert_int_equal(order_length, MANY - stopped);
    for (int i = 1; i < order_length; i++)
        assert_true(items[order[i - 1]].timer.deadline_ns <= items[order[i]].timer.deadline_ns);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(items[i].times, i % 7 != 0);
}

static void restart_in_the_past(struct item *item)
{
    loop_timer_start(item->loop, &item->timer, 1);
}

/* One that restarts itself in the past must not keep the others from running: in each iteration
 * everything due fires once. */
static void a_restart_in_the_past_waits_for_the_next_iteration(void **state)
{
    struct loop *loop = *state;
    struct item again = item_make(loop, 1), others[3];
    again.then = restart_in_the_past;
    order_length = 0;
    loop_timer_start(loop, &again.timer, 1);
    for (int i = 0; i < 3; i++) {
        others[i] = item_make(loop, 2 + i);
        loop_timer_start(loop, &others[i].timer, (uint64_t)(2 + i));
    }
    loop_run_once(loop, 0);
    assert_int_equal(again.times, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(others[i].times, 1);
    loop_run_once(loop, 0);
    assert_int_equal(again.times, 2);
    assert_int_equal(again.timer.deadline_ns, 1);
    loop_timer_stop(loop, &again.timer);
    loop_run_once(loop, 0);
    assert_int_equal(again.times, 2);
}

static void start_many(struct item *item)
{
    static struct item many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = item_make(item->loop, 100 + i);
        loop_timer_start(item->loop, &many[i].timer, 1);
    }
}

/* The heap grows while due timers are out of it. */
static void a_timer_can_start_many(void **state)
{
    struct loop *loop = *state;
    struct item first = item_make(loop, 1), second = item_make(loop, 2);
    first.then = start_many;
    order_length = 0;
    loop_timer_start(loop, &first.timer, 1);
    loop_timer_start(loop, &second.timer, 2);
    loop_run_once(loop, 0);
    assert_int_equal(order_length, 2);
    loop_run_once(loop, 0);
    assert_int_equal(order_length, 2 + MANY);
}

static struct item *victim;

static void stop_victim(struct item *item)
{
    loop_timer_stop(item->loop, &victim->timer);
}

static void a_timer_can_stop_another_that_is_due(void **state)
{
    struct loop *loop = *state;
    struct item first = item_make(loop, 1), second = item_make(loop, 2);
    first.then = stop_victim;
    victim = &second;
    order_length = 0;
    loop_timer_start(loop, &first.timer, 1);
    loop_timer_start(loop, &second.timer, 2);
    loop_run_once(loop, 0);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 0);
    assert_int_equal(loop->heap_length, 0);
}

static void restart_victim(struct item *item)
{
    assert_true(loop_timer_active(&victim->timer));
    loop_timer_start(item->loop, &victim->timer, 3);
}

static void a_timer_can_restart_another_that_is_due(void **state)
{
    struct loop *loop = *state;
    struct item first = item_make(loop, 1), second = item_make(loop, 2);
    first.then = restart_victim;
    victim = &second;
    order_length = 0;
    loop_timer_start(loop, &first.timer, 1);
    loop_timer_start(loop, &second.timer, 2);
    loop_run_once(loop, 0);
    assert_int_equal(second.times, 0); /* it was started anew: next iteration */
    loop_run_once(loop, 0);
    assert_int_equal(second.times, 1);
    assert_int_equal(loop->heap_length, 0);
}

static void never_fires_before_its_deadline(void **state)
{
    struct loop *loop = *state;
    struct item item = item_make(loop, 1);
    uint64_t deadline = clock_now_ns() + 3 * NS_PER_MS + 1234;
    loop_timer_start(loop, &item.timer, deadline);
    run_until_idle(loop);
    assert_int_equal(item.times, 1);
    assert_true(clock_now_ns() >= deadline);
}

static void restarting_moves_the_deadline(void **state)
{
    struct loop *loop = *state;
    struct item item = item_make(loop, 1);
    loop_timer_start(loop, &item.timer, 1);
    loop_timer_start(loop, &item.timer, UINT64_MAX);
    loop_run_once(loop, 0);
    assert_int_equal(item.times, 0);
    assert_true(loop_timer_active(&item.timer));
    loop_timer_start(loop, &item.timer, 1);
    loop_run_once(loop, 0);
    assert_int_equal(item.times, 1);
    assert_int_equal(loop->heap_length, 0);
}

/* ---- tasks -------------------------------------------------------------------------------------
 */

static void defer_self(struct item *item)
{
    if (item->times < 3)
        loop_defer(item->loop, &item->task);
}

static void runs_tasks_in_order_and_once(void **state)
{
    struct loop *loop = *state;
    struct item items[3];
    order_length = 0;
    for (int i = 0; i < 3; i++) {
        items[i] = item_make(loop, i);
        loop_defer(loop, &items[i].task);
        loop_defer(loop, &items[i].task);
    }
    loop_run_once(loop, UINT64_MAX); /* does not wait while tasks are queued */
    assert_int_equal(order_length, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(order[i], i);
}

static void a_task_that_defers_itself_runs_next_round(void **state)
{
    struct loop *loop = *state;
    struct item again = item_make(loop, 1), other = item_make(loop, 2);
    again.then = defer_self;
    order_length = 0;
    loop_defer(loop, &again.task);
    loop_defer(loop, &other.task);
    loop_run_once(loop, 0);
    assert_int_equal(again.times, 1);
    assert_int_equal(other.times, 1);
    run_until_idle(loop);
    assert_int_equal(again.times, 3);
}

static void undefers_first_middle_and_last(void **state)
{
    struct loop *loop = *state;
    for (int gone = 0; gone < 3; gone++) {
        struct item items[3], late = item_make(loop, 9);
        order_length = 0;
        for (int i = 0; i < 3; i++) {
            items[i] = item_make(loop, i);
            loop_defer(loop, &items[i].task);
        }
        loop_undefer(loop, &items[gone].task);
        loop_undefer(loop, &items[gone].task); /* harmless */
        loop_defer(loop, &late.task);          /* the end of the list is still right */
        loop_run_once(loop, 0);
        assert_int_equal(order_length, 3);
        assert_int_equal(items[gone].times, 0);
        assert_int_equal(order[2], 9);
        assert_null(loop->tasks_head);
    }
}

static void undefer_victim(struct item *item)
{
    loop_undefer(item->loop, &victim->task);
}

/* While a round runs, its end is in the queue too. */
static void a_task_can_undefer_the_next(void **state)
{
    struct loop *loop = *state;
    struct item first = item_make(loop, 1), second = item_make(loop, 2), third = item_make(loop, 3);
    first.then = undefer_victim;
    victim = &second;
    order_length = 0;
    loop_defer(loop, &first.task);
    loop_defer(loop, &second.task);
    loop_run_once(loop, 0);
    assert_int_equal(second.times, 0);
    loop_defer(loop, &third.task);
    loop_run_once(loop, 0);
    assert_int_equal(third.times, 1);
    assert_null(loop->tasks_head);
}

static void defer_then_undefer_victim(struct item *item)
{
    loop_defer(item->loop, &victim->task);
    loop_undefer(item->loop, &victim->task);
    loop_defer(item->loop, &victim->task);
}

static void a_task_can_queue_for_the_next_round(void **state)
{
    struct loop *loop = *state;
    struct item first = item_make(loop, 1), second = item_make(loop, 2);
    first.then = defer_then_undefer_victim;
    victim = &second;
    order_length = 0;
    loop_defer(loop, &first.task);
    loop_run_once(loop, 0);
    assert_int_equal(second.times, 0);
    loop_run_once(loop, 0);
    assert_int_equal(second.times, 1);
}

/* ---- descriptors -------------------------------------------------------------------------------
 */

struct end {
    struct loop_io io;
    struct loop *loop;
    struct end *other;
    int times;
    unsigned events;
};

static void remove_both(struct loop_io *io, unsigned events)
{
    struct end *end = container_of(io, struct end, io);
    end->times++;
    end->events = events;
    loop_io_remove(end->loop, &end->io);
    loop_io_remove(end->loop, &end->other->io);
}

/* Both are ready in one batch; whichever comes first takes the other off: it must not be called. */
static void an_io_removed_while_dispatching_is_not_called(void **state)
{
    struct loop *loop = *state;
    int pairs[2][2];
    struct end ends[2] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        assert_int_equal(write(pairs[i][1], "x", 1), 1);
        ends[i] = (struct end){.io.ready = remove_both, .loop = loop, .other = &ends[1 - i]};
        assert_int_equal(loop_io_add(loop, &ends[i].io, pairs[i][0], LOOP_READ), 0);
    }
    loop_run_once(loop, UINT64_MAX);
    loop_run_once(loop, 0);
    assert_int_equal(ends[0].times + ends[1].times, 1);
    for (int i = 0; i < 2; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}

static void keep(struct loop_io *io, unsigned events)
{
    struct end *end = container_of(io, struct end, io);
    end->times++;
    end->events = events;
}

static void reports_what_was_asked(void **state)
{
    struct loop *loop = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct end end = {.io.ready = keep, .loop = loop};
    assert_int_equal(loop_io_add(loop, &end.io, pair[0], LOOP_READ), 0);
    loop_run_once(loop, 0);
    assert_int_equal(end.times, 0);
    assert_int_equal(loop_io_modify(loop, &end.io, LOOP_READ | LOOP_WRITE), 0);
    loop_run_once(loop, 0);
    assert_int_equal(end.events, LOOP_WRITE);
    assert_int_equal(loop_io_modify(loop, &end.io, LOOP_READ), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run_once(loop, 0);
    assert_int_equal(end.events, LOOP_READ);
    close(pair[1]); /* the byte is still to be read: LOOP_READ is what leads there */
    loop_run_once(loop, 0);
    assert_true(end.events & LOOP_READ);
    assert_true(end.events & LOOP_CLOSED);
    loop_io_remove(loop, &end.io);
    loop_io_remove(loop, &end.io); /* harmless */
    close(pair[0]);
    struct end bad = {.io.ready = keep, .loop = loop};
    assert_int_equal(loop_io_add(loop, &bad.io, pair[0], LOOP_READ), -1);
    assert_false(bad.io.registered);
}

/* ---- waking ------------------------------------------------------------------------------------
 */

static int woken_times;

static void woken(struct loop *loop, void *context)
{
    (void)context;
    woken_times++;
    loop_stop(loop);
}

static void *wake_from_thread(void *argument)
{
    loop_wake(argument);
    return NULL;
}

static void another_thread_wakes_it(void **state)
{
    struct loop *loop = *state;
    pthread_t thread;
    woken_times = 0;
    loop->woken = woken;
    assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, loop), 0);
    loop_run(loop); /* would wait for ever */
    pthread_join(thread, NULL);
    assert_int_equal(woken_times, 1);
    loop_wake(loop);
    loop_wake(loop); /* twice before it looks is once */
    loop_run_once(loop, 0);
    assert_int_equal(woken_times, 2);
    loop_run_once(loop, 0);
    assert_int_equal(woken_times, 2);
}

static void waits_no_longer_than_its_deadline(void **state)
{
    struct loop *loop = *state;
    uint64_t deadline = clock_now_ns() + 2 * NS_PER_MS;
    uint64_t iterations = loop->iterations;
    loop_run_once(loop, deadline); /* nothing else would end this wait */
    assert_true(clock_now_ns() >= deadline);
    assert_int_equal(loop->iterations, iterations + 1);
    assert_true(loop->busy_ns < clock_now_ns());
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(fires_timers_in_order),
        LOOP_TEST(a_restart_in_the_past_waits_for_the_next_iteration),
        LOOP_TEST(a_timer_can_stop_another_that_is_due),
        LOOP_TEST(a_timer_can_start_many),
        LOOP_TEST(a_timer_can_restart_another_that_is_due),
        LOOP_TEST(never_fires_before_its_deadline),
        LOOP_TEST(restarting_moves_the_deadline),
        LOOP_TEST(runs_tasks_in_order_and_once),
        LOOP_TEST(a_task_that_defers_itself_runs_next_round),
        LOOP_TEST(undefers_first_middle_and_last),
        LOOP_TEST(a_task_can_undefer_the_next),
        LOOP_TEST(a_task_can_queue_for_the_next_round),
        LOOP_TEST(an_io_removed_while_dispatching_is_not_called),
        LOOP_TEST(reports_what_was_asked),
        LOOP_TEST(another_thread_wakes_it),
        LOOP_TEST(waits_no_longer_than_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
