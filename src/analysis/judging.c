/* What a result was judged by, as JSON and back. */
#include "analysis/judge.h"

#include "analysis/alerts_json.h"

#include <stdlib.h>
#include <string.h>

static json_t *threshold_to_json(const struct judge_threshold *threshold)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:f}", "text", threshold->text ? threshold->text : "", "figure",
                  judge_figure_name(threshold->figure), "compare",
                  judge_compare_sign(threshold->compare), "value", threshold->value);
    if (object && threshold->figure == JUDGE_PERCENTILE)
        json_object_set_new(object, "fraction", json_real(threshold->fraction));
    if (object && threshold->tool)
        json_object_set_new(object, "tool", json_string(threshold->tool));
    if (object && threshold->phase)
        json_object_set_new(object, "phase", json_string(threshold->phase));
    if (object && threshold->target)
        json_object_set_new(object, "target", json_string(threshold->target));
    return object;
}

json_t *judge_options_to_json(const struct judge_options *options)
{
    json_t *thresholds = json_array();
    for (size_t i = 0; thresholds && i < options->threshold_count; i++)
        if (json_array_append_new(thresholds, threshold_to_json(&options->thresholds[i])) < 0) {
            json_decref(thresholds);
            return NULL;
        }
    json_t *alerts = alert_rules_to_json(options->alerts, options->alert_count);
    return json_pack("{s:o, s:I, s:s, s:o}", "thresholds", thresholds, "minimum_sample",
                     (json_int_t)options->minimum_sample, "ended_by",
                     run_end_name(options->ended_by), "alerts", alerts);
}

static int find(const char *name, const char *(*name_of)(int), int count)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(name_of(i), name) == 0)
            return i;
    return -1;
}

static const char *figure_at(int i)
{
    return judge_figure_name((enum judge_figure)i);
}

static const char *compare_at(int i)
{
    return judge_compare_sign((enum judge_compare)i);
}

static const char *end_at(int i)
{
    return run_end_name((enum run_end)i);
}

static int copy_text(const json_t *object, const char *name, const char **text)
{
    const char *value = json_string_value(json_object_get(object, name));
    *text = value ? strdup(value) : NULL;
    return value && !*text ? -1 : 0;
}

static int threshold_from_json(struct judge_threshold *threshold, const json_t *object,
                               size_t index, struct error *error)
{
    int figure =
        find(json_string_value(json_object_get(object, "figure")), figure_at, JUDGE_RECALL + 1);
    int compare = find(json_string_value(json_object_get(object, "compare")), compare_at,
                       JUDGE_GREATER_EQUAL + 1);
    const json_t *value = json_object_get(object, "value");
    const json_t *fraction = json_object_get(object, "fraction");
    if (figure < 0 || compare < 0 || !json_is_number(value))
        return error_set(error, ERROR_USAGE,
                         "judging.thresholds[%zu]: needs a known figure, a comparison and a value",
                         index);
    threshold->figure = (enum judge_figure)figure;
    threshold->compare = (enum judge_compare)compare;
    threshold->value = json_number_value(value);
    threshold->fraction = json_number_value(fraction);
    if (figure == JUDGE_PERCENTILE && !(threshold->fraction > 0 && threshold->fraction < 1))
        return error_set(error, ERROR_USAGE,
                         "judging.thresholds[%zu].fraction: must lie between 0 and 1", index);
    if (copy_text(object, "text", &threshold->text) < 0 ||
        copy_text(object, "tool", &threshold->tool) < 0 ||
        copy_text(object, "phase", &threshold->phase) < 0 ||
        copy_text(object, "target", &threshold->target) < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

static int thresholds_from_json(struct judge_options *options, const json_t *array,
                                struct error *error)
{
    size_t count = json_array_size(array);
    struct judge_threshold *thresholds = calloc(count ? count : 1, sizeof *thresholds);
    if (!thresholds)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    options->thresholds = thresholds;
    for (size_t i = 0; i < count; i++) {
        options->threshold_count = i + 1;
        if (threshold_from_json(&thresholds[i], json_array_get(array, i), i, error) < 0)
            return -1;
    }
    return 0;
}

int judge_options_from_json(struct judge_options *options, const json_t *json, struct error *error)
{
    memset(options, 0, sizeof *options);
    int end = find(json_string_value(json_object_get(json, "ended_by")), end_at, RUN_BROKEN + 1);
    const json_t *minimum = json_object_get(json, "minimum_sample");
    const json_t *thresholds = json_object_get(json, "thresholds");
    if (end < 0)
        return error_set(error, ERROR_USAGE, "judging.ended_by: is no way for a run to end");
    if (!json_is_integer(minimum) || json_integer_value(minimum) < 0 ||
        json_integer_value(minimum) > UINT32_MAX)
        return error_set(error, ERROR_USAGE, "judging.minimum_sample: is no count");
    if (!json_is_array(thresholds))
        return error_set(error, ERROR_USAGE, "judging.thresholds: is no array");
    options->ended_by = (enum run_end)end;
    options->minimum_sample = (uint32_t)json_integer_value(minimum);
    const json_t *alerts = json_object_get(json, "alerts");
    if (alerts && alert_rules_from_json(options->alerts, &options->alert_count, alerts, error) < 0)
        return -1;
    if (thresholds_from_json(options, thresholds, error) < 0) {
        judge_options_free(options);
        return -1;
    }
    return 0;
}

void judge_options_free(struct judge_options *options)
{
    for (size_t i = 0; i < options->threshold_count; i++) {
        free((char *)options->thresholds[i].text);
        free((char *)options->thresholds[i].tool);
        free((char *)options->thresholds[i].phase);
        free((char *)options->thresholds[i].target);
    }
    free((struct judge_threshold *)options->thresholds);
    memset(options, 0, sizeof *options);
}
