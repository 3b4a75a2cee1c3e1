#include "plan/csv.h"

#include "plan/secret.h"
#include "plan/values.h"

#include <stdlib.h>
#include <string.h>

struct csv_reader {
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
    struct error *error;
};

static int read_record(struct csv_reader *reader, char ***fields, size_t *count);
static int add_row(struct template_data *data, char **fields, size_t count, size_t line,
                   struct error *error);
static int check_columns(const struct template_data *data, struct error *error);

int csv_parse(struct template_data *data, const char *text, size_t length, struct error *error)
{
    struct csv_reader reader = {text, text + length, 1, error};
    *data = (struct template_data){0};
    if (memchr(text, '\0', length))
        return error_set(error, ERROR_USAGE, "line 1: holds a NUL byte; save it as UTF-8 text");
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;
    while (reader.at < reader.end) {
        char **fields = NULL;
        size_t count = 0, line = reader.line;
        if (read_record(&reader, &fields, &count) < 0 ||
            (count > 0 && add_row(data, fields, count, line, error) < 0)) {
            string_list_free(fields);
            csv_free(data);
            return -1;
        }
    }
    if (data->column_count == 0 || data->row_count == 0) {
        error_set(error, ERROR_USAGE,
                  "line 1: needs a line of column names and one row of values at least");
        csv_free(data);
        return -1;
    }
    return 0;
}

int csv_load(struct template_data *data, const char *path, struct error *error)
{
    size_t length;
    char *text = file_read(path, CSV_SIZE_LIMIT, &length, error);
    if (!text)
        return -1;
    int failed = csv_parse(data, text, length, error);
    free(text);
    return failed < 0 ? error_wrap(error, "%s", path) : 0;
}

void csv_free(struct template_data *data)
{
    string_list_free(data->columns);
    for (size_t i = 0; i < data->row_count; i++)
        string_list_free(data->rows[i]);
    free(data->rows);
    *data = (struct template_data){0};
}

static int add_row(struct template_data *data, char **fields, size_t count, size_t line,
                   struct error *error)
{
    if (data->column_count == 0) {
        data->columns = fields;
        data->column_count = count;
        if (check_columns(data, error) == 0)
            return 0;
        data->columns = NULL; /* the caller frees the fields */
        data->column_count = 0;
        return -1;
    }
    if (count != data->column_count)
        return error_set(error, ERROR_USAGE,
                         "line %zu: has %zu fields, but the first line names %zu columns; quote "
                         "fields that hold a comma",
                         line, count, data->column_count);
    char ***row = array_add(&data->rows, &data->row_count, sizeof *row);
    if (!row)
        return error_out_of_memory(error);
    *row = fields;
    return 0;
}

static int check_columns(const struct template_data *data, struct error *error)
{
    for (size_t i = 0; i < data->column_count; i++) {
        if (!*data->columns[i] || strchr(data->columns[i], '}'))
            return error_set(error, ERROR_USAGE,
                             "line 1: column %zu has no usable name; name each, without \"}\"",
                             i + 1);
        for (size_t j = 0; j < i; j++)
            if (strcmp(data->columns[i], data->columns[j]) == 0)
                return error_set(error, ERROR_USAGE,
                                 "line 1: two columns are named \"%.80s\"; rename one",
                                 data->columns[i]);
    }
    return 0;
}

/* A quoted field at the opening quote; its text goes to `field`. */
static int read_quoted(struct csv_reader *reader, char *field, size_t *length)
{
    size_t began = reader->line;
    for (reader->at++; reader->at < reader->end; reader->at++) {
        if (*reader->at == '"') {
            if (reader->at + 1 == reader->end || reader->at[1] != '"') {
                reader->at++;
                return 0;
            }
            reader->at++;
        }
        reader->line += *reader->at == '\n';
        field[(*length)++] = *reader->at;
    }
    return error_set(reader->error, ERROR_USAGE,
                     "line %zu: a quoted field has no end; close it, or write \"\" for a quote "
                     "inside",
                     began);
}

/* How many bytes the line break at `at` takes; 0 when there is none. */
static size_t line_break(const struct csv_reader *reader)
{
    if (reader->at < reader->end && *reader->at == '\n')
        return 1;
    return reader->end - reader->at >= 2 && reader->at[0] == '\r' && reader->at[1] == '\n' ? 2 : 0;
}

/* One field, with what ends it not yet taken. */
static char *read_field(struct csv_reader *reader)
{
    size_t length = 0;
    if (reader->at < reader->end && *reader->at == '"') {
        const char *close = reader->at + 1; /* at most as long as up to the closing quote */
        while (close < reader->end &&
               (*close != '"' || (close + 1 < reader->end && close[1] == '"')))
            close += *close == '"' ? 2 : 1;
        char *field = malloc((size_t)(close - reader->at) + 1);
        if (!field || read_quoted(reader, field, &length) < 0) {
            if (!field)
                error_out_of_memory(reader->error);
            free(field);
            return NULL;
        }
        field[length] = '\0';
        if (reader->at < reader->end && *reader->at != ',' && line_break(reader) == 0) {
            error_set(reader->error, ERROR_USAGE,
                      "line %zu: text behind a closing quote; quote the whole field", reader->line);
            free(field);
            return NULL;
        }
        return field;
    }
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at != ',' && line_break(reader) == 0)
        reader->at++;
    char *field = strndup(start, (size_t)(reader->at - start));
    if (!field)
        error_out_of_memory(reader->error);
    return field;
}

/* The fields of one record as a NULL-ended list; none for an empty line. */
static int read_record(struct csv_reader *reader, char ***fields, size_t *count)
{
    size_t ending = line_break(reader), capacity = 0;
    while (ending == 0) {
        if (*count + 1 >= capacity) {
            capacity = capacity ? capacity * 2 : 8;
            char **grown = reallocarray(*fields, capacity, sizeof **fields);
            if (!grown)
                return error_out_of_memory(reader->error);
            *fields = grown;
        }
        (*fields)[*count] = NULL;
        if (*count >= CSV_COLUMN_LIMIT)
            return error_set(reader->error, ERROR_USAGE, "line %zu: more than %zu fields",
                             reader->line, CSV_COLUMN_LIMIT);
        char *field = read_field(reader);
        if (!field)
            return -1;
        (*fields)[(*count)++] = field;
        (*fields)[*count] = NULL;
        if (reader->at == reader->end)
            return 0;
        ending = line_break(reader);
        if (ending == 0)
            reader->at++; /* the comma */
    }
    reader->at += ending;
    reader->line++;
    return 0;
}
