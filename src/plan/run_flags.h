/* The flags of `run` as read, before they meet a plan. */
#ifndef CICADA_PLAN_RUN_FLAGS_H
#define CICADA_PLAN_RUN_FLAGS_H

#include "plan/load.h"
#include "plan/plan.h"

struct seed_flag {
    bool set;
    uint64_t seed;
};

struct run_flags {
    char *plan_file;
    struct target_options target; /* url or command, and what is said of how to reach it */
    struct load_settings load;
    struct tier_settings tiers;
    bool quick;
    uint64_t warmup_ns;
    char **tools, **exclude; /* globs */
    bool allow_destructive;
    unsigned variants, minimum_sample;
    struct threshold *thresholds, *abort_on;
    size_t threshold_count, abort_on_count;
    struct seed_flag seed;
    unsigned repeat, workers;
    char **tags;
    struct segment segment;
    uint64_t start_at_ns, lost_after_ns;
};

void run_flags_init(struct run_flags *flags);
void run_flags_free(struct run_flags *flags);

/* Make the plan that these flags mean: of the plan file, or the built-in one, or one phase. Takes
 * parts out of `flags`. */
int run_flags_make_plan(struct run_flags *flags, struct plan *plan, struct error *error);

#endif
