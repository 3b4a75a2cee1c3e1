/* Prometheus' text format (exposition format 0.0.4), for the text file collector or a push gateway.
 * Base units, no time stamps. A quantile that the sample is too small for is left out. */
#include "base/clock.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_rows.h"
#include "report/form_write.h"

#include <inttypes.h>
#include <string.h>

static void head(FILE *file, const char *name, const char *type, const char *help)
{
    fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(FILE *file, const char *separator, const char *name, const char *value)
{
    fprintf(file, "%s%s=\"", separator, name);
    escape_prometheus(file, value);
    fputc('"', file);
}

static double seconds_of(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* ---- the run -------------------------------------------------------------------------------- */

static void gauge(FILE *file, const char *name, const char *help, double value)
{
    head(file, name, "gauge", help);
    fprintf(file, "%s %.15g\n", name, value);
}

static void write_run(FILE *file, const struct result *result)
{
    head(file, "cicada_run_info", "gauge", "What was run; always 1.");
    fputs("cicada_run_info", file);
    label(file, "{", "version", result->cicada_version);
    label(file, ",", "plan", result->plan_name);
    label(file, ",", "verdict", verdict_name(result->verdict));
    fputs("} 1\n", file);
    gauge(file, "cicada_run_start_timestamp_seconds", "When it began, since 1970.",
          seconds_of(result->started_wall_ns));
    gauge(file, "cicada_run_duration_seconds", "How long it took.",
          seconds_of(result->duration_ns));
    gauge(file, "cicada_run_exit_code", "0 passed, 1 failed, 4 inconclusive, 130 interrupted.",
          result->exit_code);
    gauge(file, "cicada_run_partial", "1 when it did not reach its end.", result->partial);
    head(file, "cicada_findings", "gauge", "Findings of each verdict.");
    for (enum verdict verdict = VERDICT_PASS; verdict <= VERDICT_INFORMATION; verdict++) {
        unsigned count = 0;
        for (size_t i = 0; i < result->finding_count; i++)
            count += result->findings[i].verdict == verdict;
        fprintf(file, "cicada_findings{verdict=\"%s\"} %u\n", verdict_name(verdict), count);
    }
}

/* ---- alerts --------------------------------------------------------------------------------- */

static uint32_t alert_seconds(const struct result *result, const struct alert *alert)
{
    uint64_t end_s =
        alert->end.known ? alert->end.at_s : (result->duration_ns + NS_PER_S / 2) / NS_PER_S;
    return end_s > alert->start_s ? (uint32_t)(end_s - alert->start_s) : 0;
}

/* A series for each rule that was watched, also for those that never fired: 0 is not unknown. */
static void write_alerts_of(FILE *file, const struct result *result, const char *name, bool seconds)
{
    const json_t *rules = json_object_get(result->judging, "alerts"), *rule;
    size_t index;
    json_array_foreach(rules, index, rule)
    {
        const char *of = json_string_value(json_object_get(rule, "rule"));
        const char *metric = json_string_value(json_object_get(rule, "metric"));
        uint64_t sum = 0;
        if (!of || !metric)
            continue;
        for (size_t i = 0; i < result->alert_count; i++)
            if (strcmp(result->alerts[i].rule, of) == 0 &&
                strcmp(result->alerts[i].metric, metric) == 0)
                sum += seconds ? alert_seconds(result, &result->alerts[i]) : 1;
        fputs(name, file);
        label(file, "{", "rule", of); /* one may be there twice, with metrics of its own */
        label(file, ",", "metric", metric);
        fprintf(file, "} %" PRIu64 "\n", sum);
    }
}

static void write_alerts(FILE *file, const struct result *result)
{
    if (json_array_size(json_object_get(result->judging, "alerts")) == 0)
        return;
    head(file, "cicada_alerts", "gauge", "How often each alert rule fired.");
    write_alerts_of(file, result, "cicada_alerts", false);
    head(file, "cicada_alert_seconds", "gauge", "How long each alert rule held.");
    write_alerts_of(file, result, "cicada_alert_seconds", true);
}

/* ---- phases and operations ------------------------------------------------------------------ */

static void write_labels(FILE *file, const struct subject *subject)
{
    if (subject->phase) {
        label(file, "{", "phase", subject->phase->name);
        /* two phases of a plan may have one name, two series must not */
        fprintf(file, ",position=\"%td\"", subject->phase - subject->result->phases + 1);
        return;
    }
    const struct result_target *target = &subject->result->targets[subject->row->target];
    label(file, "{", "target", target->name);
    label(file, ",", "operation", target->operations[subject->row->operation].name);
    label(file, ",", "kind", target->operations[subject->row->operation].kind);
}

static void write_outcomes(FILE *file, const char *name, const struct subject *subject)
{
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++) {
        if (subject->total->outcomes[kind] == 0 && kind != OUTCOME_OK)
            continue;
        fputs(name, file);
        write_labels(file, subject);
        label(file, ",", "outcome", outcome_kind_name((enum outcome_kind)kind));
        fprintf(file, "} %" PRIu64 "\n", subject->total->outcomes[kind]);
    }
}

static void write_latency(FILE *file, const char *name, const struct subject *subject)
{
    const struct measurement *total = subject->total;
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(total, figure_percentiles[i].fraction);
        if (!percentile.known)
            continue;
        fputs(name, file);
        write_labels(file, subject);
        fprintf(file, ",quantile=\"%.15g\"} %.15g\n", figure_percentiles[i].fraction,
                seconds_of(percentile.value_ns));
    }
    fprintf(file, "%s_sum", name);
    write_labels(file, subject);
    fprintf(file, "} %.15g\n",
            seconds_of(total->latency_ok.sum_ns) + seconds_of(total->latency_censored.sum_ns));
    fprintf(file, "%s_count", name);
    write_labels(file, subject);
    fprintf(file, "} %" PRIu64 "\n", total->latency_ok.count + total->latency_censored.count);
}

static void write_rate(FILE *file, const char *name, const struct subject *subject)
{
    fputs(name, file);
    write_labels(file, subject);
    fprintf(file, "} %.15g\n",
            figures_rate(measurement_finished(subject->total), subject->phase->duration_ns));
}

static void write_users(FILE *file, const char *name, const struct subject *subject)
{
    fputs(name, file);
    write_labels(file, subject);
    fprintf(file, "} %.15g\n", result_phase_peak_users(subject->phase));
}

typedef void write_subject(FILE *file, const char *name, const struct subject *subject);

/* A metric of phases that is being written. */
struct phase_metric {
    FILE *file;
    const char *name;
    write_subject *write;
};

static void write_phase(void *context, const struct subject *subject)
{
    const struct phase_metric *metric = context;
    metric->write(metric->file, metric->name, subject);
}

static void each_operation(FILE *file, const struct result *result,
                           const struct operation_rows *rows, const char *name,
                           write_subject *write)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct subject subject = {
            .result = result, .row = &rows->rows[i], .total = &rows->rows[i].total};
        write(file, name, &subject);
    }
}

static int write_phases(FILE *file, const struct result *result)
{
    static const struct {
        const char *name, *type, *help;
        write_subject *write;
    } metrics[] = {
        {"cicada_phase_operations_total", "counter", "Operations of a phase by outcome.",
         write_outcomes},
        {"cicada_phase_operation_rate", "gauge", "Finished operations per second of offered load.",
         write_rate},
        {"cicada_phase_users_peak", "gauge", "Most virtual users at a time.", write_users},
        {"cicada_phase_latency_seconds", "summary",
         "Latency from the intended start, of ok and censored operations.", write_latency},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        head(file, metrics[i].name, metrics[i].type, metrics[i].help);
        struct phase_metric metric = {file, metrics[i].name, metrics[i].write};
        if (result_each_phase(result, write_phase, &metric) < 0)
            return -1;
    }
    return 0;
}

int form_prometheus(FILE *file, const struct result *result)
{
    struct operation_rows rows;
    write_run(file, result);
    write_alerts(file, result);
    int status = write_phases(file, result);
    if (operation_rows_collect(&rows, result) < 0)
        status = -1;
    if (status == 0) {
        head(file, "cicada_operations_total", "counter", "Operations by name and outcome.");
        each_operation(file, result, &rows, "cicada_operations_total", write_outcomes);
        head(file, "cicada_operation_latency_seconds", "summary",
             "Latency from the intended start, of ok and censored operations.");
        each_operation(file, result, &rows, "cicada_operation_latency_seconds", write_latency);
    }
    operation_rows_free(&rows);
    return status;
}
