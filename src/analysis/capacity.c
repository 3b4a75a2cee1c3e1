/* The throughput that a target levels off at. */
#include "analysis/capacity.h"

#include "analysis/compare_statistics.h"
#include "analysis/quantity.h"
#include "analysis/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double ok_in(const struct level_second *place)
{
    double ok = 0;
    for (size_t t = 0; t < place->phase->target_count; t++) {
        const struct second *second = series_second(&place->phase->targets[t], place->number);
        ok += second ? (double)second->ok : 0;
    }
    return ok;
}

static void read_level(const struct level *level, double *values)
{
    for (uint32_t i = 0; i < level->seconds; i++)
        values[i] = ok_in(&level->places[i]);
}

static double mean_of(const struct level *level)
{
    return level->seconds >= CAPACITY_SECONDS ? (double)level->ok / level->seconds : -1;
}

/* Welch's t of two levels at 5 %, two-sided: does `a` differ from `b`? */
static bool differs(const struct level *a, const struct level *b, double *room)
{
    double mean[2], error[2], freedom[2];
    const struct level *levels[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        read_level(levels[i], room);
        mean[i] = statistics_mean(room, levels[i]->seconds);
        error[i] = pow(statistics_deviation(room, levels[i]->seconds), 2) / levels[i]->seconds;
        freedom[i] = levels[i]->seconds - 1;
    }
    double sum = error[0] + error[1], away = fabs(mean[0] - mean[1]);
    if (!(sum > 0))
        return away > 0;
    double below = error[0] * error[0] / freedom[0] + error[1] * error[1] / freedom[1];
    return student_tail(away / sqrt(sum), sum * sum / below) < 0.025;
}

static const struct level *highest_of(const struct levels *levels, size_t *usable, size_t *seconds)
{
    const struct level *best = NULL;
    *usable = *seconds = 0;
    for (size_t i = 0; i < levels->count; i++) {
        const struct level *level = &levels->levels[i];
        *seconds += level->seconds;
        if (level->seconds < CAPACITY_SECONDS)
            continue;
        ++*usable;
        if (!best || mean_of(level) > mean_of(best))
            best = level;
    }
    return best;
}

int capacity_of(const struct levels *levels, struct capacity *capacity)
{
    size_t usable, seconds, filled = 0;
    const struct level *best = highest_of(levels, &usable, &seconds), *last = best;
    *capacity = (struct capacity){.known = usable >= 2 && mean_of(best) > 0};
    if (!capacity->known)
        return 0;
    double *room = calloc(2 * seconds, sizeof *room), *plateau = room + seconds;
    if (!room)
        return -1;
    for (size_t i = 0; i < levels->count; i++) {
        const struct level *level = &levels->levels[i];
        if (level->seconds < CAPACITY_SECONDS)
            continue;
        last = level;
        if (level != best && differs(level, best, room))
            continue;
        if (capacity->levels++ == 0)
            capacity->from = level->load;
        capacity->to = level->load;
        capacity->operations += level->ok;
        read_level(level, plateau + filled);
        filled += level->seconds;
    }
    capacity->reached = capacity->levels > 1 || last != best;
    capacity->per_s = interval_mean(plateau, filled);
    free(room);
    return 0;
}

/* ---- the finding ---------------------------------------------------------------------------- */

static void describe(const struct capacity *found, const char *unit, char *text, size_t size)
{
    char value[QUANTITY_SIZE], low[QUANTITY_SIZE], high[QUANTITY_SIZE];
    quantity_rate(value, sizeof value, found->per_s.value);
    quantity_rate(low, sizeof low, fmax(0, found->per_s.low));
    quantity_rate(high, sizeof high, found->per_s.high);
    if (!found->known)
        snprintf(text, size, "capacity: fewer than 2 levels of load with 3 steady seconds");
    else if (!found->reached)
        snprintf(text, size,
                 "capacity: not reached: throughput still rises at %.0f %s, to %s (95%%: %s to "
                 "%s)",
                 found->to, unit, value, low, high);
    else if (found->levels > 1)
        snprintf(text, size,
                 "capacity: throughput levels off at %s (95%%: %s to %s), from %.0f to %.0f %s",
                 value, low, high, found->from, found->to, unit);
    else
        snprintf(text, size,
                 "capacity: throughput is highest at %.0f %s, with %s (95%%: %s to %s), and falls "
                 "above",
                 found->to, unit, value, low, high);
}

static json_t *figures_of(const struct capacity *found, const char *unit)
{
    json_t *figures = json_pack("{s:s, s:b}", "unit", unit, "reached", found->reached);
    if (!figures || !found->known)
        return figures;
    estimate_set(figures, "per_s", &found->per_s);
    json_object_set_new(figures, "levels", json_integer((json_int_t)found->levels));
    json_object_set_new(figures, "from", json_real(found->from));
    json_object_set_new(figures, "to", json_real(found->to));
    return figures;
}

int capacity_judge(struct result *result, const struct saturation *saturation)
{
    static const char *const kinds[] = {"ramp-up", "peak", "stress", NULL};
    struct levels levels;
    struct capacity found;
    char text[400];
    bool rises = false;
    for (size_t p = 0; p < result->phase_count; p++)
        rises |= series_is(&result->phases[p], "ramp-up");
    if (!rises)
        return 0;
    if (levels_of(result, kinds, &levels) < 0 || capacity_of(&levels, &found) < 0) {
        levels_free(&levels);
        return -1;
    }
    const char *unit = levels.open ? "arrivals per second" : "users";
    levels_free(&levels);
    describe(&found, unit, text, sizeof text);
    if (saturation->saturated)
        snprintf(text, sizeof text, "capacity: not known, since the generator was a bottleneck");
    return result_add_finding(
        result, "capacity", "ramp-up, peak and stress", VERDICT_INFORMATION,
        figures_of(&found, unit),
        "the highest throughput, and the levels that Welch's t at 5% does not tell from it",
        found.operations, text);
}
