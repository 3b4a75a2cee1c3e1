/* src/base/buffer: a growable queue that never passes its limit. */
#include "base/buffer.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_content(const struct buffer *buffer, const char *expected)
{
    assert_int_equal(buffer_length(buffer), strlen(expected));
    assert_memory_equal(buffer_bytes(buffer), expected, strlen(expected));
}

static void appends_and_consumes(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_null(buffer_bytes(&buffer));
    assert_int_equal(buffer_append_text(&buffer, "hello "), 0);
    assert_int_equal(buffer_append_char(&buffer, 'w'), 0);
    assert_int_equal(buffer_append_uint(&buffer, 18446744073709551615u), 0);
    assert_int_equal(buffer_append_uint(&buffer, 0), 0);
    assert_content(&buffer, "hello w184467440737095516150");
    buffer_consume(&buffer, 6);
    assert_content(&buffer, "w184467440737095516150");
    assert_int_equal(buffer_printf(&buffer, "%s=%d", "x", -5), 0);
    assert_content(&buffer, "w184467440737095516150x=-5");
    buffer_free(&buffer);
    assert_int_equal(buffer_length(&buffer), 0);
    assert_int_equal(buffer.limit, 100);
}

static void refuses_beyond_its_limit_unchanged(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 8);
    assert_int_equal(buffer_append_text(&buffer, "12345"), 0);
    assert_int_equal(buffer_append_text(&buffer, "6789"), -1);
    assert_content(&buffer, "12345");
    assert_int_equal(buffer_append_uint(&buffer, 1234), -1);
    assert_int_equal(buffer_append_int(&buffer, -123), -1); /* no sign alone is left */
    assert_content(&buffer, "12345");
    assert_int_equal(buffer_append_json_escaped(&buffer, "a\n\"", 3), -1);
    assert_content(&buffer, "12345");
    assert_null(buffer_reserve(&buffer, 4));
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_int_equal(buffer_append_text(&buffer, "678"), 0);
    assert_content(&buffer, "12345678");
    assert_int_equal(buffer_append_char(&buffer, '9'), -1);
    buffer_consume(&buffer, 1);
    assert_int_equal(buffer_append_char(&buffer, '9'), 0);
    assert_content(&buffer, "23456789");
    buffer_free(&buffer);
}

/* The NUL that vsnprintf writes must not count against the limit. */
static void prints_up_to_its_limit(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 8);
    assert_int_equal(buffer_printf(&buffer, "%08d", 42), 0);
    assert_content(&buffer, "00000042");
    assert_int_equal(buffer_printf(&buffer, "%s", "x"), -1);
    assert_content(&buffer, "00000042");
    buffer_free(&buffer);
}

static void escapes_json(void **state)
{
    (void)state;
    static const char input[] = "a\"b\\c\b\f\n\r\t\x01\x1f\x7f/\xc3\xa9";
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    assert_int_equal(buffer_append_json_escaped(&buffer, input, sizeof input - 1), 0);
    assert_content(&buffer, "a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\xc3\xa9");
    buffer_clear(&buffer);
    assert_int_equal(buffer_append_json_escaped(&buffer, NULL, 0), 0);
    assert_int_equal(buffer_append_json_escaped(&buffer, "a\0b", 3), 0);
    assert_content(&buffer, "a\\u0000b");
    buffer_free(&buffer);
}

/* Whatever stands before and behind it: bytes are looked at eight at a time. */
static void escapes_json_at_every_place(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t place = 0; place < 80; place++) {
            char input[80], expected[32];
            struct buffer buffer;
            memset(input, 'x', sizeof input);
            input[place] = (char)byte;
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            bool coded = !plain && byte < 0x20 && !strchr("\b\f\n\r\t", byte ? byte : 1);
            buffer_init(&buffer, 100);
            assert_int_equal(buffer_append_json_escaped(&buffer, input, sizeof input), 0);
            assert_int_equal(buffer_length(&buffer), plain ? 80 : coded ? 85 : 81);
            int length = snprintf(expected, sizeof expected, "\\u%04x", (unsigned)byte);
            if (plain)
                assert_memory_equal(buffer_bytes(&buffer), input, sizeof input);
            else
                assert_memory_equal(buffer_bytes(&buffer) + place, expected,
                                    coded ? (size_t)length : 1);
            buffer_free(&buffer);
        }
}

/* One byte at a time is as many together. */
static void escapes_alike_however_much_comes(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7, 0);
    for (int i = 0; i < 2000; i++) {
        char input[1200];
        struct buffer whole, parts;
        size_t length = random_below(&random, sizeof input + 1);
        for (size_t k = 0; k < length; k++)
            input[k] = "ab\"\\\n\x01\x80\xFF"[random_below(&random, 8)];
        buffer_init(&whole, 8192);
        buffer_init(&parts, 8192);
        assert_int_equal(buffer_append_json_escaped(&whole, input, length), 0);
        for (size_t k = 0; k < length; k++)
            assert_int_equal(buffer_append_json_escaped(&parts, input + k, 1), 0);
        assert_int_equal(buffer_length(&whole), buffer_length(&parts));
        assert_true(length == 0 ||
                    memcmp(buffer_bytes(&whole), buffer_bytes(&parts), buffer_length(&whole)) == 0);
        buffer_free(&whole);
        buffer_free(&parts);
    }
}

static void takes_as_string(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 5);
    char *empty = buffer_take_string(&buffer);
    assert_string_equal(empty, "");
    free(empty);
    buffer_append_text(&buffer, "xxabc");
    buffer_consume(&buffer, 2);
    buffer_append_text(&buffer, "de"); /* full: the terminator has to fit all the same */
    char *text = buffer_take_string(&buffer);
    assert_string_equal(text, "abcde");
    free(text);
    assert_int_equal(buffer_length(&buffer), 0);
    assert_int_equal(buffer.limit, 5);
    assert_int_equal(buffer_append_text(&buffer, "again"), 0);
    buffer_free(&buffer);
}

static void gives_memory_back_when_empty(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_append_text(&buffer, "x");
    buffer_shrink(&buffer);
    assert_content(&buffer, "x");
    buffer_consume(&buffer, 1);
    buffer_shrink(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    buffer_free(&buffer);
}

static void reserves_then_commits(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    char *room = buffer_reserve(&buffer, 1000);
    assert_non_null(room);
    memcpy(room, "abc", 3);
    assert_int_equal(buffer_length(&buffer), 0);
    buffer_commit(&buffer, 3);
    assert_content(&buffer, "abc");
    buffer_free(&buffer);
}

/* Against a plain array: random appends and consumes, byte for byte the same. */
static void behaves_as_a_queue(void **state)
{
    (void)state;
    enum { LIMIT = 5000, STEPS = 20000 };
    static char model[LIMIT];
    size_t length = 0;
    struct random random;
    struct buffer buffer;
    random_seed(&random, 1, 0);
    buffer_init(&buffer, LIMIT);
    for (int step = 0; step < STEPS; step++) {
        size_t count = random_below(&random, 700);
        if (random_below(&random, 2)) {
            char bytes[700];
            for (size_t i = 0; i < count; i++)
                bytes[i] = (char)random_next(&random);
            int expected = length + count <= LIMIT ? 0 : -1;
            assert_int_equal(buffer_append(&buffer, bytes, count), expected);
            if (expected == 0) {
                memcpy(model + length, bytes, count);
                length += count;
            }
        } else {
            count = count < length ? count : length;
            buffer_consume(&buffer, count);
            memmove(model, model + count, length - count);
            length -= count;
        }
        assert_int_equal(buffer_length(&buffer), length);
        if (length)
            assert_memory_equal(buffer_bytes(&buffer), model, length);
        assert_true(buffer.capacity <= 4 * LIMIT);
    }
    buffer_free(&buffer);
}

/* The vectors of RFC 4648, section 10. */
static void base64_is_that_of_the_rfc(void **state)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xff\xfe\xfb", "//77"}};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct buffer buffer;
        buffer_init(&buffer, 8);
        assert_int_equal(buffer_append_base64(&buffer, vectors[i][0], strlen(vectors[i][0])), 0);
        assert_int_equal(buffer_length(&buffer), strlen(vectors[i][1]));
        if (buffer_length(&buffer))
            assert_memory_equal(buffer_bytes(&buffer), vectors[i][1], strlen(vectors[i][1]));
        buffer_free(&buffer);
    }
    struct buffer full;
    buffer_init(&full, 7);
    assert_int_equal(buffer_append_base64(&full, "foob", 4), -1);
    assert_int_equal(buffer_length(&full), 0);
    buffer_free(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(appends_and_consumes),
        cmocka_unit_test(refuses_beyond_its_limit_unchanged),
        cmocka_unit_test(prints_up_to_its_limit),
        cmocka_unit_test(escapes_json),
        cmocka_unit_test(escapes_json_at_every_place),
        cmocka_unit_test(escapes_alike_however_much_comes),
        cmocka_unit_test(takes_as_string),
        cmocka_unit_test(gives_memory_back_when_empty),
        cmocka_unit_test(reserves_then_commits),
        cmocka_unit_test(behaves_as_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
