/* The command line of `cicada run`: flags over a plan file, over the built-in plan, or in place of
 * both. */
#ifndef CICADA_PLAN_OPTIONS_H
#define CICADA_PLAN_OPTIONS_H

#include "base/buffer.h"
#include "plan/plan.h"
#include "plan/values.h"

enum output_form {
    OUTPUT_JSON,
    OUTPUT_HTML,
    OUTPUT_JUNIT,
    OUTPUT_MARKDOWN,
    OUTPUT_PROMETHEUS,
    OUTPUT_CSV,
    OUTPUT_HLOG,
    OUTPUT_FORMS
};

/* What a run does beside its plan: where the result goes and what is shown. */
struct run_options {
    char *files[OUTPUT_FORMS]; /* as given; NULL: not asked for */
    char *out;                 /* folder for all forms, or NULL */
    char *ui;                  /* "auto", "plain", "tui", "web", "off" */
    char *otlp;                /* receiver of metrics, or NULL */
    bool show_plan;
};

/* The URL of an OTLP/HTTP receiver, http or https; without a path it becomes the standard
 * /v1/metrics. A password in it is wiped from argv. */
value_parse value_otlp;

/* Parse argv (argv[0] is the subcommand) into `options` and one finished plan. 0; 1 when --help was
 * asked for and printed to stdout, with nothing to free; -1 with an error. Both are to be freed
 * after 0 and harmless to free otherwise. Secrets in argv are overwritten. */
int run_options_parse(struct run_options *options, struct plan *plan, int argc, char **argv,
                      struct error *error);
void run_options_free(struct run_options *options);
int run_options_help(struct buffer *output);

/* The file of one form, for the `repetition`-th run (from 0; later ones get "-2", "-3" before the
 * ending): what was given, or its name in `out`, or for JSON "cicada-result.json". False when the
 * form is not asked for; JSON always is. */
bool run_options_form_path(const struct run_options *options, enum output_form form,
                           unsigned repetition, char *path, size_t size);
/* The JSON result's. */
void run_options_output_path(const struct run_options *options, unsigned repetition, char *path,
                             size_t size);

#endif
