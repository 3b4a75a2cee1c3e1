/* core_memory: documents and entities, called as the server calls them. */
#include "base/random.h"
#include "burrow/tiers/memories.h"
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_int_t keep(const char *arguments)
{
    json_t *result = harness_call(&harness, "store_memory", arguments);
    json_int_t id = json_integer_value(json_object_get(result, "id"));
    json_decref(result);
    return id;
}

static json_int_t first_id(const char *tool, const char *arguments)
{
    json_t *result = harness_call(&harness, tool, arguments);
    json_t *first = json_array_get(json_object_get(result, "memories"), 0);
    json_int_t id = first ? json_integer_value(json_object_get(first, "id")) : 0;
    json_decref(result);
    return id;
}

static void check_text(json_t *result, const char *expected)
{
    char *text = json_dumps(result, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

static void fill(void)
{
    keep("{\"name\":\"cats\",\"content\":\"The cat sleeps on the "
         "windowsill.\",\"tags\":[\"pets\"]}");
    keep("{\"name\":\"bank\",\"content\":\"Revenue of the bank rose.\",\"type\":\"report\"}");
    keep("{\"name\":\"ships\",\"content\":\"Ships carry containers.\",\"tags\":[\"trade\"]}");
}

static void what_is_kept_is_found(void **state)
{
    (void)state;
    fill();
    assert_int_equal(first_id("search_memory", "{\"query\":\"sleeping cat\"}"), 1);
    assert_int_equal(first_id("retrieve_memory", "{\"query\":\"bank revenues\"}"), 2);
    assert_int_equal(first_id("retrieve_memory", "{\"query\":\"cat\",\"type\":\"report\"}"), 2);
    assert_int_equal(first_id("search_memory", "{\"query\":\"cat\",\"tag\":\"trade\"}"), 3);
    assert_int_equal(first_id("search_memory", "{\"query\":\"cat\",\"tag\":\"no such tag\"}"), 0);
    const char *both = "{\"query\":\"cat\",\"tag\":\"trade\",\"type\":\"note\"}";
    assert_int_equal(first_id("retrieve_memory", both), 3);
    both = "{\"query\":\"cat\",\"tag\":\"trade\",\"type\":\"report\"}";
    assert_int_equal(first_id("retrieve_memory", both), 0);
}

static void a_filter_finds_the_one_among_many_that_are_nearer(void **state)
{
    char arguments[256];
    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(arguments, sizeof arguments,
                 "{\"name\":\"n\",\"content\":\"harbour report of shift %d\"}", i % 2);
        keep(arguments);
    }
    keep("{\"name\":\"far\",\"content\":\"Something else entirely.\",\"tags\":[\"rare\"]}");
    assert_int_equal(
        first_id("retrieve_memory", "{\"query\":\"report of shift 1\",\"tag\":\"rare\"}"), 301);
}

/* More are let through than are compared at once, and more others are nearer than are asked for. */
static void a_filter_finds_enough_among_many_that_are_nearer(void **state)
{
    char arguments[256];
    (void)state;
    for (int i = 0; i < 560; i++) {
        snprintf(arguments, sizeof arguments,
                 "{\"name\":\"n\",\"content\":\"harbour report of shift %d\"}", i % 2);
        keep(arguments);
        snprintf(
            arguments, sizeof arguments,
            "{\"name\":\"far\",\"content\":\"Something else, number %d.\",\"tags\":[\"often\"]}",
            i);
        keep(arguments);
    }
    json_t *found =
        harness_call(&harness, "retrieve_memory",
                     "{\"query\":\"report of shift 1\",\"tag\":\"often\",\"limit\":20}");
    assert_int_equal(json_array_size(json_object_get(found, "memories")), 20);
    json_decref(found);
}

/* The first has more passages than are asked for at first, and all are nearer than the others. */
static void many_near_passages_of_one_hide_no_other(void **state)
{
    char arguments[32768], *at = arguments;
    (void)state;
    at += sprintf(at, "{\"name\":\"long\",\"content\":\"");
    for (int i = 0; i < 600; i++)
        at += sprintf(at, "harbour report of shift %d. ", i % 9);
    sprintf(at, "\"}");
    keep(arguments);
    for (int i = 0; i < 30; i++) {
        snprintf(arguments, sizeof arguments,
                 "{\"name\":\"n\",\"content\":\"report %d on something else\"}", i);
        keep(arguments);
    }
    json_t *found = harness_call(&harness, "retrieve_memory",
                                 "{\"query\":\"harbour report of shift 1\",\"limit\":5}");
    assert_int_equal(json_array_size(json_object_get(found, "memories")), 5);
    json_decref(found);
    found = harness_call(&harness, "retrieve_memory",
                         "{\"query\":\"harbour report of shift 1\",\"limit\":50}");
    assert_int_equal(json_array_size(json_object_get(found, "memories")), 31);
    json_decref(found);
}

static void what_is_deleted_is_gone_everywhere(void **state)
{
    struct graph_facts facts;
    struct vector_facts vectors;
    (void)state;
    fill();
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":1}"));
    assert_int_not_equal(first_id("search_memory", "{\"query\":\"sleeping cat\"}"), 1);
    harness_refused(&harness, "delete_memory", "{\"id\":1}", "not_found", "no memory 1");
    assert_int_equal(graph_facts(harness.store.graph, &facts, NULL), 0);
    assert_int_equal(facts.nodes, 2);
    vectors_facts(harness.store.vectors, VECTORS_MEMORIES, &vectors);
    assert_int_equal(vectors.count, 2);
}

static int refuse_commit(void *left)
{
    unsigned *times = left;
    return *times > 0 && (*times)-- > 0;
}

/* How often a memory was given, wherever that is counted. */
static int64_t uses_of(int64_t memory)
{
    char key[32], *count = NULL;
    if (harness.store.uses)
        return uses_count(harness.store.uses, memory);
    snprintf(key, sizeof key, STORE_USE_PREFIX "%d", (int)memory);
    cache_get(harness.store.cache, key, &count, NULL, NULL);
    int64_t uses = count ? atoll(count) : 0;
    free(count);
    return uses;
}

/* The counts are in no transaction: they change when it has been committed. */
static void a_call_that_fails_counts_nothing(void **state)
{
    unsigned refusals = 1;
    (void)state;
    fill();
    json_decref(harness_call(&harness, "retrieve_memory", "{\"query\":\"sleeping cat\"}"));
    assert_int_equal(uses_of(1), 1);
    sqlite3_commit_hook(records_handle(harness.store.records), refuse_commit, &refusals);
    harness_refused(&harness, "delete_memory", "{\"id\":1}", "tier_unavailable", "records");
    assert_int_equal(uses_of(1), 1);
    assert_int_equal(first_id("search_memory", "{\"query\":\"sleeping cat\"}"), 1);
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":1}"));
    assert_int_equal(uses_of(1), 0);
    refusals = 1; /* a search that is written down, and counts */
    int64_t before = uses_of(2);
    assert_true(before > 0);
    harness_refused(&harness, "ask_with_context", "{\"question\":\"what about the report\"}",
                    "tier_unavailable", "records");
    assert_int_equal(uses_of(2), before);
    sqlite3_commit_hook(records_handle(harness.store.records), NULL, NULL);
}

static void a_long_text_is_cut_into_passages_that_hold_all_of_it(void **state)
{
    char *arguments = malloc(70000);
    size_t length = (size_t)sprintf(arguments, "{\"name\":\"long\",\"content\":\"");
    (void)state;
    for (int i = 0; i < 1000; i++)
        length += (size_t)sprintf(arguments + length, "Sentence number%d says this. ", i);
    sprintf(arguments + length, "\"}");
    json_t *result = harness_call(&harness, "store_memory", arguments);
    assert_true(json_integer_value(json_object_get(result, "passages")) > 30);
    json_decref(result);
    result = harness_call(&harness, "retrieve_memory", "{\"query\":\"number777 says\"}");
    const char *passage = json_string_value(
        json_object_get(json_array_get(json_object_get(result, "memories"), 0), "passage"));
    assert_non_null(strstr(passage, "number777 "));
    json_decref(result);
    free(arguments);
}

static void a_context_keeps_its_budget_and_repeats_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        keep("{\"name\":\"same\",\"content\":\"Deployments happen on Tuesday mornings.\"}");
    keep("{\"name\":\"other\",\"content\":\"Roll deployments back with the last green tag.\"}");
    json_t *result = harness_call(&harness, "build_context",
                                  "{\"query\":\"deployments\",\"budget_tokens\":1000}");
    assert_int_equal(json_array_size(json_object_get(result, "passages")), 2);
    json_decref(result);
    result =
        harness_call(&harness, "build_context", "{\"query\":\"deployments\",\"budget_tokens\":16}");
    assert_true(json_integer_value(json_object_get(result, "filled_tokens")) <= 16);
    json_decref(result);
}

static void a_question_is_answered_with_sources_and_logged(void **state)
{
    int64_t logged = 0;
    (void)state;
    fill();
    json_t *result =
        harness_call(&harness, "ask_with_context", "{\"question\":\"Where does the cat sleep?\"}");
    json_t *source = json_array_get(json_object_get(result, "sources"), 0);
    assert_string_equal(json_string_value(json_object_get(source, "name")), "cats");
    json_decref(result);
    records_integer(harness.store.records, NULL, 0, &logged, "SELECT count(*) FROM questions", "");
    assert_int_equal(logged, 1);
}

static void a_query_goes_where_it_fits(void **state)
{
    static const struct {
        const char *arguments, *route;
    } cases[] = {{"{\"query\":\"cat\"}", "text"},
                 {"{\"query\":\"where would a tired animal lie down\"}", "vector"},
                 {"{\"query\":\"what does Ada, do\"}", "graph"}};
    (void)state;
    fill();
    json_decref(harness_call(&harness, "create_entities",
                             "{\"entities\":[{\"name\":\"Ada\",\"type\":\"person\"},{\"name\":"
                             "\"Bob\",\"type\":\"person\"}]}"));
    json_decref(
        harness_call(&harness, "create_relations",
                     "{\"relations\":[{\"from\":\"Ada\",\"type\":\"knows\",\"to\":\"Bob\"}]}"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *result = harness_call(&harness, "route_query", cases[i].arguments);
        assert_string_equal(json_string_value(json_object_get(result, "route")), cases[i].route);
        json_decref(result);
    }
}

/* BM25 of one word: how often it stands there, in a memory of `length` words, where three memories
 * have `total`, and two of them the word. */
static double relevance_of(double count, double length, double total)
{
    double rarity = log(1 + (3 - 2 + 0.5) / (2 + 0.5));
    return rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / (total / 3)));
}

static void check_relevance(int64_t id, double expected)
{
    struct memory_filter any = {0};
    struct memory_hit hits[3];
    int count = memories_matching(&harness.store, "Heron", &any, hits, 3, NULL);
    for (int i = 0; i < count; i++)
        if (hits[i].memory == id) {
            assert_float_equal(hits[i].score, expected, 1e-9);
            return;
        }
    fail_msg("memory %d is not found", (int)id);
}

/* As the dispatcher does around a call that writes. */
static void begin_writing(void)
{
    assert_int_equal(records_begin(harness.store.records, NULL), 0);
    graph_begin(harness.store.graph);
}

static int64_t put_within(const char *content)
{
    struct error error = {0};
    int64_t id = memories_store(&harness.store, "bird", "note", content, NULL, NULL, &error);
    if (id < 0)
        fail_msg("%s", error.text);
    return id;
}

static int64_t put(const char *content)
{
    begin_writing();
    int64_t id = put_within(content);
    assert_int_equal(graph_commit(harness.store.graph, NULL), 0);
    assert_int_equal(records_commit(harness.store.records, NULL), 0);
    vectors_committed(harness.store.vectors);
    store_do_later(&harness.store, true);
    return id;
}

static void undo(void)
{
    records_rollback(harness.store.records);
    graph_rollback(harness.store.graph);
    vectors_rolled_back(harness.store.vectors);
    store_do_later(&harness.store, false);
}

/* As where they are too many. */
static void find_words_in_the_records(void)
{
    word_index_close(harness.store.memory_words);
    harness.store.memory_words = NULL;
}

static void rank_by_how_often_and_how_long(void)
{
    int64_t twice = put("heron, heron and nothing else");
    put("a gull");
    begin_writing();
    int64_t undone = put_within("one heron among very many words that are undone with it");
    check_relevance(twice, relevance_of(2, 6, 6 + 3 + 12));
    check_relevance(undone, relevance_of(1, 12, 6 + 3 + 12));
    undo();
    int64_t once = put("one heron");
    assert_int_equal(once, undone); /* the id comes again */
    for (int i = 0; i < 2; i++) {
        check_relevance(twice, relevance_of(2, 6, 6 + 3 + 3));
        check_relevance(once, relevance_of(1, 3, 6 + 3 + 3));
    }
}

static void full_text_is_ranked_by_how_often_and_how_long(void **state)
{
    (void)state;
    find_words_in_the_records();
    rank_by_how_often_and_how_long();
}

static void words_in_memory_are_ranked_alike(void **state)
{
    (void)state;
    rank_by_how_often_and_how_long();
    assert_true(word_index_is_complete(harness.store.memory_words));
}

static int matching(const char *words)
{
    struct memory_filter any = {0};
    struct memory_hit hits[60];
    return memories_matching(&harness.store, words, &any, hits, 60, NULL);
}

static void a_word_that_nearly_all_hold_narrows_nothing(void **state)
{
    (void)state;
    find_words_in_the_records();
    for (int i = 0; i < 38; i++)
        put("a harbour");
    put("a harbour with a crane");
    put("a crane");
    assert_int_equal(matching("crane harbour"), 2);
    assert_int_equal(matching("harbour"), 39); /* with nothing rarer it is looked for */
    for (int i = 0; i < 4; i++)
        put("a quay");
    assert_int_equal(matching("crane harbour"), 1); /* 39 of 44 are not nearly all */
}

static void put_some_words(struct random *random)
{
    static const char *const some[] = {"ship",    "harbour", "pier",  "crane", "papers",
                                       "customs", "oil",     "grain", "rope",  "lamp"};
    char text[120] = "";
    for (uint64_t i = random_below(random, 6) + 1; i > 0; i--) {
        strcat(text, some[random_below(random, 10)]);
        strcat(text, " ");
    }
    put(text);
}

/* Into memory they come step by step, some while others come and go. */
static void words_in_memory_find_what_the_records_find(void **state)
{
    static const char *const queries[] = {"ship harbour", "crane oil lamp", "papers customs papers",
                                          "rope",         "grain unknown",  "lamp rope ship crane"};
    struct memory_filter any = {0}, tagged = {.type = "note"};
    struct memory_hit mine[60], theirs[60];
    struct word_index *index = harness.store.memory_words;
    struct random random;
    (void)state;
    random_seed(&random, 11, 0);
    for (int i = 0; i < 290; i++)
        put_some_words(&random);
    assert_false(word_index_is_complete(index));
    for (int64_t id = 5; id < 290; id += 50) {
        char arguments[40];
        snprintf(arguments, sizeof arguments, "{\"id\":%lld}", (long long)id);
        matching("ship");
        put_some_words(&random);
        json_decref(harness_call(&harness, "delete_memory", arguments));
    }
    assert_true(word_index_is_complete(index));
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        const struct memory_filter *filter = i % 2 ? &tagged : &any;
        int count = memories_matching(&harness.store, queries[i], filter, mine, 60, NULL);
        harness.store.memory_words = NULL;
        int expected = memories_matching(&harness.store, queries[i], filter, theirs, 60, NULL);
        harness.store.memory_words = index;
        assert_int_equal(count, expected);
        assert_true(count > 0);
        for (int k = 0; k < count; k++) {
            assert_float_equal(mine[k].score, theirs[k].score, 1e-9);
            assert_true(mine[k].memory == theirs[k].memory || mine[k].score == theirs[k].score);
        }
    }
}

static void too_many_words_for_memory_are_found_in_the_records(void **state)
{
    (void)state;
    put("a ship in the harbour");
    assert_int_equal(matching("ship"), 1);
    assert_non_null(harness.store.memory_words);
    harness.store.memory_postings_limit = 10;
    for (int i = 0; i < 3; i++)
        put("another ship on the quay");
    assert_int_equal(matching("ship"), 4);
    assert_null(harness.store.memory_words);
    put("the last ship");
    assert_int_equal(matching("ship"), 5);
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":1}"));
    assert_int_equal(matching("ship"), 4);
}

static int64_t count_of(const char *sql)
{
    int64_t count = -1;
    assert_int_equal(records_integer(harness.store.records, NULL, 0, &count, sql, ""), 0);
    return count;
}

#define INDEXED "SELECT count(*) FROM memory_words_docsize"

static void words_go_into_the_records_some_at_a_time(void **state)
{
    char *text = malloc(20001);
    (void)state;
    for (int i = 0; i < 63; i++)
        put("a ship in the harbour");
    assert_int_equal(count_of(INDEXED), 0);
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":63}"));
    begin_writing();
    put_within("a ship that is undone");
    assert_int_equal(count_of(INDEXED), 63);
    undo();
    assert_int_equal(count_of(INDEXED), 0);
    put("a ship on the sea");
    assert_int_equal(count_of(INDEXED), 63);
    memset(text, 'x', 20000);
    text[20000] = '\0';
    put(text); /* long: at once */
    assert_int_equal(count_of(INDEXED), 64);
    free(text);
}

static bool is_there(int64_t id)
{
    int64_t there = 0;
    records_integer(harness.store.records, NULL, 0, &there, "SELECT 1 FROM memories WHERE id = ?1",
                    "i", id);
    return there > 0;
}

/* Whatever came and went since they were asked last. */
static void words_in_the_records_are_all_there_when_they_are_asked(void **state)
{
    char arguments[40];
    int64_t there = 0;
    struct random random;
    (void)state;
    find_words_in_the_records();
    random_seed(&random, 12, 0);
    for (int i = 0; i < 300; i++) {
        int64_t gone = put("a ship in the harbour") - (int64_t)random_below(&random, 200);
        there++;
        if (is_there(gone)) {
            snprintf(arguments, sizeof arguments, "{\"id\":%lld}", (long long)gone);
            json_decref(harness_call(&harness, "delete_memory", arguments));
            there--;
        }
        if (random_below(&random, 20) == 0)
            assert_int_equal(matching("ship"), there < 60 ? there : 60);
    }
    assert_int_equal(matching("ship"), 60);
    assert_int_equal(count_of(INDEXED), there);
    assert_true(records_run(harness.store.records, NULL,
                            "INSERT INTO memory_words(memory_words, rank)"
                            " VALUES('integrity-check', 1)",
                            "") >= 0);
}

static void entities_and_relations_come_and_change(void **state)
{
    (void)state;
    check_text(harness_call(
                   &harness, "create_entities",
                   "{\"entities\":[{\"name\":\"Ada\",\"type\":\"person\",\"observations\":[\"a\"]},"
                   "{\"name\":\"Bob\",\"type\":\"person\"}]}"),
               "{\"created\":2,\"merged\":0}");
    check_text(harness_call(&harness, "create_entities",
                            "{\"entities\":[{\"name\":\"Ada\",\"type\":\"robot\",\"observations\":["
                            "\"a\",\"b\"]}]}"),
               "{\"created\":0,\"merged\":1}");
    check_text(
        harness_call(&harness, "open_nodes", "{\"names\":[\"Ada\",\"Eve\"]}"),
        "{\"entities\":[{\"name\":\"Ada\",\"type\":\"person\",\"observations\":[\"a\",\"b\"]}],"
        "\"relations\":[],\"missing\":[\"Eve\"]}");
    harness_refused(&harness, "create_relations",
                    "{\"relations\":[{\"from\":\"Ada\",\"type\":\"knows\",\"to\":\"Bob\"},"
                    "{\"from\":\"Ada\",\"type\":\"knows\",\"to\":\"Eve\"}]}",
                    "not_found", "\"Eve\"");
    check_text(harness_call(&harness, "query_graph", "{\"entity\":\"Ada\"}"), "{\"relations\":[]}");
    check_text(
        harness_call(&harness, "create_relations",
                     "{\"relations\":[{\"from\":\"Ada\",\"type\":\"knows\",\"to\":\"Bob\"}]}"),
        "{\"created\":1,\"existing\":0}");
    check_text(
        harness_call(
            &harness, "update_entities",
            "{\"updates\":[{\"name\":\"Ada\",\"new_name\":\"Augusta\",\"observations\":[\"c\"]}]}"),
        "{\"updated\":1}");
    check_text(
        harness_call(&harness, "read_graph", "{\"limit\":1}"),
        "{\"entities\":[{\"name\":\"Augusta\",\"type\":\"person\",\"observations\":[\"c\"]}],"
        "\"relations\":[{\"from\":\"Augusta\",\"type\":\"knows\",\"to\":\"Bob\"}],"
        "\"next_offset\":1}");
    harness_refused(&harness, "update_entities",
                    "{\"updates\":[{\"name\":\"Bob\",\"new_name\":\"Augusta\"}]}", "conflict",
                    NULL);
    check_text(
        harness_call(&harness, "search_nodes", "{\"query\":\"AUG\"}"),
        "{\"entities\":[{\"name\":\"Augusta\",\"type\":\"person\",\"observations\":[\"c\"]}]}");
    check_text(harness_call(&harness, "add_observations",
                            "{\"name\":\"Bob\",\"observations\":[\"x\",\"x\"]}"),
               "{\"added\":1,\"total\":1}");
}

static void hostile_arguments_are_only_text(void **state)
{
    (void)state;
    keep("{\"name\":\"'); DROP TABLE memories;--\",\"content\":\"\\\" OR NEAR(*) ^ {x} -y\"}");
    assert_int_equal(first_id("search_memory", "{\"query\":\"\\\" OR NEAR(*) ^ {x} -y\"}"), 1);
    assert_int_equal(first_id("search_memory", "{\"query\":\"***\"}"), 0);
    harness_refused(&harness, "store_memory", "{\"name\":\"x\"}", "invalid_argument", "content");
    harness_refused(&harness, "store_memory", "{\"name\":\"x\",\"content\":7}", "invalid_argument",
                    "/content");
    harness_refused(&harness, "delete_memory", "{\"id\":1,\"more\":1}", "invalid_argument", "more");
    harness_refused(&harness, "search_memory", "{\"query\":\"x\",\"limit\":1e9}",
                    "invalid_argument", "limit");
}

static void a_call_that_fails_leaves_nothing(void **state)
{
    struct graph_facts facts;
    (void)state;
    harness_refused(&harness, "create_entities",
                    "{\"entities\":[{\"name\":\"A\",\"type\":\"t\"},{\"name\":\"B\"}]}",
                    "invalid_argument", NULL);
    assert_int_equal(graph_facts(harness.store.graph, &facts, NULL), 0);
    assert_true(facts.reachable);
    assert_int_equal(facts.nodes, 0);
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_core_memory);
    harness_examples(&harness, &tools_core_graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(what_is_kept_is_found),
        WITH_HARNESS(a_filter_finds_the_one_among_many_that_are_nearer),
        WITH_HARNESS(a_filter_finds_enough_among_many_that_are_nearer),
        WITH_HARNESS(many_near_passages_of_one_hide_no_other),
        WITH_HARNESS(what_is_deleted_is_gone_everywhere),
        WITH_HARNESS(a_call_that_fails_counts_nothing),
        WITH_HARNESS(a_long_text_is_cut_into_passages_that_hold_all_of_it),
        WITH_HARNESS(a_context_keeps_its_budget_and_repeats_nothing),
        WITH_HARNESS(a_question_is_answered_with_sources_and_logged),
        WITH_HARNESS(a_query_goes_where_it_fits),
        WITH_HARNESS(full_text_is_ranked_by_how_often_and_how_long),
        WITH_HARNESS(words_in_memory_are_ranked_alike),
        WITH_HARNESS(words_in_memory_find_what_the_records_find),
        WITH_HARNESS(too_many_words_for_memory_are_found_in_the_records),
        WITH_HARNESS(words_go_into_the_records_some_at_a_time),
        WITH_HARNESS(words_in_the_records_are_all_there_when_they_are_asked),
        WITH_HARNESS(a_word_that_nearly_all_hold_narrows_nothing),
        WITH_HARNESS(entities_and_relations_come_and_change),
        WITH_HARNESS(hostile_arguments_are_only_text),
        WITH_HARNESS(a_call_that_fails_leaves_nothing),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
