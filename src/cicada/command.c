/* What the subcommands share. See command.h. */
#include "cicada/command.h"

#include "base/interrupt.h"

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
    bool opened = driver->open(target, error) == 0;
    if (opened && !interrupt_requested())
        return target;
    if (opened)
        driver->close(target);
    free(target);
    if (interrupt_requested()) /* whatever the driver says came of it */
        error_set(error, ERROR_INTERRUPTED, "interrupted while target \"%s\" was opened",
                  options->name ? options->name : "");
    return NULL;
}

void command_close_target(struct target *target)
{
    if (!target)
        return;
    target->driver->close(target);
    free(target);
}
