/* See recovery.h. */
#include "engine/recovery.h"

#include "base/clock.h"

#include <stdio.h>

#define P95_FACTOR     1.5
#define P95_EXTRA_NS   (5 * NS_PER_MS)
#define ERRORS_EXTRA   0.01
#define WINDOWS_WITHIN 3

static uint64_t p95_limit(const struct recovery_baseline *baseline);
static double error_rate(uint64_t failed, uint64_t finished);

bool recovery_baseline_begin(struct recovery_baseline *baseline, const struct phase *phase)
{
    bool serves =
        phase->kind == PHASE_RAMP_UP ||
        (!baseline->has_baseline && phase->kind != PHASE_WARMUP && phase->kind != PHASE_STRESS &&
         phase->kind != PHASE_RECOVERY && phase->kind != PHASE_IDLE);
    if (!serves || phase->point_count == 0)
        return false;
    recovery_baseline_free(baseline);
    snprintf(baseline->phase, sizeof baseline->phase, "%s", phase->name);
    baseline->users = phase->points[0].level;
    uint64_t last_ns = phase->points[phase->point_count - 1].at_ns;
    baseline->until_ns = last_ns ? last_ns : UINT64_MAX;
    if (phase->stepped && phase->point_count > 1)
        baseline->until_ns = phase->points[1].at_ns;
    else if (phase->point_count > 1 && phase->points[0].level != phase->points[1].level)
        baseline->until_ns = phase->points[1].at_ns / 10; /* a slope: its beginning */
    return true;
}

void recovery_baseline_slice(struct recovery_baseline *baseline, uint64_t slice_end_ns,
                             const struct record *record)
{
    if (slice_end_ns > baseline->until_ns)
        return;
    histogram_merge(&baseline->latency, &record->latency);
    baseline->finished += record->ok + record->failed + record->censored;
    baseline->failed += record->failed + record->censored;
    baseline->has_baseline = baseline->has_baseline || record->ok > 0;
}

void recovery_baseline_free(struct recovery_baseline *baseline)
{
    histogram_free(&baseline->latency);
    *baseline = (struct recovery_baseline){0};
    histogram_init(&baseline->latency);
}

int recovery_begin(struct recovery *recovery, const struct recovery_baseline *baseline,
                   uint64_t window_ns)
{
    *recovery =
        (struct recovery){.baseline = baseline, .window_ns = window_ns, .windows = json_array()};
    return recovery->windows ? 0 : -1;
}

bool recovery_window(struct recovery *recovery, uint64_t window_end_ns, const struct record *record)
{
    const struct recovery_baseline *baseline = recovery->baseline;
    if (recovery->recovered || !recovery->windows)
        return recovery->recovered;
    uint64_t failed = record->failed + record->censored, finished = failed + record->ok;
    uint64_t p95 = histogram_quantile(&record->latency, 0.95);
    double errors = error_rate(failed, finished);
    bool within = baseline->has_baseline && record->ok > 0 && p95 <= p95_limit(baseline) &&
                  errors <= error_rate(baseline->failed, baseline->finished) + ERRORS_EXTRA;
    if (!within)
        recovery->within = 0;
    else if (recovery->within++ == 0)
        recovery->first_within_ns = window_end_ns;
    recovery->recovered = recovery->within >= WINDOWS_WITHIN;
    uint64_t slow =
        record->latency.count - histogram_count_up_to(&record->latency, p95_limit(baseline));
    json_array_append_new(
        recovery->windows,
        json_pack("{s:I,s:I,s:f,s:I,s:I,s:I,s:b}", "end_ns", (json_int_t)window_end_ns, "p95_ns",
                  (json_int_t)p95, "error_rate", errors, "finished", (json_int_t)finished, "failed",
                  (json_int_t)failed, "slow", (json_int_t)slow, "within", within));
    return recovery->recovered;
}

void recovery_end(struct recovery *recovery, struct result_phase *phase)
{
    const struct recovery_baseline *baseline = recovery->baseline;
    json_t *evidence = json_object();
    phase->has_recovery = true;
    phase->recovered = recovery->recovered;
    phase->recovery_ns = recovery->recovered ? recovery->first_within_ns : 0;
    if (baseline->has_baseline)
        json_object_set_new(
            evidence, "baseline",
            json_pack("{s:s,s:f,s:I,s:f,s:I}", "phase", baseline->phase, "users", baseline->users,
                      "p95_ns", (json_int_t)histogram_quantile(&baseline->latency, 0.95),
                      "error_rate", error_rate(baseline->failed, baseline->finished), "sample",
                      (json_int_t)baseline->finished));
    else
        json_object_set_new(evidence, "baseline", json_null());
    json_object_set_new(evidence, "tolerance",
                        json_pack("{s:f,s:I,s:f,s:i}", "p95_factor", P95_FACTOR, "p95_extra_ns",
                                  (json_int_t)P95_EXTRA_NS, "error_rate_extra", ERRORS_EXTRA,
                                  "windows", WINDOWS_WITHIN));
    json_object_set_new(evidence, "window_ns", json_integer((json_int_t)recovery->window_ns));
    json_object_set_new(evidence, "windows", recovery->windows);
    phase->recovery = evidence;
    recovery->windows = NULL;
}

static uint64_t p95_limit(const struct recovery_baseline *baseline)
{
    uint64_t p95 = histogram_quantile(&baseline->latency, 0.95);
    uint64_t scaled = (uint64_t)((double)p95 * P95_FACTOR);
    return scaled > p95 + P95_EXTRA_NS ? scaled : p95 + P95_EXTRA_NS;
}

static double error_rate(uint64_t failed, uint64_t finished)
{
    return finished ? (double)failed / (double)finished : 0;
}
