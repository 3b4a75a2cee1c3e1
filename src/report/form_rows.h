/* What every readable form shows and no struct of the result holds: the operations with their
 * totals in order of slowness, the failures in order of number, an example of each. */
#ifndef CICADA_REPORT_FORM_ROWS_H
#define CICADA_REPORT_FORM_ROWS_H

#include "metrics/result.h"

struct operation_row {
    uint32_t target, operation;
    struct measurement total; /* over the phases that count */
    uint64_t rank_ns;         /* p95 as recorded: for an order, a small sample does too */
};
struct operation_rows {
    struct operation_row *rows;
    size_t count;
};
/* The operations that were called, slowest first. -1 when memory is out; free in any case. */
int operation_rows_collect(struct operation_rows *rows, const struct result *result);
void operation_rows_free(struct operation_rows *rows);

/* Most frequent first, in place. */
void measurement_sort_reasons(struct measurement *measurement);
/* The example of a failure that has a text, else one without; NULL when none was kept. For the
 * reason "other", which stands for those that `total` has no room for: one of the same kind that no
 * reason of its own stands for. */
const struct example *result_example_of(const struct result *result,
                                        const struct measurement *total,
                                        const struct outcome *outcome);

/* What one target did over the phases that count; `into` is initialised. -1: memory. */
int result_counted_total(const struct result *result, uint32_t target, struct measurement *into);

/* One measurement and what it is of, for the forms that write series: a phase, or an operation over
 * all of them; of the run where neither is given. */
struct subject {
    const struct result *result;
    const struct result_phase *phase;
    const struct operation_row *row;
    const struct measurement *total;
};
/* Visit every phase that ran with its total. -1: memory, and the rest is not visited. */
int result_each_phase(const struct result *result,
                      void (*visit)(void *context, const struct subject *subject), void *context);

double result_phase_peak_users(const struct result_phase *phase);
/* One part of the latency over the phases that count; `into` is initialised. -1: memory. */
int result_part_total(const struct result *result, unsigned part, struct histogram *into);

#endif
