#include "report/form_write.h"

#include "report/form_file.h"
#include "report/text.h"

#include <errno.h>

static int (*const writers[OUTPUT_FORMS])(FILE *, const struct result *) = {
    [OUTPUT_HTML] = form_html,         [OUTPUT_JUNIT] = form_junit,
    [OUTPUT_MARKDOWN] = form_markdown, [OUTPUT_PROMETHEUS] = form_prometheus,
    [OUTPUT_CSV] = form_csv,           [OUTPUT_HLOG] = form_hlog,
};

struct form_content {
    const struct result *result;
    enum output_form form;
};

static int write_content(FILE *file, const void *context)
{
    const struct form_content *content = context;
    if (writers[content->form](file, content->result) == 0)
        return 0;
    errno = errno ? errno : ENOMEM;
    return -1;
}

int forms_write(const struct result *result, const struct run_options *options, unsigned repetition,
                FILE *log, struct error *error)
{
    int status = 0;
    for (unsigned form = OUTPUT_JSON + 1; form < OUTPUT_FORMS; form++) {
        char path[4096];
        struct form_content content = {result, (enum output_form)form};
        if (!run_options_form_path(options, content.form, repetition, path, sizeof path))
            continue;
        if (file_write(path, write_content, &content, status == 0 ? error : NULL) < 0)
            status = -1;
        else if (log) {
            fputs("  ", log);
            text_print_safe(log, path, sizeof path);
            fputc('\n', log);
        }
    }
    return status;
}

int forms_prepare(const struct run_options *options, unsigned repetitions, struct error *error)
{
    if (options->out && file_make_folder(options->out, error) < 0)
        return error_wrap(error, "--out");
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (unsigned form = OUTPUT_JSON; form < OUTPUT_FORMS; form++) {
            char path[4096];
            if (run_options_form_path(options, (enum output_form)form, repetition, path,
                                      sizeof path) &&
                file_check_writable(path, error) < 0)
                return -1;
        }
    return 0;
}
