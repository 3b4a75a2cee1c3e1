/* A table on the terminal. */
#include "report/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX  16
#define INDENT       2
#define GAP          2
#define NARROWEST    18
#define CELL_COLUMNS 200

struct layout {
    size_t gap;
    size_t width[COLUMNS_MAX];
    bool dropped[COLUMNS_MAX];
};

static struct layout lay_out(const struct table *table, size_t room);
static void print_cell(FILE *stream, const struct table_column *column, const char *text,
                       const char *colour, const struct terminal_style *style, size_t width,
                       size_t gap);

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
    *table = (struct table){.columns = columns, .column_count = column_count};
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    table_init(table, table->columns, table->column_count);
}

void table_add(struct table *table, const char *style, const char *text)
{
    if (table->cell_count == table->cell_capacity) {
        size_t capacity = table->cell_capacity ? 2 * table->cell_capacity : 64;
        struct table_cell *grown = reallocarray(table->cells, capacity, sizeof *grown);
        if (!grown) {
            table->broken = true;
            return;
        }
        table->cells = grown;
        table->cell_capacity = capacity;
    }
    char *copy = strdup(text);
    table->broken = table->broken || !copy;
    if (copy)
        table->cells[table->cell_count++] = (struct table_cell){.text = copy, .style = style};
}

void table_add_format(struct table *table, const char *style, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_add(table, style, text);
}

size_t table_rows(const struct table *table)
{
    return table->cell_count / table->column_count;
}

static const char *text_at(const struct table *table, size_t row, size_t column)
{
    return row ? table->cells[(row - 1) * table->column_count + column].text
               : table->columns[column].title;
}

/* Where a row ends: no spaces trail behind it. */
static size_t last_shown(const struct table *table, const struct layout *layout, size_t row)
{
    size_t last = 0;
    for (size_t c = 0; c < table->column_count; c++)
        if (!layout->dropped[c] && *text_at(table, row, c))
            last = c;
    return last;
}

void table_print(const struct table *table, FILE *stream, const struct terminal_style *style,
                 int width)
{
    if (table->broken)
        return;
    struct layout layout = lay_out(table, width > INDENT ? (size_t)(width - INDENT) : 1);
    for (size_t row = 0; row <= table_rows(table); row++) {
        size_t last = last_shown(table, &layout, row);
        fprintf(stream, "%*s", INDENT, "");
        for (size_t c = 0; c <= last; c++)
            if (!layout.dropped[c])
                print_cell(stream, &table->columns[c], text_at(table, row, c),
                           row ? table->cells[(row - 1) * table->column_count + c].style
                               : style->dim,
                           style, layout.width[c], c == last ? 0 : layout.gap);
        fputc('\n', stream);
    }
}

/* ---- layout --------------------------------------------------------------------------------- */

static size_t shown_columns(const char *text)
{
    struct buffer safe;
    buffer_init(&safe, 16 * CELL_COLUMNS);
    size_t columns = text_append_safe(&safe, text, CELL_COLUMNS);
    buffer_free(&safe);
    return columns;
}

static size_t total_width(const struct table *table, const struct layout *layout)
{
    size_t total = 0;
    for (size_t c = 0; c < table->column_count; c++)
        if (!layout->dropped[c])
            total += layout->width[c] + (total ? layout->gap : 0);
    return total;
}

static bool drop_one(const struct table *table, struct layout *layout)
{
    int most = 0;
    size_t which = 0;
    for (size_t c = 0; c < table->column_count; c++)
        if (!layout->dropped[c] && table->columns[c].expendable > most) {
            most = table->columns[c].expendable;
            which = c;
        }
    layout->dropped[which] = layout->dropped[which] || most > 0;
    return most > 0;
}

static void give_way(const struct table *table, struct layout *layout, size_t room)
{
    for (size_t c = 0; c < table->column_count; c++)
        while (table->columns[c].gives_way && layout->width[c] > NARROWEST &&
               total_width(table, layout) > room)
            layout->width[c]--;
}

static struct layout lay_out(const struct table *table, size_t room)
{
    struct layout layout = {.gap = GAP};
    for (size_t c = 0; c < table->column_count; c++)
        layout.width[c] = shown_columns(table->columns[c].title);
    for (size_t i = 0; i < table_rows(table) * table->column_count; i++) {
        size_t columns = shown_columns(table->cells[i].text);
        if (columns > layout.width[i % table->column_count])
            layout.width[i % table->column_count] = columns;
    }
    do {
        give_way(table, &layout, room);
        if (total_width(table, &layout) > room && layout.gap > 1) {
            layout.gap = 1;
            give_way(table, &layout, room);
        }
    } while (total_width(table, &layout) > room && drop_one(table, &layout));
    return layout;
}

static void print_cell(FILE *stream, const struct table_column *column, const char *text,
                       const char *colour, const struct terminal_style *style, size_t width,
                       size_t gap)
{
    size_t columns = shown_columns(text);
    size_t fill = columns < width ? width - columns : 0;
    if (!column->left)
        fprintf(stream, "%*s", (int)fill, "");
    if (colour && *colour)
        fputs(colour, stream);
    text_print_safe(stream, text, width);
    if (colour && *colour)
        fputs(style->reset, stream);
    if (gap)
        fprintf(stream, "%*s", (int)((column->left ? fill : 0) + gap), "");
}
