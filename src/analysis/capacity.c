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

/* Student's t of the plateau so far and one level more, of one variance, at 1 %, two-sided. Welch's
 * would be blind with the three seconds that a level may have. */
static bool differs(const double *plateau, size_t filled, const double *level, size_t seconds)
{
    double freedom = (double)(filled + seconds - 2);
    double squares = pow(statistics_deviation(plateau, filled), 2) * (double)(filled - 1) +
                     pow(statistics_deviation(level, seconds), 2) * (double)(seconds - 1);
    double error = sqrt(squares / freedom * (1 / (double)filled + 1 / (double)seconds));
    double away = fabs(statistics_mean(plateau, filled) - statistics_mean(level, seconds));
    return away > 0 && (!(error > 0) || student_tail(away / error, freedom) < 0.005);
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

/* Take a level into the plateau unless it differs. */
static bool join(const struct level *level, struct capacity *capacity, double *plateau,
                 size_t *filled)
{
    if (level->seconds < CAPACITY_SECONDS)
        return true; /* says nothing, and ends nothing */
    read_level(level, plateau + *filled);
    if (*filled && differs(plateau, *filled, plateau + *filled, level->seconds))
        return false;
    *filled += level->seconds;
    capacity->levels++;
    capacity->operations += level->ok;
    capacity->from = fmin(capacity->from, level->load);
    capacity->to = fmax(capacity->to, level->load);
    return true;
}

static bool is_last(const struct levels *levels, const struct level *best)
{
    for (const struct level *level = best + 1; level < levels->levels + levels->count; level++)
        if (level->seconds >= CAPACITY_SECONDS)
            return false;
    return true;
}

int capacity_of(const struct levels *levels, struct capacity *capacity)
{
    size_t usable, seconds, filled = 0;
    const struct level *best = highest_of(levels, &usable, &seconds);
    *capacity = (struct capacity){.known = usable >= 2 && mean_of(best) > 0};
    if (!capacity->known)
        return 0;
    double *plateau = calloc(seconds, sizeof *plateau);
    if (!plateau)
        return -1;
    capacity->from = capacity->to = best->load;
    const struct level *end = levels->levels + levels->count, *level = best;
    while (level < end && join(level, capacity, plateau, &filled))
        level++;
    for (level = best; level > levels->levels && join(level - 1, capacity, plateau, &filled);)
        level--;
    capacity->reached = capacity->levels > 1 || !is_last(levels, best);
    capacity->per_s = interval_mean(plateau, filled);
    free(plateau);
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
    return result_add_finding(result, "capacity", "ramp-up, peak and stress", VERDICT_INFORMATION,
                              figures_of(&found, unit),
                              "the highest throughput, and the levels next to it that Student's t "
                              "at 5% does not tell from it",
                              found.operations, text);
}
