#include "analysis/tiers.h"

#include "analysis/quantity.h"

#include <stdio.h>
#include <string.h>

static int judge_unavailable(struct result *result, const struct result_target *target)
{
    const char *reason = json_string_value(json_object_get(target->facts, "unavailable"));
    const char *name = target->name ? target->name : "?";
    char subject[160], text[700];
    if (!reason || !json_is_true(json_object_get(target->facts, "asked_for")))
        return 0;
    snprintf(subject, sizeof subject, "target %.*s", quantity_cut(name, 100), name);
    snprintf(text, sizeof text, "target %.*s could not be used, and its phase was not run: %.*s",
             quantity_cut(name, 100), name, quantity_cut(reason, 500), reason);
    return result_add_finding(result, "target_unavailable", subject, VERDICT_FAIL, NULL,
                              "can be opened", 0, text);
}

/* How its credentials are given. */
static const char *remedy_of(const struct result_target *target)
{
    static const struct {
        const char *driver, *remedy;
    } remedies[] = {
        {"neo4j", "give the user and password that it takes: neo4j://USER:PASSWORD@HOST:7687"},
        {"redis", "give the user and password that it takes: redis://USER:PASSWORD@HOST:6379"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (target->driver && strcmp(target->driver, remedies[i].driver) == 0)
            return remedies[i].remedy;
    return "give the credentials that it takes, in its URL or its options";
}

static int count_refused(const struct result *result, uint32_t target, uint64_t *refused,
                         uint64_t *finished)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; t < phase->target_count; t++) {
            struct measurement total;
            if (phase->targets[t].target != target)
                continue;
            measurement_init(&total);
            if (result_target_total(&phase->targets[t], &total) < 0) {
                measurement_free(&total);
                return -1;
            }
            *finished += measurement_finished(&total);
            for (unsigned i = 0; i < total.reason_count; i++) {
                const struct outcome *outcome = &total.reasons[i].outcome;
                if (outcome->kind == OUTCOME_SOURCE_ERROR && outcome->detail &&
                    strcmp(outcome->detail, "auth") == 0)
                    *refused += total.reasons[i].count;
            }
            measurement_free(&total);
        }
    }
    return 0;
}

static int judge_credentials(struct result *result, uint32_t index)
{
    const struct result_target *target = &result->targets[index];
    const char *name = target->name ? target->name : "?";
    uint64_t refused = 0, finished = 0;
    char subject[160], text[500], count[QUANTITY_SIZE], of[QUANTITY_SIZE];
    if (count_refused(result, index, &refused, &finished) < 0)
        return -1;
    if (refused == 0)
        return 0;
    snprintf(subject, sizeof subject, "target %.*s", quantity_cut(name, 100), name);
    snprintf(text, sizeof text,
             "target %.*s refused the credentials: %s of %s operations failed with reason auth; %s",
             quantity_cut(name, 100), name, quantity_count(count, sizeof count, refused),
             quantity_count(of, sizeof of, finished), remedy_of(target));
    json_t *figures = json_pack("{s:I,s:I,s:s}", "refused", (json_int_t)refused, "finished",
                                (json_int_t)finished, "remedy", remedy_of(target));
    return result_add_finding(result, "credentials", subject, VERDICT_FAIL, figures, "none refused",
                              finished, text);
}

/* A memory phase that was cut short while the run went on. */
static int judge_lost(struct result *result, const struct result_phase *phase)
{
    char text[300];
    const char *name = phase->name ? phase->name : "?";
    if (!phase->partial || result->partial || !phase->kind || strcmp(phase->kind, "memory") != 0)
        return 0;
    snprintf(
        text, sizeof text,
        "phase %.*s was cut short: its target stopped answering, and what was not begun of its "
        "operations counts as not run",
        quantity_cut(name, 100), name);
    return result_add_finding(result, "tier_lost", name, VERDICT_FAIL, NULL, "answers to the end",
                              0, text);
}

int tiers_judge(struct result *result)
{
    for (size_t p = 0; p < result->phase_count; p++)
        if (judge_lost(result, &result->phases[p]) < 0)
            return -1;
    for (uint32_t t = 0; t < result->target_count; t++)
        if (judge_unavailable(result, &result->targets[t]) < 0 || judge_credentials(result, t) < 0)
            return -1;
    return 0;
}
