/* The derived figures of result.json. */
#include "report/figures.h"

#include "base/clock.h"

const struct figure_percentile figure_percentiles[FIGURE_PERCENTILES] = {
    {"p50", "p50", 0.5},  {"p90", "p90", 0.9},       {"p95", "p95", 0.95},
    {"p99", "p99", 0.99}, {"p99_9", "p99.9", 0.999},
};

double figures_rate(uint64_t count, uint64_t duration_ns)
{
    return duration_ns ? (double)count * (double)NS_PER_S / (double)duration_ns : 0;
}

static json_t *percentile_json(const struct percentile *percentile)
{
    if (!percentile->known)
        return json_null();
    json_t *object = json_pack("{s:I}", "ns", (json_int_t)percentile->value_ns);
    if (object && percentile->interval.known) {
        json_object_set_new(object, "low_ns",
                            json_integer((json_int_t)percentile->interval.low_ns));
        json_object_set_new(object, "high_ns",
                            json_integer((json_int_t)percentile->interval.high_ns));
    }
    if (object && percentile->lower_bound)
        json_object_set_new(object, "lower_bound", json_true());
    return object;
}

json_t *figures_json(const struct measurement *measurement, uint64_t duration_ns)
{
    uint64_t count = measurement_finished(measurement);
    json_t *figures =
        json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I}", "count", (json_int_t)count, "ok",
                  (json_int_t)measurement->outcomes[OUTCOME_OK], "failed",
                  (json_int_t)measurement_failed(measurement), "censored",
                  (json_int_t)measurement->latency_censored.count, "error_rate",
                  measurement_error_rate(measurement), "rate_per_s",
                  figures_rate(count, duration_ns), "mean_ns", measurement_mean_ns(measurement),
                  "max_ns", (json_int_t)measurement_max_ns(measurement));
    if (!figures)
        return NULL;
    if (measurement_max_is_lower_bound(measurement))
        json_object_set_new(figures, "max_is_lower_bound", json_true());
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(measurement, figure_percentiles[i].fraction);
        if (json_object_set_new(figures, figure_percentiles[i].key, percentile_json(&percentile)) <
            0) {
            json_decref(figures);
            return NULL;
        }
    }
    json_object_set_new(figures, "service_mean_ns",
                        json_real(histogram_mean(&measurement->service_ok)));
    return figures;
}

/* ---- attaching ------------------------------------------------------------------------------ */

static int attach(json_t *object, const struct measurement *measurement, uint64_t duration_ns)
{
    return object ? json_object_set_new(object, "figures", figures_json(measurement, duration_ns))
                  : -1;
}

static int attach_phase_target(json_t *object, const struct phase_target *target,
                               uint64_t duration_ns)
{
    json_t *operations = json_object_get(object, "operations");
    for (size_t i = 0; i < target->operation_count; i++)
        if (attach(json_array_get(operations, i), &target->operations[i], duration_ns) < 0)
            return -1;
    struct measurement total;
    measurement_init(&total);
    int status = result_target_total(target, &total);
    if (status == 0)
        status = attach(object, &total, duration_ns);
    measurement_free(&total);
    return status;
}

static int attach_phase(json_t *object, const struct result_phase *phase)
{
    json_t *targets = json_object_get(object, "targets");
    for (size_t i = 0; i < phase->target_count; i++)
        if (attach_phase_target(json_array_get(targets, i), &phase->targets[i],
                                phase->duration_ns) < 0)
            return -1;
    struct measurement total;
    measurement_init(&total);
    int status = result_phase_total(phase, -1, &total);
    if (status == 0)
        status = attach(object, &total, phase->duration_ns);
    measurement_free(&total);
    return status;
}

static int attach_operation(json_t *object, const struct result *result, uint32_t target,
                            uint32_t operation)
{
    struct measurement total;
    measurement_init(&total);
    int status = result_operation_total(result, target, operation, &total);
    if (status == 0)
        status = attach(object, &total, result_load_duration_ns(result));
    measurement_free(&total);
    return status;
}

int figures_attach(json_t *document, const struct result *result)
{
    json_t *phases = json_object_get(document, "phases");
    for (size_t i = 0; i < result->phase_count; i++)
        if (attach_phase(json_array_get(phases, i), &result->phases[i]) < 0)
            return -1;
    json_t *targets = json_object_get(document, "targets");
    for (uint32_t t = 0; t < result->target_count; t++) {
        json_t *operations = json_object_get(json_array_get(targets, t), "operations");
        for (uint32_t o = 0; o < result->targets[t].operation_count; o++)
            if (attach_operation(json_array_get(operations, o), result, t, o) < 0)
                return -1;
    }
    struct measurement total;
    measurement_init(&total);
    int status = result_total(result, &total);
    if (status == 0)
        status = attach(document, &total, result_load_duration_ns(result));
    measurement_free(&total);
    return status;
}
