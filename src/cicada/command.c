/* What the subcommands share. See command.h. */
#include "cicada/command.h"

#include <stdio.h>
#include <stdlib.h>

int command_fail(const struct error *error)
{
    fprintf(stderr, "cicada: %s\n", error->text);
    return error->code ? (int)error->code : ERROR_INTERNAL;
}

struct target *command_open_target(const struct target_options *options,
                                   void (*trace)(struct target *, const char *, bool, const char *),
                                   void *trace_context, struct error *error)
{
    const struct driver *driver = driver_for(options, error);
    if (!driver)
        return NULL;
    struct target *target = calloc(1, sizeof *target);
    if (!target) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    target->driver = driver;
    target->options = options;
    target->trace = trace;
    target->trace_context = trace_context;
    if (driver->open(target, error) < 0) {
        free(target);
        return NULL;
    }
    return target;
}

void command_close_target(struct target *target)
{
    if (!target)
        return;
    target->driver->close(target);
    free(target);
}
