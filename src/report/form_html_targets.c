/* A panel for each target of a run on several: its figures, the checks on it, how its latency is
 * distributed, and what its driver reported beside latency. */
#include "analysis/quantity.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_rows.h"

#include <inttypes.h>
#include <string.h>

static void write_figure(FILE *file, const char *name, const char *value)
{
    fprintf(file, "<div><dt>%s</dt><dd>%s</dd></div>", name, value);
}

static void write_percentile(FILE *file, const struct measurement *total, const char *name,
                             double fraction)
{
    char text[QUANTITY_SIZE], value[QUANTITY_SIZE + 8] = "\xe2\x80\x93";
    struct percentile percentile = measurement_percentile(total, fraction);
    if (percentile.known)
        snprintf(value, sizeof value, "%s%s", percentile.lower_bound ? "&gt;" : "",
                 quantity_duration(text, sizeof text, percentile.value_ns));
    write_figure(file, name, value);
}

/* How right the answers of an index were. */
static void write_recall(FILE *file, const json_t *recall)
{
    char value[32], name[48];
    const json_t *share = json_object_get(recall, "value");
    if (!json_is_number(share))
        return;
    snprintf(name, sizeof name, "Recall@%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(recall, "k")));
    snprintf(value, sizeof value, "%.3f", json_number_value(share));
    write_figure(file, name, value);
}

static void write_figures(FILE *file, const struct result *result, uint32_t index,
                          const struct measurement *total)
{
    char text[QUANTITY_SIZE];
    uint64_t count = measurement_finished(total);
    fputs("<dl class=\"figures\">", file);
    write_figure(file, "Operations", quantity_count(text, sizeof text, count));
    write_figure(file, "Rate",
                 quantity_rate(text, sizeof text,
                               figures_rate(count, result_target_duration_ns(result, index))));
    write_figure(file, "Errors", quantity_share(text, sizeof text, measurement_error_rate(total)));
    write_percentile(file, total, "p50", 0.5);
    write_percentile(file, total, "p95", 0.95);
    write_percentile(file, total, "p99", 0.99);
    write_recall(file, json_object_get(result->targets[index].facts, "recall"));
    fputs("</dl>\n", file);
}

/* A finding's subject is the target's name, or ends with it as a word. */
static bool is_about(const struct finding *finding, const char *name)
{
    size_t length = finding->subject ? strlen(finding->subject) : 0, tail = name ? strlen(name) : 0;
    if (tail == 0 || length < tail || strcmp(finding->subject + length - tail, name) != 0)
        return false;
    return length == tail || finding->subject[length - tail - 1] == ' ';
}

static void write_checks(FILE *file, const struct result *result, const char *name)
{
    const char *begin = "<ul class=\"checks\">";
    for (size_t i = 0; i < result->finding_count; i++) {
        const struct finding *finding = &result->findings[i];
        if (finding->verdict == VERDICT_INFORMATION || !is_about(finding, name))
            continue;
        fprintf(file, "%s<li><span class=\"chip\" data-verdict=\"%s\">%s</span> ", begin,
                verdict_name(finding->verdict), verdict_name(finding->verdict));
        escape_html(file, finding->text);
        fputs("</li>", file);
        begin = "";
    }
    fputs(*begin ? "" : "</ul>\n", file);
}

/* ---- an operation that is made of steps ----------------------------------------------------- */

static void write_step_figure(FILE *file, const json_t *step, const char *key, double fraction)
{
    char text[QUANTITY_SIZE];
    double ok = json_number_value(json_object_get(step, "ok"));
    json_int_t ns = json_integer_value(json_object_get(step, key));
    bool known = fraction < 1 ? ok * (1 - fraction) >= 10 : ok > 0;
    fprintf(file, "<td>%s</td>",
            known && ns >= 0 ? quantity_duration(text, sizeof text, (uint64_t)ns) : "\xe2\x80\x93");
}

static void write_step_name(FILE *file, const json_t *step)
{
    static const char *const members[] = {"operation", "role", "tier"};
    fputs("<tr><th scope=\"row\">", file);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *text = json_string_value(json_object_get(step, members[i]));
        fputs(i == 2 ? " <small>" : i ? " " : "", file);
        escape_html(file, text ? text : "?");
    }
    fputs("</small></th>", file);
}

static void write_step(FILE *file, const json_t *step)
{
    char text[QUANTITY_SIZE];
    json_int_t ok = json_integer_value(json_object_get(step, "ok"));
    json_int_t failed = json_integer_value(json_object_get(step, "failed"));
    write_step_name(file, step);
    fprintf(file, "<td>%s</td>", quantity_count(text, sizeof text, ok > 0 ? (uint64_t)ok : 0));
    write_step_figure(file, step, "p50_ns", 0.5);
    write_step_figure(file, step, "p95_ns", 0.95);
    write_step_figure(file, step, "max_ns", 1);
    fprintf(file, "<td%s>%s</td></tr>\n", failed > 0 ? " class=\"bad\"" : "",
            quantity_count(text, sizeof text, failed > 0 ? (uint64_t)failed : 0));
}

static void write_steps(FILE *file, const struct result_target *target, uint32_t index)
{
    static const char *const titles[] = {"Step", "Ok", "p50", "p95", "Max", "Failed"};
    const json_t *steps = json_object_get(target->facts, "steps"), *step;
    char id[32];
    size_t i;
    if (json_array_size(steps) == 0)
        return;
    snprintf(id, sizeof id, "steps-%" PRIu32, index);
    form_html_table_begin(file, id, "Its operations go through the tiers one after the other");
    for (i = 0; i < sizeof titles / sizeof *titles; i++)
        fprintf(file, "<th scope=\"col\">%s</th>", titles[i]);
    fputs("</tr></thead>\n<tbody>\n", file);
    json_array_foreach(steps, i, step)
    {
        if (json_is_object(step))
            write_step(file, step);
    }
    form_html_table_end(file);
}

/* ---- the panels ----------------------------------------------------------------------------- */

static int write_panel(FILE *file, const struct result *result, uint32_t index)
{
    const struct result_target *target = &result->targets[index];
    const char *unavailable = json_string_value(json_object_get(target->facts, "unavailable"));
    struct measurement total;
    measurement_init(&total);
    int status = result_counted_total(result, index, &total);
    fprintf(file, "<article class=\"panel%s\" aria-labelledby=\"target-%" PRIu32 "\">",
            json_object_get(target->facts, "steps") ? " wide" : "", index);
    fprintf(file, "<h3 id=\"target-%" PRIu32 "\">", index);
    escape_html(file, target->name ? target->name : "target");
    fputs("</h3>\n<p class=\"detail\">", file);
    escape_html(file, unavailable ? unavailable : target->description);
    fputs("</p>\n", file);
    if (status == 0 && measurement_finished(&total) > 0) {
        write_figures(file, result, index, &total);
        fprintf(file,
                "<div class=\"chart\" data-chart=\"distribution\" data-target=\"%" PRIu32
                "\"></div>\n",
                index);
        write_steps(file, target, index);
    } else {
        fputs("<p class=\"empty\">Not run.</p>\n", file);
    }
    write_checks(file, result, target->name);
    fputs("</article>\n", file);
    measurement_free(&total);
    return status;
}

int form_html_targets(FILE *file, const struct result *result)
{
    int status = 0;
    if (result->target_count < 2)
        return 0;
    fputs("<section id=\"targets\">\n<h2>Targets</h2>\n<div class=\"panels\">\n", file);
    for (uint32_t t = 0; status == 0 && t < result->target_count; t++)
        status = write_panel(file, result, t);
    fputs("</div>\n</section>\n", file);
    return status;
}
