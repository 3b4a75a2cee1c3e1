/* cicada merge A.json B.json ...: the results of several generators as the one load they made. */
#include "metrics/merge.h"

#include "analysis/judge.h"
#include "cicada/command.h"
#include "cicada/stored.h"
#include "plan/list.h"
#include "plan/option_table.h"
#include "report/result_json.h"
#include "report/terminal.h"

#include <stdio.h>
#include <stdlib.h>

struct merge {
    char **paths;
    char *json;
};

static const struct option_row rows[] = {
    {"json", "FILE", "where the merge goes (default cicada-merged.json)", value_text,
     offsetof(struct merge, json)},
    {0},
};

static int take_path(void *context, char *text, struct error *error)
{
    struct merge *merge = context;
    return string_list_add(&merge->paths, text) < 0 ? error_out_of_memory(error) : 0;
}

static int parse(struct merge *merge, int argc, char **argv, struct error *error)
{
    const struct option_table tables[] = {{"Merge", rows, merge}, {0}};
    const struct option_command command = {
        .usage = "cicada merge [OPTION]... A.json B.json...",
        .summary = "Combine the results of generators that ran one plan at the same time\n"
                   "(--segment I/N, --start-at), losslessly, and judge the whole.",
        .tables = tables,
        .positional = take_path,
        .context = merge};
    int parsed = option_parse(&command, argc, argv, error);
    if (parsed > 0)
        return option_print_help(&command, error);
    size_t count = string_list_length(merge->paths);
    if (parsed == 0 && (count < 2 || count > STORED_RESULTS))
        return error_set(error, ERROR_USAGE,
                         "merge: needs 2 to %d results; write cicada merge A.json B.json --json "
                         "all.json",
                         STORED_RESULTS);
    return parsed;
}

/* The thresholds are those of the plan, the same in each; of how the parts ended, the worst. */
static int read_judging(struct result *result, struct judge_options *options, const char *path,
                        struct error *error)
{
    if (judge_options_from_json(options, result->judging, error) < 0)
        return error_wrap(error, "%.300s", path);
    return 0;
}

static int merge_one(struct result *whole, struct judge_options *judging, const char *path,
                     struct error *error)
{
    struct result part;
    struct judge_options options;
    if (stored_read(&part, path, true, error) < 0)
        return -1;
    int status = read_judging(&part, &options, path, error);
    if (status == 0 && judging->ended_by == RUN_COMPLETED)
        judging->ended_by = options.ended_by;
    if (status == 0)
        judge_options_free(&options);
    if (status == 0 && result_merge(whole, &part, error) < 0)
        status = error_wrap(error, "%.300s: cannot be merged", path);
    result_free(&part);
    return status;
}

static int merge_all(const struct merge *merge, struct result *whole, struct error *error)
{
    struct judge_options judging;
    if (stored_read(whole, merge->paths[0], true, error) < 0 ||
        read_judging(whole, &judging, merge->paths[0], error) < 0)
        return -1;
    int status = 0;
    for (size_t i = 1; status == 0 && merge->paths[i]; i++)
        status = merge_one(whole, &judging, merge->paths[i], error);
    if (status == 0 && judge_result(whole, &judging) < 0)
        status = error_out_of_memory(error);
    judge_options_free(&judging);
    return status;
}

int command_merge(int argc, char **argv)
{
    struct error error = {0};
    struct merge merge = {0};
    struct result whole;
    result_init(&whole);
    int parsed = parse(&merge, argc, argv, &error);
    int status = parsed;
    if (parsed == 0) {
        const char *path = merge.json ? merge.json : "cicada-merged.json";
        status = merge_all(&merge, &whole, &error);
        if (status == 0)
            status = result_write_json(&whole, path, &error);
        if (status == 0)
            terminal_print_summary(stdout, &whole, path);
    }
    int code = parsed > 0 ? 0 : whole.exit_code;
    result_free(&whole);
    string_list_free(merge.paths);
    free(merge.json);
    return status < 0 ? command_fail(&error) : code;
}
