/* Recall from counts: its interval, and how it is held against a threshold. The expected intervals
 * are the roots of the score equation (p - t)^2 = z^2 t (1 - t) / n, found by bisection, with n
 * from the variance of the searches' own shares. */
#include "analysis/judge.h"
#include "analysis/recall.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *facts_of(const char *distribution, int wanted)
{
    json_t *rows = json_loads(distribution, JSON_DECODE_ANY, NULL);
    json_t *facts =
        json_pack("{s:{s:f,s:I,s:I,s:I,s:o}}", "recall", "value", 0.5, "k", (json_int_t)10,
                  "searches", (json_int_t)5000, "wanted", (json_int_t)wanted, "distribution", rows);
    assert_non_null(facts);
    return facts;
}

static void its_interval_is_that_of_the_searches(void **state)
{
    (void)state;
    static const struct {
        const char *distribution;
        int wanted;
        double value, low, high;
    } cases[] = {
        {"[[10,180],[9,15],[7,4],[0,1]]", 2000, 0.9815, 0.965530521, 0.990146431},
        {"[[10,200]]", 2000, 1, 0.981154674, 1},
        {"[[5,100],[0,100]]", 1000, 0.5, 0.431191874, 0.568808126},
        {"[[10,1]]", 10, 1, 0.206549314, 1},
        {"[[0,50]]", 500, 0, 0, 0.071347599},
        {"[[9,100],[10,100]]", 2000, 0.95, 0.939555891, 0.958718766}, /* never narrower than drawn
                                                                         one by one */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *facts = facts_of(cases[i].distribution, cases[i].wanted);
        struct recall recall = recall_of(facts);
        assert_true(recall.known);
        if (fabs(recall.value - cases[i].value) > 1e-9 || fabs(recall.low - cases[i].low) > 1e-8 ||
            fabs(recall.high - cases[i].high) > 1e-8)
            fail_msg("%s: %.9f (%.9f to %.9f)", cases[i].distribution, recall.value, recall.low,
                     recall.high);
        json_decref(facts);
    }
}

static void counts_that_make_no_sense_are_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *distribution;
        int wanted;
    } cases[] = {{"[]", 10},        {"null", 10},       {"[[10,-1]]", 10}, {"[[-1,10]]", 10},
                 {"[[11,1]]", 10},  {"[[10,1]]", 0},    {"[7]", 10},       {"{}", 10},
                 {"[[1e3,1]]", 10}, {"[[\"a\",1]]", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *facts = facts_of(cases[i].distribution, cases[i].wanted);
        if (recall_of(facts).known)
            fail_msg("%s of %d is known", cases[i].distribution, cases[i].wanted);
        json_decref(facts);
    }
    assert_false(recall_of(NULL).known);
}

/* ---- against a threshold -------------------------------------------------------------------- */

/* Targets "right" and "wrong", and one that measures none. */
static void make(struct result *result)
{
    static const char *const names[] = {"right", "wrong", "cache"};
    result_init(result);
    result->target_count = 3;
    result->targets = calloc(3, sizeof *result->targets);
    for (size_t t = 0; t < 3; t++)
        result->targets[t].name = strdup(names[t]);
    result->targets[0].facts = facts_of("[[10,190],[9,10]]", 2000);
    result->targets[1].facts = facts_of("[[10,100],[5,100]]", 2000);
    result->targets[2].facts = json_object();
}

static void assert_judged(double limit, enum judge_compare compare, const char *target,
                          enum verdict verdict, const char *text)
{
    struct result result;
    struct judge_threshold threshold = {
        .text = "", .figure = JUDGE_RECALL, .compare = compare, .value = limit, .target = target};
    const struct saturation none = {0};
    make(&result);
    assert_int_equal(threshold_judge(&result, &threshold, &none), 0);
    assert_int_equal(result.finding_count, 1);
    assert_string_equal(result.findings[0].rule, "threshold");
    assert_int_equal(result.findings[0].verdict, verdict);
    if (!strstr(result.findings[0].text, text))
        fail_msg("\"%s\" lacks \"%s\"", result.findings[0].text, text);
    result_free(&result);
}

static void the_whole_interval_decides(void **state)
{
    (void)state;
    assert_judged(0.95, JUDGE_GREATER_EQUAL, "right", VERDICT_PASS,
                  "recall@10 of target right: 0.995 (between 0.991 and 0.997) >= 0.95, 200 of "
                  "5,000 searches");
    assert_judged(0.95, JUDGE_GREATER_EQUAL, "wrong", VERDICT_FAIL,
                  "recall@10 of target wrong: 0.750 (between 0.714 and 0.783), not >= 0.95");
    assert_judged(0.995, JUDGE_GREATER_EQUAL, "right", VERDICT_INCONCLUSIVE,
                  "must be >= 0.995, 200 of 5,000 searches compared with exact search; so few");
    assert_judged(1, JUDGE_GREATER_EQUAL, "right", VERDICT_FAIL, "not >= 1");
    assert_judged(0, JUDGE_GREATER, "wrong", VERDICT_PASS, "> 0");
    assert_judged(0.8, JUDGE_LESS, "wrong", VERDICT_PASS, "< 0.8");
    assert_judged(0.7, JUDGE_LESS_EQUAL, "wrong", VERDICT_FAIL, "not <= 0.7");
}

static void what_was_not_measured_is_not_passed(void **state)
{
    (void)state;
    assert_judged(0.5, JUDGE_GREATER, "cache", VERDICT_INCONCLUSIVE,
                  "recall of target cache: unknown, must be > 0.5; no target");
    struct result result;
    struct judge_threshold threshold = {
        .text = "", .figure = JUDGE_RECALL, .compare = JUDGE_GREATER, .target = "right"};
    make(&result);
    json_object_set_new(result.targets[0].facts, "recall",
                        json_pack("{s:n,s:s}", "value", "reason", "nothing was searched"));
    assert_int_equal(recall_judge(&result, &threshold), 0);
    assert_int_equal(result.findings[0].verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(result.findings[0].text, "nothing was searched"));
    result_free(&result);
}

/* One index that is right does not hide one that is wrong, and the wrong one decides the verdict.
 */
static void each_target_is_judged_by_itself(void **state)
{
    (void)state;
    struct result result;
    const struct judge_threshold threshold = {.text = "recall>=0.9",
                                              .figure = JUDGE_RECALL,
                                              .compare = JUDGE_GREATER_EQUAL,
                                              .value = 0.9};
    struct judge_options options = {.thresholds = &threshold, .threshold_count = 1};
    make(&result);
    assert_int_equal(judge_result(&result, &options), 0);
    unsigned seen = 0;
    for (size_t i = 0; i < result.finding_count; i++)
        if (strcmp(result.findings[i].rule, "threshold") == 0)
            seen += result.findings[i].verdict == VERDICT_FAIL ? 10 : 1;
    assert_int_equal(seen, 11);
    assert_int_equal(result.verdict, VERDICT_FAIL);
    assert_int_equal(result.exit_code, ERROR_VERDICT);
    bool recommended = false;
    for (size_t i = 0; i < result.recommendation_count; i++)
        recommended = recommended ||
                      strstr(result.recommendations[i].text, "recall@10 of target wrong is 0.75 "
                                                             "over 200 searches, asked for >= 0.9");
    assert_true(recommended);
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_interval_is_that_of_the_searches),
        cmocka_unit_test(counts_that_make_no_sense_are_unknown),
        cmocka_unit_test(the_whole_interval_decides),
        cmocka_unit_test(what_was_not_measured_is_not_passed),
        cmocka_unit_test(each_target_is_judged_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
