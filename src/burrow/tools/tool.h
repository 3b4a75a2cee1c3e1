/* What a tool is, and the one table of them. A tool's schemas are JSON texts beside its function;
 * its arguments are checked against them before the function runs, so that it can take what is
 * required for granted. */
#ifndef BURROW_TOOLS_TOOL_H
#define BURROW_TOOLS_TOOL_H

#include "burrow/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum tool_flags {
    TOOL_READ_ONLY = 1,   /* readOnlyHint; runs in no transaction */
    TOOL_DESTRUCTIVE = 2, /* destructiveHint */
    TOOL_IDEMPOTENT = 4,  /* idempotentHint */
    TOOL_PURE = 8         /* uses no tier: runs without the store's lock; implies read only */
};

/* Who waits for a call. Functions are called in the thread that runs it, under the store's lock:
 * they must not block. */
struct tool_watch {
    void (*progress)(void *context, size_t done, size_t total);
    bool (*cancelled)(void *context); /* nobody wants the result any more */
    void *context;
};

struct tool_call {
    struct store *store;
    const struct tool *tool;
    const json_t *arguments;        /* an object, valid against input_schema; borrowed */
    const struct tool_watch *watch; /* NULL: nobody */
    json_t *structured;             /* set by the tool: a new object, valid against output_schema */
    json_t *content;                /* may be set: more content blocks (images), an array */
    const char *reason;             /* of a failure, in static snake_case: "not_found" */
    struct error error;             /* its text, which names the argument and the remedy */
};

struct tool {
    const char *name, *title, *description;
    const char *category; /* of load: "mem", "dia", "ml", "kg", "ana" */
    unsigned flags;
    const char *input_schema;  /* JSON Schema 2020-12, with examples; additionalProperties false */
    const char *output_schema; /* of `structured`: type object */
    /* 0 with `structured` set, or -1 after tool_fail. A failure undoes what was written. */
    int (*run)(struct tool_call *call);
};

struct tool_group {
    const char *name;              /* "core_memory" */
    const char *const *migrations; /* of its tables, ended by NULL; NULL: it has none */
    const struct tool *tools;
    size_t count;
    /* With its tables; may be NULL. A store may have several dispatchers: the first one opens. */
    int (*open)(struct store *store, struct error *error);
};

/* Fail the call; returns -1. Reasons: not_found, invalid_argument, conflict, tier_unavailable,
 * too_large, cancelled, internal. */
int tool_fail(struct tool_call *call, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fail with what a tier said, already in call->error: -1. */
int tool_fail_tier(struct tool_call *call);

/* For tools that work through many items: `done` of `total` are finished. 0 to go on; -1 when the
 * call was cancelled and has failed with that. Cheap. */
int tool_progress(struct tool_call *call, size_t done, size_t total);

/* Arguments; the fallback when absent. */
const char *tool_text(const struct tool_call *call, const char *name, const char *fallback);
int64_t tool_integer(const struct tool_call *call, const char *name, int64_t fallback);
double tool_number(const struct tool_call *call, const char *name, double fallback);
bool tool_boolean(const struct tool_call *call, const char *name, bool fallback);
const json_t *tool_value(const struct tool_call *call, const char *name); /* NULL when absent */
/* Of a value inside an argument: to JSON Schema 3.0 is an integer too, and so is 1e300, which
 * becomes the largest there is. */
int64_t tool_integer_of(const json_t *value, int64_t fallback);

/* The groups, in the order of docs/tools.md; ended by NULL. */
extern const struct tool_group *const tool_groups[];
const struct tool *tool_find(const char *name);

#endif
