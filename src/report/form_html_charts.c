/* What is drawn over time: the frame of each chart, and the data as JSON for the script. A long run
 * is drawn in steps of several seconds, merged exactly. */
#include "analysis/alert_text.h"
#include "base/clock.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_timeline.h"

#include <inttypes.h>
#include <math.h>

#define POINTS 600 /* wide as a screen; more could not be seen */

/* ---- one series ----------------------------------------------------------------------------- */

/* Points are rows, so that one pass over the seconds writes them: [at, covered, users, arrivals,
 * in flight, connections, queued, ok, failed, censored, [p50, p95, p99, max], [[kind, count]...],
 * [heat row, count...]]. */
static void write_percentiles(FILE *file, const struct histogram *latency)
{
    static const double fractions[] = {0.5, 0.95, 0.99};
    for (size_t i = 0; i < 3; i++)
        fprintf(file, "%" PRIu64 ",", histogram_quantile(latency, fractions[i]));
    fprintf(file, "%" PRIu64, latency->count ? latency->max_ns : 0);
}

static void write_heat(FILE *file, const struct histogram *latency)
{
    uint32_t at = 0, bucket;
    uint64_t count, sum = 0;
    long row = -1;
    const char *comma = "";
    while (histogram_next(latency, &at, &bucket, &count)) {
        double middle =
            ((double)histogram_bucket_low(bucket) + (double)histogram_bucket_high(bucket)) / 2;
        long here = lround(floor(log2(middle) * FORM_HTML_HEAT_DIVIDES));
        if (here != row && sum > 0) {
            fprintf(file, "%s%ld,%" PRIu64, comma, row, sum);
            comma = ",";
            sum = 0;
        }
        row = here;
        sum += count;
    }
    if (sum > 0)
        fprintf(file, "%s%ld,%" PRIu64, comma, row, sum);
}

void form_html_point(FILE *file, const struct timeline_point *point)
{
    const char *comma = "";
    fprintf(file, "[%" PRIu32 ",%.3f,%.6g,%.6g,", point->at_s, point->covered_s, point->users,
            point->arrival_rate);
    fprintf(file, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",[",
            point->in_flight, point->connections, point->queued, point->ok, point->failed,
            point->censored);
    write_percentiles(file, &point->latency);
    fputs("],[", file);
    for (unsigned kind = OUTCOME_OK + 1; kind < OUTCOME_KINDS; kind++)
        if (point->outcomes[kind]) {
            fprintf(file, "%s[%u,%" PRIu64 "]", comma, kind, point->outcomes[kind]);
            comma = ",";
        }
    fputs("],[", file);
    write_heat(file, &point->latency);
    fputs("]]", file);
}

static int write_series(FILE *file, const struct result *result, int target, uint32_t step)
{
    struct timeline timeline;
    struct timeline_point point;
    int more = timeline_init(&timeline, result, target, TIMELINE_ALL);
    const char *comma = "";
    fprintf(file, "{\"target\":%d,\"name\":\"", target);
    escape_json(file, target < 0 ? "all targets" : result->targets[target].name);
    fputs("\",\"points\":[", file);
    if (more == 0)
        while ((more = timeline_next(&timeline, step, &point)) > 0) {
            fputs(comma, file);
            form_html_point(file, &point);
            timeline_point_free(&point);
            comma = ",\n";
        }
    fputs("]}", file);
    timeline_free(&timeline);
    return more;
}

/* ---- beside the series ---------------------------------------------------------------------- */

static void write_phases(FILE *file, const struct result *result)
{
    const char *comma = "";
    fputs("\"phases\":[", file);
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (phase->not_run)
            continue;
        fprintf(file, "%s[\"", comma);
        escape_json(file, phase->name);
        fprintf(file, "\",%.3f,%.3f]", (double)phase->start_ns / (double)NS_PER_S,
                (double)(phase->start_ns + phase->duration_ns + phase->drain_ns) /
                    (double)NS_PER_S);
        comma = ",";
    }
    fputs("],\n\"kinds\":[", file);
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        fprintf(file, "%s\"%s\"", kind ? "," : "", outcome_kind_name((enum outcome_kind)kind));
    fputs("],\n", file);
}

/* [text, from, to, rule], in seconds; to is past the last one that it held in. */
static void write_alerts(FILE *file, const struct result *result)
{
    char text[ALERT_TEXT_SIZE];
    const char *comma = "";
    fputs("\"alerts\":[", file);
    for (size_t i = 0; i < result->alert_count; i++) {
        const struct alert *alert = &result->alerts[i];
        uint64_t to_s =
            alert->end.known ? alert->end.at_s : (result->duration_ns + NS_PER_S - 1) / NS_PER_S;
        fprintf(file, "%s[\"", comma);
        escape_json(file, alert_describe(result, alert, text, sizeof text));
        fprintf(file, "\",%" PRIu32 ",%" PRIu64 ",\"", alert->start_s, to_s);
        escape_json(file, alert->rule);
        fputs("\"]", file);
        comma = ",";
    }
    fputs("],\n", file);
}

/* The highest of each step. */
static void write_self(FILE *file, const struct result *result, uint32_t step)
{
    const char *comma = "";
    fputs("\"self\":[", file);
    for (size_t i = 0; i < result->self_count;) {
        uint32_t from = result->self[i].at_s / step;
        struct self_second most = {0};
        for (; i < result->self_count && result->self[i].at_s / step == from; i++) {
            const struct self_second *self = &result->self[i];
            most.cpu_utilisation = fmax(most.cpu_utilisation, self->cpu_utilisation);
            if (self->scheduling_lag_ns > most.scheduling_lag_ns)
                most.scheduling_lag_ns = self->scheduling_lag_ns;
        }
        fprintf(file, "%s[%" PRIu32 ",%.4g,%" PRIu64 "]", comma, from * step, most.cpu_utilisation,
                most.scheduling_lag_ns);
        comma = ",";
    }
    fputs("],\n", file);
}

static void write_watch_of(FILE *file, const struct result *result, uint32_t target, uint32_t step)
{
    const char *comma = "";
    for (size_t i = 0; i < result->watch_count;) {
        uint32_t from = result->watch[i].at_s / step;
        struct target_second most = {0};
        bool any = false;
        for (; i < result->watch_count && result->watch[i].at_s / step == from; i++) {
            const struct target_second *watch = &result->watch[i];
            if (watch->target != target)
                continue;
            any = true;
            most.cpu_cores = fmax(most.cpu_cores, watch->cpu_cores);
            if (watch->resident_bytes > most.resident_bytes)
                most.resident_bytes = watch->resident_bytes;
        }
        if (any)
            fprintf(file, "%s[%" PRIu32 ",%.4g,%" PRIu64 "]", comma, from * step, most.cpu_cores,
                    most.resident_bytes);
        comma = any ? "," : comma;
    }
}

static void write_watch(FILE *file, const struct result *result, uint32_t step)
{
    const char *comma = "";
    fputs("\"watch\":[", file);
    for (uint32_t t = 0; t < result->target_count; t++) {
        bool watched = false;
        for (size_t i = 0; i < result->watch_count && !watched; i++)
            watched = result->watch[i].target == t;
        if (!watched)
            continue;
        fprintf(file, "%s{\"name\":\"", comma);
        escape_json(file, result->targets[t].name);
        fputs("\",\"points\":[", file);
        write_watch_of(file, result, t, step);
        fputs("]}", file);
        comma = ",";
    }
    fputs("],\n", file);
}

static int write_data(FILE *file, const struct result *result, uint32_t step)
{
    fprintf(file,
            "<script type=\"application/json\" id=\"data\">{\"step\":%" PRIu32 ",\"divides\":%d,\n",
            step, FORM_HTML_HEAT_DIVIDES);
    write_phases(file, result);
    write_alerts(file, result);
    write_self(file, result, step);
    write_watch(file, result, step);
    int status = form_html_scaling_data(file, result);
    fputs("\"series\":[", file);
    if (status == 0)
        status = write_series(file, result, -1, step);
    for (uint32_t t = 0; status == 0 && result->target_count > 1 && t < result->target_count; t++) {
        fputs(",\n", file);
        status = write_series(file, result, (int)t, step);
    }
    fputs("]}</script>\n", file);
    return status;
}

int form_html_charts(FILE *file, const struct result *result)
{
    struct timeline timeline;
    int status = timeline_init(&timeline, result, -1, TIMELINE_ALL);
    uint32_t step = timeline_step(&timeline, POINTS);
    bool any = timeline.count > 0;
    timeline_free(&timeline);
    fputs("<section id=\"charts\">\n<h2>Over time</h2>\n", file);
    if (!any) {
        fputs("<p class=\"empty\">No second was recorded.</p>\n</section>\n", file);
        return status;
    }
    fputs("<noscript><p class=\"empty\">The charts are drawn by a script, which is off. The tables "
          "below have the same figures by phase and operation.</p></noscript>\n"
          "<div id=\"moment\" hidden></div>\n<div id=\"figures\"></div>\n",
          file);
    if (status == 0)
        status = write_data(file, result, step);
    fputs("</section>\n", file);
    return status;
}
