/* The parts of the plain HTTP driver that need no server: requests of a plan, and what is expected
 * of an answer. */
#include "drivers/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int compile(struct http_request_operation *request, const char *arguments,
                   struct error *error)
{
    json_t *json = arguments ? json_loads(arguments, JSON_ALLOW_NUL, NULL) : NULL;
    assert_true(!arguments || json);
    *error = (struct error){0};
    int result = http_request_compile(request, json, "here", error);
    json_decref(json);
    return result;
}

static void reads_requests(void **state)
{
    struct http_request_operation request;
    struct error error;
    (void)state;
    assert_int_equal(compile(&request, NULL, &error), 0); /* GET of the target's URL */
    assert_string_equal(request.method, "GET");
    assert_null(request.path.text);
    assert_int_equal(request.status_count, 1);
    assert_int_equal(request.statuses[0].low, 200);
    assert_int_equal(request.statuses[0].high, 299);
    http_request_free(&request);

    assert_int_equal(
        compile(&request,
                "{\"method\":\"POST\",\"path\":\"/a/${user}\",\"headers\":{\"X-A\":\"b\"},"
                "\"body\":{\"n\":\"${user:json}\"},\"expect\":{\"status\":[201,\"4xx\"],"
                "\"json\":{\"/id\":\"$${x}\",\"\":[1]}},\"name\":\"made\"}",
                &error),
        0);
    assert_string_equal(request.method, "POST");
    assert_non_null(request.path.text_template);
    assert_non_null(request.body.text_template);
    assert_int_equal(request.header_count, 2);
    assert_string_equal(request.headers[1].name, "Content-Type");
    assert_string_equal(request.headers[1].value.text, "application/json");
    assert_int_equal(request.status_count, 2);
    assert_int_equal(request.statuses[1].low, 400);
    assert_int_equal(request.statuses[1].high, 499);
    assert_int_equal(request.check_count, 2);
    assert_string_equal(request.checks[0].value.text, "\"${x}\"");
    assert_null(request.checks[0].value.text_template);
    char *name = http_request_name(request.arguments);
    assert_string_equal(name, "made");
    free(name);
    http_request_free(&request);
}

static void refuses_wrong_requests(void **state)
{
    static const struct {
        const char *arguments, *says;
    } table[] = {
        {"[]", "must be a mapping"},
        {"{\"url\":\"/\"}", "arguments.url"},
        {"{\"method\":5}", "method"},
        {"{\"method\":\"\"}", "method"},
        {"{\"method\":\"A B\"}", "method"},
        {"{\"method\":\"CONNECT\"}", "method"},
        {"{\"path\":\"http://x/\"}", "path"},
        {"{\"path\":\"\"}", "path"},
        {"{\"path\":\"/${nothing}\"}", "${nothing}"},
        {"{\"headers\":[]}", "headers"},
        {"{\"headers\":{\"a b\":\"c\"}}", "a b"},
        {"{\"headers\":{\"Host\":\"c\"}}", "Host"},
        {"{\"headers\":{\"transfer-encoding\":\"chunked\"}}", "transfer-encoding"},
        {"{\"headers\":{\"A\":\"b\\r\\nC: d\"}}", "one line"},
        {"{\"headers\":{\"A\":1}}", "must be text"},
        {"{\"body\":\"a\\u0000b\"}", "null"},
        {"{\"expect\":200}", "expect"},
        {"{\"expect\":{\"code\":200}}", "expect.code"},
        {"{\"expect\":{\"status\":[]}}", "status"},
        {"{\"expect\":{\"status\":\"200\"}}", "status"},
        {"{\"expect\":{\"status\":600}}", "status"},
        {"{\"expect\":{\"json\":[]}}", "json"},
        {"{\"expect\":{\"json\":{\"a\":1}}}", "JSON Pointer"},
        {"{\"expect\":{\"json\":{\"/a\":\"${random(1,2)}\"}}}", "another value each time"},
        {"{\"expect\":{\"json\":{\"/a\":\"${none}\"}}}", "${none}"},
    };
    struct http_request_operation request;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (compile(&request, table[i].arguments, &error) == 0)
            fail_msg("%s: taken", table[i].arguments);
        if (!strstr(error.text, table[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].arguments, error.text,
                     table[i].says);
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

/* Examples of RFC 6901, section 5, and what is not there. */
static void finds_values(void **state)
{
    static const char *document =
        " {\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
        "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"x\":{\"y\":[{\"z\":null}, [ ]]},\"u\":1,\"u\":2} ";
    static const struct {
        const char *pointer, *value;
    } table[] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/x/y/0/z", "null"},
        {"/x/y/1", "[ ]"},
        {"/u", "2"},
        {"/foo/1", "\"baz\""},
        {"/foo/2", NULL},
        {"/foo/01", NULL},
        {"/foo/-", NULL},
        {"/foo/", NULL},
        {"/bar", NULL},
        {"/x/y/1/0", NULL},
        {"/foo/0/x", NULL},
        {"/x/y/0/z/a", NULL},
        {"/foo/99999999999", NULL},
    };
    const char *value;
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool found =
            http_request_find(document, strlen(document), table[i].pointer, &value, &length);
        if (found != (table[i].value != NULL))
            fail_msg("%s: found: %d", table[i].pointer, found);
        if (!found)
            continue;
        assert_int_equal(length, strlen(table[i].value));
        assert_memory_equal(value, table[i].value, length);
    }
    assert_true(http_request_find(" 5 ", 3, "", &value, &length));
    assert_int_equal(length, 1);
    assert_false(http_request_find("", 0, "", &value, &length));
    assert_false(http_request_find("{\"a\":", 5, "/a", &value, &length));
}

static void checks_answers(void **state)
{
    static const struct {
        const char *expect;
        int status;
        const char *body;
        enum outcome_kind kind; /* OUTCOME_OK: holds */
        const char *detail, *says;
    } table[] = {
        {"{}", 200, "anything", OUTCOME_OK, NULL, NULL},
        {"{}", 204, "", OUTCOME_OK, NULL, NULL},
        {"{}", 404, "", OUTCOME_HTTP_STATUS, NULL, "404"},
        {"{}", 301, "", OUTCOME_HTTP_STATUS, NULL, "301"},
        {"{\"status\":404}", 404, "", OUTCOME_OK, NULL, NULL},
        {"{\"status\":404}", 200, "", OUTCOME_HTTP_STATUS, NULL, "200"},
        {"{\"status\":[\"3xx\",404]}", 399, "", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":1}}", 200, "{\"a\":1}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":1}}", 200, "{\"a\":1.0}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":1.5}}", 200, "{\"a\":15e-1}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":\"\\u00e9\"}}", 200, "{\"a\":\"\\u00e9\"}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":{\"b\":1,\"c\":2}}}", 200, "{\"a\":{ \"c\":2, \"b\":1 }}", OUTCOME_OK,
         NULL, NULL},
        {"{\"json\":{\"/a\":\"${user}\"}}", 200, "{\"a\":\"7\"}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":\"${user:json}\"}}", 200, "{\"a\":7}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"/a\":\"${user}\"}}", 200, "{\"a\":7}", OUTCOME_CHECK_FAILED, "json",
         "at /a: 7, not \"7\""},
        {"{\"json\":{\"/a\":null}}", 200, "{}", OUTCOME_CHECK_FAILED, "json", "nothing at /a"},
        {"{\"json\":{\"/a\":null}}", 200, "{\"a\":null}", OUTCOME_OK, NULL, NULL},
        {"{\"json\":{\"\":[]}}", 200, "[1]", OUTCOME_CHECK_FAILED, "json", "the answer"},
        {"{\"json\":{\"/a\":true}}", 200, "{\"a\":true} x", OUTCOME_CHECK_FAILED, "no_json",
         "no JSON"},
        {"{\"json\":{\"/a\":true}}", 200, "{\"a\":tru", OUTCOME_CHECK_FAILED, "no_json", "no JSON"},
        {"{\"json\":{\"/a\":true}}", 200, "", OUTCOME_CHECK_FAILED, "no_json", "no JSON"},
        {"{\"json\":{\"/a\":\"${capture.id}\"}}", 200, "{\"a\":1}", OUTCOME_CHECK_FAILED, "json",
         "no value for id"},
    };
    struct template_context context = {.user = 7};
    struct buffer scratch;
    struct random random;
    (void)state;
    random_seed(&random, 1, 1);
    context.random = &random;
    buffer_init(&scratch, 4096);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct http_request_operation request;
        struct error error;
        char arguments[256], text[HTTP_REQUEST_TEXT] = "";
        struct outcome outcome = {.kind = OUTCOME_OK};
        snprintf(arguments, sizeof arguments, "{\"expect\":%s}", table[i].expect);
        assert_int_equal(compile(&request, arguments, &error), 0);
        bool holds =
            http_request_check(&request, table[i].status, table[i].body, strlen(table[i].body),
                               &context, &scratch, &outcome, text, sizeof text);
        if (holds != (table[i].kind == OUTCOME_OK) || outcome.kind != table[i].kind)
            fail_msg("%s of %s: %d (%s)", table[i].expect, table[i].body, holds, text);
        if (table[i].detail)
            assert_string_equal(outcome.detail, table[i].detail);
        if (table[i].says && !strstr(text, table[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].expect, text, table[i].says);
        http_request_free(&request);
    }
    buffer_free(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_requests),
        cmocka_unit_test(refuses_wrong_requests),
        cmocka_unit_test(finds_values),
        cmocka_unit_test(checks_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
