/* The load of one phase as it is written (users, rate, shape, duration, ...), and its turning into
 * the points that the engine follows. YAML phases, the flags of `run` and the built-in plan all
 * pass here. */
#ifndef CICADA_PLAN_LOAD_H
#define CICADA_PLAN_LOAD_H

#include "plan/plan.h"
#include "plan/values.h"

enum shape {
    SHAPE_UNSET, /* constant, or linear when the level is a range */
    SHAPE_CONSTANT,
    SHAPE_STEPS,    /* `steps` equal steps from the first level to the second */
    SHAPE_LINEAR,   /* a straight line from the first to the second */
    SHAPE_SPIKE,    /* the first, at once the second for a while, and back */
    SHAPE_SAWTOOTH, /* `teeth` times a line from the first to the second */
    SHAPE_SOAK,     /* up to the level within `ramp`, then hold it */
    SHAPE_CUSTOM    /* `points` */
};
extern const struct choice shape_choices[];
extern const struct choice arrivals_choices[];
extern const struct choice phase_kind_choices[];

value_parse value_shape;      /* enum shape */
value_parse value_arrivals;   /* struct load_settings */
value_parse value_phase_kind; /* enum phase_kind */

#define LOAD_STEPS_LIMIT  1000u
#define LOAD_POINTS_LIMIT 10000u

/* What is 0, NULL or not `set` was not given. */
struct load_settings {
    enum shape shape;
    struct level_range users, rate;
    uint64_t duration_ns, operations;
    unsigned steps, teeth;
    uint64_t spike_at_ns, spike_for_ns, ramp_ns;
    struct load_point *points; /* custom; owned */
    size_t point_count;
    bool points_are_rates, points_stepped;
    /* how the load is offered */
    bool arrivals_set;
    enum arrivals arrivals;
    unsigned max_in_flight, in_flight;
    struct time_range think;
    uint64_t pace_ns;
    char *mix; /* owned */
};

/* True when a level, a duration or a shape was given: what makes a phase of its own. */
bool load_settings_has_load(const struct load_settings *settings);
/* Take think time, in flight, pace, arrivals and mix from `defaults` where `settings` has none, as
 * far as they fit its model. -1 when memory is out. */
int load_settings_inherit(struct load_settings *settings, const struct load_settings *defaults);
/* Put the same words, where given, over those of a phase. -1 when memory is out. */
int load_settings_offer(struct phase *phase, const struct load_settings *over);
void load_settings_free(struct load_settings *settings);

/* Fill the load of `phase` (kind set already, the rest zeroed). Errors begin with the word they are
 * about, as in a plan: `duration: is missing; ...`. */
int load_build(struct phase *phase, const struct load_settings *settings, struct error *error);

/* The points of steps and lines, for the built-in plan and for printing; points is NULL when memory
 * is out. */
struct load_point *load_steps(double from, double to, unsigned steps, uint64_t duration_ns,
                              bool whole, size_t *count);
struct load_point *load_line(double from, double to, uint64_t duration_ns, size_t *count);

/* The same load in a part of the time. */
void load_shorten(struct phase *phase, unsigned divisor);
/* The same load over another duration; 0: without an end, which only a constant one can be (others
 * keep theirs). -1 when memory is out. */
int load_set_duration(struct phase *phase, uint64_t duration_ns);

double load_lowest(const struct phase *phase); /* above 0; 0 when there is no load at all */
double load_highest(const struct phase *phase);

#endif
