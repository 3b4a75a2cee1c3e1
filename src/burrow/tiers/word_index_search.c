/* Searching a word index. Lists of places are walked side by side, in the order of the places. */
#include "burrow/tiers/word_index_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_WORDS 64 /* of a query; those beyond are not looked for */
#define QUERY_BYTES ((size_t)16 << 10)

struct wanted { /* the words of a query, the rarest first */
    const struct word_index *index;
    struct word {
        const struct term *term;
        double weight;
        uint32_t at; /* of its postings: those before are of places that are done */
    } words[QUERY_WORDS];
    size_t count, unknown; /* unknown: no document holds them */
};

static int want_word(void *context, int flags, const char *text, int length, int start, int end)
{
    struct wanted *wanted = context;
    const struct term *term = word_index_term(wanted->index, text, (size_t)length);
    (void)flags;
    (void)start;
    (void)end;
    if (!term)
        wanted->unknown++;
    else if (wanted->count < QUERY_WORDS)
        wanted->words[wanted->count++].term = term;
    return SQLITE_OK;
}

static int rarer_first(const void *one, const void *other)
{
    const struct term *a = ((const struct word *)one)->term,
                      *b = ((const struct word *)other)->term;
    return a->count != b->count ? (a->count < b->count ? -1 : 1) : a < b ? -1 : a > b;
}

/* As SQLite's bm25() weighs it; a word that stands twice in the query weighs twice. */
static void weigh(struct wanted *wanted)
{
    double all = (double)(wanted->index->document_count - wanted->index->holes);
    size_t count = 0;
    qsort(wanted->words, wanted->count, sizeof *wanted->words, rarer_first);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct term *term = wanted->words[i].term;
        double in = (double)term->count < all ? (double)term->count : all;
        double rarity = log((all - in + 0.5) / (in + 0.5));
        bool again = count > 0 && wanted->words[count - 1].term == term;
        if (!again)
            wanted->words[count++] = (struct word){.term = term};
        wanted->words[count - 1].weight += rarity > 0 ? rarity : 1e-6;
    }
    wanted->count = count;
}

/* How often a word stands at a place; places are asked for in their order. The step doubles until
 * it is too far. */
static uint32_t times_at(struct word *word, uint32_t place)
{
    const struct term *term = word->term;
    uint32_t low = word->at, step = 1;
    while (low + step < term->count && term->postings[low + step].place <= place) {
        low += step;
        step *= 2;
    }
    for (; step > 0; step /= 2)
        if (low + step < term->count && term->postings[low + step].place <= place)
            low += step;
    word->at = low;
    return low < term->count && term->postings[low].place == place ? term->postings[low].times : 0;
}

static double share(const struct wanted *wanted, const struct word *word, uint32_t place,
                    uint32_t times)
{
    const double k1 = 1.2, b = 0.75;
    const struct word_index *index = wanted->index;
    double mean = (double)index->words / (double)(index->document_count - index->holes);
    double length = (double)index->documents[place].words / mean;
    return word->weight * times * (k1 + 1) / (times + k1 * (1 - b + b * length));
}

static int better_first(const struct word_hit *a, const struct word_hit *b)
{
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static size_t keep_best(struct word_hit *hits, size_t count, size_t limit, struct word_hit hit)
{
    if (count == limit && (limit == 0 || better_first(&hit, &hits[count - 1]) >= 0))
        return count;
    size_t at = count < limit ? count++ : count - 1;
    for (; at > 0 && better_first(&hit, &hits[at - 1]) < 0; at--)
        hits[at] = hits[at - 1];
    hits[at] = hit;
    return count;
}

/* Each place of the rarest word, if the others stand there too. */
static size_t search_all(struct wanted *wanted, size_t limit, struct word_hit *hits)
{
    const struct term *rarest = wanted->words[0].term;
    size_t count = 0;
    for (uint32_t i = 0; i < rarest->count; i++) {
        uint32_t place = rarest->postings[i].place, times = rarest->postings[i].times;
        struct word_hit hit = {wanted->index->documents[place].id, 0};
        if (hit.id < 0)
            continue;
        hit.score = share(wanted, &wanted->words[0], place, times);
        for (size_t k = 1; k < wanted->count && times > 0; k++) {
            times = times_at(&wanted->words[k], place);
            hit.score += times ? share(wanted, &wanted->words[k], place, times) : 0;
        }
        if (times > 0)
            count = keep_best(hits, count, limit, hit);
    }
    return count;
}

/* The next place that any of the words stands at; UINT32_MAX: none. */
static uint32_t next_place(const struct wanted *wanted)
{
    uint32_t next = UINT32_MAX;
    for (size_t k = 0; k < wanted->count; k++) {
        const struct word *word = &wanted->words[k];
        if (word->at < word->term->count && word->term->postings[word->at].place < next)
            next = word->term->postings[word->at].place;
    }
    return next;
}

static size_t search_any(struct wanted *wanted, size_t limit, struct word_hit *hits)
{
    size_t count = 0;
    for (uint32_t place; (place = next_place(wanted)) != UINT32_MAX;) {
        struct word_hit hit = {wanted->index->documents[place].id, 0};
        for (size_t k = 0; k < wanted->count; k++) {
            struct word *word = &wanted->words[k];
            if (word->at == word->term->count || word->term->postings[word->at].place != place)
                continue;
            hit.score += share(wanted, word, place, word->term->postings[word->at++].times);
        }
        if (hit.id >= 0)
            count = keep_best(hits, count, limit, hit);
    }
    return count;
}

int word_index_search(struct word_index *index, const char *text, enum word_index_wanted wanted,
                      size_t limit, struct word_hit *hits, struct error *error)
{
    struct wanted words = {.index = index};
    if (index->behind && word_index_load(index, error) < 0)
        return -1;
    if (index->tokenizer.xTokenize(index->made, &words, FTS5_TOKENIZE_QUERY, text,
                                   (int)strnlen(text, QUERY_BYTES), want_word) != SQLITE_OK)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (words.count == 0 || (wanted == WORD_INDEX_ALL && words.unknown > 0))
        return 0;
    weigh(&words);
    return (int)(wanted == WORD_INDEX_ALL ? search_all(&words, limit, hits)
                                          : search_any(&words, limit, hits));
}
