/* The search for the highest sustainable rate: on a queue whose limit is known, and on trials that
 * are given. */
#include "analysis/judge.h"
#include "analysis/search.h"
#include "base/clock.h"
#include "queue.h"
#include "simulate.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RUNS 40

/* ---- a queue --------------------------------------------------------------------------------- */

static const struct judge_threshold limit = {
    .text = "p95<20ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 2e7};

static int run_queue(void *context, struct search_trial *trial, struct error *error)
{
    uint64_t *seed = context;
    struct simulation simulation;
    struct judge_options options = {.thresholds = &limit, .threshold_count = 1};
    (void)error;
    simulation_init(
        &simulation,
        &(struct null_behaviour){.service_ns = 4 * NS_PER_MS, .exponential = 1, .servers = 4},
        ++*seed);
    simulate(
        &simulation,
        &(struct simulated_phase){
            .kind = "constant", .seconds = 10, .from = trial->rate, .open = true, .poisson = true});
    assert_int_equal(judge_result(&simulation.result, &options), 0);
    trial->verdict = finding_of(&simulation.result, "threshold")->verdict;
    assert_int_equal(search_judge(&simulation.result, false, trial), 0);
    simulation_free(&simulation);
    return 0;
}

/* 815/s by Erlang's formula: the answer is near it, and the interval holds it. */
static void the_limit_of_a_queue_is_found(void **state)
{
    (void)state;
    double truth = queue_knee(0.004, 4, 0.020, 0.05);
    int held = 0, near = 0;
    for (uint64_t run = 1; run <= RUNS; run++) {
        uint64_t seed = run * 104729;
        struct search search = {.min = 100, .max = 3000, .run = run_queue, .context = &seed};
        struct error error = {0};
        if (search_run(&search, &error) < 0) {
            for (size_t i = 0; i < search.count; i++)
                print_message("%.0f %s %d %d\n", search.trials[i].rate,
                              verdict_name(search.trials[i].verdict), search.trials[i].kept,
                              search.trials[i].broken);
            fail_msg("run %d: %s", (int)run, error.text);
        }
        assert_true(search.low > 0 && search.high > search.low);
        struct knee_interval interval = search_interval(&search);
        assert_true(interval.has_low && interval.has_high);
        held += interval.low <= truth && truth <= interval.high;
        near += fabs(search.low - truth) < 0.1 * truth;
    }
    print_message("M/M/4: limit %.0f/s: %d of %d hold it, %d answers within 10%%\n", truth, held,
                  RUNS, near);
    assert_true(held >= 34);
    assert_true(near >= 34);
}

/* ---- given trials ---------------------------------------------------------------------------- */

struct script {
    double limit;
    int trials, inconclusive; /* so many of the trials at the limit or above, from the first on */
    int spoilt;               /* the number of a trial below the limit that fails all the same */
};

static int run_script(void *context, struct search_trial *trial, struct error *error)
{
    struct script *script = context;
    (void)error;
    bool breaks = trial->rate > script->limit || ++script->trials == script->spoilt;
    trial->verdict = breaks ? VERDICT_FAIL : VERDICT_PASS;
    if (breaks && script->inconclusive > 0) {
        script->inconclusive--;
        trial->verdict = VERDICT_INCONCLUSIVE;
    }
    trial->broken = trial->verdict == VERDICT_FAIL;
    trial->kept = trial->verdict == VERDICT_PASS;
    return 0;
}

static struct search search_with(struct script *script, int expected)
{
    struct search search = {.min = 100, .max = 10000, .run = run_script, .context = script};
    struct error error = {0};
    assert_int_equal(search_run(&search, &error), expected);
    if (expected < 0)
        assert_int_equal(error.code, ERROR_INCONCLUSIVE);
    return search;
}

static void a_limit_is_bracketed(void **state)
{
    (void)state;
    struct search search = search_with(&(struct script){.limit = 730}, 0);
    assert_true(search.low <= 730 && 730 < search.high);
    assert_true(search.high - search.low <= SEARCH_RESOLUTION * search.high);
    struct knee_interval interval = search_interval(&search);
    assert_true(interval.low <= 730 && 730 < interval.high);
}

static void what_never_holds_is_no_answer(void **state)
{
    (void)state;
    struct search search = search_with(&(struct script){.limit = 0}, 0);
    assert_true(search.low <= 0 && search.high > 99 && search.high < 101);
    assert_int_equal(search.count, 1);
    assert_false(search_interval(&search).has_low);
}

static void what_always_holds_ends_at_the_highest(void **state)
{
    (void)state;
    struct search search = search_with(&(struct script){.limit = 1e9}, 0);
    assert_true(search.high <= 0 && search.low > 9999);
    assert_false(search_interval(&search).has_high);
    assert_true(search.count <= 12);
}

/* Twice spoilt is run again; for ever spoilt is told, after so many trials and no more. */
static void spoilt_trials_are_run_again_and_then_told(void **state)
{
    (void)state;
    struct search search = search_with(&(struct script){.limit = 730, .inconclusive = 2}, 0);
    assert_true(search.low <= 730 && 730 < search.high);
    search = search_with(&(struct script){.limit = 730, .inconclusive = 1000}, -1);
    assert_true(search.high <= 0);
    for (size_t i = search.count - SEARCH_AGAIN - 1; i < search.count; i++)
        assert_int_equal(search.trials[i].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(search.trials[search.count - SEARCH_AGAIN - 2].verdict, VERDICT_PASS);
    assert_true(search.low > 399 && search.low < 401);
}

/* A bad moment at a low rate does not hide what lies above it. */
static void one_bad_trial_is_no_limit(void **state)
{
    (void)state;
    struct search search = search_with(&(struct script){.limit = 3000, .spoilt = 3}, 0);
    assert_true(search.low <= 3000 && 3000 < search.high);
    assert_true(search.low > 2500);
    struct knee_interval interval = search_interval(&search);
    assert_true(interval.low > 2500 && interval.low <= 3000 && 3000 < interval.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_of_a_queue_is_found),
        cmocka_unit_test(a_limit_is_bracketed),
        cmocka_unit_test(what_never_holds_is_no_answer),
        cmocka_unit_test(what_always_holds_ends_at_the_highest),
        cmocka_unit_test(spoilt_trials_are_run_again_and_then_told),
        cmocka_unit_test(one_bad_trial_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
