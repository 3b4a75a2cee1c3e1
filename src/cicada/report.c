/* cicada report RESULT.json: any form of report from a stored result, or its summary as the run
 * printed it. */
#include "cicada/command.h"
#include "cicada/otlp.h"
#include "plan/option_table.h"
#include "plan/options.h"
#include "report/form_file.h"
#include "report/form_write.h"
#include "report/result_json.h"
#include "report/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report {
    struct run_options output;
    char *path; /* of the result; not owned */
};

#define OUT(member) offsetof(struct run_options, member)
#define FORM(form)  OUT(files) + (form) * sizeof(char *)

static const struct option_row form_rows[] = {
    {"html", "FILE", "a page with charts", value_text, FORM(OUTPUT_HTML)},
    {"junit", "FILE", "verdicts as JUnit XML", value_text, FORM(OUTPUT_JUNIT)},
    {"markdown", "FILE", "a summary in Markdown", value_text, FORM(OUTPUT_MARKDOWN)},
    {"prometheus", "FILE", "the figures as Prometheus text", value_text, FORM(OUTPUT_PROMETHEUS)},
    {"csv", "FILE", "the figures of each second", value_text, FORM(OUTPUT_CSV)},
    {"hlog", "FILE", "histograms as an HdrHistogram log", value_text, FORM(OUTPUT_HLOG)},
    {"out", "DIR", "all of these, in a folder", value_text, OUT(out)},
    {"otlp", "URL", "push the figures to an OTLP/HTTP receiver", value_otlp, OUT(otlp)},
    {NULL, NULL, NULL, NULL, 0}};

static int take_path(void *context, char *text, struct error *error)
{
    struct report *report = context;
    if (report->path)
        return error_set(error, ERROR_USAGE, "%.200s: is a second result; give one", text);
    report->path = text;
    return 0;
}

/* 0; 1 when --help was asked for and printed; -1. */
static int parse(struct report *report, int argc, char **argv, struct error *error)
{
    const struct option_table tables[] = {{"Forms", form_rows, &report->output}, {0}};
    const struct option_command command = {
        .usage = "cicada report [OPTION]... RESULT.json",
        .summary = "Write any form of report from a stored result. Without an option, print its\n"
                   "summary as the run did. FILE may be /dev/stdout.",
        .tables = tables,
        .positional = take_path,
        .context = report};
    int parsed = option_parse(&command, argc, argv, error);
    if (parsed > 0)
        return option_print_help(&command, error);
    if (parsed == 0 && !report->path)
        return error_set(error, ERROR_USAGE,
                         "report: no result was given; write cicada report cicada-result.json");
    return parsed;
}

static bool asks_for_forms(const struct run_options *options)
{
    bool any = options->out || options->otlp;
    for (size_t form = 0; form < OUTPUT_FORMS; form++)
        any = any || options->files[form];
    return any;
}

/* Only the forms are written: the result itself stays where and as it is. */
static int write_forms(const struct report *report, const struct result *result,
                       struct error *error)
{
    if (report->output.out && file_make_folder(report->output.out, error) < 0)
        return error_wrap(error, "--out");
    if (forms_write(result, &report->output, 0, stderr, error) < 0)
        return -1;
    if (!report->output.otlp)
        return 0;
    int pushed = otlp_push_result(report->output.otlp, result, error);
    return pushed < 0 ? error_wrap(error, "--otlp: the metrics were not pushed") : 0;
}

int command_report(int argc, char **argv)
{
    struct error error = {0};
    struct report report = {0};
    struct result result;
    result_init(&result);
    int done = parse(&report, argc, argv, &error);
    if (done == 0)
        done = result_read_json(&result, report.path, &error);
    if (done == 0 && asks_for_forms(&report.output))
        done = write_forms(&report, &result, &error);
    else if (done == 0)
        terminal_print_summary(stdout, &result, report.path);
    result_free(&result);
    run_options_free(&report.output);
    return done < 0 ? command_fail(&error) : 0;
}
