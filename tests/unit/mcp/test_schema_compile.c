/* The compiler: what it refuses, with the place in the document, and what it tolerates. */
#include "mcp/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *text)
{
    json_error_t problem;
    json_t *document = json_loads(text, JSON_DECODE_ANY, &problem);
    if (!document)
        fail_msg("%s: %s", text, problem.text);
    return document;
}

static void errors_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *start;
    } cases[] = {
        {"3", "at /: must be a schema"},
        {"[]", "at /: must be a schema"},
        {"{\"type\":\"strin\"}", "at /type: type must be null, boolean"},
        {"{\"type\":[]}", "at /type: type must be"},
        {"{\"properties\":{\"a/b\":{\"type\":3}}}", "at /properties/a~1b/type: "},
        {"{\"properties\":{\"a\":1}}", "at /properties/a: must be a schema"},
        {"{\"properties\":[]}", "at /properties: properties must be an object"},
        {"{\"items\":\"x\"}", "at /items: must be a schema"},
        {"{\"prefixItems\":[{},{\"minimum\":\"1\"}]}",
         "at /prefixItems/1/minimum: minimum must be a number"},
        {"{\"allOf\":[]}", "at /allOf: allOf must be an array with at least one schema"},
        {"{\"enum\":[]}", "at /enum: enum must be an array with at least one value"},
        {"{\"required\":true}", "at /required: required must be an array of property names"},
        {"{\"required\":[1]}", "at /required: "},
        {"{\"minLength\":-1}", "at /minLength: minLength must be an integer of at least 0"},
        {"{\"maxItems\":1.5}", "at /maxItems: "},
        {"{\"multipleOf\":0}", "at /multipleOf: multipleOf must be a number above 0"},
        {"{\"uniqueItems\":1}", "at /uniqueItems: uniqueItems must be true or false"},
        {"{\"pattern\":\"(\"}", "at /pattern: regular expression \"(\": "},
        {"{\"patternProperties\":{\"[\":{}}}", "at /patternProperties/[: regular expression"},
        {"{\"dependentRequired\":{\"a\":\"b\"}}", "at /dependentRequired: "},
        {"{\"$ref\":\"#/nowhere\"}", "at /$ref: $ref \"#/nowhere\" names nothing"},
        {"{\"$ref\":\"#nowhere\"}", "at /$ref: $ref \"#nowhere\" names nothing"},
        {"{\"$ref\":\"https://example.com/s.json\"}",
         "at /$ref: $ref \"https://example.com/s.json\" leaves"},
        {"{\"$ref\":\"other.json#/a\"}", "at /$ref: $ref \"other.json#/a\" leaves the document"},
        {"{\"$ref\":\"#/$defs\",\"$defs\":[]}", "at /$defs: must be a schema"},
        {"{\"$ref\":\"#\"}", "at /: refers back to itself"},
        {"{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/b\"}]},\"b\":{\"not\":{\"$ref\":\"#/"
         "$defs/a\"}}},"
         "\"items\":{\"$ref\":\"#/$defs/a\"}}",
         "at /$defs/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        json_t *document = load(cases[i].schema);
        struct schema *schema = schema_compile(document, &error);
        if (schema)
            fail_msg("%s compiled", cases[i].schema);
        if (strncmp(error.text, cases[i].start, strlen(cases[i].start)) != 0)
            fail_msg("%s: %s", cases[i].schema, error.text);
        assert_int_equal(error.code, ERROR_USAGE);
        assert_null(schema_compile(document, NULL)); /* the error may be left out */
        json_decref(document);
    }
}

static void tolerated(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"$schema\":\"http://example.com/unheard-of\"}",
        "{\"$schema\":\"http://json-schema.org/draft-04/"
        "schema#\",\"minimum\":1,\"exclusiveMinimum\":true}",
        "{\"format\":\"unheard-of\",\"x-extra\":[1,2]}",
        "{\"$defs\":{\"unused\":{\"$ref\":\"#/nowhere\"}}}", /* what nothing reaches is not read */
        "{\"prefixItems\":[]}",
        "{\"examples\":\"not an array\"}",
        "{\"required\":[]}",
        "{\"properties\":{}}",
        "{\"pattern\":\"\"}",
        "{\"pattern\":\"^(?P<year>[0-9]{4})\\\\Z\"}", /* Python */
        "{\"pattern\":\"(?i)abc\"}",
        "{\"then\":{\"type\":\"string\"}}",
        "{\"properties\":{\"child\":{\"$ref\":\"#\"}}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        json_t *document = load(cases[i]);
        struct schema *schema = schema_compile(document, &error);
        if (!schema)
            fail_msg("%s: %s", cases[i], error.text);
        schema_free(schema);
        json_decref(document);
    }
}

/* The schema keeps a copy: the document may go. */
static void the_document_is_copied(void **state)
{
    (void)state;
    char problem[100];
    json_t *document = load("{\"properties\":{\"a\":{\"enum\":[\"x\"]}}}");
    struct schema *schema = schema_compile(document, NULL);
    json_object_clear(document);
    json_decref(document);
    json_t *instance = load("{\"a\":\"y\"}");
    assert_false(schema_validate(schema, instance, problem, sizeof problem));
    json_decref(instance);
    schema_free(schema);
    schema_free(NULL);
}

static void deep_documents_are_refused(void **state)
{
    (void)state;
    json_t *document = json_object();
    struct error error = {0};
    for (int i = 0; i < 300; i++)
        document = json_pack("{s:o}", "items", document);
    assert_null(schema_compile(document, &error));
    assert_non_null(strstr(error.text, "deep"));
    json_decref(document);
}

static void large_documents_are_refused(void **state)
{
    (void)state;
    json_t *properties = json_object();
    struct error error = {0};
    for (int i = 0; i < 25000; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d", i);
        json_object_set_new(properties, name, json_object());
    }
    json_t *document = json_pack("{s:o}", "properties", properties);
    assert_null(schema_compile(document, &error));
    assert_non_null(strstr(error.text, "too large"));
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place),       cmocka_unit_test(tolerated),
        cmocka_unit_test(the_document_is_copied),      cmocka_unit_test(deep_documents_are_refused),
        cmocka_unit_test(large_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
