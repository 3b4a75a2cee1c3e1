/* See top.h. */
#include "engine/top.h"

#include "metrics/histogram.h"

#include <string.h>

/* The last seconds of one target, each walked once from its first operation to its last. */
struct window {
    const struct second *seconds[TOP_WINDOW_S];
    size_t at[TOP_WINDOW_S]; /* the next operation of each */
    size_t count;
};

/* The ok ones of one operation, by coarse bucket. Cleared where it was used, so that an operation
 * costs what it holds. */
struct counts {
    uint64_t of[HISTOGRAM_COARSE_BUCKETS];
    uint64_t sum;
    uint16_t lowest, highest;
};

static void window_of(struct window *window, const struct phase_target *target)
{
    *window = (struct window){0};
    size_t first = target->second_count > TOP_WINDOW_S ? target->second_count - TOP_WINDOW_S : 0;
    for (size_t i = first; i < target->second_count; i++)
        window->seconds[window->count++] = &target->seconds[i];
}

static void counts_add(struct counts *counts, const struct second_operation *operation)
{
    for (uint32_t i = 0; i < operation->bucket_count; i++) {
        uint16_t bucket = operation->buckets[i];
        if (bucket >= HISTOGRAM_COARSE_BUCKETS)
            continue;
        counts->lowest = counts->sum == 0 || bucket < counts->lowest ? bucket : counts->lowest;
        counts->highest = counts->sum == 0 || bucket > counts->highest ? bucket : counts->highest;
        counts->of[bucket] += operation->counts[i];
        counts->sum += operation->counts[i];
    }
}

static uint64_t counts_quantile(const struct counts *counts, double fraction)
{
    uint64_t rank = quantile_rank(fraction, counts->sum), seen = 0;
    for (unsigned bucket = counts->lowest; counts->sum && bucket <= counts->highest; bucket++) {
        seen += counts->of[bucket];
        if (seen >= rank)
            return histogram_coarse_value((uint16_t)bucket);
    }
    return 0;
}

static void counts_clear(struct counts *counts)
{
    if (counts->sum)
        memset(&counts->of[counts->lowest], 0,
               (size_t)(counts->highest - counts->lowest + 1) * sizeof counts->of[0]);
    counts->sum = 0;
}

/* Operations stand in each second in the order of their index. */
static void take(struct window *window, uint32_t index, struct counts *counts,
                 struct top_operation *into)
{
    for (size_t i = 0; i < window->count; i++) {
        const struct second *second = window->seconds[i];
        size_t *at = &window->at[i];
        while (*at < second->operation_count && second->operations[*at].operation < index)
            (*at)++;
        if (*at == second->operation_count || second->operations[*at].operation != index)
            continue;
        into->ok += second->operations[*at].ok;
        into->failed += second->operations[*at].failed;
        counts_add(counts, &second->operations[*at]);
    }
    into->p50_ns = counts_quantile(counts, 0.5);
    into->p95_ns = counts_quantile(counts, 0.95);
    into->max_ns = counts->sum ? histogram_coarse_value(counts->highest) : 0;
    counts_clear(counts);
}

static bool is_before(const struct top_operation *left, const struct top_operation *right)
{
    bool none_left = left->ok == 0, none_right = right->ok == 0;
    if (none_left != none_right)
        return none_left;
    return none_left ? left->failed > right->failed : left->p95_ns > right->p95_ns;
}

static size_t insert(struct top_operation *top, size_t count, const struct top_operation *operation)
{
    size_t at = count < TOP_OPERATIONS ? count : TOP_OPERATIONS;
    while (at > 0 && is_before(operation, &top[at - 1]))
        at--;
    if (at == TOP_OPERATIONS)
        return count;
    size_t kept = count < TOP_OPERATIONS ? count : TOP_OPERATIONS - 1;
    memmove(&top[at + 1], &top[at], (kept - at) * sizeof *top);
    top[at] = *operation;
    return kept + 1;
}

size_t top_operations(const struct result *result, const struct result_phase *phase,
                      struct top_operation top[TOP_OPERATIONS])
{
    struct counts counts = {0};
    size_t found = 0;
    for (size_t t = 0; t < phase->target_count; t++) {
        const struct result_target *target = &result->targets[phase->targets[t].target];
        struct window window;
        window_of(&window, &phase->targets[t]);
        for (uint32_t i = 0; i < target->operation_count; i++) {
            struct top_operation operation = {.target = target->name,
                                              .name = target->operations[i].name};
            take(&window, i, &counts, &operation);
            if (operation.ok || operation.failed)
                found = insert(top, found, &operation);
        }
    }
    return found;
}
