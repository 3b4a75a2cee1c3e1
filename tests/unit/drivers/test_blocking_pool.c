/* The pool of threads for drivers that block: everything handed over comes back once, on its loop;
 * what was withdrawn does not run; closing waits for what is under way. */
#include "base/clock.h"
#include "drivers/blocking_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct counted_job {
    struct blocking_job job;
    pthread_t ran_on, done_on;
    atomic_uint *ran;
    unsigned *done;
    struct counted_job *follow_up; /* submitted by done */
    pthread_mutex_t *gate;         /* run waits for it */
};

static void counted_run(struct blocking_job *job)
{
    struct counted_job *counted = container_of(job, struct counted_job, job);
    counted->ran_on = pthread_self();
    if (counted->gate) {
        pthread_mutex_lock(counted->gate);
        pthread_mutex_unlock(counted->gate);
    }
    atomic_fetch_add(counted->ran, 1);
}

static void counted_done(struct blocking_job *job)
{
    struct counted_job *counted = container_of(job, struct counted_job, job);
    counted->done_on = pthread_self();
    ++*counted->done;
    if (counted->follow_up)
        assert_int_equal(blocking_submit(job->port, &counted->follow_up->job), 0);
}

struct fixture {
    struct loop loop;
    struct blocking_pool *pool;
    struct blocking_port port;
    atomic_uint ran;
    unsigned done;
};

static void fixture_open(struct fixture *fixture, unsigned threads)
{
    *fixture = (struct fixture){0};
    assert_int_equal(loop_open(&fixture->loop, NULL), 0);
    fixture->pool = blocking_pool_open(threads, NULL);
    assert_non_null(fixture->pool);
    assert_int_equal(blocking_port_open(&fixture->port, fixture->pool, &fixture->loop, NULL), 0);
}

static void fixture_close(struct fixture *fixture)
{
    blocking_port_close(&fixture->port);
    blocking_pool_close(fixture->pool);
    loop_close(&fixture->loop);
}

static void job_init(struct counted_job *counted, struct fixture *fixture)
{
    *counted = (struct counted_job){.ran = &fixture->ran, .done = &fixture->done};
    counted->job.run = counted_run;
    counted->job.done = counted_done;
}

static void every_job_comes_back_on_its_loop(void **state)
{
    enum { JOBS = 5000 };
    (void)state;
    struct fixture fixture;
    struct counted_job *jobs = calloc(JOBS, sizeof *jobs);
    fixture_open(&fixture, 3);
    for (int i = 0; i < JOBS; i++) {
        job_init(&jobs[i], &fixture);
        assert_int_equal(blocking_submit(&fixture.port, &jobs[i].job), 0);
        if (i % 100 == 0)
            loop_run_once(&fixture.loop, 0);
    }
    while (fixture.done < JOBS)
        loop_run_once(&fixture.loop, UINT64_MAX);
    assert_int_equal(atomic_load(&fixture.ran), JOBS);
    assert_int_equal(fixture.port.outstanding, 0);
    for (int i = 0; i < JOBS; i++) {
        assert_true(pthread_equal(jobs[i].done_on, pthread_self()));
        assert_false(pthread_equal(jobs[i].ran_on, pthread_self()));
        assert_true(jobs[i].job.submitted_ns <= jobs[i].job.started_ns);
        assert_true(jobs[i].job.started_ns <= jobs[i].job.finished_ns);
    }
    fixture_close(&fixture);
    free(jobs);
}

static void what_waits_can_be_withdrawn_what_runs_cannot(void **state)
{
    (void)state;
    struct fixture fixture;
    struct counted_job running, first, second, last;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    fixture_open(&fixture, 1);
    struct counted_job *all[] = {&running, &first, &second, &last};
    for (int i = 0; i < 4; i++)
        job_init(all[i], &fixture);
    running.gate = &gate;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 4; i++)
        assert_int_equal(blocking_submit(&fixture.port, &all[i]->job), 0);
    /* Whether the thread has `running` yet is unknown; the two in the middle it cannot have. */
    assert_true(blocking_withdraw(&first.job));
    assert_true(blocking_withdraw(&second.job));
    assert_false(blocking_withdraw(&second.job));
    assert_int_equal(blocking_submit(&fixture.port, &second.job), 0); /* it is ours again */
    pthread_mutex_unlock(&gate);
    while (fixture.done < 3)
        loop_run_once(&fixture.loop, UINT64_MAX);
    assert_int_equal(atomic_load(&fixture.ran), 3);
    assert_false(blocking_withdraw(&running.job));
    fixture_close(&fixture);
    assert_int_equal(atomic_load(&fixture.ran), 3);
}

static void closing_a_port_waits_for_all_that_follows(void **state)
{
    (void)state;
    struct fixture fixture;
    struct counted_job first, second, third;
    fixture_open(&fixture, 2);
    job_init(&first, &fixture);
    job_init(&second, &fixture);
    job_init(&third, &fixture);
    first.follow_up = &second;
    second.follow_up = &third;
    assert_int_equal(blocking_submit(&fixture.port, &first.job), 0);
    fixture_close(&fixture);
    assert_int_equal(fixture.done, 3);
    assert_int_equal(atomic_load(&fixture.ran), 3);
}

static void two_loops_share_a_pool(void **state)
{
    enum { JOBS = 500 };
    (void)state;
    struct fixture fixture;
    struct loop other_loop;
    struct blocking_port other;
    unsigned other_done = 0;
    struct counted_job *jobs = calloc(2 * JOBS, sizeof *jobs);
    fixture_open(&fixture, 2);
    assert_int_equal(loop_open(&other_loop, NULL), 0);
    assert_int_equal(blocking_port_open(&other, fixture.pool, &other_loop, NULL), 0);
    for (int i = 0; i < 2 * JOBS; i++) {
        job_init(&jobs[i], &fixture);
        if (i % 2)
            jobs[i].done = &other_done;
        assert_int_equal(blocking_submit(i % 2 ? &other : &fixture.port, &jobs[i].job), 0);
    }
    while (other_done < JOBS)
        loop_run_once(&other_loop, UINT64_MAX);
    while (fixture.done < JOBS)
        loop_run_once(&fixture.loop, UINT64_MAX);
    blocking_port_close(&other);
    loop_close(&other_loop);
    fixture_close(&fixture);
    free(jobs);
}

static void the_queue_has_a_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    struct counted_job blocker, *jobs = calloc(BLOCKING_QUEUE_LIMIT + 2, sizeof *jobs);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    unsigned accepted = 0, refused = 0;
    fixture_open(&fixture, 1);
    job_init(&blocker, &fixture);
    blocker.gate = &gate;
    pthread_mutex_lock(&gate);
    assert_int_equal(blocking_submit(&fixture.port, &blocker.job), 0);
    for (unsigned i = 0; i < BLOCKING_QUEUE_LIMIT + 2; i++) {
        job_init(&jobs[i], &fixture);
        if (blocking_submit(&fixture.port, &jobs[i].job) == 0)
            accepted++;
        else
            refused++;
    }
    assert_in_range(accepted, BLOCKING_QUEUE_LIMIT - 1, BLOCKING_QUEUE_LIMIT);
    assert_in_range(refused, 2, 3);
    pthread_mutex_unlock(&gate);
    fixture_close(&fixture);
    assert_int_equal(fixture.done, accepted + 1);
    free(jobs);
}

static void a_target_gets_no_more_threads_than_cores(void **state)
{
    (void)state;
    unsigned cores = blocking_pool_size(0);
    assert_true(cores >= 1);
    assert_int_equal(blocking_pool_size(1), 1);
    assert_int_equal(blocking_pool_size(cores + 7), cores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_comes_back_on_its_loop),
        cmocka_unit_test(what_waits_can_be_withdrawn_what_runs_cannot),
        cmocka_unit_test(closing_a_port_waits_for_all_that_follows),
        cmocka_unit_test(two_loops_share_a_pool),
        cmocka_unit_test(the_queue_has_a_limit),
        cmocka_unit_test(a_target_gets_no_more_threads_than_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
