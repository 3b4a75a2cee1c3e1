/* See embedding.h. */
#include "burrow/tiers/embedding.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define TABLE_SLOTS (EMBEDDING_FEATURE_LIMIT * 2)
#define WORD_LIMIT  64 /* bytes of a word that count */
#define LANES       16

enum feature_kind { FEATURE_WORD = 1, FEATURE_PAIR, FEATURE_TRIGRAM };
static const float kind_weights[] = {0, 1.0F, 0.7F, 0.35F};

struct counting {
    uint16_t slots[TABLE_SLOTS]; /* 1-based index into features; 0: free */
    enum feature_kind kinds[EMBEDDING_FEATURE_LIMIT];
    struct embedding_features *features;
};

/* FNV-1a, finished by the mixer of MurmurHash3: short texts differ in all bits. */
static uint64_t hash_bytes(uint64_t seed, const unsigned char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xFF51AFD7ED558CCD);
    return hash ^ (hash >> 33);
}

static void add_feature(struct counting *counting, enum feature_kind kind, uint64_t hash)
{
    struct embedding_features *features = counting->features;
    uint16_t key = (uint16_t)hash;
    for (size_t at = (size_t)key * 40503U;; at++) {
        uint16_t *slot = &counting->slots[at % TABLE_SLOTS];
        if (*slot && features->keys[*slot - 1] == key) {
            features->weights[*slot - 1] += 1;
            return;
        }
        if (*slot)
            continue;
        if (features->count == EMBEDDING_FEATURE_LIMIT)
            return;
        features->keys[features->count] = key;
        features->weights[features->count] = 1;
        counting->kinds[features->count] = kind;
        *slot = (uint16_t)++features->count;
        return;
    }
}

/* Letters, digits and everything beyond ASCII make words; ASCII letters lose their case. */
static unsigned char fold(unsigned char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return (unsigned char)(byte + 32);
    bool kept = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
    return kept ? byte : 0;
}

/* A word with its bounds, so that a trigram at an end of a word is another than one inside. */
static void add_trigrams(struct counting *counting, const unsigned char *word, size_t length)
{
    unsigned char bounded[WORD_LIMIT + 2];
    bounded[0] = '<';
    memcpy(bounded + 1, word, length);
    bounded[length + 1] = '>';
    for (size_t i = 0; i + 3 <= length + 2; i++)
        add_feature(counting, FEATURE_TRIGRAM, hash_bytes(FEATURE_TRIGRAM, bounded + i, 3));
}

void embedding_scan(const char *text, struct embedding_features *features)
{
    struct counting counting = {.features = features};
    unsigned char word[WORD_LIMIT];
    uint64_t previous = 0;
    features->count = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = 0;
        for (; fold(*at); at++)
            if (length < WORD_LIMIT)
                word[length++] = fold(*at);
        if (length == 0) {
            at++;
            continue;
        }
        uint64_t hash = hash_bytes(FEATURE_WORD, word, length);
        add_feature(&counting, FEATURE_WORD, hash);
        if (previous)
            add_feature(&counting, FEATURE_PAIR, (previous * 31 + hash) ^ (hash >> 17));
        add_trigrams(&counting, word, length);
        previous = hash;
    }
    for (uint32_t i = 0; i < features->count; i++)
        features->weights[i] = (1 + logf(features->weights[i])) * kind_weights[counting.kinds[i]];
}

void embedding_count(struct embedding_counts *counts, const uint16_t *keys, size_t count, int step)
{
    counts->texts += (uint64_t)(int64_t)step;
    for (size_t i = 0; i < count; i++)
        counts->documents[keys[i]] += (uint32_t)step;
}

void embedding_make(const struct embedding_features *features,
                    const struct embedding_counts *counts, float vector[EMBEDDING_DIMENSION])
{
    double square = 0;
    memset(vector, 0, EMBEDDING_DIMENSION * sizeof *vector);
    for (uint32_t i = 0; i < features->count; i++) {
        uint16_t key = features->keys[i];
        double rarity = log((double)(counts->texts + 2) / (double)(counts->documents[key] + 1));
        float weight = features->weights[i] * (float)rarity;
        /* the place and the sign come from another hash of the key, so that they are independent */
        uint64_t place = hash_bytes(97, (const unsigned char *)&key, sizeof key);
        vector[place % EMBEDDING_DIMENSION] += place >> 63 ? weight : -weight;
    }
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        square += (double)vector[i] * (double)vector[i];
    const double length = sqrt(square);
    for (size_t i = 0; square > 0 && i < EMBEDDING_DIMENSION; i++)
        vector[i] = (float)((double)vector[i] / length);
}

void embedding_add(float *restrict sum, const float *restrict vector, size_t dimension)
{
    size_t at = 0;
    for (; at + LANES <= dimension; at += LANES)
        for (size_t i = 0; i < LANES; i++)
            sum[at + i] += vector[at + i];
    for (; at < dimension; at++)
        sum[at] += vector[at];
}

/* Sums are kept apart, so that the compiler can keep them in few registers. */
double embedding_cosine(const float *one, const float *other, size_t dimension)
{
    float sums[LANES] = {0};
    size_t at = 0;
    for (; at + LANES <= dimension; at += LANES)
        for (size_t i = 0; i < LANES; i++)
            sums[i] += one[at + i] * other[at + i];
    for (size_t i = 0; at + i < dimension; i++)
        sums[i] += one[at + i] * other[at + i];
    double sum = 0;
    for (size_t i = 0; i < LANES; i++)
        sum += (double)sums[i];
    return sum;
}
