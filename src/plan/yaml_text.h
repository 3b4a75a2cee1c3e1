/* Values written as YAML that every reader reads back the same. */
#ifndef CICADA_PLAN_YAML_TEXT_H
#define CICADA_PLAN_YAML_TEXT_H

#include "base/buffer.h"

#include <jansson.h>

/* A scalar: plain where nobody could take it for something else, else in double quotes. */
int yaml_append_text(struct buffer *output, const char *text);
int yaml_append_quoted(struct buffer *output, const char *text);
/* A JSON value on one line, in flow style. */
int yaml_append_json(struct buffer *output, const json_t *value);

#endif
