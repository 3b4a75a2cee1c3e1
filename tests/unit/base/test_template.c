/* Templates: what is compiled, what is refused and with which words, what is rendered. */
#include "base/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *columns[] = {"name", "size", NULL};
static char *captures[] = {"id", "list", NULL};
static char *row_one[] = {"O\"Hara\n", "12", NULL};
static char *row_two[] = {"Li", "-3.5e2", NULL};
static char **rows[] = {row_one, row_two};
static const struct template_data data = {columns, 2, rows, 2};
static char id_json[] = "\"a\\\"b\\u00e9\\ud83d\\ude00\"";
static char list_json[] = "[1,\"x\"]";

static char *render(const char *text, bool is_json, const char **detail)
{
    struct error error = {0};
    struct random random;
    struct template_value values[] = {{"id", id_json}, {"list", list_json}};
    struct template_context context = {.user = 7,
                                       .iteration = 3,
                                       .random = &random,
                                       .data = &data,
                                       .data_row = 2, /* beyond the end: begins again */
                                       .captures = values,
                                       .capture_count = 2};
    struct buffer output;
    random_seed(&random, 1, 1);
    buffer_init(&output, 4096);
    struct text_template *compiled = template_compile(text, is_json, NULL, NULL, &error);
    if (!compiled)
        fail_msg("%s: %s", text, error.text);
    int failed = template_render(compiled, &context, &output, detail);
    char *result = failed < 0 ? NULL : buffer_take_string(&output);
    if (failed < 0)
        assert_int_equal(buffer_length(&output), 0);
    buffer_free(&output);
    template_free(compiled);
    return result;
}

static void assert_renders(const char *text, bool is_json, const char *expected)
{
    char *result = render(text, is_json, NULL);
    assert_non_null(result);
    assert_string_equal(result, expected);
    if (is_json) {
        json_t *value = json_loads(result, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        json_decref(value);
    }
    free(result);
}

static void renders_text(void **state)
{
    (void)state;
    assert_renders("plain", false, "plain");
    assert_renders("", false, "");
    assert_renders("u${user} i${iteration}", false, "u7 i3");
    assert_renders("$${user} $ $$ ${user}$", false, "${user} $ $$ 7$");
    assert_renders("${data.name}|${data.size}", false, "O\"Hara\n|12");
    assert_renders("<${capture.id}>", false, "<a\"b\xc3\xa9\xf0\x9f\x98\x80>");
    assert_renders("${capture.list}", false, "[1,\"x\"]");
    assert_renders("${random(-5,-5)}", false, "-5");
}

static void renders_json(void **state)
{
    (void)state;
    assert_renders("{\"a\": \"x${user}y\", \"b\": [1.50, true]}", true,
                   "{\"a\": \"x7y\", \"b\": [1.50, true]}");
    assert_renders("{\"a\":\"${user:json}\"}", true, "{\"a\":7}");
    assert_renders("{\"a\":\"${data.name}\"}", true, "{\"a\":\"O\\\"Hara\\n\"}");
    assert_renders("{\"a\":\"${data.size:json}\",\"b\":\"${data.size}\"}", true,
                   "{\"a\":12,\"b\":\"12\"}");
    assert_renders("[\"${data.name:json}\"]", true, "[\"O\\\"Hara\\n\"]");
    assert_renders("\"${capture.id:json}\"", true, id_json);
    assert_renders("[\"<${capture.id}>\"]", true, "[\"<a\\\"b\\u00e9\\ud83d\\ude00>\"]");
    assert_renders("[\"${capture.list:json}\",\"${capture.list}\"]", true,
                   "[[1,\"x\"],\"[1,\\\"x\\\"]\"]");
    assert_renders("{\"${user}\":1}", true, "{\"7\":1}");
    assert_renders("[\"$${user}\",\"a\\\"${user}\\\\\"]", true, "[\"${user}\",\"a\\\"7\\\\\"]");
}

static void uuids_and_random_follow_the_seed(void **state)
{
    (void)state;
    char *first = render("[\"${uuid}\",\"${random(1,1000000)}\",\"${uuid:json}\"]", true, NULL);
    char *second = render("[\"${uuid}\",\"${random(1,1000000)}\",\"${uuid:json}\"]", true, NULL);
    assert_string_equal(first, second);
    json_t *value = json_loads(first, 0, NULL);
    assert_int_equal(json_array_size(value), 3);
    assert_int_equal(json_string_length(json_array_get(value, 0)), 36);
    assert_string_not_equal(json_string_value(json_array_get(value, 0)),
                            json_string_value(json_array_get(value, 2)));
    json_decref(value);
    free(first);
    free(second);
}

static void a_missing_value_is_named(void **state)
{
    const char *detail = NULL;
    (void)state;
    assert_null(render("before ${capture.other}", false, &detail));
    /* The name belongs to the template, which is gone: only that there was one can be seen. */
    assert_non_null(detail);
    detail = "unchanged";
    struct buffer small;
    buffer_init(&small, 4);
    struct text_template *compiled = template_compile("12345678", false, NULL, NULL, NULL);
    struct template_context context = {0};
    assert_int_equal(template_render(compiled, &context, &small, &detail), -1);
    assert_null(detail);
    assert_int_equal(buffer_length(&small), 0);
    buffer_free(&small);
    template_free(compiled);
}

static void knows_what_is_constant(void **state)
{
    (void)state;
    struct text_template *constant =
        template_compile("{\"a\":\"$${user}\"}", true, NULL, NULL, NULL);
    struct text_template *varying = template_compile("{\"a\":\"${user}\"}", true, NULL, NULL, NULL);
    assert_true(template_is_constant(constant));
    assert_false(template_is_constant(varying));
    template_free(constant);
    template_free(varying);
}

static void assert_refused(const char *text, bool is_json, const char *words)
{
    struct error error = {0};
    assert_null(template_compile(text, is_json, columns, captures, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    if (!strstr(error.text, words))
        fail_msg("%s: \"%s\" lacks \"%s\"", text, error.text, words);
}

static void refuses_with_a_remedy(void **state)
{
    (void)state;
    assert_refused("${foo}", false, "unknown placeholder ${foo}; known are ${user}");
    assert_refused("${}", false, "unknown placeholder");
    assert_refused("${user", false, "without a closing brace");
    assert_refused("[\"${user\", \"}\"]", true, "without a closing brace");
    assert_refused("${data.nme}", false, "there is no column \"nme\"; known: name, size");
    assert_refused("${capture.ix}", false, "there is no capture \"ix\"; known: id, list");
    assert_refused("${random(9,1)}", false, "the smaller first");
    assert_refused("${random(1)}", false, "two whole numbers");
    assert_refused("${random(1,2)x}", false, "two whole numbers");
    assert_refused("{\"a\":\"x${user:json}\"}", true, "must be a whole string");
    assert_refused("{\"${user:json}\":1}", true, "must be a whole string");
    assert_refused("${user:json}", false, "must be a whole string");
    assert_refused("{\"a\":", true, "not JSON");
    char *none[] = {NULL};
    struct error error = {0};
    assert_null(template_compile("${data.a}", false, none, none, &error));
    assert_non_null(strstr(error.text, "data: FILE.csv"));
    assert_null(template_compile("${capture.a}", false, none, none, &error));
    assert_non_null(strstr(error.text, "no earlier step"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_text),
                                       cmocka_unit_test(renders_json),
                                       cmocka_unit_test(uuids_and_random_follow_the_seed),
                                       cmocka_unit_test(a_missing_value_is_named),
                                       cmocka_unit_test(knows_what_is_constant),
                                       cmocka_unit_test(refuses_with_a_remedy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
