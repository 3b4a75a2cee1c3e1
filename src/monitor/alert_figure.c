/* See alert_figure.h. */
#include "monitor/alert_figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_RATE    20.0  /* per second: below it counts scatter too much for a ratio */
#define LEAST_SHARE   10    /* operations: where one second is enough, or is cut short */
#define LEAST_RISE_NS 1e6   /* a percentile that rose by less did not rise */
#define SAME_LOAD     0.001 /* relative */

static const double fractions[] = {0.5, 0.95, 0.99};

/* ---- windows -------------------------------------------------------------------------------- */

static bool is_tier(const char *driver)
{
    static const char *const tiers[] = {"redis", "neo4j", "faiss", "sqlite", "cross_tier"};
    for (size_t i = 0; driver && i < sizeof tiers / sizeof *tiers; i++)
        if (strcmp(driver, tiers[i]) == 0)
            return true;
    return false;
}

void alert_window_of_second(struct alert_window *window, const struct result *result, size_t phase,
                            const struct phase_target *target, const struct second *second,
                            bool whole)
{
    static const enum outcome_kind connection[] = {OUTCOME_DNS, OUTCOME_CONNECT_REFUSED,
                                                   OUTCOME_CONNECT_TIMEOUT,
                                                   OUTCOME_CONNECTION_RESET, OUTCOME_TLS};
    *window = (struct alert_window){
        .at_s = second->at_s,
        .phase = (uint32_t)phase,
        .target = (int)target->target,
        .whole = whole,
        .tier = is_tier(result->targets[target->target].driver),
        .load = second->arrival_rate > 0 ? second->arrival_rate : second->users,
        .ok = second->ok,
        .latency = &second->latency,
    };
    for (unsigned kind = OUTCOME_OK + 1; kind < OUTCOME_KINDS; kind++)
        if (kind != OUTCOME_CANCELLED && kind != OUTCOME_NOT_RUN)
            window->failed += second->outcomes[kind];
    for (size_t i = 0; i < sizeof connection / sizeof *connection; i++)
        window->connection_errors += second->outcomes[connection[i]];
}

/* The last one of that second: the end of one phase and the start of the next may share it. */
bool alert_window_of_generator(struct alert_window *window, const struct result *result,
                               size_t phase, uint32_t at_s)
{
    const struct result_phase *now = &result->phases[phase];
    size_t i = result->self_count;
    *window = (struct alert_window){
        .at_s = at_s, .phase = (uint32_t)phase, .target = ALERT_GENERATOR, .whole = true};
    while (i > 0 && result->self[i - 1].at_s != at_s)
        i--;
    if (i == 0)
        return false;
    window->generator_cpu = result->self[i - 1].cpu_utilisation;
    bool load = false;
    for (size_t t = 0; t < now->target_count; t++) {
        const struct phase_target *target = &now->targets[t];
        for (size_t s = target->second_count; s > 0; s--) {
            const struct second *second = &target->seconds[s - 1];
            if (second->at_s < at_s)
                break;
            if (second->at_s != at_s)
                continue;
            load |= second->started > 0 || second->in_flight > 0;
            window->load += second->arrival_rate > 0 ? second->arrival_rate : second->users;
            window->ok += second->ok;
            window->failed += second->failed + second->censored;
        }
    }
    return load;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* At least one value must lie beyond the percentile. */
static bool percentile(const struct alert_window *window, unsigned which, double *value)
{
    const struct histogram *latency = window->latency;
    if (!latency || latency->count == 0 ||
        latency->count - quantile_rank(fractions[which], latency->count) < 1)
        return false;
    *value = (double)histogram_quantile(latency, fractions[which]);
    return true;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static bool median(const double *values, uint32_t count, double *middle)
{
    double sorted[ALERT_BASELINE];
    if (count < ALERT_BASELINE_LEAST)
        return false;
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    *middle = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return true;
}

static bool rate_ratio(const struct alert_window *window, const struct alert_baseline *baseline,
                       double *value, double *base)
{
    if (!window->whole || !median(baseline->ok, baseline->counts, base) || *base < LEAST_RATE)
        return false;
    *value = (double)window->ok / *base;
    return true;
}

static bool percentile_ratio(const struct alert_window *window,
                             const struct alert_baseline *baseline, unsigned which, double *value,
                             double *base)
{
    double now;
    if (!window->whole || !percentile(window, which, &now) ||
        !median(baseline->percentiles[which], baseline->known[which], base) || *base <= 0)
        return false;
    *value = now > *base && now - *base < LEAST_RISE_NS ? 1 : now / *base;
    return true;
}

bool alert_figure(enum alert_metric metric, const struct alert_window *window,
                  const struct alert_baseline *baseline, double *value, double *base)
{
    uint64_t finished = window->ok + window->failed;
    *base = 0;
    switch (metric) {
    case ALERT_P50:
    case ALERT_P95:
    case ALERT_P99:
        return percentile(window, metric - ALERT_P50, value);
    case ALERT_ERRORS:
    case ALERT_TIER_ERRORS:
        *value = finished ? (double)window->failed / (double)finished : 0;
        if (metric == ALERT_TIER_ERRORS || !window->whole)
            return (window->tier || metric == ALERT_ERRORS) && finished >= LEAST_SHARE;
        return finished > 0;
    case ALERT_CONNECTION_ERRORS:
        *value = (double)window->connection_errors;
        return finished > 0;
    case ALERT_RATE_RATIO:
        return rate_ratio(window, baseline, value, base);
    case ALERT_P50_RATIO:
    case ALERT_P95_RATIO:
    case ALERT_P99_RATIO:
        return percentile_ratio(window, baseline, metric - ALERT_P50_RATIO, value, base);
    case ALERT_GENERATOR_CPU:
        *value = window->generator_cpu;
        return true;
    case ALERT_METRICS:
        break;
    }
    return false;
}

/* ---- baselines ------------------------------------------------------------------------------ */

bool alert_baseline_turn(struct alert_baseline *baseline, const struct alert_window *window)
{
    if (!window->whole)
        return false;
    double scale = fmax(fabs(window->load), fabs(baseline->load));
    if (baseline->begun && baseline->phase == window->phase &&
        fabs(window->load - baseline->load) <= SAME_LOAD * scale)
        return false;
    *baseline =
        (struct alert_baseline){.begun = true, .phase = window->phase, .load = window->load};
    return true;
}

void alert_baseline_add(struct alert_baseline *baseline, const struct alert_window *window)
{
    if (!window->whole || !baseline->begun)
        return;
    if (baseline->counts < ALERT_BASELINE)
        baseline->ok[baseline->counts++] = (double)window->ok;
    for (unsigned i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        double value;
        if (baseline->known[i] < ALERT_BASELINE && percentile(window, i, &value))
            baseline->percentiles[i][baseline->known[i]++] = value;
    }
}
