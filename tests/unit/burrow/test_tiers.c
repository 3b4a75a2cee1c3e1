/* The tiers by themselves: what they promise in their headers. */
#include "burrow/store.h"
#include "burrow/tiers/embedding.h"
#include "burrow/tiers/graph_internal.h"
#include "burrow/tiers/graph_shape.h"
#include "tool_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct store store;

static int open_store(void **state)
{
    struct store_options options = harness_options(4096);
    struct error error = {0};
    (void)state;
    if (store_open(&store, &options, &error) < 0)
        fail_msg("%s", error.text);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_close(&store);
    return 0;
}

/* ---- vectors -------------------------------------------------------------------------------- */

static void put(int64_t id, const char *text)
{
    struct error error = {0};
    if (vectors_put(store.vectors, VECTORS_MEMORIES, id, text, &error) < 0)
        fail_msg("%s", error.text);
}

static int64_t nearest(const char *text)
{
    struct vector_hit hit = {.id = -1};
    struct error error = {0};
    if (vectors_search(store.vectors, VECTORS_MEMORIES, text, 1, &hit, &error) < 0)
        fail_msg("%s", error.text);
    return hit.id;
}

static void begin(void)
{
    assert_int_equal(records_begin(store.records, NULL), 0);
}

static void commit(void)
{
    assert_int_equal(records_commit(store.records, NULL), 0);
    vectors_committed(store.vectors);
}

static void roll_back(void)
{
    records_rollback(store.records);
    vectors_rolled_back(store.vectors);
}

static void a_transaction_sees_its_vectors_and_a_rollback_drops_them(void **state)
{
    (void)state;
    begin();
    put(1, "the cat sleeps on the warm windowsill");
    put(2, "quarterly revenue of the bank rose again");
    assert_int_equal(nearest("a sleeping cat"), 1);
    commit();
    assert_int_equal(nearest("a sleeping cat"), 1);
    assert_int_equal(nearest("bank revenue"), 2);
    begin();
    put(1, "entirely about submarine cables");
    assert_int_equal(nearest("submarine cables"), 1);
    roll_back();
    assert_int_equal(nearest("a sleeping cat"), 1);
    begin();
    assert_int_equal(vectors_remove(store.vectors, VECTORS_MEMORIES, 1, NULL), 0);
    assert_int_equal(nearest("a sleeping cat"), 2);
    commit();
    assert_int_equal(nearest("a sleeping cat"), 2);
}

static void many_replacements_leave_no_holes_that_hide(void **state)
{
    char text[64];
    struct vector_facts facts;
    struct vector_hit hits[8];
    (void)state;
    for (int round = 0; round < 8; round++) {
        begin();
        for (int64_t id = 1; id <= 100; id++) {
            snprintf(text, sizeof text, "note %d about subject%lld", round, (long long)id);
            put(id, text);
        }
        commit();
    }
    vectors_facts(store.vectors, VECTORS_MEMORIES, &facts);
    assert_int_equal(facts.count, 100);
    assert_int_equal(vectors_search(store.vectors, VECTORS_MEMORIES, "subject42", 8, hits, NULL),
                     8);
    assert_int_equal(hits[0].id, 42);
    for (int i = 1; i < 8; i++)
        assert_true(hits[i].score <= hits[i - 1].score);
    assert_true(vectors_recall(store.vectors, VECTORS_MEMORIES, 20, 10) > 0.9);
}

/* Enough to fill every answer of the index, too few for it to be made anew. */
static void what_was_removed_around_a_query_hides_nothing(void **state)
{
    enum { GONE = 1400, KEPT = 1500 };
    char text[96];
    struct vector_hit hits[10];
    (void)state;
    begin();
    for (int64_t id = 1; id <= GONE + KEPT; id++) {
        snprintf(text, sizeof text, id <= GONE ? "kitten whiskers purring %lld" : "ledger %lld",
                 (long long)id);
        put(id, text);
    }
    commit();
    begin();
    for (int64_t id = 1; id <= GONE; id++)
        assert_int_equal(vectors_remove(store.vectors, VECTORS_MEMORIES, id, NULL), 0);
    commit();
    assert_int_equal(
        vectors_search(store.vectors, VECTORS_MEMORIES, "kitten whiskers purring", 10, hits, NULL),
        10);
    for (int i = 0; i < 10; i++)
        assert_true(hits[i].id > GONE && (i == 0 || hits[i].score <= hits[i - 1].score));
}

static void the_first_of_many_in_a_transaction_is_found(void **state)
{
    char text[64];
    (void)state;
    begin();
    put(1, "kitten whiskers purring");
    for (int64_t id = 2; id <= 1200; id++) {
        snprintf(text, sizeof text, "ledger entry %lld", (long long)id);
        put(id, text);
    }
    assert_int_equal(nearest("kitten whiskers purring"), 1);
    roll_back();
}

static void an_embedding_has_length_one_and_is_the_same_again(void **state)
{
    static struct embedding_counts counts;
    struct embedding_features features;
    float one[EMBEDDING_DIMENSION], again[EMBEDDING_DIMENSION];
    (void)state;
    embedding_scan("Agents remember what they were told", &features);
    assert_true(features.count > 10);
    embedding_make(&features, &counts, one);
    embedding_make(&features, &counts, again);
    assert_memory_equal(one, again, sizeof one);
    assert_true(embedding_cosine(one, one, EMBEDDING_DIMENSION) > 0.9999 &&
                embedding_cosine(one, one, EMBEDDING_DIMENSION) < 1.0001);
    embedding_scan("?! ...", &features);
    assert_int_equal(features.count, 0);
    embedding_make(&features, &counts, one);
    assert_true(embedding_cosine(one, one, EMBEDDING_DIMENSION) == 0);
}

static void a_cosine_takes_in_every_dimension(void **state)
{
    float ones[40], counted[40];
    (void)state;
    for (int i = 0; i < 40; i++) {
        ones[i] = 1;
        counted[i] = (float)(i + 1);
    }
    for (size_t dimension = 0; dimension <= 40; dimension++)
        assert_float_equal(embedding_cosine(ones, counted, dimension),
                           (double)(dimension * (dimension + 1)) / 2, 0);
}

/* Beyond the limit of the scan a graph takes its place, bit by bit, and nothing is lost by it: not
 * while it is made, not when it is there, and not when holes have the scan made anew. */
static void a_graph_takes_the_place_of_a_scan(void **state)
{
    enum { LIMIT = 40, TEXTS = 120 };
    char text[64];
    struct vector_facts facts;
    (void)state;
    vectors_scan_at_most(store.vectors, LIMIT);
    for (int64_t id = 1; id <= TEXTS; id++) {
        snprintf(text, sizeof text, "subject%lld of the archive", (long long)id);
        begin();
        put(id, text);
        commit();
        assert_int_equal(nearest(text), id);
        vectors_facts(store.vectors, VECTORS_MEMORIES, &facts);
        assert_int_equal(facts.count, id);
        if (id <= LIMIT)
            assert_string_equal(facts.index_type, "flat");
    }
    assert_string_equal(facts.index_type, "hnsw");
    assert_true(vectors_recall(store.vectors, VECTORS_MEMORIES, 20, 10) > 0.9);
}

static const char *index_type(void)
{
    struct vector_facts facts;
    vectors_facts(store.vectors, VECTORS_MEMORIES, &facts);
    return facts.index_type;
}

/* Putting in place of what is there is two changes, and leaves as many vectors. */
static void recall_is_measured_again_when_enough_has_changed(void **state)
{
    char text[64];
    (void)state;
    const struct vector_recall *recall = vectors_recall_lately(store.vectors, VECTORS_CHATS, 5, 10);
    assert_true(recall->recall < 0);
    begin();
    for (int64_t id = 1; id <= 160; id++) {
        snprintf(text, sizeof text, "subject%lld of the archive", (long long)id);
        put(id, text);
    }
    commit();
    recall = vectors_recall_lately(store.vectors, VECTORS_MEMORIES, 5, 10);
    assert_true(recall->recall > 0.9 && recall->measured_at > 0);
    assert_int_equal(recall->vectors, 160);
    for (int64_t id = 1; id <= 10; id++) {
        begin();
        put(id, "another subject");
        put(200 + id, "one more");
        commit();
        recall = vectors_recall_lately(store.vectors, VECTORS_MEMORIES, 3, 10);
        /* 20 changes are an eighth of 160; three are made at a time */
        assert_int_equal(recall->vectors, id < 7 ? 160 : 167);
        assert_int_equal(recall->samples, id < 7 ? 5 : 3);
    }
    recall = vectors_recall_lately(store.vectors, VECTORS_MEMORIES, 20, 10);
    assert_int_equal(recall->samples, 20);
    assert_int_equal(recall->vectors, 170);
    vectors_scan_at_most(store.vectors, 100);
    begin();
    put(999, "the last");
    commit();
    while (!strcmp(index_type(), "flat"))
        nearest("subject7 of the archive");
    recall = vectors_recall_lately(store.vectors, VECTORS_MEMORIES, 20, 10);
    assert_int_equal(recall->vectors, 171);
}

static void the_most_central_is_likest_the_others(void **state)
{
    static const char *const texts[] = {"a ship in the harbour", "a ship left the harbour",
                                        "the harbour is full of ships", "bananas"};
    const int64_t ids[] = {1, 2, 3, 4, 99}; /* the last is not kept */
    double scores[5];
    (void)state;
    begin();
    for (int64_t id = 1; id <= 4; id++)
        put(id, texts[id - 1]);
    commit();
    vectors_centrality(store.vectors, VECTORS_MEMORIES, ids, 5, scores);
    for (size_t i = 0; i < 5; i++) {
        double sum = 0;
        for (size_t k = 0; k < 5; k++)
            sum +=
                i == k ? 0 : vectors_between(store.vectors, VECTORS_MEMORIES, ids[i], ids[k]) / 5;
        assert_true(sum - scores[i] < 1e-6 && scores[i] - sum < 1e-6);
    }
    assert_true(scores[0] > scores[3]);
}

/* Scores of ids are those that a search gives them, whatever holds the vectors. */
static void check_scores(size_t count)
{
    struct vector_hit hits[40];
    int64_t ids[41] = {999}; /* not kept */
    double scores[41];
    int found = vectors_search(store.vectors, VECTORS_MEMORIES, "ship 7 left", 40, hits, NULL);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++)
        ids[i + 1] = hits[i].id;
    vectors_score(store.vectors, VECTORS_MEMORIES, "ship 7 left", ids, count + 1, scores);
    assert_true(scores[0] == 0 && scores[1] > 0);
    for (size_t i = 0; i < count; i++)
        assert_float_equal(scores[i + 1], hits[i].score, 1e-5);
}

static void scores_are_those_of_a_search(void **state)
{
    char text[40];
    (void)state;
    begin();
    for (int64_t id = 1; id <= 30; id++) {
        snprintf(text, sizeof text, "ship %lld left", (long long)id);
        put(id, text);
    }
    check_scores(30);
    commit();
    check_scores(30);
    begin();
    put(4, "another ship 7");
    vectors_remove(store.vectors, VECTORS_MEMORIES, 5, NULL);
    check_scores(29);
    commit();
    check_scores(29);
    vectors_scan_at_most(store.vectors, 10);
    while (!strcmp(index_type(), "flat"))
        nearest("ship 7 left");
    check_scores(29);
}

static void vectors_are_there_after_a_restart(void **state)
{
    char folder[] = "/tmp/burrow-test-XXXXXX", path[64];
    struct store_options options = {.folder = mkdtemp(folder), .cache_limit_bytes = 4096};
    struct store other = {0};
    struct vector_hit hit = {.id = -1};
    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_open(&other, &options, NULL), 0);
        if (round == 0) {
            assert_int_equal(records_begin(other.records, NULL), 0);
            vectors_put(other.vectors, VECTORS_CODE, 7, "int main(void)", NULL);
            assert_int_equal(records_commit(other.records, NULL), 0);
            vectors_committed(other.vectors);
        } else {
            assert_int_equal(vectors_search(other.vectors, VECTORS_CODE, "main int", 1, &hit, NULL),
                             1);
            assert_int_equal(hit.id, 7);
            struct vector_facts facts;
            vectors_facts(other.vectors, VECTORS_CODE, &facts);
            assert_int_equal(facts.kept, 1);
        }
        store_close(&other);
    }
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    unlink(path);
    rmdir(folder);
}

/* ---- cache ---------------------------------------------------------------------------------- */

static void a_cache_keeps_replaces_and_counts(void **state)
{
    struct cache *cache = store.cache;
    char *value;
    size_t length;
    int64_t number;
    struct error error = {0};
    struct cache_facts facts;
    (void)state;
    assert_int_equal(cache_get(cache, "a", &value, &length, NULL), CACHE_MISSING);
    assert_int_equal(cache_set(cache, "a", "x\0y", 3, 0, NULL), 0);
    assert_int_equal(cache_get(cache, "a", &value, &length, NULL), CACHE_FOUND);
    assert_int_equal(length, 3);
    assert_memory_equal(value, "x\0y", 4);
    free(value);
    assert_int_equal(cache_set_absent(cache, "a", "z", 1, 0, NULL), CACHE_MISSING);
    assert_int_equal(cache_replace(cache, "a", "z", 1, "n", 1, 0, NULL), CACHE_MISSING);
    assert_int_equal(cache_replace(cache, "a", "x\0y", 3, "n", 1, 0, NULL), CACHE_FOUND);
    assert_int_equal(cache_add(cache, "a", 1, &number, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_int_equal(cache_set(cache, "m", "9223372036854775807", 19, 0, NULL), 0);
    assert_int_equal(cache_add(cache, "m", 1, &number, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_int_equal(cache_add(cache, "n", 41, &number, NULL), 0);
    assert_int_equal(cache_add(cache, "n", 1, &number, NULL), 0);
    assert_int_equal(number, 42);
    assert_int_equal(cache_delete(cache, "a", NULL), CACHE_FOUND);
    assert_int_equal(cache_delete(cache, "a", NULL), CACHE_MISSING);
    assert_int_equal(cache_set_absent(cache, "a", "", 0, 60000, NULL), CACHE_FOUND);
    assert_int_equal(cache_get(cache, "a", &value, &length, NULL), CACHE_FOUND);
    assert_int_equal(length, 0);
    free(value);
    assert_int_equal(cache_facts(cache, &facts, &error), 0);
    assert_true(facts.reachable);
    assert_int_equal(facts.keys, 3);
    assert_int_equal(facts.hits, 2);
    assert_int_equal(facts.misses, 1);
    assert_string_equal(facts.last_error, "");
}

static void gather(void *context, const char *key, const char *value, size_t length)
{
    assert_int_equal(value[length], 0);
    strcat(context, key);
    strcat(context, " ");
}

/* In Redis a prefix is part of a pattern. */
static void a_prefix_is_no_pattern(void **state)
{
    static const char *const keys[] = {"a*b:2", "a*b:1", "axb:1",   "a?b",
                                       "a[x]b", "a\\b",  "\xC3\xA4"};
    char found[256] = "";
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(cache_set(store.cache, keys[i], "1", 1, 0, NULL), 0);
    assert_int_equal(cache_each(store.cache, "a*b", gather, found, NULL), 0);
    assert_int_equal(cache_each(store.cache, "a?", gather, found, NULL), 0);
    assert_int_equal(cache_each(store.cache, "a[x]", gather, found, NULL), 0);
    assert_int_equal(cache_each(store.cache, "a\\", gather, found, NULL), 0);
    assert_string_equal(found, "a*b:1 a*b:2 a?b a[x]b a\\b ");
    found[0] = '\0';
    assert_int_equal(cache_each(store.cache, "", gather, found, NULL), 0);
    assert_string_equal(found, "a*b:1 a*b:2 a?b a[x]b a\\b axb:1 \xC3\xA4 ");
}

static void more_keys_than_a_page_come_in_order(void **state)
{
    enum { COUNT = 30 };
    char key[16], found[COUNT * 8] = "", expected[COUNT * 8] = "";
    (void)state;
    for (int i = COUNT - 1; i >= 0; i--) {
        snprintf(key, sizeof key, "n:%02d", i);
        assert_int_equal(cache_set(store.cache, key, key, strlen(key), 0, NULL), 0);
    }
    for (int i = 0; i < COUNT; i++)
        snprintf(expected + strlen(expected), 8, "n:%02d ", i);
    assert_int_equal(cache_each(store.cache, "n:", gather, found, NULL), 0);
    assert_string_equal(found, expected);
}

static void the_one_used_longest_ago_goes_first(void **state)
{
    struct cache_facts facts;
    char key[16], *value, big[600] = {0};
    (void)state;
    if (getenv("BURROW_TEST_REDIS"))
        skip(); /* what Redis gives up is its own affair */
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(cache_set(store.cache, key, big, sizeof big, 0, NULL), 0);
        if (cache_get(store.cache, "k0", &value, NULL, NULL) == CACHE_FOUND)
            free(value);
    }
    cache_facts(store.cache, &facts, NULL);
    assert_true(facts.bytes <= facts.limit_bytes && facts.evictions > 10);
    assert_int_equal(cache_get(store.cache, "k0", &value, NULL, NULL), CACHE_FOUND);
    free(value);
    assert_int_equal(cache_get(store.cache, "k1", &value, NULL, NULL), CACHE_MISSING);
    char huge[8192] = {0};
    assert_int_equal(cache_set(store.cache, "h", huge, sizeof huge, 0, NULL), -1);
}

static void what_has_expired_is_not_there(void **state)
{
    char keys[64] = "", *value;
    (void)state;
    assert_int_equal(cache_set(store.cache, "p:b", "1", 1, 1, NULL), 0);
    assert_int_equal(cache_set(store.cache, "p:c", "1", 1, 0, NULL), 0);
    assert_int_equal(cache_set(store.cache, "p:a", "1", 1, 60000, NULL), 0);
    usleep(3000); /* its millisecond is over then, however busy the machine is */
    assert_int_equal(cache_get(store.cache, "p:b", &value, NULL, NULL), CACHE_MISSING);
    assert_int_equal(cache_each(store.cache, "p:", gather, keys, NULL), 0);
    assert_string_equal(keys, "p:a p:c ");
}

/* ---- uses of memories -------------------------------------------------------------------------
 */

static int more_first(const void *one, const void *other)
{
    const struct use *a = one, *b = other;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Whatever was counted and forgotten, held against a plain array. */
static void uses_are_counted_and_in_order(void **state)
{
    enum { IDS = 700 };
    static int64_t counts[IDS + 1];
    struct use sorted[IDS], found[USES_MOST];
    struct uses *uses = uses_open();
    unsigned random = 7;
    (void)state;
    memset(counts, 0, sizeof counts);
    assert_int_equal(uses_most(uses, found, USES_MOST), 0);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 200; i++) {
            random = random * 1103515245 + 12345;
            int64_t id = 1 + (random >> 8) % (round < 10 ? 90 : IDS);
            random = random * 1103515245 + 12345;
            if ((random >> 8) % 6 == 0) {
                uses_forget(uses, id);
                counts[id] = 0;
            } else {
                uses_add(uses, id, 1);
                counts[id]++;
            }
        }
        size_t known = 0;
        for (int64_t id = 1; id <= IDS; id++) {
            assert_int_equal(uses_count(uses, id), counts[id]);
            if (counts[id])
                sorted[known++] = (struct use){id, counts[id]};
        }
        assert_int_equal(uses_known(uses), known);
        qsort(sorted, known, sizeof *sorted, more_first);
        size_t most = known < USES_MOST ? known : USES_MOST;
        assert_int_equal(uses_most(uses, found, USES_MOST), most);
        for (size_t i = 0; i < most; i++)
            assert_int_equal(found[i].id, sorted[i].id);
        assert_int_equal(uses_least(uses, found, 5), known < 5 ? known : 5);
        for (size_t i = 0; i < 5 && i < known; i++) {
            assert_int_equal(found[i].id, sorted[known - 1 - i].id);
            assert_int_equal(found[i].count, sorted[known - 1 - i].count);
        }
    }
    uses_close(uses);
}

/* ---- graph ---------------------------------------------------------------------------------- */

static void relate(const char *from, const char *type, const char *to)
{
    struct error error = {0};
    graph_node_put(store.graph, from, "thing", NULL, NULL, &error);
    graph_node_put(store.graph, to, "thing", NULL, NULL, &error);
    if (graph_relation_put(store.graph, from, type, to, NULL, NULL, &error) < 0)
        fail_msg("%s", error.text);
}

static void assert_json(json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void assert_counts(int64_t nodes, int64_t relations)
{
    struct graph_facts facts;
    assert_int_equal(graph_facts(store.graph, &facts, NULL), 0);
    assert_int_equal(facts.nodes, nodes);
    assert_int_equal(facts.relations, relations);
}

static void a_graph_is_walked_in_both_directions(void **state)
{
    (void)state;
    assert_counts(0, 0);
    relate("a", "knows", "b");
    relate("b", "knows", "c");
    relate("c", "likes", "d");
    relate("e", "knows", "a");
    assert_json(graph_path(store.graph, "a", "d", GRAPH_OUT, 5, NULL), "[\"a\",\"b\",\"c\",\"d\"]");
    assert_json(graph_path(store.graph, "a", "d", GRAPH_OUT, 2, NULL), "[]");
    assert_json(graph_path(store.graph, "d", "a", GRAPH_IN, 5, NULL), "[\"d\",\"c\",\"b\",\"a\"]");
    assert_json(graph_within(store.graph, "a", GRAPH_BOTH, "knows", NULL, 1, 10, NULL),
                "[{\"key\":\"b\",\"type\":\"thing\",\"distance\":1},"
                "{\"key\":\"e\",\"type\":\"thing\",\"distance\":1}]");
    json_t *relations = graph_relations(store.graph, "a", GRAPH_BOTH, NULL, 0, 10, NULL);
    assert_int_equal(json_array_size(relations), 2);
    json_decref(relations);
    assert_int_equal(graph_node_remove(store.graph, "b", NULL), 1);
    assert_json(graph_path(store.graph, "a", "d", GRAPH_BOTH, 5, NULL), "[]");
    assert_counts(4, 2);
    relate("e", "knows", "a"); /* is there */
    assert_counts(4, 2);
    assert_int_equal(graph_relation_remove(store.graph, "e", NULL, NULL, NULL), 1);
    assert_counts(4, 1);
}

static void a_node_that_is_there_stays_as_it_is(void **state)
{
    json_t *facts = json_pack("{s:i}", "a", 1), *others = json_pack("{s:i}", "a", 2);
    bool created = false;
    (void)state;
    assert_int_equal(graph_node_add(store.graph, "n", "thing", facts, &created, NULL), 0);
    assert_true(created);
    assert_int_equal(graph_node_add(store.graph, "n", "other", others, &created, NULL), 0);
    assert_false(created);
    assert_json(graph_node(store.graph, "n", NULL),
                "{\"key\":\"n\",\"type\":\"thing\",\"facts\":{\"a\":1}}");
    assert_int_equal(graph_node_put(store.graph, "n", NULL, NULL, &created, NULL), 0);
    assert_false(created);
    assert_int_equal(graph_node_put(store.graph, "n", "other", NULL, NULL, NULL), 0);
    assert_json(graph_node(store.graph, "n", NULL),
                "{\"key\":\"n\",\"type\":\"other\",\"facts\":{\"a\":1}}");
    json_decref(facts);
    json_decref(others);
}

static void a_relation_needs_both_ends(void **state)
{
    struct error error = {0};
    (void)state;
    graph_node_put(store.graph, "entity:Ada", "person", NULL, NULL, &error);
    assert_int_equal(
        graph_relation_put(store.graph, "entity:Ada", "knows", "entity:Bob", NULL, NULL, &error),
        -1);
    assert_non_null(strstr(error.text, "\"Bob\""));
}

static void renaming_takes_the_relations_along(void **state)
{
    (void)state;
    relate("a", "knows", "b");
    assert_int_equal(graph_node_rename(store.graph, "a", "z", NULL), 1);
    assert_json(graph_path(store.graph, "z", "b", GRAPH_OUT, 1, NULL), "[\"z\",\"b\"]");
    assert_json(graph_node(store.graph, "a", NULL), "null");
}

/* What is kept of degrees is what their relations say. */
static void check_degrees(void)
{
    struct graph_degrees kept,
        counted = {.distribution = json_object(), .busiest = json_null(), .most = 0};
    struct graph_facts facts;
    assert_int_equal(graph_degrees(store.graph, &kept, NULL), 0);
    assert_int_equal(graph_count_degrees(store.graph, &counted, NULL), 0);
    assert_int_equal(graph_facts(store.graph, &facts, NULL), 0);
    json_t *nodes = graph_nodes(store.graph, NULL, NULL, NULL, 0, SIZE_MAX >> 1, NULL);
    assert_int_equal(facts.nodes, json_array_size(nodes));
    assert_int_equal(facts.relations, counted.relations);
    assert_int_equal(kept.relations, counted.relations);
    assert_int_equal(kept.most, counted.most);
    assert_true(json_equal(kept.busiest, counted.busiest));
    assert_true(json_equal(kept.distribution, counted.distribution));
    json_decref(nodes);
    json_decref(kept.distribution);
    json_decref(kept.busiest);
    json_decref(counted.distribution);
    json_decref(counted.busiest);
}

/* Nodes are those of a prefix, with a number. */
static void change_at_random(unsigned *random, const char *prefix, int turn)
{
    char from[16], to[16];
    *random = *random * 1103515245 + 12345;
    snprintf(from, sizeof from, "%s%u", prefix, (*random >> 16) % 12);
    snprintf(to, sizeof to, "%s%u", prefix, (*random >> 20) % 12);
    json_t *there = graph_node(store.graph, to, NULL);
    switch ((*random >> 24) % 8) {
    case 0:
        graph_node_remove(store.graph, from, NULL);
        break;
    case 1:
        if (json_is_null(there))
            graph_node_rename(store.graph, from, to, NULL);
        break;
    case 2:
        graph_relation_remove(store.graph, from, NULL, to, NULL);
        break;
    case 3:
        graph_relation_remove(store.graph, NULL, "q", to, NULL);
        break;
    default:
        relate(from, turn % 3 ? "r" : "q", to);
    }
    json_decref(there);
}

static void degrees_follow_every_change(void **state)
{
    (void)state;
    unsigned random = 1;
    char from[8], to[8];
    for (int i = 0; i < 30; i++) {
        snprintf(from, sizeof from, "n%d", i % 7);
        snprintf(to, sizeof to, "n%d", i % 5);
        relate(from, i % 2 ? "r" : "q", to);
    }
    check_degrees();
    for (int i = 0; i < 400; i++) {
        change_at_random(&random, "n", i);
        check_degrees();
    }
    begin();
    graph_begin(store.graph);
    relate("n1", "once", "other");
    roll_back();
    graph_rollback(store.graph);
    check_degrees();
    assert_int_equal(graph_relation_put(store.graph, "n1", "r", "nowhere", NULL, NULL, NULL), -1);
    check_degrees();
}

static json_t *shape_told(void)
{
    unsigned rounds;
    struct graph_shape *shape = graph_shape_of(store.graph, NULL);
    assert_non_null(shape);
    json_t *central = graph_shape_central(shape, 100, &rounds);
    return json_pack("{s:o, s:i, s:o, s:o}", "central", central, "rounds", (int)rounds,
                     "communities", graph_shape_communities(shape, 1, 100), "related",
                     graph_shape_related(shape, "entity:1", 100));
}

/* What is kept of the entities' graph is what one that is loaded now would be. */
static void check_shape(void)
{
    json_t *kept = shape_told();
    graph_shape_free(store.graph->shape);
    store.graph->shape = NULL;
    json_t *loaded = shape_told();
    assert_true(json_equal(kept, loaded));
    json_decref(kept);
    json_decref(loaded);
}

static void the_shape_follows_every_change(void **state)
{
    (void)state;
    unsigned random = 7;
    relate("entity:1", "r", "entity:2");
    check_shape();
    for (int i = 0; i < 400; i++) {
        change_at_random(&random, "entity:", i);
        check_shape();
    }
    begin();
    graph_begin(store.graph);
    relate("entity:1", "once", "entity:other");
    json_decref(shape_told());
    roll_back();
    graph_rollback(store.graph);
    check_shape();
}

static void the_shape_is_kept_until_entities_are_related(void **state)
{
    (void)state;
    relate("entity:1", "r", "entity:2");
    uint64_t version = graph_pairs_version(store.graph, "entity:");
    if (harness_options(4096).neo4j_url) { /* others may write to it, and it tells of nothing */
        assert_int_equal(version, 0);
        return;
    }
    assert_int_not_equal(version, 0);
    relate("memory:1", "similar", "memory:2");
    relate("entity:1", "in", "memory:2");
    assert_int_equal(graph_pairs_version(store.graph, "entity:"), version);
    relate("entity:2", "r", "entity:1");
    assert_int_not_equal(graph_pairs_version(store.graph, "entity:"), version);
}

static void put_node(struct graph *graph, const char *key, const char *facts)
{
    struct error error = {0};
    json_t *value = json_loads(facts, 0, NULL);
    assert_non_null(value);
    if (graph_node_put(graph, key, "thing", value, NULL, &error) < 0)
        fail_msg("%s", error.text);
    json_decref(value);
}

static void facts_are_merged_and_null_removes(void **state)
{
    (void)state;
    put_node(store.graph, "n", "{\"a\":1,\"b\":{\"x\":1,\"y\":[1,2]},\"c\":\"\xC3\xA4\"}");
    put_node(store.graph, "n",
             "{\"a\":null,\"b\":{\"y\":[3],\"z\":{\"q\":null,\"r\":1.5}},\"d\":true}");
    assert_json(graph_node(store.graph, "n", NULL),
                "{\"key\":\"n\",\"type\":\"thing\",\"facts\":{\"b\":{\"x\":1,\"y\":[3],\"z\":"
                "{\"r\":1.5}},\"c\":\"\xC3\xA4\",\"d\":true}}");
    graph_node_put(store.graph, "n", "other", NULL, NULL, NULL);
    put_node(store.graph, "m", "{}");
    json_t *facts = json_pack("{s:i}", "w", 1), *more = json_pack("{s:i, s:n}", "v", 2, "w");
    bool created = false;
    assert_int_equal(graph_relation_put(store.graph, "n", "r", "m", facts, &created, NULL), 0);
    assert_true(created);
    assert_int_equal(graph_relation_put(store.graph, "n", "r", "m", more, &created, NULL), 0);
    assert_false(created);
    assert_json(graph_relations(store.graph, "m", GRAPH_IN, NULL, 0, SIZE_MAX, NULL),
                "[{\"from\":\"n\",\"type\":\"r\",\"to\":\"m\",\"facts\":{\"v\":2}}]");
    json_decref(facts);
    json_decref(more);
}

/* Bytes order the keys, which is not the order of UTF-16; only ASCII has no case. */
static void nodes_are_found_in_the_order_of_their_bytes(void **state)
{
    static const char *const keys[] = {
        "k:\xF0\x90\x80\x80", "k:\xEF\xBF\xBD", "k:b", "k:B", "k:\xC3\x84", "k:", "l:a"};
    json_t *node, *nodes;
    size_t index;
    char found[256] = "";
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_node(store.graph, keys[i], "{\"note\":\"Some WORDS\"}");
    nodes = graph_nodes(store.graph, "k:", "thing", "some words", 0, 100, NULL);
    json_array_foreach(nodes, index, node)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s ",
                 json_string_value(json_object_get(node, "key")));
    assert_string_equal(found, "k: k:B k:b k:\xC3\x84 k:\xEF\xBF\xBD k:\xF0\x90\x80\x80 ");
    json_decref(nodes);
    nodes = graph_nodes(store.graph, "k:", NULL, "\xC3\xA4", 0, 100, NULL);
    assert_int_equal(json_array_size(nodes), 0);
    json_decref(nodes);
    nodes = graph_nodes(store.graph, "", NULL, "K:b", 1, 1, NULL);
    assert_int_equal(json_array_size(nodes), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(nodes, 0), "key")), "k:b");
    json_decref(nodes);
}

static void relations_are_removed_by_what_is_given(void **state)
{
    struct graph *graph = store.graph;
    (void)state;
    relate("a", "x", "b");
    relate("a", "y", "b");
    relate("a", "x", "a");
    relate("b", "x", "c");
    relate("c", "y", "a");
    json_t *around = graph_relations(graph, "a", GRAPH_BOTH, NULL, 0, 100, NULL);
    assert_int_equal(json_array_size(around), 4);
    json_decref(around);
    assert_int_equal(graph_relation_remove(graph, "a", "x", "b", NULL), 1);
    assert_int_equal(graph_relation_remove(graph, NULL, "y", "a", NULL), 1);
    assert_int_equal(graph_relation_remove(graph, "a", NULL, NULL, NULL), 2);
    assert_int_equal(graph_relation_remove(graph, NULL, "y", NULL, NULL), 0);
    assert_int_equal(graph_relation_remove(graph, NULL, NULL, NULL, NULL), 1);
}

static void a_graph_follows_the_transaction_of_the_call(void **state)
{
    (void)state;
    put_node(store.graph, "kept", "{\"a\":1}");
    assert_counts(1, 0);
    begin();
    graph_begin(store.graph);
    put_node(store.graph, "kept", "{\"a\":2}");
    put_node(store.graph, "new", "{}");
    assert_int_equal(graph_relation_put(store.graph, "new", "r", "kept", NULL, NULL, NULL), 0);
    records_rollback(store.records);
    graph_rollback(store.graph);
    assert_counts(1, 0);
    assert_json(graph_node(store.graph, "new", NULL), "null");
    assert_json(graph_node(store.graph, "kept", NULL),
                "{\"key\":\"kept\",\"type\":\"thing\",\"facts\":{\"a\":1}}");
}

/* ---- the graph in Neo4j, and the records ---------------------------------------------------- */

/* Of a graph with the nodes of `a_crash...`. */
static char *whole_graph(struct graph *graph)
{
    json_t *nodes = graph_nodes(graph, "", NULL, NULL, 0, 100, NULL);
    json_t *relations = graph_relations(graph, NULL, GRAPH_BOTH, NULL, 0, 100, NULL);
    json_t *both = json_pack("{s:o, s:o}", "nodes", nodes, "relations", relations);
    char *text = json_dumps(both, JSON_COMPACT);
    assert_non_null(text);
    json_decref(both);
    return text;
}

static void write_much(struct graph *graph)
{
    put_node(graph, "a", "{\"n\":2}");
    put_node(graph, "new", "{}");
    assert_int_equal(graph_relation_put(graph, "new", "r", "b", NULL, NULL, NULL), 0);
    assert_int_equal(graph_relation_put(graph, "b", "to", "c", NULL, NULL, NULL), 0);
    assert_int_equal(graph_node_rename(graph, "a", "z", NULL), 1);
    assert_int_equal(graph_node_remove(graph, "b", NULL), 1);
    assert_int_equal(graph_relation_remove(graph, "c", NULL, NULL, NULL), 1);
    assert_int_equal(graph_node_remove(graph, "never", NULL), 0);
}

static void a_crash_between_the_two_commits_is_taken_back(void **state)
{
    char folder[] = "/tmp/burrow-test-XXXXXX", path[64];
    struct store_options options = harness_options(4096);
    struct store other = {0};
    char *before = NULL, *after;
    (void)state;
    if (!options.neo4j_url)
        skip();
    options.folder = mkdtemp(folder);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_open(&other, &options, NULL), 0);
        if (round == 0) {
            put_node(other.graph, "a", "{\"n\":1}");
            put_node(other.graph, "b", "{\"n\":\"\xC3\xA4\"}");
            put_node(other.graph, "c", "{}");
            graph_relation_put(other.graph, "a", "to", "b", NULL, NULL, NULL);
            graph_relation_put(other.graph, "b", "to", "b", NULL, NULL, NULL);
            graph_relation_put(other.graph, "c", "to", "a", NULL, NULL, NULL);
            before = whole_graph(other.graph);
        } else {
            after = whole_graph(other.graph);
            assert_string_equal(after, before);
            free(after);
        }
        /* the process ends here: nobody says graph_rollback */
        assert_int_equal(records_begin(other.records, NULL), 0);
        graph_begin(other.graph);
        write_much(other.graph);
        assert_int_equal(graph_commit(other.graph, NULL), 0);
        store_close(&other);
    }
    /* and the same within a process whose records cannot commit */
    assert_int_equal(store_open(&other, &options, NULL), 0);
    assert_int_equal(records_begin(other.records, NULL), 0);
    graph_begin(other.graph);
    write_much(other.graph);
    assert_int_equal(graph_commit(other.graph, NULL), 0);
    records_rollback(other.records);
    graph_rollback(other.graph);
    after = whole_graph(other.graph);
    assert_string_equal(after, before);
    free(after);
    free(before);
    store_close(&other);
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    unlink(path);
    rmdir(folder);
}

static void a_graph_of_another_memory_is_not_used(void **state)
{
    struct store_options options = harness_options(4096);
    struct error error = {0};
    char folder[] = "/tmp/burrow-test-XXXXXX", path[64];
    struct store kept = {0}, other = {0};
    (void)state;
    if (!options.neo4j_url)
        skip();
    assert_int_equal(store_open(&other, &options, NULL), 0);
    put_node(other.graph, "of nobody", "{}");
    options.folder = mkdtemp(folder);
    assert_int_equal(store_open(&kept, &options, NULL), 0);
    assert_json(graph_node(kept.graph, "of nobody", NULL), "null");
    put_node(kept.graph, "n", "{}");
    /* who had it until then must not write to it */
    assert_int_equal(graph_node_put(other.graph, "x", NULL, NULL, NULL, &error), -1);
    assert_non_null(strstr(error.text, "another burrow"));
    store_close(&other);
    options.folder = ":memory:";
    assert_int_equal(store_open(&other, &options, NULL), 0);
    assert_null(graph_node(other.graph, "n", &error));
    assert_int_equal(error.code, ERROR_TARGET);
    assert_non_null(strstr(error.text, "another memory"));
    assert_non_null(strstr(error.text, "BurrowMemory"));
    assert_json(graph_node(kept.graph, "x", NULL), "null");
    assert_json(graph_node(kept.graph, "n", NULL),
                "{\"key\":\"n\",\"type\":\"thing\",\"facts\":{}}");
    store_close(&other);
    store_close(&kept);
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    unlink(path);
    rmdir(folder);
}

static int64_t count_rows(struct records *records)
{
    int64_t count = -1;
    assert_int_equal(
        records_integer(records, NULL, 0, &count, "SELECT count(*) FROM migrations", ""), 0);
    return count;
}

/* What another process writes meanwhile is seen by the next call; a write ends the reading. */
static void a_call_that_reads_sees_one_state(void **state)
{
    char folder[] = "/tmp/burrow-test-XXXXXX", path[64];
    static const char insert[] = "INSERT INTO migrations VALUES('x' || random(), 1)";
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct records *mine = records_open(folder, NULL), *others = records_open(folder, NULL);
    assert_int_equal(records_begin_reading(mine, NULL), 0);
    int64_t before = count_rows(mine);
    assert_int_equal(records_run(others, NULL, insert, ""), 1);
    assert_int_equal(count_rows(mine), before);
    records_end_reading(mine);
    assert_int_equal(count_rows(mine), before + 1);
    assert_int_equal(records_begin_reading(mine, NULL), 0);
    assert_int_equal(count_rows(mine), before + 1);
    assert_int_equal(records_begin(mine, NULL), 0);
    assert_true(records_is_writing(mine));
    assert_int_equal(records_run(mine, NULL, insert, ""), 1);
    assert_int_equal(count_rows(others), before + 1);
    assert_int_equal(records_commit(mine, NULL), 0);
    records_end_reading(mine); /* of which nothing is left */
    assert_false(records_is_writing(mine));
    assert_int_equal(count_rows(others), before + 2);
    records_close(mine);
    records_close(others);
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    unlink(path);
    rmdir(folder);
}

static long long size_of(const char *folder, const char *name)
{
    char path[96];
    struct stat facts;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &facts) == 0 ? (long long)facts.st_size : -1;
}

/* What is written for long does not make the log grow, and is there for others to see. */
static void the_log_is_moved_beside_the_calls(void **state)
{
    char folder[] = "/tmp/burrow-test-XXXXXX", path[64];
    struct store_options options = {.folder = mkdtemp(folder)};
    struct store big;
    struct error error;
    int64_t count = 0;
    (void)state;
    if (store_open(&big, &options, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(records_run(big.records, NULL, "CREATE TABLE much(bytes BLOB)", "") >= 0);
    for (int i = 0; checkpoint_count(big.checkpoint) < 5; i++) {
        assert_int_equal(records_begin(big.records, NULL), 0);
        assert_int_equal(
            records_run(big.records, NULL, "INSERT INTO much VALUES(zeroblob(200000))", ""), 1);
        assert_int_equal(records_commit(big.records, NULL), 0);
        count++;
        assert_true(i < 100000);
    }
    assert_true(size_of(folder, "burrow.db") > count * 200000 / 2);
    assert_true(size_of(folder, "burrow.db-wal") < size_of(folder, "burrow.db"));
    store_close(&big);
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    assert_int_equal(size_of(folder, "burrow.db-wal"), -1);
    struct records *after = records_open(folder, NULL);
    int64_t found = 0;
    assert_int_equal(records_integer(after, NULL, 0, &found, "SELECT count(*) FROM much", ""), 0);
    assert_int_equal(found, count);
    records_close(after);
    unlink(path);
    rmdir(folder);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

/* An index that could not follow the records is made anew when it is next asked. */
static void an_index_that_fell_behind_is_made_anew(void **state)
{
    struct vector_hit hits[4];
    struct error error = {0};
    (void)state;
    assert_int_equal(records_begin(store.records, &error), 0);
    for (int64_t id = 1; id <= 3; id++)
        assert_int_equal(vectors_put(store.vectors, VECTORS_CHATS, id,
                                     id == 2 ? "a sleeping cat" : "a report of the shift", &error),
                         0);
    assert_int_equal(records_commit(store.records, &error), 0);
    vectors_committed(store.vectors);
    vectors_fall_behind(store.vectors, VECTORS_CHATS);
    struct vector_facts facts;
    vectors_facts(store.vectors, VECTORS_CHATS, &facts);
    assert_int_equal(facts.count, 0);
    assert_int_equal(facts.kept, 3);
    assert_int_equal(vectors_search(store.vectors, VECTORS_CHATS, "sleeping cat", 3, hits, &error),
                     3);
    assert_int_equal(hits[0].id, 2);
    vectors_facts(store.vectors, VECTORS_CHATS, &facts);
    assert_int_equal(facts.count, 3);
    assert_int_equal(facts.kept, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_transaction_sees_its_vectors_and_a_rollback_drops_them),
        WITH_STORE(many_replacements_leave_no_holes_that_hide),
        WITH_STORE(what_was_removed_around_a_query_hides_nothing),
        WITH_STORE(the_first_of_many_in_a_transaction_is_found),
        WITH_STORE(an_index_that_fell_behind_is_made_anew),
        cmocka_unit_test(an_embedding_has_length_one_and_is_the_same_again),
        cmocka_unit_test(a_cosine_takes_in_every_dimension),
        WITH_STORE(a_graph_takes_the_place_of_a_scan),
        WITH_STORE(the_most_central_is_likest_the_others),
        WITH_STORE(scores_are_those_of_a_search),
        cmocka_unit_test(vectors_are_there_after_a_restart),
        WITH_STORE(recall_is_measured_again_when_enough_has_changed),
        WITH_STORE(a_cache_keeps_replaces_and_counts),
        WITH_STORE(a_prefix_is_no_pattern),
        WITH_STORE(more_keys_than_a_page_come_in_order),
        WITH_STORE(the_one_used_longest_ago_goes_first),
        WITH_STORE(what_has_expired_is_not_there),
        WITH_STORE(a_graph_is_walked_in_both_directions),
        WITH_STORE(a_node_that_is_there_stays_as_it_is),
        WITH_STORE(a_relation_needs_both_ends),
        WITH_STORE(renaming_takes_the_relations_along),
        WITH_STORE(degrees_follow_every_change),
        WITH_STORE(the_shape_follows_every_change),
        WITH_STORE(the_shape_is_kept_until_entities_are_related),
        WITH_STORE(uses_are_counted_and_in_order),
        WITH_STORE(facts_are_merged_and_null_removes),
        WITH_STORE(nodes_are_found_in_the_order_of_their_bytes),
        WITH_STORE(relations_are_removed_by_what_is_given),
        WITH_STORE(a_graph_follows_the_transaction_of_the_call),
        cmocka_unit_test(a_crash_between_the_two_commits_is_taken_back),
        cmocka_unit_test(a_graph_of_another_memory_is_not_used),
        cmocka_unit_test(a_call_that_reads_sees_one_state),
        cmocka_unit_test(the_log_is_moved_beside_the_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
