/* Alert rules over per-second windows: what an operator would be called for while a run goes on.
 *
 * A rule fires when its figure lies beyond the threshold for `for_s` windows in a row, and is over
 * when it lies within the clear threshold for `clear_for_s` in a row: between the two nothing
 * changes, so that a figure that flaps about the threshold is one event. A window whose sample is
 * too small for the figure says nothing: it neither counts nor breaks a row.
 *
 * Pure: the same windows in the same order give the same events, during a run and again from the
 * stored seconds. Nothing is allocated but for an event and, once, for the states. */
#ifndef CICADA_MONITOR_ALERT_H
#define CICADA_MONITOR_ALERT_H

#include "metrics/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALERT_RULES_LIMIT 32
#define ALERT_FOR_LIMIT   86400 /* seconds */

/* What a rule looks at, of one target in one second; the last one of cicada itself. */
enum alert_metric {
    ALERT_P50, /* ns, of the operations that succeeded */
    ALERT_P95,
    ALERT_P99,
    ALERT_ERRORS,            /* share of what finished: failures and timeouts; not what the end of a
                                phase cut off */
    ALERT_CONNECTION_ERRORS, /* operations in the second: DNS, refused, connect timeout, reset, TLS
                              */
    ALERT_TIER_ERRORS,       /* as ALERT_ERRORS, of a memory tier */
    ALERT_RATE_RATIO,        /* successes against the baseline of the load level */
    ALERT_P50_RATIO,         /* the percentile against that of the baseline */
    ALERT_P95_RATIO,
    ALERT_P99_RATIO,
    ALERT_GENERATOR_CPU, /* share of the time that cicada's busiest worker was busy */
    ALERT_METRICS
};
const char *alert_metric_name(enum alert_metric metric);    /* "p95", "errors", "rate_ratio", ... */
enum alert_metric alert_metric_from_name(const char *name); /* ALERT_METRICS when unknown */
/* In ns; else a share, a ratio or a number. */
bool alert_metric_is_latency(enum alert_metric metric);
/* Against a baseline taken from the run itself. */
bool alert_metric_is_relative(enum alert_metric metric);

struct alert_rule {
    const char *name; /* static: of the default table */
    enum alert_metric metric;
    bool below;                  /* fires below the threshold, else above it */
    double threshold;            /* beyond: strictly */
    double clear;                /* within: this or better */
    uint32_t for_s, clear_for_s; /* windows in a row, at least 1 each */
    bool abort;                  /* the run ends when it fires */
};

/* The rules that hold when a plan says nothing, in the order they are reported in. */
const struct alert_rule *alert_rules_default(size_t *count);
/* One of them by its name; NULL when there is none. */
const struct alert_rule *alert_rule_find(const char *name);
/* May the rule look at that metric? high_response_time takes the percentiles, latency_drift their
 * ratios; the others have one. */
bool alert_rule_takes(const struct alert_rule *rule, enum alert_metric metric);
/* The default rules, those that `given` names replaced by it. Returns how many were put in `rules`,
 * which has room for ALERT_RULES_LIMIT. */
size_t alert_rules_combine(const struct alert_rule *given, size_t given_count,
                           struct alert_rule *rules);

/* One second of one target, or of cicada itself. */
struct alert_window {
    uint32_t at_s;  /* since the run began */
    uint32_t phase; /* index */
    int target;     /* index; ALERT_GENERATOR: cicada itself */
    bool whole;     /* load was offered all the time: a rate can be told */
    bool tier;      /* a memory tier: redis, bolt, faiss, sqlite, across them */
    double load;    /* users, or arrivals per second */
    uint64_t ok, failed, connection_errors;
    const struct histogram *latency; /* of the ok ones */
    double generator_cpu;
};
void alert_window_of_second(struct alert_window *window, const struct result *result, size_t phase,
                            const struct phase_target *target, const struct second *second,
                            bool whole);
/* cicada's own second; false when it did not watch itself, or no load was offered then. */
bool alert_window_of_generator(struct alert_window *window, const struct result *result,
                               size_t phase, uint32_t at_s);

/* A baseline is the median over the first windows of a level of load within a phase, once there are
 * ALERT_BASELINE_LEAST of them; one that a relative rule suspects is left out. The second in which
 * the load changed belongs to no level: while it keeps changing there is no baseline, and the
 * relative rules rest. */
#define ALERT_BASELINE       10
#define ALERT_BASELINE_LEAST 5

struct alert_baseline {
    bool begun;
    uint32_t phase;
    double load;
    uint32_t counts; /* windows in each of: */
    double ok[ALERT_BASELINE], percentiles[3][ALERT_BASELINE];
    uint32_t known[3]; /* windows with that percentile */
};

struct alert_state { /* one rule on one target */
    bool active;
    size_t event; /* while active */
    uint32_t row, last_s, row_phase;
    struct alert_evidence first, worst; /* of the row */
    uint64_t row_operations;
    uint32_t calm; /* windows in a row within the clear threshold */
    struct alert_evidence calm_first;
};

struct alerts {
    struct alert_rule rules[ALERT_RULES_LIMIT];
    size_t rule_count, target_count;
    struct alert_state *states; /* by target (the generator last), then by rule */
    struct alert_baseline *baselines;
    struct alert *events; /* in the order they fired; owned until alerts_take */
    size_t event_count;
};

/* -1 when memory is out. alerts_free is harmless on zeroed ones. */
int alerts_init(struct alerts *alerts, const struct alert_rule *rules, size_t rule_count,
                size_t target_count);
void alerts_free(struct alerts *alerts);

/* What a window did: events that began, and that ended, as bits by rule. */
struct alert_changes {
    uint32_t began, ended;
    size_t event[ALERT_RULES_LIMIT]; /* of each such rule */
};
/* Windows come in the order of time, per target. -1 when memory is out. */
int alerts_step(struct alerts *alerts, const struct alert_window *window,
                struct alert_changes *changes);

/* The events of a whole run from its stored seconds: replaces result->alerts. -1 when memory is
 * out. */
int alerts_of_result(struct result *result, const struct alert_rule *rules, size_t rule_count);

#define ALERT_GENERATOR (-1)

#endif
