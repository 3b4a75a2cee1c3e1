/* What the sections of the summary share. */
#include "report/summary_rows.h"

#include "analysis/quantity.h"
#include "report/figures.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN "\xe2\x80\x93"

static void add_percentile(struct summary *summary, struct table *table,
                           const struct percentile *percentile)
{
    char text[QUANTITY_SIZE];
    if (!percentile->known) {
        summary->unknown_shown = true;
        table_add(table, summary->style.dim, UNKNOWN);
        return;
    }
    summary->lower_bound_shown = summary->lower_bound_shown || percentile->lower_bound;
    table_add_format(table, NULL, "%s%s", percentile->lower_bound ? ">" : "",
                     quantity_duration(text, sizeof text, percentile->value_ns));
}

static void add_max(struct summary *summary, struct table *table,
                    const struct measurement *measurement)
{
    char text[QUANTITY_SIZE];
    bool lower_bound = measurement_max_is_lower_bound(measurement);
    if (measurement->latency_ok.count + measurement->latency_censored.count == 0) {
        summary->unknown_shown = true;
        table_add(table, summary->style.dim, UNKNOWN);
        return;
    }
    summary->lower_bound_shown = summary->lower_bound_shown || lower_bound;
    table_add_format(table, NULL, "%s%s", lower_bound ? ">" : "",
                     quantity_duration(text, sizeof text, measurement_max_ns(measurement)));
}

void summary_add_figures(struct summary *summary, struct table *table,
                         const struct measurement *measurement, uint64_t duration_ns)
{
    char text[QUANTITY_SIZE];
    uint64_t finished = measurement_finished(measurement);
    uint64_t failed = measurement_failed(measurement);
    table_add(table, NULL, quantity_count(text, sizeof text, finished));
    table_add(table, NULL, quantity_rate(text, sizeof text, figures_rate(finished, duration_ns)));
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(measurement, figure_percentiles[i].fraction);
        add_percentile(summary, table, &percentile);
    }
    add_max(summary, table, measurement);
    table_add(table, failed ? summary->style.bad : NULL, quantity_count(text, sizeof text, failed));
}

void summary_add_quantile(struct summary *summary, struct table *table,
                          const struct histogram *histogram, double fraction)
{
    /* What is below the histogram's range is known to be just that. */
    if (histogram->count && histogram_quantile(histogram, fraction) <= HISTOGRAM_LOWEST_NS &&
        histogram->clamped_low) {
        table_add(table, NULL, "<100ns");
        return;
    }
    struct measurement measurement; /* borrows the histogram, frees nothing */
    measurement_init(&measurement);
    measurement.latency_ok = *histogram;
    struct percentile percentile = measurement_percentile(&measurement, fraction);
    add_percentile(summary, table, &percentile);
}

void summary_print_footnotes(const struct summary *summary)
{
    const char *dim = summary->style.dim, *reset = summary->style.reset;
    if (summary->unknown_shown)
        fprintf(summary->stream,
                "\n  %s" UNKNOWN " too small a sample: a percentile takes 10 values beyond it%s\n",
                dim, reset);
    if (summary->lower_bound_shown)
        fprintf(summary->stream,
                "%s  %s> at least: operations that never ended count with the time they were "
                "given%s\n",
                summary->unknown_shown ? "" : "\n", dim, reset);
}

void summary_print_wrapped(const struct summary *summary, const char *text, size_t indent)
{
    struct buffer safe;
    buffer_init(&safe, 1 << 16);
    text_append_safe(&safe, text, 4000);
    char *all = buffer_take_string(&safe);
    size_t column = indent;
    for (char *word = all, *next; word && *word; word = next) {
        size_t length = strcspn(word, " ");
        next = word + length + strspn(word + length, " ");
        word[length] = 0;
        size_t columns = text_columns(word);
        if (column > indent && column + 1 + columns > (size_t)summary->width) {
            fprintf(summary->stream, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', summary->stream);
            column++;
        }
        fputs(word, summary->stream);
        column += columns;
    }
    fputc('\n', summary->stream);
    free(all);
}

bool summary_was_called(const struct result *result, uint32_t target, uint32_t operation)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; result_phase_counts(phase) && t < phase->target_count; t++)
            if (phase->targets[t].target == target &&
                operation < phase->targets[t].operation_count &&
                measurement_finished(&phase->targets[t].operations[operation]) > 0)
                return true;
    }
    return false;
}
