/* The rules, one by one, on results made for them; and the verdict that follows. */
#include "analysis/coverage.h"
#include "analysis/judge.h"
#include "analysis/phases.h"
#include "analysis/rejection.h"
#include "analysis/saturation.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- small results -------------------------------------------------------------------------- */

/* One target with tools "fast" and "slow", one phase "peak" of 10 s; nothing called yet. */
static struct measurement *make_small(struct result *result)
{
    result_init(result);
    result->target_count = 1;
    result->targets = calloc(1, sizeof *result->targets);
    result->targets[0].name = strdup("here");
    result->targets[0].operation_count = 2;
    result->targets[0].operations = calloc(2, sizeof *result->targets[0].operations);
    result->targets[0].operations[0].name = strdup("fast");
    result->targets[0].operations[1].name = strdup("slow");
    result->phase_count = 1;
    result->phases = calloc(1, sizeof *result->phases);
    struct result_phase *phase = &result->phases[0];
    phase->name = strdup("peak");
    phase->kind = strdup("peak");
    phase->duration_ns = 10 * NS_PER_S;
    phase->target_count = 1;
    phase->targets = calloc(1, sizeof *phase->targets);
    phase->targets[0].operation_count = 2;
    phase->targets[0].operations = calloc(2, sizeof *phase->targets[0].operations);
    measurement_init(&phase->targets[0].operations[0]);
    measurement_init(&phase->targets[0].operations[1]);
    return phase->targets[0].operations;
}

static void call(struct measurement *measurement, enum outcome_kind kind, uint64_t ms,
                 unsigned times)
{
    struct outcome outcome = {.kind = kind};
    for (unsigned i = 0; i < times; i++) {
        measurement->started++;
        assert_int_equal(measurement_record(measurement, &outcome, ms * NS_PER_MS, ms * NS_PER_MS),
                         0);
    }
}

static const struct finding *finding_of(const struct result *result, const char *rule)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].rule, rule) == 0)
            return &result->findings[i];
    return NULL;
}

/* The generator at ease, and at its limit. */
static const struct saturation at_ease, at_its_limit = {.saturated = true};

static void assert_judged_with(struct result *result, const struct judge_threshold *threshold,
                               const struct saturation *saturation, enum verdict verdict,
                               const char *text)
{
    result_clear_findings(result);
    assert_int_equal(threshold_judge(result, threshold, saturation), 0);
    assert_int_equal(result->finding_count, 1);
    if (result->findings[0].verdict != verdict || !strstr(result->findings[0].text, text))
        fail_msg("%s: \"%s\" is no %s with \"%s\"", verdict_name(result->findings[0].verdict),
                 result->findings[0].text, verdict_name(verdict), text);
}

static void assert_judged(struct result *result, const struct judge_threshold *threshold,
                          bool saturated, enum verdict verdict, const char *text)
{
    assert_judged_with(result, threshold, saturated ? &at_its_limit : &at_ease, verdict, text);
}

#define P(percent, ms)                                                                             \
    (struct judge_threshold)                                                                       \
    {                                                                                              \
        .text = "", .figure = JUDGE_PERCENTILE, .fraction = (percent) / 100.0,                     \
        .value = (double)(ms)*1e6                                                                  \
    }

/* ---- thresholds ----------------------------------------------------------------------------- */

static void a_percentile_is_held_against_its_limit(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    call(&tools[0], OUTCOME_OK, 10, 900);
    call(&tools[1], OUTCOME_OK, 400, 100);
    assert_judged(&result, &P(50, 20), false, VERDICT_PASS,
                  "p50 of all operations: 10.0ms < 20.0ms, 1,000");
    assert_judged(&result, &P(95, 500), false, VERDICT_PASS,
                  "p95 of all operations: 400ms < 500ms");
    assert_judged(&result, &P(95, 300), false, VERDICT_FAIL, "400ms, not < 300ms");
    const struct finding *finding = finding_of(&result, "threshold");
    assert_int_equal(finding->sample, 1000);
    assert_string_equal(finding->threshold, "< 300ms");
    assert_int_equal(json_integer_value(json_object_get(finding->figures, "value_ns")), 400000000);
    assert_true(json_is_integer(json_object_get(finding->figures, "low_ns")));
    assert_judged(&result, &P(99.9, 500), false, VERDICT_INCONCLUSIVE, "takes 10000 operations");
    result_free(&result);
}

/* Never "pass" for want of a sample; "fail" when even a lower percentile breaks the limit. */
static void too_small_a_sample_is_inconclusive(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    assert_judged(&result, &P(95, 500), false, VERDICT_INCONCLUSIVE, "no operation finished");
    call(&tools[0], OUTCOME_OK, 10, 199);
    assert_judged(&result, &P(95, 500), false, VERDICT_INCONCLUSIVE,
                  "unknown, must be < 500ms, 199");
    assert_judged(&result, &P(95, 5), false, VERDICT_FAIL, "p50 is 10.0ms already");
    call(&tools[0], OUTCOME_OK, 10, 1);
    assert_judged(&result, &P(95, 500), false, VERDICT_PASS, "200 operations");
    result_free(&result);
}

static void what_never_ended_keeps_no_limit(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    call(&tools[0], OUTCOME_OK, 10, 900);
    call(&tools[0], OUTCOME_TIMEOUT, 100, 100);
    assert_judged(&result, &P(95, 50), false, VERDICT_FAIL, ">100ms, not < 50.0ms");
    assert_judged(&result, &P(95, 500), false, VERDICT_INCONCLUSIVE, "known from below only");
    assert_judged(&result, &P(50, 50), false, VERDICT_PASS, "10.0ms < 50.0ms");
    struct judge_threshold at_least = P(95, 50);
    at_least.compare = JUDGE_GREATER;
    assert_judged(&result, &at_least, false, VERDICT_PASS, ">100ms > 50.0ms");
    at_least.value = 5e8;
    assert_judged(&result, &at_least, false, VERDICT_INCONCLUSIVE, "known from below only");
    result_free(&result);
}

static void selectors_choose_what_is_judged(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    call(&tools[0], OUTCOME_OK, 10, 1000);
    call(&tools[1], OUTCOME_OK, 400, 1000);
    struct judge_threshold threshold = P(99, 50);
    threshold.tool = "fa*";
    assert_judged(&result, &threshold, false, VERDICT_PASS,
                  "p99 of tool fa*: 10.0ms < 50.0ms, 1,000");
    threshold.tool = "slow";
    assert_judged(&result, &threshold, false, VERDICT_FAIL, "400ms, not < 50.0ms");
    threshold.tool = "slwo";
    assert_judged(&result, &threshold, false, VERDICT_INCONCLUSIVE,
                  "nothing in the result matches");
    threshold.tool = NULL;
    threshold.phase = "peak";
    threshold.target = "here";
    assert_judged(&result, &threshold, false, VERDICT_FAIL, "p99 of phase peak, target here");
    threshold.phase = "off-peak";
    assert_judged(&result, &threshold, false, VERDICT_INCONCLUSIVE,
                  "nothing in the result matches");
    result_free(&result);
}

static void a_warm_up_counts_only_by_name(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    call(&tools[0], OUTCOME_OK, 10, 1000);
    free(result.phases[0].kind);
    result.phases[0].kind = strdup("warmup");
    struct judge_threshold threshold = P(99, 50);
    assert_judged(&result, &threshold, false, VERDICT_INCONCLUSIVE,
                  "nothing in the result matches");
    threshold.phase = "peak";
    assert_judged(&result, &threshold, false, VERDICT_PASS, "10.0ms");
    result_free(&result);
}

static void errors_rates_means_and_maxima(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct judge_threshold errors = {.text = "", .figure = JUDGE_ERRORS, .value = 0.02};
    struct judge_threshold rate = {
        .text = "", .figure = JUDGE_RATE, .compare = JUDGE_GREATER_EQUAL, .value = 20};
    struct judge_threshold mean = {.text = "", .figure = JUDGE_MEAN, .value = 20e6};
    struct judge_threshold max = {.text = "", .figure = JUDGE_MAX, .value = 20e6};
    call(&tools[0], OUTCOME_OK, 10, 49);
    assert_judged(&result, &errors, false, VERDICT_INCONCLUSIVE, "too small to tell");
    call(&tools[0], OUTCOME_OK, 10, 149);
    assert_judged(&result, &errors, false, VERDICT_PASS,
                  "error rate of all operations: 0% < 2.00%");
    call(&tools[0], OUTCOME_DNS, 1, 2);
    assert_judged(&result, &errors, false, VERDICT_PASS, "1.00% < 2.00%");
    call(&tools[0], OUTCOME_DNS, 1, 5);
    assert_judged(&result, &errors, false, VERDICT_FAIL, "3.41%, not < 2.00%");
    assert_judged(&result, &rate, false, VERDICT_PASS, "rate of all operations: 20.5/s >= 20.0/s");
    rate.value = 21;
    assert_judged(&result, &rate, false, VERDICT_FAIL, "20.5/s, not >= 21.0/s");
    assert_judged(&result, &mean, false, VERDICT_PASS, "mean of all operations: 10.0ms");
    assert_judged(&result, &max, false, VERDICT_PASS, "max of all operations: 10.0ms");
    call(&tools[1], OUTCOME_OK, 30, 1);
    assert_judged(&result, &max, false, VERDICT_FAIL, "30.0ms, not < 20.0ms");
    result_free(&result);
}

static void no_errors_at_all_can_be_asked_for(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct judge_threshold none = {
        .text = "", .figure = JUDGE_ERRORS, .compare = JUDGE_LESS_EQUAL, .value = 0};
    call(&tools[0], OUTCOME_OK, 10, 5);
    assert_judged(&result, &none, false, VERDICT_PASS, "0% <= 0%");
    call(&tools[0], OUTCOME_TLS, 10, 1);
    assert_judged(&result, &none, false, VERDICT_FAIL, "not <= 0%");
    result_free(&result);
}

/* A generator at its limit makes latencies worse than they are, errors not. */
static void a_saturated_generator_takes_back_a_failed_latency(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct judge_threshold errors = {.text = "", .figure = JUDGE_ERRORS, .value = 0.02};
    call(&tools[0], OUTCOME_OK, 10, 900);
    call(&tools[0], OUTCOME_TOOL_ERROR, 10, 100);
    assert_judged(&result, &P(95, 5), true, VERDICT_INCONCLUSIVE, "the generator was a bottleneck");
    assert_judged(&result, &P(95, 50), true, VERDICT_PASS, "10.0ms < 50.0ms");
    assert_judged(&result, &errors, true, VERDICT_FAIL, "10.0%, not < 2.00%");
    result_free(&result);
}

/* 30 ms of p95, 25 of which may be cicada's: not held against a limit of 20, but against one of 3.
 */
static void its_own_delay_is_not_held_against_the_target(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct saturation late = {.delay_highest_ns = 25 * NS_PER_MS};
    call(&tools[0], OUTCOME_OK, 30, 1000);
    assert_judged_with(&result, &P(95, 20), &late, VERDICT_INCONCLUSIVE,
                       "30.0ms, must be < 20.0ms, 1,000 operations; up to 25.0ms of it may be the "
                       "generator's own send delay");
    assert_judged_with(&result, &P(95, 3), &late, VERDICT_FAIL, "30.0ms, not < 3.00ms");
    assert_judged_with(&result, &P(95, 50), &late, VERDICT_PASS, "30.0ms < 50.0ms");
    result_free(&result);
}

/* ---- the generator -------------------------------------------------------------------------- */

/* `bad` of ten seconds as given, the rest at ease; 100 operations of 10 ms in each. */
static struct saturation saturation_with(struct self_second as, unsigned bad)
{
    struct result result;
    make_small(&result);
    result.self = calloc(10, sizeof *result.self);
    result.self_count = 10;
    struct phase_target *target = &result.phases[0].targets[0];
    target->seconds = calloc(10, sizeof *target->seconds);
    target->second_count = 10;
    for (uint32_t s = 0; s < 10; s++) {
        result.self[s] = s < bad ? as : (struct self_second){.cpu_utilisation = 0.2};
        result.self[s].at_s = s;
        target->seconds[s].at_s = s;
        target->seconds[s].started = 100;
        histogram_init(&target->seconds[s].latency);
        histogram_record_many(&target->seconds[s].latency, 10 * NS_PER_MS, 100);
    }
    struct saturation found = saturation_of(&result);
    assert_int_equal(found.seconds, 10);
    assert_int_equal(saturation_judge(&result, &found), 0);
    assert_int_equal(result.findings[0].verdict,
                     found.saturated ? VERDICT_INCONCLUSIVE : VERDICT_PASS);
    assert_int_equal(result.finding_count, found.blurred > 1 && !found.saturated ? 2 : 1);
    result_free(&result);
    return found;
}

static void saturation_is_cpu_lag_or_delay(void **state)
{
    (void)state;
    struct self_second cpu = {.cpu_utilisation = 0.96};
    assert_true(saturation_with(cpu, 2).saturated);
    assert_false(saturation_with(cpu, 1).saturated); /* one second is a hiccup */
    cpu.cpu_utilisation = 0.94;
    assert_false(saturation_with(cpu, 10).saturated);
    struct self_second lag = {.scheduling_lag_ns = 110 * NS_PER_MS};
    assert_true(saturation_with(lag, 3).saturated);
    lag.scheduling_lag_ns = 90 * NS_PER_MS; /* above the latencies of 10 ms, but no 100 ms */
    assert_false(saturation_with(lag, 10).saturated);
    struct self_second delay = {.send_delay_p99_ns = 21 * NS_PER_MS};
    assert_true(saturation_with(delay, 3).saturated);
    delay.send_delay_p99_ns = 4 * NS_PER_MS; /* a part of the tail, no more */
    struct saturation blurred = saturation_with(delay, 10);
    assert_false(blurred.saturated);
    assert_int_equal(blurred.blurred, 10);
    delay.send_delay_p99_ns = 900 * NS_PER_US;
    assert_int_equal(saturation_with(delay, 10).blurred, 0);
}

static void seconds_without_load_do_not_count(void **state)
{
    (void)state;
    struct result result;
    make_small(&result);
    result.self = calloc(5, sizeof *result.self);
    result.self_count = 5;
    for (uint32_t s = 0; s < 5; s++)
        result.self[s] = (struct self_second){.at_s = s, .cpu_utilisation = 1};
    struct saturation found = saturation_of(&result);
    assert_int_equal(found.seconds, 0);
    assert_false(found.saturated);
    saturation_judge(&result, &found);
    assert_int_equal(result.findings[0].verdict, VERDICT_INFORMATION);
    result_free(&result);
}

/* ---- coverage and phases -------------------------------------------------------------------- */

static void coverage_names_what_is_missing(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    call(&tools[0], OUTCOME_OK, 1, 30);
    struct coverage coverage = coverage_of(&result, 0, 30);
    assert_int_equal(coverage.offered, 2);
    assert_int_equal(coverage.called, 1);
    assert_int_equal(coverage.below_minimum, 1);
    coverage_judge(&result, 30);
    assert_int_equal(result.findings[0].verdict, VERDICT_INFORMATION);
    assert_string_equal(
        result.findings[0].text,
        "here: 1 of 2 operations of the mix were called; 1 got fewer than 30 calls: "
        "slow (0)");
    call(&tools[1], OUTCOME_OK, 1, 29);
    assert_int_equal(coverage_of(&result, 0, 30).below_minimum, 1);
    call(&tools[1], OUTCOME_TIMEOUT, 1, 1);
    assert_int_equal(coverage_of(&result, 0, 30).below_minimum, 0);
    result_clear_findings(&result);
    coverage_judge(&result, 30);
    assert_int_equal(result.findings[0].verdict, VERDICT_PASS);
    result_free(&result);
}

static json_t *recovery_evidence(const int *p95_ms, size_t windows)
{
    json_t *array = json_array();
    for (size_t i = 0; i < windows; i++)
        json_array_append_new(array, json_pack("{s:I, s:I, s:f, s:i, s:b}", "end_ns",
                                               (json_int_t)(i + 1) * 1000000000, "p95_ns",
                                               (json_int_t)p95_ms[i] * 1000000, "error_rate", 0.0,
                                               "finished", 50, "within", p95_ms[i] <= 15));
    return json_pack("{s:{s:I, s:f}, s:{s:f, s:I, s:f, s:i}, s:o}", "baseline", "p95_ns",
                     (json_int_t)10000000, "error_rate", 0.0, "tolerance", "p95_factor", 1.5,
                     "p95_extra_ns", (json_int_t)1000000, "error_rate_extra", 0.01, "windows", 3,
                     "windows", array);
}

static void keep_example(struct result *result, uint32_t operation, enum outcome_kind kind,
                         int code, const char *text)
{
    result->examples =
        realloc(result->examples, (result->example_count + 1) * sizeof *result->examples);
    result->examples[result->example_count++] = (struct example){
        .operation = operation, .outcome = {.kind = kind, .code = code}, .text = strdup(text)};
}

static void refused_arguments_are_told_with_the_way_out(void **state)
{
    (void)state;
    struct result result;
    struct measurement *operations = make_small(&result);
    call(&operations[0], OUTCOME_OK, 1, 30);
    call(&operations[0], OUTCOME_TOOL_ERROR, 1, 10);
    call(&operations[1], OUTCOME_TOOL_ERROR, 1, 5);
    keep_example(&result, 0, OUTCOME_TOOL_ERROR, 0, "Input validation error: id must be a uuid");
    keep_example(&result, 1, OUTCOME_TOOL_ERROR, 0, "the disk is full");
    keep_example(&result, 1, OUTCOME_JSONRPC_ERROR, -32603, "internal: validation of nothing");
    assert_int_equal(rejection_judge(&result), 0);
    assert_int_equal(result.finding_count, 1);
    const struct finding *finding = finding_of(&result, "arguments_rejected");
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    assert_int_equal(finding->sample, 40);
    assert_int_equal(json_integer_value(json_object_get(finding->figures, "failed_alike")), 10);
    assert_non_null(strstr(finding->text, "id must be a uuid"));
    assert_non_null(strstr(finding->text, "{name: fast, arguments"));
    keep_example(&result, 1, OUTCOME_JSONRPC_ERROR, -32602, "");
    assert_int_equal(rejection_judge(&result), 0);
    assert_int_equal(result.finding_count, 3);
    result_free(&result);
}

static void recovery_takes_windows_in_a_row(void **state)
{
    (void)state;
    static const int back[] = {90, 12, 14, 80, 15, 11, 10};
    static const int never[] = {90, 12, 14, 80, 15, 11, 16};
    json_t *evidence = recovery_evidence(back, 7);
    struct recovery_evidence found = recovery_from_evidence(evidence);
    assert_true(found.readable && found.has_baseline && found.recovered);
    assert_int_equal(found.recovery_ns, 5000000000);
    assert_int_equal(found.limit_p95_ns, 15000000);
    assert_int_equal(found.misjudged, 0);
    json_decref(evidence);
    evidence = recovery_evidence(never, 7);
    found = recovery_from_evidence(evidence);
    assert_false(found.recovered);
    assert_int_equal(found.recovery_ns, 0);
    assert_int_equal(found.last_p95_ns, 16000000);
    json_decref(evidence);
    assert_false(recovery_from_evidence(NULL).readable);
}

static void recovery_findings(void **state)
{
    (void)state;
    static const int never[] = {90, 80};
    struct result result;
    make_small(&result);
    result.phases[0].has_recovery = true;
    result.phases[0].recovery = recovery_evidence(never, 2);
    recovery_judge(&result);
    assert_int_equal(result.findings[0].verdict, VERDICT_FAIL);
    assert_string_equal(
        result.findings[0].text,
        "recovery: not within 10.0s: p95 is 80.0ms, limit 15.0ms (baseline 10.0ms); "
        "errors 0%, limit 1.00%");
    result_clear_findings(&result);
    result.phases[0].partial = true;
    recovery_judge(&result);
    assert_int_equal(result.findings[0].verdict, VERDICT_INCONCLUSIVE);
    result_clear_findings(&result);
    result.phases[0].partial = false;
    json_object_set_new(result.phases[0].recovery, "baseline", json_null());
    recovery_judge(&result);
    assert_int_equal(result.findings[0].verdict, VERDICT_INCONCLUSIVE);
    result_free(&result);
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static void assert_verdict(struct result *result, const struct judge_options *options,
                           enum verdict verdict, int exit_code, const char *summary)
{
    assert_int_equal(judge_result(result, options), 0);
    if (result->verdict != verdict || result->exit_code != exit_code ||
        !strstr(result->summary, summary))
        fail_msg("%s, exit code %d: %s", verdict_name(result->verdict), result->exit_code,
                 result->summary);
}

static void the_verdict_follows_from_the_findings(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct judge_threshold thresholds[] = {P(95, 500), P(99, 1000)};
    struct judge_options options = {.thresholds = thresholds, .threshold_count = 2};
    assert_verdict(&result, &options, VERDICT_INCONCLUSIVE, ERROR_INCONCLUSIVE, "nothing to judge");
    call(&tools[0], OUTCOME_OK, 10, 500);
    assert_verdict(&result, &options, VERDICT_INCONCLUSIVE, ERROR_INCONCLUSIVE,
                   "Inconclusive: p99 of all operations: unknown");
    call(&tools[0], OUTCOME_OK, 10, 500);
    assert_verdict(&result, &options, VERDICT_PASS, 0,
                   "Passed: 2 of 2 checks hold over 1,000 operations in 1 phase.");
    call(&tools[1], OUTCOME_OK, 700, 500);
    assert_verdict(&result, &options, VERDICT_FAIL, ERROR_VERDICT, "Failed: p95 of all operations");
    options.threshold_count = 0;
    assert_verdict(&result, &options, VERDICT_INFORMATION, 0, "no threshold was given");
    result_free(&result);
}

/* Whatever the figures say, how a run ended has its own exit code. */
static void the_end_of_a_run_has_its_exit_code(void **state)
{
    (void)state;
    struct result result;
    struct measurement *tools = make_small(&result);
    struct judge_threshold threshold = P(95, 500);
    struct judge_options options = {.thresholds = &threshold, .threshold_count = 1};
    call(&tools[0], OUTCOME_OK, 10, 1000);
    options.ended_by = RUN_INTERRUPTED;
    assert_verdict(&result, &options, VERDICT_INCONCLUSIVE, ERROR_INTERRUPTED, "Interrupted");
    options.ended_by = RUN_TARGET_LOST;
    result.partial_reason = strdup("no answer for 10 s");
    assert_verdict(&result, &options, VERDICT_FAIL, ERROR_TARGET, "Failed: no answer for 10 s.");
    options.ended_by = RUN_ABORTED;
    assert_verdict(&result, &options, VERDICT_FAIL, ERROR_VERDICT, "Failed: no answer");
    options.ended_by = RUN_UNUSABLE;
    assert_verdict(&result, &options, VERDICT_INCONCLUSIVE, ERROR_USAGE, "Inconclusive");
    result_free(&result);
}

static void what_was_judged_by_survives_as_json(void **state)
{
    (void)state;
    struct judge_threshold thresholds[] = {
        {.text = "p99.9{tool=x}<1ms",
         .figure = JUDGE_PERCENTILE,
         .fraction = 0.999,
         .value = 1e6,
         .tool = "x",
         .phase = "p*",
         .target = "t"},
        {.text = "rate>=5/s", .figure = JUDGE_RATE, .compare = JUDGE_GREATER_EQUAL, .value = 5}};
    struct judge_options options = {.thresholds = thresholds,
                                    .threshold_count = 2,
                                    .minimum_sample = 12,
                                    .ended_by = RUN_ABORTED},
                         read;
    struct error error = {0};
    json_t *json = judge_options_to_json(&options);
    assert_int_equal(judge_options_from_json(&read, json, &error), 0);
    json_t *again = judge_options_to_json(&read);
    assert_true(json_equal(json, again));
    assert_int_equal(read.threshold_count, 2);
    assert_int_equal(read.thresholds[1].compare, JUDGE_GREATER_EQUAL);
    judge_options_free(&read);
    json_object_set_new(json_array_get(json_object_get(json, "thresholds"), 1), "compare",
                        json_string("~"));
    assert_int_equal(judge_options_from_json(&read, json, &error), -1);
    assert_non_null(strstr(error.text, "judging.thresholds[1]"));
    json_object_set_new(json, "ended_by", json_string("well"));
    assert_int_equal(judge_options_from_json(&read, json, &error), -1);
    json_decref(json);
    json_decref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentile_is_held_against_its_limit),
        cmocka_unit_test(too_small_a_sample_is_inconclusive),
        cmocka_unit_test(what_never_ended_keeps_no_limit),
        cmocka_unit_test(selectors_choose_what_is_judged),
        cmocka_unit_test(a_warm_up_counts_only_by_name),
        cmocka_unit_test(errors_rates_means_and_maxima),
        cmocka_unit_test(no_errors_at_all_can_be_asked_for),
        cmocka_unit_test(a_saturated_generator_takes_back_a_failed_latency),
        cmocka_unit_test(its_own_delay_is_not_held_against_the_target),
        cmocka_unit_test(saturation_is_cpu_lag_or_delay),
        cmocka_unit_test(seconds_without_load_do_not_count),
        cmocka_unit_test(coverage_names_what_is_missing),
        cmocka_unit_test(refused_arguments_are_told_with_the_way_out),
        cmocka_unit_test(recovery_takes_windows_in_a_row),
        cmocka_unit_test(recovery_findings),
        cmocka_unit_test(the_verdict_follows_from_the_findings),
        cmocka_unit_test(the_end_of_a_run_has_its_exit_code),
        cmocka_unit_test(what_was_judged_by_survives_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
