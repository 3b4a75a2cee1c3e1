/* From a plan to a verdict. */
#include "report/judge.h"

#include "analysis/judge.h"

#include <stdlib.h>

static enum run_end end_of(const struct result *result, const struct error *failure,
                           bool interrupted)
{
    if (interrupted)
        return RUN_INTERRUPTED;
    if (!failure)
        return result->partial ? RUN_ABORTED : RUN_COMPLETED;
    switch (failure->code) {
    case ERROR_TARGET:
        return RUN_TARGET_LOST;
    case ERROR_INTERRUPTED:
        return RUN_INTERRUPTED;
    case ERROR_VERDICT:
        return RUN_ABORTED;
    case ERROR_USAGE:
        return RUN_UNUSABLE;
    default:
        return RUN_BROKEN;
    }
}

static enum judge_figure figure_of(enum threshold_figure figure)
{
    static const enum judge_figure figures[] = {
        [FIGURE_PERCENTILE] = JUDGE_PERCENTILE,
        [FIGURE_MEAN] = JUDGE_MEAN,
        [FIGURE_MAX] = JUDGE_MAX,
        [FIGURE_ERRORS] = JUDGE_ERRORS,
        [FIGURE_RATE] = JUDGE_RATE,
        [FIGURE_RECALL] = JUDGE_RECALL,
    };
    return figures[figure];
}

static enum judge_compare compare_of(enum threshold_compare compare)
{
    static const enum judge_compare compares[] = {
        [COMPARE_LESS] = JUDGE_LESS,
        [COMPARE_LESS_EQUAL] = JUDGE_LESS_EQUAL,
        [COMPARE_GREATER] = JUDGE_GREATER,
        [COMPARE_GREATER_EQUAL] = JUDGE_GREATER_EQUAL,
    };
    return compares[compare];
}

int result_judge(struct result *result, const struct plan *plan, const struct error *failure,
                 bool interrupted)
{
    struct judge_threshold *thresholds =
        calloc(plan->threshold_count ? plan->threshold_count : 1, sizeof *thresholds);
    if (!thresholds)
        return -1;
    for (size_t i = 0; i < plan->threshold_count; i++) {
        const struct threshold *from = &plan->thresholds[i];
        thresholds[i] = (struct judge_threshold){.text = from->text,
                                                 .figure = figure_of(from->figure),
                                                 .fraction = from->fraction,
                                                 .compare = compare_of(from->compare),
                                                 .value = from->value,
                                                 .tool = from->tool,
                                                 .phase = from->phase,
                                                 .target = from->target};
    }
    struct judge_options options = {.thresholds = thresholds,
                                    .threshold_count = plan->threshold_count,
                                    .ended_by = end_of(result, failure, interrupted)};
    options.alert_count = alert_rules_combine(plan->alerts, plan->alert_count, options.alerts);
    for (size_t i = 0; i < plan->mix_count; i++)
        if (plan->mixes[i].minimum_sample > options.minimum_sample)
            options.minimum_sample = plan->mixes[i].minimum_sample;
    int status = judge_result(result, &options);
    free(thresholds);
    return status;
}
