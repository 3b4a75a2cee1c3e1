/* The generator: what it prefers, that it repeats itself, how it ends, and how it says that
 * something is impossible. That what it makes is valid is checked at scale in tests/schema. */
#include "mcp/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

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

/* As JSON text; NULL with an error. */
static char *generate(const char *schema_text, uint64_t seed, enum schema_generate_style style,
                      struct error *error)
{
    struct schema *schema = compile(schema_text);
    struct random random;
    random_seed(&random, seed, 1);
    json_t *value = schema_generate(schema, &random, style, error);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    char problem[300];
    if (value)
        assert_true(schema_validate(schema, value, problem, sizeof problem));
    json_decref(value);
    schema_free(schema);
    return text;
}

static void simple_style(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *value;
    } cases[] = {
        {"{\"const\":{\"a\":[1]}}", "{\"a\":[1]}"},
        {"{\"enum\":[\"x\",\"y\"]}", "\"x\""},
        {"{\"enum\":[\"x\",\"yy\"],\"minLength\":2}", "\"yy\""},
        {"{\"type\":\"string\",\"examples\":[\"first\",\"second\"],\"default\":\"d\"}",
         "\"first\""},
        {"{\"type\":\"string\",\"default\":\"d\"}", "\"d\""},
        {"{\"type\":\"integer\",\"maximum\":5,\"minimum\":5,\"default\":99}", "5"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"default\":1},\"b\":{\"type\":\"string\"},"
         "\"c\":{\"examples\":[true]},\"d\":{\"default\":null}}}",
         "{\"a\":1,\"c\":true}"},
        {"{\"type\":\"object\",\"properties\":{\"z\":{\"const\":1},\"a\":{\"const\":2}},"
         "\"required\":[\"a\",\"z\"]}",
         "{\"z\":1,\"a\":2}"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"const\":3}]}", "3"},
        {"{\"$defs\":{\"x\":{\"default\":\"far\"}},\"properties\":{\"p\":{\"$ref\":\"#/$defs/x\"}},"
         "\"type\":\"object\"}",
         "{\"p\":\"far\"}"},
        {"{\"type\":\"object\"}", "{}"},
        {"{\"type\":\"array\",\"maxItems\":0}", "[]"},
        {"{\"allOf\":[{\"type\":\"integer\",\"minimum\":3},{\"maximum\":3}]}", "3"},
        {"{\"oneOf\":[{\"const\":1},{\"const\":1},{\"const\":2}]}", "2"},
        {"{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"const\":1},\"b\":{"
         "\"const\":2}},"
         "\"dependentRequired\":{\"a\":[\"b\"]}}",
         "{\"a\":1,\"b\":2}"},
        {"{\"type\":\"boolean\",\"not\":{\"const\":true}}", "false"},
        {"{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":2,\"items\":{\"type\":\"boolean\"}"
         "}",
         "[true,false]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        char *text = generate(cases[i].schema, i, SCHEMA_GENERATE_SIMPLE, &error);
        if (!text)
            fail_msg("%s: %s", cases[i].schema, error.text);
        assert_string_equal(text, cases[i].value);
        free(text);
    }
}

static const char *const rich =
    "{\"type\":\"object\",\"required\":[\"id\",\"tags\",\"score\",\"when\"],\"properties\":{"
    "\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"tags\":{\"type\":\"array\",\"minItems\":2,"
    "\"items\":{\"type\":\"string\",\"pattern\":\"^[a-z]{3,8}$\"}},\"score\":{\"type\":\"number\","
    "\"minimum\":0,"
    "\"maximum\":10},\"when\":{\"type\":\"string\",\"format\":\"date-time\"},\"note\":{\"type\":"
    "\"string\"},"
    "\"level\":{\"enum\":[1,2,3]}}}";

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    for (int style = 0; style < 2; style++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            char *one = generate(rich, seed, (enum schema_generate_style)style, NULL);
            char *two = generate(rich, seed, (enum schema_generate_style)style, NULL);
            char *other = generate(rich, seed + 1, (enum schema_generate_style)style, NULL);
            assert_string_equal(one, two);
            assert_string_not_equal(one, other);
            free(one);
            free(two);
            free(other);
        }
}

static void optional_properties_come_and_go(void **state)
{
    (void)state;
    unsigned with_note = 0, with_level = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        char *text = generate(rich, seed, SCHEMA_GENERATE_VARIED, NULL);
        with_note += strstr(text, "\"note\"") != NULL;
        with_level += strstr(text, "\"level\"") != NULL;
        free(text);
        text = generate(rich, seed, SCHEMA_GENERATE_SIMPLE, NULL);
        assert_null(strstr(text, "\"note\""));
        free(text);
    }
    assert_in_range(with_note, 20, 80);
    assert_in_range(with_level, 20, 80);
}

static void ranges_are_explored(void **state)
{
    (void)state;
    bool lowest = false, highest = false, shortest = false, longest = false;
    for (uint64_t seed = 0; seed < 200; seed++) {
        char *text = generate("{\"type\":\"integer\",\"minimum\":-3,\"maximum\":500}", seed,
                              SCHEMA_GENERATE_VARIED, NULL);
        lowest |= strcmp(text, "-3") == 0;
        highest |= strcmp(text, "500") == 0;
        free(text);
        text = generate("{\"type\":\"string\",\"minLength\":2,\"maxLength\":9}", seed,
                        SCHEMA_GENERATE_VARIED, NULL);
        shortest |= strlen(text) == 2 + 2;
        longest |= strlen(text) == 9 + 2;
        free(text);
    }
    assert_true(lowest && highest && shortest && longest);
}

/* A number without bounds of note stays small, also where a library writes 2^53 for "no bound". */
static void numbers_stay_sensible(void **state)
{
    (void)state;
    for (int style = 0; style < 2; style++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            char *text =
                generate("{\"type\":\"object\",\"required\":[\"duration\",\"n\"],\"properties\":{"
                         "\"duration\":{\"type\":\"number\"},\"n\":{\"type\":\"integer\","
                         "\"minimum\":-9007199254740991,\"maximum\":9007199254740991}}}",
                         seed, (enum schema_generate_style)style, NULL);
            json_t *value = json_loads(text, 0, NULL);
            double duration = json_number_value(json_object_get(value, "duration"));
            assert_true(duration >= 1 && duration <= 2);
            assert_in_range(json_integer_value(json_object_get(value, "n")), 1, 100);
            json_decref(value);
            free(text);
        }
}

static unsigned depth_of(const json_t *value)
{
    unsigned deepest = 0;
    const char *name;
    json_t *member;
    size_t index;
    json_object_foreach((json_t *)value, name, member) if (depth_of(member) > deepest) deepest =
        depth_of(member);
    json_array_foreach((json_t *)value, index, member) if (depth_of(member) > deepest) deepest =
        depth_of(member);
    return deepest + 1;
}

static void recursion_ends(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},\"kids\":{\"type\":"
        "\"array\","
        "\"items\":{\"$ref\":\"#\"}}},\"required\":[\"v\",\"kids\"]}",
        "{\"$defs\":{\"e\":{\"anyOf\":[{\"type\":\"object\",\"required\":[\"l\",\"r\"],"
        "\"properties\":{"
        "\"l\":{\"$ref\":\"#/$defs/e\"},\"r\":{\"$ref\":\"#/$defs/e\"}}},{\"type\":\"integer\"}]}},"
        "\"$ref\":\"#/$defs/e\"}",
    };
    for (size_t i = 0; i < 2; i++)
        for (int style = 0; style < 2; style++)
            for (uint64_t seed = 0; seed < 20; seed++) {
                char *text = generate(schemas[i], seed, (enum schema_generate_style)style, NULL);
                json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
                assert_in_range(depth_of(value), 1, 12);
                json_decref(value);
                free(text);
            }
}

static void impossible_schemas_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *start;
    } cases[] = {
        {"false", "at /: nothing is allowed here"},
        {"{\"type\":\"object\",\"required\":[\"x\"],\"properties\":{\"x\":{\"type\":\"integer\","
         "\"minimum\":5,"
         "\"maximum\":3}}}",
         "at /properties/x: no integer is at least 5 and at most 3"},
        {"{\"type\":\"integer\",\"exclusiveMinimum\":1,\"exclusiveMaximum\":2}",
         "at /: no integer is above 1 and below 2"},
        {"{\"type\":\"integer\",\"multipleOf\":10,\"minimum\":11,\"maximum\":19}",
         "at /: no multiple of 10"},
        {"{\"type\":\"string\",\"minLength\":5,\"maxLength\":4}",
         "at /: minLength 5 is above maxLength 4"},
        {"{\"type\":\"string\",\"minLength\":100000000}", "at /: minLength 100000000 is more than"},
        {"{\"type\":\"string\",\"pattern\":\"^a{3}$\",\"maxLength\":2}",
         "at /: no string was found that matches pattern \"^a{3}$\""},
        {"{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}",
         "at /: minItems 3 is above maxItems 2"},
        {"{\"type\":\"array\",\"minItems\":100000000}", "at /: minItems 100000000 is more than"},
        {"{\"type\":\"array\",\"minItems\":3,\"uniqueItems\":true,\"items\":{\"enum\":[1,2]}}",
         "at /items: no value of enum"},
        {"{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"maxProperties\":1}",
         "at /: 2 properties are needed, and maxProperties is 1"},
        {"{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false}",
         "at /additionalProperties: nothing is allowed here"},
        {"{\"type\":\"object\",\"minProperties\":1000000000}",
         "at /: minProperties 1000000000 is more"},
        {"{\"allOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}",
         "at /allOf/1: no type meets"},
        {"{\"type\":\"string\",\"enum\":[1,2]}", "at /: no value of enum meets"},
        {"{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"$ref\":\"#\"}}}",
         "at /: no finite value is valid"},
        {"{\"not\":{}}", "at /"},
        {"{\"type\":\"string\",\"format\":\"uuid\",\"maxLength\":8}", "at /: no string was found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int style = 0; style < 2; style++) {
            struct error error = {0};
            char *text = generate(cases[i].schema, 1, (enum schema_generate_style)style, &error);
            if (text)
                fail_msg("%s gave %s", cases[i].schema, text);
            if (strncmp(error.text, cases[i].start, strlen(cases[i].start)) != 0)
                fail_msg("%s: %s", cases[i].schema, error.text);
            assert_null(generate(cases[i].schema, 1, (enum schema_generate_style)style, NULL));
        }
}

/* An optional property that cannot be made is left out; one branch that cannot be is passed over.
 */
static void the_impossible_is_avoided(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{\"a\":{\"default\":1,\"type\":\"string\","
        "\"minLength\":9,\"maxLength\":1}}}",
        "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":2,\"maximum\":1},{\"type\":\"boolean\"}]}",
        "{\"type\":\"array\",\"items\":false}",
        "{\"type\":\"array\",\"items\":{\"enum\":[1]},\"uniqueItems\":true}",
    };
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        for (int style = 0; style < 2; style++)
            for (uint64_t seed = 0; seed < 20; seed++) {
                struct error error = {0};
                char *text = generate(schemas[i], seed, (enum schema_generate_style)style, &error);
                if (!text)
                    fail_msg("%s: %s", schemas[i], error.text);
                free(text);
            }
}

/* Twelve choices of which all but the last combination contradict: found, not guessed. */
static void choices_are_searched(void **state)
{
    (void)state;
    json_t *all = json_array();
    for (int i = 0; i < 6; i++)
        json_array_append_new(
            all, json_pack("{s:[{s:i},{s:i}]}", "anyOf", "maximum", -1 - i, "minimum", 10 + i));
    json_array_append_new(all, json_pack("{s:i}", "minimum", 0));
    json_t *document = json_pack("{s:s, s:o}", "type", "integer", "allOf", all);
    char *text = json_dumps(document, 0), *value = generate(text, 3, SCHEMA_GENERATE_SIMPLE, NULL);
    assert_non_null(value);
    free(value);
    free(text);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_style),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(optional_properties_come_and_go),
        cmocka_unit_test(ranges_are_explored),
        cmocka_unit_test(numbers_stay_sensible),
        cmocka_unit_test(recursion_ends),
        cmocka_unit_test(impossible_schemas_are_explained),
        cmocka_unit_test(the_impossible_is_avoided),
        cmocka_unit_test(choices_are_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
