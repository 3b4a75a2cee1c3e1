/* Text with ${...} in it, compiled once and rendered per call. Placeholders: ${user}, ${iteration},
 * ${uuid}, ${now} (ms since the epoch), ${random(A,B)} (an integer, inclusive), ${data.COLUMN},
 * ${capture.NAME}. $${ is a literal ${.
 *
 * In JSON, placeholders stand inside strings. A string that is one placeholder and nothing else,
 * with
 * ":json" before the brace ("${capture.id:json}", "${user:json}"), is replaced whole by the JSON
 * value: a captured number stays a number. Everywhere else the value is text, escaped as the place
 * needs. */
#ifndef CICADA_BASE_TEMPLATE_H
#define CICADA_BASE_TEMPLATE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/random.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct template_value { /* one capture */
    const char *name;
    char *json; /* its JSON text; NULL: not captured yet */
};

struct template_data { /* a CSV file read by the plan: column names and rows of fields */
    char **columns;
    size_t column_count;
    char ***rows;
    size_t row_count;
};

struct template_context {
    uint64_t user, iteration;
    struct random *random;
    const struct template_data
        *data; /* NULL: none; the row is iteration-th of the user's, in order */
    uint64_t data_row;
    const struct template_value *captures;
    size_t capture_count;
};

struct text_template;

/* Compile a text (JSON: the text of a whole JSON value). NULL with "unknown placeholder ${foo};
 * known are ..." on an error. `columns` and `captures` (NULL-ended) are the names allowed; NULL:
 * any name, because the plan has checked them already. */
struct text_template *template_compile(const char *text, bool is_json, char *const *columns,
                                       char *const *captures, struct error *error);
void template_free(struct text_template *text_template);
bool template_is_constant(const struct text_template *text_template); /* no placeholder at all */
/* Append the rendering. -1 when the buffer is full (*detail is NULL), or a capture or column has no
 * value (*detail is its name, valid as long as the template); the buffer is then as before.
 * context->random must be there. A field of the data is text; as ":json", one that reads as a
 * number, true, false or null is that. A captured string gives its text, any other value its JSON
 * text. */
int template_render(const struct text_template *text_template,
                    const struct template_context *context, struct buffer *output,
                    const char **detail);

#endif
