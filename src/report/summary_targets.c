/* The section of a run on several targets: a row for each over the phases that it took part in, and
 * what their drivers reported beside latency. */
#include "analysis/quantity.h"
#include "metrics/histogram.h"
#include "report/form_rows.h"
#include "report/summary_rows.h"

#include <string.h>

#define UNKNOWN "\xe2\x80\x93"

static void print_table(struct summary *summary);
static void print_recall(const struct summary *summary, const struct result_target *target);
static void print_steps(const struct summary *summary, const struct result_target *target);

void summary_print_targets(struct summary *summary)
{
    const struct result *result = summary->result;
    size_t used = 0;
    for (size_t t = 0; t < result->target_count; t++)
        used += result->targets[t].operation_count > 0;
    if (used > 1)
        print_table(summary);
    for (size_t t = 0; t < result->target_count; t++) {
        print_recall(summary, &result->targets[t]);
        print_steps(summary, &result->targets[t]);
    }
}

static void print_table(struct summary *summary)
{
    static const struct table_column columns[] = {
        {.title = "TARGET", .left = true, .gives_way = true}, SUMMARY_FIGURES};
    const struct result *result = summary->result;
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof *columns);
    for (uint32_t t = 0; t < result->target_count; t++) {
        struct measurement total;
        measurement_init(&total);
        if (result_counted_total(result, t, &total) == 0 && measurement_finished(&total) > 0) {
            const char *name = result->targets[t].name;
            table_add(&table, NULL, name ? name : "?");
            summary_add_figures(summary, &table, &total, result_target_duration_ns(result, t));
        }
        measurement_free(&total);
    }
    if (table_rows(&table) > 0) {
        fputc('\n', summary->stream);
        table_print(&table, summary->stream, &summary->style, summary->width);
    }
    table_free(&table);
}

/* How right the answers of an index were. */
static void print_recall(const struct summary *summary, const struct result_target *target)
{
    const json_t *recall = json_object_get(target->facts, "recall");
    const json_t *value = json_object_get(recall, "value");
    if (!json_is_number(value))
        return;
    fprintf(summary->stream, "  ");
    text_print_safe(summary->stream, target->name ? target->name : "?", 24);
    fprintf(summary->stream, ": recall@%lld %.3f, over a sample of %lld searches\n",
            (long long)json_integer_value(json_object_get(recall, "k")), json_number_value(value),
            (long long)json_integer_value(json_object_get(recall, "sample")));
}

static void add_figure(struct table *table, const struct summary *summary, const json_t *step,
                       const char *key, double fraction)
{
    char text[QUANTITY_SIZE];
    double ok = json_number_value(json_object_get(step, "ok"));
    uint64_t ns = (uint64_t)json_integer_value(json_object_get(step, key));
    if (ok * (1 - fraction) < 10 && fraction < 1)
        table_add(table, summary->style.dim, UNKNOWN);
    else
        table_add(table, NULL, quantity_duration(text, sizeof text, ns));
}

static void add_step(struct table *table, const struct summary *summary, const json_t *step)
{
    char count[QUANTITY_SIZE];
    const char *operation = json_string_value(json_object_get(step, "operation"));
    const char *tier = json_string_value(json_object_get(step, "tier"));
    const char *role = json_string_value(json_object_get(step, "role"));
    uint64_t ok = (uint64_t)json_integer_value(json_object_get(step, "ok"));
    uint64_t failed = (uint64_t)json_integer_value(json_object_get(step, "failed"));
    table_add_format(table, NULL, "%.20s %.20s (%.40s)", operation ? operation : "?",
                     role ? role : "?", tier ? tier : "?");
    table_add(table, NULL, quantity_count(count, sizeof count, ok));
    add_figure(table, summary, step, "p50_ns", 0.5);
    add_figure(table, summary, step, "p95_ns", 0.95);
    add_figure(table, summary, step, "p99_ns", 0.99);
    add_figure(table, summary, step, "max_ns", 1);
    table_add(table, failed ? summary->style.bad : NULL,
              quantity_count(count, sizeof count, failed));
}

/* Of an operation that is made of steps (cross_tier): each by itself. */
static void print_steps(const struct summary *summary, const struct result_target *target)
{
    static const struct table_column columns[] = {
        {.title = "STEP", .left = true, .gives_way = true},
        {.title = "OK"},
        {.title = "P50"},
        {.title = "P95"},
        {.title = "P99"},
        {.title = "MAX"},
        {.title = "FAILED"}};
    const json_t *steps = json_object_get(target->facts, "steps"), *step;
    struct table table;
    size_t i;
    if (!json_is_array(steps) || target->operation_count == 0)
        return;
    table_init(&table, columns, sizeof columns / sizeof *columns);
    json_array_foreach(steps, i, step)
    {
        if (json_is_object(step))
            add_step(&table, summary, step);
    }
    if (table_rows(&table) > 0) {
        fputc('\n', summary->stream);
        table_print(&table, summary->stream, &summary->style, summary->width);
    }
    table_free(&table);
}
