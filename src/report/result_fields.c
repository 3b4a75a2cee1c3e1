/* The tables of struct result. A member added here is written and read; add it to the schema and to
 * docs/result.md too. */
#include "report/result_fields.h"

#include "metrics/result.h"
#include "report/result_codecs.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define FIELD(type_, owner, member)                                                                \
    {                                                                                              \
        .name = #member, .type = type_, .offset = offsetof(struct owner, member)                   \
    }
#define OPTIONAL(type_, owner, member)                                                             \
    {                                                                                              \
        .name = #member, .type = type_, .optional = true, .offset = offsetof(struct owner, member) \
    }
#define RECORDS(name_, owner, member, count, record_)                                              \
    {                                                                                              \
        .name = name_, .type = FIELD_RECORDS, .offset = offsetof(struct owner, member),            \
        .count_offset = offsetof(struct owner, count), .record = &(record_)                        \
    }
#define RECORDS_OPTIONAL(name_, owner, member, count, record_)                                     \
    {                                                                                              \
        .name = name_, .type = FIELD_RECORDS, .optional = true,                                    \
        .offset = offsetof(struct owner, member), .count_offset = offsetof(struct owner, count),   \
        .record = &(record_)                                                                       \
    }
#define CODED(owner, member, codec_)                                                               \
    {                                                                                              \
        .name = #member, .type = FIELD_CODEC, .offset = offsetof(struct owner, member),            \
        .codec = &(codec_)                                                                         \
    }
#define CODED_OPTIONAL(owner, member, codec_)                                                      \
    {                                                                                              \
        .name = #member, .type = FIELD_CODEC, .optional = true,                                    \
        .offset = offsetof(struct owner, member), .codec = &(codec_)                               \
    }
#define WHOLE(name_, codec_)                                                                       \
    {                                                                                              \
        .name = name_, .type = FIELD_CODEC, .optional = true, .offset = 0, .codec = &(codec_)      \
    }
#define DERIVED(name_)                                                                             \
    {                                                                                              \
        .name = name_, .type = FIELD_DERIVED                                                       \
    }
#define RECORD(name_, owner, fields_, init_)                                                       \
    static const struct json_record name_ = {.size = sizeof(struct owner),                         \
                                             .init = init_,                                        \
                                             .fields = fields_,                                    \
                                             .field_count = COUNT(fields_)}

/* ---- measurements --------------------------------------------------------------------------- */

static void init_measurement(void *base)
{
    measurement_init(base);
}

static const struct json_field measurement_fields[] = {
    FIELD(FIELD_U64, measurement, started),
    CODED(measurement, outcomes, codec_outcomes),
    WHOLE("reasons", codec_reasons),
    CODED_OPTIONAL(measurement, latency_ok, codec_histogram),
    CODED_OPTIONAL(measurement, latency_failed, codec_histogram),
    CODED_OPTIONAL(measurement, latency_censored, codec_histogram),
    CODED_OPTIONAL(measurement, service_ok, codec_histogram),
    FIELD(FIELD_U64, measurement, bytes_sent),
    FIELD(FIELD_U64, measurement, bytes_received),
    FIELD(FIELD_U64, measurement, round_trips),
    DERIVED("figures"),
};
RECORD(measurement_record_, measurement, measurement_fields, init_measurement);

static json_t *write_measurement(const void *member)
{
    return json_record_write(&measurement_record_, member, NULL);
}

static int read_measurement(struct json_reader *reader, const json_t *value, void *member)
{
    return json_record_read(reader, &measurement_record_, value, member);
}

static const struct json_codec codec_measurement = {write_measurement, read_measurement};

static void init_second(void *base)
{
    histogram_init(&((struct second *)base)->latency);
}

static const struct json_field second_fields[] = {
    FIELD(FIELD_U32, second, at_s),
    FIELD(FIELD_NUMBER, second, users),
    FIELD(FIELD_NUMBER, second, arrival_rate),
    FIELD(FIELD_U32, second, in_flight),
    FIELD(FIELD_U32, second, queued),
    FIELD(FIELD_U32, second, connections),
    FIELD(FIELD_U64, second, started),
    FIELD(FIELD_U64, second, ok),
    FIELD(FIELD_U64, second, failed),
    FIELD(FIELD_U64, second, censored),
    CODED(second, outcomes, codec_outcomes),
    FIELD(FIELD_U64, second, bytes_sent),
    FIELD(FIELD_U64, second, bytes_received),
    CODED_OPTIONAL(second, latency, codec_histogram),
    WHOLE("operations", codec_second_operations),
};
RECORD(second_record, second, second_fields, init_second);

/* ---- phases --------------------------------------------------------------------------------- */

static void init_phase_target(void *base)
{
    struct phase_target *target = base;
    measurement_init(&target->setup);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_init(&target->parts[part]);
}

static const struct json_field phase_target_fields[] = {
    FIELD(FIELD_U32, phase_target, target),
    FIELD(FIELD_NUMBER, phase_target, users_peak),
    DERIVED("figures"),
    CODED(phase_target, parts, codec_parts),
    CODED(phase_target, setup, codec_measurement),
    RECORDS("operations", phase_target, operations, operation_count, measurement_record_),
    RECORDS("seconds", phase_target, seconds, second_count, second_record),
};
RECORD(phase_target_record, phase_target, phase_target_fields, init_phase_target);

static const struct json_field phase_fields[] = {
    FIELD(FIELD_TEXT, result_phase, name),
    FIELD(FIELD_TEXT, result_phase, kind),
    OPTIONAL(FIELD_BOOL, result_phase, not_run),
    OPTIONAL(FIELD_TEXT, result_phase, not_run_reason),
    OPTIONAL(FIELD_BOOL, result_phase, partial),
    FIELD(FIELD_U64, result_phase, start_ns),
    FIELD(FIELD_U64, result_phase, duration_ns),
    FIELD(FIELD_U64, result_phase, drain_ns),
    OPTIONAL(FIELD_OBJECT, result_phase, plan),
    OPTIONAL(FIELD_BOOL, result_phase, has_recovery),
    OPTIONAL(FIELD_BOOL, result_phase, recovered),
    OPTIONAL(FIELD_U64, result_phase, recovery_ns),
    OPTIONAL(FIELD_OBJECT, result_phase, recovery),
    DERIVED("figures"),
    RECORDS("targets", result_phase, targets, target_count, phase_target_record),
};
RECORD(phase_record, result_phase, phase_fields, NULL);

/* ---- targets -------------------------------------------------------------------------------- */

static const struct json_field operation_fields[] = {
    FIELD(FIELD_TEXT, result_operation, name),
    OPTIONAL(FIELD_TEXT, result_operation, kind),
    OPTIONAL(FIELD_TEXT, result_operation, category),
    CODED_OPTIONAL(result_operation, hints, codec_hints),
    OPTIONAL(FIELD_TEXT, result_operation, arguments),
    DERIVED("figures"),
};
RECORD(operation_record, result_operation, operation_fields, NULL);

static const struct json_field target_fields[] = {
    FIELD(FIELD_TEXT, result_target, name),
    OPTIONAL(FIELD_TEXT, result_target, driver),
    OPTIONAL(FIELD_TEXT, result_target, description),
    OPTIONAL(FIELD_TEXT, result_target, address),
    OPTIONAL(FIELD_OBJECT, result_target, facts),
    OPTIONAL(FIELD_ARRAY, result_target, excluded),
    OPTIONAL(FIELD_ARRAY, result_target, undeclared),
    OPTIONAL(FIELD_U64, result_target, resident_before),
    OPTIONAL(FIELD_U32, result_target, descriptors_before),
    OPTIONAL(FIELD_U32, result_target, threads_before),
    RECORDS("operations", result_target, operations, operation_count, operation_record),
};
RECORD(target_record, result_target, target_fields, NULL);

/* ---- what was watched ----------------------------------------------------------------------- */

static const struct json_field self_fields[] = {
    FIELD(FIELD_U32, self_second, at_s),
    FIELD(FIELD_NUMBER, self_second, cpu_utilisation),
    FIELD(FIELD_NUMBER, self_second, process_cpu),
    FIELD(FIELD_U64, self_second, scheduling_lag_ns),
    FIELD(FIELD_U64, self_second, send_delay_p99_ns),
    FIELD(FIELD_U64, self_second, resident_bytes),
};
RECORD(self_record, self_second, self_fields, NULL);

static const struct json_field watch_fields[] = {
    FIELD(FIELD_U32, target_second, at_s),         FIELD(FIELD_U32, target_second, target),
    FIELD(FIELD_NUMBER, target_second, cpu_cores), FIELD(FIELD_U64, target_second, resident_bytes),
    FIELD(FIELD_U32, target_second, descriptors),  FIELD(FIELD_U32, target_second, threads),
};
RECORD(watch_record, target_second, watch_fields, NULL);

static const struct json_field example_fields[] = {
    FIELD(FIELD_U32, example, target),      FIELD(FIELD_U32, example, operation),
    CODED(example, outcome, codec_outcome), OPTIONAL(FIELD_TEXT, example, phase),
    FIELD(FIELD_U64, example, latency_ns),  OPTIONAL(FIELD_TEXT, example, text),
    OPTIONAL(FIELD_TEXT, example, request), OPTIONAL(FIELD_TEXT, example, response),
    OPTIONAL(FIELD_TEXT, example, repeat),
};
RECORD(example_record, example, example_fields, NULL);

/* ---- what was found ------------------------------------------------------------------------- */

static const struct json_field finding_fields[] = {
    FIELD(FIELD_TEXT, finding, rule),       OPTIONAL(FIELD_TEXT, finding, subject),
    CODED(finding, verdict, codec_verdict), OPTIONAL(FIELD_TEXT, finding, threshold),
    FIELD(FIELD_U64, finding, sample),      OPTIONAL(FIELD_OBJECT, finding, figures),
    FIELD(FIELD_TEXT, finding, text),
};
RECORD(finding_record, finding, finding_fields, NULL);

static const struct json_field evidence_fields[] = {
    FIELD(FIELD_U32, alert_evidence, at_s),
    FIELD(FIELD_NUMBER, alert_evidence, value),
    FIELD(FIELD_NUMBER, alert_evidence, load),
    FIELD(FIELD_U64, alert_evidence, count),
};
RECORD(evidence_record, alert_evidence, evidence_fields, NULL);

static json_t *write_evidence(const void *member)
{
    return json_record_write(&evidence_record, member, NULL);
}

static int read_evidence(struct json_reader *reader, const json_t *value, void *member)
{
    return json_record_read(reader, &evidence_record, value, member);
}

static const struct json_codec codec_evidence = {write_evidence, read_evidence};

static const struct json_field alert_fields[] = {
    FIELD(FIELD_TEXT, alert, rule),           FIELD(FIELD_TEXT, alert, metric),
    CODED(alert, target, codec_alert_target), FIELD(FIELD_U32, alert, phase),
    FIELD(FIELD_U32, alert, start_s),         FIELD(FIELD_U32, alert, raised_s),
    CODED(alert, end, codec_alert_end),       OPTIONAL(FIELD_BOOL, alert, below),
    FIELD(FIELD_NUMBER, alert, threshold),    FIELD(FIELD_NUMBER, alert, clear),
    OPTIONAL(FIELD_NUMBER, alert, baseline),  FIELD(FIELD_NUMBER, alert, peak),
    FIELD(FIELD_U32, alert, windows),         FIELD(FIELD_U64, alert, operations),
    CODED(alert, at_start, codec_evidence),   CODED(alert, at_peak, codec_evidence),
};
RECORD(alert_record, alert, alert_fields, NULL);

static const struct json_field recommendation_fields[] = {
    FIELD(FIELD_TEXT, recommendation, rule),
    FIELD(FIELD_TEXT, recommendation, subject),
    FIELD(FIELD_U32, recommendation, finding),
    FIELD(FIELD_TEXT, recommendation, text),
};
RECORD(recommendation_record, recommendation, recommendation_fields, NULL);

static void init_result(void *base)
{
    result_init(base);
}

static const struct json_field result_fields[] = {
    DERIVED("schema"),
    OPTIONAL(FIELD_TEXT, result, cicada_version),
    OPTIONAL(FIELD_TEXT, result, plan_name),
    OPTIONAL(FIELD_TEXT, result, host),
    FIELD(FIELD_U64, result, started_wall_ns),
    DERIVED("started_at"),
    FIELD(FIELD_U64, result, duration_ns),
    OPTIONAL(FIELD_BOOL, result, partial),
    OPTIONAL(FIELD_TEXT, result, partial_reason),
    FIELD(FIELD_INTEGER, result, exit_code),
    CODED(result, verdict, codec_verdict),
    CODED_OPTIONAL(result, readiness, codec_readiness),
    OPTIONAL(FIELD_TEXT, result, summary),
    RECORDS_OPTIONAL("recommendations", result, recommendations, recommendation_count,
                     recommendation_record),
    RECORDS_OPTIONAL("alerts", result, alerts, alert_count, alert_record),
    RECORDS("findings", result, findings, finding_count, finding_record),
    OPTIONAL(FIELD_OBJECT, result, judging),
    DERIVED("figures"),
    RECORDS("targets", result, targets, target_count, target_record),
    RECORDS("phases", result, phases, phase_count, phase_record),
    RECORDS("self", result, self, self_count, self_record),
    RECORDS("watch", result, watch, watch_count, watch_record),
    RECORDS("examples", result, examples, example_count, example_record),
    OPTIONAL(FIELD_VALUE, result, plan),
    OPTIONAL(FIELD_OBJECT, result, environment),
    OPTIONAL(FIELD_OBJECT, result, tags),
    OPTIONAL(FIELD_OBJECT, result, segment),
};
const struct json_record record_result = {.size = sizeof(struct result),
                                          .init = init_result,
                                          .fields = result_fields,
                                          .field_count = COUNT(result_fields)};
