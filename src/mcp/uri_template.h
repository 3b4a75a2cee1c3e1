/* URI templates (RFC 6570, levels 1 to 3): how resources with parameters are named. */
#ifndef CICADA_MCP_URI_TEMPLATE_H
#define CICADA_MCP_URI_TEMPLATE_H

#include <jansson.h>

/* The names of the variables in order, each once: a new array of strings, empty when there are
 * none. */
json_t *uri_template_variables(const char *uri_template);

/* Put in the values of an object: strings, numbers, booleans; a variable without one is left out,
 * as the RFC says. What is no URI character is percent-encoded, but a placeholder ${...} inside a
 * value is kept as it is, to be rendered later. New string; NULL when memory is out. */
char *uri_template_expand(const char *uri_template, const json_t *values);

#endif
