/* Numbers, durations, sizes, times, choices: what is taken, what is refused, what prints back. */
#include "plan/values.h"
#include "testing.h"

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {{"0", 0},
                {"0s", 0},
                {"1ns", 1},
                {"100us", 100000},
                {"500ms", 500000000},
                {"1.5s", 1500000000},
                {"2m", UINT64_C(120000000000)},
                {"1h", UINT64_C(3600000000000)},
                {"1m30s", UINT64_C(90000000000)},
                {"0.1us", 100},
                {"1d", UINT64_C(86400000000000)},
                {"1000d", VALUE_DURATION_LIMIT}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t ns = 99;
        assert_int_equal(plan_parse_duration(rows[i].text, &ns), 0);
        assert_int_equal(ns, rows[i].ns);
    }
    static const char *const wrong[] = {"",      "5",    "s",
                                        "-1s",   "1 s",  "1sec",
                                        "1001d", "1e3s", "nan",

                                        "1.s",   "1s2",  "99999999999999999999s",
                                        "inf",   "5S"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t ns;
        if (plan_parse_duration(wrong[i], &ns) == 0)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

static void reads_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {{"0", 0}, {"17", 17}, {"64KiB", 65536}, {"10MB", 10000000}, {"1.5GiB", 1610612736},
                {"3B", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t bytes;
        assert_int_equal(plan_parse_size(rows[i].text, &bytes), 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
    uint64_t bytes;
    assert_int_equal(plan_parse_size("10 MB", &bytes), -1);
    assert_int_equal(plan_parse_size("MB", &bytes), -1);
    assert_int_equal(plan_parse_size("99999999TiB", &bytes), -1);
}

static void prints_durations_that_read_back(void **state)
{
    static const uint64_t values[] = {0,
                                      1,
                                      999,
                                      1000,
                                      1500000000,
                                      UINT64_C(60000000000),
                                      UINT64_C(3600000000001),
                                      VALUE_DURATION_LIMIT};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        uint64_t back;
        value_print_duration(values[i], text);
        assert_int_equal(plan_parse_duration(text, &back), 0);
        assert_int_equal(back, values[i]);
    }
    char text[32];
    value_print_duration(UINT64_C(90000000000), text);
    assert_string_equal(text, "90s");
}

static void prints_numbers_that_read_back(void **state)
{
    static const double values[] = {
        0, 1, 0.1, 1.0 / 3, 100.0 / 60, 33.333333333333336, 1e9, 123456789.125, 0.0000012345};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[64];
        double back;
        value_print_number(values[i], text);
        const char *rest = text;
        assert_int_equal(value_decimal(&rest, &back), 0);
        assert_true(back == values[i] && *rest == '\0');
    }
    char text[64];
    value_print_number(0.1, text);
    assert_string_equal(text, "0.1");
}

static void reads_ranges(void **state)
{
    struct level_range range;
    struct time_range time;
    (void)state;
    assert_int_equal(value_users("5..50", &range, "", NULL), 0);
    assert_true(range.set && range.is_range && range.from == 5 && range.to == 50);
    assert_int_equal(value_users("7", &range, "", NULL), 0);
    assert_true(!range.is_range && range.from == 7 && range.to == 7);
    assert_int_equal(value_rate("60/min..200/s", &range, "", NULL), 0);
    assert_true(range.from == 1 && range.to == 200);
    assert_int_equal(value_time_range("10ms..20ms", &time, "", NULL), 0);
    assert_int_equal(time.min_ns, 10000000);
    assert_int_equal(time.max_ns, 20000000);
    assert_int_equal(value_time_range("20ms..10ms", &time, "", NULL), -1);
    assert_int_equal(value_users("1.5", &range, "", NULL), -1);
    assert_int_equal(value_users("..", &range, "", NULL), -1);
    assert_int_equal(value_users("5...9", &range, "", NULL), -1);
    assert_int_equal(value_users("10000001", &range, "", NULL), -1);
    assert_int_equal(value_rate("-1", &range, "", NULL), -1);
    assert_int_equal(value_rate("nan", &range, "", NULL), -1);
}

static void reads_times(void **state)
{
    uint64_t ns, other;
    char text[40];
    (void)state;
    assert_int_equal(value_wall_time("2026-01-31T12:00:00Z", &ns, "", NULL), 0);
    assert_int_equal(ns, UINT64_C(1769860800000000000));
    assert_int_equal(value_wall_time("2026-01-31T14:00:00.25+02:00", &other, "", NULL), 0);
    assert_int_equal(other, ns + 250000000);
    assert_int_equal(value_wall_time("1769860800", &other, "", NULL), 0);
    assert_int_equal(other, ns);
    value_print_wall_time(ns + 5, text);
    assert_string_equal(text, "2026-01-31T12:00:00.000000005Z");
    assert_int_equal(value_wall_time(text, &other, "", NULL), 0);
    assert_int_equal(other, ns + 5);
    assert_int_equal(value_wall_time("12:00", &ns, "", NULL), -1);
    assert_int_equal(value_wall_time("2026-01-31T12:00:00", &ns, "", NULL), -1);
}

static void errors_show_how_it_is_written(void **state)
{
    struct error error;
    unsigned count;
    bool flag;
    (void)state;
    assert_int_equal(value_count("many", &count, "repeat: ", &error), -1);
    assert_string_equal(error.text,
                        "must be a whole number of at least 1, not \"many\"; write e.g. "
                        "repeat: 10");
    assert_int_equal(error.code, ERROR_USAGE);
    assert_int_equal(value_count("0", &count, "", &error), -1);
    assert_int_equal(value_count("-1", &count, "", &error), -1);
    assert_int_equal(value_count("99999999999999999999", &count, "", &error), -1);
    assert_int_equal(value_flag("maybe", &flag, "", &error), -1);
    assert_int_equal(value_flag("Yes", &flag, "", &error), 0);
    assert_true(flag);
}

static const char *nearest_of(const char *text)
{
    struct nearest nearest;
    nearest_begin(&nearest, text);
    nearest_consider(&nearest, "users");
    nearest_consider(&nearest, "duration");
    nearest_consider(&nearest, "max_in_flight");
    return nearest.best;
}

static void finds_the_nearest_name(void **state)
{
    (void)state;
    assert_string_equal(nearest_of("usres"), "users");
    assert_string_equal(nearest_of("user"), "users");
    assert_string_equal(nearest_of("max-in-flight"), "max_in_flight");
    assert_string_equal(nearest_of("durration"), "duration");
    assert_null(nearest_of("colour"));
    assert_null(nearest_of(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_durations),
                                       cmocka_unit_test(reads_sizes),
                                       cmocka_unit_test(prints_durations_that_read_back),
                                       cmocka_unit_test(prints_numbers_that_read_back),
                                       cmocka_unit_test(reads_ranges),
                                       cmocka_unit_test(reads_times),
                                       cmocka_unit_test(errors_show_how_it_is_written),
                                       cmocka_unit_test(finds_the_nearest_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
