/* The forms of a result beside result.json, each written from the result alone, so that a stored
 * one gives the same as the run did. docs/reports.md tells what is in them. */
#ifndef CICADA_REPORT_FORM_WRITE_H
#define CICADA_REPORT_FORM_WRITE_H

#include "base/error.h"
#include "metrics/result.h"
#include "plan/options.h"

#include <stdio.h>

/* Each writes the whole form; -1 when memory is out. What the stream thinks of it is the caller's
 * to ask (ferror). */
int form_junit(FILE *file, const struct result *result);
int form_markdown(FILE *file, const struct result *result);
int form_prometheus(FILE *file, const struct result *result);
int form_csv(FILE *file, const struct result *result);
int form_hlog(FILE *file, const struct result *result);
int form_html(FILE *file, const struct result *result);

/* Write every form but JSON that `options` asks for, for the `repetition`-th run (from 0). All are
 * tried; -1 with the first that failed. Paths that were written are printed to `log` (NULL: not).
 */
int forms_write(const struct result *result, const struct run_options *options, unsigned repetition,
                FILE *log, struct error *error);

/* Before anything runs: make the folder of --out, and see that each file can be made. */
int forms_prepare(const struct run_options *options, unsigned repetitions, struct error *error);

#endif
