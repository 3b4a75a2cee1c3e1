/* Text on a terminal: what a server says is never trusted. Control characters, escape sequences,
 * direction marks and bytes that are not UTF-8 are shown, not obeyed; every width is bounded. */
#ifndef CICADA_REPORT_TEXT_H
#define CICADA_REPORT_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Escape sequences, or empty strings where colours are not wanted. */
struct terminal_style {
    bool colours;
    const char *bold, *dim, *good, *bad, *warn, *accent, *reset;
};
/* Colours only when `stream` is a terminal, NO_COLOR is unset or empty (no-color.org), and TERM is
 * not "dumb". */
void terminal_style_init(struct terminal_style *style, FILE *stream);
int terminal_columns(FILE *stream); /* its width; COLUMNS, else 100, when it is no terminal */

/* Append at most `width` columns of `text` (counted in code points): "\n" as "\\n", other controls
 * as
 * "\\x1b", bytes that are not UTF-8 as "\\xff". What does not fit ends in "…". Returns the columns.
 */
size_t text_append_safe(struct buffer *output, const char *text, size_t width);
/* The same to a stream. */
size_t text_print_safe(FILE *stream, const char *text, size_t width);
/* JSON of someone else's, whole. Code points that would be obeyed become escapes of JSON, so that
 * it stays the same document; bytes that are no UTF-8 become U+FFFD. */
void text_print_json(FILE *stream, const char *json);
/* Exactly `width` columns, filled with spaces on the right. */
void text_print_padded(FILE *stream, const char *text, size_t width);

/* Trusted text with escape sequences of a style in it, cut to `width` columns. */
void text_print_styled(FILE *stream, const char *text, size_t width);
size_t text_columns(const char *text); /* code points of trusted text; escape sequences count 0 */

/* quantity_duration under the name of this room. */
const char *text_duration(char *text, size_t size, uint64_t ns);

#endif
