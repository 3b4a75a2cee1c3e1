/* knowledge_graph: links, walks, and figures of the graph against ones worked out by hand. */
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

static void check(const char *tool, const char *arguments, const char *expected)
{
    json_t *result = harness_call(&harness, tool, arguments);
    char *text = json_dumps(result, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

static void relate(const char *from, const char *to)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments,
             "{\"entities\":[{\"name\":\"%s\",\"type\":\"t\"},{\"name\":\"%s\",\"type\":\"t\"}]}",
             from, to);
    json_decref(harness_call(&harness, "create_entities", arguments));
    snprintf(arguments, sizeof arguments,
             "{\"relations\":[{\"from\":\"%s\",\"type\":\"r\",\"to\":\"%s\"}]}", from, to);
    json_decref(harness_call(&harness, "create_relations", arguments));
}

static void memories_are_linked_and_unlinked(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        json_decref(
            harness_call(&harness, "store_memory", "{\"name\":\"m\",\"content\":\"text\"}"));
    check("link_resources", "{\"from\":1,\"to\":2,\"type\":\"explains\"}", "{\"created\":true}");
    check("link_resources", "{\"from\":1,\"to\":2,\"type\":\"explains\"}", "{\"created\":false}");
    check("link_resources", "{\"from\":2,\"to\":3,\"type\":\"explains\"}", "{\"created\":true}");
    check("get_resource_links", "{\"id\":2,\"direction\":\"in\"}",
          "{\"links\":[{\"from\":1,\"type\":\"explains\",\"to\":2}]}");
    check("get_document_relationships", "{\"id\":1,\"hops\":2}",
          "{\"documents\":[{\"id\":2,\"distance\":1},{\"id\":3,\"distance\":2}]}");
    check("unlink_resources", "{\"from\":1,\"to\":2}", "{\"removed\":1}");
    check("get_document_relationships", "{\"id\":1}", "{\"documents\":[]}");
    harness_refused(&harness, "link_resources", "{\"from\":1,\"to\":9,\"type\":\"x\"}", "not_found",
                    "to");
    json_decref(harness_call(&harness, "delete_memory", "{\"id\":3}"));
    check("get_resource_links", "{\"id\":2}", "{\"links\":[]}");
}

static void paths_and_neighbours(void **state)
{
    (void)state;
    relate("a", "b");
    relate("b", "c");
    relate("d", "c");
    check("find_shortest_path", "{\"from\":\"a\",\"to\":\"d\"}",
          "{\"found\":true,\"path\":[\"a\",\"b\",\"c\",\"d\"],\"length\":3}");
    check("find_shortest_path", "{\"from\":\"a\",\"to\":\"d\",\"direction\":\"out\"}",
          "{\"found\":false,\"path\":[],\"length\":0}");
    check("get_neighbors", "{\"entity\":\"c\"}",
          "{\"neighbors\":[{\"name\":\"b\",\"type\":\"t\",\"distance\":1},"
          "{\"name\":\"d\",\"type\":\"t\",\"distance\":1}]}");
    check("get_subgraph", "{\"names\":[\"a\",\"b\",\"d\",\"nobody\"]}",
          "{\"entities\":[{\"name\":\"a\",\"type\":\"t\",\"observations\":[]},"
          "{\"name\":\"b\",\"type\":\"t\",\"observations\":[]},"
          "{\"name\":\"d\",\"type\":\"t\",\"observations\":[]}],"
          "\"relations\":[{\"from\":\"a\",\"type\":\"r\",\"to\":\"b\"}]}");
    harness_refused(&harness, "get_neighbors", "{\"entity\":\"z\"}", "not_found", "\"z\"");
}

static double score_of(json_t *list, size_t index)
{
    return json_real_value(json_object_get(json_array_get(list, index), "score"));
}

/* x and y share p (degree 2) and q (degree 3): 1/ln 2 + 1/ln 3. z shares only q. */
static void shared_neighbours_count_by_their_rarity(void **state)
{
    (void)state;
    relate("x", "p");
    relate("y", "p");
    relate("x", "q");
    relate("y", "q");
    relate("z", "q");
    json_t *result = harness_call(&harness, "find_related_entities", "{\"entity\":\"x\"}");
    json_t *related = json_object_get(result, "related");
    assert_int_equal(json_array_size(related), 2);
    assert_true(fabs(score_of(related, 0) - (1 / log(2) + 1 / log(3))) < 1e-9);
    assert_true(fabs(score_of(related, 1) - 1 / log(3)) < 1e-9);
    json_decref(result);
}

/* Two nodes that point at each other and one that points at both: by symmetry the two are equal,
 * and the third has (1 - d) / 3 = 0.05. */
static void ranks_are_those_of_the_fixed_point(void **state)
{
    (void)state;
    relate("a", "b");
    relate("b", "a");
    relate("c", "a");
    relate("c", "b");
    json_t *result = harness_call(&harness, "get_central_nodes", "{}");
    json_t *entities = json_object_get(result, "entities");
    assert_true(fabs(score_of(entities, 0) - 0.475) < 1e-5);
    assert_true(fabs(score_of(entities, 1) - 0.475) < 1e-5);
    assert_true(fabs(score_of(entities, 2) - 0.05) < 1e-5);
    json_decref(result);
}

static void two_triangles_on_a_thread_are_two_communities(void **state)
{
    (void)state;
    relate("a1", "a2");
    relate("a2", "a3");
    relate("a3", "a1");
    relate("b1", "b2");
    relate("b2", "b3");
    relate("b3", "b1");
    relate("a3", "b1");
    check("find_communities", "{}",
          "{\"communities\":[[\"a1\",\"a2\",\"a3\"],[\"b1\",\"b2\",\"b3\"]],\"complete\":true}");
    relate("a0", "0");
    relate("c3", "c2");
    relate("c2", "c1");
    relate("c1", "c4");
    relate("c4", "c3");
    relate("c1", "c3");
    relate("self", "self");
    check("find_communities", "{}",
          "{\"communities\":[[\"c1\",\"c2\",\"c3\",\"c4\"],[\"a1\",\"a2\",\"a3\"],"
          "[\"b1\",\"b2\",\"b3\"],[\"0\",\"a0\"]],\"complete\":true}");
    check("find_communities", "{\"minimum_size\":3,\"limit\":2}",
          "{\"communities\":[[\"c1\",\"c2\",\"c3\",\"c4\"],[\"a1\",\"a2\",\"a3\"]],"
          "\"complete\":true}");
    check("find_communities", "{\"minimum_size\":4}",
          "{\"communities\":[[\"c1\",\"c2\",\"c3\",\"c4\"]],\"complete\":true}");
}

/* Enough of them that what they are numbered by has to grow, and those with the last names first.
 */
static void many_entities_keep_their_order(void **state)
{
    (void)state;
    char from[16], to[16], arguments[64], expected[96];
    for (int i = 599; i > 0; i--) {
        snprintf(from, sizeof from, "n%03d", i);
        snprintf(to, sizeof to, "n%03d", i / 2);
        relate(from, to);
    }
    json_t *result = harness_call(&harness, "find_communities", "{\"limit\":1000}"), *names;
    json_t *communities = json_object_get(result, "communities");
    size_t index, total = 0;
    json_array_foreach(communities, index, names)
    {
        total += json_array_size(names);
        for (size_t i = 1; i < json_array_size(names); i++)
            assert_true(strcmp(json_string_value(json_array_get(names, i - 1)),
                               json_string_value(json_array_get(names, i))) < 0);
    }
    assert_in_range(total, 2, 600);
    json_decref(result);
    for (int i = 300; i < 600; i += 299) { /* leaves: what is tied to the one above them */
        snprintf(arguments, sizeof arguments, "{\"entity\":\"n%03d\",\"limit\":1}", i);
        snprintf(expected, sizeof expected,
                 "{\"related\":[{\"name\":\"n%03d\",\"score\":0.91023922662683732}]}", i / 4);
        check("find_related_entities", arguments, expected);
    }
}

static void what_is_deleted_takes_its_relations(void **state)
{
    (void)state;
    relate("a", "b");
    relate("a", "c");
    harness_refused(&harness, "delete_relations", "{\"type\":\"r\"}", "invalid_argument",
                    "from, to");
    check("delete_relations", "{\"from\":\"a\",\"to\":\"c\"}", "{\"deleted\":1}");
    check("delete_entities", "{\"names\":[\"b\",\"nobody\"]}",
          "{\"deleted\":1,\"missing\":[\"nobody\"]}");
    check("query_graph", "{\"entity\":\"a\"}", "{\"relations\":[]}");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_knowledge_graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(memories_are_linked_and_unlinked),
        WITH_HARNESS(paths_and_neighbours),
        WITH_HARNESS(shared_neighbours_count_by_their_rarity),
        WITH_HARNESS(ranks_are_those_of_the_fixed_point),
        WITH_HARNESS(two_triangles_on_a_thread_are_two_communities),
        WITH_HARNESS(many_entities_keep_their_order),
        WITH_HARNESS(what_is_deleted_takes_its_relations),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
