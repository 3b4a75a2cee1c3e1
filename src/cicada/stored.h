/* Stored results as other commands take them in: read, and held against themselves, so that a
 * file that was edited or cut off is not taken for a measurement. */
#ifndef CICADA_CICADA_STORED_H
#define CICADA_CICADA_STORED_H

#include "base/error.h"
#include "metrics/result.h"

#include <stdbool.h>

#define STORED_RESULTS 256 /* given to one command */

/* Read and audit one. `result` is initialised by the call and empty after an error. ERROR_USAGE,
 * with the file and what is wrong: no result, from a newer cicada, cut off, partial (unless
 * `partial_allowed`), figures that do not add up. */
int stored_read(struct result *result, const char *path, bool partial_allowed, struct error *error);

#endif
