/* Recovery after stress, and phases that were not run. */
#include "analysis/phases.h"

#include "analysis/quantity.h"

#include <stdio.h>

static int judge_recovery(struct result *result, const struct result_phase *phase)
{
    char text[512], took[QUANTITY_SIZE], lasted[QUANTITY_SIZE];
    enum verdict verdict = VERDICT_PASS;
    quantity_duration(took, sizeof took, phase->recovery_ns);
    quantity_duration(lasted, sizeof lasted, phase->duration_ns);
    if (phase->recovered) {
        snprintf(text, sizeof text, "recovery: back to the baseline %s after the load fell", took);
    } else if (phase->partial) {
        verdict = VERDICT_INCONCLUSIVE;
        snprintf(text, sizeof text,
                 "recovery: cut short after %s, before it was back to the baseline", lasted);
    } else {
        verdict = VERDICT_FAIL;
        snprintf(text, sizeof text,
                 "recovery: not back to the baseline within %s of the load falling", lasted);
    }
    json_t *figures =
        json_pack("{s:b, s:I, s:I}", "recovered", phase->recovered, "recovery_ns",
                  (json_int_t)phase->recovery_ns, "waited_ns", (json_int_t)phase->duration_ns);
    if (figures && phase->recovery)
        json_object_set(figures, "evidence", phase->recovery);
    uint64_t sample = 0;
    for (size_t t = 0; t < phase->target_count; t++)
        for (size_t o = 0; o < phase->targets[t].operation_count; o++)
            sample += measurement_finished(&phase->targets[t].operations[o]);
    return result_add_finding(result, "recovery", phase->name, verdict, figures,
                              "back to the baseline within its tolerance before the phase ends",
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
