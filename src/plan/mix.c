#include "plan/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct choice request_choices[] = {{"ping", 0},
                                         {"discover", 0},
                                         {"tools/list", 0},
                                         {"resources/list", 0},
                                         {"resources/templates/list", 0},
                                         {"prompts/list", 0},
                                         {"session_churn", 0},
                                         {"connection_churn", 0},
                                         {NULL, 0}};
const struct choice on_error_choices[] = {
    {"continue", STEP_CONTINUE}, {"abort", STEP_ABORT}, {NULL, 0}};

void mix_init(struct mix *mix)
{
    *mix = (struct mix){.variants = 16, .minimum_sample = 30};
}

void step_free(struct step *step)
{
    free(step->kind);
    free(step->name);
    json_decref(step->arguments);
    for (size_t i = 0; i < step->capture_count; i++) {
        free(step->captures[i].name);
        free(step->captures[i].pointer);
    }
    free(step->captures);
    for (size_t i = 0; i < step->check_count; i++) {
        free(step->checks[i].pointer);
        json_decref(step->checks[i].equals);
    }
    free(step->checks);
    *step = (struct step){0};
}

void mix_free(struct mix *mix)
{
    free(mix->name);
    free(mix->target);
    for (size_t i = 0; i < mix->entry_count; i++) {
        for (size_t j = 0; j < mix->entries[i].step_count; j++)
            step_free(&mix->entries[i].steps[j]);
        free(mix->entries[i].steps);
        free(mix->entries[i].name);
    }
    free(mix->entries);
    for (size_t i = 0; i < mix->category_count; i++) {
        free(mix->categories[i].name);
        string_list_free(mix->categories[i].globs);
    }
    free(mix->categories);
    string_list_free(mix->include);
    string_list_free(mix->exclude);
    *mix = (struct mix){0};
}

int value_on_error(const char *text, void *field, const char *label, struct error *error)
{
    int value;
    if (value_choice(text, on_error_choices, &value, label, error) < 0)
        return -1;
    *(enum step_on_error *)field = (enum step_on_error)value;
    return 0;
}

int value_pointer(const char *text, void *field, const char *label, struct error *error)
{
    bool valid = !*text || *text == '/';
    for (const char *p = text; *p; p++)
        if (*p == '~' && p[1] != '0' && p[1] != '1')
            valid = false;
    if (!valid)
        return error_set(error, ERROR_USAGE,
                         "must be a JSON Pointer into the result, not \"%.60s\"; write e.g. "
                         "%s/structuredContent/id",
                         text, label);
    char *copy = strdup(text); /* the empty one is the whole result */
    if (!copy)
        return error_out_of_memory(error);
    free(*(char **)field);
    *(char **)field = copy;
    return 0;
}

/* ---- checks of the whole ------------------------------------------------------------------------
 */

/* The arguments must compile as templates over the columns and the captures so far. */
static int check_arguments(const struct step *step, const char *path, char *const *columns,
                           char *const *captures, struct error *error)
{
    if (!step->arguments)
        return 0;
    char *text = json_dumps(step->arguments, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return error_out_of_memory(error);
    struct text_template *compiled = template_compile(text, true, columns, captures, error);
    free(text);
    template_free(compiled);
    return compiled ? 0 : error_wrap(error, "%s: %sarguments", step->where, path);
}

static int check_entry(const struct mix_entry *entry, const char *path, char *const *columns,
                       struct error *error)
{
    char *none[1] = {NULL};
    char **captures = NULL;
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < entry->step_count; i++) {
        char step_path[160];
        const struct step *step = &entry->steps[i];
        if (entry->name)
            snprintf(step_path, sizeof step_path, "%s.steps[%zu].", path, i);
        else
            snprintf(step_path, sizeof step_path, "%s.", path);
        failed = check_arguments(step, step_path, columns, captures ? captures : none, error);
        for (size_t j = 0; failed == 0 && j < step->capture_count; j++)
            if (string_list_add(&captures, step->captures[j].name) < 0)
                failed = error_out_of_memory(error);
    }
    string_list_free(captures);
    return failed;
}

static int check_behaviour_names(const struct mix *mix, const char *path, struct error *error)
{
    for (size_t i = 0; i < mix->entry_count; i++)
        for (size_t j = 0; mix->entries[i].name && j < i; j++)
            if (mix->entries[j].name && strcmp(mix->entries[i].name, mix->entries[j].name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: %sbehaviours: two are named \"%.60s\"; rename one",
                                 mix->entries[i].where, path, mix->entries[i].name);
    for (size_t i = 0; i < mix->category_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(mix->categories[i].name, mix->categories[j].name) == 0)
                return error_set(error, ERROR_USAGE,
                                 "%s: %scategories: two are named \"%.60s\"; rename one",
                                 mix->categories[i].where, path, mix->categories[i].name);
    return 0;
}

/* The list of the plan that an entry came from, and its place there. */
static void entry_path(const struct mix *mix, size_t index, const char *path, char *text,
                       size_t size)
{
    const struct mix_entry *entry = &mix->entries[index];
    size_t position = 0;
    bool behaviour = entry->name != NULL;
    bool tool = !behaviour && strcmp(entry->steps[0].kind, "tool") == 0;
    for (size_t i = 0; i < index; i++) {
        const struct mix_entry *other = &mix->entries[i];
        position += (other->name != NULL) == behaviour &&
                    (!other->name && strcmp(other->steps[0].kind, "tool") == 0) == tool;
    }
    snprintf(text, size, "%s%s[%zu]", path,
             behaviour ? "behaviours"
             : tool    ? "tools"
                       : "requests",
             position);
}

int mix_check(const struct mix *mix, const char *path, const struct template_data *data,
              struct error *error)
{
    char *none[1] = {NULL};
    char *const *columns = data->column_count ? data->columns : none;
    if (check_behaviour_names(mix, path, error) < 0)
        return -1;
    for (size_t i = 0; i < mix->entry_count; i++) {
        char entry[128];
        entry_path(mix, i, path, entry, sizeof entry);
        if (check_entry(&mix->entries[i], entry, columns, error) < 0)
            return -1;
    }
    return 0;
}
