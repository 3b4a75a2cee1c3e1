/* Matching of operations, differences, gates. */
#include "analysis/compare.h"

#include "analysis/compare_sample.h"
#include "analysis/compare_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE_TAIL 0.025
#define LEVEL           0.05
#define SECONDS_NEEDED  10 /* a side: fewer say nothing of how the seconds vary */

struct side {
    const struct result *runs;
    size_t count;
};

const char *comparison_figure_name(enum comparison_figure figure)
{
    static const char *const names[] = {"p50", "p95", "p99", "mean", "rate", "errors"};
    return figure < COMPARISON_FIGURES ? names[figure] : "unknown";
}

const char *comparison_status_name(enum comparison_status status)
{
    static const char *const names[] = {"kept", "broken", "too_small"};
    return names[status];
}

/* ---- gates ---------------------------------------------------------------------------------- */

static int parse_unit(struct comparison_gate *gate, const char *unit)
{
    static const struct {
        const char *name;
        enum comparison_unit unit;
        double factor;
    } units[] = {{"%", COMPARISON_PERCENT, 0.01}, {"pp", COMPARISON_POINTS, 0.01},
                 {"ns", COMPARISON_TIME, 1},      {"us", COMPARISON_TIME, 1e3},
                 {"ms", COMPARISON_TIME, 1e6},    {"s", COMPARISON_TIME, 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0) {
            gate->unit = units[i].unit;
            gate->limit *= units[i].factor;
            return 0;
        }
    return -1;
}

static bool fits(const struct comparison_gate *gate)
{
    if (gate->figure == COMPARISON_ERRORS)
        return gate->unit == COMPARISON_POINTS && gate->limit > 0 && gate->limit <= 1;
    if (gate->figure == COMPARISON_RATE)
        return gate->unit == COMPARISON_PERCENT && gate->limit < 0 && gate->limit > -1;
    return gate->unit != COMPARISON_POINTS && gate->limit > 0 && gate->limit < 1e13;
}

int comparison_gate_parse(struct comparison_gate *gate, const char *text, struct error *error)
{
    const char *colon = strchr(text, ':');
    memset(gate, 0, sizeof *gate);
    gate->figure = COMPARISON_FIGURES;
    for (int f = 0; colon && f < COMPARISON_FIGURES; f++) {
        const char *name = comparison_figure_name((enum comparison_figure)f);
        if (strlen(name) == (size_t)(colon - text) && memcmp(name, text, strlen(name)) == 0)
            gate->figure = (enum comparison_figure)f;
    }
    char *end = NULL;
    const char *number = colon ? colon + 1 : text;
    bool has_sign = *number == '+' || *number == '-';
    gate->limit = has_sign ? strtod(number, &end) : 0;
    if (gate->figure == COMPARISON_FIGURES || !has_sign || !isfinite(gate->limit) ||
        strlen(text) >= sizeof gate->text || parse_unit(gate, end) < 0 || !fits(gate))
        return error_set(error, ERROR_USAGE,
                         "%.60s: is no gate; write p50, p95, p99 or mean with +10%% or +5ms, "
                         "errors:+1pp, or rate:-10%%",
                         text);
    snprintf(gate->text, sizeof gate->text, "%s", text);
    return 0;
}

/* ---- differences ---------------------------------------------------------------------------- */

/* Degrees of freedom of a difference of two means (Welch and Satterthwaite). */
static double joint_freedom(double va, double fa, double vb, double fb)
{
    double bottom = va * va / fa + vb * vb / fb;
    return bottom > 0 ? (va + vb) * (va + vb) / bottom : fa + fb;
}

static void difference_of(struct comparison_difference *difference, const struct sample *a,
                          const struct sample *b, enum comparison_figure f)
{
    difference->known = a->known[f] && b->known[f];
    difference->baseline = a->value[f];
    difference->current = b->value[f];
    difference->change = b->value[f] - a->value[f];
    difference->error = sqrt(a->variance[f] + b->variance[f]);
    difference->freedom =
        joint_freedom(a->variance[f], a->freedom[f], b->variance[f], b->freedom[f]);
    difference->log_error = sqrt(a->log_variance[f] + b->log_variance[f]);
    difference->log_freedom =
        joint_freedom(a->log_variance[f], a->log_freedom[f], b->log_variance[f], b->log_freedom[f]);
    double width = student_quantile(CONFIDENCE_TAIL, difference->freedom) * difference->error;
    difference->low = difference->change - width;
    difference->high = difference->change + width;
    difference->relative = difference->relative_low = difference->relative_high = NAN;
    if (f == COMPARISON_ERRORS || !(a->value[f] > 0) || !(b->value[f] > 0))
        return;
    double ratio = log(b->value[f] / a->value[f]);
    width = student_quantile(CONFIDENCE_TAIL, difference->log_freedom) * difference->log_error;
    difference->relative = expm1(ratio);
    difference->relative_low = expm1(ratio - width);
    difference->relative_high = expm1(ratio + width);
}

/* The chance of a change that looks this bad when the true one is no worse than the gate. */
static double gate_p(const struct comparison_gate *gate,
                     const struct comparison_difference *difference)
{
    bool relative = gate->unit == COMPARISON_PERCENT;
    double beyond = relative ? log1p(difference->relative) - log1p(gate->limit)
                             : difference->change - gate->limit;
    double error = relative ? difference->log_error : difference->error;
    if (gate->limit < 0)
        beyond = -beyond;
    if (error <= 0)
        return beyond > 0 ? 0 : 1;
    return student_tail(beyond / error, relative ? difference->log_freedom : difference->freedom);
}

/* Could the sample tell a change of twice the gate from the gate, more often than not? */
static bool resolves(const struct comparison_gate *gate,
                     const struct comparison_difference *difference)
{
    bool relative = gate->unit == COMPARISON_PERCENT;
    double freedom = relative ? difference->log_freedom : difference->freedom;
    double error = relative ? difference->log_error : difference->error;
    double size = relative ? fabs(log1p(gate->limit)) : fabs(gate->limit);
    return student_quantile(LEVEL, freedom) * error <= size;
}

static void judge_row(const struct comparison *comparison, struct comparison_row *row,
                      const uint64_t *seconds)
{
    for (size_t g = 0; g < comparison->gate_count; g++) {
        const struct comparison_gate *gate = &comparison->gates[g];
        const struct comparison_difference *difference = &row->figures[gate->figure];
        bool usable = difference->known && seconds[0] >= SECONDS_NEEDED &&
                      seconds[1] >= SECONDS_NEEDED &&
                      (gate->unit != COMPARISON_PERCENT || isfinite(difference->relative));
        double p = usable ? gate_p(gate, difference) : 1;
        row->checks[g] = (struct comparison_check){.p = p,
                                                   .p_adjusted = p,
                                                   .status = usable && resolves(gate, difference)
                                                                 ? COMPARISON_KEPT
                                                                 : COMPARISON_TOO_SMALL};
    }
}

/* The total is one question; the operations are many, asked at once. */
static int adjust(struct comparison *comparison, size_t gate)
{
    size_t count = comparison->row_count - 1;
    double *p = calloc(count + 1, sizeof *p);
    if (!p)
        return -1;
    for (size_t i = 0; i < count; i++)
        p[i] = comparison->rows[i + 1].checks[gate].p;
    int status = holm_adjust(p, count);
    for (size_t i = 0; i < count; i++)
        comparison->rows[i + 1].checks[gate].p_adjusted = p[i];
    free(p);
    return status;
}

static int check_gates(struct comparison *comparison, const uint64_t (*seconds)[2])
{
    for (size_t i = 0; i < comparison->row_count; i++)
        judge_row(comparison, &comparison->rows[i], seconds[i]);
    for (size_t g = 0; g < comparison->gate_count; g++) {
        if (adjust(comparison, g) < 0)
            return -1;
        for (size_t i = 0; i < comparison->row_count; i++) {
            struct comparison_check *check = &comparison->rows[i].checks[g];
            if (check->p_adjusted < LEVEL)
                comparison->status = check->status = COMPARISON_BROKEN;
            else if (i == 0 && check->status == COMPARISON_TOO_SMALL &&
                     comparison->status == COMPARISON_KEPT)
                comparison->status = COMPARISON_TOO_SMALL;
        }
    }
    return 0;
}

/* ---- what is compared ----------------------------------------------------------------------- */

static const struct result_phase *find_phase(const struct result *run, const char *name)
{
    for (size_t p = 0; p < run->phase_count; p++)
        if (strcmp(run->phases[p].name, name) == 0)
            return &run->phases[p];
    return NULL;
}

/* A recovery ends when the target has recovered: its length is no property of the plan. */
static bool has_load(const struct result_phase *phase)
{
    return phase && result_phase_counts(phase) && !phase->not_run && phase->target_count &&
           strcmp(phase->kind ? phase->kind : "", "recovery") != 0;
}

static bool in_all(const struct side *side, const char *name)
{
    for (size_t r = 0; r < side->count; r++)
        if (!has_load(find_phase(&side->runs[r], name)))
            return false;
    return true;
}

static bool holds_text(const json_t *array, const char *text)
{
    size_t index;
    json_t *value;
    json_array_foreach(array, index,
                       value) if (strcmp(json_string_value(value), text) == 0) return true;
    return false;
}

static json_t *common_phases(struct comparison *comparison, const struct side sides[2])
{
    json_t *phases = json_array();
    for (int s = 0; s < 2; s++)
        for (size_t r = 0; r < sides[s].count; r++)
            for (size_t p = 0; p < sides[s].runs[r].phase_count; p++) {
                const struct result_phase *phase = &sides[s].runs[r].phases[p];
                if (!has_load(phase) || holds_text(phases, phase->name) ||
                    holds_text(comparison->left_out, phase->name))
                    continue;
                bool everywhere = in_all(&sides[0], phase->name) && in_all(&sides[1], phase->name);
                json_array_append_new(everywhere ? phases : comparison->left_out,
                                      json_string(phase->name));
            }
    return phases;
}

/* Where an operation stands in a run. A single target is the same whatever it is called. */
static struct sample_selection find_operation(const struct result *run,
                                              const struct result_target *target, bool single,
                                              const struct result_operation *operation)
{
    for (size_t t = 0; t < run->target_count; t++) {
        if (!(single && run->target_count == 1) && strcmp(run->targets[t].name, target->name) != 0)
            continue;
        for (size_t o = 0; o < run->targets[t].operation_count; o++) {
            const struct result_operation *other = &run->targets[t].operations[o];
            if (strcmp(other->name, operation->name) == 0 &&
                strcmp(other->kind, operation->kind) == 0)
                return (struct sample_selection){(int)t, (int)o};
        }
    }
    return (struct sample_selection){-2, -2};
}

struct compared {
    struct sample *samples; /* of the two sides */
    struct sample_selection *selections[2];
    uint64_t (*seconds)[2]; /* of each row */
    json_t *phases;
    uint64_t seed;
};

static int add_row(struct comparison *comparison, const struct side sides[2],
                   struct compared *compared, const struct result_target *target,
                   const struct result_operation *operation)
{
    struct comparison_row *row = &comparison->rows[comparison->row_count];
    uint64_t stream = compared->seed + 2 * comparison->row_count;
    for (int s = 0; s < 2; s++)
        if (sample_take(&compared->samples[s], sides[s].runs, sides[s].count,
                        compared->selections[s], compared->phases, stream + (uint64_t)s) < 0)
            return -1;
    comparison->row_count++;
    row->name = operation ? strdup(operation->name) : NULL;
    row->kind = operation ? strdup(operation->kind) : NULL;
    row->target = target ? strdup(target->name) : NULL;
    row->checks = calloc(comparison->gate_count ? comparison->gate_count : 1, sizeof *row->checks);
    if ((operation && (!row->name || !row->kind || !row->target)) || !row->checks)
        return -1;
    row->baseline_count = compared->samples[0].count;
    row->current_count = compared->samples[1].count;
    for (int f = 0; f < COMPARISON_FIGURES; f++)
        difference_of(&row->figures[f], &compared->samples[0], &compared->samples[1],
                      (enum comparison_figure)f);
    row->effect = sample_effect(&compared->samples[0], &compared->samples[1]);
    for (int s = 0; s < 2; s++)
        compared->seconds[comparison->row_count - 1][s] = compared->samples[s].seconds;
    return 0;
}

/* Fill the selections of one side; whether all of its runs have the operation. */
static bool select_in(const struct side *side, const struct result_target *target, bool single,
                      const struct result_operation *operation, struct sample_selection *into)
{
    bool all = true;
    for (size_t r = 0; r < side->count; r++) {
        into[r] = find_operation(&side->runs[r], target, single, operation);
        all = all && into[r].target >= 0;
    }
    return all;
}

static int name_operation(json_t *list, const struct result_target *target,
                          const struct result_operation *operation)
{
    return json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "target", target->name, "kind",
                                                 operation->kind, "name", operation->name));
}

/* The operations of one side's first run: those that both sides have become rows. */
static int add_operations(struct comparison *comparison, const struct side sides[2],
                          struct compared *compared, int from)
{
    const struct result *run = &sides[from].runs[0];
    for (size_t t = 0; t < run->target_count; t++)
        for (size_t o = 0; o < run->targets[t].operation_count; o++) {
            const struct result_target *target = &run->targets[t];
            const struct result_operation *operation = &target->operations[o];
            bool single = run->target_count == 1, both = true;
            for (int s = 0; s < 2; s++)
                both = select_in(&sides[s], target, single, operation, compared->selections[s]) &&
                       both;
            if (!both && name_operation(from ? comparison->added : comparison->removed, target,
                                        operation) < 0)
                return -1;
            if (both && from == 0 && add_row(comparison, sides, compared, target, operation) < 0)
                return -1;
        }
    return 0;
}

static int compare_all(struct comparison *comparison, const struct side sides[2],
                       struct compared *compared)
{
    for (int s = 0; s < 2; s++)
        for (size_t r = 0; r < sides[s].count; r++)
            compared->selections[s][r] = (struct sample_selection){-1, -1};
    if (add_row(comparison, sides, compared, NULL, NULL) < 0)
        return -1;
    comparison->baseline_seconds = compared->samples[0].seconds;
    comparison->current_seconds = compared->samples[1].seconds;
    if (add_operations(comparison, sides, compared, 0) < 0 ||
        add_operations(comparison, sides, compared, 1) < 0)
        return -1;
    return check_gates(comparison, (const uint64_t(*)[2])compared->seconds);
}

static size_t most_rows(const struct result *run)
{
    size_t rows = 1;
    for (size_t t = 0; t < run->target_count; t++)
        rows += run->targets[t].operation_count;
    return rows;
}

static int allocate(struct comparison *comparison, struct compared *compared,
                    const struct side sides[2], const struct comparison_options *options)
{
    size_t rows = most_rows(&sides[0].runs[0]);
    comparison->rows = calloc(rows, sizeof *comparison->rows);
    comparison->gates = calloc(options->gate_count + 1, sizeof *comparison->gates);
    comparison->added = json_array();
    comparison->removed = json_array();
    comparison->left_out = json_array();
    compared->samples = calloc(2, sizeof *compared->samples);
    compared->seconds = calloc(rows, sizeof *compared->seconds);
    for (int s = 0; s < 2; s++)
        compared->selections[s] = calloc(sides[s].count, sizeof *compared->selections[s]);
    if (!comparison->rows || !comparison->gates || !compared->samples || !compared->seconds ||
        !compared->selections[0] || !compared->selections[1] || !comparison->left_out)
        return -1;
    for (size_t g = 0; g < options->gate_count; g++)
        comparison->gates[g] = options->gates[g];
    comparison->gate_count = options->gate_count;
    compared->seed = options->seed;
    compared->phases = common_phases(comparison, sides);
    return compared->phases ? 0 : -1;
}

int comparison_make(struct comparison *comparison, const struct result *baseline,
                    size_t baseline_runs, const struct result *current, size_t current_runs,
                    const struct comparison_options *options, struct error *error)
{
    const struct side sides[2] = {{baseline, baseline_runs}, {current, current_runs}};
    struct compared compared = {0};
    memset(comparison, 0, sizeof *comparison);
    comparison->baseline_runs = baseline_runs;
    comparison->current_runs = current_runs;
    int status = allocate(comparison, &compared, sides, options);
    if (status == 0 && json_array_size(compared.phases) == 0)
        status = error_set(error, ERROR_USAGE,
                           "the results have no phase with load in common; compare runs of the "
                           "same plan");
    else if (status < 0 || compare_all(comparison, sides, &compared) < 0)
        status = error_set(error, ERROR_INTERNAL, "out of memory");
    free(compared.samples);
    free(compared.seconds);
    free(compared.selections[0]);
    free(compared.selections[1]);
    json_decref(compared.phases);
    return status;
}

void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->row_count; i++) {
        free(comparison->rows[i].name);
        free(comparison->rows[i].kind);
        free(comparison->rows[i].target);
        free(comparison->rows[i].checks);
    }
    free(comparison->rows);
    free(comparison->gates);
    json_decref(comparison->added);
    json_decref(comparison->removed);
    json_decref(comparison->left_out);
    memset(comparison, 0, sizeof *comparison);
}
