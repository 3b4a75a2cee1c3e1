/* What is left of the service under stress. */
#include "analysis/degradation.h"

#include "analysis/quantity.h"
#include "analysis/series.h"
#include "base/clock.h"

#include <stdio.h>

static double goodput(const struct result_phase *phase)
{
    uint64_t ok = 0;
    for (size_t t = 0; t < phase->target_count; t++)
        for (size_t o = 0; o < phase->targets[t].operation_count; o++)
            ok += phase->targets[t].operations[o].outcomes[OUTCOME_OK];
    return phase->duration_ns ? (double)ok * (double)NS_PER_S / (double)phase->duration_ns : 0;
}

static void count(struct degradation *found, enum outcome_kind kind, uint64_t operations)
{
    found->finished += operations;
    switch (kind) {
    case OUTCOME_OK:
        return;
    case OUTCOME_TOOL_ERROR:
    case OUTCOME_JSONRPC_ERROR:
    case OUTCOME_HTTP_STATUS:
    case OUTCOME_SOURCE_ERROR:
    case OUTCOME_CONNECT_REFUSED:
        found->explicit_failures += operations;
        return;
    case OUTCOME_TIMEOUT:
    case OUTCOME_CONNECT_TIMEOUT:
    case OUTCOME_CONNECTION_RESET:
    case OUTCOME_CANCELLED:
    case OUTCOME_NOT_RUN:
        found->silent_failures += operations;
        return;
    default:
        found->wrong_answers += operations;
    }
}

struct degradation degradation_of(const struct result_phase *before,
                                  const struct result_phase *stress)
{
    struct degradation found = {.goodput_before = goodput(before),
                                .goodput_after = goodput(stress)};
    for (size_t t = 0; t < stress->target_count; t++)
        for (size_t o = 0; o < stress->targets[t].operation_count; o++)
            for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
                count(&found, (enum outcome_kind)kind,
                      stress->targets[t].operations[o].outcomes[kind]);
    return found;
}

static int judge(struct result *result, const struct result_phase *before,
                 const struct result_phase *stress)
{
    struct degradation found = degradation_of(before, stress);
    char text[512], after[QUANTITY_SIZE], was[QUANTITY_SIZE], plain[QUANTITY_SIZE],
        silent[QUANTITY_SIZE], wrong[QUANTITY_SIZE];
    if (found.finished == 0 || found.goodput_before <= 0)
        return 0;
    double kept = found.goodput_after / found.goodput_before;
    double share = (double)found.silent_failures / (double)found.finished;
    bool graceful = kept >= DEGRADATION_KEPT && share <= DEGRADATION_SILENT;
    quantity_rate(after, sizeof after, found.goodput_after);
    quantity_rate(was, sizeof was, found.goodput_before);
    quantity_count(plain, sizeof plain, found.explicit_failures);
    quantity_count(silent, sizeof silent, found.silent_failures);
    quantity_count(wrong, sizeof wrong, found.wrong_answers);
    snprintf(text, sizeof text,
             "%.*s: %s: goodput %s, %.0f%% of the %s of %.*s; failures: %s explicit, %s silent, %s "
             "wrong answers",
             quantity_cut(stress->name, 60), stress->name,
             graceful ? "degrades gracefully" : "does not degrade gracefully", after, kept * 100,
             was, quantity_cut(before->name, 60), before->name, plain, silent, wrong);
    json_t *figures =
        json_pack("{s:b, s:f, s:f, s:f, s:I, s:I, s:I}", "graceful", graceful, "goodput_per_s",
                  found.goodput_after, "goodput_before_per_s", found.goodput_before, "kept", kept,
                  "explicit", (json_int_t)found.explicit_failures, "silent",
                  (json_int_t)found.silent_failures, "wrong", (json_int_t)found.wrong_answers);
    return result_add_finding(result, "degradation", stress->name, VERDICT_INFORMATION, figures,
                              "goodput >= 80% of that before, silent failures <= 1%",
                              found.finished, text);
}

int degradation_judge(struct result *result)
{
    const struct result_phase *before = NULL;
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (series_is(phase, "peak") || (!before && series_is(phase, "ramp-up")))
            before = phase;
        else if (before && series_is(phase, "stress") && judge(result, before, phase) < 0)
            return -1;
    }
    return 0;
}
