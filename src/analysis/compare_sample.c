/* Figures of one side and their bootstrap. */
#include "analysis/compare_sample.h"

#include "analysis/compare_statistics.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLICATES 400

struct bucket {
    uint16_t index;
    float weight;
};

struct window { /* one second */
    struct bucket *buckets;
    size_t bucket_count;
    double ok, failed;
};

struct stratum { /* the seconds of one phase, target and run, in order */
    struct window *windows;
    size_t count, block;
};

struct strata {
    struct stratum *items;
    size_t count;
    double duration_s;
    struct measurement total;
};

struct pool { /* what a draw of windows adds up to */
    double weights[HISTOGRAM_COARSE_BUCKETS];
    double ok, failed;
};

/* ---- windows -------------------------------------------------------------------------------- */

static bool is_compared(const struct result_phase *phase, const json_t *phases)
{
    size_t index;
    json_t *name;
    json_array_foreach(phases, index,
                       name) if (strcmp(json_string_value(name), phase->name) == 0) return true;
    return false;
}

static int add_bucket(struct window *window, uint16_t index, double weight)
{
    if (!window->bucket_count || window->buckets[window->bucket_count - 1].index != index) {
        struct bucket *grown =
            reallocarray(window->buckets, window->bucket_count + 1, sizeof *grown);
        if (!grown)
            return -1;
        window->buckets = grown;
        window->buckets[window->bucket_count++] = (struct bucket){index, 0};
    }
    window->buckets[window->bucket_count - 1].weight += (float)weight;
    return 0;
}

static int fill_all(struct window *window, const struct second *second)
{
    uint32_t index = 0, bucket;
    uint64_t count;
    window->ok += (double)second->ok;
    window->failed += (double)(second->failed + second->censored);
    while (histogram_next(&second->latency, &index, &bucket, &count))
        if (add_bucket(window, histogram_coarse_index(histogram_bucket_low(bucket)),
                       (double)count) < 0)
            return -1;
    return 0;
}

static int fill_operation(struct window *window, const struct second *second, int operation)
{
    for (size_t o = 0; o < second->operation_count; o++) {
        const struct second_operation *from = &second->operations[o];
        if (from->operation != (uint32_t)operation)
            continue;
        window->ok += from->ok;
        window->failed += from->failed;
        for (uint32_t b = 0; b < from->bucket_count; b++)
            if (add_bucket(window, from->buckets[b], from->counts[b]) < 0)
                return -1;
    }
    return 0;
}

/* A second does not tell what of an operation's failures was censored: the phase does, and spreads
 * it. They stand at their mean lower bound. */
static int add_censored(struct window *window, const struct measurement *total)
{
    uint64_t failed = measurement_failed(total);
    if (!total->latency_censored.count || window->failed <= 0 || !failed)
        return 0;
    double share = (double)total->latency_censored.count / (double)failed;
    double mean = histogram_mean(&total->latency_censored);
    return add_bucket(window, histogram_coarse_index((uint64_t)mean), share * window->failed);
}

static void choose_block(struct stratum *stratum)
{
    double *series = calloc(stratum->count, sizeof *series);
    double highest = 0;
    for (int kind = 0; series && kind < 3; kind++) {
        for (size_t w = 0; w < stratum->count; w++) {
            const struct window *window = &stratum->windows[w];
            double count = window->ok + window->failed, sum = 0, weight = 0;
            for (size_t b = 0; b < window->bucket_count; b++) {
                sum += window->buckets[b].weight *
                       log((double)histogram_coarse_value(window->buckets[b].index) + 1);
                weight += window->buckets[b].weight;
            }
            series[w] = kind == 0   ? count
                        : kind == 1 ? (weight > 0 ? sum / weight : 0)
                                    : (count > 0 ? window->failed / count : 0);
        }
        highest = fmax(highest, autocorrelation(series, stratum->count));
    }
    free(series);
    stratum->block = block_length(stratum->count, highest);
}

static int measure(const struct phase_target *target, int operation, struct measurement *into)
{
    if (operation < 0)
        return result_target_total(target, into);
    if ((size_t)operation >= target->operation_count)
        return 0;
    return measurement_merge(into, &target->operations[operation]);
}

/* What finished while the phase drained goes to its last whole second: the rest of one is no
 * sample of a second. */
static size_t whole_seconds(const struct phase_target *target, uint64_t duration_ns)
{
    size_t whole = (size_t)((duration_ns + 500000000) / 1000000000);
    whole = whole ? whole : 1;
    return whole < target->second_count ? whole : target->second_count;
}

static int fill_windows(struct stratum *stratum, const struct phase_target *target, int operation)
{
    for (size_t s = 0; s < target->second_count; s++) {
        struct window *window = &stratum->windows[s < stratum->count ? s : stratum->count - 1];
        if ((operation < 0 ? fill_all(window, &target->seconds[s])
                           : fill_operation(window, &target->seconds[s], operation)) < 0)
            return -1;
    }
    return 0;
}

static int add_stratum(struct strata *strata, const struct phase_target *target,
                       uint64_t duration_ns, int operation)
{
    struct measurement part;
    measurement_init(&part);
    struct stratum *grown = reallocarray(strata->items, strata->count + 1, sizeof *grown);
    if (grown)
        strata->items = grown;
    int status = grown ? measure(target, operation, &part) : -1;
    if (status == 0 && target->second_count) {
        struct stratum *stratum = &strata->items[strata->count++];
        stratum->count = whole_seconds(target, duration_ns);
        stratum->windows = calloc(stratum->count, sizeof *stratum->windows);
        status = stratum->windows ? 0 : -1;
        stratum->count = status == 0 ? stratum->count : 0;
        if (status == 0)
            status = fill_windows(stratum, target, operation);
        for (size_t w = 0; status == 0 && w < stratum->count; w++)
            status = add_censored(&stratum->windows[w], &part);
        if (status == 0)
            choose_block(stratum);
    }
    if (status == 0)
        status = measurement_merge(&strata->total, &part);
    measurement_free(&part);
    return status;
}

static int collect(struct strata *strata, const struct result *run,
                   const struct sample_selection *selection, const json_t *phases)
{
    for (size_t p = 0; p < run->phase_count; p++) {
        const struct result_phase *phase = &run->phases[p];
        if (!is_compared(phase, phases))
            continue;
        strata->duration_s += (double)phase->duration_ns / 1e9;
        for (size_t t = 0; t < phase->target_count; t++)
            if ((selection->target < 0 ||
                 phase->targets[t].target == (uint32_t)selection->target) &&
                add_stratum(strata, &phase->targets[t], phase->duration_ns, selection->operation) <
                    0)
                return -1;
    }
    return 0;
}

static void strata_free(struct strata *strata)
{
    for (size_t i = 0; i < strata->count; i++) {
        for (size_t w = 0; w < strata->items[i].count; w++)
            free(strata->items[i].windows[w].buckets);
        free(strata->items[i].windows);
    }
    free(strata->items);
    measurement_free(&strata->total);
}

/* ---- figures -------------------------------------------------------------------------------- */

/* The edge below a coarse bucket, from the middles. */
static double edge(unsigned index)
{
    double here = (double)histogram_coarse_value((uint16_t)index);
    return index ? (here + (double)histogram_coarse_value((uint16_t)(index - 1))) / 2 : here / 2;
}

/* Within a bucket, values are taken to lie evenly: so that the figure moves with every window. */
static double pool_quantile(const struct pool *pool, double sum, double fraction)
{
    double wanted = fraction * sum, below = 0;
    for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++) {
        double weight = pool->weights[i];
        if (weight > 0 && below + weight >= wanted) {
            double high = i + 1 < HISTOGRAM_COARSE_BUCKETS ? edge(i + 1) : edge(i);
            return edge(i) + (high - edge(i)) * (wanted - below) / weight;
        }
        below += weight;
    }
    return 0;
}

static void pool_figures(const struct pool *pool, double duration_s, double *figures)
{
    double sum = 0, mean = 0, count = pool->ok + pool->failed;
    for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++)
        if (pool->weights[i] > 0) {
            sum += pool->weights[i];
            mean += pool->weights[i] * (double)histogram_coarse_value((uint16_t)i);
        }
    figures[COMPARISON_P50] = pool_quantile(pool, sum, 0.50);
    figures[COMPARISON_P95] = pool_quantile(pool, sum, 0.95);
    figures[COMPARISON_P99] = pool_quantile(pool, sum, 0.99);
    figures[COMPARISON_MEAN] = sum > 0 ? mean / sum : 0;
    figures[COMPARISON_RATE] = duration_s > 0 ? count / duration_s : 0;
    figures[COMPARISON_ERRORS] = count > 0 ? pool->failed / count : 0;
}

static void pool_add(struct pool *pool, const struct window *window)
{
    for (size_t b = 0; b < window->bucket_count; b++)
        pool->weights[window->buckets[b].index] += window->buckets[b].weight;
    pool->ok += window->ok;
    pool->failed += window->failed;
}

static void draw(struct pool *pool, const struct strata *strata, struct random *random)
{
    memset(pool, 0, sizeof *pool);
    for (size_t i = 0; i < strata->count; i++) {
        const struct stratum *stratum = &strata->items[i];
        for (size_t drawn = 0; drawn < stratum->count;) {
            size_t start = (size_t)random_below(random, stratum->count);
            for (size_t k = 0; k < stratum->block && drawn < stratum->count; k++, drawn++)
                pool_add(pool, &stratum->windows[(start + k) % stratum->count]);
        }
    }
}

static void fixed_values(struct sample *sample, const struct strata *strata)
{
    static const double fractions[] = {0.50, 0.95, 0.99};
    const struct measurement *total = &strata->total;
    uint64_t latencies = total->latency_ok.count + total->latency_censored.count;
    sample->count = measurement_finished(total);
    for (int i = 0; i < 3; i++) {
        struct percentile percentile = measurement_percentile(total, fractions[i]);
        sample->known[COMPARISON_P50 + i] = percentile.known;
        sample->value[COMPARISON_P50 + i] = (double)percentile.value_ns;
    }
    sample->known[COMPARISON_MEAN] = latencies >= 2;
    sample->value[COMPARISON_MEAN] = measurement_mean_ns(total);
    sample->known[COMPARISON_RATE] = strata->duration_s > 0 && sample->count > 0;
    sample->value[COMPARISON_RATE] =
        strata->duration_s > 0 ? (double)sample->count / strata->duration_s : 0;
    sample->known[COMPARISON_ERRORS] = sample->count > 0;
    sample->value[COMPARISON_ERRORS] = measurement_error_rate(total);
}

/* ---- variance ------------------------------------------------------------------------------- */

struct moments {
    double count, mean, square;
};

static void moments_add(struct moments *moments, double value)
{
    double before = value - moments->mean;
    moments->count++;
    moments->mean += before / moments->count;
    moments->square += before * (value - moments->mean);
}

static double moments_variance(const struct moments *moments)
{
    return moments->count > 1 ? moments->square / (moments->count - 1) : 0;
}

/* No errors in few operations prove little: at least as wide as Laplace's estimate is uncertain. */
static double binomial_floor(const struct sample *sample)
{
    double n = (double)sample->count;
    double share = (sample->value[COMPARISON_ERRORS] * n + 1) / (n + 2);
    return share * (1 - share) / (n + 1);
}

static void bootstrap(struct sample *sample, const struct strata *strata, struct pool *pool,
                      uint64_t seed)
{
    struct moments raw[COMPARISON_FIGURES] = {0}, logs[COMPARISON_FIGURES] = {0};
    double figures[COMPARISON_FIGURES], blocks = 0, windows = 0, lost = 0;
    struct random random;
    random_seed(&random, seed, 1);
    for (size_t i = 0; i < strata->count; i++) {
        blocks += floor((double)strata->items[i].count / (double)strata->items[i].block);
        windows += (double)strata->items[i].count;
        lost += (double)strata->items[i].block;
    }
    for (unsigned replicate = 0; replicate < REPLICATES; replicate++) {
        draw(pool, strata, &random);
        pool_figures(pool, strata->duration_s, figures);
        for (int f = 0; f < COMPARISON_FIGURES; f++) {
            moments_add(&raw[f], figures[f]);
            if (figures[f] > 0)
                moments_add(&logs[f], log(figures[f]));
        }
    }
    /* What a block leaves out of the spread around the mean of its phase. */
    double widen = windows / fmax(windows - lost, windows / 3);
    for (int f = 0; f < COMPARISON_FIGURES; f++) {
        sample->variance[f] = widen * moments_variance(&raw[f]);
        sample->log_variance[f] = widen * moments_variance(&logs[f]);
        sample->freedom[f] = sample->log_freedom[f] = fmax(1, blocks - (double)strata->count);
    }
    sample->seconds = (uint64_t)windows;
    sample->variance[COMPARISON_ERRORS] =
        fmax(sample->variance[COMPARISON_ERRORS], binomial_floor(sample));
}

/* The runs as independent samples of one value each. */
static void widen_between(struct sample *sample, const struct moments *raw,
                          const struct moments *logs)
{
    for (int f = 0; f < COMPARISON_FIGURES; f++) {
        double between = moments_variance(&raw[f]) / fmax(1, raw[f].count);
        double log_between = moments_variance(&logs[f]) / fmax(1, logs[f].count);
        if (raw[f].count > 1 && between > sample->variance[f]) {
            sample->variance[f] = between;
            sample->freedom[f] = raw[f].count - 1;
        }
        if (logs[f].count > 1 && log_between > sample->log_variance[f]) {
            sample->log_variance[f] = log_between;
            sample->log_freedom[f] = logs[f].count - 1;
        }
    }
}

static void add_run(struct moments *raw, struct moments *logs, const struct strata *strata)
{
    struct sample *one = calloc(1, sizeof *one);
    if (!one)
        return;
    fixed_values(one, strata);
    for (int f = 0; f < COMPARISON_FIGURES; f++) {
        if (!one->known[f])
            continue;
        moments_add(&raw[f], one->value[f]);
        if (one->value[f] > 0)
            moments_add(&logs[f], log(one->value[f]));
    }
    free(one);
}

int sample_take(struct sample *sample, const struct result *runs, size_t run_count,
                const struct sample_selection *selections, const json_t *phases, uint64_t seed)
{
    struct moments raw[COMPARISON_FIGURES] = {0}, logs[COMPARISON_FIGURES] = {0};
    struct strata all = {0};
    struct pool *pool = calloc(1, sizeof *pool);
    int status = pool ? 0 : -1;
    memset(sample, 0, sizeof *sample);
    measurement_init(&all.total);
    for (size_t r = 0; status == 0 && r < run_count; r++) {
        struct strata one = {0};
        measurement_init(&one.total);
        status = collect(&all, &runs[r], &selections[r], phases);
        if (status == 0 && run_count > 1 &&
            (status = collect(&one, &runs[r], &selections[r], phases)) == 0)
            add_run(raw, logs, &one);
        strata_free(&one);
    }
    if (status == 0) {
        fixed_values(sample, &all);
        bootstrap(sample, &all, pool, seed);
        widen_between(sample, raw, logs);
        memset(pool, 0, sizeof *pool);
        for (size_t i = 0; i < all.count; i++)
            for (size_t w = 0; w < all.items[i].count; w++)
                pool_add(pool, &all.items[i].windows[w]);
        memcpy(sample->weights, pool->weights, sizeof sample->weights);
    }
    strata_free(&all);
    free(pool);
    return status;
}

double sample_effect(const struct sample *baseline, const struct sample *current)
{
    double below = 0, balance = 0, sum = 0, other = 0;
    for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++)
        sum += baseline->weights[i];
    for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++) {
        double above = sum - below - baseline->weights[i];
        balance += current->weights[i] * (below - above);
        below += baseline->weights[i];
        other += current->weights[i];
    }
    return sum > 0 && other > 0 ? balance / (sum * other) : 0;
}
