#include "plan/load.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SOAK_RAMP_MOST (300 * NS_PER_S)

const struct choice shape_choices[] = {{"constant", SHAPE_CONSTANT}, {"steps", SHAPE_STEPS},
                                       {"linear", SHAPE_LINEAR},     {"spike", SHAPE_SPIKE},
                                       {"sawtooth", SHAPE_SAWTOOTH}, {"soak", SHAPE_SOAK},
                                       {"custom", SHAPE_CUSTOM},     {NULL, 0}};
const struct choice arrivals_choices[] = {
    {"constant", ARRIVALS_CONSTANT}, {"poisson", ARRIVALS_POISSON}, {NULL, 0}};
const struct choice phase_kind_choices[] = {
    {"custom", PHASE_CUSTOM},       {"ramp-up", PHASE_RAMP_UP},
    {"peak", PHASE_PEAK},           {"stress", PHASE_STRESS},
    {"recovery", PHASE_RECOVERY},   {"memory", PHASE_MEMORY},
    {"ramp-down", PHASE_RAMP_DOWN}, {"idle", PHASE_IDLE},
    {"warmup", PHASE_WARMUP},       {NULL, 0}};

/* A level with its first value settled: "50" in a rising shape means 5..50. */
struct levels {
    double from, to;
    bool whole;
};

static int settle_model(struct phase *phase, const struct load_settings *settings,
                        struct error *error);
static int settle_levels(const struct phase *phase, const struct load_settings *settings,
                         enum shape shape, struct levels *levels, struct error *error);
static int check_words(const struct load_settings *settings, enum shape shape, struct error *error);
static int check_duration(const struct load_settings *settings, enum shape shape,
                          struct error *error);
static int build_points(struct phase *phase, const struct load_settings *settings, enum shape shape,
                        const struct levels *levels, struct error *error);

const char *phase_kind_name(enum phase_kind kind)
{
    return choice_name(phase_kind_choices, kind);
}

enum phase_kind phase_kind_from_name(const char *name)
{
    for (const struct choice *choice = phase_kind_choices; choice->name; choice++)
        if (strcmp(choice->name, name) == 0)
            return (enum phase_kind)choice->value;
    return PHASE_CUSTOM;
}

double load_level_at(const struct phase *phase, uint64_t since_start_ns)
{
    const struct load_point *points = phase->points;
    size_t low = 0, high = phase->point_count; /* first point later than the time */
    if (high == 0)
        return 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (points[middle].at_ns <= since_start_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return points[0].level;
    const struct load_point *before = &points[low - 1];
    if (phase->stepped || low == phase->point_count)
        return before->level;
    double part =
        (double)(since_start_ns - before->at_ns) / (double)(points[low].at_ns - before->at_ns);
    return before->level + (points[low].level - before->level) * part;
}

int value_shape(const char *text, void *field, const char *label, struct error *error)
{
    int value;
    if (value_choice(text, shape_choices, &value, label, error) < 0)
        return -1;
    *(enum shape *)field = (enum shape)value;
    return 0;
}

int value_arrivals(const char *text, void *field, const char *label, struct error *error)
{
    struct load_settings *settings = field;
    int value;
    if (value_choice(text, arrivals_choices, &value, label, error) < 0)
        return -1;
    settings->arrivals_set = true;
    settings->arrivals = (enum arrivals)value;
    return 0;
}

int value_phase_kind(const char *text, void *field, const char *label, struct error *error)
{
    int value;
    if (value_choice(text, phase_kind_choices, &value, label, error) < 0)
        return -1;
    *(enum phase_kind *)field = (enum phase_kind)value;
    return 0;
}

bool load_settings_has_load(const struct load_settings *settings)
{
    return settings->shape || settings->users.set || settings->rate.set || settings->duration_ns ||
           settings->operations || settings->point_count;
}

void load_settings_free(struct load_settings *settings)
{
    free(settings->points);
    free(settings->mix);
    *settings = (struct load_settings){0};
}

int load_settings_inherit(struct load_settings *settings, const struct load_settings *defaults)
{
    bool open = settings->rate.set || (settings->point_count && settings->points_are_rates);
    if (open && !settings->arrivals_set) {
        settings->arrivals_set = defaults->arrivals_set;
        settings->arrivals = defaults->arrivals;
    }
    if (open && !settings->max_in_flight)
        settings->max_in_flight = defaults->max_in_flight;
    if (!open && !settings->pace_ns)
        settings->pace_ns = defaults->pace_ns;
    if (!settings->in_flight)
        settings->in_flight = defaults->in_flight;
    if (!settings->think.set)
        settings->think = defaults->think;
    if (!settings->mix && defaults->mix) {
        settings->mix = strdup(defaults->mix);
        return settings->mix ? 0 : -1;
    }
    return 0;
}

int load_settings_offer(struct phase *phase, const struct load_settings *over)
{
    if (over->arrivals_set)
        phase->arrivals = over->arrivals;
    if (over->max_in_flight)
        phase->max_in_flight = over->max_in_flight;
    if (over->in_flight)
        phase->in_flight_per_user = over->in_flight;
    if (over->think.set) {
        phase->think_min_ns = over->think.min_ns;
        phase->think_max_ns = over->think.max_ns;
    }
    if (over->pace_ns)
        phase->pace_ns = over->pace_ns;
    if (over->mix && !phase->mix_count) {
        free(phase->mix);
        phase->mix = strdup(over->mix);
        if (!phase->mix)
            return -1;
    }
    return 0;
}

int load_build(struct phase *phase, const struct load_settings *settings, struct error *error)
{
    struct levels levels;
    enum shape shape = settings->shape;
    if (settle_model(phase, settings, error) < 0)
        return -1;
    const struct level_range *range =
        phase->model == LOAD_OPEN ? &settings->rate : &settings->users;
    if (shape == SHAPE_UNSET)
        shape = settings->point_count ? SHAPE_CUSTOM
                : range->is_range     ? SHAPE_LINEAR
                                      : SHAPE_CONSTANT;
    if (check_words(settings, shape, error) < 0 ||
        settle_levels(phase, settings, shape, &levels, error) < 0 ||
        check_duration(settings, shape, error) < 0 ||
        build_points(phase, settings, shape, &levels, error) < 0)
        return -1;
    if (phase->kind != PHASE_IDLE && load_highest(phase) <= 0)
        return error_set(error, ERROR_USAGE,
                         phase->model == LOAD_OPEN
                             ? "rate: must be above 0; a phase without load is kind: idle"
                             : "users: must be a whole number of at least 1; a phase without load "
                               "is kind: idle");
    phase->duration_ns = phase->points[phase->point_count - 1].at_ns;
    phase->operations = settings->operations;
    phase->max_in_flight = 1000;
    phase->in_flight_per_user = 1;
    return load_settings_offer(phase, settings) < 0 ? error_out_of_memory(error) : 0;
}

void load_shorten(struct phase *phase, unsigned divisor)
{
    for (size_t i = 0; i < phase->point_count; i++)
        phase->points[i].at_ns /= divisor;
    phase->duration_ns /= divisor;
}

int load_set_duration(struct phase *phase, uint64_t duration_ns)
{
    double level = phase->points[0].level;
    bool constant = true;
    for (size_t i = 0; i < phase->point_count; i++)
        constant = constant && phase->points[i].level == level;
    if (constant) {
        size_t count;
        struct load_point *points = load_line(level, level, duration_ns, &count);
        if (!points)
            return -1;
        free(phase->points);
        phase->points = points;
        phase->point_count = count;
        phase->stepped = false;
        phase->duration_ns = duration_ns;
    } else if (duration_ns) {
        for (size_t i = 0; i < phase->point_count; i++)
            phase->points[i].at_ns = (uint64_t)((unsigned __int128)phase->points[i].at_ns *
                                                duration_ns / phase->duration_ns);
        phase->duration_ns = duration_ns;
    }
    return 0;
}

double load_highest(const struct phase *phase)
{
    double highest = 0;
    for (size_t i = 0; i < phase->point_count; i++)
        highest = fmax(highest, phase->points[i].level);
    return highest;
}

double load_lowest(const struct phase *phase)
{
    double lowest = load_highest(phase);
    for (size_t i = 0; i < phase->point_count; i++)
        if (phase->points[i].level > 0)
            lowest = fmin(lowest, phase->points[i].level);
    return lowest;
}

/* ---- checks -------------------------------------------------------------------------------------
 */

static int settle_model(struct phase *phase, const struct load_settings *settings,
                        struct error *error)
{
    if (settings->users.set && settings->rate.set)
        return error_set(error, ERROR_USAGE,
                         "rate: cannot stand beside users; give users for a closed load or a rate "
                         "for an open one");
    if (settings->point_count && (settings->users.set || settings->rate.set))
        return error_set(error, ERROR_USAGE,
                         "points: hold the levels already; leave out users and rate");
    bool open = settings->rate.set || (settings->point_count != 0 && settings->points_are_rates);
    phase->model = open ? LOAD_OPEN : LOAD_CLOSED;
    if (!open && settings->arrivals_set)
        return error_set(error, ERROR_USAGE,
                         "arrivals: are of an open load; give a rate instead of users");
    if (!open && settings->max_in_flight)
        return error_set(error, ERROR_USAGE,
                         "max_in_flight: is of an open load; in_flight bounds each user");
    if (open && settings->pace_ns)
        return error_set(error, ERROR_USAGE,
                         "pace: is of a closed load; in an open one the rate says when to start");
    return 0;
}

static int settle_levels(const struct phase *phase, const struct load_settings *settings,
                         enum shape shape, struct levels *levels, struct error *error)
{
    bool open = phase->model == LOAD_OPEN;
    const struct level_range *range = open ? &settings->rate : &settings->users;
    *levels = (struct levels){range->from, range->to, !open};
    if (shape == SHAPE_CUSTOM || phase->kind == PHASE_IDLE)
        return 0;
    if (!range->set)
        return error_set(error, ERROR_USAGE,
                         "users: is missing; give users (50, say) or a rate (100/s, say)");
    bool flat = shape == SHAPE_CONSTANT || shape == SHAPE_SOAK;
    if (flat && range->is_range)
        return error_set(error, ERROR_USAGE,
                         "%s: is a range, but the shape %s has one level; give one number, or the "
                         "shape steps, linear, spike or sawtooth",
                         open ? "rate" : "users", choice_name(shape_choices, shape));
    if (!flat && !range->is_range) {
        levels->from = range->to / 10;
        if (!open)
            levels->from = fmax(1, floor(levels->from));
    }
    return 0;
}

static int check_words(const struct load_settings *settings, enum shape shape, struct error *error)
{
    const struct {
        const char *word;
        bool given;
        enum shape shape;
    } words[] = {{"steps", settings->steps != 0, SHAPE_STEPS},
                 {"teeth", settings->teeth != 0, SHAPE_SAWTOOTH},
                 {"spike_at", settings->spike_at_ns != 0, SHAPE_SPIKE},
                 {"spike_for", settings->spike_for_ns != 0, SHAPE_SPIKE},
                 {"ramp", settings->ramp_ns != 0, SHAPE_SOAK},
                 {"points", settings->point_count != 0, SHAPE_CUSTOM},
                 {"stepped", settings->points_stepped, SHAPE_CUSTOM}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].given && words[i].shape != shape)
            return error_set(error, ERROR_USAGE,
                             "%s: belongs to the shape %s, but the shape is %s; leave it out or "
                             "change the shape",
                             words[i].word, choice_name(shape_choices, words[i].shape),
                             choice_name(shape_choices, shape));
    if (settings->steps > LOAD_STEPS_LIMIT || settings->teeth > LOAD_STEPS_LIMIT)
        return error_set(error, ERROR_USAGE, "%s: must be at most %u; write e.g. 10",
                         settings->steps ? "steps" : "teeth", LOAD_STEPS_LIMIT);
    if (shape == SHAPE_CUSTOM && settings->point_count < 2)
        return error_set(error, ERROR_USAGE,
                         "points: are missing; a custom shape takes two at least, e.g. "
                         "[{at: 0, users: 5}, {at: 60s, users: 50}]");
    return 0;
}

static int check_duration(const struct load_settings *settings, enum shape shape,
                          struct error *error)
{
    if (shape == SHAPE_CUSTOM) {
        if (settings->duration_ns)
            return error_set(error, ERROR_USAGE,
                             "duration: of a custom shape is the time of its last point; leave it "
                             "out");
        return 0;
    }
    if (settings->duration_ns == 0 && (shape != SHAPE_CONSTANT || settings->operations == 0))
        return error_set(error, ERROR_USAGE,
                         shape == SHAPE_CONSTANT
                             ? "duration: is missing; give a duration (30s, say) or a number of "
                               "operations"
                             : "duration: is missing; a shape takes one, e.g. 60s");
    if (shape == SHAPE_SPIKE && settings->duration_ns) {
        uint64_t at = settings->spike_at_ns ? settings->spike_at_ns : settings->duration_ns / 5 * 2;
        uint64_t hold = settings->spike_for_ns ? settings->spike_for_ns : settings->duration_ns / 5;
        if (at >= settings->duration_ns || hold > settings->duration_ns - at)
            return error_set(
                error, ERROR_USAGE,
                "spike_at: puts the spike beyond the end of the phase; make the duration "
                "longer or the spike earlier or shorter");
    }
    if (shape == SHAPE_SOAK && settings->ramp_ns > settings->duration_ns)
        return error_set(error, ERROR_USAGE,
                         "ramp: is longer than the phase; make it part of the duration");
    return 0;
}

/* ---- points -------------------------------------------------------------------------------------
 */

struct load_point *load_steps(double from, double to, unsigned steps, uint64_t duration_ns,
                              bool whole, size_t *count)
{
    struct load_point *points = calloc((size_t)steps + 1, sizeof *points);
    *count = (size_t)steps + 1;
    for (unsigned i = 0; points && i <= steps; i++) {
        unsigned step = i < steps ? i : steps - 1; /* the last point only ends the last step */
        double level = steps > 1 ? from + (to - from) * step / (steps - 1) : to;
        points[i].at_ns = duration_ns / steps * i + duration_ns % steps * i / steps;
        points[i].level = whole ? round(level) : level;
    }
    return points;
}

struct load_point *load_line(double from, double to, uint64_t duration_ns, size_t *count)
{
    struct load_point *points = calloc(2, sizeof *points);
    *count = duration_ns ? 2 : 1; /* without a duration: the level until the operations are done */
    if (points) {
        points[0] = (struct load_point){0, from};
        points[1] = (struct load_point){duration_ns, to};
    }
    return points;
}

static struct load_point *spike_points(const struct load_settings *settings,
                                       const struct levels *levels, size_t *count)
{
    uint64_t duration = settings->duration_ns;
    uint64_t at = settings->spike_at_ns ? settings->spike_at_ns : duration / 5 * 2;
    uint64_t hold = settings->spike_for_ns ? settings->spike_for_ns : duration / 5;
    struct load_point *points = calloc(4, sizeof *points);
    *count = 4;
    if (points) {
        points[0] = (struct load_point){0, levels->from};
        points[1] = (struct load_point){at, levels->to};
        points[2] = (struct load_point){at + hold, levels->from};
        points[3] = (struct load_point){duration, levels->from};
    }
    return points;
}

static struct load_point *sawtooth_points(const struct load_settings *settings,
                                          const struct levels *levels, size_t *count)
{
    unsigned teeth = settings->teeth ? settings->teeth : 4;
    uint64_t duration = settings->duration_ns;
    struct load_point *points = calloc((size_t)teeth * 2, sizeof *points);
    *count = (size_t)teeth * 2;
    for (unsigned i = 0; points && i < teeth; i++) {
        points[2 * i] =
            (struct load_point){duration / teeth * i + duration % teeth * i / teeth, levels->from};
        points[2 * i + 1] = (struct load_point){
            duration / teeth * (i + 1) + duration % teeth * (i + 1) / teeth, levels->to};
    }
    return points;
}

static struct load_point *soak_points(const struct load_settings *settings,
                                      const struct levels *levels, size_t *count)
{
    uint64_t ramp = settings->duration_ns / 10;
    struct load_point *points = calloc(3, sizeof *points);
    if (settings->ramp_ns)
        ramp = settings->ramp_ns;
    else if (ramp > SOAK_RAMP_MOST)
        ramp = SOAK_RAMP_MOST;
    *count = 3;
    if (points) {
        points[0] = (struct load_point){0, levels->whole ? 1 : 0};
        points[1] = (struct load_point){ramp, levels->to};
        points[2] = (struct load_point){settings->duration_ns, levels->to};
    }
    return points;
}

static struct load_point *custom_points(const struct load_settings *settings, size_t *count)
{
    struct load_point *points = calloc(settings->point_count, sizeof *points);
    if (points)
        memcpy(points, settings->points, settings->point_count * sizeof *points);
    *count = settings->point_count;
    return points;
}

static int build_points(struct phase *phase, const struct load_settings *settings, enum shape shape,
                        const struct levels *levels, struct error *error)
{
    size_t *count = &phase->point_count;
    uint64_t duration = settings->duration_ns;
    switch (shape) {
    case SHAPE_UNSET:
    case SHAPE_CONSTANT:
        phase->points = load_line(levels->to, levels->to, duration, count);
        break;
    case SHAPE_STEPS:
        phase->points = load_steps(levels->from, levels->to, settings->steps ? settings->steps : 10,
                                   duration, levels->whole, count);
        phase->stepped = true;
        break;
    case SHAPE_LINEAR:
        phase->points = load_line(levels->from, levels->to, duration, count);
        break;
    case SHAPE_SPIKE:
        phase->points = spike_points(settings, levels, count);
        phase->stepped = true;
        break;
    case SHAPE_SAWTOOTH:
        phase->points = sawtooth_points(settings, levels, count);
        break;
    case SHAPE_SOAK:
        phase->points = soak_points(settings, levels, count);
        break;
    case SHAPE_CUSTOM:
        phase->points = custom_points(settings, count);
        phase->stepped = settings->points_stepped;
        break;
    }
    if (!phase->points) {
        phase->point_count = 0;
        return error_out_of_memory(error);
    }
    return 0;
}
