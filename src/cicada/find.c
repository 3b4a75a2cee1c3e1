/* cicada find TARGET --slo ...: the highest arrival rate that still meets the SLO, by doubling,
 * bisection and confirmation. Arrivals, not users: users slow down with the target and so hide
 * where it bends. */
#include "analysis/quantity.h"
#include "analysis/saturation.h"
#include "base/clock.h"
#include "cicada/command.h"
#include "cicada/run_targets.h"
#include "cicada/signals.h"
#include "engine/engine.h"
#include "plan/option_table.h"
#include "plan/run_flags.h"
#include "plan/target_flags.h"
#include "plan/threshold.h"
#include "report/form_file.h"
#include "report/judge.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLUTION    0.05 /* the bracket is narrow enough */
#define CONFIRMATIONS 2
#define TRIALS        40
#define ACHIEVED      0.95 /* of the offered rate, in the second half of a trial */
#define LONGEST       10   /* times the length asked for, where a percentile takes the sample */

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
    unsigned trial_count;
    double low, high; /* sustained; not sustained (0: none found) */
    bool interrupted;
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
                   "until it breaks, halve the bracket, confirm. Exits with 1 when even the first\n"
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

static int tell_trial(struct find *find, const struct result *result, double rate, double achieved,
                      enum verdict verdict, const char *why)
{
    struct measurement total;
    char text[QUANTITY_SIZE], reached[QUANTITY_SIZE];
    measurement_init(&total);
    int status = result_total(result, &total);
    struct percentile p95 = measurement_percentile(&total, 0.95);
    struct percentile p99 = measurement_percentile(&total, 0.99);
    printf("  %2u  %10s", ++find->trial_count, quantity_rate(text, sizeof text, rate));
    printf("  reached %10s", quantity_rate(reached, sizeof reached, achieved));
    printf("  p99 %8s", p99.known ? quantity_duration(text, sizeof text, p99.value_ns) : "unknown");
    printf("  errors %6s  %-12s  ",
           quantity_share(text, sizeof text, measurement_error_rate(&total)),
           verdict_name(verdict));
    text_print_safe(stdout, why, 160);
    putchar('\n');
    fflush(stdout);
    json_t *row =
        json_pack("{s:f, s:f, s:I, s:f, s:o, s:o, s:s, s:s}", "rate_per_s", rate, "achieved_per_s",
                  achieved, "count", (json_int_t)measurement_finished(&total), "error_rate",
                  measurement_error_rate(&total), "p95_ns",
                  p95.known ? json_integer((json_int_t)p95.value_ns) : json_null(), "p99_ns",
                  p99.known ? json_integer((json_int_t)p99.value_ns) : json_null(), "verdict",
                  verdict_name(verdict), "why", why);
    measurement_free(&total);
    return json_array_append_new(find->trials, row) < 0 ? -1 : status;
}

/* -1 when the search cannot go on. */
static int run_trial(struct find *find, double rate, enum verdict *verdict, struct error *error)
{
    struct result result;
    struct engine engine = {
        .plan = &find->plan, .targets = find->targets, .target_count = find->plan.target_count};
    char why[256];
    if (find->trial_count >= TRIALS)
        return error_set(error, ERROR_INCONCLUSIVE, "no answer within %d trials", TRIALS);
    result_init(&result);
    set_rate(find, rate);
    signals_end(&engine);
    int status = engine_run(&engine, &result, error);
    signals_end(NULL);
    find->interrupted = atomic_load(&engine.interrupted);
    if (status == 0 && find->interrupted)
        status = error_set(error, ERROR_INTERRUPTED, "interrupted");
    if (status == 0 && (result_judge(&result, &find->plan, NULL, false) < 0))
        status = error_set(error, ERROR_INTERNAL, "out of memory");
    if (status == 0) {
        double achieved = achieved_rate(&result);
        *verdict = judge_trial(&result, rate, achieved, why, sizeof why);
        if (tell_trial(find, &result, rate, achieved, *verdict, why) < 0)
            status = error_set(error, ERROR_INTERNAL, "out of memory");
    }
    result_free(&result);
    return status;
}

/* ---- the search ----------------------------------------------------------------------------- */

/* One trial that moves the bracket. An inconclusive one ends the search. */
static int step(struct find *find, double rate, struct error *error)
{
    enum verdict verdict;
    if (run_trial(find, rate, &verdict, error) < 0)
        return -1;
    if (verdict == VERDICT_INCONCLUSIVE)
        return error_set(error, ERROR_INCONCLUSIVE,
                         "at %.4g/s the trial is inconclusive; a longer --trial gives a larger "
                         "sample, more cores a faster generator",
                         rate);
    if (verdict == VERDICT_FAIL)
        find->high = rate;
    else
        find->low = rate;
    return 0;
}

static int bracket(struct find *find, struct error *error)
{
    double rate = find->min;
    while (find->high <= 0) {
        if (step(find, rate, error) < 0)
            return -1;
        if (rate >= find->max)
            break;
        rate = 2 * rate < find->max ? 2 * rate : find->max;
    }
    while (find->high > 0 && find->low > 0 && find->high - find->low > RESOLUTION * find->high)
        if (step(find, (find->low + find->high) / 2, error) < 0)
            return -1;
    return 0;
}

/* The rate must hold again and again; where it does not, a little less must. */
static int confirm(struct find *find, struct error *error)
{
    for (int held = 0; find->low > 0 && held < CONFIRMATIONS;) {
        double rate = find->low;
        if (step(find, rate, error) < 0)
            return -1;
        if (find->high <= rate && find->high > 0) {
            find->low = rate * (1 - RESOLUTION) >= find->min ? rate * (1 - RESOLUTION) : 0;
            held = 0;
        } else {
            held++;
        }
    }
    return 0;
}

static int dump(FILE *file, const void *context)
{
    return json_dumpf(context, file, JSON_INDENT(2)) < 0 || fputc('\n', file) == EOF ? -1 : 0;
}

static int write_json(const struct find *find, bool found, struct error *error)
{
    json_t *slo = json_array();
    for (size_t i = 0; i < find->plan.threshold_count; i++)
        json_array_append_new(slo, json_string(find->plan.thresholds[i].text));
    json_t *json = json_pack(
        "{s:s, s:o, s:b, s:o, s:o, s:O}", "schema", "cicada-find/1", "slo", slo, "confirmed", found,
        "sustained_per_s", find->low > 0 ? json_real(find->low) : json_null(), "broken_per_s",
        find->high > 0 ? json_real(find->high) : json_null(), "trials", find->trials);
    int status = json ? file_write(find->json, dump, json, error)
                      : error_set(error, ERROR_INTERNAL, "out of memory");
    json_decref(json);
    return status;
}

static int tell_answer(const struct find *find)
{
    char low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    quantity_rate(low, sizeof low, find->low);
    quantity_rate(high, sizeof high, find->high);
    if (find->low <= 0) {
        printf("\n  %s breaks the SLO, and no rate from --min %.4g up was found to keep it\n", high,
               find->min);
        return ERROR_VERDICT;
    }
    if (find->high <= 0)
        printf("\n  sustained: at least %s, the highest rate tried (--max), held %d times\n", low,
               CONFIRMATIONS + 1);
    else
        printf("\n  sustained: %s, held again in %d of %d confirmations; %s breaks the SLO: the "
               "limit lies between %s and %s\n",
               low, CONFIRMATIONS, CONFIRMATIONS, high, low, high);
    return 0;
}

static int search(struct find *find, struct error *error)
{
    printf("  trial, offered, reached, and whether the SLO holds\n");
    int status = bracket(find, error);
    if (status == 0)
        status = confirm(find, error);
    struct error written = {0};
    if (find->json && write_json(find, status == 0 && find->low > 0, &written) < 0)
        return command_fail(&written);
    if (status == 0)
        return tell_answer(find);
    if (find->low > 0)
        printf("\n  %.4g/s was sustained, not confirmed; the limit is not known\n", find->low);
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
