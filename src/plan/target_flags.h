/* The flags that say how a target is reached, shared by every subcommand that takes a target. */
#ifndef CICADA_PLAN_TARGET_FLAGS_H
#define CICADA_PLAN_TARGET_FLAGS_H

#include "drivers/target_options.h"
#include "plan/option_table.h"

/* --protocol, --transport, --header, --cacert, --cert, --key, --insecure, --env, --processes,
 * --pool,
 * --timeout, ...; the table's object is a struct target_options. */
extern const struct option_row target_option_rows[];

/* A positional URL, or the words after "--". Secrets in the URL and the value of a word such as
 * TOKEN=... are remembered for scrubbing, the URL's also wiped from argv. -1 with "TARGET: ...". */
int target_take_url(struct target_options *target, char *text, struct error *error);
int target_take_command(struct target_options *target, char **words, struct error *error);

/* Remember the secrets that stand in a command, so that no report shows them. */
void target_hide_command_secrets(char *const *words);

/* Options for flags to be read into, with nothing said yet; for target_override. */
void target_flags_init(struct target_options *given);
/* Put what `given` says over `target`. -1 when memory is out. */
int target_override(struct target_options *target, const struct target_options *given);

#endif
