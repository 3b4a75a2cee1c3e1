/* See guard.h. */
#include "engine/guard.h"

#include "base/clock.h"

#include <fnmatch.h>
#include <stdio.h>

enum { ABORT_SECONDS = 10, ABORT_SAMPLE = 10 };
#define LOST_AFTER_NS       (10 * NS_PER_S)
#define LOST_AFTER_QUICK_NS (3 * NS_PER_S)

/* What a threshold is about, over the window. */
struct window {
    struct histogram latency;
    uint64_t ok, failed;
    size_t seconds;
};

static int window_fill(struct window *window, const struct threshold *threshold,
                       const struct result *result, const struct phase_target *target);
static bool window_figure(const struct window *window, const struct threshold *threshold,
                          double *value);
static bool holds(const struct threshold *threshold, double value);

void guard_begin(struct guard *guard, const struct plan *plan)
{
    uint64_t usual_ns = plan->quick ? LOST_AFTER_QUICK_NS : LOST_AFTER_NS;
    *guard = (struct guard){.plan = plan,
                            .lost_after_ns = plan->lost_after_ns ? plan->lost_after_ns : usual_ns};
}

bool guard_lost(struct guard *guard, const struct series_sum *sum)
{
    const struct record *record = sum->record;
    uint64_t unreachable =
        record->outcomes[OUTCOME_DNS] + record->outcomes[OUTCOME_CONNECT_REFUSED] +
        record->outcomes[OUTCOME_CONNECT_TIMEOUT] + record->outcomes[OUTCOME_CONNECTION_RESET] +
        record->outcomes[OUTCOME_TLS];
    uint64_t answered = record->ok + record->failed - unreachable + record->setup_ok;
    uint64_t failures = unreachable + record->setup_failed;
    if (answered) {
        guard->gone_s = guard->gone_failures = 0;
        return false;
    }
    if (failures == 0 && guard->gone_failures == 0)
        return false; /* nothing was asked of it, or it is only slow */
    if (failures && record->trouble[0])
        snprintf(guard->trouble, sizeof guard->trouble, "%s", record->trouble);
    guard->gone_s++;
    guard->gone_failures += failures;
    return guard->gone_s * NS_PER_S >= guard->lost_after_ns && guard->gone_failures > 2;
}

const struct threshold *guard_abort(const struct plan *plan, const struct result *result,
                                    const struct result_phase *phase, char *figure, size_t size)
{
    const struct threshold *held = NULL;
    for (size_t i = 0; !held && i < plan->abort_on_count; i++) {
        const struct threshold *threshold = &plan->abort_on[i];
        if (threshold->phase && fnmatch(threshold->phase, phase->name, 0) != 0)
            continue;
        struct window window = {0};
        histogram_init(&window.latency);
        for (size_t k = 0; k < phase->target_count; k++)
            window_fill(&window, threshold, result, &phase->targets[k]);
        double value;
        if (window_figure(&window, threshold, &value) && holds(threshold, value)) {
            held = threshold;
            if (threshold->figure == FIGURE_ERRORS)
                snprintf(figure, size, "%.3g %%", value * 100);
            else if (threshold->figure == FIGURE_RATE)
                snprintf(figure, size, "%.4g/s", value);
            else
                snprintf(figure, size, "%.4g ms", value / 1e6);
        }
        histogram_free(&window.latency);
    }
    return held;
}

static int window_fill(struct window *window, const struct threshold *threshold,
                       const struct result *result, const struct phase_target *target)
{
    const struct result_target *named = &result->targets[target->target];
    if (threshold->target && fnmatch(threshold->target, named->name, 0) != 0)
        return 0;
    size_t first = target->second_count > ABORT_SECONDS ? target->second_count - ABORT_SECONDS : 0;
    int kept = 0;
    for (size_t i = first; i < target->second_count; i++) {
        const struct second *second = &target->seconds[i];
        window->seconds++;
        if (!threshold->tool) {
            window->ok += second->ok;
            window->failed += second->failed + second->censored;
            kept |= histogram_merge(&window->latency, &second->latency);
            continue;
        }
        for (size_t k = 0; k < second->operation_count; k++) {
            const struct second_operation *operation = &second->operations[k];
            if (fnmatch(threshold->tool, named->operations[operation->operation].name, 0) != 0)
                continue;
            window->ok += operation->ok;
            window->failed += operation->failed;
            for (uint32_t b = 0; b < operation->bucket_count; b++)
                kept |= histogram_record_many(&window->latency,
                                              histogram_coarse_value(operation->buckets[b]),
                                              operation->counts[b]);
        }
    }
    return kept;
}

/* False when the window holds too little to judge by. */
static bool window_figure(const struct window *window, const struct threshold *threshold,
                          double *value)
{
    uint64_t finished = window->ok + window->failed;
    switch (threshold->figure) {
    case FIGURE_RATE:
        *value = (double)window->ok / ABORT_SECONDS;
        return window->seconds >= ABORT_SECONDS;
    case FIGURE_ERRORS:
        *value = finished ? (double)window->failed / (double)finished : 0;
        return finished >= ABORT_SAMPLE;
    case FIGURE_PERCENTILE:
        *value = (double)histogram_quantile(&window->latency, threshold->fraction);
        return window->ok >= ABORT_SAMPLE;
    case FIGURE_MEAN:
        *value = histogram_mean(&window->latency);
        return window->ok >= ABORT_SAMPLE;
    case FIGURE_MAX:
        *value = (double)window->latency.max_ns;
        return window->ok > 0;
    case FIGURE_RECALL: /* is measured after the run; the plan refuses it here */
        return false;
    }
    return false;
}

static bool holds(const struct threshold *threshold, double value)
{
    switch (threshold->compare) {
    case COMPARE_LESS:
        return value < threshold->value;
    case COMPARE_LESS_EQUAL:
        return value <= threshold->value;
    case COMPARE_GREATER:
        return value > threshold->value;
    case COMPARE_GREATER_EQUAL:
        return value >= threshold->value;
    }
    return false;
}
