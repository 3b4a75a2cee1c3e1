/* Two sets of runs against each other: per operation and in total, by how much each figure changed,
 * how sure that is, and whether it breaks a gate.
 *
 * Requests of a run are not independent, so the interval comes from a moving block bootstrap over
 * the seconds of each phase, with blocks as long as the seconds' autocorrelation asks for; with
 * several runs a side, the spread between the runs counts when it is wider. A gate is broken when
 * the change is beyond it with 95 % confidence, after Holm's correction over the operations. */
#ifndef CICADA_ANALYSIS_COMPARE_H
#define CICADA_ANALYSIS_COMPARE_H

#include "base/error.h"
#include "metrics/result.h"

enum comparison_figure {
    COMPARISON_P50,
    COMPARISON_P95,
    COMPARISON_P99,
    COMPARISON_MEAN, /* latencies, ns */
    COMPARISON_RATE, /* finished operations per second */
    COMPARISON_ERRORS,
    COMPARISON_FIGURES
};
const char *comparison_figure_name(enum comparison_figure figure); /* "p50", ..., "errors" */

enum comparison_unit {
    COMPARISON_PERCENT, /* relative: 0.1 is 10 % */
    COMPARISON_POINTS,  /* of a share: 0.01 is one percentage point */
    COMPARISON_TIME     /* ns */
};

struct comparison_gate {
    char text[48]; /* as written */
    enum comparison_figure figure;
    enum comparison_unit unit;
    double limit; /* above 0 for latencies and errors, below 0 for the rate */
};
/* "p95:+10%", "p99:+5ms", "errors:+1pp", "rate:-10%". ERROR_USAGE. */
int comparison_gate_parse(struct comparison_gate *gate, const char *text, struct error *error);

struct comparison_difference {
    bool known;                                   /* both sides have it */
    double baseline, current;                     /* ns, per second, share */
    double change;                                /* current - baseline */
    double low, high;                             /* of `change`, 95 % */
    double relative, relative_low, relative_high; /* of the baseline; NaN where it is 0 */
    /* What gates are tested with: the standard error of the change and of the log of the ratio. */
    double error, log_error, freedom, log_freedom;
};

enum comparison_status { COMPARISON_KEPT, COMPARISON_BROKEN, COMPARISON_TOO_SMALL };
const char *comparison_status_name(enum comparison_status status); /* "kept", ... */

struct comparison_check {
    enum comparison_status status;
    double p, p_adjusted; /* that a change no larger than the gate looks like this */
};

struct comparison_row {
    char *name, *kind, *target; /* NULL: in total */
    uint64_t baseline_count, current_count;
    struct comparison_difference figures[COMPARISON_FIGURES];
    double effect;                   /* Cliff's delta, -1 to 1: P(slower than before) - P(faster) */
    struct comparison_check *checks; /* one per gate */
};

struct comparison {
    struct comparison_row *rows; /* the first is the total */
    size_t row_count;
    struct comparison_gate *gates;
    size_t gate_count;
    json_t *added, *removed; /* [{"target","kind","name"}] */
    json_t *left_out;        /* phases that not every run has */
    size_t baseline_runs, current_runs;
    uint64_t baseline_seconds, current_seconds; /* compared */
    enum comparison_status status;
};

struct comparison_options {
    const struct comparison_gate *gates;
    size_t gate_count;
    uint64_t seed;
};

/* Both sides have at least one run. ERROR_USAGE when they have nothing in common. `comparison` is
 * to be freed also after an error. */
int comparison_make(struct comparison *comparison, const struct result *baseline,
                    size_t baseline_runs, const struct result *current, size_t current_runs,
                    const struct comparison_options *options, struct error *error);
void comparison_free(struct comparison *comparison);

#endif
