/* What is kept of memories in memory: always what the records say of their passages, types and tags
 * once a call has ended, whether it was committed or undone. */
#include "base/random.h"
#include "burrow/tiers/memories.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const types[] = {NULL, "note", "report", "unknown"};
static const char *const tags[] = {NULL, "note", "often", "rare", "unknown"};
#define TYPES (sizeof types / sizeof *types)
#define TAGS  (sizeof tags / sizeof *tags)

/* ---- held against the records --------------------------------------------------------------- */

static void check_walk(const struct memory_facts *facts, const struct memory_filter *filter)
{
    struct memory_facts_walk walk = memory_facts_walk(facts, filter);
    sqlite3_stmt *row =
        records_query(harness.store.records, NULL,
                      "SELECT m.id, min(p.id), count(p.id) FROM memories m LEFT JOIN passages p ON "
                      "p.memory = m.id"
                      " WHERE (?1 IS NULL OR m.type = ?1) AND (?2 IS NULL OR EXISTS"
                      " (SELECT 1 FROM memory_tags t WHERE t.tag = ?2 AND t.memory = m.id))"
                      " GROUP BY m.id ORDER BY m.id",
                      "ss", filter->type, filter->tag);
    while (records_next(row, NULL)) {
        const struct memory_passages *next = memory_facts_next(&walk);
        assert_non_null(next);
        assert_int_equal(next->memory, sqlite3_column_int64(row, 0));
        assert_int_equal(next->count, sqlite3_column_int64(row, 2));
        if (next->count)
            assert_int_equal(next->first, sqlite3_column_int64(row, 1));
        assert_true(memory_facts_pass(facts, next->memory, filter));
    }
    assert_null(memory_facts_next(&walk));
}

static int64_t newest(const char *sql)
{
    int64_t id = 0;
    assert_int_equal(records_integer(harness.store.records, NULL, 0, &id, sql, ""), 0);
    return id;
}

static void check_each(const struct memory_facts *facts, const struct memory_filter *filter)
{
    int64_t passages = newest("SELECT max(id) FROM passages");
    int64_t memories = newest("SELECT max(id) FROM memories"), expected;
    for (int64_t id = 0; id <= passages + 1; id++) {
        records_integer(
            harness.store.records, NULL, 0, &expected,
            "SELECT m.id FROM passages p JOIN memories m ON m.id = p.memory WHERE p.id = ?1"
            " AND (?2 IS NULL OR m.type = ?2) AND (?3 IS NULL OR EXISTS"
            " (SELECT 1 FROM memory_tags t WHERE t.tag = ?3 AND t.memory = m.id))",
            "iss", id, filter->type, filter->tag);
        assert_int_equal(memory_facts_of_passage(facts, id, filter), expected);
    }
    for (int64_t id = 0; id <= memories + 1; id++) {
        records_integer(harness.store.records, NULL, 0, &expected,
                        "SELECT count(*) FROM memories m WHERE id = ?1 AND (?2 IS NULL OR"
                        " type = ?2) AND (?3 IS NULL OR EXISTS(SELECT 1 FROM memory_tags t"
                        " WHERE t.tag = ?3 AND t.memory = m.id))",
                        "iss", id, filter->type, filter->tag);
        assert_int_equal(memory_facts_pass(facts, id, filter), expected);
    }
}

static void check(struct memory_facts *facts)
{
    assert_int_equal(memory_facts_ready(facts, NULL), 0);
    for (size_t type = 0; type < TYPES; type++)
        for (size_t tag = 0; tag < TAGS; tag++) {
            struct memory_filter filter = {types[type], tags[tag]};
            if (filter.type || filter.tag)
                check_walk(facts, &filter);
            check_each(facts, &filter);
        }
}

/* What follows the calls, and what is read anew. */
static void check_both(void)
{
    struct memory_facts *anew = memory_facts_open(harness.store.records);
    assert_non_null(anew);
    check(harness.store.memory_facts);
    check(anew);
    memory_facts_close(anew);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void begin(void)
{
    assert_int_equal(records_begin(harness.store.records, NULL), 0);
    graph_begin(harness.store.graph);
}

static void commit(void)
{
    assert_int_equal(graph_commit(harness.store.graph, NULL), 0);
    assert_int_equal(records_commit(harness.store.records, NULL), 0);
    vectors_committed(harness.store.vectors);
    store_do_later(&harness.store, true);
}

static void undo(void)
{
    records_rollback(harness.store.records);
    graph_rollback(harness.store.graph);
    vectors_rolled_back(harness.store.vectors);
    store_do_later(&harness.store, false);
}

/* Of one passage or some, with two tags or fewer. */
static int64_t put(struct random *random)
{
    char content[2500] = "";
    json_t *list = json_array();
    for (uint64_t i = random_below(random, 3) * 30 + 1; i > 0; i--)
        strcat(content, "A ship left the harbour. ");
    for (uint64_t i = random_below(random, 3); i > 0; i--)
        json_array_append_new(list, json_string(tags[1 + random_below(random, 3)]));
    int64_t id = memories_store(&harness.store, "ship", types[1 + random_below(random, 2)], content,
                                list, NULL, NULL);
    assert_true(id > 0);
    json_decref(list);
    return id;
}

static void end(struct random *random)
{
    if (random_below(random, 4) == 0)
        undo();
    else
        commit();
}

static void it_follows_every_call(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 5, 0);
    check_both();
    for (int i = 0; i < 150; i++) {
        begin();
        put(&random);
        if (random_below(&random, 3) == 0)
            assert_true(
                memories_delete(&harness.store, 1 + (int64_t)random_below(&random, 60), NULL) >= 0);
        if (random_below(&random, 5) == 0)
            put(&random);
        end(&random);
        if (i % 10 == 0)
            check(harness.store.memory_facts);
    }
    check_both();
}

static void it_is_the_same_when_most_have_gone(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 6, 0);
    check(harness.store.memory_facts);
    begin();
    for (int i = 0; i < 300; i++)
        put(&random);
    commit();
    begin();
    for (int64_t id = 10; id < 290; id++)
        assert_int_equal(memories_delete(&harness.store, id, NULL), 1);
    commit();
    check_both();
    begin();
    put(&random);
    commit();
    check_both();
}

static void what_is_read_within_a_call_that_is_undone_does_not_stay(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7, 0);
    begin();
    put(&random);
    assert_int_equal(memory_facts_ready(harness.store.memory_facts, NULL), 0);
    undo();
    check_both();
    begin(); /* the id comes again, with others */
    put(&random);
    put(&random);
    commit();
    check_both();
}

static void another_dispatcher_follows_too(void **state)
{
    struct tool_call call;
    struct error error = {0};
    (void)state;
    check(harness.store.memory_facts);
    struct dispatch *other = dispatch_open(&harness.store, &error);
    assert_non_null(other);
    json_t *arguments = json_pack("{s:s, s:s, s:[s,s,s]}", "name", "ship", "content", "A ship.",
                                  "tags", "often", "rare", "often");
    assert_int_equal(dispatch_call(other, tool_find("store_memory"), arguments, "test", &call), 0);
    dispatch_release(&call);
    check_both();
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":1}"));
    check_both();
    json_decref(arguments);
    dispatch_close(other);
}

static void passages_in_disorder_are_told(void **state)
{
    struct random random;
    struct error error = {0};
    (void)state;
    random_seed(&random, 8, 0);
    begin();
    put(&random);
    put(&random);
    commit();
    assert_true(records_run(harness.store.records, NULL,
                            "INSERT INTO passages(memory, number, text) VALUES(1, 9, 'more')",
                            "") > 0);
    assert_int_equal(memory_facts_ready(harness.store.memory_facts, &error), -1);
    assert_non_null(strstr(error.text, "memory 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(it_follows_every_call),
        WITH_HARNESS(it_is_the_same_when_most_have_gone),
        WITH_HARNESS(what_is_read_within_a_call_that_is_undone_does_not_stay),
        WITH_HARNESS(another_dispatcher_follows_too),
        WITH_HARNESS(passages_in_disorder_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
