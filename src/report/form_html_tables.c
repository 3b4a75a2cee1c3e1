/* The tables of the page: phases, operations, and the parts of the latency. */
#include "analysis/quantity.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_rows.h"

#include <inttypes.h>

#define UNKNOWN "<td data-sort=\"-1\">\xe2\x80\x93</td>"

void form_html_table_begin(FILE *file, const char *id, const char *caption)
{
    fprintf(
        file,
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"%s-caption\" tabindex=\"0\">"
        "<table id=\"%s-table\"><caption id=\"%s-caption\"><span>%s</span></caption>\n<thead><tr>",
        id, id, id, caption);
}

void form_html_table_end(FILE *file)
{
    fputs("</tbody></table></div>\n", file);
}

static void write_title(FILE *file, const char *title)
{
    fprintf(file, "<th scope=\"col\">%s</th>", title);
}

static void write_text_title(FILE *file, const char *title)
{
    fprintf(file, "<th scope=\"col\" class=\"text\">%s</th>", title);
}

void form_html_figure_titles(FILE *file)
{
    write_title(file, "Count");
    write_title(file, "Rate");
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++)
        write_title(file, figure_percentiles[i].label);
    write_title(file, "Max");
    write_title(file, "Errors");
}

static void write_percentile(FILE *file, const struct percentile *percentile)
{
    char text[QUANTITY_SIZE], high[QUANTITY_SIZE];
    if (!percentile->known) {
        fputs(UNKNOWN, file);
        return;
    }
    fprintf(file, "<td data-sort=\"%" PRIu64 "\"", percentile->value_ns);
    if (percentile->interval.known) {
        quantity_duration(text, sizeof text, percentile->interval.low_ns);
        quantity_duration(high, sizeof high, percentile->interval.high_ns);
        fprintf(file, " title=\"95 %% interval: %s to %s\"", text, high);
    }
    fprintf(file, ">%s%s</td>", percentile->lower_bound ? "&gt;" : "",
            quantity_duration(text, sizeof text, percentile->value_ns));
}

static void write_max(FILE *file, const struct measurement *total)
{
    char text[QUANTITY_SIZE];
    uint64_t max_ns = measurement_max_ns(total);
    if (max_ns == 0) /* nothing that has a latency */
        fputs(UNKNOWN, file);
    else
        fprintf(file, "<td data-sort=\"%" PRIu64 "\">%s%s</td>", max_ns,
                measurement_max_is_lower_bound(total) ? "&gt;" : "",
                quantity_duration(text, sizeof text, max_ns));
}

void form_html_figures(FILE *file, const struct measurement *total, uint64_t duration_ns)
{
    char text[QUANTITY_SIZE];
    uint64_t count = measurement_finished(total);
    double rate = figures_rate(count, duration_ns), errors = measurement_error_rate(total);
    fprintf(file, "<td data-sort=\"%" PRIu64 "\">%s</td>", count,
            quantity_count(text, sizeof text, count));
    fprintf(file, "<td data-sort=\"%.9g\">%s</td>", rate, quantity_rate(text, sizeof text, rate));
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(total, figure_percentiles[i].fraction);
        write_percentile(file, &percentile);
    }
    write_max(file, total);
    fprintf(file, "<td data-sort=\"%.9g\"%s>%s</td>", errors, errors > 0 ? " class=\"bad\"" : "",
            quantity_share(text, sizeof text, errors));
}

/* ---- phases --------------------------------------------------------------------------------- */

static void write_users(FILE *file, double users)
{
    if (users > 0)
        fprintf(file, "<td data-sort=\"%.9g\">%.0f</td>", users, users);
    else
        fputs(UNKNOWN, file);
}

static int write_phase(FILE *file, const struct result_phase *phase)
{
    char text[QUANTITY_SIZE];
    struct measurement total;
    fputs("<tr><th scope=\"row\">", file);
    escape_html(file, phase->name ? phase->name : "?");
    if (phase->not_run) {
        fputs("</th><td colspan=\"11\" class=\"note\">not run: ", file);
        escape_html(file, phase->not_run_reason);
        fputs("</td></tr>\n", file);
        return 0;
    }
    if (!result_phase_counts(phase))
        fputs(" <small>not in the figures</small>", file);
    if (phase->partial)
        fputs(" <small>partial</small>", file);
    fprintf(file, "</th><td data-sort=\"%" PRIu64 "\">%s</td>", phase->duration_ns,
            quantity_duration(text, sizeof text, phase->duration_ns));
    write_users(file, result_phase_peak_users(phase));
    measurement_init(&total);
    int status = result_phase_total(phase, -1, &total);
    if (status == 0)
        form_html_figures(file, &total, phase->duration_ns);
    measurement_free(&total);
    fputs("</tr>\n", file);
    return status;
}

int form_html_phases(FILE *file, const struct result *result)
{
    fputs("<section id=\"phases\">\n<h2>Phases</h2>\n", file);
    form_html_table_begin(file, "phases", "The phases in order; latencies as percentiles");
    write_text_title(file, "Phase");
    write_title(file, "Load for");
    write_title(file, "Users");
    form_html_figure_titles(file);
    fputs("</tr></thead>\n<tbody>\n", file);
    int status = 0;
    for (size_t p = 0; status == 0 && p < result->phase_count; p++)
        status = write_phase(file, &result->phases[p]);
    form_html_table_end(file);
    fputs("</section>\n", file);
    return status;
}

/* ---- operations ----------------------------------------------------------------------------- */

static void write_operation(FILE *file, const struct result *result,
                            const struct operation_row *row)
{
    const struct result_target *target = &result->targets[row->target];
    const struct result_operation *operation = &target->operations[row->operation];
    fputs("<tr><th scope=\"row\">", file);
    escape_html(file, operation->name ? operation->name : "?");
    fputs("</th><td class=\"text\">", file);
    if (result->target_count > 1) {
        escape_html(file, target->name);
        fputs("</td><td class=\"text\">", file);
    }
    escape_html(file, operation->category ? operation->category : operation->kind);
    fputs("</td>", file);
    form_html_figures(file, &row->total, result_load_duration_ns(result));
    fputs("</tr>\n", file);
}

int form_html_operations(FILE *file, const struct result *result)
{
    struct operation_rows rows;
    int status = operation_rows_collect(&rows, result);
    fputs("<section id=\"operations\">\n<h2>Operations</h2>\n", file);
    if (rows.count > 0) {
        fputs(
            "<div class=\"filter\" hidden><label for=\"filter\">Filter by name or category</label>"
            "<input id=\"filter\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">"
            "<label class=\"check\"><input id=\"failing\" type=\"checkbox\"> only with errors"
            "</label><output id=\"filtered\" for=\"filter failing\"></output></div>\n",
            file);
        form_html_table_begin(file, "operations",
                              "Each operation over all phases that count; the highest p95 first");
        write_text_title(file, "Operation");
        if (result->target_count > 1)
            write_text_title(file, "Target");
        write_text_title(file, "Category");
        form_html_figure_titles(file);
        fputs("</tr></thead>\n<tbody>\n", file);
        for (size_t i = 0; i < rows.count; i++)
            write_operation(file, result, &rows.rows[i]);
        form_html_table_end(file);
    } else {
        fputs("<p class=\"empty\">No operation finished.</p>\n", file);
    }
    fputs("</section>\n", file);
    operation_rows_free(&rows);
    return status;
}

/* ---- parts ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} explained[PARTS] = {
    [PART_QUEUE] = {"queue", "from the moment it was due until a connection was asked for"},
    [PART_POOL] = {"pool wait", "until a connection was in hand"},
    [PART_CONNECT] = {"connect", "opening a connection"},
    [PART_TLS] = {"TLS", "its handshake"},
    [PART_THREAD] = {"thread", "until a thread of the driver took it up"},
    [PART_SEND] = {"send", "sending the request"},
    [PART_FIRST_BYTE] = {"first byte", "from the request sent to the first byte of the answer"},
    [PART_RECEIVE] = {"receive", "the rest of the answer"},
};

static void write_part(FILE *file, unsigned part, const struct histogram *histogram)
{
    static const double fractions[] = {0.5, 0.95, 0.99};
    char text[QUANTITY_SIZE];
    bool below = histogram->clamped_low == histogram->count;
    fprintf(file, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td>", explained[part].name,
            explained[part].text);
    fprintf(file, "<td data-sort=\"%" PRIu64 "\">%s</td>", histogram->count,
            quantity_count(text, sizeof text, histogram->count));
    for (size_t i = 0; i < 3; i++) {
        uint64_t value = histogram_quantile(histogram, fractions[i]);
        if ((1 - fractions[i]) * (double)histogram->count < 10)
            fputs(UNKNOWN, file);
        else
            fprintf(file, "<td data-sort=\"%" PRIu64 "\">%s</td>", value,
                    value <= HISTOGRAM_LOWEST_NS ? "&lt;100ns"
                                                 : quantity_duration(text, sizeof text, value));
    }
    fprintf(file, "<td data-sort=\"%" PRIu64 "\">%s</td></tr>\n", histogram->max_ns,
            below ? "&lt;100ns" : quantity_duration(text, sizeof text, histogram->max_ns));
}

int form_html_parts(FILE *file, const struct result *result)
{
    int status = 0;
    fputs("<section id=\"parts\">\n<h2>Where the time went</h2>\n", file);
    form_html_table_begin(file, "parts", "Parts of the latency, of those operations that had them");
    static const char *const titles[] = {"Count", "p50", "p95", "p99", "Max"};
    write_text_title(file, "Part");
    write_text_title(file, "What it is");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        write_title(file, titles[i]);
    fputs("</tr></thead>\n<tbody>\n", file);
    for (unsigned part = 0; status == 0 && part < PARTS; part++) {
        struct histogram histogram;
        histogram_init(&histogram);
        status = result_part_total(result, part, &histogram);
        if (status == 0 && histogram.count > 0)
            write_part(file, part, &histogram);
        histogram_free(&histogram);
    }
    form_html_table_end(file);
    fputs("</section>\n", file);
    return status;
}
