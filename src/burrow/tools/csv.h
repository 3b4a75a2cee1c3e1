/* Comma-separated values (RFC 4180) of what a tool exports. */
#ifndef BURROW_TOOLS_CSV_H
#define BURROW_TOOLS_CSV_H

#include "base/buffer.h"

/* A field in quotes; one that a spreadsheet would take for a formula gets an apostrophe in front.
 */
int csv_append_field(struct buffer *out, const char *text);

#endif
