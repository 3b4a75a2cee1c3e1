/* The validator: what each keyword accepts and refuses, and what its messages say. The cases follow
 * the specification's own rules; agreement with another validator is checked in tests/schema. */
#include "mcp/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct verdict {
    const char *schema, *instance;
    bool valid;
};

static struct schema *compile(const char *text)
{
    json_error_t problem;
    struct error error = {0};
    json_t *document = json_loads(text, JSON_DECODE_ANY, &problem);
    if (!document)
        fail_msg("%s: %s", text, problem.text);
    struct schema *schema = schema_compile(document, &error);
    json_decref(document);
    if (!schema)
        fail_msg("%s: %s", text, error.text);
    return schema;
}

static bool is_valid(const char *schema_text, const char *instance_text, char *problem, size_t size)
{
    struct schema *schema = compile(schema_text);
    json_error_t error;
    json_t *instance = json_loads(instance_text, JSON_DECODE_ANY, &error);
    if (!instance)
        fail_msg("%s: %s", instance_text, error.text);
    bool valid = schema_validate(schema, instance, problem, size);
    json_decref(instance);
    schema_free(schema);
    return valid;
}

static void check(const struct verdict *verdicts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char problem[400];
        bool valid = is_valid(verdicts[i].schema, verdicts[i].instance, problem, sizeof problem);
        if (valid != verdicts[i].valid)
            fail_msg("%s with %s: %s", verdicts[i].schema, verdicts[i].instance,
                     valid ? "accepted" : problem);
        if (!valid)
            assert_int_equal(strncmp(problem, "at /", 4), 0);
    }
}
#define CHECK(...)                                                                                 \
    do {                                                                                           \
        const struct verdict verdicts[] = {__VA_ARGS__};                                           \
        check(verdicts, sizeof verdicts / sizeof *verdicts);                                       \
    } while (0)

static void types(void **state)
{
    (void)state;
    CHECK({"true", "{}", true}, {"false", "null", false}, {"{}", "[1]", true},
          {"{\"type\":\"integer\"}", "1", true}, {"{\"type\":\"integer\"}", "1.0", true},
          {"{\"type\":\"integer\"}", "1.5", false}, {"{\"type\":\"number\"}", "1", true},
          {"{\"type\":\"number\"}", "\"1\"", false}, {"{\"type\":\"null\"}", "null", true},
          {"{\"type\":\"null\"}", "0", false}, {"{\"type\":\"boolean\"}", "false", true},
          {"{\"type\":\"boolean\"}", "0", false},
          {"{\"type\":[\"string\",\"null\"]}", "null", true},
          {"{\"type\":[\"string\",\"null\"]}", "1", false},
          {"{\"type\":\"string\",\"nullable\":true}", "null", true},
          {"{\"type\":\"string\",\"nullable\":false}", "null", false});
}

static void values(void **state)
{
    (void)state;
    CHECK({"{\"enum\":[1,\"a\",null]}", "1.0", true}, {"{\"enum\":[1]}", "true", false},
          {"{\"enum\":[[false]]}", "[0]", false},
          {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1.0}", true},
          {"{\"const\":[1,2]}", "[2,1]", false},
          {"{\"const\":9007199254740993}", "9007199254740992", false},
          {"{\"const\":9007199254740992}", "9007199254740992.0", true},
          {"{\"const\":0}", "-0.0", true}, {"{\"const\":\"\"}", "null", false});
}

static void numbers(void **state)
{
    (void)state;
    CHECK({"{\"minimum\":1.1}", "1.1", true}, {"{\"minimum\":1.1}", "1", false},
          {"{\"maximum\":3}", "3.0", true}, {"{\"maximum\":3}", "3.5", false},
          {"{\"exclusiveMinimum\":0}", "0", false}, {"{\"exclusiveMaximum\":0}", "-1", true},
          {"{\"minimum\":0,\"exclusiveMinimum\":true}", "0", false},
          {"{\"minimum\":0,\"exclusiveMinimum\":true}", "1", true},
          {"{\"maximum\":0,\"exclusiveMaximum\":false}", "0", true},
          {"{\"minimum\":5}", "\"x\"", true},
          {"{\"maximum\":9007199254740992}", "9007199254740993", false},
          {"{\"maximum\":9007199254740992.0}", "9007199254740993", false},
          {"{\"minimum\":-1e300}", "-9223372036854775808", true},
          {"{\"multipleOf\":0.0001}", "0.0075", true},
          {"{\"multipleOf\":0.0001}", "0.00751", false}, {"{\"multipleOf\":0.01}", "4.02", true},
          {"{\"multipleOf\":3}", "-9", true}, {"{\"multipleOf\":3}", "10", false},
          {"{\"multipleOf\":1e-8}", "12391239123", true}, {"{\"multipleOf\":0.5}", "1e308", true},
          {"{\"multipleOf\":2}", "0", true},
          {"{\"type\":\"integer\",\"format\":\"int32\"}", "2147483648", false},
          {"{\"format\":\"int32\"}", "2147483647", true});
}

static void strings(void **state)
{
    (void)state;
    CHECK({"{\"minLength\":2}", "\"é\"", false}, {"{\"maxLength\":2}", "\"\\ud83d\\ude00é\"", true},
          {"{\"minLength\":2}", "1", true}, {"{\"minLength\":2.0}", "\"ab\"", true},
          {"{\"pattern\":\"^a*$\"}", "\"aaa\"", true}, {"{\"pattern\":\"^a*$\"}", "\"aab\"", false},
          {"{\"pattern\":\"a+\"}", "\"xxaayy\"", true},
          {"{\"pattern\":\"^a$\"}", "\"a\\n\"", false},
          {"{\"pattern\":\"^\\\\d$\"}", "\"\\u0661\"", false},
          {"{\"pattern\":\"^\\\\s$\"}", "\"\\u00a0\"", true},
          {"{\"pattern\":\"^.$\"}", "\"\\ud83d\\ude00\"", true},
          {"{\"pattern\":\"^.$\"}", "\"\\u2028\"", false},
          {"{\"format\":\"date\"}", "\"2024-02-29\"", true},
          {"{\"format\":\"date\"}", "\"2023-02-29\"", false}, {"{\"format\":\"date\"}", "12", true},
          {"{\"format\":\"unheard-of\"}", "\"x\"", true});
}

static void arrays(void **state)
{
    (void)state;
    CHECK({"{\"items\":{\"type\":\"integer\"}}", "[1,2]", true},
          {"{\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]", false},
          {"{\"items\":false}", "[]", true}, {"{\"items\":false}", "[1]", false},
          {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}",
           "[\"a\",1]", true},
          {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[1,1]",
           false},
          {"{\"prefixItems\":[{},{}]}", "[1]", true}, {"{\"minItems\":1}", "[]", false},
          {"{\"maxItems\":1}", "[1,2]", false}, {"{\"maxItems\":1}", "{\"a\":1,\"b\":2}", true},
          {"{\"uniqueItems\":true}", "[1,1.0]", false},
          {"{\"uniqueItems\":true}", "[1,true]", true},
          {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", false},
          {"{\"uniqueItems\":true}", "[[0],[false]]", true},
          {"{\"contains\":{\"const\":5}}", "[1,5]", true},
          {"{\"contains\":{\"const\":5}}", "[]", false},
          {"{\"contains\":{},\"minContains\":0}", "[]", true},
          {"{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", false},
          {"{\"contains\":{\"const\":1},\"minContains\":2}", "[1,2,1]", true},
          {"{\"prefixItems\":[{\"type\":\"string\"}],\"contains\":{\"type\":\"integer\"}}", "[]",
           false},
          {"{\"prefixItems\":[{}],\"unevaluatedItems\":false}", "[1]", true},
          {"{\"prefixItems\":[{}],\"unevaluatedItems\":false}", "[1,2]", false},
          {"{\"contains\":{\"minimum\":5},\"unevaluatedItems\":false}", "[7]", true},
          {"{\"contains\":{\"minimum\":5},\"unevaluatedItems\":false}", "[7,1]", false},
          {"{\"allOf\":[{\"prefixItems\":[{}]}],\"items\":{},\"unevaluatedItems\":false}", "[1,2]",
           true},
          {"{\"anyOf\":[{\"prefixItems\":[{\"const\":1}]},{\"prefixItems\":[{},{\"const\":2}]}],"
           "\"unevaluatedItems\":false}",
           "[1,2]", true},
          {"{\"$schema\":\"http://json-schema.org/draft-07/"
           "schema#\",\"items\":[{}],\"additionalItems\":false}",
           "[1,2]", false},
          {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"prefixItems\":[false]}",
           "[1]", true},
          {"{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\",1]", false},
          {"{\"items\":[{\"type\":\"string\"}]}", "[1]", false},
          {"{\"prefixItems\":[]}", "[1]", true});
}

static void objects(void **state)
{
    (void)state;
    CHECK({"{\"required\":[\"a\"]}", "{}", false}, {"{\"required\":[\"a\"]}", "[]", true},
          {"{\"required\":[\"\"]}", "{\"\":null}", true}, {"{\"required\":[\"\"]}", "{}", false},
          {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"x\"}", false},
          {"{\"properties\":{\"a\":false}}", "{\"a\":1}", false},
          {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":1}", false},
          {"{\"patternProperties\":{\"^a\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
           "{\"ab\":1}", true},
          {"{\"patternProperties\":{\"^a\":{\"type\":\"integer\"}}}", "{\"ab\":\"x\"}", false},
          {"{\"properties\":{\"ab\":{}},\"patternProperties\":{\"^a\":{\"type\":\"integer\"}}}",
           "{\"ab\":\"x\"}", false},
          {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", false},
          {"{\"propertyNames\":false}", "{}", true}, {"{\"minProperties\":1}", "{}", false},
          {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", false},
          {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", false},
          {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", true},
          {"{\"dependentSchemas\":{\"a\":{\"minProperties\":2}}}", "{\"a\":1}", false},
          {"{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}", "{\"a\":1,\"b\":1}",
           true},
          {"{\"dependencies\":{\"c\":{\"required\":[\"d\"]}}}", "{\"c\":1}", false},
          {"{\"properties\":{\"a\":{}},\"allOf\":[{\"properties\":{\"b\":{}}}],"
           "\"unevaluatedProperties\":false}",
           "{\"a\":1,\"b\":2}", true},
          {"{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}", "{\"b\":2}", false},
          {"{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}}},{\"properties\":{\"b\":{}}}],"
           "\"unevaluatedProperties\":false}",
           "{\"a\":2,\"b\":1}", false},
          {"{\"not\":{\"not\":{\"properties\":{\"a\":{}}}},\"unevaluatedProperties\":false}",
           "{\"a\":1}", false},
          {"{\"if\":{\"required\":[\"a\"],\"properties\":{\"a\":{}}},\"else\":{\"properties\":{"
           "\"b\":{}}},"
           "\"unevaluatedProperties\":false}",
           "{\"b\":1}", true},
          {"{\"$ref\":\"#/$defs/"
           "x\",\"unevaluatedProperties\":false,\"$defs\":{\"x\":{\"properties\":{\"a\":{}}}}}",
           "{\"a\":1}", true},
          {"{\"allOf\":[{\"unevaluatedProperties\":true}],\"unevaluatedProperties\":false}",
           "{\"z\":1}", true},
          {"{\"properties\":{\"a\":{\"properties\":{\"b\":{}}}},\"unevaluatedProperties\":false}",
           "{\"a\":{\"c\":1}}", true});
}

static void combinations(void **state)
{
    (void)state;
    CHECK({"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", false},
          {"{\"anyOf\":[{\"minimum\":5},{\"type\":\"string\"}]}", "4", false},
          {"{\"anyOf\":[{\"minimum\":5},{\"type\":\"string\"}]}", "\"x\"", true},
          {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", false},
          {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "0", true},
          {"{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]}", "1.5", true},
          {"{\"not\":{\"type\":\"string\"}}", "\"x\"", false}, {"{\"not\":{}}", "1", false},
          {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":2},\"else\":{\"multipleOf\":3}}", "6",
           true},
          {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":2},\"else\":{\"multipleOf\":3}}", "7",
           false},
          {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":2},\"else\":{\"multipleOf\":3}}", "4",
           false},
          {"{\"then\":false,\"else\":false}", "1", true});
}

static void references(void **state)
{
    (void)state;
    CHECK({"{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}",
           "[\"x\"]", false},
          {"{\"properties\":{\"c\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
           "{\"c\":{\"c\":{}}}", true},
          {"{\"properties\":{\"c\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
           "{\"c\":{\"d\":{}}}", false},
          {"{\"$id\":\"http://a.example/x/root\",\"$defs\":{\"b\":{\"$id\":\"../y/"
           "b\",\"type\":\"null\"}},"
           "\"$ref\":\"http://a.example/y/b\"}",
           "1", false},
          {"{\"$id\":\"http://a.example/x/root\",\"$defs\":{\"b\":{\"$id\":\"/"
           "z\",\"$defs\":{\"c\":{\"$anchor\":\"q\","
           "\"type\":\"null\"}}}},\"$ref\":\"/z#q\"}",
           "null", true},
          {"{\"$defs\":{\"a b\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/a%20b\"}", "1", false},
          {"{\"$ref\":\"#/$defs/"
           "i\",\"$defs\":{\"i\":{\"$dynamicAnchor\":\"x\",\"$dynamicRef\":\"#y\"},"
           "\"j\":{\"$anchor\":\"y\",\"type\":\"null\"}}}",
           "1", false},
          {"{\"enum\":[{\"$id\":\"x\",\"$ref\":\"nowhere\"}]}",
           "{\"$id\":\"x\",\"$ref\":\"nowhere\"}", true},
          {"{\"properties\":{\"$ref\":{\"type\":\"string\"}}}", "{\"$ref\":1}", false});
}

static void messages_tell_where_and_what(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *instance, *message;
    } cases[] = {
        {"{\"properties\":{\"a/b\":{\"items\":{\"minimum\":3}}}}", "{\"a/b\":[5,2]}",
         "at /a~1b/1: must be at least 3 (is 2)"},
        {"{\"type\":[\"string\",\"null\"]}", "1", "at /: must be string or null (is integer)"},
        {"{\"required\":[\"city\"]}", "{}", "at /: must have property \"city\""},
        {"{\"additionalProperties\":false}", "{\"x\":1}",
         "at /x: no property of this name is allowed"},
        {"{\"maxLength\":2}", "\"abc\"", "at /: must have at most 2 characters (has 3)"},
        {"{\"pattern\":\"^a\"}", "\"b\"", "at /: must match pattern \"^a\" (is \"b\")"},
        {"{\"format\":\"ipv4\"}", "\"x\"", "at /: must be of format ipv4 (is \"x\")"},
        {"{\"const\":\"yes\"}", "1", "at /: must be \"yes\""},
        {"{\"uniqueItems\":true}", "[1,2,1]", "at /: items 0 and 2 are equal, and must all differ"},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
         "at /: must have property \"b\", since it has \"a\""},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1",
         "at /: matches none of the 2 alternatives of anyOf"},
        /* The alternative that got furthest explains the failure. */
        {"{\"anyOf\":[{\"type\":\"null\"},{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":"
         "\"string\"}}}}}]}",
         "{\"a\":{\"b\":1}}", "at /a/b: must be string (is integer)"},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3",
         "at /: matches both alternative 0 and alternative 1 of oneOf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[400];
        assert_false(is_valid(cases[i].schema, cases[i].instance, problem, sizeof problem));
        assert_string_equal(problem, cases[i].message);
    }
}

static void a_small_buffer_is_enough(void **state)
{
    (void)state;
    char problem[16];
    assert_false(is_valid("{\"type\":\"string\"}", "1", problem, sizeof problem));
    assert_string_equal(problem, "at /: must be s");
    assert_false(is_valid("{\"type\":\"string\"}", "1", NULL, 0));
}

/* 2^30 ways through one value: the work allowed ends it, and a `not` does not turn that into a yes.
 */
static void hostile_references_end(void **state)
{
    (void)state;
    json_t *definitions = json_object();
    for (int i = 0; i < 30; i++) {
        char name[16], next[32];
        snprintf(name, sizeof name, "d%d", i);
        snprintf(next, sizeof next, "#/$defs/d%d", i + 1);
        json_object_set_new(definitions, name,
                            json_pack("{s:[{s:s},{s:s}]}", "allOf", "$ref", next, "$ref", next));
    }
    json_object_set_new(definitions, "d30", json_object());
    json_t *documents[] = {
        json_pack("{s:O, s:s}", "$defs", definitions, "$ref", "#/$defs/d0"),
        json_pack("{s:o, s:{s:s}}", "$defs", definitions, "not", "$ref", "#/$defs/d0")};
    for (size_t i = 0; i < 2; i++) {
        char problem[200];
        struct schema *schema = schema_compile(documents[i], NULL);
        json_t *instance = json_integer(1);
        assert_non_null(schema);
        assert_false(schema_validate(schema, instance, problem, sizeof problem));
        assert_non_null(strstr(problem, "too much work"));
        json_decref(instance);
        schema_free(schema);
        json_decref(documents[i]);
    }
}

static void hostile_patterns_end(void **state)
{
    (void)state;
    char problem[300];
    const char *text = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"";
    assert_false(is_valid("{\"pattern\":\"^(a+)+$\"}", text, problem, sizeof problem));
    assert_false(is_valid("{\"not\":{\"pattern\":\"^(a+)+$\"}}", text, problem, sizeof problem));
    assert_non_null(strstr(problem, "took too much work"));
}

static void a_deep_instance_is_refused(void **state)
{
    (void)state;
    struct schema *schema = compile("{\"items\":{\"$ref\":\"#\"}}");
    json_t *instance = json_array();
    for (int i = 0; i < 1900; i++)
        instance = json_pack("[o]", instance);
    char problem[400];
    assert_false(schema_validate(schema, instance, problem, sizeof problem));
    assert_non_null(strstr(problem, "nested too deeply"));
    json_decref(instance);
    schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(values),
        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),
        cmocka_unit_test(arrays),
        cmocka_unit_test(objects),
        cmocka_unit_test(combinations),
        cmocka_unit_test(references),
        cmocka_unit_test(messages_tell_where_and_what),
        cmocka_unit_test(a_small_buffer_is_enough),
        cmocka_unit_test(hostile_references_end),
        cmocka_unit_test(hostile_patterns_end),
        cmocka_unit_test(a_deep_instance_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
