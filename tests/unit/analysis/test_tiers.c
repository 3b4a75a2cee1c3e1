/* The rules on tiers that refuse, are missing, or die. */
#include "analysis/judge.h"
#include "analysis/tiers.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One target "redis", one memory phase; `ok` operations and as many refused. */
static struct result *make(struct result *result, unsigned ok, unsigned refused)
{
    static const struct outcome fine = {.kind = OUTCOME_OK},
                                auth = {.kind = OUTCOME_SOURCE_ERROR, .detail = "auth"},
                                busy = {.kind = OUTCOME_SOURCE_ERROR, .detail = "BUSY"};
    result_init(result);
    result->target_count = 1;
    result->targets = calloc(1, sizeof *result->targets);
    result->targets[0].name = strdup("cache");
    result->targets[0].driver = strdup("redis");
    result->targets[0].facts = json_object();
    result->targets[0].operation_count = 1;
    result->targets[0].operations = calloc(1, sizeof *result->targets[0].operations);
    result->targets[0].operations[0].name = strdup("GET");
    result->phase_count = 1;
    result->phases = calloc(1, sizeof *result->phases);
    struct result_phase *phase = &result->phases[0];
    phase->name = strdup("memory-redis");
    phase->kind = strdup("memory");
    phase->duration_ns = NS_PER_S;
    phase->target_count = 1;
    phase->targets = calloc(1, sizeof *phase->targets);
    phase->targets[0].operation_count = 1;
    phase->targets[0].operations = calloc(1, sizeof *phase->targets[0].operations);
    struct measurement *measurement = &phase->targets[0].operations[0];
    measurement_init(measurement);
    measurement->started = ok + refused + 1;
    measurement_record(measurement, &busy, NS_PER_MS, NS_PER_MS);
    for (unsigned i = 0; i < ok; i++)
        measurement_record(measurement, &fine, NS_PER_MS, NS_PER_MS);
    for (unsigned i = 0; i < refused; i++)
        measurement_record(measurement, &auth, NS_PER_MS, NS_PER_MS);
    return result;
}

static void assert_only(const struct result *result, const char *rule, const char *text)
{
    assert_int_equal(result->finding_count, 1);
    assert_string_equal(result->findings[0].rule, rule);
    assert_int_equal(result->findings[0].verdict, VERDICT_FAIL);
    if (!strstr(result->findings[0].text, text))
        fail_msg("\"%s\" lacks \"%s\"", result->findings[0].text, text);
}

static void refused_credentials_say_what_to_do(void **state)
{
    (void)state;
    struct result result;
    assert_int_equal(tiers_judge(make(&result, 3, 7)), 0);
    assert_only(&result, "credentials", "7 of 11 operations failed with reason auth");
    assert_only(&result, "credentials", "redis://USER:PASSWORD@HOST");
    assert_int_equal(json_integer_value(json_object_get(result.findings[0].figures, "refused")), 7);
    result_free(&result);
    assert_int_equal(tiers_judge(make(&result, 3, 0)), 0); /* another error of the tier is none */
    assert_int_equal(result.finding_count, 0);
    result_free(&result);
}

static void a_missing_tier_fails_when_it_was_asked_for(void **state)
{
    (void)state;
    struct result result;
    make(&result, 3, 0);
    json_object_set_new(result.targets[0].facts, "unavailable", json_string("no such host"));
    json_object_set_new(result.targets[0].facts, "asked_for", json_false());
    assert_int_equal(tiers_judge(&result), 0);
    assert_int_equal(result.finding_count, 0);
    json_object_set_new(result.targets[0].facts, "asked_for", json_true());
    assert_int_equal(tiers_judge(&result), 0);
    assert_only(&result, "target_unavailable", "cache could not be used");
    assert_only(&result, "target_unavailable", "no such host");
    result_free(&result);
}

static void a_tier_that_dies_fails_its_phase(void **state)
{
    (void)state;
    struct result result;
    make(&result, 3, 0);
    result.phases[0].partial = true;
    assert_int_equal(tiers_judge(&result), 0);
    assert_only(&result, "tier_lost", "phase memory-redis was cut short");
    result_clear_findings(&result);
    result.partial = true; /* the whole run was: that is told elsewhere */
    assert_int_equal(tiers_judge(&result), 0);
    assert_int_equal(result.finding_count, 0);
    result_free(&result);
}

/* They decide the verdict and the exit code of a run without any threshold. */
static void they_fail_the_run(void **state)
{
    (void)state;
    struct result result;
    struct judge_options options = {.ended_by = RUN_COMPLETED};
    assert_int_equal(judge_result(make(&result, 0, 5), &options), 0);
    assert_int_equal(result.verdict, VERDICT_FAIL);
    assert_int_equal(result.exit_code, ERROR_VERDICT);
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_credentials_say_what_to_do),
        cmocka_unit_test(a_missing_tier_fails_when_it_was_asked_for),
        cmocka_unit_test(a_tier_that_dies_fails_its_phase),
        cmocka_unit_test(they_fail_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
