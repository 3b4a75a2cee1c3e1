/* What the users of a plan do, and the words for it. */
#ifndef CICADA_PLAN_MIX_H
#define CICADA_PLAN_MIX_H

#include "plan/plan.h"
#include "plan/values.h"

/* Kinds of requests that have no name of their own: ping, tools/list, session_churn, ... */
extern const struct choice request_choices[];
extern const struct choice on_error_choices[];

value_parse value_on_error; /* enum step_on_error */
value_parse value_pointer;  /* char *: a JSON Pointer (RFC 6901) */

void mix_init(struct mix *mix); /* the defaults; no name */
void mix_free(struct mix *mix);
void step_free(struct step *step);

/* Check what only the whole shows: names that are unique, captures that exist before they are used,
 * templates that compile. -1 with "file:line: what; remedy". `path` is where the mix stands
 * ("mixes[1]." or ""). */
int mix_check(const struct mix *mix, const char *path, const struct template_data *data,
              struct error *error);

#endif
