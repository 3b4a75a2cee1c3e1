/* The settings of the null driver, from `driver_options` in a plan or the query of its URL
 * (null://?latency=5ms&operations=10), by the same names. */
#ifndef CICADA_DRIVERS_NULL_OPTIONS_H
#define CICADA_DRIVERS_NULL_OPTIONS_H

#include "drivers/driver.h"
#include "drivers/null_model.h"

struct null_options {
    uint64_t latency_ns, jitter_ns; /* an answer takes latency, plus up to jitter (uniform) */
    uint64_t connect_latency_ns;
    uint64_t stall_every_ns, stall_for_ns;     /* in every `every`, the last `for` answer nothing */
    uint64_t refuse_after_ns, revive_after_ns; /* since open: dead in between; 0: never */
    uint64_t error_after_ns,
        error_until_ns;        /* since open: error_rate holds in between; 0: always */
    double error_rate;         /* fractions, 0..1: the call ends in a source error */
    double reset_rate;         /* ... or its connection is reset */
    double hang_rate;          /* ... or never ends */
    double refuse_rate;        /* of connects */
    double session_error_rate; /* of session_open */
    uint64_t operations;       /* read-only tools offered: op0, op1, ... */
    uint64_t destructive;      /* tools offered that say they destroy: destructive0, ... */
    uint64_t undeclared;       /* tools offered that say nothing: undeclared0, ... */
    uint64_t sessions;         /* 1: each user needs a session */
    uint64_t calls_per_connection, max_connections;
    struct null_behaviour behaviour; /* beyond that */
    uint64_t pid;                    /* of a process to watch as if it were the target */
    char *response; /* the text of every answer; NULL: made from the operation's arguments */
};

bool null_options_model(const struct null_options *null_options); /* is any behaviour asked for? */

/* Fill from the options of a target. -1 with ERROR_USAGE naming the setting. */
int null_options_read(struct null_options *null_options, const struct target_options *options,
                      struct error *error);
void null_options_free(struct null_options *null_options);

#endif
