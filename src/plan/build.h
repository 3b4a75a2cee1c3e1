/* Putting a plan together: what the reader, the built-in plan and the flags of `run` have in
 * common. */
#ifndef CICADA_PLAN_BUILD_H
#define CICADA_PLAN_BUILD_H

#include "plan/load.h"
#include "plan/plan.h"

#define VALIDATE_PEAK_USERS 50

void plan_init(struct plan *plan); /* the defaults; nothing owned yet */

/* A phase at the end of the plan; `name` is copied, `where` kept. Errors as of load_build. */
int plan_add_phase(struct plan *plan, const char *name, enum phase_kind kind,
                   const struct load_settings *settings, const char *where, struct error *error);
/* One that is known but has nothing to do, of kind memory; both texts are copied. */
int plan_add_memory_not_run(struct plan *plan, const char *name, const char *reason,
                            const char *where, struct error *error);
int plan_add_validate_phases(struct plan *plan, struct error *error);
int plan_add_default_thresholds(struct plan *plan, struct error *error);
void plan_remove_phases(struct plan *plan);
void phase_free(struct phase *phase); /* what it holds */

/* Let think time, in flight, pace, arrivals and mix hold for every phase they fit; the stress phase
 * keeps its missing think time. */
int plan_offer(struct plan *plan, const struct load_settings *settings, struct error *error);
/* Move every level of `model` in proportion, so that the peak (the phase of that kind, else the
 * highest level there is) is at `level`. -1 when the plan has no phase of that model. */
int plan_scale(struct plan *plan, enum load_model model, double level, struct error *error);
void plan_shorten(struct plan *plan, unsigned divisor);
/* A phase before all others, at their lowest level, kept apart from the figures; or a new duration
 * for the one that is there. */
int plan_set_warmup(struct plan *plan, uint64_t duration_ns, struct error *error);

/* Settle what is left to defaults and check what only the whole shows. Without a target yet, only
 * the rest is checked. Errors are "place: path: what; remedy". May be called again after changes.
 */
int plan_finish(struct plan *plan, struct error *error);

/* As plan_load, for a plan that may leave its targets to the command line. */
int plan_load_part(struct plan *plan, const char *file, struct error *error);
int plan_parse_part(struct plan *plan, const char *file_name, const char *text, size_t length,
                    struct error *error);

#endif
