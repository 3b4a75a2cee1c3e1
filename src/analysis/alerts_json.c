/* See alerts_json.h. */
#include "analysis/alerts_json.h"

json_t *alert_rules_to_json(const struct alert_rule *rules, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        const struct alert_rule *rule = &rules[i];
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:I}", "rule", rule->name, "metric",
                      alert_metric_name(rule->metric), "compare", rule->below ? "<" : ">",
                      "threshold", rule->threshold, "clear", rule->clear, "for_s",
                      (json_int_t)rule->for_s, "clear_for_s", (json_int_t)rule->clear_for_s);
        if (object && rule->abort)
            json_object_set_new(object, "abort", json_true());
        if (json_array_append_new(array, object) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool seconds(const json_t *object, const char *name, uint32_t *value)
{
    const json_t *number = json_object_get(object, name);
    json_int_t whole = json_integer_value(number);
    if (!json_is_integer(number) || whole < 0 || whole > ALERT_FOR_LIMIT)
        return false;
    *value = (uint32_t)whole;
    return true;
}

static bool rule_from_json(struct alert_rule *rule, const json_t *object)
{
    const struct alert_rule *found =
        alert_rule_find(json_string_value(json_object_get(object, "rule")));
    const char *compare = json_string_value(json_object_get(object, "compare"));
    const json_t *threshold = json_object_get(object, "threshold");
    const json_t *clear = json_object_get(object, "clear");
    if (!found || !compare || !json_is_number(threshold) || !json_is_number(clear))
        return false;
    *rule = *found;
    rule->metric = alert_metric_from_name(json_string_value(json_object_get(object, "metric")));
    rule->threshold = json_number_value(threshold);
    rule->clear = json_number_value(clear);
    rule->abort = json_is_true(json_object_get(object, "abort"));
    return rule->metric < ALERT_METRICS && alert_rule_takes(found, rule->metric) &&
           *compare == (found->below ? '<' : '>') && seconds(object, "for_s", &rule->for_s) &&
           seconds(object, "clear_for_s", &rule->clear_for_s);
}

int alert_rules_from_json(struct alert_rule *rules, size_t *count, const json_t *array,
                          struct error *error)
{
    size_t index;
    json_t *object;
    *count = 0;
    if (!json_is_array(array) || json_array_size(array) > ALERT_RULES_LIMIT)
        return error_set(error, ERROR_USAGE, "judging.alerts: is no array of at most %d rules",
                         ALERT_RULES_LIMIT);
    json_array_foreach(array, index, object)
    {
        if (!rule_from_json(&rules[index], object))
            return error_set(error, ERROR_USAGE,
                             "judging.alerts[%zu]: needs a known rule, a metric of it, its "
                             "comparison, threshold, clear, for_s and clear_for_s",
                             index);
        *count = index + 1;
    }
    return 0;
}
