/* The word index: what it finds, in which order, and that it follows the transaction of the call.
 * SQLite's own full-text search, ranked by bm25(), is what it is held against. */
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
        "CREATE TABLE texts(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
        "CREATE VIRTUAL TABLE peer USING fts5(text)",
        NULL};
    struct error error = {0};
    (void)state;
    records = records_open(":memory:", &error);
    assert_non_null(records);
    assert_int_equal(records_migrate(records, "texts", steps, &error), 0);
    words = word_index_open(records, "SELECT id, text FROM texts ORDER BY id", &error);
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
    assert_true(records_run(records, NULL,
                            "INSERT INTO texts(id, text) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET"
                            " text = ?2",
                            "is", id, text) > 0);
    assert_int_equal(word_index_put(words, id, text, NULL), 0);
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
    int count = word_index_search(words, query, wanted, MOST, hits, NULL);
    assert_true(count >= 0);
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
    put(2, "two ships");
    check("two", WORD_INDEX_ALL, "");
    word_index_rolled_back(words);
    word_index_committed(words);
    check("two", WORD_INDEX_ALL, "");
    keep(1, "one boat");
    check("ship", WORD_INDEX_ALL, "");
    check("boat", WORD_INDEX_ANY, "1");
    assert_int_equal(word_index_remove(words, 1, NULL), 0);
    check("boat", WORD_INDEX_ALL, "1");
    word_index_committed(words);
    check("boat", WORD_INDEX_ALL, "");
    assert_int_equal(word_index_remove(words, 99, NULL), 0);
    word_index_committed(words);
}

static void changed_documents_leave_nothing_behind(void **state)
{
    char text[64];
    (void)state;
    for (int round = 0; round < 30; round++)
        for (int64_t id = 1; id <= 40; id++) {
            snprintf(text, sizeof text, "note %lld of round %d", (long long)id, round);
            keep(id, text);
        }
    check("round 28", WORD_INDEX_ALL, "28"); /* as the number of the note */
    check("note 7", WORD_INDEX_ALL, "7");
    struct word_hit hits[MOST];
    assert_int_equal(word_index_search(words, "round", WORD_INDEX_ANY, MOST, hits, NULL), 40);
}

/* ---- against SQLite ------------------------------------------------------------------------- */

static void make_text(struct random *random, size_t count, char text[1024])
{
    *text = '\0';
    for (size_t i = 0; i < count; i++) { /* the second of two draws makes some words rare */
        uint64_t rank = random_below(random, random_below(random, 60) + 1);
        sprintf(text + strlen(text), "w%llu ", (unsigned long long)rank);
    }
}

static int peer_search(const char *query, const char *joint, struct word_hit *hits)
{
    int count = 0;
    char match[1024] = "", words_of_query[1024], *rest;
    snprintf(words_of_query, sizeof words_of_query, "%s", query);
    for (char *word = strtok_r(words_of_query, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        sprintf(match + strlen(match), "%s%s", *match ? joint : "", word);
    sqlite3_stmt *row = records_query(records, NULL,
                                      "SELECT rowid, -bm25(peer) FROM peer WHERE peer MATCH ?1"
                                      " ORDER BY 2 DESC, 1",
                                      "s", match);
    while (records_next(row, NULL))
        hits[count++] =
            (struct word_hit){sqlite3_column_int64(row, 0), sqlite3_column_double(row, 1)};
    return count;
}

static void compare(const char *query, enum word_index_wanted wanted)
{
    struct word_hit hits[MOST], expected[MOST];
    int count = peer_search(query, wanted == WORD_INDEX_ALL ? " AND " : " OR ", expected);
    assert_int_equal(word_index_search(words, query, wanted, MOST, hits, NULL), count);
    for (int i = 0; i < count; i++)
        if (fabs(hits[i].score - expected[i].score) > 1e-9)
            fail_msg("\"%s\", place %d: %.12f, not %.12f", query, i, hits[i].score,
                     expected[i].score);
    int some = word_index_search(words, query, wanted, 7, hits, NULL);
    assert_int_equal(some, count < 7 ? count : 7);
    for (int i = 0; i < some; i++)
        assert_true(fabs(hits[i].score - expected[i].score) <= 1e-9);
}

static void it_ranks_as_sqlite_does(void **state)
{
    struct random random;
    char text[1024];
    (void)state;
    random_seed(&random, 7, 0);
    for (int64_t id = 1; id <= MOST; id++) {
        make_text(&random, 1 + random_below(&random, 40), text);
        keep(id, text);
        assert_true(records_run(records, NULL, "INSERT INTO peer(rowid, text) VALUES(?1, ?2)", "is",
                                id, text) > 0);
    }
    for (int i = 0; i < 300; i++) {
        if (i == 150) /* as at a start */
            assert_int_equal(word_index_load(words, NULL), 0);
        make_text(&random, 1 + random_below(&random, 4), text);
        compare(text, WORD_INDEX_ALL);
        compare(text, WORD_INDEX_ANY);
    }
}

#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, open_index, close_index)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INDEX(all_words_or_any_are_found),
        WITH_INDEX(it_follows_the_transaction),
        WITH_INDEX(changed_documents_leave_nothing_behind),
        WITH_INDEX(it_ranks_as_sqlite_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
