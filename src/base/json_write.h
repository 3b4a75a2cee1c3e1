/* Writing JSON values into a buffer, compact: what json_dumps does, without a call for each piece
 * and without printf, whose numbers cost more than all the rest of a message. */
#ifndef CICADA_BASE_JSON_WRITE_H
#define CICADA_BASE_JSON_WRITE_H

#include "base/buffer.h"

#include <jansson.h>

/* Append `value` as compact JSON (RFC 8259); members stand in the order in which they were set.
 * 0, or -1 when the buffer's limit or memory is reached; what was written before stays then. */
int json_write(struct buffer *buffer, const json_t *value);

/* The same with the brackets or braces around an array or object left out. */
int json_write_inside(struct buffer *buffer, const json_t *value);

/* Longest text of a real. */
#define JSON_REAL_BYTES 32

/* The shortest text that reads back as exactly this number, which must be finite, with a point or
 * an exponent, so that it stays a real. Returns its length; no terminator. */
size_t json_real_text(double value, char text[JSON_REAL_BYTES]);

#endif
