#include "plan/tiers.h"

#include "base/scrub.h"
#include "plan/build.h"
#include "plan/mix.h"
#include "plan/target.h"
#include "plan/threshold.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char built_in[] = "built-in";

enum { TIER_USERS = 10, CROSS_OPERATIONS = 200 };

static const struct tier_kind {
    const char *name, *phase;
    const char *driver; /* of the embedded one; NULL: there is none */
    const char *scheme; /* before a path; NULL: it takes a URL */
    uint64_t operations;
    const char *threshold; /* of its operations */
    const char *remedy;    /* how to give one */
} kinds[TIERS] = {
    [TIER_REDIS] = {"redis", "memory-redis", "redis", NULL, 1000, "errors{target=redis}<5%",
                    "--redis redis://HOST:6379"},
    [TIER_NEO4J] = {"neo4j", "memory-neo4j", NULL, NULL, 500, "errors{target=neo4j}<10%",
                    "--neo4j neo4j://USER:PASSWORD@HOST:7687"},
    [TIER_FAISS] = {"faiss", "memory-faiss", "faiss", "faiss:", 300, "errors{target=faiss}<5%",
                    "--faiss FILE"},
    [TIER_SQLITE] = {"sqlite", "memory-sqlite", "sqlite", "sqlite:", 800,
                     "errors{target=sqlite}<2%", "--sqlite FILE"},
};
static const char cross_name[] = "cross";

static struct phase *find_memory_phase(struct plan *plan);
static int add_tier(struct plan *plan, enum tier tier, char ***used, struct error *error);
static int add_cross(struct plan *plan, char ***used, struct error *error);
static int move_phases(struct plan *plan, size_t to, size_t from, struct error *error);

static const char recall_of_tier[] = "recall{target=faiss}>=0.95";

/* ---- what is said of them ------------------------------------------------------------------ */

/* The URL of a file; what has a meaning in URLs is percent-encoded. */
static char *file_url(const char *scheme, const char *path)
{
    struct buffer url;
    buffer_init(&url, (size_t)64 * 1024);
    int failed = buffer_append_text(&url, scheme);
    for (; *path && failed == 0; path++) {
        unsigned char byte = (unsigned char)*path;
        failed = byte <= ' ' || byte == 0x7f || strchr("%?#", byte)
                     ? buffer_printf(&url, "%%%02X", byte)
                     : buffer_append_char(&url, *path);
    }
    char *text = failed == 0 ? buffer_take_string(&url) : NULL;
    buffer_free(&url);
    return text;
}

static int value_tier(enum tier tier, const char *text, void *field, const char *label,
                      struct error *error)
{
    const struct tier_kind *kind = &kinds[tier];
    char **url = field;
    free(*url);
    *url = NULL;
    if (strcmp(text, "none") == 0 || strcmp(text, "false") == 0)
        return value_text("none", field, label, error);
    if (kind->scheme && *text && !target_is_url(text)) {
        *url = file_url(kind->scheme, text);
        return *url ? 0 : error_out_of_memory(error);
    }
    if (!target_is_url(text))
        return error_set(error, ERROR_USAGE, "must be a URL, or none; write e.g. %s", kind->remedy);
    return value_url(text, field, label, error);
}

int value_tier_redis(const char *text, void *field, const char *label, struct error *error)
{
    return value_tier(TIER_REDIS, text, field, label, error);
}

int value_tier_neo4j(const char *text, void *field, const char *label, struct error *error)
{
    return value_tier(TIER_NEO4J, text, field, label, error);
}

int value_tier_faiss(const char *text, void *field, const char *label, struct error *error)
{
    return value_tier(TIER_FAISS, text, field, label, error);
}

int value_tier_sqlite(const char *text, void *field, const char *label, struct error *error)
{
    return value_tier(TIER_SQLITE, text, field, label, error);
}

void tier_settings_free(struct tier_settings *tiers)
{
    for (size_t i = 0; i < TIERS; i++)
        free(tiers->urls[i]);
    *tiers = (struct tier_settings){0};
}

void tier_settings_override(struct tier_settings *tiers, struct tier_settings *given)
{
    tiers->none = tiers->none || given->none;
    for (size_t i = 0; i < TIERS; i++) {
        if (!given->urls[i])
            continue;
        free(tiers->urls[i]);
        tiers->urls[i] = given->urls[i];
        given->urls[i] = NULL;
    }
}

/* ---- the plan of them ---------------------------------------------------------------------- */

int plan_add_tiers(struct plan *plan, struct error *error)
{
    struct phase *memory = plan->tiers.wanted ? find_memory_phase(plan) : NULL;
    plan->tiers.wanted = false;
    if (!memory)
        return 0;
    if (plan->tiers.none) {
        free(memory->not_run_reason);
        memory->not_run_reason = strdup("no memory tiers were wanted");
        return memory->not_run_reason ? 0 : error_out_of_memory(error);
    }
    char **used = NULL;
    size_t place = (size_t)(memory - plan->phases), first = plan->phase_count;
    int failed = 0;
    for (enum tier tier = 0; tier < TIERS && failed == 0; tier++)
        failed = add_tier(plan, tier, &used, error);
    if (failed == 0)
        failed = add_cross(plan, &used, error);
    if (failed == 0)
        failed = move_phases(plan, place, first, error);
    string_list_free(used);
    return failed;
}

static struct phase *find_memory_phase(struct plan *plan)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        if (plan->phases[i].kind == PHASE_MEMORY && plan->phases[i].not_run)
            return &plan->phases[i];
    return NULL;
}

static struct target_options *find_target(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->target_count; i++)
        if (strcmp(plan->targets[i].name, name) == 0)
            return &plan->targets[i];
    return NULL;
}

static struct target_options *add_target(struct plan *plan, const char *name)
{
    struct target_options *target = array_add(&plan->targets, &plan->target_count, sizeof *target);
    if (!target || target_options_init(target, name) < 0)
        return NULL;
    target->where = built_in;
    return target;
}

/* A mix of everything that the target offers, unless the plan says what to run. */
static int add_mix(struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->mix_count; i++)
        if (strcmp(plan->mixes[i].name, name) == 0)
            return 0;
    struct mix *mix = array_add(&plan->mixes, &plan->mix_count, sizeof *mix);
    if (!mix)
        return -1;
    mix_init(mix);
    mix->where = built_in;
    mix->name = strdup(name);
    mix->target = strdup(name);
    return mix->name && mix->target ? 0 : -1;
}

static int add_phase(struct plan *plan, const char *phase_name, const char *name,
                     uint64_t operations, struct error *error)
{
    struct load_settings settings = {
        .users = {.set = true, .from = TIER_USERS, .to = TIER_USERS},
        .operations = operations,
        .mix = (char *)name,
    };
    return plan_add_phase(plan, phase_name, PHASE_MEMORY, &settings, built_in, error);
}

/* The default, unless the plan has one of the same figure. */
static int add_threshold(struct plan *plan, const char *text, struct error *error)
{
    struct threshold threshold = {0};
    if (threshold_parse(&threshold, text, built_in, error) < 0)
        return -1;
    for (size_t i = 0; i < plan->threshold_count; i++)
        if (threshold_same_figure(&plan->thresholds[i], &threshold)) {
            threshold_free(&threshold);
            return 0;
        }
    struct threshold *added = array_add(&plan->thresholds, &plan->threshold_count, sizeof *added);
    if (added)
        *added = threshold;
    else
        threshold_free(&threshold);
    return added ? 0 : error_out_of_memory(error);
}

/* One on recall that was given stands for the default of every target that it selects. */
static bool has_recall_threshold(const struct plan *plan, const char *target)
{
    for (size_t i = 0; i < plan->threshold_count; i++) {
        const struct threshold *threshold = &plan->thresholds[i];
        if (threshold->figure == FIGURE_RECALL &&
            (!threshold->target || fnmatch(threshold->target, target, 0) == 0))
            return true;
    }
    return false;
}

static int add_recall_threshold(struct plan *plan, const char *target, const char *text,
                                struct error *error)
{
    return has_recall_threshold(plan, target) ? 0 : add_threshold(plan, text, error);
}

int plan_add_default_recall(struct plan *plan, struct error *error)
{
    const struct target_options *target = plan->target_count == 1 ? plan->targets : NULL;
    if (!target || !target->url || strncmp(target->url, "faiss:", strlen("faiss:")) != 0)
        return 0;
    return add_recall_threshold(plan, target->name, "recall>=0.95", error);
}

static int add_tier(struct plan *plan, enum tier tier, char ***used, struct error *error)
{
    const struct tier_kind *kind = &kinds[tier];
    const char *url = plan->tiers.urls[tier];
    char reason[160];
    if (url && strcmp(url, "none") == 0)
        return plan_add_memory_not_run(plan, kind->phase, "it was not wanted", built_in, error);
    struct target_options *target = find_target(plan, kind->name);
    if (!target && !url && !kind->driver) {
        snprintf(reason, sizeof reason, "no %s was given; %s names one", kind->name, kind->remedy);
        return plan_add_memory_not_run(plan, kind->phase, reason, built_in, error);
    }
    if (!target && !(target = add_target(plan, kind->name)))
        return error_out_of_memory(error);
    if (url) {
        free(target->url);
        target->url = strdup(url);
        target->embedded = false;
    } else if (!target->url && !target->embedded) {
        target->driver = strdup(kind->driver);
        target->embedded = true;
    }
    if ((!target->url && !target->driver) || add_mix(plan, kind->name) < 0 ||
        string_list_add(used, kind->name) < 0)
        return error_out_of_memory(error);
    if (add_phase(plan, kind->phase, kind->name, kind->operations, error) < 0)
        return -1;
    if (tier == TIER_FAISS && add_recall_threshold(plan, kind->name, recall_of_tier, error) < 0)
        return -1;
    return add_threshold(plan, kind->threshold, error);
}

/* The target that writes and reads through all of them. */
static int add_cross(struct plan *plan, char ***used, struct error *error)
{
    static const char phase[] = "memory-cross";
    if (string_list_length(*used) < 2)
        return plan_add_memory_not_run(plan, phase, "it takes two tiers at least", built_in, error);
    struct target_options *target = find_target(plan, cross_name);
    if (!target) {
        target = add_target(plan, cross_name);
        if (!target || !(target->driver = strdup("cross_tier")))
            return error_out_of_memory(error);
        target->tiers = *used;
        *used = NULL;
    }
    if (add_mix(plan, cross_name) < 0)
        return error_out_of_memory(error);
    return add_phase(plan, phase, cross_name, CROSS_OPERATIONS, error);
}

/* Put the phases from `from` on in the place of the one at `to`. */
static int move_phases(struct plan *plan, size_t to, size_t from, struct error *error)
{
    size_t count = plan->phase_count - from;
    struct phase *moved = calloc(count + 1, sizeof *moved);
    if (!moved)
        return error_out_of_memory(error);
    memcpy(moved, plan->phases + from, count * sizeof *moved);
    phase_free(&plan->phases[to]);
    memmove(plan->phases + to + count, plan->phases + to + 1,
            (from - to - 1) * sizeof *plan->phases);
    memcpy(plan->phases + to, moved, count * sizeof *moved);
    plan->phase_count--;
    free(moved);
    return 0;
}
