/* Last on the page: what was loaded and left out, the plan, the machine. */
#include "analysis/quantity.h"
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

/* ---- the plan and the machine --------------------------------------------------------------- */

/* Its YAML as it was printed; results of other makers may have it as a document. */
static int write_plan(FILE *file, const json_t *plan)
{
    if (!json_is_string(plan))
        return form_html_json(file, "The plan as it ran", plan);
    fputs("<details><summary>The plan as it ran, for <code>cicada run plan.yaml</code></summary>"
          "<pre tabindex=\"0\"><code>",
          file);
    escape_html(file, json_string_value(plan));
    fputs("</code></pre></details>\n", file);
    return 0;
}

static void write_fact(FILE *file, const char *name, const char *value)
{
    fprintf(file, "<div><dt>%s</dt><dd>", name);
    escape_html(file, value);
    fputs("</dd></div>", file);
}

static void write_machine(FILE *file, const struct result *result)
{
    static const struct {
        const char *member, *name;
    } facts[] = {{"cpu_model", "Processor"},       {"cores", "Cores"},
                 {"workers", "Workers"},           {"kernel", "Kernel"},
                 {"architecture", "Architecture"}, {"open_files_limit", "Open files, at most"}};
    char text[QUANTITY_SIZE];
    fputs("<h3>The machine cicada ran on</h3>\n<dl class=\"facts\">", file);
    if (result->host)
        write_fact(file, "Host", result->host);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const json_t *value = json_object_get(result->environment, facts[i].member);
        if (json_is_string(value))
            write_fact(file, facts[i].name, json_string_value(value));
        else if (json_is_integer(value) && json_integer_value(value) >= 0)
            write_fact(file, facts[i].name,
                       quantity_count(text, sizeof text, (uint64_t)json_integer_value(value)));
    }
    fputs("</dl>\n", file);
}

int form_html_run(FILE *file, const struct result *result)
{
    fputs("<section id=\"run\">\n<h2>The run</h2>\n", file);
    for (size_t t = 0; t < result->target_count; t++)
        if (write_target(file, &result->targets[t]) < 0)
            return -1;
    fputs("<h3>The plan</h3>\n", file);
    if (write_plan(file, result->plan) < 0 ||
        form_html_json(file, "What it was judged by", result->judging) < 0)
        return -1;
    write_machine(file, result);
    fputs("</section>\n", file);
    return 0;
}
