/* How throughput moves as users are added. */
#include "analysis/scalability.h"

#include "analysis/quantity.h"
#include "analysis/series.h"
#include "analysis/statistics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAMBDA, SIGMA, KAPPA, PARAMETERS };

struct fit { /* in units that make all three about 1: of lambda, of 1 / N, of 1 / N^2 */
    const double *users, *throughput;
    size_t count;
    double unit[PARAMETERS];
    double value[PARAMETERS];
    bool is_free[PARAMETERS];
    double squares;
    double covariance[3][3]; /* of the free ones, in order; not yet times the variance */
    size_t free_count;
};

static double model(const struct fit *fit, const double value[PARAMETERS], double n,
                    double slope[PARAMETERS])
{
    double lambda = value[LAMBDA] * fit->unit[LAMBDA];
    double below = 1 + value[SIGMA] * fit->unit[SIGMA] * (n - 1) +
                   value[KAPPA] * fit->unit[KAPPA] * n * (n - 1);
    slope[LAMBDA] = n / below * fit->unit[LAMBDA];
    slope[SIGMA] = -lambda * n * (n - 1) / (below * below) * fit->unit[SIGMA];
    slope[KAPPA] = -lambda * n * n * (n - 1) / (below * below) * fit->unit[KAPPA];
    return below > 0 ? lambda * n / below : INFINITY;
}

static double squares_of(const struct fit *fit, const double value[PARAMETERS])
{
    double squares = 0, slope[PARAMETERS];
    for (size_t i = 0; i < fit->count; i++) {
        double off = fit->throughput[i] - model(fit, value, fit->users[i], slope);
        squares += off * off;
    }
    return squares;
}

/* Normal equations of the free parameters; the diagonal grows by the damping. */
static void equations(const struct fit *fit, double matrix[3][3], double right[3], double damping)
{
    double slope[PARAMETERS];
    memset(matrix, 0, 9 * sizeof **matrix);
    memset(right, 0, 3 * sizeof *right);
    for (size_t i = 0; i < fit->count; i++) {
        double off = fit->throughput[i] - model(fit, fit->value, fit->users[i], slope);
        for (size_t a = 0, row = 0; a < PARAMETERS; a++) {
            if (!fit->is_free[a])
                continue;
            for (size_t b = 0, column = 0; b < PARAMETERS; b++)
                if (fit->is_free[b])
                    matrix[row][column++] += slope[a] * slope[b];
            right[row++] += slope[a] * off;
        }
    }
    for (size_t k = 0; k < fit->free_count; k++)
        matrix[k][k] *= 1 + damping;
}

/* Levenberg and Marquardt. */
static bool minimise(struct fit *fit)
{
    double damping = 1e-3, matrix[3][3], right[3];
    fit->free_count = 0;
    for (size_t a = 0; a < PARAMETERS; a++)
        fit->free_count += fit->is_free[a];
    fit->squares = squares_of(fit, fit->value);
    for (unsigned round = 0; round < 500 && damping < 1e12; round++) {
        double next[PARAMETERS], moved = 0;
        equations(fit, matrix, right, damping);
        if (!statistics_invert(matrix, fit->free_count))
            return false;
        for (size_t a = 0, row = 0; a < PARAMETERS; a++) {
            double step = 0;
            for (size_t k = 0; fit->is_free[a] && k < fit->free_count; k++)
                step += matrix[row][k] * right[k];
            row += fit->is_free[a];
            next[a] = fit->value[a] + step;
            moved += fabs(step);
        }
        double squares = squares_of(fit, next);
        bool better = squares <= fit->squares;
        damping = better ? damping / 10 : damping * 10;
        if (better) {
            memcpy(fit->value, next, sizeof next);
            fit->squares = squares;
        }
        if (moved < 1e-12)
            break;
    }
    equations(fit, fit->covariance, right, 0);
    return isfinite(fit->squares) && statistics_invert(fit->covariance, fit->free_count);
}

static struct fit fit_begin(const double *users, const double *throughput, size_t count)
{
    struct fit fit = {.users = users, .throughput = throughput, .count = count};
    double highest = 1;
    for (size_t i = 0; i < count; i++) {
        if (users[i] > highest)
            highest = users[i];
        if (throughput[i] / users[i] > fit.unit[LAMBDA])
            fit.unit[LAMBDA] = throughput[i] / users[i];
    }
    fit.unit[SIGMA] = 1 / highest;
    fit.unit[KAPPA] = 1 / (highest * highest);
    fit.value[LAMBDA] = 1;
    return fit;
}

/* The minimum with sigma and kappa >= 0 is one of four: nothing, either, or both held at 0. */
static bool fit_within(const struct fit *unconstrained, struct fit *best)
{
    bool found = false;
    for (unsigned held = 0; held < 4; held++) {
        struct fit fit = *unconstrained;
        for (size_t a = 0; a < PARAMETERS; a++)
            fit.is_free[a] = a == LAMBDA || !(held & 1u << (a - 1));
        fit.value[SIGMA] = fit.value[KAPPA] = 0;
        fit.value[LAMBDA] = 1;
        if (!minimise(&fit) || fit.value[SIGMA] < 0 || fit.value[KAPPA] < 0)
            continue;
        if (!found || fit.squares < best->squares)
            *best = fit;
        found = true;
    }
    return found;
}

static struct estimate interval(const struct fit *unconstrained, const struct fit *best,
                                size_t parameter, double variance, double t)
{
    double unit = unconstrained->unit[parameter], center = unconstrained->value[parameter] * unit;
    double half = t * unit * sqrt(variance * unconstrained->covariance[parameter][parameter]);
    double value = best->value[parameter] * unit;
    return (struct estimate){value, fmin(fmax(center - half, 0), value),
                             fmax(center + half, value)};
}

/* On the logarithm of the peak, which is nearer to normal than the peak. */
static struct estimate peak_of(const struct scalability *fit, const struct fit *unconstrained,
                               double variance, double t)
{
    struct estimate peak = {INFINITY, INFINITY, INFINITY};
    double sigma = fit->sigma.value, kappa = fit->kappa.value;
    if (kappa <= 0 || sigma >= 1)
        return peak;
    double by_sigma = -unconstrained->unit[SIGMA] / (2 * (1 - sigma));
    double by_kappa = -unconstrained->unit[KAPPA] / (2 * kappa);
    const double(*c)[3] = unconstrained->covariance;
    double spread = by_sigma * by_sigma * c[SIGMA][SIGMA] + by_kappa * by_kappa * c[KAPPA][KAPPA] +
                    2 * by_sigma * by_kappa * c[SIGMA][KAPPA];
    double half = t * sqrt(variance * fmax(spread, 0));
    peak.value = sqrt((1 - sigma) / kappa);
    peak.low = peak.value * exp(-half);
    if (fit->kappa.low > 0)
        peak.high = peak.value * exp(half);
    return peak;
}

bool scalability_fit(const double *users, const double *throughput, size_t count,
                     struct scalability *fit)
{
    struct fit unconstrained = fit_begin(users, throughput, count), best;
    double mean = statistics_mean(throughput, count), total = 0;
    *fit = (struct scalability){.r_squared = 0};
    if (count <= PARAMETERS || !(unconstrained.unit[LAMBDA] > 0))
        return false;
    unconstrained.is_free[LAMBDA] = unconstrained.is_free[SIGMA] = unconstrained.is_free[KAPPA] =
        true;
    if (!minimise(&unconstrained) || !fit_within(&unconstrained, &best))
        return false;
    for (size_t i = 0; i < count; i++)
        total += (throughput[i] - mean) * (throughput[i] - mean);
    double variance = unconstrained.squares / (double)(count - PARAMETERS);
    double t = statistics_student_975(count - PARAMETERS);
    fit->lambda = interval(&unconstrained, &best, LAMBDA, variance, t);
    fit->sigma = interval(&unconstrained, &best, SIGMA, variance, t);
    fit->kappa = interval(&unconstrained, &best, KAPPA, variance, t);
    fit->peak = peak_of(fit, &unconstrained, variance, t);
    fit->r_squared = total > 0 ? 1 - best.squares / total : 0;
    return true;
}

/* ---- the finding ---------------------------------------------------------------------------- */

struct ramp {
    double users[LEVELS_MOST], throughput[LEVELS_MOST];
    size_t count;
    uint32_t seconds;
    uint64_t operations;
    struct scalability fit;
};

static void read_ramp(const struct levels *levels, struct ramp *ramp)
{
    ramp->count = 0;
    ramp->seconds = 0;
    ramp->operations = 0;
    for (size_t i = 0; i < levels->count; i++) {
        const struct level *level = &levels->levels[i];
        ramp->users[ramp->count] = level->load;
        ramp->throughput[ramp->count++] = (double)level->ok / level->seconds;
        ramp->seconds += level->seconds;
        ramp->operations += level->finished;
    }
}

/* Why nothing can be said; NULL when something can. */
static const char *objection(struct ramp *ramp, const struct levels *levels, bool saturated)
{
    if (levels->open)
        return "the load is arrivals, which do not wait for the target";
    if (ramp->count < SCALABILITY_LEVELS)
        return "fewer than 5 levels of load";
    if (ramp->seconds < SCALABILITY_SECONDS)
        return "fewer than 20 s of load";
    if (ramp->users[ramp->count - 1] < SCALABILITY_RANGE * ramp->users[0])
        return "the highest level is less than 3 times the lowest";
    if (saturated)
        return "the generator was a bottleneck";
    if (!scalability_fit(ramp->users, ramp->throughput, ramp->count, &ramp->fit))
        return "the fit does not converge";
    return ramp->fit.r_squared < SCALABILITY_R2 ? "the law does not fit (R^2 < 0.9)" : NULL;
}

static void describe_peak(const struct ramp *ramp, char *text, size_t size)
{
    const struct estimate *peak = &ramp->fit.peak;
    double highest = ramp->users[ramp->count - 1];
    if (!isfinite(peak->high))
        snprintf(text, size, "no peak can be told from it");
    else if (peak->value > 2 * highest)
        snprintf(text, size, "its peak is beyond twice the users measured");
    else
        snprintf(text, size, "its peak is at %.0f users (95%%: %.0f to %.0f)%s", peak->value,
                 peak->low, peak->high, peak->value > highest ? ", beyond those measured" : "");
}

static void describe(const struct ramp *ramp, char *text, size_t size, json_t *figures)
{
    char peak[160], lambda[QUANTITY_SIZE];
    const struct scalability *fit = &ramp->fit;
    size_t last = ramp->count - 1;
    double kept = ramp->throughput[last] / (fit->lambda.value * ramp->users[last]);
    estimate_set(figures, "lambda", &fit->lambda);
    estimate_set(figures, "sigma", &fit->sigma);
    estimate_set(figures, "kappa", &fit->kappa);
    estimate_set(figures, "peak_users", &fit->peak);
    json_object_set_new(figures, "r_squared", json_real(fit->r_squared));
    json_object_set_new(figures, "linear_share", json_real(kept));
    json_object_set_new(figures, "peak_within",
                        json_boolean(fit->peak.value <= ramp->users[last])); /* those measured */
    describe_peak(ramp, peak, sizeof peak);
    quantity_rate(lambda, sizeof lambda, fit->lambda.value);
    snprintf(
        text, size,
        "scalability: %.0f to %.0f users fit lambda %s, sigma %.3g (95%%: %.2g to %.2g), kappa "
        "%.3g (%.2g to %.2g), R^2 %.3f; at %.0f users throughput is %.0f%% of lambda times "
        "users; %s",
        ramp->users[0], ramp->users[last], lambda, fit->sigma.value, fit->sigma.low,
        fit->sigma.high, fit->kappa.value, fit->kappa.low, fit->kappa.high, fit->r_squared,
        ramp->users[last], kept * 100, peak);
}

int scalability_judge(struct result *result, const struct saturation *saturation)
{
    static const char *const kinds[] = {"ramp-up", NULL};
    struct levels levels;
    struct ramp ramp;
    char text[640];
    bool any = false;
    for (size_t p = 0; p < result->phase_count; p++)
        any |= series_is(&result->phases[p], kinds[0]);
    if (!any)
        return 0;
    if (levels_of(result, kinds, &levels) < 0) {
        levels_free(&levels);
        return -1;
    }
    read_ramp(&levels, &ramp);
    json_t *figures = json_object();
    const char *why = objection(&ramp, &levels, saturation->saturated);
    levels_free(&levels);
    json_object_set_new(figures, "levels", json_integer((json_int_t)ramp.count));
    json_object_set_new(figures, "seconds", json_integer(ramp.seconds));
    json_object_set_new(figures, "fitted", json_boolean(!why));
    if (why)
        snprintf(text, sizeof text, "scalability: not enough range: %s (%zu levels, %u s)", why,
                 ramp.count, ramp.seconds);
    else
        describe(&ramp, text, sizeof text, figures);
    return result_add_finding(result, "scalability", "ramp-up", VERDICT_INFORMATION, figures,
                              "5 levels over a range of 3, 20 s, R^2 >= 0.9", ramp.operations,
                              text);
}
