/* See tui_draw.h. */
#include "report/tui_draw.h"

#include "analysis/quantity.h"
#include "report/progress.h"
#include "report/text.h"

#include <stdio.h>

#define COLUMNS_LIMIT  120 /* figures far from their names cannot be read */
#define FIGURES        5
#define FIGURE_COLUMNS 10
#define LEAST_ROWS     3 /* the heading counted */
#define NAME_LIMIT     512

void tui_put(int row, int column, int attributes, const char *text)
{
    if (row < 0 || row >= LINES || column < 0 || column >= COLS)
        return;
    attrset(attributes);
    mvaddnstr(row, column, text, -1);
    attrset(A_NORMAL);
}

void tui_put_right(int row, int column, int attributes, const char *text)
{
    tui_put(row, column - (int)text_columns(text), attributes, text);
}

/* The right end of each column of figures. */
static int figure_column(int index)
{
    int width = COLS < COLUMNS_LIMIT ? COLS : COLUMNS_LIMIT;
    return width - 2 - FIGURE_COLUMNS * (FIGURES - 1 - index);
}

/* Pale where too few values lie beyond it to be relied on. */
static void put_percentile(int row, int column, const struct top_operation *operation,
                           double fraction, uint64_t value_ns)
{
    char text[QUANTITY_SIZE];
    bool sure = progress_percentile_is_sure(operation->ok, fraction);
    tui_put_right(row, column, sure ? A_NORMAL : A_DIM,
                  operation->ok ? quantity_duration(text, sizeof text, value_ns) : "-");
}

static void put_name(int row, const struct top_operation *operation, bool with_target)
{
    struct buffer name;
    buffer_init(&name, NAME_LIMIT);
    size_t room = (size_t)(figure_column(0) - FIGURE_COLUMNS - 1);
    size_t used = text_append_safe(&name, operation->name, room);
    if (with_target && used + 6 < room) {
        buffer_append_text(&name, "  ");
        text_append_safe(&name, operation->target, room - used - 2);
    }
    if (buffer_append_char(&name, '\0') == 0)
        tui_put(row, 1, A_NORMAL, buffer_bytes(&name));
    buffer_free(&name);
}

static void put_operation(int row, const struct top_operation *operation, bool with_target)
{
    char text[QUANTITY_SIZE];
    put_name(row, operation, with_target);
    tui_put_right(row, figure_column(0), A_NORMAL,
                  quantity_count(text, sizeof text, operation->ok + operation->failed));
    tui_put_right(row, figure_column(1), operation->failed ? COLOR_PAIR(COLOUR_BAD) : A_DIM,
                  quantity_count(text, sizeof text, operation->failed));
    put_percentile(row, figure_column(2), operation, 0.5, operation->p50_ns);
    put_percentile(row, figure_column(3), operation, 0.95, operation->p95_ns);
    tui_put_right(row, figure_column(4), A_NORMAL,
                  operation->ok ? quantity_duration(text, sizeof text, operation->max_ns) : "-");
}

int tui_draw_top(const struct top_operation *top, size_t count, int row, int end)
{
    static const char *const titles[FIGURES] = {"count", "failed", "p50", "p95", "max"};
    char text[64];
    bool several = false;
    if (count == 0 || end - row < LEAST_ROWS)
        return row;
    for (size_t i = 1; i < count; i++)
        several = several || top[i].target != top[0].target;
    snprintf(text, sizeof text, "slowest of the last %d s", TOP_WINDOW_S);
    tui_put(row, 1, A_DIM, text);
    for (int i = 0; i < FIGURES; i++)
        tui_put_right(row, figure_column(i), A_DIM, titles[i]);
    row++;
    for (size_t i = 0; i < count && row < end; i++, row++)
        put_operation(row, &top[i], several);
    return row;
}
