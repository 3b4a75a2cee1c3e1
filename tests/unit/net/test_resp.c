/* The RESP codec: every type, every cut, and everything that is no RESP. */
#include "net/resp.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1024 * 1024)

/* A reply with its JSON. */
static const struct {
    const char *reply, *json;
} valid[] = {
    {"+OK\r\n", "\"OK\""},
    {"+\r\n", "\"\""},
    {"-ERR no\r\n", "{\"error\":\"ERR no\"}"},
    {":0\r\n", "0"},
    {":-9223372036854775808\r\n", "-9223372036854775808"},
    {":+9223372036854775807\r\n", "9223372036854775807"},
    {"$5\r\nhe\r\no\r\n", "\"he\\r\\no\""},
    {"$0\r\n\r\n", "\"\""},
    {"$-1\r\n", "null"},
    {"*-1\r\n", "null"},
    {"_\r\n", "null"},
    {"#t\r\n", "true"},
    {"#f\r\n", "false"},
    {",1.5\r\n", "1.5"},
    {",-10\r\n", "-10"},
    {",+0012.50e+3\r\n", "12.50e+3"},
    {",-011111111111111110000000000\r\n", "-11111111111111110000000000.0"},
    {",inf\r\n", "\"inf\""},
    {",-inf\r\n", "\"-inf\""},
    {",nan\r\n", "\"nan\""},
    {",1e999\r\n", "\"1e999\""},
    {"(3492890328409238509324850943850943825024385\r\n",
     "\"3492890328409238509324850943850943825024385\""},
    {"(-1\r\n", "\"-1\""},
    {"!9\r\nSYNTAX no\r\n", "{\"error\":\"SYNTAX no\"}"},
    {"=8\r\ntxt:text\r\n", "\"text\""},
    {"=4\r\nmkd:\r\n", "\"\""},
    {"*0\r\n", "[]"},
    {"*3\r\n:1\r\n$1\r\na\r\n*1\r\n_\r\n", "[1,\"a\",[null]]"},
    {"%0\r\n", "{}"},
    {"%2\r\n+a\r\n:1\r\n:2\r\n*0\r\n", "{\"a\":1,\"2\":[]}"},
    {"%1\r\n=5\r\ntxt:k\r\n_\r\n", "{\"k\":null}"},
    {"%1\r\n_\r\n#t\r\n", "{\"null\":true}"},
    {"%1\r\n*1\r\n:1\r\n:2\r\n", "[[[1],2]]"},
    {"~2\r\n:1\r\n:2\r\n", "[1,2]"},
    {"|1\r\n+ttl\r\n:9\r\n:1\r\n", "1"},
    {"|0\r\n:1\r\n", "1"},
    {"|1\r\n+a\r\n*1\r\n:1\r\n|1\r\n+b\r\n:2\r\n$1\r\nx\r\n", "\"x\""},
    {"*2\r\n:1\r\n|1\r\n+a\r\n:5\r\n:2\r\n", "[1,2]"},
    {"*1\r\n|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:5\r\n:2\r\n", "[2]"},
    {"$?\r\n;4\r\nHell\r\n;2\r\no!\r\n;0\r\n", "\"Hello!\""},
    {"$?\r\n;0\r\n", "\"\""},
    {"$?\r\n;1\r\n\xc3\r\n;1\r\n\xa9\r\n;0\r\n", "\"\xc3\xa9\""},
    {"*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n", "[1,[],2]"},
    {"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", "{\"a\":1,\"b\":2}"},
    {"~?\r\n+a\r\n.\r\n", "[\"a\"]"},
    {"%?\r\n$?\r\n;1\r\na\r\n;0\r\n:1\r\n.\r\n", "[[\"a\",1]]"},
    {"*1\r\n$?\r\n;1\r\na\r\n;0\r\n", "[\"a\"]"},
    {">2\r\n+message\r\n+x\r\n", "[\"message\",\"x\"]"},
    {"$4\r\na\xff\xc3z\r\n", "\"a\\ufffd\\ufffdz\""},
    {"$3\r\n\xed\xa0\x80\r\n", "\"\\ufffd\\ufffd\\ufffd\""},
    {"$6\r\n\xe2\x82\xac\"\\\x01\r\n", "\"\xe2\x82\xac\\\"\\\\\\u0001\""},
};

static const struct {
    const char *reply, *problem;
} invalid[] = {
    {"x", "unknown_type"},
    {"\r\n", "unknown_type"},
    {"OK\r\n", "unknown_type"},
    {"+a\n", "bad_line"},
    {"+\n", "bad_line"},
    {"+a\rb\r\n", "bad_line"},
    {"_x\r\n", "bad_line"},
    {":\r\n", "bad_number"},
    {":1x\r\n", "bad_number"},
    {":-\r\n", "bad_number"},
    {":9223372036854775808\r\n", "bad_number"},
    {":-9223372036854775809\r\n", "bad_number"},
    {"#x\r\n", "bad_number"},
    {"#\r\n", "bad_number"},
    {",\r\n", "bad_number"},
    {",1.\r\n", "bad_number"},
    {",.5\r\n", "bad_number"},
    {",1e\r\n", "bad_number"},
    {",1e+\r\n", "bad_number"},
    {",0x1\r\n", "bad_number"},
    {",infinity\r\n", "bad_number"},
    {"(1.5\r\n", "bad_number"},
    {"(\r\n", "bad_number"},
    {"$\r\n", "bad_length"},
    {"$-2\r\n", "bad_length"},
    {"$+1\r\na\r\n", "bad_length"},
    {"$1\r\nabc", "bad_length"},
    {"$99999999999999999999\r\n", "bad_length"},
    {"$1048577\r\n", "too_large"},
    {"!-1\r\n", "bad_length"},
    {"=-1\r\n", "bad_length"},
    {"=3\r\nabc\r\n", "bad_line"},
    {"=4\r\nabcd\r\n", "bad_line"},
    {"*-2\r\n", "bad_length"},
    {"*x\r\n", "bad_length"},
    {"*9999999\r\n", "too_large"},
    {"%-1\r\n", "bad_length"},
    {"%9223372036854775807\r\n", "bad_length"},
    {"~-1\r\n", "bad_length"},
    {"|?\r\n", "bad_length"},
    {">?\r\n", "bad_length"},
    {">0\r\n", "bad_length"},
    {".\r\n", "bad_nesting"},
    {";1\r\na\r\n", "bad_nesting"},
    {"*1\r\n.\r\n", "bad_nesting"},
    {"*1\r\n>1\r\n+a\r\n", "bad_nesting"},
    {"$?\r\n+a\r\n", "bad_nesting"},
    {"%?\r\n+a\r\n.\r\n", "bad_nesting"},
    {"*?\r\n|1\r\n+a\r\n:1\r\n.\r\n", "bad_nesting"},
};

/* Read as far as it goes, of a copy that ends where the bytes do: a read past them is seen. */
static enum resp_status read_cut(struct resp_reader *reader, const char *reply, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, reply, length);
    enum resp_status status = resp_read(reader, copy, length);
    free(copy);
    return status;
}

static void reads_whole_and_bytewise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        size_t length = strlen(valid[i].reply);
        struct resp_reader reader;
        resp_reader_init(&reader, LIMIT);
        if (read_cut(&reader, valid[i].reply, length) != RESP_DONE)
            fail_msg("%s: not done: %s", valid[i].reply, reader.problem);
        assert_int_equal(reader.length, length);
        size_t value = reader.value_offset;
        bool has_error = reader.has_error;

        resp_reader_begin(&reader);
        for (size_t cut = 0; cut < length; cut++) {
            if (read_cut(&reader, valid[i].reply, cut) != RESP_MORE)
                fail_msg("%s: over after %zu bytes", valid[i].reply, cut);
            assert_true(reader.needed >= 1 && reader.needed <= length - cut);
        }
        assert_int_equal(read_cut(&reader, valid[i].reply, length), RESP_DONE);
        assert_int_equal(reader.length, length);
        assert_int_equal(reader.value_offset, value);
        assert_int_equal(reader.has_error, has_error);
    }
}

static void stops_at_the_end_of_a_reply(void **state)
{
    const char *replies = "+OK\r\n*1\r\n:1\r\n$1\r\nx\r\n-ERR\r\n";
    const size_t lengths[] = {5, 8, 7, 6};
    struct resp_reader reader;
    (void)state;
    resp_reader_init(&reader, LIMIT);
    for (size_t i = 0; i < 4; i++) {
        resp_reader_begin(&reader);
        assert_int_equal(resp_read(&reader, replies, strlen(replies)), RESP_DONE);
        assert_int_equal(reader.length, lengths[i]);
        replies += reader.length;
    }
    assert_true(reader.has_error);
    assert_int_equal(*replies, 0);
}

static void refuses_what_is_no_resp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        size_t length = strlen(invalid[i].reply);
        struct resp_reader reader;
        resp_reader_init(&reader, LIMIT);
        if (read_cut(&reader, invalid[i].reply, length) != RESP_BAD)
            fail_msg("%s: taken", invalid[i].reply);
        assert_string_equal(reader.problem, invalid[i].problem);

        resp_reader_begin(&reader);
        enum resp_status status = RESP_MORE;
        for (size_t cut = 1; status == RESP_MORE && cut <= length; cut++)
            status = read_cut(&reader, invalid[i].reply, cut);
        assert_int_equal(status, RESP_BAD);
        assert_string_equal(reader.problem, invalid[i].problem);
    }
}

static void bounds_depth(void **state)
{
    struct buffer reply;
    struct resp_reader reader;
    (void)state;
    for (int depth = RESP_DEPTH_LIMIT; depth <= RESP_DEPTH_LIMIT + 1; depth++) {
        buffer_init(&reply, LIMIT);
        for (int i = 0; i < depth; i++)
            buffer_append_text(&reply, "*1\r\n");
        buffer_append_text(&reply, ":1\r\n");
        resp_reader_init(&reader, LIMIT);
        enum resp_status status = resp_read(&reader, buffer_bytes(&reply), buffer_length(&reply));
        assert_int_equal(status, depth == RESP_DEPTH_LIMIT ? RESP_DONE : RESP_BAD);
        if (status == RESP_BAD)
            assert_string_equal(reader.problem, "too_deep");
        struct buffer json;
        struct resp_cursor cursor = {buffer_bytes(&reply),
                                     buffer_bytes(&reply) + buffer_length(&reply)};
        buffer_init(&json, LIMIT);
        assert_int_equal(resp_append_json(&json, &cursor) == 0, status == RESP_DONE);
        buffer_free(&json);
        buffer_free(&reply);
    }
}

static void bounds_lines_and_replies(void **state)
{
    struct buffer reply;
    struct resp_reader reader;
    (void)state;
    buffer_init(&reply, LIMIT);
    buffer_append_char(&reply, '+');
    for (int i = 0; i < RESP_LINE_LIMIT + 2; i++)
        buffer_append_char(&reply, 'x');
    resp_reader_init(&reader, LIMIT);
    assert_int_equal(resp_read(&reader, buffer_bytes(&reply), 1000), RESP_MORE);
    assert_int_equal(resp_read(&reader, buffer_bytes(&reply), buffer_length(&reply)), RESP_BAD);
    assert_string_equal(reader.problem, "too_large");
    buffer_free(&reply);

    /* each element is small, all of them are not */
    resp_reader_init(&reader, 20);
    assert_int_equal(resp_read(&reader, "*3\r\n:1\r\n:2\r\n:3\r\n", 16), RESP_DONE);
    resp_reader_begin(&reader);
    assert_int_equal(resp_read(&reader, "*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", 24), RESP_BAD);
    assert_string_equal(reader.problem, "too_large");
    resp_reader_begin(&reader);
    assert_int_equal(resp_read(&reader, "+12345678901234567890123456", 27), RESP_BAD);
    assert_string_equal(reader.problem, "too_large");
}

static void finds_errors_in_aggregates(void **state)
{
    static const struct {
        const char *reply;
        long offset; /* -1: none */
    } table[] = {
        {"-ERR\r\n", 0},
        {"*2\r\n+OK\r\n-WRONGTYPE x\r\n", 9},
        {"*2\r\n!3\r\nERR\r\n-OTHER\r\n", 4},
        {"|1\r\n+a\r\n-ERR\r\n+OK\r\n", -1},
        {"|1\r\n+a\r\n-ERR\r\n-REAL\r\n", 14},
        {"%1\r\n+a\r\n-ERR\r\n", 8},
        {"$4\r\n-ERR\r\n", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct resp_reader reader;
        resp_reader_init(&reader, LIMIT);
        assert_int_equal(resp_read(&reader, table[i].reply, strlen(table[i].reply)), RESP_DONE);
        assert_int_equal(reader.has_error, table[i].offset >= 0);
        if (table[i].offset >= 0)
            assert_int_equal(reader.error_offset, table[i].offset);
    }
}

static void says_what_a_reply_is(void **state)
{
    static const struct {
        const char *reply;
        enum resp_type type;
        size_t value;
    } table[] = {
        {"$-1\r\n", RESP_NULL, 0},
        {"*-1\r\n", RESP_NULL, 0},
        {">1\r\n+a\r\n", RESP_PUSH, 0},
        {"|1\r\n+a\r\n:1\r\n%0\r\n", RESP_MAP, 12},
        {"$?\r\n;0\r\n", RESP_BULK, 0},
        {"*1\r\n:1\r\n", RESP_ARRAY, 0},
        {"|1\r\n*1\r\n:1\r\n~0\r\n:7\r\n", RESP_INTEGER, 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct resp_reader reader;
        resp_reader_init(&reader, LIMIT);
        assert_int_equal(resp_read(&reader, table[i].reply, strlen(table[i].reply)), RESP_DONE);
        assert_int_equal(reader.type, table[i].type);
        assert_int_equal(reader.value_offset, table[i].value);
    }
}

static void makes_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct resp_cursor cursor = {valid[i].reply, valid[i].reply + strlen(valid[i].reply)};
        struct buffer json;
        buffer_init(&json, LIMIT);
        if (resp_append_json(&json, &cursor) < 0)
            fail_msg("%s: no JSON", valid[i].reply);
        assert_ptr_equal(cursor.at, cursor.end);
        char *text = buffer_take_string(&json);
        assert_string_equal(text, valid[i].json);
        json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
        free(text);
    }
}

static void json_stops_at_a_full_buffer(void **state)
{
    const char *reply = "%2\r\n+key\r\n*3\r\n$5\r\nabcde\r\n,1.5\r\n#t\r\n+other\r\n-ERR\r\n";
    (void)state;
    for (size_t limit = 1; limit < 50; limit++) {
        struct resp_cursor cursor = {reply, reply + strlen(reply)};
        struct buffer json;
        buffer_init(&json, limit);
        int result = resp_append_json(&json, &cursor);
        assert_true(buffer_length(&json) <= limit);
        assert_int_equal(
            result == 0,
            limit >= strlen("{\"key\":[\"abcde\",1.5,true],\"other\":{\"error\":\"ERR\"}}"));
        buffer_free(&json);
    }
}

static void skips_values_with_their_attributes(void **state)
{
    const char *replies = "|1\r\n+a\r\n:1\r\n*2\r\n:1\r\n:2\r\n$?\r\n;1\r\nx\r\n;0\r\n:7\r\n";
    struct resp_cursor cursor = {replies, replies + strlen(replies)};
    struct resp_token token;
    (void)state;
    assert_true(resp_skip(&cursor));
    assert_true(resp_skip(&cursor));
    assert_true(resp_next(&cursor, &token));
    assert_int_equal(token.type, RESP_INTEGER);
    assert_int_equal(token.integer, 7);
    assert_false(resp_skip(&cursor));
    assert_false(resp_next(&cursor, &token));
}

static void writes_commands(void **state)
{
    struct buffer output;
    (void)state;
    buffer_init(&output, LIMIT);
    assert_int_equal(resp_append_array(&output, 3), 0);
    assert_int_equal(resp_append_bulk_text(&output, "SET"), 0);
    assert_int_equal(resp_append_bulk(&output, "a\0b", 3), 0);
    assert_int_equal(resp_append_bulk(&output, NULL, 0), 0);
    static const char expected[] = "*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n";
    assert_int_equal(buffer_length(&output), sizeof expected - 1);
    assert_memory_equal(buffer_bytes(&output), expected, sizeof expected - 1);
    buffer_free(&output);
    buffer_init(&output, 12);
    assert_int_equal(resp_append_bulk_text(&output, "too long"), -1);
    assert_int_equal(buffer_length(&output), 0);
    assert_int_equal(resp_append_bulk_text(&output, "123456"), 0);
    buffer_free(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_and_bytewise),
        cmocka_unit_test(stops_at_the_end_of_a_reply),
        cmocka_unit_test(refuses_what_is_no_resp),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(bounds_lines_and_replies),
        cmocka_unit_test(finds_errors_in_aggregates),
        cmocka_unit_test(says_what_a_reply_is),
        cmocka_unit_test(makes_json),
        cmocka_unit_test(json_stops_at_a_full_buffer),
        cmocka_unit_test(skips_values_with_their_attributes),
        cmocka_unit_test(writes_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
