/* Between which loads the plan's limits begin to be broken. */
#include "analysis/knee_interval.h"

#include "analysis/intervals.h"
#include "analysis/quantity.h"

#include <stdlib.h>

enum sure { SURE_OF_NOTHING, SURELY_KEPT, SURELY_BROKEN };

struct group { /* of neighbouring levels */
    const struct level *first, *last;
    size_t seconds;
};

bool knee_is_limit(const struct judge_threshold *threshold)
{
    bool upper = threshold->compare == JUDGE_LESS || threshold->compare == JUDGE_LESS_EQUAL;
    return upper && threshold->figure != JUDGE_RATE && threshold->figure != JUDGE_RECALL &&
           threshold->figure != JUDGE_MAX && !threshold->tool && !threshold->phase &&
           !threshold->target;
}

static void add_target(const struct judge_threshold *threshold, const struct second *second,
                       double *part, double *whole)
{
    double ok = (double)second->ok, censored = (double)second->censored;
    switch (threshold->figure) {
    case JUDGE_ERRORS:
        *part += (double)second->failed + censored;
        *whole += ok + (double)second->failed + censored;
        break;
    case JUDGE_MEAN:
        *part += (double)second->latency.sum_ns;
        *whole += (double)second->latency.count;
        break;
    default:
        *part +=
            (double)(second->latency.count -
                     histogram_count_up_to(&second->latency, quantity_whole(threshold->value))) +
            censored;
        *whole += (double)second->latency.count + censored;
    }
}

/* One batch for each second of the group. */
static void read_group(const struct judge_threshold *threshold, const struct group *group,
                       double *parts, double *wholes)
{
    size_t count = 0;
    for (const struct level *level = group->first; level <= group->last; level++)
        for (uint32_t i = 0; i < level->seconds; i++, count++) {
            const struct level_second *place = &level->places[i];
            parts[count] = wholes[count] = 0;
            for (size_t t = 0; t < place->phase->target_count; t++) {
                const struct second *second =
                    series_second(&place->phase->targets[t], place->number);
                if (second)
                    add_target(threshold, second, &parts[count], &wholes[count]);
            }
        }
}

static enum sure judge_limit(const struct judge_threshold *threshold, const struct group *group,
                             double *room)
{
    double *parts = room, *wholes = room + group->seconds;
    read_group(threshold, group, parts, wholes);
    bool mean = threshold->figure == JUDGE_MEAN;
    struct estimate found = mean ? interval_ratio(parts, wholes, group->seconds)
                                 : interval_share_of_batches(parts, wholes, group->seconds);
    double limit =
        mean || threshold->figure == JUDGE_ERRORS ? threshold->value : 1 - threshold->fraction;
    if (found.low > limit) /* false where it cannot be told */
        return SURELY_BROKEN;
    return found.high < limit ? SURELY_KEPT : SURE_OF_NOTHING;
}

static enum sure judge_group(const struct judge_threshold *thresholds, size_t count,
                             const struct group *group, double *room)
{
    enum sure sure = SURELY_KEPT;
    for (size_t i = 0; i < count; i++) {
        if (!knee_is_limit(&thresholds[i]))
            continue;
        enum sure one = judge_limit(&thresholds[i], group, room);
        if (one == SURELY_BROKEN)
            return SURELY_BROKEN;
        if (one == SURE_OF_NOTHING)
            sure = SURE_OF_NOTHING;
    }
    return sure;
}

/* The group that begins at a level; what would be left over too small for one belongs to it. */
static struct group group_at(const struct levels *levels, size_t from, size_t *next)
{
    struct group group = {.first = &levels->levels[from]};
    size_t rest = 0, at = from;
    for (; at < levels->count && group.seconds < KNEE_SECONDS; at++)
        group.seconds += levels->levels[at].seconds;
    for (size_t i = at; i < levels->count; i++)
        rest += levels->levels[i].seconds;
    if (rest < KNEE_SECONDS) {
        group.seconds += rest;
        at = levels->count;
    }
    group.last = &levels->levels[at - 1];
    *next = at;
    return group;
}

int knee_interval(const struct levels *levels, const struct judge_threshold *thresholds,
                  size_t count, struct knee_interval *interval)
{
    size_t seconds = 0;
    *interval = (struct knee_interval){.has_low = false};
    for (size_t i = 0; i < levels->count; i++)
        seconds += levels->levels[i].seconds;
    double *room = calloc(2 * seconds + 1, sizeof *room);
    if (!room)
        return -1;
    for (size_t i = 0, next; i < levels->count; i = next) {
        struct group group = group_at(levels, i, &next);
        enum sure sure = judge_group(thresholds, count, &group, room);
        if (sure == SURELY_KEPT)
            *interval = (struct knee_interval){.has_low = true, .low = group.first->load};
        if (sure != SURELY_BROKEN || interval->has_high)
            continue;
        interval->has_high = true;
        interval->high = group.last->load;
    }
    free(room);
    return 0;
}
