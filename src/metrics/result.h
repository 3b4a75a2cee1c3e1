/* The result of a run in memory: what the engine produces, the report writes to and reads from
 * result.json, the analysis judges, and the audit re-derives. Everything is owned by the result. */
#ifndef CICADA_METRICS_RESULT_H
#define CICADA_METRICS_RESULT_H

#include "metrics/measurement.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A finding: the only form in which anything is judged. */
enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_INFORMATION };
const char *verdict_name(enum verdict verdict); /* "pass", "fail", "inconclusive", "information" */

struct finding {
    char *rule;    /* "threshold", "generator_saturated", "recovery", "coverage", ... */
    char *subject; /* "p95 of all phases", "tool echo", ... */
    enum verdict verdict;
    json_t *figures; /* {"p95_ns": ..., ...}: what was measured */
    char *threshold; /* "< 500 ms" */
    uint64_t sample; /* operations (or seconds) it rests on */
    char *text;      /* one sentence with the figures in it */
};

struct result_operation { /* one operation of one target, named once */
    char *name, *kind, *category;
    unsigned hints;
    char *arguments; /* JSON text of the first variant, or NULL */
};

struct result_target {
    char *name, *driver, *description;
    char *address; /* URL without secrets, or the command line */
    json_t *facts; /* protocol, transport, server, ... */
    struct result_operation *operations;
    size_t operation_count;
    json_t *excluded;   /* [{"name","reason"}] */
    json_t *undeclared; /* names of the tools that say nothing about being destructive */
    /* Of a local target, before any load; resident_before 0: not known. */
    uint64_t resident_before;
    uint32_t descriptors_before, threads_before;
};

/* Per-second, per-operation: sparse coarse histogram (histogram_coarse_index). */
struct second_operation {
    uint32_t operation; /* index in the target */
    uint32_t ok, failed;
    uint16_t *buckets; /* parallel to counts */
    uint32_t *counts;
    uint32_t bucket_count;
};

/* An alert: a rule whose figure lay beyond its threshold for a while (monitor/alert.h). */
struct alert_evidence { /* one window */
    uint32_t at_s;
    double value;
    double load;    /* users, or arrivals per second */
    uint64_t count; /* operations that finished in it */
};
struct alert_end {
    bool known; /* false: it held when the run ended */
    uint32_t at_s;
};
struct alert {
    char *rule;           /* "high_error_rate", ... */
    char *metric;         /* "errors", "p95", ... */
    int target;           /* index; -1: cicada itself */
    uint32_t phase;       /* index: where it began */
    uint32_t start_s;     /* the first window beyond the threshold */
    uint32_t raised_s;    /* the one by which it had lasted long enough */
    struct alert_end end; /* the first of those that cleared it */
    bool below;           /* the figure was below the threshold, else above */
    double threshold, clear;
    double baseline;     /* what a ratio is taken against, per second or ns; 0: no ratio */
    double peak;         /* the worst value */
    uint32_t windows;    /* beyond the threshold, from the start to the end */
    uint64_t operations; /* that finished in those */
    struct alert_evidence at_start, at_peak;
};

/* What to do about a finding, with the finding's own figures. */
struct recommendation {
    char *rule, *subject; /* of the finding */
    uint32_t finding;     /* index */
    char *text;
};

/* The short answer: may it go to production? */
enum readiness {
    READINESS_READY,               /* passed, and nothing to say */
    READINESS_READY_WITH_FINDINGS, /* passed, with alerts or recommendations */
    READINESS_NOT_READY,           /* a threshold or verdict failed */
    READINESS_INCONCLUSIVE         /* could not be told, or nothing was asked */
};
const char *readiness_name(enum readiness readiness); /* "ready", "ready with findings", ... */

/* One second of one phase and target. Seconds are counted from the start of the run. */
struct second {
    uint32_t at_s;
    double users;        /* virtual users active, or 0 in the open model */
    double arrival_rate; /* intended, open model */
    uint32_t in_flight;  /* at the end of the second */
    uint32_t queued;     /* arrivals waiting, open model */
    uint32_t connections;
    /* Started in it; finished in it, told apart in three: ok, failed, censored. Setup operations
       are not in here, draining is: the seconds of a phase add up to the phase. */
    uint64_t started, ok, failed, censored;
    uint64_t outcomes[OUTCOME_KINDS];
    uint64_t bytes_sent, bytes_received;
    struct histogram latency; /* of the ok ones that finished in it */
    struct second_operation *operations;
    size_t operation_count;
};

struct phase_target {               /* one target within one phase */
    uint32_t target;                /* index */
    struct measurement *operations; /* one per operation of the target */
    size_t operation_count;         /* how many those are: that target's operation_count */
    struct measurement setup;       /* session_open and session_close */
    struct histogram parts[/*enum latency_part*/ PARTS];
    struct second *seconds;
    size_t second_count;
    double users_peak;
};

struct result_phase {
    char *name, *kind; /* as in the plan */
    bool not_run;
    char *not_run_reason;
    bool partial;         /* interrupted or aborted */
    uint64_t start_ns;    /* since the start of the run */
    uint64_t duration_ns; /* load was offered for so long: rate = count / duration */
    uint64_t drain_ns;    /* after that, until nothing was in flight */
    json_t *plan;         /* model, shape, think time... as printed */
    struct phase_target *targets;
    size_t target_count;
    bool has_recovery; /* PHASE_RECOVERY: */
    bool recovered;
    uint64_t recovery_ns; /* time until recovered */
    json_t *recovery;     /* baseline, tolerance, windows: the evidence */
};

/* cicada watching itself, once a second. */
struct self_second {
    uint32_t at_s;
    double cpu_utilisation; /* busiest worker, 0..1: its CPU time or the time its loop did not wait,
                               whichever is more, since one held to half a core is as busy */
    double process_cpu;     /* cores */
    uint64_t scheduling_lag_ns; /* largest delay of a timer behind its deadline */
    uint64_t send_delay_p99_ns; /* operation start against its intended time; 0 when not paced */
    uint64_t resident_bytes;
};

struct target_second { /* of a local target, from /proc */
    uint32_t at_s;
    uint32_t target;
    double cpu_cores;
    uint64_t resident_bytes;
    uint32_t descriptors, threads;
};

struct example { /* a request and its answer, redacted */
    uint32_t target, operation;
    struct outcome outcome;
    char *phase;
    char *request, *response; /* text, bounded; may be NULL */
    char *text;               /* why it failed */
    uint64_t latency_ns;
    char *repeat; /* the command that repeats it */
};

struct coverage { /* operations of the mix against what ran */
    uint32_t offered, called, below_minimum;
};

struct result {
    char *cicada_version, *plan_name, *host;
    uint64_t started_wall_ns;
    uint64_t duration_ns;
    bool partial; /* interrupted, aborted, or the target was lost */
    char *partial_reason;
    int exit_code;
    json_t *plan;        /* the effective plan */
    json_t *environment; /* cores, kernel, cpu model, cicada's own limits */
    json_t *tags;
    json_t *segment; /* {"of": N, "parts": [I, ...]}: of one load, by --segment; NULL: all of it */
    struct result_target *targets;
    size_t target_count;
    struct result_phase *phases;
    size_t phase_count;
    struct self_second *self;
    size_t self_count;
    struct target_second *watch;
    size_t watch_count;
    struct example *examples;
    size_t example_count;
    struct finding *findings;
    size_t finding_count;
    enum verdict verdict;
    struct alert *alerts; /* in the order they fired */
    size_t alert_count;
    struct recommendation *recommendations; /* in the order of their findings */
    size_t recommendation_count;
    enum readiness readiness;
    char *summary;   /* one sentence */
    json_t *judging; /* what it was judged by (thresholds, minimum sample, how the run ended), so
                        that an audit can judge again; written by result_judge, NULL before */
    char **interned; /* see result_intern */
    size_t interned_count, interned_capacity;
};

void result_init(struct result *result);
void result_free(struct result *result);

void second_free(struct second *second);
void phase_target_free(struct phase_target *target);
void result_phase_free(struct result_phase *phase);
void result_clear_findings(struct result *result);
void result_clear_alerts(struct result *result);
void result_clear_recommendations(struct result *result);

/* The figures of a phase count in the run's: every kind but "warmup". */
bool result_phase_counts(const struct result_phase *phase);
/* How long load was offered in the phases that count and were run: the divisor of the run's rates.
 */
uint64_t result_load_duration_ns(const struct result *result);
/* The same of the phases that one target took part in. */
uint64_t result_target_duration_ns(const struct result *result, uint32_t target);

/* Sums, by exact merging; setup operations are not in them. `into` must be initialised. -1 when
 * memory is out. */
int result_phase_total(const struct result_phase *phase, int target /* -1: all */,
                       struct measurement *into);
int result_total(const struct result *result,
                 struct measurement *into); /* all phases but warm-up */
int result_target_total(const struct phase_target *target, struct measurement *into);
int result_operation_total(const struct result *result, uint32_t target, uint32_t operation,
                           struct measurement *into);

/* A copy of `text` that lives as long as the result, the same one for equal texts: for the details
 * of outcomes whose origin does not last as long. Linear in the number of texts: not for the hot
 * path. NULL when text is NULL or memory is out. */
const char *result_intern(struct result *result, const char *text);

/* Append a finding; strings are copied, figures stolen. */
int result_add_finding(struct result *result, const char *rule, const char *subject,
                       enum verdict verdict, json_t *figures, const char *threshold,
                       uint64_t sample, const char *text);

#endif
