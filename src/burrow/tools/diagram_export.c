/* Figures of the kept diagrams as JSON, CSV or XML. */
#include "burrow/tools/csv.h"
#include "burrow/tools/diagram_analysis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_LIMIT ((size_t)4 << 20)

static int append_xml(struct buffer *out, const char *text)
{
    int failed = buffer_append_char(out, '"');
    for (; *text; text++)
        failed |= strchr("<>&\"'", *text)     ? buffer_printf(out, "&#%d;", *text)
                  : (unsigned char)*text < 32 ? buffer_append_char(out, ' ')
                                              : buffer_append_char(out, *text);
    return failed | buffer_append_char(out, '"');
}

/* Attributes of an element, or the fields of a line. */
static int export_row(struct buffer *out, const json_t *row, bool xml)
{
    const char *key;
    json_t *value;
    int failed = xml ? buffer_append_text(out, "  <diagram") : 0;
    bool first = true;
    json_object_foreach((json_t *)row, key, value)
    {
        char number[32];
        const char *text = json_string_value(value);
        snprintf(number, sizeof number, "%.15g", json_number_value(value));
        failed |= xml ? buffer_printf(out, " %s=", key) : buffer_append_text(out, first ? "" : ",");
        failed |= xml ? append_xml(out, text ? text : number)
                      : csv_append_field(out, text ? text : number);
        first = false;
    }
    return failed | buffer_append_text(out, xml ? "/>\n" : "\r\n");
}

static char *export_rows(const json_t *rows, const char *format)
{
    bool xml = strcmp(format, "xml") == 0;
    const char *key;
    json_t *row, *value;
    size_t index;
    struct buffer out;
    if (strcmp(format, "json") == 0)
        return json_dumps(rows, JSON_INDENT(2));
    buffer_init(&out, EXPORT_LIMIT);
    int failed = xml ? buffer_append_text(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                                "<diagrams>\n")
                     : 0;
    if (!xml && json_array_size(rows)) {
        bool first = true;
        json_object_foreach(json_array_get(rows, 0), key, value)
        {
            failed |= buffer_printf(&out, "%s%s", first ? "" : ",", key);
            first = false;
        }
        failed |= buffer_append_text(&out, "\r\n");
    }
    json_array_foreach(rows, index, row)
    {
        failed |= export_row(&out, row, xml);
    }
    if (xml)
        failed |= buffer_append_text(&out, "</diagrams>\n");
    char *text = buffer_take_string(&out);
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}

static json_t *analytics_of(sqlite3_stmt *row)
{
    struct diagram_errors errors;
    struct diagram_measures is = {0};
    struct diagram *diagram = diagram_parse(records_text(row, 3), &errors);
    if (diagram)
        diagram_measure(diagram, &is);
    diagram_free(diagram);
    return json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "id",
                     (json_int_t)sqlite3_column_int64(row, 0), "title", records_json_text(row, 1),
                     "type", records_json_text(row, 2), "versions",
                     (json_int_t)sqlite3_column_int64(row, 4), "nodes", (json_int_t)is.nodes,
                     "edges", (json_int_t)is.edges, "depth", (json_int_t)is.depth, "cycles",
                     (json_int_t)is.cycles, "density", is.density, "bytes",
                     (json_int_t)strlen(records_text(row, 3)));
}

int diagram_export(struct tool_call *call)
{
    const char *format = tool_text(call, "format", "json");
    json_t *rows = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT id, title, type, text, version FROM diagrams"
                      " WHERE ?1 IS NULL OR type = ?1 ORDER BY id DESC LIMIT ?2",
                      "si", tool_text(call, "type", NULL), tool_integer(call, "limit", 100));
    while (row && records_next(row, &call->error))
        json_array_append_new(rows, analytics_of(row));
    char *text = export_rows(rows, format);
    if (text)
        call->structured = json_pack("{s:s, s:I, s:s}", "format", format, "diagrams",
                                     (json_int_t)json_array_size(rows), "text", text);
    free(text);
    json_decref(rows);
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return call->structured ? 0 : tool_fail(call, "too_large", "over %zu bytes", EXPORT_LIMIT);
}
