/* cicada compare BASELINE.json CURRENT.json: a regression gate that noise does not break. */
#include "analysis/compare.h"

#include "cicada/command.h"
#include "cicada/compare_output.h"
#include "cicada/stored.h"
#include "plan/list.h"
#include "plan/option_table.h"
#include "report/form_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GATES 16

struct gates {
    struct comparison_gate items[GATES];
    size_t count;
};

struct compare {
    char **sides[2]; /* paths, NULL-ended */
    unsigned positionals;
    struct gates gates;
    char *json, *markdown;
    uint64_t seed;
    struct result *results[2];
    size_t counts[2];
};

/* One path, or several with commas between. */
static int value_paths(const char *text, void *field, const char *label, struct error *error)
{
    (void)label;
    int status = 0;
    while (status == 0 && *text) {
        size_t length = strcspn(text, ",");
        char *path = strndup(text, length);
        status = path && (length == 0 || string_list_add(field, path) == 0) ? 0 : -1;
        free(path);
        text += length + (text[length] == ',');
    }
    return status < 0 ? error_out_of_memory(error) : 0;
}

static int value_gate(const char *text, void *field, const char *label, struct error *error)
{
    struct gates *gates = field;
    (void)label;
    if (gates->count == GATES)
        return error_set(error, ERROR_USAGE, "%d gates at most", GATES);
    if (comparison_gate_parse(&gates->items[gates->count], text, error) < 0)
        return -1;
    gates->count++;
    return 0;
}

#define FIELD(member) offsetof(struct compare, member)
static const struct option_row rows[] = {
    {"gate", "GATE", "'p95:+10%', 'p99:+5ms', 'errors:+1pp', 'rate:-10%'; repeatable", value_gate,
     FIELD(gates)},
    {"baseline", "FILE", "a run of the baseline; repeatable, or with commas", value_paths,
     FIELD(sides[0])},
    {"current", "FILE", "a run to hold against it; repeatable, or with commas", value_paths,
     FIELD(sides[1])},
    {"json", "FILE", "write the comparison as JSON", value_text, FIELD(json)},
    {"markdown", "FILE", "write it as Markdown", value_text, FIELD(markdown)},
    {"seed", "N", "of the bootstrap (default 1)", value_seed, FIELD(seed)},
    {0},
};

static int take_path(void *context, char *text, struct error *error)
{
    struct compare *compare = context;
    if (compare->positionals == 2)
        return error_set(error, ERROR_USAGE,
                         "%.200s: is a third result; put commas between the runs of one side",
                         text);
    return value_paths(text, &compare->sides[compare->positionals++], "", error);
}

static int parse(struct compare *compare, int argc, char **argv, struct error *error)
{
    const struct option_table tables[] = {{"Comparison", rows, compare}, {0}};
    const struct option_command command = {
        .usage = "cicada compare [OPTION]... BASELINE.json CURRENT.json",
        .summary = "Tell a regression from noise: how each figure changed, how sure that is, and\n"
                   "whether it breaks a gate. Without a gate: p95:+10%, errors:+1pp. Exits with 1\n"
                   "on a regression, 4 when the sample is too small to tell.",
        .tables = tables,
        .positional = take_path,
        .context = compare};
    int parsed = option_parse(&command, argc, argv, error);
    if (parsed > 0)
        return option_print_help(&command, error);
    if (parsed < 0)
        return -1;
    for (int s = 0; s < 2; s++) {
        compare->counts[s] = string_list_length(compare->sides[s]);
        if (compare->counts[s] == 0 || compare->counts[s] > STORED_RESULTS)
            return error_set(error, ERROR_USAGE,
                             "compare: needs 1 to %d results a side; write cicada compare "
                             "BASELINE.json CURRENT.json",
                             STORED_RESULTS);
    }
    if (compare->gates.count == 0 && (value_gate("p95:+10%", &compare->gates, "", error) < 0 ||
                                      value_gate("errors:+1pp", &compare->gates, "", error) < 0))
        return -1;
    return 0;
}

static int read_all(struct compare *compare, struct error *error)
{
    for (int s = 0; s < 2; s++) {
        size_t wanted = compare->counts[s];
        compare->counts[s] = 0;
        compare->results[s] = calloc(wanted, sizeof *compare->results[s]);
        if (!compare->results[s])
            return error_out_of_memory(error);
        for (size_t r = 0; r < wanted; r++) {
            if (stored_read(&compare->results[s][r], compare->sides[s][r], false, error) < 0)
                return -1;
            compare->counts[s]++;
        }
    }
    return 0;
}

static int dump_json(FILE *file, const void *context)
{
    json_t *json = comparison_to_json(context);
    if (!json)
        errno = ENOMEM;
    int status = json ? json_dumpf(json, file, JSON_INDENT(2)) : -1;
    json_decref(json);
    return status < 0 || fputc('\n', file) == EOF ? -1 : 0;
}

static int write_forms(const struct compare *compare, const struct comparison *comparison,
                       struct error *error)
{
    if (compare->json && file_write(compare->json, dump_json, comparison, error) < 0)
        return -1;
    if (compare->markdown &&
        file_write(compare->markdown, comparison_write_markdown, comparison, error) < 0)
        return -1;
    return 0;
}

static int compare_and_tell(struct compare *compare, struct error *error)
{
    static const int codes[] = {[COMPARISON_KEPT] = 0,
                                [COMPARISON_BROKEN] = ERROR_VERDICT,
                                [COMPARISON_TOO_SMALL] = ERROR_INCONCLUSIVE};
    const struct comparison_options options = {compare->gates.items, compare->gates.count,
                                               compare->seed};
    struct comparison comparison = {0};
    int code = comparison_make(&comparison, compare->results[0], compare->counts[0],
                               compare->results[1], compare->counts[1], &options, error);
    if (code == 0) {
        comparison_print(stdout, &comparison);
        code = write_forms(compare, &comparison, error);
    }
    if (code == 0)
        code = codes[comparison.status];
    comparison_free(&comparison);
    return code;
}

int command_compare(int argc, char **argv)
{
    struct error error = {0};
    struct compare compare = {.seed = 1};
    int parsed = parse(&compare, argc, argv, &error);
    int code = parsed < 0 ? -1 : 0;
    if (parsed == 0 && (code = read_all(&compare, &error)) == 0)
        code = compare_and_tell(&compare, &error);
    for (int s = 0; s < 2; s++) {
        for (size_t r = 0; compare.results[s] && r < compare.counts[s]; r++)
            result_free(&compare.results[s][r]);
        free(compare.results[s]);
        string_list_free(compare.sides[s]);
    }
    free(compare.json);
    free(compare.markdown);
    return code < 0 ? command_fail(&error) : code;
}
