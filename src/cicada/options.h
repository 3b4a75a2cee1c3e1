/* The options of the subcommands that talk to one target without a plan: tools and diagnose. */
#ifndef CICADA_CICADA_OPTIONS_H
#define CICADA_CICADA_OPTIONS_H

#include "base/error.h"
#include "drivers/target_options.h"

#include <jansson.h>
#include <stdbool.h>

struct target_command_options {
    struct target_options target;
    bool named;     /* a target was given */
    char **include; /* globs over tool names, NULL-ended, may be NULL */
    char **exclude;
    bool allow_destructive, no_call, full;
    char *call;        /* the one tool to call */
    json_t *arguments; /* for `call`; NULL: generated */
    char *json_file;
};

/* Parse argv (argv[0] is the subcommand, "tools" or "diagnose"). 0; 1 when --help was asked for and
 * printed; -1 with an error. Free after 0 only. */
int target_command_options_parse(struct target_command_options *options, const char *command,
                                 int argc, char **argv, struct error *error);
void target_command_options_free(struct target_command_options *options);

#endif
