/* Operations recorded in one result, and the same dealt out to two generators: their merge equals
 * it. */
#include "metrics/merge.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS    4
#define OPERATIONS 2
#define START_NS   UINT64_C(1700000000000000000)

static void make_empty(struct result *result, const char *host, uint64_t started_wall_ns)
{
    result_init(result);
    result->host = strdup(host);
    result->plan_name = strdup("load");
    result->started_wall_ns = started_wall_ns;
    result->duration_ns = SECONDS * UINT64_C(1000000000);
    result->target_count = result->phase_count = 1;
    result->targets = calloc(1, sizeof *result->targets);
    result->targets[0].name = strdup("target");
    result->targets[0].driver = strdup("null");
    result->targets[0].operation_count = OPERATIONS;
    result->targets[0].operations = calloc(OPERATIONS, sizeof(struct result_operation));
    for (int o = 0; o < OPERATIONS; o++) {
        result->targets[0].operations[o].name = strdup(o ? "b" : "a");
        result->targets[0].operations[o].kind = strdup("tool");
    }
    result->phases = calloc(1, sizeof *result->phases);
    struct result_phase *phase = &result->phases[0];
    phase->name = strdup("load");
    phase->kind = strdup("peak");
    phase->duration_ns = result->duration_ns;
    phase->target_count = 1;
    phase->targets = calloc(1, sizeof *phase->targets);
    phase->targets[0].operation_count = OPERATIONS;
    phase->targets[0].operations = calloc(OPERATIONS, sizeof(struct measurement));
    for (int o = 0; o < OPERATIONS; o++)
        measurement_init(&phase->targets[0].operations[o]);
    measurement_init(&phase->targets[0].setup);
    for (int part = 0; part < PARTS; part++)
        histogram_init(&phase->targets[0].parts[part]);
    phase->targets[0].second_count = SECONDS;
    phase->targets[0].seconds = calloc(SECONDS, sizeof(struct second));
    for (uint32_t s = 0; s < SECONDS; s++) {
        struct second *second = &phase->targets[0].seconds[s];
        second->at_s = s;
        second->operation_count = OPERATIONS;
        second->operations = calloc(OPERATIONS, sizeof *second->operations);
        second->operations[1].operation = 1;
        histogram_init(&second->latency);
    }
    result->self = calloc(1, sizeof *result->self);
    result->self_count = 1;
}

static void record(struct result *result, uint32_t s, uint32_t o, const struct outcome *outcome,
                   uint64_t latency_ns)
{
    struct phase_target *target = &result->phases[0].targets[0];
    struct second *second = &target->seconds[s];
    struct second_operation *operation = &second->operations[o];
    target->operations[o].started++;
    measurement_record(&target->operations[o], outcome, latency_ns, latency_ns);
    second->started++;
    second->outcomes[outcome->kind]++;
    if (outcome->kind != OUTCOME_OK) {
        second->failed++;
        operation->failed++;
        return;
    }
    second->ok++;
    operation->ok++;
    histogram_record(&second->latency, latency_ns);
    /* latencies ascend within a test's second, so that buckets are appended in order */
    uint16_t index = histogram_coarse_index(latency_ns);
    if (!operation->bucket_count || operation->buckets[operation->bucket_count - 1] != index) {
        size_t count = ++operation->bucket_count;
        operation->buckets = reallocarray(operation->buckets, count, sizeof(uint16_t));
        operation->counts = reallocarray(operation->counts, count, sizeof(uint32_t));
        operation->buckets[count - 1] = index;
        operation->counts[count - 1] = 0;
    }
    operation->counts[operation->bucket_count - 1]++;
}

static void deal(struct result *whole, struct result *parts)
{
    struct random random;
    random_seed(&random, 4, 0);
    for (uint32_t s = 0; s < SECONDS; s++)
        for (uint64_t i = 0, latency = 1000; i < 500; i++) {
            uint32_t o = (uint32_t)random_below(&random, OPERATIONS);
            struct result *part = &parts[random_below(&random, 2)];
            struct outcome outcome = {.kind = OUTCOME_OK};
            if (random_below(&random, 10) == 0)
                outcome = (struct outcome){OUTCOME_JSONRPC_ERROR, -32602, "bad"};
            latency += random_below(&random, 20000);
            record(whole, s, o, &outcome, latency);
            record(part, s, o, &outcome, latency);
        }
}

static void assert_same_measurement(const struct measurement *a, const struct measurement *b)
{
    assert_int_equal(a->started, b->started);
    assert_memory_equal(a->outcomes, b->outcomes, sizeof a->outcomes);
    assert_int_equal(a->reason_count, b->reason_count);
    for (unsigned i = 0; i < a->reason_count; i++)
        assert_int_equal(a->reasons[i].count, b->reasons[i].count);
    assert_true(histogram_equal(&a->latency_ok, &b->latency_ok));
    assert_true(histogram_equal(&a->latency_failed, &b->latency_failed));
    assert_true(histogram_equal(&a->service_ok, &b->service_ok));
}

static void assert_same_second(const struct second *a, const struct second *b)
{
    assert_int_equal(a->at_s, b->at_s);
    assert_int_equal(a->started, b->started);
    assert_int_equal(a->ok, b->ok);
    assert_int_equal(a->failed, b->failed);
    assert_true(histogram_equal(&a->latency, &b->latency));
    for (size_t o = 0; o < OPERATIONS; o++) {
        const struct second_operation *x = &a->operations[o], *y = &b->operations[o];
        assert_int_equal(x->ok, y->ok);
        assert_int_equal(x->bucket_count, y->bucket_count);
        assert_memory_equal(x->buckets, y->buckets, x->bucket_count * sizeof *x->buckets);
        assert_memory_equal(x->counts, y->counts, x->bucket_count * sizeof *x->counts);
    }
}

static void parts_make_the_whole(void **state)
{
    struct result whole, parts[2];
    (void)state;
    make_empty(&whole, "one", START_NS);
    make_empty(&parts[0], "one", START_NS);
    make_empty(&parts[1], "two", START_NS);
    deal(&whole, parts);
    parts[1].self[0].cpu_utilisation = 0.97;
    assert_int_equal(result_merge(&parts[0], &parts[1], NULL), 0);
    const struct phase_target *a = &whole.phases[0].targets[0], *b = &parts[0].phases[0].targets[0];
    for (int o = 0; o < OPERATIONS; o++)
        assert_same_measurement(&a->operations[o], &b->operations[o]);
    assert_int_equal(b->second_count, SECONDS);
    for (int s = 0; s < SECONDS; s++)
        assert_same_second(&a->seconds[s], &b->seconds[s]);
    assert_int_equal(parts[0].phases[0].duration_ns, whole.phases[0].duration_ns);
    assert_int_equal(parts[0].self_count, 1);
    assert_true(parts[0].self[0].cpu_utilisation > 0.96);
    assert_string_equal(parts[0].host, "one, two");
    result_free(&whole);
    result_free(&parts[0]);
    result_free(&parts[1]);
}

static void seconds_are_aligned_by_the_wall_clock(void **state)
{
    struct result early, late;
    const struct outcome ok = {.kind = OUTCOME_OK};
    (void)state;
    make_empty(&early, "one", START_NS);
    make_empty(&late, "two", START_NS + 2000000000);
    record(&early, 2, 0, &ok, 1000000);
    record(&late, 0, 0, &ok, 2000000);
    assert_int_equal(result_merge(&late, &early, NULL), 0); /* whichever comes first */
    const struct phase_target *target = &late.phases[0].targets[0];
    assert_int_equal(target->second_count, SECONDS + 2);
    assert_int_equal(target->seconds[2].at_s, 2);
    assert_int_equal(target->seconds[2].ok, 2);
    assert_int_equal(late.started_wall_ns, START_NS);
    assert_int_equal(late.phases[0].start_ns, 0);
    assert_int_equal(late.phases[0].duration_ns, (SECONDS + 2) * UINT64_C(1000000000));
    result_free(&early);
    result_free(&late);
}

static void assert_merged_recall(const char *one, const char *two, const char *both)
{
    struct result a, b;
    make_empty(&a, "one", START_NS);
    make_empty(&b, "two", START_NS);
    a.targets[0].facts = json_loads(one, 0, NULL);
    b.targets[0].facts = json_loads(two, 0, NULL);
    json_t *wanted = json_loads(both, 0, NULL);
    assert_int_equal(result_merge(&a, &b, NULL), 0);
    char *text = json_dumps(a.targets[0].facts, JSON_COMPACT | JSON_SORT_KEYS);
    if (!json_equal(a.targets[0].facts, wanted))
        fail_msg("%s, not %s", text, both);
    free(text);
    json_decref(wanted);
    result_free(&a);
    result_free(&b);
}

#define ONE                                                                                        \
    "{\"recall\": {\"value\": 0.5, \"k\": 2, \"sample\": 2, \"searches\": 9, \"correct\": 2, "     \
    "\"wanted\": 4, \"fewest_correct\": 1, \"distribution\": [[1, 2]]}}"
#define TWO                                                                                        \
    "{\"recall\": {\"value\": 0.6875, \"k\": 2, \"sample\": 8, \"searches\": 8, \"correct\": 11, " \
    "\"wanted\": 16, \"fewest_correct\": 0, \"distribution\": [[2, 5], [1, 1], [0, 2]]}}"
#define NONE "{\"recall\": {\"value\": null, \"reason\": \"nothing was searched\"}}"

static void recall_adds_up(void **state)
{
    (void)state;
    assert_merged_recall(
        ONE, TWO,
        "{\"recall\": {\"value\": 0.65, \"k\": 2, \"sample\": 10, \"searches\": 17, \"correct\": "
        "13, "
        "\"wanted\": 20, \"fewest_correct\": 0, \"distribution\": [[2, 5], [1, 3], [0, 2]]}}");
    assert_merged_recall(ONE, NONE, ONE);
    assert_merged_recall(NONE, TWO, TWO);
    assert_merged_recall(NONE, NONE, NONE);
    assert_merged_recall(ONE, "{}", ONE);
    assert_merged_recall(
        ONE, "{\"recall\": {\"value\": 1.0, \"k\": 5, \"distribution\": [[5, 1]]}}",
        "{\"recall\": {\"value\": null, \"reason\": \"the results that were merged have another k "
        "each\"}}");
}

static void expect_refusal(struct result *a, struct result *b)
{
    struct error error = {0};
    assert_int_equal(result_merge(a, b, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    result_free(a);
    result_free(b);
}

static void what_does_not_belong_together_is_refused(void **state)
{
    struct result a, b;
    (void)state;
    for (int difference = 0; difference < 5; difference++) {
        make_empty(&a, "one", START_NS);
        make_empty(&b, "two", START_NS + 1);
        if (difference == 0)
            strcpy(b.targets[0].operations[1].name, "c");
        else if (difference == 1)
            strcpy(b.plan_name, "loaf");
        else if (difference == 2)
            strcpy(b.phases[0].name, "loaf");
        else if (difference == 3)
            b.started_wall_ns += UINT64_C(3600000000000);
        else
            b.phases[0].plan = json_pack("{s:i}", "users", 5);
        expect_refusal(&a, &b);
    }
    make_empty(&a, "one", START_NS);
    make_empty(&b, "one", START_NS);
    expect_refusal(&a, &b);
}

static void make_segment(struct result *result, const char *host, uint64_t offset_ns, int index,
                         int of)
{
    make_empty(result, host, START_NS + offset_ns);
    result->segment = json_pack("{s:i, s:[i]}", "of", of, "parts", index);
}

static void segments_make_the_whole_once_each(void **state)
{
    struct result a, b, c;
    (void)state;
    make_segment(&a, "one", 0, 2, 3);
    make_segment(&b, "two", 1, 1, 3);
    assert_int_equal(result_merge(&a, &b, NULL), 0);
    json_t *parts = json_pack("{s:i, s:[i, i]}", "of", 3, "parts", 1, 2);
    assert_true(json_equal(a.segment, parts));
    json_decref(parts);
    make_segment(&c, "three", 2, 3, 3);
    assert_int_equal(result_merge(&a, &c, NULL), 0);
    assert_null(a.segment); /* whole */
    result_free(&a);
}

static void segments_of_another_division_are_refused(void **state)
{
    struct result a, b;
    (void)state;
    make_segment(&a, "one", 0, 1, 2); /* the same part twice */
    make_segment(&b, "two", 1, 1, 2);
    expect_refusal(&a, &b);
    make_segment(&a, "one", 0, 1, 2);
    make_segment(&b, "two", 1, 2, 3);
    expect_refusal(&a, &b);
    make_segment(&a, "one", 0, 1, 2); /* a part, and a whole */
    make_empty(&b, "two", START_NS + 1);
    expect_refusal(&a, &b);
    make_segment(&a, "one", 0, 1, 2); /* nonsense */
    make_segment(&b, "two", 1, 7, 2);
    expect_refusal(&a, &b);
    make_segment(&a, "one", 0, 1, 2);
    make_empty(&b, "two", START_NS + 1);
    b.segment = json_pack("{s:s, s:i}", "of", "two", "parts", 1);
    expect_refusal(&a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(seconds_are_aligned_by_the_wall_clock),
        cmocka_unit_test(recall_adds_up),
        cmocka_unit_test(segments_make_the_whole_once_each),
        cmocka_unit_test(segments_of_another_division_are_refused),
        cmocka_unit_test(what_does_not_belong_together_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
