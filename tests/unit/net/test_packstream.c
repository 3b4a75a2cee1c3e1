/* PackStream: every type at the bounds of its forms, against bytes written by hand; malformed
 * input; JSON both ways; times. */
#include "net/bolt_json.h"
#include "net/packstream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct buffer output;

static int set_up(void **state)
{
    (void)state;
    buffer_init(&output, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&output);
    return 0;
}

static void expect_bytes(const void *bytes, size_t length)
{
    assert_int_equal(buffer_length(&output), length);
    assert_memory_equal(buffer_bytes(&output), bytes, length);
    buffer_clear(&output);
}
#define EXPECT(text) expect_bytes(text, sizeof(text) - 1)

static void integers_take_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t length;
    } cases[] = {
        {0, "\x00", 1},
        {127, "\x7F", 1},
        {-1, "\xFF", 1},
        {-16, "\xF0", 1},
        {-17, "\xC8\xEF", 2},
        {-128, "\xC8\x80", 2},
        {128, "\xC9\x00\x80", 3},
        {-129, "\xC9\xFF\x7F", 3},
        {32767, "\xC9\x7F\xFF", 3},
        {-32768, "\xC9\x80\x00", 3},
        {32768, "\xCA\x00\x00\x80\x00", 5},
        {-32769, "\xCA\xFF\xFF\x7F\xFF", 5},
        {INT32_MAX, "\xCA\x7F\xFF\xFF\xFF", 5},
        {INT32_MIN, "\xCA\x80\x00\x00\x00", 5},
        {INT64_C(2147483648), "\xCB\x00\x00\x00\x00\x80\x00\x00\x00", 9},
        {INT64_MAX, "\xCB\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9},
        {INT64_MIN, "\xCB\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packstream_reader reader = packstream_reader_of(cases[i].bytes, cases[i].length);
        struct packstream_value value;
        assert_int_equal(packstream_put_integer(&output, cases[i].value), 0);
        expect_bytes(cases[i].bytes, cases[i].length);
        assert_int_equal(packstream_read(&reader, &value), 0);
        assert_int_equal(value.type, PACKSTREAM_INTEGER);
        assert_true(value.integer == cases[i].value);
        assert_ptr_equal(reader.at, reader.end);
    }
}

static void scalars(void **state)
{
    (void)state;
    packstream_put_null(&output);
    packstream_put_boolean(&output, true);
    packstream_put_boolean(&output, false);
    packstream_put_float(&output, 1.23);
    EXPECT("\xC0\xC3\xC2\xC1\x3F\xF3\xAE\x14\x7A\xE1\x47\xAE");
    packstream_put_float(&output, -0.0);
    struct packstream_reader reader =
        packstream_reader_of(buffer_bytes(&output), buffer_length(&output));
    struct packstream_value value;
    assert_int_equal(packstream_read(&reader, &value), 0);
    assert_int_equal(value.type, PACKSTREAM_FLOAT);
    assert_true(value.number == 0 && signbit(value.number));
}

/* Sizes at which the header grows. */
static void sized_values(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *string, *bytes, *list, *map;
        size_t length, bytes_length;
    } cases[] = {
        {0, "\x80", "\xCC\x00", "\x90", "\xA0", 1, 2},
        {15, "\x8F", "\xCC\x0F", "\x9F", "\xAF", 1, 2},
        {16, "\xD0\x10", "\xCC\x10", "\xD4\x10", "\xD8\x10", 2, 2},
        {255, "\xD0\xFF", "\xCC\xFF", "\xD4\xFF", "\xD8\xFF", 2, 2},
        {256, "\xD1\x01\x00", "\xCD\x01\x00", "\xD5\x01\x00", "\xD9\x01\x00", 3, 3},
        {65535, "\xD1\xFF\xFF", "\xCD\xFF\xFF", "\xD5\xFF\xFF", "\xD9\xFF\xFF", 3, 3},
        {65536, "\xD2\x00\x01\x00\x00", "\xCE\x00\x01\x00\x00", "\xD6\x00\x01\x00\x00",
         "\xDA\x00\x01\x00\x00", 5, 5},
    };
    static char text[65536];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packstream_value value;
        struct packstream_reader reader;
        packstream_put_list(&output, cases[i].size);
        expect_bytes(cases[i].list, cases[i].length);
        packstream_put_map(&output, cases[i].size);
        expect_bytes(cases[i].map, cases[i].length);

        packstream_put_string(&output, text, cases[i].size);
        assert_memory_equal(buffer_bytes(&output), cases[i].string, cases[i].length);
        reader = packstream_reader_of(buffer_bytes(&output), buffer_length(&output));
        assert_int_equal(packstream_read(&reader, &value), 0);
        assert_int_equal(value.type, PACKSTREAM_STRING);
        assert_int_equal(value.length, cases[i].size);
        assert_ptr_equal(reader.at, reader.end);
        buffer_clear(&output);

        packstream_put_bytes(&output, text, cases[i].size);
        assert_memory_equal(buffer_bytes(&output), cases[i].bytes, cases[i].bytes_length);
        reader = packstream_reader_of(buffer_bytes(&output), buffer_length(&output));
        assert_int_equal(packstream_read(&reader, &value), 0);
        assert_int_equal(value.type, PACKSTREAM_BYTES);
        assert_int_equal(value.length, cases[i].size);
        buffer_clear(&output);
    }
}

/* A header written after its parts equals one written before. */
static void headers_filled_in_behind(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 15, 16, 255, 256, 65535, 65536};
    struct buffer expected;
    buffer_init(&expected, 1 << 20);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t position;
        packstream_put_null(&output);
        assert_int_equal(packstream_open(&output, &position), 0);
        packstream_put_null(&expected);
        packstream_put_list(&expected, counts[i]);
        for (size_t k = 0; k < counts[i]; k++) {
            packstream_put_integer(&output, (int64_t)(k % 100));
            packstream_put_integer(&expected, (int64_t)(k % 100));
        }
        assert_int_equal(packstream_close(&output, position, PACKSTREAM_LIST, counts[i]), 0);
        expect_bytes(buffer_bytes(&expected), buffer_length(&expected));
        buffer_clear(&expected);
    }
    buffer_free(&expected);
}

static void structures(void **state)
{
    (void)state;
    packstream_put_structure(&output, 0x4E, 3);
    packstream_put_integer(&output, 1);
    packstream_put_list(&output, 0);
    packstream_put_map(&output, 1);
    packstream_put_text(&output, "a");
    packstream_put_text(&output, "b");
    struct packstream_reader reader =
        packstream_reader_of(buffer_bytes(&output), buffer_length(&output));
    struct packstream_reader all = reader;
    struct packstream_value value;
    assert_int_equal(packstream_skip(&all), 0);
    assert_ptr_equal(all.at, all.end);
    assert_int_equal(packstream_read(&reader, &value), 0);
    assert_int_equal(value.type, PACKSTREAM_STRUCTURE);
    assert_int_equal(value.tag, 0x4E);
    assert_int_equal(value.count, 3);
    EXPECT("\xB3\x4E\x01\x90\xA1\x81\x61\x81\x62");
    assert_int_equal(packstream_put_structure(&output, 1, 16), -1);
}

static void finding_a_key(void **state)
{
    (void)state;
    static const char map[] = "\x81\x61\x92\x01\x02\x82\x62\x62\x84text\x81\x63\xC3";
    struct packstream_reader pairs = packstream_reader_of(map, sizeof map - 1), after;
    struct packstream_value value;
    assert_int_equal(packstream_find(pairs, 3, "bb", &value, NULL), 1);
    assert_true(packstream_is_text(&value, "text"));
    assert_int_equal(packstream_find(pairs, 3, "a", &value, &after), 1);
    assert_int_equal(value.count, 2);
    assert_int_equal(packstream_read(&after, &value), 0);
    assert_int_equal(value.integer, 1);
    assert_int_equal(packstream_find(pairs, 3, "b", &value, NULL), 0);
    assert_int_equal(packstream_find(pairs, 2, "c", &value, NULL), 0);
    assert_int_equal(packstream_find(pairs, 4, "z", &value, NULL), -1); /* there are but three */
    struct packstream_reader wrong = packstream_reader_of("\x01\x02", 2);
    assert_int_equal(packstream_find(wrong, 1, "z", &value, NULL), -1);
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"", 0},
        {"\xC1\x00", 2}, /* a float cut short */
        {"\xC8", 1},     /* an integer without its byte */
        {"\xCB\x00\x00\x00\x00\x00\x00\x00", 8},
        {"\x83\x61\x62", 3}, /* a text cut short */
        {"\xD0", 1},
        {"\xD0\x02\x61", 3},
        {"\xD2\xFF\xFF\xFF\xFF", 5}, /* 4 GiB are promised */
        {"\xCE\xFF\xFF\xFF\xFF", 5},
        {"\xD6\xFF\xFF\xFF\xFF\x01", 6},
        {"\xDA\x80\x00\x00\x00\x01", 6},
        {"\x92\x01", 2}, /* a list of one in place of two */
        {"\xA1\x81", 2},
        {"\xB1", 1}, /* a structure without a tag */
        {"\xB1\x4E", 2},
        {"\xC4", 1}, /* markers that mean nothing */
        {"\xC7", 1},
        {"\xCF", 1},
        {"\xD3", 1},
        {"\xD7", 1},
        {"\xDB", 1},
        {"\xDC\x01", 2},
        {"\xE0", 1},
        {"\xEF", 1},
        {"\x91\xDF", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy = malloc(cases[i].length + 1); /* so that a read beyond is seen */
        memcpy(copy, cases[i].bytes, cases[i].length);
        struct packstream_reader reader = packstream_reader_of(copy, cases[i].length);
        const uint8_t *start = reader.at;
        assert_int_equal(packstream_skip(&reader), -1);
        assert_ptr_equal(reader.at, start);
        assert_int_equal(bolt_value_to_json(&reader, &output), BOLT_JSON_MALFORMED);
        buffer_clear(&output);
        free(copy);
    }
}

static void nesting_is_bounded_but_skippable(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *deep = malloc(DEPTH + 1);
    memset(deep, '\x91', DEPTH);
    deep[DEPTH] = '\xC0';
    struct packstream_reader reader = packstream_reader_of(deep, DEPTH + 1), again = reader;
    assert_int_equal(bolt_value_to_json(&again, &output), BOLT_JSON_MALFORMED);
    assert_int_equal(packstream_skip(&reader), 0);
    assert_ptr_equal(reader.at, reader.end);
    memset(deep, '[', DEPTH);
    assert_int_equal(bolt_value_from_json(deep, DEPTH, &output, NULL), BOLT_JSON_MALFORMED);
    free(deep);
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct buffer small;
    buffer_init(&small, 4);
    assert_int_equal(packstream_put_text(&small, "abc"), 0);
    assert_int_equal(packstream_put_integer(&small, 1), -1);
    buffer_clear(&small);
    assert_int_equal(bolt_value_from_json("\"abcdef\"", 8, &small, NULL), BOLT_JSON_FULL);
    assert_int_equal(buffer_length(&small), 0);
    struct packstream_reader reader = packstream_reader_of("\x84text", 5);
    assert_int_equal(bolt_value_to_json(&reader, &small), BOLT_JSON_FULL);
    buffer_free(&small);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static void expect_json(const char *bytes, size_t length, const char *json)
{
    struct packstream_reader reader = packstream_reader_of(bytes, length);
    buffer_clear(&output);
    assert_int_equal(bolt_value_to_json(&reader, &output), BOLT_JSON_OK);
    assert_ptr_equal(reader.at, reader.end);
    buffer_append_char(&output, 0);
    assert_string_equal(buffer_bytes(&output), json);
    buffer_clear(&output);
}
#define EXPECT_JSON(bytes, json) expect_json(bytes, sizeof(bytes) - 1, json)

static void values_as_json(void **state)
{
    (void)state;
    EXPECT_JSON("\xC0", "null");
    EXPECT_JSON("\x93\xC3\xC2\xC8\x80", "[true,false,-128]");
    EXPECT_JSON("\xA2\x81\x61\x01\x81\"\x90", "{\"a\":1,\"\\\"\":[]}");
    EXPECT_JSON("\xC1\x3F\xF0\x00\x00\x00\x00\x00\x00", "1.0");
    EXPECT_JSON("\xC1\x3F\xB9\x99\x99\x99\x99\x99\x9A", "0.1");
    EXPECT_JSON("\xC1\x7F\xF8\x00\x00\x00\x00\x00\x00", "\"NaN\"");
    EXPECT_JSON("\xC1\xFF\xF0\x00\x00\x00\x00\x00\x00", "\"-Infinity\"");
    EXPECT_JSON("\xCC\x00", "\"\"");
    EXPECT_JSON("\xCC\x01M", "\"TQ==\"");
    EXPECT_JSON("\xCC\x02Ma", "\"TWE=\"");
    EXPECT_JSON("\xCC\x03Man", "\"TWFu\"");
    EXPECT_JSON("\x83\xE2\x98\x83", "\"\xE2\x98\x83\"");
    EXPECT_JSON("\x84"
                "a\xFF\xC3z",
                "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\""); /* no UTF-8 */
    EXPECT_JSON("\x83\xED\xA0\x80",
                "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* half a surrogate pair */
    EXPECT_JSON("\x82\n\x01", "\"\\n\\u0001\"");
}

static void graph_values_as_json(void **state)
{
    (void)state;
    EXPECT_JSON("\xB3N\x01\x91\x81"
                "A\xA1\x81k\x02",
                "{\"id\":1,\"labels\":[\"A\"],\"properties\":{\"k\":2}}");
    EXPECT_JSON("\xB4N\x01\x90\xA0\x83"
                "4:1",
                "{\"id\":1,\"labels\":[],\"properties\":{},\"elementId\":\"4:1\"}");
    EXPECT_JSON("\xB5R\x01\x02\x03\x81T\xA0",
                "{\"id\":1,\"startId\":2,\"endId\":3,\"type\":\"T\",\"properties\":{}}");
    EXPECT_JSON("\xB4r\x01\x81T\xA0\x81"
                "e",
                "{\"id\":1,\"type\":\"T\",\"properties\":{},\"elementId\":\"e\"}");
    EXPECT_JSON("\xB3P\x90\x90\x92\x01\x01",
                "{\"nodes\":[],\"relationships\":[],\"indices\":[1,1]}");
    EXPECT_JSON("\xB3X\xC9\x1C\x23\xC1\x3F\xF0\x00\x00\x00\x00\x00\x00\x02",
                "{\"srid\":7203,\"x\":1.0,\"y\":2}");
    EXPECT_JSON("\xB4Y\x01\x02\x03\x04", "{\"srid\":1,\"x\":2,\"y\":3,\"z\":4}");
    EXPECT_JSON("\xB1\x58\x01", "{\"srid\":1}");
    EXPECT_JSON("\xB2Z\x01\xC0", "{\"structure\":90,\"fields\":[1,null]}"); /* unknown */
    EXPECT_JSON("\xB5N\x01\x02\x03\x04\x05", "{\"structure\":78,\"fields\":[1,2,3,4,5]}");
    EXPECT_JSON("\xB0N", "{}");
}

static void times_as_json(void **state)
{
    (void)state;
    static const struct {
        char tag;
        int count;
        int64_t fields[4];
        const char *zone, *text;
    } cases[] = {
        {'D', 1, {0}, NULL, "\"1970-01-01\""},
        {'D', 1, {-1}, NULL, "\"1969-12-31\""},
        {'D', 1, {19782}, NULL, "\"2024-02-29\""},
        {'D', 1, {11016}, NULL, "\"2000-02-29\""},
        {'D', 1, {-25509}, NULL, "\"1900-02-28\""},
        {'D', 1, {-25508}, NULL, "\"1900-03-01\""},
        {'D', 1, {-719528}, NULL, "\"0000-01-01\""},
        {'D', 1, {-719529}, NULL, "\"-000001-12-31\""},
        {'D', 1, {2932896}, NULL, "\"9999-12-31\""},
        {'D', 1, {2932897}, NULL, "\"+010000-01-01\""},
        {'D', 1, {INT64_MAX}, NULL, "{\"structure\":68,\"fields\":[9223372036854775807]}"},
        {'t', 1, {0}, NULL, "\"00:00:00\""},
        {'t', 1, {INT64_C(86399999999999)}, NULL, "\"23:59:59.999999999\""},
        {'t',
         1,
         {INT64_C(86400000000000)},
         NULL,
         "{\"structure\":116,\"fields\":[86400000000000]}"},
        {'t', 1, {-1}, NULL, "{\"structure\":116,\"fields\":[-1]}"},
        {'T', 2, {INT64_C(45000500000000), 3600}, NULL, "\"12:30:00.5+01:00\""},
        {'T', 2, {0, -5400}, NULL, "\"00:00:00-01:30\""},
        {'T', 2, {0, 0}, NULL, "\"00:00:00Z\""},
        {'T', 2, {0, 3661}, NULL, "\"00:00:00+01:01:01\""},
        {'d', 2, {-1, 250000000}, NULL, "\"1969-12-31T23:59:59.25\""},
        {'d', 2, {86400, 0}, NULL, "\"1970-01-02T00:00:00\""},
        {'d', 2, {0, -1}, NULL, "{\"structure\":100,\"fields\":[0,-1]}"},
        {'I', 3, {0, 0, 3600}, NULL, "\"1970-01-01T01:00:00+01:00\""},
        {'F', 3, {0, 0, 3600}, NULL, "\"1970-01-01T00:00:00+01:00\""},
        {'I',
         3,
         {INT64_MAX, 0, 1},
         NULL,
         "{\"structure\":73,\"fields\":[9223372036854775807,0,1]}"},
        {'I',
         3,
         {0, 0, INT64_MIN},
         NULL,
         "{\"structure\":73,\"fields\":[0,0,-9223372036854775808]}"},
        {'i', 3, {0, 0}, "Europe/Berlin", "\"1970-01-01T00:00:00Z[Europe/Berlin]\""},
        {'f', 3, {0, 0}, "Europe/Berlin", "\"1970-01-01T00:00:00[Europe/Berlin]\""},
        {'E', 4, {14, 3, 5, 0}, NULL, "\"P14M3DT5S\""},
        {'E', 4, {0, 0, -5, 500000000}, NULL, "\"P0M0DT-4.5S\""},
        {'E', 4, {0, 0, -1, 500000000}, NULL, "\"P0M0DT-0.5S\""},
        {'E', 4, {-1, -2, 0, 1}, NULL, "\"P-1M-2DT0.000000001S\""},
        {'E', 3, {1, 2, 3}, NULL, "{\"structure\":69,\"fields\":[1,2,3]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer bytes;
        buffer_init(&bytes, 1024);
        packstream_put_structure(&bytes, (uint8_t)cases[i].tag, (unsigned)cases[i].count);
        for (int k = 0; k < cases[i].count - (cases[i].zone != NULL); k++)
            packstream_put_integer(&bytes, cases[i].fields[k]);
        if (cases[i].zone)
            packstream_put_text(&bytes, cases[i].zone);
        expect_json(buffer_bytes(&bytes), buffer_length(&bytes), cases[i].text);
        buffer_free(&bytes);
    }
}

static void expect_packed(const char *json, const char *bytes, size_t length)
{
    size_t position;
    assert_int_equal(bolt_value_from_json(json, strlen(json), &output, &position), BOLT_JSON_OK);
    assert_int_equal(position, strlen(json));
    expect_bytes(bytes, length);
}
#define EXPECT_PACKED(json, bytes) expect_packed(json, bytes, sizeof(bytes) - 1)

static void json_as_values(void **state)
{
    (void)state;
    EXPECT_PACKED("null", "\xC0");
    EXPECT_PACKED(" [ true , false , { } ] ", "\x93\xC3\xC2\xA0");
    EXPECT_PACKED("{\"a\":1,\"b\":[]}", "\xA2\x81\x61\x01\x81\x62\x90");
    EXPECT_PACKED("-17", "\xC8\xEF");
    EXPECT_PACKED("9223372036854775807", "\xCB\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    EXPECT_PACKED("-9223372036854775808", "\xCB\x80\x00\x00\x00\x00\x00\x00\x00");
    EXPECT_PACKED("9223372036854775808", "\xC1\x43\xE0\x00\x00\x00\x00\x00\x00");
    EXPECT_PACKED("1.0", "\xC1\x3F\xF0\x00\x00\x00\x00\x00\x00");
    EXPECT_PACKED("1e0", "\xC1\x3F\xF0\x00\x00\x00\x00\x00\x00");
    EXPECT_PACKED("\"\\u2603\\n\\\"\"", "\x85\xE2\x98\x83\n\"");
    EXPECT_PACKED("\"\\ud83d\\ude00\"", "\x84\xF0\x9F\x98\x80");
    EXPECT_PACKED("\"\\ud83dx\"", "\x84\xEF\xBF\xBDx");
    EXPECT_PACKED("\"0123456789abcdef\"", "\xD0\x10"
                                          "0123456789abcdef");
}

static void wrong_json_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",      " ",          "nul", "tru",     "[1,]",      "[1 2]",  "{\"a\"}", "{\"a\":}",
        "{1:2}", "{\"a\":1,}", "\"",  "\"\\x\"", "\"\\u12\"", "\"\n\"", "01",      "-",
        "1.",    ".5",         "1e",  "+1",      "[",         "]",      "1 2",     "{\"a\":1"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        packstream_put_null(&output);
        assert_int_equal(bolt_value_from_json(cases[i], strlen(cases[i]), &output, NULL),
                         BOLT_JSON_MALFORMED);
        EXPECT("\xC0"); /* the buffer is as before */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_take_the_shortest_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scalars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sized_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_filled_in_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(structures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_a_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_values_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_is_bounded_but_skippable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_as_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(graph_values_as_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_as_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_as_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_json_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
