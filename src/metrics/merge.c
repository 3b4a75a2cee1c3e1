/* See merge.h. */
#include "metrics/merge.h"

#include "metrics/merge_recall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* ---- may they be merged? -------------------------------------------------------------------- */

static int check_operations(const struct result_target *a, const struct result_target *b,
                            struct error *error)
{
    if (!same_text(a->name, b->name) || !same_text(a->driver, b->driver))
        return error_set(error, ERROR_USAGE, "target %.100s in one, %.100s in the other", a->name,
                         b->name);
    if (a->operation_count != b->operation_count)
        return error_set(error, ERROR_USAGE,
                         "target %.100s has %zu operations in one, %zu in the "
                         "other",
                         a->name, a->operation_count, b->operation_count);
    for (size_t o = 0; o < a->operation_count; o++)
        if (!same_text(a->operations[o].name, b->operations[o].name) ||
            !same_text(a->operations[o].kind, b->operations[o].kind))
            return error_set(error, ERROR_USAGE,
                             "operation %zu is %.100s in one, %.100s in the other", o + 1,
                             a->operations[o].name, b->operations[o].name);
    return 0;
}

static struct result_phase *find_phase(struct result *result, const char *name)
{
    for (size_t p = 0; p < result->phase_count; p++)
        if (strcmp(result->phases[p].name, name) == 0)
            return &result->phases[p];
    return NULL;
}

static int check_phases(struct result *into, struct result *from, struct error *error)
{
    for (size_t p = 0; p < from->phase_count; p++) {
        const struct result_phase *phase = &from->phases[p];
        const struct result_phase *other = find_phase(into, phase->name);
        if (!other)
            return error_set(error, ERROR_USAGE, "phase %.100s is in one only", phase->name);
        if (!same_text(phase->kind, other->kind) || !json_equal(phase->plan, other->plan))
            if (phase->plan || other->plan)
                return error_set(error, ERROR_USAGE, "phase %.100s has another load in each",
                                 phase->name);
    }
    if (into->phase_count != from->phase_count)
        return error_set(error, ERROR_USAGE, "one has %zu phases, the other %zu", into->phase_count,
                         from->phase_count);
    return 0;
}

static int check_same(struct result *into, struct result *from, struct error *error)
{
    if (!same_text(into->plan_name, from->plan_name))
        return error_set(error, ERROR_USAGE, "plan %.100s in one, %.100s in the other",
                         into->plan_name, from->plan_name);
    if (into->target_count != from->target_count)
        return error_set(error, ERROR_USAGE, "one has %zu targets, the other %zu",
                         into->target_count, from->target_count);
    for (size_t t = 0; t < into->target_count; t++)
        if (check_operations(&into->targets[t], &from->targets[t], error) < 0)
            return -1;
    return check_phases(into, from, error);
}

/* ---- seconds -------------------------------------------------------------------------------- */

static int merge_buckets(struct second_operation *into, const struct second_operation *from)
{
    size_t most = (size_t)into->bucket_count + from->bucket_count;
    uint16_t *buckets = calloc(most ? most : 1, sizeof *buckets);
    uint32_t *counts = calloc(most ? most : 1, sizeof *counts);
    uint32_t a = 0, b = 0, count = 0;
    if (!buckets || !counts) {
        free(buckets);
        free(counts);
        return -1;
    }
    while (a < into->bucket_count || b < from->bucket_count) {
        bool left = b == from->bucket_count ||
                    (a < into->bucket_count && into->buckets[a] <= from->buckets[b]);
        bool right = a == into->bucket_count ||
                     (b < from->bucket_count && from->buckets[b] <= into->buckets[a]);
        buckets[count] = left ? into->buckets[a] : from->buckets[b];
        counts[count++] = (left ? into->counts[a] : 0) + (right ? from->counts[b] : 0);
        a += left;
        b += right;
    }
    free(into->buckets);
    free(into->counts);
    into->buckets = buckets;
    into->counts = counts;
    into->bucket_count = count;
    into->ok += from->ok;
    into->failed += from->failed;
    return 0;
}

static int merge_second_operation(struct second *into, struct second_operation *from)
{
    size_t at = 0;
    while (at < into->operation_count && into->operations[at].operation < from->operation)
        at++;
    if (at < into->operation_count && into->operations[at].operation == from->operation)
        return merge_buckets(&into->operations[at], from);
    struct second_operation *grown =
        reallocarray(into->operations, into->operation_count + 1, sizeof *grown);
    if (!grown)
        return -1;
    into->operations = grown;
    memmove(grown + at + 1, grown + at, (into->operation_count - at) * sizeof *grown);
    grown[at] = *from;
    into->operation_count++;
    *from = (struct second_operation){0};
    return 0;
}

static int merge_second(struct second *into, struct second *from)
{
    into->users += from->users;
    into->arrival_rate += from->arrival_rate;
    into->in_flight += from->in_flight;
    into->queued += from->queued;
    into->connections += from->connections;
    into->started += from->started;
    into->ok += from->ok;
    into->failed += from->failed;
    into->censored += from->censored;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        into->outcomes[kind] += from->outcomes[kind];
    into->bytes_sent += from->bytes_sent;
    into->bytes_received += from->bytes_received;
    for (size_t o = 0; o < from->operation_count; o++)
        if (merge_second_operation(into, &from->operations[o]) < 0)
            return -1;
    return histogram_merge(&into->latency, &from->latency);
}

/* Both ascend; what stays in `from` is emptied. */
static int merge_seconds(struct phase_target *into, struct phase_target *from)
{
    size_t a = 0, b = 0, count = 0;
    struct second *all = calloc(into->second_count + from->second_count + 1, sizeof *all);
    if (!all)
        return -1;
    int status = 0;
    while (a < into->second_count || b < from->second_count) {
        if (b == from->second_count ||
            (a < into->second_count && into->seconds[a].at_s <= from->seconds[b].at_s)) {
            all[count++] = into->seconds[a++];
        } else if (count && all[count - 1].at_s == from->seconds[b].at_s) {
            if (merge_second(&all[count - 1], &from->seconds[b]) < 0)
                status = -1;
            second_free(&from->seconds[b++]);
        } else {
            all[count++] = from->seconds[b++];
        }
    }
    free(into->seconds);
    free(from->seconds);
    into->seconds = all;
    into->second_count = count;
    from->seconds = NULL;
    from->second_count = 0;
    return status;
}

/* ---- phases --------------------------------------------------------------------------------- */

static int merge_measurement(struct result *owner, struct measurement *into,
                             struct measurement *from)
{
    for (unsigned i = 0; i < from->reason_count; i++) {
        struct outcome *outcome = &from->reasons[i].outcome;
        const char *kept = result_intern(owner, outcome->detail);
        if (outcome->detail && !kept)
            return -1;
        outcome->detail = kept;
    }
    return measurement_merge(into, from);
}

static int merge_phase_target(struct result *owner, struct phase_target *into,
                              struct phase_target *from)
{
    if (into->target != from->target || into->operation_count != from->operation_count)
        return -2;
    for (size_t o = 0; o < into->operation_count; o++)
        if (merge_measurement(owner, &into->operations[o], &from->operations[o]) < 0)
            return -1;
    for (unsigned part = 0; part < PARTS; part++)
        if (histogram_merge(&into->parts[part], &from->parts[part]) < 0)
            return -1;
    into->users_peak += from->users_peak;
    if (merge_measurement(owner, &into->setup, &from->setup) < 0)
        return -1;
    return merge_seconds(into, from);
}

static void merge_recovery(struct result_phase *into, struct result_phase *from)
{
    bool worse = from->has_recovery &&
                 (!into->has_recovery || (into->recovered && !from->recovered) ||
                  (into->recovered == from->recovered && from->recovery_ns > into->recovery_ns));
    if (!worse)
        return;
    json_t *unused = into->recovery;
    into->has_recovery = true;
    into->recovered = from->recovered;
    into->recovery_ns = from->recovery_ns;
    into->recovery = from->recovery;
    from->recovery = unused;
}

static void merge_times(struct result_phase *into, const struct result_phase *from)
{
    uint64_t end = larger(into->start_ns + into->duration_ns, from->start_ns + from->duration_ns);
    uint64_t drained = larger(into->start_ns + into->duration_ns + into->drain_ns,
                              from->start_ns + from->duration_ns + from->drain_ns);
    if (into->start_ns > from->start_ns)
        into->start_ns = from->start_ns;
    into->duration_ns = end - into->start_ns;
    into->drain_ns = drained - end;
}

static int merge_phase(struct result *owner, struct result_phase *into, struct result_phase *from,
                       struct error *error)
{
    if (into->not_run || from->not_run) {
        if (into->not_run != from->not_run || from->target_count)
            return error_set(error, ERROR_USAGE, "phase %.100s ran in one only", into->name);
        return 0;
    }
    if (into->target_count != from->target_count)
        return error_set(error, ERROR_USAGE, "phase %.100s has other targets in each", into->name);
    merge_times(into, from);
    merge_recovery(into, from);
    into->partial = into->partial || from->partial;
    for (size_t t = 0; t < into->target_count; t++) {
        int merged = merge_phase_target(owner, &into->targets[t], &from->targets[t]);
        if (merged == -2)
            return error_set(error, ERROR_USAGE, "phase %.100s has other targets in each",
                             into->name);
        if (merged < 0)
            return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    return 0;
}

/* ---- the watches ---------------------------------------------------------------------------- */

static void worst_of(struct self_second *into, const struct self_second *from)
{
    if (from->cpu_utilisation > into->cpu_utilisation)
        into->cpu_utilisation = from->cpu_utilisation;
    if (from->process_cpu > into->process_cpu)
        into->process_cpu = from->process_cpu;
    into->scheduling_lag_ns = larger(into->scheduling_lag_ns, from->scheduling_lag_ns);
    into->send_delay_p99_ns = larger(into->send_delay_p99_ns, from->send_delay_p99_ns);
    into->resident_bytes = larger(into->resident_bytes, from->resident_bytes);
}

static int merge_self(struct result *into, const struct result *from)
{
    struct self_second *all = calloc(into->self_count + from->self_count + 1, sizeof *all);
    size_t a = 0, b = 0, count = 0;
    if (!all)
        return -1;
    while (a < into->self_count || b < from->self_count) {
        bool left = b == from->self_count ||
                    (a < into->self_count && into->self[a].at_s <= from->self[b].at_s);
        if (left)
            all[count++] = into->self[a++];
        else if (count && all[count - 1].at_s == from->self[b].at_s)
            worst_of(&all[count - 1], &from->self[b++]);
        else
            all[count++] = from->self[b++];
    }
    free(into->self);
    into->self = all;
    into->self_count = count;
    return 0;
}

static int watch_order(const struct target_second *a, const struct target_second *b)
{
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return (a->target > b->target) - (a->target < b->target);
}

static void highest_of(struct target_second *into, const struct target_second *from)
{
    if (from->cpu_cores > into->cpu_cores)
        into->cpu_cores = from->cpu_cores;
    into->resident_bytes = larger(into->resident_bytes, from->resident_bytes);
    into->descriptors = (uint32_t)larger(into->descriptors, from->descriptors);
    into->threads = (uint32_t)larger(into->threads, from->threads);
}

static int merge_watch(struct result *into, const struct result *from)
{
    struct target_second *all = calloc(into->watch_count + from->watch_count + 1, sizeof *all);
    size_t a = 0, b = 0, count = 0;
    if (!all)
        return -1;
    while (a < into->watch_count || b < from->watch_count) {
        bool left = b == from->watch_count ||
                    (a < into->watch_count && watch_order(&into->watch[a], &from->watch[b]) <= 0);
        if (left)
            all[count++] = into->watch[a++];
        else if (count && watch_order(&all[count - 1], &from->watch[b]) == 0)
            highest_of(&all[count - 1], &from->watch[b++]);
        else
            all[count++] = from->watch[b++];
    }
    free(into->watch);
    into->watch = all;
    into->watch_count = count;
    return 0;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static unsigned count_alike(const struct result *result, const struct example *example)
{
    unsigned count = 0;
    for (size_t i = 0; i < result->example_count; i++)
        count += result->examples[i].target == example->target &&
                 result->examples[i].operation == example->operation &&
                 result->examples[i].outcome.kind == example->outcome.kind;
    return count;
}

static int merge_examples(struct result *into, struct result *from)
{
    struct example *grown =
        reallocarray(into->examples, into->example_count + from->example_count + 1, sizeof *grown);
    if (!grown)
        return -1;
    into->examples = grown;
    for (size_t i = 0; i < from->example_count; i++) {
        struct example *example = &from->examples[i];
        if (into->example_count >= MERGE_EXAMPLES ||
            count_alike(into, example) >= MERGE_EXAMPLES_EACH)
            continue;
        const char *detail = result_intern(into, example->outcome.detail);
        if (example->outcome.detail && !detail)
            return -1;
        example->outcome.detail = detail;
        into->examples[into->example_count++] = *example;
        *example = (struct example){0};
    }
    return 0;
}

static void shift(struct result *result, uint64_t offset_ns)
{
    uint32_t seconds = (uint32_t)((offset_ns + NS_PER_SECOND / 2) / NS_PER_SECOND);
    for (size_t p = 0; p < result->phase_count; p++) {
        struct result_phase *phase = &result->phases[p];
        phase->start_ns += offset_ns;
        for (size_t t = 0; t < phase->target_count; t++)
            for (size_t s = 0; s < phase->targets[t].second_count; s++)
                phase->targets[t].seconds[s].at_s += seconds;
    }
    for (size_t i = 0; i < result->self_count; i++)
        result->self[i].at_s += seconds;
    for (size_t i = 0; i < result->watch_count; i++)
        result->watch[i].at_s += seconds;
    result->duration_ns += offset_ns;
    result->started_wall_ns -= offset_ns;
}

static int align(struct result *into, struct result *from, struct error *error)
{
    struct result *later = into->started_wall_ns > from->started_wall_ns ? into : from;
    struct result *earlier = later == into ? from : into;
    uint64_t offset_ns = later->started_wall_ns - earlier->started_wall_ns;
    if (offset_ns > earlier->duration_ns)
        return error_set(error, ERROR_USAGE,
                         "one began %llu s after the other, when that was over: generators of one "
                         "load run at the same time (--start-at)",
                         (unsigned long long)(offset_ns / NS_PER_SECOND));
    shift(later, offset_ns);
    into->duration_ns = larger(into->duration_ns, from->duration_ns);
    return 0;
}

static int merge_hosts(struct result *into, const struct result *from)
{
    char text[256];
    if (same_text(into->host, from->host))
        return 0;
    snprintf(text, sizeof text, "%s, %s", into->host ? into->host : "",
             from->host ? from->host : "");
    free(into->host);
    into->host = strdup(text);
    return into->host ? 0 : -1;
}

/* ---- segments ------------------------------------------------------------------------------- */

#define SEGMENTS 10000 /* at most, as --segment takes them */

static int mark_parts(const json_t *segment, json_int_t of, bool *held, struct error *error)
{
    const json_t *parts = json_object_get(segment, "parts");
    size_t index;
    json_t *part;
    if (!json_is_array(parts) || json_integer_value(json_object_get(segment, "of")) != of ||
        of < 1 || of > SEGMENTS)
        return error_set(error, ERROR_USAGE, "one is of another division into segments");
    json_array_foreach(parts, index, part)
    {
        json_int_t number = json_integer_value(part);
        if (number < 1 || number > of)
            return error_set(error, ERROR_USAGE, "segment %lld of %lld there is none",
                             (long long)number, (long long)of);
        if (held[number - 1])
            return error_set(error, ERROR_USAGE, "both are segment %lld of %lld", (long long)number,
                             (long long)of);
        held[number - 1] = true;
    }
    return 0;
}

/* The parts of both; none is left to say when they are all. */
static int merge_segments(struct result *into, const struct result *from, struct error *error)
{
    bool held[SEGMENTS] = {false}, whole = true;
    if (!into->segment && !from->segment)
        return 0;
    if (!into->segment || !from->segment)
        return error_set(error, ERROR_USAGE, "one is a segment of a load, the other a whole load");
    json_int_t of = json_integer_value(json_object_get(into->segment, "of"));
    if (mark_parts(into->segment, of, held, error) < 0 ||
        mark_parts(from->segment, of, held, error) < 0)
        return -1;
    json_t *parts = json_array();
    for (json_int_t i = 0; i < of; i++) {
        whole = whole && held[i];
        if (held[i])
            json_array_append_new(parts, json_integer(i + 1));
    }
    json_decref(into->segment);
    into->segment = whole ? NULL : json_pack("{s:I, s:o}", "of", of, "parts", parts);
    if (whole)
        json_decref(parts);
    return whole || into->segment ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

/* Before any load is before that of the generator that began first. */
static void merge_before(struct result *into, const struct result *from)
{
    for (size_t t = 0; t < into->target_count; t++) {
        struct result_target *to = &into->targets[t];
        const struct result_target *other = &from->targets[t];
        bool earlier = from->started_wall_ns < into->started_wall_ns;
        if (!other->resident_before || (to->resident_before && !earlier))
            continue;
        to->resident_before = other->resident_before;
        to->descriptors_before = other->descriptors_before;
        to->threads_before = other->threads_before;
    }
}

int result_merge(struct result *into, struct result *from, struct error *error)
{
    if (same_text(into->host, from->host) && into->started_wall_ns == from->started_wall_ns &&
        into->duration_ns == from->duration_ns)
        return error_set(error, ERROR_USAGE, "is the same result as another one given");
    if (check_same(into, from, error) < 0 || merge_segments(into, from, error) < 0)
        return -1;
    merge_before(into, from);
    if (align(into, from, error) < 0)
        return -1;
    for (size_t p = 0; p < from->phase_count; p++)
        if (merge_phase(into, find_phase(into, from->phases[p].name), &from->phases[p], error) < 0)
            return -1;
    if (from->partial && !into->partial) {
        into->partial = true;
        into->partial_reason = from->partial_reason;
        from->partial_reason = NULL;
    }
    for (size_t t = 0; t < into->target_count; t++)
        if (merge_recall(into->targets[t].facts, from->targets[t].facts) < 0)
            return error_set(error, ERROR_INTERNAL, "out of memory");
    if (merge_self(into, from) < 0 || merge_watch(into, from) < 0 ||
        merge_examples(into, from) < 0 || merge_hosts(into, from) < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    result_clear_findings(into);
    result_clear_alerts(into);
    result_clear_recommendations(into);
    result_free(from);
    return 0;
}
