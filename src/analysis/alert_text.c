/* See alert_text.h. */
#include "analysis/alert_text.h"

#include "analysis/quantity.h"
#include "monitor/alert.h"

#include <stdio.h>

static const char *figure_name(enum alert_metric metric)
{
    static const char *const names[] = {
        [ALERT_P50] = "p50",
        [ALERT_P95] = "p95",
        [ALERT_P99] = "p99",
        [ALERT_ERRORS] = "error rate",
        [ALERT_CONNECTION_ERRORS] = "connection errors",
        [ALERT_TIER_ERRORS] = "error rate",
        [ALERT_RATE_RATIO] = "throughput",
        [ALERT_P50_RATIO] = "p50",
        [ALERT_P95_RATIO] = "p95",
        [ALERT_P99_RATIO] = "p99",
        [ALERT_GENERATOR_CPU] = "busiest worker busy",
        [ALERT_METRICS] = "figure",
    };
    return names[metric];
}

static const char *value_text(enum alert_metric metric, double value, char *text, size_t size)
{
    if (alert_metric_is_latency(metric))
        return quantity_duration(text, size, quantity_whole(value));
    if (metric == ALERT_CONNECTION_ERRORS)
        return quantity_rate(text, size, value);
    if (metric >= ALERT_P50_RATIO && metric <= ALERT_P99_RATIO) {
        snprintf(text, size, "%.2f times", value);
        return text;
    }
    return quantity_share(text, size, value);
}

/* ", of the baseline 1,234/s"; nothing where there is none. */
static void baseline_text(const struct alert *alert, enum alert_metric metric, char *text,
                          size_t size)
{
    char value[QUANTITY_SIZE];
    text[0] = 0;
    if (metric == ALERT_RATE_RATIO)
        snprintf(text, size, " of the baseline %s",
                 quantity_rate(value, sizeof value, alert->baseline));
    else if (alert_metric_is_relative(metric))
        snprintf(text, size, " the baseline %s",
                 quantity_duration(value, sizeof value, quantity_whole(alert->baseline)));
}

static void where_text(const struct result *result, const struct alert *alert, char *text,
                       size_t size)
{
    const char *target = alert->target >= 0 && (size_t)alert->target < result->target_count
                             ? result->targets[alert->target].name
                             : NULL;
    const char *phase =
        alert->phase < result->phase_count ? result->phases[alert->phase].name : NULL;
    int length = 0;
    text[0] = 0;
    if (target)
        length = snprintf(text, size, " on %.*s", quantity_cut(target, 60), target);
    if (phase)
        snprintf(text + length, size - (size_t)length, " in phase %.*s", quantity_cut(phase, 60),
                 phase);
}

static void figure_text(const struct alert *alert, double value, const char *relation, char *text,
                        size_t size)
{
    char now[QUANTITY_SIZE], limit[QUANTITY_SIZE], baseline[QUANTITY_SIZE + 24];
    enum alert_metric metric = alert_metric_from_name(alert->metric);
    baseline_text(alert, metric, baseline, sizeof baseline);
    snprintf(text, size, "%s%s %s%s, limit %s", figure_name(metric), relation,
             value_text(metric, value, now, sizeof now), baseline,
             value_text(metric, alert->threshold, limit, sizeof limit));
}

const char *alert_describe(const struct result *result, const struct alert *alert, char *text,
                           size_t size)
{
    char where[160], figure[160], end[24], count[QUANTITY_SIZE];
    where_text(result, alert, where, sizeof where);
    figure_text(alert, alert->peak, alert->below ? " down to" : " up to", figure, sizeof figure);
    if (alert->end.known)
        snprintf(end, sizeof end, "to %us", alert->end.at_s);
    else
        snprintf(end, sizeof end, "to the end");
    snprintf(text, size, "%.60s%s, %us %s: %s; %u window%s, %s operations", alert->rule, where,
             alert->start_s, end, figure, alert->windows, alert->windows == 1 ? "" : "s",
             quantity_count(count, sizeof count, alert->operations));
    return text;
}

const char *alert_describe_live(const struct result *result, const struct alert *alert, bool began,
                                char *text, size_t size)
{
    char where[160], figure[160];
    where_text(result, alert, where, sizeof where);
    figure_text(alert, alert->peak,
                began          ? ""
                : alert->below ? " down to"
                               : " up to",
                figure, sizeof figure);
    if (began)
        snprintf(text, size, "alert %.60s%s since %us: %s", alert->rule, where, alert->start_s,
                 figure);
    else
        snprintf(text, size, "alert %.60s%s is over at %us, after %us: %s", alert->rule, where,
                 alert->end.at_s, alert->end.at_s - alert->start_s, figure);
    return text;
}
