/* The data file. */
#include "plan/csv.h"
#include "testing.h"

static void parse(struct template_data *data, const char *text)
{
    struct error error = {0};
    if (csv_parse(data, text, strlen(text), &error) < 0)
        fail_msg("%s", error.text);
}

static void reads_rows(void **state)
{
    struct template_data data;
    (void)state;
    parse(&data,
          "\xef\xbb\xbfname,city\r\n\"Hopper, Grace\",\"New\nYork\"\r\n\r\n\"say \"\"hi\"\"\",\n");
    assert_int_equal(data.column_count, 2);
    assert_string_equal(data.columns[0], "name");
    assert_string_equal(data.columns[1], "city");
    assert_int_equal(data.row_count, 2);
    assert_string_equal(data.rows[0][0], "Hopper, Grace");
    assert_string_equal(data.rows[0][1], "New\nYork");
    assert_string_equal(data.rows[1][0], "say \"hi\"");
    assert_string_equal(data.rows[1][1], "");
    csv_free(&data);
    parse(&data, "a\n1\n2"); /* without a last line break */
    assert_int_equal(data.row_count, 2);
    csv_free(&data);
    parse(&data, "a,b\n1,");
    assert_string_equal(data.rows[0][1], "");
    csv_free(&data);
}

static void many_rows_grow(void **state)
{
    struct template_data data;
    char *text = malloc(200000);
    size_t length = (size_t)sprintf(text, "n\n");
    (void)state;
    for (int i = 0; i < 10000; i++)
        length += (size_t)sprintf(text + length, "%d\n", i);
    parse(&data, text);
    assert_int_equal(data.row_count, 10000);
    assert_string_equal(data.rows[9999][0], "9999");
    csv_free(&data);
    free(text);
}

static void refuses_with_the_line(void **state)
{
    static const char *const rows[][2] = {
        {"", "line 1: needs a line of column names"},
        {"a,b\n", "line 1: needs a line of column names and one row"},
        {"a,b\n1,2\n1,2,3\n", "line 3: has 3 fields, but the first line names 2"},
        {"a,b\n\"x\n\ny\",2\n1\n", "line 5: has 1 fields"},
        {"a\n\"x\n", "line 2: a quoted field has no end"},
        {"a\n\"x\"y\n", "line 2: text behind a closing quote"},
        {"a,a\n1,2\n", "line 1: two columns are named \"a\""},
        {"a,\n1,2\n", "line 1: column 2 has no usable name"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct template_data data;
        struct error error = {0};
        assert_int_equal(csv_parse(&data, rows[i][0], strlen(rows[i][0]), &error), -1);
        assert_contains(error.text, rows[i][1]);
        assert_int_equal(data.column_count, 0);
    }
    struct template_data data;
    struct error error = {0};
    assert_int_equal(csv_parse(&data, "a\n\0\n", 4, &error), -1);
    assert_contains(error.text, "NUL");
    assert_int_equal(csv_load(&data, "/nonexistent/x.csv", &error), -1);
    assert_contains(error.text, "cannot read /nonexistent/x.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_rows),
                                       cmocka_unit_test(many_rows_grow),
                                       cmocka_unit_test(refuses_with_the_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
