/* The pieces an OTLP payload is made of. */
#ifndef CICADA_REPORT_OTLP_JSON_H
#define CICADA_REPORT_OTLP_JSON_H

#include "metrics/measurement.h"

#include <jansson.h>
#include <stdbool.h>

/* The metrics under way, and the times that every point of them has. */
struct otlp_metrics {
    json_t *list;
    json_t *points; /* of the metric begun last */
    char start[24], now[24];
    bool failed; /* memory was out somewhere */
};

void otlp_metrics_init(struct otlp_metrics *metrics, uint64_t start_wall_ns, uint64_t now_wall_ns);
/* Begin one; the points that follow are of it. */
void otlp_gauge(struct otlp_metrics *metrics, const char *name, const char *unit,
                const char *description);
void otlp_sum(struct otlp_metrics *metrics, const char *name, const char *unit,
              const char *description);
void otlp_histogram(struct otlp_metrics *metrics, const char *name, const char *unit,
                    const char *description);
/* A point; `attributes` is stolen, NULL: none. */
void otlp_add_number(struct otlp_metrics *metrics, json_t *attributes, double value);
void otlp_add_count(struct otlp_metrics *metrics, json_t *attributes, uint64_t value);
void otlp_add_histogram(struct otlp_metrics *metrics, json_t *attributes,
                        const struct histogram *histogram);

/* Attributes: a list, to which each adds one. Text from anywhere is made visible as on a terminal.
 */
json_t *otlp_attributes(void);
json_t *otlp_with_text(json_t *attributes, const char *key, const char *text);
json_t *otlp_with_number(json_t *attributes, const char *key, double value);
json_t *otlp_with_count(json_t *attributes, const char *key, uint64_t value);

/* The whole request as text; frees what it is made of. `resource` is a list of attributes, stolen.
 * NULL when memory was out. */
char *otlp_request_text(struct otlp_metrics *metrics, json_t *resource, const char *version);

#endif
