/* Keeps secrets out of logs, reports and the process listing. */
#ifndef CICADA_BASE_SCRUB_H
#define CICADA_BASE_SCRUB_H

#include <stdbool.h>
#include <stddef.h>

/* True for header, environment and argument names whose value is a secret: Authorization, Cookie,
 * *token*, *secret*, *password*, *api-key*, ... (case-insensitive). */
bool scrub_name_is_secret(const char *name);

/* Copy `text` with passwords in URLs (scheme://user:SECRET@host) and secret query parameters
 * replaced by "***". The caller frees. */
char *scrub_url(const char *text);

/* Remember a secret that must never be shown; scrub_text replaces every occurrence. Values shorter
 * than 4 bytes are not remembered. Not thread-safe: called while options are read. */
void scrub_remember(const char *secret);

/* Copy of `text` (length bytes) with every remembered secret and "Bearer ..." token replaced by
 * "***". The caller frees. */
char *scrub_text(const char *text, size_t length);
void scrub_forget_all(void);

/* Overwrite an argv string in place, so that /proc/PID/cmdline no longer shows it. */
void scrub_argument(char *argument);

#endif
