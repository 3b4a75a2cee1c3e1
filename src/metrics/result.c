/* The result in memory: its life, its sums, its findings. */
#include "metrics/result.h"

#include <stdlib.h>
#include <string.h>

static void target_free(struct result_target *target);
static void finding_free(struct finding *finding);
static void example_free(struct example *example);

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"pass", "fail", "inconclusive", "information"};
    return verdict <= VERDICT_INFORMATION ? names[verdict] : "unknown";
}

const char *readiness_name(enum readiness readiness)
{
    static const char *const names[] = {"ready", "ready with findings", "not ready",
                                        "inconclusive"};
    return readiness <= READINESS_INCONCLUSIVE ? names[readiness] : "unknown";
}

void result_init(struct result *result)
{
    memset(result, 0, sizeof *result);
    result->readiness = READINESS_INCONCLUSIVE;
    result->verdict = VERDICT_INFORMATION; /* nothing has been judged */
}

void result_free(struct result *result)
{
    for (size_t i = 0; i < result->target_count; i++)
        target_free(&result->targets[i]);
    for (size_t i = 0; i < result->phase_count; i++)
        result_phase_free(&result->phases[i]);
    for (size_t i = 0; i < result->example_count; i++)
        example_free(&result->examples[i]);
    for (size_t i = 0; i < result->interned_count; i++)
        free(result->interned[i]);
    result_clear_findings(result);
    result_clear_alerts(result);
    result_clear_recommendations(result);
    free(result->targets);
    free(result->phases);
    free(result->examples);
    free(result->interned);
    free(result->self);
    free(result->watch);
    free(result->cicada_version);
    free(result->plan_name);
    free(result->host);
    free(result->partial_reason);
    free(result->summary);
    json_decref(result->plan);
    json_decref(result->environment);
    json_decref(result->tags);
    json_decref(result->segment);
    json_decref(result->judging);
    result_init(result);
}

void result_phase_free(struct result_phase *phase)
{
    for (size_t i = 0; i < phase->target_count; i++)
        phase_target_free(&phase->targets[i]);
    free(phase->targets);
    free(phase->name);
    free(phase->kind);
    free(phase->not_run_reason);
    json_decref(phase->plan);
    json_decref(phase->recovery);
    memset(phase, 0, sizeof *phase);
}

void phase_target_free(struct phase_target *target)
{
    for (size_t i = 0; i < target->operation_count; i++)
        measurement_free(&target->operations[i]);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_free(&target->parts[part]);
    for (size_t i = 0; i < target->second_count; i++)
        second_free(&target->seconds[i]);
    measurement_free(&target->setup);
    free(target->operations);
    free(target->seconds);
    memset(target, 0, sizeof *target);
}

void second_free(struct second *second)
{
    histogram_free(&second->latency);
    for (size_t i = 0; i < second->operation_count; i++) {
        free(second->operations[i].buckets);
        free(second->operations[i].counts);
    }
    free(second->operations);
    memset(second, 0, sizeof *second);
}

void result_clear_findings(struct result *result)
{
    for (size_t i = 0; i < result->finding_count; i++)
        finding_free(&result->findings[i]);
    free(result->findings);
    result->findings = NULL;
    result->finding_count = 0;
}

void result_clear_alerts(struct result *result)
{
    for (size_t i = 0; i < result->alert_count; i++) {
        free(result->alerts[i].rule);
        free(result->alerts[i].metric);
    }
    free(result->alerts);
    result->alerts = NULL;
    result->alert_count = 0;
}

void result_clear_recommendations(struct result *result)
{
    for (size_t i = 0; i < result->recommendation_count; i++) {
        free(result->recommendations[i].rule);
        free(result->recommendations[i].subject);
        free(result->recommendations[i].text);
    }
    free(result->recommendations);
    result->recommendations = NULL;
    result->recommendation_count = 0;
}

bool result_phase_counts(const struct result_phase *phase)
{
    return !phase->kind || strcmp(phase->kind, "warmup") != 0;
}

uint64_t result_load_duration_ns(const struct result *result)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < result->phase_count; i++)
        if (result_phase_counts(&result->phases[i]) && !result->phases[i].not_run)
            sum += result->phases[i].duration_ns;
    return sum;
}

uint64_t result_target_duration_ns(const struct result *result, uint32_t target)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; result_phase_counts(phase) && t < phase->target_count; t++)
            if (phase->targets[t].target == target)
                sum += phase->duration_ns;
    }
    return sum;
}

int result_target_total(const struct phase_target *target, struct measurement *into)
{
    for (size_t i = 0; i < target->operation_count; i++)
        if (measurement_merge(into, &target->operations[i]) < 0)
            return -1;
    return 0;
}

int result_phase_total(const struct result_phase *phase, int target, struct measurement *into)
{
    for (size_t i = 0; i < phase->target_count; i++)
        if ((target < 0 || phase->targets[i].target == (uint32_t)target) &&
            result_target_total(&phase->targets[i], into) < 0)
            return -1;
    return 0;
}

int result_total(const struct result *result, struct measurement *into)
{
    for (size_t i = 0; i < result->phase_count; i++)
        if (result_phase_counts(&result->phases[i]) &&
            result_phase_total(&result->phases[i], -1, into) < 0)
            return -1;
    return 0;
}

int result_operation_total(const struct result *result, uint32_t target, uint32_t operation,
                           struct measurement *into)
{
    for (size_t i = 0; i < result->phase_count; i++) {
        const struct result_phase *phase = &result->phases[i];
        for (size_t t = 0; result_phase_counts(phase) && t < phase->target_count; t++)
            if (phase->targets[t].target == target &&
                operation < phase->targets[t].operation_count &&
                measurement_merge(into, &phase->targets[t].operations[operation]) < 0)
                return -1;
    }
    return 0;
}

const char *result_intern(struct result *result, const char *text)
{
    if (!text)
        return NULL;
    for (size_t i = 0; i < result->interned_count; i++)
        if (strcmp(result->interned[i], text) == 0)
            return result->interned[i];
    if (result->interned_count == result->interned_capacity) {
        size_t capacity = result->interned_capacity ? 2 * result->interned_capacity : 16;
        char **grown = reallocarray(result->interned, capacity, sizeof *grown);
        if (!grown)
            return NULL;
        result->interned = grown;
        result->interned_capacity = capacity;
    }
    char *copy = strdup(text);
    if (copy)
        result->interned[result->interned_count++] = copy;
    return copy;
}

int result_add_finding(struct result *result, const char *rule, const char *subject,
                       enum verdict verdict, json_t *figures, const char *threshold,
                       uint64_t sample, const char *text)
{
    struct finding *grown =
        reallocarray(result->findings, result->finding_count + 1, sizeof *grown);
    if (grown)
        result->findings = grown;
    struct finding finding = {
        .rule = strdup(rule),
        .subject = subject ? strdup(subject) : NULL,
        .verdict = verdict,
        .figures = figures,
        .threshold = threshold ? strdup(threshold) : NULL,
        .sample = sample,
        .text = strdup(text),
    };
    if (!grown || !finding.rule || !finding.text || (subject && !finding.subject) ||
        (threshold && !finding.threshold)) {
        finding_free(&finding);
        return -1;
    }
    result->findings[result->finding_count++] = finding;
    return 0;
}

static void finding_free(struct finding *finding)
{
    free(finding->rule);
    free(finding->subject);
    free(finding->threshold);
    free(finding->text);
    json_decref(finding->figures);
}

static void target_free(struct result_target *target)
{
    for (size_t i = 0; i < target->operation_count; i++) {
        free(target->operations[i].name);
        free(target->operations[i].kind);
        free(target->operations[i].category);
        free(target->operations[i].arguments);
    }
    free(target->operations);
    free(target->name);
    free(target->driver);
    free(target->description);
    free(target->address);
    json_decref(target->facts);
    json_decref(target->excluded);
    json_decref(target->undeclared);
}

static void example_free(struct example *example)
{
    free(example->phase);
    free(example->request);
    free(example->response);
    free(example->text);
    free(example->repeat);
}
