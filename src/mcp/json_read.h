/* Reading a message into jansson's values: what json_loadb does, in a third of the time for what
 * messages are made of: short keys, short plain strings, small numbers. */
#ifndef CICADA_MCP_JSON_READ_H
#define CICADA_MCP_JSON_READ_H

#include "mcp/json_repeated.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_READ_DEPTH 1024 /* arrays and objects inside each other */

/* The value that all of `bytes` is (RFC 8259), space around it allowed; a new reference. Refused
 * beside what is no JSON: a member named twice, U+0000 in a string, half a surrogate pair, an
 * integer beyond 64 bits, a real beyond the range of double. NULL then, with `problem`'s text and
 * position (in bytes). */
json_t *json_read(const char *bytes, size_t length, json_error_t *problem);

/* The same of a request, or a batch of them: an object that is _meta of one's params may be one
 * that is in `repeated`, and is kept there. NULL: none is. The value must not be changed then. */
json_t *json_read_request(const char *bytes, size_t length, struct json_repeated *repeated,
                          json_error_t *problem);

#endif
