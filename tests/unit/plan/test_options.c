/* The flags of `run`: what plan they make, alone and over a file, and what they say when wrong. */
#include "base/scrub.h"
#include "plan/option_table.h"
#include "plan/options.h"
#include "plan/target_flags.h"
#include "testing.h"

#include <unistd.h>

#define URL "http://127.0.0.1:1/mcp"

struct line {
    struct run_options options;
    struct plan plan;
    struct error error;
    char *argv[40];
    int argc;
};

/* Words end with NULL. Copies them, as argv is writable and gets scrubbed. */
static int parse(struct line *line, const char *const *words)
{
    *line = (struct line){0};
    line->argv[line->argc++] = strdup("run");
    for (; *words; words++)
        line->argv[line->argc++] = strdup(*words);
    return run_options_parse(&line->options, &line->plan, line->argc, line->argv, &line->error);
}

static void finish(struct line *line)
{
    for (int i = 0; i < line->argc; i++)
        free(line->argv[i]);
    run_options_free(&line->options);
    plan_free(&line->plan);
}

#define PARSE(line, ...)                                                                           \
    do {                                                                                           \
        const char *const words[] = {__VA_ARGS__, NULL};                                           \
        if (parse(line, words) != 0)                                                               \
            fail_msg("%s", (line)->error.text);                                                    \
    } while (0)

#define REFUSE(part, ...)                                                                          \
    do {                                                                                           \
        struct line refused;                                                                       \
        const char *const words[] = {__VA_ARGS__, NULL};                                           \
        if (parse(&refused, words) >= 0)                                                           \
            fail_msg("taken, without \"%s\"", part);                                               \
        assert_contains(refused.error.text, part);                                                 \
        assert_int_equal(refused.error.code, ERROR_USAGE);                                         \
        finish(&refused);                                                                          \
    } while (0)

static void a_url_alone_means_validate(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, URL);
    assert_string_equal(line.plan.name, "validate");
    assert_int_equal(line.plan.phase_count, 11);
    assert_int_equal(line.plan.threshold_count, 7);
    assert_string_equal(line.plan.targets[0].url, URL);
    assert_string_equal(line.plan.targets[0].name, "target");
    assert_string_equal(line.plan.targets[0].where, "command line");
    assert_int_equal(line.plan.targets[0].timeout_ns, UINT64_C(30000000000));
    assert_true(line.plan.targets[0].http2 && line.plan.targets[0].listen);
    assert_string_equal(line.options.ui, "auto");
    assert_false(line.options.show_plan);
    finish(&line);
    PARSE(&line, "--quick", "--users=10", URL);
    assert_int_equal(line.plan.phases[1].duration_ns, UINT64_C(6000000000));
    assert_true(line.plan.phases[1].points[0].level == 10);
    assert_true(line.plan.phases[0].points[0].level == 1);
    finish(&line);
}

static void an_end_makes_one_phase(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, URL, "--users", "20", "--duration", "10s", "--think-time", "1ms..2ms",
          "--in-flight", "4", "--pace", "1s");
    assert_int_equal(line.plan.phase_count, 1);
    assert_string_equal(line.plan.name, "load");
    assert_string_equal(line.plan.phases[0].name, "load");
    assert_true(line.plan.phases[0].points[0].level == 20);
    assert_int_equal(line.plan.phases[0].think_max_ns, 2000000);
    assert_int_equal(line.plan.phases[0].in_flight_per_user, 4);
    assert_int_equal(line.plan.phases[0].pace_ns, 1000000000);
    assert_int_equal(line.plan.threshold_count, 3);
    finish(&line);
    PARSE(&line, URL, "--operations", "100");
    assert_true(line.plan.phases[0].points[0].level == 1);
    assert_int_equal(line.plan.phases[0].operations, 100);
    assert_int_equal(line.plan.phases[0].duration_ns, 0);
    finish(&line);
    PARSE(&line, URL, "--rate", "500/s", "--arrivals", "poisson", "--max-in-flight", "9",
          "--duration", "1m", "--warmup", "5s");
    assert_int_equal(line.plan.phase_count, 2);
    assert_int_equal(line.plan.phases[0].kind, PHASE_WARMUP);
    assert_int_equal(line.plan.phases[1].model, LOAD_OPEN);
    assert_int_equal(line.plan.phases[1].arrivals, ARRIVALS_POISSON);
    assert_int_equal(line.plan.phases[1].max_in_flight, 9);
    finish(&line);
    PARSE(&line, URL, "--users", "5..50", "--shape", "steps", "--steps", "5", "--duration", "1m",
          "--quick");
    assert_int_equal(line.plan.phases[0].point_count, 6);
    assert_int_equal(line.plan.phases[0].duration_ns, UINT64_C(6000000000));
    finish(&line);
}

static void every_flag_lands(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, URL, "--tool", "a*", "--tool", "b", "--exclude", "c", "--allow-destructive",
          "--variants", "3", "--minimum-sample", "7", "--threshold", "p95<1s,mean<1s",
          "--threshold=errors{tool=a}<9%", "--abort-on", "errors>50%", "--timeout", "2s",
          "--connect-timeout", "1s", "--lost-after", "2m", "--seed", "0", "--repeat", "3", "--tag",
          "a=b", "--tag", "a=c", "--protocol", "2025-06-18", "--transport", "sse", "--header",
          "X-A: b c", "--insecure");
    const struct mix *mix = &line.plan.mixes[0];
    assert_string_equal(mix->include[0], "a*");
    assert_string_equal(mix->include[1], "b");
    assert_null(mix->include[2]);
    assert_string_equal(mix->exclude[0], "c");
    assert_true(mix->allow_destructive);
    assert_int_equal(mix->variants, 3);
    assert_int_equal(mix->minimum_sample, 7);
    assert_int_equal(line.plan.threshold_count, 9);
    assert_string_equal(line.plan.thresholds[0].text, "p99<1000ms");
    assert_string_equal(line.plan.thresholds[2].text, "p95<1s");
    assert_string_equal(line.plan.thresholds[4].text, "errors{tool=a}<9%");
    assert_string_equal(line.plan.abort_on[0].text, "errors>50%");
    assert_int_equal(line.plan.timeout_ns, 2000000000);
    assert_int_equal(line.plan.seed, 0);
    assert_int_equal(line.plan.repeat, 3);
    assert_string_equal(line.plan.tags[0], "a=c");
    assert_null(line.plan.tags[1]);
    const struct target_options *target = &line.plan.targets[0];
    assert_int_equal(target->timeout_ns, 2000000000);
    assert_int_equal(target->connect_timeout_ns, 1000000000);
    assert_int_equal(line.plan.lost_after_ns, UINT64_C(120000000000));
    assert_string_equal(target->protocol, "2025-06-18");
    assert_string_equal(target->transport, "sse");
    assert_string_equal(target->header_values[0], "b c");
    assert_true(target->insecure);
    finish(&line);
    PARSE(&line, "--cacert", "ca", "--cert", "ce", "--key", "k", "--no-http2", "--no-listen",
          "--pool", "20", "--workers", "1", "--segment", "2/4", "--start-at",
          "2026-01-31T12:00:00Z", "--driver", "null", "--show-plan", "--ui", "plain", URL);
    target = &line.plan.targets[0];
    assert_string_equal(target->ca_file, "ca");
    assert_string_equal(target->certificate_file, "ce");
    assert_string_equal(target->key_file, "k");
    assert_false(target->http2);
    assert_false(target->listen);
    assert_int_equal(target->pool_size, 20);
    assert_string_equal(target->driver, "null");
    assert_int_equal(line.plan.workers, 1);
    assert_int_equal(line.plan.segment, 2);
    assert_int_equal(line.plan.segments, 4);
    assert_int_equal(line.plan.start_at_wall_ns, UINT64_C(1769860800000000000));
    assert_true(line.options.show_plan);
    assert_string_equal(line.options.ui, "plain");
    finish(&line);
}

static void a_command_is_everything_behind_the_dashes(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "--quick", "--env", "LEVEL=a=b", "--processes", "2", "--", "npx", "-y", "srv",
          "--users", "5");
    const struct target_options *target = &line.plan.targets[0];
    assert_null(target->url);
    assert_string_equal(target->command[0], "npx");
    assert_string_equal(target->command[4], "5");
    assert_null(target->command[5]);
    assert_string_equal(target->environment[0], "LEVEL=a=b");
    assert_int_equal(target->processes, 2);
    finish(&line);
}

static void secrets_leave_argv(void **state)
{
    struct line line;
    (void)state;
    setenv("CICADA_TEST_TOKEN", "from-the-environment", 1);
    PARSE(&line, "--header", "Authorization: Bearer hidden-one", "--header=X-Api-Key: hidden-two",
          "--header", "X-Token: $CICADA_TEST_TOKEN", "--header", "X-Plain: seen",
          "http://me:hidden-three@127.0.0.1:1/");
    for (int i = 0; i < line.argc; i++)
        if (strstr(line.argv[i], "hidden"))
            fail_msg("argv still shows %s", line.argv[i]);
    assert_string_equal(line.argv[7], "X-Plain: seen");
    const struct target_options *target = &line.plan.targets[0];
    assert_string_equal(target->header_values[0], "Bearer hidden-one");
    assert_string_equal(target->header_values[1], "hidden-two");
    assert_string_equal(target->header_values[2], "from-the-environment");
    assert_string_equal(target->url, "http://me:hidden-three@127.0.0.1:1/");
    char *printed = print_plan(&line.plan);
    assert_null(strstr(printed, "hidden"));
    assert_null(strstr(printed, "from-the-environment"));
    free(printed);
    finish(&line);
    PARSE(&line, "--env", "API_TOKEN=hidden-four", "--", "srv", "--password", "hidden-five");
    assert_null(strstr(line.argv[2], "hidden"));
    assert_string_equal(line.plan.targets[0].environment[0], "API_TOKEN=hidden-four");
    printed = print_plan(&line.plan);
    assert_null(strstr(printed, "hidden"));
    free(printed);
    finish(&line);
    scrub_forget_all();
}

/* A plan file in a folder of its own. */
static void write_plan(char folder[32], char path[64], const char *text)
{
    strcpy(folder, "/tmp/cicada-plan-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, 64, "%s/my.yaml", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void flags_stand_over_a_file(void **state)
{
    char folder[32], path[64];
    struct line line;
    (void)state;
    write_plan(folder, path,
               "target: {name: mine, url: http://a/, headers: {X-A: 1, X-B: 2}, timeout: 9s}\n"
               "thresholds: [p95<1s, errors<5%]\nseed: 4\ninclude: [x]\nexclude: [y]\n"
               "tags: {a: b}\nphases: [{name: one, users: 10, duration: 10s},"
               "{name: two, users: 20, duration: 1s}]\n");
    PARSE(&line, path);
    assert_string_equal(line.plan.name, "my");
    assert_int_equal(line.plan.seed, 4);
    assert_int_equal(line.plan.threshold_count, 2);
    finish(&line);
    PARSE(&line, path, "--users", "5", "--header", "x-b: 3", "--timeout", "1s", "--tool", "z",
          "--exclude", "q", "--threshold", "p95<2s", "--seed", "6", "--tag", "c=d", "--quick",
          "--think-time", "5ms");
    assert_int_equal(line.plan.phase_count, 2);
    assert_true(line.plan.phases[0].points[0].level == 3); /* 10 of 20, to 5: in proportion */
    assert_true(line.plan.phases[1].points[0].level == 5);
    assert_int_equal(line.plan.phases[0].duration_ns, 1000000000);
    assert_int_equal(line.plan.phases[0].think_max_ns, 5000000);
    const struct target_options *target = &line.plan.targets[0];
    assert_string_equal(target->header_values[0], "1");
    assert_string_equal(target->header_values[1], "3");
    assert_int_equal(target->header_count, 2);
    assert_int_equal(target->timeout_ns, 1000000000);
    assert_int_equal(target->seed, 6);
    assert_string_equal(line.plan.mixes[0].include[0], "z");
    assert_null(line.plan.mixes[0].include[1]);
    assert_string_equal(line.plan.mixes[0].exclude[1], "q");
    assert_string_equal(line.plan.thresholds[0].text, "errors<5%");
    assert_string_equal(line.plan.thresholds[1].text, "p95<2s");
    assert_string_equal(line.plan.tags[1], "c=d");
    finish(&line);
    PARSE(&line, "--plan", path, URL, "--users", "2", "--duration", "3s");
    assert_string_equal(line.plan.targets[0].url, URL);
    assert_string_equal(line.plan.targets[0].name, "mine");
    assert_int_equal(line.plan.targets[0].header_count, 0);
    assert_int_equal(line.plan.phase_count, 1);
    finish(&line);
    PARSE(&line, path, "--", "srv");
    assert_string_equal(line.plan.targets[0].command[0], "srv");
    finish(&line);
    REFUSE("--duration: makes one phase in place of the plan's", path, "--duration", "3s");
    REFUSE("--rate: no phase of the plan has a rate; give users", path, "--rate", "3");
    REFUSE("is a second plan", path, path);
    unlink(path);
    rmdir(folder);
}

static void one_phase_is_adjusted_in_place(void **state)
{
    char folder[32], path[64];
    struct line line;
    (void)state;
    write_plan(folder, path, "target: http://a/\nusers: 10\nduration: 10s\nthink_time: 5ms\n");
    PARSE(&line, path, "--duration", "3s");
    assert_int_equal(line.plan.phase_count, 1);
    assert_int_equal(line.plan.phases[0].duration_ns, UINT64_C(3000000000));
    assert_int_equal(line.plan.phases[0].think_max_ns, 5000000);
    assert_true(line.plan.phases[0].points[1].at_ns == UINT64_C(3000000000));
    finish(&line);
    PARSE(&line, path, "--operations", "9", "--users", "2");
    assert_int_equal(line.plan.phases[0].duration_ns, 0);
    assert_int_equal(line.plan.phases[0].operations, 9);
    assert_true(line.plan.phases[0].points[0].level == 2);
    assert_int_equal(line.plan.phases[0].think_max_ns, 5000000);
    finish(&line);
    PARSE(&line, path, "--rate", "9", "--duration", "1s"); /* another kind of load */
    assert_int_equal(line.plan.phases[0].model, LOAD_OPEN);
    assert_int_equal(line.plan.phases[0].think_max_ns, 0);
    finish(&line);
    unlink(path);
    rmdir(folder);
    write_plan(folder, path,
               "target: http://a/\npoints: [{at: 0, users: 5}, {at: 1s, users: 0}, "
               "{at: 4s, users: 20}]\n");
    PARSE(&line, path, "--duration", "8s", "--users", "10");
    assert_int_equal(line.plan.phases[0].points[1].at_ns, 2000000000);
    assert_int_equal(line.plan.phases[0].duration_ns, UINT64_C(8000000000));
    assert_true(line.plan.phases[0].points[0].level == 3 && /* 2.5, and users are whole */
                line.plan.phases[0].points[1].level == 0 &&
                line.plan.phases[0].points[2].level == 10);
    finish(&line);
    unlink(path);
    rmdir(folder);
}

static void a_plan_without_a_target_takes_one(void **state)
{
    char folder[32], path[64];
    struct line line;
    (void)state;
    write_plan(folder, path, "users: 5\nduration: 1s\n");
    PARSE(&line, path, URL);
    assert_string_equal(line.plan.targets[0].url, URL);
    finish(&line);
    REFUSE("TARGET: is missing; give a URL", path);
    unlink(path);
    rmdir(folder);
    write_plan(folder, path,
               "users: 5\nduration: 1s\ntargets: [{name: a, url: http://a}, {name: b, "
               "url: http://b}]\n");
    REFUSE("TARGET: the plan has 2 targets", path, URL);
    unlink(path);
    rmdir(folder);
    write_plan(folder, path, "users: 5\nduraton: 1s\n");
    REFUSE("my.yaml:2: duraton: is no word of a plan here; did you mean duration?", path, URL);
    unlink(path);
    rmdir(folder);
}

static void without_a_target_burrow_is_it(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "--quick");
    const struct target_options *target = &line.plan.targets[0];
    assert_string_equal(target->name, "burrow");
    assert_true(target->embedded);
    assert_null(target->url);
    assert_true(line.plan.quick);
    assert_true(line.plan.mixes[0].allow_destructive);
    finish(&line);
    PARSE(&line, "--users", "7", "--duration", "3s");
    assert_true(line.plan.targets[0].embedded);
    assert_int_equal(line.plan.phase_count, 1);
    finish(&line);
}

static void wrong_lines_are_explained(void **state)
{
    (void)state;
    REFUSE("127.0.0.1:80: is no target; give a URL with its scheme (http://127.0.0.1:80)",
           "127.0.0.1:80");
    REFUSE("is no target; a plan file ends in .yaml, and a command stands after \"--\"",
           "/etc/passwd");
    REFUSE("TARGET: is given twice", URL, URL);
    REFUSE("TARGET: is given twice", URL, "--", "srv");
    REFUSE("--: has no command behind it", "--");
    REFUSE("--usres: is no option of this command; did you mean --users?", "--usres", "5", URL);
    REFUSE("--max_in_flight: is no option of this command; did you mean --max-in-flight?",
           "--max_in_flight=5", URL);
    REFUSE("--xyzzy: is no option of this command; --help lists them", "--xyzzy");
    REFUSE("-u: is no option; options are long", "-u", "5");
    REFUSE("--users: is without its N; write --users N", URL, "--users");
    REFUSE("--users: must be a whole number of at least 1, or a range such as 5..50, not \"many\"; "
           "write e.g. --users 50",
           "--users", "many");
    REFUSE("--users: must be above 0", URL, "--users", "0");
    REFUSE("--users: must be a whole number of at least 1; a phase", URL, "--users", "0",
           "--duration", "1s");
    REFUSE("--rate: needs an end; add --duration", URL, "--rate", "5");
    REFUSE("--rate: cannot stand beside --users", URL, "--rate", "5", "--users", "5");
    REFUSE("--rate: cannot stand beside users", URL, "--rate=5", "--users=5", "--duration=1s");
    REFUSE("--max-in-flight: is of an open load", URL, "--users=5", "--duration=1s",
           "--max-in-flight=5");
    REFUSE("--duration: is missing", URL, "--users=5", "--shape=steps");
    REFUSE("--shape: must be one of constant", URL, "--shape=wave");
    REFUSE("--header: must be a name and a value; write e.g. --header 'Auth", URL, "--header", "a");
    REFUSE("--header: are for a url", "--header", "a: b", "--", "srv");
    REFUSE("--env: is for a command", URL, "--env", "A=b");
    REFUSE("--transport: stdio is for a command", URL, "--transport", "stdio");
    REFUSE("--threshold: \"p95\" lacks a comparison", URL, "--threshold", "p95");
    REFUSE("--tag: must be a name and a value", URL, "--tag", "a");
    REFUSE("--quick: must be true or false", URL, "--quick=maybe");
    REFUSE("cannot read /nonexistent/x.yml", "/nonexistent/x.yml");
}

static void results_go_where_they_are_asked_to(void **state)
{
    struct line line;
    char path[200];
    (void)state;
    PARSE(&line, URL);
    run_options_output_path(&line.options, 0, path, sizeof path);
    assert_string_equal(path, "cicada-result.json");
    run_options_output_path(&line.options, 2, path, sizeof path);
    assert_string_equal(path, "cicada-result-3.json");
    assert_false(run_options_form_path(&line.options, OUTPUT_HTML, 0, path, sizeof path));
    finish(&line);
    PARSE(&line, URL, "--json", "a.d/b", "--out", "o", "--hlog", "x.hlog", "--html=h.html",
          "--junit=j.xml", "--markdown=m.md", "--prometheus=p.prom", "--csv=c.csv");
    run_options_output_path(&line.options, 1, path, sizeof path);
    assert_string_equal(path, "a.d/b-2");
    assert_true(run_options_form_path(&line.options, OUTPUT_HLOG, 1, path, sizeof path));
    assert_string_equal(path, "x-2.hlog");
    assert_string_equal(line.options.files[OUTPUT_HTML], "h.html");
    assert_string_equal(line.options.files[OUTPUT_CSV], "c.csv");
    finish(&line);
    PARSE(&line, URL, "--out", "o");
    assert_true(run_options_form_path(&line.options, OUTPUT_JUNIT, 0, path, sizeof path));
    assert_string_equal(path, "o/junit.xml");
    finish(&line);
}

static void help_names_every_option_and_fits(void **state)
{
    struct buffer help;
    (void)state;
    buffer_init(&help, 1 << 20);
    assert_int_equal(run_options_help(&help), 0);
    char *text = buffer_take_string(&help);
    static const char *const flags[] = {
        "users",     "rate",      "arrivals",   "max-in-flight", "duration", "operations",
        "warmup",    "shape",     "quick",      "tool",          "exclude",  "allow-destructive",
        "threshold", "abort-on",  "timeout",    "seed",          "repeat",   "tag",
        "protocol",  "transport", "header",     "cacert",        "cert",     "key",
        "insecure",  "env",       "segment",    "start-at",      "json",     "html",
        "junit",     "markdown",  "prometheus", "csv",           "hlog",     "out",
        "ui",        "show-plan", "think-time", "in-flight",     "pool",     "workers",
        "plan"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        char row[40];
        snprintf(row, sizeof row, "\n  --%s ", flags[i]);
        assert_contains(text, row);
    }
    for (char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        assert_true(length <= 100);
        line += length + (line[length] == '\n');
    }
    free(text);
}

static int no_positional(void *context, char *text, struct error *error)
{
    return target_take_url(context, text, error);
}

/* Another subcommand takes the same options of a target. */
static void the_target_options_serve_others(void **state)
{
    struct target_options target;
    struct error error = {0};
    (void)state;
    assert_int_equal(target_options_init(&target, "target"), 0);
    const struct option_table tables[] = {{"Target", target_option_rows, &target},
                                          {NULL, NULL, NULL}};
    const struct option_command command = {.usage = "cicada tools TARGET",
                                           .summary = "",
                                           .tables = tables,
                                           .positional = no_positional,
                                           .context = &target};
    char url[] = URL;
    char *argv[] = {"tools", "--timeout=3s", url, NULL};
    assert_int_equal(option_parse(&command, 3, argv, &error), 0);
    assert_string_equal(target.url, URL);
    assert_int_equal(target.timeout_ns, UINT64_C(3000000000));
    char *help[] = {"tools", "--help", NULL};
    assert_int_equal(option_parse(&command, 2, help, &error), 1);
    char *dashes[] = {"tools", "--", "a", NULL};
    assert_int_equal(option_parse(&command, 3, dashes, &error), -1);
    assert_contains(error.text, "--: this command takes no command");
    target_options_free(&target);
    target_options_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_url_alone_means_validate),
                                       cmocka_unit_test(an_end_makes_one_phase),
                                       cmocka_unit_test(every_flag_lands),
                                       cmocka_unit_test(a_command_is_everything_behind_the_dashes),
                                       cmocka_unit_test(secrets_leave_argv),
                                       cmocka_unit_test(flags_stand_over_a_file),
                                       cmocka_unit_test(one_phase_is_adjusted_in_place),
                                       cmocka_unit_test(a_plan_without_a_target_takes_one),
                                       cmocka_unit_test(without_a_target_burrow_is_it),
                                       cmocka_unit_test(wrong_lines_are_explained),
                                       cmocka_unit_test(results_go_where_they_are_asked_to),
                                       cmocka_unit_test(help_names_every_option_and_fits),
                                       cmocka_unit_test(the_target_options_serve_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
