/* The null target's model, in virtual time: each behaviour by itself, with a truth to compute. */
#include "base/clock.h"
#include "drivers/null_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint64_t served(struct null_model *model, uint64_t now_ns)
{
    return null_model_submit(model, now_ns).at_ns - now_ns;
}

static struct null_model make(const struct null_behaviour *behaviour)
{
    struct null_model model;
    assert_int_equal(null_model_init(&model, behaviour, 7, 0), 0);
    return model;
}

static void a_fixed_service_time_is_fixed(void **state)
{
    (void)state;
    struct null_model model = make(&(struct null_behaviour){.service_ns = 5000});
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(served(&model, i), 5000);
    null_model_free(&model);
}

static void an_exponential_one_has_its_mean(void **state)
{
    (void)state;
    struct null_model model =
        make(&(struct null_behaviour){.service_ns = 1000000, .exponential = 1});
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++) {
        double took = (double)served(&model, 0) / 1e6;
        sum += took / 100000;
        squares += took * took / 100000;
    }
    assert_true(fabs(sum - 1) < 0.02);
    assert_true(fabs(squares - 2) < 0.1); /* deviation as large as the mean */
    null_model_free(&model);
}

static void servers_serve_in_order(void **state)
{
    (void)state;
    struct null_model model = make(&(struct null_behaviour){.service_ns = 100, .servers = 2});
    static const uint64_t ends[] = {100, 100, 200, 200, 300};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(null_model_submit(&model, 0).at_ns, ends[i]);
    assert_int_equal(null_model_submit(&model, 1000).at_ns, 1100);
    null_model_free(&model);
}

static void contention_follows_the_law(void **state)
{
    (void)state;
    struct null_model model =
        make(&(struct null_behaviour){.service_ns = 1000000, .sigma = 0.1, .kappa = 0.01});
    for (double n = 1; n <= 20; n++)
        assert_true(
            fabs((double)served(&model, 0) - 1e6 * (1 + 0.1 * (n - 1) + 0.01 * n * (n - 1))) < 2);
    for (int i = 0; i < 19; i++)
        null_model_finish(&model);
    assert_int_equal(served(&model, 0), 1120000); /* two in flight */
    null_model_free(&model);
}

static void it_drifts(void **state)
{
    (void)state;
    struct null_model model =
        make(&(struct null_behaviour){.service_ns = 1000000, .drift_per_s = 0.01});
    assert_int_equal(served(&model, 0), 1000000);
    assert_int_equal(served(&model, 50 * NS_PER_S), 1500000);
    null_model_free(&model);
}

/* At twice the rate half of them are, below it none. */
static void it_refuses_above_its_rate(void **state)
{
    (void)state;
    struct null_model model = make(&(struct null_behaviour){.errors_above = 1000});
    int refused = 0;
    for (uint64_t i = 0; i < 20000; i++)
        refused += null_model_submit(&model, i * NS_PER_S / 2000).refused;
    assert_true(refused > 9700 && refused <= 10000);
    for (uint64_t i = 0; i < 10000; i++)
        assert_false(null_model_submit(&model, 20 * NS_PER_S + i * NS_PER_S / 999).refused);
    null_model_free(&model);
}

static void it_collapses_and_recovers(void **state)
{
    (void)state;
    struct null_model model = make(&(struct null_behaviour){
        .service_ns = 10, .collapse_at = 3, .collapsed_ns = 1000, .recover_ns = NS_PER_S});
    assert_int_equal(served(&model, 0), 10);
    assert_int_equal(served(&model, 0), 10);
    assert_int_equal(served(&model, 0), 1000);
    for (int i = 0; i < 3; i++)
        null_model_finish(&model);
    assert_int_equal(served(&model, NS_PER_S - 1), 1000);
    assert_int_equal(served(&model, NS_PER_S), 10);
    null_model_free(&model);
}

static void options_are_read_and_refused(void **state)
{
    (void)state;
    static char *const wrong[] = {"null://?servers=5000", "null://?sigma=-1", "null://?kappa=x",
                                  "null://?service=fast"};
    struct target_options options = {
        .url = "null://?service=4ms&exponential=1&servers=4&sigma=0.5&drift=0.01&errors_above=300&"
               "collapse_at=60&collapsed_service=50ms&recover_after=3s"};
    struct null_options read;
    struct error error = {0};
    assert_int_equal(null_options_read(&read, &options, &error), 0);
    assert_true(null_options_model(&read));
    assert_int_equal(read.behaviour.service_ns, 4000000);
    assert_int_equal(read.behaviour.servers, 4);
    assert_int_equal(read.behaviour.errors_above, 300);
    assert_int_equal(read.behaviour.recover_ns, 3 * NS_PER_S);
    assert_true(fabs(read.behaviour.sigma - 0.5) < 1e-12);
    null_options_free(&read);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options.url = wrong[i];
        error = (struct error){0};
        assert_int_equal(null_options_read(&read, &options, &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
        null_options_free(&read);
    }
    options.url = "null://?latency=5ms";
    assert_int_equal(null_options_read(&read, &options, &error), 0);
    assert_false(null_options_model(&read));
    null_options_free(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_service_time_is_fixed),
        cmocka_unit_test(an_exponential_one_has_its_mean),
        cmocka_unit_test(servers_serve_in_order),
        cmocka_unit_test(contention_follows_the_law),
        cmocka_unit_test(it_drifts),
        cmocka_unit_test(it_refuses_above_its_rate),
        cmocka_unit_test(it_collapses_and_recovers),
        cmocka_unit_test(options_are_read_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
