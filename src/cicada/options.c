/* See options.h. */
#include "cicada/options.h"
#include "base/clock.h"
#include "plan/option_table.h"
#include "plan/plan.h"
#include "plan/target.h"
#include "plan/target_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_S = 30 };

static int value_glob(const char *text, void *field, const char *label, struct error *error)
{
    (void)label;
    return string_list_add(field, text) < 0 ? error_out_of_memory(error) : 0;
}

static int value_arguments(const char *text, void *field, const char *label, struct error *error)
{
    json_error_t problem;
    json_t **arguments = field;
    json_decref(*arguments);
    *arguments = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (json_is_object(*arguments))
        return 0;
    return error_set(error, ERROR_USAGE,
                     "must be a JSON object%s%s; write e.g. %s'{\"query\": \"x\"}'",
                     *arguments ? "" : ": ", *arguments ? "" : problem.text, label);
}

#define FIELD(member) offsetof(struct target_command_options, member)
static const struct option_row tools_rows[] = {
    {"tool", "GLOB", "only the tools that match; repeatable", value_glob, FIELD(include)},
    {"exclude", "GLOB", "leave out the tools that match; repeatable", value_glob, FIELD(exclude)},
    {"allow-destructive", NULL, "call tools that say they destroy something", value_flag,
     FIELD(allow_destructive)},
    {"no-call", NULL, "only list; call nothing", value_flag, FIELD(no_call)},
    {"call", "NAME", "call this one tool and print its answer", value_text, FIELD(call)},
    {"arguments", "JSON", "with these arguments instead of generated ones", value_arguments,
     FIELD(arguments)},
    {"full", NULL, "do not cut long arguments", value_flag, FIELD(full)},
    {"json", "FILE", "write what was found as JSON", value_text, FIELD(json_file)},
    {0},
};

static int take_url(void *context, char *text, struct error *error)
{
    struct target_command_options *options = context;
    if (options->named)
        return error_set(error, ERROR_USAGE, "%s: there is a target already; give one", text);
    options->named = true;
    return target_take_url(&options->target, text, error);
}

static int take_command(void *context, char **words, struct error *error)
{
    struct target_command_options *options = context;
    if (options->named)
        return error_set(error, ERROR_USAGE, "-- %s: there is a target already; give one",
                         words[0] ? words[0] : "");
    options->named = true;
    return target_take_command(&options->target, words, error);
}

static int check(struct target_command_options *options, const char *command, struct error *error)
{
    if (!options->named)
        return error_set(error, ERROR_USAGE,
                         "%s: no target was given; name a URL, or a command after --: cicada %s "
                         "http://127.0.0.1:3000/mcp",
                         command, command);
    if (options->arguments && !options->call)
        return error_set(error, ERROR_USAGE, "--arguments: goes with --call NAME");
    return target_check(&options->target, error);
}

int target_command_options_parse(struct target_command_options *options, const char *command,
                                 int argc, char **argv, struct error *error)
{
    bool tools = strcmp(command, "tools") == 0;
    *options = (struct target_command_options){0};
    if (target_options_init(&options->target, "target") < 0)
        return error_out_of_memory(error);
    options->target.where = "command line";
    if (!options->target.timeout_ns)
        options->target.timeout_ns = DEFAULT_TIMEOUT_S * NS_PER_S;
    const struct option_table tables[] = {
        {tools ? "Tools" : NULL, tools_rows, options},
        {"Target", target_option_rows, &options->target},
        {0},
    };
    const struct option_command description = {
        .usage = tools ? "cicada tools [OPTION]... URL | -- COMMAND..."
                       : "cicada diagnose [OPTION]... URL | -- COMMAND...",
        .summary =
            tools ? "Discover the tools of a target, show the arguments that a run would send, "
                    "and call each tool once."
                  : "Walk the way to a working call step by step: reach, TLS, era, discovery, "
                    "one call; say at each what was found, and what fails and why.",
        .tables = tools ? tables : tables + 1,
        .positional = take_url,
        .command = take_command,
        .context = options,
    };
    int parsed = option_parse(&description, argc, argv, error);
    if (parsed == 0)
        parsed = check(options, command, error);
    else if (parsed > 0)
        parsed = option_print_help(&description, error);
    if (parsed != 0)
        target_command_options_free(options);
    return parsed;
}

void target_command_options_free(struct target_command_options *options)
{
    target_options_free(&options->target);
    string_list_free(options->include);
    string_list_free(options->exclude);
    free(options->call);
    free(options->json_file);
    json_decref(options->arguments);
    *options = (struct target_command_options){0};
}
