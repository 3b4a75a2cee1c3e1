/* The published schema accepts what is written, and only that. */
#include "fixture.h"

#include "analysis/judge.h"
#include "mcp/schema.h"
#include "report/result_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct schema *schema;

static json_t *make_document(void)
{
    static const struct judge_threshold thresholds[] = {
        {.text = "p99<500ms", .figure = JUDGE_PERCENTILE, .fraction = 0.99, .value = 5e8},
        {.text = "rate{phase=peak}>10/s",
         .figure = JUDGE_RATE,
         .compare = JUDGE_GREATER,
         .value = 10,
         .phase = "peak"}};
    struct judge_options options = {
        .thresholds = thresholds,
        .threshold_count = 2,
        .minimum_sample = 5,
        .alerts = {{"high_error_rate", ALERT_ERRORS, false, 0.001, 0.0005, 2, 2, false}},
        .alert_count = 1};
    struct result result;
    struct error error = {0};
    fixture_make(&result, &FIXTURE_DEFAULT);
    assert_int_equal(judge_result(&result, &options), 0);
    json_t *document = result_to_json(&result, &error);
    assert_non_null(document);
    /* Through text, as a reader would get it: 1.0 and 1 are not told apart before. */
    char *text = json_dumps(document, 0);
    json_decref(document);
    document = json_loads(text, 0, NULL);
    free(text);
    result_free(&result);
    return document;
}

static void what_is_written_is_valid(void **state)
{
    (void)state;
    char problem[512];
    json_t *document = make_document();
    if (!schema_validate(schema, document, problem, sizeof problem))
        fail_msg("%s", problem);
    json_decref(document);
}

static void the_empty_result_is_valid(void **state)
{
    (void)state;
    char problem[512];
    struct result result;
    struct error error = {0};
    result_init(&result);
    json_t *document = result_to_json(&result, &error);
    if (!schema_validate(schema, document, problem, sizeof problem))
        fail_msg("%s", problem);
    json_decref(document);
}

/* Every object on the way down takes no member it does not know, where the format is closed. */
static void nothing_unknown_gets_in(void **state)
{
    (void)state;
    static const char *const paths[][8] = {
        {NULL},
        {"targets", "0", NULL},
        {"targets", "0", "operations", "1", NULL},
        {"phases", "0", NULL},
        {"phases", "0", "figures", NULL},
        {"phases", "0", "figures", "p50", NULL},
        {"phases", "0", "targets", "1", NULL},
        {"phases", "0", "targets", "1", "parts", NULL},
        {"phases", "0", "targets", "1", "operations", "0", NULL},
        {"phases", "0", "targets", "1", "operations", "0", "outcomes", NULL},
        {"phases", "0", "targets", "1", "operations", "0", "latency_ok", NULL},
        {"phases", "0", "targets", "1", "seconds", "2", NULL},
        {"self", "0", NULL},
        {"watch", "0", NULL},
        {"examples", "0", NULL},
        {"findings", "0", NULL},
        {"judging", NULL},
        {"judging", "thresholds", "0", NULL},
        {"judging", "alerts", "0", NULL},
        {"alerts", "0", NULL},
        {"alerts", "0", "at_peak", NULL},
        {"recommendations", "0", NULL},
    };
    char problem[512];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        json_t *document = make_document(), *at = document;
        for (const char *const *step = paths[i]; *step; step++)
            at = json_is_array(at) ? json_array_get(at, (size_t)atoi(*step))
                                   : json_object_get(at, *step);
        assert_true(json_is_object(at));
        json_object_set_new(at, "surprise", json_integer(1));
        if (schema_validate(schema, document, problem, sizeof problem))
            fail_msg("a surprise at place %zu was let in", i);
        json_decref(document);
    }
}

static int load(void **state)
{
    (void)state;
    struct error error = {0};
    json_error_t problem;
    json_t *document = json_load_file(SCHEMA_FILE, 0, &problem);
    schema = document ? schema_compile(document, &error) : NULL;
    if (!schema)
        print_error("%s: %s\n", SCHEMA_FILE, document ? error.text : problem.text);
    json_decref(document);
    return schema ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    schema_free(schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_valid),
        cmocka_unit_test(the_empty_result_is_valid),
        cmocka_unit_test(nothing_unknown_gets_in),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
