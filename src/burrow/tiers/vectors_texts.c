/* The vector tier: texts to vectors, by what is built in or by a server that is asked without the
 * lock of the store. */
#include "burrow/tiers/vectors_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool vectors_embed(const struct vectors *vectors, const char *text, float *vector)
{
    memset(vector, 0, vectors->dimension * sizeof *vector);
    if (vectors->embedder) {
        const float *found = is_blank(text) ? NULL : text_vectors_find(vectors->texts, text);
        if (found)
            memcpy(vector, found, vectors->dimension * sizeof *vector);
        return found || is_blank(text);
    }
    struct embedding_features features;
    embedding_scan(text, &features);
    embedding_make(&features, &vectors->counts, vector);
    return true;
}

bool vectors_want(const struct vectors *vectors)
{
    return vectors->texts && text_vectors_wanted(vectors->texts) > 0;
}

struct vectors_wanted {
    struct embedder *embedder;
    unsigned dimension;
    char **texts;
    size_t count;
    bool too_many;
    float *found;
};

struct vectors_wanted *vectors_wanted_take(struct vectors *vectors)
{
    struct vectors_wanted *wanted = calloc(1, sizeof *wanted);
    if (!wanted)
        return NULL;
    wanted->embedder = vectors->embedder;
    wanted->dimension = vectors->dimension;
    wanted->too_many = text_vectors_too_many(vectors->texts);
    wanted->texts = text_vectors_take(vectors->texts, &wanted->count);
    return wanted;
}

int vectors_wanted_fetch(struct vectors_wanted *wanted, struct error *error)
{
    if (wanted->too_many)
        return error_set(error, ERROR_USAGE, "more than %d texts to embed in one call; split it",
                         TEXT_VECTORS_WANTED);
    wanted->found = malloc((wanted->count * wanted->dimension + 1) * sizeof *wanted->found);
    if (!wanted->found || !wanted->texts)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return embedder_fetch(wanted->embedder, (const char *const *)wanted->texts, wanted->count,
                          wanted->dimension, wanted->found, error);
}

void vectors_wanted_keep(struct vectors *vectors, const struct vectors_wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        text_vectors_keep(vectors->texts, wanted->texts[i], wanted->found + i * wanted->dimension);
}

void vectors_wanted_free(struct vectors_wanted *wanted)
{
    if (!wanted)
        return;
    for (size_t i = 0; i < wanted->count; i++)
        free(wanted->texts[i]);
    free(wanted->texts);
    free(wanted->found);
    free(wanted);
}
