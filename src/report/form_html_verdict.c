/* First on the page: what came out and what it rests on. */
#include "analysis/alert_text.h"
#include "analysis/quantity.h"
#include "analysis/readiness.h"
#include "base/clock.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_rows.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the verdict ---------------------------------------------------------------------------- */

static void write_pair(FILE *file, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fputs("<div><dt>", file);
    escape_html(file, name);
    fputs("</dt><dd>", file);
    escape_html(file, value);
    fputs("</dd></div>", file);
}

static void write_when(FILE *file, const struct result *result)
{
    char text[64], iso[32];
    struct tm tm;
    time_t seconds = (time_t)(result->started_wall_ns / NS_PER_S);
    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%e %B %Y, %H:%M:%S UTC", &tm) &&
        strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &tm))
        fprintf(file, "<div><dt>Started</dt><dd><time datetime=\"%s\">%s</time></dd></div>", iso,
                text + strspn(text, " "));
    write_pair(file, "Lasted", quantity_duration(text, sizeof text, result->duration_ns));
    snprintf(text, sizeof text, "%d", result->exit_code);
    write_pair(file, "Exit code", text);
}

static void write_facts(FILE *file, const struct result *result)
{
    const char *key;
    json_t *value;
    fputs("<dl class=\"facts\">", file);
    for (size_t t = 0; t < result->target_count; t++) {
        const struct result_target *target = &result->targets[t];
        if (!target->address || !*target->address) /* a tier that was not given */
            continue;
        fputs("<div><dt>", file);
        escape_html(file, result->target_count > 1 && target->name ? target->name : "Target");
        fputs("</dt><dd>", file);
        escape_html(file, target->address);
        fputs("<small>", file);
        escape_html(file, target->description);
        fputs("</small></dd></div>", file);
    }
    write_when(file, result);
    json_object_foreach(result->tags, key, value) write_pair(file, key, json_string_value(value));
    fputs("</dl>\n", file);
}

static void write_tile(FILE *file, const char *name, const char *value, const char *note)
{
    fprintf(file, "<div><dt>%s</dt><dd>%s", name, value);
    if (note && *note)
        fprintf(file, "<small>%s</small>", note);
    fputs("</dd></div>", file);
}

static void write_percentile_tile(FILE *file, const struct measurement *total, const char *name,
                                  double fraction)
{
    char value[QUANTITY_SIZE + 8], low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    char note[3 * QUANTITY_SIZE] = "";
    struct percentile percentile = measurement_percentile(total, fraction);
    if (!percentile.known) {
        write_tile(file, name, "\xe2\x80\x93", "the sample is too small");
        return;
    }
    quantity_duration(low, sizeof low, percentile.value_ns);
    snprintf(value, sizeof value, "%s%s", percentile.lower_bound ? "&gt;" : "", low);
    if (percentile.interval.known)
        snprintf(note, sizeof note, "%s to %s",
                 quantity_duration(low, sizeof low, percentile.interval.low_ns),
                 quantity_duration(high, sizeof high, percentile.interval.high_ns));
    write_tile(file, name, value, note);
}

static double peak_users(const struct result *result)
{
    double peak = 0;
    for (size_t p = 0; p < result->phase_count; p++) {
        double users = result_phase_peak_users(&result->phases[p]);
        peak = users > peak ? users : peak;
    }
    return peak;
}

static void write_tiles(FILE *file, const struct result *result, const struct measurement *total)
{
    char text[QUANTITY_SIZE], note[QUANTITY_SIZE + 16];
    uint64_t count = measurement_finished(total), failed = measurement_failed(total);
    fputs("<dl class=\"tiles\">", file);
    write_tile(file, "Operations", quantity_count(text, sizeof text, count), NULL);
    write_tile(
        file, "Rate",
        quantity_rate(text, sizeof text, figures_rate(count, result_load_duration_ns(result))),
        "while load was offered");
    write_percentile_tile(file, total, "p50", 0.5);
    write_percentile_tile(file, total, "p95", 0.95);
    write_percentile_tile(file, total, "p99", 0.99);
    quantity_count(text, sizeof text, failed);
    snprintf(note, sizeof note, "%s failed", text);
    write_tile(file, "Errors", quantity_share(text, sizeof text, measurement_error_rate(total)),
               note);
    if (peak_users(result) > 0) {
        snprintf(text, sizeof text, "%.0f", peak_users(result));
        write_tile(file, "Users", text, "at the peak");
    }
    fputs("</dl>\n", file);
}

/* ---- what to do, and what was raised -------------------------------------------------------- */

static void write_readiness(FILE *file, const struct result *result)
{
    static const enum verdict verdicts[] = {
        [READINESS_READY] = VERDICT_PASS,
        [READINESS_READY_WITH_FINDINGS] = VERDICT_PASS,
        [READINESS_NOT_READY] = VERDICT_FAIL,
        [READINESS_INCONCLUSIVE] = VERDICT_INCONCLUSIVE,
    };
    char reason[160];
    fprintf(
        file,
        "<p class=\"readiness\"><strong class=\"chip\" data-verdict=\"%s\">%s</strong> %s</p>\n",
        verdict_name(verdicts[result->readiness]), readiness_name(result->readiness),
        readiness_reason(result, reason, sizeof reason));
}

static void write_recommendations(FILE *file, const struct result *result)
{
    if (result->recommendation_count == 0)
        return;
    fputs("<h2 id=\"recommendations\">What to do</h2>\n<ul class=\"recommendations\">\n", file);
    for (size_t i = 0; i < result->recommendation_count; i++) {
        fputs("<li><p>", file);
        escape_html(file, result->recommendations[i].text);
        fputs("</p><p class=\"detail\">from the finding of rule <code>", file);
        escape_html(file, result->recommendations[i].rule);
        fputs("</code></p></li>\n", file);
    }
    fputs("</ul>\n", file);
}

static void write_alerts(FILE *file, const struct result *result)
{
    char text[ALERT_TEXT_SIZE];
    fputs("<h2 id=\"alerts\">Alerts</h2>\n", file);
    if (result->alert_count == 0) {
        fputs("<p class=\"empty\">No alert fired.</p>\n", file);
        return;
    }
    fputs("<ul class=\"alerts\">\n", file);
    for (size_t i = 0; i < result->alert_count; i++) {
        fputs("<li>", file);
        escape_html(file, alert_describe(result, &result->alerts[i], text, sizeof text));
        fputs("</li>\n", file);
    }
    fputs("</ul>\n", file);
}

/* ---- findings ------------------------------------------------------------------------------- */

static void write_rule(FILE *file, const struct finding *finding)
{
    char text[QUANTITY_SIZE];
    fputs("rule <code>", file);
    escape_html(file, finding->rule);
    fputs("</code>", file);
    if (finding->threshold && *finding->threshold) {
        fputs(", threshold ", file);
        escape_html(file, finding->threshold);
    }
    fprintf(file, ", sample %s", quantity_count(text, sizeof text, finding->sample));
}

/* The line that names the rule unfolds the figures. */
static int write_finding(FILE *file, const struct finding *finding)
{
    fprintf(file, "<li><span class=\"chip\" data-verdict=\"%s\">%s</span><div><p>",
            verdict_name(finding->verdict), verdict_name(finding->verdict));
    escape_html(file, finding->text);
    fputs("</p>", file);
    bool any = json_object_size(finding->figures) > 0;
    char *figures =
        any ? json_dumps(finding->figures, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    fputs(figures ? "<details class=\"detail\"><summary>" : "<p class=\"detail\">", file);
    write_rule(file, finding);
    if (figures) {
        fputs("</summary><pre tabindex=\"0\"><code>", file);
        escape_html(file, figures);
        fputs("</code></pre></details>", file);
    } else {
        fputs("</p>", file);
    }
    free(figures);
    fputs("</div></li>\n", file);
    return any && !figures ? -1 : 0;
}

static int write_findings(FILE *file, const struct result *result)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_PASS,
                                         VERDICT_INFORMATION};
    fputs("<h2>What it rests on</h2>\n", file);
    if (result->finding_count == 0)
        fputs("<p class=\"empty\">No rule was applied.</p>\n", file);
    else
        fputs("<ul class=\"findings\">\n", file);
    for (size_t v = 0; v < sizeof order / sizeof *order; v++)
        for (size_t i = 0; i < result->finding_count; i++)
            if (result->findings[i].verdict == order[v] &&
                write_finding(file, &result->findings[i]) < 0)
                return -1;
    fputs(result->finding_count ? "</ul>\n" : "", file);
    return 0;
}

int form_html_verdict(FILE *file, const struct result *result)
{
    struct measurement total;
    measurement_init(&total);
    int status = result_total(result, &total);
    fprintf(file, "<section id=\"verdict\" data-verdict=\"%s\">\n<p class=\"badge\">%s</p>\n<h1>",
            verdict_name(result->verdict), verdict_name(result->verdict));
    escape_html(file, result->plan_name ? result->plan_name : "plan");
    fputs("</h1>\n<p class=\"summary\">", file);
    escape_html(file, result->summary);
    fputs("</p>\n", file);
    write_readiness(file, result);
    if (result->partial) {
        fputs(
            "<p class=\"partial\"><strong>Partial:</strong> the figures are of a part of the run. ",
            file);
        escape_html(file, result->partial_reason);
        fputs("</p>\n", file);
    }
    write_facts(file, result);
    if (status == 0)
        write_tiles(file, result, &total);
    measurement_free(&total);
    write_recommendations(file, result);
    if (status == 0)
        status = write_findings(file, result);
    write_alerts(file, result);
    fputs("</section>\n", file);
    return status;
}
