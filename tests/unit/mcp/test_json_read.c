/* src/mcp/json_read: reads what jansson reads, and refuses what it refuses. */
#include "mcp/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Without a terminator, so that a byte read too far is seen by the sanitizers. */
static json_t *read_request(const char *text, struct json_repeated *repeated, json_error_t *problem)
{
    size_t length = strlen(text);
    char *bytes = malloc(length + 1);
    memcpy(bytes, text, length);
    bytes = realloc(bytes, length ? length : 1);
    json_t *value = repeated ? json_read_request(bytes, length, repeated, problem)
                             : json_read(bytes, length, problem);
    free(bytes);
    return value;
}

static json_t *read_text(const char *text, json_error_t *problem)
{
    return read_request(text, NULL, problem);
}

static void reads_what_jansson_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t{ \"a\" : 1 , \"b\" : [ true , false , null ] }\r\n",
        "[0,-0,-1,999999999999999999,-99999999999999999,9223372036854775807,-9223372036854775808]",
        "[1.5,-0.0,1e3,1E-3,0.1e+2,123456789012345678901234567890.0]",
        "[\"\",\"plain\",\"\\u00e9\\n\\\"\",\"\xC3\xA9\xF0\x9F\x98\x80\",\"\\ud83d\\ude00\"]",
        "{\"\":{\"\\u0061b\":[[[{}]]]},\"key with \xE2\x82\xAC\":\"x\"}",
        "\"alone\"",
        "-7",
        "null",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_error_t problem;
        json_t *mine = read_text(texts[i], &problem);
        json_t *theirs = json_loads(texts[i], JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(theirs);
        if (!mine)
            fail_msg("%s: %s", texts[i], problem.text);
        assert_true(json_equal(mine, theirs));
        json_decref(mine);
        json_decref(theirs);
    }
}

static void keeps_the_order_of_members(void **state)
{
    (void)state;
    json_error_t problem;
    json_t *value = read_text("{\"z\":1,\"a\":2,\"m\":3}", &problem);
    char *text = json_dumps(value, JSON_COMPACT);
    assert_string_equal(text, "{\"z\":1,\"a\":2,\"m\":3}");
    free(text);
    json_decref(value);
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        int position;
    } cases[] = {
        {"", "ends", 0},
        {"  ", "ends", 2},
        {"[", "ends", 1},
        {"[1", "neither", 2},
        {"[1,", "ends", 3},
        {"[1,]", "no JSON", 3},
        {"[1 2]", "neither", 3},
        {"{\"a\"", "colon", 4},
        {"{\"a\":", "ends", 5},
        {"{\"a\":1", "neither", 6},
        {"{\"a\":1,}", "key", 7},
        {"{a:1}", "key", 1},
        {"{} {}", "after", 3},
        {"nul", "unknown word", 0},
        {"[01]", "number", 1},
        {"[1.]", "number", 1},
        {"[--1]", "number", 1},
        {"[9223372036854775808]", "too big", 1},
        {"[1e999]", "overflow", 1},
        {"{\"a\":1,\"a\":2}", "duplicate", 8},
        {"{\"a\":1,\"\\u0061\":2}", "duplicate", -1},
        {"[\"\\u0000\"]", "\\u0000", 1},
        {"{\"\\u0000\":1}", "\\u0000", 1},
        {"[\"\\ud800\"]", "Unicode", 1},
        {"[\"\\x\"]", "escape", 2},
        {"[\"a\nb\"]", "control", 3},
        {"[\"\xC3\"]", "UTF-8", 2},
        {"[\"\xED\xA0\x80\"]", "UTF-8", 2},
        {"[\"abc", "ends", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_error_t problem;
        assert_null(read_text(cases[i].text, &problem));
        if (!strstr(problem.text, cases[i].says))
            fail_msg("%s: says \"%s\", not \"%s\"", cases[i].text, problem.text, cases[i].says);
        if (cases[i].position >= 0)
            assert_int_equal(problem.position, cases[i].position);
    }
    json_error_t problem;
    assert_null(json_read(NULL, 0, &problem));
}

static json_t *nested(unsigned depth)
{
    char text[2 * JSON_READ_DEPTH + 8];
    json_error_t problem;
    for (unsigned i = 0; i < depth; i++) {
        text[i] = '[';
        text[2 * depth - 1 - i] = ']';
    }
    text[2 * depth] = '\0';
    return read_text(text, &problem);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    json_t *deepest = nested(JSON_READ_DEPTH);
    assert_non_null(deepest);
    json_decref(deepest);
    assert_null(nested(JSON_READ_DEPTH + 1));
}

static json_t *request_of(const char *meta, struct json_repeated *repeated)
{
    char text[2 * JSON_REPEATED_LENGTH];
    json_error_t problem;
    snprintf(text, sizeof text, "{\"id\":1,\"params\":{\"name\":\"a\",\"_meta\":%s}}", meta);
    json_t *mine = read_request(text, repeated, &problem);
    json_t *theirs = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(mine != NULL, theirs != NULL);
    assert_true(!mine || json_equal(mine, theirs));
    json_decref(theirs);
    return mine;
}

static const json_t *meta_of(const json_t *request)
{
    return json_object_get(json_object_get(request, "params"), "_meta");
}

static void reads_what_requests_repeat_once(void **state)
{
    (void)state;
    struct json_repeated repeated = {0};
    json_t *first = request_of("{\"client\":{\"name\":\"x\"}}", &repeated),
           *other = request_of("{\"client\":{\"name\":\"y\"}}", &repeated),
           *again = request_of("{\"client\":{\"name\":\"x\"}}", &repeated);
    assert_ptr_equal(meta_of(again), meta_of(first));
    assert_ptr_not_equal(meta_of(other), meta_of(first));
    json_decref(first);
    json_decref(other);
    json_decref(again);
    json_repeated_free(&repeated);
}

/* What begins like a kept text but is another, or is no object, or no JSON behind it. */
static void takes_nothing_for_a_repetition_that_is_none(void **state)
{
    (void)state;
    struct json_repeated repeated = {0};
    static const char *const texts[] = {"{\"a\":[{}]}",
                                        "{\"a\":[{}],\"b\":1}",
                                        "{\"a\":[{}]} ",
                                        "{\"a\":[{}]",
                                        "{\"a\":[{}]}}",
                                        "{\"a\":[{}]},,",
                                        "{\"a\":[{\"\":0}]}",
                                        "{ \"a\":[{}]}",
                                        "{}",
                                        "{}{}",
                                        "[1]",
                                        "1",
                                        "12",
                                        "null",
                                        "{\"a\":1,\"a\":1}"};
    for (size_t i = 0; i < 3 * sizeof texts / sizeof *texts; i++)
        json_decref(request_of(texts[i % (sizeof texts / sizeof *texts)], &repeated));
    json_repeated_free(&repeated);
}

static void keeps_no_more_than_it_may_of_what_repeats(void **state)
{
    (void)state;
    struct json_repeated repeated = {0};
    char meta[JSON_REPEATED_LENGTH + 8];
    for (int size = JSON_REPEATED_LENGTH - 1; size <= JSON_REPEATED_LENGTH + 1; size++) {
        snprintf(meta, sizeof meta, "{\"a\":\"%0*d\"}", size - 8, 0);
        assert_int_equal(strlen(meta), size);
        json_t *once = request_of(meta, &repeated), *twice = request_of(meta, &repeated);
        assert_int_equal(meta_of(once) == meta_of(twice), size <= JSON_REPEATED_LENGTH);
        json_decref(once);
        json_decref(twice);
    }
    json_t *oldest = request_of("{\"oldest\":0}", &repeated);
    for (int i = 0; i < JSON_REPEATED_COUNT; i++) {
        snprintf(meta, sizeof meta, "{\"newer\":%d}", i);
        json_decref(request_of(meta, &repeated));
    }
    json_t *again = request_of("{\"oldest\":0}", &repeated);
    assert_ptr_not_equal(meta_of(again), meta_of(oldest));
    json_decref(oldest);
    json_decref(again);
    json_repeated_free(&repeated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_jansson_reads),
        cmocka_unit_test(keeps_the_order_of_members),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(reads_what_requests_repeat_once),
        cmocka_unit_test(takes_nothing_for_a_repetition_that_is_none),
        cmocka_unit_test(keeps_no_more_than_it_may_of_what_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
