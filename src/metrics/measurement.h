/* What is kept of a set of operations: the counters and the histograms. The engine keeps one per
 * phase and operation and worker; sums (a phase, a target, the run) are merges of those. */
#ifndef CICADA_METRICS_MEASUREMENT_H
#define CICADA_METRICS_MEASUREMENT_H

#include "base/outcome.h"
#include "metrics/histogram.h"

/* Failures told apart by code and detail: {jsonrpc_error, -32602, NULL} 17 times. Bounded; what
 * does not fit is counted under the kind with code 0 and detail "other". */
struct outcome_count {
    struct outcome outcome;
    uint64_t count;
};
#define MEASUREMENT_REASONS 16

/* Where the time of an operation went, ns; recorded for those that got that far. */
enum latency_part {
    PART_QUEUE, /* intended start -> the pool was asked (schedule delay, queued arrivals) */
    PART_POOL,  /* pool asked -> connection in hand; what of it was connecting is in the next two */
    PART_CONNECT,
    PART_TLS,
    PART_THREAD,     /* submitted -> a thread of the driver took it up; drivers that block only */
    PART_SEND,       /* first byte offered -> last byte taken */
    PART_FIRST_BYTE, /* request sent -> first byte of the answer */
    PART_RECEIVE,    /* first byte -> last byte */
    PARTS
};
const char *latency_part_name(
    enum latency_part part); /* "queue", "pool_wait", "connect", "tls", "send", ... */

struct measurement {
    uint64_t started; /* = the sum of outcomes once nothing is in flight */
    uint64_t outcomes[OUTCOME_KINDS];
    struct outcome_count reasons[MEASUREMENT_REASONS]; /* failures only */
    unsigned reason_count;
    /* Latency runs from the intended start, service time from the moment the request was sent. */
    struct histogram latency_ok;
    struct histogram latency_failed;   /* failed but not censored */
    struct histogram latency_censored; /* timeout, cancelled, not run: the lower bounds */
    struct histogram service_ok;
    uint64_t bytes_sent, bytes_received;
    uint64_t round_trips;
};

void measurement_init(struct measurement *measurement);
void measurement_free(struct measurement *measurement);
/* Record one finished operation; `started` is the caller's to count, when it starts one. service_ns
 * is ignored unless ok. The outcome's detail is kept by pointer. -1 when memory is out: the
 * counters have moved, a histogram has not. No allocation once the pages a latency falls in were
 * touched before. */
int measurement_record(struct measurement *measurement, const struct outcome *outcome,
                       uint64_t latency_ns, uint64_t service_ns);
int measurement_merge(struct measurement *into, const struct measurement *from);

uint64_t measurement_finished(const struct measurement *measurement); /* sum of outcomes */
uint64_t measurement_failed(const struct measurement *measurement);   /* finished - ok */
double measurement_error_rate(
    const struct measurement *measurement); /* failed / finished; 0 if none */

/* The smallest, largest and mean over the operations a percentile is over (ok and censored). */
uint64_t measurement_min_ns(const struct measurement *measurement); /* 0 if there are none */
uint64_t measurement_max_ns(const struct measurement *measurement);
double measurement_mean_ns(const struct measurement *measurement);
/* Any censored operation may in truth have taken longest. */
bool measurement_max_is_lower_bound(const struct measurement *measurement);

/* A percentile as reported: over ok and censored operations together, the latter at their lower
 * bound, so that an operation that never came back cannot make a percentile look better. */
struct percentile {
    bool known;       /* false: fewer than 10 values lie beyond it, or none at all */
    bool lower_bound; /* it falls on a censored operation, or would leave its interval if the
                         censored ones had never ended: the true value is at least this */
    uint64_t value_ns;
    struct quantile_interval interval; /* 95 % */
};
struct percentile measurement_percentile(const struct measurement *measurement, double fraction);

#endif
