/* Does the target give back what it took? */
#include "analysis/release.h"

#include "analysis/quantity.h"
#include "analysis/series.h"
#include "analysis/statistics.h"
#include "base/clock.h"

#include <math.h>
#include <stdio.h>

static const struct result_phase *idle_of(const struct result *result)
{
    for (size_t p = result->phase_count; p > 0; p--)
        if (series_is(&result->phases[p - 1], "idle"))
            return &result->phases[p - 1];
    return NULL;
}

/* cicada's connections to the target at the end of that second; the latest phase has the word. */
static double connections_at(const struct result *result, uint32_t target, uint32_t at_s)
{
    double connections = 0;
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++) {
            const struct phase_target *one = &result->phases[p].targets[t];
            for (size_t s = 0; one->target == target && s < one->second_count; s++)
                if (one->seconds[s].at_s == at_s)
                    connections = one->seconds[s].connections;
        }
    return connections;
}

static double started(const struct result *result, uint32_t target)
{
    double sum = 0;
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++)
            for (size_t o = 0; result->phases[p].targets[t].target == target &&
                               o < result->phases[p].targets[t].operation_count;
                 o++)
                sum += (double)result->phases[p].targets[t].operations[o].started;
    return sum;
}

static bool kept(double before, double after, double least)
{
    return after - before > least && after - before > RELEASE_SHARE * before;
}

/* Memory over the second half of the samples before the idle phase: several to a value when there
 * are many. */
static bool is_growing(const struct result *result, uint32_t target, uint32_t idle_s,
                       uint32_t samples)
{
    double series[STATISTICS_SERIES];
    size_t count = 0, seen = 0, width = samples / 2 / STATISTICS_SERIES + 1;
    struct trend trend;
    if (samples < RELEASE_SAMPLES)
        return false;
    for (size_t i = 0; i < result->watch_count && count < STATISTICS_SERIES; i++) {
        const struct target_second *second = &result->watch[i];
        if (second->target != target || second->at_s >= idle_s || second->resident_bytes == 0)
            continue;
        if (seen++ >= samples / 2 && (seen - samples / 2) % width == 0)
            series[count++] = (double)second->resident_bytes;
    }
    if (statistics_trend(series, count, &trend) < 0 || trend.test.p >= 0.01)
        return false;
    return kept(trend.intercept, trend.intercept + trend.slope * (double)count,
                (double)RELEASE_MEMORY);
}

/* The first and the last sample, and how many lie before the idle phase. */
static void find_samples(const struct result *result, uint32_t target, uint32_t idle_s,
                         struct release *found, const struct target_second *ends[2])
{
    for (size_t i = 0; i < result->watch_count; i++) {
        const struct target_second *second = &result->watch[i];
        if (second->target != target || second->resident_bytes == 0)
            continue;
        found->samples += second->at_s < idle_s;
        if (!ends[0])
            ends[0] = second;
        ends[1] = second;
    }
    found->sampled = ends[0] && ends[0]->at_s < idle_s && ends[1]->at_s >= idle_s;
}

static void read_samples(const struct result *result, uint32_t target, struct release *found,
                         const struct target_second *first, const struct target_second *last)
{
    const struct result_target *before = &result->targets[target];
    double early = fmax(0, first->descriptors - connections_at(result, target, first->at_s));
    bool known = before->resident_before > 0;
    found->memory_before = known ? before->resident_before : first->resident_bytes;
    found->descriptors_before = known ? before->descriptors_before : early;
    found->threads_before = known ? before->threads_before : first->threads;
    found->memory_after = last->resident_bytes;
    found->descriptors_after =
        fmax(0, last->descriptors - connections_at(result, target, last->at_s));
    found->threads_after = last->threads;
    found->memory_kept =
        kept((double)found->memory_before, (double)found->memory_after, (double)RELEASE_MEMORY);
    found->descriptors_kept =
        kept(found->descriptors_before, found->descriptors_after, RELEASE_DESCRIPTORS);
    found->descriptors_grew =
        found->descriptors_kept && kept(early, found->descriptors_after, RELEASE_DESCRIPTORS);
    found->threads_kept = kept(found->threads_before, found->threads_after, RELEASE_THREADS);
}

int release_of(const struct result *result, uint32_t target, struct release *found)
{
    const struct target_second *ends[2] = {NULL, NULL};
    const struct result_phase *idle = idle_of(result);
    *found = (struct release){.sampled = false};
    if (!idle)
        return 0;
    uint32_t idle_s = (uint32_t)(idle->start_ns / NS_PER_S);
    found->idle_s = (uint32_t)(idle->duration_ns / NS_PER_S);
    find_samples(result, target, idle_s, found, ends);
    if (!found->sampled)
        return 0;
    read_samples(result, target, found, ends[0], ends[1]);
    if (leak_per_operation(result, target, idle_s, &found->leak) < 0 ||
        leak_idle_per_s(result, target, idle_s, &found->idle_per_s) < 0)
        return -1;
    found->growing = is_growing(result, target, idle_s, found->samples);
    double falls = -found->idle_per_s.high * found->idle_s; /* NaN when not known */
    double still = (double)found->memory_after - (double)found->memory_before;
    found->gives_back = found->memory_kept && falls > 0 && falls >= RELEASE_SHARE * (still + falls);
    double operations = started(result, target);
    if (found->memory_kept && operations > 0)
        found->growth_per_operation =
            ((double)found->memory_after - (double)found->memory_before) / operations;
    return 0;
}

/* ---- the finding ---------------------------------------------------------------------------- */

static json_t *figures_of(const struct release *found)
{
    json_t *figures = json_pack(
        "{s:I, s:I, s:f, s:f, s:I, s:I, s:b, s:f, s:I}", "memory_before_bytes",
        (json_int_t)found->memory_before, "memory_after_bytes", (json_int_t)found->memory_after,
        "descriptors_before", found->descriptors_before, "descriptors_after",
        found->descriptors_after, "threads_before", (json_int_t)found->threads_before,
        "threads_after", (json_int_t)found->threads_after, "memory_growing", found->growing,
        "memory_per_operation_bytes", found->growth_per_operation, "idle_s",
        (json_int_t)found->idle_s);
    if (figures) {
        estimate_set(figures, "leak_per_operation_bytes", &found->leak);
        estimate_set(figures, "idle_memory_per_s_bytes", &found->idle_per_s);
    }
    return figures;
}

static const char *signed_bytes(char *text, size_t size, double bytes)
{
    char amount[QUANTITY_SIZE];
    quantity_bytes(amount, sizeof amount, quantity_whole(fabs(bytes)));
    snprintf(text, size, "%s%s", bytes < 0 ? "-" : "", amount);
    return text;
}

/* What the samples say beyond before and after. */
static void describe_memory(const struct release *found, char *text, size_t size)
{
    char low[QUANTITY_SIZE + 1], high[QUANTITY_SIZE + 1];
    text[0] = 0;
    if (found->gives_back)
        snprintf(text, size, "; memory still falls, by %s to %s a second",
                 signed_bytes(low, sizeof low, -found->idle_per_s.high),
                 signed_bytes(high, sizeof high, -found->idle_per_s.low));
    else if (found->memory_kept && found->leak.low > 0)
        snprintf(text, size, "; under load it grew by %s to %s per operation (95%%)",
                 signed_bytes(low, sizeof low, found->leak.low),
                 signed_bytes(high, sizeof high, found->leak.high));
}

static int judge_target(struct result *result, uint32_t target, const struct release *found)
{
    char text[512], before[QUANTITY_SIZE], after[QUANTITY_SIZE], memory[160], why[160] = "";
    const char *name = result->targets[target].name ? result->targets[target].name : "target";
    bool any = found->memory_kept || found->descriptors_kept || found->threads_kept;
    bool leaks =
        found->descriptors_grew || (found->memory_kept && found->growing && !found->gives_back);
    bool early = found->idle_s < RELEASE_IDLE_S;
    quantity_bytes(before, sizeof before, found->memory_before);
    quantity_bytes(after, sizeof after, found->memory_after);
    describe_memory(found, memory, sizeof memory);
    if (any)
        snprintf(why, sizeof why, "not released:%s%s%s%s", found->memory_kept ? " memory" : "",
                 found->descriptors_kept ? " descriptors" : "",
                 found->threads_kept ? " threads" : "",
                 found->memory_kept && found->growing ? ", which grew to the end" : "");
    snprintf(text, sizeof text,
             "%.*s: %s%s: memory %s to %s, descriptors %.0f to %.0f (without cicada's "
             "connections), threads %u to %u, after %u s without load%s",
             quantity_cut(name, 60), name, any ? why : "released",
             early ? " (too short an idle time to judge)" : "", before, after,
             found->descriptors_before, found->descriptors_after, found->threads_before,
             found->threads_after, found->idle_s, memory);
    return result_add_finding(result, "release", name,
                              leaks && !early ? VERDICT_FAIL
                              : any || early  ? VERDICT_INFORMATION
                                              : VERDICT_PASS,
                              figures_of(found),
                              "at most 20% above before, or by at most 10 MB, 10 descriptors, 10 "
                              "threads; memory fails when it also grew to the end",
                              found->samples, text);
}

int release_judge(struct result *result)
{
    for (uint32_t t = 0; t < result->target_count; t++) {
        struct release found;
        if (release_of(result, t, &found) < 0)
            return -1;
        if (found.sampled && judge_target(result, t, &found) < 0)
            return -1;
    }
    return 0;
}
