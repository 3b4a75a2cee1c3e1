/* src/base/json_write: what is written reads back as what it was. */
#include "base/json_write.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const json_t *value, const char *expected)
{
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    assert_int_equal(json_write(&buffer, value), 0);
    assert_int_equal(buffer_length(&buffer), strlen(expected));
    assert_memory_equal(buffer_bytes(&buffer), expected, strlen(expected));
    buffer_free(&buffer);
}

static void writes_each_kind(void **state)
{
    (void)state;
    static const char text[] =
        "{\"z\":1,\"a\":[],\"o\":{},\"n\":null,\"yes\":true,\"no\":false,"
        "\"deep\":[[1],{\"x\":[-5,0,0.1]}],\"\\\"quoted\\\\\\n\":\"\\u0001\xC3\xA9 123456789\\t\"}";
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    assert_text(value, text);
    json_decref(value);
    json_t *text_with_nul = json_stringn("a\0b", 3);
    assert_text(text_with_nul, "\"a\\u0000b\"");
    json_decref(text_with_nul);
}

static void writes_the_ends_of_integers(void **state)
{
    (void)state;
    json_t *value = json_pack("[I, I]", (json_int_t)INT64_MIN, (json_int_t)INT64_MAX);
    assert_text(value, "[-9223372036854775808,9223372036854775807]");
    json_decref(value);
}

static void writes_reals_as_shortly_as_they_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},      {1.0 / 3, "0.3333333333333333"}, {5, "5.0"}, {-0.0, "-0.0"},
                 {1e300, "1e+300"}, {12345.678, "12345.678"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = json_real(cases[i].value);
        assert_text(value, cases[i].text);
        json_decref(value);
    }
    const double hard[] = {DBL_MAX,
                           DBL_MIN,
                           4.9406564584124654e-324,
                           -2.2250738585072011e-308,
                           9007199254740993.0,
                           0.30000000000000004};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        char text[JSON_REAL_BYTES + 1];
        text[json_real_text(hard[i], text)] = '\0';
        json_t *back = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_true(json_is_real(back));
        assert_true(json_real_value(back) == hard[i]);
        json_decref(back);
    }
}

static void leaves_brackets_out(void **state)
{
    (void)state;
    struct buffer buffer;
    json_t *value = json_pack("{s:i, s:[i]}", "a", 1, "b", 2);
    buffer_init(&buffer, 100);
    assert_int_equal(json_write_inside(&buffer, value), 0);
    assert_int_equal(json_write_inside(&buffer, json_object_get(value, "b")), 0);
    assert_int_equal(buffer_length(&buffer), strlen("\"a\":1,\"b\":[2]2"));
    assert_memory_equal(buffer_bytes(&buffer), "\"a\":1,\"b\":[2]2", buffer_length(&buffer));
    buffer_free(&buffer);
    json_decref(value);
}

static void fails_at_every_limit(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2,3.5,\"x\\ny\"],\"b\":{\"c\":null}}";
    json_t *value = json_loads(text, 0, NULL);
    for (size_t limit = 0; limit <= strlen(text); limit++) {
        struct buffer buffer;
        buffer_init(&buffer, limit);
        assert_int_equal(json_write(&buffer, value), limit < strlen(text) ? -1 : 0);
        assert_true(buffer_length(&buffer) <= limit);
        buffer_free(&buffer);
    }
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_kind),
        cmocka_unit_test(writes_the_ends_of_integers),
        cmocka_unit_test(writes_reals_as_shortly_as_they_read_back),
        cmocka_unit_test(leaves_brackets_out),
        cmocka_unit_test(fails_at_every_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
