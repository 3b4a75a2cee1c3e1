/* See search.h. */
#include "analysis/search.h"

#include "analysis/judge.h"

#include <math.h>

#define BEGINNINGS 2 /* near the limit a rate holds one time and breaks the other: no end of it */
#define PROBE      1.1
#define UPWARD     1.25 /* a rate that broke the limits, and then kept them: on from there */

/* One trial that moves the bracket. An inconclusive one, which a busy machine may have spoilt, is
 * run again; when it stays so, the search ends. */
static int step(struct search *search, double rate, struct error *error)
{
    for (int tried = 0; tried <= SEARCH_AGAIN; tried++) {
        if (search->count >= SEARCH_TRIALS)
            return error_set(error, ERROR_INCONCLUSIVE, "no answer within %d trials",
                             SEARCH_TRIALS);
        struct search_trial *trial = &search->trials[search->count];
        *trial = (struct search_trial){.rate = rate, .verdict = VERDICT_INCONCLUSIVE};
        if (search->run(search->context, trial, error) < 0)
            return -1;
        search->count++;
        if (trial->verdict == VERDICT_INCONCLUSIVE)
            continue;
        *(trial->verdict == VERDICT_FAIL ? &search->high : &search->low) = rate;
        return 0;
    }
    return error_set(error, ERROR_INCONCLUSIVE,
                     "at %.4g/s the trial was inconclusive %d times in a row; a longer --trial "
                     "gives a larger sample, more cores a faster generator",
                     rate, SEARCH_AGAIN + 1);
}

static int bracket(struct search *search, struct error *error)
{
    double rate = search->low > 0 ? fmin(UPWARD * search->low, search->max) : search->min;
    while (search->high <= 0) {
        if (step(search, rate, error) < 0)
            return -1;
        if (rate >= search->max)
            break;
        rate = fmin(2 * rate, search->max);
    }
    while (search->high > 0 && search->low > 0 &&
           search->high - search->low > SEARCH_RESOLUTION * search->high)
        if (step(search, (search->low + search->high) / 2, error) < 0)
            return -1;
    return 0;
}

/* The rate must hold again and again; where it does not, a little less must. */
static int confirm(struct search *search, struct error *error)
{
    for (int held = 0; search->low > 0 && held < SEARCH_CONFIRMATIONS;) {
        double rate = search->low, less = rate * (1 - SEARCH_RESOLUTION);
        if (step(search, rate, error) < 0)
            return -1;
        if (search->high <= rate && search->high > 0) {
            search->low = less >= search->min ? less : 0;
            held = 0;
        } else {
            held++;
        }
    }
    return 0;
}

/* One bad moment of the machine would hide all rates above it: what broke the limits must break
 * them again. Where it does not, the search goes on above. True when the answer stands. */
static int confirm_broken(struct search *search, bool *stands, struct error *error)
{
    double rate = search->high;
    *stands = true;
    if (rate <= 0 || search->low <= 0)
        return 0;
    search->high = 0;
    if (step(search, rate, error) < 0) {
        search->high = rate;
        return -1;
    }
    *stands = search->high > 0 || rate >= search->max;
    for (size_t i = 0; search->high <= 0 && i < search->count; i++)
        if (search->trials[i].rate <= rate)
            search->trials[i].broken = false; /* it was not the rate */
    return 0;
}

/* The rate that breaks lies so near the limit that no trial may be sure of it: then one above it
 * ends the interval. An answer there is already, so what cannot be run or told is left. */
static int secure_high(struct search *search, struct error *error)
{
    double low = search->low, high = search->high, rate = high;
    for (int tried = 0; tried < SEARCH_PROBES && low > 0 && high > 0 && rate < search->max &&
                        search->count < SEARCH_TRIALS && !search_interval(search).has_high;
         tried++) {
        rate = fmin(rate * PROBE, search->max);
        struct search_trial *trial = &search->trials[search->count];
        *trial = (struct search_trial){.rate = rate, .verdict = VERDICT_INCONCLUSIVE};
        if (search->run(search->context, trial, error) < 0)
            return -1;
        search->count++;
    }
    return 0;
}

int search_run(struct search *search, struct error *error)
{
    bool stands = false;
    for (int begun = 0; !stands && begun < BEGINNINGS; begun++)
        if (bracket(search, error) < 0 || confirm(search, error) < 0 ||
            (begun + 1 < BEGINNINGS && confirm_broken(search, &stands, error) < 0))
            return -1;
    return secure_high(search, error);
}

/* ---- how sure it is ------------------------------------------------------------------------- */

static bool is_broken_at(const struct search *search, double rate)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->trials[i].broken && search->trials[i].rate <= rate)
            return true;
    return false;
}

struct knee_interval search_interval(const struct search *search)
{
    struct knee_interval interval = {.has_low = false};
    for (size_t i = 0; i < search->count; i++) {
        const struct search_trial *trial = &search->trials[i];
        if (trial->kept && !is_broken_at(search, trial->rate) &&
            (!interval.has_low || trial->rate > interval.low)) {
            interval.has_low = true;
            interval.low = trial->rate;
        }
    }
    for (size_t i = 0; i < search->count; i++) {
        const struct search_trial *trial = &search->trials[i];
        bool above = !interval.has_low || trial->rate > interval.low;
        if (trial->broken && above && (!interval.has_high || trial->rate < interval.high)) {
            interval.has_high = true;
            interval.high = trial->rate;
        }
    }
    if (interval.has_low && search->low > 0) /* what the search came to is not left out of it */
        interval.low = fmin(interval.low, search->low);
    if (interval.has_high)
        interval.high = fmax(interval.high, search->high);
    return interval;
}

int search_judge(const struct result *result, bool backlog, struct search_trial *trial)
{
    const char *const kinds[] = {result->phase_count ? result->phases[0].kind : "", NULL};
    struct judge_options options;
    struct knee_interval interval = {.has_low = false};
    struct levels levels;
    struct error ignored = {0};
    if (judge_options_from_json(&options, result->judging, &ignored) < 0)
        return -1;
    int status = levels_of(result, kinds, &levels);
    if (status == 0)
        status = knee_interval(&levels, options.thresholds, options.threshold_count, &interval);
    levels_free(&levels);
    judge_options_free(&options);
    trial->broken = backlog || interval.has_high;
    trial->kept = interval.has_low && !trial->broken;
    return status;
}
