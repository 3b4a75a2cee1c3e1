/* See merge_recall.h. */
#include "metrics/merge_recall.h"

#include <stdbool.h>

static json_int_t count_at(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool is_measured(const json_t *recall)
{
    return json_is_number(json_object_get(recall, "value")) &&
           json_is_array(json_object_get(recall, "distribution"));
}

static int add_row(json_t *rows, const json_t *row)
{
    size_t i;
    json_t *there, *right = json_array_get(row, 0);
    json_array_foreach(rows, i, there)
    {
        json_int_t difference =
            json_integer_value(json_array_get(there, 0)) - json_integer_value(right);
        json_t *searches = json_array_get(there, 1);
        if (difference == 0)
            return json_integer_set(searches, json_integer_value(searches) +
                                                  json_integer_value(json_array_get(row, 1)));
        if (difference < 0)
            break;
    }
    return json_array_insert_new(rows, i, json_deep_copy(row));
}

static int add_rows(json_t *recall, const json_t *other)
{
    size_t i;
    json_t *row, *rows = json_object_get(recall, "distribution");
    json_array_foreach(json_object_get(other, "distribution"), i, row)
    {
        if (add_row(rows, row) < 0)
            return -1;
    }
    return 0;
}

static int add_counts(json_t *recall, const json_t *other)
{
    static const char *const sums[] = {"sample", "searches", "correct", "wanted"};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        if (json_object_set_new(
                recall, sums[i],
                json_integer(count_at(recall, sums[i]) + count_at(other, sums[i]))) < 0)
            return -1;
    json_int_t wanted = count_at(recall, "wanted");
    if (count_at(other, "fewest_correct") < count_at(recall, "fewest_correct") &&
        json_object_set(recall, "fewest_correct", json_object_get(other, "fewest_correct")) < 0)
        return -1;
    return json_object_set_new(
        recall, "value",
        json_real(wanted > 0 ? (double)count_at(recall, "correct") / (double)wanted : 0));
}

static int forget(json_t *into, const char *why)
{
    return json_object_set_new(into, "recall", json_pack("{s:n,s:s}", "value", "reason", why));
}

int merge_recall(json_t *into, const json_t *from)
{
    json_t *recall = json_object_get(into, "recall"), *other = json_object_get(from, "recall");
    if (!recall || !is_measured(other))
        return 0;
    if (!is_measured(recall))
        return json_object_set_new(into, "recall", json_deep_copy(other));
    if (count_at(recall, "k") != count_at(other, "k"))
        return forget(into, "the results that were merged have another k each");
    if (add_rows(recall, other) < 0)
        return forget(into, "of the results that were merged one has no such counts");
    return add_counts(recall, other);
}
