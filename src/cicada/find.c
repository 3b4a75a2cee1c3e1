/* cicada find TARGET --slo ...: the highest arrival rate that still meets the SLO, by doubling,
 * bisection and confirmation. Arrivals, not users: users slow down with the target and so hide
 * where it bends. */
#include "analysis/intervals.h"
#include "analysis/quantity.h"
#include "analysis/search.h"
#include "base/clock.h"
#include "cicada/command.h"
#include "cicada/run_targets.h"
#include "cicada/signals.h"
#include "engine/engine.h"
#include "plan/load.h"
#include "plan/option_table.h"
#include "plan/run_flags.h"
#include "plan/target_flags.h"
#include "plan/threshold.h"
#include "report/form_file.h"
#include "report/judge.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACHIEVED 0.95 /* of the offered rate, in the second half of a trial */
#define LONGEST  10   /* times the length asked for, where a percentile takes the sample */

struct slo {
    struct threshold *list;
    size_t count;
};

struct find {
    struct run_flags flags;
    struct slo slo;
    bool named;
    double min, max;
    uint64_t trial_ns;
    char *json;
    struct plan plan;
    struct target **targets;
    double needed; /* operations that the highest percentile of the SLO takes */
    json_t *trials;
    struct search search;
};

/* ---- options -------------------------------------------------------------------------------- */

static int value_slo(const char *text, void *field, const char *label, struct error *error)
{
    struct slo *slo = field;
    (void)label;
    return threshold_list_add(&slo->list, &slo->count, text, "command line", error);
}

#define FIELD(member) offsetof(struct find, member)
static const struct option_row rows[] = {
    {"slo", "EXPR", "what must hold: 'p99<200ms,errors<1%'", value_slo, FIELD(slo)},
    {"min", "R", "the first rate tried, per second", value_weight, FIELD(min)},
    {"max", "R", "the highest rate tried (default 100000)", value_weight, FIELD(max)},
    {"arrivals", "KIND", "constant (default) or poisson", value_arrivals, FIELD(flags.load)},
    {"trial", "T", "how long each rate is held (default 10s)", value_duration, FIELD(trial_ns)},
    {"json", "FILE", "write the trials and the answer as JSON", value_text, FIELD(json)},
    {0},
};

static int take_url(void *context, char *text, struct error *error)
{
    struct find *find = context;
    if (find->named)
        return error_set(error, ERROR_USAGE, "%.200s: there is a target already; give one", text);
    find->named = true;
    return target_take_url(&find->flags.target, text, error);
}

static int take_command(void *context, char **words, struct error *error)
{
    struct find *find = context;
    if (find->named)
        return error_set(error, ERROR_USAGE, "--: there is a target already; give one");
    find->named = true;
    return target_take_command(&find->flags.target, words, error);
}

static int prepare(struct find *find, struct error *error)
{
    struct run_flags *flags = &find->flags;
    if (!find->named || !find->slo.count)
        return error_set(error, ERROR_USAGE,
                         "find: needs a target and an SLO; write cicada find "
                         "http://127.0.0.1:3000/mcp --slo 'p99<200ms,errors<1%%'");
    for (size_t i = 0; i < find->slo.count; i++)
        if (find->slo.list[i].figure == FIGURE_PERCENTILE) {
            double needed = 10 / (1 - find->slo.list[i].fraction) + 20;
            find->needed = needed > find->needed ? needed : find->needed;
        }
    if (find->min <= 0) {
        find->min = find->needed * (double)NS_PER_S / (double)find->trial_ns;
        find->min = find->min > 10 ? find->min : 10;
    }
    if (find->min > find->max)
        return error_set(error, ERROR_USAGE, "--min %g: lies above --max %g", find->min, find->max);
    flags->load.rate = (struct level_range){.set = true, .from = find->min, .to = find->min};
    flags->load.duration_ns = find->trial_ns;
    if (run_flags_make_plan(flags, &find->plan, error) < 0)
        return -1;
    /* the SLO alone, in place of the defaults of a plan */
    threshold_list_free(find->plan.thresholds, find->plan.threshold_count);
    find->plan.thresholds = find->slo.list;
    find->plan.threshold_count = find->slo.count;
    find->slo = (struct slo){0};
    return 0;
}

static int parse(struct find *find, int argc, char **argv, struct error *error)
{
    const struct option_table tables[] = {
        {"Search", rows, find}, {"Target", target_option_rows, &find->flags.target}, {0}};
    const struct option_command command = {
        .usage = "cicada find [OPTION]... --slo EXPR URL | -- COMMAND...",
        .summary = "Find the highest arrival rate that a target sustains within an SLO: double\n"
                   "until it breaks, halve the bracket, confirm both ends. Exits with 1 when even "
                   "the first\n"
                   "rate breaks it, 4 when the generator was the limit or the sample too small.",
        .tables = tables,
        .positional = take_url,
        .command = take_command,
        .context = find};
    int parsed = option_parse(&command, argc, argv, error);
    if (parsed > 0)
        return option_print_help(&command, error);
    return parsed < 0 ? -1 : prepare(find, error);
}

/* ---- a trial -------------------------------------------------------------------------------- */

/* A constant rate, long enough for the percentiles of the SLO. */
static void set_rate(struct find *find, double rate)
{
    struct phase *phase = &find->plan.phases[0];
    double length = (double)find->trial_ns, wanted = find->needed / rate * (double)NS_PER_S;
    if (wanted > length)
        length = wanted > LONGEST * length ? LONGEST * length : wanted;
    phase->duration_ns = (uint64_t)length;
    for (size_t i = 0; i < phase->point_count; i++)
        phase->points[i].level = rate;
    phase->points[phase->point_count - 1].at_ns = phase->duration_ns;
}

/* What finished in the second half of the load, per second: a queue that grows keeps it below what
 * was offered, however long an answer takes. */
static double achieved_rate(const struct result *result)
{
    uint64_t finished = 0, seconds = 0;
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++) {
            const struct phase_target *target = &result->phases[p].targets[t];
            size_t whole = (size_t)(result->phases[p].duration_ns / NS_PER_S);
            whole = whole < target->second_count ? whole : target->second_count;
            for (size_t s = whole / 2; s < whole; s++, seconds++)
                finished += target->seconds[s].ok + target->seconds[s].failed;
        }
    return seconds ? (double)finished / (double)seconds : 0;
}

static enum verdict judge_trial(const struct result *result, double rate, double achieved,
                                char *why, size_t size)
{
    enum verdict verdict = VERDICT_PASS;
    snprintf(why, size, "the SLO holds");
    for (size_t i = 0; i < result->finding_count; i++) {
        const struct finding *finding = &result->findings[i];
        bool counts = strcmp(finding->rule, "threshold") == 0 ||
                      strcmp(finding->rule, "generator_saturated") == 0 ||
                      strcmp(finding->rule, "no_operations") == 0;
        if (!counts || finding->verdict == VERDICT_PASS || verdict == VERDICT_FAIL ||
            finding->verdict == VERDICT_INFORMATION)
            continue;
        if (finding->verdict == VERDICT_FAIL || verdict == VERDICT_PASS)
            snprintf(why, size, "%s", finding->text);
        verdict = finding->verdict;
    }
    if (verdict == VERDICT_PASS && achieved < ACHIEVED * rate) {
        snprintf(why, size, "a backlog grows: %.4g/s finished of %.4g/s offered", achieved, rate);
        verdict = VERDICT_FAIL;
    }
    return verdict;
}

static int tell_trial(struct find *find, const struct result *result,
                      const struct search_trial *trial, double achieved, const char *why)
{
    const char *verdict = verdict_name(trial->verdict);
    double rate = trial->rate;
    struct measurement total;
    char text[QUANTITY_SIZE], reached[QUANTITY_SIZE];
    measurement_init(&total);
    int status = result_total(result, &total);
    struct percentile p95 = measurement_percentile(&total, 0.95);
    struct percentile p99 = measurement_percentile(&total, 0.99);
    printf("  %2u  %10s", (unsigned)find->search.count + 1, quantity_rate(text, sizeof text, rate));
    printf("  reached %10s", quantity_rate(reached, sizeof reached, achieved));
    printf("  p99 %8s", p99.known ? quantity_duration(text, sizeof text, p99.value_ns) : "unknown");
    printf("  errors %6s  %-12s  ",
           quantity_share(text, sizeof text, measurement_error_rate(&total)), verdict);
    text_print_safe(stdout, why, 160);
    putchar('\n');
    fflush(stdout);
    json_t *row =
        json_pack("{s:f, s:f, s:I, s:f, s:o, s:o, s:s, s:s}", "rate_per_s", rate, "achieved_per_s",
                  achieved, "count", (json_int_t)measurement_finished(&total), "error_rate",
                  measurement_error_rate(&total), "p95_ns",
                  p95.known ? json_integer((json_int_t)p95.value_ns) : json_null(), "p99_ns",
                  p99.known ? json_integer((json_int_t)p99.value_ns) : json_null(), "verdict",
                  verdict, "why", why);
    measurement_free(&total);
    return json_array_append_new(find->trials, row) < 0 ? -1 : status;
}

static int conclude(struct find *find, const struct result *result, struct search_trial *trial)
{
    char why[256];
    double achieved = achieved_rate(result);
    trial->verdict = judge_trial(result, trial->rate, achieved, why, sizeof why);
    bool backlog = trial->verdict == VERDICT_FAIL && achieved < ACHIEVED * trial->rate;
    if (trial->verdict != VERDICT_INCONCLUSIVE && search_judge(result, backlog, trial) < 0)
        return -1;
    return tell_trial(find, result, trial, achieved, why);
}

/* -1 when the search cannot go on. */
static int run_trial(void *context, struct search_trial *trial, struct error *error)
{
    struct find *find = context;
    struct result result;
    struct engine engine = {
        .plan = &find->plan, .targets = find->targets, .target_count = find->plan.target_count};
    result_init(&result);
    set_rate(find, trial->rate);
    signals_end(&engine);
    int status = engine_run(&engine, &result, error);
    signals_end(NULL);
    if (status == 0 && atomic_load(&engine.interrupted))
        status = error_set(error, ERROR_INTERRUPTED, "interrupted");
    if (status == 0 &&
        (result_judge(&result, &find->plan, NULL, false) < 0 || conclude(find, &result, trial) < 0))
        status = error_set(error, ERROR_INTERNAL, "out of memory");
    result_free(&result);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int dump(FILE *file, const void *context)
{
    return json_dumpf(context, file, JSON_INDENT(2)) < 0 || fputc('\n', file) == EOF ? -1 : 0;
}

static int write_json(const struct find *find, bool found, struct error *error)
{
    json_t *slo = json_array();
    for (size_t i = 0; i < find->plan.threshold_count; i++)
        json_array_append_new(slo, json_string(find->plan.thresholds[i].text));
    struct knee_interval limit = search_interval(&find->search);
    struct estimate estimate = {find->search.low > 0 ? find->search.low : NAN,
                                limit.has_low ? limit.low : NAN, limit.has_high ? limit.high : NAN};
    json_t *json = json_pack(
        "{s:s, s:o, s:b, s:o, s:o, s:O}", "schema", "cicada-find/1", "slo", slo, "confirmed", found,
        "sustained_per_s", find->search.low > 0 ? json_real(find->search.low) : json_null(),
        "broken_per_s", find->search.high > 0 ? json_real(find->search.high) : json_null(),
        "trials", find->trials);
    if (json)
        estimate_set(json, "limit_per_s", &estimate);
    int status = json ? file_write(find->json, dump, json, error)
                      : error_set(error, ERROR_INTERNAL, "out of memory");
    json_decref(json);
    return status;
}

static void tell_interval(struct knee_interval limit)
{
    char low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    if (!limit.has_low && !limit.has_high)
        return;
    printf("  95%%: the limit lies");
    if (limit.has_low)
        printf(" above %s", quantity_rate(low, sizeof low, limit.low));
    if (limit.has_high)
        printf("%s at or below %s", limit.has_low ? " and" : "",
               quantity_rate(high, sizeof high, limit.high));
    putchar('\n');
}

static int tell_answer(const struct find *find)
{
    char low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    quantity_rate(low, sizeof low, find->search.low);
    quantity_rate(high, sizeof high, find->search.high);
    if (find->search.low <= 0) {
        printf("\n  %s breaks the SLO, and no rate from --min %.4g up was found to keep it\n", high,
               find->min);
        return ERROR_VERDICT;
    }
    if (find->search.high <= 0)
        printf("\n  sustained: at least %s, the highest rate tried (--max), held %d times\n", low,
               SEARCH_CONFIRMATIONS + 1);
    else
        printf("\n  sustained: %s, held again in %d of %d confirmations; %s breaks the SLO\n", low,
               SEARCH_CONFIRMATIONS, SEARCH_CONFIRMATIONS, high);
    tell_interval(search_interval(&find->search));
    return 0;
}

static int search(struct find *find, struct error *error)
{
    printf("  trial, offered, reached, and whether the SLO holds\n");
    find->search.min = find->min;
    find->search.max = find->max;
    find->search.run = run_trial;
    find->search.context = find;
    int status = search_run(&find->search, error);
    struct error written = {0};
    if (find->json && write_json(find, status == 0 && find->search.low > 0, &written) < 0)
        return command_fail(&written);
    if (status == 0)
        return tell_answer(find);
    if (find->search.low > 0)
        printf("\n  %.4g/s was sustained, not confirmed; the limit is not known\n",
               find->search.low);
    return command_fail(error);
}

int command_find(int argc, char **argv)
{
    struct error error = {0};
    struct find find = {.max = 100000, .trial_ns = 10 * NS_PER_S};
    run_flags_init(&find.flags);
    find.trials = json_array();
    int parsed = parse(&find, argc, argv, &error);
    int code = parsed < 0 ? command_fail(&error) : 0;
    if (parsed == 0) {
        signals_catch();
        find.targets = run_targets_open(&find.plan, &error);
        code = find.targets ? search(&find, &error) : command_fail(&error);
    }
    run_targets_close(find.targets, find.plan.target_count);
    json_decref(find.trials);
    run_flags_free(&find.flags);
    threshold_list_free(find.slo.list, find.slo.count);
    plan_free(&find.plan);
    free(find.json);
    return code;
}
