/* Texts as vectors, with nothing but the text: words, pairs of words and the character trigrams
 * within words are hashed into a fixed number of dimensions with a sign each (feature hashing;
 * Weinberger et al. 2009), weighted by 1 + log of how often they occur and by how rare they are
 * among the texts known so far (inverse document frequency). Two texts are near when they share
 * words and parts of words: lexical likeness, not meaning. The same text and the same counts give
 * the same vector on every machine. */
#ifndef BURROW_TIERS_EMBEDDING_H
#define BURROW_TIERS_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

#define EMBEDDING_DIMENSION     256
#define EMBEDDING_FEATURE_SPACE 65536 /* features are told apart by 16 bits of their hash */
#define EMBEDDING_FEATURE_LIMIT                                                                    \
    2048 /* distinct features of one text; those beyond are left out                               \
          */

/* The features of a text, each once, with its weight before rarity. */
struct embedding_features {
    uint32_t count;
    uint16_t keys[EMBEDDING_FEATURE_LIMIT];
    float weights[EMBEDDING_FEATURE_LIMIT];
};
void embedding_scan(const char *text, struct embedding_features *features);

/* How many texts each feature is in. */
struct embedding_counts {
    uint64_t texts;
    uint32_t documents[EMBEDDING_FEATURE_SPACE];
};
/* `step` is 1 when a text comes, -1 when it goes. */
void embedding_count(struct embedding_counts *counts, const uint16_t *keys, size_t count, int step);

/* The vector, of length 1 (all zero for a text without a letter or digit). */
void embedding_make(const struct embedding_features *features,
                    const struct embedding_counts *counts, float vector[EMBEDDING_DIMENSION]);

/* Of two vectors of length 1 (or 0), whatever made them; of others, their scalar product. */
double embedding_cosine(const float *one, const float *other, size_t dimension);
void embedding_add(float *restrict sum, const float *restrict vector, size_t dimension);

#endif
