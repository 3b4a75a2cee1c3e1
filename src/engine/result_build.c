/* The parts of a result that are not figures: targets, operations, phases, surroundings. */
#include "base/clock.h"
#include "base/scrub.h"
#include "engine/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static int target_begin(const struct bound_target *bound, struct result_target *target);
static char *address_of(const struct target_options *options);
static json_t *environment(const struct coordinator *coordinator);
static json_t *tags(const struct plan *plan);
static char *copy(const char *text);

int result_begin(struct coordinator *coordinator, struct error *error)
{
    struct result *result = coordinator->result;
    const struct binding *binding = &coordinator->binding;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    if (!result->cicada_version)
        result->cicada_version = strdup(CICADA_VERSION);
    if (!result->plan_name)
        result->plan_name = copy(coordinator->plan->name ? coordinator->plan->name : "plan");
    if (!result->host)
        result->host = strdup(host);
    if (!result->environment)
        result->environment = environment(coordinator);
    if (!result->tags)
        result->tags = tags(coordinator->plan);
    if (coordinator->plan->segments > 1)
        result->segment = json_pack("{s:i, s:[i]}", "of", (int)coordinator->plan->segments, "parts",
                                    (int)coordinator->plan->segment);
    result->targets = calloc(binding->target_count + 1, sizeof *result->targets);
    result->phases = calloc(coordinator->plan->phase_count + 1, sizeof *result->phases);
    if (!result->targets || !result->phases)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < binding->target_count; i++) {
        result->target_count = i + 1;
        if (target_begin(&binding->targets[i], &result->targets[i]) < 0)
            return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    return 0;
}

static int phase_target_begin(const struct phase_lane *lane, struct phase_target *target)
{
    size_t operations = lane->target->operation_count;
    target->target = lane->target_index;
    measurement_init(&target->setup);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_init(&target->parts[part]);
    target->operations = calloc(operations + 1, sizeof *target->operations);
    if (!target->operations)
        return -1;
    target->operation_count = operations;
    for (size_t i = 0; i < operations; i++)
        measurement_init(&target->operations[i]);
    return 0;
}

int result_phase_begin(struct coordinator *coordinator, size_t index, const char *not_run)
{
    const struct phase *phase = &coordinator->plan->phases[index];
    struct result *result = coordinator->result;
    struct result_phase *to = &result->phases[index];
    *to = (struct result_phase){.name = copy(phase->name ? phase->name : "phase"),
                                .kind = copy(phase_kind_name(phase->kind)),
                                .plan = result_phase_plan(phase),
                                .not_run = not_run != NULL,
                                .not_run_reason = copy(not_run)};
    result->phase_count = index + 1;
    coordinator->result_phase = to;
    if (!to->name || !to->kind || !to->plan)
        return -1;
    if (not_run)
        return to->not_run_reason ? 0 : -1;
    to->targets = calloc(coordinator->phase.lane_count, sizeof *to->targets);
    if (!to->targets)
        return -1;
    for (size_t i = 0; i < coordinator->phase.lane_count; i++) {
        to->target_count = i + 1;
        coordinator->lanes[i].result = &to->targets[i];
        if (phase_target_begin(&coordinator->phase.lanes[i], &to->targets[i]) < 0)
            return -1;
    }
    return 0;
}

int result_add_tally(struct phase_target *target, const struct tally *tally)
{
    int kept = 0;
    for (size_t i = 0; i < tally->operation_count && i < target->operation_count; i++)
        kept |= measurement_merge(&target->operations[i], &tally->operations[i]);
    kept |= measurement_merge(&target->setup, &tally->setup);
    for (unsigned part = 0; part < PARTS; part++)
        kept |= histogram_merge(&target->parts[part], &tally->parts[part]);
    return kept;
}

void result_add_reports(struct coordinator *coordinator)
{
    struct result *result = coordinator->result;
    for (size_t i = 0; i < result->target_count && i < coordinator->binding.target_count; i++) {
        struct target *from = coordinator->binding.targets[i].target;
        bool reports = !from->unavailable && from->driver->report;
        json_t *report = reports ? from->driver->report(from) : NULL;
        if (!report)
            continue;
        struct result_target *target = &result->targets[i];
        if (!target->facts)
            target->facts = json_object();
        json_object_update(target->facts, report);
        json_decref(report);
    }
}

json_t *result_phase_plan(const struct phase *phase)
{
    json_t *points = json_array();
    for (size_t i = 0; i < phase->point_count; i++)
        json_array_append_new(
            points, json_pack("[I,f]", (json_int_t)phase->points[i].at_ns, phase->points[i].level));
    bool open = phase->model == LOAD_OPEN;
    json_t *plan =
        json_pack("{s:s,s:o,s:b,s:I}", "model", open ? "open" : "closed", "points", points,
                  "stepped", phase->stepped, "duration_ns", (json_int_t)phase->duration_ns);
    if (phase->operations)
        json_object_set_new(plan, "operations", json_integer((json_int_t)phase->operations));
    if (phase->mix)
        json_object_set_new(plan, "mix", json_string(phase->mix));
    json_t *mixes = phase->mix_count ? json_array() : NULL;
    for (size_t i = 0; i < phase->mix_count; i++)
        json_array_append_new(mixes, json_pack("{s:s,s:f}", "mix", phase->mixes[i].name, "weight",
                                               phase->mixes[i].weight));
    if (mixes)
        json_object_set_new(plan, "mixes", mixes);
    if (open) {
        json_object_set_new(
            plan, "arrivals",
            json_string(phase->arrivals == ARRIVALS_POISSON ? "poisson" : "constant"));
        json_object_set_new(plan, "max_in_flight", json_integer(phase->max_in_flight));
        return plan;
    }
    json_object_set_new(plan, "in_flight_per_user", json_integer(phase->in_flight_per_user));
    json_object_set_new(plan, "think_min_ns", json_integer((json_int_t)phase->think_min_ns));
    json_object_set_new(plan, "think_max_ns", json_integer((json_int_t)phase->think_max_ns));
    if (phase->pace_ns)
        json_object_set_new(plan, "pace_ns", json_integer((json_int_t)phase->pace_ns));
    return plan;
}

static int target_begin(const struct bound_target *bound, struct result_target *target)
{
    const struct target *from = bound->target;
    target->name = copy(from->options->name ? from->options->name : "target");
    target->driver = copy(from->driver ? from->driver->name : from->options->driver);
    target->description = copy(from->description);
    target->address = address_of(from->options);
    target->facts = from->facts ? json_deep_copy(from->facts) : NULL;
    if (from->unavailable) {
        target->facts = target->facts ? target->facts : json_object();
        json_object_set_new(target->facts, "unavailable", json_string(from->unavailable));
        json_object_set_new(target->facts, "asked_for", json_boolean(from->asked_for));
    }
    if (from->options->embedded) {
        target->facts = target->facts ? target->facts : json_object();
        json_object_set_new(target->facts, "embedded", json_true());
    }
    target->excluded = json_deep_copy(bound->excluded);
    target->undeclared = json_deep_copy(bound->undeclared);
    target->operations = calloc(bound->operation_count + 1, sizeof *target->operations);
    if (!target->name || !target->driver || !target->operations)
        return -1;
    for (size_t i = 0; i < bound->operation_count; i++) {
        const struct operation *operation = &bound->operations[i]->operation;
        struct result_operation *to = &target->operations[i];
        target->operation_count = i + 1;
        *to = (struct result_operation){
            .name = copy(operation->name),
            .kind = copy(operation->offer->kind),
            .category = copy(operation->category),
            .hints = operation->offer->hints,
        };
        char *arguments = from->driver->arguments_text(operation, 0);
        to->arguments = arguments ? scrub_text(arguments, strlen(arguments)) : NULL;
        free(arguments);
        if (!to->name || !to->kind)
            return -1;
    }
    return 0;
}

/* The URL without secrets, or the command line. */
static char *address_of(const struct target_options *options)
{
    if (options->url)
        return scrub_url(options->url);
    struct buffer line;
    buffer_init(&line, (size_t)64 * 1024);
    for (char **word = options->command; word && *word; word++)
        buffer_printf(&line, "%s%s", word == options->command ? "" : " ", *word);
    char *text = buffer_take_string(&line);
    char *scrubbed = text ? scrub_text(text, strlen(text)) : NULL;
    free(text);
    return scrubbed;
}

static char *cpu_model(void)
{
    char line[256], *model = NULL;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !model && fgets(line, sizeof line, file)) {
        char *value = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
        if (!value)
            continue;
        value[strcspn(value, "\n")] = 0;
        model = strdup(value + 1 + strspn(value + 1, " "));
    }
    if (file)
        fclose(file);
    return model;
}

static json_t *environment(const struct coordinator *coordinator)
{
    struct utsname system;
    struct rlimit files = {0};
    if (uname(&system) < 0)
        memset(&system, 0, sizeof system);
    getrlimit(RLIMIT_NOFILE, &files);
    char *model = cpu_model();
    json_t *made = json_pack(
        "{s:I,s:s*,s:s,s:s,s:I,s:I}", "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
        "cpu_model", model, "kernel", system.release, "architecture", system.machine, "workers",
        (json_int_t)coordinator->worker_count, "open_files_limit", (json_int_t)files.rlim_cur);
    free(model);
    return made;
}

static json_t *tags(const struct plan *plan)
{
    json_t *made = json_object();
    for (char **tag = plan->tags; tag && *tag; tag++) {
        const char *equals = strchr(*tag, '=');
        if (equals)
            json_object_setn_new(made, *tag, (size_t)(equals - *tag), json_string(equals + 1));
    }
    return made;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}
