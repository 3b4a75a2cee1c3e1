/* Where the plan's limits are first broken for good, and by what. */
#include "analysis/knee.h"

#include "analysis/intervals.h"
#include "analysis/knee_interval.h"
#include "analysis/quantity.h"
#include "analysis/series.h"

#include <math.h>
#include <stdio.h>

enum state { UNKNOWN, KEPT, BROKEN };

struct break_at { /* of one level */
    enum state state;
    const struct judge_threshold *threshold; /* the first that is broken */
    const char *by;
    double value;
};

static bool breaks(const struct judge_threshold *threshold, double value)
{
    return threshold->compare == JUDGE_LESS ? value >= threshold->value : value > threshold->value;
}

static struct break_at judge_errors(const struct judge_threshold *threshold,
                                    const struct level *level)
{
    uint64_t failed = level->finished - level->ok;
    double share = level->finished ? (double)failed / (double)level->finished : 0;
    bool resolved = (double)level->finished * threshold->value >= 1 || failed > 0;
    return (struct break_at){
        .state = !resolved || !level->finished ? UNKNOWN
                 : breaks(threshold, share)    ? BROKEN
                                               : KEPT,
        .threshold = threshold,
        .by = 2 * level->censored > failed ? "timeouts" : "errors",
        .value = share,
    };
}

static struct break_at judge_latency(const struct judge_threshold *threshold,
                                     const struct level *level)
{
    struct series_percentile found = {.known = level->ok > 0, .censored = level->censored > 0};
    if (threshold->figure == JUDGE_MEAN)
        found.value_ns = histogram_mean(&level->latency);
    else
        found = series_percentile(&level->latency, level->censored, threshold->fraction);
    bool beyond = threshold->figure == JUDGE_PERCENTILE && found.censored;
    if (beyond)
        found.value_ns = fmax(found.value_ns, (double)level->censored_ns);
    bool broken = breaks(threshold, found.value_ns);
    return (struct break_at){
        .state = !found.known       ? UNKNOWN
                 : broken || beyond ? BROKEN
                                    : KEPT,
        .threshold = threshold,
        .by = beyond ? "timeouts" : "latency",
        .value = found.value_ns,
    };
}

/* A level is known when every limit is, or when one is broken. */
static struct break_at judge_level(const struct judge_threshold *thresholds, size_t count,
                                   const struct level *level)
{
    struct break_at found = {.state = KEPT};
    for (size_t i = 0; i < count; i++) {
        if (!knee_is_limit(&thresholds[i]))
            continue;
        struct break_at one = thresholds[i].figure == JUDGE_ERRORS
                                  ? judge_errors(&thresholds[i], level)
                                  : judge_latency(&thresholds[i], level);
        if (one.state == BROKEN)
            return one;
        if (one.state == UNKNOWN)
            found.state = UNKNOWN;
    }
    return found;
}

struct knee {
    const struct level *keeps, *breaks; /* NULL: none */
    struct break_at how;
    struct knee_interval interval; /* of the load at which it breaks */
    size_t known;
    uint64_t sample;
};

static struct knee find(const struct levels *levels, const struct judge_threshold *thresholds,
                        size_t count)
{
    struct knee knee = {.known = 0};
    for (size_t i = 0; i < levels->count; i++) {
        const struct level *level = &levels->levels[i];
        struct break_at found = judge_level(thresholds, count, level);
        if (found.state == UNKNOWN)
            continue;
        knee.known++;
        knee.sample += level->finished;
        if (found.state == KEPT) {
            knee.keeps = level;
            knee.breaks = NULL;
        } else if (!knee.breaks) {
            knee.breaks = level;
            knee.how = found;
        }
    }
    return knee;
}

static const char *describe_interval(const struct knee_interval *interval, char *text, size_t size)
{
    char high[40] = "no level measured surely breaks it";
    if (interval->has_high)
        snprintf(high, sizeof high, "at most %.0f", interval->high);
    if (interval->has_low)
        snprintf(text, size, "above %.0f, %s", interval->low, high);
    else
        snprintf(text, size, "%s", high);
    return text;
}

static void describe(const struct knee *knee, const char *unit, char *text, size_t size)
{
    char kept[64] = "no lower level kept it", value[QUANTITY_SIZE], interval[80];
    if (knee->known == 0) {
        snprintf(text, size, "breaking point: no level of load has the sample to judge it");
        return;
    }
    if (!knee->breaks) {
        snprintf(text, size,
                 "breaking point: none up to %.0f %s, the highest of %zu levels measured",
                 knee->keeps->load, unit, knee->known);
        return;
    }
    if (knee->keeps)
        snprintf(kept, sizeof kept, "kept up to %.0f", knee->keeps->load);
    if (knee->how.threshold->figure == JUDGE_ERRORS)
        quantity_share(value, sizeof value, knee->how.value);
    else
        quantity_duration(value, sizeof value, quantity_whole(knee->how.value));
    const char *limit = knee->how.threshold->text ? knee->how.threshold->text : "a limit";
    snprintf(text, size,
             "breaking point: from %.0f %s on by %s (%.*s is broken at %s; %s); 95%%: %s",
             knee->breaks->load, unit, knee->how.by, quantity_cut(limit, 60), limit, value, kept,
             describe_interval(&knee->interval, interval, sizeof interval));
}

static json_t *figures_of(const struct knee *knee, const char *unit)
{
    json_t *figures = json_object();
    json_object_set_new(figures, "unit", json_string(unit));
    json_object_set_new(figures, "levels", json_integer((json_int_t)knee->known));
    if (knee->keeps)
        json_object_set_new(figures, "keeps_at", json_real(knee->keeps->load));
    if (knee->breaks) {
        bool share = knee->how.threshold->figure == JUDGE_ERRORS;
        json_object_set_new(figures, "breaks_at", json_real(knee->breaks->load));
        json_object_set_new(figures, "by", json_string(knee->how.by));
        json_object_set_new(figures, share ? "error_rate" : "value_ns", json_real(knee->how.value));
        estimate_set(figures, "load",
                     &(struct estimate){knee->breaks->load,
                                        knee->interval.has_low ? knee->interval.low : NAN,
                                        knee->interval.has_high ? knee->interval.high : NAN});
    }
    return figures;
}

int knee_judge(struct result *result, const struct judge_threshold *thresholds, size_t count,
               const struct saturation *saturation)
{
    static const char *const kinds[] = {"ramp-up", "peak", "stress", NULL};
    struct levels levels;
    char text[512];
    bool any = false, rises = false;
    for (size_t i = 0; i < count; i++)
        any |= knee_is_limit(&thresholds[i]);
    for (size_t p = 0; p < result->phase_count; p++)
        rises |=
            series_is(&result->phases[p], "ramp-up") || series_is(&result->phases[p], "stress");
    if (!any || !rises)
        return 0;
    struct knee knee = {.known = 0};
    int status = levels_of(result, kinds, &levels);
    if (status == 0) {
        knee = find(&levels, thresholds, count);
        status = knee_interval(&levels, thresholds, count, &knee.interval);
    }
    if (status < 0) {
        levels_free(&levels);
        return -1;
    }
    const char *unit = levels.open ? "arrivals per second" : "users";
    describe(&knee, unit, text, sizeof text);
    if (knee.breaks && saturation->saturated)
        snprintf(text, sizeof text,
                 "breaking point: not known, since the generator was a bottleneck");
    json_t *figures = figures_of(&knee, unit);
    levels_free(&levels);
    return result_add_finding(result, "breaking_point", "ramp-up and stress", VERDICT_INFORMATION,
                              figures, "a limit of the plan broken at every level from there on",
                              knee.sample, text);
}
