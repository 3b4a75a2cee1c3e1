/* The vectors of texts that were fetched from an embedder, by their text, and the texts whose
 * vectors are wanted. A call that needs a vector which is not here goes on without it, and is run
 * again when it was fetched: so nobody waits for a network under the store's lock. Bounded: the
 * oldest go. Under the store's lock. */
#ifndef BURROW_TIERS_TEXT_VECTORS_H
#define BURROW_TIERS_TEXT_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_VECTORS_BYTES  ((size_t)64 << 20)
#define TEXT_VECTORS_WANTED 2048 /* of one call */

struct text_vectors;

struct text_vectors *text_vectors_open(unsigned dimension); /* NULL: memory is out */
void text_vectors_close(struct text_vectors *all);          /* harmless on NULL */

/* NULL: it is not here; it is wanted from now on. Valid until the next keep. */
const float *text_vectors_find(struct text_vectors *all, const char *text);
size_t text_vectors_wanted(const struct text_vectors *all);
bool text_vectors_too_many(const struct text_vectors *all); /* more than TEXT_VECTORS_WANTED */
/* The texts that are wanted, which are the caller's; none is wanted then. */
char **text_vectors_take(struct text_vectors *all, size_t *count);
void text_vectors_keep(struct text_vectors *all, const char *text, const float *vector);

#endif
