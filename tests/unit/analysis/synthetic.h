/* Results made of known series: one target, phases, seconds whose operations are drawn from a
 * lognormal distribution with a seed. */
#ifndef CICADA_TESTS_ANALYSIS_SYNTHETIC_H
#define CICADA_TESTS_ANALYSIS_SYNTHETIC_H

#include "base/clock.h"
#include "metrics/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The generator of reference_statistics.py: nearly normal, mean 0, deviation 1. */
static inline double noise(uint64_t *state)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *state = (*state * UINT64_C(0x5DEECE66D) + 0xB) & ((UINT64_C(1) << 48) - 1);
        sum += (double)*state / (double)(UINT64_C(1) << 48);
    }
    return sum - 6;
}

static inline void synthetic_init(struct result *result, size_t tools)
{
    static const char *const names[] = {"add",  "echo", "find", "list",
                                        "read", "send", "sum",  "walk"};
    result_init(result);
    result->target_count = 1;
    result->targets = calloc(1, sizeof *result->targets);
    result->targets[0].name = strdup("here");
    result->targets[0].operation_count = tools;
    result->targets[0].operations = calloc(tools, sizeof *result->targets[0].operations);
    for (size_t o = 0; o < tools; o++)
        result->targets[0].operations[o].name = strdup(names[o % 8]);
}

static inline struct result_phase *synthetic_phase(struct result *result, const char *kind,
                                                   uint64_t seconds)
{
    size_t at = result->phase_count++, tools = result->targets[0].operation_count;
    uint64_t start_ns =
        at ? result->phases[at - 1].start_ns + result->phases[at - 1].duration_ns : 0;
    result->phases = realloc(result->phases, result->phase_count * sizeof *result->phases);
    struct result_phase *phase = &result->phases[at];
    *phase = (struct result_phase){.name = strdup(kind),
                                   .kind = strdup(kind),
                                   .start_ns = start_ns,
                                   .duration_ns = seconds * NS_PER_S};
    phase->target_count = 1;
    phase->targets = calloc(1, sizeof *phase->targets);
    phase->targets[0].operation_count = tools;
    phase->targets[0].operations = calloc(tools, sizeof *phase->targets[0].operations);
    for (size_t o = 0; o < tools; o++)
        measurement_init(&phase->targets[0].operations[o]);
    phase->targets[0].seconds = calloc(seconds + 1, sizeof *phase->targets[0].seconds);
    result->duration_ns = start_ns + phase->duration_ns;
    return phase;
}

struct synthetic_load {
    double users;
    unsigned ok, tool_errors, timeouts;
    double latency_ms, spread; /* median, deviation of its logarithm */
};

/* Append a second; operations go round the tools. */
static inline struct second *synthetic_second(struct result_phase *phase, uint64_t *state,
                                              const struct synthetic_load *load)
{
    struct phase_target *target = &phase->targets[0];
    struct second *second = &target->seconds[target->second_count];
    unsigned all = load->ok + load->tool_errors + load->timeouts;
    second->at_s = (uint32_t)(phase->start_ns / NS_PER_S + target->second_count++);
    second->users = load->users;
    histogram_init(&second->latency);
    for (unsigned i = 0; i < all; i++) {
        struct outcome outcome = {.kind = i < load->ok                       ? OUTCOME_OK
                                          : i < load->ok + load->tool_errors ? OUTCOME_TOOL_ERROR
                                                                             : OUTCOME_TIMEOUT};
        uint64_t ns = (uint64_t)(load->latency_ms * 1e6 * exp(load->spread * noise(state)));
        struct measurement *measurement = &target->operations[i % target->operation_count];
        measurement->started++;
        measurement_record(measurement, &outcome, ns, ns);
        second->outcomes[outcome.kind]++;
        if (i < load->ok)
            histogram_record(&second->latency, ns);
    }
    second->started = all;
    second->ok = load->ok;
    second->failed = load->tool_errors;
    second->censored = load->timeouts;
    return second;
}

static inline const struct finding *finding_of(const struct result *result, const char *rule)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].rule, rule) == 0)
            return &result->findings[i];
    return NULL;
}

static inline double figure_of(const struct finding *finding, const char *name)
{
    return json_number_value(json_object_get(finding->figures, name));
}

#endif
