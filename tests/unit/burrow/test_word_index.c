/* The word index: what it finds, in which order, and that it follows the transaction of the call.
 * What it is held against reads and scores every document. */
#include "base/random.h"
#include "burrow/tiers/word_index.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 400

static struct records *records;
static struct word_index *words;

static int open_index(void **state)
{
    static const char *const steps[] = {
        "CREATE TABLE texts(id INTEGER PRIMARY KEY, text TEXT NOT NULL)", NULL};
    struct error error = {0};
    (void)state;
    records = records_open(":memory:", &error);
    assert_non_null(records);
    assert_int_equal(records_migrate(records, "texts", steps, &error), 0);
    words = word_index_open(
        records, "SELECT id, text FROM texts WHERE id > ?1 ORDER BY id LIMIT ?2", &error);
    assert_non_null(words);
    return word_index_load(words, &error);
}

static int close_index(void **state)
{
    (void)state;
    word_index_close(words);
    records_close(records);
    return 0;
}

static void put(int64_t id, const char *text)
{
    assert_true(records_run(records, NULL, "INSERT INTO texts(id, text) VALUES(?1, ?2)", "is", id,
                            text) > 0);
    assert_int_equal(word_index_put(words, id, text, NULL), 0);
}

static void take(int64_t id, const char *text)
{
    assert_true(records_run(records, NULL, "DELETE FROM texts WHERE id = ?1", "i", id) > 0);
    assert_int_equal(word_index_remove(words, id, text, NULL), 0);
}

static int search(const char *text, enum word_index_wanted wanted, size_t limit,
                  struct word_hit *hits)
{
    const struct word_index_query query = {.text = text, .wanted = wanted};
    int count = word_index_search(words, &query, limit, hits, NULL);
    assert_true(count >= 0);
    return count;
}

static void keep(int64_t id, const char *text)
{
    put(id, text);
    word_index_committed(words);
}

/* The ids found, "3 1". */
static void check(const char *query, enum word_index_wanted wanted, const char *expected)
{
    struct word_hit hits[MOST];
    char ids[256] = "";
    int count = search(query, wanted, MOST, hits);
    for (int i = 0; i < count; i++)
        sprintf(ids + strlen(ids), "%s%lld", i ? " " : "", (long long)hits[i].id);
    assert_string_equal(ids, expected);
}

static void all_words_or_any_are_found(void **state)
{
    (void)state;
    keep(1, "The ship is late");
    keep(2, "A ship, and another SHIP, left the harbour.");
    keep(5, "\xC3\x84rger at the quay");
    check("ship", WORD_INDEX_ALL, "2 1");
    check("SHIP harbour", WORD_INDEX_ALL, "2");
    check("late harbour", WORD_INDEX_ALL, "");
    check("late harbour", WORD_INDEX_ANY, "1 2");
    check("ship nowhere", WORD_INDEX_ALL, "");
    check("nowhere arger", WORD_INDEX_ANY, "5");
    check("*** \"\"", WORD_INDEX_ALL, "");
    check("", WORD_INDEX_ANY, "");
    check("ship* OR (c NEAR/2 \"", WORD_INDEX_ANY, "2 1"); /* no syntax: words */
}

static void it_follows_the_transaction(void **state)
{
    (void)state;
    keep(1, "one ship");
    assert_int_equal(word_index_put(words, 2, "two ships", NULL), 0);
    check("two", WORD_INDEX_ALL, "");
    word_index_rolled_back(words);
    word_index_committed(words);
    check("two", WORD_INDEX_ALL, "");
    take(1, "one ship");
    put(1, "one boat");
    check("ship", WORD_INDEX_ALL, "1");
    word_index_committed(words);
    check("ship", WORD_INDEX_ALL, "");
    check("boat", WORD_INDEX_ANY, "1");
    assert_int_equal(word_index_count(words, "ship"), 0);
    assert_int_equal(word_index_count(words, "boat"), 1);
    take(1, "one boat");
    check("boat", WORD_INDEX_ALL, "1");
    word_index_committed(words);
    check("boat", WORD_INDEX_ALL, "");
    assert_int_equal(word_index_documents(words), 0);
    assert_int_equal(word_index_remove(words, 99, "nothing", NULL), 0);
    word_index_committed(words);
}

/* Nothing may go wrong that the records know better. */
static void what_does_not_fit_is_made_anew(void **state)
{
    (void)state;
    keep(1, "one ship");
    keep(2, "two boats");
    assert_int_equal(word_index_remove(words, 1, "another text", NULL), 0);
    word_index_committed(words);
    check("ship", WORD_INDEX_ALL, "1");
    assert_int_equal(word_index_put(words, 2, "three boats", NULL), 0);
    word_index_committed(words);
    check("boats", WORD_INDEX_ALL, "2");
    check("three", WORD_INDEX_ALL, "");
}

static void changed_documents_leave_nothing_behind(void **state)
{
    char text[64];
    struct word_hit hits[MOST];
    (void)state;
    for (int round = 0; round < 30; round++)
        for (int64_t id = 1; id <= 40; id++) {
            snprintf(text, sizeof text, "note %lld of round %d", (long long)id, round - 1);
            if (round > 0)
                take(id, text);
            snprintf(text, sizeof text, "note %lld of round %d", (long long)id, round);
            keep(id, text);
        }
    check("round 28", WORD_INDEX_ALL, "28"); /* as the number of the note */
    check("note 7", WORD_INDEX_ALL, "7");
    assert_int_equal(search("round", WORD_INDEX_ANY, MOST, hits), 40);
    assert_int_equal(word_index_count(words, "round"), 40);
}

static int is_even(void *context, int64_t id, struct error *error)
{
    (void)error;
    ++*(int *)context;
    return id == 13 ? -1 : id % 2 == 0;
}

static void a_filter_is_asked_of_those_that_can_be_among_the_best(void **state)
{
    struct word_hit hits[MOST];
    int asked = 0;
    struct word_index_query query = {"ship", WORD_INDEX_ALL, is_even, &asked};
    (void)state;
    for (int64_t id = 1; id <= 12; id++)
        keep(id, id < 5 ? "a ship" : "a ship and more words");
    assert_int_equal(word_index_search(words, &query, 2, hits, NULL), 2);
    assert_int_equal(hits[0].id, 2);
    assert_int_equal(hits[1].id, 4);
    assert_int_equal(asked, 4);
    keep(13, "ship ship");
    assert_int_equal(word_index_search(words, &query, 2, hits, NULL), -1);
}

/* ---- against reading everything ------------------------------------------------------------- */

#define VOCABULARY 60
static unsigned times[MOST + 1][VOCABULARY]; /* of each word in each text, by its id */
static char texts[MOST + 1][1024];

/* Of words "w0" to "w59", the first of them common and the last rare. */
static void make_text(struct random *random, size_t count, char text[1024], unsigned *counts)
{
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        uint64_t rank = random_below(random, random_below(random, VOCABULARY) + 1);
        sprintf(text + strlen(text), "w%llu ", (unsigned long long)rank);
        if (counts)
            counts[rank]++;
    }
}

static unsigned length_of(int64_t id)
{
    unsigned length = 0;
    for (size_t word = 0; word < VOCABULARY; word++)
        length += times[id][word];
    return length;
}

static int better_first(const void *one, const void *other)
{
    const struct word_hit *a = one, *b = other;
    if (fabs(a->score - b->score) > 1e-9)
        return a->score > b->score ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int read_all(const unsigned *query, bool all, struct word_hit *hits)
{
    double score[MOST + 1] = {0}, documents = 0, total = 0;
    bool out[MOST + 1] = {false};
    int count = 0;
    for (int64_t id = 1; id <= MOST; id++) {
        documents += length_of(id) > 0;
        total += length_of(id);
    }
    for (size_t word = 0; word < VOCABULARY; word++) {
        double in = 0;
        for (int64_t id = 1; id <= MOST; id++)
            in += times[id][word] > 0;
        for (int64_t id = 1; id <= MOST && query[word]; id++) {
            double f = times[id][word], length = length_of(id) / (total / documents);
            score[id] += log(1 + (documents - in + 0.5) / (in + 0.5)) * f * 2.2 /
                         (f + 1.2 * (0.25 + 0.75 * length));
            out[id] |= all && f == 0;
        }
    }
    for (int64_t id = 1; id <= MOST; id++)
        if (score[id] > 0 && !out[id])
            hits[count++] = (struct word_hit){id, score[id]};
    qsort(hits, (size_t)count, sizeof *hits, better_first);
    return count;
}

static void compare(const char *text, const unsigned *query, enum word_index_wanted wanted)
{
    static const size_t limits[] = {1, 7, MOST};
    struct word_hit hits[MOST], expected[MOST];
    int count = read_all(query, wanted == WORD_INDEX_ALL, expected);
    for (size_t k = 0; k < 3; k++) {
        int found = search(text, wanted, limits[k], hits);
        assert_int_equal(found, count < (int)limits[k] ? count : (int)limits[k]);
        qsort(hits, (size_t)found, sizeof *hits, better_first); /* sums differ in the last digit */
        for (int i = 0; i < found; i++)
            if (fabs(hits[i].score - expected[i].score) > 1e-9)
                fail_msg("\"%s\", place %d of %zu: %lld %.12f, not %lld %.12f", text, i, limits[k],
                         (long long)hits[i].id, hits[i].score, (long long)expected[i].id,
                         expected[i].score);
    }
}

static void the_best_of_all_are_found(void **state)
{
    struct random random;
    char text[1024];
    (void)state;
    memset(times, 0, sizeof times);
    random_seed(&random, 7, 0);
    for (int64_t id = 1; id <= MOST; id++) {
        make_text(&random, 1 + random_below(&random, 40), texts[id], times[id]);
        keep(id, texts[id]);
    }
    for (int i = 0; i < 1200; i++) {
        unsigned query[VOCABULARY] = {0};
        int64_t id = 1 + (int64_t)random_below(&random, MOST);
        if (length_of(id) > 0) /* they go, and others take their numbers */
            take(id, texts[id]);
        memset(times[id], 0, sizeof times[id]);
        if (i % 3) {
            make_text(&random, 1 + random_below(&random, 40), texts[id], times[id]);
            put(id, texts[id]);
        }
        word_index_committed(words);
        if (i == 600) /* as at a start */
            assert_int_equal(word_index_load(words, NULL), 0);
        make_text(&random, 1 + random_below(&random, 5), text, query);
        compare(text, query, WORD_INDEX_ALL);
        compare(text, query, WORD_INDEX_ANY);
    }
}

#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, open_index, close_index)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INDEX(all_words_or_any_are_found),
        WITH_INDEX(it_follows_the_transaction),
        WITH_INDEX(what_does_not_fit_is_made_anew),
        WITH_INDEX(changed_documents_leave_nothing_behind),
        WITH_INDEX(a_filter_is_asked_of_those_that_can_be_among_the_best),
        WITH_INDEX(the_best_of_all_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
