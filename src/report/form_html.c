/* The HTML report: one file, no network. */
#include "report/form_html.h"

#include "report/form_escape.h"
#include "report/form_write.h"

#include <string.h>

static void write_head(FILE *file, const struct result *result)
{
    fprintf(file,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
            form_html_policy);
    fprintf(file, "%s: ", readiness_name(result->readiness));
    escape_html(file, result->plan_name ? result->plan_name : "plan");
    if (result->target_count > 0) {
        fputs(" on ", file);
        escape_html(file, result->targets[0].address);
    }
    fprintf(file, " \xe2\x80\x93 cicada</title>\n<style>%s</style>\n</head>\n", form_html_style);
}

static void write_top(FILE *file, const struct result *result)
{
    static const char *const sections[][2] = {{"verdict", "Verdict"},  {"failures", "Failures"},
                                              {"charts", "Over time"}, {"targets", "Targets"},
                                              {"phases", "Phases"},    {"operations", "Operations"},
                                              {"run", "The run"}};
    fputs("<body>\n<a class=\"skip\" href=\"#verdict\">Skip to the verdict</a>\n"
          "<header class=\"top\"><span class=\"brand\">cicada</span>\n"
          "<nav aria-label=\"Sections\"><ul>",
          file);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (result->target_count > 1 || strcmp(sections[i][0], "targets") != 0)
            fprintf(file, "<li><a href=\"#%s\">%s</a></li>", sections[i][0], sections[i][1]);
    fputs("</ul></nav></header>\n<main>\n", file);
}

static void write_foot(FILE *file, const struct result *result)
{
    fputs("</main>\n<footer><p>Latency runs from the moment an operation was due, so that a server "
          "that stalls cannot hide it. Percentiles are over successful operations and those that "
          "were cut off, these at the time they had been given; <b>&gt;</b> marks a lower bound. "
          "A dash stands where fewer than 10 values lie beyond a percentile.</p><p>cicada ",
          file);
    escape_html(file, result->cicada_version);
    fprintf(file, "</p></footer>\n<script>%s</script>\n</body>\n</html>\n", form_html_script);
}

int form_html(FILE *file, const struct result *result)
{
    static int (*const sections[])(FILE *, const struct result *) = {
        form_html_verdict,    form_html_failures, form_html_charts,
        form_html_scaling,    form_html_targets,  form_html_phases,
        form_html_operations, form_html_parts,    form_html_run};
    write_head(file, result);
    write_top(file, result);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (sections[i](file, result) < 0)
            return -1;
    write_foot(file, result);
    return 0;
}
