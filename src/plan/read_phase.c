/* The words of a load and of a phase. */
#include "plan/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHASE_LIMIT ((size_t)1000)
#define SHARE_LIMIT ((size_t)100)

struct point_draft {
    bool has_time;
    uint64_t at_ns;
    struct level_range users, rate;
};

struct phase_draft {
    char *name, *not_run;
    enum phase_kind kind;
    struct phase_mix *mixes;
    size_t mix_count;
    struct load_settings load;
};

static int read_point_time(struct reader *reader, const struct node *node,
                           const struct place *place, void *field)
{
    struct point_draft *point = field;
    point->has_time = true;
    return read_scalar(reader, node, place, value_instant, &point->at_ns);
}

static const struct key point_keys[] = {
    {"at", NULL, read_point_time, 0},
    {"users", value_users, NULL, offsetof(struct point_draft, users)},
    {"rate", value_rate, NULL, offsetof(struct point_draft, rate)},
    {NULL, NULL, NULL, 0}};

static const struct key share_keys[] = {
    {"mix", value_text, NULL, offsetof(struct phase_mix, name)},
    {"weight", value_weight, NULL, offsetof(struct phase_mix, weight)},
    {NULL, NULL, NULL, 0}};

static int read_share(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct phase_draft *draft = field;
    if (draft->mix_count >= SHARE_LIMIT)
        return read_fail(reader, node, place, "is one too many; a phase takes %zu mixes",
                         SHARE_LIMIT);
    struct phase_mix *share = array_add(&draft->mixes, &draft->mix_count, sizeof *share);
    if (!share)
        return read_out_of_memory(reader);
    share->weight = 1;
    if (node->kind == NODE_SCALAR)
        return read_scalar(reader, node, place, value_text, &share->name);
    if (read_map(reader, node, place, share_keys, share) < 0)
        return -1;
    return share->name
               ? 0
               : read_fail(reader, node, place, "needs a mix; write e.g. {mix: people, weight: 3}");
}

static int read_shares(struct reader *reader, const struct node *node, const struct place *place,
                       void *field)
{
    struct phase_draft *draft = field;
    if (read_list(reader, node, place, read_share, field) < 0)
        return -1;
    return draft->mix_count
               ? 0
               : read_fail(reader, node, place, "are empty; write e.g. mixes: [people, churn]");
}

static const struct key phase_keys[] = {
    {"name", value_text, NULL, offsetof(struct phase_draft, name)},
    {"kind", value_phase_kind, NULL, offsetof(struct phase_draft, kind)},
    LOAD_KEYS(offsetof(struct phase_draft, load)),
    {"mixes", NULL, read_shares, 0},
    {"not_run", value_text, NULL, offsetof(struct phase_draft, not_run)},
    {NULL, NULL, NULL, 0}};

static int read_point(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct load_settings *settings = field;
    struct point_draft draft = {0};
    if (read_map(reader, node, place, point_keys, &draft) < 0)
        return -1;
    const struct level_range *level = draft.rate.set ? &draft.rate : &draft.users;
    if (!draft.has_time || draft.users.set == draft.rate.set || level->is_range)
        return read_fail(reader, node, place,
                         "must be a time and one level; write e.g. {at: 10s, users: 5}");
    const struct load_point *last =
        settings->point_count ? &settings->points[settings->point_count - 1] : NULL;
    if (last && draft.rate.set != settings->points_are_rates)
        return read_fail(reader, node, place,
                         "mixes users and a rate; give all points of a phase one of them");
    if (last ? draft.at_ns < last->at_ns : draft.at_ns != 0)
        return read_fail(reader, node, place,
                         "is not in order; the first point is at 0, each later one after it");
    if (settings->point_count >= LOAD_POINTS_LIMIT)
        return read_fail(reader, node, place, "is one too many; a phase takes %u points",
                         LOAD_POINTS_LIMIT);
    struct load_point *point = array_add(&settings->points, &settings->point_count, sizeof *point);
    if (!point)
        return read_out_of_memory(reader);
    *point = (struct load_point){draft.at_ns, level->to};
    settings->points_are_rates = draft.rate.set;
    return 0;
}

int read_points(struct reader *reader, const struct node *node, const struct place *place,
                void *field)
{
    struct load_settings *settings = field;
    if (read_list(reader, node, place, read_point, settings) < 0)
        return -1;
    if (settings->point_count < 2 || settings->points[settings->point_count - 1].at_ns == 0)
        return read_fail(reader, node, place,
                         "needs two points at least, the last later than 0; write e.g. "
                         "[{at: 0, users: 5}, {at: 60s, users: 50}]");
    return 0;
}

static int name_phase(struct phase *phase, struct phase_draft *draft, size_t index)
{
    if (draft->name) {
        phase->name = draft->name;
        draft->name = NULL;
    } else if (draft->kind != PHASE_CUSTOM) {
        phase->name = strdup(phase_kind_name(draft->kind));
    } else if (asprintf(&phase->name, "phase-%zu", index + 1) < 0) {
        phase->name = NULL;
    }
    return phase->name ? 0 : -1;
}

static int fill_phase(struct reader *reader, const struct node *node, const struct place *place,
                      struct phase_draft *draft, const struct load_settings *defaults)
{
    struct plan *plan = reader->plan;
    if (plan->phase_count >= PHASE_LIMIT)
        return read_fail(reader, node, place, "is one too many; a plan takes %zu phases",
                         PHASE_LIMIT);
    struct phase *phase = array_add(&plan->phases, &plan->phase_count, sizeof *phase);
    if (!phase)
        return read_out_of_memory(reader);
    if (draft->mix_count && draft->load.mix)
        return read_fail(reader, node, place, "has mix and mixes; give one of them");
    phase->kind = draft->kind;
    phase->where = read_where(reader, node);
    if (!phase->where || name_phase(phase, draft, place->index) < 0 ||
        load_settings_inherit(&draft->load, defaults) < 0)
        return read_out_of_memory(reader);
    if (draft->not_run) {
        phase->not_run = true;
        phase->not_run_reason = draft->not_run;
        draft->not_run = NULL;
        return 0;
    }
    if (load_build(phase, &draft->load, reader->error) < 0)
        return read_fail_below(reader, node, place);
    if (draft->mix_count) {
        free(phase->mix); /* that of the whole plan */
        phase->mix = NULL;
        phase->mixes = draft->mixes;
        phase->mix_count = draft->mix_count;
        draft->mixes = NULL;
        draft->mix_count = 0;
    }
    return 0;
}

int read_phase(struct reader *reader, const struct node *node, const struct place *place,
               void *field)
{
    struct phase_draft draft = {.kind = PHASE_CUSTOM};
    int failed = read_map(reader, node, place, phase_keys, &draft);
    if (failed == 0)
        failed = fill_phase(reader, node, place, &draft, field);
    free(draft.name);
    free(draft.not_run);
    for (size_t i = 0; i < draft.mix_count; i++)
        free(draft.mixes[i].name);
    free(draft.mixes);
    load_settings_free(&draft.load);
    return failed;
}
