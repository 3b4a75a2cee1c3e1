/* The summary and the live line, on a stream that is no terminal. */
#include "fixture.h"

#include "analysis/judge.h"
#include "report/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *summary_of(const struct fixture_options *fixture, const struct judge_options *options,
                        const char *columns)
{
    struct result result;
    char *text = NULL;
    size_t size;
    fixture_make(&result, fixture);
    assert_int_equal(judge_result(&result, options), 0);
    setenv("COLUMNS", columns, 1);
    FILE *file = tmpfile(); /* not a memory stream: it is asked for its descriptor */
    terminal_print_summary(file, &result, "/tmp/\033x/result.json");
    size = (size_t)ftell(file);
    rewind(file);
    text = calloc(size + 1, 1);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    result_free(&result);
    return text;
}

static const struct judge_threshold thresholds[] = {
    {.text = "p95<500ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 5e8},
    {.text = "p95<1ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 1e6},
    {.text = "p99.9{phase=peak}<60s",
     .figure = JUDGE_PERCENTILE,
     .fraction = 0.9999,
     .value = 6e10,
     .phase = "peak"}};
static const struct judge_options judging = {
    .thresholds = thresholds,
    .threshold_count = 3,
    .minimum_sample = 30,
    .alerts = {{"high_error_rate", ALERT_ERRORS, false, 0.001, 0.0005, 2, 2, false}},
    .alert_count = 1};

static void assert_says(const char *text, const char *what)
{
    if (!text || !strstr(text, what))
        fail_msg("nothing says \"%s\" in\n%s", what, text ? text : "");
}

static void the_summary_says_it_all(void **state)
{
    (void)state;
    char *text = summary_of(&FIXTURE_DEFAULT, &judging, "100");
    assert_says(text, "validate, 15.0s");
    assert_says(text, "everything 2.0.0, MCP 2025-11-25, Streamable HTTP");
    assert_says(text, "  PHASE     USERS   COUNT   RATE     P50     P90     P95     P99");
    assert_says(text, "memory was not run: no tier was given");
    assert_says(text, "server-0/echo");
    assert_says(text, "jsonrpc_error       -32602");
    assert_says(text, "Invalid arguments: ");
    assert_says(text, "PART OF LATENCY");
    assert_says(text, "first_byte");
    assert_says(text, "queue ");
    assert_says(text, "server-0: 4 of 4 operations called, 1 excluded");
    assert_says(text, "excluded: wipe (destructive)");
    assert_says(text, "do not say whether they destroy: echo, add");
    assert_says(text, "busiest worker busy 30.0% of the time at most");
    assert_says(text, "\xe2\x9c\x93 p95 of all operations: ");
    assert_says(text, "\xe2\x9c\x97 p95 of all operations: ");
    assert_says(text, "? p99.99 of phase peak: unknown, must be < 60.0s");
    assert_says(text, ">30.0s"); /* timeouts */
    assert_says(text, "> at least: operations that never ended");
    assert_says(text, "\xe2\x80\x93 too small a sample");
    assert_says(text, "\nalerts\n  ! high_error_rate on server-0 in phase ");
    assert_says(text, "error rate up to ");
    assert_says(text, "\nrecommendations\n  \xe2\x86\x92 p95 of all operations is ");
    assert_says(text, "  not ready: 1 finding failed, with ");
    assert_says(text, "everything is in /tmp/\\x1bx/result.json");
    assert_says(text, "\n\xe2\x9c\x97 Failed: p95 of all operations: ");
    free(text);
}

/* Whatever servers call their tools, no control reaches the terminal, and no line is too long. */
static void the_summary_is_safe_and_fits(void **state)
{
    (void)state;
    static const char *const widths[] = {"80", "100", "120", "300"};
    static const size_t limits[] = {80, 100, 120, 120};
    for (size_t i = 0; i < 4; i++) {
        char *text = summary_of(&FIXTURE_DEFAULT, &judging, widths[i]);
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
            for (const char *at = line; *at; at++)
                assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
            if (strncmp(line, "    called,", 11) != 0 && text_columns(line) > limits[i])
                fail_msg("wider than %zu: %s", limits[i], line);
            assert_true(!*line || line[strlen(line) - 1] != ' ');
        }
        free(text);
    }
}

static void many_operations_are_cut_with_a_count(void **state)
{
    (void)state;
    struct fixture_options many = FIXTURE_DEFAULT;
    many.operations = 30;
    many.plain_names = true;
    char *text = summary_of(&many, &judging, "100");
    assert_says(text, "40 more, all faster at p95, in the result file");
    free(text);
}

/* ---- the live line -------------------------------------------------------------------------- */

static struct load_point points[] = {{0, 5}, {10000000000, 50}};
static struct phase phase = {.name = "ramp-up\033[2J",
                             .kind = PHASE_RAMP_UP,
                             .points = points,
                             .point_count = 2,
                             .duration_ns = 10000000000};

static char *live(void (*scene)(const struct engine_observer *observer), const char *ui)
{
    struct terminal terminal;
    struct engine_observer observer;
    terminal_init(&terminal, NULL, ui, &observer);
    terminal.stream = tmpfile();
    terminal.rewrites = false;
    scene(&observer);
    terminal_finish(&terminal);
    size_t size = (size_t)ftell(terminal.stream);
    rewind(terminal.stream);
    char *text = calloc(size + 1, 1);
    assert_int_equal(fread(text, 1, size, terminal.stream), size);
    fclose(terminal.stream);
    return text;
}

static void play_a_phase(const struct engine_observer *observer)
{
    struct result result;
    struct histogram latency;
    struct self_second self = {.cpu_utilisation = 0.97};
    struct engine_progress progress = {.phase = &phase, .phase_count = 7, .latency = &latency};
    fixture_make(&result, &FIXTURE_DEFAULT);
    histogram_init(&latency);
    observer->phase_began(observer->context, &progress);
    progress.users = 5;
    progress.phase_elapsed_ns = 1000000000;
    progress.ok = 1;
    histogram_record(&latency, 3000000);
    observer->second(observer->context, &progress);
    histogram_record_many(&latency, 4560000, 1200);
    progress.phase_elapsed_ns = 2000000000;
    progress.ok = 1201;
    progress.failed = 3;
    progress.queued = 17;
    progress.self = &self;
    observer->second(observer->context, &progress);
    observer->notice(observer->context, "tool \033[31mx left out");
    observer->phase_ended(observer->context, &progress, &result.phases[0]);
    observer->phase_ended(observer->context, &progress, &result.phases[result.phase_count - 1]);
    histogram_free(&latency);
    result_free(&result);
}

static void each_second_is_a_line(void **state)
{
    (void)state;
    char *text = live(play_a_phase, "plain");
    assert_says(text, "ramp-up\\x1b[2J 1 of 7: 5 to 50 users, 0:10\n");
    assert_says(text, "  0:01    5 users     1.00/s      0 failed  p50      \xe2\x80\x93");
    assert_says(text, "  0:02    5 users    1,204/s      3 failed  p50 4.56ms  p95 4.56ms  p99 "
                      "4.56ms  0 in flight");
    assert_says(text, "17 queued  generator CPU 97%\n");
    assert_says(text, "! tool \\x1b[31mx left out\n");
    assert_says(text, "5.00s       4,000 operations      800/s     49 failed  p50 4.07ms  p95 "
                      "11.3ms  p99 17.4ms");
    assert_says(text, "not run: no tier was given\n");
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\r'));
    free(text);
}

static void off_is_silent(void **state)
{
    (void)state;
    struct terminal terminal;
    struct engine_observer observer;
    terminal_init(&terminal, NULL, "off", &observer);
    assert_null(observer.second);
    assert_null(observer.phase_began);
    assert_null(observer.phase_ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_summary_says_it_all),
        cmocka_unit_test(the_summary_is_safe_and_fits),
        cmocka_unit_test(many_operations_are_cut_with_a_count),
        cmocka_unit_test(each_second_is_a_line),
        cmocka_unit_test(off_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
