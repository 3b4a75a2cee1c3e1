/* The live line. */
#include "report/terminal.h"

#include "analysis/alert_text.h"
#include "analysis/quantity.h"
#include "base/clock.h"
#include "report/figures.h"
#include "report/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LIMIT    ((size_t)4096)
#define NAME_COLUMNS  24
#define LEAST_COLUMNS 10
#define BAR           16
#define ROOM_FOR_BAR  110
#define BUSY          0.8 /* from here on the generator's own CPU is worth a place on the line */

static void phase_began(void *context, const struct engine_progress *progress);
static void second_passed(void *context, const struct engine_progress *progress);
static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase);
static void alert(void *context, const struct result *result, const struct alert *alert,
                  bool began);
static void notice(void *context, const char *text);

void terminal_init(struct terminal *terminal, const struct plan *plan, const char *ui,
                   struct engine_observer *observer)
{
    *terminal = (struct terminal){.stream = stderr, .plan = plan};
    *observer = (struct engine_observer){.context = terminal};
    terminal_style_init(&terminal->style, stderr);
    if (ui && strcmp(ui, "off") == 0)
        return;
    terminal->rewrites = isatty(STDERR_FILENO) && !(ui && strcmp(ui, "plain") == 0);
    observer->phase_began = phase_began;
    observer->second = second_passed;
    observer->phase_ended = phase_ended;
    observer->alert = alert;
    observer->notice = notice;
}

void terminal_finish(struct terminal *terminal)
{
    if (terminal->line_shown)
        fputc('\n', terminal->stream);
    terminal->line_shown = false;
    fflush(terminal->stream);
}

/* ---- a line --------------------------------------------------------------------------------- */

static void line_begin(struct buffer *line)
{
    buffer_init(line, LINE_LIMIT);
}

/* Cut to the terminal, so that a rewritten line never wraps. `line` is freed. */
static void line_end(struct terminal *terminal, struct buffer *line, bool stays)
{
    char *text = buffer_take_string(line);
    if (!text)
        return;
    if (terminal->rewrites) {
        size_t room = (size_t)terminal_columns(terminal->stream) - 1;
        fprintf(terminal->stream, "\r\033[K");
        text_print_styled(terminal->stream, text, room);
        if (terminal->style.colours)
            fputs(terminal->style.reset, terminal->stream);
    } else {
        fputs(text, terminal->stream);
    }
    if (stays || !terminal->rewrites)
        fputc('\n', terminal->stream);
    terminal->line_shown = terminal->rewrites && !stays;
    fflush(terminal->stream);
    free(text);
}

static void add_clock(struct buffer *line, uint64_t ns)
{
    unsigned seconds = (unsigned)((ns + NS_PER_S / 2) / NS_PER_S);
    buffer_printf(line, "%u:%02u", seconds / 60, seconds % 60);
}

/* In bold, filled up to a column of names. */
static void add_name(struct buffer *line, const struct terminal_style *style, const char *name)
{
    buffer_append_text(line, style->bold);
    size_t columns = text_append_safe(line, name ? name : "?", NAME_COLUMNS);
    buffer_append_text(line, style->reset);
    do
        buffer_append_char(line, ' ');
    while (++columns <= LEAST_COLUMNS);
}

static void add_bar(struct buffer *line, const struct terminal_style *style, double done)
{
    int filled = (int)(done * BAR + 0.5);
    buffer_append_text(line, style->accent);
    for (int i = 0; i < BAR; i++) {
        if (i == filled)
            buffer_printf(line, "%s%s", style->reset, style->dim);
        buffer_append_text(line, i < filled ? "\xe2\x94\x81" : "\xe2\x94\x80");
    }
    buffer_printf(line, "%s ", style->reset);
}

/* ---- phases --------------------------------------------------------------------------------- */

/* "5 to 50 users", "500/s", "75 users" */
static void add_load(struct buffer *line, const struct phase *phase)
{
    double lowest = 0, highest = 0;
    for (size_t i = 0; i < phase->point_count; i++) {
        double level = phase->points[i].level;
        lowest = i == 0 || level < lowest ? level : lowest;
        highest = level > highest ? level : highest;
    }
    const char *unit = phase->model == LOAD_OPEN ? "/s" : " users";
    if (lowest < highest)
        buffer_printf(line, "%g to %g%s", phase->points[0].level,
                      phase->points[phase->point_count - 1].level, unit);
    else
        buffer_printf(line, "%g%s", highest, unit);
    if (lowest < highest && highest > phase->points[0].level &&
        highest > phase->points[phase->point_count - 1].level)
        buffer_printf(line, ", at most %g", highest);
}

static void phase_began(void *context, const struct engine_progress *progress)
{
    struct terminal *terminal = context;
    const struct phase *phase = progress->phase;
    if (phase->not_run || terminal->rewrites)
        return; /* the rewritten line has it all */
    struct buffer line;
    line_begin(&line);
    add_name(&line, &terminal->style, phase->name);
    buffer_printf(&line, "%zu of %zu: ", progress->phase_index + 1, progress->phase_count);
    add_load(&line, phase);
    if (phase->duration_ns) {
        buffer_append_text(&line, ", ");
        add_clock(&line, phase->duration_ns);
    }
    if (phase->operations)
        buffer_printf(&line, ", %llu operations", (unsigned long long)phase->operations);
    line_end(terminal, &line, true);
}

static void add_latencies(struct buffer *line, const struct histogram *latency)
{
    static const struct {
        const char *label;
        double fraction;
    } shown[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
    for (size_t i = 0; i < 3; i++) {
        char text[QUANTITY_SIZE];
        bool known = latency && progress_percentile_is_sure(latency->count, shown[i].fraction);
        if (known)
            quantity_duration(text, sizeof text, histogram_quantile(latency, shown[i].fraction));
        buffer_printf(line, "  %s %*s", shown[i].label, known ? 6 : 8,
                      known ? text : "\xe2\x80\x93");
    }
}

static void add_second(struct buffer *line, const struct terminal *terminal,
                       const struct engine_progress *progress)
{
    const struct terminal_style *style = &terminal->style;
    char rate[QUANTITY_SIZE], failed[QUANTITY_SIZE];
    if (progress->phase->model == LOAD_OPEN)
        buffer_printf(line, "%7s due", quantity_rate(rate, sizeof rate, progress->arrival_rate));
    else
        buffer_printf(line, "%4.0f users", progress->users);
    buffer_printf(line, "  %9s",
                  quantity_rate(rate, sizeof rate, (double)(progress->ok + progress->failed)));
    buffer_printf(line, "  %s%5s failed%s", progress->failed ? style->bad : "",
                  quantity_count(failed, sizeof failed, progress->failed),
                  progress->failed ? style->reset : "");
    add_latencies(line, progress->latency);
    buffer_printf(line, "  %u in flight", progress->in_flight);
    if (progress->queued)
        buffer_printf(line, "  %s%u queued%s", style->warn, progress->queued, style->reset);
    if (progress->self && progress->self->cpu_utilisation >= BUSY)
        buffer_printf(line, "  %sgenerator CPU %.0f%%%s", style->warn,
                      100 * progress->self->cpu_utilisation, style->reset);
    if (progress->draining)
        buffer_printf(line, "  %sdraining%s", style->dim, style->reset);
}

static void second_passed(void *context, const struct engine_progress *progress)
{
    struct terminal *terminal = context;
    struct buffer line;
    line_begin(&line);
    if (terminal->rewrites) {
        add_name(&line, &terminal->style, progress->phase->name);
        if (terminal_columns(terminal->stream) >= ROOM_FOR_BAR)
            add_bar(&line, &terminal->style, progress_share(progress));
    } else {
        buffer_append_text(&line, "  ");
    }
    add_clock(&line, progress->phase_elapsed_ns);
    if (terminal->rewrites && progress->phase->duration_ns) {
        buffer_append_text(&line, "/");
        add_clock(&line, progress->phase->duration_ns);
    }
    buffer_append_text(&line, " ");
    add_second(&line, terminal, progress);
    line_end(terminal, &line, false);
}

static void add_phase_figures(struct buffer *line, const struct terminal *terminal,
                              const struct result_phase *phase, const struct measurement *total)
{
    char count[QUANTITY_SIZE], rate[QUANTITY_SIZE], failed[QUANTITY_SIZE], text[QUANTITY_SIZE];
    uint64_t finished = measurement_finished(total), bad = measurement_failed(total);
    buffer_printf(line, "  %10s operations  %9s", quantity_count(count, sizeof count, finished),
                  quantity_rate(rate, sizeof rate, figures_rate(finished, phase->duration_ns)));
    buffer_printf(line, "  %s%5s failed%s", bad ? terminal->style.bad : "",
                  quantity_count(failed, sizeof failed, bad), bad ? terminal->style.reset : "");
    for (size_t i = 0; i < FIGURE_PERCENTILES; i++) {
        struct percentile percentile =
            measurement_percentile(total, figure_percentiles[i].fraction);
        if (i == 1 || i == 4 || !percentile.known)
            continue; /* p90 and p99.9 are in the summary */
        buffer_printf(line, "  %s %s%s", figure_percentiles[i].label,
                      percentile.lower_bound ? ">" : "",
                      quantity_duration(text, sizeof text, percentile.value_ns));
    }
}

static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase)
{
    struct terminal *terminal = context;
    const struct terminal_style *style = &terminal->style;
    struct measurement total;
    struct buffer line;
    char lasted[QUANTITY_SIZE];
    line_begin(&line);
    add_name(&line, style, progress->phase->name);
    if (phase->not_run) {
        buffer_printf(&line, "%snot run: ", style->dim);
        text_append_safe(&line, phase->not_run_reason ? phase->not_run_reason : "", 200);
        buffer_append_text(&line, style->reset);
        line_end(terminal, &line, true);
        return;
    }
    measurement_init(&total);
    buffer_printf(&line, "%6s", quantity_duration(lasted, sizeof lasted, phase->duration_ns));
    if (result_phase_total(phase, -1, &total) == 0)
        add_phase_figures(&line, terminal, phase, &total);
    if (phase->partial)
        buffer_printf(&line, "  %scut short%s", style->warn, style->reset);
    measurement_free(&total);
    line_end(terminal, &line, true);
}

static void alert(void *context, const struct result *result, const struct alert *alert, bool began)
{
    char text[ALERT_TEXT_SIZE];
    notice(context, alert_describe_live(result, alert, began, text, sizeof text));
}

static void notice(void *context, const char *text)
{
    struct terminal *terminal = context;
    if (terminal->line_shown)
        fprintf(terminal->stream, "\r\033[K");
    terminal->line_shown = false;
    fprintf(terminal->stream, "%s!%s ", terminal->style.warn, terminal->style.reset);
    text_print_safe(terminal->stream, text, 400);
    fputc('\n', terminal->stream);
    fflush(terminal->stream);
}
