/* The seconds of a phase as the rules read them. */
#include "analysis/series.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t series_whole_seconds(const struct result_phase *phase)
{
    size_t most = 0;
    for (size_t t = 0; t < phase->target_count; t++)
        if (phase->targets[t].second_count > most)
            most = phase->targets[t].second_count;
    uint64_t whole = phase->duration_ns / NS_PER_S;
    return whole < most ? (size_t)whole : most;
}

const struct second *series_second(const struct phase_target *target, size_t number)
{
    if (number < target->second_count && /* none missing: the usual case */
        target->seconds[number].at_s - target->seconds[0].at_s == number)
        return &target->seconds[number];
    for (size_t i = 0; i < target->second_count; i++)
        if (target->seconds[i].at_s - target->seconds[0].at_s == number)
            return &target->seconds[i];
    return NULL;
}

uint64_t series_censored_ns(const struct phase_target *target)
{
    uint64_t longest = 0;
    for (size_t o = 0; o < target->operation_count; o++)
        if (target->operations[o].latency_censored.count > 0 &&
            target->operations[o].latency_censored.max_ns > longest)
            longest = target->operations[o].latency_censored.max_ns;
    return longest;
}

bool series_is(const struct result_phase *phase, const char *kind)
{
    return !phase->not_run && phase->kind && strcmp(phase->kind, kind) == 0;
}

struct series_percentile series_percentile(const struct histogram *ok, uint64_t censored,
                                           double fraction)
{
    uint64_t count = ok->count + censored, rank = quantile_rank(fraction, count);
    struct series_percentile found = {.known = count > 0 && count - rank >= 10,
                                      .censored = rank > ok->count};
    found.value_ns =
        (double)(found.censored ? ok->max_ns : histogram_value_at_rank(ok, rank ? rank : 1));
    return found;
}

/* ---- levels --------------------------------------------------------------------------------- */

static bool wanted(const struct result_phase *phase, const char *const *kinds)
{
    for (; *kinds; kinds++)
        if (series_is(phase, *kinds))
            return true;
    return false;
}

/* Users are those at the end of the second, the arrival rate that in its middle. */
static double load_of(const struct result_phase *phase, size_t number, bool *open)
{
    double users = 0, arrivals = 0;
    for (size_t t = 0; t < phase->target_count; t++) {
        const struct second *second = series_second(&phase->targets[t], number);
        users += second ? second->users : 0;
        arrivals += second ? second->arrival_rate : 0;
    }
    *open = arrivals > 0;
    return *open ? arrivals : users;
}

static struct level *level_at(struct levels *levels, double load)
{
    size_t at = 0;
    while (at < levels->count && levels->levels[at].load < load)
        at++;
    if (at < levels->count && !(levels->levels[at].load > load))
        return &levels->levels[at];
    if (!levels->levels && !(levels->levels = calloc(LEVELS_MOST, sizeof *levels->levels)))
        return NULL;
    memmove(&levels->levels[at + 1], &levels->levels[at],
            (levels->count - at) * sizeof *levels->levels);
    levels->levels[at] = (struct level){.load = load};
    histogram_init(&levels->levels[at].latency);
    levels->count++;
    return &levels->levels[at];
}

static int add_second(struct level *level, const struct result_phase *phase, size_t number)
{
    struct level_second *grown =
        reallocarray(level->places, (size_t)level->seconds + 1, sizeof *grown);
    if (!grown)
        return -1;
    level->places = grown;
    grown[level->seconds++] = (struct level_second){phase, number};
    for (size_t t = 0; t < phase->target_count; t++) {
        const struct second *second = series_second(&phase->targets[t], number);
        if (!second)
            continue;
        level->ok += second->ok;
        level->censored += second->censored;
        uint64_t given_ns = second->censored ? series_censored_ns(&phase->targets[t]) : 0;
        if (given_ns > level->censored_ns)
            level->censored_ns = given_ns;
        level->finished += second->ok + second->failed + second->censored;
        for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
            level->outcomes[kind] += second->outcomes[kind];
        if (histogram_merge(&level->latency, &second->latency) < 0)
            return -1;
    }
    return 0;
}

/* Whether the users changed in that second, and its load: the mean over it. The first second has
 * none before it: it is steady when the second one has as many users. */
static bool changed(const struct result_phase *phase, size_t number, size_t seconds, double *load,
                    bool *open)
{
    bool other;
    double now = load_of(phase, number, open);
    double before = load_of(phase, number ? number - 1 : (seconds > 1 ? 1 : 0), &other);
    bool differs = !*open && fabs(now - before) > 0.001;
    *load = differs ? (now + before) / 2 : now;
    return differs;
}

static int collect_phase(const struct result_phase *phase, struct levels *levels)
{
    size_t seconds = series_whole_seconds(phase), moved = 0;
    double load;
    bool open;
    for (size_t k = 0; k < seconds; k++)
        moved += changed(phase, k, seconds, &load, &open);
    for (size_t k = 0; k < seconds && levels->count < LEVELS_MOST; k++) {
        bool differs = changed(phase, k, seconds, &load, &open);
        if (load <= 0 || (differs && (2 * moved <= seconds || k == 0)))
            continue;
        struct level *level = level_at(levels, load);
        if (!level || add_second(level, phase, k) < 0)
            return -1;
        levels->open |= open;
    }
    return 0;
}

int levels_of(const struct result *result, const char *const *kinds, struct levels *levels)
{
    *levels = (struct levels){.open = false};
    for (size_t p = 0; p < result->phase_count; p++)
        if (wanted(&result->phases[p], kinds) && collect_phase(&result->phases[p], levels) < 0)
            return -1;
    return 0;
}

void levels_free(struct levels *levels)
{
    for (size_t i = 0; i < levels->count; i++) {
        histogram_free(&levels->levels[i].latency);
        free(levels->levels[i].places);
    }
    free(levels->levels);
    *levels = (struct levels){.open = false};
}
