/* Counters and histograms of a set of operations. */
#include "metrics/measurement.h"

#include <string.h>

#define PERCENTILE_BEYOND     10 /* values a percentile needs beyond it to be shown */
#define PERCENTILE_CONFIDENCE 0.95

static void count_reason(struct measurement *measurement, const struct outcome *outcome,
                         uint64_t count);

const char *latency_part_name(enum latency_part part)
{
    static const char *const names[PARTS] = {"queue",       "pool_wait", "connect",    "tls",
                                             "thread_wait", "send",      "first_byte", "receive"};
    return part < PARTS ? names[part] : "unknown";
}

void measurement_init(struct measurement *measurement)
{
    memset(measurement, 0, sizeof *measurement);
    histogram_init(&measurement->latency_ok);
    histogram_init(&measurement->latency_failed);
    histogram_init(&measurement->latency_censored);
    histogram_init(&measurement->service_ok);
}

void measurement_free(struct measurement *measurement)
{
    histogram_free(&measurement->latency_ok);
    histogram_free(&measurement->latency_failed);
    histogram_free(&measurement->latency_censored);
    histogram_free(&measurement->service_ok);
    measurement_init(measurement);
}

int measurement_record(struct measurement *measurement, const struct outcome *outcome,
                       uint64_t latency_ns, uint64_t service_ns)
{
    measurement->outcomes[outcome->kind]++;
    if (outcome->kind == OUTCOME_OK) {
        int kept = histogram_record(&measurement->latency_ok, latency_ns);
        return histogram_record(&measurement->service_ok, service_ns) < 0 ? -1 : kept;
    }
    count_reason(measurement, outcome, 1);
    return histogram_record(outcome_is_censored(outcome->kind) ? &measurement->latency_censored
                                                               : &measurement->latency_failed,
                            latency_ns);
}

int measurement_merge(struct measurement *into, const struct measurement *from)
{
    into->started += from->started;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        into->outcomes[kind] += from->outcomes[kind];
    for (unsigned i = 0; i < from->reason_count; i++)
        count_reason(into, &from->reasons[i].outcome, from->reasons[i].count);
    into->bytes_sent += from->bytes_sent;
    into->bytes_received += from->bytes_received;
    into->round_trips += from->round_trips;
    if (histogram_merge(&into->latency_ok, &from->latency_ok) < 0 ||
        histogram_merge(&into->latency_failed, &from->latency_failed) < 0 ||
        histogram_merge(&into->latency_censored, &from->latency_censored) < 0)
        return -1;
    return histogram_merge(&into->service_ok, &from->service_ok);
}

uint64_t measurement_finished(const struct measurement *measurement)
{
    uint64_t sum = 0;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        sum += measurement->outcomes[kind];
    return sum;
}

uint64_t measurement_failed(const struct measurement *measurement)
{
    return measurement_finished(measurement) - measurement->outcomes[OUTCOME_OK];
}

double measurement_error_rate(const struct measurement *measurement)
{
    uint64_t finished = measurement_finished(measurement);
    return finished ? (double)measurement_failed(measurement) / (double)finished : 0;
}

uint64_t measurement_min_ns(const struct measurement *measurement)
{
    uint64_t ok = measurement->latency_ok.count ? measurement->latency_ok.min_ns : UINT64_MAX;
    uint64_t censored =
        measurement->latency_censored.count ? measurement->latency_censored.min_ns : UINT64_MAX;
    uint64_t min = ok < censored ? ok : censored;
    return min == UINT64_MAX ? 0 : min;
}

uint64_t measurement_max_ns(const struct measurement *measurement)
{
    uint64_t ok = measurement->latency_ok.max_ns, censored = measurement->latency_censored.max_ns;
    return ok > censored ? ok : censored;
}

double measurement_mean_ns(const struct measurement *measurement)
{
    const struct histogram *ok = &measurement->latency_ok,
                           *censored = &measurement->latency_censored;
    uint64_t count = ok->count + censored->count;
    return count ? ((double)ok->sum_ns + (double)censored->sum_ns) / (double)count : 0;
}

bool measurement_max_is_lower_bound(const struct measurement *measurement)
{
    return measurement->latency_censored.count > 0;
}

/* Where the percentile would lie had no censored operation ever come back: the rank among the ok
 * ones alone. Past the last of them there is no bound at all. */
static bool moves_if_censored_never_end(const struct measurement *measurement, uint64_t rank,
                                        const struct percentile *percentile)
{
    if (measurement->latency_censored.count == 0)
        return false;
    if (rank > measurement->latency_ok.count)
        return true;
    uint64_t worst = histogram_value_at_rank(&measurement->latency_ok, rank);
    uint64_t bound =
        percentile->interval.known ? percentile->interval.high_ns : percentile->value_ns;
    return worst > bound;
}

struct percentile measurement_percentile(const struct measurement *measurement, double fraction)
{
    const struct histogram *both[] = {&measurement->latency_ok, &measurement->latency_censored};
    struct percentile percentile = {.known = false};
    uint64_t count = both[0]->count + both[1]->count;
    uint64_t rank = quantile_rank(fraction, count);
    if (count - rank < PERCENTILE_BEYOND)
        return percentile;
    percentile.known = true;
    percentile.value_ns = histograms_value_at_rank(both, 2, rank);
    percentile.interval = histograms_quantile_interval(both, 2, fraction, PERCENTILE_CONFIDENCE);
    percentile.lower_bound = moves_if_censored_never_end(measurement, rank, &percentile);
    return percentile;
}

/* ---- reasons -------------------------------------------------------------------------------- */

static bool same_reason(const struct outcome *a, const struct outcome *b)
{
    if (a->kind != b->kind || a->code != b->code)
        return false;
    if (a->detail == b->detail)
        return true;
    return a->detail && b->detail && strcmp(a->detail, b->detail) == 0;
}

static int find_reason(const struct measurement *measurement, const struct outcome *outcome)
{
    for (unsigned i = 0; i < measurement->reason_count; i++)
        if (same_reason(&measurement->reasons[i].outcome, outcome))
            return (int)i;
    return -1;
}

static struct outcome other_of(enum outcome_kind kind)
{
    return (struct outcome){.kind = kind, .detail = "other"};
}

static int smallest_of_kind(const struct measurement *measurement, enum outcome_kind kind,
                            int besides)
{
    int smallest = -1;
    for (unsigned i = 0; i < measurement->reason_count; i++)
        if (measurement->reasons[i].outcome.kind == kind && (int)i != besides &&
            (smallest < 0 || measurement->reasons[i].count < measurement->reasons[smallest].count))
            smallest = (int)i;
    return smallest;
}

/* Fold the two rarest reasons of some kind into its "other". There are as many slots as kinds of
 * failure, so a full table without the new reason's kind has one kind at least twice. */
static void free_a_slot(struct measurement *measurement)
{
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++) {
        struct outcome other = other_of((enum outcome_kind)kind);
        int keep = find_reason(measurement, &other);
        if (keep < 0)
            keep = smallest_of_kind(measurement, (enum outcome_kind)kind, -1);
        int drop = smallest_of_kind(measurement, (enum outcome_kind)kind, keep);
        if (keep < 0 || drop < 0)
            continue;
        measurement->reasons[keep].outcome = other;
        measurement->reasons[keep].count += measurement->reasons[drop].count;
        measurement->reasons[drop] = measurement->reasons[--measurement->reason_count];
        return;
    }
}

_Static_assert(MEASUREMENT_REASONS >= OUTCOME_KINDS - 1, "a slot for every kind of failure");

static void count_reason(struct measurement *measurement, const struct outcome *outcome,
                         uint64_t count)
{
    int at = find_reason(measurement, outcome);
    if (at < 0 && measurement->reason_count == MEASUREMENT_REASONS) {
        struct outcome other = other_of(outcome->kind);
        at = find_reason(measurement, &other);
        if (at < 0 && (at = smallest_of_kind(measurement, outcome->kind, -1)) >= 0)
            measurement->reasons[at].outcome = other;
        if (at < 0)
            free_a_slot(measurement);
    }
    if (at < 0) {
        at = (int)measurement->reason_count++;
        measurement->reasons[at] = (struct outcome_count){.outcome = *outcome};
    }
    measurement->reasons[at].count += count;
}
