#include "plan/run_flags.h"

#include "plan/build.h"
#include "plan/burrow_plan.h"
#include "plan/target.h"
#include "plan/target_flags.h"
#include "plan/threshold.h"
#include "plan/tiers.h"
#include "plan/values.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char command_line[] = "command line";

static int start_from_file(struct run_flags *flags, struct plan *plan, struct error *error);
static int start_with_burrow(struct run_flags *flags, struct plan *plan, struct error *error);
static int start_built_in(struct run_flags *flags, struct plan *plan, struct error *error);
static int apply_targets(const struct run_flags *flags, struct plan *plan, struct error *error);
static int apply_mix(struct run_flags *flags, struct plan *plan, struct error *error);
static int apply_rest(struct run_flags *flags, struct plan *plan, struct error *error);
static int apply_tiers(struct run_flags *flags, struct plan *plan, struct error *error);

void run_flags_init(struct run_flags *flags)
{
    *flags = (struct run_flags){0};
    target_flags_init(&flags->target);
}

void run_flags_free(struct run_flags *flags)
{
    free(flags->plan_file);
    target_options_free(&flags->target);
    load_settings_free(&flags->load);
    tier_settings_free(&flags->tiers);
    string_list_free(flags->tools);
    string_list_free(flags->exclude);
    string_list_free(flags->tags);
    threshold_list_free(flags->thresholds, flags->threshold_count);
    threshold_list_free(flags->abort_on, flags->abort_on_count);
    *flags = (struct run_flags){0};
}

int run_flags_make_plan(struct run_flags *flags, struct plan *plan, struct error *error)
{
    int failed;
    if (flags->plan_file)
        failed = start_from_file(flags, plan, error);
    else if (flags->target.url || flags->target.command)
        failed = start_built_in(flags, plan, error);
    else
        failed = start_with_burrow(flags, plan, error);
    if (failed == 0 &&
        (apply_targets(flags, plan, error) < 0 || apply_mix(flags, plan, error) < 0 ||
         apply_rest(flags, plan, error) < 0 || apply_tiers(flags, plan, error) < 0 ||
         (!flags->plan_file && plan_add_default_recall(plan, error) < 0) ||
         plan_finish(plan, error) < 0))
        failed = -1;
    if (failed < 0)
        plan_free(plan);
    return failed;
}

/* ---- phases ------------------------------------------------------------------------------------
 */

/* "max_in_flight: ..." of a load becomes "--max-in-flight: ...". */
static int fail_as_flag(struct error *error)
{
    if (!error || error->code == ERROR_INTERNAL)
        return -1;
    char text[sizeof error->text];
    memcpy(text, error->text, sizeof text);
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    if (text[word] != ':')
        return -1;
    if (strncmp(text, "headers:", 8) == 0) /* the one word that is plural in a plan only */
        return error_set(error, error->code, "--header%s", text + word);
    for (size_t i = 0; i < word; i++)
        if (text[i] == '_')
            text[i] = '-';
    return error_set(error, error->code, "--%s", text);
}

/* A phase of its own: its end or its shape was given, not only how much of it. */
static bool means_one_phase(const struct load_settings *load)
{
    return load->duration_ns || load->operations || load->shape || load->users.is_range ||
           load->rate.is_range;
}

static int set_one_phase(struct run_flags *flags, struct plan *plan, struct error *error)
{
    struct load_settings *load = &flags->load;
    if (!load->users.set && !load->rate.set) {
        if (flags->plan_file)
            return error_set(error, ERROR_USAGE,
                             "--duration: makes one phase in place of the plan's; give --users or "
                             "--rate with it");
        load->users = (struct level_range){.set = true, .from = 1, .to = 1};
    }
    plan_remove_phases(plan);
    if (plan_add_phase(plan, "load", PHASE_CUSTOM, load, command_line, error) < 0)
        return fail_as_flag(error);
    return 0;
}

/* Only a level: the plan's phases, with more or fewer users or arrivals. */
static int scale_phases(struct run_flags *flags, struct plan *plan, struct error *error)
{
    const struct load_settings *load = &flags->load;
    if (load->users.set && load->rate.set)
        return error_set(error, ERROR_USAGE,
                         "--rate: cannot stand beside --users; give one of them");
    if ((load->users.set && load->users.to < 1) || (load->rate.set && load->rate.to <= 0))
        return error_set(error, ERROR_USAGE, "--%s: must be above 0; write e.g. --%s",
                         load->users.set ? "users" : "rate",
                         load->users.set ? "users 50" : "rate 100/s");
    if (load->users.set && plan_scale(plan, LOAD_CLOSED, load->users.to, error) < 0)
        return error_wrap(error, "--users");
    if (load->rate.set && !flags->plan_file)
        return error_set(error, ERROR_USAGE,
                         "--rate: needs an end; add --duration 30s or --operations 1000");
    if (load->rate.set && plan_scale(plan, LOAD_OPEN, load->rate.to, error) < 0)
        return error_wrap(error, "--rate");
    return plan_offer(plan, load, error);
}

/* The one phase of a written plan that has a load, to be changed in place; NULL when there are
 * several, or when the flags ask for another kind of load. */
static struct phase *phase_to_adjust(const struct run_flags *flags, struct plan *plan)
{
    const struct load_settings *load = &flags->load;
    struct phase *only = NULL;
    if (!flags->plan_file || load->shape || load->users.is_range || load->rate.is_range)
        return NULL;
    for (size_t i = 0; i < plan->phase_count; i++) {
        struct phase *phase = &plan->phases[i];
        if (phase->not_run || phase->kind == PHASE_WARMUP || phase->kind == PHASE_IDLE)
            continue;
        if (only)
            return NULL;
        only = phase;
    }
    bool other_model = only && (only->model == LOAD_OPEN ? load->users.set : load->rate.set);
    return other_model ? NULL : only;
}

static int adjust_phase(struct run_flags *flags, struct plan *plan, struct phase *phase,
                        struct error *error)
{
    const struct load_settings *load = &flags->load;
    if ((load->duration_ns || load->operations) && load_set_duration(phase, load->duration_ns) < 0)
        return error_out_of_memory(error);
    if (load->duration_ns || load->operations)
        phase->operations = load->operations;
    return scale_phases(flags, plan, error);
}

static int set_phases(struct run_flags *flags, struct plan *plan, struct error *error)
{
    struct phase *only = phase_to_adjust(flags, plan);
    int failed;
    if (only)
        failed = adjust_phase(flags, plan, only, error);
    else if (means_one_phase(&flags->load))
        failed = set_one_phase(flags, plan, error);
    else
        failed = scale_phases(flags, plan, error);
    if (failed == 0 && flags->quick && !plan->quick)
        plan_shorten(plan, 10);
    return failed;
}

static int start_from_file(struct run_flags *flags, struct plan *plan, struct error *error)
{
    if (plan_load_part(plan, flags->plan_file, error) < 0)
        return -1;
    return set_phases(flags, plan, error);
}

/* Nothing was named: burrow is the target. */
static int start_with_burrow(struct run_flags *flags, struct plan *plan, struct error *error)
{
    if (plan_parse_part(plan, BURROW_PLAN_NAME, burrow_plan, strlen(burrow_plan), error) < 0)
        return -1;
    return set_phases(flags, plan, error);
}

static int start_built_in(struct run_flags *flags, struct plan *plan, struct error *error)
{
    bool one_phase = means_one_phase(&flags->load);
    plan_init(plan);
    plan->name = strdup(one_phase ? "load" : "validate");
    plan->source = strdup(one_phase ? command_line : "built-in");
    if (!plan->name || !plan->source)
        return error_out_of_memory(error);
    if (!one_phase && plan_add_validate_phases(plan, error) < 0)
        return -1;
    if (plan_add_default_thresholds(plan, error) < 0)
        return -1;
    return set_phases(flags, plan, error);
}

/* ---- targets -----------------------------------------------------------------------------------
 */

/* The target of the command line takes the place of the plan's one, under its name. */
static int replace_target(const struct run_flags *flags, struct plan *plan, struct error *error)
{
    struct target_options target;
    if (plan->target_count > 1)
        return error_set(error, ERROR_USAGE,
                         "TARGET: the plan has %zu targets, so one cannot take their place; leave "
                         "it out, or edit the plan",
                         plan->target_count);
    int failed =
        target_options_init(&target, plan->target_count ? plan->targets[0].name : "target");
    if (flags->target.url)
        target.url = strdup(flags->target.url);
    for (char **word = flags->target.command; failed == 0 && word && *word; word++)
        failed = string_list_add(&target.command, *word);
    target.where = command_line;
    if (failed < 0 || (flags->target.url && !target.url) ||
        (plan->target_count == 0 &&
         !array_add(&plan->targets, &plan->target_count, sizeof *plan->targets))) {
        target_options_free(&target);
        return error_out_of_memory(error);
    }
    target_options_free(&plan->targets[0]);
    plan->targets[0] = target;
    return 0;
}

static int apply_targets(const struct run_flags *flags, struct plan *plan, struct error *error)
{
    if ((flags->target.url || flags->target.command) && replace_target(flags, plan, error) < 0)
        return -1;
    if (plan->target_count == 0)
        return error_set(error, ERROR_USAGE,
                         "TARGET: is missing; give a URL (http://127.0.0.1:3000/mcp), a plan file "
                         "(plan.yaml) that names one, or a command after \"--\" (-- npx -y "
                         "some-server)");
    if (flags->target.timeout_ns)
        plan->timeout_ns = flags->target.timeout_ns;
    if (flags->target.connect_timeout_ns)
        plan->connect_timeout_ns = flags->target.connect_timeout_ns;
    for (size_t i = 0; i < plan->target_count; i++) {
        struct target_options *target = &plan->targets[i];
        if (target_override(target, &flags->target) < 0)
            return error_out_of_memory(error);
        if (flags->seed.set)
            target->seed = flags->seed.seed;
        if (target_check(target, error) < 0)
            return fail_as_flag(error);
    }
    return 0;
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static int add_all(char ***list, char *const *more)
{
    for (; more && *more; more++)
        if (string_list_add(list, *more) < 0)
            return -1;
    return 0;
}

static int apply_mix(struct run_flags *flags, struct plan *plan, struct error *error)
{
    if (plan_finish(plan, error) < 0) /* makes the default mix */
        return -1;
    for (size_t i = 0; i < plan->mix_count; i++) {
        struct mix *mix = &plan->mixes[i];
        if (flags->tools) {
            string_list_free(mix->include);
            mix->include = NULL;
        }
        if (add_all(&mix->include, flags->tools) < 0 || add_all(&mix->exclude, flags->exclude) < 0)
            return error_out_of_memory(error);
        mix->allow_destructive = mix->allow_destructive || flags->allow_destructive;
        if (flags->variants)
            mix->variants = flags->variants;
        if (flags->minimum_sample)
            mix->minimum_sample = flags->minimum_sample;
    }
    return 0;
}

/* Given expressions take the place of those of the same figure. */
static int move_thresholds(struct threshold **list, size_t *count, struct threshold *given,
                           size_t given_count)
{
    threshold_list_override(list, count, given, given_count);
    for (size_t i = 0; i < given_count; i++) {
        struct threshold *added = array_add(list, count, sizeof *added);
        if (!added)
            return -1;
        *added = given[i];
        given[i] = (struct threshold){0};
    }
    return 0;
}

static int add_tag(struct plan *plan, const char *tag)
{
    size_t name = strcspn(tag, "=") + 1;
    for (char **item = plan->tags; item && *item; item++) {
        if (strncmp(*item, tag, name) == 0) {
            char *copy = strdup(tag);
            free(*item);
            *item = copy;
            return copy ? 0 : -1;
        }
    }
    return string_list_add(&plan->tags, tag);
}

static int apply_rest(struct run_flags *flags, struct plan *plan, struct error *error)
{
    if (flags->warmup_ns && plan_set_warmup(plan, flags->warmup_ns, error) < 0)
        return fail_as_flag(error);
    if (move_thresholds(&plan->thresholds, &plan->threshold_count, flags->thresholds,
                        flags->threshold_count) < 0 ||
        move_thresholds(&plan->abort_on, &plan->abort_on_count, flags->abort_on,
                        flags->abort_on_count) < 0)
        return error_out_of_memory(error);
    for (char **tag = flags->tags; tag && *tag; tag++)
        if (add_tag(plan, *tag) < 0)
            return error_out_of_memory(error);
    if (flags->seed.set)
        plan->seed = flags->seed.seed;
    if (flags->repeat)
        plan->repeat = flags->repeat;
    if (flags->workers)
        plan->workers = flags->workers;
    if (flags->segment.count) {
        plan->segment = flags->segment.index;
        plan->segments = flags->segment.count;
    }
    if (flags->lost_after_ns)
        plan->lost_after_ns = flags->lost_after_ns;
    if (flags->start_at_ns)
        plan->start_at_wall_ns = flags->start_at_ns;
    return 0;
}

/* Only the built-in plan has memory phases to be made; elsewhere a tier is a target. */
static int apply_tiers(struct run_flags *flags, struct plan *plan, struct error *error)
{
    bool given = false;
    for (size_t i = 0; i < TIERS; i++)
        given = given || flags->tiers.urls[i];
    if (given && !plan->tiers.wanted)
        return error_set(error, ERROR_USAGE,
                         "--redis, --neo4j, --faiss, --sqlite: are tiers of the built-in plan; in "
                         "another, write them as targets, or leave out --duration and "
                         "--operations");
    tier_settings_override(&plan->tiers, &flags->tiers);
    return plan_add_tiers(plan, error);
}
