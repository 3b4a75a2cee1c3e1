/* Values that may point elsewhere, so that a secret need not stand in a plan or on a command line:
 * `$NAME` and `${NAME}` are the environment's, `@path` as the whole value or as its last word
 * ("Bearer @token.txt") is the content of a file without its final line break. `$$` is a dollar
 * sign;
 * `@@` at the start of that word an at sign. */
#ifndef CICADA_PLAN_SECRET_H
#define CICADA_PLAN_SECRET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The value with its references resolved; the caller frees. Paths are relative to `folder` ("" for
 * the current one). What `name` calls a secret, and every file's content, is given to
 * scrub_remember. NULL with an error that never shows the value. */
char *secret_resolve(const char *name, const char *value, const char *folder, struct error *error);

/* The value written so that secret_resolve gives it back; the caller frees. NULL when memory is
 * out. */
char *secret_escape(const char *value);

/* A whole file, at most `limit` bytes, NUL-ended; the caller frees. NULL with "cannot read FILE:
 * ...". */
char *file_read(const char *path, size_t limit, size_t *length, struct error *error);

/* `path` as seen from `folder`; the caller frees. NULL when memory is out. */
char *path_join(const char *folder, const char *path);
/* The folder of a file with its final slash; "" when it is the current one. The caller frees. */
char *path_folder(const char *file);

#endif
