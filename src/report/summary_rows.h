/* What the sections of the summary share: the figures of a row, footnotes, wrapped sentences. */
#ifndef CICADA_REPORT_SUMMARY_ROWS_H
#define CICADA_REPORT_SUMMARY_ROWS_H

#include "metrics/result.h"
#include "report/table.h"

#define SUMMARY_ROWS  20 /* operations shown; the rest is in the result */
#define SUMMARY_NAMES 6

struct summary {
    FILE *stream;
    struct terminal_style style;
    int width;
    const struct result *result;
    bool unknown_shown, lower_bound_shown; /* what the footnotes must explain */
};

/* The columns summary_add_figures fills. */
#define SUMMARY_FIGURES                                                                            \
    {.title = "COUNT"}, {.title = "RATE"}, {.title = "P50"}, {.title = "P90", .expendable = 2},    \
        {.title = "P95"}, {.title = "P99"}, {.title = "P99.9", .expendable = 1}, {.title = "MAX"}, \
    {                                                                                              \
        .title = "ERRORS"                                                                          \
    }

void summary_add_figures(struct summary *summary, struct table *table,
                         const struct measurement *measurement, uint64_t duration_ns);
/* A quantile of a histogram; a dash when fewer than 10 values lie beyond it. */
void summary_add_quantile(struct summary *summary, struct table *table,
                          const struct histogram *histogram, double fraction);
/* summary_targets.c: a row for each of several targets, and what their drivers reported. */
void summary_print_targets(struct summary *summary);
void summary_print_footnotes(const struct summary *summary);
/* A sentence from anywhere, escaped, wrapped at the width; lines after the first are indented. The
 * first line is taken to start after `indent` columns. */
void summary_print_wrapped(const struct summary *summary, const char *text, size_t indent);
bool summary_was_called(const struct result *result, uint32_t target, uint32_t operation);

#endif
