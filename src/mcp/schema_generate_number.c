/* Numbers within bounds, multiples included: a step is found by which all that fit are apart, and
 * one of them taken. Without bounds a property's name says what is usual. */
#include "mcp/schema_generate.h"

#include <float.h>
#include <math.h>

#define SAFE     9007199254740991 /* 2^53 - 1: what every JSON reader holds exactly */
#define EXPLORED 1e6              /* a bound beyond is no range one meant to be explored */

struct range {
    double low, high; /* inclusive, except: */
    bool low_exclusive, high_exclusive;
    int64_t first, last; /* the integers in it */
};

static bool has_fraction(const json_t *bound);
static bool find_range(struct demand *d, unsigned types, struct range *range);
static json_t *pick_integer(struct demand *d, const struct range *range);
static json_t *pick_real(struct demand *d, const struct range *range, unsigned types);
static json_t *pick_multiple(struct demand *d, const struct range *range, unsigned types);
static void usual_window(const struct demand *d, const struct range *range, double *low,
                         double *high);
static int64_t clamp_to_integer(double value);
static bool within(const struct range *range, double value);

json_t *generate_number(struct demand *d, unsigned types)
{
    struct range range;
    if (!find_range(d, types, &range))
        return NULL;
    if (d->multiples.count)
        return pick_multiple(d, &range, types);
    if (range.low > 9.2e18 || range.high < -9.2e18) /* beyond int64 all doubles are whole */
        return pick_real(d, &range, types);
    bool whole = types == SCHEMA_INTEGER;
    /* Most servers declare a number where they mean a whole one: their schemas say "number" of
     * counts, pages and ids alike. A fraction is made where a bound has one. */
    if (types == SCHEMA_NUMBER && range.first <= range.last)
        whole = !has_fraction(d->low) && !has_fraction(d->high) && !d->not_multiples.count;
    if (whole && range.last - range.first < 2 && types != SCHEMA_INTEGER &&
        range.high - range.low > 0)
        whole = false; /* 0 to 1: a share, a probability */
    return whole ? pick_integer(d, &range) : pick_real(d, &range, types);
}

static bool has_fraction(const json_t *bound)
{
    return bound && !schema_number_is_integral(bound);
}

static bool find_range(struct demand *d, unsigned types, struct range *range)
{
    range->low = d->low ? json_number_value(d->low) : -INFINITY;
    range->high = d->high ? json_number_value(d->high) : INFINITY;
    range->low_exclusive = d->low && d->low_exclusive;
    range->high_exclusive = d->high && d->high_exclusive;
    range->first = d->low ? schema_number_ceil(d->low) : INT64_MIN;
    range->last = d->high ? schema_number_floor(d->high) : INT64_MAX;
    if (range->low_exclusive && schema_number_is_integral(d->low) && range->first < INT64_MAX)
        range->first++;
    if (range->high_exclusive && schema_number_is_integral(d->high) && range->last > INT64_MIN)
        range->last--;
    if (d->format_low > range->low) {
        range->low = d->format_low;
        range->low_exclusive = false;
    }
    if (d->format_high < range->high) {
        range->high = d->format_high;
        range->high_exclusive = false;
    }
    if (clamp_to_integer(d->format_low) > range->first)
        range->first = clamp_to_integer(d->format_low);
    if (clamp_to_integer(d->format_high) < range->last)
        range->last = clamp_to_integer(d->format_high);
    /* Unless the bounds lie beyond, stay where every reader is exact. */
    if (range->first < -SAFE && range->last >= -SAFE)
        range->first = -SAFE;
    if (range->last > SAFE && range->first <= SAFE)
        range->last = SAFE;
    bool empty = range->low > range->high ||
                 (range->low == range->high && (range->low_exclusive || range->high_exclusive));
    if (types == SCHEMA_INTEGER && range->first > range->last)
        empty = true;
    if (empty)
        generate_fail(d->generator, d->pointer, "no %s is %s %.15g and %s %.15g",
                      types == SCHEMA_INTEGER ? "integer" : "number",
                      range->low_exclusive ? "above" : "at least", range->low,
                      range->high_exclusive ? "below" : "at most", range->high);
    return !empty;
}

/* A value somewhere in [first, last], at times on an edge, mostly where the name says. */
static int64_t pick_whole(struct demand *d, const struct range *range)
{
    struct random *random = d->generator->random;
    double low, high;
    usual_window(d, range, &low, &high);
    int64_t first = clamp_to_integer(ceil(low)), last = clamp_to_integer(floor(high));
    if (first < range->first)
        first = range->first;
    if (last > range->last)
        last = range->last;
    if (first > last) { /* nothing usual is left: what lies next to a bound */
        first = range->first;
        last = range->last;
        if (last - first > 100 && d->low)
            last = first + 100;
        else if (last - first > 100)
            first = last - 100;
    }
    if (d->generator->varied) {
        bool low_known = d->low && fabs(range->low) <= EXPLORED;
        bool high_known = d->high && fabs(range->high) <= EXPLORED;
        uint64_t dice = random_below(random, 8);
        if (dice == 0 && low_known)
            return range->first;
        if (dice == 1 && high_known)
            return range->last;
        if (dice < 5 && low_known && high_known)
            return random_between(random, range->first, range->last);
    }
    return random_between(random, first, last);
}

static json_t *pick_integer(struct demand *d, const struct range *range)
{
    int64_t value = pick_whole(d, range);
    size_t tries = json_array_size(d->wish->avoid) + d->forbidden.count + 1;
    tries += d->not_multiples.count ? 64 : 0;
    for (size_t i = 0; i < tries; i++) {
        json_t *number = json_integer(value);
        if (!generate_is_avoided(d, number))
            return number;
        json_decref(number);
        value = value < range->last ? value + 1 : range->first;
    }
    generate_fail(d->generator, d->pointer, "all integers that fit are taken or forbidden");
    return NULL;
}

static bool within(const struct range *range, double value)
{
    return (range->low_exclusive ? value > range->low : value >= range->low) &&
           (range->high_exclusive ? value < range->high : value <= range->high);
}

static json_t *pick_real(struct demand *d, const struct range *range, unsigned types)
{
    struct random *random = d->generator->random;
    double low, high;
    usual_window(d, range, &low, &high);
    for (unsigned i = 0; i < 32; i++) {
        double value = low + (high - low) * random_unit(random);
        if (d->generator->varied && i == 0 && random_below(random, 4) == 0)
            value = random_below(random, 2) && d->high && fabs(range->high) <= EXPLORED
                        ? range->high
                    : d->low && fabs(range->low) <= EXPLORED ? range->low
                                                             : value;
        double rounded = round(value * 100.0) / 100.0;
        if (within(range, rounded) && i < 16)
            value = rounded;
        if (!within(range, value))
            continue;
        bool is_whole = value == trunc(value);
        if (is_whole && !(types & SCHEMA_INTEGER))
            value += 0.5;
        if (!within(range, value) || (value != trunc(value) && !(types & SCHEMA_FRACTION)))
            continue;
        json_t *number = json_real(value);
        if (number && !generate_is_avoided(d, number))
            return number;
        json_decref(number);
    }
    double edge = range->low_exclusive ? nextafter(range->low, INFINITY) : range->low;
    if (within(range, edge) && (edge != trunc(edge) || (types & SCHEMA_INTEGER)))
        return json_real(edge);
    d->chance = true;
    generate_fail(d->generator, d->pointer, "no number was found between %.17g and %.17g",
                  range->low, range->high);
    return NULL;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool least_common_multiple(int64_t *step, int64_t other)
{
    return !__builtin_mul_overflow(*step / greatest_common_divisor(*step, other), other, step);
}

/* All multiples as integers once multiplied by *scale, a power of ten; their least common multiple.
 * False when there is none in reach. */
static bool common_step(const struct demand *d, unsigned types, int64_t *step, int64_t *scale)
{
    for (*scale = 1; *scale <= INT64_C(1000000000000); *scale *= 10) {
        bool exact = true;
        *step = 1;
        for (size_t i = 0; exact && i < d->multiples.count; i++) {
            double scaled = json_number_value(d->multiples.items[i]) * (double)*scale;
            double whole = nearbyint(scaled);
            exact = whole >= 1 && whole < 9e15 &&
                    fabs(scaled - whole) <= scaled * 4 * DBL_EPSILON &&
                    least_common_multiple(step, (int64_t)whole);
        }
        if (exact)
            return types != SCHEMA_INTEGER || least_common_multiple(step, *scale);
    }
    return false;
}

/* As others compute it: the plain quotient must be whole. */
static bool divides_plainly(const struct demand *d, double value)
{
    for (size_t i = 0; i < d->multiples.count; i++) {
        double quotient = value / json_number_value(d->multiples.items[i]);
        if (quotient != trunc(quotient))
            return false;
    }
    return true;
}

static json_t *number_from(int64_t count, int64_t step, int64_t scale)
{
    int64_t product;
    if (__builtin_mul_overflow(count, step, &product))
        return NULL;
    if (product % scale == 0)
        return json_integer(product / scale);
    return json_real((double)product / (double)scale);
}

static json_t *pick_multiple(struct demand *d, const struct range *range, unsigned types)
{
    int64_t step, scale;
    if (!common_step(d, types, &step, &scale)) {
        step = scale = 1;
        d->chance = true; /* zero, or luck */
    }
    double unit = (double)step / (double)scale, low, high;
    usual_window(d, range, &low, &high);
    int64_t first = clamp_to_integer(ceil(range->low / unit - 1e-9));
    int64_t last = clamp_to_integer(floor(range->high / unit + 1e-9));
    int64_t usual_first = clamp_to_integer(ceil(low / unit));
    int64_t usual_last = clamp_to_integer(floor(high / unit));
    if (usual_first > usual_last) { /* the step is wider than what is usual */
        usual_first = first > -10 ? first : last < -10 ? last - 10 : -10;
        usual_last = usual_first > last - 20 ? last : usual_first + 20;
    }
    if (usual_first < first)
        usual_first = first;
    if (usual_last > last)
        usual_last = last;
    if (first > last || usual_first > usual_last) {
        generate_fail(d->generator, d->pointer, "no multiple of %.15g lies between %.15g and %.15g",
                      unit, range->low, range->high);
        return NULL;
    }
    json_t *fallback = NULL;
    int64_t count = random_between(d->generator->random, usual_first, usual_last);
    size_t tries = json_array_size(d->wish->avoid) + d->forbidden.count + 64;
    int64_t lowest = usual_first < first + 64 ? first : usual_first - 64;
    for (size_t i = 0; i < tries; i++, count = count < last ? count + 1 : lowest) {
        json_t *number = number_from(count, step, scale);
        if (!number || !within(range, json_number_value(number)) ||
            !(schema_type_of(number) & types) || generate_is_avoided(d, number)) {
            json_decref(number);
        } else if (divides_plainly(d, json_number_value(number))) {
            json_decref(fallback);
            return number;
        } else if (!fallback) {
            fallback = number;
        } else {
            json_decref(number);
        }
    }
    if (!fallback)
        generate_fail(d->generator, d->pointer, "no multiple of %.15g was found", unit);
    return fallback;
}

/* Where a value is usually to be found: by the property's name, else 1 to 100, moved into the
 * range. */
static void usual_window(const struct demand *d, const struct range *range, double *low,
                         double *high)
{
    if (!words_range(d->wish->name, low, high)) {
        *low = 1;
        *high = 100;
    }
    if (*low >= range->low && *high <= range->high)
        return;
    double from = fmax(*low, range->low), to = fmin(*high, range->high);
    if (from > to || (from == to && !within(range, from)) ||
        (range->low > -INFINITY && range->high < INFINITY &&
         range->high - range->low <= EXPLORED)) {
        from = range->low; /* the whole range, or its end that is known */
        to = range->high;
        if (from == -INFINITY)
            from = to - 100;
        else if (to == INFINITY || to - from > EXPLORED)
            to = from + 100;
    }
    *low = from;
    *high = to;
}

static int64_t clamp_to_integer(double value)
{
    if (value >= 9223372036854775808.0)
        return INT64_MAX;
    return value < -9223372036854775808.0 ? INT64_MIN : (int64_t)value;
}
