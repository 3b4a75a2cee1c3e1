/* How a value is made. What is asked of it is a list of literals: subschemas that must hold or must
 * not. They are taken apart into one `struct demand` (allOf and $ref merged, a branch of anyOf,
 * oneOf or if chosen), a value is built to the demand, and checked. What was chosen is remembered
 * in `struct choices`, so that a demand that contradicts itself leads to the next choice, like an
 * odometer: a search, not a lottery. */
#ifndef CICADA_MCP_SCHEMA_GENERATE_H
#define CICADA_MCP_SCHEMA_GENERATE_H

#include "mcp/schema_internal.h"

#define GENERATE_SOFT_DEPTH  6 /* below, values are as small as the schema allows */
#define GENERATE_HARD_DEPTH  64
#define GENERATE_WORK        20000 /* attempts in all */
#define GENERATE_ATTEMPTS    400   /* for one value */
#define GENERATE_MANY        3000  /* values, after which they are as small as the schema allows */
#define GENERATE_STEPS       3000000           /* of validation in all */
#define GENERATE_MAX_OUTPUT  ((size_t)4 << 20) /* bytes of strings in all */
#define GENERATE_MAX_CHOICES 128
#define GENERATE_MAX_DEMAND  4000 /* literals merged into one value */

struct literal {
    const struct schema_node *node;
    bool negated;
};

struct list { /* of pointers, in an arena */
    const void **items;
    size_t count, capacity;
};

struct choice {
    size_t count, start, step; /* picks (start + step) % count */
};

struct choices {
    struct choice items[GENERATE_MAX_CHOICES];
    size_t count; /* made in the last attempt */
    size_t used;  /* replayed in this one */
};

struct generator {
    struct random *random;
    bool varied;
    size_t work, steps, output, made; /* left, left, left, values made */
    char problem[800];
};

/* Where a value stands. */
struct wish {
    const char *name; /* of the property it is for, or whose array it is in; NULL at the root */
    unsigned depth;
    const json_t *avoid; /* an array of values it must differ from, or NULL */
};

struct named_literal { /* a demand on one property */
    const char *name;
    struct literal literal;
};

struct placed_literal { /* a demand on one item */
    size_t index;
    struct literal literal;
};

struct negative { /* a literal that must not hold, left to luck until it turned out to hold */
    const struct schema_node *node;
    size_t choice; /* which choice decides how it is refuted */
};

/* Everything asked of one value. Lists hold what their names say; JSON belongs to the schema. */
struct demand {
    struct schema_arena arena;
    struct generator *generator;
    struct choices *choices;
    const struct wish *wish;
    struct list literals;    /* struct literal, each once */
    struct list pending;     /* struct pending: choices to make when all that is certain is known */
    const char *pointer;     /* of the first subschema, for messages */
    unsigned types, implied; /* allowed; suggested by the keywords that are there */
    struct list enumerations, constants, hints; /* json_t */
    struct list forbidden;                      /* json_t: not const, not enum */
    const json_t *low, *high;
    bool low_exclusive, high_exclusive;
    double format_low, format_high;
    struct list multiples, not_multiples; /* json_t */
    size_t min_length, max_length;
    struct list patterns, formats; /* struct schema_pattern, schema_format */
    struct list not_patterns, not_formats;
    struct list arrays; /* struct schema_node that say something of arrays */
    size_t min_items, max_items;
    bool unique, duplicate; /* duplicate: some item must stand twice */
    struct list placed;     /* struct placed_literal */
    struct list each;       /* struct literal: of every item */
    struct list contains;   /* struct schema_node with a `contains` to meet */
    struct list objects;    /* struct schema_node that say something of objects */
    size_t min_properties, max_properties;
    struct list required, absent; /* names */
    struct list named;            /* struct named_literal */
    struct list negatives;        /* struct negative */
    bool chance; /* it failed, or may fail, by bad luck: trying again makes sense */
};

/* ---- schema_generate.c ---- */
json_t *generate_value(struct generator *g, const struct literal *literals, size_t count,
                       const struct wish *wish);
/* The same for a list of them in `arena`; an empty one asks for anything. */
json_t *generate_listed(struct demand *d, const struct list *literals, const struct wish *wish);
bool generate_add_literal(struct demand *d, struct list *list, const struct schema_node *node,
                          bool negated);
int generate_fail(struct generator *g, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool generate_minimal(const struct generator *g, const struct wish *wish);

/* ---- schema_demand.c ---- */
void demand_open(struct demand *d, struct generator *g, struct choices *choices,
                 const struct wish *wish);
void demand_close(struct demand *d);
/* Merge; false when they contradict each other (the generator's problem says where). */
bool demand_collect(struct demand *d, const struct literal *literals, size_t count);
bool demand_add(struct demand *d, const struct schema_node *node, bool negated);
size_t demand_choose(struct demand *d, size_t count, size_t preferred);
bool demand_require(struct demand *d, const char *name, const char *pointer);
bool demand_forbid(struct demand *d, const char *name, const char *pointer);
bool demand_types(struct demand *d, unsigned types, const char *pointer);
void demand_low(struct demand *d, const json_t *bound, bool exclusive);
void demand_high(struct demand *d, const json_t *bound, bool exclusive);
bool list_add(struct schema_arena *arena, struct list *list, const void *item);
bool list_has_name(const struct list *list, const char *name);

/* ---- schema_negate.c ---- */
size_t negation_options(const struct schema_node *node);
/* Make `node` not hold, in one of its ways. */
bool negation_apply(struct demand *d, const struct schema_node *node, size_t option);

/* ---- schema_generate_scalar.c, _number.c, _structure.c: NULL when it cannot be ---- */
json_t *generate_number(struct demand *d, unsigned types);
json_t *generate_string(struct demand *d);
json_t *generate_array(struct demand *d);
json_t *generate_object(struct demand *d);
bool generate_is_avoided(const struct demand *d, const json_t *value);

/* ---- schema_words.c ---- */
/* A text that suits a property of this name; static. */
const char *words_text(const char *name, struct random *random);
/* The usual range of a number of this name; false when the name says nothing. */
bool words_range(const char *name, double *low, double *high);
const char *words_property_name(size_t index);

#endif
