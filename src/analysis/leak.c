/* Memory on operations, and on time. */
#include "analysis/leak.h"

#include <math.h>
#include <stdlib.h>

struct sample {
    double at_s, bytes;
};

static bool is_of(const struct target_second *second, uint32_t target)
{
    return second->target == target && second->resident_bytes > 0;
}

static size_t collect(const struct result *result, uint32_t target, uint32_t from_s,
                      uint32_t until_s, struct sample *samples)
{
    size_t count = 0;
    for (size_t i = 0; i < result->watch_count; i++) {
        const struct target_second *second = &result->watch[i];
        if (is_of(second, target) && second->at_s >= from_s && second->at_s < until_s)
            samples[count++] = (struct sample){second->at_s, (double)second->resident_bytes};
    }
    return count;
}

/* Operations of the target finished by the end of each second of the run, 0 to `until_s` - 1. */
static double *finished_by(const struct result *result, uint32_t target, uint32_t until_s)
{
    double *finished = calloc((size_t)until_s + 1, sizeof *finished);
    for (size_t p = 0; finished && p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++) {
            const struct phase_target *one = &result->phases[p].targets[t];
            for (size_t s = 0; one->target == target && s < one->second_count; s++)
                if (one->seconds[s].at_s < until_s)
                    finished[one->seconds[s].at_s] +=
                        (double)(one->seconds[s].ok + one->seconds[s].failed +
                                 one->seconds[s].censored);
        }
    for (uint32_t s = 1; finished && s < until_s; s++)
        finished[s] += finished[s - 1];
    return finished;
}

/* Every so many-th sample, so that no more than INTERVAL_POINTS are left. */
static int slope_of(const struct sample *samples, size_t count, const double *finished,
                    struct estimate *slope)
{
    double x[INTERVAL_POINTS], y[INTERVAL_POINTS];
    size_t stride = (count + INTERVAL_POINTS - 1) / INTERVAL_POINTS, points = 0;
    for (size_t i = 0; i < count; i += stride, points++) {
        x[points] = finished ? finished[(size_t)samples[i].at_s] : samples[i].at_s;
        y[points] = samples[i].bytes;
    }
    return interval_slope(x, y, points, slope);
}

int leak_per_operation(const struct result *result, uint32_t target, uint32_t until_s,
                       struct estimate *bytes)
{
    struct sample *samples = calloc(result->watch_count + 1, sizeof *samples);
    double *finished = finished_by(result, target, until_s);
    int status = samples && finished ? 0 : -1;
    *bytes = (struct estimate){NAN, NAN, NAN};
    if (status == 0) {
        size_t count = collect(result, target, 0, until_s, samples), half = count / 2;
        if (count - half >= LEAK_SAMPLES)
            status = slope_of(samples + half, count - half, finished, bytes);
    }
    free(samples);
    free(finished);
    return status;
}

int leak_idle_per_s(const struct result *result, uint32_t target, uint32_t from_s,
                    struct estimate *bytes)
{
    struct sample *samples = calloc(result->watch_count + 1, sizeof *samples);
    *bytes = (struct estimate){NAN, NAN, NAN};
    if (!samples)
        return -1;
    size_t count = collect(result, target, from_s, UINT32_MAX, samples);
    int status = slope_of(samples, count, NULL, bytes);
    free(samples);
    return status;
}
