/* What the files of the whole-screen view draw with. */
#ifndef CICADA_REPORT_TUI_DRAW_H
#define CICADA_REPORT_TUI_DRAW_H

#include "engine/top.h"

#include <curses.h>

enum colour { COLOUR_GOOD = 1, COLOUR_BAD, COLOUR_WARN, COLOUR_ACCENT };

/* Text that is safe for a terminal; cut off at its edge, nothing outside of it. */
void tui_put(int row, int column, int attributes, const char *text);
/* The same, ending before `column`. */
void tui_put_right(int row, int column, int attributes, const char *text);

/* The slowest operations under a heading, as many as fit above the row `end`; nothing where that
 * would be hardly any. Returns the next free row. */
int tui_draw_top(const struct top_operation *top, size_t count, int row, int end);

#endif
