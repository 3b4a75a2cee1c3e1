/* Printing: what is printed parses back to the same plan. The examples and every YAML block of the
 * plan reference pass here too, so that neither can rot. */
#include "base/scrub.h"
#include "testing.h"

#include <dirent.h>
#include <unistd.h>

static const char *root;

/* print(parse(print(plan))) is print(plan), and the two plans agree where printing could hide it.
 */
static void assert_round_trip(const struct plan *plan)
{
    struct plan again;
    char *first = print_plan(plan);
    parse_plan(&again, first);
    char *second = print_plan(&again);
    if (strcmp(first, second) != 0)
        fail_msg("printed\n%s\nbut then\n%s", first, second);
    assert_int_equal(again.phase_count, plan->phase_count);
    for (size_t i = 0; i < plan->phase_count; i++) {
        const struct phase *a = &plan->phases[i], *b = &again.phases[i];
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->model, b->model);
        assert_int_equal(a->stepped, b->stepped);
        assert_int_equal(a->duration_ns, b->duration_ns);
        assert_int_equal(a->operations, b->operations);
        assert_int_equal(a->max_in_flight, b->max_in_flight);
        assert_int_equal(a->think_min_ns, b->think_min_ns);
        assert_int_equal(a->point_count, b->point_count);
        for (size_t j = 0; j < a->point_count; j++) {
            assert_int_equal(a->points[j].at_ns, b->points[j].at_ns);
            assert_true(a->points[j].level == b->points[j].level);
        }
    }
    assert_int_equal(again.mix_count, plan->mix_count);
    for (size_t i = 0; i < plan->mix_count; i++) {
        assert_int_equal(again.mixes[i].entry_count, plan->mixes[i].entry_count);
        assert_int_equal(again.mixes[i].category_count, plan->mixes[i].category_count);
    }
    assert_int_equal(again.target_count, plan->target_count);
    assert_int_equal(again.threshold_count, plan->threshold_count);
    assert_int_equal(again.alert_count, plan->alert_count);
    for (size_t i = 0; i < plan->alert_count; i++) {
        assert_ptr_equal(again.alerts[i].name, plan->alerts[i].name);
        assert_int_equal(again.alerts[i].metric, plan->alerts[i].metric);
        assert_true(again.alerts[i].threshold == plan->alerts[i].threshold);
        assert_true(again.alerts[i].clear == plan->alerts[i].clear);
        assert_int_equal(again.alerts[i].for_s, plan->alerts[i].for_s);
        assert_int_equal(again.alerts[i].abort, plan->alerts[i].abort);
    }
    free(first);
    free(second);
    plan_free(&again);
}

static void round_trip(const char *text)
{
    struct plan plan;
    parse_plan(&plan, text);
    assert_round_trip(&plan);
    plan_free(&plan);
}

static void plans_print_to_what_they_are(void **state)
{
    (void)state;
    round_trip("target: http://127.0.0.1:1/mcp\nbase: validate\n");
    round_trip(
        "target: http://127.0.0.1:1/mcp\nbase: validate\nalerts:\n"
        "  - {rule: high_response_time, metric: p99, threshold: 1.5s, clear: 900ms, for: 5s}\n"
        "  - {rule: high_error_rate, threshold: 0.7%, abort: true}\n"
        "  - {rule: latency_drift, metric: p50_ratio, threshold: 333%, clear_for: 2m}\n"
        "  - {rule: connection_errors, threshold: 5}\n");
    round_trip("target: http://127.0.0.1:1/mcp\nbase: validate\nquick: true\nusers: 7\n");
    round_trip(
        "phases:\n"
        "- {users: 5, duration: 1s}\n"
        "- {users: 5, operations: 10, duration: 1s}\n"
        "- {users: 5, operations: 10}\n"
        "- {users: 0..5, duration: 1500ms}\n"
        "- {rate: 100/min..33.3, duration: 7ns}\n"
        "- {users: 3..11, shape: steps, steps: 7, duration: 61s}\n"
        "- {rate: 3..11, shape: steps, steps: 7, duration: 61s}\n"
        "- {users: 3..11, shape: steps, steps: 1, duration: 1s}\n"
        "- {users: 3..11, shape: spike, duration: 61s}\n"
        "- {rate: 1..2, shape: sawtooth, teeth: 3, duration: 10s}\n"
        "- {users: 100, shape: soak, duration: 2h}\n"
        "- {points: [{at: 0, users: 1}, {at: 1s, users: 3}]}\n"
        "- {stepped: true, points: [{at: 0, users: 1}, {at: 1s, users: 3}]}\n"
        "- {stepped: true, points: [{at: 0, rate: 1}, {at: 0, rate: 3}, {at: 1s, rate: 0}]}\n"
        "- {kind: idle, duration: 1s}\n"
        "- {kind: memory, not_run: \"no: reason # at all\"}\n"
        "- {kind: recovery, users: 1, duration: 1s, think_time: 1us..2us, in_flight: 9}\n");
    round_trip("users: 1\nduration: 1s\ntools: [a, {name: \"*\", weight: 0.1, think_time: 1s, "
               "checks: [\"\", {pointer: /a, equals: [1.0, 1, \"1\", null, {}]}], arguments: {}}]\n"
               "requests: [ping, {kind: tool-like, name: tool-like, weight: 3, arguments: [1]}]\n");
}

static void odd_texts_survive(void **state)
{
    (void)state;
    round_trip("name: \"null\"\nusers: 1\nduration: 1s\n"
               "target: {url: 'http://h/?a=b&c=%20#x', headers: {X-A: \" lead\", X-B: 'a: b # c',"
               " X-C: \"\\u00e9\\U0001F600 $$HOME\", X-D: '', X-E: '@@x', X-F: 'true'}}\n"
               "tags: {\"a b\": \"tab\\there\", c: \"1\", \"~\": \"*x\", \"k: v\": "
               "\"\\x7f\\x85\\u2028\"}\n"
               "tools: [{name: \"it's \\\"quoted\\\" \\\\ \\n\", arguments: {\"a\\u2028b\": "
               "\"\\uFEFF\"}}]\n");
    round_trip("users: 1\nduration: 1s\ntarget: {command: ['a b', '', 'c\"d', '$x', '@y'], "
               "env: {A: '', B: 'x=y', C: '$$', D: '  '}}\n");
}

static void secrets_do_not_print(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan,
               "users: 1\nduration: 1s\ntargets:\n"
               "  - {name: a, url: 'http://me:hidden-one@h/?token=hidden-two&x=1', "
               "headers: {Authorization: Bearer hidden-three, X-Note: see hidden-three}}\n"
               "  - {name: b, command: [srv, --api-key=hidden-four, --password, hidden-five],"
               " env: {API_TOKEN: hidden-six, NOTE: hidden-six!}}\n");
    char *text = print_plan(&plan);
    assert_null(strstr(text, "hidden"));
    assert_contains(text, "Authorization: \"***\"");
    assert_contains(text, "X-Note: \"see ***\"");
    assert_contains(text, "--api-key=***");
    assert_contains(text, "x=1");
    assert_string_equal(plan.targets[0].header_values[0], "Bearer hidden-three");
    free(text);
    assert_round_trip(&plan);
    plan_free(&plan);
    scrub_forget_all();
}

static void a_full_buffer_is_an_error(void **state)
{
    struct plan plan;
    struct buffer output;
    (void)state;
    parse_plan(&plan, "users: 1\nduration: 1s\n");
    buffer_init(&output, 20);
    assert_int_equal(plan_print(&plan, &output), -1);
    buffer_free(&output);
    plan_free(&plan);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open %s", path);
    char *text = calloc(1, (size_t)1 << 20);
    assert_true(fread(text, 1, ((size_t)1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void examples_are_plans(void **state)
{
    char folder[4096];
    struct dirent *entry;
    unsigned count = 0;
    (void)state;
    snprintf(folder, sizeof folder, "%s/examples", root);
    assert_int_equal(chdir(folder), 0); /* printed paths are relative to here */
    DIR *directory = opendir(".");
    while ((entry = readdir(directory))) {
        struct plan plan;
        struct error error = {0};
        if (!strstr(entry->d_name, ".yaml"))
            continue;
        if (plan_load(&plan, entry->d_name, &error) < 0)
            fail_msg("%s", error.text);
        assert_round_trip(&plan);
        plan_free(&plan);
        count++;
    }
    closedir(directory);
    assert_true(count >= 4);
}

/* A block that says nothing of a load is about something else: it gets one. */
static bool says_load(const char *block)
{
    static const char *const words[] = {"phases:", "users:", "rate:", "base:", "points:"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(block, words[i]);
        while (at && at != block && at[-1] != '\n')
            at = strstr(at + 1, words[i]);
        if (at)
            return true;
    }
    return false;
}

static void blocks_of_the_reference_are_plans(void **state)
{
    char path[4096];
    unsigned count = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/docs/plan.md", root);
    char *text = read_text(path);
    setenv("MCP_TOKEN", "an-example", 1);
    snprintf(path, sizeof path, "%s/examples", root);
    assert_int_equal(chdir(path), 0);
    for (char *at = text; (at = strstr(at, "```yaml\n"));) {
        char *block = at + 8, *end = strstr(block, "```"), *whole;
        assert_non_null(end);
        at = end + 3;
        *end = '\0';
        assert_true(asprintf(&whole, "%s%s", block, says_load(block) ? "" : "base: validate\n") >
                    0);
        round_trip(whole);
        free(whole);
        count++;
    }
    free(text);
    scrub_forget_all();
    assert_true(count >= 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_print_to_what_they_are),
                                       cmocka_unit_test(odd_texts_survive),
                                       cmocka_unit_test(secrets_do_not_print),
                                       cmocka_unit_test(a_full_buffer_is_an_error),
                                       cmocka_unit_test(examples_are_plans),
                                       cmocka_unit_test(blocks_of_the_reference_are_plans)};
    if (argc < 2) {
        fprintf(stderr, "usage: %s SOURCE_ROOT\n", argv[0]);
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
