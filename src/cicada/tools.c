/* cicada tools TARGET: what the target offers, the arguments that would be sent, and one probe call
 * of each tool (of a memory tier: each command), so that a person sees before a run which tools
 * work and which need arguments of their own. */
#include "analysis/rejection.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "cicada/command.h"
#include "cicada/options.h"
#include "cicada/probe.h"
#include "cicada/signals.h"
#include "report/text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tools {
    const struct target_command_options *options;
    struct target *target;
    const char *kind; /* "tool", or "command" of a target that has those instead */
    struct probe probe;
    struct terminal_style style;
    unsigned called, failed, rejected, left_out;
    json_t *json; /* array of what was found, for --json */
};

static const char *hint_text(unsigned hints)
{
    if (hints & OFFER_READ_ONLY)
        return "read-only";
    if (hints & OFFER_DESTRUCTIVE)
        return "destructive";
    return hints & OFFER_DESTRUCTIVE_UNSAID ? "unsaid" : "writes";
}

static bool matches(const char *name, char *const *globs)
{
    for (; globs && *globs; globs++)
        if (fnmatch(*globs, name, 0) == 0)
            return true;
    return false;
}

/* "custom" runs what a plan writes, or what --call and --arguments say. */
static bool is_blank(const struct offer *offer)
{
    return strcmp(offer->kind, "command") == 0 && strcmp(offer->name, "custom") == 0;
}

static bool selected(const struct tools *tools, const struct offer *offer)
{
    const struct target_command_options *options = tools->options;
    if (strcmp(offer->kind, tools->kind) != 0 || is_blank(offer))
        return false;
    if (options->include && !matches(offer->name, options->include))
        return false;
    return !matches(offer->name, options->exclude);
}

static bool is_of_commands(const struct tools *tools)
{
    return strcmp(tools->kind, "command") == 0;
}

static void print_row(const struct tools *tools, const struct offer *offer, const char *probe,
                      const char *colour, const char *latency, const char *arguments)
{
    printf("  ");
    text_print_padded(stdout, offer->name, 32);
    if (is_of_commands(tools))
        printf(" %6g ", offer->weight > 0 ? offer->weight : 1);
    printf(" %-11s %s%-15s%s %9s  ", hint_text(offer->hints), colour, probe, tools->style.reset,
           latency);
    text_print_safe(stdout, arguments, tools->options->full ? 100000 : 70);
    putchar('\n');
}

static void print_problem(const struct tools *tools, const struct offer *offer,
                          const struct probe_result *result, bool rejected)
{
    printf("    %s", tools->style.dim);
    text_print_safe(stdout, result->text ? result->text : "no text came with it", 400);
    printf("%s\n", tools->style.reset);
    if (rejected) {
        printf("    the server rejects these arguments; a plan can fix them:\n"
               "      tools: ['*', {name: ");
        text_print_safe(stdout, offer->name, 100);
        printf(", arguments: {...}}]\n");
    }
}

static void add_json(struct tools *tools, const struct offer *offer, const char *arguments,
                     const struct probe_result *result, bool rejected)
{
    if (!tools->json)
        return;
    json_t *row =
        json_pack("{s:s, s:s, s:o?}", "name", offer->name, "hint", hint_text(offer->hints),
                  "arguments", arguments ? json_loads(arguments, JSON_DECODE_ANY, NULL) : NULL);
    if (is_of_commands(tools))
        json_object_set_new(row, "weight", json_real(offer->weight > 0 ? offer->weight : 1));
    if (result) {
        json_object_set_new(row, "outcome", json_string(outcome_kind_name(result->outcome.kind)));
        json_object_set_new(row, "code", json_integer(result->outcome.code));
        json_object_set_new(row, "latency_ns", json_integer((json_int_t)result->latency_ns));
        json_object_set_new(row, "arguments_rejected", json_boolean(rejected));
        if (result->text)
            json_object_set_new(row, "text", json_string(result->text));
    }
    json_array_append_new(tools->json, row);
}

/* The arguments; of an operation that takes none, what the probe sent, or what it is about. */
static const char *what_to_show(const struct offer *offer, const char *arguments,
                                const char *request)
{
    if (arguments && strcmp(arguments, "{}") != 0)
        return arguments;
    if (strcmp(offer->kind, "command") != 0)
        return arguments ? arguments : "";
    return request ? request : offer->description ? offer->description : "";
}

static void probe_offer(struct tools *tools, const struct offer *offer)
{
    struct target *target = tools->target;
    struct operation_spec spec = {.offer = offer,
                                  .arguments =
                                      tools->options->call ? tools->options->arguments : NULL,
                                  .variants = 1,
                                  .where = "command line"};
    struct operation operation = {0};
    struct error error = {0};
    if (target->driver->prepare(target, &spec, &operation, &error) < 0) {
        tools->failed++;
        print_row(tools, offer, "no arguments", tools->style.bad, "", error.text);
        return;
    }
    char *arguments = target->driver->arguments_text(&operation, 0);
    bool destructive = (offer->hints & OFFER_DESTRUCTIVE) && !tools->options->allow_destructive &&
                       !tools->options->call;
    if (tools->options->no_call || destructive) {
        tools->left_out++;
        print_row(tools, offer, "not called", tools->style.dim, "",
                  what_to_show(offer, arguments, NULL));
        add_json(tools, offer, arguments, NULL, false);
    } else {
        struct probe_result result;
        char latency[32];
        probe_call(&tools->probe, &operation, 0, target->options->timeout_ns, &result);
        bool ok = result.outcome.kind == OUTCOME_OK;
        bool rejected = !ok && rejection_suspected(&result.outcome, result.text);
        tools->called++;
        tools->failed += !ok;
        tools->rejected += rejected;
        text_duration(latency, sizeof latency, result.latency_ns);
        print_row(tools, offer, outcome_kind_name(result.outcome.kind),
                  ok ? tools->style.good : tools->style.bad, latency,
                  what_to_show(offer, arguments, result.request));
        if (!ok)
            print_problem(tools, offer, &result, rejected);
        if (tools->options->call && result.response) {
            text_print_json(stdout, result.response);
            putchar('\n');
        }
        add_json(tools, offer, arguments, &result, rejected);
        probe_result_free(&result);
    }
    free(arguments);
    target->driver->release(target, &operation);
}

static size_t count_kind(const struct target *target, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < target->offer_count; i++)
        count += strcmp(target->offers[i].kind, kind) == 0;
    return count;
}

static void print_heading(const struct target *target)
{
    text_print_safe(stdout, target->description ? target->description : "target", 300);
    size_t commands = 0;
    for (size_t i = 0; i < target->offer_count; i++)
        commands += strcmp(target->offers[i].kind, "command") == 0 && !is_blank(&target->offers[i]);
    if (count_kind(target, "command") && !count_kind(target, "tool"))
        printf("\n%zu command%s\n\n", commands, commands == 1 ? "" : "s");
    else
        printf("\n%zu tools, %zu resources, %zu prompts\n\n", count_kind(target, "tool"),
               count_kind(target, "resource"), count_kind(target, "prompt"));
}

/* What runs nothing by itself is not in the table; how to try it. */
static void print_blanks(const struct target *target)
{
    for (size_t i = 0; i < target->offer_count; i++)
        if (is_blank(&target->offers[i]))
            printf(
                "  and custom: %s; --call custom --arguments '{...}' tries it (docs/drivers.md)\n",
                target->offers[i].description ? target->offers[i].description
                                              : "what a plan writes");
}

static void print_excluded(const struct target *target)
{
    for (size_t i = 0; i < target->excluded_count; i++) {
        printf("  excluded: ");
        text_print_safe(stdout, target->excluded[i].name, 64);
        printf(": ");
        text_print_safe(stdout, target->excluded[i].reason, 300);
        putchar('\n');
    }
}

static int probe_all(struct tools *tools, struct error *error)
{
    struct target *target = tools->target;
    const char *call = tools->options->call;
    bool found = false;
    if (probe_open(&tools->probe, target, error) < 0)
        return -1;
    if (is_of_commands(tools))
        printf("  %-32s %6s  %-11s %-15s %9s  %s\n", "COMMAND", "WEIGHT", "SAYS", "PROBE",
               "LATENCY", "ARGUMENTS, OR WHAT WAS SENT");
    else
        printf("  %-32s %-11s %-15s %9s  %s\n", "TOOL", "SAYS", "PROBE", "LATENCY", "ARGUMENTS");
    for (size_t i = 0; i < target->offer_count && !interrupt_requested(); i++) {
        const struct offer *offer = &target->offers[i];
        if (call ? strcmp(offer->kind, tools->kind) != 0 || strcmp(offer->name, call) != 0
                 : !selected(tools, offer))
            continue;
        found = true;
        probe_offer(tools, offer);
    }
    probe_close(&tools->probe);
    if (interrupt_requested())
        return error_set(error, ERROR_INTERRUPTED, "interrupted");
    if (call && !found)
        return error_set(error, ERROR_USAGE,
                         "--call %s: the target has no such %s; leave --call out to list them",
                         call, tools->kind);
    return 0;
}

static int write_json(const struct tools *tools, struct error *error)
{
    if (!tools->json)
        return 0;
    if (json_dump_file(tools->json, tools->options->json_file, JSON_INDENT(2)) < 0)
        return error_set(error, ERROR_INTERNAL, "%s: cannot be written", tools->options->json_file);
    return 0;
}

static void print_totals(const struct tools *tools)
{
    printf("\n%u called, %u failed", tools->called, tools->failed);
    if (tools->rejected)
        printf(" (%u because the server rejects the generated arguments)", tools->rejected);
    if (tools->left_out)
        printf(", %u not called%s", tools->left_out,
               tools->options->no_call ? "" : " (destructive; --allow-destructive calls them)");
    putchar('\n');
}

int command_tools(int argc, char **argv)
{
    struct error error = {0};
    struct target_command_options options;
    int parsed = target_command_options_parse(&options, "tools", argc, argv, &error);
    if (parsed != 0)
        return parsed < 0 ? command_fail(&error) : 0;
    struct tools tools = {.options = &options};
    terminal_style_init(&tools.style, stdout);
    tools.json = options.json_file ? json_array() : NULL;
    signals_catch();
    tools.target = command_open_target(&options.target, NULL, NULL, &error);
    int code = 0;
    if (!tools.target) {
        code = command_fail(&error);
    } else {
        tools.kind = count_kind(tools.target, "tool") || !count_kind(tools.target, "command")
                         ? "tool"
                         : "command";
        print_heading(tools.target);
        if (probe_all(&tools, &error) < 0 || write_json(&tools, &error) < 0)
            code = command_fail(&error);
        print_excluded(tools.target);
        if (!options.call)
            print_blanks(tools.target);
        if (!options.call)
            print_totals(&tools);
        if (code == 0 && tools.failed)
            code = ERROR_VERDICT;
    }
    json_decref(tools.json);
    command_close_target(tools.target);
    target_command_options_free(&options);
    return code;
}
