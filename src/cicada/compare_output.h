/* The forms of a comparison: table, Markdown, JSON. Names in it come from servers. */
#ifndef CICADA_CICADA_COMPARE_OUTPUT_H
#define CICADA_CICADA_COMPARE_OUTPUT_H

#include "analysis/compare.h"

#include <stdio.h>

void comparison_print(FILE *stream, const struct comparison *comparison);
int comparison_write_markdown(FILE *file, const void *comparison); /* a file_content */
json_t *comparison_to_json(const struct comparison *comparison);   /* NULL: memory is out */

#endif
