#include "plan/option_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HELP_WIDTH  100
#define HELP_COLUMN 30 /* where the text begins, at least */

struct option_match {
    const struct option_row *row;
    const struct option_table *table;
};

static int parse_option(const struct option_command *command, char **argv, int *index,
                        struct error *error);

int option_parse(const struct option_command *command, int argc, char **argv, struct error *error)
{
    for (int i = 1; i < argc; i++) {
        char *text = argv[i];
        if (strcmp(text, "--") == 0) {
            if (!command->command)
                return error_set(error, ERROR_USAGE,
                                 "--: this command takes no command behind it; see --help");
            return command->command(command->context, argv + i + 1, error);
        }
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
            return 1;
        int failed;
        if (text[0] == '-' && text[1])
            failed = parse_option(command, argv, &i, error);
        else if (command->positional)
            failed = command->positional(command->context, text, error);
        else
            failed =
                error_set(error, ERROR_USAGE, "%.60s: is one argument too many; see --help", text);
        if (failed < 0)
            return -1;
    }
    return 0;
}

static bool find_option(const struct option_command *command, const char *name, size_t length,
                        struct option_match *match)
{
    for (const struct option_table *table = command->tables; table->heading; table++) {
        for (const struct option_row *row = table->rows; row->name; row++) {
            if (strlen(row->name) == length && memcmp(row->name, name, length) == 0) {
                *match = (struct option_match){row, table};
                return true;
            }
        }
    }
    return false;
}

static int fail_unknown(const struct option_command *command, const char *name, size_t length,
                        struct error *error)
{
    char text[64];
    struct nearest nearest;
    snprintf(text, sizeof text, "%.*s", (int)(length < 60 ? length : 60), name);
    nearest_begin(&nearest, text);
    for (const struct option_table *table = command->tables; table->heading; table++)
        for (const struct option_row *row = table->rows; row->name; row++)
            nearest_consider(&nearest, row->name);
    nearest_consider(&nearest, "help");
    if (nearest.best)
        return error_set(error, ERROR_USAGE,
                         "--%s: is no option of this command; did you mean --%s?", text,
                         nearest.best);
    return error_set(error, ERROR_USAGE,
                     "--%s: is no option of this command; --help lists them, and \"--\" ends them",
                     text);
}

static int parse_option(const struct option_command *command, char **argv, int *index,
                        struct error *error)
{
    const char *text = argv[*index];
    if (text[1] != '-')
        return error_set(error, ERROR_USAGE,
                         "%.20s: is no option; options are long and have two dashes, see --help",
                         text);
    const char *name = text + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    struct option_match match;
    if (!find_option(command, name, length, &match))
        return fail_unknown(command, name, length, error);
    const struct option_row *row = match.row;
    const char *value = equals ? equals + 1 : "true";
    if (row->argument && !equals) {
        value = argv[*index + 1];
        if (!value)
            return error_set(error, ERROR_USAGE, "--%s: is without its %s; write --%s %s",
                             row->name, row->argument, row->name, row->argument);
        ++*index;
    }
    char label[80];
    snprintf(label, sizeof label, "--%s ", row->name);
    if (row->parse(value, (char *)match.table->object + row->offset, label, error) == 0)
        return 0;
    return error && error->code == ERROR_INTERNAL ? -1 : error_wrap(error, "--%s", row->name);
}

/* ---- help --------------------------------------------------------------------------------------
 */

static size_t row_width(const struct option_row *row)
{
    return 4 + strlen(row->name) + (row->argument ? 1 + strlen(row->argument) : 0);
}

/* `text` from the column on, broken between words at the width of the page. */
static int append_wrapped(struct buffer *output, const char *text, size_t column, size_t indent)
{
    while (*text) {
        size_t room = HELP_WIDTH - indent;
        size_t length = strlen(text);
        if (length > room)
            for (length = room; length > 0 && text[length] != ' '; length--)
                ;
        if (length == 0)
            length = strcspn(text, " ");
        size_t pad = column < indent ? indent - column : 1;
        if (buffer_printf(output, "%*s%.*s\n", (int)pad, "", (int)length, text) < 0)
            return -1;
        text += length;
        text += strspn(text, " ");
        column = 0;
    }
    return 0;
}

static int append_row(struct buffer *output, const struct option_row *row, size_t indent)
{
    size_t width = row_width(row);
    if (buffer_printf(output, "  --%s%s%s", row->name, row->argument ? " " : "",
                      row->argument ? row->argument : "") < 0)
        return -1;
    if (width + 2 > indent) { /* the name reaches into the text's column */
        if (buffer_append_char(output, '\n') < 0)
            return -1;
        width = 0;
    }
    return append_wrapped(output, row->help, width, indent);
}

int option_help(const struct option_command *command, struct buffer *output)
{
    if (buffer_printf(output, "Usage: %s\n\n%s\n", command->usage, command->summary) < 0)
        return -1;
    for (const struct option_table *table = command->tables; table->heading; table++) {
        if (buffer_printf(output, "\n%s:\n", table->heading) < 0)
            return -1;
        for (const struct option_row *row = table->rows; row->name; row++)
            if (append_row(output, row, HELP_COLUMN) < 0)
                return -1;
    }
    if (command->epilogue && buffer_printf(output, "\n%s\n", command->epilogue) < 0)
        return -1;
    return 0;
}

int option_print_help(const struct option_command *command, struct error *error)
{
    struct buffer text;
    buffer_init(&text, 1 << 20);
    int printed = option_help(command, &text);
    if (printed == 0)
        fwrite(buffer_bytes(&text), 1, buffer_length(&text), stdout);
    buffer_free(&text);
    return printed == 0 ? 1 : error_out_of_memory(error);
}
