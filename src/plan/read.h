/* Reading a node tree into structs: tables of keys say which word fills which field, and every
 * error carries "file:line: path: what; remedy". The vocabulary itself is in read_*.c. */
#ifndef CICADA_PLAN_READ_H
#define CICADA_PLAN_READ_H

#include "plan/load.h"
#include "plan/node.h"
#include "plan/plan.h"
#include "plan/values.h"

/* Where in the document a value stands; built on the stack on the way down. */
struct place {
    const struct place *parent; /* NULL: the document itself */
    const char *key;            /* NULL: an element of a list */
    size_t index;
};

struct reader {
    const char *file;
    char *folder; /* of the file: what paths in it are relative to */
    struct plan *plan;
    struct error *error;
};

typedef int read_value(struct reader *reader, const struct node *node, const struct place *place,
                       void *field);

/* One word of a mapping. With `parse`, its value is a scalar in that form; else `read` takes it.
 * The field is `offset` bytes into the object that is read. */
struct key {
    const char *name;
    value_parse *parse;
    read_value *read;
    size_t offset;
};

/* Fill `object` from a mapping. `keys` ends with a NULL name. */
int read_map(struct reader *reader, const struct node *node, const struct place *place,
             const struct key *keys, void *object);
/* Call `read` for each element of a list, with `object` as its field. */
int read_list(struct reader *reader, const struct node *node, const struct place *place,
              read_value *read, void *object);
/* Call `read` for each key of a mapping; the key is the place's. */
int read_each(struct reader *reader, const struct node *node, const struct place *place,
              read_value *read, void *object);
int read_scalar(struct reader *reader, const struct node *node, const struct place *place,
                value_parse *parse, void *field);
int read_string_list(struct reader *reader, const struct node *node, const struct place *place,
                     void *field); /* char **; one scalar is a list of one */
int read_json(struct reader *reader, const struct node *node, const struct place *place,
              void *field); /* json_t * */

int read_fail(struct reader *reader, const struct node *node, const struct place *place,
              const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Put "file:line: path: " in front of the error that is already there. */
int read_fail_here(struct reader *reader, const struct node *node, const struct place *place);
/* The same for an error that begins with a key of the mapping `node`: "file:line: path.". */
int read_fail_below(struct reader *reader, const struct node *node, const struct place *place);
int read_out_of_memory(struct reader *reader);

/* "file:line", owned by the plan. NULL when memory is out. */
const char *read_where(struct reader *reader, const struct node *node);

/* ---- the parts of the vocabulary ----------------------------------------------------------------
 */

/* The words of a load, for the table of an object that holds a struct load_settings `base` bytes
 * in. */
#define LOAD_KEY(word, parse_it, base, part)                                                       \
    {                                                                                              \
        word, parse_it, NULL, (base) + offsetof(struct load_settings, part)                        \
    }
#define LOAD_KEYS(base)                                                                            \
    LOAD_KEY("users", value_users, base, users), LOAD_KEY("rate", value_rate, base, rate),         \
        LOAD_KEY("duration", value_duration, base, duration_ns),                                   \
        LOAD_KEY("operations", value_total, base, operations),                                     \
        LOAD_KEY("shape", value_shape, base, shape), LOAD_KEY("steps", value_count, base, steps),  \
        LOAD_KEY("teeth", value_count, base, teeth),                                               \
        LOAD_KEY("spike_at", value_duration, base, spike_at_ns),                                   \
        LOAD_KEY("spike_for", value_duration, base, spike_for_ns),                                 \
        LOAD_KEY("ramp", value_duration, base, ramp_ns),                                           \
        LOAD_KEY("stepped", value_flag, base, points_stepped),                                     \
        {"points", NULL, read_points, base}, {"arrivals", value_arrivals, NULL, base},             \
        LOAD_KEY("max_in_flight", value_count, base, max_in_flight),                               \
        LOAD_KEY("in_flight", value_count, base, in_flight),                                       \
        LOAD_KEY("think_time", value_time_range, base, think),                                     \
        LOAD_KEY("pace", value_duration, base, pace_ns), LOAD_KEY("mix", value_text, base, mix)

int read_points(struct reader *reader, const struct node *node, const struct place *place,
                void *field); /* struct load_settings */

/* A phase of the list `phases`, added to the plan. `field` is the struct load_settings whose think
 * time, in flight, ... stand at the top of the plan and hold for every phase. */
int read_phase(struct reader *reader, const struct node *node, const struct place *place,
               void *field);

/* The alert rules, added to the plan. */
int read_alerts(struct reader *reader, const struct node *node, const struct place *place,
                void *field);

/* A target, added to the plan. */
int read_target(struct reader *reader, const struct node *node, const struct place *place,
                void *field);

/* What a mix is made of, for the table of an object that holds a struct mix `base` bytes in. */
#define MIX_KEY(word, parse_it, read_it, base, part)                                               \
    {                                                                                              \
        word, parse_it, read_it, (base) + offsetof(struct mix, part)                               \
    }
#define MIX_KEYS(base)                                                                             \
    {"tools", NULL, read_tools, base}, {"requests", NULL, read_requests, base},                    \
        {"behaviours", NULL, read_behaviours, base}, {"categories", NULL, read_categories, base},  \
        MIX_KEY("include", NULL, read_string_list, base, include),                                 \
        MIX_KEY("exclude", NULL, read_string_list, base, exclude),                                 \
        MIX_KEY("allow_destructive", value_flag, NULL, base, allow_destructive),                   \
        MIX_KEY("variants", value_count, NULL, base, variants),                                    \
        MIX_KEY("minimum_sample", value_count, NULL, base, minimum_sample)

read_value read_tools, read_requests, read_behaviours, read_categories; /* struct mix */

/* A mix of the list `mixes`, added to the plan. */
int read_mix(struct reader *reader, const struct node *node, const struct place *place,
             void *field);

#endif
