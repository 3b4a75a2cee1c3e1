/* The default table of alert rules, and how a plan's stand over it. */
#include "monitor/alert.h"

#include <string.h>

/* Limits of the percentile and the error rate are those of the built-in plan's thresholds. */
static const struct alert_rule defaults[] = {
    {"high_response_time", ALERT_P95, false, 500e6, 400e6, 3, 3, false},
    {"high_error_rate", ALERT_ERRORS, false, 0.02, 0.01, 3, 3, false},
    {"throughput_drop", ALERT_RATE_RATIO, true, 0.5, 0.8, 3, 3, false},
    {"latency_drift", ALERT_P95_RATIO, false, 2, 1.5, 10, 5, false},
    {"connection_errors", ALERT_CONNECTION_ERRORS, false, 0, 0, 3, 3, false},
    {"tier_degraded", ALERT_TIER_ERRORS, false, 0.1, 0.05, 1, 3, false},
    {"generator_saturated", ALERT_GENERATOR_CPU, false, 0.95, 0.85, 3, 3, false},
};
#define DEFAULTS (sizeof defaults / sizeof *defaults)

static const char *const metrics[] = {
    "p50",        "p95",       "p99",       "errors",    "connection_errors", "tier_errors",
    "rate_ratio", "p50_ratio", "p95_ratio", "p99_ratio", "generator_cpu"};

const char *alert_metric_name(enum alert_metric metric)
{
    return metric < ALERT_METRICS ? metrics[metric] : "unknown";
}

enum alert_metric alert_metric_from_name(const char *name)
{
    unsigned metric = 0;
    while (metric < ALERT_METRICS && (!name || strcmp(metrics[metric], name) != 0))
        metric++;
    return (enum alert_metric)metric;
}

bool alert_metric_is_latency(enum alert_metric metric)
{
    return metric <= ALERT_P99;
}

static bool is_percentile_ratio(enum alert_metric metric)
{
    return metric >= ALERT_P50_RATIO && metric <= ALERT_P99_RATIO;
}

bool alert_metric_is_relative(enum alert_metric metric)
{
    return metric == ALERT_RATE_RATIO || is_percentile_ratio(metric);
}

const struct alert_rule *alert_rules_default(size_t *count)
{
    *count = DEFAULTS;
    return defaults;
}

const struct alert_rule *alert_rule_find(const char *name)
{
    for (size_t i = 0; name && i < DEFAULTS; i++)
        if (strcmp(defaults[i].name, name) == 0)
            return &defaults[i];
    return NULL;
}

bool alert_rule_takes(const struct alert_rule *rule, enum alert_metric metric)
{
    const struct alert_rule *of = alert_rule_find(rule->name);
    if (!of)
        return false;
    return of->metric == metric ||
           (alert_metric_is_latency(of->metric) && alert_metric_is_latency(metric)) ||
           (is_percentile_ratio(of->metric) && is_percentile_ratio(metric));
}

size_t alert_rules_combine(const struct alert_rule *given, size_t given_count,
                           struct alert_rule *rules)
{
    size_t count = 0;
    for (size_t d = 0; d < DEFAULTS; d++) {
        bool replaced = false;
        for (size_t i = 0; i < given_count; i++) {
            if (strcmp(given[i].name, defaults[d].name) != 0)
                continue;
            replaced = true;
            if (count < ALERT_RULES_LIMIT)
                rules[count++] = given[i];
        }
        if (!replaced && count < ALERT_RULES_LIMIT)
            rules[count++] = defaults[d];
    }
    return count;
}
