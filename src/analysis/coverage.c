/* How much of what a target offers was called. */
#include "analysis/coverage.h"

#include "analysis/quantity.h"

#include <stdio.h>
#include <string.h>

#define NAMES_SHOWN 5
#define NAME_BYTES  40

static uint64_t finished(const struct result *result, uint32_t target, uint32_t operation)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; result_phase_counts(phase) && t < phase->target_count; t++)
            if (phase->targets[t].target == target && operation < phase->targets[t].operation_count)
                sum += measurement_finished(&phase->targets[t].operations[operation]);
    }
    return sum;
}

struct coverage coverage_of(const struct result *result, uint32_t target, uint32_t minimum_sample)
{
    struct coverage coverage = {0};
    for (uint32_t o = 0; o < result->targets[target].operation_count; o++) {
        uint64_t count = finished(result, target, o);
        coverage.offered++;
        coverage.called += count > 0;
        coverage.below_minimum += count == 0 || count < minimum_sample;
    }
    return coverage;
}

/* "a, b and 3 more" */
static void name_missing(const struct result *result, uint32_t target, uint32_t minimum_sample,
                         uint32_t missing, char *text, size_t size)
{
    size_t length = 0;
    uint32_t named = 0;
    text[0] = 0;
    for (uint32_t o = 0; o < result->targets[target].operation_count && named < NAMES_SHOWN; o++) {
        uint64_t count = finished(result, target, o);
        if (count > 0 && count >= minimum_sample)
            continue;
        const char *name = result->targets[target].operations[o].name;
        name = name ? name : "?";
        int printed = snprintf(text + length, size - length, "%s%.*s (%llu)", named ? ", " : "",
                               quantity_cut(name, NAME_BYTES), name, (unsigned long long)count);
        length += printed > 0 && (size_t)printed < size - length ? (size_t)printed : 0;
        named++;
    }
    if (missing > named)
        snprintf(text + length, size - length, " and %u more", missing - named);
}

static int judge_target(struct result *result, uint32_t target, uint32_t minimum_sample)
{
    struct coverage coverage = coverage_of(result, target, minimum_sample);
    char missing[512], text[800], wish[64], subject[160];
    uint32_t minimum = minimum_sample ? minimum_sample : 1;
    const char *name = result->targets[target].name ? result->targets[target].name : "?";
    int length = quantity_cut(name, 100);
    snprintf(subject, sizeof subject, "target %.*s", length, name);
    snprintf(wish, sizeof wish, "at least %u operations each", minimum);
    if (coverage.offered == 0)
        return 0;
    if (coverage.below_minimum == 0 && coverage.offered == 1) {
        snprintf(text, sizeof text,
                 "%.*s: the one operation of the mix was called at least %u times", length, name,
                 minimum);
    } else if (coverage.below_minimum == 0) {
        snprintf(text, sizeof text,
                 "%.*s: all %u operations of the mix were called at least %u times", length, name,
                 coverage.offered, minimum);
    } else {
        name_missing(result, target, minimum_sample, coverage.below_minimum, missing,
                     sizeof missing);
        snprintf(text, sizeof text,
                 "%.*s: %u of %u operations of the mix were called; %u got fewer than %u calls: %s",
                 length, name, coverage.called, coverage.offered, coverage.below_minimum, minimum,
                 missing);
    }
    json_t *figures = json_pack("{s:i, s:i, s:i, s:i}", "offered", (int)coverage.offered, "called",
                                (int)coverage.called, "below_minimum", (int)coverage.below_minimum,
                                "minimum_sample", (int)minimum);
    return result_add_finding(result, "coverage", subject,
                              coverage.below_minimum ? VERDICT_INFORMATION : VERDICT_PASS, figures,
                              wish, coverage.offered, text);
}

int coverage_judge(struct result *result, uint32_t minimum_sample)
{
    for (uint32_t target = 0; target < result->target_count; target++)
        if (judge_target(result, target, minimum_sample) < 0)
            return -1;
    return 0;
}
