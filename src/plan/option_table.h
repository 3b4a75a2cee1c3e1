/* Command-line options as tables: one row per option says its name, its argument, its line of help
 * and how it is read. A subcommand names the tables it takes; parsing and --help follow from them.
 */
#ifndef CICADA_PLAN_OPTION_TABLE_H
#define CICADA_PLAN_OPTION_TABLE_H

#include "base/buffer.h"
#include "base/error.h"
#include "plan/values.h"

#include <stddef.h>

struct option_row {
    const char *name;     /* without the dashes; NULL ends the table */
    const char *argument; /* "N", "FILE"; NULL: the option takes none */
    const char *help;     /* one line */
    value_parse *parse;   /* gets "true" where there is no argument */
    size_t offset;        /* of the field in the table's object */
};

struct option_table {
    const char *heading; /* of its group in the help */
    const struct option_row *rows;
    void *object; /* what the offsets are into */
};

struct option_command {
    const char *usage;    /* "cicada run [OPTION]... [TARGET | PLAN.yaml | -- COMMAND...]" */
    const char *summary;  /* a paragraph below it */
    const char *epilogue; /* below the options; may be NULL */
    const struct option_table *tables; /* ends with a NULL heading */
    /* Called for each argument that is no option; NULL: none is taken. */
    int (*positional)(void *context, char *text, struct error *error);
    /* Called with what stands after "--", NULL-ended; NULL: "--" is not taken. */
    int (*command)(void *context, char **words, struct error *error);
    void *context;
};

/* Read argv from index 1 on: "--name value" and "--name=value" in any order with positionals. 0; 1
 * when
 * --help or -h was given (nothing after it was read); -1 with "--users: must be ...; write e.g.
 * --users 50", or "--usres: is no option of this command; did you mean --users?". */
int option_parse(const struct option_command *command, int argc, char **argv, struct error *error);

/* The help text: usage, summary, the options in groups with aligned columns. -1 when memory is out.
 */
int option_help(const struct option_command *command, struct buffer *output);

/* The same to stdout. Returns 1, as option_parse does for --help; -1 when memory is out. */
int option_print_help(const struct option_command *command, struct error *error);

#endif
