#include "plan/options.h"

#include "base/scrub.h"
#include "net/url.h"
#include "plan/option_table.h"
#include "plan/run_flags.h"
#include "plan/target.h"
#include "plan/target_flags.h"
#include "plan/threshold.h"
#include "plan/tiers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- values that are options only
 * ----------------------------------------------------------------- */

static int value_glob(const char *text, void *field, const char *label, struct error *error)
{
    char *glob = NULL;
    if (value_text(text, &glob, label, error) < 0)
        return -1;
    int failed = string_list_add(field, glob);
    free(glob);
    return failed < 0 ? error_out_of_memory(error) : 0;
}

static int value_tag(const char *text, void *field, const char *label, struct error *error)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return error_set(error, ERROR_USAGE, "must be a name and a value; write e.g. %sbuild=1.2",
                         label);
    return value_glob(text, field, label, error);
}

static int value_threshold(const char *text, void *field, const char *label, struct error *error)
{
    struct run_flags *flags = field;
    (void)label;
    return threshold_list_add(&flags->thresholds, &flags->threshold_count, text, "command line",
                              error);
}

static int value_abort_on(const char *text, void *field, const char *label, struct error *error)
{
    struct run_flags *flags = field;
    (void)label;
    return threshold_list_add_abort(&flags->abort_on, &flags->abort_on_count, text, "command line",
                                    error);
}

static int value_seed_flag(const char *text, void *field, const char *label, struct error *error)
{
    struct seed_flag *seed = field;
    seed->set = true;
    return value_seed(text, &seed->seed, label, error);
}

/* A password in a URL is wiped from argv. */
static int hide_url(const char *text, int parsed)
{
    char *shown = parsed == 0 ? scrub_url(text) : NULL;
    if (shown && strcmp(shown, text) != 0)
        scrub_argument((char *)text);
    free(shown);
    return parsed;
}

static int value_redis_flag(const char *text, void *field, const char *label, struct error *error)
{
    return hide_url(text, value_tier_redis(text, field, label, error));
}

static int value_neo4j_flag(const char *text, void *field, const char *label, struct error *error)
{
    return hide_url(text, value_tier_neo4j(text, field, label, error));
}

int value_otlp(const char *text, void *field, const char *label, struct error *error)
{
    struct url url;
    char whole[4096];
    if (url_parse(&url, text, error) < 0)
        return -1;
    bool bare = strcmp(url.path, "/") == 0;
    bool http = strcmp(url.scheme, "http") == 0 || strcmp(url.scheme, "https") == 0;
    url_free(&url);
    if (!http)
        return error_set(error, ERROR_USAGE,
                         "must be the URL of an OTLP/HTTP receiver; write e.g. "
                         "%shttp://127.0.0.1:4318",
                         label);
    size_t length = strlen(text);
    while (bare && text[length - 1] == '/')
        length--;
    snprintf(whole, sizeof whole, "%.*s%s", (int)length, text, bare ? "/v1/metrics" : "");
    return hide_url(text, value_text(whole, field, label, error));
}

static int value_ui(const char *text, void *field, const char *label, struct error *error)
{
    static const struct choice modes[] = {{"auto", 0}, {"plain", 0}, {"tui", 0},
                                          {"web", 0},  {"off", 0},   {NULL, 0}};
    int unused;
    if (value_choice(text, modes, &unused, label, error) < 0)
        return -1;
    return value_text(text, field, label, error);
}

/* ---- the tables ---------------------------------------------------------------------------------
 */

#define LOAD(part)   offsetof(struct run_flags, load) + offsetof(struct load_settings, part)
#define FLAG(member) offsetof(struct run_flags, member)
#define OUT(member)  offsetof(struct run_options, member)
#define FORM(form)   OUT(files) + (form) * sizeof(char *)

static const struct option_row load_rows[] = {
    {"users", "N",
     "users at the peak; with --duration or --operations: of one constant phase; "
     "a range (5..50) for a shape",
     value_users, LOAD(users)},
    {"rate", "R", "arrivals per second (an open load) in place of users", value_rate, LOAD(rate)},
    {"arrivals", "KIND", "constant (default) or poisson", value_arrivals, FLAG(load)},
    {"max-in-flight", "N", "open load: arrivals beyond wait, their clock running (default 1000)",
     value_count, LOAD(max_in_flight)},
    {"duration", "T", "one phase of this length in place of the plan's (30s, 5m)", value_duration,
     LOAD(duration_ns)},
    {"operations", "N", "one phase of this many operations", value_total, LOAD(operations)},
    {"shape", "NAME", "of that phase: constant, steps, linear, spike, sawtooth, soak", value_shape,
     LOAD(shape)},
    {"steps", "N", "of the shape steps (default 10)", value_count, LOAD(steps)},
    {"teeth", "N", "of the shape sawtooth (default 4)", value_count, LOAD(teeth)},
    {"spike-at", "T", "when the spike begins (default: after two fifths)", value_duration,
     LOAD(spike_at_ns)},
    {"spike-for", "T", "how long it holds (default: one fifth)", value_duration,
     LOAD(spike_for_ns)},
    {"ramp", "T", "of the shape soak (default: a tenth, at most 5m)", value_duration,
     LOAD(ramp_ns)},
    {"warmup", "T", "a phase before the others, kept apart from the figures", value_duration,
     FLAG(warmup_ns)},
    {"quick", NULL, "the same phases in a tenth of the time", value_flag, FLAG(quick)},
    {"think-time", "T", "between a user's operations; T or a range (10ms..20ms)", value_time_range,
     LOAD(think)},
    {"in-flight", "N", "operations a user has under way at most", value_count, LOAD(in_flight)},
    {"pace", "T", "start an iteration of each user every T", value_duration, LOAD(pace_ns)},
    {NULL, NULL, NULL, NULL, 0}};

#define TIER(tier) offsetof(struct run_flags, tiers) + offsetof(struct tier_settings, urls[tier])
static const struct option_row tier_rows[] = {
    {"redis", "URL",
     "of the memory phases (default: a redis-server of our own); none: not this one",
     value_redis_flag, TIER(TIER_REDIS)},
    {"neo4j", "URL", "neo4j://USER:PASSWORD@HOST:7687 (default: none)", value_neo4j_flag,
     TIER(TIER_NEO4J)},
    {"faiss", "FILE", "an index (default: a generated one)", value_tier_faiss, TIER(TIER_FAISS)},
    {"sqlite", "FILE", "a database (default: one in a temporary folder)", value_tier_sqlite,
     TIER(TIER_SQLITE)},
    {"no-tiers", NULL, "no memory phases", value_flag, FLAG(tiers.none)},
    {NULL, NULL, NULL, NULL, 0}};

static const struct option_row mix_rows[] = {
    {"tool", "GLOB", "only tools of this name; repeatable", value_glob, FLAG(tools)},
    {"exclude", "GLOB", "no tools of this name; repeatable", value_glob, FLAG(exclude)},
    {"allow-destructive", NULL, "also tools that call themselves destructive", value_flag,
     FLAG(allow_destructive)},
    {"variants", "N", "argument sets generated per tool (default 16)", value_count, FLAG(variants)},
    {"minimum-sample", "N", "operations each tool should get (default 30)", value_count,
     FLAG(minimum_sample)},
    {NULL, NULL, NULL, NULL, 0}};

static const struct option_row judge_rows[] = {
    {"threshold", "EXPR",
     "p99<500ms, errors<1%, rate>100/s, p95{tool=NAME}<50ms, recall>=0.95; repeatable; "
     "replaces the one of the same figure",
     value_threshold, 0},
    {"abort-on", "EXPR", "end the run when this is true over 10 s (errors>50%); repeatable",
     value_abort_on, 0},
    {"lost-after", "T", "end the run when a target cannot be reached for so long (default 10s)",
     value_duration, FLAG(lost_after_ns)},
    {NULL, NULL, NULL, NULL, 0}};

static const struct option_row run_rows[] = {
    {"plan", "FILE", "a plan, as the argument PLAN.yaml", value_text, FLAG(plan_file)},
    {"seed", "N", "of arguments, mix and think times (default 1)", value_seed_flag, FLAG(seed)},
    {"repeat", "N", "run it so many times", value_count, FLAG(repeat)},
    {"tag", "K=V", "kept in the result; repeatable", value_tag, FLAG(tags)},
    {"workers", "N", "threads (default: one per core)", value_count, FLAG(workers)},
    {"segment", "I/N", "this is the I-th of N generators that share the load", value_segment,
     FLAG(segment)},
    {"start-at", "TIME", "wait for this moment (2026-01-31T12:00:00Z, or seconds since 1970)",
     value_wall_time, FLAG(start_at_ns)},
    {NULL, NULL, NULL, NULL, 0}};

static const struct option_row output_rows[] = {
    {"json", "FILE", "the result (default cicada-result.json)", value_text, FORM(OUTPUT_JSON)},
    {"html", "FILE", "a page with charts", value_text, FORM(OUTPUT_HTML)},
    {"junit", "FILE", "verdicts as JUnit XML", value_text, FORM(OUTPUT_JUNIT)},
    {"markdown", "FILE", "a summary in Markdown", value_text, FORM(OUTPUT_MARKDOWN)},
    {"prometheus", "FILE", "the figures as Prometheus text", value_text, FORM(OUTPUT_PROMETHEUS)},
    {"csv", "FILE", "the figures of each second", value_text, FORM(OUTPUT_CSV)},
    {"hlog", "FILE", "histograms as an HdrHistogram log", value_text, FORM(OUTPUT_HLOG)},
    {"out", "DIR", "all of these, in a folder", value_text, OUT(out)},
    {"otlp", "URL", "push metrics over OTLP/HTTP, every 10 s and at the end", value_otlp,
     OUT(otlp)},
    {"ui", "NAME", "auto (default), plain, tui (the whole screen), web (a page on loopback), off",
     value_ui, OUT(ui)},
    {"show-plan", NULL, "print the plan that would run, and stop", value_flag, OUT(show_plan)},
    {NULL, NULL, NULL, NULL, 0}};

/* ---- parsing -----------------------------------------------------------------------------------
 */

static bool has_ending(const char *text, const char *ending)
{
    size_t length = strlen(text), size = strlen(ending);
    return length > size && strcmp(text + length - size, ending) == 0;
}

static int take_plan_file(struct run_flags *flags, const char *text, struct error *error)
{
    if (flags->plan_file)
        return error_set(error, ERROR_USAGE, "%.80s: is a second plan; give one", text);
    flags->plan_file = strdup(text);
    return flags->plan_file ? 0 : error_out_of_memory(error);
}

static int take_positional(void *context, char *text, struct error *error)
{
    struct run_flags *flags = context;
    struct stat status;
    if (target_is_url(text))
        return target_take_url(&flags->target, text, error);
    if (has_ending(text, ".yaml") || has_ending(text, ".yml"))
        return take_plan_file(flags, text, error);
    if (stat(text, &status) == 0 && S_ISREG(status.st_mode))
        return error_set(error, ERROR_USAGE,
                         "%.80s: is no target; a plan file ends in .yaml, and a command stands "
                         "after \"--\": -- %.80s",
                         text, text);
    return error_set(error, ERROR_USAGE,
                     "%.80s: is no target; give a URL with its scheme (http://%.80s), a plan file "
                     "(plan.yaml), or a command after \"--\"",
                     text, text);
}

static int take_command(void *context, char **words, struct error *error)
{
    struct run_flags *flags = context;
    return target_take_command(&flags->target, words, error);
}

#define RUN_TABLES 8 /* seven groups and the end */

static void fill_tables(struct option_table tables[RUN_TABLES], struct run_options *options,
                        struct run_flags *flags)
{
    const struct option_table all[RUN_TABLES] = {{"Load", load_rows, flags},
                                                 {"Mix", mix_rows, flags},
                                                 {"Memory tiers", tier_rows, flags},
                                                 {"Verdict", judge_rows, flags},
                                                 {"Target", target_option_rows, &flags->target},
                                                 {"Run", run_rows, flags},
                                                 {"Output", output_rows, options}};
    memcpy(tables, all, sizeof all);
}

static struct option_command run_command(const struct option_table *tables, struct run_flags *flags)
{
    return (struct option_command){
        .usage = "cicada run [OPTION]... [TARGET | PLAN.yaml | -- COMMAND...]",
        .summary =
            "Load a target and judge the result. TARGET is a URL; COMMAND starts an MCP server "
            "that\n"
            "speaks over stdio. Without a plan, --duration or --operations, the built-in plan "
            "runs:\n"
            "ramp-up, peak, stress, recovery, memory, ramp-down; 3.6 minutes in all, 22 s with "
            "--quick.\n"
            "Options stand over what the plan says.",
        .epilogue =
            "Exit codes: 0 passed; 1 a threshold or verdict failed; 2 wrong command line or plan;\n"
            "3 the target could not be reached; 4 inconclusive; 130 interrupted.",
        .tables = tables,
        .positional = take_positional,
        .command = take_command,
        .context = flags};
}

static int print_help(struct error *error)
{
    struct buffer text;
    buffer_init(&text, (size_t)1024 * 1024);
    int failed = run_options_help(&text);
    if (failed == 0)
        fwrite(buffer_bytes(&text), 1, buffer_length(&text), stdout);
    buffer_free(&text);
    return failed < 0 ? error_out_of_memory(error) : 1;
}

int run_options_parse(struct run_options *options, struct plan *plan, int argc, char **argv,
                      struct error *error)
{
    struct run_flags flags;
    struct option_table tables[RUN_TABLES];
    fill_tables(tables, options, &flags);
    const struct option_command command = run_command(tables, &flags);
    *options = (struct run_options){0};
    *plan = (struct plan){0};
    run_flags_init(&flags);
    int parsed = option_parse(&command, argc, argv, error);
    if (parsed == 1)
        parsed = print_help(error);
    if (parsed == 0 && !options->ui && !(options->ui = strdup("auto")))
        parsed = error_out_of_memory(error);
    if (parsed == 0)
        parsed = run_flags_make_plan(&flags, plan, error);
    run_flags_free(&flags);
    if (parsed != 0)
        run_options_free(options);
    return parsed;
}

void run_options_free(struct run_options *options)
{
    for (size_t i = 0; i < OUTPUT_FORMS; i++)
        free(options->files[i]);
    free(options->out);
    free(options->ui);
    free(options->otlp);
    *options = (struct run_options){0};
}

int run_options_help(struct buffer *output)
{
    struct run_options options; /* nothing is read into them */
    struct run_flags flags;
    struct option_table tables[RUN_TABLES];
    fill_tables(tables, &options, &flags);
    const struct option_command command = run_command(tables, &flags);
    return option_help(&command, output);
}

/* ---- where results go ---------------------------------------------------------------------------
 */

bool run_options_form_path(const struct run_options *options, enum output_form form,
                           unsigned repetition, char *path, size_t size)
{
    static const char *const names[OUTPUT_FORMS] = {"result.json", "report.html",  "junit.xml",
                                                    "summary.md",  "metrics.prom", "seconds.csv",
                                                    "latency.hlog"};
    char whole[4096];
    if (options->files[form])
        snprintf(whole, sizeof whole, "%s", options->files[form]);
    else if (options->out)
        snprintf(whole, sizeof whole, "%s/%s", options->out, names[form]);
    else if (form == OUTPUT_JSON)
        snprintf(whole, sizeof whole, "cicada-result.json");
    else
        return false;
    const char *slash = strrchr(whole, '/');
    const char *dot = strrchr(slash ? slash : whole, '.');
    int stem = dot && dot != whole ? (int)(dot - whole) : (int)strlen(whole);
    if (repetition == 0)
        snprintf(path, size, "%s", whole);
    else
        snprintf(path, size, "%.*s-%u%s", stem, whole, repetition + 1, whole + stem);
    return true;
}

void run_options_output_path(const struct run_options *options, unsigned repetition, char *path,
                             size_t size)
{
    run_options_form_path(options, OUTPUT_JSON, repetition, path, size);
}
