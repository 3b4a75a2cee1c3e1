/* The verdict, from the findings of every rule. */
#include "analysis/judge.h"

#include "analysis/capacity.h"
#include "analysis/coverage.h"
#include "analysis/degradation.h"
#include "analysis/knee.h"
#include "analysis/outliers.h"
#include "analysis/phases.h"
#include "analysis/quantity.h"
#include "analysis/readiness.h"
#include "analysis/recommendations.h"
#include "analysis/rejection.h"
#include "analysis/release.h"
#include "analysis/saturation.h"
#include "analysis/scalability.h"
#include "analysis/stability.h"
#include "analysis/tiers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int judge_end(struct result *result, enum run_end ended_by);
static int judge_any_operation(struct result *result);
static int judge_segments(struct result *result);
static int summarise(struct result *result, enum run_end ended_by);

const char *run_end_name(enum run_end end)
{
    static const char *const names[] = {"completed",   "aborted",  "target_lost",
                                        "interrupted", "unusable", "broken"};
    return names[end];
}

int judge_result(struct result *result, const struct judge_options *options)
{
    struct saturation saturation = saturation_of(result);
    result_clear_findings(result);
    if (judge_end(result, options->ended_by) < 0 || judge_any_operation(result) < 0 ||
        judge_segments(result) < 0 || tiers_judge(result) < 0)
        return -1;
    for (size_t i = 0; i < options->threshold_count; i++)
        if (threshold_judge(result, &options->thresholds[i], &saturation) < 0)
            return -1;
    if (recovery_judge(result) < 0 || stability_judge(result, &saturation) < 0 ||
        release_judge(result) < 0 || saturation_judge(result, &saturation) < 0 ||
        coverage_judge(result, options->minimum_sample) < 0 || rejection_judge(result) < 0 ||
        phases_not_run_judge(result) < 0 || scalability_judge(result, &saturation) < 0 ||
        capacity_judge(result, &saturation) < 0 ||
        knee_judge(result, options->thresholds, options->threshold_count, &saturation) < 0 ||
        degradation_judge(result) < 0 || outliers_judge(result) < 0)
        return -1;
    result->verdict = judge_verdict(result);
    result->exit_code = judge_exit_code(result->verdict, options->ended_by);
    if (alerts_of_result(result, options->alerts, options->alert_count) < 0 ||
        recommendations_make(result) < 0)
        return -1;
    result->readiness = readiness_of(result);
    json_t *judging = judge_options_to_json(options);
    if (!judging)
        return -1;
    json_decref(result->judging);
    result->judging = judging;
    return summarise(result, options->ended_by);
}

/* ---- rules about the run as a whole --------------------------------------------------------- */

static int judge_end(struct result *result, enum run_end ended_by)
{
    static const struct {
        const char *rule;
        enum verdict verdict;
        const char *otherwise;
    } ends[] = {
        [RUN_ABORTED] = {"aborted", VERDICT_FAIL, "an abort_on expression held"},
        [RUN_TARGET_LOST] = {"target_lost", VERDICT_FAIL, "the target stopped answering for good"},
        [RUN_INTERRUPTED] = {"interrupted", VERDICT_INCONCLUSIVE, "the run was interrupted"},
        [RUN_UNUSABLE] = {"unusable", VERDICT_INCONCLUSIVE, "the plan does not fit the target"},
        [RUN_BROKEN] = {"broken", VERDICT_INCONCLUSIVE, "cicada could not go on"},
    };
    if (ended_by == RUN_COMPLETED)
        return 0;
    return result_add_finding(result, ends[ended_by].rule, "run", ends[ended_by].verdict, NULL,
                              NULL, result->duration_ns / UINT64_C(1000000000),
                              result->partial_reason ? result->partial_reason
                                                     : ends[ended_by].otherwise);
}

static uint64_t finished_in_all(const struct result *result)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++)
            for (size_t o = 0; o < result->phases[p].targets[t].operation_count; o++)
                sum += measurement_finished(&result->phases[p].targets[t].operations[o]);
    return sum;
}

static int judge_any_operation(struct result *result)
{
    if (finished_in_all(result) > 0)
        return 0;
    return result_add_finding(result, "no_operations", "run", VERDICT_INCONCLUSIVE, NULL,
                              ">= 1 operation", 0,
                              "no operation was run, so there is nothing to judge");
}

/* A merge without all segments is less load than the plan's. One segment by itself is known to be.
 */
static int judge_segments(struct result *result)
{
    size_t held = json_array_size(json_object_get(result->segment, "parts"));
    json_int_t of = json_integer_value(json_object_get(result->segment, "of"));
    char text[200];
    if (held < 2 || of <= (json_int_t)held)
        return 0;
    snprintf(text, sizeof text,
             "%zu of the %lld segments of the load are here: the target had more load than is "
             "counted",
             held, (long long)of);
    return result_add_finding(result, "segments_missing", "run", VERDICT_INCONCLUSIVE,
                              json_pack("{s:I, s:I}", "segments", (json_int_t)held, "of", of),
                              "all segments", held, text);
}

/* ---- the verdict ---------------------------------------------------------------------------- */

/* Coverage and the self-watch alone prove nothing of the target; stability and release can fail a
 * run, but nobody asked for them: without a threshold, it was not judged. */
static bool can_pass(const struct finding *finding)
{
    static const char *const alone[] = {"coverage", "generator_saturated", "stability", "release"};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (strcmp(finding->rule, alone[i]) == 0)
            return false;
    return finding->verdict == VERDICT_PASS;
}

static size_t count_verdict(const struct result *result, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < result->finding_count; i++)
        count += result->findings[i].verdict == verdict;
    return count;
}

enum verdict judge_verdict(const struct result *result)
{
    if (count_verdict(result, VERDICT_FAIL))
        return VERDICT_FAIL;
    if (count_verdict(result, VERDICT_INCONCLUSIVE))
        return VERDICT_INCONCLUSIVE;
    for (size_t i = 0; i < result->finding_count; i++)
        if (can_pass(&result->findings[i]))
            return VERDICT_PASS;
    return VERDICT_INFORMATION;
}

int judge_exit_code(enum verdict verdict, enum run_end ended_by)
{
    if (ended_by == RUN_INTERRUPTED)
        return ERROR_INTERRUPTED;
    if (ended_by == RUN_TARGET_LOST)
        return ERROR_TARGET;
    if (ended_by == RUN_UNUSABLE)
        return ERROR_USAGE;
    if (ended_by == RUN_BROKEN)
        return ERROR_INTERNAL;
    if (verdict == VERDICT_FAIL)
        return ERROR_VERDICT;
    return verdict == VERDICT_INCONCLUSIVE ? ERROR_INCONCLUSIVE : ERROR_NONE;
}

/* ---- the summary ---------------------------------------------------------------------------- */

static const struct finding *first_of(const struct result *result, enum verdict verdict)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (result->findings[i].verdict == verdict)
            return &result->findings[i];
    return NULL;
}

/* "Failed: <the first finding>; and 2 more findings like it." */
static void summarise_finding(const struct result *result, enum verdict verdict, const char *word,
                              char *text, size_t size)
{
    const struct finding *finding = first_of(result, verdict);
    size_t more = count_verdict(result, verdict) - 1;
    int length = quantity_cut(finding->text, 700);
    if (more)
        snprintf(text, size, "%s: %.*s (and %zu more such finding%s).", word, length, finding->text,
                 more, more == 1 ? "" : "s");
    else
        snprintf(text, size, "%s: %.*s.", word, length, finding->text);
}

static void summarise_pass(const struct result *result, char *text, size_t size)
{
    char count[QUANTITY_SIZE];
    size_t kept = 0, phases = 0;
    for (size_t i = 0; i < result->finding_count; i++)
        kept += can_pass(&result->findings[i]);
    for (size_t p = 0; p < result->phase_count; p++)
        phases += !result->phases[p].not_run;
    snprintf(text, size, "Passed: %zu of %zu checks hold over %s operations in %zu phase%s.", kept,
             kept, quantity_count(count, sizeof count, finished_in_all(result)), phases,
             phases == 1 ? "" : "s");
}

static int summarise(struct result *result, enum run_end ended_by)
{
    char text[1024];
    if (ended_by == RUN_INTERRUPTED && result->verdict == VERDICT_INCONCLUSIVE)
        snprintf(text, sizeof text, "Interrupted: %s.",
                 result->partial_reason ? result->partial_reason
                                        : "the figures are of a part of the run");
    else if (result->verdict == VERDICT_FAIL)
        summarise_finding(result, VERDICT_FAIL, "Failed", text, sizeof text);
    else if (result->verdict == VERDICT_INCONCLUSIVE)
        summarise_finding(result, VERDICT_INCONCLUSIVE, "Inconclusive", text, sizeof text);
    else if (result->verdict == VERDICT_PASS)
        summarise_pass(result, text, sizeof text);
    else
        snprintf(text, sizeof text, "Not judged: no threshold was given.");
    char *copy = strdup(text);
    if (!copy)
        return -1;
    free(result->summary);
    result->summary = copy;
    return 0;
}
