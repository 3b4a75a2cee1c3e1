/* result.json: a struct result on disk and back, without loss (texts that are not UTF-8 excepted:
 * the offending bytes become U+FFFD). The format is docs/result.md and docs/result.schema.json. */
#ifndef CICADA_REPORT_RESULT_JSON_H
#define CICADA_REPORT_RESULT_JSON_H

#include "metrics/result.h"

#include "base/error.h"

#define RESULT_SCHEMA         "cicada-result/1"
#define RESULT_SCHEMA_NAME    "cicada-result/"
#define RESULT_SCHEMA_VERSION 1

/* Larger files are refused: a run of hours with hundreds of tools stays far below. */
#define RESULT_FILE_LIMIT ((size_t)1 << 30)

/* The document, with its derived figures. NULL with the place of what cannot be written. */
json_t *result_to_json(const struct result *result, struct error *error);

/* Write atomically: a temporary file beside `path`, fsync, rename. A path that exists and is no
 * regular file (/dev/stdout, a pipe) is written to directly. ERROR_INTERNAL with the file and the
 * reason. */
int result_write_json(const struct result *result, const char *path, struct error *error);

/* Read. `result` is initialised by the call and left empty on an error, which names the file, the
 * place in it and what is wrong: not JSON, cut off, no result at all, from a newer cicada, a member
 * that is missing, unknown, of the wrong type or out of range. Whether the figures agree with each
 * other is not checked: that is the audit. ERROR_USAGE. */
int result_read_json(struct result *result, const char *path, struct error *error);

/* The same in steps, for the audit and for fuzzing. */
json_t *result_load_document(const char *path, struct error *error);
json_t *result_parse_document(const char *text, size_t length, const char *source,
                              struct error *error);
int result_from_document(struct result *result, const json_t *document, const char *source,
                         struct error *error);

#endif
