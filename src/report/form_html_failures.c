/* What failed: each kind with how often, an example, and the command that repeats it. */
#include "analysis/quantity.h"
#include "report/form_escape.h"
#include "report/form_html.h"
#include "report/form_rows.h"

static void write_block(FILE *file, const char *title, const char *text, const char *class)
{
    if (!text || !*text)
        return;
    fprintf(file, "<h4>%s</h4><pre class=\"%s\" tabindex=\"0\"><code>", title, class);
    escape_html(file, text);
    fputs("</code></pre>", file);
}

static void write_example(FILE *file, const struct result *result, const struct example *example,
                          bool open)
{
    char text[QUANTITY_SIZE];
    const struct result_target *target =
        example->target < result->target_count ? &result->targets[example->target] : NULL;
    fprintf(file, "<details%s><summary>An example: <code>", open ? " open" : "");
    if (target && example->operation < target->operation_count)
        escape_html(file, target->operations[example->operation].name);
    fputs("</code> in ", file);
    escape_html(file, example->phase);
    fprintf(file, ", after %s</summary>",
            quantity_duration(text, sizeof text, example->latency_ns));
    write_block(file, "Repeat it", example->repeat, "command");
    write_block(file, "Request", example->request, "");
    write_block(file, "Response", example->response, "");
    fputs("</details>", file);
}

static void write_reason(FILE *file, const struct result *result, const struct measurement *total,
                         unsigned index)
{
    const struct outcome_count *reason = &total->reasons[index];
    uint64_t finished = measurement_finished(total);
    char text[QUANTITY_SIZE];
    const struct example *example = result_example_of(result, total, &reason->outcome);
    fprintf(file, "<li><div class=\"failure\"><h3><code>%s",
            outcome_kind_name(reason->outcome.kind));
    if (reason->outcome.code)
        fprintf(file, " %d", (int)reason->outcome.code);
    if (reason->outcome.detail) {
        fputc(' ', file);
        escape_html(file, reason->outcome.detail);
    }
    fprintf(file, "</code></h3><p class=\"amount\">%s",
            quantity_count(text, sizeof text, reason->count));
    fprintf(
        file, " <span>%s of all</span></p></div>",
        quantity_share(text, sizeof text, finished ? (double)reason->count / (double)finished : 0));
    if (example && example->text) {
        fputs("<p class=\"said\">", file);
        escape_html(file, example->text);
        fputs("</p>", file);
    }
    if (example)
        write_example(file, result, example, index == 0);
    fputs("</li>\n", file);
}

int form_html_failures(FILE *file, const struct result *result)
{
    struct measurement total;
    measurement_init(&total);
    int status = result_total(result, &total);
    fputs("<section id=\"failures\">\n<h2>Failures</h2>\n", file);
    if (status == 0 && total.reason_count > 0) {
        measurement_sort_reasons(&total);
        fputs("<ul class=\"failures\">\n", file);
        for (unsigned i = 0; i < total.reason_count; i++)
            write_reason(file, result, &total, i);
        fputs("</ul>\n", file);
    } else {
        fputs("<p class=\"empty\">No operation failed.</p>\n", file);
    }
    fputs("</section>\n", file);
    measurement_free(&total);
    return status;
}
