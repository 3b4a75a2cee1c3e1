/* The summary at the end of a run. Each section is a function that prints nothing when it has
 * nothing to say. Names and texts of servers only pass through text_print_safe and tables, which do
 * the same. */
#include "analysis/alert_text.h"
#include "analysis/quantity.h"
#include "analysis/readiness.h"
#include "analysis/saturation.h"
#include "base/clock.h"
#include "drivers/driver.h"
#include "report/figures.h"
#include "report/form_rows.h"
#include "report/summary_rows.h"
#include "report/table.h"
#include "report/terminal.h"

#include <stdlib.h>
#include <string.h>

#define NARROWEST      80
#define WIDEST         120
#define SUMMARY_ALERTS 20

static void print_heading(const struct summary *summary);
static void print_phases(struct summary *summary);
static void print_operations(struct summary *summary);
static void print_errors(struct summary *summary);
static void print_parts(struct summary *summary);
static void print_coverage(const struct summary *summary);
static void print_generator(const struct summary *summary);
static void print_alerts(const struct summary *summary);
static void print_findings(const struct summary *summary);
static void print_recommendations(const struct summary *summary);
static void print_verdict(const struct summary *summary, const char *path);

void terminal_print_summary(FILE *stream, const struct result *result, const char *path)
{
    struct summary summary = {.stream = stream, .result = result};
    terminal_style_init(&summary.style, stream);
    summary.width = terminal_columns(stream);
    summary.width = summary.width < NARROWEST ? NARROWEST : summary.width;
    summary.width = summary.width > WIDEST ? WIDEST : summary.width;
    print_heading(&summary);
    print_phases(&summary);
    summary_print_targets(&summary);
    print_operations(&summary);
    print_errors(&summary);
    print_parts(&summary);
    summary_print_footnotes(&summary);
    print_coverage(&summary);
    print_generator(&summary);
    print_alerts(&summary);
    print_findings(&summary);
    print_recommendations(&summary);
    print_verdict(&summary, path);
}

static void print_title(const struct summary *summary, const char *title)
{
    fprintf(summary->stream, "\n%s%s%s\n", summary->style.bold, title, summary->style.reset);
}

/* ---- what was run --------------------------------------------------------------------------- */

static void print_heading(const struct summary *summary)
{
    const struct result *result = summary->result;
    char lasted[QUANTITY_SIZE];
    quantity_duration(lasted, sizeof lasted, result->duration_ns);
    fprintf(summary->stream, "\n%scicada %s%s  ", summary->style.bold,
            result->cicada_version ? result->cicada_version : "", summary->style.reset);
    text_print_safe(summary->stream, result->plan_name ? result->plan_name : "plan", 40);
    fprintf(summary->stream, ", %s%s\n", lasted,
            result->partial ? ", PARTIAL: the figures are of a part of the run" : "");
    if (result->partial && result->partial_reason) {
        fputs("  ", summary->stream);
        text_print_safe(summary->stream, result->partial_reason, (size_t)summary->width - 2);
        fputc('\n', summary->stream);
    }
    for (size_t t = 0; t < result->target_count; t++) {
        const struct result_target *target = &result->targets[t];
        size_t room = (size_t)summary->width - 6;
        fprintf(summary->stream, "  ");
        room -= text_print_safe(summary->stream, target->name ? target->name : "?", 24);
        fprintf(summary->stream, "  %s", summary->style.dim);
        const char *unavailable = json_string_value(json_object_get(target->facts, "unavailable"));
        if (unavailable) {
            fprintf(summary->stream, "not used: ");
            text_print_safe(summary->stream, unavailable, room - 12);
            fprintf(summary->stream, "%s\n", summary->style.reset);
            continue;
        }
        if (target->description)
            room -= text_print_safe(summary->stream, target->description, room < 64 ? room : 64);
        fprintf(summary->stream, "  ");
        if (target->address)
            text_print_safe(summary->stream, target->address, room);
        fprintf(summary->stream, "%s\n", summary->style.reset);
    }
}

/* ---- phases --------------------------------------------------------------------------------- */

static void add_phase(struct summary *summary, struct table *table,
                      const struct result_phase *phase)
{
    struct measurement total;
    measurement_init(&total);
    if (result_phase_total(phase, -1, &total) == 0) {
        table_add(table, NULL, phase->name ? phase->name : "?");
        if (result_phase_peak_users(phase) > 0)
            table_add_format(table, NULL, "%.0f", result_phase_peak_users(phase));
        else
            table_add(table, NULL, "\xe2\x80\x93");
        summary_add_figures(summary, table, &total, phase->duration_ns);
    }
    measurement_free(&total);
}

static void add_all_phases(struct summary *summary, struct table *table)
{
    struct measurement total;
    measurement_init(&total);
    if (result_total(summary->result, &total) == 0) {
        table_add(table, summary->style.bold, "all");
        table_add(table, NULL, "");
        summary_add_figures(summary, table, &total, result_load_duration_ns(summary->result));
    }
    measurement_free(&total);
}

static void print_phases(struct summary *summary)
{
    static const struct table_column columns[] = {
        {.title = "PHASE", .left = true, .gives_way = true}, {.title = "USERS"}, SUMMARY_FIGURES};
    const struct result *result = summary->result;
    struct table table;
    size_t run = 0;
    table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t p = 0; p < result->phase_count; p++)
        if (!result->phases[p].not_run) {
            add_phase(summary, &table, &result->phases[p]);
            run++;
        }
    if (run > 1)
        add_all_phases(summary, &table);
    if (run > 0) {
        fputc('\n', summary->stream);
        table_print(&table, summary->stream, &summary->style, summary->width);
    }
    table_free(&table);
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (!phase->not_run)
            continue;
        fprintf(summary->stream, "  %s", summary->style.dim);
        text_print_safe(summary->stream, phase->name ? phase->name : "?", 24);
        fprintf(summary->stream, " was not run: ");
        text_print_safe(summary->stream, phase->not_run_reason ? phase->not_run_reason : "", 120);
        fprintf(summary->stream, "%s\n", summary->style.reset);
    }
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void print_rows(struct summary *summary, const struct operation_row *rows, size_t count)
{
    static const struct table_column columns[] = {
        {.title = "OPERATION", .left = true, .gives_way = true}, SUMMARY_FIGURES};
    const struct result *result = summary->result;
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count && i < SUMMARY_ROWS; i++) {
        const struct result_target *target = &result->targets[rows[i].target];
        const char *name = target->operations[rows[i].operation].name;
        if (result->target_count > 1)
            table_add_format(&table, NULL, "%.40s/%.80s", target->name ? target->name : "?",
                             name ? name : "?");
        else
            table_add(&table, NULL, name ? name : "?");
        summary_add_figures(summary, &table, &rows[i].total,
                            result_target_duration_ns(result, rows[i].target));
    }
    fputc('\n', summary->stream);
    table_print(&table, summary->stream, &summary->style, summary->width);
    if (count > SUMMARY_ROWS)
        fprintf(summary->stream, "  %s%zu more, all faster at p95, in the result file%s\n",
                summary->style.dim, count - SUMMARY_ROWS, summary->style.reset);
    table_free(&table);
}

static void print_operations(struct summary *summary)
{
    struct operation_rows rows;
    if (operation_rows_collect(&rows, summary->result) == 0 && rows.count > 0)
        print_rows(summary, rows.rows, rows.count);
    operation_rows_free(&rows);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void add_error(struct summary *summary, struct table *table,
                      const struct outcome_count *reason, const struct measurement *total)
{
    uint64_t finished = measurement_finished(total);
    char count[QUANTITY_SIZE], share[QUANTITY_SIZE];
    const struct example *example = result_example_of(summary->result, total, &reason->outcome);
    table_add(table, summary->style.bad, outcome_kind_name(reason->outcome.kind));
    if (reason->outcome.code && reason->outcome.detail)
        table_add_format(table, NULL, "%d %s", (int)reason->outcome.code, reason->outcome.detail);
    else if (reason->outcome.code)
        table_add_format(table, NULL, "%d", (int)reason->outcome.code);
    else
        table_add(table, NULL, reason->outcome.detail ? reason->outcome.detail : "");
    table_add(table, NULL, quantity_count(count, sizeof count, reason->count));
    table_add(table, NULL,
              quantity_share(share, sizeof share,
                             finished ? (double)reason->count / (double)finished : 0));
    table_add(table, summary->style.dim, example && example->text ? example->text : "");
}

static void print_errors(struct summary *summary)
{
    static const struct table_column columns[] = {
        {.title = "ERROR", .left = true},
        {.title = "REASON", .left = true},
        {.title = "COUNT"},
        {.title = "SHARE"},
        {.title = "FOR EXAMPLE", .left = true, .gives_way = true}};
    struct measurement total;
    struct table table;
    measurement_init(&total);
    table_init(&table, columns, sizeof columns / sizeof *columns);
    if (result_total(summary->result, &total) == 0 && total.reason_count > 0) {
        measurement_sort_reasons(&total);
        for (unsigned i = 0; i < total.reason_count; i++)
            add_error(summary, &table, &total.reasons[i], &total);
        fputc('\n', summary->stream);
        table_print(&table, summary->stream, &summary->style, summary->width);
    }
    table_free(&table);
    measurement_free(&total);
}

/* ---- where the time went -------------------------------------------------------------------- */

static void add_part(struct summary *summary, struct table *table, unsigned part,
                     const struct histogram *histogram)
{
    static const double fractions[] = {0.5, 0.95, 0.99};
    char text[QUANTITY_SIZE];
    table_add(table, NULL, latency_part_name((enum latency_part)part));
    table_add(table, NULL, quantity_count(text, sizeof text, histogram->count));
    for (size_t i = 0; i < 3; i++)
        summary_add_quantile(summary, table, histogram, fractions[i]);
    bool below = histogram->clamped_low == histogram->count;
    table_add(table, NULL,
              below ? "<100ns" : quantity_duration(text, sizeof text, histogram->max_ns));
}

static void print_parts(struct summary *summary)
{
    static const struct table_column columns[] = {{.title = "PART OF LATENCY", .left = true},
                                                  {.title = "COUNT"},
                                                  {.title = "P50"},
                                                  {.title = "P95"},
                                                  {.title = "P99"},
                                                  {.title = "MAX"}};
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof *columns);
    for (unsigned part = 0; part < PARTS; part++) {
        struct histogram histogram;
        histogram_init(&histogram);
        if (result_part_total(summary->result, part, &histogram) == 0 && histogram.count > 0)
            add_part(summary, &table, part, &histogram);
        histogram_free(&histogram);
    }
    if (table_rows(&table) > 0) {
        fputc('\n', summary->stream);
        table_print(&table, summary->stream, &summary->style, summary->width);
    }
    table_free(&table);
}

/* ---- coverage ------------------------------------------------------------------------------- */

/* "a, b, c and 4 more": elements of a JSON array that are names, or objects with a name and a
 * reason */
static void print_names(const struct summary *summary, const json_t *array)
{
    size_t index, shown = 0;
    json_t *element;
    json_array_foreach(array, index, element)
    {
        const char *name =
            json_string_value(json_is_object(element) ? json_object_get(element, "name") : element);
        const char *reason = json_string_value(json_object_get(element, "reason"));
        if (shown == SUMMARY_NAMES) {
            fprintf(summary->stream, " and %zu more", json_array_size(array) - shown);
            break;
        }
        fputs(shown++ ? ", " : "", summary->stream);
        text_print_safe(summary->stream, name ? name : "?", 32);
        if (reason) {
            fputs(" (", summary->stream);
            text_print_safe(summary->stream, reason, 80);
            fputc(')', summary->stream);
        }
    }
    fputc('\n', summary->stream);
}

static void print_target_coverage(const struct summary *summary, uint32_t index)
{
    const struct result_target *target = &summary->result->targets[index];
    uint32_t called = 0;
    if (target->operation_count == 0)
        return;
    for (uint32_t o = 0; o < target->operation_count; o++)
        called += summary_was_called(summary->result, index, o);
    fprintf(summary->stream, "  ");
    text_print_safe(summary->stream, target->name ? target->name : "?", 24);
    fprintf(summary->stream, ": %u of %zu operations called", called, target->operation_count);
    if (json_array_size(target->excluded))
        fprintf(summary->stream, ", %zu excluded", json_array_size(target->excluded));
    fputc('\n', summary->stream);
    if (json_array_size(target->excluded)) {
        fprintf(summary->stream, "    excluded: ");
        print_names(summary, target->excluded);
    }
    if (json_array_size(target->undeclared)) {
        fprintf(summary->stream, "    called, though they do not say whether they destroy: ");
        print_names(summary, target->undeclared);
    }
}

static void print_coverage(const struct summary *summary)
{
    if (summary->result->target_count == 0)
        return;
    print_title(summary, "coverage");
    for (uint32_t t = 0; t < summary->result->target_count; t++)
        print_target_coverage(summary, t);
}

/* ---- cicada itself -------------------------------------------------------------------------- */

static void print_generator(const struct summary *summary)
{
    const struct result *result = summary->result;
    struct saturation saturation = saturation_of(result);
    char cpu[QUANTITY_SIZE], lag[QUANTITY_SIZE], delay[QUANTITY_SIZE], memory[QUANTITY_SIZE];
    uint64_t resident = 0;
    if (saturation.seconds == 0)
        return;
    for (size_t i = 0; i < result->self_count; i++)
        if (result->self[i].resident_bytes > resident)
            resident = result->self[i].resident_bytes;
    quantity_duration(delay, sizeof delay, saturation.delay_highest_ns);
    print_title(summary, "generator");
    char text[256], delayed[QUANTITY_SIZE + 32] = "";
    if (saturation.delay_highest_ns)
        snprintf(delayed, sizeof delayed, "send delay p99 at most %s; ", delay);
    snprintf(text, sizeof text,
             "busiest worker busy %s of the time at most; timers at most %s late; %s%s resident",
             quantity_share(cpu, sizeof cpu, saturation.cpu_highest),
             quantity_duration(lag, sizeof lag, saturation.lag_highest_ns), delayed,
             quantity_bytes(memory, sizeof memory, resident));
    fputs("  ", summary->stream);
    summary_print_wrapped(summary, text, 2);
}

/* ---- findings and verdict ------------------------------------------------------------------- */

struct mark {
    const char *sign, *style;
};

static struct mark mark_of(const struct summary *summary, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        return (struct mark){"\xe2\x9c\x93", summary->style.good};
    case VERDICT_FAIL:
        return (struct mark){"\xe2\x9c\x97", summary->style.bad};
    case VERDICT_INCONCLUSIVE:
        return (struct mark){"?", summary->style.warn};
    case VERDICT_INFORMATION:
        break;
    }
    return (struct mark){"\xc2\xb7", summary->style.dim};
}

static void print_findings(const struct summary *summary)
{
    const struct result *result = summary->result;
    if (result->finding_count == 0)
        return;
    print_title(summary, "findings");
    for (size_t i = 0; i < result->finding_count; i++) {
        struct mark mark = mark_of(summary, result->findings[i].verdict);
        fprintf(summary->stream, "  %s%s%s ", mark.style, mark.sign, summary->style.reset);
        summary_print_wrapped(summary, result->findings[i].text, 4);
    }
}

static void print_alerts(const struct summary *summary)
{
    const struct result *result = summary->result;
    char text[ALERT_TEXT_SIZE];
    if (result->alert_count == 0)
        return;
    print_title(summary, "alerts");
    for (size_t i = 0; i < result->alert_count && i < SUMMARY_ALERTS; i++) {
        fprintf(summary->stream, "  %s!%s ", summary->style.warn, summary->style.reset);
        summary_print_wrapped(summary,
                              alert_describe(result, &result->alerts[i], text, sizeof text), 4);
    }
    if (result->alert_count > SUMMARY_ALERTS)
        fprintf(summary->stream, "  %s%zu more in the result file%s\n", summary->style.dim,
                result->alert_count - SUMMARY_ALERTS, summary->style.reset);
}

static void print_recommendations(const struct summary *summary)
{
    const struct result *result = summary->result;
    if (result->recommendation_count == 0)
        return;
    print_title(summary, "recommendations");
    for (size_t i = 0; i < result->recommendation_count; i++) {
        fprintf(summary->stream, "  %s\xe2\x86\x92%s ", summary->style.accent,
                summary->style.reset);
        summary_print_wrapped(summary, result->recommendations[i].text, 4);
    }
}

static void print_readiness(const struct summary *summary)
{
    const struct result *result = summary->result;
    static const enum verdict marks[] = {
        [READINESS_READY] = VERDICT_PASS,
        [READINESS_READY_WITH_FINDINGS] = VERDICT_PASS,
        [READINESS_NOT_READY] = VERDICT_FAIL,
        [READINESS_INCONCLUSIVE] = VERDICT_INCONCLUSIVE,
    };
    char reason[160];
    fprintf(summary->stream, "%s%s  %s%s: %s\n", summary->style.bold,
            mark_of(summary, marks[result->readiness]).style, readiness_name(result->readiness),
            summary->style.reset, readiness_reason(result, reason, sizeof reason));
}

static void print_verdict(const struct summary *summary, const char *path)
{
    const struct result *result = summary->result;
    struct mark mark = mark_of(summary, result->verdict);
    if (path) {
        fprintf(summary->stream, "\n  everything is in ");
        text_print_safe(summary->stream, path, 400);
        fputc('\n', summary->stream);
    }
    fprintf(summary->stream, "\n%s%s%s ", summary->style.bold, mark.style, mark.sign);
    summary_print_wrapped(summary, result->summary ? result->summary : "", 2);
    fputs(summary->style.reset, summary->stream);
    print_readiness(summary);
}
