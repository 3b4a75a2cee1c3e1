/* See form_otlp.h: which metrics there are, and what they count. */
#include "report/form_otlp.h"

#include "base/clock.h"
#include "report/figures.h"
#include "report/form_rows.h"
#include "report/otlp_json.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- of the run ----------------------------------------------------------------------------- */

/* Who speaks: the same for every push of one run, and for one from its stored result. */
static json_t *resource_of(const struct result *result)
{
    json_t *resource = otlp_attributes();
    char instance[320];
    const char *key;
    json_t *value;
    snprintf(instance, sizeof instance, "%.256s-%" PRIu64, result->host ? result->host : "host",
             result->started_wall_ns);
    otlp_with_text(resource, "service.name", "cicada");
    otlp_with_text(resource, "service.version", result->cicada_version);
    otlp_with_text(resource, "service.instance.id", instance);
    otlp_with_text(resource, "host.name", result->host);
    otlp_with_text(resource, "cicada.plan", result->plan_name);
    json_object_foreach(result->tags, key, value)
    {
        char name[160];
        snprintf(name, sizeof name, "cicada.tag.%.140s", key);
        otlp_with_text(resource, name, json_string_value(value));
    }
    return resource;
}

static json_t *with_outcome(json_t *attributes, unsigned kind)
{
    return otlp_with_text(attributes, "outcome", outcome_kind_name((enum outcome_kind)kind));
}

static void add_run(struct otlp_metrics *metrics, const uint64_t *outcomes,
                    const struct histogram *latency)
{
    otlp_sum(metrics, "cicada.operations", "{operation}",
             "Finished operations by outcome, of the phases that count.");
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        if (outcomes[kind] || kind == OUTCOME_OK)
            otlp_add_count(metrics, with_outcome(otlp_attributes(), kind), outcomes[kind]);
    otlp_histogram(metrics, "cicada.operation.duration", "s",
                   "Latency of successful operations from their intended start.");
    otlp_add_histogram(metrics, NULL, latency);
}

/* ---- a run that goes on --------------------------------------------------------------------- */

void otlp_live_init(struct otlp_live *live)
{
    *live = (struct otlp_live){0};
    histogram_init(&live->latency);
}

void otlp_live_free(struct otlp_live *live)
{
    histogram_free(&live->latency);
}

int otlp_live_add(struct otlp_live *live, const struct engine_progress *progress)
{
    live->users = progress->users;
    live->arrival_rate = progress->arrival_rate;
    live->generator = progress->self ? progress->self->cpu_utilisation : 0;
    live->in_flight = progress->in_flight;
    live->queued = progress->queued;
    live->connections = progress->connections;
    if (progress->phase->kind == PHASE_WARMUP)
        return 0;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        live->outcomes[kind] += progress->outcomes[kind];
    return histogram_merge(&live->latency, progress->latency);
}

static void add_gauge(struct otlp_metrics *metrics, const char *name, const char *unit,
                      const char *description, double value)
{
    otlp_gauge(metrics, name, unit, description);
    otlp_add_number(metrics, NULL, value);
}

char *otlp_live_text(const struct otlp_live *live, const struct result *result,
                     uint64_t now_wall_ns)
{
    struct otlp_metrics metrics;
    otlp_metrics_init(&metrics, result->started_wall_ns, now_wall_ns);
    add_run(&metrics, live->outcomes, &live->latency);
    add_gauge(&metrics, "cicada.users", "{user}", "Virtual users.", live->users);
    add_gauge(&metrics, "cicada.arrivals", "{operation}/s", "Intended arrivals of an open load.",
              live->arrival_rate);
    add_gauge(&metrics, "cicada.operations.in_flight", "{operation}", "Under way.",
              (double)live->in_flight);
    add_gauge(&metrics, "cicada.operations.queued", "{operation}",
              "Due, waiting for max_in_flight.", (double)live->queued);
    add_gauge(&metrics, "cicada.connections", "{connection}", "Open.", (double)live->connections);
    add_gauge(&metrics, "cicada.generator.utilization", "1",
              "Share of a core that the busiest thread of cicada used.", live->generator);
    return otlp_request_text(&metrics, resource_of(result), result->cicada_version);
}

/* ---- a run that is over --------------------------------------------------------------------- */

static void add_end(struct otlp_metrics *metrics, const struct result *result)
{
    add_gauge(metrics, "cicada.run.duration", "s", "How long it took.",
              (double)result->duration_ns / (double)NS_PER_S);
    add_gauge(metrics, "cicada.run.exit_code", "1",
              "0 passed, 1 failed, 4 inconclusive, 130 interrupted.", result->exit_code);
    add_gauge(metrics, "cicada.run.partial", "1", "1 when it did not reach its end.",
              result->partial);
    add_gauge(metrics, "cicada.alerts", "{alert}", "Alerts that fired.",
              (double)result->alert_count);
    otlp_gauge(metrics, "cicada.findings", "{finding}", "Findings of each verdict.");
    for (enum verdict verdict = VERDICT_PASS; verdict <= VERDICT_INFORMATION; verdict++) {
        uint64_t count = 0;
        for (size_t i = 0; i < result->finding_count; i++)
            count += result->findings[i].verdict == verdict;
        otlp_add_count(metrics, otlp_with_text(otlp_attributes(), "verdict", verdict_name(verdict)),
                       count);
    }
}

static json_t *attributes_of(const struct subject *subject)
{
    json_t *attributes = otlp_attributes();
    if (subject->phase) {
        otlp_with_text(attributes, "phase", subject->phase->name);
        otlp_with_count(attributes, "phase.position",
                        (uint64_t)(subject->phase - subject->result->phases) + 1);
    } else if (subject->row) {
        const struct result_target *target = &subject->result->targets[subject->row->target];
        const struct result_operation *operation = &target->operations[subject->row->operation];
        otlp_with_text(attributes, "target", target->name);
        otlp_with_text(attributes, "operation", operation->name);
        otlp_with_text(attributes, "kind", operation->kind);
    }
    return attributes;
}

static void add_outcomes(struct otlp_metrics *metrics, const struct subject *subject)
{
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        if (subject->total->outcomes[kind] || kind == OUTCOME_OK)
            otlp_add_count(metrics, with_outcome(attributes_of(subject), kind),
                           subject->total->outcomes[kind]);
}

static void add_latency(struct otlp_metrics *metrics, const struct subject *subject)
{
    otlp_add_histogram(metrics, attributes_of(subject), &subject->total->latency_ok);
}

static void add_percentiles(struct otlp_metrics *metrics, const struct subject *subject)
{
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(subject->total, figure_percentiles[i].fraction);
        if (percentile.known)
            otlp_add_number(metrics,
                            otlp_with_number(attributes_of(subject), "quantile",
                                             figure_percentiles[i].fraction),
                            (double)percentile.value_ns / (double)NS_PER_S);
    }
}

static void add_rate(struct otlp_metrics *metrics, const struct subject *subject)
{
    otlp_add_number(
        metrics, attributes_of(subject),
        figures_rate(measurement_finished(subject->total), subject->phase->duration_ns));
}

static void add_users(struct otlp_metrics *metrics, const struct subject *subject)
{
    otlp_add_number(metrics, attributes_of(subject), result_phase_peak_users(subject->phase));
}

/* One row is one metric, told of every subject. */
struct metric {
    void (*begin)(struct otlp_metrics *metrics, const char *name, const char *unit,
                  const char *description);
    const char *name, *unit, *description;
    void (*add)(struct otlp_metrics *metrics, const struct subject *subject);
};

#define PERCENTILES "Percentiles of latency that the sample carries, timeouts at what they took."

static const struct metric phase_metrics[] = {
    {otlp_sum, "cicada.phase.operations", "{operation}", "Finished operations of a phase.",
     add_outcomes},
    {otlp_gauge, "cicada.phase.operation.rate", "{operation}/s",
     "Finished operations per second of offered load.", add_rate},
    {otlp_gauge, "cicada.phase.users.peak", "{user}", "Most virtual users at a time.", add_users},
    {otlp_histogram, "cicada.phase.operation.duration", "s", "Latency of successful operations.",
     add_latency},
    {otlp_gauge, "cicada.phase.operation.duration.percentile", "s", PERCENTILES, add_percentiles},
};
static const struct metric operation_metrics[] = {
    {otlp_sum, "cicada.target.operations", "{operation}", "Finished operations by name.",
     add_outcomes},
    {otlp_histogram, "cicada.target.operation.duration", "s", "Latency of successful operations.",
     add_latency},
    {otlp_gauge, "cicada.target.operation.duration.percentile", "s", PERCENTILES, add_percentiles},
};

/* A metric of phases that is being added. */
struct phase_metric {
    struct otlp_metrics *metrics;
    const struct metric *metric;
};

static void add_phase(void *context, const struct subject *subject)
{
    const struct phase_metric *adding = context;
    adding->metric->add(adding->metrics, subject);
}

static int add_phases(struct otlp_metrics *metrics, const struct result *result,
                      const struct metric *metric)
{
    struct phase_metric adding = {metrics, metric};
    metric->begin(metrics, metric->name, metric->unit, metric->description);
    return result_each_phase(result, add_phase, &adding);
}

static void add_operations(struct otlp_metrics *metrics, const struct result *result,
                           const struct operation_rows *rows, const struct metric *metric)
{
    metric->begin(metrics, metric->name, metric->unit, metric->description);
    for (size_t i = 0; i < rows->count; i++) {
        struct subject subject = {
            .result = result, .row = &rows->rows[i], .total = &rows->rows[i].total};
        metric->add(metrics, &subject);
    }
}

static int add_all(struct otlp_metrics *metrics, const struct result *result)
{
    struct measurement total;
    struct operation_rows rows;
    const struct subject run = {.result = result, .total = &total};
    measurement_init(&total);
    int status = result_total(result, &total);
    if (operation_rows_collect(&rows, result) < 0)
        status = -1;
    add_run(metrics, total.outcomes, &total.latency_ok);
    otlp_gauge(metrics, "cicada.operation.duration.percentile", "s", PERCENTILES);
    add_percentiles(metrics, &run);
    add_end(metrics, result);
    for (size_t i = 0; status == 0 && i < sizeof phase_metrics / sizeof *phase_metrics; i++)
        status = add_phases(metrics, result, &phase_metrics[i]);
    for (size_t i = 0; status == 0 && i < sizeof operation_metrics / sizeof *operation_metrics; i++)
        add_operations(metrics, result, &rows, &operation_metrics[i]);
    operation_rows_free(&rows);
    measurement_free(&total);
    return status;
}

char *otlp_result_text(const struct result *result)
{
    struct otlp_metrics metrics;
    otlp_metrics_init(&metrics, result->started_wall_ns,
                      result->started_wall_ns + result->duration_ns);
    if (add_all(&metrics, result) < 0)
        metrics.failed = true;
    return otlp_request_text(&metrics, resource_of(result), result->cicada_version);
}
