/* See alert.h: the state machine. */
#include "monitor/alert.h"

#include "monitor/alert_figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP_S 2 /* windows further apart are not in a row */

int alerts_init(struct alerts *alerts, const struct alert_rule *rules, size_t rule_count,
                size_t target_count)
{
    *alerts = (struct alerts){.target_count = target_count};
    alerts->rule_count = rule_count < ALERT_RULES_LIMIT ? rule_count : ALERT_RULES_LIMIT;
    for (size_t i = 0; i < alerts->rule_count; i++)
        alerts->rules[i] = rules[i];
    alerts->states = calloc((target_count + 1) * ALERT_RULES_LIMIT, sizeof *alerts->states);
    alerts->baselines = calloc(target_count + 1, sizeof *alerts->baselines);
    return alerts->states && alerts->baselines ? 0 : -1;
}

void alerts_free(struct alerts *alerts)
{
    struct result owner = {.alerts = alerts->events, .alert_count = alerts->event_count};
    result_clear_alerts(&owner);
    free(alerts->states);
    free(alerts->baselines);
    *alerts = (struct alerts){.rule_count = 0};
}

/* ---- one rule ------------------------------------------------------------------------------- */

static bool beyond(const struct alert_rule *rule, double value)
{
    return rule->below ? value < rule->threshold : value > rule->threshold;
}

static bool within(const struct alert_rule *rule, double value)
{
    return rule->below ? value >= rule->clear : value <= rule->clear;
}

static bool worse(const struct alert_rule *rule, double value, double than)
{
    return rule->below ? value < than : value > than;
}

static struct alert *event_add(struct alerts *alerts)
{
    size_t count = alerts->event_count;
    if ((count & (count - 1)) == 0) {
        struct alert *grown = realloc(alerts->events, (count ? 2 * count : 1) * sizeof *grown);
        if (!grown)
            return NULL;
        alerts->events = grown;
    }
    return memset(&alerts->events[count], 0, sizeof *alerts->events);
}

static int begin(struct alerts *alerts, const struct alert_rule *rule, struct alert_state *state,
                 const struct alert_window *window, double baseline)
{
    struct alert *event = event_add(alerts);
    if (!event)
        return -1;
    event->rule = strdup(rule->name);
    event->metric = strdup(alert_metric_name(rule->metric));
    if (!event->rule || !event->metric) {
        free(event->rule);
        free(event->metric);
        return -1;
    }
    event->target = window->target;
    event->phase = state->row_phase;
    event->start_s = state->first.at_s;
    event->raised_s = window->at_s;
    event->below = rule->below;
    event->threshold = rule->threshold;
    event->clear = rule->clear;
    event->baseline = baseline;
    event->peak = state->worst.value;
    event->windows = state->row;
    event->operations = state->row_operations;
    event->at_start = state->first;
    event->at_peak = state->worst;
    state->active = true;
    state->calm = 0;
    state->event = alerts->event_count++;
    return 0;
}

static void end(struct alerts *alerts, struct alert_state *state, uint32_t at_s)
{
    alerts->events[state->event].end = (struct alert_end){.known = true, .at_s = at_s};
    *state = (struct alert_state){.active = false};
}

/* Not fired yet: count the row. True when it is long enough. */
static bool lengthen(const struct alert_rule *rule, struct alert_state *state,
                     const struct alert_window *window, const struct alert_evidence *evidence)
{
    if (state->row > 0 && window->at_s > state->last_s + GAP_S)
        state->row = 0;
    if (!beyond(rule, evidence->value)) {
        state->row = 0;
        return false;
    }
    if (state->row == 0) {
        state->first = state->worst = *evidence;
        state->row_operations = 0;
        state->row_phase = window->phase;
    } else if (worse(rule, evidence->value, state->worst.value)) {
        state->worst = *evidence;
    }
    state->row++;
    state->row_operations += evidence->count;
    state->last_s = window->at_s;
    return state->row >= (rule->for_s > 1 ? rule->for_s : 1);
}

/* Fired: keep the worst, and see whether it is over. */
static bool settle(struct alerts *alerts, const struct alert_rule *rule, struct alert_state *state,
                   const struct alert_evidence *evidence)
{
    struct alert *event = &alerts->events[state->event];
    if (worse(rule, evidence->value, event->peak)) {
        event->peak = evidence->value;
        event->at_peak = *evidence;
    }
    if (beyond(rule, evidence->value)) {
        event->windows++;
        event->operations += evidence->count;
    }
    if (!within(rule, evidence->value)) {
        state->calm = 0;
        return false;
    }
    if (state->calm++ == 0)
        state->calm_first = *evidence;
    return state->calm >= (rule->clear_for_s > 1 ? rule->clear_for_s : 1);
}

static struct alert_state *state_of(struct alerts *alerts, const struct alert_window *window,
                                    size_t rule)
{
    size_t place = window->target < 0 ? alerts->target_count : (size_t)window->target;
    return &alerts->states[place * ALERT_RULES_LIMIT + rule];
}

static int step_rule(struct alerts *alerts, size_t number, const struct alert_window *window,
                     const struct alert_baseline *baseline, bool level_changed,
                     struct alert_changes *changes)
{
    const struct alert_rule *rule = &alerts->rules[number];
    struct alert_state *state = state_of(alerts, window, number);
    struct alert_evidence evidence = {
        .at_s = window->at_s, .load = window->load, .count = window->ok + window->failed};
    double base = 0;
    if (level_changed && alert_metric_is_relative(rule->metric)) {
        /* what it was measured against is gone */
        changes->event[number] = state->event;
        changes->ended |= state->active ? UINT32_C(1) << number : 0;
        if (state->active)
            end(alerts, state, window->at_s);
        state->row = 0;
    }
    if (!alert_figure(rule->metric, window, baseline, &evidence.value, &base))
        return 0;
    if (state->active) {
        changes->event[number] = state->event;
        if (!settle(alerts, rule, state, &evidence))
            return 0;
        end(alerts, state, state->calm_first.at_s);
        changes->ended |= UINT32_C(1) << number;
    } else if (lengthen(rule, state, window, &evidence)) {
        if (begin(alerts, rule, state, window, base) < 0)
            return -1;
        changes->event[number] = state->event;
        changes->began |= UINT32_C(1) << number;
    }
    return 0;
}

int alerts_step(struct alerts *alerts, const struct alert_window *window,
                struct alert_changes *changes)
{
    *changes = (struct alert_changes){.began = 0};
    if (window->target >= 0 && (size_t)window->target >= alerts->target_count)
        return 0;
    bool generator = window->target < 0;
    struct alert_baseline *baseline =
        &alerts->baselines[generator ? alerts->target_count : (size_t)window->target];
    bool changed = !generator && alert_baseline_turn(baseline, window), usual = !changed;
    for (size_t i = 0; i < alerts->rule_count; i++) {
        const struct alert_rule *rule = &alerts->rules[i];
        if ((rule->metric == ALERT_GENERATOR_CPU) != generator)
            continue;
        if (step_rule(alerts, i, window, baseline, changed, changes) < 0)
            return -1;
        const struct alert_state *state = state_of(alerts, window, i);
        usual &= !alert_metric_is_relative(rule->metric) || (!state->active && state->row == 0);
    }
    if (!generator && usual) /* what is measured against is not to be what is suspected */
        alert_baseline_add(baseline, window);
    return 0;
}

/* ---- a stored run --------------------------------------------------------------------------- */

/* The least second that a target of the phase has not had yet. False when all had their last. */
static bool next_second(const struct result_phase *phase, const size_t *cursors, uint32_t *at_s)
{
    bool any = false;
    for (size_t t = 0; t < phase->target_count; t++) {
        const struct phase_target *target = &phase->targets[t];
        if (cursors[t] < target->second_count &&
            (!any || target->seconds[cursors[t]].at_s < *at_s)) {
            *at_s = target->seconds[cursors[t]].at_s;
            any = true;
        }
    }
    return any;
}

static int step_second(struct alerts *alerts, const struct result *result, size_t phase,
                       size_t *cursors, uint32_t at_s)
{
    const struct result_phase *now = &result->phases[phase];
    struct alert_changes changes;
    struct alert_window window;
    for (size_t t = 0; t < now->target_count; t++) {
        const struct phase_target *target = &now->targets[t];
        if (cursors[t] == target->second_count || target->seconds[cursors[t]].at_s != at_s)
            continue;
        const struct second *second = &target->seconds[cursors[t]++];
        uint64_t number = (uint64_t)at_s - target->seconds[0].at_s;
        bool whole = (number + 1) * UINT64_C(1000000000) <= now->duration_ns;
        alert_window_of_second(&window, result, phase, target, second, whole);
        if (alerts_step(alerts, &window, &changes) < 0)
            return -1;
    }
    if (alert_window_of_generator(&window, result, phase, at_s))
        return alerts_step(alerts, &window, &changes);
    return 0;
}

static int step_phase(struct alerts *alerts, const struct result *result, size_t phase)
{
    const struct result_phase *now = &result->phases[phase];
    size_t *cursors = calloc(now->target_count + 1, sizeof *cursors);
    uint32_t at_s = 0;
    int status = cursors ? 0 : -1;
    while (status == 0 && next_second(now, cursors, &at_s))
        status = step_second(alerts, result, phase, cursors, at_s);
    free(cursors);
    return status;
}

int alerts_of_result(struct result *result, const struct alert_rule *rules, size_t rule_count)
{
    struct alerts alerts;
    int status = alerts_init(&alerts, rules, rule_count, result->target_count);
    for (size_t p = 0; status == 0 && p < result->phase_count; p++)
        if (result_phase_counts(&result->phases[p]))
            status = step_phase(&alerts, result, p);
    if (status == 0) {
        result_clear_alerts(result);
        result->alerts = alerts.events;
        result->alert_count = alerts.event_count;
        alerts.events = NULL;
        alerts.event_count = 0;
    }
    alerts_free(&alerts);
    return status;
}
