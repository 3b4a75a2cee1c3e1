/* The figures of a run as OTLP metrics: an ExportMetricsServiceRequest in the JSON encoding of
 * OpenTelemetry's protocol (opentelemetry-proto 1.x: 64-bit integers are strings, enums numbers).
 * Sums are cumulative from the start of the run; latencies are exponential histograms in seconds,
 * at the finest scale, up to 6, at which they take 160 buckets. docs/reports.md names the metrics.
 */
#ifndef CICADA_REPORT_FORM_OTLP_H
#define CICADA_REPORT_FORM_OTLP_H

#include "engine/engine.h"

/* What is known of a run that goes on: sums over the seconds of the phases that count. */
struct otlp_live {
    uint64_t outcomes[OUTCOME_KINDS];
    struct histogram latency; /* of the ok ones */
    double users, arrival_rate, generator;
    uint64_t in_flight, queued, connections; /* of the last second */
};

void otlp_live_init(struct otlp_live *live); /* allocates nothing */
void otlp_live_free(struct otlp_live *live);
/* Another second. -1 when memory is out. */
int otlp_live_add(struct otlp_live *live, const struct engine_progress *progress);

/* One line of JSON; the caller frees. NULL when memory is out. `now_wall_ns`: since 1970. */
char *otlp_live_text(const struct otlp_live *live, const struct result *result,
                     uint64_t now_wall_ns);
/* A run that is over: the same metrics with the same attributes, then those of its phases and
 * operations, and how it ended. */
char *otlp_result_text(const struct result *result);

#endif
