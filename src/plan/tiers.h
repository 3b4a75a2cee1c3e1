/* The memory phases of the built-in plan: each tier by itself, then all together. */
#ifndef CICADA_PLAN_TIERS_H
#define CICADA_PLAN_TIERS_H

#include "plan/plan.h"
#include "plan/values.h"

/* What --redis, --neo4j, ... and the words below `tiers:` say: where a tier is, or "none". */
value_parse value_tier_redis, value_tier_neo4j, value_tier_faiss, value_tier_sqlite; /* char * */

/* Make targets, mixes, phases and thresholds of what plan->tiers says, in place of the memory phase
 * of the built-in plan; nothing when the plan has none. A target or a mix of the plan that bears
 * the name of a tier is that tier's. Called once, when targets and thresholds are settled. */
int plan_add_tiers(struct plan *plan, struct error *error);

/* recall>=0.95 for a run of the command line on a FAISS index, whose fast wrong answers would be no
 * success, unless a threshold on recall was given. */
int plan_add_default_recall(struct plan *plan, struct error *error);

void tier_settings_free(struct tier_settings *tiers);
/* Put what `given` says over `tiers`; takes it out of `given`. */
void tier_settings_override(struct tier_settings *tiers, struct tier_settings *given);

#endif
