/* The words at the top of a plan, and what follows from them together. */
#include "plan/read.h"

#include "plan/build.h"
#include "plan/csv.h"
#include "plan/mix.h"
#include "plan/secret.h"
#include "plan/threshold.h"
#include "plan/tiers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_draft {
    int base; /* 1: validate */
    bool quick;
    uint64_t warmup_ns;
    struct segment segment;
    struct load_settings load; /* of the one phase, or the defaults of all */
    struct mix mix;            /* of the one mix */
    struct threshold *thresholds;
    size_t threshold_count;
};

static int value_base(const char *text, void *field, const char *label, struct error *error)
{
    static const struct choice bases[] = {{"validate", 1}, {NULL, 0}};
    return value_choice(text, bases, field, label, error);
}

/* ---- words with a reader of their own
 * ------------------------------------------------------------ */

static int read_targets(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    return read_list(reader, node, place, read_target, field);
}

static int read_mixes(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    return read_list(reader, node, place, read_mix, field);
}

/* Read when the top is known, because what stands there holds for each of them. */
static int read_later(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    (void)reader, (void)node, (void)place, (void)field;
    return 0;
}

typedef int list_add(struct threshold **list, size_t *count, const char *text, const char *where,
                     struct error *error);

static int read_expression(struct reader *reader, const struct node *node,
                           const struct place *place, list_add *add, struct threshold **list,
                           size_t *count)
{
    const char *where = read_where(reader, node);
    if (!where)
        return read_out_of_memory(reader);
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place,
                         "must be an expression; write e.g. p99<500ms, in quotes if it has braces");
    if (add(list, count, node->text, where, reader->error) < 0)
        return read_fail_here(reader, node, place);
    return 0;
}

static int read_threshold(struct reader *reader, const struct node *node, const struct place *place,
                          void *field)
{
    struct plan_draft *draft = field;
    return read_expression(reader, node, place, threshold_list_add, &draft->thresholds,
                           &draft->threshold_count);
}

static int read_thresholds(struct reader *reader, const struct node *node,
                           const struct place *place, void *field)
{
    if (node->kind == NODE_SCALAR)
        return read_threshold(reader, node, place, field);
    return read_list(reader, node, place, read_threshold, field);
}

static int read_abort(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    (void)field;
    return read_expression(reader, node, place, threshold_list_add_abort, &reader->plan->abort_on,
                           &reader->plan->abort_on_count);
}

static int read_abort_on(struct reader *reader, const struct node *node, const struct place *place,
                         void *field)
{
    if (node->kind == NODE_SCALAR)
        return read_abort(reader, node, place, field);
    return read_list(reader, node, place, read_abort, field);
}

static int read_data(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    struct plan *plan = reader->plan;
    char *file = NULL;
    (void)field;
    if (read_scalar(reader, node, place, value_text, &file) < 0)
        return -1;
    plan->data_file = path_join(reader->folder, file);
    free(file);
    if (!plan->data_file)
        return read_out_of_memory(reader);
    if (csv_load(&plan->data, plan->data_file, reader->error) < 0)
        return read_fail_here(reader, node, place);
    return 0;
}

static int read_tag(struct reader *reader, const struct node *node, const struct place *place,
                    void *field)
{
    char *value = NULL, *pair = NULL;
    (void)field;
    if (strchr(place->key, '=') || !*place->key)
        return read_fail(reader, node, place,
                         "is no name of a tag; write e.g. build: 1.2, without \"=\"");
    if (read_scalar(reader, node, place, value_text, &value) < 0)
        return -1;
    int failed = asprintf(&pair, "%s=%s", place->key, value);
    free(value);
    if (failed < 0)
        return read_out_of_memory(reader);
    failed = string_list_add(&reader->plan->tags, pair);
    free(pair);
    return failed < 0 ? read_out_of_memory(reader) : 0;
}

static int read_tags(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    return read_each(reader, node, place, read_tag, field);
}

/* A word whose field is in the plan, not in the draft. */
#define PLAN_WORD(function, parse, member)                                                         \
    static int function(struct reader *reader, const struct node *node, const struct place *place, \
                        void *field)                                                               \
    {                                                                                              \
        (void)field;                                                                               \
        return read_scalar(reader, node, place, parse, &reader->plan->member);                     \
    }
PLAN_WORD(read_name, value_text, name)
PLAN_WORD(read_seed, value_seed, seed)
PLAN_WORD(read_timeout, value_duration, timeout_ns)
PLAN_WORD(read_connect_timeout, value_duration, connect_timeout_ns)
PLAN_WORD(read_lost_after, value_duration, lost_after_ns)
PLAN_WORD(read_workers, value_count, workers)
PLAN_WORD(read_repeat, value_count, repeat)
PLAN_WORD(read_start_at, value_wall_time, start_at_wall_ns)

#define TIER_KEY(word, tier, parse)                                                                \
    {                                                                                              \
        word, parse, NULL, offsetof(struct tier_settings, urls[tier])                              \
    }
static const struct key tier_keys[] = {TIER_KEY("redis", TIER_REDIS, value_tier_redis),
                                       TIER_KEY("neo4j", TIER_NEO4J, value_tier_neo4j),
                                       TIER_KEY("faiss", TIER_FAISS, value_tier_faiss),
                                       TIER_KEY("sqlite", TIER_SQLITE, value_tier_sqlite),
                                       {NULL, NULL, NULL, 0}};

static int read_tiers(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct tier_settings *tiers = &reader->plan->tiers;
    (void)field;
    if (node->kind == NODE_MAP)
        return read_map(reader, node, place, tier_keys, tiers);
    if (node->kind != NODE_SCALAR || strcmp(node->text, "none") != 0)
        return read_fail(reader, node, place,
                         "must be none, or say where the tiers are; write e.g. {redis: "
                         "redis://127.0.0.1:6379, neo4j: none}");
    tiers->none = true;
    return 0;
}

static const struct key plan_keys[] = {
    {"name", NULL, read_name, 0},
    {"base", value_base, NULL, offsetof(struct plan_draft, base)},
    {"quick", value_flag, NULL, offsetof(struct plan_draft, quick)},
    {"target", NULL, read_target, 0},
    {"targets", NULL, read_targets, 0},
    LOAD_KEYS(offsetof(struct plan_draft, load)),
    {"warmup", value_duration, NULL, offsetof(struct plan_draft, warmup_ns)},
    {"phases", NULL, read_later, 0},
    MIX_KEYS(offsetof(struct plan_draft, mix)),
    {"mixes", NULL, read_mixes, 0},
    {"tiers", NULL, read_tiers, 0},
    {"thresholds", NULL, read_thresholds, 0},
    {"abort_on", NULL, read_abort_on, 0},
    {"alerts", NULL, read_alerts, 0},
    {"data", NULL, read_data, 0},
    {"timeout", NULL, read_timeout, 0},
    {"connect_timeout", NULL, read_connect_timeout, 0},
    {"lost_after", NULL, read_lost_after, 0},
    {"seed", NULL, read_seed, 0},
    {"workers", NULL, read_workers, 0},
    {"repeat", NULL, read_repeat, 0},
    {"segment", value_segment, NULL, offsetof(struct plan_draft, segment)},
    {"start_at", NULL, read_start_at, 0},
    {"tags", NULL, read_tags, 0},
    {NULL, NULL, NULL, 0}};

/* ---- the whole ----------------------------------------------------------------------------------
 */

static const struct place top = {NULL, NULL, 0};

/* The first of `words` that the plan has beside `beside`; an error says so. */
static int fail_beside(struct reader *reader, const struct node *root, const char *const *words,
                       const char *beside, const char *remedy)
{
    for (; *words; words++) {
        const struct node *value = node_get(root, *words);
        struct place place = {&top, *words, 0};
        if (value && node_get(root, beside))
            return read_fail(reader, value, &place, "cannot stand beside %s; %s", beside, remedy);
    }
    return 0;
}

static int check_beside(struct reader *reader, const struct node *root)
{
    static const char *const loads[] = {"users",   "rate",   "duration", "operations", "shape",
                                        "steps",   "teeth",  "spike_at", "spike_for",  "ramp",
                                        "stepped", "points", "base",     NULL};
    static const char *const mixes[] = {
        "tools",   "requests",          "behaviours", "categories",     "include",
        "exclude", "allow_destructive", "variants",   "minimum_sample", NULL};
    static const char *const bases[] = {"rate",  "duration", "operations", "shape",
                                        "steps", "teeth",    "spike_at",   "spike_for",
                                        "ramp",  "stepped",  "points",     NULL};
    static const char *const targets[] = {"target", NULL};
    const struct node *tiers = node_get(root, "tiers");
    struct place place = {&top, "tiers", 0};
    if (tiers && !node_get(root, "base"))
        return read_fail(reader, tiers, &place,
                         "are of base: validate; in a plan with phases of its own a tier is one of "
                         "the targets");
    if (fail_beside(reader, root, loads, "phases", "put it into a phase, or leave out phases") <
            0 ||
        fail_beside(reader, root, mixes, "mixes", "put it into a mix, or leave out mixes") < 0 ||
        fail_beside(reader, root, bases, "base",
                    "the base has its phases, which only users can scale; leave one out") < 0)
        return -1;
    return fail_beside(reader, root, targets, "targets", "give one of them");
}

static int make_base_phases(struct reader *reader, const struct node *root,
                            const struct plan_draft *draft)
{
    struct plan *plan = reader->plan;
    if (plan_add_validate_phases(plan, reader->error) < 0 ||
        plan_add_default_thresholds(plan, reader->error) < 0 ||
        plan_offer(plan, &draft->load, reader->error) < 0)
        return -1;
    if (!draft->load.users.set)
        return 0;
    if (draft->load.users.is_range || draft->load.users.to < 1) {
        struct place place = {&top, "users", 0};
        return read_fail(reader, node_get(root, "users"), &place,
                         "must be one number beside base, the users of the peak; write e.g. "
                         "users: 20");
    }
    return plan_scale(plan, LOAD_CLOSED, draft->load.users.to, reader->error);
}

static int make_phases(struct reader *reader, const struct node *root, struct plan_draft *draft)
{
    struct plan *plan = reader->plan;
    const struct node *phases = node_get(root, "phases");
    struct place place = {&top, "phases", 0};
    if (draft->base)
        return make_base_phases(reader, root, draft);
    if (phases) {
        if (read_list(reader, phases, &place, read_phase, &draft->load) < 0)
            return -1;
        return phases->count ? 0
                             : read_fail(reader, phases, &place,
                                         "is empty; write e.g. - {users: 10, duration: 30s}");
    }
    if (!load_settings_has_load(&draft->load))
        return read_fail(reader, root, &place,
                         "are missing; give phases, or users and a duration for one phase, or "
                         "base: validate");
    const char *where = read_where(reader, root);
    if (!where)
        return read_out_of_memory(reader);
    if (plan_add_phase(plan, "load", PHASE_CUSTOM, &draft->load, where, reader->error) < 0)
        return read_fail_below(reader, root, &top);
    return 0;
}

static int make_mix(struct reader *reader, const struct node *root, struct plan_draft *draft)
{
    struct plan *plan = reader->plan;
    if (plan->mix_count > 0)
        return 0;
    struct mix *mix = array_add(&plan->mixes, &plan->mix_count, sizeof *mix);
    if (!mix)
        return read_out_of_memory(reader);
    *mix = draft->mix;
    draft->mix = (struct mix){0};
    mix->where = read_where(reader, root);
    mix->name = strdup("default");
    return mix->where && mix->name ? 0 : read_out_of_memory(reader);
}

static int make_plan(struct reader *reader, const struct node *root, struct plan_draft *draft)
{
    struct plan *plan = reader->plan;
    if (read_map(reader, root, &top, plan_keys, draft) < 0 || check_beside(reader, root) < 0 ||
        make_phases(reader, root, draft) < 0 || make_mix(reader, root, draft) < 0)
        return -1;
    if (draft->quick)
        plan_shorten(plan, 10);
    if (draft->warmup_ns && plan_set_warmup(plan, draft->warmup_ns, reader->error) < 0)
        return read_fail_below(reader, root, &top);
    plan->segment = draft->segment.index;
    plan->segments = draft->segment.count;
    threshold_list_override(&plan->thresholds, &plan->threshold_count, draft->thresholds,
                            draft->threshold_count);
    for (size_t i = 0; i < draft->threshold_count; i++) {
        struct threshold *added =
            array_add(&plan->thresholds, &plan->threshold_count, sizeof *added);
        if (!added)
            return read_out_of_memory(reader);
        *added = draft->thresholds[i];
        draft->thresholds[i] = (struct threshold){0};
    }
    return plan_finish(plan, reader->error);
}

static char *default_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? strndup(base, (size_t)(dot - base)) : strdup(base);
}

int plan_parse_part(struct plan *plan, const char *file_name, const char *text, size_t length,
                    struct error *error)
{
    struct document document;
    struct plan_draft draft = {.segment = {1, 1}};
    struct reader reader = {.file = file_name, .plan = plan, .error = error};
    plan_init(plan);
    mix_init(&draft.mix);
    if (document_parse(&document, file_name, text, length, error) < 0)
        return -1;
    reader.folder = path_folder(file_name);
    plan->source = strdup(file_name);
    int failed;
    if (!reader.folder || !plan->source)
        failed = error_out_of_memory(error);
    else if (!document.root)
        failed = error_set(error, ERROR_USAGE,
                           "%s:1: the plan is empty; write e.g. target: URL and base: validate",
                           file_name);
    else
        failed = make_plan(&reader, document.root, &draft);
    if (failed == 0 && !plan->name && !(plan->name = default_name(file_name)))
        failed = error_out_of_memory(error);
    load_settings_free(&draft.load);
    mix_free(&draft.mix);
    threshold_list_free(draft.thresholds, draft.threshold_count);
    free(reader.folder);
    document_free(&document);
    if (failed < 0)
        plan_free(plan);
    return failed;
}
