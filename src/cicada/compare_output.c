/* See compare_output.h. */
#include "cicada/compare_output.h"

#include "analysis/quantity.h"
#include "report/form_escape.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

#define NAME_WIDTH 60

/* ---- figures as words ----------------------------------------------------------------------- */

static const char *figure_text(char *text, size_t size, enum comparison_figure figure, double value)
{
    if (figure == COMPARISON_ERRORS)
        return quantity_share(text, size, value);
    if (figure == COMPARISON_RATE)
        return quantity_rate(text, size, value);
    return quantity_duration(text, size, quantity_whole(value));
}

/* "+12.3% (+8.1 to +16.7)", of an error rate in points. */
static const char *change_text(char *text, size_t size, enum comparison_figure figure,
                               const struct comparison_difference *difference)
{
    if (!difference->known)
        snprintf(text, size, "unknown");
    else if (figure == COMPARISON_ERRORS)
        snprintf(text, size, "%+.2fpp (%+.2f to %+.2f)", 100 * difference->change,
                 100 * difference->low, 100 * difference->high);
    else if (!isfinite(difference->relative) || difference->relative_high > 1e4)
        snprintf(text, size, "unknown");
    else
        snprintf(text, size, "%+.1f%% (%+.1f to %+.1f)", 100 * difference->relative,
                 100 * difference->relative_low, 100 * difference->relative_high);
    return text;
}

static const char *row_name(const struct comparison_row *row)
{
    return row->name ? row->name : "in total";
}

static const char *const sentences[] = {
    [COMPARISON_KEPT] = "no regression beyond the gates",
    [COMPARISON_BROKEN] = "regression",
    [COMPARISON_TOO_SMALL] = "inconclusive: the sample is too small for the gates asked; run "
                             "longer, or give several runs of each (--repeat)"};

/* ---- the terminal --------------------------------------------------------------------------- */

static void print_rows(FILE *stream, const struct comparison *comparison,
                       const struct terminal_style *style)
{
    static const struct table_column columns[] = {
        {.title = "OPERATION", .left = true, .gives_way = true},
        {.title = "COUNT", .expendable = 3},
        {.title = "P50", .expendable = 4},
        {.title = "P95"},
        {.title = "P99", .expendable = 1},
        {.title = "MEAN", .expendable = 5},
        {.title = "RATE", .expendable = 6},
        {.title = "ERRORS"},
        {.title = "EFFECT", .expendable = 2}};
    struct table table;
    char text[96];
    table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct comparison_row *row = &comparison->rows[i];
        table_add(&table, i ? NULL : style->bold, row_name(row));
        table_add_format(&table, NULL, "%llu", (unsigned long long)row->current_count);
        for (int f = 0; f < COMPARISON_FIGURES; f++) {
            const char *colour = NULL;
            for (size_t g = 0; g < comparison->gate_count; g++)
                if ((int)comparison->gates[g].figure == f &&
                    row->checks[g].status == COMPARISON_BROKEN)
                    colour = style->bad;
            table_add(&table, colour,
                      change_text(text, sizeof text, (enum comparison_figure)f, &row->figures[f]));
        }
        table_add_format(&table, NULL, "%+.2f", row->effect);
    }
    int width = terminal_columns(stream);
    table_print(&table, stream, style, width < 80 ? 80 : width > 200 ? 200 : width);
    table_free(&table);
}

static void print_names(FILE *stream, const char *label, const json_t *list)
{
    size_t index;
    json_t *value;
    json_array_foreach(list, index, value)
    {
        const char *name = json_is_string(value)
                               ? json_string_value(value)
                               : json_string_value(json_object_get(value, "name"));
        fprintf(stream, "  %s: ", label);
        text_print_safe(stream, name, NAME_WIDTH);
        fputc('\n', stream);
    }
}

static void print_broken(FILE *stream, const struct comparison *comparison,
                         const struct comparison_row *row, size_t gate)
{
    enum comparison_figure figure = comparison->gates[gate].figure;
    const struct comparison_difference *difference = &row->figures[figure];
    char before[QUANTITY_SIZE], now[QUANTITY_SIZE], change[96];
    text_print_safe(stream, row_name(row), NAME_WIDTH);
    fprintf(stream, ": %s %s, %s to %s, beyond %s (p %.2g)\n", comparison_figure_name(figure),
            change_text(change, sizeof change, figure, difference),
            figure_text(before, sizeof before, figure, difference->baseline),
            figure_text(now, sizeof now, figure, difference->current), comparison->gates[gate].text,
            row->checks[gate].p_adjusted);
}

static size_t count_small(const struct comparison *comparison, size_t gate)
{
    size_t count = 0;
    for (size_t i = 1; i < comparison->row_count; i++)
        count += comparison->rows[i].checks[gate].status == COMPARISON_TOO_SMALL;
    return count;
}

static void print_gates(FILE *stream, const struct comparison *comparison,
                        const struct terminal_style *style)
{
    for (size_t g = 0; g < comparison->gate_count; g++) {
        enum comparison_status total = comparison->rows[0].checks[g].status;
        const char *colours[] = {style->good, style->bad, style->warn};
        const char *words[] = {"kept", "BROKEN", "sample too small"};
        fprintf(stream, "  gate %s: %s%s%s in total", comparison->gates[g].text, colours[total],
                words[total], style->reset);
        size_t small = count_small(comparison, g);
        if (small)
            fprintf(stream, "; too few operations to tell for %zu of %zu operations", small,
                    comparison->row_count - 1);
        fputc('\n', stream);
        for (size_t i = 0; i < comparison->row_count; i++)
            if (comparison->rows[i].checks[g].status == COMPARISON_BROKEN) {
                fprintf(stream, "    %sbroken%s  ", style->bad, style->reset);
                print_broken(stream, comparison, &comparison->rows[i], g);
            }
    }
}

void comparison_print(FILE *stream, const struct comparison *comparison)
{
    struct terminal_style style;
    terminal_style_init(&style, stream);
    fprintf(stream,
            "  change with 95 %% confidence, %zu run%s (%llu seconds) to %zu run%s (%llu "
            "seconds)\n\n",
            comparison->baseline_runs, comparison->baseline_runs == 1 ? "" : "s",
            (unsigned long long)comparison->baseline_seconds, comparison->current_runs,
            comparison->current_runs == 1 ? "" : "s",
            (unsigned long long)comparison->current_seconds);
    print_rows(stream, comparison, &style);
    fputc('\n', stream);
    print_names(stream, "added", comparison->added);
    print_names(stream, "removed", comparison->removed);
    print_names(stream, "phase not in every run, left out", comparison->left_out);
    print_gates(stream, comparison, &style);
    const char *colours[] = {style.good, style.bad, style.warn};
    fprintf(stream, "\n  %s%s%s\n", colours[comparison->status], sentences[comparison->status],
            style.reset);
}

/* ---- Markdown ------------------------------------------------------------------------------- */

static void markdown_names(FILE *file, const char *label, const json_t *list)
{
    size_t index;
    json_t *value;
    if (json_array_size(list))
        fprintf(file, "\n%s:", label);
    json_array_foreach(list, index, value)
    {
        fputs(index ? ", " : " ", file);
        escape_markdown_code(file,
                             json_is_string(value)
                                 ? json_string_value(value)
                                 : json_string_value(json_object_get(value, "name")),
                             NAME_WIDTH);
    }
    if (json_array_size(list))
        fputc('\n', file);
}

static void markdown_row(FILE *file, const struct comparison *comparison,
                         const struct comparison_row *row)
{
    char text[96];
    fputs("| ", file);
    if (row->name)
        escape_markdown_code(file, row->name, NAME_WIDTH);
    else
        fputs("**in total**", file);
    fprintf(file, " | %llu |", (unsigned long long)row->current_count);
    for (int f = 0; f < COMPARISON_FIGURES; f++)
        fprintf(file, " %s |",
                change_text(text, sizeof text, (enum comparison_figure)f, &row->figures[f]));
    fprintf(file, " %+.2f |", row->effect);
    for (size_t g = 0; g < comparison->gate_count; g++)
        fprintf(file, " %s |",
                row->checks[g].status == COMPARISON_KEPT     ? "kept"
                : row->checks[g].status == COMPARISON_BROKEN ? "**broken**"
                                                             : "too small");
    fputc('\n', file);
}

int comparison_write_markdown(FILE *file, const void *context)
{
    const struct comparison *comparison = context;
    fprintf(file, "## cicada compare: %s\n\n", sentences[comparison->status]);
    fprintf(file, "Change with 95 %% confidence, %zu to %zu runs.\n\n", comparison->baseline_runs,
            comparison->current_runs);
    fputs("| operation | count | p50 | p95 | p99 | mean | rate | errors | effect |", file);
    for (size_t g = 0; g < comparison->gate_count; g++)
        fprintf(file, " %s |", comparison->gates[g].text);
    fputs("\n| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", file);
    for (size_t g = 0; g < comparison->gate_count; g++)
        fputs(" :--- |", file);
    fputc('\n', file);
    for (size_t i = 0; i < comparison->row_count; i++)
        markdown_row(file, comparison, &comparison->rows[i]);
    markdown_names(file, "Added", comparison->added);
    markdown_names(file, "Removed", comparison->removed);
    markdown_names(file, "Phases not in every run, left out", comparison->left_out);
    return ferror(file) ? -1 : 0;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *difference_to_json(const struct comparison_difference *difference)
{
    return json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "known", difference->known, "baseline",
        number_or_null(difference->baseline), "current", number_or_null(difference->current),
        "change", number_or_null(difference->change), "change_low", number_or_null(difference->low),
        "change_high", number_or_null(difference->high), "relative",
        number_or_null(difference->relative), "relative_low",
        number_or_null(difference->relative_low), "relative_high",
        number_or_null(difference->relative_high));
}

static json_t *row_to_json(const struct comparison *comparison, const struct comparison_row *row)
{
    json_t *figures = json_object(), *gates = json_array();
    for (int f = 0; f < COMPARISON_FIGURES; f++)
        json_object_set_new(figures, comparison_figure_name((enum comparison_figure)f),
                            difference_to_json(&row->figures[f]));
    for (size_t g = 0; g < comparison->gate_count; g++)
        json_array_append_new(
            gates, json_pack("{s:s, s:s, s:f, s:f}", "gate", comparison->gates[g].text, "status",
                             comparison_status_name(row->checks[g].status), "p", row->checks[g].p,
                             "p_adjusted", row->checks[g].p_adjusted));
    return json_pack(
        "{s:s?, s:s?, s:s?, s:I, s:I, s:f, s:o, s:o}", "name", row->name, "kind", row->kind,
        "target", row->target, "baseline_count", (json_int_t)row->baseline_count, "current_count",
        (json_int_t)row->current_count, "effect", row->effect, "figures", figures, "gates", gates);
}

json_t *comparison_to_json(const struct comparison *comparison)
{
    json_t *operations = json_array();
    for (size_t i = 1; i < comparison->row_count; i++)
        json_array_append_new(operations, row_to_json(comparison, &comparison->rows[i]));
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:o, s:o, s:O, s:O, s:O}", "schema", "cicada-comparison/1", "status",
        comparison_status_name(comparison->status), "baseline_runs",
        (json_int_t)comparison->baseline_runs, "current_runs", (json_int_t)comparison->current_runs,
        "total", row_to_json(comparison, &comparison->rows[0]), "operations", operations, "added",
        comparison->added, "removed", comparison->removed, "phases_left_out", comparison->left_out);
}
