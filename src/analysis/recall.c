/* See recall.h. */
#include "analysis/recall.h"

#include "analysis/quantity.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define Z_95 1.959963984540054 /* two-sided, of the normal distribution */

static uint64_t count_at(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

/* What the rows [results that were right, searches] add up to. */
struct rows {
    uint64_t searches, correct, fewest_correct;
    double squares; /* of the right ones of each search */
};

static bool sum_rows(const json_t *distribution, struct rows *rows)
{
    size_t i;
    const json_t *row;
    *rows = (struct rows){.fewest_correct = UINT64_MAX};
    json_array_foreach(distribution, i, row)
    {
        const json_t *first = json_array_get(row, 0), *second = json_array_get(row, 1);
        json_int_t right = json_integer_value(first), searches = json_integer_value(second);
        if (!json_is_integer(first) || right < 0 || searches <= 0 || right > UINT32_MAX ||
            searches > UINT32_MAX)
            return false;
        rows->searches += (uint64_t)searches;
        rows->correct += (uint64_t)(right * searches);
        rows->squares += (double)right * (double)right * (double)searches;
        if ((uint64_t)right < rows->fewest_correct)
            rows->fewest_correct = (uint64_t)right;
    }
    return rows->searches > 0;
}

/* As many independent results as would make a share vary like this one does from search to search.
 */
static double effective_sample(const struct recall *recall, const struct rows *rows)
{
    double n = (double)rows->searches, mean = (double)rows->correct / n;
    double each = (double)recall->wanted / n; /* results that a search wanted */
    double variance = n > 1 ? (rows->squares - n * mean * mean) / (n - 1) : 0;
    double of_mean = variance / n / (each * each);
    if (of_mean <= 1e-12)
        return n;
    return fmin(recall->value * (1 - recall->value) / of_mean, (double)recall->wanted);
}

static void wilson(struct recall *recall, double n)
{
    double p = recall->value, z2 = Z_95 * Z_95;
    double center = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    recall->low = p > 0 ? fmax(center - half, 0) : 0;
    recall->high = p < 1 ? fmin(center + half, 1) : 1;
}

struct recall recall_of(const json_t *facts)
{
    const json_t *stored = json_object_get(facts, "recall");
    struct recall recall = {.k = count_at(stored, "k"),
                            .searches = count_at(stored, "searches"),
                            .wanted = count_at(stored, "wanted")};
    struct rows rows;
    if (!json_is_number(json_object_get(stored, "value")) ||
        !sum_rows(json_object_get(stored, "distribution"), &rows) || rows.correct > recall.wanted)
        return recall;
    recall.known = true;
    recall.sample = rows.searches;
    recall.correct = rows.correct;
    recall.fewest_correct = rows.fewest_correct;
    recall.value = (double)rows.correct / (double)recall.wanted;
    wilson(&recall, effective_sample(&recall, &rows));
    return recall;
}

/* ---- the finding ---------------------------------------------------------------------------- */

static bool keeps(const struct judge_threshold *threshold, double value)
{
    switch (threshold->compare) {
    case JUDGE_LESS:
        return value < threshold->value;
    case JUDGE_LESS_EQUAL:
        return value <= threshold->value;
    case JUDGE_GREATER:
        return value > threshold->value;
    case JUDGE_GREATER_EQUAL:
        return value >= threshold->value;
    }
    return false;
}

static enum verdict verdict_of(const struct judge_threshold *threshold, const struct recall *recall)
{
    bool low = keeps(threshold, recall->low), high = keeps(threshold, recall->high);
    if (threshold->value >= 1 || threshold->value <= 0) /* no sample proves that none is wrong */
        return keeps(threshold, recall->value) ? VERDICT_PASS : VERDICT_FAIL;
    if (low != high)
        return VERDICT_INCONCLUSIVE;
    return low ? VERDICT_PASS : VERDICT_FAIL;
}

static int add(struct result *result, const struct judge_threshold *threshold, const char *target,
               const struct recall *recall)
{
    static const char *const relations[] = {
        [VERDICT_PASS] = " ", [VERDICT_FAIL] = ", not ", [VERDICT_INCONCLUSIVE] = ", must be "};
    char subject[128], limit[40], text[512], sample[QUANTITY_SIZE], searches[QUANTITY_SIZE];
    enum verdict verdict = verdict_of(threshold, recall);
    snprintf(subject, sizeof subject, "recall@%llu of target %.*s", (unsigned long long)recall->k,
             quantity_cut(target, 80), target);
    snprintf(limit, sizeof limit, "%s %.4g", judge_compare_sign(threshold->compare),
             threshold->value);
    snprintf(text, sizeof text,
             "%s: %.3f (between %.3f and %.3f)%s%s, %s of %s searches compared with exact search%s",
             subject, recall->value, recall->low, recall->high, relations[verdict], limit,
             quantity_count(sample, sizeof sample, recall->sample),
             quantity_count(searches, sizeof searches, recall->searches),
             verdict == VERDICT_INCONCLUSIVE ? "; so few cannot tell on which side it lies" : "");
    json_t *figures = json_pack(
        "{s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:I}", "recall", recall->value, "low", recall->low, "high",
        recall->high, "k", (json_int_t)recall->k, "correct", (json_int_t)recall->correct, "wanted",
        (json_int_t)recall->wanted, "fewest_correct", (json_int_t)recall->fewest_correct,
        "searches", (json_int_t)recall->searches);
    return result_add_finding(result, "threshold", subject, verdict, figures, limit, recall->sample,
                              text);
}

static int add_unknown(struct result *result, const struct judge_threshold *threshold,
                       const char *target, const char *why)
{
    char subject[128], limit[40], text[512];
    snprintf(subject, sizeof subject, "recall of target %.*s", quantity_cut(target, 80), target);
    snprintf(limit, sizeof limit, "%s %.4g", judge_compare_sign(threshold->compare),
             threshold->value);
    snprintf(text, sizeof text, "%s: unknown, must be %s; %.*s", subject, limit,
             quantity_cut(why, 300), why);
    return result_add_finding(result, "threshold", subject, VERDICT_INCONCLUSIVE, NULL, limit, 0,
                              text);
}

int recall_judge(struct result *result, const struct judge_threshold *threshold)
{
    bool any = false;
    for (size_t t = 0; t < result->target_count; t++) {
        const struct result_target *target = &result->targets[t];
        const json_t *stored = json_object_get(target->facts, "recall");
        const char *name = target->name ? target->name : "?";
        if (!stored || (threshold->target && fnmatch(threshold->target, name, 0) != 0))
            continue;
        struct recall recall = recall_of(target->facts);
        const char *why = json_string_value(json_object_get(stored, "reason"));
        int failed = recall.known ? add(result, threshold, name, &recall)
                                  : add_unknown(result, threshold, name,
                                                why ? why : "its counts contradict each other");
        if (failed < 0)
            return -1;
        any = true;
    }
    if (any)
        return 0;
    return add_unknown(result, threshold, threshold->target ? threshold->target : "*",
                       "no target that it selects was searched and measures it; faiss does");
}
