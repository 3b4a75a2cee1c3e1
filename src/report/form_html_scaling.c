/* Throughput by the number of users: what was measured at each level of the ramp-up, and the law
 * that was fitted to it. */
#include "analysis/series.h"
#include "report/form_escape.h"
#include "report/form_html.h"

#include <string.h>

static const struct finding *find(const struct result *result, const char *rule)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].rule, rule) == 0)
            return &result->findings[i];
    return NULL;
}

static int read_levels(const struct result *result, struct levels *levels)
{
    static const char *const kinds[] = {"ramp-up", NULL};
    return levels_of(result, kinds, levels);
}

static void write_number(FILE *file, const char *name, const json_t *value)
{
    if (json_is_number(value))
        fprintf(file, ",\"%s\":%.9g", name, json_number_value(value));
}

static void write_estimate(FILE *file, const struct finding *finding, const char *name)
{
    write_number(file, name, json_object_get(json_object_get(finding->figures, name), "value"));
}

/* [users, successful operations a second] per level; lambda, sigma and kappa where the law fits. */
int form_html_scaling_data(FILE *file, const struct result *result)
{
    const struct finding *law = find(result, "scalability"),
                         *limit = find(result, "breaking_point");
    struct levels levels;
    int status = read_levels(result, &levels);
    fputs("\"scaling\":{\"levels\":[", file);
    for (size_t i = 0; status == 0 && !levels.open && i < levels.count; i++)
        fprintf(file, "%s[%.6g,%.6g]", i ? "," : "", levels.levels[i].load,
                (double)levels.levels[i].ok / levels.levels[i].seconds);
    fputs("]", file);
    if (law) {
        static const char *const estimates[] = {"lambda", "sigma", "kappa", "peak_users"};
        for (size_t i = 0; i < sizeof estimates / sizeof *estimates; i++)
            write_estimate(file, law, estimates[i]);
        write_number(file, "r_squared", json_object_get(law->figures, "r_squared"));
        fputs(",\"says\":\"", file);
        escape_json(file, law->text);
        fputs("\"", file);
    }
    if (limit)
        write_number(file, "breaks_at", json_object_get(limit->figures, "breaks_at"));
    fputs("},\n", file);
    levels_free(&levels);
    return status;
}

int form_html_scaling(FILE *file, const struct result *result)
{
    const struct finding *law = find(result, "scalability");
    struct levels levels;
    int status = read_levels(result, &levels);
    if (status == 0 && law && !levels.open && levels.count > 1) {
        fputs("<section id=\"scaling\">\n<h2>As users are added</h2>\n<p class=\"note\">", file);
        escape_html(file, law->text);
        fputs("</p>\n<div class=\"chart\" data-chart=\"scaling\"></div>\n</section>\n", file);
    }
    levels_free(&levels);
    return status;
}
