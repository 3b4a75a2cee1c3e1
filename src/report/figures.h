/* The derived figures of result.json: count, rate, error rate, mean, percentiles with their
 * intervals. They stand beside the raw counts and histograms for those who read the file without
 * decoding these, and so that an audit has something to verify. */
#ifndef CICADA_REPORT_FIGURES_H
#define CICADA_REPORT_FIGURES_H

#include "metrics/result.h"

/* The percentiles every report shows. */
struct figure_percentile {
    const char *key;   /* in JSON: "p99_9" */
    const char *label; /* for people: "p99.9" */
    double fraction;
};
#define FIGURE_PERCENTILES 5
extern const struct figure_percentile figure_percentiles[FIGURE_PERCENTILES];

/* Finished operations per second of offered load; 0 when no load was offered. */
double figures_rate(uint64_t count, uint64_t duration_ns);

/* The object of docs/result.md, "figures". NULL when memory is out. */
json_t *figures_json(const struct measurement *measurement, uint64_t duration_ns);

/* Add "figures" to the document of a result: to the root, each operation of a target, each phase,
 * each target of it, and each operation of that. -1 when memory is out. */
int figures_attach(json_t *document, const struct result *result);

#endif
