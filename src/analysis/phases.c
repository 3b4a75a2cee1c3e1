/* Recovery after stress, and phases that were not run. */
#include "analysis/phases.h"

#include "analysis/quantity.h"

#include <math.h>
#include <stdio.h>

#define SLOW_MAY_BE 0.05 /* of a window: its p95 is held against the limit */

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static bool within(const struct recovery_evidence *found, const json_t *window)
{
    return number(window, "finished") > 0 && number(window, "p95_ns") > 0 &&
           number(window, "p95_ns") <= (double)found->limit_p95_ns &&
           number(window, "error_rate") <= found->limit_errors;
}

/* Cut to whole nanoseconds, as the engine does it. */
static uint64_t limit_of(double ns)
{
    return quantity_whole(floor(ns));
}

static void read_limits(struct recovery_evidence *found, const json_t *baseline,
                        const json_t *tolerance)
{
    double p95 = number(baseline, "p95_ns");
    double scaled = p95 * number(tolerance, "p95_factor");
    double shifted = p95 + number(tolerance, "p95_extra_ns");
    found->baseline_p95_ns = quantity_whole(p95);
    found->limit_p95_ns = limit_of(scaled > shifted ? scaled : shifted);
    found->baseline_errors = number(baseline, "error_rate");
    found->limit_errors = found->baseline_errors + number(tolerance, "error_rate_extra");
}

/* ---- how sure the time is ------------------------------------------------------------------- */

enum sure { SURE_OF_NOTHING, SURELY_WITHIN, SURELY_BEYOND };

static enum sure sure_of(const struct recovery_evidence *found, const json_t *window)
{
    double finished = number(window, "finished"), failed = number(window, "failed");
    struct estimate slow = interval_share(number(window, "slow"), finished - failed);
    struct estimate errors = interval_share(failed, finished);
    if (slow.low > SLOW_MAY_BE || errors.low > found->limit_errors) /* false when not known */
        return SURELY_BEYOND;
    bool within = slow.high < SLOW_MAY_BE && errors.high < found->limit_errors;
    return within ? SURELY_WITHIN : SURE_OF_NOTHING;
}

/* One window more, up to the last of the row that is recovery. */
static void follow(struct recovery_evidence *found, const json_t *window, bool holds,
                   double window_ns, bool *sure_of_row)
{
    double end_ns = number(window, "end_ns");
    enum sure sure = sure_of(found, window);
    if (sure == SURELY_BEYOND)
        found->time.low = fmax(0, end_ns - window_ns);
    *sure_of_row = *sure_of_row && holds;
    if (!*sure_of_row)
        found->time.high = holds ? end_ns : NAN;
    *sure_of_row = holds && (*sure_of_row || sure == SURELY_WITHIN);
}

static bool has_counts(const json_t *windows)
{
    const json_t *first = json_array_get(windows, 0);
    return json_object_get(first, "slow") && json_object_get(first, "failed");
}

/* ---- the evidence --------------------------------------------------------------------------- */

struct recovery_evidence recovery_from_evidence(const json_t *evidence)
{
    struct recovery_evidence found = {.readable = false};
    const json_t *baseline = json_object_get(evidence, "baseline");
    const json_t *tolerance = json_object_get(evidence, "tolerance");
    const json_t *windows = json_object_get(evidence, "windows");
    json_int_t needed = json_integer_value(json_object_get(tolerance, "windows"));
    double window_ns = number(evidence, "window_ns");
    uint64_t row = 0, first_ns = 0;
    bool sure_of_row = false;
    size_t index;
    json_t *window;
    found.time = (struct estimate){NAN, has_counts(windows) ? 0 : NAN, NAN};
    found.readable = json_is_array(windows) && needed > 0 && baseline;
    found.has_baseline = json_is_object(baseline);
    read_limits(&found, baseline, tolerance);
    json_array_foreach(windows, index, window)
    {
        bool holds = found.has_baseline && within(&found, window);
        found.misjudged += holds != json_is_true(json_object_get(window, "within"));
        found.last_p95_ns = quantity_whole(number(window, "p95_ns"));
        found.last_errors = number(window, "error_rate");
        found.windows++;
        if (!found.recovered && has_counts(windows))
            follow(&found, window, holds, window_ns, &sure_of_row);
        row = holds ? row + 1 : 0;
        if (row == 1)
            first_ns = quantity_whole(number(window, "end_ns"));
        if (!found.recovered && row >= (uint64_t)needed) {
            found.recovered = true;
            found.recovery_ns = first_ns;
            found.time.value = (double)first_ns;
        }
    }
    if (!found.recovered)
        found.time.high = NAN;
    return found;
}

/* ---- the finding ---------------------------------------------------------------------------- */

static json_t *figures_of(const struct result_phase *phase,
                          const struct recovery_evidence *evidence)
{
    json_t *figures = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "recovered", phase->recovered,
        "recovery_ns", (json_int_t)phase->recovery_ns, "waited_ns", (json_int_t)phase->duration_ns,
        "windows", (json_int_t)evidence->windows, "baseline_p95_ns",
        (json_int_t)evidence->baseline_p95_ns, "limit_p95_ns", (json_int_t)evidence->limit_p95_ns,
        "last_p95_ns", (json_int_t)evidence->last_p95_ns, "baseline_error_rate",
        evidence->baseline_errors, "limit_error_rate", evidence->limit_errors, "last_error_rate",
        evidence->last_errors);
    if (figures)
        estimate_set(figures, "time_ns", &evidence->time);
    return figures;
}

static const char *describe_time(const struct estimate *time, char *text, size_t size)
{
    char low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    if (isfinite(time->low) && isfinite(time->high))
        snprintf(text, size, " (95%%: %s to %s)",
                 quantity_duration(low, sizeof low, quantity_whole(time->low)),
                 quantity_duration(high, sizeof high, quantity_whole(time->high)));
    return text;
}

static enum verdict describe(const struct result_phase *phase,
                             const struct recovery_evidence *evidence, char *text, size_t size)
{
    char took[QUANTITY_SIZE], lasted[QUANTITY_SIZE], baseline[QUANTITY_SIZE], last[QUANTITY_SIZE],
        limit[QUANTITY_SIZE], errors[QUANTITY_SIZE], most[QUANTITY_SIZE], interval[80] = "";
    quantity_duration(took, sizeof took, phase->recovery_ns);
    quantity_duration(lasted, sizeof lasted, phase->duration_ns);
    quantity_duration(baseline, sizeof baseline, evidence->baseline_p95_ns);
    quantity_duration(limit, sizeof limit, evidence->limit_p95_ns);
    quantity_duration(last, sizeof last, evidence->last_p95_ns);
    quantity_share(errors, sizeof errors, evidence->last_errors);
    quantity_share(most, sizeof most, evidence->limit_errors);
    if (!evidence->readable || !evidence->has_baseline) {
        snprintf(text, size,
                 "recovery: nothing was measured before the stress that it could return to");
        return VERDICT_INCONCLUSIVE;
    }
    if (phase->recovered) {
        snprintf(
            text, size,
            "recovery: %s after the load fell%s, p95 was back within %s (baseline %s) and errors "
            "within %s",
            took, describe_time(&evidence->time, interval, sizeof interval), limit, baseline, most);
        return VERDICT_PASS;
    }
    snprintf(text, size,
             "recovery: not %s %s: p95 is %s, limit %s (baseline %s); errors %s, limit %s",
             phase->partial ? "yet when it was cut short after" : "within", lasted, last, limit,
             baseline, errors, most);
    return phase->partial ? VERDICT_INCONCLUSIVE : VERDICT_FAIL;
}

static int judge_recovery(struct result *result, const struct result_phase *phase)
{
    char text[512];
    struct recovery_evidence evidence = recovery_from_evidence(phase->recovery);
    enum verdict verdict = describe(phase, &evidence, text, sizeof text);
    uint64_t sample = 0;
    for (size_t t = 0; t < phase->target_count; t++)
        for (size_t o = 0; o < phase->targets[t].operation_count; o++)
            sample += measurement_finished(&phase->targets[t].operations[o]);
    return result_add_finding(
        result, "recovery", phase->name, verdict, figures_of(phase, &evidence),
        "p95 and error rate back within the tolerance of the baseline, before "
        "the phase ends",
        sample, text);
}

int recovery_judge(struct result *result)
{
    for (size_t p = 0; p < result->phase_count; p++)
        if (result->phases[p].has_recovery && !result->phases[p].not_run &&
            judge_recovery(result, &result->phases[p]) < 0)
            return -1;
    return 0;
}

int phases_not_run_judge(struct result *result)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        char text[400];
        if (!phase->not_run)
            continue;
        const char *name = phase->name ? phase->name : "?";
        const char *reason = phase->not_run_reason ? phase->not_run_reason : "no reason was given";
        snprintf(text, sizeof text, "phase %.*s was not run: %.*s", quantity_cut(name, 60), name,
                 quantity_cut(reason, 200), reason);
        if (result_add_finding(result, "phase_not_run", name, VERDICT_INFORMATION, NULL, NULL, 0,
                               text) < 0)
            return -1;
    }
    return 0;
}
