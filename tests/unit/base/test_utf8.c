/* src/base/utf8: what is a character, and that repaired text is one after another. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void knows_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"a", 1},
        {"\x7F", 1},
        {"\xC2\x80", 2},
        {"\xC3\xA9", 2},
        {"\xE0\xA0\x80", 3},
        {"\xE2\x82\xAC", 3},
        {"\xED\x9F\xBF", 3},
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\x80", 0},             /* begins nothing */
        {"\xC3", 0},             /* cut */
        {"\xE2\x82", 0},         /* cut */
        {"\xC0\x80", 0},         /* NUL, longer than need be */
        {"\xC1\xBF", 0},         /* the same of U+007F */
        {"\xE0\x9F\xBF", 0},     /* and of U+07FF */
        {"\xF0\x8F\xBF\xBF", 0}, /* and of U+FFFF */
        {"\xED\xA0\x80", 0},     /* a surrogate */
        {"\xF4\x90\x80\x80", 0}, /* beyond the last */
        {"\xF5\x80\x80\x80", 0},
        {"\xC3\x41", 0},
        {"\xE2\x82\x41", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (utf8_character(cases[i].text, strlen(cases[i].text)) != cases[i].length)
            fail_msg("case %zu is not of %zu bytes", i, cases[i].length);
}

static void repairs_what_was_cut(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"caf\xC3\xA9 \xE2\x82\xAC", "caf\xC3\xA9 \xE2\x82\xAC"},
        {"caf\xC3", "caf?"},
        {"\xE2\x82", "??"},
        {"a\xC3: b", "a?: b"},
        {"\xFF\xC3\xA9\xFE", "?\xC3\xA9?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", cases[i][0]);
        assert_ptr_equal(utf8_repair(text), text);
        assert_string_equal(text, cases[i][1]);
    }
}

/* Eight bytes are looked at at a time. */
static void knows_valid_text(void **state)
{
    (void)state;
    char text[32];
    assert_true(utf8_is_valid("", 0));
    for (size_t place = 0; place + 3 <= 24; place++) {
        memset(text, 'x', sizeof text);
        memcpy(text + place, "\xE2\x82\xAC", 3);
        for (size_t length = 0; length <= 24; length++) /* cut within the character or not */
            assert_int_equal(utf8_is_valid(text, length), length <= place || length >= place + 3);
        text[place] = '\x80';
        assert_false(utf8_is_valid(text, 24));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_characters),
        cmocka_unit_test(knows_valid_text),
        cmocka_unit_test(repairs_what_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
