#include "report/form_timeline.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- collecting ----------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct timeline_entry *left = a, *right = b;
    if (left->at_s != right->at_s)
        return left->at_s < right->at_s ? -1 : 1;
    if (left->target != right->target)
        return left->target < right->target ? -1 : 1;
    return left->phase < right->phase ? -1 : left->phase > right->phase;
}

static bool is_wanted(const struct result_phase *phase, enum timeline_phases phases)
{
    return phases == TIMELINE_ALL || result_phase_counts(phase) == (phases == TIMELINE_COUNTED);
}

/* Into timeline->entries when there are any, else only counting. */
static void visit(struct timeline *timeline, int target, enum timeline_phases phases)
{
    const struct result *result = timeline->result;
    timeline->count = 0;
    for (uint32_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t t = 0; is_wanted(phase, phases) && t < phase->target_count; t++) {
            const struct phase_target *of = &phase->targets[t];
            for (size_t s = 0;
                 (target < 0 || of->target == (uint32_t)target) && s < of->second_count; s++) {
                if (timeline->entries)
                    timeline->entries[timeline->count] = (struct timeline_entry){
                        of->seconds[s].at_s, of->target, p, &of->seconds[s]};
                timeline->count++;
            }
        }
    }
}

int timeline_init(struct timeline *timeline, const struct result *result, int target,
                  enum timeline_phases phases)
{
    *timeline = (struct timeline){.result = result};
    visit(timeline, target, phases);
    timeline->entries = calloc(timeline->count + 1, sizeof *timeline->entries);
    if (!timeline->entries) {
        timeline->count = 0;
        return -1;
    }
    visit(timeline, target, phases);
    qsort(timeline->entries, timeline->count, sizeof *timeline->entries, by_time);
    return 0;
}

void timeline_free(struct timeline *timeline)
{
    free(timeline->entries);
    *timeline = (struct timeline){0};
}

/* ---- merging -------------------------------------------------------------------------------- */

struct gauges {
    double users, arrival_rate;
    uint64_t in_flight, queued, connections;
};

#define RAISE(into, value)                                                                         \
    do {                                                                                           \
        if ((into) < (value))                                                                      \
            (into) = (value);                                                                      \
    } while (0)

static int add_counts(struct timeline_point *point, const struct second *second)
{
    point->started += second->started;
    point->ok += second->ok;
    point->failed += second->failed;
    point->censored += second->censored;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        point->outcomes[kind] += second->outcomes[kind];
    return histogram_merge(&point->latency, &second->latency);
}

/* The entries of one second: phases that share it are one after the other, so that of one target
 * the highest stands; targets are side by side and add up. */
static int add_second(struct timeline *timeline, uint32_t at_s, struct timeline_point *point)
{
    struct gauges sum = {0};
    while (timeline->at < timeline->count && timeline->entries[timeline->at].at_s == at_s) {
        uint32_t target = timeline->entries[timeline->at].target;
        struct gauges one = {0};
        for (; timeline->at < timeline->count; timeline->at++) {
            const struct timeline_entry *entry = &timeline->entries[timeline->at];
            if (entry->at_s != at_s || entry->target != target)
                break;
            const struct second *second = entry->second;
            RAISE(one.users, second->users);
            RAISE(one.arrival_rate, second->arrival_rate);
            RAISE(one.in_flight, second->in_flight);
            RAISE(one.queued, second->queued);
            RAISE(one.connections, second->connections);
            if (add_counts(point, second) < 0)
                return -1;
        }
        sum.users += one.users;
        sum.arrival_rate += one.arrival_rate;
        sum.in_flight += one.in_flight;
        sum.queued += one.queued;
        sum.connections += one.connections;
    }
    RAISE(point->users, sum.users);
    RAISE(point->arrival_rate, sum.arrival_rate);
    RAISE(point->in_flight, sum.in_flight);
    RAISE(point->queued, sum.queued);
    RAISE(point->connections, sum.connections);
    return 0;
}

static double covered_s(const struct result *result, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < result->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        uint64_t end = phase->start_ns + phase->duration_ns + phase->drain_ns;
        uint64_t low = phase->start_ns > from_ns ? phase->start_ns : from_ns;
        uint64_t high = end < to_ns ? end : to_ns;
        if (!phase->not_run && high > low)
            sum += high - low;
    }
    sum = sum < to_ns - from_ns ? sum : to_ns - from_ns;
    return (double)sum / (double)NS_PER_S;
}

int timeline_next(struct timeline *timeline, uint32_t step_s, struct timeline_point *point)
{
    if (timeline->at >= timeline->count)
        return 0;
    uint32_t first = timeline->entries[timeline->at].at_s / step_s;
    *point = (struct timeline_point){.at_s = first * step_s};
    histogram_init(&point->latency);
    while (timeline->at < timeline->count && timeline->entries[timeline->at].at_s / step_s == first)
        if (add_second(timeline, timeline->entries[timeline->at].at_s, point) < 0) {
            timeline_point_free(point);
            return -1;
        }
    uint64_t from_ns = (uint64_t)point->at_s * NS_PER_S;
    point->covered_s = covered_s(timeline->result, from_ns, from_ns + step_s * NS_PER_S);
    return 1;
}

void timeline_point_free(struct timeline_point *point)
{
    histogram_free(&point->latency);
}

void timeline_point_of_second(struct timeline_point *point, const struct second *second,
                              double covered_s)
{
    *point = (struct timeline_point){
        .at_s = second->at_s,
        .covered_s = covered_s,
        .users = second->users,
        .arrival_rate = second->arrival_rate,
        .in_flight = second->in_flight,
        .queued = second->queued,
        .connections = second->connections,
        .started = second->started,
        .ok = second->ok,
        .failed = second->failed,
        .censored = second->censored,
        .latency = second->latency,
    };
    memcpy(point->outcomes, second->outcomes, sizeof point->outcomes);
}

int timeline_point_merge(struct timeline_point *into, const struct timeline_point *from)
{
    RAISE(into->users, from->users);
    RAISE(into->arrival_rate, from->arrival_rate);
    RAISE(into->in_flight, from->in_flight);
    RAISE(into->queued, from->queued);
    RAISE(into->connections, from->connections);
    into->covered_s += from->covered_s;
    into->started += from->started;
    into->ok += from->ok;
    into->failed += from->failed;
    into->censored += from->censored;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        into->outcomes[kind] += from->outcomes[kind];
    return histogram_merge(&into->latency, &from->latency);
}

uint32_t timeline_step(const struct timeline *timeline, uint32_t points)
{
    static const uint32_t steps[] = {1, 2, 5, 10, 15, 30, 60};
    if (timeline->count == 0)
        return 1;
    uint32_t seconds = timeline->entries[timeline->count - 1].at_s - timeline->entries[0].at_s + 1;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (seconds / steps[i] < points)
            return steps[i];
    return (seconds / points / 60 + 1) * 60;
}
