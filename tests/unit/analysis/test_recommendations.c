/* Recommendations quote the figures of their finding, and readiness follows. */
#include "analysis/recommendations.h"

#include "analysis/alert_text.h"
#include "analysis/alerts_json.h"
#include "analysis/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *rule, *subject;
    enum verdict verdict;
    const char *figures;
    const char *threshold;
    uint64_t sample;
    const char *text; /* of the finding */
    const char *says; /* NULL: no recommendation */
} cases[] = {
    {"threshold", "error rate of all operations", VERDICT_FAIL,
     "{\"failed\": 31, \"finished\": 1000, \"error_rate\": 0.031}", "< 2.00%", 1000, "",
     "error rate of all operations is 3.10% (31 of 1,000 operations), limit < 2.00%: "},
    {"threshold", "p99 of phase peak", VERDICT_FAIL, "{\"value_ns\": 1234000000}", "< 1.00s", 5000,
     "", "p99 of phase peak is 1.23s over 5,000 operations, limit < 1.00s: "},
    {"threshold", "rate of all operations", VERDICT_FAIL, "{\"rate_per_s\": 42.5, \"count\": 85}",
     "> 100/s", 85, "", "rate of all operations is 42.5/s over 85 operations, asked for > 100/s"},
    {"threshold", "p99", VERDICT_INCONCLUSIVE, "{\"sample_needed\": 1000}", "< 1s", 300, "",
     "p99 rests on 300 operations and needs 1,000: run longer"},
    {"threshold", "p99", VERDICT_PASS, "{\"value_ns\": 1234000000}", "< 2s", 300, "", NULL},
    {"breaking_point", "ramp-up and stress", VERDICT_INFORMATION,
     "{\"unit\": \"users\", \"keeps_at\": 35.0, \"breaks_at\": 40.0, \"by\": \"latency\", "
     "\"value_ns\": 812000000.0}",
     "", 0, "",
     "keep the load at 35 users or below: from 40 on it breaks by latency (the percentile is "
     "812ms)"},
    {"breaking_point", "ramp-up and stress", VERDICT_INFORMATION,
     "{\"unit\": \"users\", \"keeps_at\": 35.0, \"breaks_at\": 40.0, \"by\": \"errors\", "
     "\"error_rate\": 0.125}",
     "", 0, "",
     "keep the load at 35 users or below: from 40 on it breaks by errors (error rate 12.5%)"},
    {"breaking_point", "ramp-up and stress", VERDICT_INFORMATION,
     "{\"unit\": \"users\", \"breaks_at\": 5.0, \"by\": \"errors\", \"error_rate\": 0.5}", "", 0,
     "", "no level of load that was measured keeps the limits: 5 users, the lowest, breaks by er"},
    {"breaking_point", "ramp-up and stress", VERDICT_INFORMATION,
     "{\"unit\": \"users\", \"keeps_at\": 75.0}", "", 0, "", NULL},
    {"scalability", "ramp-up", VERDICT_INFORMATION,
     "{\"peak_within\": true, \"peak_users\": {\"value\": 22.0}, \"sigma\": {\"value\": 0.031}, "
     "\"kappa\": {\"value\": 0.002}}",
     "", 0, "", "throughput peaks at 22 users and falls beyond (sigma 0.031, kappa 0.002)"},
    {"scalability", "ramp-up", VERDICT_INFORMATION,
     "{\"peak_within\": false, \"peak_users\": {\"value\": 220.0}, \"sigma\": {\"value\": 0.031}, "
     "\"kappa\": {\"value\": 0.002}}",
     "", 0, "", NULL},
    {"stability", "peak", VERDICT_FAIL,
     "{\"p95_change\": 0.45, \"rate_change\": -0.3, \"p95_worst_ns\": 9e7, \"p95_median_ns\": 4e7}",
     "", 0, "", "phase peak: p95 drifted by +45.0% under the same load, worst 90.0ms against a"},
    {"stability", "peak", VERDICT_FAIL, "{\"p95_change\": 0.05, \"rate_change\": -0.3}", "", 0, "",
     "phase peak: throughput drifted by -30.0% under the same load"},
    {"stability", "peak", VERDICT_INFORMATION, "{\"p95_change\": 0.45}", "", 0, "", NULL},
    {"degradation", "stress", VERDICT_INFORMATION,
     "{\"graceful\": false, \"goodput_per_s\": 50.0, \"kept\": 0.25, \"goodput_before_per_s\": "
     "200.0, \"silent\": 77}",
     "", 0, "", "goodput fell to 50.0/s, 25.0% of the 200/s before, with 77 silent failures"},
    {"degradation", "stress", VERDICT_INFORMATION,
     "{\"graceful\": true, \"goodput_per_s\": 190.0, \"kept\": 0.95, \"goodput_before_per_s\": "
     "200.0, \"silent\": 0}",
     "", 0, "", NULL},
    {"recovery", "recovery", VERDICT_FAIL,
     "{\"waited_ns\": 30000000000, \"baseline_p95_ns\": 12000000, \"limit_p95_ns\": 18000000, "
     "\"last_p95_ns\": 640000000, \"last_error_rate\": 0.5}",
     "", 0, "",
     "after the stress p95 was 640ms for 30.0s and did not come back to 18.0ms (baseline 12.0ms); "
     "errors 50.0%"},
    {"release", "here", VERDICT_FAIL,
     "{\"memory_per_operation_bytes\": 2048.0, \"memory_before_bytes\": 100000000, "
     "\"memory_after_bytes\": 180000000, \"idle_s\": 5, \"descriptors_after\": 9.0}",
     "", 0, "",
     "here keeps 2.05KB per operation: memory went from 100MB to 180MB and stayed there for 5 s"},
    {"release", "here", VERDICT_FAIL,
     "{\"memory_per_operation_bytes\": 0.0, \"descriptors_before\": 9.0, \"descriptors_after\": "
     "519.0, \"threads_before\": 4, \"threads_after\": 4, \"idle_s\": 5}",
     "", 0, "", "here does not release: descriptors 9 to 519, threads 4 to 4, after 5 s"},
    {"credentials", "target neo4j", VERDICT_FAIL,
     "{\"refused\": 500, \"finished\": 500, \"remedy\": \"set NEO4J_PASSWORD\"}", "", 0, "",
     "target neo4j refused the credentials in 500 of 500 operations: set NEO4J_PASSWORD"},
    {"tier_lost", "memory redis", VERDICT_FAIL, NULL, "", 0, "", "in phase memory redis"},
    {"aborted", "run", VERDICT_FAIL, NULL, NULL, 12, "errors>50% held",
     "the run ended itself after 12 s (errors>50% held)"},
    {"generator_saturated", "generator", VERDICT_INCONCLUSIVE,
     "{\"seconds\": 30, \"seconds_cpu\": 29, \"seconds_lag\": 1, \"seconds_delay\": 0, "
     "\"cpu_highest\": 1.0, \"lag_highest_ns\": 120000000}",
     "", 0, "", "of 30 seconds 29 with its busiest worker at its core's end (highest 100%), 1 wit"},
    {"coverage", "target here", VERDICT_INFORMATION,
     "{\"offered\": 13, \"called\": 13, \"below_minimum\": 4, \"minimum_sample\": 30}", "", 0, "",
     "4 of 13 operations of target here got fewer than 30 calls"},
    {"arguments_rejected", "tool find", VERDICT_INFORMATION,
     "{\"failed_alike\": 12, \"finished\": 40}", NULL, 40, "",
     "tool find refused generated arguments (12 of 40 calls failed that way)"},
    {"outliers", "here", VERDICT_INFORMATION,
     "{\"tools\": 9, \"p50_median_ns\": 4000000, \"outliers\": [{\"tool\": \"slow\", \"p50_ns\": "
     "88000000, \"ratio\": 22.0}]}",
     "", 0, "", "look at slow of here first: its p50 is 88.0ms, 22 times the median tool's 4.00ms"},
    {"outliers", "here", VERDICT_INFORMATION,
     "{\"tools\": 9, \"p50_median_ns\": 4000000, \"outliers\": []}", "", 0, "", NULL},
    {"credentials", "target neo4j", VERDICT_FAIL, "{\"refused\": 500}", "", 0, "", NULL},
    {"high_tea", "?", VERDICT_FAIL, NULL, "", 0, "", NULL},
};

static void add(struct result *result, size_t number)
{
    json_t *figures = cases[number].figures ? json_loads(cases[number].figures, 0, NULL) : NULL;
    assert_true(figures || !cases[number].figures);
    assert_int_equal(result_add_finding(result, cases[number].rule, cases[number].subject,
                                        cases[number].verdict, figures, cases[number].threshold,
                                        cases[number].sample, cases[number].text),
                     0);
}

static void each_quotes_its_figures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result result;
        result_init(&result);
        add(&result, i);
        assert_int_equal(recommendations_make(&result), 0);
        if (result.recommendation_count != (cases[i].says != NULL))
            fail_msg("case %zu (%s): %zu recommendations", i, cases[i].rule,
                     result.recommendation_count);
        if (cases[i].says && !strstr(result.recommendations[0].text, cases[i].says))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, result.recommendations[0].text,
                     cases[i].says);
        if (cases[i].says)
            assert_null(strpbrk(result.recommendations[0].text, "{}"));
        result_free(&result);
    }
}

static void a_break_of_the_generator_is_none_of_the_target(void **state)
{
    struct result result;
    size_t saturated = 0, knee = 0;
    (void)state;
    result_init(&result);
    while (strcmp(cases[saturated].rule, "generator_saturated") != 0)
        saturated++;
    while (strcmp(cases[knee].rule, "breaking_point") != 0)
        knee++;
    add(&result, knee);
    add(&result, saturated);
    assert_int_equal(recommendations_make(&result), 0);
    assert_int_equal(result.recommendation_count, 1);
    assert_string_equal(result.recommendations[0].rule, "generator_saturated");
    assert_int_equal(result.recommendations[0].finding, 1);
    result_free(&result);
}

/* ---- readiness ------------------------------------------------------------------------------ */

static void readiness_follows(void **state)
{
    static const struct {
        enum verdict verdict;
        size_t alerts, recommendations;
        enum readiness readiness;
    } known[] = {
        {VERDICT_PASS, 0, 0, READINESS_READY},
        {VERDICT_PASS, 1, 0, READINESS_READY_WITH_FINDINGS},
        {VERDICT_PASS, 0, 1, READINESS_READY_WITH_FINDINGS},
        {VERDICT_FAIL, 0, 0, READINESS_NOT_READY},
        {VERDICT_FAIL, 2, 3, READINESS_NOT_READY},
        {VERDICT_INCONCLUSIVE, 0, 0, READINESS_INCONCLUSIVE},
        {VERDICT_INCONCLUSIVE, 1, 1, READINESS_INCONCLUSIVE},
        {VERDICT_INFORMATION, 0, 0, READINESS_INCONCLUSIVE}, /* nothing was asked */
    };
    char text[160];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct result result = {.verdict = known[i].verdict,
                                .alert_count = known[i].alerts,
                                .recommendation_count = known[i].recommendations};
        assert_int_equal(readiness_of(&result), known[i].readiness);
    }
    struct result result = {.verdict = VERDICT_PASS, .alert_count = 1, .recommendation_count = 2};
    assert_string_equal(readiness_reason(&result, text, sizeof text),
                        "passed, with 1 alert and 2 recommendations");
}

/* ---- alerts as words and as JSON ------------------------------------------------------------ */

static void alerts_are_described(void **state)
{
    static const struct {
        struct alert alert;
        const char *text;
    } known[] = {
        {{.rule = "high_error_rate",
          .metric = "errors",
          .start_s = 4,
          .end = {true, 9},
          .threshold = 0.02,
          .peak = 0.35,
          .windows = 5,
          .operations = 1234},
         "high_error_rate on here in phase peak, 4s to 9s: error rate up to 35.0%, limit 2.00%; 5 "
         "windows, 1,234 operations"},
        {{.rule = "throughput_drop",
          .metric = "rate_ratio",
          .start_s = 4,
          .below = true,
          .threshold = 0.5,
          .peak = 0.1,
          .baseline = 200,
          .windows = 1,
          .operations = 20},
         "throughput_drop on here in phase peak, 4s to the end: throughput down to 10.0% of the "
         "baseline 200/s, limit 50.0%; 1 window, 20 operations"},
        {{.rule = "latency_drift",
          .metric = "p95_ratio",
          .threshold = 2,
          .peak = 3.5,
          .baseline = 4e6,
          .windows = 2},
         "p95 up to 3.50 times the baseline 4.00ms, limit 2.00 times; 2 windows"},
        {{.rule = "high_response_time", .metric = "p99", .threshold = 1e9, .peak = 2.5e9},
         "p99 up to 2.50s, limit 1.00s"},
        {{.rule = "generator_saturated",
          .metric = "generator_cpu",
          .target = -1,
          .threshold = 0.95,
          .peak = 1},
         "generator_saturated in phase peak, 0s to the end: busiest worker busy up to 100%"},
    };
    struct result_target target = {.name = "here"};
    struct result_phase phase = {.name = "peak"};
    struct result result = {
        .targets = &target, .target_count = 1, .phases = &phase, .phase_count = 1};
    char text[ALERT_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strstr(alert_describe(&result, &known[i].alert, text, sizeof text), known[i].text))
            fail_msg("\"%s\" is not \"%s\"", text, known[i].text);
}

static void rules_come_back_from_json(void **state)
{
    struct alert_rule rules[ALERT_RULES_LIMIT], again[ALERT_RULES_LIMIT];
    struct error error = {0};
    size_t count = alert_rules_combine(NULL, 0, rules), read;
    (void)state;
    rules[1].abort = true;
    rules[1].threshold = 0.1;
    json_t *json = alert_rules_to_json(rules, count);
    assert_int_equal(alert_rules_from_json(again, &read, json, &error), 0);
    assert_int_equal(read, count);
    json_t *twice = alert_rules_to_json(again, read);
    assert_true(json_equal(json, twice));
    json_decref(twice);
    json_object_set_new(json_array_get(json, 2), "metric", json_string("p99"));
    assert_int_equal(alert_rules_from_json(again, &read, json, &error), -1);
    assert_non_null(strstr(error.text, "judging.alerts[2]"));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_quotes_its_figures),
        cmocka_unit_test(a_break_of_the_generator_is_none_of_the_target),
        cmocka_unit_test(readiness_follows),
        cmocka_unit_test(alerts_are_described),
        cmocka_unit_test(rules_come_back_from_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
