/* The envelope scan: what it takes and refuses as JSON, what it notes of a message, and that it
 * agrees with jansson on documents nobody wrote by hand. */
#include "base/random.h"
#include "mcp/jsonrpc.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

/* Scan an exact copy, so that a sanitizer sees any read past the end. The copy is leaked into
 * `held`, as the message points into it. */
static char *held;

static enum jsonrpc_kind scan_bytes(struct jsonrpc_message *message, const char *bytes,
                                    size_t length)
{
    free(held);
    held = malloc(length ? length : 1);
    assert_non_null(held);
    memcpy(held, bytes, length);
    return jsonrpc_scan(message, held, length);
}

static enum jsonrpc_kind scan(struct jsonrpc_message *message, const char *text)
{
    return scan_bytes(message, text, strlen(text));
}

static bool is_json(const char *text)
{
    struct jsonrpc_message message;
    return scan(&message, text) != JSONRPC_MALFORMED;
}

static void assert_span(struct span span, const char *expected)
{
    if (!expected) {
        assert_null(span.start);
        return;
    }
    assert_non_null(span.start);
    char *text = strndup(span.start, span.length);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- JSON: by hand -----------------------------------------------------------------------------
 */

static const char *const valid_values[] = {
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "123456789",
    "0.5",
    "-0.5",
    "1.0",
    "1.25",
    "1e5",
    "1E5",
    "1e+5",
    "1e-5",
    "1.5e10",
    "0e0",
    "0E+0",
    "-0.0e-0",
    "123456789012345678901234567890",
    "1e400",
    "-1e-400",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"abc def\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\/\"",
    "\"\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\u00e9\"",
    "\"\\uABCD\"",
    "\"\\uabcd\"",
    "\"\\ud834\\udd1e\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\u0000\"",
    "\"\x7f\"",
    "\"\xc2\x80\"",
    "\"\xc3\xa9\"",
    "\"\xdf\xbf\"",
    "\"\xe0\xa0\x80\"",
    "\"\xe2\x82\xac\"",
    "\"\xed\x9f\xbf\"",
    "\"\xee\x80\x80\"",
    "\"\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "\"aaaaaaaaaaaaaaa\\\"aaaaaaaaaaaaaaaaaa\"",
    "\"aaaaaaaaaaaaaaaa\xc3\xa9\xc3\xa9\xc3\xa9 aaaaa\"",
    "[]",
    "[ ]",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[[]]]",
    "[{}]",
    "[\"a\",null,true,false,1.5]",
    "[[],[],[[]]]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{ \"a\" : 1 , \"b\" : [ ] }",
    "{\"\":0}",
    "{\"a\":{\"b\":{\"c\":[]}}}",
    "{\"a\":1,\"a\":2}",
    "{\"\\u0061\":1}",
    "{\"a\\\"b\":1}",
    "{\"\xe2\x82\xac\":\"\xe2\x82\xac\"}",
    " 1",
    "1 ",
    "\t1\n",
    "\r\n[\r\n]\r\n",
    " \t\n\r{} \t\n\r",
    "[1\n,\t2\r]",
    "{\"a\"\n:\n1}",
    "[-1.5e-3]",
    "[0]",
    "[-0]",
    "[0.0]",
    "[true,true]",
    "[null]",
    "[\"\"]",
    "[1,[2,[3,[4,[5]]]]]",
    "{\"a\":[{\"b\":[{\"c\":[{}]}]}]}",
    "{\"long key with spaces and more than sixteen bytes\":1}",
};

static const char *const invalid_values[] = {
    "",
    " ",
    "\n",
    "\xef\xbb\xbf"
    "1",
    "a",
    "nul",
    "tru",
    "fals",
    "nulll",
    "True",
    "NULL",
    "truefalse",
    "true,",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "1.5e",
    "0x10",
    "1_000",
    "1,5",
    "--1",
    "1-",
    "1e5.5",
    "0.",
    "-0.",
    "1 2",
    "1a",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u12g4\"",
    "\"\\u 123\"",
    "\"\\U0041\"",
    "\"\\'\"",
    "\"\\a\"",
    "\"\\0\"",
    "\"\\",
    "\"\\u004",
    "'a'",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"\r\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaa\n\"",
    "\"\x80\"",
    "\"\xbf\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xc2\"",
    "\"\xc2",
    "\"\xc2\x41\"",
    "\"\xc3\x28\"",
    "\"\xe0\x80\x80\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xe2\x82\"",
    "\"\xe2\x82",
    "\"\xe2\x28\xa1\"",
    "\"\xe2\x82\x28\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf0\x9f\x98\"",
    "\"\xf0\x9f\x98",
    "\"\xf0\x28\x8c\xbc\"",
    "\"\xf0\x90\x28\xbc\"",
    "\"\xf0\x90\x80\x28\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xfe\"",
    "\"\xff\"",
    "\"\xff",
    "\"aaaaaaaaaaaaaaaaaaa\xc3\xa9\xff\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1;2]",
    "[1]]",
    "[[1]",
    "[1}",
    "[}",
    "[\"a\"",
    "[\"a",
    "[tru]",
    "[1,\n",
    "[a]",
    "[-]",
    "[1.]",
    "[*]",
    "[\"\x01\"]",
    "{",
    "}",
    "{\"",
    "{\"a",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\" 1}",
    "{\"a\":}",
    "{\"a\":,}",
    "{\"a\"::1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{\"a\":1]",
    "{\"a\":1}}",
    "{]",
    "{[]:1}",
    "{\"a\":a}",
    "{\"a\":1;\"b\":2}",
    "{\"a\\\":1}",
    "{\"a\x01\":1}",
    "{\"\xff\":1}",
    "{\"a\":\"\xff\"}",
    "{\"a\":tru}",
    "{} {}",
    "{}{}",
    "[][]",
    "[] 1",
    "1 []",
    "{},",
    "// c\n1",
    "/* c */ 1",
    "1 // c",
    "[1] x",
    "\f1",
    "\v1",
    "\xa0"
    "1",
    "[\f]",
    "{\"a\":\v1}",
    "\xff\xfe"
    "1",
    "<html></html>",
    "data: {}",
    "\x00",
    "@",
    "#",
    "^",
    "\\",
    "\\u0020",
    "[\"a\\\"]",
    "[\"\\ud800\\u\"]",
    "{\"a\":[}",
    "{\"a\":{]}",
    "[{\"a\":1,]",
    "[\"a\":1]",
    "{\"a\",\"b\"}",
    "{\"a\":b}",
};

static void takes_valid_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid_values / sizeof *valid_values; i++)
        if (!is_json(valid_values[i]))
            fail_msg("refused: %s", valid_values[i]);
}

static void refuses_invalid_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid_values / sizeof *invalid_values; i++)
        if (is_json(invalid_values[i]))
            fail_msg("taken: %s", invalid_values[i]);
}

/* The same values again, where the envelope's own code reads them. */
static void judges_values_alike_inside_messages(void **state)
{
    static const char *const places[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":%s}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"structuredContent\":%s}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[%s]}",
        "[1,%s]",
    };
    (void)state;
    char text[400];
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        for (size_t i = 0; i < sizeof valid_values / sizeof *valid_values; i++) {
            snprintf(text, sizeof text, places[place], valid_values[i]);
            if (!is_json(text))
                fail_msg("refused: %s", text);
        }
        for (size_t i = 0; i < sizeof invalid_values / sizeof *invalid_values; i++) {
            snprintf(text, sizeof text, places[place], invalid_values[i]);
            json_t *judged = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            if (!judged && is_json(text)) /* some, like "1,5", are fine inside an array */
                fail_msg("taken: %s", text);
            json_decref(judged);
        }
    }
}

static void refuses_every_truncation(void **state)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":-12,\"result\":{\"content\":[{\"type\":"
                               "\"text\",\"text\":\"\xe2\x82\xac \\u20ac \xf0\x9f\x98\x80\"}],"
                               "\"isError\":false,\"n\":[1.5e3,null,true]}}";
    struct jsonrpc_message message;
    (void)state;
    assert_int_equal(scan(&message, text), JSONRPC_RESULT);
    for (size_t length = 0; length < sizeof text - 1; length++)
        assert_int_equal(scan_bytes(&message, text, length), JSONRPC_MALFORMED);
}

static void tells_where_it_breaks(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    assert_int_equal(scan(&message, "{\"a\":1,\"b\":\"x\x01\"}"), JSONRPC_MALFORMED);
    assert_int_equal(message.error_offset, 13);
    assert_string_equal(message.problem, "an unescaped control character in a string");
    assert_int_equal(scan(&message, "[1] x"), JSONRPC_MALFORMED);
    assert_int_equal(message.error_offset, 4);
    assert_int_equal(scan(&message, "\"aaaaaaaaaaaaaaaaaaaa\xff\""), JSONRPC_MALFORMED);
    assert_int_equal(message.error_offset, 21);
    assert_string_equal(message.problem, "invalid UTF-8");
}

/* A special byte at every place of a string of every length: no word-wise skip may miss one. */
static void finds_every_special_byte(void **state)
{
    static const unsigned char specials[] = {0x00, 0x01, 0x1f, 0x80, 0xc0, 0xff, '"', '\\'};
    struct jsonrpc_message message;
    (void)state;
    for (size_t length = 1; length < 70; length++) {
        char text[80];
        for (size_t at = 0; at < length; at++) {
            for (size_t i = 0; i < sizeof specials; i++) {
                text[0] = text[length + 1] = '"';
                memset(text + 1, 'x', length);
                text[1 + at] = (char)specials[i];
                if (scan_bytes(&message, text, length + 2) != JSONRPC_MALFORMED)
                    fail_msg("byte %02x missed at %zu of %zu", specials[i], at, length);
            }
        }
        text[0] = text[length + 1] = '"';
        memset(text + 1, 'x', length);
        assert_int_equal(scan_bytes(&message, text, length + 2), JSONRPC_INVALID);
    }
}

static void bounds_the_depth(void **state)
{
    struct jsonrpc_message message;
    char text[3 * JSONRPC_MAX_DEPTH];
    (void)state;
    for (int depth = JSONRPC_MAX_DEPTH - 1; depth <= JSONRPC_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        enum jsonrpc_kind kind = scan_bytes(&message, text, (size_t)depth * 2);
        assert_int_equal(kind, depth <= JSONRPC_MAX_DEPTH ? JSONRPC_BATCH : JSONRPC_MALFORMED);
    }
    char inside[1024];
    for (int depth = JSONRPC_MAX_DEPTH - 3; depth <= JSONRPC_MAX_DEPTH - 1; depth++) {
        char open[JSONRPC_MAX_DEPTH + 1] = "", close[JSONRPC_MAX_DEPTH + 1] = "";
        memset(open, '[', (size_t)depth);
        memset(close, ']', (size_t)depth);
        snprintf(inside, sizeof inside,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":%s%s}}", open, close);
        assert_int_equal(scan(&message, inside),
                         depth <= JSONRPC_MAX_DEPTH - 2 ? JSONRPC_RESULT : JSONRPC_MALFORMED);
    }
}

/* ---- JSON: against jansson ---------------------------------------------------------------------
 */

/* jansson refuses some grammatical documents because it cannot hold them; the scan need not. */
static bool is_limit_of_jansson(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_null_character || code == json_error_stack_overflow ||
           strstr(error->text, "invalid Unicode") != NULL;
}

static void compare_with_jansson(const char *bytes, size_t length)
{
    struct jsonrpc_message message;
    json_error_t error;
    json_t *value = json_loadb(bytes, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    bool taken = scan_bytes(&message, bytes, length) != JSONRPC_MALFORMED;
    bool too_deep = !taken && strcmp(message.problem, "nested too deep") == 0;
    if (taken != (value != NULL) && !too_deep && !(taken && is_limit_of_jansson(&error)))
        fail_msg("%s, but jansson %s (%s): %.*s", taken ? "taken" : "refused",
                 value ? "takes it" : "refuses it", value ? message.problem : error.text,
                 (int)length, bytes);
    json_decref(value);
}

static size_t append_random_value(struct random *random, char *text, size_t size, unsigned depth)
{
    static const char *const scalars[] = {
        "0",       "-1.5e3",           "true",  "null", "\"a\"",
        "\"\\n\"", "\"\xe2\x82\xac\"", "false", "17",   "\"\\ud83d\\ude00\""};
    uint64_t choice = random_below(random, depth ? 4 : 2);
    if (choice < 2 || size < 64) {
        const char *scalar = scalars[random_below(random, 10)];
        return (size_t)snprintf(text, size, "%s", scalar);
    }
    size_t used = 0, count = random_below(random, 4);
    text[used++] = choice == 2 ? '[' : '{';
    for (size_t i = 0; i < count && size - used > 80; i++) {
        if (i)
            text[used++] = ',';
        if (random_below(random, 3) == 0)
            text[used++] = ' ';
        if (choice == 3)
            used += (size_t)snprintf(text + used, size - used, "\"k%zu\":", i);
        used += append_random_value(random, text + used, (size - used) / 2, depth - 1);
    }
    text[used++] = choice == 2 ? ']' : '}';
    return used;
}

static void agrees_with_jansson(void **state)
{
    static const char alphabet[] = "{}[]\",:\\ \n\tabu0159.-+eE\x01\x7f\x80\xc3\xa9\xff";
    struct random random;
    (void)state;
    random_seed(&random, 20240611, 0);
    for (int i = 0; i < 40000; i++) {
        char text[1024];
        size_t length = append_random_value(&random, text, sizeof text - 100, 5);
        compare_with_jansson(text, length);
        for (uint64_t change = random_below(&random, 3); change > 0; change--) {
            size_t at = random_below(&random, length ? length : 1);
            text[at] = alphabet[random_below(&random, sizeof alphabet - 1)];
        }
        compare_with_jansson(text, length);
        compare_with_jansson(text, random_below(&random, length + 1));
    }
}

/* ---- messages ----------------------------------------------------------------------------------
 */

static void notes_a_result(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    assert_int_equal(scan(&message,
                          " {\"jsonrpc\": \"2.0\", \"id\": 42, \"result\": {\"resultType\": "
                          "\"complete\", \"content\": [{\"isError\":true}], \"isError\": "
                          "true, \"structuredContent\": {\"content\": 1}, \"nextCursor\": "
                          "\"a\\\"b\", \"other\": {\"resultType\":\"x\"}}}\n"),
                     JSONRPC_RESULT);
    assert_true(message.has_id && message.id_is_integer && !message.id_is_null);
    assert_int_equal(message.id_integer, 42);
    assert_true(message.is_error && !message.is_error_malformed);
    assert_true(message.content_is_array);
    assert_span(message.result_type, "complete");
    assert_span(message.content, "[{\"isError\":true}]");
    assert_span(message.structured, "{\"content\": 1}");
    assert_span(message.next_cursor, "a\\\"b");
    assert_span(message.method, NULL);
    assert_span(message.error, NULL);
}

static void notes_nothing_of_other_objects(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    assert_int_equal(scan(&message,
                          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":{\"isError\":true,"
                          "\"resultType\":\"input_required\",\"content\":[]}},"
                          "\"isError\":true,\"content\":[],\"code\":1}"),
                     JSONRPC_RESULT);
    assert_false(message.is_error);
    assert_span(message.content, NULL);
    assert_span(message.result_type, NULL);
}

static void notes_odd_members_of_a_result(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    scan(&message,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":\"true\",\"resultType\":7,"
         "\"nextCursor\":null,\"content\":{}}}");
    assert_int_equal(message.kind, JSONRPC_RESULT);
    assert_true(message.is_error_malformed && !message.is_error && !message.content_is_array);
    assert_span(message.result_type, "7");
    assert_span(message.next_cursor, NULL);
    scan(&message, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":false}}");
    assert_true(!message.is_error_malformed && !message.is_error);
}

static void reads_escaped_keys_and_values(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    scan(&message, "{\"\\u006asonrpc\":\"2\\u002e0\",\"i\\u0064\":5,\"re\\u0073ult\":"
                   "{\"structured\\u0043ontent\":[1],\"is\\u0045rror\":true}}");
    assert_int_equal(message.kind, JSONRPC_RESULT);
    assert_int_equal(message.id_integer, 5);
    assert_true(message.is_error);
    assert_span(message.structured, "[1]");
}

static void notes_an_error(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    scan(&message, "{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"error\":{\"code\":-32022,\"message\":"
                   "\"no \\\"x\\\"\",\"data\":{\"supported\":[\"a\"]}}}");
    assert_int_equal(message.kind, JSONRPC_ERROR);
    assert_int_equal(message.error_code, -32022);
    assert_span(message.error_message, "no \\\"x\\\"");
    assert_span(message.error_data, "{\"supported\":[\"a\"]}");
    assert_span(message.id, "\"a-1\"");
    assert_false(message.id_is_integer);
    assert_int_equal(
        scan(&message, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}"),
        JSONRPC_ERROR);
    assert_false(message.has_id);
    assert_int_equal(
        scan(&message, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"\"}}"),
        JSONRPC_ERROR);
    assert_true(message.has_id && message.id_is_null);
}

static void notes_requests_and_notifications(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    scan(&message, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"roots/list\"}");
    assert_int_equal(message.kind, JSONRPC_REQUEST);
    assert_span(message.method, "roots/list");
    assert_span(message.params, NULL);
    scan(&message,
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"a\":1}}");
    assert_int_equal(message.kind, JSONRPC_NOTIFICATION);
    assert_span(message.params, "{\"a\":1}");
}

struct envelope_case {
    const char *text;
    enum jsonrpc_kind kind;
};
static const struct envelope_case envelopes[] = {
    {"{}", JSONRPC_INVALID},
    {"1", JSONRPC_INVALID},
    {"\"x\"", JSONRPC_INVALID},
    {"null", JSONRPC_INVALID},
    {"[]", JSONRPC_INVALID},
    {"[ ]", JSONRPC_INVALID},
    {"[1]", JSONRPC_BATCH},
    {"[{}]", JSONRPC_BATCH},
    {"{\"id\":1,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":2.0,\"id\":1,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\"}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", JSONRPC_RESULT},
    {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":{}}", JSONRPC_RESULT},
    {"{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", JSONRPC_RESULT},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
     JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":1}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[]}", JSONRPC_NOTIFICATION},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"no\"}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.0,\"message\":\"\"}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":null}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"result\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"res\\u0075lt\":{}}", JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"isError\":false}}",
     JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"code\":2,\"message\":\"\"}}",
     JSONRPC_INVALID},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"x\":1,\"x\":2}", JSONRPC_RESULT},
};

static void judges_envelopes(void **state)
{
    struct jsonrpc_message message;
    (void)state;
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
        if (scan(&message, envelopes[i].text) != envelopes[i].kind)
            fail_msg("kind %d, not %d: %s", message.kind, envelopes[i].kind, envelopes[i].text);
        bool bad = message.kind == JSONRPC_INVALID || message.kind == JSONRPC_MALFORMED;
        assert_int_equal(bad, message.problem != NULL);
    }
}

static void tells_integers_from_other_numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
    };
    struct jsonrpc_message message;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", cases[i].text);
        assert_int_equal(scan(&message, text), JSONRPC_RESULT);
        assert_int_equal(message.id_is_integer, cases[i].is_integer);
        if (cases[i].is_integer)
            assert_true(message.id_integer == cases[i].value);
    }
}

/* ---- spans -------------------------------------------------------------------------------------
 */

static void walks_batches(void **state)
{
    static const char text[] = " [ {\"a\":[1,2]} , 3,\"x]\",[ ] ] ";
    static const char *const expected[] = {"{\"a\":[1,2]}", "3", "\"x]\"", "[ ]"};
    size_t position = 0, count = 0;
    struct span element;
    (void)state;
    while (jsonrpc_batch_next(text, strlen(text), &position, &element))
        assert_span(element, expected[count++]);
    assert_int_equal(count, 4);
    position = 0;
    assert_false(jsonrpc_batch_next("[]", 2, &position, &element));
    assert_false(jsonrpc_batch_next("", 0, &position, &element));
}

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void finds_members(void **state)
{
    struct span object = span_of("{\"a\":{\"b\":[1]},\"\\u0063\":\"x\",\"a\":2}");
    (void)state;
    assert_span(span_member(object, "a"), "{\"b\":[1]}");
    assert_span(span_member(span_member(object, "a"), "b"), "[1]");
    assert_span(span_member(object, "c"), "\"x\"");
    assert_span(span_member(object, "b"), NULL);
    assert_span(span_member(span_of("[1]"), "a"), NULL);
    assert_span(span_member((struct span){0}, "a"), NULL);
}

static void decodes_strings(void **state)
{
    static const struct {
        const char *inner, *plain;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
        {"\\ud83d!", "\xef\xbf\xbd!"},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\\ud83d\\u0041", "\xef\xbf\xbd"
                           "A"},
        {"a\\u0000b", "a\xef\xbf\xbd"
                      "b"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = span_unescape(span_of(cases[i].inner), text, sizeof text);
        assert_string_equal(text, cases[i].plain);
        assert_int_equal(length, strlen(cases[i].plain));
        assert_true(span_string_equals(span_of(cases[i].inner), cases[i].plain));
        assert_false(span_string_equals(span_of(cases[i].inner), "other"));
    }
    assert_int_equal(span_unescape(span_of("ab\xe2\x82\xac"), text, 5), 2); /* no half character */
    assert_string_equal(text, "ab");
}

static int free_held(void **state)
{
    (void)state;
    free(held);
    held = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_valid_json),
        cmocka_unit_test(refuses_invalid_json),
        cmocka_unit_test(judges_values_alike_inside_messages),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(tells_where_it_breaks),
        cmocka_unit_test(finds_every_special_byte),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(notes_a_result),
        cmocka_unit_test(notes_nothing_of_other_objects),
        cmocka_unit_test(notes_odd_members_of_a_result),
        cmocka_unit_test(reads_escaped_keys_and_values),
        cmocka_unit_test(notes_an_error),
        cmocka_unit_test(notes_requests_and_notifications),
        cmocka_unit_test(judges_envelopes),
        cmocka_unit_test(tells_integers_from_other_numbers),
        cmocka_unit_test(walks_batches),
        cmocka_unit_test(finds_members),
        cmocka_unit_test(decodes_strings),
    };
    return cmocka_run_group_tests_name("jsonrpc", tests, NULL, free_held);
}
