/* cicada audit. What is raw in a result (counters, histograms, seconds) is held against itself;
 * what is derived (figures, findings, verdict, exit code) is derived again from the raw and
 * compared. */
#include "report/audit.h"

#include "analysis/judge.h"
#include "analysis/phases.h"
#include "analysis/recall.h"
#include "report/audit_check.h"
#include "report/figures.h"
#include "report/result_json.h"
#include "report/text.h"

#include <math.h>
#include <string.h>

static void audit_phases(struct audit *audit, const struct result *result);
static void audit_figures(struct audit *audit, const json_t *stored, const json_t *derived);
static void audit_rates(struct audit *audit, const json_t *document, const struct result *result);
static void audit_recall(struct audit *audit, const struct result *result);
static void audit_verdict(struct audit *audit, const json_t *document, struct result *result);

static int audit_document(const json_t *document, const char *source, FILE *out,
                          struct error *error)
{
    struct audit audit = {.out = out};
    struct result result;
    if (result_from_document(&result, document, source, error) < 0)
        return -1;
    json_t *derived = result_to_json(&result, error);
    if (!derived) {
        result_free(&result);
        return -1;
    }
    audit_phases(&audit, &result);
    audit_figures(&audit, document, derived);
    audit_rates(&audit, document, &result);
    audit_recall(&audit, &result);
    audit_verdict(&audit, document, &result);
    json_decref(derived);
    result_free(&result);
    fprintf(out, "\n%u checks, %u failed\n", audit.checks, audit.failures);
    if (audit.failures)
        return error_set(error, ERROR_VERDICT, "%s: %u of %u checks failed, first at %s", source,
                         audit.failures, audit.checks, audit.first);
    return 0;
}

int audit_result(const char *path, FILE *out, struct error *error)
{
    json_t *document = result_load_document(path, error);
    if (!document)
        return -1;
    int status = audit_document(document, path, out, error);
    json_decref(document);
    return status;
}

int audit_text(const char *text, size_t length, const char *source, FILE *out, struct error *error)
{
    json_t *document = result_parse_document(text, length, source, error);
    if (!document)
        return -1;
    int status = audit_document(document, source, out, error);
    json_decref(document);
    return status;
}

/* ---- raw against raw ------------------------------------------------------------------------ */

/* Buckets, count, sum and extremes of a histogram must tell of the same values. */
static void check_histogram(struct audit *audit, const struct histogram *histogram,
                            const char *place, const char *name)
{
    uint64_t buckets = 0, count, lowest = 0, highest = 0;
    double sum_low = 0, sum_high = 0;
    uint32_t index = 0, bucket;
    while (histogram_next(histogram, &index, &bucket, &count)) {
        lowest = buckets == 0 ? bucket : lowest;
        highest = bucket;
        buckets += count;
        sum_low += (double)count * (double)histogram_bucket_low(bucket);
        sum_high += (double)count * (double)histogram_bucket_high(bucket);
    }
    audit_equal(audit, histogram->count, buckets, "%s.%s.count is the sum of its buckets", place,
                name);
    if (buckets == 0)
        return;
    audit_true(audit, histogram_index(histogram->min_ns) == lowest,
               "%s.%s.min_ns %llu lies in the lowest bucket %llu", place, name,
               (unsigned long long)histogram->min_ns, (unsigned long long)lowest);
    audit_true(audit, histogram_index(histogram->max_ns) == highest,
               "%s.%s.max_ns %llu lies in the highest bucket %llu", place, name,
               (unsigned long long)histogram->max_ns, (unsigned long long)highest);
    audit_true(audit,
               (double)histogram->sum_ns >= sum_low * (1 - 1e-12) &&
                   (double)histogram->sum_ns <= sum_high * (1 + 1e-12),
               "%s.%s.sum_ns %llu lies within the buckets' %.0f to %.0f", place, name,
               (unsigned long long)histogram->sum_ns, sum_low, sum_high);
}

static void check_reasons(struct audit *audit, const struct measurement *measurement,
                          const char *place)
{
    for (unsigned kind = 1; kind < OUTCOME_KINDS; kind++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < measurement->reason_count; i++)
            if (measurement->reasons[i].outcome.kind == kind)
                sum += measurement->reasons[i].count;
        audit_equal(audit, measurement->outcomes[kind], sum,
                    "%s.outcomes.%s is the sum of its reasons", place,
                    outcome_kind_name((enum outcome_kind)kind));
    }
}

static void check_measurement(struct audit *audit, const struct measurement *measurement,
                              const char *place)
{
    uint64_t censored = 0, failed = 0;
    for (unsigned kind = 1; kind < OUTCOME_KINDS; kind++)
        *(outcome_is_censored((enum outcome_kind)kind) ? &censored : &failed) +=
            measurement->outcomes[kind];
    audit_equal(audit, measurement->started, measurement_finished(measurement),
                "%s.started is the sum of its outcomes", place);
    audit_equal(audit, measurement->outcomes[OUTCOME_OK], measurement->latency_ok.count,
                "%s.outcomes.ok is what latency_ok counts", place);
    audit_equal(audit, measurement->outcomes[OUTCOME_OK], measurement->service_ok.count,
                "%s.outcomes.ok is what service_ok counts", place);
    audit_equal(audit, failed, measurement->latency_failed.count,
                "%s: failed outcomes are what latency_failed counts", place);
    audit_equal(audit, censored, measurement->latency_censored.count,
                "%s: censored outcomes are what latency_censored counts", place);
    check_reasons(audit, measurement, place);
    check_histogram(audit, &measurement->latency_ok, place, "latency_ok");
    check_histogram(audit, &measurement->latency_failed, place, "latency_failed");
    check_histogram(audit, &measurement->latency_censored, place, "latency_censored");
    check_histogram(audit, &measurement->service_ok, place, "service_ok");
}

static void audit_operations(struct audit *audit, const struct phase_target *target,
                             const char *phase, const char *place)
{
    char at[160];
    for (size_t o = 0; o < target->operation_count; o++) {
        snprintf(at, sizeof at, "%s.operations[%zu]", place, o);
        check_measurement(audit, &target->operations[o], at);
    }
    snprintf(at, sizeof at, "%s.setup", place);
    check_measurement(audit, &target->setup, at);
    for (unsigned part = 0; part < PARTS; part++) {
        snprintf(at, sizeof at, "%s.parts", place);
        check_histogram(audit, &target->parts[part], at,
                        latency_part_name((enum latency_part)part));
    }
    audit_group(audit,
                "%s: outcomes add up to what was started, histograms count what the counters "
                "count, in each of %zu operations",
                phase, target->operation_count);
}

/* ---- seconds -------------------------------------------------------------------------------- */

static void check_second_operations(struct audit *audit, const struct second *second,
                                    const char *at)
{
    uint64_t ok = 0, failed = 0;
    for (size_t o = 0; o < second->operation_count; o++) {
        const struct second_operation *operation = &second->operations[o];
        uint64_t buckets = 0;
        for (uint32_t b = 0; b < operation->bucket_count; b++)
            buckets += operation->counts[b];
        ok += operation->ok;
        failed += operation->failed;
        audit_equal(audit, operation->ok, buckets,
                    "%s.operations[%zu]: ok is the sum of its buckets", at, o);
    }
    audit_equal(audit, second->ok, ok, "%s.ok is the sum of its operations", at);
    audit_equal(audit, second->failed + second->censored, failed,
                "%s: failed and censored are the sum of its operations", at);
}

static void check_second(struct audit *audit, const struct second *second, const char *at)
{
    uint64_t finished = 0, censored = 0;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++) {
        finished += second->outcomes[kind];
        if (outcome_is_censored((enum outcome_kind)kind))
            censored += second->outcomes[kind];
    }
    audit_equal(audit, second->ok, second->outcomes[OUTCOME_OK], "%s.ok is its outcomes' ok", at);
    audit_equal(audit, second->censored, censored, "%s.censored is its censored outcomes", at);
    audit_equal(audit, second->ok + second->failed + second->censored, finished,
                "%s: ok, failed and censored add up to its outcomes", at);
    audit_equal(audit, second->ok, second->latency.count, "%s.ok is what its histogram counts", at);
    check_histogram(audit, &second->latency, at, "latency");
    if (second->operation_count)
        check_second_operations(audit, second, at);
}

struct sums {
    uint64_t started, ok, failed, censored, bytes_sent, bytes_received;
    uint64_t outcomes[OUTCOME_KINDS];
    struct histogram latency;
};

static void check_sums(struct audit *audit, const struct sums *sums,
                       const struct measurement *total, const char *place)
{
    audit_equal(audit, total->started, sums->started, "%s: started is the sum of its seconds",
                place);
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        audit_equal(audit, total->outcomes[kind], sums->outcomes[kind],
                    "%s: %s is the sum of its seconds", place,
                    outcome_kind_name((enum outcome_kind)kind));
    audit_true(
        audit, histogram_equal(&total->latency_ok, &sums->latency),
        "%s: the histograms of its seconds merge to that of the phase (%llu and %llu values)",
        place, (unsigned long long)sums->latency.count,
        (unsigned long long)total->latency_ok.count);
}

static void audit_seconds(struct audit *audit, const struct phase_target *target, const char *phase,
                          const char *place)
{
    struct sums sums = {0};
    struct measurement total;
    char at[160];
    histogram_init(&sums.latency);
    measurement_init(&total);
    for (size_t s = 0; s < target->second_count; s++) {
        const struct second *second = &target->seconds[s];
        snprintf(at, sizeof at, "%s.seconds[%zu]", place, s);
        check_second(audit, second, at);
        sums.started += second->started;
        for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
            sums.outcomes[kind] += second->outcomes[kind];
        audit->out_of_memory |= histogram_merge(&sums.latency, &second->latency) < 0;
    }
    audit_group(audit,
                "%s: what finished in a second is told apart without rest, in each of %zu "
                "seconds",
                phase, target->second_count);
    audit->out_of_memory |= result_target_total(target, &total) < 0;
    check_sums(audit, &sums, &total, place);
    audit_group(audit, "%s: the seconds add up to the phase: %llu started, %llu ok, %llu not",
                phase, (unsigned long long)sums.started,
                (unsigned long long)sums.outcomes[OUTCOME_OK],
                (unsigned long long)measurement_failed(&total));
    histogram_free(&sums.latency);
    measurement_free(&total);
}

/* Recovered or not follows from the windows that are the evidence for it. */
static void audit_recovery(struct audit *audit, const struct result_phase *phase, size_t index)
{
    struct recovery_evidence evidence = recovery_from_evidence(phase->recovery);
    audit_true(audit, evidence.readable,
               "phases[%zu].recovery: has no baseline, tolerance, windows", index);
    audit_equal(audit, evidence.misjudged, 0,
                "phases[%zu].recovery.windows: those whose \"within\" does not follow from their "
                "figures",
                index);
    audit_equal(audit, phase->recovered, evidence.recovered,
                "phases[%zu].recovered follows from its windows", index);
    audit_equal(audit, phase->recovery_ns, evidence.recovery_ns,
                "phases[%zu].recovery_ns follows from its windows", index);
    audit_group(audit, "%s: recovered or not follows from its %llu windows", phase->name,
                (unsigned long long)evidence.windows);
}

static void audit_phases(struct audit *audit, const struct result *result)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (phase->has_recovery)
            audit_recovery(audit, phase, p);
        for (size_t t = 0; t < phase->target_count; t++) {
            const char *target = result->targets[phase->targets[t].target].name;
            char name[128], place[96];
            snprintf(name, sizeof name, "%.50s%s%.50s", phase->name,
                     result->target_count > 1 ? " on " : "",
                     result->target_count > 1 ? target : "");
            snprintf(place, sizeof place, "phases[%zu].targets[%zu]", p, t);
            audit_operations(audit, &phase->targets[t], name, place);
            audit_seconds(audit, &phase->targets[t], name, place);
        }
    }
}

/* ---- derived against raw -------------------------------------------------------------------- */

static void compare_figures(struct audit *audit, const json_t *stored, const json_t *derived,
                            const char *place)
{
    const char *name;
    json_t *value;
    if (!json_is_object(stored)) {
        audit_true(audit, false, "%s.figures is missing", place);
        return;
    }
    json_object_foreach((json_t *)derived, name, value)
        audit_json(audit, json_object_get(stored, name), value, "%s.figures.%s", place, name);
    json_object_foreach((json_t *)stored, name, value) if (!json_object_get(derived, name))
        audit_true(audit, false, "%s.figures.%s follows from nothing", place, name);
}

static void compare_operations(struct audit *audit, const json_t *stored, const json_t *derived,
                               const char *place)
{
    size_t index;
    json_t *operation;
    char at[160];
    json_array_foreach(json_object_get(derived, "operations"), index, operation)
    {
        const json_t *other = json_array_get(json_object_get(stored, "operations"), index);
        snprintf(at, sizeof at, "%s.operations[%zu]", place, index);
        compare_figures(audit, json_object_get(other, "figures"),
                        json_object_get(operation, "figures"), at);
    }
}

static void compare_targets(struct audit *audit, const json_t *stored, const json_t *derived,
                            const char *place)
{
    size_t index;
    json_t *target;
    char at[96];
    json_array_foreach(json_object_get(derived, "targets"), index, target)
    {
        const json_t *other = json_array_get(json_object_get(stored, "targets"), index);
        snprintf(at, sizeof at, "%stargets[%zu]", place, index);
        if (*place)
            compare_figures(audit, json_object_get(other, "figures"),
                            json_object_get(target, "figures"), at);
        compare_operations(audit, other, target, at);
    }
}

static void audit_figures(struct audit *audit, const json_t *stored, const json_t *derived)
{
    size_t index;
    json_t *phase;
    char at[64];
    json_array_foreach(json_object_get(derived, "phases"), index, phase)
    {
        const json_t *other = json_array_get(json_object_get(stored, "phases"), index);
        snprintf(at, sizeof at, "phases[%zu]", index);
        compare_figures(audit, json_object_get(other, "figures"), json_object_get(phase, "figures"),
                        at);
        snprintf(at, sizeof at, "phases[%zu].", index);
        compare_targets(audit, other, phase, at);
        audit_group(audit,
                    "%s: counts, rates, means, percentiles and their intervals follow from "
                    "its histograms (%lld operations)",
                    json_string_value(json_object_get(phase, "name")),
                    (long long)json_integer_value(
                        json_object_get(json_object_get(phase, "figures"), "count")));
    }
    compare_targets(audit, stored, derived, "");
    audit_group(audit, "each operation's figures over the run follow from its phases");
    compare_figures(audit, json_object_get(stored, "figures"), json_object_get(derived, "figures"),
                    "run");
    audit_group(audit, "the run's figures follow from its phases (%lld operations)",
                (long long)json_integer_value(
                    json_object_get(json_object_get(derived, "figures"), "count")));
}

static double number_at(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(json_object_get(object, "figures"), name));
}

/* The stored figures against each other, so that a mistake in how they are derived shows too. */
static void audit_rates(struct audit *audit, const json_t *document, const struct result *result)
{
    double phases = 0;
    for (size_t p = 0; p < result->phase_count; p++) {
        const json_t *phase = json_array_get(json_object_get(document, "phases"), p);
        double count = number_at(phase, "count");
        double product =
            number_at(phase, "rate_per_s") * (double)result->phases[p].duration_ns / 1e9;
        phases += result_phase_counts(&result->phases[p]) ? count : 0;
        if (result->phases[p].duration_ns == 0)
            continue;
        audit_true(audit, fabs(product - count) <= 1e-6 * count + 1e-6,
                   "phases[%zu]: rate x duration, %.3f/s x %.3f s = %.3f, is its count %.0f", p,
                   number_at(phase, "rate_per_s"), (double)result->phases[p].duration_ns / 1e9,
                   product, count);
        audit_group(audit, "%s: rate x duration = count, %.3f/s x %.3f s = %.0f",
                    result->phases[p].name, number_at(phase, "rate_per_s"),
                    (double)result->phases[p].duration_ns / 1e9, count);
    }
    audit_true(audit, phases == number_at(document, "count"),
               "run.figures.count %.0f is the sum of the phases' %.0f",
               number_at(document, "count"), phases);
    audit_group(audit, "the phases add up to the run: %.0f operations", phases);
}

/* ---- what drivers measured beside latency ---------------------------------------------------- */

static void audit_recall(struct audit *audit, const struct result *result)
{
    for (size_t t = 0; t < result->target_count; t++) {
        const json_t *stored = json_object_get(result->targets[t].facts, "recall");
        if (!json_is_number(json_object_get(stored, "value")))
            continue;
        struct recall recall = recall_of(result->targets[t].facts);
        json_t *derived =
            json_pack("{s:f,s:I,s:I,s:I}", "value", recall.value, "sample",
                      (json_int_t)recall.sample, "correct", (json_int_t)recall.correct,
                      "fewest_correct", (json_int_t)recall.fewest_correct);
        const char *name;
        json_t *value;
        audit_true(audit, recall.known,
                   "targets[%zu].facts.recall: its distribution and what was wanted make sense", t);
        json_object_foreach(derived, name, value) audit_json(
            audit, json_object_get(stored, name), value, "targets[%zu].facts.recall.%s", t, name);
        audit_true(audit, recall.sample <= recall.searches,
                   "targets[%zu].facts.recall: no more were compared than searched", t);
        json_decref(derived);
        audit_group(audit, "recall of %s follows from %llu searches compared with exact search",
                    result->targets[t].name, (unsigned long long)recall.sample);
    }
}

/* ---- the verdict ---------------------------------------------------------------------------- */

/* One element of a list that rules make, member by member. */
static void compare_element(struct audit *audit, const json_t *was, const json_t *is,
                            const char *list, size_t index)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)is, name, value)
        audit_json(audit, json_object_get(was, name), value, "%s[%zu].%s", list, index, name);
    json_object_foreach((json_t *)was, name, value) if (!json_object_get(is, name))
        audit_true(audit, false, "%s[%zu].%s follows from no rule", list, index, name);
}

static void compare_findings(struct audit *audit, const json_t *stored, const json_t *derived)
{
    size_t count = json_array_size(derived);
    audit_equal(audit, json_array_size(stored), count, "findings: as many as the rules give");
    for (size_t i = 0; i < count && i < json_array_size(stored); i++) {
        const json_t *is = json_array_get(derived, i);
        compare_element(audit, json_array_get(stored, i), is, "findings", i);
        audit_group(audit, "finding \"%s\" (%s) follows from its rule: %s",
                    json_string_value(json_object_get(is, "rule")),
                    json_string_value(json_object_get(is, "subject")),
                    json_string_value(json_object_get(is, "verdict")));
    }
}

static void compare_list(struct audit *audit, const json_t *document, const json_t *again,
                         const char *list, const char *from)
{
    const json_t *stored = json_object_get(document, list), *derived = json_object_get(again, list);
    size_t count = json_array_size(derived);
    audit_equal(audit, json_array_size(stored), count, "%s: as many as %s give", list, from);
    for (size_t i = 0; i < count && i < json_array_size(stored); i++)
        compare_element(audit, json_array_get(stored, i), json_array_get(derived, i), list, i);
    audit_group(audit, "the %s follow from %s (%zu)", list, from, count);
}

static void audit_verdict(struct audit *audit, const json_t *document, struct result *result)
{
    static const char *const derived_members[] = {"verdict", "exit_code", "readiness", "summary"};
    struct judge_options options;
    struct error error = {.code = ERROR_NONE};
    if (!result->judging) {
        audit_true(audit, false, "judging: is missing, so the verdict rests on nothing");
        return;
    }
    if (judge_options_from_json(&options, result->judging, &error) < 0) {
        audit_true(audit, false, "%s", error.text);
        return;
    }
    bool judged = judge_result(result, &options) == 0;
    judge_options_free(&options);
    json_t *again = judged ? result_to_json(result, NULL) : NULL;
    if (!again) {
        audit->out_of_memory = true;
        audit_true(audit, false, "judging again: out of memory");
        return;
    }
    compare_findings(audit, json_object_get(document, "findings"),
                     json_object_get(again, "findings"));
    compare_list(audit, document, again, "alerts", "the rules over the stored seconds");
    compare_list(audit, document, again, "recommendations", "the findings");
    for (size_t i = 0; i < sizeof derived_members / sizeof *derived_members; i++)
        audit_json(audit, json_object_get(document, derived_members[i]),
                   json_object_get(again, derived_members[i]), "%s", derived_members[i]);
    audit_group(audit, "verdict \"%s\", exit code %d and readiness \"%s\" follow from the findings",
                verdict_name(result->verdict), result->exit_code,
                readiness_name(result->readiness));
    json_decref(again);
}
