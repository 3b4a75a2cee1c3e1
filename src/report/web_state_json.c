/* The model of the live page as JSON. Text from anywhere passes escape_json. */
#include "base/clock.h"
#include "plan/load.h"
#include "report/figures.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_rows.h"
#include "report/progress.h"
#include "report/web_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const double fractions[] = {0.5, 0.95, 0.99};

/* ---- a string that is written like a file --------------------------------------------------- */

struct page {
    char *text;
    size_t size;
    FILE *file;
};

static FILE *page_begin(struct page *page)
{
    *page = (struct page){0};
    page->file = open_memstream(&page->text, &page->size);
    return page->file;
}

static char *page_end(struct page *page)
{
    bool failed = ferror(page->file) != 0;
    if (fclose(page->file) != 0 || failed) {
        free(page->text);
        page->text = NULL;
    }
    return page->text;
}

static void write_text(FILE *file, const char *key, const char *text)
{
    fprintf(file, "\"%s\":\"", key);
    escape_json(file, text);
    fputc('"', file);
}

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

char *web_point_text(const struct timeline_point *point)
{
    struct page page;
    FILE *file = page_begin(&page);
    if (!file)
        return NULL;
    form_html_point(file, point);
    return page_end(&page);
}

/* ---- what the last second said -------------------------------------------------------------- */

/* [target, name, ok, failed, p50, p95, max], in ns */
static void write_operation(FILE *file, const struct top_operation *top)
{
    fputs("[\"", file);
    escape_json(file, top->target);
    fputs("\",\"", file);
    escape_json(file, top->name);
    fprintf(file, "\",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", top->ok,
            top->failed, top->p50_ns, top->p95_ns, top->max_ns);
}

static void write_top(FILE *file, const struct engine_progress *progress)
{
    fputs("\"top\":[", file);
    for (size_t i = 0; i < progress->top_count; i++) {
        fputs(i ? "," : "", file);
        write_operation(file, &progress->top[i]);
    }
    fputs("],", file);
}

/* [kind, of the run, of the last second] */
static void write_errors(FILE *file, const struct web_state *state, const uint64_t *last)
{
    const char *comma = "";
    fputs("\"errors\":[", file);
    for (unsigned kind = OUTCOME_OK + 1; kind < OUTCOME_KINDS; kind++)
        if (state->outcomes[kind]) {
            fprintf(file, "%s[%u,%" PRIu64 ",%" PRIu64 "]", comma, kind, state->outcomes[kind],
                    last[kind]);
            comma = ",";
        }
    fputs("]", file);
}

char *web_state_second_text(const struct web_state *state, const struct engine_progress *progress)
{
    const struct histogram *latency = progress->latency;
    struct page page;
    FILE *file = page_begin(&page);
    if (!file)
        return NULL;
    fprintf(file,
            "{\"users\":%.6g,\"arrivals\":%.6g,\"in_flight\":%" PRIu32 ",\"queued\":%" PRIu32
            ",\"connections\":%" PRIu32 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"draining\":%s,\"cpu\":%.4g,\"latency\":[",
            progress->users, progress->arrival_rate, progress->in_flight, progress->queued,
            progress->connections, progress->ok, progress->failed, boolean(progress->draining),
            progress->self ? progress->self->cpu_utilisation : 0.0);
    for (size_t i = 0; i < 3; i++)
        fprintf(file, "%" PRIu64 ",", histogram_quantile(latency, fractions[i]));
    fprintf(file, "%" PRIu64 "],", latency->count ? latency->max_ns : 0);
    write_top(file, progress);
    write_errors(file, state, progress->outcomes);
    fputc('}', file);
    return page_end(&page);
}

/* ---- how it ended --------------------------------------------------------------------------- */

static void write_slowest(FILE *file, const struct result *result)
{
    struct operation_rows rows;
    int collected = operation_rows_collect(&rows, result);
    fputs("\"top\":[", file);
    for (size_t i = 0; collected == 0 && i < rows.count && i < TOP_OPERATIONS; i++) {
        const struct operation_row *row = &rows.rows[i];
        const struct result_target *target = &result->targets[row->target];
        const struct top_operation top = {
            .target = target->name,
            .name = target->operations[row->operation].name,
            .ok = row->total.outcomes[OUTCOME_OK],
            .failed = measurement_failed(&row->total),
            .p50_ns = measurement_percentile(&row->total, 0.5).value_ns,
            .p95_ns = row->rank_ns,
            .max_ns = measurement_max_ns(&row->total),
        };
        fputs(i ? "," : "", file);
        write_operation(file, &top);
    }
    operation_rows_free(&rows);
    fputs("],", file);
}

/* A percentile that is not known is null. */
static void write_totals(FILE *file, const struct result *result)
{
    struct measurement total;
    double users = 0;
    measurement_init(&total);
    if (result_total(result, &total) < 0)
        fprintf(file, "\"incomplete\":true,");
    uint64_t finished = measurement_finished(&total);
    for (size_t i = 0; i < result->phase_count; i++)
        users = fmax(users, result_phase_peak_users(&result->phases[i]));
    fprintf(file,
            "\"finished\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"error_rate\":%.6g,\"rate\":%.6g,\"users\":%.6g,\"lasted_s\":%.3f,\"max\":%" PRIu64
            ",\"percentiles\":[",
            finished, measurement_failed(&total), measurement_error_rate(&total),
            figures_rate(finished, result_load_duration_ns(result)), users,
            (double)result->duration_ns / (double)NS_PER_S, measurement_max_ns(&total));
    for (size_t i = 0; i < 3; i++) {
        struct percentile percentile = measurement_percentile(&total, fractions[i]);
        fputs(i ? "," : "", file);
        if (percentile.known)
            fprintf(file, "%" PRIu64, percentile.value_ns);
        else
            fputs("null", file);
    }
    fputs("],", file);
    measurement_free(&total);
}

char *web_state_end_text(const struct result *result, const char *path, bool more)
{
    struct page page;
    FILE *file = page_begin(&page);
    if (!file)
        return NULL;
    fprintf(file, "{\"more\":%s,\"exit_code\":%d,", boolean(more), result->exit_code);
    write_text(file, "verdict", verdict_name(result->verdict));
    fputc(',', file);
    write_text(file, "summary", result->summary);
    fputc(',', file);
    write_totals(file, result);
    write_slowest(file, result);
    write_text(file, "path", path);
    fputc('}', file);
    return page_end(&page);
}

/* ---- the parts of a message ----------------------------------------------------------------- */

static const char *status_of(const struct phase *phase, const struct web_phase *of)
{
    if (phase->not_run || of->not_run)
        return "not run";
    if (of->ended)
        return of->partial ? "cut short" : "done";
    return of->began ? "running" : "waiting";
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static void write_phase(FILE *file, const struct web_state *state, size_t index)
{
    const struct phase *phase = &state->plan->phases[index];
    const struct web_phase *of = &state->phases[index];
    bool current = state->running && state->now.phase_index == index && !of->ended;
    fputc('{', file);
    write_text(file, "name", phase->name);
    fprintf(file,
            ",\"status\":\"%s\",\"open\":%s,\"low\":%.6g,\"high\":%.6g,\"duration_s\":%.3f,"
            "\"operations\":%" PRIu64 ",\"share\":%.4g,\"passed_s\":%.3f,\"from_s\":%.3f,"
            "\"to_s\":%.3f,\"finished\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"rate\":%.6g,\"p99\":%" PRIu64 "}",
            status_of(phase, of), boolean(phase->model == LOAD_OPEN), load_lowest(phase),
            load_highest(phase), seconds(phase->duration_ns), phase->operations,
            of->ended ? 1.0
            : current ? progress_share(&state->now)
                      : 0.0,
            current ? seconds(state->now.phase_elapsed_ns) : 0.0, seconds(of->from_ns),
            seconds(of->to_ns), of->finished, of->failed,
            figures_rate(of->finished, of->duration_ns), of->p99_ns);
}

static void write_alerts(FILE *file, const struct web_state *state)
{
    size_t kept = state->alert_count < WEB_ALERTS ? state->alert_count : WEB_ALERTS;
    fputs("\"alerts\":[", file);
    for (size_t i = 0; i < kept; i++) {
        const struct web_alert *alert =
            &state->alerts[(state->alert_count - kept + i) % WEB_ALERTS];
        fprintf(file, "%s[\"", i ? "," : "");
        escape_json(file, alert->text);
        fprintf(file, "\",%" PRIu32 ",", alert->start_s);
        if (alert->over)
            fprintf(file, "%" PRIu32 "]", alert->end_s);
        else
            fputs("null]", file);
    }
    fputs("],", file);
}

static void write_notices(FILE *file, const struct web_state *state)
{
    size_t kept = state->notice_count < WEB_NOTICES ? state->notice_count : WEB_NOTICES;
    fputs("\"notices\":[", file);
    for (size_t i = 0; i < kept; i++) {
        fputs(i ? ",\"" : "\"", file);
        escape_json(file, state->notices[(state->notice_count - kept + i) % WEB_NOTICES]);
        fputc('"', file);
    }
    fputs("],", file);
}

/* Everything but the series: told anew each time, so that nobody needs to keep count of changes. */
static void write_state(FILE *file, const struct web_state *state)
{
    fprintf(file,
            "\"state\":{\"running\":%s,\"elapsed_s\":%.3f,\"left_s\":%.3f,\"phase\":%zu,"
            "\"phases\":[",
            boolean(state->running), seconds(state->now.run_elapsed_ns),
            state->running ? seconds(progress_time_left_ns(state->plan, &state->now)) : 0.0,
            state->now.phase_index);
    for (size_t i = 0; i < state->plan->phase_count; i++) {
        fputs(i ? "," : "", file);
        write_phase(file, state, i);
    }
    fputs("],", file);
    write_alerts(file, state);
    write_notices(file, state);
    fprintf(file, "\"second\":%s,\"end\":%s}", state->second ? state->second : "null",
            state->end ? state->end : "null");
}

static void write_points(FILE *file, const struct web_state *state, size_t from)
{
    const char *comma = "";
    fputs("\"points\":[", file);
    for (size_t i = from; i < state->point_count; i++)
        if (state->texts[i]) {
            fprintf(file, "%s%s", comma, state->texts[i]);
            comma = ",";
        }
    fputs("],", file);
}

static void write_rows(FILE *file, const struct web_watched *watched, size_t from)
{
    for (size_t i = from; i < watched->count; i++)
        fprintf(file, "%s[%" PRIu32 ",%.4g,%" PRIu64 "]", i > from ? "," : "",
                watched->rows[i].at_s, watched->rows[i].cpu, watched->rows[i].value);
}

/* Of each line the last row, or all of them. */
static void write_watches(FILE *file, const struct web_state *state, bool all)
{
    size_t kept = state->self.count;
    fputs("\"self\":[", file);
    write_rows(file, &state->self, all || kept == 0 ? 0 : kept - 1);
    fputs("],\"watch\":[", file);
    for (size_t i = 0; i < state->plan->target_count; i++) {
        kept = state->targets[i].count;
        fputs(i ? ",[" : "[", file);
        write_rows(file, &state->targets[i], all || kept == 0 ? 0 : kept - 1);
        fputs("]", file);
    }
    fputs("],", file);
}

char *web_state_news(const struct web_state *state)
{
    struct page page;
    FILE *file = page_begin(&page);
    if (!file)
        return NULL;
    fputc('{', file);
    write_points(file, state, state->changed);
    write_watches(file, state, false);
    write_state(file, state);
    fputc('}', file);
    return page_end(&page);
}

char *web_state_whole(const struct web_state *state)
{
    const struct plan *plan = state->plan;
    struct page page;
    FILE *file = page_begin(&page);
    if (!file)
        return NULL;
    fputc('{', file);
    write_text(file, "name", plan->name);
    fprintf(file, ",\"repetition\":%u,\"repeat\":%u,\"targets\":[", state->repetition + 1,
            plan->repeat);
    for (size_t i = 0; i < plan->target_count; i++) {
        fputs(i ? ",\"" : "\"", file);
        escape_json(file, plan->targets[i].name);
        fputc('"', file);
    }
    fprintf(file, "],\"window_s\":%d,\"step\":%" PRIu32 ",\"divides\":%d,\"kinds\":[", TOP_WINDOW_S,
            state->step, FORM_HTML_HEAT_DIVIDES);
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        fprintf(file, "%s\"%s\"", kind ? "," : "", outcome_kind_name((enum outcome_kind)kind));
    fputs("],", file);
    write_points(file, state, 0);
    write_watches(file, state, true);
    write_state(file, state);
    fputc('}', file);
    return page_end(&page);
}
