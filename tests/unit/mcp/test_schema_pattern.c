/* Regular expressions: ECMA-262 semantics where PCRE2's differ, what is refused, the limits on
 * work, and strings made from patterns, with and without bounds on their length. */
#include "mcp/schema_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct schema_pattern *compile(const char *text)
{
    char problem[200];
    struct schema_pattern *pattern = schema_pattern_compile(text, problem, sizeof problem);
    if (!pattern)
        fail_msg("%s: %s", text, problem);
    return pattern;
}

static void semantics(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "anything", true},
        {"b", "abc", true},
        {"^b", "abc", false},
        {"c$", "abc", true},
        {"c$", "abc\n", false},
        {"^[^]$", "\n", true},
        {"[]", "a", false},
        {"^\\d$", "٣", false},
        {"^\\w$", "é", false},
        {"^\\W$", "é", true},
        {"^\\s$", "\xe3\x80\x80", true},
        {"^\\S$", "\xef\xbb\xbf", false},
        {"^.$", "\r", false},
        {"^.$", "\x0b", true},
        {"^.$", "😀", true},
        {"^.{2}$", "é😀", true},
        {"^\\u00e9$", "é", true},
        {"^\\u{1F600}$", "😀", true},
        {"^\\ud83d\\ude00$", "😀", true},
        {"^[\\ud83d\\ude00-\\ud83d\\ude4f]$", "😃", true},
        {"^\\x41$", "A", true},
        {"^\\cA$", "\x01", true},
        {"^\\/\\-\\.$", "/-.", true},
        {"^[\\w-]+$", "a-b", true},
        {"^[a-\\d]+$", "-1a", true},
        {"^[-a]$", "-", true},
        {"^[a-]$", "-", true},
        {"^[\\b]$", "\b", true},
        {"\\bfoo\\b", "a foo b", true},
        {"\\Boo", "foo", true},
        {"^a{2}$", "aa", true},
        {"^a{2,}$", "a", false},
        {"^a{,2}$", "a{,2}", true},
        {"^{$", "{", true},
        {"^(a)(b)?\\2$", "a", true},
        {"^(?<x>a)\\k<x>$", "aa", true},
        {"^(?:a|b)+$", "abba", true},
        {"^(?!x)a", "a", true},
        {"(?<=a)b", "ab", true},
        {"(?<!a)b", "ab", false},
        {"^a+?$", "aaa", true},
        {"^\\p{Lu}$", "É", true},
        {"^\\p{Uppercase_Letter}$", "é", false},
        {"^\\p{Script=Greek}+$", "αβγ", true},
        {"^\\p{sc=Latin}$", "α", false},
        {"^\\P{L}$", "1", true},
        {"^[\\p{L}\\p{N}]+$", "é٣", true},
        {"^[^\\p{L}]$", "é", false},
        {"^\\p{Emoji_Presentation}$", "😀", true},
        {"\\Aabc\\Z", "abc", true},
        {"(?i)^ABC$", "abc", true},
        {"(?s)^a.b$", "a\nb", true},
        {"^[\\ud800-\\udfff]$", "a", false},
        {"^a(?P<n>b)$", "ab", true},
        {"^]$", "]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema_pattern *pattern = compile(cases[i].pattern);
        size_t steps = 1000000;
        enum schema_match match =
            schema_pattern_match(pattern, cases[i].text, strlen(cases[i].text), &steps);
        if (match != (cases[i].matches ? SCHEMA_MATCH_YES : SCHEMA_MATCH_NO))
            fail_msg("%s on %s: %d", cases[i].pattern, cases[i].text, match);
        assert_true(steps < 1000000);
        schema_pattern_free(pattern);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"(",
                                        ")",
                                        "[a",
                                        "a**",
                                        "*a",
                                        "?",
                                        "(?<n>a",
                                        "[b-a]",
                                        "a{2,1}",
                                        "\\",
                                        "(?q:a)",
                                        "\\k<none>",
                                        "\\p{NoSuchThing}",
                                        "(a)\\9"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[200] = "";
        struct schema_pattern *pattern = schema_pattern_compile(cases[i], problem, sizeof problem);
        if (pattern)
            fail_msg("%s compiled", cases[i]);
        assert_true(problem[0] != '\0');
    }
    char problem[200];
    char *longest = malloc(SCHEMA_MAX_PATTERN + 2), *deep = malloc(2001);
    memset(longest, 'a', SCHEMA_MAX_PATTERN + 1);
    longest[SCHEMA_MAX_PATTERN + 1] = '\0';
    assert_null(schema_pattern_compile(longest, problem, sizeof problem));
    memset(deep, '(', 1000);
    memset(deep + 1000, ')', 1000);
    deep[2000] = '\0';
    assert_null(schema_pattern_compile(deep, problem, sizeof problem));
    free(longest);
    free(deep);
    schema_pattern_free(NULL);
}

static void backtracking_is_bounded(void **state)
{
    (void)state;
    struct schema_pattern *pattern = compile("^(a+)+$");
    const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    size_t steps = 10000000;
    assert_int_equal(schema_pattern_match(pattern, text, strlen(text), &steps),
                     SCHEMA_MATCH_TOO_HARD);
    assert_true(steps < 10000000 - 10000); /* and it was paid for */
    schema_pattern_free(pattern);
}

static void strings_are_made_to_length(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t min_length, max_length;
    } cases[] = {
        {"^[a-z]+$", 1, 1},
        {"^[a-z]+$", 100, 100},
        {"^(ab|cde)*$", 7, 7},
        {"^(ab){2,9}c?$", 11, 11},
        {"^a{3}b{0,5}$", 5, 6},
        {"^(a|bb|ccc){4}$", 12, 12},
        {"^\\d{1,3}(\\.\\d{1,3}){3}$", 7, 15},
        {"^(https?|ftp)://[a-z.]+(/[a-z]*)*$", 30, 40},
        {"x", 9, 9},
        {"^x", 9, 9},
        {"x$", 9, 9},
        {"^(?:[a-z]{2}-){3}[0-9]$", 10, 10},
        {"^[^a-z]{4}$", 4, 4},
        {"^\\S+@\\S+\\.\\S+$", 20, 25},
        {"^([A-Z][a-z]{1,4} ?){3,5}$", 6, 30},
        {"^.*$", 0, 0},
        {"^$", 0, 0},
        {"^(a?b?c?){3}$", 9, 9},
        {"^[\\p{L}]{3}\\p{Nd}$", 4, 4},
        {"^[a-f]{2}(:[a-f]{2}){5}$", 17, 17},
        {"^(a*b*)*$", 13, 13},
        {"^(x{2}|y{3})+$", 7, 7},
        {"^[👍👎]{2}$", 2, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema_pattern *pattern = compile(cases[i].pattern);
        struct random random;
        random_seed(&random, 5, i);
        unsigned good = 0;
        for (unsigned turn = 0; turn < 50; turn++) {
            struct buffer output;
            size_t steps = 1000000;
            buffer_init(&output, 100000);
            assert_int_equal(schema_pattern_generate(pattern, &random, cases[i].min_length,
                                                     cases[i].max_length, &output),
                             0);
            const char *bytes = buffer_length(&output) ? buffer_bytes(&output) : "";
            size_t length = schema_utf8_length(bytes, buffer_length(&output));
            good += length >= cases[i].min_length && length <= cases[i].max_length &&
                    schema_pattern_match(pattern, bytes, buffer_length(&output), &steps) ==
                        SCHEMA_MATCH_YES;
            buffer_free(&output);
        }
        if (good < 10) /* by construction, not by luck: a fair share of tries must do */
            fail_msg("%s: %u of 50", cases[i].pattern, good);
        schema_pattern_free(pattern);
    }
}

static void the_impossible_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t min_length, max_length;
    } cases[] = {{"^abc$", 4, 9}, {"^abc", 0, 2}, {"^a{100000}$", 0, SIZE_MAX},
                 {"[]", 0, 9},    {"a", 5, 4},    {"^(a|b)$", 2, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[200];
        struct schema_pattern *pattern =
            schema_pattern_compile(cases[i].pattern, problem, sizeof problem);
        struct random random;
        struct buffer output;
        random_seed(&random, 1, 1);
        buffer_init(&output, 1000000);
        if (pattern) /* PCRE2 itself may refuse the largest */
            assert_int_equal(schema_pattern_generate(pattern, &random, cases[i].min_length,
                                                     cases[i].max_length, &output),
                             -1);
        buffer_free(&output);
        schema_pattern_free(pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(semantics),
        cmocka_unit_test(refused),
        cmocka_unit_test(backtracking_is_bounded),
        cmocka_unit_test(strings_are_made_to_length),
        cmocka_unit_test(the_impossible_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
