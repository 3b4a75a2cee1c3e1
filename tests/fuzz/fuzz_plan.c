/* The plan parser and what hangs on it: whatever the bytes, it returns a plan that prints to a plan
 * that prints the same, or an error with its place. The first byte chooses what the rest is: a
 * plan, a threshold expression, a CSV file, the arguments of a template, or a command to be split.
 */
#include "base/scrub.h"
#include "base/template.h"
#include "plan/build.h"
#include "plan/csv.h"
#include "plan/plan.h"
#include "plan/target.h"
#include "plan/threshold.h"
#include "plan/tiers.h"
#include "plan/values.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static char *print(const struct plan *plan)
{
    struct buffer output;
    buffer_init(&output, (size_t)64 * 1024 * 1024);
    require(plan_print(plan, &output) == 0, "a plan does not print");
    return buffer_take_string(&output);
}

/* The printed plan must parse, but for what printing hides: a secret may have been part of a URL or
 * a file that is not there any more. */
static void check_round_trip(const struct plan *plan)
{
    struct plan again;
    struct error error = {0};
    char *first = print(plan);
    if (strstr(first, "***") || plan->data_file) {
        free(first);
        return;
    }
    if (plan_parse_part(&again, "plan.yaml", first, strlen(first), &error) < 0) {
        fprintf(stderr, "%s\n%s\n", first, error.text);
        require(false, "a printed plan does not parse");
    }
    char *second = print(&again);
    if (strcmp(first, second) != 0) {
        fprintf(stderr, "%s\n----\n%s\n", first, second);
        require(false, "a printed plan prints differently");
    }
    plan_free(&again);
    free(first);
    free(second);
}

static void check_levels(const struct plan *plan)
{
    for (size_t i = 0; i < plan->phase_count; i++) {
        const struct phase *phase = &plan->phases[i];
        for (unsigned part = 0; part <= 16; part++) {
            double level = load_level_at(phase, phase->duration_ns / 16 * part);
            require(level >= 0 && level <= 1e9, "a level out of its range");
        }
    }
}

static void fuzz_plan(const char *text, size_t length)
{
    struct plan plan;
    struct error error = {0};
    if (plan_parse_part(&plan, "plan.yaml", text, length, &error) == 0) {
        /* Names of the plan's own may stand in the way of the memory phases. */
        bool whole = plan.target_count == 0 ||
                     (plan_add_tiers(&plan, &error) == 0 && plan_finish(&plan, &error) == 0);
        require(whole || error.code == ERROR_USAGE, "tiers failed otherwise");
        check_levels(&plan);
        if (whole)
            check_round_trip(&plan);
    } else {
        require(error.code == ERROR_USAGE, "an error that is not the user's");
        require(strncmp(error.text, "plan.yaml:", 10) == 0, "an error without its place");
    }
    plan_free(&plan);
    scrub_forget_all();
}

static void fuzz_thresholds(const char *text)
{
    struct threshold *list = NULL;
    size_t count = 0;
    struct error error = {0};
    int failed = threshold_list_add(&list, &count, text, "here", &error);
    require(failed == 0 || error.code == ERROR_USAGE, "a threshold failed otherwise");
    for (size_t i = 0; i < count; i++)
        require(list[i].value >= 0 && list[i].fraction >= 0 && list[i].fraction < 1,
                "a threshold out of its range");
    threshold_list_free(list, count);
}

static void fuzz_csv(const char *text, size_t length)
{
    struct template_data data;
    if (csv_parse(&data, text, length, NULL) < 0)
        return;
    for (size_t i = 0; i < data.row_count; i++)
        require(string_list_length(data.rows[i]) == data.column_count, "a row of another width");
    csv_free(&data);
}

/* Rendered arguments are JSON whenever the template was. */
static void fuzz_template(const char *text)
{
    struct text_template *compiled = template_compile(text, true, NULL, NULL, NULL);
    if (!compiled)
        return;
    char name[] = "a", value[] = "-1.5e3", capture[] = "\"x\\u00e9\\\\\"";
    char *columns[] = {name, NULL}, *row[] = {value, NULL}, **rows[] = {row};
    struct template_data data = {columns, 1, rows, 1};
    struct template_value captures[] = {{"a", capture}};
    struct random random;
    struct template_context context = {
        .user = 1, .random = &random, .data = &data, .captures = captures, .capture_count = 1};
    struct buffer output;
    random_seed(&random, 1, 1);
    buffer_init(&output, (size_t)16 * 1024 * 1024);
    if (template_render(compiled, &context, &output, NULL) == 0) {
        json_t *json = json_loadb(buffer_bytes(&output), buffer_length(&output),
                                  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        require(json != NULL, "a rendering that is no JSON");
        json_decref(json);
    }
    buffer_free(&output);
    template_free(compiled);
}

static void fuzz_command(const char *text)
{
    char **command = NULL;
    uint64_t number;
    command_split(text, &command, NULL);
    string_list_free(command);
    plan_parse_duration(text, &number);
    plan_parse_size(text, &number);
    value_wall_time(text, &number, "", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 'T':
        fuzz_thresholds(text);
        break;
    case 'C':
        fuzz_csv(text, size - 1);
        break;
    case 'J':
        fuzz_template(text);
        break;
    case 'S':
        fuzz_command(text);
        break;
    default: /* the byte itself belongs to a plan */
        fuzz_plan((const char *)data, size);
        break;
    }
    free(text);
    return 0;
}
