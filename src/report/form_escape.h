/* Text from anywhere, made harmless for one form of report. What a terminal or a browser would obey
 * (controls, direction marks, line separators) is shown as "\x1b" or "\u202e", bytes that are not
 * UTF-8 as U+FFFD; then each form's own marks are escaped. NULL is the empty text. */
#ifndef CICADA_REPORT_FORM_ESCAPE_H
#define CICADA_REPORT_FORM_ESCAPE_H

#include <stdio.h>

void escape_html(FILE *file, const char *text); /* in text and in quoted attributes */
void escape_xml(FILE *file, const char *text);  /* the same for XML 1.0 */
/* The inside of a JSON string, also within <script>: no "<", ">" or "&" is left in it. */
void escape_json(FILE *file, const char *text);
/* A whole field (RFC 4180), quoted; one that a spreadsheet would take for a formula gets an
 * apostrophe in front. */
void escape_csv(FILE *file, const char *text);
/* The inside of a label's value in Prometheus' text format. */
void escape_prometheus(FILE *file, const char *text);
/* A sentence in Markdown, in a table too: no markup, no link, nobody mentioned. One line. */
void escape_markdown(FILE *file, const char *text);
/* A code span in Markdown, in a table too, of at most `width` columns. */
void escape_markdown_code(FILE *file, const char *text, size_t width);

#endif
