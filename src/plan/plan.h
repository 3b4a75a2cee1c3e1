/* The plan: everything a run does, as one validated value. YAML and flags both end here; the engine
 * reads nothing else. `cicada run --show-plan` prints it back as YAML that parses to the same plan.
 */
#ifndef CICADA_PLAN_PLAN_H
#define CICADA_PLAN_PLAN_H

#include "base/error.h"
#include "base/template.h"
#include "drivers/target_options.h"
#include "monitor/alert.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- load over time ----------------------------------------------------------------------------
 */

enum load_model { LOAD_CLOSED /* users */, LOAD_OPEN /* arrivals */ };
enum arrivals { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

/* The load at a time since the phase began. Between two points it moves linearly, or steps. Every
 * shape (steps, linear, spike, sawtooth, soak, custom, constant) is turned into these by the plan.
 */
struct load_point {
    uint64_t at_ns;
    double level; /* users, or arrivals per second */
};

enum phase_kind { /* what the analysis makes of it */
                  PHASE_CUSTOM,
                  PHASE_RAMP_UP,
                  PHASE_PEAK,
                  PHASE_STRESS,
                  PHASE_RECOVERY, /* ends early once recovered */
                  PHASE_MEMORY,
                  PHASE_RAMP_DOWN,
                  PHASE_IDLE,  /* no load: what the target releases */
                  PHASE_WARMUP /* kept apart from the figures */
};

/* One of several mixes that a phase runs at once. */
struct phase_mix {
    char *name;
    double weight; /* its share of the users, or of the arrivals */
};

struct phase {
    char *name; /* unique: "ramp-up", "peak", "stress", "recovery", "memory", "ramp-down", "idle" */
    enum phase_kind kind;
    enum load_model model;
    enum arrivals arrivals;
    struct load_point *points; /* ascending; the last one's at_ns is the duration */
    size_t point_count;
    bool stepped;           /* hold each point until the next instead of moving linearly */
    uint64_t duration_ns;   /* 0: until `operations` are done */
    uint64_t operations;    /* 0: until the duration is over */
    unsigned max_in_flight; /* open model: arrivals beyond wait with their clock running */
    unsigned in_flight_per_user;
    uint64_t think_min_ns, think_max_ns; /* uniform, between operations; 0: none */
    uint64_t pace_ns;                    /* start an iteration every pace_ns per user; 0: unpaced */
    char *mix;                           /* name of the mix; NULL: the first */
    struct phase_mix *mixes; /* several at once, on one target or several; none: `mix` alone */
    size_t mix_count;
    bool not_run; /* known, but nothing to do: reported as not run, with the reason */
    char *not_run_reason;
    const char *where;
};

/* ---- what the users do
 * --------------------------------------------------------------------------- */

enum step_on_error { STEP_CONTINUE, STEP_ABORT };

struct capture {
    char *name;
    char *pointer; /* JSON Pointer (RFC 6901) into the result */
};

struct check { /* on the answer of one step */
    char *pointer;
    json_t *equals; /* NULL: only that it exists */
};

struct step {
    char *kind; /* "tool", "ping", "resource", "prompt", "complete", "tools/list", "discover",
                   "session_churn", "connection_churn", ... : the kind of an offer */
    char *name; /* glob over the offers of that kind */
    json_t *arguments; /* NULL: generated */
    struct capture *captures;
    size_t capture_count;
    struct check *checks;
    size_t check_count;
    uint64_t think_min_ns, think_max_ns; /* after this step */
    enum step_on_error on_error;
    const char *where;
};

/* One entry of a mix. With one step and a glob in its name it stands for every offer that matches,
 * each with `weight`; with several steps it is a behaviour that a user runs from first to last. */
struct mix_entry {
    char *name; /* of a behaviour; NULL for a single step */
    double weight;
    struct step *steps;
    size_t step_count;
    const char *where;
};

struct category {
    char *name;
    double weight; /* share of the users */
    char **globs;  /* NULL-ended; the offers (tools) that belong to it */
    const char *where;
};

struct mix {
    char *name;
    char *target;              /* name of the target; NULL: the first */
    struct mix_entry *entries; /* none: every tool, weight 1 */
    size_t entry_count;
    struct category *categories; /* none: one of its own, "tools" */
    size_t category_count;
    char **include, **exclude; /* globs over tool names, NULL-ended, may be NULL */
    bool allow_destructive;
    unsigned variants;       /* argument sets generated per tool; 16 */
    unsigned minimum_sample; /* operations each entry should get; reported when missed */
    const char *where;
};

/* ---- what must hold
 * ------------------------------------------------------------------------------- */

enum threshold_figure {
    FIGURE_PERCENTILE,
    FIGURE_MEAN,
    FIGURE_MAX,    /* latency, ns */
    FIGURE_ERRORS, /* fraction 0..1 */
    FIGURE_RATE,   /* operations per second */
    FIGURE_RECALL  /* fraction of right results, over the whole run */
};
enum threshold_compare { COMPARE_LESS, COMPARE_LESS_EQUAL, COMPARE_GREATER, COMPARE_GREATER_EQUAL };

/* p95<500ms, errors<1%, rate>100/s, p95{tool=echo}<50ms, errors{phase=peak}<1%, p99{target=a}<1s */
struct threshold {
    char *text; /* as written */
    enum threshold_figure figure;
    double fraction; /* of a percentile: 0.95 */
    enum threshold_compare compare;
    double value;                /* ns, fraction, or per second */
    char *tool, *phase, *target; /* selectors, globs; NULL: all */
    const char *where;
};

/* What is said of the memory tiers of the built-in plan, until its memory phases are made. */
enum tier { TIER_REDIS, TIER_NEO4J, TIER_FAISS, TIER_SQLITE, TIERS };
struct tier_settings {
    bool wanted;       /* the plan has a memory phase to be made of them */
    bool none;         /* ... but no tier */
    char *urls[TIERS]; /* NULL: the embedded one, if there is one; "none": not this one */
};

struct plan {
    char *name;   /* "validate" for the built-in one */
    char *source; /* file name, or "built-in" */
    struct target_options *targets;
    size_t target_count;
    struct mix *mixes;
    size_t mix_count;
    struct phase *phases;
    size_t phase_count;
    struct threshold *thresholds;
    size_t threshold_count;
    struct threshold *abort_on; /* evaluated each second over the last 10 s */
    size_t abort_on_count;
    struct alert_rule *alerts; /* stand over the default rules: alert_rules_combine */
    size_t alert_count;
    struct tier_settings tiers;
    struct template_data data; /* the CSV file of `data:`; column_count 0 if none */
    char *data_file;
    uint64_t seed;
    uint64_t timeout_ns; /* of one operation; also how long a phase drains */
    uint64_t connect_timeout_ns;
    uint64_t lost_after_ns; /* a target that cannot be reached for so long ends the run; 0: 10 s,
                               3 s if quick */
    unsigned workers;       /* threads; 0: one per core */
    unsigned repeat;        /* 1 */
    unsigned segment, segments; /* I of N; 1 of 1: this generator's share of users and arrivals */
    uint64_t start_at_wall_ns;  /* 0: at once */
    char **tags;                /* "K=V", NULL-ended, may be NULL */
    bool quick;
    char **places; /* "plan.yaml:12": owns what `where` points to */
    size_t place_count;
};

/* Parse and validate YAML. Every error is "file:line: path: what; remedy" with ERROR_USAGE. */
int plan_load(struct plan *plan, const char *file, struct error *error);
int plan_parse(struct plan *plan, const char *file_name, const char *text, size_t length,
               struct error *error);

/* The built-in five-phase plan for one target (ownership of `target` moves in). */
int plan_validate_default(struct plan *plan, struct target_options *target, bool quick,
                          struct error *error);

/* Apply the flags of `run`: plan_options.h. */

/* Print as YAML. Secrets show as "***". */
int plan_print(const struct plan *plan, struct buffer *output);

/* The defaults of a target: protocol and transport "auto", HTTP/2 and the GET stream on, one child.
 * -1 when memory is out. target_options_free is harmless on a zeroed one. */
int target_options_init(struct target_options *target, const char *name);
void target_options_free(struct target_options *target);

void plan_free(struct plan *plan); /* also harmless on a zeroed plan */

double load_level_at(const struct phase *phase, uint64_t since_start_ns);
const char *phase_kind_name(enum phase_kind kind);
enum phase_kind phase_kind_from_name(const char *name); /* PHASE_CUSTOM when unknown */

/* Parse one threshold expression; `where` is kept for messages. */
int threshold_parse(struct threshold *threshold, const char *text, const char *where,
                    struct error *error);
void threshold_free(struct threshold *threshold);

/* "500ms", "1.5s", "2m", "1h", "100us", "0" -> ns; "64KiB", "10MB" -> bytes. -1 when neither. */
int plan_parse_duration(const char *text, uint64_t *ns);
int plan_parse_size(const char *text, uint64_t *bytes);

#endif
