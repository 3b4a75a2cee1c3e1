/* See tui.h. The screen is drawn from a small model that the observer's calls fill, so that a
 * change of size needs no more than drawing again. */
#include "report/tui.h"

#include "analysis/alert_text.h"
#include "analysis/quantity.h"
#include "base/clock.h"
#include "base/outcome.h"
#include "report/figures.h"
#include "report/progress.h"
#include "report/text.h"
#include "report/tui_draw.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HISTORY        600 /* seconds kept for the sparklines */
#define NOTICES        5
#define LABEL_COLUMNS  10
#define FIGURE_COLUMNS 12
#define NAME_COLUMNS   16
#define LEAST_COLUMNS  60
#define LEAST_ROWS     16
#define ROWS_BELOW     19 /* kept free of phases: the tracks, the state, some operations */
#define LEAST_TOP_ROWS 3  /* of the operations, their heading counted */
#define TEXT_SIZE      512

enum track { TRACK_RATE, TRACK_P50, TRACK_P99, TRACK_FAILED, TRACK_LEVEL, TRACKS };

struct phase_line {
    bool ended, not_run, partial;
    uint64_t finished, failed, duration_ns, p99_ns;
};

struct tui {
    const struct plan *plan;
    FILE *stream;
    SCREEN *screen;
    bool utf8;
    struct phase_line *phases;
    struct engine_progress now; /* pointers in it are not used once the call is over */
    bool running;
    double history[TRACKS][HISTORY];
    size_t seconds;
    uint64_t outcomes[OUTCOME_KINDS]; /* of the phase so far */
    struct top_operation top[TOP_OPERATIONS];
    size_t top_count;
    double self_cpu;
    char notices[NOTICES][TEXT_SIZE];
    size_t notice_count;
};

static struct termios before; /* static: a signal handler must find it */
static volatile sig_atomic_t taken;

static void phase_began(void *context, const struct engine_progress *progress);
static void second_passed(void *context, const struct engine_progress *progress);
static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase);
static void alert(void *context, const struct result *result, const struct alert *alert,
                  bool began);
static void notice(void *context, const char *text);
static void draw(struct tui *tui);

struct tui *tui_open(const struct plan *plan, struct engine_observer *observer, struct error *error)
{
    if (!isatty(STDERR_FILENO) || tcgetattr(STDERR_FILENO, &before) < 0) {
        error_set(error, ERROR_USAGE,
                  "--ui tui: stderr is no terminal; run it in one, or write --ui plain");
        return NULL;
    }
    struct tui *tui = calloc(1, sizeof *tui);
    if (tui)
        tui->phases = calloc(plan->phase_count + 1, sizeof *tui->phases);
    if (!tui || !tui->phases) {
        free(tui);
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    setlocale(LC_CTYPE, "");
    tui->plan = plan;
    tui->stream = stderr;
    tui->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    tui->screen = newterm(NULL, stderr, stdin);
    if (!tui->screen) {
        free(tui->phases);
        free(tui);
        error_set(error, ERROR_USAGE,
                  "--ui tui: ncurses knows no terminal \"%.40s\"; set TERM, or write --ui plain",
                  getenv("TERM") ? getenv("TERM") : "");
        return NULL;
    }
    taken = 1;
    cbreak(); /* Ctrl-C stays a signal */
    noecho();
    nodelay(stdscr, TRUE);
    curs_set(0);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(COLOUR_GOOD, COLOR_GREEN, -1);
        init_pair(COLOUR_BAD, COLOR_RED, -1);
        init_pair(COLOUR_WARN, COLOR_YELLOW, -1);
        init_pair(COLOUR_ACCENT, COLOR_CYAN, -1);
    }
    *observer = (struct engine_observer){.context = tui,
                                         .phase_began = phase_began,
                                         .second = second_passed,
                                         .phase_ended = phase_ended,
                                         .alert = alert,
                                         .notice = notice};
    draw(tui);
    return tui;
}

void tui_close(struct tui *tui)
{
    if (!tui)
        return;
    endwin();
    taken = 0;
    delscreen(tui->screen);
    free(tui->phases);
    free(tui);
}

void tui_abandon(void)
{
    static const char back[] = "\033[?1049l\033[?25h\033[0m\r\n";
    if (!taken)
        return;
    tcsetattr(STDERR_FILENO, TCSANOW, &before);
    if (write(STDERR_FILENO, back, sizeof back - 1) < 0)
        return; /* nobody is left to be told */
}

/* ---- the model ------------------------------------------------------------------------------ */

/* The terminal is read once a second: a key needs no thread of its own. */
static void take_keys(void)
{
    for (int key; (key = getch()) != ERR;)
        if (key == 'q' || key == 'Q')
            raise(SIGINT);
}

static void remember(struct tui *tui, const struct engine_progress *progress)
{
    double values[TRACKS] = {0};
    const struct histogram *latency = progress->latency;
    values[TRACK_RATE] = (double)(progress->ok + progress->failed);
    values[TRACK_FAILED] = (double)progress->failed;
    values[TRACK_LEVEL] =
        progress->phase->model == LOAD_OPEN ? progress->arrival_rate : progress->users;
    if (latency && latency->count) {
        values[TRACK_P50] = (double)histogram_quantile(latency, 0.5);
        values[TRACK_P99] = (double)histogram_quantile(latency, 0.99);
    }
    for (size_t i = 0; i < TRACKS; i++)
        tui->history[i][tui->seconds % HISTORY] = values[i];
    tui->seconds++;
    for (size_t i = 0; i < OUTCOME_KINDS; i++)
        tui->outcomes[i] += progress->outcomes[i];
    tui->top_count = progress->top_count;
    if (progress->top_count)
        memcpy(tui->top, progress->top, progress->top_count * sizeof *tui->top);
    tui->self_cpu = progress->self ? progress->self->cpu_utilisation : 0;
}

static void phase_began(void *context, const struct engine_progress *progress)
{
    struct tui *tui = context;
    memset(tui->outcomes, 0, sizeof tui->outcomes);
    tui->top_count = 0;
    tui->now = *progress;
    tui->running = true;
    draw(tui);
}

static void second_passed(void *context, const struct engine_progress *progress)
{
    struct tui *tui = context;
    take_keys();
    remember(tui, progress);
    tui->now = *progress;
    draw(tui);
}

static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase)
{
    struct tui *tui = context;
    struct phase_line *line = &tui->phases[progress->phase_index];
    struct measurement total;
    *line = (struct phase_line){.ended = true,
                                .not_run = phase->not_run,
                                .partial = phase->partial,
                                .duration_ns = phase->duration_ns};
    measurement_init(&total);
    if (!phase->not_run && result_phase_total(phase, -1, &total) == 0) {
        struct percentile p99 = measurement_percentile(&total, 0.99);
        line->finished = measurement_finished(&total);
        line->failed = measurement_failed(&total);
        line->p99_ns = p99.known ? p99.value_ns : 0;
    }
    measurement_free(&total);
    draw(tui);
}

/* Made safe for a terminal once, when it comes. */
static void alert(void *context, const struct result *result, const struct alert *alert, bool began)
{
    char text[ALERT_TEXT_SIZE];
    notice(context, alert_describe_live(result, alert, began, text, sizeof text));
}

static void notice(void *context, const char *text)
{
    struct tui *tui = context;
    struct buffer safe;
    buffer_init(&safe, TEXT_SIZE - 1);
    text_append_safe(&safe, text, TEXT_SIZE / 4);
    snprintf(tui->notices[tui->notice_count++ % NOTICES], TEXT_SIZE, "%.*s",
             (int)buffer_length(&safe), buffer_length(&safe) ? buffer_bytes(&safe) : "");
    buffer_free(&safe);
    draw(tui);
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void put_clock(char text[32], uint64_t ns)
{
    uint64_t seconds = (ns + NS_PER_S / 2) / NS_PER_S;
    snprintf(text, 32, "%llu:%02llu", (unsigned long long)(seconds / 60),
             (unsigned long long)(seconds % 60));
}

static void draw_head(const struct tui *tui)
{
    char elapsed[32], left[32], text[TEXT_SIZE];
    tui_put(0, 0, A_BOLD | COLOR_PAIR(COLOUR_ACCENT), "cicada");
    tui_put(0, 8, A_BOLD, tui->plan->name);
    put_clock(elapsed, tui->running ? tui->now.run_elapsed_ns : 0);
    put_clock(left, tui->running ? progress_time_left_ns(tui->plan, &tui->now) : 0);
    snprintf(text, sizeof text, "%s elapsed, %s left   q ends", elapsed, left);
    tui_put(0, COLS - (int)strlen(text) - 1, A_DIM, text);
}

static void draw_bar(const struct tui *tui, int row, int column, int width, double done)
{
    int filled = (int)(done * width + 0.5);
    for (int i = 0; i < width; i++)
        tui_put(row, column + i, i < filled ? COLOR_PAIR(COLOUR_ACCENT) : A_DIM,
                tui->utf8 ? (i < filled ? "\xe2\x94\x81" : "\xe2\x94\x80")
                          : (i < filled ? "=" : "-"));
}

static void draw_phase_figures(const struct phase_line *line, int row, int column)
{
    char count[QUANTITY_SIZE], rate[QUANTITY_SIZE], p99[QUANTITY_SIZE] = "", text[TEXT_SIZE];
    if (line->p99_ns)
        quantity_duration(p99, sizeof p99, line->p99_ns);
    snprintf(text, sizeof text, "%10s operations %10s%s%s%s",
             quantity_count(count, sizeof count, line->finished),
             quantity_rate(rate, sizeof rate, figures_rate(line->finished, line->duration_ns)),
             line->p99_ns ? "  p99 " : "", p99, line->partial ? "  cut short" : "");
    tui_put(row, column, A_NORMAL, text);
    if (line->failed) {
        snprintf(text, sizeof text, "%s failed", quantity_count(count, sizeof count, line->failed));
        tui_put(row, COLS - (int)strlen(text) - 1, COLOR_PAIR(COLOUR_BAD), text);
    }
}

static int draw_phase(const struct tui *tui, size_t index, int row)
{
    const struct phase *phase = &tui->plan->phases[index];
    const struct phase_line *line = &tui->phases[index];
    bool current = tui->running && index == tui->now.phase_index && !line->ended;
    char name[NAME_COLUMNS + 1];
    snprintf(name, sizeof name, "%s", phase->name);
    tui_put(row, 1, current ? A_BOLD : line->ended ? A_NORMAL : A_DIM, name);
    if (phase->not_run || line->not_run)
        tui_put(row, NAME_COLUMNS + 2, A_DIM, "not run");
    else if (line->ended)
        draw_phase_figures(line, row, NAME_COLUMNS + 2);
    else if (current)
        draw_bar(tui, row, NAME_COLUMNS + 2, COLS - NAME_COLUMNS - 4, progress_share(&tui->now));
    return row + 1;
}

/* All of them, or on a small screen those around the current one. */
static int draw_phases(const struct tui *tui, int row, int room)
{
    size_t count = tui->plan->phase_count, first = 0;
    size_t shown = count < (size_t)room ? count : (size_t)room;
    if (tui->running && tui->now.phase_index + 1 > shown / 2)
        first = tui->now.phase_index - shown / 2;
    if (first + shown > count)
        first = count - shown;
    for (size_t i = 0; i < shown; i++)
        row = draw_phase(tui, first + i, row);
    return row;
}

/* The last seconds, newest at the right; each column is relative to the largest one shown. */
static void draw_sparkline(const struct tui *tui, enum track track, int row, int column, int width,
                           int attributes)
{
    static const char *const blocks[] = {" ",
                                         "\xe2\x96\x81",
                                         "\xe2\x96\x82",
                                         "\xe2\x96\x83",
                                         "\xe2\x96\x84",
                                         "\xe2\x96\x85",
                                         "\xe2\x96\x86",
                                         "\xe2\x96\x87",
                                         "\xe2\x96\x88"};
    static const char *const letters[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    size_t kept = tui->seconds < HISTORY ? tui->seconds : HISTORY;
    size_t shown = kept < (size_t)width ? kept : (size_t)width;
    double highest = 0;
    for (size_t i = 0; i < shown; i++) {
        double value = tui->history[track][(tui->seconds - 1 - i) % HISTORY];
        highest = value > highest ? value : highest;
    }
    for (size_t i = 0; i < shown && highest > 0; i++) {
        double value = tui->history[track][(tui->seconds - 1 - i) % HISTORY];
        size_t height = value > 0 ? 1 + (size_t)(value / highest * 7.0) : 0;
        tui_put(row, column + width - 1 - (int)i, attributes,
                (tui->utf8 ? blocks : letters)[height]);
    }
}

static int draw_track(const struct tui *tui, enum track track, const char *label,
                      const char *figure, int row, int attributes)
{
    int start = LABEL_COLUMNS + FIGURE_COLUMNS + 2;
    char text[TEXT_SIZE];
    tui_put(row, 1, A_DIM, label);
    snprintf(text, sizeof text, "%*s", FIGURE_COLUMNS - 1, figure);
    tui_put(row, LABEL_COLUMNS, A_BOLD, text);
    draw_sparkline(tui, track, row, start, COLS - start - 1, attributes);
    return row + 1;
}

static double latest(const struct tui *tui, enum track track)
{
    return tui->seconds ? tui->history[track][(tui->seconds - 1) % HISTORY] : 0;
}

static int draw_tracks(const struct tui *tui, int row)
{
    char text[QUANTITY_SIZE];
    bool open = tui->now.phase->model == LOAD_OPEN;
    if (open)
        quantity_rate(text, sizeof text, latest(tui, TRACK_LEVEL));
    else
        snprintf(text, sizeof text, "%.0f", latest(tui, TRACK_LEVEL));
    row = draw_track(tui, TRACK_LEVEL, open ? "arrivals" : "users", text, row, A_DIM);
    row = draw_track(tui, TRACK_RATE, "rate",
                     quantity_rate(text, sizeof text, latest(tui, TRACK_RATE)), row,
                     COLOR_PAIR(COLOUR_GOOD));
    row = draw_track(tui, TRACK_P50, "p50",
                     quantity_duration(text, sizeof text, (uint64_t)latest(tui, TRACK_P50)), row,
                     COLOR_PAIR(COLOUR_ACCENT));
    row = draw_track(tui, TRACK_P99, "p99",
                     quantity_duration(text, sizeof text, (uint64_t)latest(tui, TRACK_P99)), row,
                     COLOR_PAIR(COLOUR_ACCENT));
    return draw_track(tui, TRACK_FAILED, "failed",
                      quantity_count(text, sizeof text, (uint64_t)latest(tui, TRACK_FAILED)), row,
                      COLOR_PAIR(COLOUR_BAD));
}

static int draw_state(const struct tui *tui, int row)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%u in flight, %u queued, %u connections, generator CPU %.0f%%%s",
             tui->now.in_flight, tui->now.queued, tui->now.connections, 100 * tui->self_cpu,
             tui->now.draining ? ", draining" : "");
    tui_put(row, 1, tui->self_cpu > 0.8 ? COLOR_PAIR(COLOUR_WARN) : A_DIM, text);
    return row + 1;
}

/* What went wrong in this phase, by kind. */
static int draw_outcomes(const struct tui *tui, int row)
{
    int column = 1;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++) {
        char text[TEXT_SIZE], count[QUANTITY_SIZE];
        if (kind == OUTCOME_OK || tui->outcomes[kind] == 0)
            continue;
        snprintf(text, sizeof text, "%s %s  ", outcome_kind_name(kind),
                 quantity_count(count, sizeof count, tui->outcomes[kind]));
        tui_put(row, column, COLOR_PAIR(COLOUR_BAD), text);
        column += (int)strlen(text);
    }
    return column > 1 ? row + 1 : row;
}

static size_t notices_kept(const struct tui *tui)
{
    return tui->notice_count < NOTICES ? tui->notice_count : NOTICES;
}

static void draw_notices(const struct tui *tui, int row)
{
    size_t kept = notices_kept(tui);
    for (size_t i = 0; i < kept && row < LINES; i++, row++) {
        tui_put(row, 1, COLOR_PAIR(COLOUR_WARN), "!");
        tui_put(row, 3, A_NORMAL, tui->notices[(tui->notice_count - kept + i) % NOTICES]);
    }
}

static void draw(struct tui *tui)
{
    erase();
    if (COLS < LEAST_COLUMNS || LINES < LEAST_ROWS) {
        tui_put(0, 0, A_NORMAL, "cicada runs; this window is too small for its figures");
        refresh();
        return;
    }
    draw_head(tui);
    int kept = (int)notices_kept(tui);
    int row = draw_phases(tui, 2, LINES - ROWS_BELOW < 3 ? 3 : LINES - ROWS_BELOW) + 1;
    if (tui->running) {
        row = draw_tracks(tui, row) + 1;
        row = draw_state(tui, row);
        row = draw_outcomes(tui, row);
        row = tui_draw_top(tui->top, tui->top_count, row + (LINES > ROWS_BELOW + 10),
                           LINES - kept - (kept > 0));
    }
    draw_notices(tui, row + 1);
    refresh();
}
