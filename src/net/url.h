/* Absolute URLs of targets: http, https, redis, rediss, unix, bolt, ... (RFC 3986, the parts we
 * use). */
#ifndef CICADA_NET_URL_H
#define CICADA_NET_URL_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct url {
    char *scheme;   /* lower case */
    char *user;     /* percent-decoded, NULL if none */
    char *password; /* percent-decoded, NULL if none; also given to scrub_remember */
    char *host;     /* without the brackets of an IPv6 literal */
    uint16_t
        port; /* the scheme's default when not written: http 80, https 443, redis 6379, bolt 7687 */
    char *path; /* begins with "/", query included, never a fragment */
};

/* Parse `text`, at most 8 KiB. Bytes beyond ASCII in the path are percent-encoded, a fragment is
 * dropped. -1 with ERROR_USAGE and a remedy when it is no absolute URL. */
int url_parse(struct url *url, const char *text, struct error *error);
/* Resolve `reference` (absolute, or absolute-path such as "/messages?id=1", or relative) against
 * base. */
int url_resolve(struct url *url, const struct url *base, const char *reference,
                struct error *error);
bool url_same_origin(const struct url *a, const struct url *b);
void url_free(struct url *url);

#endif
