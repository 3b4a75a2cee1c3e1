/* Files a reader never sees half of: what every form of a result is written through. */
#ifndef CICADA_REPORT_FORM_FILE_H
#define CICADA_REPORT_FORM_FILE_H

#include "base/error.h"

#include <stdio.h>

/* Writes the whole content; -1 when it cannot (errno says why; ENOMEM when memory is out). */
typedef int file_content(FILE *file, const void *context);

/* Write atomically: a temporary file beside `path`, fsync, rename. A path that exists and is no
 * regular file (/dev/stdout, a pipe) is written to directly. ERROR_INTERNAL with the file and the
 * reason. */
int file_write(const char *path, file_content *content, const void *context, struct error *error);

/* Make the folder and those above it that are missing. ERROR_USAGE with the reason. */
int file_make_folder(const char *path, struct error *error);

/* Whether a file can be made at `path`: asked before a run, so that its result is not lost after
 * it. ERROR_USAGE with what to do. */
int file_check_writable(const char *path, struct error *error);

#endif
