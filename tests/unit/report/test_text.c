/* What a server says is shown, never obeyed; widths hold; quantities read as they should. */
#include "analysis/quantity.h"
#include "report/buckets.h"
#include "report/table.h"
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_shown(const char *text, size_t width, const char *expected)
{
    struct buffer output;
    buffer_init(&output, 1 << 16);
    size_t columns = text_append_safe(&output, text, width);
    char *shown = buffer_take_string(&output);
    assert_string_equal(shown, expected);
    assert_int_equal(columns, text_columns(expected));
    assert_true(columns <= width);
    free(shown);
}

static void controls_are_shown(void **state)
{
    (void)state;
    assert_shown("plain text", 40, "plain text");
    assert_shown("\033[2J\033]0;title\007", 60, "\\x1b[2J\\x1b]0;title\\x07");
    assert_shown("a\nb\tc\rd", 40, "a\\nb\\tc\\rd");
    assert_shown("\x7f \xc2\x9b", 40, "\\x7f \\x9b"); /* DEL, CSI in C1 */
    assert_shown("\xe2\x80\xae"
                 "abc",
                 40, "\\u202eabc"); /* right-to-left override */
    assert_shown("\xe2\x80\x8bzero\xef\xbb\xbf", 40, "\\u200bzero\\ufeff");
    assert_shown("caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80", 40,
                 "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80");
}

static void what_is_not_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    assert_shown("\xff\xfe", 40, "\\xff\\xfe");
    assert_shown("a\xc3", 40, "a\\xc3");                          /* cut off */
    assert_shown("\xc0\xaf", 40, "\\xc0\\xaf");                   /* overlong */
    assert_shown("\xed\xa0\x80", 40, "\\xed\\xa0\\x80");          /* a surrogate */
    assert_shown("\xf4\x90\x80\x80", 40, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
}

static void widths_are_bounded(void **state)
{
    (void)state;
    assert_shown("abcdef", 6, "abcdef");
    assert_shown("abcdefg", 6, "abcde\xe2\x80\xa6");
    assert_shown("abcd\033x", 6, "abcd\xe2\x80\xa6"); /* an escape is not cut in its midst */
    assert_shown("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9\xc3\xa9\xe2\x80\xa6");
    assert_shown("abc", 0, "");
    assert_shown("abc", 1, "\xe2\x80\xa6");
}

static void quantities_have_three_digits(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } durations[] = {{0, "0ns"},           {999, "999ns"},         {1000, "1.00us"},
                     {9994, "9.99us"},     {9996, "10.0us"},       {99960, "100us"},
                     {999400, "999us"},    {999600, "1.00ms"},     {4564000, "4.56ms"},
                     {999600000, "1.00s"}, {75000000000, "75.0s"}, {3600000000000, "3600s"}};
    char text[QUANTITY_SIZE];
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        assert_string_equal(quantity_duration(text, sizeof text, durations[i].ns),
                            durations[i].text);
    assert_string_equal(quantity_count(text, sizeof text, 0), "0");
    assert_string_equal(quantity_count(text, sizeof text, 999), "999");
    assert_string_equal(quantity_count(text, sizeof text, 1000), "1,000");
    assert_string_equal(quantity_count(text, sizeof text, 1234567), "1,234,567");
    assert_string_equal(quantity_count(text, sizeof text, UINT64_MAX),
                        "18,446,744,073,709,551,615");
    assert_string_equal(quantity_rate(text, sizeof text, 0.517), "0.52/s");
    assert_string_equal(quantity_rate(text, sizeof text, 104.4), "104/s");
    assert_string_equal(quantity_rate(text, sizeof text, 12345.6), "12,346/s");
    assert_string_equal(quantity_share(text, sizeof text, 0), "0%");
    assert_string_equal(quantity_share(text, sizeof text, 0.00001), "<0.01%");
    assert_string_equal(quantity_share(text, sizeof text, 0.0123), "1.23%");
    assert_string_equal(quantity_share(text, sizeof text, 0.25), "25.0%");
    assert_string_equal(quantity_share(text, sizeof text, 0.99999), ">99.9%");
    assert_string_equal(quantity_share(text, sizeof text, 1), "100%");
    assert_string_equal(quantity_bytes(text, sizeof text, 45600000), "45.6MB");
    assert_int_equal(quantity_cut("caf\xc3\xa9", 4), 3);
    assert_int_equal(quantity_cut("caf\xc3\xa9", 5), 5);
    assert_int_equal(quantity_cut("caf", 40), 3);
}

static char *printed(const struct table *table, int width)
{
    struct terminal_style style = {
        .bold = "", .dim = "", .good = "", .bad = "", .warn = "", .accent = "", .reset = ""};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    table_print(table, stream, &style, width);
    fclose(stream);
    return text;
}

static void a_table_fits_the_width_it_is_given(void **state)
{
    (void)state;
    static const struct table_column columns[] = {
        {.title = "NAME", .left = true, .gives_way = true},
        {.title = "P50"},
        {.title = "P90", .expendable = 1},
        {.title = "NOTE", .left = true}};
    struct table table;
    table_init(&table, columns, 4);
    table_add(&table, NULL, "a tool with a very long name indeed");
    table_add(&table, NULL, "4.56ms");
    table_add(&table, NULL, "12.0ms");
    table_add(&table, NULL, "");
    table_add(&table, NULL, "\033evil");
    table_add(&table, NULL, "1s");
    table_add(&table, NULL, "2s");
    table_add(&table, NULL, "x");
    char *wide = printed(&table, 100);
    assert_string_equal(wide, "  NAME                                    P50     P90  NOTE\n"
                              "  a tool with a very long name indeed  4.56ms  12.0ms\n"
                              "  \\x1bevil                                 1s      2s  x\n");
    char *narrow = printed(&table, 40);
    assert_string_equal(narrow, "  NAME                  P50    P90 NOTE\n"
                                "  a tool with a ver\xe2\x80\xa6 4.56ms 12.0ms\n"
                                "  \\x1bevil               1s     2s x\n");
    char *narrowest = printed(&table, 30);
    assert_null(strstr(narrowest, "P90"));
    free(wide);
    free(narrow);
    free(narrowest);
    table_free(&table);
}

static void buckets_have_one_form(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 1000);
    struct buckets_writer writer = {.output = &text};
    assert_int_equal(buckets_write(&writer, 17408, 3), 0);
    assert_int_equal(buckets_write(&writer, 17409, 1), 0);
    assert_int_equal(buckets_write(&writer, 17411, 5), 0);
    char *written = buffer_take_string(&text);
    assert_string_equal(written, "17408x3 1 2x5");
    struct buckets_reader reader = {.text = written, .at = written, .limit = 17412};
    uint32_t bucket;
    uint64_t count;
    assert_int_equal(buckets_read(&reader, &bucket, &count), 1);
    assert_int_equal(bucket, 17408);
    assert_int_equal(count, 3);
    assert_int_equal(buckets_read(&reader, &bucket, &count), 1);
    assert_int_equal(buckets_read(&reader, &bucket, &count), 1);
    assert_int_equal(bucket, 17411);
    assert_int_equal(buckets_read(&reader, &bucket, &count), 0);
    free(written);
}

static void malformed_buckets_are_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {" ",
                                            "5 ",
                                            "5  6",
                                            "5x",
                                            "5x0",
                                            "x3",
                                            "-5",
                                            "5 0",
                                            "5,6",
                                            "5x3x3",
                                            "100",
                                            "99 1",
                                            "5x99999999999999999999"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct buckets_reader reader = {.text = malformed[i], .at = malformed[i], .limit = 100};
        uint32_t bucket;
        uint64_t count;
        int more;
        while ((more = buckets_read(&reader, &bucket, &count)) > 0)
            ;
        if (more != -1 || !reader.problem)
            fail_msg("\"%s\" was taken", malformed[i]);
    }
}

static void json_of_others_stays_the_same_document(void **state)
{
    (void)state;
    static const char json[] = "{\"a\": [1,\n\t\"\xc2\x9b"
                               "31m \xe2\x80\xae \xf3\xa0\x80\x81 \xc3\xa9\xff\"]}";
    char *shown = NULL;
    size_t size;
    FILE *stream = open_memstream(&shown, &size);
    text_print_json(stream, json);
    fclose(stream);
    assert_string_equal(shown,
                        "{\"a\": [1,\n\t\"\\u009b31m \\u202e \\udb40\\udc01 \xc3\xa9\\ufffd\"]}");
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_are_shown),
        cmocka_unit_test(what_is_not_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(json_of_others_stays_the_same_document),
        cmocka_unit_test(widths_are_bounded),
        cmocka_unit_test(quantities_have_three_digits),
        cmocka_unit_test(a_table_fits_the_width_it_is_given),
        cmocka_unit_test(buckets_have_one_form),
        cmocka_unit_test(malformed_buckets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
