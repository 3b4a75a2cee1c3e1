/* How many of the true ten nearest burrow's vector search finds: 10,000 texts of words drawn by
 * Zipf's law, 500 queries that are texts of their own, each compared with every vector that is
 * kept. The same texts each time. */
#include "base/clock.h"
#include "base/random.h"
#include "burrow/tiers/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 10000, QUERIES = 500, NEAREST = 10, VOCABULARY = 5000, BATCH = 500 };

/* A word for each rank, made of syllables, so that words share parts as those of a language do. */
static void add_word(char *text, size_t rank)
{
    static const char *const syllables[] = {"ka",  "ri", "to", "men", "sul", "va", "dor", "pi",
                                            "lan", "es", "mo", "ter", "qui", "za", "ber", "no"};
    for (size_t left = rank + 16; left; left /= 16)
        strcat(text, syllables[left % 16]);
    strcat(text, " ");
}

static void make_text(struct random *random, size_t words, char text[4096])
{
    text[0] = 0;
    for (size_t i = 0; i < words; i++) /* the inverse of the distribution of 1 / rank */
        add_word(text, (size_t)pow(VOCABULARY, random_unit(random)) - 1);
}

static int fail(const struct error *error)
{
    fprintf(stderr, "vector_recall: %s\n", error->text);
    return 1;
}

static int fill(struct records *records, struct vectors *vectors, struct random *random,
                struct error *error)
{
    char text[4096];
    for (int64_t id = 1; id <= TEXTS; id++) {
        if (id % BATCH == 1 && records_begin(records, error) < 0)
            return -1;
        make_text(random, 30 + random_below(random, 60), text);
        if (vectors_put(vectors, VECTORS_MEMORIES, id, text, error) < 0)
            return -1;
        if (id % BATCH == 0) {
            if (records_commit(records, error) < 0)
                return -1;
            vectors_committed(vectors);
        }
    }
    return 0;
}

static int downwards(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return a > b ? -1 : a < b;
}

/* Of the ten that are found, those as near as the true tenth. */
static unsigned correct_of(struct vectors *vectors, const char *query,
                           const struct vector_hit *hits, int found)
{
    static int64_t ids[TEXTS];
    static double scores[TEXTS];
    unsigned correct = 0;
    for (int64_t i = 0; i < TEXTS; i++)
        ids[i] = i + 1;
    vectors_score(vectors, VECTORS_MEMORIES, query, ids, TEXTS, scores);
    qsort(scores, TEXTS, sizeof *scores, downwards);
    for (int i = 0; i < found; i++)
        correct += hits[i].score >= scores[NEAREST - 1] - 1e-5;
    return correct;
}

int main(void)
{
    struct error error = {0};
    struct random random;
    struct vector_hit hits[NEAREST];
    char query[4096];
    uint64_t spent_ns = 0;
    unsigned correct = 0;
    random_seed(&random, 1, 0);
    struct records *records = records_open(":memory:", &error);
    struct vectors *vectors = records ? vectors_open(records, &error) : NULL;
    if (!vectors || fill(records, vectors, &random, &error) < 0)
        return fail(&error);
    for (int i = 0; i < QUERIES; i++) {
        make_text(&random, 4 + random_below(&random, 12), query);
        uint64_t before = clock_now_ns();
        int found = vectors_search(vectors, VECTORS_MEMORIES, query, NEAREST, hits, &error);
        spent_ns += clock_now_ns() - before;
        if (found < 0)
            return fail(&error);
        correct += correct_of(vectors, query, hits, found);
    }
    printf("burrow vector search, %d texts, %d queries: recall@%d %.3f, %.0f us each\n", TEXTS,
           QUERIES, NEAREST, (double)correct / (QUERIES * NEAREST),
           (double)spent_ns / QUERIES / 1000);
    vectors_close(vectors);
    records_close(records);
    return 0;
}
