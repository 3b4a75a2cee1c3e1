/* chat_continuity: messages are kept in order, found, summed up and joined. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void say(const char *conversation, const char *tool, const char *content)
{
    char arguments[512];
    snprintf(arguments, sizeof arguments,
             "{\"conversation\":\"%s\",\"tool\":\"%s\",\"content\":\"%s\"}", conversation, tool,
             content);
    json_decref(harness_call(&harness, "log_chat", arguments));
}

/* The ids of the messages of a result, "1 2 3". */
static void check_ids(const char *tool, const char *arguments, const char *expected)
{
    char ids[256] = "";
    json_t *result = harness_call(&harness, tool, arguments), *message;
    size_t index;
    json_array_foreach(json_object_get(result, "messages"), index, message)
        sprintf(ids + strlen(ids), "%s%lld", index ? " " : "",
                (long long)json_integer_value(json_object_get(message, "id")));
    assert_string_equal(ids, expected);
    json_decref(result);
}

static void a_history_comes_in_pages(void **state)
{
    (void)state;
    say("a", "t", "one");
    say("b", "t", "two");
    say("a", "t", "three");
    say("a", "u", "four");
    check_ids("get_chat_history", "{\"conversation\":\"a\",\"limit\":2}", "1 3");
    json_t *page =
        harness_call(&harness, "get_chat_history", "{\"conversation\":\"a\",\"limit\":2}");
    assert_int_equal(json_integer_value(json_object_get(page, "next_after")), 3);
    json_decref(page);
    check_ids("get_chat_history", "{\"conversation\":\"a\",\"after\":3}", "4");
    check_ids("get_chats_by_tool", "{\"tool\":\"t\"}", "3 2 1");
    json_t *result = harness_call(&harness, "get_tool_conversations", "{\"tool\":\"t\"}");
    char *text =
        json_dumps(json_object_get(json_array_get(json_object_get(result, "conversations"), 0),
                                   "conversation"),
                   JSON_ENCODE_ANY);
    assert_string_equal(text, "\"a\"");
    free(text);
    json_decref(result);
}

static void messages_are_found_by_word_and_by_likeness(void **state)
{
    (void)state;
    say("a", "t", "the shipment of bananas is late");
    say("a", "t", "the invoice was paid on Monday");
    say("b", "t", "bananas again");
    check_ids("search_chats", "{\"query\":\"invoice\",\"limit\":1}", "2");
    check_ids("search_chats", "{\"query\":\"shipments delayed\",\"limit\":1}", "1");
    check_ids("search_chats", "{\"query\":\"bananas\",\"conversation\":\"b\"}", "3");
}

static void a_summary_has_the_central_messages_in_order(void **state)
{
    (void)state;
    say("a", "t", "we ship version two on tuesday");
    say("a", "t", "lunch?");
    say("a", "t", "version two ships on tuesday morning");
    say("a", "t", "my cat is ill");
    say("a", "t", "tuesday we ship version two then");
    check_ids("summarize_conversation", "{\"conversation\":\"a\",\"messages\":3}", "1 3 5");
    harness_refused(&harness, "summarize_conversation", "{\"conversation\":\"none\"}", "not_found",
                    "none");
}

static void conversations_are_joined(void **state)
{
    (void)state;
    say("a", "t", "x");
    say("b", "t", "y");
    json_decref(harness_call(&harness, "link_conversations",
                             "{\"from\":\"a\",\"to\":\"b\",\"type\":\"continues\"}"));
    json_t *path =
        graph_path(harness.store.graph, "conversation:a", "conversation:b", GRAPH_OUT, 1, NULL);
    assert_int_equal(json_array_size(path), 2);
    json_decref(path);
    harness_refused(&harness, "link_conversations", "{\"from\":\"a\",\"to\":\"z\",\"type\":\"x\"}",
                    "not_found", "to");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_chat_continuity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(a_history_comes_in_pages),
        WITH_HARNESS(messages_are_found_by_word_and_by_likeness),
        WITH_HARNESS(a_summary_has_the_central_messages_in_order),
        WITH_HARNESS(conversations_are_joined),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
