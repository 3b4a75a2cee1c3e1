/* Last on the page: what was loaded and left out, the plan, the machine. */
#include "report/form_escape.h"
#include "report/form_html.h"

#include <stdlib.h>

int form_html_json(FILE *file, const char *summary, const json_t *value)
{
    if (!value || (json_is_object(value) && json_object_size(value) == 0) ||
        (json_is_array(value) && json_array_size(value) == 0))
        return 0;
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    if (!text)
        return -1;
    fprintf(file, "<details><summary>%s</summary><pre tabindex=\"0\"><code>", summary);
    escape_html(file, text);
    fputs("</code></pre></details>\n", file);
    free(text);
    return 0;
}

/* Elements are names, or objects with a name and a reason. */
static void write_names(FILE *file, const char *title, const json_t *array)
{
    size_t index;
    json_t *element;
    if (json_array_size(array) == 0)
        return;
    fprintf(file, "<details><summary>%s: %zu</summary><ul class=\"names\">", title,
            json_array_size(array));
    json_array_foreach(array, index, element)
    {
        const json_t *name = json_is_object(element) ? json_object_get(element, "name") : element;
        const char *reason = json_string_value(json_object_get(element, "reason"));
        fputs("<li><code>", file);
        escape_html(file, json_string_value(name));
        fputs("</code>", file);
        if (reason) {
            fputs(": ", file);
            escape_html(file, reason);
        }
        fputs("</li>", file);
    }
    fputs("</ul></details>\n", file);
}

static int write_target(FILE *file, const struct result_target *target)
{
    fputs("<h3>", file);
    escape_html(file, target->name ? target->name : "target");
    fputs("</h3>\n", file);
    write_names(file, "Left out", target->excluded);
    write_names(file, "Say nothing about being destructive", target->undeclared);
    return form_html_json(file, "What it said of itself", target->facts);
}

int form_html_run(FILE *file, const struct result *result)
{
    fputs("<section id=\"run\">\n<h2>The run</h2>\n", file);
    for (size_t t = 0; t < result->target_count; t++)
        if (write_target(file, &result->targets[t]) < 0)
            return -1;
    fputs("<h3>Plan and machine</h3>\n", file);
    if (form_html_json(file, "The plan as it ran", result->plan) < 0 ||
        form_html_json(file, "What it was judged by", result->judging) < 0)
        return -1;
    if (result->host) {
        fputs("<p class=\"detail\">cicada ran on <code>", file);
        escape_html(file, result->host);
        fputs("</code></p>\n", file);
    }
    int status = form_html_json(file, "The machine cicada ran on", result->environment);
    fputs("</section>\n", file);
    return status;
}
