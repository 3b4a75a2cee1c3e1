/* Thresholds against figures. */
#include "analysis/thresholds.h"

#include "analysis/quantity.h"
#include "analysis/recall.h"
#include "base/clock.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* What a threshold is held against: the operations its selectors match, merged. */
struct selection {
    struct measurement measurement;
    uint64_t duration_ns; /* of the phases that match */
    uint32_t operations;  /* that match */
    uint32_t phases;
};

/* What came of it. */
struct judged {
    enum verdict verdict;
    json_t *figures;
    uint64_t sample;
    uint64_t value_ns;              /* of a latency that was held against its limit */
    char figure[QUANTITY_SIZE + 8]; /* for the sentence: "612ms", ">1.20s" */
    char why[256];                  /* what follows the figures in the sentence; may be empty */
};

static int select_operations(const struct result *result, const struct judge_threshold *threshold,
                             struct selection *selection);
static void judge_latency(const struct judge_threshold *threshold,
                          const struct measurement *measurement, struct judged *judged);
static void judge_errors(const struct judge_threshold *threshold,
                         const struct measurement *measurement, struct judged *judged);
static void judge_rate(const struct judge_threshold *threshold, const struct selection *selection,
                       struct judged *judged);
static bool is_upper_limit(const struct judge_threshold *threshold);
static bool keeps(const struct judge_threshold *threshold, double figure);
static void set_integer(struct judged *judged, const char *name, uint64_t value);
static int add(struct result *result, const struct judge_threshold *threshold,
               struct judged *judged);

const char *judge_figure_name(enum judge_figure figure)
{
    static const char *const names[] = {"percentile", "mean", "max", "errors", "rate", "recall"};
    return names[figure];
}

const char *judge_compare_sign(enum judge_compare compare)
{
    static const char *const signs[] = {"<", "<=", ">", ">="};
    return signs[compare];
}

static void add_why(struct judged *judged, const char *text)
{
    size_t length = strlen(judged->why);
    snprintf(judged->why + length, sizeof judged->why - length, "%s%s", length ? "; " : "", text);
}

/* What may be the generator's doing is not held against the target: a time or a rate while it was
 * saturated, a latency that would keep the threshold without the generator's own delay. */
static void doubt(const struct judge_threshold *threshold, const struct saturation *saturation,
                  struct judged *judged)
{
    char text[128], delay[QUANTITY_SIZE];
    uint64_t own_ns = saturation->delay_highest_ns;
    bool typical = threshold->figure == JUDGE_PERCENTILE || threshold->figure == JUDGE_MEAN;
    if (judged->verdict != VERDICT_FAIL || threshold->figure == JUDGE_ERRORS)
        return;
    if (saturation->saturated) {
        judged->verdict = VERDICT_INCONCLUSIVE;
        add_why(judged, "the generator was a bottleneck");
    } else if (typical && is_upper_limit(threshold) && own_ns > 0 &&
               (judged->value_ns <= own_ns ||
                keeps(threshold, (double)(judged->value_ns - own_ns)))) {
        judged->verdict = VERDICT_INCONCLUSIVE;
        quantity_duration(delay, sizeof delay, own_ns);
        snprintf(text, sizeof text, "up to %s of it may be the generator's own send delay", delay);
        add_why(judged, text);
        set_integer(judged, "send_delay_p99_ns", own_ns);
    }
}

int threshold_judge(struct result *result, const struct judge_threshold *threshold,
                    const struct saturation *saturation)
{
    if (threshold->figure == JUDGE_RECALL)
        return recall_judge(result, threshold);
    struct selection selection = {0};
    struct judged judged = {.verdict = VERDICT_INCONCLUSIVE, .figure = "unknown"};
    measurement_init(&selection.measurement);
    if (select_operations(result, threshold, &selection) < 0) {
        measurement_free(&selection.measurement);
        return -1;
    }
    judged.figures = json_object();
    judged.sample = measurement_finished(&selection.measurement);
    if (selection.operations == 0)
        snprintf(judged.why, sizeof judged.why, "nothing in the result matches its selectors");
    else if (judged.sample == 0)
        snprintf(judged.why, sizeof judged.why, "no operation finished");
    else if (threshold->figure == JUDGE_ERRORS)
        judge_errors(threshold, &selection.measurement, &judged);
    else if (threshold->figure == JUDGE_RATE)
        judge_rate(threshold, &selection, &judged);
    else
        judge_latency(threshold, &selection.measurement, &judged);
    doubt(threshold, saturation, &judged);
    measurement_free(&selection.measurement);
    return add(result, threshold, &judged);
}

/* ---- what it is held against ---------------------------------------------------------------- */

static bool matches(const char *glob, const char *name)
{
    return !glob || fnmatch(glob, name ? name : "", 0) == 0;
}

static int select_in(const struct result_target *names, const struct phase_target *target,
                     const struct judge_threshold *threshold, struct selection *selection)
{
    for (size_t o = 0; o < target->operation_count && o < names->operation_count; o++) {
        if (!matches(threshold->tool, names->operations[o].name))
            continue;
        selection->operations++;
        if (measurement_merge(&selection->measurement, &target->operations[o]) < 0)
            return -1;
    }
    return 0;
}

/* A warm-up counts only when it is asked for by name. */
static int select_operations(const struct result *result, const struct judge_threshold *threshold,
                             struct selection *selection)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (phase->not_run || !matches(threshold->phase, phase->name) ||
            (!threshold->phase && !result_phase_counts(phase)))
            continue;
        selection->phases++;
        selection->duration_ns += phase->duration_ns;
        for (size_t t = 0; t < phase->target_count; t++) {
            if (phase->targets[t].target >= result->target_count)
                continue;
            const struct result_target *names = &result->targets[phase->targets[t].target];
            if (matches(threshold->target, names->name) &&
                select_in(names, &phase->targets[t], threshold, selection) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- the figures ---------------------------------------------------------------------------- */

static bool keeps(const struct judge_threshold *threshold, double figure)
{
    switch (threshold->compare) {
    case JUDGE_LESS:
        return figure < threshold->value;
    case JUDGE_LESS_EQUAL:
        return figure <= threshold->value;
    case JUDGE_GREATER:
        return figure > threshold->value;
    case JUDGE_GREATER_EQUAL:
        return figure >= threshold->value;
    }
    return false;
}

static bool is_upper_limit(const struct judge_threshold *threshold)
{
    return threshold->compare == JUDGE_LESS || threshold->compare == JUDGE_LESS_EQUAL;
}

static void set_integer(struct judged *judged, const char *name, uint64_t value)
{
    json_object_set_new(judged->figures, name, json_integer((json_int_t)value));
}

/* A latency that is known only from below cannot keep an upper limit, nor break a lower one. */
static void judge_value(const struct judge_threshold *threshold, uint64_t value_ns,
                        bool lower_bound, struct judged *judged)
{
    char text[QUANTITY_SIZE];
    bool kept = keeps(threshold, (double)value_ns);
    judged->value_ns = value_ns;
    quantity_duration(text, sizeof text, value_ns);
    snprintf(judged->figure, sizeof judged->figure, "%s%s", lower_bound ? ">" : "", text);
    judged->verdict = kept ? VERDICT_PASS : VERDICT_FAIL;
    if (!lower_bound)
        return;
    json_object_set_new(judged->figures, "lower_bound", json_true());
    if (kept != is_upper_limit(threshold))
        return;
    judged->verdict = VERDICT_INCONCLUSIVE;
    snprintf(judged->why, sizeof judged->why,
             "operations that never ended leave it known from below only");
}

/* Of a percentile too far out for the sample, a lower one may decide: it cannot be smaller. */
static void judge_unknown_percentile(const struct judge_threshold *threshold,
                                     const struct measurement *measurement, struct judged *judged)
{
    static const double lower[] = {0.5, 0.9, 0.95, 0.99};
    uint64_t needed = quantity_whole(10 / (1 - threshold->fraction));
    snprintf(judged->why, sizeof judged->why,
             "the sample is too small: fewer than 10 values lie beyond it, which takes %llu "
             "operations",
             (unsigned long long)needed);
    set_integer(judged, "sample_needed", needed);
    for (size_t i = 0; i < sizeof lower / sizeof *lower && is_upper_limit(threshold); i++) {
        struct percentile known = measurement_percentile(measurement, lower[i]);
        if (lower[i] >= threshold->fraction || !known.known ||
            keeps(threshold, (double)known.value_ns))
            continue;
        char text[QUANTITY_SIZE], key[32];
        quantity_duration(text, sizeof text, known.value_ns);
        snprintf(key, sizeof key, "p%g_ns", lower[i] * 100);
        set_integer(judged, key, known.value_ns);
        judged->verdict = VERDICT_FAIL;
        judged->value_ns = known.value_ns;
        snprintf(judged->figure, sizeof judged->figure, ">=%s", text);
        snprintf(judged->why, sizeof judged->why, "p%g is %s already", lower[i] * 100, text);
        return;
    }
}

static void judge_latency(const struct judge_threshold *threshold,
                          const struct measurement *measurement, struct judged *judged)
{
    uint64_t latencies = measurement->latency_ok.count + measurement->latency_censored.count;
    judged->sample = latencies;
    set_integer(judged, "censored", measurement->latency_censored.count);
    if (latencies == 0) {
        snprintf(judged->why, sizeof judged->why, "no operation was ok, so there is no latency");
        return;
    }
    if (threshold->figure == JUDGE_MEAN) {
        uint64_t mean = quantity_whole(measurement_mean_ns(measurement));
        set_integer(judged, "mean_ns", mean);
        judge_value(threshold, mean, measurement->latency_censored.count > 0, judged);
        return;
    }
    if (threshold->figure == JUDGE_MAX) {
        set_integer(judged, "max_ns", measurement_max_ns(measurement));
        judge_value(threshold, measurement_max_ns(measurement),
                    measurement_max_is_lower_bound(measurement), judged);
        return;
    }
    struct percentile percentile = measurement_percentile(measurement, threshold->fraction);
    if (!percentile.known) {
        judge_unknown_percentile(threshold, measurement, judged);
        return;
    }
    set_integer(judged, "value_ns", percentile.value_ns);
    if (percentile.interval.known) {
        set_integer(judged, "low_ns", percentile.interval.low_ns);
        set_integer(judged, "high_ns", percentile.interval.high_ns);
    }
    judge_value(threshold, percentile.value_ns, percentile.lower_bound, judged);
}

static void judge_errors(const struct judge_threshold *threshold,
                         const struct measurement *measurement, struct judged *judged)
{
    uint64_t failed = measurement_failed(measurement), finished = measurement_finished(measurement);
    double share = measurement_error_rate(measurement);
    set_integer(judged, "failed", failed);
    set_integer(judged, "finished", finished);
    json_object_set_new(judged->figures, "error_rate", json_real(share));
    quantity_share(judged->figure, sizeof judged->figure, share);
    judged->verdict = keeps(threshold, share) ? VERDICT_PASS : VERDICT_FAIL;
    if (judged->verdict == VERDICT_PASS && is_upper_limit(threshold) && threshold->value > 0 &&
        failed == 0 && (double)finished * threshold->value < 1) {
        judged->verdict = VERDICT_INCONCLUSIVE;
        snprintf(judged->why, sizeof judged->why,
                 "the sample is too small to tell such a rate from none: it takes %.0f operations",
                 1 / threshold->value + 0.5);
    }
}

static void judge_rate(const struct judge_threshold *threshold, const struct selection *selection,
                       struct judged *judged)
{
    if (selection->duration_ns == 0) {
        snprintf(judged->why, sizeof judged->why, "no load was offered for any time");
        return;
    }
    double rate = (double)judged->sample * (double)NS_PER_S / (double)selection->duration_ns;
    set_integer(judged, "count", judged->sample);
    set_integer(judged, "duration_ns", selection->duration_ns);
    json_object_set_new(judged->figures, "rate_per_s", json_real(rate));
    quantity_rate(judged->figure, sizeof judged->figure, rate);
    judged->verdict = keeps(threshold, rate) ? VERDICT_PASS : VERDICT_FAIL;
}

/* ---- the finding ---------------------------------------------------------------------------- */

static void name_figure(const struct judge_threshold *threshold, char *text, size_t size)
{
    if (threshold->figure == JUDGE_PERCENTILE)
        snprintf(text, size, "p%g", threshold->fraction * 100);
    else if (threshold->figure == JUDGE_ERRORS)
        snprintf(text, size, "error rate");
    else
        snprintf(text, size, "%s", judge_figure_name(threshold->figure));
}

static void name_limit(const struct judge_threshold *threshold, char *text, size_t size)
{
    char value[QUANTITY_SIZE];
    if (threshold->figure == JUDGE_ERRORS)
        quantity_share(value, sizeof value, threshold->value);
    else if (threshold->figure == JUDGE_RATE)
        quantity_rate(value, sizeof value, threshold->value);
    else
        quantity_duration(value, sizeof value, quantity_whole(threshold->value));
    snprintf(text, size, "%s %s", judge_compare_sign(threshold->compare), value);
}

static void name_subject(const struct judge_threshold *threshold, char *text, size_t size)
{
    char figure[24];
    name_figure(threshold, figure, sizeof figure);
    int length = snprintf(text, size, "%s of ", figure);
    const struct {
        const char *what, *glob;
    } selectors[] = {
        {"tool", threshold->tool}, {"phase", threshold->phase}, {"target", threshold->target}};
    bool any = false;
    for (size_t i = 0; i < 3; i++) {
        if (!selectors[i].glob || length < 0 || (size_t)length >= size)
            continue;
        length +=
            snprintf(text + length, size - (size_t)length, "%s%s %.*s", any ? ", " : "",
                     selectors[i].what, quantity_cut(selectors[i].glob, 60), selectors[i].glob);
        any = true;
    }
    if (!any)
        snprintf(text + length, size - (size_t)length, "all operations");
}

static int add(struct result *result, const struct judge_threshold *threshold,
               struct judged *judged)
{
    char subject[256], limit[QUANTITY_SIZE + 8], sample[QUANTITY_SIZE], text[1024];
    name_subject(threshold, subject, sizeof subject);
    name_limit(threshold, limit, sizeof limit);
    quantity_count(sample, sizeof sample, judged->sample);
    const char *relation = judged->verdict == VERDICT_PASS   ? ""
                           : judged->verdict == VERDICT_FAIL ? "not "
                                                             : "must be ";
    snprintf(text, sizeof text, "%s: %s%s %s%s, %s operations%s%s", subject, judged->figure,
             *relation ? "," : "", relation, limit, sample, judged->why[0] ? "; " : "",
             judged->why);
    return result_add_finding(result, "threshold", subject, judged->verdict, judged->figures, limit,
                              judged->sample, text);
}
