/* Text that comes from elsewhere, or was cut where a buffer ended, made fit for JSON. */
#ifndef CICADA_BASE_UTF8_H
#define CICADA_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character (RFC 3629) that begins `text`, of which `left` bytes are
 * there; 0 when none does. */
size_t utf8_character(const char *text, size_t left);
/* Each byte that belongs to no well-formed character becomes '?'. Returns `text`. */
char *utf8_repair(char *text);

#endif
