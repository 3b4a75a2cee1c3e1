/* cicada audit: derive every figure of a stored result again and hold it against what is stored. */
#ifndef CICADA_REPORT_AUDIT_H
#define CICADA_REPORT_AUDIT_H

#include "base/error.h"

#include <stdio.h>

/* Print each check to `out`: "ok" or "FAIL", what was compared, the numbers. Checks over many
 * operations are one line when they hold and one line per place where they do not. Returns 0 when
 * all hold, ERROR_VERDICT in the error when one does not, ERROR_USAGE when the file is no result.
 */
int audit_result(const char *path, FILE *out, struct error *error);

/* The same for a result in memory, as JSON text: for tests and fuzzing. */
int audit_text(const char *text, size_t length, const char *source, FILE *out, struct error *error);

#endif
