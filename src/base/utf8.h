/* Text that comes from elsewhere, or was cut where a buffer ended, made fit for JSON. */
#ifndef CICADA_BASE_UTF8_H
#define CICADA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character (RFC 3629) that begins `text`, of which `left` bytes are
 * there; 0 when none does. */
size_t utf8_character(const char *text, size_t left);
/* Nothing but well-formed characters. */
bool utf8_is_valid(const char *text, size_t length);
/* Each byte that belongs to no well-formed character becomes '?'. Returns `text`. */
char *utf8_repair(char *text);

/* Bytes and code point of the UTF-8 sequence (RFC 3629) at `text`, which ends in NUL; 0 when it is
 * none. */
size_t utf8_decode(const unsigned char *text, uint32_t *code);

/* Code points that are obeyed instead of shown, or that change how their neighbours look: controls
 * (tab and newline too), zero-width and direction marks, line separators, the byte order mark. */
bool utf8_is_unsafe(uint32_t code);

#endif
