/* The audit passes what is whole, and of an edited result fails at the place that was edited. */
#include "fixture.h"

#include "analysis/judge.h"
#include "report/audit.h"
#include "report/result_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *make_document(void)
{
    static const struct judge_threshold thresholds[] = {
        {.text = "p95<500ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 5e8},
        {.text = "p99<1ms", .figure = JUDGE_PERCENTILE, .fraction = 0.99, .value = 1e6},
        {.text = "errors<2%", .figure = JUDGE_ERRORS, .value = 0.02},
        {.text = "recall>=0.95",
         .figure = JUDGE_RECALL,
         .compare = JUDGE_GREATER_EQUAL,
         .value = 0.95}};
    struct judge_options options = {
        .thresholds = thresholds,
        .threshold_count = 4,
        .minimum_sample = 30,
        .alerts = {{"high_error_rate", ALERT_ERRORS, false, 0.001, 0.0005, 2, 2, false}},
        .alert_count = 1};
    struct result result;
    struct error error = {0};
    fixture_make(&result, &FIXTURE_DEFAULT);
    json_decref(result.targets[1].facts);
    result.targets[1].facts =
        json_pack("{s:{s:f,s:i,s:i,s:i,s:i,s:i,s:i,s:[[i,i],[i,i]]}}", "recall", "value", 0.995,
                  "k", 10, "sample", 200, "searches", 900, "correct", 1990, "wanted", 2000,
                  "fewest_correct", 9, "distribution", 10, 190, 9, 10);
    assert_int_equal(judge_result(&result, &options), 0);
    json_t *document = result_to_json(&result, &error);
    assert_non_null(document);
    result_free(&result);
    return document;
}

/* What the audit prints of a document; the caller frees. */
static char *audit(const json_t *document, int *status, struct error *error)
{
    char *report = NULL, *text = json_dumps(document, JSON_COMPACT);
    size_t size;
    FILE *out = open_memstream(&report, &size);
    *status = audit_text(text, strlen(text), "r.json", out, error);
    fclose(out);
    free(text);
    return report;
}

static void a_whole_result_passes(void **state)
{
    (void)state;
    struct error error = {0};
    int status;
    json_t *document = make_document();
    char *report = audit(document, &status, &error);
    if (status != 0)
        fail_msg("%s\n%s", error.text, report);
    assert_null(strstr(report, "FAIL"));
    assert_non_null(
        strstr(report, "ok    peak: rate x duration = count, 800.000/s x 5.000 s = 4000"));
    assert_non_null(strstr(report, "verdict \"fail\", exit code 1 and readiness \"not ready\""));
    assert_true(json_array_size(json_object_get(document, "alerts")) > 0);
    assert_true(json_array_size(json_object_get(document, "recommendations")) > 0);
    free(report);
    json_decref(document);
}

static void an_empty_result_lacks_what_it_was_judged_by(void **state)
{
    (void)state;
    struct error error = {0};
    struct result result;
    int status;
    result_init(&result);
    json_t *document = result_to_json(&result, &error);
    char *report = audit(document, &status, &error);
    assert_int_equal(status, -1);
    assert_non_null(strstr(report, "judging: is missing"));
    free(report);
    json_decref(document);
}

/* ---- edits ---------------------------------------------------------------------------------- */

static json_t *at(json_t *json, const char *const *path)
{
    for (; *path && json; path++)
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(*path))
                                   : json_object_get(json, *path);
    return json;
}
#define AT(document, ...) at(document, (const char *const[]){__VA_ARGS__, NULL})

static void add_one(json_t *integer)
{
    assert_true(json_is_integer(integer));
    json_integer_set(integer, json_integer_value(integer) + 1);
}

static void edit_started(json_t *d)
{
    add_one(AT(d, "phases", "1", "targets", "0", "operations", "2", "started"));
}
static void edit_outcome(json_t *d)
{
    add_one(AT(d, "phases", "0", "targets", "1", "operations", "3", "outcomes", "ok"));
}
static void edit_reason(json_t *d)
{
    add_one(AT(d, "phases", "0", "targets", "0", "operations", "0", "reasons", "0", "count"));
}
static void edit_histogram_count(json_t *d)
{
    add_one(AT(d, "phases", "0", "targets", "0", "operations", "1", "latency_ok", "count"));
}
static void edit_buckets(json_t *d)
{
    json_t *histogram = AT(d, "phases", "1", "targets", "1", "operations", "1", "latency_ok");
    const char *buckets = json_string_value(json_object_get(histogram, "buckets"));
    char *shifted = strdup(buckets), *end; /* the first bucket, one further up */
    unsigned long first = strtoul(shifted, &end, 10);
    char *edited = malloc(strlen(buckets) + 16);
    sprintf(edited, "%lu%s", first + 1, end);
    json_object_set_new(histogram, "buckets", json_string(edited));
    free(edited);
    free(shifted);
}
static void edit_maximum(json_t *d)
{
    json_t *histogram = AT(d, "phases", "0", "targets", "0", "operations", "0", "service_ok");
    json_object_set_new(histogram, "max_ns", json_integer(5));
}
static void edit_sum(json_t *d)
{
    json_t *histogram = AT(d, "phases", "0", "targets", "0", "parts", "receive");
    json_object_set_new(histogram, "sum_ns", json_integer(77));
}
static void edit_second(json_t *d)
{
    add_one(AT(d, "phases", "1", "targets", "0", "seconds", "4", "ok"));
}
static void edit_second_started(json_t *d)
{
    add_one(AT(d, "phases", "1", "targets", "0", "seconds", "4", "started"));
}
static void edit_second_operation(json_t *d)
{
    add_one(AT(d, "phases", "1", "targets", "0", "seconds", "3", "operations", "2", "1"));
}
static void edit_p95(json_t *d)
{
    add_one(AT(d, "phases", "1", "figures", "p95", "ns"));
}
static void edit_interval(json_t *d)
{
    add_one(AT(d, "figures", "p99", "high_ns"));
}
static void edit_operation_count(json_t *d)
{
    add_one(AT(d, "targets", "0", "operations", "1", "figures", "count"));
}
static void edit_rate(json_t *d)
{
    json_object_set_new(AT(d, "phases", "0", "figures"), "rate_per_s", json_real(801));
}
static void edit_duration(json_t *d)
{
    json_object_set_new(AT(d, "phases", "0"), "duration_ns", json_integer(4000000000));
}
static void edit_recall(json_t *d)
{
    json_object_set_new(AT(d, "targets", "1", "facts", "recall"), "value", json_real(0.999));
}
static void edit_right_answers(json_t *d)
{
    add_one(AT(d, "targets", "1", "facts", "recall", "distribution", "0", "1"));
}
static void edit_searches(json_t *d)
{
    json_object_set_new(AT(d, "targets", "1", "facts", "recall"), "searches", json_integer(7));
}
static void edit_verdict(json_t *d)
{
    json_object_set_new(d, "verdict", json_string("pass"));
}
static void edit_exit_code(json_t *d)
{
    json_object_set_new(d, "exit_code", json_integer(0));
}
static void edit_finding(json_t *d)
{
    json_object_set_new(AT(d, "findings", "1"), "verdict", json_string("pass"));
}
static void drop_finding(json_t *d)
{
    json_array_remove(json_object_get(d, "findings"), 1);
}
static void loosen_threshold(json_t *d)
{
    json_object_set_new(AT(d, "judging", "thresholds", "1"), "value", json_real(1e12));
}
static void edit_recovery(json_t *d)
{
    json_object_set_new(AT(d, "phases", "2", "recovery", "windows", "1"), "p95_ns",
                        json_integer(99000000));
}
static void edit_summary(json_t *d)
{
    json_object_set_new(d, "summary", json_string("All is well."));
}

static void edit_alert_peak(json_t *d)
{
    json_object_set_new(AT(d, "alerts", "0"), "peak", json_real(0.5));
}
static void edit_alert_start(json_t *d)
{
    add_one(AT(d, "alerts", "0", "start_s"));
}
static void drop_alert(json_t *d)
{
    json_array_remove(json_object_get(d, "alerts"), 0);
}
static void loosen_alert(json_t *d)
{
    json_object_set_new(AT(d, "judging", "alerts", "0"), "threshold", json_real(0.9));
}
static void edit_recommendation(json_t *d)
{
    json_object_set_new(AT(d, "recommendations", "0"), "text", json_string("Relax."));
}
static void drop_recommendations(json_t *d)
{
    json_object_del(d, "recommendations");
}
static void edit_readiness(json_t *d)
{
    json_object_set_new(d, "readiness", json_string("ready"));
}

static const struct {
    const char *name;
    void (*edit)(json_t *document);
    const char *first; /* what the audit says first, and so says the error */
} edits[] = {
    {"started", edit_started,
     "phases[1].targets[0].operations[2].started is the sum of its outcomes"},
    {"an outcome", edit_outcome, "phases[0].targets[1].operations[3].started"},
    {"a reason", edit_reason, "phases[0].targets[0].operations[0].outcomes."},
    {"a histogram's count", edit_histogram_count,
     "phases[0].targets[0].operations[1].outcomes.ok is what latency_ok counts"},
    {"buckets", edit_buckets, "phases[1].targets[1].operations[1].latency_ok.min_ns"},
    {"a maximum", edit_maximum, "phases[0].targets[0].operations[0].service_ok.max_ns 5"},
    {"a sum", edit_sum, "phases[0].targets[0].parts.receive.sum_ns 77"},
    {"a second", edit_second, "phases[1].targets[0].seconds[4].ok is its outcomes' ok"},
    {"a second's start", edit_second_started,
     "phases[1].targets[0]: started is the sum of its seconds"},
    {"a second's operation", edit_second_operation,
     "phases[1].targets[0].seconds[3].operations[2]: ok is the sum of its buckets"},
    {"a percentile", edit_p95, "phases[1].figures.p95"},
    {"an interval", edit_interval, "run.figures.p99"},
    {"an operation's count", edit_operation_count, "targets[0].operations[1].figures.count"},
    {"a rate", edit_rate, "phases[0].figures.rate_per_s"},
    {"a duration", edit_duration, "phases[0].figures.rate_per_s"},
    {"the recall", edit_recall, "targets[1].facts.recall.value: stored 0.999, derived 0.995"},
    {"the right answers", edit_right_answers, "targets[1].facts.recall"},
    {"the searches", edit_searches, "targets[1].facts.recall: no more were compared than"},
    {"the verdict", edit_verdict, "verdict: stored \"pass\", derived \"fail\""},
    {"the exit code", edit_exit_code, "exit_code: stored 0, derived 1"},
    {"a finding", edit_finding, "findings[1].verdict: stored \"pass\", derived \"fail\""},
    {"a finding left out", drop_finding, "findings: as many as the rules give"},
    {"a threshold", loosen_threshold, "findings[1].verdict: stored \"fail\", derived \"pass\""},
    {"a window", edit_recovery, "phases[2].recovery.windows"},
    {"an alert's peak", edit_alert_peak, "alerts[0].peak: stored"},
    {"an alert's start", edit_alert_start, "alerts[0].start_s: stored"},
    {"an alert left out", drop_alert, "alerts: as many as the rules over the stored seconds give"},
    {"a rule of the alerts", loosen_alert, "alerts: as many as"},
    {"a recommendation", edit_recommendation, "recommendations[0].text: stored \"Relax.\""},
    {"a recommendation left out", drop_recommendations, "recommendations: as many as"},
    {"the readiness", edit_readiness, "readiness: stored \"ready\", derived \"not ready\""},
    {"the summary", edit_summary, "summary: stored \"All is well.\""},
};

static void an_edit_fails_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct error error = {0};
        int status;
        json_t *document = make_document();
        edits[i].edit(document);
        char *report = audit(document, &status, &error);
        if (status != -1 || error.code != ERROR_VERDICT)
            fail_msg("%s was edited, and the audit says %s", edits[i].name, error.text);
        if (!strstr(error.text, edits[i].first))
            fail_msg("%s was edited: \"%s\" does not say \"%s\"", edits[i].name, error.text,
                     edits[i].first);
        assert_non_null(strstr(report, "FAIL"));
        free(report);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_result_passes),
        cmocka_unit_test(an_empty_result_lacks_what_it_was_judged_by),
        cmocka_unit_test(an_edit_fails_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
