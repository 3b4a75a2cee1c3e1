/* One target's options, set word by word; used by the plan's reader and by the flags. */
#ifndef CICADA_PLAN_TARGET_H
#define CICADA_PLAN_TARGET_H

#include "drivers/target_options.h"
#include "plan/plan.h"
#include "plan/values.h"

value_parse value_protocol;  /* char *: "auto" or a revision of MCP */
value_parse value_transport; /* char * */
value_parse value_url;       /* char * */

bool target_is_url(const char *text); /* and no plan file: it has a scheme, or sqlite: or faiss: */

/* Set or replace a header, or a variable of the child. The value may point to a file or the
 * environment (secret.h). -1 with what is wrong, never showing the value. */
int target_set_header(struct target_options *target, const char *name, const char *value,
                      const char *folder, struct error *error);
int target_set_environment(struct target_options *target, const char *name, const char *value,
                           const char *folder, struct error *error);

/* Split a command into words as a shell does: blanks between, quotes and backslashes keep them. No
 * shell is run: variables, pipes and globs mean nothing. */
int command_split(const char *text, char ***command, struct error *error);

/* What cannot be used together; `url: ...; remedy` as in a plan. */
int target_check(const struct target_options *target, struct error *error);

#endif
