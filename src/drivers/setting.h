/* Settings of a driver, by a table of names: from the query of its URL
 * (sqlite:notes.db?rows=1000&busy_timeout=50ms) or from `options` in a plan, by the same names; the
 * plan wins. Also the path of a URL that names a file. */
#ifndef CICADA_DRIVERS_SETTING_H
#define CICADA_DRIVERS_SETTING_H

#include "drivers/target_options.h"

#include "base/error.h"

enum setting_type {
    SETTING_COUNT,    /* uint64_t */
    SETTING_SIZE,     /* uint64_t, bytes: 4096, 64k, 8M, 1G (powers of 1024) */
    SETTING_DURATION, /* uint64_t, ns: 50ms, 2s, 0 */
    SETTING_TEXT,     /* char *, allocated */
    SETTING_CHOICE    /* char *, allocated: one of `choices` */
};

struct setting {
    const char *name; /* NULL ends a table */
    enum setting_type type;
    size_t offset;        /* of the member */
    uint64_t least, most; /* of a count or size; most 0: no bound */
    const char *choices;  /* "off normal full": lower case, one blank between */
};

/* Fill `into`, whose members hold their defaults already (texts: NULL or allocated). -1 with
 * ERROR_USAGE, which names the setting, what is wrong and what there is. */
int settings_read(void *into, const struct setting *table, const char *driver,
                  const struct target_options *options, struct error *error);
void settings_free(void *into, const struct setting *table); /* the texts */

/* True when the URL is SCHEME:... (scheme without the colon, lower case). */
bool setting_url_has_scheme(const struct target_options *options, const char *scheme);
/* The path in SCHEME:PATH, SCHEME:///PATH or SCHEME://PATH?..., percent-decoded; the caller frees.
 * NULL with ERROR_USAGE when there is none, or it is no path (%00, an encoding cut short). */
char *setting_url_path(const struct target_options *options, const char *scheme,
                       struct error *error);

#endif
