/* Searching a word index. The lists of places of the words are walked side by side, in the order of
 * the places. Where any word is enough, a word that can add little is not walked any more once
 * documents without the rarer words cannot be among the best (MaxScore; Turtle and Flood 1995): it
 * is looked up for the others only. */
#include "burrow/tiers/word_index_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_WORDS  64 /* of a query; those beyond are not looked for */
#define QUERY_BYTES  ((size_t)16 << 10)
#define RANKED_LIMIT 65536 /* documents that hold all the words: the newest are ranked */

static const double k1 = 1.2, b = 0.75;

struct word {
    const struct term *term;
    double weight;
    double rest; /* the most that this word and those after it can add */
    uint32_t at; /* of its postings: those before are of places that are done */
};

struct search {
    const struct word_index *index;
    const struct word_index_query *query;
    struct word words[QUERY_WORDS]; /* the rarest first */
    size_t count, unknown;          /* unknown: no document holds them */
    double mean;                    /* words of a document */
    struct word_hit *hits;
    size_t hit_count, limit;
    struct error *error;
};

/* ---- the words ------------------------------------------------------------------------------ */

static int want_word(void *context, int flags, const char *text, int length, int start, int end)
{
    struct search *search = context;
    const struct term *term = word_index_term(search->index, text, (size_t)length);
    (void)flags;
    (void)start;
    (void)end;
    if (!term || term->documents == 0)
        search->unknown++;
    else if (search->count < QUERY_WORDS)
        search->words[search->count++].term = term;
    return SQLITE_OK;
}

static int rarer_first(const void *one, const void *other)
{
    const struct term *a = ((const struct word *)one)->term,
                      *c = ((const struct word *)other)->term;
    if (a->documents != c->documents)
        return a->documents < c->documents ? -1 : 1;
    return a < c ? -1 : a > c;
}

/* Each word once. */
static void weigh(struct search *search)
{
    double all = (double)word_index_documents(search->index), rest = 0;
    size_t count = 0;
    qsort(search->words, search->count, sizeof *search->words, rarer_first);
    for (size_t i = 0; i < search->count; i++)
        if (count == 0 || search->words[count - 1].term != search->words[i].term)
            search->words[count++] = (struct word){.term = search->words[i].term};
    search->count = count;
    search->mean = (double)search->index->words / all;
    while (count-- > 0) {
        double in = (double)search->words[count].term->documents;
        search->words[count].weight = log(1 + (all - in + 0.5) / (in + 0.5));
        rest += search->words[count].weight * (k1 + 1);
        search->words[count].rest = rest;
    }
}

static double share(const struct search *search, const struct word *word, uint32_t place,
                    uint32_t times)
{
    double length = search->index->documents[place].words / search->mean;
    return word->weight * times * (k1 + 1) / (times + k1 * (1 - b + b * length));
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

/* ---- the best ------------------------------------------------------------------------------- */

static bool is_better(const struct word_hit *a, const struct word_hit *than)
{
    return a->score != than->score ? a->score > than->score : a->id < than->id;
}

/* Whether a score can be among the best. */
static bool can_be_kept(const struct search *search, double score)
{
    return search->hit_count < search->limit || score >= search->hits[search->limit - 1].score;
}

static int keep(struct search *search, struct word_hit hit)
{
    struct word_hit *hits = search->hits;
    if (!can_be_kept(search, hit.score) ||
        (search->hit_count == search->limit && !is_better(&hit, &hits[search->limit - 1])))
        return 0;
    int counts = search->query->counts
                     ? search->query->counts(search->query->context, hit.id, search->error)
                     : 1;
    if (counts <= 0)
        return counts;
    size_t at = search->hit_count < search->limit ? search->hit_count++ : search->hit_count - 1;
    for (; at > 0 && is_better(&hit, &hits[at - 1]); at--)
        hits[at] = hits[at - 1];
    hits[at] = hit;
    return 0;
}

/* Each place of the rarest word, if the others stand there too. */
static int search_all(struct search *search)
{
    const struct term *rarest = search->words[0].term;
    uint32_t first = rarest->count > RANKED_LIMIT ? rarest->count - RANKED_LIMIT : 0;
    for (uint32_t i = first; i < rarest->count; i++) {
        uint32_t place = rarest->postings[i].place, times = rarest->postings[i].times;
        struct word_hit hit = {search->index->documents[place].id, 0};
        if (times == 0)
            continue;
        hit.score = share(search, &search->words[0], place, times);
        for (size_t k = 1; k < search->count && times > 0; k++) {
            times = times_at(&search->words[k], place);
            hit.score += times ? share(search, &search->words[k], place, times) : 0;
        }
        if (times > 0 && keep(search, hit) < 0)
            return -1;
    }
    return 0;
}

/* The next place that one of the first `walked` words stands at; UINT32_MAX: none. */
static uint32_t next_place(const struct search *search, size_t walked)
{
    uint32_t next = UINT32_MAX;
    for (size_t k = 0; k < walked; k++) {
        const struct word *word = &search->words[k];
        if (word->at < word->term->count && word->term->postings[word->at].place < next)
            next = word->term->postings[word->at].place;
    }
    return next;
}

/* Of the first `walked` words, which are then behind this place; how often they stand there. */
static double walk(struct search *search, size_t walked, uint32_t place)
{
    double score = 0;
    for (size_t k = 0; k < walked; k++) {
        struct word *word = &search->words[k];
        if (word->at < word->term->count && word->term->postings[word->at].place == place)
            score += share(search, word, place, word->term->postings[word->at++].times);
    }
    return score;
}

static int search_any(struct search *search)
{
    size_t walked = search->count;
    for (uint32_t place; (place = next_place(search, walked)) != UINT32_MAX;) {
        struct word_hit hit = {search->index->documents[place].id, walk(search, walked, place)};
        size_t k = walked;
        for (; k < search->count && can_be_kept(search, hit.score + search->words[k].rest); k++) {
            uint32_t times = times_at(&search->words[k], place);
            hit.score += times ? share(search, &search->words[k], place, times) : 0;
        }
        if (hit.id >= 0 && k == search->count && keep(search, hit) < 0)
            return -1;
        while (walked > 0 && !can_be_kept(search, search->words[walked - 1].rest))
            walked--;
    }
    return 0;
}

int word_index_search(struct word_index *index, const struct word_index_query *query, size_t limit,
                      struct word_hit *hits, struct error *error)
{
    struct search search = {
        .index = index, .query = query, .hits = hits, .limit = limit, .error = error};
    if (index->behind && word_index_load(index, error) < 0)
        return -1;
    if (index->tokenizer.xTokenize(index->made, &search, FTS5_TOKENIZE_QUERY, query->text,
                                   (int)strnlen(query->text, QUERY_BYTES), want_word) != SQLITE_OK)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    bool all = query->wanted == WORD_INDEX_ALL;
    if (limit == 0 || search.count == 0 || (all && search.unknown > 0))
        return 0;
    weigh(&search);
    return (all ? search_all : search_any)(&search) < 0 ? -1 : (int)search.hit_count;
}
