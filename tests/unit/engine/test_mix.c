/* What runs: globs, weights, categories, what is left out, behaviours with captures and checks. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char notices[4096];

static void keep_notice(void *context, const char *text)
{
    (void)context;
    strncat(notices, text, sizeof notices - strlen(notices) - 2);
    strcat(notices, "\n");
}

static void begin(struct fixture *fixture, const char *url)
{
    notices[0] = 0;
    fixture_init(fixture);
    fixture->observer.notice = keep_notice;
    fixture_target(fixture, "t", url);
    fixture->plan.mix_count = 1;
    fixture->mixes[0] = (struct mix){.name = (char *)"mix"};
}

static uint64_t started(const struct fixture *fixture, const char *name)
{
    return fixture_operation(fixture, 0, name)->started;
}

static void assert_ran(const struct fixture *fixture)
{
    if (fixture->ran < 0)
        fail_msg("%s", fixture->error.text);
}

static void weights_are_exact(void **state)
{
    (void)state;
    struct step steps[] = {{.kind = (char *)"tool", .name = (char *)"op0"},
                           {.kind = (char *)"tool", .name = (char *)"op[12]"},
                           {.kind = (char *)"ping"}};
    struct mix_entry entries[] = {{.weight = 5, .steps = &steps[0], .step_count = 1},
                                  {.weight = 2, .steps = &steps[1], .step_count = 1},
                                  {.weight = 1, .steps = &steps[2], .step_count = 1}};
    struct fixture fixture;
    begin(&fixture, "null://?operations=4");
    fixture.plan.workers = 2;
    fixture.mixes[0].entries = entries;
    fixture.mixes[0].entry_count = 3;
    fixture_phase(&fixture, "all", LOAD_CLOSED, 7, 0, 1000);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(fixture.result.targets[0].operation_count, 4); /* op3 is not in the mix */
    assert_int_equal(started(&fixture, "op0"), 500);
    assert_int_equal(started(&fixture, "op1"), 200);
    assert_int_equal(started(&fixture, "op2"), 200);
    assert_int_equal(started(&fixture, "ping"), 100);
    fixture_free(&fixture);
}

static void a_few_operations_cover_every_tool(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "null://?operations=126");
    struct phase *phase = fixture_phase(&fixture, "all", LOAD_CLOSED, 9, 0, 126);
    phase->in_flight_per_user = 3;
    fixture_run(&fixture);
    assert_ran(&fixture);
    for (size_t i = 0; i < 126; i++)
        assert_int_equal(fixture_phase_target(&fixture, 0)->operations[i].started, 1);
    fixture_free(&fixture);
}

static void users_are_dealt_to_categories_by_weight(void **state)
{
    (void)state;
    char *even[] = {(char *)"op0", (char *)"op2", NULL}, *odd[] = {(char *)"op1", NULL};
    struct category categories[] = {{.name = (char *)"even", .weight = 3, .globs = even},
                                    {.name = (char *)"odd", .weight = 1, .globs = odd},
                                    {.name = (char *)"none", .weight = 9, .globs = NULL}};
    struct fixture fixture;
    begin(&fixture, "null://?operations=3");
    fixture.mixes[0].categories = categories;
    fixture.mixes[0].category_count = 3;
    /* Paced users: each runs the same number of operations, so that shares of users show. */
    struct phase *phase = fixture_phase(&fixture, "all", LOAD_CLOSED, 8, 400 * NS_PER_MS, 0);
    phase->pace_ns = 10 * NS_PER_MS;
    fixture_run(&fixture);
    assert_ran(&fixture);
    uint64_t in_even = started(&fixture, "op0") + started(&fixture, "op2");
    uint64_t in_odd = started(&fixture, "op1");
    assert_in_range(in_even, 6 * 39, 6 * 40);
    assert_in_range(in_odd, 2 * 39, 2 * 40);
    assert_string_equal(fixture.result.targets[0].operations[0].category, "even");
    assert_string_equal(fixture.result.targets[0].operations[1].category, "odd");
    fixture_free(&fixture);
}

static void one_user_reaches_every_category(void **state)
{
    (void)state;
    char *zero[] = {(char *)"op0", NULL}, *one[] = {(char *)"op1", NULL};
    struct category categories[] = {{.name = (char *)"zero", .weight = 1, .globs = zero},
                                    {.name = (char *)"one", .weight = 1, .globs = one}};
    struct fixture fixture;
    begin(&fixture, "null://?operations=3");
    fixture.mixes[0].categories = categories;
    fixture.mixes[0].category_count = 2;
    fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 30);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, "op0"), 10);
    assert_int_equal(started(&fixture, "op1"), 10);
    assert_int_equal(started(&fixture, "op2"), 10); /* of the category of the rest */
    assert_string_equal(fixture.result.targets[0].operations[2].category, "tools");
    fixture_free(&fixture);
}

static void include_and_exclude_choose_tools(void **state)
{
    (void)state;
    char *include[] = {(char *)"op?", NULL}, *exclude[] = {(char *)"op[3-9]", NULL};
    struct fixture fixture;
    begin(&fixture, "null://?operations=12");
    fixture.mixes[0].include = include;
    fixture.mixes[0].exclude = exclude;
    fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 30);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(fixture.result.targets[0].operation_count, 3);
    fixture_free(&fixture);
}

static void an_entry_in_full_takes_a_tool_from_the_globs(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "null://?operations=4");
    struct step steps[] = {{.kind = (char *)"tool", .name = (char *)"*"},
                           {.kind = (char *)"tool", .name = (char *)"op2"}};
    struct mix_entry entries[] = {{.weight = 1, .steps = &steps[0], .step_count = 1},
                                  {.weight = 7, .steps = &steps[1], .step_count = 1}};
    fixture.mixes[0].entries = entries;
    fixture.mixes[0].entry_count = 2;
    fixture_phase(&fixture, "load", LOAD_CLOSED, 2, 0, 100);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(fixture.result.targets[0].operation_count, 4);
    assert_int_equal(fixture_operation(&fixture, 0, "op0")->started, 10);
    assert_int_equal(fixture_operation(&fixture, 0, "op2")->started, 70);
    fixture_free(&fixture);
}

static void what_destroys_needs_leave(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        struct fixture fixture;
        begin(&fixture, "null://?operations=2&destructive=1&undeclared=2");
        fixture.mixes[0].allow_destructive = allowed;
        fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 30);
        fixture_run(&fixture);
        assert_ran(&fixture);
        const struct result_target *target = &fixture.result.targets[0];
        assert_int_equal(target->operation_count, allowed ? 5 : 4);
        assert_int_equal(json_array_size(target->excluded), allowed ? 0 : 1);
        assert_int_equal(json_array_size(target->undeclared), 2);
        assert_non_null(strstr(notices, "undeclared0, undeclared1"));
        assert_int_equal(strstr(notices, "tool destructive0 is left out") != NULL, !allowed);
        fixture_free(&fixture);
    }
}

static void a_mix_with_nothing_to_run_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *name, *says;
    } cases[] = {
        {"tool", "opp*", "it offers op0, op1"},
        {"tool", "destructive*", "--allow-destructive"},
        {"prompt", "x", "offers nothing of the kind \"prompt\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct step step = {
            .kind = (char *)cases[i].kind, .name = (char *)cases[i].name, .where = "plan.yaml:7"};
        struct mix_entry entry = {.weight = 1, .steps = &step, .step_count = 1};
        struct fixture fixture;
        begin(&fixture, "null://?operations=2&destructive=1");
        fixture.mixes[0].entries = &entry;
        fixture.mixes[0].entry_count = 1;
        fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 30);
        fixture_run(&fixture);
        assert_int_equal(fixture.ran, -1);
        assert_int_equal(fixture.error.code, ERROR_USAGE);
        assert_non_null(strstr(fixture.error.text, cases[i].says));
        assert_non_null(strstr(fixture.error.text, "plan.yaml:7"));
        fixture_free(&fixture);
    }
}

static void the_same_operation_in_two_mixes_is_one(void **state)
{
    (void)state;
    json_t *arguments = json_pack("{s:i}", "a", 1);
    struct step steps[] = {{.kind = (char *)"tool", .name = (char *)"op0"},
                           {.kind = (char *)"tool", .name = (char *)"op0", .arguments = arguments}};
    struct mix_entry entries[] = {{.weight = 1, .steps = &steps[0], .step_count = 1},
                                  {.weight = 1, .steps = &steps[1], .step_count = 1}};
    struct fixture fixture;
    begin(&fixture, "null://?operations=2");
    fixture.plan.mix_count = 2;
    fixture.mixes[1] = (struct mix){.name = (char *)"other", .entries = entries, .entry_count = 2};
    fixture_phase(&fixture, "one", LOAD_CLOSED, 1, 0, 10);
    fixture_phase(&fixture, "two", LOAD_CLOSED, 1, 0, 10)->mix = (char *)"other";
    fixture_run(&fixture);
    assert_ran(&fixture);
    const struct result_target *target = &fixture.result.targets[0];
    assert_int_equal(target->operation_count, 3);
    assert_string_equal(target->operations[2].name, "op0 #2"); /* with arguments of its own */
    assert_string_equal(target->operations[2].arguments, "{\"a\":1}");
    assert_int_equal(fixture_operation(&fixture, 0, "op0")->started, 5);
    assert_int_equal(fixture_operation(&fixture, 1, "op0")->started, 5);
    fixture_free(&fixture);
    json_decref(arguments);
}

/* The null target answers with the arguments it was given, so that steps can be seen to pass values
 * on: the first makes one up, the second gets it by capture, a check proves what arrived. */
static void values_are_captured_and_checked(void **state)
{
    (void)state;
    json_t *first = json_pack("{s:{s:s}}", "made", "id", "${user:json}");
    json_t *second = json_pack("{s:s,s:s}", "got", "${capture.id:json}", "text", "n${capture.id}");
    json_t *one = json_integer(1), *text = json_string("n1");
    struct capture capture = {.name = (char *)"id", .pointer = (char *)"/made/id"};
    struct check checks[] = {{.pointer = (char *)"/got", .equals = one},
                             {.pointer = (char *)"/text", .equals = text}};
    struct step steps[] = {{.kind = (char *)"tool",
                            .name = (char *)"op0",
                            .arguments = first,
                            .captures = &capture,
                            .capture_count = 1},
                           {.kind = (char *)"tool",
                            .name = (char *)"op1",
                            .arguments = second,
                            .checks = checks,
                            .check_count = 2}};
    struct mix_entry entry = {.name = (char *)"b", .weight = 1, .steps = steps, .step_count = 2};
    struct fixture fixture;
    begin(&fixture, "null://?operations=2");
    fixture.mixes[0].entries = &entry;
    fixture.mixes[0].entry_count = 1;
    fixture_phase(&fixture, "all", LOAD_CLOSED, 2, 0, 40);
    fixture_run(&fixture);
    assert_ran(&fixture);
    /* User 1 passes its checks, user 2 fails them: its number is another. */
    const struct measurement *checked = fixture_operation(&fixture, 0, "op1");
    assert_int_equal(started(&fixture, "op0"), 20);
    assert_int_equal(checked->outcomes[OUTCOME_OK], 10);
    assert_int_equal(checked->outcomes[OUTCOME_CHECK_FAILED], 10);
    assert_string_equal(checked->reasons[0].outcome.detail, "check");
    fixture_free(&fixture);
    json_decref(first);
    json_decref(second);
    json_decref(one);
    json_decref(text);
}

static void on_error_abort_ends_the_iteration(void **state)
{
    (void)state;
    struct check check = {.pointer = (char *)"/nothing"};
    struct step steps[] = {
        {.kind = (char *)"tool", .name = (char *)"op0", .checks = &check, .check_count = 1},
        {.kind = (char *)"tool", .name = (char *)"op1"}};
    for (int aborts = 0; aborts < 2; aborts++) {
        struct mix_entry entry = {
            .name = (char *)"b", .weight = 1, .steps = steps, .step_count = 2};
        struct fixture fixture;
        steps[0].on_error = aborts ? STEP_ABORT : STEP_CONTINUE;
        begin(&fixture, "null://?operations=2");
        fixture.mixes[0].entries = &entry;
        fixture.mixes[0].entry_count = 1;
        fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 20);
        fixture_run(&fixture);
        assert_ran(&fixture);
        assert_int_equal(started(&fixture, "op0"), aborts ? 20 : 10);
        assert_int_equal(started(&fixture, "op1"), aborts ? 0 : 10);
        fixture_free(&fixture);
    }
}

/* Think time between the steps of a behaviour counts in no latency; in the open model an arrival is
 * one run of it. */
static void a_behaviour_arrives_as_one(void **state)
{
    (void)state;
    struct step steps[] = {{.kind = (char *)"tool",
                            .name = (char *)"op0",
                            .think_min_ns = 60 * NS_PER_MS,
                            .think_max_ns = 60 * NS_PER_MS},
                           {.kind = (char *)"tool", .name = (char *)"op1"}};
    struct mix_entry entry = {.name = (char *)"b", .weight = 1, .steps = steps, .step_count = 2};
    struct fixture fixture;
    begin(&fixture, "null://?operations=2");
    fixture.mixes[0].entries = &entry;
    fixture.mixes[0].entry_count = 1;
    fixture_phase(&fixture, "all", LOAD_OPEN, 100, 300 * NS_PER_MS, 0);
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(started(&fixture, "op0"), 30);
    assert_in_range(started(&fixture, "op1"), 20, 25); /* the last ones were still thinking */
    assert_true(fixture_operation(&fixture, 0, "op1")->latency_ok.min_ns < 60 * NS_PER_MS);
    fixture_free(&fixture);
}

static void a_seed_decides_what_runs(void **state)
{
    (void)state;
    char *texts[3];
    for (unsigned run = 0; run < 3; run++) {
        json_t *arguments = json_pack("{s:s,s:s}", "id", "${uuid}", "n", "${random(1,1000000)}");
        struct step step = {.kind = (char *)"tool", .name = (char *)"op*", .arguments = arguments};
        struct mix_entry entry = {.weight = 1, .steps = &step, .step_count = 1};
        struct fixture fixture;
        begin(&fixture, "null://?operations=5");
        fixture.plan.seed = run == 2 ? 43 : 42;
        fixture.mixes[0].entries = &entry;
        fixture.mixes[0].entry_count = 1;
        fixture_phase(&fixture, "all", LOAD_CLOSED, 1, 0, 5);
        fixture_run(&fixture);
        assert_ran(&fixture);
        json_t *answers = json_object();
        for (size_t i = 0; i < fixture.result.example_count; i++) {
            const struct example *example = &fixture.result.examples[i];
            assert_non_null(example->response);
            json_object_set_new(answers,
                                fixture.result.targets[0].operations[example->operation].name,
                                json_string(example->response));
        }
        assert_int_equal(json_object_size(answers), 5);
        texts[run] = json_dumps(answers, JSON_SORT_KEYS);
        json_decref(answers);
        json_decref(arguments);
        fixture_free(&fixture);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    for (unsigned run = 0; run < 3; run++)
        free(texts[run]);
}

static void phases_may_have_targets_of_their_own(void **state)
{
    (void)state;
    struct fixture fixture;
    struct measurement total;
    begin(&fixture, "null://?operations=2&sessions=1");
    fixture_target(&fixture, "u", "null://?operations=3&sessions=1");
    fixture.plan.mix_count = 2;
    fixture.mixes[1] = (struct mix){.name = (char *)"of u", .target = (char *)"u"};
    fixture_phase(&fixture, "one", LOAD_CLOSED, 3, 0, 20);
    fixture_phase(&fixture, "two", LOAD_CLOSED, 4, 0, 30)->mix = (char *)"of u";
    fixture_run(&fixture);
    assert_ran(&fixture);
    assert_int_equal(fixture_phase_target(&fixture, 0)->target, 0);
    assert_int_equal(fixture_phase_target(&fixture, 1)->target, 1);
    /* Each phase opened its sessions, and closed them: the next one is elsewhere. */
    assert_int_equal(fixture_phase_target(&fixture, 0)->setup.started, 6);
    assert_int_equal(fixture_phase_target(&fixture, 1)->setup.started, 8);
    fixture_total(&fixture, 1, &total);
    assert_int_equal(total.started, 30);
    measurement_free(&total);
    fixture_free(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_exact),
        cmocka_unit_test(a_few_operations_cover_every_tool),
        cmocka_unit_test(users_are_dealt_to_categories_by_weight),
        cmocka_unit_test(one_user_reaches_every_category),
        cmocka_unit_test(include_and_exclude_choose_tools),
        cmocka_unit_test(an_entry_in_full_takes_a_tool_from_the_globs),
        cmocka_unit_test(what_destroys_needs_leave),
        cmocka_unit_test(a_mix_with_nothing_to_run_is_refused),
        cmocka_unit_test(the_same_operation_in_two_mixes_is_one),
        cmocka_unit_test(values_are_captured_and_checked),
        cmocka_unit_test(on_error_abort_ends_the_iteration),
        cmocka_unit_test(a_behaviour_arrives_as_one),
        cmocka_unit_test(a_seed_decides_what_runs),
        cmocka_unit_test(phases_may_have_targets_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
