/* Was the generator the bottleneck? */
#include "analysis/saturation.h"

#include "analysis/quantity.h"

#include <stdio.h>
#include <string.h>

#define QUANTILE_LAG   0.95
#define QUANTILE_DELAY 0.99

struct offered { /* one second of the run, all targets and phases */
    bool load;
    uint64_t p95_ns, p99_ns; /* the slowest target's; 0 when nothing finished ok */
};

static struct offered offered_at(const struct result *result, uint32_t at_s)
{
    struct offered offered = {.load = false};
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; result_phase_counts(phase) && t < phase->target_count; t++)
            for (size_t s = 0; s < phase->targets[t].second_count; s++) {
                const struct second *second = &phase->targets[t].seconds[s];
                if (second->at_s != at_s || (second->started == 0 && second->in_flight == 0))
                    continue;
                uint64_t p95 = histogram_quantile(&second->latency, QUANTILE_LAG);
                uint64_t p99 = histogram_quantile(&second->latency, QUANTILE_DELAY);
                offered.load = true;
                if (p95 > offered.p95_ns)
                    offered.p95_ns = p95;
                if (p99 > offered.p99_ns)
                    offered.p99_ns = p99;
            }
    }
    return offered;
}

static bool enough(uint32_t seconds, uint32_t of)
{
    return seconds >= SATURATION_SECONDS && seconds >= SATURATION_SHARE * of;
}

struct saturation saturation_of(const struct result *result)
{
    struct saturation found = {.saturated = false};
    for (size_t i = 0; i < result->self_count; i++) {
        const struct self_second *self = &result->self[i];
        struct offered offered = offered_at(result, self->at_s);
        if (!offered.load)
            continue;
        found.seconds++;
        found.cpu += self->cpu_utilisation >= SATURATION_CPU;
        found.lag += self->scheduling_lag_ns >= SATURATION_LAG_NS &&
                     self->scheduling_lag_ns > offered.p95_ns;
        found.delay += self->send_delay_p99_ns >= SATURATION_DELAY_NS &&
                       self->send_delay_p99_ns > offered.p99_ns / 2;
        found.blurred += self->send_delay_p99_ns >= BLUR_DELAY_NS &&
                         self->send_delay_p99_ns > offered.p99_ns / 10;
        if (self->cpu_utilisation > found.cpu_highest)
            found.cpu_highest = self->cpu_utilisation;
        if (self->scheduling_lag_ns > found.lag_highest_ns)
            found.lag_highest_ns = self->scheduling_lag_ns;
        if (self->send_delay_p99_ns > found.delay_highest_ns)
            found.delay_highest_ns = self->send_delay_p99_ns;
    }
    found.saturated = enough(found.cpu, found.seconds) || enough(found.lag, found.seconds) ||
                      enough(found.delay, found.seconds);
    return found;
}

static json_t *figures(const struct saturation *saturation)
{
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:f, s:I, s:I}", "seconds", (int)saturation->seconds,
        "seconds_cpu", (int)saturation->cpu, "seconds_lag", (int)saturation->lag, "seconds_delay",
        (int)saturation->delay, "seconds_blurred", (int)saturation->blurred, "cpu_highest",
        saturation->cpu_highest, "lag_highest_ns", (json_int_t)saturation->lag_highest_ns,
        "send_delay_p99_highest_ns", (json_int_t)saturation->delay_highest_ns);
}

static void describe(const struct saturation *saturation, char *text, size_t size)
{
    char cpu[QUANTITY_SIZE], lag[QUANTITY_SIZE], delay[QUANTITY_SIZE];
    quantity_share(cpu, sizeof cpu, saturation->cpu_highest);
    quantity_duration(lag, sizeof lag, saturation->lag_highest_ns);
    quantity_duration(delay, sizeof delay, saturation->delay_highest_ns);
    char paced[QUANTITY_SIZE + 32] = "";
    if (saturation->delay_highest_ns)
        snprintf(paced, sizeof paced, ", send delay p99 at most %s", delay);
    if (saturation->seconds == 0)
        snprintf(text, size,
                 "no second of load in which cicada watched itself: whether it was the "
                 "bottleneck is not known");
    else if (!saturation->saturated && saturation->cpu)
        snprintf(text, size,
                 "the generator kept up: of %u seconds only %u with a worker busy 95%% of the time "
                 "or more (highest %s), timers at most %s late%s",
                 saturation->seconds, saturation->cpu, cpu, lag, paced);
    else if (!saturation->saturated)
        snprintf(
            text, size,
            "the generator kept up: busiest worker busy %s of the time at most, timers at most %s "
            "late%s, over %u second%s",
            cpu, lag, paced, saturation->seconds, saturation->seconds == 1 ? "" : "s");
    else
        snprintf(
            text, size,
            "the generator was a bottleneck: of %u seconds, %u with a worker busy 95%% of the time "
            "or more (highest %s), %u with timers later than the latencies measured (%s), %u "
            "with operations sent late (p99 %s); use more cores or less load",
            saturation->seconds, saturation->cpu, cpu, saturation->lag, lag, saturation->delay,
            delay);
}

static int add_blur(struct result *result, const struct saturation *saturation);

int saturation_judge(struct result *result, const struct saturation *saturation)
{
    char text[512];
    enum verdict verdict = saturation->saturated ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
    if (saturation->seconds == 0)
        verdict = VERDICT_INFORMATION;
    describe(saturation, text, sizeof text);
    if (result_add_finding(
            result, "generator_saturated", "generator", verdict, figures(saturation),
            "fewer than 10% of the seconds (or fewer than 2) with worker CPU >= 95%, "
            "lag >= 100ms and above p95, or send delay p99 >= 20ms and above p99 / 2",
            saturation->seconds, text) < 0)
        return -1;
    return saturation->saturated || !enough(saturation->blurred, saturation->seconds)
               ? 0
               : add_blur(result, saturation);
}

static int add_blur(struct result *result, const struct saturation *saturation)
{
    char text[256], delay[QUANTITY_SIZE];
    snprintf(
        text, sizeof text,
        "in %u of %u seconds the generator's own delay is a part of the tail (send delay p99 up "
        "to %s): take high percentiles as upper bounds",
        saturation->blurred, saturation->seconds,
        quantity_duration(delay, sizeof delay, saturation->delay_highest_ns));
    return result_add_finding(result, "generator_delay", "generator", VERDICT_INFORMATION,
                              figures(saturation),
                              "fewer than 10% of the seconds (or fewer than 2) with send delay p99 "
                              ">= 1ms and above p99 / 10",
                              saturation->seconds, text);
}
