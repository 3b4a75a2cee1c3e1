/* Threshold expressions. */
#include "plan/threshold.h"
#include "testing.h"

struct expected {
    const char *text;
    enum threshold_figure figure;
    double fraction;
    enum threshold_compare compare;
    double value;
    const char *tool, *phase, *target;
};

static void assert_text(const char *actual, const char *expected)
{
    if (!expected)
        assert_null(actual);
    else
        assert_string_equal(actual, expected);
}

static void reads_expressions(void **state)
{
    static const struct expected rows[] = {
        {"p95<500ms", FIGURE_PERCENTILE, 0.95, COMPARE_LESS, 5e8, NULL, NULL, NULL},
        {"p99.9 <= 1.5s", FIGURE_PERCENTILE, 0.999, COMPARE_LESS_EQUAL, 1.5e9, NULL, NULL, NULL},
        {"median<10ms", FIGURE_PERCENTILE, 0.5, COMPARE_LESS, 1e7, NULL, NULL, NULL},
        {"mean<1s", FIGURE_MEAN, 0, COMPARE_LESS, 1e9, NULL, NULL, NULL},
        {"max < 2m", FIGURE_MAX, 0, COMPARE_LESS, 1.2e11, NULL, NULL, NULL},
        {"errors<1%", FIGURE_ERRORS, 0, COMPARE_LESS, 0.01, NULL, NULL, NULL},
        {"errors<=0", FIGURE_ERRORS, 0, COMPARE_LESS_EQUAL, 0, NULL, NULL, NULL},
        {"errors<0.02", FIGURE_ERRORS, 0, COMPARE_LESS, 0.02, NULL, NULL, NULL},
        {"rate>100/s", FIGURE_RATE, 0, COMPARE_GREATER, 100, NULL, NULL, NULL},
        {"rate>=6000/min ", FIGURE_RATE, 0, COMPARE_GREATER_EQUAL, 100, NULL, NULL, NULL},
        {"recall>=0.95", FIGURE_RECALL, 0, COMPARE_GREATER_EQUAL, 0.95, NULL, NULL, NULL},
        {"recall{target=a}>90%", FIGURE_RECALL, 0, COMPARE_GREATER, 0.9, NULL, NULL, "a"},
        {"p95{tool=echo}<50ms", FIGURE_PERCENTILE, 0.95, COMPARE_LESS, 5e7, "echo", NULL, NULL},
        {"errors{phase=peak, target=a*}<1%", FIGURE_ERRORS, 0, COMPARE_LESS, 0.01, NULL, "peak",
         "a*"},
        {"p50{tool=\"a,b}\"}<1s", FIGURE_PERCENTILE, 0.5, COMPARE_LESS, 1e9, "a,b}", NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct threshold threshold;
        struct error error = {0};
        if (threshold_parse(&threshold, rows[i].text, "here", &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(threshold.text, rows[i].text);
        assert_string_equal(threshold.where, "here");
        assert_int_equal(threshold.figure, rows[i].figure);
        assert_int_equal(threshold.compare, rows[i].compare);
        assert_true(threshold.fraction == rows[i].fraction); /* the nearest double, no other */
        assert_true(threshold.value == rows[i].value);
        assert_text(threshold.tool, rows[i].tool);
        assert_text(threshold.phase, rows[i].phase);
        assert_text(threshold.target, rows[i].target);
        threshold_free(&threshold);
    }
}

static void refuses_what_means_nothing(void **state)
{
    static const char *const rows[][2] = {{"", "no known figure"},
                                          {"p95", "lacks a comparison"},
                                          {"p95=5ms", "lacks a comparison"},
                                          {"p95<500", "no duration and its unit"},
                                          {"p95<5%", "no duration and its unit"},
                                          {"p100<1s", "no percentile between"},
                                          {"p999<1s", "no percentile between"},
                                          {"p0<1s", "no percentile between"},
                                          {"speed<1s", "no known figure"},
                                          {"errors<200%", "no share from 0% to 100%"},
                                          {"errors<x", "no share"},
                                          {"errors<1% 2", "no share"},
                                          {"rate>5ms", "no number per second"},
                                          {"recall>1.1", "no share from 0 to 1"},
                                          {"recall{tool=search}>0.9", "leave target alone"},
                                          {"recall{phase=a}>0.9", "leave target alone"},
                                          {"p95{}<1s", "selects by none"},
                                          {"p95{tool}<1s", "one without \"=\""},
                                          {"p95{tool=}<1s", "without a value"},
                                          {"p95{tool=a,tool=b}<1s", "selector twice"},
                                          {"p95{tool=a<1s", "closing brace"},
                                          {"p95{color=a}<1s", "selects by none"},
                                          {"p95<1s<2s", "no duration"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct threshold threshold;
        struct error error = {0};
        if (threshold_parse(&threshold, rows[i][0], NULL, &error) == 0)
            fail_msg("%s was taken", rows[i][0]);
        assert_int_equal(error.code, ERROR_USAGE);
        assert_contains(error.text, rows[i][1]);
        assert_contains(error.text, "write e.g. p99<500ms");
        threshold_free(&threshold); /* harmless after a failure */
    }
    char text[1000];
    struct threshold threshold;
    memset(text, 'p', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(threshold_parse(&threshold, text, NULL, NULL), -1);
}

static void reads_lists(void **state)
{
    struct threshold *list = NULL;
    size_t count = 0;
    struct error error;
    (void)state;
    assert_int_equal(
        threshold_list_add(&list, &count, "p99<200ms, errors{tool=a,phase=b}<1% ", "here", &error),
        0);
    assert_int_equal(count, 2);
    assert_string_equal(list[1].text, "errors{tool=a,phase=b}<1%");
    assert_string_equal(list[1].phase, "b");
    assert_int_equal(threshold_list_add(&list, &count, "p99<1s,,p50<1s", "here", &error), -1);
    assert_int_equal(count, 3); /* what was right before it */
    threshold_list_free(list, count);
}

static void no_run_is_aborted_by_its_recall(void **state)
{
    struct threshold *list = NULL;
    size_t count = 0;
    struct error error = {0};
    (void)state;
    assert_int_equal(threshold_list_add_abort(&list, &count, "errors>5%", "here", &error), 0);
    assert_int_equal(threshold_list_add_abort(&list, &count, "p99>1s,recall<0.5", "here", &error),
                     -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_contains(error.text, "recall<0.5: recall is measured after the run");
    threshold_list_free(list, count);
}

static void a_given_one_replaces_the_same_figure(void **state)
{
    struct threshold *list = NULL, *given = NULL;
    size_t count = 0, given_count = 0;
    (void)state;
    threshold_list_add(&list, &count, "p95<500ms,p99<1s,errors<2%,p95{tool=a}<1s", NULL, NULL);
    threshold_list_add(&given, &given_count, "p95<1s,errors{tool=x}<5%,mean<1s", NULL, NULL);
    threshold_list_override(&list, &count, given, given_count);
    assert_int_equal(count, 3);
    assert_string_equal(list[0].text, "p99<1s");
    assert_string_equal(list[1].text, "errors<2%");
    assert_string_equal(list[2].text, "p95{tool=a}<1s");
    threshold_list_free(list, count);
    threshold_list_free(given, given_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_expressions), cmocka_unit_test(refuses_what_means_nothing),
        cmocka_unit_test(reads_lists), cmocka_unit_test(no_run_is_aborted_by_its_recall),
        cmocka_unit_test(a_given_one_replaces_the_same_figure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
