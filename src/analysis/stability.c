/* Does a constant load get constant service? */
#include "analysis/stability.h"

#include "analysis/intervals.h"
#include "analysis/quantity.h"
#include "analysis/series.h"
#include "analysis/statistics.h"
#include "base/clock.h"

#include <math.h>
#include <stdio.h>

#define P95 0.95

struct windows {
    size_t count, width; /* of so many seconds each */
    uint32_t start_s;    /* of the first, since the start of the run */
    double rate[STATISTICS_SERIES], p95_ns[STATISTICS_SERIES];
    uint64_t operations;
};

struct stability {
    struct trend rate, p95;
    double rate_change, p95_change; /* over the phase, of the value at its start */
    double p95_change_ns;
    struct estimate p95_drift, rate_drift; /* per second, of the value at the start */
    double rate_variation;                 /* deviation / mean */
    double p95_median_ns, worst_ns;
    uint32_t worst_s;
    bool slower, fewer;
};

/* Seconds to a window, so that most have their sample and the series stays short. */
static size_t width_of(const struct phase_target *target, size_t seconds)
{
    uint64_t ok = 0;
    for (size_t k = 0; k < seconds; k++) {
        const struct second *second = series_second(target, k);
        ok += second ? second->ok + second->censored : 0;
    }
    size_t width = (seconds + STATISTICS_SERIES - 1) / STATISTICS_SERIES;
    while (width < seconds && (double)ok * (double)width < STABILITY_SAMPLE * (double)seconds)
        width++;
    return width ? width : 1;
}

/* One in which nothing ended says nothing of p95: it takes that of the one before. */
static double p95_of(const struct windows *windows, const struct phase_target *target,
                     const struct histogram *latency, uint64_t censored)
{
    struct series_percentile found = series_percentile(latency, censored, P95);
    if (latency->count + censored == 0)
        return windows->count ? windows->p95_ns[windows->count - 1] : 0;
    return found.censored ? fmax(found.value_ns, (double)series_censored_ns(target))
                          : found.value_ns;
}

static int add_window(struct windows *windows, const struct phase_target *target, size_t from)
{
    struct histogram latency;
    uint64_t censored = 0;
    int status = 0;
    histogram_init(&latency);
    for (size_t k = from; k < from + windows->width && status == 0; k++) {
        const struct second *second = series_second(target, k);
        if (!second)
            continue;
        censored += second->censored;
        windows->operations += second->ok + second->failed + second->censored;
        status = histogram_merge(&latency, &second->latency);
    }
    windows->rate[windows->count] = (double)latency.count / (double)windows->width;
    windows->p95_ns[windows->count] = p95_of(windows, target, &latency, censored);
    windows->count++;
    histogram_free(&latency);
    return status;
}

static int read_windows(const struct result_phase *phase, const struct phase_target *target,
                        struct windows *windows)
{
    size_t seconds = series_whole_seconds(phase);
    *windows = (struct windows){.width = width_of(target, seconds)};
    windows->start_s = target->second_count ? target->seconds[0].at_s : 0;
    for (size_t from = 0; from + windows->width <= seconds; from += windows->width)
        if (add_window(windows, target, from) < 0)
            return -1;
    return 0;
}

/* As a share of where the line begins; of the median where that is below nothing, as it is for what
 * rises late. */
static double change(const struct trend *trend, const double *values, size_t count,
                     double *absolute)
{
    double begin = trend->intercept > 0 ? trend->intercept : statistics_median(values, count);
    *absolute = trend->slope * (double)(count - 1);
    return begin > 0 ? *absolute / begin : 0;
}

/* A slope as a share of the value at the start that it implies: the steeper, the lower that was. */
static double relative(const double *values, size_t count, size_t width, double slope)
{
    double rest[STATISTICS_SERIES];
    for (size_t i = 0; i < count; i++)
        rest[i] = values[i] - slope * (double)i;
    double start = statistics_median(rest, count);
    return start > 0 ? slope / start / (double)width : NAN;
}

static int drift_of(const double *values, size_t count, size_t width, struct estimate *drift)
{
    double at[STATISTICS_SERIES] = {0};
    struct estimate slope;
    for (size_t i = 0; i < count; i++)
        at[i] = (double)i;
    if (interval_slope(at, values, count, &slope) < 0)
        return -1;
    *drift = (struct estimate){relative(values, count, width, slope.value),
                               relative(values, count, width, slope.low),
                               relative(values, count, width, slope.high)};
    return 0;
}

static int test(const struct windows *windows, struct stability *found)
{
    double rate_change;
    if (drift_of(windows->p95_ns, windows->count, windows->width, &found->p95_drift) < 0 ||
        drift_of(windows->rate, windows->count, windows->width, &found->rate_drift) < 0)
        return -1;
    if (statistics_trend(windows->rate, windows->count, &found->rate) < 0 ||
        statistics_trend(windows->p95_ns, windows->count, &found->p95) < 0)
        return -1;
    found->rate_change = change(&found->rate, windows->rate, windows->count, &rate_change);
    found->p95_change = change(&found->p95, windows->p95_ns, windows->count, &found->p95_change_ns);
    double mean = statistics_mean(windows->rate, windows->count);
    if (mean > 0)
        found->rate_variation = statistics_deviation(windows->rate, windows->count) / mean;
    found->p95_median_ns = statistics_median(windows->p95_ns, windows->count);
    for (size_t i = 0; i < windows->count; i++)
        if (windows->p95_ns[i] > found->worst_ns) {
            found->worst_ns = windows->p95_ns[i];
            found->worst_s = windows->start_s + (uint32_t)(i * windows->width);
        }
    found->slower = found->p95.test.p < STABILITY_P && found->p95_change >= STABILITY_SIZE &&
                    found->p95_change_ns >= STABILITY_LATENCY_NS;
    found->fewer = found->rate.test.p < STABILITY_P && found->rate_change <= -STABILITY_SIZE;
    return 0;
}

static json_t *figures_of(const struct windows *windows, const struct stability *found)
{
    json_t *figures = json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "windows",
        (json_int_t)windows->count, "window_s", (json_int_t)windows->width, "p95_change",
        found->p95_change, "p95_change_ns", found->p95_change_ns, "p95_p", found->p95.test.p,
        "p95_autocorrelation", found->p95.autocorrelation, "rate_change", found->rate_change,
        "rate_p", found->rate.test.p, "rate_autocorrelation", found->rate.autocorrelation,
        "rate_variation", found->rate_variation, "p95_median_ns", found->p95_median_ns,
        "p95_worst_ns", found->worst_ns, "p95_worst_at_s", (json_int_t)found->worst_s);
    if (figures) {
        estimate_set(figures, "p95_drift_per_s", &found->p95_drift);
        estimate_set(figures, "rate_drift_per_s", &found->rate_drift);
    }
    return figures;
}

/* "; 95%: +0.5% to +1.2% a second", as far as it is known. */
static void describe_drift(const struct estimate *drift, char *text, size_t size)
{
    *text = '\0';
    if (isfinite(drift->low) && isfinite(drift->high))
        snprintf(text, size, "; 95%%: %+.2g%% to %+.2g%% a second", drift->low * 100,
                 drift->high * 100);
    else if (isfinite(drift->low))
        snprintf(text, size, "; 95%%: at least %+.2g%% a second", drift->low * 100);
}

static void describe(const struct windows *windows, const struct stability *found, const char *name,
                     const char *remark, char *text, size_t size)
{
    char worst[QUANTITY_SIZE], usual[QUANTITY_SIZE], variation[QUANTITY_SIZE], drift[80];
    describe_drift(&found->p95_drift, drift, sizeof drift);
    quantity_duration(worst, sizeof worst, quantity_whole(found->worst_ns));
    quantity_duration(usual, sizeof usual, quantity_whole(found->p95_median_ns));
    quantity_share(variation, sizeof variation, found->rate_variation);
    snprintf(text, size,
             "%.*s: %s: over %zu s p95 changed by %+.1f%% (p = %.2g%s), "
             "throughput by %+.1f%% (p = "
             "%.2g), varying by %s; worst p95 %s at %u s, median %s",
             quantity_cut(name, 60), name, remark, windows->count * windows->width,
             found->p95_change * 100, found->p95.test.p, drift, found->rate_change * 100,
             found->rate.test.p, variation, worst, found->worst_s, usual);
}

static int judge_target(struct result *result, const struct result_phase *phase,
                        const struct phase_target *target, bool saturated)
{
    struct windows windows;
    struct stability found = {.slower = false};
    char text[640];
    const char *remark = "stable";
    enum verdict verdict = VERDICT_PASS;
    if (read_windows(phase, target, &windows) < 0)
        return -1;
    if (windows.operations == 0)
        return 0;
    if (windows.count < STABILITY_WINDOWS) {
        snprintf(text, sizeof text,
                 "%.*s: too short to test for drift: %zu windows of %zu s, 10 needed",
                 quantity_cut(phase->name, 60), phase->name, windows.count, windows.width);
        return result_add_finding(result, "stability", phase->name, VERDICT_INFORMATION, NULL,
                                  ">= 10 windows", windows.operations, text);
    }
    if (test(&windows, &found) < 0)
        return -1;
    if (found.slower || found.fewer) {
        remark = found.slower ? "drifts, p95 rises" : "drifts, throughput falls";
        verdict = VERDICT_FAIL;
    }
    if (windows.count * windows.width < STABILITY_SECONDS || phase->partial || saturated) {
        remark = phase->partial ? "cut short, not judged"
                 : saturated    ? "the generator was a bottleneck, not judged"
                                : "shorter than 30 s, not judged";
        verdict = VERDICT_INFORMATION;
    }
    describe(&windows, &found, phase->name, remark, text, sizeof text);
    return result_add_finding(result, "stability", phase->name, verdict,
                              figures_of(&windows, &found),
                              "no trend (p < 0.01) of p95 by +20% and 1ms, or of throughput by "
                              "-20%, over 30 s or more",
                              windows.operations, text);
}

int stability_judge(struct result *result, const struct saturation *saturation)
{
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0;
             series_is(&result->phases[p], "peak") && t < result->phases[p].target_count; t++)
            if (judge_target(result, &result->phases[p], &result->phases[p].targets[t],
                             saturation->saturated) < 0)
                return -1;
    return 0;
}
