/* The effective plan as YAML that parses back to the same plan. Defaults that hold anyway are left
 * out; what a shape was made of is written as that shape where its points still are exactly it. */
#include "plan/plan.h"

#include "base/clock.h"
#include "base/scrub.h"
#include "plan/load.h"
#include "plan/mix.h"
#include "plan/secret.h"
#include "plan/values.h"
#include "plan/yaml_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The printer remembers that something failed, so that the calls need not each be checked. */
struct printer {
    struct buffer *output;
    bool failed;
};

static void print(struct printer *printer, const char *text)
{
    if (!printer->failed && buffer_append_text(printer->output, text) < 0)
        printer->failed = true;
}

static void print_value(struct printer *printer, const char *text)
{
    if (!printer->failed && yaml_append_text(printer->output, text) < 0)
        printer->failed = true;
}

/* "indent" + key + ": " + text; nothing for NULL. */
static void print_text(struct printer *printer, const char *key, const char *text)
{
    if (!text)
        return;
    print(printer, key);
    print(printer, ": ");
    print_value(printer, text);
    print(printer, "\n");
}

/* A header's or a variable's value as the plan writes it; "***" for a secret. */
static void print_hidden(struct printer *printer, const char *name, const char *value)
{
    char *scrubbed = scrub_name_is_secret(name) ? strdup("***") : scrub_text(value, strlen(value));
    char *escaped = scrubbed ? secret_escape(scrubbed) : NULL;
    if (escaped)
        print_value(printer, escaped);
    else
        printer->failed = true;
    free(escaped);
    free(scrubbed);
}

static void print_uint(struct printer *printer, const char *key, uint64_t value)
{
    print(printer, key);
    if (!printer->failed && buffer_printf(printer->output, ": %" PRIu64 "\n", value) < 0)
        printer->failed = true;
}

static void print_duration(struct printer *printer, const char *key, uint64_t ns)
{
    char text[32];
    value_print_duration(ns, text);
    print_text(printer, key, text);
}

static void print_number(struct printer *printer, const char *key, double number)
{
    char text[64];
    value_print_number(number, text);
    print_text(printer, key, text);
}

static void print_flag(struct printer *printer, const char *key, bool value)
{
    print_text(printer, key, value ? "true" : "false");
}

static void print_json(struct printer *printer, const char *key, const json_t *value)
{
    if (!value)
        return;
    print(printer, key);
    print(printer, ": ");
    if (!printer->failed && yaml_append_json(printer->output, value) < 0)
        printer->failed = true;
    print(printer, "\n");
}

static void print_list(struct printer *printer, const char *key, char *const *list)
{
    if (!list || !list[0])
        return;
    print(printer, key);
    print(printer, ": [");
    for (size_t i = 0; list[i]; i++) {
        print(printer, i ? ", " : "");
        if (!printer->failed && yaml_append_quoted(printer->output, list[i]) < 0)
            printer->failed = true;
    }
    print(printer, "]\n");
}

static void print_time_range(struct printer *printer, const char *key, uint64_t min, uint64_t max)
{
    char from[32], to[32];
    value_print_duration(min, from);
    value_print_duration(max, to);
    print(printer, key);
    print(printer, ": ");
    print(printer, from);
    if (min != max) {
        print(printer, "..");
        print(printer, to);
    }
    print(printer, "\n");
}

/* ---- targets -----------------------------------------------------------------------------------
 */

static void print_headers(struct printer *printer, const struct target_options *target)
{
    if (target->header_count == 0)
        return;
    print(printer, "    headers:\n");
    for (size_t i = 0; i < target->header_count; i++) {
        print(printer, "      ");
        print_value(printer, target->header_names[i]);
        print(printer, ": ");
        print_hidden(printer, target->header_names[i], target->header_values[i]);
        print(printer, "\n");
    }
}

static void print_environment(struct printer *printer, const struct target_options *target)
{
    if (!target->environment || !target->environment[0])
        return;
    print(printer, "    env:\n");
    for (char **item = target->environment; *item; item++) {
        const char *equals = strchr(*item, '=');
        char *name = strndup(*item, equals ? (size_t)(equals - *item) : strlen(*item));
        if (!name) {
            printer->failed = true;
            return;
        }
        print(printer, "      ");
        print_value(printer, name);
        print(printer, ": ");
        print_hidden(printer, name, equals ? equals + 1 : "");
        print(printer, "\n");
        free(name);
    }
}

static void print_command(struct printer *printer, const struct target_options *target)
{
    if (!target->command)
        return;
    print(printer, "    command: [");
    for (char **word = target->command; *word; word++) {
        char *scrubbed = scrub_text(*word, strlen(*word));
        print(printer, word != target->command ? ", " : "");
        if (!scrubbed || yaml_append_quoted(printer->output, scrubbed) < 0)
            printer->failed = true;
        free(scrubbed);
    }
    print(printer, "]\n");
}

static void print_target(struct printer *printer, const struct plan *plan,
                         const struct target_options *target)
{
    print_text(printer, "  - name", target->name);
    if (target->url) {
        char *url = scrub_url(target->url);
        print_text(printer, "    url", url);
        free(url);
    }
    print_command(printer, target);
    print_environment(printer, target);
    if (target->processes != 1)
        print_uint(printer, "    processes", target->processes);
    print_text(printer, "    driver", target->driver);
    if (strcmp(target->protocol, "auto") != 0)
        print_text(printer, "    protocol", target->protocol);
    if (strcmp(target->transport, "auto") != 0)
        print_text(printer, "    transport", target->transport);
    print_headers(printer, target);
    print_text(printer, "    cacert", target->ca_file);
    print_text(printer, "    cert", target->certificate_file);
    print_text(printer, "    key", target->key_file);
    if (target->insecure)
        print_flag(printer, "    insecure", true);
    if (!target->http2)
        print_flag(printer, "    http2", false);
    if (!target->listen)
        print_flag(printer, "    listen", false);
    if (target->timeout_ns != plan->timeout_ns)
        print_duration(printer, "    timeout", target->timeout_ns);
    if (target->connect_timeout_ns != plan->connect_timeout_ns)
        print_duration(printer, "    connect_timeout", target->connect_timeout_ns);
    if (target->pool_size)
        print_uint(printer, "    pool", target->pool_size);
    if (target->seed != plan->seed)
        print_uint(printer, "    seed", target->seed);
    if (target->embedded)
        print_flag(printer, "    embedded", true);
    print_list(printer, "    tiers", target->tiers);
    print_json(printer, "    options", target->driver_options);
}

/* ---- mixes -------------------------------------------------------------------------------------
 */

static void print_checks(struct printer *printer, const char *indent, const struct step *step)
{
    if (step->check_count == 0)
        return;
    print(printer, indent);
    print(printer, "checks:\n");
    for (size_t i = 0; i < step->check_count; i++) {
        print(printer, indent);
        print_text(printer, "  - pointer", step->checks[i].pointer);
        if (step->checks[i].equals) {
            print(printer, indent);
            print_json(printer, "    equals", step->checks[i].equals);
        }
    }
}

static void print_captures(struct printer *printer, const char *indent, const struct step *step)
{
    if (step->capture_count == 0)
        return;
    print(printer, indent);
    print(printer, "captures:\n");
    for (size_t i = 0; i < step->capture_count; i++) {
        print(printer, indent);
        print(printer, "  ");
        print_value(printer, step->captures[i].name);
        print(printer, ": ");
        print_value(printer, step->captures[i].pointer);
        print(printer, "\n");
    }
}

/* The step after its "- ", as kind and name, and the words below. */
static void print_step(struct printer *printer, const char *indent, const struct step *step)
{
    int unused;
    print_text(printer, "kind", step->kind);
    if (strcmp(step->kind, step->name) != 0 ||
        value_choice(step->kind, request_choices, &unused, "", NULL) < 0) {
        print(printer, indent);
        print_text(printer, "name", step->name);
    }
    if (step->arguments) {
        print(printer, indent);
        print_json(printer, "arguments", step->arguments);
    }
    print_captures(printer, indent, step);
    print_checks(printer, indent, step);
    if (step->think_max_ns) {
        print(printer, indent);
        print_time_range(printer, "think_time", step->think_min_ns, step->think_max_ns);
    }
    if (step->on_error != STEP_CONTINUE) {
        print(printer, indent);
        print_text(printer, "on_error", choice_name(on_error_choices, step->on_error));
    }
}

static bool is_tool(const struct mix_entry *entry)
{
    return !entry->name && strcmp(entry->steps[0].kind, "tool") == 0;
}

static void print_singles(struct printer *printer, const struct mix *mix, bool tools)
{
    bool any = false;
    for (size_t i = 0; i < mix->entry_count; i++) {
        const struct mix_entry *entry = &mix->entries[i];
        const struct step *step = &entry->steps[0];
        if (entry->name || is_tool(entry) != tools)
            continue;
        if (!any)
            print(printer, tools ? "    tools:\n" : "    requests:\n");
        any = true;
        print(printer, "      - ");
        if (tools) {
            print_text(printer, "name", step->name);
            if (step->arguments)
                print_json(printer, "        arguments", step->arguments);
            print_checks(printer, "        ", step);
            if (step->think_max_ns)
                print_time_range(printer, "        think_time", step->think_min_ns,
                                 step->think_max_ns);
        } else {
            print_step(printer, "        ", step);
        }
        if (entry->weight != 1)
            print_number(printer, "        weight", entry->weight);
    }
}

static void print_behaviours(struct printer *printer, const struct mix *mix)
{
    bool any = false;
    for (size_t i = 0; i < mix->entry_count; i++) {
        const struct mix_entry *entry = &mix->entries[i];
        if (!entry->name)
            continue;
        if (!any)
            print(printer, "    behaviours:\n");
        any = true;
        print_text(printer, "      - name", entry->name);
        if (entry->weight != 1)
            print_number(printer, "        weight", entry->weight);
        print(printer, "        steps:\n");
        for (size_t j = 0; j < entry->step_count; j++) {
            print(printer, "          - ");
            print_step(printer, "            ", &entry->steps[j]);
        }
    }
}

static void print_mix(struct printer *printer, const struct mix *mix)
{
    print_text(printer, "  - name", mix->name);
    print_text(printer, "    target", mix->target);
    print_list(printer, "    include", mix->include);
    print_list(printer, "    exclude", mix->exclude);
    print_flag(printer, "    allow_destructive", mix->allow_destructive);
    print_uint(printer, "    variants", mix->variants);
    print_uint(printer, "    minimum_sample", mix->minimum_sample);
    print_singles(printer, mix, true);
    print_singles(printer, mix, false);
    print_behaviours(printer, mix);
    if (mix->category_count)
        print(printer, "    categories:\n");
    for (size_t i = 0; i < mix->category_count; i++) {
        print_text(printer, "      - name", mix->categories[i].name);
        print_number(printer, "        weight", mix->categories[i].weight);
        print_list(printer, "        tools", mix->categories[i].globs);
    }
}

/* ---- phases ------------------------------------------------------------------------------------
 */

static bool same_points(const struct phase *phase, struct load_point *points, size_t count)
{
    bool same = points && count == phase->point_count;
    for (size_t i = 0; same && i < count; i++)
        same =
            points[i].at_ns == phase->points[i].at_ns && points[i].level == phase->points[i].level;
    free(points);
    return same;
}

/* The shape that makes these very points; SHAPE_CUSTOM when no short one does. */
static enum shape shape_of(const struct phase *phase)
{
    size_t count = phase->point_count, made;
    double from = phase->points[0].level, to = phase->points[count - 1].level;
    bool closed = phase->model == LOAD_CLOSED;
    struct load_point *points;
    if (count <= 2 && !phase->stepped && (!closed || (from == round(from) && to == round(to)))) {
        points = load_line(from, to, phase->duration_ns, &made);
        if (same_points(phase, points, made))
            return from == to ? SHAPE_CONSTANT : SHAPE_LINEAR;
    }
    if (!phase->stepped || count < 3 || count - 1 > LOAD_STEPS_LIMIT)
        return SHAPE_CUSTOM;
    points = load_steps(from, to, (unsigned)count - 1, phase->duration_ns, closed, &made);
    return same_points(phase, points, made) ? SHAPE_STEPS : SHAPE_CUSTOM;
}

static void print_level(struct printer *printer, const struct phase *phase, enum shape shape)
{
    char from[64], to[64];
    value_print_number(phase->points[0].level, from);
    value_print_number(phase->points[phase->point_count - 1].level, to);
    print(printer, phase->model == LOAD_OPEN ? "    rate: " : "    users: ");
    print(printer, from);
    if (shape != SHAPE_CONSTANT) {
        print(printer, "..");
        print(printer, to);
    }
    print(printer, "\n");
}

static void print_points(struct printer *printer, const struct phase *phase)
{
    if (phase->stepped)
        print_flag(printer, "    stepped", true);
    print(printer, "    points:\n");
    for (size_t i = 0; i < phase->point_count; i++) {
        char at[32], level[64];
        value_print_duration(phase->points[i].at_ns, at);
        value_print_number(phase->points[i].level, level);
        print(printer, "      - {at: ");
        print(printer, at);
        print(printer, phase->model == LOAD_OPEN ? ", rate: " : ", users: ");
        print(printer, level);
        print(printer, "}\n");
    }
}

static void print_load(struct printer *printer, const struct phase *phase)
{
    enum shape shape = shape_of(phase);
    print_text(printer, "    shape", choice_name(shape_choices, shape));
    if (shape == SHAPE_CUSTOM) {
        print_points(printer, phase);
    } else {
        print_level(printer, phase, shape);
        if (shape == SHAPE_STEPS)
            print_uint(printer, "    steps", phase->point_count - 1);
        if (phase->duration_ns)
            print_duration(printer, "    duration", phase->duration_ns);
    }
    if (phase->operations)
        print_uint(printer, "    operations", phase->operations);
}

static void print_phase(struct printer *printer, const struct phase *phase)
{
    print_text(printer, "  - name", phase->name);
    print_text(printer, "    kind", phase_kind_name(phase->kind));
    if (phase->not_run) {
        print_text(printer, "    not_run", phase->not_run_reason);
        return;
    }
    print_load(printer, phase);
    if (phase->model == LOAD_OPEN) {
        print_text(printer, "    arrivals", choice_name(arrivals_choices, phase->arrivals));
        print_uint(printer, "    max_in_flight", phase->max_in_flight);
    }
    print_uint(printer, "    in_flight", phase->in_flight_per_user);
    if (phase->think_max_ns)
        print_time_range(printer, "    think_time", phase->think_min_ns, phase->think_max_ns);
    if (phase->pace_ns)
        print_duration(printer, "    pace", phase->pace_ns);
    print_text(printer, "    mix", phase->mix);
    if (phase->mix_count)
        print(printer, "    mixes:\n");
    for (size_t i = 0; i < phase->mix_count; i++) {
        print_text(printer, "      - mix", phase->mixes[i].name);
        print_number(printer, "        weight", phase->mixes[i].weight);
    }
}

/* ---- the plan ----------------------------------------------------------------------------------
 */

static void print_thresholds(struct printer *printer, const char *key,
                             const struct threshold *thresholds, size_t count)
{
    if (count == 0)
        return;
    print(printer, key);
    print(printer, ":\n");
    for (size_t i = 0; i < count; i++) {
        print(printer, "  - ");
        print_value(printer, thresholds[i].text);
        print(printer, "\n");
    }
}

static void print_alert_value(struct printer *printer, const char *key,
                              const struct alert_rule *rule, double value)
{
    if (alert_metric_is_latency(rule->metric))
        print_duration(printer, key, (uint64_t)value);
    else
        print_number(printer, key, value);
}

static void print_alerts(struct printer *printer, const struct plan *plan)
{
    if (plan->alert_count)
        print(printer, "alerts:\n");
    for (size_t i = 0; i < plan->alert_count; i++) {
        const struct alert_rule *rule = &plan->alerts[i];
        print_text(printer, "  - rule", rule->name);
        print_text(printer, "    metric", alert_metric_name(rule->metric));
        print_alert_value(printer, "    threshold", rule, rule->threshold);
        print_alert_value(printer, "    clear", rule, rule->clear);
        print_duration(printer, "    for", rule->for_s * NS_PER_S);
        print_duration(printer, "    clear_for", rule->clear_for_s * NS_PER_S);
        if (rule->abort)
            print_flag(printer, "    abort", true);
    }
}

static void print_tags(struct printer *printer, char *const *tags)
{
    if (!tags || !tags[0])
        return;
    print(printer, "tags:\n");
    for (; *tags; tags++) {
        const char *equals = strchr(*tags, '=');
        char *name = strndup(*tags, equals ? (size_t)(equals - *tags) : strlen(*tags));
        if (!name) {
            printer->failed = true;
            return;
        }
        print(printer, "  ");
        print_value(printer, name);
        print(printer, ": ");
        print_value(printer, equals ? equals + 1 : "");
        print(printer, "\n");
        free(name);
    }
}

static void print_settings(struct printer *printer, const struct plan *plan)
{
    print_duration(printer, "timeout", plan->timeout_ns);
    print_duration(printer, "connect_timeout", plan->connect_timeout_ns);
    if (plan->lost_after_ns)
        print_duration(printer, "lost_after", plan->lost_after_ns);
    print_uint(printer, "seed", plan->seed);
    if (plan->workers)
        print_uint(printer, "workers", plan->workers);
    if (plan->repeat != 1)
        print_uint(printer, "repeat", plan->repeat);
    if (plan->segments != 1 && !printer->failed &&
        buffer_printf(printer->output, "segment: %u/%u\n", plan->segment, plan->segments) < 0)
        printer->failed = true;
    if (plan->start_at_wall_ns) {
        char time[40];
        value_print_wall_time(plan->start_at_wall_ns, time);
        print_text(printer, "start_at", time);
    }
    print_text(printer, "data", plan->data_file);
    print_tags(printer, plan->tags);
}

int plan_print(const struct plan *plan, struct buffer *output)
{
    struct printer printer = {.output = output};
    print_text(&printer, "name", plan->name);
    if (plan->target_count)
        print(&printer, "targets:\n");
    for (size_t i = 0; i < plan->target_count; i++)
        print_target(&printer, plan, &plan->targets[i]);
    print_settings(&printer, plan);
    print_thresholds(&printer, "thresholds", plan->thresholds, plan->threshold_count);
    print_thresholds(&printer, "abort_on", plan->abort_on, plan->abort_on_count);
    print_alerts(&printer, plan);
    if (plan->mix_count)
        print(&printer, "mixes:\n");
    for (size_t i = 0; i < plan->mix_count; i++)
        print_mix(&printer, &plan->mixes[i]);
    print(&printer, "phases:\n");
    for (size_t i = 0; i < plan->phase_count; i++)
        print_phase(&printer, &plan->phases[i]);
    return printer.failed ? -1 : 0;
}
