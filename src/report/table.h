/* A table on the terminal: cells are collected, columns take the width of their widest cell, the
 * name column gives way, gaps narrow, and columns that may go are dropped when the terminal is too
 * narrow. */
#ifndef CICADA_REPORT_TABLE_H
#define CICADA_REPORT_TABLE_H

#include "report/text.h"

#include <stddef.h>

struct table_column {
    const char *title;
    bool left;      /* aligned; numbers stand to the right */
    int expendable; /* 0: stays; the highest is dropped first */
    bool gives_way; /* cut with an ellipsis before any column is dropped, down to 18 */
};

struct table_cell {
    char *text;        /* owned; shown safely: may come from a server */
    const char *style; /* an escape sequence of terminal_style, or NULL */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct table_cell *cells;
    size_t cell_count, cell_capacity;
    bool broken; /* memory ran out: nothing is printed */
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_free(struct table *table);
/* The next cell, row by row. Text is copied. */
void table_add(struct table *table, const char *style, const char *text);
void table_add_format(struct table *table, const char *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t table_rows(const struct table *table);
/* Print the titles, dimmed, and the rows, indented by two, within `width` columns. */
void table_print(const struct table *table, FILE *stream, const struct terminal_style *style,
                 int width);

#endif
