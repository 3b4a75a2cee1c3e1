/* The subcommands: one file each, listed in main.c. Each gets argv from its own name on and returns
 * the process exit code (base/error.h). */
#ifndef CICADA_CICADA_COMMAND_H
#define CICADA_CICADA_COMMAND_H

#include "base/error.h"
#include "drivers/driver.h"
#include "drivers/target_options.h"

int command_run(int argc, char **argv);      /* run.c */
int command_tools(int argc, char **argv);    /* tools.c */
int command_diagnose(int argc, char **argv); /* diagnose.c */
int command_report(int argc, char **argv);   /* report.c */
int command_audit(int argc, char **argv);    /* audit.c */
int command_compare(int argc, char **argv);  /* compare.c */
int command_find(int argc, char **argv);     /* find.c */
int command_merge(int argc, char **argv);    /* merge.c */

/* Print "cicada: ..." on stderr and return the exit code the error asks for. */
int command_fail(const struct error *error);

/* Open a target by its options: choose the driver, then driver->open. `trace` may be NULL. On
 * failure nothing is left to close, and what was made of its data is removed; ERROR_INTERRUPTED
 * when that was by a signal. */
struct target *command_open_target(const struct target_options *options,
                                   void (*trace)(struct target *, const char *, bool, const char *),
                                   void *trace_context, struct error *error);
void command_close_target(struct target *target);

#endif
