/* The parts of the HTML report. The page is complete without its script: this draws the charts from
 * the data embedded in the page, sorts and filters. A browser runs only what we wrote, by a policy
 * that names the digests of the style and the script. */
#ifndef CICADA_REPORT_FORM_HTML_H
#define CICADA_REPORT_FORM_HTML_H

#include "metrics/result.h"

#include <stdio.h>

extern const char form_html_style[];  /* html/report.css */
extern const char form_html_script[]; /* html/charts.js, panels.js and tables.js */
extern const char form_html_policy[]; /* the Content-Security-Policy of both */
extern const char live_html_page[]; /* the page of --ui web, whole: html/live.html and its parts */
extern const char live_html_policy[];

/* Each writes its sections; -1 when memory is out. */
int form_html_verdict(FILE *file, const struct result *result);    /* form_html_verdict.c */
int form_html_failures(FILE *file, const struct result *result);   /* form_html_failures.c */
int form_html_charts(FILE *file, const struct result *result);     /* form_html_charts.c */
int form_html_scaling(FILE *file, const struct result *result);    /* form_html_scaling.c */
int form_html_targets(FILE *file, const struct result *result);    /* form_html_targets.c */
int form_html_phases(FILE *file, const struct result *result);     /* form_html_tables.c */
int form_html_operations(FILE *file, const struct result *result); /* form_html_tables.c */
int form_html_parts(FILE *file, const struct result *result);      /* form_html_tables.c */
int form_html_run(FILE *file, const struct result *result);        /* form_html_run.c */

/* The member "scaling" of the data that charts are drawn from. -1 when memory is out. */
int form_html_scaling_data(FILE *file, const struct result *result);

/* One point of a series as charts.js reads it, and the rows of its heat map in an octave. */
#define FORM_HTML_HEAT_DIVIDES 4
struct timeline_point;
void form_html_point(FILE *file, const struct timeline_point *point);

/* The columns form_html_figures fills, each with what the script sorts by. */
void form_html_figure_titles(FILE *file);
void form_html_figures(FILE *file, const struct measurement *total, uint64_t duration_ns);
/* A table in a frame that scrolls by itself, up to <tbody>; and its end. */
void form_html_table_begin(FILE *file, const char *id, const char *caption);
void form_html_table_end(FILE *file);
/* <details> with JSON, indented; nothing for NULL or an empty value. -1 when memory is out. */
int form_html_json(FILE *file, const char *summary, const json_t *value);

#endif
