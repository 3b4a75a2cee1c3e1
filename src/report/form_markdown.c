/* A summary in Markdown, for the comment on a pull request: the verdict and what it rests on first,
 * the tables folded below. Everything a server said stands in code spans. */
#include "analysis/alert_text.h"
#include "analysis/quantity.h"
#include "analysis/readiness.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_rows.h"
#include "report/form_write.h"

#define SHOWN_OPERATIONS 20
#define SHOWN_ALERTS     20
#define NAME_WIDTH       60
#define TEXT_WIDTH       160

#define UNKNOWN "\xe2\x80\x93"

static const char *const marks[] = {[VERDICT_PASS] = "\xe2\x9c\x85 pass",
                                    [VERDICT_FAIL] = "\xe2\x9d\x8c fail",
                                    [VERDICT_INCONCLUSIVE] =
                                        "\xe2\x9a\xa0\xef\xb8\x8f inconclusive",
                                    [VERDICT_INFORMATION] = "\xe2\x84\xb9\xef\xb8\x8f information"};

/* ---- figures -------------------------------------------------------------------------------- */

#define FIGURE_TITLES " count | rate | p50 | p95 | p99 | max | errors |\n"
#define FIGURE_RULES  " ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"

static void write_figures(FILE *file, const struct measurement *total, uint64_t duration_ns)
{
    static const double fractions[] = {0.5, 0.95, 0.99};
    char text[QUANTITY_SIZE];
    uint64_t count = measurement_finished(total);
    fprintf(file, " %s |", quantity_count(text, sizeof text, count));
    fprintf(file, " %s |", quantity_rate(text, sizeof text, figures_rate(count, duration_ns)));
    for (size_t i = 0; i < 3; i++) {
        struct percentile percentile = measurement_percentile(total, fractions[i]);
        fprintf(file, " %s%s |", percentile.known && percentile.lower_bound ? "&gt;" : "",
                percentile.known ? quantity_duration(text, sizeof text, percentile.value_ns)
                                 : UNKNOWN);
    }
    uint64_t max_ns = measurement_max_ns(total); /* 0: nothing that has a latency */
    fprintf(file, " %s%s |", measurement_max_is_lower_bound(total) ? "&gt;" : "",
            max_ns ? quantity_duration(text, sizeof text, max_ns) : UNKNOWN);
    fprintf(file, " %s |\n", quantity_share(text, sizeof text, measurement_error_rate(total)));
}

/* ---- sections ------------------------------------------------------------------------------- */

static int write_heading(FILE *file, const struct result *result)
{
    char text[QUANTITY_SIZE];
    char reason[160];
    fprintf(file, "## cicada: %s\n\n**%s**: %s. ", marks[result->verdict],
            readiness_name(result->readiness), readiness_reason(result, reason, sizeof reason));
    escape_markdown(file, result->summary);
    fputs("\n\n", file);
    if (result->partial) {
        fputs("**Partial:** the figures are of a part of the run. ", file);
        escape_markdown(file, result->partial_reason);
        fputs("\n\n", file);
    }
    for (size_t t = 0; t < result->target_count; t++) {
        escape_markdown_code(file, result->targets[t].address, TEXT_WIDTH);
        fputs(result->targets[t].description ? " " : "", file);
        escape_markdown_code(file, result->targets[t].description, TEXT_WIDTH);
        fputs("  \n", file);
    }
    fputs("Plan ", file);
    escape_markdown_code(file, result->plan_name ? result->plan_name : "plan", NAME_WIDTH);
    fprintf(file, ", %s", quantity_duration(text, sizeof text, result->duration_ns));
    const char *key;
    json_t *value;
    json_object_foreach(result->tags, key, value)
    {
        fputs(", ", file);
        escape_markdown_code(file, key, NAME_WIDTH);
        fputs(" = ", file);
        escape_markdown_code(file, json_string_value(value), NAME_WIDTH);
    }
    fputs("\n\n", file);
    return 0;
}

static int write_recommendations(FILE *file, const struct result *result)
{
    if (result->recommendation_count == 0)
        return 0;
    fputs("### Recommendations\n\n", file);
    for (size_t i = 0; i < result->recommendation_count; i++) {
        fputs("- ", file);
        escape_markdown(file, result->recommendations[i].text);
        fputs(" (", file);
        escape_markdown_code(file, result->recommendations[i].rule, NAME_WIDTH);
        fputs(")\n", file);
    }
    fputc('\n', file);
    return 0;
}

static int write_alerts(FILE *file, const struct result *result)
{
    char text[ALERT_TEXT_SIZE];
    if (result->alert_count == 0)
        return 0;
    fputs("### Alerts\n\n", file);
    for (size_t i = 0; i < result->alert_count && i < SHOWN_ALERTS; i++) {
        fputs("- ", file);
        escape_markdown(file, alert_describe(result, &result->alerts[i], text, sizeof text));
        fputc('\n', file);
    }
    if (result->alert_count > SHOWN_ALERTS)
        fprintf(file, "- and %zu more\n", result->alert_count - SHOWN_ALERTS);
    fputc('\n', file);
    return 0;
}

/* What decided first. */
static int write_findings(FILE *file, const struct result *result)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_PASS,
                                         VERDICT_INFORMATION};
    if (result->finding_count == 0)
        return 0;
    fputs("| | rule | finding |\n| --- | --- | --- |\n", file);
    for (size_t v = 0; v < sizeof order / sizeof *order; v++)
        for (size_t i = 0; i < result->finding_count; i++) {
            const struct finding *finding = &result->findings[i];
            if (finding->verdict != order[v])
                continue;
            fprintf(file, "| %s | ", marks[finding->verdict]);
            escape_markdown_code(file, finding->rule, NAME_WIDTH);
            fputs(" | ", file);
            escape_markdown(file, finding->text);
            fputs(" |\n", file);
        }
    fputc('\n', file);
    return 0;
}

static int write_phases(FILE *file, const struct result *result)
{
    fputs("| phase | users |" FIGURE_TITLES "| --- | ---: |" FIGURE_RULES, file);
    for (size_t p = 0; p <= result->phase_count; p++) {
        const struct result_phase *phase = p < result->phase_count ? &result->phases[p] : NULL;
        if (phase && phase->not_run)
            continue;
        struct measurement total;
        measurement_init(&total);
        int status = phase ? result_phase_total(phase, -1, &total) : result_total(result, &total);
        if (status == 0) {
            fputs("| ", file);
            if (phase)
                escape_markdown_code(file, phase->name ? phase->name : "?", NAME_WIDTH);
            else
                fputs("**all**", file);
            if (phase && result_phase_peak_users(phase) > 0)
                fprintf(file, " | %.0f |", result_phase_peak_users(phase));
            else
                fputs(" | |", file);
            write_figures(file, &total,
                          phase ? phase->duration_ns : result_load_duration_ns(result));
        }
        measurement_free(&total);
        if (status < 0)
            return -1;
    }
    fputc('\n', file);
    return 0;
}

static void write_reason(FILE *file, const struct result *result,
                         const struct outcome_count *reason, const struct measurement *total)
{
    uint64_t finished = measurement_finished(total);
    char text[QUANTITY_SIZE];
    const struct example *example = result_example_of(result, total, &reason->outcome);
    fprintf(file, "| %s | ", outcome_kind_name(reason->outcome.kind));
    if (reason->outcome.code)
        fprintf(file, "%d ", (int)reason->outcome.code);
    escape_markdown_code(file, reason->outcome.detail, NAME_WIDTH);
    fprintf(file, " | %s |", quantity_count(text, sizeof text, reason->count));
    fprintf(
        file, " %s | ",
        quantity_share(text, sizeof text, finished ? (double)reason->count / (double)finished : 0));
    escape_markdown_code(file, example ? example->text : NULL, TEXT_WIDTH);
    fputs(" | ", file);
    escape_markdown_code(file, example ? example->repeat : NULL, 4 * TEXT_WIDTH);
    fputs(" |\n", file);
}

static int write_failures(FILE *file, const struct result *result)
{
    struct measurement total;
    measurement_init(&total);
    int status = result_total(result, &total);
    if (status == 0 && total.reason_count > 0) {
        measurement_sort_reasons(&total);
        fputs("### Failures\n\n| outcome | reason | count | share | for example | repeat it |\n"
              "| --- | --- | ---: | ---: | --- | --- |\n",
              file);
        for (unsigned i = 0; i < total.reason_count; i++)
            write_reason(file, result, &total.reasons[i], &total);
        fputc('\n', file);
    }
    measurement_free(&total);
    return status;
}

static int write_operations(FILE *file, const struct result *result)
{
    struct operation_rows rows;
    int status = operation_rows_collect(&rows, result);
    if (status == 0 && rows.count > 0) {
        size_t shown = rows.count < SHOWN_OPERATIONS ? rows.count : SHOWN_OPERATIONS;
        fprintf(file, "<details><summary>%zu operation%s, slowest first%s</summary>\n\n",
                rows.count, rows.count == 1 ? "" : "s",
                shown < rows.count ? "; 20 of them shown" : "");
        fputs("| operation |" FIGURE_TITLES "| --- |" FIGURE_RULES, file);
        for (size_t i = 0; i < shown; i++) {
            const struct result_target *target = &result->targets[rows.rows[i].target];
            fputs("| ", file);
            if (result->target_count > 1) {
                escape_markdown_code(file, target->name, NAME_WIDTH);
                fputc(' ', file);
            }
            escape_markdown_code(file, target->operations[rows.rows[i].operation].name, NAME_WIDTH);
            fputs(" |", file);
            write_figures(file, &rows.rows[i].total, result_load_duration_ns(result));
        }
        fputs("\n</details>\n\n", file);
    }
    operation_rows_free(&rows);
    return status;
}

int form_markdown(FILE *file, const struct result *result)
{
    static int (*const sections[])(FILE *, const struct result *) = {
        write_heading, write_recommendations, write_findings,  write_alerts,
        write_phases,  write_failures,        write_operations};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (sections[i](file, result) < 0)
            return -1;
    fputs("<sub>" UNKNOWN " : the sample is too small for this percentile. &gt;: a lower bound, as "
          "operations were cut off. cicada ",
          file);
    escape_markdown(file, result->cicada_version);
    fputs("</sub>\n", file);
    return 0;
}
