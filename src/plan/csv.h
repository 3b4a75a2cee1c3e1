/* The data file of a plan: comma-separated values (RFC 4180) with the column names in the first
 * line. */
#ifndef CICADA_PLAN_CSV_H
#define CICADA_PLAN_CSV_H

#include "base/error.h"
#include "base/template.h"

#define CSV_SIZE_LIMIT   ((size_t)256 * 1024 * 1024)
#define CSV_COLUMN_LIMIT ((size_t)1000)

/* Parse `text`. Fields may be quoted, with "" for a quote, commas and line breaks inside; lines end
 * with LF or CR LF; empty lines are skipped; a byte order mark is too. Every row has as many fields
 * as the first line. -1 with "line N: what; remedy". */
int csv_parse(struct template_data *data, const char *text, size_t length, struct error *error);
int csv_load(struct template_data *data, const char *path, struct error *error);
void csv_free(struct template_data *data);

#endif
