/* The memory phases of the built-in plan, and phases of several mixes. */
#include "testing.h"

#include "plan/options.h"

#define HEAD "target: http://127.0.0.1:1/mcp\nbase: validate\n"

static void load(struct plan *plan, const char *text)
{
    struct error error = {0};
    if (plan_parse(plan, "plan.yaml", text, strlen(text), &error) < 0)
        fail_msg("%s\n  %s", text, error.text);
}

static void assert_refused(const char *text, const char *part)
{
    struct plan plan;
    struct error error = {0};
    if (plan_parse(&plan, "plan.yaml", text, strlen(text), &error) == 0)
        fail_msg("taken, without \"%s\":\n%s", part, text);
    assert_contains(error.text, part);
    assert_int_equal(error.code, ERROR_USAGE);
}

static const struct phase *phase_of(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->phase_count; i++)
        if (strcmp(plan->phases[i].name, name) == 0)
            return &plan->phases[i];
    fail_msg("no phase %s", name);
    return NULL;
}

static const struct target_options *target_of(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->target_count; i++)
        if (strcmp(plan->targets[i].name, name) == 0)
            return &plan->targets[i];
    return NULL;
}

static void assert_threshold(const struct plan *plan, const char *text)
{
    for (size_t i = 0; i < plan->threshold_count; i++)
        if (strcmp(plan->thresholds[i].text, text) == 0)
            return;
    fail_msg("no threshold %s", text);
}

static void the_embedded_tiers_stand_in(void **state)
{
    (void)state;
    static const struct {
        const char *phase, *target, *driver;
        uint64_t operations;
    } rows[] = {{"memory-redis", "redis", "redis", 1000},
                {"memory-faiss", "faiss", "faiss", 300},
                {"memory-sqlite", "sqlite", "sqlite", 800},
                {"memory-cross", "cross", "cross_tier", 200}};
    struct plan plan;
    load(&plan, HEAD);
    for (size_t i = 0; i < 4; i++) {
        const struct phase *phase = phase_of(&plan, rows[i].phase);
        const struct target_options *target = target_of(&plan, rows[i].target);
        assert_int_equal(phase->operations, rows[i].operations);
        assert_string_equal(phase->mix, rows[i].target);
        assert_non_null(target);
        assert_null(target->url);
        assert_string_equal(target->driver, rows[i].driver);
        assert_int_equal(target->embedded, i < 3);
    }
    assert_true(phase_of(&plan, "memory-neo4j")->not_run);
    assert_contains(phase_of(&plan, "memory-neo4j")->not_run_reason, "--neo4j");
    assert_null(target_of(&plan, "neo4j"));
    char **tiers = target_of(&plan, "cross")->tiers;
    assert_string_equal(tiers[0], "redis");
    assert_string_equal(tiers[1], "faiss");
    assert_string_equal(tiers[2], "sqlite");
    assert_null(tiers[3]);
    assert_threshold(&plan, "errors{target=redis}<5%");
    assert_threshold(&plan, "recall{target=faiss}>=0.95");
    assert_threshold(&plan, "errors{target=faiss}<5%");
    assert_threshold(&plan, "errors{target=sqlite}<2%");
    assert_ptr_equal(target_of(&plan, "cross")->siblings, plan.targets);
    assert_int_equal(target_of(&plan, "cross")->sibling_count, plan.target_count);
    plan_free(&plan);
}

static void given_tiers_take_their_place(void **state)
{
    (void)state;
    struct plan plan;
    load(&plan, HEAD "tiers:\n"
                     "  redis: redis://127.0.0.1:7777/3\n"
                     "  neo4j: bolt://neo4j:secret@127.0.0.1:7687\n"
                     "  faiss: some/index.faiss\n"
                     "  sqlite: none\n"
                     "thresholds: [\"errors{target=neo4j}<1%\"]\n");
    assert_string_equal(target_of(&plan, "redis")->url, "redis://127.0.0.1:7777/3");
    assert_null(target_of(&plan, "redis")->driver);
    assert_string_equal(target_of(&plan, "neo4j")->url, "bolt://neo4j:secret@127.0.0.1:7687");
    assert_string_equal(target_of(&plan, "faiss")->url, "faiss:some/index.faiss");
    assert_null(target_of(&plan, "sqlite"));
    assert_int_equal(phase_of(&plan, "memory-neo4j")->operations, 500);
    assert_true(phase_of(&plan, "memory-sqlite")->not_run);
    assert_int_equal(string_list_length(target_of(&plan, "cross")->tiers), 3);
    assert_threshold(&plan, "errors{target=neo4j}<1%");
    assert_int_equal(plan.threshold_count, 3 + 1 + 2 + 1);
    char *text = print_plan(&plan);
    assert_contains(text, "bolt://");
    assert_null(strstr(text, "secret"));
    free(text);
    plan_free(&plan);
}

/* One on recall that was given, for this target or all, stands for the default. */
static void a_given_recall_replaces_the_default(void **state)
{
    (void)state;
    static const char *const given[] = {"recall>=0.5", "recall{target=fa*}>=0.5"};
    for (size_t i = 0; i < 2; i++) {
        struct plan plan;
        char text[200];
        snprintf(text, sizeof text, HEAD "thresholds: [\"%s\"]\n", given[i]);
        load(&plan, text);
        assert_threshold(&plan, given[i]);
        for (size_t t = 0; t < plan.threshold_count; t++)
            assert_string_not_equal(plan.thresholds[t].text, "recall{target=faiss}>=0.95");
        plan_free(&plan);
    }
    struct plan plan;
    load(&plan, HEAD "thresholds: [\"recall{target=other}>=0.5\"]\n");
    assert_threshold(&plan, "recall{target=faiss}>=0.95");
    plan_free(&plan);
}

/* A target, or a mix, that bears a tier's name is the plan's own word on it. */
static void a_plan_may_say_more_of_a_tier(void **state)
{
    (void)state;
    struct plan plan;
    load(&plan, "base: validate\n"
                "targets:\n"
                "  - {name: server, url: http://127.0.0.1:1/mcp}\n"
                "  - {name: redis, url: redis://127.0.0.1:1, options: {pipeline: 8}}\n"
                "  - {name: sqlite, driver: sqlite, embedded: true, options: {rows: 5}}\n"
                "mixes:\n"
                "  - {name: people}\n"
                "  - {name: redis, target: redis, requests: [{command: GET}]}\n");
    assert_int_equal(
        json_integer_value(json_object_get(target_of(&plan, "redis")->driver_options, "pipeline")),
        8);
    assert_int_equal(
        json_integer_value(json_object_get(target_of(&plan, "sqlite")->driver_options, "rows")), 5);
    assert_int_equal(plan.target_count, 5);
    assert_int_equal(plan.mixes[1].entry_count, 1);
    assert_string_equal(phase_of(&plan, "memory-redis")->mix, "redis");
    plan_free(&plan);
}

static void without_tiers_nothing_is_run(void **state)
{
    (void)state;
    struct plan plan;
    load(&plan, HEAD "tiers: none\n");
    assert_int_equal(plan.phase_count, 7);
    assert_true(phase_of(&plan, "memory")->not_run);
    assert_contains(phase_of(&plan, "memory")->not_run_reason, "wanted");
    assert_int_equal(plan.target_count, 1);
    assert_int_equal(plan.threshold_count, 3);
    plan_free(&plan);
    /* One tier alone has nothing to be crossed with. */
    load(&plan, HEAD "tiers: {redis: none, faiss: none}\n");
    assert_true(phase_of(&plan, "memory-cross")->not_run);
    assert_null(target_of(&plan, "cross"));
    plan_free(&plan);
}

static void flags_stand_over_the_plan(void **state)
{
    (void)state;
    struct run_options options;
    struct plan plan;
    struct error error = {0};
    char url[] = "neo4j://neo4j:hidden@127.0.0.1:1";
    char *argv[] = {
        (char *)"run",      (char *)"http://127.0.0.1:1/mcp", (char *)"--neo4j",      url,
        (char *)"--sqlite", (char *)"my notes?.db",           (char *)"--redis=none", NULL};
    assert_int_equal(run_options_parse(&options, &plan, 7, argv, &error), 0);
    assert_string_equal(target_of(&plan, "neo4j")->url, "neo4j://neo4j:hidden@127.0.0.1:1");
    assert_null(strstr(url, "hidden")); /* where anyone can read it */
    assert_string_equal(target_of(&plan, "sqlite")->url, "sqlite:my%20notes%3F.db");
    assert_null(target_of(&plan, "redis"));
    /* What is said of the target is not said of its tiers. */
    assert_int_equal(target_of(&plan, "neo4j")->header_count, 0);
    plan_free(&plan);
    run_options_free(&options);
    char *none[] = {(char *)"run",        (char *)"http://127.0.0.1:1/mcp",
                    (char *)"--no-tiers", (char *)"--header",
                    (char *)"X-A: b",     NULL};
    assert_int_equal(run_options_parse(&options, &plan, 5, none, &error), 0);
    assert_int_equal(plan.target_count, 1);
    plan_free(&plan);
    run_options_free(&options);
    char *alone[] = {(char *)"run",           (char *)"http://127.0.0.1:1/mcp",
                     (char *)"--redis",       (char *)"redis://127.0.0.1",
                     (char *)"--duration=1s", NULL};
    assert_int_equal(run_options_parse(&options, &plan, 5, alone, &error), -1);
    assert_contains(error.text, "--redis");
}

/* A password need not stand in a plan or on a command line. */
static void passwords_may_be_elsewhere(void **state)
{
    (void)state;
    struct plan plan;
    setenv("CICADA_TEST_PASSWORD", "a/b@c 1", 1);
    unsetenv("CICADA_TEST_NOTHING");
    load(&plan, HEAD "tiers: {neo4j: \"neo4j://me:$CICADA_TEST_PASSWORD@127.0.0.1:1/x?y=$z\"}\n");
    assert_string_equal(target_of(&plan, "neo4j")->url,
                        "neo4j://me:a%2Fb%40c%201@127.0.0.1:1/x?y=$z");
    plan_free(&plan);
    load(&plan, "target: \"redis://:${CICADA_TEST_PASSWORD}@h\"\nusers: 1\nduration: 1s\n");
    assert_string_equal(plan.targets[0].url, "redis://:a%2Fb%40c%201@h");
    plan_free(&plan);
    load(&plan, "target: \"redis://me:$$x@h\"\nusers: 1\nduration: 1s\n");
    assert_string_equal(plan.targets[0].url, "redis://me:%24x@h");
    plan_free(&plan);
    load(&plan, "target: \"redis://m$x:plain$x@h/$CICADA_TEST_NOTHING\"\nusers: 1\nduration: 1s\n");
    assert_string_equal(plan.targets[0].url, "redis://m$x:plain$x@h/$CICADA_TEST_NOTHING");
    plan_free(&plan);
    assert_refused("target: \"redis://me:$CICADA_TEST_NOTHING@h\"\nusers: 1\nduration: 1s\n",
                   "CICADA_TEST_NOTHING is not set");
}

static void phases_take_several_mixes(void **state)
{
    (void)state;
    struct plan plan;
    load(&plan, "targets:\n"
                "  - {name: one, url: http://127.0.0.1:1/mcp}\n"
                "  - {name: two, url: redis://127.0.0.1:1}\n"
                "mixes: [{name: a}, {name: b, target: two}]\n"
                "mix: b\n"
                "warmup: 1s\n"
                "phases:\n"
                "  - {users: 4, duration: 1s, mixes: [{mix: a, weight: 3}, b]}\n"
                "  - {users: 4, duration: 1s}\n");
    const struct phase *phase = &plan.phases[1];
    assert_null(phase->mix);
    assert_int_equal(phase->mix_count, 2);
    assert_string_equal(phase->mixes[0].name, "a");
    assert_true(phase->mixes[0].weight == 3);
    assert_true(phase->mixes[1].weight == 1);
    assert_int_equal(plan.phases[0].mix_count, 2); /* the warm-up does what it precedes */
    assert_string_equal(plan.phases[2].mix, "b");
    char *text = print_plan(&plan);
    struct plan again;
    load(&again, text);
    assert_int_equal(again.phases[1].mix_count, 2);
    assert_true(again.phases[1].mixes[0].weight == 3);
    free(text);
    plan_free(&again);
    plan_free(&plan);
}

#define TWO                                                                                        \
    "target: http://127.0.0.1:1/mcp\nmixes: [{name: a}, {name: b}]\n"                              \
    "phases:\n"

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    assert_refused(TWO "  - {users: 4, duration: 1s, mixes: [a, c]}\n",
                   "plan.yaml:4: phases[0].mixes[1]: there is no mix \"c\"");
    assert_refused(TWO "  - {users: 4, duration: 1s, mixes: [a, a]}\n", "stands there twice");
    assert_refused(TWO "  - {users: 1, duration: 1s, mixes: [a, b]}\n", "a user of its own");
    assert_refused(TWO "  - {users: 4, duration: 1s, mix: a, mixes: [a, b]}\n", "mix and mixes");
    assert_refused(TWO "  - {users: 4, duration: 1s, mixes: []}\n", "are empty");
    assert_refused(TWO "  - {users: 4, duration: 1s, mixes: [{weight: 2}]}\n", "needs a mix");
    assert_refused(TWO "  - {users: 4, duration: 1s, mixes: [{mix: a, weight: 0}]}\n", "weight");
    assert_refused(TWO "  - {users: 4, duration: 1s}\ntiers: none\n", "base: validate");
    assert_refused(HEAD "tiers: some\n", "must be none");
    assert_refused(HEAD "tiers: {redis: somewhere}\n", "tiers.redis: must be a URL, or none");
    assert_refused(HEAD "tiers: {redis: \"redis://:$CICADA_TEST_NOTHING@h\"}\n",
                   "tiers.redis: the environment variable");
    assert_refused("targets: [{name: x, driver: cross_tier, tiers: [y]}]\nusers: 1\n"
                   "duration: 1s\n",
                   "no other target \"y\"");
    assert_refused("targets: [{name: x, driver: null_, tiers: [x]}]\nusers: 1\nduration: 1s\n",
                   "cross_tier");
    assert_refused("targets: [{name: x, driver: neo4j, embedded: true}]\nusers: 1\n"
                   "duration: 1s\n",
                   "embedded");
    assert_refused("targets: [{name: x, driver: redis, embedded: true, url: redis://h}]\n"
                   "users: 1\nduration: 1s\n",
                   "cannot stand beside");
}

static void what_is_printed_means_the_same(void **state)
{
    (void)state;
    struct plan plan, again;
    load(&plan, HEAD);
    char *text = print_plan(&plan);
    load(&again, text);
    char *second = print_plan(&again);
    assert_string_equal(text, second);
    assert_int_equal(again.phase_count, plan.phase_count);
    assert_true(target_of(&again, "redis")->embedded);
    free(text);
    free(second);
    plan_free(&plan);
    plan_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_embedded_tiers_stand_in),
        cmocka_unit_test(given_tiers_take_their_place),
        cmocka_unit_test(a_given_recall_replaces_the_default),
        cmocka_unit_test(a_plan_may_say_more_of_a_tier),
        cmocka_unit_test(without_tiers_nothing_is_run),
        cmocka_unit_test(flags_stand_over_the_plan),
        cmocka_unit_test(passwords_may_be_elsewhere),
        cmocka_unit_test(phases_take_several_mixes),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(what_is_printed_means_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
