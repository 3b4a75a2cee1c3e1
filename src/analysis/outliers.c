/* Tools that take far longer than the others of their target. */
#include "analysis/outliers.h"

#include "analysis/quantity.h"
#include "analysis/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 5

struct tools {
    size_t count;
    uint32_t *operation;
    double *logarithm; /* of the median latency in ns */
    uint64_t sample;
};

static int read_tools(const struct result *result, uint32_t target, struct tools *tools)
{
    for (uint32_t o = 0; o < result->targets[target].operation_count; o++) {
        struct measurement sum;
        measurement_init(&sum);
        int status = result_operation_total(result, target, o, &sum);
        struct percentile median = measurement_percentile(&sum, 0.5);
        uint64_t sample = sum.latency_ok.count + sum.latency_censored.count;
        measurement_free(&sum);
        if (status < 0)
            return -1;
        if (sample < OUTLIERS_SAMPLE || !median.known || median.value_ns == 0)
            continue;
        tools->operation[tools->count] = o;
        tools->logarithm[tools->count++] = log((double)median.value_ns);
        tools->sample += sample;
    }
    return 0;
}

static void add_one(const struct result_operation *operation, double median_ns, double ratio,
                    double score, size_t found, char *names, size_t size, json_t *list)
{
    char value[QUANTITY_SIZE];
    const char *name = operation->name ? operation->name : "?";
    size_t length = strlen(names);
    json_array_append_new(list, json_pack("{s:s, s:I, s:f, s:f}", "tool", name, "p50_ns",
                                          (json_int_t)quantity_whole(median_ns), "ratio", ratio,
                                          "score", score));
    if (found < NAMES_SHOWN)
        snprintf(names + length, size - length, "%s%.*s (p50 %s, %.1f times)", found ? ", " : "",
                 quantity_cut(name, 40), name,
                 quantity_duration(value, sizeof value, quantity_whole(median_ns)), ratio);
}

static int judge(struct result *result, uint32_t target, const struct tools *tools)
{
    const struct result_target *names = &result->targets[target];
    char list_text[600] = "", text[900], usual[QUANTITY_SIZE];
    const char *name = names->name ? names->name : "target";
    double median = statistics_median(tools->logarithm, tools->count);
    double deviation =
        fmax(statistics_deviation_robust(tools->logarithm, tools->count), OUTLIERS_DEVIATION);
    json_t *list = json_array();
    size_t found = 0;
    for (size_t i = 0; i < tools->count; i++) {
        double away = tools->logarithm[i] - median, score = away / deviation;
        if (score > OUTLIERS_SCORE && exp(away) >= OUTLIERS_RATIO)
            add_one(&names->operations[tools->operation[i]], exp(tools->logarithm[i]), exp(away),
                    score, found++, list_text, sizeof list_text, list);
    }
    quantity_duration(usual, sizeof usual, quantity_whole(exp(median)));
    if (found)
        snprintf(text, sizeof text,
                 "%.*s: %zu of %zu tools take far longer than the others (median %s): %s%s",
                 quantity_cut(name, 60), name, found, tools->count, usual, list_text,
                 found > NAMES_SHOWN ? ", ..." : "");
    else
        snprintf(text, sizeof text, "%.*s: none of %zu tools takes far longer than the others",
                 quantity_cut(name, 60), name, tools->count);
    json_t *figures = json_pack("{s:I, s:I, s:f, s:o}", "tools", (json_int_t)tools->count,
                                "p50_median_ns", (json_int_t)quantity_whole(exp(median)),
                                "deviation_log", deviation, "outliers", list);
    return result_add_finding(result, "outliers", name, VERDICT_INFORMATION, figures,
                              "p50 above 3.5 robust deviations (log) and 2 times the median tool",
                              tools->sample, text);
}

int outliers_judge(struct result *result)
{
    int status = 0;
    for (uint32_t t = 0; t < result->target_count && status == 0; t++) {
        size_t count = result->targets[t].operation_count;
        struct tools tools = {.operation = calloc(count + 1, sizeof *tools.operation),
                              .logarithm = calloc(count + 1, sizeof *tools.logarithm)};
        status = tools.operation && tools.logarithm ? read_tools(result, t, &tools) : -1;
        if (status == 0 && tools.count >= OUTLIERS_TOOLS)
            status = judge(result, t, &tools);
        free(tools.operation);
        free(tools.logarithm);
    }
    return status;
}
