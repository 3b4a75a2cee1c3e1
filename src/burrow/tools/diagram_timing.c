/* How long drawing takes: measured, and predicted from what was measured. */
#include "base/clock.h"
#include "burrow/tools/diagram_analysis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWINGS_READ 200 /* of a type: the newest tell how fast this machine is now */

static int by_size(const void *one, const void *other)
{
    const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static double median_ms(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    uint64_t middle =
        count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (double)middle / (double)NS_PER_MS;
}

static json_t *benchmark_one(const char *text, size_t rounds)
{
    uint64_t parse[20], layout[20], render[20];
    struct diagram_errors errors = {0};
    char problem[128] = "";
    size_t nodes = 0, edges = 0, bytes = 0;
    for (size_t i = 0; i < rounds && !*problem; i++) {
        uint64_t began = clock_now_ns();
        struct diagram *diagram = diagram_parse(text, &errors);
        parse[i] = clock_now_ns() - began;
        struct diagram_timing timing = {0};
        struct buffer out;
        buffer_init(&out, (size_t)8 << 20);
        if (!diagram || errors.count)
            snprintf(problem, sizeof problem, "line %zu, column %zu: %.90s", errors.all[0].line,
                     errors.all[0].column, errors.count ? errors.all[0].text : "out of memory");
        else
            diagram_draw(diagram, "svg", &out, &timing, problem, sizeof problem);
        layout[i] = timing.layout_ns;
        render[i] = timing.render_ns;
        nodes = diagram ? diagram->node_count : 0;
        edges = diagram ? diagram->edge_count : 0;
        bytes = buffer_length(&out);
        buffer_free(&out);
        diagram_free(diagram);
    }
    if (*problem)
        return json_pack("{s:b, s:s}", "ok", 0, "error", problem);
    return json_pack("{s:b, s:I, s:I, s:I, s:f, s:f, s:f}", "ok", 1, "nodes", (json_int_t)nodes,
                     "edges", (json_int_t)edges, "svg_bytes", (json_int_t)bytes, "parse_ms",
                     median_ms(parse, rounds), "layout_ms", median_ms(layout, rounds), "render_ms",
                     median_ms(render, rounds));
}

int diagram_benchmark(struct tool_call *call)
{
    const json_t *diagrams = tool_value(call, "diagrams"), *diagram;
    size_t rounds = (size_t)tool_integer(call, "rounds", 3), index;
    json_t *results = json_array();
    json_array_foreach(diagrams, index, diagram)
    {
        json_array_append_new(results, benchmark_one(json_string_value(diagram), rounds));
        if (tool_progress(call, index + 1, json_array_size(diagrams)) < 0) {
            json_decref(results);
            return -1;
        }
    }
    call->structured = json_pack("{s:o, s:I}", "results", results, "rounds", (json_int_t)rounds);
    return 0;
}

/* Student's t at 97.5 %, by the expansion of Cornish and Fisher around the normal quantile. */
static double student(double freedom)
{
    const double z = 1.959963985;
    return z + (z * z * z + z) / (4 * freedom) +
           (5 * pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * freedom * freedom);
}

struct fit { /* of y = log ms over x = log(1 + nodes + edges) */
    double n, x, y, xx, xy, yy;
};

static int read_history(struct tool_call *call, const char *type, struct fit *fit)
{
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT nodes + edges, microseconds FROM diagram_timings"
                                      " WHERE type = ?1 AND microseconds > 0"
                                      " ORDER BY id DESC LIMIT ?2",
                                      "si", type, (int64_t)DRAWINGS_READ);
    while (row && records_next(row, &call->error)) {
        double x = log1p((double)sqlite3_column_int64(row, 0));
        double y = log((double)sqlite3_column_int64(row, 1) / 1000);
        fit->n += 1;
        fit->x += x;
        fit->y += y;
        fit->xx += x * x;
        fit->xy += x * y;
        fit->yy += y * y;
    }
    return call->error.code == ERROR_NONE ? 0 : -1;
}

/* A new observation's 95 % interval from a least-squares line; of the mean alone when all the sizes
 * were the same. */
static json_t *predict(const struct fit *fit, double size)
{
    double mean_x = fit->x / fit->n, mean_y = fit->y / fit->n;
    double sxx = fit->xx - fit->n * mean_x * mean_x, sxy = fit->xy - fit->n * mean_x * mean_y,
           syy = fit->yy - fit->n * mean_y * mean_y;
    bool line = sxx > 1e-9 && fit->n > 3;
    double slope = line ? sxy / sxx : 0, freedom = fit->n - (line ? 2 : 1);
    double left = syy - slope * sxy, x = log1p(size) - mean_x;
    double deviation = sqrt((left > 0 ? left : 0) / freedom);
    double at = mean_y + slope * x;
    double reach = student(freedom) * deviation * sqrt(1 + 1 / fit->n + (line ? x * x / sxx : 0));
    return json_pack("{s:f, s:f, s:f}", "predicted_ms", exp(at), "low_ms", exp(at - reach),
                     "high_ms", exp(at + reach));
}

int diagram_predict(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct fit fit = {0};
    if (!diagram)
        return -1;
    double size = (double)(diagram->node_count + diagram->edge_count);
    int failed = read_history(call, diagram_type_name(diagram->type), &fit);
    json_t *prediction = failed || fit.n < 3
                             ? json_pack("{s:n, s:n, s:n}", "predicted_ms", "low_ms", "high_ms")
                             : predict(&fit, size);
    json_object_set_new(prediction, "samples", json_integer((json_int_t)fit.n));
    json_object_set_new(prediction, "type", json_string(diagram_type_name(diagram->type)));
    json_object_set_new(prediction, "reason",
                        fit.n < 3
                            ? json_string("fewer than 3 drawings of this type were measured; "
                                          "store_diagram keeps what convert_diagram_format and "
                                          "benchmark_diagrams measured")
                            : json_null());
    call->structured = prediction;
    diagram_free(diagram);
    return failed ? tool_fail_tier(call) : 0;
}
