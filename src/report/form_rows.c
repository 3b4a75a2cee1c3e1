#include "report/form_rows.h"

#include <stdlib.h>
#include <string.h>

/* ---- operations ----------------------------------------------------------------------------- */

static int by_rank(const void *a, const void *b)
{
    const struct operation_row *left = a, *right = b;
    if (left->rank_ns != right->rank_ns)
        return left->rank_ns < right->rank_ns ? 1 : -1;
    if (left->target != right->target)
        return left->target < right->target ? -1 : 1;
    return left->operation < right->operation ? -1 : left->operation > right->operation;
}

static int collect_one(struct operation_row *row, const struct result *result)
{
    measurement_init(&row->total);
    if (result_operation_total(result, row->target, row->operation, &row->total) < 0)
        return -1;
    const struct histogram *both[] = {&row->total.latency_ok, &row->total.latency_censored};
    row->rank_ns =
        histograms_value_at_rank(both, 2, quantile_rank(0.95, both[0]->count + both[1]->count));
    return 0;
}

int operation_rows_collect(struct operation_rows *rows, const struct result *result)
{
    size_t capacity = 1;
    *rows = (struct operation_rows){0};
    for (size_t t = 0; t < result->target_count; t++)
        capacity += result->targets[t].operation_count;
    rows->rows = calloc(capacity, sizeof *rows->rows);
    if (!rows->rows)
        return -1;
    for (uint32_t t = 0; t < result->target_count; t++)
        for (uint32_t o = 0; o < result->targets[t].operation_count; o++) {
            struct operation_row *row = &rows->rows[rows->count];
            *row = (struct operation_row){.target = t, .operation = o};
            int status = collect_one(row, result);
            if (status == 0 && measurement_finished(&row->total) > 0) {
                rows->count++;
                continue;
            }
            measurement_free(&row->total);
            if (status < 0)
                return -1;
        }
    qsort(rows->rows, rows->count, sizeof *rows->rows, by_rank);
    return 0;
}

void operation_rows_free(struct operation_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        measurement_free(&rows->rows[i].total);
    free(rows->rows);
    *rows = (struct operation_rows){0};
}

/* ---- failures ------------------------------------------------------------------------------- */

static int by_count(const void *a, const void *b)
{
    const struct outcome_count *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return left->outcome.kind < right->outcome.kind ? -1 : left->outcome.kind > right->outcome.kind;
}

void measurement_sort_reasons(struct measurement *measurement)
{
    qsort(measurement->reasons, measurement->reason_count, sizeof *measurement->reasons, by_count);
}

static bool same_reason(const struct outcome *a, const struct outcome *b)
{
    return a->kind == b->kind && a->code == b->code &&
           (a->detail == b->detail ||
            (a->detail && b->detail && strcmp(a->detail, b->detail) == 0));
}

static bool has_reason(const struct measurement *total, const struct outcome *outcome)
{
    for (unsigned i = 0; i < total->reason_count; i++)
        if (same_reason(&total->reasons[i].outcome, outcome))
            return true;
    return false;
}

const struct example *result_example_of(const struct result *result,
                                        const struct measurement *total,
                                        const struct outcome *outcome)
{
    const struct example *found = NULL;
    bool other = outcome->detail && strcmp(outcome->detail, "other") == 0;
    for (size_t i = 0; i < result->example_count; i++) {
        const struct example *example = &result->examples[i];
        bool fits = same_reason(&example->outcome, outcome) ||
                    (other && example->outcome.kind == outcome->kind &&
                     !has_reason(total, &example->outcome));
        if (fits && example->text)
            return example;
        if (fits && !found)
            found = example;
    }
    return found;
}

/* ---- sums ----------------------------------------------------------------------------------- */

int result_counted_total(const struct result *result, uint32_t target, struct measurement *into)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        if (result_phase_counts(phase) && !phase->not_run &&
            result_phase_total(phase, (int)target, into) < 0)
            return -1;
    }
    return 0;
}

double result_phase_peak_users(const struct result_phase *phase)
{
    double users = 0;
    for (size_t t = 0; t < phase->target_count; t++)
        users += phase->targets[t].users_peak;
    return users;
}

int result_part_total(const struct result *result, unsigned part, struct histogram *into)
{
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0;
             result_phase_counts(&result->phases[p]) && t < result->phases[p].target_count; t++)
            if (histogram_merge(into, &result->phases[p].targets[t].parts[part]) < 0)
                return -1;
    return 0;
}

int result_each_phase(const struct result *result,
                      void (*visit)(void *context, const struct subject *subject), void *context)
{
    for (size_t p = 0; p < result->phase_count; p++) {
        struct measurement total;
        struct subject subject = {.result = result, .phase = &result->phases[p], .total = &total};
        if (result->phases[p].not_run)
            continue;
        measurement_init(&total);
        int summed = result_phase_total(&result->phases[p], -1, &total);
        if (summed == 0)
            visit(context, &subject);
        measurement_free(&total);
        if (summed < 0)
            return -1;
    }
    return 0;
}
